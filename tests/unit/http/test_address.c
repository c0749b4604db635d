/* Addresses and networks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/http/text.h"

static void addresses_are_read_and_written(void **state)
{
	static const struct {
		const char *text, *canonical; /* NULL: refused */
		sa_family_t family;
		uint16_t port;
	} cases[] = {
		{ "192.0.2.1", "192.0.2.1", AF_INET, 0 },
		{ "0.0.0.0", "0.0.0.0", AF_INET, 0 },
		{ "255.255.255.255", "255.255.255.255", AF_INET, 0 },
		{ "192.0.2.1:80", "192.0.2.1", AF_INET, 80 },
		{ "192.0.2.1:65535", "192.0.2.1", AF_INET, 65535 },
		{ "::", "::", AF_INET6, 0 },
		{ "::1", "::1", AF_INET6, 0 },
		{ "2001:DB8::1", "2001:db8::1", AF_INET6, 0 },
		{ "2001:db8:0:0:0:0:0:1", "2001:db8::1", AF_INET6, 0 },
		{ "[2001:db8::1]", "2001:db8::1", AF_INET6, 0 },
		{ "[2001:db8::1]:443", "2001:db8::1", AF_INET6, 443 },
		{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		  "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", AF_INET6, 0 },
		/* IPv4 in IPv6's clothes is IPv4. */
		{ "::ffff:192.0.2.1", "192.0.2.1", AF_INET, 0 },
		{ "::FFFF:c000:201", "192.0.2.1", AF_INET, 0 },
		{ "[::ffff:192.0.2.1]:80", "192.0.2.1", AF_INET, 80 },
		{ "", NULL, 0, 0 },
		{ "unknown", NULL, 0, 0 },
		{ "_hidden", NULL, 0, 0 },
		{ "localhost", NULL, 0, 0 },
		{ "192.0.2", NULL, 0, 0 },
		{ "192.0.2.256", NULL, 0, 0 },
		{ "192.0.2.01", NULL, 0, 0 },
		{ "192.0.2.1.", NULL, 0, 0 },
		{ "192.0.2.1.1", NULL, 0, 0 },
		{ " 192.0.2.1", NULL, 0, 0 },
		{ "192.0.2.1 ", NULL, 0, 0 },
		{ "0xc0000201", NULL, 0, 0 },
		{ "3221225985", NULL, 0, 0 },
		{ "192.0.2.1:", NULL, 0, 0 },
		{ "192.0.2.1:x", NULL, 0, 0 },
		{ "192.0.2.1:65536", NULL, 0, 0 },
		{ "192.0.2.1:080", NULL, 0, 0 },
		{ "192.0.2.1:-1", NULL, 0, 0 },
		{ "[192.0.2.1]", NULL, 0, 0 },
		{ "[192.0.2.1]:80", NULL, 0, 0 },
		{ "[::1", NULL, 0, 0 },
		{ "::1]", NULL, 0, 0 },
		{ "[::1]x", NULL, 0, 0 },
		{ "[::1]:", NULL, 0, 0 },
		{ "[]", NULL, 0, 0 },
		{ ":::", NULL, 0, 0 },
		{ "1::2::3", NULL, 0, 0 },
		{ "fe80::1%eth0", NULL, 0, 0 },
		{ "12345::1", NULL, 0, 0 },
		{ "2001:db8:0:0:0:0:0:1:2", NULL, 0, 0 },
		{ "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000", NULL, 0, 0 },
		{ "192.0.2.0/24", NULL, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < GH_COUNT_OF(cases); i++) {
		struct gh_address a = { .port = 4711 };
		char text[46];

		int r = gh__address_from(gh_str(cases[i].text), &a);
		if ((r == 0) != (cases[i].canonical != NULL))
			fail_msg("%s: %d", cases[i].text, r);
		if (r) {
			assert_int_equal(a.port, 4711);
			continue;
		}
		assert_int_equal(a.family, cases[i].family);
		assert_int_equal(a.port, cases[i].port);
		size_t len = gh__address_text(&a, text);
		assert_int_equal(len, strlen(cases[i].canonical));
		assert_memory_equal(text, cases[i].canonical, len);
	}
}

static void a_nul_does_not_end_an_address(void **state)
{
	struct gh_address a;

	(void)state;
	assert_int_equal(gh__address_from(GH_STR("192.0.2.1\0"), &a), -1);
	assert_int_equal(gh__address_from(GH_STR("::1\0evil"), &a), -1);
}

static void a_unix_socket_has_a_text(void **state)
{
	struct gh_address a = { .family = AF_UNIX };
	char text[46];

	(void)state;
	assert_int_equal(gh__address_text(&a, text), 4);
	assert_memory_equal(text, "unix", 4);
}

static void networks_have_their_addresses(void **state)
{
	static const struct {
		const char *cidr, *address;
		bool has;
	} cases[] = {
		{ "10.0.0.0/8", "10.255.255.255", true },
		{ "10.0.0.0/8", "11.0.0.0", false },
		{ "10.0.0.0/8", "9.255.255.255", false },
		{ "10.1.2.3/8", "10.9.9.9", true },
		{ "192.0.2.0/24", "192.0.2.255", true },
		{ "192.0.2.0/24", "192.0.3.0", false },
		{ "192.0.2.128/25", "192.0.2.127", false },
		{ "192.0.2.128/25", "192.0.2.128", true },
		{ "100.64.0.0/10", "100.127.255.255", true },
		{ "100.64.0.0/10", "100.128.0.0", false },
		{ "192.0.2.1", "192.0.2.1", true },
		{ "192.0.2.1", "192.0.2.2", false },
		{ "192.0.2.1/32", "192.0.2.1", true },
		{ "192.0.2.0/31", "192.0.2.1", true },
		{ "192.0.2.0/31", "192.0.2.2", false },
		{ "0.0.0.0/0", "255.1.2.3", true },
		{ "0.0.0.0/0", "::1", false },
		{ "::/0", "::1", true },
		{ "::/0", "192.0.2.1", false },
		{ "::1", "::1", true },
		{ "::1/128", "::2", false },
		{ "2001:db8::/32", "2001:db8:ffff::1", true },
		{ "2001:db8::/32", "2001:db9::1", false },
		{ "fc00::/7", "fdff::1", true },
		{ "fc00::/7", "fe00::1", false },
		{ "fd7a:115c:a1e0::/48", "fd7a:115c:a1e0:ab12::1", true },
		{ "192.0.2.0/24", "::ffff:192.0.2.7", true },
		{ "::ffff:192.0.2.0/120", "192.0.2.7", true },
		{ "::ffff:192.0.2.0/120", "192.0.3.7", false },
		{ "::ffff:0:0/96", "203.0.113.1", true },
		{ "::ffff:192.0.2.1", "192.0.2.1", true },
		{ "::ffff:192.0.2.1", "192.0.2.0", false },
	};

	(void)state;
	for (size_t i = 0; i < GH_COUNT_OF(cases); i++) {
		struct gh__cidr c;
		struct gh_address a;

		assert_int_equal(gh__cidr_from(gh_str(cases[i].cidr), &c), 0);
		assert_int_equal(gh__address_from(gh_str(cases[i].address), &a), 0);
		if (gh__cidr_has(&c, &a) != cases[i].has)
			fail_msg("%s has %s", cases[i].cidr, cases[i].address);
	}
}

static void a_unix_peer_is_in_no_network(void **state)
{
	struct gh_address a = { .family = AF_UNIX };
	struct gh__cidr c;

	(void)state;
	assert_int_equal(gh__cidr_from(GH_STR("0.0.0.0/0"), &c), 0);
	assert_false(gh__cidr_has(&c, &a));
	assert_int_equal(gh__cidr_from(GH_STR("::/0"), &c), 0);
	assert_false(gh__cidr_has(&c, &a));
}

static void bad_networks_are_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"/",
		"/8",
		"10.0.0.0/",
		"10.0.0.0/33",
		"10.0.0.0/-1",
		"10.0.0.0/+8",
		"10.0.0.0/08",
		"10.0.0.0/8/8",
		"10.0.0.0/8 ",
		"10.0.0.0/ 8",
		"10.0.0.0/x",
		"10.0.0.0/255.0.0.0",
		"10.0.0/8",
		"10/8",
		"::/129",
		"::1/",
		"[::1]",
		"[::1]/128",
		"10.0.0.1:80",
		"10.0.0.0/99999999999",
		"::ffff:10.0.0.0/95",
		"::ffff:0:0/129",
		"a/8",
	};

	(void)state;
	for (size_t i = 0; i < GH_COUNT_OF(bad); i++) {
		struct gh__cidr c;
		if (gh__cidr_from(gh_str(bad[i]), &c) == 0)
			fail_msg("%s was taken", bad[i]);
	}
}

static void sameness_does_not_ask_for_the_port(void **state)
{
	struct gh_address a, b;

	(void)state;
	assert_int_equal(gh__address_from(GH_STR("192.0.2.1:80"), &a), 0);
	assert_int_equal(gh__address_from(GH_STR("::ffff:192.0.2.1"), &b), 0);
	assert_true(gh__address_same(&a, &b));
	assert_int_equal(gh__address_from(GH_STR("192.0.2.2"), &b), 0);
	assert_false(gh__address_same(&a, &b));
	assert_int_equal(gh__address_from(GH_STR("::1"), &b), 0);
	assert_false(gh__address_same(&a, &b));
	assert_int_equal(gh__address_from(GH_STR("::2"), &a), 0);
	assert_false(gh__address_same(&a, &b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_read_and_written),
		cmocka_unit_test(a_nul_does_not_end_an_address),
		cmocka_unit_test(a_unix_socket_has_a_text),
		cmocka_unit_test(networks_have_their_addresses),
		cmocka_unit_test(a_unix_peer_is_in_no_network),
		cmocka_unit_test(bad_networks_are_refused),
		cmocka_unit_test(sameness_does_not_ask_for_the_port),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
