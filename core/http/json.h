/* What core has beyond <gatehouse/json.h>: strings into an arena. Pure. */
#ifndef GATEHOUSE_CORE_HTTP_JSON_H
#define GATEHOUSE_CORE_HTTP_JSON_H

#include <gatehouse/json.h>

#include "core/base/arena.h"

/* The characters of a string, unescaped: a terminated copy. -1: no string, or a NUL is in it. */
int gh__json_string(struct gh__arena *a, struct gh_json v, struct gh_str *ret_text);

#endif
