#include "core/base/arena.h"

#include <stdio.h>

#include "core/base/memory.h"

enum { BLOCK = 1408 }; /* with its own block, a chat needs one of these */

struct gh__arena_block {
	struct gh__arena_block *next;
	size_t size;
	_Alignas(16) char bytes[];
};

void gh__arena_init(struct gh__arena *a, void *memory, size_t size)
{
	uintptr_t start = ((uintptr_t)memory + 15) & ~(uintptr_t)15;
	size_t lost = start - (uintptr_t)memory;

	if (!memory || size < lost) {
		*a = (struct gh__arena){ 0 };
		return;
	}
	*a = (struct gh__arena){ .at = (char *)start, .end = (char *)memory + size };
}

void gh__arena_finish(struct gh__arena *a)
{
	for (struct gh__arena_block *b = a->blocks, *next; b; b = next) {
		next = b->next;
		gh__free(b);
	}
	*a = (struct gh__arena){ 0 };
}

void *gh__arena_get_slow(struct gh__arena *a, size_t size)
{
	size_t take = (size + 15) & ~(size_t)15;
	size_t room = BLOCK - sizeof(struct gh__arena_block) - 16;

	if (take > room)
		room = take;
	GH_CHECK(take >= size && take < SIZE_MAX / 2);
	struct gh__arena_block *b = gh__alloc(sizeof *b + room);
	b->next = a->blocks;
	b->size = room;
	a->blocks = b;
	/* A large piece gets a block of its own, and the room left in the current one stays in use. */
	if (room - take < (size_t)(a->end - a->at))
		return b->bytes;
	a->at = b->bytes + take;
	a->end = b->bytes + room;
	return b->bytes;
}

void *gh__arena_zero(struct gh__arena *a, size_t size)
{
	void *p = gh__arena_get(a, size);

	if (size)
		memset(p, 0, size);
	return p;
}

struct gh_str gh__arena_copy(struct gh__arena *a, struct gh_str s)
{
	char *to = gh__arena_get(a, s.len + 1);

	if (s.len)
		memcpy(to, s.at, s.len);
	to[s.len] = 0;
	return (struct gh_str){ to, s.len };
}

struct gh_str gh__arena_vprintf(struct gh__arena *a, const char *format, va_list args)
{
	va_list again;

	va_copy(again, args);
	int need = vsnprintf(NULL, 0, format, args);
	GH_CHECK(need >= 0);
	char *to = gh__arena_get(a, (size_t)need + 1);
	vsnprintf(to, (size_t)need + 1, format, again);
	va_end(again);
	return (struct gh_str){ to, (size_t)need };
}

struct gh_str gh__arena_printf(struct gh__arena *a, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	struct gh_str s = gh__arena_vprintf(a, format, args);
	va_end(args);
	return s;
}
