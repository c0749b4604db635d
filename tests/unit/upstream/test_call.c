/*
 * One exchange with an upstream, against servers that the test plays itself over real sockets: when a
 * connection is used again, when a call is tried again and when it must not be, and every way it ends.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/http/header.h"
#include "core/net/lane.h"
#include "core/upstream/call.h"
#include "support/wire.h"

enum { CONNECT_MS = 1000, FIRST_MS = 2000, IDLE_MS = 3000, KEEP_MS = 4000, FAIL_MS = 5000 };

struct bench {
	struct gh__loop loop;
	struct gh__lanes *lanes;
	struct gh__upstreams upstreams;
	struct gh__pools pools;
	struct gh__upstream *upstream;
	struct gh_headers headers;
	struct gh__arena arena;
	int listeners[3];
	uint16_t ports[3];
	char urls[3][64];
	struct wire server; /* the connection that the test speaks on */
};

struct asked {
	struct gh__call call;
	struct gh_response res;
	const char *send;      /* by on_ready; NULL: nothing */
	enum gh_part part;
	bool hold_head;        /* holds in on_head */
	bool cancel_head, cancel_body;
	unsigned readies, heads, interims, upgrades, lasts, turns, drains, fails;
	int interim;
	enum gh__call_failure kind;
	char *body;
	size_t len;
};

static struct asked *asked_of(struct gh__call *c)
{
	return GH__CONTAINER(c, struct asked, call);
}

static void check_not_over(const struct asked *a)
{
	assert_int_equal(a->lasts + a->fails, 0);
}

static void on_ready(struct gh__call *c)
{
	struct asked *a = asked_of(c);

	check_not_over(a);
	a->readies++;
	if (a->send)
		gh__call_body(c, gh_str(a->send), a->part);
	a->send = NULL;
}

static void on_interim(struct gh__call *c, int status, const struct gh_headers *headers)
{
	check_not_over(asked_of(c));
	assert_non_null(headers);
	asked_of(c)->interims++;
	asked_of(c)->interim = status;
}

static void on_head(struct gh__call *c)
{
	struct asked *a = asked_of(c);

	check_not_over(a);
	a->heads++;
	if (a->hold_head)
		gh__call_hold(c);
	if (a->cancel_head)
		gh__call_cancel(c);
}

static void on_upgrade(struct gh__call *c)
{
	asked_of(c)->upgrades++;
}

static void on_body(struct gh__call *c, struct gh_str slice, enum gh_part part)
{
	struct asked *a = asked_of(c);

	check_not_over(a);
	a->body = realloc(a->body, a->len + slice.len + 1);
	if (slice.len)
		memcpy(a->body + a->len, slice.at, slice.len);
	a->len += slice.len;
	a->body[a->len] = 0;
	a->lasts += part == GH_LAST;
	if (a->cancel_body)
		gh__call_cancel(c);
}

static void on_turn(struct gh__call *c)
{
	asked_of(c)->turns++;
}

static void on_drain(struct gh__call *c)
{
	asked_of(c)->drains++;
}

static void on_fail(struct gh__call *c, enum gh__call_failure kind, const char *why)
{
	struct asked *a = asked_of(c);

	check_not_over(a);
	assert_non_null(why);
	a->fails++;
	a->kind = kind;
}

static const struct gh__call_ops ops = {
	.on_ready = on_ready,
	.on_interim = on_interim,
	.on_head = on_head,
	.on_upgrade = on_upgrade,
	.on_body = on_body,
	.on_turn = on_turn,
	.on_drain = on_drain,
	.on_fail = on_fail,
};

/* ---- the bench ---- */

static int begin(void **state)
{
	struct bench *b = calloc(1, sizeof *b);

	*state = b;
	assert_int_equal(gh__loop_init(&b->loop), 0);
	b->loop.frozen = true;
	b->lanes = gh__lanes_create();
	gh__upstreams_init(&b->upstreams, b->lanes);
	gh__pools_init(&b->pools, &b->loop, &b->upstreams);
	gh__arena_init(&b->arena, NULL, 0);
	gh__headers_init(&b->headers, &b->arena);
	gh__headers_push(&b->headers, GH__H_OTHER, GH_STR("X-Own"), GH_STR("1"));
	for (int i = 0; i < 3; i++) {
		b->listeners[i] = wire_listen(b->ports + i);
		snprintf(b->urls[i], sizeof b->urls[i], "http://127.0.0.1:%u", b->ports[i]);
	}
	return 0;
}

static int end(void **state)
{
	struct bench *b = *state;

	wire_close(&b->server);
	gh__pools_finish(&b->pools);
	wire_settle(&b->loop);
	assert_true(gh__list_empty(&b->pools.used));
	assert_int_equal(b->pools.count, 0);
	if (b->upstream) {
		for (size_t i = 0; i < b->upstream->count; i++)
			assert_int_equal(atomic_load(&b->upstream->endpoints[i].busy), 0);
		gh__upstream_unref(&b->upstreams, b->upstream);
	}
	gh__lanes_destroy(b->lanes);
	gh__upstreams_finish(&b->upstreams);
	assert_int_equal(b->loop.deadlines, 0);
	gh__loop_finish(&b->loop);
	gh__arena_finish(&b->arena);
	for (int i = 0; i < 3; i++)
		if (b->listeners[i] >= 0)
			close(b->listeners[i]);
	free(b);
	return 0;
}

static void use(struct bench *b, const char *host, size_t count, int64_t max_idle)
{
	struct gh__endpoint_config endpoints[3] = { 0 };

	for (size_t i = 0; i < count; i++)
		endpoints[i] = (struct gh__endpoint_config){
			.url = gh_str(b->urls[i]),
			.host = gh_str(host),
			.port = b->ports[i],
			.authority = GH_STR("model.test"),
		};
	struct gh_upstream config = {
		.name = GH_STR("model"),
		.endpoints = endpoints,
		.endpoint_count = count,
		.connect_timeout = { CONNECT_MS },
		.first_byte_timeout = { FIRST_MS },
		.idle_timeout = { IDLE_MS },
		.keepalive = { KEEP_MS },
		.fail_timeout = { FAIL_MS },
		.max_idle = max_idle,
		.identity = GH_STR("model"),
	};
	b->upstream = gh__upstream_ref(&b->upstreams, &config);
}

static void pass(struct bench *b, uint64_t ms)
{
	for (uint64_t until = b->loop.now + ms; b->loop.now < until;) {
		b->loop.now += 10;
		gh__loop_tick(&b->loop);
	}
	wire_settle(&b->loop);
}

static void ask_for(struct bench *b, struct asked *a, const char *method, int64_t length)
{
	a->call.ops = &ops;
	a->call.pools = &b->pools;
	a->call.upstream = b->upstream;
	a->call.method = gh_str(method);
	a->call.target = GH_STR("/v1/x?y");
	a->call.headers = &b->headers;
	a->call.length = length;
	a->call.res = &a->res;
	gh__call_start(&a->call);
}

static void ask(struct bench *b, struct asked *a)
{
	ask_for(b, a, "GET", 0);
}

/* The server's side of a new connection, when a whole head has come. */
static void serve(struct bench *b, int which)
{
	assert_true(wire_accept(&b->loop, b->listeners[which], &b->server));
	assert_true(wire_sees(&b->loop, &b->server, "\r\n\r\n"));
}

static void reply(struct bench *b, const char *text)
{
	wire_send(&b->loop, &b->server, text);
	wire_settle(&b->loop);
}

static void forget(struct asked *a)
{
	free(a->body);
	*a = (struct asked){ .body = NULL };
}

#define OK "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

/* Makes a connection that idles in the pool. */
static void warm(struct bench *b)
{
	struct asked a = { .body = NULL };

	ask(b, &a);
	serve(b, 0);
	reply(b, OK);
	assert_int_equal(a.lasts, 1);
	wire_forget(&b->server);
	forget(&a);
	assert_int_equal(b->pools.count, 1);
	assert_true(gh__list_empty(&b->pools.used));
}

static void check_fail(struct asked *a, enum gh__call_failure kind)
{
	assert_int_equal(a->fails, 1);
	assert_int_equal(a->kind, kind);
	assert_int_equal(a->lasts, 0);
}

/* ---- asking and answers ---- */

static void a_call_sends_its_head_and_gives_the_answer(void **state)
{
	struct bench *b = *state;
	struct asked a = { .body = NULL };

	use(b, "127.0.0.1", 1, 8);
	ask(b, &a);
	serve(b, 0);
	assert_string_equal(b->server.got,
			    "GET /v1/x?y HTTP/1.1\r\nHost: model.test\r\nX-Own: 1\r\n\r\n");
	assert_int_equal(atomic_load(&b->upstream->endpoints[0].busy), 1);
	reply(b, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe");
	assert_int_equal(a.heads, 1);
	assert_int_equal(a.res.status, 200);
	assert_int_equal(a.res.length, 5);
	assert_string_equal(a.body, "he");
	assert_int_equal(a.lasts, 0);
	unsigned turns = a.turns;
	reply(b, "llo");
	assert_string_equal(a.body, "hello");
	assert_int_equal(a.lasts, 1);
	assert_int_equal(a.turns, turns + 1);
	assert_int_equal(atomic_load(&b->upstream->endpoints[0].busy), 0);
	gh__call_cancel(&a.call); /* one that is over */
	forget(&a);
}

static void a_body_is_framed_by_its_length_or_in_chunks(void **state)
{
	static const struct {
		const char *method, *body, *wire;
		int64_t length;
	} cases[] = {
		{ "POST", "hello", "Content-Length: 5\r\n\r\nhello", 5 },
		{ "POST", "hello", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", -1 },
		{ "POST", "", "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", -1 },
		{ "POST", NULL, "Content-Length: 0\r\n\r\n", 0 },
		{ "DELETE", NULL, "Content-Length: 0\r\n\r\n", 0 },
		{ "HEAD", NULL, "X-Own: 1\r\n\r\n", 0 },
		{ "GET", "x", "Content-Length: 1\r\n\r\nx", 1 },
	};
	struct bench *b = *state;

	use(b, "127.0.0.1", 1, 0);
	for (size_t i = 0; i < GH_COUNT_OF(cases); i++) {
		struct asked a = { .send = cases[i].body, .part = GH_LAST };
		ask_for(b, &a, cases[i].method, cases[i].length);
		serve(b, 0);
		wire_settle(&b->loop);
		wire_read(&b->server);
		const char *at = strstr(b->server.got, cases[i].wire);
		assert_non_null(at);
		assert_string_equal(at, cases[i].wire);
		assert_int_equal(a.readies, cases[i].body != NULL);
		gh__call_cancel(&a.call);
		assert_true(wire_ends(&b->loop, &b->server));
		wire_close(&b->server);
		forget(&a);
	}
}

static void an_answer_may_come_byte_by_byte(void **state)
{
	static const char text[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
				   "4\r\nwiki\r\n5\r\npedia\r\n0\r\n\r\n";
	struct bench *b = *state;
	struct asked a = { .body = NULL };

	use(b, "127.0.0.1", 1, 8);
	ask(b, &a);
	serve(b, 0);
	for (size_t i = 0; i + 1 < sizeof text; i++) {
		assert_int_equal(a.lasts, 0);
		wire_send_bytes(&b->loop, &b->server, text + i, 1);
	}
	wire_settle(&b->loop);
	assert_int_equal(a.lasts, 1);
	assert_string_equal(a.body, "wikipedia");
	forget(&a);
}

static void interim_answers_are_told_before_the_final_one(void **state)
{
	struct bench *b = *state;
	struct asked a = { .body = NULL };

	use(b, "127.0.0.1", 1, 8);
	ask(b, &a);
	serve(b, 0);
	reply(b, "HTTP/1.1 100 Continue\r\n\r\n");
	assert_int_equal(a.interims, 0); /* nobody waits for it */
	reply(b, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n" OK);
	assert_int_equal(a.interims, 2);
	assert_int_equal(a.interim, 102);
	assert_int_equal(a.heads, 1);
	assert_string_equal(a.body, "ok");
	forget(&a);
}

static void answers_without_a_body_end_with_their_head(void **state)
{
	static const struct {
		const char *method, *answer;
	} cases[] = {
		{ "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" },
		{ "GET", "HTTP/1.1 204 No Content\r\n\r\n" },
		{ "GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 100\r\n\r\n" },
		{ "GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" },
	};
	struct bench *b = *state;

	use(b, "127.0.0.1", 1, 8);
	for (size_t i = 0; i < GH_COUNT_OF(cases); i++) {
		struct asked a = { .body = NULL };
		ask_for(b, &a, cases[i].method, 0);
		if (i == 0)
			serve(b, 0);
		assert_true(wire_sees(&b->loop, &b->server, "\r\n\r\n"));
		wire_forget(&b->server);
		reply(b, cases[i].answer);
		assert_int_equal(a.lasts, 1);
		assert_int_equal(a.len, 0);
		forget(&a);
	}
	assert_false(wire_called(b->listeners[0])); /* all on one connection */
}

static void a_body_until_the_close_ends_with_it(void **state)
{
	struct bench *b = *state;
	struct asked a = { .body = NULL };

	use(b, "127.0.0.1", 1, 8);
	ask(b, &a);
	serve(b, 0);
	reply(b, "HTTP/1.1 200 OK\r\n\r\nall of it");
	assert_int_equal(a.lasts, 0);
	wire_close(&b->server);
	wire_settle(&b->loop);
	assert_int_equal(a.lasts, 1);
	assert_string_equal(a.body, "all of it");
	forget(&a);
	ask(b, &a);
	serve(b, 0);
	reply(b, "HTTP/1.1 200 OK\r\n\r\nhalf");
	wire_reset(&b->server); /* a break is no end */
	wire_settle(&b->loop);
	check_fail(&a, GH__FAIL_CUT);
	forget(&a);
}

static void a_body_that_is_cut_is_a_failure(void **state)
{
	static const char *const cases[] = {
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nx\r\n",
	};
	struct bench *b = *state;

	use(b, "127.0.0.1", 1, 8);
	for (size_t i = 0; i < GH_COUNT_OF(cases); i++) {
		struct asked a = { .body = NULL };
		ask(b, &a);
		serve(b, 0);
		reply(b, cases[i]);
		wire_close(&b->server);
		wire_settle(&b->loop);
		check_fail(&a, GH__FAIL_CUT);
		assert_int_equal(a.heads, 1);
		assert_int_equal(b->pools.count, 0);
		forget(&a);
	}
}

static void what_is_no_answer_is_a_failure(void **state)
{
	static const char *const cases[] = {
		"SMTP ready\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
		"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
	};
	struct bench *b = *state;

	use(b, "127.0.0.1", 1, 8);
	for (size_t i = 0; i < GH_COUNT_OF(cases); i++) {
		struct asked a = { .body = NULL };
		ask(b, &a);
		serve(b, 0);
		reply(b, cases[i]);
		check_fail(&a, GH__FAIL_ANSWER);
		assert_int_equal(a.heads, 0);
		assert_true(wire_ends(&b->loop, &b->server));
		wire_close(&b->server);
		forget(&a);
	}
}

static void a_close_before_the_answer_is_a_failure(void **state)
{
	static const char *const cases[] = { "", "HTTP/1.1 20", "HTTP/1.1 100 Continue\r\n\r\n" };
	struct bench *b = *state;

	use(b, "127.0.0.1", 1, 8);
	for (size_t i = 0; i < GH_COUNT_OF(cases); i++) {
		struct asked a = { .body = NULL };
		ask(b, &a);
		serve(b, 0);
		reply(b, cases[i]);
		wire_close(&b->server);
		wire_settle(&b->loop);
		check_fail(&a, GH__FAIL_CLOSED); /* it was a fresh one: no second try */
		assert_false(wire_called(b->listeners[0]));
		forget(&a);
	}
}

/* ---- using a connection again ---- */

static void an_idle_connection_is_used_again(void **state)
{
	struct bench *b = *state;
	struct asked a = { .body = NULL };

	use(b, "127.0.0.1", 1, 8);
	warm(b);
	for (int i = 0; i < 3; i++) {
		ask(b, &a);
		assert_true(wire_sees(&b->loop, &b->server, "\r\n\r\n"));
		wire_forget(&b->server);
		reply(b, OK);
		assert_int_equal(a.lasts, 1);
		forget(&a);
	}
	assert_false(wire_called(b->listeners[0]));
	assert_int_equal(b->pools.count, 1);
}

static void a_connection_is_not_used_again_when_it_may_not_be(void **state)
{
	static const char *const cases[] = {
		"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
		"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n",
		"HTTP/1.1 204 No Content\r\n\r\nbytes",
	};
	struct bench *b = *state;

	use(b, "127.0.0.1", 1, 8);
	for (size_t i = 0; i < GH_COUNT_OF(cases); i++) {
		struct asked a = { .body = NULL };
		ask(b, &a);
		serve(b, 0);
		reply(b, cases[i]);
		assert_int_equal(a.lasts, 1);
		assert_int_equal(b->pools.count, 0);
		assert_true(wire_ends(&b->loop, &b->server));
		wire_close(&b->server);
		forget(&a);
	}
}

static void an_answer_before_the_whole_body_ends_the_connection(void **state)
{
	struct bench *b = *state;
	struct asked a = { .send = "half", .part = GH_MORE };

	use(b, "127.0.0.1", 1, 8);
	ask_for(b, &a, "POST", 8);
	serve(b, 0);
	reply(b, OK);
	assert_int_equal(a.lasts, 1);
	assert_int_equal(b->pools.count, 0);
	gh__call_body(&a.call, GH_STR("rest"), GH_LAST); /* is nothing */
	forget(&a);
}

static void an_idle_connection_that_speaks_or_closes_is_dropped(void **state)
{
	struct bench *b = *state;

	use(b, "127.0.0.1", 1, 8);
	warm(b);
	reply(b, "HTTP/1.1 408 Request Timeout\r\n\r\n");
	assert_int_equal(b->pools.count, 0);
	wire_close(&b->server);
	warm(b);
	wire_close(&b->server);
	wire_settle(&b->loop);
	assert_int_equal(b->pools.count, 0);
}

static void idle_connections_have_their_time_and_their_number(void **state)
{
	struct bench *b = *state;
	struct asked a[3] = { 0 };
	struct wire servers[3];

	use(b, "127.0.0.1", 1, 2);
	for (int i = 0; i < 3; i++) {
		ask(b, a + i);
		assert_true(wire_accept(&b->loop, b->listeners[0], servers + i));
	}
	for (int i = 0; i < 3; i++) {
		assert_true(wire_sees(&b->loop, servers + i, "\r\n\r\n"));
		wire_send(&b->loop, servers + i, OK);
	}
	wire_settle(&b->loop);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(a[i].lasts, 1);
		forget(a + i);
	}
	assert_int_equal(b->pools.count, 2); /* max_idle */
	pass(b, KEEP_MS - 100);
	assert_int_equal(b->pools.count, 2);
	pass(b, 200);
	assert_int_equal(b->pools.count, 0);
	for (int i = 0; i < 3; i++) {
		assert_true(wire_ends(&b->loop, servers + i));
		wire_close(servers + i);
	}
}

static void no_time_keeps_none(void **state)
{
	struct bench *b = *state;
	struct asked a = { .body = NULL };

	use(b, "127.0.0.1", 1, 8);
	b->upstream->keepalive = 0;
	ask(b, &a);
	serve(b, 0);
	reply(b, OK);
	assert_int_equal(a.lasts, 1);
	assert_int_equal(b->pools.count, 0);
	forget(&a);
}

static void a_pool_that_is_forgotten_closes_its_idle_ones(void **state)
{
	struct bench *b = *state;

	use(b, "127.0.0.1", 1, 8);
	warm(b);
	gh__pools_forget(&b->pools, b->upstream->id, b->upstream->count);
	gh__pools_forget(&b->pools, b->upstream->id, b->upstream->count);
	wire_settle(&b->loop);
	assert_int_equal(b->pools.count, 0);
	assert_true(wire_ends(&b->loop, &b->server));
	wire_close(&b->server);
	warm(b); /* and begins anew */
}

/* ---- trying again ---- */

/* The server's idle connection is closed as soon as the next head comes. */
static void close_at_the_next_head(struct bench *b)
{
	assert_true(wire_sees(&b->loop, &b->server, "\r\n\r\n"));
	wire_close(&b->server);
}

static void a_stale_connection_is_tried_again_once(void **state)
{
	struct bench *b = *state;
	struct asked a = { .body = NULL };

	use(b, "127.0.0.1", 1, 8);
	warm(b);
	ask(b, &a);
	close_at_the_next_head(b);
	serve(b, 0);
	assert_string_equal(b->server.got,
			    "GET /v1/x?y HTTP/1.1\r\nHost: model.test\r\nX-Own: 1\r\n\r\n");
	assert_int_equal(atomic_load(&b->upstream->retries), 1);
	wire_close(&b->server);
	wire_settle(&b->loop);
	check_fail(&a, GH__FAIL_CLOSED);
	assert_false(wire_called(b->listeners[0]));
	forget(&a);
}

static void a_body_that_was_kept_is_sent_again_whole(void **state)
{
	static const struct {
		int64_t length;
		const char *wire;
	} cases[] = {
		{ 10, "Content-Length: 10\r\n\r\nhelloworld" },
		{ -1, "chunked\r\n\r\n5\r\nhello\r\n5\r\nworld\r\n0\r\n\r\n" },
	};
	struct bench *b = *state;

	use(b, "127.0.0.1", 1, 8);
	for (size_t i = 0; i < GH_COUNT_OF(cases); i++) {
		struct asked a = { .send = "hello", .part = GH_MORE };
		warm(b);
		ask_for(b, &a, "POST", cases[i].length);
		close_at_the_next_head(b);
		serve(b, 0);
		wire_settle(&b->loop);
		gh__call_body(&a.call, GH_STR("world"), GH_LAST);
		/* What was kept stands in one piece or in several: chunk borders are nobody's. */
		assert_true(wire_sees(&b->loop, &b->server, cases[i].wire));
		assert_int_equal(a.readies, 2);
		reply(b, OK);
		assert_int_equal(a.lasts, 1);
		wire_close(&b->server);
		wire_settle(&b->loop);
		forget(&a);
	}
}

static void a_body_that_was_sent_whole_is_sent_again_whole(void **state)
{
	static const struct {
		const char *body, *wire;
		int64_t length;
	} cases[] = {
		{ "hello", "Content-Length: 5\r\n\r\nhello", 5 },
		{ "hello", "chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", -1 },
		{ "", "chunked\r\n\r\n0\r\n\r\n", -1 },
	};
	struct bench *b = *state;

	use(b, "127.0.0.1", 1, 8);
	for (size_t i = 0; i < GH_COUNT_OF(cases); i++) {
		struct asked a = { .send = cases[i].body, .part = GH_LAST };
		warm(b);
		ask_for(b, &a, "POST", cases[i].length);
		close_at_the_next_head(b);
		serve(b, 0);
		wire_settle(&b->loop);
		wire_read(&b->server);
		const char *at = strstr(b->server.got, cases[i].wire);
		assert_non_null(at);
		assert_string_equal(at, cases[i].wire);
		assert_int_equal(a.readies, 1);
		reply(b, OK);
		assert_int_equal(a.lasts, 1);
		wire_close(&b->server);
		wire_settle(&b->loop);
		forget(&a);
	}
}

/* Turns until a second connection is under way, and no further. */
static bool is_retried(void *arg)
{
	return ((struct asked *)arg)->call.flags & GH__CALL_RETRIED;
}

static void body_that_comes_while_it_connects_again_stays_behind_the_head(void **state)
{
	struct bench *b = *state;

	use(b, "127.0.0.1", 1, 8);
	for (int i = 0; i < 2; i++) {
		struct asked a = { .send = i ? "hello" : NULL, .part = GH_MORE };
		warm(b);
		ask_for(b, &a, "POST", i ? 10 : 5);
		assert_true(wire_sees(&b->loop, &b->server, "\r\n\r\n"));
		wire_close(&b->server);
		while (!is_retried(&a))
			uv_run(&b->loop.uv, UV_RUN_ONCE);
		assert_true(a.call.conn->pump.flags & GH__PUMP_CONNECTING);
		gh__call_body(&a.call, GH_STR("wor"), GH_MORE);
		assert_true(gh__call_pressure(&a.call) > 0); /* that is enough for now */
		gh__call_body(&a.call, GH_STR("ld"), GH_LAST);
		serve(b, 0);
		wire_settle(&b->loop);
		wire_read(&b->server);
		assert_string_equal(b->server.got,
				    i ? "POST /v1/x?y HTTP/1.1\r\nHost: model.test\r\nX-Own: 1\r\n"
					"Content-Length: 10\r\n\r\nhelloworld" :
					"POST /v1/x?y HTTP/1.1\r\nHost: model.test\r\nX-Own: 1\r\n"
					"Content-Length: 5\r\n\r\nworld");
		reply(b, OK);
		assert_int_equal(a.lasts, 1);
		wire_close(&b->server);
		wire_settle(&b->loop);
		forget(&a);
	}
}

static void a_body_that_is_too_large_to_keep_is_not_sent_again(void **state)
{
	struct bench *b = *state;
	char *large = calloc(1, GH__CALL_KEEP + 2);

	use(b, "127.0.0.1", 1, 8);
	memset(large, 'x', GH__CALL_KEEP + 1);
	for (int over = 0; over < 2; over++) {
		struct asked a = { .send = NULL };
		warm(b);
		ask_for(b, &a, "POST", GH__CALL_KEEP + over);
		gh__call_body(&a.call, (struct gh_str){ large, GH__CALL_KEEP + (size_t)over },
			      GH_LAST);
		assert_true(wire_gets(&b->loop, &b->server, GH__CALL_KEEP));
		wire_read(&b->server);
		wire_close(&b->server);
		wire_settle(&b->loop);
		if (over) {
			check_fail(&a, GH__FAIL_CLOSED);
			assert_false(wire_called(b->listeners[0]));
		} else {
			serve(b, 0);
			const char *body = strstr(b->server.got, "\r\n\r\n") + 4;
			size_t head = (size_t)(body - b->server.got);
			assert_true(wire_gets(&b->loop, &b->server, head + GH__CALL_KEEP));
			assert_memory_equal(b->server.got + head, large, GH__CALL_KEEP);
			gh__call_cancel(&a.call);
			wire_close(&b->server);
			wire_settle(&b->loop);
		}
		forget(&a);
	}
	free(large);
}

static void nothing_is_tried_again_after_a_byte_came(void **state)
{
	static const char *const cases[] = { "H", "HTTP/1.1 100 Continue\r\n\r\n" };
	struct bench *b = *state;

	use(b, "127.0.0.1", 1, 8);
	for (size_t i = 0; i < GH_COUNT_OF(cases); i++) {
		struct asked a = { .body = NULL };
		warm(b);
		ask(b, &a);
		assert_true(wire_sees(&b->loop, &b->server, "\r\n\r\n"));
		reply(b, cases[i]);
		wire_close(&b->server);
		wire_settle(&b->loop);
		check_fail(&a, GH__FAIL_CLOSED);
		assert_false(wire_called(b->listeners[0]));
		forget(&a);
	}
}

static void a_refused_endpoint_is_passed_over(void **state)
{
	struct bench *b = *state;

	use(b, "127.0.0.1", 2, 0);
	close(b->listeners[0]);
	b->listeners[0] = -1;
	for (int i = 0; i < 4; i++) {
		struct asked a = { .body = NULL };
		ask(b, &a);
		serve(b, 1);
		reply(b, OK);
		assert_int_equal(a.lasts, 1);
		wire_close(&b->server);
		forget(&a);
	}
	assert_false(gh__endpoint_up(b->upstream->endpoints, b->loop.now));
	/* Passed over, not tried each time. */
	assert_int_equal(atomic_load(&b->upstream->failures), 1);
	pass(b, FAIL_MS + 10);
	assert_true(gh__endpoint_up(b->upstream->endpoints, b->loop.now));
}

static void nobody_to_reach_is_a_failure(void **state)
{
	struct bench *b = *state;
	struct asked a = { .body = NULL };

	use(b, "127.0.0.1", 2, 0);
	for (int i = 0; i < 2; i++) {
		close(b->listeners[i]);
		b->listeners[i] = -1;
	}
	ask(b, &a);
	wire_settle(&b->loop);
	check_fail(&a, GH__FAIL_CONNECT);
	assert_int_equal(atomic_load(&b->upstream->failures), 2);
	forget(&a);
}

static void a_stale_connection_to_a_dead_server_goes_to_the_next(void **state)
{
	struct bench *b = *state;
	struct asked a = { .send = "hello", .part = GH_LAST };

	use(b, "127.0.0.1", 2, 8);
	warm(b);
	atomic_store(&b->upstream->turn, 0);
	ask_for(b, &a, "POST", 5);
	assert_true(wire_sees(&b->loop, &b->server, "hello"));
	close(b->listeners[0]);
	b->listeners[0] = -1;
	wire_close(&b->server);
	serve(b, 1);
	assert_non_null(strstr(b->server.got, "Content-Length: 5\r\n\r\nhello"));
	assert_false(gh__endpoint_up(b->upstream->endpoints, b->loop.now));
	reply(b, OK);
	assert_int_equal(a.lasts, 1);
	forget(&a);
}

static void a_stale_connection_to_a_server_that_is_gone_cannot_be_reached(void **state)
{
	struct bench *b = *state;
	struct asked a = { .body = NULL };

	use(b, "127.0.0.1", 1, 8);
	warm(b);
	ask(b, &a);
	assert_true(wire_sees(&b->loop, &b->server, "\r\n\r\n"));
	close(b->listeners[0]);
	b->listeners[0] = -1;
	wire_close(&b->server);
	wire_settle(&b->loop);
	check_fail(&a, GH__FAIL_CONNECT);
	assert_false(gh__endpoint_up(b->upstream->endpoints, b->loop.now));
	forget(&a);
}

/* ---- time ---- */

/* A port whose queue of connections is full: a new one hangs. */
static void stuff(struct bench *b, int which, struct wire *fillers, size_t count)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(b->ports[which]) };

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(listen(b->listeners[which], 0), 0);
	for (size_t i = 0; i < count; i++) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		connect(fd, (struct sockaddr *)&a, sizeof a);
		wire_open(fillers + i, fd);
	}
}

static void a_connection_has_its_time(void **state)
{
	struct bench *b = *state;
	struct asked a = { .body = NULL };
	struct wire fillers[4];

	use(b, "127.0.0.1", 1, 8);
	stuff(b, 0, fillers, 4);
	ask(b, &a);
	pass(b, CONNECT_MS - 100);
	assert_int_equal(a.fails, 0);
	pass(b, 200);
	check_fail(&a, GH__FAIL_CONNECT);
	for (int i = 0; i < 4; i++)
		wire_close(fillers + i);
	forget(&a);
}

static void the_first_byte_has_its_time(void **state)
{
	struct bench *b = *state;
	struct asked a = { .body = NULL };

	use(b, "127.0.0.1", 1, 8);
	ask(b, &a);
	serve(b, 0);
	pass(b, FIRST_MS - 100);
	assert_int_equal(a.fails, 0);
	pass(b, 200);
	check_fail(&a, GH__FAIL_TIMEOUT);
	assert_true(wire_ends(&b->loop, &b->server));
	forget(&a);
}

static void a_pause_in_the_answer_has_its_time(void **state)
{
	struct bench *b = *state;
	struct asked a = { .body = NULL };

	use(b, "127.0.0.1", 1, 8);
	ask(b, &a);
	serve(b, 0);
	reply(b, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n");
	for (int i = 0; i < 5; i++) {
		pass(b, IDLE_MS - 100);
		reply(b, "token");
	}
	assert_int_equal(a.fails, 0);
	pass(b, IDLE_MS + 100);
	check_fail(&a, GH__FAIL_CUT);
	forget(&a);
}

static void an_answer_that_is_held_has_no_clock(void **state)
{
	struct bench *b = *state;
	struct asked a = { .hold_head = true };

	use(b, "127.0.0.1", 1, 8);
	ask(b, &a);
	serve(b, 0);
	reply(b, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
	assert_int_equal(a.heads, 1);
	pass(b, 10 * IDLE_MS);
	assert_int_equal(a.fails, 0);
	gh__call_go(&a.call);
	pass(b, IDLE_MS + 100);
	check_fail(&a, GH__FAIL_CUT);
	forget(&a);
}

/* ---- holding ---- */

static void what_is_held_comes_in_order_when_it_goes_on(void **state)
{
	struct bench *b = *state;
	struct asked a = { .hold_head = true };

	use(b, "127.0.0.1", 1, 8);
	ask(b, &a);
	serve(b, 0);
	reply(b, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\none");
	reply(b, "two");
	assert_int_equal(a.heads, 1);
	assert_int_equal(a.len, 0);
	gh__call_go(&a.call);
	wire_settle(&b->loop);
	assert_string_equal(a.body, "onetwo");
	gh__call_hold(&a.call);
	reply(b, "end");
	assert_string_equal(a.body, "onetwo");
	assert_int_equal(a.lasts, 0);
	gh__call_go(&a.call);
	wire_settle(&b->loop);
	assert_string_equal(a.body, "onetwoend");
	assert_int_equal(a.lasts, 1);
	assert_int_equal(b->pools.count, 1); /* nothing is left in it: kept */
	forget(&a);
}

static void an_end_without_bytes_is_told_when_it_goes_on(void **state)
{
	struct bench *b = *state;
	struct asked a = { .hold_head = true };

	use(b, "127.0.0.1", 1, 8);
	ask(b, &a);
	serve(b, 0);
	reply(b, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	assert_int_equal(a.lasts, 0);
	gh__call_go(&a.call);
	assert_int_equal(a.lasts, 1);
	forget(&a);
}

static void what_the_upstream_does_not_take_is_told_of(void **state)
{
	enum { BIG = 8 << 20 };
	struct bench *b = *state;
	struct asked a = { .send = NULL };
	char *big = malloc(BIG);

	use(b, "127.0.0.1", 1, 8);
	memset(big, 'x', BIG);
	ask_for(b, &a, "POST", BIG + 3);
	serve(b, 0);
	assert_int_equal(a.readies, 1);
	gh__call_body(&a.call, (struct gh_str){ big, BIG }, GH_MORE);
	assert_true(gh__call_pressure(&a.call) > 0);
	size_t head = b->server.len;
	assert_true(wire_gets(&b->loop, &b->server, BIG));
	wire_settle(&b->loop);
	assert_int_equal(a.drains, 1);
	assert_int_equal(gh__call_pressure(&a.call), 0);
	gh__call_body(&a.call, GH_STR("end"), GH_LAST);
	assert_true(wire_sees(&b->loop, &b->server, "xend"));
	assert_true(b->server.len >= BIG + 3 && head > 0);
	reply(b, OK);
	assert_int_equal(a.lasts, 1);
	free(big);
	forget(&a);
}

/* ---- tunnels ---- */

static void a_tunnel_passes_bytes_both_ways(void **state)
{
	struct bench *b = *state;
	struct asked a = { .call.flags = GH__CALL_UPGRADE };

	use(b, "127.0.0.1", 1, 8);
	ask(b, &a);
	serve(b, 0);
	assert_non_null(strstr(b->server.got, "Connection: Upgrade\r\nUpgrade: websocket\r\n"));
	wire_forget(&b->server);
	reply(b, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
		 "Upgrade: websocket\r\n\r\nfirst ");
	assert_int_equal(a.upgrades, 1);
	assert_int_equal(a.heads, 0);
	reply(b, "second");
	assert_string_equal(a.body, "first second");
	gh__call_body(&a.call, GH_STR("raw"), GH_MORE);
	assert_true(wire_gets(&b->loop, &b->server, 3));
	assert_string_equal(b->server.got, "raw");
	/* Either side's word keeps it open. */
	for (int i = 0; i < 4; i++) {
		pass(b, IDLE_MS - 100);
		gh__call_body(&a.call, GH_STR("."), GH_MORE);
	}
	assert_int_equal(a.lasts + a.fails, 0);
	wire_close(&b->server);
	wire_settle(&b->loop);
	assert_int_equal(a.lasts, 1);
	assert_int_equal(a.fails, 0);
	forget(&a);
}

static void an_upgrade_that_is_declined_is_an_answer(void **state)
{
	struct bench *b = *state;
	struct asked a = { .call.flags = GH__CALL_UPGRADE };

	use(b, "127.0.0.1", 1, 8);
	ask(b, &a);
	serve(b, 0);
	reply(b, "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
	assert_int_equal(a.heads, 1);
	assert_int_equal(a.upgrades, 0);
	assert_int_equal(a.lasts, 1);
	forget(&a);
}

/* ---- cancelling ---- */

static void a_call_may_be_cancelled_at_every_stage(void **state)
{
	static const char *const stages[] = {
		NULL, /* while it connects */
		"",   /* after its head */
		"HTTP/1.1 2",
		"HTTP/1.1 103 Early Hints\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
	};
	struct bench *b = *state;

	use(b, "127.0.0.1", 1, 8);
	for (size_t i = 0; i < GH_COUNT_OF(stages); i++) {
		struct asked a = { .send = "hello", .part = GH_MORE };
		ask_for(b, &a, "POST", 10);
		if (stages[i]) {
			serve(b, 0);
			reply(b, stages[i]);
		}
		gh__call_cancel(&a.call);
		gh__call_cancel(&a.call);
		unsigned turns = a.turns;
		if (!stages[i])
			assert_true(wire_accept(&b->loop, b->listeners[0], &b->server));
		assert_true(wire_ends(&b->loop, &b->server)); /* at once: its GPU is free */
		wire_close(&b->server);
		wire_settle(&b->loop);
		assert_int_equal(a.lasts + a.fails, 0);
		assert_int_equal(a.turns, turns);
		assert_int_equal(b->pools.count, 0);
		forget(&a);
	}
}

static void a_call_may_be_cancelled_from_within(void **state)
{
	struct bench *b = *state;

	use(b, "127.0.0.1", 1, 8);
	for (int i = 0; i < 2; i++) {
		struct asked a = { .cancel_head = i == 0, .cancel_body = i == 1 };
		ask(b, &a);
		serve(b, 0);
		reply(b, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"
			 "5\r\nworld\r\n0\r\n\r\n");
		assert_int_equal(a.heads, 1);
		assert_int_equal(a.lasts + a.fails, 0);
		assert_int_equal(a.len, i ? 5 : 0);
		assert_true(wire_ends(&b->loop, &b->server));
		wire_close(&b->server);
		forget(&a);
	}
}

/* ---- names ---- */

static bool is_called(void *arg)
{
	return wire_called(*(int *)arg);
}

static void a_name_is_looked_up_and_called(void **state)
{
	struct bench *b = *state;
	struct asked a = { .body = NULL };
	uint64_t until = uv_hrtime() + 5000000000ull;

	use(b, "localhost", 1, 8);
	ask(b, &a);
	while (!is_called(b->listeners) && uv_hrtime() < until) {
		pass(b, 10); /* it asks again until the name is there */
		if (a.fails)
			break;
		if (b->loop.now > CONNECT_MS / 2)
			usleep(1000);
	}
	serve(b, 0);
	reply(b, OK);
	assert_int_equal(a.lasts, 1);
	forget(&a);
}

static void a_name_that_nobody_knows_is_a_failure(void **state)
{
	struct bench *b = *state;
	struct asked a = { .body = NULL };
	uint64_t until = uv_hrtime() + 10000000000ull;

	use(b, "no-such-name.invalid", 1, 8);
	ask(b, &a);
	while (!a.fails && uv_hrtime() < until)
		pass(b, 10);
	check_fail(&a, GH__FAIL_CONNECT);
	forget(&a);
}

static void a_call_may_be_cancelled_while_its_name_is_looked_up(void **state)
{
	struct bench *b = *state;
	struct asked a = { .body = NULL };

	use(b, "localhost", 1, 8);
	ask(b, &a);
	gh__call_cancel(&a.call);
	pass(b, 1000);
	assert_int_equal(a.fails, 0);
	assert_false(wire_called(b->listeners[0]));
	forget(&a);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = {
		CASE(a_call_sends_its_head_and_gives_the_answer),
		CASE(a_body_is_framed_by_its_length_or_in_chunks),
		CASE(an_answer_may_come_byte_by_byte),
		CASE(interim_answers_are_told_before_the_final_one),
		CASE(answers_without_a_body_end_with_their_head),
		CASE(a_body_until_the_close_ends_with_it),
		CASE(a_body_that_is_cut_is_a_failure),
		CASE(what_is_no_answer_is_a_failure),
		CASE(a_close_before_the_answer_is_a_failure),
		CASE(an_idle_connection_is_used_again),
		CASE(a_connection_is_not_used_again_when_it_may_not_be),
		CASE(an_answer_before_the_whole_body_ends_the_connection),
		CASE(an_idle_connection_that_speaks_or_closes_is_dropped),
		CASE(idle_connections_have_their_time_and_their_number),
		CASE(no_time_keeps_none),
		CASE(a_pool_that_is_forgotten_closes_its_idle_ones),
		CASE(a_stale_connection_is_tried_again_once),
		CASE(a_body_that_was_kept_is_sent_again_whole),
		CASE(a_body_that_was_sent_whole_is_sent_again_whole),
		CASE(body_that_comes_while_it_connects_again_stays_behind_the_head),
		CASE(a_body_that_is_too_large_to_keep_is_not_sent_again),
		CASE(nothing_is_tried_again_after_a_byte_came),
		CASE(a_refused_endpoint_is_passed_over),
		CASE(nobody_to_reach_is_a_failure),
		CASE(a_stale_connection_to_a_dead_server_goes_to_the_next),
		CASE(a_stale_connection_to_a_server_that_is_gone_cannot_be_reached),
		CASE(a_connection_has_its_time),
		CASE(the_first_byte_has_its_time),
		CASE(a_pause_in_the_answer_has_its_time),
		CASE(an_answer_that_is_held_has_no_clock),
		CASE(what_is_held_comes_in_order_when_it_goes_on),
		CASE(an_end_without_bytes_is_told_when_it_goes_on),
		CASE(what_the_upstream_does_not_take_is_told_of),
		CASE(a_tunnel_passes_bytes_both_ways),
		CASE(an_upgrade_that_is_declined_is_an_answer),
		CASE(a_call_may_be_cancelled_at_every_stage),
		CASE(a_call_may_be_cancelled_from_within),
		CASE(a_name_is_looked_up_and_called),
		CASE(a_name_that_nobody_knows_is_a_failure),
		CASE(a_call_may_be_cancelled_while_its_name_is_looked_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
