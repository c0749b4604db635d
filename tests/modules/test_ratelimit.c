/* The module ratelimit: what its clients see, with the clock of the test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <gatehouse/test.h>

extern const struct gh_module gh_module_ratelimit;

static struct gh_test *begin(const char *yaml)
{
	struct gh_test *t = gh_test_begin(&gh_module_ratelimit, yaml);

	if (!t)
		print_error("%s", gh_test_mistakes());
	assert_non_null(t);
	return t;
}

static const struct gh_test_answer *get(struct gh_test *t)
{
	return gh_test_send(t, "GET", "/v1/models", NULL, NULL);
}

static int status(struct gh_test *t)
{
	return get(t)->status;
}

static int status_with(struct gh_test *t, const char *headers)
{
	return gh_test_send(t, "GET", "/v1/models", headers, NULL)->status;
}

static int status_from(struct gh_test *t, const char *address)
{
	gh_test_client(t, address);
	return status(t);
}

static void assert_header(const struct gh_test_answer *a, const char *name, const char *value)
{
	const char *got = gh_test_header(a, name);

	assert_non_null(got);
	assert_string_equal(got, value);
}

static void assert_refused(const char *yaml, const char *says)
{
	struct gh_test *t = gh_test_begin(&gh_module_ratelimit, yaml);

	assert_null(t);
	if (!strstr(gh_test_mistakes(), says))
		print_error("'%s' is not in:\n%s", says, gh_test_mistakes());
	assert_non_null(strstr(gh_test_mistakes(), says));
}

/* ---- What passes and what does not ---- */

static void what_is_too_much_gets_429_and_goes_no_further(void **state)
{
	struct gh_test *t = begin("{ requests: 10, window: 1m }");
	const struct gh_test_answer *a;
	(void)state;

	for (int n = 0; n < 10; n++) {
		a = get(t);
		assert_int_equal(a->status, 200);
		assert_true(a->reached);
	}
	a = get(t);
	assert_int_equal(a->status, 429);
	assert_false(a->reached);
	assert_non_null(
		strstr(a->body, "Rate limit reached: 10 requests in 1m0s. Try again in 6s."));
	gh_test_end(t);
}

static void the_next_fits_when_retry_after_is_over_and_not_before(void **state)
{
	struct gh_test *t = begin("{ requests: 10, window: 1m }");
	(void)state;

	for (int n = 0; n < 10; n++)
		get(t);
	assert_header(get(t), "retry-after", "6");
	gh_test_advance(t, 5999);
	assert_int_equal(status(t), 429);
	gh_test_advance(t, 1);
	assert_int_equal(status(t), 200);
	assert_int_equal(status(t), 429);
	gh_test_end(t);
}

static void retry_after_is_rounded_up_and_at_least_1(void **state)
{
	struct gh_test *t = begin("{ requests: 1, window: 2001ms }");
	(void)state;

	get(t);
	assert_header(get(t), "retry-after", "3");
	gh_test_advance(t, 1);
	assert_header(get(t), "retry-after", "2");
	gh_test_advance(t, 1999);
	assert_header(get(t), "retry-after", "1");
	gh_test_end(t);
}

static void a_wait_that_no_sdk_sits_out_is_told_as_60_and_not_to_be_retried(void **state)
{
	struct gh_test *t = begin("{ requests: 1, window: 61s }");
	const struct gh_test_answer *a;
	(void)state;

	get(t);
	a = get(t);
	assert_header(a, "retry-after", "60");
	assert_header(a, "x-should-retry", "false");
	gh_test_advance(t, 1000);
	a = get(t);
	assert_header(a, "retry-after", "60");
	assert_null(gh_test_header(a, "x-should-retry"));
	gh_test_end(t);
}

static void every_answer_tells_what_is_left(void **state)
{
	struct gh_test *t = begin("{ requests: 2, window: 1m }");
	const struct gh_test_answer *a;
	(void)state;

	a = get(t);
	assert_header(a, "x-ratelimit-limit-requests", "2");
	assert_header(a, "x-ratelimit-remaining-requests", "1");
	assert_header(a, "x-ratelimit-reset-requests", "30s");
	a = get(t);
	assert_header(a, "x-ratelimit-remaining-requests", "0");
	assert_header(a, "x-ratelimit-reset-requests", "1m0s");
	gh_test_advance(t, 12);
	a = get(t);
	assert_int_equal(a->status, 429);
	assert_header(a, "x-ratelimit-limit-requests", "2");
	assert_header(a, "x-ratelimit-remaining-requests", "0");
	assert_header(a, "x-ratelimit-reset-requests", "59.988s");
	gh_test_end(t);
}

static void what_the_upstream_says_of_its_own_limit_is_not_told_too(void **state)
{
	struct gh_test *t = begin("{ requests: 2, window: 1m }");
	const struct gh_test_answer *a;
	const char *first;
	(void)state;

	gh_test_upstream(t, 200, "X-RateLimit-Limit-Requests: 9999\r\n", "ok");
	a = get(t);
	assert_header(a, "x-ratelimit-limit-requests", "2");
	first = strcasestr(a->headers, "x-ratelimit-limit-requests:");
	assert_non_null(first);
	assert_null(strcasestr(first + 1, "x-ratelimit-limit-requests:"));
	gh_test_end(t);
}

static void burst_says_how_many_come_at_once(void **state)
{
	struct gh_test *t = begin("{ requests: 10, window: 1s, burst: 3 }");
	(void)state;

	assert_header(get(t), "x-ratelimit-limit-requests", "3");
	get(t);
	assert_int_equal(status(t), 200);
	assert_int_equal(status(t), 429);
	gh_test_advance(t, 100);
	assert_int_equal(status(t), 200);
	assert_int_equal(status(t), 429);
	gh_test_end(t);
}

static void of_several_limits_all_must_fit_and_none_is_charged_in_part(void **state)
{
	struct gh_test *t = begin("limits: [ { requests: 1, window: 1s },"
				  " { requests: 60, window: 1m, burst: 2 } ]");
	const struct gh_test_answer *a;
	(void)state;

	a = get(t);
	assert_int_equal(a->status, 200);
	assert_header(a, "x-ratelimit-limit-requests", "1");
	for (int n = 0; n < 5; n++)
		assert_header(get(t), "x-ratelimit-limit-requests", "1");
	gh_test_advance(t, 1000);
	a = get(t);
	/* Had the five been charged, nothing were left of the second. */
	assert_int_equal(a->status, 200);
	gh_test_end(t);
}

static void the_tightest_limit_is_told_and_of_two_such_the_slower(void **state)
{
	struct gh_test *t = begin("limits: [ { requests: 5, window: 1s },"
				  " { requests: 6, window: 1m }, { requests: 6, window: 1h } ]");
	const struct gh_test_answer *a;
	(void)state;

	a = get(t);
	assert_header(a, "x-ratelimit-limit-requests", "5");
	assert_header(a, "x-ratelimit-remaining-requests", "4");
	assert_header(a, "x-ratelimit-reset-requests", "200ms");
	gh_test_advance(t, 1000); /* the first has all five again */
	a = get(t);
	assert_header(a, "x-ratelimit-limit-requests", "6");
	assert_header(a, "x-ratelimit-remaining-requests", "4");
	assert_header(a, "x-ratelimit-reset-requests", "19m59s");
	gh_test_end(t);
}

/* ---- Keys ---- */

static void addresses_have_a_limit_each(void **state)
{
	struct gh_test *t = begin("{ requests: 1, window: 1m }");
	(void)state;

	assert_int_equal(status_from(t, "192.0.2.1"), 200);
	assert_int_equal(status_from(t, "192.0.2.2"), 200);
	assert_int_equal(status_from(t, "192.0.2.1"), 429);
	gh_test_end(t);
}

static void an_ipv6_network_of_64_bits_is_one_client(void **state)
{
	struct gh_test *t = begin("{ requests: 1, window: 1m }");
	(void)state;

	assert_int_equal(status_from(t, "2001:db8:1:2::1"), 200);
	assert_int_equal(status_from(t, "2001:db8:1:2:ffff::9"), 429);
	assert_int_equal(status_from(t, "2001:db8:1:3::1"), 200);
	gh_test_end(t);
}

static void prefixes_are_as_set_on_any_bit(void **state)
{
	struct gh_test *t = begin("{ requests: 1, window: 1m, ipv4_prefix: 23, ipv6_prefix: 47 }");
	(void)state;

	assert_int_equal(status_from(t, "192.0.2.1"), 200);
	assert_int_equal(status_from(t, "192.0.3.255"), 429);
	assert_int_equal(status_from(t, "192.0.4.1"), 200);
	assert_int_equal(status_from(t, "2001:db8:2::1"), 200);
	assert_int_equal(status_from(t, "2001:db8:3::1"), 429);
	assert_int_equal(status_from(t, "2001:db8:4::1"), 200);
	gh_test_end(t);
}

static void a_mapped_address_is_the_ipv4_address(void **state)
{
	struct gh_test *t = begin("{ requests: 1, window: 1m }");
	(void)state;

	assert_int_equal(status_from(t, "192.0.2.1"), 200);
	assert_int_equal(status_from(t, "::ffff:192.0.2.1"), 429);
	gh_test_end(t);
}

static void a_header_can_be_the_key(void **state)
{
	struct gh_test *t = begin("{ requests: 1, window: 1m, key: 'header:X-Tenant' }");
	(void)state;

	assert_int_equal(status_with(t, "x-tenant: a\r\n"), 200);
	assert_int_equal(status_with(t, "X-TENANT: b\r\n"), 200);
	assert_int_equal(status_with(t, "X-Tenant: a\r\n"), 429);
	gh_test_end(t);
}

static void without_the_header_the_address_counts(void **state)
{
	struct gh_test *t = begin("{ requests: 1, window: 1m, key: 'header:X-Tenant' }");
	(void)state;

	assert_int_equal(status(t), 200);
	assert_int_equal(status_with(t, "X-Tenant:\r\n"), 429);
	assert_int_equal(status_from(t, "192.0.2.2"), 200);
	gh_test_end(t);
}

static void a_header_cannot_pass_for_an_address(void **state)
{
	struct gh_test *t = begin("{ requests: 1, window: 1m, key: 'header:X-Tenant' }");
	(void)state;

	gh_test_client(t, "97.98.99.100"); /* "abcd" */
	assert_int_equal(status(t), 200);
	assert_int_equal(status_with(t, "X-Tenant: abcd\r\n"), 200);
	gh_test_end(t);
}

static void without_a_caller_the_user_is_the_address(void **state)
{
	struct gh_test *t = begin("{ requests: 1, window: 1m, key: user }");
	(void)state;

	assert_int_equal(status_from(t, "192.0.2.1"), 200);
	assert_int_equal(status_from(t, "192.0.2.1"), 429);
	assert_int_equal(status_from(t, "192.0.2.2"), 200);
	gh_test_end(t);
}

static void no_key_is_told_or_logged(void **state)
{
	struct gh_test *t = begin("{ requests: 1, window: 1m, key: 'header:X-Secret' }");
	const struct gh_test_answer *a;
	(void)state;

	status_with(t, "X-Secret: hunter22\r\n");
	a = gh_test_send(t, "GET", "/", "X-Secret: hunter22\r\n", NULL);
	assert_int_equal(a->status, 429);
	assert_null(strstr(a->body, "hunter22"));
	assert_null(strstr(a->headers, "hunter22"));
	assert_null(strstr(a->log, "hunter22"));
	gh_test_end(t);
}

/* ---- Reloads ---- */

static void counters_survive_a_reload(void **state)
{
	struct gh_test *t = begin("{ requests: 2, window: 1m }");
	(void)state;

	assert_int_equal(status(t), 200);
	assert_int_equal(gh_test_reload(t, "{ window: 60s, requests: 2, burst: 2 }"), 0);
	assert_int_equal(status(t), 200);
	assert_int_equal(status(t), 429);
	assert_int_equal(gh_test_reload(t, "limits: [ { requests: 2, window: 1m } ]"), 0);
	assert_int_equal(status(t), 429);
	gh_test_end(t);
}

static void another_limit_begins_anew(void **state)
{
	static const char *const options[] = {
		"{ requests: 3, window: 1m }",
		"{ requests: 3, window: 2m }",
		"{ requests: 3, window: 2m, burst: 4 }",
		"{ requests: 9, window: 2m, burst: 4 }",
		"{ requests: 3, window: 2m, burst: 4, max_keys: 100 }",
		"{ requests: 3, window: 2m, burst: 4, ipv4_prefix: 24 }",
		"{ requests: 3, window: 2m, burst: 4, name: a }",
		"{ requests: 3, window: 2m, burst: 4, name: b }",
	};
	struct gh_test *t = begin("{ requests: 2, window: 1m }");
	(void)state;

	for (size_t i = 0; i < GH_COUNT_OF(options); i++) {
		const char *burst = strstr(options[i], "burst: 4") ? "3" : "2";

		while (status(t) != 429)
			;
		assert_int_equal(gh_test_reload(t, options[i]), 0);
		assert_header(get(t), "x-ratelimit-remaining-requests", burst);
	}
	gh_test_end(t);
}

static void a_refused_reload_leaves_the_counters(void **state)
{
	struct gh_test *t = begin("{ requests: 1, window: 1m }");
	(void)state;

	assert_int_equal(status(t), 200);
	assert_int_equal(gh_test_reload(t, "{ requests: 1 }"), -1);
	assert_int_equal(status(t), 429);
	gh_test_end(t);
}

/* ---- Options ---- */

#define NEEDS "a limit needs `window` and `requests`, `tokens` or both"

static void a_limit_must_be_given_and_once(void **state)
{
	(void)state;
	assert_refused(NULL, NEEDS);
	assert_refused("{ requests: 10 }", NEEDS);
	assert_refused("{ window: 10s }", NEEDS);
	assert_refused("{ requests: 1, window: 1s, limits: [ { requests: 1, window: 1s } ] }",
		       "there are both `limits` and a limit beside it");
	assert_refused("{ burst: 1, limits: [ { requests: 1, window: 1s } ] }",
		       "there are both `limits` and a limit beside it");
	assert_refused("limits: [ { requests: 1 } ]", "window");
}

static void numbers_out_of_range_are_refused(void **state)
{
	(void)state;
	assert_refused("{ requests: 0, window: 1s }", "requests");
	assert_refused("{ requests: -1, window: 1s }", "requests");
	assert_refused("{ requests: 100000001, window: 1s }", "requests");
	assert_refused("{ requests: 1, window: 0s }", "window");
	assert_refused("{ requests: 1, window: 367d }", "window");
	assert_refused("{ requests: 1, window: 1s, ipv4_prefix: 33 }", "ipv4_prefix");
	assert_refused("{ requests: 1, window: 1s, ipv6_prefix: 129 }", "ipv6_prefix");
	assert_refused("{ requests: 1, window: 1s, max_keys: 1 }", "max_keys");
}

static void a_key_that_is_none_is_refused(void **state)
{
	(void)state;
	assert_refused("{ requests: 1, window: 1s, key: ip }",
		       "'ip' is no key; write client_ip, user or header:NAME");
	assert_refused("{ requests: 1, window: 1s, key: 'header:' }", "cannot be a key");
	assert_refused("{ requests: 1, window: 1s, key: 'header:a b' }", "cannot be a key");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_too_much_gets_429_and_goes_no_further),
		cmocka_unit_test(the_next_fits_when_retry_after_is_over_and_not_before),
		cmocka_unit_test(retry_after_is_rounded_up_and_at_least_1),
		cmocka_unit_test(a_wait_that_no_sdk_sits_out_is_told_as_60_and_not_to_be_retried),
		cmocka_unit_test(every_answer_tells_what_is_left),
		cmocka_unit_test(what_the_upstream_says_of_its_own_limit_is_not_told_too),
		cmocka_unit_test(burst_says_how_many_come_at_once),
		cmocka_unit_test(of_several_limits_all_must_fit_and_none_is_charged_in_part),
		cmocka_unit_test(the_tightest_limit_is_told_and_of_two_such_the_slower),
		cmocka_unit_test(addresses_have_a_limit_each),
		cmocka_unit_test(an_ipv6_network_of_64_bits_is_one_client),
		cmocka_unit_test(prefixes_are_as_set_on_any_bit),
		cmocka_unit_test(a_mapped_address_is_the_ipv4_address),
		cmocka_unit_test(a_header_can_be_the_key),
		cmocka_unit_test(without_the_header_the_address_counts),
		cmocka_unit_test(a_header_cannot_pass_for_an_address),
		cmocka_unit_test(without_a_caller_the_user_is_the_address),
		cmocka_unit_test(no_key_is_told_or_logged),
		cmocka_unit_test(counters_survive_a_reload),
		cmocka_unit_test(another_limit_begins_anew),
		cmocka_unit_test(a_refused_reload_leaves_the_counters),
		cmocka_unit_test(a_limit_must_be_given_and_once),
		cmocka_unit_test(numbers_out_of_range_are_refused),
		cmocka_unit_test(a_key_that_is_none_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
