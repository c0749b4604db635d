/*
 * The shelf: where an instance keeps its book. When the credentials file changes a new book takes
 * the old one's place whole; workers read the book without a lock, and an old one is freed once no
 * worker has it open. One an instance, from provision to cleanup.
 */
#ifndef GATEHOUSE_BASIC_AUTH_SHELF_H
#define GATEHOUSE_BASIC_AUTH_SHELF_H

#include <pthread.h>
#include <stdatomic.h>

#include "book.h"
#include "file.h"

enum { BASIC_AUTH_LOOK_MS = 1000 };

/* A worker's place at the shelf: the book that it has open. Made at the worker's first visit; the
 * shelf's from then on, since a worker may be done with a generation before the others are. */
struct basic_auth_reader {
	_Atomic(struct basic_auth_book *) open;
	struct basic_auth_reader *next;
};

struct basic_auth_shelf {
	_Atomic(struct basic_auth_book *) book;
	_Atomic(struct basic_auth_reader *) readers;
	_Atomic int64_t look_at; /* when a request looks at the file next */
	const char *path;        /* NULL: no file */
	/* What every book begins with: the options' users and keys. Returns 0 or -1. */
	int (*begin)(const void *arg, struct basic_auth_book *book, char *why, size_t size);
	const void *begin_arg;
	pthread_mutex_t lock; /* of all below, and of the change of books */
	struct basic_auth_version version;
	struct basic_auth_book *retired;
};

/* Set path, begin and begin_arg before. Reads the first book; 0, or -1 with `why`. Finish follows
 * in both cases. */
int basic_auth_shelf_init(struct basic_auth_shelf *shelf, char *why, size_t size);
void basic_auth_shelf_finish(struct basic_auth_shelf *shelf);

/* The book, to be given back by close before the worker does anything else. `place` is the
 * worker's, NULL at first. */
const struct basic_auth_book *basic_auth_shelf_open(struct basic_auth_shelf *shelf,
						    struct basic_auth_reader **place);
void basic_auth_shelf_close(struct basic_auth_reader *reader);

/* Has the file changed? Looks at most once a second, and tells one caller alone. Does not block. */
bool basic_auth_shelf_changed(struct basic_auth_shelf *shelf, int64_t now_ms);
/* Reads the file anew. 0, or -1 with `why`, and the old book stays. Blocks. */
int basic_auth_shelf_renew(struct basic_auth_shelf *shelf, char *why, size_t size);

#endif
