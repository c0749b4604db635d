/*
 * Numbers and durations as the headers of a limit have them. Pure; nothing is terminated.
 */
#ifndef GATEHOUSE_CORE_ROUTE_LIMIT_TEXT_H
#define GATEHOUSE_CORE_ROUTE_LIMIT_TEXT_H

#include <gatehouse/base.h>

enum { GH__DECIMAL = 20, GH__DURATION = 32 };

/* A number that is not negative. */
struct gh_str gh__limit_decimal(char to[static GH__DECIMAL], int64_t n);
/* A duration as Go writes it, and as OpenAI's clients read it: 0s, 12ms, 1.5s, 1m0s, 6m30.5s. */
struct gh_str gh__go_duration(char to[static GH__DURATION], int64_t ms);

#endif
