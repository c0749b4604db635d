#include "core/http/octets.h"

#define LETTER (GH__TCHAR | GH__UNRESERVED | GH__PCHAR)

const unsigned char gh__octets[256] = {
	[0x00 ... 0x1f] = GH__CONTROL,
	[0x7f] = GH__CONTROL,
	['0' ... '9'] = LETTER,
	['A' ... 'Z'] = LETTER,
	['a' ... 'z'] = LETTER,
	['-'] = LETTER,
	['.'] = LETTER,
	['_'] = LETTER,
	['~'] = LETTER,
	['!'] = GH__TCHAR | GH__PCHAR,
	['$'] = GH__TCHAR | GH__PCHAR,
	['&'] = GH__TCHAR | GH__PCHAR,
	['\''] = GH__TCHAR | GH__PCHAR,
	['*'] = GH__TCHAR | GH__PCHAR,
	['+'] = GH__TCHAR | GH__PCHAR,
	['('] = GH__PCHAR,
	[')'] = GH__PCHAR,
	[','] = GH__PCHAR,
	[';'] = GH__PCHAR,
	['='] = GH__PCHAR,
	[':'] = GH__PCHAR,
	['@'] = GH__PCHAR,
	['/'] = GH__PCHAR,
	['#'] = GH__TCHAR,
	['%'] = GH__TCHAR,
	['^'] = GH__TCHAR,
	['`'] = GH__TCHAR,
	['|'] = GH__TCHAR,
};

size_t gh__utf8(struct gh_str s, size_t *ret_bad)
{
	const unsigned char *b = (const unsigned char *)s.at;
	unsigned char low = 0x80, high = 0xbf; /* what the second byte may be */
	size_t need;

	*ret_bad = 1;
	if (s.len == 0)
		return 0;
	if (b[0] < 0x80)
		return 1;
	if (b[0] >= 0xc2 && b[0] <= 0xdf) {
		need = 2;
	} else if (b[0] >= 0xe0 && b[0] <= 0xef) {
		need = 3;
		if (b[0] == 0xe0)
			low = 0xa0; /* below: overlong */
		if (b[0] == 0xed)
			high = 0x9f; /* above: surrogates */
	} else if (b[0] >= 0xf0 && b[0] <= 0xf4) {
		need = 4;
		if (b[0] == 0xf0)
			low = 0x90; /* below: overlong */
		if (b[0] == 0xf4)
			high = 0x8f; /* above: past U+10FFFF */
	} else {
		return 0;
	}
	for (size_t i = 1; i < need; i++) {
		if (i >= s.len || b[i] < low || b[i] > high) {
			*ret_bad = i;
			return 0;
		}
		low = 0x80;
		high = 0xbf;
	}
	return need;
}

int64_t gh__decimal_from(struct gh_str s)
{
	int64_t n = 0;

	for (size_t i = 0; i < s.len; i++) {
		if (!gh__is_digit(s.at[i]))
			return -1;
		int digit = s.at[i] - '0';
		if (n > (INT64_MAX - digit) / 10)
			return -1;
		n = n * 10 + digit;
	}
	return s.len ? n : -1;
}
