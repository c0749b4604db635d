/* One exchange with an upstream: what is sent, what comes back, tunnels, and a cancel at every stage. */
#include "unit/upstream/call_bench.h"

/* ---- asking and answers ---- */

static void a_call_sends_its_head_and_gives_the_answer(void **state)
{
	struct bench *b = *state;
	struct asked a = { .body = NULL };

	use(b, "127.0.0.1", 1, 8);
	ask(b, &a);
	serve(b, 0);
	assert_string_equal(b->server.got,
			    "GET /v1/x?y HTTP/1.1\r\nHost: model.test\r\nX-Own: 1\r\n\r\n");
	assert_int_equal(atomic_load(&b->upstream->endpoints[0].busy), 1);
	reply(b, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe");
	assert_int_equal(a.heads, 1);
	assert_int_equal(a.res.status, 200);
	assert_int_equal(a.res.length, 5);
	assert_string_equal(a.body, "he");
	assert_int_equal(a.lasts, 0);
	unsigned turns = a.turns;
	reply(b, "llo");
	assert_string_equal(a.body, "hello");
	assert_int_equal(a.lasts, 1);
	assert_int_equal(a.turns, turns + 1);
	assert_int_equal(atomic_load(&b->upstream->endpoints[0].busy), 0);
	gh__call_cancel(&a.call); /* one that is over */
	forget(&a);
}

static void a_body_is_framed_by_its_length_or_in_chunks(void **state)
{
	static const struct {
		const char *method, *body, *wire;
		int64_t length;
	} cases[] = {
		{ "POST", "hello", "Content-Length: 5\r\n\r\nhello", 5 },
		{ "POST", "hello", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
		  -1 },
		{ "POST", "", "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", -1 },
		{ "POST", NULL, "Content-Length: 0\r\n\r\n", 0 },
		{ "DELETE", NULL, "Content-Length: 0\r\n\r\n", 0 },
		{ "HEAD", NULL, "X-Own: 1\r\n\r\n", 0 },
		{ "GET", "x", "Content-Length: 1\r\n\r\nx", 1 },
	};
	struct bench *b = *state;

	use(b, "127.0.0.1", 1, 0);
	for (size_t i = 0; i < GH_COUNT_OF(cases); i++) {
		struct asked a = { .send = cases[i].body, .part = GH_LAST };
		ask_for(b, &a, cases[i].method, cases[i].length);
		serve(b, 0);
		wire_settle(&b->loop);
		wire_read(&b->server);
		const char *at = strstr(b->server.got, cases[i].wire);
		assert_non_null(at);
		assert_string_equal(at, cases[i].wire);
		assert_int_equal(a.readies, cases[i].body != NULL);
		gh__call_cancel(&a.call);
		assert_true(wire_ends(&b->loop, &b->server));
		wire_close(&b->server);
		forget(&a);
	}
}

static void an_answer_may_come_byte_by_byte(void **state)
{
	static const char text[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
				   "4\r\nwiki\r\n5\r\npedia\r\n0\r\n\r\n";
	struct bench *b = *state;
	struct asked a = { .body = NULL };

	use(b, "127.0.0.1", 1, 8);
	ask(b, &a);
	serve(b, 0);
	for (size_t i = 0; i + 1 < sizeof text; i++) {
		assert_int_equal(a.lasts, 0);
		wire_send_bytes(&b->loop, &b->server, text + i, 1);
	}
	wire_settle(&b->loop);
	assert_int_equal(a.lasts, 1);
	assert_string_equal(a.body, "wikipedia");
	forget(&a);
}

static void interim_answers_are_told_before_the_final_one(void **state)
{
	struct bench *b = *state;
	struct asked a = { .body = NULL };

	use(b, "127.0.0.1", 1, 8);
	ask(b, &a);
	serve(b, 0);
	reply(b, "HTTP/1.1 100 Continue\r\n\r\n");
	assert_int_equal(a.interims, 0); /* nobody waits for it */
	reply(b,
	      "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n" OK);
	assert_int_equal(a.interims, 2);
	assert_int_equal(a.interim, 102);
	assert_int_equal(a.heads, 1);
	assert_string_equal(a.body, "ok");
	forget(&a);
}

static void answers_without_a_body_end_with_their_head(void **state)
{
	static const struct {
		const char *method, *answer;
	} cases[] = {
		{ "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" },
		{ "GET", "HTTP/1.1 204 No Content\r\n\r\n" },
		{ "GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 100\r\n\r\n" },
		{ "GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" },
	};
	struct bench *b = *state;

	use(b, "127.0.0.1", 1, 8);
	for (size_t i = 0; i < GH_COUNT_OF(cases); i++) {
		struct asked a = { .body = NULL };
		ask_for(b, &a, cases[i].method, 0);
		if (i == 0)
			serve(b, 0);
		assert_true(wire_sees(&b->loop, &b->server, "\r\n\r\n"));
		wire_forget(&b->server);
		reply(b, cases[i].answer);
		assert_int_equal(a.lasts, 1);
		assert_int_equal(a.len, 0);
		forget(&a);
	}
	assert_false(wire_called(b->listeners[0])); /* all on one connection */
}

static void a_body_until_the_close_ends_with_it(void **state)
{
	struct bench *b = *state;
	struct asked a = { .body = NULL };

	use(b, "127.0.0.1", 1, 8);
	ask(b, &a);
	serve(b, 0);
	reply(b, "HTTP/1.1 200 OK\r\n\r\nall of it");
	assert_int_equal(a.lasts, 0);
	wire_close(&b->server);
	wire_settle(&b->loop);
	assert_int_equal(a.lasts, 1);
	assert_string_equal(a.body, "all of it");
	forget(&a);
	ask(b, &a);
	serve(b, 0);
	reply(b, "HTTP/1.1 200 OK\r\n\r\nhalf");
	wire_reset(&b->server); /* a break is no end */
	wire_settle(&b->loop);
	check_fail(&a, GH__FAIL_CUT);
	forget(&a);
}

static void a_body_that_is_cut_is_a_failure(void **state)
{
	static const char *const cases[] = {
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nx\r\n",
	};
	struct bench *b = *state;

	use(b, "127.0.0.1", 1, 8);
	for (size_t i = 0; i < GH_COUNT_OF(cases); i++) {
		struct asked a = { .body = NULL };
		ask(b, &a);
		serve(b, 0);
		reply(b, cases[i]);
		wire_close(&b->server);
		wire_settle(&b->loop);
		check_fail(&a, GH__FAIL_CUT);
		assert_int_equal(a.heads, 1);
		assert_int_equal(b->pools.count, 0);
		forget(&a);
	}
}

static void what_is_no_answer_is_a_failure(void **state)
{
	static const char *const cases[] = {
		"SMTP ready\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
		("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
		 "Upgrade: websocket\r\n\r\n"),
	};
	struct bench *b = *state;

	use(b, "127.0.0.1", 1, 8);
	for (size_t i = 0; i < GH_COUNT_OF(cases); i++) {
		struct asked a = { .body = NULL };
		ask(b, &a);
		serve(b, 0);
		reply(b, cases[i]);
		check_fail(&a, GH__FAIL_ANSWER);
		assert_int_equal(a.heads, 0);
		assert_true(wire_ends(&b->loop, &b->server));
		wire_close(&b->server);
		forget(&a);
	}
}

static void a_close_before_the_answer_is_a_failure(void **state)
{
	static const char *const cases[] = { "", "HTTP/1.1 20", "HTTP/1.1 100 Continue\r\n\r\n" };
	struct bench *b = *state;

	use(b, "127.0.0.1", 1, 8);
	for (size_t i = 0; i < GH_COUNT_OF(cases); i++) {
		struct asked a = { .body = NULL };
		ask(b, &a);
		serve(b, 0);
		reply(b, cases[i]);
		wire_close(&b->server);
		wire_settle(&b->loop);
		check_fail(&a, GH__FAIL_CLOSED); /* it was a fresh one: no second try */
		assert_false(wire_called(b->listeners[0]));
		forget(&a);
	}
}

/* ---- holding ---- */

static void what_is_held_comes_in_order_when_it_goes_on(void **state)
{
	struct bench *b = *state;
	struct asked a = { .hold_head = true };

	use(b, "127.0.0.1", 1, 8);
	ask(b, &a);
	serve(b, 0);
	reply(b, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\none");
	reply(b, "two");
	assert_int_equal(a.heads, 1);
	assert_int_equal(a.len, 0);
	gh__call_go(&a.call);
	wire_settle(&b->loop);
	assert_string_equal(a.body, "onetwo");
	gh__call_hold(&a.call);
	reply(b, "end");
	assert_string_equal(a.body, "onetwo");
	assert_int_equal(a.lasts, 0);
	gh__call_go(&a.call);
	wire_settle(&b->loop);
	assert_string_equal(a.body, "onetwoend");
	assert_int_equal(a.lasts, 1);
	assert_int_equal(b->pools.count, 1); /* nothing is left in it: kept */
	forget(&a);
}

static void an_end_without_bytes_is_told_when_it_goes_on(void **state)
{
	struct bench *b = *state;
	struct asked a = { .hold_head = true };

	use(b, "127.0.0.1", 1, 8);
	ask(b, &a);
	serve(b, 0);
	reply(b, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	assert_int_equal(a.lasts, 0);
	gh__call_go(&a.call);
	assert_int_equal(a.lasts, 1);
	forget(&a);
}

static void what_the_upstream_does_not_take_is_told_of(void **state)
{
	enum { BIG = 8 << 20 };
	struct bench *b = *state;
	struct asked a = { .send = NULL };
	char *big = malloc(BIG);

	use(b, "127.0.0.1", 1, 8);
	memset(big, 'x', BIG);
	ask_for(b, &a, "POST", BIG + 3);
	serve(b, 0);
	assert_int_equal(a.readies, 1);
	gh__call_body(&a.call, (struct gh_str){ big, BIG }, GH_MORE);
	assert_true(gh__call_pressure(&a.call) > 0);
	size_t head = b->server.len;
	assert_true(wire_gets(&b->loop, &b->server, BIG));
	wire_settle(&b->loop);
	assert_int_equal(a.drains, 1);
	assert_int_equal(gh__call_pressure(&a.call), 0);
	gh__call_body(&a.call, GH_STR("end"), GH_LAST);
	assert_true(wire_sees(&b->loop, &b->server, "xend"));
	assert_true(b->server.len >= BIG + 3 && head > 0);
	reply(b, OK);
	assert_int_equal(a.lasts, 1);
	free(big);
	forget(&a);
}

/* ---- tunnels ---- */

static void a_tunnel_passes_bytes_both_ways(void **state)
{
	struct bench *b = *state;
	struct asked a = { .call.flags = GH__CALL_UPGRADE };

	use(b, "127.0.0.1", 1, 8);
	ask(b, &a);
	serve(b, 0);
	assert_non_null(strstr(b->server.got, "Connection: Upgrade\r\nUpgrade: websocket\r\n"));
	wire_forget(&b->server);
	reply(b, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
		 "Upgrade: websocket\r\n\r\nfirst ");
	assert_int_equal(a.upgrades, 1);
	assert_int_equal(a.heads, 0);
	reply(b, "second");
	assert_string_equal(a.body, "first second");
	gh__call_body(&a.call, GH_STR("raw"), GH_MORE);
	assert_true(wire_gets(&b->loop, &b->server, 3));
	assert_string_equal(b->server.got, "raw");
	/* Either side's word keeps it open. */
	for (int i = 0; i < 4; i++) {
		pass(b, IDLE_MS - 100);
		gh__call_body(&a.call, GH_STR("."), GH_MORE);
	}
	assert_int_equal(a.lasts + a.fails, 0);
	wire_close(&b->server);
	wire_settle(&b->loop);
	assert_int_equal(a.lasts, 1);
	assert_int_equal(a.fails, 0);
	forget(&a);
}

static void an_upgrade_that_is_declined_is_an_answer(void **state)
{
	struct bench *b = *state;
	struct asked a = { .call.flags = GH__CALL_UPGRADE };

	use(b, "127.0.0.1", 1, 8);
	ask(b, &a);
	serve(b, 0);
	reply(b, "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
	assert_int_equal(a.heads, 1);
	assert_int_equal(a.upgrades, 0);
	assert_int_equal(a.lasts, 1);
	forget(&a);
}

/* ---- cancelling ---- */

static void a_call_may_be_cancelled_at_every_stage(void **state)
{
	static const char *const stages[] = {
		NULL, /* while it connects */
		"",   /* after its head */
		"HTTP/1.1 2",
		"HTTP/1.1 103 Early Hints\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
	};
	struct bench *b = *state;

	use(b, "127.0.0.1", 1, 8);
	for (size_t i = 0; i < GH_COUNT_OF(stages); i++) {
		struct asked a = { .send = "hello", .part = GH_MORE };
		ask_for(b, &a, "POST", 10);
		if (stages[i]) {
			serve(b, 0);
			reply(b, stages[i]);
		}
		gh__call_cancel(&a.call);
		gh__call_cancel(&a.call);
		unsigned turns = a.turns;
		if (!stages[i])
			assert_true(wire_accept(&b->loop, b->listeners[0], &b->server));
		assert_true(wire_ends(&b->loop, &b->server)); /* at once: its GPU is free */
		wire_close(&b->server);
		wire_settle(&b->loop);
		assert_int_equal(a.lasts + a.fails, 0);
		assert_int_equal(a.turns, turns);
		assert_int_equal(b->pools.count, 0);
		forget(&a);
	}
}

static void a_call_may_be_cancelled_from_within(void **state)
{
	struct bench *b = *state;

	use(b, "127.0.0.1", 1, 8);
	for (int i = 0; i < 2; i++) {
		struct asked a = { .cancel_head = i == 0, .cancel_body = i == 1 };
		ask(b, &a);
		serve(b, 0);
		reply(b, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"
			 "5\r\nworld\r\n0\r\n\r\n");
		assert_int_equal(a.heads, 1);
		assert_int_equal(a.lasts + a.fails, 0);
		assert_int_equal(a.len, i ? 5 : 0);
		assert_true(wire_ends(&b->loop, &b->server));
		wire_close(&b->server);
		forget(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_call_sends_its_head_and_gives_the_answer),
		CASE(a_body_is_framed_by_its_length_or_in_chunks),
		CASE(an_answer_may_come_byte_by_byte),
		CASE(interim_answers_are_told_before_the_final_one),
		CASE(answers_without_a_body_end_with_their_head),
		CASE(a_body_until_the_close_ends_with_it),
		CASE(a_body_that_is_cut_is_a_failure),
		CASE(what_is_no_answer_is_a_failure),
		CASE(a_close_before_the_answer_is_a_failure),
		CASE(what_is_held_comes_in_order_when_it_goes_on),
		CASE(an_end_without_bytes_is_told_when_it_goes_on),
		CASE(what_the_upstream_does_not_take_is_told_of),
		CASE(a_tunnel_passes_bytes_both_ways),
		CASE(an_upgrade_that_is_declined_is_an_answer),
		CASE(a_call_may_be_cancelled_at_every_stage),
		CASE(a_call_may_be_cancelled_from_within),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
