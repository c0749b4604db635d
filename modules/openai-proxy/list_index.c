#include "list_index.h"

#include <stdlib.h>

/* The shorter first: most names are told apart by their length alone. */
static int compare(struct gh_str a, struct gh_str b)
{
	if (a.len != b.len)
		return a.len < b.len ? -1 : 1;
	return a.len ? memcmp(a.at, b.at, a.len) : 0;
}

static int compare_items(const void *a, const void *b)
{
	const struct openai_indexed *x = a, *y = b;
	int order = compare(x->name, y->name);

	return order ? order : x->at < y->at ? -1 : x->at > y->at;
}

void openai_index_sort(struct openai_index *x)
{
	if (x->count > 1)
		qsort(x->items, x->count, sizeof *x->items, compare_items);
}

const struct openai_indexed *openai_index_find(const struct openai_index *x, struct gh_str name)
{
	size_t from = 0, to = x->count;

	while (from < to) {
		size_t middle = from + (to - from) / 2;
		if (compare(x->items[middle].name, name) < 0)
			from = middle + 1;
		else
			to = middle;
	}
	return from < x->count && gh_str_eq(x->items[from].name, name) ? x->items + from : NULL;
}
