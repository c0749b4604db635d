/* What becomes of a process, a disk or a file does not become of what was used: kill -9, a disk that is
 * full, a folder that cannot be written, another's lock, a file that is broken. */
#include "ledger_bench.h"

#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

enum { ROUNDS = 6 };

static void add_rows(struct gh__ledger *l, int count)
{
	struct gh__ledger_row row = row_of("somebody", "a-model-with-a-name");

	for (int i = 0; i < count; i++) {
		row.at++;
		row.duration_ms++;
		gh__ledger_add(l, &row);
	}
}

/* Until the first try has failed, as no row is taken out of memory then. */
static void await_trouble(struct gh__ledger *l, const struct folder *f)
{
	struct gh__ledger_stats stats;

	(void)f;
	/* Reading writes first what waits, on this thread: after it there was a try. */
	gh__ledger_read_debts(l, GH_STR("t"), NULL, NULL);
	gh__ledger_stats(l, &stats);
	assert_true(stats.pending > 0);
	assert_int_equal(stats.lost, 0);
}

/* ---- kill -9 ---- */

static void test_a_kill_loses_nothing_that_was_written_and_never_the_file(void **state)
{
	struct folder *f = *state;
	atomic_uint_least64_t *written = mmap(NULL, sizeof *written, PROT_READ | PROT_WRITE,
					      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint64_t safe = 0;

	assert_ptr_not_equal(written, MAP_FAILED);
	for (int round = 0; round < ROUNDS; round++) {
		atomic_store(written, 0);
		pid_t child = fork();
		assert_true(child >= 0);
		if (child == 0) {
			struct gh__ledger *l = open_ledger(f);
			struct gh__ledger_stats stats;
			for (;;) {
				/* Enough for a transaction of some length, which the kill may meet. */
				add_rows(l, 500);
				gh__ledger_stats(l, &stats);
				atomic_store(written, stats.written);
				pause_ms(20);
			}
		}
		while (!atomic_load(written))
			pause_ms(1);
		pause_ms(37 * round % 200);
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		safe += atomic_load(written);
		/* No repair is asked of anyone: it is opened and it is right. */
		assert_true(is_sound(f));
		assert_true((uint64_t)requests_in(f) >= safe);
		safe = (uint64_t)requests_in(f);
	}
	munmap(written, sizeof *written);
	/* The next process goes on with it. */
	struct gh__ledger *l = open_ledger(f);
	add_rows(l, 1);
	assert_int_equal(close_ledger(l), 0);
	assert_int_equal(requests_in(f), safe + 1);
}

/* ---- a disk that is full ---- */

static int fill_the_disk(const struct folder *f)
{
	struct rlimit size = { .rlim_cur = 128 << 10, .rlim_max = RLIM_INFINITY };
	struct gh__ledger_stats stats;
	struct gh__ledger *l = open_ledger(f);

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &size);
	size.rlim_cur = 128 << 10; /* no file may be larger: as with a disk that is full */
	if (setrlimit(RLIMIT_FSIZE, &size))
		return 2;
	add_rows(l, 20000);
	for (int ms = 0; ms < 1500; ms += 10) {
		gh__ledger_stats(l, &stats);
		if (stats.written)
			return 3;
		pause_ms(10);
	}
	if (stats.pending != 20000 || stats.lost)
		return 4;
	size.rlim_cur = size.rlim_max;
	setrlimit(RLIMIT_FSIZE, &size);
	for (int ms = 0; ms < PATIENCE_MS && stats.written != 20000; ms += 10) {
		gh__ledger_stats(l, &stats);
		pause_ms(10);
	}
	return close_ledger(l) == 0 && stats.written == 20000 ? 0 : 5;
}

static void test_with_a_full_disk_rows_wait_until_there_is_room(void **state)
{
	struct folder *f = *state;
	int status;
	pid_t child = fork();

	if (child == 0)
		_exit(fill_the_disk(f));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_int_equal(requests_in(f), 20000);
	assert_true(is_sound(f));
}

/* ---- a folder that is none ---- */

static void test_what_cannot_be_written_waits_and_is_written_when_it_can(void **state)
{
	struct folder *f = *state;
	struct gh__ledger *l = open_ledger(f);

	close(open(f->state, O_CREAT | O_WRONLY, 0600)); /* a file where the folder should be */
	add_rows(l, 10);
	await_trouble(l, f);
	unlink(f->state);
	await_written(l, 10);
	assert_int_equal(close_ledger(l), 0);
	assert_int_equal(requests_in(f), 10);
}

static void test_what_waits_is_bounded_and_the_rest_is_counted(void **state)
{
	struct folder *f = *state;
	struct gh__ledger *l = open_ledger(f);
	struct gh__ledger_stats stats;

	close(open(f->state, O_CREAT | O_WRONLY, 0600));
	add_rows(l, 1000);
	await_trouble(l, f);
	add_rows(l, GH__LEDGER_ROWS - 1000 + 7);
	gh__ledger_stats(l, &stats);
	assert_int_equal(stats.pending, GH__LEDGER_ROWS);
	assert_int_equal(stats.lost, 7);
	unlink(f->state);
	assert_int_equal(close_ledger(l), 0);
	assert_int_equal(requests_in(f), GH__LEDGER_ROWS);
}

static void test_a_stop_does_not_wait_for_ever(void **state)
{
	struct folder *f = *state;
	struct gh__ledger *l = open_ledger(f);
	struct timespec from, to;

	close(open(f->state, O_CREAT | O_WRONLY, 0600));
	add_rows(l, 10);
	clock_gettime(CLOCK_MONOTONIC, &from);
	assert_int_equal(gh__ledger_stop(l, 200), 10);
	clock_gettime(CLOCK_MONOTONIC, &to);
	assert_true(to.tv_sec - from.tv_sec < 15);
	gh__ledger_destroy(l);
}

/* ---- another's lock ---- */

static void test_while_another_has_the_file_rows_wait(void **state)
{
	struct folder *f = *state;
	struct gh__ledger *l = open_ledger(f);
	sqlite3 *other;

	add_rows(l, 1);
	await_written(l, 1);
	assert_int_equal(sqlite3_open(f->file, &other), SQLITE_OK);
	assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	add_rows(l, 5);
	await_trouble(l, f);
	assert_int_equal(sqlite3_exec(other, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(other);
	await_written(l, 6);
	assert_int_equal(close_ledger(l), 0);
	assert_int_equal(requests_in(f), 6);
}

/* ---- files that are broken, gone, or another's ---- */

static void write_file(const char *path, const char *bytes, size_t len)
{
	int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);

	assert_int_equal(write(fd, bytes, len), len);
	close(fd);
}

static void file_is(const char *path, const char *bytes, size_t len)
{
	char got[8192];
	int fd = open(path, O_RDONLY);

	assert_true(fd >= 0);
	assert_int_equal(read(fd, got, sizeof got), len);
	assert_memory_equal(got, bytes, len);
	close(fd);
}

static void test_a_file_that_is_broken_is_moved_aside(void **state)
{
	struct folder *f = *state;
	char junk[4096], aside[160];

	for (size_t i = 0; i < sizeof junk; i++)
		junk[i] = (char)(i * 7 + 1);
	mkdir(f->state, 0700);
	for (int n = 1; n <= 3; n++) {
		junk[0] = (char)n;
		write_file(f->file, junk, sizeof junk);
		struct gh__ledger *l = open_ledger(f);
		add_rows(l, n);
		assert_int_equal(close_ledger(l), 0);
		assert_int_equal(requests_in(f), n);
		assert_true(is_sound(f));
	}
	for (int n = 1; n <= 3; n++) {
		junk[0] = (char)n;
		snprintf(aside, sizeof aside, "%s.broken-%d", f->file, n);
		file_is(aside, junk, sizeof junk);
	}
}

/* Overwrites all but the first page, which tells what the file is. */
static void spoil(const char *path)
{
	char junk[4096];
	struct stat st;
	int fd = open(path, O_WRONLY);

	memset(junk, 0x5a, sizeof junk);
	assert_int_equal(fstat(fd, &st), 0);
	for (off_t at = sizeof junk; at < st.st_size; at += (off_t)sizeof junk)
		assert_int_equal(pwrite(fd, junk, sizeof junk, at), sizeof junk);
	close(fd);
}

static void test_a_file_that_breaks_inside_is_moved_aside_too(void **state)
{
	struct folder *f = *state;
	struct gh__ledger *l = open_ledger(f);
	char aside[160];
	struct stat st;

	add_rows(l, 2000);
	assert_int_equal(close_ledger(l), 0);
	spoil(f->file);
	l = open_ledger(f);
	add_rows(l, 3);
	assert_int_equal(close_ledger(l), 0);
	assert_int_equal(requests_in(f), 3);
	snprintf(aside, sizeof aside, "%s.broken-1", f->file);
	assert_int_equal(stat(aside, &st), 0);
	assert_true(st.st_size > 100000);
}

static void test_debts_and_secrets_survive_a_broken_file_as_new_ones(void **state)
{
	struct folder *f = *state;
	uint8_t a[16], b[16];

	mkdir(f->state, 0700);
	write_file(f->file, "this is no database, by no means at all", 39);
	struct gh__ledger *l = open_ledger(f);
	gh__ledger_secret(l, GH_STR("s"), a, sizeof a);
	gh__ledger_read_debts(l, GH_STR("t"), NULL, NULL);
	assert_int_equal(close_ledger(l), 0);
	l = open_ledger(f);
	gh__ledger_secret(l, GH_STR("s"), b, sizeof b);
	assert_memory_equal(a, b, sizeof a);
	assert_int_equal(close_ledger(l), 0);
}

static void test_a_file_that_was_taken_away_is_made_anew(void **state)
{
	struct folder *f = *state;
	struct gh__ledger *l = open_ledger(f);

	add_rows(l, 10);
	await_written(l, 10);
	empty(f->state);
	add_rows(l, 4);
	await_written(l, 14);
	assert_int_equal(close_ledger(l), 0);
	assert_int_equal(requests_in(f), 4);
}

static void test_a_file_of_a_newer_version_is_left_alone(void **state)
{
	struct folder *f = *state;
	struct gh__ledger *l = open_ledger(f);

	add_rows(l, 1);
	assert_int_equal(close_ledger(l), 0);
	assert_int_equal(ask_file(f->file, "PRAGMA user_version = 99"), -1);
	l = open_ledger(f);
	add_rows(l, 2);
	assert_int_equal(gh__ledger_stop(l, 100), 2);
	gh__ledger_destroy(l);
	assert_int_equal(requests_in(f), 1);
	assert_int_equal(ask_file(f->file, "PRAGMA user_version"), 99);
}

/* ---- old rows ---- */

static void test_old_rows_go_in_small_steps(void **state)
{
	struct folder *f = *state;
	struct gh__ledger *l = open_ledger(f);
	struct gh__ledger_file file;
	int steps = 1;

	add_rows(l, 1700); /* one a ms from this time on: */
	int64_t first = row_of("", "m").at + 1;
	struct gh__ledger_debt debt = { .table = GH_STR("t"), .owed = 1 };
	for (int i = 0; i < 3; i++) {
		debt.limit = (uint32_t)i;
		debt.until = 1000 * (i + 1);
		gh__ledger_put_debt(l, &debt);
	}
	assert_int_equal(close_ledger(l), 0);

	gh__ledger_file_init(&file, gh_str(f->state));
	assert_int_equal(gh__ledger_file_open(&file, GH__LEDGER_IF_THERE), GH__LEDGER_OK);
	while (gh__ledger_file_sweep(&file, 2000, first + 1600) == GH__LEDGER_MORE)
		steps++;
	gh__ledger_file_finish(&file);
	assert_int_equal(steps, 4);
	assert_int_equal(requests_in(f), 100);
	assert_int_equal(ask_file(f->file, "SELECT min(at) FROM request"), first + 1600);
	assert_int_equal(ask_file(f->file, "SELECT count(*) FROM debt"), 1);
	assert_int_equal(ask_file(f->file, "SELECT until FROM debt"), 3000);
}

int main(void)
{
#define FOLDER_TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, drop_folder)
	const struct CMUnitTest tests[] = {
		FOLDER_TEST(test_a_kill_loses_nothing_that_was_written_and_never_the_file),
		FOLDER_TEST(test_with_a_full_disk_rows_wait_until_there_is_room),
		FOLDER_TEST(test_what_cannot_be_written_waits_and_is_written_when_it_can),
		FOLDER_TEST(test_what_waits_is_bounded_and_the_rest_is_counted),
		FOLDER_TEST(test_a_stop_does_not_wait_for_ever),
		FOLDER_TEST(test_while_another_has_the_file_rows_wait),
		FOLDER_TEST(test_a_file_that_is_broken_is_moved_aside),
		FOLDER_TEST(test_a_file_that_breaks_inside_is_moved_aside_too),
		FOLDER_TEST(test_debts_and_secrets_survive_a_broken_file_as_new_ones),
		FOLDER_TEST(test_a_file_that_was_taken_away_is_made_anew),
		FOLDER_TEST(test_a_file_of_a_newer_version_is_left_alone),
		FOLDER_TEST(test_old_rows_go_in_small_steps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
