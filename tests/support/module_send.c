/* Requests of <gatehouse/test.h>: a stream without a socket on one end, a stand-in for an upstream on the
 * other. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/base/memory.h"
#include "core/http/header.h"
#include "support/module_bench.h"

/* ---- the stand-in for an upstream: the last module of the chain ---- */

static struct gh_test *test_of(const struct gh_step *s)
{
	struct gh__worker *w = gh__request_of(s->req)->worker;

	return GH__CONTAINER(w, struct gh_test, worker);
}

static void join(char **to, const struct gh_headers *h)
{
	size_t size = 1, at = 0;

	for (uint32_t i = 0; i < h->count; i++)
		size += h->items[i].name_len + h->items[i].value_len + 4u;
	free(*to);
	*to = calloc(1, size);
	for (uint32_t i = 0; i < h->count; i++)
		at += (size_t)snprintf(*to + at, size - at, GH_FMT ": " GH_FMT "\r\n",
				       GH_ARG(gh_header_name(h->items + i)),
				       GH_ARG(gh_header_value(h->items + i)));
}

static enum gh_verdict reached(struct gh_step *s)
{
	struct gh_test *t = test_of(s);

	t->answer.reached = true;
	join(&t->upstream_headers, &s->req->headers);
	free(t->upstream_body);
	t->upstream_body = strndup(s->req->body.at ? s->req->body.at : "", s->req->body.len);
	return gh_respond(s, t->status, GH_STR("text/plain"), gh_str(t->give_body));
}

static enum gh_verdict on_request(struct gh_step *s)
{
	return gh_collect_body(s, 64 << 20, reached);
}

/* An upstream's fields as they are, but for those in whose place a module put its own. */
static enum gh_verdict on_response(struct gh_step *s)
{
	struct gh_test *t = test_of(s);
	const char *at = t->answer.reached && t->give_headers ? t->give_headers : "";

	while (*at) {
		const char *colon = strchr(at, ':'), *end = strstr(at, "\r\n");
		if (!colon || !end || colon > end)
			break;
		struct gh_str name = { at, (size_t)(colon - at) };
		if (!gh_header_find(&gh__request_of(s->req)->extra, name))
			GH_CHECK(gh_header_add(&s->res->headers, name,
					       (struct gh_str){ colon + 1,
								(size_t)(end - colon - 1) }) == 0);
		at = end + 2;
	}
	return GH_NEXT;
}

const struct gh_module bench_upstream = {
	.name = "test-upstream",
	.doc = "Stands where an upstream would.",
	.on_request = on_request,
	.on_response = on_response,
};

/* ---- the stream ---- */

static void send_head(struct gh__stream *s, enum gh_part part)
{
	struct gh_test *t = GH__CONTAINER(s->loop->owner, struct gh_test, worker);

	s->flags |= GH__S_HEAD_SENT;
	t->answer.status = s->res.status;
	join(&t->headers, &s->res.headers);
	if (part == GH_LAST)
		s->flags |= GH__S_ENDED;
}

static void send_body(struct gh__stream *s, struct gh_str slice, enum gh_part part)
{
	struct gh_test *t = GH__CONTAINER(s->loop->owner, struct gh_test, worker);

	t->body = realloc(t->body, t->body_len + slice.len + 1);
	if (slice.len)
		memcpy(t->body + t->body_len, slice.at, slice.len);
	t->body_len += slice.len;
	t->body[t->body_len] = 0;
	if (part == GH_LAST)
		s->flags |= GH__S_ENDED;
}

static void nothing(struct gh__stream *s)
{
	(void)s;
}

static void interim(struct gh__stream *s, int status, const struct gh_headers *headers)
{
	(void)s;
	(void)status;
	(void)headers;
}

static void cut(struct gh__stream *s)
{
	struct gh_test *t = GH__CONTAINER(s->loop->owner, struct gh_test, worker);

	t->answer.cut = true;
	s->flags |= GH__S_GONE;
}

static void want(struct gh__stream *s)
{
	GH__CONTAINER(s->loop->owner, struct gh_test, worker)->wanted = true;
}

static void unwant(struct gh__stream *s)
{
	GH__CONTAINER(s->loop->owner, struct gh_test, worker)->wanted = false;
}

static size_t pressure(const struct gh__stream *s)
{
	(void)s;
	return 0;
}

static const struct gh__stream_ops ops = {
	.send_head = send_head,
	.send_body = send_body,
	.flush = nothing,
	.send_interim = interim,
	.upgrade = nothing,
	.abort = cut,
	.want_body = want,
	.hold_body = unwant,
	.pressure = pressure,
};

/* ---- a request ---- */

static void feed(struct gh_test *t, struct gh__stream *s)
{
	while (t->wanted && !t->given_last && !(s->flags & (GH__S_ENDED | GH__S_GONE))) {
		size_t len = t->slice < t->to_send.len ? t->slice : t->to_send.len;
		struct gh_str slice = gh_str_slice(t->to_send, 0, len);
		t->to_send = gh_str_slice(t->to_send, len, t->to_send.len);
		s->received += len;
		if (len) {
			s->listener->on_body(s, slice, GH_MORE);
			continue;
		}
		t->given_last = true;
		s->flags |= GH__S_BODY_ENDED;
		s->listener->on_body(s, (struct gh_str){ 0 }, GH_LAST);
	}
}

static void wake(uv_timer_t *timer)
{
	(void)timer;
}

/* Until the answer is whole, the request broken off, or nothing more happens. */
static void run(struct gh_test *t, struct gh__request *r)
{
	uint64_t until = uv_hrtime() + BENCH_WAIT_S * 1000000000ull;
	uv_timer_t timer; /* bounds the poll */

	uv_timer_init(&t->worker.loop.uv, &timer);
	uv_timer_start(&timer, wake, 20, 20);
	for (;;) {
		feed(t, &r->stream);
		if (r->stream.flags & (GH__S_ENDED | GH__S_GONE) || uv_hrtime() > until)
			break;
		if (r->waiting && r->waiting->token && r->waiting->deadline.at) {
			uint64_t at = r->waiting->deadline.at;
			if (at > t->worker.loop.now)
				t->worker.loop.now = at;
			t->worker.loop.now += GH__TICK_MS;
			gh__loop_tick(&t->worker.loop);
			continue;
		}
		uv_run(&t->worker.loop.uv, UV_RUN_ONCE);
	}
	uv_close((uv_handle_t *)&timer, NULL);
	uv_run(&t->worker.loop.uv, UV_RUN_NOWAIT);
}

static char *read_log(int fd)
{
	off_t size = lseek(fd, 0, SEEK_END);
	char *text = calloc(1, (size_t)size + 1);

	if (pread(fd, text, (size_t)size, 0) != size)
		text[0] = 0;
	return text;
}

const struct gh_test_answer *gh_test_send_sliced(struct gh_test *t, const char *method,
						 const char *target, const char *headers,
						 const char *body, size_t slice)
{
	char *block = gh__zalloc(GH__BLOCK);
	struct gh__request *r = (struct gh__request *)(void *)block;
	struct gh__stream *s = &r->stream;
	struct gh__refusal why;

	gh__arena_init(&s->arena, block + sizeof *r, GH__BLOCK - sizeof *r);
	t->answer = (struct gh_test_answer){ 0 };
	t->body_len = 0;
	free(t->body);
	t->body = calloc(1, 1);
	free(t->headers);
	t->headers = calloc(1, 1);
	free(t->upstream_headers);
	t->upstream_headers = NULL;
	free(t->upstream_body);
	t->upstream_body = NULL;
	t->to_send = gh_str(body);
	t->slice = slice;
	t->wanted = t->given_last = false;
	t->message = (struct gh__message){ 0 };
	struct gh_str head = gh__arena_printf(
		&s->arena,
		body ? "%s %s HTTP/1.1\r\nHost: test.example\r\n%sContent-Length: %zu\r\n\r\n"
		     : "%s %s HTTP/1.1\r\nHost: test.example\r\n%s\r\n",
		method, target, headers ? headers : "", t->to_send.len);
	s->ops = &ops;
	s->listener = &gh__request_listener;
	s->conn = &t->conn;
	s->loop = &t->worker.loop;
	s->req.scheme = GH_STR("http");
	s->req.client = t->conn.peer;
	if (gh__request_head(&t->message, &s->arena, head, 100, &s->req, &why)) {
		fprintf(stderr, "gh_test_send: no proper request: %s\n", why.why);
		abort();
	}
	s->req.upgrade = t->message.upgrade == GH__UPGRADE_WEBSOCKET;
	if (!body)
		s->flags |= GH__S_BODY_ENDED;

	int log = memfd_create("log", MFD_CLOEXEC), err = dup(STDERR_FILENO);
	GH_CHECK(log >= 0 && err >= 0);
	dup2(log, STDERR_FILENO);
	s->listener->on_head(s);
	run(t, r);
	free(t->caller);
	t->caller = strndup(s->req.caller.at ? s->req.caller.at : "", s->req.caller.len);
	if (!(s->flags & (GH__S_ENDED | GH__S_GONE))) {
		s->flags |= GH__S_GONE;
		s->listener->on_gone(s, UV_ECANCELED);
	}
	s->listener->on_end(s);
	dup2(err, STDERR_FILENO);
	free(t->log);
	t->log = read_log(log);
	close(log);
	close(err);
	gh__arena_finish(&s->arena);
	gh__free(block);
	t->answer.headers = t->headers;
	t->answer.body = t->body;
	t->answer.caller = t->caller;
	t->answer.upstream_headers = t->upstream_headers;
	t->answer.upstream_body = t->upstream_body;
	t->answer.log = t->log;
	return &t->answer;
}

const struct gh_test_answer *gh_test_send(struct gh_test *t, const char *method, const char *target,
					  const char *headers, const char *body)
{
	return gh_test_send_sliced(t, method, target, headers, body, SIZE_MAX);
}

const char *gh_test_header(const struct gh_test_answer *a, const char *name)
{
	static char value[1024];
	size_t len = strlen(name);

	for (const char *at = a->headers; at && *at; at = strstr(at, "\r\n") + 2)
		if (strncasecmp(at, name, len) == 0 && at[len] == ':') {
			snprintf(value, sizeof value, "%.*s", (int)strcspn(at + len + 2, "\r"),
				 at + len + 2);
			return value;
		}
	return NULL;
}
