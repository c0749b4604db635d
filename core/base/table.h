/*
 * A hash table of ids that runs through its members: it owns nothing but its buckets, which grow and
 * shrink with their number. Ids are random (a keyed hash), so they spread by themselves. No lock.
 */
#ifndef GATEHOUSE_CORE_BASE_TABLE_H
#define GATEHOUSE_CORE_BASE_TABLE_H

#include "core/base/siphash.h"

struct gh__table_node {
	struct gh__table_node *next;
	struct gh__id id;
};

struct gh__table {
	struct gh__table_node **buckets; /* NULL until the first member */
	size_t size, count;              /* size is a power of 2 */
};

/* Begins zeroed. Frees the buckets; the members are their owners'. */
void gh__table_finish(struct gh__table *t);
struct gh__table_node *gh__table_find(const struct gh__table *t, struct gh__id id);
/* `node` has its id, which no other has. */
void gh__table_add(struct gh__table *t, struct gh__table_node *node);
void gh__table_remove(struct gh__table *t, struct gh__table_node *node);

#endif
