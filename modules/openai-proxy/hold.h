/*
 * Bytes that must outlive the slice that they came in: of an event of a stream that a slice's end cut
 * in two, which is rare, so that memory is there only then. Whoever has it states its limit.
 */
#ifndef OPENAI_PROXY_HOLD_H
#define OPENAI_PROXY_HOLD_H

#include <gatehouse/base.h>

struct openai_hold { /* zeroed: empty */
	char *at;
	size_t len, room;
};

void openai_hold_add(struct openai_hold *h, struct gh_str bytes);
/* Empty again, and no memory. */
void openai_hold_free(struct openai_hold *h);

static inline struct gh_str openai_hold_text(const struct openai_hold *h)
{
	return (struct gh_str){ h->at, h->len };
}

#endif
