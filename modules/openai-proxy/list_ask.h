/*
 * Asks servers for their lists of models, one after another, where what is kept of them is not fresh: each
 * is asked by one request alone, and the others wait for it. Of the request's memory, on its worker; what
 * came stands in the servers' keeps.
 */
#ifndef OPENAI_PROXY_LIST_ASK_H
#define OPENAI_PROXY_LIST_ASK_H

#include "table.h"

enum { OPENAI_LIST_TIMEOUT_MS = 3000 };

/* The struct openai_search at the head of the step's state has it. */
struct openai_asking {
	const struct openai_models *models;
	size_t at, end; /* the sources that are still to be asked */
	int64_t fresh_ms;
	gh_then *goal; /* called when that is done, at once where there is nothing to ask */
	gh_then *then; /* called after a wait when `goal` gave GH_NEXT; may be NULL */
	struct gh_str asked;
	/* Its own: */
	struct openai_list_keep *flight; /* that this request asks for all */
	struct openai_list_waiter waiter;
};

/* A new one, of which the fields up to `asked` are the caller's to set. */
struct openai_asking *openai_asking_make(struct gh_step *s, const struct openai_models *m);
/* The verdict of `goal`, or GH_PENDING: then that of `then` follows. */
enum gh_verdict openai_list_ask(struct gh_step *s);

#endif
