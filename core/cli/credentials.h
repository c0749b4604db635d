/*
 * The bytes of a credentials file: its entries, and the same bytes with one entry more or less.
 * Comments and all that has nothing to do with the entry stay as they are: what comes out is read again
 * and compared, and what does not come out right is refused. Pure; one thread.
 */
#ifndef GATEHOUSE_CORE_CLI_CREDENTIALS_H
#define GATEHOUSE_CORE_CLI_CREDENTIALS_H

#include "core/cli/yaml_bytes.h"

enum gh__credential_kind { GH__CREDENTIAL_USER, GH__CREDENTIAL_KEY };

struct gh__credential {
	enum gh__credential_kind kind;
	struct gh_str name;
	size_t line;
	const struct gh__yaml *value; /* a text, or a map that binds it */
};

struct gh__credentials {
	struct gh_str path, bytes; /* the caller's */
	struct gh__yaml *root;
	struct gh__credential *items; /* in the file's order */
	size_t count;
};

enum { GH__CREDENTIALS_WHY = 600 };

/* 0, or -1 and a sentence with its place in `why`. */
int gh__credentials_read(struct gh__arena *a, struct gh_str path, struct gh_str bytes,
			 struct gh__credentials *ret_credentials, char why[GH__CREDENTIALS_WHY]);
/* NULL: there is none. */
const struct gh__credential *gh__credentials_find(const struct gh__credentials *c,
						  enum gh__credential_kind kind,
						  struct gh_str name);

/* The bytes without the entry, in `a`. 0, or -1 and a sentence that says what to do by hand. */
int gh__credentials_without(struct gh__arena *a, const struct gh__credentials *c,
			    const struct gh__credential *entry, struct gh_str *ret_bytes,
			    char why[GH__CREDENTIALS_WHY]);

/* A key for gh__credentials_with(): texts as they stand in YAML. */
struct gh__new_key {
	struct gh_str name, key; /* in quotes where they need them */
	struct gh_str models;    /* `[a, b]`; this and what follows may be empty */
	struct gh_str expires, priority;
	const struct gh_str *limits; /* each `{ … }` */
	size_t limit_count;
};
/* Its lines below `indent` spaces; `newline` ends each. */
struct gh_str gh__new_key_lines(struct gh__arena *a, const struct gh__new_key *key, size_t indent,
				const char *newline);
/* The bytes with a key more, in `a`; the same. `key->name` is none that is there. */
int gh__credentials_with(struct gh__arena *a, const struct gh__credentials *c,
			 const struct gh__new_key *key, struct gh_str *ret_bytes,
			 char why[GH__CREDENTIALS_WHY]);

#endif
