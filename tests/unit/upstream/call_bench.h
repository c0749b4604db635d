/*
 * Calls to upstreams that the test plays itself over real sockets, and an owner that counts what it is
 * told. The clock is the test's own.
 */
#ifndef GATEHOUSE_TESTS_UNIT_UPSTREAM_CALL_BENCH_H
#define GATEHOUSE_TESTS_UNIT_UPSTREAM_CALL_BENCH_H

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
	const char *send; /* by on_ready; NULL: nothing */
	enum gh_part part;
	bool hold_head; /* holds in on_head */
	bool cancel_head, cancel_body;
	unsigned readies, heads, interims, upgrades, lasts, turns, drains, fails;
	int interim;
	enum gh__call_failure kind;
	char *body;
	size_t len;
};

static inline struct asked *asked_of(struct gh__call *c)
{
	return GH__CONTAINER(c, struct asked, call);
}

static inline void check_not_over(const struct asked *a)
{
	assert_int_equal(a->lasts + a->fails, 0);
}

static inline void on_ready(struct gh__call *c)
{
	struct asked *a = asked_of(c);

	check_not_over(a);
	a->readies++;
	if (a->send)
		gh__call_body(c, gh_str(a->send), a->part);
	a->send = NULL;
}

static inline void on_interim(struct gh__call *c, int status, const struct gh_headers *headers)
{
	check_not_over(asked_of(c));
	assert_non_null(headers);
	asked_of(c)->interims++;
	asked_of(c)->interim = status;
}

static inline void on_head(struct gh__call *c)
{
	struct asked *a = asked_of(c);

	check_not_over(a);
	a->heads++;
	if (a->hold_head)
		gh__call_hold(c);
	if (a->cancel_head)
		gh__call_cancel(c);
}

static inline void on_upgrade(struct gh__call *c)
{
	asked_of(c)->upgrades++;
}

static inline void on_body(struct gh__call *c, struct gh_str slice, enum gh_part part)
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

static inline void on_turn(struct gh__call *c)
{
	asked_of(c)->turns++;
}

static inline void on_drain(struct gh__call *c)
{
	asked_of(c)->drains++;
}

static inline void on_fail(struct gh__call *c, enum gh__call_failure kind, const char *why)
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

static inline int begin(void **state)
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

static inline int end(void **state)
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

static inline void use(struct bench *b, const char *host, size_t count, int64_t max_idle)
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

static inline void pass(struct bench *b, uint64_t ms)
{
	for (uint64_t until = b->loop.now + ms; b->loop.now < until;) {
		b->loop.now += 10;
		gh__loop_tick(&b->loop);
	}
	wire_settle(&b->loop);
}

static inline void ask_for(struct bench *b, struct asked *a, const char *method, int64_t length)
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

static inline void ask(struct bench *b, struct asked *a)
{
	ask_for(b, a, "GET", 0);
}

/* The server's side of a new connection, when a whole head has come. */
static inline void serve(struct bench *b, int which)
{
	assert_true(wire_accept(&b->loop, b->listeners[which], &b->server));
	assert_true(wire_sees(&b->loop, &b->server, "\r\n\r\n"));
}

static inline void reply(struct bench *b, const char *text)
{
	wire_send(&b->loop, &b->server, text);
	wire_settle(&b->loop);
}

static inline void forget(struct asked *a)
{
	free(a->body);
	*a = (struct asked){ .body = NULL };
}

#define OK "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

/* Makes a connection that idles in the pool. */
static inline void warm(struct bench *b)
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

static inline void check_fail(struct asked *a, enum gh__call_failure kind)
{
	assert_int_equal(a->fails, 1);
	assert_int_equal(a->kind, kind);
	assert_int_equal(a->lasts, 0);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, begin, end)

#endif
