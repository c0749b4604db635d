/*
 * How many tokens an answer took, read from it as it passes: of /v1/chat/completions, /v1/completions,
 * /v1/embeddings, /v1/responses and /v1/messages, as one JSON or as a stream of events. Nothing is
 * held back and nothing is kept but numbers; they are never trusted beyond OPENAI_COUNT_MAX.
 *
 * A meter belongs to one answer and lives on its worker.
 */
#ifndef OPENAI_PROXY_USAGE_H
#define OPENAI_PROXY_USAGE_H

#include "find.h"
#include "sse.h"

enum openai_usage_from {
	OPENAI_USAGE_NONE,     /* nothing is known */
	OPENAI_USAGE_REPORTED, /* by the server, as `usage` */
	OPENAI_USAGE_TIMINGS,  /* by llama.cpp, as `timings` */
	OPENAI_USAGE_COUNTED,  /* an estimate: pieces of text that passed */
};

struct openai_usage {
	enum openai_usage_from from;
	int64_t input;  /* tokens of the prompt, the cached ones with them; -1: not known */
	int64_t cached; /* those of them that were in a cache; 0 when that is not told */
	int64_t output; /* -1: not known */
};

enum openai_answer { OPENAI_ANSWER_JSON, OPENAI_ANSWER_STREAM };

struct openai_meter {
	enum openai_answer kind;
	uint64_t
		chunks; /* of a stream: events with text of the model in them; the first token is here at 1 */
	bool ended; /* the answer says of itself that it is whole: a client that leaves now has it */
	bool failed; /* there was an `error` in it */
	bool fresh;  /* the next data begins an event's */
	int8_t done; /* how much of `[DONE]` the event's data is so far; -1: it is not */
	struct openai_counts counts;
	struct openai_find find; /* in the event, or in the JSON */
	struct openai_sse sse;   /* for OPENAI_ANSWER_STREAM */
};

void openai_meter_init(struct openai_meter *m, enum openai_answer kind);
void openai_meter_finish(struct openai_meter *m);

void openai_meter_feed(struct openai_meter *m, struct gh_str slice);

/* For who wants to know of each event of a stream, in place of openai_meter_feed(): openai_sse_next(),
 * with the meter looking on. What the meter knows of an event (`find.saw`) is good until the next call. */
enum openai_sse_what openai_meter_next(struct openai_meter *m, struct gh_str *rest,
				       struct openai_sse_found *ret_found);

/* What is known so far; also of an answer that broke off. */
struct openai_usage openai_meter_usage(const struct openai_meter *m);

#endif
