/*
 * The inside of the ledger, for its own files: what its two locks keep apart.
 */
#ifndef GATEHOUSE_CORE_LEDGER_INSIDE_H
#define GATEHOUSE_CORE_LEDGER_INSIDE_H

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "core/ledger/file.h"
#include "core/ledger/ledger.h"
#include "core/ledger/queue.h"

/* Bytes under a name, asked for once. */
struct gh__ledger_secret {
	struct gh__ledger_secret *next;
	struct gh_str name;
	uint8_t bytes[GH__LEDGER_SECRET];
	size_t size;
	bool unsaved;
};

struct gh__ledger {
	/* Held for moments, by loops too. */
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct gh__ledger_rows rows;
	struct gh__ledger_debts debts;
	struct gh__ledger_tables tables;
	size_t writing_rows, writing_requests; /* taken from `rows`, and not written yet */
	uint64_t written, lost, lost_debts, told_lost;
	int64_t told_at;
	bool idle;  /* the thread waits for something to do */
	bool again; /* what was tried last failed */
	bool ending;
	int64_t end_by; /* monotonic */
	/* Held as long as the file takes, by the thread and the main thread; before `lock`. */
	pthread_mutex_t file_lock;
	struct gh__ledger_file file;
	struct gh__ledger_rows writing;
	struct gh__ledger_debts owing;
	struct gh__ledger_secret *secrets;
	char *told; /* the trouble that the log was told of; NULL: all is well */
	bool unsaved;

	atomic_int_least64_t keep_ms;
	pthread_t thread;
	bool open, started;
};

static inline int64_t gh__ledger_clock(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static inline int64_t gh__ledger_now(void)
{
	return gh__ledger_clock(CLOCK_MONOTONIC);
}

/* With `lock`: the thread has to be woken for the first of a batch alone. */
void gh__ledger_wake(struct gh__ledger *l);

/* ---- with `file_lock` ---- */

/* What is done with the open file. */
typedef enum gh__ledger_result gh__ledger_act(struct gh__ledger *l, void *arg);
/* Does it, and again with a new file where the old one was broken. The log hears of what goes wrong. */
enum gh__ledger_result gh__ledger_with_file(struct gh__ledger *l, enum gh__ledger_opening how,
					    gh__ledger_act *act, void *arg);
/* Writes all that is there; what fails is the thread's to try again. */
enum gh__ledger_result gh__ledger_flush(struct gh__ledger *l);
struct gh_str gh__ledger_table_name(struct gh__ledger *l, uint32_t table);

#endif
