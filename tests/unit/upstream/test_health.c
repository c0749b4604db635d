/* Active checks against a small server of sockets, on one loop and the clock of the test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/memory.h"
#include "core/upstream/health.h"

enum { INTERVAL = 1000, TIMEOUT = 300 };

/* One server that answers what it is told to, and counts. */
struct server {
	uv_poll_t poll;
	int fd;
	unsigned held;      /* connections that it leaves in silence */
	const char *answer; /* NULL: silence */
	unsigned asked;
	char head[1024];
};

/* One connection to it. */
struct asker {
	uv_poll_t poll;
	struct server *server;
	int fd;
	bool counted;
	size_t len;
};

struct bench {
	struct gh__loop loop;
	struct gh__upstreams upstreams;
	struct gh__pools pools;
	struct gh__upstream *upstream;
	struct gh__health *health;
	struct server server;
};

static void free_asker(uv_handle_t *handle)
{
	free(handle->data);
}

static void hang_up(struct asker *a)
{
	a->server->held -= a->counted;
	uv_close((uv_handle_t *)&a->poll, free_asker);
	close(a->fd);
}

static void on_asker(uv_poll_t *poll, int status, int events)
{
	struct asker *a = poll->data;
	struct server *s = a->server;
	ssize_t n = recv(a->fd, s->head + a->len, sizeof s->head - 1 - a->len, 0);

	(void)status;
	(void)events;
	if (n <= 0) {
		hang_up(a);
		return;
	}
	a->len += (size_t)n;
	s->head[a->len] = 0;
	if (!strstr(s->head, "\r\n\r\n"))
		return;
	s->asked++;
	if (!s->answer) {
		s->held++;
		a->counted = true;
		return;
	}
	assert_int_equal(send(a->fd, s->answer, strlen(s->answer), MSG_NOSIGNAL),
			 (ssize_t)strlen(s->answer));
	hang_up(a);
}

static void on_client(uv_poll_t *poll, int status, int events)
{
	struct asker *a = calloc(1, sizeof *a);

	(void)status;
	(void)events;
	a->server = poll->data;
	a->fd = accept(a->server->fd, NULL, NULL);
	assert_true(a->fd >= 0);
	assert_int_equal(uv_poll_init(poll->loop, &a->poll, a->fd), 0);
	a->poll.data = a;
	uv_poll_start(&a->poll, UV_READABLE, on_asker);
}

static uint16_t serve(struct bench *b)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof a;
	struct server *s = &b->server;

	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(s->fd, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(listen(s->fd, 16), 0);
	assert_int_equal(getsockname(s->fd, (struct sockaddr *)&a, &len), 0);
	assert_int_equal(uv_poll_init(&b->loop.uv, &s->poll, s->fd), 0);
	s->poll.data = s;
	uv_poll_start(&s->poll, UV_READABLE, on_client);
	return ntohs(a.sin_port);
}

static int begin(void **state)
{
	struct bench *b = calloc(1, sizeof *b);
	char url[64], host[] = "127.0.0.1";

	*state = b;
	assert_int_equal(gh__loop_init(&b->loop), 0);
	b->loop.frozen = true;
	gh__upstreams_init(&b->upstreams, NULL);
	gh__pools_init(&b->pools, &b->loop, &b->upstreams);
	uint16_t port = serve(b);
	snprintf(url, sizeof url, "http://127.0.0.1:%u", port);
	/* The second has nobody behind it: port 1 of loopback refuses. */
	struct gh__endpoint_config endpoints[] = {
		{ .url = gh_str(url),
		  .host = gh_str(host),
		  .port = port,
		  .authority = GH_STR("model.test") },
		{ .url = GH_STR("http://127.0.0.1:1"),
		  .host = gh_str(host),
		  .port = 1,
		  .authority = GH_STR("other.test") },
	};
	struct gh_upstream config = {
		.name = GH_STR("model"),
		.identity = GH_STR("model"),
		.endpoints = endpoints,
		.endpoint_count = 2,
		.connect_timeout = { 5000 },
		.keepalive = { 0 },
		.fail_timeout = { 2000 },
		.health = { .path = GH_STR("/v1/models"),
			    .interval = { INTERVAL },
			    .timeout = { TIMEOUT } },
	};
	b->upstream = gh__upstream_ref(&b->upstreams, &config);
	b->server.answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
	b->health = gh__health_start(&b->pools, &b->upstream, 1);
	return 0;
}

static int end(void **state)
{
	struct bench *b = *state;

	gh__health_stop(b->health);
	gh__pools_finish(&b->pools); /* the server sees it, and hangs up */
	uv_close((uv_handle_t *)&b->server.poll, NULL);
	close(b->server.fd);
	gh__loop_finish(&b->loop);
	gh__upstream_unref(&b->upstreams, b->upstream);
	gh__upstreams_finish(&b->upstreams);
	free(b);
	return 0;
}

static void advance(struct bench *b, uint64_t ms)
{
	b->loop.now += ms;
	gh__loop_tick(&b->loop);
}

static void wake(uv_timer_t *timer)
{
	(void)timer;
}

/* Turns the loop until the server was asked so often and nothing is under way any more. */
static void settle(struct bench *b, unsigned asked)
{
	uv_timer_t timer;
	uint64_t until = uv_hrtime() + 10000000000ull;

	uv_timer_init(&b->loop.uv, &timer);
	uv_timer_start(&timer, wake, 10, 10);
	while ((b->server.asked < asked || b->pools.count != b->server.held) && uv_hrtime() < until)
		uv_run(&b->loop.uv, UV_RUN_ONCE);
	uv_close((uv_handle_t *)&timer, NULL);
	uv_run(&b->loop.uv, UV_RUN_NOWAIT);
	assert_int_equal(b->server.asked, asked);
}

static bool is_unhealthy(const struct bench *b, size_t endpoint)
{
	return atomic_load(&b->upstream->endpoints[endpoint].unhealthy);
}

/* A second round: past the interval, and past the tick that it may be late. */
static void next_round(struct bench *b)
{
	advance(b, INTERVAL + 2 * GH__TICK_MS);
}

static void it_asks_at_once_and_each_interval(void **state)
{
	struct bench *b = *state;

	next_round(b);
	settle(b, 1);
	assert_memory_equal(b->server.head, "GET /v1/models HTTP/1.1\r\nHost: model.test\r\n", 43);
	assert_non_null(strstr(b->server.head, "\r\nUser-Agent: gatehouse-health\r\n"));
	advance(b, INTERVAL / 2);
	settle(b, 1);
	next_round(b);
	settle(b, 2);
	assert_false(is_unhealthy(b, 0));
	/* A check is no traffic. */
	assert_int_equal(atomic_load(&b->upstream->calls), 0);
	assert_int_equal(atomic_load(&b->upstream->failures), 0);
	assert_int_equal(atomic_load(&b->upstream->endpoints[0].busy), 0);
}

static void each_address_is_asked_for_itself(void **state)
{
	struct bench *b = *state;

	next_round(b);
	settle(b, 1);
	assert_false(is_unhealthy(b, 1)); /* once is not enough */
	next_round(b);
	settle(b, 2); /* nobody asked the first in the second's stead */
	assert_true(is_unhealthy(b, 1));
	assert_false(is_unhealthy(b, 0));
}

static void two_failures_and_it_is_unhealthy_one_success_and_it_is_not(void **state)
{
	struct bench *b = *state;

	b->server.answer = "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n";
	next_round(b);
	settle(b, 1);
	assert_false(is_unhealthy(b, 0));
	b->server.answer = "HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n";
	next_round(b);
	settle(b, 2);
	b->server.answer = "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n";
	next_round(b);
	settle(b, 3);
	assert_false(is_unhealthy(b, 0)); /* not in a row */
	b->server.answer = "nonsense\r\n\r\n";
	next_round(b);
	settle(b, 4);
	assert_true(is_unhealthy(b, 0));
	next_round(b);
	settle(b, 5);
	assert_true(is_unhealthy(b, 0));
	b->server.answer = "HTTP/1.1 204 Fine\r\n\r\n";
	next_round(b);
	settle(b, 6);
	assert_false(is_unhealthy(b, 0));
}

static void silence_is_a_failure_after_its_time(void **state)
{
	struct bench *b = *state;

	b->server.answer = NULL;
	for (unsigned round = 1; round <= 2; round++) {
		assert_false(is_unhealthy(b, 0));
		next_round(b);
		settle(b, round);
		assert_int_equal(b->server.held, 1);
		advance(b, TIMEOUT + 2 * GH__TICK_MS);
		settle(b, round);
		assert_int_equal(b->server.held, 0); /* it hung up */
	}
	assert_true(is_unhealthy(b, 0));
}

static void a_stop_breaks_off_what_is_under_way(void **state)
{
	struct bench *b = *state;

	b->server.answer = NULL;
	next_round(b);
	settle(b, 1);
	assert_int_equal(b->server.held, 1);
	gh__health_stop(b->health);
	b->health = NULL;
	settle(b, 1);
	assert_int_equal(b->server.held, 0);
	assert_int_equal(b->pools.count, 0);
	assert_int_equal(atomic_load(&b->upstream->endpoints[0].busy), 0);
	next_round(b);
	settle(b, 1);
}

static void what_asks_for_no_checks_costs_nothing(void **state)
{
	struct bench *b = *state;
	struct gh_str path = b->upstream->health_path;

	b->upstream->health_path = (struct gh_str){ 0 };
	assert_null(gh__health_start(&b->pools, &b->upstream, 1));
	b->upstream->health_path = path;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(it_asks_at_once_and_each_interval),
		TEST(each_address_is_asked_for_itself),
		TEST(two_failures_and_it_is_unhealthy_one_success_and_it_is_not),
		TEST(silence_is_a_failure_after_its_time),
		TEST(a_stop_breaks_off_what_is_under_way),
		TEST(what_asks_for_no_checks_costs_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
