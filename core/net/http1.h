/*
 * HTTP/1 on a client's connection: one request at a time. http1.c reads and keeps the life of the
 * connection, http1_answer.c is what a stream can do. Owned by its connection; on its loop's thread.
 */
#ifndef GATEHOUSE_CORE_NET_HTTP1_H
#define GATEHOUSE_CORE_NET_HTTP1_H

#include "core/http/message.h"
#include "core/net/conn.h"
#include "core/net/held.h"

struct gh__http1 {
	struct gh__conn *conn;
	struct gh__stream *stream;   /* NULL between requests */
	struct gh__message *message; /* of the stream */
	struct gh__held held;
	uint32_t here; /* bytes that came and are not looked at yet */
	struct gh__scan scan;
	uint8_t state; /* of http1.c */
	uint8_t taking;
};

static inline struct gh__http1 *gh__http1_of(const struct gh__conn *c)
{
	return c->state;
}

extern const struct gh__stream_ops gh__http1_ops;

/* After anything happened: what is read next, and what is waited for. */
void gh__http1_settle(struct gh__http1 *h);
/* Goes on with the bytes that were held. */
void gh__http1_take_held(struct gh__http1 *h);

#endif
