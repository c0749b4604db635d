/*
 * JSON, read where it stands: gh_json_parse() judges the whole once, and what the others give are slices
 * of the same bytes. No tree and no memory of its own, so the bytes must outlive every value. Values are
 * plain and may be used from any thread.
 *
 * Judged by RFC 8259 and nothing looser: UTF-8 without a mark before it, no control bytes in strings,
 * no surrogate alone, no comma too many, nothing but white space behind the value.
 */
#ifndef GATEHOUSE_JSON_H
#define GATEHOUSE_JSON_H

#include <gatehouse/base.h>

enum { GH_JSON_DEPTH_MAX = 64 }; /* of arrays and objects in each other; more is an error */

enum gh_json_type {
	GH_JSON_NONE, /* of a zeroed struct gh_json: there is no value */
	GH_JSON_NULL,
	GH_JSON_BOOL,
	GH_JSON_NUMBER,
	GH_JSON_STRING,
	GH_JSON_ARRAY,
	GH_JSON_OBJECT,
};

/* One value: exactly its bytes, with the quotes of a string. Only what came from the functions here, or
 * zeroes, which have no members and no elements: so look-ups can follow each other unchecked. */
struct gh_json {
	struct gh_str text;
};

struct gh_json_error {
	size_t offset;       /* of the first byte that is wrong */
	size_t line, column; /* both from 1; columns are characters */
	const char *what;    /* a constant sentence without a full stop */
};

/* 0, or -1 with `*ret_error`, which may be NULL. */
int gh_json_parse(struct gh_str bytes, struct gh_json *ret_value, struct gh_json_error *ret_error);
/* The same, and calls `take` for each member of the root object on the way, in their order: for a large text
 * of which a few members count. When it is called the member is judged, and what follows is not. */
typedef void gh_json_take(void *arg, struct gh_json name, struct gh_json value);
int gh_json_parse_members(struct gh_str bytes, gh_json_take *take, void *arg,
			  struct gh_json *ret_value, struct gh_json_error *ret_error);
/* The same for what only the caller finds wrong: `offset` is where in `bytes`, `what` a constant. */
struct gh_json_error gh_json_error_at(struct gh_str bytes, size_t offset, const char *what);

enum gh_json_type gh_json_type(struct gh_json v);

/*
 * The member of an object by its name, however that is escaped there. Returns how many members have
 * that name, so that 0 is none (also when `v` is no object), and more than 1 is a text that two readers
 * may understand differently. `*ret_value` is the last of them, which is what most readers take; it may
 * be NULL. It reads on to the object's end: use gh_json_next() where many names are asked for.
 */
size_t gh_json_get(struct gh_json v, struct gh_str name, struct gh_json *ret_value);

/*
 * Elements or members in their order:
 *
 *	struct gh_json_iterator it = gh_json_each(v);
 *	while (gh_json_next(&it, &name, &value)) …
 *
 * The name is a string's value; NULL for who does not want it. That of an array's element is zeroed.
 * What is neither array nor object has nothing in it.
 */
struct gh_json_iterator {
	struct gh_str rest;
	enum gh_json_type of;
};
struct gh_json_iterator gh_json_each(struct gh_json v);
bool gh_json_next(struct gh_json_iterator *it, struct gh_json *ret_name, struct gh_json *ret_value);

/* Whether `v` is a string of just this text, however it is escaped. */
bool gh_json_is(struct gh_json v, struct gh_str text);
/* The characters of a string without escapes, where they stand. False: no string, or it has some. */
bool gh_json_plain(struct gh_json v, struct gh_str *ret_text);
/* The characters of a string, unescaped, not terminated: `v.text.len` bytes are always room enough, for
 * a terminator too. A NUL may be among them. -1: no string, or no room. */
int gh_json_string(struct gh_json v, char *to, size_t size, size_t *ret_len);

/* A number that is written as an integer (no `1.0`, no `1e3`) and fits. Else -1. */
int gh_json_int(struct gh_json v, int64_t *ret_number);
/* -1: neither `true` nor `false`. */
int gh_json_bool(struct gh_json v, bool *ret_bool);

#endif
