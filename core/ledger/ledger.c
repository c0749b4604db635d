#include "core/ledger/ledger.h"

#include <signal.h>

#include <gatehouse/module.h>

#include "core/base/log.h"
#include "core/base/memory.h"
#include "core/base/pace.h"
#include "core/ledger/inside.h"

enum {
	BATCH_MS = 500,       /* from the first of a batch to its writing */
	BACKOFF_MS = 1000,    /* after a failure, twice as long after each further one, */
	BACKOFF_MOST = 30000, /* at most */
	HURRY_MS = 50,        /* between tries at the end */
	SWEEP_MS = 3600000,
	SWEEP_STEP_MS = 50, /* between two steps of one */
	FIRST_SWEEP_MS = 10000,
	LOST_MS = 60000, /* between two lines on what is lost */
	DAY = 86400000,
	KEEP_DAYS = 400,
};

struct gh__ledger *gh__ledger_create(void)
{
	struct gh__ledger *l = gh__zalloc(sizeof *l);
	pthread_condattr_t attributes;

	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&l->more, &attributes);
	pthread_condattr_destroy(&attributes);
	pthread_mutex_init(&l->lock, NULL);
	pthread_mutex_init(&l->file_lock, NULL);
	atomic_init(&l->keep_ms, (int64_t)KEEP_DAYS * DAY);
	return l;
}

void gh__ledger_destroy(struct gh__ledger *l)
{
	if (!l || l->started)
		return; /* a thread that a disk holds up has it still */
	gh__ledger_rows_finish(&l->rows);
	gh__ledger_rows_finish(&l->writing);
	gh__ledger_debts_finish(&l->debts);
	gh__ledger_debts_finish(&l->owing);
	gh__ledger_tables_finish(&l->tables);
	for (struct gh__ledger_secret *s = l->secrets, *next; s; s = next) {
		next = s->next;
		gh__wipe(s->bytes, sizeof s->bytes);
		gh__free((void *)(uintptr_t)s->name.at);
		gh__free(s);
	}
	gh__ledger_file_finish(&l->file);
	gh__free(l->told);
	pthread_cond_destroy(&l->more);
	pthread_mutex_destroy(&l->lock);
	pthread_mutex_destroy(&l->file_lock);
	gh__free(l);
}

/* ---- adding, from any thread ---- */

void gh__ledger_wake(struct gh__ledger *l)
{
	if (!l->idle)
		return;
	l->idle = false;
	pthread_cond_signal(&l->more);
}

void gh__ledger_add(struct gh__ledger *l, const struct gh__ledger_row *row)
{
	if (!l->open || atomic_load_explicit(&l->keep_ms, memory_order_relaxed) <= 0)
		return;
	pthread_mutex_lock(&l->lock);
	if (l->writing_rows >= GH__LEDGER_ROWS ||
	    gh__ledger_rows_put(&l->rows, row, GH__LEDGER_ROWS - l->writing_rows))
		l->lost++;
	gh__ledger_wake(l);
	pthread_mutex_unlock(&l->lock);
}

void gh__ledger_put_debt(struct gh__ledger *l, const struct gh__ledger_debt *debt)
{
	struct gh__ledger_owing o = {
		.limit = debt->limit,
		.owed = debt->owed,
		.seen = debt->seen,
		.until = debt->until,
	};

	if (!l->open)
		return;
	memcpy(o.key, debt->key, sizeof o.key);
	pthread_mutex_lock(&l->lock);
	int table = gh__ledger_table(&l->tables, debt->table);
	o.table = (uint32_t)table;
	if (table < 0 || gh__ledger_debts_put(&l->debts, &o))
		l->lost_debts++;
	gh__ledger_wake(l);
	pthread_mutex_unlock(&l->lock);
}

void gh__ledger_keep(struct gh__ledger *l, int64_t keep_ms)
{
	atomic_store_explicit(&l->keep_ms, keep_ms, memory_order_relaxed);
}

void gh__ledger_stats(struct gh__ledger *l, struct gh__ledger_stats *ret_stats)
{
	pthread_mutex_lock(&l->lock);
	*ret_stats = (struct gh__ledger_stats){
		.written = l->written,
		.lost = l->lost,
		.pending = l->rows.requests + l->writing_requests,
	};
	pthread_mutex_unlock(&l->lock);
}

static enum gh__ledger_result sweep(struct gh__ledger *l, void *arg)
{
	int64_t keep = atomic_load_explicit(&l->keep_ms, memory_order_relaxed);
	int64_t now = gh__ledger_clock(CLOCK_REALTIME);

	(void)arg;
	return gh__ledger_file_sweep(&l->file, now, keep > 0 ? now - keep : INT64_MAX);
}

/* ---- the thread ---- */

static void tell_lost(struct gh__ledger *l)
{
	int64_t now = gh__ledger_now();

	pthread_mutex_lock(&l->lock);
	uint64_t lost = l->lost + l->lost_debts, news = lost - l->told_lost;
	bool due = news && (now - l->told_at >= LOST_MS || l->told_at == 0 || l->ending);
	if (due) {
		l->told_lost = lost;
		l->told_at = now;
	}
	pthread_mutex_unlock(&l->lock);
	if (due)
		gh__log(GH_LOG_WARN,
			"usage: %llu requests are not counted: too much waits to be written",
			(unsigned long long)news);
}

/* With the lock: sleeps until then, or until it is woken. */
static void sleep_until(struct gh__ledger *l, int64_t when)
{
	struct timespec t = { (time_t)(when / 1000), (long)(when % 1000) * 1000000 };

	(void)pthread_cond_timedwait(&l->more, &l->lock, &t);
}

/* With the lock: until there is something to write, for half a second more of it, and for as long as a
 * file that failed is left alone; or until a sweep is due. */
static void wait_for_work(struct gh__ledger *l, int64_t not_before, int64_t sweep_at)
{
	while (!l->ending && !l->rows.first && !l->debts.count && !l->again &&
	       gh__ledger_now() < sweep_at) {
		l->idle = true;
		sleep_until(l, sweep_at);
	}
	l->idle = false;
	int64_t until = gh__ledger_now() + BATCH_MS;
	if (until < not_before)
		until = not_before;
	while (!l->ending && gh__ledger_now() < until &&
	       gh__ledger_now() < (not_before ? INT64_MAX : sweep_at))
		sleep_until(l, until);
}

static int64_t back_off(int64_t *backoff)
{
	*backoff = *backoff ? *backoff * 2 : BACKOFF_MS;
	if (*backoff > BACKOFF_MOST)
		*backoff = BACKOFF_MOST;
	return gh__ledger_now() + *backoff;
}

static void *run(void *arg)
{
	struct gh__ledger *l = arg;
	int64_t backoff = 0, not_before = 0, sweep_at = gh__ledger_now() + FIRST_SWEEP_MS;
	bool ending, over;

	gh__pace_set(GH__PACE_LAST);
	do {
		pthread_mutex_lock(&l->lock);
		wait_for_work(l, not_before, sweep_at);
		ending = l->ending;
		int64_t end_by = l->end_by;
		pthread_mutex_unlock(&l->lock);

		pthread_mutex_lock(&l->file_lock);
		bool failed = gh__ledger_flush(l) != GH__LEDGER_OK;
		if (!failed && !ending && gh__ledger_now() >= sweep_at)
			sweep_at = gh__ledger_now() +
				   (gh__ledger_with_file(l, GH__LEDGER_IF_THERE, sweep, NULL) ==
						    GH__LEDGER_MORE
					    ? SWEEP_STEP_MS
					    : SWEEP_MS);
		pthread_mutex_unlock(&l->file_lock);
		tell_lost(l);
		if (!failed)
			backoff = 0;
		not_before = failed ? back_off(&backoff) : 0;
		over = ending && (!failed || gh__ledger_now() >= end_by);
		if (ending && !over) {
			struct timespec t = { 0, HURRY_MS * 1000000L };
			nanosleep(&t, NULL);
		}
	} while (!over);
	return NULL;
}

void gh__ledger_open(struct gh__ledger *l, struct gh_str state_dir)
{
	sigset_t all, before;

	GH_CHECK(!l->open);
	gh__ledger_file_init(&l->file, state_dir);
	/* Signals are the main thread's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	GH_CHECK(pthread_create(&l->thread, NULL, run, l) == 0);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	l->open = l->started = true;
}

size_t gh__ledger_stop(struct gh__ledger *l, int64_t patience_ms)
{
	struct gh__ledger_stats stats;
	struct timespec until;

	if (!l->open)
		return 0;
	l->open = false;
	pthread_mutex_lock(&l->lock);
	l->ending = true;
	l->end_by = gh__ledger_now() + patience_ms;
	pthread_cond_signal(&l->more);
	pthread_mutex_unlock(&l->lock);

	/* A moment more, for a write that began in time. */
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += patience_ms / 1000 + 2;
	l->started = pthread_timedjoin_np(l->thread, NULL, &until) != 0;
	gh__ledger_stats(l, &stats);
	if (stats.pending)
		gh__log(GH_LOG_ERROR, "usage: %llu requests could not be written and are lost",
			(unsigned long long)stats.pending);
	return stats.pending;
}
