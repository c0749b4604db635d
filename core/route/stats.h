/*
 * What one worker counts. Written by its own thread alone, read by any: plain stores that are atomic,
 * no contended line on the way of a token.
 */
#ifndef GATEHOUSE_CORE_ROUTE_STATS_H
#define GATEHOUSE_CORE_ROUTE_STATS_H

#include <stdatomic.h>
#include <stdint.h>

enum { GH__DURATION_BUCKETS = 12 };
/* Where each but the last ends, in µs. */
extern const uint32_t gh__duration_bounds[GH__DURATION_BUCKETS - 1];

struct gh__stats {
	atomic_uint_least64_t
		requests[6]; /* by class of status; [0]: the client left before an answer */
	atomic_uint_least64_t refused;        /* heads that were no requests */
	atomic_uint_least64_t unheard;        /* connections that did not come to speak HTTP */
	atomic_uint_least64_t sent, received; /* bytes of bodies */
	atomic_uint_least64_t active;         /* requests under way */
	atomic_uint_least64_t cut;            /* answers broken off */
	atomic_uint_least64_t accepted;       /* connections so far */
	atomic_uint_least64_t turned_away;    /* connections over a limit */
	atomic_uint_least64_t connections;    /* open now */
	atomic_uint_least64_t duration
		[GH__DURATION_BUCKETS]; /* tunnels left out; not cumulative; the last: more */
	atomic_uint_least64_t duration_us;
	atomic_uint_least64_t denied; /* failed logins */
};

static inline void gh__stat_add(atomic_uint_least64_t *s, uint64_t n)
{
	atomic_store_explicit(s, atomic_load_explicit(s, memory_order_relaxed) + n,
			      memory_order_relaxed);
}

#endif
