/*
 * What the process says of itself: lines on stderr, each written whole, or lost where nobody reads. Any
 * thread; never waits. The access log is another thing and has a file of its own.
 */
#ifndef GATEHOUSE_CORE_BASE_LOG_H
#define GATEHOUSE_CORE_BASE_LOG_H

#include <stdarg.h>

#include <gatehouse/module.h>

/* `2026-11-22T10:00:00.123Z warn …`; control bytes are escaped; at most 2 KiB. */
void gh__log(enum gh_level level, const char *format, ...) GH_PRINTF(2, 3);

#endif
