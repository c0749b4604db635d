/*
 * A value of JSON that comes in pieces: the deltas of a stream are joined to the one object that they
 * are of. Texts go behind texts and lists behind lists, members find each other by name, choices and calls
 * of tools by `index`; what is done with which member stands in const tables, and what they do not
 * know is kept too. All is kept as it was written: escapes stay escapes, numbers their digits.
 *
 * A tree belongs to one answer and lives on its worker. It copies what it keeps, and what it may keep has
 * a limit.
 */
#ifndef OPENAI_PROXY_JOIN_H
#define OPENAI_PROXY_JOIN_H

#include <gatehouse/json.h>

#include "hold.h"

enum { OPENAI_PARTS_MAX = 128 }; /* members of an object; choices; calls of a choice */

enum openai_join {
	OPENAI_JOIN_LAST, /* the last value; null and "" say nothing that takes another's place */
	OPENAI_JOIN_LIST, /* lists are joined, else as LAST */
	OPENAI_JOIN_TEXT, /* strings are joined, and lists, else as LAST */
	OPENAI_JOIN_NAME, /* as TEXT, but the same string once more is nothing new */
	OPENAI_JOIN_ANY,  /* objects are joined by the inner shape, else as LAST */
	OPENAI_JOIN_MEMBERS, /* objects likewise; anything else is a mistake */
	OPENAI_JOIN_INDEXED, /* lists of objects with an `index`; anything else is a mistake */
	OPENAI_JOIN_DROP,
};

struct openai_shape {
	const struct openai_shape_member *members; /* NULL: none that is special */
	struct openai_shape_rule {
		enum openai_join join;
		const struct openai_shape *inner;
	} rest; /* for members that are not named */
};
struct openai_shape_member {
	const char *name; /* NULL ends the table */
	struct openai_shape_rule rule;
	const char *as; /* its name in the end; NULL: the same */
};

enum openai_part_kind {
	OPENAI_PART_NULL,
	OPENAI_PART_RAW,    /* as it came */
	OPENAI_PART_STRING, /* what is between the quotes */
	OPENAI_PART_LIST,   /* what is between the brackets */
	OPENAI_PART_OBJECT,
	OPENAI_PART_INDEXED,
};

struct openai_part {
	struct openai_part *next, *first; /* in the order of coming, or of the indexes */
	enum openai_part_kind kind;
	unsigned count;           /* of those in it */
	unsigned index;           /* of an element */
	const char *known;        /* a member's name: a constant, or NULL: it is in `name` */
	struct openai_hold name;  /* as it was written, with its quotes */
	struct openai_hold bytes; /* of RAW, STRING and LIST */
};

struct openai_tree {
	struct openai_part root;
	size_t max, held; /* bytes of memory */
	const char *why;  /* a constant sentence, once something went wrong */
	/* What is read may be a copy in which some bytes are masked; what is kept is `meant`. NULL: it
	 * is the same. */
	struct gh_str read, meant;
};

/* The root is an object with nothing in it. */
void openai_tree_init(struct openai_tree *t, size_t max);
void openai_tree_finish(struct openai_tree *t);

/* Joins an object to the root. 0, or -1 with `t->why`; then the tree is of no use. */
int openai_tree_join(struct openai_tree *t, const struct openai_shape *shape,
		     struct gh_json object);

/* The bytes that were meant by a slice of what is read. */
struct gh_str openai_tree_meant(const struct openai_tree *t, struct gh_str text);

/* A member whose name is in a table, or NULL; of a part that is no object, and of NULL, too. */
struct openai_part *openai_part_get(const struct openai_part *p, const char *name);
/* The same; if there is none, there is then, and it is null. For what a server leaves out: no limit. */
struct openai_part *openai_part_need(struct openai_tree *t, struct openai_part *object,
				     const char *name);
void openai_part_set(struct openai_tree *t, struct openai_part *p, struct gh_str json);

/* Puts the JSON behind what is in `to`. */
void openai_part_write(const struct openai_part *p, struct openai_hold *to);

#endif
