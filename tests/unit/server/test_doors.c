/* Doors by what the config says of an address, and when it says something else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/net/certificate.h"
#include "core/server/doors.h"

static struct gh_str proxies[] = { GH_STR_INIT("10.0.0.0/8"), GH_STR_INIT("fd00::1") };
static struct gh_str other[] = { GH_STR_INIT("10.0.0.0/9"), GH_STR_INIT("fd00::1") };
static struct gh_str local[] = { GH_STR_INIT("unix") };
static struct gh__handler_config sources[2];

#define NAME GH_STR_INIT("127.0.0.1:1")

static const struct gh__listen_config configs[] = {
	{ .address = NAME },
	{ .address = NAME, .h2c = true },
	{ .address = NAME, .tls = { sources, 1 } },
	{ .address = NAME, .proxy_protocol = { proxies, 1 } },
	{ .address = NAME, .proxy_protocol = { proxies, 2 } },
	{ .address = NAME, .proxy_protocol = { other, 2 } },
	{ .address = NAME, .proxy_protocol = { local, 1 } },
	{ .address = NAME, .identity = { GH__IDENTITY_TAILSCALE } },
};

static void a_door_fits_what_it_was_made_for_and_nothing_else(void **state)
{
	(void)state;
	for (size_t i = 0; i < GH_COUNT_OF(configs); i++) {
		struct gh__door *d = gh__door_make(configs + i, NULL);

		for (size_t k = 0; k < GH_COUNT_OF(configs); k++)
			if (gh__door_fits(d, configs + k) != (i == k))
				fail_msg("door %zu, config %zu", i, k);
		assert_int_equal(atomic_load(&d->refs), 1);
		gh__door_unref(d);
	}
}

static void other_sources_are_no_other_door(void **state)
{
	struct gh__listen_config two = { .address = NAME, .tls = { sources, 2 } };
	struct gh__door *d = gh__door_make(configs + 2, NULL);

	(void)state;
	assert_true(gh__door_fits(d, &two));
	gh__door_unref(d);
}

static void certificates_pass_to_the_next_door(void **state)
{
	struct gh__listen_config changed = { .address = NAME,
					     .tls = { sources, 1 },
					     .proxy_protocol = { proxies, 1 } };
	struct gh__door *before = gh__door_make(configs + 2, NULL),
			*after = gh__door_make(&changed, before),
			*plain = gh__door_make(configs, after),
			*again = gh__door_make(&changed, plain);

	(void)state;
	assert_non_null(before->shelf);
	assert_ptr_equal(after->shelf, before->shelf);
	assert_null(plain->shelf);
	assert_non_null(again->shelf);
	assert_ptr_not_equal(again->shelf, before->shelf);
	gh__door_unref(before);
	assert_null(gh__shelf_pick(after->shelf, GH_STR(""))); /* it is still there */
	gh__door_unref(after);
	gh__door_unref(plain);
	gh__door_unref(again);
}

static void a_proxy_is_known_by_its_address(void **state)
{
	struct gh_address inside = { .family = AF_INET, .bytes = { 10, 1, 2, 3 } };
	struct gh_address outside = { .family = AF_INET, .bytes = { 11, 1, 2, 3 } };
	struct gh_address named = { .family = AF_INET6, .bytes = { 0xfd, [15] = 1 } };
	struct gh_address unix_peer = { .family = AF_UNIX };
	struct gh__door *d = gh__door_make(configs + 4, NULL),
			*on_unix = gh__door_make(configs + 6, NULL);

	(void)state;
	assert_true(gh__door_is_proxy(d, &inside));
	assert_true(gh__door_is_proxy(d, &named));
	assert_false(gh__door_is_proxy(d, &outside));
	assert_false(gh__door_is_proxy(d, &unix_peer));
	assert_true(gh__door_is_proxy(on_unix, &unix_peer));
	assert_false(gh__door_is_proxy(on_unix, &inside));
	gh__door_unref(d);
	gh__door_unref(on_unix);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_door_fits_what_it_was_made_for_and_nothing_else),
		cmocka_unit_test(other_sources_are_no_other_door),
		cmocka_unit_test(certificates_pass_to_the_next_door),
		cmocka_unit_test(a_proxy_is_known_by_its_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
