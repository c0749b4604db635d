/* What is kept of callers ends with them: memory is bounded by who waits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/upstream/queue.h"
#include "core/upstream/turns.h"

enum { COUNT = 1000 };

static struct gh__turns turns;
static struct gh__ticket tickets[COUNT];

static int begin(void **state)
{
	(void)state;
	gh__turns_init(&turns);
	return 0;
}

static int end(void **state)
{
	(void)state;
	gh__turns_finish(&turns);
	return 0;
}

static struct gh__ticket *add(size_t i, uint64_t caller)
{
	tickets[i] = (struct gh__ticket){ .caller_id = { caller, 0 }, .rank = (uint8_t)(i % 2) };
	gh__turns_add(&turns, tickets + i);
	return tickets + i;
}

static struct gh__ticket *take(void)
{
	struct gh__ticket *t = gh__turns_look(&turns);

	if (t)
		gh__turns_take(&turns, t);
	return t;
}

static void nothing_is_kept_when_nobody_waits(void **state)
{
	(void)state;
	assert_null(gh__turns_look(&turns));
	for (size_t i = 0; i < COUNT; i++)
		add(i, i / 4);
	assert_int_equal(turns.count, COUNT);
	for (size_t i = 0; i < COUNT; i++)
		assert_non_null(take());
	assert_null(take());
	assert_int_equal(turns.callers.count, 0);
	for (size_t i = 0; i < COUNT; i++)
		add(i, i / 4);
	for (size_t i = 0; i < COUNT; i++)
		gh__turns_remove(&turns, tickets + i);
	assert_int_equal(turns.callers.count, 0);
}

static void who_comes_and_leaves_without_a_turn_is_forgotten_at_once(void **state)
{
	(void)state;
	add(0, 1);
	for (size_t i = 0; i < 10 * COUNT; i++) {
		gh__turns_remove(&turns, add(2, 2 + i));
		assert_int_equal(turns.callers.count, 1);
	}
	gh__turns_remove(&turns, tickets);
}

static void who_had_a_turn_is_remembered_for_a_round_at_most(void **state)
{
	(void)state;
	for (size_t i = 0; i < 20; i++)
		add(2 * i, 0); /* waits all the time */
	for (size_t i = 0; i < 10 * COUNT; i++) {
		struct gh__ticket *next, *newcomer = add(100, 1 + i);
		for (int turn = 0; (next = take()) != newcomer; turn++) {
			assert_true(turn < 8);
			add((size_t)(next - tickets), 0);
		}
		assert_true(turns.callers.count <= 8);
	}
	while (take())
		;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nothing_is_kept_when_nobody_waits, begin, end),
		cmocka_unit_test_setup_teardown(
			who_comes_and_leaves_without_a_turn_is_forgotten_at_once, begin, end),
		cmocka_unit_test_setup_teardown(who_had_a_turn_is_remembered_for_a_round_at_most,
						begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
