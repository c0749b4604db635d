#include "localapi.h"

#include <time.h>

/* A day: nobody means more, and a number that is no number is not waited for. */
enum { LONGEST_RETRY_S = 24 * 3600 };

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_token(struct gh_str s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.at[i], l = gh_lower(c);

		if (!is_digit(c) && !(l >= 'a' && l <= 'z') &&
		    (c == 0 || !strchr("!#$%&'*+-.^_`|~", c)))
			return false;
	}
	return s.len > 0;
}

static bool is_text(struct gh_str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (((unsigned char)s.at[i] < ' ' && s.at[i] != '\t') || s.at[i] == 0x7f)
			return false;
	return true;
}

static struct gh_str trimmed(struct gh_str s)
{
	while (s.len && (s.at[0] == ' ' || s.at[0] == '\t'))
		s = gh_str_slice(s, 1, s.len);
	while (s.len && (s.at[s.len - 1] == ' ' || s.at[s.len - 1] == '\t'))
		s.len--;
	return s;
}

/* 0, or -1: no number, or one of more than nine digits. */
static int number(struct gh_str s, int64_t *ret_n)
{
	int64_t n = 0;

	if (s.len == 0 || s.len > 9)
		return -1;
	for (size_t i = 0; i < s.len; i++) {
		if (!is_digit(s.at[i]))
			return -1;
		n = n * 10 + (s.at[i] - '0');
	}
	*ret_n = n;
	return 0;
}

/* Seconds, or a date. What is neither asks for nothing: it is advice, not framing. */
static int64_t retry_after(struct gh_str value, int64_t now)
{
	char text[64];
	struct tm tm = { 0 };
	int64_t n;

	if (number(value, &n) != 0) {
		if (value.len >= sizeof text)
			return 0;
		memcpy(text, value.at, value.len);
		text[value.len] = 0;
		const char *end = strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &tm);
		if (!end || *end)
			return 0;
		n = (int64_t)timegm(&tm) - now;
	}
	return n < 0 ? 0 : n > LONGEST_RETRY_S ? LONGEST_RETRY_S : n;
}

/* `HTTP/1.1 200 OK`; the reason may be missing, with its space or without. */
static int status_line(struct gh_str line, struct tsnet_head *head)
{
	if (line.len < 12 || !gh_str_starts(line, GH_STR("HTTP/1.")) ||
	    (line.at[7] != '0' && line.at[7] != '1') || line.at[8] != ' ' || !is_text(line))
		return -1;

	int64_t status;

	if (number(gh_str_slice(line, 9, 12), &status) != 0 ||
	    (line.len > 12 && line.at[12] != ' '))
		return -1;
	/* Interim answers were not asked for, and 204 and 304 answer nothing that is asked here. */
	if (status < 200 || status > 599 || status == 204 || status == 304)
		return -1;
	head->status = (int)status;
	return 0;
}

static int field(struct gh_str line, int64_t now, struct tsnet_head *head)
{
	const char *colon = line.len ? memchr(line.at, ':', line.len) : NULL;

	if (!colon)
		return -1;

	size_t at = (size_t)(colon - line.at);
	struct gh_str name = gh_str_slice(line, 0, at);
	struct gh_str value = trimmed(gh_str_slice(line, at + 1, line.len));

	if (!is_token(name) || !is_text(value))
		return -1;
	/* To HTTP/1.0 there are no transfer codings. */
	if (gh_str_same(name, GH_STR("transfer-encoding")))
		return -1;
	if (gh_str_same(name, GH_STR("content-length"))) {
		int64_t n;

		if (head->has_length || number(value, &n) != 0)
			return -1;
		head->has_length = true;
		head->length = (size_t)n;
	}
	if (gh_str_same(name, GH_STR("retry-after")))
		head->retry_after_s = retry_after(value, now);
	return 0;
}

int tsnet_head_read(struct gh_str head, int64_t now, struct tsnet_head *ret_head)
{
	struct tsnet_head h = { 0 };
	bool first = true;

	while (head.len) {
		const char *lf = memchr(head.at, '\n', head.len);

		if (!lf || lf == head.at || lf[-1] != '\r')
			return -1;

		struct gh_str line = { head.at, (size_t)(lf - head.at) - 1 };

		head = gh_str_slice(head, line.len + 2, head.len);
		if (line.len == 0) { /* the end; it may not be the first, nor have more behind it */
			if (first || head.len)
				return -1;
			*ret_head = h;
			return 0;
		}
		if ((first ? status_line(line, &h) : field(line, now, &h)) != 0)
			return -1;
		first = false;
	}
	return -1;
}
