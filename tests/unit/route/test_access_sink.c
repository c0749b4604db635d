/* Where lines of the access log go: whole, rolled by size, and never waited for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <signal.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/route/access_line.h"
#include "core/route/access_sink.h"

struct place {
	char dir[64], log[96];
	struct gh__access_sink *sink;
	int out; /* the real stdout */
};

static int begin(void **state)
{
	struct place *p = calloc(1, sizeof *p);

	snprintf(p->dir, sizeof p->dir, "/tmp/gh-sink-XXXXXX");
	if (!mkdtemp(p->dir))
		return -1;
	snprintf(p->log, sizeof p->log, "%s/access.log", p->dir);
	p->sink = gh__access_sink_create();
	fflush(stdout);
	p->out = dup(STDOUT_FILENO);
	*state = p;
	return 0;
}

static int end(void **state)
{
	struct place *p = *state;
	char command[128];

	dup2(p->out, STDOUT_FILENO);
	close(p->out);
	gh__access_sink_destroy(p->sink);
	snprintf(command, sizeof command, "rm -rf '%s'", p->dir);
	int failed = system(command);
	free(p);
	return failed;
}

static void use(struct place *p, const char *to, int64_t roll_size, int64_t keep)
{
	struct gh__access_log_config c = { .to = gh_str(to),
					   .roll_size = { roll_size },
					   .keep = keep };

	gh__access_sink_use(p->sink, &c);
}

static void put(struct place *p, const char *lines)
{
	gh__access_sink_write(p->sink, lines, strlen(lines));
}

/* NULL: there is none. Lives until the next call. */
static const char *read_all(const char *path)
{
	static char text[1 << 20];
	FILE *f = fopen(path, "r");

	if (!f)
		return NULL;
	text[fread(text, 1, sizeof text - 1, f)] = 0;
	fclose(f);
	return text;
}

static void assert_file(const struct place *p, const char *suffix, const char *want)
{
	char path[128];

	snprintf(path, sizeof path, "%s%s", p->log, suffix);
	const char *got = read_all(path);
	if (!want) {
		assert_null(got);
		return;
	}
	assert_non_null(got);
	assert_string_equal(got, want);
}

static void off_writes_nothing(void **state)
{
	struct place *p = *state;

	assert_int_equal(gh__access_sink_form(p->sink), GH__ACCESS_OFF);
	use(p, p->log, 0, 0);
	assert_int_equal(gh__access_sink_form(p->sink), GH__ACCESS_JSON);
	use(p, "off", 0, 0);
	assert_int_equal(gh__access_sink_form(p->sink), GH__ACCESS_OFF);
	put(p, "one\n");
	assert_file(p, "", "");
	assert_int_equal(gh__access_sink_lost(p->sink), 1);
}

static void a_file_is_appended_to(void **state)
{
	struct place *p = *state;

	use(p, p->log, 0, 0);
	put(p, "one\ntwo\n");
	use(p, "off", 0, 0);
	use(p, p->log, 0, 0);
	put(p, "three\n");
	assert_file(p, "", "one\ntwo\nthree\n");
	struct stat st;
	assert_int_equal(stat(p->log, &st), 0);
	assert_int_equal(st.st_mode & 0137, 0); /* no other may read it */
	assert_int_equal(gh__access_sink_lost(p->sink), 0);
}

static void it_rolls_between_lines_and_keeps_so_many(void **state)
{
	struct place *p = *state;

	use(p, p->log, 10, 2);
	put(p, "1234\n5678\n"); /* ten bytes: just full */
	assert_file(p, ".1", NULL);
	put(p, "a\nb\nc\nd\ne\nf\n"); /* five lines fit */
	assert_file(p, "", "f\n");
	assert_file(p, ".1", "a\nb\nc\nd\ne\n");
	assert_file(p, ".2", "1234\n5678\n");
	put(p, "longer than ten bytes\n");
	assert_file(p, "", "longer than ten bytes\n");
	assert_file(p, ".1", "f\n");
	assert_file(p, ".2", "a\nb\nc\nd\ne\n");
	assert_file(p, ".3", NULL);
}

static void a_smaller_keep_removes_the_rest(void **state)
{
	struct place *p = *state;

	use(p, p->log, 2, 3);
	put(p, "1\n2\n3\n4\n");
	assert_file(p, ".3", "1\n");
	use(p, p->log, 2, 1);
	put(p, "5\n");
	assert_file(p, "", "5\n");
	assert_file(p, ".1", "4\n");
	assert_file(p, ".2", NULL);
	assert_file(p, ".3", NULL);
	use(p, p->log, 2, 0);
	put(p, "6\n");
	assert_file(p, "", "6\n");
	assert_file(p, ".1", NULL);
}

static void what_is_there_counts_and_what_was_emptied_does_not(void **state)
{
	struct place *p = *state;

	use(p, p->log, 10, 1);
	put(p, "12345678\n");
	use(p, "off", 0, 0);
	use(p, p->log, 10, 1);
	put(p, "a\n");
	assert_file(p, ".1", "12345678\n");
	put(p, "b\nc\nd\n");
	assert_int_equal(truncate(p->log, 0), 0); /* as logrotate's copytruncate does */
	put(p, "e\nf\ng\n");
	assert_file(p, "", "e\nf\ng\n");
	assert_file(p, ".1", "12345678\n");
}

static void it_opens_again(void **state)
{
	struct place *p = *state;
	char moved[128];

	snprintf(moved, sizeof moved, "%s.moved", p->log);
	use(p, p->log, 0, 0);
	put(p, "one\n");
	assert_int_equal(rename(p->log, moved), 0);
	put(p, "two\n");
	gh__access_sink_reopen(p->sink);
	put(p, "three\n");
	assert_file(p, "", "three\n");
	assert_file(p, ".moved", "one\ntwo\n");
}

static void a_file_that_cannot_be_opened_loses_lines_until_it_can(void **state)
{
	struct place *p = *state;
	char path[128];

	snprintf(path, sizeof path, "%s/none/access.log", p->dir);
	use(p, path, 0, 0);
	put(p, "one\ntwo\n");
	assert_int_equal(gh__access_sink_lost(p->sink), 2);
	snprintf(path, sizeof path, "%s/none", p->dir);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof path, "%s/none/access.log", p->dir);
	gh__access_sink_reopen(p->sink);
	put(p, "three\n");
	assert_string_equal(read_all(path), "three\n");
	assert_int_equal(gh__access_sink_lost(p->sink), 2);
}

static void a_full_disk_is_counted(void **state)
{
	struct place *p = *state;

	if (access("/dev/full", W_OK))
		skip();
	use(p, "/dev/full", 100, 1);
	put(p, "one\n");
	put(p, "two\nthree\n");
	assert_int_equal(gh__access_sink_lost(p->sink), 3);
}

/* Fills a stdout that nobody reads, then reads: every line that is not counted is there, whole. */
static void fill_and_read(struct place *p, int reader)
{
	char line[1003], got[sizeof line], batch[7 * (sizeof line - 1) + 1] = "";
	unsigned written = 0;

	use(p, "stdout", 0, 0);
	memset(line, 'x', sizeof line);
	line[sizeof line - 2] = '\n';
	line[sizeof line - 1] = 0;
	/* More than a pipe takes whole, so that a write ends within a line. */
	for (size_t i = 0; i < 7; i++)
		memcpy(batch + i * (sizeof line - 1), line, sizeof line);
	for (; written < 7000; written += 7)
		put(p, batch); /* would wait for ever if it waited */
	uint64_t lost = gh__access_sink_lost(p->sink);
	assert_in_range(lost, 1, written - 1);

	uint64_t seen = 0;
	size_t have = 0;
	fcntl(reader, F_SETFL, O_NONBLOCK);
	for (;;) {
		ssize_t n = read(reader, got + have, sizeof line - 1 - have);
		if (n <= 0) {
			if (have == 0)
				break;
			put(p, line); /* what it still holds of a line goes first */
			written++;
			continue;
		}
		have += (size_t)n;
		if (have == sizeof line - 1) {
			assert_memory_equal(got, line, sizeof line - 1);
			have = 0;
			seen++;
		}
	}
	assert_int_equal(seen, written - gh__access_sink_lost(p->sink));
}

static void a_pipe_that_nobody_reads_holds_nothing_up(void **state)
{
	struct place *p = *state;
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	/* One page: less than a batch. */
	assert_true(fcntl(fds[1], F_SETPIPE_SZ, 4096) >= 4096);
	dup2(fds[1], STDOUT_FILENO);
	close(fds[1]);
	fill_and_read(p, fds[0]);
	/* The flags of what is shared with others stay as they were. */
	assert_int_equal(fcntl(STDOUT_FILENO, F_GETFL) & O_NONBLOCK, 0);
	close(fds[0]);
}

static void a_socket_that_nobody_reads_holds_nothing_up(void **state)
{
	struct place *p = *state;
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	dup2(fds[1], STDOUT_FILENO);
	close(fds[1]);
	fill_and_read(p, fds[0]);
	close(fds[0]);
}

/* ---- many workers ---- */

enum { THREADS = 4, BATCHES = 300, LINES = 5 };

struct writer {
	struct place *place;
	int number;
};

static void *write_many(void *arg)
{
	const struct writer *w = arg;
	char lines[LINES * 32];

	for (int batch = 0; batch < BATCHES; batch++) {
		size_t at = 0;
		for (int i = 0; i < LINES; i++)
			at += (size_t)sprintf(lines + at, "[%d %04d]\n", w->number,
					      batch * LINES + i);
		gh__access_sink_write(w->place->sink, lines, at);
	}
	return NULL;
}

static void lines_of_many_threads_stay_whole_over_rolls(void **state)
{
	struct place *p = *state;
	static bool seen[THREADS][BATCHES * LINES];
	pthread_t ids[THREADS];
	struct writer writers[THREADS];
	char path[128];

	memset(seen, 0, sizeof seen);
	use(p, p->log, 1000, 1000);
	for (int i = 0; i < THREADS; i++) {
		writers[i] = (struct writer){ p, i };
		assert_int_equal(pthread_create(ids + i, NULL, write_many, writers + i), 0);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(ids[i], NULL);
	for (int file = 0; file <= 1000; file++) {
		snprintf(path, sizeof path, file ? "%s.%d" : "%s", p->log, file);
		const char *text = read_all(path);
		if (!text)
			break;
		assert_in_range(strlen(text), 1, 1000);
		for (; *text; text += 9) {
			int thread, number;
			assert_int_equal(sscanf(text, "[%1d %4d]\n", &thread, &number), 2);
			assert_int_equal(text[8], '\n');
			assert_false(seen[thread][number]);
			seen[thread][number] = true;
		}
	}
	for (int i = 0; i < THREADS; i++)
		for (int n = 0; n < BATCHES * LINES; n++)
			assert_true(seen[i][n]);
	assert_int_equal(gh__access_sink_lost(p->sink), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(off_writes_nothing),
		TEST(a_file_is_appended_to),
		TEST(it_rolls_between_lines_and_keeps_so_many),
		TEST(a_smaller_keep_removes_the_rest),
		TEST(what_is_there_counts_and_what_was_emptied_does_not),
		TEST(it_opens_again),
		TEST(a_file_that_cannot_be_opened_loses_lines_until_it_can),
		TEST(a_full_disk_is_counted),
		TEST(a_pipe_that_nobody_reads_holds_nothing_up),
		TEST(a_socket_that_nobody_reads_holds_nothing_up),
		TEST(lines_of_many_threads_stay_whole_over_rolls),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
