#include "secret.h"

#include <stdio.h>
#include <stdlib.h>

#include <mbedtls/sha256.h>

void basic_auth_digest_parts(const struct gh_str *parts, size_t count,
			     struct basic_auth_digest *ret_digest)
{
	mbedtls_sha256_context sha;

	mbedtls_sha256_init(&sha);
	mbedtls_sha256_starts(&sha, 0);
	for (size_t i = 0; i < count; i++) {
		uint64_t len = parts[i].len;
		uint8_t head[8];

		for (int k = 0; k < 8; k++)
			head[k] = (uint8_t)(len >> (8 * k));
		mbedtls_sha256_update(&sha, head, sizeof(head));
		if (len > 0)
			mbedtls_sha256_update(&sha, (const uint8_t *)parts[i].at, parts[i].len);
	}
	mbedtls_sha256_finish(&sha, ret_digest->bytes);
	mbedtls_sha256_free(&sha);
}

void basic_auth_digest_of(struct gh_str bytes, struct basic_auth_digest *ret_digest)
{
	const uint8_t *at = bytes.len > 0 ? (const uint8_t *)bytes.at : (const uint8_t *)"";

	mbedtls_sha256(at, bytes.len, ret_digest->bytes, 0);
}

bool basic_auth_equal(const void *a, const void *b, size_t size)
{
	const volatile uint8_t *x = a, *y = b;
	uint8_t difference = 0;

	for (size_t i = 0; i < size; i++)
		difference |= x[i] ^ y[i];
	return difference == 0;
}

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = gh_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int basic_auth_digest_from_hex(struct gh_str hex, struct basic_auth_digest *ret_digest)
{
	struct basic_auth_digest digest;

	if (hex.len != 2 * BASIC_AUTH_DIGEST)
		return -1;
	for (size_t i = 0; i < BASIC_AUTH_DIGEST; i++) {
		int high = nibble(hex.at[2 * i]), low = nibble(hex.at[2 * i + 1]);

		if (high < 0 || low < 0)
			return -1;
		digest.bytes[i] = (uint8_t)(high << 4 | low);
	}
	*ret_digest = digest;
	return 0;
}

void *basic_auth_alloc(size_t size)
{
	void *got = calloc(1, size > 0 ? size : 1);

	if (got == NULL) {
		fprintf(stderr, "gatehouse: basic-auth: out of memory: %zu bytes\n", size);
		abort();
	}
	return got;
}
