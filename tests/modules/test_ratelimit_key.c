/* Whom ratelimit counts a request for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "modules/ratelimit/key.h"

static bool same(const char *key_a, const struct gh_request *a, const char *key_b,
		 const struct gh_request *b)
{
	struct ratelimit_whose whose[2];
	struct ratelimit_key k;
	char why[128];

	assert_int_equal(ratelimit_key_from(gh_str(key_a), &k, why, sizeof why), 0);
	k.ipv4_bits = 32;
	k.ipv6_bits = 64;
	ratelimit_key_of(&k, a, &whose[0]);
	assert_int_equal(ratelimit_key_from(gh_str(key_b), &k, why, sizeof why), 0);
	k.ipv4_bits = 32;
	k.ipv6_bits = 64;
	ratelimit_key_of(&k, b, &whose[1]);
	return whose[0].kind == whose[1].kind && gh_str_eq(whose[0].text, whose[1].text);
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
	assert_true(same("user", &alice, "user", &elsewhere));
	assert_false(same("user", &alice, "user", &bob));
	assert_false(same("user", &alice, "user", &nobody));
	assert_true(same("user", &nobody, "client_ip", &nobody));
	assert_true(same("client_ip", &alice, "client_ip", &bob));
}

static void a_user_whose_name_is_an_address_is_no_address(void **state)
{
	struct gh_request address = { .client = { .family = AF_INET,
						  .bytes = { 'a', 'b', 'c', 'd' } } };
	struct gh_request user = address;
	(void)state;

	user.caller = GH_STR("abcd");
	assert_false(same("user", &user, "user", &address));
}

static void all_that_come_over_a_unix_socket_are_one(void **state)
{
	struct gh_request a = { .client = { .family = AF_UNIX } };
	struct gh_request b = { .client = { .family = AF_UNIX, .port = 7, .bytes = { 9 } } };
	struct gh_request spelled = { .client = { .family = AF_INET,
						  .bytes = { 'u', 'n', 'i', 'x' } } };
	struct gh_request zero = { .client = { .family = AF_INET } };
	(void)state;

	assert_true(same("client_ip", &a, "client_ip", &b));
	assert_false(same("client_ip", &a, "client_ip", &spelled));
	assert_false(same("client_ip", &a, "client_ip", &zero));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_user_is_one_wherever_the_calls_come_from),
		cmocka_unit_test(a_user_whose_name_is_an_address_is_no_address),
		cmocka_unit_test(all_that_come_over_a_unix_socket_are_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
