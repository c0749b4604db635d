#include "siphash.h"

static uint64_t rotate(uint64_t x, int bits)
{
	return x << bits | x >> (64 - bits);
}

static void rounds(uint64_t v[4], int count)
{
	while (count-- > 0) {
		v[0] += v[1];
		v[2] += v[3];
		v[1] = rotate(v[1], 13) ^ v[0];
		v[3] = rotate(v[3], 16) ^ v[2];
		v[0] = rotate(v[0], 32);
		v[2] += v[1];
		v[0] += v[3];
		v[1] = rotate(v[1], 17) ^ v[2];
		v[3] = rotate(v[3], 21) ^ v[0];
		v[2] = rotate(v[2], 32);
	}
}

static void take_word(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	rounds(v, 2);
	v[0] ^= word;
}

static uint64_t little_endian(const char *at, size_t len)
{
	uint64_t word = 0;

	for (size_t i = 0; i < len; i++)
		word |= (uint64_t)(unsigned char)at[i] << (8 * i);
	return word;
}

uint64_t ratelimit_siphash(const struct ratelimit_secret *secret, struct gh_str s)
{
	/* The constants are "somepseudorandomlygeneratedbytes". */
	uint64_t v[4] = {
		secret->a ^ UINT64_C(0x736f6d6570736575),
		secret->b ^ UINT64_C(0x646f72616e646f6d),
		secret->a ^ UINT64_C(0x6c7967656e657261),
		secret->b ^ UINT64_C(0x7465646279746573),
	};
	size_t whole = s.len & ~(size_t)7;

	for (size_t i = 0; i < whole; i += 8)
		take_word(v, little_endian(s.at + i, 8));
	take_word(v, (s.len > whole ? little_endian(s.at + whole, s.len - whole) : 0) |
			     (uint64_t)s.len << 56);
	v[2] ^= 0xff;
	rounds(v, 4);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}
