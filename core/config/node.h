/*
 * A YAML document as a tree whose every node knows where it stands in the file. Made by
 * gh__node_read(); lives in the arena that it was given; one thread. A node that aliases name is
 * one node with several parents, so the tree is walked at most GH__NODES_MOST deep and wide.
 */
#ifndef GATEHOUSE_CORE_CONFIG_NODE_H
#define GATEHOUSE_CORE_CONFIG_NODE_H

#include "core/base/arena.h"
#include "core/config/config.h"
#include "core/config/mistake.h"

enum {
	GH__SOURCE_MOST = 1 << 20, /* bytes of a file */
	GH__NODES_MOST = 20000,    /* as if each alias were written out */
	GH__DEPTH_MOST = 32,
};

enum gh__node_kind { GH__NODE_SCALAR, GH__NODE_LIST, GH__NODE_MAP };

struct gh__node {
	enum gh__node_kind kind;
	bool plain;   /* a scalar without quotes */
	bool in_flow; /* stands inside { } or [ ] */
	bool is_key;
	bool open;      /* bound to an option that is no secret: its line may be quoted */
	bool secret;    /* bound to one that is: it may not, whatever else an alias made of it */
	bool looked_up; /* `text` has what ${…} stands for: never to be repeated */
	bool unknown;   /* has ${…} that was not looked up: `text` is as written */
	struct gh__place place;
	unsigned end_line, end_column; /* of a scalar: after its last character */
	struct gh_str text;            /* of a scalar, terminated */
	struct gh_str written;         /* the same before ${…} was looked up */
	size_t count;
	struct gh__node **items;   /* of a list */
	struct gh__entry *entries; /* of a map, without doubled keys */
	uint32_t weight, height;   /* nodes and levels, as if each alias were written out */
	struct gh__node *next;     /* of all nodes of the tree */
};

struct gh__entry {
	struct gh__node *key, *value;
};

struct gh__tree {
	struct gh__arena *arena;
	const char *file;
	struct gh__node *root; /* NULL: an empty document, or mistakes */
	struct gh__node *all;
};

/* Tells the mistakes; a syntax error ends the reading and leaves no root. */
void gh__node_read(struct gh__tree *t, struct gh_str bytes, struct gh__mistakes *m);

/* The value of a key, or NULL. */
struct gh__node *gh__node_get(const struct gh__node *map, struct gh_str key);
/* Where in a tree this very text stands, by its address and not by what it says; NULL: nowhere. */
const struct gh__place *gh__node_find(const struct gh__node *n, struct gh_str text);
/* Nothing was written: `key:`, `~` or `null`. */
bool gh__node_is_null(const struct gh__node *n);
/* What kind of thing it is, for messages: `a list`. */
const char *gh__node_kind_name(const struct gh__node *n);

/* What a syntax error needs to be mended: a constant sentence. `line` is the text of its line,
 * `column` counts bytes from 0. */
const char *gh__syntax_mend(struct gh_str line, size_t column, const char *problem);

#endif
