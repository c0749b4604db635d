#include "core/server/peers.h"

#include <pthread.h>

#include "core/base/memory.h"

enum { BUCKETS = 1024 };

struct peer {
	struct peer *next;
	uint8_t bytes[16];
	sa_family_t family;
	size_t count;
};

struct gh__peers {
	pthread_mutex_t lock;
	struct peer *buckets[BUCKETS];
};

struct gh__peers *gh__peers_create(void)
{
	struct gh__peers *p = gh__zalloc(sizeof *p);

	pthread_mutex_init(&p->lock, NULL);
	return p;
}

void gh__peers_destroy(struct gh__peers *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct peer *at = p->buckets[i], *next; at; at = next) {
			next = at->next;
			gh__free(at);
		}
	pthread_mutex_destroy(&p->lock);
	gh__free(p);
}

/* The lock is held. There are as many entries as open connections at most, which is bounded. */
static struct peer **find(struct gh__peers *p, const struct gh_address *a)
{
	size_t hash = a->family;

	for (size_t i = 0; i < sizeof a->bytes; i++)
		hash = hash * 31 + a->bytes[i];
	struct peer **at = p->buckets + hash % BUCKETS;
	while (*at &&
	       ((*at)->family != a->family || memcmp((*at)->bytes, a->bytes, sizeof a->bytes)))
		at = &(*at)->next;
	return at;
}

bool gh__peers_enter(struct gh__peers *p, const struct gh_address *a, size_t limit)
{
	if (a->family == AF_UNIX)
		return true;
	pthread_mutex_lock(&p->lock);
	struct peer **at = find(p, a);
	bool fits = limit == 0 || !*at || (*at)->count < limit;
	if (fits && !*at) {
		*at = gh__zalloc(sizeof **at);
		(*at)->family = a->family;
		memcpy((*at)->bytes, a->bytes, sizeof a->bytes);
	}
	if (fits)
		(*at)->count++;
	pthread_mutex_unlock(&p->lock);
	return fits;
}

void gh__peers_leave(struct gh__peers *p, const struct gh_address *a)
{
	if (a->family == AF_UNIX)
		return;
	pthread_mutex_lock(&p->lock);
	struct peer **at = find(p, a), *peer = *at;
	GH_CHECK(peer != NULL);
	if (--peer->count == 0) {
		*at = peer->next;
		gh__free(peer);
	}
	pthread_mutex_unlock(&p->lock);
}
