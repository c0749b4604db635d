/* Lines of the process's log: one line each, whatever is in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <poll.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/log.h"

static char said[8192];

static int aside = -1, memory = -1;

static void begin(void)
{
	memory = memfd_create("log", MFD_CLOEXEC);
	aside = dup(STDERR_FILENO);
	dup2(memory, STDERR_FILENO);
}

static void end(void)
{
	dup2(aside, STDERR_FILENO);
	ssize_t n = pread(memory, said, sizeof said - 1, 0);
	said[n > 0 ? n : 0] = 0;
	close(aside);
	close(memory);
}

static void check_line(const char *tail)
{
	regex_t pattern;

	assert_int_equal(regcomp(&pattern,
				 "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}"
				 "\\.[0-9]{3}Z ",
				 REG_EXTENDED),
			 0);
	assert_int_equal(regexec(&pattern, said, 0, NULL, 0), 0);
	regfree(&pattern);
	assert_string_equal(said + strlen("2026-11-22T10:00:00.123Z "), tail);
}

static void a_line_has_time_level_and_text(void **state)
{
	static const struct {
		enum gh_level level;
		const char *tail;
	} cases[] = {
		{ GH_LOG_ERROR, "error gone 7\n" },
		{ GH_LOG_WARN, "warn gone 7\n" },
		{ GH_LOG_INFO, "info gone 7\n" },
		{ GH_LOG_DEBUG, "debug gone 7\n" },
	};

	(void)state;
	for (size_t i = 0; i < GH_COUNT_OF(cases); i++) {
		begin();
		gh__log(cases[i].level, "gone %d", 7);
		end();
		check_line(cases[i].tail);
	}
}

static void no_byte_makes_a_second_line_or_moves_a_terminal(void **state)
{
	char text[33], want[64];

	(void)state;
	for (int i = 1; i < 0x20; i++)
		text[i - 1] = (char)i;
	text[31] = 0x7f;
	text[32] = 0;
	memset(want, '?', 32);
	begin();
	gh__log(GH_LOG_WARN, "%s", text);
	end();
	assert_non_null(strchr(said, '\n'));
	assert_ptr_equal(strchr(said, '\n') + 1, said + strlen(said));
	snprintf(want, sizeof want, "warn %.32s\n", "????????????????????????????????");
	check_line(want);
}

static void a_long_text_is_cut_and_still_one_line(void **state)
{
	char text[6000];

	(void)state;
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = 0;
	begin();
	gh__log(GH_LOG_INFO, "%s", text);
	end();
	size_t len = strlen(said);
	assert_in_range(len, 1000, 2048 + 64);
	assert_int_equal(said[len - 1], '\n');
	assert_ptr_equal(strchr(said, '\n'), said + len - 1);
}

static void no_byte_of_two_that_a_terminal_obeys_passes(void **state)
{
	(void)state;
	begin();
	/* U+009B is CSI for many terminals; U+00A0 and \u00e4 are text. */
	gh__log(GH_LOG_WARN, "a\xc2\x9b"
			     "31mb\xc2\xa0\xc3\xa4 \xc2");
	end();
	check_line("warn a??31mb\xc2\xa0\xc3\xa4 \xc2\n");
}

/* Fills what is written to until it takes no more. */
static void fill(int fd)
{
	char block[4096];
	int flags = fcntl(fd, F_GETFL);

	memset(block, 'x', sizeof block);
	fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	for (size_t size = sizeof block; size; size /= 2)
		while (write(fd, block, size) > 0)
			;
	fcntl(fd, F_SETFL, flags);
}

/* What is there; false: nothing. */
static bool recv_some(int fd, char *to, size_t room)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1 && read(fd, to, room) > 0;
}

static void who_does_not_read_is_not_waited_for(void **state)
{
	int ends[2];

	(void)state;
	for (int sockets = 0; sockets < 2; sockets++) {
		assert_int_equal(sockets ? socketpair(AF_UNIX, SOCK_STREAM, 0, ends) : pipe(ends),
				 0);
		fill(ends[1]);
		aside = dup(STDERR_FILENO);
		dup2(ends[1], STDERR_FILENO);
		alarm(10); /* it would wait for ever */
		gh__log(GH_LOG_INFO, "lost");
		alarm(0);
		while (recv_some(ends[0], said, sizeof said))
			;
		gh__log(GH_LOG_INFO, "heard");
		dup2(aside, STDERR_FILENO);
		memset(said, 0, sizeof said);
		assert_true(recv_some(ends[0], said, sizeof said - 1));
		check_line("info heard\n");
		close(aside);
		close(ends[0]);
		close(ends[1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_has_time_level_and_text),
		cmocka_unit_test(no_byte_makes_a_second_line_or_moves_a_terminal),
		cmocka_unit_test(a_long_text_is_cut_and_still_one_line),
		cmocka_unit_test(no_byte_of_two_that_a_terminal_obeys_passes),
		cmocka_unit_test(who_does_not_read_is_not_waited_for),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
