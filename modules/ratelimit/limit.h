/*
 * One limit: so many requests a window, so many at once. Plain values and arithmetic; no clock, no
 * memory, any thread.
 *
 * It is GCRA, kept as a debt: a request adds one window to it, and each millisecond pays off as much
 * as there are requests a window. So the debt counts in parts of a millisecond, one by `requests`,
 * and every sum is a whole number: a request is let through in the very millisecond that was
 * promised and in none before it, also where the window cannot be divided by the requests.
 */
#ifndef RATELIMIT_LIMIT_H
#define RATELIMIT_LIMIT_H

#include <stdint.h>

/* Their product fits in an int64_t: the options are held to this. */
enum { RATELIMIT_MOST_REQUESTS = 100000000 };
#define RATELIMIT_LONGEST_WINDOW_MS (INT64_C(366) * 24 * 60 * 60 * 1000)

struct ratelimit_limit {
	int64_t requests, window_ms; /* the pace: so many in so long */
	int64_t burst;               /* how many may come at once after a rest */
};

/* What is left of a debt after so long. */
int64_t ratelimit_paid(const struct ratelimit_limit *l, int64_t debt, int64_t elapsed_ms);
/* How long until one more request fits: 0 when it does now. */
int64_t ratelimit_wait(const struct ratelimit_limit *l, int64_t debt);
/* How many more fit now. */
int64_t ratelimit_remaining(const struct ratelimit_limit *l, int64_t debt);
/* How long until nothing is owed, so that a whole burst fits. */
int64_t ratelimit_reset(const struct ratelimit_limit *l, int64_t debt);

#endif
