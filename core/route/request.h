/*
 * A request on its way through the chain: a stream, the route that takes it, and where it stands.
 * Begins with its stream, in whose block it lives; on its worker's thread only. It pins its
 * generation's site from head to end.
 */
#ifndef GATEHOUSE_CORE_ROUTE_REQUEST_H
#define GATEHOUSE_CORE_ROUTE_REQUEST_H

#include "core/net/conn.h"
#include "core/net/lane.h"
#include "core/route/site.h"
#include "core/upstream/call.h"

struct gh__request;
struct gh__worker;

/* A step as core knows it; modules see its first member. */
struct gh__step {
	struct gh_step pub;
	const struct gh_instance *instance;
};

enum gh__phase {
	GH__IN_REQUEST,  /* on_request hooks, down the chain */
	GH__IN_RESPONSE, /* on_response hooks, up again */
	GH__IN_BODY,     /* the head is out */
	GH__IN_END,      /* on_finish */
};

/* What a step waits for; in the request's arena, made with its first wait. */
struct gh__waiting {
	struct gh__list link; /* among the worker's waits */
	struct gh__deadline deadline;
	struct gh__request *request;
	uint64_t token; /* 0: nothing is waited for */
	gh_then *then;
	struct gh__step *step;
	void *job; /* of an offload that is done, until the step goes on */
	struct gh__side_call *side;
};

struct gh__defer {
	struct gh__defer *next;
	void (*done)(void *arg);
	void *arg;
};

struct gh__collect {
	size_t max, len, room;
	char *bytes;
};

/* An answer that the gateway gives itself. */
struct gh__own_answer {
	int status;
	const char *code; /* errors: OpenAI's code, or NULL */
	struct gh_str type, body;
};

struct gh__proxying {
	struct gh__call call;
	struct gh__request *request;
	struct gh__upstream *upstream;
	unsigned flags; /* enum gh_proxy_flag */
};

enum gh__request_flag {
	GH__R_ANSWERED = 1,   /* a step answered, or an error did */
	GH__R_LEFT = 2,       /* the client is gone */
	GH__R_FAILED = 8,     /* gh_fail() was called, and r->own says how */
	GH__R_BODY_DONE = 16, /* the whole request body came */
};

struct gh__request {
	struct gh__stream stream;
	struct gh__worker *worker;
	struct gh__site_local *site;
	const struct gh__route *route;
	struct gh__step *steps; /* one a module of the route */
	uint16_t entered, at;   /* steps entered; the step that is at work */
	uint8_t phase, flags;
	uint8_t body_from; /* the step from which a collected body goes on */
	struct gh__waiting *waiting;
	struct gh__proxying *proxy;
	struct gh__own_answer *own;
	struct gh_headers extra; /* gh_answer_header() */
	struct gh__defer *defers;
	struct gh__collect *collect;
	struct gh_str upstream_url;   /* for the log */
	uint64_t started, first_byte; /* ns, monotonic */
	int status;                   /* told to the client; 0: none */
};

static inline struct gh__request *gh__request_of(struct gh_request *req)
{
	return (struct gh__request *)(void *)GH__CONTAINER(req, struct gh__stream, req);
}

static inline struct gh__step *gh__step_of(struct gh_step *s)
{
	return (struct gh__step *)(void *)s;
}

static inline struct gh_response *gh__res(struct gh__request *r)
{
	return &r->stream.res;
}

extern const struct gh__stream_listener gh__request_listener;

/* ---- chain.c: the only caller of hooks ---- */
void gh__chain_start(struct gh__request *r);
/* Goes on after a wait with this verdict of the waiting step. */
void gh__chain_resume(struct gh__request *r, gh_then *then);
/* res is filled: runs on_response upwards, then sends the head. */
void gh__chain_respond(struct gh__request *r);
/* A slice of the answer's body, through watchers and editors, to the client. */
void gh__chain_response_body(struct gh__request *r, struct gh_str slice, enum gh_part part);
/* A slice of the request's body, from step `from` on, to whoever takes it. */
void gh__chain_request_body(struct gh__request *r, unsigned from, struct gh_str slice,
			    enum gh_part part);
void gh__chain_cancel(struct gh__request *r);
void gh__chain_finish(struct gh__request *r);

/* ---- answer.c ---- */
/* Answers with an error in the route's shape; after the head was sent, a visible break. */
void gh__answer_error(struct gh__request *r, int status, const char *code, const char *format, ...)
	GH_PRINTF(4, 5);
void gh__answer_own(struct gh__request *r); /* fills res from r->own and starts the way up */
void gh__answer_own_body(struct gh__request *r);

/* ---- proxy.c ---- */
void gh__proxy_start(struct gh__request *r);
void gh__proxy_head_sent(struct gh__request *r); /* the body may follow */
void gh__proxy_body(struct gh__request *r, struct gh_str slice, enum gh_part part);
void gh__proxy_drained(struct gh__request *r); /* the client took what was queued */
void gh__proxy_cancel(struct gh__request *r);

/* ---- wait.c ---- */
void gh__wait_end(struct gh__request *r); /* forgets a wait, if there is one */

/* ---- collect.c ---- */
void gh__collect_add(struct gh__request *r, struct gh_str slice, enum gh_part part);
void gh__collect_drop(struct gh__request *r);

#endif
