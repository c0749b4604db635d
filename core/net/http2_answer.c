/* What goes out on a connection of HTTP/2: what a stream can do, and the frames that nghttp2 makes. */
#include "core/base/memory.h"
#include "core/http/header.h"
#include "core/http/text.h"
#include "core/net/http2.h"
#include "core/net/out.h"

enum {
	FIELDS = 48,        /* of a head, without an allocation */
	SPARE = 4,          /* :status, date, content-length */
	BLOCKED = 64 << 10, /* bytes in the pump's queue at which no frame at all is made */
	FAIR_FRAME = 1024,  /* a window that lets so much pass is no tiny one */
};

static bool is_over(const struct gh__http2_stream *x)
{
	return x->flags & (GH__HTTP2_CLOSED | GH__HTTP2_RESET);
}

/* ---- heads ---- */

struct fields {
	nghttp2_nv here[FIELDS], *at;
	size_t count;
	char status[3], length[20];
};

static void put(struct fields *f, struct gh_str name, struct gh_str value)
{
	f->at[f->count++] = (nghttp2_nv){
		.name = (uint8_t *)(uintptr_t)name.at,
		.value = (uint8_t *)(uintptr_t)value.at,
		.namelen = name.len,
		.valuelen = value.len,
	};
}

/* Status and fields without those that are a connection's own; nghttp2 copies them, and puts names in
 * lower case. Returns whether Date is among them. */
static bool put_all(struct fields *f, int status, const struct gh_headers *headers)
{
	uint32_t count = headers ? headers->count : 0;
	bool dated = false;

	f->at = f->here;
	f->count = 0;
	if (count + SPARE > FIELDS)
		f->at = gh__alloc((count + SPARE) * sizeof *f->at);
	f->status[0] = (char)('0' + status / 100 % 10);
	f->status[1] = (char)('0' + status / 10 % 10);
	f->status[2] = (char)('0' + status % 10);
	put(f, GH_STR(":status"), (struct gh_str){ f->status, sizeof f->status });
	for (uint32_t i = 0; i < count; i++) {
		const struct gh_header *h = headers->items + i;
		if (gh__header_traits(h) & (GH__HOP | GH__FRAMING))
			continue;
		dated = dated || h->id == GH__H_DATE;
		put(f, gh_header_name(h), gh_header_value(h));
	}
	return dated;
}

static void drop_fields(struct fields *f)
{
	if (f->at != f->here)
		gh__free(f->at);
}

static ssize_t on_read(nghttp2_session *session, int32_t id, uint8_t *to, size_t room,
		       uint32_t *flags, nghttp2_data_source *source, void *owner);

static void submit_head(struct gh__stream *s, enum gh_part part)
{
	struct gh__http2_stream *x = gh__http2_stream_of(s);
	nghttp2_data_provider body = { .source.ptr = x, .read_callback = on_read };
	struct fields f;

	if (!put_all(&f, s->res.status, &s->res.headers))
		put(&f, GH_STR("date"), (struct gh_str){ s->loop->date, GH__DATE_LEN });
	if (s->res.status != 204 && s->res.length >= 0 &&
	    (s->res.status != 304 || s->res.length > 0))
		put(&f, GH_STR("content-length"),
		    (struct gh_str){ f.length, gh__decimal(f.length, (uint64_t)s->res.length) });
	nghttp2_submit_response(gh__http2_of(s->conn)->session, x->id, f.at, f.count,
				part == GH_LAST ? NULL : &body);
	drop_fields(&f);
}

static void end_answer(struct gh__stream *s)
{
	struct gh__conn *c = s->conn;

	s->flags |= GH__S_ENDED;
	gh__http2_stream_of(s)->out_moved = s->loop->now;
	gh__http2_wait(gh__http2_of(c), GH__FOR_WRITE, c->conns->settings.write_timeout);
}

static void send_head(struct gh__stream *s, enum gh_part part)
{
	struct gh__http2_stream *x = gh__http2_stream_of(s);
	bool head = gh_str_is(s->req.method, "HEAD");

	GH_CHECK(!(s->flags & GH__S_HEAD_SENT));
	s->flags |= GH__S_HEAD_SENT;
	if (head || s->res.status == 204 || s->res.status == 304)
		s->flags |= GH__S_BODILESS;
	if (part == GH_LAST && s->res.length < 0)
		s->res.length = head ? -1 : 0;
	if (!is_over(x))
		submit_head(s, part);
	if (part == GH_LAST)
		end_answer(s);
	gh__http2_later(gh__http2_of(s->conn));
}

static void send_interim(struct gh__stream *s, int status, const struct gh_headers *headers)
{
	struct gh__http2_stream *x = gh__http2_stream_of(s);
	struct gh__http2 *h = gh__http2_of(s->conn);
	struct fields f;

	s->flags &= ~(unsigned)GH__S_CONTINUE;
	if (s->flags & (GH__S_HEAD_SENT | GH__S_GONE) || is_over(x) || x->interims == UINT8_MAX)
		return;
	put_all(&f, status, headers);
	nghttp2_submit_headers(h->session, NGHTTP2_FLAG_NONE, x->id, NULL, f.at, f.count, NULL);
	drop_fields(&f);
	x->interims++;
	gh__http2_later(h);
}

/* ---- bodies ---- */

static size_t given(const struct gh__http2_stream *x)
{
	size_t len = gh__http2_queued(x);

	for (unsigned i = 0; i < x->slice_count; i++)
		len += x->slices[i].len;
	return len;
}

/* How much nghttp2 may put into the next frame; the bytes themselves go past it, in on_send_data(). */
static ssize_t on_read(nghttp2_session *session, int32_t id, uint8_t *to, size_t room,
		       uint32_t *flags, nghttp2_data_source *source, void *owner)
{
	struct gh__http2_stream *x = source->ptr;
	struct gh__stream *s = x->stream;
	size_t len = given(x);

	(void)session;
	(void)id;
	(void)to;
	(void)owner;
	if (s->conn->pump.queued)
		return NGHTTP2_ERR_PAUSE;
	if (len > room)
		len = room;
	else if (s->flags & GH__S_ENDED && !(x->flags & GH__HTTP2_ABORTED))
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	else if (!len)
		return NGHTTP2_ERR_DEFERRED;
	if (len)
		*flags |= NGHTTP2_DATA_FLAG_NO_COPY;
	return (ssize_t)len;
}

static void pass(struct gh__http2 *h, struct gh_str bytes)
{
	gh__out_str(h->conn->pump.loop->out, &h->conn->pump, bytes);
	if (bytes.len >= GH__OUT_COPY)
		h->flags |= GH__HTTP2_REFERRED;
}

static void pass_body(struct gh__http2 *h, struct gh__http2_stream *x, size_t len)
{
	struct gh_str held = gh_str_slice(gh__held_bytes(&x->out), 0, len);
	unsigned used = 0;

	if (held.len) {
		pass(h, held);
		x->out.from += (uint32_t)held.len;
		len -= held.len;
	}
	for (; len; used += x->slices[used].len == 0) {
		struct gh_str *slice = x->slices + used;
		struct gh_str part = gh_str_slice(*slice, 0, len);
		pass(h, part);
		*slice = gh_str_slice(*slice, part.len, slice->len);
		len -= part.len;
	}
	x->slice_count -= (uint8_t)used;
	for (unsigned i = 0; used && i < x->slice_count; i++)
		x->slices[i] = x->slices[i + used];
}

/* What was given is out, and nothing may follow. */
static void reset_aborted(struct gh__http2_stream *x)
{
	if (x->flags & GH__HTTP2_ABORTED && !given(x) &&
	    (x->flags & GH__HTTP2_HEAD_OUT || !(x->stream->flags & GH__S_HEAD_SENT)))
		gh__http2_reset(x, NGHTTP2_INTERNAL_ERROR);
}

static int on_send_data(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *head,
			size_t len, nghttp2_data_source *source, void *owner)
{
	struct gh__http2_stream *x = source->ptr;
	struct gh__http2 *h = owner;

	(void)session;
	(void)frame;
	pass(h, (struct gh_str){ (const char *)head, GH__HTTP2_FRAME_HEAD });
	pass_body(h, x, len);
	x->out_moved = x->stream->loop->now;
	if (len >= FAIR_FRAME || !given(x)) {
		gh__h2_earn(&h->budget, GH__H2_WINDOW, 2);
		gh__h2_earn(&h->budget, GH__H2_PING, 1);
	}
	reset_aborted(x);
	return 0;
}

/* What the windows or the socket did not take must wait, and is copied. */
static void stash(struct gh__http2 *h, struct gh__http2_stream *x)
{
	for (unsigned i = 0; i < x->slice_count; i++) {
		struct gh_str slice = x->slices[i];
		if (gh__http2_queued(x)) {
			gh__held_add(&x->out, slice.at, slice.len);
			continue;
		}
		gh__held_keep(&x->out, slice.at, slice.len);
		x->out_moved = x->stream->loop->now;
		gh__http2_wait(h, GH__FOR_WRITE, h->conn->conns->settings.write_timeout);
	}
	x->slice_count = 0;
	if (!gh__http2_queued(x))
		gh__held_drop(&x->out);
}

static void push_body(struct gh__http2_stream *x)
{
	struct gh__http2 *h = gh__http2_of(x->stream->conn);

	if (!is_over(x)) {
		nghttp2_session_resume_data(h->session, x->id);
		gh__http2_push(h);
	}
	if (is_over(x))
		x->slice_count = 0;
	else
		stash(h, x);
}

static void send_body(struct gh__stream *s, struct gh_str slice, enum gh_part part)
{
	struct gh__http2_stream *x = gh__http2_stream_of(s);

	if (s->flags & (GH__S_ENDED | GH__S_GONE))
		return;
	if (slice.len && !(s->flags & GH__S_BODILESS)) {
		s->sent += slice.len;
		if (x->slice_count == GH__HTTP2_SLICES)
			push_body(x);
		if (!is_over(x))
			x->slices[x->slice_count++] = slice;
	}
	if (part == GH_LAST)
		end_answer(s);
}

static void flush(struct gh__stream *s)
{
	push_body(gh__http2_stream_of(s));
	gh__http2_later(gh__http2_of(s->conn));
}

static void abort_stream(struct gh__stream *s)
{
	struct gh__http2_stream *x = gh__http2_stream_of(s);

	s->flags |= GH__S_GONE;
	x->flags |= GH__HTTP2_ABORTED;
	push_body(x);
	reset_aborted(x);
	gh__http2_later(gh__http2_of(s->conn));
}

static size_t pressure(const struct gh__stream *s)
{
	struct gh__http2_stream *x = gh__http2_stream_of(s);
	size_t queued = gh__http2_queued(x) + s->conn->pump.queued;

	if (queued && !(x->flags & GH__HTTP2_PRESSED)) {
		x->flags |= GH__HTTP2_PRESSED;
		gh__http2_of(s->conn)->pressed++;
	}
	return queued;
}

/* ---- requests' bodies ---- */

static void want_body(struct gh__stream *s)
{
	struct gh__http2_stream *x = gh__http2_stream_of(s);
	struct gh__http2 *h = gh__http2_of(s->conn);

	if (s->flags & GH__S_BODY_WANTED)
		return;
	s->flags |= GH__S_BODY_WANTED;
	if (s->flags & GH__S_CONTINUE)
		send_interim(s, 100, NULL);
	x->in_moved = s->loop->now;
	if (!(s->flags & GH__S_BODY_ENDED))
		gh__http2_wait(h, GH__FOR_BODY, h->conn->conns->settings.body_timeout);
	gh__http2_deliver(x);
}

static void hold_body(struct gh__stream *s)
{
	s->flags &= ~(unsigned)GH__S_BODY_WANTED;
}

const struct gh__stream_ops gh__http2_ops = {
	.send_head = send_head,
	.send_body = send_body,
	.flush = flush,
	.send_interim = send_interim,
	.upgrade = abort_stream, /* nobody asks for one: requests of HTTP/2 cannot */
	.abort = abort_stream,
	.want_body = want_body,
	.hold_body = hold_body,
	.pressure = pressure,
};

/* ---- answers of the connection's own ---- */

void gh__http2_refuse(struct gh__http2_stream *x, const struct gh__refusal *why)
{
	struct gh__stream *s = x->stream;
	struct gh_str type;
	struct gh_str body = gh__error_body(&s->arena, GH_SHAPE_PLAIN, why->status, NULL,
					    gh_str(why->why), &type);

	s->listener->on_refused(s->conn, why->status, why->why);
	gh__headers_init(&s->res.headers, &s->arena);
	gh__headers_push(&s->res.headers, GH__H_CONTENT_TYPE, GH_STR("content-type"), type);
	s->res.status = why->status;
	s->res.length = (int64_t)body.len;
	send_head(s, GH_MORE);
	send_body(s, body, GH_LAST);
	flush(s);
}

/* ---- frames ---- */

static int on_frame_sent(nghttp2_session *session, const nghttp2_frame *frame, void *owner)
{
	struct gh__http2 *h = owner;
	struct gh__http2_stream *x = frame->hd.stream_id ? nghttp2_session_get_stream_user_data(
								   session, frame->hd.stream_id)
							 : NULL;

	switch (frame->hd.type) {
	case NGHTTP2_RST_STREAM:
		if (frame->rst_stream.error_code != NGHTTP2_NO_ERROR &&
		    frame->rst_stream.error_code != NGHTTP2_INTERNAL_ERROR)
			gh__http2_charge(h, GH__H2_PROVOKED);
		return 0;
	case NGHTTP2_GOAWAY:
		if (frame->goaway.error_code != NGHTTP2_NO_ERROR) {
			h->flags |= GH__HTTP2_OVER | GH__HTTP2_FAILED;
			gh__http2_later(h);
		}
		return 0;
	case NGHTTP2_HEADERS:
		if (x && x->interims) {
			x->interims--;
			return 0;
		}
		if (x)
			x->flags |= GH__HTTP2_HEAD_OUT;
		break;
	case NGHTTP2_DATA:
		break;
	default:
		return 0;
	}
	if (x && frame->hd.flags & NGHTTP2_FLAG_END_STREAM) {
		x->flags |= GH__HTTP2_OUT_ENDED;
		x->out_moved = h->conn->pump.loop->now;
		gh__http2_stop_upload(x);
	} else if (x) {
		reset_aborted(x);
	}
	return 0;
}

/* Such as a head that is larger than can be sent. */
static int on_frame_not_sent(nghttp2_session *session, const nghttp2_frame *frame, int error,
			     void *owner)
{
	struct gh__http2_stream *x;

	(void)owner;
	if (frame->hd.type != NGHTTP2_HEADERS || error == NGHTTP2_ERR_STREAM_CLOSED ||
	    error == NGHTTP2_ERR_STREAM_CLOSING)
		return 0;
	x = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
	if (x)
		gh__http2_reset(x, NGHTTP2_INTERNAL_ERROR);
	return 0;
}

void gh__http2_send_callbacks(nghttp2_session_callbacks *cb)
{
	nghttp2_session_callbacks_set_send_data_callback(cb, on_send_data);
	nghttp2_session_callbacks_set_on_frame_send_callback(cb, on_frame_sent);
	nghttp2_session_callbacks_set_on_frame_not_send_callback(cb, on_frame_not_sent);
}

void gh__http2_push(struct gh__http2 *h)
{
	struct gh__pump *p = &h->conn->pump;
	struct gh__out *o = p->loop->out;
	const uint8_t *at;
	ssize_t len = 0;

	while (p->queued < BLOCKED && (len = nghttp2_session_mem_send(h->session, &at)) > 0) {
		gh__out_add(o, p, (const char *)at, (size_t)len);
		/* It stands in memory that the next frame takes. */
		if (len >= GH__OUT_COPY)
			gh__out_flush(o);
	}
	if (len < 0)
		h->flags |= GH__HTTP2_OVER | GH__HTTP2_FAILED;
	if (h->flags & GH__HTTP2_REFERRED)
		gh__out_flush(o);
	h->flags &= ~(unsigned)GH__HTTP2_REFERRED;
}

void gh__http2_drained(struct gh__http2 *h)
{
	if (!h->pressed || h->conn->pump.queued)
		return;
	for (struct gh__list *l = h->streams.next; l != &h->streams; l = l->next) {
		struct gh__http2_stream *x = GH__CONTAINER(l, struct gh__http2_stream, link);
		if (!(x->flags & GH__HTTP2_PRESSED) || gh__http2_queued(x))
			continue;
		x->flags &= ~(unsigned)GH__HTTP2_PRESSED;
		h->pressed--;
		if (gh__http2_listens(x))
			x->stream->listener->on_drain(x->stream);
	}
}
