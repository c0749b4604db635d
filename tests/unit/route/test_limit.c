/* The arithmetic of one limit, at its borders, and the texts of its headers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/route/limit.h"
#include "core/route/limit_text.h"

#define DAY INT64_C(86400000)
#define LARGE \
	((struct gh_limit){ GH_TOKENS, GH_LIMIT_TOKENS_MAX, GH_LIMIT_TOKENS_MAX, \
			    GH_LIMIT_WINDOW_MAX_MS })
#define SLOW ((struct gh_limit){ GH_TOKENS, 1, 1, GH_LIMIT_WINDOW_MAX_MS })

static struct gh_limit requests(int64_t amount, int64_t burst, int64_t window_ms)
{
	return (struct gh_limit){ GH_REQUESTS, amount, burst, window_ms };
}

static struct gh_limit tokens(int64_t amount, int64_t window_ms)
{
	return (struct gh_limit){ GH_TOKENS, amount, amount, window_ms };
}

/* So many units of it. */
static __int128 owed(const struct gh_limit *l, int64_t units)
{
	return (__int128)units * l->window_ms;
}

static void a_millisecond_pays_off_its_share_and_time_never_adds(void **state)
{
	const struct gh_limit l = tokens(7, 1000);
	(void)state;

	assert_true(gh__limit_paid(&l, 1000, 0) == 1000);
	assert_true(gh__limit_paid(&l, 1000, -1) == 1000);
	assert_true(gh__limit_paid(&l, 1000, INT64_MIN) == 1000);
	assert_true(gh__limit_paid(&l, 1000, 1) == 993);
	assert_true(gh__limit_paid(&l, 1000, 142) == 6);
	assert_true(gh__limit_paid(&l, 1000, 143) == 0);
	assert_true(gh__limit_paid(&l, 1001, 143) == 0);
	assert_true(gh__limit_paid(&l, 1002, 143) == 1);
	assert_true(gh__limit_paid(&l, 1000, INT64_MAX) == 0);
	assert_true(gh__limit_paid(&l, 0, 5) == 0);
}

static void what_is_charged_adds_and_what_is_returned_never_goes_below_nothing(void **state)
{
	const struct gh_limit l = tokens(7, 1000), large = LARGE;
	__int128 most = (__int128)GH__OWED_MOST * large.window_ms;
	(void)state;

	assert_true(gh__limit_charged(&l, 3, 0) == 3);
	assert_true(gh__limit_charged(&l, 3, 2) == 2003);
	assert_true(gh__limit_charged(&l, 2003, -2) == 3);
	assert_true(gh__limit_charged(&l, 1999, -2) == 0);
	assert_true(gh__limit_charged(&l, 0, INT64_MIN) == 0);
	assert_true(gh__limit_charged(&large, 0, GH_LIMIT_TOKENS_MAX) ==
		    (__int128)GH_LIMIT_TOKENS_MAX * GH_LIMIT_WINDOW_MAX_MS);
	assert_true(gh__limit_charged(&large, 0, INT64_MAX) == most);
	assert_true(gh__limit_charged(&large, most, 1) == most);
	assert_true(gh__limit_charged(&large, most - 1, 1000000000) == most);
}

static void a_request_waits_until_a_whole_one_fits(void **state)
{
	const struct gh_limit l = requests(10, 4, 60000);
	(void)state;

	assert_int_equal(gh__limit_wait(&l, 0), 0);
	assert_int_equal(gh__limit_wait(&l, owed(&l, 3)), 0);
	assert_int_equal(gh__limit_wait(&l, owed(&l, 3) + 1), 1);
	assert_int_equal(gh__limit_wait(&l, owed(&l, 3) + 10), 1);
	assert_int_equal(gh__limit_wait(&l, owed(&l, 3) + 11), 2);
	assert_int_equal(gh__limit_wait(&l, owed(&l, 4)), 6000);
}

static void any_part_of_a_token_that_is_left_is_enough(void **state)
{
	const struct gh_limit l = tokens(10, 60000);
	(void)state;

	assert_int_equal(gh__limit_wait(&l, 0), 0);
	assert_int_equal(gh__limit_wait(&l, owed(&l, 10) - 1), 0);
	assert_int_equal(gh__limit_wait(&l, owed(&l, 10)), 1);
	assert_int_equal(gh__limit_wait(&l, owed(&l, 10) + 9), 1);
	assert_int_equal(gh__limit_wait(&l, owed(&l, 10) + 10), 2);
	/* Overdrawn by 5: half a window, and the first part of the next. */
	assert_int_equal(gh__limit_wait(&l, owed(&l, 15)), 30001);
}

static void what_is_left_is_0_only_when_the_next_is_refused(void **state)
{
	const struct gh_limit r = requests(10, 4, 60000), t = tokens(10, 60000);
	(void)state;

	assert_int_equal(gh__limit_remaining(&r, 0), 4);
	assert_int_equal(gh__limit_remaining(&r, 1), 3);
	assert_int_equal(gh__limit_remaining(&r, owed(&r, 3)), 1);
	assert_int_equal(gh__limit_remaining(&r, owed(&r, 3) + 1), 0);
	assert_int_equal(gh__limit_remaining(&r, owed(&r, 9)), 0);
	assert_int_equal(gh__limit_remaining(&t, 0), 10);
	assert_int_equal(gh__limit_remaining(&t, owed(&t, 1)), 9);
	assert_int_equal(gh__limit_remaining(&t, owed(&t, 10) - 1), 1);
	assert_int_equal(gh__limit_remaining(&t, owed(&t, 10)), 0);
	assert_int_equal(gh__limit_remaining(&t, owed(&t, 99)), 0);
}

static void the_reset_is_when_nothing_is_owed(void **state)
{
	const struct gh_limit l = tokens(10, 60000);
	(void)state;

	assert_int_equal(gh__limit_reset(&l, 0), 0);
	assert_int_equal(gh__limit_reset(&l, 1), 1);
	assert_int_equal(gh__limit_reset(&l, 10), 1);
	assert_int_equal(gh__limit_reset(&l, 11), 2);
	assert_int_equal(gh__limit_reset(&l, owed(&l, 10)), 60000);
	assert_int_equal(gh__limit_reset(&l, owed(&l, 20)), 120000);
}

static void the_largest_limits_do_not_overflow(void **state)
{
	const struct gh_limit large = LARGE, slow = SLOW;
	const struct gh_limit r = requests(GH_LIMIT_REQUESTS_MAX, GH_LIMIT_REQUESTS_MAX,
					   GH_LIMIT_WINDOW_MAX_MS);
	__int128 full = owed(&large, large.burst);
	(void)state;

	assert_int_equal(gh__limit_remaining(&large, full), 0);
	assert_int_equal(gh__limit_remaining(&large, full - 1), 1);
	assert_int_equal(gh__limit_remaining(&large, 0), GH_LIMIT_TOKENS_MAX);
	assert_int_equal(gh__limit_reset(&large, full), GH_LIMIT_WINDOW_MAX_MS);
	assert_int_equal(gh__limit_wait(&large, full), 1);
	assert_true(gh__limit_paid(&large, full, GH_LIMIT_WINDOW_MAX_MS) == 0);
	assert_true(gh__limit_paid(&large, full, GH_LIMIT_WINDOW_MAX_MS - 1) ==
		    GH_LIMIT_TOKENS_MAX);
	/* A billion tokens at one in 366 days: longer than there are milliseconds to tell it in. */
	assert_true(gh__limit_wait(&slow, owed(&slow, 1000000000)) == INT64_MAX);
	assert_true(gh__limit_reset(&slow, owed(&slow, GH__OWED_MOST)) == INT64_MAX);
	assert_true(gh__limit_wait(&slow, owed(&slow, 2)) == GH_LIMIT_WINDOW_MAX_MS + 1);
	/* One of these costs 316.224 ms. */
	assert_int_equal(gh__limit_wait(&r, owed(&r, r.burst)), 317);
}

static void a_debt_in_whole_units_is_the_same_debt_a_little_earlier(void **state)
{
	static const struct gh_limit limits[] = {
		{ GH_TOKENS, 2000000, 2000000, DAY },
		{ GH_TOKENS, 7, 7, 3600000 },
		{ GH_REQUESTS, 1000, 1000, DAY },
		{ GH_TOKENS, 1000000000, 1000000000, 3600000 },
		{ GH_REQUESTS, 3, 3, 3600001 },
	};
	(void)state;

	for (size_t i = 0; i < GH_COUNT_OF(limits); i++)
		for (__int128 debt = 0; debt < owed(limits + i, 3); debt += 1 + DAY / 7919) {
			int64_t early, units = gh__limit_units(limits + i, debt, &early);
			__int128 again = gh__limit_paid(limits + i, owed(limits + i, units), early);

			assert_true(early >= 0);
			/* Not less, and no more than a millisecond pays off. */
			assert_true(again >= debt && again < debt + limits[i].amount);
		}
}

static void durations_are_written_as_go_does(void **state)
{
	static const struct {
		int64_t ms;
		const char *text;
	} cases[] = {
		{ 0, "0s" },
		{ 1, "1ms" },
		{ 12, "12ms" },
		{ 999, "999ms" },
		{ 1000, "1s" },
		{ 1001, "1.001s" },
		{ 1500, "1.5s" },
		{ 1050, "1.05s" },
		{ 59999, "59.999s" },
		{ 60000, "1m0s" },
		{ 390500, "6m30.5s" },
		{ 3600000, "1h0m0s" },
		{ 3600001, "1h0m0.001s" },
		{ 86400000, "24h0m0s" },
		{ 90061001, "25h1m1.001s" },
		{ INT64_MAX, "2562047788015h12m55.807s" },
	};
	(void)state;

	for (size_t i = 0; i < GH_COUNT_OF(cases); i++) {
		char to[GH__DURATION + 1];
		struct gh_str text = gh__go_duration(to, cases[i].ms);
		to[text.len] = 0;
		assert_string_equal(text.at, cases[i].text);
	}
}

static void numbers_are_written_in_full(void **state)
{
	char to[GH__DECIMAL];
	(void)state;

	assert_true(gh_str_is(gh__limit_decimal(to, 0), "0"));
	assert_true(gh_str_is(gh__limit_decimal(to, 7), "7"));
	assert_true(gh_str_is(gh__limit_decimal(to, 1200), "1200"));
	assert_true(gh_str_is(gh__limit_decimal(to, INT64_MAX), "9223372036854775807"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_millisecond_pays_off_its_share_and_time_never_adds),
		cmocka_unit_test(
			what_is_charged_adds_and_what_is_returned_never_goes_below_nothing),
		cmocka_unit_test(a_request_waits_until_a_whole_one_fits),
		cmocka_unit_test(any_part_of_a_token_that_is_left_is_enough),
		cmocka_unit_test(what_is_left_is_0_only_when_the_next_is_refused),
		cmocka_unit_test(the_reset_is_when_nothing_is_owed),
		cmocka_unit_test(the_largest_limits_do_not_overflow),
		cmocka_unit_test(a_debt_in_whole_units_is_the_same_debt_a_little_earlier),
		cmocka_unit_test(durations_are_written_as_go_does),
		cmocka_unit_test(numbers_are_written_in_full),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
