/*
 * The module ratelimit where tokens are counted: in a real chain, behind a step that knows the caller and
 * before one that knows what was used.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/ledger/ledger.h"
#include "support/gateway.h"

extern const struct gh_module gh_module_ratelimit;

/* ---- The steps around it ---- */

static enum gh_verdict know_caller(struct gh_step *s)
{
	gh_set_caller(s->req, gh_header_get(&s->req->headers, GH_STR("x-test-name")));
	return GH_NEXT;
}

static const struct gh_module who = {
	.name = "who",
	.doc = "Believes what it is told.",
	.on_request = know_caller,
};

static struct gh_wait held; /* the last that came with ?hold */

static enum gh_verdict answer(struct gh_step *s)
{
	return gh_respond(s, 200, GH_STR("text/plain"), GH_STR("fine"));
}

static enum gh_verdict ask_model(struct gh_step *s)
{
	return gh_str_starts(s->req->query, GH_STR("hold")) ? gh_hold(s, answer, &held) : answer(s);
}

/* The query says what was used: INPUT,CACHED,OUTPUT. */
static void know_usage(struct gh_step *s)
{
	struct gh_usage usage = { -1, -1, -1, false };
	char query[64];
	int input, cached, output;

	snprintf(query, sizeof query, GH_FMT, GH_ARG(s->req->query));
	if (sscanf(query, "%d,%d,%d", &input, &cached, &output) == 3)
		usage = (struct gh_usage){ input, cached, output, false };
	gh_set_usage(s->req, &usage);
}

static const struct gh_module model = {
	.name = "model",
	.doc = "Uses as many tokens as it is told to.",
	.shape = GH_SHAPE_OPENAI,
	.on_request = ask_model,
	.on_finish = know_usage,
};

static const struct gh_module *const modules[] = { &who, &gh_module_ratelimit, &model, NULL };

/* ---- A gateway with these entries in its chain ---- */

static const char *yaml_of(const char *entries)
{
	static char yaml[2048];

	snprintf(yaml, sizeof yaml,
		 "listen: 127.0.0.1:0\nroutes:\n  - handle:\n      - who\n%s      - model\n",
		 entries);
	return yaml;
}

static void begin(struct gateway *g, const char *entries)
{
	gateway_begin(g, modules, yaml_of(entries));
}

static struct gateway_answer ask(struct gateway *g, const char *user, const char *path)
{
	char text[512];

	snprintf(text, sizeof text,
		 "POST %s HTTP/1.1\r\nHost: test.example\r\nX-Test-Name: %s\r\nContent-Length: "
		 "0\r\n\r\n",
		 path, user);
	gateway_say(g, text);
	return gateway_hear(g);
}

static int status(struct gateway *g, const char *user, const char *query)
{
	char path[128];

	snprintf(path, sizeof path, "/v1/chat/completions%s%s", *query ? "?" : "", query);
	return ask(g, user, path).status;
}

static const char *field(struct gateway_answer a, const char *name)
{
	static char value[128];
	char start[64];
	const char *at;

	snprintf(start, sizeof start, "\r\n%s: ", name);
	at = strcasestr(a.head, start);
	if (!at)
		return NULL;
	at += strlen(start);
	assert_null(strcasestr(at, start));
	snprintf(value, sizeof value, "%.*s", (int)strcspn(at, "\r"), at);
	return value;
}

static void assert_field(struct gateway_answer a, const char *name, const char *value)
{
	const char *got = field(a, name);

	if (!got)
		print_error("no %s in\n%s\n", name, a.head);
	assert_non_null(got);
	assert_string_equal(got, value);
}

static void assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		print_error("'%s' is not in:\n%s\n", part, text);
	assert_non_null(strstr(text, part));
}

#define MINUTE_OF_TOKENS "      - ratelimit: { key: user, tokens: 1k, window: 1m }\n"
#define DAY_OF_TOKENS    "      - ratelimit: { key: user, tokens: 2M, window: 1d }\n"

/* ---- What is counted ---- */

static void prompt_and_answer_are_charged_when_it_is_over(void **state)
{
	struct gateway_answer a;
	struct gateway g;
	(void)state;

	begin(&g, MINUTE_OF_TOKENS);
	a = ask(&g, "ann", "/v1/x?300,200,100"); /* the cached ones are of the prompt's */
	assert_int_equal(a.status, 200);
	assert_field(a, "x-ratelimit-limit-tokens", "1000");
	assert_field(a, "x-ratelimit-remaining-tokens", "1000");
	assert_field(a, "x-ratelimit-reset-tokens", "0s");
	assert_null(field(a, "x-ratelimit-limit-requests"));
	a = ask(&g, "ann", "/v1/x?599,0,-1");
	assert_field(a, "x-ratelimit-remaining-tokens", "600");
	assert_field(a, "x-ratelimit-reset-tokens", "24s");
	a = ask(&g, "ann", "/v1/x?0,0,500"); /* one is left, and enough */
	assert_int_equal(a.status, 200);
	assert_field(a, "x-ratelimit-remaining-tokens", "1");
	a = ask(&g, "ann", "/v1/x?1,0,1");
	assert_int_equal(a.status, 429);
	assert_field(a, "x-ratelimit-remaining-tokens", "0");
	assert_field(a, "x-ratelimit-reset-tokens", "1m29.94s");
	assert_int_equal(status(&g, "bob", "1,0,1"), 200);
	/* 499 beyond the budget: 29.94 s, and a part of a token. */
	gateway_pass(&g, 29940);
	assert_int_equal(status(&g, "ann", "1,0,1"), 429);
	gateway_pass(&g, 10);
	assert_int_equal(status(&g, "ann", "1,0,1"), 200);
	gateway_end(&g);
}

static void what_nobody_knows_is_not_charged(void **state)
{
	struct gateway g;
	(void)state;

	begin(&g, MINUTE_OF_TOKENS);
	for (int n = 0; n < 20; n++)
		assert_int_equal(status(&g, "ann", ""), 200);
	assert_field(ask(&g, "ann", "/?-1,-1,300"), "x-ratelimit-remaining-tokens", "1000");
	assert_field(ask(&g, "ann", "/?200,-1,-1"), "x-ratelimit-remaining-tokens", "700");
	assert_field(ask(&g, "ann", "/"), "x-ratelimit-remaining-tokens", "500");
	gateway_end(&g);
}

static void requests_and_tokens_of_one_entry_are_told_side_by_side(void **state)
{
	struct gateway_answer a;
	struct gateway g;
	(void)state;

	begin(&g, "      - ratelimit: { key: user, requests: 30, tokens: 100k, window: 1m }\n");
	assert_int_equal(status(&g, "ann", "20000,0,5000"), 200);
	a = ask(&g, "ann", "/v1/x?0,0,0");
	assert_field(a, "x-ratelimit-limit-requests", "30");
	assert_field(a, "x-ratelimit-remaining-requests", "28");
	assert_field(a, "x-ratelimit-reset-requests", "4s");
	assert_field(a, "x-ratelimit-limit-tokens", "100000");
	assert_field(a, "x-ratelimit-remaining-tokens", "75000");
	assert_field(a, "x-ratelimit-reset-tokens", "15s");
	gateway_end(&g);
}

static void of_all_entries_the_tightest_limit_of_each_unit_is_told(void **state)
{
	static const char *const orders[] = {
		"      - ratelimit: { requests: 5, tokens: 1k, window: 1m }\n"
		"      - ratelimit: { key: user, requests: 9, tokens: 4k, window: 1d }\n",
		"      - ratelimit: { key: user, requests: 9, tokens: 4k, window: 1d }\n"
		"      - ratelimit: { requests: 5, tokens: 1k, window: 1m }\n",
	};
	(void)state;

	for (size_t i = 0; i < GH_COUNT_OF(orders); i++) {
		struct gateway_answer a;
		struct gateway g;

		begin(&g, orders[i]);
		a = ask(&g, "ann", "/v1/x?100,0,0");
		assert_field(a, "x-ratelimit-limit-requests", "5");
		assert_field(a, "x-ratelimit-remaining-requests", "4");
		assert_field(a, "x-ratelimit-limit-tokens", "1000");
		for (int n = 0; n < 5; n++) {
			gateway_pass(&g, 60000);
			a = ask(&g, "ann", "/v1/x?700,0,0");
			assert_int_equal(a.status, 200);
		}
		/* Of the day 9 - 6 are left, of the minute 4; 4000 - 2900 and 1000 tokens. */
		assert_field(a, "x-ratelimit-limit-requests", "9");
		assert_field(a, "x-ratelimit-remaining-requests", "3");
		assert_field(a, "x-ratelimit-limit-tokens", "1000");
		gateway_pass(&g, 60000);
		a = ask(&g, "ann", "/v1/x?1,0,0");
		assert_field(a, "x-ratelimit-limit-tokens", "4000");
		/* Of 3600 that were used 16.67 came back in six minutes: 416.67, a part is one. */
		assert_field(a, "x-ratelimit-remaining-tokens", "417");
		gateway_end(&g);
	}
}

/* ---- What is refused ---- */

static void a_spent_minute_is_told_as_a_rate_in_each_apis_shape(void **state)
{
	struct gateway_answer a;
	struct gateway g;
	(void)state;

	begin(&g, MINUTE_OF_TOKENS);
	assert_int_equal(status(&g, "ann", "1000,0,100"), 200);
	a = ask(&g, "ann", "/v1/chat/completions");
	assert_int_equal(a.status, 429);
	assert_field(a, "retry-after", "7"); /* 100 tokens are 6 s, and then a part of one */
	assert_null(field(a, "x-should-retry"));
	assert_has(a.body, "\"message\":\"Rate limit reached: 1000 tokens in 1m0s. Try again in "
			   "6.001s.\"");
	assert_has(a.body, "\"type\":\"rate_limit_error\"");
	assert_has(a.body, "\"code\":\"rate_limit_exceeded\"");
	a = ask(&g, "ann", "/v1/messages");
	assert_int_equal(a.status, 429);
	assert_field(a, "retry-after", "7");
	assert_has(a.body, "{\"type\":\"error\",\"error\":{\"type\":\"rate_limit_error\","
			   "\"message\":\"Rate limit reached: 1000 tokens in 1m0s.");
	gateway_end(&g);
}

static void a_spent_day_is_told_as_a_quota_that_is_not_to_be_retried(void **state)
{
	struct gateway_answer a;
	struct gateway g;
	(void)state;

	begin(&g, DAY_OF_TOKENS);
	assert_int_equal(status(&g, "ann", "2000000,0,1000"), 200);
	a = ask(&g, "ann", "/v1/chat/completions");
	assert_int_equal(a.status, 429);
	assert_field(a, "x-should-retry", "false");
	assert_field(a, "retry-after", "44"); /* 1000 tokens are 43.2 s */
	assert_has(a.body,
		   "\"message\":\"Your budget is spent: 2000000 tokens in 24h0m0s. It comes "
		   "back little by little, from 43.201s from now on.\"");
	assert_has(a.body, "\"code\":\"insufficient_quota\"");
	a = ask(&g, "ann", "/v1/messages");
	assert_int_equal(a.status, 429);
	assert_field(a, "x-should-retry", "false");
	assert_has(a.body, "\"type\":\"rate_limit_error\",\"message\":\"Your budget is spent");
	gateway_pass(&g, 43210);
	assert_int_equal(status(&g, "ann", "1000000,0,0"), 200);
	/* Half a day: no SDK is told to wait longer than it does. */
	a = ask(&g, "ann", "/v1/chat/completions");
	assert_field(a, "retry-after", "60");
	assert_field(a, "x-should-retry", "false");
	gateway_end(&g);
}

static void an_hour_is_a_quota_and_less_is_a_rate(void **state)
{
	struct gateway g;
	(void)state;

	begin(&g, "      - ratelimit: { key: user, tokens: 10, window: 1h }\n");
	assert_int_equal(status(&g, "ann", "10,0,0"), 200);
	assert_has(ask(&g, "ann", "/v1/x").body, "insufficient_quota");
	gateway_end(&g);
	begin(&g, "      - ratelimit: { key: user, tokens: 10, window: 3599999ms }\n");
	assert_int_equal(status(&g, "ann", "10,0,0"), 200);
	assert_has(ask(&g, "ann", "/v1/x").body, "rate_limit_exceeded");
	gateway_end(&g);
	begin(&g, "      - ratelimit: { key: user, requests: 1, window: 1d }\n");
	assert_int_equal(status(&g, "ann", ""), 200);
	assert_has(ask(&g, "ann", "/v1/x").body, "rate_limit_exceeded");
	gateway_end(&g);
}

static void a_client_that_leaves_lets_go_of_what_it_held(void **state)
{
	static const char hold[] = "POST /v1/x?hold HTTP/1.1\r\nHost: test.example\r\n"
				   "X-Test-Name: ann\r\nContent-Length: 0\r\n\r\n";
	struct gh_address peer = { .family = AF_INET, .bytes = { 192, 0, 2, 1 } };
	struct wire other = { .fd = -1 };
	struct gateway_answer a;
	struct gateway g;
	int fds[2];
	(void)state;

	begin(&g, "      - ratelimit: { key: user, tokens: 1k, window: 1d }\n");
	assert_int_equal(status(&g, "ann", "900,0,0"), 200);
	wire_tcp_pair(fds);
	wire_open(&other, fds[1]);
	assert_int_equal(gh__conn_accept(&g.worker.conns, fds[0], &peer, g.door), 0);
	wire_send(&g.worker.loop, &other, hold);
	wire_settle(&g.worker.loop);
	a = ask(&g, "ann", "/v1/x?1,0,0");
	assert_int_equal(a.status, 429);
	assert_field(a, "retry-after", "1");
	assert_null(field(a, "x-should-retry"));
	assert_has(a.body, "\"code\":\"rate_limit_exceeded\"");
	assert_has(a.body, "under way");
	assert_int_equal(status(&g, "bob", ""), 200);
	wire_close(&other);
	wire_settle(&g.worker.loop);
	a = ask(&g, "ann", "/v1/x?1,0,0");
	assert_int_equal(a.status, 200);
	assert_field(a, "x-ratelimit-remaining-tokens", "100");
	gateway_end(&g);
}

/* ---- What outlives what ---- */

static void what_is_spent_stays_spent_over_a_reload(void **state)
{
	struct gateway g;
	(void)state;

	begin(&g, MINUTE_OF_TOKENS);
	assert_int_equal(status(&g, "ann", "1000,0,1"), 200);
	assert_int_equal(gateway_reload(&g, yaml_of("      - ratelimit: { tokens: 1000, key: user, "
						    "window: 60s }\n")),
			 0);
	assert_int_equal(status(&g, "ann", ""), 429);
	assert_int_equal(gateway_reload(&g, yaml_of("      - ratelimit: { tokens: 1001, key: user, "
						    "window: 60s }\n")),
			 0);
	assert_int_equal(status(&g, "ann", ""), 200);
	gateway_end(&g);
}

/* A gateway that keeps its ledger in this folder. */
static void begin_kept(struct gateway *g, const char *folder, const char *entries)
{
	begin(g, "");
	g->grounds.ledger = gh__ledger_create();
	gh__ledger_open(g->grounds.ledger, gh_str(folder));
	assert_int_equal(gateway_reload(g, yaml_of(entries)), 0);
	gateway_join(g);
}

static void end_kept(struct gateway *g)
{
	struct gh__ledger *ledger = g->grounds.ledger;

	gateway_end(g);
	assert_int_equal(gh__ledger_stop(ledger, 10000), 0);
	gh__ledger_destroy(ledger);
}

/* Whether one of the folder's files has these bytes. */
static bool holds(const char *folder, const char *file, const char *text)
{
	char path[256], bytes[65536];
	int fd;
	ssize_t len;

	snprintf(path, sizeof path, "%s/%s", folder, file);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return false;
	len = read(fd, bytes, sizeof bytes);
	close(fd);
	return len > 0 && memmem(bytes, (size_t)len, text, strlen(text));
}

static void a_days_budget_stays_spent_over_a_restart(void **state)
{
	char folder[] = "/tmp/gatehouse-ratelimit-XXXXXX", path[256];
	static const char *const files[] = { "usage.db", "usage.db-wal", "usage.db-shm" };
	struct gateway g;
	(void)state;

	assert_non_null(mkdtemp(folder));
	begin_kept(&g, folder, MINUTE_OF_TOKENS DAY_OF_TOKENS);
	assert_int_equal(status(&g, "ann@example.com", "1500000,0,1000000"), 200);
	assert_int_equal(status(&g, "bob", "500,0,0"), 200);
	assert_int_equal(status(&g, "ann@example.com", ""), 429);
	end_kept(&g);
	for (size_t i = 0; i < GH_COUNT_OF(files); i++)
		assert_false(holds(folder, files[i], "ann@"));

	begin_kept(&g, folder, MINUTE_OF_TOKENS DAY_OF_TOKENS);
	/* The minute's is forgotten, so the day's it is that refuses. */
	struct gateway_answer a = ask(&g, "ann@example.com", "/v1/x");
	assert_int_equal(a.status, 429);
	assert_has(a.body, "insufficient_quota");
	assert_int_equal(status(&g, "bob", ""), 200);
	end_kept(&g);

	/* Another budget, another account. */
	begin_kept(&g, folder, "      - ratelimit: { key: user, tokens: 3M, window: 1d }\n");
	assert_int_equal(status(&g, "ann@example.com", ""), 200);
	end_kept(&g);
	for (size_t i = 0; i < GH_COUNT_OF(files); i++) {
		snprintf(path, sizeof path, "%s/%s", folder, files[i]);
		unlink(path);
	}
	assert_int_equal(rmdir(folder), 0);
}

static void addresses_do_not_crowd_out_a_user(void **state)
{
	struct gateway g;
	(void)state;

	begin(&g, "      - ratelimit: { key: 'header:X-Tenant', requests: 1, window: 1d, "
		  "max_keys: 16 }\n");
	gateway_say(&g, "GET / HTTP/1.1\r\nHost: a\r\nX-Tenant: t\r\n\r\n");
	assert_int_equal(gateway_hear(&g).status, 200);
	/* All that come without the header count for their addresses, in places of their own. */
	for (int n = 0; n < 40; n++) {
		struct gh_address peer = { .family = AF_INET,
					   .bytes = { 198, 51, 100, (uint8_t)n } };
		int fds[2];

		wire_close(&g.client);
		wire_settle(&g.worker.loop);
		wire_tcp_pair(fds);
		wire_open(&g.client, fds[1]);
		assert_int_equal(gh__conn_accept(&g.worker.conns, fds[0], &peer, g.door), 0);
		assert_int_equal(gateway_ask(&g, "GET", "/").status, 200);
		gateway_pass(&g, 1000);
	}
	gateway_say(&g, "GET / HTTP/1.1\r\nHost: a\r\nX-Tenant: t\r\n\r\n");
	assert_int_equal(gateway_hear(&g).status, 429);
	gateway_end(&g);
}

/* ---- Options ---- */

static void assert_refused(const char *options, const char *says)
{
	char entry[512];
	struct gateway g;

	snprintf(entry, sizeof entry, "      - ratelimit: %s\n", options);
	begin(&g, "");
	assert_int_equal(gateway_reload(&g, yaml_of(entry)), -1);
	assert_has(g.mistakes, says);
	gateway_end(&g);
}

static void a_limit_says_what_it_is_of(void **state)
{
	(void)state;
	assert_refused("{ window: 1m }", "a limit needs `window` and `requests`, `tokens` or both");
	assert_refused("{ tokens: 1k }", "a limit needs `window` and `requests`, `tokens` or both");
	assert_refused("{ limits: [ { window: 1m } ] }", "a limit needs `window` and `requests`");
	assert_refused("{ tokens: 1k, window: 1m, burst: 3 }", "`burst` is of `requests`");
	assert_refused("{ tokens: 1k, window: 1m, limits: [ { tokens: 1, window: 1s } ] }",
		       "there are both `limits` and a limit beside it");
	assert_refused("{ tokens: 0, window: 1m }", "tokens");
	assert_refused("{ tokens: 1001G, window: 1m }", "tokens");
	assert_refused(
		"{ limits: [ { requests: 1, tokens: 1, window: 1s },"
		" { requests: 1, tokens: 1, window: 2s }, { requests: 1, tokens: 1, window: 3s },"
		" { requests: 1, tokens: 1, window: 4s }, { requests: 1, window: 5s } ] }",
		"there are 9 limits, requests and tokens counted apart, and 8 are allowed");
}

static void a_list_may_mix_requests_and_tokens(void **state)
{
	struct gateway_answer a;
	struct gateway g;
	(void)state;

	begin(&g, "      - ratelimit:\n          key: user\n          limits:\n"
		  "            - { requests: 2, window: 1s }\n"
		  "            - { tokens: 1k, window: 1m }\n");
	assert_int_equal(status(&g, "ann", "2000,0,0"), 200);
	a = ask(&g, "ann", "/v1/x");
	assert_int_equal(a.status, 429);
	assert_field(a, "x-ratelimit-remaining-requests", "1");
	assert_field(a, "x-ratelimit-remaining-tokens", "0");
	gateway_end(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prompt_and_answer_are_charged_when_it_is_over),
		cmocka_unit_test(what_nobody_knows_is_not_charged),
		cmocka_unit_test(requests_and_tokens_of_one_entry_are_told_side_by_side),
		cmocka_unit_test(of_all_entries_the_tightest_limit_of_each_unit_is_told),
		cmocka_unit_test(a_spent_minute_is_told_as_a_rate_in_each_apis_shape),
		cmocka_unit_test(a_spent_day_is_told_as_a_quota_that_is_not_to_be_retried),
		cmocka_unit_test(an_hour_is_a_quota_and_less_is_a_rate),
		cmocka_unit_test(a_client_that_leaves_lets_go_of_what_it_held),
		cmocka_unit_test(what_is_spent_stays_spent_over_a_reload),
		cmocka_unit_test(a_days_budget_stays_spent_over_a_restart),
		cmocka_unit_test(addresses_do_not_crowd_out_a_user),
		cmocka_unit_test(a_limit_says_what_it_is_of),
		cmocka_unit_test(a_list_may_mix_requests_and_tokens),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
