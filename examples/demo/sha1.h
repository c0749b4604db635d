/*
 * SHA-1 (FIPS 180-4) of a short text, for one purpose: the accept key of a WebSocket handshake
 * (RFC 6455 4.2.2), where it proves that the server understood, and protects nothing. Pure.
 */
#ifndef DEMO_SHA1_H
#define DEMO_SHA1_H

#include <stddef.h>
#include <stdint.h>

enum {
	DEMO_SHA1_SIZE = 20,
	DEMO_SHA1_LONGEST = 119, /* what fits into two blocks with its padding */
};

/* `len` is at most DEMO_SHA1_LONGEST. */
void demo_sha1(const void *bytes, size_t len, unsigned char ret_digest[DEMO_SHA1_SIZE]);

#endif
