#include "core/base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *or_end(void *p, size_t size)
{
	if (p || size == 0)
		return p;
	fprintf(stderr, "gatehouse: out of memory: %zu bytes were not to be had\n", size);
	abort();
}

void *gh__alloc(size_t size)
{
	return or_end(malloc(size), size);
}

void *gh__zalloc(size_t size)
{
	return or_end(calloc(1, size), size);
}

void *gh__realloc(void *old, size_t size)
{
	return or_end(realloc(old, size), size);
}

char *gh__strndup(const char *s, size_t len)
{
	char *to = gh__alloc(len + 1);

	if (len)
		memcpy(to, s, len);
	to[len] = 0;
	return to;
}

void gh__free(void *p)
{
	free(p);
}

void gh__wipe(void *p, size_t size)
{
	explicit_bzero(p, size);
}

void gh__check_failed(const char *condition, const char *file, int line)
{
	fprintf(stderr, "gatehouse: %s:%d: check failed: %s\n", file, line, condition);
	abort();
}
