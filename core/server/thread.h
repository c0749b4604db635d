/*
 * Worker threads: each runs its loop, accepts, serves, and ends when the server is done with it.
 */
#ifndef GATEHOUSE_CORE_SERVER_THREAD_H
#define GATEHOUSE_CORE_SERVER_THREAD_H

#include "core/server/server.h"

struct gh__thread *gh__thread_create(struct gh__server *s, unsigned number);
int gh__thread_start(struct gh__thread *t);
/* ---- from the main thread ---- */
void gh__thread_listen(struct gh__thread *t, struct gh__listener *l);
void gh__thread_unlisten(struct gh__thread *t, struct gh__listener *l);
/* New connections come through the listener's door as it is now. */
void gh__thread_change_door(struct gh__thread *t, struct gh__listener *l);
/* Those that came through this door end with their answers. */
void gh__thread_leave_door(struct gh__thread *t, struct gh__door *door);
/* No more accepts; idle connections close, the others with their answers. When all are gone it counts
 * itself in server->drained by a letter. */
void gh__thread_stop(struct gh__thread *t);
/* Open requests are answered or broken off; their connections go once that is told. */
void gh__thread_dismiss(struct gh__thread *t);
void gh__thread_cut(struct gh__thread *t); /* all connections close now */
/* Ends its loop, after all letters that were sent before; then the memory goes. */
void gh__thread_join(struct gh__thread *t);

#endif
