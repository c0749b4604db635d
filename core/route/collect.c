/* Bodies that a module needs as a whole, under one limit for the process. */
#include "core/base/memory.h"
#include "core/route/request.h"
#include "core/route/worker.h"

struct gh__body {
	unsigned refs;      /* the request and jobs, counted on its loop */
	atomic_size_t *sum; /* of all that are held */
	size_t room;
	char bytes[];
};

struct gh__body *gh__body_keep(const struct gh__request *r)
{
	struct gh__body *body = r->collected ? r->collected->body : NULL;

	if (body)
		body->refs++;
	return body;
}

void gh__body_let_go(struct gh__body *body)
{
	if (!body || --body->refs > 0)
		return;
	atomic_fetch_sub_explicit(body->sum, body->room, memory_order_relaxed);
	gh__free(body);
}

/* Early, or at the request's end. */
static void give_back(void *arg)
{
	struct gh__collect *c = arg;

	gh__body_let_go(c->body);
	c->body = NULL;
}

void gh__collect_free(struct gh__request *r)
{
	if (!r->collected)
		return;
	give_back(r->collected);
	r->collected = NULL;
	r->stream.req.body = (struct gh_str){ 0 };
}

/* Not at once: the step may not have said yet that it waits. */
static void go_on(struct gh__later *later)
{
	gh__wait_over(GH__CONTAINER(later, struct gh__collect, whole)->request);
}

enum gh_verdict gh_collect_body(struct gh_step *s, size_t max, gh_then *then)
{
	struct gh__request *r = gh__request_of(s->req);
	struct gh_wait wait;

	GH_CHECK(!r->collect && !s->req->body.at);
	if (max > r->worker->max_body)
		max = r->worker->max_body;
	if (s->req->length > 0 && (uint64_t)s->req->length > max)
		return gh_fail(
			s, 413, "request_too_large",
			"The body of this request is larger than the %zu bytes that are allowed.",
			max);
	if (s->req->length == 0) {
		s->req->body = GH_STR("");
		return then(s);
	}
	struct gh__collect *c = gh_alloc(s->req, sizeof *c);
	c->request = r;
	gh__later_init(&c->whole, go_on);
	c->max = max;
	r->collect = r->collected = c;
	r->body_from = (uint8_t)r->at;
	gh_defer(s->req, give_back, c);
	enum gh_verdict v = gh_hold(s, then, &wait);
	r->stream.ops->want_body(&r->stream);
	return v;
}

static void refuse(struct gh__request *r, int status, const char *code, const char *text)
{
	gh__chain_cancel(r);
	r->collect = NULL;
	gh__answer_error(r, status, code, "%s", text);
}

/* Room for so many bytes, under the limit of the process. */
static bool grow(struct gh__request *r, struct gh__collect *c, size_t need)
{
	size_t had = c->body ? c->body->room : 0, room = had ? had : 4096;

	if (r->stream.req.length > 0)
		room = (size_t)r->stream.req.length;
	while (room < need)
		room *= 2;
	size_t more = room - had;
	atomic_size_t *all = r->worker->collected;
	size_t sum = atomic_fetch_add_explicit(all, more, memory_order_relaxed) + more;
	if (sum > r->worker->max_collected) {
		atomic_fetch_sub_explicit(all, more, memory_order_relaxed);
		return false;
	}
	c->body = gh__realloc(c->body, sizeof *c->body + room);
	c->body->refs = 1;
	c->body->sum = all;
	c->body->room = room;
	return true;
}

void gh__collect_add(struct gh__request *r, struct gh_str slice, enum gh_part part)
{
	struct gh__collect *c = r->collect;

	if (slice.len > c->max - c->len) {
		refuse(r, 413, "request_too_large",
		       "The body of this request is larger than what is allowed here.");
		return;
	}
	if (slice.len && slice.len > (c->body ? c->body->room : 0) - c->len &&
	    !grow(r, c, c->len + slice.len)) {
		gh_header_set(&r->extra, GH_STR("Retry-After"), GH_STR("1"));
		refuse(r, 503, "server_is_overloaded",
		       "The gateway holds as many bodies as it may. Try again in a moment.");
		return;
	}
	if (slice.len)
		memcpy(c->body->bytes + c->len, slice.at, slice.len);
	c->len += slice.len;
	if (part == GH_MORE)
		return;
	r->collect = NULL;
	r->stream.req.body = c->len ? (struct gh_str){ c->body->bytes, c->len } : GH_STR("");
	r->stream.req.length = (int64_t)c->len;
	gh__loop_later(r->stream.loop, &c->whole);
}

void gh__collect_drop(struct gh__request *r)
{
	r->collect = NULL;
	if (r->collected)
		gh__list_remove(&r->collected->whole.link);
}
