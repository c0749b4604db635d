/*
 * A table of what keys owe, of a fixed size. A key has WAYS places where it may stand; when all are taken
 * by others that still owe something, the one of them that owes for the shortest time makes room, and
 * begins anew when it comes again. What owes nothing is as good as empty, so a key that rests is never in
 * another's way, and a flood of new keys never frees one that has spent more than each of them.
 *
 * One object of gh_shared(): all workers use it, each set of places under one of 16 locks, held for the
 * scan of one set. It has no clock of its own, and no ledger: what is to be kept is told to `keep`.
 */
#ifndef GATEHOUSE_CORE_ROUTE_DEBTS_H
#define GATEHOUSE_CORE_ROUTE_DEBTS_H

#include <pthread.h>

#include <gatehouse/budget.h>

#include "core/base/siphash.h"
#include "core/ledger/ledger.h"

enum {
	GH__DEBTS_WAYS = GH_BUDGET_KEYS_MIN,
	GH__DEBTS_LOCKS = 16,
	/* Limits with a window of so long are told to `keep`. */
	GH__DEBTS_KEEP_MS = 60 * 60 * 1000,
	/* What a key's request holds before one was charged: a part of the budget, and at most so much. */
	GH__DEBTS_FIRST_PART = 8,
	GH__DEBTS_FIRST_MOST = 1000,
	/* Told as the wait when others under way hold all that is left, which nobody knows the end of. */
	GH__DEBTS_GUESS_MS = 1000,
};

/* A lock has a cache line of its own, so that two that are held at once do not fight over one. */
union gh__debts_lock {
	pthread_mutex_t mutex;
	char line[64];
};

struct gh__debts {
	union gh__debts_lock locks[GH__DEBTS_LOCKS];
	size_t sets, limit_count;
	struct gh__sipkey secret;
	/* Told of a key's debts as they change, those of long windows, one after another under the key's
	 * lock; `table` is left to it. NULL: nothing is kept. */
	void (*keep)(void *arg, struct gh__ledger_debt *debt);
	void *arg;
	_Alignas(16) char places[]; /* sets of WAYS places each */
};

struct gh__times {
	int64_t now_ms;  /* monotonic */
	int64_t wall_ms; /* since 1970; looked at only where there is `keep` */
};

/* In zeroed memory of that size. */
size_t gh__debts_size(int64_t max_keys, size_t limit_count);
void gh__debts_init(struct gh__debts *d, int64_t max_keys, size_t limit_count,
		    const struct gh__sipkey *secret);
void gh__debts_finish(struct gh__debts *d);

/* One debt as it was once kept; the last of a key and limit counts. Before there is another thread. */
void gh__debts_restore(struct gh__debts *d, const struct gh__times *at,
		       const struct gh__ledger_debt *debt);

void gh__debts_take(struct gh__debts *d, const struct gh__times *at, struct gh_take_budget *t);
void gh__debts_give_back(struct gh__debts *d, const struct gh__times *at, struct gh_take_budget *t);
void gh__debts_charge(struct gh__debts *d, const struct gh__times *at, struct gh_take_budget *t,
		      int64_t tokens);

#endif
