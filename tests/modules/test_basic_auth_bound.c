/*
 * What keys and users are bound to: as the credentials file says it, and what is wrong there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "modules/basic-auth/book.h"
#include "modules/basic-auth/file.h"
#include "modules/basic-auth/value.h"

#define ARGON2 \
	"$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
/* SHA-256 of "abc" and of "", of FIPS 180. */
#define ABC     "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define NOTHING "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static const struct basic_auth_key *key_in(const struct basic_auth_book *book, struct gh_str key)
{
	struct basic_auth_recent recent = { .drawn = false };

	return basic_auth_book_key(book, &recent, key);
}

static struct basic_auth_book *parse(const char *yaml, char *why, size_t size)
{
	struct basic_auth_book *book = basic_auth_book_create();
	/* Of the exact size, for the sanitizer. */
	size_t len = strlen(yaml);
	char *bytes = malloc(len + 1);
	unsigned line;

	memcpy(bytes, yaml, len);

	int rc = basic_auth_file_parse("f", (struct gh_str){ bytes, len }, book, why, size);

	free(bytes);
	if (rc == 0 && basic_auth_book_seal(book, &line, why, size) == 0)
		return book;
	basic_auth_book_destroy(book);
	return NULL;
}

static struct basic_auth_book *parse_good(const char *yaml)
{
	char why[600] = "";
	struct basic_auth_book *book = parse(yaml, why, sizeof(why));

	if (book == NULL)
		fail_msg("'%s' is refused: %s", yaml, why);
	return book;
}

static void assert_limit(const struct gh_limit *l, enum gh_unit unit, int64_t amount,
			 int64_t window_ms)
{
	assert_int_equal(l->unit, unit);
	assert_int_equal(l->amount, amount);
	assert_int_equal(l->burst, amount);
	assert_int_equal(l->window_ms, window_ms);
}

static void a_key_and_a_user_are_bound(void **state)
{
	(void)state;
	struct basic_auth_book *book = parse_good(
		"users:\n"
		"  anna: \"" ARGON2 "\"\n"
		"  ben: { password: \"" ARGON2 "\", models: [local-llm], priority: low }\n"
		"keys:\n"
		"  laptop: \"" NOTHING "\"\n"
		"  phone:\n"
		"    key: \"" ABC "\"\n"
		"    models: [local-llm, 'org/llama3:8b']\n"
		"    expires: 2027-01-31\n"
		"    priority: high\n"
		"    limits:\n"
		"      - { requests: 30, tokens: 100k, window: 1m }\n"
		"      - { tokens: 2M, window: 1d }\n");

	assert_null(basic_auth_book_user(book, GH_STR("anna"))->bound);
	assert_null(key_in(book, GH_STR(""))->bound);

	const struct basic_auth_bound *b = basic_auth_book_user(book, GH_STR("ben"))->bound;

	assert_non_null(b);
	assert_int_equal(b->model_count, 1);
	assert_true(gh_str_is(b->models[0], "local-llm"));
	assert_int_equal(b->priority, GH_PRIORITY_LOW);
	assert_int_equal(b->expires, 0);
	assert_int_equal(b->limit_count, 0);
	b = key_in(book, GH_STR("abc"))->bound;
	assert_int_equal(b->model_count, 2);
	assert_true(gh_str_is(b->models[1], "org/llama3:8b"));
	assert_int_equal(b->priority, GH_PRIORITY_HIGH);
	assert_int_equal(b->expires, 1801440000); /* 2027-02-01T00:00:00Z, by date(1) */
	assert_int_equal(b->limit_count, 3);
	assert_limit(&b->limits[0], GH_REQUESTS, 30, 60000);
	assert_limit(&b->limits[1], GH_TOKENS, 100000, 60000);
	assert_limit(&b->limits[2], GH_TOKENS, 2000000, 86400000);
	basic_auth_book_destroy(book);
}

static void one_item_needs_no_list_and_a_mapping_may_bind_nothing(void **state)
{
	(void)state;
	struct basic_auth_book *book = parse_good(
		"keys: { a: { key: " ABC ", models: m, limits: { requests: 1k, window: "
		"12h }, priority: normal }, b: { key: " NOTHING " } }\n");
	const struct basic_auth_bound *a = key_in(book, GH_STR("abc"))->bound;
	const struct basic_auth_bound *b = key_in(book, GH_STR(""))->bound;

	assert_int_equal(a->model_count, 1);
	assert_int_equal(a->limit_count, 1);
	assert_limit(&a->limits[0], GH_REQUESTS, 1000, 43200000);
	assert_int_equal(b->model_count + b->limit_count, 0);
	assert_int_equal(b->expires, 0);
	basic_auth_book_destroy(book);
}

static void mistakes_have_their_place_and_mend(void **state)
{
	(void)state;
#define LIMIT        "      - { requests: 1, tokens: 1, window: 1m }\n"
#define KEY(members) "keys:\n  a:\n    key: " ABC "\n" members
	static const struct {
		const char *yaml, *says;
	} bad[] = {
		{ "keys:\n  a: {}\n", "f:2:3: this key has no `key`; `gatehouse key new" },
		{ "keys:\n  a: { models: m }\n", "f:2:3: this key has no `key`" },
		{ "users:\n  a: { models: m }\n",
		  "f:2:3: this user has no `password`; `gatehouse hash" },
		{ "keys:\n  a: { kye: " ABC " }\n",
		  "f:2:8: did you mean `key`? Only `key`, `models`, `expires`, `priority`, "
		  "`limits` belong here" },
		{ KEY("    modles: m\n"), "f:4:5: did you mean `models`?" },
		{ KEY("    budget: 5\n"), "f:4:5: only `key`, `models`," },
		{ KEY("    password: x\n"), "f:4:5: only `key`, `models`," },
		{ "users:\n  a: { pasword: x }\n", "f:2:8: did you mean `password`?" },
		{ KEY("    ? [x]\n    : y\n"), "f:4:7: only `key`, `models`," },
		{ KEY("    key: " ABC "\n"), "f:4:5: `key` is there twice" },
		{ "keys:\n  a: { key: [x] }\n", "f:2:13: sha256: and 64" },
		{ "keys:\n  a: { key: sk-123 }\n", "f:2:13: a key is kept as sha256:" },
		{ "users:\n  a: { password: secret }\n", "f:2:18: this is neither" },
		{ "users:\n  a: { password: {} }\n", "f:2:18: the hash of a password" },
		{ KEY("    models: []\n"), "f:4:13: there is no model in this list" },
		{ KEY("    models:\n"), "f:4:12: the name of a model belongs here" },
		{ KEY("    models: { a: b }\n"), "f:4:13: the name of a model belongs here" },
		{ KEY("    models: [a, [b]]\n"), "f:4:17: the name of a model belongs here" },
		{ KEY("    models: [a, b, a]\n"), "f:4:20: this model is there twice" },
		{ KEY("    models: [a, '']\n"), "f:4:17: the name of a model has 0 bytes" },
		{ KEY("    models: '*'\n"), "f:4:13: names of models are compared whole" },
		{ KEY("    models: \"a\\nb\"\n"), "f:4:13: the name of a model has a control" },
		{ KEY("    expires: never\n"), "f:4:14: a day belongs here, such as 2027-01-31" },
		{ KEY("    expires:\n"), "f:4:13: a day belongs here" },
		{ KEY("    expires: 2027-02-29\n"), "f:4:14: a day belongs here" },
		{ KEY("    expires: [2027-01-01]\n"), "f:4:14: a day belongs here" },
		{ KEY("    priority: urgent\n"), "f:4:15: `priority` is low, normal or high" },
		{ KEY("    priority: { a: b }\n"), "f:4:15: `priority` is low" },
		{ KEY("    limits: []\n"), "f:4:13: there is no limit in this list" },
		{ KEY("    limits: 5\n"), "f:4:13: a limit belongs here, such as" },
		{ KEY("    limits: [x]\n"), "f:4:14: a limit belongs here" },
		{ KEY("    limits: [[]]\n"), "f:4:14: a limit belongs here" },
		{ KEY("    limits: [{ requests: 5 }]\n"), "f:4:14: a limit needs `window` and" },
		{ KEY("    limits: [{ window: 1m }]\n"), "f:4:14: a limit needs `window` and" },
		{ KEY("    limits: [{}]\n"), "f:4:14: a limit needs" },
		{ KEY("    limits: [{ requests: 0, window: 1m }]\n"), "f:4:26: `requests` is a" },
		{ KEY("    limits: [{ requests: -1, window: 1m }]\n"), "f:4:26: `requests` is a" },
		{ KEY("    limits: [{ tokens: 1T, window: 1m }]\n"), "f:4:24: `tokens` is a" },
		{ KEY("    limits: [{ tokens: 1001G, window: 1m }]\n"), "f:4:24: `tokens` is a" },
		{ KEY("    limits: [{ tokens: 5, window: 1 }]\n"), "f:4:35: `window` is a time" },
		{ KEY("    limits: [{ tokens: 5, window: 367d }]\n"),
		  "f:4:35: `window` is a time" },
		{ KEY("    limits: [{ tokens: 5, windw: 1m }]\n"),
		  "f:4:27: did you mean `window`? Only `requests`, `tokens`, `window` belong" },
		{ KEY("    limits: [{ tokens: 5, tokens: 6 }]\n"),
		  "f:4:27: `tokens` is there twice" },
		{ KEY("    limits:\n" LIMIT LIMIT LIMIT LIMIT LIMIT),
		  "f:9:9: there are more than 8 limits" },
		{ "keys:\n  a: &x { key: " ABC " }\n  b: *x\n", "f:3:6: a name stands here with" },
		{ "keys: { a: { key: " ABC ", models: [a\n", "f:" },
	};

	for (size_t i = 0; i < GH_COUNT_OF(bad); i++) {
		char why[600] = "";
		struct basic_auth_book *book = parse(bad[i].yaml, why, sizeof(why));

		if (book != NULL || strncmp(why, bad[i].says, strlen(bad[i].says)) != 0)
			fail_msg("'%s' gives '%s'", bad[i].yaml, why);
	}
}

static void secrets_that_stand_as_themselves_are_not_repeated(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"users:\n  a: { password: hunter2 }\n",
		"keys:\n  a: { key: hunter2 }\n",
		"keys:\n  a: { hunter2: x }\n",
		"keys:\n  a: { key: " ABC ", expires: hunter2 }\n",
	};

	for (size_t i = 0; i < GH_COUNT_OF(bad); i++) {
		char why[600] = "";

		assert_null(parse(bad[i], why, sizeof(why)));
		assert_null(strstr(why, "hunter2"));
	}
}

static void sixty_four_models_are_enough(void **state)
{
	(void)state;
	for (int count = 64; count <= 65; count++) {
		char yaml[2000], why[600] = "";
		size_t at = (size_t)snprintf(yaml, sizeof(yaml),
					     "keys: { a: { key: " ABC ", models: [");

		for (int i = 0; i < count; i++)
			at += (size_t)snprintf(yaml + at, sizeof(yaml) - at, "m%d, ", i);
		snprintf(yaml + at, sizeof(yaml) - at, "] } }\n");

		struct basic_auth_book *book = parse(yaml, why, sizeof(why));

		assert_int_equal(book != NULL, count == 64);
		if (book == NULL)
			assert_non_null(strstr(why, "more than 64 models"));
		basic_auth_book_destroy(book);
	}
}

/* ---- Values ---- */

static void a_day_is_good_to_its_end_and_a_moment_until_it_comes(void **state)
{
	(void)state;
	/* By date(1): date -u -d TEXT +%s. */
	static const struct {
		const char *text;
		int64_t over;
	} good[] = {
		{ "2027-01-31", 1801440000 },         { "2027-01-31T12:00:00Z", 1801396800 },
		{ "2024-02-29", 1709251200 },         { "2000-02-29T23:59:59Z", 951868799 },
		{ "1971-01-01T00:00:00Z", 31536000 }, { "2100-02-28", 4107542400 },
		{ "2027-12-31", 1830297600 },         { "9999-12-31T23:59:59Z", 253402300799 },
	};
	static const char *const bad[] = {
		"",
		"2027",
		"2027-1-31",
		"2027-01-32",
		"2027-00-10",
		"2027-13-01",
		"2027-01-00",
		"2100-02-29",
		"1970-12-31",
		"2027/01/31",
		"2027-01-31 ",
		" 2027-01-31",
		"2027-01-31T12:00:00",
		"2027-01-31T12:00:00z",
		"2027-01-31 12:00:00Z",
		"2027-01-31T24:00:00Z",
		"2027-01-31T12:60:00Z",
		"2027-01-31T12:00:60Z",
		"2027-01-31T12:00:00+02:00",
		"2027-01-31T12:00:0xZ",
		"+027-01-31",
	};
	int64_t over = 7;

	for (size_t i = 0; i < GH_COUNT_OF(good); i++) {
		if (basic_auth_expiry_read(gh_str(good[i].text), &over) != 0)
			fail_msg("'%s' is refused", good[i].text);
		assert_int_equal(over, good[i].over);
	}
	over = 7;
	for (size_t i = 0; i < GH_COUNT_OF(bad); i++)
		if (basic_auth_expiry_read(gh_str(bad[i]), &over) == 0)
			fail_msg("'%s' is taken", bad[i]);
	assert_int_equal(over, 7);
}

static void it_is_over_from_that_second_on(void **state)
{
	(void)state;
	struct basic_auth_bound b = { .expires = 1801440000 }, never = { 0 };

	assert_false(basic_auth_bound_is_over(&b, 1801439999));
	assert_true(basic_auth_bound_is_over(&b, 1801440000));
	assert_true(basic_auth_bound_is_over(&b, INT64_MAX));
	assert_false(basic_auth_bound_is_over(&never, INT64_MAX));
	assert_false(basic_auth_bound_is_over(NULL, INT64_MAX));
}

static void counts_and_durations_are_those_of_the_config(void **state)
{
	(void)state;
	static const char *const bad[] = { "",
					   "k",
					   "1kk",
					   "1 k",
					   "1K",
					   "1.5k",
					   "0",
					   "-1",
					   "+1",
					   "1m",
					   "0x1",
					   "1T",
					   "99999999999999999999",
					   "1e3",
					   " 1",
					   "1 " };
	static const char *const bad_times[] = { "",     "1",  "1D",
						 "1 m",  "0s", "1w",
						 "1.5h", "60", "9223372036854775807d" };
	int64_t n;

	assert_int_equal(basic_auth_count_read(GH_STR("100"), 1000, &n), 0);
	assert_int_equal(n, 100);
	assert_int_equal(basic_auth_count_read(GH_STR("2M"), 2000000, &n), 0);
	assert_int_equal(n, 2000000);
	assert_int_equal(basic_auth_count_read(GH_STR("2M"), 1999999, &n), -1);
	for (size_t i = 0; i < GH_COUNT_OF(bad); i++)
		if (basic_auth_count_read(gh_str(bad[i]), INT64_MAX, &n) == 0)
			fail_msg("'%s' is taken", bad[i]);
	assert_int_equal(basic_auth_duration_read(GH_STR("250ms"), 1000, &n), 0);
	assert_int_equal(n, 250);
	assert_int_equal(basic_auth_duration_read(GH_STR("12h"), INT64_MAX, &n), 0);
	assert_int_equal(n, 43200000);
	for (size_t i = 0; i < GH_COUNT_OF(bad_times); i++)
		if (basic_auth_duration_read(gh_str(bad_times[i]), INT64_MAX, &n) == 0)
			fail_msg("'%s' is taken", bad_times[i]);
}

static void the_nearest_word_is_near(void **state)
{
	(void)state;
	static const char *const words[] = { "key", "models", "expires", "limits", NULL };

	assert_string_equal(basic_auth_nearest(GH_STR("model"), words), "models");
	assert_string_equal(basic_auth_nearest(GH_STR("Expires"), words), "expires");
	assert_string_equal(basic_auth_nearest(GH_STR("expire"), words), "expires");
	assert_string_equal(basic_auth_nearest(GH_STR("kex"), words), "key");
	assert_null(basic_auth_nearest(GH_STR("xyz"), words));
	assert_null(basic_auth_nearest(GH_STR("k"), words));
	assert_null(basic_auth_nearest(GH_STR(""), words));
	assert_null(basic_auth_nearest(GH_STR("expiresexpiresexpiresexpiresexpires"), words));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_and_a_user_are_bound),
		cmocka_unit_test(one_item_needs_no_list_and_a_mapping_may_bind_nothing),
		cmocka_unit_test(mistakes_have_their_place_and_mend),
		cmocka_unit_test(secrets_that_stand_as_themselves_are_not_repeated),
		cmocka_unit_test(sixty_four_models_are_enough),
		cmocka_unit_test(a_day_is_good_to_its_end_and_a_moment_until_it_comes),
		cmocka_unit_test(it_is_over_from_that_second_on),
		cmocka_unit_test(counts_and_durations_are_those_of_the_config),
		cmocka_unit_test(the_nearest_word_is_near),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
