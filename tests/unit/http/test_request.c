/* Request heads: what is refused and with which status, what is read and into which fields. */
#include "heads.h"

#define H    "Host: a\r\n"
#define E    "\r\n"
#define GET  "GET / HTTP/1.1\r\n"
#define POST "POST / HTTP/1.1\r\n" H

struct bad {
	int status;
	struct gh_str head;
};
#define BAD(status_, text) \
	{ \
		status_, GH_STR_INIT(text) \
	}

static const struct bad bad_heads[] = {
	/* The first byte. */
	BAD(400, "\x16\x03\x01\x02" GET H E),
	BAD(400, " " GET H E),
	BAD(400, "\t" GET H E),
	BAD(400, "\0" GET H E),
	BAD(400, "\n" GET H E),
	BAD(400, "\r" GET H E),
	BAD(400, "\r\n\r\n" GET H E),
	BAD(400, "\r\n\n" GET H E),
	BAD(400, "\x80" GET H E),
	BAD(400, "(" GET H E),
	BAD(400, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
	BAD(400, "PRI * HTTP/1.1\r\n" H E),
	/* Line ends and control bytes. */
	BAD(400, "GET / HTTP/1.1\n" H E),
	BAD(400, "GET / HTTP/1.1\n\n"),
	BAD(400, GET "Host: a\n" E),
	BAD(400, GET "Host: a\n\n"),
	BAD(400, GET H "\n"),
	BAD(400, GET "Host: a\r\r\n" E),
	BAD(400, GET "Host: a\rX: b\r\n" E),
	BAD(400, "GET / HTTP/1.1\r" H E),
	BAD(400, "GET /\r HTTP/1.1\r\n" H E),
	BAD(400, GET H "\rX: b\r\n" E),
	BAD(400, GET H "X: b\r\n\rX"),
	BAD(400, GET H "X: a\0b\r\n" E),
	BAD(400, GET H "X\0Y: b\r\n" E),
	BAD(400, "GET /\0 HTTP/1.1\r\n" H E),
	BAD(400, GET H "X: a\x01"
		       "b\r\n" E),
	BAD(400, GET H "X: a\x0b"
		       "b\r\n" E),
	BAD(400, GET H "X: a\x0c"
		       "b\r\n" E),
	BAD(400, GET H "X: a\x1b[31m\r\n" E),
	BAD(400, GET H "X: a\x7f\r\n" E),
	BAD(400, GET H "X: a\x08\r\n" E),
	BAD(400, "GET /\x7f HTTP/1.1\r\n" H E),
	BAD(400, "GET /\x1f HTTP/1.1\r\n" H E),
	/* Folded lines, and white space before the first field. */
	BAD(400, GET H "X: a\r\n b\r\n" E),
	BAD(400, GET H "X: a\r\n\tb\r\n" E),
	BAD(400, GET H "X:\r\n b\r\n" E),
	BAD(400, GET " " H E),
	BAD(400, GET "\t" H E),
	BAD(400, GET H " \r\n" E),
	BAD(400, GET H "Transfer-Encoding:\r\n chunked\r\n" E),
	/* Names. */
	BAD(400, GET H "X : b\r\n" E),
	BAD(400, GET H "X\t: b\r\n" E),
	BAD(400, GET H ": b\r\n" E),
	BAD(400, GET H "X\r\n" E),
	BAD(400, GET H "X b\r\n" E),
	BAD(400, GET H "X Y: b\r\n" E),
	BAD(400, GET H "X@Y: b\r\n" E),
	BAD(400, GET H "X(Y): b\r\n" E),
	BAD(400, GET H "X[0]: b\r\n" E),
	BAD(400, GET H "X{Y}: b\r\n" E),
	BAD(400, GET H "X/Y: b\r\n" E),
	BAD(400, GET H "X;Y: b\r\n" E),
	BAD(400, GET H "X=Y: b\r\n" E),
	BAD(400, GET H "X,Y: b\r\n" E),
	BAD(400, GET H "\"X\": b\r\n" E),
	BAD(400, GET H "X\\: b\r\n" E),
	BAD(400, GET H "X\xc3\xa4: b\r\n" E),
	BAD(400, GET H "\xff: b\r\n" E),
	BAD(400, GET "Host : a\r\n" E),
	BAD(400, POST "Content-Length : 5\r\n" E),
	BAD(400, POST "Transfer-Encoding : chunked\r\n" E),
	BAD(400, GET H "GET / HTTP/1.1\r\n" E),
	/* The request line. */
	BAD(400, "GET\r\n" H E),
	BAD(400, "GET /\r\n" H E),
	BAD(400, "GET / \r\n" H E),
	BAD(400, "GET  / HTTP/1.1\r\n" H E),
	BAD(400, "GET /  HTTP/1.1\r\n" H E),
	BAD(400, "GET / HTTP/1.1 \r\n" H E),
	BAD(400, "GET / HTTP/1.1\t\r\n" H E),
	BAD(400, "GET\t/ HTTP/1.1\r\n" H E),
	BAD(400, "GET /\tHTTP/1.1\r\n" H E),
	BAD(400, "GET / x HTTP/1.1\r\n" H E),
	BAD(400, "GET /a b HTTP/1.1\r\n" H E),
	BAD(400, "GET HTTP/1.1\r\n" H E),
	BAD(400, "GET  HTTP/1.1\r\n" H E),
	BAD(400, "GET / HTTP\r\n" H E),
	BAD(400, "GET / HTTP/1\r\n" H E),
	BAD(400, "GET / HTTP/1.\r\n" H E),
	BAD(400, "GET / HTTP/.1\r\n" H E),
	BAD(400, "GET / HTTP/11\r\n" H E),
	BAD(400, "GET / HTTP/1.1.1\r\n" H E),
	BAD(400, "GET / HTTP/1.10\r\n" H E),
	BAD(400, "GET / HTTP/01.1\r\n" H E),
	BAD(400, "GET / HTTP/1,1\r\n" H E),
	BAD(400, "GET / HTTP/1.x\r\n" H E),
	BAD(400, "GET / http/1.1\r\n" H E),
	BAD(400, "GET / Http/1.1\r\n" H E),
	BAD(400, "GET / HTTPS/1.1\r\n" H E),
	BAD(400, "GET / HTTP /1.1\r\n" H E),
	BAD(400, "GET / HTTP/ 1.1\r\n" H E),
	BAD(400, "GET / HTTP/-1.1\r\n" H E),
	BAD(400, "GET / HTTP/0.9\r\n" H E),
	BAD(400, "GET / HTTP/0.0\r\n" H E),
	BAD(400, "GET / RTSP/1.0\r\n" H E),
	BAD(400, "GET / ICE/1.0\r\n" H E),
	BAD(400, "GET / XTTP/1.1\r\n" H E),
	BAD(505, "GET / HTTP/1.2\r\n" H E),
	BAD(505, "GET / HTTP/1.9\r\n" H E),
	BAD(505, "GET / HTTP/2.0\r\n" H E),
	BAD(505, "GET / HTTP/2.1\r\n" H E),
	BAD(505, "GET / HTTP/3.0\r\n" H E),
	BAD(505, "GET / HTTP/9.9\r\n" H E),
	/* Methods. */
	BAD(405, "CONNECT a:443 HTTP/1.1\r\n" H E),
	BAD(405, "CONNECT / HTTP/1.1\r\n" H E),
	BAD(405, "TRACE / HTTP/1.1\r\n" H E),
	BAD(405, "TRACE * HTTP/1.1\r\n" H E),
	BAD(501, "FOO / HTTP/1.1\r\n" H E),
	BAD(501, "GETT / HTTP/1.1\r\n" H E),
	BAD(501, "GE / HTTP/1.1\r\n" H E),
	BAD(501, "get / HTTP/1.1\r\n" H E),
	BAD(501, "Post / HTTP/1.1\r\n" H E),
	BAD(501, "DESCRIBE / HTTP/1.1\r\n" H E),
	BAD(501, "SETUP / HTTP/1.1\r\n" H E),
	BAD(501, "FLUSH / HTTP/1.1\r\n" H E),
	BAD(501, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA / HTTP/1.1\r\n" H E),
	BAD(400, "G(T / HTTP/1.1\r\n" H E),
	BAD(400, "GET: / HTTP/1.1\r\n" H E),
	BAD(400, "GET/ / HTTP/1.1\r\n" H E),
	BAD(400, "G\xc3\x84T / HTTP/1.1\r\n" H E),
	BAD(400, "Host: a\r\n" E),
	/* Targets. */
	BAD(400, "GET * HTTP/1.1\r\n" H E),
	BAD(400, "POST * HTTP/1.1\r\n" H E),
	BAD(400, "OPTIONS ** HTTP/1.1\r\n" H E),
	BAD(400, "OPTIONS *?a HTTP/1.1\r\n" H E),
	BAD(400, "GET v1 HTTP/1.1\r\n" H E),
	BAD(400, "GET a:80 HTTP/1.1\r\n" H E),
	BAD(400, "GET ?a HTTP/1.1\r\n" H E),
	BAD(400, "GET #a HTTP/1.1\r\n" H E),
	BAD(400, "GET /#a HTTP/1.1\r\n" H E),
	BAD(400, "GET /a?b#c HTTP/1.1\r\n" H E),
	BAD(400, "GET /a? b HTTP/1.1\r\n" H E),
	BAD(400, "GET /\xc3\xa4 HTTP/1.1\r\n" H E),
	BAD(400, "GET /?\xc3\xa4 HTTP/1.1\r\n" H E),
	BAD(400, "GET /?\x7f HTTP/1.1\r\n" H E),
	BAD(400, "GET //v1 HTTP/1.1\r\n" H E),
	BAD(400, "GET /../v1 HTTP/1.1\r\n" H E),
	BAD(400, "GET /%00 HTTP/1.1\r\n" H E),
	BAD(400, "GET /% HTTP/1.1\r\n" H E),
	BAD(400, "GET \\v1 HTTP/1.1\r\n" H E),
	BAD(400, "GET ftp://a/ HTTP/1.1\r\n" H E),
	BAD(400, "GET ws://a/ HTTP/1.1\r\n" H E),
	BAD(400, "GET file:///etc/passwd HTTP/1.1\r\n" H E),
	BAD(400, "GET http:/a HTTP/1.1\r\n" H E),
	BAD(400, "GET http:a HTTP/1.1\r\n" H E),
	BAD(400, "GET http:///a HTTP/1.1\r\n" H E),
	BAD(400, "GET http:// HTTP/1.1\r\n" H E),
	BAD(400, "GET http://u@a/ HTTP/1.1\r\n" H E),
	BAD(400, "GET http://u:p@a/ HTTP/1.1\r\n" H E),
	BAD(400, "GET http://a:x/ HTTP/1.1\r\n" H E),
	BAD(400, "GET http://a:/ HTTP/1.1\r\n" H E),
	BAD(400, "GET http://a:65536/ HTTP/1.1\r\n" H E),
	BAD(400, "GET http://a/#b HTTP/1.1\r\n" H E),
	BAD(400, "GET http://a#b HTTP/1.1\r\n" H E),
	BAD(400, "GET http://[::1/ HTTP/1.1\r\n" H E),
	BAD(400, "GET http://a//b HTTP/1.1\r\n" H E),
	BAD(400, "GET http://a/ HTTP/1.1\r\n" E),
	BAD(400, "GET http://a/ HTTP/1.1\r\nHost: b c\r\n" E),
	BAD(400, "GET http://a/ HTTP/1.1\r\nHost: b\r\nHost: b\r\n" E),
	/* Host. */
	BAD(400, GET E),
	BAD(400, "GET / HTTP/1.0\r\n" E),
	BAD(400, GET "Host:\r\n" E),
	BAD(400, GET "Host: \r\n" E),
	BAD(400, GET H H E),
	BAD(400, GET H "Host: b\r\n" E),
	BAD(400, GET H "hOST: a\r\n" E),
	BAD(400, "GET / HTTP/1.0\r\n" H H E),
	BAD(400, GET "Host: a b\r\n" E),
	BAD(400, GET "Host: a,b\r\n" E),
	BAD(400, GET "Host: a, b\r\n" E),
	BAD(400, GET "Host: a/b\r\n" E),
	BAD(400, GET "Host: http://a\r\n" E),
	BAD(400, GET "Host: u@a\r\n" E),
	BAD(400, GET "Host: a#b\r\n" E),
	BAD(400, GET "Host: a?b\r\n" E),
	BAD(400, GET "Host: a\\b\r\n" E),
	BAD(400, GET "Host: a\tb\r\n" E),
	BAD(400, GET "Host: a%00b\r\n" E),
	BAD(400, GET "Host: a:b\r\n" E),
	BAD(400, GET "Host: a:\r\n" E),
	BAD(400, GET "Host: :80\r\n" E),
	BAD(400, GET "Host: a:0\r\n" E),
	BAD(400, GET "Host: a:65536\r\n" E),
	BAD(400, GET "Host: a:000080\r\n" E),
	BAD(400, GET "Host: a:-1\r\n" E),
	BAD(400, GET "Host: a:80:80\r\n" E),
	BAD(400, GET "Host: a:80 b\r\n" E),
	BAD(400, GET "Host: ::1\r\n" E),
	BAD(400, GET "Host: [::1\r\n" E),
	BAD(400, GET "Host: [::1]a\r\n" E),
	BAD(400, GET "Host: [::1]:\r\n" E),
	BAD(400, GET "Host: [a]\r\n" E),
	BAD(400, GET "Host: []\r\n" E),
	BAD(400, GET "Host: [1.2.3.4]\r\n" E),
	BAD(400, GET "Host: [fe80::1%25eth0]\r\n" E),
	BAD(400, GET "Host: .a\r\n" E),
	BAD(400, GET "Host: a..b\r\n" E),
	BAD(400, GET "Host: \xc3\xa4\r\n" E),
	BAD(400, GET "Host: <script>\r\n" E),
	/* Content-Length. */
	BAD(400, POST "Content-Length:\r\n" E),
	BAD(400, POST "Content-Length: +5\r\n" E),
	BAD(400, POST "Content-Length: -5\r\n" E),
	BAD(400, POST "Content-Length: -0\r\n" E),
	BAD(400, POST "Content-Length: 0x5\r\n" E),
	BAD(400, POST "Content-Length: 5 5\r\n" E),
	BAD(400, POST "Content-Length: 5,5\r\n" E),
	BAD(400, POST "Content-Length: 5, 5\r\n" E),
	BAD(400, POST "Content-Length: 5, 6\r\n" E),
	BAD(400, POST "Content-Length: 5,\r\n" E),
	BAD(400, POST "Content-Length: ,5\r\n" E),
	BAD(400, POST "Content-Length: 5;a\r\n" E),
	BAD(400, POST "Content-Length: 5.0\r\n" E),
	BAD(400, POST "Content-Length: 1e1\r\n" E),
	BAD(400, POST "Content-Length: 1_0\r\n" E),
	BAD(400, POST "Content-Length: \"5\"\r\n" E),
	BAD(400, POST "Content-Length: five\r\n" E),
	BAD(400, POST "Content-Length: \xd9\xa5\r\n" E),
	BAD(400, POST "Content-Length: 9223372036854775808\r\n" E),
	BAD(400, POST "Content-Length: 18446744073709551615\r\n" E),
	BAD(400, POST "Content-Length: 18446744073709551616\r\n" E),
	BAD(400, POST "Content-Length: 18446744073709551621\r\n" E),
	BAD(400, POST "Content-Length: 99999999999999999999999\r\n" E),
	BAD(400, POST "Content-Length: 5\r\nContent-Length: 5\r\n" E),
	BAD(400, POST "Content-Length: 5\r\nContent-Length: 6\r\n" E),
	BAD(400, POST "Content-Length: 0\r\nContent-Length: 0\r\n" E),
	BAD(400, GET H "content-length: 5\r\nCONTENT-LENGTH: 5\r\n" E),
	/* Transfer-Encoding. */
	BAD(400, POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n" E),
	BAD(400, POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n" E),
	BAD(400, POST "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n" E),
	BAD(400, POST "Content-Length: 5\r\nTransfer-Encoding: gzip\r\n" E),
	BAD(400, POST "Content-Length: 5\r\nTransfer-Encoding:\r\n" E),
	BAD(400, POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n" E),
	BAD(400, POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n" E),
	BAD(400, POST "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n" E),
	BAD(400, POST "Transfer-Encoding: chunked, chunked\r\n" E),
	BAD(400, POST "Transfer-Encoding: chunked,chunked\r\n" E),
	BAD(400, POST "Transfer-Encoding: chunked, identity\r\n" E),
	BAD(400, POST "Transfer-Encoding: chunked, gzip\r\n" E),
	BAD(400, POST "Transfer-Encoding: chunked,\r\n" E),
	BAD(400, POST "Transfer-Encoding: ,chunked\r\n" E),
	BAD(400, POST "Transfer-Encoding: , chunked\r\n" E),
	BAD(400, POST "Transfer-Encoding:\r\n" E),
	BAD(400, POST "Transfer-Encoding: \"chunked\"\r\n" E),
	BAD(400, POST "Transfer-Encoding: chunked;a=b\r\n" E),
	BAD(400, POST "Transfer-Encoding: chunked a\r\n" E),
	BAD(400, POST "Transfer-Encoding: \x0b"
		      "chunked\r\n" E),
	BAD(400, POST "Transfer-Encoding: chu\xc5\x8bked\r\n" E),
	BAD(501, POST "Transfer-Encoding: gzip\r\n" E),
	BAD(501, POST "Transfer-Encoding: gzip, chunked\r\n" E),
	BAD(501, POST "Transfer-Encoding: identity\r\n" E),
	BAD(501, POST "Transfer-Encoding: xchunked\r\n" E),
	BAD(501, POST "Transfer-Encoding: chunked2\r\n" E),
	BAD(501, POST "Transfer-Encoding: identity, chunked\r\n" E),
	BAD(501, GET H "Transfer-Encoding: deflate\r\n" E),
	BAD(400, "POST / HTTP/1.0\r\n" H "Transfer-Encoding: chunked\r\n" E),
	BAD(400, "POST / HTTP/1.0\r\n" H "Transfer-Encoding: gzip\r\n" E),
	/* Expect. */
	BAD(417, POST "Expect: 200-ok\r\n" E),
	BAD(417, POST "Expect: 100-continue, x\r\n" E),
	BAD(417, POST "Expect: 100-continue\r\nExpect: x\r\n" E),
	BAD(417, POST "Expect:\r\n" E),
	BAD(417, POST "Expect: 100-continue;q=1\r\n" E),
};

/* The status that a head is refused with, cut at one place; 0: taken; -1: it is not whole. */
static int status_of(struct gh_str head, size_t cut)
{
	struct gh__refusal why = { 0 };
	struct gh__message m;
	struct gh_request req = { 0 };
	struct gh__arena a;
	struct gh_str whole = { NULL, 0 };

	switch (scan_cut(head, cut, HEAD_LIMIT, &whole, &why)) {
	case GH__SCAN_MORE:
		return -1;
	case GH__SCAN_BAD:
		assert_non_null(why.why);
		return why.status;
	case GH__SCAN_HEAD:
		break;
	}
	struct gh_str copy = exact(whole);
	gh__arena_init(&a, NULL, 0);
	int r = gh__request_head(&m, &a, copy, HEADERS_LIMIT, &req, &why);
	if (r)
		assert_non_null(why.why);
	gh__arena_finish(&a);
	drop(copy);
	return r ? why.status : 0;
}

static void bad_heads_are_refused_wherever_they_are_cut(void **state)
{
	(void)state;
	assert_true(GH_COUNT_OF(bad_heads) >= 150);
	for (size_t i = 0; i < GH_COUNT_OF(bad_heads); i++) {
		struct gh_str head = bad_heads[i].head;
		for (size_t cut = 0; cut <= head.len; cut++) {
			int status = status_of(head, cut);
			if (status != bad_heads[i].status)
				fail_msg("head %zu (" GH_FMT ") cut at %zu: %d instead of %d", i,
					 GH_ARG(head), cut, status, bad_heads[i].status);
		}
	}
}

struct good {
	struct gh_str head;
	/* METHOD PATH ?QUERY host=HOST authority=AUTHORITY MINOR keep|close FRAMING LENGTH
	 * [websocket] [continue] |NAME:VALUE… */
	const char *fields;
};
#define GOOD(text, fields_) \
	{ \
		GH_STR_INIT(text), fields_ \
	}
#define A " host=a authority=a "

static const struct good good_heads[] = {
	GOOD(GET H E, "GET / ?" A "1 keep none 0|Host:a"),
	GOOD("\r\n" GET H E, "GET / ?" A "1 keep none 0|Host:a"),
	GOOD("HEAD /x HTTP/1.1\r\n" H E, "HEAD /x ?" A "1 keep none 0|Host:a"),
	GOOD("DELETE /x HTTP/1.1\r\n" H E, "DELETE /x ?" A "1 keep none 0|Host:a"),
	GOOD("PUT /x HTTP/1.1\r\n" H E, "PUT /x ?" A "1 keep none 0|Host:a"),
	GOOD("PATCH /x HTTP/1.1\r\n" H E, "PATCH /x ?" A "1 keep none 0|Host:a"),
	GOOD("OPTIONS /x HTTP/1.1\r\n" H E, "OPTIONS /x ?" A "1 keep none 0|Host:a"),
	GOOD("PROPFIND /x HTTP/1.1\r\n" H E, "PROPFIND /x ?" A "1 keep none 0|Host:a"),
	GOOD("QUERY /x HTTP/1.1\r\n" H E, "QUERY /x ?" A "1 keep none 0|Host:a"),
	GOOD("OPTIONS * HTTP/1.1\r\n" H E, "OPTIONS * ?" A "1 keep none 0|Host:a"),
	GOOD("OPTIONS http://b HTTP/1.1\r\n" H E,
	     "OPTIONS * ? host=b authority=b 1 keep none 0|Host:b"),
	GOOD("GET /v1/models?a=b&c=%2F HTTP/1.1\r\n" H E,
	     "GET /v1/models ?a=b&c=%2F" A "1 keep none 0|Host:a"),
	GOOD("GET /? HTTP/1.1\r\n" H E, "GET / ?" A "1 keep none 0|Host:a"),
	GOOD("GET /??a=? HTTP/1.1\r\n" H E, "GET / ??a=?" A "1 keep none 0|Host:a"),
	GOOD("GET /?../..//%00 HTTP/1.1\r\n" H E, "GET / ?../..//%00" A "1 keep none 0|Host:a"),
	GOOD("GET /v1/models/org%2fname HTTP/1.1\r\n" H E,
	     "GET /v1/models/org%2Fname ?" A "1 keep none 0|Host:a"),
	GOOD("GET /%761 HTTP/1.1\r\n" H E, "GET /v1 ?" A "1 keep none 0|Host:a"),
	GOOD("GET /ws/socket.io/?EIO=4 HTTP/1.1\r\n" H E,
	     "GET /ws/socket.io/ ?EIO=4" A "1 keep none 0|Host:a"),
	/* Absolute-form: the target's authority wins over Host. */
	GOOD("GET http://b/x?y HTTP/1.1\r\n" H E,
	     "GET /x ?y host=b authority=b 1 keep none 0|Host:b"),
	GOOD("GET HTTP://B.C:81/x HTTP/1.1\r\n" H "X: y\r\n" E,
	     "GET /x ? host=b.c authority=B.C:81 1 keep none 0|Host:B.C:81|X:y"),
	GOOD("GET https://b HTTP/1.1\r\n" H E, "GET / ? host=b authority=b 1 keep none 0|Host:b"),
	GOOD("GET http://b?y HTTP/1.1\r\n" H E, "GET / ?y host=b authority=b 1 keep none 0|Host:b"),
	GOOD("GET http://[::1]:8080/ HTTP/1.1\r\n" H E,
	     "GET / ? host=[::1] authority=[::1]:8080 1 keep none 0|Host:[::1]:8080"),
	/* Host. */
	GOOD(GET "Host: A.Example\r\n" E,
	     "GET / ? host=a.example authority=A.Example 1 keep none 0|Host:A.Example"),
	GOOD(GET "Host: a:80\r\n" E, "GET / ? host=a authority=a:80 1 keep none 0|Host:a:80"),
	GOOD(GET "Host: a:65535\r\n" E,
	     "GET / ? host=a authority=a:65535 1 keep none 0|Host:a:65535"),
	GOOD(GET "Host:a\r\n" E, "GET / ?" A "1 keep none 0|Host:a"),
	GOOD(GET "Host: \t a\t \r\n" E, "GET / ?" A "1 keep none 0|Host:a"),
	GOOD(GET "Host: a.\r\n" E, "GET / ? host=a. authority=a. 1 keep none 0|Host:a."),
	GOOD(GET "Host: my_box-1.ts.net\r\n" E,
	     "GET / ? host=my_box-1.ts.net authority=my_box-1.ts.net 1 keep none 0"
	     "|Host:my_box-1.ts.net"),
	GOOD(GET "Host: 127.0.0.1:8080\r\n" E,
	     "GET / ? host=127.0.0.1 authority=127.0.0.1:8080 1 keep none 0|Host:127.0.0.1:8080"),
	GOOD(GET "Host: [2001:DB8::1]\r\n" E,
	     "GET / ? host=[2001:db8::1] authority=[2001:DB8::1] 1 keep none 0"
	     "|Host:[2001:DB8::1]"),
	GOOD(GET "X: y\r\n" H E, "GET / ?" A "1 keep none 0|X:y|Host:a"),
	/* Values. */
	GOOD(GET H "X:\r\n" E, "GET / ?" A "1 keep none 0|Host:a|X:"),
	GOOD(GET H "X: \t \r\n" E, "GET / ?" A "1 keep none 0|Host:a|X:"),
	GOOD(GET H "X:  a b\tc  \r\n" E, "GET / ?" A "1 keep none 0|Host:a|X:a b\tc"),
	GOOD(GET H "X: \xc3\xa4\xff\r\n" E, "GET / ?" A "1 keep none 0|Host:a|X:\xc3\xa4\xff"),
	GOOD(GET H "X: a:b, \"c\"; d={}\r\n" E,
	     "GET / ?" A "1 keep none 0|Host:a|X:a:b, \"c\"; d={}"),
	GOOD(GET H "!#$%&'*+-.^_`|~09azAZ: a\r\n" E,
	     "GET / ?" A "1 keep none 0|Host:a|!#$%&'*+-.^_`|~09azAZ:a"),
	GOOD(GET H "X: 1\r\nX: 2\r\nx: 3\r\n" E, "GET / ?" A "1 keep none 0|Host:a|X:1|X:2|x:3"),
	/* Lengths. */
	GOOD(POST E, "POST / ?" A "1 keep none 0|Host:a"),
	GOOD(POST "Content-Length: 0\r\n" E, "POST / ?" A "1 keep none 0|Host:a|Content-Length:0"),
	GOOD(POST "Content-Length: 5\r\n" E,
	     "POST / ?" A "1 keep length 5|Host:a|Content-Length:5"),
	GOOD(POST "content-LENGTH:5 \r\n" E,
	     "POST / ?" A "1 keep length 5|Host:a|content-LENGTH:5"),
	GOOD(POST "Content-Length: 0005\r\n" E,
	     "POST / ?" A "1 keep length 5|Host:a|Content-Length:0005"),
	GOOD(POST "Content-Length: 9223372036854775807\r\n" E,
	     "POST / ?" A "1 keep length 9223372036854775807|Host:a"
	     "|Content-Length:9223372036854775807"),
	GOOD(GET H "Content-Length: 3\r\n" E,
	     "GET / ?" A "1 keep length 3|Host:a|Content-Length:3"),
	GOOD("POST / HTTP/1.0\r\n" H "Content-Length: 5\r\n" E,
	     "POST / ?" A "0 close length 5|Host:a|Content-Length:5"),
	GOOD(POST "Transfer-Encoding: chunked\r\n" E,
	     "POST / ?" A "1 keep chunked -1|Host:a|Transfer-Encoding:chunked"),
	GOOD(POST "transfer-encoding:  Chunked \r\n" E,
	     "POST / ?" A "1 keep chunked -1|Host:a|transfer-encoding:Chunked"),
	GOOD(GET H "Transfer-Encoding: chunked\r\n" E,
	     "GET / ?" A "1 keep chunked -1|Host:a|Transfer-Encoding:chunked"),
	GOOD(POST "Transfer_Encoding: chunked\r\nContent_Length: 3\r\n" E,
	     "POST / ?" A "1 keep none 0|Host:a|Transfer_Encoding:chunked|Content_Length:3"),
	/* Connection. */
	GOOD(GET H "Connection: close\r\n" E, "GET / ?" A "1 close none 0|Host:a|Connection:close"),
	GOOD(GET H "Connection: CLOSE\r\n" E, "GET / ?" A "1 close none 0|Host:a|Connection:CLOSE"),
	GOOD(GET H "Connection: x, close ,y\r\n" E,
	     "GET / ?" A "1 close none 0|Host:a|Connection:x, close ,y"),
	GOOD(GET H "Connection: keep-alive\r\nConnection: close\r\n" E,
	     "GET / ?" A "1 close none 0|Host:a|Connection:keep-alive|Connection:close"),
	GOOD(GET H "Connection: closed\r\n" E,
	     "GET / ?" A "1 keep none 0|Host:a|Connection:closed"),
	GOOD("GET / HTTP/1.0\r\n" H E, "GET / ?" A "0 close none 0|Host:a"),
	GOOD("GET / HTTP/1.0\r\n" H "Connection: Keep-Alive\r\n" E,
	     "GET / ?" A "0 keep none 0|Host:a|Connection:Keep-Alive"),
	GOOD("GET / HTTP/1.0\r\n" H "Connection: keep-alive, close\r\n" E,
	     "GET / ?" A "0 close none 0|Host:a|Connection:keep-alive, close"),
	/* Expect. */
	GOOD(POST "Content-Length: 5\r\nExpect: 100-continue\r\n" E,
	     "POST / ?" A "1 keep length 5 continue|Host:a|Content-Length:5|Expect:100-continue"),
	GOOD(POST "Content-Length: 5\r\nExpect: 100-Continue\r\n" E,
	     "POST / ?" A "1 keep length 5 continue|Host:a|Content-Length:5|Expect:100-Continue"),
	GOOD("POST / HTTP/1.0\r\n" H "Content-Length: 5\r\nExpect: 100-continue\r\n" E,
	     "POST / ?" A "0 close length 5|Host:a|Content-Length:5|Expect:100-continue"),
	/* Upgrade. */
	GOOD(GET H "Upgrade: websocket\r\nConnection: Upgrade\r\n" E,
	     "GET / ?" A "1 keep none 0 websocket|Host:a|Upgrade:websocket|Connection:Upgrade"),
	GOOD(GET H "Upgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n" E,
	     "GET / ?" A "1 keep none 0 websocket|Host:a|Upgrade:WebSocket"
	     "|Connection:keep-alive, Upgrade"),
	GOOD(GET H "Upgrade: websocket\r\n" E,
	     "GET / ?" A "1 keep none 0|Host:a|Upgrade:websocket"),
	GOOD(GET H "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: A\r\n" E,
	     "GET / ?" A "1 keep none 0|Host:a|Upgrade:h2c|Connection:Upgrade, HTTP2-Settings"
	     "|HTTP2-Settings:A"),
	GOOD(GET H "Upgrade: websocket, h2c\r\nConnection: upgrade\r\n" E,
	     "GET / ?" A "1 keep none 0|Host:a|Upgrade:websocket, h2c|Connection:upgrade"),
	GOOD(GET H "Upgrade: websocket\r\nUpgrade: h2c\r\nConnection: upgrade\r\n" E,
	     "GET / ?" A "1 keep none 0|Host:a|Upgrade:websocket|Upgrade:h2c|Connection:upgrade"),
	GOOD(POST "Upgrade: websocket\r\nConnection: upgrade\r\n" E,
	     "POST / ?" A "1 keep none 0|Host:a|Upgrade:websocket|Connection:upgrade"),
	GOOD("GET / HTTP/1.0\r\n" H "Upgrade: websocket\r\nConnection: upgrade\r\n" E,
	     "GET / ?" A "0 close none 0|Host:a|Upgrade:websocket|Connection:upgrade"),
	GOOD(GET H "Upgrade: websocket\r\nConnection: upgrade\r\nContent-Length: 1\r\n" E,
	     "GET / ?" A "1 keep length 1|Host:a|Upgrade:websocket|Connection:upgrade"
	     "|Content-Length:1"),
	GOOD(GET H "Upgrade: websocket\r\nConnection: upgrade\r\nTransfer-Encoding: chunked\r\n" E,
	     "GET / ?" A "1 keep chunked -1|Host:a|Upgrade:websocket|Connection:upgrade"
	     "|Transfer-Encoding:chunked"),
	/* What llhttp treats in its own way, and Gatehouse does not. */
	GOOD("SOURCE /x HTTP/1.1\r\n" H E, "SOURCE /x ?" A "1 keep none 0|Host:a"),
	GOOD(GET H "Proxy-Connection: close\r\n" E,
	     "GET / ?" A "1 keep none 0|Host:a|Proxy-Connection:close"),
	GOOD(GET H "Connection: upgrade\r\n" E,
	     "GET / ?" A "1 keep none 0|Host:a|Connection:upgrade"),
};

static const char *const framings[] = {
	[GH__BODY_NONE] = "none",
	[GH__BODY_LENGTH] = "length",
	[GH__BODY_CHUNKED] = "chunked",
	[GH__BODY_UNTIL_CLOSE] = "until-close",
};

static void good_heads_are_read_exactly(void **state)
{
	(void)state;
	assert_true(GH_COUNT_OF(good_heads) >= 60);
	for (size_t i = 0; i < GH_COUNT_OF(good_heads); i++) {
		struct gh_str head = good_heads[i].head, whole = { NULL, 0 };
		struct gh__refusal why = { 0, "" };
		struct gh__message m;
		struct gh_request req = { 0 };
		struct gh__arena a;

		for (size_t cut = 0; cut < head.len; cut++)
			if (scan_cut(head, cut, HEAD_LIMIT, &whole, &why) != GH__SCAN_HEAD)
				fail_msg("head %zu cut at %zu: %s", i, cut, why.why);
		gh__arena_init(&a, NULL, 0);
		struct gh_str copy = exact(whole);
		if (gh__request_head(&m, &a, copy, HEADERS_LIMIT, &req, &why))
			fail_msg("head %zu (" GH_FMT "): %d %s", i, GH_ARG(head), why.status,
				 why.why);
		struct gh_str got = gh__arena_printf(
			&a,
			GH_FMT " " GH_FMT " ?" GH_FMT " host=" GH_FMT " authority=" GH_FMT
			       " %d %s %s %lld%s%s",
			GH_ARG(req.method), GH_ARG(req.path), GH_ARG(req.query), GH_ARG(req.host),
			GH_ARG(req.authority), m.version, m.keep_alive ? "keep" : "close",
			framings[m.framing], (long long)req.length, m.upgrade ? " websocket" : "",
			m.expect ? " continue" : "");
		for (uint32_t k = 0; k < req.headers.count; k++) {
			const struct gh_header *h = &req.headers.items[k];
			assert_int_equal(h->id, gh__header_number(h->name, h->name_len));
			got = gh__arena_printf(&a, GH_FMT "|" GH_FMT ":" GH_FMT, GH_ARG(got),
					       GH_ARG(gh_header_name(h)),
					       GH_ARG(gh_header_value(h)));
		}
		assert_string_equal(got.at, good_heads[i].fields);
		gh__arena_finish(&a);
		drop(copy);
	}
}

static void bytes_behind_a_head_are_left(void **state)
{
	struct gh_str all = GH_STR(GET H E GET), whole;
	struct gh__refusal why;

	(void)state;
	for (size_t cut = 0; cut <= all.len; cut++) {
		assert_int_equal(scan_cut(all, cut, HEAD_LIMIT, &whole, &why), GH__SCAN_HEAD);
		assert_int_equal(whole.len, sizeof(GET H E) - 1);
	}
}

static void no_prefix_of_a_good_head_is_taken_or_refused(void **state)
{
	struct gh_str all = GH_STR("\r\n" GET H "X:\ty\r\n" E), whole;
	struct gh__refusal why;

	(void)state;
	for (size_t len = 0; len < all.len; len++)
		for (size_t cut = 0; cut <= len; cut++)
			assert_int_equal(scan_cut(gh_str_slice(all, 0, len), cut, HEAD_LIMIT,
						  &whole, &why),
					 GH__SCAN_MORE);
}

static void a_head_may_be_as_long_as_the_limit_and_no_longer(void **state)
{
	struct gh_str all = GH_STR(GET H "X: yyyyyyyyyyyyyyyyyyyyyyy\r\n" E), whole;
	size_t line = sizeof(GET) - 1;

	(void)state;
	for (size_t limit = 1; limit <= all.len + 1; limit++) {
		for (size_t cut = 0; cut <= all.len; cut++) {
			struct gh__refusal why = { 0 };
			enum gh__scan_result r = scan_cut(all, cut, limit, &whole, &why);
			if (limit >= all.len) {
				assert_int_equal(r, GH__SCAN_HEAD);
				continue;
			}
			assert_int_equal(r, GH__SCAN_BAD);
			assert_int_equal(why.status, limit < line ? 414 : 431);
		}
	}
}

static void what_lies_past_the_limit_is_not_judged(void **state)
{
	struct gh_str all = GH_STR(GET "X: yyyyyy\0"), whole;
	struct gh__refusal why;

	(void)state;
	for (size_t cut = 0; cut <= all.len; cut++) {
		assert_int_equal(scan_cut(all, cut, all.len - 1, &whole, &why), GH__SCAN_BAD);
		assert_int_equal(why.status, 431);
	}
}

static void a_bad_byte_is_refused_as_soon_as_it_comes(void **state)
{
	static const struct gh_str starts[] = {
		GH_STR_INIT("\x16"),
		GH_STR_INIT(" "),
		GH_STR_INIT("PRI * "),
		GH_STR_INIT("GET /\n"),
		GH_STR_INIT("GET /\0"),
		GH_STR_INIT("GET / HTTP/1.1\rX"),
		GH_STR_INIT(GET " "),
		GH_STR_INIT(GET "X: y\r\n\t"),
		GH_STR_INIT(GET "X: y\r\n\rZ"),
		GH_STR_INIT("\r\n\r\n"),
		GH_STR_INIT("\rX"),
	};

	(void)state;
	for (size_t i = 0; i < GH_COUNT_OF(starts); i++) {
		struct gh_str s = starts[i], whole;
		struct gh__refusal why;
		for (size_t cut = 0; cut <= s.len; cut++)
			assert_int_equal(scan_cut(s, cut, HEAD_LIMIT, &whole, &why), GH__SCAN_BAD);
		s.len--;
		assert_int_equal(scan_cut(s, 0, HEAD_LIMIT, &whole, &why), GH__SCAN_MORE);
	}
}

static void control_bytes_are_found_at_every_place(void **state)
{
	char line[80];

	(void)state;
	for (size_t len = 3; len < sizeof line; len++) {
		for (size_t at = 2; at < len; at++) {
			for (int c = 0; c < 256; c++) {
				struct gh__scan s = { 0 };
				struct gh__refusal why;
				size_t ret;

				if (c == '\r' && at == len - 1)
					continue; /* a LF may follow */
				memset(line, 'x', sizeof line);
				line[at] = (char)c;
				bool bad = (c < 0x20 && c != '\t') || c == 0x7f;
				assert_int_equal(gh__scan_head(&s, (struct gh_str){ line, len },
							       1000, &ret, &why),
						 bad ? GH__SCAN_BAD : GH__SCAN_MORE);
			}
		}
	}
}

/* How a head with this many fields behind Host is answered. */
static int status_of_many(const char *field, unsigned count, size_t max)
{
	struct gh__refusal why = { 0 };
	struct gh__message m;
	struct gh_request req = { 0 };
	struct gh__arena a;

	gh__arena_init(&a, NULL, 0);
	struct gh_str head = GH_STR(GET H);
	for (unsigned i = 0; i < count; i++)
		head = gh__arena_printf(&a, GH_FMT "%s\r\n", GH_ARG(head), field);
	head = gh__arena_printf(&a, GH_FMT "\r\n", GH_ARG(head));
	int r = gh__request_head(&m, &a, head, (uint32_t)max, &req, &why);
	if (!r)
		assert_int_equal(req.headers.count, count + 1);
	gh__arena_finish(&a);
	return r ? why.status : 0;
}

static void the_number_of_fields_is_bounded(void **state)
{
	(void)state;
	assert_int_equal(status_of_many("X: y", 99, 100), 0);
	assert_int_equal(status_of_many("X: y", 100, 100), 431);
	assert_int_equal(status_of_many("X: y", 0, 1), 0);
	assert_int_equal(status_of_many("X: y", 1, 1), 431);
	assert_int_equal(status_of_many("Content-Length: 1", 100, 100), 400);
}

static void what_connection_names_is_bounded(void **state)
{
	(void)state;
	assert_int_equal(status_of_many("Connection: x", GH__CONNECTION_FIELDS, 100), 0);
	assert_int_equal(status_of_many("Connection: x", GH__CONNECTION_FIELDS + 1, 100), 400);
	assert_int_equal(status_of_many("Connection: ,,,,,,,", GH__CONNECTION_NAMES / 8, 100), 0);
	assert_int_equal(status_of_many("Connection: ,,,,,,,,", GH__CONNECTION_NAMES / 8, 100),
			 400);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_heads_are_refused_wherever_they_are_cut),
		cmocka_unit_test(good_heads_are_read_exactly),
		cmocka_unit_test(bytes_behind_a_head_are_left),
		cmocka_unit_test(no_prefix_of_a_good_head_is_taken_or_refused),
		cmocka_unit_test(a_head_may_be_as_long_as_the_limit_and_no_longer),
		cmocka_unit_test(what_lies_past_the_limit_is_not_judged),
		cmocka_unit_test(a_bad_byte_is_refused_as_soon_as_it_comes),
		cmocka_unit_test(control_bytes_are_found_at_every_place),
		cmocka_unit_test(the_number_of_fields_is_bounded),
		cmocka_unit_test(what_connection_names_is_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
