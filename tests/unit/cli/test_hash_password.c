/* gatehouse hash-password, from a pipe and from a terminal, in a process of its own. */
#include <fcntl.h>
#include <pty.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <argon2.h>
#include <cmocka.h>

#include "core/cli/commands.h"

static _Noreturn void command(const char *argument)
{
	char *argv[] = { strdup("hash-password"), argument ? strdup(argument) : NULL, NULL };
	int rc = gh__cli_hash_password(argument ? 2 : 1, argv);

	free(argv[0]);
	free(argv[1]);
	fflush(NULL);
	_exit(rc);
}

static size_t read_all(int fd, char *to, size_t size)
{
	size_t have = 0;
	ssize_t got;

	while (have < size - 1 && (got = read(fd, to + have, size - 1 - have)) > 0)
		have += (size_t)got;
	to[have] = 0;
	return have;
}

/* The exit code; stdout comes in `out`. */
static int piped(const char *argument, const char *input, size_t len, char *out, size_t size)
{
	int in[2], back[2], status;

	assert_int_equal(pipe(in) | pipe(back), 0);
	fflush(NULL);

	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		dup2(in[0], STDIN_FILENO);
		dup2(back[1], STDOUT_FILENO);
		close(STDERR_FILENO);
		close(in[1]);
		close(back[0]);
		command(argument);
	}
	close(in[0]);
	close(back[1]);
	if (len > 0)
		assert_int_equal(write(in[1], input, len), (ssize_t)len);
	close(in[1]);
	read_all(back[0], out, size);
	close(back[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void verifies(char *hash, const char *password)
{
	size_t len = strlen(hash);

	assert_true(len > 0 && hash[len - 1] == '\n');
	hash[len - 1] = 0;
	assert_int_equal(strncmp(hash, "$argon2id$v=19$m=19456,t=2,p=1$", 31), 0);
	/* 16 bytes of salt are 22 characters, 32 of the tag 43. */
	assert_int_equal(strlen(hash), 31 + 22 + 1 + 43);
	assert_int_equal(argon2id_verify(hash, password, strlen(password)), ARGON2_OK);
}

static void a_line_of_standard_input_is_hashed(void **state)
{
	(void)state;
	char out[1000], other[1000], longest[1025];

	assert_int_equal(piped(NULL, "my secret", 9, out, sizeof(out)), 0);
	verifies(out, "my secret");
	assert_int_equal(piped(NULL, "my secret\n", 10, other, sizeof(other)), 0);
	assert_string_not_equal(out, other); /* the salt is random */
	verifies(other, "my secret");
	assert_int_equal(piped(NULL, " a \r\n", 5, out, sizeof(out)), 0);
	verifies(out, " a ");
	memset(longest, 'x', 1024);
	longest[1024] = 0;
	assert_int_equal(piped(NULL, longest, 1024, out, sizeof(out)), 0);
	verifies(out, longest);
}

static void what_is_no_password_is_refused(void **state)
{
	(void)state;
	char out[1000], longer[1200];

	memset(longer, 'x', sizeof(longer));
	longer[1025] = '\n';
	assert_int_equal(piped(NULL, "", 0, out, sizeof(out)), 1);
	assert_int_equal(piped(NULL, "\n", 1, out, sizeof(out)), 1);
	assert_int_equal(piped(NULL, "\r\n", 2, out, sizeof(out)), 1);
	assert_int_equal(piped(NULL, "a\0b", 3, out, sizeof(out)), 1);
	assert_int_equal(piped(NULL, "a\nb\n", 4, out, sizeof(out)), 1);
	assert_int_equal(piped(NULL, longer, 1025, out, sizeof(out)), 1);
	assert_int_equal(piped(NULL, longer, 1026, out, sizeof(out)), 1);
	assert_int_equal(piped(NULL, longer, 1200, out, sizeof(out)), 1);
	assert_string_equal(out, "");
}

static void help_and_misuse_end_as_they_should(void **state)
{
	(void)state;
	char out[1000];

	assert_int_equal(piped("--help", "", 0, out, sizeof(out)), 0);
	assert_non_null(strstr(out, "usage: gatehouse hash-password"));
	assert_int_equal(piped("secret", "", 0, out, sizeof(out)), 2);
	assert_string_equal(out, "");
}

/* ---- On a terminal ---- */

struct terminal {
	int master;
	pid_t pid;
	char seen[4000];
	size_t len;
};

static void open_terminal(struct terminal *t)
{
	*t = (struct terminal){ .len = 0 };
	fflush(NULL);
	t->pid = forkpty(&t->master, NULL, NULL, NULL);
	assert_true(t->pid >= 0);
	if (t->pid == 0)
		command(NULL);
}

static bool echoes(const struct terminal *t)
{
	struct termios modes;

	assert_int_equal(tcgetattr(t->master, &modes), 0);
	return modes.c_lflag & ECHO;
}

/* Reads until the text was seen, or the terminal is closed. */
static void wait_for(struct terminal *t, const char *text)
{
	while (strstr(t->seen, text) == NULL) {
		ssize_t got = read(t->master, t->seen + t->len, sizeof(t->seen) - 1 - t->len);

		if (got <= 0)
			fail_msg("'%s' did not come; '%s' did", text, t->seen);
		t->len += (size_t)got;
		t->seen[t->len] = 0;
	}
}

static void type(const struct terminal *t, const char *text)
{
	assert_int_equal(write(t->master, text, strlen(text)), (ssize_t)strlen(text));
}

static int close_terminal(struct terminal *t)
{
	int status;

	t->len += read_all(t->master, t->seen + t->len, sizeof(t->seen) - t->len);
	assert_int_equal(waitpid(t->pid, &status, 0), t->pid);
	close(t->master);
	return status;
}

static void a_terminal_asks_twice_and_shows_nothing(void **state)
{
	(void)state;
	struct terminal t;

	open_terminal(&t);
	wait_for(&t, "Password: ");
	assert_false(echoes(&t));
	type(&t, "hidden-password\n");
	wait_for(&t, "again: ");
	type(&t, "hidden-password\n");
	wait_for(&t, "$argon2id$");

	int status = close_terminal(&t);

	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	assert_null(strstr(t.seen, "hidden"));

	char hash[200] = "";

	assert_int_equal(sscanf(strstr(t.seen, "$argon2id$"), "%190s", hash), 1);
	strncat(hash, "\n", 2);
	verifies(hash, "hidden-password");
}

static void two_that_differ_are_refused(void **state)
{
	(void)state;
	struct terminal t;

	open_terminal(&t);
	wait_for(&t, "Password: ");
	type(&t, "one\n");
	wait_for(&t, "again: ");
	type(&t, "two\n");
	wait_for(&t, "not the same");

	int status = close_terminal(&t);

	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
	assert_null(strstr(t.seen, "$argon2id$"));
}

static void an_interrupt_ends_it_and_brings_the_echo_back(void **state)
{
	(void)state;
	struct terminal t;

	open_terminal(&t);
	/* Open on our side too, so that its modes are there to see after the end. */
	int slave = open(ptsname(t.master), O_RDWR | O_NOCTTY);

	assert_true(slave >= 0);
	wait_for(&t, "Password: ");
	assert_false(echoes(&t));
	type(&t, "half\003");

	int status;

	assert_int_equal(waitpid(t.pid, &status, 0), t.pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT);
	assert_true(echoes(&t));
	close(slave);
	close(t.master);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_of_standard_input_is_hashed),
		cmocka_unit_test(what_is_no_password_is_refused),
		cmocka_unit_test(help_and_misuse_end_as_they_should),
		cmocka_unit_test(a_terminal_asks_twice_and_shows_nothing),
		cmocka_unit_test(two_that_differ_are_refused),
		cmocka_unit_test(an_interrupt_ends_it_and_brings_the_echo_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
