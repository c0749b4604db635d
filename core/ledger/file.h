/*
 * `usage.db`: the SQLite file that the ledger is kept in. Opened when it is first needed, and again where
 * somebody took it away; mode 0600. It may stand still for as long as a disk does, so never on a loop; one
 * thread at a time, which the ledger sees to.
 *
 * Every call that can fail tells why in `why`: one sentence with its mend, for the log.
 */
#ifndef GATEHOUSE_CORE_LEDGER_FILE_H
#define GATEHOUSE_CORE_LEDGER_FILE_H

#include <sys/types.h>

#include "core/ledger/queue.h"

struct sqlite3;
struct sqlite3_stmt;

enum { GH__LEDGER_STATEMENTS = 10, GH__LEDGER_SECRET = 64 /* bytes, at most */ };

/* A row's number begins with its time, in ms; that of the first that there can be at a time. */
enum { GH__LEDGER_ID_BITS = 10 };
static inline int64_t gh__ledger_first_id(int64_t at)
{
	return at < 0                                 ? 0
	       : at > INT64_MAX >> GH__LEDGER_ID_BITS ? INT64_MAX
						      : at << GH__LEDGER_ID_BITS;
}

struct gh__ledger_file {
	char *dir, *path;
	struct sqlite3 *db;                                     /* NULL: not open */
	struct sqlite3_stmt *statements[GH__LEDGER_STATEMENTS]; /* prepared ones */
	dev_t device;
	ino_t inode;   /* of what is open: another may have its name by now */
	unsigned next; /* of rows: tells those of one ms apart */
	char why[1200];
};

enum gh__ledger_result {
	GH__LEDGER_OK = 0,
	GH__LEDGER_MORE = 1,    /* there is more to do */
	GH__LEDGER_NONE = 2,    /* there is no such thing */
	GH__LEDGER_FAILED = -1, /* not now; nothing of a transaction is kept */
	GH__LEDGER_ASIDE = -2,  /* it was broken and is moved aside: once more, with a new one */
};

enum gh__ledger_opening {
	GH__LEDGER_MAKE,     /* the file and its folder, where they are not there */
	GH__LEDGER_IF_THERE, /* GH__LEDGER_NONE where it is not */
};

void gh__ledger_file_init(struct gh__ledger_file *f, struct gh_str dir);
void gh__ledger_file_finish(struct gh__ledger_file *f);
enum gh__ledger_result gh__ledger_file_open(struct gh__ledger_file *f, enum gh__ledger_opening how);

/* ---- with an open file ---- */

/* After a failure the transaction is over. */
enum gh__ledger_result gh__ledger_file_begin(struct gh__ledger_file *f);
enum gh__ledger_result gh__ledger_file_commit(struct gh__ledger_file *f);

enum gh__ledger_result gh__ledger_file_row(struct gh__ledger_file *f,
					   const struct gh__ledger_row *row, uint32_t requests);
enum gh__ledger_result gh__ledger_file_debt(struct gh__ledger_file *f, struct gh_str table,
					    const struct gh__ledger_owing *o);
enum gh__ledger_result
gh__ledger_file_debts(struct gh__ledger_file *f, struct gh_str table, int64_t now,
		      void (*each)(void *arg, const struct gh__ledger_debt *debt), void *arg);
enum gh__ledger_result gh__ledger_file_put_secret(struct gh__ledger_file *f, struct gh_str name,
						  const void *bytes, size_t size);
/* GH__LEDGER_NONE: none of that name and size. */
enum gh__ledger_result gh__ledger_file_secret(struct gh__ledger_file *f, struct gh_str name,
					      void *ret_bytes, size_t size);

/* A small step of deleting what came before `since`, and debts that are paid back. */
enum gh__ledger_result gh__ledger_file_sweep(struct gh__ledger_file *f, int64_t now, int64_t since);

/* ---- for its own files ---- */

/* Says why after an error of SQLite's, ends a transaction, and closes what has to be opened anew. */
enum gh__ledger_result gh__ledger_file_fail(struct gh__ledger_file *f, int code);
/* The same, where the code is one. */
enum gh__ledger_result gh__ledger_file_done(struct gh__ledger_file *f, int code);

/* The name of the file in its folder. */
#define GH__LEDGER_NAME "usage.db"

#endif
