/* tailscale-auth: what it reads, what it writes, what it keeps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <gatehouse/test.h>

#include "modules/tailscale-auth/allow.h"
#include "modules/tailscale-auth/keep.h"
#include "modules/tailscale-auth/name.h"
#include "modules/tailscale-auth/who.h"

/* ---- whois and status ---- */

#define NODE(more) "\"Node\":{\"ID\":2,\"Name\":\"laptop.tail1.ts.net.\"" more "}"
#define USER(login) \
	"\"UserProfile\":{\"ID\":1,\"LoginName\":" login \
	",\"DisplayName\":\"Zo\\u00eb\",\"ProfilePicURL\":\"https://example.com/p.png\"}"
#define ALICE USER("\"alice@example.com\"")

static void a_user_and_a_tagged_machine_are_told_apart(void **state)
{
	struct tailscale_who w;

	(void)state;
	assert_int_equal(tailscale_who_read(GH_STR("{" NODE("") "," ALICE ",\"CapMap\":null}"), &w),
			 0);
	assert_int_equal(w.kind, TAILSCALE_USER);
	assert_string_equal(w.login, "alice@example.com");
	assert_string_equal(w.name, "Zo\u00eb");
	assert_string_equal(w.picture, "https://example.com/p.png");
	assert_string_equal(w.node, "laptop.tail1.ts.net");
	assert_true(gh_str_is(tailscale_who_tailnet(&w), "tail1.ts.net"));
	assert_false(w.shared);

	assert_int_equal(
		tailscale_who_read(GH_STR("{" NODE(",\"Tags\":[\"tag:ci\",\"tag:b-2\"]") "," USER(
					   "\"tagged-devices\"") "}"),
				   &w),
		0);
	assert_int_equal(w.kind, TAILSCALE_TAGGED);
	assert_string_equal(w.tags, "tag:ci tag:b-2");

	/* Whichever of the two says it. */
	assert_int_equal(
		tailscale_who_read(GH_STR("{" NODE("") "," USER("\"tagged-devices\"") "}"), &w), 0);
	assert_int_equal(w.kind, TAILSCALE_TAGGED);
	assert_int_equal(
		tailscale_who_read(GH_STR("{" NODE(",\"Tags\":[\"tag:ci\"]") "," ALICE "}"), &w),
		0);
	assert_int_equal(w.kind, TAILSCALE_TAGGED);

	assert_int_equal(
		tailscale_who_read(
			GH_STR("{" NODE(",\"Hostinfo\":{\"ShareeNode\":true}") "," ALICE "}"), &w),
		0);
	assert_true(w.shared);
}

static void what_is_not_of_tailscaled_names_nobody(void **state)
{
	static const char *const bad[] = {
		"",
		"{}",
		"[]",
		"null",
		"\"alice@example.com\"",
		"{" NODE("") "}",
		"{" ALICE "}",
		"{" NODE("") "," ALICE,
		"{" NODE("") "," ALICE "}}",
		"{" NODE("") "," ALICE "," USER("\"root@example.com\"") "}",
		"{" NODE(",\"Name\":\"x.\"") "," ALICE "}",
		"{" NODE(",\"Tags\":[],\"Tags\":[\"tag:ci\"]") "," ALICE "}",
		"{" NODE(",\"Tags\":\"tag:ci\"") "," ALICE "}",
		"{" NODE(",\"Tags\":{\"0\":\"tag:ci\"}") "," ALICE "}",
		"{" NODE(",\"Tags\":[7]") "," ALICE "}",
		"{" NODE(",\"Tags\":[\"ci\"]") "," ALICE "}",
		"{" NODE(",\"Tags\":[\"tag:a tag:ci\"]") "," ALICE "}",
		"{" NODE(",\"Hostinfo\":{\"ShareeNode\":\"yes\"}") "," ALICE "}",
		"{\"Node\":{\"Name\":\"\"}," ALICE "}",
		"{\"Node\":{\"Name\":\".\"}," ALICE "}",
		"{\"Node\":null," ALICE "}",
		"{\"Node\":[]," ALICE "}",
		"{" NODE("") "," USER("\"\"") "}",
		"{" NODE("") "," USER("null") "}",
		"{" NODE("") "," USER("7") "}",
		"{" NODE("") "," USER("\"alice\\u0000@example.com\"") "}",
		"{" NODE("") "," USER("\"alice\\r\\n@example.com\"") "}",
		"{" NODE("") ",\"UserProfile\":{\"LoginName\":\"a@b\",\"LoginName\":\"c@d\"}}",
	};
	struct tailscale_who w = { .kind = TAILSCALE_OUTSIDE };
	char json[1024], login[300];

	(void)state;
	for (size_t i = 0; i < GH_COUNT_OF(bad); i++)
		if (tailscale_who_read(gh_str(bad[i]), &w) == 0)
			fail_msg("%s", bad[i]);
	memset(login, 'a', sizeof login - 1);
	login[sizeof login - 1] = 0;
	snprintf(json, sizeof json, "{" NODE("") "," USER("\"%s\"") "}", login);
	assert_int_equal(tailscale_who_read(gh_str(json), &w), -1);
	/* Untouched. */
	assert_int_equal(w.kind, TAILSCALE_OUTSIDE);
}

static void what_is_for_show_is_left_out_when_it_is_not_fit(void **state)
{
	struct tailscale_who w;

	(void)state;
	assert_int_equal(
		tailscale_who_read(GH_STR("{" NODE("") ",\"UserProfile\":{\"LoginName\":\"a@b\","
						       "\"DisplayName\":\"x\\r\\nY: z\","
						       "\"ProfilePicURL\":\"https://\\u00eb\"}}"),
				   &w),
		0);
	assert_string_equal(w.login, "a@b");
	assert_string_equal(w.name, "");
	assert_string_equal(w.picture, "");
}

static void tags_that_find_no_room_let_nobody_in(void **state)
{
	char json[8000] = "{\"Node\":{\"Name\":\"a.b.\",\"Tags\":[\"tag:first\"";
	struct tailscale_who w;

	(void)state;
	for (int i = 0; i < 100; i++)
		snprintf(json + strlen(json), sizeof json - strlen(json), ",\"tag:%040d\"", i);
	snprintf(json + strlen(json), sizeof json - strlen(json), ",\"tag:last\"]}," ALICE "}");
	assert_int_equal(tailscale_who_read(gh_str(json), &w), 0);
	assert_int_equal(w.kind, TAILSCALE_TAGGED);
	assert_true(strlen(w.tags) < sizeof w.tags);
	assert_true(tailscale_allow_tags(
		&(struct gh_strings){ &(struct gh_str)GH_STR_INIT("tag:first"), 1 },
		gh_str(w.tags)));
}

static void a_status_without_a_device_says_so(void **state)
{
	static const struct {
		const char *json;
		bool tun;
	} cases[] = {
		{ "{\"BackendState\":\"Running\",\"TUN\":true}", true },
		{ "{\"BackendState\":\"Running\",\"TUN\":false}", false },
		{ "{\"BackendState\":\"Running\"}", false },
		{ "{\"BackendState\":\"Running\",\"TUN\":\"true\"}", false },
		{ "{\"BackendState\":\"Running\",\"TUN\":1}", false },
	};
	static const char *const bad[] = {
		"",
		"{}",
		"{\"TUN\":true}",
		"{\"BackendState\":\"\"}",
		"{\"BackendState\":7}",
		"{\"BackendState\":\"Run ning\"}",
		"{\"BackendState\":\"Running\",\"BackendState\":\"Stopped\"}",
		"{\"BackendState\":\"Running\",\"TUN\":false,\"TUN\":true}",
		"{\"BackendState\":\"RunningRunningRunningRunningRunning\"}",
	};
	struct tailscale_status s;

	(void)state;
	for (size_t i = 0; i < GH_COUNT_OF(cases); i++) {
		assert_int_equal(tailscale_status_read(gh_str(cases[i].json), &s), 0);
		assert_string_equal(s.state, "Running");
		assert_int_equal(s.tun, cases[i].tun);
	}
	for (size_t i = 0; i < GH_COUNT_OF(bad); i++)
		if (tailscale_status_read(gh_str(bad[i]), &s) == 0)
			fail_msg("%s", bad[i]);
}

/* ---- Addresses ---- */

static struct gh_address four(uint8_t a, uint8_t b, uint16_t port)
{
	return (struct gh_address){ .family = AF_INET, .port = port, .bytes = { a, b, 0, 9 } };
}

static struct gh_address six(const uint8_t (*begin)[6], uint16_t port)
{
	struct gh_address a = { .family = AF_INET6, .port = port };

	memcpy(a.bytes, *begin, sizeof *begin);
	a.bytes[15] = 1;
	return a;
}

static const uint8_t tailnet_six[6] = { 0xfd, 0x7a, 0x11, 0x5c, 0xa1, 0xe0 },
		     other_six[6] = { 0xfd, 0x7a, 0x11, 0x5c, 0xa1, 0xe1 }, no_six[6];

static void the_tailnets_own_addresses_are_known(void **state)
{
	struct gh_address a;

	(void)state;
	a = four(100, 64, 1);
	assert_true(tailscale_is_inside(&a));
	a = four(100, 127, 1);
	assert_true(tailscale_is_inside(&a));
	a = four(100, 63, 1);
	assert_false(tailscale_is_inside(&a));
	a = four(100, 128, 1);
	assert_false(tailscale_is_inside(&a));
	a = four(101, 64, 1);
	assert_false(tailscale_is_inside(&a));
	a = six(&tailnet_six, 1);
	assert_true(tailscale_is_inside(&a));
	a = six(&other_six, 1);
	assert_false(tailscale_is_inside(&a));
	assert_false(tailscale_is_loopback(&a));
	a = six(&no_six, 1);
	assert_true(tailscale_is_loopback(&a));
	a = four(127, 3, 1);
	assert_true(tailscale_is_loopback(&a));
}

static void an_address_is_asked_about_with_its_port(void **state)
{
	char to[TAILSCALE_TARGET_SIZE];
	struct gh_address a = four(100, 64, 4321);

	(void)state;
	tailscale_who_target(&a, to);
	assert_string_equal(to, "/localapi/v0/whois?addr=100.64.0.9:4321&proto=tcp");
	a = six(&tailnet_six, 65535);
	tailscale_who_target(&a, to);
	assert_string_equal(to, "/localapi/v0/whois?addr=%5Bfd7a:115c:a1e0::1%5D:65535&proto=tcp");
}

/* ---- Who may pass ---- */

#define LIST(...) \
	(&(struct gh_strings){ (const struct gh_str[]){ __VA_ARGS__ }, \
			       GH_COUNT_OF(((const struct gh_str[]){ __VA_ARGS__ })) })

static void logins_domains_and_tags_are_kept_apart(void **state)
{
	const struct gh_strings *none = &(struct gh_strings){ 0 };
	const struct gh_strings *some = LIST(GH_STR_INIT("alice@example.com"),
					     GH_STR_INIT("*@example.org"), GH_STR_INIT("tag:ci"));

	(void)state;
	assert_true(tailscale_allow_user(some, GH_STR("alice@example.com")));
	assert_true(tailscale_allow_user(some, GH_STR("Alice@Example.com")));
	assert_true(tailscale_allow_user(some, GH_STR("bob@example.org")));
	assert_false(tailscale_allow_user(some, GH_STR("bob@example.com")));
	assert_false(tailscale_allow_user(some, GH_STR("bob@sub.example.org")));
	assert_false(tailscale_allow_user(some, GH_STR("bob@notexample.org")));
	assert_false(tailscale_allow_user(some, GH_STR("bob@example.org.evil.net")));
	assert_false(tailscale_allow_user(some, GH_STR("x@example.org@evil.net")));
	assert_false(tailscale_allow_user(some, GH_STR("x@evil.net@example.org")));
	assert_false(tailscale_allow_user(some, GH_STR("@example.org")));
	assert_false(tailscale_allow_user(some, GH_STR("malice@example.com")));
	/* A login is not a tag, and the other way round. */
	assert_false(tailscale_allow_user(some, GH_STR("tag:ci")));
	assert_false(tailscale_allow_tags(some, GH_STR("alice@example.com")));
	assert_true(tailscale_allow_tags(some, GH_STR("tag:a tag:ci")));
	assert_false(tailscale_allow_tags(some, GH_STR("tag:ci-2 tag:c")));
	assert_false(tailscale_allow_tags(some, GH_STR("")));
	assert_true(tailscale_allow_has_tags(some));

	assert_true(tailscale_allow_user(none, GH_STR("alice@example.com")));
	assert_false(tailscale_allow_tags(none, GH_STR("tag:ci")));
	assert_false(tailscale_allow_has_tags(none));
	assert_false(tailscale_allow_user(LIST(GH_STR_INIT("tag:ci")), GH_STR("a@b")));
	assert_true(tailscale_allow_user(LIST(GH_STR_INIT("*")), GH_STR("a@b")));
	assert_false(tailscale_allow_tags(LIST(GH_STR_INIT("*")), GH_STR("tag:ci")));
}

static void entries_that_mean_nothing_are_refused(void **state)
{
	static const char *const good[] = {
		"alice@example.com", "alice@github", "*@example.com", "*", "tag:ci", "tag:Build-2"
	};
	static const char *const bad[] = { "",         "alice",   "@example.com", "alice@", "*@",
					   "*alice@b", "a*@b",    "alice@*",      "a b@c",  "tag:",
					   "tag:a b",  "tag:a_b", "**",           "a\nb@c" };
	char why[300];

	(void)state;
	for (size_t i = 0; i < GH_COUNT_OF(good); i++)
		if (tailscale_allow_check(gh_str(good[i]), why, sizeof why) != 0)
			fail_msg("%s: %s", good[i], why);
	for (size_t i = 0; i < GH_COUNT_OF(bad); i++)
		if (tailscale_allow_check(gh_str(bad[i]), why, sizeof why) == 0)
			fail_msg("%s", bad[i]);
}

/* ---- Names in fields ---- */

static void assert_encoded(size_t (*how)(struct gh_str, char *), const char *text, const char *want)
{
	char *to = malloc(TAILSCALE_ENCODED_SIZE(strlen(text)));

	assert_int_equal(how(gh_str(text), to), strlen(want));
	assert_string_equal(to, want);
	free(to);
}

static void names_are_written_as_serve_does_or_as_open_webui_reads(void **state)
{
	(void)state;
	assert_encoded(tailscale_name_mime, "", "");
	assert_encoded(tailscale_name_mime, "Alice \"Q\" O'Neil =?_", "Alice \"Q\" O'Neil =?_");
	assert_encoded(tailscale_name_mime,
		       "Zo\u00eb Q_="
		       "?.",
		       "=?utf-8?q?Zo=C3=AB_Q=5F=3D=3F.?=");
	assert_encoded(tailscale_name_percent, "Alice 100%", "Alice 100%25");
	assert_encoded(tailscale_name_percent, "Zo\u00eb Q", "Zo%C3%AB Q");
	/* Words of 75 at most, and no character in two. */
	assert_encoded(
		tailscale_name_mime, "\u5c71\u7530\u5c71\u7530\u5c71\u7530\u5c71\u7530",
		"=?utf-8?q?=E5=B1=B1=E7=94=B0=E5=B1=B1=E7=94=B0=E5=B1=B1=E7=94=B0=E5=B1=B1?= "
		"=?utf-8?q?=E7=94=B0?=");
}

static void long_names_stay_within_what_is_promised(void **state)
{
	static const char *const characters[] = { "\u00eb", "\u5c71", "\U0001f98a", "a\u00eb" };
	char text[256];

	(void)state;
	for (size_t i = 0; i < GH_COUNT_OF(characters); i++) {
		text[0] = 0;
		while (strlen(text) + strlen(characters[i]) < sizeof text) {
			memcpy(text + strlen(text), characters[i], strlen(characters[i]) + 1);
			char *to = malloc(TAILSCALE_ENCODED_SIZE(strlen(text)));
			size_t len = tailscale_name_mime(gh_str(text), to);
			assert_true(len < TAILSCALE_ENCODED_SIZE(strlen(text)));
			for (size_t at = 0; at < len; at += strcspn(to + at, " ") + 1)
				assert_true(strcspn(to + at, " ") <= 75);
			free(to);
		}
	}
}

/* ---- What is kept ---- */

static void *make_keep(void)
{
	void *k = calloc(1, tailscale_keep_type.size);

	tailscale_keep_type.init(k);
	return k;
}

static void drop_keep(void *k)
{
	tailscale_keep_type.finish(k);
	free(k);
}

static bool knows(void *k, struct gh_address a, int64_t now, int64_t ttl, const char *login)
{
	struct tailscale_who w;

	return tailscale_keep_find(k, &a, now, ttl, &w) && strcmp(w.login, login) == 0;
}

static void put(void *k, struct gh_address a, int64_t now, enum tailscale_kind kind,
		const char *login)
{
	struct tailscale_who w = { .kind = kind };

	snprintf(w.login, sizeof w.login, "%s", login);
	tailscale_keep_put(k, &a, now, &w);
}

static void an_address_of_the_tailnet_is_kept_for_its_time(void **state)
{
	void *k = make_keep();

	(void)state;
	put(k, four(100, 64, 1), 1000, TAILSCALE_USER, "alice");
	assert_true(knows(k, four(100, 64, 1), 1000, 10000, "alice"));
	assert_true(knows(k, four(100, 64, 2), 10999, 10000, "alice")); /* any port */
	assert_false(knows(k, four(100, 64, 1), 11000, 10000, "alice"));
	assert_false(knows(k, four(100, 64, 1), 1000, 0, "alice"));
	assert_false(knows(k, four(100, 65, 1), 1000, 10000, "alice"));
	/* As bytes the same, and not the same. */
	struct gh_address a = four(100, 64, 1);
	a.family = AF_INET6;
	assert_false(knows(k, a, 1000, 10000, "alice"));
	put(k, six(&tailnet_six, 1), 1000, TAILSCALE_USER, "bob");
	assert_true(knows(k, six(&tailnet_six, 9), 1000, 10000, "bob"));
	/* The later word counts. */
	put(k, four(100, 64, 5), 2000, TAILSCALE_USER, "carol");
	assert_true(knows(k, four(100, 64, 1), 2000, 10000, "carol"));
	drop_keep(k);
}

static void a_port_that_may_be_anothers_in_a_moment_is_not_kept(void **state)
{
	void *k = make_keep();

	(void)state;
	put(k, four(127, 0, 1), 1000, TAILSCALE_USER, "alice");
	assert_false(knows(k, four(127, 0, 1), 1000, 10000, "alice"));
	put(k, six(&no_six, 1), 1000, TAILSCALE_USER, "alice");
	assert_false(knows(k, six(&no_six, 1), 1000, 10000, "alice"));
	put(k, four(192, 168, 1), 1000, TAILSCALE_USER, "alice");
	assert_false(knows(k, four(192, 168, 1), 1000, 10000, "alice"));
	put(k, four(127, 0, 1), 1000, TAILSCALE_OUTSIDE, "");
	assert_false(knows(k, four(127, 0, 1), 1000, 10000, ""));
	/* That the internet is no part of the tailnet is, by address and port. */
	put(k, four(203, 0, 1), 1000, TAILSCALE_OUTSIDE, "");
	assert_true(knows(k, four(203, 0, 1), 1000, 10000, ""));
	assert_false(knows(k, four(203, 0, 2), 1000, 10000, ""));
	drop_keep(k);
}

static void what_is_kept_is_bounded_and_right(void **state)
{
	void *k = make_keep();
	unsigned kept = 0;

	(void)state;
	for (unsigned i = 0; i < 5000; i++) {
		char login[16];
		struct gh_address a = { .family = AF_INET,
					.bytes = { 100, 64, (uint8_t)(i >> 8), (uint8_t)i } };
		snprintf(login, sizeof login, "%u", i);
		put(k, a, 1000 + i, TAILSCALE_USER, login);
		assert_true(knows(k, a, 1000 + i, 10000, login));
	}
	for (unsigned i = 0; i < 5000; i++) {
		char login[16];
		struct tailscale_who w;
		struct gh_address a = { .family = AF_INET,
					.bytes = { 100, 64, (uint8_t)(i >> 8), (uint8_t)i } };
		snprintf(login, sizeof login, "%u", i);
		if (!tailscale_keep_find(k, &a, 6000, 10000, &w))
			continue;
		assert_string_equal(w.login, login);
		kept++;
	}
	assert_in_range(kept, 400, 512);
	drop_keep(k);
}

static void a_status_is_good_for_a_while_and_trouble_ends_it(void **state)
{
	void *k = make_keep();
	struct tailscale_status s = { .state = "Running", .tun = true }, got = { 0 };

	(void)state;
	assert_int_equal(tailscale_keep_status(k, 0, &got), TAILSCALE_UNKNOWN);
	tailscale_keep_well(k, 1000, &s);
	assert_int_equal(tailscale_keep_status(k, 30999, &got), TAILSCALE_WELL);
	assert_true(got.tun);
	assert_int_equal(tailscale_keep_status(k, 31000, &got), TAILSCALE_UNKNOWN);
	tailscale_keep_well(k, 40000, &s);
	tailscale_keep_ill(k, 41000);
	assert_int_equal(tailscale_keep_status(k, 41999, &got), TAILSCALE_ILL);
	/* Not what was known before: it may run in another way now. */
	assert_int_equal(tailscale_keep_status(k, 42000, &got), TAILSCALE_UNKNOWN);
	drop_keep(k);
}

static void trouble_is_told_now_and_then(void **state)
{
	void *k = make_keep();
	struct tailscale_status s = { .state = "Running" };

	(void)state;
	assert_true(tailscale_keep_tell(k, TAILSCALE_FAILED, 1000));
	assert_false(tailscale_keep_tell(k, TAILSCALE_FAILED, 60999));
	assert_true(tailscale_keep_tell(k, TAILSCALE_FAILED, 61000));
	assert_true(tailscale_keep_tell(k, TAILSCALE_UNPROVEN, 1000));
	tailscale_keep_well(k, 2000, &s);
	assert_false(tailscale_keep_tell(k, TAILSCALE_UNPROVEN, 900000000));
	s.tun = true;
	tailscale_keep_well(k, 3000, &s);
	assert_true(tailscale_keep_tell(k, TAILSCALE_UNPROVEN, 4000));
	drop_keep(k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_user_and_a_tagged_machine_are_told_apart),
		cmocka_unit_test(what_is_not_of_tailscaled_names_nobody),
		cmocka_unit_test(what_is_for_show_is_left_out_when_it_is_not_fit),
		cmocka_unit_test(tags_that_find_no_room_let_nobody_in),
		cmocka_unit_test(a_status_without_a_device_says_so),
		cmocka_unit_test(the_tailnets_own_addresses_are_known),
		cmocka_unit_test(an_address_is_asked_about_with_its_port),
		cmocka_unit_test(logins_domains_and_tags_are_kept_apart),
		cmocka_unit_test(entries_that_mean_nothing_are_refused),
		cmocka_unit_test(names_are_written_as_serve_does_or_as_open_webui_reads),
		cmocka_unit_test(long_names_stay_within_what_is_promised),
		cmocka_unit_test(an_address_of_the_tailnet_is_kept_for_its_time),
		cmocka_unit_test(a_port_that_may_be_anothers_in_a_moment_is_not_kept),
		cmocka_unit_test(what_is_kept_is_bounded_and_right),
		cmocka_unit_test(a_status_is_good_for_a_while_and_trouble_ends_it),
		cmocka_unit_test(trouble_is_told_now_and_then),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
