/*
 * Connections to upstreams: those in use belong to a call, the idle ones wait here for the next.
 * One set a worker, on its loop's thread only.
 */
#ifndef GATEHOUSE_CORE_UPSTREAM_POOL_H
#define GATEHOUSE_CORE_UPSTREAM_POOL_H

#include "core/http/message.h"
#include "core/net/held.h"
#include "core/upstream/upstream.h"

struct gh__call;

/* A connection to one endpoint. */
struct gh__uconn {
	struct gh__pump pump;
	struct gh__deadline deadline;
	struct gh__list link; /* among the idle ones of its endpoint, or the used ones */
	struct gh__pools *pools;
	struct gh__upstream *upstream;
	struct gh__endpoint *endpoint;
	struct gh__call *call; /* NULL: idle, or closing */
	struct gh__held held;  /* of an answer */
	struct gh__scan scan;
	bool idle, reused, taking;
};

struct gh__pool {
	struct gh__list *idle; /* one list an endpoint */
	size_t *idle_count;
	size_t endpoints;
};

struct gh__pools {
	struct gh__loop *loop;
	struct gh__upstreams *upstreams;
	struct gh__pool **by_id;
	unsigned room;
	size_t count; /* connections, used and idle */
	struct gh__list used;
};

void gh__pools_init(struct gh__pools *pools, struct gh__loop *loop,
		    struct gh__upstreams *upstreams);
/* Closes all idle connections of an upstream that goes away. */
void gh__pools_forget(struct gh__pools *pools, unsigned id, size_t endpoints);
/* Closes all; the loop must turn once more before the memory is gone. */
void gh__pools_finish(struct gh__pools *pools);

/* An idle connection, the last one used first, or NULL. */
struct gh__uconn *gh__pool_take(struct gh__pools *pools, struct gh__upstream *u,
				struct gh__endpoint *e);
/* A new one. 0: it is connecting, 1: it is connected, or UV_E…. */
int gh__pool_connect(struct gh__pools *pools, struct gh__upstream *u, struct gh__endpoint *e,
		     const struct sockaddr *to, socklen_t len, struct gh__uconn **ret_conn);
/* The call is done with it: kept if it may be used again. */
enum gh__after { GH__KEEP, GH__CLOSE };
void gh__pool_give(struct gh__uconn *c, enum gh__after after);

/* ---- for call.c, which is told of what happens on a connection in use ---- */
void gh__call_connected(struct gh__call *call);
void gh__call_data(struct gh__call *call, const char *data, size_t len);
void gh__call_gone(struct gh__call *call, int error);
void gh__call_drained(struct gh__call *call);
void gh__call_late(struct gh__call *call);

#endif
