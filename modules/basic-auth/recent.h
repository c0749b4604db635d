/*
 * The SHA-256 of keys that came of late: a caller sends the same key with each request, and its digest
 * costs more than all else that is done to find it. Found by a keyed hash, so that no key is kept. What a
 * digest means is asked of the book each time, and a key that was revoked is revoked. A worker's own.
 */
#ifndef GATEHOUSE_BASIC_AUTH_RECENT_H
#define GATEHOUSE_BASIC_AUTH_RECENT_H

#include <gatehouse/module.h>

#include "secret.h"

enum { BASIC_AUTH_RECENT = 64 };

struct basic_auth_recent { /* zeroed: nothing came yet */
	bool drawn;
	uint8_t key[GH_SIPHASH];
	struct {
		uint8_t hash[GH_SIPHASH];
		struct basic_auth_digest digest;
	} slots[BASIC_AUTH_RECENT];
};

/* As basic_auth_digest_of(). */
void basic_auth_recent_digest(struct basic_auth_recent *r, struct gh_str key,
			      struct basic_auth_digest *ret_digest);

#endif
