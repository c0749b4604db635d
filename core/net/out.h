/*
 * An answer being put together: small pieces are copied side by side, large ones referred to, and all
 * leave in one system call. One a loop, and empty between turns; whoever writes must flush.
 */
#ifndef GATEHOUSE_CORE_NET_OUT_H
#define GATEHOUSE_CORE_NET_OUT_H

#include "core/net/pump.h"

enum { GH__OUT_ROOM = 32 << 10, GH__OUT_PIECES = 32, GH__OUT_COPY = 4096 };

struct gh__out {
	struct gh__pump *to; /* whose bytes these are; NULL: empty */
	struct iovec pieces[GH__OUT_PIECES];
	int count;
	size_t used;
	char text[GH__OUT_ROOM];
};

void gh__out_flush(struct gh__out *o);
void gh__out_add_slow(struct gh__out *o, struct gh__pump *to, const char *at, size_t len);

/* Puts bytes at the end: copied, or when they are many referred to until the flush. */
static inline void gh__out_add(struct gh__out *o, struct gh__pump *to, const char *at, size_t len)
{
	struct iovec *last = o->pieces + o->count - 1;

	if (o->to == to && o->count && len <= GH__OUT_ROOM - o->used && len < GH__OUT_COPY &&
	    (char *)last->iov_base + last->iov_len == o->text + o->used) {
		memcpy(o->text + o->used, at, len);
		o->used += len;
		last->iov_len += len;
		return;
	}
	gh__out_add_slow(o, to, at, len);
}

static inline void gh__out_str(struct gh__out *o, struct gh__pump *to, struct gh_str s)
{
	gh__out_add(o, to, s.at, s.len);
}

#endif
