/*
 * The ledger: what was used, and what is owed, kept in `usage.db` of `state_dir` over the end of the
 * process. One a process, owned by the server. The loops only put things into a bounded queue in
 * memory, which costs less than a microsecond and never waits for a disk; a thread of the ledger's own
 * writes what is there at most a second later, in one transaction.
 *
 * Where the file cannot be written, the queue holds what it can and the rest is lost and counted; both
 * are told once, and it is tried again. A file that is broken is moved aside, never deleted. No prompt,
 * no answer, no address and no credential is ever in it.
 */
#ifndef GATEHOUSE_CORE_LEDGER_LEDGER_H
#define GATEHOUSE_CORE_LEDGER_LEDGER_H

#include <gatehouse/request.h>

struct gh__ledger;

/* Knows no file yet: what is added is dropped, nothing is owed, secrets are of this process alone. So
 * it is while a config is only checked. */
struct gh__ledger *gh__ledger_create(void);
/* Frees it, after gh__ledger_stop() where it was opened; takes NULL. */
void gh__ledger_destroy(struct gh__ledger *l);

/* From now on it is kept in this folder, which is made, as the file is, when there is something to
 * write. Once, on the main thread, after privileges were dropped. Starts the thread. */
void gh__ledger_open(struct gh__ledger *l, struct gh_str state_dir);
/* Writes what is there, for at most `patience_ms`, and ends the thread. Returns how many rows could not
 * be written. After it nothing may be added. */
size_t gh__ledger_stop(struct gh__ledger *l, int64_t patience_ms);

/* For how long rows are kept; older ones are deleted, in small steps. 0: none are taken, and those that
 * are there go. Debts are another matter. Any thread. */
void gh__ledger_keep(struct gh__ledger *l, int64_t keep_ms);

/* ---- What was used: requests that asked for a model ---- */

enum gh__ledger_end {
	GH__LEDGER_WHOLE, /* the answer came to its end */
	GH__LEDGER_CUT,   /* it broke off, or was an error of the gateway's in the middle */
	GH__LEDGER_LEFT,  /* the client went away before the end */
};

/* Limits of the texts, in bytes; what is longer is cut on the border of a character. */
enum {
	GH__LEDGER_CALLER = 255,
	GH__LEDGER_MODEL = 256,
	GH__LEDGER_ROUTE = 64,
	GH__LEDGER_UPSTREAM = 64,
};

/* An answer whose tokens came in less says nothing of how fast they were made: it did not stream. */
enum { GH__LEDGER_RATE_MS = 10 };

/* Requests that came within the same second and are alike in all the rest are one row: a script that
 * is refused some thousand times a second fills no disk. Sums, medians and days stay what they were. */
struct gh__ledger_row {
	int64_t at; /* when the request came, the first of them: ms since 1970 */
	struct gh_str caller, route, model, upstream;
	struct gh_usage usage;  /* -1: not known */
	int64_t waited_ms;      /* for its turn at the upstream */
	int64_t first_token_ms; /* since the request came; -1: there was none */
	int64_t duration_ms;
	int status; /* 0: the client left before there was one */
	enum gh__ledger_end end;
};

/* As much of a text as fits, whole characters of UTF-8. */
struct gh_str gh__ledger_cut(struct gh_str s, size_t most);

/* One request; copied. Any thread; never waits for the file. */
void gh__ledger_add(struct gh__ledger *l, const struct gh__ledger_row *row);

/* ---- What is owed: budgets whose windows are long ---- */

enum { GH__LEDGER_KEY = 16, GH__LEDGER_TABLE = 64 };

struct gh__ledger_debt {
	struct gh_str table;         /* at most GH__LEDGER_TABLE bytes, or it is not kept */
	uint8_t key[GH__LEDGER_KEY]; /* whose, as a keyed hash: see gh__ledger_secret() */
	uint32_t limit;              /* which of the key's limits */
	int64_t owed, seen;          /* so much, at that time: ms since 1970 */
	int64_t until;               /* all of it is paid back by then: no longer kept */
};

/* Any thread; never waits for the file. The newest of a table, key and limit counts; with owed 0 it is
 * forgotten. */
void gh__ledger_put_debt(struct gh__ledger *l, const struct gh__ledger_debt *debt);

/* All that is owed in this table, in no order; where one comes twice, the later call counts. `each` may
 * not call the ledger. Main thread; waits for the file. Where that cannot be read the log says so, and
 * nothing is owed. */
void gh__ledger_read_debts(struct gh__ledger *l, struct gh_str table,
			   void (*each)(void *arg, const struct gh__ledger_debt *debt), void *arg);

/* Random bytes under this name: made once and the same ever after, over restarts too. Where they cannot
 * be read or kept they hold for this process. At most 64 bytes. Main thread; waits for the file. */
void gh__ledger_secret(struct gh__ledger *l, struct gh_str name, void *bytes, size_t size);

/* ---- For /metrics and the status ---- */

struct gh__ledger_stats {
	uint64_t written, lost; /* requests so far */
	uint64_t pending;       /* requests that wait in memory */
};
/* Any thread. */
void gh__ledger_stats(struct gh__ledger *l, struct gh__ledger_stats *ret_stats);

#endif
