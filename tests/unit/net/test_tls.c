/* Sessions of TLS against mbedTLS's own client, over memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <malloc.h>
#include <mbedtls/ssl.h>
#include <stdlib.h>
#include <sys/random.h>

#include "core/base/memory.h"
#include "core/net/certificate.h"
#include "core/net/tls.h"
#include "support/certificates.h"

struct pipe {
	char *bytes;
	size_t from, to, room;
};

struct fixture {
	struct gh__loop loop;
	struct gh__tls_server *server;
	struct gh__shelf *shelf, *empty;
};

struct client {
	mbedtls_ssl_config config;
	mbedtls_ssl_context ssl;
	struct pipe in, out; /* to the client, from the client */
};

static int random_bytes(void *unused, unsigned char *to, size_t size)
{
	(void)unused;
	return getrandom(to, size, 0) == (ssize_t)size ? 0 : -1;
}

static void put(struct pipe *p, const void *at, size_t len)
{
	if (p->room - p->to < len) {
		p->room = (p->to + len) * 2;
		p->bytes = realloc(p->bytes, p->room);
	}
	memcpy(p->bytes + p->to, at, len);
	p->to += len;
}

static int client_send(void *arg, const unsigned char *at, size_t len)
{
	put(&((struct client *)arg)->out, at, len);
	return (int)len;
}

static int client_receive(void *arg, unsigned char *to, size_t len)
{
	struct pipe *p = &((struct client *)arg)->in;
	size_t have = p->to - p->from;

	if (have == 0)
		return MBEDTLS_ERR_SSL_WANT_READ;
	if (len > have)
		len = have;
	memcpy(to, p->bytes + p->from, len);
	p->from += len;
	return (int)len;
}

static void client_begin(struct client *c, mbedtls_ssl_protocol_version version, const char *name,
			 const char **protocols)
{
	memset(c, 0, sizeof *c);
	mbedtls_ssl_config_init(&c->config);
	mbedtls_ssl_init(&c->ssl);
	mbedtls_ssl_config_defaults(&c->config, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM,
				    MBEDTLS_SSL_PRESET_DEFAULT);
	mbedtls_ssl_conf_rng(&c->config, random_bytes, NULL);
	mbedtls_ssl_conf_authmode(&c->config, MBEDTLS_SSL_VERIFY_NONE);
	mbedtls_ssl_conf_min_tls_version(&c->config, version);
	mbedtls_ssl_conf_max_tls_version(&c->config, version);
	if (protocols)
		assert_int_equal(mbedtls_ssl_conf_alpn_protocols(&c->config, protocols), 0);
	assert_int_equal(mbedtls_ssl_setup(&c->ssl, &c->config), 0);
	assert_int_equal(mbedtls_ssl_set_hostname(&c->ssl, name), 0);
	mbedtls_ssl_set_bio(&c->ssl, c, client_send, client_receive, NULL);
}

static void client_end(struct client *c)
{
	mbedtls_ssl_free(&c->ssl);
	mbedtls_ssl_config_free(&c->config);
	free(c->in.bytes);
	free(c->out.bytes);
}

/* Both go on until neither can. How the server's side came out; the client's is in `ret_client`. */
static enum gh__tls_result shake(struct gh__tls *t, struct client *c, int *ret_client)
{
	enum gh__tls_result result = GH__TLS_MORE;

	for (int i = 0; i < 10 && result == GH__TLS_MORE; i++) {
		*ret_client = mbedtls_ssl_handshake(&c->ssl);
		gh__tls_feed(t, c->out.bytes + c->out.from, c->out.to - c->out.from);
		gh__tls_keep(t);
		c->out.from = c->out.to = 0;
		result = gh__tls_handshake(t);
		struct gh_str out = gh__tls_output(t);
		if (out.len)
			put(&c->in, out.at, out.len);
	}
	*ret_client = mbedtls_ssl_handshake(&c->ssl);
	return result;
}

static void connect_them(struct fixture *f, struct gh__tls **t, struct client *c,
			 mbedtls_ssl_protocol_version version)
{
	int client;

	*t = gh__tls_create(f->server, f->shelf);
	client_begin(c, version, "a.example", NULL);
	assert_int_equal(shake(*t, c, &client), GH__TLS_DONE);
	assert_int_equal(client, 0);
	/* What the handshake left behind goes with the first look for records. */
	assert_int_equal(gh__tls_open(*t, gh__tls_room(&f->loop)), 0);
}

static int begin(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	struct gh__certificate *items[2];
	char why[200];
	static const char *const names[] = { "a.example", "b.example" };

	gh__loop_init(&f->loop);
	f->server = gh__tls_server_create();
	f->shelf = gh__shelf_create();
	f->empty = gh__shelf_create();
	for (int i = 0; i < 2; i++) {
		struct made_certificate made =
			make_certificate(&(struct certificate_wish){ .names = { names[i] } });
		items[i] = gh__certificate_create(gh_str(made.chain), gh_str(made.key), why,
						  sizeof why);
		assert_non_null(items[i]);
		made_certificate_drop(&made);
	}
	gh__shelf_put(f->shelf, items, 2);
	gh__certificate_unref(items[0]);
	gh__certificate_unref(items[1]);
	*state = f;
	return 0;
}

static int end(void **state)
{
	struct fixture *f = *state;

	gh__shelf_unref(f->shelf);
	gh__shelf_unref(f->empty);
	gh__tls_server_destroy(f->server);
	gh__loop_finish(&f->loop);
	free(f);
	return 0;
}

static const mbedtls_ssl_protocol_version versions[] = { MBEDTLS_SSL_VERSION_TLS1_2,
							 MBEDTLS_SSL_VERSION_TLS1_3 };

/* ---- handshakes ---- */

static void both_versions_choose_a_protocol(void **state)
{
	static const char *h2[] = { "h2", "http/1.1", NULL }, *old[] = { "http/1.1", NULL },
			  *other[] = { "imap", NULL };
	static const struct {
		const char **offer;
		int works;
		enum gh__tls_protocol protocol;
	} cases[] = { { h2, 1, GH__TLS_HTTP2 },
		      { old, 1, GH__TLS_HTTP1 },
		      { NULL, 1, GH__TLS_HTTP1 },
		      { other, 0, GH__TLS_HTTP1 } };
	struct fixture *f = *state;

	for (size_t v = 0; v < 2; v++) {
		for (size_t i = 0; i < 4; i++) {
			struct gh__tls *t = gh__tls_create(f->server, f->shelf);
			struct client c;
			int client;
			client_begin(&c, versions[v], "a.example", cases[i].offer);
			enum gh__tls_result result = shake(t, &c, &client);
			assert_int_equal(result, cases[i].works ? GH__TLS_DONE : GH__TLS_FAILED);
			if (cases[i].works) {
				assert_int_equal(client, 0);
				assert_int_equal(gh__tls_protocol(t), cases[i].protocol);
			} else {
				assert_int_equal(client, MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE);
				assert_string_equal(gh__tls_trouble(t),
						    "the client speaks neither h2 nor http/1.1");
			}
			gh__tls_destroy(t);
			client_end(&c);
		}
	}
}

static void name_is_shown(struct fixture *f, const char *asked, const char *shown)
{
	struct gh__tls *t = gh__tls_create(f->server, f->shelf);
	struct client c;
	int client;

	client_begin(&c, MBEDTLS_SSL_VERSION_TLS1_2, asked, NULL);
	assert_int_equal(shake(t, &c, &client), GH__TLS_DONE);
	const mbedtls_x509_crt *crt = mbedtls_ssl_get_peer_cert(&c.ssl);
	const mbedtls_x509_buf *san = &crt->subject_alt_names.buf;
	assert_int_equal(san->len, strlen(shown));
	assert_memory_equal(san->p, shown, san->len);
	gh__tls_destroy(t);
	client_end(&c);
}

static void the_name_chooses_the_certificate(void **state)
{
	name_is_shown(*state, "b.example", "b.example");
	name_is_shown(*state, "B.Example", "b.example");
	name_is_shown(*state, "a.example", "a.example");
	name_is_shown(*state, "c.example", "a.example");
}

static void without_a_certificate_it_fails_and_says_so(void **state)
{
	struct fixture *f = *state;

	for (size_t v = 0; v < 2; v++) {
		struct gh__tls *t = gh__tls_create(f->server, f->empty);
		struct client c;
		int client;
		client_begin(&c, versions[v], "a.example", NULL);
		assert_int_equal(shake(t, &c, &client), GH__TLS_FAILED);
		assert_int_not_equal(client, 0);
		assert_string_equal(gh__tls_trouble(t), "there is no certificate to show");
		gh__tls_destroy(t);
		client_end(&c);
	}
}

static void garbage_fails(void **state)
{
	/* A hello that is shorter than it says itself. */
	static const char bytes[] = "\x16\x03\x01\x00\x06\x01\x00\x00\x02zz";
	struct fixture *f = *state;
	struct gh__tls *t = gh__tls_create(f->server, f->shelf);

	gh__tls_feed(t, bytes, sizeof bytes - 1);
	assert_true(gh__tls_has_record(t));
	assert_int_equal(gh__tls_handshake(t), GH__TLS_FAILED);
	gh__tls_destroy(t);
}

/* ---- records ---- */

static void pass_through(struct fixture *f, struct gh__tls *t, struct client *c, size_t len,
			 size_t step)
{
	struct gh__tls_room *room = gh__tls_room(&f->loop);
	char *sent = malloc(len), *got = malloc(len);
	size_t at = 0;

	for (size_t i = 0; i < len; i++)
		sent[i] = (char)(i * 31 + (i >> 8));
	for (size_t i = 0; i < len;) {
		int n = mbedtls_ssl_write(&c->ssl, (unsigned char *)sent + i, len - i);
		assert_true(n > 0);
		i += (size_t)n;
	}
	for (size_t i = c->out.from; i < c->out.to; i += step) {
		size_t n = c->out.to - i < step ? c->out.to - i : step;
		char *piece =
			malloc(n); /* of just that size, so that no byte beyond is looked at */
		memcpy(piece, c->out.bytes + i, n);
		gh__tls_feed(t, piece, n);
		ssize_t opened;
		while ((opened = gh__tls_open(t, room)) > 0) {
			assert_true(at + (size_t)opened <= len);
			memcpy(got + at, room->plain, (size_t)opened);
			at += (size_t)opened;
		}
		assert_int_equal(opened, 0);
		free(piece);
	}
	c->out.from = c->out.to = 0;
	assert_int_equal(at, len);
	assert_memory_equal(got, sent, len);

	for (size_t i = 0, taken; i < len; i += taken) {
		ssize_t sealed = gh__tls_seal(t, room, (struct gh_str){ sent + i, len - i },
					      &taken);
		assert_true(sealed > 0 && taken > 0);
		put(&c->in, room->sealed, (size_t)sealed);
	}
	for (at = 0; at < len;) {
		int n = mbedtls_ssl_read(&c->ssl, (unsigned char *)got + at, len - at);
		assert_true(n > 0);
		at += (size_t)n;
	}
	assert_memory_equal(got, sent, len);
	free(sent);
	free(got);
}

static void bytes_come_as_they_were_sent(void **state)
{
	struct fixture *f = *state;

	for (size_t v = 0; v < 2; v++) {
		struct gh__tls *t;
		struct client c;
		connect_them(f, &t, &c, versions[v]);
		pass_through(f, t, &c, 1, 1);
		pass_through(f, t, &c, 100, 1);
		pass_through(f, t, &c, 20000, 7);
		pass_through(f, t, &c, 16384, 16384);
		pass_through(f, t, &c, 200000, GH__READ_SIZE);
		pass_through(f, t, &c, 200000, 5003);
		gh__tls_destroy(t);
		client_end(&c);
	}
}

static void sessions_that_take_turns_do_not_disturb_each_other(void **state)
{
	enum { SESSIONS = 5 };
	struct fixture *f = *state;
	struct gh__tls *t[SESSIONS];
	struct client c[SESSIONS];

	for (size_t i = 0; i < SESSIONS; i++)
		connect_them(f, t + i, c + i, versions[i % 2]);
	for (size_t round = 0; round < 40; round++)
		pass_through(f, t[round * 3 % SESSIONS], c + round * 3 % SESSIONS, 50 + round * 97,
			     1 + round * 13);
	for (size_t i = 0; i < SESSIONS; i++) {
		gh__tls_destroy(t[i]);
		client_end(c + i);
	}
}

static void an_end_in_order_is_told_from_a_break(void **state)
{
	struct fixture *f = *state;
	struct gh__tls_room *room = gh__tls_room(&f->loop);

	for (size_t v = 0; v < 2; v++) {
		struct gh__tls *t;
		struct client c;
		unsigned char byte;
		connect_them(f, &t, &c, versions[v]);
		ssize_t len = gh__tls_end(t, room);
		assert_true(len > 0);
		put(&c.in, room->sealed, (size_t)len);
		assert_int_equal(mbedtls_ssl_read(&c.ssl, &byte, 1),
				 MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY);
		assert_int_equal(mbedtls_ssl_write(&c.ssl, (const unsigned char *)"x", 1), 1);
		assert_int_equal(mbedtls_ssl_close_notify(&c.ssl), 0);
		gh__tls_feed(t, c.out.bytes, c.out.to);
		assert_int_equal(gh__tls_open(t, room), 1); /* what came before the end */
		assert_int_equal(gh__tls_open(t, room), UV_EOF);
		assert_int_equal(gh__tls_open(t, room), UV_EOF);
		gh__tls_destroy(t);
		client_end(&c);
	}
}

static void a_record_that_was_changed_breaks_the_session(void **state)
{
	struct fixture *f = *state;
	struct gh__tls_room *room = gh__tls_room(&f->loop);

	for (size_t v = 0; v < 2; v++) {
		struct gh__tls *t;
		struct client c;
		connect_them(f, &t, &c, versions[v]);
		mbedtls_ssl_write(&c.ssl, (const unsigned char *)"hello", 5);
		c.out.bytes[c.out.to - 1] ^= 1;
		gh__tls_feed(t, c.out.bytes, c.out.to);
		assert_int_equal(gh__tls_open(t, room), UV_EPROTO);
		assert_true(gh__tls_output(t).len > 0); /* an alert */
		gh__tls_destroy(t);
		client_end(&c);
	}
}

static void a_record_too_long_breaks_the_session(void **state)
{
	struct fixture *f = *state;
	struct gh__tls *t;
	struct client c;
	static const char header[] = "\x17\x03\x03\xff\xff";

	connect_them(f, &t, &c, MBEDTLS_SSL_VERSION_TLS1_3);
	gh__tls_feed(t, header, 5);
	assert_int_equal(gh__tls_open(t, gh__tls_room(&f->loop)), UV_EPROTO);
	gh__tls_destroy(t);
	client_end(&c);
}

/* Two buffers of 17 KB would be 34. */
static void an_idle_session_is_small(void **state)
{
	enum { SESSIONS = 20 };
	struct fixture *f = *state;
	struct gh__tls *t[SESSIONS];

	(void)gh__tls_room(&f->loop); /* all share it */
	for (size_t v = 0; v < 2; v++) {
		size_t before = mallinfo2().uordblks;
		for (size_t i = 0; i < SESSIONS; i++) {
			struct client c;
			connect_them(f, t + i, &c, versions[v]);
			pass_through(f, t[i], &c, 300, 300);
			client_end(&c);
		}
		size_t each = (mallinfo2().uordblks - before) / SESSIONS;
		print_message("TLS 1.%zu: %zu bytes a session\n", 2 + v, each);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
		assert_true(each < (v == 0 ? 5000 : 9000));
#endif
		for (size_t i = 0; i < SESSIONS; i++)
			gh__tls_destroy(t[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(both_versions_choose_a_protocol, begin, end),
		cmocka_unit_test_setup_teardown(the_name_chooses_the_certificate, begin, end),
		cmocka_unit_test_setup_teardown(without_a_certificate_it_fails_and_says_so, begin,
						end),
		cmocka_unit_test_setup_teardown(garbage_fails, begin, end),
		cmocka_unit_test_setup_teardown(bytes_come_as_they_were_sent, begin, end),
		cmocka_unit_test_setup_teardown(sessions_that_take_turns_do_not_disturb_each_other,
						begin, end),
		cmocka_unit_test_setup_teardown(an_end_in_order_is_told_from_a_break, begin, end),
		cmocka_unit_test_setup_teardown(a_record_that_was_changed_breaks_the_session, begin,
						end),
		cmocka_unit_test_setup_teardown(a_record_too_long_breaks_the_session, begin, end),
		cmocka_unit_test_setup_teardown(an_idle_session_is_small, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
