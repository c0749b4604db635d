/*
 * The few things of an answer's JSON that count, found as it passes, whatever its size and wherever its
 * slices are cut: counts of tokens, whether there are choices, whether the model wrote something. It
 * follows strings and depth and keeps the name of one member; nothing is held, nothing is judged. Text
 * that is no JSON finds nothing or nonsense, in bounds.
 *
 *	{ "usage": { "prompt_tokens": 9, "prompt_tokens_details": { "cached_tokens": 3 }, … } }
 *	{ "response" | "message" | "x_groq": { "usage": { … } } }
 *	{ "timings": { "prompt_n": 9, … } }
 *
 * Plain values; they own nothing. Pure.
 */
#ifndef OPENAI_PROXY_FIND_H
#define OPENAI_PROXY_FIND_H

#include <gatehouse/base.h>

enum openai_count {
	OPENAI_COUNT_PROMPT,     /* prompt_tokens: with what was cached */
	OPENAI_COUNT_COMPLETION, /* completion_tokens */
	OPENAI_COUNT_INPUT,      /* input_tokens: Anthropic's are without what was cached */
	OPENAI_COUNT_OUTPUT,     /* output_tokens */
	OPENAI_COUNT_TOTAL,      /* total_tokens */
	OPENAI_COUNT_CACHED,     /* prompt_tokens_details.cached_tokens, input_tokens_details.… */
	OPENAI_COUNT_CACHE_READ, /* cache_read_input_tokens: Anthropic's */
	OPENAI_COUNT_CACHE_MADE, /* cache_creation_input_tokens */
	OPENAI_COUNT_TIMED_PROMPT, /* llama.cpp's timings: prompt_n, without what was cached */
	OPENAI_COUNT_TIMED_CACHED, /* cache_n */
	OPENAI_COUNT_TIMED_OUTPUT, /* predicted_n */
	OPENAI_COUNTS,
};

/* More tokens than any request has; a count above it is none. */
enum { OPENAI_COUNT_MAX = 1000000000 };

/* -1: not told. A count that comes again takes the place of the one before, unless it is zero: some
 * servers tell the prompt's only once, and zero after that. */
struct openai_counts {
	int32_t of[OPENAI_COUNTS];
};
void openai_counts_init(struct openai_counts *c);

enum openai_find_saw {
	OPENAI_SAW_USAGE = 1,      /* `usage` is an object */
	OPENAI_SAW_CHOICE = 2,     /* `choices` has one */
	OPENAI_SAW_NO_CHOICE = 4,  /* `choices` is an empty list */
	OPENAI_SAW_TEXT = 8,       /* text that the model wrote, or thought, or wrote to a tool */
	OPENAI_SAW_ERROR = 16,     /* an `error` that is not null */
	OPENAI_SAW_END = 32,       /* the object has ended */
	OPENAI_SAW_NO_OBJECT = 64, /* what begins like this, or goes on behind its end, is none */
};

enum {
	OPENAI_FIND_NAME = 27, /* the longest name that counts */
	OPENAI_FIND_DEPTH = 4, /* the deepest object that counts is nested so deep */
};

struct openai_find {
	uint32_t depth;
	uint8_t saw; /* enum openai_find_saw */
	uint8_t state, name_len, name_id;
	uint8_t path[OPENAI_FIND_DEPTH + 1]; /* which object it is at a depth */
	char name[OPENAI_FIND_NAME];
	uint32_t number;
};

void openai_find_init(struct openai_find *f);
void openai_find_feed(struct openai_find *f, struct gh_str slice, struct openai_counts *counts);

#endif
