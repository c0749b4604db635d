/* Heads of HTTP/2: what is malformed, what is refused and with which status, what is read. */
#include "heads.h"

#include "core/http/h2_head.h"

struct field {
	struct gh_str name, value;
};
#define F(n, v) \
	{ \
		GH_STR_INIT(n), GH_STR_INIT(v) \
	}
#define METHOD(v)    F(":method", v)
#define SCHEME       F(":scheme", "https")
#define PATH(v)      F(":path", v)
#define AUTHORITY(v) F(":authority", v)
#define ASK          METHOD("GET"), SCHEME, AUTHORITY("a"), PATH("/")

enum { MOST = 40, END = 0 };

static struct gh__arena arena;
static struct gh_request req;
static struct gh__refusal why;
static enum gh__expect expect;

static enum gh__h2_judgement judge(const struct field *fields, size_t count, enum gh__h2_end end,
				   size_t max_head)
{
	struct gh__h2_head h;

	gh__arena_finish(&arena);
	gh__arena_init(&arena, NULL, 0);
	req = (struct gh_request){ 0 };
	why = (struct gh__refusal){ 0 };
	expect = GH__EXPECT_NOTHING;
	gh__h2_head_begin(&h, &arena, max_head, HEADERS_LIMIT, &req);
	for (size_t i = 0; i < count; i++) {
		/* In memory of their own, which is gone when the next one comes. */
		struct gh_str name = exact(fields[i].name), value = exact(fields[i].value);
		gh__h2_head_field(&h, name, value);
		drop(name);
		drop(value);
	}
	return gh__h2_head_end(&h, end, &expect, &why);
}

static size_t count_of(const struct field *fields)
{
	size_t n = 0;

	while (n < MOST && fields[n].name.at)
		n++;
	return n;
}

struct wrong {
	const char *what;
	int status; /* 0: malformed */
	struct field fields[MOST];
};

static const struct wrong wrongs[] = {
	{ "nothing", 0, { { { 0 }, { 0 } } } },
	{ "no method", 0, { SCHEME, AUTHORITY("a"), PATH("/") } },
	{ "no scheme", 0, { METHOD("GET"), AUTHORITY("a"), PATH("/") } },
	{ "no path", 0, { METHOD("GET"), SCHEME, AUTHORITY("a") } },
	{ "two methods", 0, { ASK, METHOD("GET") } },
	{ "two schemes", 0, { ASK, SCHEME } },
	{ "two paths", 0, { ASK, PATH("/") } },
	{ "two authorities", 0, { ASK, AUTHORITY("a") } },
	{ "a pseudo-header of answers", 0, { ASK, F(":status", "200") } },
	{ "extended CONNECT",
	  0,
	  { METHOD("CONNECT"), F(":protocol", "websocket"), SCHEME, PATH("/"), AUTHORITY("a") } },
	{ "a colon alone", 0, { ASK, F(":", "x") } },
	{ "a pseudo-header in upper case",
	  0,
	  { F(":Method", "GET"), SCHEME, AUTHORITY("a"), PATH("/") } },
	{ "a pseudo-header after a field",
	  0,
	  { METHOD("GET"), SCHEME, AUTHORITY("a"), F("a", "b"), PATH("/") } },
	{ "an empty path", 0, { METHOD("GET"), SCHEME, AUTHORITY("a"), PATH("") } },
	{ "an empty method", 0, { METHOD(""), SCHEME, AUTHORITY("a"), PATH("/") } },
	{ "a method with a space", 0, { METHOD("GE T"), SCHEME, AUTHORITY("a"), PATH("/") } },
	{ "a method with CR LF", 0, { METHOD("GET\r\nX: y"), SCHEME, AUTHORITY("a"), PATH("/") } },
	{ "an empty name", 0, { ASK, F("", "x") } },
	{ "a name in upper case", 0, { ASK, F("X-Y", "z") } },
	{ "a name with a space", 0, { ASK, F("x y", "z") } },
	{ "a name with a colon", 0, { ASK, F("x:y", "z") } },
	{ "a name with NUL", 0, { ASK, F("x\0y", "z") } },
	{ "a name with CR LF", 0, { ASK, F("x\r\ny", "z") } },
	{ "a name with a high byte", 0, { ASK, F("x\xc3\xa9", "z") } },
	{ "a value with NUL", 0, { ASK, F("x", "a\0b") } },
	{ "a value with CR", 0, { ASK, F("x", "a\rb") } },
	{ "a value with LF", 0, { ASK, F("x", "a\nb") } },
	{ "a value that begins with a space", 0, { ASK, F("x", " a") } },
	{ "a value that ends in a tab", 0, { ASK, F("x", "a\t") } },
	{ "a value of a space", 0, { ASK, F("x", " ") } },
	{ "a path with NUL", 0, { METHOD("GET"), SCHEME, AUTHORITY("a"), PATH("/\0") } },
	{ "connection", 0, { ASK, F("connection", "close") } },
	{ "an empty connection", 0, { ASK, F("connection", "") } },
	{ "keep-alive", 0, { ASK, F("keep-alive", "timeout=5") } },
	{ "proxy-connection", 0, { ASK, F("proxy-connection", "keep-alive") } },
	{ "transfer-encoding", 0, { ASK, F("transfer-encoding", "chunked") } },
	{ "upgrade", 0, { ASK, F("upgrade", "websocket") } },
	{ "te of more", 0, { ASK, F("te", "trailers, gzip") } },
	{ "te of another", 0, { ASK, F("te", "gzip") } },
	{ "an empty te", 0, { ASK, F("te", "") } },
	{ "host that differs", 0, { ASK, F("host", "b") } },
	{ "host that differs in the port", 0, { ASK, F("host", "a:80") } },
	{ "an empty host", 0, { ASK, F("host", "") } },
	{ "two hosts", 0, { ASK, F("host", "a"), F("host", "a") } },
	{ "a length that is none", 0, { ASK, F("content-length", "x") } },
	{ "a length with a sign", 0, { ASK, F("content-length", "+5") } },
	{ "an empty length", 0, { ASK, F("content-length", "") } },
	{ "a length in a list", 0, { ASK, F("content-length", "5, 5") } },
	{ "a length beyond numbers", 0, { ASK, F("content-length", "9223372036854775808") } },
	{ "two lengths", 0, { ASK, F("content-length", "5"), F("content-length", "5") } },
	{ "a length that is none, and a second one",
	  0,
	  { ASK, F("content-length", "x"), F("content-length", "5") } },
	{ "refused and malformed", 0, { ASK, F("expect", "x"), F("X", "y") } },

	{ "CONNECT", 405, { METHOD("CONNECT"), AUTHORITY("a:443") } },
	{ "CONNECT with a path", 405, { METHOD("CONNECT"), SCHEME, AUTHORITY("a"), PATH("/") } },
	{ "TRACE", 405, { METHOD("TRACE"), SCHEME, AUTHORITY("a"), PATH("/") } },
	{ "an unknown method", 501, { METHOD("BREW"), SCHEME, AUTHORITY("a"), PATH("/") } },
	{ "a method in lower case", 501, { METHOD("get"), SCHEME, AUTHORITY("a"), PATH("/") } },
	{ "the preface's method", 501, { METHOD("PRI"), SCHEME, AUTHORITY("a"), PATH("*") } },
	{ "a method of RTSP", 501, { METHOD("DESCRIBE"), SCHEME, AUTHORITY("a"), PATH("/") } },
	{ "another scheme",
	  400,
	  { METHOD("GET"), F(":scheme", "ftp"), AUTHORITY("a"), PATH("/") } },
	{ "an empty scheme", 400, { METHOD("GET"), F(":scheme", ""), AUTHORITY("a"), PATH("/") } },
	{ "nobody is named", 400, { METHOD("GET"), SCHEME, PATH("/") } },
	{ "an empty authority", 400, { METHOD("GET"), SCHEME, AUTHORITY(""), PATH("/") } },
	{ "an authority with a user", 400, { METHOD("GET"), SCHEME, AUTHORITY("u@a"), PATH("/") } },
	{ "an authority with a slash",
	  400,
	  { METHOD("GET"), SCHEME, AUTHORITY("a/b"), PATH("/") } },
	{ "an authority with a bad port",
	  400,
	  { METHOD("GET"), SCHEME, AUTHORITY("a:0"), PATH("/") } },
	{ "a host that is none", 400, { METHOD("GET"), SCHEME, PATH("/"), F("host", "a b") } },
	{ "a URL for a path", 400, { METHOD("GET"), SCHEME, AUTHORITY("a"), PATH("https://a/") } },
	{ "a path without a slash", 400, { METHOD("GET"), SCHEME, AUTHORITY("a"), PATH("x") } },
	{ "an asterisk of GET", 400, { METHOD("GET"), SCHEME, AUTHORITY("a"), PATH("*") } },
	{ "dot segments", 400, { METHOD("GET"), SCHEME, AUTHORITY("a"), PATH("/a/../b") } },
	{ "an empty segment", 400, { METHOD("GET"), SCHEME, AUTHORITY("a"), PATH("//a") } },
	{ "an escaped NUL", 400, { METHOD("GET"), SCHEME, AUTHORITY("a"), PATH("/%00") } },
	{ "a fragment", 400, { METHOD("GET"), SCHEME, AUTHORITY("a"), PATH("/#x") } },
	{ "a fragment in the query",
	  400,
	  { METHOD("GET"), SCHEME, AUTHORITY("a"), PATH("/?a#x") } },
	{ "a space in the path", 400, { METHOD("GET"), SCHEME, AUTHORITY("a"), PATH("/a b") } },
	{ "a space in the query", 400, { METHOD("GET"), SCHEME, AUTHORITY("a"), PATH("/?a b") } },
	{ "a control byte in a value", 400, { ASK, F("x", "a\x01z") } },
	{ "DEL in a value", 400, { ASK, F("x", "a\x7fz") } },
	{ "a control byte in the path",
	  400,
	  { METHOD("GET"), SCHEME, AUTHORITY("a"), PATH("/\x1f") } },
	{ "another expectation", 417, { ASK, F("expect", "200-ok") } },
	{ "an empty expectation", 417, { ASK, F("expect", "") } },
};

static void what_is_wrong_is_judged(void **state)
{
	(void)state;

	for (size_t i = 0; i < GH_COUNT_OF(wrongs); i++) {
		const struct wrong *w = wrongs + i;
		enum gh__h2_judgement j = judge(w->fields, count_of(w->fields), GH__H2_GOES_ON,
						HEAD_LIMIT);
		if (j != (w->status ? GH__H2_REFUSED : GH__H2_MALFORMED))
			fail_msg("%s: judged %d (%d)", w->what, j, why.status);
		if (why.status != (w->status ? w->status : 400) || !why.why)
			fail_msg("%s: status %d", w->what, why.status);
	}
}

#define JUDGE(end, ...) \
	judge((const struct field[]){ __VA_ARGS__ }, \
	      sizeof((const struct field[]){ __VA_ARGS__ }) / sizeof(struct field), end, \
	      HEAD_LIMIT)

static void assert_str(struct gh_str s, const char *text)
{
	if (!gh_str_is(s, text))
		fail_msg("'" GH_FMT "' is not '%s'", GH_ARG(s), text);
}

static void a_request_is_what_it_is_in_http1(void **state)
{
	(void)state;

	assert_int_equal(JUDGE(GH__H2_ENDS, METHOD("POST"), SCHEME, AUTHORITY("Gate.Example:8443"),
			       PATH("/%76%31/a%2fb?x=%zz&y"), F("accept", "*/*"),
			       F("te", "trailers"), F("x-empty", "")),
			 GH__H2_FINE);
	assert_str(req.method, "POST");
	assert_str(req.path, "/v1/a%2Fb");
	assert_str(req.query, "x=%zz&y");
	assert_str(req.host, "gate.example");
	assert_str(req.authority, "Gate.Example:8443");
	assert_int_equal(req.length, 0);
	assert_int_equal(req.headers.count, 4);
	assert_str(gh_header_get(&req.headers, GH_STR("Host")), "Gate.Example:8443");
	assert_non_null(gh__headers_by_id(&req.headers, GH__H_HOST));
	assert_str(gh_header_get(&req.headers, GH_STR("accept")), "*/*");
	assert_non_null(gh_header_find(&req.headers, GH_STR("x-empty")));
	assert_true(req.headers.room >= req.headers.count + 4);
}

static void path_and_query_stay_side_by_side(void **state)
{
	(void)state;

	assert_int_equal(JUDGE(GH__H2_ENDS, METHOD("GET"), SCHEME, AUTHORITY("a"),
			       PATH("/v1/models?a=b")),
			 GH__H2_FINE);
	assert_ptr_equal(req.path.at + req.path.len + 1, req.query.at);
	assert_int_equal(JUDGE(GH__H2_ENDS, METHOD("GET"), SCHEME, AUTHORITY("a"), PATH("/v1?")),
			 GH__H2_FINE);
	assert_non_null(req.query.at); /* an empty query is one */
	assert_int_equal(JUDGE(GH__H2_ENDS, METHOD("GET"), SCHEME, AUTHORITY("a"), PATH("/v1")),
			 GH__H2_FINE);
	assert_null(req.query.at);
}

static void host_stands_in_for_authority(void **state)
{
	(void)state;

	assert_int_equal(JUDGE(GH__H2_ENDS, METHOD("GET"), SCHEME, PATH("/"), F("a", "b"),
			       F("host", "[::1]:80")),
			 GH__H2_FINE);
	assert_str(req.host, "[::1]");
	assert_str(req.authority, "[::1]:80");
	assert_int_equal(req.headers.count, 2);
	/* Both, and the same: there is one. */
	assert_int_equal(JUDGE(GH__H2_ENDS, ASK, F("host", "A")), GH__H2_FINE);
	assert_int_equal(req.headers.count, 1);
	assert_str(gh_header_value(&req.headers.items[0]), "a");
}

static void options_may_ask_for_the_server(void **state)
{
	(void)state;

	assert_int_equal(JUDGE(GH__H2_ENDS, METHOD("OPTIONS"), SCHEME, AUTHORITY("a"), PATH("*")),
			 GH__H2_FINE);
	assert_str(req.path, "*");
}

static void every_method_that_http1_knows_is_known(void **state)
{
	static const char *const methods[] = {
		"GET",   "HEAD",    "POST",     "PUT",      "DELETE",
		"PATCH", "OPTIONS", "PROPFIND", "M-SEARCH", "QUERY"
	};
	(void)state;

	for (size_t i = 0; i < GH_COUNT_OF(methods); i++) {
		struct field fields[] = { { GH_STR_INIT(":method"), gh_str(methods[i]) },
					  SCHEME,
					  AUTHORITY("a"),
					  PATH("/") };
		if (judge(fields, GH_COUNT_OF(fields), GH__H2_ENDS, HEAD_LIMIT) != GH__H2_FINE)
			fail_msg("%s: %d", methods[i], why.status);
	}
}

static void crumbs_of_a_cookie_are_one_field(void **state)
{
	(void)state;

	assert_int_equal(JUDGE(GH__H2_ENDS, ASK, F("x", "1"), F("cookie", "a=b"), F("x", "2"),
			       F("cookie", "c=d; e=f"), F("cookie", ""), F("y", "3")),
			 GH__H2_FINE);
	assert_int_equal(req.headers.count, 5);
	assert_str(gh_header_name(&req.headers.items[1]), "cookie");
	assert_str(gh_header_value(&req.headers.items[1]), "a=b; c=d; e=f; ");
	assert_str(gh_header_value(&req.headers.items[0]), "1");
	assert_str(gh_header_value(&req.headers.items[2]), "2");
	assert_str(gh_header_value(&req.headers.items[3]), "3");
	assert_str(gh_header_value(&req.headers.items[4]), "a"); /* Host */
	assert_int_equal(JUDGE(GH__H2_ENDS, ASK, F("cookie", ""), F("cookie", "a=b")), GH__H2_FINE);
	assert_str(gh_header_get(&req.headers, GH_STR("cookie")), "; a=b");
	assert_int_equal(JUDGE(GH__H2_ENDS, ASK, F("cookie", "a=b")), GH__H2_FINE);
	assert_str(gh_header_get(&req.headers, GH_STR("cookie")), "a=b");
}

static void the_length_is_what_is_told(void **state)
{
	(void)state;

	assert_int_equal(JUDGE(GH__H2_GOES_ON, ASK), GH__H2_FINE);
	assert_int_equal(req.length, -1);
	assert_int_equal(JUDGE(GH__H2_ENDS, ASK), GH__H2_FINE);
	assert_int_equal(req.length, 0);
	assert_int_equal(JUDGE(GH__H2_GOES_ON, ASK, F("content-length", "007")), GH__H2_FINE);
	assert_int_equal(req.length, 7);
	assert_int_equal(JUDGE(GH__H2_ENDS, ASK, F("content-length", "0")), GH__H2_FINE);
	assert_int_equal(req.length, 0);
	assert_int_equal(JUDGE(GH__H2_ENDS, ASK, F("content-length", "5")), GH__H2_MALFORMED);
	assert_int_equal(JUDGE(GH__H2_GOES_ON, ASK, F("content-length", "9223372036854775807")),
			 GH__H2_FINE);
	assert_true(req.length == INT64_MAX);
}

static void a_100_is_waited_for_where_a_body_comes(void **state)
{
	(void)state;

	assert_int_equal(JUDGE(GH__H2_GOES_ON, ASK, F("expect", "100-Continue")), GH__H2_FINE);
	assert_int_equal(expect, GH__EXPECT_CONTINUE);
	assert_int_equal(JUDGE(GH__H2_ENDS, ASK, F("expect", "100-continue")), GH__H2_FINE);
	assert_int_equal(expect, GH__EXPECT_NOTHING);
	assert_int_equal(JUDGE(GH__H2_GOES_ON, ASK, F("content-length", "0"),
			       F("expect", "100-continue")),
			 GH__H2_FINE);
	assert_int_equal(expect, GH__EXPECT_NOTHING);
}

static void a_head_has_bounds(void **state)
{
	struct field fields[HEADERS_LIMIT + 6] = { ASK };
	size_t bytes = strlen(":methodGET:schemehttps:authoritya:path/") + 4 * 32;
	(void)state;

	for (size_t i = 0; i <= HEADERS_LIMIT; i++)
		fields[4 + i] = (struct field)F("x", "y");
	assert_int_equal(judge(fields, 4 + HEADERS_LIMIT, GH__H2_ENDS, HEAD_LIMIT), GH__H2_FINE);
	assert_int_equal(judge(fields, 5 + HEADERS_LIMIT, GH__H2_ENDS, HEAD_LIMIT), GH__H2_REFUSED);
	assert_int_equal(why.status, 431);
	bytes += 3 * (2 + 32);
	assert_int_equal(judge(fields, 7, GH__H2_ENDS, bytes), GH__H2_FINE);
	assert_int_equal(judge(fields, 7, GH__H2_ENDS, bytes - 1), GH__H2_REFUSED);
	assert_int_equal(why.status, 431);
	/* Crumbs are one field, however many. */
	for (size_t i = 0; i <= HEADERS_LIMIT; i++)
		fields[4 + i] = (struct field)F("cookie", "y");
	assert_int_equal(judge(fields, 5 + HEADERS_LIMIT, GH__H2_ENDS, HEAD_LIMIT), GH__H2_FINE);
}

static void nothing_is_kept_of_what_is_too_large(void **state)
{
	struct gh__h2_head h;
	struct gh__arena a;
	char room[1024], *before, value[4000] = { 0 };
	(void)state;

	memset(value, 'a', sizeof value);
	gh__arena_init(&a, room, sizeof room);
	gh__h2_head_begin(&h, &a, 2000, HEADERS_LIMIT, &req);
	gh__h2_head_field(&h, GH_STR("x"), (struct gh_str){ value, sizeof value });
	before = a.at;
	for (size_t i = 0; i < 100000; i++)
		gh__h2_head_field(&h, GH_STR("x"), (struct gh_str){ value, sizeof value });
	assert_ptr_equal(a.at, before);
	assert_null(a.blocks);
	assert_int_equal(gh__h2_head_end(&h, GH__H2_ENDS, &expect, &why), GH__H2_REFUSED);
	gh__arena_finish(&a);
}

/* The same request in both versions: the floors above see no difference. */
static void it_agrees_with_http1(void **state)
{
	static const char *const paths[] = {
		"/",       "/a",      "/a/",     "/a//b",     "/a/./b",     "/a/..",  "/%2e",
		"/%2e%2e", "/a%2fb",  "/a%2F/b", "/%61",      "/a%5cb",     "/a\\b",  "/a;x",
		"/%",      "/%4",     "/%zz",    "/%c0%af",   "/%e4%bd%a0", "/?",     "/?a=b",
		"/a?b?c",  "/a?/../", "/~-._",   "/a%20b",    "/a+b",       "/[x]",   "/a|b",
		"/\"",     "/<a>",    "/a^b",    "/`",        "/{a}",       "/a:b@c", "/!$&'()*+,=",
		"*",       "a",       "//",      "/a?b=\x7f", "/\xc3\xa9",  "/?\xc3", "/%7f",
	};
	static const char *const hosts[] = { "a",       "A.B",  "a:1", "a:65536", "a:",  "[::1]",
					     "[::1]:2", "::1",  "a_b", "a b",     "a,b", "a/b",
					     "1.2.3.4", "a..b", ".a",  "a.",      "[a]", "u@a",
					     "a?b",     "a#b",  "%61", "-" };
	(void)state;

	for (size_t i = 0; i < GH_COUNT_OF(paths) + GH_COUNT_OF(hosts); i++) {
		const char *path = i < GH_COUNT_OF(paths) ? paths[i] : "/";
		const char *host = i < GH_COUNT_OF(paths) ? "a" : hosts[i - GH_COUNT_OF(paths)];
		struct field fields[] = { METHOD("GET"),
					  SCHEME,
					  { GH_STR_INIT(":authority"), gh_str(host) },
					  { GH_STR_INIT(":path"), gh_str(path) } };
		char text[256];
		struct gh__message m;
		struct gh__arena a;
		struct gh_request old = { 0 };
		struct gh__refusal old_why;

		gh__arena_init(&a, NULL, 0);
		int len = snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", path,
				   host);
		struct gh_str head = { text, (size_t)len }, whole;
		bool refused = scan_cut(head, head.len, HEAD_LIMIT, &whole, &old_why) !=
				       GH__SCAN_HEAD ||
			       gh__request_head(&m, &a, whole, HEADERS_LIMIT, &old, &old_why);
		enum gh__h2_judgement j = judge(fields, GH_COUNT_OF(fields), GH__H2_ENDS,
						HEAD_LIMIT);
		if (refused != (j != GH__H2_FINE))
			fail_msg("%s at %s: %d, and in HTTP/1 %d", path, host, j, refused);
		if (!refused &&
		    (!gh_str_eq(old.path, req.path) || !gh_str_eq(old.query, req.query) ||
		     !gh_str_eq(old.host, req.host) || !gh_str_eq(old.authority, req.authority)))
			fail_msg("%s at %s: read in another way", path, host);
		gh__arena_finish(&a);
	}
}

static void trailers_are_judged(void **state)
{
	static const struct field bad[] = {
		F(":path", "/"),
		F("", "x"),
		F("X", "y"),
		F("x", "a\rb"),
		F("x", "a\0"),
		F("x", " a"),
		F("x y", "z"),
		F("connection", "close"),
		F("te", "gzip"),
		F("upgrade", "x"),
		F("transfer-encoding", "chunked"),
	};
	const char *text = NULL;
	(void)state;

	for (size_t i = 0; i < GH_COUNT_OF(bad); i++) {
		text = NULL;
		if (!gh__h2_trailer(bad[i].name, bad[i].value, &text) || !text)
			fail_msg("trailer " GH_FMT " passed", GH_ARG(bad[i].name));
	}
	text = NULL;
	assert_int_equal(gh__h2_trailer(GH_STR("x-sum"), GH_STR("a b"), &text), 0);
	assert_null(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_wrong_is_judged),
		cmocka_unit_test(a_request_is_what_it_is_in_http1),
		cmocka_unit_test(path_and_query_stay_side_by_side),
		cmocka_unit_test(host_stands_in_for_authority),
		cmocka_unit_test(options_may_ask_for_the_server),
		cmocka_unit_test(every_method_that_http1_knows_is_known),
		cmocka_unit_test(crumbs_of_a_cookie_are_one_field),
		cmocka_unit_test(the_length_is_what_is_told),
		cmocka_unit_test(a_100_is_waited_for_where_a_body_comes),
		cmocka_unit_test(a_head_has_bounds),
		cmocka_unit_test(nothing_is_kept_of_what_is_too_large),
		cmocka_unit_test(it_agrees_with_http1),
		cmocka_unit_test(trailers_are_judged),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	gh__arena_finish(&arena);
	return failed;
}
