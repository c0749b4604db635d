/* The way of a request down the chain and of its answer up again. The only caller of module hooks. */
#include "core/base/log.h"
#include "core/base/memory.h"
#include "core/http/header.h"
#include "core/route/request.h"
#include "core/route/worker.h"

struct gh_sink {
	struct gh__request *request;
	int next; /* the step that takes what is given; past the last: whoever is at the end */
	enum { DOWN, UP } way;
	struct gh_str slice; /* what the editor was given */
};

static const struct gh_module *module_of(const struct gh__step *step)
{
	return step->instance->module;
}

static struct gh__step *enter(struct gh__request *r, unsigned i)
{
	const struct gh_instance *in = r->route->instances[i];
	struct gh__step *step = r->steps + i;

	step->pub = (struct gh_step){
		.req = &r->stream.req,
		.res = &r->stream.res,
		.self = in->self,
		.local = r->site->locals[in->index],
		.state = in->module->state_size
				 ? gh__arena_zero(&r->stream.arena, in->module->state_size)
				 : NULL,
	};
	step->instance = in;
	step->no_edit = false;
	r->entered = (uint16_t)(i + 1);
	return step;
}

/* ---- heads ---- */

static void go_down(struct gh__request *r);
static void go_up(struct gh__request *r);

static void check_wait(const struct gh__request *r, const struct gh__step *step)
{
	if ((r->waiting && r->waiting->token) || (r->proxy && r->proxy->take))
		return;
	gh__log(GH_LOG_ERROR, "module %s answered GH_PENDING and waits for nothing",
		module_of(step)->name);
	GH_CHECK(!"GH_PENDING without a wait");
}

static void give_up(struct gh__request *r)
{
	if (r->flags & GH__R_FAILED)
		gh__answer_own(r);
	else
		gh__answer_error(r, 500, NULL, "The gateway could not handle this request.");
}

/* A verdict of step `at` on the way down. */
static void down(struct gh__request *r, enum gh_verdict v)
{
	switch (v) {
	case GH_NEXT:
		r->at++;
		go_down(r);
		return;
	case GH_DONE:
		r->flags |= GH__R_ANSWERED;
		if (r->proxy)
			gh__proxy_start(r);
		else
			gh__answer_own(r);
		return;
	case GH_PENDING:
		check_wait(r, r->steps + r->at);
		return;
	case GH_ERROR:
	default:
		r->flags |= GH__R_ANSWERED;
		give_up(r);
		return;
	}
}

static void go_down(struct gh__request *r)
{
	while (r->at < r->route->count) {
		struct gh__step *step = enter(r, r->at);
		gh_hook *hook = module_of(step)->on_request;
		enum gh_verdict v = hook ? hook(&step->pub) : GH_NEXT;
		if (v != GH_NEXT) {
			down(r, v);
			return;
		}
		r->at++;
	}
	r->flags |= GH__R_ANSWERED;
	gh__answer_error(r, 404, NULL, "Nothing here answers this path.");
}

void gh__chain_start(struct gh__request *r)
{
	r->phase = GH__IN_REQUEST;
	r->steps = gh__arena_get(&r->stream.arena, r->route->count * sizeof *r->steps);
	go_down(r);
}

static void send_head(struct gh__request *r)
{
	struct gh_response *res = gh__res(r);

	for (unsigned i = 0; i < r->entered; i++)
		if (module_of(r->steps + i)->edit_response && !r->steps[i].no_edit)
			res->length = -1;
	r->phase = GH__IN_BODY;
	r->status = res->status;
	if (r->own)
		gh__answer_own_body(r);
	else
		gh__proxy_head_sent(r);
}

/* A verdict of step `at - 1` on the way up. */
static void up(struct gh__request *r, enum gh_verdict v)
{
	r->at--;
	if (v == GH_PENDING) {
		r->at++;
		check_wait(r, r->steps + r->at - 1);
		gh__headers_keep(&gh__res(r)->headers, &r->stream.arena);
		if (r->proxy && r->proxy->take)
			gh__call_go(&r->proxy->call);
		return;
	}
	if (v == GH_ERROR) {
		/* What stands further out still sees the error that goes in the answer's place. */
		gh__proxy_cancel(r);
		give_up(r);
		return;
	}
	go_up(r);
}

static void go_up(struct gh__request *r)
{
	while (r->at > 0) {
		struct gh__step *step = r->steps + r->at - 1;
		gh_hook *hook = module_of(step)->on_response;
		enum gh_verdict v = hook ? hook(&step->pub) : GH_NEXT;
		if (v == GH_PENDING || v == GH_ERROR) {
			up(r, v);
			return;
		}
		r->at--;
	}
	send_head(r);
}

/* What gh_answer_header() asked for. */
static void add_extra(struct gh__request *r)
{
	struct gh_headers *to = &gh__res(r)->headers;

	for (uint32_t i = 0; i < r->extra.count; i++) {
		struct gh_header *h = r->extra.items + i;
		if (h->id)
			gh__headers_remove_id(to, h->id);
		else
			gh_header_remove(to, gh_header_name(h));
		gh__headers_push(to, h->id, gh_header_name(h), gh_header_value(h));
	}
}

void gh__chain_respond(struct gh__request *r)
{
	if (r->phase != GH__IN_RESPONSE) {
		r->phase = GH__IN_RESPONSE;
		r->at = r->entered;
	}
	add_extra(r);
	go_up(r);
}

void gh__chain_resume(struct gh__request *r, gh_then *then)
{
	unsigned at = r->phase == GH__IN_REQUEST ? r->at : r->at - 1u;
	enum gh_verdict v = then(&r->steps[at].pub);

	if (r->phase == GH__IN_REQUEST)
		down(r, v);
	else
		up(r, v);
}

/* ---- heads out of turn ---- */

void gh__chain_trouble(struct gh__request *r, enum gh_trouble_kind kind)
{
	enum gh_verdict v;

	/* With some of the answer at the client there is but one way to tell. */
	if (r->phase == GH__IN_BODY || (r->phase == GH__IN_RESPONSE && !r->proxy->take)) {
		if (r->phase == GH__IN_BODY && r->proxy->state & GH__PROXY_SAID)
			gh__proxy_trouble(r, kind); /* who spoke before may say a last word */
		gh__answer_error(r, 502, "upstream_error",
				 "The server behind this gateway broke off its answer.");
		return;
	}
	gh__wait_end(r);
	r->phase = GH__IN_REQUEST;
	r->at = (uint16_t)(r->proxy->step - r->steps);
	v = gh__proxy_trouble(r, kind);
	down(r, v);
}

void gh__chain_begin(struct gh__request *r, struct gh__step *from, struct gh_str type)
{
	struct gh_response *res = gh__res(r);

	*res = (struct gh_response){ .status = 200, .length = -1 };
	gh__headers_init(&res->headers, &r->stream.arena);
	gh__headers_push(&res->headers, GH__H_CONTENT_TYPE, GH_STR("Content-Type"), type);
	gh__headers_push(&res->headers, GH__H_OTHER, GH_STR("Cache-Control"), GH_STR("no-cache"));
	add_extra(r);
	r->flags |= GH__R_BEGUN;
	for (unsigned i = r->entered; i-- > 0;) {
		struct gh__step *step = r->steps + i;
		gh_hook *hook = module_of(step)->on_response;
		enum gh_verdict v = step == from || !hook ? GH_NEXT : hook(&step->pub);
		GH_CHECK(v != GH_PENDING);
		if (v != GH_ERROR)
			continue;
		r->flags &= (uint8_t)~GH__R_BEGUN;
		gh__wait_end(r);
		gh__proxy_cancel(r);
		give_up(r);
		return;
	}
	r->status = res->status;
	gh__proxy_begun(r);
}

void gh__chain_late_head(struct gh__request *r)
{
	struct gh__step *step = r->proxy->step;
	gh_hook *hook = module_of(step)->on_response;
	enum gh_verdict v = hook ? hook(&step->pub) : GH_NEXT;

	if (v == GH_PENDING) {
		GH_CHECK(r->proxy->take != NULL); /* after gh_begin() there is no other wait */
		gh__headers_keep(&gh__res(r)->headers, &r->stream.arena);
		gh__call_go(&r->proxy->call);
	} else if (v == GH_ERROR) {
		gh__proxy_cancel(r);
		give_up(r);
	} else {
		gh__proxy_head_sent(r);
	}
}

void gh__chain_taken(struct gh__request *r, enum gh_verdict v)
{
	if (!(r->flags & GH__R_BEGUN)) {
		up(r, v);
	} else if (v == GH_ERROR) {
		gh__proxy_cancel(r);
		give_up(r);
	} else {
		gh__proxy_head_sent(r);
	}
}

/* ---- bodies ---- */

static void body_up(struct gh__request *r, int i, struct gh_str slice, enum gh_part part)
{
	for (; i >= 0; i--) {
		struct gh__step *step = r->steps + i;
		const struct gh_module *m = module_of(step);
		if (m->watch_response)
			m->watch_response(&step->pub, slice, part);
		if (m->edit_response && !step->no_edit) {
			struct gh_sink sink = { r, i - 1, UP, slice };
			if (m->edit_response(&step->pub, slice, part, &sink) == GH_ERROR) {
				gh__proxy_cancel(r);
				r->stream.ops->abort(&r->stream);
				return;
			}
			if (part == GH_LAST)
				body_up(r, i - 1, (struct gh_str){ 0 }, GH_LAST);
			return;
		}
	}
	r->stream.ops->send_body(&r->stream, slice, part);
}

void gh__chain_response_body(struct gh__request *r, struct gh_str slice, enum gh_part part)
{
	if (r->route && r->route->flags & GH__ROUTE_RESPONSE_BODY &&
	    !(r->stream.flags & GH__S_TUNNEL))
		body_up(r, r->entered - 1, slice, part);
	else
		r->stream.ops->send_body(&r->stream, slice, part);
}

void gh__chain_say(struct gh__request *r, const struct gh__step *from, struct gh_str bytes)
{
	if (r->route->flags & GH__ROUTE_RESPONSE_BODY)
		body_up(r, (int)(from - r->steps) - 1, bytes, GH_MORE);
	else
		r->stream.ops->send_body(&r->stream, bytes, GH_MORE);
}

static void body_down(struct gh__request *r, int i, struct gh_str slice, enum gh_part part)
{
	/* While a step collects, only those before it have seen the request. */
	int end = r->collect ? r->at : r->entered;

	for (; i < end; i++) {
		struct gh__step *step = r->steps + i;
		const struct gh_module *m = module_of(step);
		if (m->watch_request)
			m->watch_request(&step->pub, slice, part);
		if (m->edit_request) {
			struct gh_sink sink = { r, i + 1, DOWN, slice };
			if (m->edit_request(&step->pub, slice, part, &sink) == GH_ERROR) {
				gh__proxy_cancel(r);
				gh__answer_error(r, 400, NULL,
						 "The body of this request was refused.");
				return;
			}
			if (part == GH_LAST)
				body_down(r, i + 1, (struct gh_str){ 0 }, GH_LAST);
			return;
		}
	}
	if (r->collect)
		gh__collect_add(r, slice, part);
	else
		gh__proxy_body(r, slice, part);
}

void gh__chain_request_body(struct gh__request *r, unsigned from, struct gh_str slice,
			    enum gh_part part)
{
	if (r->route->flags & GH__ROUTE_REQUEST_BODY && !(r->stream.flags & GH__S_TUNNEL))
		body_down(r, (int)from, slice, part);
	else if (r->collect)
		gh__collect_add(r, slice, part);
	else
		gh__proxy_body(r, slice, part);
}

static bool is_part_of(struct gh_str part, struct gh_str whole)
{
	uintptr_t at = (uintptr_t)part.at, from = (uintptr_t)whole.at;

	return at >= from && at - from <= whole.len && part.len <= whole.len - (at - from);
}

void gh_give(struct gh_sink *to, struct gh_str slice)
{
	if (slice.len == 0)
		return;
	if (to->way == DOWN) {
		body_down(to->request, to->next, slice, GH_MORE);
		return;
	}
	body_up(to->request, to->next, slice, GH_MORE);
	/* A stream leaves slices where they are until the flush at the end of the turn. Those that came
	 * to the editor stay as long; its own may be gone when it is back. */
	if (!is_part_of(slice, to->slice))
		to->request->stream.ops->flush(&to->request->stream);
}

/* ---- ends ---- */

void gh__chain_cancel(struct gh__request *r)
{
	if (!r->waiting || !r->waiting->token)
		return;
	struct gh__step *step = r->waiting->step;
	gh__wait_end(r);
	if (module_of(step)->on_cancel)
		module_of(step)->on_cancel(&step->pub);
}

void gh__chain_finish(struct gh__request *r)
{
	r->phase = GH__IN_END;
	for (unsigned i = r->entered; i-- > 0;)
		if (module_of(r->steps + i)->on_finish)
			module_of(r->steps + i)->on_finish(&r->steps[i].pub);
}
