#include "memory.h"

#include <stdlib.h>
#include <time.h>

/* CertDomains has one name most often; a machine that is renamed often has a few more. */
enum { HELD_MAX = 64 };

static void init(void *memory)
{
	struct tsnet_memory *m = memory;

	pthread_mutex_init(&m->lock, NULL);
}

static void finish(void *memory)
{
	struct tsnet_memory *m = memory;

	while (m->held) {
		struct tsnet_held *h = m->held;

		m->held = h->next;
		tsnet_pair_destroy(h->pair);
		free(h);
	}
	pthread_mutex_destroy(&m->lock);
}

const struct gh_shared_type tsnet_memory_type = {
	.size = sizeof(struct tsnet_memory),
	.init = init,
	.finish = finish,
};

int64_t tsnet_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

struct tsnet_held *tsnet_memory_find(struct tsnet_memory *m, const char *name)
{
	for (struct tsnet_held *h = m->held; h; h = h->next)
		if (strcmp(h->name, name) == 0)
			return h;
	return NULL;
}

struct tsnet_held *tsnet_memory_have(struct tsnet_memory *m, const char *name)
{
	struct tsnet_held *h = tsnet_memory_find(m, name);

	if (h || m->held_count == HELD_MAX)
		return h;
	h = calloc(1, sizeof *h);
	if (!h)
		abort();
	memcpy(h->name, name, strlen(name) + 1);
	h->next = m->held;
	m->held = h;
	m->held_count++;
	return h;
}

void tsnet_memory_put(struct tsnet_memory *m, struct tsnet_held *h, struct tsnet_pair *pair)
{
	struct tsnet_pair *old = h->pair;

	h->pair = pair;
	h->serial = ++m->serial;
	if (old && --old->refs == 0)
		tsnet_pair_destroy(old);
}

struct tsnet_pair *tsnet_memory_ref(struct tsnet_pair *p)
{
	if (p)
		p->refs++;
	return p;
}

void tsnet_memory_unref(struct tsnet_memory *m, struct tsnet_pair *p)
{
	bool last;

	if (!p)
		return;
	pthread_mutex_lock(&m->lock);
	last = --p->refs == 0;
	pthread_mutex_unlock(&m->lock);
	if (last)
		tsnet_pair_destroy(p);
}
