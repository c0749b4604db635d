/*
 * What /metrics tells of models: requests, tokens, waits, how fast. One a process, shared by all workers
 * and kept over reloads; counted once a request, at its end, under a lock that is held for a moment.
 * Bounded: models over a limit are counted as `other`, and so are names that no upstream was asked for.
 */
#ifndef GATEHOUSE_CORE_ROUTE_USAGE_STATS_H
#define GATEHOUSE_CORE_ROUTE_USAGE_STATS_H

#include "core/ledger/ledger.h"

enum {
	GH__USAGE_MODELS = 201, /* the last one is `other` */
	GH__USAGE_PAIRS = 1000, /* of a model and an upstream */
	GH__USAGE_BUCKETS = 13, /* of each histogram; the last has no end */
};

/* Where each bucket but the last ends: seconds, and tokens a second. */
extern const double gh__usage_seconds[GH__USAGE_BUCKETS - 1];
extern const double gh__usage_rates[GH__USAGE_BUCKETS - 1];

struct gh__usage_histogram {
	uint64_t buckets[GH__USAGE_BUCKETS]; /* not cumulative */
	double sum;
};

struct gh__usage_model {
	struct gh_str name;
	struct gh__usage_histogram first_token, wait, rate;
};

struct gh__usage_pair {
	struct gh_str upstream; /* empty: none was asked */
	unsigned model;         /* its place */
	uint64_t requests[6];   /* by class of status; [0]: the client left before an answer */
	uint64_t input, cached, output;
};

struct gh__usage_stats;

struct gh__usage_stats *gh__usage_stats_create(void);
void gh__usage_stats_destroy(struct gh__usage_stats *stats); /* takes NULL */
/* Any thread. */
void gh__usage_stats_add(struct gh__usage_stats *stats, const struct gh__ledger_row *row);

/* A copy to look at, for gh__free(); the names are good as long as the stats are. Any thread. */
struct gh__usage_view {
	size_t model_count, pair_count;
	struct gh__usage_model models[GH__USAGE_MODELS];
	struct gh__usage_pair pairs[GH__USAGE_PAIRS];
};
struct gh__usage_view *gh__usage_stats_view(struct gh__usage_stats *stats);

/* Tokens a second of an answer, after its first one; below 0: it says nothing of that. */
double gh__usage_rate(const struct gh__ledger_row *row);

#endif
