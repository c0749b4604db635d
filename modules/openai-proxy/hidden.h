/*
 * Errors that a server tells with status 200, as LM Studio does for paths that it does not know and for
 * models that are not loaded: most clients take them for an empty answer. What the status should have
 * been is told by the words of the error. Pure; points into the bytes that it was given.
 */
#ifndef OPENAI_PROXY_HIDDEN_H
#define OPENAI_PROXY_HIDDEN_H

#include <gatehouse/json.h>
#include <gatehouse/request.h>

enum { OPENAI_HIDDEN_MAX = 4096 }; /* a longer answer is none of these */

struct openai_hidden {
	int status;
	const char *code; /* OpenAI's, or NULL */
	bool bare;        /* the error is nothing but a sentence: no client reads it like that */
	struct gh_json message; /* of a bare one: a string */
};

/* Whether the whole body of an answer is but an error. */
bool openai_hidden_find(struct gh_str body, struct openai_hidden *ret_hidden);

#endif
