/*
 * What `usage.db` tells, summed up: for `gatehouse usage`. Opens the file by itself and only reads, while
 * a gateway writes it or none runs. One thread; it takes as long as it takes.
 */
#ifndef GATEHOUSE_CORE_LEDGER_REPORT_H
#define GATEHOUSE_CORE_LEDGER_REPORT_H

#include "core/ledger/ledger.h"

enum gh__ledger_by {
	GH__LEDGER_BY_USER,
	GH__LEDGER_BY_MODEL,
	GH__LEDGER_BY_DAY,
	GH__LEDGER_IN_ALL
};

/* Requests that have something in common. -1: none of them tells. */
struct gh__ledger_sum {
	struct gh_str
		key; /* the user's or model's name, the local day as 2026-11-22; empty: none */
	int64_t requests;
	int64_t input, cached, output; /* tokens */
	int64_t told, estimated;       /* requests whose tokens are known; of them by an estimate */
	double first_median, first_95; /* ms to the first token */
	double rate;                   /* tokens a second after it */
	double waited;                 /* ms for a turn, on average */
};

/* 0: `each` was called for each sum, those with the most tokens first, days in their order; for one of
 * GH__LEDGER_IN_ALL last, where there are any. 1: there is no file yet. -1: `why` (of `size` bytes) says
 * why not, with the mend. `since` in ms since 1970. */
int gh__ledger_report(struct gh_str state_dir, enum gh__ledger_by by, int64_t since,
		      void (*each)(void *arg, enum gh__ledger_by by,
				   const struct gh__ledger_sum *s),
		      void *arg, char *why, size_t size);

#endif
