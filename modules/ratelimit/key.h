/*
 * Whom a request is counted for. Options are read-only; any worker.
 */
#ifndef RATELIMIT_KEY_H
#define RATELIMIT_KEY_H

#include <gatehouse/module.h>

enum ratelimit_by { RATELIMIT_BY_CLIENT, RATELIMIT_BY_USER, RATELIMIT_BY_HEADER };

struct ratelimit_key {
	enum ratelimit_by by;
	struct gh_str header;         /* for RATELIMIT_BY_HEADER */
	int64_t ipv4_bits, ipv6_bits; /* how much of an address counts */
};

enum ratelimit_kind { RATELIMIT_ADDRESS, RATELIMIT_UNIX, RATELIMIT_USER, RATELIMIT_HEADER };

/* What a request counts for: keys of different kinds are kept apart, whatever their text is. */
struct ratelimit_whose {
	enum ratelimit_kind kind;
	struct gh_str text; /* of the request's, or of `bytes` */
	uint8_t bytes[16];
};

/* `client_ip`, `user` or `header:NAME`. 0, or -1 with a sentence in `why`. */
int ratelimit_key_from(struct gh_str text, struct ratelimit_key *ret_key, char *why, size_t size);

void ratelimit_key_of(const struct ratelimit_key *k, const struct gh_request *r,
		      struct ratelimit_whose *ret_whose);

#endif
