/* The module redirect. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <gatehouse/test.h>

extern const struct gh_module gh_module_redirect;

static struct gh_test *begin(const char *yaml)
{
	struct gh_test *t = gh_test_begin(&gh_module_redirect, yaml);

	if (!t)
		print_error("%s", gh_test_mistakes());
	assert_non_null(t);
	return t;
}

static void assert_refused(const char *to, const char *says)
{
	char yaml[256];
	struct gh_test *t;

	snprintf(yaml, sizeof yaml, "to: \"%s\"", to);
	t = gh_test_begin(&gh_module_redirect, yaml);
	assert_null(t);
	if (!strstr(gh_test_mistakes(), says))
		print_error("'%s' is not in:\n%s", says, gh_test_mistakes());
	assert_non_null(strstr(gh_test_mistakes(), says));
}

/* Where `to` sends a request for `target` of Host: test.example. */
static void assert_goes(const char *to, const char *target, const char *location)
{
	char yaml[256];
	struct gh_test *t;
	const struct gh_test_answer *a;
	const char *got;

	snprintf(yaml, sizeof yaml, "to: \"%s\"", to);
	t = begin(yaml);
	a = gh_test_send(t, "GET", target, NULL, NULL);
	got = gh_test_header(a, "location");
	assert_int_equal(a->status, 308);
	assert_non_null(got);
	assert_string_equal(got, location);
	assert_false(a->reached);
	gh_test_end(t);
}

static void a_path_and_its_query_go_along(void **state)
{
	(void)state;
	assert_goes("https://example.org{path}{query}", "/a/b?x=1&y=2",
		    "https://example.org/a/b?x=1&y=2");
	assert_goes("https://example.org{path}{query}", "/", "https://example.org/");
	assert_goes("https://example.org/new", "/a?b", "https://example.org/new");
	assert_goes("https://example.org/new{path}", "/a", "https://example.org/new/a");
	assert_goes("/new{path}{query}", "/a?b", "/new/a?b");
	assert_goes("{path}/", "/a", "/a/");
}

static void host_and_scheme_go_along(void **state)
{
	(void)state;
	assert_goes("https://{host}{path}{query}", "/a?b=c", "https://test.example/a?b=c");
	assert_goes("https://{host}:8443{path}", "/a", "https://test.example:8443/a");
	assert_goes("https://www.{host}/", "/a", "https://www.test.example/");
	assert_goes("{scheme}://new.example{path}", "/a", "http://new.example/a");
	assert_goes("/login?from={scheme}", "/", "/login?from=http");
}

static void a_query_joins_what_is_there(void **state)
{
	(void)state;
	assert_goes("/x?old=1{query}", "/a?b=c", "/x?old=1&b=c");
	assert_goes("/x?old=1{query}", "/a", "/x?old=1");
	assert_goes("{path}?{query}", "/a?b=c", "/a?b=c");
	assert_goes("/x?old=1&{query}", "/a?b=c", "/x?old=1&b=c");
	assert_goes("https://example.org{query}", "/a?b=c", "https://example.org?b=c");
}

static void what_is_put_into_a_query_is_one_value(void **state)
{
	(void)state;
	assert_goes("/login?next={path}", "/a&admin=1", "/login?next=/a%26admin%3D1");
	assert_goes("/login?next={path}", "/a%20b", "/login?next=/a%2520b");
	assert_goes("/login?next={path}&x=1", "/a+b", "/login?next=/a%2Bb&x=1");
}

static void escapes_stay_as_they_are(void **state)
{
	(void)state;
	assert_goes("https://example.org{path}{query}", "/a%20b%3Fc%23d?e=%0d%0aX:1",
		    "https://example.org/a%20b%3Fc%23d?e=%0d%0aX:1");
	assert_goes("https://example.org{path}", "/models/org%2Fname",
		    "https://example.org/models/org%2Fname");
}

static void what_no_url_may_have_is_escaped(void **state)
{
	(void)state;
	assert_goes("{path}{query}", "/?q=<script>\\\"", "/?q=%3Cscript%3E%5C%22");
}

static void no_client_names_another_host(void **state)
{
	/* Paths with empty segments, `//evil` and the like, do not come as far as this. */
	static const char *const tricks[] = {
		"/@evil.example/",  "/.evil.example",      "/:80@evil.example/",
		"/?//evil.example", "/a%2F?@evil.example", "/",
	};
	static const char *const templates[] = { "to: \"{path}{query}\"",
						 "to: \"https://example.org{path}{query}\"",
						 "to: \"{path}/{query}\"", "to: \"{path}{path}\"" };
	(void)state;

	for (size_t i = 0; i < GH_COUNT_OF(templates); i++) {
		struct gh_test *t = begin(templates[i]);

		for (size_t j = 0; j < GH_COUNT_OF(tricks); j++) {
			const struct gh_test_answer *a = gh_test_send(t, "GET", tricks[j], NULL,
								      NULL);
			const char *to = gh_test_header(a, "location");

			if (a->status == 400) {
				assert_null(to);
				continue;
			}
			assert_int_equal(a->status, 308);
			assert_non_null(to);
			if (i == 1) {
				assert_memory_equal(to, "https://example.org/", 20);
				continue;
			}
			assert_int_equal(to[0], '/');
			assert_true(to[1] != '/' && to[1] != '\\');
		}
		gh_test_end(t);
	}
}

static void the_root_with_a_slash_behind_it_is_no_host(void **state)
{
	struct gh_test *t = begin("to: \"{path}/evil.example\"");
	const struct gh_test_answer *a = gh_test_send(t, "GET", "/", NULL, NULL);
	(void)state;

	assert_int_equal(a->status, 400);
	assert_null(gh_test_header(a, "location"));
	gh_test_end(t);
}

static void the_status_is_as_set(void **state)
{
	static const int statuses[] = { 301, 302, 303, 307, 308 };
	(void)state;

	for (size_t i = 0; i < GH_COUNT_OF(statuses); i++) {
		char yaml[64];
		struct gh_test *t;

		snprintf(yaml, sizeof yaml, "{ to: /x, status: %d }", statuses[i]);
		t = begin(yaml);
		assert_int_equal(gh_test_send(t, "GET", "/", NULL, NULL)->status, statuses[i]);
		gh_test_end(t);
	}
	assert_null(gh_test_begin(&gh_module_redirect, "{ to: /x, status: 200 }"));
	assert_null(gh_test_begin(&gh_module_redirect, "status: 301"));
}

static void a_target_that_could_lead_astray_is_refused(void **state)
{
	(void)state;
	assert_refused("//example.org{path}", "`//` begins a host");
	assert_refused("javascript:alert(1)", "a target begins with https://");
	assert_refused("example.org{path}", "a target begins with https://");
	assert_refused("{host}{path}", "a target begins with https://");
	assert_refused("{query}", "a target begins with https://");
	assert_refused("https://{path}", "there is no host");
	assert_refused("https://{query}", "there is no host");
	assert_refused("https:///x", "there is no host");
	assert_refused("https://?x", "there is no host");
	assert_refused("https://", "there is no host");
	assert_refused("https://a@b.example/", "user name");
	assert_refused("https://{host}@b.example/", "user name");
	assert_refused("https://{scheme}.example/", "{scheme} cannot stand in a host");
	assert_refused("/{path}", "`{path}` begins with a slash");
	assert_refused("https://example.org/{path}", "`{path}` begins with a slash");
	assert_refused("/a b", "write it as %20");
	assert_refused("/\\\\evil", "write it as %5C");
	assert_refused("/a\\r\\nX: y", "write it as %0D");
	assert_refused("/{uri}", "'{uri}' is no placeholder");
	assert_refused("/a}", "write it as %7D");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_path_and_its_query_go_along),
		cmocka_unit_test(host_and_scheme_go_along),
		cmocka_unit_test(a_query_joins_what_is_there),
		cmocka_unit_test(what_is_put_into_a_query_is_one_value),
		cmocka_unit_test(escapes_stay_as_they_are),
		cmocka_unit_test(what_no_url_may_have_is_escaped),
		cmocka_unit_test(no_client_names_another_host),
		cmocka_unit_test(the_root_with_a_slash_behind_it_is_no_host),
		cmocka_unit_test(the_status_is_as_set),
		cmocka_unit_test(a_target_that_could_lead_astray_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
