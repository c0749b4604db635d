/*
 * A request on its way through openai-proxy, in the step's state, so on its worker and gone with it:
 * request.c reads what is asked for and passes it on, answer.c reads what comes back.
 */
#ifndef OPENAI_PROXY_WAY_H
#define OPENAI_PROXY_WAY_H

#include <gatehouse/module.h>

#include "body.h"
#include "hold.h"
#include "models.h"
#include "strip.h"

struct openai {
	struct gh_upstream_ref to;
	struct gh_named models;
	struct gh_str fallback_model; /* `default` */
	struct gh_strings paths;
	struct gh_size max_body;
	struct gh_duration ping_after;
	const struct openai_models *table;
};

enum openai_way_flag {
	OPENAI_WAY_PASSED = 1,   /* an upstream was asked: what is no error is its answer */
	OPENAI_WAY_READ = 2,     /* the request has a body, and it was read */
	OPENAI_WAY_USAGE = 4,    /* only the gateway asked for the usage */
	OPENAI_WAY_ASSEMBLE = 8, /* only the gateway asked for events */
	OPENAI_WAY_CHAT = 16,    /* and they are those of a chat */
	OPENAI_WAY_HEAD = 32,    /* the upstream's head came */
	OPENAI_WAY_WHOLE = 64,   /* the answer said that it is whole */
	OPENAI_WAY_FIRST = 128,  /* its first token came */
	OPENAI_WAY_SPOKE = 256,  /* the gateway broke a silence, so the client reads events */
	OPENAI_WAY_LENGTH = 512, /* the client knows the answer's length: nothing may be added */
};

/* A large body, read once. */
struct openai_read {
	int failed;
	struct openai_body body;
	struct openai_fault fault;
};

struct openai_way {
	struct openai_search search; /* first: models.h asks for that */
	struct openai_read *read;    /* NULL: a small body, read again where it is needed */
	unsigned flags;
	unsigned tries; /* targets that were asked */
	enum { OPENAI_LOOK_AWAY, OPENAI_METER, OPENAI_STRIP } reading;
	struct openai_strip *strip;       /* and its meter; NULL: nothing is read */
	struct openai_assembly *assembly; /* NULL: the answer is not put together here */
	struct openai_hold held; /* of an answer that is looked at before its head goes out */
};

/* ---- request.c ---- */
/* A request without a body, as it came. */
enum gh_verdict openai_pass_plain(struct gh_step *s);
/* One with a body: collects and reads it, and passes it to whom its model names. */
enum gh_verdict openai_pass_body(struct gh_step *s);
/* The body is there and can be read. */
enum gh_verdict openai_read_on(struct gh_step *s);

/* ---- read.c ---- */
/* gh_then: the body was collected. */
enum gh_verdict openai_read_begin(struct gh_step *s);
/* What it asks for: 0, or -1 with the fault. */
int openai_read(struct gh_step *s, struct openai_body *ret_body, struct openai_fault *ret_fault);

/* ---- answer.c ---- */
enum gh_verdict openai_answer_head(struct gh_step *s);
void openai_answer_seen(struct gh_step *s, struct gh_str slice, enum gh_part part);
enum gh_verdict openai_answer_edit(struct gh_step *s, struct gh_str slice, enum gh_part part,
				   struct gh_sink *to);
/* What of it is the gateway's own. */
void openai_answer_over(struct gh_step *s);

/* ---- error.c ---- */
/* An error in the request's shape. `message` is a string of JSON, with its quotes; `code` may be NULL. */
struct gh_str openai_error(struct gh_request *r, int status, const char *code,
			   struct gh_str message);
/* The same around an object that is there already. */
struct gh_str openai_error_wrap(struct gh_request *r, struct gh_str object);

/* ---- late.c: what has to be told after the head went out ---- */
/* An error as an event; `code` may be NULL, `text` a constant. */
void openai_say_error(struct gh_step *s, int status, const char *code, const char *text);
/* gh_take: an answer that is no stream, where one had been promised. */
enum gh_verdict openai_take_late(struct gh_step *s, struct gh_str slice, enum gh_part part);
/* Whether a comment may be sent now, so that nobody takes the silence for an end; sends it. */
void openai_break_silence(struct gh_step *s);
/* Whether a trouble can be told where an answer has begun. */
bool openai_may_tell(const struct gh_step *s);

/* ---- early.c: what is looked at before the head goes out ---- */
/* gh_take: a short answer of JSON, which may be an error that came as 200. */
enum gh_verdict openai_take_short(struct gh_step *s, struct gh_str slice, enum gh_part part);
/* gh_take: events of which one answer is made. */
enum gh_verdict openai_take_events(struct gh_step *s, struct gh_str slice, enum gh_part part);

#endif
