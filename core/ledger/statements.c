/* What is written into `usage.db` and read out of it, once it is open. */
#include <sqlite3.h>

#include "core/ledger/file.h"

enum {
	STEP = 500,           /* rows that a sweep deletes in one transaction */
	DEBTS_MOST = 1000000, /* in the file */
};

enum statement {
	ADD,
	OWE,
	FORGIVE,
	OWED,
	TELL,
	KEEP_SECRET,
	SWEEP_ROWS,
	SWEEP_DEBTS,
	COUNT_DEBTS,
	CROP_DEBTS,
	STATEMENTS,
};
_Static_assert((int)STATEMENTS == (int)GH__LEDGER_STATEMENTS, "one place each");

#define STEP_TEXT "500"
_Static_assert(STEP == 500, "as in the statements");

static const char *const texts[STATEMENTS] = {
	[ADD] = "INSERT INTO request VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
	[OWE] = "INSERT OR REPLACE INTO debt VALUES (?,?,?,?,?,?)",
	[FORGIVE] = "DELETE FROM debt WHERE tab = ? AND key = ? AND lim = ?",
	[OWED] = "SELECT key, lim, owed, seen, until FROM debt WHERE tab = ? AND until > ?",
	[TELL] = "SELECT value FROM secret WHERE name = ?",
	[KEEP_SECRET] = "INSERT OR REPLACE INTO secret VALUES (?,?)",
	[SWEEP_ROWS] = "DELETE FROM request WHERE id IN"
		       " (SELECT id FROM request WHERE id < ? ORDER BY id LIMIT " STEP_TEXT ")",
	[SWEEP_DEBTS] = "DELETE FROM debt WHERE (tab, key, lim) IN"
			" (SELECT tab, key, lim FROM debt WHERE until <= ? LIMIT " STEP_TEXT ")",
	[COUNT_DEBTS] = "SELECT count(*) FROM debt",
	[CROP_DEBTS] = "DELETE FROM debt WHERE (tab, key, lim) IN"
		       " (SELECT tab, key, lim FROM debt ORDER BY until LIMIT " STEP_TEXT ")",
};

/* A statement that is ready to be bound; NULL: see gh__ledger_file_fail(). */
static sqlite3_stmt *statement(struct gh__ledger_file *f, enum statement which, int *ret_code)
{
	sqlite3_stmt **s = f->statements + which;

	*ret_code = SQLITE_OK;
	if (!*s)
		*ret_code = sqlite3_prepare_v3(f->db, texts[which], -1, SQLITE_PREPARE_PERSISTENT,
					       s, NULL);
	return *s;
}

/* For what gives no rows. */
static enum gh__ledger_result finish(struct gh__ledger_file *f, sqlite3_stmt *s)
{
	int code = sqlite3_step(s);

	if (code != SQLITE_DONE && code != SQLITE_ROW)
		return gh__ledger_file_fail(f, code);
	sqlite3_reset(s);
	return GH__LEDGER_OK;
}

enum gh__ledger_result gh__ledger_file_begin(struct gh__ledger_file *f)
{
	return gh__ledger_file_done(f, sqlite3_exec(f->db, "BEGIN IMMEDIATE", NULL, NULL, NULL));
}

enum gh__ledger_result gh__ledger_file_commit(struct gh__ledger_file *f)
{
	return gh__ledger_file_done(f, sqlite3_exec(f->db, "COMMIT", NULL, NULL, NULL));
}

static void bind_text(sqlite3_stmt *s, int at, struct gh_str text)
{
	if (text.len)
		sqlite3_bind_text(s, at, text.at, (int)text.len, SQLITE_STATIC);
	else
		sqlite3_bind_null(s, at);
}

static void bind_known(sqlite3_stmt *s, int at, int64_t n)
{
	if (n >= 0)
		sqlite3_bind_int64(s, at, n);
	else
		sqlite3_bind_null(s, at);
}

enum gh__ledger_result gh__ledger_file_row(struct gh__ledger_file *f,
					   const struct gh__ledger_row *row, uint32_t requests)
{
	int code;
	sqlite3_stmt *s = statement(f, ADD, &code);

	if (!s)
		return gh__ledger_file_fail(f, code);
	bind_text(s, 2, row->caller);
	bind_text(s, 3, row->route);
	sqlite3_bind_text(s, 4, row->model.at, (int)row->model.len, SQLITE_STATIC);
	bind_text(s, 5, row->upstream);
	sqlite3_bind_int(s, 6, row->status);
	bind_known(s, 7, row->usage.input);
	bind_known(s, 8, row->usage.cached);
	bind_known(s, 9, row->usage.output);
	sqlite3_bind_int(s, 10, row->usage.estimated);
	sqlite3_bind_int64(s, 11, row->waited_ms);
	bind_known(s, 12, row->first_token_ms);
	sqlite3_bind_int64(s, 13, row->duration_ms);
	sqlite3_bind_int(s, 14, row->end);
	sqlite3_bind_int64(s, 15, requests);
	/* Those of one ms and another run of the process may have had the same number. */
	for (unsigned i = 0; i < 1 << GH__LEDGER_ID_BITS; i++) {
		sqlite3_bind_int64(s, 1,
				   gh__ledger_first_id(row->at) |
					   (f->next++ & ((1 << GH__LEDGER_ID_BITS) - 1)));
		code = sqlite3_step(s);
		sqlite3_reset(s);
		if ((code & 0xff) != SQLITE_CONSTRAINT)
			break;
	}
	return code == SQLITE_DONE ? GH__LEDGER_OK : gh__ledger_file_fail(f, code);
}

enum gh__ledger_result gh__ledger_file_debt(struct gh__ledger_file *f, struct gh_str table,
					    const struct gh__ledger_owing *o)
{
	int code;
	sqlite3_stmt *s = statement(f, o->owed > 0 ? OWE : FORGIVE, &code);

	if (!s)
		return gh__ledger_file_fail(f, code);
	sqlite3_bind_text(s, 1, table.at, (int)table.len, SQLITE_STATIC);
	sqlite3_bind_blob(s, 2, o->key, sizeof o->key, SQLITE_STATIC);
	sqlite3_bind_int64(s, 3, o->limit);
	if (o->owed > 0) {
		sqlite3_bind_int64(s, 4, o->owed);
		sqlite3_bind_int64(s, 5, o->seen);
		sqlite3_bind_int64(s, 6, o->until);
	}
	return finish(f, s);
}

enum gh__ledger_result
gh__ledger_file_debts(struct gh__ledger_file *f, struct gh_str table, int64_t now,
		      void (*each)(void *arg, const struct gh__ledger_debt *debt), void *arg)
{
	int code;
	sqlite3_stmt *s = statement(f, OWED, &code);

	if (!s)
		return gh__ledger_file_fail(f, code);
	sqlite3_bind_text(s, 1, table.at, (int)table.len, SQLITE_STATIC);
	sqlite3_bind_int64(s, 2, now);
	while ((code = sqlite3_step(s)) == SQLITE_ROW) {
		struct gh__ledger_debt debt = {
			.table = table,
			.limit = (uint32_t)sqlite3_column_int64(s, 1),
			.owed = sqlite3_column_int64(s, 2),
			.seen = sqlite3_column_int64(s, 3),
			.until = sqlite3_column_int64(s, 4),
		};
		const void *key = sqlite3_column_blob(s, 0);
		if (!key || sqlite3_column_bytes(s, 0) != sizeof debt.key || debt.owed <= 0)
			continue; /* not ours */
		memcpy(debt.key, key, sizeof debt.key);
		each(arg, &debt);
	}
	if (code != SQLITE_DONE)
		return gh__ledger_file_fail(f, code);
	sqlite3_reset(s);
	return GH__LEDGER_OK;
}

enum gh__ledger_result gh__ledger_file_put_secret(struct gh__ledger_file *f, struct gh_str name,
						  const void *bytes, size_t size)
{
	int code;
	sqlite3_stmt *s = statement(f, KEEP_SECRET, &code);

	if (!s)
		return gh__ledger_file_fail(f, code);
	sqlite3_bind_text(s, 1, name.at, (int)name.len, SQLITE_STATIC);
	sqlite3_bind_blob(s, 2, bytes, (int)size, SQLITE_STATIC);
	return finish(f, s);
}

enum gh__ledger_result gh__ledger_file_secret(struct gh__ledger_file *f, struct gh_str name,
					      void *ret_bytes, size_t size)
{
	enum gh__ledger_result result = GH__LEDGER_NONE;
	int code;
	sqlite3_stmt *s = statement(f, TELL, &code);

	if (!s)
		return gh__ledger_file_fail(f, code);
	sqlite3_bind_text(s, 1, name.at, (int)name.len, SQLITE_STATIC);
	code = sqlite3_step(s);
	if (code == SQLITE_ROW) {
		const void *value = sqlite3_column_blob(s, 0);
		if (value && (size_t)sqlite3_column_bytes(s, 0) == size) {
			memcpy(ret_bytes, value, size);
			result = GH__LEDGER_OK;
		}
	} else if (code != SQLITE_DONE) {
		return gh__ledger_file_fail(f, code);
	}
	sqlite3_reset(s);
	return result;
}

/* ---- sweeping ---- */

static enum gh__ledger_result delete_some(struct gh__ledger_file *f, enum statement which,
					  int64_t before)
{
	int code;
	sqlite3_stmt *s = statement(f, which, &code);

	if (!s)
		return gh__ledger_file_fail(f, code);
	if (sqlite3_bind_parameter_count(s))
		sqlite3_bind_int64(s, 1, before);
	enum gh__ledger_result result = finish(f, s);
	if (result)
		return result;
	return sqlite3_changes(f->db) >= STEP ? GH__LEDGER_MORE : GH__LEDGER_OK;
}

static enum gh__ledger_result crop_debts(struct gh__ledger_file *f)
{
	int code;
	sqlite3_stmt *s = statement(f, COUNT_DEBTS, &code);

	if (s)
		code = sqlite3_step(s);
	if (code != SQLITE_ROW)
		return gh__ledger_file_fail(f, code);
	int64_t count = sqlite3_column_int64(s, 0);
	sqlite3_reset(s);
	return count > DEBTS_MOST ? delete_some(f, CROP_DEBTS, 0) : GH__LEDGER_OK;
}

enum gh__ledger_result gh__ledger_file_sweep(struct gh__ledger_file *f, int64_t now, int64_t since)
{
	enum gh__ledger_result rows, debts, crop;

	rows = delete_some(f, SWEEP_ROWS, gh__ledger_first_id(since));
	if (rows < 0)
		return rows;
	debts = delete_some(f, SWEEP_DEBTS, now);
	if (debts < 0)
		return debts;
	crop = debts == GH__LEDGER_OK ? crop_debts(f) : GH__LEDGER_OK;
	if (crop < 0)
		return crop;
	return rows || debts || crop ? GH__LEDGER_MORE : GH__LEDGER_OK;
}
