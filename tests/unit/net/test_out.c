/* An answer being put together: every byte once, in order, however it is cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/net/out.h"
#include "support/wire.h"

struct bench {
	struct gh__loop loop;
	struct gh__pump pumps[2];
	struct wire peers[2];
	char *want; /* of peer 0 */
	size_t len;
};

static void on_data(struct gh__pump *p, const char *data, size_t len)
{
	(void)p;
	(void)data;
	(void)len;
}

static void on_gone(struct gh__pump *p, int error)
{
	(void)p;
	(void)error;
}

static void nothing(struct gh__pump *p)
{
	(void)p;
}

static const struct gh__pump_ops ops = {
	.on_data = on_data, .on_gone = on_gone, .on_drain = nothing, .on_closed = nothing
};

static int begin(void **state)
{
	struct bench *b = calloc(1, sizeof *b);

	*state = b;
	assert_int_equal(gh__loop_init(&b->loop), 0);
	for (int i = 0; i < 2; i++) {
		int fds[2];
		wire_pair(fds);
		assert_int_equal(gh__pump_open(b->pumps + i, &b->loop, fds[0], 0, &ops), 0);
		wire_open(b->peers + i, fds[1]);
	}
	return 0;
}

static int end(void **state)
{
	struct bench *b = *state;

	for (int i = 0; i < 2; i++) {
		gh__pump_close(b->pumps + i, GH__PUMP_FIN);
		wire_close(b->peers + i);
	}
	wire_settle(&b->loop);
	gh__loop_finish(&b->loop);
	free(b->want);
	free(b);
	return 0;
}

static void add(struct bench *b, const char *at, size_t len)
{
	b->want = realloc(b->want, b->len + len);
	if (len)
		memcpy(b->want + b->len, at, len);
	b->len += len;
	gh__out_add(b->loop.out, b->pumps, at, len);
}

static void check(struct bench *b)
{
	assert_true(wire_gets(&b->loop, b->peers, b->len));
	assert_int_equal(b->peers[0].len, b->len);
	assert_memory_equal(b->peers[0].got, b->want, b->len);
	assert_int_equal(b->loop.out->count, 0);
	assert_int_equal(b->loop.out->used, 0);
	assert_null(b->loop.out->to);
}

static void small_pieces_stand_side_by_side_as_one(void **state)
{
	struct bench *b = *state;
	char text[8];

	for (int i = 0; i < 1000; i++) {
		memset(text, 'a' + i % 26, sizeof text);
		add(b, text, 1 + (size_t)i % 7); /* the memory is used again at once */
	}
	assert_int_equal(b->loop.out->count, 1);
	wire_read(b->peers);
	assert_int_equal(b->peers[0].len, 0); /* nothing left before the flush */
	gh__out_flush(b->loop.out);
	check(b);
}

static void large_pieces_are_referred_to_and_small_ones_copied(void **state)
{
	struct bench *b = *state;
	struct gh__out *o = b->loop.out;
	static char large[GH__OUT_COPY], small[GH__OUT_COPY - 1];

	memset(large, 'L', sizeof large);
	memset(small, 's', sizeof small);
	add(b, "head", 4);
	add(b, large, sizeof large);
	add(b, small, sizeof small);
	add(b, "tail", 4);
	assert_int_equal(o->count, 3);
	assert_ptr_equal(o->pieces[1].iov_base, large);
	assert_int_equal(o->pieces[2].iov_len, sizeof small + 4);
	memset(small, 'x', sizeof small);
	gh__out_flush(o);
	check(b);
}

static void more_pieces_than_there_is_room_for_leave_in_order(void **state)
{
	struct bench *b = *state;
	static char large[GH__OUT_COPY * 2];

	for (int i = 0; i < 100; i++) {
		memset(large, 'A' + i % 26, sizeof large);
		/* What is referred to stays as it is until the flush, so: flushed before it changes. */
		add(b, large, GH__OUT_COPY + (size_t)i);
		add(b, "-", 1);
		if (i % 3 == 0)
			add(b, "", 0);
		gh__out_flush(b->loop.out);
	}
	check(b);
	wire_forget(b->peers);
	b->len = 0;
	memset(large, 'Z', sizeof large);
	for (int i = 0; i < 100; i++) {
		add(b, "(", 1);
		add(b, large, sizeof large);
		add(b, ")", 1);
	}
	gh__out_flush(b->loop.out);
	check(b);
}

static void more_text_than_there_is_room_for_leaves_in_order(void **state)
{
	struct bench *b = *state;
	char text[997];

	for (size_t i = 0; i < 3 * GH__OUT_ROOM / sizeof text; i++) {
		memset(text, 'a' + (int)(i % 26), sizeof text);
		add(b, text, sizeof text);
	}
	gh__out_flush(b->loop.out);
	check(b);
	/* And to the last byte of it. */
	wire_forget(b->peers);
	b->len = 0;
	for (size_t i = 0; i < GH__OUT_ROOM / 1024; i++)
		add(b, text, 997), add(b, text, 27);
	assert_int_equal(b->loop.out->used, GH__OUT_ROOM);
	add(b, "!", 1);
	gh__out_flush(b->loop.out);
	check(b);
}

static void another_connection_lets_the_first_one_leave(void **state)
{
	struct bench *b = *state;
	struct gh__out *o = b->loop.out;

	add(b, "one", 3);
	gh__out_add(o, b->pumps + 1, "two", 3);
	assert_true(wire_gets(&b->loop, b->peers, 3)); /* its turn's end flushes the other too */
	assert_true(wire_gets(&b->loop, b->peers + 1, 3));
	assert_string_equal(b->peers[0].got, "one");
	assert_string_equal(b->peers[1].got, "two");
	gh__out_flush(o); /* nothing */
	assert_int_equal(o->count, 0);
}

static void bytes_for_one_that_closes_go_nowhere(void **state)
{
	struct bench *b = *state;

	gh__out_add(b->loop.out, b->pumps, "late", 4);
	gh__pump_close(b->pumps, GH__PUMP_FIN);
	gh__out_add(b->loop.out, b->pumps + 1, "other", 5);
	wire_settle(&b->loop);
	assert_true(wire_ends(&b->loop, b->peers));
	assert_int_equal(b->peers[0].len, 0);
	assert_true(wire_gets(&b->loop, b->peers + 1, 5));
	assert_string_equal(b->peers[1].got, "other");
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = {
		CASE(small_pieces_stand_side_by_side_as_one),
		CASE(large_pieces_are_referred_to_and_small_ones_copied),
		CASE(more_pieces_than_there_is_room_for_leave_in_order),
		CASE(more_text_than_there_is_room_for_leaves_in_order),
		CASE(another_connection_lets_the_first_one_leave),
		CASE(bytes_for_one_that_closes_go_nowhere),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
