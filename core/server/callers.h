/*
 * What the admin address does about callers at once: makes modules read their credentials anew, and
 * ends a caller's open requests. Main thread.
 */
#ifndef GATEHOUSE_CORE_SERVER_CALLERS_H
#define GATEHOUSE_CORE_SERVER_CALLERS_H

#include "core/server/server.h"

/* Every module of the current generation reads anew what it reads without a reload; requests that come
 * from now on go by that. NULL, or what is wrong as text, a line each, for gh__free(). */
char *gh__server_refresh(struct gh__server *s);

/* Ends the open requests of this caller on all workers, and waits until that is done. How many. */
unsigned gh__server_cut(struct gh__server *s, struct gh_str caller);

#endif
