/*
 * A client's connection in HTTP/1, over a real socket: what the stream's user is told, in what order,
 * and what the client gets to read. The clock is the test's own.
 */
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
	struct gh__door door;
	struct wire client;
	behaviour *on_head, *on_end_of_body;
	struct gh__stream *stream; /* the one under way */
	unsigned heads, lasts, gones, ends, drains, closes, refused;
	int error, refused_status;
	uint64_t max_body; /* that it allows */
	bool hold; /* after each slice */
	char paths[256];
	char *body;
	size_t len;
	char *big;
};

static struct bench *bench_of(struct gh__stream *s)
{
	return s->loop->owner;
}

static void note_head(struct gh__stream *s)
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

static void note_body(struct gh__stream *s, struct gh_str slice, enum gh_part part)
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

static void note_drain(struct gh__stream *s)
{
	bench_of(s)->drains++;
}

static void note_gone(struct gh__stream *s, int error)
{
	struct bench *b = bench_of(s);

	assert_ptr_equal(s, b->stream);
	b->gones++;
	b->error = error;
}

static void note_end(struct gh__stream *s)
{
	struct bench *b = bench_of(s);

	assert_ptr_equal(s, b->stream);
	b->stream = NULL;
	b->ends++;
}

static void note_refused(struct gh__conn *c, int status, const char *why)
{
	struct bench *b = c->conns->owner;

	assert_non_null(why);
	b->refused++;
	b->refused_status = status;
}

static void note_close(struct gh__conns *conns, struct gh__conn *c)
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
static void join(struct bench *b)
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
	assert_int_equal(gh__conn_accept(&b->conns, fds[0], &peer, &b->door), 0);
}

static int begin(void **state)
{
	struct bench *b = calloc(1, sizeof *b);

	*state = b;
	assert_int_equal(gh__loop_init(&b->loop), 0);
	b->loop.owner = b;
	b->loop.frozen = true;
	b->door.scheme = GH_STR("http");
	b->door.name = GH_STR("test");
	gh__conns_init(&b->conns, &b->loop, &listener);
	b->conns.owner = b;
	b->conns.on_close = note_close;
	b->conns.settings = (struct gh__conn_settings){ HEAD_MS, BODY_MS, IDLE_MS, WRITE_MS, 8192,
							100 };
	b->big = malloc(BIG);
	for (uint32_t i = 0, x = 7; i < BIG; i++, x = x * 1664525 + 1013904223)
		b->big[i] = (char)('a' + (x >> 24) % 26);
	join(b);
	return 0;
}

static int end(void **state)
{
	struct bench *b = *state;

	wire_close(&b->client);
	gh__conns_cut(&b->conns);
	wire_settle(&b->loop);
	assert_int_equal(b->conns.count, 0);
	assert_true(gh__list_empty(&b->conns.all));
	assert_int_equal(atomic_load(&b->door.users), 0);
	assert_int_equal(b->heads, b->ends);
	assert_int_equal(b->loop.deadlines, 0);
	gh__loop_finish(&b->loop);
	free(b->body);
	free(b->big);
	free(b);
	return 0;
}

static void pass(struct bench *b, uint64_t ms)
{
	for (uint64_t until = b->loop.now + ms; b->loop.now < until;) {
		b->loop.now += 10;
		gh__loop_tick(&b->loop);
	}
	wire_settle(&b->loop);
}

static void say(struct bench *b, const char *text)
{
	wire_send(&b->loop, &b->client, text);
	wire_settle(&b->loop);
}

/* ---- what users of streams do ---- */

static void answer(struct gh__stream *s, int status, const char *body)
{
	s->res.status = status;
	s->res.length = (int64_t)strlen(body);
	s->ops->send_head(s, *body ? GH_MORE : GH_LAST);
	if (*body)
		s->ops->send_body(s, gh_str(body), GH_LAST);
	s->ops->flush(s);
}

static void say_path(struct bench *b, struct gh__stream *s)
{
	char path[64];

	(void)b;
	snprintf(path, sizeof path, GH_FMT, GH_ARG(s->req.path));
	answer(s, 200, path);
}

static void want(struct bench *b, struct gh__stream *s)
{
	(void)b;
	s->ops->want_body(s);
}

static void say_done(struct bench *b, struct gh__stream *s)
{
	(void)b;
	answer(s, 200, "done");
}

static void say_body(struct bench *b, struct gh__stream *s)
{
	char *text = strdup(b->body);

	b->len = b->lasts = 0;
	answer(s, 200, text);
	free(text);
}

static void refuse_large(struct bench *b, struct gh__stream *s)
{
	(void)b;
	answer(s, 413, "too large");
}

static void begin_stream(struct bench *b, struct gh__stream *s)
{
	(void)b;
	s->res.status = 200;
	s->res.length = -1;
	s->ops->send_head(s, GH_MORE);
	s->ops->send_body(s, GH_STR("one"), GH_MORE);
	s->ops->flush(s);
}

static void begin_of_ten(struct bench *b, struct gh__stream *s)
{
	(void)b;
	s->res.status = 200;
	s->res.length = 10;
	s->ops->send_head(s, GH_MORE);
	s->ops->send_body(s, GH_STR("one"), GH_MORE);
	s->ops->flush(s);
}

static void say_big(struct bench *b, struct gh__stream *s)
{
	s->res.status = 200;
	s->res.length = BIG;
	s->ops->send_head(s, GH_MORE);
	s->ops->send_body(s, (struct gh_str){ b->big, BIG }, GH_LAST);
	s->ops->flush(s);
}

static void switch_over(struct bench *b, struct gh__stream *s)
{
	(void)b;
	s->res.status = 101;
	s->ops->upgrade(s);
}

/* The head of the client's next answer, taken off, without its Date. */
static const char *head_of(struct bench *b)
{
	static char head[4096];

	assert_true(wire_sees(&b->loop, &b->client, "\r\n\r\n"));
	size_t len = (size_t)(strstr(b->client.got, "\r\n\r\n") + 4 - b->client.got);
	const char *from = strstr(b->client.got, "HTTP/1.1 "); /* behind the rest of the last body */
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

static const char *rest(struct bench *b)
{
	wire_settle(&b->loop);
	wire_read(&b->client);
	return b->client.got;
}

/* ---- one after another ---- */

static void a_kept_connection_serves_one_request_after_another(void **state)
{
	struct bench *b = *state;

	b->on_head = say_path;
	for (int i = 1; i <= 3; i++) {
		say(b, "GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
		assert_string_equal(head_of(b), "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
		assert_string_equal(rest(b), "/x");
		wire_forget(&b->client);
		assert_int_equal(b->heads, i);
		assert_int_equal(b->ends, i);
	}
	assert_int_equal(b->conns.count, 1);
	assert_int_equal(b->closes, 0);
}

static void pipelined_requests_are_answered_in_order(void **state)
{
	struct bench *b = *state;

	say(b, "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n"
	       "GET /3 HTTP/1.1\r\nHost: a\r\n\r\nGET /4 HT");
	assert_int_equal(b->heads, 1); /* the second waits for the first one's answer */
	for (unsigned i = 1; i <= 3; i++) {
		assert_int_equal(b->heads, i);
		say_path(b, b->stream);
		wire_settle(&b->loop);
	}
	assert_null(b->stream);
	b->on_head = say_path;
	say(b, "TP/1.1\r\nHost: a\r\n\r\n");
	assert_string_equal(b->paths, "/1 /2 /3 /4 ");
	const char *at = rest(b);
	for (char path[] = "\r\n\r\n/1"; path[5] <= '4'; path[5]++) {
		at = strstr(at, path);
		assert_non_null(at);
	}
}

static void pipelined_requests_with_bodies_are_kept_apart(void **state)
{
	struct bench *b = *state;

	b->on_head = want;
	b->on_end_of_body = say_body;
	say(b, "POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
	       "POST /2 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
	       "3\r\nabc\r\n0\r\n\r\nPOST /3 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nno");
	assert_string_equal(b->paths, "/1 /2 /3 ");
	head_of(b);
	assert_int_equal(strncmp(rest(b), "hello", 5), 0);
	head_of(b);
	assert_int_equal(strncmp(rest(b), "abc", 3), 0);
	head_of(b);
	assert_string_equal(rest(b), "no");
}

static void a_head_may_come_byte_by_byte(void **state)
{
	struct bench *b = *state;
	const char head[] = "\r\nGET /slow HTTP/1.1\r\nHost: a\r\n\r\n";

	b->on_head = say_path;
	for (size_t i = 0; i + 1 < sizeof head; i++) {
		assert_int_equal(b->heads, 0);
		wire_send_bytes(&b->loop, &b->client, head + i, 1);
	}
	assert_string_equal(head_of(b), "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
	assert_string_equal(rest(b), "/slow");
}

/* ---- bodies of requests ---- */

static void an_early_answer_to_a_body_that_is_not_here_closes(void **state)
{
	struct bench *b = *state;

	b->on_head = refuse_large;
	say(b, "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nsome");
	/* It goes on sending, and reads its answer all the same: no reset. */
	wire_send_bytes(&b->loop, &b->client, b->big, 300000);
	assert_string_equal(head_of(b), "HTTP/1.1 413 Content Too Large\r\nContent-Length: 9\r\n"
					"Connection: close\r\n\r\n");
	assert_true(wire_ends(&b->loop, &b->client));
	assert_int_equal(b->client.end, WIRE_FIN);
	assert_string_equal(b->client.got, "too large");
	assert_int_equal(b->len, 0);
	assert_int_equal(b->ends, 1);
	assert_int_equal(b->closes, 0); /* it lingers */
	wire_close(&b->client);
	wire_settle(&b->loop);
	assert_int_equal(b->closes, 1);
}

static void a_linger_ends_by_itself(void **state)
{
	struct bench *b = *state;

	b->on_head = say_path;
	say(b, "GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
	assert_string_equal(head_of(b), "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"
					"Connection: close\r\n\r\n");
	assert_true(wire_ends(&b->loop, &b->client));
	for (int i = 0; i < 4; i++) {
		pass(b, 1000);
		say(b, "GET /again HTTP/1.1\r\nHost: a\r\n\r\n"); /* moves nothing */
	}
	assert_int_equal(b->closes, 0);
	pass(b, 1000 + 2 * GH__TICK_MS);
	assert_int_equal(b->closes, 1);
	assert_int_equal(b->heads, 1);
}

static void an_early_answer_to_a_body_that_is_here_keeps_the_connection(void **state)
{
	struct bench *b = *state;

	b->on_head = say_path;
	say(b, "POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
	       "GET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_string_equal(b->paths, "/1 /2 ");
	assert_int_equal(b->len, 0);
	assert_string_equal(head_of(b), "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
	assert_non_null(strstr(rest(b), "/2"));
	assert_int_equal(b->closes, 0);
}

static void a_413_closes_also_when_the_body_is_here(void **state)
{
	struct bench *b = *state;

	b->on_head = refuse_large;
	say(b, "POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
	       "GET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_non_null(strstr(head_of(b), "Connection: close\r\n"));
	assert_true(wire_ends(&b->loop, &b->client));
	assert_string_equal(b->paths, "/1 ");
}

static void a_continue_is_sent_when_the_body_is_wanted(void **state)
{
	struct bench *b = *state;
	const char head[] = "POST /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
			    "Content-Length: 5\r\n\r\n";

	b->on_end_of_body = say_done;
	say(b, head);
	assert_string_equal(rest(b), "");
	b->stream->ops->want_body(b->stream);
	assert_string_equal(head_of(b), "HTTP/1.1 100 Continue\r\n\r\n");
	b->stream->ops->hold_body(b->stream);
	b->stream->ops->want_body(b->stream); /* said once */
	say(b, "hello");
	assert_string_equal(b->body, "hello");
	assert_string_equal(head_of(b), "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n");
	assert_string_equal(rest(b), "done");
}

static void no_continue_for_a_body_that_is_here_or_not_wanted(void **state)
{
	struct bench *b = *state;

	b->on_head = want;
	b->on_end_of_body = say_done;
	say(b, "POST /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi");
	assert_string_equal(head_of(b), "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n");
	join(b);
	b->on_head = say_path;
	say(b, "POST /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
	assert_string_equal(head_of(b), "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"
					"Connection: close\r\n\r\n");
	assert_true(wire_ends(&b->loop, &b->client));
}

static void a_body_that_is_held_stays_on_the_socket(void **state)
{
	struct bench *b = *state;
	char head[128];
	size_t before;

	b->on_head = want;
	b->on_end_of_body = say_done;
	b->hold = true;
	snprintf(head, sizeof head, "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n", BIG);
	say(b, head);
	size_t sent = 0;
	for (unsigned rounds = 0; !b->lasts; rounds++) {
		ssize_t n = send(b->client.fd, b->big + sent, BIG - sent, MSG_NOSIGNAL);
		sent += n > 0 ? (size_t)n : 0;
		wire_settle(&b->loop);
		if (b->lasts)
			break;
		before = b->len;
		wire_settle(&b->loop);
		assert_int_equal(b->len, before); /* nothing comes while it is held */
		assert_true(rounds < 10000);
		b->stream->ops->want_body(b->stream);
	}
	assert_int_equal(b->len, BIG);
	assert_memory_equal(b->body, b->big, BIG);
}

static void a_chunked_body_is_taken_out_of_its_chunks(void **state)
{
	struct bench *b = *state;

	b->on_head = want;
	b->on_end_of_body = say_done;
	say(b, "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4;a=b\r\nwiki");
	say(b, "\r\n5\r\npedia\r\n0\r\nTrailer: x\r\n\r\n");
	assert_string_equal(b->body, "wikipedia");
	assert_int_equal(b->lasts, 1);
	assert_string_equal(head_of(b), "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n");
}

static void a_body_that_breaks_its_framing_can_still_be_answered(void **state)
{
	struct bench *b = *state;

	b->on_head = want;
	say(b, "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n");
	assert_int_equal(b->gones, 1);
	assert_int_equal(b->error, UV_EPROTO);
	assert_false(b->stream->flags & GH__S_GONE);
	answer(b->stream, 400, "bad");
	assert_non_null(strstr(head_of(b), "Connection: close\r\n"));
	assert_true(wire_ends(&b->loop, &b->client));
	assert_string_equal(b->client.got, "bad");
	assert_int_equal(b->gones, 1);
}

static void a_body_past_its_limit_can_still_be_answered(void **state)
{
	struct bench *b = *state;

	b->on_head = want;
	b->max_body = 6;
	say(b, "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"
	       "3\r\ndef\r\n");
	assert_int_equal(b->gones, 0);
	assert_string_equal(b->body, "abcdef");
	say(b, "1\r\ng\r\n0\r\n\r\n");
	assert_int_equal(b->gones, 1);
	assert_int_equal(b->error, UV_E2BIG);
	assert_string_equal(b->body, "abcdef");
	answer(b->stream, 413, "large");
	assert_true(wire_ends(&b->loop, &b->client));
	assert_int_equal(b->client.end, WIRE_FIN);
}

/* ---- how answers are framed ---- */

static void an_answer_has_no_body_where_there_is_none(void **state)
{
	static const struct {
		const char *method;
		int status;
		int64_t length;
		const char *head;
	} cases[] = {
		{ "HEAD", 200, 5, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n" },
		{ "HEAD", 200, -1, "HTTP/1.1 200 OK\r\n\r\n" },
		{ "GET", 204, -1, "HTTP/1.1 204 No Content\r\n\r\n" },
		{ "GET", 204, 5, "HTTP/1.1 204 No Content\r\n\r\n" },
		{ "GET", 304, -1, "HTTP/1.1 304 Not Modified\r\n\r\n" },
		{ "GET", 304, 0, "HTTP/1.1 304 Not Modified\r\n\r\n" },
		{ "GET", 304, 5, "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n" },
		{ "GET", 200, 0, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" },
	};
	struct bench *b = *state;
	char text[64];

	for (size_t i = 0; i < GH_COUNT_OF(cases); i++) {
		snprintf(text, sizeof text, "%s / HTTP/1.1\r\nHost: a\r\n\r\n", cases[i].method);
		say(b, text);
		b->stream->res.status = cases[i].status;
		b->stream->res.length = cases[i].length;
		b->stream->ops->send_head(b->stream, GH_MORE);
		if (cases[i].length != 0)
			b->stream->ops->send_body(b->stream, GH_STR("hello"), GH_MORE);
		b->stream->ops->send_body(b->stream, (struct gh_str){ 0 }, GH_LAST);
		b->stream->ops->flush(b->stream);
		assert_string_equal(head_of(b), cases[i].head);
		assert_string_equal(rest(b), ""); /* and the connection is kept */
		assert_int_equal(b->ends, i + 1);
	}
}

static void an_answer_of_unknown_length_is_chunked(void **state)
{
	struct bench *b = *state;

	b->on_head = begin_stream;
	say(b, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	b->stream->ops->send_body(b->stream, GH_STR("sixteen bytes..."), GH_MORE);
	b->stream->ops->send_body(b->stream, (struct gh_str){ 0 }, GH_MORE); /* would be an end */
	b->stream->ops->send_body(b->stream, GH_STR("end"), GH_LAST);
	b->stream->ops->flush(b->stream);
	assert_string_equal(head_of(b), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
	assert_string_equal(rest(b), "3\r\none\r\n10\r\nsixteen bytes...\r\n3\r\nend\r\n0\r\n\r\n");
	assert_int_equal(b->client.end, WIRE_OPEN);
}

static void http_1_0_gets_no_chunks(void **state)
{
	struct bench *b = *state;

	b->on_head = begin_stream;
	say(b, "GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n");
	b->stream->ops->send_body(b->stream, GH_STR("end"), GH_LAST);
	b->stream->ops->flush(b->stream);
	assert_string_equal(head_of(b), "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
	assert_true(wire_ends(&b->loop, &b->client));
	assert_int_equal(b->client.end, WIRE_FIN);
	assert_string_equal(b->client.got, "oneend");
	join(b);
	b->on_head = say_path;
	say(b, "GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n");
	assert_string_equal(head_of(b), "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n"
					"Connection: keep-alive\r\n\r\n");
	join(b);
	say(b, "GET / HTTP/1.0\r\nHost: a\r\n\r\n");
	assert_string_equal(head_of(b), "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n"
					"Connection: close\r\n\r\n");
}

static void fields_that_frame_are_the_protocols_own(void **state)
{
	struct bench *b = *state;

	say(b, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	struct gh_headers *h = &b->stream->res.headers;
	gh__headers_push(h, GH__H_CONTENT_LENGTH, GH_STR("Content-Length"), GH_STR("99"));
	gh__headers_push(h, GH__H_TRANSFER_ENCODING, GH_STR("Transfer-Encoding"), GH_STR("gzip"));
	gh__headers_push(h, GH__H_CONNECTION, GH_STR("Connection"), GH_STR("x"));
	gh__headers_push(h, GH__H_OTHER, GH_STR("X-Own"), GH_STR("1"));
	gh__headers_push(h, GH__H_DATE, GH_STR("Date"), GH_STR("Thu, 01 Jan 1970 00:00:00 GMT"));
	answer(b->stream, 200, "x");
	assert_true(wire_sees(&b->loop, &b->client, "1970"));
	assert_int_equal(wire_count(&b->client, "Date: "), 1);
	assert_string_equal(head_of(b), "HTTP/1.1 200 OK\r\nX-Own: 1\r\nContent-Length: 1\r\n\r\n");
}

static void an_interim_answer_goes_before_the_final_one(void **state)
{
	struct bench *b = *state;
	struct gh_headers h;

	say(b, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	gh__headers_init(&h, &b->stream->arena);
	gh__headers_push(&h, GH__H_OTHER, GH_STR("Link"), GH_STR("</a>"));
	b->stream->ops->send_interim(b->stream, 103, &h);
	answer(b->stream, 200, "x");
	b->stream->ops->send_interim(b->stream, 103, &h); /* too late: nothing */
	assert_string_equal(head_of(b), "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
	assert_non_null(strstr(head_of(b), "200"));
	assert_string_equal(rest(b), "x");
	join(b);
	say(b, "GET / HTTP/1.0\r\nHost: a\r\n\r\n");
	b->stream->ops->send_interim(b->stream, 103, NULL); /* 1.0 knows none */
	answer(b->stream, 200, "x");
	assert_non_null(strstr(head_of(b), "200"));
}

static void what_a_slow_reader_does_not_take_is_told_of(void **state)
{
	struct bench *b = *state;

	say(b, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	struct gh__stream *s = b->stream;
	s->res.status = 200;
	s->res.length = BIG;
	s->ops->send_head(s, GH_MORE);
	s->ops->send_body(s, (struct gh_str){ b->big, BIG - 1 }, GH_MORE);
	s->ops->flush(s);
	assert_true(s->ops->pressure(s) > 0);
	assert_int_equal(b->drains, 0);
	head_of(b);
	assert_true(wire_gets(&b->loop, &b->client, BIG - 1));
	wire_settle(&b->loop);
	assert_int_equal(b->drains, 1);
	assert_int_equal(s->ops->pressure(s), 0);
	s->ops->send_body(s, GH_STR("!"), GH_LAST);
	s->ops->flush(s);
	assert_true(wire_gets(&b->loop, &b->client, BIG));
	assert_memory_equal(b->client.got, b->big, BIG - 1);
}

/* ---- breaks ---- */

static void an_answer_that_is_broken_off_never_looks_whole(void **state)
{
	struct bench *b = *state;

	b->on_head = begin_stream;
	say(b, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	b->stream->ops->abort(b->stream);
	head_of(b);
	assert_true(wire_ends(&b->loop, &b->client));
	assert_string_equal(b->client.got, "3\r\none\r\n"); /* no last chunk */
	assert_int_equal(b->gones, 0);                      /* its user knows */
	join(b);
	b->on_head = begin_of_ten;
	say(b, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	b->stream->ops->abort(b->stream);
	head_of(b);
	assert_true(wire_ends(&b->loop, &b->client));
	assert_string_equal(b->client.got, "one");
	join(b);
	b->on_head = begin_stream;
	say(b, "GET / HTTP/1.0\r\nHost: a\r\n\r\n"); /* only a reset shows it */
	wire_read(&b->client);
	b->stream->ops->abort(b->stream);
	assert_true(wire_ends(&b->loop, &b->client));
	assert_int_equal(b->client.end, WIRE_RST);
	wire_settle(&b->loop);
	assert_int_equal(b->ends, 1);
	assert_int_equal(b->closes, 1);
}

static void a_client_that_leaves_is_told_once(void **state)
{
	struct bench *b = *state;

	for (int i = 0; i < 4; i++) {
		b->on_head = i == 2 ? begin_stream : NULL;
		say(b, i == 1 ? "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nunread" :
				"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
		assert_int_equal(b->heads, 1);
		wire_read(&b->client); /* bytes that nobody read would make a close a reset */
		if (i == 3)
			wire_reset(&b->client);
		else
			wire_close(&b->client);
		wire_settle(&b->loop);
		assert_int_equal(b->gones, 1);
		assert_int_equal(b->error, i == 3 ? UV_ECONNRESET : 0);
		assert_int_equal(b->ends, 1);
		assert_int_equal(b->closes, 1);
		assert_int_equal(b->len, 0);
		join(b);
	}
}

static void a_half_closed_client_has_left(void **state)
{
	struct bench *b = *state;

	say(b, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	wire_shut(&b->client);
	wire_settle(&b->loop);
	assert_int_equal(b->gones, 1);
	assert_int_equal(b->ends, 1);
}

static void a_head_that_is_refused_is_answered_and_counted(void **state)
{
	struct bench *b = *state;

	say(b, "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_non_null(strstr(head_of(b), "HTTP/1.1 400 Bad Request\r\n"));
	assert_true(wire_ends(&b->loop, &b->client));
	assert_int_equal(b->client.end, WIRE_FIN);
	assert_int_equal(b->refused, 1);
	assert_int_equal(b->refused_status, 400);
	assert_int_equal(b->heads, 0);
	join(b);
	wire_send_bytes(&b->loop, &b->client, "GET /", 5);
	for (int i = 0; i < 3 && !b->refused; i++)
		wire_send_bytes(&b->loop, &b->client, b->big, 8192);
	assert_true(wire_ends(&b->loop, &b->client));
	assert_int_equal(b->refused, 1);
	assert_true(b->refused_status == 414 || b->refused_status == 431);
}

/* ---- time ---- */

static void a_head_has_its_time_in_all(void **state)
{
	struct bench *b = *state;

	pass(b, HEAD_MS - 200);
	assert_int_equal(b->closes, 0);
	pass(b, 400);
	assert_int_equal(b->closes, 1); /* one that says nothing is closed without a word */
	assert_int_equal(b->refused, 0);
	assert_true(wire_ends(&b->loop, &b->client));
	assert_int_equal(b->client.len, 0);
	join(b);
	for (int i = 0; i < 9; i++) {
		say(b, i ? "x" : "GET /");
		pass(b, HEAD_MS / 10);
		assert_int_equal(b->refused, 0);
	}
	say(b, "x");
	pass(b, HEAD_MS / 10 + 200); /* dripping moves nothing */
	assert_int_equal(b->refused, 1);
	assert_int_equal(b->refused_status, 408);
	assert_non_null(strstr(head_of(b), "HTTP/1.1 408 "));
	assert_true(wire_ends(&b->loop, &b->client));
}

static void an_idle_connection_is_closed(void **state)
{
	struct bench *b = *state;

	b->on_head = say_path;
	for (int i = 0; i < 3; i++) {
		pass(b, i ? IDLE_MS - 200 : 0);
		say(b, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
		assert_non_null(strstr(head_of(b), "200 OK"));
		wire_forget(&b->client);
	}
	pass(b, IDLE_MS + 200);
	assert_int_equal(b->closes, 1);
	assert_int_equal(b->ends, 3);
}

static void a_body_that_stalls_can_still_be_answered(void **state)
{
	struct bench *b = *state;

	b->on_head = want;
	say(b, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n");
	for (int i = 0; i < 5; i++) {
		pass(b, BODY_MS - 200);
		say(b, "progress");
	}
	assert_int_equal(b->gones, 0);
	pass(b, BODY_MS + 200);
	assert_int_equal(b->gones, 1);
	assert_int_equal(b->error, UV_ETIMEDOUT);
	answer(b->stream, 408, "late");
	assert_non_null(strstr(head_of(b), "Connection: close\r\n"));
	assert_true(wire_ends(&b->loop, &b->client));
}

static void a_body_that_nobody_wants_yet_has_no_clock(void **state)
{
	struct bench *b = *state;

	say(b, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n");
	pass(b, 10 * BODY_MS);
	assert_int_equal(b->gones, 0);
	assert_int_equal(b->closes, 0);
}

static void a_client_that_takes_nothing_is_reset(void **state)
{
	struct bench *b = *state;

	b->on_head = say_big;
	say(b, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	pass(b, WRITE_MS - 200);
	assert_int_equal(b->closes, 0);
	pass(b, 400);
	assert_int_equal(b->closes, 1);
	assert_true(wire_ends(&b->loop, &b->client));
	assert_int_equal(b->client.end, WIRE_RST);
	assert_true(b->client.len < BIG);
}

/* ---- tunnels ---- */

static const char upgrade[] = "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n"
			      "Upgrade: websocket\r\nSec-WebSocket-Key: x\r\n"
			      "Sec-WebSocket-Version: 13\r\n\r\n";

static void a_tunnel_passes_bytes_both_ways_in_order(void **state)
{
	struct bench *b = *state;
	char text[sizeof upgrade + 16];

	snprintf(text, sizeof text, "%sfirst ", upgrade);
	say(b, text);
	say(b, "second ");
	assert_int_equal(b->len, 0);
	switch_over(b, b->stream);
	b->stream->ops->want_body(b->stream);
	say(b, "third");
	assert_string_equal(b->body, "first second third");
	assert_string_equal(head_of(b), "HTTP/1.1 101 Switching Protocols\r\n"
					"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
	b->stream->ops->send_body(b->stream, GH_STR("raw"), GH_MORE);
	b->stream->ops->flush(b->stream);
	assert_string_equal(rest(b), "raw");
	pass(b, 10 * IDLE_MS);
	assert_int_equal(b->closes, 0);
	b->stream->ops->send_body(b->stream, GH_STR("bye"), GH_LAST);
	b->stream->ops->flush(b->stream);
	assert_true(wire_ends(&b->loop, &b->client));
	assert_string_equal(b->client.got, "rawbye");
	assert_int_equal(b->client.end, WIRE_FIN);
}

static void a_tunnel_that_is_held_keeps_bytes_back(void **state)
{
	struct bench *b = *state;

	b->on_head = switch_over;
	say(b, upgrade);
	say(b, "one");
	say(b, "two");
	assert_int_equal(b->len, 0);
	b->stream->ops->want_body(b->stream);
	wire_settle(&b->loop);
	assert_string_equal(b->body, "onetwo");
	b->stream->ops->hold_body(b->stream);
	say(b, "three");
	assert_string_equal(b->body, "onetwo");
	b->stream->ops->want_body(b->stream);
	wire_settle(&b->loop);
	assert_string_equal(b->body, "onetwothree");
}

static void a_client_that_leaves_its_tunnel_is_told(void **state)
{
	struct bench *b = *state;

	b->on_head = switch_over;
	say(b, upgrade);
	b->stream->ops->want_body(b->stream);
	head_of(b);
	wire_close(&b->client);
	wire_settle(&b->loop);
	assert_int_equal(b->gones, 1);
	assert_int_equal(b->error, 0);
	assert_int_equal(b->ends, 1);
}

/* ---- the end of serving ---- */

static void a_stop_closes_idle_ones_and_lets_answers_end(void **state)
{
	struct bench *b = *state;

	gh__conns_stop(&b->conns);
	assert_true(wire_ends(&b->loop, &b->client));
	assert_int_equal(b->client.end, WIRE_FIN);
	wire_settle(&b->loop);
	assert_int_equal(b->closes, 1);
	b->conns.stopping = false;
	join(b);
	b->on_head = begin_stream;
	say(b, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	gh__conns_stop(&b->conns);
	pass(b, 1000);
	assert_int_equal(b->closes, 0);
	b->stream->ops->send_body(b->stream, GH_STR("end"), GH_LAST);
	b->stream->ops->flush(b->stream);
	assert_true(wire_ends(&b->loop, &b->client));
	assert_int_equal(b->client.end, WIRE_FIN);
	assert_non_null(strstr(b->client.got, "3\r\nend\r\n0\r\n\r\n"));
	wire_settle(&b->loop);
	assert_int_equal(b->closes, 1);
	b->conns.stopping = false;
	join(b);
	b->on_head = NULL;
	say(b, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	gh__conns_stop(&b->conns);
	say_path(b, b->stream);
	assert_non_null(strstr(head_of(b), "Connection: close\r\n"));
}

static void a_cut_shows_where_an_answer_was_under_way(void **state)
{
	struct bench *b = *state;

	b->on_head = begin_stream;
	say(b, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	gh__conns_cut(&b->conns);
	gh__conns_cut(&b->conns);
	assert_true(wire_ends(&b->loop, &b->client));
	assert_null(strstr(b->client.got, "0\r\n\r\n"));
	wire_settle(&b->loop);
	assert_int_equal(b->gones, 1);
	assert_int_equal(b->ends, 1);
	join(b);
	say(b, "GET / HTTP/1.0\r\nHost: a\r\n\r\n");
	wire_read(&b->client);
	gh__conns_cut(&b->conns);
	assert_true(wire_ends(&b->loop, &b->client));
	assert_int_equal(b->client.end, WIRE_RST);
	wire_settle(&b->loop);
	assert_int_equal(b->gones, 1);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = {
		CASE(a_kept_connection_serves_one_request_after_another),
		CASE(pipelined_requests_are_answered_in_order),
		CASE(pipelined_requests_with_bodies_are_kept_apart),
		CASE(a_head_may_come_byte_by_byte),
		CASE(an_early_answer_to_a_body_that_is_not_here_closes),
		CASE(a_linger_ends_by_itself),
		CASE(an_early_answer_to_a_body_that_is_here_keeps_the_connection),
		CASE(a_413_closes_also_when_the_body_is_here),
		CASE(a_continue_is_sent_when_the_body_is_wanted),
		CASE(no_continue_for_a_body_that_is_here_or_not_wanted),
		CASE(a_body_that_is_held_stays_on_the_socket),
		CASE(a_chunked_body_is_taken_out_of_its_chunks),
		CASE(a_body_that_breaks_its_framing_can_still_be_answered),
		CASE(a_body_past_its_limit_can_still_be_answered),
		CASE(an_answer_has_no_body_where_there_is_none),
		CASE(an_answer_of_unknown_length_is_chunked),
		CASE(http_1_0_gets_no_chunks),
		CASE(fields_that_frame_are_the_protocols_own),
		CASE(an_interim_answer_goes_before_the_final_one),
		CASE(what_a_slow_reader_does_not_take_is_told_of),
		CASE(an_answer_that_is_broken_off_never_looks_whole),
		CASE(a_client_that_leaves_is_told_once),
		CASE(a_half_closed_client_has_left),
		CASE(a_head_that_is_refused_is_answered_and_counted),
		CASE(a_head_has_its_time_in_all),
		CASE(an_idle_connection_is_closed),
		CASE(a_body_that_stalls_can_still_be_answered),
		CASE(a_body_that_nobody_wants_yet_has_no_clock),
		CASE(a_client_that_takes_nothing_is_reset),
		CASE(a_tunnel_passes_bytes_both_ways_in_order),
		CASE(a_tunnel_that_is_held_keeps_bytes_back),
		CASE(a_client_that_leaves_its_tunnel_is_told),
		CASE(a_stop_closes_idle_ones_and_lets_answers_end),
		CASE(a_cut_shows_where_an_answer_was_under_way),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
