/*
 * Finds the end of a head and refuses bytes that no head may have, wherever its pieces were cut:
 * only the first `limit` bytes are ever looked at, in order, each once. What the bytes mean is for
 * message.c.
 */
#include "core/http/message.h"

#include <endian.h>

#include "core/http/octets.h"

typedef unsigned char octets __attribute__((vector_size(16)));

/* The first control byte (DEL too) at or after `at`, or `end`; sixteen bytes a step. */
static inline const char *next_control(const char *at, const char *end)
{
	for (; end - at >= 16; at += 16) {
		octets x;
		uint64_t marks[2];

		memcpy(&x, at, sizeof x);
		x = (octets)((x < 0x20) | (x == 0x7f));
		memcpy(marks, &x, sizeof marks);
		if (!(marks[0] | marks[1]))
			continue;
		if (marks[0])
			return at + (__builtin_ctzll(le64toh(marks[0])) >> 3);
		return at + 8 + (__builtin_ctzll(le64toh(marks[1])) >> 3);
	}
	while (at < end && !gh__is_control(*at))
		at++;
	return at;
}

static enum gh__scan_result refuse(struct gh__refusal *ret_why, int status, const char *why)
{
	*ret_why = (struct gh__refusal){ status, why };
	return GH__SCAN_BAD;
}

static const char *what_byte(char c)
{
	switch (c) {
	case '\n':
		return "A line of the head ends in LF without CR.";
	case '\0':
		return "The head has a NUL byte.";
	default:
		return "The head has a control byte.";
	}
}

static const char *what_start(char c)
{
	switch (c) {
	case 0x16:
		return "This port speaks HTTP, and a TLS handshake came.";
	case '\r':
	case '\n':
		return "The message begins with empty lines.";
	case ' ':
	case '\t':
		return "The message begins with white space.";
	default:
		return "The message does not begin like HTTP.";
	}
}

enum gh__scan_result gh__scan_head(struct gh__scan *s, struct gh_str bytes, size_t limit,
				   size_t *ret_len, struct gh__refusal *ret_why)
{
	size_t len = bytes.len < limit ? bytes.len : limit;
	const char *start = bytes.at, *end = start + len, *at = start + s->seen;

	if (len == 0)
		return bytes.len == 0 ? GH__SCAN_MORE
				      : refuse(ret_why, 431, "The head is longer than is allowed.");
	if (!gh__is_tchar(start[0])) {
		/* A CR alone may become the empty line that gh__scan_skip() takes. */
		if (start[0] == '\r' && bytes.len == 1 && limit > 1)
			return GH__SCAN_MORE;
		return refuse(ret_why, 400, what_start(start[0]));
	}
	if (start[0] == 'P' && len >= 6 && memcmp(start, "PRI * ", 6) == 0)
		return refuse(ret_why, 400, "HTTP/2 is not spoken here without TLS.");

	bool line_start = at > start && at[-1] == '\n';
	for (;;) {
		if (line_start && at < end && (*at == ' ' || *at == '\t'))
			return refuse(ret_why, 400, "A line of the head begins with white space.");
		line_start = false;
		at = next_control(at, end);
		if (at == end)
			break;
		if (*at == '\t') {
			at++;
			continue;
		}
		if (*at != '\r')
			return refuse(ret_why, 400, what_byte(*at));
		if (at + 1 == end)
			break;
		if (at[1] != '\n')
			return refuse(ret_why, 400, "The head has a CR without LF.");
		if (at[-1] == '\n') { /* never the first byte: that is a tchar */
			*ret_len = (size_t)(at + 2 - start);
			s->seen = *ret_len;
			return GH__SCAN_HEAD;
		}
		at += 2;
		line_start = true;
	}
	s->seen = (size_t)(at - start);
	if (bytes.len < limit)
		return GH__SCAN_MORE;
	if (memchr(start, '\n', len))
		return refuse(ret_why, 431, "The head is longer than is allowed.");
	return refuse(ret_why, 414, "The request's target is longer than is allowed.");
}

size_t gh__scan_skip(struct gh_str bytes)
{
	return bytes.len >= 2 && bytes.at[0] == '\r' && bytes.at[1] == '\n' ? 2 : 0;
}
