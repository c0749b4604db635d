/*
 * A connection whose TLS is being agreed on. What takes a processor long runs on a lane: a step owns
 * the session meanwhile, and the connection reads nothing. A connection that closes leaves the step
 * to end alone.
 */
#include "core/base/memory.h"
#include "core/net/conn.h"
#include "core/net/lane.h"
#include "core/net/tls.h"

/* A handshake takes two steps, three where it is begun anew with another group. One whose messages come
 * in more pieces than that is no client's. */
enum { MOST_STEPS = 8, LINGER_MS = 2000, HANDSHAKE_RECORD = 0x16 };

enum state { WAITING, RUNNING, REFUSED };

struct handshake {
	struct gh__lane_job job;
	struct gh__conn *conn; /* NULL: it closed while a step ran */
	struct gh__tls *tls;
	struct gh__door *door; /* whose shelf the step may look at */
	enum gh__tls_result result;
	uint8_t state, steps;
	bool admitted;
};

static void destroy(struct handshake *h)
{
	gh__tls_destroy(h->tls);
	gh__door_unref(h->door);
	gh__free(h);
}

static void refuse(struct gh__conn *c, const char *why, enum gh__pump_end end)
{
	c->conns->listener->on_refused(c, 0, why);
	gh__conn_close(c, end);
}

/* ---- a step ---- */

static void work(struct gh__lane_job *job)
{
	struct handshake *h = GH__CONTAINER(job, struct handshake, job);

	h->result = gh__tls_handshake(h->tls);
}

static void drop(struct gh__lane_job *job)
{
	struct handshake *h = GH__CONTAINER(job, struct handshake, job);

	if (h->conn)
		h->state = WAITING; /* the connection frees it */
	else
		destroy(h);
}

static void step(struct gh__conn *c)
{
	struct handshake *h = c->state;

	if (!h->admitted && c->conns->admit_handshake &&
	    !c->conns->admit_handshake(c->conns, &c->peer)) {
		refuse(c, "too many handshakes from this address", GH__PUMP_RST);
		return;
	}
	h->admitted = true;
	if (h->steps++ == MOST_STEPS) {
		refuse(c, "the handshake comes in too many pieces", GH__PUMP_FIN);
		return;
	}
	/* Between its steps a handshake holds the buffers of two records. */
	if ((h->steps > 1 ? gh__lane_add_first : gh__lane_add)(c->conns->lanes, GH__LANE_TLS,
							       &h->job)) {
		refuse(c, "too many handshakes are waiting", GH__PUMP_RST);
		return;
	}
	h->state = RUNNING;
	gh__pump_pause(&c->pump);
}

static void done(struct gh__conn *c)
{
	struct handshake *h = c->state;
	enum gh__tls_protocol protocol = gh__tls_protocol(h->tls);

	c->secure = true;
	gh__pump_secure(&c->pump, h->tls);
	h->tls = NULL;
	destroy(h);
	if (protocol == GH__TLS_HTTP2)
		gh__http2_begin(c, (struct gh_str){ 0 });
	else
		gh__http1_begin(c, (struct gh_str){ 0 });
	gh__pump_read_on(&c->pump);
}

static void open_letter(struct gh__loop *loop, struct gh__letter *letter)
{
	struct gh__lane_job *job = GH__CONTAINER(letter, struct gh__lane_job, letter);
	struct handshake *h = GH__CONTAINER(job, struct handshake, job);
	struct gh__conn *c = h->conn;
	struct gh_str out = gh__tls_output(h->tls);

	(void)loop;
	if (!c || gh__pump_closing(&c->pump)) {
		h->state = WAITING;
		if (!c)
			destroy(h);
		return;
	}
	h->state = WAITING;
	if (out.len)
		gh__pump_write(&c->pump, &(struct iovec){ (void *)(uintptr_t)out.at, out.len }, 1);
	gh__pump_resume(&c->pump);
	if (h->result == GH__TLS_FAILED)
		refuse(c, gh__tls_trouble(h->tls), GH__PUMP_FIN);
	else if (h->result == GH__TLS_DONE)
		done(c);
	else if (gh__tls_has_record(h->tls))
		step(c);
}

/* ---- what comes ---- */

/* Someone speaks HTTP without TLS: told in the words that they understand. */
static void answer_plain(struct gh__conn *c)
{
	static const char answer[] =
		"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n"
		"Content-Length: 54\r\nConnection: close\r\n\r\n"
		"This port speaks TLS: use https:// instead of http://\n";
	struct handshake *h = c->state;

	h->state = REFUSED;
	c->conns->listener->on_refused(c, 400, "HTTP without TLS on a port that speaks TLS");
	gh__pump_write(&c->pump, &(struct iovec){ (void *)(uintptr_t)answer, sizeof answer - 1 },
		       1);
	gh__pump_shut(&c->pump);
	gh__conn_wait(c, GH__FOR_LINGER, LINGER_MS);
}

static void data(struct gh__conn *c, const char *at, size_t len)
{
	struct handshake *h = c->state;

	if (h->state == REFUSED)
		return;
	if (h->steps == 0 && !gh__tls_has_any(h->tls) && at[0] != HANDSHAKE_RECORD) {
		if (gh_lower(at[0]) >= 'a' && gh_lower(at[0]) <= 'z')
			answer_plain(c);
		else
			refuse(c, "this is no TLS", GH__PUMP_FIN);
		return;
	}
	gh__tls_feed(h->tls, at, len);
	gh__tls_keep(h->tls);
	if (h->state == WAITING && gh__tls_has_record(h->tls))
		step(c);
}

static void gone(struct gh__conn *c, int error)
{
	(void)error;
	gh__conn_close(c, GH__PUMP_FIN);
}

static void late(struct gh__conn *c)
{
	struct handshake *h = c->state;

	if (h->state == REFUSED)
		gh__conn_close(c, GH__PUMP_FIN);
	else
		refuse(c, "the handshake took too long", GH__PUMP_FIN);
}

static void ignore(struct gh__conn *c)
{
	(void)c;
}

static void end(struct gh__conn *c)
{
	gh__conn_close(c, GH__PUMP_FIN);
}

static void leave(struct gh__conn *c)
{
	struct handshake *h = c->state;

	h->conn = NULL;
	if (h->state != RUNNING)
		destroy(h);
}

static const struct gh__protocol handshake = {
	.data = data,
	.gone = gone,
	.drain = ignore,
	.late = late,
	.later = ignore,
	.stop = end,
	.cut = end,
	.close = leave,
};

void gh__handshake_begin(struct gh__conn *c, struct gh_str bytes)
{
	struct handshake *h = gh__zalloc(sizeof *h);

	h->conn = c;
	h->door = gh__door_ref(c->door);
	h->tls = gh__tls_create(c->conns->tls, c->door->shelf);
	h->job.work = work;
	h->job.drop = drop;
	h->job.loop = c->pump.loop;
	h->job.letter.open = open_letter;
	gh__conn_speak(c, &handshake, h);
	gh__conn_wait(c, GH__FOR_HANDSHAKE, c->conns->settings.handshake_timeout);
	if (bytes.len)
		data(c, bytes.at, bytes.len);
}
