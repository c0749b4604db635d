#include "core/route/usage.h"

#include <time.h>

#include "core/ledger/ledger.h"
#include "core/route/usage_stats.h"

enum { NS = 1000000 /* in a ms */ };

static enum gh__ledger_end end_of(const struct gh__request *r)
{
	if (r->flags & GH__R_WHOLE || r->stream.flags & GH__S_ENDED)
		return GH__LEDGER_WHOLE;
	/* The gateway's own abort leaves the stream as a client's leaving does, but for this flag. */
	return r->flags & GH__R_LEFT ? GH__LEDGER_LEFT : GH__LEDGER_CUT;
}

/* Of an answer; what the gateway says itself instead of one has no tokens. */
static int64_t first_token(const struct gh__request *r)
{
	bool is_answer = r->upstream_name.len && r->status >= 200 && r->status < 300;

	return is_answer && r->first_byte > r->started
		       ? (int64_t)((r->first_byte - r->started) / NS)
		       : -1;
}

void gh__usage_note(const struct gh__request *r, uint64_t duration)
{
	const struct gh_request *req = &r->stream.req;
	struct gh__worker *w = r->worker;
	struct timespec now;

	if (!req->model.len || !w->usage)
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	struct gh__ledger_row row = {
		.at = (int64_t)now.tv_sec * 1000 + now.tv_nsec / NS - (int64_t)(duration / NS),
		.caller = req->caller,
		.route = req->route,
		.model = req->model,
		.upstream = r->upstream_name,
		.usage = req->usage,
		.waited_ms = r->waited_ms,
		.first_token_ms = first_token(r),
		.duration_ms = (int64_t)(duration / NS),
		.status = r->status,
		.end = end_of(r),
	};
	gh__usage_stats_add(w->usage, &row);
	if (w->ledger)
		gh__ledger_add(w->ledger, &row);
}

void gh_set_grant(struct gh_request *req, const struct gh_grant *grant)
{
	req->grant = grant;
}

void gh_set_model(struct gh_request *req, struct gh_str name)
{
	req->model = gh_copy(req, name);
}

void gh_set_usage(struct gh_request *req, const struct gh_usage *usage)
{
	req->usage = *usage;
}
