/* The shelf: a snapshot behind a lock that is held for the time of one reference. */
#include <pthread.h>
#include <time.h>

#include "core/base/memory.h"
#include "core/net/certificate.h"

struct snapshot {
	atomic_uint refs;
	size_t count;
	struct gh__certificate *items[];
};

struct gh__shelf {
	atomic_uint refs;
	pthread_mutex_t lock; /* of `now` */
	struct snapshot *now; /* never NULL */
};

static struct snapshot *snapshot_create(struct gh__certificate *const *items, size_t count)
{
	struct snapshot *s = gh__alloc(sizeof *s + count * sizeof *items);

	atomic_init(&s->refs, 1);
	s->count = count;
	for (size_t i = 0; i < count; i++)
		s->items[i] = gh__certificate_ref(items[i]);
	return s;
}

static void snapshot_unref(struct snapshot *s)
{
	if (atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < s->count; i++)
		gh__certificate_unref(s->items[i]);
	gh__free(s);
}

struct gh__shelf *gh__shelf_create(void)
{
	struct gh__shelf *s = gh__zalloc(sizeof *s);

	atomic_init(&s->refs, 1);
	GH_CHECK(pthread_mutex_init(&s->lock, NULL) == 0);
	s->now = snapshot_create(NULL, 0);
	return s;
}

struct gh__shelf *gh__shelf_ref(struct gh__shelf *s)
{
	atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
	return s;
}

void gh__shelf_unref(struct gh__shelf *s)
{
	if (!s || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
		return;
	snapshot_unref(s->now);
	pthread_mutex_destroy(&s->lock);
	gh__free(s);
}

void gh__shelf_put(struct gh__shelf *s, struct gh__certificate *const *items, size_t count)
{
	struct snapshot *fresh = snapshot_create(items, count), *old;

	pthread_mutex_lock(&s->lock);
	old = s->now;
	s->now = fresh;
	pthread_mutex_unlock(&s->lock);
	snapshot_unref(old);
}

/* ---- picking ---- */

enum match { NO_MATCH, WILDCARD, WHOLE_NAME };

static enum match match_name(struct gh_str have, struct gh_str asked)
{
	const char *dot = memchr(asked.at, '.', asked.len);

	if (gh_str_same(have, asked))
		return WHOLE_NAME;
	if (!dot || dot == asked.at || !gh_str_starts(have, GH_STR("*.")))
		return NO_MATCH;
	size_t label = (size_t)(dot - asked.at);
	return gh_str_same(gh_str_slice(have, 1, have.len), gh_str_slice(asked, label, asked.len))
		       ? WILDCARD
		       : NO_MATCH;
}

static enum match match_certificate(const struct gh__certificate *c, struct gh_str asked)
{
	enum match best = NO_MATCH;

	for (size_t i = 0; i < c->name_count && best != WHOLE_NAME; i++) {
		enum match m = match_name(c->names[i], asked);
		if (m > best)
			best = m;
	}
	return best;
}

/* Whether `a` is to be shown rather than `b`: a client gives up on one that is not valid now, and
 * does not mind which name matched. */
static bool is_better(const struct gh__certificate *a, enum match a_match,
		      const struct gh__certificate *b, enum match b_match, int64_t now)
{
	bool a_valid = a->not_before <= now && now <= a->not_after;
	bool b_valid = b->not_before <= now && now <= b->not_after;

	if (a_valid != b_valid)
		return a_valid;
	if (a_match != b_match)
		return a_match > b_match;
	return a->not_after > b->not_after;
}

static struct gh__certificate *find(const struct snapshot *s, struct gh_str name)
{
	struct gh__certificate *best = NULL;
	enum match best_match = NO_MATCH;
	int64_t now = (int64_t)time(NULL);

	/* The last dot of a name that is written with its root. */
	if (name.len && name.at[name.len - 1] == '.')
		name.len--;
	for (size_t i = 0; i < s->count && name.len; i++) {
		struct gh__certificate *c = s->items[i];
		enum match m = match_certificate(c, name);

		if (m != NO_MATCH && (!best || is_better(c, m, best, best_match, now))) {
			best = c;
			best_match = m;
		}
	}
	return best || s->count == 0 ? best : s->items[0];
}

struct gh__certificate *gh__shelf_pick(struct gh__shelf *s, struct gh_str name)
{
	struct gh__certificate *c;
	struct snapshot *now;

	pthread_mutex_lock(&s->lock);
	now = s->now;
	atomic_fetch_add_explicit(&now->refs, 1, memory_order_relaxed);
	pthread_mutex_unlock(&s->lock);
	c = find(now, name);
	if (c)
		gh__certificate_ref(c);
	snapshot_unref(now);
	return c;
}
