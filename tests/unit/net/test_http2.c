/* HTTP/2: requests, answers, bodies both ways, and how they break. */
#include "core/net/out.h"
#include "unit/net/http2_bench.h"

/* ---- answers ---- */

static void a_request_gets_its_answer(void **state)
{
	struct bench *b = *state;

	b->on_head = say_path;
	struct seen *s = get(b, "/v1/models?x");
	assert_int_equal(s->status, 200);
	assert_string_equal(s->body, "/v1/models");
	assert_string_equal(s->fields, "content-length: 10\n");
	assert_true(s->dated);
	assert_true(s->ended);
	assert_int_equal(s->closed, NGHTTP2_NO_ERROR);
	assert_int_equal(b->users[0].ends, 1);
	assert_int_equal(b->users[0].gones, 0);
}

static void a_request_is_as_in_http1(void **state)
{
	struct bench *b = *state;

	get(b, "/a/%62?c=d");
	struct gh__stream *s = b->users[0].stream;
	assert_non_null(s);
	assert_true(gh_str_is(s->req.path, "/a/b"));
	assert_true(gh_str_is(s->req.query, "c=d"));
	assert_true(gh_str_is(s->req.host, "a.test"));
	assert_true(gh_str_is(gh_header_get(&s->req.headers, GH_STR("Host")), "a.test"));
	assert_true(gh_str_is(s->req.scheme, "http"));
	assert_int_equal(s->req.length, 0);
	assert_false(s->req.upgrade);
	assert_int_equal(s->protocol, 20);
	assert_true(s->flags & GH__S_BODY_ENDED);
	assert_int_equal(s->req.client.bytes[0], 192);
}

static void odd_fields(struct user *u)
{
	struct gh_headers *h = &u->stream->res.headers;

	gh__headers_push(h, GH__H_OTHER, GH_STR("X-Upper"), GH_STR("Value"));
	gh__headers_push(h, GH__H_CONNECTION, GH_STR("Connection"), GH_STR("close"));
	gh__headers_push(h, GH__H_KEEP_ALIVE, GH_STR("Keep-Alive"), GH_STR("timeout=5"));
	gh__headers_push(h, GH__H_PROXY_CONNECTION, GH_STR("Proxy-Connection"), GH_STR("close"));
	gh__headers_push(h, GH__H_TRANSFER_ENCODING, GH_STR("Transfer-Encoding"),
			 GH_STR("chunked"));
	gh__headers_push(h, GH__H_UPGRADE, GH_STR("Upgrade"), GH_STR("h2c"));
	gh__headers_push(h, GH__H_CONTENT_LENGTH, GH_STR("Content-Length"), GH_STR("99"));
	gh__headers_push(h, GH__H_OTHER, GH_STR("set-cookie"), GH_STR("a=b"));
	gh__headers_push(h, GH__H_OTHER, GH_STR("Set-Cookie"), GH_STR("c=d"));
	answer(u, 418, "hello");
}

static void fields_of_a_connection_do_not_go_out(void **state)
{
	struct bench *b = *state;

	b->on_head = odd_fields;
	struct seen *s = get(b, "/");
	assert_int_equal(s->status, 418);
	assert_string_equal(s->fields, "x-upper: Value\nset-cookie: a=b\nset-cookie: c=d\n"
				       "content-length: 5\n");
}

static void many_fields(struct user *u)
{
	for (unsigned i = 0; i < 100; i++)
		gh__headers_push(&u->stream->res.headers, GH__H_OTHER, GH_STR("x-n"), GH_STR("v"));
	answer(u, 200, "");
}

static void a_head_may_have_many_fields(void **state)
{
	struct bench *b = *state;

	b->on_head = many_fields;
	struct seen *s = get(b, "/");
	assert_int_equal(s->status, 200);
	assert_int_equal(strlen(s->fields),
			 100 * strlen("x-n: v\n") + strlen("content-length: 0\n"));
}

static void an_answer_has_no_body_where_there_is_none(void **state)
{
	static const struct {
		const char *method;
		int status;
		int64_t length;
		const char *fields;
	} cases[] = {
		{ "HEAD", 200, 5, "content-length: 5\n" },
		{ "HEAD", 200, -1, "" },
		{ "GET", 204, -1, "" },
		{ "GET", 204, 5, "" },
		{ "GET", 304, -1, "" },
		{ "GET", 304, 0, "" },
		{ "GET", 304, 5, "content-length: 5\n" },
		{ "GET", 200, 0, "content-length: 0\n" },
	};
	struct bench *b = *state;

	for (size_t i = 0; i < GH_COUNT_OF(cases); i++) {
		struct seen *s = ask(b, cases[i].method, "/", NULL, NULL);
		talk(b);
		struct gh__stream *stream = b->users[i].stream;
		stream->res.status = cases[i].status;
		stream->res.length = cases[i].length;
		stream->ops->send_head(stream, GH_MORE);
		if (cases[i].length != 0)
			stream->ops->send_body(stream, GH_STR("hello"), GH_MORE);
		stream->ops->send_body(stream, (struct gh_str){ 0 }, GH_LAST);
		stream->ops->flush(stream);
		talk(b);
		assert_int_equal(s->status, cases[i].status);
		assert_string_equal(s->fields, cases[i].fields);
		assert_int_equal(s->len, 0);
		assert_true(s->ended);
		assert_int_equal(b->users[i].ends, 1);
	}
}

static void a_stream_of_tokens_comes_as_it_is_given(void **state)
{
	struct bench *b = *state;

	b->on_head = begin_stream;
	struct seen *s = get(b, "/");
	assert_string_equal(s->fields, "");
	assert_string_equal(s->body, "one");
	give(b->users, "two", GH_MORE);
	talk(b);
	assert_string_equal(s->body, "onetwo");
	assert_false(s->ended);
	give(b->users, "three", GH_LAST);
	talk(b);
	assert_string_equal(s->body, "onetwothree");
	assert_true(s->ended);
	assert_int_equal(b->users[0].ends, 1);
}

static void slices_of_one_turn_are_few_frames(void **state)
{
	struct bench *b = *state;
	char expected[64] = "one";

	b->on_head = begin_stream;
	struct seen *s = get(b, "/");
	size_t before = b->wire.len;
	for (char c = 'a'; c < 'd'; c++) {
		b->users[0].stream->ops->send_body(b->users[0].stream,
						   (struct gh_str){ b->big + c - 'a', 1 }, GH_MORE);
		expected[3 + c - 'a'] = b->big[c - 'a'];
	}
	b->users[0].stream->ops->flush(b->users[0].stream);
	talk(b);
	assert_string_equal(s->body, expected);
	assert_int_equal(b->wire.len - before, 9 + 3);
}

static void answers_of_one_turn_leave_together(void **state)
{
	struct bench *b = *state;

	b->on_head = begin_stream;
	get(b, "/a");
	get(b, "/b");
	give(b->users, "x", GH_MORE);
	give(b->users + 1, "y", GH_LAST);
	/* Nothing was written yet: both wait for the end of the turn. */
	assert_int_equal(b->loop.out->used, 9 + 1 + 9 + 1);
	talk(b);
	assert_string_equal(b->seen[0].body, "onex");
	assert_string_equal(b->seen[1].body, "oney");
}

static void a_large_answer_is_whole(void **state)
{
	struct bench *b = *state;

	b->on_head = say_big;
	struct seen *s = get(b, "/");
	assert_int_equal(s->len, BIG);
	assert_memory_equal(s->body, b->big, BIG);
	assert_true(s->ended);
}

static void large_answers_take_turns(void **state)
{
	struct bench *b = *state;
	struct seen *s[8];

	b->window = BIG;
	b->by_hand = true;
	b->on_head = begin_stream;
	join(b);
	for (unsigned i = 0; i < 8; i++)
		s[i] = get(b, "/");
	for (unsigned i = 0; i < 8; i++) {
		struct gh__stream *stream = b->users[i].stream;
		stream->ops->send_body(stream, (struct gh_str){ b->big, BIG - 3 }, GH_LAST);
		stream->ops->flush(stream);
	}
	talk(b);
	/* The first has taken the connection's window. Of what is granted now all have a share. */
	nghttp2_submit_window_update(b->client, 0, 0, 8 * 16384);
	talk(b);
	for (unsigned i = 0; i < 8; i++)
		if (s[i]->len < 16384)
			fail_msg("stream %u has %zu bytes", i, s[i]->len);
	nghttp2_submit_window_update(b->client, 0, 0, 16 << 20);
	talk(b);
	for (unsigned i = 0; i < 8; i++) {
		assert_int_equal(s[i]->len, BIG);
		assert_true(s[i]->ended);
	}
}

/* ---- back-pressure towards the client ---- */

static void note_pressure(struct user *u)
{
	assert_true(u->stream->ops->pressure(u->stream) == 0);
}

static void a_closed_window_is_pressure(void **state)
{
	struct bench *b = *state;

	b->window = 10;
	b->by_hand = true;
	b->on_head = begin_stream;
	b->on_drain = note_pressure;
	join(b);
	struct seen *s = get(b, "/");
	struct gh__stream *stream = b->users[0].stream;
	assert_int_equal(stream->ops->pressure(stream), 0);
	give(b->users, "0123456789", GH_MORE);
	talk(b);
	assert_string_equal(s->body, "one0123456");
	assert_int_equal(stream->ops->pressure(stream), 3);
	give(b->users, "abc", GH_MORE);
	talk(b);
	assert_int_equal(stream->ops->pressure(stream), 6);
	assert_int_equal(b->users[0].drains, 0);
	nghttp2_submit_window_update(b->client, 0, 1, 4);
	talk(b);
	assert_string_equal(s->body, "one0123456789a");
	assert_int_equal(b->users[0].drains, 0);
	nghttp2_submit_window_update(b->client, 0, 1, 100);
	talk(b);
	assert_string_equal(s->body, "one0123456789abc");
	assert_int_equal(b->users[0].drains, 1);
	give(b->users, "end", GH_LAST);
	talk(b);
	assert_true(s->ended);
	assert_string_equal(s->body, "one0123456789abcend");
}

static void a_socket_that_is_not_read_is_pressure(void **state)
{
	struct bench *b = *state;
	char *all = malloc(BIG);

	b->window = INT32_MAX;
	b->on_head = begin_stream;
	join(b);
	nghttp2_submit_window_update(b->client, 0, 0, INT32_MAX - 65535);
	get(b, "/");
	struct gh__stream *stream = b->users[0].stream;
	while (!stream->ops->pressure(stream)) {
		stream->ops->send_body(stream, (struct gh_str){ b->big, BIG }, GH_MORE);
		memset(all, 'x', BIG);
		stream->ops->flush(stream);
	}
	/* What was given may be overwritten now, and no second copy of it stands in nghttp2. */
	assert_in_range(stream->ops->pressure(stream), 1, BIG + (64 << 10));
	talk(b);
	assert_int_equal(b->users[0].drains, 1);
	assert_int_equal((b->seen[0].len - 3) % BIG, 0);
	assert_memory_equal(b->seen[0].body + b->seen[0].len - BIG, b->big, BIG);
	free(all);
}

/* ---- breaks ---- */

static void a_reset_is_a_client_that_left(void **state)
{
	struct bench *b = *state;

	b->on_head = begin_stream;
	get(b, "/a");
	get(b, "/b");
	nghttp2_submit_rst_stream(b->client, 0, 1, NGHTTP2_CANCEL);
	talk(b);
	assert_int_equal(b->users[0].gones, 1);
	assert_int_equal(b->users[0].ends, 1);
	assert_int_equal(b->users[1].gones, 0);
	give(b->users + 1, "two", GH_LAST);
	talk(b);
	assert_true(b->seen[1].ended);
	assert_string_equal(b->seen[1].body, "onetwo");
}

static void a_client_that_goes_leaves_all_streams(void **state)
{
	struct bench *b = *state;

	b->on_head = begin_stream;
	for (unsigned i = 0; i < 5; i++)
		get(b, "/");
	leave(b);
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(b->users[i].gones, 1);
		assert_int_equal(b->users[i].ends, 1);
	}
	assert_int_equal(b->closes, 1);
}

static void an_abort_is_seen_and_takes_nothing_back(void **state)
{
	struct bench *b = *state;

	b->on_head = begin_stream;
	struct seen *s = get(b, "/");
	struct gh__stream *stream = b->users[0].stream;
	stream->ops->send_body(stream, GH_STR("two"), GH_MORE);
	stream->ops->abort(stream);
	talk(b);
	assert_string_equal(s->body, "onetwo");
	assert_false(s->ended);
	assert_int_equal(s->closed, NGHTTP2_INTERNAL_ERROR);
	assert_int_equal(b->users[0].gones, 0);
	assert_int_equal(b->users[0].ends, 1);
	b->on_head = say_path;
	assert_string_equal(get(b, "/next")->body, "/next");
}

static void abort_in_the_face(struct user *u)
{
	u->stream->ops->abort(u->stream);
}

static void begin_and_abort(struct user *u)
{
	begin_stream(u);
	abort_in_the_face(u);
}

static void an_abort_may_come_at_any_time(void **state)
{
	struct bench *b = *state;

	b->on_head = abort_in_the_face;
	struct seen *s = get(b, "/");
	assert_int_equal(s->closed, NGHTTP2_INTERNAL_ERROR);
	assert_int_equal(s->heads, 0);
	b->on_head = begin_and_abort;
	s = get(b, "/");
	assert_int_equal(s->closed, NGHTTP2_INTERNAL_ERROR);
	assert_int_equal(s->heads, 1);
	assert_string_equal(s->body, "one");
	b->on_head = want;
	b->on_last = abort_in_the_face;
	s = post(b, "/", b->big, 1000);
	assert_int_equal(s->closed, NGHTTP2_INTERNAL_ERROR);
	assert_int_equal(b->ends, 3);
}

static void an_abort_waits_for_what_the_window_holds_up(void **state)
{
	struct bench *b = *state;

	b->window = 5;
	b->by_hand = true;
	b->on_head = begin_stream;
	join(b);
	struct seen *s = get(b, "/");
	give(b->users, "twothree", GH_MORE);
	b->users[0].stream->ops->abort(b->users[0].stream);
	talk(b);
	assert_string_equal(s->body, "onetw");
	assert_int_equal(s->closed, NEVER);
	nghttp2_submit_window_update(b->client, 0, 1, 100);
	talk(b);
	assert_string_equal(s->body, "onetwothree");
	assert_int_equal(s->closed, NGHTTP2_INTERNAL_ERROR);
	assert_false(s->ended);
}

/* ---- requests' bodies ---- */

static void a_body_comes_whole(void **state)
{
	static const size_t sizes[] = { 0, 1, 16384, 16385, 65535, 65536, 300000, BIG };
	struct bench *b = *state;

	b->on_head = want;
	b->on_last = say_path;
	for (size_t i = 0; i < GH_COUNT_OF(sizes); i++) {
		struct seen *s = post(b, "/up", b->big, sizes[i]);
		assert_int_equal(s->status, 200);
		assert_int_equal(b->users[i].len, sizes[i]);
		assert_memory_equal(b->users[i].body, b->big, sizes[i]);
		assert_int_equal(b->users[i].lasts, 1);
	}
}

static void a_held_body_waits_and_no_other_does(void **state)
{
	struct bench *b = *state;

	struct seen *held = post(b, "/held", b->big, BIG);
	struct gh__stream *stream = b->users[0].stream;
	/* The client has sent what the stream's window takes. */
	assert_int_equal(stream->received, 65535);
	assert_int_equal(b->users[0].len, 0);
	b->on_head = say_path;
	for (unsigned i = 0; i < 50; i++)
		assert_string_equal(get(b, "/other")->body, "/other");
	b->on_last = say_path;
	stream->ops->want_body(stream);
	assert_int_equal(b->users[0].len, 65535);
	b->upload = b->big;
	talk(b);
	assert_int_equal(b->users[0].len, BIG);
	assert_memory_equal(b->users[0].body, b->big, BIG);
	assert_string_equal(held->body, "/held");
	b->upload = NULL;
}

static void a_body_held_after_each_slice_comes_in_bounds(void **state)
{
	struct bench *b = *state;

	b->on_head = want;
	b->on_body = hold;
	b->on_last = say_path;
	struct seen *s = post(b, "/", b->big, 200000);
	b->upload = b->big;
	for (unsigned i = 0; i < 100 && !b->users[0].lasts; i++) {
		assert_true(b->users[0].stream->received - b->users[0].len <= 65535);
		b->users[0].stream->ops->want_body(b->users[0].stream);
		talk(b);
	}
	assert_int_equal(b->users[0].len, 200000);
	assert_memory_equal(b->users[0].body, b->big, 200000);
	assert_true(s->ended);
}

static void a_100_is_sent_when_the_body_is_wanted(void **state)
{
	struct bench *b = *state;
	char body[] = "hello";

	b->upload = body;
	b->upload_len = 5;
	b->on_last = say_body;
	struct seen *s = ask(b, "POST", "/", "expect", "100-continue");
	talk(b);
	assert_int_equal(s->interims, 0);
	b->users[0].stream->ops->want_body(b->users[0].stream);
	talk(b);
	assert_int_equal(s->interims, 1);
	assert_int_equal(s->status, 200);
	assert_string_equal(s->body, "hello");
}

static void say_hints(struct user *u)
{
	struct gh_headers hints;

	gh__headers_init(&hints, &u->stream->arena);
	gh__headers_push(&hints, GH__H_OTHER, GH_STR("Link"), GH_STR("</a>"));
	gh__headers_push(&hints, GH__H_CONNECTION, GH_STR("Connection"), GH_STR("close"));
	u->stream->ops->send_interim(u->stream, 103, &hints);
	u->stream->ops->send_interim(u->stream, 102, NULL);
	say_path(u);
	u->stream->ops->send_interim(u->stream, 103, &hints); /* too late */
}

static void interim_answers_come_before_the_final_one(void **state)
{
	struct bench *b = *state;

	b->on_head = say_hints;
	struct seen *s = get(b, "/x");
	assert_int_equal(s->interims, 2);
	assert_int_equal(s->heads, 1);
	assert_int_equal(s->status, 200);
	assert_string_equal(s->body, "/x");
}

static void an_early_answer_stops_the_upload(void **state)
{
	struct bench *b = *state;

	b->on_head = say_path;
	struct seen *s = post(b, "/early", b->big, BIG);
	assert_int_equal(s->status, 200);
	assert_string_equal(s->body, "/early");
	assert_true(s->ended);
	/* The answer can be read before the reset is there. */
	assert_int_equal(s->closed, NEVER);
	assert_true(b->upload_at <= 65535);
	pass(b, 300);
	assert_int_equal(s->closed, NGHTTP2_NO_ERROR);
	assert_int_equal(b->users[0].gones, 0);
	assert_int_equal(b->users[0].ends, 1);
	b->on_head = want;
	b->on_last = say_path;
	assert_int_equal(post(b, "/whole", b->big, BIG)->status, 200);
	assert_int_equal(b->users[1].len, BIG);
}

static void an_answer_to_a_short_body_needs_no_reset(void **state)
{
	struct bench *b = *state;

	/* The answer does not wait for the body; it comes a little later. */
	b->on_head = say_path;
	b->upload_goes_on = true;
	struct seen *s = post(b, "/short", b->big, 1000);
	assert_true(s->ended);
	assert_int_equal(b->ends, 0);
	b->upload_goes_on = false;
	b->upload = b->big;
	nghttp2_session_resume_data(b->client, 1);
	talk(b);
	b->upload = NULL;
	assert_int_equal(s->closed, NGHTTP2_NO_ERROR);
	assert_int_equal(b->ends, 1);
	for (size_t at = 0; at + 9 <= b->wire.len;) {
		const uint8_t *f = (const uint8_t *)b->wire.got + at;
		assert_int_not_equal(f[3], NGHTTP2_RST_STREAM);
		at += 9u + ((size_t)f[0] << 16 | (size_t)f[1] << 8 | f[2]);
	}
}

static void say_413(struct user *u)
{
	answer(u, 413, "large");
}

static void a_body_that_is_too_large_is_broken_off(void **state)
{
	struct bench *b = *state;

	b->max_body = 1000;
	b->on_head = want;
	b->on_gone = say_413;
	struct seen *s = post(b, "/", b->big, BIG);
	assert_int_equal(s->status, 413);
	assert_string_equal(s->body, "large");
	assert_int_equal(b->users[0].error, UV_E2BIG);
	assert_true(s->ended);
	pass(b, 300);
	assert_int_equal(s->closed, NGHTTP2_NO_ERROR);
	assert_int_equal(b->users[0].ends, 1);
	/* The length tells as much before the bytes do. */
	b->upload = b->big;
	b->upload_len = BIG;
	s = ask(b, "POST", "/", "content-length", "1048576");
	talk(b);
	assert_int_equal(s->status, 413);
	assert_true(b->users[1].len == 0);
}

static void a_body_that_is_not_its_length_is_malformed(void **state)
{
	static const char *const lengths[] = { "5", "7", "0" };
	struct bench *b = *state;
	char body[] = "123456";

	b->on_head = want;
	b->upload = body;
	b->upload_len = 6;
	for (unsigned i = 0; i < GH_COUNT_OF(lengths); i++) {
		struct seen *s = ask(b, "POST", "/", "content-length", lengths[i]);
		talk(b);
		assert_int_equal(s->closed, NGHTTP2_PROTOCOL_ERROR);
		assert_int_equal(b->users[i].gones, 1);
		assert_int_equal(b->users[i].error, UV_EPROTO);
		assert_int_equal(b->users[i].lasts, 0);
		assert_int_equal(b->users[i].ends, 1);
	}
	b->on_last = say_body;
	struct seen *s = ask(b, "POST", "/", "content-length", "6");
	talk(b);
	assert_string_equal(s->body, "123456");
}

/* ---- heads that are refused ---- */

static void a_head_that_http_refuses_is_answered(void **state)
{
	static const struct {
		const char *method, *path, *name, *value;
		int status;
	} cases[] = {
		{ "TRACE", "/", NULL, NULL, 405 },  { "GET", "/a/../b", NULL, NULL, 400 },
		{ "GET", "/%00", NULL, NULL, 400 }, { "GET", "/", "expect", "x", 417 },
		{ "BREW", "/", NULL, NULL, 501 },   { "POST", "//", NULL, NULL, 400 },
	};
	struct bench *b = *state;

	b->on_head = say_path;
	for (unsigned i = 0; i < GH_COUNT_OF(cases); i++) {
		struct seen *s = ask(b, cases[i].method, cases[i].path, cases[i].name,
				     cases[i].value);
		talk(b);
		assert_int_equal(s->status, cases[i].status);
		assert_true(s->ended && s->len > 0);
		assert_int_equal(b->refused, i + 1);
		assert_int_equal(b->refused_status, cases[i].status);
	}
	assert_int_equal(b->heads, 0);
	assert_string_equal(get(b, "/fine")->body, "/fine");
	/* An answer to HEAD has no body, and a length. */
	struct seen *s = ask(b, "HEAD", "//", NULL, NULL);
	talk(b);
	assert_int_equal(s->status, 400);
	assert_int_equal(s->len, 0);
	assert_non_null(strstr(s->fields, "content-length: "));
}

static void a_malformed_head_is_an_error_of_its_stream(void **state)
{
	struct bench *b = *state;

	b->on_head = begin_stream;
	get(b, "/other");
	struct seen *s = ask(b, "GET", "/", "connection", "close");
	talk(b);
	assert_int_equal(s->closed, NGHTTP2_PROTOCOL_ERROR);
	assert_int_equal(s->heads, 0);
	assert_int_equal(b->refused, 1);
	assert_int_equal(b->heads, 1);
	give(b->users, "two", GH_LAST);
	talk(b);
	assert_string_equal(b->seen[0].body, "onetwo");
}

static void a_refused_upload_is_stopped(void **state)
{
	struct bench *b = *state;

	b->upload = b->big;
	b->upload_len = BIG;
	struct seen *s = ask(b, "TRACE", "/", NULL, NULL);
	talk(b);
	assert_int_equal(s->status, 405);
	pass(b, 300);
	assert_int_equal(s->closed, NGHTTP2_NO_ERROR);
	assert_true(b->upload_at <= 2 * 65535);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_request_gets_its_answer),
		CASE(a_request_is_as_in_http1),
		CASE(fields_of_a_connection_do_not_go_out),
		CASE(a_head_may_have_many_fields),
		CASE(an_answer_has_no_body_where_there_is_none),
		CASE(a_stream_of_tokens_comes_as_it_is_given),
		CASE(slices_of_one_turn_are_few_frames),
		CASE(answers_of_one_turn_leave_together),
		CASE(a_large_answer_is_whole),
		CASE(large_answers_take_turns),
		CASE(a_closed_window_is_pressure),
		CASE(a_socket_that_is_not_read_is_pressure),
		CASE(a_reset_is_a_client_that_left),
		CASE(a_client_that_goes_leaves_all_streams),
		CASE(an_abort_is_seen_and_takes_nothing_back),
		CASE(an_abort_may_come_at_any_time),
		CASE(an_abort_waits_for_what_the_window_holds_up),
		CASE(a_body_comes_whole),
		CASE(a_held_body_waits_and_no_other_does),
		CASE(a_body_held_after_each_slice_comes_in_bounds),
		CASE(a_100_is_sent_when_the_body_is_wanted),
		CASE(interim_answers_come_before_the_final_one),
		CASE(an_early_answer_stops_the_upload),
		CASE(an_answer_to_a_short_body_needs_no_reset),
		CASE(a_body_that_is_too_large_is_broken_off),
		CASE(a_body_that_is_not_its_length_is_malformed),
		CASE(a_head_that_http_refuses_is_answered),
		CASE(a_malformed_head_is_an_error_of_its_stream),
		CASE(a_refused_upload_is_stopped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
