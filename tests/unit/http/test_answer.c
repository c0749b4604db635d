/* Heads of upstreams' answers: tolerant where that is harmless, strict where it frames. */
#include "heads.h"

#define E  "\r\n"
#define OK "HTTP/1.1 200 OK\r\n"

static const struct gh_str bad_heads[] = {
	GH_STR_INIT("\x15\x03\x01" OK E),
	GH_STR_INIT("\r\n\r\n" OK E),
	GH_STR_INIT("HTTP/1.1 200 OK\n\n"),
	GH_STR_INIT(OK "A: b\n" E),
	GH_STR_INIT(OK "A: b\rC: d\r\n" E),
	GH_STR_INIT(OK "A: b\0\r\n" E),
	GH_STR_INIT(OK "A: b\x01\r\n" E),
	GH_STR_INIT(OK "A: b\r\n c\r\n" E),
	GH_STR_INIT(OK " A: b\r\n" E),
	GH_STR_INIT(OK "A : b\r\n" E),
	GH_STR_INIT(OK ": b\r\n" E),
	GH_STR_INIT(OK "A\r\n" E),
	GH_STR_INIT(OK "A b: c\r\n" E),
	GH_STR_INIT("ICY 200 OK\r\n" E),
	GH_STR_INIT("HTTP 200 OK\r\n" E),
	GH_STR_INIT("http/1.1 200 OK\r\n" E),
	GH_STR_INIT("HTTP/0.9 200 OK\r\n" E),
	GH_STR_INIT("HTTP/1.2 200 OK\r\n" E),
	GH_STR_INIT("HTTP/2.0 200 OK\r\n" E),
	GH_STR_INIT("HTTP/2 200\r\n" E),
	GH_STR_INIT("HTTP/1.1  200 OK\r\n" E),
	GH_STR_INIT("HTTP/1.1\t200 OK\r\n" E),
	GH_STR_INIT("HTTP/1.1 20 OK\r\n" E),
	GH_STR_INIT("HTTP/1.1 2000 OK\r\n" E),
	GH_STR_INIT("HTTP/1.1 2x0 OK\r\n" E),
	GH_STR_INIT("HTTP/1.1 -20 OK\r\n" E),
	GH_STR_INIT("HTTP/1.1 200OK\r\n" E),
	GH_STR_INIT("HTTP/1.1 099 OK\r\n" E),
	GH_STR_INIT("HTTP/1.1 000 OK\r\n" E),
	GH_STR_INIT("HTTP/1.1 600 OK\r\n" E),
	GH_STR_INIT("HTTP/1.1 999 OK\r\n" E),
	GH_STR_INIT("HTTP/1.1\r\n" E),
	GH_STR_INIT("HTTP/1.1 \r\n" E),
	GH_STR_INIT("GET / HTTP/1.1\r\nHost: a\r\n" E),
	GH_STR_INIT("A: b\r\n" E),
	GH_STR_INIT(OK "Content-Length: 5\r\nContent-Length: 5\r\n" E),
	GH_STR_INIT(OK "Content-Length: 5\r\nContent-Length: 6\r\n" E),
	GH_STR_INIT(OK "Content-Length: 5, 5\r\n" E),
	GH_STR_INIT(OK "Content-Length:\r\n" E),
	GH_STR_INIT(OK "Content-Length: +5\r\n" E),
	GH_STR_INIT(OK "Content-Length: -1\r\n" E),
	GH_STR_INIT(OK "Content-Length: 5x\r\n" E),
	GH_STR_INIT(OK "Content-Length: 9223372036854775808\r\n" E),
	GH_STR_INIT(OK "Content-Length: 18446744073709551621\r\n" E),
	GH_STR_INIT(OK "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n" E),
	GH_STR_INIT(OK "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n" E),
	GH_STR_INIT(OK "Transfer-Encoding: gzip\r\n" E),
	GH_STR_INIT(OK "Transfer-Encoding: gzip, chunked\r\n" E),
	GH_STR_INIT(OK "Transfer-Encoding: chunked, gzip\r\n" E),
	GH_STR_INIT(OK "Transfer-Encoding: chunked, chunked\r\n" E),
	GH_STR_INIT(OK "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n" E),
	GH_STR_INIT(OK "Transfer-Encoding: identity\r\n" E),
	GH_STR_INIT(OK "Transfer-Encoding:\r\n" E),
	GH_STR_INIT("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n" E),
	GH_STR_INIT("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nContent-Length: 5\r\n" E),
};

static int read_head(struct gh_str head, enum gh__asked asked, struct gh__message *m,
		     struct gh_response *res, struct gh__arena *a)
{
	struct gh__refusal why;
	struct gh_str whole = { NULL, 0 };

	if (scan_cut(head, 0, HEAD_LIMIT, &whole, &why) != GH__SCAN_HEAD)
		return -1;
	return gh__answer_head(m, a, whole, HEADERS_LIMIT, asked, res, &why);
}

static void bad_heads_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < GH_COUNT_OF(bad_heads); i++) {
		struct gh__message m;
		struct gh_response res;
		struct gh__arena a;

		gh__arena_init(&a, NULL, 0);
		if (read_head(bad_heads[i], GH__ASKED_BODY, &m, &res, &a) == 0)
			fail_msg("head %zu (" GH_FMT ") was taken", i, GH_ARG(bad_heads[i]));
		gh__arena_finish(&a);
	}
}

struct good {
	struct gh_str head;
	enum gh__asked asked;
	int status, minor;
	enum gh__framing framing;
	int64_t length;
	bool keep_alive, upgrade;
	const char *fields; /* |NAME:VALUE… */
};

static const struct good good_heads[] = {
	{ GH_STR_INIT(OK "Content-Length: 5\r\n" E), GH__ASKED_BODY, 200, 1, GH__BODY_LENGTH, 5,
	  true, false, "|Content-Length:5" },
	{ GH_STR_INIT(OK "Content-Length: 0\r\n" E), GH__ASKED_BODY, 200, 1, GH__BODY_NONE, 0, true,
	  false, "|Content-Length:0" },
	{ GH_STR_INIT(OK "Transfer-Encoding: chunked\r\n" E), GH__ASKED_BODY, 200, 1,
	  GH__BODY_CHUNKED, -1, true, false, "|Transfer-Encoding:chunked" },
	{ GH_STR_INIT(OK E), GH__ASKED_BODY, 200, 1, GH__BODY_UNTIL_CLOSE, -1, false, false, "" },
	{ GH_STR_INIT("HTTP/1.1 200\r\nContent-Length: 1\r\n" E), GH__ASKED_BODY, 200, 1,
	  GH__BODY_LENGTH, 1, true, false, "|Content-Length:1" },
	{ GH_STR_INIT("HTTP/1.1 200 \r\nContent-Length: 1\r\n" E), GH__ASKED_BODY, 200, 1,
	  GH__BODY_LENGTH, 1, true, false, "|Content-Length:1" },
	{ GH_STR_INIT("HTTP/1.1 404 Nicht gefunden: \xc3\xa4\r\nContent-Length: 1\r\n" E),
	  GH__ASKED_BODY, 404, 1, GH__BODY_LENGTH, 1, true, false, "|Content-Length:1" },
	{ GH_STR_INIT(OK "Server: \xc3\xa4 \r\nContent-Length: 0\r\n" E), GH__ASKED_BODY, 200, 1,
	  GH__BODY_NONE, 0, true, false, "|Server:\xc3\xa4|Content-Length:0" },
	{ GH_STR_INIT(OK "Keep-Alive: timeout=5\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n"
			 "Content-Length: 0\r\n" E),
	  GH__ASKED_BODY, 200, 1, GH__BODY_NONE, 0, true, false,
	  "|Keep-Alive:timeout=5|Set-Cookie:a|Set-Cookie:b|Content-Length:0" },
	/* Connection. */
	{ GH_STR_INIT(OK "Connection: close\r\nContent-Length: 1\r\n" E), GH__ASKED_BODY, 200, 1,
	  GH__BODY_LENGTH, 1, false, false, "|Connection:close|Content-Length:1" },
	{ GH_STR_INIT("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n" E), GH__ASKED_BODY, 200, 0,
	  GH__BODY_LENGTH, 1, false, false, "|Content-Length:1" },
	{ GH_STR_INIT("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n" E),
	  GH__ASKED_BODY, 200, 0, GH__BODY_LENGTH, 1, true, false,
	  "|Connection:keep-alive|Content-Length:1" },
	{ GH_STR_INIT("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n" E), GH__ASKED_BODY, 200, 0,
	  GH__BODY_UNTIL_CLOSE, -1, false, false, "|Connection:keep-alive" },
	/* Those that have no body whatever they say. */
	{ GH_STR_INIT("HTTP/1.1 100 Continue\r\n" E), GH__ASKED_BODY, 100, 1, GH__BODY_NONE, 0,
	  true, false, "" },
	{ GH_STR_INIT("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n" E), GH__ASKED_BODY, 103, 1,
	  GH__BODY_NONE, 0, true, false, "|Link:</a>" },
	{ GH_STR_INIT("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
		      "Connection: Upgrade\r\n" E),
	  GH__ASKED_BODY, 101, 1, GH__BODY_NONE, 0, true, true,
	  "|Upgrade:websocket|Connection:Upgrade" },
	{ GH_STR_INIT(OK "Upgrade: websocket\r\nConnection: Upgrade\r\nContent-Length: 1\r\n" E),
	  GH__ASKED_BODY, 200, 1, GH__BODY_LENGTH, 1, true, false,
	  "|Upgrade:websocket|Connection:Upgrade|Content-Length:1" },
	{ GH_STR_INIT("HTTP/1.1 204 No Content\r\n" E), GH__ASKED_BODY, 204, 1, GH__BODY_NONE, 0,
	  true, false, "" },
	{ GH_STR_INIT("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n" E), GH__ASKED_BODY, 204, 1,
	  GH__BODY_NONE, 0, true, false, "|Content-Length:5" },
	{ GH_STR_INIT("HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n" E),
	  GH__ASKED_BODY, 204, 1, GH__BODY_NONE, 0, true, false, "|Transfer-Encoding:chunked" },
	{ GH_STR_INIT("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n" E), GH__ASKED_BODY, 304,
	  1, GH__BODY_NONE, 5, true, false, "|Content-Length:5" },
	{ GH_STR_INIT("HTTP/1.1 304 Not Modified\r\n" E), GH__ASKED_BODY, 304, 1, GH__BODY_NONE, -1,
	  true, false, "" },
	{ GH_STR_INIT(OK "Content-Length: 5\r\n" E), GH__ASKED_HEAD, 200, 1, GH__BODY_NONE, 5, true,
	  false, "|Content-Length:5" },
	{ GH_STR_INIT(OK "Transfer-Encoding: chunked\r\n" E), GH__ASKED_HEAD, 200, 1, GH__BODY_NONE,
	  -1, true, false, "|Transfer-Encoding:chunked" },
	{ GH_STR_INIT(OK E), GH__ASKED_HEAD, 200, 1, GH__BODY_NONE, -1, true, false, "" },
	{ GH_STR_INIT("HTTP/1.1 205 Reset\r\nContent-Length: 0\r\n" E), GH__ASKED_BODY, 205, 1,
	  GH__BODY_NONE, 0, true, false, "|Content-Length:0" },
};

static void good_heads_are_read_exactly(void **state)
{
	(void)state;
	for (size_t i = 0; i < GH_COUNT_OF(good_heads); i++) {
		const struct good *want = &good_heads[i];
		struct gh_response res = { 0 };
		struct gh__message m;
		struct gh__arena a;

		gh__arena_init(&a, NULL, 0);
		if (read_head(want->head, want->asked, &m, &res, &a))
			fail_msg("head %zu (" GH_FMT ") was refused", i, GH_ARG(want->head));
		struct gh_str fields = GH_STR("");
		for (uint32_t k = 0; k < res.headers.count; k++)
			fields = gh__arena_printf(&a, GH_FMT "|" GH_FMT ":" GH_FMT, GH_ARG(fields),
						  GH_ARG(gh_header_name(&res.headers.items[k])),
						  GH_ARG(gh_header_value(&res.headers.items[k])));
		assert_string_equal(fields.at, want->fields);
		if (res.status != want->status || m.version != want->minor ||
		    m.framing != want->framing || res.length != want->length ||
		    m.keep_alive != want->keep_alive || m.upgrade != want->upgrade)
			fail_msg("head %zu (" GH_FMT "): %d 1.%d framing %d length %lld %d %d", i,
				 GH_ARG(want->head), res.status, m.version, m.framing,
				 (long long)res.length, m.keep_alive, m.upgrade);
		gh__arena_finish(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_heads_are_refused),
		cmocka_unit_test(good_heads_are_read_exactly),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
