/*
 * How many connections each address has open, when that is limited. Of the process; any thread.
 */
#ifndef GATEHOUSE_CORE_SERVER_PEERS_H
#define GATEHOUSE_CORE_SERVER_PEERS_H

#include <gatehouse/request.h>

struct gh__peers;

struct gh__peers *gh__peers_create(void);
void gh__peers_destroy(struct gh__peers *p);
/* Counts one more, or false: it has `limit` already. 0: no limit. Unix sockets are never limited. */
bool gh__peers_enter(struct gh__peers *p, const struct gh_address *peer, size_t limit);
void gh__peers_leave(struct gh__peers *p, const struct gh_address *peer);

#endif
