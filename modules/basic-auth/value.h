/*
 * What single values of a credentials file mean: counts, durations, days, priorities. Written as in
 * gateway.yaml, whose own reader modules do not see. Pure; any thread.
 */
#ifndef GATEHOUSE_BASIC_AUTH_VALUE_H
#define GATEHOUSE_BASIC_AUTH_VALUE_H

#include <gatehouse/request.h>

/* 100, 100k, 2M, 1G: powers of 1000. From 1 to `max`; 0, or -1. */
int basic_auth_count_read(struct gh_str text, int64_t max, int64_t *ret_count);
/* 250ms, 10s, 5m, 2h, 1d. From 1 ms to `max`; 0, or -1. */
int basic_auth_duration_read(struct gh_str text, int64_t max_ms, int64_t *ret_ms);
/* 2027-01-31, which is good to its end, or 2027-01-31T12:00:00Z. The first second since 1970 that is
 * no longer in it; 0, or -1. */
int basic_auth_expiry_read(struct gh_str text, int64_t *ret_second);
int basic_auth_priority_read(struct gh_str text, enum gh_priority *ret_priority);

/* The word of the list (which ends with NULL) that was most likely meant, or NULL. */
const char *basic_auth_nearest(struct gh_str word, const char *const *words);

#endif
