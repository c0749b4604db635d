/*
 * A model's name as it goes into a body: as it is, for a form, and as a string of JSON. Made once for
 * each name of the config; points into memory of its maker. Pure.
 */
#ifndef OPENAI_PROXY_NAME_H
#define OPENAI_PROXY_NAME_H

#include <gatehouse/base.h>

#include "body.h"

enum { OPENAI_NAME_JSON = 2 * OPENAI_MODEL_MAX + 2 }; /* room enough for each name that is taken */

struct openai_name {
	struct gh_str text, json;
};

/* UTF-8 without control characters, of at most OPENAI_MODEL_MAX bytes: 0, else -1. */
int openai_name_check(struct gh_str text);
/* The same, and the name must not be empty. `text` must live as long as the name does, and `to`, too. */
int openai_name_make(struct gh_str text, char to[static OPENAI_NAME_JSON],
		     struct openai_name *ret_name);

#endif
