#include "core/net/conn.h"

#include "core/base/memory.h"

static struct gh__conn *conn_of(struct gh__pump *p)
{
	return GH__CONTAINER(p, struct gh__conn, pump);
}

/* ---- for protocols ---- */

void gh__conn_wait(struct gh__conn *c, enum gh__conn_wait what, uint64_t ms)
{
	/* That of a write moves when it fires: a client that only sends makes no progress in reading. */
	bool whole = what == GH__FOR_HANDSHAKE || what == GH__FOR_HEAD || what == GH__FOR_LINGER ||
		     what == GH__FOR_WRITE;

	if (c->waits_for == what && whole)
		return;
	c->waits_for = (uint8_t)what;
	if (what == GH__FOR_NOTHING || ms == 0)
		gh__deadline_clear(&c->deadline);
	else
		gh__deadline_set(c->pump.loop, &c->deadline, ms);
}

void gh__conn_close(struct gh__conn *c, enum gh__pump_end end)
{
	gh__pump_close(&c->pump, end);
	gh__loop_later(c->pump.loop, &c->later);
}

struct gh__stream *gh__conn_open_stream(struct gh__conn *c, size_t extra, void **ret_extra)
{
	const struct gh__stream_listener *listener = c->conns->listener;
	size_t fixed = listener->stream_size + extra;
	char *block = gh__block_get(c->pump.loop);
	struct gh__stream *s = (struct gh__stream *)(void *)block;

	GH_CHECK(fixed + GH__STREAM_ARENA <= GH__BLOCK);
	memset(block, 0, fixed);
	gh__arena_init(&s->arena, block + fixed, GH__BLOCK - fixed);
	s->listener = listener;
	s->conn = c;
	s->loop = c->pump.loop;
	s->req.scheme = c->secure ? GH_STR("https") : GH_STR("http");
	s->req.client = c->peer;
	s->req.client_source = c->source;
	*ret_extra = block + listener->stream_size;
	return s;
}

void gh__conn_end_stream(struct gh__stream *s)
{
	struct gh__loop *loop = s->loop;

	s->listener->on_end(s);
	gh__arena_finish(&s->arena);
	gh__block_put(loop, s);
}

/* ---- what the pump, the wheel and the turn tell ---- */

static void on_data(struct gh__pump *p, const char *data, size_t len)
{
	struct gh__conn *c = conn_of(p);

	c->protocol->data(c, data, len);
}

static void on_gone(struct gh__pump *p, int error)
{
	struct gh__conn *c = conn_of(p);

	c->protocol->gone(c, error);
}

static void on_drain(struct gh__pump *p)
{
	struct gh__conn *c = conn_of(p);

	c->protocol->drain(c);
}

static void on_deadline(struct gh__deadline *d)
{
	struct gh__conn *c = GH__CONTAINER(d, struct gh__conn, deadline);

	if (!gh__pump_closing(&c->pump))
		c->protocol->late(c);
}

static void on_later(struct gh__later *later)
{
	struct gh__conn *c = GH__CONTAINER(later, struct gh__conn, later);

	/* A request follows its connection at once: it need not wait for a turn of its own. */
	if (c->fresh) {
		c->fresh = false;
		gh__pump_look(&c->pump);
	}
	c->protocol->later(c);
}

static void on_closed(struct gh__pump *p)
{
	struct gh__conn *c = conn_of(p);

	c->protocol->close(c);
	gh__list_remove(&c->later.link);
	gh__list_remove(&c->link);
	gh__deadline_finish(p->loop, &c->deadline);
	c->conns->count--;
	c->conns->on_close(c->conns, c);
	gh__door_unref(c->door);
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
}

void gh__conn_greet(struct gh__conn *c, struct gh_str bytes)
{
	if (c->door->shelf)
		gh__handshake_begin(c, bytes);
	else if (c->door->h2c)
		gh__cleartext_begin(c, bytes);
	else
		gh__http1_begin(c, bytes);
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
	c->door = gh__door_ref(door);
	c->peer = *peer;
	gh__list_add(&conns->all, &c->link);
	conns->count++;
	if (gh__door_is_proxy(door, peer))
		gh__proxied_begin(c);
	else
		gh__conn_greet(c, (struct gh_str){ 0 });
	c->fresh = true;
	gh__loop_later(conns->loop, &c->later);
	return 0;
}

static void stop(struct gh__conns *conns, const struct gh__door *door)
{
	for (struct gh__list *l = conns->all.next, *next; l != &conns->all; l = next) {
		next = l->next;
		struct gh__conn *c = GH__CONTAINER(l, struct gh__conn, link);
		if ((!door || c->door == door) && !gh__pump_closing(&c->pump))
			c->protocol->stop(c);
	}
}

void gh__conns_stop(struct gh__conns *conns)
{
	conns->stopping = true;
	stop(conns, NULL);
}

void gh__conns_leave_door(struct gh__conns *conns, const struct gh__door *door)
{
	stop(conns, door);
}

void gh__conns_cut(struct gh__conns *conns)
{
	for (struct gh__list *l = conns->all.next, *next; l != &conns->all; l = next) {
		next = l->next;
		struct gh__conn *c = GH__CONTAINER(l, struct gh__conn, link);
		if (!gh__pump_closing(&c->pump))
			c->protocol->cut(c);
	}
}
