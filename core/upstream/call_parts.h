/* What the two files of a call share: call.c finds a connection and reads, call_send.c writes. */
#ifndef GATEHOUSE_CORE_UPSTREAM_CALL_PARTS_H
#define GATEHOUSE_CORE_UPSTREAM_CALL_PARTS_H

#include "core/upstream/call.h"

static inline struct gh__loop *gh__call_loop(const struct gh__call *c)
{
	return c->pools->loop;
}

/* ---- call.c ---- */
void gh__call_await(struct gh__call *c); /* sets the deadline for what has to come next */

/* ---- call_send.c ---- */
/* On a connection that is there: the head, and what was kept of the body if this is another try. */
void gh__call_send(struct gh__call *c);
void gh__call_drop_copy(struct gh__call *c);

#endif
