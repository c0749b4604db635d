/* /metrics: what was used of which model, and how the ledger is. */
#include <stdio.h>

#include "core/base/memory.h"
#include "core/ledger/ledger.h"
#include "core/route/usage_stats.h"
#include "core/server/metrics_text.h"
#include "core/server/server.h"

static void put_labels(struct gh__text *t, const struct gh__usage_view *v,
		       const struct gh__usage_pair *p)
{
	gh__text_put(t, GH_STR("{"));
	put_label(t, "model", v->models[p->model].name);
	gh__text_put(t, GH_STR(","));
	put_label(t, "upstream", p->upstream);
}

static void put_requests(struct gh__text *t, const struct gh__usage_view *v)
{
	static const char *const classes[] = { "left", "1xx", "2xx", "3xx", "4xx", "5xx" };

	_Static_assert(GH_COUNT_OF(classes) == GH_COUNT_OF(v->pairs->requests), "one each");
	put_head(t, "model_requests_total", "counter",
		 "Requests for a model that ended, by class of status.");
	for (size_t i = 0; i < v->pair_count; i++) {
		const struct gh__usage_pair *p = v->pairs + i;
		for (size_t k = 0; k < GH_COUNT_OF(p->requests); k++) {
			if (!p->requests[k])
				continue;
			gh__text_put(t, GH_STR("gatehouse_model_requests_total"));
			put_labels(t, v, p);
			gh__text_printf(t, ",class=\"%s\"} %llu\n", classes[k],
					(unsigned long long)p->requests[k]);
		}
	}
}

static void put_token(struct gh__text *t, const struct gh__usage_view *v,
		      const struct gh__usage_pair *p, const char *type, uint64_t n)
{
	gh__text_put(t, GH_STR("gatehouse_model_tokens_total"));
	put_labels(t, v, p);
	gh__text_printf(t, ",type=\"%s\"} %llu\n", type, (unsigned long long)n);
}

static void put_tokens(struct gh__text *t, const struct gh__usage_view *v)
{
	put_head(t, "model_tokens_total", "counter",
		 "Tokens: of prompts (input), of them from a cache, and of answers (output).");
	for (size_t i = 0; i < v->pair_count; i++) {
		const struct gh__usage_pair *p = v->pairs + i;
		if (!p->upstream.len)
			continue; /* nobody was asked */
		put_token(t, v, p, "input", p->input);
		put_token(t, v, p, "cached", p->cached);
		put_token(t, v, p, "output", p->output);
	}
}

static uint64_t count_of(const struct gh__usage_histogram *h)
{
	uint64_t n = 0;

	for (size_t i = 0; i < GH__USAGE_BUCKETS; i++)
		n += h->buckets[i];
	return n;
}

static void put_histogram(struct gh__text *t, const char *name, struct gh_str model,
			  const struct gh__usage_histogram *h, const double *bounds)
{
	uint64_t below = 0;

	if (!count_of(h))
		return;
	for (size_t i = 0; i < GH__USAGE_BUCKETS; i++) {
		below += h->buckets[i];
		gh__text_printf(t, "gatehouse_%s_bucket{", name);
		put_label(t, "model", model);
		if (i == GH__USAGE_BUCKETS - 1)
			gh__text_put(t, GH_STR(",le=\"+Inf\"} "));
		else
			gh__text_printf(t, ",le=\"%g\"} ", bounds[i]);
		gh__text_printf(t, "%llu\n", (unsigned long long)below);
	}
	gh__text_printf(t, "gatehouse_%s_sum{", name);
	put_label(t, "model", model);
	gh__text_printf(t, "} %.3f\ngatehouse_%s_count{", h->sum, name);
	put_label(t, "model", model);
	gh__text_printf(t, "} %llu\n", (unsigned long long)below);
}

static void put_histograms(struct gh__text *t, const struct gh__usage_view *v)
{
	static const struct {
		const char *name, *help;
		size_t offset;
		const double *bounds;
	} all[] = {
		{ "model_first_token_seconds",
		  "From a request's head to the first token of its answer.",
		  offsetof(struct gh__usage_model, first_token), gh__usage_seconds },
		{ "model_wait_seconds", "How long requests waited for their turn at an upstream.",
		  offsetof(struct gh__usage_model, wait), gh__usage_seconds },
		{ "model_tokens_per_second", "Tokens a second of an answer, after its first one.",
		  offsetof(struct gh__usage_model, rate), gh__usage_rates },
	};

	for (size_t i = 0; i < GH_COUNT_OF(all); i++) {
		put_head(t, all[i].name, "histogram", all[i].help);
		for (size_t k = 0; k < GH__USAGE_MODELS; k++) {
			const char *m = (const char *)(v->models + k);
			put_histogram(
				t, all[i].name, v->models[k].name,
				(const struct gh__usage_histogram *)(const void *)(m +
										   all[i].offset),
				all[i].bounds);
		}
	}
}

static void put_ledger(struct gh__text *t, const struct gh__server *s)
{
	struct gh__ledger_stats stats;

	gh__ledger_stats(s->ledger, &stats);
	put_one(t, "usage_rows_written_total", "counter", stats.written,
		"Requests to models that usage.db has.");
	put_one(t, "usage_rows_lost_total", "counter", stats.lost,
		"Requests to models that could not be kept.");
	put_one(t, "usage_rows_pending", "gauge", stats.pending,
		"Requests to models that wait in memory to be written.");
}

void gh__metrics_models(struct gh__text *t, const struct gh__server *s)
{
	struct gh__usage_view *v = gh__usage_stats_view(s->usage);

	put_requests(t, v);
	put_tokens(t, v);
	put_histograms(t, v);
	put_ledger(t, s);
	gh__free(v);
}
