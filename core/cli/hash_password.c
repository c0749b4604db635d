/*
 * gatehouse hash-password: a password becomes the line to keep. From a terminal it is asked for
 * twice and not shown; else it is the one line of standard input.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include <argon2.h>

#include <gatehouse/module.h>

#include "core/base/memory.h"
#include "core/cli/commands.h"

enum {
	PASSWORD_MAX = 1024, /* what the module basic-auth takes */
	MEMORY_KIB = 19456,
	PASSES = 2,
	LANES = 1,
	SALT = 16,
	TAG = 32,
	ENCODED_MAX = 128,
};

static const char usage[] =
	"usage: gatehouse hash-password\n"
	"\n"
	"Prints the argon2id hash of a password, for `users:` of basic-auth. From a terminal\n"
	"the password is asked for twice; otherwise it is the one line of standard input:\n"
	"\n"
	"  printf %s \"$SECRET\" | gatehouse hash-password\n"
	"\n"
	"Quote the hash in YAML: it has commas.\n";

struct line {
	char bytes[PASSWORD_MAX + 2]; /* and the end of the line, and one too many */
	size_t len;
};

static int complain(const char *what)
{
	fprintf(stderr, "gatehouse hash-password: %s\n", what);
	return -1;
}

/* One read() into the line. Returns what it gave; a line that is full gives 0 as at the end. */
static ssize_t read_more(struct line *l)
{
	ssize_t got;

	do
		got = read(STDIN_FILENO, l->bytes + l->len, sizeof(l->bytes) - l->len);
	while (got < 0 && errno == EINTR);
	if (got > 0)
		l->len += (size_t)got;
	return got;
}

/* Takes the end of the line off and refuses what no one could log in with. */
static int check_line(struct line *l)
{
	char *end = memchr(l->bytes, '\n', l->len);

	if (end != NULL && end + 1 < l->bytes + l->len)
		return complain("standard input has more than one line; give the password alone");
	if (end != NULL)
		l->len--;
	if (end != NULL && l->len > 0 && l->bytes[l->len - 1] == '\r')
		l->len--;
	if (l->len == 0)
		return complain("the password is empty; give one");
	if (l->len > PASSWORD_MAX)
		return complain("the password has more than 1024 bytes; use a shorter one");
	if (memchr(l->bytes, 0, l->len) != NULL)
		return complain(
			"the password has a NUL byte, which no client can send; leave it out");
	return 0;
}

static int read_input(struct line *l)
{
	ssize_t got;

	while ((got = read_more(l)) > 0)
		;
	if (got < 0) {
		fprintf(stderr, "gatehouse hash-password: standard input: %s\n", strerror(errno));
		return -1;
	}
	return check_line(l);
}

/* A line of the terminal. Returns 1 when a signal came instead, and leaves it to be taken. */
static int read_terminal(const char *prompt, struct line *l, int signals)
{
	struct pollfd fds[] = {
		{ .fd = STDIN_FILENO, .events = POLLIN },
		{ .fd = signals, .events = POLLIN },
	};

	fprintf(stderr, "%s: ", prompt);
	while (memchr(l->bytes, '\n', l->len) == NULL) {
		if (poll(fds, GH_COUNT_OF(fds), -1) < 0 && errno != EINTR)
			return -1;
		if (fds[1].revents != 0)
			return 1;
		if (fds[0].revents != 0 && read_more(l) <= 0)
			break;
	}
	fputc('\n', stderr);
	return check_line(l);
}

static int ask_twice(struct line *l, int signals)
{
	struct line again = { .len = 0 };
	int rc = read_terminal("Password", l, signals);

	if (rc == 0)
		rc = read_terminal("The same again", &again, signals);
	if (rc == 0 && (l->len != again.len || memcmp(l->bytes, again.bytes, l->len) != 0))
		rc = complain("the two are not the same; try again");
	gh__wipe(&again, sizeof(again));
	return rc;
}

/* The echo must come back whatever happens, so signals wait until it has. */
static int read_hidden(struct line *l)
{
	struct termios shown, hidden;
	sigset_t ending, before;
	int rc = -1;

	if (tcgetattr(STDIN_FILENO, &shown) != 0)
		return complain("the terminal cannot hide what is typed; pipe the password in");
	sigemptyset(&ending);
	sigaddset(&ending, SIGINT);
	sigaddset(&ending, SIGTERM);
	sigaddset(&ending, SIGHUP);
	sigaddset(&ending, SIGQUIT);
	sigaddset(&ending, SIGTSTP);
	sigprocmask(SIG_BLOCK, &ending, &before);

	int signals = signalfd(-1, &ending, SFD_CLOEXEC | SFD_NONBLOCK);

	hidden = shown;
	hidden.c_lflag &= ~(tcflag_t)ECHO;
	if (signals < 0 || tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden) != 0) {
		complain("the terminal cannot hide what is typed; pipe the password in");
	} else {
		rc = ask_twice(l, signals);
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
	}
	if (signals >= 0)
		close(signals);
	/* A signal that waited is taken here, and as a rule ends the program. */
	sigprocmask(SIG_SETMASK, &before, NULL);
	return rc == 0 ? 0 : -1;
}

static int print_hash(const struct line *l)
{
	char encoded[ENCODED_MAX];
	uint8_t salt[SALT];

	gh_random(salt, sizeof(salt));

	int rc = argon2id_hash_encoded(PASSES, MEMORY_KIB, LANES, l->bytes, l->len, salt,
				       sizeof(salt), TAG, encoded, sizeof(encoded));

	if (rc != ARGON2_OK)
		return complain(argon2_error_message(rc));
	if (printf("%s\n", encoded) < 0 || fflush(stdout) != 0)
		return complain("standard output cannot be written");
	return 0;
}

int gh__cli_hash_password(int argc, char **argv)
{
	struct line line = { .len = 0 };

	if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
		fputs(usage, stdout);
		return 0;
	}
	if (argc > 1) {
		/* Not repeated: it may well be the password. */
		fprintf(stderr,
			"gatehouse hash-password: takes no arguments, and a password there "
			"would be seen by others; pipe it in\n\n%s",
			usage);
		return 2;
	}

	int rc = isatty(STDIN_FILENO) ? read_hidden(&line) : read_input(&line);

	if (rc == 0)
		rc = print_hash(&line);
	gh__wipe(&line, sizeof(line));
	return rc == 0 ? 0 : 1;
}
