/* The parts of ratelimit: limits, keys and the store in memory, with a clock of the test's own. */
#include <inttypes.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "modules/ratelimit/key.h"
#include "modules/ratelimit/memory.h"
#include "modules/ratelimit/text.h"

/* ---- A store to itself ---- */

struct fixture {
	struct gh_shared_type type;
	struct ratelimit_memory memory;
	struct ratelimit_limit limits[8];
	size_t count;
	int64_t now;
};

static void begin(struct fixture *f, int64_t max_keys, size_t count,
		  const struct ratelimit_limit *limits)
{
	*f = (struct fixture){ .count = count, .now = 1000000 };
	memcpy(f->limits, limits, count * sizeof *limits);
	f->type = ratelimit_memory_type(max_keys, count);
	void *table = calloc(1, f->type.size);
	assert_non_null(table);
	f->type.init(table);
	ratelimit_memory_init(&f->memory, table, max_keys, count);
}

static void end(struct fixture *f)
{
	f->type.finish(f->memory.table);
	free(f->memory.table);
}

static struct ratelimit_take take(struct fixture *f, uint64_t key)
{
	struct ratelimit_take t = {
		.key = key, .now_ms = f->now, .limits = f->limits, .limit_count = f->count
	};

	ratelimit_memory_take(&f->memory, &t);
	return t;
}

static bool taken(struct fixture *f, uint64_t key)
{
	return take(f, key).answer == RATELIMIT_TAKEN;
}

/* ---- One limit ---- */

static void a_request_fits_at_the_promised_millisecond_and_not_before(void **state)
{
	static const struct ratelimit_limit limits[] = {
		{ 10, 60000, 10 },
		{ 7, 1000, 7 },
		{ 7, 1000, 1 },
		{ 3, 10, 2 },
		{ 1, 1, 1 },
		{ 1000, 1, 1000 },
		{ 999, 1000, 20 },
		{ 1, 3600000, 5 },
		{ RATELIMIT_MOST_REQUESTS, RATELIMIT_LONGEST_WINDOW_MS, 3 },
	};
	(void)state;

	for (size_t i = 0; i < GH_COUNT_OF(limits); i++) {
		struct fixture f;
		begin(&f, 16, 1, &limits[i]);
		for (int64_t n = 0; n < limits[i].burst; n++)
			assert_true(taken(&f, 5));
		for (int n = 0; n < 50; n++) {
			struct ratelimit_take t = take(&f, 5);
			/* 1000 a millisecond: one fits again only in the next. */
			assert_int_equal(t.answer, RATELIMIT_REFUSED);
			assert_true(t.wait_ms >= 1);
			f.now += t.wait_ms - 1;
			assert_false(taken(&f, 5));
			f.now += 1;
			/* What a wait of whole milliseconds brings beyond one is there too. */
			do
				t = take(&f, 5);
			while (t.answer == RATELIMIT_TAKEN && t.remaining > 0);
		}
		end(&f);
	}
}

static void a_window_that_cannot_be_divided_gives_its_requests_exactly(void **state)
{
	static const struct ratelimit_limit limit = { 7, 1000, 1 };
	int64_t first = 0, count = 0;
	struct fixture f;
	(void)state;

	/* One each 142.857 ms, so the n-th after the first comes at n * 1000 / 7, rounded up. */
	begin(&f, 16, 1, &limit);
	first = f.now;
	for (; f.now < first + 10000; f.now++)
		if (taken(&f, 1)) {
			/* A request that came late pays from when it came: the pace is never above. */
			assert_true(f.now - first >= (count * 1000 + 6) / 7);
			count++;
		}
	/* At whole milliseconds one each 143 ms. */
	assert_int_equal(count, (10000 + 142) / 143);
	end(&f);
}

static void a_debt_that_is_kept_up_loses_nothing_to_rounding(void **state)
{
	static const struct ratelimit_limit limit = { 7, 1000, 7 };
	int64_t first, count = 0;
	struct fixture f;
	(void)state;

	/* With a burst to lend from, 70 more come in 10 s, and 7 from the start: not one less. */
	begin(&f, 16, 1, &limit);
	first = f.now;
	for (; f.now <= first + 10000; f.now++)
		while (taken(&f, 1))
			count++;
	assert_int_equal(count, 77);
	end(&f);
}

static void a_burst_is_there_again_at_the_reset_and_not_before(void **state)
{
	static const struct ratelimit_limit limit = { 10, 60000, 4 };
	struct ratelimit_take t;
	struct fixture f;
	(void)state;

	begin(&f, 16, 1, &limit);
	for (int64_t left = 3; left >= 0; left--) {
		t = take(&f, 9);
		assert_int_equal(t.answer, RATELIMIT_TAKEN);
		assert_int_equal(t.remaining, left);
		assert_int_equal(t.reset_ms, (4 - left) * 6000);
	}
	f.now += t.reset_ms - 1;
	assert_int_equal(take(&f, 9).remaining, 2); /* one short: 3 were there */
	end(&f);

	begin(&f, 16, 1, &limit);
	for (int n = 0; n < 4; n++)
		t = take(&f, 9);
	f.now += t.reset_ms;
	assert_int_equal(take(&f, 9).remaining, 3);
	end(&f);
}

static void a_refusal_costs_nothing(void **state)
{
	static const struct ratelimit_limit limit = { 1, 1000, 1 };
	struct fixture f;
	(void)state;

	begin(&f, 16, 1, &limit);
	assert_true(taken(&f, 1));
	for (int n = 0; n < 999; n++) {
		f.now++;
		assert_false(taken(&f, 1));
	}
	f.now++;
	assert_true(taken(&f, 1));
	end(&f);
}

static void the_largest_limits_do_not_overflow(void **state)
{
	static const struct ratelimit_limit l = { RATELIMIT_MOST_REQUESTS,
						  RATELIMIT_LONGEST_WINDOW_MS,
						  RATELIMIT_MOST_REQUESTS };
	static const struct ratelimit_limit slow = { 1, RATELIMIT_LONGEST_WINDOW_MS,
						     RATELIMIT_MOST_REQUESTS };
	int64_t full = l.burst * l.window_ms;
	(void)state;

	assert_true(full > 0);
	assert_int_equal(ratelimit_remaining(&l, full), 0);
	assert_int_equal(ratelimit_remaining(&l, 0), l.burst);
	assert_int_equal(ratelimit_reset(&l, full), l.window_ms);
	/* One costs 316.224 ms at this pace. */
	assert_int_equal(ratelimit_wait(&l, full), 317);
	assert_int_equal(ratelimit_wait(&slow, full), slow.window_ms);
	assert_int_equal(ratelimit_reset(&slow, full), full);
	assert_int_equal(ratelimit_paid(&l, full, INT64_MAX), 0);
	assert_int_equal(ratelimit_paid(&slow, full, 1), full - 1);
	assert_int_equal(ratelimit_paid(&l, full, INT64_MIN), full);
}

/* ---- Several limits ---- */

static void what_one_limit_refuses_is_charged_to_none(void **state)
{
	static const struct ratelimit_limit limits[] = { { 1, 1000, 1 }, { 3, 3600000, 3 } };
	struct ratelimit_take t;
	struct fixture f;
	(void)state;

	begin(&f, 16, 2, limits);
	assert_true(taken(&f, 1));
	for (int n = 0; n < 20; n++) {
		t = take(&f, 1);
		assert_int_equal(t.answer, RATELIMIT_REFUSED);
		assert_int_equal(t.tightest, 0);
		assert_int_equal(t.wait_ms, 1000);
	}
	for (int n = 0; n < 2; n++) {
		f.now += 1000;
		assert_true(taken(&f, 1));
	}
	/* Three of the hour are used, the twenty are not; and the second's limit stays free. */
	f.now += 1000;
	t = take(&f, 1);
	assert_int_equal(t.answer, RATELIMIT_REFUSED);
	assert_int_equal(t.tightest, 1);
	assert_int_equal(t.wait_ms, 1200000 - 3000);
	f.now += t.wait_ms;
	assert_true(taken(&f, 1));
	end(&f);
}

static void of_two_limits_that_refuse_the_longer_wait_is_told(void **state)
{
	static const struct ratelimit_limit limits[][2] = {
		{ { 1, 1000, 1 }, { 1, 3600000, 1 } },
		{ { 1, 3600000, 1 }, { 1, 1000, 1 } },
	};
	(void)state;

	for (size_t i = 0; i < GH_COUNT_OF(limits); i++) {
		struct ratelimit_take t;
		struct fixture f;

		begin(&f, 16, 2, limits[i]);
		assert_true(taken(&f, 1));
		t = take(&f, 1);
		assert_int_equal(t.tightest, 1 - i);
		assert_int_equal(t.wait_ms, 3600000);
		assert_int_equal(t.remaining, 0);
		end(&f);
	}
}

static void the_tightest_limit_is_told(void **state)
{
	static const struct ratelimit_limit limits[] = { { 5, 1000, 5 },
							 { 6, 60000, 6 },
							 { 6, 3600000, 6 } };
	struct ratelimit_take t;
	struct fixture f;
	(void)state;

	begin(&f, 16, 3, limits);
	t = take(&f, 1);
	assert_int_equal(t.tightest, 0);
	assert_int_equal(t.remaining, 4);
	assert_int_equal(t.reset_ms, 200);
	f.now += 1000; /* the first has all five again; of the two with five, the slower counts */
	t = take(&f, 1);
	assert_int_equal(t.remaining, 4);
	assert_int_equal(t.tightest, 2);
	assert_int_equal(t.reset_ms, 2 * 600000 - 1000);
	end(&f);
}

/* ---- Keys ---- */

static void keys_have_a_limit_each(void **state)
{
	static const struct ratelimit_limit limit = { 1, 1000, 1 };
	struct fixture f;
	(void)state;

	begin(&f, 4096, 1, &limit);
	for (uint64_t key = 0; key < 256; key++)
		assert_true(taken(&f, key * UINT64_C(0x9e3779b97f4a7c15) | 2));
	for (uint64_t key = 0; key < 256; key++)
		assert_false(taken(&f, key * UINT64_C(0x9e3779b97f4a7c15) | 2));
	end(&f);
}

static void the_key_seen_longest_ago_is_forgotten(void **state)
{
	static const struct ratelimit_limit limit = { 1, 3600000, 2 };
	struct fixture f;
	(void)state;

	begin(&f, RATELIMIT_WAYS, 1, &limit); /* one set: all keys stand in it */
	for (uint64_t key = 1; key <= RATELIMIT_WAYS; key++, f.now++)
		assert_int_equal(take(&f, key).remaining, 1);
	assert_int_equal(take(&f, 1).remaining, 0); /* seen again: now 2 is the oldest */
	f.now++;
	assert_int_equal(take(&f, 100).remaining, 1);
	f.now++;
	for (uint64_t key = 3; key <= RATELIMIT_WAYS; key++)
		assert_int_equal(take(&f, key).remaining, 0);
	assert_false(taken(&f, 1));
	f.now++;
	assert_int_equal(take(&f, 2).remaining, 1); /* began anew */
	end(&f);
}

static void a_key_that_owes_nothing_gives_way_first(void **state)
{
	static const struct ratelimit_limit limit = { 1, 1000, 3 };
	struct fixture f;
	(void)state;

	begin(&f, RATELIMIT_WAYS, 1, &limit);
	for (int n = 0; n < 3; n++)
		taken(&f, 1); /* the oldest, with 3 s to pay off */
	f.now += 500;
	for (uint64_t key = 2; key <= RATELIMIT_WAYS; key++)
		taken(&f, key);
	f.now += 1000; /* all but the oldest have paid */
	for (uint64_t key = 1000; key < 1000 + RATELIMIT_WAYS - 1; key++)
		taken(&f, key);
	/* 1.5 s of 3 are paid off: one fits again, and 500 ms are over. */
	assert_true(taken(&f, 1));
	assert_int_equal(take(&f, 1).wait_ms, 500);
	end(&f);
}

static void a_worker_whose_clock_is_behind_gives_nothing_away(void **state)
{
	static const struct ratelimit_limit limit = { 1, 1000, 1 };
	struct fixture f;
	(void)state;

	begin(&f, 16, 1, &limit);
	assert_true(taken(&f, 1));
	f.now -= 30;
	assert_false(taken(&f, 1));
	f.now += 30 + 999;
	assert_false(taken(&f, 1));
	f.now += 1;
	assert_true(taken(&f, 1));
	end(&f);
}

static void what_is_given_back_can_be_taken_again(void **state)
{
	static const struct ratelimit_limit limits[] = { { 2, 1000, 2 }, { 3, 60000, 3 } };
	const struct ratelimit_store *store;
	struct ratelimit_take t;
	struct fixture f;
	(void)state;

	begin(&f, 16, 2, limits);
	store = &f.memory.store;
	assert_true(taken(&f, 1));
	t = take(&f, 1);
	assert_int_equal(t.answer, RATELIMIT_TAKEN);
	store->give_back(store, &t);
	assert_true(taken(&f, 1));
	t = take(&f, 1);
	assert_int_equal(t.answer, RATELIMIT_REFUSED);
	store->give_back(store, &t); /* nothing was taken, nothing comes back */
	assert_false(taken(&f, 1));
	f.now += 60000; /* all is paid: what is given back late is not counted twice */
	t.answer = RATELIMIT_TAKEN;
	store->give_back(store, &t);
	assert_true(taken(&f, 1));
	assert_true(taken(&f, 1));
	assert_false(taken(&f, 1));
	t.key = 77; /* forgotten meanwhile */
	store->give_back(store, &t);
	end(&f);
}

/* ---- Who a request counts for ---- */

static uint64_t key_of(const char *key, const struct gh_request *r)
{
	static const struct ratelimit_secret secret = { 1, 2 };
	struct ratelimit_key k;
	char why[128];

	assert_int_equal(ratelimit_key_from(gh_str(key), &k, why, sizeof why), 0);
	k.ipv4_bits = 32;
	k.ipv6_bits = 64;
	return ratelimit_key_of(&k, &secret, r);
}

static void a_user_is_one_wherever_the_calls_come_from(void **state)
{
	struct gh_request alice = { .client = { .family = AF_INET, .bytes = { 192, 0, 2, 1 } },
				    .caller = GH_STR_INIT("alice") };
	struct gh_request elsewhere = { .client = { .family = AF_INET6, .bytes = { 0x20, 1 } },
					.caller = GH_STR_INIT("alice") };
	struct gh_request bob = alice, nobody = alice;
	(void)state;

	bob.caller = GH_STR("bob");
	nobody.caller = GH_STR("");
	assert_true(key_of("user", &alice) == key_of("user", &elsewhere));
	assert_true(key_of("user", &alice) != key_of("user", &bob));
	assert_true(key_of("user", &alice) != key_of("user", &nobody));
	assert_true(key_of("user", &nobody) == key_of("client_ip", &nobody));
	assert_true(key_of("client_ip", &alice) == key_of("client_ip", &bob));
}

static void all_that_come_over_a_unix_socket_are_one(void **state)
{
	struct gh_request a = { .client = { .family = AF_UNIX } };
	struct gh_request b = { .client = { .family = AF_UNIX, .port = 7, .bytes = { 9 } } };
	struct gh_request spelled = { .client = { .family = AF_INET,
						  .bytes = { 'u', 'n', 'i', 'x' } } };
	struct gh_request zero = { .client = { .family = AF_INET } };
	(void)state;

	assert_true(key_of("client_ip", &a) == key_of("client_ip", &b));
	assert_true(key_of("client_ip", &a) != key_of("client_ip", &spelled));
	assert_true(key_of("client_ip", &a) != key_of("client_ip", &zero));
}

/* ---- Threads ---- */

struct racer {
	struct fixture *f;
	int64_t taken;
	pthread_t thread;
	pthread_barrier_t *start;
};

enum { RACERS = 4, TRIES = 30000, RACE_BURST = 50000 };

static void *race(void *arg)
{
	struct racer *r = arg;

	pthread_barrier_wait(r->start);
	for (int n = 0; n < TRIES; n++)
		for (uint64_t key = 1; key <= 2; key++)
			r->taken += taken(r->f, key);
	return NULL;
}

static void workers_together_take_no_more_than_there_is(void **state)
{
	static const struct ratelimit_limit limit = { 1, 3600000, RACE_BURST };
	struct racer racers[RACERS];
	pthread_barrier_t start;
	int64_t sum = 0;
	struct fixture f;
	(void)state;

	begin(&f, 4096, 1, &limit);
	pthread_barrier_init(&start, NULL, RACERS);
	for (size_t i = 0; i < RACERS; i++) {
		racers[i] = (struct racer){ .f = &f, .start = &start };
		assert_int_equal(pthread_create(&racers[i].thread, NULL, race, &racers[i]), 0);
	}
	for (size_t i = 0; i < RACERS; i++) {
		pthread_join(racers[i].thread, NULL);
		sum += racers[i].taken;
	}
	pthread_barrier_destroy(&start);
	assert_int_equal(sum, 2 * RACE_BURST);
	end(&f);
}

/* ---- Texts and hashes ---- */

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
		char to[RATELIMIT_DURATION + 1];
		struct gh_str text = ratelimit_duration(to, cases[i].ms);
		to[text.len] = 0;
		assert_string_equal(text.at, cases[i].text);
	}
}

static void numbers_are_written_in_full(void **state)
{
	char to[RATELIMIT_DECIMAL];
	(void)state;

	assert_true(gh_str_is(ratelimit_decimal(to, 0), "0"));
	assert_true(gh_str_is(ratelimit_decimal(to, 7), "7"));
	assert_true(gh_str_is(ratelimit_decimal(to, 1200), "1200"));
	assert_true(gh_str_is(ratelimit_decimal(to, INT64_MAX), "9223372036854775807"));
}

/* The vectors that SipHash's authors published: the key is 00 01 … 0f, the text 00 01 … */
static void the_hash_is_siphash(void **state)
{
	static const struct {
		size_t len;
		uint64_t hash;
	} cases[] = {
		{ 0, UINT64_C(0x726fdb47dd0e0e31) },  { 1, UINT64_C(0x74f839c593dc67fd) },
		{ 2, UINT64_C(0x0d6c8009d9a94f5a) },  { 8, UINT64_C(0x93f5f5799a932462) },
		{ 15, UINT64_C(0xa129ca6149be45e5) },
	};
	const struct ratelimit_secret secret = { UINT64_C(0x0706050403020100),
						 UINT64_C(0x0f0e0d0c0b0a0908) };
	char text[16];
	(void)state;

	for (size_t i = 0; i < sizeof text; i++)
		text[i] = (char)i;
	for (size_t i = 0; i < GH_COUNT_OF(cases); i++)
		assert_true(ratelimit_siphash(&secret, (struct gh_str){ text, cases[i].len }) ==
			    cases[i].hash);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_fits_at_the_promised_millisecond_and_not_before),
		cmocka_unit_test(a_window_that_cannot_be_divided_gives_its_requests_exactly),
		cmocka_unit_test(a_debt_that_is_kept_up_loses_nothing_to_rounding),
		cmocka_unit_test(a_burst_is_there_again_at_the_reset_and_not_before),
		cmocka_unit_test(a_refusal_costs_nothing),
		cmocka_unit_test(the_largest_limits_do_not_overflow),
		cmocka_unit_test(what_one_limit_refuses_is_charged_to_none),
		cmocka_unit_test(of_two_limits_that_refuse_the_longer_wait_is_told),
		cmocka_unit_test(the_tightest_limit_is_told),
		cmocka_unit_test(keys_have_a_limit_each),
		cmocka_unit_test(the_key_seen_longest_ago_is_forgotten),
		cmocka_unit_test(a_key_that_owes_nothing_gives_way_first),
		cmocka_unit_test(a_worker_whose_clock_is_behind_gives_nothing_away),
		cmocka_unit_test(what_is_given_back_can_be_taken_again),
		cmocka_unit_test(a_user_is_one_wherever_the_calls_come_from),
		cmocka_unit_test(all_that_come_over_a_unix_socket_are_one),
		cmocka_unit_test(workers_together_take_no_more_than_there_is),
		cmocka_unit_test(durations_are_written_as_go_does),
		cmocka_unit_test(numbers_are_written_in_full),
		cmocka_unit_test(the_hash_is_siphash),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
