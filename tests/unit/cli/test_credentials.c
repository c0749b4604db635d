/* Credentials files with one entry more or less: what is written otherwise stays, byte for byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/cli/credentials.h"

static struct gh__arena arena;

static int setup(void **state)
{
	(void)state;
	gh__arena_init(&arena, NULL, 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	gh__arena_finish(&arena);
	return 0;
}

static struct gh__credentials read_good(const char *text)
{
	struct gh__credentials c;
	char why[GH__CREDENTIALS_WHY];

	if (gh__credentials_read(&arena, GH_STR("f"), gh_str(text), &c, why))
		fail_msg("'%s' is refused: %s", text, why);
	return c;
}

static const char *without(const char *text, enum gh__credential_kind kind, const char *name)
{
	struct gh__credentials c = read_good(text);
	const struct gh__credential *entry = gh__credentials_find(&c, kind, gh_str(name));
	struct gh_str bytes;
	static char why[GH__CREDENTIALS_WHY];

	if (!entry)
		fail_msg("no '%s' in '%s'", name, text);
	if (gh__credentials_without(&arena, &c, entry, &bytes, why))
		return why;
	assert_int_equal(strlen(bytes.at), bytes.len);
	return bytes.at;
}

static void assert_without(const char *text, const char *name, const char *expected)
{
	const char *got = without(text, GH__CREDENTIAL_KEY, name);

	if (strcmp(got, expected) != 0)
		fail_msg("'%s' without '%s' is\n'%s' and not\n'%s'", text, name, got, expected);
}

/* ---- Reading ---- */

static void entries_are_found_with_their_lines(void **state)
{
	(void)state;
	struct gh__credentials c = read_good(
		"\xef\xbb\xbf# \xc3\xa4\nusers:\n  \xc3\xa4nna: h\nkeys: { a: "
		"x, b: { key: y } }\n");
	const struct gh__credential *b = gh__credentials_find(&c, GH__CREDENTIAL_KEY, GH_STR("b"));

	assert_int_equal(c.count, 3);
	assert_non_null(gh__credentials_find(&c, GH__CREDENTIAL_USER, GH_STR("\xc3\xa4nna")));
	assert_null(gh__credentials_find(&c, GH__CREDENTIAL_KEY, GH_STR("\xc3\xa4nna")));
	assert_int_equal(b->line, 4);
	assert_true(gh_str_is(gh__yaml_get(b->value, GH_STR("key"))->text, "y"));
	assert_null(gh__yaml_get(b->value, GH_STR("models")));
	assert_int_equal(read_good("").count, 0);
	assert_int_equal(read_good("# nothing\n").count, 0);
	assert_int_equal(read_good("users:\nkeys:\n").count, 0);
}

static void what_is_no_credentials_file_is_refused_with_its_place(void **state)
{
	(void)state;
	static const char *const bad[][2] = {
		{ "routes:\n  - handle: []\n", "f:1:1: only `users:` and `keys:` belong here" },
		{ "- a\n", "f:1:1: the file begins with" },
		{ "text\n", "f:1:1: the file begins with" },
		{ "keys: [a]\n", "f:1:7: a mapping of names" },
		{ "keys: {}\nkeys: {}\n", "f:2:1: only `users:` and `keys:` belong here, once" },
		{ "keys:\n  a: x\n  a: y\n", "f:3:3: this name is there twice" },
		{ "keys:\n  ? [a]\n  : x\n", "f:2:5: a name belongs here" },
		{ "keys: {}\n---\nkeys: {}\n", "f:2:1: a second document" },
		{ "keys:\n  a: &k x\n  b: *k\n", "f:3:6: an alias is not taken" },
		{ "keys: {a\n", "f:2:1: " },
		{ "keys:\n\ta: x\n", "f:2:1: " },
		{ "keys:\n  a: \xff\n", "f: this is no text in UTF-8" },
		{ "keys: { a: [[[[[[[[[[[[[[[[[[x]]]]]]]]]]]]]]]]]] }\n",
		  "f:1:26: this is nested too deep" },
	};

	for (size_t i = 0; i < GH_COUNT_OF(bad); i++) {
		char why[GH__CREDENTIALS_WHY] = "";
		struct gh__credentials c;

		if (gh__credentials_read(&arena, GH_STR("f"), gh_str(bad[i][0]), &c, why) == 0 ||
		    strncmp(why, bad[i][1], strlen(bad[i][1])) != 0)
			fail_msg("'%s' gives '%s'", bad[i][0], why);
	}
}

/* ---- Out ---- */

static void a_line_goes_and_its_comment_with_it(void **state)
{
	(void)state;
	assert_without("# top\nkeys:\n  # of a\n  a: x # its own\n\n  b: \"y\"\n# end", "a",
		       "# top\nkeys:\n  # of a\n\n  b: \"y\"\n# end");
	assert_without("keys:\n  a: x\n  b: 'y'   \n  c: z\n", "b", "keys:\n  a: x\n  c: z\n");
	assert_without("keys:\n  a: x\n  b: y", "b", "keys:\n  a: x\n");
	assert_without("keys:\n  a: x\nusers:\n  a: h\n", "a", "keys:\nusers:\n  a: h\n");
	assert_without("keys:\n  a: x # of nobody else\n", "a", "keys:\n");
	assert_without("  keys:\n      a: x\n      b: y\n", "a", "  keys:\n      b: y\n");
	assert_without("keys:\r\n  a: x\r\n  b: y\r\n", "a", "keys:\r\n  b: y\r\n");
	assert_without("keys:\n  'a':\t\"x\"\t# tabs\n  b: y\n", "a", "keys:\n  b: y\n");
	assert_without("keys:\n  \"a\" : x\n  b: y\n", "a", "keys:\n  b: y\n");
	assert_without("\xef\xbb\xbfkeys:\n  \xc3\xa4: x\n  b: \xf0\x9f\x94\x91\n  c: z\n", "b",
		       "\xef\xbb\xbfkeys:\n  \xc3\xa4: x\n  c: z\n");
	assert_string_equal(without("users:\n  a: h\nkeys:\n  a: x\n", GH__CREDENTIAL_USER, "a"),
			    "users:\nkeys:\n  a: x\n");
}

static void an_entry_of_many_lines_goes_whole(void **state)
{
	(void)state;
	assert_without(
		"keys:\n  a:\n    key: x\n    # inside\n    models:\n      - m\n      - n # last\n"
		"  # of b\n  b: y\n",
		"a", "keys:\n  # of b\n  b: y\n");
	assert_without("keys:\n  a: { key: x,\n       models: [m,\n                n] }\n  b: y\n",
		       "a", "keys:\n  b: y\n");
	assert_without(
		"keys:\n  b: y\n  a:\n    key: x\n    limits:\n    - { tokens: 1, window: 1m }\n\n"
		"users:\n  u: h\n",
		"a", "keys:\n  b: y\n\nusers:\n  u: h\n");
	assert_without("keys:\n  a:\n    \"x\n     y\"\n  b: y\n", "a", "keys:\n  b: y\n");
	assert_without("keys:\n  a:\n  b: y\n", "a", "keys:\n  b: y\n");
}

static void between_braces_one_comma_goes_too(void **state)
{
	(void)state;
	assert_without("keys: { a: x, b: y, c: z } # all\n", "a", "keys: { b: y, c: z } # all\n");
	assert_without("keys: { a: x, b: y, c: z }\n", "b", "keys: { a: x, c: z }\n");
	assert_without("keys: { a: x, b: y, c: z }\n", "c", "keys: { a: x, b: y }\n");
	assert_without("keys: {a: x}\n", "a", "keys: {}\n");
	assert_without("keys: { \"a\": { key: x, models: [m, n] }, b: y }\n", "a",
		       "keys: { b: y }\n");
	assert_without("{ users: { a: h }, keys: { a: x } }\n", "a",
		       "{ users: { a: h }, keys: {  } }\n");
	assert_without("keys: {\n  a: x,\n  b: y,\n}\n", "a", "keys: {\n  b: y,\n}\n");
	assert_without("keys: {\n  a: x,\n  b: y\n}\n", "b", "keys: {\n  a: x\n}\n");
	assert_without("keys: { a: \"x, }\", b: '#' }\n", "a", "keys: { b: '#' }\n");
}

static void what_cannot_be_taken_out_safely_is_for_hands(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"keys:\n  a: |\n    x\n  b: y\n",   /* a block of text */
		"keys:\n  ? a\n  : x\n  b: y\n",    /* a name of another form */
		"keys:\r  a: x\r  b: y\r",          /* lines that end otherwise */
		"keys: { a: x # why\n  , b: y }\n", /* a comment before the comma */
	};

	for (size_t i = 0; i < GH_COUNT_OF(texts); i++) {
		const char *got = without(texts[i], GH__CREDENTIAL_KEY, "a");

		if (!strstr(got, "f:") || !strstr(got, "by hand"))
			fail_msg("'%s' became '%s'", texts[i], got);
	}
}

/* Whatever is taken out of a file, in whatever order: every other entry is as it was. */
static void each_of_many_can_go_first(void **state)
{
	(void)state;
	static const char text[] = "# a file\nusers: # people\n  u1: \"$argon2id$\" # 1\n"
				   "  'u 2': {password: x, models: [a,b]}\n\nkeys:\n"
				   "  k1:\n    key: \"x\"\n    expires: 2027-01-31 # soon\n"
				   "  # about k2\n  k2:   y\n  \"k3\":\n    { key: z }\n";
	struct gh__credentials all = read_good(text);

	for (size_t i = 0; i < all.count; i++) {
		const struct gh__credential *gone = all.items + i;
		struct gh_str bytes;
		char why[GH__CREDENTIALS_WHY];
		struct gh__credentials rest;

		if (gh__credentials_without(&arena, &all, gone, &bytes, why))
			fail_msg("%s", why);
		rest = read_good(bytes.at);
		assert_int_equal(rest.count, all.count - 1);
		for (size_t k = 0; k < all.count; k++) {
			const struct gh__credential *e = all.items + k;
			const struct gh__credential *there = gh__credentials_find(&rest, e->kind,
										  e->name);

			assert_int_equal(there != NULL, k != i);
			if (there)
				assert_true(gh__yaml_same(there->value, e->value));
		}
		assert_non_null(strstr(bytes.at, "# a file\nusers: # people\n"));
		assert_non_null(strstr(bytes.at, "# about k2\n"));
	}
}

/* ---- In ---- */

static const struct gh_str two_limits[] = {
	GH_STR_INIT("{ requests: 30, window: 1m }"),
	GH_STR_INIT("{ tokens: 2M, window: 1d }"),
};

static const char *with(const char *text, const struct gh__new_key *key)
{
	struct gh__credentials c = read_good(text);
	struct gh_str bytes;
	static char why[GH__CREDENTIALS_WHY];

	if (gh__credentials_with(&arena, &c, key, &bytes, why))
		return why;
	assert_int_equal(strlen(bytes.at), bytes.len);
	return bytes.at;
}

static void assert_with(const char *text, const char *expected)
{
	const struct gh__new_key key = { .name = GH_STR_INIT("new"), .key = GH_STR_INIT("\"k\"") };
	const char *got = with(text, &key);

	if (strcmp(got, expected) != 0)
		fail_msg("'%s' became\n'%s' and not\n'%s'", text, got, expected);
}

static void a_key_goes_behind_the_others(void **state)
{
	(void)state;
	assert_with("", "keys:\n  new: \"k\"\n");
	assert_with("# only words", "# only words\nkeys:\n  new: \"k\"\n");
	assert_with("users:\n  u: h\n", "users:\n  u: h\nkeys:\n  new: \"k\"\n");
	assert_with("keys:\n", "keys:\n  new: \"k\"\n");
	assert_with("keys: # none yet\nusers:\n  u: h\n",
		    "keys: # none yet\n  new: \"k\"\nusers:\n  u: h\n");
	assert_with("keys:\n      a: x # of a\n# end\nusers:\n  u: h\n",
		    "keys:\n      a: x # of a\n      new: \"k\"\n# end\nusers:\n  u: h\n");
	assert_with("keys:\n  a: x", "keys:\n  a: x\n  new: \"k\"\n");
	assert_with("keys:\r\n  a: x\r\n", "keys:\r\n  a: x\r\n  new: \"k\"\r\n");
	assert_with("users:\r\n  u: h", "users:\r\n  u: h\r\nkeys:\r\n  new: \"k\"\r\n");
	assert_with("  users:\n    u: h\n", "  users:\n    u: h\n  keys:\n    new: \"k\"\n");
	assert_with("keys:\n  a:\n    key: x\n    models:\n      - m\n\nusers:\n  u: h\n",
		    "keys:\n  a:\n    key: x\n    models:\n      - m\n  new: \"k\"\n\nusers:\n  u: "
		    "h\n");
	assert_with("keys: {}\n", "keys: { new: \"k\" }\n");
	assert_with("keys: { a: x } # one\n", "keys: { a: x, new: \"k\" } # one\n");
	assert_with("keys: {a: x}\n", "keys: {a: x, new: \"k\" }\n");
	assert_with("keys: {\n  a: x,\n}\n", "keys: {\n  a: x, new: \"k\"\n}\n");
}

static void a_bound_key_has_its_lines_or_its_braces(void **state)
{
	(void)state;
	const struct gh__new_key key = {
		.name = GH_STR_INIT("\"-n\""),
		.key = GH_STR_INIT("\"k\""),
		.models = GH_STR_INIT("[a, \"b:c\"]"),
		.expires = GH_STR_INIT("2027-01-31"),
		.priority = GH_STR_INIT("low"),
		.limits = two_limits,
		.limit_count = 2,
	};

	assert_string_equal(with("keys:\n    a: x\n", &key),
			    "keys:\n    a: x\n    \"-n\":\n      key: \"k\"\n      models: [a, "
			    "\"b:c\"]\n      expires: 2027-01-31\n      priority: low\n      "
			    "limits:\n        - { requests: 30, window: 1m }\n        - { tokens: "
			    "2M, window: 1d }\n");
	assert_string_equal(with("keys: {}\n", &key),
			    "keys: { \"-n\": { key: \"k\", models: [a, \"b:c\"], expires: "
			    "2027-01-31, priority: low, limits: [{ requests: 30, window: 1m }, { "
			    "tokens: 2M, window: 1d }] } }\n");
}

static void where_nothing_can_be_put_safely_it_is_for_hands(void **state)
{
	(void)state;
	const struct gh__new_key key = { .name = GH_STR_INIT("new"), .key = GH_STR_INIT("\"k\"") };
	static const char *const texts[] = {
		"{ users: { u: h } }\n", /* all in braces */
		"{}\n",
		"keys: { a: x # why\n}\n", /* it would become a part of the comment */
		"users:\n  u: h\n...\n",   /* the document has ended */
		"keys: ~\n# what is that\n",
	};

	for (size_t i = 0; i < GH_COUNT_OF(texts); i++) {
		struct gh__credentials c;
		char why[GH__CREDENTIALS_WHY];

		if (gh__credentials_read(&arena, GH_STR("f"), gh_str(texts[i]), &c, why))
			continue; /* refused already */
		const char *got = with(texts[i], &key);

		if (!strstr(got, "nothing can be put into safely"))
			fail_msg("'%s' became '%s'", texts[i], got);
	}
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(entries_are_found_with_their_lines),
		TEST(what_is_no_credentials_file_is_refused_with_its_place),
		TEST(a_line_goes_and_its_comment_with_it),
		TEST(an_entry_of_many_lines_goes_whole),
		TEST(between_braces_one_comma_goes_too),
		TEST(what_cannot_be_taken_out_safely_is_for_hands),
		TEST(each_of_many_can_go_first),
		TEST(a_key_goes_behind_the_others),
		TEST(a_bound_key_has_its_lines_or_its_braces),
		TEST(where_nothing_can_be_put_safely_it_is_for_hands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
