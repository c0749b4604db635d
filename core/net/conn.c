#include "core/net/conn.h"

#include "core/base/memory.h"
#include "core/http/header.h"
#include "core/http/text.h"

enum state {
	IDLE,    /* nothing of a request has come */
	HEAD,    /* a part of a head is held */
	REQUEST, /* a stream is under way */
	LINGER, /* the last answer is out; what still comes is thrown away, so that it can be read */
};

/* What the one deadline of a connection stands for. */
enum wait { FOR_NOTHING, FOR_HEAD, FOR_BODY, FOR_IDLE, FOR_WRITE, FOR_LINGER };

enum { LINGER_MS = 5000 };

static struct gh__conn *conn_of(struct gh__pump *p)
{
	return GH__CONTAINER(p, struct gh__conn, pump);
}

static void break_body(struct gh__stream *s, int error);

/* ---- bytes that must wait ---- */

static void hold(struct gh__conn *c, const char *at, size_t len)
{
	c->here = (uint32_t)len;
	gh__held_keep(&c->held, at, len);
}

static void drop_held(struct gh__conn *c)
{
	c->here = 0;
	gh__held_drop(&c->held);
}

/* ---- deadlines ---- */

static void wait_for(struct gh__conn *c, enum wait what, uint64_t ms)
{
	/* A wait for the whole of something keeps its first deadline; one for progress moves it. That of a
	 * write moves when it fires: a client that only sends makes no progress in reading. */
	bool whole = what == FOR_HEAD || what == FOR_LINGER || what == FOR_WRITE;

	if (c->waits_for == what && whole)
		return;
	c->waits_for = (uint8_t)what;
	if (what == FOR_NOTHING || ms == 0)
		gh__deadline_clear(&c->deadline);
	else
		gh__deadline_set(c->pump.loop, &c->deadline, ms);
}

/* ---- the end of a stream and of a connection ---- */

void gh__conn_close(struct gh__conn *c, enum gh__pump_end end)
{
	gh__pump_close(&c->pump, end);
	gh__loop_later(c->pump.loop, &c->later);
}

static void end_stream(struct gh__conn *c)
{
	struct gh__stream *s = c->stream;

	c->stream = NULL;
	c->message = NULL;
	s->listener->on_end(s);
	gh__arena_finish(&s->arena);
	gh__block_put(c->pump.loop, s);
}

/* A slow reader has all the time that it has for any answer; only then the lingering is counted. */
static void wait_lingering(struct gh__conn *c)
{
	if (c->pump.queued)
		wait_for(c, FOR_WRITE, c->conns->settings.write_timeout);
	else
		wait_for(c, FOR_LINGER, LINGER_MS);
}

static void linger(struct gh__conn *c)
{
	c->state = LINGER;
	drop_held(c);
	gh__pump_shut(&c->pump);
	gh__pump_resume(&c->pump);
	wait_lingering(c);
}

/* At the end of the turn: nobody up the stack holds the stream any more. */
static void on_later(struct gh__later *later)
{
	struct gh__conn *c = GH__CONTAINER(later, struct gh__conn, later);
	struct gh__stream *s = c->stream;

	if (gh__pump_closing(&c->pump)) {
		if (s) {
			if (!(s->flags & (GH__S_ENDED | GH__S_GONE))) {
				s->flags |= GH__S_GONE;
				s->listener->on_gone(s, UV_ECANCELED);
			}
			end_stream(c);
		}
		return;
	}
	if (!s || !(s->flags & GH__S_ENDED))
		return;
	if (!(s->flags & (GH__S_BODY_ENDED | GH__S_CLOSE))) {
		/* The rest of a body that is here, or nearly: read past it and keep the connection. */
		gh__conn_take_held(c);
		gh__conn_settle(c);
		if (gh__pump_closing(&c->pump) || !(s->flags & (GH__S_BODY_ENDED | GH__S_CLOSE)))
			return;
	}
	bool last = s->flags & (GH__S_CLOSE | GH__S_UNTIL_CLOSE | GH__S_TUNNEL);
	bool unread = !(s->flags & GH__S_BODY_ENDED) || c->here;
	end_stream(c);
	if (c->conns->stopping && !unread && !c->pump.queued) {
		gh__conn_close(
			c, GH__PUMP_FIN); /* nobody waits for a client that has all it asked for */
		return;
	}
	if (last || c->conns->stopping) {
		linger(c);
		return;
	}
	c->state = IDLE;
	c->waits_for = FOR_NOTHING;
	gh__conn_take_held(c);
	gh__conn_settle(c);
}

static void on_deadline(struct gh__deadline *d)
{
	struct gh__conn *c = GH__CONTAINER(d, struct gh__conn, deadline);
	enum wait what = c->waits_for;

	c->waits_for = FOR_NOTHING;
	if (what == FOR_WRITE) {
		uint64_t since = c->pump.loop->now - c->pump.moved;
		if (since < c->conns->settings.write_timeout)
			wait_for(c, FOR_WRITE, c->conns->settings.write_timeout - since);
		else
			gh__conn_close(c, GH__PUMP_RST);
	} else if (what == FOR_BODY && c->stream && !(c->stream->flags & GH__S_GONE)) {
		break_body(c->stream, UV_ETIMEDOUT);
	} else if (what == FOR_HEAD && c->state == HEAD) {
		static const char late[] = "HTTP/1.1 408 Request Timeout\r\nConnection: "
					   "close\r\nContent-Length: 0\r\n\r\n";
		c->conns->listener->on_refused(c, 408, "the head did not come in time");
		gh__pump_write(&c->pump,
			       &(struct iovec){ (void *)(uintptr_t)late, sizeof late - 1 }, 1);
		linger(c);
	} else {
		gh__conn_close(c, GH__PUMP_FIN);
	}
}

/* ---- reading ---- */

/* `head` is what there is of the head: an answer to HEAD has no body. */
static void refuse(struct gh__conn *c, struct gh_str head, const struct gh__refusal *r)
{
	struct gh__arena a;
	char room[1024];
	struct gh_str type;

	gh__arena_init(&a, room, sizeof room);
	struct gh_str body = gh__error_body(&a, GH_SHAPE_PLAIN, r->status, NULL, gh_str(r->why),
					    &type);
	struct gh_str answer = gh__arena_printf(
		&a,
		"HTTP/1.1 %d %s\r\nDate: " GH_FMT "\r\nContent-Type: " GH_FMT
		"\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n" GH_FMT,
		r->status, gh__reason(r->status), GH__DATE_LEN, c->pump.loop->date, GH_ARG(type),
		body.len, gh_str_starts(head, GH_STR("HEAD ")) ? 0 : (int)body.len, body.at);
	c->conns->listener->on_refused(c, r->status, r->why);
	gh__pump_write(&c->pump, &(struct iovec){ (void *)(uintptr_t)answer.at, answer.len }, 1);
	gh__arena_finish(&a);
	linger(c);
}

/* Makes a stream of a whole head. Returns 0, or -1: refused. */
static int open_stream(struct gh__conn *c, struct gh_str head, size_t after)
{
	const struct gh__stream_listener *listener = c->conns->listener;
	size_t fixed = listener->stream_size + sizeof(struct gh__message);
	char *block = gh__block_get(c->pump.loop);
	struct gh__stream *s = (struct gh__stream *)(void *)block;
	struct gh__message *m = (struct gh__message *)(void *)(block + listener->stream_size);
	struct gh__refusal why;

	memset(block, 0, fixed);
	gh__arena_init(&s->arena, block + fixed, GH__BLOCK - fixed);
	s->ops = &gh__http1_ops;
	s->listener = listener;
	s->conn = c;
	s->loop = c->pump.loop;
	s->req.scheme = c->door->scheme;
	s->req.client = c->peer;
	if (gh__request_head(m, &s->arena, gh__arena_copy(&s->arena, head),
			     c->conns->settings.max_headers, &s->req, &why)) {
		gh__arena_finish(&s->arena);
		gh__block_put(c->pump.loop, s);
		refuse(c, head, &why);
		return -1;
	}
	s->protocol = 10u + m->version;
	if (m->framing == GH__BODY_NONE)
		s->flags |= GH__S_BODY_ENDED;
	if (m->expect == GH__EXPECT_CONTINUE && m->framing != GH__BODY_NONE && after == 0)
		s->flags |= GH__S_CONTINUE;
	if (!m->keep_alive)
		s->flags |= GH__S_CLOSE;
	c->stream = s;
	c->message = m;
	c->state = REQUEST;
	c->scan = (struct gh__scan){ 0 };
	c->requests++;
	c->here = (uint32_t)after;
	listener->on_head(s);
	return 0;
}

enum taken { TAKEN, WAIT, MORE }; /* WAIT: the rest must be held; MORE: there is no rest */

static enum taken take_head(struct gh__conn *c, const char **at, const char *end)
{
	struct gh__refusal why;
	size_t len = 0, skip = gh__scan_skip((struct gh_str){ *at, (size_t)(end - *at) });
	struct gh_str bytes = { *at + skip, (size_t)(end - *at) - skip };

	if (*at == end)
		return MORE;
	switch (gh__scan_head(&c->scan, bytes, c->conns->settings.max_head, &len, &why)) {
	case GH__SCAN_HEAD:
		*at = bytes.at + len;
		open_stream(c, (struct gh_str){ bytes.at, len }, (size_t)(end - *at));
		return TAKEN;
	case GH__SCAN_BAD:
		refuse(c, bytes, &why);
		return MORE;
	case GH__SCAN_MORE:
	default:
		c->state = HEAD;
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
static enum taken take_body(struct gh__conn *c, const char **at, const char *end)
{
	struct gh__stream *s = c->stream;
	struct gh__refusal why;
	struct gh_str data = { 0 };
	bool skip = s->flags & (GH__S_ENDED | GH__S_GONE);

	if (s->flags & GH__S_BODY_BROKEN) {
		*at = end;
		return MORE;
	}
	if (!skip && !(s->flags & GH__S_BODY_WANTED))
		return WAIT;
	enum gh__body_step step = gh__body_next(c->message, at, end, &data, &why);
	s->received += data.len;
	c->here = (uint32_t)(end - *at);
	if (step == GH__BODY_BAD)
		break_body(s, UV_EPROTO);
	else if (!skip && s->max_body && s->received + c->message->left > s->max_body)
		break_body(s, UV_E2BIG);
	else if (step == GH__BODY_DATA && !skip)
		s->listener->on_body(s, data, GH_MORE);
	if (step != GH__BODY_END || s->flags & GH__S_BODY_BROKEN)
		return step == GH__BODY_MORE ? MORE : TAKEN;
	s->flags |= GH__S_BODY_ENDED;
	if (skip)
		gh__loop_later(c->pump.loop, &c->later);
	else
		s->listener->on_body(s, (struct gh_str){ 0 }, GH_LAST);
	return TAKEN;
}

static enum taken take_tunnel(struct gh__conn *c, const char **at, const char *end)
{
	struct gh__stream *s = c->stream;
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

static void take(struct gh__conn *c, const char *at, const char *end)
{
	enum taken taken = TAKEN;

	c->taking = 1;
	while (taken == TAKEN && !gh__pump_closing(&c->pump) && c->state != LINGER) {
		if (!c->stream)
			taken = take_head(c, &at, end);
		else if (c->stream->flags & GH__S_TUNNEL)
			taken = take_tunnel(c, &at, end);
		else if (!(c->stream->flags & GH__S_BODY_ENDED))
			taken = take_body(c, &at, end);
		else
			taken = WAIT; /* a pipelined request: its turn comes after this answer */
	}
	c->taking = 0;
	if (taken != WAIT || at == end || gh__pump_closing(&c->pump) || c->state == LINGER)
		drop_held(c);
	else
		hold(c, at, (size_t)(end - at));
}

/* Also with nothing held: the end of a body may be all that is left to tell. */
void gh__conn_take_held(struct gh__conn *c)
{
	struct gh_str held = gh__held_bytes(&c->held);

	if (!c->taking && (held.len || c->stream))
		take(c, held.at, held.at + held.len);
}

/* After anything happened: what is read next, and what is waited for. */
void gh__conn_settle(struct gh__conn *c)
{
	const struct gh__conn_settings *set = &c->conns->settings;
	struct gh__stream *s = c->stream;

	if (gh__pump_closing(&c->pump) || c->pump.flags & GH__PUMP_GONE)
		return;
	bool full = gh__held_bytes(&c->held).len && c->state == REQUEST;
	bool stop = full || (s && !(s->flags & GH__S_BODY_ENDED) &&
			     !(s->flags & (GH__S_BODY_WANTED | GH__S_ENDED | GH__S_GONE)));
	if (s && s->flags & GH__S_TUNNEL)
		stop = full || !(s->flags & GH__S_BODY_WANTED);
	if (stop != !(c->pump.flags & GH__PUMP_READING)) {
		if (stop)
			gh__pump_pause(&c->pump);
		else
			gh__pump_resume(&c->pump);
	}
	if (c->state == LINGER)
		return;
	if (c->pump.queued)
		wait_for(c, FOR_WRITE, set->write_timeout);
	else if (c->state == IDLE)
		wait_for(c, c->requests ? FOR_IDLE : FOR_HEAD,
			 c->requests ? set->idle_timeout : set->head_timeout);
	else if (c->state == HEAD)
		wait_for(c, FOR_HEAD, set->head_timeout);
	else if (s && s->flags & GH__S_BODY_WANTED &&
		 !(s->flags & (GH__S_BODY_ENDED | GH__S_BODY_BROKEN | GH__S_TUNNEL)))
		wait_for(c, FOR_BODY, set->body_timeout);
	else
		wait_for(c, FOR_NOTHING, 0);
}

static void on_data(struct gh__pump *p, const char *data, size_t len)
{
	struct gh__conn *c = conn_of(p);

	if (c->state == LINGER)
		return;
	if (gh__held_bytes(&c->held).len) {
		gh__held_add(&c->held, data, len);
		gh__conn_take_held(c);
	} else {
		take(c, data, data + len);
	}
	gh__conn_settle(c);
}

static void on_gone(struct gh__pump *p, int error)
{
	struct gh__conn *c = conn_of(p);
	struct gh__stream *s = c->stream;

	if (s && !(s->flags & (GH__S_ENDED | GH__S_GONE))) {
		s->flags |= GH__S_GONE;
		s->listener->on_gone(s, error);
	}
	gh__conn_close(c, GH__PUMP_FIN);
}

static void on_drain(struct gh__pump *p)
{
	struct gh__conn *c = conn_of(p);

	if (c->stream && !(c->stream->flags & (GH__S_ENDED | GH__S_GONE)))
		c->stream->listener->on_drain(c->stream);
	if (c->state == LINGER)
		wait_lingering(c);
	gh__conn_settle(c);
}

static void on_closed(struct gh__pump *p)
{
	struct gh__conn *c = conn_of(p);

	if (c->stream)
		on_later(&c->later);
	gh__list_remove(&c->later.link);
	gh__list_remove(&c->link);
	gh__deadline_finish(p->loop, &c->deadline);
	drop_held(c);
	c->conns->count--;
	atomic_fetch_sub(&c->door->users, 1);
	c->conns->on_close(c->conns, c);
	gh__free(c);
}

static const struct gh__pump_ops pump_ops = {
	.on_data = on_data, .on_gone = on_gone, .on_drain = on_drain, .on_closed = on_closed
};

/* ---- a worker's connections ---- */

void gh__conns_init(struct gh__conns *conns, struct gh__loop *loop,
		    const struct gh__stream_listener *listener)
{
	*conns = (struct gh__conns){ .loop = loop, .listener = listener };
	gh__list_init(&conns->all);
	GH_CHECK(listener->stream_size + sizeof(struct gh__message) + 256 < GH__BLOCK);
}

int gh__conn_accept(struct gh__conns *conns, int fd, const struct gh_address *peer,
		    struct gh__door *door)
{
	struct gh__conn *c = gh__zalloc(sizeof *c);
	int error = gh__pump_open(&c->pump, conns->loop, fd, GH__PUMP_WATCH_GONE, &pump_ops);

	if (error) {
		gh__free(c);
		return error;
	}
	gh__deadline_init(&c->deadline, on_deadline);
	gh__later_init(&c->later, on_later);
	c->conns = conns;
	c->door = door;
	atomic_fetch_add_explicit(&door->users, 1, memory_order_relaxed);
	c->peer = *peer;
	gh__list_add(&conns->all, &c->link);
	conns->count++;
	gh__conn_settle(c);
	return 0;
}

void gh__conns_stop(struct gh__conns *conns)
{
	conns->stopping = true;
	for (struct gh__list *l = conns->all.next, *next; l != &conns->all; l = next) {
		next = l->next;
		struct gh__conn *c = GH__CONTAINER(l, struct gh__conn, link);
		if (c->state == IDLE && !gh__pump_closing(&c->pump))
			gh__conn_close(c, GH__PUMP_FIN);
	}
}

void gh__conns_cut(struct gh__conns *conns)
{
	for (struct gh__list *l = conns->all.next, *next; l != &conns->all; l = next) {
		next = l->next;
		struct gh__conn *c = GH__CONTAINER(l, struct gh__conn, link);
		if (!gh__pump_closing(&c->pump))
			gh__conn_close(c, c->stream && c->stream->flags & GH__S_UNTIL_CLOSE
						  ? GH__PUMP_RST
						  : GH__PUMP_FIN);
	}
}
