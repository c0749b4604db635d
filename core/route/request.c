/* The life of a request: from its head to its end, around the chain. */
#include "core/route/request.h"

#include "core/base/log.h"
#include "core/base/memory.h"
#include "core/http/header.h"
#include "core/http/path.h"
#include "core/route/access.h"
#include "core/route/identity.h"
#include "core/route/worker.h"

static struct gh__request *request_of(struct gh__stream *s)
{
	return (struct gh__request *)(void *)s;
}

/* ---- who and what ---- */

/* A request id from a trusted proxy is kept when it is short and plain. */
static bool is_sane_id(struct gh_str id)
{
	for (size_t i = 0; i < id.len; i++) {
		char c = id.at[i];
		if (!(c >= '0' && c <= '9') && !(gh_lower(c) >= 'a' && gh_lower(c) <= 'z') &&
		    c != '-' && c != '_' && c != '.')
			return false;
	}
	return id.len >= 1 && id.len <= 64;
}

static struct gh_str make_id(struct gh__request *r)
{
	static const char hex[] = "0123456789abcdef";
	unsigned char bytes[12];
	char *text = gh__arena_get(&r->stream.arena, 2 * sizeof bytes);

	gh__loop_random(r->stream.loop, bytes, sizeof bytes);
	for (size_t i = 0; i < sizeof bytes; i++) {
		text[2 * i] = hex[bytes[i] >> 4];
		text[2 * i + 1] = hex[bytes[i] & 15];
	}
	return (struct gh_str){ text, 2 * sizeof bytes };
}

static struct gh_str trim(struct gh_str s)
{
	while (s.len && (s.at[0] == ' ' || s.at[0] == '\t'))
		s = gh_str_slice(s, 1, s.len);
	while (s.len && (s.at[s.len - 1] == ' ' || s.at[s.len - 1] == '\t'))
		s.len--;
	return s;
}

/* X-Forwarded-For from its end, as each trusted proxy added what it saw: the first address that is no
 * trusted proxy is the client. What is no address ends the trust. */
static bool read_forwarded(struct gh__request *r)
{
	struct gh_request *req = &r->stream.req;
	bool found = false;

	for (uint32_t i = req->headers.count; i-- > 0;) {
		struct gh_str list = gh_header_value(req->headers.items + i);
		if (req->headers.items[i].id != GH__H_X_FORWARDED_FOR)
			continue;
		for (size_t end = list.len + 1; end > 0;) {
			size_t from = --end;
			struct gh_address address;
			while (from > 0 && list.at[from - 1] != ',')
				from--;
			if (gh__address_from(trim(gh_str_slice(list, from, end)), &address))
				return found;
			req->client = address;
			found = true;
			if (!gh__site_trusts(r->site->site, &address))
				return true;
			end = from;
		}
	}
	return found;
}

/* 0, or -1: a front that is believed here says what none would say. */
static int identify(struct gh__request *r)
{
	struct gh_request *req = &r->stream.req;
	char text[46];
	int result = 0;

	if (r->stream.conn->door->identity) {
		result = gh__identity_read(r);
	} else if (r->site->site->trusts && gh__site_trusts(r->site->site, &r->stream.conn->peer)) {
		const struct gh_header *id = gh__headers_by_id(&req->headers, GH__H_X_REQUEST_ID);
		if (id && is_sane_id(gh_header_value(id)))
			req->id = gh_header_value(id);
		if (read_forwarded(r))
			req->client_source = GH_CLIENT_FORWARDED;
		const struct gh_header *proto = gh__headers_by_id(&req->headers,
								  GH__H_X_FORWARDED_PROTO);
		if (proto && gh_str_same(gh_header_value(proto), GH_STR("https")))
			req->scheme = GH_STR("https");
	}
	if (!req->id.len)
		req->id = make_id(r);
	if (req->client.family == AF_UNIX)
		req->client_text = GH_STR("unix");
	else
		req->client_text = gh__arena_copy(
			&r->stream.arena,
			(struct gh_str){ text, gh__address_text(&req->client, text) });
	return result;
}

/* Where a route speaks OpenAI's API, callers of Anthropic's find their own: their SDKs read no other. */
static enum gh_shape shape_for(const struct gh__route *route, const struct gh_request *req)
{
	if (route->shape == GH_SHAPE_OPENAI &&
	    (gh__path_below(req->path, GH_STR("/v1/messages")) ||
	     gh_header_find(&req->headers, GH_STR("anthropic-version"))))
		return GH_SHAPE_ANTHROPIC;
	return route->shape;
}

/* ---- what the stream tells ---- */

static void refuse_large(struct gh__request *r)
{
	gh__answer_error(
		r, 413, "request_too_large",
		"The body of this request is larger than the %llu bytes that are allowed here.",
		(unsigned long long)r->stream.max_body);
}

static void on_head(struct gh__stream *s)
{
	struct gh__request *r = request_of(s);
	struct gh_request *req = &s->req;

	r->worker = s->loop->owner;
	r->site = r->worker->site;
	r->site->refs++;
	gh__list_add(&r->worker->requests, &r->link);
	r->started = uv_hrtime();
	req->usage = (struct gh_usage){ -1, -1, -1, false };
	gh__stat_add(&r->worker->stats.active, 1);
	gh__headers_init(&r->extra, &s->arena);
	gh__headers_init(&s->res.headers, &s->arena);
	int unsure = identify(r);
	gh__headers_strip(&req->headers, GH__FROM_CLIENT);
	gh__headers_remove_id(&req->headers, GH__H_EXPECT);
	gh__headers_remove_id(&req->headers, GH__H_X_REQUEST_ID);
	if (unsure) {
		gh__answer_error(r, 400, NULL,
				 "The proxy before this gateway contradicts itself on who calls.");
		return;
	}
	if (gh__site_is_lookalike(r->site->site, req)) {
		gh__answer_error(
			r, 400, NULL,
			"This path is another spelling of one that is served here; use that one.");
		return;
	}
	r->route = gh__site_route(r->site->site, req);
	if (!r->route) {
		gh__answer_error(r, 404, NULL, "Nothing here answers this path.");
		return;
	}
	req->route = r->route->name;
	req->shape = shape_for(r->route, req);
	s->max_body = (uint64_t)r->route->max_body;
	if (s->max_body && req->length > r->route->max_body) {
		refuse_large(r);
		return;
	}
	gh__chain_start(r);
}

static void on_body(struct gh__stream *s, struct gh_str slice, enum gh_part part)
{
	struct gh__request *r = request_of(s);

	if (part == GH_LAST)
		r->flags |= GH__R_BODY_DONE;
	gh__chain_request_body(r, 0, slice, part);
}

static void on_drain(struct gh__stream *s)
{
	gh__proxy_drained(request_of(s));
}

static void on_gone(struct gh__stream *s, int error)
{
	struct gh__request *r = request_of(s);

	gh__proxy_cancel(r);
	gh__chain_cancel(r);
	gh__collect_drop(r);
	if (s->flags & GH__S_GONE) {
		r->flags |= GH__R_LEFT;
		return;
	}
	if (error == UV_E2BIG)
		refuse_large(r);
	else if (error == UV_ETIMEDOUT)
		gh__answer_error(r, 408, NULL, "The body of this request did not come in time.");
	else
		gh__answer_error(r, 400, NULL,
				 "The body of this request is not framed as HTTP asks.");
}

static void on_end(struct gh__stream *s)
{
	struct gh__request *r = request_of(s);

	gh__proxy_cancel(r);
	gh__chain_cancel(r);
	gh__collect_drop(r);
	gh__chain_finish(r);
	gh__wait_end(r);
	gh__access_write(r);
	for (struct gh__defer *d = r->defers; d; d = d->next)
		d->done(d->arg);
	gh__list_remove(&r->link);
	gh__site_local_unref(r->site);
}

static void on_refused(struct gh__conn *c, int status, const char *why)
{
	struct gh__worker *w = c->conns->owner;

	gh__stat_add(status ? &w->stats.refused : &w->stats.unheard, 1);
	gh__access_refused(w, c, status, why);
}

const struct gh__stream_listener gh__request_listener = {
	.stream_size = sizeof(struct gh__request),
	.on_head = on_head,
	.on_body = on_body,
	.on_drain = on_drain,
	.on_gone = on_gone,
	.on_end = on_end,
	.on_refused = on_refused,
};

/* ---- a request's memory ---- */

void *gh_alloc(struct gh_request *req, size_t size)
{
	return gh__arena_zero(&gh__request_of(req)->stream.arena, size);
}

struct gh_str gh_copy(struct gh_request *req, struct gh_str s)
{
	return gh__arena_copy(&gh__request_of(req)->stream.arena, s);
}

struct gh_str gh_printf(struct gh_request *req, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	struct gh_str s = gh__arena_vprintf(&gh__request_of(req)->stream.arena, format, args);
	va_end(args);
	return s;
}

void gh_defer(struct gh_request *req, void (*done)(void *arg), void *arg)
{
	struct gh__request *r = gh__request_of(req);
	struct gh__defer *d = gh__arena_get(&r->stream.arena, sizeof *d);

	*d = (struct gh__defer){ r->defers, done, arg };
	r->defers = d;
}

void gh_set_caller(struct gh_request *req, struct gh_str name)
{
	req->caller = gh_copy(req, name);
}
