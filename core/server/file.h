/*
 * Reading a small file whole. Any thread.
 */
#ifndef GATEHOUSE_CORE_SERVER_FILE_H
#define GATEHOUSE_CORE_SERVER_FILE_H

#include <gatehouse/base.h>

/* 0 and its bytes for gh__free(), or an errno; EFBIG when there are more than `max`. */
int gh__file_read(const char *path, size_t max, struct gh_str *ret_bytes);

#endif
