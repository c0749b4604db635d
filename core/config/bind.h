/*
 * Nodes to structs: what option tables say about them is checked and put where they say. One
 * reading's; one thread. A mistake is told and the binding goes on, so that all of them are told.
 */
#ifndef GATEHOUSE_CORE_CONFIG_BIND_H
#define GATEHOUSE_CORE_CONFIG_BIND_H

#include "core/config/config.h"
#include "core/config/node.h"

struct gh__inline_upstream;
struct gh__default;

struct gh__bind {
	struct gh__arena *arena;
	struct gh__mistakes *mistakes;
	const char *file;
	const struct gh_module *const *modules;
	unsigned secret;                  /* above 0: inside of an option that is a secret */
	struct gh__default *defaults[64]; /* defaults as nodes, by their row */
	/* Defaults of rows that depend on where this runs. */
	struct gh__own_default {
		const struct gh_option *row;
		struct gh_str text;
	} own_defaults[2];
	size_t own_count;
	/* What `to:` may name: bound before any `to:` is. */
	const struct gh_named *upstreams;
	struct gh__inline_upstream *inline_upstreams, **last_inline;
	size_t inline_count;
};

/* Types that only the tables of gateway.yaml have, beyond enum gh_option_type. */
enum gh__own_type {
	/* `handle:` and `tls:`; the fields are struct gh__handlers. */
	GH__TYPE_HANDLERS = GH_TYPE_UPSTREAM + 1,
	GH__TYPE_SOURCES,
};

/* A table that is being bound, and the tables around it: for "this key belongs elsewhere". */
struct gh__scope {
	const struct gh_option *rows; /* NULL: no options at all */
	const char *what; /* `module 'basic-auth'`, `'timeouts'`; NULL: the whole file */
	const struct gh__scope *up;
	struct gh__place place; /* for what is missing */
};

/* Binds all rows. `node` NULL: nothing was written, so defaults, and nothing is required. */
void gh__bind_rows(struct gh__bind *b, const struct gh__scope *s, struct gh__node *node, void *to);

/* The row of a table by its name, or NULL; and the one that stands for the whole mapping. */
const struct gh_option *gh__row_find(const struct gh_option *rows, struct gh_str name);
const struct gh_option *gh__row_short(const struct gh_option *rows);
/* The value of a row in what was written for its table, which may be a short form; or NULL. */
struct gh__node *gh__row_node(const struct gh_option *rows, const struct gh_option *row,
			      struct gh__node *node);
/* The default of a row as a node; NULL: none. */
struct gh__node *gh__row_default(struct gh__bind *b, const struct gh_option *row);

/* A list's nth item; what stands alone in place of a list is a list of one. */
size_t gh__node_items(const struct gh__node *n);
struct gh__node *gh__node_item(struct gh__node *n, size_t i);

/* Of scalar.c: options of a single value. */

/* A value for a message, in quotes; one that may be a secret is `this` only. */
const char *gh__echo(const struct gh__bind *b, const struct gh__node *n, char to[80]);
/* Tells that `name` must be something else; `mend` may be NULL or empty. */
void gh__wrong_value(struct gh__bind *b, const struct gh__node *n, const char *name,
		     const char *must_be, const char *mend);
/* A scalar with something in it; else false, and it was told. */
bool gh__is_value(struct gh__bind *b, struct gh__node *n, const char *name);
/* The row's own check of one text. */
void gh__check_text(struct gh__bind *b, const struct gh_option *row, struct gh__node *n,
		    const char *name);
void gh__bind_scalar(struct gh__bind *b, const struct gh_option *row, struct gh__node *n,
		     void *field);
/* A scalar is bound to an option: whether its line may be quoted depends on which. */
void gh__mark_bound(const struct gh__bind *b, struct gh__node *n);
/* A secret that lost its quotes is a list or a mapping, and its keys are pieces of it. */
void gh__mark_secret(struct gh__node *n);

/* Of key.c: tells the keys that no row has. A bit for each of the first 64 rows that one of them
 * was meant for. */
uint64_t gh__refuse_unknown(struct gh__bind *b, const struct gh__scope *s, struct gh__node *node);

/* Of upstream.c, for rows of these types. */
void gh__bind_upstream(struct gh__bind *b, const struct gh_option *row, struct gh__node *node,
		       struct gh_upstream_ref *to);
/* Of handle.c, for rows of these types. */
void gh__bind_handlers(struct gh__bind *b, const struct gh_option *row, const struct gh__scope *s,
		       struct gh__node *node, struct gh__handlers *to);

#endif
