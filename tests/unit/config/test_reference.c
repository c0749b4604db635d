/* ${env:NAME} and ${file:PATH}: what they stand for, what is refused, and that it never leaks. */
#include <fcntl.h>
#include <sys/stat.h>

#include "unit/config/fixture.h"

static char folder[] = "/tmp/gatehouse-test-XXXXXX";
static char scratch[8192];

static const char *in_folder(const char *name)
{
	static char path[200];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static void write_file(const char *name, const void *bytes, size_t len, mode_t mode)
{
	FILE *f = fopen(in_folder(name), "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, len, f), len);
	fclose(f);
	assert_int_equal(chmod(in_folder(name), mode), 0);
}

static void write_secret(const char *text, mode_t mode)
{
	write_file("secret", text, strlen(text), mode);
}

/* Options of `every`, in a file gateway.yaml of the folder. */
static struct gh__config *read_here(const char *options, enum gh__read_mode mode)
{
	char path[200];

	snprintf(path, sizeof(path), "%s", in_folder("gateway.yaml"));
	snprintf(scratch, sizeof(scratch), "routes:\n- handle:\n  - every:\n      %s\n", options);
	return read_as(path, scratch, strlen(scratch), mode);
}

static const struct every *good(const char *options)
{
	if (!read_here(options, GH__READ_ALL))
		fail_msg("refused:\n" GH_FMT, GH_ARG(gh__mistakes_text(mistakes)));
	return first_every();
}

static void refused(const char *options, const char *why)
{
	assert_null(read_here(options, GH__READ_ALL));
	if (!strstr(gh__mistakes_text(mistakes).at, why))
		fail_msg("not told: %s\nbut:\n" GH_FMT, why, GH_ARG(gh__mistakes_text(mistakes)));
	assert_int_equal(gh__mistakes_count(mistakes), 1);
}

static void a_variable_takes_its_place_anywhere_in_a_value(void **state)
{
	(void)state;
	setenv("GATEHOUSE_A", "one", 1);
	setenv("GATEHOUSE_B", "22", 1);
	assert_str(good("word: ${env:GATEHOUSE_A}")->word, "one");
	assert_str(good("word: a-${env:GATEHOUSE_A}-${env:GATEHOUSE_B}z")->word, "a-one-22z");
	assert_int_equal(good("number: ${env:GATEHOUSE_B}")->number, 22);
	assert_int_equal(good("{ number: \"${env:GATEHOUSE_B}\" }")->number, 22);
	assert_int_equal(good("wait: ${env:GATEHOUSE_B}s")->wait.ms, 22000);
	assert_str(good("names: [x, \"${env:GATEHOUSE_A}\"]")->names.items[1], "one");
	assert_str(good("users: { bob: \"${env:GATEHOUSE_A}\" }")->users.items[0].value, "one");
	assert_str(good("to: http://${env:GATEHOUSE_A}:${env:GATEHOUSE_B}")
			   ->to.upstream->endpoints[0]
			   .authority,
		   "one:22");
}

static void a_dollar_before_a_dollar_and_a_brace_makes_them_text(void **state)
{
	(void)state;
	setenv("GATEHOUSE_A", "one", 1);
	assert_str(good("word: $${env:GATEHOUSE_A}")->word, "${env:GATEHOUSE_A}");
	assert_str(good("word: a$${x")->word, "a${x");
	assert_str(good("word: $${${env:GATEHOUSE_A}")->word, "${one");
	assert_str(good("word: $argon2$x$$y")->word, "$argon2$x$$y");
	/* What was looked up is not looked through again. */
	setenv("GATEHOUSE_A", "${env:HOME}", 1);
	assert_str(good("word: ${env:GATEHOUSE_A}")->word, "${env:HOME}");
}

static void a_variable_that_is_not_set_or_empty_is_refused(void **state)
{
	(void)state;
	unsetenv("GATEHOUSE_A");
	refused("word: ${env:GATEHOUSE_A}", "the environment variable 'GATEHOUSE_A' is not set");
	setenv("GATEHOUSE_A", "", 1);
	refused("word: ${env:GATEHOUSE_A}", "the environment variable 'GATEHOUSE_A' is empty");
	refused("word: ${env:A-B}", "begins neither ${env:NAME} nor ${file:PATH}");
	refused("word: ${env:1A}", "begins neither ${env:NAME} nor ${file:PATH}");
	refused("word: ${evn:A}", "begins neither ${env:NAME} nor ${file:PATH}");
	refused("word: ${file:}", "begins neither ${env:NAME} nor ${file:PATH}");
}

static void a_file_is_read_without_its_last_line_break(void **state)
{
	(void)state;
	write_secret("hunter2\n", 0600);
	assert_str(good("word: ${file:secret}")->word, "hunter2");
	write_secret("hunter2\r\n", 0600);
	assert_str(good("word: <${file:secret}>")->word, "<hunter2>");
	write_secret("hun\nter\n\n", 0400);
	assert_str(good("word: ${file:secret}")->word, "hun\nter\n");
	write_secret("hunter2", 0600);
	char absolute[300];
	snprintf(absolute, sizeof(absolute), "word: ${file:%s}", in_folder("secret"));
	assert_str(good(absolute)->word, "hunter2");
}

static void a_file_that_others_may_touch_is_refused(void **state)
{
	(void)state;
	for (mode_t mode = 0; mode < 0100; mode++) {
		write_secret("hunter2\n", 0600 | mode);
		if ((mode & 7) == 0) {
			assert_str(good("word: ${file:secret}")->word, "hunter2");
			continue;
		}
		refused("word: ${file:secret}", "is refused: everyone on this machine may read or "
						"change it; run: chmod o-rwx /tmp/gatehouse-test-");
		assert_null(strstr(gh__mistakes_text(mistakes).at, "hunter2"));
	}
}

static void a_file_that_is_no_text_of_a_secret_is_refused(void **state)
{
	static char large[64 * 1024 + 1];

	(void)state;
	write_secret("", 0600);
	refused("word: ${file:secret}", "cannot be used: it is empty");
	write_secret("\n", 0600);
	refused("word: ${file:secret}", "cannot be used: it is empty");
	write_file("secret", "a\0b", 3, 0600);
	refused("word: ${file:secret}", "cannot be used: it has a NUL byte in it");
	memset(large, 'x', sizeof(large));
	write_file("secret", large, sizeof(large), 0600);
	refused("token: ${file:secret}", "cannot be used: it has more than 64 KiB");
	write_file("secret", large, sizeof(large) - 1, 0600);
	assert_int_equal(good("token: ${file:secret}")->token.len, 64 * 1024);
	refused("word: ${file:missing}", "missing' cannot be used: No such file or directory");
	assert_int_equal(mkfifo(in_folder("pipe"), 0600), 0);
	refused("word: ${file:pipe}", "cannot be used: it is no regular file");
	unlink(in_folder("pipe"));
}

static void all_references_of_a_file_have_one_limit(void **state)
{
	static char large[64 * 1024];
	char options[4096] = "word: \"";

	(void)state;
	memset(large, 'x', sizeof(large));
	write_file("secret", large, sizeof(large), 0600);
	for (int i = 0; i < 70; i++)
		snprintf(options + strlen(options), 20, "${file:secret}");
	snprintf(options + strlen(options), 2, "\"");
	refused(options, "what ${…} stands for comes to more than 4 MiB in this file");
}

static void what_was_looked_up_is_never_repeated(void **state)
{
	static const char *const options[] = {
		"number: ${env:GATEHOUSE_A}",
		"wait: ${env:GATEHOUSE_A}",
		"colour: ${env:GATEHOUSE_A}",
		"flag: ${env:GATEHOUSE_A}",
		"amount: ${env:GATEHOUSE_A}",
		"room: ${env:GATEHOUSE_A}",
		"word: 0123456789012345${env:GATEHOUSE_A}",
		"to: ${env:GATEHOUSE_A}",
		"to: http://${env:GATEHOUSE_A}/x",
		"inner: ${env:GATEHOUSE_A}",
		"names: [[\"${env:GATEHOUSE_A}\"]]",
		"parts: ${env:GATEHOUSE_A}",
		"members: { a: { level: \"${env:GATEHOUSE_A}\" } }",
		"pairs: ${env:GATEHOUSE_A}",
	};

	(void)state;
	setenv("GATEHOUSE_A", "forbidden", 1);
	for (size_t i = 0; i < GH_COUNT_OF(options); i++) {
		assert_null(read_here(options[i], GH__READ_ALL));
		if (strstr(gh__mistakes_text(mistakes).at, "forbidden"))
			fail_msg("repeated:\n" GH_FMT, GH_ARG(gh__mistakes_text(mistakes)));
	}
	refused("word: ${env:GATEHOUSE_A}", "'word': its value is not of the right form");
	assert_null(strstr(gh__mistakes_text(mistakes).at, "forbidden"));
	/* The line shows where it came from. */
	assert_non_null(strstr(gh__mistakes_text(mistakes).at, "word: ${env:GATEHOUSE_A}\n"));
}

/* Each has `hunter2` where a secret is, or where one was meant to be. */
static void a_secret_in_the_file_is_never_quoted(void **state)
{
	static const char *const options[] = {
		"{ token: hunter2hunter2, wait: x }",
		"{ token: [hunter2hunter2], wait: x }",
		"{ token: { hunter2hunter2: x }, wait: x }",
		"{ token: { a: hunter2hunter2 }, wait: x }",
		"{ token: hunter2 }",
		"{ tokne: hunter2hunter2 }",
		"{ tokens: [hunter2] }",
		"{ users: { bob: hunter2 }, wait: x }",
		"{ users: { bob: [hunter2] } }",
		"{ users: hunter2 }",
		"{ users: [hunter2, x] }",
		"{ users: [{ hunter2: x }] }",
		"{ user: { bob: hunter2 } }",
		"{ users: { bob: $argon2id$m=1,hunter2,p=1 } }",
		"{ token: a,hunter2 }",
		"{ token: &t hunter2hunter2, word: [*t] }",
		"{ token: &t hunter2hunter2, number: 1, names: [*t], wait: x }",
		"{ to: http://bob:hunter2@a }",
		"{ to: 'https://bob:hunter2@a' }",
		"{ to: [http://a, http://bob:hunter2@a] }",
		/* Syntax errors. */
		"{ token: hunter2: x }",
		"token: hunter2: x",
		"token: hunter2\n      } wait: x",
		"token: \"hunter2",
		"token: 'hunter2\n      wait: x",
		"{ token: hunter2, wait: ${env:X} }",
		"{ token: \"hunter2\", wait: ${env:X} }",
		"tokne: \"hunter2",
		"users: { bob: hunter2: x }",
		"users:\n        bob: hunter2: x",
		"users:\n        bob: 'hunter2\n      wait: x",
		"users:\n        bob: ok\n        al: [hunter2\n      wait: x",
		"users: {\n        bob: hunter2: x }",
		"users:\n        - hunter2: x: y",
		"users:\n        bob: |\n          x\n         hunter2: y: x",
		"{ users: { bob: !hunter2 x } }",
		"{ token: *hunter2 }",
		"{ token: @hunter2 }",
		"{ token: %hunter2 }",
		"token: hunter2 # x\n\t- y",
	};

	(void)state;
	for (size_t i = 0; i < GH_COUNT_OF(options); i++) {
		/* The names of an anchor and of a tag are no values. */
		bool named = strstr(options[i], "*hunter2") || strstr(options[i], "!hunter2");

		if (read_here(options[i], GH__READ_ALL)) {
			if (strstr(config->shown.at, "hunter2") || !strstr(options[i], "word"))
				fail_msg("taken for good: %s", options[i]);
			continue;
		}
		const char *text = gh__mistakes_text(mistakes).at;
		if (strstr(text, "hunter2") && !named)
			fail_msg("quoted: %s\n%s", options[i], text);
	}
}

static void what_is_open_is_quoted_even_where_yaml_is_broken(void **state)
{
	(void)state;
	assert_null(
		read_here("{ token: secret, wait: 5s, word: ${env:X}, number: 3 }", GH__READ_ALL));
	assert_non_null(strstr(gh__mistakes_text(mistakes).at, "    4 |       { token: …\n"));
	assert_null(read_here("{ wait: 5s, word: ${env:X}, number: 3 }", GH__READ_ALL));
	assert_non_null(strstr(gh__mistakes_text(mistakes).at,
			       "    4 |       { wait: 5s, word: ${env:X}, number: 3 }\n"
			       "      |                          ^\n"));
}

static void without_secrets_only_the_form_is_checked(void **state)
{
	static const char *const options[] = {
		"word: ${env:GATEHOUSE_UNSET}",
		"word: 0123456789012345678${file:/nowhere}",
		"number: ${env:GATEHOUSE_UNSET}",
		"wait: ${env:GATEHOUSE_UNSET}s",
		"room: ${env:GATEHOUSE_UNSET}",
		"amount: ${env:GATEHOUSE_UNSET}",
		"colour: ${env:GATEHOUSE_UNSET}",
		"flag: ${env:GATEHOUSE_UNSET}",
		"to: ${env:GATEHOUSE_UNSET}",
		"to: http://${env:GATEHOUSE_UNSET}",
		"token: ${env:X}",
		"names: \"${env:X}\"",
		"parts: { requests: \"${env:X}\" }",
	};

	(void)state;
	unsetenv("GATEHOUSE_UNSET");
	for (size_t i = 0; i < GH_COUNT_OF(options); i++)
		if (!read_here(options[i], GH__READ_WITHOUT_SECRETS))
			fail_msg("refused:\n" GH_FMT, GH_ARG(gh__mistakes_text(mistakes)));
	assert_int_equal(((const struct part *)first_every()->parts.items)->requests, 1);
	assert_non_null(read_here("number: ${env:X}", GH__READ_WITHOUT_SECRETS));
	assert_int_equal(first_every()->number, 7);
	assert_non_null(read_here("to: ${env:X}", GH__READ_WITHOUT_SECRETS));
	assert_non_null(first_every()->to.upstream);
	assert_null(read_here("word: ${nev:X}", GH__READ_WITHOUT_SECRETS));
	snprintf(scratch, sizeof(scratch),
		 "workers: ${env:X}\nlisten: \"${env:X}\"\nadmin: ${env:X}\n"
		 "upstreams: { a: \"${env:X}\" }\nroutes: [{handle: bare-one}]\n");
	assert_non_null(read_as("x.yaml", scratch, strlen(scratch), GH__READ_WITHOUT_SECRETS));
}

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	(void)state;
	unlink(in_folder("secret"));
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_variable_takes_its_place_anywhere_in_a_value, forget),
		cmocka_unit_test_teardown(a_dollar_before_a_dollar_and_a_brace_makes_them_text,
					  forget),
		cmocka_unit_test_teardown(a_variable_that_is_not_set_or_empty_is_refused, forget),
		cmocka_unit_test_teardown(a_file_is_read_without_its_last_line_break, forget),
		cmocka_unit_test_teardown(a_file_that_others_may_touch_is_refused, forget),
		cmocka_unit_test_teardown(a_file_that_is_no_text_of_a_secret_is_refused, forget),
		cmocka_unit_test_teardown(all_references_of_a_file_have_one_limit, forget),
		cmocka_unit_test_teardown(what_was_looked_up_is_never_repeated, forget),
		cmocka_unit_test_teardown(a_secret_in_the_file_is_never_quoted, forget),
		cmocka_unit_test_teardown(what_is_open_is_quoted_even_where_yaml_is_broken, forget),
		cmocka_unit_test_teardown(without_secrets_only_the_form_is_checked, forget),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
