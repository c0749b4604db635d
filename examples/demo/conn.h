/*
 * One connection: reads requests, writes answers, streams a chat or echoes a WebSocket. The server
 * owns it and tells it when its socket is ready or the time has come.
 */
#ifndef DEMO_CONN_H
#define DEMO_CONN_H

#include "site.h"
#include "ws.h"

enum demo_conn_state {
	DEMO_CONN_REQUEST, /* waits for a request, or is in the middle of one */
	DEMO_CONN_STREAM,
	DEMO_CONN_WEBSOCKET,
	DEMO_CONN_FLUSH,  /* the last bytes are on their way */
	DEMO_CONN_LINGER, /* said everything; listens a little, so that the client reads it */
	DEMO_CONN_OVER,   /* for the server to destroy */
};

struct demo_conn {
	int fd;
	enum demo_conn_state state;
	struct demo_buf in, out;
	struct demo_http http;
	struct demo_chat *chat;
	struct demo_ws ws;
	bool ended;      /* the client will send no more */
	bool asked;      /* a ping is out and nothing was heard since */
	size_t lingered; /* bytes thrown away at the end */
	int64_t due;     /* when waiting ends, in milliseconds of the monotonic clock */
	int64_t token_due;
	struct demo_counts *counts;
	int64_t token_interval;
};

struct demo_conn *demo_conn_create(int fd, struct demo_counts *counts, int64_t token_interval,
				   int64_t now);
void demo_conn_destroy(struct demo_conn *conn);

/* What poll() is to wait for, and until when. */
short demo_conn_events(const struct demo_conn *conn);
int64_t demo_conn_due(const struct demo_conn *conn);

/* Nothing is asked and nothing owed: it may be closed when others need the place. */
bool demo_conn_idle(const struct demo_conn *conn);

void demo_conn_turn(struct demo_conn *conn, short events, int64_t now);

#endif
