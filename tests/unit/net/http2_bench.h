/*
 * A connection of HTTP/2 over a real socket: nghttp2 as the client, which can also be passed by to send
 * frames by hand, and a user of streams that does what the test says. The clock is the test's own.
 */
#ifndef GATEHOUSE_TESTS_UNIT_NET_HTTP2_BENCH_H
#define GATEHOUSE_TESTS_UNIT_NET_HTTP2_BENCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>
#include <nghttp2/nghttp2.h>

#include "core/http/header.h"
#include "core/net/conn.h"
#include "support/wire.h"

enum { HEAD_MS = 10000, BODY_MS = 20000, IDLE_MS = 30000, WRITE_MS = 40000, BIG = 1 << 20 };
enum { STREAMS = 600, NEVER = -1 };

struct bench;
struct user;
typedef void behaviour(struct user *u);

/* What the user of one stream saw, and the stream while there is one. By number: user n has stream
 * 2n + 1. */
struct user {
	struct bench *bench;
	struct gh__stream *stream;
	unsigned lasts, gones, ends, drains;
	int error;
	char path[64];
	char *body;
	size_t len;
};

/* What the client saw of one stream. */
struct seen {
	int status;
	unsigned heads, interims;
	char fields[2048]; /* "name: value\n" of the final head, but for date */
	char *body;
	size_t len;
	bool ended, dated;
	int64_t closed; /* error code; NEVER */
};

struct bench {
	struct gh__loop loop;
	struct gh__conns conns;
	struct gh__door *door;
	struct wire wire;
	size_t taken; /* of what came over the wire */
	nghttp2_session *client;
	int64_t goaway; /* code of the last; NEVER */
	int32_t goaway_last;
	unsigned goaways, pongs;
	behaviour *on_head, *on_last, *on_drain, *on_gone, *on_body;
	struct user users[STREAMS];
	struct seen seen[STREAMS];
	unsigned heads, ends, closes, refused;
	int refused_status;
	uint64_t max_body;
	int32_t window; /* that the client grants streams */
	char *upload;   /* what the client sends as bodies, */
	size_t upload_len, upload_at;
	bool upload_goes_on; /* no END_STREAM when that is sent */
	bool by_hand;        /* windows are not given back */
	char *big;
};

/* ---- the user of streams ---- */

static inline struct user *user_of(struct gh__stream *s)
{
	struct bench *b = s->loop->owner;

	for (unsigned i = 0; i < STREAMS; i++)
		if (b->users[i].stream == s)
			return b->users + i;
	fail_msg("nobody's stream");
	return NULL;
}

static inline void do_head(struct gh__stream *s)
{
	struct bench *b = s->loop->owner;
	struct user *u = b->users + b->heads;

	assert_true(b->heads < STREAMS);
	b->heads++;
	*u = (struct user){ .bench = b, .stream = s, .body = calloc(1, 1) };
	snprintf(u->path, sizeof u->path, GH_FMT, GH_ARG(s->req.path));
	s->max_body = b->max_body;
	gh__headers_init(&s->res.headers, &s->arena);
	if (b->on_head)
		b->on_head(u);
}

static inline void do_body(struct gh__stream *s, struct gh_str slice, enum gh_part part)
{
	struct user *u = user_of(s);

	assert_int_equal(u->lasts, 0);
	assert_int_equal(u->gones, 0);
	u->body = realloc(u->body, u->len + slice.len + 1);
	if (slice.len)
		memcpy(u->body + u->len, slice.at, slice.len);
	u->len += slice.len;
	u->body[u->len] = 0;
	if (part == GH_MORE && u->bench->on_body)
		u->bench->on_body(u);
	if (part == GH_LAST) {
		u->lasts++;
		if (u->bench->on_last)
			u->bench->on_last(u);
	}
}

static inline void do_drain(struct gh__stream *s)
{
	struct user *u = user_of(s);

	u->drains++;
	assert_int_equal(u->gones, 0);
	if (u->bench->on_drain)
		u->bench->on_drain(u);
}

static inline void do_gone(struct gh__stream *s, int error)
{
	struct user *u = user_of(s);

	u->gones++;
	u->error = error;
	if (u->bench->on_gone)
		u->bench->on_gone(u);
}

static inline void do_end(struct gh__stream *s)
{
	struct user *u = user_of(s);

	u->stream = NULL;
	u->ends++;
	u->bench->ends++;
}

static inline void do_refused(struct gh__conn *c, int status, const char *why)
{
	struct bench *b = c->conns->owner;

	assert_non_null(why);
	b->refused++;
	b->refused_status = status;
}

static inline void do_close(struct gh__conns *conns, struct gh__conn *c)
{
	struct bench *b = conns->owner;

	(void)c;
	b->closes++;
	assert_int_equal(b->heads, b->ends);
}

static const struct gh__stream_listener listener = {
	.stream_size = sizeof(struct gh__stream),
	.on_head = do_head,
	.on_body = do_body,
	.on_drain = do_drain,
	.on_gone = do_gone,
	.on_end = do_end,
	.on_refused = do_refused,
};

/* ---- the client ---- */

static inline struct seen *seen_of(struct bench *b, int32_t id)
{
	assert_in_range(id, 1, 2 * STREAMS);
	return b->seen + id / 2;
}

static inline int saw_field(nghttp2_session *n, const nghttp2_frame *f, const uint8_t *name,
			    size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
			    void *arg)
{
	struct seen *s = seen_of(arg, f->hd.stream_id);
	size_t at = strlen(s->fields);

	(void)n;
	(void)flags;
	if (name_len == 7 && memcmp(name, ":status", 7) == 0) {
		s->status = atoi((const char *)value);
		s->fields[0] = 0;
	} else if (name_len == 4 && memcmp(name, "date", 4) == 0) {
		s->dated = value_len == 29;
	} else {
		snprintf(s->fields + at, sizeof s->fields - at, "%.*s: %.*s\n", (int)name_len, name,
			 (int)value_len, value);
	}
	return 0;
}

static inline int saw_frame(nghttp2_session *n, const nghttp2_frame *f, void *arg)
{
	struct bench *b = arg;

	(void)n;
	if (f->hd.type == NGHTTP2_GOAWAY) {
		b->goaway = f->goaway.error_code;
		b->goaway_last = f->goaway.last_stream_id;
		b->goaways++;
	}
	if (f->hd.type == NGHTTP2_PING && f->hd.flags & NGHTTP2_FLAG_ACK)
		b->pongs++;
	if (f->hd.type == NGHTTP2_HEADERS) {
		if (seen_of(b, f->hd.stream_id)->status < 200)
			seen_of(b, f->hd.stream_id)->interims++;
		else
			seen_of(b, f->hd.stream_id)->heads++;
	}
	if ((f->hd.type == NGHTTP2_HEADERS || f->hd.type == NGHTTP2_DATA) &&
	    f->hd.flags & NGHTTP2_FLAG_END_STREAM)
		seen_of(b, f->hd.stream_id)->ended = true;
	return 0;
}

static inline int saw_data(nghttp2_session *n, uint8_t flags, int32_t id, const uint8_t *at,
			   size_t len, void *arg)
{
	struct bench *b = arg;
	struct seen *s = seen_of(b, id);

	(void)flags;
	s->body = realloc(s->body, s->len + len + 1);
	memcpy(s->body + s->len, at, len);
	s->len += len;
	s->body[s->len] = 0;
	if (!b->by_hand)
		nghttp2_session_consume(n, id, len);
	return 0;
}

static inline int saw_close(nghttp2_session *n, int32_t id, uint32_t code, void *arg)
{
	(void)n;
	seen_of(arg, id)->closed = code;
	return 0;
}

static inline ssize_t upload_read(nghttp2_session *n, int32_t id, uint8_t *to, size_t room,
				  uint32_t *flags, nghttp2_data_source *source, void *arg)
{
	struct bench *b = arg;
	size_t left = b->upload_len - b->upload_at;
	size_t len = left < room ? left : room;

	(void)n;
	(void)id;
	(void)source;
	if (!left && b->upload_goes_on)
		return NGHTTP2_ERR_DEFERRED;
	memcpy(to, b->upload + b->upload_at, len);
	b->upload_at += len;
	if (len == left && !b->upload_goes_on)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return (ssize_t)len;
}

/* What the client has to say goes out, and what the gateway answered comes in, until both are still. */
static inline void talk(struct bench *b)
{
	for (int quiet = 0; quiet < 3;) {
		const uint8_t *at;
		ssize_t len;
		quiet++;
		char *all = NULL;
		size_t total = 0;
		while (b->client && (len = nghttp2_session_mem_send(b->client, &at)) > 0) {
			all = realloc(all, total + (size_t)len);
			memcpy(all + total, at, (size_t)len);
			total += (size_t)len;
			quiet = 0;
		}
		wire_send_bytes(&b->loop, &b->wire, all, total);
		free(all);
		wire_settle(&b->loop);
		wire_read(&b->wire);
		if (b->client && b->taken < b->wire.len) {
			len = nghttp2_session_mem_recv(b->client,
						       (const uint8_t *)b->wire.got + b->taken,
						       b->wire.len - b->taken);
			assert_true(len == (ssize_t)(b->wire.len - b->taken));
			b->taken = b->wire.len;
			quiet = 0;
		}
	}
}

static inline void forget(struct bench *b)
{
	for (unsigned i = 0; i < STREAMS; i++) {
		free(b->users[i].body);
		free(b->seen[i].body);
		b->users[i] = (struct user){ .bench = b };
		b->seen[i] = (struct seen){ .closed = NEVER };
	}
	b->heads = b->ends = b->closes = b->refused = b->goaways = b->pongs = 0;
	b->refused_status = 0;
	b->goaway = NEVER;
	b->taken = 0;
}

static inline void leave(struct bench *b)
{
	wire_close(&b->wire);
	wire_settle(&b->loop);
	if (b->client)
		nghttp2_session_del(b->client);
	b->client = NULL;
}

/* A connection comes in that says nothing yet. */
static inline void come(struct bench *b)
{
	struct gh_address peer = { .family = AF_INET, .bytes = { 192, 0, 2, 1 } };
	int fds[2];

	leave(b);
	forget(b);
	wire_pair(fds);
	setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &(int){ 4096 }, sizeof(int));
	wire_open(&b->wire, fds[1]);
	assert_int_equal(gh__conn_accept(&b->conns, fds[0], &peer, b->door), 0);
}

/* A client comes in, and settings are exchanged. */
static inline void join(struct bench *b)
{
	nghttp2_session_callbacks *cb;
	nghttp2_option *o;
	nghttp2_settings_entry window = { NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE,
					  (uint32_t)b->window };

	come(b);
	nghttp2_session_callbacks_new(&cb);
	nghttp2_session_callbacks_set_on_header_callback(cb, saw_field);
	nghttp2_session_callbacks_set_on_frame_recv_callback(cb, saw_frame);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, saw_data);
	nghttp2_session_callbacks_set_on_stream_close_callback(cb, saw_close);
	nghttp2_option_new(&o);
	nghttp2_option_set_no_auto_window_update(o, 1);
	assert_int_equal(nghttp2_session_client_new2(&b->client, cb, b, o), 0);
	nghttp2_option_del(o);
	nghttp2_session_callbacks_del(cb);
	nghttp2_submit_settings(b->client, NGHTTP2_FLAG_NONE, &window, 1);
	talk(b);
	assert_int_equal(b->goaway, NEVER);
}

#define NV(n, v) \
	(nghttp2_nv) \
	{ \
		(uint8_t *)(uintptr_t)(n), (uint8_t *)(uintptr_t)(v), strlen(n), strlen(v), \
			NGHTTP2_NV_FLAG_NONE \
	}

/* A request with up to one more field; its body is b->upload when that is set. Not sent yet. */
static inline struct seen *ask(struct bench *b, const char *method, const char *path,
			       const char *name, const char *value)
{
	nghttp2_nv fields[] = { NV(":method", method), NV(":scheme", "http"),
				NV(":authority", "a.test"), NV(":path", path),
				NV(name ? name : "", value ? value : "") };
	nghttp2_data_provider body = { .read_callback = upload_read };
	int32_t id;

	if (b->upload)
		b->upload_at = 0;
	id = nghttp2_submit_request(b->client, NULL, fields, name ? 5 : 4, b->upload ? &body : NULL,
				    NULL);
	assert_true(id > 0);
	return seen_of(b, id);
}

static inline struct seen *get(struct bench *b, const char *path)
{
	struct seen *s = ask(b, "GET", path, NULL, NULL);

	talk(b);
	return s;
}

static inline struct seen *post(struct bench *b, const char *path, char *body, size_t len)
{
	b->upload = body;
	b->upload_len = len;
	struct seen *s = ask(b, "POST", path, NULL, NULL);
	talk(b);
	b->upload = NULL;
	return s;
}

/* ---- frames by hand ---- */

static inline void say(struct bench *b, const char *at, size_t len)
{
	wire_send_bytes(&b->loop, &b->wire, at, len);
}

static inline void say_frame(struct bench *b, uint8_t type, uint8_t flags, uint32_t id,
			     const char *payload, size_t len)
{
	char head[9] = { (char)(len >> 16), (char)(len >> 8), (char)len,
			 (char)type,        (char)flags,      (char)(id >> 24),
			 (char)(id >> 16),  (char)(id >> 8),  (char)id };
	char *all = malloc(sizeof head + len);

	memcpy(all, head, sizeof head);
	if (len)
		memcpy(all + sizeof head, payload, len);
	wire_send_bytes(NULL, &b->wire, all, sizeof head + len);
	free(all);
}

#define PREFACE_TEXT "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
/* GET http a.test / by the static table, with a literal authority. */
#define GET_BLOCK \
	"\x82\x86\x84\x01\x06" \
	"a.test"

/* ---- */

static inline int begin(void **state)
{
	struct bench *b = calloc(1, sizeof *b);

	*state = b;
	assert_int_equal(gh__loop_init(&b->loop), 0);
	b->loop.owner = b;
	b->loop.frozen = true;
	b->door = gh__door_create(GH_STR("test"));
	b->door->h2c = true;
	gh__conns_init(&b->conns, &b->loop, &listener);
	b->conns.owner = b;
	b->conns.on_close = do_close;
	b->conns.settings = (struct gh__conn_settings){
		.handshake_timeout = HEAD_MS,
		.head_timeout = HEAD_MS,
		.body_timeout = BODY_MS,
		.idle_timeout = IDLE_MS,
		.write_timeout = WRITE_MS,
		.max_head = 8192,
		.max_headers = 100,
	};
	b->window = 65535;
	b->big = malloc(BIG);
	for (uint32_t i = 0, x = 7; i < BIG; i++, x = x * 1664525 + 1013904223)
		b->big[i] = (char)('a' + (x >> 24) % 26);
	join(b);
	return 0;
}

static inline int end(void **state)
{
	struct bench *b = *state;

	leave(b);
	gh__conns_cut(&b->conns);
	wire_settle(&b->loop);
	assert_int_equal(b->conns.count, 0);
	assert_int_equal(atomic_load(&b->door->refs), 1);
	assert_int_equal(b->heads, b->ends);
	assert_int_equal(b->loop.deadlines, 0);
	forget(b);
	gh__door_unref(b->door);
	gh__loop_finish(&b->loop);
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
	talk(b);
}

/* ---- what users of streams do ---- */

static inline void answer(struct user *u, int status, const char *body)
{
	struct gh__stream *s = u->stream;

	s->res.status = status;
	s->res.length = (int64_t)strlen(body);
	s->ops->send_head(s, *body ? GH_MORE : GH_LAST);
	if (*body)
		s->ops->send_body(s, gh_str(body), GH_LAST);
	s->ops->flush(s);
}

static inline void say_path(struct user *u)
{
	answer(u, 200, u->path);
}

static inline void want(struct user *u)
{
	u->stream->ops->want_body(u->stream);
}

static inline void hold(struct user *u)
{
	u->stream->ops->hold_body(u->stream);
}

static inline void begin_stream(struct user *u)
{
	u->stream->res.status = 200;
	u->stream->res.length = -1;
	u->stream->ops->send_head(u->stream, GH_MORE);
	u->stream->ops->send_body(u->stream, GH_STR("one"), GH_MORE);
	u->stream->ops->flush(u->stream);
}

static inline void give(struct user *u, const char *text, enum gh_part part)
{
	u->stream->ops->send_body(u->stream, gh_str(text), part);
	u->stream->ops->flush(u->stream);
}

static inline void say_big(struct user *u)
{
	u->stream->res.status = 200;
	u->stream->res.length = BIG;
	u->stream->ops->send_head(u->stream, GH_MORE);
	u->stream->ops->send_body(u->stream, (struct gh_str){ u->bench->big, BIG }, GH_LAST);
	u->stream->ops->flush(u->stream);
}

static inline void say_body(struct user *u)
{
	answer(u, 200, u->body);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, begin, end)

#endif
