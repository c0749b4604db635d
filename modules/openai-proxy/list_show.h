/*
 * The models that a caller may ask for, and how they read: aliases in the order of the file, then what the
 * servers report in the order of the servers, each name once. Pure; points into the table and the lists,
 * which must outlive it.
 */
#ifndef OPENAI_PROXY_LIST_SHOW_H
#define OPENAI_PROXY_LIST_SHOW_H

#include "hold.h"
#include "table.h"

enum {
	OPENAI_SHOWN_MAX = 10000,     /* models in all */
	OPENAI_SHOWN_BYTES = 4 << 20, /* of an answer */
	OPENAI_PAGE_MAX = 1000,       /* of a page in Anthropic's shape */
	OPENAI_NAMED_MAX = 20,        /* models that an error names */
	OPENAI_NAMED_BYTES = 300,
};

struct openai_shown {
	struct gh_str id;
	const struct openai_name *name;        /* of ours; NULL: it is shown as it was told */
	const struct openai_list_model *model; /* what was told of it; NULL: nothing */
};

struct openai_shelf {
	const struct openai_shown *items;
	size_t count;
};

/* Room enough for what openai_shelf_fill() puts down. `lists`: one a source of `m`, each may be NULL. */
size_t openai_shelf_room(const struct openai_models *m, struct openai_list *const *lists);
struct openai_shelf openai_shelf_fill(const struct openai_models *m,
				      struct openai_list *const *lists,
				      const struct gh_grant *grant, struct openai_shown *to);

/* A page in Anthropic's shape, as its query asks for it. */
struct openai_page {
	size_t from, to;
	bool more; /* there are more in the direction that was asked for */
};
/* 0, or -1 with a constant sentence for the client. */
int openai_page_read(const struct openai_shelf *shelf, struct gh_str query,
		     struct openai_page *ret_page, const char **ret_why);

void openai_show_model(struct openai_hold *to, enum gh_shape shape, const struct openai_shown *m);
void openai_show_list(struct openai_hold *to, const struct openai_shelf *shelf);
void openai_show_page(struct openai_hold *to, const struct openai_shelf *shelf,
		      const struct openai_page *page);

/* The same as a part of a sentence, terminated: `a, b, c and 4 more`. */
struct gh_str openai_show_names(const struct openai_shelf *shelf,
				char to[static OPENAI_NAMED_BYTES + 64]);

/* Escapes of a path's segment or a query's value, undone. -1: no room, or no proper escape. */
int openai_unescape(struct gh_str text, char *to, size_t size, struct gh_str *ret_text);

#endif
