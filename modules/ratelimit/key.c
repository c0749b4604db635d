#include "key.h"

#include <stdio.h>

/* What is hashed begins with what it is, so that no header's value can pass for an address. The
 * secret is mixed with it in place of a copy of the value. */
enum kind { KIND_ADDRESS, KIND_UNIX, KIND_USER, KIND_HEADER };

int ratelimit_key_from(struct gh_str text, struct ratelimit_key *ret_key, char *why, size_t size)
{
	const struct gh_str header = GH_STR("header:");
	struct ratelimit_key key = { .by = RATELIMIT_BY_CLIENT };
	const char *reason;

	if (gh_str_is(text, "user")) {
		key.by = RATELIMIT_BY_USER;
	} else if (gh_str_starts(text, header)) {
		key.by = RATELIMIT_BY_HEADER;
		key.header = gh_str_slice(text, header.len, text.len);
		if (gh_header_check(key.header, GH_STR(""), &reason)) {
			snprintf(why, size, "the header '" GH_FMT "' cannot be a key: %s",
				 GH_ARG(key.header), reason);
			return -1;
		}
	} else if (!gh_str_is(text, "client_ip")) {
		snprintf(why, size, "'" GH_FMT "' is no key; write client_ip, user or header:NAME",
			 GH_ARG(text));
		return -1;
	}
	*ret_key = key;
	return 0;
}

static uint64_t hash(const struct ratelimit_secret *secret, enum kind kind, struct gh_str s)
{
	const struct ratelimit_secret own = { secret->a, secret->b ^ (uint64_t)kind << 56 };

	return ratelimit_siphash(&own, s);
}

static void keep_bits(uint8_t *bytes, size_t size, int64_t bits)
{
	for (size_t i = 0; i < size; i++, bits -= 8) {
		if (bits >= 8)
			continue;
		bytes[i] &= bits > 0 ? (uint8_t)(0xff << (8 - bits)) : 0;
	}
}

static uint64_t hash_client(const struct ratelimit_key *k, const struct ratelimit_secret *secret,
			    const struct gh_address *client)
{
	uint8_t bytes[16];
	size_t size = client->family == AF_INET ? 4 : 16;

	if (client->family != AF_INET && client->family != AF_INET6)
		return hash(secret, KIND_UNIX, GH_STR("unix"));
	memcpy(bytes, client->bytes, size);
	keep_bits(bytes, size, size == 4 ? k->ipv4_bits : k->ipv6_bits);
	/* The length is hashed too: no IPv6 address passes for one of IPv4. */
	return hash(secret, KIND_ADDRESS, (struct gh_str){ (const char *)bytes, size });
}

uint64_t ratelimit_key_of(const struct ratelimit_key *k, const struct ratelimit_secret *secret,
			  const struct gh_request *r)
{
	struct gh_str value = { 0 };

	if (k->by == RATELIMIT_BY_USER && r->caller.len)
		return hash(secret, KIND_USER, r->caller);
	if (k->by == RATELIMIT_BY_HEADER)
		value = gh_header_get(&r->headers, k->header);
	if (value.len)
		return hash(secret, KIND_HEADER, value);
	return hash_client(k, secret, &r->client);
}
