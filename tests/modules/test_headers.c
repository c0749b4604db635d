/* The module headers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <gatehouse/test.h>

extern const struct gh_module gh_module_headers;

static struct gh_test *begin(const char *yaml)
{
	struct gh_test *t = gh_test_begin(&gh_module_headers, yaml);

	if (!t)
		print_error("%s", gh_test_mistakes());
	assert_non_null(t);
	return t;
}

static void assert_refused(const char *yaml, const char *says)
{
	struct gh_test *t = gh_test_begin(&gh_module_headers, yaml);

	assert_null(t);
	if (!strstr(gh_test_mistakes(), says))
		print_error("'%s' is not in:\n%s", says, gh_test_mistakes());
	assert_non_null(strstr(gh_test_mistakes(), says));
}

/* How often a line is among header lines, whatever its case. */
static int count(const char *headers, const char *line)
{
	int n = 0;

	for (const char *at = headers; (at = strcasestr(at, line)); at++)
		n += at == headers || at[-1] == '\n';
	return n;
}

static void a_request_loses_gets_and_gains_fields(void **state)
{
	struct gh_test *t = begin("request: { remove: [Cookie], set: { X-Env: prod },"
				  " add: { X-Tag: new } }");
	const struct gh_test_answer *a =
		gh_test_send(t, "GET", "/",
			     "cookie: a=1\r\nX-Env: dev\r\nx-env: test\r\nX-Tag: old\r\n"
			     "X-Kept: yes\r\n",
			     NULL);
	(void)state;

	assert_int_equal(a->status, 200);
	assert_int_equal(count(a->upstream_headers, "cookie:"), 0);
	assert_int_equal(count(a->upstream_headers, "x-env:"), 1);
	assert_int_equal(count(a->upstream_headers, "x-env: prod\r\n"), 1);
	assert_int_equal(count(a->upstream_headers, "x-tag: old\r\n"), 1);
	assert_int_equal(count(a->upstream_headers, "x-tag: new\r\n"), 1);
	assert_int_equal(count(a->upstream_headers, "x-kept: yes\r\n"), 1);
	assert_int_equal(count(a->headers, "x-env:"), 0);
	gh_test_end(t);
}

static void an_answer_loses_gets_and_gains_fields(void **state)
{
	struct gh_test *t = begin("response: { remove: [X-Powered-By],"
				  " set: { Strict-Transport-Security: max-age=63072000 },"
				  " add: { Vary: Origin } }");
	const struct gh_test_answer *a;
	(void)state;

	gh_test_upstream(t, 200,
			 "X-Powered-By: x\r\nx-powered-by: y\r\nVary: Accept\r\n"
			 "strict-transport-security: max-age=1\r\n",
			 "ok");
	a = gh_test_send(t, "GET", "/", NULL, NULL);
	assert_int_equal(count(a->headers, "x-powered-by:"), 0);
	assert_int_equal(count(a->headers, "strict-transport-security:"), 1);
	assert_int_equal(count(a->headers, "strict-transport-security: max-age=63072000\r\n"), 1);
	assert_int_equal(count(a->headers, "vary: Accept\r\n"), 1);
	assert_int_equal(count(a->headers, "vary: Origin\r\n"), 1);
	assert_int_equal(count(a->upstream_headers, "vary:"), 0);
	gh_test_end(t);
}

static void remove_comes_first_then_set_then_add(void **state)
{
	struct gh_test *t =
		begin("request: { add: { X-A: three }, set: { X-A: two }, remove: [X-A] }");
	const struct gh_test_answer *a = gh_test_send(t, "GET", "/", "X-A: one\r\n", NULL);
	(void)state;

	assert_int_equal(count(a->upstream_headers, "x-a:"), 2);
	assert_int_equal(count(a->upstream_headers, "x-a: two\r\n"), 1);
	assert_int_equal(count(a->upstream_headers, "x-a: three\r\n"), 1);
	gh_test_end(t);
}

static void a_removed_name_goes_in_every_spelling(void **state)
{
	struct gh_test *t = begin("request: { remove: [X-Real-Name] }");
	const struct gh_test_answer *a = gh_test_send(
		t, "GET", "/", "X_Real-Name: a\r\nx_real_name: b\r\nX-REAL-NAME: c\r\n", NULL);
	(void)state;

	assert_int_equal(count(a->upstream_headers, "x_real"), 0);
	assert_int_equal(count(a->upstream_headers, "x-real"), 0);
	gh_test_end(t);
}

static void nothing_to_change_changes_nothing(void **state)
{
	struct gh_test *t = begin(NULL);
	const struct gh_test_answer *a = gh_test_send(t, "GET", "/", "X-A: one\r\n", NULL);
	(void)state;

	assert_int_equal(a->status, 200);
	assert_int_equal(count(a->upstream_headers, "x-a: one\r\n"), 1);
	gh_test_end(t);
}

static void names_that_frame_messages_are_refused(void **state)
{
	static const char *const names[] = { "Content-Length", "transfer-encoding",
					     "Connection",     "TE",
					     "Upgrade",        "Keep-Alive",
					     "Trailer",        "Content_Length" };
	static const char *const forms[] = {
		"request: { set: { %s: x } }",  "request: { add: { %s: x } }",
		"request: { remove: [%s] }",    "response: { set: { %s: x } }",
		"response: { add: { %s: x } }", "response: { remove: [%s] }",
	};
	(void)state;

	for (size_t i = 0; i < GH_COUNT_OF(names); i++)
		for (size_t j = 0; j < GH_COUNT_OF(forms); j++) {
			char yaml[128], *at = yaml, *end = yaml + sizeof yaml;
			const char *mark = strchr(forms[j], '%');

			snprintf(at, (size_t)(end - at), "%.*s%s%s", (int)(mark - forms[j]),
				 forms[j], names[i], mark + 2);
			assert_refused(yaml, names[i]);
		}
}

static void names_that_are_no_tokens_are_refused(void **state)
{
	(void)state;
	assert_refused(
		"request: { set: { 'X A': x } }",
		"request.set: the header 'X A' cannot be set: a name is letters, digits and `-`");
	assert_refused("response: { add: { 'X:A': x } }", "response.add: the header 'X:A'");
	assert_refused("response: { remove: ['X A'] }", "'X A' is no header to remove");
	assert_refused("request: { set: { '': x } }", "cannot be set");
}

static void values_with_control_characters_are_refused(void **state)
{
	(void)state;
	assert_refused("request: { set: { X-A: \"a\\r\\nX-B: b\" } }", "control characters");
	assert_refused("response: { add: { X-A: \"a\\0b\" } }", "");
}

static void the_host_is_changed_by_set_alone(void **state)
{
	struct gh_test *t;
	const struct gh_test_answer *a;
	(void)state;

	assert_refused("request: { add: { Host: x } }", "write it under `set`");
	assert_refused("request: { remove: [host] }", "write it under `set`");
	t = begin("request: { set: { Host: other.example } }");
	a = gh_test_send(t, "GET", "/", NULL, NULL);
	assert_int_equal(count(a->upstream_headers, "host:"), 1);
	gh_test_end(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_loses_gets_and_gains_fields),
		cmocka_unit_test(an_answer_loses_gets_and_gains_fields),
		cmocka_unit_test(remove_comes_first_then_set_then_add),
		cmocka_unit_test(a_removed_name_goes_in_every_spelling),
		cmocka_unit_test(nothing_to_change_changes_nothing),
		cmocka_unit_test(names_that_frame_messages_are_refused),
		cmocka_unit_test(names_that_are_no_tokens_are_refused),
		cmocka_unit_test(values_with_control_characters_are_refused),
		cmocka_unit_test(the_host_is_changed_by_set_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
