/*
 * A call: one HTTP/1.1 exchange with an upstream. It finds an endpoint, takes an idle connection or
 * makes one, sends, and tells its owner what comes back. Embedded in its owner, in whose memory the
 * head of the request must stay as it is; on one loop's thread. It ends exactly once: with the last
 * on_body, with on_fail, or with gh__call_cancel().
 */
#ifndef GATEHOUSE_CORE_UPSTREAM_CALL_H
#define GATEHOUSE_CORE_UPSTREAM_CALL_H

#include "core/upstream/pool.h"

struct gh__call;

enum gh__call_failure {
	GH__FAIL_CONNECT, /* nothing could be reached */
	GH__FAIL_TIMEOUT, /* reached, but no answer in time */
	GH__FAIL_CLOSED,  /* it closed before its answer */
	GH__FAIL_ANSWER,  /* what came is no proper answer */
	GH__FAIL_CUT,     /* after the head: its body broke off */
};

struct gh__call_ops {
	void (*on_ready)(struct gh__call *c); /* send the body, or what of it was not sent yet */
	void (*on_interim)(struct gh__call *c, int status, const struct gh_headers *headers);
	void (*on_head)(struct gh__call *c);    /* c->res is filled */
	void (*on_upgrade)(struct gh__call *c); /* the same, and it is a 101: a tunnel now */
	void (*on_body)(struct gh__call *c, struct gh_str slice, enum gh_part part);
	void (*on_turn)(struct gh__call *c);  /* all that one read brought was told */
	void (*on_drain)(struct gh__call *c); /* the upstream took all that was queued */
	void (*on_fail)(struct gh__call *c, enum gh__call_failure kind, const char *why);
};

enum gh__call_flag {
	GH__CALL_UPGRADE = 1, /* ask for a WebSocket */
	GH__CALL_HEAD_SENT = 2,
	GH__CALL_BODY_SENT = 4, /* all of it */
	GH__CALL_GOT_BYTE = 8,
	GH__CALL_GOT_HEAD = 16,
	GH__CALL_TUNNEL = 32,
	GH__CALL_HELD = 64, /* the owner wants nothing more for now */
	GH__CALL_OVER = 128,
	GH__CALL_RETRIED = 256,
	GH__CALL_BODY_LOST = 512, /* some of the body went out and was not kept: no retry */
	GH__CALL_PINNED =
		1024, /* a check of `endpoint`: no other is tried, and nothing is counted */
	GH__CALL_REPEATABLE =
		2048,            /* on_ready may ask for the body as often as it has to be sent */
	GH__CALL_IN_HEAD = 4096, /* the deadline is for the rest of a head */
};

enum { GH__CALL_KEEP = 64 << 10 };

struct gh__call {
	const struct gh__call_ops *ops;
	struct gh__pools *pools;
	struct gh__upstream *upstream;
	struct gh__arena *arena; /* where the answer's head goes; NULL: the loop's scratch, so that
	                                  * it is gone when on_head or on_interim returns */
	struct gh_str method, target;
	struct gh_str host; /* empty: the endpoint's own */
	const struct gh_headers
		*headers; /* without framing and hop-by-hop fields, and without Host */
	int64_t length;   /* of the body; -1: chunked */
	struct gh_response *res;
	unsigned flags;
	uint32_t kept;        /* bytes of `copy` */
	uint64_t tried;       /* endpoints, a bit each */
	unsigned turn, turns; /* the endpoint's address, and how many of them were tried */
	uint64_t sent_at;     /* ms */
	struct gh__endpoint *endpoint;
	struct gh__uconn *conn;
	char *copy; /* of a body, while it may have to be sent again */
	const char *last_error;
	struct gh__deadline retry; /* waits for a name to be looked up */
	struct gh__message message;
};

/* All fields above `flags` are set, the rest zero but for GH__CALL_UPGRADE, or
 * GH__CALL_REPEATABLE, or GH__CALL_PINNED and `endpoint`. May call back at once. */
void gh__call_start(struct gh__call *c);
/* A slice of the request's body, after on_ready. */
void gh__call_body(struct gh__call *c, struct gh_str slice, enum gh_part part);
/* The same, of a body that is repeatable and goes on: the slice waits for those after it, and must stay as
 * it is until the last. */
void gh__call_put(struct gh__call *c, struct gh_str slice);
/* Bytes that the upstream has not taken yet. */
size_t gh__call_pressure(const struct gh__call *c);
/* Nothing more is told until gh__call_go(); back-pressure reaches the upstream's socket. */
void gh__call_hold(struct gh__call *c);
void gh__call_go(struct gh__call *c);
/* Ends it now and closes its connection. Nothing is told after. Takes one that is over. */
void gh__call_cancel(struct gh__call *c);

#endif
