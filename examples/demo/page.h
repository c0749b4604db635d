/*
 * The files of the chat page, which are part of the program. Constant.
 */
#ifndef DEMO_PAGE_H
#define DEMO_PAGE_H

#include <stddef.h>

struct demo_page {
	const char *path;
	const char *type;
	const char *start, *end;
};

/* NULL when no file of the page has this path. */
const struct demo_page *demo_page_find(const char *path);

#endif
