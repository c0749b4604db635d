/* Which requests go on to the model server: the upstream here refuses connections, so they are a 502. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <gatehouse/test.h>

extern const struct gh_module gh_module_openai_proxy;

enum { GOES_ON = 502, REFUSED = 404 };

static struct gh_test *begin(const char *options)
{
	struct gh_test *t = gh_test_begin(&gh_module_openai_proxy, options);

	if (!t)
		fail_msg("%s", gh_test_mistakes());
	return t;
}

static void expect(struct gh_test *t, const char *path, int status)
{
	const struct gh_test_answer *a = gh_test_send(t, "POST", path, NULL, "{}");

	if (a->status != status)
		fail_msg("%s: %d in place of %d", path, a->status, status);
}

static void the_apis_of_openai_and_anthropic_go_on(void **state)
{
	static const char *const known[] = {
		"/v1/models",
		"/v1/models/org%2Fname",
		"/v1/models/org/name",
		"/v1/chat/completions",
		"/v1/chat/completions?a=b",
		"/v1/completions",
		"/v1/embeddings",
		"/v1/responses",
		"/v1/responses/resp_1/input_items",
		"/v1/messages",
		"/v1/messages/count_tokens",
		"/v1/audio/transcriptions",
		"/v1/images/generations",
		"/v1/moderations",
		"/v1/rerank",
	};
	struct gh_test *t = begin("to: http://127.0.0.1:1");

	(void)state;
	for (size_t i = 0; i < GH_COUNT_OF(known); i++)
		expect(t, known[i], GOES_ON);
	gh_test_end(t);
}

static void nothing_else_does(void **state)
{
	static const char *const others[] = {
		"/",
		"/v1",
		"/v1/",
		"/v1/nonsense",
		"/v1/modelsx",
		"/v1/models-x",
		"/v1/model",
		"/v1/chat",
		"/v1/chat/completionsx",
		"/api/v0/models",
		"/slots",
		"/v1/chat%2Fcompletions",
		"/x/v1/models",
		"/v1/files",
		"/?/v1/models",
	};
	struct gh_test *t = begin("to: http://127.0.0.1:1");

	(void)state;
	for (size_t i = 0; i < GH_COUNT_OF(others); i++)
		expect(t, others[i], REFUSED);
	gh_test_end(t);
}

static void a_refusal_reads_as_openais(void **state)
{
	struct gh_test *t = begin("to: http://127.0.0.1:1");
	const struct gh_test_answer *a = gh_test_send(t, "GET", "/v1/nonsense", NULL, NULL);

	(void)state;
	assert_int_equal(a->status, 404);
	assert_string_equal(gh_test_header(a, "content-type"), "application/json");
	assert_string_equal(
		a->body,
		"{\"error\":{\"message\":\"Unknown API path: GET /v1/nonsense\","
		"\"type\":\"invalid_request_error\",\"param\":null,\"code\":\"not_found\"}}");
	assert_false(a->reached);
	gh_test_end(t);
}

static void callers_of_anthropics_api_are_refused_in_its_words(void **state)
{
	static const char shape[] = "{\"type\":\"error\",\"error\":{\"type\":\"";
	struct gh_test *t = begin("to: http://127.0.0.1:1");
	const char *type;
	(void)state;

	const struct gh_test_answer *a = gh_test_send(t, "POST", "/v1/messages", NULL, "{}");
	assert_int_equal(a->status, GOES_ON);
	assert_memory_equal(a->body, shape, sizeof shape - 1);
	a = gh_test_send(t, "GET", "/v1/nonsense", "anthropic-version: 2023-06-01\r\n", NULL);
	assert_int_equal(a->status, REFUSED);
	assert_memory_equal(a->body, shape, sizeof shape - 1);
	type = strstr(a->body, "not_found_error");
	assert_non_null(type);
	a = gh_test_send(t, "POST", "/v1/messages_of_others", NULL, "{}");
	assert_memory_equal(a->body, "{\"error\":", 9);
	gh_test_end(t);
}

static void paths_are_the_users_to_choose(void **state)
{
	struct gh_test *t = begin("to: http://127.0.0.1:1\npaths: [/v1/models, /api]");

	(void)state;
	expect(t, "/api", GOES_ON);
	expect(t, "/api/v0/models", GOES_ON);
	expect(t, "/v1/models", GOES_ON);
	expect(t, "/apis", REFUSED);
	expect(t, "/v1/chat/completions", REFUSED);
	gh_test_end(t);
}

static void a_path_that_could_never_match_is_a_mistake(void **state)
{
	static const char *const wrong[] = { "v1/models", "/v1/models/", "/", "''" };
	char options[128];

	(void)state;
	for (size_t i = 0; i < GH_COUNT_OF(wrong); i++) {
		snprintf(options, sizeof options, "to: http://127.0.0.1:1\npaths: [%s]", wrong[i]);
		assert_null(gh_test_begin(&gh_module_openai_proxy, options));
		assert_non_null(strstr(gh_test_mistakes(), "paths"));
	}
	assert_null(gh_test_begin(&gh_module_openai_proxy, NULL));
	assert_non_null(strstr(gh_test_mistakes(), "to"));
}

static void expect_refusal(struct gh_test *t, const char *headers, const char *body, int status,
			   const char *words)
{
	const struct gh_test_answer *a = gh_test_send(t, "POST", "/v1/chat/completions", headers,
						      body);

	if (a->status != status || !strstr(a->body, words))
		fail_msg("%s: %d %s", body, a->status, a->body);
	assert_null(strstr(a->body, "SECRET"));
	assert_null(strstr(a->log, "SECRET"));
}

static void a_body_that_cannot_be_read_is_refused_with_its_place(void **state)
{
	struct gh_test *t = begin("to: http://127.0.0.1:1");

	(void)state;
	expect_refusal(t, NULL, "{\"a\":\"SECRET\",\n}", 400, "line 2, column 1, byte 15");
	expect_refusal(t, NULL, "SECRET", 400, "\"type\":\"invalid_request_error\",\"param\":null");
	expect_refusal(t, NULL, "[\"SECRET\"]", 400, "must be an object");
	expect_refusal(t, NULL, "{\"stream\":\"SECRET\"}", 400, "\"param\":\"stream\"");
	expect_refusal(t, NULL, "{\"model\":\"a\",\"model\":\"a\"}", 400, "\"param\":\"model\"");
	expect_refusal(t, "content-type: multipart/form-data\r\n", "SECRET", 400, "boundary");
	expect_refusal(t, "content-encoding: gzip\r\n", "{}", 415, "Content-Encoding");
	expect_refusal(t, "content-type: a/b\r\ncontent-type: application/json\r\n", "{}", 400,
		       "Content-Type");
	gh_test_end(t);
}

static void a_refusal_of_a_member_is_in_the_words_of_its_api(void **state)
{
	struct gh_test *t = begin("to: http://127.0.0.1:1");
	const struct gh_test_answer *a = gh_test_send(t, "POST", "/v1/messages", NULL,
						      "{\"model\":1}");

	(void)state;
	assert_int_equal(a->status, 400);
	assert_non_null(strstr(a->body, "{\"type\":\"error\",\"error\":{\"type\":"
					"\"invalid_request_error\",\"message\":\"model must be a "
					"string (line 1, column 10, byte 9).\"}}"));
	gh_test_end(t);
}

static void a_body_in_any_slices_is_read(void **state)
{
	static const char body[] = "{\"model\":\"m\",\"stream\":true}";
	struct gh_test *t = begin("to: http://127.0.0.1:1");

	(void)state;
	for (size_t slice = 1; slice <= sizeof body; slice++)
		assert_int_equal(gh_test_send_sliced(t, "POST", "/v1/completions", NULL, body,
						     slice)
					 ->status,
				 GOES_ON);
	gh_test_end(t);
}

static void a_body_has_a_limit(void **state)
{
	struct gh_test *t = begin("to: http://127.0.0.1:1\nmax_body: 8");

	(void)state;
	assert_int_equal(gh_test_send(t, "POST", "/v1/rerank", NULL, "{\"a\":123}")->status, 413);
	assert_int_equal(gh_test_send(t, "POST", "/v1/rerank", NULL, "{\"a\":12}")->status,
			 GOES_ON);
	gh_test_end(t);
}

static const char two[] = "models:\n"
			  "  local: { to: http://127.0.0.1:1, name: real/local }\n"
			  "  far: { to: http://127.0.0.1:1, name: real/far, fallback: local }";

static void a_model_that_nobody_has_is_not_found(void **state)
{
	struct gh_test *t = begin(two);

	(void)state;
	expect_refusal(t, NULL, "{\"model\":\"near\"}", 404, "\"code\":\"model_not_found\"");
	expect_refusal(t, NULL, "{\"model\":\"near\"}", 404, "local");
	expect_refusal(t, NULL, "{\"model\":\"local\"}", GOES_ON, "upstream_error");
	gh_test_end(t);
}

static void a_fallback_that_is_down_too_is_the_end(void **state)
{
	struct gh_test *t = begin(two);

	(void)state;
	expect_refusal(t, NULL, "{\"model\":\"far\"}", GOES_ON, "upstream_error");
	expect_refusal(t, NULL, "{\"model\":\"far\",\"stream\":true}", GOES_ON, "upstream_error");
	gh_test_end(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_apis_of_openai_and_anthropic_go_on),
		cmocka_unit_test(nothing_else_does),
		cmocka_unit_test(a_refusal_reads_as_openais),
		cmocka_unit_test(callers_of_anthropics_api_are_refused_in_its_words),
		cmocka_unit_test(paths_are_the_users_to_choose),
		cmocka_unit_test(a_path_that_could_never_match_is_a_mistake),
		cmocka_unit_test(a_body_that_cannot_be_read_is_refused_with_its_place),
		cmocka_unit_test(a_refusal_of_a_member_is_in_the_words_of_its_api),
		cmocka_unit_test(a_body_in_any_slices_is_read),
		cmocka_unit_test(a_body_has_a_limit),
		cmocka_unit_test(a_model_that_nobody_has_is_not_found),
		cmocka_unit_test(a_fallback_that_is_down_too_is_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
