#include "core/base/table.h"

#include "core/base/memory.h"

enum { LEAST = 16 /* buckets */ };

static struct gh__table_node **bucket_of(const struct gh__table *t, struct gh__id id)
{
	return t->buckets + (id.a & (t->size - 1));
}

static void resize(struct gh__table *t, size_t size)
{
	struct gh__table old = *t;

	t->size = size;
	t->buckets = gh__zalloc(size * sizeof *t->buckets);
	for (size_t i = 0; i < old.size; i++)
		for (struct gh__table_node *n = old.buckets[i], *next; n; n = next) {
			struct gh__table_node **to = bucket_of(t, n->id);
			next = n->next;
			n->next = *to;
			*to = n;
		}
	gh__free(old.buckets);
}

void gh__table_finish(struct gh__table *t)
{
	gh__free(t->buckets);
	*t = (struct gh__table){ 0 };
}

struct gh__table_node *gh__table_find(const struct gh__table *t, struct gh__id id)
{
	struct gh__table_node *n = t->buckets ? *bucket_of(t, id) : NULL;

	while (n && (n->id.a != id.a || n->id.b != id.b))
		n = n->next;
	return n;
}

void gh__table_add(struct gh__table *t, struct gh__table_node *node)
{
	if (t->count == t->size)
		resize(t, t->size ? 2 * t->size : LEAST);
	struct gh__table_node **to = bucket_of(t, node->id);
	node->next = *to;
	*to = node;
	t->count++;
}

void gh__table_remove(struct gh__table *t, struct gh__table_node *node)
{
	struct gh__table_node **at = bucket_of(t, node->id);

	while (*at != node)
		at = &(*at)->next;
	*at = node->next;
	t->count--;
	if (t->size > LEAST && t->count < t->size / 8)
		resize(t, t->size / 2);
}
