/*
 * A WebSocket (RFC 6455) that says back what it hears. Pure: bytes in, bytes out. Frames are
 * passed on as they come, so that a message of any size needs no memory. A connection owns one.
 */
#ifndef DEMO_WS_H
#define DEMO_WS_H

#include "buf.h"
#include "http.h"
#include "utf8.h"

enum { DEMO_WS_ACCEPT = 28 };

enum demo_ws_result {
	DEMO_WS_MORE,  /* all is said that can be said yet */
	DEMO_WS_CLOSE, /* the closing frame is written: send it, then close */
	DEMO_WS_CUT,   /* a mistake in the middle of a frame: close at once */
};

struct demo_ws {
	uint64_t left; /* of the payload that is passing */
	unsigned char mask[4];
	unsigned at;  /* where in the mask */
	bool passing; /* a data frame has begun and is not at its end */
	bool final;   /* it is the last of its message */
	bool in_message, text;
	struct demo_utf8 utf8;
};

/* Whether the request asks for a WebSocket in full; `ret_accept` is the key to answer with. */
bool demo_ws_accept(const struct demo_http *http, char ret_accept[DEMO_WS_ACCEPT + 1]);

/* Hear some bytes and write the answer, which is at most 4 bytes longer than what was used. */
enum demo_ws_result demo_ws_feed(struct demo_ws *ws, const unsigned char *bytes, size_t len,
				 struct demo_buf *out, size_t *ret_used);

/* Ask the other end whether it is still there; false inside a frame, where nothing can be put. */
bool demo_ws_ping(const struct demo_ws *ws, struct demo_buf *out);

#endif
