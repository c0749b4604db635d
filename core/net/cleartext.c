/* A connection without TLS that may speak either HTTP/1 or HTTP/2: the first bytes tell. */
#include "core/base/memory.h"
#include "core/net/conn.h"
#include "core/net/held.h"

static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
enum { PREFACE = sizeof preface - 1 };

/* How many bytes of the preface came; they are the preface's own. */
struct cleartext {
	size_t seen;
};

static void go_on(struct gh__conn *c, struct gh_str rest,
		  void (*begin)(struct gh__conn *, struct gh_str))
{
	struct cleartext *t = c->state;
	struct gh__held held = { 0 };

	/* What came before is known: it was as the preface is. */
	if (t->seen) {
		gh__held_keep(&held, preface, t->seen);
		gh__held_add(&held, rest.at, rest.len);
		rest = gh__held_bytes(&held);
	}
	gh__free(t);
	begin(c, rest);
	gh__held_drop(&held);
}

static void data(struct gh__conn *c, const char *at, size_t len)
{
	struct cleartext *t = c->state;
	size_t more = len < PREFACE - t->seen ? len : PREFACE - t->seen;

	if (memcmp(preface + t->seen, at, more) != 0)
		go_on(c, (struct gh_str){ at, len }, gh__http1_begin);
	else if (t->seen + more == PREFACE)
		go_on(c, (struct gh_str){ at, len }, gh__http2_begin);
	else
		t->seen += more;
}

static void gone(struct gh__conn *c, int error)
{
	(void)error;
	gh__conn_close(c, GH__PUMP_FIN);
}

static void end(struct gh__conn *c)
{
	gh__conn_close(c, GH__PUMP_FIN);
}

static void ignore(struct gh__conn *c)
{
	(void)c;
}

static void free_state(struct gh__conn *c)
{
	gh__free(c->state);
}

static const struct gh__protocol cleartext = {
	.data = data,
	.gone = gone,
	.drain = ignore,
	.late = end,
	.later = ignore,
	.stop = end,
	.cut = end,
	.close = free_state,
};

void gh__cleartext_begin(struct gh__conn *c, struct gh_str bytes)
{
	gh__conn_speak(c, &cleartext, gh__zalloc(sizeof(struct cleartext)));
	gh__conn_wait(c, GH__FOR_HANDSHAKE, c->conns->settings.head_timeout);
	if (bytes.len)
		data(c, bytes.at, bytes.len);
}
