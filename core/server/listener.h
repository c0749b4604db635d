/*
 * Listening sockets. They belong to the process: opened once on the main thread, shared by all
 * workers, kept over reloads as long as the config names them, also those that systemd handed over.
 * Each worker polls all of them; its polls are its own thread's.
 */
#ifndef GATEHOUSE_CORE_SERVER_LISTENER_H
#define GATEHOUSE_CORE_SERVER_LISTENER_H

#include <stdatomic.h>

#include "core/config/config.h"
#include "core/net/conn.h"

struct gh__listener {
	struct gh__list link;
	struct gh__door *door;     /* for new connections; the main thread's reference */
	struct gh__door **earlier; /* that connections may still have come through */
	size_t earlier_count;
	int fd;
	bool is_unix, inherited;
	char *path;             /* of a unix socket: removed when it closes */
	uint64_t device, inode; /* of that file, so that another's is never removed */
	atomic_uint polls;      /* workers that still poll it */
	bool wanted;            /* by the config that is being taken up */
};

/* Opens the socket, or takes the one of that address that the process was started with. NULL and a
 * sentence in `why` on failure. */
struct gh__listener *gh__listener_open(const struct gh__listen_config *c, char *why, size_t size);
/* Closes the socket and removes its file. No worker may poll it any more. */
void gh__listener_close(struct gh__listener *l);
/* Closes it if that was not done, and frees it. Its connections stay: they have their door. */
void gh__listener_destroy(struct gh__listener *l);
/* Whether it is the one that this entry asks for. */
bool gh__listener_is(const struct gh__listener *l, const struct gh__listen_config *c);
/* Whether the socket may be used as this entry wants: where its word on callers would be believed
 * nobody else may be able to connect. 0, or -1 and a sentence in `why`. */
int gh__listener_check(const struct gh__listener *l, const struct gh__listen_config *c, char *why,
		       size_t size);
/* Takes over a door for the connections that are to come. */
void gh__listener_use(struct gh__listener *l, struct gh__door *door);
/* The port that it really has: the system chooses where the config says 0. */
uint16_t gh__listener_port(const struct gh__listener *l);

enum gh__admission {
	GH__ADMIT,
	GH__NOT_MINE, /* it is another worker's turn */
	GH__NOT_NOW,  /* look again after a moment */
	GH__TURN_AWAY,
};

/* How one loop accepts. */
struct gh__acceptor {
	struct gh__loop *loop;
	struct gh__conns *conns;
	struct gh__list polls;
	struct gh__deadline pause; /* at a limit: no accept until then */
	/* Asked without a peer before the accept: what is not taken then stays in the queue. Asked with
	 * the peer after it. NULL: take all. */
	enum gh__admission (*admit)(struct gh__acceptor *a, const struct gh__door *door,
				    const struct gh_address *peer);
	/* What was admitted is not taken after all. NULL: nothing. */
	void (*not_taken)(struct gh__acceptor *a, const struct gh__door *door,
			  const struct gh_address *peer);
	void (*taken)(struct gh__acceptor *a); /* NULL: nothing */
	void *owner;
	bool paused;
};

void gh__acceptor_init(struct gh__acceptor *a, struct gh__loop *loop, struct gh__conns *conns);
/* A reference to the door is taken: that of the listener is the main thread's to change. */
void gh__acceptor_add(struct gh__acceptor *a, struct gh__listener *l, struct gh__door *door);
void gh__acceptor_change(struct gh__acceptor *a, const struct gh__listener *l,
			 struct gh__door *door);
void gh__acceptor_remove(struct gh__acceptor *a, struct gh__listener *l);
void gh__acceptor_close(struct gh__acceptor *a); /* all */

#endif
