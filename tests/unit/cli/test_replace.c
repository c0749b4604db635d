/* A file that takes another's place: whole, with its mode, where a link leads, one after another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/cli/replace.h"

static char folder[] = "/tmp/gatehouse-replace-XXXXXX";

static int enter(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/gatehouse-replace-XXXXXX");
	return mkdtemp(folder) && chdir(folder) == 0 ? 0 : -1;
}

static int leave(void **state)
{
	static const char *const files[] = { "f", "l", "d/f", "d" };

	(void)state;
	for (size_t i = 0; i < GH_COUNT_OF(files); i++)
		remove(files[i]);
	/* Nothing else is left behind. */
	return chdir("/") == 0 && rmdir(folder) == 0 ? 0 : -1;
}

static void put(const char *path, const char *text, mode_t mode)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	chmod(path, mode);
}

static void assert_text(const char *path, const char *expected)
{
	char text[200] = "";
	int fd = open(path, O_RDONLY);

	assert_true(fd >= 0);
	assert_true(read(fd, text, sizeof(text) - 1) >= 0);
	close(fd);
	assert_string_equal(text, expected);
}

static mode_t mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(lstat(path, &st), 0);
	return st.st_mode;
}

static int replace(const char *path, const char *text, char why[GH__REPLACE_WHY])
{
	struct gh__replace r;
	int rc = gh__replace_open(&r, path, GH__MISSING_IS_EMPTY, why);

	if (rc == 0)
		rc = gh__replace_put(&r, gh_str(text), why);
	gh__replace_close(&r);
	return rc;
}

static void the_new_bytes_have_the_old_mode(void **state)
{
	(void)state;
	static const mode_t modes[] = { 0600, 0640, 0400, 0660, 0644 };
	char why[GH__REPLACE_WHY];

	for (size_t i = 0; i < GH_COUNT_OF(modes); i++) {
		remove("f");
		put("f", "old\n", modes[i]);
		assert_int_equal(replace("f", "new\n", why), 0);
		assert_text("f", "new\n");
		assert_int_equal(mode_of("f") & 07777, modes[i]);
	}
}

static void a_new_file_is_for_its_owner_alone(void **state)
{
	(void)state;
	char why[GH__REPLACE_WHY];
	struct gh__replace r;

	assert_int_equal(replace("f", "new\n", why), 0);
	assert_text("f", "new\n");
	assert_int_equal(mode_of("f") & 07777, 0600);
	remove("f");
	assert_int_equal(gh__replace_open(&r, "f", GH__MISSING_IS_WRONG, why), -1);
	assert_string_equal(why, "f: No such file or directory");
	gh__replace_close(&r);
}

static void a_link_stays_and_its_target_changes(void **state)
{
	(void)state;
	char why[GH__REPLACE_WHY];

	assert_int_equal(mkdir("d", 0700), 0);
	put("d/f", "old\n", 0640);
	assert_int_equal(symlink("d/f", "l"), 0);
	assert_int_equal(replace("l", "new\n", why), 0);
	assert_true(S_ISLNK(mode_of("l")));
	assert_text("d/f", "new\n");
	assert_int_equal(mode_of("d/f") & 07777, 0640);
}

static void what_was_changed_meanwhile_is_not_overwritten(void **state)
{
	(void)state;
	char why[GH__REPLACE_WHY];
	struct gh__replace r;

	put("f", "old\n", 0600);
	assert_int_equal(gh__replace_open(&r, "f", GH__MISSING_IS_WRONG, why), 0);
	assert_true(gh_str_is(r.bytes, "old\n"));
	put("f", "by an editor\n", 0600);
	assert_int_equal(gh__replace_put(&r, GH_STR("new\n"), why), -1);
	assert_non_null(strstr(why, "somebody else has changed it"));
	gh__replace_close(&r);
	assert_text("f", "by an editor\n");
}

static void what_is_no_file_is_refused(void **state)
{
	(void)state;
	char why[GH__REPLACE_WHY];

	assert_int_equal(mkdir("d", 0700), 0);
	assert_int_equal(replace("d", "new\n", why), -1);
	assert_non_null(strstr(why, "d: this is no file"));
	assert_int_equal(mkfifo("f", 0600), 0);
	assert_int_equal(replace("f", "new\n", why), -1); /* and nobody waits for a writer */
	assert_int_equal(replace("nowhere/f", "new\n", why), -1);
	assert_non_null(strstr(why, "nowhere/f: no file can be made beside it"));
}

/* ---- One after another ---- */

enum { WRITERS = 8, EACH = 10 };

static void *append(void *arg)
{
	(void)arg;
	for (int i = 0; i < EACH; i++) {
		char why[GH__REPLACE_WHY], text[WRITERS * EACH + 1];
		struct gh__replace r;

		if (gh__replace_open(&r, "f", GH__MISSING_IS_WRONG, why) ||
		    r.bytes.len >= sizeof(text))
			abort();
		memcpy(text, r.bytes.at, r.bytes.len);
		text[r.bytes.len] = 'x';
		if (gh__replace_put(&r, (struct gh_str){ text, r.bytes.len + 1 }, why))
			abort();
		gh__replace_close(&r);
	}
	return NULL;
}

static void many_at_once_lose_nothing(void **state)
{
	(void)state;
	pthread_t threads[WRITERS];
	struct stat st;

	put("f", "", 0600);
	for (int i = 0; i < WRITERS; i++)
		assert_int_equal(pthread_create(threads + i, NULL, append, NULL), 0);
	for (int i = 0; i < WRITERS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(stat("f", &st), 0);
	assert_int_equal(st.st_size, WRITERS * EACH);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, enter, leave)
	const struct CMUnitTest tests[] = {
		TEST(the_new_bytes_have_the_old_mode),
		TEST(a_new_file_is_for_its_owner_alone),
		TEST(a_link_stays_and_its_target_changes),
		TEST(what_was_changed_meanwhile_is_not_overwritten),
		TEST(what_is_no_file_is_refused),
		TEST(many_at_once_lose_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
