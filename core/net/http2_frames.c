/* What comes in on a connection of HTTP/2: frame by frame through nghttp2, then to the listeners. */
#include "core/base/memory.h"
#include "core/net/http2.h"

enum { UNKNOWN_LENGTH = -1 };

/* ---- from inside of nghttp2: only noted down ---- */

static struct gh__http2_stream *stream_by_id(struct gh__http2 *h, uint32_t id)
{
	return id ? nghttp2_session_get_stream_user_data(h->session, (int32_t)id) : NULL;
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *owner)
{
	struct gh__http2 *h = owner;
	int32_t id = frame->hd.stream_id;

	if (frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
		struct gh__http2_stream *x = gh__http2_open(h, id);
		const struct gh__conn_settings *set = &h->conn->conns->settings;
		nghttp2_session_set_stream_user_data(session, id, x);
		/* All take turns, whatever their client says of them. */
		nghttp2_session_change_extpri_stream_priority(
			session, id,
			&(nghttp2_extpri){ .urgency = NGHTTP2_EXTPRI_DEFAULT_URGENCY, .inc = 1 },
			1);
		gh__h2_head_begin(&h->head, &x->stream->arena, set->max_head, set->max_headers,
				  &x->stream->req);
		h->heading = x;
		h->flags &= ~(unsigned)GH__HTTP2_TRAILERS;
		return 0;
	}
	h->heading = stream_by_id(h, (uint32_t)id);
	h->trailer_fault = NULL;
	h->flags |= GH__HTTP2_TRAILERS;
	return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
		     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
		     void *owner)
{
	struct gh__http2 *h = owner;
	struct gh_str n = { (const char *)name, name_len }, v = { (const char *)value, value_len };

	(void)session;
	(void)frame;
	(void)flags;
	if (!h->heading)
		return 0;
	if (!(h->flags & GH__HTTP2_TRAILERS))
		gh__h2_head_field(&h->head, n, v);
	else if (!h->trailer_fault)
		gh__h2_trailer(n, v, &h->trailer_fault);
	return 0;
}

/* The reset is asked for now: where the answer is out already, the end of this frame closes the stream. */
static void note_malformed(struct gh__http2 *h, struct gh__http2_stream *x)
{
	h->news.stream = x;
	h->news.malformed = true;
	gh__http2_reset(x, NGHTTP2_PROTOCOL_ERROR);
}

static int on_data_chunk(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *at,
			 size_t len, void *owner)
{
	struct gh__http2 *h = owner;
	struct gh__http2_stream *x = stream_by_id(h, (uint32_t)id);

	(void)flags;
	/* One stream's stall must not hold up the others. */
	nghttp2_session_consume_connection(session, len);
	h->frame_data += (uint32_t)len;
	if (!x)
		return 0;
	h->news.stream = x;
	h->news.data = (struct gh_str){ (const char *)at, len };
	if (x->left != UNKNOWN_LENGTH && len > (uint64_t)x->left)
		note_malformed(h, x);
	else if (x->left != UNKNOWN_LENGTH)
		x->left -= (int64_t)len;
	return 0;
}

/* END_STREAM came. */
static void note_end(struct gh__http2 *h, struct gh__http2_stream *x)
{
	if (!x)
		return;
	x->flags |= GH__HTTP2_IN_ENDED;
	if (x->left > 0)
		note_malformed(h, x);
	h->news.stream = x;
	h->news.end = true;
}

static void note_headers(struct gh__http2 *h, const nghttp2_frame *frame)
{
	struct gh__http2_stream *x = h->heading;
	bool ends = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;

	if (!x)
		return;
	h->news.stream = x;
	h->news.head = frame->headers.cat == NGHTTP2_HCAT_REQUEST;
	if (!h->news.head && (h->trailer_fault || !ends)) /* trailers must end their request */
		note_malformed(h, x);
	if (ends)
		note_end(h, x);
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *owner)
{
	struct gh__http2 *h = owner;

	(void)session;
	switch (frame->hd.type) {
	case NGHTTP2_HEADERS:
		note_headers(h, frame);
		break;
	case NGHTTP2_DATA:
		if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM)
			note_end(h, stream_by_id(h, (uint32_t)frame->hd.stream_id));
		break;
	case NGHTTP2_SETTINGS:
		h->flags |= GH__HTTP2_GREETED;
		break;
	case NGHTTP2_PING:
		/* The answer to the notice: what the client sent before it knew has come. */
		if (frame->hd.flags & NGHTTP2_FLAG_ACK && h->flags & GH__HTTP2_LEAVING)
			gh__http2_leave(h);
		break;
	default:
		break;
	}
	return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t code, void *owner)
{
	struct gh__http2 *h = owner;
	struct gh__http2_stream *x = stream_by_id(h, (uint32_t)id);

	(void)session;
	(void)code;
	if (!x)
		return 0;
	x->flags |= GH__HTTP2_CLOSED;
	h->flags |= GH__HTTP2_SWEEP;
	if (h->heading == x)
		h->heading = NULL;
	gh__http2_later(h);
	return 0;
}

void gh__http2_receive_callbacks(nghttp2_session_callbacks *cb)
{
	nghttp2_session_callbacks_set_on_begin_headers_callback(cb, on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data_chunk);
	nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame);
	nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_stream_close);
}

/* ---- bodies ---- */

static void use(struct gh__http2_stream *x, struct gh_str slice)
{
	struct gh__stream *s = x->stream;
	struct gh__http2 *h = gh__http2_of(s->conn);

	x->flags |= GH__HTTP2_DELIVERING;
	s->listener->on_body(s, slice, GH_MORE);
	x->flags &= ~(unsigned)GH__HTTP2_DELIVERING;
	if (x->flags & (GH__HTTP2_CLOSED | GH__HTTP2_RESET))
		return;
	nghttp2_session_consume_stream(h->session, x->id, slice.len);
	gh__http2_later(h);
}

void gh__http2_deliver(struct gh__http2_stream *x)
{
	struct gh__stream *s = x->stream;
	struct gh__held held = x->in;

	if (x->flags & GH__HTTP2_DELIVERING)
		return;
	if (held.from < held.to && s->flags & GH__S_BODY_WANTED && gh__http2_listens(x) &&
	    !(s->flags & GH__S_BODY_BROKEN)) {
		x->in = (struct gh__held){ 0 };
		use(x, gh__held_bytes(&held));
		gh__held_drop(&held);
	}
	if (x->flags & GH__HTTP2_IN_ENDED && x->in.from == x->in.to && gh__http2_listens(x) &&
	    s->flags & GH__S_BODY_WANTED && !(s->flags & (GH__S_BODY_ENDED | GH__S_BODY_BROKEN))) {
		s->flags |= GH__S_BODY_ENDED;
		x->flags |= GH__HTTP2_DELIVERING;
		s->listener->on_body(s, (struct gh_str){ 0 }, GH_LAST);
		x->flags &= ~(unsigned)GH__HTTP2_DELIVERING;
	}
}

void gh__http2_break_body(struct gh__http2_stream *x, int error)
{
	struct gh__stream *s = x->stream;

	if (s->flags & GH__S_BODY_BROKEN)
		return;
	s->flags |= GH__S_BODY_BROKEN;
	gh__held_drop(&x->in);
	if (gh__http2_listens(x))
		s->listener->on_gone(s, error);
}

uint64_t gh__http2_upload_ms(const struct gh__http2_stream *x)
{
	const struct gh__http2 *h = gh__http2_of(x->stream->conn);
	int32_t came = nghttp2_session_get_stream_effective_recv_data_length(h->session, x->id);

	return came >= GH__HTTP2_WINDOW / 2 ? GH__HTTP2_STOP_MS : GH__HTTP2_UPLOAD_MS;
}

/* What is nearly here may come and is thrown away, which is kinder than a reset (RFC 9113 8.1); the
 * window is not opened for more. Where it is not, the reset does not follow on the heels of the answer:
 * curl 7.88 takes the two in one read for a broken stream. */
void gh__http2_stop_upload(struct gh__http2_stream *x)
{
	if (x->flags & GH__HTTP2_OUT_ENDED && !(x->flags & GH__HTTP2_IN_ENDED))
		gh__http2_wait(gh__http2_of(x->stream->conn), GH__FOR_BODY, gh__http2_upload_ms(x));
}

/* Who takes a body as it comes may have more of it on its way. */
static void widen(struct gh__http2_stream *x)
{
	struct gh__http2 *h = gh__http2_of(x->stream->conn);

	if (x->flags & GH__HTTP2_IS_WIDE || h->wide >= GH__HTTP2_WIDE ||
	    x->stream->received < 2 * GH__HTTP2_WINDOW)
		return;
	x->flags |= GH__HTTP2_IS_WIDE;
	h->wide++;
	nghttp2_session_set_local_window_size(h->session, NGHTTP2_FLAG_NONE, x->id,
					      GH__HTTP2_WIDE_WINDOW);
}

static void take_data(struct gh__http2_stream *x, struct gh_str data)
{
	struct gh__stream *s = x->stream;

	s->received += data.len;
	x->in_moved = s->loop->now;
	if (!gh__http2_listens(x) || s->flags & GH__S_BODY_BROKEN) {
		gh__http2_stop_upload(x);
		return;
	}
	if (s->max_body && s->received + (uint64_t)(x->left > 0 ? x->left : 0) > s->max_body) {
		gh__http2_break_body(x, UV_E2BIG);
	} else if (x->in.from < x->in.to) {
		gh__held_add(&x->in, data.at, data.len);
	} else if (s->flags & GH__S_BODY_WANTED) {
		use(x, data);
		widen(x);
	} else {
		gh__held_keep(&x->in, data.at, data.len);
	}
}

/* ---- heads ---- */

static void take_head(struct gh__http2 *h, struct gh__http2_stream *x, enum gh__h2_end end)
{
	struct gh__stream *s = x->stream;
	enum gh__expect expect = GH__EXPECT_NOTHING;
	struct gh__refusal why;

	switch (gh__h2_head_end(&h->head, end, &expect, &why)) {
	case GH__H2_MALFORMED:
		h->conn->conns->listener->on_refused(h->conn, why.status, why.why);
		gh__http2_reset(x, NGHTTP2_PROTOCOL_ERROR);
		return;
	case GH__H2_REFUSED:
		gh__http2_refuse(x, &why);
		gh__http2_charge(h, GH__H2_REFUSAL);
		return;
	case GH__H2_FINE:
		break;
	}
	x->left = s->req.length;
	if (s->req.length == 0)
		s->flags |= GH__S_BODY_ENDED;
	if (expect == GH__EXPECT_CONTINUE)
		s->flags |= GH__S_CONTINUE;
	h->conn->requests++;
	x->flags = (x->flags | GH__HTTP2_DELIVERING) & ~(unsigned)GH__HTTP2_SILENT;
	s->listener->on_head(s);
	x->flags &= ~(unsigned)GH__HTTP2_DELIVERING;
}

/* Outside of nghttp2: the listener may ask for whatever it likes. */
static void tell(struct gh__http2 *h)
{
	struct gh__http2_news news = h->news;
	struct gh__http2_stream *x = news.stream;

	h->news = (struct gh__http2_news){ 0 };
	if (!x)
		return;
	if (news.malformed)
		gh__http2_tell_gone(x, UV_EPROTO);
	if (x->flags & GH__HTTP2_RESET)
		return;
	if (news.head)
		take_head(h, x, news.end ? GH__H2_ENDS : GH__H2_GOES_ON);
	else if (news.data.len)
		take_data(x, news.data);
	if (news.end)
		gh__http2_deliver(x);
}

/* ---- frames ---- */

/* RFC 9113 5.1, 5.1.1: nothing comes on a stream that its client has ended, nor on one that it left out.
 * On one that was reset from here there may: that was on its way. */
static void judge_stream(struct gh__http2 *h, uint32_t id)
{
	uint32_t back = (h->last - id) / 2;

	if (id % 2 == 0 || id > h->last || back >= 64 || h->flags & GH__HTTP2_IN_HEAD)
		return; /* amid a head all but the rest of it is wrong, and nghttp2 says so */
	if (!(h->opened >> back & 1))
		gh__http2_fail(h, NGHTTP2_PROTOCOL_ERROR);
	else if (h->finished >> back & 1)
		gh__http2_fail(h, NGHTTP2_STREAM_CLOSED);
}

static void note_opened(struct gh__http2 *h, uint32_t id)
{
	uint32_t on = (id - h->last) / 2;

	if (id % 2 == 0 || id <= h->last)
		return;
	h->opened = (on < 64 ? h->opened << on : 0) | 1;
	h->finished = on < 64 ? h->finished << on : 0;
	h->last = id;
}

static void note_finished(struct gh__http2 *h, uint32_t id)
{
	uint32_t back = (h->last - id) / 2;

	if (id % 2 && id <= h->last && back < 64)
		h->finished |= (uint64_t)1 << back;
}

static void charge_data(struct gh__http2 *h)
{
	struct gh__http2_stream *x = stream_by_id(h, gh__http2_word(h->frame + 5));

	if (!x || x->flags & (GH__HTTP2_CLOSED | GH__HTTP2_RESET | GH__HTTP2_IN_ENDED))
		gh__http2_charge(h, GH__H2_STRAY);
}

static void begin_head(struct gh__http2 *h)
{
	h->heading = NULL;
	h->block = (struct gh__h2_block){ 0 };
	h->flags |= GH__HTTP2_IN_HEAD;
	h->head_since = h->conn->pump.loop->now;
	gh__http2_wait(h, GH__FOR_HEAD, h->conn->conns->settings.head_timeout);
}

/* The header of a frame is here. */
static void begin_frame(struct gh__http2 *h)
{
	uint8_t type = gh__http2_frame_type(h), flags = gh__http2_frame_flags(h);
	uint32_t id = gh__http2_word(h->frame + 5);
	bool ack = flags & NGHTTP2_FLAG_ACK;

	if (type == NGHTTP2_DATA || type == NGHTTP2_HEADERS)
		judge_stream(h, id);
	if (type == NGHTTP2_HEADERS)
		note_opened(h, id);
	if (type == NGHTTP2_RST_STREAM ||
	    ((type == NGHTTP2_DATA || type == NGHTTP2_HEADERS) && flags & NGHTTP2_FLAG_END_STREAM))
		note_finished(h, id);
	h->payload_left = (uint32_t)h->frame[0] << 16 | (uint32_t)h->frame[1] << 8 | h->frame[2];
	h->frame_data = 0;
	switch (type) {
	case NGHTTP2_DATA:
		charge_data(h);
		break;
	case NGHTTP2_HEADERS:
	case NGHTTP2_CONTINUATION:
		if (type == NGHTTP2_HEADERS)
			begin_head(h);
		if (!gh__h2_block_grows(&h->block, h->payload_left,
					h->conn->conns->settings.max_head))
			gh__http2_fail(h, NGHTTP2_ENHANCE_YOUR_CALM);
		break;
	case NGHTTP2_RST_STREAM:
		gh__http2_charge(h, GH__H2_RESET);
		break;
	case NGHTTP2_SETTINGS:
		gh__http2_charge(h, ack ? GH__H2_IDLE : GH__H2_SETTINGS);
		break;
	case NGHTTP2_PING:
		gh__http2_charge(h, ack ? GH__H2_IDLE : GH__H2_PING);
		break;
	case NGHTTP2_WINDOW_UPDATE:
		gh__http2_charge(h, GH__H2_WINDOW);
		break;
	default:
		gh__http2_charge(h, GH__H2_IDLE);
		break;
	}
}

/* With NO_RFC7540_PRIORITIES nghttp2 passes over what RFC 9113 5.3 still forbids. */
static void judge_priority(struct gh__http2 *h)
{
	uint32_t id = gh__http2_word(h->frame + 5);

	if (id == 0 || gh__http2_word(h->frame + GH__HTTP2_FRAME_HEAD) == id)
		gh__http2_fail(h, NGHTTP2_PROTOCOL_ERROR);
}

/* All of a frame is here, and nghttp2 has read it. */
static void end_frame(struct gh__http2 *h)
{
	uint8_t type = gh__http2_frame_type(h), flags = gh__http2_frame_flags(h);

	h->have = 0;
	switch (type) {
	case NGHTTP2_DATA:
		if (!h->frame_data && !(flags & NGHTTP2_FLAG_END_STREAM))
			gh__http2_charge(h, GH__H2_EMPTY);
		break;
	case NGHTTP2_PRIORITY:
		judge_priority(h);
		break;
	case NGHTTP2_HEADERS:
	case NGHTTP2_CONTINUATION:
		if (!(flags & NGHTTP2_FLAG_END_HEADERS))
			break;
		h->flags &= ~(unsigned)GH__HTTP2_IN_HEAD;
		if (h->heading && !(h->flags & GH__HTTP2_TRAILERS) &&
		    gh__h2_block_is_bomb(&h->block, h->head.decoded))
			gh__http2_charge(h, GH__H2_BOMB);
		if (!h->heading)
			gh__http2_charge(h, GH__H2_STRAY);
		h->heading = NULL;
		break;
	default:
		break;
	}
}

/* The next bytes of one frame at most. Returns where they end. */
static const char *step(struct gh__http2 *h, const char *at, const char *end)
{
	size_t more;

	if (h->preface_left) {
		more = (size_t)(end - at) < h->preface_left ? (size_t)(end - at) : h->preface_left;
		h->preface_left -= (uint8_t)more;
		return at + more;
	}
	for (; h->have < GH__HTTP2_FRAME_HEAD && at < end; at++) {
		h->frame[h->have++] = (uint8_t)*at;
		if (h->have == GH__HTTP2_FRAME_HEAD)
			begin_frame(h);
	}
	if (h->have < GH__HTTP2_FRAME_HEAD || h->flags & GH__HTTP2_OVER)
		return at;
	more = (size_t)(end - at) < h->payload_left ? (size_t)(end - at) : h->payload_left;
	for (size_t i = 0; i < more && h->have < GH__HTTP2_FRAME_SEEN; i++)
		h->frame[h->have++] = (uint8_t)at[i];
	h->payload_left -= (uint32_t)more;
	return at + more;
}

static bool frame_is_whole(const struct gh__http2 *h)
{
	return h->have >= GH__HTTP2_FRAME_HEAD && h->payload_left == 0;
}

void gh__http2_receive(struct gh__http2 *h, const char *at, const char *end)
{
	while (at < end && !(h->flags & GH__HTTP2_OVER) && !gh__pump_closing(&h->conn->pump)) {
		const char *to = step(h, at, end);
		if (h->flags & GH__HTTP2_OVER)
			return;
		ssize_t got = nghttp2_session_mem_recv(h->session, (const uint8_t *)at,
						       (size_t)(to - at));
		at = to;
		if (got < 0) {
			gh__http2_fail(h, got == NGHTTP2_ERR_BAD_CLIENT_MAGIC
						  ? NGHTTP2_PROTOCOL_ERROR
						  : NGHTTP2_ENHANCE_YOUR_CALM);
			return;
		}
		if (frame_is_whole(h))
			end_frame(h);
		tell(h);
		if (h->flags & GH__HTTP2_SWEEP)
			gh__http2_sweep(h);
	}
}
