/* The canonical path: it is stable, and nobody who decodes it finds a way out of it. */
#include <stdio.h>

#include "core/base/memory.h"
#include "core/http/path.h"

static int hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* As a lax server sees it: every escape taken, `%2F` too. */
static struct gh_str decode(struct gh__arena *a, struct gh_str path)
{
	char *to = gh__arena_get(a, path.len + 1);
	size_t len = 0;

	for (size_t i = 0; i < path.len; i++) {
		if (path.at[i] != '%') {
			GH_CHECK(path.at[i] > ' ' && path.at[i] < 0x7f);
			to[len++] = path.at[i];
			continue;
		}
		GH_CHECK(path.len - i >= 3 && hex(path.at[i + 1]) >= 0 && hex(path.at[i + 2]) >= 0);
		int byte = hex(path.at[i + 1]) * 16 + hex(path.at[i + 2]);
		GH_CHECK(byte >= ' ' && byte != 0x7f && byte != '\\');
		to[len++] = (char)byte;
		i += 2;
	}
	return (struct gh_str){ to, len };
}

static void judge(struct gh_str path)
{
	GH_CHECK(path.len > 0 && path.at[0] == '/');
	for (size_t from = 1; from <= path.len;) {
		const char *slash = from < path.len ? memchr(path.at + from, '/', path.len - from)
						    : NULL;
		size_t to = slash ? (size_t)(slash - path.at) : path.len;
		struct gh_str segment = gh_str_slice(path, from, to);
		const char *mark = segment.len ? memchr(segment.at, ';', segment.len) : NULL;

		GH_CHECK(segment.len > 0 || to == path.len);
		if (mark)
			segment.len = (size_t)(mark - segment.at);
		GH_CHECK(!gh_str_is(segment, ".") && !gh_str_is(segment, ".."));
		from = to + 1;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gh_str raw = { (const char *)data, size }, path, again, slashed;
	struct gh__arena a;
	const char *why = NULL;

	gh__arena_init(&a, NULL, 0);
	if (gh__path_canonical(&a, raw, &path, &why) == 0) {
		judge(path);
		judge(decode(&a, path));
		GH_CHECK(gh__path_canonical(&a, path, &again, &why) == 0);
		GH_CHECK(again.at == path.at && again.len == path.len);
		GH_CHECK(gh__path_below(path, path) && gh__path_below(path, GH_STR("/")));
		if (gh__path_slashed(&a, path, &slashed)) {
			judge(slashed);
			GH_CHECK(memmem(slashed.at, slashed.len, "%2F", 3) == NULL);
		}
	} else {
		GH_CHECK(why != NULL);
	}
	gh__arena_finish(&a);
	return 0;
}
