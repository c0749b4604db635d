/* The watchdog is fed only as long as every worker answers. Loops turn by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/server/watchdog.h"

enum { INTERVAL_MS = 3000 };

struct bench {
	struct gh__server server;
	struct gh__thread threads[2], *pointers[2];
	struct gh__watchdog *watchdog;
	int fd;
};

static int begin(void **state)
{
	struct bench *b = calloc(1, sizeof *b);
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	char name[64], usec[32];

	*state = b;
	snprintf(name, sizeof name, "@gh-test-watchdog-%ld", (long)getpid());
	memcpy(a.sun_path + 1, name + 1, strlen(name) - 1);
	b->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(b->fd, (struct sockaddr *)&a,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name))),
			 0);
	setenv("NOTIFY_SOCKET", name, 1);
	snprintf(usec, sizeof usec, "%d", INTERVAL_MS * 1000);
	setenv("WATCHDOG_USEC", usec, 1);
	assert_int_equal(gh__loop_init(&b->server.loop), 0);
	b->server.loop.frozen = true;
	b->server.threads = b->pointers;
	b->server.thread_count = 2;
	for (int i = 0; i < 2; i++) {
		b->pointers[i] = b->threads + i;
		assert_int_equal(gh__loop_init(&b->threads[i].worker.loop), 0);
	}
	b->watchdog = gh__watchdog_start(&b->server);
	assert_non_null(b->watchdog);
	return 0;
}

static int end(void **state)
{
	struct bench *b = *state;

	gh__watchdog_stop(b->watchdog);
	for (int i = 0; i < 2; i++)
		gh__loop_finish(&b->threads[i].worker.loop);
	gh__loop_finish(&b->server.loop);
	gh__watchdog_destroy(b->watchdog);
	close(b->fd);
	free(b);
	return 0;
}

static void turn_worker(struct bench *b, int i)
{
	uv_run(&b->threads[i].worker.loop.uv, UV_RUN_NOWAIT);
}

/* A third of the interval goes by, and the main thread has its turn. */
static void beat(struct bench *b)
{
	b->server.loop.now += INTERVAL_MS / 3 + GH__TICK_MS;
	gh__loop_tick(&b->server.loop);
	uv_run(&b->server.loop.uv, UV_RUN_NOWAIT);
}

static unsigned heard(const struct bench *b)
{
	char text[64];
	unsigned n = 0;

	for (ssize_t len; (len = recv(b->fd, text, sizeof text, 0)) > 0; n++) {
		assert_int_equal(len, 10);
		assert_memory_equal(text, "WATCHDOG=1", 10);
	}
	return n;
}

static void each_round_is_told_once_all_have_answered(void **state)
{
	struct bench *b = *state;

	for (int round = 0; round < 3; round++) {
		beat(b);
		turn_worker(b, 0);
		uv_run(&b->server.loop.uv, UV_RUN_NOWAIT);
		assert_int_equal(heard(b), 0);
		turn_worker(b, 1);
		uv_run(&b->server.loop.uv, UV_RUN_NOWAIT);
		assert_int_equal(heard(b), 1);
	}
}

static void a_worker_that_hangs_is_not_covered_up(void **state)
{
	struct bench *b = *state;

	for (int round = 0; round < 10; round++) {
		beat(b);
		turn_worker(b, 1);
	}
	assert_int_equal(heard(b), 0);
	turn_worker(b, 0); /* it was only slow */
	uv_run(&b->server.loop.uv, UV_RUN_NOWAIT);
	assert_int_equal(heard(b), 1);
}

static void it_ends_with_letters_on_their_way(void **state)
{
	struct bench *b = *state;

	beat(b);
	turn_worker(b, 0);
	gh__watchdog_stop(b->watchdog);
	turn_worker(b, 1);
	uv_run(&b->server.loop.uv, UV_RUN_NOWAIT);
	assert_int_equal(heard(b), 0);
}

static void nobody_who_does_not_ask_is_told(void **state)
{
	struct bench *b = *state;

	unsetenv("WATCHDOG_USEC");
	assert_null(gh__watchdog_start(&b->server));
	gh__watchdog_stop(NULL);
	gh__watchdog_destroy(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_round_is_told_once_all_have_answered),
		TEST(a_worker_that_hangs_is_not_covered_up),
		TEST(it_ends_with_letters_on_their_way),
		TEST(nobody_who_does_not_ask_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
