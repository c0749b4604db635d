#include "core/route/usage_stats.h"

#include <pthread.h>

#include "core/base/memory.h"

enum {
	OTHER = GH__USAGE_MODELS - 1,
};

const double gh__usage_seconds[GH__USAGE_BUCKETS - 1] = {
	0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120,
};
const double gh__usage_rates[GH__USAGE_BUCKETS - 1] = {
	1, 2, 5, 10, 20, 30, 50, 75, 100, 150, 200, 400,
};

struct gh__usage_stats {
	pthread_mutex_t lock;
	struct gh__usage_view now; /* models[OTHER] is there from the start, and not counted */
};

struct gh__usage_stats *gh__usage_stats_create(void)
{
	struct gh__usage_stats *stats = gh__zalloc(sizeof *stats);

	pthread_mutex_init(&stats->lock, NULL);
	stats->now.models[OTHER].name = GH_STR("other");
	return stats;
}

void gh__usage_stats_destroy(struct gh__usage_stats *stats)
{
	if (!stats)
		return;
	for (size_t i = 0; i < stats->now.model_count; i++)
		gh__free((void *)(uintptr_t)stats->now.models[i].name.at);
	for (size_t i = 0; i < stats->now.pair_count; i++)
		gh__free((void *)(uintptr_t)stats->now.pairs[i].upstream.at);
	pthread_mutex_destroy(&stats->lock);
	gh__free(stats);
}

/* ---- finding, with the lock ---- */

/* What a client may write is no name until some upstream was asked for it. */
static unsigned find_model(struct gh__usage_view *v, const struct gh__ledger_row *row)
{
	for (unsigned i = 0; i < v->model_count; i++)
		if (gh_str_eq(v->models[i].name, row->model))
			return i;
	if (!row->upstream.len || v->model_count == OTHER || gh_str_is(row->model, "other"))
		return OTHER;
	v->models[v->model_count].name =
		(struct gh_str){ gh__strndup(row->model.at, row->model.len), row->model.len };
	return (unsigned)v->model_count++;
}

static struct gh__usage_pair *find_pair(struct gh__usage_view *v, unsigned model,
					struct gh_str upstream)
{
	for (size_t i = 0; i < v->pair_count; i++)
		if (v->pairs[i].model == model && gh_str_eq(v->pairs[i].upstream, upstream))
			return v->pairs + i;
	if (v->pair_count == GH__USAGE_PAIRS)
		return NULL;
	/* The last places are for models without one of their own. */
	if (v->pair_count >= GH__USAGE_PAIRS - GH__USAGE_MODELS && upstream.len)
		return find_pair(v, model, (struct gh_str){ 0 });
	struct gh__usage_pair *p = v->pairs + v->pair_count++;
	p->model = model;
	p->upstream = (struct gh_str){ gh__strndup(upstream.at, upstream.len), upstream.len };
	return p;
}

/* ---- counting ---- */

static void observe(struct gh__usage_histogram *h, const double *bounds, double value)
{
	size_t i = 0;

	while (i < GH__USAGE_BUCKETS - 1 && value > bounds[i])
		i++;
	h->buckets[i]++;
	h->sum += value;
}

double gh__usage_rate(const struct gh__ledger_row *row)
{
	int64_t ms = row->duration_ms - row->first_token_ms;

	if (row->first_token_ms < 0 || row->usage.output < 2 || ms < GH__LEDGER_RATE_MS)
		return -1;
	return (double)row->usage.output * 1000 / (double)ms;
}

static void count_tokens(uint64_t *to, int64_t n)
{
	*to += n > 0 ? (uint64_t)n : 0;
}

static void count(struct gh__usage_view *v, const struct gh__ledger_row *row)
{
	unsigned at = find_model(v, row);
	struct gh__usage_model *m = v->models + at;
	struct gh__usage_pair *p = find_pair(v, at, row->upstream);
	unsigned kind = row->status > 0 ? (unsigned)row->status / 100 : 0;
	double rate = gh__usage_rate(row);

	if (p) {
		p->requests[kind < GH_COUNT_OF(p->requests) ? kind : 0]++;
		count_tokens(&p->input, row->usage.input);
		count_tokens(&p->cached, row->usage.cached);
		count_tokens(&p->output, row->usage.output);
	}
	if (row->upstream.len)
		observe(&m->wait, gh__usage_seconds, (double)row->waited_ms / 1000);
	if (row->first_token_ms >= 0)
		observe(&m->first_token, gh__usage_seconds, (double)row->first_token_ms / 1000);
	if (rate >= 0)
		observe(&m->rate, gh__usage_rates, rate);
}

void gh__usage_stats_add(struct gh__usage_stats *stats, const struct gh__ledger_row *row)
{
	struct gh__ledger_row cut = *row;

	cut.model = gh__ledger_cut(row->model, GH__LEDGER_MODEL);
	cut.upstream = gh__ledger_cut(row->upstream, GH__LEDGER_UPSTREAM);
	pthread_mutex_lock(&stats->lock);
	count(&stats->now, &cut);
	pthread_mutex_unlock(&stats->lock);
}

struct gh__usage_view *gh__usage_stats_view(struct gh__usage_stats *stats)
{
	struct gh__usage_view *v = gh__alloc(sizeof *v);

	pthread_mutex_lock(&stats->lock);
	*v = stats->now;
	pthread_mutex_unlock(&stats->lock);
	return v;
}
