#include "core/http/target.h"

#include "core/http/octets.h"
#include "core/http/text.h"

static int refuse(const char **ret_why, const char *why)
{
	*ret_why = why;
	return -1;
}

/* Path and query, from the path's slash on. */
static int take_path(struct gh_str text, struct gh__target *t, const char **ret_why)
{
	const char *mark = text.len ? memchr(text.at, '?', text.len) : NULL;

	t->path = text;
	if (!mark)
		return 0; /* a `#` in it is found with the path */
	t->path.len = (size_t)(mark - text.at);
	t->query = (struct gh_str){ mark + 1, text.len - t->path.len - 1 };
	for (size_t i = 0; i < t->query.len; i++) {
		char c = t->query.at[i];
		if (c == '#')
			return refuse(ret_why, "The target has a fragment.");
		if (c < 0x21 || c > 0x7e)
			return refuse(ret_why, "The query has a byte that must be escaped.");
	}
	return 0;
}

/* The length of `http://` or `https://` before the authority, or 0. */
static size_t scheme_len(struct gh_str text)
{
	static const struct gh_str schemes[] = { GH_STR_INIT("http://"), GH_STR_INIT("https://") };

	for (size_t i = 0; i < GH_COUNT_OF(schemes); i++)
		if (gh_str_same(gh_str_slice(text, 0, schemes[i].len), schemes[i]))
			return schemes[i].len;
	return 0;
}

static int take_absolute(struct gh_str text, enum gh__asterisk asterisk, struct gh__target *t,
			 const char **ret_why)
{
	size_t from = scheme_len(text), to = from;
	struct gh_str host;

	if (!from)
		return refuse(ret_why, "The target is neither a path nor an http URL.");
	while (to < text.len && text.at[to] != '/' && text.at[to] != '?' && text.at[to] != '#')
		to++;
	t->authority = gh_str_slice(text, from, to);
	if (gh__authority_from(t->authority, &host))
		return refuse(ret_why, "The target's authority is not valid.");
	if (take_path(gh_str_slice(text, to, text.len), t, ret_why))
		return -1;
	if (t->path.len == 0) /* RFC 9112 3.2.4: OPTIONS for the whole server has no path */
		t->path = asterisk == GH__ASTERISK_OK && !t->query.at ? GH_STR("*") : GH_STR("/");
	return 0;
}

int gh__target_from(struct gh_str text, enum gh__asterisk asterisk, struct gh__target *ret_target,
		    const char **ret_why)
{
	struct gh__target t = { 0 };

	if (text.len == 0)
		return refuse(ret_why, "The target is empty.");
	if (text.at[0] == '/') {
		if (take_path(text, &t, ret_why))
			return -1;
	} else if (gh_str_eq(text, GH_STR("*"))) {
		if (asterisk != GH__ASTERISK_OK)
			return refuse(ret_why, "Only OPTIONS may ask for `*`.");
		t.path = text;
	} else if (take_absolute(text, asterisk, &t, ret_why)) {
		return -1;
	}
	*ret_target = t;
	return 0;
}

static bool is_port(struct gh_str s)
{
	unsigned port = 0;

	if (s.len == 0 || s.len > 5)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (!gh__is_digit(s.at[i]))
			return false;
		port = port * 10 + (unsigned)(s.at[i] - '0');
	}
	return port >= 1 && port <= 65535;
}

static bool is_name(struct gh_str s)
{
	if (s.len == 0 || s.len > 253 || s.at[0] == '.')
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (!gh__is_octet(s.at[i], GH__UNRESERVED))
			return false;
		if (s.at[i] == '.' && s.at[i - 1] == '.')
			return false;
	}
	return true;
}

int gh__authority_from(struct gh_str text, struct gh_str *ret_host)
{
	struct gh_str host = text;

	if (text.len && text.at[0] == '[') {
		const char *close = memchr(text.at, ']', text.len);
		if (!close)
			return -1;
		host.len = (size_t)(close + 1 - text.at);
		if (!gh__is_ipv6((struct gh_str){ host.at + 1, host.len - 2 }))
			return -1;
	} else {
		const char *colon = text.len ? memchr(text.at, ':', text.len) : NULL;
		if (colon)
			host.len = (size_t)(colon - text.at);
		if (!is_name(host))
			return -1;
	}
	if (host.len < text.len &&
	    (text.at[host.len] != ':' || !is_port(gh_str_slice(text, host.len + 1, text.len))))
		return -1;
	*ret_host = host;
	return 0;
}
