/*
 * The credentials file: YAML with two mappings, `users:` and `keys:`. Read whole into a book, on
 * the main thread at provision and on a pool thread when it has changed. Blocks.
 */
#ifndef GATEHOUSE_BASIC_AUTH_FILE_H
#define GATEHOUSE_BASIC_AUTH_FILE_H

#include <time.h>

#include "book.h"

enum { BASIC_AUTH_FILE_MAX = 4 << 20 };

/* What tells one state of a file from another. All zero: there is no file. */
struct basic_auth_version {
	uint64_t device, inode;
	int64_t size;
	struct timespec changed, modified;
};

/* Cheap: one stat(). */
void basic_auth_version_get(const char *path, struct basic_auth_version *ret_version);
bool basic_auth_version_same(const struct basic_auth_version *a,
			     const struct basic_auth_version *b);

/* Adds what the file says to `book`. 0, or -1 with PATH:LINE:COLUMN, what is wrong and its mend in
 * `why`. `ret_version` is the state that was read, also when it was refused. */
int basic_auth_file_read(const char *path, struct basic_auth_book *book,
			 struct basic_auth_version *ret_version, char *why, size_t size);

/* The same for bytes; `path` is for messages. */
int basic_auth_file_parse(const char *path, struct gh_str bytes, struct basic_auth_book *book,
			  char *why, size_t size);

#endif
