/*
 * The promises of basic-auth, on the real chain. What a login costs is counted in computed hashes,
 * not clocked: the two functions that compute them are defined here, count, and call the library's.
 */
#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <argon2.h>
#include <cmocka.h>
#include <crypt.h>

#include <gatehouse/test.h>

extern const struct gh_module gh_module_basic_auth;

/* ---- Counting ---- */

static atomic_uint argon2s, bcrypts, memory_of_last;

int argon2_ctx(argon2_context *context, argon2_type type)
{
	int (*real)(argon2_context *, argon2_type) =
		(int (*)(argon2_context *, argon2_type))dlsym(RTLD_NEXT, "argon2_ctx");

	atomic_fetch_add(&argon2s, 1);
	atomic_store(&memory_of_last, context->m_cost);
	return real(context, type);
}

char *crypt_r(const char *phrase, const char *setting, struct crypt_data *data)
{
	char *(*real)(const char *, const char *, struct crypt_data *) =
		(char *(*)(const char *, const char *, struct crypt_data *))dlsym(RTLD_NEXT,
										  "crypt_r");

	atomic_fetch_add(&bcrypts, 1);
	return real(phrase, setting, data);
}

static unsigned hashes(void)
{
	return atomic_exchange(&argon2s, 0) + atomic_exchange(&bcrypts, 0);
}

/* ---- Fixtures ---- */

/* Of the reference implementation: "password" with the salt "somesalt". */
#define HASH "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
/* Of crypt_blowfish: "U*U". */
#define BCRYPT "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"
/* SHA-256 of "abc", of FIPS 180. */
#define ABC "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

#define USERS "users: { alice: \"" HASH "\", old: \"" BCRYPT "\" }\n"
#define KEYS  "keys: { laptop: \"" ABC "\" }\n"

#define ALICE       "Authorization: Basic YWxpY2U6cGFzc3dvcmQ=\r\n"     /* alice:password */
#define ALICE_WRONG "Authorization: Basic YWxpY2U6UGFzc3dvcmQ=\r\n"     /* alice:Password */
#define MALLORY     "Authorization: Basic bWFsbG9yeTpwYXNzd29yZA==\r\n" /* mallory:password */
#define OLD         "Authorization: Basic b2xkOlUqVQ==\r\n"             /* old:U*U */

static struct gh_test *begin(const char *options)
{
	struct gh_test *t = gh_test_begin(&gh_module_basic_auth, options);

	if (t == NULL)
		fail_msg("refused: %s", gh_test_mistakes());
	hashes();
	return t;
}

static const struct gh_test_answer *get(struct gh_test *t, const char *headers)
{
	return gh_test_send(t, "GET", "/v1/models", headers, NULL);
}

static int status(struct gh_test *t, const char *headers)
{
	const struct gh_test_answer *a = get(t, headers);

	assert_int_equal(a->reached, a->status == 200);
	return a->status;
}

static bool has(const char *text, const char *part)
{
	return text != NULL && strstr(text, part) != NULL;
}

static unsigned lines_with(const char *text, const char *part)
{
	unsigned count = 0;

	for (; text != NULL && (text = strstr(text, part)) != NULL; text++)
		count++;
	return count;
}

/* ---- Who gets in ---- */

static void a_user_gets_in_and_is_named(void **state)
{
	(void)state;
	struct gh_test *t = begin(USERS KEYS);
	const struct gh_test_answer *a = get(t, ALICE);

	assert_int_equal(a->status, 200);
	assert_true(a->reached);
	assert_string_equal(a->caller, "alice");
	a = get(t, OLD);
	assert_int_equal(a->status, 200);
	assert_string_equal(a->caller, "old");
	gh_test_end(t);
}

static void a_key_gets_in_by_bearer_by_x_api_key_and_as_a_basic_password(void **state)
{
	(void)state;
	static const char *const ways[] = {
		"Authorization: Bearer abc\r\n",
		"authorization: bearer abc\r\n",
		"x-api-key: abc\r\n",
		"X-Api-Key: abc\r\n",
		"Authorization: Basic bGFwdG9wOmFiYw==\r\n", /* laptop:abc */
		"Authorization: Basic OmFiYw==\r\n",         /* :abc */
	};
	struct gh_test *t = begin(USERS KEYS);

	for (size_t i = 0; i < GH_COUNT_OF(ways); i++) {
		const struct gh_test_answer *a = get(t, ways[i]);

		assert_int_equal(a->status, 200);
		assert_string_equal(a->caller, "laptop");
		assert_int_equal(hashes(), 0);
	}
	gh_test_end(t);
}

static void all_others_stay_out(void **state)
{
	(void)state;
	static const char *const others[] = {
		NULL,
		ALICE_WRONG,
		MALLORY,
		"Authorization: Bearer abd\r\n",
		"Authorization: Bearer " ABC "\r\n",
		"Authorization: Bearer alice:password\r\n",
		"Authorization: Bearer\r\n",
		"Authorization: abc\r\n",
		"x-api-key: ab\r\n",
		"x_api_key: abc\r\n",
		"Cookie: key=abc\r\n",
		"Proxy-Authorization: Bearer abc\r\n",
		"Authorization: Basic YWxpY2U6\r\n",             /* alice: */
		"Authorization: Basic OnBhc3N3b3Jk\r\n",         /* :password */
		"Authorization: Basic YWxpY2U=\r\n",             /* alice */
		"Authorization: Basic QWxpY2U6cGFzc3dvcmQ=\r\n", /* Alice:password */
		"Authorization: Bearer abc\r\nAuthorization: Bearer abc\r\n",
		"Authorization: Bearer abd\r\nAuthorization: Bearer abc\r\n",
		"x-api-key: abc\r\nx-api-key: abc\r\n",
	};
	struct gh_test *t = begin("max_tries: 1000\n" USERS KEYS);

	for (size_t i = 0; i < GH_COUNT_OF(others); i++) {
		const struct gh_test_answer *a = get(t, others[i]);

		if (a->status != 401 || a->reached)
			fail_msg("%d for %s", a->status, others[i]);
		assert_true(has(a->body, "Incorrect API key provided"));
	}
	gh_test_end(t);
}

static void a_password_counts_with_its_length(void **state)
{
	(void)state;
	static const char *const longer[] = {
		"Authorization: Basic YWxpY2U6cGFzc3dvcmQA\r\n",             /* password\0 */
		"Authorization: Basic YWxpY2U6cGFzc3dvcmQAYW55dGhpbmc=\r\n", /* password\0anything */
		"Authorization: Basic YWxpY2UAeDpwYXNzd29yZA==\r\n",         /* alice\0x */
		"Authorization: Basic b2xkOlUqVQA=\r\n",                     /* U*U\0 */
		"Authorization: Basic b2xkOlUqVQBhbnl0aGluZw==\r\n",         /* U*U\0anything */
	};
	struct gh_test *t = begin(USERS KEYS);

	for (size_t i = 0; i < GH_COUNT_OF(longer); i++) {
		assert_int_equal(status(t, longer[i]), 401);
		assert_int_equal(hashes(), 0);
	}
	gh_test_end(t);
}

/* ---- What a refusal looks like ---- */

static void a_challenge_comes_only_where_a_browser_navigates_or_basic_was_sent(void **state)
{
	(void)state;
	static const char *const challenged[] = {
		ALICE_WRONG,
		"Authorization: Basic x\r\n",
		"Sec-Fetch-Mode: navigate\r\n",
		"Accept: text/html,application/xhtml+xml\r\n",
		"Sec-Fetch-Mode: navigate\r\nAuthorization: Bearer abd\r\n",
	};
	static const char *const spared[] = {
		NULL,
		"Authorization: Bearer abd\r\n",
		"x-api-key: abd\r\n",
		"Accept: */*\r\n",
		"Accept: application/json\r\n",
		"Accept: text/html\r\nSec-Fetch-Mode: cors\r\n",
		"Accept: text/html\r\nSec-Fetch-Site: same-origin\r\n",
		"Accept: text/html\r\nSec-Fetch-Mode: websocket\r\n",
	};
	struct gh_test *t = begin("realm: 'the \"house\" \\'\n" USERS KEYS);

	for (size_t i = 0; i < GH_COUNT_OF(challenged); i++) {
		const struct gh_test_answer *a = get(t, challenged[i]);

		assert_int_equal(a->status, 401);
		assert_string_equal(gh_test_header(a, "www-authenticate"),
				    "Basic realm=\"the \\\"house\\\" \\\\\", charset=\"UTF-8\"");
	}
	for (size_t i = 0; i < GH_COUNT_OF(spared); i++) {
		const struct gh_test_answer *a = get(t, spared[i]);

		assert_int_equal(a->status, 401);
		assert_null(gh_test_header(a, "www-authenticate"));
	}
	gh_test_end(t);
}

static void a_failed_login_is_one_line_without_what_was_sent(void **state)
{
	(void)state;
	struct gh_test *t = begin(USERS KEYS);
	const struct gh_test_answer *a = get(t, ALICE_WRONG);

	assert_int_equal(lines_with(a->log, "wrong password"), 1);
	assert_true(has(a->log, "alice"));
	assert_true(has(a->log, "192.0.2.1"));
	assert_false(has(a->log, "Password"));
	assert_false(has(a->log, "UGFzc3dvcmQ"));
	a = get(t, "Authorization: Bearer wrong-key-93\r\n");
	assert_int_equal(lines_with(a->log, "unknown key"), 1);
	assert_false(has(a->log, "wrong-key-93"));
	/* A key where the user belongs: gatehouse_secret93: */
	a = get(t, "Authorization: Basic Z2F0ZWhvdXNlX3NlY3JldDkzOg==\r\n");
	assert_int_equal(lines_with(a->log, "unknown user"), 1);
	assert_false(has(a->log, "secret93"));
	/* Nothing sent is no failed login, and a success is none either. */
	a = get(t, NULL);
	assert_false(has(a->log, "denied"));
	a = get(t, ALICE);
	assert_int_equal(a->status, 200);
	assert_false(has(a->log, "denied"));
	assert_false(has(a->log, "password"));
	gh_test_end(t);
}

/* ---- What goes on ---- */

static void credentials_go_no_further(void **state)
{
	(void)state;
	static const char *const ways[] = {
		ALICE,
		"x-api-key: abc\r\n",
		"Authorization: Bearer abc\r\n",
		"X-API-Key: other\r\nAuthorization: Bearer abc\r\n",
		"x_api_key: other\r\nAuthorization: Bearer abc\r\n",
	};
	struct gh_test *t = begin(USERS KEYS);

	for (size_t i = 0; i < GH_COUNT_OF(ways); i++) {
		const struct gh_test_answer *a = get(t, ways[i]);

		assert_int_equal(a->status, 200);
		assert_false(has(a->upstream_headers, "uthorization"));
		assert_false(has(a->upstream_headers, "abc"));
		assert_false(has(a->upstream_headers, "other"));
	}
	assert_int_equal(gh_test_reload(t, "upstream_key: sk-upstream\n" USERS KEYS), 0);
	for (size_t i = 0; i < GH_COUNT_OF(ways); i++) {
		const struct gh_test_answer *a = get(t, ways[i]);

		assert_int_equal(a->status, 200);
		assert_int_equal(lines_with(a->upstream_headers, "uthorization:"), 1);
		assert_true(has(a->upstream_headers, "uthorization: Bearer sk-upstream\r\n"));
		assert_false(has(a->upstream_headers, "abc"));
		assert_false(has(a->upstream_headers, "other"));
	}
	gh_test_end(t);
}

/* ---- What it costs ---- */

static void an_unknown_user_costs_what_a_wrong_password_costs(void **state)
{
	(void)state;
	struct gh_test *t = begin("max_tries: 1000\nusers: { alice: \"" HASH "\" }\n");
	char body[2][1000], headers[2][1000];

	for (int i = 0; i < 2; i++) {
		const struct gh_test_answer *a = get(t, i == 0 ? ALICE_WRONG : MALLORY);

		assert_int_equal(a->status, 401);
		snprintf(body[i], sizeof(body[i]), "%s", a->body);
		snprintf(headers[i], sizeof(headers[i]), "%s",
			 gh_test_header(a, "www-authenticate"));
		assert_int_equal(hashes(), 1);
		assert_int_equal(memory_of_last, 256);
	}
	assert_string_equal(body[0], body[1]);
	assert_string_equal(headers[0], headers[1]);
	/* Again: what failed is not remembered, or the second would tell. Nor does it help that the
	 * password is right for the one user whose hash is computed, and in the cache. */
	assert_int_equal(status(t, ALICE), 200);
	hashes();
	for (int i = 0; i < 3; i++) {
		assert_int_equal(status(t, MALLORY), 401);
		assert_int_equal(hashes(), 1);
		assert_int_equal(status(t, ALICE_WRONG), 401);
		assert_int_equal(hashes(), 1);
	}
	gh_test_end(t);
}

static void a_verified_password_costs_no_hash_for_a_time(void **state)
{
	(void)state;
	struct gh_test *t = begin("cache_ttl: 10s\n" USERS);

	assert_int_equal(status(t, ALICE), 200);
	assert_int_equal(hashes(), 1);
	for (int i = 0; i < 50; i++)
		assert_int_equal(status(t, ALICE), 200);
	assert_int_equal(hashes(), 0);
	gh_test_advance(t, 9999);
	assert_int_equal(status(t, ALICE), 200);
	assert_int_equal(hashes(), 0);
	gh_test_advance(t, 1);
	assert_int_equal(status(t, ALICE), 200);
	assert_int_equal(hashes(), 1);
	/* Another password of the same user is another thing. */
	assert_int_equal(status(t, ALICE_WRONG), 401);
	assert_int_equal(hashes(), 1);
	gh_test_end(t);
}

static void a_reload_keeps_the_cache_but_for_what_changed(void **state)
{
	(void)state;
	struct gh_test *t = begin(USERS);

	assert_int_equal(status(t, ALICE), 200);
	assert_int_equal(status(t, OLD), 200);
	assert_int_equal(hashes(), 2);
	assert_int_equal(gh_test_reload(t, "realm: other\n" USERS), 0);
	assert_int_equal(status(t, ALICE), 200);
	assert_int_equal(hashes(), 0);
	assert_int_equal(
		gh_test_reload(t, "users: { alice: \"$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHV0"
				  "$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4\", "
				  "old: \"" BCRYPT "\" }\n"),
		0);
	assert_int_equal(status(t, ALICE), 401);
	assert_int_equal(hashes(), 1);
	assert_int_equal(status(t, OLD), 200);
	assert_int_equal(hashes(), 0);
	assert_int_equal(gh_test_reload(t, "users: { alice: \"" HASH "\" }\n"), 0);
	assert_int_equal(status(t, OLD), 401); /* gone */
	gh_test_end(t);
}

static void an_address_that_fails_too_often_is_not_looked_at(void **state)
{
	(void)state;
	struct gh_test *t = begin("max_tries: 3\n" USERS KEYS);
	const struct gh_test_answer *a;

	assert_int_equal(status(t, ALICE), 200); /* costs nothing of the budget */
	for (int i = 0; i < 3; i++)
		assert_int_equal(status(t, ALICE_WRONG), 401);
	hashes();
	a = get(t, ALICE_WRONG);
	assert_int_equal(a->status, 429);
	assert_false(a->reached);
	assert_string_equal(gh_test_header(a, "retry-after"), "20");
	assert_int_equal(lines_with(a->log, "too many failed logins"), 1);
	/* The right one too, or the cache would say at full speed what is right. */
	assert_int_equal(status(t, ALICE), 429);
	assert_int_equal(status(t, OLD), 429);
	assert_int_equal(status(t, MALLORY), 429);
	assert_int_equal(hashes(), 0);
	/* Keys are no one's guess, and other addresses have budgets of their own. */
	assert_int_equal(status(t, "x-api-key: abc\r\n"), 200);
	assert_int_equal(status(t, NULL), 401);
	gh_test_client(t, "192.0.2.2");
	assert_int_equal(status(t, ALICE), 200);
	gh_test_client(t, "192.0.2.1");
	/* A reload does not give it back; time does. */
	assert_int_equal(gh_test_reload(t, "max_tries: 3\nrealm: x\n" USERS KEYS), 0);
	assert_int_equal(status(t, ALICE), 429);
	gh_test_advance(t, 20000);
	assert_int_equal(status(t, ALICE_WRONG), 401);
	assert_int_equal(status(t, ALICE_WRONG), 429);
	gh_test_advance(t, 60000);
	assert_int_equal(status(t, ALICE), 200);
	gh_test_end(t);
}

static void a_spray_over_a_thousand_addresses_is_answered(void **state)
{
	(void)state;
	struct gh_test *t = begin("max_tries: 2\nusers: { alice: \"" HASH "\" }\n");
	char address[32];

	for (unsigned i = 0; i < 1000; i++) {
		snprintf(address, sizeof(address), "198.51.%u.%u", i / 250, i % 250);
		gh_test_client(t, address);
		assert_int_equal(status(t, ALICE_WRONG), 401);
	}
	assert_int_equal(hashes(), 1000);
	gh_test_client(t, "192.0.2.77");
	assert_int_equal(status(t, ALICE), 200);
	/* By IPv6 a /64 is one address. */
	gh_test_client(t, "2001:db8::1");
	assert_int_equal(status(t, ALICE_WRONG), 401);
	gh_test_client(t, "2001:db8::2");
	assert_int_equal(status(t, ALICE_WRONG), 401);
	gh_test_client(t, "2001:db8::3");
	assert_int_equal(status(t, ALICE_WRONG), 429);
	gh_test_client(t, "2001:db8:0:1::3");
	assert_int_equal(status(t, ALICE_WRONG), 401);
	gh_test_end(t);
}

static void what_is_too_large_is_refused_before_anything(void **state)
{
	(void)state;
	struct gh_test *t = begin(USERS KEYS);
	char headers[6000];

	memcpy(headers, "Authorization: Basic ", 21);
	for (size_t len = 1800; len <= 5000; len += 400) {
		memset(headers + 21, 'Y', len);
		memcpy(headers + 21 + len, "\r\n", 3);
		assert_int_equal(status(t, headers), 401);
	}
	assert_int_equal(hashes(), 0);
	gh_test_end(t);
}

/* ---- Someone came before ---- */

static enum gh_verdict known_then_basic_auth(struct gh_step *s)
{
	gh_set_caller(s->req, GH_STR("tailnet-user"));
	return gh_module_basic_auth.on_request(s);
}

static void whom_an_earlier_handler_knows_passes_if_so_wished(void **state)
{
	(void)state;
	struct gh_module m = gh_module_basic_auth;

	m.on_request = known_then_basic_auth;

	struct gh_test *t = gh_test_begin(&m, USERS);

	assert_non_null(t);
	assert_int_equal(status(t, NULL), 401);
	assert_int_equal(gh_test_reload(t, "for: strangers\n" USERS), 0);

	const struct gh_test_answer *a = get(t, ALICE_WRONG);

	assert_int_equal(a->status, 200);
	assert_string_equal(a->caller, "tailnet-user");
	assert_false(has(a->upstream_headers, "uthorization"));
	gh_test_end(t);
	t = begin("for: strangers\n" USERS);
	assert_int_equal(status(t, NULL), 401);
	gh_test_end(t);
}

/* ---- Config ---- */

static void mistakes_of_the_config_are_refused_with_their_mend(void **state)
{
	(void)state;
	static const struct {
		const char *yaml, *says;
	} bad[] = {
		{ NULL, "knows nobody" },
		{ "{}", "knows nobody" },
		{ "users: { a: hunter2 }", "gatehouse hash-password" },
		{ "users: { a: \"$argon2id$v=19$m=1048576,t=2,p=1$c29tZXNhbHQ$"
		  "nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4\" }",
		  "m=262144 or less" },
		{ "users: { a: \"$2b$15$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW\" }",
		  "use 04 to 14" },
		{ "keys: { a: sk-123 }", "gatehouse key new" },
		{ "users: { \"a:b\": \"" HASH "\" }", "colon" },
		{ "keys: { a: \"" ABC "\", b: \"" ABC "\" }", "one and the same" },
		{ "credentials: /nowhere/at/all", "/nowhere/at/all: No such file" },
		{ "max_tries: 0\n" USERS, "max_tries" },
		{ "cache_size: 0\n" USERS, "cache_size" },
		{ "upstream_key: \"a\\nb\"\n" USERS, "byte 2" },
		{ "realm: \"a\\nb\"\n" USERS, "byte 2" },
	};

	for (size_t i = 0; i < GH_COUNT_OF(bad); i++) {
		struct gh_test *t = gh_test_begin(&gh_module_basic_auth, bad[i].yaml);

		if (t != NULL || !has(gh_test_mistakes(), bad[i].says))
			fail_msg("%s: %s", bad[i].yaml, t ? "taken" : gh_test_mistakes());
	}
}

static void write_file(const char *path, const char *text, mode_t mode)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	chmod(path, mode);
}

static void a_credentials_file_is_read_again_when_it_changes(void **state)
{
	(void)state;
	char path[] = "/tmp/gatehouse-auth-XXXXXX", options[200];
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	close(fd);
	snprintf(options, sizeof(options), "credentials: %s\nkeys: { laptop: \"" ABC "\" }\n",
		 path);
	write_file(path, "users:\n  alice: \"" HASH "\"\n", 0644);
	assert_null(gh_test_begin(&gh_module_basic_auth, options));
	assert_true(has(gh_test_mistakes(), "others can get at this file"));
	write_file(path, "users:\n  alice: \"" HASH "\"\n", 0640);

	struct gh_test *t = begin(options);

	assert_int_equal(status(t, ALICE), 200);
	assert_int_equal(status(t, OLD), 401);
	gh_test_advance(t, 1000);
	write_file(path, "users:\n  old: \"" BCRYPT "\"\n", 0640);

	const struct gh_test_answer *a = get(t, OLD);

	assert_int_equal(a->status, 200);
	assert_true(has(a->log, path));
	assert_int_equal(status(t, ALICE), 401); /* the cache does not keep her */
	assert_int_equal(status(t, "x-api-key: abc\r\n"), 200);
	/* A broken file changes nothing but the log, and that once. */
	gh_test_advance(t, 1000);
	write_file(path, "users:\n  alice: broken\n", 0640);
	a = get(t, OLD);
	assert_int_equal(a->status, 200);
	assert_true(has(a->log, ":2:10: this is neither"));
	gh_test_advance(t, 1000);
	a = get(t, OLD);
	assert_int_equal(a->status, 200);
	assert_false(has(a->log, path));
	/* Mended. */
	gh_test_advance(t, 60000);
	write_file(path, "users:\n  alice: \"" HASH "\"\n", 0600);
	assert_int_equal(status(t, ALICE), 200);
	assert_int_equal(status(t, OLD), 401);
	unlink(path);
	gh_test_advance(t, 1000);
	a = get(t, ALICE);
	assert_int_equal(a->status, 200);
	assert_true(has(a->log, "No such file"));
	gh_test_end(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_user_gets_in_and_is_named),
		cmocka_unit_test(a_key_gets_in_by_bearer_by_x_api_key_and_as_a_basic_password),
		cmocka_unit_test(all_others_stay_out),
		cmocka_unit_test(a_password_counts_with_its_length),
		cmocka_unit_test(
			a_challenge_comes_only_where_a_browser_navigates_or_basic_was_sent),
		cmocka_unit_test(a_failed_login_is_one_line_without_what_was_sent),
		cmocka_unit_test(credentials_go_no_further),
		cmocka_unit_test(an_unknown_user_costs_what_a_wrong_password_costs),
		cmocka_unit_test(a_verified_password_costs_no_hash_for_a_time),
		cmocka_unit_test(a_reload_keeps_the_cache_but_for_what_changed),
		cmocka_unit_test(an_address_that_fails_too_often_is_not_looked_at),
		cmocka_unit_test(a_spray_over_a_thousand_addresses_is_answered),
		cmocka_unit_test(what_is_too_large_is_refused_before_anything),
		cmocka_unit_test(whom_an_earlier_handler_knows_passes_if_so_wished),
		cmocka_unit_test(mistakes_of_the_config_are_refused_with_their_mend),
		cmocka_unit_test(a_credentials_file_is_read_again_when_it_changes),
	};

	/* Of the library itself, so that it is linked behind the two above. */
	if (argon2_error_message(ARGON2_OK) == NULL ||
	    crypt_checksalt(BCRYPT) == CRYPT_SALT_INVALID)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
