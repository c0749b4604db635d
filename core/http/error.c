/*
 * Errors as clients of each API read them, and the JSON strings in them.
 */
#include "core/http/octets.h"
#include "core/http/text.h"

size_t gh__json_escape(char *to, struct gh_str s)
{
	static const char digits[] = "0123456789abcdef";
	static const char shorts[32] = {
		['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r',
	};
	char *start = to;

	while (s.len) {
		unsigned char c = (unsigned char)s.at[0];
		size_t take = 1, bad;

		if (c >= 0x80) {
			take = gh__utf8(s, &bad);
			if (take) {
				memcpy(to, s.at, take);
				to += take;
			} else {
				take = bad;
				memcpy(to, "\xef\xbf\xbd", 3);
				to += 3;
			}
		} else if (c == '"' || c == '\\') {
			*to++ = '\\';
			*to++ = (char)c;
		} else if (c >= 0x20 && c != 0x7f) {
			*to++ = (char)c;
		} else if (c < 0x20 && shorts[c]) {
			*to++ = '\\';
			*to++ = shorts[c];
		} else {
			memcpy(to, "\\u00", 4);
			to[4] = digits[c >> 4];
			to[5] = digits[c & 15];
			to += 6;
		}
		s.at += take;
		s.len -= take;
	}
	return (size_t)(to - start);
}

struct kind {
	int status;
	const char *type, *code; /* `code`: where the caller has none */
};

/* Statuses that are not here are the caller's fault below 500, and the server's from there on. */
static const struct kind openai[] = {
	{ 401, "invalid_request_error", "invalid_api_key" },
	{ 403, "permission", NULL },
	{ 413, "invalid_request_error", "request_too_large" },
	{ 429, "rate_limit_error", "rate_limit_exceeded" },
	{ 503, "server_error", "server_is_overloaded" },
};
static const struct kind anthropic[] = {
	{ 401, "authentication_error", NULL }, { 402, "billing_error", NULL },
	{ 403, "permission_error", NULL },     { 404, "not_found_error", NULL },
	{ 408, "timeout_error", NULL },        { 413, "request_too_large", NULL },
	{ 429, "rate_limit_error", NULL },     { 503, "overloaded_error", NULL },
	{ 504, "timeout_error", NULL },        { 529, "overloaded_error", NULL },
};

static struct kind kind_of(const struct kind *kinds, size_t count, int status, const char *server)
{
	for (size_t i = 0; i < count; i++)
		if (kinds[i].status == status)
			return kinds[i];
	return (struct kind){ status, status >= 500 ? server : "invalid_request_error", NULL };
}

static struct gh_str escaped(struct gh__arena *a, struct gh_str s)
{
	/* A message is a sentence: a longer one is a mistake, and no reason to allocate without end. */
	s = gh_str_slice(s, 0, 4096);
	char *to = gh__arena_get(a, s.len * 6 + 1);

	return (struct gh_str){ to, gh__json_escape(to, s) };
}

static struct gh_str openai_body(struct gh__arena *a, int status, const char *code,
				 struct gh_str message)
{
	struct kind k = kind_of(openai, GH_COUNT_OF(openai), status, "server_error");
	struct gh_str text = escaped(a, message);

	if (!code)
		code = k.code;
	if (!code)
		return gh__arena_printf(a,
					"{\"error\":{\"message\":\"" GH_FMT
					"\",\"type\":\"%s\",\"param\":null,\"code\":null}}",
					GH_ARG(text), k.type);
	struct gh_str name = escaped(a, gh_str(code));
	return gh__arena_printf(a,
				"{\"error\":{\"message\":\"" GH_FMT
				"\",\"type\":\"%s\",\"param\":null,\"code\":\"" GH_FMT "\"}}",
				GH_ARG(text), k.type, GH_ARG(name));
}

static struct gh_str anthropic_body(struct gh__arena *a, int status, struct gh_str message)
{
	struct kind k = kind_of(anthropic, GH_COUNT_OF(anthropic), status, "api_error");
	struct gh_str text = escaped(a, message);

	return gh__arena_printf(
		a, "{\"type\":\"error\",\"error\":{\"type\":\"%s\",\"message\":\"" GH_FMT "\"}}",
		k.type, GH_ARG(text));
}

static struct gh_str plain_body(struct gh__arena *a, int status, struct gh_str message)
{
	message = gh_str_slice(message, 0, 4096);
	char *text = gh__arena_get(a, message.len + 1);

	/* What a message quotes of a request may not move a terminal's cursor. */
	for (size_t i = 0; i < message.len; i++)
		text[i] = gh__is_control(message.at[i]) ? '?' : message.at[i];
	return gh__arena_printf(a, "%d %s\n" GH_FMT "\n", status, gh__reason(status),
				(int)message.len, text);
}

struct gh_str gh__error_body(struct gh__arena *a, enum gh_shape shape, int status, const char *code,
			     struct gh_str message, struct gh_str *ret_type)
{
	*ret_type = GH_STR("application/json");
	switch (shape) {
	case GH_SHAPE_OPENAI:
		return openai_body(a, status, code, message);
	case GH_SHAPE_ANTHROPIC:
		return anthropic_body(a, status, message);
	case GH_SHAPE_PLAIN:
		break;
	}
	*ret_type = GH_STR("text/plain; charset=utf-8");
	return plain_body(a, status, message);
}
