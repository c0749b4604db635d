#include "keep.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include <mbedtls/sha256.h>

/* Accounts stand in sets of WAYS; a set that is full lets the one go that owes least. */
enum { SETS = 512, WAYS = 8 };

struct entry {
	struct basic_auth_digest name;
	int64_t at;
	uint32_t next; /* of its chain: index + 1 */
};

struct account {
	uint64_t id;
	int64_t paid; /* when all that was taken is given back; a past time means a whole budget */
};

struct basic_auth_flight {
	struct basic_auth_digest name;
	struct basic_auth_flight *next;
	struct basic_auth_waiter *waiters;
};

struct basic_auth_keep {
	/* The hash's state after one block of random bytes: a key that costs nothing to use. */
	mbedtls_sha256_context keyed;

	pthread_mutex_t cache_lock;
	struct entry *entries;
	uint32_t *chains; /* index + 1 */
	size_t size, oldest;

	pthread_mutex_t budget_lock;
	struct account *accounts;
	int64_t tries;
	/* Until then some account may owe something: most logins need not take the lock. */
	_Atomic int64_t owed_until;

	pthread_mutex_t flight_lock;
	struct basic_auth_flight *flights; /* few: the lane's places and queue bound them */
};

static void keep_init(void *shared)
{
	struct basic_auth_keep *k = shared;
	uint8_t key[64];

	gh_random(key, sizeof(key));
	mbedtls_sha256_init(&k->keyed);
	mbedtls_sha256_starts(&k->keyed, 0);
	mbedtls_sha256_update(&k->keyed, key, sizeof(key));
	explicit_bzero(key, sizeof(key));
	pthread_mutex_init(&k->cache_lock, NULL);
	pthread_mutex_init(&k->budget_lock, NULL);
	pthread_mutex_init(&k->flight_lock, NULL);
	atomic_init(&k->owed_until, INT64_MIN);
}

static void keep_finish(void *shared)
{
	struct basic_auth_keep *k = shared;

	/* Verifications that the end of the process kept from beginning. */
	for (struct basic_auth_flight *f = k->flights, *next; f != NULL; f = next) {
		next = f->next;
		free(f);
	}
	mbedtls_sha256_free(&k->keyed);
	free(k->entries);
	free(k->chains);
	free(k->accounts);
	pthread_mutex_destroy(&k->cache_lock);
	pthread_mutex_destroy(&k->budget_lock);
	pthread_mutex_destroy(&k->flight_lock);
}

const struct gh_shared_type basic_auth_keep_type = {
	.size = sizeof(struct basic_auth_keep),
	.init = keep_init,
	.finish = keep_finish,
};

void basic_auth_keep_size(struct basic_auth_keep *k, size_t verified, int64_t tries)
{
	pthread_mutex_lock(&k->cache_lock);
	if (k->entries == NULL) {
		k->entries = basic_auth_alloc(verified * sizeof(*k->entries));
		k->chains = basic_auth_alloc(verified * sizeof(*k->chains));
		k->size = verified;
	}
	pthread_mutex_unlock(&k->cache_lock);
	pthread_mutex_lock(&k->budget_lock);
	if (k->accounts == NULL) {
		k->accounts = basic_auth_alloc(SETS * WAYS * sizeof(*k->accounts));
		for (size_t i = 0; i < SETS * WAYS; i++)
			k->accounts[i].paid = INT64_MIN;
		k->tries = tries;
	}
	pthread_mutex_unlock(&k->budget_lock);
}

static void keyed_digest(const struct basic_auth_keep *k, struct gh_str a, struct gh_str b,
			 struct basic_auth_digest *ret_digest)
{
	mbedtls_sha256_context sha;

	mbedtls_sha256_init(&sha);
	mbedtls_sha256_clone(&sha, &k->keyed);
	mbedtls_sha256_update(&sha, (const uint8_t *)a.at, a.len);
	if (b.len > 0)
		mbedtls_sha256_update(&sha, (const uint8_t *)b.at, b.len);
	mbedtls_sha256_finish(&sha, ret_digest->bytes);
	mbedtls_sha256_free(&sha);
}

void basic_auth_keep_name(const struct basic_auth_keep *k, const struct basic_auth_digest *stored,
			  struct gh_str password, struct basic_auth_digest *ret_name)
{
	/* The first part is of one size, so two pairs never make the same bytes. */
	keyed_digest(k, (struct gh_str){ (const char *)stored->bytes, sizeof(stored->bytes) },
		     password, ret_name);
}

static uint64_t number_of(const struct basic_auth_digest *d)
{
	uint64_t number;

	memcpy(&number, d->bytes, sizeof(number));
	return number;
}

uint64_t basic_auth_keep_number(const struct basic_auth_keep *k, struct gh_str bytes)
{
	struct basic_auth_digest digest;

	keyed_digest(k, GH_STR("number"), bytes, &digest);
	return number_of(&digest);
}

/* ---- Verified credentials ---- */

static struct entry *find(struct basic_auth_keep *k, const struct basic_auth_digest *name)
{
	uint32_t i = k->chains[number_of(name) % k->size];

	while (i != 0) {
		struct entry *e = &k->entries[i - 1];

		if (memcmp(&e->name, name, sizeof(*name)) == 0)
			return e;
		i = e->next;
	}
	return NULL;
}

bool basic_auth_verified(struct basic_auth_keep *k, const struct basic_auth_digest *name,
			 int64_t now_ms, int64_t ttl_ms)
{
	pthread_mutex_lock(&k->cache_lock);

	const struct entry *e = find(k, name);
	bool fresh = e != NULL && now_ms - e->at < ttl_ms;

	pthread_mutex_unlock(&k->cache_lock);
	return fresh;
}

/* Takes an entry out of its chain. */
static void forget(struct basic_auth_keep *k, struct entry *e)
{
	uint32_t *link = &k->chains[number_of(&e->name) % k->size];
	uint32_t self = (uint32_t)(e - k->entries) + 1;

	while (*link != 0 && *link != self)
		link = &k->entries[*link - 1].next;
	if (*link == self)
		*link = e->next;
}

void basic_auth_remember(struct basic_auth_keep *k, const struct basic_auth_digest *name,
			 int64_t now_ms)
{
	pthread_mutex_lock(&k->cache_lock);

	struct entry *e = find(k, name);

	if (e == NULL) {
		uint32_t *chain = &k->chains[number_of(name) % k->size];

		e = &k->entries[k->oldest];
		k->oldest = (k->oldest + 1) % k->size;
		forget(k, e);
		e->name = *name;
		e->next = *chain;
		*chain = (uint32_t)(e - k->entries) + 1;
	}
	e->at = now_ms;
	pthread_mutex_unlock(&k->cache_lock);
}

/* ---- The budget of failures ---- */

static bool is_loopback(const struct gh_address *a)
{
	static const uint8_t one[16] = { [15] = 1 };

	if (a->family == AF_INET)
		return a->bytes[0] == 127;
	return a->family == AF_INET6 && memcmp(a->bytes, one, sizeof(one)) == 0;
}

uint64_t basic_auth_account(const struct basic_auth_keep *k, const struct gh_address *address,
			    struct gh_str user)
{
	struct basic_auth_digest digest;
	char who[10] = { (char)(address->family == AF_INET6), (char)(address->family == AF_UNIX) };
	bool nobody = address->family == AF_UNIX || is_loopback(address);

	if (!nobody)
		memcpy(who + 2, address->bytes, address->family == AF_INET ? 4 : 8);
	keyed_digest(k, (struct gh_str){ who, sizeof(who) }, nobody ? user : GH_STR(""), &digest);
	return number_of(&digest);
}

/* The account, or the one of its set that is nearest to a whole budget. */
static struct account *account_at(struct basic_auth_keep *k, uint64_t id)
{
	struct account *set = &k->accounts[id % SETS * WAYS], *least = set;

	for (size_t i = 0; i < WAYS; i++) {
		if (set[i].id == id)
			return &set[i];
		if (set[i].paid < least->paid)
			least = &set[i];
	}
	return least;
}

int64_t basic_auth_spent(struct basic_auth_keep *k, uint64_t account, int64_t now_ms)
{
	if (atomic_load_explicit(&k->owed_until, memory_order_relaxed) <= now_ms)
		return 0;
	pthread_mutex_lock(&k->budget_lock);

	const struct account *a = account_at(k, account);
	int64_t over = 0;

	if (a->id == account && a->paid > now_ms)
		over = a->paid + BASIC_AUTH_WINDOW_MS / k->tries - now_ms - BASIC_AUTH_WINDOW_MS;
	pthread_mutex_unlock(&k->budget_lock);
	return over > 0 ? over : 0;
}

int64_t basic_auth_charge(struct basic_auth_keep *k, uint64_t account, int64_t now_ms)
{
	pthread_mutex_lock(&k->budget_lock);

	struct account *a = account_at(k, account);
	int64_t paid = a->id == account && a->paid > now_ms ? a->paid : now_ms;
	int64_t after = paid + BASIC_AUTH_WINDOW_MS / k->tries;
	int64_t over = after - now_ms - BASIC_AUTH_WINDOW_MS;

	if (over <= 0) {
		*a = (struct account){ .id = account, .paid = after };
		if (after > atomic_load_explicit(&k->owed_until, memory_order_relaxed))
			atomic_store_explicit(&k->owed_until, after, memory_order_relaxed);
	}
	pthread_mutex_unlock(&k->budget_lock);
	return over > 0 ? over : 0;
}

void basic_auth_refund(struct basic_auth_keep *k, uint64_t account, int64_t now_ms)
{
	pthread_mutex_lock(&k->budget_lock);

	struct account *a = account_at(k, account);

	if (a->id == account && a->paid > now_ms)
		a->paid -= BASIC_AUTH_WINDOW_MS / k->tries;
	pthread_mutex_unlock(&k->budget_lock);
}

/* ---- Verifications under way ---- */

struct basic_auth_flight *basic_auth_join(struct basic_auth_keep *k,
					  const struct basic_auth_digest *name, struct gh_step *s,
					  gh_then *then, struct basic_auth_waiter *waiter)
{
	struct basic_auth_flight *mine = NULL;

	pthread_mutex_lock(&k->flight_lock);

	struct basic_auth_flight *f = k->flights;

	while (f != NULL && memcmp(&f->name, name, sizeof(*name)) != 0)
		f = f->next;
	if (f == NULL) {
		mine = basic_auth_alloc(sizeof(*mine));
		mine->name = *name;
		mine->next = k->flights;
		k->flights = mine;
	} else {
		/* Held under the lock, or the flight could land between the two. */
		*waiter = (struct basic_auth_waiter){ .flight = f,
						      .next = f->waiters,
						      .joined = true };
		gh_hold(s, then, &waiter->wait);
		if (f->waiters != NULL)
			f->waiters->prev = waiter;
		f->waiters = waiter;
	}
	pthread_mutex_unlock(&k->flight_lock);
	return mine;
}

static void unlink_waiter(struct basic_auth_waiter *w)
{
	if (w->next != NULL)
		w->next->prev = w->prev;
	if (w->prev != NULL)
		w->prev->next = w->next;
	else
		w->flight->waiters = w->next;
	w->next = w->prev = NULL;
	w->flight = NULL;
}

void basic_auth_land(struct basic_auth_keep *k, struct basic_auth_flight *flight,
		     enum basic_auth_outcome outcome)
{
	struct basic_auth_flight **link = &k->flights;

	pthread_mutex_lock(&k->flight_lock);
	while (*link != flight)
		link = &(*link)->next;
	*link = flight->next;
	while (flight->waiters != NULL) {
		struct basic_auth_waiter *w = flight->waiters;
		struct gh_wait wait = w->wait;

		w->outcome = outcome;
		unlink_waiter(w);
		/* The waiter may be gone from here on. And a resume may need the lock. */
		pthread_mutex_unlock(&k->flight_lock);
		gh_resume(wait);
		pthread_mutex_lock(&k->flight_lock);
	}
	pthread_mutex_unlock(&k->flight_lock);
	free(flight);
}

void basic_auth_leave(struct basic_auth_keep *k, struct basic_auth_waiter *waiter)
{
	if (!waiter->joined)
		return;
	pthread_mutex_lock(&k->flight_lock);
	if (waiter->flight != NULL)
		unlink_waiter(waiter);
	pthread_mutex_unlock(&k->flight_lock);
}
