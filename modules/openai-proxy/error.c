/* Errors of a model server in the words of this gateway, where they came in none that clients read. */
#include "way.h"

struct kind {
	int status;
	const char *openai, *anthropic;
};

static struct kind kind_of(int status)
{
	static const struct kind kinds[] = {
		{ 401, "invalid_request_error", "authentication_error" },
		{ 403, "permission", "permission_error" },
		{ 404, "invalid_request_error", "not_found_error" },
		{ 429, "rate_limit_error", "rate_limit_error" },
		{ 503, "server_error", "overloaded_error" },
		{ 504, "server_error", "timeout_error" },
	};

	for (size_t i = 0; i < GH_COUNT_OF(kinds); i++)
		if (kinds[i].status == status)
			return kinds[i];
	if (status < 500)
		return (struct kind){ status, "invalid_request_error", "invalid_request_error" };
	return (struct kind){ status, "server_error", "api_error" };
}

struct gh_str openai_error_wrap(struct gh_request *r, struct gh_str object)
{
	const char *head = r->shape == GH_SHAPE_ANTHROPIC ? "\"type\":\"error\"," : "";

	return gh_printf(r, "{%s\"error\":" GH_FMT "}", head, GH_ARG(object));
}

struct gh_str openai_error(struct gh_request *r, int status, const char *code,
			   struct gh_str message)
{
	struct kind kind = kind_of(status);
	const char *quote = code ? "\"" : "";

	if (r->shape == GH_SHAPE_ANTHROPIC)
		return openai_error_wrap(r, gh_printf(r, "{\"type\":\"%s\",\"message\":" GH_FMT "}",
						      kind.anthropic, GH_ARG(message)));
	return openai_error_wrap(r, gh_printf(r,
					      "{\"message\":" GH_FMT
					      ",\"type\":\"%s\",\"param\":null,\"code\":%s%s%s}",
					      GH_ARG(message), kind.openai, quote,
					      code ? code : "null", quote));
}
