/*
 * An arena: memory that is freed all at once. It begins in a block that its owner gives (or none)
 * and grows by blocks from malloc. Owned by a request, a config or a parser; one thread at a time.
 * What is asked for never fails: out of memory ends the process with a clear line.
 */
#ifndef GATEHOUSE_CORE_BASE_ARENA_H
#define GATEHOUSE_CORE_BASE_ARENA_H

#include <stdarg.h>

#include <gatehouse/base.h>

struct gh__arena_block;

struct gh__arena {
	char *at, *end;
	struct gh__arena_block *blocks;
};

/* Begins with `memory` of `size` bytes, which stays the owner's; (NULL, 0) begins empty. */
void gh__arena_init(struct gh__arena *a, void *memory, size_t size);
/* Frees every block of its own. The arena may not be used until it is begun again. */
void gh__arena_finish(struct gh__arena *a);

/* Not zeroed, aligned for any type. */
void *gh__arena_get_slow(struct gh__arena *a, size_t size);

static inline void *gh__arena_get(struct gh__arena *a, size_t size)
{
	size_t take = (size + 15) & ~(size_t)15;

	if (take < size || take > (size_t)(a->end - a->at))
		return gh__arena_get_slow(a, size);
	void *got = a->at;
	a->at += take;
	return got;
}

/* Zeroed. */
void *gh__arena_zero(struct gh__arena *a, size_t size);
/* A terminated copy. */
struct gh_str gh__arena_copy(struct gh__arena *a, struct gh_str s);
struct gh_str gh__arena_printf(struct gh__arena *a, const char *format, ...) GH_PRINTF(2, 3);
struct gh_str gh__arena_vprintf(struct gh__arena *a, const char *format, va_list args)
	GH_PRINTF(2, 0);

#endif
