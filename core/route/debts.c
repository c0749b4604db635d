#include "core/route/debts.h"

#include "core/base/memory.h"
#include "core/route/limit.h"

/* What is owed of one limit. What was kept by an earlier process is in whole units, since nobody knows
 * the limits before the key comes again. */
union owed {
	__int128 debt;
	struct {
		int64_t units, seen_ms;
	} kept;
};

struct place {
	struct gh__id id;  /* zero: empty */
	int64_t seen_ms;   /* when the debts were as they stand here */
	int64_t free_ms;   /* when nothing is owed, nor held by the look of it */
	int64_t held;      /* tokens of requests under way */
	uint32_t usual;    /* tokens of a request of late; 0: none was charged */
	uint32_t is_kept;  /* the debts are as they were kept */
	union owed owed[]; /* one a limit */
};

static size_t place_size(size_t limit_count)
{
	return sizeof(struct place) + limit_count * sizeof(union owed);
}

static size_t set_count(int64_t max_keys)
{
	return ((size_t)max_keys + GH__DEBTS_WAYS - 1) / GH__DEBTS_WAYS;
}

size_t gh__debts_size(int64_t max_keys, size_t limit_count)
{
	return sizeof(struct gh__debts) +
	       set_count(max_keys) * GH__DEBTS_WAYS * place_size(limit_count);
}

void gh__debts_init(struct gh__debts *d, int64_t max_keys, size_t limit_count,
		    const struct gh__sipkey *secret)
{
	GH_CHECK(max_keys >= GH__DEBTS_WAYS && limit_count <= GH_LIMITS_MAX);
	for (size_t i = 0; i < GH__DEBTS_LOCKS; i++)
		pthread_mutex_init(&d->locks[i].mutex, NULL);
	d->sets = set_count(max_keys);
	d->limit_count = limit_count;
	d->secret = *secret;
}

void gh__debts_finish(struct gh__debts *d)
{
	for (size_t i = 0; i < GH__DEBTS_LOCKS; i++)
		pthread_mutex_destroy(&d->locks[i].mutex);
}

/* ---- Whose ---- */

/* The units and windows are part of it: a debt means nothing without them. */
static struct gh__id id_of(const struct gh__debts *d, const struct gh_take_budget *t)
{
	uint64_t shape[2 * GH_LIMITS_MAX];
	struct gh__id id;

	GH_CHECK(t->limit_count > 0 && t->limit_count <= d->limit_count);
	for (size_t i = 0; i < t->limit_count; i++) {
		const struct gh_limit *l = t->limits + i;
		GH_CHECK(l->amount > 0 && l->burst > 0 && l->window_ms > 0);
		shape[2 * i] = l->unit;
		shape[2 * i + 1] = (uint64_t)l->window_ms;
	}
	id = gh__siphash(&d->secret, (struct gh_str){ (const char *)shape,
						      2 * t->limit_count * sizeof *shape });
	const struct gh__sipkey own = { d->secret.a ^ id.a, d->secret.b ^ id.b };
	id = gh__siphash(&own, t->key);
	if (!id.a && !id.b)
		id.b = 1;
	return id;
}

static struct gh__id id_again(const struct gh_take_budget *t)
{
	return (struct gh__id){ t->id[0], t->id[1] };
}

static size_t set_of(const struct gh__debts *d, struct gh__id id)
{
	return (size_t)(id.a % d->sets);
}

static pthread_mutex_t *lock_of(struct gh__debts *d, struct gh__id id)
{
	return &d->locks[set_of(d, id) % GH__DEBTS_LOCKS].mutex;
}

/* ---- One set of places, under its lock ---- */

static struct place *place_at(struct gh__debts *d, size_t set, size_t way)
{
	size_t at = (set * GH__DEBTS_WAYS + way) * place_size(d->limit_count);

	return (struct place *)(void *)(d->places + at);
}

static struct place *find(struct gh__debts *d, struct gh__id id)
{
	for (size_t way = 0; way < GH__DEBTS_WAYS; way++) {
		struct place *p = place_at(d, set_of(d, id), way);

		if (p->id.a == id.a && p->id.b == id.b)
			return p;
	}
	return NULL;
}

/* The one that makes room: an empty one, or that which is free first. */
static struct place *first_free(struct gh__debts *d, struct gh__id id)
{
	struct place *first = NULL;

	for (size_t way = 0; way < GH__DEBTS_WAYS; way++) {
		struct place *p = place_at(d, set_of(d, id), way);

		if (!p->id.a && !p->id.b)
			return p;
		if (!first || p->free_ms < first->free_ms)
			first = p;
	}
	return first;
}

static void begin(const struct gh__debts *d, struct place *p, struct gh__id id, int64_t now_ms)
{
	memset(p, 0, place_size(d->limit_count));
	p->id = id;
	p->seen_ms = p->free_ms = now_ms;
}

static struct place *find_or_make(struct gh__debts *d, struct gh__id id, int64_t now_ms)
{
	struct place *p = find(d, id);

	if (!p) {
		p = first_free(d, id);
		begin(d, p, id, now_ms);
	}
	return p;
}

static void pay_kept(struct place *p, const struct gh_take_budget *t, int64_t now_ms)
{
	for (size_t i = 0; i < t->limit_count; i++) {
		const struct gh_limit *l = t->limits + i;
		int64_t units = p->owed[i].kept.units, seen_ms = p->owed[i].kept.seen_ms;

		p->owed[i].debt = units ? gh__limit_paid(l, gh__limit_charged(l, 0, units),
							 now_ms - seen_ms)
					: 0;
	}
	p->is_kept = 0;
	p->seen_ms = now_ms;
}

/* Brings the debts up to now. Workers read the clock at turns of their own, so another may have been
 * here a little later already: time does not go back. */
static void pay(struct place *p, const struct gh_take_budget *t, int64_t now_ms)
{
	if (p->is_kept)
		pay_kept(p, t, now_ms);
	if (now_ms <= p->seen_ms)
		return;
	for (size_t i = 0; i < t->limit_count; i++)
		p->owed[i].debt = gh__limit_paid(t->limits + i, p->owed[i].debt,
						 now_ms - p->seen_ms);
	p->seen_ms = now_ms;
}

/* With so many tokens that are held. */
static __int128 with(const struct place *p, const struct gh_limit *l, size_t i, int64_t held)
{
	return gh__limit_charged(l, p->owed[i].debt, l->unit == GH_TOKENS ? held : 0);
}

static int64_t wait_of(const struct place *p, const struct gh_limit *l, size_t i)
{
	int64_t wait = gh__limit_wait(l, p->owed[i].debt);

	if (wait || l->unit != GH_TOKENS || !p->held)
		return wait;
	wait = gh__limit_wait(l, with(p, l, i, p->held));
	return wait < GH__DEBTS_GUESS_MS ? wait : GH__DEBTS_GUESS_MS;
}

static void judge(const struct place *p, struct gh_take_budget *t)
{
	int64_t longest = 0;

	for (size_t i = 0; i < t->limit_count; i++) {
		int64_t wait = wait_of(p, t->limits + i, i);

		if (wait > longest) {
			longest = wait;
			t->tightest = i;
			t->under_way = !gh__limit_wait(t->limits + i, p->owed[i].debt);
		}
	}
	t->refused = longest > 0;
}

/* What one more request under way holds. */
static int64_t to_hold(const struct place *p, const struct gh_take_budget *t)
{
	int64_t most = INT64_MAX, first;

	for (size_t i = 0; i < t->limit_count; i++)
		if (t->limits[i].unit == GH_TOKENS && t->limits[i].burst < most)
			most = t->limits[i].burst;
	if (most == INT64_MAX)
		return 0;
	if (p->usual)
		return p->usual;
	first = most / GH__DEBTS_FIRST_PART;
	return first < 1 ? 1 : first < GH__DEBTS_FIRST_MOST ? first : GH__DEBTS_FIRST_MOST;
}

static void charge_unit(struct place *p, const struct gh_take_budget *t, enum gh_unit unit,
			int64_t units)
{
	for (size_t i = 0; i < t->limit_count; i++)
		if (t->limits[i].unit == unit)
			p->owed[i].debt = gh__limit_charged(t->limits + i, p->owed[i].debt, units);
}

static int64_t later(int64_t at_ms, int64_t by_ms)
{
	return __builtin_add_overflow(at_ms, by_ms, &at_ms) ? INT64_MAX : at_ms;
}

/* After every change. */
static void settle(struct place *p, const struct gh_take_budget *t)
{
	p->free_ms = p->seen_ms;
	for (size_t i = 0; i < t->limit_count; i++) {
		const struct gh_limit *l = t->limits + i;
		int64_t ms = later(p->seen_ms, gh__limit_reset(l, with(p, l, i, p->held)));

		if (ms > p->free_ms)
			p->free_ms = ms;
	}
}

static void let_go(struct place *p, struct gh_take_budget *t)
{
	/* One that was forgotten and came again holds nothing for what was under way before. */
	p->held = p->held > t->held ? p->held - t->held : 0;
}

static void keep(struct gh__debts *d, const struct place *p, const struct gh__times *at,
		 const struct gh_take_budget *t, enum gh_unit unit)
{
	for (size_t i = 0; d->keep && i < t->limit_count; i++) {
		const struct gh_limit *l = t->limits + i;
		struct gh__ledger_debt debt = { .limit = (uint32_t)i };
		int64_t early_ms;

		if (l->unit != unit || l->window_ms < GH__DEBTS_KEEP_MS)
			continue;
		memcpy(debt.key, &p->id, sizeof debt.key);
		debt.owed = gh__limit_units(l, p->owed[i].debt, &early_ms);
		debt.seen = at->wall_ms - early_ms;
		debt.until = later(at->wall_ms, gh__limit_reset(l, p->owed[i].debt));
		d->keep(d->arg, &debt);
	}
}

/* What the request itself holds is still left to it. */
static struct gh_left left_of(const struct place *p, const struct gh_take_budget *t, size_t i)
{
	const struct gh_limit *l = t->limits + i;
	__int128 debt = with(p, l, i, p->held - t->held);

	return (struct gh_left){
		.remaining = gh__limit_remaining(l, debt),
		.reset_ms = gh__limit_reset(l, debt),
		.wait_ms = wait_of(p, l, i),
	};
}

/* ---- What is asked of it ---- */

void gh__debts_take(struct gh__debts *d, const struct gh__times *at, struct gh_take_budget *t)
{
	const struct gh__id id = id_of(d, t);
	struct place *p;

	t->id[0] = id.a;
	t->id[1] = id.b;
	t->held = 0;
	t->under_way = false;
	t->tightest = 0;
	pthread_mutex_lock(lock_of(d, id));
	p = find_or_make(d, id, at->now_ms);
	pay(p, t, at->now_ms);
	judge(p, t);
	t->open = !t->refused;
	if (!t->refused) {
		t->held = to_hold(p, t);
		p->held += t->held;
		charge_unit(p, t, GH_REQUESTS, 1);
		keep(d, p, at, t, GH_REQUESTS);
	}
	settle(p, t);
	for (size_t i = 0; i < t->limit_count; i++)
		t->left[i] = left_of(p, t, i);
	pthread_mutex_unlock(lock_of(d, id));
}

void gh__debts_give_back(struct gh__debts *d, const struct gh__times *at, struct gh_take_budget *t)
{
	const struct gh__id id = id_again(t);
	struct place *p;

	if (!t->open)
		return;
	t->open = false;
	pthread_mutex_lock(lock_of(d, id));
	p = find(d, id);
	if (p) {
		pay(p, t, at->now_ms);
		let_go(p, t);
		charge_unit(p, t, GH_REQUESTS, -1);
		keep(d, p, at, t, GH_REQUESTS);
		settle(p, t);
	}
	pthread_mutex_unlock(lock_of(d, id));
}

/* A moving average of about the last eight. */
static uint32_t usual_with(uint32_t usual, int64_t tokens)
{
	const int64_t weight = usual ? 8 : 1;
	int64_t now;

	if (tokens > UINT32_MAX)
		tokens = UINT32_MAX;
	now = usual + (tokens - usual) / weight;
	return now > 0 ? (uint32_t)now : 1;
}

void gh__debts_charge(struct gh__debts *d, const struct gh__times *at, struct gh_take_budget *t,
		      int64_t tokens)
{
	const struct gh__id id = id_again(t);
	struct place *p;

	if (!t->open)
		return;
	t->open = false;
	/* Nothing is held where there is no limit of tokens. */
	if (!t->held)
		return;
	pthread_mutex_lock(lock_of(d, id));
	p = tokens > 0 ? find_or_make(d, id, at->now_ms) : find(d, id);
	if (p) {
		pay(p, t, at->now_ms);
		let_go(p, t);
		if (tokens > 0) {
			charge_unit(p, t, GH_TOKENS, tokens);
			p->usual = usual_with(p->usual, tokens);
			keep(d, p, at, t, GH_TOKENS);
		}
		settle(p, t);
	}
	pthread_mutex_unlock(lock_of(d, id));
}

/* ---- What an earlier process kept ---- */

/* When all of it is paid, and by `ret_seen_ms` when it was so much, on the monotonic clock: 0 when that
 * is over, or makes no sense. */
static int64_t free_at(const struct gh__times *at, const struct gh__ledger_debt *debt,
		       int64_t *ret_seen_ms)
{
	int64_t ago_ms, takes_ms, seen_ms, free_ms;

	if (debt->owed <= 0 || __builtin_sub_overflow(at->wall_ms, debt->seen, &ago_ms) ||
	    __builtin_sub_overflow(debt->until, debt->seen, &takes_ms))
		return 0;
	/* The clock was set back: nothing came back meanwhile that we know of. */
	if (ago_ms < 0)
		ago_ms = 0;
	if (__builtin_sub_overflow(at->now_ms, ago_ms, &seen_ms))
		return 0;
	free_ms = later(seen_ms, takes_ms);
	*ret_seen_ms = seen_ms;
	return free_ms > at->now_ms ? free_ms : 0;
}

void gh__debts_restore(struct gh__debts *d, const struct gh__times *at,
		       const struct gh__ledger_debt *debt)
{
	int64_t seen_ms = 0, free_ms = free_at(at, debt, &seen_ms);
	struct gh__id id;
	struct place *p;

	memcpy(&id, debt->key, sizeof id);
	if (debt->limit >= d->limit_count)
		return;
	p = find(d, id);
	if (!free_ms) {
		if (p)
			p->owed[debt->limit].kept.units = 0;
		return;
	}
	if (!p) {
		p = first_free(d, id);
		/* There are more than places: those that owe for long stay. */
		if (p->free_ms >= free_ms)
			return;
		begin(d, p, id, at->now_ms);
	}
	p->is_kept = 1;
	p->owed[debt->limit].kept.units = debt->owed < GH__OWED_MOST ? debt->owed : GH__OWED_MOST;
	p->owed[debt->limit].kept.seen_ms = seen_ms;
	if (free_ms > p->free_ms)
		p->free_ms = free_ms;
}
