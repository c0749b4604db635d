/*
 * What a line of the access log says, and the line itself. Pure; on the way of every request, so it
 * is put together by hand and no part of it needs memory.
 */
#ifndef GATEHOUSE_CORE_ROUTE_ACCESS_LINE_H
#define GATEHOUSE_CORE_ROUTE_ACCESS_LINE_H

#include "core/config/config.h"

/* No line is longer: a pipe takes as many bytes whole or not at all. */
enum { GH__ACCESS_LINE = 4096 };

struct gh__access_entry {
	int64_t wall_ms; /* since 1970 */
	struct gh_str id, client, caller, method, host, path, upstream, route;
	struct gh_str model;                 /* what was asked for; JSON only */
	int64_t input_tokens, output_tokens; /* with a model; -1: not known */
	struct gh_str referer, agent;        /* combined form only */
	const char
		*reason; /* not NULL: a head that was refused; then only client and status count */
	unsigned protocol; /* 10, 11, 20 */
	int status;
	uint64_t sent, received;
	uint64_t duration, first_byte; /* ns; first_byte 0: none */
	enum { GH__ACCESS_WHOLE, GH__ACCESS_CUT } end;
};

/* The date of one second, so that it is made once a second. Zeroed to begin; one thread. */
struct gh__access_clock {
	int64_t second;
	char json[19];     /* 2026-11-22T10:00:00 */
	char combined[26]; /* 22/Nov/2026:10:00:00 +0000 */
};

/* One line with its end. Returns its length. */
size_t gh__access_line(char to[GH__ACCESS_LINE], struct gh__access_clock *clock,
		       enum gh__log_format format, const struct gh__access_entry *e);

#endif
