/* What the tests of the ledger share: a folder that is new, rows, and questions to the file. */
#ifndef TESTS_UNIT_LEDGER_BENCH_H
#define TESTS_UNIT_LEDGER_BENCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "core/ledger/file.h"
#include "core/ledger/ledger.h"

enum { PATIENCE_MS = 20000 };

struct folder {
	char dir[64];   /* new, and the test's */
	char state[96]; /* in it: not there yet */
	char file[128]; /* usage.db */
};

static inline int make_folder(void **state)
{
	struct folder *f = calloc(1, sizeof *f);

	snprintf(f->dir, sizeof f->dir, "/tmp/gh-ledger-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->state, sizeof f->state, "%s/state", f->dir);
	snprintf(f->file, sizeof f->file, "%s/usage.db", f->state);
	*state = f;
	return 0;
}

static inline int drop_one(const char *path, const struct stat *st, int what, struct FTW *at)
{
	(void)st;
	(void)what;
	(void)at;
	return remove(path);
}

/* The folder and all that is in it. */
static inline void empty(const char *dir)
{
	nftw(dir, drop_one, 8, FTW_DEPTH | FTW_PHYS);
}

static inline int drop_folder(void **state)
{
	struct folder *f = *state;

	empty(f->dir);
	free(f);
	return 0;
}

static inline struct gh__ledger *open_ledger(const struct folder *f)
{
	struct gh__ledger *l = gh__ledger_create();

	gh__ledger_open(l, gh_str(f->state));
	return l;
}

/* How many could not be written. */
static inline size_t close_ledger(struct gh__ledger *l)
{
	size_t left = gh__ledger_stop(l, PATIENCE_MS);

	gh__ledger_destroy(l);
	return left;
}

static inline struct gh__ledger_row row_of(const char *caller, const char *model)
{
	return (struct gh__ledger_row){
		.at = 1790000000123,
		.caller = gh_str(caller),
		.route = GH_STR("/v1"),
		.model = gh_str(model),
		.upstream = GH_STR("studio"),
		.usage = { 100, -1, 20, false },
		.first_token_ms = 300,
		.duration_ms = 1300,
		.status = 200,
	};
}

/* The one number that a query gives; -1 where the file cannot be asked. */
static inline int64_t ask_file(const char *path, const char *query)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *s = NULL;
	int64_t n = -1;

	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK) {
		sqlite3_busy_timeout(db, 5000);
		if (sqlite3_prepare_v2(db, query, -1, &s, NULL) == SQLITE_OK &&
		    sqlite3_step(s) == SQLITE_ROW)
			n = sqlite3_column_int64(s, 0);
	}
	sqlite3_finalize(s);
	sqlite3_close_v2(db);
	return n;
}

static inline int64_t requests_in(const struct folder *f)
{
	return ask_file(f->file, "SELECT ifnull(sum(requests), 0) FROM request");
}

static inline int is_sound(const struct folder *f)
{
	return ask_file(f->file, "SELECT integrity_check = 'ok' FROM pragma_integrity_check") == 1;
}

static inline void pause_ms(long ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&t, NULL);
}

/* Until so many rows are written, and none waits. */
static inline void await_written(struct gh__ledger *l, uint64_t rows)
{
	struct gh__ledger_stats stats = { 0 };

	for (int ms = 0; ms < PATIENCE_MS; ms += 10) {
		gh__ledger_stats(l, &stats);
		if (stats.written >= rows && !stats.pending)
			break;
		pause_ms(10);
	}
	assert_int_equal(stats.written, rows);
	assert_int_equal(stats.pending, 0);
}

#endif
