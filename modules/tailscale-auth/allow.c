#include "allow.h"

#include <stdio.h>

static bool is_tag(struct gh_str s)
{
	return gh_str_starts(s, GH_STR("tag:"));
}

static int shown(struct gh_str s)
{
	return s.len > 60 ? 60 : (int)s.len;
}

static int check_tag(struct gh_str entry, char *why, size_t size)
{
	struct gh_str name = gh_str_slice(entry, 4, entry.len);
	bool good = name.len > 0;

	for (size_t i = 0; i < name.len; i++) {
		char c = gh_lower(name.at[i]);
		good &= (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
	}
	if (good)
		return 0;
	snprintf(why, size, "'%.*s' is no tag; write it as in the tailnet's policy: tag:ci",
		 shown(entry), entry.at);
	return -1;
}

int tailscale_allow_check(struct gh_str entry, char *why, size_t size)
{
	const char *at = entry.len ? memchr(entry.at, '@', entry.len) : NULL;
	size_t before = at ? (size_t)(at - entry.at) : 0;
	bool star = entry.len && entry.at[0] == '*';

	if (is_tag(entry))
		return check_tag(entry, why, size);
	if (gh_str_is(entry, "*"))
		return 0;
	for (size_t i = 0; i < entry.len; i++)
		if ((unsigned char)entry.at[i] <= ' ' || (i && entry.at[i] == '*'))
			before = 0;
	if (before == 0 || before + 1 == entry.len || (star && before != 1)) {
		snprintf(why, size,
			 "'%.*s' is neither a login (alice@example.com), nor all logins of a "
			 "domain (\"*@example.com\"), nor all of them (\"*\"), nor a tag (tag:ci)",
			 shown(entry), entry.at ? entry.at : "");
		return -1;
	}
	return 0;
}

bool tailscale_allow_user(const struct gh_strings *list, struct gh_str login)
{
	for (size_t i = 0; i < list->count; i++) {
		struct gh_str want = list->items[i];
		if (is_tag(want))
			continue;
		if (gh_str_is(want, "*") || gh_str_same(want, login))
			return true;
		if (want.at[0] != '*')
			continue;
		/* From the first `@` on, so that a login with two of them is of no domain. */
		const char *at = login.len ? memchr(login.at, '@', login.len) : NULL;
		struct gh_str tail = gh_str_slice(want, 1, want.len);
		if (at && at != login.at &&
		    gh_str_same(tail, gh_str_slice(login, (size_t)(at - login.at), login.len)))
			return true;
	}
	return list->count == 0;
}

bool tailscale_allow_tags(const struct gh_strings *list, struct gh_str tags)
{
	while (tags.len) {
		const char *space = memchr(tags.at, ' ', tags.len);
		size_t len = space ? (size_t)(space - tags.at) : tags.len;
		struct gh_str tag = gh_str_slice(tags, 0, len);
		for (size_t i = 0; i < list->count; i++)
			if (is_tag(list->items[i]) && gh_str_eq(list->items[i], tag))
				return true;
		tags = gh_str_slice(tags, len + 1, tags.len);
	}
	return false;
}

bool tailscale_allow_has_tags(const struct gh_strings *list)
{
	for (size_t i = 0; i < list->count; i++)
		if (is_tag(list->items[i]))
			return true;
	return false;
}
