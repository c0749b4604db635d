#include "core/upstream/pool.h"

#include "core/base/memory.h"
#include "core/upstream/call.h"

static struct gh__uconn *conn_of(struct gh__pump *p)
{
	return GH__CONTAINER(p, struct gh__uconn, pump);
}

void gh__pools_init(struct gh__pools *pools, struct gh__loop *loop, struct gh__upstreams *upstreams)
{
	*pools = (struct gh__pools){ .loop = loop, .upstreams = upstreams };
	gh__list_init(&pools->used);
}

static struct gh__pool *pool_of(struct gh__pools *pools, const struct gh__upstream *u)
{
	if (u->id >= pools->room) {
		unsigned room = u->id + 8;
		pools->by_id = gh__realloc(pools->by_id, room * sizeof *pools->by_id);
		memset(pools->by_id + pools->room, 0, (room - pools->room) * sizeof *pools->by_id);
		pools->room = room;
	}
	struct gh__pool *pool = pools->by_id[u->id];
	if (pool)
		return pool;
	pool = pools->by_id[u->id] = gh__zalloc(sizeof *pool);
	pool->endpoints = u->count;
	pool->idle = gh__alloc(u->count * sizeof *pool->idle);
	pool->idle_count = gh__zalloc(u->count * sizeof *pool->idle_count);
	for (size_t i = 0; i < u->count; i++)
		gh__list_init(pool->idle + i);
	return pool;
}

static void close_conn(struct gh__uconn *c)
{
	if (gh__pump_closing(&c->pump))
		return;
	if (c->idle) {
		struct gh__pool *pool = pool_of(c->pools, c->upstream);
		pool->idle_count[c->endpoint - c->upstream->endpoints]--;
	}
	gh__list_remove(&c->link);
	c->idle = false;
	/* From here on it may outlive its upstream. */
	c->upstream = NULL;
	c->endpoint = NULL;
	c->call = NULL;
	gh__pump_close(&c->pump, GH__PUMP_FIN);
}

void gh__pools_forget(struct gh__pools *pools, unsigned id, size_t endpoints)
{
	struct gh__pool *pool = id < pools->room ? pools->by_id[id] : NULL;

	if (!pool)
		return;
	for (size_t i = 0; i < endpoints; i++)
		while (!gh__list_empty(pool->idle + i))
			close_conn(GH__CONTAINER(pool->idle[i].next, struct gh__uconn, link));
	gh__free(pool->idle);
	gh__free(pool->idle_count);
	gh__free(pool);
	pools->by_id[id] = NULL;
}

void gh__pools_finish(struct gh__pools *pools)
{
	for (unsigned id = 0; id < pools->room; id++)
		if (pools->by_id[id])
			gh__pools_forget(pools, id, pools->by_id[id]->endpoints);
	gh__free(pools->by_id);
	pools->by_id = NULL;
	pools->room = 0;
}

/* ---- what the pump tells ---- */

static void on_data(struct gh__pump *p, const char *data, size_t len)
{
	struct gh__uconn *c = conn_of(p);

	if (c->call)
		gh__call_data(c->call, data, len);
	else
		close_conn(c); /* an idle server has nothing to say */
}

static void on_gone(struct gh__pump *p, int error)
{
	struct gh__uconn *c = conn_of(p);

	if (c->call)
		gh__call_gone(c->call, error);
	else
		close_conn(c);
}

static void on_drain(struct gh__pump *p)
{
	struct gh__uconn *c = conn_of(p);

	if (c->call)
		gh__call_drained(c->call);
}

static void on_connected(struct gh__pump *p)
{
	struct gh__uconn *c = conn_of(p);

	if (c->call)
		gh__call_connected(c->call);
}

static void on_closed(struct gh__pump *p)
{
	struct gh__uconn *c = conn_of(p);

	gh__deadline_finish(p->loop, &c->deadline);
	gh__list_remove(&c->link);
	c->pools->count--;
	gh__held_drop(&c->held);
	gh__free(c);
}

static void on_deadline(struct gh__deadline *d)
{
	struct gh__uconn *c = GH__CONTAINER(d, struct gh__uconn, deadline);

	if (gh__pump_closing(&c->pump))
		return;
	if (c->call)
		gh__call_late(c->call);
	else
		close_conn(c);
}

static const struct gh__pump_ops pump_ops = {
	.on_data = on_data,
	.on_gone = on_gone,
	.on_drain = on_drain,
	.on_connected = on_connected,
	.on_closed = on_closed,
};

/* ---- taking and giving ---- */

struct gh__uconn *gh__pool_take(struct gh__pools *pools, struct gh__upstream *u,
				struct gh__endpoint *e)
{
	struct gh__pool *pool = pool_of(pools, u);
	struct gh__list *idle = pool->idle + (e - u->endpoints);

	if (gh__list_empty(idle))
		return NULL;
	struct gh__uconn *c = GH__CONTAINER(idle->prev, struct gh__uconn, link);
	gh__list_remove(&c->link);
	gh__list_add(&pools->used, &c->link);
	pool->idle_count[e - u->endpoints]--;
	gh__deadline_clear(&c->deadline);
	c->idle = false;
	c->reused = true;
	return c;
}

int gh__pool_connect(struct gh__pools *pools, struct gh__upstream *u, struct gh__endpoint *e,
		     const struct sockaddr *to, socklen_t len, struct gh__uconn **ret_conn)
{
	struct gh__uconn *c = gh__zalloc(sizeof *c);
	int state = gh__pump_connect(&c->pump, pools->loop, to, len, &pump_ops);

	if (state < 0) {
		gh__free(c);
		return state;
	}
	gh__deadline_init(&c->deadline, on_deadline);
	c->pools = pools;
	c->upstream = u;
	c->endpoint = e;
	gh__list_init(&c->link);
	gh__list_add(&pools->used, &c->link);
	pools->count++;
	*ret_conn = c;
	return state;
}

void gh__pool_give(struct gh__uconn *c, enum gh__after after)
{
	if (after == GH__CLOSE || c->pump.flags & GH__PUMP_GONE || c->pump.broken ||
	    c->pump.queued || gh__held_bytes(&c->held).len) {
		close_conn(c);
		return;
	}
	struct gh__pool *pool = pool_of(c->pools, c->upstream);
	size_t at = (size_t)(c->endpoint - c->upstream->endpoints);
	if (pool->idle_count[at] >= c->upstream->max_idle || c->upstream->keepalive == 0) {
		close_conn(c);
		return;
	}
	c->call = NULL;
	c->scan = (struct gh__scan){ 0 };
	gh__held_drop(&c->held);
	gh__list_remove(&c->link);
	gh__list_add(pool->idle + at, &c->link);
	pool->idle_count[at]++;
	c->idle = true;
	gh__pump_resume(&c->pump);
	gh__deadline_set(c->pump.loop, &c->deadline, c->upstream->keepalive);
}
