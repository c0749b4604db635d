/*
 * TLS over memory: what a peer sent goes in as bytes, what is for it comes out as bytes; no sockets in
 * here. struct gh__tls_server is the process's: settings and ticket keys, for all threads. A struct
 * gh__tls is one connection's session; one thread at a time has it: the connection's loop, or during a
 * step of the handshake a thread of the lane. Errors are UV_E….
 */
#ifndef GATEHOUSE_CORE_NET_TLS_H
#define GATEHOUSE_CORE_NET_TLS_H

#include <sys/uio.h>

#include "core/net/loop.h"

struct gh__shelf;
struct gh__tls_server;
struct gh__tls;

/* Keys of session tickets are made with it and rotate; they are never stored. */
struct gh__tls_server *gh__tls_server_create(void);
void gh__tls_server_destroy(struct gh__tls_server *s); /* takes NULL; no session may be left */

/* A session whose certificate comes from `shelf`, which must stay as long. */
struct gh__tls *gh__tls_create(struct gh__tls_server *s, struct gh__shelf *shelf);
void gh__tls_destroy(struct gh__tls *t); /* takes NULL */

/* Bytes that came from the peer. They may be used where they are until gh__tls_open() finds no more
 * whole record in them or gh__tls_keep() is called; then what is left of them is copied. */
void gh__tls_feed(struct gh__tls *t, const char *at, size_t len);
void gh__tls_keep(struct gh__tls *t);

/* ---- the handshake ---- */

bool gh__tls_has_any(const struct gh__tls *t);    /* bytes that no step has taken */
bool gh__tls_has_record(const struct gh__tls *t); /* a step would get somewhere */
enum gh__tls_result { GH__TLS_MORE, GH__TLS_DONE, GH__TLS_FAILED };
/* Goes as far as the bytes go: takes a millisecond of processor. Whatever the result, there may be
 * output for the peer. */
enum gh__tls_result gh__tls_handshake(struct gh__tls *t);
/* What is for the peer, until the next call on the session. */
struct gh_str gh__tls_output(struct gh__tls *t);
const char *gh__tls_trouble(const struct gh__tls *t); /* why it failed; a constant phrase */

enum gh__tls_protocol { GH__TLS_HTTP1, GH__TLS_HTTP2 };
enum gh__tls_protocol gh__tls_protocol(const struct gh__tls *t); /* chosen by ALPN */

/* ---- records, once the handshake is done ---- */

/* Room that all sessions of a loop share for the time of one call. */
enum { GH__TLS_RECORD = 16384, GH__TLS_OVERHEAD = 64, GH__TLS_BUFFER = 18 << 10 };
struct gh__tls_room {
	/* What one read brings, and a record that the read before had the beginning of. */
	char plain[GH__READ_SIZE + GH__TLS_BUFFER];
	char gathered[GH__TLS_RECORD];
	char sealed[4 * (GH__TLS_RECORD + GH__TLS_OVERHEAD)];
	unsigned char in[GH__TLS_BUFFER], out[GH__TLS_BUFFER]; /* mbedTLS's own */
};
struct gh__tls_room *gh__tls_room(struct gh__loop *l);

/* Opens all records that are whole into room->plain. Bytes; 0: none now; UV_EOF: the peer ended the
 * session in order; other: broken, and gh__tls_output() may have an alert. */
ssize_t gh__tls_open(struct gh__tls *t, struct gh__tls_room *room);
/* Seals bytes into records at room->sealed, as many as fit. Returns the bytes put there, or UV_E…;
 * `*ret_taken` is how many bytes of `from` they are. */
ssize_t gh__tls_seal(struct gh__tls *t, struct gh__tls_room *room, struct gh_str from,
		     size_t *ret_taken);
/* The record that ends the session in order. */
ssize_t gh__tls_end(struct gh__tls *t, struct gh__tls_room *room);

#endif
