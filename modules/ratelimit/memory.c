#include "memory.h"

#include <pthread.h>

enum { LOCKS = 16 };

/* A lock has a cache line of its own, so that two that are held at once do not fight over one. */
union lock {
	pthread_mutex_t mutex;
	char line[64];
};

struct ratelimit_table {
	union lock locks[LOCKS];
	struct ratelimit_secret secret;
	char places[]; /* sets of WAYS places each */
};

struct place {
	uint64_t key;    /* 0: empty */
	int64_t seen_ms; /* when the debts were as they stand here */
	int64_t debt[];  /* one a limit */
};

static size_t place_size(size_t limit_count)
{
	return sizeof(struct place) + limit_count * sizeof(int64_t);
}

static size_t set_count(int64_t max_keys)
{
	return ((size_t)max_keys + RATELIMIT_WAYS - 1) / RATELIMIT_WAYS;
}

static void table_init(void *shared)
{
	struct ratelimit_table *table = shared;

	for (size_t i = 0; i < LOCKS; i++)
		pthread_mutex_init(&table->locks[i].mutex, NULL);
	gh_random(&table->secret, sizeof table->secret);
}

static void table_finish(void *shared)
{
	struct ratelimit_table *table = shared;

	for (size_t i = 0; i < LOCKS; i++)
		pthread_mutex_destroy(&table->locks[i].mutex);
}

struct gh_shared_type ratelimit_memory_type(int64_t max_keys, size_t limit_count)
{
	return (struct gh_shared_type){
		.size = sizeof(struct ratelimit_table) +
			set_count(max_keys) * RATELIMIT_WAYS * place_size(limit_count),
		.init = table_init,
		.finish = table_finish,
	};
}

const struct ratelimit_secret *ratelimit_memory_secret(const struct ratelimit_memory *m)
{
	return &m->table->secret;
}

/* ---- One set of places, under its lock ---- */

/* 0 is for empty places. */
static uint64_t key_of(const struct ratelimit_take *t)
{
	return t->key ? t->key : 1;
}

static size_t set_of(const struct ratelimit_memory *m, const struct ratelimit_take *t)
{
	return (size_t)(key_of(t) % m->sets);
}

static pthread_mutex_t *lock_of(const struct ratelimit_memory *m, size_t set)
{
	return &m->table->locks[set % LOCKS].mutex;
}

static struct place *place_at(const struct ratelimit_memory *m, size_t set, size_t way)
{
	size_t at = (set * RATELIMIT_WAYS + way) * place_size(m->limit_count);

	return (struct place *)(void *)(m->table->places + at);
}

/* Brings the debts up to now. Workers read the clock at turns of their own, so another may have been
 * here a little later already: time does not go back. */
static void pay(struct place *p, const struct ratelimit_take *t)
{
	if (t->now_ms <= p->seen_ms)
		return;
	for (size_t i = 0; i < t->limit_count; i++)
		p->debt[i] = ratelimit_paid(&t->limits[i], p->debt[i], t->now_ms - p->seen_ms);
	p->seen_ms = t->now_ms;
}

static bool owes(const struct place *p, const struct ratelimit_take *t)
{
	for (size_t i = 0; i < t->limit_count; i++)
		if (ratelimit_paid(&t->limits[i], p->debt[i], t->now_ms - p->seen_ms) > 0)
			return true;
	return false;
}

static struct place *find(const struct ratelimit_memory *m, size_t set, uint64_t key)
{
	for (size_t way = 0; way < RATELIMIT_WAYS; way++) {
		struct place *p = place_at(m, set, way);

		if (p->key == key)
			return p;
	}
	return NULL;
}

static struct place *make(const struct ratelimit_memory *m, size_t set,
			  const struct ratelimit_take *t)
{
	struct place *oldest = place_at(m, set, 0);

	for (size_t way = 0; way < RATELIMIT_WAYS; way++) {
		struct place *p = place_at(m, set, way);

		if (!owes(p, t)) {
			oldest = p;
			break;
		}
		if (p->seen_ms < oldest->seen_ms)
			oldest = p;
	}
	memset(oldest, 0, place_size(m->limit_count));
	oldest->key = key_of(t);
	oldest->seen_ms = t->now_ms;
	return oldest;
}

/* Fills in the answer; true when every limit has room for one more. */
static bool judge(const struct place *p, struct ratelimit_take *t)
{
	t->wait_ms = 0;
	for (size_t i = 0; i < t->limit_count; i++) {
		int64_t wait = ratelimit_wait(&t->limits[i], p->debt[i]);

		if (wait > t->wait_ms) {
			t->wait_ms = wait;
			t->tightest = i;
		}
	}
	t->answer = t->wait_ms ? RATELIMIT_REFUSED : RATELIMIT_TAKEN;
	return t->wait_ms == 0;
}

/* The tightest limit: of which the fewest are left, and of two such the one that takes longer. */
static void tell(const struct place *p, struct ratelimit_take *t)
{
	if (t->answer == RATELIMIT_REFUSED) {
		t->remaining = 0;
		t->reset_ms = ratelimit_reset(&t->limits[t->tightest], p->debt[t->tightest]);
		return;
	}
	for (size_t i = 0; i < t->limit_count; i++) {
		int64_t remaining = ratelimit_remaining(&t->limits[i], p->debt[i]);
		int64_t reset = ratelimit_reset(&t->limits[i], p->debt[i]);

		if (i > 0 && (remaining > t->remaining ||
			      (remaining == t->remaining && reset <= t->reset_ms)))
			continue;
		t->tightest = i;
		t->remaining = remaining;
		t->reset_ms = reset;
	}
}

void ratelimit_memory_take(const struct ratelimit_memory *m, struct ratelimit_take *t)
{
	size_t set = set_of(m, t);
	struct place *p;

	pthread_mutex_lock(lock_of(m, set));
	p = find(m, set, key_of(t));
	if (!p)
		p = make(m, set, t);
	pay(p, t);
	if (judge(p, t))
		for (size_t i = 0; i < t->limit_count; i++)
			p->debt[i] += t->limits[i].window_ms;
	tell(p, t);
	pthread_mutex_unlock(lock_of(m, set));
}

/* ---- The store ---- */

static enum gh_verdict take(const struct ratelimit_store *store, struct gh_step *s,
			    struct ratelimit_take *t, gh_then *then)
{
	ratelimit_memory_take((const struct ratelimit_memory *)(const void *)store, t);
	return then(s);
}

static void give_back(const struct ratelimit_store *store, const struct ratelimit_take *t)
{
	const struct ratelimit_memory *m = (const struct ratelimit_memory *)(const void *)store;
	size_t set = set_of(m, t);
	struct place *p;

	if (t->answer != RATELIMIT_TAKEN)
		return;
	pthread_mutex_lock(lock_of(m, set));
	p = find(m, set, key_of(t));
	for (size_t i = 0; p && i < t->limit_count; i++) {
		int64_t window = t->limits[i].window_ms;

		p->debt[i] = p->debt[i] > window ? p->debt[i] - window : 0;
	}
	pthread_mutex_unlock(lock_of(m, set));
}

void ratelimit_memory_init(struct ratelimit_memory *m, struct ratelimit_table *table,
			   int64_t max_keys, size_t limit_count)
{
	*m = (struct ratelimit_memory){
		.store = { .take = take, .give_back = give_back },
		.table = table,
		.sets = set_count(max_keys),
		.limit_count = limit_count,
	};
}
