/*
 * Numbers and durations as the headers of a rate limit have them. Nothing is terminated.
 */
#ifndef RATELIMIT_TEXT_H
#define RATELIMIT_TEXT_H

#include <gatehouse/base.h>

enum { RATELIMIT_DECIMAL = 20, RATELIMIT_DURATION = 32 };

/* A number that is not negative. */
struct gh_str ratelimit_decimal(char to[static RATELIMIT_DECIMAL], int64_t n);
/* A duration as Go writes it, and as OpenAI's clients read it: 0s, 12ms, 1.5s, 1m0s, 6m30.5s. */
struct gh_str ratelimit_duration(char to[static RATELIMIT_DURATION], int64_t ms);

#endif
