#include <mbedtls/ssl.h>

#include "core/base/memory.h"
#include "core/net/tls_server.h"

enum {
	HEADER = 5,             /* of a record: type, version, length */
	LONGEST = 16384 + 2048, /* what a record may carry, sealed */
	FIRST_OUT = 4096,       /* a handshake's answers */
	MOST_OUT = 128 << 10,   /* a chain longer than that is refused when it is read */
};

/* ---- bytes from the peer ---- */

/* The length of the record at the front, header and all; 0: its header is not whole. */
static size_t record_length(const struct gh__tls *t)
{
	const unsigned char *at = (const unsigned char *)t->in + t->from;

	if (t->to - t->from < HEADER)
		return 0;
	size_t len = (size_t)at[3] << 8 | at[4];
	/* One that is too long is mbedTLS's to refuse, by its header alone. */
	return len > LONGEST ? HEADER : HEADER + len;
}

bool gh__tls_has_any(const struct gh__tls *t)
{
	return t->from < t->to;
}

bool gh__tls_has_record(const struct gh__tls *t)
{
	size_t len = record_length(t);

	return len && t->to - t->from >= len;
}

void gh__tls_feed(struct gh__tls *t, const char *at, size_t len)
{
	uint32_t have = t->to - t->from;

	if (have == 0) {
		if (t->room)
			gh__free(t->in);
		t->in = (char *)(uintptr_t)at;
		t->from = t->room = 0;
		t->to = (uint32_t)len;
		return;
	}
	if (t->room - t->to < len || !t->room) {
		uint32_t room = have + (uint32_t)len;
		char *more = gh__alloc(room);
		memcpy(more, t->in + t->from, have);
		if (t->room)
			gh__free(t->in);
		t->in = more;
		t->room = room;
		t->from = 0;
		t->to = have;
	}
	memcpy(t->in + t->to, at, len);
	t->to += (uint32_t)len;
}

void gh__tls_keep(struct gh__tls *t)
{
	uint32_t have = t->to - t->from;
	char *own = NULL;

	if (have && t->room)
		return;
	if (have) {
		own = gh__alloc(have);
		memcpy(own, t->in + t->from, have);
	} else if (t->room) {
		gh__free(t->in);
	}
	t->in = own;
	t->from = 0;
	t->to = t->room = have;
}

/* Gives whole records only, so that mbedTLS never holds a piece of one. */
static int receive(void *arg, unsigned char *to, size_t len)
{
	struct gh__tls *t = arg;

	if (t->left == 0) {
		if (!gh__tls_has_record(t))
			return MBEDTLS_ERR_SSL_WANT_READ;
		t->left = (uint32_t)record_length(t);
	}
	if (len > t->left)
		len = t->left;
	memcpy(to, t->in + t->from, len);
	t->from += (uint32_t)len;
	t->left -= (uint32_t)len;
	return (int)len;
}

/* ---- bytes for the peer ---- */

static int give(void *arg, const unsigned char *from, size_t len)
{
	struct gh__tls *t = arg;

	if (t->out_room - t->out_len < len) {
		if (!t->own_out || t->out_len + len > MOST_OUT)
			return MBEDTLS_ERR_SSL_WANT_WRITE;
		size_t room = t->out_room ? t->out_room : FIRST_OUT;
		while (room < t->out_len + len)
			room *= 2;
		char *more = gh__alloc(room);
		if (t->out_len)
			memcpy(more, t->out, t->out_len);
		gh__free(t->out);
		t->out = more;
		t->out_room = room;
	}
	memcpy(t->out + t->out_len, from, len);
	t->out_len += len;
	return (int)len;
}

static void drop_output(struct gh__tls *t)
{
	gh__free(t->out);
	t->out = NULL;
	t->out_len = t->out_room = 0;
}

/* ---- life ---- */

static void begin(struct gh__tls *t)
{
	GH_CHECK(mbedtls_ssl_setup(&t->ssl, &t->server->config) ==
		 0); /* only memory can be missing */
	mbedtls_ssl_set_user_data_p(&t->ssl, t);
	mbedtls_ssl_set_bio(&t->ssl, t, give, receive, NULL);
	t->server = NULL;
}

struct gh__tls *gh__tls_create(struct gh__tls_server *s, struct gh__shelf *shelf)
{
	struct gh__tls *t = gh__zalloc(sizeof *t);

	mbedtls_ssl_init(&t->ssl);
	t->server = s;
	t->shelf = shelf;
	t->own_out = true;
	return t;
}

void gh__tls_destroy(struct gh__tls *t)
{
	if (!t)
		return;
	gh__tls_forget(&t->ssl, &t->lent);
	mbedtls_ssl_free(&t->ssl);
	gh__certificate_unref(t->certificate);
	if (t->room)
		gh__free(t->in);
	gh__free(t->out);
	gh__free(t);
}

/* ---- the handshake ---- */

static const char *phrase(int error)
{
	switch (error) {
	case MBEDTLS_ERR_SSL_NO_APPLICATION_PROTOCOL:
		return "the client speaks neither h2 nor http/1.1";
	case MBEDTLS_ERR_SSL_BAD_PROTOCOL_VERSION:
		return "the client speaks neither TLS 1.2 nor 1.3";
	case MBEDTLS_ERR_SSL_HANDSHAKE_FAILURE:
		return "the client has no cipher or group in common";
	case MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE:
		return "the client sent an alert";
	default:
		return "the client's messages are not those of a handshake";
	}
}

enum gh__tls_result gh__tls_handshake(struct gh__tls *t)
{
	/* Who only connects, or waits for a turn, has no buffers yet. */
	if (t->server)
		begin(t);
	t->out_len = 0;
	int error = mbedtls_ssl_handshake(&t->ssl);

	if (error == MBEDTLS_ERR_SSL_WANT_READ)
		return GH__TLS_MORE;
	gh__certificate_unref(t->certificate);
	t->certificate = NULL;
	if (error == 0)
		return GH__TLS_DONE;
	if (!t->trouble)
		t->trouble = phrase(error);
	return GH__TLS_FAILED;
}

struct gh_str gh__tls_output(struct gh__tls *t)
{
	return (struct gh_str){ t->out, t->out_len };
}

const char *gh__tls_trouble(const struct gh__tls *t)
{
	return t->trouble ? t->trouble : "";
}

enum gh__tls_protocol gh__tls_protocol(const struct gh__tls *t)
{
	const char *name = mbedtls_ssl_get_alpn_protocol(&t->ssl);

	return name && strcmp(name, "h2") == 0 ? GH__TLS_HTTP2 : GH__TLS_HTTP1;
}

/* ---- records ---- */

/* A session that is between records leaves no memory behind but what it cannot do without. */
static void rest(struct gh__tls *t, struct gh__tls_room *room)
{
	gh__tls_give_back(&t->ssl, &t->lent);
	if (gh__tls_is_between(&t->ssl)) {
		if (!t->lent.borrows)
			gh__tls_lend(&t->ssl, &t->lent, room->in, room->out);
	} else if (t->lent.borrows && !t->ended) {
		t->ended = UV_EPROTO; /* a piece of a message, where none comes in pieces */
	}
	gh__tls_keep(t);
}

ssize_t gh__tls_open(struct gh__tls *t, struct gh__tls_room *room)
{
	size_t got = 0;

	drop_output(t);
	gh__tls_borrow(&t->ssl, &t->lent);
	while (got < sizeof room->plain && !t->ended) {
		int n = mbedtls_ssl_read(&t->ssl, (unsigned char *)room->plain + got,
					 sizeof room->plain - got);
		if (n > 0)
			got += (size_t)n;
		else if (n == MBEDTLS_ERR_SSL_WANT_READ)
			break;
		else
			t->ended = n == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY || n == 0 ? UV_EOF
										    : UV_EPROTO;
	}
	rest(t, room);
	return got ? (ssize_t)got : t->ended;
}

static void lend_output(struct gh__tls *t, struct gh__tls_room *room)
{
	drop_output(t);
	gh__tls_borrow(&t->ssl, &t->lent);
	t->out = room->sealed;
	t->out_room = sizeof room->sealed;
	t->own_out = false;
}

static ssize_t take_output(struct gh__tls *t, int error)
{
	ssize_t len = (ssize_t)t->out_len;

	gh__tls_give_back(&t->ssl, &t->lent);
	t->out = NULL;
	t->out_len = t->out_room = 0;
	t->own_out = true;
	return error ? UV_EPROTO : len;
}

ssize_t gh__tls_seal(struct gh__tls *t, struct gh__tls_room *room, struct gh_str from,
		     size_t *ret_taken)
{
	size_t taken = 0;
	int error = 0;

	lend_output(t, room);
	while (taken < from.len && !error) {
		size_t len = from.len - taken < GH__TLS_RECORD ? from.len - taken : GH__TLS_RECORD;
		if (t->out_room - t->out_len < len + GH__TLS_OVERHEAD)
			break;
		int n = mbedtls_ssl_write(&t->ssl, (const unsigned char *)from.at + taken, len);
		if (n > 0)
			taken += (size_t)n;
		else
			error = n;
	}
	*ret_taken = taken;
	return take_output(t, error);
}

ssize_t gh__tls_end(struct gh__tls *t, struct gh__tls_room *room)
{
	lend_output(t, room);
	return take_output(t, mbedtls_ssl_close_notify(&t->ssl));
}

struct gh__tls_room *gh__tls_room(struct gh__loop *l)
{
	if (!l->tls_room)
		l->tls_room = gh__alloc(sizeof(struct gh__tls_room));
	return l->tls_room;
}
