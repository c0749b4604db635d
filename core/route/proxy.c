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

enum gh_verdict gh_pass(struct gh_step *s, const struct gh_proxy *p)
{
	struct gh__request *r = gh__request_of(s->req);
	struct gh__arena *a = &r->stream.arena;
	struct gh_request *req = &r->stream.req;
	struct gh__proxying *proxy = gh__arena_zero(a, sizeof *proxy);

	GH_CHECK(p->upstream && p->upstream->runtime);
	proxy->request = r;
	proxy->upstream = p->upstream->runtime;
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
	return GH_DONE;
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

	say(h, GH__H_X_FORWARDED_FOR, GH_STR("X-Forwarded-For"), req->client_text);
	say(h, GH__H_X_FORWARDED_PROTO, GH_STR("X-Forwarded-Proto"), req->scheme);
	say(h, GH__H_X_FORWARDED_HOST, GH_STR("X-Forwarded-Host"), req->authority);
	say(h, GH__H_X_REQUEST_ID, GH_STR("X-Request-Id"), req->id);
	add_via(h, &r->stream.arena,
		r->stream.protocol == 20   ? GH_STR("2 gatehouse")
		: r->stream.protocol == 10 ? GH_STR("1.0 gatehouse")
					   : GH_STR("1.1 gatehouse"));
}

void gh__proxy_start(struct gh__request *r)
{
	struct gh__proxying *p = r->proxy;
	struct gh_request *req = &r->stream.req;
	bool edited = false;

	for (unsigned i = 0; i < r->entered; i++)
		edited = edited || r->steps[i].instance->module->edit_request;
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
	r->upstream_url = p->upstream->name;
	gh__call_start(&p->call);
}

/* ---- towards the upstream ---- */

static void on_ready(struct gh__call *c)
{
	struct gh__request *r = request_of(c);

	if (r->collect == NULL && r->stream.req.body.at) {
		struct gh_str body = r->stream.req.body;
		gh__chain_request_body(r, r->body_from, body, GH_MORE);
		gh__chain_request_body(r, r->body_from, (struct gh_str){ 0 }, GH_LAST);
		return;
	}
	r->stream.ops->want_body(&r->stream);
}

void gh__proxy_body(struct gh__request *r, struct gh_str slice, enum gh_part part)
{
	if (!r->proxy)
		return;
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
	gh__headers_strip(&gh__res(r)->headers, GH__FROM_UPSTREAM);
	gh__call_hold(c);
	gh__chain_respond(r); /* ends in gh__proxy_head_sent(), now or later */
}

void gh__proxy_head_sent(struct gh__request *r)
{
	struct gh__call *c = &r->proxy->call;

	finish_head(r);
	r->first_byte = uv_hrtime();
	if (c->flags & GH__CALL_TUNNEL) {
		r->stream.ops->upgrade(&r->stream);
		gh__headers_init(&gh__res(r)->headers, &r->stream.arena);
		gh__call_go(c);
		r->stream.ops->want_body(&r->stream);
		return;
	}
	r->stream.ops->send_head(&r->stream, GH_MORE);
	/* The fields stood in memory that the next answer takes. */
	gh__headers_init(&gh__res(r)->headers, &r->stream.arena);
	gh__call_go(c);
}

static void on_upgrade(struct gh__call *c)
{
	struct gh__request *r = request_of(c);

	r->upstream_url = c->endpoint->url;
	gh__headers_strip(&gh__res(r)->headers, GH__FROM_UPSTREAM);
	gh__call_hold(c);
	gh__chain_respond(r);
}

static void on_body(struct gh__call *c, struct gh_str slice, enum gh_part part)
{
	struct gh__request *r = request_of(c);

	gh__chain_response_body(r, slice, part);
}

static void on_turn(struct gh__call *c)
{
	struct gh__request *r = request_of(c);

	if (r->flags & GH__R_LEFT || r->phase != GH__IN_BODY)
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

static void on_fail(struct gh__call *c, enum gh__call_failure kind, const char *why)
{
	struct gh__request *r = request_of(c);
	static const struct {
		int status;
		const char *text;
	} said[] = {
		[GH__FAIL_CONNECT] = { 502, "The server behind this gateway cannot be reached. It "
					    "may be "
					    "starting or stopped; try again soon." },
		[GH__FAIL_TIMEOUT] = { 504,
				       "The server behind this gateway did not answer in time." },
		[GH__FAIL_CLOSED] = { 502,
				      "The server behind this gateway closed the connection before "
				      "it answered." },
		[GH__FAIL_ANSWER] = { 502,
				      "The server behind this gateway gave an answer that is not "
				      "proper HTTP." },
		[GH__FAIL_CUT] = { 502, "The server behind this gateway broke off its answer." },
	};

	gh__log(GH_LOG_WARN, "request " GH_FMT ": upstream " GH_FMT ": %s",
		GH_ARG(r->stream.req.id), GH_ARG(r->upstream_url), why);
	gh__answer_error(r, said[kind].status, "upstream_error", "%s", said[kind].text);
}

void gh__proxy_cancel(struct gh__request *r)
{
	if (r->proxy && r->proxy->call.ops)
		gh__call_cancel(&r->proxy->call);
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
