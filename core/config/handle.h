/*
 * Routes: the chain of modules that each names, and which of them are never reached. The sources of
 * certificates of a listener are such a list, too. Main thread.
 */
#ifndef GATEHOUSE_CORE_CONFIG_HANDLE_H
#define GATEHOUSE_CORE_CONFIG_HANDLE_H

#include "core/config/bind.h"
#include "core/config/gateway.h"

struct gh__route_written {
	struct gh_str name;
	struct gh__match_config match;
	struct gh__handlers handle;
	struct gh_size max_body;
};

/* Makes the routes of what was bound; `node` is that of `routes:`, or NULL. */
void gh__routes_finish(struct gh__bind *b, const struct gh__gateway *g, struct gh__node *node,
		       struct gh__config *c);
/* The module of an item of `handle:` or `tls:` and its options (NULL: none); NULL when there is no such. */
const struct gh_module *gh__handler_module(const struct gh__bind *b, struct gh__node *item,
					   struct gh__node **ret_options);

#endif
