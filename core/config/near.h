/*
 * "Did you mean": which of some known words is nearest to one that nobody knows. Plain values.
 */
#ifndef GATEHOUSE_CORE_CONFIG_NEAR_H
#define GATEHOUSE_CORE_CONFIG_NEAR_H

#include <gatehouse/base.h>

struct gh__near {
	struct gh_str word; /* what was written */
	struct gh_str best; /* the nearest so far; empty: nothing is near enough */
	unsigned distance;
};

struct gh__near gh__near_begin(struct gh_str word);
void gh__near_try(struct gh__near *n, struct gh_str candidate);

#endif
