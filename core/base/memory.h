/*
 * Memory that is always there, and checks that are always on. Any thread.
 * Out of memory ends the process with a clear line: every size that a client can drive has a limit
 * which is checked first, so this is the machine's state and not an answer to anyone's bytes.
 */
#ifndef GATEHOUSE_CORE_BASE_MEMORY_H
#define GATEHOUSE_CORE_BASE_MEMORY_H

#include <stddef.h>

void *gh__alloc(size_t size);  /* not zeroed */
void *gh__zalloc(size_t size); /* zeroed */
void *gh__realloc(void *old, size_t size);
char *gh__strndup(const char *s, size_t len); /* terminated */
void gh__free(void *p);                       /* takes NULL */
void gh__wipe(void *p, size_t size);          /* zeroes, and is not optimised away */

/* For programmers' errors only; it never judges bytes from a network or a file. */
#define GH_CHECK(condition) \
	((condition) ? (void)0 : gh__check_failed(#condition, __FILE__, __LINE__))
_Noreturn void gh__check_failed(const char *condition, const char *file, int line);

#endif
