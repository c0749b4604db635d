/*
 * A key of 256 random bits.
 *
 * gatehouse_ + 43 characters + 6 characters: the random bits and a CRC-32 of all before it, both in
 * base 62. The prefix lets scanners find a key that leaked, and the sum lets them tell it from
 * chance.
 */
#include <stdio.h>

#include <mbedtls/sha256.h>

#include <gatehouse/module.h>

#include "core/base/memory.h"
#include "core/cli/key.h"

#define PREFIX "gatehouse_"

enum {
	PREFIX_LEN = sizeof(PREFIX) - 1,
	RANDOM = 32,        /* bytes */
	RANDOM_DIGITS = 43, /* the fewest with 62^n > 2^256 */
	SUM_DIGITS = 6,     /* the fewest with 62^n > 2^32 */
	DIGEST = 32,
};

_Static_assert(PREFIX_LEN + RANDOM_DIGITS + SUM_DIGITS == GH__KEY_LEN, "the length of a key");

static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/* A big-endian number in base 62, as so many digits. The number is used up. */
static void base62(uint8_t *number, size_t size, char *to, size_t count)
{
	while (count-- > 0) {
		unsigned rest = 0;

		for (size_t i = 0; i < size; i++) {
			rest = rest << 8 | number[i];
			number[i] = (uint8_t)(rest / 62);
			rest %= 62;
		}
		to[count] = digits[rest];
	}
}

/* The CRC-32 of zlib, PNG and Ethernet. */
static uint32_t crc32(const char *bytes, size_t len)
{
	uint32_t crc = 0xffffffff;

	for (size_t i = 0; i < len; i++) {
		crc ^= (uint8_t)bytes[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	return ~crc;
}

void gh__key_make(char ret_key[GH__KEY_LEN + 1], char ret_digest[GH__KEY_DIGEST_LEN + 1])
{
	uint8_t bytes[RANDOM], sum[4], digest[DIGEST];
	char *to = ret_key + PREFIX_LEN;

	gh_random(bytes, sizeof(bytes));
	memcpy(ret_key, PREFIX, PREFIX_LEN);
	base62(bytes, sizeof(bytes), to, RANDOM_DIGITS);
	gh__wipe(bytes, sizeof(bytes));

	uint32_t crc = crc32(ret_key, PREFIX_LEN + RANDOM_DIGITS);

	for (int i = 0; i < 4; i++)
		sum[i] = (uint8_t)(crc >> (24 - 8 * i));
	base62(sum, sizeof(sum), to + RANDOM_DIGITS, SUM_DIGITS);
	ret_key[GH__KEY_LEN] = 0;
	mbedtls_sha256((const uint8_t *)ret_key, GH__KEY_LEN, digest, 0);
	memcpy(ret_digest, "sha256:", 7);
	for (size_t i = 0; i < DIGEST; i++)
		snprintf(ret_digest + 7 + 2 * i, 3, "%02x", digest[i]);
}
