/*
 * One HTTP/1.1 request, understood as its bytes come: head, then a body framed by Content-Length
 * or in chunks. Pure: no sockets. A connection owns one and starts it anew for each request.
 *
 * It is strict on purpose. A server that guesses where a request ends is how two servers in a
 * row come to disagree about it.
 */
#ifndef DEMO_HTTP_H
#define DEMO_HTTP_H

#include "buf.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	DEMO_HTTP_LINE = 8 << 10,  /* the longest line */
	DEMO_HTTP_HEAD = 16 << 10, /* request line and fields in all; the same again for trailers */
	DEMO_HTTP_FIELDS = 100,
	DEMO_HTTP_PATH = 1024,
	DEMO_HTTP_BODY = 1 << 20,
	DEMO_HTTP_WS_KEY = 24, /* 16 bytes in base64 */
};

enum demo_method {
	DEMO_METHOD_OTHER,
	DEMO_METHOD_GET,
	DEMO_METHOD_HEAD,
	DEMO_METHOD_POST,
};

enum demo_http_state {
	DEMO_HTTP_REQUEST_LINE,
	DEMO_HTTP_FIELD_LINE,
	DEMO_HTTP_BODY_BYTES,
	DEMO_HTTP_CHUNK_LINE,
	DEMO_HTTP_CHUNK_BYTES,
	DEMO_HTTP_CHUNK_END,
	DEMO_HTTP_TRAILER_LINE,
	DEMO_HTTP_WHOLE,
};

enum demo_http_result {
	DEMO_HTTP_MORE,  /* not whole yet */
	DEMO_HTTP_READY, /* the request is whole; bytes behind it are the next one's */
	DEMO_HTTP_BAD,   /* `status` and `why` say what is wrong; the connection must close */
};

struct demo_http {
	enum demo_http_state state;
	enum demo_method method;
	char path[DEMO_HTTP_PATH]; /* as it was sent, without the query */
	struct demo_buf body;
	bool http10;
	bool close;          /* the client will not send another request */
	bool wants_continue; /* it waits for a 100; whoever sends it clears this */
	bool forwarded;      /* a gateway left its mark */
	bool upgrade, connection_upgrade, ws_version, ws_key_twice;
	char ws_key[DEMO_HTTP_WS_KEY + 1];

	bool started; /* a byte of this request was seen */
	bool chunked, has_length, has_host;
	unsigned fields;
	size_t head;   /* bytes of head, later of trailers */
	uint64_t left; /* of the body or of this chunk */

	int status;
	const char *why;
};

void demo_http_finish(struct demo_http *http);
void demo_http_again(struct demo_http *http);

/* Understand some of `bytes`. What was not used is to be given again, with more behind it. */
enum demo_http_result demo_http_feed(struct demo_http *http, const char *bytes, size_t len,
				     size_t *ret_used);

#endif
