/*
 * What is known of the models that there are, in a request: the servers' lists as they are kept by now, and
 * what of it the caller may see. Of the request's memory, on its worker.
 */
#ifndef OPENAI_PROXY_LIST_H
#define OPENAI_PROXY_LIST_H

#include "list_show.h"

struct openai_known {
	const struct openai_models *models;
	struct openai_list **lists; /* one a source; NULL: nothing is known of that one */
	struct openai_shelf shelf;
};
void openai_known_get(struct gh_step *s, const struct openai_models *m,
		      struct openai_known *ret_known);
void openai_known_free(struct openai_known *k);

/* There is no such model for this caller: an error that names those that there are. GH_ERROR. */
enum gh_verdict openai_models_unknown(struct gh_step *s, const struct openai_models *m,
				      struct gh_str asked);

#endif
