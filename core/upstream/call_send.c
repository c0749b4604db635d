/* A call's way out: its head, its body, and a copy of that while it may have to be sent again. */
#include "core/base/memory.h"
#include "core/http/header.h"
#include "core/http/text.h"
#include "core/net/out.h"
#include "core/upstream/call_parts.h"

void gh__call_drop_copy(struct gh__call *c)
{
	gh__free(c->copy);
	c->copy = NULL;
	c->kept = 0;
}

static void write_head(struct gh__call *c)
{
	struct gh__out *o = gh__call_loop(c)->out;
	struct gh__pump *p = &c->conn->pump;
	struct gh_str key = c->upstream->key;
	char number[24];

	gh__out_str(o, p, c->method);
	gh__out_str(o, p, GH_STR(" "));
	gh__out_str(o, p, c->target);
	gh__out_str(o, p, GH_STR(" HTTP/1.1\r\nHost: "));
	gh__out_str(o, p, c->host.len ? c->host : c->endpoint->authority);
	gh__out_str(o, p, GH_STR("\r\n"));
	for (uint32_t i = 0; i < c->headers->count; i++) {
		const struct gh_header *h = c->headers->items + i;
		if (h->id == GH__H_HOST ||
		    (key.len && (h->id == GH__H_AUTHORIZATION || h->id == GH__H_X_API_KEY)))
			continue;
		gh__out_str(o, p, gh_header_name(h));
		gh__out_str(o, p, GH_STR(": "));
		gh__out_str(o, p, gh_header_value(h));
		gh__out_str(o, p, GH_STR("\r\n"));
	}
	if (key.len) {
		/* The server's own, in place of whatever the client showed. */
		gh__out_str(o, p, GH_STR("Authorization: Bearer "));
		gh__out_str(o, p, key);
		gh__out_str(o, p, GH_STR("\r\n"));
	}
	if (c->length > 0 || (c->length == 0 && !gh_str_is(c->method, "GET") &&
			      !gh_str_is(c->method, "HEAD") && !gh_str_is(c->method, "OPTIONS"))) {
		gh__out_str(o, p, GH_STR("Content-Length: "));
		gh__out_add(o, p, number, gh__decimal(number, (uint64_t)c->length));
		gh__out_str(o, p, GH_STR("\r\n"));
	} else if (c->length < 0) {
		gh__out_str(o, p, GH_STR("Transfer-Encoding: chunked\r\n"));
	}
	if (c->flags & GH__CALL_UPGRADE)
		gh__out_str(o, p, GH_STR("Connection: Upgrade\r\nUpgrade: websocket\r\n"));
	gh__out_str(o, p, GH_STR("\r\n"));
}

static void write_slice(struct gh__call *c, struct gh_str slice, enum gh_part part)
{
	struct gh__out *o = gh__call_loop(c)->out;
	struct gh__pump *p = &c->conn->pump;
	bool chunked = c->length < 0 && !(c->flags & GH__CALL_TUNNEL);
	char line[24];

	if (slice.len) {
		if (chunked)
			gh__out_add(o, p, line, gh__chunk_line(line, slice.len));
		gh__out_str(o, p, slice);
		if (chunked)
			gh__out_str(o, p, GH_STR("\r\n"));
	}
	if (part == GH_LAST && chunked)
		gh__out_str(o, p, GH_STR("0\r\n\r\n"));
}

void gh__call_send(struct gh__call *c)
{
	struct gh__out *o = gh__call_loop(c)->out;

	write_head(c);
	c->flags |= GH__CALL_HEAD_SENT;
	c->sent_at = gh__call_loop(c)->now;
	gh__call_await(c);
	if (c->flags & GH__CALL_REPEATABLE) {
		c->flags &= ~(unsigned)GH__CALL_BODY_SENT;
	} else if (c->copy || c->flags & GH__CALL_BODY_SENT) {
		/* A second time: what was kept, and then what is still to come. */
		write_slice(c, (struct gh_str){ c->copy, c->kept },
			    c->flags & GH__CALL_BODY_SENT ? GH_LAST : GH_MORE);
		gh__out_flush(o); /* it may be referred to, not copied */
		gh__call_drop_copy(c);
		c->flags |= GH__CALL_BODY_LOST;
	}
	if (c->length == 0)
		c->flags |= GH__CALL_BODY_SENT;
	if (c->flags & GH__CALL_BODY_SENT)
		gh__out_flush(o);
	else
		c->ops->on_ready(c); /* the body joins the head */
}

static void add_to_copy(struct gh__call *c, struct gh_str slice)
{
	c->copy = gh__realloc(c->copy, c->kept + slice.len);
	memcpy(c->copy + c->kept, slice.at, slice.len);
	c->kept += (uint32_t)slice.len;
}

/* Only a connection that was used before may be stale; only then a body is kept. */
static void keep(struct gh__call *c, struct gh_str slice)
{
	if (slice.len == 0 || c->flags & (GH__CALL_BODY_LOST | GH__CALL_REPEATABLE))
		return;
	if (!c->conn->reused || c->flags & (GH__CALL_RETRIED | GH__CALL_GOT_BYTE) ||
	    slice.len > GH__CALL_KEEP - c->kept) {
		gh__call_drop_copy(c);
		c->flags |= GH__CALL_BODY_LOST;
		return;
	}
	add_to_copy(c, slice);
}

void gh__call_body(struct gh__call *c, struct gh_str slice, enum gh_part part)
{
	if (c->flags & GH__CALL_OVER)
		return;
	if (!(c->flags & GH__CALL_HEAD_SENT)) {
		/* It is being tried again, and no byte may pass the head: see gh__call_pressure(). */
		if (slice.len)
			add_to_copy(c, slice);
		if (part == GH_LAST)
			c->flags |= GH__CALL_BODY_SENT;
		return;
	}
	if (!(c->flags & GH__CALL_TUNNEL)) {
		keep(c, slice);
		if (part == GH_LAST)
			c->flags |= GH__CALL_BODY_SENT;
	}
	write_slice(c, slice, part);
	gh__out_flush(gh__call_loop(c)->out);
	if (c->flags & GH__CALL_TUNNEL)
		gh__call_await(c); /* a tunnel is idle when neither side speaks */
}

void gh__call_put(struct gh__call *c, struct gh_str slice)
{
	GH_CHECK(c->flags & GH__CALL_REPEATABLE);
	if (c->flags & GH__CALL_HEAD_SENT && !(c->flags & GH__CALL_OVER))
		write_slice(c, slice, GH_MORE);
}

size_t gh__call_pressure(const struct gh__call *c)
{
	if (!(c->flags & GH__CALL_HEAD_SENT))
		return c->kept; /* until it is connected again; on_ready comes then */
	return c->conn ? c->conn->pump.queued : 0;
}
