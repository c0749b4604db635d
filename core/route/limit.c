#include "core/route/limit.h"

__int128 gh__limit_paid(const struct gh_limit *l, __int128 debt, int64_t elapsed_ms)
{
	__int128 paid = (__int128)elapsed_ms * l->amount;

	if (elapsed_ms <= 0)
		return debt;
	return paid < debt ? debt - paid : 0;
}

__int128 gh__limit_charged(const struct gh_limit *l, __int128 debt, int64_t units)
{
	__int128 most = (__int128)GH__OWED_MOST * l->window_ms;

	debt += (__int128)units * l->window_ms;
	if (debt < 0)
		return 0;
	return debt < most ? debt : most;
}

/* How long it takes to pay that much, to the end of the last millisecond. */
static int64_t time_to_pay(const struct gh_limit *l, __int128 debt)
{
	__int128 ms = debt / l->amount + (debt % l->amount != 0);

	return ms < INT64_MAX ? (int64_t)ms : INT64_MAX;
}

int64_t gh__limit_wait(const struct gh_limit *l, __int128 debt)
{
	__int128 burst = (__int128)l->burst * l->window_ms;
	/* A request needs a whole unit of requests; of tokens any part of one will do. */
	__int128 over = debt - burst + (l->unit == GH_REQUESTS ? l->window_ms : 1);

	return over > 0 ? time_to_pay(l, over) : 0;
}

int64_t gh__limit_remaining(const struct gh_limit *l, __int128 debt)
{
	__int128 used = debt / l->window_ms;

	if (l->unit == GH_REQUESTS && debt % l->window_ms)
		used++;
	return used < l->burst ? (int64_t)(l->burst - used) : 0;
}

int64_t gh__limit_reset(const struct gh_limit *l, __int128 debt)
{
	return time_to_pay(l, debt);
}

int64_t gh__limit_units(const struct gh_limit *l, __int128 debt, int64_t *ret_early_ms)
{
	__int128 units = debt / l->window_ms + (debt % l->window_ms != 0);

	*ret_early_ms = (int64_t)((units * l->window_ms - debt) / l->amount);
	return (int64_t)units;
}
