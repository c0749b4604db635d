/*
 * A text that grows: for documents whose length nobody knows beforehand. Owned by whoever writes
 * it; one thread. Always terminated once something was put in.
 */
#ifndef GATEHOUSE_CORE_CONFIG_TEXT_H
#define GATEHOUSE_CORE_CONFIG_TEXT_H

#include "core/base/arena.h"

struct gh__text {
	char *at;
	size_t len, room;
};

void gh__text_put(struct gh__text *t, struct gh_str s);
void gh__text_printf(struct gh__text *t, const char *format, ...) GH_PRINTF(2, 3);
void gh__text_spaces(struct gh__text *t, size_t count);
/* The text as a terminated string in `a`; the text is empty and without memory after. */
struct gh_str gh__text_finish(struct gh__text *t, struct gh__arena *a);

#endif
