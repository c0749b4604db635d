/* How long a call waits for what, and names that must be looked up. */
#include "unit/upstream/call_bench.h"

/* ---- time ---- */

/* A port whose queue of connections is full: a new one hangs. */
static void stuff(struct bench *b, int which, struct wire *fillers, size_t count)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(b->ports[which]) };

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(listen(b->listeners[which], 0), 0);
	for (size_t i = 0; i < count; i++) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		connect(fd, (struct sockaddr *)&a, sizeof a);
		wire_open(fillers + i, fd);
	}
}

static void a_connection_has_its_time(void **state)
{
	struct bench *b = *state;
	struct asked a = { .body = NULL };
	struct wire fillers[4];

	use(b, "127.0.0.1", 1, 8);
	stuff(b, 0, fillers, 4);
	ask(b, &a);
	pass(b, CONNECT_MS - 100);
	assert_int_equal(a.fails, 0);
	pass(b, 200);
	check_fail(&a, GH__FAIL_CONNECT);
	for (int i = 0; i < 4; i++)
		wire_close(fillers + i);
	forget(&a);
}

static void the_first_byte_has_its_time(void **state)
{
	struct bench *b = *state;
	struct asked a = { .body = NULL };

	use(b, "127.0.0.1", 1, 8);
	ask(b, &a);
	serve(b, 0);
	pass(b, FIRST_MS - 100);
	assert_int_equal(a.fails, 0);
	pass(b, 200);
	check_fail(&a, GH__FAIL_TIMEOUT);
	assert_true(wire_ends(&b->loop, &b->server));
	forget(&a);
}

static void a_pause_in_the_answer_has_its_time(void **state)
{
	struct bench *b = *state;
	struct asked a = { .body = NULL };

	use(b, "127.0.0.1", 1, 8);
	ask(b, &a);
	serve(b, 0);
	reply(b, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n");
	for (int i = 0; i < 5; i++) {
		pass(b, IDLE_MS - 100);
		reply(b, "token");
	}
	assert_int_equal(a.fails, 0);
	pass(b, IDLE_MS + 100);
	check_fail(&a, GH__FAIL_CUT);
	forget(&a);
}

static void an_answer_that_is_held_has_no_clock(void **state)
{
	struct bench *b = *state;
	struct asked a = { .hold_head = true };

	use(b, "127.0.0.1", 1, 8);
	ask(b, &a);
	serve(b, 0);
	reply(b, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
	assert_int_equal(a.heads, 1);
	pass(b, 10 * IDLE_MS);
	assert_int_equal(a.fails, 0);
	gh__call_go(&a.call);
	pass(b, IDLE_MS + 100);
	check_fail(&a, GH__FAIL_CUT);
	forget(&a);
}

/* ---- names ---- */

static bool is_called(void *arg)
{
	return wire_called(*(int *)arg);
}

static void a_name_is_looked_up_and_called(void **state)
{
	struct bench *b = *state;
	struct asked a = { .body = NULL };
	uint64_t until = uv_hrtime() + 5000000000ull;

	use(b, "localhost", 1, 8);
	ask(b, &a);
	while (!is_called(b->listeners) && uv_hrtime() < until) {
		pass(b, 10); /* it asks again until the name is there */
		if (a.fails)
			break;
		if (b->loop.now > CONNECT_MS / 2)
			usleep(1000);
	}
	serve(b, 0);
	reply(b, OK);
	assert_int_equal(a.lasts, 1);
	forget(&a);
}

static void a_name_that_nobody_knows_is_a_failure(void **state)
{
	struct bench *b = *state;
	struct asked a = { .body = NULL };
	uint64_t until = uv_hrtime() + 10000000000ull;

	use(b, "no-such-name.invalid", 1, 8);
	ask(b, &a);
	while (!a.fails && uv_hrtime() < until)
		pass(b, 10);
	check_fail(&a, GH__FAIL_CONNECT);
	forget(&a);
}

static void a_call_may_be_cancelled_while_its_name_is_looked_up(void **state)
{
	struct bench *b = *state;
	struct asked a = { .body = NULL };

	use(b, "localhost", 1, 8);
	ask(b, &a);
	gh__call_cancel(&a.call);
	pass(b, 1000);
	assert_int_equal(a.fails, 0);
	assert_false(wire_called(b->listeners[0]));
	forget(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_connection_has_its_time),
		CASE(the_first_byte_has_its_time),
		CASE(a_pause_in_the_answer_has_its_time),
		CASE(an_answer_that_is_held_has_no_clock),
		CASE(a_name_is_looked_up_and_called),
		CASE(a_name_that_nobody_knows_is_a_failure),
		CASE(a_call_may_be_cancelled_while_its_name_is_looked_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
