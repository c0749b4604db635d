#include "core/base/memory.h"
#include "core/http/header.h"
#include "core/upstream/call_parts.h"

enum { MAX_HEAD = 64 << 10, MAX_HEADERS = 200, LOOK_AGAIN_MS = 50 };

static void attempt(struct gh__call *c);

/* ---- ends ---- */

static void release(struct gh__call *c, enum gh__after after)
{
	struct gh__uconn *conn = c->conn;

	c->conn = NULL;
	if (!conn)
		return;
	atomic_fetch_sub_explicit(&c->endpoint->busy, 1, memory_order_relaxed);
	conn->call = NULL;
	gh__pool_give(conn, after);
}

static void finish(struct gh__call *c, enum gh__after after)
{
	c->flags |= GH__CALL_OVER;
	release(c, after);
	gh__deadline_finish(gh__call_loop(c), &c->retry);
	gh__free(c->copy);
	c->copy = NULL;
}

static void fail(struct gh__call *c, enum gh__call_failure kind, const char *why)
{
	finish(c, GH__CLOSE);
	c->ops->on_fail(c, kind, why);
}

void gh__call_cancel(struct gh__call *c)
{
	if (!(c->flags & GH__CALL_OVER))
		finish(c, GH__CLOSE);
}

/* ---- finding a connection ---- */

static void on_retry(struct gh__deadline *d)
{
	attempt(GH__CONTAINER(d, struct gh__call, retry));
}

static void take_conn(struct gh__call *c, struct gh__uconn *conn)
{
	c->conn = conn;
	conn->call = c;
	atomic_fetch_add_explicit(&c->endpoint->busy, 1, memory_order_relaxed);
}

/* This address cannot be reached, and so its endpoint, if it was the last. What a check finds is the
 * checker's to say. */
static void pass_over(struct gh__call *c, int error)
{
	c->last_error = uv_strerror(error);
	if (gh__endpoint_turn(c->endpoint, &c->turn, ++c->turns))
		return;
	c->turns = 0;
	if (!(c->flags & GH__CALL_PINNED))
		gh__endpoint_failed(c->upstream, c->endpoint, gh__call_loop(c)->now, c->last_error);
	c->tried |= 1ull << (c->endpoint - c->upstream->endpoints);
	c->endpoint = NULL;
	c->sent_at = 0;
}

/* One endpoint after another until one is connecting or an idle connection is found. */
static void attempt(struct gh__call *c)
{
	struct gh__loop *l = gh__call_loop(c);

	for (;;) {
		struct sockaddr_storage to;
		struct gh__uconn *conn = NULL;
		socklen_t len = 0;

		if (!c->endpoint && !(c->flags & GH__CALL_PINNED))
			c->endpoint = gh__endpoint_pick(c->upstream, l->now, c->tried);
		if (!c->endpoint) {
			fail(c, GH__FAIL_CONNECT,
			     c->last_error ? c->last_error : "no address to try");
			return;
		}
		if (!(c->flags & GH__CALL_RETRIED))
			conn = gh__pool_take(c->pools, c->upstream, c->endpoint);
		if (conn) {
			take_conn(c, conn);
			gh__call_send(c);
			return;
		}
		c->turn = atomic_load_explicit(&c->endpoint->turn, memory_order_relaxed);
		int state = gh__endpoint_address(c->pools->upstreams, c->endpoint, l->now, &to,
						 &len);
		if (!state)
			state = gh__pool_connect(c->pools, c->upstream, c->endpoint,
						 (struct sockaddr *)&to, len, &conn);
		/* Its name is being looked up, or its unix socket has a full backlog. */
		if (state == UV_EAGAIN) {
			if (c->sent_at == 0)
				c->sent_at = l->now;
			if (l->now - c->sent_at < c->upstream->connect_timeout) {
				gh__deadline_set(l, &c->retry, LOOK_AGAIN_MS);
				return;
			}
			state = UV_ETIMEDOUT;
		}
		if (state >= 0) {
			take_conn(c, conn);
			if (state > 0)
				gh__call_connected(c);
			else
				gh__deadline_set(l, &conn->deadline, c->upstream->connect_timeout);
			return;
		}
		pass_over(c, state);
	}
}

void gh__call_start(struct gh__call *c)
{
	gh__deadline_init(&c->retry, on_retry);
	if (!(c->flags & GH__CALL_PINNED))
		atomic_fetch_add_explicit(&c->upstream->calls, 1, memory_order_relaxed);
	attempt(c);
}

void gh__call_connected(struct gh__call *c)
{
	gh__endpoint_works(c->upstream, c->endpoint);
	gh__call_send(c);
}

/* This connection came to nothing: the next endpoint, or the same once more. */
static void try_again(struct gh__call *c, int error)
{
	if (c->flags & GH__CALL_HEAD_SENT) {
		/* A fresh connection to the same endpoint; when there is none, to the next. */
		c->flags = (c->flags & ~(unsigned)GH__CALL_HEAD_SENT) | GH__CALL_RETRIED;
		c->sent_at = 0;
		atomic_fetch_add_explicit(&c->upstream->retries, 1, memory_order_relaxed);
		release(c, GH__CLOSE);
	} else {
		release(c, GH__CLOSE);
		pass_over(c, error);
	}
	attempt(c);
}

/* ---- what comes back ---- */

static void whole(struct gh__call *c, bool more_came)
{
	bool keep_alive = c->message.keep_alive && c->flags & GH__CALL_BODY_SENT && !more_came &&
			  c->message.framing != GH__BODY_UNTIL_CLOSE;

	finish(c, keep_alive ? GH__KEEP : GH__CLOSE);
	c->ops->on_body(c, (struct gh_str){ 0 }, GH_LAST);
}

/* Takes a head from the bytes, or nothing. Returns where the rest begins, or NULL: wait, or over. */
static const char *take_head(struct gh__call *c, const char *at, const char *end)
{
	struct gh__uconn *u = c->conn;
	struct gh__refusal why;
	size_t len = 0;

	switch (gh__scan_head(&u->scan, (struct gh_str){ at, (size_t)(end - at) }, MAX_HEAD, &len,
			      &why)) {
	case GH__SCAN_MORE:
		return NULL;
	case GH__SCAN_HEAD:
		break;
	case GH__SCAN_BAD:
	default:
		fail(c, GH__FAIL_ANSWER, why.why);
		return NULL;
	}
	struct gh__arena *a = c->arena ? c->arena : gh__loop_scratch(gh__call_loop(c));
	struct gh_str head = gh__arena_copy(a, (struct gh_str){ at, len });
	*c->res = (struct gh_response){ 0 };
	u->scan = (struct gh__scan){ 0 };
	enum gh__asked asked = gh_str_is(c->method, "HEAD") ? GH__ASKED_HEAD : GH__ASKED_BODY;
	if (gh__answer_head(&c->message, a, head, MAX_HEADERS, asked, c->res, &why)) {
		fail(c, GH__FAIL_ANSWER, why.why);
		return NULL;
	}
	if (c->res->status == 101) {
		if (!(c->flags & GH__CALL_UPGRADE)) {
			fail(c, GH__FAIL_ANSWER, "it switched protocols without being asked");
			return NULL;
		}
		c->flags |= GH__CALL_TUNNEL | GH__CALL_GOT_HEAD | GH__CALL_BODY_SENT;
		c->ops->on_upgrade(c);
	} else if (c->res->status < 200) {
		if (c->res->status != 100)
			c->ops->on_interim(c, c->res->status, &c->res->headers);
	} else {
		c->flags |= GH__CALL_GOT_HEAD;
		gh__endpoint_works(c->upstream, c->endpoint);
		c->ops->on_head(c);
	}
	return at + len;
}

static void take(struct gh__call *c, const char *at, const char *end)
{
	struct gh__uconn *u = c->conn;
	struct gh__refusal why;

	u->taking = true;
	while (!(c->flags & (GH__CALL_OVER | GH__CALL_HELD))) {
		struct gh_str data = { 0 };
		if (c->flags & GH__CALL_TUNNEL) {
			if (at < end)
				c->ops->on_body(c, (struct gh_str){ at, (size_t)(end - at) },
						GH_MORE);
			at = end;
			break;
		}
		if (!(c->flags & GH__CALL_GOT_HEAD)) {
			const char *next = at < end ? take_head(c, at, end) : NULL;
			if (!next)
				break;
			at = next;
			continue;
		}
		enum gh__body_step step = gh__body_next(&c->message, &at, end, &data, &why);
		if (step == GH__BODY_DATA)
			c->ops->on_body(c, data, GH_MORE);
		else if (step == GH__BODY_END)
			whole(c, at < end);
		else if (step == GH__BODY_BAD)
			fail(c, GH__FAIL_CUT, why.why);
		else
			break;
	}
	u->taking = false;
	if (c->conn != u)
		return; /* closed, or idle in its pool */
	if (at < end)
		gh__held_keep(&u->held, at, (size_t)(end - at));
	else
		u->held.from = u->held.to = 0;
}

/* For the rest of a head that has begun: no longer than for its first byte, and never for ever because
 * that may take so long. */
static uint64_t head_timeout(const struct gh__upstream *u)
{
	uint64_t first = u->first_byte_timeout, idle = u->idle_timeout;

	return first && (!idle || first < idle) ? first : idle;
}

/* The time for a head is for all of it: a byte now and then does not buy more. */
void gh__call_await(struct gh__call *c)
{
	struct gh__deadline *d = &c->conn->deadline;
	bool got = c->flags & GH__CALL_GOT_HEAD;
	bool in_head = !got && gh__held_bytes(&c->conn->held).len;
	bool goes_on = in_head && c->flags & GH__CALL_IN_HEAD;
	uint64_t ms = got       ? c->upstream->idle_timeout
		      : in_head ? head_timeout(c->upstream)
				: c->upstream->first_byte_timeout;

	c->flags &= ~(unsigned)GH__CALL_IN_HEAD;
	if (!ms || c->flags & GH__CALL_HELD) {
		gh__deadline_clear(d);
		return;
	}
	if (in_head)
		c->flags |= GH__CALL_IN_HEAD;
	if (!goes_on)
		gh__deadline_set(gh__call_loop(c), d, ms);
}

static void settle(struct gh__call *c)
{
	struct gh__uconn *u = c->conn;

	if (c->flags & GH__CALL_OVER || !u)
		return;
	if (c->flags & GH__CALL_HELD)
		gh__pump_pause(&u->pump);
	else
		gh__pump_resume(&u->pump);
	gh__call_await(c);
}

void gh__call_data(struct gh__call *c, const char *data, size_t len)
{
	struct gh__held *held = &c->conn->held;

	if (!(c->flags & GH__CALL_GOT_BYTE)) {
		c->flags |= GH__CALL_GOT_BYTE;
		gh__call_drop_copy(c);
		c->flags |= GH__CALL_BODY_LOST;
	}
	struct gh_str bytes = { data, len };
	if (gh__held_bytes(held).len) {
		gh__held_add(held, data, len);
		bytes = gh__held_bytes(held);
	}
	take(c, bytes.at, bytes.at + bytes.len);
	settle(c);
	c->ops->on_turn(c);
}

void gh__call_gone(struct gh__call *c, int error)
{
	if (!(c->flags & GH__CALL_HEAD_SENT) ||
	    (c->conn->reused && !(c->flags & (GH__CALL_GOT_BYTE | GH__CALL_RETRIED)) &&
	     (c->copy || !(c->flags & GH__CALL_BODY_LOST)))) {
		try_again(c, error ? error : UV_ECONNRESET);
	} else if (c->flags & GH__CALL_TUNNEL) {
		finish(c, GH__CLOSE);
		c->ops->on_body(c, (struct gh_str){ 0 }, GH_LAST);
		c->ops->on_turn(c);
	} else if (c->flags & GH__CALL_GOT_HEAD) {
		if (!error && gh__body_closed(&c->message) == GH__BODY_END)
			whole(c, true);
		else
			fail(c, GH__FAIL_CUT, "it closed in the middle of its answer");
		c->ops->on_turn(c);
	} else {
		fail(c, GH__FAIL_CLOSED,
		     c->flags & GH__CALL_GOT_BYTE ? "it closed in the head of its answer"
						  : "it closed before it answered");
	}
}

void gh__call_drained(struct gh__call *c)
{
	c->ops->on_drain(c);
}

void gh__call_late(struct gh__call *c)
{
	if (!(c->flags & GH__CALL_HEAD_SENT)) {
		try_again(c, UV_ETIMEDOUT);
	} else if (c->flags & GH__CALL_GOT_HEAD) {
		fail(c, GH__FAIL_CUT, "it fell silent in the middle of its answer");
		c->ops->on_turn(c);
	} else {
		fail(c, GH__FAIL_TIMEOUT, "it did not answer in time");
	}
}

/* ---- back-pressure ---- */

void gh__call_hold(struct gh__call *c)
{
	c->flags |= GH__CALL_HELD;
	if (c->conn && !c->conn->taking)
		settle(c);
}

void gh__call_go(struct gh__call *c)
{
	struct gh__uconn *u = c->conn;

	if (!(c->flags & GH__CALL_HELD))
		return;
	c->flags &= ~(unsigned)GH__CALL_HELD;
	if (c->flags & GH__CALL_OVER || !u || u->taking)
		return;
	/* Also with no bytes held: a body that has ended is told now. */
	if (c->flags & GH__CALL_GOT_BYTE) {
		struct gh_str held = gh__held_bytes(&u->held);
		take(c, held.at, held.at + held.len);
	}
	settle(c);
	c->ops->on_turn(c);
}
