/*
 * The certificates of one generation: what its sources gave for each listener with TLS, and when they
 * are asked again. Made before the generation is taken up and destroyed with it; the shelf of a listener
 * outlives both. Main thread, but for the renewals, each of which has its source for itself on a lane.
 */
#ifndef GATEHOUSE_CORE_SERVER_CERTIFICATES_H
#define GATEHOUSE_CORE_SERVER_CERTIFICATES_H

#include "core/net/certificate_sink.h"
#include "core/net/door.h"
#include "core/net/lane.h"
#include "core/route/site.h"

/* One that is served, and what the log has said of it. */
struct gh__served {
	struct gh__certificate *certificate; /* a reference */
	bool told, told_near, told_out;
};

struct gh__source {
	struct gh__lane_job job;
	struct gh__certificates *all;
	struct gh__stand *stand;
	const struct gh_instance *instance;
	struct gh__served *items; /* what it gave last, the first one first */
	size_t count;
	char *trouble; /* NULL: none */
	bool trouble_told;
	bool renewing;
	uint64_t due; /* on the loop's clock; 0: not any more */
	/* While it renews, of the lane's thread. */
	struct gh_certificate_sink sink;
	int64_t again_ms;
};

/* A listener with TLS. */
struct gh__stand {
	struct gh_str address;
	struct gh__shelf *shelf; /* NULL until the listener is there */
	struct gh__source *sources;
	size_t count;
	bool told_empty;
};

struct gh__certificates {
	struct gh__loop *loop;
	struct gh__lanes *lanes;
	struct gh__stand *stands;
	size_t count;
	struct gh__deadline next;
	atomic_bool stopping;
	unsigned renewing;
	void (*on_idle)(struct gh__certificates *c); /* retired, and the last renewal has ended */
	void *owner;
};

/* Asks all sources for what they have at hand. What a source of `before` gave stays where the one in its
 * place has nothing yet; NULL: there is none before. */
struct gh__certificates *gh__certificates_create(struct gh__loop *loop, struct gh__lanes *lanes,
						 const struct gh__site *site,
						 const struct gh__certificates *before);
/* Puts what there is for a listener on the shelf of its door, and says so; one without TLS is none of
 * these. */
void gh__certificates_place(struct gh__certificates *c, const struct gh__door *door);
/* All listeners are there: renewals begin. */
void gh__certificates_begin(struct gh__certificates *c);
/* No more of them; those that run are told. */
void gh__certificates_retire(struct gh__certificates *c);
/* Takes NULL. Retired, and no renewal may be under way but one that ended after its loop did. */
void gh__certificates_destroy(struct gh__certificates *c);

/* A moment as text, in UTC. Returns `to`. */
const char *gh__certificate_time(int64_t seconds, char *to, size_t size);

#endif
