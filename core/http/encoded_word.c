#include "core/http/encoded_word.h"

#include "core/http/octets.h"
#include "core/http/text.h"

static bool is_text(struct gh_str s)
{
	while (s.len) {
		size_t bad, len = gh__utf8(s, &bad);
		if (len == 0 || (gh__is_control(s.at[0]) && s.at[0] != '\t'))
			return false;
		s = gh_str_slice(s, len, s.len);
	}
	return true;
}

static bool is_ascii(struct gh_str s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.at[i] >= 0x80)
			return false;
	return true;
}

/* The letters of a Q word; `to` holds as many. Returns how many they make, or -1. */
static int64_t decode_q(struct gh_str s, char *to)
{
	size_t len = 0;

	for (size_t i = 0; i < s.len; i++) {
		char c = s.at[i];
		if (c == '_') {
			c = ' ';
		} else if (c == '=') {
			if (s.len - i < 3 || gh__hex(s.at[i + 1]) < 0 || gh__hex(s.at[i + 2]) < 0)
				return -1;
			c = (char)(gh__hex(s.at[i + 1]) << 4 | gh__hex(s.at[i + 2]));
			i += 2;
		} else if (c <= ' ' || c > '~' || c == '?') {
			return -1;
		}
		to[len++] = c;
	}
	return (int64_t)len;
}

/* Up to the next `?`, which is cut off too. */
static bool cut(struct gh_str *s, struct gh_str *ret_part)
{
	const char *mark = s->len ? memchr(s->at, '?', s->len) : NULL;

	if (!mark)
		return false;
	*ret_part = gh_str_slice(*s, 0, (size_t)(mark - s->at));
	*s = gh_str_slice(*s, ret_part->len + 1, s->len);
	return true;
}

/* One word at the beginning of `*s`, which is cut off. Returns what it makes, or -1. */
static int64_t decode_word(struct gh_str *s, char *to)
{
	struct gh_str charset, how, letters;

	if (!gh_str_starts(*s, GH_STR("=?")))
		return -1;
	*s = gh_str_slice(*s, 2, s->len);
	if (!cut(s, &charset) || !cut(s, &how) || !cut(s, &letters) ||
	    !gh_str_starts(*s, GH_STR("=")) || !gh_str_same(charset, GH_STR("utf-8")))
		return -1;
	*s = gh_str_slice(*s, 1, s->len);
	if (gh_str_same(how, GH_STR("q")))
		return decode_q(letters, to);
	return gh_str_same(how, GH_STR("b")) ? gh__base64(letters, to) : -1;
}

/* The white space between two words is nothing; that there is some is needed. */
static int64_t decode(struct gh_str s, char *to)
{
	size_t len = 0;

	while (s.len) {
		int64_t more = decode_word(&s, to + len);
		struct gh_str rest = gh__trim(s);
		if (more < 0 || (s.len && rest.at == s.at))
			return -1;
		len += (size_t)more;
		s = rest;
	}
	return (int64_t)len;
}

int64_t gh__field_text(struct gh_str value, char *to)
{
	int64_t len;

	value = gh__trim(value);
	len = decode(value, to);
	if (len > 0) {
		struct gh_str text = { to, (size_t)len };
		if (is_text(text) && !is_ascii(text))
			return len;
	}
	if (!is_text(value))
		return -1;
	if (value.len)
		memcpy(to, value.at, value.len);
	return (int64_t)value.len;
}
