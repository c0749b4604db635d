/*
 * A client's connection in HTTP/1 over a real socket, and a user of its streams that does what the test
 * says. The clock is the test's own.
 */
#ifndef GATEHOUSE_TESTS_UNIT_NET_CONN_BENCH_H
#define GATEHOUSE_TESTS_UNIT_NET_CONN_BENCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "core/http/header.h"
#include "core/net/conn.h"
#include "support/wire.h"

enum { HEAD_MS = 10000, BODY_MS = 20000, IDLE_MS = 30000, WRITE_MS = 40000, BIG = 1 << 20 };

struct bench;
typedef void behaviour(struct bench *b, struct gh__stream *s);

/* What the stream's user does, and what it was told. */
struct bench {
	struct gh__loop loop;
	struct gh__conns conns;
	struct gh__door *door;
	struct wire client;
	behaviour *on_head, *on_end_of_body;
	struct gh__stream *stream; /* the one under way */
	unsigned heads, lasts, gones, ends, drains, closes, refused;
	int error, refused_status;
	uint64_t max_body; /* that it allows */
	bool hold;         /* after each slice */
	char paths[256];
	char *body;
	size_t len;
	char *big;
};

static inline struct bench *bench_of(struct gh__stream *s)
{
	return s->loop->owner;
}

static inline void note_head(struct gh__stream *s)
{
	struct bench *b = bench_of(s);
	size_t at = strlen(b->paths);

	assert_null(b->stream); /* one at a time, in order */
	b->stream = s;
	b->heads++;
	snprintf(b->paths + at, sizeof b->paths - at, GH_FMT " ", GH_ARG(s->req.path));
	s->max_body = b->max_body;
	gh__headers_init(&s->res.headers, &s->arena);
	if (b->on_head)
		b->on_head(b, s);
}

static inline void note_body(struct gh__stream *s, struct gh_str slice, enum gh_part part)
{
	struct bench *b = bench_of(s);

	assert_ptr_equal(s, b->stream);
	assert_int_equal(b->lasts, 0);
	b->body = realloc(b->body, b->len + slice.len + 1);
	if (slice.len)
		memcpy(b->body + b->len, slice.at, slice.len);
	b->len += slice.len;
	b->body[b->len] = 0;
	if (part == GH_LAST) {
		b->lasts++;
		if (b->on_end_of_body)
			b->on_end_of_body(b, s);
	} else if (b->hold) {
		s->ops->hold_body(s);
	}
}

static inline void note_drain(struct gh__stream *s)
{
	bench_of(s)->drains++;
}

static inline void note_gone(struct gh__stream *s, int error)
{
	struct bench *b = bench_of(s);

	assert_ptr_equal(s, b->stream);
	b->gones++;
	b->error = error;
}

static inline void note_end(struct gh__stream *s)
{
	struct bench *b = bench_of(s);

	assert_ptr_equal(s, b->stream);
	b->stream = NULL;
	b->ends++;
}

static inline void note_refused(struct gh__conn *c, int status, const char *why)
{
	struct bench *b = c->conns->owner;

	assert_non_null(why);
	b->refused++;
	b->refused_status = status;
}

static inline void note_close(struct gh__conns *conns, struct gh__conn *c)
{
	struct bench *b = conns->owner;

	(void)c;
	assert_null(b->stream);
	b->closes++;
}

static const struct gh__stream_listener listener = {
	.stream_size = sizeof(struct gh__stream),
	.on_head = note_head,
	.on_body = note_body,
	.on_drain = note_drain,
	.on_gone = note_gone,
	.on_end = note_end,
	.on_refused = note_refused,
};

/* A client comes in; the last one is closed first. */
static inline void join(struct bench *b)
{
	struct gh_address peer = { .family = AF_INET, .bytes = { 192, 0, 2, 1 } };
	int fds[2];

	wire_close(&b->client);
	wire_settle(&b->loop);
	b->heads = b->lasts = b->gones = b->ends = b->drains = b->closes = b->refused = 0;
	b->error = b->refused_status = 0;
	b->len = 0;
	b->paths[0] = 0;
	wire_tcp_pair(fds);
	setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &(int){ 4096 }, sizeof(int));
	wire_open(&b->client, fds[1]);
	assert_int_equal(gh__conn_accept(&b->conns, fds[0], &peer, b->door), 0);
}

static inline int begin(void **state)
{
	struct bench *b = calloc(1, sizeof *b);

	*state = b;
	assert_int_equal(gh__loop_init(&b->loop), 0);
	b->loop.owner = b;
	b->loop.frozen = true;
	b->door = gh__door_create(GH_STR("test"));
	gh__conns_init(&b->conns, &b->loop, &listener);
	b->conns.owner = b;
	b->conns.on_close = note_close;
	b->conns.settings = (struct gh__conn_settings){
		.handshake_timeout = HEAD_MS,
		.head_timeout = HEAD_MS,
		.body_timeout = BODY_MS,
		.idle_timeout = IDLE_MS,
		.write_timeout = WRITE_MS,
		.max_head = 8192,
		.max_headers = 100,
	};
	b->big = malloc(BIG);
	for (uint32_t i = 0, x = 7; i < BIG; i++, x = x * 1664525 + 1013904223)
		b->big[i] = (char)('a' + (x >> 24) % 26);
	join(b);
	return 0;
}

static inline int end(void **state)
{
	struct bench *b = *state;

	wire_close(&b->client);
	gh__conns_cut(&b->conns);
	wire_settle(&b->loop);
	assert_int_equal(b->conns.count, 0);
	assert_true(gh__list_empty(&b->conns.all));
	assert_int_equal(atomic_load(&b->door->refs), 1);
	assert_int_equal(b->heads, b->ends);
	assert_int_equal(b->loop.deadlines, 0);
	gh__door_unref(b->door);
	gh__loop_finish(&b->loop);
	free(b->body);
	free(b->big);
	free(b);
	return 0;
}

static inline void pass(struct bench *b, uint64_t ms)
{
	for (uint64_t until = b->loop.now + ms; b->loop.now < until;) {
		b->loop.now += 10;
		gh__loop_tick(&b->loop);
	}
	wire_settle(&b->loop);
}

static inline void say(struct bench *b, const char *text)
{
	wire_send(&b->loop, &b->client, text);
	wire_settle(&b->loop);
}

/* ---- what users of streams do ---- */

static inline void answer(struct gh__stream *s, int status, const char *body)
{
	s->res.status = status;
	s->res.length = (int64_t)strlen(body);
	s->ops->send_head(s, *body ? GH_MORE : GH_LAST);
	if (*body)
		s->ops->send_body(s, gh_str(body), GH_LAST);
	s->ops->flush(s);
}

static inline void say_path(struct bench *b, struct gh__stream *s)
{
	char path[64];

	(void)b;
	snprintf(path, sizeof path, GH_FMT, GH_ARG(s->req.path));
	answer(s, 200, path);
}

static inline void want(struct bench *b, struct gh__stream *s)
{
	(void)b;
	s->ops->want_body(s);
}

static inline void say_done(struct bench *b, struct gh__stream *s)
{
	(void)b;
	answer(s, 200, "done");
}

static inline void say_body(struct bench *b, struct gh__stream *s)
{
	char *text = strdup(b->body);

	b->len = b->lasts = 0;
	answer(s, 200, text);
	free(text);
}

static inline void refuse_large(struct bench *b, struct gh__stream *s)
{
	(void)b;
	answer(s, 413, "too large");
}

static inline void begin_stream(struct bench *b, struct gh__stream *s)
{
	(void)b;
	s->res.status = 200;
	s->res.length = -1;
	s->ops->send_head(s, GH_MORE);
	s->ops->send_body(s, GH_STR("one"), GH_MORE);
	s->ops->flush(s);
}

static inline void begin_of_ten(struct bench *b, struct gh__stream *s)
{
	(void)b;
	s->res.status = 200;
	s->res.length = 10;
	s->ops->send_head(s, GH_MORE);
	s->ops->send_body(s, GH_STR("one"), GH_MORE);
	s->ops->flush(s);
}

static inline void say_big(struct bench *b, struct gh__stream *s)
{
	s->res.status = 200;
	s->res.length = BIG;
	s->ops->send_head(s, GH_MORE);
	s->ops->send_body(s, (struct gh_str){ b->big, BIG }, GH_LAST);
	s->ops->flush(s);
}

static inline void switch_over(struct bench *b, struct gh__stream *s)
{
	(void)b;
	s->res.status = 101;
	s->ops->upgrade(s);
}

/* The head of the client's next answer, taken off, without its Date. */
static inline const char *head_of(struct bench *b)
{
	static char head[4096];

	assert_true(wire_sees(&b->loop, &b->client, "\r\n\r\n"));
	size_t len = (size_t)(strstr(b->client.got, "\r\n\r\n") + 4 - b->client.got);
	const char *from = strstr(b->client.got,
				  "HTTP/1.1 "); /* behind the rest of the last body */
	assert_non_null(from);
	snprintf(head, sizeof head, "%.*s", (int)(len - (size_t)(from - b->client.got)), from);
	char *date = strstr(head, "Date: ");
	if (date) {
		char *after = strstr(date, "\r\n") + 2;
		assert_int_equal(after - date, (ptrdiff_t)strlen("Date: ") + 29 + 2);
		memmove(date, after, strlen(after) + 1);
	}
	b->client.len -= len;
	memmove(b->client.got, b->client.got + len, b->client.len + 1);
	return head;
}

static inline const char *rest(struct bench *b)
{
	wire_settle(&b->loop);
	wire_read(&b->client);
	return b->client.got;
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, begin, end)

#endif
