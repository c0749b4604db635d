/* Who is believed on who calls: the front of a listener with `identity`, and nobody on any other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "support/gateway.h"

static char seen[1024];
static unsigned requests;

/* What a module sees of the caller, and what is left of the fields. */
static enum gh_verdict look(struct gh_step *s)
{
	const struct gh_request *r = s->req;
	const struct gh_identity *id = &r->identity;

	requests++;
	snprintf(seen, sizeof seen,
		 "%s%s [" GH_FMT "] [" GH_FMT "] [" GH_FMT "] " GH_FMT " " GH_FMT " %u",
		 id->vouched ? "vouched" : "not vouched", id->internet ? " internet" : "",
		 GH_ARG(id->login), GH_ARG(id->name), GH_ARG(id->picture), GH_ARG(r->client_text),
		 GH_ARG(r->scheme), r->headers.count);
	return gh_respond(s, 200, GH_STR("text/plain"), GH_STR("ok"));
}

static const struct gh_module looker = { .name = "looker", .doc = "Looks.", .on_request = look };

static int ask(struct gateway *g, const char *fields)
{
	char text[20000];

	seen[0] = 0;
	snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: a.example\r\n%s\r\n", fields);
	gateway_join(g);
	gateway_say(g, text);
	return gateway_hear(g).status;
}

enum listener { PLAIN, WITH_IDENTITY };

static void begin(struct gateway *g, enum listener kind)
{
	static const struct gh_module *const modules[] = { &looker, NULL };

	gateway_begin(g, modules, "routes:\n  - handle: [ looker ]\n");
	g->door->identity = kind == WITH_IDENTITY;
}

#define LOGIN  "Tailscale-User-Login: alice@example.com\r\n"
#define NAME   "tailscale-user-name: =?utf-8?q?Zo=C3=AB?=\r\n"
#define FUNNEL "Tailscale-Funnel-Request: ?1\r\n"
#define FROM   "X-Forwarded-For: 100.64.0.7\r\n"
#define HTTPS  "X-Forwarded-Proto: https\r\n"
#define HOST   "X-Forwarded-Host: Gpu.Tail1234.TS.net:8443\r\n"

static void the_front_names_the_caller(void **state)
{
	static const char *const cases[][2] = {
		{ LOGIN NAME FROM HTTPS "Tailscale-User-Profile-Pic: https://example.com/p.png\r\n",
		  "vouched [alice@example.com] [Zo\u00eb] [https://example.com/p.png] 100.64.0.7 "
		  "https 1" },
		{ FUNNEL "X-Forwarded-For: 2001:db8::7\r\n" HTTPS,
		  "vouched internet [] [] [] 2001:db8::7 https 1" },
		{ "Tailscale-Funnel-Request: ?0\r\n" FROM, "vouched [] [] [] 100.64.0.7 http 1" },
		{ FROM, "vouched [] [] [] 100.64.0.7 http 1" },
		/* Other spellings are of somebody who would like to be taken for the front. */
		{ "Tailscale_User_Login: root@example.com\r\nX_Forwarded_For: 192.0.2.9\r\n" FROM,
		  "vouched [] [] [] 100.64.0.7 http 1" },
		{ "X-Tailscale-User-Login: root@example.com\r\nRemote-User: root\r\n" LOGIN FROM,
		  "vouched [alice@example.com] [] [] 100.64.0.7 http 1" },
		/* Nor is a field of it taken away by being named. */
		{ "Connection: Tailscale-User-Login, close\r\n" LOGIN FROM,
		  "vouched [alice@example.com] [] [] 100.64.0.7 http 1" },
	};
	struct gateway g;

	(void)state;
	begin(&g, WITH_IDENTITY);
	for (size_t i = 0; i < GH_COUNT_OF(cases); i++) {
		assert_int_equal(ask(&g, cases[i][0]), 200);
		assert_string_equal(seen, cases[i][1]);
	}
	gateway_end(&g);
}

static void a_front_that_contradicts_itself_is_refused(void **state)
{
	static const char *const cases[] = {
		LOGIN LOGIN,
		LOGIN "tailscale-user-login: root@example.com\r\n",
		LOGIN "Tailscale-User-Login:\r\n",
		NAME NAME LOGIN,
		FUNNEL FUNNEL,
		FUNNEL LOGIN,
		FUNNEL NAME,
		"Tailscale-Funnel-Request: 1\r\n",
		"Tailscale-Funnel-Request: true\r\n",
		LOGIN FROM FROM,
		LOGIN "X-Forwarded-For: 192.0.2.9, 100.64.0.7\r\n",
		LOGIN "X-Forwarded-For: somewhere\r\n",
		LOGIN HTTPS "X-Forwarded-Proto: http\r\n",
		LOGIN HOST "X-Forwarded-Host: other.example\r\n",
		LOGIN "X-Forwarded-Host: a.example, b.example\r\n",
		LOGIN "X-Forwarded-Host: user@a.example\r\n",
		"Tailscale-User-Login: al\xe9\r\n",
	};
	struct gateway g;

	(void)state;
	begin(&g, WITH_IDENTITY);
	requests = 0;
	for (size_t i = 0; i < GH_COUNT_OF(cases); i++)
		if (ask(&g, cases[i]) != 400)
			fail_msg("%s", cases[i]);
	assert_int_equal(requests, 0);
	gateway_end(&g);
}

static void a_value_beyond_all_bounds_is_refused(void **state)
{
	static char fields[12000];
	struct gateway g;

	(void)state;
	begin(&g, WITH_IDENTITY);
	snprintf(fields, sizeof fields, "Tailscale-User-Login: %04096d\r\n", 0);
	assert_int_equal(ask(&g, fields), 200);
	snprintf(fields, sizeof fields, "Tailscale-User-Login: %04097d\r\n", 0);
	assert_int_equal(ask(&g, fields), 400);
	gateway_end(&g);
}

static void elsewhere_it_is_the_clients_own_word(void **state)
{
	static const char *const cases[] = {
		LOGIN NAME FROM HTTPS,
		FUNNEL FROM,
		LOGIN LOGIN FUNNEL,
		"Tailscale-User-Login: al\xe9\r\n",
	};
	struct gateway g;

	(void)state;
	begin(&g, PLAIN);
	for (size_t i = 0; i < GH_COUNT_OF(cases); i++) {
		assert_int_equal(ask(&g, cases[i]), 200);
		assert_true(gh_str_starts(gh_str(seen), GH_STR("not vouched [] [] [] ")));
		assert_null(strstr(seen, "100.64.0.7"));
		assert_non_null(strstr(seen, " http 1"));
	}
	gateway_end(&g);
}

/* What the request was sent to, in each place where it is written. */
static enum gh_verdict tell_host(struct gh_step *s)
{
	const struct gh_request *r = s->req;

	snprintf(seen, sizeof seen, GH_FMT " " GH_FMT " " GH_FMT, GH_ARG(r->host),
		 GH_ARG(r->authority), GH_ARG(gh_header_get(&r->headers, GH_STR("Host"))));
	return gh_respond(s, 200, GH_STR("text/plain"), GH_STR("ok"));
}

static void the_front_says_by_what_name_it_was_called(void **state)
{
	static const struct gh_module teller = { .name = "teller",
						 .doc = "Tells.",
						 .on_request = tell_host };
	static const struct gh_module *const modules[] = { &teller, NULL };
	static const char name[] = "gpu.tail1234.ts.net Gpu.Tail1234.TS.net:8443 "
				   "Gpu.Tail1234.TS.net:8443";
	struct gateway g;

	(void)state;
	gateway_begin(
		&g, modules,
		"routes:\n  - match: { host: gpu.tail1234.ts.net }\n    handle: [ teller ]\n");
	g.door->identity = true;
	assert_int_equal(ask(&g, HOST), 200);
	assert_string_equal(seen, name);
	assert_int_equal(ask(&g, LOGIN), 404);
	g.door->identity = false;
	assert_int_equal(ask(&g, HOST), 404);
	gateway_end(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_front_names_the_caller),
		cmocka_unit_test(the_front_says_by_what_name_it_was_called),
		cmocka_unit_test(a_front_that_contradicts_itself_is_refused),
		cmocka_unit_test(a_value_beyond_all_bounds_is_refused),
		cmocka_unit_test(elsewhere_it_is_the_clients_own_word),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
