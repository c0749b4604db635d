#include "conn.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	IN_MOST = 16 << 10,  /* read ahead */
	OUT_MOST = 32 << 10, /* written ahead: above it, a stream waits for its reader */
	LINGER_MOST = 4 << 20,

	IDLE_MS = 60 * 1000,    /* until the next request */
	REQUEST_MS = 30 * 1000, /* from a request's first byte to its last */
	WRITE_MS = 30 * 1000,   /* until a client takes some bytes */
	LINGER_MS = 2 * 1000,
	PING_MS = 25 * 1000,
};

struct demo_conn *demo_conn_create(int fd, struct demo_counts *counts, int64_t token_interval,
				   int64_t now)
{
	struct demo_conn *conn = calloc(1, sizeof(*conn));

	if (!conn)
		abort();
	conn->fd = fd;
	conn->counts = counts;
	conn->token_interval = token_interval;
	conn->due = now + IDLE_MS;
	return conn;
}

/* Leave a stream or a WebSocket, if it is in one, for another state. */
static void enter(struct demo_conn *conn, enum demo_conn_state state)
{
	if (conn->state == DEMO_CONN_STREAM) {
		conn->counts->streams_open--;
		if (conn->chat->next == DEMO_CHAT_NOTHING)
			conn->counts->streams_ended++;
		else
			conn->counts->streams_stopped++;
		demo_chat_destroy(conn->chat);
		conn->chat = NULL;
	}
	if (conn->state == DEMO_CONN_WEBSOCKET)
		conn->counts->websockets_open--;
	if (state == DEMO_CONN_STREAM)
		conn->counts->streams_open++;
	if (state == DEMO_CONN_WEBSOCKET)
		conn->counts->websockets_open++;
	conn->state = state;
}

void demo_conn_destroy(struct demo_conn *conn)
{
	if (!conn)
		return;
	enter(conn, DEMO_CONN_OVER);
	demo_http_finish(&conn->http);
	demo_buf_finish(&conn->in);
	demo_buf_finish(&conn->out);
	close(conn->fd);
	free(conn);
}

bool demo_conn_idle(const struct demo_conn *conn)
{
	return conn->state == DEMO_CONN_REQUEST && !conn->http.started &&
	       !demo_buf_used(&conn->in) && !demo_buf_used(&conn->out);
}

static bool wants_bytes(const struct demo_conn *conn)
{
	return conn->state != DEMO_CONN_FLUSH && !conn->ended && demo_buf_used(&conn->in) < IN_MOST;
}

static bool wants_token(const struct demo_conn *conn)
{
	return conn->state == DEMO_CONN_STREAM && demo_buf_used(&conn->out) < OUT_MOST;
}

short demo_conn_events(const struct demo_conn *conn)
{
	short events = 0;

	if (wants_bytes(conn))
		events |= POLLIN;
	/* A client that has sent more than is read ahead is still missed when it leaves. */
	if (conn->state == DEMO_CONN_STREAM)
		events |= POLLRDHUP;
	if (demo_buf_used(&conn->out))
		events |= POLLOUT;
	return events;
}

int64_t demo_conn_due(const struct demo_conn *conn)
{
	if (wants_token(conn) && (conn->token_due < conn->due || !demo_buf_used(&conn->out)))
		return conn->token_due;
	return conn->due;
}

static void read_some(struct demo_conn *conn, int64_t now)
{
	size_t most = IN_MOST - demo_buf_used(&conn->in);
	ssize_t len = recv(conn->fd, demo_buf_room(&conn->in, most), most, 0);

	if (len < 0 && errno != EAGAIN && errno != EINTR)
		enter(conn, DEMO_CONN_OVER);
	if (len < 0)
		return;
	conn->ended = len == 0;
	if (len && demo_conn_idle(conn))
		conn->due = now + REQUEST_MS;
	demo_buf_took(&conn->in, (size_t)len);
	if (conn->state == DEMO_CONN_WEBSOCKET && len) {
		conn->asked = false;
		conn->due = now + PING_MS;
	}
	if (conn->state == DEMO_CONN_STREAM && conn->ended)
		enter(conn, DEMO_CONN_OVER);
	if (conn->state == DEMO_CONN_LINGER) {
		conn->lingered += (size_t)len;
		demo_buf_drop(&conn->in, (size_t)len);
		if (conn->ended || conn->lingered > LINGER_MOST)
			enter(conn, DEMO_CONN_OVER);
	}
}

static void write_some(struct demo_conn *conn, int64_t now)
{
	while (conn->state != DEMO_CONN_OVER && demo_buf_used(&conn->out)) {
		ssize_t len = send(conn->fd, demo_buf_at(&conn->out), demo_buf_used(&conn->out),
				   MSG_NOSIGNAL);

		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0 && errno == EAGAIN)
			return;
		if (len < 0) {
			enter(conn, DEMO_CONN_OVER);
			return;
		}
		demo_buf_drop(&conn->out, (size_t)len);
		if (conn->state != DEMO_CONN_WEBSOCKET)
			conn->due = now + (demo_conn_idle(conn) ? IDLE_MS : WRITE_MS);
	}
}

/* The answer is whole: on to the next request, if there may be one. */
static void next_request(struct demo_conn *conn, int64_t now)
{
	bool close = conn->http.close;

	demo_http_again(&conn->http);
	conn->due = now + (demo_buf_used(&conn->in) ? REQUEST_MS : IDLE_MS);
	enter(conn, close ? DEMO_CONN_FLUSH : DEMO_CONN_REQUEST);
}

static void answer(struct demo_conn *conn, int64_t now)
{
	switch (demo_site_answer(&conn->http, conn->counts, &conn->out, &conn->chat)) {
	case DEMO_THEN_NEXT:
		next_request(conn, now);
		break;
	case DEMO_THEN_STREAM:
		enter(conn, DEMO_CONN_STREAM);
		conn->token_due = now;
		break;
	case DEMO_THEN_WEBSOCKET:
		demo_http_again(&conn->http);
		conn->ws = (struct demo_ws){ 0 };
		conn->due = now + PING_MS;
		enter(conn, DEMO_CONN_WEBSOCKET);
		break;
	}
}

static void hear_request(struct demo_conn *conn, int64_t now)
{
	size_t used;

	/* One answer at a time: a client that does not read its answers gets no more of them. */
	if (demo_buf_used(&conn->out))
		return;
	switch (demo_http_feed(&conn->http, demo_buf_at(&conn->in), demo_buf_used(&conn->in),
			       &used)) {
	case DEMO_HTTP_READY:
		demo_buf_drop(&conn->in, used);
		answer(conn, now);
		break;
	case DEMO_HTTP_BAD:
		demo_site_refuse(&conn->http, &conn->out);
		conn->due = now + WRITE_MS;
		enter(conn, DEMO_CONN_FLUSH);
		break;
	case DEMO_HTTP_MORE:
		demo_buf_drop(&conn->in, used);
		if (conn->ended)
			enter(conn, DEMO_CONN_OVER);
		else if (conn->http.wants_continue && conn->http.state != DEMO_HTTP_FIELD_LINE) {
			conn->http.wants_continue = false;
			demo_buf_text(&conn->out, "HTTP/1.1 100 Continue\r\n\r\n");
		}
		break;
	}
}

static void say_tokens(struct demo_conn *conn, int64_t now)
{
	while (wants_token(conn) && conn->token_due <= now) {
		struct demo_buf event = { 0 };

		if (!demo_chat_event(conn->chat, &event)) {
			demo_site_event(&conn->http, NULL, &conn->out);
			next_request(conn, now);
			return;
		}
		demo_site_event(&conn->http, &event, &conn->out);
		demo_buf_finish(&event);
		/* What follows the last token, and the first after the role, takes no time. */
		if (conn->chat->next == DEMO_CHAT_TOKEN)
			conn->token_due = now + conn->token_interval;
	}
}

static void hear_frames(struct demo_conn *conn, int64_t now)
{
	size_t used;

	if (demo_buf_used(&conn->out) >= OUT_MOST)
		return;
	switch (demo_ws_feed(&conn->ws, (const unsigned char *)demo_buf_at(&conn->in),
			     demo_buf_used(&conn->in), &conn->out, &used)) {
	case DEMO_WS_MORE:
		demo_buf_drop(&conn->in, used);
		if (conn->ended && !demo_buf_used(&conn->out))
			enter(conn, DEMO_CONN_OVER);
		break;
	case DEMO_WS_CLOSE:
		conn->due = now + WRITE_MS;
		enter(conn, DEMO_CONN_FLUSH);
		break;
	case DEMO_WS_CUT:
		enter(conn, DEMO_CONN_OVER);
		break;
	}
}

/* Closing with unread bytes would reset the connection and take the answer away from the client. */
static void linger(struct demo_conn *conn, int64_t now)
{
	demo_buf_drop(&conn->in, demo_buf_used(&conn->in));
	if (conn->ended || shutdown(conn->fd, SHUT_WR)) {
		enter(conn, DEMO_CONN_OVER);
		return;
	}
	conn->due = now + LINGER_MS;
	enter(conn, DEMO_CONN_LINGER);
}

static void time_is_up(struct demo_conn *conn, int64_t now)
{
	if (conn->state == DEMO_CONN_WEBSOCKET && !conn->asked &&
	    demo_ws_ping(&conn->ws, &conn->out)) {
		conn->asked = true;
		conn->due = now + PING_MS;
		return;
	}
	enter(conn, DEMO_CONN_OVER);
}

/* Whether more can be understood or said without waiting. */
static bool step(struct demo_conn *conn, int64_t now)
{
	size_t in = demo_buf_used(&conn->in);
	enum demo_conn_state state = conn->state;

	if (state == DEMO_CONN_REQUEST)
		hear_request(conn, now);
	else if (state == DEMO_CONN_STREAM)
		say_tokens(conn, now);
	else if (state == DEMO_CONN_WEBSOCKET)
		hear_frames(conn, now);
	else if (state == DEMO_CONN_FLUSH && !demo_buf_used(&conn->out))
		linger(conn, now);
	write_some(conn, now);
	return conn->state != DEMO_CONN_OVER && !demo_buf_used(&conn->out) &&
	       (conn->state != state || demo_buf_used(&conn->in) != in);
}

void demo_conn_turn(struct demo_conn *conn, short events, int64_t now)
{
	if (events & (POLLERR | POLLHUP | POLLNVAL) ||
	    (conn->state == DEMO_CONN_STREAM && events & POLLRDHUP)) {
		enter(conn, DEMO_CONN_OVER);
		return;
	}
	if (events & POLLIN && wants_bytes(conn))
		read_some(conn, now);
	write_some(conn, now);
	while (conn->state != DEMO_CONN_OVER && step(conn, now))
		;
	if (conn->state != DEMO_CONN_OVER && now >= conn->due)
		time_is_up(conn, now);
}
