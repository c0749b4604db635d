#include "json.h"

#include "utf8.h"

#include <stdint.h>
#include <string.h>

/* Where a value stands in a chat request: that alone decides what it means. */
enum place {
	ELSEWHERE,
	ROOT,
	STREAM,
	STREAM_OPTIONS,
	INCLUDE_USAGE,
	MAX_TOKENS,
	MESSAGES,
	MESSAGE,
	CONTENT, /* a string, or an array of parts */
	PART,
	TEXT,
};

struct reader {
	const char *at, *end;
	unsigned depth;
	struct demo_ask *ask;
};

struct member {
	enum place in;
	const char *name;
	enum place is;
};

static const struct member members[] = {
	{ .in = ROOT, .name = "stream", .is = STREAM },
	{ .in = ROOT, .name = "stream_options", .is = STREAM_OPTIONS },
	{ .in = ROOT, .name = "max_tokens", .is = MAX_TOKENS },
	{ .in = ROOT, .name = "max_completion_tokens", .is = MAX_TOKENS },
	{ .in = ROOT, .name = "messages", .is = MESSAGES },
	{ .in = STREAM_OPTIONS, .name = "include_usage", .is = INCLUDE_USAGE },
	{ .in = MESSAGE, .name = "content", .is = CONTENT },
	{ .in = PART, .name = "text", .is = TEXT },
};

static enum place member_place(enum place in, const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		if (members[i].in == in && strlen(members[i].name) == len &&
		    !memcmp(members[i].name, name, len))
			return members[i].is;
	return ELSEWHERE;
}

static enum place element_place(enum place in)
{
	if (in == MESSAGES)
		return MESSAGE;
	return in == CONTENT ? PART : ELSEWHERE;
}

static void skip_space(struct reader *r)
{
	while (r->at < r->end &&
	       (*r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r'))
		r->at++;
}

static bool take(struct reader *r, char c)
{
	if (r->at == r->end || *r->at != c)
		return false;
	r->at++;
	return true;
}

static int hex4(const char *at, unsigned *ret_code)
{
	unsigned code = 0;

	for (int i = 0; i < 4; i++) {
		char c = at[i];

		if (c >= '0' && c <= '9')
			code = code * 16 + (unsigned)(c - '0');
		else if (c >= 'a' && c <= 'f')
			code = code * 16 + (unsigned)(c - 'a' + 10);
		else if (c >= 'A' && c <= 'F')
			code = code * 16 + (unsigned)(c - 'A' + 10);
		else
			return -1;
	}
	*ret_code = code;
	return 0;
}

static int escape(struct reader *r)
{
	unsigned code;

	if (r->at == r->end)
		return -1;
	if (*r->at == 'u') {
		if (r->end - r->at < 5 || hex4(r->at + 1, &code))
			return -1;
		r->at += 5;
		return 0;
	}
	if (!*r->at || !strchr("\"\\/bfnrt", *r->at))
		return -1;
	r->at++;
	return 0;
}

/* A string; its inside comes back as it is written. */
static int string(struct reader *r, const char **ret_at, size_t *ret_len)
{
	struct demo_utf8 utf8 = { 0 };
	const char *start;

	if (!take(r, '"'))
		return -1;
	start = r->at;
	while (r->at < r->end && *r->at != '"') {
		unsigned char c = (unsigned char)*r->at;

		if (c < ' ' || !demo_utf8_check(&utf8, &c, 1))
			return -1;
		r->at++;
		if (c == '\\' && escape(r))
			return -1;
	}
	if (r->at == r->end || !demo_utf8_whole(&utf8))
		return -1;
	*ret_at = start;
	*ret_len = (size_t)(r->at++ - start);
	return 0;
}

static unsigned count_words(const char *at, size_t len)
{
	unsigned words = 0;
	bool inside = false;

	for (size_t i = 0; i < len; i++) {
		bool letter = at[i] != ' ';

		words += letter && !inside;
		inside = letter;
	}
	return words;
}

static int string_value(struct reader *r, enum place place)
{
	const char *at;
	size_t len;

	if (string(r, &at, &len))
		return -1;
	if (place == CONTENT || place == TEXT) {
		r->ask->words += count_words(at, len);
		r->ask->question = at;
		r->ask->question_len = len;
	}
	return 0;
}

static size_t digits(struct reader *r)
{
	const char *start = r->at;

	while (r->at < r->end && *r->at >= '0' && *r->at <= '9')
		r->at++;
	return (size_t)(r->at - start);
}

static int number(struct reader *r, enum place place)
{
	bool minus = take(r, '-'), whole = true;
	const char *start = r->at;
	size_t len = digits(r);

	if (!len || (len > 1 && *start == '0'))
		return -1;
	if (take(r, '.')) {
		whole = false;
		if (!digits(r))
			return -1;
	}
	if (take(r, 'e') || take(r, 'E')) {
		whole = false;
		if (!take(r, '+'))
			take(r, '-');
		if (!digits(r))
			return -1;
	}
	if (place == MAX_TOKENS && whole && !minus && len <= 6) {
		r->ask->max_tokens = 0;
		for (size_t i = 0; i < len; i++)
			r->ask->max_tokens = r->ask->max_tokens * 10 + (unsigned)(start[i] - '0');
	}
	return 0;
}

static int word(struct reader *r, const char *expected)
{
	size_t len = strlen(expected);

	if ((size_t)(r->end - r->at) < len || memcmp(r->at, expected, len))
		return -1;
	r->at += len;
	return 0;
}

static int truth(struct reader *r, enum place place)
{
	bool value = *r->at == 't';

	if (word(r, value ? "true" : "false"))
		return -1;
	if (place == STREAM)
		r->ask->stream = value;
	if (place == INCLUDE_USAGE)
		r->ask->include_usage = value;
	return 0;
}

static int value(struct reader *r, enum place place);

static int object(struct reader *r, enum place place)
{
	const char *name;
	size_t len;

	skip_space(r);
	if (take(r, '}'))
		return 0;
	do {
		skip_space(r);
		if (string(r, &name, &len))
			return -1;
		skip_space(r);
		if (!take(r, ':') || value(r, member_place(place, name, len)))
			return -1;
		skip_space(r);
	} while (take(r, ','));
	return take(r, '}') ? 0 : -1;
}

static int array(struct reader *r, enum place place)
{
	skip_space(r);
	if (take(r, ']'))
		return 0;
	if (place == MESSAGES)
		r->ask->has_messages = true;
	do {
		if (value(r, element_place(place)))
			return -1;
		skip_space(r);
	} while (take(r, ','));
	return take(r, ']') ? 0 : -1;
}

/* It calls itself as deep as the text nests, and no deeper than DEMO_JSON_DEPTH. */
static int value(struct reader *r, enum place place)
{
	int err;

	skip_space(r);
	if (r->at == r->end || r->depth == DEMO_JSON_DEPTH)
		return -1;
	switch (*r->at) {
	case '"':
		return string_value(r, place);
	case 't':
	case 'f':
		return truth(r, place);
	case 'n':
		return word(r, "null");
	case '{':
	case '[':
		r->depth++;
		err = *r->at++ == '{' ? object(r, place) : array(r, place);
		r->depth--;
		return err;
	default:
		return number(r, place);
	}
}

int demo_json_read_ask(const char *text, size_t len, struct demo_ask *ret_ask)
{
	struct demo_ask ask = { 0 };
	struct reader r = { .at = text, .end = text + len, .ask = &ask };

	skip_space(&r);
	if (r.at == r.end || *r.at != '{' || value(&r, ROOT))
		return -1;
	skip_space(&r);
	if (r.at != r.end)
		return -1;
	*ret_ask = ask;
	return 0;
}

void demo_json_string(struct demo_buf *buf, const char *text, size_t len)
{
	size_t plain = 0;

	demo_buf_add(buf, "\"", 1);
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c >= ' ' && c != '"' && c != '\\')
			continue;
		demo_buf_add(buf, text + plain, i - plain);
		plain = i + 1;
		if (c == '"' || c == '\\')
			demo_buf_print(buf, "\\%c", c);
		else
			demo_buf_print(buf, "\\u%04x", c);
	}
	demo_buf_add(buf, text + plain, len - plain);
	demo_buf_add(buf, "\"", 1);
}

/* The next character of a string that `string` has accepted. */
static unsigned next_code(const char **at, const char *end)
{
	const char *p = *at;
	unsigned char c = (unsigned char)*p++;
	unsigned code, low;
	int more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : c >= 0xc0 ? 1 : 0;

	if (c != '\\') {
		code = more ? c & (0x3fU >> more) : c;
		while (more--)
			code = code << 6 | ((unsigned char)*p++ & 0x3f);
		*at = p;
		return code;
	}
	c = (unsigned char)*p++;
	if (c != 'u') {
		*at = p;
		return strchr("bfnrt", c) ? ' ' : c;
	}
	hex4(p, &code);
	p += 4;
	if (code >= 0xd800 && code < 0xdc00 && end - p >= 6 && p[0] == '\\' && p[1] == 'u' &&
	    !hex4(p + 2, &low) && low >= 0xdc00 && low < 0xe000) {
		code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
		p += 6;
	}
	*at = p;
	/* Half a pair is no character. */
	return code >= 0xd800 && code < 0xe000 ? 0xfffd : code;
}

static void put_code(struct demo_buf *buf, unsigned code)
{
	char bytes[4];
	size_t len = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;

	if (len == 1)
		bytes[0] = (char)code;
	for (size_t i = len; len > 1 && i-- > 1; code >>= 6)
		bytes[i] = (char)(0x80 | (code & 0x3f));
	if (len > 1)
		bytes[0] = (char)((0xf00U >> len & 0xf0) | code);
	demo_buf_add(buf, bytes, len);
}

/* Spaces, and what would be seen as none: control characters, C1 too, and both line separators. */
static bool is_blank(unsigned code)
{
	return code <= ' ' || (code >= 0x7f && code <= 0xa0) || code == 0x2028 || code == 0x2029;
}

void demo_json_excerpt(struct demo_buf *buf, const char *escaped, size_t len, unsigned most)
{
	const char *at = escaped, *end = escaped + len;
	bool gap = false;
	unsigned count = 0;

	while (at < end) {
		unsigned code = next_code(&at, end);

		if (is_blank(code)) {
			gap = count > 0;
			continue;
		}
		if (count >= most) {
			demo_buf_text(buf, "…");
			return;
		}
		if (gap) {
			put_code(buf, ' ');
			count++;
		}
		gap = false;
		put_code(buf, code);
		count++;
	}
}
