/*
 * Doors by what the config says of an address. Main thread.
 */
#ifndef GATEHOUSE_CORE_SERVER_DOORS_H
#define GATEHOUSE_CORE_SERVER_DOORS_H

#include "core/config/config.h"
#include "core/net/door.h"

/* Whether a door is as this entry asks for, but for what is on its shelf. */
bool gh__door_fits(const struct gh__door *d, const struct gh__listen_config *c);
/* One that is; it shares the shelf of `before`, where both have TLS. `before` may be NULL. */
struct gh__door *gh__door_make(const struct gh__listen_config *c, const struct gh__door *before);

#endif
