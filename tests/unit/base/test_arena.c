/* Memory that is freed at once: sizes on every border, alignment, and what it was begun with. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/arena.h"

struct piece {
	unsigned char *at;
	size_t len;
	unsigned char mark;
};

static void write_mark(struct piece *p)
{
	memset(p->at, p->mark, p->len);
}

static void check_mark(const struct piece *p)
{
	for (size_t i = 0; i < p->len; i++)
		assert_int_equal(p->at[i], p->mark);
}

/* Pieces of each size around `middle`, all in one arena, none of which touches another. */
static void fill(struct gh__arena *a, size_t middle, size_t around)
{
	enum { MAX = 200 };
	struct piece pieces[MAX];
	size_t n = 0;

	for (size_t len = middle - around; len <= middle + around && n < MAX; len++, n++) {
		pieces[n] = (struct piece){ gh__arena_get(a, len), len, (unsigned char)(n + 1) };
		assert_non_null(pieces[n].at);
		assert_int_equal((uintptr_t)pieces[n].at % 16, 0);
		write_mark(pieces + n);
	}
	for (size_t i = 0; i < n; i++)
		check_mark(pieces + i);
}

static void a_piece_of_any_size_is_whole_and_aligned(void **state)
{
	static const size_t middles[] = { 41, 512, 1024, 2000, 2048, 4080, 4096, 65536 };
	struct gh__arena a;

	(void)state;
	for (size_t i = 0; i < GH_COUNT_OF(middles); i++) {
		gh__arena_init(&a, NULL, 0);
		fill(&a, middles[i], 40);
		gh__arena_finish(&a);
	}
}

static void many_small_pieces_share_blocks_and_stay_apart(void **state)
{
	enum { COUNT = 5000 };
	struct piece *pieces = calloc(COUNT, sizeof *pieces);
	struct gh__arena a;

	(void)state;
	gh__arena_init(&a, NULL, 0);
	for (size_t i = 0; i < COUNT; i++) {
		size_t len = 1 + i * 7 % 97;
		pieces[i] = (struct piece){ gh__arena_get(&a, len), len, (unsigned char)(i | 1) };
		write_mark(pieces + i);
	}
	for (size_t i = 0; i < COUNT; i++)
		check_mark(pieces + i);
	gh__arena_finish(&a);
	free(pieces);
}

static void the_memory_it_begins_with_is_used_first(void **state)
{
	_Alignas(16) char room[256];
	struct gh__arena a;

	(void)state;
	gh__arena_init(&a, room, sizeof room);
	char *first = gh__arena_get(&a, 1);
	char *second = gh__arena_get(&a, 240);
	assert_ptr_equal(first, room);
	assert_ptr_equal(second, room + 16);
	/* It is full to the last byte: the next is a block's. */
	char *third = gh__arena_get(&a, 1);
	assert_true(third < room || third >= room + sizeof room);
	gh__arena_finish(&a);
}

static void memory_that_is_not_aligned_loses_its_edge_alone(void **state)
{
	_Alignas(16) char room[128];
	struct gh__arena a;

	(void)state;
	for (size_t off = 1; off < 16; off++) {
		gh__arena_init(&a, room + off, sizeof room - off);
		char *p = gh__arena_get(&a, sizeof room - 16);
		assert_ptr_equal(p, room + 16);
		gh__arena_finish(&a);
	}
	/* Less than the edge: as if there were none. */
	gh__arena_init(&a, room + 1, 7);
	char *p = gh__arena_get(&a, 1);
	assert_true(p < room || p >= room + sizeof room);
	gh__arena_finish(&a);
}

static void a_large_piece_leaves_the_room_of_the_block_in_use(void **state)
{
	struct gh__arena a;

	(void)state;
	gh__arena_init(&a, NULL, 0);
	char *before = gh__arena_get(&a, 16);
	char *large = gh__arena_get(&a, 100000);
	char *after = gh__arena_get(&a, 16);
	assert_ptr_equal(after, before + 16);
	memset(large, 1, 100000);
	gh__arena_finish(&a);
}

static void zeroed_memory_is_zero_also_where_others_have_written(void **state)
{
	_Alignas(16) char room[256];
	static const char zeros[200];
	struct gh__arena a;

	(void)state;
	memset(room, 0xff, sizeof room);
	gh__arena_init(&a, room, sizeof room);
	assert_memory_equal(gh__arena_zero(&a, sizeof zeros), zeros, sizeof zeros);
	gh__arena_finish(&a);
}

static void nothing_may_be_asked_for(void **state)
{
	struct gh__arena a;

	(void)state;
	gh__arena_init(&a, NULL, 0);
	gh__arena_zero(&a, 0);
	struct gh_str s = gh__arena_copy(&a, (struct gh_str){ NULL, 0 });
	assert_int_equal(s.len, 0);
	assert_string_equal(s.at, "");
	gh__arena_finish(&a);
	gh__arena_finish(&a); /* and the end may come twice */
}

static void copies_and_printed_text_are_terminated(void **state)
{
	struct gh__arena a;
	char text[] = "hello, world";

	(void)state;
	gh__arena_init(&a, NULL, 0);
	struct gh_str copy = gh__arena_copy(&a, (struct gh_str){ text, 5 });
	text[0] = 'j';
	assert_string_equal(copy.at, "hello");
	assert_int_equal(copy.len, 5);
	struct gh_str said = gh__arena_printf(&a, "%s-%d", "n", 42);
	assert_string_equal(said.at, "n-42");
	assert_int_equal(said.len, 4);
	for (int width = 1; width < 5000; width += 97) {
		said = gh__arena_printf(&a, "%*d", width, 7);
		assert_int_equal(said.len, width);
		assert_int_equal(strlen(said.at), width);
		assert_int_equal(said.at[width - 1], '7');
	}
	gh__arena_finish(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_piece_of_any_size_is_whole_and_aligned),
		cmocka_unit_test(many_small_pieces_share_blocks_and_stay_apart),
		cmocka_unit_test(the_memory_it_begins_with_is_used_first),
		cmocka_unit_test(memory_that_is_not_aligned_loses_its_edge_alone),
		cmocka_unit_test(a_large_piece_leaves_the_room_of_the_block_in_use),
		cmocka_unit_test(zeroed_memory_is_zero_also_where_others_have_written),
		cmocka_unit_test(nothing_may_be_asked_for),
		cmocka_unit_test(copies_and_printed_text_are_terminated),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
