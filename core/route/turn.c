/* A request takes its turn at an upstream: the queue is the process's, the wait is its worker's. */
#include "core/base/memory.h"
#include "core/route/request.h"
#include "core/route/worker.h"

/* With the queue locked, from any thread. */
static void on_called(struct gh__ticket *t)
{
	struct gh__proxy_more *m = GH__CONTAINER(t, struct gh__proxy_more, ticket);

	gh_resume((struct gh_wait){ m->turn, m->proxy->request->worker });
}

/* The turn came, or the time is over. */
static enum gh_verdict go_on(struct gh_step *s)
{
	struct gh__request *r = gh__request_of(s->req);
	struct gh__proxying *p = r->proxy;

	r->waited_ms += (uint32_t)(r->stream.loop->now - p->more->ticket.entered_ms);
	if (gh__queue_has_turn(&p->more->ticket))
		return GH_DONE;
	gh__turn_end(r);
	p->retry_after = (uint16_t)gh__queue_retry_after(p->upstream->queue, r->stream.loop->now);
	return gh__proxy_trouble(r, GH_TROUBLE_WAITED);
}

/* What only looks takes no place at a GPU, and what stays open for hours would never give it back. */
static bool takes_a_turn(const struct gh__request *r, struct gh_str model)
{
	const struct gh_request *req = &r->stream.req;

	return (r->proxy->upstream->max_concurrent || model.len) && !req->upgrade &&
	       !gh_str_is(req->method, "GET") && !gh_str_is(req->method, "HEAD") &&
	       !gh_str_is(req->method, "OPTIONS");
}

enum gh_verdict gh__turn_take(struct gh_step *s, struct gh_str model)
{
	struct gh__request *r = gh__request_of(s->req);
	struct gh__proxying *p = r->proxy;
	struct gh__proxy_more *m = p->more;
	const struct gh_request *req = &r->stream.req;
	struct gh__queue *q = p->upstream->queue;
	uint64_t now = r->stream.loop->now;
	struct gh_wait wait;

	if (!takes_a_turn(r, model))
		return GH_DONE;
	m->ticket.called = on_called;
	/* It may be called before gh_hold() is reached, though its letter is only read after. */
	m->turn = r->worker->next_token + 1;
	switch (gh__queue_enter(q, &m->ticket, req->caller.len ? req->caller : req->client_text,
				req->grant ? req->grant->priority : GH_PRIORITY_NORMAL, model,
				now)) {
	case GH__TURN_NOW:
		return GH_DONE;
	case GH__TURN_LATER:
		break;
	case GH__TURN_FULL:
	default:
		p->retry_after = (uint16_t)gh__queue_retry_after(q, now);
		return gh__proxy_trouble(r, GH_TROUBLE_FULL);
	}
	enum gh_verdict v = gh_hold(s, go_on, &wait);
	GH_CHECK(wait.token == m->turn);
	if (p->upstream->queue_timeout)
		gh__deadline_set(r->stream.loop, &r->waiting->deadline, p->upstream->queue_timeout);
	return v;
}

void gh__turn_end(struct gh__request *r)
{
	if (r->proxy->more)
		gh__queue_leave(&r->proxy->more->ticket, r->stream.loop->now);
}

void gh__turn_loaded(struct gh__request *r)
{
	if (r->proxy->more)
		gh__queue_loaded(&r->proxy->more->ticket, r->stream.loop->now);
}
