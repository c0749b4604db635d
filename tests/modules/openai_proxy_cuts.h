/*
 * The same bytes in slices of every kind: what reads a stream has to give the same for all of them.
 * Each slice is in memory of just its size that is gone after the call, so that a sanitizer sees who
 * reads past it or keeps it.
 */
#ifndef TESTS_OPENAI_PROXY_CUTS_H
#define TESTS_OPENAI_PROXY_CUTS_H

#include <stdio.h>
#include <stdlib.h>

#include <gatehouse/base.h>

typedef void cut_feed(void *to, struct gh_str slice);

static inline void cut_slice(cut_feed *feed, void *to, struct gh_str slice)
{
	char *copy = malloc(slice.len ? slice.len : 1);

	if (!copy)
		abort();
	if (slice.len)
		memcpy(copy, slice.at, slice.len);
	feed(to, (struct gh_str){ copy, slice.len });
	free(copy);
}

/* In three slices, of which some may be empty. */
static inline void cut_at(cut_feed *feed, void *to, struct gh_str bytes, size_t first,
			  size_t second)
{
	if (second < first)
		second = first;
	cut_slice(feed, to, gh_str_slice(bytes, 0, first));
	cut_slice(feed, to, gh_str_slice(bytes, first, second));
	cut_slice(feed, to, gh_str_slice(bytes, second, bytes.len));
}

static inline void cut_each(cut_feed *feed, void *to, struct gh_str bytes, size_t size)
{
	for (size_t i = 0; i < bytes.len; i += size)
		cut_slice(feed, to, gh_str_slice(bytes, i, i + size));
}

enum { CUT_PAIRS_MOST = 220 }; /* longer ones are cut once, and in equal slices */

/* How many ways there are to cut so many bytes; each has a number. */
static inline size_t cut_ways(size_t len)
{
	return len <= CUT_PAIRS_MOST ? (len + 1) * (len + 1) + 8 : len + 1 + 8;
}

static inline void cut_way(cut_feed *feed, void *to, struct gh_str bytes, size_t way)
{
	size_t at = way < 8 ? 0 : way - 8, n = bytes.len + 1;

	if (way < 8)
		cut_each(feed, to, bytes, way == 0 ? bytes.len + 1 : way);
	else if (bytes.len <= CUT_PAIRS_MOST)
		cut_at(feed, to, bytes, at / n, at % n);
	else
		cut_at(feed, to, bytes, at, bytes.len);
}

#endif
