/*
 * What a server said to GET /v1/models, OpenAI's shape or Anthropic's: the models that have a proper name,
 * each as it was told. Nothing of it is believed: entries that are none are left out, and how much is kept
 * has a limit. Immutable once it is read, counted, one block of memory; any thread.
 */
#ifndef OPENAI_PROXY_LIST_READ_H
#define OPENAI_PROXY_LIST_READ_H

#include <stdatomic.h>

#include "list_index.h"

enum {
	OPENAI_LIST_BYTES = 1 << 20,         /* of an answer */
	OPENAI_LIST_MODELS = 2000,           /* of a server; those after it are left out */
	OPENAI_LIST_OBJECT_BYTES = 16 << 10, /* of one model */
	OPENAI_LIST_DISPLAY_BYTES = 1024, /* of `display_name`; a longer one is as good as none */
};

enum openai_lacks { /* members that every client looks for */
		    OPENAI_LACKS_OBJECT = 1,
		    OPENAI_LACKS_CREATED = 2,
		    OPENAI_LACKS_OWNER = 4,
};

struct openai_list_model {
	struct gh_str id;         /* its characters */
	struct gh_str object;     /* the JSON object as it was told */
	uint32_t id_at, id_len;   /* where the id's value stands in it, with its quotes */
	unsigned lacks;           /* enum openai_lacks */
	int64_t created;          /* seconds since 1970; 0: not told */
	struct gh_str created_at; /* RFC 3339; empty: not told */
	struct gh_str display; /* `display_name`: a JSON string with its quotes; empty: not told */
};

struct openai_list {
	atomic_uint refs;
	size_t count;
	struct openai_list_model *models; /* in the server's order */
	struct openai_index index;
};

/* 0, or -1 with a constant reason. `*ret_list` has one reference. */
int openai_list_read(struct gh_str body, struct openai_list **ret_list, const char **ret_why);
struct openai_list *openai_list_ref(struct openai_list *l);
void openai_list_unref(struct openai_list *l); /* takes NULL */

/* The first of that name, or NULL; also when `l` is NULL. */
const struct openai_list_model *openai_list_find(const struct openai_list *l, struct gh_str id);

#endif
