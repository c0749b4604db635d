#include "plan.h"

enum {
	SECOND = 1000,
	MINUTE = 60 * SECOND,
	HOUR = 60 * MINUTE,
	DAY = 24 * HOUR,
	ANXIOUS = 60, /* looks with nothing to serve, until they come a little slower */
	FIRST_RETRY_MS = 5 * SECOND,
};

static int64_t between(int64_t value, int64_t least, int64_t most)
{
	return value < least ? least : value > most ? most : value;
}

static int64_t life_of(struct tsnet_life life)
{
	return (life.not_after - life.not_before) * SECOND;
}

/* first · factor^times, at most `most`. */
static int64_t grown(int64_t first, int64_t factor, unsigned times, int64_t most)
{
	while (times-- && first < most)
		first *= factor;
	return first < most ? first : most;
}

void tsnet_plan_answered(struct tsnet_plan *p, struct tsnet_life life, enum tsnet_news news,
			 int64_t now)
{
	int64_t whole = life_of(life), left = life.not_after * SECOND - now;

	p->failures = 0;
	p->ordered = false;
	if (left > whole / 3) {
		/* A little behind the turn, for tailscaled's own is by its clock and its rules. */
		p->same = 0;
		p->wait_ms = between(left - whole / 3 + whole / 1000, SECOND, DAY);
		return;
	}
	p->same = news == TSNET_NEW ? 0 : p->same + 1;
	/* A minute with ninety days, then longer and longer, but never so that it runs out
	 * meanwhile. */
	p->wait_ms = grown(between(whole / 1000, SECOND, MINUTE), 2, p->same, HOUR);
	p->wait_ms = between(p->wait_ms, SECOND, between(left / 10, SECOND, HOUR));
}

void tsnet_plan_failed(struct tsnet_plan *p, struct tsnet_life life, enum tsnet_pace pace,
		       int64_t retry_after_s, int64_t now)
{
	bool serving = life.not_after * SECOND > now;
	int64_t wait;

	if (pace == TSNET_PACE_LOCAL)
		wait = serving                 ? grown(FIRST_RETRY_MS, 2, p->failures, MINUTE)
		       : p->failures < ANXIOUS ? SECOND
					       : 2 * SECOND;
	else /* steep: an authority counts five failures an hour against a name */
		wait = grown(FIRST_RETRY_MS, 6, p->failures, HOUR);
	if (life.not_after)
		wait = between(wait, SECOND, between(life_of(life) / 20, SECOND, HOUR));
	p->failures++;
	p->same = 0;
	p->ordered = retry_after_s * SECOND > wait;
	p->wait_ms = p->ordered ? between(retry_after_s * SECOND, SECOND, DAY) : wait;
}
