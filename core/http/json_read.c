/*
 * Reading values that json.c found good. The grammar is not judged again, but no read goes past the
 * value's own bytes, whatever they are.
 */
#include "core/http/json.h"

#include "core/http/octets.h"

static bool is_space(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

enum gh_json_type gh_json_type(struct gh_json v)
{
	if (v.text.len == 0)
		return GH_JSON_NONE;
	switch (v.text.at[0]) {
	case '{':
		return GH_JSON_OBJECT;
	case '[':
		return GH_JSON_ARRAY;
	case '"':
		return GH_JSON_STRING;
	case 't':
	case 'f':
		return GH_JSON_BOOL;
	case 'n':
		return GH_JSON_NULL;
	default:
		return GH_JSON_NUMBER;
	}
}

/* ---- Moving over values ---- */

/* From behind an opening quote to behind its closing one. */
static const char *after_string(const char *from, const char *end)
{
	const char *at = from;

	while (at < end) {
		const char *quote = memchr(at, '"', (size_t)(end - at)), *slash;
		if (!quote)
			return end;
		/* After an odd number of backslashes it is an escape. */
		for (slash = quote; slash > from && slash[-1] == '\\'; slash--)
			;
		at = quote + 1;
		if ((quote - slash) % 2 == 0)
			return at;
	}
	return end;
}

/* From an opening bracket to behind its closing one. */
static const char *after_nest(const char *at, const char *end)
{
	size_t depth = 0;

	while (at < end) {
		switch (*at++) {
		case '"':
			at = after_string(at, end);
			break;
		case '{':
		case '[':
			depth++;
			break;
		case '}':
		case ']':
			if (--depth == 0)
				return at;
			break;
		default:
			break;
		}
	}
	return end;
}

/* From the first byte of a number or a word to behind it. What it is in has lost its own bracket. */
static const char *after_word(const char *at, const char *end)
{
	do
		at++;
	while (at < end && *at != ',' && !is_space(*at));
	return at;
}

/* Cuts the value off that `rest` begins with. */
static struct gh_json cut(struct gh_str *rest)
{
	const char *from = rest->at, *end = rest->at + rest->len, *to;

	if (*from == '"')
		to = after_string(from + 1, end);
	else if (*from == '{' || *from == '[')
		to = after_nest(from, end);
	else
		to = after_word(from, end);
	*rest = (struct gh_str){ to, (size_t)(end - to) };
	return (struct gh_json){ { from, (size_t)(to - from) } };
}

/* White space, and the one byte that may stand in it here. */
static void skip(struct gh_str *rest, char mark)
{
	while (rest->len && (is_space(*rest->at) || *rest->at == mark)) {
		rest->at++;
		rest->len--;
	}
}

struct gh_json_iterator gh_json_each(struct gh_json v)
{
	struct gh_json_iterator it = { .of = gh_json_type(v) };

	if (it.of == GH_JSON_ARRAY || it.of == GH_JSON_OBJECT)
		it.rest = gh_str_slice(v.text, 1, v.text.len - 1);
	return it;
}

bool gh_json_next(struct gh_json_iterator *it, struct gh_json *ret_name, struct gh_json *ret_value)
{
	struct gh_json name = { { NULL, 0 } };

	skip(&it->rest, ',');
	if (it->rest.len == 0)
		return false;
	if (it->of == GH_JSON_OBJECT) {
		name = cut(&it->rest);
		skip(&it->rest, ':');
		if (it->rest.len == 0)
			return false;
	}
	*ret_value = cut(&it->rest);
	if (ret_name)
		*ret_name = name;
	return true;
}

size_t gh_json_get(struct gh_json v, struct gh_str name, struct gh_json *ret_value)
{
	struct gh_json_iterator it = gh_json_each(v);
	struct gh_json member, value;
	size_t count = 0;

	if (it.of != GH_JSON_OBJECT)
		return 0;
	while (gh_json_next(&it, &member, &value)) {
		if (!gh_json_is(member, name))
			continue;
		count++;
		if (ret_value)
			*ret_value = value;
	}
	return count;
}

/* ---- Strings ---- */

static size_t encode(char to[4], unsigned code)
{
	if (code < 0x80) {
		to[0] = (char)code;
		return 1;
	}
	if (code < 0x800) {
		to[0] = (char)(0xc0 | code >> 6);
		to[1] = (char)(0x80 | (code & 0x3f));
		return 2;
	}
	if (code < 0x10000) {
		to[0] = (char)(0xe0 | code >> 12);
		to[1] = (char)(0x80 | (code >> 6 & 0x3f));
		to[2] = (char)(0x80 | (code & 0x3f));
		return 3;
	}
	to[0] = (char)(0xf0 | code >> 18);
	to[1] = (char)(0x80 | (code >> 12 & 0x3f));
	to[2] = (char)(0x80 | (code >> 6 & 0x3f));
	to[3] = (char)(0x80 | (code & 0x3f));
	return 4;
}

static unsigned code_unit(const char *digits)
{
	unsigned code = 0;

	for (int i = 0; i < 4; i++)
		code = code * 16 + ((unsigned)gh__hex(digits[i]) & 0xf);
	return code;
}

/* Cuts the escape off that `*s` begins with, and gives the character that it is. */
static size_t cut_escape(struct gh_str *s, char to[4])
{
	static const char is_for[256] = {
		['b'] = '\b', ['f'] = '\f', ['n'] = '\n', ['r'] = '\r', ['t'] = '\t',
	};
	char c = s->len > 1 ? s->at[1] : '\\';
	size_t take = 2;
	unsigned code;

	if (c != 'u' || s->len < 6) {
		char plain = is_for[(unsigned char)c];
		to[0] = plain ? plain : c;
		*s = gh_str_slice(*s, take, s->len);
		return 1;
	}
	take = 6;
	code = code_unit(s->at + 2);
	if (code >= 0xd800 && code <= 0xdbff && s->len >= 12) {
		code = 0x10000 + ((code & 0x3ff) << 10 | (code_unit(s->at + 8) & 0x3ff));
		take = 12;
	}
	*s = gh_str_slice(*s, take, s->len);
	return encode(to, code);
}

/* Cuts off what is the same without quotes: up to the next escape. */
static struct gh_str cut_plain(struct gh_str *s)
{
	const char *slash = s->len ? memchr(s->at, '\\', s->len) : NULL;
	struct gh_str plain = gh_str_slice(*s, 0, slash ? (size_t)(slash - s->at) : s->len);

	*s = gh_str_slice(*s, plain.len, s->len);
	return plain;
}

/* What is between the quotes. */
static bool inside(struct gh_json v, struct gh_str *ret_inside)
{
	if (gh_json_type(v) != GH_JSON_STRING || v.text.len < 2)
		return false;
	*ret_inside = gh_str_slice(v.text, 1, v.text.len - 1);
	return true;
}

bool gh_json_plain(struct gh_json v, struct gh_str *ret_text)
{
	struct gh_str s;

	if (!inside(v, &s) || (s.len && memchr(s.at, '\\', s.len)))
		return false;
	*ret_text = s;
	return true;
}

static bool drop(struct gh_str *from, struct gh_str start)
{
	if (!gh_str_starts(*from, start))
		return false;
	*from = gh_str_slice(*from, start.len, from->len);
	return true;
}

bool gh_json_is(struct gh_json v, struct gh_str text)
{
	struct gh_str s;

	if (!inside(v, &s) || s.len < text.len) /* an escape is longer than what it is for */
		return false;
	for (;;) {
		char character[4];

		if (!drop(&text, cut_plain(&s)))
			return false;
		if (s.len == 0)
			return text.len == 0;
		size_t len = cut_escape(&s, character);
		if (!drop(&text, (struct gh_str){ character, len }))
			return false;
	}
}

int gh_json_string(struct gh_json v, char *to, size_t size, size_t *ret_len)
{
	size_t len = 0;
	struct gh_str s;

	if (!inside(v, &s))
		return -1;
	while (s.len) {
		char character[4];
		struct gh_str piece = cut_plain(&s);

		if (piece.len == 0)
			piece = (struct gh_str){ character, cut_escape(&s, character) };
		if (piece.len > size - len)
			return -1;
		memcpy(to + len, piece.at, piece.len);
		len += piece.len;
	}
	*ret_len = len;
	return 0;
}

int gh__json_string(struct gh__arena *a, struct gh_json v, struct gh_str *ret_text)
{
	struct gh_str s;
	size_t len;

	if (!inside(v, &s))
		return -1;
	char *to = gh__arena_get(a, s.len + 1);
	if (gh_json_string(v, to, s.len, &len) || (len && memchr(to, 0, len)))
		return -1;
	to[len] = 0;
	*ret_text = (struct gh_str){ to, len };
	return 0;
}

/* ---- Scalars ---- */

int gh_json_int(struct gh_json v, int64_t *ret_number)
{
	size_t i = v.text.len && v.text.at[0] == '-';
	bool negative = i;
	int64_t n = 0;

	if (i == v.text.len)
		return -1;
	for (; i < v.text.len; i++) {
		char c = v.text.at[i];
		/* Downwards, as there is one more below zero. */
		if (!gh__is_digit(c) || __builtin_mul_overflow(n, 10, &n) ||
		    __builtin_sub_overflow(n, c - '0', &n))
			return -1;
	}
	if (!negative && __builtin_sub_overflow((int64_t)0, n, &n))
		return -1;
	*ret_number = n;
	return 0;
}

int gh_json_bool(struct gh_json v, bool *ret_bool)
{
	if (gh_json_type(v) != GH_JSON_BOOL)
		return -1;
	*ret_bool = v.text.at[0] == 't';
	return 0;
}
