#include "list_keep.h"

#include <pthread.h>

struct openai_list_keep {
	pthread_mutex_t lock;
	struct openai_list *list; /* NULL: none yet */
	int64_t asked_at;         /* when an answer came last, or none in time */
	int64_t read_at;          /* when `list` came */
	bool asking, told;
	struct openai_list_waiter *waiters;
};

/* Long before any time there is, and yet nothing overflows. */
static const int64_t never = INT64_MIN / 2;

static void keep_init(void *shared)
{
	struct openai_list_keep *k = shared;

	pthread_mutex_init(&k->lock, NULL);
	k->asked_at = k->read_at = never;
}

static void keep_finish(void *shared)
{
	struct openai_list_keep *k = shared;

	openai_list_unref(k->list);
	pthread_mutex_destroy(&k->lock);
}

const struct gh_shared_type openai_list_keep_type = {
	.size = sizeof(struct openai_list_keep),
	.init = keep_init,
	.finish = keep_finish,
};

static bool has_list(const struct openai_list_keep *k, int64_t now_ms, int64_t most_ms)
{
	return k->list && now_ms - k->read_at < most_ms;
}

enum openai_list_turn openai_list_join(struct openai_list_keep *k, struct gh_step *s,
				       int64_t fresh_ms, gh_then *then,
				       struct openai_list_waiter *waiter)
{
	int64_t now_ms = gh_now_ms(s);
	enum openai_list_turn turn;

	pthread_mutex_lock(&k->lock);
	if (now_ms - k->asked_at < fresh_ms) {
		turn = OPENAI_LIST_USE;
	} else if (!k->asking) {
		k->asking = true;
		turn = OPENAI_LIST_ASK;
	} else if (has_list(k, now_ms, OPENAI_LIST_STALE_MS)) {
		turn = OPENAI_LIST_USE;
	} else {
		/* Held under the lock, or the answer could come between the two. */
		*waiter =
			(struct openai_list_waiter){ .at = k, .linked = true, .next = k->waiters };
		gh_hold(s, then, &waiter->wait);
		if (k->waiters)
			k->waiters->prev = waiter;
		k->waiters = waiter;
		turn = OPENAI_LIST_WAIT;
	}
	pthread_mutex_unlock(&k->lock);
	return turn;
}

static void unlink_waiter(struct openai_list_keep *k, struct openai_list_waiter *w)
{
	if (w->next)
		w->next->prev = w->prev;
	if (w->prev)
		w->prev->next = w->next;
	else
		k->waiters = w->next;
	w->linked = false;
}

/* All that wait look again. Under the lock: a resume is but a letter to a worker, and a waiter that is
 * not linked any more may be gone. */
static void wake(struct openai_list_keep *k)
{
	while (k->waiters) {
		struct gh_wait wait = k->waiters->wait;
		unlink_waiter(k, k->waiters);
		gh_resume(wait);
	}
}

bool openai_list_land(struct openai_list_keep *k, int64_t now_ms, struct openai_list *list)
{
	struct openai_list *old = NULL;
	bool tell;

	pthread_mutex_lock(&k->lock);
	k->asking = false;
	k->asked_at = now_ms;
	if (list) {
		old = k->list;
		k->list = list;
		k->read_at = now_ms;
		k->told = false;
	}
	tell = !k->told && !has_list(k, now_ms, OPENAI_LIST_STALE_MS);
	k->told |= tell;
	wake(k);
	pthread_mutex_unlock(&k->lock);
	openai_list_unref(old);
	return tell;
}

void openai_list_drop(struct openai_list_keep *k)
{
	pthread_mutex_lock(&k->lock);
	k->asking = false;
	wake(k);
	pthread_mutex_unlock(&k->lock);
}

void openai_list_leave(struct openai_list_waiter *w)
{
	struct openai_list_keep *k = w->at;

	if (!k)
		return;
	pthread_mutex_lock(&k->lock);
	if (w->linked)
		unlink_waiter(k, w);
	pthread_mutex_unlock(&k->lock);
}

struct openai_list *openai_list_get(struct openai_list_keep *k, int64_t now_ms, int64_t most_ms)
{
	struct openai_list *list = NULL;

	pthread_mutex_lock(&k->lock);
	if (has_list(k, now_ms, most_ms))
		list = openai_list_ref(k->list);
	pthread_mutex_unlock(&k->lock);
	return list;
}
