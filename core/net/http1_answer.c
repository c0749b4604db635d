/* Answers in HTTP/1.1: what a stream on such a connection can do. */
#include "core/base/memory.h"
#include "core/http/header.h"
#include "core/http/text.h"
#include "core/net/http1.h"
#include "core/net/out.h"

static void write_fields(struct gh__out *o, struct gh__stream *s)
{
	struct gh__pump *p = &s->conn->pump;
	bool dated = false;

	for (uint32_t i = 0; i < s->res.headers.count; i++) {
		const struct gh_header *h = s->res.headers.items + i;
		if (h->id == GH__H_CONTENT_LENGTH || h->id == GH__H_TRANSFER_ENCODING ||
		    h->id == GH__H_CONNECTION)
			continue;
		dated = dated || h->id == GH__H_DATE;
		gh__out_str(o, p, gh_header_name(h));
		gh__out_str(o, p, GH_STR(": "));
		gh__out_str(o, p, gh_header_value(h));
		gh__out_str(o, p, GH_STR("\r\n"));
	}
	if (!dated) {
		gh__out_str(o, p, GH_STR("Date: "));
		gh__out_add(o, p, s->loop->date, GH__DATE_LEN);
		gh__out_str(o, p, GH_STR("\r\n"));
	}
}

static void write_status(struct gh__out *o, struct gh__pump *p, int status)
{
	char line[] = "HTTP/1.1 000 ";
	const char *reason = gh__reason(status);

	line[9] = (char)('0' + status / 100 % 10);
	line[10] = (char)('0' + status / 10 % 10);
	line[11] = (char)('0' + status % 10);
	gh__out_add(o, p, line, sizeof line - 1);
	gh__out_add(o, p, reason, strlen(reason));
	gh__out_str(o, p, GH_STR("\r\n"));
}

/* Whether the rest of a request's body is here already: reading past it keeps the connection. */
static bool body_is_here(const struct gh__http1 *h)
{
	return h->message->framing == GH__BODY_LENGTH && h->message->left <= h->here;
}

static void send_head(struct gh__stream *s, enum gh_part part)
{
	struct gh__conn *c = s->conn;
	struct gh__http1 *h = c->state;
	struct gh__pump *p = &c->pump;
	struct gh__out *o = s->loop->out;
	bool head = gh_str_is(s->req.method, "HEAD");
	bool bodiless = head || s->res.status == 204 || s->res.status == 304;
	char number[24];

	GH_CHECK(!(s->flags & GH__S_HEAD_SENT));
	s->flags |= GH__S_HEAD_SENT;
	if (!(s->flags & GH__S_BODY_ENDED) && (s->res.status == 413 || !body_is_here(h)))
		s->flags |= GH__S_CLOSE;
	if (gh__conn_is_last(c))
		s->flags |= GH__S_CLOSE;
	write_status(o, p, s->res.status);
	write_fields(o, s);
	if (part == GH_LAST && s->res.length < 0)
		s->res.length = head ? -1 : 0;
	if (s->res.status == 204 || (s->res.length < 0 && bodiless)) {
		s->flags |= GH__S_BODILESS;
	} else if (s->res.length >= 0) {
		if (s->res.status != 304 || s->res.length > 0) {
			gh__out_str(o, p, GH_STR("Content-Length: "));
			gh__out_add(o, p, number, gh__decimal(number, (uint64_t)s->res.length));
			gh__out_str(o, p, GH_STR("\r\n"));
		}
	} else if (h->message->version == 1) {
		s->flags |= GH__S_CHUNKED;
		gh__out_str(o, p, GH_STR("Transfer-Encoding: chunked\r\n"));
	} else {
		s->flags |= GH__S_UNTIL_CLOSE | GH__S_CLOSE;
	}
	if (bodiless)
		s->flags |= GH__S_BODILESS;
	if (s->flags & GH__S_CLOSE)
		gh__out_str(o, p, GH_STR("Connection: close\r\n"));
	else if (h->message->version == 0)
		gh__out_str(o, p, GH_STR("Connection: keep-alive\r\n"));
	gh__out_str(o, p, GH_STR("\r\n"));
	if (part == GH_LAST) {
		s->flags |= GH__S_ENDED;
		gh__loop_later(s->loop, &c->later);
	}
}

static void send_body(struct gh__stream *s, struct gh_str slice, enum gh_part part)
{
	struct gh__pump *p = &s->conn->pump;
	struct gh__out *o = s->loop->out;
	char line[24];

	if (s->flags & (GH__S_ENDED | GH__S_GONE))
		return;
	if (slice.len && !(s->flags & GH__S_BODILESS)) {
		s->sent += slice.len;
		if (s->flags & GH__S_CHUNKED) {
			gh__out_add(o, p, line, gh__chunk_line(line, slice.len));
			gh__out_str(o, p, slice);
			gh__out_str(o, p, GH_STR("\r\n"));
		} else {
			gh__out_str(o, p, slice);
		}
	}
	if (part == GH_LAST) {
		if (s->flags & GH__S_CHUNKED)
			gh__out_str(o, p, GH_STR("0\r\n\r\n"));
		s->flags |= GH__S_ENDED;
		gh__loop_later(s->loop, &s->conn->later);
	}
}

static void flush(struct gh__stream *s)
{
	gh__out_flush(s->loop->out);
	if (s->conn->pump.queued)
		gh__http1_settle(s->conn->state);
}

static void send_interim(struct gh__stream *s, int status, const struct gh_headers *headers)
{
	struct gh__out *o = s->loop->out;
	struct gh__pump *p = &s->conn->pump;

	if (gh__http1_of(s->conn)->message->version == 0 || s->flags & GH__S_HEAD_SENT)
		return;
	write_status(o, p, status);
	for (uint32_t i = 0; headers && i < headers->count; i++) {
		gh__out_str(o, p, gh_header_name(headers->items + i));
		gh__out_str(o, p, GH_STR(": "));
		gh__out_str(o, p, gh_header_value(headers->items + i));
		gh__out_str(o, p, GH_STR("\r\n"));
	}
	gh__out_str(o, p, GH_STR("\r\n"));
	gh__out_flush(o);
	s->flags &= ~(unsigned)GH__S_CONTINUE;
}

static void upgrade(struct gh__stream *s)
{
	struct gh__out *o = s->loop->out;
	struct gh__pump *p = &s->conn->pump;

	s->flags |= GH__S_HEAD_SENT | GH__S_TUNNEL | GH__S_CLOSE | GH__S_BODY_ENDED;
	write_status(o, p, 101);
	write_fields(o, s);
	gh__out_str(o, p, GH_STR("Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"));
	gh__out_flush(o);
}

/* A missing last chunk or a length not reached is a break that leaves what was sent readable; where
 * the close itself is the end, only a reset shows it. */
static void abort_stream(struct gh__stream *s)
{
	struct gh__conn *c = s->conn;
	bool plain = s->flags & (GH__S_UNTIL_CLOSE | GH__S_TUNNEL) && !(s->flags & GH__S_ENDED);

	gh__out_flush(s->loop->out);
	s->flags |= GH__S_GONE;
	gh__conn_close(c, plain && !(s->flags & GH__S_TUNNEL) ? GH__PUMP_RST : GH__PUMP_CUT);
}

static void want_body(struct gh__stream *s)
{
	struct gh__http1 *h = s->conn->state;

	if (s->flags & GH__S_BODY_WANTED)
		return;
	s->flags |= GH__S_BODY_WANTED;
	if (s->flags & GH__S_CONTINUE)
		send_interim(s, 100, NULL);
	if (h->taking)
		return; /* the bytes come as soon as the caller is done */
	gh__http1_take_held(h);
	gh__http1_settle(h);
}

static void hold_body(struct gh__stream *s)
{
	struct gh__http1 *h = s->conn->state;

	s->flags &= ~(unsigned)GH__S_BODY_WANTED;
	if (!h->taking)
		gh__http1_settle(h);
}

static size_t pressure(const struct gh__stream *s)
{
	return s->conn->pump.queued;
}

const struct gh__stream_ops gh__http1_ops = {
	.send_head = send_head,
	.send_body = send_body,
	.flush = flush,
	.send_interim = send_interim,
	.upgrade = upgrade,
	.abort = abort_stream,
	.want_body = want_body,
	.hold_body = hold_body,
	.pressure = pressure,
};
