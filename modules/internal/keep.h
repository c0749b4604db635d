/*
 * The folder that `internal` keeps its files in: small texts, each written whole or not at all. Any one
 * thread.
 */
#ifndef GATEHOUSE_INTERNAL_KEEP_H
#define GATEHOUSE_INTERNAL_KEEP_H

#include <gatehouse/base.h>
#include <sys/types.h>

/* A terminated text of less than `size` bytes. 0, -ENOENT, or another negative errno; -EPERM: others
 * can read what `mode` of 0600 should keep from them. */
int internal_read(const char *folder, const char *name, mode_t mode, char *to, size_t size);
/* Takes the place of what is there. 0 or a negative errno. */
int internal_write(const char *folder, const char *name, mode_t mode, const char *text);

#endif
