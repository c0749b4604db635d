#include "name.h"

enum { WORD_MAX = 75 }; /* RFC 2047, section 2 */

#define BEGIN "=?utf-8?q?"
#define END   "?="

static const char hex[] = "0123456789ABCDEF";

static bool is_plain(struct gh_str text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.at[i] != '\t' && (text.at[i] < ' ' || text.at[i] > '~'))
			return false;
	return true;
}

static char *put(char *to, const char *what)
{
	size_t len = strlen(what);

	memcpy(to, what, len);
	return to + len;
}

static char *put_escape(char *to, char mark, char c)
{
	*to++ = mark;
	*to++ = hex[(unsigned char)c >> 4];
	*to++ = hex[(unsigned char)c & 15];
	return to;
}

static bool is_q(char c)
{
	return c > ' ' && c <= '~' && c != '=' && c != '?' && c != '_';
}

/* The bytes of the character at the beginning, as its first one says. */
static size_t character(struct gh_str s)
{
	unsigned char c = (unsigned char)s.at[0];
	size_t len = c < 0xc0 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;

	return len < s.len ? len : s.len;
}

size_t tailscale_name_mime(struct gh_str text, char *to)
{
	char *at = to, *word = to;

	if (is_plain(text)) {
		if (text.len)
			memcpy(to, text.at, text.len);
		to[text.len] = 0;
		return text.len;
	}
	at = put(at, BEGIN);
	for (size_t i = 0; i < text.len;) {
		size_t len = character(gh_str_slice(text, i, text.len)), wide = 0;
		for (size_t k = 0; k < len; k++)
			wide += is_q(text.at[i + k]) || text.at[i + k] == ' ' ? 1 : 3;
		/* A character stands in one word. */
		if ((size_t)(at - word) + wide + strlen(END) > WORD_MAX) {
			at = put(at, END " ");
			word = at;
			at = put(at, BEGIN);
		}
		for (; len; len--, i++) {
			if (text.at[i] == ' ')
				*at++ = '_';
			else if (is_q(text.at[i]))
				*at++ = text.at[i];
			else
				at = put_escape(at, '=', text.at[i]);
		}
	}
	at = put(at, END);
	*at = 0;
	return (size_t)(at - to);
}

size_t tailscale_name_percent(struct gh_str text, char *to)
{
	char *at = to;

	for (size_t i = 0; i < text.len; i++) {
		char c = text.at[i];
		if (c >= ' ' && c <= '~' && c != '%')
			*at++ = c;
		else
			at = put_escape(at, '%', c);
	}
	*at = 0;
	return (size_t)(at - to);
}
