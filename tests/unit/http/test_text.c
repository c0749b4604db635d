/* Dates, reasons, numbers, JSON strings, errors, base64. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "core/http/text.h"

static void dates_are_imf_fixdate(void **state)
{
	static const struct {
		int64_t seconds;
		const char *date;
	} dates[] = {
		{ 0, "Thu, 01 Jan 1970 00:00:00 GMT" },
		{ 784111777, "Sun, 06 Nov 1994 08:49:37 GMT" }, /* RFC 9110's own */
		{ 951782400, "Tue, 29 Feb 2000 00:00:00 GMT" },
		{ 951868799, "Tue, 29 Feb 2000 23:59:59 GMT" },
		{ 951868800, "Wed, 01 Mar 2000 00:00:00 GMT" },
		{ 946684799, "Fri, 31 Dec 1999 23:59:59 GMT" },
		{ 946684800, "Sat, 01 Jan 2000 00:00:00 GMT" },
		{ 1000000000, "Sun, 09 Sep 2001 01:46:40 GMT" },
		{ 1234567890, "Fri, 13 Feb 2009 23:31:30 GMT" },
		{ 2147483647, "Tue, 19 Jan 2038 03:14:07 GMT" },
		{ 2147483648, "Tue, 19 Jan 2038 03:14:08 GMT" },
		{ 4107542400, "Mon, 01 Mar 2100 00:00:00 GMT" }, /* no leap year */
		{ 253402300799, "Fri, 31 Dec 9999 23:59:59 GMT" },
		{ INT64_MAX, "Fri, 31 Dec 9999 23:59:59 GMT" },
		{ -1, "Thu, 01 Jan 1970 00:00:00 GMT" },
		{ INT64_MIN, "Thu, 01 Jan 1970 00:00:00 GMT" },
	};
	char date[GH__DATE_LEN];

	(void)state;
	for (size_t i = 0; i < GH_COUNT_OF(dates); i++) {
		gh__http_date(dates[i].seconds, date);
		assert_int_equal(strlen(dates[i].date), GH__DATE_LEN);
		assert_memory_equal(date, dates[i].date, GH__DATE_LEN);
	}
}

static void dates_agree_with_the_c_library(void **state)
{
	char date[GH__DATE_LEN], other[64];

	(void)state;
	for (int64_t s = 0; s < INT64_C(253402300799); s += INT64_C(86400) * 97 + 12345) {
		time_t t = (time_t)s;
		struct tm tm;
		gmtime_r(&t, &tm);
		strftime(other, sizeof other, "%a, %d %b %Y %H:%M:%S GMT", &tm);
		gh__http_date(s, date);
		assert_memory_equal(date, other, GH__DATE_LEN);
	}
}

static void reasons_are_named(void **state)
{
	(void)state;
	assert_string_equal(gh__reason(200), "OK");
	assert_string_equal(gh__reason(404), "Not Found");
	assert_string_equal(gh__reason(431), "Request Header Fields Too Large");
	assert_string_equal(gh__reason(505), "HTTP Version Not Supported");
	assert_string_equal(gh__reason(299), "Unknown");
	assert_string_equal(gh__reason(0), "Unknown");
	assert_string_equal(gh__reason(-1), "Unknown");
	assert_string_equal(gh__reason(1000000), "Unknown");
}

static void numbers_are_written(void **state)
{
	static const uint64_t numbers[] = { 0,     1,       9,          10,        99,
					    100,   255,     256,        4095,      4096,
					    65535, 1000000, UINT32_MAX, INT64_MAX, UINT64_MAX };
	char got[32], want[32];

	(void)state;
	for (size_t i = 0; i < GH_COUNT_OF(numbers); i++) {
		int len = snprintf(want, sizeof want, "%llu", (unsigned long long)numbers[i]);
		assert_int_equal(gh__decimal(got, numbers[i]), len);
		assert_memory_equal(got, want, (size_t)len);
		len = snprintf(want, sizeof want, "%llx\r\n", (unsigned long long)numbers[i]);
		assert_int_equal(gh__chunk_line(got, (size_t)numbers[i]), len);
		assert_memory_equal(got, want, (size_t)len);
	}
}

static void json_strings_are_escaped(void **state)
{
	static const struct {
		struct gh_str raw;
		const char *escaped;
	} cases[] = {
		{ GH_STR_INIT(""), "" },
		{ GH_STR_INIT("plain, 'text' / <b>"), "plain, 'text' / <b>" },
		{ GH_STR_INIT("a\"b\\c"), "a\\\"b\\\\c" },
		{ GH_STR_INIT("\b\t\n\f\r"), "\\b\\t\\n\\f\\r" },
		{ GH_STR_INIT("\0\x01\x1b\x1f"), "\\u0000\\u0001\\u001b\\u001f" },
		{ GH_STR_INIT("\x7f"), "\\u007f" },
		{ GH_STR_INIT("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"),
		  "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80" },
		{ GH_STR_INIT("\x80"), "\xef\xbf\xbd" },
		{ GH_STR_INIT("\xff\xfe"), "\xef\xbf\xbd\xef\xbf\xbd" },
		{ GH_STR_INIT("a\xc3"), "a\xef\xbf\xbd" },
		{ GH_STR_INIT("\xc3\"x"), "\xef\xbf\xbd\\\"x" },
		{ GH_STR_INIT("\xc0\xaf"), "\xef\xbf\xbd\xef\xbf\xbd" },
		{ GH_STR_INIT("\xe2\x82"), "\xef\xbf\xbd" },
		{ GH_STR_INIT("\xe2\x82z"), "\xef\xbf\xbdz" },
		{ GH_STR_INIT("\xf0\x9f\x98"), "\xef\xbf\xbd" },
		{ GH_STR_INIT("\xed\xa0\x80"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
		{ GH_STR_INIT("\xf4\x90\x80\x80"),
		  "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
	};

	(void)state;
	for (size_t i = 0; i < GH_COUNT_OF(cases); i++) {
		struct gh_str raw = cases[i].raw;
		char *to = malloc(raw.len * 6 + 1);
		assert_non_null(to);
		size_t len = gh__json_escape(to, raw);
		assert_int_equal(len, strlen(cases[i].escaped));
		assert_memory_equal(to, cases[i].escaped, len);
		free(to);
	}
}

static void errors_have_the_shape_of_the_route(void **state)
{
	static const struct {
		enum gh_shape shape;
		int status;
		const char *code, *message, *body;
	} cases[] = {
		{ GH_SHAPE_OPENAI, 401, "invalid_api_key", "Incorrect API key provided.",
		  "{\"error\":{\"message\":\"Incorrect API key provided.\",\"type\":"
		  "\"invalid_request_error\",\"param\":null,\"code\":\"invalid_api_key\"}}" },
		{ GH_SHAPE_OPENAI, 400, NULL, "a \"b\"\n",
		  "{\"error\":{\"message\":\"a \\\"b\\\"\\n\",\"type\":\"invalid_request_error\","
		  "\"param\":null,\"code\":null}}" },
		{ GH_SHAPE_OPENAI, 404, "model_not_found", "x",
		  "{\"error\":{\"message\":\"x\",\"type\":\"invalid_request_error\",\"param\":null,"
		  "\"code\":\"model_not_found\"}}" },
		{ GH_SHAPE_OPENAI, 403, NULL, "x",
		  "{\"error\":{\"message\":\"x\",\"type\":\"permission\",\"param\":null,"
		  "\"code\":null}}" },
		{ GH_SHAPE_OPENAI, 413, NULL, "x",
		  "{\"error\":{\"message\":\"x\",\"type\":\"invalid_request_error\",\"param\":null,"
		  "\"code\":\"request_too_large\"}}" },
		{ GH_SHAPE_OPENAI, 429, NULL, "x",
		  "{\"error\":{\"message\":\"x\",\"type\":\"rate_limit_error\",\"param\":null,"
		  "\"code\":\"rate_limit_exceeded\"}}" },
		{ GH_SHAPE_OPENAI, 429, "insufficient_quota", "x",
		  "{\"error\":{\"message\":\"x\",\"type\":\"rate_limit_error\",\"param\":null,"
		  "\"code\":\"insufficient_quota\"}}" },
		{ GH_SHAPE_OPENAI, 502, NULL, "x",
		  "{\"error\":{\"message\":\"x\",\"type\":\"server_error\",\"param\":null,"
		  "\"code\":null}}" },
		{ GH_SHAPE_OPENAI, 503, NULL, "x",
		  "{\"error\":{\"message\":\"x\",\"type\":\"server_error\",\"param\":null,"
		  "\"code\":\"server_is_overloaded\"}}" },
		{ GH_SHAPE_ANTHROPIC, 400, NULL, "x",
		  "{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":"
		  "\"x\"}}" },
		{ GH_SHAPE_ANTHROPIC, 401, "invalid_api_key", "x",
		  "{\"type\":\"error\",\"error\":{\"type\":\"authentication_error\",\"message\":"
		  "\"x\"}}" },
		{ GH_SHAPE_ANTHROPIC, 403, NULL, "x",
		  "{\"type\":\"error\",\"error\":{\"type\":\"permission_error\",\"message\":\"x\"}"
		  "}" },
		{ GH_SHAPE_ANTHROPIC, 404, NULL, "x",
		  "{\"type\":\"error\",\"error\":{\"type\":\"not_found_error\",\"message\":\"x\"}"
		  "}" },
		{ GH_SHAPE_ANTHROPIC, 413, NULL, "x",
		  "{\"type\":\"error\",\"error\":{\"type\":\"request_too_large\",\"message\":\"x\"}"
		  "}" },
		{ GH_SHAPE_ANTHROPIC, 429, NULL, "x",
		  "{\"type\":\"error\",\"error\":{\"type\":\"rate_limit_error\",\"message\":\"x\"}"
		  "}" },
		{ GH_SHAPE_ANTHROPIC, 502, NULL, "x\x80",
		  "{\"type\":\"error\",\"error\":{\"type\":\"api_error\",\"message\":"
		  "\"x\xef\xbf\xbd\"}}" },
		{ GH_SHAPE_ANTHROPIC, 529, NULL, "x",
		  "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"x\"}"
		  "}" },
		{ GH_SHAPE_PLAIN, 404, "x", "No route.", "404 Not Found\nNo route.\n" },
		{ GH_SHAPE_PLAIN, 400, NULL, "a\x1b[2J\r\nb", "400 Bad Request\na?[2J??b\n" },
	};

	(void)state;
	for (size_t i = 0; i < GH_COUNT_OF(cases); i++) {
		struct gh__arena a;
		struct gh_str type;

		gh__arena_init(&a, NULL, 0);
		struct gh_str body = gh__error_body(&a, cases[i].shape, cases[i].status,
						    cases[i].code, gh_str(cases[i].message), &type);
		assert_string_equal(body.at, cases[i].body);
		assert_int_equal(body.len, strlen(cases[i].body));
		assert_string_equal(type.at, cases[i].shape == GH_SHAPE_PLAIN
						     ? "text/plain; charset=utf-8"
						     : "application/json");
		gh__arena_finish(&a);
	}
}

static void base64_is_strict(void **state)
{
	static const struct {
		const char *text;
		struct gh_str bytes; /* NULL: refused */
	} cases[] = {
		{ "", GH_STR_INIT("") },
		{ "Zg==", GH_STR_INIT("f") }, /* RFC 4648 10 */
		{ "Zm8=", GH_STR_INIT("fo") },
		{ "Zm9v", GH_STR_INIT("foo") },
		{ "Zm9vYg==", GH_STR_INIT("foob") },
		{ "Zm9vYmE=", GH_STR_INIT("fooba") },
		{ "Zm9vYmFy", GH_STR_INIT("foobar") },
		{ "dXNlcjpwYXNz", GH_STR_INIT("user:pass") },
		{ "AAAA", GH_STR_INIT("\0\0\0") },
		{ "+/+/", GH_STR_INIT("\xfb\xff\xbf") },
		{ "/////w==", GH_STR_INIT("\xff\xff\xff\xff") },
		{ "Z", { NULL, 0 } },
		{ "Zg", { NULL, 0 } },
		{ "Zg=", { NULL, 0 } },
		{ "Zm9", { NULL, 0 } },
		{ "=", { NULL, 0 } },
		{ "====", { NULL, 0 } },
		{ "Z===", { NULL, 0 } },
		{ "Zg==Zg==", { NULL, 0 } },
		{ "Zm=v", { NULL, 0 } },
		{ "Zm9v=", { NULL, 0 } },
		{ "Zm9v====", { NULL, 0 } },
		{ "Zm-v", { NULL, 0 } },
		{ "Zm_v", { NULL, 0 } },
		{ "Zm 9", { NULL, 0 } },
		{ " Zm9v", { NULL, 0 } },
		{ "Zm9v\n", { NULL, 0 } },
		{ "Zh==", { NULL, 0 } }, /* bits that belong to no byte */
		{ "Zm9=", { NULL, 0 } },
		{ "Zm\xc3\xa4", { NULL, 0 } },
	};

	(void)state;
	for (size_t i = 0; i < GH_COUNT_OF(cases); i++) {
		struct gh_str text = gh_str(cases[i].text);
		char *to = malloc(text.len / 4 * 3 + (text.len < 4));
		assert_non_null(to);
		int64_t len = gh__base64(text, to);
		if (!cases[i].bytes.at) {
			if (len != -1)
				fail_msg("%s was taken", cases[i].text);
		} else {
			assert_int_equal(len, cases[i].bytes.len);
			assert_memory_equal(to, cases[i].bytes.at, (size_t)len);
		}
		free(to);
	}
	char room[6];
	for (size_t len = 1; len < 8; len++)
		if (len != 4)
			assert_int_equal(gh__base64((struct gh_str){ "Zm9vYmFy", len }, room), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dates_are_imf_fixdate),
		cmocka_unit_test(dates_agree_with_the_c_library),
		cmocka_unit_test(reasons_are_named),
		cmocka_unit_test(numbers_are_written),
		cmocka_unit_test(json_strings_are_escaped),
		cmocka_unit_test(errors_have_the_shape_of_the_route),
		cmocka_unit_test(base64_is_strict),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
