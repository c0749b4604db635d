/* A client's connection: requests one after another, their bodies, tunnels. */
#include "unit/net/conn_bench.h"

/* ---- one after another ---- */

static void a_kept_connection_serves_one_request_after_another(void **state)
{
	struct bench *b = *state;

	b->on_head = say_path;
	for (int i = 1; i <= 3; i++) {
		say(b, "GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
		assert_string_equal(head_of(b), "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
		assert_string_equal(rest(b), "/x");
		wire_forget(&b->client);
		assert_int_equal(b->heads, i);
		assert_int_equal(b->ends, i);
	}
	assert_int_equal(b->conns.count, 1);
	assert_int_equal(b->closes, 0);
}

static void pipelined_requests_are_answered_in_order(void **state)
{
	struct bench *b = *state;

	say(b, "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n"
	       "GET /3 HTTP/1.1\r\nHost: a\r\n\r\nGET /4 HT");
	assert_int_equal(b->heads, 1); /* the second waits for the first one's answer */
	for (unsigned i = 1; i <= 3; i++) {
		assert_int_equal(b->heads, i);
		say_path(b, b->stream);
		wire_settle(&b->loop);
	}
	assert_null(b->stream);
	b->on_head = say_path;
	say(b, "TP/1.1\r\nHost: a\r\n\r\n");
	assert_string_equal(b->paths, "/1 /2 /3 /4 ");
	const char *at = rest(b);
	for (char path[] = "\r\n\r\n/1"; path[5] <= '4'; path[5]++) {
		at = strstr(at, path);
		assert_non_null(at);
	}
}

static void pipelined_requests_with_bodies_are_kept_apart(void **state)
{
	struct bench *b = *state;

	b->on_head = want;
	b->on_end_of_body = say_body;
	say(b, "POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
	       "POST /2 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
	       "3\r\nabc\r\n0\r\n\r\nPOST /3 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nno");
	assert_string_equal(b->paths, "/1 /2 /3 ");
	head_of(b);
	assert_int_equal(strncmp(rest(b), "hello", 5), 0);
	head_of(b);
	assert_int_equal(strncmp(rest(b), "abc", 3), 0);
	head_of(b);
	assert_string_equal(rest(b), "no");
}

static void a_head_may_come_byte_by_byte(void **state)
{
	struct bench *b = *state;
	const char head[] = "\r\nGET /slow HTTP/1.1\r\nHost: a\r\n\r\n";

	b->on_head = say_path;
	for (size_t i = 0; i + 1 < sizeof head; i++) {
		assert_int_equal(b->heads, 0);
		wire_send_bytes(&b->loop, &b->client, head + i, 1);
	}
	assert_string_equal(head_of(b), "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
	assert_string_equal(rest(b), "/slow");
}

/* ---- bodies of requests ---- */

static void an_early_answer_to_a_body_that_is_not_here_closes(void **state)
{
	struct bench *b = *state;

	b->on_head = refuse_large;
	say(b, "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nsome");
	/* It goes on sending, and reads its answer all the same: no reset. */
	wire_send_bytes(&b->loop, &b->client, b->big, 300000);
	assert_string_equal(head_of(b), "HTTP/1.1 413 Content Too Large\r\nContent-Length: 9\r\n"
					"Connection: close\r\n\r\n");
	assert_true(wire_ends(&b->loop, &b->client));
	assert_int_equal(b->client.end, WIRE_FIN);
	assert_string_equal(b->client.got, "too large");
	assert_int_equal(b->len, 0);
	assert_int_equal(b->ends, 1);
	assert_int_equal(b->closes, 0); /* it lingers */
	wire_close(&b->client);
	wire_settle(&b->loop);
	assert_int_equal(b->closes, 1);
}

static void a_linger_ends_by_itself(void **state)
{
	struct bench *b = *state;

	b->on_head = say_path;
	say(b, "GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
	assert_string_equal(head_of(b), "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"
					"Connection: close\r\n\r\n");
	assert_true(wire_ends(&b->loop, &b->client));
	for (int i = 0; i < 4; i++) {
		pass(b, 1000);
		say(b, "GET /again HTTP/1.1\r\nHost: a\r\n\r\n"); /* moves nothing */
	}
	assert_int_equal(b->closes, 0);
	pass(b, 1000 + 2 * GH__TICK_MS);
	assert_int_equal(b->closes, 1);
	assert_int_equal(b->heads, 1);
}

static void an_early_answer_to_a_body_that_is_here_keeps_the_connection(void **state)
{
	struct bench *b = *state;

	b->on_head = say_path;
	say(b, "POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
	       "GET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_string_equal(b->paths, "/1 /2 ");
	assert_int_equal(b->len, 0);
	assert_string_equal(head_of(b), "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
	assert_non_null(strstr(rest(b), "/2"));
	assert_int_equal(b->closes, 0);
}

static void a_413_closes_also_when_the_body_is_here(void **state)
{
	struct bench *b = *state;

	b->on_head = refuse_large;
	say(b, "POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
	       "GET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_non_null(strstr(head_of(b), "Connection: close\r\n"));
	assert_true(wire_ends(&b->loop, &b->client));
	assert_string_equal(b->paths, "/1 ");
}

static void a_continue_is_sent_when_the_body_is_wanted(void **state)
{
	struct bench *b = *state;
	const char head[] = "POST /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
			    "Content-Length: 5\r\n\r\n";

	b->on_end_of_body = say_done;
	say(b, head);
	assert_string_equal(rest(b), "");
	b->stream->ops->want_body(b->stream);
	assert_string_equal(head_of(b), "HTTP/1.1 100 Continue\r\n\r\n");
	b->stream->ops->hold_body(b->stream);
	b->stream->ops->want_body(b->stream); /* said once */
	say(b, "hello");
	assert_string_equal(b->body, "hello");
	assert_string_equal(head_of(b), "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n");
	assert_string_equal(rest(b), "done");
}

static void no_continue_for_a_body_that_is_here_or_not_wanted(void **state)
{
	struct bench *b = *state;

	b->on_head = want;
	b->on_end_of_body = say_done;
	say(b,
	    "POST /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi");
	assert_string_equal(head_of(b), "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n");
	join(b);
	b->on_head = say_path;
	say(b, "POST /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
	assert_string_equal(head_of(b), "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"
					"Connection: close\r\n\r\n");
	assert_true(wire_ends(&b->loop, &b->client));
}

static void a_body_that_is_held_stays_on_the_socket(void **state)
{
	struct bench *b = *state;
	char head[128];
	size_t before;

	b->on_head = want;
	b->on_end_of_body = say_done;
	b->hold = true;
	snprintf(head, sizeof head, "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n",
		 BIG);
	say(b, head);
	size_t sent = 0;
	for (unsigned rounds = 0; !b->lasts; rounds++) {
		ssize_t n = send(b->client.fd, b->big + sent, BIG - sent, MSG_NOSIGNAL);
		sent += n > 0 ? (size_t)n : 0;
		wire_settle(&b->loop);
		if (b->lasts)
			break;
		before = b->len;
		wire_settle(&b->loop);
		assert_int_equal(b->len, before); /* nothing comes while it is held */
		assert_true(rounds < 10000);
		b->stream->ops->want_body(b->stream);
	}
	assert_int_equal(b->len, BIG);
	assert_memory_equal(b->body, b->big, BIG);
}

static void a_chunked_body_is_taken_out_of_its_chunks(void **state)
{
	struct bench *b = *state;

	b->on_head = want;
	b->on_end_of_body = say_done;
	say(b, "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4;a=b\r\nwiki");
	say(b, "\r\n5\r\npedia\r\n0\r\nTrailer: x\r\n\r\n");
	assert_string_equal(b->body, "wikipedia");
	assert_int_equal(b->lasts, 1);
	assert_string_equal(head_of(b), "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n");
}

static void a_body_that_breaks_its_framing_can_still_be_answered(void **state)
{
	struct bench *b = *state;

	b->on_head = want;
	say(b,
	    "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n");
	assert_int_equal(b->gones, 1);
	assert_int_equal(b->error, UV_EPROTO);
	assert_false(b->stream->flags & GH__S_GONE);
	answer(b->stream, 400, "bad");
	assert_non_null(strstr(head_of(b), "Connection: close\r\n"));
	assert_true(wire_ends(&b->loop, &b->client));
	assert_string_equal(b->client.got, "bad");
	assert_int_equal(b->gones, 1);
}

static void a_body_past_its_limit_can_still_be_answered(void **state)
{
	struct bench *b = *state;

	b->on_head = want;
	b->max_body = 6;
	say(b, "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"
	       "3\r\ndef\r\n");
	assert_int_equal(b->gones, 0);
	assert_string_equal(b->body, "abcdef");
	say(b, "1\r\ng\r\n0\r\n\r\n");
	assert_int_equal(b->gones, 1);
	assert_int_equal(b->error, UV_E2BIG);
	assert_string_equal(b->body, "abcdef");
	answer(b->stream, 413, "large");
	assert_true(wire_ends(&b->loop, &b->client));
	assert_int_equal(b->client.end, WIRE_FIN);
	join(b); /* a chunk that says it is too large need not come first */
	say(b, "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n7\r\na");
	assert_int_equal(b->error, UV_E2BIG);
	assert_int_equal(b->len, 0);
	answer(b->stream, 413, "large");
}

/* ---- tunnels ---- */

static const char upgrade[] = "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n"
			      "Upgrade: websocket\r\nSec-WebSocket-Key: x\r\n"
			      "Sec-WebSocket-Version: 13\r\n\r\n";

static void a_tunnel_passes_bytes_both_ways_in_order(void **state)
{
	struct bench *b = *state;
	char text[sizeof upgrade + 16];

	snprintf(text, sizeof text, "%sfirst ", upgrade);
	say(b, text);
	say(b, "second ");
	assert_int_equal(b->len, 0);
	switch_over(b, b->stream);
	b->stream->ops->want_body(b->stream);
	say(b, "third");
	assert_string_equal(b->body, "first second third");
	assert_string_equal(head_of(b), "HTTP/1.1 101 Switching Protocols\r\n"
					"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
	b->stream->ops->send_body(b->stream, GH_STR("raw"), GH_MORE);
	b->stream->ops->flush(b->stream);
	assert_string_equal(rest(b), "raw");
	pass(b, 10 * IDLE_MS);
	assert_int_equal(b->closes, 0);
	b->stream->ops->send_body(b->stream, GH_STR("bye"), GH_LAST);
	b->stream->ops->flush(b->stream);
	assert_true(wire_ends(&b->loop, &b->client));
	assert_string_equal(b->client.got, "rawbye");
	assert_int_equal(b->client.end, WIRE_FIN);
}

static void a_tunnel_that_is_held_keeps_bytes_back(void **state)
{
	struct bench *b = *state;

	b->on_head = switch_over;
	say(b, upgrade);
	say(b, "one");
	say(b, "two");
	assert_int_equal(b->len, 0);
	b->stream->ops->want_body(b->stream);
	wire_settle(&b->loop);
	assert_string_equal(b->body, "onetwo");
	b->stream->ops->hold_body(b->stream);
	say(b, "three");
	assert_string_equal(b->body, "onetwo");
	b->stream->ops->want_body(b->stream);
	wire_settle(&b->loop);
	assert_string_equal(b->body, "onetwothree");
}

static void a_client_that_leaves_its_tunnel_is_told(void **state)
{
	struct bench *b = *state;

	b->on_head = switch_over;
	say(b, upgrade);
	b->stream->ops->want_body(b->stream);
	head_of(b);
	wire_close(&b->client);
	wire_settle(&b->loop);
	assert_int_equal(b->gones, 1);
	assert_int_equal(b->error, 0);
	assert_int_equal(b->ends, 1);
}

/* Connections are accepted in the turn in which they come. */
static const char first[] = "GET /first HTTP/1.1\r\nHost: h\r\n\r\n";

static void join_in_a_turn(uv_async_t *async)
{
	struct bench *b = async->data;
	struct gh_address peer = { .family = AF_INET, .bytes = { 192, 0, 2, 1 } };
	int fds[2];

	wire_tcp_pair(fds);
	assert_int_equal(send(fds[1], first, sizeof first - 1, 0), sizeof first - 1);
	wire_open(&b->client, fds[1]);
	assert_int_equal(gh__conn_accept(&b->conns, fds[0], &peer, b->door), 0);
	uv_close((uv_handle_t *)async, NULL);
}

static void a_request_that_comes_with_its_connection_waits_for_no_further_turn(void **state)
{
	struct bench *b = *state;
	uv_async_t async;

	wire_close(&b->client);
	wire_settle(&b->loop);
	b->on_head = say_done;
	uv_async_init(&b->loop.uv, &async, join_in_a_turn);
	async.data = b;
	uv_async_send(&async);
	uv_run(&b->loop.uv, UV_RUN_ONCE);
	assert_string_equal(b->paths, "/first ");
	wire_settle(&b->loop);
	assert_int_equal(b->heads, 1);
	assert_int_equal(b->ends, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_request_that_comes_with_its_connection_waits_for_no_further_turn),
		CASE(a_kept_connection_serves_one_request_after_another),
		CASE(pipelined_requests_are_answered_in_order),
		CASE(pipelined_requests_with_bodies_are_kept_apart),
		CASE(a_head_may_come_byte_by_byte),
		CASE(an_early_answer_to_a_body_that_is_not_here_closes),
		CASE(a_linger_ends_by_itself),
		CASE(an_early_answer_to_a_body_that_is_here_keeps_the_connection),
		CASE(a_413_closes_also_when_the_body_is_here),
		CASE(a_continue_is_sent_when_the_body_is_wanted),
		CASE(no_continue_for_a_body_that_is_here_or_not_wanted),
		CASE(a_body_that_is_held_stays_on_the_socket),
		CASE(a_chunked_body_is_taken_out_of_its_chunks),
		CASE(a_body_that_breaks_its_framing_can_still_be_answered),
		CASE(a_body_past_its_limit_can_still_be_answered),
		CASE(a_tunnel_passes_bytes_both_ways_in_order),
		CASE(a_tunnel_that_is_held_keeps_bytes_back),
		CASE(a_client_that_leaves_its_tunnel_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
