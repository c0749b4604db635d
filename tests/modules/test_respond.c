/* The module respond. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <gatehouse/test.h>

extern const struct gh_module gh_module_respond;

static struct gh_test *begin(const char *yaml)
{
	struct gh_test *t = gh_test_begin(&gh_module_respond, yaml);

	if (!t)
		print_error("%s", gh_test_mistakes());
	assert_non_null(t);
	return t;
}

static void assert_refused(const char *yaml, const char *says)
{
	struct gh_test *t = gh_test_begin(&gh_module_respond, yaml);

	assert_null(t);
	if (!strstr(gh_test_mistakes(), says))
		print_error("'%s' is not in:\n%s", says, gh_test_mistakes());
	assert_non_null(strstr(gh_test_mistakes(), says));
}

static void assert_header(const struct gh_test_answer *a, const char *name, const char *value)
{
	const char *got = gh_test_header(a, name);

	assert_non_null(got);
	assert_string_equal(got, value);
}

static void without_options_it_is_an_empty_200(void **state)
{
	struct gh_test *t = begin(NULL);
	const struct gh_test_answer *a = gh_test_send(t, "GET", "/x", NULL, NULL);
	(void)state;

	assert_int_equal(a->status, 200);
	assert_string_equal(a->body, "");
	assert_false(a->reached);
	gh_test_end(t);
}

static void status_body_type_and_headers_are_as_set(void **state)
{
	struct gh_test *t = begin("{ status: 503, body: '{\"down\":true}', type: application/json,"
				  " headers: { Retry-After: 30, Cache-Control: no-store } }");
	const struct gh_test_answer *a;
	(void)state;

	for (int n = 0; n < 2; n++) {
		a = gh_test_send(t, "POST", "/x?y", NULL, "body");
		assert_int_equal(a->status, 503);
		assert_string_equal(a->body, "{\"down\":true}");
		assert_header(a, "content-type", "application/json");
		assert_header(a, "retry-after", "30");
		assert_header(a, "cache-control", "no-store");
		assert_false(a->reached);
		assert_false(a->cut);
	}
	gh_test_end(t);
}

static void text_is_plain_when_nothing_else_is_said(void **state)
{
	struct gh_test *t = begin("body: \"User-agent: *\\nDisallow: /\\n\"");
	const struct gh_test_answer *a = gh_test_send(t, "GET", "/robots.txt", NULL, NULL);
	(void)state;

	assert_string_equal(a->body, "User-agent: *\nDisallow: /\n");
	assert_header(a, "content-type", "text/plain; charset=utf-8");
	gh_test_end(t);
}

static void an_answer_that_has_no_body_may_have_no_body(void **state)
{
	struct gh_test *t = begin("status: 204");
	(void)state;

	assert_int_equal(gh_test_send(t, "GET", "/", NULL, NULL)->status, 204);
	gh_test_end(t);
	assert_refused("{ status: 204, body: x }", "an answer of status 204 has no body");
	assert_refused("{ status: 304, body: x }", "an answer of status 304 has no body");
}

static void what_cannot_be_sent_is_refused(void **state)
{
	(void)state;
	assert_refused("status: 100", "status");
	assert_refused("status: 600", "status");
	assert_refused("type: \"a\\r\\nb\"", "control characters");
	assert_refused("headers: { Content-Length: 3 }",
		       "headers: the header 'Content-Length' cannot be set");
	assert_refused("headers: { 'A B': 3 }", "'A B'");
	assert_refused("headers: { A: \"x\\ny\" }", "control characters");
	assert_refused("headers: { content-type: text/html }",
		       "write the 'Content-Type' as `type`");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_options_it_is_an_empty_200),
		cmocka_unit_test(status_body_type_and_headers_are_as_set),
		cmocka_unit_test(text_is_plain_when_nothing_else_is_said),
		cmocka_unit_test(an_answer_that_has_no_body_may_have_no_body),
		cmocka_unit_test(what_cannot_be_sent_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
