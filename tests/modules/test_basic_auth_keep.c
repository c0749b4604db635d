/*
 * What basic-auth's workers share: the cache, the budget, and one verification for many that ask
 * for the same. Waits and their ends are counted here in place of the gateway's own.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <gatehouse/module.h>

static enum gh_verdict test_hold(struct gh_step *s, gh_then *then, struct gh_wait *ret_wait)
{
	(void)then;
	*ret_wait = (struct gh_wait){ .token = 1, .worker = s->state };
	return GH_PENDING;
}

/* The worker is an atomic that counts its resumes. */
static void test_resume(struct gh_wait wait)
{
	atomic_fetch_add((atomic_int *)wait.worker, (int)wait.token);
}

static void test_random(void *bytes, size_t size)
{
	memset(bytes, 42, size);
}

#define gh_hold   test_hold
#define gh_resume test_resume
#define gh_random test_random
#include "modules/basic-auth/keep.c"

static struct basic_auth_keep *make(size_t verified, int64_t tries)
{
	struct basic_auth_keep *k = calloc(1, basic_auth_keep_type.size);

	basic_auth_keep_type.init(k);
	basic_auth_keep_size(k, verified, tries);
	return k;
}

static void unmake(struct basic_auth_keep *k)
{
	basic_auth_keep_type.finish(k);
	free(k);
}

static struct basic_auth_digest named(const struct basic_auth_keep *k, const char *stored,
				      struct gh_str password)
{
	struct basic_auth_digest id, name;

	basic_auth_digest_of(gh_str(stored), &id);
	basic_auth_keep_name(k, &id, password, &name);
	return name;
}

static bool same(struct basic_auth_digest a, struct basic_auth_digest b)
{
	return memcmp(&a, &b, sizeof(a)) == 0;
}

static void a_name_depends_on_the_stored_hash_and_every_byte(void **state)
{
	(void)state;
	struct basic_auth_keep *k = make(10, 10);
	struct basic_auth_digest right = named(k, "hash", GH_STR("right"));

	assert_true(same(right, named(k, "hash", GH_STR("right"))));
	assert_false(same(right, named(k, "hash2", GH_STR("right"))));
	assert_false(same(right, named(k, "hash", GH_STR("right\0anything"))));
	assert_false(same(right, named(k, "hash", GH_STR("right\0"))));
	assert_false(same(right, named(k, "hash", GH_STR("righ"))));
	assert_false(same(right, named(k, "hash", GH_STR(""))));
	unmake(k);
}

static void what_is_verified_is_remembered_for_a_time(void **state)
{
	(void)state;
	struct basic_auth_keep *k = make(10, 10);
	struct basic_auth_digest name = named(k, "hash", GH_STR("right"));

	assert_false(basic_auth_verified(k, &name, 0, 1000));
	basic_auth_remember(k, &name, 5000);
	assert_true(basic_auth_verified(k, &name, 5999, 1000));
	assert_false(basic_auth_verified(k, &name, 6000, 1000));
	assert_false(basic_auth_verified(k, &name, 5000, 0));
	basic_auth_remember(k, &name, 7000);
	assert_true(basic_auth_verified(k, &name, 7999, 1000));
	unmake(k);
}

static void the_oldest_makes_room(void **state)
{
	(void)state;
	static const size_t sizes[] = { 1, 2, 7, 100 };

	for (size_t s = 0; s < GH_COUNT_OF(sizes); s++) {
		struct basic_auth_keep *k = make(sizes[s], 10);
		struct basic_auth_digest names[300];
		char text[16];

		for (size_t i = 0; i < GH_COUNT_OF(names); i++) {
			snprintf(text, sizeof(text), "%zu", i);
			names[i] = named(k, "hash", gh_str(text));
			basic_auth_remember(k, &names[i], 0);
			basic_auth_remember(k, &names[i], 0); /* no second entry */
			for (size_t back = 0; back <= i; back++)
				assert_int_equal(basic_auth_verified(k, &names[i - back], 1, 1000),
						 back < sizes[s]);
		}
		unmake(k);
	}
}

static uint64_t account(struct basic_auth_keep *k, sa_family_t family, const char *bytes,
			const char *user)
{
	struct gh_address a = { .family = family };

	memcpy(a.bytes, bytes, family == AF_INET6 ? 16 : 4);
	return basic_auth_account(k, &a, gh_str(user));
}

#define V4            "\xc0\x00\x02\x01"
#define V6(net, host) "\x20\x01\x0d\xb8\0\0\0" net "\0\0\0\0\0\0\0" host
#define LOOPBACK6     "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01"

static void an_account_is_an_address_or_a_64_or_where_it_says_nothing_a_user(void **state)
{
	(void)state;
	struct basic_auth_keep *k = make(1, 10);

	assert_int_equal(account(k, AF_INET, V4, "a"), account(k, AF_INET, V4, "b"));
	assert_int_not_equal(account(k, AF_INET, V4, "a"), account(k, AF_INET, "\xc0\0\2\2", "a"));
	assert_int_equal(account(k, AF_INET6, V6("\1", "\1"), "a"),
			 account(k, AF_INET6, V6("\1", "\2"), "a"));
	assert_int_not_equal(account(k, AF_INET6, V6("\1", "\1"), "a"),
			     account(k, AF_INET6, V6("\2", "\1"), "a"));
	assert_int_not_equal(account(k, AF_INET, "\x7f\0\0\1", "a"),
			     account(k, AF_INET, "\x7f\0\0\1", "b"));
	assert_int_equal(account(k, AF_INET, "\x7f\0\0\1", "a"),
			 account(k, AF_INET, "\x7f\0\0\1", "a"));
	assert_int_not_equal(account(k, AF_INET6, LOOPBACK6, "a"),
			     account(k, AF_INET6, LOOPBACK6, "b"));
	assert_int_not_equal(account(k, AF_UNIX, "\0\0\0\0", "a"),
			     account(k, AF_UNIX, "\0\0\0\0", "b"));
	unmake(k);
}

static void a_budget_is_spent_and_comes_back_evenly(void **state)
{
	(void)state;
	struct basic_auth_keep *k = make(1, 10);

	for (int i = 0; i < 10; i++) {
		assert_int_equal(basic_auth_spent(k, 7, 1000), 0);
		assert_int_equal(basic_auth_charge(k, 7, 1000), 0);
	}
	/* A minute for ten: one in six seconds. */
	assert_int_equal(basic_auth_spent(k, 7, 1000), 6000);
	assert_int_equal(basic_auth_charge(k, 7, 1000), 6000);
	assert_int_equal(basic_auth_charge(k, 7, 6999), 1);
	assert_int_equal(basic_auth_spent(k, 8, 1000), 0); /* another's */
	assert_int_equal(basic_auth_charge(k, 7, 7000), 0);
	assert_int_equal(basic_auth_charge(k, 7, 7000), 6000);
	basic_auth_refund(k, 7, 7000);
	assert_int_equal(basic_auth_charge(k, 7, 7000), 0);
	/* What was never taken cannot be given back: never more than ten at once. */
	for (int i = 0; i < 100; i++)
		basic_auth_refund(k, 9, 200000);
	for (int i = 0; i < 10; i++)
		assert_int_equal(basic_auth_charge(k, 9, 200000), 0);
	assert_int_equal(basic_auth_charge(k, 9, 200000), 6000);
	unmake(k);
}

static void a_spray_of_addresses_takes_no_more_memory(void **state)
{
	(void)state;
	struct basic_auth_keep *k = make(1, 10);
	uint8_t bytes[4];
	unsigned still = 0;

	/* One that has spent all stays refused under a spray by addresses that failed once. */
	for (int i = 0; i < 10; i++)
		basic_auth_charge(k, account(k, AF_INET, V4, ""), 0);
	for (unsigned i = 0; i < 100000; i++) {
		struct gh_address a = { .family = AF_INET };

		for (int b = 0; b < 4; b++)
			bytes[b] = (uint8_t)(i >> (8 * b));
		memcpy(a.bytes, bytes, 4);
		basic_auth_charge(k, basic_auth_account(k, &a, GH_STR("")), 0);
		still += basic_auth_spent(k, account(k, AF_INET, V4, ""), 0) > 0;
	}
	assert_int_equal(still, 100000);
	unmake(k);
}

/* ---- One verification for many ---- */

static enum gh_verdict then(struct gh_step *s)
{
	(void)s;
	return GH_NEXT;
}

static void those_who_ask_for_the_same_wait_for_the_first(void **state)
{
	(void)state;
	struct basic_auth_keep *k = make(1, 10);
	struct basic_auth_digest a = named(k, "h", GH_STR("a")), b = named(k, "h", GH_STR("b"));
	atomic_int resumes[4] = { 0 };
	struct basic_auth_waiter w[4] = { { .flight = NULL } };
	struct gh_step s[4];

	for (int i = 0; i < 4; i++)
		s[i] = (struct gh_step){ .state = &resumes[i] };

	struct basic_auth_flight *first = basic_auth_join(k, &a, &s[0], then, &w[0]);
	struct basic_auth_flight *other = basic_auth_join(k, &b, &s[0], then, &w[0]);

	assert_non_null(first);
	assert_non_null(other);
	for (int i = 0; i < 4; i++)
		assert_null(basic_auth_join(k, &a, &s[i], then, &w[i]));
	basic_auth_leave(k, &w[1]); /* its client has left */
	basic_auth_land(k, first, BASIC_AUTH_YES);
	assert_int_equal(resumes[0], 1);
	assert_int_equal(resumes[1], 0);
	assert_int_equal(resumes[2], 1);
	assert_int_equal(resumes[3], 1);
	assert_int_equal(w[0].outcome, BASIC_AUTH_YES);
	assert_int_equal(w[3].outcome, BASIC_AUTH_YES);
	for (int i = 0; i < 4; i++)
		basic_auth_leave(k, &w[i]);
	first = basic_auth_join(k, &a, &s[0], then, &w[0]); /* over, so a new one */
	assert_non_null(first);
	basic_auth_land(k, first, BASIC_AUTH_NO);
	basic_auth_land(k, other, BASIC_AUTH_BUSY);
	unmake(k);
}

enum { THREADS = 4, ROUNDS = 20000 };

struct stress {
	struct basic_auth_keep *keep;
	atomic_int waited;
};

static void *join_and_land(void *arg)
{
	struct stress *stress = arg;
	struct basic_auth_keep *k = stress->keep;
	unsigned seed = (unsigned)(uintptr_t)&stress;

	for (int i = 0; i < ROUNDS; i++) {
		atomic_int resumes = 0;
		struct basic_auth_waiter w = { .flight = NULL };
		struct gh_step s = { .state = &resumes };
		char text[2] = { (char)('a' + rand_r(&seed) % 3), 0 };
		struct basic_auth_digest name = named(k, "h", gh_str(text));
		struct basic_auth_flight *f = basic_auth_join(k, &name, &s, then, &w);

		if (f != NULL) {
			sched_yield(); /* so that others come to wait */
			basic_auth_land(k, f, BASIC_AUTH_YES);
			continue;
		}
		atomic_fetch_add(&stress->waited, 1);
		if (rand_r(&seed) % 2)
			while (atomic_load(&resumes) == 0)
				sched_yield();
		if (atomic_load(&resumes) > 0 && w.outcome != BASIC_AUTH_YES)
			abort();
		basic_auth_leave(k, &w);
		/* A resume may come late, as it may in life; here the counter must outlive it. */
		if (w.outcome == BASIC_AUTH_YES)
			while (atomic_load(&resumes) == 0)
				sched_yield();
	}
	return NULL;
}

static void threads_join_and_land(void **state)
{
	(void)state;
	struct stress stress = { .keep = make(1, 10) };
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, join_and_land, &stress), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_true(stress.waited > 0);
	assert_null(stress.keep->flights);
	unmake(stress.keep);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_depends_on_the_stored_hash_and_every_byte),
		cmocka_unit_test(what_is_verified_is_remembered_for_a_time),
		cmocka_unit_test(the_oldest_makes_room),
		cmocka_unit_test(an_account_is_an_address_or_a_64_or_where_it_says_nothing_a_user),
		cmocka_unit_test(a_budget_is_spent_and_comes_back_evenly),
		cmocka_unit_test(a_spray_of_addresses_takes_no_more_memory),
		cmocka_unit_test(those_who_ask_for_the_same_wait_for_the_first),
		cmocka_unit_test(threads_join_and_land),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
