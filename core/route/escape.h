/*
 * Bytes of strangers, made fit for a line of a log. Pure.
 */
#ifndef GATEHOUSE_CORE_ROUTE_ESCAPE_H
#define GATEHOUSE_CORE_ROUTE_ESCAPE_H

#include <gatehouse/base.h>

/* Both write at most `room` bytes, cut between characters where there are more, and return how
 * many. */

/* What is no visible ASCII, and `"` and `\`, as \xHH; spaces stay. */
size_t gh__escape_hex(char *to, size_t room, struct gh_str s);
/* The inside of a JSON string. */
size_t gh__escape_json(char *to, size_t room, struct gh_str s);

#endif
