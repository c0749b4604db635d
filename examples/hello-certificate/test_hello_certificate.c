/* The test of hello-certificate: what the source gives and tells, without a listener. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <gatehouse/test.h>

extern const struct gh_module gh_module_hello_certificate;

static void what_the_command_prints_is_given(void **state)
{
	const struct gh_test_certificates *c;
	struct gh_test *t = gh_test_begin(
		&gh_module_hello_certificate,
		"{ every: 5m, command: \"openssl req -x509 -newkey ec -pkeyopt "
		"ec_paramgen_curve:P-256 -nodes -keyout - -out - -subj /CN=a.test -addext "
		"subjectAltName=DNS:a.test 2>/dev/null\" }");
	(void)state;

	assert_non_null(t);
	c = gh_test_renew(t);
	assert_string_equal(c->trouble, "");
	assert_int_equal(c->count, 1);
	assert_int_equal(c->again_ms, 5 * 60 * 1000);
	gh_test_end(t);
}

static void a_command_that_fails_is_told(void **state)
{
	const struct gh_test_certificates *c;
	struct gh_test *t = gh_test_begin(&gh_module_hello_certificate, "{ command: exit 3 }");
	(void)state;

	assert_non_null(t);
	c = gh_test_renew(t);
	assert_non_null(strstr(c->trouble, "'exit 3' failed"));
	assert_int_equal(c->count, 0);
	gh_test_end(t);
}

static void what_is_no_certificate_is_told(void **state)
{
	const struct gh_test_certificates *c;
	struct gh_test *t = gh_test_begin(&gh_module_hello_certificate, "{ command: echo hello }");
	(void)state;

	assert_non_null(t);
	c = gh_test_renew(t);
	assert_non_null(strstr(c->trouble, "no certificate"));
	assert_int_equal(c->count, 0);
	gh_test_end(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_command_prints_is_given),
		cmocka_unit_test(a_command_that_fails_is_told),
		cmocka_unit_test(what_is_no_certificate_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
