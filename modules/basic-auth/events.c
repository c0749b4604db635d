#include "events.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void basic_auth_events_begin(struct basic_auth_events *e, struct gh_str bytes)
{
	if (yaml_parser_initialize(&e->yaml) != 1)
		abort();
	yaml_parser_set_encoding(&e->yaml, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(
		&e->yaml, (const unsigned char *)(bytes.len > 0 ? bytes.at : ""), bytes.len);
}

void basic_auth_events_end(struct basic_auth_events *e)
{
	yaml_parser_delete(&e->yaml);
}

int basic_auth_events_wrong(const struct basic_auth_events *e, yaml_mark_t at, const char *format,
			    ...)
{
	char what[400];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	snprintf(e->why, e->size, "%s:%zu:%zu: %s", e->path, at.line + 1, at.column + 1, what);
	return -1;
}

int basic_auth_events_next(struct basic_auth_events *e, yaml_event_t *ret_event)
{
	if (yaml_parser_parse(&e->yaml, ret_event) == 1)
		return 0;
	/* libyaml tells no mark of what is no UTF-8, and its problem may quote nothing secret: it
	 * has fixed texts alone. */
	return basic_auth_events_wrong(
		e, e->yaml.problem_mark, "%s; quote values that have special characters",
		e->yaml.problem != NULL ? e->yaml.problem : "this is no YAML");
}

struct gh_str basic_auth_event_text(const yaml_event_t *event)
{
	return (struct gh_str){ (const char *)event->data.scalar.value, event->data.scalar.length };
}

bool basic_auth_event_is_empty(const yaml_event_t *event)
{
	return event->type == YAML_SCALAR_EVENT && event->data.scalar.length == 0 &&
	       event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}
