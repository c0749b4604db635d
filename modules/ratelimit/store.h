/*
 * Where the counters are: behind a table of two functions, so that several gateways can share one
 * store. A store belongs to an instance and is read-only after provision; what it counts lives
 * elsewhere (in gh_shared(), or in another process) and locks itself. Workers call it.
 */
#ifndef RATELIMIT_STORE_H
#define RATELIMIT_STORE_H

#include <gatehouse/module.h>

#include "limit.h"
#include "siphash.h"

enum ratelimit_answer { RATELIMIT_TAKEN, RATELIMIT_REFUSED };

/* One request that asks to be counted, and what it was told. Lives in the step's state. */
struct ratelimit_take {
	uint64_t key; /* of whom; a keyed hash */
	int64_t now_ms;
	const struct ratelimit_limit *limits; /* all are checked before one is charged */
	size_t limit_count;

	enum ratelimit_answer answer;
	size_t tightest; /* which limit the numbers are of */
	int64_t remaining, reset_ms;
	int64_t wait_ms; /* when refused: until one request fits */
};

struct ratelimit_store {
	/* Fills in the answer and gives what `then` gives: at once, or GH_PENDING and `then` when
	 * the answer has come. GH_ERROR after gh_fail() when there is none to be had. */
	enum gh_verdict (*take)(const struct ratelimit_store *store, struct gh_step *s,
				struct ratelimit_take *t, gh_then *then);
	/* Takes back what a take was charged or may yet be, because nothing was served for it. */
	void (*give_back)(const struct ratelimit_store *store, const struct ratelimit_take *t);
};

#endif
