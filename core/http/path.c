#include "core/http/path.h"

#include "core/http/octets.h"

static int refuse(const char **ret_why, const char *why)
{
	*ret_why = why;
	return -1;
}

/* Judges the segment of the canonical path from `from` to before `to`. What stands behind a `;`,
 * escaped or not, is a parameter to some servers, and they judge the rest alone. */
static const char *judge_segment(const char *from, const char *to)
{
	size_t dots = 0;

	while (from + dots < to && from[dots] == '.')
		dots++;
	if (dots == 0 || dots > 2)
		return NULL;
	from += dots;
	if (from == to)
		return "The path has a dot segment.";
	if (*from == ';' || (to - from >= 3 && memcmp(from, "%3B", 3) == 0))
		return "The path has a dot segment with parameters.";
	return NULL;
}

/* Empty and dot segments, with `%2F` taken for a slash too. Only the last may be empty. */
static const char *judge_segments(struct gh_str path)
{
	const char *end = path.at + path.len, *segment = path.at + 1, *at = segment;

	for (;;) {
		size_t slash = 0;

		if (at < end && *at == '/')
			slash = 1;
		else if (end - at >= 3 && memcmp(at, "%2F", 3) == 0)
			slash = 3;
		else if (at < end) {
			at++;
			continue;
		}
		if (slash && at == segment)
			return "The path has an empty segment.";
		const char *why = judge_segment(segment, at);
		if (why)
			return why;
		if (!slash)
			return NULL;
		at += slash;
		segment = at;
	}
}

/* The byte that an escape at `at` stands for, or -1. */
static int escaped(const char *at, const char *end)
{
	if (end - at < 3 || *at != '%')
		return -1;
	int high = gh__hex(at[1]), low = gh__hex(at[2]);
	return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/* Reads the whole character of UTF-8 whose first byte is escaped at `at`. Returns its bytes, or 0:
 * it is none. */
static size_t escaped_character(const char *at, const char *end)
{
	char bytes[4];
	size_t len = 0, bad;

	for (; len < sizeof bytes; len++) {
		int byte = escaped(at + 3 * len, end);
		if (byte < 0x80)
			break;
		bytes[len] = (char)byte;
	}
	return gh__utf8((struct gh_str){ bytes, len }, &bad);
}

static char *put_escape(char *to, unsigned char byte)
{
	static const char digits[] = "0123456789ABCDEF";

	*to++ = '%';
	*to++ = digits[byte >> 4];
	*to++ = digits[byte & 15];
	return to;
}

/* Reads an escape at `*at` and writes its canonical form. NULL, or what is wrong with it. */
static const char *take_escape(const char **at, const char *end, char **to)
{
	int byte = escaped(*at, end);

	if (byte < 0)
		return "The path has a bad escape.";
	if (gh__is_control((char)byte))
		return "The path has an escaped control byte.";
	if (byte == '\\')
		return "The path has a backslash.";
	if (byte < 0x80) {
		*at += 3;
		if (gh__is_octet((char)byte, GH__UNRESERVED))
			*(*to)++ = (char)byte;
		else
			*to = put_escape(*to, (unsigned char)byte);
		return NULL;
	}
	size_t len = escaped_character(*at, end);
	if (len == 0)
		return "The path has escapes that are not UTF-8.";
	for (; len; len--, *at += 3)
		*to = put_escape(*to, (unsigned char)escaped(*at, end));
	return NULL;
}

static int rewrite(struct gh__arena *a, struct gh_str raw, size_t same, struct gh_str *ret_path,
		   const char **ret_why)
{
	/* At worst each byte becomes an escape. */
	if (raw.len > SIZE_MAX / 4)
		return refuse(ret_why, "The path is too long.");
	char *path = gh__arena_get(a, raw.len * 3 + 1), *to = path + same;
	const char *at = raw.at + same, *end = raw.at + raw.len;

	memcpy(path, raw.at, same);
	while (at < end) {
		if (*at == '%') {
			const char *why = take_escape(&at, end, &to);
			if (why)
				return refuse(ret_why, why);
		} else if (gh__is_octet(*at, GH__PCHAR)) {
			*to++ = *at++;
		} else if (*at == '\\') {
			return refuse(ret_why, "The path has a backslash.");
		} else if (*at == '#') {
			return refuse(ret_why, "The path has a fragment.");
		} else if (*at > ' ' && *at < 0x7f && *at != '?') {
			to = put_escape(to, (unsigned char)*at++);
		} else {
			return refuse(ret_why, "The path has a byte that must be escaped.");
		}
	}
	*to = 0;
	struct gh_str made = { path, (size_t)(to - path) };
	const char *why = judge_segments(made);
	if (why)
		return refuse(ret_why, why);
	*ret_path = gh_str_eq(made, raw) ? raw : made;
	return 0;
}

int gh__path_canonical(struct gh__arena *a, struct gh_str raw, struct gh_str *ret_path,
		       const char **ret_why)
{
	if (raw.len == 0 || raw.at[0] != '/')
		return refuse(ret_why, "The path does not begin with a slash.");

	/* Most paths are plain: nothing to rewrite, and the segments are judged on the way. */
	size_t i = 1, segment = 1;
	for (; i < raw.len && gh__is_octet(raw.at[i], GH__PCHAR); i++) {
		if (raw.at[i] != '/')
			continue;
		if (i == segment)
			return refuse(ret_why, "The path has an empty segment.");
		if (raw.at[segment] == '.') {
			const char *why = judge_segment(raw.at + segment, raw.at + i);
			if (why)
				return refuse(ret_why, why);
		}
		segment = i + 1;
	}
	if (i < raw.len)
		return rewrite(a, raw, i, ret_path, ret_why);
	const char *why = judge_segment(raw.at + segment, raw.at + i);
	if (why)
		return refuse(ret_why, why);
	*ret_path = raw;
	return 0;
}

bool gh__path_below(struct gh_str path, struct gh_str prefix)
{
	if (prefix.len && prefix.at[prefix.len - 1] == '/')
		prefix.len--;
	return gh_str_starts(path, prefix) &&
	       (prefix.len == 0 || path.len == prefix.len || path.at[prefix.len] == '/');
}

bool gh__path_slashed(struct gh__arena *a, struct gh_str path, struct gh_str *ret_slashed)
{
	const char *first = path.len ? memmem(path.at, path.len, "%2F", 3) : NULL;

	if (!first)
		return false;
	char *to = gh__arena_get(a, path.len + 1);
	size_t len = 0;

	for (size_t i = 0; i < path.len; i++) {
		if (path.len - i >= 3 && memcmp(path.at + i, "%2F", 3) == 0) {
			to[len++] = '/';
			i += 2;
		} else {
			to[len++] = path.at[i];
		}
	}
	to[len] = 0;
	*ret_slashed = (struct gh_str){ to, len };
	return true;
}
