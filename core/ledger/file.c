#include "core/ledger/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

#include <gatehouse/module.h>

#include "core/base/memory.h"

enum {
	VERSION = 1,      /* of the schema */
	BUSY_MS = 1000,   /* how long another's lock is waited for */
	BROKEN_MOST = 99, /* files that are kept aside */
};

static const char schema[] =
	"CREATE TABLE request ("
	" id INTEGER PRIMARY KEY," /* when it came, and a number to tell those of one ms apart */
	" caller TEXT, route TEXT, model TEXT NOT NULL, upstream TEXT,"
	" status INTEGER NOT NULL,"
	" input INTEGER, cached INTEGER, output INTEGER, estimated INTEGER NOT NULL,"
	" waited_ms INTEGER NOT NULL, first_token_ms INTEGER, duration_ms INTEGER NOT NULL,"
	" ended INTEGER NOT NULL,"    /* 0 whole, 1 cut, 2 left */
	" requests INTEGER NOT NULL," /* that are alike and came within the same second */
	" at INTEGER AS (id >> 10) VIRTUAL);"
	"CREATE TABLE debt ("
	" tab TEXT, key BLOB, lim INTEGER, owed INTEGER NOT NULL, seen INTEGER NOT NULL,"
	" until INTEGER NOT NULL, PRIMARY KEY (tab, key, lim)) WITHOUT ROWID;"
	"CREATE INDEX debt_until ON debt (until);"
	"CREATE TABLE secret (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;"
	"PRAGMA user_version = 1;";

void gh__ledger_file_init(struct gh__ledger_file *f, struct gh_str dir)
{
	size_t size = dir.len + sizeof("/" GH__LEDGER_NAME);

	*f = (struct gh__ledger_file){ .dir = gh__strndup(dir.at, dir.len) };
	f->path = gh__alloc(size);
	snprintf(f->path, size, "%s/" GH__LEDGER_NAME, f->dir);
}

static void close_db(struct gh__ledger_file *f)
{
	for (size_t i = 0; i < GH__LEDGER_STATEMENTS; i++) {
		sqlite3_finalize(f->statements[i]);
		f->statements[i] = NULL;
	}
	sqlite3_close_v2(f->db);
	f->db = NULL;
}

void gh__ledger_file_finish(struct gh__ledger_file *f)
{
	close_db(f);
	gh__free(f->path);
	gh__free(f->dir);
	f->path = f->dir = NULL;
}

/* ---- what goes wrong ---- */

static void say_errno(struct gh__ledger_file *f, const char *path, int error)
{
	if (error == ENOSPC || error == EDQUOT || error == EFBIG)
		snprintf(f->why, sizeof f->why,
			 "usage: %.400s cannot be written: %.80s; what is used is kept in memory "
			 "until "
			 "there is room, so make some",
			 path, strerror(error));
	else
		snprintf(f->why, sizeof f->why,
			 "usage: %.400s cannot be written: %.80s; what is used is kept in memory "
			 "until "
			 "it can: let gatehouse write there, or name another folder by 'state_dir'",
			 path, strerror(error));
}

/* Aside goes what belongs together. The log of the file first: a new file may not find it there. */
static int move_aside(struct gh__ledger_file *f, char *to, size_t size)
{
	static const char *const parts[] = { "-wal", "-shm", "" };
	char from_part[PATH_MAX], to_part[PATH_MAX];
	struct stat st;
	int n = 1;

	do
		snprintf(to, size, "%s.broken-%d", f->path, n);
	while (lstat(to, &st) == 0 && ++n <= BROKEN_MOST);
	if (n > BROKEN_MOST) {
		errno = EEXIST;
		return -1;
	}
	for (size_t i = 0; i < GH_COUNT_OF(parts); i++) {
		snprintf(from_part, sizeof from_part, "%s%s", f->path, parts[i]);
		snprintf(to_part, sizeof to_part, "%s%s", to, parts[i]);
		if (rename(from_part, to_part) && (errno != ENOENT || !*parts[i]))
			return -1;
	}
	return 0;
}

static enum gh__ledger_result broken(struct gh__ledger_file *f, const char *what)
{
	char to[PATH_MAX], kind[120];

	snprintf(kind, sizeof kind, "%s", what);
	close_db(f);
	if (move_aside(f, to, sizeof to)) {
		snprintf(f->why, sizeof f->why,
			 "usage: %.400s is broken (%s) and cannot be moved aside: %.80s; what is "
			 "used is "
			 "kept in memory until you move it away",
			 f->path, kind, strerror(errno));
		return GH__LEDGER_FAILED;
	}
	snprintf(f->why, sizeof f->why,
		 "usage: %.400s was broken (%s): it is now %.400s, and a new one is begun; "
		 "`sqlite3 FILE "
		 ".recover` may tell what was in it",
		 f->path, kind, strrchr(to, '/') + 1);
	return GH__LEDGER_ASIDE;
}

enum gh__ledger_result gh__ledger_file_fail(struct gh__ledger_file *f, int code)
{
	int error = f->db ? sqlite3_system_errno(f->db) : 0;

	for (size_t i = 0; i < GH__LEDGER_STATEMENTS; i++)
		sqlite3_reset(f->statements[i]);
	switch (code & 0xff) {
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return broken(f, sqlite3_errstr(code));
	case SQLITE_FULL:
		say_errno(f, f->path, ENOSPC);
		break;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		snprintf(f->why, sizeof f->why,
			 "usage: %.400s is locked by another process; what is used is kept in "
			 "memory "
			 "until that lets go of it, so end it",
			 f->path);
		break;
	case SQLITE_READONLY:
	case SQLITE_PERM:
	case SQLITE_AUTH:
		say_errno(f, f->path, EACCES);
		break;
	case SQLITE_CANTOPEN:
	case SQLITE_IOERR:
		say_errno(f, f->path, error ? error : EIO);
		break;
	default:
		snprintf(f->why, sizeof f->why,
			 "usage: %.400s cannot be written: %s; what is used is kept in memory, and "
			 "it is "
			 "tried again",
			 f->path, sqlite3_errstr(code));
	}
	if (f->db && !sqlite3_get_autocommit(f->db))
		(void)sqlite3_exec(f->db, "ROLLBACK", NULL, NULL, NULL);
	/* What cannot be read or written is opened anew: it may be another file by then. */
	if ((code & 0xff) != SQLITE_BUSY && (code & 0xff) != SQLITE_LOCKED)
		close_db(f);
	return GH__LEDGER_FAILED;
}

enum gh__ledger_result gh__ledger_file_done(struct gh__ledger_file *f, int code)
{
	return code == SQLITE_OK || code == SQLITE_DONE || code == SQLITE_ROW
		       ? GH__LEDGER_OK
		       : gh__ledger_file_fail(f, code);
}

/* ---- opening ---- */

static int number_of(struct gh__ledger_file *f, const char *text, int *ret_number)
{
	sqlite3_stmt *s = NULL;
	int code = sqlite3_prepare_v2(f->db, text, -1, &s, NULL);

	if (code == SQLITE_OK)
		code = sqlite3_step(s);
	if (code == SQLITE_ROW)
		*ret_number = sqlite3_column_int(s, 0);
	sqlite3_finalize(s);
	return code == SQLITE_ROW || code == SQLITE_DONE ? SQLITE_OK : code;
}

static int run(struct gh__ledger_file *f, const char *text)
{
	return sqlite3_exec(f->db, text, NULL, NULL, NULL);
}

static int make_schema(struct gh__ledger_file *f)
{
	int version = 0, code = run(f, "BEGIN IMMEDIATE");

	/* Another process may have been faster. */
	if (code == SQLITE_OK)
		code = number_of(f, "PRAGMA user_version", &version);
	if (code == SQLITE_OK && version == 0)
		code = run(f, schema);
	return code == SQLITE_OK ? run(f, "COMMIT") : code;
}

static enum gh__ledger_result set_up(struct gh__ledger_file *f)
{
	int version = 0, code;

	sqlite3_busy_timeout(f->db, BUSY_MS);
	sqlite3_extended_result_codes(f->db, 1);
	code = number_of(f, "PRAGMA user_version", &version);
	if (code == SQLITE_OK && version > VERSION) {
		snprintf(f->why, sizeof f->why,
			 "usage: %.400s is of a newer gatehouse; what is used is kept in memory "
			 "until "
			 "that one runs again, or the file is moved away",
			 f->path);
		close_db(f);
		return GH__LEDGER_FAILED;
	}
	/* A commit costs no fsync, and what was committed outlives this process. */
	if (code == SQLITE_OK)
		code = run(f, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
			      "PRAGMA cache_size = -512; PRAGMA journal_size_limit = 16777216");
	if (code == SQLITE_OK && version == 0)
		code = make_schema(f);
	return gh__ledger_file_done(f, code);
}

/* With the mode that it shall have from the first moment on; SQLite gives it to what it makes beside. */
static int make_file(struct gh__ledger_file *f)
{
	if (gh_state_dir_make(gh_str(f->dir))) {
		say_errno(f, f->dir, errno);
		return -1;
	}
	int fd = open(f->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0) {
		say_errno(f, f->path, errno);
		return -1;
	}
	close(fd);
	return 0;
}

/* Somebody took the file away: what is open is nowhere. */
static bool is_another(const struct gh__ledger_file *f)
{
	struct stat st;

	return stat(f->path, &st) || st.st_dev != f->device || st.st_ino != f->inode;
}

enum gh__ledger_result gh__ledger_file_open(struct gh__ledger_file *f, enum gh__ledger_opening how)
{
	struct stat st;

	if (f->db && is_another(f))
		close_db(f);
	if (f->db)
		return GH__LEDGER_OK;
	if (stat(f->path, &st)) {
		bool none = errno == ENOENT || errno == ENOTDIR;
		/* A folder that is closed to us is told of by who has something to write. */
		if (how == GH__LEDGER_IF_THERE && (none || errno == EACCES))
			return GH__LEDGER_NONE;
		if (!none) {
			say_errno(f, f->path, errno);
			return GH__LEDGER_FAILED;
		}
		if (make_file(f) || stat(f->path, &st))
			return GH__LEDGER_FAILED;
	}
	if (!S_ISREG(st.st_mode)) {
		say_errno(f, f->path, S_ISDIR(st.st_mode) ? EISDIR : EINVAL);
		return GH__LEDGER_FAILED;
	}
	if (st.st_mode & 077 && chmod(f->path, 0600)) {
		say_errno(f, f->path, errno);
		return GH__LEDGER_FAILED;
	}
	int code = sqlite3_open_v2(
		f->path, &f->db,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
	f->device = st.st_dev;
	f->inode = st.st_ino;
	return code == SQLITE_OK ? set_up(f) : gh__ledger_file_fail(f, code);
}
