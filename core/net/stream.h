/*
 * A stream: one request and its answer on a client's connection, whatever the protocol. HTTP/1 and
 * HTTP/2 meet here; above nobody asks which it was. The protocol makes a stream for each head that it
 * reads and calls its listener; the listener answers through `ops`. Lives in a block of its loop,
 * with an arena that takes the rest of the block first; on the loop's thread only.
 */
#ifndef GATEHOUSE_CORE_NET_STREAM_H
#define GATEHOUSE_CORE_NET_STREAM_H

#include <gatehouse/module.h>

#include "core/base/arena.h"
#include "core/net/loop.h"

struct gh__stream;
struct gh__conn;

/* What a stream's user may ask of the protocol. None of these calls back before it returns, except
 * want_body(), which may give body bytes that are already here. */
struct gh__stream_ops {
	/* Sends the head in s->res; framing, Date and connection fields are the protocol's own. With
	 * GH_LAST there is no body. Framing fields in s->res.headers are ignored. */
	void (*send_head)(struct gh__stream *s, enum gh_part part);
	/* A slice of the body; kept as it is until flush(), which must come in the same turn. */
	void (*send_body)(struct gh__stream *s, struct gh_str slice, enum gh_part part);
	void (*flush)(struct gh__stream *s);
	/* An interim answer (100…199, not 101) with `headers`. */
	void (*send_interim)(struct gh__stream *s, int status, const struct gh_headers *headers);
	/* Sends s->res as a 101 and turns the stream into a tunnel of bytes both ways. */
	void (*upgrade)(struct gh__stream *s);
	/* Breaks the answer off so that the client sees the break. The stream is then over. */
	void (*abort)(struct gh__stream *s);
	/* Lets body bytes come, or holds them back (back-pressure reaches the client's socket). The
	 * first call answers an Expect: 100-continue. */
	void (*want_body)(struct gh__stream *s);
	void (*hold_body)(struct gh__stream *s);
	/* Bytes of the answer that the client has not taken. */
	size_t (*pressure)(const struct gh__stream *s);
};

/* What the protocol tells a stream's user. */
struct gh__stream_listener {
	size_t stream_size; /* of the struct that begins with struct gh__stream */
	void (*on_head)(struct gh__stream *s); /* s->req is whole, but for its body */
	void (*on_body)(struct gh__stream *s, struct gh_str slice, enum gh_part part);
	void (*on_drain)(struct gh__stream *s); /* pressure is zero again */
	/* The client left before the end (GH__S_GONE is set), or only its body broke (GH__S_BODY_BROKEN:
	 * UV_EPROTO for bad framing, UV_ETIMEDOUT for a stall, UV_E2BIG past max_body) and it may still
	 * be answered. */
	void (*on_gone)(struct gh__stream *s, int error);
	/* The last: the answer is out or broken off. Its memory goes when this returns. */
	void (*on_end)(struct gh__stream *s);
	/* A head that was refused before a stream could be made: for counting and logging. Status 0: no
	 * HTTP was spoken, as the PROXY header or the handshake of TLS failed. */
	void (*on_refused)(struct gh__conn *c, int status, const char *why);
};

enum gh__stream_flag {
	GH__S_HEAD_SENT = 1,
	GH__S_ENDED = 2, /* the answer is whole, as far as its user is concerned */
	GH__S_BODY_WANTED = 4,
	GH__S_BODY_ENDED = 8, /* of the request */
	GH__S_CHUNKED = 16,   /* how the answer is framed */
	GH__S_UNTIL_CLOSE = 32,
	GH__S_BODILESS = 64,
	GH__S_TUNNEL = 128,
	GH__S_CLOSE = 256,        /* the connection ends with this answer */
	GH__S_GONE = 512,         /* on_gone was told, or abort() was called */
	GH__S_CONTINUE = 1024,    /* the client waits for a 100 */
	GH__S_BODY_BROKEN = 2048, /* nothing more of the request's body will come */
};

struct gh__stream {
	const struct gh__stream_ops *ops;
	const struct gh__stream_listener *listener;
	struct gh__conn *conn;
	struct gh__loop *loop;
	struct gh__arena arena;
	unsigned flags;
	unsigned protocol; /* for logs: 10, 11, 20 */
	uint64_t sent;     /* bytes of body given to the client */
	uint64_t received; /* bytes of body that came from the client */
	uint64_t max_body; /* of the request; 0: none. Set by the listener in on_head. */
	struct gh_request req;
	struct gh_response res;
};

#endif
