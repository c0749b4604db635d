/*
 * Pieces of /metrics, in the text form of Prometheus. For the files that write it.
 */
#ifndef GATEHOUSE_CORE_SERVER_METRICS_TEXT_H
#define GATEHOUSE_CORE_SERVER_METRICS_TEXT_H

#include "core/config/text.h"

struct gh__server;

static inline void put_head(struct gh__text *t, const char *name, const char *type,
			    const char *help)
{
	gh__text_printf(t, "# HELP gatehouse_%s %s\n# TYPE gatehouse_%s %s\n", name, help, name,
			type);
}

static inline void put_one(struct gh__text *t, const char *name, const char *type, uint64_t value,
			   const char *help)
{
	put_head(t, name, type, help);
	gh__text_printf(t, "gatehouse_%s %llu\n", name, (unsigned long long)value);
}

/* A label's value: backslash, quote and line feed are escaped. */
static inline void put_label(struct gh__text *t, const char *name, struct gh_str value)
{
	gh__text_printf(t, "%s=\"", name);
	for (size_t i = 0; i < value.len; i++) {
		char c = value.at[i];
		if (c == '\n')
			gh__text_put(t, GH_STR("\\n"));
		else if (c == '"' || c == '\\')
			gh__text_printf(t, "\\%c", c);
		else
			gh__text_put(t, (struct gh_str){ &c, 1 });
	}
	gh__text_put(t, GH_STR("\""));
}

/* What models used, in metrics_models.c. */
void gh__metrics_models(struct gh__text *t, const struct gh__server *s);

#endif
