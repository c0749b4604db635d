#include "core/route/escape.h"

#include "core/http/octets.h"
#include "core/http/text.h"

static bool is_plain(char c)
{
	unsigned char u = (unsigned char)c;

	return u >= 0x20 && u < 0x7f && u != '"' && u != '\\';
}

/* Not zero when one of eight bytes may need an escape; it may be wrong about the bytes behind one
 * that does. */
static uint64_t looks_odd(uint64_t eight)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), high = ones * 0x80;
	uint64_t quote = eight ^ ones * '"', slash = eight ^ ones * '\\', del = eight ^ ones * 0x7f;

	return ((eight - ones * 0x20) | eight | ((quote - ones) & ~quote) |
		((slash - ones) & ~slash) | ((del - ones) & ~del)) &
	       high;
}

/* How many bytes stand in front that need no escape: most often all. */
static size_t plain_length(struct gh_str s)
{
	size_t len = 0;

	for (uint64_t eight; s.len - len >= sizeof eight; len += sizeof eight) {
		memcpy(&eight, s.at + len, sizeof eight);
		if (looks_odd(eight))
			break;
	}
	while (len < s.len && is_plain(s.at[len]))
		len++;
	return len;
}

size_t gh__escape_hex(char *to, size_t room, struct gh_str s)
{
	static const char hex[] = "0123456789abcdef";
	size_t n = plain_length(s);

	if (n > room)
		n = room;
	if (n)
		memcpy(to, s.at, n);
	for (size_t i = n; i < s.len; i++) {
		unsigned char c = (unsigned char)s.at[i];
		if (is_plain(s.at[i])) {
			if (n == room)
				break;
			to[n++] = s.at[i];
			continue;
		}
		if (room - n < 4)
			break;
		to[n++] = '\\';
		to[n++] = 'x';
		to[n++] = hex[c >> 4];
		to[n++] = hex[c & 15];
	}
	return n;
}

size_t gh__escape_json(char *to, size_t room, struct gh_str s)
{
	size_t n = plain_length(s);

	if (n > room)
		n = room;
	if (n)
		memcpy(to, s.at, n);
	if (n == s.len || n == room)
		return n;
	for (s = gh_str_slice(s, n, s.len); s.len;) {
		char one[24]; /* the longest escape of four bytes */
		size_t bad = 0, take = gh__utf8(s, &bad);
		if (take == 0)
			take = bad;
		size_t len = gh__json_escape(one, gh_str_slice(s, 0, take));
		if (len > room - n)
			break;
		memcpy(to + n, one, len);
		n += len;
		s = gh_str_slice(s, take, s.len);
	}
	return n;
}
