/*
 * Small tools for what is secret: SHA-256, a comparison that takes the same time wherever two
 * values differ, and memory that is there or ends the process. Pure; any thread.
 */
#ifndef GATEHOUSE_BASIC_AUTH_SECRET_H
#define GATEHOUSE_BASIC_AUTH_SECRET_H

#include <gatehouse/base.h>

enum { BASIC_AUTH_DIGEST = 32 };

struct basic_auth_digest {
	uint8_t bytes[BASIC_AUTH_DIGEST];
};

/* Of several parts, each with its length before it: no two lists of parts have the same text. */
void basic_auth_digest_parts(const struct gh_str *parts, size_t count,
			     struct basic_auth_digest *ret_digest);
/* The plain SHA-256, as sha256sum gives it. */
void basic_auth_digest_of(struct gh_str bytes, struct basic_auth_digest *ret_digest);
bool basic_auth_equal(const void *a, const void *b, size_t size);
/* Exactly 64 hexadecimal digits. 0 or -1. */
int basic_auth_digest_from_hex(struct gh_str hex, struct basic_auth_digest *ret_digest);

void *basic_auth_alloc(size_t size); /* zeroed; free() gives it back */

#endif
