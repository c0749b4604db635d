#include "halves.h"

enum { ESCAPE = 6 }; /* the bytes of \uXXXX */

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = gh_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* What an escape at `at` stands for; -1: there is none like this. */
static int unit(const char *text, size_t len, size_t at)
{
	int code = 0;

	if (len < ESCAPE || at > len - ESCAPE || text[at] != '\\' || text[at + 1] != 'u')
		return -1;
	for (size_t i = 2; i < ESCAPE; i++) {
		int d = digit(text[at + i]);
		if (d < 0)
			return -1;
		code = code * 16 + d;
	}
	return code;
}

static bool is_high(int code)
{
	return code >= 0xd800 && code <= 0xdbff;
}

static bool is_low(int code)
{
	return code >= 0xdc00 && code <= 0xdfff;
}

bool openai_halves_mask(char *text, size_t len)
{
	bool any = false;
	size_t at = 0;

	while (at < len) {
		int code;

		if (text[at] != '\\') {
			at++;
			continue;
		}
		code = unit(text, len, at);
		if (code < 0) {
			at += 2; /* a backslash and what it escapes */
			continue;
		}
		if (is_high(code) && is_low(unit(text, len, at + ESCAPE))) {
			at += (size_t)2 * ESCAPE;
			continue;
		}
		if (is_high(code) || is_low(code)) {
			text[at + 2] = 'e'; /* private use */
			any = true;
		}
		at += ESCAPE;
	}
	return any;
}
