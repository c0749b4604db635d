#include "core/config/check.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "core/config/address.h"
#include "core/config/near.h"
#include "core/config/value.h"

enum { SHOWN = 60 };

static int shown(struct gh_str s)
{
	return s.len > SHOWN ? SHOWN : (int)s.len;
}

static bool is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (gh_lower(c) >= 'a' && gh_lower(c) <= 'z');
}

int gh__check_workers(struct gh_str s, char *why, size_t size)
{
	char mend[8];
	int64_t n;

	if (gh_str_is(s, "auto") ||
	    (gh__value_int(s, &n, mend, sizeof(mend)) == 0 && n >= 1 && n <= 1024))
		return 0;
	snprintf(why, size, "it must be 'auto' or 1 to 1024, but it is '%.*s'", shown(s), s.at);
	return -1;
}

int gh__check_user(struct gh_str s, char *why, size_t size)
{
	bool good = s.len <= 32 && (s.len == 0 || s.at[0] != '-');

	for (size_t i = 0; i < s.len; i++)
		good &= is_alnum(s.at[i]) || strchr("_-.", s.at[i]) != NULL;
	if (good)
		return 0;
	snprintf(why, size, "'%.*s' is no name of a user", shown(s), s.at);
	return -1;
}

/* The network's own address, with the bits behind the prefix cleared. */
static bool clear_host_bits(uint8_t *ip, size_t len, unsigned bits)
{
	bool cleared = false;

	for (size_t i = 0; i < len; i++) {
		unsigned keep = bits >= 8 * (i + 1) ? 8 : bits > 8 * i ? bits - 8 * (unsigned)i : 0;
		uint8_t masked = ip[i] & (uint8_t)(0xff00u >> keep);

		cleared |= masked != ip[i];
		ip[i] = masked;
	}
	return cleared;
}

int gh__check_network(struct gh_str s, char *why, size_t size)
{
	const char *slash = s.len ? memchr(s.at, '/', s.len) : NULL;
	struct gh_str host = slash ? gh_str_slice(s, 0, (size_t)(slash - s.at)) : s;
	struct gh_str prefix = slash ? gh_str_slice(s, host.len + 1, s.len) : GH_STR("");
	char text[INET6_ADDRSTRLEN + 1], mend[8];
	int64_t bits = 0;
	uint8_t ip[16];
	int family;

	if (gh_str_is(s, "unix"))
		return 0;
	snprintf(text, sizeof(text), "%.*s", shown(host), host.at ? host.at : "");
	family = inet_pton(AF_INET, text, ip) == 1 ? AF_INET : AF_INET6;
	if (host.len >= sizeof(text) || inet_pton(family, text, ip) != 1) {
		snprintf(why, size,
			 "'%.*s' is no address and no network; write them as in "
			 "'127.0.0.1' or '10.0.0.0/8'",
			 shown(s), s.at ? s.at : "");
		return -1;
	}
	if (!slash)
		return 0;
	if (gh__value_int(prefix, &bits, mend, sizeof(mend)) < 0 || bits < 0 ||
	    bits > (family == AF_INET ? 32 : 128)) {
		snprintf(why, size, "the prefix of '%.*s' must be 0 to %d", shown(s), s.at,
			 family == AF_INET ? 32 : 128);
		return -1;
	}
	if (clear_host_bits(ip, family == AF_INET ? 4 : 16, (unsigned)bits)) {
		inet_ntop(family, ip, text, sizeof(text));
		snprintf(why, size, "'%.*s' has bits behind its prefix; did you mean '%s/%d'?",
			 shown(s), s.at, text, (int)bits);
		return -1;
	}
	return 0;
}

int gh__check_mode(struct gh_str s, char *why, size_t size)
{
	bool good = s.len == 3 || (s.len == 4 && s.at[0] == '0');

	for (size_t i = 0; i < s.len; i++)
		good &= s.at[i] >= '0' && s.at[i] <= '7';
	if (good)
		return 0;
	snprintf(why, size, "'%.*s' is no mode of a file; write it in octal, as in 0660", shown(s),
		 s.at);
	return -1;
}

int gh__check_listen(struct gh_str s, char *why, size_t size)
{
	struct gh__listen_config l = { 0 };
	struct gh__arena a;

	gh__arena_init(&a, NULL, 0);
	int result = gh__listen_parse(&a, s, &l, why, size);
	gh__arena_finish(&a);
	return result;
}

int gh__check_admin(struct gh_str s, char *why, size_t size)
{
	struct gh__listen_config l = { 0 };
	struct gh__arena a;
	int result;

	if (gh_str_is(s, "off"))
		return 0;
	gh__arena_init(&a, NULL, 0);
	result = gh__listen_parse(&a, s, &l, why, size);
	if (result == 0 && !l.is_unix && !gh__listen_is_loopback(&l)) {
		snprintf(why, size,
			 "who reaches this may reload and look into everything: it must "
			 "be unix:/PATH or on loopback, as in '127.0.0.1:%u', or 'off'",
			 l.port);
		result = -1;
	}
	gh__arena_finish(&a);
	return result;
}

int gh__check_endpoint(struct gh_str s, char *why, size_t size)
{
	struct gh__endpoint_config e;
	struct gh__arena a;

	gh__arena_init(&a, NULL, 0);
	int result = gh__endpoint_parse(&a, s, &e, why, size);
	gh__arena_finish(&a);
	return result;
}

/* ---- Matches ---- */

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return gh_lower(c) >= 'a' && gh_lower(c) <= 'f' ? gh_lower(c) - 'a' + 10 : -1;
}

static bool is_unreserved(int c)
{
	return is_alnum((char)c) || (c && c < 0x80 && strchr("-._~", c));
}

/* What an escape at `s.at[i]` would be in canonical form: NULL when it is in that form, `` when it
 * is never right, else what to write. */
static const char *escape_mend(struct gh_str s, size_t i, char to[4])
{
	int high = i + 2 < s.len ? hex(s.at[i + 1]) : -1,
	    low = i + 2 < s.len ? hex(s.at[i + 2]) : -1;
	int c = high * 16 + low;

	if (high < 0 || low < 0 || c < 0x20 || c == 0x7f || c == '\\')
		return "";
	if (is_unreserved(c))
		snprintf(to, 4, "%c", c);
	else
		snprintf(to, 4, "%%%02X", (unsigned)c & 0xff);
	return strncmp(to, s.at + i, strlen(to)) == 0 && (to[0] == '%') ? NULL : to;
}

/* Segments are cut at `/` and at `%2F`, as one that took it for a slash would. */
static bool has_bad_segment(struct gh_str s)
{
	size_t from = 1;

	for (size_t i = 1; i <= s.len; i++) {
		bool escaped = gh_str_starts(gh_str_slice(s, i, s.len), GH_STR("%2F"));

		if (i < s.len && s.at[i] != '/' && !escaped)
			continue;
		struct gh_str segment = gh_str_slice(s, from, i);
		if ((segment.len == 0 && s.len > 1) || gh_str_is(segment, ".") ||
		    gh_str_is(segment, ".."))
			return true;
		i += escaped ? 2 : 0;
		from = i + 1;
	}
	return false;
}

static int refuse_path(char *why, size_t size, struct gh_str s, const char *mend)
{
	snprintf(why, size, "'%.*s' %s", shown(s), s.at, mend);
	return -1;
}

int gh__check_path(struct gh_str s, char *why, size_t size)
{
	char to[4];

	if (s.len == 0 || s.at[0] != '/') {
		snprintf(why, size, "a path begins with '/': did you mean '/%.*s'?", shown(s),
			 s.at);
		return -1;
	}
	if (s.len > 1 && memchr(s.at, '*', s.len)) {
		size_t star = (size_t)((const char *)memchr(s.at, '*', s.len) - s.at);

		star -= star > 1 && s.at[star - 1] == '/';
		snprintf(why, size,
			 "a path takes all that is below it and has no '*'; write '%.*s'",
			 star > SHOWN ? SHOWN : (int)star, s.at);
		return -1;
	}
	if (s.len > 1 && s.at[s.len - 1] == '/' && s.at[s.len - 2] != '/') {
		snprintf(why, size, "a path has no slash at its end; write '%.*s'",
			 shown(gh_str_slice(s, 0, s.len - 1)), s.at);
		return -1;
	}
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.at[i];

		if (c == '?' || c == '#')
			return refuse_path(why, size, s,
					   "has a query; a route matches paths alone");
		if (c == '%') {
			const char *mend = escape_mend(s, i, to);

			if (mend && *mend) {
				snprintf(why, size,
					 "'%.*s' is never matched: write '%s' for '%.3s'", shown(s),
					 s.at, mend, s.at + i);
				return -1;
			}
			if (mend)
				return refuse_path(why, size, s, "has an escape that is refused");
			continue;
		}
		if (!is_unreserved(c) && !strchr("/!$&'()+,;=:@", c))
			return refuse_path(why, size, s,
					   "is never matched: spaces, quotes, brackets and "
					   "letters beyond ASCII must be written as %XX");
	}
	if (has_bad_segment(s))
		return refuse_path(why, size, s,
				   "is never matched: it has an empty segment, '.' or "
				   "'..' in it");
	return 0;
}

int gh__check_target(struct gh_str s, char *why, size_t size)
{
	bool good = s.len == 0 || s.at[0] == '/';

	for (size_t i = 0; i < s.len; i++)
		good &= s.at[i] > 0x20 && s.at[i] < 0x7f && s.at[i] != '#';
	if (good)
		return 0;
	snprintf(why, size,
		 "it must be a path that begins with '/', without spaces, as in "
		 "'/v1/models'");
	return -1;
}

int gh__check_host(struct gh_str s, char *why, size_t size)
{
	struct gh_str name = gh_str_starts(s, GH_STR("*.")) ? gh_str_slice(s, 2, s.len) : s;
	char lower[SHOWN + 1];
	bool upper = false;
	uint8_t ip[16];

	if (gh_str_is(s, "*")) {
		snprintf(why, size, "a route without 'host' takes every host: leave it out");
		return -1;
	}
	if (s.len && memmem(s.at, s.len, "://", 3)) {
		snprintf(why, size, "a host has no scheme; write the name alone");
		return -1;
	}
	if (s.len > 2 && s.at[0] == '[' && s.at[s.len - 1] == ']') {
		snprintf(lower, sizeof(lower), "%.*s", shown(gh_str_slice(s, 1, s.len - 1)),
			 s.at + 1);
		if (inet_pton(AF_INET6, lower, ip) == 1)
			return 0;
	}
	if (s.len && memchr(s.at, ':', s.len)) {
		snprintf(why, size, "a host is matched without its port; write the name alone");
		return -1;
	}
	bool good = name.len > 0 && name.len <= 253 && name.at[0] != '.';
	for (size_t i = 0; i < name.len; i++) {
		good &= is_alnum(name.at[i]) || name.at[i] == '-' || name.at[i] == '_' ||
			(name.at[i] == '.' && i + 1 < name.len && name.at[i + 1] != '.');
		upper |= name.at[i] != gh_lower(name.at[i]);
	}
	if (good && !upper)
		return 0;
	for (int i = 0; i < shown(s); i++)
		lower[i] = gh_lower(s.at[i]);
	if (good)
		snprintf(why, size, "a host is matched in lower case; write '%.*s'", shown(s),
			 lower);
	else
		snprintf(why, size,
			 "'%.*s' is no host; write a name, or '*.example.org' for all "
			 "below it",
			 shown(s), s.at ? s.at : "");
	return -1;
}

int gh__check_method(struct gh_str s, char *why, size_t size)
{
	static const char *const known[] = { "GET",    "HEAD",    "POST",  "PUT",
					     "DELETE", "OPTIONS", "PATCH", NULL };
	struct gh__near near = gh__near_begin(s);
	bool good = s.len > 0 && s.len <= 32;

	for (size_t i = 0; i < s.len; i++)
		good &= (s.at[i] >= 'A' && s.at[i] <= 'Z') || s.at[i] == '-' || s.at[i] == '_';
	for (size_t i = 0; known[i]; i++) {
		if (gh_str_is(s, known[i]))
			return 0;
		gh__near_try(&near, gh_str(known[i]));
	}
	if (near.best.len)
		snprintf(why, size, "'%.*s' is no method; did you mean '" GH_FMT "'?", shown(s),
			 s.at, GH_ARG(near.best));
	else if (good)
		return 0;
	else
		snprintf(why, size, "'%.*s' is no method; they are words such as GET and POST",
			 shown(s), s.at ? s.at : "");
	return -1;
}

int gh__check_log_file(struct gh_str s, char *why, size_t size)
{
	struct gh__near near = gh__near_begin(s);

	if (gh_str_is(s, "stdout") || gh_str_is(s, "off") || (s.len > 1 && s.at[0] == '/'))
		return 0;
	gh__near_try(&near, GH_STR("stdout"));
	gh__near_try(&near, GH_STR("off"));
	if (near.best.len)
		snprintf(why, size, "'%.*s' is no place for a log; did you mean '" GH_FMT "'?",
			 shown(s), s.at, GH_ARG(near.best));
	else
		snprintf(why, size,
			 "'%.*s' is no place for a log; it is 'stdout', 'off' or an "
			 "absolute path",
			 shown(s), s.at ? s.at : "");
	return -1;
}

int gh__check_bearer(struct gh_str s, char *why, size_t size)
{
	static const struct gh_str bearer = GH_STR_INIT("Bearer ");

	if (gh_str_same(gh_str_slice(s, 0, bearer.len), bearer)) {
		snprintf(why, size, "'Bearer' is put before it here; write the key alone");
		return -1;
	}
	for (size_t i = 0; i < s.len; i++)
		if (s.at[i] <= ' ' || s.at[i] >= 0x7f) {
			snprintf(why, size,
				 "a key has neither spaces nor line breaks nor bytes beyond ASCII");
			return -1;
		}
	return 0;
}

int gh__check_folder(struct gh_str s, char *why, size_t size)
{
	size_t len = s.len;

	while (len > 1 && s.at[len - 1] == '/')
		len--;
	if (len == s.len && len > 1 && s.at[0] == '/')
		return 0;
	if (len > 1 && s.at[0] == '/')
		snprintf(why, size, "a folder has no slash at its end; write '%.*s'",
			 shown(gh_str_slice(s, 0, len)), s.at);
	else
		snprintf(why, size, "'%.*s' is no absolute path of a folder; it begins with '/'",
			 shown(s), s.at ? s.at : "");
	return -1;
}
