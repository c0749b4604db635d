#include "recent.h"

void basic_auth_recent_digest(struct basic_auth_recent *r, struct gh_str key,
			      struct basic_auth_digest *ret_digest)
{
	uint8_t hash[GH_SIPHASH];

	if (!r->drawn) {
		gh_random(r->key, sizeof(r->key));
		/* Or an empty place would stand for the text whose hash is zero. */
		for (size_t i = 0; i < BASIC_AUTH_RECENT; i++)
			gh_random(r->slots[i].hash, sizeof(r->slots[i].hash));
		r->drawn = true;
	}
	gh_siphash(r->key, key, hash);
	size_t at = hash[0] % BASIC_AUTH_RECENT;
	if (!basic_auth_equal(r->slots[at].hash, hash, sizeof(hash))) {
		basic_auth_digest_of(key, &r->slots[at].digest);
		memcpy(r->slots[at].hash, hash, sizeof(hash));
	}
	*ret_digest = r->slots[at].digest;
}
