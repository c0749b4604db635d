/*
 * Where lines of the access log go: stdout or a file, which rolls by size and opens again. One a
 * process, shared by all workers; its lock is held for one write a turn of a loop.
 *
 * A line is written whole or lost and counted; where a write ends within one, its rest goes first
 * the next time. What nobody reads (a pipe that is full) holds no loop up.
 */
#ifndef GATEHOUSE_CORE_ROUTE_ACCESS_SINK_H
#define GATEHOUSE_CORE_ROUTE_ACCESS_SINK_H

#include "core/route/access.h"

enum gh__access_form { GH__ACCESS_OFF, GH__ACCESS_JSON, GH__ACCESS_COMBINED };

/* What workers write at the moment. Any thread. */
enum gh__access_form gh__access_sink_form(const struct gh__access_sink *sink);
/* Whole lines. Any thread. */
void gh__access_sink_write(struct gh__access_sink *sink, const char *lines, size_t len);

#endif
