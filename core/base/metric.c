#include "core/base/metric.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/memory.h"

struct gh_metric {
	struct gh_metric *next;
	enum gh__metric_kind kind;
	atomic_int_least64_t value;
	char *name, *labels, *help;
};

struct gh__metrics {
	pthread_mutex_t lock;
	struct gh_metric *first; /* sorted by name, then labels */
};

struct gh__metrics *gh__metrics_create(void)
{
	struct gh__metrics *all = gh__zalloc(sizeof *all);

	pthread_mutex_init(&all->lock, NULL);
	return all;
}

void gh__metrics_destroy(struct gh__metrics *all)
{
	if (!all)
		return;
	for (struct gh_metric *m = all->first, *next; m; m = next) {
		next = m->next;
		gh__free(m->name);
		gh__free(m->labels);
		gh__free(m->help);
		gh__free(m);
	}
	pthread_mutex_destroy(&all->lock);
	gh__free(all);
}

struct gh_metric *gh__metric_get(struct gh__metrics *all, enum gh__metric_kind kind,
				 const char *name, const char *labels, const char *help)
{
	struct gh_metric **at = &all->first;
	int order = -1;

	if (!labels)
		labels = "";
	pthread_mutex_lock(&all->lock);
	for (; *at; at = &(*at)->next) {
		order = strcmp((*at)->name, name);
		if (order == 0)
			order = strcmp((*at)->labels, labels);
		if (order >= 0)
			break;
	}
	struct gh_metric *m = *at;
	if (!m || order != 0) {
		m = gh__zalloc(sizeof *m);
		m->kind = kind;
		m->name = gh__strndup(name, strlen(name));
		m->labels = gh__strndup(labels, strlen(labels));
		m->help = gh__strndup(help, strlen(help));
		m->next = *at;
		*at = m;
	}
	pthread_mutex_unlock(&all->lock);
	return m;
}

void gh_metric_add(struct gh_metric *m, int64_t n)
{
	atomic_fetch_add_explicit(&m->value, n, memory_order_relaxed);
}

void gh_metric_set(struct gh_metric *m, int64_t n)
{
	atomic_store_explicit(&m->value, n, memory_order_relaxed);
}

int64_t gh__metric_value(const struct gh_metric *m)
{
	return atomic_load_explicit(&m->value, memory_order_relaxed);
}

struct gh_str gh__metrics_text(struct gh__metrics *all, struct gh__arena *a)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);
	const char *last = "";

	GH_CHECK(f != NULL);
	pthread_mutex_lock(&all->lock);
	for (const struct gh_metric *m = all->first; m; m = m->next) {
		if (strcmp(m->name, last) != 0)
			fprintf(f, "# HELP %s %s\n# TYPE %s %s\n", m->name, m->help, m->name,
				m->kind == GH__COUNTER ? "counter" : "gauge");
		last = m->name;
		fprintf(f, *m->labels ? "%s{%s} %lld\n" : "%s%s %lld\n", m->name, m->labels,
			(long long)gh__metric_value(m));
	}
	pthread_mutex_unlock(&all->lock);
	fclose(f);
	struct gh_str copy = gh__arena_copy(a, (struct gh_str){ text, size });
	free(text);
	return copy;
}
