/*
 * Active checks: every address of an upstream that has a health path is asked for it again and
 * again; one that fails twice in a row is passed over until it answers once. On the first worker's
 * thread only, for the site that the worker has now; what is found stands in the endpoint, for all
 * workers.
 */
#ifndef GATEHOUSE_CORE_UPSTREAM_HEALTH_H
#define GATEHOUSE_CORE_UPSTREAM_HEALTH_H

#include "core/upstream/pool.h"

struct gh__health;

/* Begins with the first checks at once. NULL when no upstream asks for it. The upstreams must stay
 * until gh__health_stop(). */
struct gh__health *gh__health_start(struct gh__pools *pools, struct gh__upstream *const *upstreams,
				    size_t count);
/* Breaks off what is under way. Takes NULL. */
void gh__health_stop(struct gh__health *h);

#endif
