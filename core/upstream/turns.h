/*
 * The order in which those who wait are called: by class, within one class in rounds over the callers,
 * for one caller in the order of coming. Part of a queue, under its lock.
 *
 * A round gives each caller one turn. Who comes while a round goes on is in it if there is room for
 * as many newcomers as it had callers at its start, and in the next one otherwise, so that a round ends
 * however many come. Who had a turn is remembered until the round is over, and is in the next one when they
 * come again. So memory is bounded by those who wait, and a caller with one request at a time
 * gets as many turns as one with a hundred waiting.
 */
#ifndef GATEHOUSE_CORE_UPSTREAM_TURNS_H
#define GATEHOUSE_CORE_UPSTREAM_TURNS_H

#include "core/base/list.h"
#include "core/base/table.h"

enum { GH__RANKS = 3 /* classes: the first goes first */ };

struct gh__turns_caller;
struct gh__ticket;

struct gh__turns_class {
	struct gh__list rings[2]; /* of callers: of this round, and of the next */
	unsigned current;         /* which is of this round */
	unsigned round;
	unsigned newcomers;     /* that this round still takes */
	unsigned count, active; /* tickets, and callers that have any */
};

struct gh__turns {
	struct gh__table callers; /* of all classes, each its own */
	struct gh__turns_class classes[GH__RANKS];
	unsigned count;
	uint64_t put_backs;
};

void gh__turns_init(struct gh__turns *t);
/* None waits any more. */
void gh__turns_finish(struct gh__turns *t);
/* Behind its caller's others. `caller_id` and `rank` of the ticket are set. */
void gh__turns_add(struct gh__turns *t, struct gh__ticket *ticket);
/* Several at once, in their order, before their callers' others: begin, then each. */
void gh__turns_put_back_begin(struct gh__turns *t);
void gh__turns_put_back(struct gh__turns *t, struct gh__ticket *ticket);
/* Who is next, or NULL. */
struct gh__ticket *gh__turns_look(struct gh__turns *t);
/* The one that gh__turns_look() gave has its turn. */
void gh__turns_take(struct gh__turns *t, struct gh__ticket *ticket);
/* Any one leaves, without a turn. */
void gh__turns_remove(struct gh__turns *t, struct gh__ticket *ticket);

#endif
