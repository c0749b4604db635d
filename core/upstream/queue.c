#include "core/upstream/queue.h"

#include <limits.h>
#include <pthread.h>

#include "core/base/memory.h"
#include "core/upstream/turns.h"

enum state {
	AWAY,
	QUEUED, /* its turn will come */
	PARKED, /* its model is being loaded */
	RUNNING,
};

enum {
	RETRY_MOST_S = 60,
	GAPS = 8, /* how many gaps between places that came back make the mean */
};

struct gh__queue_model {
	struct gh__table_node node;
	struct gh__list link; /* of those that are idle and warm */
	struct gh__list blocked_link;
	struct gh__list parked[GH__RANKS];
	struct gh__ticket *loader; /* who runs and loads it, or NULL */
	unsigned refs;             /* tickets */
	unsigned running, queued, parked_count;
	uint64_t used_ms; /* when the last one that ran left */
	bool warm;
};

struct gh__queue {
	pthread_mutex_t lock; /* of all that follows */
	struct gh__queue_limits limits;
	struct gh__turns turns;
	struct gh__table models;
	struct gh__list idle;    /* models that are warm and have no ticket, the oldest first */
	struct gh__list blocked; /* models that have parked tickets */
	struct gh__queue_counts counts;
	uint64_t now_ms; /* the latest that anyone told */
	uint64_t
		since_ms; /* the last time that a place came back, or that one was taken when all were free */
	uint64_t
		gap_ms16; /* 16ths of a ms between places that come back, a moving mean; 0: not known */
	struct gh__sipkey key; /* constant */
};

struct gh__queue *gh__queue_create(void)
{
	struct gh__queue *q = gh__zalloc(sizeof *q);

	pthread_mutex_init(&q->lock, NULL);
	q->limits = (struct gh__queue_limits){ .room = UINT_MAX, .cold_start = GH__COLD_START_ALL };
	gh__turns_init(&q->turns);
	gh__list_init(&q->idle);
	gh__list_init(&q->blocked);
	gh_random(&q->key, sizeof q->key);
	return q;
}

/* ---- models ---- */

static void forget_model(struct gh__queue *q, struct gh__queue_model *m)
{
	gh__list_remove(&m->link);
	gh__table_remove(&q->models, &m->node);
	gh__free(m);
}

void gh__queue_destroy(struct gh__queue *q)
{
	if (!q)
		return;
	GH_CHECK(q->counts.running == 0 && q->counts.waiting == 0);
	while (!gh__list_empty(&q->idle))
		forget_model(q, GH__CONTAINER(q->idle.next, struct gh__queue_model, link));
	gh__turns_finish(&q->turns);
	gh__table_finish(&q->models);
	pthread_mutex_destroy(&q->lock);
	gh__free(q);
}

static bool is_warm(const struct gh__queue *q, const struct gh__queue_model *m)
{
	return m->warm && (m->running || q->now_ms - m->used_ms < GH__MODEL_WARM_MS);
}

/* One reference more; NULL: there is no room for another. */
static struct gh__queue_model *ref_model(struct gh__queue *q, struct gh__id id)
{
	struct gh__table_node *found = gh__table_find(&q->models, id);
	struct gh__queue_model *m;

	if (found) {
		m = GH__CONTAINER(found, struct gh__queue_model, node);
		gh__list_remove(&m->link);
		m->refs++;
		return m;
	}
	if (!gh__list_empty(&q->idle)) {
		m = GH__CONTAINER(q->idle.next, struct gh__queue_model, link);
		if (q->models.count >= GH__MODELS_MOST || !is_warm(q, m))
			forget_model(q, m);
	}
	if (q->models.count >= GH__MODELS_MOST)
		return NULL;
	m = gh__zalloc(sizeof *m);
	m->node.id = id;
	m->refs = 1;
	gh__list_init(&m->link);
	gh__list_init(&m->blocked_link);
	for (int i = 0; i < GH__RANKS; i++)
		gh__list_init(&m->parked[i]);
	gh__table_add(&q->models, &m->node);
	return m;
}

/* What is cold and not asked for is as if it had never been. */
static void unref_model(struct gh__queue *q, struct gh__queue_model *m)
{
	if (!m || --m->refs)
		return;
	if (m->warm)
		gh__list_add(&q->idle, &m->link);
	else
		forget_model(q, m);
}

/* ---- who waits ---- */

static void enqueue(struct gh__queue *q, struct gh__ticket *t)
{
	t->state = QUEUED;
	if (t->model)
		t->model->queued++;
	gh__turns_add(&q->turns, t);
}

static void park(struct gh__queue *q, struct gh__ticket *t)
{
	struct gh__queue_model *m = t->model;

	t->state = PARKED;
	gh__list_add(&m->parked[t->rank], &t->link);
	if (m->parked_count++ == 0)
		gh__list_add(&q->blocked, &m->blocked_link);
}

static void leave_parking(struct gh__ticket *t)
{
	gh__list_remove(&t->link);
	if (--t->model->parked_count == 0)
		gh__list_remove(&t->model->blocked_link);
}

enum how_many { FIRST, ALL };

/* Those of the highest class go first. */
static void unpark(struct gh__queue *q, struct gh__queue_model *m, enum how_many how_many)
{
	gh__turns_put_back_begin(&q->turns);
	for (int i = 0; i < GH__RANKS; i++)
		while (!gh__list_empty(&m->parked[i])) {
			struct gh__ticket *t = GH__CONTAINER(m->parked[i].next, struct gh__ticket,
							     link);
			leave_parking(t);
			t->state = QUEUED;
			m->queued++;
			gh__turns_put_back(&q->turns, t);
			if (how_many == FIRST)
				return;
		}
}

/* Whoever is parked waits for one that loads, or for one that will when its turn comes. */
static void find_loader(struct gh__queue *q, struct gh__queue_model *m)
{
	if (m && !m->loader && m->queued == 0 && m->parked_count)
		unpark(q, m, FIRST);
}

static bool is_place_free(const struct gh__queue *q)
{
	return q->limits.max_concurrent == 0 || q->counts.running < q->limits.max_concurrent;
}

static bool must_park(const struct gh__queue *q, const struct gh__ticket *t)
{
	return t->model && t->model->loader && q->limits.cold_start == GH__COLD_START_ONE;
}

static void run(struct gh__queue *q, struct gh__ticket *t)
{
	struct gh__queue_model *m = t->model;

	if (q->counts.running++ == 0)
		q->since_ms = q->now_ms;
	t->state = RUNNING;
	if (!m)
		return;
	if (!is_warm(q, m)) {
		m->warm = false;
		if (!m->loader)
			m->loader = t;
	}
	m->running++;
}

/* Gives the places that are free to those whose turn it is. */
static void call_next(struct gh__queue *q)
{
	struct gh__ticket *t;

	while (is_place_free(q) && (t = gh__turns_look(&q->turns))) {
		if (t->model)
			t->model->queued--;
		if (must_park(q, t)) {
			gh__turns_remove(&q->turns, t);
			park(q, t);
			continue;
		}
		gh__turns_take(&q->turns, t);
		run(q, t);
		q->counts.waiting--;
		q->counts.waited_count++;
		q->counts.waited_ms_sum += q->now_ms - t->entered_ms;
		t->called(t);
	}
}

/* Threads see a moment each at its own time. */
static void lock(struct gh__queue *q, uint64_t now_ms)
{
	pthread_mutex_lock(&q->lock);
	if (now_ms > q->now_ms)
		q->now_ms = now_ms;
}

/* ---- from outside ---- */

void gh__queue_set(struct gh__queue *q, const struct gh__queue_limits *l)
{
	lock(q, 0);
	q->limits = *l;
	while (l->cold_start == GH__COLD_START_ALL && !gh__list_empty(&q->blocked))
		unpark(q, GH__CONTAINER(q->blocked.next, struct gh__queue_model, blocked_link),
		       ALL);
	call_next(q);
	pthread_mutex_unlock(&q->lock);
}

static uint8_t rank_of(enum gh_priority priority)
{
	return priority == GH_PRIORITY_HIGH ? 0 : priority == GH_PRIORITY_LOW ? 2 : 1;
}

static enum gh__turn enter(struct gh__queue *q, struct gh__ticket *t)
{
	bool full = q->counts.waiting >= q->limits.room;

	/* While a place is free nobody waits for one. */
	if (is_place_free(q) && (!must_park(q, t) || (full && q->limits.max_concurrent == 0))) {
		run(q, t);
		return GH__TURN_NOW;
	}
	if (full)
		return GH__TURN_FULL;
	q->counts.waiting++;
	if (must_park(q, t))
		park(q, t);
	else
		enqueue(q, t);
	return GH__TURN_LATER;
}

enum gh__turn gh__queue_enter(struct gh__queue *q, struct gh__ticket *t, struct gh_str caller,
			      enum gh_priority priority, struct gh_str model, uint64_t now_ms)
{
	struct gh__id model_id = { 0 };

	GH_CHECK(!t->queue);
	t->caller_id = gh__siphash(&q->key, caller);
	t->rank = rank_of(priority);
	t->told = false;
	if (model.len)
		model_id = gh__siphash(&q->key, model);
	lock(q, now_ms);
	t->entered_ms = q->now_ms;
	t->model = model.len && q->limits.cold_start == GH__COLD_START_ONE ? ref_model(q, model_id)
									   : NULL;
	enum gh__turn turn = enter(q, t);
	if (turn == GH__TURN_FULL) {
		q->counts.refused++;
		unref_model(q, t->model);
		t->model = NULL;
	} else {
		q->counts.entered++;
		t->queue = q;
	}
	pthread_mutex_unlock(&q->lock);
	return turn;
}

bool gh__queue_has_turn(const struct gh__ticket *t)
{
	struct gh__queue *q = t->queue;

	if (!q)
		return false;
	pthread_mutex_lock(&q->lock);
	bool has = t->state == RUNNING;
	pthread_mutex_unlock(&q->lock);
	return has;
}

void gh__queue_loaded(struct gh__ticket *t, uint64_t now_ms)
{
	struct gh__queue *q = t->queue;
	struct gh__queue_model *m = t->model;

	if (t->told || !q || !m)
		return;
	lock(q, now_ms);
	if (t->state == RUNNING) {
		t->told = true;
		m->warm = true;
		m->loader = NULL;
		if (m->parked_count) {
			unpark(q, m, ALL);
			call_next(q);
		}
	}
	pthread_mutex_unlock(&q->lock);
}

/* A place came back. */
static void note_gap(struct gh__queue *q)
{
	uint64_t gap = 16 * (q->now_ms - q->since_ms);

	if (q->gap_ms16 == 0)
		q->gap_ms16 = gap;
	else
		q->gap_ms16 += gap / GAPS - q->gap_ms16 / GAPS;
	q->since_ms = q->now_ms;
}

static void stop_running(struct gh__queue *q, struct gh__ticket *t)
{
	struct gh__queue_model *m = t->model;

	q->counts.running--;
	note_gap(q);
	if (!m)
		return;
	m->running--;
	m->used_ms = q->now_ms;
	if (m->loader == t)
		m->loader = NULL; /* it did not come to be loaded */
}

void gh__queue_leave(struct gh__ticket *t, uint64_t now_ms)
{
	struct gh__queue *q = t->queue;

	if (!q)
		return;
	lock(q, now_ms);
	switch ((enum state)t->state) {
	case QUEUED:
		if (t->model)
			t->model->queued--;
		gh__turns_remove(&q->turns, t);
		break;
	case PARKED:
		leave_parking(t);
		break;
	case RUNNING:
		stop_running(q, t);
		break;
	case AWAY:
		break;
	}
	if (t->state != RUNNING) {
		q->counts.waiting--;
		q->counts.left++;
	}
	find_loader(q, t->model);
	unref_model(q, t->model);
	t->model = NULL;
	t->queue = NULL;
	t->state = AWAY;
	call_next(q);
	pthread_mutex_unlock(&q->lock);
}

unsigned gh__queue_retry_after(const struct gh__queue *q, uint64_t now_ms)
{
	struct gh__queue *mine = (struct gh__queue *)(uintptr_t)q;

	lock(mine, now_ms);
	uint64_t gap = q->gap_ms16 / 16, idle = q->counts.running ? q->now_ms - q->since_ms : 0;
	/* Nothing has come back for longer than usual: so much for the usual. */
	if (idle > gap)
		gap = idle;
	uint64_t seconds = RETRY_MOST_S;
	if (gap < RETRY_MOST_S * 1000)
		seconds = (gap * (q->counts.waiting + 1) + 999) / 1000;
	pthread_mutex_unlock(&mine->lock);
	return seconds < 1 ? 1 : seconds > RETRY_MOST_S ? RETRY_MOST_S : (unsigned)seconds;
}

void gh__queue_count(const struct gh__queue *q, struct gh__queue_counts *ret_counts)
{
	struct gh__queue *mine = (struct gh__queue *)(uintptr_t)q;

	pthread_mutex_lock(&mine->lock);
	*ret_counts = q->counts;
	pthread_mutex_unlock(&mine->lock);
}
