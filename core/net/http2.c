#include "core/net/http2.h"

#include "core/base/memory.h"
#include "core/net/out.h"

enum {
	PREFACE = 24,
	LEAVE_MS = 1000,
	LINGER_MS = 5000,
	LINGER_BYTES = GH__HTTP2_ALL_WINDOW + (1 << 20), /* what may have been on its way */
};

/* ---- ways for a connection to end ---- */

void gh__http2_fail(struct gh__http2 *h, uint32_t code)
{
	if (h->flags & GH__HTTP2_OVER)
		return;
	h->flags |= GH__HTTP2_OVER | GH__HTTP2_FAILED;
	nghttp2_session_terminate_session(h->session, code);
	gh__http2_later(h);
}

void gh__http2_charge(struct gh__http2 *h, enum gh__h2_cost cost)
{
	static const char *const why[GH__H2_COSTS] = {
		[GH__H2_RESET] = "This client of HTTP/2 resets too many streams.",
		[GH__H2_PROVOKED] = "This client of HTTP/2 makes too many errors in streams.",
		[GH__H2_REFUSAL] = "This client of HTTP/2 had too many requests refused.",
		[GH__H2_PING] = "This client of HTTP/2 sends too many pings.",
		[GH__H2_SETTINGS] = "This client of HTTP/2 sends too many settings.",
		[GH__H2_EMPTY] = "This client of HTTP/2 sends too many empty frames.",
		[GH__H2_WINDOW] = "This client of HTTP/2 sends too many window updates.",
		[GH__H2_IDLE] = "This client of HTTP/2 sends too many frames without use.",
		[GH__H2_STRAY] = "This client of HTTP/2 sends too much for streams that are over.",
		[GH__H2_BOMB] = "This client of HTTP/2 sends heads that blow up.",
	};

	if (h->flags & GH__HTTP2_OVER || gh__h2_spend(&h->budget, cost, h->conn->pump.loop->now))
		return;
	h->conn->conns->listener->on_refused(h->conn, 429, why[cost]);
	gh__http2_fail(h, NGHTTP2_ENHANCE_YOUR_CALM);
}

void gh__http2_leave(struct gh__http2 *h)
{
	if (h->flags & GH__HTTP2_LEFT)
		return;
	h->flags |= GH__HTTP2_LEFT;
	nghttp2_submit_goaway(h->session, NGHTTP2_FLAG_NONE,
			      nghttp2_session_get_last_proc_stream_id(h->session), NGHTTP2_NO_ERROR,
			      NULL, 0);
	gh__http2_later(h);
}

/* First a notice, and the final word when its echo is here. */
void gh__http2_give_notice(struct gh__http2 *h)
{
	if (h->flags & (GH__HTTP2_LEAVING | GH__HTTP2_LEFT | GH__HTTP2_OVER))
		return;
	h->flags |= GH__HTTP2_LEAVING;
	h->left_since = h->conn->pump.loop->now;
	nghttp2_submit_shutdown_notice(h->session);
	nghttp2_submit_ping(h->session, NGHTTP2_FLAG_NONE, NULL);
	gh__http2_wait(h, GH__FOR_IDLE, LEAVE_MS);
	gh__http2_later(h);
}

static void wait_lingering(struct gh__http2 *h)
{
	struct gh__conn *c = h->conn;

	if (c->pump.queued)
		gh__conn_wait(c, GH__FOR_WRITE, c->conns->settings.write_timeout);
	else
		gh__conn_wait(c, GH__FOR_LINGER, LINGER_MS);
}

/* What still comes is thrown away, so that the last words can be read. */
static void linger(struct gh__http2 *h)
{
	h->flags |= GH__HTTP2_LINGER | GH__HTTP2_OVER;
	gh__pump_shut(&h->conn->pump);
	wait_lingering(h);
}

/* ---- streams ---- */

struct gh__http2_stream *gh__http2_open(struct gh__http2 *h, int32_t id)
{
	void *extra;
	struct gh__stream *s = gh__conn_open_stream(h->conn, sizeof(struct gh__http2_stream),
						    &extra);
	struct gh__http2_stream *x = extra;

	s->ops = &gh__http2_ops;
	s->protocol = 20;
	x->stream = s;
	x->id = id;
	x->left = -1;
	x->flags = GH__HTTP2_SILENT; /* until its head was told */
	gh__list_add(&h->streams, &x->link);
	h->count++;
	return x;
}

static void free_stream(struct gh__http2 *h, struct gh__http2_stream *x)
{
	struct gh__stream *s = x->stream;

	if (s->flags & GH__S_ENDED && x->flags & GH__HTTP2_OUT_ENDED)
		gh__h2_earn(&h->budget, GH__H2_RESET, 1);
	gh__list_remove(&x->link);
	gh__held_drop(&x->in);
	gh__held_drop(&x->out);
	h->wide -= (x->flags & GH__HTTP2_IS_WIDE) != 0;
	h->pressed -= (x->flags & GH__HTTP2_PRESSED) != 0;
	if (--h->count == 0) {
		h->idle_since = s->loop->now;
		gh__http2_wait(h, GH__FOR_IDLE, h->conn->conns->settings.idle_timeout);
	}
	if (!(x->flags & GH__HTTP2_SILENT)) {
		gh__conn_end_stream(s);
	} else {
		gh__arena_finish(&s->arena);
		gh__block_put(s->loop, s);
	}
}

void gh__http2_reset(struct gh__http2_stream *x, uint32_t code)
{
	struct gh__http2 *h = gh__http2_of(x->stream->conn);

	if (x->flags & (GH__HTTP2_RESET | GH__HTTP2_CLOSED))
		return;
	x->flags |= GH__HTTP2_RESET;
	nghttp2_submit_rst_stream(h->session, NGHTTP2_FLAG_NONE, x->id, code);
	gh__http2_later(h);
}

void gh__http2_tell_gone(struct gh__http2_stream *x, int error)
{
	struct gh__stream *s = x->stream;

	if (x->flags & GH__HTTP2_SILENT || s->flags & (GH__S_ENDED | GH__S_GONE))
		return;
	s->flags |= GH__S_GONE;
	s->listener->on_gone(s, error);
}

void gh__http2_sweep(struct gh__http2 *h)
{
	h->flags &= ~(unsigned)GH__HTTP2_SWEEP;
	for (struct gh__list *l = h->streams.next, *next; l != &h->streams; l = next) {
		struct gh__http2_stream *x = GH__CONTAINER(l, struct gh__http2_stream, link);
		next = l->next;
		if (!(x->flags & GH__HTTP2_CLOSED))
			continue;
		gh__http2_tell_gone(x, UV_ECANCELED);
		free_stream(h, x);
	}
}

/* The session is over for all of them. */
static void end_all(struct gh__http2 *h, int error)
{
	h->heading = NULL;
	for (struct gh__list *l = h->streams.next; l != &h->streams; l = l->next) {
		struct gh__http2_stream *x = GH__CONTAINER(l, struct gh__http2_stream, link);
		gh__http2_tell_gone(x, error);
		x->flags |= GH__HTTP2_CLOSED;
	}
	gh__http2_sweep(h);
}

/* ---- the turn ---- */

/* What is written is written; whether the connection goes on, and what it waits for. */
static void settle(struct gh__http2 *h)
{
	struct gh__conn *c = h->conn;

	if (h->flags & GH__HTTP2_LINGER)
		return;
	if (h->flags & GH__HTTP2_FAILED) {
		end_all(h, UV_EPROTO);
		linger(h);
		return;
	}
	if (!nghttp2_session_want_read(h->session) && !nghttp2_session_want_write(h->session)) {
		end_all(h, UV_ECANCELED);
		linger(h);
		return;
	}
	if (gh__conn_is_last(c) && c->requests)
		gh__http2_give_notice(h);
	if (c->pump.queued)
		gh__http2_wait(h, GH__FOR_WRITE, c->conns->settings.write_timeout);
}

static void later(struct gh__conn *c)
{
	struct gh__http2 *h = c->state;

	if (gh__pump_closing(&c->pump)) {
		end_all(h, UV_ECANCELED);
		return;
	}
	if (h->flags & GH__HTTP2_LINGER)
		return;
	if (h->flags & GH__HTTP2_SWEEP)
		gh__http2_sweep(h);
	gh__http2_push(h);
	if (c->pump.loop->out->to == &c->pump)
		gh__out_flush(c->pump.loop->out);
	if (h->flags & GH__HTTP2_SWEEP)
		gh__http2_sweep(h);
	gh__http2_drained(h);
	settle(h);
}

/* ---- the table ---- */

static void data(struct gh__conn *c, const char *bytes, size_t len)
{
	struct gh__http2 *h = c->state;

	if (h->flags & GH__HTTP2_LINGER) {
		h->thrown += (uint32_t)len;
		if (h->thrown > LINGER_BYTES)
			gh__conn_close(c, GH__PUMP_RST);
		return;
	}
	gh__http2_receive(h, bytes, bytes + len);
	gh__http2_later(h);
}

static void gone(struct gh__conn *c, int error)
{
	struct gh__http2 *h = c->state;

	for (struct gh__list *l = h->streams.next; l != &h->streams; l = l->next)
		gh__http2_tell_gone(GH__CONTAINER(l, struct gh__http2_stream, link), error);
	gh__conn_close(c, GH__PUMP_FIN);
}

static void drain(struct gh__conn *c)
{
	struct gh__http2 *h = c->state;

	if (h->flags & GH__HTTP2_LINGER)
		wait_lingering(h);
	else
		later(c);
}

static void stop(struct gh__conn *c)
{
	struct gh__http2 *h = c->state;

	if (h->flags & GH__HTTP2_LINGER)
		return;
	if (h->count || h->flags & GH__HTTP2_IN_HEAD) {
		gh__http2_give_notice(h);
		return;
	}
	gh__http2_leave(h);
	gh__http2_push(h);
	gh__out_flush(c->pump.loop->out);
	gh__conn_close(c, GH__PUMP_FIN);
}

static void cut(struct gh__conn *c)
{
	struct gh__http2 *h = c->state;

	gh__out_flush(c->pump.loop->out);
	gh__conn_close(c, h->count ? GH__PUMP_CUT : GH__PUMP_FIN);
}

static void close_all(struct gh__conn *c)
{
	struct gh__http2 *h = c->state;

	end_all(h, UV_ECANCELED);
	gh__http2_session_end(h);
	gh__free(h);
}

static const struct gh__protocol http2 = {
	.data = data,
	.gone = gone,
	.drain = drain,
	.late = gh__http2_late,
	.later = later,
	.stop = stop,
	.cut = cut,
	.close = close_all,
};

void gh__http2_begin(struct gh__conn *c, struct gh_str bytes)
{
	struct gh__http2 *h = gh__zalloc(sizeof *h);

	h->conn = c;
	h->preface_left = PREFACE;
	h->since = h->idle_since = c->pump.loop->now;
	gh__list_init(&h->streams);
	gh__conn_speak(c, &http2, h);
	c->waits_for = GH__FOR_NOTHING;
	gh__deadline_clear(&c->deadline);
	gh__http2_session_begin(h);
	gh__http2_wait(h, GH__FOR_HEAD, c->conns->settings.head_timeout);
	if (bytes.len)
		gh__http2_receive(h, bytes.at, bytes.at + bytes.len);
	gh__http2_later(h);
}
