/*
 * Objects that instances share and that survive reloads: one a module, key and size, counted. Main
 * thread; what is inside an object locks itself.
 */
#ifndef GATEHOUSE_CORE_ROUTE_SHARE_H
#define GATEHOUSE_CORE_ROUTE_SHARE_H

#include <gatehouse/module.h>

#include "core/base/list.h"

struct gh__shares;
struct gh__share;

struct gh__shares *gh__shares_create(void);
void gh__shares_destroy(struct gh__shares *shares); /* all must have been let go */
/* One reference more, listed in `holder` until gh__share_release(). */
void *gh__share_get(struct gh__shares *shares, const struct gh_module *m, struct gh_str key,
		    const struct gh_shared_type *type, struct gh__list *holder);
void gh__share_release(struct gh__shares *shares, struct gh__list *holder); /* all of a holder's */

#endif
