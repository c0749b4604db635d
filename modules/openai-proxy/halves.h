/*
 * Halves of surrogate pairs that stand alone in a text of JSON, as where a stream's server cut a
 * character in two: each half is in an event of its own, and only together they are one. Such a text is
 * no good JSON, but it is once the halves are masked. Pure.
 */
#ifndef OPENAI_PROXY_HALVES_H
#define OPENAI_PROXY_HALVES_H

#include <gatehouse/base.h>

/* Makes of each such escape one that stands for some other character, of the same length; no other byte
 * changes. Whether there were any. */
bool openai_halves_mask(char *text, size_t len);

#endif
