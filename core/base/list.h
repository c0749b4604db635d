/*
 * A doubly linked list that runs through its members; it owns nothing. A member that is in no list
 * points at itself, so taking it out twice does no harm.
 */
#ifndef GATEHOUSE_CORE_BASE_LIST_H
#define GATEHOUSE_CORE_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct gh__list {
	struct gh__list *prev, *next;
};

#define GH__CONTAINER(pointer, type, member) \
	((type *)(void *)((char *)(pointer)-offsetof(type, member)))

static inline void gh__list_init(struct gh__list *l)
{
	l->prev = l->next = l;
}

static inline bool gh__list_empty(const struct gh__list *l)
{
	return l->next == l;
}

/* Puts `what` before `where`: at the end when `where` is the list's head. */
static inline void gh__list_add(struct gh__list *where, struct gh__list *what)
{
	what->prev = where->prev;
	what->next = where;
	where->prev->next = what;
	where->prev = what;
}

static inline void gh__list_remove(struct gh__list *what)
{
	what->prev->next = what->next;
	what->next->prev = what->prev;
	gh__list_init(what);
}

/* All of `from` moves to the empty list `to`. */
static inline void gh__list_move(struct gh__list *from, struct gh__list *to)
{
	gh__list_init(to);
	if (gh__list_empty(from))
		return;
	*to = *from;
	to->prev->next = to;
	to->next->prev = to;
	gh__list_init(from);
}

#endif
