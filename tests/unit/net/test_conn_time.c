/* How long a client's connection waits for what, and how it ends when serving ends. */
#include "unit/net/conn_bench.h"

/* ---- time ---- */

static void a_head_has_its_time_in_all(void **state)
{
	struct bench *b = *state;

	pass(b, HEAD_MS - 200);
	assert_int_equal(b->closes, 0);
	pass(b, 400);
	assert_int_equal(b->closes, 1); /* one that says nothing is closed without a word */
	assert_int_equal(b->refused, 0);
	assert_true(wire_ends(&b->loop, &b->client));
	assert_int_equal(b->client.len, 0);
	join(b);
	for (int i = 0; i < 9; i++) {
		say(b, i ? "x" : "GET /");
		pass(b, HEAD_MS / 10);
		assert_int_equal(b->refused, 0);
	}
	say(b, "x");
	pass(b, HEAD_MS / 10 + 200); /* dripping moves nothing */
	assert_int_equal(b->refused, 1);
	assert_int_equal(b->refused_status, 408);
	assert_non_null(strstr(head_of(b), "HTTP/1.1 408 "));
	assert_true(wire_ends(&b->loop, &b->client));
}

static void an_idle_connection_is_closed(void **state)
{
	struct bench *b = *state;

	b->on_head = say_path;
	for (int i = 0; i < 3; i++) {
		pass(b, i ? IDLE_MS - 200 : 0);
		say(b, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
		assert_non_null(strstr(head_of(b), "200 OK"));
		wire_forget(&b->client);
	}
	pass(b, IDLE_MS + 200);
	assert_int_equal(b->closes, 1);
	assert_int_equal(b->ends, 3);
}

static void a_body_that_stalls_can_still_be_answered(void **state)
{
	struct bench *b = *state;

	b->on_head = want;
	say(b, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n");
	for (int i = 0; i < 5; i++) {
		pass(b, BODY_MS - 200);
		say(b, "progress");
	}
	assert_int_equal(b->gones, 0);
	pass(b, BODY_MS + 200);
	assert_int_equal(b->gones, 1);
	assert_int_equal(b->error, UV_ETIMEDOUT);
	answer(b->stream, 408, "late");
	assert_non_null(strstr(head_of(b), "Connection: close\r\n"));
	assert_true(wire_ends(&b->loop, &b->client));
}

static void a_body_that_nobody_wants_yet_has_no_clock(void **state)
{
	struct bench *b = *state;

	say(b, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n");
	pass(b, 10 * BODY_MS);
	assert_int_equal(b->gones, 0);
	assert_int_equal(b->closes, 0);
}

static void a_client_that_takes_nothing_is_reset(void **state)
{
	struct bench *b = *state;

	b->on_head = say_big;
	say(b, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	pass(b, WRITE_MS - 200);
	assert_int_equal(b->closes, 0);
	pass(b, 400);
	assert_int_equal(b->closes, 1);
	assert_true(wire_ends(&b->loop, &b->client));
	assert_int_equal(b->client.end, WIRE_RST);
	assert_true(b->client.len < BIG);
}

/* ---- the end of serving ---- */

static void a_stop_closes_idle_ones_and_lets_answers_end(void **state)
{
	struct bench *b = *state;

	gh__conns_stop(&b->conns);
	assert_true(wire_ends(&b->loop, &b->client));
	assert_int_equal(b->client.end, WIRE_FIN);
	wire_settle(&b->loop);
	assert_int_equal(b->closes, 1);
	b->conns.stopping = false;
	join(b);
	b->on_head = begin_stream;
	say(b, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	gh__conns_stop(&b->conns);
	pass(b, 1000);
	assert_int_equal(b->closes, 0);
	b->stream->ops->send_body(b->stream, GH_STR("end"), GH_LAST);
	b->stream->ops->flush(b->stream);
	assert_true(wire_ends(&b->loop, &b->client));
	assert_int_equal(b->client.end, WIRE_FIN);
	assert_non_null(strstr(b->client.got, "3\r\nend\r\n0\r\n\r\n"));
	wire_settle(&b->loop);
	assert_int_equal(b->closes, 1);
	b->conns.stopping = false;
	join(b);
	b->on_head = NULL;
	say(b, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	gh__conns_stop(&b->conns);
	say_path(b, b->stream);
	assert_non_null(strstr(head_of(b), "Connection: close\r\n"));
}

static void a_cut_shows_where_an_answer_was_under_way(void **state)
{
	struct bench *b = *state;

	b->on_head = begin_stream;
	say(b, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	gh__conns_cut(&b->conns);
	gh__conns_cut(&b->conns);
	assert_true(wire_ends(&b->loop, &b->client));
	assert_null(strstr(b->client.got, "0\r\n\r\n"));
	wire_settle(&b->loop);
	assert_int_equal(b->gones, 1);
	assert_int_equal(b->ends, 1);
	join(b);
	say(b, "GET / HTTP/1.0\r\nHost: a\r\n\r\n");
	wire_read(&b->client);
	gh__conns_cut(&b->conns);
	assert_true(wire_ends(&b->loop, &b->client));
	assert_int_equal(b->client.end, WIRE_RST);
	wire_settle(&b->loop);
	assert_int_equal(b->gones, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_head_has_its_time_in_all),
		CASE(an_idle_connection_is_closed),
		CASE(a_body_that_stalls_can_still_be_answered),
		CASE(a_body_that_nobody_wants_yet_has_no_clock),
		CASE(a_client_that_takes_nothing_is_reset),
		CASE(a_stop_closes_idle_ones_and_lets_answers_end),
		CASE(a_cut_shows_where_an_answer_was_under_way),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
