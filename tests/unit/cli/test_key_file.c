/* gatehouse key new, list and revoke on files, without a gateway that runs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/cli/commands.h"
#include "core/cli/key.h"

static char folder[] = "/tmp/gatehouse-key-XXXXXX";
static char out[4000], err[4000];

static int enter(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/gatehouse-key-XXXXXX");
	return mkdtemp(folder) && chdir(folder) == 0 ? 0 : -1;
}

static int leave(void **state)
{
	static const char *const files[] = { "c.yaml", "d.yaml", "gateway.yaml", "other.yaml" };

	(void)state;
	for (size_t i = 0; i < GH_COUNT_OF(files); i++)
		remove(files[i]);
	return chdir("/") == 0 && rmdir(folder) == 0 ? 0 : -1;
}

static void take(int from, int to, char *text, size_t size)
{
	ssize_t got = pread(from, text, size - 1, 0);

	text[got > 0 ? got : 0] = 0;
	close(from);
	close(to);
}

/* `gatehouse key …` with these words, its stdout in `out` and its stderr in `err`. */
static int run(const char *const *words)
{
	char *argv[20] = { strdup("key") };
	int argc = 1, fds[2] = { memfd_create("out", 0), memfd_create("err", 0) };
	int old[2] = { dup(STDOUT_FILENO), dup(STDERR_FILENO) };

	for (; words[argc - 1]; argc++)
		argv[argc] = strdup(words[argc - 1]);
	fflush(NULL);
	dup2(fds[0], STDOUT_FILENO);
	dup2(fds[1], STDERR_FILENO);

	int code = gh__cli_key(argc, argv);

	fflush(NULL);
	dup2(old[0], STDOUT_FILENO);
	dup2(old[1], STDERR_FILENO);
	take(fds[0], old[0], out, sizeof(out));
	take(fds[1], old[1], err, sizeof(err));
	for (int i = 0; i < argc; i++)
		free(argv[i]);
	return code;
}

#define RUN(...) run((const char *const[]){ __VA_ARGS__, NULL })

static void put(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static const char *text_of(const char *path)
{
	static char text[4000];
	FILE *file = fopen(path, "r");

	assert_non_null(file);
	text[fread(text, 1, sizeof(text) - 1, file)] = 0;
	fclose(file);
	return text;
}

static void assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("no '%s' in '%s'", part, text);
}

/* A day that is far enough from now. */
static const char *day_in(int days)
{
	static char text[16];
	time_t at = time(NULL) + (time_t)days * 86400;
	struct tm tm;

	gmtime_r(&at, &tm);
	strftime(text, sizeof(text), "%Y-%m-%d", &tm);
	return text;
}

#define CONFIG(credentials) \
	"listen: 127.0.0.1:0\nadmin: { address: 'off' }\nroutes:\n  - handle:\n      - " \
	"basic-auth: { " \
	"credentials: " credentials " }\n      - respond: { status: 200 }\n"

static void the_key_is_printed_once_and_its_digest_kept(void **state)
{
	(void)state;
	char key[100], line[200], digest[GH__KEY_DIGEST_LEN + 1];

	assert_int_equal(RUN("new", "phone", "--to", "c.yaml"), 0);
	assert_int_equal(sscanf(out, "key:  %99s", key), 1);
	assert_int_equal(strlen(key), GH__KEY_LEN);
	assert_int_equal(strlen(out), strlen("key:  \n") + GH__KEY_LEN);
	assert_null(strstr(err, key));
	assert_int_equal(sscanf(text_of("c.yaml"), "keys:\n  phone: \"%71[^\"]\"", digest), 1);
	snprintf(line, sizeof(line), "keys:\n  phone: \"%s\"\n", digest);
	assert_string_equal(text_of("c.yaml"), line);
	assert_null(strstr(text_of("c.yaml"), key));

	struct stat st;

	assert_int_equal(stat("c.yaml", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

static void the_config_here_names_the_file(void **state)
{
	(void)state;
	put("gateway.yaml", CONFIG("c.yaml"));
	put("c.yaml", "# mine\n");
	assert_int_equal(RUN("new", "phone"), 0);
	assert_has(text_of("c.yaml"), "# mine\nkeys:\n  phone: \"sha256:");
	put("other.yaml", CONFIG("d.yaml"));
	assert_int_equal(RUN("new", "pad", "--config", "other.yaml"), 0);
	assert_has(text_of("d.yaml"), "keys:\n  pad: \"sha256:");
	assert_int_equal(RUN("list"), 0);
	assert_has(out, "phone");
	assert_null(strstr(out, "pad"));
	assert_int_equal(RUN("revoke", "phone"), 0);
	assert_has(out, "the key 'phone' is out of c.yaml");
	assert_string_equal(text_of("c.yaml"), "# mine\nkeys:\n");
}

static void without_a_file_the_lines_are_printed(void **state)
{
	(void)state;
	put("gateway.yaml", "routes:\n  - handle:\n      - basic-auth: { keys: { a: x } }\n");
	assert_int_equal(RUN("new", "phone"), 0);
	assert_has(out, "\nkeep:   phone: \"sha256:");
	assert_int_equal(RUN("new", "phone", "--models", "m"), 0);
	assert_has(out, "\nkeep:\n  phone:\n    key: \"sha256:");
	assert_has(out, "\n    models: [m]\n");
	assert_has(err, "what stands in gateway.yaml itself cannot be bound");
	/* Who named a config wanted the key in it. */
	assert_int_equal(RUN("new", "phone", "--config", "gateway.yaml"), 1);
	assert_has(err, "names no credentials file");
	assert_string_equal(out, "");
}

static void what_a_key_is_bound_to_is_written(void **state)
{
	(void)state;
	char expected[600];

	assert_int_equal(RUN("new", "phone", "--to", "c.yaml", "--models",
			     "local-llm, org/a.b:8b,ä", "--expires", "30d", "--priority=high",
			     "--limit", "requests: 30, tokens: 100k, window: 1m", "--limit",
			     "{ window: 1d,tokens:2M }"),
			 0);
	snprintf(expected, sizeof(expected),
		 "    models: [local-llm, \"org/a.b:8b\", \"ä\"]\n    expires: %s\n    priority: "
		 "high\n    limits:\n      - { requests: 30, tokens: 100k, window: 1m }\n      - { "
		 "tokens: 2M, window: 1d }\n",
		 day_in(30));
	assert_has(text_of("c.yaml"), expected);
	assert_int_equal(RUN("new", "pad", "--to", "c.yaml", "--expires", day_in(2)), 0);
	assert_int_equal(RUN("new", "pod", "--to", "c.yaml", "--expires", "90m"), 0);

	/* What was written here is what basic-auth reads. */
	char config[400];

	snprintf(config, sizeof(config), CONFIG("%s/c.yaml"), folder);
	put("gateway.yaml", config);

	char name[] = "validate", *argv[] = { name, NULL };

	assert_int_equal(gh__cli_validate(1, argv), 0);
}

static void what_cannot_be_bound_is_told_and_nothing_is_made(void **state)
{
	(void)state;
	static const char *const bad[][3] = {
		{ "--models", "", "--models needs a value" },
		{ "--models", "a,,b", "--models: the name of a model has 1 to 255" },
		{ "--models", "a,", "--models: the name of a model has 1 to 255" },
		{ "--models", "a,*", "--models: names are compared whole" },
		{ "--models", "a,b,a", "--models: one of them is there twice" },
		{ "--models", "a\tb\x01", "--models: a name has a control byte" },
		{ "--expires", "soon", "--expires: a time such as 30d" },
		{ "--expires", "2027-02-29", "--expires: a time such as 30d" },
		{ "--expires", "2027-1-1", "--expires: a time such as 30d" },
		{ "--expires", "2020-01-31", "--expires: that is over already" },
		{ "--expires", "0s", "--expires: a time from 1s" },
		{ "--priority", "urgent", "--priority: it is low, normal or high" },
		{ "--limit", "tokens: 5", "--limit: write it as" },
		{ "--limit", "window: 1m", "--limit: write it as" },
		{ "--limit", "tokens: 5, window: 1m, tokens: 6", "--limit: write it as" },
		{ "--limit", "tokens: many, window: 1m", "--limit: write it as" },
		{ "--limit", "tokens: 5, window: 1", "--limit: write it as" },
		{ "--limit", "tokens: 5, window: 367d", "--limit: write it as" },
		{ "--limit", "requests: 0, window: 1m", "--limit: write it as" },
		{ "--limit", "tokens: 5, window: 1m, burst: 5", "--limit: write it as" },
		{ "--nonsense", "x", "'--nonsense' is not understood" },
		{ "--cut", "x", "'--cut' is not understood" },
		{ "--config", "x", "say --to or --config, not both" },
	};

	for (size_t i = 0; i < GH_COUNT_OF(bad); i++) {
		assert_int_equal(RUN("new", "a", "--to", "c.yaml", bad[i][0], bad[i][1]), 2);
		assert_has(err, bad[i][2]);
		assert_string_equal(out, "");
		assert_int_not_equal(access("c.yaml", F_OK), 0);
	}
}

static void names_are_refused_that_are_there(void **state)
{
	(void)state;
	static const char text[] = "users:\n  anna: x\nkeys: { phone: y }\n";

	put("c.yaml", text);
	assert_int_equal(RUN("new", "phone", "--to", "c.yaml"), 1);
	assert_has(err, "c.yaml:3: there is a key 'phone' already");
	assert_int_equal(RUN("new", "anna", "--to", "c.yaml"), 1);
	assert_has(err, "c.yaml:2: there is a user 'anna' already");
	assert_string_equal(out, "");
	assert_string_equal(text_of("c.yaml"), text);
}

static void revoke_takes_the_key_and_the_user_of_all_files(void **state)
{
	(void)state;
	put("gateway.yaml",
	    "listen: 127.0.0.1:0\nadmin: { address: 'off' }\nroutes:\n  - match: /d\n    handle:\n "
	    "     - "
	    "basic-auth: { credentials: d.yaml }\n      - respond: { status: 200 }\n  - handle:\n  "
	    "    - "
	    "basic-auth: { credentials: c.yaml }\n      - respond: { status: 200 }\n");
	put("c.yaml", "users:\n  a: x\n  b: y\nkeys:\n  a: z\n");
	put("d.yaml", "keys: { a: x, c: z }\n");
	assert_int_equal(RUN("new", "n"), 1);
	assert_has(err, "names more than one credentials file");
	assert_int_equal(RUN("revoke", "a"), 0);
	assert_string_equal(text_of("c.yaml"), "users:\n  b: y\nkeys:\n");
	assert_string_equal(text_of("d.yaml"), "keys: { c: z }\n");
	assert_has(out, "the user 'a' is out of c.yaml");
	assert_has(out, "the key 'a' is out of d.yaml");
	assert_has(out, "no gateway answers");
	assert_int_equal(RUN("revoke", "a"), 1);
	assert_has(err, "there is no key or user 'a'");
}

static void what_stands_in_the_config_is_told_with_its_line(void **state)
{
	(void)state;
	put("gateway.yaml",
	    "routes:\n  - handle:\n      - basic-auth:\n          credentials: c.yaml\n"
	    "          users:\n            anna: \"${env:ANNA}\"\n"
	    "          keys: { laptop: x }\n");
	put("c.yaml", "keys:\n  laptop: y\n");
	assert_int_equal(RUN("revoke", "anna"), 1);
	assert_has(err, "gateway.yaml:6: the user 'anna' stands in the config itself; take it out");
	assert_int_equal(RUN("revoke", "laptop"), 1); /* of the file, but not of the config */
	assert_has(err, "gateway.yaml:7: the key 'laptop' stands in the config itself");
	assert_string_equal(text_of("c.yaml"), "keys:\n");
	assert_int_equal(RUN("list"), 0);
	assert_has(out, "anna");
	assert_null(strstr(out, "${env"));
}

static void list_hides_what_a_terminal_should_not_get(void **state)
{
	(void)state;
	put("c.yaml",
	    "keys:\n  \"a\\e[31m\": { key: sha256:secret, models: [\"m\\e\"], priority: low }\n");
	assert_int_equal(RUN("list", "--to", "c.yaml"), 0);
	assert_null(strchr(out, 27));
	assert_null(strstr(out, "secret"));
	assert_has(out, "a\\x1b[31m");
	assert_int_equal(RUN("list", "--json", "--to", "c.yaml"), 0);
	assert_null(strchr(out, 27));
	assert_has(out, "\"a\\u001b[31m\"");
	assert_null(strstr(out, "secret"));
}

static void where_nothing_is_known_it_says_what_to_say(void **state)
{
	(void)state;
	assert_int_equal(RUN("list"), 1);
	assert_has(err, "say --config FILE or --to FILE");
	assert_int_equal(RUN("revoke", "a"), 1);
	assert_has(err, "say --config FILE or --to FILE");
	assert_int_equal(RUN("list", "--config", "nowhere.yaml"), 1);
	assert_has(err, "nowhere.yaml: No such file");
	assert_int_equal(RUN("revoke", "a", "--to", "nowhere.yaml"), 1);
	assert_has(err, "nowhere.yaml: No such file");
	put("gateway.yaml", CONFIG("\"${env:WHERE}\""));
	assert_int_equal(RUN("list"), 1);
	assert_has(err, "say which it is with --to FILE");
	assert_int_equal(RUN("revoke"), 2);
	assert_int_equal(RUN("list", "a"), 2);
	assert_int_equal(RUN("revoke", "a", "--json"), 2);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, enter, leave)
	const struct CMUnitTest tests[] = {
		TEST(the_key_is_printed_once_and_its_digest_kept),
		TEST(the_config_here_names_the_file),
		TEST(without_a_file_the_lines_are_printed),
		TEST(what_a_key_is_bound_to_is_written),
		TEST(what_cannot_be_bound_is_told_and_nothing_is_made),
		TEST(names_are_refused_that_are_there),
		TEST(revoke_takes_the_key_and_the_user_of_all_files),
		TEST(what_stands_in_the_config_is_told_with_its_line),
		TEST(list_hides_what_a_terminal_should_not_get),
		TEST(where_nothing_is_known_it_says_what_to_say),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
