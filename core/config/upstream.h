/*
 * Upstreams of a config: the entries of `upstreams:` and those that an address alone makes. Main
 * thread, while the config is read.
 */
#ifndef GATEHOUSE_CORE_CONFIG_UPSTREAM_H
#define GATEHOUSE_CORE_CONFIG_UPSTREAM_H

#include "core/config/bind.h"
#include "core/config/gateway.h"

/* Takes the addresses of all apart and gathers them; `node` is that of `upstreams:`, or NULL. */
void gh__upstream_book_finish(struct gh__bind *b, const struct gh__gateway *g,
			      struct gh__node *node, struct gh__config *c);

#endif
