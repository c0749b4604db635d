#include "core/net/http1.h"

#include "core/base/memory.h"
#include "core/http/header.h"
#include "core/http/text.h"

enum state {
	IDLE,    /* nothing of a request has come */
	HEAD,    /* a part of a head is held */
	REQUEST, /* a stream is under way */
	LINGER, /* the last answer is out; what still comes is thrown away, so that it can be read */
};

enum { LINGER_MS = 5000 };

static void break_body(struct gh__stream *s, int error);

/* ---- bytes that must wait ---- */

static void hold(struct gh__http1 *h, const char *at, size_t len)
{
	h->here = (uint32_t)len;
	gh__held_keep(&h->held, at, len);
}

static void drop_held(struct gh__http1 *h)
{
	h->here = 0;
	gh__held_drop(&h->held);
}

/* ---- the end of a stream and of a connection ---- */

static void end_stream(struct gh__http1 *h)
{
	struct gh__stream *s = h->stream;

	h->stream = NULL;
	h->message = NULL;
	gh__conn_end_stream(s);
}

/* A slow reader has all the time that it has for any answer; only then the lingering is counted. */
static void wait_lingering(struct gh__http1 *h)
{
	if (h->conn->pump.queued)
		gh__conn_wait(h->conn, GH__FOR_WRITE, h->conn->conns->settings.write_timeout);
	else
		gh__conn_wait(h->conn, GH__FOR_LINGER, LINGER_MS);
}

static void linger(struct gh__http1 *h)
{
	h->state = LINGER;
	drop_held(h);
	gh__pump_shut(&h->conn->pump);
	gh__pump_resume(&h->conn->pump);
	wait_lingering(h);
}

/* At the end of the turn: nobody up the stack holds the stream any more. */
static void later(struct gh__conn *c)
{
	struct gh__http1 *h = c->state;
	struct gh__stream *s = h->stream;

	if (gh__pump_closing(&h->conn->pump)) {
		if (s) {
			if (!(s->flags & (GH__S_ENDED | GH__S_GONE))) {
				s->flags |= GH__S_GONE;
				s->listener->on_gone(s, UV_ECANCELED);
			}
			end_stream(h);
		}
		return;
	}
	if (!s || !(s->flags & GH__S_ENDED))
		return;
	if (!(s->flags & (GH__S_BODY_ENDED | GH__S_CLOSE))) {
		/* The rest of a body that is here, or nearly: read past it and keep the connection. */
		gh__http1_take_held(h);
		gh__http1_settle(h);
		if (gh__pump_closing(&h->conn->pump) ||
		    !(s->flags & (GH__S_BODY_ENDED | GH__S_CLOSE)))
			return;
	}
	bool last = s->flags & (GH__S_CLOSE | GH__S_UNTIL_CLOSE | GH__S_TUNNEL);
	bool unread = !(s->flags & GH__S_BODY_ENDED) || h->here;
	end_stream(h);
	if (gh__conn_is_last(c) && !unread && !c->pump.queued) {
		/* Nobody waits for a client that has all it asked for. */
		gh__conn_close(c, GH__PUMP_FIN);
		return;
	}
	if (last || gh__conn_is_last(c)) {
		linger(h);
		return;
	}
	h->state = IDLE;
	h->conn->waits_for = GH__FOR_NOTHING;
	gh__http1_take_held(h);
	gh__http1_settle(h);
}

static void late(struct gh__conn *c)
{
	struct gh__http1 *h = c->state;
	enum gh__conn_wait what = c->waits_for;

	c->waits_for = GH__FOR_NOTHING;
	if (what == GH__FOR_WRITE) {
		uint64_t since = c->pump.loop->now - c->pump.moved;
		uint64_t timeout = c->conns->settings.write_timeout;
		if (since < timeout)
			gh__conn_wait(c, GH__FOR_WRITE, timeout - since);
		else
			gh__conn_close(c, GH__PUMP_RST);
	} else if (what == GH__FOR_BODY && h->stream && !(h->stream->flags & GH__S_GONE)) {
		break_body(h->stream, UV_ETIMEDOUT);
	} else if (what == GH__FOR_HEAD && h->state == HEAD) {
		static const char late[] = "HTTP/1.1 408 Request Timeout\r\nConnection: "
					   "close\r\nContent-Length: 0\r\n\r\n";
		h->conn->conns->listener->on_refused(h->conn, 408, "the head did not come in time");
		gh__pump_write(&h->conn->pump,
			       &(struct iovec){ (void *)(uintptr_t)late, sizeof late - 1 }, 1);
		linger(h);
	} else {
		gh__conn_close(h->conn, GH__PUMP_FIN);
	}
}

/* ---- reading ---- */

/* `head` is what there is of the head: an answer to HEAD has no body. */
static void refuse(struct gh__http1 *h, struct gh_str head, const struct gh__refusal *r)
{
	struct gh__arena a;
	char room[1024];
	struct gh_str type;

	gh__arena_init(&a, room, sizeof room);
	struct gh_str body = gh__error_body(&a, GH_SHAPE_PLAIN, r->status, NULL, gh_str(r->why),
					    &type);
	struct gh_str answer =
		gh__arena_printf(&a,
				 "HTTP/1.1 %d %s\r\nDate: " GH_FMT "\r\nContent-Type: " GH_FMT
				 "\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n" GH_FMT,
				 r->status, gh__reason(r->status), GH__DATE_LEN,
				 h->conn->pump.loop->date, GH_ARG(type), body.len,
				 gh_str_starts(head, GH_STR("HEAD ")) ? 0 : (int)body.len, body.at);
	h->conn->conns->listener->on_refused(h->conn, r->status, r->why);
	gh__pump_write(&h->conn->pump, &(struct iovec){ (void *)(uintptr_t)answer.at, answer.len },
		       1);
	gh__arena_finish(&a);
	linger(h);
}

/* Makes a stream of a whole head. Returns 0, or -1: refused. */
static int open_stream(struct gh__http1 *h, struct gh_str head, size_t after)
{
	struct gh__refusal why;
	void *extra;
	struct gh__stream *s = gh__conn_open_stream(h->conn, sizeof(struct gh__message), &extra);
	struct gh__message *m = extra;

	s->ops = &gh__http1_ops;
	if (gh__request_head(m, &s->arena, gh__arena_copy(&s->arena, head),
			     h->conn->conns->settings.max_headers, &s->req, &why)) {
		gh__arena_finish(&s->arena);
		gh__block_put(s->loop, s);
		refuse(h, head, &why);
		return -1;
	}
	s->req.upgrade = m->upgrade == GH__UPGRADE_WEBSOCKET;
	s->protocol = 10u + m->version;
	if (m->framing == GH__BODY_NONE)
		s->flags |= GH__S_BODY_ENDED;
	if (m->expect == GH__EXPECT_CONTINUE && m->framing != GH__BODY_NONE && after == 0)
		s->flags |= GH__S_CONTINUE;
	if (!m->keep_alive)
		s->flags |= GH__S_CLOSE;
	h->stream = s;
	h->message = m;
	h->state = REQUEST;
	h->scan = (struct gh__scan){ 0 };
	h->conn->requests++;
	h->here = (uint32_t)after;
	s->listener->on_head(s);
	return 0;
}

enum taken { TAKEN, WAIT, MORE }; /* WAIT: the rest must be held; MORE: there is no rest */

static enum taken take_head(struct gh__http1 *h, const char **at, const char *end)
{
	struct gh__refusal why;
	size_t len = 0, skip = gh__scan_skip((struct gh_str){ *at, (size_t)(end - *at) });
	struct gh_str bytes = { *at + skip, (size_t)(end - *at) - skip };

	if (*at == end)
		return MORE;
	switch (gh__scan_head(&h->scan, bytes, h->conn->conns->settings.max_head, &len, &why)) {
	case GH__SCAN_HEAD:
		*at = bytes.at + len;
		open_stream(h, (struct gh_str){ bytes.at, len }, (size_t)(end - *at));
		return TAKEN;
	case GH__SCAN_BAD:
		refuse(h, bytes, &why);
		return MORE;
	case GH__SCAN_MORE:
	default:
		h->state = HEAD;
		return WAIT;
	}
}

/* Nothing more of the body is to be had, but the client can still be told. */
static void break_body(struct gh__stream *s, int error)
{
	if (s->flags & GH__S_BODY_BROKEN)
		return;
	s->flags |= GH__S_CLOSE | GH__S_BODY_BROKEN;
	if (!(s->flags & (GH__S_ENDED | GH__S_GONE)))
		s->listener->on_gone(s, error);
}

/* A step through a request's body. */
static enum taken take_body(struct gh__http1 *h, const char **at, const char *end)
{
	struct gh__stream *s = h->stream;
	struct gh__refusal why;
	struct gh_str data = { 0 };
	bool skip = s->flags & (GH__S_ENDED | GH__S_GONE);

	if (s->flags & GH__S_BODY_BROKEN) {
		*at = end;
		return MORE;
	}
	if (!skip && !(s->flags & GH__S_BODY_WANTED))
		return WAIT;
	enum gh__body_step step = gh__body_next(h->message, at, end, &data, &why);
	s->received += data.len;
	h->here = (uint32_t)(end - *at);
	if (step == GH__BODY_BAD)
		break_body(s, UV_EPROTO);
	else if (!skip && s->max_body && s->received + h->message->left > s->max_body)
		break_body(s, UV_E2BIG);
	else if (step == GH__BODY_DATA && !skip)
		s->listener->on_body(s, data, GH_MORE);
	if (step != GH__BODY_END || s->flags & GH__S_BODY_BROKEN)
		return step == GH__BODY_MORE ? MORE : TAKEN;
	s->flags |= GH__S_BODY_ENDED;
	if (skip)
		gh__loop_later(h->conn->pump.loop, &h->conn->later);
	else
		s->listener->on_body(s, (struct gh_str){ 0 }, GH_LAST);
	return TAKEN;
}

static enum taken take_tunnel(struct gh__http1 *h, const char **at, const char *end)
{
	struct gh__stream *s = h->stream;
	struct gh_str slice = { *at, (size_t)(end - *at) };

	if (!(s->flags & GH__S_BODY_WANTED))
		return WAIT;
	*at = end;
	if (slice.len) {
		s->received += slice.len;
		s->listener->on_body(s, slice, GH_MORE);
	}
	return MORE;
}

static void take(struct gh__http1 *h, const char *at, const char *end)
{
	enum taken taken = TAKEN;

	h->taking = 1;
	while (taken == TAKEN && !gh__pump_closing(&h->conn->pump) && h->state != LINGER) {
		if (!h->stream)
			taken = take_head(h, &at, end);
		else if (h->stream->flags & GH__S_TUNNEL)
			taken = take_tunnel(h, &at, end);
		else if (!(h->stream->flags & GH__S_BODY_ENDED))
			taken = take_body(h, &at, end);
		else
			taken = WAIT; /* a pipelined request: its turn comes after this answer */
	}
	h->taking = 0;
	if (taken != WAIT || at == end || gh__pump_closing(&h->conn->pump) || h->state == LINGER)
		drop_held(h);
	else
		hold(h, at, (size_t)(end - at));
}

/* Also with nothing held: the end of a body may be all that is left to tell. */
void gh__http1_take_held(struct gh__http1 *h)
{
	struct gh_str held = gh__held_bytes(&h->held);

	if (!h->taking && (held.len || h->stream))
		take(h, held.at, held.at + held.len);
}

/* After anything happened: what is read next, and what is waited for. */
void gh__http1_settle(struct gh__http1 *h)
{
	const struct gh__conn_settings *set = &h->conn->conns->settings;
	struct gh__stream *s = h->stream;

	if (gh__pump_closing(&h->conn->pump) || h->conn->pump.flags & GH__PUMP_GONE)
		return;
	bool full = gh__held_bytes(&h->held).len && h->state == REQUEST;
	bool stop = full || (s && !(s->flags & GH__S_BODY_ENDED) &&
			     !(s->flags & (GH__S_BODY_WANTED | GH__S_ENDED | GH__S_GONE)));
	if (s && s->flags & GH__S_TUNNEL)
		stop = full || !(s->flags & GH__S_BODY_WANTED);
	if (stop != !(h->conn->pump.flags & GH__PUMP_READING)) {
		if (stop)
			gh__pump_pause(&h->conn->pump);
		else
			gh__pump_resume(&h->conn->pump);
	}
	if (h->state == LINGER)
		return;
	if (h->conn->pump.queued)
		gh__conn_wait(h->conn, GH__FOR_WRITE, set->write_timeout);
	else if (h->state == IDLE)
		gh__conn_wait(h->conn, h->conn->requests ? GH__FOR_IDLE : GH__FOR_HEAD,
			      h->conn->requests ? set->idle_timeout : set->head_timeout);
	else if (h->state == HEAD)
		gh__conn_wait(h->conn, GH__FOR_HEAD, set->head_timeout);
	else if (s && s->flags & GH__S_BODY_WANTED &&
		 !(s->flags & (GH__S_BODY_ENDED | GH__S_BODY_BROKEN | GH__S_TUNNEL)))
		gh__conn_wait(h->conn, GH__FOR_BODY, set->body_timeout);
	else
		gh__conn_wait(h->conn, GH__FOR_NOTHING, 0);
}

/* ---- the table ---- */

static void data(struct gh__conn *c, const char *bytes, size_t len)
{
	struct gh__http1 *h = c->state;

	if (h->state == LINGER)
		return;
	if (gh__held_bytes(&h->held).len) {
		gh__held_add(&h->held, bytes, len);
		gh__http1_take_held(h);
	} else {
		take(h, bytes, bytes + len);
	}
	gh__http1_settle(h);
}

static void gone(struct gh__conn *c, int error)
{
	struct gh__http1 *h = c->state;
	struct gh__stream *s = h->stream;

	if (s && !(s->flags & (GH__S_ENDED | GH__S_GONE))) {
		s->flags |= GH__S_GONE;
		s->listener->on_gone(s, error);
	}
	gh__conn_close(c, GH__PUMP_FIN);
}

static void drain(struct gh__conn *c)
{
	struct gh__http1 *h = c->state;

	if (h->stream && !(h->stream->flags & (GH__S_ENDED | GH__S_GONE)))
		h->stream->listener->on_drain(h->stream);
	if (h->state == LINGER)
		wait_lingering(h);
	gh__http1_settle(h);
}

static void stop(struct gh__conn *c)
{
	struct gh__http1 *h = c->state;

	if (h->state == IDLE)
		gh__conn_close(c, GH__PUMP_FIN);
}

static void cut(struct gh__conn *c)
{
	struct gh__http1 *h = c->state;

	gh__conn_close(c, !h->stream                             ? GH__PUMP_FIN
			  : h->stream->flags & GH__S_UNTIL_CLOSE ? GH__PUMP_RST
								 : GH__PUMP_CUT);
}

static void close_all(struct gh__conn *c)
{
	struct gh__http1 *h = c->state;

	if (h->stream)
		later(c);
	drop_held(h);
	gh__free(h);
}

static const struct gh__protocol http1 = {
	.data = data,
	.gone = gone,
	.drain = drain,
	.late = late,
	.later = later,
	.stop = stop,
	.cut = cut,
	.close = close_all,
};

void gh__http1_begin(struct gh__conn *c, struct gh_str bytes)
{
	struct gh__http1 *h = gh__zalloc(sizeof *h);

	h->conn = c;
	gh__conn_speak(c, &http1, h);
	if (bytes.len)
		take(h, bytes.at, bytes.at + bytes.len);
	gh__http1_settle(h);
}
