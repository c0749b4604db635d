#include "core/server/handshakes.h"

#include <pthread.h>

#include <gatehouse/module.h>

#include "core/base/memory.h"

/* An address can be in one of the places of its set alone. Where all are taken, the fullest bucket
 * goes: it says the least. */
enum { SETS = 1024, WAYS = 8, TOKEN = 1000, BURST_SECONDS = 10 };

struct bucket {
	uint8_t bytes[8];   /* of the address, or of its /64 */
	sa_family_t family; /* 0: nobody's */
	int64_t tokens;     /* in thousandths */
	uint64_t at;        /* when they were counted */
};

struct gh__handshakes {
	pthread_mutex_t lock;
	uint64_t seed; /* so that nobody can choose addresses of one set */
	struct bucket buckets[SETS][WAYS];
};

struct gh__handshakes *gh__handshakes_create(void)
{
	struct gh__handshakes *h = gh__zalloc(sizeof *h);

	pthread_mutex_init(&h->lock, NULL);
	gh_random(&h->seed, sizeof h->seed);
	return h;
}

void gh__handshakes_destroy(struct gh__handshakes *h)
{
	if (!h)
		return;
	pthread_mutex_destroy(&h->lock);
	gh__free(h);
}

static bool is_loopback(const struct gh_address *a)
{
	static const uint8_t v6[16] = { [15] = 1 };

	return a->family == AF_INET ? a->bytes[0] == 127 : memcmp(a->bytes, v6, sizeof v6) == 0;
}

static struct bucket *set_of(struct gh__handshakes *h, const struct bucket *key)
{
	uint64_t x;

	memcpy(&x, key->bytes, sizeof x);
	x = (x ^ h->seed) * 0x9e3779b97f4a7c15u + key->family;
	x = (x ^ (x >> 32)) * 0xd6e8feb86659fd93u;
	x = (x ^ (x >> 29) ^ h->seed) * 0x9e3779b97f4a7c15u;
	return h->buckets[(x >> 40) % SETS];
}

static void fill(struct bucket *b, int64_t per_second, uint64_t now)
{
	int64_t most = per_second * BURST_SECONDS * TOKEN;
	uint64_t passed = now > b->at ? now - b->at : 0;

	/* A thousandth of a token each thousandth of a second, times the rate. */
	if (passed >= BURST_SECONDS * 1000 || b->tokens + (int64_t)passed * per_second > most)
		b->tokens = most;
	else
		b->tokens += (int64_t)passed * per_second;
	/* Clocks of several loops: what came before is not counted twice. */
	if (passed)
		b->at = now;
}

/* The bucket of an address, filled up to now; a full one where it had none. */
static struct bucket *find(struct gh__handshakes *h, const struct bucket *key, int64_t per_second,
			   uint64_t now)
{
	struct bucket *set = set_of(h, key), *fullest = set;

	for (int i = 0; i < WAYS; i++) {
		struct bucket *b = set + i;
		if (b->family)
			fill(b, per_second, now);
		if (b->family == key->family && memcmp(b->bytes, key->bytes, sizeof b->bytes) == 0)
			return b;
		if (fullest->family && (!b->family || b->tokens > fullest->tokens))
			fullest = b;
	}
	*fullest = *key;
	fullest->tokens = per_second * BURST_SECONDS * TOKEN;
	fullest->at = now;
	return fullest;
}

bool gh__handshakes_take(struct gh__handshakes *h, const struct gh_address *peer,
			 int64_t per_second, uint64_t now)
{
	struct bucket key = { .family = peer->family };

	if (per_second == 0 || peer->family == AF_UNIX || is_loopback(peer))
		return true;
	memcpy(key.bytes, peer->bytes, peer->family == AF_INET ? 4 : 8);
	pthread_mutex_lock(&h->lock);
	struct bucket *b = find(h, &key, per_second, now);
	bool has = b->tokens >= TOKEN;
	if (has)
		b->tokens -= TOKEN;
	pthread_mutex_unlock(&h->lock);
	return has;
}
