/* Lines of the access log, byte for byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/route/access_line.h"

/* 2026-11-22 10:00:00 UTC */
#define SECOND INT64_C(1795341600)

static const struct gh__access_entry usual = {
	.wall_ms = SECOND * 1000 + 7,
	.id = GH_STR_INIT("0123456789abcdef01234567"),
	.client = GH_STR_INIT("192.0.2.1"),
	.caller = GH_STR_INIT("laptop"),
	.method = GH_STR_INIT("POST"),
	.host = GH_STR_INIT("ai.example.org"),
	.path = GH_STR_INIT("/v1/chat/completions"),
	.upstream = GH_STR_INIT("http://127.0.0.1:1234"),
	.route = GH_STR_INIT("/v1"),
	.referer = GH_STR_INIT("https://ai.example.org/chat"),
	.agent = GH_STR_INIT("curl/8.0"),
	.protocol = 11,
	.status = 200,
	.sent = 12345,
	.received = 678,
	.duration = 1234567890,
	.first_byte = 45006789,
};

static void assert_line(enum gh__log_format format, const struct gh__access_entry *e,
			const char *want)
{
	char line[GH__ACCESS_LINE + 1];
	struct gh__access_clock clock = { 0 };

	line[gh__access_line(line, &clock, format, e)] = 0;
	assert_string_equal(line, want);
}

static void a_json_line_has_every_field(void **state)
{
	(void)state;
	assert_line(GH__LOG_JSON, &usual,
		    "{\"time\":\"2026-11-22T10:00:00.007Z\",\"id\":\"0123456789abcdef01234567\","
		    "\"client\":\"192.0.2.1\",\"caller\":\"laptop\",\"method\":\"POST\","
		    "\"host\":\"ai.example.org\",\"path\":\"/v1/chat/"
		    "completions\",\"proto\":\"HTTP/1.1\","
		    "\"status\":200,\"bytes\":12345,\"received\":678,\"duration_ms\":1234.567,"
		    "\"first_byte_ms\":45.006,\"upstream\":\"http://127.0.0.1:1234\",\"route\":\"/"
		    "v1\"}\n");
}

static void what_is_not_known_is_null_and_a_break_shows(void **state)
{
	struct gh__access_entry e = usual;

	(void)state;
	e.caller = e.upstream = e.route = e.host = (struct gh_str){ 0 };
	e.first_byte = 0;
	e.duration = 999;
	e.protocol = 10;
	e.status = 499;
	e.end = GH__ACCESS_CUT;
	assert_line(GH__LOG_JSON, &e,
		    "{\"time\":\"2026-11-22T10:00:00.007Z\",\"id\":\"0123456789abcdef01234567\","
		    "\"client\":\"192.0.2.1\",\"caller\":null,\"method\":\"POST\",\"host\":null,"
		    "\"path\":\"/v1/chat/completions\",\"proto\":\"HTTP/1.0\",\"status\":499,"
		    "\"bytes\":12345,\"received\":678,\"duration_ms\":0.000,\"first_byte_ms\":null,"
		    "\"upstream\":null,\"route\":null,\"cut\":true}\n");
}

static void a_model_and_its_tokens_are_told_where_they_are_known(void **state)
{
	struct gh__access_entry e = usual;
	char line[GH__ACCESS_LINE + 1];
	struct gh__access_clock clock = { 0 };

	(void)state;
	e.model = GH_STR("qwen/\"x\"");
	e.input_tokens = 0;
	e.output_tokens = 345;
	line[gh__access_line(line, &clock, GH__LOG_JSON, &e)] = 0;
	assert_non_null(strstr(line, "\"route\":\"/v1\",\"model\":\"qwen/\\\"x\\\"\","
				     "\"input_tokens\":0,\"output_tokens\":345}\n"));
	e.input_tokens = e.output_tokens = -1;
	e.end = GH__ACCESS_CUT;
	line[gh__access_line(line, &clock, GH__LOG_JSON, &e)] = 0;
	assert_non_null(strstr(line, "\"model\":\"qwen/\\\"x\\\"\",\"cut\":true}\n"));
}

static void strings_cannot_leave_their_quotes_in_json(void **state)
{
	struct gh__access_entry e = usual;
	char line[GH__ACCESS_LINE + 1];
	struct gh__access_clock clock = { 0 };

	(void)state;
	e.caller = GH_STR("a\"b\\c\nd\x1b[m \xc3\xa9 \xff");
	line[gh__access_line(line, &clock, GH__LOG_JSON, &e)] = 0;
	assert_non_null(strstr(
		line, "\"caller\":\"a\\\"b\\\\c\\nd\\u001b[m \xc3\xa9 \xef\xbf\xbd\",\"method\""));
}

static void a_combined_line_is_apaches(void **state)
{
	(void)state;
	assert_line(GH__LOG_COMBINED, &usual,
		    "192.0.2.1 - laptop [22/Nov/2026:10:00:00 +0000] \"POST /v1/chat/completions "
		    "HTTP/1.1\" "
		    "200 12345 \"https://ai.example.org/chat\" \"curl/8.0\"\n");
}

static void strings_cannot_leave_their_quotes_in_combined(void **state)
{
	struct gh__access_entry e = usual;

	(void)state;
	e.caller = GH_STR("a b\"c");
	e.path = GH_STR("/\"\\\n");
	e.referer = (struct gh_str){ 0 };
	e.agent = GH_STR("x\" 500 0 \"\xc3\xa9\x7f");
	assert_line(GH__LOG_COMBINED, &e,
		    "192.0.2.1 - a_b\\x22c [22/Nov/2026:10:00:00 +0000] \"POST /\\x22\\x5c\\x0a "
		    "HTTP/1.1\" "
		    "200 12345 \"-\" \"x\\x22 500 0 \\x22\\xc3\\xa9\\x7f\"\n");
}

static void a_referer_tells_no_query_and_no_credentials(void **state)
{
	static const struct {
		struct gh_str referer;
		const char *want;
	} rows[] = {
		{ GH_STR_INIT("https://h/a?key=S"), "\"https://h/a\"" },
		{ GH_STR_INIT("https://h/a#S"), "\"https://h/a\"" },
		{ GH_STR_INIT("https://me:S@h/a@b"), "\"https://h/a@b\"" },
		{ GH_STR_INIT("https://me:S@x@h"), "\"https://h\"" },
		{ GH_STR_INIT("?S"), "\"-\"" },
		{ GH_STR_INIT("me@"), "\"\"" },
	};
	char line[GH__ACCESS_LINE + 1];

	(void)state;
	for (size_t i = 0; i < GH_COUNT_OF(rows); i++) {
		struct gh__access_entry e = usual;
		struct gh__access_clock clock = { 0 };
		e.referer = rows[i].referer;
		line[gh__access_line(line, &clock, GH__LOG_COMBINED, &e)] = 0;
		const char *at = strstr(line, " 12345 ");
		assert_non_null(at);
		assert_memory_equal(at + 7, rows[i].want, strlen(rows[i].want));
		assert_string_equal(at + 7 + strlen(rows[i].want), " \"curl/8.0\"\n");
	}
}

static void a_refused_head_is_a_line_without_its_bytes(void **state)
{
	struct gh__access_entry e = {
		.wall_ms = SECOND * 1000 + 999,
		.client = GH_STR_INIT("2001:db8::1"),
		.status = 400,
		.reason = "a \"field\" is bad",
	};

	(void)state;
	assert_line(
		GH__LOG_JSON, &e,
		"{\"time\":\"2026-11-22T10:00:00.999Z\",\"client\":\"2001:db8::1\",\"status\":400,"
		"\"reason\":\"a \\\"field\\\" is bad\"}\n");
	assert_line(GH__LOG_COMBINED, &e,
		    "2001:db8::1 - - [22/Nov/2026:10:00:00 +0000] \"-\" 400 0 \"-\" \"-\"\n");
}

static void the_date_moves_on(void **state)
{
	struct gh__access_entry e = { .client = GH_STR_INIT("c"), .status = 400, .reason = "r" };
	struct gh__access_clock clock = { 0 };
	char line[GH__ACCESS_LINE];

	(void)state;
	e.wall_ms = INT64_C(1798761599999); /* the last moment of 2026 */
	gh__access_line(line, &clock, GH__LOG_JSON, &e);
	assert_memory_equal(line, "{\"time\":\"2026-12-31T23:59:59.999Z\"", 34);
	e.wall_ms++;
	gh__access_line(line, &clock, GH__LOG_JSON, &e);
	assert_memory_equal(line, "{\"time\":\"2027-01-01T00:00:00.000Z\"", 34);
	gh__access_line(line, &clock, GH__LOG_COMBINED, &e);
	assert_memory_equal(line, "c - - [01/Jan/2027:00:00:00 +0000]", 34);
}

/* Every field as long as a head may be, of bytes whose escapes are the longest. */
static void the_longest_line_fits(void **state)
{
	static char bytes[256 << 10];
	static const char fillers[] = { 'a', '"', '\x01', '\xff', ' ' };
	char line[GH__ACCESS_LINE + 1];

	(void)state;
	for (size_t i = 0; i < sizeof fillers; i++) {
		memset(bytes, fillers[i], sizeof bytes);
		struct gh_str s = { bytes, sizeof bytes };
		struct gh__access_entry e = {
			.wall_ms = SECOND * 1000,
			.id = s,
			.client = s,
			.caller = s,
			.method = s,
			.host = s,
			.path = s,
			.upstream = s,
			.route = s,
			.referer = s,
			.agent = s,
			.protocol = 11,
			.status = 200,
			.sent = UINT64_MAX,
			.received = UINT64_MAX,
			.duration = UINT64_MAX,
			.first_byte = UINT64_MAX,
			.end = GH__ACCESS_CUT,
		};
		for (int format = GH__LOG_JSON; format <= GH__LOG_COMBINED; format++) {
			struct gh__access_clock clock = { 0 };
			line[GH__ACCESS_LINE] = 'E';
			size_t len = gh__access_line(line, &clock, (enum gh__log_format)format, &e);
			assert_in_range(len, 1500, GH__ACCESS_LINE);
			assert_int_equal(line[len - 1], '\n');
			assert_null(memchr(line, '\n', len - 1));
			assert_int_equal(line[GH__ACCESS_LINE], 'E');
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_json_line_has_every_field),
		cmocka_unit_test(what_is_not_known_is_null_and_a_break_shows),
		cmocka_unit_test(a_model_and_its_tokens_are_told_where_they_are_known),
		cmocka_unit_test(strings_cannot_leave_their_quotes_in_json),
		cmocka_unit_test(a_combined_line_is_apaches),
		cmocka_unit_test(strings_cannot_leave_their_quotes_in_combined),
		cmocka_unit_test(a_referer_tells_no_query_and_no_credentials),
		cmocka_unit_test(a_refused_head_is_a_line_without_its_bytes),
		cmocka_unit_test(the_date_moves_on),
		cmocka_unit_test(the_longest_line_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
