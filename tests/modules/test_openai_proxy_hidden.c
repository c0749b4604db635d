/* Errors that a server told with status 200: which status was meant, and what is no error. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "modules/openai-proxy/hidden.h"

static bool find(const char *body, struct openai_hidden *ret_hidden)
{
	/* Bytes of just that size, so that a look past the end is seen. */
	size_t len = strlen(body);
	char *bytes = malloc(len ? len : 1);

	assert_non_null(bytes);
	memcpy(bytes, body, len);
	bool yes = openai_hidden_find((struct gh_str){ bytes, len }, ret_hidden);
	free(bytes);
	return yes;
}

static void the_words_tell_the_status(void **state)
{
	static const struct {
		const char *body;
		int status;
		const char *code;
	} cases[] = {
		{ "{\"error\":\"Unexpected endpoint or method. (GET /x)\"}", 404, "not_found" },
		{ "{\"error\":\"unexpected ENDPOINT\"}", 404, "not_found" },
		{ "{\"error\":\"No models loaded. Please load one.\"}", 404, "model_not_found" },
		{ "{\"error\":\"Model \\\"a/b\\\" not found\"}", 404, "model_not_found" },
		{ "{\"error\":\"The model a is not loaded\"}", 404, "model_not_found" },
		{ "{\"error\":\"The model 'a' does not exist\"}", 404, "model_not_found" },
		{ "{\"error\":\"'messages' field is required\"}", 400, NULL },
		{ "{\"error\":\"Invalid 'tools'\"}", 400, NULL },
		{ "{\"error\":\"The context overflows\"}", 400, NULL },
		{ "{\"error\":\"The model has crashed. (Exit code: 139)\"}", 500, NULL },
		{ "{\"error\":\"\"}", 500, NULL },
		{ " \n{ \"object\":\"error\" , \"error\" : \"x\" } \r\n", 500, NULL },
	};
	struct openai_hidden h;

	(void)state;
	for (size_t i = 0; i < GH_COUNT_OF(cases); i++) {
		if (!find(cases[i].body, &h))
			fail_msg("%s: none", cases[i].body);
		if (h.status != cases[i].status)
			fail_msg("%s: %d in place of %d", cases[i].body, h.status, cases[i].status);
		assert_true(h.bare);
		if (cases[i].code)
			assert_string_equal(h.code, cases[i].code);
		else
			assert_null(h.code);
	}
}

static void an_error_that_names_its_kind_is_believed(void **state)
{
	static const struct {
		const char *body;
		int status;
	} cases[] = {
		{ "{\"error\":{\"message\":\"No models "
		  "loaded.\",\"type\":\"invalid_request_error\"}}",
		  404 },
		{ "{\"error\":{\"message\":\"gone\",\"code\":\"model_not_found\"}}", 404 },
		{ "{\"error\":{\"message\":\"Loading model\",\"type\":\"unavailable_error\","
		  "\"code\":503}}",
		  503 },
		{ "{\"error\":{\"message\":\"m\",\"type\":\"invalid_request_error\"}}", 400 },
		{ "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"m\"}"
		  "}",
		  503 },
		{ "{\"error\":{\"message\":\"m\",\"type\":\"server_error\",\"code\":null}}", 500 },
		{ "{\"error\":{\"message\":\"m\",\"code\":200}}", 500 },
		{ "{\"error\":{\"message\":\"m\",\"code\":600}}", 500 },
		{ "{\"error\":{\"message\":\"'x' is required\"}}", 400 },
		{ "{\"error\":{}}", 500 },
	};
	struct openai_hidden h;

	(void)state;
	for (size_t i = 0; i < GH_COUNT_OF(cases); i++) {
		if (!find(cases[i].body, &h))
			fail_msg("%s: none", cases[i].body);
		if (h.status != cases[i].status)
			fail_msg("%s: %d in place of %d", cases[i].body, h.status, cases[i].status);
		assert_false(h.bare);
	}
}

static void an_answer_is_none(void **state)
{
	static const char *const answers[] = {
		"",
		"error",
		"\"error\"",
		"[\"error\"]",
		"{\"error\":null}",
		"{\"error\":false}",
		"{\"error\":[\"x\"]}",
		"{\"error\":\"x\"",
		"{\"error\":\"x\"} y",
		"{\"error\":\"x\",\"error\":\"y\"}",
		"{\"errors\":\"x\"}",
		"{\"a\":{\"error\":\"x\"}}",
		"{\"error\":\"x\",\"choices\":[]}",
		"{\"data\":[],\"error\":\"x\"}",
		"{\"id\":\"r\",\"error\":{\"message\":\"m\"},\"output\":[]}",
		"{\"content\":[],\"error\":{\"message\":\"m\"}}",
		"{\"results\":[],\"error\":\"x\"}",
	};
	struct openai_hidden h;

	(void)state;
	for (size_t i = 0; i < GH_COUNT_OF(answers); i++)
		if (find(answers[i], &h))
			fail_msg("%s", answers[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_words_tell_the_status),
		cmocka_unit_test(an_error_that_names_its_kind_is_believed),
		cmocka_unit_test(an_answer_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
