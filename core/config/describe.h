/*
 * What the two kinds of documents about option tables share: Markdown and the JSON Schema. Pure.
 */
#ifndef GATEHOUSE_CORE_CONFIG_DESCRIBE_H
#define GATEHOUSE_CORE_CONFIG_DESCRIBE_H

#include "core/config/bind.h"
#include "core/config/text.h"

/* What a value of this row looks like, in a word or two: `duration`, `list of texts`. */
const char *gh__type_name(const struct gh_option *row);

#endif
