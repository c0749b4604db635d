/* How answers are framed in HTTP/1.1 and 1.0, and what breaks look like. */
#include "unit/net/conn_bench.h"

/* ---- how answers are framed ---- */

static void an_answer_has_no_body_where_there_is_none(void **state)
{
	static const struct {
		const char *method;
		int status;
		int64_t length;
		const char *head;
	} cases[] = {
		{ "HEAD", 200, 5, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n" },
		{ "HEAD", 200, -1, "HTTP/1.1 200 OK\r\n\r\n" },
		{ "GET", 204, -1, "HTTP/1.1 204 No Content\r\n\r\n" },
		{ "GET", 204, 5, "HTTP/1.1 204 No Content\r\n\r\n" },
		{ "GET", 304, -1, "HTTP/1.1 304 Not Modified\r\n\r\n" },
		{ "GET", 304, 0, "HTTP/1.1 304 Not Modified\r\n\r\n" },
		{ "GET", 304, 5, "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n" },
		{ "GET", 200, 0, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" },
	};
	struct bench *b = *state;
	char text[64];

	for (size_t i = 0; i < GH_COUNT_OF(cases); i++) {
		snprintf(text, sizeof text, "%s / HTTP/1.1\r\nHost: a\r\n\r\n", cases[i].method);
		say(b, text);
		b->stream->res.status = cases[i].status;
		b->stream->res.length = cases[i].length;
		b->stream->ops->send_head(b->stream, GH_MORE);
		if (cases[i].length != 0)
			b->stream->ops->send_body(b->stream, GH_STR("hello"), GH_MORE);
		b->stream->ops->send_body(b->stream, (struct gh_str){ 0 }, GH_LAST);
		b->stream->ops->flush(b->stream);
		assert_string_equal(head_of(b), cases[i].head);
		assert_string_equal(rest(b), ""); /* and the connection is kept */
		assert_int_equal(b->ends, i + 1);
	}
}

static void an_answer_of_unknown_length_is_chunked(void **state)
{
	struct bench *b = *state;

	b->on_head = begin_stream;
	say(b, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	b->stream->ops->send_body(b->stream, GH_STR("sixteen bytes..."), GH_MORE);
	b->stream->ops->send_body(b->stream, (struct gh_str){ 0 }, GH_MORE); /* would be an end */
	b->stream->ops->send_body(b->stream, GH_STR("end"), GH_LAST);
	b->stream->ops->flush(b->stream);
	assert_string_equal(head_of(b), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
	assert_string_equal(rest(b), "3\r\none\r\n10\r\nsixteen bytes...\r\n3\r\nend\r\n0\r\n\r\n");
	assert_int_equal(b->client.end, WIRE_OPEN);
}

static void http_1_0_gets_no_chunks(void **state)
{
	struct bench *b = *state;

	b->on_head = begin_stream;
	say(b, "GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n");
	b->stream->ops->send_body(b->stream, GH_STR("end"), GH_LAST);
	b->stream->ops->flush(b->stream);
	assert_string_equal(head_of(b), "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
	assert_true(wire_ends(&b->loop, &b->client));
	assert_int_equal(b->client.end, WIRE_FIN);
	assert_string_equal(b->client.got, "oneend");
	join(b);
	b->on_head = say_path;
	say(b, "GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n");
	assert_string_equal(head_of(b), "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n"
					"Connection: keep-alive\r\n\r\n");
	join(b);
	say(b, "GET / HTTP/1.0\r\nHost: a\r\n\r\n");
	assert_string_equal(head_of(b), "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n"
					"Connection: close\r\n\r\n");
}

static void fields_that_frame_are_the_protocols_own(void **state)
{
	struct bench *b = *state;

	say(b, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	struct gh_headers *h = &b->stream->res.headers;
	gh__headers_push(h, GH__H_CONTENT_LENGTH, GH_STR("Content-Length"), GH_STR("99"));
	gh__headers_push(h, GH__H_TRANSFER_ENCODING, GH_STR("Transfer-Encoding"), GH_STR("gzip"));
	gh__headers_push(h, GH__H_CONNECTION, GH_STR("Connection"), GH_STR("x"));
	gh__headers_push(h, GH__H_OTHER, GH_STR("X-Own"), GH_STR("1"));
	gh__headers_push(h, GH__H_DATE, GH_STR("Date"), GH_STR("Thu, 01 Jan 1970 00:00:00 GMT"));
	answer(b->stream, 200, "x");
	assert_true(wire_sees(&b->loop, &b->client, "1970"));
	assert_int_equal(wire_count(&b->client, "Date: "), 1);
	assert_string_equal(head_of(b), "HTTP/1.1 200 OK\r\nX-Own: 1\r\nContent-Length: 1\r\n\r\n");
}

static void an_interim_answer_goes_before_the_final_one(void **state)
{
	struct bench *b = *state;
	struct gh_headers h;

	say(b, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	gh__headers_init(&h, &b->stream->arena);
	gh__headers_push(&h, GH__H_OTHER, GH_STR("Link"), GH_STR("</a>"));
	b->stream->ops->send_interim(b->stream, 103, &h);
	answer(b->stream, 200, "x");
	b->stream->ops->send_interim(b->stream, 103, &h); /* too late: nothing */
	assert_string_equal(head_of(b), "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
	assert_non_null(strstr(head_of(b), "200"));
	assert_string_equal(rest(b), "x");
	join(b);
	say(b, "GET / HTTP/1.0\r\nHost: a\r\n\r\n");
	b->stream->ops->send_interim(b->stream, 103, NULL); /* 1.0 knows none */
	answer(b->stream, 200, "x");
	assert_non_null(strstr(head_of(b), "200"));
}

static void what_a_slow_reader_does_not_take_is_told_of(void **state)
{
	struct bench *b = *state;

	say(b, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	struct gh__stream *s = b->stream;
	s->res.status = 200;
	s->res.length = BIG;
	s->ops->send_head(s, GH_MORE);
	s->ops->send_body(s, (struct gh_str){ b->big, BIG - 1 }, GH_MORE);
	s->ops->flush(s);
	assert_true(s->ops->pressure(s) > 0);
	assert_int_equal(b->drains, 0);
	head_of(b);
	assert_true(wire_gets(&b->loop, &b->client, BIG - 1));
	wire_settle(&b->loop);
	assert_int_equal(b->drains, 1);
	assert_int_equal(s->ops->pressure(s), 0);
	s->ops->send_body(s, GH_STR("!"), GH_LAST);
	s->ops->flush(s);
	assert_true(wire_gets(&b->loop, &b->client, BIG));
	assert_memory_equal(b->client.got, b->big, BIG - 1);
}

/* ---- breaks ---- */

static void an_answer_that_is_broken_off_never_looks_whole(void **state)
{
	struct bench *b = *state;

	b->on_head = begin_stream;
	say(b, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	b->stream->ops->abort(b->stream);
	head_of(b);
	assert_true(wire_ends(&b->loop, &b->client));
	assert_string_equal(b->client.got, "3\r\none\r\n"); /* no last chunk */
	assert_int_equal(b->gones, 0);                      /* its user knows */
	join(b);
	b->on_head = begin_of_ten;
	say(b, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	b->stream->ops->abort(b->stream);
	head_of(b);
	assert_true(wire_ends(&b->loop, &b->client));
	assert_string_equal(b->client.got, "one");
	join(b);
	b->on_head = begin_stream;
	say(b, "GET / HTTP/1.0\r\nHost: a\r\n\r\n"); /* only a reset shows it */
	wire_read(&b->client);
	b->stream->ops->abort(b->stream);
	assert_true(wire_ends(&b->loop, &b->client));
	assert_int_equal(b->client.end, WIRE_RST);
	wire_settle(&b->loop);
	assert_int_equal(b->ends, 1);
	assert_int_equal(b->closes, 1);
}

static void a_client_that_leaves_is_told_once(void **state)
{
	struct bench *b = *state;

	for (int i = 0; i < 4; i++) {
		b->on_head = i == 2 ? begin_stream : NULL;
		say(b, i == 1 ? "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nunread"
			      : "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
		assert_int_equal(b->heads, 1);
		wire_read(&b->client); /* bytes that nobody read would make a close a reset */
		if (i == 3)
			wire_reset(&b->client);
		else
			wire_close(&b->client);
		wire_settle(&b->loop);
		assert_int_equal(b->gones, 1);
		assert_int_equal(b->error, i == 3 ? UV_ECONNRESET : 0);
		assert_int_equal(b->ends, 1);
		assert_int_equal(b->closes, 1);
		assert_int_equal(b->len, 0);
		join(b);
	}
}

static void a_half_closed_client_has_left(void **state)
{
	struct bench *b = *state;

	say(b, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	wire_shut(&b->client);
	wire_settle(&b->loop);
	assert_int_equal(b->gones, 1);
	assert_int_equal(b->ends, 1);
}

static void a_head_that_is_refused_is_answered_and_counted(void **state)
{
	struct bench *b = *state;

	say(b, "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_non_null(strstr(head_of(b), "HTTP/1.1 400 Bad Request\r\n"));
	assert_true(wire_ends(&b->loop, &b->client));
	assert_int_equal(b->client.end, WIRE_FIN);
	assert_int_equal(b->refused, 1);
	assert_int_equal(b->refused_status, 400);
	assert_int_equal(b->heads, 0);
	join(b);
	wire_send_bytes(&b->loop, &b->client, "GET /", 5);
	for (int i = 0; i < 3 && !b->refused; i++)
		wire_send_bytes(&b->loop, &b->client, b->big, 8192);
	assert_true(wire_ends(&b->loop, &b->client));
	assert_int_equal(b->refused, 1);
	assert_true(b->refused_status == 414 || b->refused_status == 431);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(an_answer_has_no_body_where_there_is_none),
		CASE(an_answer_of_unknown_length_is_chunked),
		CASE(http_1_0_gets_no_chunks),
		CASE(fields_that_frame_are_the_protocols_own),
		CASE(an_interim_answer_goes_before_the_final_one),
		CASE(what_a_slow_reader_does_not_take_is_told_of),
		CASE(an_answer_that_is_broken_off_never_looks_whole),
		CASE(a_client_that_leaves_is_told_once),
		CASE(a_half_closed_client_has_left),
		CASE(a_head_that_is_refused_is_answered_and_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
