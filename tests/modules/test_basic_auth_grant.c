/*
 * What a bound key does to a request, on the real chain, with a wall clock of the test's own.
 */
#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <argon2.h>
#include <cmocka.h>

#include <gatehouse/test.h>

extern const struct gh_module gh_module_basic_auth;

/* ---- The wall clock: the last second in which 2027-01-31 is not over ---- */

enum { LAST_SECOND = 1801439999 }; /* by date(1) */

static int64_t wall = LAST_SECOND;

int clock_gettime(clockid_t id, struct timespec *ts)
{
	if (id != CLOCK_REALTIME)
		return (int)syscall(SYS_clock_gettime, id, ts);
	*ts = (struct timespec){ .tv_sec = wall };
	return 0;
}

/* ---- A module that is basic-auth, and tells at the end what later steps would have seen ---- */

static struct gh_module spy;
static struct gh_usage used;
static const void *self_of; /* the instance that served last */
static struct {
	bool granted;
	size_t models;
	char first[32], second[32];
	enum gh_priority priority;
} seen;

static void copy(char to[32], struct gh_str s)
{
	snprintf(to, 32, GH_FMT, GH_ARG(s));
}

static void look_and_finish(struct gh_step *s)
{
	const struct gh_grant *g = s->req->grant;

	self_of = s->self;
	memset(&seen, 0, sizeof(seen));
	seen.granted = g != NULL;
	if (g != NULL) {
		seen.models = g->model_count;
		seen.priority = g->priority;
		if (g->model_count > 0)
			copy(seen.first, g->models[0]);
		if (g->model_count > 1)
			copy(seen.second, g->models[1]);
	}
	s->req->usage = used;
	gh_module_basic_auth.on_finish(s);
}

/* ---- Fixtures ---- */

/* SHA-256 of "abc" and of "hello world". */
#define ABC   "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define HELLO "sha256:b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9"
/* Of the reference implementation: "password" with the salt "somesalt". */
#define HASH "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"

/* The same with another tag. */
#define HASH_OF_ANOTHER \
	"$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$AAAAAOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"

#define BEARER "Authorization: Bearer abc\r\n"
#define BASIC  "Authorization: Basic OmFiYw==\r\n"             /* :abc */
#define ALICE  "Authorization: Basic YWxpY2U6cGFzc3dvcmQ=\r\n" /* alice:password */

static char path[] = "/tmp/gatehouse-grant-XXXXXX";

static void write_file(const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	chmod(path, 0600);
}

static struct gh_test *begin(const char *credentials)
{
	char options[200];

	spy = gh_module_basic_auth;
	spy.on_finish = look_and_finish;
	used = (struct gh_usage){ -1, -1, -1, false };
	wall = LAST_SECOND;
	write_file(credentials);
	snprintf(options, sizeof(options), "credentials: %s\n", path);

	struct gh_test *t = gh_test_begin(&spy, options);

	if (t == NULL)
		fail_msg("refused: %s", gh_test_mistakes());
	return t;
}

static const struct gh_test_answer *get(struct gh_test *t, const char *headers)
{
	return gh_test_send(t, "GET", "/v1/models", headers, NULL);
}

static int status(struct gh_test *t, const char *headers)
{
	return get(t, headers)->status;
}

/* ---- Grants ---- */

static void a_grant_reaches_later_steps(void **state)
{
	(void)state;
	struct gh_test *t = begin("users:\n  alice: { password: \"" HASH "\", priority: low }\n"
				  "keys:\n  a: { key: " ABC ", models: [m, org/n] }\n");

	assert_int_equal(status(t, BEARER), 200);
	assert_true(seen.granted);
	assert_int_equal(seen.models, 2);
	assert_string_equal(seen.first, "m");
	assert_string_equal(seen.second, "org/n");
	assert_int_equal(seen.priority, GH_PRIORITY_NORMAL);
	assert_int_equal(status(t, BASIC), 200);
	assert_int_equal(seen.models, 2);
	for (int i = 0; i < 2; i++) { /* computed, and then out of the cache */
		assert_int_equal(status(t, ALICE), 200);
		assert_true(seen.granted);
		assert_int_equal(seen.models, 0);
		assert_int_equal(seen.priority, GH_PRIORITY_LOW);
	}
	gh_test_end(t);
}

static void who_is_bound_to_nothing_has_no_grant(void **state)
{
	(void)state;
	struct gh_test *t = begin("users:\n  alice: \"" HASH "\"\n"
				  "keys:\n  a: { key: " ABC ", expires: 2027-01-31, limits: { "
				  "requests: 9, window: 1m } }\n  b: " HELLO "\n");

	assert_int_equal(status(t, BEARER), 200);
	assert_false(seen.granted);
	assert_int_equal(status(t, ALICE), 200);
	assert_false(seen.granted);
	assert_int_equal(status(t, "x-api-key: wrong\r\n"), 401);
	assert_false(seen.granted);
	gh_test_end(t);
}

static void a_change_of_the_file_binds_anew(void **state)
{
	(void)state;
	struct gh_test *t = begin("keys:\n  a: " ABC "\n");

	assert_int_equal(status(t, BEARER), 200);
	assert_false(seen.granted);
	write_file("keys:\n  a: { key: " ABC ", models: other }\n");
	gh_test_advance(t, 1000);
	assert_int_equal(status(t, BEARER), 200);
	assert_string_equal(seen.first, "other");
	gh_test_end(t);
}

/* ---- Expiry ---- */

static void an_expired_key_is_no_key_from_that_second_on(void **state)
{
	(void)state;
	struct gh_test *t = begin("keys:\n  phone: { key: " ABC ", expires: 2027-01-31 }\n"
				  "  b: " HELLO "\n");
	static const char *const ways[][2] = {
		{ BEARER, "Authorization: Bearer xyz\r\n" },
		{ BASIC, "Authorization: Basic Onh5eg==\r\n" }, /* :xyz */
	};

	for (size_t i = 0; i < GH_COUNT_OF(ways); i++) {
		wall = LAST_SECOND;
		assert_int_equal(status(t, ways[i][0]), 200);
		wall = LAST_SECOND + 1;

		const struct gh_test_answer *a = get(t, ways[i][0]);
		char body[600], headers[600];

		assert_int_equal(a->status, 401);
		assert_false(a->reached);
		assert_string_equal(a->caller, "");
		assert_non_null(strstr(a->log, "expired"));
		assert_non_null(strstr(a->log, "phone"));
		assert_non_null(strstr(a->body, "Incorrect API key provided"));
		snprintf(body, sizeof(body), "%s", a->body);
		snprintf(headers, sizeof(headers), "%s", strstr(a->headers, "\r\n"));
		/* The client learns no more than about a key that never was. */
		a = get(t, ways[i][1]);
		assert_int_equal(a->status, 401);
		assert_string_equal(a->body, body);
		assert_null(strstr(a->log, "expired"));
		assert_int_equal(gh_test_header(a, "www-authenticate") != NULL,
				 strstr(headers, "WWW-Authenticate") != NULL);
	}
	wall = LAST_SECOND; /* the clock counts, not what was seen before */
	assert_int_equal(status(t, BEARER), 200);
	gh_test_end(t);
}

static void a_users_day_ends_in_the_cache_too(void **state)
{
	(void)state;
	struct gh_test *t = begin("users:\n  alice: { password: \"" HASH
				  "\", expires: 2027-01-31 }\n");

	assert_int_equal(status(t, ALICE), 200);
	wall = LAST_SECOND + 1;

	const struct gh_test_answer *a = get(t, ALICE);

	assert_int_equal(a->status, 401);
	assert_non_null(strstr(a->log, "expired"));
	assert_non_null(strstr(a->body, "Incorrect API key provided, or a wrong user or password"));
	/* With a wrong password nobody learns that the user is there. */
	a = get(t, "Authorization: Basic YWxpY2U6UGFzc3dvcmQ=\r\n");
	assert_int_equal(a->status, 401);
	assert_null(strstr(a->log, "expired"));
	gh_test_end(t);
}

/* ---- Limits ---- */

static void requests_of_a_key_have_a_limit_of_their_own(void **state)
{
	(void)state;
	struct gh_test *t = begin(
		"users:\n  a: { password: \"" HASH "\", limits: { requests: 2, window: 10s } }\n"
		"keys:\n  a: { key: " ABC ", limits: { requests: 2, window: 10s } }\n"
		"  b: { key: " HELLO ", limits: { requests: 1, window: 10s } }\n");
	const struct gh_test_answer *a = get(t, BEARER);

	assert_int_equal(a->status, 200);
	assert_string_equal(gh_test_header(a, "x-ratelimit-limit-requests"), "2");
	assert_string_equal(gh_test_header(a, "x-ratelimit-remaining-requests"), "1");
	assert_int_equal(status(t, BEARER), 200);
	a = get(t, BEARER);
	assert_int_equal(a->status, 429);
	assert_false(a->reached);
	assert_string_equal(a->caller, "a"); /* who it was, for the log */
	assert_non_null(strstr(a->body, "Rate limit reached: 2 requests in 10s"));
	assert_string_equal(gh_test_header(a, "retry-after"), "5");
	/* Another key and a user of the same name are others. */
	assert_int_equal(status(t, "Authorization: Bearer hello world\r\n"), 401);
	assert_int_equal(status(t, "Authorization: Basic YTpwYXNzd29yZA==\r\n"), 200);
	gh_test_advance(t, 5000);
	assert_int_equal(status(t, BEARER), 200);
	assert_int_equal(status(t, BEARER), 429);
	gh_test_end(t);
}

static void tokens_are_charged_when_they_are_known(void **state)
{
	(void)state;
	struct gh_test *t = begin("keys:\n  a: { key: " ABC
				  ", limits: [{ tokens: 100, window: 1m }, { tokens: 200, window: "
				  "1d }] }\n");

	/* Of what is not known nothing is charged. */
	for (int i = 0; i < 5; i++)
		assert_int_equal(status(t, BEARER), 200);
	used = (struct gh_usage){ .input = 60, .cached = 50, .output = -1 };
	assert_int_equal(status(t, BEARER), 200);
	used = (struct gh_usage){ .input = 60, .output = 10 };

	const struct gh_test_answer *a = get(t, BEARER);

	assert_int_equal(a->status, 200); /* 40 are left, which is enough */
	assert_string_equal(gh_test_header(a, "x-ratelimit-limit-tokens"), "100");
	a = get(t, BEARER);
	assert_int_equal(a->status, 429);
	assert_null(gh_test_header(a, "x-should-retry"));
	assert_non_null(strstr(a->body, "100 tokens in 1m"));
	gh_test_advance(t, 60000);
	assert_int_equal(status(t, BEARER), 200); /* 60 + 70 + 70 of the day's 200 are gone now */
	gh_test_advance(t, 120000);
	a = get(t, BEARER);
	assert_int_equal(a->status, 200); /* those that came back meanwhile are enough for one */
	a = get(t, BEARER);
	assert_int_equal(a->status, 429);
	assert_string_equal(gh_test_header(a, "x-should-retry"), "false");
	assert_non_null(strstr(a->body, "Your budget is spent: 200 tokens"));
	gh_test_end(t);
}

static void limits_live_through_a_reload_and_a_change_of_the_file(void **state)
{
	(void)state;
	struct gh_test *t = begin("keys:\n  a: { key: " ABC
				  ", limits: { requests: 1, window: 10m } }\n");
	char options[200];

	snprintf(options, sizeof(options), "credentials: %s\nrealm: Other\n", path);
	assert_int_equal(status(t, BEARER), 200);
	assert_int_equal(gh_test_reload(t, options), 0);
	assert_int_equal(status(t, BEARER), 429);
	write_file("keys:\n  a: { key: " ABC ", limits: { requests: 1, window: 10m } }\n  b: " HELLO
		   "\n");
	gh_test_advance(t, 1000);
	assert_int_equal(status(t, BEARER), 429);
	gh_test_end(t);
}

/* ---- Refresh ---- */

/* While a password is being computed: the file as it is then, NULL: nothing happens. */
static const char *meanwhile;

int argon2_ctx(argon2_context *context, argon2_type type)
{
	int (*real)(argon2_context *, argon2_type) =
		(int (*)(argon2_context *, argon2_type))dlsym(RTLD_NEXT, "argon2_ctx");
	char why[300];

	if (meanwhile != NULL) {
		write_file(meanwhile);
		assert_int_equal(gh_module_basic_auth.refresh(self_of, why, sizeof(why)), 0);
	}
	return real(context, type);
}

static void who_is_taken_out_while_the_password_is_computed_stays_out(void **state)
{
	(void)state;
	static const char *const changes[] = {
		"users:\n  bob: \"" HASH "\"\n",              /* gone */
		"users:\n  alice: \"" HASH_OF_ANOTHER "\"\n", /* another password */
		"users:\n  alice: { password: \"" HASH "\", expires: 2020-01-31 }\n",
	};

	for (size_t i = 0; i < GH_COUNT_OF(changes); i++) {
		struct gh_test *t = begin("users:\n  alice: \"" HASH "\"\n");

		assert_int_equal(status(t, ""), 401);
		meanwhile = changes[i];
		assert_int_equal(status(t, ALICE), 401);
		meanwhile = NULL;
		assert_int_equal(status(t, ALICE), 401);
		gh_test_end(t);
	}
}

static void a_refresh_reads_the_file_at_once(void **state)
{
	(void)state;
	char why[300] = "";
	struct gh_test *t = begin("keys:\n  a: " ABC "\n");

	assert_non_null(gh_module_basic_auth.refresh);
	assert_int_equal(status(t, BEARER), 200);
	write_file("keys:\n  b: " HELLO "\n");
	/* Not before the second is over, by itself. */
	assert_int_equal(status(t, BEARER), 200);
	assert_int_equal(gh_module_basic_auth.refresh(self_of, why, sizeof(why)), 0);
	assert_int_equal(status(t, BEARER), 401);
	write_file("keys:\n  a: nonsense\n");
	assert_int_equal(gh_module_basic_auth.refresh(self_of, why, sizeof(why)), -1);
	assert_non_null(strstr(why, ":2:6: a key is kept as sha256:"));
	assert_int_equal(status(t, BEARER), 401);
	gh_test_end(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_grant_reaches_later_steps),
		cmocka_unit_test(who_is_bound_to_nothing_has_no_grant),
		cmocka_unit_test(a_change_of_the_file_binds_anew),
		cmocka_unit_test(an_expired_key_is_no_key_from_that_second_on),
		cmocka_unit_test(a_users_day_ends_in_the_cache_too),
		cmocka_unit_test(requests_of_a_key_have_a_limit_of_their_own),
		cmocka_unit_test(tokens_are_charged_when_they_are_known),
		cmocka_unit_test(limits_live_through_a_reload_and_a_change_of_the_file),
		cmocka_unit_test(who_is_taken_out_while_the_password_is_computed_stays_out),
		cmocka_unit_test(a_refresh_reads_the_file_at_once),
	};
	int fd = mkstemp(path);

	/* Of the library itself, so that it is linked behind the one above. */
	if (fd < 0 || argon2_error_message(ARGON2_OK) == NULL)
		return 1;
	close(fd);

	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	unlink(path);
	return failed;
}
