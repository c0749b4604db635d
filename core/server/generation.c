/*
 * Generations: a new one is built whole while the old one serves, taken up by every worker between two
 * requests, and the old one goes when its last request is over, however long that takes.
 */
#include "core/base/log.h"
#include "core/base/memory.h"
#include "core/server/certificates.h"
#include "core/server/server.h"

struct use {
	struct gh__letter letter;
	struct gh__site_local *local;
	pthread_mutex_t *lock;
	pthread_cond_t *done;
	unsigned *left;
};

static void on_unused(struct gh__site_local *local)
{
	struct gh__generation *g = local->owner;

	gh__free(local);
	if (atomic_fetch_sub(&g->users, 1) == 1)
		gh__loop_post(&g->server->loop, &g->unused);
}

static void open_use(struct gh__loop *loop, struct gh__letter *letter)
{
	struct use *use = GH__CONTAINER(letter, struct use, letter);

	gh__worker_use(loop->owner, use->local);
	pthread_mutex_lock(use->lock);
	--*use->left;
	pthread_cond_signal(use->done);
	pthread_mutex_unlock(use->lock);
}

/* Idle connections to upstreams that only this generation has go before it does. */
struct forget {
	struct gh__letter letter;
	struct gh__generation *generation;
};

static void destroy(struct gh__generation *g)
{
	gh__list_remove(&g->link);
	gh__certificates_destroy(g->certificates);
	gh__site_destroy(g->site);
	gh__free(g->dying);
	gh__free(g);
}

static void open_forgotten(struct gh__loop *loop, struct gh__letter *letter)
{
	struct forget *f = GH__CONTAINER(letter, struct forget, letter);

	(void)loop;
	if (atomic_fetch_sub(&f->generation->users, 1) == 1) {
		f->generation->over = true;
		if (f->generation->certificates->renewing == 0)
			destroy(f->generation);
	}
	gh__free(f);
}

/* What renews has `self` of this generation until it ends. */
static void on_idle(struct gh__certificates *c)
{
	struct gh__generation *g = c->owner;

	if (g->over)
		destroy(g);
}

static void open_forget(struct gh__loop *loop, struct gh__letter *letter)
{
	struct forget *f = GH__CONTAINER(letter, struct forget, letter);
	struct gh__worker *w = loop->owner;
	struct gh__site *site = f->generation->site;

	for (size_t i = 0; i < site->upstream_count; i++)
		if (f->generation->dying[i])
			gh__pools_forget(&w->pools, site->upstreams[i]->id,
					 site->upstreams[i]->count);
	f->letter.open = open_forgotten;
	gh__loop_post(&f->generation->server->loop, &f->letter);
}

static void open_unused(struct gh__loop *loop, struct gh__letter *letter)
{
	struct gh__generation *g = GH__CONTAINER(letter, struct gh__generation, unused);
	struct gh__server *s = g->server;

	(void)loop;
	if (s->stopping)
		return; /* gh__generation_drop_all() sees to it */
	g->dying = gh__zalloc(g->site->upstream_count + 1);
	for (size_t i = 0; i < g->site->upstream_count; i++)
		g->dying[i] = g->site->upstreams[i]->refs == 1;
	atomic_store(&g->users, s->thread_count);
	for (unsigned i = 0; i < s->thread_count; i++) {
		struct forget *f = gh__zalloc(sizeof *f);
		f->letter.open = open_forget;
		f->generation = g;
		gh__loop_post(&s->threads[i]->worker.loop, &f->letter);
	}
}

void gh__generation_take_up(struct gh__server *s, struct gh__site *site,
			    struct gh__certificates *certificates)
{
	struct gh__generation *g = gh__zalloc(sizeof *g), *old = s->current;
	pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	pthread_cond_t done = PTHREAD_COND_INITIALIZER;
	struct use *uses = gh__zalloc(s->thread_count * sizeof *uses);
	unsigned left = s->thread_count;

	gh__list_init(&g->link);
	g->site = site;
	g->certificates = certificates;
	certificates->on_idle = on_idle;
	certificates->owner = g;
	g->server = s;
	g->number = ++s->generations;
	g->unused.open = open_unused;
	atomic_init(&g->users, s->thread_count);
	if (old) {
		gh__list_add(&s->retired, &old->link);
		gh__certificates_retire(old->certificates);
	}
	s->current = g;
	for (unsigned i = 0; i < s->thread_count; i++) {
		struct gh__site_local *local = gh__site_local_create(site);
		local->on_unused = on_unused;
		local->owner = g;
		uses[i] = (struct use){ { NULL, open_use }, local, &lock, &done, &left };
		gh__loop_post(&s->threads[i]->worker.loop, &uses[i].letter);
	}
	/* A turn of each worker: short, and after it every new request goes by the new config. */
	pthread_mutex_lock(&lock);
	while (left)
		pthread_cond_wait(&done, &lock);
	pthread_mutex_unlock(&lock);
	gh__free(uses);
	for (size_t i = 0; i < site->upstream_count; i++)
		gh__upstream_take_up(site->upstreams[i]);
}

void gh__generation_drop_all(struct gh__server *s)
{
	while (!gh__list_empty(&s->retired))
		destroy(GH__CONTAINER(s->retired.next, struct gh__generation, link));
	if (s->current)
		destroy(s->current);
	s->current = NULL;
}
