/* A request goes on to an upstream and its answer streams back, with back-pressure both ways. */
#include "core/base/log.h"
#include "core/base/memory.h"
#include "core/http/header.h"
#include "core/route/request.h"
#include "core/route/worker.h"

static const struct gh__call_ops call_ops;

static struct gh__request *request_of(struct gh__call *c)
{
	return GH__CONTAINER(c, struct gh__proxying, call)->request;
}

static void on_silence(struct gh__deadline *d)
{
	struct gh__proxy_more *m = GH__CONTAINER(d, struct gh__proxy_more, silence);
	struct gh__request *r = m->proxy->request;
	uint64_t now = r->stream.loop->now, ms = (uint64_t)m->silence_ms;
	uint64_t quiet = now - m->heard;

	gh__deadline_set(r->stream.loop, d, quiet < ms ? ms - quiet : ms);
	if (quiet < ms)
		return;
	m->heard = now;
	m->on_silence(&m->proxy->step->pub);
}

/* Since when the client has got nothing: another attempt does not begin it anew. */
static uint64_t heard_at(const struct gh__request *r)
{
	return r->proxy && r->proxy->more ? r->proxy->more->heard : r->stream.loop->now;
}

static struct gh__proxy_more *make_more(struct gh__proxying *proxy, const struct gh_proxy *p,
					uint64_t heard)
{
	struct gh__loop *l = proxy->request->stream.loop;
	uint64_t quiet = l->now - heard, ms = (uint64_t)p->silence_ms;
	struct gh__proxy_more *m = gh__arena_zero(&proxy->request->stream.arena, sizeof *m);

	m->proxy = proxy;
	m->body = p->body;
	m->body_count = p->body_count;
	m->on_trouble = p->on_trouble;
	m->on_silence = p->on_silence;
	m->silence_ms = p->silence_ms;
	m->heard = heard;
	gh__deadline_init(&m->silence, on_silence);
	if (p->silence_ms > 0)
		gh__deadline_set(l, &m->silence, ms > quiet ? ms - quiet : 0);
	return m;
}

enum gh_verdict gh_pass(struct gh_step *s, const struct gh_proxy *p)
{
	struct gh__request *r = gh__request_of(s->req);
	struct gh__arena *a = &r->stream.arena;
	struct gh_request *req = &r->stream.req;
	struct gh__proxying *proxy = gh__arena_zero(a, sizeof *proxy);

	GH_CHECK(p->upstream && p->upstream->runtime);
	uint64_t heard = heard_at(r);
	gh__proxy_cancel(r); /* an attempt before this one */
	proxy->request = r;
	proxy->upstream = p->upstream->runtime;
	proxy->step = gh__step_of(s);
	proxy->flags = p->flags;
	proxy->call.target = p->path.len ? p->path : req->path;
	if (!p->path.len && req->query.at) {
		/* When the head had both side by side in canonical form, they still stand so. */
		if (req->path.at + req->path.len + 1 == req->query.at)
			proxy->call.target.len += 1 + req->query.len;
		else
			proxy->call.target = gh__arena_printf(
				a, GH_FMT "?" GH_FMT, GH_ARG(req->path), GH_ARG(req->query));
	}
	r->proxy = proxy;
	r->upstream_url = r->upstream_name = proxy->upstream->name;
	if (p->body || p->model.len || p->on_trouble || p->silence_ms ||
	    proxy->upstream->max_concurrent)
		proxy->more = make_more(proxy, p, heard);
	return proxy->more ? gh__turn_take(s, p->model) : GH_DONE;
}

/* A client's own were taken away with the head; one that is here was set by the config. */
static void say(struct gh_headers *h, uint16_t id, struct gh_str name, struct gh_str value)
{
	if (!gh__headers_by_id(h, id))
		gh__headers_push(h, id, name, value);
}

/* Names the gateway, and the version in which the message came to it (RFC 9110 7.6.3). */
static void add_via(struct gh_headers *h, struct gh__arena *a, struct gh_str us)
{
	const struct gh_header *via = gh__headers_by_id(h, GH__H_VIA);

	if (via) {
		us = gh__arena_printf(a, GH_FMT ", " GH_FMT, GH_ARG(gh_header_value(via)),
				      GH_ARG(us));
		gh__headers_remove_id(h, GH__H_VIA);
	}
	gh__headers_push(h, GH__H_VIA, GH_STR("Via"), us);
}

static void inject(struct gh__request *r)
{
	struct gh_request *req = &r->stream.req;
	struct gh_headers *h = &req->headers;

	if (r->flags & GH__R_PASSED)
		return; /* another attempt: all of it is said */
	r->flags |= GH__R_PASSED;

	say(h, GH__H_X_FORWARDED_FOR, GH_STR("X-Forwarded-For"), req->client_text);
	say(h, GH__H_X_FORWARDED_PROTO, GH_STR("X-Forwarded-Proto"), req->scheme);
	say(h, GH__H_X_FORWARDED_HOST, GH_STR("X-Forwarded-Host"), req->authority);
	say(h, GH__H_X_REQUEST_ID, GH_STR("X-Request-Id"), req->id);
	add_via(h, &r->stream.arena,
		r->stream.protocol == 20   ? GH_STR("2 gatehouse")
		: r->stream.protocol == 10 ? GH_STR("1.0 gatehouse")
					   : GH_STR("1.1 gatehouse"));
}

/* Of a body that goes on in place of the request's own; NULL: there is none. */
static const struct gh__proxy_more *other_body(const struct gh__request *r)
{
	return r->proxy->more && r->proxy->more->body ? r->proxy->more : NULL;
}

/* The whole body was collected, and stays as long as the request. */
static bool is_at_hand(const struct gh__request *r)
{
	return r->collect == NULL && (r->stream.req.body.at || other_body(r));
}

void gh__proxy_start(struct gh__request *r)
{
	struct gh__proxying *p = r->proxy;
	struct gh_request *req = &r->stream.req;
	bool edited = false;

	for (unsigned i = 0; i < r->entered; i++)
		edited = edited || r->steps[i].instance->module->edit_request;
	const struct gh__proxy_more *other = other_body(r);

	if (is_at_hand(r))
		req->length = other ? 0
				    : (int64_t)req->body.len; /* not that of an attempt before */
	for (size_t i = 0; other && i < other->body_count; i++)
		req->length += (int64_t)other->body[i].len;
	inject(r);
	p->call.ops = &call_ops;
	p->call.pools = &r->worker->pools;
	p->call.upstream = p->upstream;
	p->call.method = req->method;
	p->call.host = p->flags & GH_PROXY_KEEP_HOST ? req->authority : (struct gh_str){ 0 };
	p->call.headers = &req->headers;
	p->call.length = edited && req->length ? -1 : req->length;
	p->call.res = gh__res(r);
	if (p->flags & GH_PROXY_UPGRADE && req->upgrade)
		p->call.flags |= GH__CALL_UPGRADE;
	if (is_at_hand(r))
		p->call.flags |= GH__CALL_REPEATABLE;
	gh__call_start(&p->call);
}

/* ---- towards the upstream ---- */

static void on_ready(struct gh__call *c)
{
	struct gh__request *r = request_of(c);
	const struct gh__proxy_more *other = other_body(r);

	if (!is_at_hand(r)) {
		r->stream.ops->want_body(&r->stream);
		return;
	}
	if (!other && r->stream.req.body.len)
		gh__chain_request_body(r, r->body_from, r->stream.req.body, GH_MORE);
	for (size_t i = 0; other && i < other->body_count; i++)
		gh__chain_request_body(r, r->body_from, other->body[i], GH_MORE);
	gh__chain_request_body(r, r->body_from, (struct gh_str){ 0 }, GH_LAST);
}

void gh__proxy_body(struct gh__request *r, struct gh_str slice, enum gh_part part)
{
	if (!r->proxy || !r->proxy->call.ops)
		return;
	/* A body at hand stays where it is, so its pieces may join the head in one write. */
	if (part == GH_MORE && is_at_hand(r) && !(r->route->flags & GH__ROUTE_EDITS_REQUEST)) {
		gh__call_put(&r->proxy->call, slice);
		return;
	}
	gh__call_body(&r->proxy->call, slice, part);
	if (part == GH_MORE && gh__call_pressure(&r->proxy->call))
		r->stream.ops->hold_body(&r->stream);
}

static void on_call_drain(struct gh__call *c)
{
	struct gh__request *r = request_of(c);

	if (c->flags & GH__CALL_HEAD_SENT &&
	    (c->flags & GH__CALL_TUNNEL || !(r->flags & GH__R_BODY_DONE)))
		r->stream.ops->want_body(&r->stream);
}

/* ---- towards the client ---- */

static void on_interim(struct gh__call *c, int status, const struct gh_headers *headers)
{
	struct gh__request *r = request_of(c);

	gh__headers_strip((struct gh_headers *)(uintptr_t)headers, GH__FROM_UPSTREAM);
	r->stream.ops->send_interim(&r->stream, status, headers);
}

static void finish_head(struct gh__request *r)
{
	struct gh_headers *h = &gh__res(r)->headers;

	add_via(h, h->arena, GH_STR("1.1 gatehouse"));
	gh__headers_remove_id(h, GH__H_X_REQUEST_ID);
	gh__headers_push(h, GH__H_X_REQUEST_ID, GH_STR("x-request-id"), r->stream.req.id);
}

static void on_head(struct gh__call *c)
{
	struct gh__request *r = request_of(c);

	r->upstream_url = c->endpoint->url;
	gh__collect_free(r);
	if (gh__res(r)->status < 400)
		r->proxy->state |= GH__PROXY_GOOD;
	gh__headers_strip(&gh__res(r)->headers, GH__FROM_UPSTREAM);
	gh__call_hold(c);
	if (r->flags & GH__R_BEGUN)
		gh__chain_late_head(r);
	else
		gh__chain_respond(r); /* ends in gh__proxy_head_sent(), now or later */
}

/* What a step took of the body goes first, and then the end, if it came meanwhile. */
static void send_put(struct gh__request *r)
{
	struct gh__proxying *p = r->proxy;

	if (p->put.len)
		gh__chain_say(r, p->step, p->put);
	if (p->state & GH__PROXY_ENDED)
		gh__chain_response_body(r, (struct gh_str){ 0 }, GH_LAST);
	r->stream.ops->flush(&r->stream);
}

void gh__proxy_head_sent(struct gh__request *r)
{
	struct gh__call *c = &r->proxy->call;
	bool late = r->flags & GH__R_BEGUN;

	if (!late)
		finish_head(r);
	r->phase = GH__IN_BODY;
	r->first_byte = uv_hrtime();
	if (c->flags & GH__CALL_TUNNEL) {
		r->stream.ops->upgrade(&r->stream);
		gh__headers_init(&gh__res(r)->headers, &r->stream.arena);
		gh__call_go(c);
		r->stream.ops->want_body(&r->stream);
		return;
	}
	if (!late)
		r->stream.ops->send_head(&r->stream, GH_MORE);
	/* The fields stood in memory that the next answer takes. */
	gh__headers_init(&gh__res(r)->headers, &r->stream.arena);
	if (r->proxy->put.len || r->proxy->state & GH__PROXY_ENDED)
		send_put(r);
	gh__call_go(c);
}

void gh__proxy_begun(struct gh__request *r)
{
	struct gh_headers *h = &gh__res(r)->headers;

	gh__headers_push(h, GH__H_X_REQUEST_ID, GH_STR("x-request-id"), r->stream.req.id);
	r->stream.ops->send_head(&r->stream, GH_MORE);
	gh__headers_init(h, &r->stream.arena);
	r->stream.ops->flush(&r->stream);
}

static void on_upgrade(struct gh__call *c)
{
	struct gh__request *r = request_of(c);

	r->upstream_url = c->endpoint->url;
	gh__headers_strip(&gh__res(r)->headers, GH__FROM_UPSTREAM);
	gh__call_hold(c);
	gh__chain_respond(r);
}

/* A step takes the body in the client's stead. */
static void give_to_taker(struct gh__request *r, struct gh_str slice, enum gh_part part)
{
	struct gh__proxying *p = r->proxy;
	enum gh_verdict v = p->take(&p->step->pub, slice, part);

	if (v == GH_PENDING && part == GH_MORE)
		return;
	GH_CHECK(v == GH_NEXT || v == GH_ERROR);
	p->take = NULL;
	if (part == GH_LAST)
		p->state |= GH__PROXY_ENDED;
	else if (v == GH_NEXT)
		gh__call_hold(&p->call); /* until the head is out */
	gh__chain_taken(r, v);
}

static void on_body(struct gh__call *c, struct gh_str slice, enum gh_part part)
{
	struct gh__request *r = request_of(c);
	struct gh__proxying *p = r->proxy;

	if ((p->state & (GH__PROXY_GOOD | GH__PROXY_LOADED)) == GH__PROXY_GOOD) {
		p->state |= GH__PROXY_LOADED;
		gh__turn_loaded(r);
	}
	if (part == GH_LAST)
		gh__turn_end(r);
	if (p->more)
		p->more->heard = r->stream.loop->now;
	if (p->take)
		give_to_taker(r, slice, part);
	else
		gh__chain_response_body(r, slice, part);
}

static void on_turn(struct gh__call *c)
{
	struct gh__request *r = request_of(c);

	if (r->flags & GH__R_LEFT || r->phase != GH__IN_BODY || !r->proxy || c != &r->proxy->call)
		return;
	r->stream.ops->flush(&r->stream);
	if (!(c->flags & GH__CALL_OVER) && r->stream.ops->pressure(&r->stream))
		gh__call_hold(c);
}

void gh__proxy_drained(struct gh__request *r)
{
	if (r->proxy && r->phase == GH__IN_BODY)
		gh__call_go(&r->proxy->call);
}

/* ---- troubles ---- */

const struct gh_trouble gh__troubles[] = {
	[GH_TROUBLE_FULL] = { GH_TROUBLE_FULL, 429, "server_is_overloaded",
			      "Too many requests wait for this server already. Try again soon." },
	[GH_TROUBLE_WAITED] = { GH_TROUBLE_WAITED, 503, "server_is_overloaded",
				"The server was busy with other requests for too long. Try again "
				"later." },
	[GH_TROUBLE_CONNECT] = { GH_TROUBLE_CONNECT, 502, "upstream_error",
				 "The server behind this gateway cannot be reached. It may be "
				 "starting or stopped; try again soon." },
	[GH_TROUBLE_TIMEOUT] = { GH_TROUBLE_TIMEOUT, 504, "upstream_error",
				 "The server behind this gateway did not answer in time." },
	[GH_TROUBLE_BROKEN] = { GH_TROUBLE_BROKEN, 502, "upstream_error",
				"The server behind this gateway broke off before its answer was "
				"whole." },
	[GH_TROUBLE_STOPPING] = { GH_TROUBLE_STOPPING, 503, "server_stopping",
				  "The gateway is being stopped. Try again in a moment." },
};

enum gh_verdict gh__proxy_trouble(struct gh__request *r, enum gh_trouble_kind kind)
{
	struct gh__proxying *p = r->proxy;

	p->take = NULL;
	if (p->more && p->more->on_trouble) {
		p->more->trouble = gh__troubles + kind;
		return p->more->on_trouble(&p->step->pub);
	}
	return gh_fail(&p->step->pub, gh__troubles[kind].status, gh__troubles[kind].code, "%s",
		       gh__troubles[kind].text);
}

const struct gh_trouble *gh_trouble(const struct gh_step *s)
{
	struct gh__request *r = gh__request_of(s->req);

	return r->proxy && r->proxy->more ? r->proxy->more->trouble : NULL;
}

static void on_fail(struct gh__call *c, enum gh__call_failure kind, const char *why)
{
	struct gh__request *r = request_of(c);
	static const enum gh_trouble_kind kinds[] = {
		[GH__FAIL_CONNECT] = GH_TROUBLE_CONNECT, [GH__FAIL_TIMEOUT] = GH_TROUBLE_TIMEOUT,
		[GH__FAIL_CLOSED] = GH_TROUBLE_BROKEN,   [GH__FAIL_ANSWER] = GH_TROUBLE_BROKEN,
		[GH__FAIL_CUT] = GH_TROUBLE_BROKEN,
	};

	gh__log(GH_LOG_WARN, "request " GH_FMT ": upstream " GH_FMT ": %s",
		GH_ARG(r->stream.req.id), GH_ARG(r->upstream_url), why);
	gh__turn_end(r);
	gh__chain_trouble(r, kinds[kind]);
}

void gh__proxy_cancel(struct gh__request *r)
{
	struct gh__proxying *p = r->proxy;

	if (!p)
		return;
	if (p->call.ops)
		gh__call_cancel(&p->call);
	p->take = NULL;
	gh__turn_end(r);
	if (p->more)
		gh__deadline_finish(r->stream.loop, &p->more->silence);
}

/* ---- what modules ask for meanwhile ---- */

/* Whether the step has passed the request on and nothing has come of it yet. */
static bool may_begin(const struct gh__request *r, const struct gh_step *s)
{
	return r->proxy && &r->proxy->step->pub == s && !(r->flags & GH__R_LEFT) &&
	       !(r->stream.flags & (GH__S_HEAD_SENT | GH__S_ENDED | GH__S_GONE)) &&
	       r->phase == GH__IN_REQUEST;
}

void gh_begin(struct gh_step *s, struct gh_str type)
{
	struct gh__request *r = gh__request_of(s->req);

	if (may_begin(r, s))
		gh__chain_begin(r, gh__step_of(s), type);
}

bool gh_is_begun(const struct gh_step *s)
{
	return gh__request_of(s->req)->stream.flags & GH__S_HEAD_SENT;
}

void gh_say(struct gh_step *s, struct gh_str bytes)
{
	struct gh__request *r = gh__request_of(s->req);
	const struct gh__stream *stream = &r->stream;

	if (!(stream->flags & GH__S_HEAD_SENT) || stream->flags & (GH__S_ENDED | GH__S_GONE))
		return;
	if (r->proxy)
		r->proxy->state |= GH__PROXY_SAID;
	if (r->proxy && r->proxy->more)
		r->proxy->more->heard = stream->loop->now;
	gh__chain_say(r, gh__step_of(s), bytes);
	stream->ops->flush(&r->stream);
}

enum gh_verdict gh_take_answer(struct gh_step *s, gh_take *take)
{
	struct gh__request *r = gh__request_of(s->req);

	GH_CHECK(r->proxy && &r->proxy->step->pub == s && !r->proxy->take);
	r->proxy->take = take;
	return GH_PENDING;
}

void gh_put(struct gh_step *s, struct gh_str bytes)
{
	struct gh__request *r = gh__request_of(s->req);

	GH_CHECK(r->proxy && &r->proxy->step->pub == s);
	r->proxy->put = bytes;
}

void gh_no_edit(struct gh_step *s)
{
	gh__step_of(s)->no_edit = true;
}

void gh_set_whole(struct gh_step *s)
{
	gh__request_of(s->req)->flags |= GH__R_WHOLE;
}

void gh_set_first_token(struct gh_step *s)
{
	gh__request_of(s->req)->first_byte = uv_hrtime();
}

static const struct gh__call_ops call_ops = {
	.on_ready = on_ready,
	.on_interim = on_interim,
	.on_head = on_head,
	.on_upgrade = on_upgrade,
	.on_body = on_body,
	.on_turn = on_turn,
	.on_drain = on_call_drain,
	.on_fail = on_fail,
};
