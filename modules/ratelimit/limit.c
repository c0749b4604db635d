#include "limit.h"

int64_t ratelimit_paid(const struct ratelimit_limit *l, int64_t debt, int64_t elapsed_ms)
{
	int64_t paid;

	if (elapsed_ms <= 0)
		return debt;
	if (__builtin_mul_overflow(elapsed_ms, l->requests, &paid) || paid >= debt)
		return 0;
	return debt - paid;
}

/* How long it takes to pay that much, to the end of the last millisecond. */
static int64_t time_to_pay(const struct ratelimit_limit *l, int64_t debt)
{
	return debt / l->requests + (debt % l->requests != 0);
}

int64_t ratelimit_wait(const struct ratelimit_limit *l, int64_t debt)
{
	int64_t over = debt - (l->burst - 1) * l->window_ms;

	return over > 0 ? time_to_pay(l, over) : 0;
}

int64_t ratelimit_remaining(const struct ratelimit_limit *l, int64_t debt)
{
	return l->burst - debt / l->window_ms - (debt % l->window_ms != 0);
}

int64_t ratelimit_reset(const struct ratelimit_limit *l, int64_t debt)
{
	return time_to_pay(l, debt);
}
