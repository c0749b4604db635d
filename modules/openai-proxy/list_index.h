/*
 * Names in an order of their own, so that one of thousands is found at once. Made once, read-only after;
 * the strings and the memory are their maker's. Pure.
 */
#ifndef OPENAI_PROXY_LIST_INDEX_H
#define OPENAI_PROXY_LIST_INDEX_H

#include <gatehouse/base.h>

struct openai_indexed {
	struct gh_str name;
	uint32_t at; /* which one it is, in the maker's own order */
};

struct openai_index {
	struct openai_indexed *items;
	size_t count;
};

/* Sorts them; of equal names the one with the smallest `at` stands first. */
void openai_index_sort(struct openai_index *x);
/* The first of that name, or NULL; those after it with the same name follow, up to items + count. */
const struct openai_indexed *openai_index_find(const struct openai_index *x, struct gh_str name);

#endif
