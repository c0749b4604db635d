/* "Did you mean": which of some names is nearest to one that nobody has. Plain values; pure. */
#ifndef OPENAI_PROXY_NEAR_H
#define OPENAI_PROXY_NEAR_H

#include <gatehouse/base.h>

struct openai_near {
	struct gh_str word; /* what was written */
	struct gh_str best; /* the nearest so far; empty: nothing is near enough */
	size_t distance;
};

struct openai_near openai_near_begin(struct gh_str word);
void openai_near_try(struct openai_near *n, struct gh_str candidate);

#endif
