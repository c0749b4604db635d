/* The ledger: what is put in comes out, whoever asks and whatever becomes of the process. */
#include "ledger_bench.h"

#include <pthread.h>

enum { MINUTE = 60000 };

/* ---- rows ---- */

static void text_is(sqlite3_stmt *s, int column, const char *expected)
{
	if (expected)
		assert_string_equal((const char *)sqlite3_column_text(s, column), expected);
	else
		assert_int_equal(sqlite3_column_type(s, column), SQLITE_NULL);
}

static void number_is(sqlite3_stmt *s, int column, int64_t expected)
{
	assert_int_equal(sqlite3_column_type(s, column), SQLITE_INTEGER);
	assert_int_equal(sqlite3_column_int64(s, column), expected);
}

static void test_a_row_is_kept_with_all_that_is_known(void **state)
{
	struct folder *f = *state;
	struct gh__ledger *l = open_ledger(f);
	struct gh__ledger_row a = {
		.at = 1790000000123,
		.caller = GH_STR("ann"),
		.route = GH_STR("/v1"),
		.model = GH_STR("qwen/qwen2.5-7b-instruct"),
		.upstream = GH_STR("studio"),
		.usage = { 1200, 1000, 345, true },
		.waited_ms = 17,
		.first_token_ms = 456,
		.duration_ms = 7890,
		.status = 200,
		.end = GH__LEDGER_CUT,
	};
	struct gh__ledger_row b = {
		.at = 1790000000124,
		.model = GH_STR("m"),
		.usage = { -1, -1, -1, false },
		.first_token_ms = -1,
		.duration_ms = 1,
		.end = GH__LEDGER_LEFT,
	};
	sqlite3 *db;
	sqlite3_stmt *s;

	gh__ledger_add(l, &a);
	gh__ledger_add(l, &b);
	assert_int_equal(close_ledger(l), 0);

	assert_int_equal(sqlite3_open(f->file, &db), SQLITE_OK);
	assert_int_equal(
		sqlite3_prepare_v2(
			db,
			"SELECT at, caller, route, model, upstream, status, input, cached, "
			"output, estimated, waited_ms, first_token_ms, duration_ms, ended "
			"FROM request ORDER BY at",
			-1, &s, NULL),
		SQLITE_OK);
	assert_int_equal(sqlite3_step(s), SQLITE_ROW);
	number_is(s, 0, 1790000000123);
	text_is(s, 1, "ann");
	text_is(s, 2, "/v1");
	text_is(s, 3, "qwen/qwen2.5-7b-instruct");
	text_is(s, 4, "studio");
	number_is(s, 5, 200);
	number_is(s, 6, 1200);
	number_is(s, 7, 1000);
	number_is(s, 8, 345);
	number_is(s, 9, 1);
	number_is(s, 10, 17);
	number_is(s, 11, 456);
	number_is(s, 12, 7890);
	number_is(s, 13, 1);
	assert_int_equal(sqlite3_step(s), SQLITE_ROW);
	text_is(s, 1, NULL);
	text_is(s, 2, NULL);
	text_is(s, 3, "m");
	text_is(s, 4, NULL);
	number_is(s, 5, 0);
	text_is(s, 6, NULL);
	text_is(s, 7, NULL);
	text_is(s, 8, NULL);
	number_is(s, 9, 0);
	text_is(s, 11, NULL);
	number_is(s, 13, 2);
	assert_int_equal(sqlite3_step(s), SQLITE_DONE);
	sqlite3_finalize(s);
	sqlite3_close(db);
}

static void test_the_file_is_made_when_there_is_something_to_write_and_is_its_owners(void **state)
{
	struct folder *f = *state;
	struct gh__ledger *l = open_ledger(f);
	struct gh__ledger_row row = row_of("ann", "m");
	char beside[160];
	struct stat st;

	assert_int_equal(stat(f->state, &st), -1);
	mode_t before = umask(0);
	gh__ledger_add(l, &row);
	await_written(l, 1);
	umask(before);
	assert_int_equal(stat(f->state, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(stat(f->file, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	snprintf(beside, sizeof beside, "%s-wal", f->file);
	assert_int_equal(stat(beside, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(close_ledger(l), 0);

	/* One that others could read by then is closed to them. */
	assert_int_equal(chmod(f->file, 0644), 0);
	l = open_ledger(f);
	gh__ledger_add(l, &row);
	assert_int_equal(close_ledger(l), 0);
	assert_int_equal(stat(f->file, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

static void ignore(void *arg, const struct gh__ledger_debt *debt)
{
	(void)arg;
	(void)debt;
}

static void test_reading_alone_makes_no_file(void **state)
{
	struct folder *f = *state;
	struct gh__ledger *l = open_ledger(f);
	struct stat st;

	gh__ledger_read_debts(l, GH_STR("t"), ignore, NULL);
	assert_int_equal(close_ledger(l), 0);
	assert_int_equal(stat(f->state, &st), -1);
}

static void test_one_that_was_not_opened_keeps_nothing(void **state)
{
	struct folder *f = *state;
	struct gh__ledger *l = gh__ledger_create();
	struct gh__ledger_row row = row_of("ann", "m");
	struct gh__ledger_stats stats;
	uint8_t a[16], b[16];
	struct stat st;

	gh__ledger_add(l, &row);
	gh__ledger_stats(l, &stats);
	assert_int_equal(stats.pending, 0);
	gh__ledger_secret(l, GH_STR("key"), a, sizeof a);
	gh__ledger_secret(l, GH_STR("key"), b, sizeof b);
	assert_memory_equal(a, b, sizeof a);
	gh__ledger_secret(l, GH_STR("another"), b, sizeof b);
	assert_memory_not_equal(a, b, sizeof a);
	assert_int_equal(close_ledger(l), 0);
	assert_int_equal(stat(f->state, &st), -1);
}

static void test_with_keep_0_no_row_is_taken(void **state)
{
	struct folder *f = *state;
	struct gh__ledger *l = open_ledger(f);
	struct gh__ledger_row row = row_of("ann", "m");
	struct gh__ledger_stats stats;

	gh__ledger_keep(l, 0);
	gh__ledger_add(l, &row);
	gh__ledger_stats(l, &stats);
	assert_int_equal(stats.pending + stats.lost + stats.written, 0);
	gh__ledger_keep(l, MINUTE);
	gh__ledger_add(l, &row);
	await_written(l, 1);
	close_ledger(l);
}

/* ---- many at once ---- */

enum { THREADS = 4, EACH = 5000 };

static void *add_many(void *arg)
{
	struct gh__ledger *l = arg;
	struct gh__ledger_debt debt = { .table = GH_STR("t"), .until = INT64_MAX };
	struct gh__ledger_row row = row_of("ann", "m");

	for (int i = 0; i < EACH; i++) {
		row.at++;
		gh__ledger_add(l, &row);
		debt.key[0] = (uint8_t)i;
		debt.owed = i + 1;
		gh__ledger_put_debt(l, &debt);
	}
	return NULL;
}

static void test_rows_of_many_threads_are_all_there(void **state)
{
	struct folder *f = *state;
	struct gh__ledger *l = open_ledger(f);
	pthread_t threads[THREADS];
	struct gh__ledger_stats stats;

	for (int i = 0; i < THREADS; i++)
		pthread_create(threads + i, NULL, add_many, l);
	/* The main thread reads meanwhile, and /metrics does. */
	for (int i = 0; i < 20; i++) {
		gh__ledger_read_debts(l, GH_STR("t"), ignore, NULL);
		gh__ledger_stats(l, &stats);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	await_written(l, THREADS * EACH);
	assert_int_equal(close_ledger(l), 0);
	assert_int_equal(requests_in(f), THREADS * EACH);
	assert_int_equal(ask_file(f->file, "SELECT count(*) FROM debt"), 256);
}

/* ---- debts ---- */

struct told {
	size_t count;
	int64_t owed[8], seen[8]; /* by key[0] */
};

static void note(void *arg, const struct gh__ledger_debt *debt)
{
	struct told *t = arg;

	assert_true(debt->key[0] < 8);
	assert_int_equal(debt->limit, debt->key[0] + 1);
	t->count++;
	t->owed[debt->key[0]] = debt->owed;
	t->seen[debt->key[0]] = debt->seen;
}

static void owe(struct gh__ledger *l, const char *table, uint8_t who, int64_t owed, int64_t until)
{
	struct gh__ledger_debt debt = { .table = gh_str(table),
					.key = { who },
					.limit = who + 1u,
					.owed = owed,
					.seen = 1000 + owed,
					.until = until };

	gh__ledger_put_debt(l, &debt);
}

static void test_debts_outlive_the_process_and_the_newest_counts(void **state)
{
	struct folder *f = *state;
	int64_t later = ((int64_t)time(NULL) + 3600) * 1000;
	struct gh__ledger *l = open_ledger(f);
	struct told t = { 0 };

	owe(l, "t", 0, 50, later);
	owe(l, "t", 1, 60, later);
	owe(l, "t", 2, 70, later);
	owe(l, "t", 3, 80, 1); /* paid back long ago */
	owe(l, "other", 0, 9, later);
	owe(l, "t", 0, 51, later);
	assert_int_equal(close_ledger(l), 0);

	l = open_ledger(f);
	owe(l, "t", 1, 61, later);
	owe(l, "t", 2, 0, later); /* paid back */
	gh__ledger_read_debts(l, GH_STR("t"), note, &t);
	assert_int_equal(t.count, 2);
	assert_int_equal(t.owed[0], 51);
	assert_int_equal(t.seen[0], 1051);
	assert_int_equal(t.owed[1], 61);
	assert_int_equal(close_ledger(l), 0);
}

static void test_debts_that_cannot_be_written_are_told_from_memory(void **state)
{
	struct folder *f = *state;
	int64_t later = ((int64_t)time(NULL) + 3600) * 1000;
	struct gh__ledger *l = open_ledger(f);
	struct told t = { 0 };

	close(open(f->state, O_CREAT | O_WRONLY, 0600)); /* a file where the folder should be */
	owe(l, "t", 0, 50, later);
	gh__ledger_read_debts(l, GH_STR("t"), note, &t);
	owe(l, "t", 0, 51, later);
	owe(l, "t", 1, 60, later);
	gh__ledger_read_debts(l, GH_STR("t"), note, &t);
	assert_int_equal(t.owed[0], 51);
	assert_int_equal(t.owed[1], 60);

	unlink(f->state);
	assert_int_equal(close_ledger(l), 0);
	memset(&t, 0, sizeof t);
	l = open_ledger(f);
	gh__ledger_read_debts(l, GH_STR("t"), note, &t);
	assert_int_equal(t.count, 2);
	assert_int_equal(t.owed[0], 51);
	assert_int_equal(close_ledger(l), 0);
}

static void test_secrets_are_the_same_after_a_restart(void **state)
{
	struct folder *f = *state;
	struct gh__ledger *l = open_ledger(f);
	uint8_t a[32], b[32], zero[32] = { 0 };

	gh__ledger_secret(l, GH_STR("budget"), a, sizeof a);
	assert_memory_not_equal(a, zero, sizeof a);
	assert_int_equal(close_ledger(l), 0);
	l = open_ledger(f);
	gh__ledger_secret(l, GH_STR("budget"), b, sizeof b);
	assert_memory_equal(a, b, sizeof a);
	assert_int_equal(close_ledger(l), 0);

	/* One that could not be kept at once is kept when it can be. */
	empty(f->state);
	close(open(f->state, O_CREAT | O_WRONLY, 0600));
	l = open_ledger(f);
	gh__ledger_secret(l, GH_STR("budget"), a, sizeof a);
	assert_memory_not_equal(a, b, sizeof a);
	unlink(f->state);
	assert_int_equal(close_ledger(l), 0);
	l = open_ledger(f);
	gh__ledger_secret(l, GH_STR("budget"), b, sizeof b);
	assert_memory_equal(a, b, sizeof a);
	assert_int_equal(close_ledger(l), 0);
}

int main(void)
{
#define FOLDER_TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, drop_folder)
	const struct CMUnitTest tests[] = {
		FOLDER_TEST(test_a_row_is_kept_with_all_that_is_known),
		FOLDER_TEST(
			test_the_file_is_made_when_there_is_something_to_write_and_is_its_owners),
		FOLDER_TEST(test_reading_alone_makes_no_file),
		FOLDER_TEST(test_one_that_was_not_opened_keeps_nothing),
		FOLDER_TEST(test_with_keep_0_no_row_is_taken),
		FOLDER_TEST(test_rows_of_many_threads_are_all_there),
		FOLDER_TEST(test_debts_outlive_the_process_and_the_newest_counts),
		FOLDER_TEST(test_debts_that_cannot_be_written_are_told_from_memory),
		FOLDER_TEST(test_secrets_are_the_same_after_a_restart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
