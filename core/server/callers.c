#include "core/server/callers.h"

#include "core/base/log.h"
#include "core/base/memory.h"

enum { WHY = 1024 };

/* What is wrong with it, in `arena`. */
static struct gh_str refresh(const struct gh__site *site, struct gh__arena *arena)
{
	struct gh_str all = { 0 };

	for (size_t i = 0; i < site->instance_count; i++) {
		const struct gh_instance *in = site->instances + i;
		char why[WHY] = "";
		if (!in->module->refresh || in->module->refresh(in->self, why, sizeof why) == 0)
			continue;
		gh__log(GH_LOG_ERROR, "%s; what was read before stays in force", why);
		all = gh__arena_printf(arena, GH_FMT "%s\n", GH_ARG(all), why);
	}
	return all;
}

char *gh__server_refresh(struct gh__server *s)
{
	struct gh__arena arena;

	gh__arena_init(&arena, NULL, 0);
	/* Requests that waited over a reload may come to their credentials only now. Whether the files of
	 * a config that is gone can be read is of no interest. */
	for (struct gh__list *l = s->retired.next; l != &s->retired; l = l->next)
		refresh(GH__CONTAINER(l, struct gh__generation, link)->site, &arena);
	struct gh_str all = refresh(s->current->site, &arena);
	char *text = all.len ? gh__strndup(all.at, all.len) : NULL;

	gh__arena_finish(&arena);
	return text;
}

/* One for each worker; all wait on the stack of the main thread. */
struct cut {
	struct gh__letter letter;
	struct gh_str caller;
	pthread_mutex_t *lock;
	pthread_cond_t *done;
	unsigned *left, *count;
};

static void open_cut(struct gh__loop *loop, struct gh__letter *letter)
{
	struct cut *cut = GH__CONTAINER(letter, struct cut, letter);
	unsigned count = gh__worker_cut(loop->owner, cut->caller);

	pthread_mutex_lock(cut->lock);
	*cut->count += count;
	--*cut->left;
	pthread_cond_signal(cut->done);
	pthread_mutex_unlock(cut->lock);
}

unsigned gh__server_cut(struct gh__server *s, struct gh_str caller)
{
	pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	pthread_cond_t done = PTHREAD_COND_INITIALIZER;
	struct cut *cuts = gh__zalloc(s->thread_count * sizeof *cuts);
	unsigned left = s->thread_count, count = 0;

	for (unsigned i = 0; i < s->thread_count; i++) {
		cuts[i] = (struct cut){ { NULL, open_cut }, caller, &lock, &done, &left, &count };
		gh__loop_post(&s->threads[i]->worker.loop, &cuts[i].letter);
	}
	pthread_mutex_lock(&lock);
	while (left)
		pthread_cond_wait(&done, &lock);
	pthread_mutex_unlock(&lock);
	gh__free(cuts);
	return count;
}
