/* <gatehouse/test.h>: the real chain on a loop without sockets. */
#include <gatehouse/test.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/base/memory.h"
#include "core/base/metric.h"
#include "core/config/mistake.h"
#include "core/http/header.h"
#include "core/ledger/ledger.h"
#include "core/net/certificate_sink.h"
#include "core/route/access.h"
#include "core/route/share.h"
#include "core/route/worker.h"

enum { WAIT_S = 10 };

struct gh_test {
	struct gh__worker worker;
	struct gh__upstreams upstreams;
	struct gh__grounds grounds;
	struct gh__access_sink *sink;
	atomic_size_t collected;
	const struct gh_module *module;
	struct gh__conn conn; /* of the canned requests: only its peer and door are looked at */
	struct gh__message message;
	struct gh_test_answer answer;
	char *headers, *body, *caller, *upstream_headers, *upstream_body, *log;
	size_t body_len, slice;
	struct gh_str to_send;
	bool wanted, given_last;
	bool keeps; /* the ledger is open */
	int status; /* of the stand-in upstream */
	const char *give_headers, *give_body;
	struct gh_test_certificates given;
	struct gh_str chain, key; /* terminated; of the last that was given */
	char *trouble;
};

/* Where nobody can make a folder, not even root. */
#define NO_STATE_DIR "/proc/none/gatehouse"

static char mistakes[8192], state_dir[4096] = NO_STATE_DIR;

const char *gh_test_mistakes(void)
{
	return mistakes;
}

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

static const struct gh_module stand_in = {
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

/* ---- the instance ---- */

static void on_unused(struct gh__site_local *local)
{
	free(local);
}

/* A source of certificates stands under a listener, all others in a route. */
static struct gh_str write_yaml(const struct gh_module *m, const char *options, struct gh__arena *a)
{
	struct gh_str yaml = gh__arena_printf(
		a,
		m->certificates ? "state_dir: \"%s\"\nlisten:\n  - address: 127.0.0.1:0\n"
				  "    tls:\n      - %s%s\n"
				: "state_dir: \"%s\"\nroutes:\n  - handle:\n      - %s%s\n",
		state_dir, m->name, options ? ":" : "");

	for (const char *at = options; at && *at;) {
		size_t len = strcspn(at, "\n");
		yaml = gh__arena_printf(a, GH_FMT "          %.*s\n", GH_ARG(yaml), (int)len, at);
		at += len + (at[len] == '\n');
	}
	return gh__arena_printf(a, GH_FMT "%s      - test-upstream\n", GH_ARG(yaml),
				m->certificates ? "routes:\n  - handle:\n" : "");
}

static struct gh__site *build(struct gh_test *t, const char *options)
{
	const struct gh_module *const modules[] = { t->module, &stand_in, NULL };
	struct gh__mistakes *m = gh__mistakes_create();
	struct gh__arena a;
	struct gh__site *site = NULL;

	gh__arena_init(&a, NULL, 0);
	struct gh_str yaml = write_yaml(t->module, options, &a);
	struct gh__config *c = gh__config_read(GH_STR("test.yaml"), yaml, modules, GH__READ_ALL, m);
	if (c)
		site = gh__site_create(c, &t->grounds, m);
	snprintf(mistakes, sizeof mistakes, GH_FMT, GH_ARG(gh__mistakes_text(m)));
	gh__mistakes_destroy(m);
	gh__arena_finish(&a);
	return site;
}

static void drop_text(struct gh_str *s)
{
	gh__free((char *)(uintptr_t)s->at);
	*s = (struct gh_str){ 0 };
}

static void drop_certificates(struct gh_test *t)
{
	drop_text(&t->chain);
	drop_text(&t->key);
	gh__free(t->trouble);
	t->trouble = NULL;
}

static void use(struct gh_test *t, struct gh__site *site)
{
	struct gh__site_local *local = gh__site_local_create(site);

	local->on_unused = on_unused;
	gh__worker_use(&t->worker, local);
}

struct gh_test *gh_test_begin(const struct gh_module *m, const char *options_yaml)
{
	struct gh_test *t = gh__zalloc(sizeof *t);
	struct gh__lanes *lanes = gh__lanes_create();

	t->module = m;
	t->conn.door = gh__door_create(GH_STR("test"));
	t->status = 200;
	t->give_body = "upstream";
	gh__upstreams_init(&t->upstreams, lanes);
	t->grounds = (struct gh__grounds){ &t->upstreams, gh__shares_create(), gh__metrics_create(),
					   gh__ledger_create() };
	t->keeps = strcmp(state_dir, NO_STATE_DIR) != 0;
	if (t->keeps)
		gh__ledger_open(t->grounds.ledger, gh_str(state_dir));
	t->sink = gh__access_sink_create();
	/* Not worker 0: that one checks the health of upstreams, and here is none to ask. */
	gh__worker_init(&t->worker, 1, &t->upstreams, lanes);
	t->worker.loop.frozen = true;
	t->worker.collected = &t->collected;
	gh_test_client(t, "192.0.2.1");
	struct gh__site *site = build(t, options_yaml);
	if (!site) {
		gh_test_end(t);
		return NULL;
	}
	use(t, site);
	return t;
}

int gh_test_reload(struct gh_test *t, const char *options_yaml)
{
	struct gh__site *site = build(t, options_yaml);

	if (!site)
		return -1;
	struct gh__site *old = t->worker.site->site;
	use(t, site);
	gh__site_destroy(old);
	return 0;
}

void gh_test_end(struct gh_test *t)
{
	if (!t)
		return;
	struct gh__site *site = t->worker.site ? t->worker.site->site : NULL;
	gh__lanes_destroy(t->worker.lanes);
	uv_run(&t->worker.loop.uv, UV_RUN_NOWAIT);
	if (t->worker.site)
		gh__site_local_unref(t->worker.site);
	gh__pools_finish(&t->worker.pools);
	gh__site_destroy(site);
	gh__loop_finish(&t->worker.loop);
	gh__upstreams_finish(&t->upstreams);
	gh__shares_destroy(t->grounds.shares);
	gh__metrics_destroy(t->grounds.metrics);
	if (t->keeps)
		gh__ledger_stop(t->grounds.ledger, WAIT_S * 1000);
	gh__ledger_destroy(t->grounds.ledger);
	gh__access_sink_destroy(t->sink);
	gh__door_unref(t->conn.door);
	free(t->headers);
	free(t->body);
	free(t->caller);
	free(t->upstream_headers);
	free(t->upstream_body);
	free(t->log);
	drop_certificates(t);
	gh__free(t);
}

void gh_test_client(struct gh_test *t, const char *address)
{
	GH_CHECK(gh__address_from(gh_str(address), &t->conn.peer) == 0);
}

void gh_test_advance(struct gh_test *t, int64_t ms)
{
	t->worker.loop.now += (uint64_t)ms;
	gh__loop_tick(&t->worker.loop);
}

void gh_test_upstream(struct gh_test *t, int status, const char *headers, const char *body)
{
	t->status = status;
	t->give_headers = headers;
	t->give_body = body;
}

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
	uint64_t until = uv_hrtime() + WAIT_S * 1000000000ull;
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

/* ---- sources of certificates ---- */

void gh_test_state_dir(const char *path)
{
	snprintf(state_dir, sizeof state_dir, "%s", path ? path : NO_STATE_DIR);
}

static void taken(void *owner, struct gh_str chain, struct gh_str key)
{
	struct gh_test *t = owner;

	drop_text(&t->chain);
	drop_text(&t->key);
	t->chain = (struct gh_str){ gh__strndup(chain.at, chain.len), chain.len };
	t->key = (struct gh_str){ gh__strndup(key.at, key.len), key.len };
}

enum call { AT_HAND, RENEW };

static const struct gh_test_certificates *ask_source(struct gh_test *t, enum call call)
{
	const struct gh_instance *in = t->worker.site->site->doors[0].sources;
	const struct gh_certificates *source = t->module->certificates;
	struct gh_certificate_sink sink;
	int64_t again_ms = 0;

	drop_certificates(t);
	gh__certificate_sink_init(&sink, NULL);
	sink.taken = taken;
	sink.owner = t;
	if (call == AT_HAND && source->at_hand)
		source->at_hand(in->self, &sink);
	if (call == RENEW && source->renew)
		again_ms = source->renew(in->self, &sink);
	if (sink.trouble)
		t->trouble = gh__strndup(sink.trouble, strlen(sink.trouble));
	t->given = (struct gh_test_certificates){
		.count = sink.count,
		.chain = t->chain.at ? t->chain.at : "",
		.key = t->key.at ? t->key.at : "",
		.trouble = t->trouble ? t->trouble : "",
		.again_ms = again_ms,
	};
	gh__certificate_sink_finish(&sink);
	return &t->given;
}

const struct gh_test_certificates *gh_test_at_hand(struct gh_test *t)
{
	return ask_source(t, AT_HAND);
}

const struct gh_test_certificates *gh_test_renew(struct gh_test *t)
{
	return ask_source(t, RENEW);
}
