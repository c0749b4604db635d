/*
 * Who is served next: the one queue of the process before an upstream. A request holds a place (a
 * lease) from its turn to the end of its answer, and there are `max_concurrent` of them.
 *
 * - Priorities are strict: as long as one of a higher class waits, none of a lower one is called.
 *   A class can so be starved by those above it, which is what a priority is for; whoever hands out
 *   HIGH keeps it few. Within a class nobody starves: callers take turns, one request each, whatever
 *   each has waiting, and one caller's requests go in the order in which they came.
 * - A place that is free goes to a newcomer only when nobody waits who could use it.
 * - A model that is not loaded is loaded once. It is cold at first, again when it was not used for five
 *   minutes, and again when who should have loaded it got no answer. While one request loads it, further
 *   ones for it are parked: they wait (and count as waiting), and hold up nobody else. Once it
 *   is loaded they wait for their turns as all do, ahead of their own callers' later ones. When the
 *   loader fails the next one loads.
 * - Without a limit nobody is refused: who would have to wait for a load and finds no room goes on.
 *
 * Callers and models are known by a keyed hash of their names, which are not kept.
 *
 * Entering, being called and leaving take constant time, however many wait; a ticket is parked and put
 * back at most once for each time that somebody tries to load its model. Memory is bounded by who
 * waits, see turns.h, and 1024 models are known: one more takes the place of the one that was
 * idle for the longest, or, while all are in use, is taken to be of no matter.
 *
 * Owned by the upstream; locks itself: any thread. A ticket is in the memory of who waits, and stays
 * there until gh__queue_leave().
 */
#ifndef GATEHOUSE_CORE_UPSTREAM_QUEUE_H
#define GATEHOUSE_CORE_UPSTREAM_QUEUE_H

#include "core/base/list.h"
#include "core/base/siphash.h"
#include "core/config/config.h"

enum {
	GH__MODELS_MOST = 1024,
	GH__MODEL_WARM_MS = 5 * 60 * 1000, /* after its last use it is taken to be loaded */
};

struct gh__queue;
struct gh__turns_caller;
struct gh__queue_model;

struct gh__queue_limits {
	unsigned max_concurrent; /* 0: any number */
	unsigned room;           /* how many may wait, parked ones too */
	enum gh__cold_start cold_start;
};

/* Zeroed by its owner but for `called`. All else is the queue's. */
struct gh__ticket {
	/* Its turn has come. From any thread, with the queue locked: it may only post a letter. */
	void (*called)(struct gh__ticket *t);

	struct gh__queue *queue; /* NULL: neither waits nor has a turn */
	struct gh__list link;    /* of the caller's that wait, or of the model's that are parked */
	struct gh__turns_caller *caller; /* while it waits and is not parked */
	struct gh__queue_model *model;   /* while it waits or runs; NULL: of none */
	struct gh__id caller_id;
	uint64_t entered_ms;
	uint8_t state, rank;
	bool told; /* that its model is loaded */
};

enum gh__turn {
	GH__TURN_NOW,   /* it has its place */
	GH__TURN_LATER, /* called() tells, at any time from now on */
	GH__TURN_FULL,  /* too many wait; the ticket is as it was */
};

struct gh__queue *gh__queue_create(void);
/* No ticket is in it any more. Takes NULL. */
void gh__queue_destroy(struct gh__queue *q);
/* At once. A higher limit calls who waits; a lower one takes nothing away from who is served or
 * waits. Until the first set anything goes. */
void gh__queue_set(struct gh__queue *q, const struct gh__queue_limits *l);

/* `model` empty: of no matter. The strings are not kept. */
enum gh__turn gh__queue_enter(struct gh__queue *q, struct gh__ticket *t, struct gh_str caller,
			      enum gh_priority priority, struct gh_str model, uint64_t now_ms);
/* Whether it holds a place. */
bool gh__queue_has_turn(const struct gh__ticket *t);
/* The first bytes of a good answer came, so its model is loaded. Once or often. Only who entered the
 * ticket. */
void gh__queue_loaded(struct gh__ticket *t, uint64_t now_ms);
/* Gives its place back, or leaves the queue: on every way out. After it called() is not called. Once or
 * often; a ticket that never entered is nothing. */
void gh__queue_leave(struct gh__ticket *t, uint64_t now_ms);

/* Seconds, 1 to 60, after which another try has a chance: from how fast places came back of late
 * and how many wait. */
unsigned gh__queue_retry_after(const struct gh__queue *q, uint64_t now_ms);

struct gh__queue_counts {
	unsigned running, waiting;            /* now */
	uint64_t entered, refused;            /* let in, at once or to wait; told that it is full */
	uint64_t left;                        /* left without a turn */
	uint64_t waited_ms_sum, waited_count; /* of those that had to wait and were called */
};
void gh__queue_count(const struct gh__queue *q, struct gh__queue_counts *ret_counts);

#endif
