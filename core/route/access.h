/*
 * The access log: a line a request, put together on its worker and written once a turn of its loop.
 * The sink is the process's: where lines go, shared by all workers; it rolls by size and reopens.
 * Lines are counted and lost, not waited for, when they cannot be written.
 */
#ifndef GATEHOUSE_CORE_ROUTE_ACCESS_H
#define GATEHOUSE_CORE_ROUTE_ACCESS_H

#include "core/route/worker.h"

struct gh__access_sink;

struct gh__access_sink *gh__access_sink_create(void);
void gh__access_sink_destroy(struct gh__access_sink *sink); /* takes NULL */
/* Main thread: at the start and at each reload. */
void gh__access_sink_use(struct gh__access_sink *sink, const struct gh__access_log_config *c);
void gh__access_sink_reopen(struct gh__access_sink *sink);
uint64_t gh__access_sink_lost(const struct gh__access_sink *sink); /* lines, so far; any thread */

/* A worker's buffer of lines. */
struct gh__access_log *gh__access_create(struct gh__access_sink *sink);
void gh__access_destroy(struct gh__access_log *log); /* takes NULL */
void gh__access_flush(struct gh__worker *w);         /* end of a turn */

/* Counts the request in the worker's stats and writes its line. */
void gh__access_write(struct gh__request *r);
void gh__access_refused(struct gh__worker *w, struct gh__conn *c, int status, const char *why);

#endif
