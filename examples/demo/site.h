/*
 * What is to be had where: the page, the API of a model server, the WebSocket, the state of the
 * demo. Turns a request into an answer in bytes. Pure.
 */
#ifndef DEMO_SITE_H
#define DEMO_SITE_H

#include "chat.h"
#include "http.h"

struct demo_counts {
	uint64_t requests;
	uint64_t chats;
	uint64_t streams_open, streams_ended, streams_stopped;
	uint64_t websockets_open;
};

enum demo_then {
	DEMO_THEN_NEXT,      /* the answer is whole */
	DEMO_THEN_STREAM,    /* the head is written; the events of `chat` follow */
	DEMO_THEN_WEBSOCKET, /* from here on it is a WebSocket */
};

/*
 * Write the answer to a whole request. It says `Connection: close` where the request is marked
 * so. For a stream the chat belongs to the caller.
 */
enum demo_then demo_site_answer(const struct demo_http *http, struct demo_counts *counts,
				struct demo_buf *out, struct demo_chat **ret_chat);

/* Write the answer to a request that cannot be understood: `status` and `why` are in it. */
void demo_site_refuse(const struct demo_http *http, struct demo_buf *out);

/* Write one event, or with none the end, in the framing that the stream's head announced. */
void demo_site_event(const struct demo_http *http, const struct demo_buf *event,
		     struct demo_buf *out);

#endif
