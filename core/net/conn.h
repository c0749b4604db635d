/*
 * A client's connection that speaks HTTP/1. Owned by itself: made by gh__conn_accept(), gone when it
 * closes; listed in its worker meanwhile. On its loop's thread only. It outlives generations.
 */
#ifndef GATEHOUSE_CORE_NET_CONN_H
#define GATEHOUSE_CORE_NET_CONN_H

#include <stdatomic.h>

#include "core/http/message.h"
#include "core/net/held.h"
#include "core/net/pump.h"
#include "core/net/stream.h"

/* What holds for all connections of a worker; a reload changes it in place. Milliseconds, bytes. */
struct gh__conn_settings {
	uint64_t head_timeout, body_timeout, idle_timeout, write_timeout;
	size_t max_head;
	uint32_t max_headers;
};

/* The connections of one worker and kind. */
struct gh__conns {
	struct gh__loop *loop;
	const struct gh__stream_listener *listener;
	struct gh__conn_settings settings;
	struct gh__list all;
	size_t count;
	bool stopping; /* answers end their connections */
	void (*on_close)(struct gh__conns *conns, struct gh__conn *c);
	void *owner;
};

/* Where a connection came in. It stays as long as the process has it open, and as long as any of its
 * connections. */
struct gh__door {
	atomic_uint users;    /* connections */
	struct gh_str scheme; /* http */
	struct gh_str name;   /* for logs */
};

struct gh__conn {
	struct gh__pump pump;
	struct gh__deadline deadline;
	struct gh__later later;
	struct gh__list link;
	struct gh__conns *conns;
	struct gh__door *door;
	struct gh__stream *stream;   /* NULL between requests */
	struct gh__message *message; /* of the stream */
	struct gh__held held;
	uint32_t here;     /* bytes that came and are not looked at yet */
	uint32_t requests; /* so far */
	struct gh__scan scan;
	struct gh_address peer;
	uint8_t state; /* of conn.c */
	uint8_t taking, waits_for;
};

void gh__conns_init(struct gh__conns *conns, struct gh__loop *loop,
		    const struct gh__stream_listener *listener);
/* Takes over an accepted descriptor. 0 or UV_E…; then it is still the caller's. */
int gh__conn_accept(struct gh__conns *conns, int fd, const struct gh_address *peer,
		    struct gh__door *door);
/* Idle ones close now, the others with the end of their answer. */
void gh__conns_stop(struct gh__conns *conns);
/* All close now, visibly broken where an answer is under way. */
void gh__conns_cut(struct gh__conns *conns);

/* ---- http1.c: what a stream can do; and what it needs of its connection ---- */
extern const struct gh__stream_ops gh__http1_ops;
/* After anything happened: what is read next, and what is waited for. */
void gh__conn_settle(struct gh__conn *c);
/* Goes on with the bytes that were held. */
void gh__conn_take_held(struct gh__conn *c);
/* Closes now; its stream ends with this turn. */
void gh__conn_close(struct gh__conn *c, enum gh__pump_end end);

#endif
