/* The table of what keys owe, with clocks of the test's own and a ledger that is a list. */
#include <inttypes.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/base/memory.h"
#include "core/route/debts.h"

#define HOUR INT64_C(3600000)
#define DAY  (24 * HOUR)

enum { KEPT_MAX = 128 };

/* ---- A table to itself ---- */

struct fixture {
	struct gh__debts *debts;
	struct gh_limit limits[GH_LIMITS_MAX];
	size_t count;
	int64_t max_keys;
	struct gh__times at;
	struct gh__ledger_debt kept[KEPT_MAX]; /* the newest of each key and limit */
	size_t kept_count;
};

static void on_keep(void *arg, struct gh__ledger_debt *debt)
{
	struct fixture *f = arg;
	size_t i = 0;

	while (i < f->kept_count && (memcmp(f->kept[i].key, debt->key, sizeof debt->key) ||
				     f->kept[i].limit != debt->limit))
		i++;
	assert_true(i < KEPT_MAX);
	f->kept[i] = *debt;
	if (i == f->kept_count)
		f->kept_count++;
}

static void create(struct fixture *f)
{
	static const struct gh__sipkey secret = { 1, 2 };

	f->debts = gh__zalloc(gh__debts_size(f->max_keys, f->count));
	gh__debts_init(f->debts, f->max_keys, f->count, &secret);
	f->debts->keep = on_keep;
	f->debts->arg = f;
}

static void begin(struct fixture *f, int64_t max_keys, size_t count, const struct gh_limit *limits)
{
	*f = (struct fixture){ .count = count,
			       .max_keys = max_keys,
			       .at = { 1000000, INT64_C(1790000000000) } };
	memcpy(f->limits, limits, count * sizeof *limits);
	create(f);
}

static void end(struct fixture *f)
{
	gh__debts_finish(f->debts);
	gh__free(f->debts);
}

/* The process ends and another begins, so much later by the clock on the wall, whose own monotonic
 * clock began at its own time. */
static void restart(struct fixture *f, int64_t wall_ms)
{
	end(f);
	create(f);
	f->at.now_ms = 777;
	f->at.wall_ms += wall_ms;
	for (size_t i = 0; i < f->kept_count; i++)
		if (f->kept[i].owed)
			gh__debts_restore(f->debts, &f->at, f->kept + i);
}

static void pass(struct fixture *f, int64_t ms)
{
	f->at.now_ms += ms;
	f->at.wall_ms += ms;
}

static struct gh_take_budget take(struct fixture *f, const char *key)
{
	struct gh_take_budget t = { .key = gh_str(key),
				    .limits = f->limits,
				    .limit_count = f->count };

	gh__debts_take(f->debts, &f->at, &t);
	return t;
}

static bool taken(struct fixture *f, const char *key)
{
	return !take(f, key).refused;
}

static struct gh_take_budget take_number(struct fixture *f, int n)
{
	char key[16];

	snprintf(key, sizeof key, "k%d", n);
	return take(f, key);
}

/* A whole request. */
static bool used(struct fixture *f, const char *key, int64_t tokens)
{
	struct gh_take_budget t = take(f, key);

	gh__debts_charge(f->debts, &f->at, &t, tokens);
	return !t.refused;
}

/* What one that comes now would find, which it does not take. */
static struct gh_left look(struct fixture *f, const char *key, size_t limit)
{
	struct gh_take_budget t = take(f, key);
	struct gh_left left = t.left[limit];

	gh__debts_give_back(f->debts, &f->at, &t);
	if (!t.refused && t.limits[limit].unit == GH_REQUESTS)
		left.remaining++;
	return left;
}

/* ---- Requests ---- */

static void a_request_fits_at_the_promised_millisecond_and_not_before(void **state)
{
	static const struct gh_limit limits[] = {
		{ GH_REQUESTS, 10, 10, 60000 },
		{ GH_REQUESTS, 7, 7, 1000 },
		{ GH_REQUESTS, 7, 1, 1000 },
		{ GH_REQUESTS, 3, 2, 10 },
		{ GH_REQUESTS, 1, 1, 1 },
		{ GH_REQUESTS, 1000, 1000, 1 },
		{ GH_REQUESTS, 999, 20, 1000 },
		{ GH_REQUESTS, 1, 5, HOUR },
		{ GH_REQUESTS, GH_LIMIT_REQUESTS_MAX, 3, GH_LIMIT_WINDOW_MAX_MS },
	};
	(void)state;

	for (size_t i = 0; i < GH_COUNT_OF(limits); i++) {
		struct fixture f;
		begin(&f, 16, 1, &limits[i]);
		for (int64_t n = 0; n < limits[i].burst; n++)
			assert_true(taken(&f, "a"));
		for (int n = 0; n < 50; n++) {
			struct gh_take_budget t = take(&f, "a");
			/* 1000 a millisecond: one fits again only in the next. */
			assert_true(t.refused);
			assert_false(t.under_way);
			assert_true(t.left[0].wait_ms >= 1);
			pass(&f, t.left[0].wait_ms - 1);
			assert_false(taken(&f, "a"));
			pass(&f, 1);
			/* What a wait of whole milliseconds brings beyond one is there too. */
			do
				t = take(&f, "a");
			while (!t.refused && t.left[0].remaining > 0);
		}
		end(&f);
	}
}

static void a_window_that_cannot_be_divided_gives_its_requests_exactly(void **state)
{
	static const struct gh_limit limit = { GH_REQUESTS, 7, 1, 1000 };
	int64_t first, count = 0;
	struct fixture f;
	(void)state;

	/* One each 142.857 ms, so the n-th after the first comes at n * 1000 / 7, rounded up. */
	begin(&f, 16, 1, &limit);
	first = f.at.now_ms;
	for (; f.at.now_ms < first + 10000; pass(&f, 1))
		if (taken(&f, "a")) {
			/* A request that came late pays from when it came: the pace is never above. */
			assert_true(f.at.now_ms - first >= (count * 1000 + 6) / 7);
			count++;
		}
	/* At whole milliseconds one each 143 ms. */
	assert_int_equal(count, (10000 + 142) / 143);
	end(&f);
}

static void a_debt_that_is_kept_up_loses_nothing_to_rounding(void **state)
{
	static const struct gh_limit limit = { GH_REQUESTS, 7, 7, 1000 };
	int64_t first, count = 0;
	struct fixture f;
	(void)state;

	/* With a burst to lend from, 70 more come in 10 s, and 7 from the start: not one less. */
	begin(&f, 16, 1, &limit);
	first = f.at.now_ms;
	for (; f.at.now_ms <= first + 10000; pass(&f, 1))
		while (taken(&f, "a"))
			count++;
	assert_int_equal(count, 77);
	end(&f);
}

static void a_burst_is_there_again_at_the_reset_and_not_before(void **state)
{
	static const struct gh_limit limit = { GH_REQUESTS, 10, 4, 60000 };
	struct gh_take_budget t;
	struct fixture f;
	(void)state;

	for (int64_t late = 0; late < 2; late++) {
		begin(&f, 16, 1, &limit);
		for (int64_t left = 3; left >= 0; left--) {
			t = take(&f, "a");
			assert_false(t.refused);
			assert_int_equal(t.left[0].remaining, left);
			assert_int_equal(t.left[0].reset_ms, (4 - left) * 6000);
		}
		pass(&f, t.left[0].reset_ms - 1 + late);
		assert_int_equal(take(&f, "a").left[0].remaining, 2 + late);
		end(&f);
	}
}

static void a_refusal_costs_nothing(void **state)
{
	static const struct gh_limit limit = { GH_REQUESTS, 1, 1, 1000 };
	struct fixture f;
	(void)state;

	begin(&f, 16, 1, &limit);
	assert_true(taken(&f, "a"));
	for (int n = 0; n < 999; n++) {
		pass(&f, 1);
		assert_false(taken(&f, "a"));
	}
	pass(&f, 1);
	assert_true(taken(&f, "a"));
	end(&f);
}

static void what_is_given_back_can_be_taken_again_and_once(void **state)
{
	static const struct gh_limit limit = { GH_REQUESTS, 2, 2, 60000 };
	struct gh_take_budget t, refused;
	struct fixture f;
	(void)state;

	begin(&f, 16, 1, &limit);
	assert_true(taken(&f, "a"));
	t = take(&f, "a");
	refused = take(&f, "a");
	assert_true(refused.refused);
	gh__debts_give_back(f.debts, &f.at, &refused);
	assert_false(taken(&f, "a"));
	gh__debts_give_back(f.debts, &f.at, &t);
	gh__debts_give_back(f.debts, &f.at, &t);
	gh__debts_charge(f.debts, &f.at, &t, 5);
	t = take(&f, "a");
	assert_false(t.refused);
	assert_false(taken(&f, "a"));
	pass(&f, 60000); /* all is paid: what is given back late is not counted twice */
	gh__debts_give_back(f.debts, &f.at, &t);
	assert_true(taken(&f, "a"));
	assert_true(taken(&f, "a"));
	assert_false(taken(&f, "a"));
	end(&f);
}

/* ---- Tokens ---- */

static void tokens_are_looked_at_before_and_charged_after(void **state)
{
	static const struct gh_limit limit = { GH_TOKENS, 1000, 1000, 60000 };
	struct gh_take_budget t;
	struct fixture f;
	(void)state;

	begin(&f, 16, 1, &limit);
	assert_true(used(&f, "a", 999));
	t = take(&f, "a"); /* one is left, which is enough */
	assert_false(t.refused);
	gh__debts_charge(f.debts, &f.at, &t, 501);
	t = take(&f, "a");
	assert_true(t.refused);
	assert_false(t.under_way);
	assert_int_equal(t.left[0].remaining, 0);
	/* 500 are owed beyond the budget: 30 s, and a part of a token must be there. */
	assert_int_equal(t.left[0].wait_ms, 30001);
	assert_int_equal(t.left[0].reset_ms, 90000);
	pass(&f, 30000);
	assert_false(taken(&f, "a"));
	pass(&f, 1);
	assert_true(taken(&f, "a"));
	end(&f);
}

static void a_request_is_charged_once_and_not_when_nothing_is_known(void **state)
{
	static const struct gh_limit limit = { GH_TOKENS, 1000, 1000, 60000 };
	struct gh_take_budget t;
	struct fixture f;
	(void)state;

	begin(&f, 16, 1, &limit);
	t = take(&f, "a");
	gh__debts_charge(f.debts, &f.at, &t, 600);
	gh__debts_charge(f.debts, &f.at, &t, 600);
	gh__debts_give_back(f.debts, &f.at, &t);
	assert_int_equal(look(&f, "a", 0).remaining, 400);
	assert_true(used(&f, "a", 0));
	assert_true(used(&f, "a", -1));
	assert_int_equal(look(&f, "a", 0).remaining, 400);
	end(&f);
}

static void the_largest_requests_are_paid_back_to_the_millisecond(void **state)
{
	static const struct gh_limit limit = { GH_TOKENS, GH_LIMIT_TOKENS_MAX, GH_LIMIT_TOKENS_MAX,
					       GH_LIMIT_WINDOW_MAX_MS };
	struct gh_take_budget t;
	struct fixture f;
	(void)state;

	begin(&f, 16, 1, &limit);
	for (int n = 0; n < 1000; n++)
		assert_true(used(&f, "a", 1000000000));
	t = take(&f, "a");
	assert_true(t.refused);
	assert_int_equal(t.left[0].wait_ms, 1);
	assert_int_equal(t.left[0].reset_ms, GH_LIMIT_WINDOW_MAX_MS);
	pass(&f, 1);
	/* Whatever a server claims, the sum neither turns over nor loses its way. */
	assert_true(used(&f, "a", INT64_MAX));
	assert_true(used(&f, "b", INT64_MAX));
	assert_false(taken(&f, "a"));
	end(&f);
}

static void two_units_are_counted_at_once_and_apart(void **state)
{
	static const struct gh_limit limits[] = { { GH_REQUESTS, 3, 3, 60000 },
						  { GH_TOKENS, 600, 600, 60000 } };
	struct gh_take_budget t;
	struct fixture f;
	(void)state;

	begin(&f, 16, 2, limits);
	assert_true(used(&f, "a", 100));
	assert_true(used(&f, "a", 500));
	t = take(&f, "a"); /* refused by its tokens: it costs no request */
	assert_true(t.refused);
	assert_int_equal(t.tightest, 1);
	assert_int_equal(t.left[0].remaining, 1);
	assert_int_equal(t.left[0].wait_ms, 0);
	assert_int_equal(t.left[1].wait_ms, 1);
	pass(&f, 100);
	t = take(&f, "a");
	assert_false(t.refused);
	assert_int_equal(t.left[0].remaining, 0);
	gh__debts_charge(f.debts, &f.at, &t, 0);
	t = take(&f, "a"); /* refused by its requests, which are the longer wait */
	assert_true(t.refused);
	assert_int_equal(t.tightest, 0);
	assert_int_equal(t.left[0].wait_ms, 20000 - 100);
	end(&f);
}

/* ---- Many at once ---- */

static void many_at_once_hold_what_they_may_use(void **state)
{
	static const struct gh_limit limit = { GH_TOKENS, 100000, 100000, 60000 };
	struct gh_take_budget open[200];
	size_t count = 0;
	struct fixture f;
	(void)state;

	/* Nobody knows yet: 1000 each, so a hundred. */
	begin(&f, 16, 1, &limit);
	for (size_t i = 0; i < GH_COUNT_OF(open); i++) {
		open[i] = take(&f, "a");
		count += !open[i].refused;
	}
	assert_int_equal(count, 100);
	assert_true(open[150].under_way);
	assert_int_equal(open[150].left[0].remaining, 0);
	assert_true(open[150].left[0].wait_ms >= 1 && open[150].left[0].wait_ms <= 1000);
	/* Each is charged, and lets go: of 100 tokens in truth. */
	for (size_t i = 0; i < GH_COUNT_OF(open); i++)
		gh__debts_charge(f.debts, &f.at, open + i, 100);
	assert_int_equal(look(&f, "a", 0).remaining, 90000);
	/* Now it is known: 100 each fit 900 times. */
	count = 0;
	for (int i = 0; i < 2000; i++)
		count += taken(&f, "a");
	assert_int_equal(count, 900);
	end(&f);
}

static void what_is_held_is_what_the_last_ones_used(void **state)
{
	static const struct gh_limit limits[] = { { GH_TOKENS, 4000, 4000, 60000 },
						  { GH_REQUESTS, 50, 50, 60000 } };
	struct gh_take_budget first, second;
	struct fixture f;
	(void)state;

	begin(&f, 16, 2, limits);
	first = take(&f, "a");
	assert_int_equal(first.held, 500); /* an eighth, while nothing is known */
	gh__debts_charge(f.debts, &f.at, &first, 100);
	first = take(&f, "a");
	assert_int_equal(first.held, 100);
	gh__debts_charge(f.debts, &f.at, &first, 900);
	first = take(&f, "a");
	assert_int_equal(first.held, 200); /* 800 more, by an eighth */
	/* What the first holds is not left to the second, and is of tokens alone. */
	second = take(&f, "a");
	assert_int_equal(first.left[0].remaining, 3000);
	assert_int_equal(second.left[0].remaining, 2800);
	assert_int_equal(second.left[0].reset_ms, 18000);
	assert_int_equal(second.left[1].remaining, 46);
	assert_int_equal(second.left[1].reset_ms, 4800);
	end(&f);
}

static void one_at_a_time_is_never_held_up(void **state)
{
	static const struct gh_limit limit = { GH_TOKENS, 1000, 1000, HOUR };
	struct fixture f;
	(void)state;

	begin(&f, 16, 1, &limit);
	for (int n = 0; n < 2; n++)
		assert_true(used(&f, "a", 499)); /* the usual is far above what is left then */
	assert_true(used(&f, "a", 1));
	assert_true(used(&f, "a", 1));
	assert_false(taken(&f, "a"));
	end(&f);
}

static void a_budget_smaller_than_a_request_lets_one_in_at_a_time(void **state)
{
	static const struct gh_limit limit = { GH_TOKENS, 1, 1, 1000 };
	struct gh_take_budget first, second;
	struct fixture f;
	(void)state;

	begin(&f, 16, 1, &limit);
	assert_true(used(&f, "a", 5000));
	pass(&f, 5000000);
	first = take(&f, "a");
	second = take(&f, "a");
	assert_false(first.refused);
	assert_true(second.refused);
	assert_true(second.under_way);
	gh__debts_give_back(f.debts, &f.at, &first);
	assert_true(taken(&f, "a"));
	end(&f);
}

static void what_was_under_way_when_it_was_forgotten_lets_go_of_nothing_else(void **state)
{
	static const struct gh_limit limit = { GH_TOKENS, 1000, 1000, 1000 };
	struct gh_take_budget old, now;
	struct fixture f;
	(void)state;

	begin(&f, GH__DEBTS_WAYS, 1, &limit);
	old = take(&f, "a"); /* holds an eighth: for 125 ms by the look of it */
	pass(&f, 200);
	for (int n = 0; n < GH__DEBTS_WAYS; n++)
		take_number(&f, n);
	gh__debts_charge(f.debts, &f.at, &old, 900); /* charged all the same */
	assert_int_equal(look(&f, "a", 0).remaining, 100);
	now = take(&f, "a");
	assert_false(now.refused);
	gh__debts_charge(f.debts, &f.at, &now, 100);
	assert_false(taken(&f, "a"));
	end(&f);
}

/* ---- Several limits ---- */

static void what_one_limit_refuses_is_charged_to_none(void **state)
{
	static const struct gh_limit limits[] = { { GH_REQUESTS, 1, 1, 1000 },
						  { GH_REQUESTS, 3, 3, HOUR } };
	struct gh_take_budget t;
	struct fixture f;
	(void)state;

	begin(&f, 16, 2, limits);
	assert_true(taken(&f, "a"));
	for (int n = 0; n < 20; n++) {
		t = take(&f, "a");
		assert_true(t.refused);
		assert_int_equal(t.tightest, 0);
		assert_int_equal(t.left[0].wait_ms, 1000);
	}
	for (int n = 0; n < 2; n++) {
		pass(&f, 1000);
		assert_true(taken(&f, "a"));
	}
	/* Three of the hour are used, the twenty are not; and the second's limit stays free. */
	pass(&f, 1000);
	t = take(&f, "a");
	assert_true(t.refused);
	assert_int_equal(t.tightest, 1);
	assert_int_equal(t.left[1].wait_ms, 1200000 - 3000);
	pass(&f, t.left[1].wait_ms);
	assert_true(taken(&f, "a"));
	end(&f);
}

static void of_two_limits_that_refuse_the_longer_wait_is_told(void **state)
{
	static const struct gh_limit limits[][2] = {
		{ { GH_REQUESTS, 1, 1, 1000 }, { GH_REQUESTS, 1, 1, HOUR } },
		{ { GH_REQUESTS, 1, 1, HOUR }, { GH_REQUESTS, 1, 1, 1000 } },
	};
	(void)state;

	for (size_t i = 0; i < GH_COUNT_OF(limits); i++) {
		struct gh_take_budget t;
		struct fixture f;

		begin(&f, 16, 2, limits[i]);
		assert_true(taken(&f, "a"));
		t = take(&f, "a");
		assert_int_equal(t.tightest, 1 - i);
		assert_int_equal(t.left[t.tightest].wait_ms, HOUR);
		assert_int_equal(t.left[0].remaining, 0);
		assert_int_equal(t.left[1].remaining, 0);
		end(&f);
	}
}

/* ---- Keys ---- */

static void keys_have_a_limit_each(void **state)
{
	static const struct gh_limit limit = { GH_REQUESTS, 1, 1, 1000 };
	struct fixture f;
	(void)state;

	begin(&f, 4096, 1, &limit);
	for (int n = 0; n < 256; n++)
		assert_false(take_number(&f, n).refused);
	for (int n = 0; n < 256; n++)
		assert_true(take_number(&f, n).refused);
	end(&f);
}

static void keys_of_one_table_may_have_different_limits(void **state)
{
	static const struct gh_limit limits[] = { { GH_REQUESTS, 1, 1, 1000 },
						  { GH_TOKENS, 10, 10, 1000 } };
	const struct gh_limit larger = { GH_REQUESTS, 2, 2, 1000 };
	struct fixture f;
	(void)state;

	begin(&f, 64, 2, limits);
	f.count = 1;
	assert_true(taken(&f, "a"));
	assert_false(taken(&f, "a"));
	f.count = 2;
	assert_true(used(&f, "b", 10));
	assert_false(taken(&f, "b"));
	/* An amount that was raised keeps what is owed; another shape begins anew. */
	f.count = 1;
	f.limits[0] = larger;
	assert_true(taken(&f, "a"));
	assert_false(taken(&f, "a"));
	f.limits[0].window_ms = 999;
	assert_true(taken(&f, "a"));
	end(&f);
}

static void the_key_that_owes_least_makes_room(void **state)
{
	static const struct gh_limit limit = { GH_REQUESTS, 1, 2, HOUR };
	struct fixture f;
	(void)state;

	begin(&f, GH__DEBTS_WAYS, 1, &limit); /* one set: all keys stand in it */
	for (int n = 1; n <= GH__DEBTS_WAYS; n++, pass(&f, 1))
		assert_int_equal(take_number(&f, n).left[0].remaining, 1);
	assert_int_equal(take_number(&f, 1).left[0].remaining, 0); /* now 2 is done first */
	pass(&f, 1);
	assert_int_equal(take_number(&f, 100).left[0].remaining, 1);
	pass(&f, 1);
	for (int n = 3; n <= GH__DEBTS_WAYS; n++)
		assert_int_equal(take_number(&f, n).left[0].remaining, 0);
	assert_true(take_number(&f, 1).refused);
	pass(&f, 1);
	assert_int_equal(take_number(&f, 2).left[0].remaining, 1); /* began anew */
	end(&f);
}

static void a_key_that_owes_nothing_gives_way_first(void **state)
{
	static const struct gh_limit limit = { GH_REQUESTS, 1, 3, 1000 };
	struct fixture f;
	(void)state;

	begin(&f, GH__DEBTS_WAYS, 1, &limit);
	for (int n = 0; n < 3; n++)
		take_number(&f, 1); /* the oldest, with 3 s to pay off */
	pass(&f, 500);
	for (int n = 2; n <= GH__DEBTS_WAYS; n++)
		take_number(&f, n);
	pass(&f, 1000); /* all but the oldest have paid */
	for (int n = 1000; n < 1000 + GH__DEBTS_WAYS - 1; n++)
		take_number(&f, n);
	/* 1.5 s of 3 are paid off: one fits again, and 500 ms are over. */
	assert_false(take_number(&f, 1).refused);
	assert_int_equal(take_number(&f, 1).left[0].wait_ms, 500);
	end(&f);
}

static void a_flood_of_new_keys_frees_no_one_who_has_spent(void **state)
{
	static const struct gh_limit limit = { GH_TOKENS, 2000000, 2000000, DAY };
	struct fixture f;
	(void)state;

	begin(&f, GH__DEBTS_WAYS, 1, &limit);
	f.debts->keep = NULL;
	assert_true(used(&f, "spent", 2500000));
	for (int n = 0; n < 5000; n++) {
		struct gh_take_budget t = take_number(&f, n);
		if (n % 2)
			gh__debts_charge(f.debts, &f.at, &t, 50000);
	}
	assert_false(taken(&f, "spent"));
	end(&f);
}

static void a_worker_whose_clock_is_behind_gives_nothing_away(void **state)
{
	static const struct gh_limit limit = { GH_REQUESTS, 1, 1, 1000 };
	struct fixture f;
	(void)state;

	begin(&f, 16, 1, &limit);
	assert_true(taken(&f, "a"));
	pass(&f, -30);
	assert_false(taken(&f, "a"));
	pass(&f, 30 + 999);
	assert_false(taken(&f, "a"));
	pass(&f, 1);
	assert_true(taken(&f, "a"));
	end(&f);
}

/* ---- Over the end of the process ---- */

static const struct gh_limit kept_limits[] = { { GH_REQUESTS, 30, 30, 60000 },
					       { GH_TOKENS, 2000000, 2000000, DAY },
					       { GH_REQUESTS, 100, 100, HOUR } };

static void what_is_spent_stays_spent_over_a_restart(void **state)
{
	struct gh_left left, again;
	struct fixture f;
	(void)state;

	begin(&f, 64, 3, kept_limits);
	for (int n = 0; n < 7; n++)
		assert_true(used(&f, "a", 300000));
	assert_true(used(&f, "b", 10));
	left = take(&f, "a").left[1];
	assert_true(left.wait_ms > 0);
	restart(&f, 0);
	again = take(&f, "a").left[1];
	assert_int_equal(again.wait_ms, left.wait_ms);
	assert_int_equal(again.reset_ms, left.reset_ms);
	assert_int_equal(look(&f, "a", 2).remaining, 93);
	assert_int_equal(look(&f, "a", 0).remaining, 30); /* a minute's is forgotten */
	assert_int_equal(look(&f, "b", 1).remaining, 1999990);
	end(&f);
}

static void what_came_back_meanwhile_is_paid(void **state)
{
	struct fixture f;
	(void)state;

	begin(&f, 64, 3, kept_limits);
	assert_true(used(&f, "a", 2500000));
	restart(&f, DAY / 4); /* 500000 of them */
	assert_int_equal(take(&f, "a").left[1].wait_ms, 1);
	pass(&f, 1);
	assert_true(used(&f, "a", 0));
	restart(&f, DAY / 2);
	/* A token is back each 43.2 ms, and one each 36 s of the hour's requests. */
	assert_int_equal(look(&f, "a", 1).remaining, 1000001);
	assert_int_equal(look(&f, "a", 2).remaining, 100);
	restart(&f, DAY);
	assert_int_equal(look(&f, "a", 1).remaining, 2000000);
	end(&f);
}

static void many_restarts_round_nothing_up(void **state)
{
	static const struct gh_limit limit = { GH_REQUESTS, 7, 7, HOUR };
	struct fixture f;
	(void)state;

	begin(&f, 64, 1, &limit);
	for (int n = 0; n < 7; n++)
		assert_true(taken(&f, "a"));
	/* One comes back each 514.286 s; it is taken in that very second, each time after a restart. */
	for (int n = 0; n < 50; n++) {
		struct gh_take_budget t = take(&f, "a");
		assert_true(t.refused);
		assert_in_range(t.left[0].wait_ms, 514285 - 1, 514286);
		restart(&f, t.left[0].wait_ms - 1);
		assert_false(taken(&f, "a"));
		pass(&f, 1);
		assert_true(taken(&f, "a"));
	}
	end(&f);
}

static void a_clock_set_back_pays_nothing_and_locks_out_no_longer(void **state)
{
	struct fixture f;
	struct gh_left left;
	(void)state;

	begin(&f, 64, 3, kept_limits);
	assert_true(used(&f, "a", 2500000));
	left = take(&f, "a").left[1];
	restart(&f, -400 * DAY);
	assert_int_equal(take(&f, "a").left[1].wait_ms, left.wait_ms);
	pass(&f, left.wait_ms - 1);
	assert_false(taken(&f, "a"));
	pass(&f, 1);
	assert_true(taken(&f, "a"));
	end(&f);

	/* While the process runs the clock on the wall is of no matter at all. */
	begin(&f, 64, 3, kept_limits);
	assert_true(used(&f, "a", 2500000));
	f.at.wall_ms += 1000 * DAY;
	assert_false(taken(&f, "a"));
	f.at.wall_ms -= 2000 * DAY;
	assert_int_equal(take(&f, "a").left[1].wait_ms, left.wait_ms);
	end(&f);
}

static void what_is_given_back_is_kept_as_given_back(void **state)
{
	static const struct gh_limit limit = { GH_REQUESTS, 1, 1, DAY };
	struct gh_take_budget t;
	struct fixture f;
	(void)state;

	begin(&f, 64, 1, &limit);
	t = take(&f, "a");
	gh__debts_give_back(f.debts, &f.at, &t);
	assert_int_equal(f.kept_count, 1);
	assert_int_equal(f.kept[0].owed, 0);
	restart(&f, 0);
	assert_true(taken(&f, "a"));
	end(&f);
}

static void a_part_of_one_is_kept_as_a_part(void **state)
{
	static const struct gh_limit limits[] = { { GH_REQUESTS, 7, 7, HOUR },
						  { GH_TOKENS, 11, 11, DAY } };
	struct gh_left before[2];
	struct fixture f;
	(void)state;

	begin(&f, 64, 2, limits);
	assert_true(used(&f, "a", 1));
	pass(&f, 300000); /* seven twelfths of a request come back, and a twenty-sixth of a token */
	assert_true(used(&f, "a", 1));
	before[0] = look(&f, "a", 0);
	before[1] = look(&f, "a", 1);
	restart(&f, 0);
	assert_in_range(look(&f, "a", 0).reset_ms, before[0].reset_ms, before[0].reset_ms + 1);
	assert_in_range(look(&f, "a", 1).reset_ms, before[1].reset_ms, before[1].reset_ms + 1);
	end(&f);
}

static void more_than_there_are_places_for_keeps_those_that_owe_for_long(void **state)
{
	static const struct gh_limit limit = { GH_TOKENS, 1000, 1000, DAY };
	int refused = 0;
	struct fixture f;
	char key[16];
	(void)state;

	begin(&f, 1024, 1, &limit);
	for (int n = 0; n < 60; n++) {
		snprintf(key, sizeof key, "k%d", n);
		assert_true(used(&f, key, n >= 20 && n < 40 ? 1500 : 10));
	}
	f.max_keys = GH__DEBTS_WAYS;
	restart(&f, 0);
	for (int n = 20; n < 40; n++) {
		if (!take_number(&f, n).refused)
			break;
		refused++;
	}
	/* In the order of the rows, so the first sixteen of the twenty are there. */
	assert_int_equal(refused, GH__DEBTS_WAYS);
	end(&f);
}

static void a_debt_of_a_clock_that_was_ahead_is_in_nobodys_way(void **state)
{
	static const struct gh_limit limit = { GH_TOKENS, 1000, 1000, DAY };
	struct fixture f;
	(void)state;

	begin(&f, GH__DEBTS_WAYS, 1, &limit);
	assert_true(used(&f, "a", 100));
	restart(&f, -400 * DAY);
	for (int n = 0; n < GH__DEBTS_WAYS; n++) {
		struct gh_take_budget t = take_number(&f, n);
		gh__debts_charge(f.debts, &f.at, &t, 500);
	}
	/* It owes the least of all, whatever its row says of the time. */
	assert_int_equal(look(&f, "a", 0).remaining, 1000);
	end(&f);
}

static void the_last_row_of_a_debt_counts(void **state)
{
	struct gh__ledger_debt row;
	struct fixture f;
	(void)state;

	begin(&f, 64, 3, kept_limits);
	assert_true(used(&f, "a", 2500000));
	restart(&f, 0);
	for (size_t i = 0; i < f.kept_count; i++) {
		row = f.kept[i];
		row.owed = row.owed > 1000 ? 1500000 : 0;
		gh__debts_restore(f.debts, &f.at, &row);
	}
	assert_int_equal(look(&f, "a", 1).remaining, 500000);
	assert_int_equal(look(&f, "a", 2).remaining, 100);
	end(&f);
}

static void a_row_that_makes_no_sense_does_no_harm(void **state)
{
	static const int64_t odd[] = {
		INT64_MIN, INT64_MIN + 1, -1, 0, 1, INT64_MAX - 1, INT64_MAX
	};
	struct fixture f;
	(void)state;

	begin(&f, 64, 3, kept_limits);
	assert_true(used(&f, "a", 1));
	struct gh__ledger_debt row = f.kept[0];
	for (size_t o = 0; o < GH_COUNT_OF(odd); o++)
		for (size_t s = 0; s < GH_COUNT_OF(odd); s++)
			for (size_t u = 0; u < GH_COUNT_OF(odd); u++)
				for (uint32_t limit = 0; limit < 5; limit++) {
					end(&f);
					create(&f);
					row.owed = odd[o];
					row.seen = odd[s];
					row.until = odd[u];
					row.limit = limit;
					gh__debts_restore(f.debts, &f.at, &row);
					take(&f, "a");
				}
	memset(row.key, 0, sizeof row.key);
	row.owed = row.until = INT64_MAX;
	row.seen = f.at.wall_ms;
	row.limit = 0;
	gh__debts_restore(f.debts, &f.at, &row);
	assert_true(taken(&f, "b"));
	end(&f);
}

static void a_limit_that_there_is_not_touches_no_other_key(void **state)
{
	struct gh__ledger_debt row = { 0 };
	struct fixture f;
	(void)state;

	begin(&f, GH__DEBTS_WAYS, 3, kept_limits);
	assert_true(used(&f, "a", 2500000));
	for (size_t i = 0; i < f.kept_count; i++)
		if (f.kept[i].limit == 1)
			row = f.kept[i];
	assert_true(used(&f, "b", 2500000));
	restart(&f, 0); /* side by side */
	for (row.limit = 3; row.limit < 12; row.limit++)
		gh__debts_restore(f.debts, &f.at, &row);
	row.limit = UINT32_MAX;
	gh__debts_restore(f.debts, &f.at, &row);
	assert_false(taken(&f, "b"));
	assert_false(taken(&f, "a"));
	end(&f);
}

static void no_key_is_kept_in_clear(void **state)
{
	struct fixture f;
	(void)state;

	begin(&f, 64, 3, kept_limits);
	assert_true(used(&f, "anna@example.com", 1));
	assert_true(f.kept_count > 0);
	for (size_t i = 0; i < f.kept_count; i++)
		assert_null(memmem(f.kept[i].key, sizeof f.kept[i].key, "anna", 4));
	assert_null(memmem(f.debts, gh__debts_size(64, 3), "anna", 4));
	end(&f);
}

/* ---- Threads ---- */

struct racer {
	struct fixture *f;
	int64_t taken, used;
	pthread_t thread;
	pthread_barrier_t *start;
};

enum { RACERS = 8, TRIES = 6000, RACE_BURST = 20000, RACE_TOKENS = 100000 };

static void *race(void *arg)
{
	struct racer *r = arg;

	pthread_barrier_wait(r->start);
	for (int n = 0; n < TRIES; n++) {
		struct gh_take_budget t[2] = { take(r->f, "a"), take(r->f, "b") };

		for (int k = 0; k < 2; k++) {
			if (n % 8 == 0 && !t[k].refused) {
				gh__debts_give_back(r->f->debts, &r->f->at, &t[k]);
				continue;
			}
			r->taken += !t[k].refused;
			r->used += t[k].refused ? 0 : 10;
			gh__debts_charge(r->f->debts, &r->f->at, &t[k], 10);
		}
	}
	return NULL;
}

static int64_t run_race(struct fixture *f, int64_t *ret_used)
{
	struct racer racers[RACERS];
	pthread_barrier_t start;
	int64_t sum = 0;

	*ret_used = 0;
	pthread_barrier_init(&start, NULL, RACERS);
	for (size_t i = 0; i < RACERS; i++) {
		racers[i] = (struct racer){ .f = f, .start = &start };
		assert_int_equal(pthread_create(&racers[i].thread, NULL, race, &racers[i]), 0);
	}
	for (size_t i = 0; i < RACERS; i++) {
		pthread_join(racers[i].thread, NULL);
		sum += racers[i].taken;
		*ret_used += racers[i].used;
	}
	pthread_barrier_destroy(&start);
	return sum;
}

static void workers_together_take_no_more_than_there_is(void **state)
{
	static const struct gh_limit limit = { GH_REQUESTS, 1, RACE_BURST, HOUR };
	struct fixture f;
	int64_t ignored;
	(void)state;

	begin(&f, 4096, 1, &limit);
	f.debts->keep = NULL;
	assert_int_equal(run_race(&f, &ignored), 2 * RACE_BURST);
	assert_false(taken(&f, "a"));
	assert_false(taken(&f, "b"));
	end(&f);
}

static void workers_together_use_no_more_tokens_than_there_are(void **state)
{
	static const struct gh_limit limit = { GH_TOKENS, RACE_TOKENS, RACE_TOKENS, DAY };
	struct fixture f;
	int64_t sum;
	(void)state;

	begin(&f, 4096, 1, &limit);
	f.debts->keep = NULL;
	/* What each uses is what it holds, but for the first, which nobody knows yet. */
	assert_true(used(&f, "a", 10));
	assert_true(used(&f, "b", 10));
	run_race(&f, &sum);
	assert_int_equal(sum + 20, 2 * RACE_TOKENS);
	assert_true(take(&f, "a").refused);
	assert_true(take(&f, "b").refused);
	assert_false(take(&f, "a").under_way);
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_fits_at_the_promised_millisecond_and_not_before),
		cmocka_unit_test(a_window_that_cannot_be_divided_gives_its_requests_exactly),
		cmocka_unit_test(a_debt_that_is_kept_up_loses_nothing_to_rounding),
		cmocka_unit_test(a_burst_is_there_again_at_the_reset_and_not_before),
		cmocka_unit_test(a_refusal_costs_nothing),
		cmocka_unit_test(what_is_given_back_can_be_taken_again_and_once),
		cmocka_unit_test(tokens_are_looked_at_before_and_charged_after),
		cmocka_unit_test(a_request_is_charged_once_and_not_when_nothing_is_known),
		cmocka_unit_test(the_largest_requests_are_paid_back_to_the_millisecond),
		cmocka_unit_test(two_units_are_counted_at_once_and_apart),
		cmocka_unit_test(many_at_once_hold_what_they_may_use),
		cmocka_unit_test(what_is_held_is_what_the_last_ones_used),
		cmocka_unit_test(one_at_a_time_is_never_held_up),
		cmocka_unit_test(a_budget_smaller_than_a_request_lets_one_in_at_a_time),
		cmocka_unit_test(what_was_under_way_when_it_was_forgotten_lets_go_of_nothing_else),
		cmocka_unit_test(what_one_limit_refuses_is_charged_to_none),
		cmocka_unit_test(of_two_limits_that_refuse_the_longer_wait_is_told),
		cmocka_unit_test(keys_have_a_limit_each),
		cmocka_unit_test(keys_of_one_table_may_have_different_limits),
		cmocka_unit_test(the_key_that_owes_least_makes_room),
		cmocka_unit_test(a_key_that_owes_nothing_gives_way_first),
		cmocka_unit_test(a_flood_of_new_keys_frees_no_one_who_has_spent),
		cmocka_unit_test(a_worker_whose_clock_is_behind_gives_nothing_away),
		cmocka_unit_test(what_is_spent_stays_spent_over_a_restart),
		cmocka_unit_test(what_came_back_meanwhile_is_paid),
		cmocka_unit_test(many_restarts_round_nothing_up),
		cmocka_unit_test(a_clock_set_back_pays_nothing_and_locks_out_no_longer),
		cmocka_unit_test(what_is_given_back_is_kept_as_given_back),
		cmocka_unit_test(more_than_there_are_places_for_keeps_those_that_owe_for_long),
		cmocka_unit_test(the_last_row_of_a_debt_counts),
		cmocka_unit_test(a_row_that_makes_no_sense_does_no_harm),
		cmocka_unit_test(a_limit_that_there_is_not_touches_no_other_key),
		cmocka_unit_test(a_part_of_one_is_kept_as_a_part),
		cmocka_unit_test(a_debt_of_a_clock_that_was_ahead_is_in_nobodys_way),
		cmocka_unit_test(no_key_is_kept_in_clear),
		cmocka_unit_test(workers_together_take_no_more_than_there_is),
		cmocka_unit_test(workers_together_use_no_more_tokens_than_there_are),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
