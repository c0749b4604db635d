#include "core/route/side.h"

#include "core/base/memory.h"
#include "core/http/header.h"
#include "core/route/worker.h"

static struct gh__side_call *side_of(struct gh__call *c)
{
	return GH__CONTAINER(c, struct gh__side_call, call);
}

static void done(struct gh__side_call *side, const char *error)
{
	gh__deadline_finish(side->call.pools->loop, &side->deadline);
	side->answer.error = error;
	side->answer.status = error ? 0 : side->res.status;
	side->answer.headers = side->res.headers;
	side->answer.body = (struct gh_str){ side->bytes, error ? 0 : side->len };
	gh_resume(side->wait);
}

static void on_ready(struct gh__call *c)
{
	gh__call_body(c, side_of(c)->body, GH_LAST);
}

static void on_interim(struct gh__call *c, int status, const struct gh_headers *headers)
{
	(void)c;
	(void)status;
	(void)headers;
}

static void on_head(struct gh__call *c)
{
	(void)c;
}

static void on_body(struct gh__call *c, struct gh_str slice, enum gh_part part)
{
	struct gh__side_call *side = side_of(c);

	if (slice.len > side->max - side->len) {
		gh__call_cancel(c);
		done(side, "the answer is larger than what was asked for");
		return;
	}
	if (slice.len > side->room - side->len) {
		side->room = (side->len + slice.len) * 2;
		side->bytes = gh__realloc(side->bytes, side->room);
	}
	if (slice.len)
		memcpy(side->bytes + side->len, slice.at, slice.len);
	side->len += slice.len;
	if (part == GH_LAST)
		done(side, NULL);
}

static void on_fail(struct gh__call *c, enum gh__call_failure kind, const char *why)
{
	(void)kind;
	done(side_of(c), why);
}

static const struct gh__call_ops call_ops = {
	.on_ready = on_ready,
	.on_interim = on_interim,
	.on_head = on_head,
	.on_upgrade = on_head,
	.on_body = on_body,
	.on_turn = on_head,
	.on_drain = on_head,
	.on_fail = on_fail,
};

static void on_deadline(struct gh__deadline *d)
{
	struct gh__side_call *side = GH__CONTAINER(d, struct gh__side_call, deadline);

	gh__call_cancel(&side->call);
	done(side, "no answer came in time");
}

static void give_back(void *arg)
{
	struct gh__side_call *side = arg;

	gh__side_cancel(side);
	gh__free(side->bytes);
}

enum gh_verdict gh_call(struct gh_step *s, struct gh_upstream *upstream, const struct gh_call *call,
			gh_then *then)
{
	struct gh__request *r = gh__request_of(s->req);
	struct gh__arena *a = &r->stream.arena;
	struct gh__side_call *side = gh__arena_zero(a, sizeof *side);

	GH_CHECK(upstream && upstream->runtime && call->timeout_ms > 0);
	GH_CHECK(gh_header_check(GH_STR("x-host"), call->host, NULL) == 0);
	side->request = r;
	side->max = call->max;
	side->body = gh__arena_copy(a, call->body);
	gh__headers_init(&side->headers, a);
	for (size_t i = 0; i < call->header_count; i++)
		GH_CHECK(gh_header_add(&side->headers, gh_header_name(call->headers + i),
				       gh_header_value(call->headers + i)) == 0);
	side->call.ops = &call_ops;
	side->call.pools = &r->worker->pools;
	side->call.upstream = upstream->runtime;
	side->call.arena = a;
	side->call.method = gh__arena_copy(a, call->method);
	side->call.target = gh__arena_copy(a, call->path);
	side->call.host = gh__arena_copy(a, call->host);
	side->call.headers = &side->headers;
	side->call.length = (int64_t)call->body.len;
	side->call.res = &side->res;
	gh__deadline_init(&side->deadline, on_deadline);
	gh_defer(s->req, give_back, side);
	enum gh_verdict v = gh_hold(s, then, &side->wait);
	r->waiting->side = side;
	gh__deadline_set(r->stream.loop, &side->deadline, (uint64_t)call->timeout_ms);
	gh__call_start(&side->call);
	return v;
}

const struct gh_answer *gh_answer(struct gh_step *s)
{
	struct gh__request *r = gh__request_of(s->req);

	return r->waiting && r->waiting->side ? &r->waiting->side->answer : NULL;
}

struct gh_str gh_upstream_key(const struct gh_upstream *upstream)
{
	return upstream->identity;
}

struct gh_str gh_upstream_name(const struct gh_upstream *upstream)
{
	return upstream->name;
}

bool gh_upstream_assembles(const struct gh_upstream *upstream)
{
	return upstream->assemble;
}

void gh__side_cancel(struct gh__side_call *side)
{
	if (side->call.ops)
		gh__call_cancel(&side->call);
	gh__deadline_finish(side->call.pools->loop, &side->deadline);
}
