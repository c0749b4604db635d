/*
 * The store in this process's memory, of a fixed size. A key has WAYS places where it may stand; when
 * all are taken by others that still owe something, the one of them that was seen longest ago is
 * forgotten, and begins anew when it comes again. What owes nothing is as good as empty, so a key
 * that rests is never in another's way.
 *
 * The table is one object of gh_shared(): all workers use it, each set of places under one of 16
 * locks, held for the scan of one set. It answers at once.
 */
#ifndef RATELIMIT_MEMORY_H
#define RATELIMIT_MEMORY_H

#include "store.h"

enum { RATELIMIT_WAYS = 16 };

struct ratelimit_table;

struct ratelimit_memory {
	struct ratelimit_store store;
	struct ratelimit_table *table;
	size_t sets, limit_count;
};

/* How large a table for so many keys is, and what makes and ends it. `max_keys` and `limit_count`
 * must be the same for all that share a table. */
struct gh_shared_type ratelimit_memory_type(int64_t max_keys, size_t limit_count);
void ratelimit_memory_init(struct ratelimit_memory *m, struct ratelimit_table *table,
			   int64_t max_keys, size_t limit_count);

/* The secret that keys are hashed with: random, as old as the table. */
const struct ratelimit_secret *ratelimit_memory_secret(const struct ratelimit_memory *m);

/* The store's own take, without a step. */
void ratelimit_memory_take(const struct ratelimit_memory *m, struct ratelimit_take *t);

#endif
