/*
 * Bytes that came and cannot be used yet. Embedded in a connection, on its loop's thread; what is
 * held is bounded by what one read takes and by the largest head.
 */
#ifndef GATEHOUSE_CORE_NET_HELD_H
#define GATEHOUSE_CORE_NET_HELD_H

#include <gatehouse/base.h>

struct gh__held {
	char *bytes;
	uint32_t from, to, room;
};

static inline struct gh_str gh__held_bytes(const struct gh__held *h)
{
	static const char nothing[1] = "";

	return h->from < h->to ? (struct gh_str){ h->bytes + h->from, h->to - h->from }
			       : (struct gh_str){ nothing, 0 };
}

/* Keeps a rest: of what is held already, or of new bytes while nothing is held. */
void gh__held_keep(struct gh__held *h, const char *at, size_t len);
/* Puts new bytes behind what is held. */
void gh__held_add(struct gh__held *h, const char *at, size_t len);
void gh__held_drop(struct gh__held *h);

#endif
