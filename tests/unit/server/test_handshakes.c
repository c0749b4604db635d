/* How many handshakes an address may begin: a bucket each, in a table that does not grow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <gatehouse/base.h>

#include "core/server/handshakes.h"

static struct gh_address v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
	return (struct gh_address){ .family = AF_INET, .port = 1, .bytes = { a, b, c, d } };
}

static struct gh_address v6(uint8_t network, uint8_t host)
{
	return (struct gh_address){ .family = AF_INET6,
				    .bytes = { 0x20, 1, [7] = network, [15] = host } };
}

static unsigned take_all(struct gh__handshakes *h, struct gh_address a, int64_t rate, uint64_t now)
{
	unsigned taken = 0;

	while (taken < 100000 && gh__handshakes_take(h, &a, rate, now))
		taken++;
	return taken;
}

static void a_bucket_holds_ten_seconds_and_fills_at_its_rate(void **state)
{
	struct gh__handshakes *h = gh__handshakes_create();
	struct gh_address a = v4(192, 0, 2, 1);

	(void)state;
	assert_int_equal(take_all(h, a, 20, 1000), 200);
	assert_int_equal(take_all(h, a, 20, 1049), 0);
	assert_int_equal(take_all(h, a, 20, 1050), 1);
	assert_int_equal(take_all(h, a, 20, 2050), 20);
	assert_int_equal(take_all(h, a, 20, 9000000), 200);
	/* Another clock that is a little behind: nothing is won by it. */
	assert_int_equal(take_all(h, a, 20, 8999000), 0);
	assert_int_equal(take_all(h, a, 20, 9000000), 0);
	assert_int_equal(take_all(h, a, 20, UINT64_MAX), 200);
	gh__handshakes_destroy(h);
	gh__handshakes_destroy(NULL);
}

static void each_address_has_its_own_and_a_network_of_ipv6_one(void **state)
{
	struct gh__handshakes *h = gh__handshakes_create();
	struct gh_address other_port = v4(192, 0, 2, 1);

	(void)state;
	other_port.port = 2;
	assert_int_equal(take_all(h, v4(192, 0, 2, 1), 1, 0), 10);
	assert_int_equal(take_all(h, other_port, 1, 0), 0);
	assert_int_equal(take_all(h, v4(192, 0, 2, 2), 1, 0), 10);
	assert_int_equal(take_all(h, v6(1, 1), 1, 0), 10);
	assert_int_equal(take_all(h, v6(1, 2), 1, 0), 0);
	assert_int_equal(take_all(h, v6(2, 1), 1, 0), 10);
	gh__handshakes_destroy(h);
}

static void loopback_and_unix_sockets_have_none(void **state)
{
	struct gh__handshakes *h = gh__handshakes_create();
	struct gh_address local = { .family = AF_UNIX };
	struct gh_address v6_loopback = { .family = AF_INET6, .bytes = { [15] = 1 } };

	(void)state;
	assert_int_equal(take_all(h, v4(127, 0, 0, 1), 1, 0), 100000);
	assert_int_equal(take_all(h, v4(127, 9, 9, 9), 1, 0), 100000);
	assert_int_equal(take_all(h, v6_loopback, 1, 0), 100000);
	assert_int_equal(take_all(h, local, 1, 0), 100000);
	assert_int_equal(take_all(h, v4(192, 0, 2, 1), 0, 0), 100000);
	gh__handshakes_destroy(h);
}

static void a_reload_that_takes_the_rate_down_takes_what_is_over_it(void **state)
{
	struct gh__handshakes *h = gh__handshakes_create();
	struct gh_address a = v4(192, 0, 2, 1);

	(void)state;
	assert_true(gh__handshakes_take(h, &a, 1000, 0));
	assert_int_equal(take_all(h, a, 2, 0), 20);
	gh__handshakes_destroy(h);
}

/* Addresses that come once each push out those that came once, and not the one that is empty. */
static void an_empty_bucket_outlives_any_number_of_full_ones(void **state)
{
	struct gh__handshakes *h = gh__handshakes_create();
	struct gh_address busy = v4(192, 0, 2, 1);

	(void)state;
	assert_int_equal(take_all(h, busy, 20, 0), 200);
	for (unsigned i = 0; i < 200000; i++) {
		struct gh_address a = v4(10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i);
		assert_true(gh__handshakes_take(h, &a, 20, 0));
	}
	assert_false(gh__handshakes_take(h, &busy, 20, 0));
	gh__handshakes_destroy(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bucket_holds_ten_seconds_and_fills_at_its_rate),
		cmocka_unit_test(each_address_has_its_own_and_a_network_of_ipv6_one),
		cmocka_unit_test(loopback_and_unix_sockets_have_none),
		cmocka_unit_test(a_reload_that_takes_the_rate_down_takes_what_is_over_it),
		cmocka_unit_test(an_empty_bucket_outlives_any_number_of_full_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
