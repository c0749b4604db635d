/* What modules say in the process's log. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <gatehouse/test.h>

static const char *user;

static enum gh_verdict deny(struct gh_step *s)
{
	gh_log_denied(s, gh_str(user), "wrong password");
	return gh_fail(s, 401, NULL, "No.");
}

static enum gh_verdict talk(struct gh_step *s)
{
	gh_log(s, GH_LOG_WARN, "it is %d\nand more", 5);
	return GH_NEXT;
}

static const struct gh_module denier = { .name = "denier", .doc = "Denies.", .on_request = deny };
static const struct gh_module talker = { .name = "talker", .doc = "Talks.", .on_request = talk };

/* What stands behind the time, in a line that is the only one. */
static void assert_log(const struct gh_test_answer *a, const char *want)
{
	int year, month, day, hour, minute, second, ms, at = 0;

	assert_int_equal(sscanf(a->log, "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ %n", &year, &month, &day,
				&hour, &minute, &second, &ms, &at),
			 7);
	assert_true(year >= 2024 && at > 0);
	/* The id is random: 24 hex digits. */
	const char *id = strstr(want, "ID"), *got = a->log + at;
	size_t before = (size_t)(id - want);
	assert_true(strlen(got) > before + 24);
	assert_memory_equal(got, want, before);
	assert_int_equal(strspn(got + before, "0123456789abcdef"), 24);
	assert_string_equal(got + before + 24, id + 2);
}

static void a_failed_login_has_a_fixed_shape(void **state)
{
	struct gh_test *t = gh_test_begin(&denier, NULL);

	(void)state;
	user = "mallory";
	assert_log(gh_test_send(t, "GET", "/v1/models?key=SECRET", NULL, NULL),
		   "warn denied client=192.0.2.1 user=\"mallory\" reason=\"wrong password\" "
		   "path=\"/v1/models\" id=ID\n");
	gh_test_client(t, "2001:db8::7");
	user = "x\" client=203.0.113.9 user=\"\n\x1b\\";
	assert_log(gh_test_send(t, "GET", "/", NULL, NULL),
		   "warn denied client=2001:db8::7 user=\"x\\x22 client=203.0.113.9 "
		   "user=\\x22\\x0a\\x1b\\x5c\" "
		   "reason=\"wrong password\" path=\"/\" id=ID\n");
	gh_test_end(t);
}

static void a_long_name_and_path_are_cut_and_the_rest_is_there(void **state)
{
	struct gh_test *t = gh_test_begin(&denier, NULL);
	char path[4000], name[4000];

	(void)state;
	memset(path, 'p', sizeof path);
	path[0] = '/';
	path[sizeof path - 1] = 0;
	memset(name, '"', sizeof name);
	name[sizeof name - 1] = 0;
	user = name;
	const struct gh_test_answer *a = gh_test_send(t, "GET", path, NULL, NULL);
	assert_non_null(strstr(a->log, "\\x22\\x22\" reason=\"wrong password\" path=\"/ppp"));
	assert_non_null(strstr(a->log, "ppp\" id="));
	gh_test_end(t);
}

static void a_modules_line_knows_its_request(void **state)
{
	struct gh_test *t = gh_test_begin(&talker, NULL);

	(void)state;
	assert_log(gh_test_send(t, "GET", "/", NULL, NULL),
		   "warn request ID: route routes[0]: talker: it is 5?and more\n");
	gh_test_end(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_failed_login_has_a_fixed_shape),
		cmocka_unit_test(a_long_name_and_path_are_cut_and_the_rest_is_there),
		cmocka_unit_test(a_modules_line_knows_its_request),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
