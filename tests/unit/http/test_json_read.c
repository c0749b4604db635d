/* JSON: what is read out of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/base/arena.h"
#include "core/http/json.h"

static struct gh_json parse(struct gh_str text)
{
	struct gh_json_error e;
	struct gh_json v;

	if (gh_json_parse(text, &v, &e))
		fail_msg("'" GH_FMT "': %zu: %s", GH_ARG(text), e.offset, e.what);
	return v;
}

static struct gh_json member(struct gh_json v, struct gh_str name)
{
	struct gh_json value = { { NULL, 0 } };

	gh_json_get(v, name, &value);
	return value;
}

static void check_string(struct gh_json v, struct gh_str expected)
{
	char *to = malloc(v.text.len);
	size_t len = 0;

	assert_non_null(to);
	assert_int_equal(gh_json_type(v), GH_JSON_STRING);
	assert_int_equal(gh_json_string(v, to, v.text.len, &len), 0);
	assert_int_equal(len, expected.len);
	if (len)
		assert_memory_equal(to, expected.at, len);
	assert_true(gh_json_is(v, expected));
	free(to);
}

static void types_are_told_apart(void **state)
{
	static const struct {
		const char *text;
		enum gh_json_type type;
	} cases[] = {
		{ "null", GH_JSON_NULL },       { "true", GH_JSON_BOOL },
		{ "false", GH_JSON_BOOL },      { "0", GH_JSON_NUMBER },
		{ "-1.5", GH_JSON_NUMBER },     { "\"\"", GH_JSON_STRING },
		{ "\"null\"", GH_JSON_STRING }, { "[]", GH_JSON_ARRAY },
		{ " {} ", GH_JSON_OBJECT },
	};

	(void)state;
	for (size_t i = 0; i < GH_COUNT_OF(cases); i++)
		assert_int_equal(gh_json_type(parse(gh_str(cases[i].text))), cases[i].type);
	assert_int_equal(gh_json_type((struct gh_json){ { NULL, 0 } }), GH_JSON_NONE);
}

static void a_value_is_exactly_its_bytes(void **state)
{
	struct gh_str text = GH_STR(" { \"messages\" : [ { \"a\" : \"]}\\\"\" } , [] ] ,\n"
				    "\"model\" :\t\"org/name\" , \"n\":12 , \"t\":true}  ");
	struct gh_json v = parse(text), model = member(v, GH_STR("model"));

	(void)state;
	assert_ptr_equal(v.text.at, text.at + 1);
	assert_int_equal(v.text.len, text.len - 3);
	assert_ptr_equal(model.text.at, strstr(text.at, "\"org"));
	assert_true(gh_str_is(model.text, "\"org/name\""));
	assert_true(
		gh_str_is(member(v, GH_STR("messages")).text, "[ { \"a\" : \"]}\\\"\" } , [] ]"));
	assert_true(gh_str_is(member(v, GH_STR("n")).text, "12"));
	assert_true(gh_str_is(member(v, GH_STR("t")).text, "true"));
}

static void look_ups_can_follow_each_other(void **state)
{
	struct gh_json v = parse(GH_STR("{\"Self\":{\"ID\":\"n1\",\"Tags\":null,"
					"\"IPs\":[\"100.64.0.1\",\"fd7a::1\"]},\"Peer\":null}"));
	struct gh_json self = member(v, GH_STR("Self")), peer = member(v, GH_STR("Peer"));

	(void)state;
	check_string(member(self, GH_STR("ID")), GH_STR("n1"));
	assert_int_equal(gh_json_type(member(self, GH_STR("Tags"))), GH_JSON_NULL);
	/* Not there: in an object, in null, in an array, in a string, in nothing. */
	assert_int_equal(gh_json_get(v, GH_STR("self"), &self), 0);
	assert_int_equal(gh_json_get(v, GH_STR(""), &self), 0);
	assert_int_equal(gh_json_get(v, GH_STR("ID"), &self), 0);
	assert_int_equal(gh_json_type(self), GH_JSON_OBJECT);
	assert_int_equal(gh_json_get(peer, GH_STR("ID"), NULL), 0);
	assert_int_equal(gh_json_get(member(self, GH_STR("IPs")), GH_STR("100.64.0.1"), NULL), 0);
	assert_int_equal(gh_json_get(member(self, GH_STR("ID")), GH_STR("n1"), NULL), 0);
	assert_int_equal(gh_json_type(member(member(peer, GH_STR("a")), GH_STR("b"))),
			 GH_JSON_NONE);
}

static void doubled_names_are_counted(void **state)
{
	struct gh_json v =
		parse(GH_STR("{\"model\":\"a\",\"x\":{\"model\":0},\"mod\\u0065l\":\"b\","
			     "\"Model\":1,\"model \":2,\"model\":\"c\",\"y\":3}"));
	struct gh_json value;

	(void)state;
	assert_int_equal(gh_json_get(v, GH_STR("model"), &value), 3);
	check_string(value, GH_STR("c"));
	assert_int_equal(gh_json_get(v, GH_STR("model"), NULL), 3);
	assert_int_equal(gh_json_get(v, GH_STR("x"), &value), 1);
	assert_int_equal(gh_json_get(value, GH_STR("model"), &value), 1);
	assert_true(gh_str_is(value.text, "0"));
	assert_int_equal(gh_json_get(v, GH_STR("y"), &value), 1);
}

static void names_are_found_however_they_are_written(void **state)
{
	struct gh_json v =
		parse(GH_STR("{\"\\\\n\":1,\"\\n\":2,\"\":3,\"\\u0000\":4,\"\\\"\":5,"
			     "\"\xc3\xa9\":6,\"\\u20ac\":7,\"\\uD83D\\uDE00\":8,\"a\\/b\":9}"));
	static const struct {
		struct gh_str name;
		const char *value; /* NULL: none */
	} cases[] = {
		{ GH_STR_INIT("\\n"), "1" },
		{ GH_STR_INIT("\n"), "2" },
		{ GH_STR_INIT(""), "3" },
		{ GH_STR_INIT("\0"), "4" },
		{ GH_STR_INIT("\""), "5" },
		{ GH_STR_INIT("\xc3\xa9"), "6" },
		{ GH_STR_INIT("\xe2\x82\xac"), "7" },
		{ GH_STR_INIT("\xf0\x9f\x98\x80"), "8" },
		{ GH_STR_INIT("a/b"), "9" },
		{ GH_STR_INIT("\\\\n"), NULL },
		{ GH_STR_INIT("\\u0000"), NULL },
		{ GH_STR_INIT("\\u20ac"), NULL },
		{ GH_STR_INIT("\xe2\x82"), NULL },
		{ GH_STR_INIT("a\\/b"), NULL },
		{ GH_STR_INIT("n"), NULL },
	};

	(void)state;
	for (size_t i = 0; i < GH_COUNT_OF(cases); i++) {
		struct gh_json value;
		size_t count = gh_json_get(v, cases[i].name, &value);
		if (count != (cases[i].value ? 1 : 0))
			fail_msg("'" GH_FMT "': %zu", GH_ARG(cases[i].name), count);
		if (count)
			assert_true(gh_str_is(value.text, cases[i].value));
	}
}

static void elements_come_in_order(void **state)
{
	static const char *const expected[] = { "1",    "\"a,]\"", "[ 2 , [3] ]", "{\"x\":[]}",
						"null", "-4.5e+1", "\"\\\\\"",    "true" };
	struct gh_json v = parse(GH_STR("[1 ,\"a,]\",[ 2 , [3] ],\n{\"x\":[]},null , -4.5e+1,"
					"\"\\\\\", true ]"));
	struct gh_json_iterator it = gh_json_each(v);
	struct gh_json value, name = { GH_STR_INIT("x") };
	size_t count = 0;

	(void)state;
	while (gh_json_next(&it, &name, &value)) {
		assert_true(count < GH_COUNT_OF(expected));
		assert_true(gh_str_is(value.text, expected[count++]));
		assert_int_equal(gh_json_type(name), GH_JSON_NONE);
	}
	assert_int_equal(count, GH_COUNT_OF(expected));
	assert_false(gh_json_next(&it, NULL, &value));
}

static void members_come_in_order(void **state)
{
	struct gh_json v = parse(GH_STR("{ \"a\" : 1 ,\"b\\\"\":{\"c\":2},\"a\":[] }"));
	struct gh_json_iterator it = gh_json_each(v);
	struct gh_json name, value;

	(void)state;
	assert_true(gh_json_next(&it, &name, &value));
	check_string(name, GH_STR("a"));
	assert_true(gh_str_is(value.text, "1"));
	assert_true(gh_json_next(&it, &name, &value));
	check_string(name, GH_STR("b\""));
	assert_true(gh_str_is(value.text, "{\"c\":2}"));
	assert_true(gh_json_next(&it, NULL, &value));
	assert_true(gh_str_is(value.text, "[]"));
	assert_false(gh_json_next(&it, &name, &value));
	assert_false(gh_json_next(&it, &name, &value));
}

static void what_holds_nothing_is_empty(void **state)
{
	static const char *const empty[] = { "[]",   "{}",      "[ ]", "{\n}",
					     "null", "\"[1]\"", "12",  "true" };
	struct gh_json value;

	(void)state;
	for (size_t i = 0; i < GH_COUNT_OF(empty); i++) {
		struct gh_json_iterator it = gh_json_each(parse(gh_str(empty[i])));
		assert_false(gh_json_next(&it, NULL, &value));
	}
	struct gh_json_iterator it = gh_json_each((struct gh_json){ { NULL, 0 } });
	assert_false(gh_json_next(&it, NULL, &value));
}

static void strings_are_unescaped(void **state)
{
	static const struct {
		const char *json;
		struct gh_str text;
	} cases[] = {
		{ "\"\"", GH_STR_INIT("") },
		{ "\"plain\"", GH_STR_INIT("plain") },
		{ "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", GH_STR_INIT("\"\\/\b\f\n\r\t") },
		{ "\"a\\u0041b\"", GH_STR_INIT("aAb") },
		{ "\"\\u0000\"", GH_STR_INIT("\0") },
		{ "\"\\u007f\\u0080\\u07ff\"", GH_STR_INIT("\x7f\xc2\x80\xdf\xbf") },
		{ "\"\\u0800\\uD7FF\\uE000\\uFFFF\"",
		  GH_STR_INIT("\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf") },
		{ "\"\\uD800\\uDC00\\uD83D\\uDE00\\udbff\\udfff\"",
		  GH_STR_INIT("\xf0\x90\x80\x80\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf") },
		{ "\"\xe2\x82\xac\\n\xc3\xa4\"", GH_STR_INIT("\xe2\x82\xac\n\xc3\xa4") },
		{ "\"\\\\u0041\"", GH_STR_INIT("\\u0041") },
		{ "\"ends\\\\\"", GH_STR_INIT("ends\\") },
	};

	(void)state;
	for (size_t i = 0; i < GH_COUNT_OF(cases); i++) {
		struct gh_json v = parse(gh_str(cases[i].json));
		struct gh_str plain = { NULL, 4711 };
		char to[64];
		size_t len = 4711;

		check_string(v, cases[i].text);
		/* Room for exactly it, and one less. */
		assert_int_equal(gh_json_string(v, to, cases[i].text.len, &len), 0);
		if (cases[i].text.len) {
			len = 4711;
			assert_int_equal(gh_json_string(v, to, cases[i].text.len - 1, &len), -1);
			assert_int_equal(len, 4711);
		}
		if (gh_json_plain(v, &plain)) {
			assert_true(gh_str_eq(plain, cases[i].text));
			assert_ptr_equal(plain.at, cases[i].json + 1);
		} else {
			assert_non_null(strchr(cases[i].json, '\\'));
			assert_int_equal(plain.len, 4711);
		}
	}
}

static void only_strings_are_strings(void **state)
{
	static const char *const others[] = { "null", "12", "true", "[\"x\"]", "{\"x\":1}" };
	struct gh_str text;
	char to[16];
	size_t len;

	(void)state;
	for (size_t i = 0; i < GH_COUNT_OF(others); i++) {
		struct gh_json v = parse(gh_str(others[i]));
		assert_int_equal(gh_json_string(v, to, sizeof to, &len), -1);
		assert_false(gh_json_plain(v, &text));
		assert_false(gh_json_is(v, gh_str(others[i])));
	}
	assert_int_equal(gh_json_string((struct gh_json){ { NULL, 0 } }, to, sizeof to, &len), -1);
	assert_false(gh_json_is((struct gh_json){ { NULL, 0 } }, GH_STR("")));
}

static void a_string_is_not_what_it_begins_with(void **state)
{
	(void)state;
	assert_false(gh_json_is(parse(GH_STR("\"model\"")), GH_STR("mode")));
	assert_false(gh_json_is(parse(GH_STR("\"model\"")), GH_STR("models")));
	assert_false(gh_json_is(parse(GH_STR("\"model\\n\"")), GH_STR("model")));
	assert_false(gh_json_is(parse(GH_STR("\"mod\\u0065l\"")), GH_STR("mode")));
	assert_false(gh_json_is(parse(GH_STR("\"mod\\u0065l\"")), GH_STR("models")));
	assert_false(gh_json_is(parse(GH_STR("\"mod\\u0065l\"")), GH_STR("modal")));
	assert_false(gh_json_is(parse(GH_STR("\"\"")), GH_STR("a")));
	assert_false(gh_json_is(parse(GH_STR("\"a\"")), GH_STR("")));
}

static void strings_go_into_an_arena(void **state)
{
	struct gh_str text = { NULL, 4711 };
	struct gh__arena a;

	(void)state;
	gh__arena_init(&a, NULL, 0);
	assert_int_equal(gh__json_string(&a, parse(GH_STR("\"a\\u00e9\\n\"")), &text), 0);
	assert_int_equal(text.len, 4);
	assert_string_equal(text.at, "a\xc3\xa9\n");
	assert_int_equal(gh__json_string(&a, parse(GH_STR("\"\"")), &text), 0);
	assert_string_equal(text.at, "");
	text.len = 4711;
	assert_int_equal(gh__json_string(&a, parse(GH_STR("\"a\\u0000b\"")), &text), -1);
	assert_int_equal(gh__json_string(&a, parse(GH_STR("null")), &text), -1);
	assert_int_equal(text.len, 4711);
	gh__arena_finish(&a);
}

static void integers_are_read_and_nothing_like_them(void **state)
{
	static const struct {
		const char *text;
		bool good;
		int64_t number;
	} cases[] = {
		{ "0", true, 0 },
		{ "-0", true, 0 },
		{ "42", true, 42 },
		{ "-42", true, -42 },
		{ "9223372036854775807", true, INT64_MAX },
		{ "-9223372036854775808", true, INT64_MIN },
		{ "9223372036854775808", false, 0 },
		{ "-9223372036854775809", false, 0 },
		{ "18446744073709551616", false, 0 },
		{ "99999999999999999999999999", false, 0 },
		{ "1.0", false, 0 },
		{ "1e3", false, 0 },
		{ "\"1\"", false, 0 },
		{ "null", false, 0 },
		{ "true", false, 0 },
		{ "[]", false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < GH_COUNT_OF(cases); i++) {
		int64_t number = 4711;
		int r = gh_json_int(parse(gh_str(cases[i].text)), &number);
		if ((r == 0) != cases[i].good)
			fail_msg("%s: %d", cases[i].text, r);
		assert_true(number == (cases[i].good ? cases[i].number : 4711));
	}
	int64_t number = 4711;
	assert_int_equal(gh_json_int((struct gh_json){ { NULL, 0 } }, &number), -1);
}

static void booleans_are_read(void **state)
{
	bool b = false;

	(void)state;
	assert_int_equal(gh_json_bool(parse(GH_STR("true")), &b), 0);
	assert_true(b);
	assert_int_equal(gh_json_bool(parse(GH_STR("null")), &b), -1);
	assert_int_equal(gh_json_bool(parse(GH_STR("0")), &b), -1);
	assert_int_equal(gh_json_bool(parse(GH_STR("\"false\"")), &b), -1);
	assert_int_equal(gh_json_bool((struct gh_json){ { NULL, 0 } }, &b), -1);
	assert_true(b);
	assert_int_equal(gh_json_bool(parse(GH_STR("false")), &b), 0);
	assert_false(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(types_are_told_apart),
		cmocka_unit_test(a_value_is_exactly_its_bytes),
		cmocka_unit_test(look_ups_can_follow_each_other),
		cmocka_unit_test(doubled_names_are_counted),
		cmocka_unit_test(names_are_found_however_they_are_written),
		cmocka_unit_test(elements_come_in_order),
		cmocka_unit_test(members_come_in_order),
		cmocka_unit_test(what_holds_nothing_is_empty),
		cmocka_unit_test(strings_are_unescaped),
		cmocka_unit_test(only_strings_are_strings),
		cmocka_unit_test(a_string_is_not_what_it_begins_with),
		cmocka_unit_test(strings_go_into_an_arena),
		cmocka_unit_test(integers_are_read_and_nothing_like_them),
		cmocka_unit_test(booleans_are_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
