/*
 * Options: one row binds a field of a struct to a key in gateway.yaml, checks its range, gives its
 * default as YAML text, and documents it. docs/modules.md, the JSON Schema for editors and
 * `gatehouse modules NAME` come from these rows and from nothing else.
 *
 * Tables are constant. What is bound lives in the generation's memory: strings are terminated and
 * stay until the last request of that generation is done.
 */
#ifndef GATEHOUSE_OPTION_H
#define GATEHOUSE_OPTION_H

#include <gatehouse/base.h>

/* The C type of a field is the type of its option. */
struct gh_duration {
	int64_t ms;
}; /* 250ms, 10s, 5m, 2h, 1d; 0 as `0s` or `0` */
struct gh_size {
	int64_t bytes;
}; /* 512, 64k, 10M, 2G: powers of 1024 */
struct gh_count {
	int64_t n;
}; /* 100, 100k, 2M, 1G: powers of 1000 */
struct gh_choice {
	int index;
}; /* place in the row's `choices` */

/* A list of scalars. A single scalar in YAML is a list of one. */
struct gh_strings {
	const struct gh_str *items;
	size_t count;
};

/* A mapping of scalars, in the order of the file. Keys are unique. */
struct gh_pair {
	struct gh_str key, value;
};
struct gh_pairs {
	const struct gh_pair *items;
	size_t count;
};

/* A list of mappings, each bound by the row's `fields` to a struct of `item_size` bytes. A single
 * mapping in YAML is a list of one. */
struct gh_objects {
	const void *items;
	size_t count;
};

/* A mapping NAME -> mapping, each value bound by `fields` to a struct of `item_size` bytes whose
 * first member must be `struct gh_str name`. */
struct gh_named {
	const void *items;
	size_t count;
};

/* One or more addresses of a server (http://HOST[:PORT], unix:/PATH), or the name of an entry of
 * `upstreams:`. Bound by core; modules hand it to gh_proxy() and gh_call(). */
struct gh_upstream;
struct gh_upstream_ref {
	struct gh_upstream *upstream;
};

enum gh_option_type {
	GH_TYPE_BOOL,
	GH_TYPE_INT,
	GH_TYPE_STRING,
	GH_TYPE_DURATION,
	GH_TYPE_SIZE,
	GH_TYPE_COUNT,
	GH_TYPE_CHOICE,
	GH_TYPE_STRINGS,
	GH_TYPE_PAIRS,
	GH_TYPE_OBJECT,
	GH_TYPE_OBJECTS,
	GH_TYPE_NAMED,
	GH_TYPE_UPSTREAM,
};

enum gh_option_flag {
	GH_REQUIRED = 1, /* must be in the file; `fallback` is then unused */
	GH_SECRET = 2,   /* value hidden in `GET /config` and never quoted; in PAIRS, the values */
	GH_SHORT = 4,    /* of one row in a table: a value that stands in place of the whole mapping
	                  * is this option's, as in `listen: 127.0.0.1:8080` for
	                  * `listen: { address: 127.0.0.1:8080 }` */
};

struct gh_option {
	const char *name;
	enum gh_option_type type;
	size_t offset;
	const char *fallback; /* the default, as YAML text; NULL leaves the field zero */
	const char *doc;      /* one or two sentences, Markdown; ends in a full stop */
	int64_t min, max;     /* INT, COUNT: value; DURATION: ms; SIZE: bytes; STRING: length; lists
	                       * and maps: count. Both 0: no range. */
	const char *const *choices;     /* CHOICE: names, ends with NULL */
	const struct gh_option *fields; /* OBJECT, OBJECTS, NAMED */
	size_t item_size;               /* OBJECTS, NAMED */
	unsigned flags;                 /* enum gh_option_flag */
	/* NULL, or a check beyond the range: 0, or -1 with a sentence in `why` (of `size` bytes) that
	 * names what is wrong and its mend. Called for STRING and each item of STRINGS, and for each
	 * value of PAIRS. */
	int (*check)(struct gh_str value, char *why, size_t size);
};

#define GH_OPTION_TYPE(field) \
	_Generic((field), bool \
		 : GH_TYPE_BOOL, int64_t \
		 : GH_TYPE_INT, struct gh_str \
		 : GH_TYPE_STRING, struct gh_duration \
		 : GH_TYPE_DURATION, struct gh_size \
		 : GH_TYPE_SIZE, struct gh_count \
		 : GH_TYPE_COUNT, struct gh_choice \
		 : GH_TYPE_CHOICE, struct gh_strings \
		 : GH_TYPE_STRINGS, struct gh_pairs \
		 : GH_TYPE_PAIRS, struct gh_objects \
		 : GH_TYPE_OBJECTS, struct gh_named \
		 : GH_TYPE_NAMED, struct gh_upstream_ref \
		 : GH_TYPE_UPSTREAM, default \
		 : GH_TYPE_OBJECT)

/* One row: the struct, its field (also the key in YAML), the default as YAML text, the doc, and
 * further members of struct gh_option by name, such as `.min = 1, .max = 10`. */
#define GH_OPTION(type_, field_, fallback_, doc_, ...) \
	{ \
		.name = #field_, .type = GH_OPTION_TYPE(((type_ *)0)->field_), \
		.offset = offsetof(type_, field_), .fallback = fallback_, .doc = doc_, __VA_ARGS__ \
	}
#define GH_OPTIONS_END \
	{ \
		.name = NULL \
	}

#endif
