#include "core/net/certificate_sink.h"

#include <stdarg.h>
#include <stdio.h>

#include "core/base/memory.h"

void gh__certificate_sink_init(struct gh_certificate_sink *s, const atomic_bool *stopping)
{
	*s = (struct gh_certificate_sink){ .stopping = stopping };
}

void gh__certificate_sink_finish(struct gh_certificate_sink *s)
{
	for (size_t i = 0; i < s->count; i++)
		gh__certificate_unref(s->items[i]);
	gh__free(s->trouble);
	*s = (struct gh_certificate_sink){ .stopping = s->stopping };
}

int gh_certificate_give(struct gh_certificate_sink *to, struct gh_str chain, struct gh_str key)
{
	struct gh__certificate *c = NULL;
	char why[512];

	if (to->count == GH__CERTIFICATES_MOST)
		snprintf(why, sizeof why, "more than %d certificates", GH__CERTIFICATES_MOST);
	else
		c = gh__certificate_create(chain, key, why, sizeof why);
	if (!c) {
		to->refused++;
		gh_certificate_trouble(to, "%s", why);
		return -1;
	}
	to->items[to->count++] = c;
	if (to->taken)
		to->taken(to->owner, chain, key);
	return 0;
}

void gh_certificate_trouble(struct gh_certificate_sink *to, const char *format, ...)
{
	char text[GH__TROUBLE_MOST];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	gh__free(to->trouble);
	to->trouble = gh__strndup(text, strlen(text));
}

bool gh_certificate_stopping(const struct gh_certificate_sink *to)
{
	return to->stopping && atomic_load_explicit(to->stopping, memory_order_relaxed);
}
