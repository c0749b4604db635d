/* Answers that the gateway gives itself: a module's, and errors in the shape of the route. */
#include <stdio.h>

#include "core/base/memory.h"
#include "core/http/header.h"
#include "core/http/text.h"
#include "core/route/request.h"
#include "core/route/worker.h"

enum { MAX_MESSAGE = 512 };

static struct gh__own_answer *own(struct gh__request *r)
{
	if (!r->own)
		r->own = gh__arena_zero(&r->stream.arena, sizeof *r->own);
	return r->own;
}

static void set_error(struct gh__request *r, int status, const char *code, const char *format,
		      va_list args)
{
	char text[MAX_MESSAGE];
	int len = vsnprintf(text, sizeof text, format, args);
	struct gh_str message = { text, len < 0                     ? 0
					: (size_t)len < sizeof text ? (size_t)len
								    : sizeof text - 1 };
	struct gh__own_answer *answer = own(r);

	answer->status = status;
	answer->code = code;
	answer->body = gh__error_body(&r->stream.arena, r->stream.req.shape, status, code, message,
				      &answer->type);
}

/* Too late for an answer: a visible break, if anybody is there to see it. */
static bool is_begun(struct gh__request *r)
{
	if (r->flags & GH__R_LEFT || r->stream.flags & (GH__S_ENDED | GH__S_GONE))
		return true;
	if (!(r->stream.flags & GH__S_HEAD_SENT))
		return false;
	gh__stat_add(&r->worker->stats.cut, 1);
	gh__proxy_cancel(r);
	r->stream.ops->abort(&r->stream);
	return true;
}

void gh__answer_error(struct gh__request *r, int status, const char *code, const char *format, ...)
{
	va_list args;

	if (is_begun(r))
		return;
	va_start(args, format);
	set_error(r, status, code, format, args);
	va_end(args);
	gh__answer_own(r);
}

void gh__answer_own(struct gh__request *r)
{
	struct gh_response *res = gh__res(r);

	GH_CHECK(r->own != NULL);
	r->flags |= GH__R_ANSWERED;
	r->flags &= (uint8_t)~GH__R_FAILED;
	if (is_begun(r))
		return;
	unsigned retry_after = r->proxy ? r->proxy->retry_after : 0;
	gh__proxy_cancel(r);
	r->proxy = NULL;
	res->status = r->own->status;
	res->length = (int64_t)r->own->body.len;
	gh__headers_init(&res->headers, &r->stream.arena);
	if (r->own->type.len)
		gh__headers_push(&res->headers, GH__H_CONTENT_TYPE, GH_STR("Content-Type"),
				 r->own->type);
	if (retry_after && (res->status == 429 || res->status == 503))
		gh__headers_push(&res->headers, GH__H_RETRY_AFTER, GH_STR("Retry-After"),
				 gh__arena_printf(&r->stream.arena, "%u", retry_after));
	gh__chain_respond(r);
}

void gh__answer_own_body(struct gh__request *r)
{
	struct gh__stream *s = &r->stream;

	gh__headers_push(&s->res.headers, GH__H_X_REQUEST_ID, GH_STR("x-request-id"), s->req.id);
	/* What is told here is what its type says, whatever a browser makes of the bytes. */
	gh__headers_push(&s->res.headers, GH__H_OTHER, GH_STR("X-Content-Type-Options"),
			 GH_STR("nosniff"));
	r->first_byte = uv_hrtime();
	/* Who watches is told of the end also where nothing comes before it. */
	bool more = r->own->body.len || s->res.length < 0 ||
		    (r->route && r->route->flags & GH__ROUTE_RESPONSE_BODY);
	s->ops->send_head(s, more ? GH_MORE : GH_LAST);
	if (r->own->body.len)
		gh__chain_response_body(r, r->own->body, GH_MORE);
	if (!(s->flags & GH__S_ENDED))
		gh__chain_response_body(r, (struct gh_str){ 0 }, GH_LAST);
	s->ops->flush(s);
}

/* ---- what modules call ---- */

enum gh_verdict gh_respond(struct gh_step *s, int status, struct gh_str type, struct gh_str body)
{
	struct gh__request *r = gh__request_of(s->req);
	struct gh__own_answer *answer = own(r);

	GH_CHECK(status >= 200 && status <= 599);
	answer->status = status;
	answer->code = NULL;
	answer->type = gh__arena_copy(&r->stream.arena, type);
	answer->body = gh__arena_copy(&r->stream.arena, body);
	return GH_DONE;
}

enum gh_verdict gh_fail(struct gh_step *s, int status, const char *code, const char *format, ...)
{
	struct gh__request *r = gh__request_of(s->req);
	va_list args;

	GH_CHECK(status >= 400 && status <= 599);
	va_start(args, format);
	set_error(r, status, code, format, args);
	va_end(args);
	r->flags |= GH__R_FAILED;
	return GH_ERROR;
}

void gh_answer_header(struct gh_step *s, struct gh_str name, struct gh_str value)
{
	struct gh__request *r = gh__request_of(s->req);

	/* The same rules as for any field; one that breaks them is the module's error. */
	GH_CHECK(gh_header_set(&r->extra, name, value) == 0);
}
