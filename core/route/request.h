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
#include "core/upstream/queue.h"

struct gh__request;
struct gh__worker;

/* A step as core knows it; modules see its first member. */
struct gh__step {
	struct gh_step pub;
	const struct gh_instance *instance;
	bool no_edit; /* gh_no_edit() was called */
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
	size_t max, len;
	struct gh__body *body; /* NULL: no byte came yet, or it is given back */
	struct gh__request *request;
	struct gh__later
		whole; /* the step goes on at the end of the turn in which the last byte came */
};

/* An answer that the gateway gives itself. */
struct gh__own_answer {
	int status;
	const char *code; /* errors: OpenAI's code, or NULL */
	struct gh_str type, body;
};

/* A request that was passed on to an upstream: it may wait for its turn, then there is a call. */
struct gh__proxying {
	struct gh__call call;
	struct gh__request *request;
	struct gh__upstream *upstream;
	struct gh__step *step; /* that passed it on */
	struct gh__proxy_more *more;
	gh_take *take;        /* takes the body of the answer; NULL: it streams */
	struct gh_str put;    /* goes first in it */
	unsigned flags;       /* enum gh_proxy_flag */
	uint16_t retry_after; /* seconds, with a trouble's error; 0: nothing is said */
	uint8_t state;        /* enum gh__proxy_state */
};

/* What only some need: NULL where nothing waits, nobody asked for more, and all went well. */
struct gh__proxy_more {
	struct gh__proxying *proxy;
	const struct gh_str *body; /* in place of the request's own, in pieces */
	size_t body_count;
	gh_then *on_trouble;
	const struct gh_trouble *trouble; /* once there is one */
	void (*on_silence)(struct gh_step *s);
	int64_t silence_ms;
	uint64_t heard;              /* ms: when the client last got something */
	struct gh__deadline silence; /* for on_silence */
	struct gh__ticket ticket;    /* for the upstream's queue */
	uint64_t turn;               /* the token of the wait for it */
};

enum gh__proxy_state {
	GH__PROXY_GOOD = 1,   /* the answer is no error */
	GH__PROXY_LOADED = 2, /* the queue was told so */
	GH__PROXY_ENDED = 4,  /* the whole answer came, though the client may not have it */
	GH__PROXY_SAID = 8,   /* the step said something of its own to the client */
};

enum gh__request_flag {
	GH__R_ANSWERED = 1,   /* a step answered, or an error did */
	GH__R_LEFT = 2,       /* the client is gone */
	GH__R_FAILED = 8,     /* gh_fail() was called, and r->own says how */
	GH__R_BODY_DONE = 16, /* the whole request body came */
	GH__R_BEGUN = 32,     /* gh_begin() sent the head, before there was an answer */
	GH__R_WHOLE = 64,     /* the answer says that it is whole */
	GH__R_PASSED = 128,   /* the head says what an upstream is told */
};

struct gh__request {
	struct gh__stream stream;
	struct gh__worker *worker;
	struct gh__list link; /* among the worker's requests */
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
	struct gh__told *told;   /* in the x-ratelimit- fields so far; NULL: nothing */
	struct gh__defer *defers;
	struct gh__collect *collect;   /* under way */
	struct gh__collect *collected; /* holds req.body, until an upstream's answer begins */
	struct gh_str upstream_url;    /* for the log */
	struct gh_str upstream_name;   /* of the last that was asked, for the usage */
	uint64_t started, first_byte;  /* ns, monotonic */
	uint32_t waited_ms;            /* for its turn at an upstream */
	int status;                    /* told to the client; 0: none */
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
/* The upstream of r->proxy gave no answer: goes on with what becomes of that. */
void gh__chain_trouble(struct gh__request *r, enum gh_trouble_kind kind);
/* The head that gh_begin() wants: the steps other than `from` see it, then it is out. */
void gh__chain_begin(struct gh__request *r, struct gh__step *from, struct gh_str type);
/* The upstream's head, after that: for the step alone that passed the request on. */
void gh__chain_late_head(struct gh__request *r);
/* A slice of the body from step `from`, for the steps further out and the client. */
void gh__chain_say(struct gh__request *r, const struct gh__step *from, struct gh_str bytes);
/* The step that takes the answer's body gave this verdict. */
void gh__chain_taken(struct gh__request *r, enum gh_verdict v);
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
void gh__proxy_begun(struct gh__request *r);     /* the head of gh_begin() is ready to go out */
void gh__proxy_body(struct gh__request *r, struct gh_str slice, enum gh_part part);
void gh__proxy_drained(struct gh__request *r); /* the client took what was queued */
void gh__proxy_cancel(struct gh__request *r);
/* What is answered to each kind, if no module does otherwise. */
extern const struct gh_trouble gh__troubles[];
/* An attempt came to nothing: what on_trouble makes of it, or GH_ERROR. */
enum gh_verdict gh__proxy_trouble(struct gh__request *r, enum gh_trouble_kind kind);

/* ---- turn.c: the queue before an upstream ---- */
/* Takes r->proxy's turn, or waits for it: GH_DONE, GH_PENDING, or what became of a trouble. */
enum gh_verdict gh__turn_take(struct gh_step *s, struct gh_str model);
/* The place is free for the next. */
void gh__turn_end(struct gh__request *r);
/* A good answer has begun: who waits for the same model may go on. */
void gh__turn_loaded(struct gh__request *r);

/* ---- wait.c ---- */
void gh__wait_end(struct gh__request *r);  /* forgets a wait, if there is one */
void gh__wait_over(struct gh__request *r); /* the step that waits goes on now */

/* ---- collect.c ---- */
void gh__collect_add(struct gh__request *r, struct gh_str slice, enum gh_part part);
void gh__collect_drop(struct gh__request *r);
void gh__collect_free(struct gh__request *r); /* nobody needs the body any more */
/* What was collected, for as long as a job reads it; NULL: nothing was. */
struct gh__body *gh__body_keep(const struct gh__request *r);
void gh__body_let_go(struct gh__body *body);

#endif
