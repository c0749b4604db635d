#include "core/ledger/report.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

#include "core/ledger/file.h"

enum { BUSY_MS = 5000, TEXT = 3000 };

/* What rows are put together by, and which sum comes first. */
static const struct {
	const char *key, *order;
} ways[] = {
	[GH__LEDGER_BY_USER] = { "caller", "6 DESC, 2 DESC, 1" },
	[GH__LEDGER_BY_MODEL] = { "model", "6 DESC, 2 DESC, 1" },
	[GH__LEDGER_BY_DAY] = { "strftime('%Y-%m-%d', at / 1000, 'unixepoch', 'localtime')", "1" },
	[GH__LEDGER_IN_ALL] = { "NULL", "1" },
};

/* A row stands for `n` requests. The median and the 95th percentile are values that were there: the
 * smallest that so many of a group do not exceed. What is too short for a rate came at once, and says
 * nothing of how fast it was made. */
static const char query[] =
	"WITH r AS (SELECT %s AS k, requests AS n, input, cached, output, estimated, waited_ms,"
	"   upstream,"
	"   first_token_ms AS ft,"
	"   CASE WHEN output >= 2 AND duration_ms - first_token_ms >= %d"
	"    THEN duration_ms - first_token_ms END AS span"
	"  FROM request WHERE id >= ?1),"
	" f AS (SELECT k, ft, sum(n) OVER (PARTITION BY k ORDER BY ft) AS below,"
	"   sum(n) OVER (PARTITION BY k) AS c FROM r WHERE ft IS NOT NULL),"
	" p AS (SELECT k, min(CASE WHEN below >= (c + 1) / 2 THEN ft END) AS half,"
	"   min(CASE WHEN below >= (c * 95 + 99) / 100 THEN ft END) AS most FROM f GROUP BY k) "
	"SELECT r.k, sum(n), sum(n * input), sum(n * cached), sum(n * output),"
	" ifnull(sum(n * input), 0) + ifnull(sum(n * output), 0),"
	" sum(n * (input IS NOT NULL OR output IS NOT NULL)), sum(n * estimated),"
	" max(p.half), max(p.most),"
	" sum(CASE WHEN span IS NOT NULL THEN n * output END) * 1000.0 / sum(n * span),"
	" sum(CASE WHEN upstream IS NOT NULL THEN n * waited_ms END) * 1.0"
	"  / sum(CASE WHEN upstream IS NOT NULL THEN n END) "
	"FROM r LEFT JOIN p ON r.k IS p.k GROUP BY r.k ORDER BY %s";

static int64_t whole(sqlite3_stmt *s, int column)
{
	return sqlite3_column_type(s, column) == SQLITE_NULL ? -1 : sqlite3_column_int64(s, column);
}

static double part(sqlite3_stmt *s, int column)
{
	return sqlite3_column_type(s, column) == SQLITE_NULL ? -1
							     : sqlite3_column_double(s, column);
}

static int sum_up(sqlite3 *db, enum gh__ledger_by by, int64_t since,
		  void (*each)(void *arg, enum gh__ledger_by by, const struct gh__ledger_sum *s),
		  void *arg)
{
	char text[TEXT];
	sqlite3_stmt *s = NULL;

	snprintf(text, sizeof text, query, ways[by].key, GH__LEDGER_RATE_MS, ways[by].order);
	int code = sqlite3_prepare_v2(db, text, -1, &s, NULL);
	if (code == SQLITE_OK)
		sqlite3_bind_int64(s, 1, gh__ledger_first_id(since));
	while (code == SQLITE_OK && (code = sqlite3_step(s)) == SQLITE_ROW) {
		const char *key = (const char *)sqlite3_column_text(s, 0);
		struct gh__ledger_sum sum = {
			.key = { key, key ? (size_t)sqlite3_column_bytes(s, 0) : 0 },
			.requests = sqlite3_column_int64(s, 1),
			.input = whole(s, 2),
			.cached = whole(s, 3),
			.output = whole(s, 4),
			.told = sqlite3_column_int64(s, 6),
			.estimated = sqlite3_column_int64(s, 7),
			.first_median = part(s, 8),
			.first_95 = part(s, 9),
			.rate = part(s, 10),
			.waited = part(s, 11),
		};
		each(arg, by, &sum);
		code = SQLITE_OK;
	}
	sqlite3_finalize(s);
	return code == SQLITE_DONE ? SQLITE_OK : code;
}

static int say_why(const char *path, sqlite3 *db, int code, char *why, size_t size)
{
	int error = db ? sqlite3_system_errno(db) : 0;

	switch (code & 0xff) {
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		snprintf(why, size,
			 "%s is broken (%s): gatehouse will move it aside when it next writes; "
			 "`sqlite3 "
			 "FILE .recover` may tell what is in it",
			 path, sqlite3_errstr(code));
		break;
	case SQLITE_CANTOPEN:
	case SQLITE_PERM:
	case SQLITE_READONLY:
	case SQLITE_AUTH:
		snprintf(
			why, size,
			"%s cannot be read: %s; ask as the user that gatehouse runs as, or as root",
			path, error ? strerror(error) : sqlite3_errstr(code));
		break;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		snprintf(why, size, "%s is locked by another process; end it, or try again", path);
		break;
	case SQLITE_ERROR:
		snprintf(why, size,
			 "%s is no file of this gatehouse's usage (%s); was it written by another "
			 "version?",
			 path, sqlite3_errmsg(db));
		break;
	default:
		snprintf(why, size, "%s cannot be read: %s; try again", path,
			 error ? strerror(error) : sqlite3_errstr(code));
	}
	return -1;
}

/* `*ret_empty`: a gateway is about to begin the file. */
static int begin(sqlite3 *db, bool *ret_empty)
{
	sqlite3_stmt *s = NULL;
	int code = sqlite3_exec(db, "BEGIN", NULL, NULL, NULL);

	if (code == SQLITE_OK)
		code = sqlite3_prepare_v2(db, "SELECT NOT EXISTS (SELECT 1 FROM sqlite_master)", -1,
					  &s, NULL);
	if (code == SQLITE_OK && (code = sqlite3_step(s)) == SQLITE_ROW) {
		*ret_empty = sqlite3_column_int(s, 0);
		code = SQLITE_OK;
	}
	sqlite3_finalize(s);
	return code;
}

int gh__ledger_report(struct gh_str state_dir, enum gh__ledger_by by, int64_t since,
		      void (*each)(void *arg, enum gh__ledger_by by,
				   const struct gh__ledger_sum *s),
		      void *arg, char *why, size_t size)
{
	char path[PATH_MAX];
	struct stat st;
	sqlite3 *db = NULL;
	bool empty = false;
	int code;

	snprintf(path, sizeof path, GH_FMT "/" GH__LEDGER_NAME, GH_ARG(state_dir));
	if (stat(path, &st)) {
		if (errno == ENOENT)
			return 1;
		snprintf(
			why, size,
			"%s cannot be read: %s; ask as the user that gatehouse runs as, or as root",
			path, strerror(errno));
		return -1;
	}
	code = sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL);
	if (db) {
		sqlite3_busy_timeout(db, BUSY_MS);
		sqlite3_extended_result_codes(db, 1);
	}
	/* Both sums are of the same moment. */
	if (code == SQLITE_OK)
		code = begin(db, &empty);
	if (code == SQLITE_OK && !empty)
		code = sum_up(db, by, since, each, arg);
	if (code == SQLITE_OK && !empty && by != GH__LEDGER_IN_ALL)
		code = sum_up(db, GH__LEDGER_IN_ALL, since, each, arg);
	int result = code == SQLITE_OK ? empty : say_why(path, db, code, why, size);
	sqlite3_close_v2(db);
	return result;
}
