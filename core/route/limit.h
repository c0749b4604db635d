/*
 * One limit: so many of a unit a window, so many at once. Plain values and arithmetic; no clock, no
 * memory, any thread.
 *
 * It is GCRA, kept as a debt: what is used adds to it, and each millisecond pays off `amount` of its
 * parts, of which `window_ms` make one unit. So every sum is a whole number: a request is let through in
 * the very millisecond that was promised and in none before it, also where the window cannot be divided
 * by the amount. The largest amounts and windows together need more than 64 bits.
 */
#ifndef GATEHOUSE_CORE_ROUTE_LIMIT_H
#define GATEHOUSE_CORE_ROUTE_LIMIT_H

#include <gatehouse/budget.h>

/* No debt is above so many units, however much is charged. */
#define GH__OWED_MOST INT64_C(1000000000000000)

/* What is left of a debt after so long. */
__int128 gh__limit_paid(const struct gh_limit *l, __int128 debt, int64_t elapsed_ms);
/* A debt with so many units more, or fewer (then not below nothing). */
__int128 gh__limit_charged(const struct gh_limit *l, __int128 debt, int64_t units);
/* How long until one more request is let in: 0 when it is now. */
int64_t gh__limit_wait(const struct gh_limit *l, __int128 debt);
/* How many more requests fit now; how many tokens are left, 0 only when nothing is. */
int64_t gh__limit_remaining(const struct gh_limit *l, __int128 debt);
/* How long until nothing is owed, so that a whole burst fits. */
int64_t gh__limit_reset(const struct gh_limit *l, __int128 debt);

/* A debt in whole units, as it was `ret_early_ms` before now: to the millisecond the same. */
int64_t gh__limit_units(const struct gh_limit *l, __int128 debt, int64_t *ret_early_ms);

#endif
