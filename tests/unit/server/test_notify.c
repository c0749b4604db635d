/* What systemd is told, over a real socket. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/server/notify.h"

static int listen_on(const char *name)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	memcpy(a.sun_path, name, strlen(name));
	if (*name == '@')
		a.sun_path[0] = 0;
	assert_int_equal(bind(fd, (struct sockaddr *)&a,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name))),
			 0);
	setenv("NOTIFY_SOCKET", name, 1);
	return fd;
}

static const char *hear(int fd)
{
	static char text[1024];
	ssize_t n = recv(fd, text, sizeof text - 1, 0);

	text[n > 0 ? n : 0] = 0;
	return text;
}

static void each_word_is_a_datagram(void **state)
{
	char path[64];

	(void)state;
	snprintf(path, sizeof path, "/tmp/gh-test-notify-%ld", (long)getpid());
	int fd = listen_on(path);
	gh__notify_ready();
	assert_string_equal(hear(fd), "READY=1\nSTATUS=Serving");
	gh__notify_stopping();
	assert_string_equal(hear(fd), "STOPPING=1\nSTATUS=Finishing what is open");
	gh__notify_watchdog();
	assert_string_equal(hear(fd), "WATCHDOG=1");
	assert_string_equal(hear(fd), "");
	close(fd);
	unlink(path);
	gh__notify_ready(); /* nobody is there: no matter */
}

static void a_reload_says_when_it_began(void **state)
{
	char name[64];
	struct timespec before, after;
	long long us;
	int end = 0;

	(void)state;
	snprintf(name, sizeof name, "@gh-test-notify-%ld", (long)getpid());
	int fd = listen_on(name);
	clock_gettime(CLOCK_MONOTONIC, &before);
	gh__notify_reloading();
	clock_gettime(CLOCK_MONOTONIC, &after);
	const char *said = hear(fd);
	assert_int_equal(sscanf(said, "RELOADING=1\nMONOTONIC_USEC=%lld%n", &us, &end), 1);
	assert_string_equal(said + end, "\nSTATUS=Reading the config");
	assert_true(us >= before.tv_sec * 1000000ll + before.tv_nsec / 1000);
	assert_true(us <= after.tv_sec * 1000000ll + after.tv_nsec / 1000);
	close(fd);
}

static void without_a_proper_socket_nothing_is_said(void **state)
{
	static const char *const names[] = { "", "/", "@", "relative", "vsock:2:3" };
	char longest[300];

	(void)state;
	unsetenv("NOTIFY_SOCKET");
	gh__notify_ready();
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		setenv("NOTIFY_SOCKET", names[i], 1);
		gh__notify_ready();
	}
	memset(longest, 'x', sizeof longest);
	longest[0] = '/';
	longest[sizeof longest - 1] = 0;
	setenv("NOTIFY_SOCKET", longest, 1);
	gh__notify_ready();
}

static void the_watchdog_is_for_this_process_alone(void **state)
{
	char pid[32];

	(void)state;
	setenv("NOTIFY_SOCKET", "@somewhere", 1);
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	assert_int_equal(gh__notify_watchdog_interval(), 0);
	setenv("WATCHDOG_USEC", "30000000", 1);
	assert_int_equal(gh__notify_watchdog_interval(), 30000);
	snprintf(pid, sizeof pid, "%ld", (long)getpid());
	setenv("WATCHDOG_PID", pid, 1);
	assert_int_equal(gh__notify_watchdog_interval(), 30000);
	setenv("WATCHDOG_PID", "1", 1);
	assert_int_equal(gh__notify_watchdog_interval(), 0);
	unsetenv("WATCHDOG_PID");
	setenv("WATCHDOG_USEC", "-5", 1);
	assert_int_equal(gh__notify_watchdog_interval(), 0);
	setenv("WATCHDOG_USEC", "nonsense", 1);
	assert_int_equal(gh__notify_watchdog_interval(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_word_is_a_datagram),
		cmocka_unit_test(a_reload_says_when_it_began),
		cmocka_unit_test(without_a_proper_socket_nothing_is_said),
		cmocka_unit_test(the_watchdog_is_for_this_process_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
