#include "core/config/address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <sys/un.h>

enum { SHOWN = 60 };

static bool starts_same(struct gh_str s, const char *prefix)
{
	return gh_str_same(gh_str_slice(s, 0, strlen(prefix)), gh_str(prefix));
}

static int shown(struct gh_str s)
{
	return s.len > SHOWN ? SHOWN : (int)s.len;
}

static bool ip_from(struct gh_str s, int family, uint8_t to[16])
{
	char text[64];

	if (s.len == 0 || s.len >= sizeof(text))
		return false;
	memcpy(text, s.at, s.len);
	text[s.len] = 0;
	return inet_pton(family, text, to) == 1;
}

/* 0 to 65535, without signs or leading zeros. */
static int port_from(struct gh_str s, uint16_t *ret_port)
{
	unsigned port = 0;

	if (s.len == 0 || s.len > 5 || (s.len > 1 && s.at[0] == '0'))
		return -1;
	for (size_t i = 0; i < s.len; i++) {
		if (s.at[i] < '0' || s.at[i] > '9')
			return -1;
		port = port * 10 + (unsigned)(s.at[i] - '0');
	}
	if (port > UINT16_MAX)
		return -1;
	*ret_port = (uint16_t)port;
	return 0;
}

static int unix_path(struct gh_str address, struct gh_str *ret_path, char *why, size_t size)
{
	struct gh_str path = gh_str_slice(address, strlen("unix:"), address.len);
	size_t most = sizeof(((struct sockaddr_un *)0)->sun_path) - 1;

	if (path.len < 2 || path.at[0] != '/' || starts_same(path, "//")) {
		snprintf(why, size, "a socket needs an absolute path, as in 'unix:/run/x.sock'");
		return -1;
	}
	if (path.at[path.len - 1] == '/') {
		snprintf(why, size, "the path of a socket names a file, not a folder");
		return -1;
	}
	if (path.len > most) {
		snprintf(why, size, "the path of a socket may have %zu bytes, but it has %zu", most,
			 path.len);
		return -1;
	}
	*ret_path = path;
	return 0;
}

/* HOST[:PORT] or [V6][:PORT] in two; `ret_port` has no bytes at all where there is no colon. */
static int split(struct gh_str s, struct gh_str *ret_host, struct gh_str *ret_port, bool *ret_v6)
{
	const char *end;

	*ret_port = (struct gh_str){ 0 };
	*ret_v6 = s.len > 0 && s.at[0] == '[';
	if (*ret_v6) {
		end = memchr(s.at, ']', s.len);
		if (!end)
			return -1;
		*ret_host = gh_str_slice(s, 1, (size_t)(end - s.at));
		s = gh_str_slice(s, (size_t)(end - s.at) + 1, s.len);
		if (s.len > 0 && s.at[0] != ':')
			return -1;
		if (s.len > 0)
			*ret_port = gh_str_slice(s, 1, s.len);
		return 0;
	}
	end = s.len ? memrchr(s.at, ':', s.len) : NULL;
	*ret_host = end ? gh_str_slice(s, 0, (size_t)(end - s.at)) : s;
	if (end)
		*ret_port = gh_str_slice(s, (size_t)(end - s.at) + 1, s.len);
	/* Two colons without brackets: an IPv6 address, and nobody knows where its port begins. */
	return ret_host->len && memchr(ret_host->at, ':', ret_host->len) ? -1 : 0;
}

/* ---- Listeners ---- */

int gh__listen_parse(struct gh__arena *a, struct gh_str address, struct gh__listen_config *to,
		     char *why, size_t size)
{
	struct gh_str host, port_text, path;
	uint16_t port;
	uint8_t ip[16];
	bool v6;

	if (starts_same(address, "unix:")) {
		if (unix_path(address, &path, why, size) < 0)
			return -1;
		to->is_unix = true;
		to->host = gh__arena_copy(a, path);
		to->port = 0;
		return 0;
	}
	if (address.len && address.at[0] == '/') {
		snprintf(why, size, "did you mean 'unix:%.*s'?", shown(address), address.at);
		return -1;
	}
	if (address.len && memmem(address.at, address.len, "://", 3)) {
		snprintf(why, size,
			 "an address has no scheme; write HOST:PORT, as in "
			 "'127.0.0.1:8080'");
		return -1;
	}
	if (ip_from(address, AF_INET6, ip) || split(address, &host, &port_text, &v6) < 0) {
		snprintf(why, size, "an IPv6 address stands in brackets, as in '[::1]:8080'");
		return -1;
	}
	if (!port_text.at && port_from(address, &port) == 0) {
		snprintf(why, size,
			 "did you mean '127.0.0.1:" GH_FMT "', or ':" GH_FMT
			 "' for every interface?",
			 GH_ARG(address), GH_ARG(address));
		return -1;
	}
	if (!port_text.at) {
		snprintf(why, size, "'%.*s' has no port; write HOST:PORT, as in '127.0.0.1:8080'",
			 shown(address), address.at);
		return -1;
	}
	if (port_from(port_text, &port) < 0) {
		snprintf(why, size,
			 "'%.*s' is no port; it must be 1 to 65535, or 0 for any that "
			 "is free",
			 shown(port_text), port_text.at);
		return -1;
	}
	if (gh_str_same(host, GH_STR("localhost")))
		host = GH_STR("127.0.0.1");
	if (gh_str_is(host, "*")) {
		snprintf(why, size, "did you mean ':%u', which is every interface?", port);
		return -1;
	}
	if (v6 ? !ip_from(host, AF_INET6, ip) : host.len && !ip_from(host, AF_INET, ip)) {
		snprintf(why, size, "'%.*s' is no IP address; a listener cannot have a name",
			 shown(host), host.at);
		return -1;
	}
	to->is_unix = false;
	to->host = gh__arena_copy(a, host);
	to->port = port;
	return 0;
}

bool gh__listen_is_loopback(const struct gh__listen_config *l)
{
	uint8_t ip[16];

	if (ip_from(l->host, AF_INET, ip))
		return ip[0] == 127;
	return ip_from(l->host, AF_INET6, ip) &&
	       memcmp(ip, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 16) == 0;
}

enum reach { NOT_ALL, ALL_V4, ALL_V6, ALL };

/* An address as 16 bytes and whether it takes every address of its kind. */
static enum reach reach_of(const struct gh__listen_config *l, uint8_t ret_ip[16])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	uint8_t v4[16];

	memset(ret_ip, 0, 16);
	if (l->host.len == 0)
		return ALL;
	if (ip_from(l->host, AF_INET, v4)) {
		memcpy(ret_ip, mapped, sizeof(mapped));
		memcpy(ret_ip + sizeof(mapped), v4, 4);
		return memcmp(v4, "\0\0\0\0", 4) == 0 ? ALL_V4 : NOT_ALL;
	}
	ip_from(l->host, AF_INET6, ret_ip);
	for (size_t i = 0; i < 16; i++)
		if (ret_ip[i])
			return NOT_ALL;
	return ALL_V6;
}

static bool is_v4(const uint8_t ip[16])
{
	return ip[10] == 0xff;
}

bool gh__listen_clash(const struct gh__listen_config *x, const struct gh__listen_config *y)
{
	uint8_t x_ip[16], y_ip[16];

	if (x->is_unix || y->is_unix)
		return x->is_unix && y->is_unix && gh_str_eq(x->host, y->host);
	if (x->port != y->port || x->port == 0)
		return false;

	enum reach x_all = reach_of(x, x_ip), y_all = reach_of(y, y_ip);
	if (x_all == ALL || y_all == ALL)
		return true;
	if (x_all == ALL_V4 || y_all == ALL_V4)
		return is_v4(x_ip) && is_v4(y_ip);
	if (x_all == ALL_V6 || y_all == ALL_V6)
		return !is_v4(x_ip) && !is_v4(y_ip);
	return memcmp(x_ip, y_ip, 16) == 0;
}

/* ---- Upstreams ---- */

bool gh__is_endpoint(struct gh_str text)
{
	return starts_same(text, "unix:") || starts_same(text, "/") ||
	       (text.len && (memchr(text.at, ':', text.len) || memchr(text.at, '/', text.len) ||
			     memchr(text.at, '@', text.len)));
}

/* Letters, digits, `-` and `_` between dots; what looks like an IPv4 address must be one. */
static bool is_host(struct gh_str s)
{
	bool number = true;
	size_t label = 0;
	uint8_t ip[16];

	if (s.len == 0 || s.len > 253)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		char c = gh_lower(s.at[i]);
		bool digit = c >= '0' && c <= '9';

		if (c == '.') {
			if (label == 0)
				return false;
			label = 0;
			continue;
		}
		if (!digit && !(c >= 'a' && c <= 'z') && c != '_' && (c != '-' || label == 0))
			return false;
		number &= digit;
		if (++label > 63)
			return false;
	}
	return label > 0 && (!number || ip_from(s, AF_INET, ip));
}

static int refuse_scheme(struct gh_str url, char *why, size_t size)
{
	if (starts_same(url, "https://"))
		snprintf(why, size,
			 "TLS towards upstreams is not supported yet; use http:// to a "
			 "server on this machine or in a private network");
	else if (starts_same(url, "http://"))
		snprintf(why, size, "did you mean 'http://%.*s'?", shown(url) - 7, url.at + 7);
	else if (memmem(url.at ? url.at : "", url.len, "://", 3))
		snprintf(why, size, "an address begins with http:// or unix:/");
	else if (starts_same(url, "/"))
		snprintf(why, size, "did you mean 'unix:%.*s'?", shown(url), url.at);
	else
		snprintf(why, size, "did you mean 'http://%.*s'?", shown(url), url.at);
	return -1;
}

static struct gh_str lower(struct gh__arena *a, struct gh_str s)
{
	char *to = gh__arena_get(a, s.len + 1);

	for (size_t i = 0; i < s.len; i++)
		to[i] = gh_lower(s.at[i]);
	to[s.len] = 0;
	return (struct gh_str){ to, s.len };
}

int gh__endpoint_parse(struct gh__arena *a, struct gh_str url, struct gh__endpoint_config *to,
		       char *why, size_t size)
{
	struct gh_str rest, authority, host, port_text, path;
	uint16_t port = 80;
	uint8_t ip[16];
	size_t end = 0;
	bool v6;

	if (starts_same(url, "unix:")) {
		if (unix_path(url, &path, why, size) < 0)
			return -1;
		*to = (struct gh__endpoint_config){
			.url = gh__arena_copy(a, url),
			.scheme = GH__UNIX,
			.host = gh__arena_copy(a, path),
			.authority = GH_STR("localhost"),
		};
		return 0;
	}
	/* Before anything else, since what stands before it is not to be repeated. */
	if (url.len && memchr(url.at, '@', url.len)) {
		snprintf(why, size,
			 "an address has no user and password in it; take them out, "
			 "and let an option such as 'upstream_key' carry them");
		return -1;
	}
	if (!gh_str_starts(url, GH_STR("http://")))
		return refuse_scheme(url, why, size);
	rest = gh_str_slice(url, strlen("http://"), url.len);
	while (end < rest.len && !strchr("/?#", rest.at[end]))
		end++;
	authority = gh_str_slice(rest, 0, end);
	rest = gh_str_slice(rest, end, rest.len);
	if (rest.len && !gh_str_is(rest, "/")) {
		snprintf(why, size,
			 "an address has no path, since the request's own path is sent; "
			 "write 'http://%.*s'",
			 shown(authority), authority.at);
		return -1;
	}
	if (split(authority, &host, &port_text, &v6) < 0) {
		snprintf(why, size,
			 "an IPv6 address stands in brackets, as in 'http://[::1]:8080'");
		return -1;
	}
	if (port_text.at && (port_from(port_text, &port) < 0 || port == 0)) {
		snprintf(why, size, "'%.*s' is no port; it must be 1 to 65535", shown(port_text),
			 port_text.at);
		return -1;
	}
	if (v6 ? !ip_from(host, AF_INET6, ip) : !is_host(host)) {
		snprintf(why, size, "'%.*s' is no host; write http://HOST:PORT", shown(host),
			 host.at ? host.at : "");
		return -1;
	}
	host = lower(a, host);
	*to = (struct gh__endpoint_config){
		.url = gh__arena_copy(a, url),
		.scheme = GH__HTTP,
		.host = host,
		.port = port,
		.authority = v6 ? gh__arena_printf(a, "[" GH_FMT "]", GH_ARG(host)) : host,
	};
	if (port != 80)
		to->authority = gh__arena_printf(a, GH_FMT ":%u", GH_ARG(to->authority), port);
	return 0;
}
