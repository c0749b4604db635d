/*
 * The deadlines of a connection of HTTP/2. It has one on the wheel, for the first of all things that
 * are waited for; what comes before it is due is only noted as a time in its stream, and when the
 * deadline fires it is seen what is late and what comes next.
 */
#include "core/net/http2.h"

enum { LEAVE_MS = 1000 };

void gh__http2_wait(struct gh__http2 *h, enum gh__conn_wait what, uint64_t ms)
{
	struct gh__conn *c = h->conn;

	if (!ms || h->flags & GH__HTTP2_LINGER || gh__pump_closing(&c->pump))
		return;
	if (c->deadline.at && c->deadline.at <= c->pump.loop->now + ms)
		return;
	c->waits_for = GH__FOR_NOTHING; /* else a wait for a whole would keep its first moment */
	gh__conn_wait(c, what, ms);
}

/* True: the time for this is over. Else it is waited for on. */
static bool is_late(struct gh__http2 *h, enum gh__conn_wait what, uint64_t since, uint64_t ms)
{
	uint64_t waited = h->conn->pump.loop->now - since;

	if (!ms)
		return false;
	if (waited >= ms)
		return true;
	gh__http2_wait(h, what, ms - waited);
	return false;
}

static void look_at_body(struct gh__http2 *h, struct gh__http2_stream *x)
{
	struct gh__stream *s = x->stream;

	if (gh__http2_listens(x) && s->flags & GH__S_BODY_WANTED &&
	    !(x->flags & GH__HTTP2_IN_ENDED) &&
	    !(s->flags & (GH__S_BODY_ENDED | GH__S_BODY_BROKEN)) &&
	    is_late(h, GH__FOR_BODY, x->in_moved, h->conn->conns->settings.body_timeout))
		gh__http2_break_body(x, UV_ETIMEDOUT);
	if (x->flags & GH__HTTP2_OUT_ENDED && !(x->flags & GH__HTTP2_IN_ENDED) &&
	    is_late(h, GH__FOR_BODY, x->out_moved, gh__http2_upload_ms(x)))
		gh__http2_reset(x, NGHTTP2_NO_ERROR);
}

/* A window that its client does not open is as good as a socket that it does not read. */
static bool is_stalled(struct gh__http2 *h, const struct gh__http2_stream *x)
{
	bool waits = gh__http2_queued(x) ||
		     (x->stream->flags & GH__S_ENDED && !(x->flags & GH__HTTP2_OUT_ENDED));

	return waits &&
	       is_late(h, GH__FOR_WRITE, x->out_moved, h->conn->conns->settings.write_timeout);
}

/* Where one stream stalls it ends; where all do, their client is the reason. */
static void look_at_answers(struct gh__http2 *h)
{
	uint32_t stalled = 0;

	if (h->conn->pump.queued)
		return;
	for (struct gh__list *l = h->streams.next; l != &h->streams; l = l->next)
		stalled += is_stalled(h, GH__CONTAINER(l, struct gh__http2_stream, link));
	if (stalled && stalled == h->count) {
		gh__http2_fail(h, NGHTTP2_ENHANCE_YOUR_CALM);
		return;
	}
	for (struct gh__list *l = h->streams.next; stalled && l != &h->streams; l = l->next) {
		struct gh__http2_stream *x = GH__CONTAINER(l, struct gh__http2_stream, link);
		if (!is_stalled(h, x))
			continue;
		gh__http2_reset(x, NGHTTP2_CANCEL);
		gh__http2_tell_gone(x, UV_ETIMEDOUT);
	}
}

static void late_head(struct gh__http2 *h)
{
	h->conn->conns->listener->on_refused(h->conn, 408, "the head did not come in time");
	gh__http2_fail(h, NGHTTP2_ENHANCE_YOUR_CALM);
}

void gh__http2_late(struct gh__conn *c)
{
	struct gh__http2 *h = c->state;
	const struct gh__conn_settings *set = &c->conns->settings;

	c->waits_for = GH__FOR_NOTHING;
	if (c->pump.queued && is_late(h, GH__FOR_WRITE, c->pump.moved, set->write_timeout)) {
		gh__conn_close(c, GH__PUMP_RST);
		return;
	}
	if (h->flags & GH__HTTP2_LINGER) {
		if (c->pump.queued)
			gh__conn_wait(c, GH__FOR_WRITE,
				      set->write_timeout - (c->pump.loop->now - c->pump.moved));
		else
			gh__conn_close(c, GH__PUMP_FIN);
		return;
	}
	if (!(h->flags & GH__HTTP2_GREETED)) {
		if (is_late(h, GH__FOR_HEAD, h->since, set->head_timeout))
			late_head(h);
		return;
	}
	if (h->flags & GH__HTTP2_IN_HEAD &&
	    is_late(h, GH__FOR_HEAD, h->head_since, set->head_timeout)) {
		late_head(h);
		return;
	}
	if (h->flags & GH__HTTP2_LEAVING && !(h->flags & GH__HTTP2_LEFT) &&
	    is_late(h, GH__FOR_IDLE, h->left_since, LEAVE_MS))
		gh__http2_leave(h);
	for (struct gh__list *l = h->streams.next; l != &h->streams; l = l->next)
		look_at_body(h, GH__CONTAINER(l, struct gh__http2_stream, link));
	look_at_answers(h);
	if (!h->count && is_late(h, GH__FOR_IDLE, h->idle_since, set->idle_timeout))
		gh__http2_give_notice(h);
}
