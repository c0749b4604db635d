/*
 * A YAML file as a tree whose nodes know their bytes, so that a piece can be put in or taken out and
 * the rest stays as it was written. Lives in the arena that it was given. Pure; one thread.
 */
#ifndef GATEHOUSE_CORE_CLI_YAML_BYTES_H
#define GATEHOUSE_CORE_CLI_YAML_BYTES_H

#include <gatehouse/base.h>

#include "core/base/arena.h"

enum { GH__YAML_BYTES_MOST = 4 << 20, GH__YAML_DEPTH_MOST = 16 };

enum gh__yaml_kind { GH__YAML_SCALAR, GH__YAML_LIST, GH__YAML_MAP, GH__YAML_ALIAS };

struct gh__yaml {
	enum gh__yaml_kind kind;
	bool flow;  /* a list or map in braces */
	bool block; /* a scalar behind | or > */
	bool plain; /* a scalar without quotes */
	struct gh_str text;
	size_t begin, end; /* bytes; of what is not in braces the end is that of its last scalar */
	size_t line, column;           /* of its begin, from 1; columns are characters */
	struct gh__yaml *first, *last; /* items; in a map names and values in turn */
	struct gh__yaml *next;         /* of the same parent */
};

struct gh__yaml_mistake {
	size_t line, column; /* 0: of the whole file */
	const char *what;    /* a constant sentence */
};

/* 0 and the root, NULL for a file with nothing in it; or -1. */
int gh__yaml_read(struct gh__arena *a, struct gh_str bytes, struct gh__yaml **ret_root,
		  struct gh__yaml_mistake *ret_mistake);

/* The value of a name, or NULL; `map` may be anything, and NULL. */
struct gh__yaml *gh__yaml_get(const struct gh__yaml *map, struct gh_str name);
/* Nothing was written: `name:` and the end of the line. */
bool gh__yaml_is_empty(const struct gh__yaml *v);
/* Of the same kind with the same texts; how they are written does not matter. Either may be NULL. */
bool gh__yaml_same(const struct gh__yaml *a, const struct gh__yaml *b);

#endif
