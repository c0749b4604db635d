/*
 * A model server or web app behind the gateway: its addresses, which of them are up, and the idle
 * connections to each. An upstream belongs to the process and outlives generations: one with the same
 * identity after a reload is the same, with its pools and its health. Counted; made and let go on the
 * main thread. What workers change is atomic. A worker's idle connections are its own.
 */
#ifndef GATEHOUSE_CORE_UPSTREAM_UPSTREAM_H
#define GATEHOUSE_CORE_UPSTREAM_UPSTREAM_H

#include <stdatomic.h>

#include "core/config/config.h"
#include "core/net/pump.h"
#include "core/upstream/queue.h"

enum { GH__ADDRESSES = 8 };

struct gh__endpoint {
	struct gh_str url, authority, host;
	enum gh__scheme scheme;
	uint16_t port;
	bool literal;         /* an address, not a name: never looked up */
	pthread_mutex_t lock; /* of the addresses */
	struct sockaddr_storage addresses[GH__ADDRESSES];
	unsigned address_count;
	uint64_t looked_up; /* ms; 0: never */
	bool looking;
	atomic_uint turn;                 /* among the addresses */
	atomic_int busy;                  /* calls under way, of all workers */
	atomic_uint_least64_t down_until; /* ms: passed over until then, after a failure */
	atomic_bool unhealthy;            /* said by the active check */
};

struct gh__upstream {
	struct gh__list link; /* in the registry */
	unsigned refs;        /* main thread */
	unsigned id;          /* place in each worker's pools */
	struct gh_str name, identity;
	enum gh__balance balance;
	uint64_t connect_timeout, first_byte_timeout, idle_timeout, keepalive, fail_timeout;
	size_t max_idle;
	/* One of all upstreams of this name and these addresses, which a reload with other options makes:
	 * what they have under way counts together. */
	struct gh__queue *queue;
	struct gh__queue_limits queue_limits; /* from gh__upstream_take_up() on */
	unsigned max_concurrent;              /* 0: any number */
	uint64_t queue_timeout;               /* 0: none */
	struct gh_str key;                    /* a bearer token for it, or empty */
	bool assemble;
	struct gh_str health_path;
	uint64_t health_interval, health_timeout;
	atomic_uint turn;
	atomic_uint_least64_t calls, failures, retries;
	size_t count;
	struct gh__arena arena;
	struct gh__endpoint *endpoints;
};

struct gh__lanes;

/* All upstreams of the process. Main thread. */
struct gh__upstreams {
	struct gh__list all;
	unsigned next_id;
	struct gh__lanes *lanes;
};

void gh__upstreams_init(struct gh__upstreams *all, struct gh__lanes *lanes);
/* After the lanes have ended. */
void gh__upstreams_finish(struct gh__upstreams *all);
/* The one of that identity, or a new one; one reference more. */
struct gh__upstream *gh__upstream_ref(struct gh__upstreams *all, const struct gh_upstream *config);
/* Its options are those of the config that serves from now on: its queue's limits are its own. */
void gh__upstream_take_up(struct gh__upstream *u);
/* The last reference out. Every worker must have let go of its pool before: see
 * gh__pools_forget(). */
void gh__upstream_unref(struct gh__upstreams *all, struct gh__upstream *u);

/* ---- for calls, on workers ---- */

/* An endpoint to try, not one of `tried` (a bit each); the least bad when none is up. NULL: all were. */
struct gh__endpoint *gh__endpoint_pick(struct gh__upstream *u, uint64_t now, uint64_t tried);
/* An address of it. UV_EAGAIN: it is being looked up, ask again soon; UV_EAI_…: it has none. */
int gh__endpoint_address(struct gh__upstreams *all, struct gh__endpoint *e, uint64_t now,
			 struct sockaddr_storage *ret_address, socklen_t *ret_len);
/* The address that was taken at this `turn` did not answer: whether there is another for one that has
 * tried so many. A name such as `localhost` is often one address more than its server listens on. */
bool gh__endpoint_turn(struct gh__endpoint *e, unsigned *turn, unsigned tries);
void gh__endpoint_failed(struct gh__upstream *u, struct gh__endpoint *e, uint64_t now,
			 const char *why);
void gh__endpoint_works(struct gh__upstream *u, struct gh__endpoint *e);
bool gh__endpoint_up(const struct gh__endpoint *e, uint64_t now);

#endif
