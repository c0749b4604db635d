/* Bodies: each framing read in one piece, cut at every byte and at every pair of bytes. */
#include "heads.h"

#define HEAD    "POST / HTTP/1.1\r\nHost: a\r\n"
#define CHUNKED HEAD "Transfer-Encoding: chunked\r\n\r\n"
#define ANSWER  "HTTP/1.1 200 OK\r\n"

/* What became of a body. */
struct outcome {
	enum gh__body_step step;
	char data[2048];
	size_t len;
	size_t taken; /* bytes that were eaten until then */
};

enum side { REQUEST, ANSWERED };

static void begin(struct gh__message *m, enum side side, struct gh_str head)
{
	struct gh__refusal why = { 0, "" };
	struct gh__arena a;
	struct gh_request req;
	struct gh_response res;
	int r;

	gh__arena_init(&a, NULL, 0);
	if (side == REQUEST)
		r = gh__request_head(m, &a, head, HEADERS_LIMIT, &req, &why);
	else
		r = gh__answer_head(m, &a, head, HEADERS_LIMIT, GH__ASKED_BODY, &res, &why);
	if (r)
		fail_msg("%s", why.why);
	gh__arena_finish(&a);
}

/* Feeds one piece until it wants more; false: it is over. */
static bool feed(struct gh__message *m, struct gh_str piece, struct outcome *o)
{
	struct gh_str copy = exact(piece), data;
	const char *at = copy.at, *end = copy.at + copy.len;
	struct gh__refusal why = { 0, NULL };

	do {
		const char *before = at;
		o->step = gh__body_next(m, &at, end, &data, &why);
		assert_true(at >= before && at <= end);
		if (o->step == GH__BODY_DATA) {
			assert_true(data.len > 0 && data.at >= copy.at &&
				    data.at + data.len <= end);
			assert_true(o->len + data.len <= sizeof o->data);
			memcpy(o->data + o->len, data.at, data.len);
			o->len += data.len;
		}
	} while (o->step == GH__BODY_DATA);
	o->taken += (size_t)(at - copy.at);
	if (o->step == GH__BODY_MORE)
		assert_ptr_equal(at, end);
	if (o->step == GH__BODY_BAD)
		assert_non_null(why.why);
	drop(copy);
	return o->step == GH__BODY_MORE;
}

/* Reads `body` behind `head`, cut before the bytes `one` and `two`. */
static void read_cut(enum side side, struct gh_str head, struct gh_str body, size_t one, size_t two,
		     struct outcome *o)
{
	struct gh__message m;

	o->len = o->taken = 0;
	begin(&m, side, head);
	if (!feed(&m, gh_str_slice(body, 0, one), o) || !feed(&m, gh_str_slice(body, one, two), o))
		return;
	feed(&m, gh_str_slice(body, two, body.len), o);
}

static void expect_everywhere(enum side side, struct gh_str head, struct gh_str body,
			      enum gh__body_step step, struct gh_str data, size_t left)
{
	static struct outcome o;

	for (size_t one = 0; one <= body.len; one++) {
		for (size_t two = one; two <= body.len; two++) {
			if (body.len > 60 && two != one && two != body.len)
				continue;
			read_cut(side, head, body, one, two, &o);
			if (o.step != step)
				fail_msg("(" GH_FMT ") cut at %zu, %zu: step %d instead of %d",
					 GH_ARG(body), one, two, o.step, step);
			if (step == GH__BODY_BAD)
				continue;
			assert_int_equal(o.len, data.len);
			assert_memory_equal(o.data, data.at, data.len);
			assert_int_equal(o.taken, body.len - left);
		}
	}
}

struct chunked {
	struct gh_str body, data;
	size_t left; /* bytes of the next message */
};
#define CASE(body_, data_, left_) \
	{ \
		GH_STR_INIT(body_), GH_STR_INIT(data_), left_ \
	}
#define HEX16 "0000000000000005"

static const struct chunked good_chunks[] = {
	CASE("0\r\n\r\n", "", 0),
	CASE("5\r\nhello\r\n0\r\n\r\n", "hello", 0),
	CASE("5\r\nhello\r\n0\r\n\r\nGET / HTTP/1.1\r\n", "hello", 16),
	CASE("0\r\n\r\nX", "", 1),
	CASE("5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "hello world", 0),
	CASE("1\r\na\r\n1\r\nb\r\n1\r\nc\r\n0\r\n\r\n", "abc", 0),
	CASE("a\r\n0123456789\r\n0\r\n\r\n", "0123456789", 0),
	CASE("A\r\n0123456789\r\n0\r\n\r\n", "0123456789", 0),
	CASE("0a\r\n0123456789\r\n000\r\n\r\n", "0123456789", 0),
	CASE(HEX16 "\r\nhello\r\n0000000000000000\r\n\r\n", "hello", 0),
	CASE("2\r\n\r\n\r\n0\r\n\r\n", "\r\n", 0),
	CASE("7\r\n0\r\n\r\nGE\r\n0\r\n\r\n", "0\r\n\r\nGE", 0),
	CASE("3\r\n\0\x01\xff\r\n0\r\n\r\n", "\0\x01\xff", 0),
	CASE("5;a\r\nhello\r\n0\r\n\r\n", "hello", 0),
	CASE("5;a=b\r\nhello\r\n0;c\r\n\r\n", "hello", 0),
	CASE("5;a=\"b c\";d\r\nhello\r\n0\r\n\r\n", "hello", 0),
	CASE("5\r\nhello\r\n0\r\nX: y\r\n\r\n", "hello", 0),
	CASE("5\r\nhello\r\n0\r\nX: y\r\nZ:\r\n\r\nG", "hello", 1),
	CASE("0\r\nX:\ty z\xc3\xa4\r\n\r\n", "", 0),
};

static void chunks_are_read_wherever_they_are_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < GH_COUNT_OF(good_chunks); i++) {
		const struct chunked *c = &good_chunks[i];
		expect_everywhere(REQUEST, GH_STR(CHUNKED), c->body, GH__BODY_END, c->data,
				  c->left);
		expect_everywhere(ANSWERED, GH_STR(ANSWER "Transfer-Encoding: chunked\r\n\r\n"),
				  c->body, GH__BODY_END, c->data, c->left);
	}
}

static const struct gh_str bad_chunks[] = {
	/* Line ends. */
	GH_STR_INIT("5\nhello\r\n0\r\n\r\n"),
	GH_STR_INIT("5\rhello\r\n0\r\n\r\n"),
	GH_STR_INIT("5\r\nhello\n0\r\n\r\n"),
	GH_STR_INIT("5\r\nhello\r0\r\n\r\n"),
	GH_STR_INIT("5\r\nhello0\r\n\r\n"),
	GH_STR_INIT("5\r\nhelloo\r\n0\r\n\r\n"),
	GH_STR_INIT("5\r\nhell\r\n0\r\n\r\n"),
	GH_STR_INIT("5\r\r\nhello\r\n0\r\n\r\n"),
	GH_STR_INIT("5\r\nhello\r\r\n0\r\n\r\n"),
	GH_STR_INIT("5\r\nhello\r\n\r\n0\r\n\r\n"),
	GH_STR_INIT("\r\n5\r\nhello\r\n0\r\n\r\n"),
	GH_STR_INIT("\n5\r\nhello\r\n0\r\n\r\n"),
	GH_STR_INIT("5\r\nhello\r\n0\n\r\n"),
	GH_STR_INIT("5\r\nhello\r\n0\r\n\n"),
	GH_STR_INIT("5\r\nhello\r\n0\r\n\rX"),
	GH_STR_INIT("5\r\nhello\r\n0\r\rX"),
	/* Sizes. */
	GH_STR_INIT(" 5\r\nhello\r\n0\r\n\r\n"),
	GH_STR_INIT("5 \r\nhello\r\n0\r\n\r\n"),
	GH_STR_INIT("5\t\r\nhello\r\n0\r\n\r\n"),
	GH_STR_INIT("\t5\r\nhello\r\n0\r\n\r\n"),
	GH_STR_INIT("+5\r\nhello\r\n0\r\n\r\n"),
	GH_STR_INIT("-5\r\nhello\r\n0\r\n\r\n"),
	GH_STR_INIT("0x5\r\nhello\r\n0\r\n\r\n"),
	GH_STR_INIT("5h\r\nhello\r\n0\r\n\r\n"),
	GH_STR_INIT("g\r\nhello\r\n0\r\n\r\n"),
	GH_STR_INIT("5_\r\nhello\r\n0\r\n\r\n"),
	GH_STR_INIT("5,5\r\nhello\r\n0\r\n\r\n"),
	GH_STR_INIT("5.0\r\nhello\r\n0\r\n\r\n"),
	GH_STR_INIT("5\0\r\nhello\r\n0\r\n\r\n"),
	GH_STR_INIT("\xd9\xa5\r\nhello\r\n0\r\n\r\n"),
	GH_STR_INIT(";a\r\nhello\r\n0\r\n\r\n"),
	GH_STR_INIT("0" HEX16 "\r\nhello\r\n0\r\n\r\n"),
	GH_STR_INIT("00000000000000000\r\n\r\n"),
	GH_STR_INIT("10000000000000005\r\nhello\r\n0\r\n\r\n"),
	GH_STR_INIT("8000000000000000\r\nhello"),
	GH_STR_INIT("ffffffffffffffff\r\nhello"),
	GH_STR_INIT("fffffffffffffffff\r\nhello"),
	/* Extensions. */
	GH_STR_INIT("5;\r\nhello\r\n0\r\n\r\n"),
	GH_STR_INIT("5;a\nb\r\nhello\r\n0\r\n\r\n"),
	GH_STR_INIT("5;a\rb\r\nhello\r\n0\r\n\r\n"),
	GH_STR_INIT("5;a=\"b\nc\"\r\nhello\r\n0\r\n\r\n"),
	GH_STR_INIT("5;a=\"b\rc\"\r\nhello\r\n0\r\n\r\n"),
	GH_STR_INIT("5;a=\"\\\n\"\r\nhello\r\n0\r\n\r\n"),
	GH_STR_INIT("5;a=\"\\\r\n\"\r\nhello\r\n0\r\n\r\n"),
	GH_STR_INIT("5;a=\"b\r\nhello\r\n0\r\n\r\n"),
	GH_STR_INIT("5;a\0\r\nhello\r\n0\r\n\r\n"),
	GH_STR_INIT("5;a\x7f\r\nhello\r\n0\r\n\r\n"),
	/* Trailers. */
	GH_STR_INIT("0\r\nX: y\n\r\n"),
	GH_STR_INIT("0\r\nX: y\rZ: a\r\n\r\n"),
	GH_STR_INIT("0\r\nX: y\r\n z\r\n\r\n"),
	GH_STR_INIT("0\r\nX: y\r\n\tz\r\n\r\n"),
	GH_STR_INIT("0\r\n X: y\r\n\r\n"),
	GH_STR_INIT("0\r\nX : y\r\n\r\n"),
	GH_STR_INIT("0\r\n: y\r\n\r\n"),
	GH_STR_INIT("0\r\nX\r\n\r\n"),
	GH_STR_INIT("0\r\nX: \0\r\n\r\n"),
	GH_STR_INIT("0\r\nX: \x01\r\n\r\n"),
	GH_STR_INIT("0\r\nX: y\r\n\rGET / HTTP/1.1\r\n\r\n"),
	GH_STR_INIT("0\r\nGET / HTTP/1.1\r\n\r\n"),
};

static void malformed_chunks_are_refused_wherever_they_are_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < GH_COUNT_OF(bad_chunks); i++) {
		expect_everywhere(REQUEST, GH_STR(CHUNKED), bad_chunks[i], GH__BODY_BAD, GH_STR(""),
				  0);
		expect_everywhere(ANSWERED, GH_STR(ANSWER "Transfer-Encoding: chunked\r\n\r\n"),
				  bad_chunks[i], GH__BODY_BAD, GH_STR(""), 0);
	}
}

static void no_part_of_a_chunked_body_ends_it(void **state)
{
	struct gh_str body = GH_STR("5;a=b\r\nhello\r\n0\r\nX: y\r\n\r\n");
	static struct outcome o;

	(void)state;
	for (size_t len = 0; len < body.len; len++) {
		for (size_t cut = 0; cut <= len; cut++) {
			struct gh__message m;
			begin(&m, REQUEST, GH_STR(CHUNKED));
			o.len = o.taken = 0;
			assert_true(feed(&m, gh_str_slice(body, 0, cut), &o));
			assert_true(feed(&m, gh_str_slice(body, cut, len), &o));
			assert_int_equal(gh__body_closed(&m), GH__BODY_BAD);
		}
	}
}

/* Reads a body of `before`, `count` times `unit`, and `after`. */
static enum gh__body_step read_repeated(const char *before, const char *unit, size_t count,
					const char *after, size_t piece)
{
	struct gh__message m;
	struct gh__arena a;
	static struct outcome o;
	size_t len = strlen(unit) * count;

	gh__arena_init(&a, NULL, 0);
	char *units = gh__arena_get(&a, len + 1);
	for (size_t i = 0; i < count; i++)
		memcpy(units + i * strlen(unit), unit, strlen(unit));
	units[len] = 0;
	struct gh_str body = gh__arena_printf(&a, "%s%s%s", before, units, after);
	begin(&m, REQUEST, GH_STR(CHUNKED));
	o.len = o.taken = 0;
	for (size_t at = 0; at < body.len; at += piece)
		if (!feed(&m, gh_str_slice(body, at, at + piece), &o))
			break;
	assert_int_equal(gh__body_closed(&m), o.step == GH__BODY_END ? GH__BODY_END : GH__BODY_BAD);
	gh__arena_finish(&a);
	return o.step;
}

static void what_stands_between_data_is_bounded(void **state)
{
	static const size_t pieces[] = { 1, 7, 100000 };

	(void)state;
	for (size_t i = 0; i < GH_COUNT_OF(pieces); i++) {
		size_t p = pieces[i];
		/* 256 bytes of extensions a chunk, however they are split. */
		assert_int_equal(read_repeated("1;", "a", 256, "\r\nx\r\n0\r\n\r\n", p),
				 GH__BODY_END);
		assert_int_equal(read_repeated("1;", "a", 257, "\r\nx\r\n0\r\n\r\n", p),
				 GH__BODY_BAD);
		assert_int_equal(read_repeated("1;a=", "b", 255, "\r\nx\r\n0\r\n\r\n", p),
				 GH__BODY_END);
		assert_int_equal(read_repeated("1;a=", "b", 256, "\r\nx\r\n0\r\n\r\n", p),
				 GH__BODY_BAD);
		assert_int_equal(read_repeated("1", ";a", 256, "\r\nx\r\n0\r\n\r\n", p),
				 GH__BODY_END);
		assert_int_equal(read_repeated("1", ";a", 257, "\r\nx\r\n0\r\n\r\n", p),
				 GH__BODY_BAD);
		/* … but each chunk has its own. */
		assert_int_equal(read_repeated("", "1;aaaaaaaaaaaaaaaaaaaa\r\nx\r\n", 300,
					       "0\r\n\r\n", p),
				 GH__BODY_END);
		/* 4096 bytes in all behind the last of data: 3 + 681 * 6 + 7, and one more. */
		assert_int_equal(read_repeated("0\r\n", "X: y\r\n", 681, "aa:\r\n\r\n", p),
				 GH__BODY_END);
		assert_int_equal(read_repeated("0\r\n", "X: y\r\n", 681, "aaa:\r\n\r\n", p),
				 GH__BODY_BAD);
		assert_int_equal(read_repeated("0\r\nX: ", "y", 4096 - 10, "\r\n\r\n", p),
				 GH__BODY_END);
		assert_int_equal(read_repeated("0\r\nX: ", "y", 4096 - 9, "\r\n\r\n", p),
				 GH__BODY_BAD);
	}
}

static void a_length_is_counted_wherever_it_is_cut(void **state)
{
	struct gh_str request = GH_STR(HEAD "Content-Length: 5\r\n\r\n");
	struct gh_str answer = GH_STR(ANSWER "Content-Length: 5\r\n\r\n");

	(void)state;
	expect_everywhere(REQUEST, request, GH_STR("hello"), GH__BODY_END, GH_STR("hello"), 0);
	expect_everywhere(REQUEST, request, GH_STR("helloGET"), GH__BODY_END, GH_STR("hello"), 3);
	expect_everywhere(REQUEST, request, GH_STR("hell"), GH__BODY_MORE, GH_STR("hell"), 0);
	expect_everywhere(REQUEST, request, GH_STR("\0\r\n\r\n"), GH__BODY_END,
			  GH_STR("\0\r\n\r\n"), 0);
	expect_everywhere(ANSWERED, answer, GH_STR("helloHTTP"), GH__BODY_END, GH_STR("hello"), 4);
}

static void nothing_is_the_end_at_once(void **state)
{
	(void)state;
	expect_everywhere(REQUEST, GH_STR(HEAD "\r\n"), GH_STR("GET"), GH__BODY_END, GH_STR(""), 3);
	expect_everywhere(REQUEST, GH_STR(HEAD "Content-Length: 0\r\n\r\n"), GH_STR(""),
			  GH__BODY_END, GH_STR(""), 0);
	expect_everywhere(ANSWERED, GH_STR("HTTP/1.1 204 No\r\n\r\n"), GH_STR("HTTP"), GH__BODY_END,
			  GH_STR(""), 4);
}

static void until_close_ends_with_the_close(void **state)
{
	struct gh__message m;
	static struct outcome o;

	(void)state;
	expect_everywhere(ANSWERED, GH_STR(ANSWER "\r\n"), GH_STR("0\r\n\r\nX"), GH__BODY_MORE,
			  GH_STR("0\r\n\r\nX"), 0);
	begin(&m, ANSWERED, GH_STR(ANSWER "\r\n"));
	assert_true(feed(&m, GH_STR("abc"), &o));
	assert_int_equal(gh__body_closed(&m), GH__BODY_END);
}

static void a_close_ends_only_what_is_whole(void **state)
{
	struct gh__message m;
	static struct outcome o;

	(void)state;
	begin(&m, ANSWERED, GH_STR(ANSWER "Content-Length: 5\r\n\r\n"));
	assert_true(feed(&m, GH_STR("hell"), &o));
	assert_int_equal(gh__body_closed(&m), GH__BODY_BAD);
	assert_false(feed(&m, GH_STR("o"), &o));
	assert_int_equal(gh__body_closed(&m), GH__BODY_END);

	begin(&m, ANSWERED, GH_STR(ANSWER "Transfer-Encoding: chunked\r\n\r\n"));
	assert_int_equal(gh__body_closed(&m), GH__BODY_BAD);
	o.len = o.taken = 0;
	assert_false(feed(&m, GH_STR("1\r\na\r\n0\r\n\r\n"), &o));
	assert_int_equal(gh__body_closed(&m), GH__BODY_END);

	begin(&m, REQUEST, GH_STR(HEAD "\r\n"));
	assert_int_equal(gh__body_closed(&m), GH__BODY_END);
}

static void an_upgrade_that_is_not_taken_does_not_touch_the_body(void **state)
{
	(void)state;
	expect_everywhere(REQUEST,
			  GH_STR(HEAD "Upgrade: h2c\r\nConnection: upgrade\r\n"
				      "Transfer-Encoding: chunked\r\n\r\n"),
			  GH_STR("5\r\nhello\r\n0\r\n\r\nG"), GH__BODY_END, GH_STR("hello"), 1);
}

static void a_message_may_be_moved_between_steps(void **state)
{
	static struct outcome o;
	struct gh__message m, other;

	(void)state;
	begin(&m, REQUEST, GH_STR(CHUNKED));
	o.len = o.taken = 0;
	assert_true(feed(&m, GH_STR("5\r\nhel"), &o));
	other = m;
	memset(&m, 0xff, sizeof m);
	assert_false(feed(&other, GH_STR("lo\r\n0\r\n\r\n"), &o));
	assert_int_equal(o.step, GH__BODY_END);
	assert_memory_equal(o.data, "hello", 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chunks_are_read_wherever_they_are_cut),
		cmocka_unit_test(malformed_chunks_are_refused_wherever_they_are_cut),
		cmocka_unit_test(no_part_of_a_chunked_body_ends_it),
		cmocka_unit_test(what_stands_between_data_is_bounded),
		cmocka_unit_test(a_length_is_counted_wherever_it_is_cut),
		cmocka_unit_test(nothing_is_the_end_at_once),
		cmocka_unit_test(until_close_ends_with_the_close),
		cmocka_unit_test(a_close_ends_only_what_is_whole),
		cmocka_unit_test(an_upgrade_that_is_not_taken_does_not_touch_the_body),
		cmocka_unit_test(a_message_may_be_moved_between_steps),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
