#include "core/upstream/health.h"

#include "core/base/log.h"
#include "core/base/memory.h"
#include "core/http/header.h"
#include "core/upstream/call.h"

enum { FAILURES = 2, MAX_BODY = 256 << 10 };

/* One address of one upstream. */
struct check {
	struct gh__call call;
	struct gh__deadline deadline; /* the next one, or the end of this one's time */
	struct gh__arena arena;
	struct gh_response res;
	struct gh__pools *pools;
	struct gh__upstream *upstream;
	struct gh__endpoint *endpoint;
	uint64_t began;  /* ms */
	size_t came;     /* bytes of the answer */
	unsigned failed; /* in a row */
	bool asking;
};

struct gh__health {
	struct gh__pools *pools;
	struct gh__arena arena;
	struct gh_headers headers;
	struct check *checks;
	size_t count;
};

static struct check *check_of(struct gh__call *c)
{
	return GH__CONTAINER(c, struct check, call);
}

/* ---- what an answer means ---- */

static void wait_for_next(struct check *k)
{
	uint64_t took = k->pools->loop->now - k->began, every = k->upstream->health_interval;

	k->asking = false;
	gh__deadline_set(k->pools->loop, &k->deadline, took < every ? every - took : 1);
}

static void well(struct check *k)
{
	k->failed = 0;
	if (atomic_exchange(&k->endpoint->unhealthy, false))
		gh__log(GH_LOG_INFO, "upstream " GH_FMT ": " GH_FMT " is healthy again",
			GH_ARG(k->upstream->name), GH_ARG(k->endpoint->url));
	wait_for_next(k);
}

static void unwell(struct check *k, const char *why)
{
	if (k->failed < FAILURES)
		k->failed++;
	if (k->failed == FAILURES && !atomic_exchange(&k->endpoint->unhealthy, true))
		gh__log(GH_LOG_ERROR,
			"upstream " GH_FMT ": " GH_FMT " is unhealthy: " GH_FMT ": %s",
			GH_ARG(k->upstream->name), GH_ARG(k->endpoint->url),
			GH_ARG(k->upstream->health_path), why);
	wait_for_next(k);
}

static void judge(struct check *k)
{
	char why[] = "it answered 000";
	int status = k->res.status;

	if (status >= 200 && status < 400) {
		well(k);
		return;
	}
	for (size_t i = sizeof why - 1; i-- > sizeof why - 4; status /= 10)
		why[i] = (char)('0' + status % 10);
	unwell(k, why);
}

/* ---- what the call tells ---- */

static void on_nothing(struct gh__call *c)
{
	(void)c;
}

static void on_interim(struct gh__call *c, int status, const struct gh_headers *headers)
{
	(void)c;
	(void)status;
	(void)headers;
}

static void on_body(struct gh__call *c, struct gh_str slice, enum gh_part part)
{
	struct check *k = check_of(c);

	k->came += slice.len;
	if (part == GH_MORE && k->came <= MAX_BODY)
		return;
	if (part == GH_MORE)
		gh__call_cancel(c); /* its head says enough */
	judge(k);
}

static void on_fail(struct gh__call *c, enum gh__call_failure kind, const char *why)
{
	(void)kind;
	unwell(check_of(c), why);
}

static const struct gh__call_ops call_ops = {
	.on_ready = on_nothing,
	.on_interim = on_interim,
	.on_head = on_nothing,
	.on_upgrade = on_nothing,
	.on_body = on_body,
	.on_turn = on_nothing,
	.on_drain = on_nothing,
	.on_fail = on_fail,
};

static void ask(struct check *k, const struct gh_headers *headers)
{
	gh__arena_finish(&k->arena);
	gh__arena_init(&k->arena, NULL, 0);
	k->res = (struct gh_response){ 0 };
	k->came = 0;
	k->began = k->pools->loop->now;
	k->asking = true;
	k->call = (struct gh__call){
		.ops = &call_ops,
		.pools = k->pools,
		.upstream = k->upstream,
		.arena = &k->arena,
		.method = GH_STR("GET"),
		.target = k->upstream->health_path,
		.headers = headers,
		.res = &k->res,
		.flags = GH__CALL_PINNED,
		.endpoint = k->endpoint,
	};
	gh__deadline_set(k->pools->loop, &k->deadline, k->upstream->health_timeout);
	gh__call_start(&k->call);
}

static void on_deadline(struct gh__deadline *d)
{
	struct check *k = GH__CONTAINER(d, struct check, deadline);

	if (k->asking) {
		gh__call_cancel(&k->call);
		unwell(k, "no answer came in time");
		return;
	}
	ask(k, k->call.headers);
}

/* ---- begin and end ---- */

struct gh__health *gh__health_start(struct gh__pools *pools, struct gh__upstream *const *upstreams,
				    size_t count)
{
	size_t checks = 0;

	for (size_t i = 0; i < count; i++)
		if (upstreams[i]->health_path.len)
			checks += upstreams[i]->count;
	if (!checks)
		return NULL;
	struct gh__health *h = gh__zalloc(sizeof *h);
	h->pools = pools;
	h->checks = gh__zalloc(checks * sizeof *h->checks);
	gh__arena_init(&h->arena, NULL, 0);
	gh__headers_init(&h->headers, &h->arena);
	gh__headers_push(&h->headers, GH__H_USER_AGENT, GH_STR("User-Agent"),
			 GH_STR("gatehouse-health"));
	for (size_t i = 0; i < count; i++) {
		for (size_t e = 0; upstreams[i]->health_path.len && e < upstreams[i]->count; e++) {
			struct check *k = h->checks + h->count++;
			k->pools = pools;
			k->upstream = upstreams[i];
			k->endpoint = upstreams[i]->endpoints + e;
			k->call.headers = &h->headers;
			gh__arena_init(&k->arena, NULL, 0);
			gh__deadline_init(&k->deadline, on_deadline);
			gh__deadline_set(pools->loop, &k->deadline, 1);
		}
	}
	return h;
}

void gh__health_stop(struct gh__health *h)
{
	if (!h)
		return;
	for (size_t i = 0; i < h->count; i++) {
		struct check *k = h->checks + i;
		if (k->asking)
			gh__call_cancel(&k->call);
		gh__deadline_finish(h->pools->loop, &k->deadline);
		gh__arena_finish(&k->arena);
	}
	gh__arena_finish(&h->arena);
	gh__free(h->checks);
	gh__free(h);
}
