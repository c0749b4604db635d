/*
 * SipHash-2-4: a keyed hash of 64 bits, for tables that strangers choose the keys of. Pure.
 */
#ifndef RATELIMIT_SIPHASH_H
#define RATELIMIT_SIPHASH_H

#include <gatehouse/base.h>

struct ratelimit_secret {
	uint64_t a, b;
};

uint64_t ratelimit_siphash(const struct ratelimit_secret *secret, struct gh_str s);

#endif
