/*
 * A client's connection: a pump, a deadline, and the protocol that it speaks at the moment. Owned by
 * itself: made by gh__conn_accept(), gone when it closes; listed in its worker meanwhile. On its
 * loop's thread only. It outlives generations.
 *
 * A protocol is a table: a PROXY header and a TLS handshake are protocols too, which hand the
 * connection on to the next one. What it speaks in the end is HTTP/1 or HTTP/2.
 */
#ifndef GATEHOUSE_CORE_NET_CONN_H
#define GATEHOUSE_CORE_NET_CONN_H

#include "core/net/door.h"
#include "core/net/pump.h"
#include "core/net/stream.h"

struct gh__lanes;
struct gh__tls_server;

/* What holds for all connections of a worker; a reload changes it in place. Milliseconds, bytes. */
struct gh__conn_settings {
	uint64_t handshake_timeout, head_timeout, body_timeout, idle_timeout, write_timeout;
	size_t max_head;
	uint32_t max_headers;
};

/* The connections of one worker and kind. */
struct gh__conns {
	struct gh__loop *loop;
	const struct gh__stream_listener *listener;
	struct gh__conn_settings settings;
	struct gh__list all;
	size_t count;
	bool stopping;              /* answers end their connections */
	struct gh__lanes *lanes;    /* for handshakes; NULL where no door has TLS */
	struct gh__tls_server *tls; /* of the process; the same */
	/* Whether this address may have one more handshake of TLS now; NULL: always. */
	bool (*admit_handshake)(struct gh__conns *conns, const struct gh_address *peer);
	/* A PROXY header told who the peer really is: whether it may have one more connection. From then
	 * on c->peer is that address. NULL: always. */
	bool (*admit_proxied)(struct gh__conns *conns, const struct gh_address *client);
	void (*on_close)(struct gh__conns *conns, struct gh__conn *c);
	void *owner;
};

/* What a protocol does with its connection. None of these is called once the pump is closing, but
 * for `later` and `close`. */
struct gh__protocol {
	void (*data)(struct gh__conn *c, const char *data, size_t len);
	void (*gone)(struct gh__conn *c, int error); /* as the pump's on_gone */
	void (*drain)(struct gh__conn *c);           /* what was queued is written */
	void (*late)(struct gh__conn *c);  /* the deadline has come; c->waits_for says for what */
	void (*later)(struct gh__conn *c); /* the end of a turn in which c->later was asked for */
	void (*stop)(struct gh__conn *c);  /* no new requests: idle ones close, others end with
	                                              * their answers */
	void (*cut)(struct gh__conn *c);   /* close now, visibly broken where answers are open */
	void (*close)(struct gh__conn *c); /* the last: streams end, memory goes */
};

/* What the one deadline of a connection stands for. */
enum gh__conn_wait {
	GH__FOR_NOTHING,
	GH__FOR_HANDSHAKE,
	GH__FOR_HEAD,
	GH__FOR_BODY,
	GH__FOR_IDLE,
	GH__FOR_WRITE,
	GH__FOR_LINGER,
};

struct gh__conn {
	struct gh__pump pump;
	struct gh__deadline deadline;
	struct gh__later later;
	struct gh__list link;
	struct gh__conns *conns;
	struct gh__door *door;
	const struct gh__protocol *protocol;
	void *state;            /* the protocol's */
	struct gh_address peer; /* of the socket, or as a PROXY header has it */
	uint8_t source;         /* enum gh_client_source: SOCKET or PROXY */
	uint8_t waits_for;      /* enum gh__conn_wait */
	bool secure;            /* TLS, here */
	bool fresh;             /* accepted in this turn */
	uint32_t requests;      /* so far */
};

void gh__conns_init(struct gh__conns *conns, struct gh__loop *loop,
		    const struct gh__stream_listener *listener);
/* Takes over an accepted descriptor. 0 or UV_E…; then it is still the caller's. */
int gh__conn_accept(struct gh__conns *conns, int fd, const struct gh_address *peer,
		    struct gh__door *door);
/* Idle ones close now, the others with the end of their answers. */
void gh__conns_stop(struct gh__conns *conns);
/* The same for those that came in through one door. */
void gh__conns_leave_door(struct gh__conns *conns, const struct gh__door *door);
/* All close now, visibly broken where an answer is under way. */
void gh__conns_cut(struct gh__conns *conns);

/* ---- for protocols ---- */

enum { GH__STREAM_ARENA = 256 }; /* bytes of a block that are left for a request, at least */

/* Whether the connection ends with the answers that are under way. */
static inline bool gh__conn_is_last(const struct gh__conn *c)
{
	return c->conns->stopping || atomic_load_explicit(&c->door->closing, memory_order_relaxed);
}

/* Sets the deadline. A wait for the whole of something (a handshake, a head, lingering) keeps its first
 * deadline when it is asked for again; one for progress moves it. 0: no deadline. */
void gh__conn_wait(struct gh__conn *c, enum gh__conn_wait what, uint64_t ms);
/* Closes now; `close` of the protocol comes later, in this turn or the next. */
void gh__conn_close(struct gh__conn *c, enum gh__pump_end end);
/* Goes on with another protocol; its `begin` function calls this. */
static inline void gh__conn_speak(struct gh__conn *c, const struct gh__protocol *p, void *state)
{
	c->protocol = p;
	c->state = state;
}
/* A stream's block and its listener: zeroed, with the fields set that do not depend on the protocol
 * (`ops` and `protocol` are the caller's to set). `extra` bytes follow the listener's struct, for the protocol. */
struct gh__stream *gh__conn_open_stream(struct gh__conn *c, size_t extra, void **ret_extra);
/* on_end, and the memory goes. */
void gh__conn_end_stream(struct gh__stream *s);

/* ---- the protocols: each takes over a connection that has just been accepted or handed on, with the
 * bytes that are here already ---- */
void gh__conn_greet(struct gh__conn *c, struct gh_str bytes);      /* with what the door asks for */
void gh__proxied_begin(struct gh__conn *c);                        /* proxied.c */
void gh__handshake_begin(struct gh__conn *c, struct gh_str bytes); /* handshake.c */
void gh__cleartext_begin(struct gh__conn *c, struct gh_str bytes); /* cleartext.c */
void gh__http1_begin(struct gh__conn *c, struct gh_str bytes);     /* http1.c */
void gh__http2_begin(struct gh__conn *c, struct gh_str bytes);     /* http2.c */

#endif
