/*
 * The pump: moves bytes between one socket and its owner. Readiness to read stays armed from birth to
 * close, so that a message costs no epoll_ctl; writes are tried at once, and only what the socket does
 * not take is queued. The only place that starts and stops reads. Embedded in a connection, on its
 * loop's thread.
 *
 * It polls the descriptor instead of using libuv's streams because a client that leaves must be seen
 * while reading is paused, which streams do not tell, and because sockets of all families are then one.
 *
 * Nothing fails in the caller's face: an error of a write or a read arrives as on_gone() in a later
 * turn, so no call here can pull the ground from under its caller.
 */
#ifndef GATEHOUSE_CORE_NET_PUMP_H
#define GATEHOUSE_CORE_NET_PUMP_H

#include <sys/uio.h>

#include "core/net/loop.h"

struct gh__pump;

struct gh__pump_ops {
	/* Bytes in the loop's read buffer; they are the owner's until this returns. */
	void (*on_data)(struct gh__pump *p, const char *data, size_t len);
	/* The other side closed (error 0), or the connection broke (negative UV_E…). The owner closes. */
	void (*on_gone)(struct gh__pump *p, int error);
	void (*on_drain)(struct gh__pump *p);     /* all that was queued is written */
	void (*on_connected)(struct gh__pump *p); /* of gh__pump_connect(); NULL where not used */
	void (*on_closed)(struct gh__pump *p);    /* memory may go now */
};

enum gh__pump_flag {
	GH__PUMP_WATCH_GONE = 1, /* tell of a close while reading is paused: a client's */
	GH__PUMP_READING = 2,
	GH__PUMP_CONNECTING = 4,
	GH__PUMP_CLOSING = 8,
	GH__PUMP_SHUT = 16,  /* shut down for writing once the queue is empty */
	GH__PUMP_GONE = 32,  /* on_gone was told */
	GH__PUMP_ENDED = 64, /* the session of TLS is ended from here */
};

struct gh__piece;
struct gh__tls;

struct gh__pump {
	uv_poll_t poll;
	struct gh__loop *loop;
	const struct gh__pump_ops *ops;
	struct gh__tls *tls;             /* NULL: bytes go as they are */
	struct gh__piece *first, **last; /* what the socket did not take */
	uint32_t queued;                 /* bytes of it */
	uint64_t moved; /* ms: when the socket last took some of it, or the queue began */
	int fd;
	int broken; /* error of a write, told by on_gone */
	uint8_t flags, armed;
};

/* Takes over a connected, non-blocking descriptor and reads at once. 0 or UV_E…; then fd is still the
 * caller's. */
int gh__pump_open(struct gh__pump *p, struct gh__loop *l, int fd, unsigned flags,
		  const struct gh__pump_ops *ops);
/* Makes a socket and connects. 0: on_connected or on_gone follows; 1: it is connected; or UV_E…. */
int gh__pump_connect(struct gh__pump *p, struct gh__loop *l, const struct sockaddr *to,
		     socklen_t to_len, const struct gh__pump_ops *ops);

/* Writes, and copies what does not fit into the queue. See p->queued for pressure. */
void gh__pump_write(struct gh__pump *p, struct iovec *pieces, int count);

void gh__pump_pause(struct gh__pump *p); /* no more on_data; a close is still told if watched */
void gh__pump_resume(struct gh__pump *p);

/* From now on all bytes go through this session, whose handshake is done and which is the pump's to
 * destroy. gh__pump_read_on() hands out what came with the handshake's last bytes. */
void gh__pump_secure(struct gh__pump *p, struct gh__tls *tls);
void gh__pump_read_on(struct gh__pump *p);

/* Reads what may be here already, before it is told of it. */
void gh__pump_look(struct gh__pump *p);

/* Shuts down for writing after what is queued. Reading goes on. */
void gh__pump_shut(struct gh__pump *p);
enum gh__pump_end {
	GH__PUMP_FIN, /* in order; over TLS the session is ended first */
	GH__PUMP_CUT, /* over TLS without a word, so that the other side sees a break; else like FIN */
	GH__PUMP_RST, /* a break for everyone */
};
/* Closes at once. Drops the queue. */
void gh__pump_close(struct gh__pump *p, enum gh__pump_end end);
static inline bool gh__pump_closing(const struct gh__pump *p)
{
	return p->flags & GH__PUMP_CLOSING;
}

#endif
