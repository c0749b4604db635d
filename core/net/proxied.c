/* A connection that must begin with a PROXY header: who the client is comes from there. */
#include "core/base/memory.h"
#include "core/http/proxy_header.h"
#include "core/net/conn.h"
#include "core/net/held.h"

struct proxied {
	struct gh__held held;
};

static void free_state(struct gh__conn *c)
{
	struct proxied *p = c->state;

	gh__held_drop(&p->held);
	gh__free(p);
}

/* What it sent says nothing that could be answered: its other side is a proxy. */
static void refuse(struct gh__conn *c, const char *why)
{
	c->conns->listener->on_refused(c, 0, why);
	gh__conn_close(c, GH__PUMP_FIN);
}

static void go_on(struct gh__conn *c, struct gh_str rest)
{
	struct proxied *p = c->state;
	struct gh__held held = p->held; /* `rest` may be in there */

	gh__free(p);
	gh__conn_greet(c, rest);
	gh__held_drop(&held);
}

static void data(struct gh__conn *c, const char *at, size_t len)
{
	struct proxied *p = c->state;
	struct gh_str bytes = { at, len };
	struct gh_address client;
	const char *why;
	size_t header = 0;

	if (gh__held_bytes(&p->held).len) {
		gh__held_add(&p->held, at, len);
		bytes = gh__held_bytes(&p->held);
	}
	switch (gh__proxy_header(bytes, &header, &client, &why)) {
	case GH__PROXY_MORE:
		if (bytes.at == at)
			gh__held_keep(&p->held, at, len);
		return;
	case GH__PROXY_CLIENT:
		if (c->conns->admit_proxied && !c->conns->admit_proxied(c->conns, &client)) {
			gh__conn_close(c, GH__PUMP_RST);
			return;
		}
		c->peer = client;
		c->source = GH_CLIENT_PROXY;
		break;
	case GH__PROXY_LOCAL:
		break;
	case GH__PROXY_BAD:
	default:
		refuse(c, why);
		return;
	}
	go_on(c, gh_str_slice(bytes, header, bytes.len));
}

static void gone(struct gh__conn *c, int error)
{
	(void)error;
	gh__conn_close(c, GH__PUMP_FIN);
}

static void late(struct gh__conn *c)
{
	refuse(c, "the PROXY header did not come in time");
}

static void ignore(struct gh__conn *c)
{
	(void)c;
}

static void end(struct gh__conn *c)
{
	gh__conn_close(c, GH__PUMP_FIN);
}

static const struct gh__protocol proxied = {
	.data = data,
	.gone = gone,
	.drain = ignore,
	.late = late,
	.later = ignore,
	.stop = end,
	.cut = end,
	.close = free_state,
};

void gh__proxied_begin(struct gh__conn *c)
{
	gh__conn_speak(c, &proxied, gh__zalloc(sizeof(struct proxied)));
	gh__conn_wait(c, GH__FOR_HANDSHAKE, c->conns->settings.handshake_timeout);
}
