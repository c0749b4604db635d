/* Ending open requests from here: of one caller, since they may no longer call, or all that are left. */
#include "core/http/header.h"
#include "core/route/request.h"
#include "core/route/worker.h"

#define RETRY_AFTER "5" /* seconds: a restart takes less */

/* To the upstream, and to a step that waits, it is as if the client had left; the client sees that its
 * answer broke off. */
static void cut(struct gh__request *r)
{
	r->flags |= GH__R_LEFT;
	gh__proxy_cancel(r);
	gh__chain_cancel(r);
	gh__collect_drop(r);
	r->stream.ops->abort(&r->stream);
}

unsigned gh__worker_cut(struct gh__worker *w, struct gh_str caller)
{
	unsigned count = 0;

	/* None of them ends in here: streams end at the end of the turn. */
	for (struct gh__list *l = w->requests.next; l != &w->requests; l = l->next) {
		struct gh__request *r = GH__CONTAINER(l, struct gh__request, link);
		/* An answer that is whole only has to be taken yet. */
		if (r->stream.flags & (GH__S_GONE | GH__S_ENDED) ||
		    !gh_str_eq(r->stream.req.caller, caller))
			continue;
		cut(r);
		count++;
	}
	return count;
}

/* Who has got nothing yet gets an answer; who was promised one, a last word and a break. */
static void dismiss(struct gh__request *r)
{
	const struct gh_trouble *t = gh__troubles + GH_TROUBLE_STOPPING;

	gh__headers_push(&r->extra, GH__H_RETRY_AFTER, GH_STR("Retry-After"), GH_STR(RETRY_AFTER));
	if (r->proxy) {
		gh__chain_trouble(r, t->kind);
		return;
	}
	gh__chain_cancel(r);
	gh__collect_drop(r);
	gh__answer_error(r, t->status, t->code, "%s", t->text);
}

void gh__worker_dismiss(struct gh__worker *w)
{
	for (struct gh__list *l = w->requests.next; l != &w->requests; l = l->next) {
		struct gh__request *r = GH__CONTAINER(l, struct gh__request, link);
		if (!(r->stream.flags & (GH__S_GONE | GH__S_ENDED)))
			dismiss(r);
	}
}
