/* What is noted of a request at its end: of one that asked for a model, whole, cut, left or refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "core/base/memory.h"
#include "core/ledger/ledger.h"
#include "core/route/usage_stats.h"
#include "support/gateway.h"

/* ---- a module that says what a request asks for, and what it used ---- */

struct asker {
	struct gh_upstream_ref to;
};

static const struct gh_option options[] = {
	GH_OPTION(struct asker, to, NULL, "Where to.", .flags = GH_REQUIRED), GH_OPTIONS_END
};

static enum gh_verdict on_request(struct gh_step *s)
{
	const struct asker *a = s->self;
	struct gh_str model = gh_header_get(&s->req->headers, GH_STR("X-Model"));

	assert_int_equal(s->req->usage.input, -1);
	assert_int_equal(s->req->usage.cached, -1);
	assert_int_equal(s->req->usage.output, -1);
	assert_false(s->req->usage.estimated);
	assert_null(s->req->grant);
	gh_set_caller(s->req, GH_STR("ann"));
	if (model.len)
		gh_set_model(s->req, model);
	return gh_pass(s, &(struct gh_proxy){ .upstream = a->to.upstream });
}

static void on_finish(struct gh_step *s)
{
	struct gh_usage usage = { 7, 2, 3, true };

	if (gh_header_get(&s->req->headers, GH_STR("X-Usage")).len)
		gh_set_usage(s->req, &usage);
}

static const struct gh_module asker = {
	.name = "asker",
	.doc = "Asks for a model.",
	.options = options,
	.self_size = sizeof(struct asker),
	.on_request = on_request,
	.on_finish = on_finish,
};
static const struct gh_module *const modules[] = { &asker, NULL };

/* ---- a gateway with a ledger, and a server behind it ---- */

struct bench {
	struct gateway g;
	struct wire server;
	struct gh__ledger *ledger;
	struct gh__usage_stats *stats;
	char dir[64], file[80];
	int listener;
	sqlite3 *db;
	sqlite3_stmt *row;
};

static void begin(struct bench *b)
{
	char yaml[512];
	uint16_t port;

	*b = (struct bench){ .server.fd = -1, .dir = "/tmp/gh-usage-XXXXXX" };
	assert_non_null(mkdtemp(b->dir));
	snprintf(b->file, sizeof b->file, "%s/usage.db", b->dir);
	b->listener = wire_listen(&port);
	snprintf(yaml, sizeof yaml,
		 "upstreams: { studio: { to: http://127.0.0.1:%u, fail_timeout: 0s } }\n"
		 "routes:\n  - name: api\n    handle: [asker: { to: studio }]\n",
		 port);
	gateway_begin(&b->g, modules, yaml);
	b->ledger = gh__ledger_create();
	gh__ledger_open(b->ledger, gh_str(b->dir));
	b->stats = gh__usage_stats_create();
	b->g.worker.ledger = b->ledger;
	b->g.worker.usage = b->stats;
}

static void end(struct bench *b)
{
	sqlite3_finalize(b->row);
	sqlite3_close(b->db);
	gh__usage_stats_destroy(b->stats);
	if (b->listener >= 0)
		close(b->listener);
	unlink(b->file);
	rmdir(b->dir);
}

/* The gateway stops; true: the one row that there is. */
static bool one_row(struct bench *b)
{
	static const char query[] =
		"SELECT at, caller, route, model, upstream, status, input, cached, "
		"output, estimated, waited_ms, first_token_ms, duration_ms, ended, requests "
		"FROM request";
	bool found;

	wire_close(&b->server);
	gateway_end(&b->g);
	assert_int_equal(gh__ledger_stop(b->ledger, 10000), 0);
	gh__ledger_destroy(b->ledger);
	if (access(b->file, F_OK))
		return false;
	assert_int_equal(sqlite3_open(b->file, &b->db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(b->db, query, -1, &b->row, NULL), SQLITE_OK);
	found = sqlite3_step(b->row) == SQLITE_ROW;
	return found;
}

static void text_is(struct bench *b, int column, const char *expected)
{
	const char *text = (const char *)sqlite3_column_text(b->row, column);

	assert_string_equal(text ? text : "NULL", expected);
}

static void serve(struct bench *b, const char *answer)
{
	assert_true(wire_accept(&b->g.worker.loop, b->listener, &b->server));
	assert_true(wire_sees(&b->g.worker.loop, &b->server, "\r\n\r\n"));
	wire_send(&b->g.worker.loop, &b->server, answer);
}

static const char asks[] = "GET /x HTTP/1.1\r\nHost: h\r\nX-Model: small\r\nX-Usage: 1\r\n\r\n";
static const char ok[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

static void a_whole_answer_is_noted_with_all_that_is_known(void **state)
{
	struct bench b;
	int64_t before = (int64_t)time(NULL) * 1000;

	(void)state;
	begin(&b);
	gateway_say(&b.g, asks);
	serve(&b, ok);
	assert_int_equal(gateway_hear(&b.g).status, 200);

	struct gh__usage_view *v = gh__usage_stats_view(b.stats);
	assert_int_equal(v->model_count, 1);
	assert_true(gh_str_is(v->models[0].name, "small"));
	assert_true(gh_str_is(v->pairs[0].upstream, "studio"));
	assert_int_equal(v->pairs[0].requests[2], 1);
	assert_int_equal(v->pairs[0].output, 3);
	gh__free(v);

	assert_true(one_row(&b));
	assert_true(sqlite3_column_int64(b.row, 0) >= before - 1000);
	assert_true(sqlite3_column_int64(b.row, 0) <= ((int64_t)time(NULL) + 1) * 1000);
	text_is(&b, 1, "ann");
	text_is(&b, 2, "api");
	text_is(&b, 3, "small");
	text_is(&b, 4, "studio");
	text_is(&b, 5, "200");
	text_is(&b, 6, "7");
	text_is(&b, 7, "2");
	text_is(&b, 8, "3");
	text_is(&b, 9, "1");
	assert_true(sqlite3_column_int64(b.row, 11) <= sqlite3_column_int64(b.row, 12));
	text_is(&b, 13, "0");
	text_is(&b, 14, "1");
	assert_int_equal(sqlite3_step(b.row), SQLITE_DONE);
	end(&b);
}

static void a_request_without_a_model_is_not_noted(void **state)
{
	struct bench b;

	(void)state;
	begin(&b);
	gateway_say(&b.g, "GET /x HTTP/1.1\r\nHost: h\r\nX-Usage: 1\r\n\r\n");
	serve(&b, ok);
	assert_int_equal(gateway_hear(&b.g).status, 200);
	assert_false(one_row(&b));
	end(&b);
}

static void tokens_that_nobody_told_of_are_not_known(void **state)
{
	struct bench b;

	(void)state;
	begin(&b);
	gateway_say(&b.g, "GET /x HTTP/1.1\r\nHost: h\r\nX-Model: small\r\n\r\n");
	serve(&b, ok);
	assert_int_equal(gateway_hear(&b.g).status, 200);
	assert_true(one_row(&b));
	text_is(&b, 6, "NULL");
	text_is(&b, 7, "NULL");
	text_is(&b, 8, "NULL");
	text_is(&b, 9, "0");
	end(&b);
}

static void an_answer_that_the_server_broke_off_is_cut(void **state)
{
	struct bench b;

	(void)state;
	begin(&b);
	gateway_say(&b.g, asks);
	serve(&b, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
	assert_true(wire_sees(&b.g.worker.loop, &b.g.client, "half"));
	wire_close(&b.server);
	assert_false(gateway_hear(&b.g).whole);
	assert_true(one_row(&b));
	text_is(&b, 5, "200");
	text_is(&b, 13, "1");
	end(&b);
}

static void who_goes_in_the_middle_has_left(void **state)
{
	struct bench b;

	(void)state;
	begin(&b);
	gateway_say(&b.g, asks);
	serve(&b, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
	assert_true(wire_sees(&b.g.worker.loop, &b.g.client, "half"));
	wire_close(&b.g.client);
	assert_true(wire_ends(&b.g.worker.loop, &b.server));
	assert_true(one_row(&b));
	text_is(&b, 13, "2");
	end(&b);
}

static void an_error_in_place_of_an_answer_has_no_first_token(void **state)
{
	struct bench b;

	(void)state;
	begin(&b);
	close(b.listener);
	b.listener = -1;
	gateway_say(&b.g, asks);
	assert_int_equal(gateway_hear(&b.g).status, 502);
	assert_true(one_row(&b));
	text_is(&b, 4, "studio");
	text_is(&b, 5, "502");
	text_is(&b, 11, "NULL");
	text_is(&b, 13, "0");
	end(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_whole_answer_is_noted_with_all_that_is_known),
		cmocka_unit_test(a_request_without_a_model_is_not_noted),
		cmocka_unit_test(tokens_that_nobody_told_of_are_not_known),
		cmocka_unit_test(an_answer_that_the_server_broke_off_is_cut),
		cmocka_unit_test(who_goes_in_the_middle_has_left),
		cmocka_unit_test(an_error_in_place_of_an_answer_has_no_first_token),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
