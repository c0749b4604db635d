/*
 * Takes the chunk with the usage out of a stream of /v1/chat/completions or /v1/completions again, where
 * only the gateway had asked for it: each event whose data is an object with `"choices": []` and an object
 * `usage`. All other bytes go on as they came and in the slice that they came in, but for the part of
 * an event that a slice's end cuts in two while it may still become such a chunk.
 *
 * The meter in it sees all that passes. It belongs to one answer and lives on its worker.
 */
#ifndef OPENAI_PROXY_STRIP_H
#define OPENAI_PROXY_STRIP_H

#include "usage.h"

/* The longest event that is taken out, and so the most that is ever held back. */
enum { OPENAI_STRIP_MAX = 8192 };

/* Takes what goes on, never empty, good for the time of the call. */
typedef void openai_give(void *to, struct gh_str piece);

struct openai_strip {
	struct openai_meter meter;
	struct openai_hold held; /* the start of the event that is open */
	bool passing;            /* the event that is open is none to be taken out */
	bool after_cr;           /* one was taken out that ended in CR: the LF of it may come */
	uint64_t removed;        /* how many were taken out */
};

void openai_strip_init(struct openai_strip *s);
void openai_strip_finish(struct openai_strip *s);

void openai_strip_feed(struct openai_strip *s, struct gh_str slice, openai_give *give, void *to);
/* The stream has ended, or broke: what is held back goes on, since it did not become such a chunk. */
void openai_strip_end(struct openai_strip *s, openai_give *give, void *to);

/* Whether a comment of the gateway's own may be sent now. */
bool openai_strip_is_between(const struct openai_strip *s);

#endif
