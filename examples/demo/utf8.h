/*
 * UTF-8, checked byte by byte, so that text may come in pieces. Zeroed is the start. Pure.
 */
#ifndef DEMO_UTF8_H
#define DEMO_UTF8_H

#include <stdbool.h>
#include <stddef.h>

struct demo_utf8 {
	unsigned char more;      /* bytes that the code point still needs */
	unsigned char low, high; /* what the next one may be */
};

/* False as soon as these bytes cannot be UTF-8 (no overlong forms, no surrogates). */
bool demo_utf8_check(struct demo_utf8 *utf8, const unsigned char *bytes, size_t len);

/* Whether the text may end here: not inside a code point. */
static inline bool demo_utf8_whole(const struct demo_utf8 *utf8)
{
	return utf8->more == 0;
}

#endif
