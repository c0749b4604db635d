/*
 * Tells systemd that all is well, as often as it wants to hear it, but only after every worker has
 * answered a letter: one that hangs is found, and the process started anew. Main thread.
 */
#ifndef GATEHOUSE_CORE_SERVER_WATCHDOG_H
#define GATEHOUSE_CORE_SERVER_WATCHDOG_H

#include "core/server/server.h"

struct gh__watchdog;

/* Begins, once the workers run. NULL: nobody wants to hear. */
struct gh__watchdog *gh__watchdog_start(struct gh__server *s);
/* No more letters are sent; those on their way still need it. Takes NULL, and so does the next. */
void gh__watchdog_stop(struct gh__watchdog *w);
/* After the workers and the main loop have ended. */
void gh__watchdog_destroy(struct gh__watchdog *w);

#endif
