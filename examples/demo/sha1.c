#include "sha1.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCK = 64 };

static uint32_t turn(uint32_t x, int by)
{
	return x << by | x >> (32 - by);
}

static void mix(uint32_t h[5], const unsigned char *block)
{
	static const uint32_t constant[] = { 0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6 };
	uint32_t w[80], a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];

	for (int i = 0; i < 16; i++)
		w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 |
		       (uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
	for (int i = 16; i < 80; i++)
		w[i] = turn(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);

	for (int i = 0; i < 80; i++) {
		int part = i / 20;
		uint32_t f = part == 0   ? (b & c) | (~b & d)
			     : part == 2 ? (b & c) | (b & d) | (c & d)
					 : b ^ c ^ d;
		uint32_t sum = turn(a, 5) + f + e + constant[part] + w[i];

		e = d;
		d = c;
		c = turn(b, 30);
		b = a;
		a = sum;
	}
	h[0] += a;
	h[1] += b;
	h[2] += c;
	h[3] += d;
	h[4] += e;
}

void demo_sha1(const void *bytes, size_t len, unsigned char ret_digest[DEMO_SHA1_SIZE])
{
	uint32_t h[5] = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0 };
	unsigned char padded[2 * BLOCK] = { 0 };
	size_t size = len + 9 <= BLOCK ? BLOCK : 2 * BLOCK;

	if (len > DEMO_SHA1_LONGEST)
		abort();
	memcpy(padded, bytes, len);
	padded[len] = 0x80;
	padded[size - 2] = (unsigned char)(len * 8 >> 8);
	padded[size - 1] = (unsigned char)(len * 8);
	for (size_t at = 0; at < size; at += BLOCK)
		mix(h, padded + at);
	for (int i = 0; i < DEMO_SHA1_SIZE; i++)
		ret_digest[i] = (unsigned char)(h[i / 4] >> (24 - 8 * (i % 4)));
}
