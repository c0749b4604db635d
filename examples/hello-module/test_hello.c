/* The test of hello-module: requests through the real chain, without a socket. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <gatehouse/test.h>

extern const struct gh_module gh_module_hello_module;

static void it_greets_by_address(void **state)
{
	struct gh_test *t = gh_test_begin(&gh_module_hello_module, NULL);
	const struct gh_test_answer *a;
	(void)state;

	assert_non_null(t);
	gh_test_client(t, "198.51.100.7");
	a = gh_test_send(t, "GET", "/hello?x=1", NULL, NULL);
	assert_int_equal(a->status, 200);
	assert_string_equal(a->body, "Hello, stranger from 198.51.100.7\n");
	assert_string_equal(gh_test_header(a, "cache-control"), "no-store");
	assert_false(a->reached);
	gh_test_end(t);
}

static void path_and_greeting_are_as_set(void **state)
{
	struct gh_test *t = gh_test_begin(&gh_module_hello_module,
					  "{ path: /whoami, greeting: Moin }");
	const struct gh_test_answer *a;
	(void)state;

	assert_non_null(t);
	a = gh_test_send(t, "GET", "/whoami", NULL, NULL);
	assert_string_equal(a->body, "Moin, stranger from 192.0.2.1\n");
	gh_test_end(t);
}

static void all_else_goes_on(void **state)
{
	struct gh_test *t = gh_test_begin(&gh_module_hello_module, NULL);
	const struct gh_test_answer *a;
	(void)state;

	assert_non_null(t);
	a = gh_test_send(t, "POST", "/hello/you", NULL, "body");
	assert_true(a->reached);
	assert_string_equal(a->body, "upstream");
	assert_string_equal(a->upstream_body, "body");
	gh_test_end(t);
}

static void a_path_without_a_slash_is_refused_with_its_mend(void **state)
{
	(void)state;
	assert_null(gh_test_begin(&gh_module_hello_module, "path: hello"));
	assert_non_null(strstr(gh_test_mistakes(), "write '/hello'"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_greets_by_address),
		cmocka_unit_test(path_and_greeting_are_as_set),
		cmocka_unit_test(all_else_goes_on),
		cmocka_unit_test(a_path_without_a_slash_is_refused_with_its_mend),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
