/*
 * Which characters of a config no message may quote, since they are a secret or may be one. Run
 * once a reading, when all mistakes are known. Main thread.
 */
#ifndef GATEHOUSE_CORE_CONFIG_HIDE_H
#define GATEHOUSE_CORE_CONFIG_HIDE_H

#include "core/config/node.h"

/* After the tree was bound: whatever no option took that is open. */
void gh__hide_unbound(const struct gh__tree *t, struct gh__mistakes *m);
/* Where there is no tree, as after a syntax error: whatever does not stand under the name of an
 * option that is open. */
void gh__hide_by_name(const struct gh_module *const *modules, struct gh__mistakes *m);

#endif
