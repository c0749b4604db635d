/*
 * When tailscaled is asked again. Pure: times come in and go out as numbers.
 *
 * Without `min_validity` tailscaled answers from its cache, and a question that comes after the
 * turn (it takes two thirds of the life, or what the CA recommends) makes it renew behind the
 * answer. So it is asked once a day, at the turn, and once more soon after it, for that first
 * question still gets the old certificate. Every wait is also a fraction of the certificate's life,
 * so that one of thirty seconds is renewed as one of ninety days is.
 */
#ifndef TSNET_CERT_PLAN_H
#define TSNET_CERT_PLAN_H

#include <gatehouse/base.h>

/* What went wrong, as far as it says when to look again. */
enum tsnet_pace {
	TSNET_PACE_LOCAL, /* tailscaled is not there, not up or says no by itself: asking costs
	                   * little, so it is asked again soon while there is nothing to serve */
	TSNET_PACE_CA,    /* its certificate authority stands behind it, and counts failures */
};

/* What is at hand; `not_after` 0: nothing. Seconds since 1970. */
struct tsnet_life {
	int64_t not_before, not_after;
};

struct tsnet_plan {
	unsigned failures; /* in a row */
	unsigned same;     /* questions after the turn that got the old certificate */
	bool ordered;      /* the wait is what an answer's Retry-After asked for */
	int64_t wait_ms;
};

enum tsnet_news { TSNET_NEW, TSNET_SAME };

/* An answer came, and this is what is at hand now. */
void tsnet_plan_answered(struct tsnet_plan *p, struct tsnet_life life, enum tsnet_news news,
			 int64_t now_ms_since_1970);
/* None came. `retry_after_s`: 0, or what the answer asked for. */
void tsnet_plan_failed(struct tsnet_plan *p, struct tsnet_life life, enum tsnet_pace pace,
		       int64_t retry_after_s, int64_t now_ms_since_1970);

#endif
