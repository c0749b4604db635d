#include "core/http/path.h"

/* Where a segment ends for a server that knows matrix parameters and drops dots and spaces: before
 * `;`, and before what trails. */
static size_t bare_length(struct gh_str segment)
{
	size_t len = 0;

	for (; len < segment.len && segment.at[len] != ';'; len++)
		if (segment.at[len] == '%' && segment.len - len >= 3 &&
		    segment.at[len + 1] == '3' && segment.at[len + 2] == 'B')
			break;
	for (;;) {
		if (len && segment.at[len - 1] == '.')
			len--;
		else if (len >= 3 && memcmp(segment.at + len - 3, "%20", 3) == 0)
			len -= 3;
		else
			return len;
	}
}

/* The length of a slash at `at`, also of one that is escaped; 0: there is none. */
static size_t slash_at(struct gh_str path, size_t at)
{
	if (path.at[at] == '/')
		return 1;
	return path.len - at >= 3 && memcmp(path.at + at, "%2F", 3) == 0 ? 3 : 0;
}

static struct gh_str next_segment(struct gh_str path, size_t *at)
{
	size_t from = *at, to;

	if (from < path.len)
		from += slash_at(path, from);
	for (to = from; to < path.len && !slash_at(path, to);)
		to++;
	*at = to;
	return gh_str_slice(path, from, to);
}

bool gh__path_resembles(struct gh_str path, struct gh_str prefix)
{
	size_t at = 0, want_at = 0;
	struct gh_str want = next_segment(prefix, &want_at);

	/* "/" has everything; nothing only resembles it. */
	if (want.len == 0 || gh__path_below(path, prefix))
		return false;
	while (at < path.len) {
		struct gh_str segment = next_segment(path, &at);
		segment.len = bare_length(segment);
		if (segment.len == 0)
			continue;
		if (!gh_str_same(segment, want))
			return false;
		if (want_at >= prefix.len)
			return true;
		want = next_segment(prefix, &want_at);
		if (want.len == 0)
			return true;
	}
	return false;
}
