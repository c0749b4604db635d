/*
 * A small file that is read, changed and put in place of what it was, whole or not at all. While it is
 * open nobody else who goes through here changes it. Blocks; one thread.
 */
#ifndef GATEHOUSE_CORE_CLI_REPLACE_H
#define GATEHOUSE_CORE_CLI_REPLACE_H

#include <sys/stat.h>

#include <gatehouse/base.h>

enum { GH__REPLACE_WHY = 600 };

struct gh__replace {
	char *path; /* of the file itself: symbolic links are followed */
	int fd;     /* locked; -1: there is no file yet */
	struct stat before;
	struct gh_str bytes; /* of it */
};

enum gh__replace_missing { GH__MISSING_IS_WRONG, GH__MISSING_IS_EMPTY };

/* 0, or -1 and a sentence; gh__replace_close() follows in both cases. */
int gh__replace_open(struct gh__replace *r, const char *path, enum gh__replace_missing missing,
		     char why[GH__REPLACE_WHY]);
/* The new bytes take the place of the old, with the same mode and owner, and are on the disk when this
 * returns. A new file is for its owner alone. 0, or -1 and a sentence; then nothing has changed. */
int gh__replace_put(struct gh__replace *r, struct gh_str bytes, char why[GH__REPLACE_WHY]);
void gh__replace_close(struct gh__replace *r);

#endif
