/*
 * The book: all users and keys that one instance knows, from its options and its credentials file.
 * Filled by one thread, sealed, and read-only after, from any thread. It owns all it holds.
 */
#ifndef GATEHOUSE_BASIC_AUTH_BOOK_H
#define GATEHOUSE_BASIC_AUTH_BOOK_H

#include "bound.h"
#include "hash.h"
#include "recent.h"
#include "secret.h"

struct basic_auth_user {
	char *name;
	size_t len;
	unsigned line; /* in the credentials file; 0: from the options */
	struct basic_auth_hash hash;
	struct basic_auth_digest
		id; /* of the name and the stored hash: another one after a change */
	struct basic_auth_bound *bound; /* NULL: to nothing */
};

struct basic_auth_key {
	char *name;
	size_t len;
	unsigned line;
	struct basic_auth_digest digest;
	struct basic_auth_bound *bound; /* NULL: to nothing */
};

struct basic_auth_book {
	struct basic_auth_user *users; /* by name */
	struct basic_auth_key *keys;   /* by digest */
	size_t user_count, key_count, user_room, key_room;
	struct basic_auth_book *next; /* for whoever keeps books in a list */
};

struct basic_auth_book *basic_auth_book_create(void);
void basic_auth_book_destroy(struct basic_auth_book *book); /* takes NULL */

/* 0, or -1 with a sentence in `why`, the mend in it. Nothing secret is repeated there. */
int basic_auth_book_add_user(struct basic_auth_book *book, struct gh_str name, struct gh_str hash,
			     unsigned line, char *why, size_t size);
int basic_auth_book_add_key(struct basic_auth_book *book, struct gh_str name, struct gh_str digest,
			    unsigned line, char *why, size_t size);
/* Binds the user or key that was added last, once; takes `bound` over. */
void basic_auth_book_bind_user(struct basic_auth_book *book, struct basic_auth_bound *bound);
void basic_auth_book_bind_key(struct basic_auth_book *book, struct basic_auth_bound *bound);
/* Sorts, and refuses names and keys that are there twice; `ret_line` is where the second stands. */
int basic_auth_book_seal(struct basic_auth_book *book, unsigned *ret_line, char *why, size_t size);

/* `sha256:` and 64 hexadecimal digits, or the digits alone. */
int basic_auth_key_read(struct gh_str text, struct basic_auth_digest *ret_digest, char *why,
			size_t size);

/* Both NULL when there is none. */
const struct basic_auth_user *basic_auth_book_user(const struct basic_auth_book *book,
						   struct gh_str name);
const struct basic_auth_key *basic_auth_book_key(const struct basic_auth_book *book,
						 struct basic_auth_recent *recent,
						 struct gh_str key);

#endif
