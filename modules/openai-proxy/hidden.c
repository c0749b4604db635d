#include "hidden.h"

/* Members that only an answer has, and one of /v1/responses may have an `error` beside them. */
static const char *const of_answers[] = { "choices", "data", "output", "content", "results" };

enum { WORDS_MAX = 256 }; /* of a message; the rest tells nothing new */

static bool is_answer(struct gh_json root)
{
	for (size_t i = 0; i < GH_COUNT_OF(of_answers); i++)
		if (gh_json_get(root, gh_str(of_answers[i]), NULL))
			return true;
	return false;
}

static bool has(struct gh_str text, const char *words)
{
	return memmem(text.at, text.len, words, strlen(words)) != NULL;
}

static bool has_any(struct gh_str text, const char *const *words)
{
	for (; *words; words++)
		if (has(text, *words))
			return true;
	return false;
}

/* In lower case. */
static struct gh_str words_of(struct gh_json message, char to[static WORDS_MAX])
{
	struct gh_str raw = gh_str_slice(message.text, 0, WORDS_MAX);

	for (size_t i = 0; i < raw.len; i++)
		to[i] = gh_lower(raw.at[i]);
	return (struct gh_str){ to, raw.len };
}

static void judge_words(struct gh_str words, struct openai_hidden *h)
{
	static const char *const absent[] = { "not found", "not loaded", "does not exist", NULL };
	/* What is said of a request, and not of the server's own state. */
	static const char *const asked[] = { "required",     "invalid",          "must be",
					     "context",      "unsupported",      "not supported",
					     "unrecognized", "does not support", NULL };

	h->status = 500;
	if (has(words, "unexpected endpoint")) {
		h->status = 404;
		h->code = "not_found";
	} else if (has(words, "no models loaded") ||
		   (has(words, "model") && has_any(words, absent))) {
		h->status = 404;
		h->code = "model_not_found";
	} else if (has_any(words, asked)) {
		h->status = 400;
	}
}

/* An error that names its kind is believed. False: it names none that is known. */
static bool judge_members(struct gh_json error, struct openai_hidden *h)
{
	static const struct {
		const char *type;
		int status;
	} types[] = {
		{ "not_found_error", 404 },       { "authentication_error", 401 },
		{ "permission_error", 403 },      { "rate_limit_error", 429 },
		{ "overloaded_error", 503 },      { "unavailable_error", 503 },
		{ "invalid_request_error", 400 }, { "exceed_context_size_error", 400 },
		{ "server_error", 500 },          { "api_error", 500 },
	};
	struct gh_json code = { .text = { NULL, 0 } }, type = code;
	int64_t number;

	gh_json_get(error, GH_STR("code"), &code);
	gh_json_get(error, GH_STR("type"), &type);
	if (gh_json_is(code, GH_STR("model_not_found"))) {
		h->status = 404;
		return true;
	}
	if (gh_json_int(code, &number) == 0 && number >= 400 && number <= 599) {
		h->status = (int)number;
		return true;
	}
	for (size_t i = 0; i < GH_COUNT_OF(types); i++) {
		if (!gh_json_is(type, gh_str(types[i].type)))
			continue;
		h->status = types[i].status;
		return true;
	}
	return false;
}

bool openai_hidden_find(struct gh_str body, struct openai_hidden *ret_hidden)
{
	struct openai_hidden h = { .status = 500 };
	struct gh_json root, error, message = { .text = { NULL, 0 } };
	char words[WORDS_MAX];

	if (!memmem(body.at, body.len, "\"error\"", 7) || gh_json_parse(body, &root, NULL) ||
	    gh_json_get(root, GH_STR("error"), &error) != 1 || is_answer(root))
		return false;
	if (gh_json_type(error) == GH_JSON_STRING) {
		h.bare = true;
		h.message = error;
		judge_words(words_of(error, words), &h);
	} else if (gh_json_type(error) == GH_JSON_OBJECT) {
		gh_json_get(error, GH_STR("message"), &message);
		judge_words(words_of(message, words), &h);
		/* A sentence that is known says more than a type: LM Studio calls nearly all of them
		 * invalid_request_error. */
		if (h.status != 404)
			judge_members(error, &h);
	} else {
		return false;
	}
	*ret_hidden = h;
	return true;
}
