/* The module cors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <gatehouse/test.h>

extern const struct gh_module gh_module_cors;

static const char two[] = "origins: [https://app.example, 'http://localhost:5173']";
static const char preflight[] =
	"Origin: https://app.example\r\n"
	"Access-Control-Request-Method: POST\r\n"
	"Access-Control-Request-Headers: authorization, x-stainless-lang\r\n";

static struct gh_test *begin(const char *yaml)
{
	struct gh_test *t = gh_test_begin(&gh_module_cors, yaml);

	if (!t)
		print_error("%s", gh_test_mistakes());
	assert_non_null(t);
	return t;
}

static void assert_header(const struct gh_test_answer *a, const char *name, const char *value)
{
	const char *has = gh_test_header(a, name);

	if (!value) {
		assert_null(has);
		return;
	}
	assert_non_null(has);
	assert_string_equal(has, value);
}

static void a_preflight_is_answered_here(void **state)
{
	struct gh_test *t = begin(two);
	const struct gh_test_answer *a = gh_test_send(t, "OPTIONS", "/v1/chat/completions",
						      preflight, NULL);
	(void)state;

	assert_int_equal(a->status, 204);
	assert_false(a->reached);
	assert_header(a, "access-control-allow-origin", "https://app.example");
	assert_header(a, "access-control-allow-methods", "GET, POST, PUT, PATCH, DELETE");
	assert_header(a, "access-control-allow-headers", "authorization, x-stainless-lang");
	assert_header(a, "access-control-max-age", "600");
	assert_header(a, "access-control-allow-credentials", NULL);
	assert_header(a, "vary", "Origin");
	gh_test_end(t);
}

static void an_origin_that_is_not_named_is_not_let_in(void **state)
{
	static const char *const others[] = {
		"https://evil.example",     "http://app.example",  "https://app.example.evil",
		"https://app.example:8443", "https://APP.example", "null",
		"https://app.example/",
	};
	struct gh_test *t = begin(two);
	char headers[300];
	(void)state;

	for (size_t i = 0; i < GH_COUNT_OF(others); i++) {
		snprintf(headers, sizeof headers,
			 "Origin: %s\r\nAccess-Control-Request-Method: POST\r\n", others[i]);
		const struct gh_test_answer *a = gh_test_send(t, "OPTIONS", "/", headers, NULL);
		assert_int_equal(a->status, 403);
		assert_false(a->reached);
		assert_header(a, "access-control-allow-origin", NULL);
		a = gh_test_send(t, "GET", "/", headers, NULL);
		assert_int_equal(a->status, 200);
		assert_header(a, "access-control-allow-origin", NULL);
		assert_header(a, "vary", "Origin");
	}
	gh_test_end(t);
}

static void an_answer_is_marked_in_place_of_the_upstreams_word(void **state)
{
	struct gh_test *t = begin(two);
	(void)state;

	gh_test_upstream(t, 200,
			 "Access-Control-Allow-Origin: *\r\n"
			 "access-control-allow-credentials: true\r\nVary: Accept-Encoding\r\n",
			 "hello");
	const struct gh_test_answer *a = gh_test_send(t, "GET", "/",
						      "Origin: http://localhost:5173\r\n", NULL);
	assert_int_equal(a->status, 200);
	assert_true(a->reached);
	assert_header(a, "access-control-allow-origin", "http://localhost:5173");
	assert_header(a, "access-control-allow-credentials", NULL);
	assert_non_null(strcasestr(a->headers, "vary: Accept-Encoding\r\n"));
	assert_non_null(strcasestr(a->headers, "vary: Origin\r\n"));
	assert_non_null(strstr(gh_test_header(a, "access-control-expose-headers"), "x-request-id"));
	a = gh_test_send(t, "GET", "/", NULL, NULL);
	assert_header(a, "access-control-allow-origin", NULL);
	gh_test_end(t);
}

static void errors_of_the_upstream_are_marked_too(void **state)
{
	struct gh_test *t = begin(two);
	(void)state;

	gh_test_upstream(t, 401, "", "no");
	const struct gh_test_answer *a = gh_test_send(t, "POST", "/",
						      "Origin: https://app.example\r\n", "{}");
	assert_int_equal(a->status, 401);
	assert_header(a, "access-control-allow-origin", "https://app.example");
	gh_test_end(t);
}

static void any_origin_is_a_star_and_never_with_credentials(void **state)
{
	struct gh_test *t = begin("'*'");
	(void)state;

	const struct gh_test_answer *a = gh_test_send(t, "GET", "/",
						      "Origin: https://who.example\r\n", NULL);
	assert_header(a, "access-control-allow-origin", "*");
	assert_header(a, "vary", NULL);
	gh_test_end(t);
	assert_null(gh_test_begin(&gh_module_cors, "{ origins: '*', credentials: true }"));
	assert_non_null(strstr(gh_test_mistakes(), "any page could act as its visitor"));
	t = begin("{ origins: https://app.example, credentials: true }");
	a = gh_test_send(t, "GET", "/", "Origin: https://app.example\r\n", NULL);
	assert_header(a, "access-control-allow-credentials", "true");
	gh_test_end(t);
}

static void an_options_that_is_no_preflight_goes_on(void **state)
{
	struct gh_test *t = begin(two);
	(void)state;

	assert_true(gh_test_send(t, "OPTIONS", "/", NULL, NULL)->reached);
	assert_true(
		gh_test_send(t, "OPTIONS", "/", "Origin: https://app.example\r\n", NULL)->reached);
	assert_true(gh_test_send(t, "OPTIONS", "/", "Access-Control-Request-Method: GET\r\n", NULL)
			    ->reached);
	assert_true(gh_test_send(t, "POST", "/", preflight, NULL)->reached);
	gh_test_end(t);
}

static void names_that_are_none_are_not_echoed(void **state)
{
	struct gh_test *t = begin(two);
	const struct gh_test_answer *a =
		gh_test_send(t, "OPTIONS", "/",
			     "Origin: https://app.example\r\nAccess-Control-Request-Method: GET\r\n"
			     "Access-Control-Request-Headers: a, b c, d\r\n",
			     NULL);
	(void)state;

	assert_int_equal(a->status, 204);
	assert_header(a, "access-control-allow-headers", NULL);
	gh_test_end(t);
}

static void mistakes_are_told(void **state)
{
	static const struct {
		const char *yaml, *says;
	} cases[] = {
		{ "{ origins: app.example }", "is no origin; write it as in" },
		{ "{ origins: https://app.example/ }", "is no origin" },
		{ "{ origins: https://App.example }", "in lower case" },
		{ "{ origins: 'null' }", "sandboxed" },
		{ "{ origins: 'https://*.example' }", "is no origin" },
		{ "{ origins: https://a.example, methods: [get] }", "capitals" },
		{ "{ origins: https://a.example, expose: ['a b'] }", "no header to expose" },
		{ "{ }", "origins" },
	};
	(void)state;

	for (size_t i = 0; i < GH_COUNT_OF(cases); i++) {
		assert_null(gh_test_begin(&gh_module_cors, cases[i].yaml));
		if (!strstr(gh_test_mistakes(), cases[i].says))
			print_error("%s: %s", cases[i].yaml, gh_test_mistakes());
		assert_non_null(strstr(gh_test_mistakes(), cases[i].says));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_preflight_is_answered_here),
		cmocka_unit_test(an_origin_that_is_not_named_is_not_let_in),
		cmocka_unit_test(an_answer_is_marked_in_place_of_the_upstreams_word),
		cmocka_unit_test(errors_of_the_upstream_are_marked_too),
		cmocka_unit_test(any_origin_is_a_star_and_never_with_credentials),
		cmocka_unit_test(an_options_that_is_no_preflight_goes_on),
		cmocka_unit_test(names_that_are_none_are_not_echoed),
		cmocka_unit_test(mistakes_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
