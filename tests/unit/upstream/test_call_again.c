/* When a connection is used again, when a call is tried again, and when it must not be. */
#include "unit/upstream/call_bench.h"

/* ---- using a connection again ---- */

static void an_idle_connection_is_used_again(void **state)
{
	struct bench *b = *state;
	struct asked a = { .body = NULL };

	use(b, "127.0.0.1", 1, 8);
	warm(b);
	for (int i = 0; i < 3; i++) {
		ask(b, &a);
		assert_true(wire_sees(&b->loop, &b->server, "\r\n\r\n"));
		wire_forget(&b->server);
		reply(b, OK);
		assert_int_equal(a.lasts, 1);
		forget(&a);
	}
	assert_false(wire_called(b->listeners[0]));
	assert_int_equal(b->pools.count, 1);
}

static void a_connection_is_not_used_again_when_it_may_not_be(void **state)
{
	static const char *const cases[] = {
		"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
		"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n",
		"HTTP/1.1 204 No Content\r\n\r\nbytes",
	};
	struct bench *b = *state;

	use(b, "127.0.0.1", 1, 8);
	for (size_t i = 0; i < GH_COUNT_OF(cases); i++) {
		struct asked a = { .body = NULL };
		ask(b, &a);
		serve(b, 0);
		reply(b, cases[i]);
		assert_int_equal(a.lasts, 1);
		assert_int_equal(b->pools.count, 0);
		assert_true(wire_ends(&b->loop, &b->server));
		wire_close(&b->server);
		forget(&a);
	}
}

static void an_answer_before_the_whole_body_ends_the_connection(void **state)
{
	struct bench *b = *state;
	struct asked a = { .send = "half", .part = GH_MORE };

	use(b, "127.0.0.1", 1, 8);
	ask_for(b, &a, "POST", 8);
	serve(b, 0);
	reply(b, OK);
	assert_int_equal(a.lasts, 1);
	assert_int_equal(b->pools.count, 0);
	gh__call_body(&a.call, GH_STR("rest"), GH_LAST); /* is nothing */
	forget(&a);
}

static void an_idle_connection_that_speaks_or_closes_is_dropped(void **state)
{
	struct bench *b = *state;

	use(b, "127.0.0.1", 1, 8);
	warm(b);
	reply(b, "HTTP/1.1 408 Request Timeout\r\n\r\n");
	assert_int_equal(b->pools.count, 0);
	wire_close(&b->server);
	warm(b);
	wire_close(&b->server);
	wire_settle(&b->loop);
	assert_int_equal(b->pools.count, 0);
}

static void idle_connections_have_their_time_and_their_number(void **state)
{
	struct bench *b = *state;
	struct asked a[3] = { 0 };
	struct wire servers[3];

	use(b, "127.0.0.1", 1, 2);
	for (int i = 0; i < 3; i++) {
		ask(b, a + i);
		assert_true(wire_accept(&b->loop, b->listeners[0], servers + i));
	}
	for (int i = 0; i < 3; i++) {
		assert_true(wire_sees(&b->loop, servers + i, "\r\n\r\n"));
		wire_send(&b->loop, servers + i, OK);
	}
	wire_settle(&b->loop);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(a[i].lasts, 1);
		forget(a + i);
	}
	assert_int_equal(b->pools.count, 2); /* max_idle */
	pass(b, KEEP_MS - 100);
	assert_int_equal(b->pools.count, 2);
	pass(b, 200);
	assert_int_equal(b->pools.count, 0);
	for (int i = 0; i < 3; i++) {
		assert_true(wire_ends(&b->loop, servers + i));
		wire_close(servers + i);
	}
}

static void no_time_keeps_none(void **state)
{
	struct bench *b = *state;
	struct asked a = { .body = NULL };

	use(b, "127.0.0.1", 1, 8);
	b->upstream->keepalive = 0;
	ask(b, &a);
	serve(b, 0);
	reply(b, OK);
	assert_int_equal(a.lasts, 1);
	assert_int_equal(b->pools.count, 0);
	forget(&a);
}

static void a_pool_that_is_forgotten_closes_its_idle_ones(void **state)
{
	struct bench *b = *state;

	use(b, "127.0.0.1", 1, 8);
	warm(b);
	gh__pools_forget(&b->pools, b->upstream->id, b->upstream->count);
	gh__pools_forget(&b->pools, b->upstream->id, b->upstream->count);
	wire_settle(&b->loop);
	assert_int_equal(b->pools.count, 0);
	assert_true(wire_ends(&b->loop, &b->server));
	wire_close(&b->server);
	warm(b); /* and begins anew */
}

/* ---- trying again ---- */

/* The server's idle connection is closed as soon as the next head comes. */
static void close_at_the_next_head(struct bench *b)
{
	assert_true(wire_sees(&b->loop, &b->server, "\r\n\r\n"));
	wire_close(&b->server);
}

static void a_stale_connection_is_tried_again_once(void **state)
{
	struct bench *b = *state;
	struct asked a = { .body = NULL };

	use(b, "127.0.0.1", 1, 8);
	warm(b);
	ask(b, &a);
	close_at_the_next_head(b);
	serve(b, 0);
	assert_string_equal(b->server.got,
			    "GET /v1/x?y HTTP/1.1\r\nHost: model.test\r\nX-Own: 1\r\n\r\n");
	assert_int_equal(atomic_load(&b->upstream->retries), 1);
	wire_close(&b->server);
	wire_settle(&b->loop);
	check_fail(&a, GH__FAIL_CLOSED);
	assert_false(wire_called(b->listeners[0]));
	forget(&a);
}

static void a_body_that_was_kept_is_sent_again_whole(void **state)
{
	static const struct {
		int64_t length;
		const char *wire;
	} cases[] = {
		{ 10, "Content-Length: 10\r\n\r\nhelloworld" },
		{ -1, "chunked\r\n\r\n5\r\nhello\r\n5\r\nworld\r\n0\r\n\r\n" },
	};
	struct bench *b = *state;

	use(b, "127.0.0.1", 1, 8);
	for (size_t i = 0; i < GH_COUNT_OF(cases); i++) {
		struct asked a = { .send = "hello", .part = GH_MORE };
		warm(b);
		ask_for(b, &a, "POST", cases[i].length);
		close_at_the_next_head(b);
		serve(b, 0);
		wire_settle(&b->loop);
		gh__call_body(&a.call, GH_STR("world"), GH_LAST);
		/* What was kept stands in one piece or in several: chunk borders are nobody's. */
		assert_true(wire_sees(&b->loop, &b->server, cases[i].wire));
		assert_int_equal(a.readies, 2);
		reply(b, OK);
		assert_int_equal(a.lasts, 1);
		wire_close(&b->server);
		wire_settle(&b->loop);
		forget(&a);
	}
}

static void a_body_that_was_sent_whole_is_sent_again_whole(void **state)
{
	static const struct {
		const char *body, *wire;
		int64_t length;
	} cases[] = {
		{ "hello", "Content-Length: 5\r\n\r\nhello", 5 },
		{ "hello", "chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", -1 },
		{ "", "chunked\r\n\r\n0\r\n\r\n", -1 },
	};
	struct bench *b = *state;

	use(b, "127.0.0.1", 1, 8);
	for (size_t i = 0; i < GH_COUNT_OF(cases); i++) {
		struct asked a = { .send = cases[i].body, .part = GH_LAST };
		warm(b);
		ask_for(b, &a, "POST", cases[i].length);
		close_at_the_next_head(b);
		serve(b, 0);
		wire_settle(&b->loop);
		wire_read(&b->server);
		const char *at = strstr(b->server.got, cases[i].wire);
		assert_non_null(at);
		assert_string_equal(at, cases[i].wire);
		assert_int_equal(a.readies, 1);
		reply(b, OK);
		assert_int_equal(a.lasts, 1);
		wire_close(&b->server);
		wire_settle(&b->loop);
		forget(&a);
	}
}

/* Turns until a second connection is under way, and no further. */
static bool is_retried(void *arg)
{
	return ((struct asked *)arg)->call.flags & GH__CALL_RETRIED;
}

static void body_that_comes_while_it_connects_again_stays_behind_the_head(void **state)
{
	struct bench *b = *state;

	use(b, "127.0.0.1", 1, 8);
	for (int i = 0; i < 2; i++) {
		struct asked a = { .send = i ? "hello" : NULL, .part = GH_MORE };
		warm(b);
		ask_for(b, &a, "POST", i ? 10 : 5);
		assert_true(wire_sees(&b->loop, &b->server, "\r\n\r\n"));
		int filler = wire_fill(b->listeners[0], b->ports[0]);
		wire_close(&b->server);
		while (!is_retried(&a))
			uv_run(&b->loop.uv, UV_RUN_ONCE);
		assert_true(a.call.conn->pump.flags & GH__PUMP_CONNECTING);
		gh__call_body(&a.call, GH_STR("wor"), GH_MORE);
		assert_true(gh__call_pressure(&a.call) > 0); /* that is enough for now */
		gh__call_body(&a.call, GH_STR("ld"), GH_LAST);
		wire_empty(b->listeners[0], filler);
		serve(b, 0);
		wire_settle(&b->loop);
		wire_read(&b->server);
		assert_string_equal(b->server.got,
				    i ? "POST /v1/x?y HTTP/1.1\r\nHost: model.test\r\nX-Own: 1\r\n"
					"Content-Length: 10\r\n\r\nhelloworld"
				      : "POST /v1/x?y HTTP/1.1\r\nHost: model.test\r\nX-Own: 1\r\n"
					"Content-Length: 5\r\n\r\nworld");
		reply(b, OK);
		assert_int_equal(a.lasts, 1);
		wire_close(&b->server);
		wire_settle(&b->loop);
		forget(&a);
	}
}

static void a_body_that_is_too_large_to_keep_is_not_sent_again(void **state)
{
	struct bench *b = *state;
	char *large = calloc(1, GH__CALL_KEEP + 2);

	use(b, "127.0.0.1", 1, 8);
	memset(large, 'x', GH__CALL_KEEP + 1);
	for (int over = 0; over < 2; over++) {
		struct asked a = { .send = NULL };
		warm(b);
		ask_for(b, &a, "POST", GH__CALL_KEEP + over);
		gh__call_body(&a.call, (struct gh_str){ large, GH__CALL_KEEP + (size_t)over },
			      GH_LAST);
		assert_true(wire_gets(&b->loop, &b->server, GH__CALL_KEEP));
		wire_read(&b->server);
		wire_close(&b->server);
		wire_settle(&b->loop);
		if (over) {
			check_fail(&a, GH__FAIL_CLOSED);
			assert_false(wire_called(b->listeners[0]));
		} else {
			serve(b, 0);
			const char *body = strstr(b->server.got, "\r\n\r\n") + 4;
			size_t head = (size_t)(body - b->server.got);
			assert_true(wire_gets(&b->loop, &b->server, head + GH__CALL_KEEP));
			assert_memory_equal(b->server.got + head, large, GH__CALL_KEEP);
			gh__call_cancel(&a.call);
			wire_close(&b->server);
			wire_settle(&b->loop);
		}
		forget(&a);
	}
	free(large);
}

static void nothing_is_tried_again_after_a_byte_came(void **state)
{
	static const char *const cases[] = { "H", "HTTP/1.1 100 Continue\r\n\r\n" };
	struct bench *b = *state;

	use(b, "127.0.0.1", 1, 8);
	for (size_t i = 0; i < GH_COUNT_OF(cases); i++) {
		struct asked a = { .body = NULL };
		warm(b);
		ask(b, &a);
		assert_true(wire_sees(&b->loop, &b->server, "\r\n\r\n"));
		reply(b, cases[i]);
		wire_close(&b->server);
		wire_settle(&b->loop);
		check_fail(&a, GH__FAIL_CLOSED);
		assert_false(wire_called(b->listeners[0]));
		forget(&a);
	}
}

static void a_refused_endpoint_is_passed_over(void **state)
{
	struct bench *b = *state;

	use(b, "127.0.0.1", 2, 0);
	close(b->listeners[0]);
	b->listeners[0] = -1;
	for (int i = 0; i < 4; i++) {
		struct asked a = { .body = NULL };
		ask(b, &a);
		serve(b, 1);
		reply(b, OK);
		assert_int_equal(a.lasts, 1);
		wire_close(&b->server);
		forget(&a);
	}
	assert_false(gh__endpoint_up(b->upstream->endpoints, b->loop.now));
	/* Passed over, not tried each time. */
	assert_int_equal(atomic_load(&b->upstream->failures), 1);
	pass(b, FAIL_MS + 10);
	assert_true(gh__endpoint_up(b->upstream->endpoints, b->loop.now));
}

static void nobody_to_reach_is_a_failure(void **state)
{
	struct bench *b = *state;
	struct asked a = { .body = NULL };

	use(b, "127.0.0.1", 2, 0);
	for (int i = 0; i < 2; i++) {
		close(b->listeners[i]);
		b->listeners[i] = -1;
	}
	ask(b, &a);
	wire_settle(&b->loop);
	check_fail(&a, GH__FAIL_CONNECT);
	assert_int_equal(atomic_load(&b->upstream->failures), 2);
	forget(&a);
}

static void a_stale_connection_to_a_dead_server_goes_to_the_next(void **state)
{
	struct bench *b = *state;
	struct asked a = { .send = "hello", .part = GH_LAST };

	use(b, "127.0.0.1", 2, 8);
	warm(b);
	atomic_store(&b->upstream->turn, 0);
	ask_for(b, &a, "POST", 5);
	assert_true(wire_sees(&b->loop, &b->server, "hello"));
	close(b->listeners[0]);
	b->listeners[0] = -1;
	wire_close(&b->server);
	serve(b, 1);
	assert_non_null(strstr(b->server.got, "Content-Length: 5\r\n\r\nhello"));
	assert_false(gh__endpoint_up(b->upstream->endpoints, b->loop.now));
	reply(b, OK);
	assert_int_equal(a.lasts, 1);
	forget(&a);
}

static void a_stale_connection_to_a_server_that_is_gone_cannot_be_reached(void **state)
{
	struct bench *b = *state;
	struct asked a = { .body = NULL };

	use(b, "127.0.0.1", 1, 8);
	warm(b);
	ask(b, &a);
	assert_true(wire_sees(&b->loop, &b->server, "\r\n\r\n"));
	close(b->listeners[0]);
	b->listeners[0] = -1;
	wire_close(&b->server);
	wire_settle(&b->loop);
	check_fail(&a, GH__FAIL_CONNECT);
	assert_false(gh__endpoint_up(b->upstream->endpoints, b->loop.now));
	forget(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(an_idle_connection_is_used_again),
		CASE(a_connection_is_not_used_again_when_it_may_not_be),
		CASE(an_answer_before_the_whole_body_ends_the_connection),
		CASE(an_idle_connection_that_speaks_or_closes_is_dropped),
		CASE(idle_connections_have_their_time_and_their_number),
		CASE(no_time_keeps_none),
		CASE(a_pool_that_is_forgotten_closes_its_idle_ones),
		CASE(a_stale_connection_is_tried_again_once),
		CASE(a_body_that_was_kept_is_sent_again_whole),
		CASE(a_body_that_was_sent_whole_is_sent_again_whole),
		CASE(body_that_comes_while_it_connects_again_stays_behind_the_head),
		CASE(a_body_that_is_too_large_to_keep_is_not_sent_again),
		CASE(nothing_is_tried_again_after_a_byte_came),
		CASE(a_refused_endpoint_is_passed_over),
		CASE(nobody_to_reach_is_a_failure),
		CASE(a_stale_connection_to_a_dead_server_goes_to_the_next),
		CASE(a_stale_connection_to_a_server_that_is_gone_cannot_be_reached),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
