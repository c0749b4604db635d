#include "core/config/text.h"

#include <stdarg.h>
#include <stdio.h>

#include "core/base/memory.h"

static void make_room(struct gh__text *t, size_t more)
{
	GH_CHECK(more < SIZE_MAX / 4 && t->len < SIZE_MAX / 4);
	if (t->room - t->len > more)
		return;
	t->room = (t->len + more + 1) * 2;
	t->at = gh__realloc(t->at, t->room);
}

void gh__text_put(struct gh__text *t, struct gh_str s)
{
	make_room(t, s.len);
	if (s.len)
		memcpy(t->at + t->len, s.at, s.len);
	t->len += s.len;
	t->at[t->len] = 0;
}

void gh__text_printf(struct gh__text *t, const char *format, ...)
{
	va_list args, again;

	va_start(args, format);
	va_copy(again, args);
	int need = vsnprintf(NULL, 0, format, args);
	GH_CHECK(need >= 0);
	make_room(t, (size_t)need);
	vsnprintf(t->at + t->len, t->room - t->len, format, again);
	t->len += (size_t)need;
	va_end(again);
	va_end(args);
}

void gh__text_spaces(struct gh__text *t, size_t count)
{
	while (count-- > 0)
		gh__text_put(t, GH_STR(" "));
}

struct gh_str gh__text_finish(struct gh__text *t, struct gh__arena *a)
{
	struct gh_str s = gh__arena_copy(a, (struct gh_str){ t->at, t->len });

	gh__free(t->at);
	*t = (struct gh__text){ 0 };
	return s;
}
