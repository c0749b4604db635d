/* Every member is found by its id, no other is, and the buckets follow their number both ways. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/base/table.h"

enum { COUNT = 5000 };

static struct gh__table_node nodes[COUNT];

/* Some share their bucket whatever its number is. */
static struct gh__id id_of(size_t i)
{
	return (struct gh__id){ (i / 3) * UINT64_C(0x9e3779b97f4a7c15), i % 3 };
}

static void expect(const struct gh__table *t, size_t from, size_t to)
{
	assert_int_equal(t->count, to - from);
	for (size_t i = 0; i < COUNT; i++) {
		struct gh__table_node *n = gh__table_find(t, id_of(i));
		assert_ptr_equal(n, i >= from && i < to ? nodes + i : NULL);
	}
}

static void what_is_in_it_is_found_and_nothing_else(void **state)
{
	struct gh__table t = { 0 };
	size_t largest;

	(void)state;
	expect(&t, 0, 0);
	for (size_t i = 0; i < COUNT; i++) {
		nodes[i] = (struct gh__table_node){ .id = id_of(i) };
		gh__table_add(&t, nodes + i);
		if (i % 500 == 0)
			expect(&t, 0, i + 1);
	}
	expect(&t, 0, COUNT);
	largest = t.size;
	assert_true(largest >= COUNT && largest < 4 * COUNT);
	for (size_t i = 0; i < COUNT; i++) {
		gh__table_remove(&t, nodes + i);
		if (i % 500 == 0)
			expect(&t, i + 1, COUNT);
	}
	expect(&t, 0, 0);
	assert_true(t.size < 64);
	gh__table_finish(&t);
	assert_null(t.buckets);
}

static void one_at_the_edge_does_not_resize_to_and_fro(void **state)
{
	struct gh__table t = { 0 };

	(void)state;
	for (size_t i = 0; i < 1025; i++) {
		nodes[i] = (struct gh__table_node){ .id = id_of(i) };
		gh__table_add(&t, nodes + i);
	}
	struct gh__table_node **buckets = t.buckets;
	for (int i = 0; i < 10; i++) {
		gh__table_remove(&t, nodes + 1024);
		gh__table_add(&t, nodes + 1024);
	}
	assert_ptr_equal(t.buckets, buckets);
	gh__table_finish(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_in_it_is_found_and_nothing_else),
		cmocka_unit_test(one_at_the_edge_does_not_resize_to_and_fro),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
