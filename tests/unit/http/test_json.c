/* JSON: what is taken, what is refused and where. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/http/json.h"

/* In memory of exactly the text's size, so that a sanitizer sees every byte too many. */
static int parse_exactly(struct gh_str text, struct gh_json_error *ret_error)
{
	struct gh_json v = { GH_STR_INIT("untouched") };
	char *copy = malloc(text.len ? text.len : 1);

	assert_non_null(copy);
	if (text.len)
		memcpy(copy, text.at, text.len);
	int r = gh_json_parse((struct gh_str){ copy, text.len }, &v, ret_error);
	if (r)
		assert_true(gh_str_is(v.text, "untouched"));
	free(copy);
	return r;
}

static void what_the_rfc_allows_is_taken(void **state)
{
	static const struct gh_str good[] = {
		GH_STR_INIT("0"),
		GH_STR_INIT("-0"),
		GH_STR_INIT("7"),
		GH_STR_INIT("-10"),
		GH_STR_INIT("0.0"),
		GH_STR_INIT("-0.5e-7"),
		GH_STR_INIT("1E+9"),
		GH_STR_INIT("1e00"),
		GH_STR_INIT("123456789012345678901234567890.000000000000000000001e4000"),
		GH_STR_INIT("true"),
		GH_STR_INIT("false"),
		GH_STR_INIT("null"),
		GH_STR_INIT(" \t\r\n null \n\r\t "),
		GH_STR_INIT("\"\""),
		GH_STR_INIT("\"\x7f\""),
		GH_STR_INIT("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\""),
		GH_STR_INIT("\"\\u0000\\uFFFF\\uabCD\""),
		GH_STR_INIT("\"\\ud83d\\uDE00\""),
		GH_STR_INIT("\"\\uD800\\uDC00\\udbff\\udfff\""),
		GH_STR_INIT("\"\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf\""),
		GH_STR_INIT("\"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\""),
		GH_STR_INIT("[]"),
		GH_STR_INIT("[ ]"),
		GH_STR_INIT("{}"),
		GH_STR_INIT("{\n}"),
		GH_STR_INIT("[[],{},[[]]]"),
		GH_STR_INIT("[1,-2,3.0,\"x\",true,false,null,{\"a\":[]}]"),
		GH_STR_INIT(" [ 1 , 2 ] "),
		GH_STR_INIT("{\"\":0}"),
		GH_STR_INIT("{\"a\":1,\"a\":2}"),
		GH_STR_INIT(" { \"a\" : { \"b\" : [ { } ] } , \"c\" : null } "),
		GH_STR_INIT("{\"]\":\"}\",\"{\":\"[\",\",\":\":\"}"),
	};

	(void)state;
	for (size_t i = 0; i < GH_COUNT_OF(good); i++) {
		struct gh_json_error e;
		if (parse_exactly(good[i], &e))
			fail_msg("'" GH_FMT "': %zu: %s", GH_ARG(good[i]), e.offset, e.what);
	}
}

static void what_it_does_not_is_refused_where_it_is(void **state)
{
	static const struct {
		struct gh_str text;
		size_t offset;
	} bad[] = {
		{ GH_STR_INIT(""), 0 },
		{ GH_STR_INIT(" \n"), 2 },
		/* Numbers. */
		{ GH_STR_INIT("-"), 1 },
		{ GH_STR_INIT("--1"), 1 },
		{ GH_STR_INIT("+1"), 0 },
		{ GH_STR_INIT(".5"), 0 },
		{ GH_STR_INIT("-.5"), 1 },
		{ GH_STR_INIT("5."), 2 },
		{ GH_STR_INIT("5.e1"), 2 },
		{ GH_STR_INIT("00"), 1 },
		{ GH_STR_INIT("01"), 1 },
		{ GH_STR_INIT("-01"), 2 },
		{ GH_STR_INIT("1e"), 2 },
		{ GH_STR_INIT("1e+"), 3 },
		{ GH_STR_INIT("1e+-1"), 3 },
		{ GH_STR_INIT("1.2.3"), 3 },
		{ GH_STR_INIT("0x10"), 1 },
		{ GH_STR_INIT("1_000"), 1 },
		{ GH_STR_INIT("1 2"), 2 },
		{ GH_STR_INIT("NaN"), 0 },
		{ GH_STR_INIT("Infinity"), 0 },
		{ GH_STR_INIT("-Infinity"), 1 },
		{ GH_STR_INIT("1\xef\xbc\x91"), 1 },
		/* Words. */
		{ GH_STR_INIT("tru"), 0 },
		{ GH_STR_INIT("True"), 0 },
		{ GH_STR_INIT("nul"), 0 },
		{ GH_STR_INIT("nulll"), 4 },
		{ GH_STR_INIT("fals\0"), 0 },
		{ GH_STR_INIT("undefined"), 0 },
		{ GH_STR_INIT("true false"), 5 },
		/* Strings. */
		{ GH_STR_INIT("\""), 0 },
		{ GH_STR_INIT("\"abc"), 0 },
		{ GH_STR_INIT("[\"abc\\\"]"), 1 },
		{ GH_STR_INIT("'a'"), 0 },
		{ GH_STR_INIT("a"), 0 },
		{ GH_STR_INIT("\"a\nb\""), 2 },
		{ GH_STR_INIT("\"a\tb\""), 2 },
		{ GH_STR_INIT("\"\0\""), 1 },
		{ GH_STR_INIT("\"0123456\x1f\""), 8 },
		{ GH_STR_INIT("\"0123456789abcdef\x01\""), 17 },
		{ GH_STR_INIT("\"\\"), 1 },
		{ GH_STR_INIT("\"\\x41\""), 1 },
		{ GH_STR_INIT("\"\\'\""), 1 },
		{ GH_STR_INIT("\"\\a\""), 1 },
		{ GH_STR_INIT("\"\\0\""), 1 },
		{ GH_STR_INIT("\"\\U0041\""), 1 },
		{ GH_STR_INIT("\"\\\n\""), 1 },
		{ GH_STR_INIT("\"\\u\""), 1 },
		{ GH_STR_INIT("\"\\u004\""), 1 },
		{ GH_STR_INIT("\"\\u00g1\""), 1 },
		{ GH_STR_INIT("\"\\u+041\""), 1 },
		{ GH_STR_INIT("\"\\u 041\""), 1 },
		{ GH_STR_INIT("\"\\u004"), 1 },
		{ GH_STR_INIT("\"\\u0041"), 0 },
		/* Halves of surrogate pairs. */
		{ GH_STR_INIT("\"\\ud800\""), 1 },
		{ GH_STR_INIT("\"x\\udbff\""), 2 },
		{ GH_STR_INIT("\"\\udc00\""), 1 },
		{ GH_STR_INIT("\"\\udfff\\ud800\""), 1 },
		{ GH_STR_INIT("\"\\ud800\\ud800\""), 1 },
		{ GH_STR_INIT("\"\\ud800\\u0041\""), 1 },
		{ GH_STR_INIT("\"\\ud800\\ue000\""), 1 },
		{ GH_STR_INIT("\"\\ud800\\n\""), 1 },
		{ GH_STR_INIT("\"\\ud800\\ndc00\""), 1 },
		{ GH_STR_INIT("\"\\ud800\\"), 1 },
		{ GH_STR_INIT("\"\\ud800 \\udc00\""), 1 },
		{ GH_STR_INIT("\"\\ud800\\udc0"), 1 },
		{ GH_STR_INIT("\"\\ud83d\\ude00\\ude00\""), 13 },
		/* UTF-8. */
		{ GH_STR_INIT("\"\x80\""), 1 },
		{ GH_STR_INIT("\"\xc0\xaf\""), 1 },
		{ GH_STR_INIT("\"\xc1\xbf\""), 1 },
		{ GH_STR_INIT("\"\xc3\""), 1 },
		{ GH_STR_INIT("\"\xe0\x80\xaf\""), 1 },
		{ GH_STR_INIT("\"\xe2\x82\""), 1 },
		{ GH_STR_INIT("\"\xed\xa0\x80\""), 1 },
		{ GH_STR_INIT("\"\xf0\x80\x80\x80\""), 1 },
		{ GH_STR_INIT("\"\xf4\x90\x80\x80\""), 1 },
		{ GH_STR_INIT("\"\xf8\x88\x80\x80\x80\""), 1 },
		{ GH_STR_INIT("\"\xff\""), 1 },
		{ GH_STR_INIT("\"abcdefgh\xfe\""), 9 },
		{ GH_STR_INIT("\"\xe2\x82"), 1 },
		{ GH_STR_INIT("\xef\xbb\xbf{}"), 0 },
		{ GH_STR_INIT("\xfe\xff\0{\0}"), 0 },
		{ GH_STR_INIT("{\"\xff\":1}"), 2 },
		/* Arrays. */
		{ GH_STR_INIT("["), 1 },
		{ GH_STR_INIT("[1"), 2 },
		{ GH_STR_INIT("[1,"), 3 },
		{ GH_STR_INIT("[1,]"), 3 },
		{ GH_STR_INIT("[,1]"), 1 },
		{ GH_STR_INIT("[1,,2]"), 3 },
		{ GH_STR_INIT("[1 2]"), 3 },
		{ GH_STR_INIT("[1:2]"), 2 },
		{ GH_STR_INIT("[1}"), 2 },
		{ GH_STR_INIT("]"), 0 },
		{ GH_STR_INIT("[]]"), 2 },
		{ GH_STR_INIT("[] x"), 3 },
		{ GH_STR_INIT("[\f]"), 1 },
		{ GH_STR_INIT("[\xc2\xa0]"), 1 },
		{ GH_STR_INIT("[1]\0"), 3 },
		{ GH_STR_INIT("[[[]]"), 5 },
		/* Objects. */
		{ GH_STR_INIT("{"), 1 },
		{ GH_STR_INIT("{]"), 1 },
		{ GH_STR_INIT("{\"a\""), 4 },
		{ GH_STR_INIT("{\"a\"}"), 4 },
		{ GH_STR_INIT("{\"a\":"), 5 },
		{ GH_STR_INIT("{\"a\":}"), 5 },
		{ GH_STR_INIT("{\"a\":1"), 6 },
		{ GH_STR_INIT("{\"a\":1,}"), 7 },
		{ GH_STR_INIT("{\"a\":1]"), 6 },
		{ GH_STR_INIT("{\"a\" 1}"), 5 },
		{ GH_STR_INIT("{\"a\"::1}"), 5 },
		{ GH_STR_INIT("{\"a\":1 \"b\":2}"), 7 },
		{ GH_STR_INIT("{,}"), 1 },
		{ GH_STR_INIT("{a:1}"), 1 },
		{ GH_STR_INIT("{'a':1}"), 1 },
		{ GH_STR_INIT("{1:1}"), 1 },
		{ GH_STR_INIT("{null:1}"), 1 },
		{ GH_STR_INIT("{[]:1}"), 1 },
		{ GH_STR_INIT("{}{}"), 2 },
		{ GH_STR_INIT("{},"), 2 },
		{ GH_STR_INIT("{\"a\":1}}"), 7 },
		/* Comments. */
		{ GH_STR_INIT("// x\n1"), 0 },
		{ GH_STR_INIT("[1 /* x */]"), 3 },
		{ GH_STR_INIT("1 # x"), 2 },
	};

	(void)state;
	for (size_t i = 0; i < GH_COUNT_OF(bad); i++) {
		struct gh_json_error e;
		if (parse_exactly(bad[i].text, &e) == 0)
			fail_msg("'" GH_FMT "' was taken", GH_ARG(bad[i].text));
		if (e.offset != bad[i].offset)
			fail_msg("'" GH_FMT "': at %zu: %s", GH_ARG(bad[i].text), e.offset, e.what);
		assert_non_null(e.what);
		assert_int_equal(parse_exactly(bad[i].text, NULL), -1);
	}
}

static void an_error_has_line_and_column(void **state)
{
	static const struct {
		const char *text;
		size_t line, column;
	} cases[] = {
		{ "", 1, 1 },
		{ "x", 1, 1 },
		{ "{\n  \"a\": x\n}", 2, 8 },
		{ "{\r\n\r\n\t]", 3, 2 },
		{ "[\n1,\n2,\n", 4, 1 },
		{ "[\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\" x]", 1, 8 },
	};

	(void)state;
	for (size_t i = 0; i < GH_COUNT_OF(cases); i++) {
		struct gh_json_error e;
		assert_int_equal(parse_exactly(gh_str(cases[i].text), &e), -1);
		assert_int_equal(e.line, cases[i].line);
		assert_int_equal(e.column, cases[i].column);
	}
	struct gh_json_error e;
	struct gh_json v;
	assert_int_equal(gh_json_parse((struct gh_str){ NULL, 0 }, &v, &e), -1);
	assert_int_equal(e.offset, 0);
	assert_int_equal(e.line, 1);
}

/* No text that was cut short is whole, but for a number. */
static void a_cut_text_is_refused(void **state)
{
	struct gh_str text = GH_STR(
		"{\"a\\u00e9\\ud83d\\ude00\":[1.5e-3,true,null,\"\xe2\x82\xac x\"],"
		"\"b\":{\"c\":false}}");

	(void)state;
	for (size_t len = 0; len < text.len; len++)
		assert_int_equal(parse_exactly(gh_str_slice(text, 0, len), NULL), -1);
	assert_int_equal(parse_exactly(text, NULL), 0);
}

/* At every place within the 8 bytes that are looked at together. */
static void every_byte_of_a_string_is_seen(void **state)
{
	char text[34];

	(void)state;
	for (size_t at = 1; at < sizeof text - 1; at++) {
		for (unsigned c = 0; c < 256; c++) {
			struct gh_json_error e;
			bool good = c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
			memset(text, 'x', sizeof text);
			text[0] = text[sizeof text - 1] = '"';
			text[at] = (char)c;
			int r = parse_exactly((struct gh_str){ text, sizeof text }, &e);
			if ((r == 0) != good)
				fail_msg("%u at %zu: %d", c, at, r);
			if (r && c != '"' && !(c == '\\' && at + 2 == sizeof text))
				assert_int_equal(e.offset, at);
		}
	}
}

static void note(void *arg, struct gh_json name, struct gh_json value)
{
	char *to = arg;
	size_t len = strlen(to);

	snprintf(to + len, 256 - len, GH_FMT "=" GH_FMT ";", GH_ARG(name.text), GH_ARG(value.text));
}

static void the_roots_members_are_told_on_the_way(void **state)
{
	static const struct {
		const char *text, *told;
		int result;
	} cases[] = {
		{ "{}", "", 0 },
		{ "{ }", "", 0 },
		{ "[]", "", 0 },
		{ "7", "", 0 },
		{ "[{\"a\":1}]", "", 0 },
		{ "[1,{\"a\":1},2]", "", 0 },
		{ "{\"a\":1}", "\"a\"=1;", 0 },
		{ " { \"a\" : 1 , \"b\" : \"x,y\" } ", "\"a\"=1;\"b\"=\"x,y\";", 0 },
		{ "{\"a\":[],\"b\":{},\"c\":[ ],\"d\":null}",
		  "\"a\"=[];\"b\"={};\"c\"=[ ];\"d\"=null;", 0 },
		{ "{\"a\":{\"a\":{\"b\":[{\"c\":1}]}},\"a\":[[1],[2]]}",
		  "\"a\"={\"a\":{\"b\":[{\"c\":1}]}};\"a\"=[[1],[2]];", 0 },
		{ "{\"\\u0061\":\"\\\"\"}", "\"\\u0061\"=\"\\\"\";", 0 },
		/* What is wrong further on is found after. */
		{ "{\"a\":1,\"b\":[2,]}", "\"a\"=1;", -1 },
		{ "{\"a\":1,}", "\"a\"=1;", -1 },
		{ "{\"a\":1} x", "\"a\"=1;", -1 },
		{ "{\"a\":tru}", "", -1 },
		{ "{\"a\":{\"b\":1}", "\"a\"={\"b\":1};", -1 },
	};

	(void)state;
	for (size_t i = 0; i < GH_COUNT_OF(cases); i++) {
		char told[256] = "";
		struct gh_json v;
		assert_int_equal(gh_json_parse_members(gh_str(cases[i].text), note, told, &v, NULL),
				 cases[i].result);
		assert_string_equal(told, cases[i].told);
	}
}

static struct gh_str nested(char *to, size_t depth, char open, char close)
{
	memset(to, open, depth);
	memset(to + depth, close, depth);
	return (struct gh_str){ to, 2 * depth };
}

static void nesting_has_a_limit(void **state)
{
	struct gh_json_error e;
	char text[200000];
	struct gh_str mixed = GH_STR("[{\"a\":");
	size_t len = 0;

	(void)state;
	assert_int_equal(GH_JSON_DEPTH_MAX, 64);
	assert_int_equal(parse_exactly(nested(text, 64, '[', ']'), &e), 0);
	assert_int_equal(parse_exactly(nested(text, 65, '[', ']'), &e), -1);
	assert_int_equal(e.offset, 64);
	assert_int_equal(parse_exactly(nested(text, 100000, '[', ']'), &e), -1);
	assert_int_equal(e.offset, 64);

	/* What a level is stays known up to the limit. */
	for (int i = 0; i < 32; i++, len += mixed.len)
		memcpy(text + len, mixed.at, mixed.len);
	text[len++] = '1';
	for (int i = 0; i < 32; i++, len += 2)
		memcpy(text + len, "}]", 2);
	assert_int_equal(parse_exactly((struct gh_str){ text, len }, &e), 0);
	text[len - 1] = '}';
	assert_int_equal(parse_exactly((struct gh_str){ text, len }, &e), -1);
	assert_int_equal(e.offset, len - 1);

	/* Depth, not count. */
	len = 0;
	text[len++] = '[';
	for (int i = 0; i < 1000; i++, len += 3)
		memcpy(text + len, "[],", 3);
	text[len - 1] = ']';
	assert_int_equal(parse_exactly((struct gh_str){ text, len }, &e), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_rfc_allows_is_taken),
		cmocka_unit_test(what_it_does_not_is_refused_where_it_is),
		cmocka_unit_test(an_error_has_line_and_column),
		cmocka_unit_test(a_cut_text_is_refused),
		cmocka_unit_test(every_byte_of_a_string_is_seen),
		cmocka_unit_test(the_roots_members_are_told_on_the_way),
		cmocka_unit_test(nesting_has_a_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
