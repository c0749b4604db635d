/*
 * A worker as requests see it: the loop and what is kept on it. Made and run by core/server; on its
 * own thread only, but for the counters, which anyone may read.
 */
#ifndef GATEHOUSE_CORE_ROUTE_WORKER_H
#define GATEHOUSE_CORE_ROUTE_WORKER_H

#include "core/net/conn.h"
#include "core/net/lane.h"
#include "core/route/request.h"
#include "core/route/stats.h"
#include "core/upstream/health.h"
#include "core/upstream/pool.h"

enum { GH__WAIT_BUCKETS = 256 };

struct gh__access_log;
struct gh__ledger;
struct gh__usage_stats;

struct gh__worker {
	struct gh__loop loop;
	struct gh__conns conns;
	struct gh__pools pools;
	struct gh__lanes *lanes;     /* the process's */
	struct gh__site_local *site; /* the current one */
	struct gh__list requests;    /* that are open */
	struct gh__list waits[GH__WAIT_BUCKETS];
	uint64_t next_token;
	struct gh__stats stats;
	struct gh__access_log *access; /* NULL: no access log */
	struct gh__ledger *ledger;     /* of the process; NULL: none */
	struct gh__usage_stats *usage; /* of the process; NULL: models are not counted */
	struct gh__health *health;     /* of the first worker; NULL: nothing is checked */
	atomic_size_t *collected;      /* bytes of bodies held in memory, of the process */
	size_t max_collected, max_body;
	unsigned number;
};

void gh__worker_init(struct gh__worker *w, unsigned number, struct gh__upstreams *upstreams,
		     struct gh__lanes *lanes);
/* Takes the site for new requests, and lets the old one go. */
void gh__worker_use(struct gh__worker *w, struct gh__site_local *site);
/* Lets go of the current one: there will be no more requests. */
void gh__worker_leave(struct gh__worker *w);

/* ---- cut.c ---- */
/* Ends every open request of this caller, with a break that the client sees; how many there were. In a
 * turn of their own: in a letter. */
unsigned gh__worker_cut(struct gh__worker *w, struct gh_str caller);
/* The gateway goes: who has got nothing yet is answered 503; whose answer has begun sees it break. In a
 * letter, too. */
void gh__worker_dismiss(struct gh__worker *w);

#endif
