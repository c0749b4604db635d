/*
 * A config as YAML again, whole, with its defaults and without its secrets. Pure.
 */
#ifndef GATEHOUSE_CORE_CONFIG_SHOW_H
#define GATEHOUSE_CORE_CONFIG_SHOW_H

#include "core/config/bind.h"

/* Of a root that was bound without mistakes. */
struct gh_str gh__show(struct gh__bind *b, struct gh__node *root);

#endif
