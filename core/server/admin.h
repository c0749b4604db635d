/*
 * The admin listener: /metrics, /healthz, /status, /config with secrets hidden, POST /reload,
 * /validate, /refresh and /cut. On the main thread's loop, through the same HTTP/1 as everything else. A unix
 * socket of mode 0600 by default; on loopback only if asked for, and then Host and Origin are
 * checked.
 */
#ifndef GATEHOUSE_CORE_SERVER_ADMIN_H
#define GATEHOUSE_CORE_SERVER_ADMIN_H

#include "core/server/server.h"

struct gh__mistakes;
struct gh__admin;

struct gh__admin *gh__admin_create(struct gh__server *s);
void gh__admin_destroy(struct gh__admin *a); /* after gh__admin_close(), if it was used */
/* Opens its socket, before privileges are dropped to `user`, to whom its file is given. 0, or -1 and
 * a mistake. `off`: nothing. */
int gh__admin_bind(struct gh__admin *a, const struct gh__admin_config *c, struct gh_str user,
		   struct gh__mistakes *mistakes);
/* Begins to serve; after a reload, moves to another address if the config says so. */
void gh__admin_use(struct gh__admin *a, const struct gh__admin_config *c);
/* Closes its sockets and its connections; turns the loop until they are. */
void gh__admin_close(struct gh__admin *a);

#endif
