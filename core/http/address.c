#include "core/http/text.h"

#include <arpa/inet.h>

#include "core/http/octets.h"

enum { TEXT_MAX = 46 };

/* inet_pton() wants a terminator. */
static int parse(sa_family_t family, struct gh_str text, uint8_t bytes[16])
{
	char copy[TEXT_MAX];

	if (text.len == 0 || text.len >= sizeof copy || memchr(text.at, 0, text.len))
		return -1;
	memcpy(copy, text.at, text.len);
	copy[text.len] = 0;
	return inet_pton(family, copy, bytes) == 1 ? 0 : -1;
}

bool gh__is_ipv6(struct gh_str text)
{
	uint8_t bytes[16];

	return parse(AF_INET6, text, bytes) == 0;
}

static int parse_number(struct gh_str s, unsigned max, unsigned *ret_number)
{
	unsigned n = 0;

	if (s.len == 0 || s.len > 5 || (s.len > 1 && s.at[0] == '0'))
		return -1;
	for (size_t i = 0; i < s.len; i++) {
		if (!gh__is_digit(s.at[i]))
			return -1;
		n = n * 10 + (unsigned)(s.at[i] - '0');
	}
	if (n > max)
		return -1;
	*ret_number = n;
	return 0;
}

static bool is_mapped(const uint8_t bytes[16])
{
	static const uint8_t prefix[12] = { [10] = 0xff, [11] = 0xff };

	return memcmp(bytes, prefix, sizeof prefix) == 0;
}

/* Of an address alone; says whether it was an IPv4-mapped IPv6 one. */
static int parse_bare(struct gh_str text, struct gh_address *ret_address, bool *ret_mapped)
{
	struct gh_address a = { .family = AF_INET };

	*ret_mapped = false;
	if (parse(AF_INET, text, a.bytes) == 0) {
		*ret_address = a;
		return 0;
	}
	a.family = AF_INET6;
	if (parse(AF_INET6, text, a.bytes))
		return -1;
	if (is_mapped(a.bytes)) {
		struct gh_address v4 = { .family = AF_INET };
		memcpy(v4.bytes, a.bytes + 12, 4);
		a = v4;
		*ret_mapped = true;
	}
	*ret_address = a;
	return 0;
}

int gh__address_from(struct gh_str text, struct gh_address *ret_address)
{
	struct gh_str host = text, port = { NULL, 0 };
	struct gh_address a;
	unsigned number = 0;
	bool mapped;

	if (text.len && text.at[0] == '[') {
		const char *close = memchr(text.at, ']', text.len);
		if (!close)
			return -1;
		host = gh_str_slice(text, 1, (size_t)(close - text.at));
		port = gh_str_slice(text, host.len + 2, text.len);
		if (!gh__is_ipv6(host))
			return -1;
	} else if (text.len) {
		/* One colon is a port's, more are IPv6. */
		const char *colon = memchr(text.at, ':', text.len);
		if (colon && colon == memrchr(text.at, ':', text.len)) {
			host.len = (size_t)(colon - text.at);
			port = gh_str_slice(text, host.len, text.len);
		}
	}
	if (port.len && (port.at[0] != ':' ||
			 parse_number(gh_str_slice(port, 1, port.len), UINT16_MAX, &number)))
		return -1;
	if (parse_bare(host, &a, &mapped))
		return -1;
	a.port = (uint16_t)number;
	*ret_address = a;
	return 0;
}

size_t gh__address_text(const struct gh_address *a, char to[46])
{
	char text[TEXT_MAX];

	if (a->family != AF_INET && a->family != AF_INET6) {
		memcpy(to, "unix", 4);
		return 4;
	}
	if (a->family == AF_INET) {
		/* By hand: it is on the way of every request, and inet_ntop() goes through printf. */
		size_t at = 0;
		for (int i = 0; i < 4; i++) {
			if (i)
				to[at++] = '.';
			at += gh__decimal(to + at, a->bytes[i]);
		}
		return at;
	}
	if (!inet_ntop(a->family, a->bytes, text, sizeof text))
		return 0; /* cannot be: both families are known to it, and the room is enough */
	size_t len = strlen(text);
	memcpy(to, text, len);
	return len;
}

bool gh__address_same(const struct gh_address *a, const struct gh_address *b)
{
	if (a->family != b->family)
		return false;
	switch (a->family) {
	case AF_INET:
		return memcmp(a->bytes, b->bytes, 4) == 0;
	case AF_INET6:
		return memcmp(a->bytes, b->bytes, 16) == 0;
	default:
		return true;
	}
}

int gh__cidr_from(struct gh_str text, struct gh__cidr *ret_cidr)
{
	const char *slash = text.len ? memchr(text.at, '/', text.len) : NULL;
	struct gh_str address = text;
	struct gh__cidr c;
	unsigned bits;
	bool mapped;

	if (slash)
		address.len = (size_t)(slash - text.at);
	if (parse_bare(address, &c.address, &mapped))
		return -1;
	unsigned max = c.address.family == AF_INET && !mapped ? 32 : 128;
	bits = max;
	if (slash && parse_number(gh_str_slice(text, address.len + 1, text.len), max, &bits))
		return -1;
	if (mapped) { /* ::ffff:10.0.0.0/104 is 10.0.0.0/8; a wider one is no network of IPv4 */
		if (bits < 96)
			return -1;
		bits -= 96;
	}
	c.bits = (uint8_t)bits;
	*ret_cidr = c;
	return 0;
}

bool gh__cidr_has(const struct gh__cidr *c, const struct gh_address *a)
{
	if (a->family != c->address.family || (a->family != AF_INET && a->family != AF_INET6))
		return false;
	size_t whole = c->bits / 8;
	unsigned rest = c->bits % 8;

	if (memcmp(c->address.bytes, a->bytes, whole) != 0)
		return false;
	return rest == 0 || (c->address.bytes[whole] ^ a->bytes[whole]) >> (8 - rest) == 0;
}
