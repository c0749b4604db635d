#include "core/base/siphash.h"

#include <endian.h>

#include <gatehouse/module.h>

struct state {
	uint64_t v0, v1, v2, v3;
};

static uint64_t turn(uint64_t x, int by)
{
	return x << by | x >> (64 - by);
}

static void rounds(struct state *s, int count)
{
	while (count-- > 0) {
		s->v0 += s->v1;
		s->v2 += s->v3;
		s->v1 = turn(s->v1, 13) ^ s->v0;
		s->v3 = turn(s->v3, 16) ^ s->v2;
		s->v0 = turn(s->v0, 32) + s->v3;
		s->v2 += s->v1;
		s->v3 = turn(s->v3, 21) ^ s->v0;
		s->v1 = turn(s->v1, 17) ^ s->v2;
		s->v2 = turn(s->v2, 32);
	}
}

static void take(struct state *s, uint64_t word)
{
	s->v3 ^= word;
	rounds(s, 2);
	s->v0 ^= word;
}

static uint64_t word_of(const char *at)
{
	uint64_t word;

	memcpy(&word, at, sizeof word);
	return le64toh(word);
}

/* Of fewer than 8 bytes. */
static uint64_t last_word_of(const char *at, size_t len)
{
	uint64_t word = 0;

	for (size_t i = 0; i < len; i++)
		word |= (uint64_t)(uint8_t)at[i] << 8 * i;
	return word;
}

struct gh__id gh__siphash(const struct gh__sipkey *key, struct gh_str text)
{
	struct state s = {
		key->a ^ 0x736f6d6570736575,
		key->b ^ 0x646f72616e646f6d ^ 0xee,
		key->a ^ 0x6c7967656e657261,
		key->b ^ 0x7465646279746573,
	};
	size_t at = 0;
	struct gh__id id;

	for (; text.len - at >= 8; at += 8)
		take(&s, word_of(text.at + at));
	take(&s, (uint64_t)(text.len & 0xff) << 56 |
			 (text.len > at ? last_word_of(text.at + at, text.len - at) : 0));
	s.v2 ^= 0xee;
	rounds(&s, 4);
	id.a = s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
	s.v1 ^= 0xdd;
	rounds(&s, 4);
	id.b = s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
	return id;
}

void gh_siphash(const uint8_t key[GH_SIPHASH], struct gh_str text, uint8_t ret_hash[GH_SIPHASH])
{
	struct gh__sipkey k = { word_of((const char *)key), word_of((const char *)key + 8) };
	struct gh__id id = gh__siphash(&k, text);

	id = (struct gh__id){ htole64(id.a), htole64(id.b) };
	memcpy(ret_hash, &id, GH_SIPHASH);
}
