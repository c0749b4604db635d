#include "key.h"

#include <stdio.h>

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

static void keep_bits(uint8_t *bytes, size_t size, int64_t bits)
{
	for (size_t i = 0; i < size; i++, bits -= 8) {
		if (bits >= 8)
			continue;
		bytes[i] &= bits > 0 ? (uint8_t)(0xff << (8 - bits)) : 0;
	}
}

static void take_client(const struct ratelimit_key *k, const struct gh_address *client,
			struct ratelimit_whose *whose)
{
	size_t size = client->family == AF_INET ? 4 : 16;

	whose->kind = RATELIMIT_UNIX;
	whose->text = GH_STR("");
	if (client->family != AF_INET && client->family != AF_INET6)
		return;
	/* The length counts too: no IPv6 address passes for one of IPv4. */
	whose->kind = RATELIMIT_ADDRESS;
	memcpy(whose->bytes, client->bytes, size);
	keep_bits(whose->bytes, size, size == 4 ? k->ipv4_bits : k->ipv6_bits);
	whose->text = (struct gh_str){ (const char *)whose->bytes, size };
}

void ratelimit_key_of(const struct ratelimit_key *k, const struct gh_request *r,
		      struct ratelimit_whose *ret_whose)
{
	struct gh_str header = { 0 };

	if (k->by == RATELIMIT_BY_HEADER)
		header = gh_header_get(&r->headers, k->header);
	if (k->by == RATELIMIT_BY_USER && r->caller.len) {
		ret_whose->kind = RATELIMIT_USER;
		ret_whose->text = r->caller;
	} else if (header.len) {
		ret_whose->kind = RATELIMIT_HEADER;
		ret_whose->text = header;
	} else {
		take_client(k, &r->client, ret_whose);
	}
}
