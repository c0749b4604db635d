#include "keep.h"

#include <pthread.h>

/* Sets of WAYS; a set that is full lets the oldest go. */
enum { SETS = 128, WAYS = 4 };

struct entry {
	struct gh_address address; /* port 0 within the tailnet; no family: empty */
	int64_t at;
	struct tailscale_who who;
};

struct tailscale_keep {
	pthread_mutex_t lock;
	uint64_t seed; /* or strangers could choose what collides */
	struct tailscale_status status;
	int64_t status_until, ill_until;
	int64_t told_until[TAILSCALE_TROUBLES];
	struct entry entries[SETS * WAYS];
};

static void keep_init(void *shared)
{
	struct tailscale_keep *k = shared;

	pthread_mutex_init(&k->lock, NULL);
	gh_random(&k->seed, sizeof k->seed);
	k->status_until = k->ill_until = INT64_MIN;
	for (size_t i = 0; i < TAILSCALE_TROUBLES; i++)
		k->told_until[i] = INT64_MIN;
}

static void keep_finish(void *shared)
{
	struct tailscale_keep *k = shared;

	pthread_mutex_destroy(&k->lock);
}

const struct gh_shared_type tailscale_keep_type = {
	.size = sizeof(struct tailscale_keep),
	.init = keep_init,
	.finish = keep_finish,
};

/* ---- Who an address is ---- */

static size_t length_of(const struct gh_address *a)
{
	return a->family == AF_INET ? 4 : 16;
}

static struct gh_address key_of(const struct gh_address *a)
{
	struct gh_address key = { .family = a->family,
				  .port = tailscale_is_inside(a) ? 0 : a->port };

	memcpy(key.bytes, a->bytes, length_of(a));
	return key;
}

static bool same(const struct gh_address *a, const struct gh_address *b)
{
	return a->family == b->family && a->port == b->port &&
	       memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

static struct entry *set_of(struct tailscale_keep *k, const struct gh_address *key)
{
	uint64_t n = k->seed ^ key->port;

	for (size_t i = 0; i < sizeof key->bytes; i++)
		n = (n ^ key->bytes[i]) * UINT64_C(0x100000001b3);
	return k->entries + (n >> 32) % SETS * WAYS;
}

static bool may_keep(const struct gh_address *a, const struct tailscale_who *w)
{
	if (tailscale_is_inside(a))
		return true;
	return w->kind == TAILSCALE_OUTSIDE && !tailscale_is_loopback(a);
}

bool tailscale_keep_find(struct tailscale_keep *k, const struct gh_address *a, int64_t now_ms,
			 int64_t ttl_ms, struct tailscale_who *ret_who)
{
	struct gh_address key = key_of(a);
	bool found = false;

	pthread_mutex_lock(&k->lock);

	const struct entry *set = set_of(k, &key);

	for (size_t i = 0; i < WAYS && !found; i++) {
		if (now_ms - set[i].at >= ttl_ms || !same(&set[i].address, &key))
			continue;
		*ret_who = set[i].who;
		found = true;
	}
	pthread_mutex_unlock(&k->lock);
	return found;
}

void tailscale_keep_put(struct tailscale_keep *k, const struct gh_address *a, int64_t now_ms,
			const struct tailscale_who *w)
{
	struct gh_address key = key_of(a);

	if (!may_keep(a, w))
		return;
	pthread_mutex_lock(&k->lock);

	struct entry *set = set_of(k, &key), *to = set;

	for (size_t i = 0; i < WAYS; i++) {
		if (same(&set[i].address, &key)) {
			to = set + i;
			break;
		}
		if (set[i].at < to->at)
			to = set + i;
	}
	*to = (struct entry){ .address = key, .at = now_ms, .who = *w };
	pthread_mutex_unlock(&k->lock);
}

/* ---- How tailscaled is ---- */

enum tailscale_is tailscale_keep_status(struct tailscale_keep *k, int64_t now_ms,
					struct tailscale_status *ret_status)
{
	enum tailscale_is is = TAILSCALE_UNKNOWN;

	pthread_mutex_lock(&k->lock);
	if (now_ms < k->ill_until) {
		is = TAILSCALE_ILL;
	} else if (now_ms < k->status_until) {
		*ret_status = k->status;
		is = TAILSCALE_WELL;
	}
	pthread_mutex_unlock(&k->lock);
	return is;
}

void tailscale_keep_well(struct tailscale_keep *k, int64_t now_ms,
			 const struct tailscale_status *status)
{
	pthread_mutex_lock(&k->lock);
	k->status = *status;
	k->status_until = now_ms + TAILSCALE_STATUS_MS;
	k->ill_until = INT64_MIN;
	if (status->tun)
		k->told_until[TAILSCALE_UNPROVEN] = INT64_MIN;
	pthread_mutex_unlock(&k->lock);
}

void tailscale_keep_ill(struct tailscale_keep *k, int64_t now_ms)
{
	pthread_mutex_lock(&k->lock);
	k->status_until = INT64_MIN; /* it may come back as another */
	k->ill_until = now_ms + TAILSCALE_TROUBLE_MS;
	pthread_mutex_unlock(&k->lock);
}

bool tailscale_keep_tell(struct tailscale_keep *k, enum tailscale_trouble what, int64_t now_ms)
{
	pthread_mutex_lock(&k->lock);

	bool due = now_ms >= k->told_until[what];

	if (due)
		k->told_until[what] = what == TAILSCALE_UNPROVEN ? INT64_MAX
								 : now_ms + TAILSCALE_TELL_MS;
	pthread_mutex_unlock(&k->lock);
	return due;
}
