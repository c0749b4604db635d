/* The settings that every session has, and the keys of tickets. */
#include "core/net/tls_server.h"

#include <psa/crypto.h>
#include <sys/random.h>

#include "core/base/memory.h"

/* A key of tickets is used for so long, and accepted for as long again. */
enum { TICKET_SECONDS = 12 * 3600 };

/* AEAD and ephemeral keys alone. mbedTLS takes the first that the client has too; where there are no
 * instructions for AES on either side, the client asks for ChaCha20 by its own order in TLS 1.3. */
static const int suites[] = {
	MBEDTLS_TLS1_3_AES_128_GCM_SHA256,
	MBEDTLS_TLS1_3_AES_256_GCM_SHA384,
	MBEDTLS_TLS1_3_CHACHA20_POLY1305_SHA256,
	MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
	MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
	MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
	MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
	0,
};

static const uint16_t groups[] = {
	MBEDTLS_SSL_IANA_TLS_GROUP_X25519,
	MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1,
	MBEDTLS_SSL_IANA_TLS_GROUP_SECP384R1,
	MBEDTLS_SSL_IANA_TLS_GROUP_NONE,
};

static const uint16_t signatures[] = {
	MBEDTLS_TLS1_3_SIG_ECDSA_SECP256R1_SHA256, MBEDTLS_TLS1_3_SIG_ECDSA_SECP384R1_SHA384,
	MBEDTLS_TLS1_3_SIG_ECDSA_SECP521R1_SHA512, MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA256,
	MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA384,    MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA512,
	MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA256,       MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA384,
	MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA512,       MBEDTLS_TLS1_3_SIG_NONE,
};

/* curl --http1.0 asks for the last by name. */
static const char *const protocols[] = { "h2", "http/1.1", "http/1.0", NULL };

/* The system's own: no state that threads would have to share. */
static int random_bytes(void *unused, unsigned char *to, size_t size)
{
	(void)unused;
	while (size) {
		ssize_t got = getrandom(to, size, 0);
		if (got < 0)
			return MBEDTLS_ERR_SSL_HW_ACCEL_FAILED;
		to += got;
		size -= (size_t)got;
	}
	return 0;
}

/* Called once the client has said which name it wants. */
static int choose_certificate(mbedtls_ssl_context *ssl)
{
	struct gh__tls *t = mbedtls_ssl_get_user_data_p(ssl);
	size_t len = 0;
	const unsigned char *name = mbedtls_ssl_get_hs_sni(ssl, &len);

	gh__certificate_unref(t->certificate);
	t->certificate = gh__shelf_pick(t->shelf, (struct gh_str){ (const char *)name, len });
	if (!t->certificate) {
		t->trouble = "there is no certificate to show";
		return MBEDTLS_ERR_SSL_NO_CLIENT_CERTIFICATE;
	}
	return mbedtls_ssl_set_hs_own_cert(ssl, &t->certificate->chain, &t->certificate->key);
}

struct gh__tls_server *gh__tls_server_create(void)
{
	struct gh__tls_server *s = gh__zalloc(sizeof *s);
	mbedtls_ssl_config *c = &s->config;

	GH_CHECK(psa_crypto_init() == PSA_SUCCESS);
	mbedtls_ssl_config_init(c);
	mbedtls_ssl_ticket_init(&s->tickets);
	GH_CHECK(mbedtls_ssl_config_defaults(c, MBEDTLS_SSL_IS_SERVER, MBEDTLS_SSL_TRANSPORT_STREAM,
					     MBEDTLS_SSL_PRESET_DEFAULT) == 0);
	mbedtls_ssl_conf_rng(c, random_bytes, NULL);
	mbedtls_ssl_conf_min_tls_version(c, MBEDTLS_SSL_VERSION_TLS1_2);
	mbedtls_ssl_conf_max_tls_version(c, MBEDTLS_SSL_VERSION_TLS1_3);
	mbedtls_ssl_conf_ciphersuites(c, suites);
	mbedtls_ssl_conf_groups(c, groups);
	mbedtls_ssl_conf_sig_algs(c, signatures);
	/* A resumed session has keys of its own too. */
	mbedtls_ssl_conf_tls13_key_exchange_modes(
		c, MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_EPHEMERAL |
			   MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_PSK_EPHEMERAL);
	mbedtls_ssl_conf_renegotiation(c, MBEDTLS_SSL_RENEGOTIATION_DISABLED);
	mbedtls_ssl_conf_authmode(c, MBEDTLS_SSL_VERIFY_NONE);
	GH_CHECK(mbedtls_ssl_conf_alpn_protocols(c, (const char **)(uintptr_t)protocols) == 0);
	GH_CHECK(mbedtls_ssl_ticket_setup(&s->tickets, random_bytes, NULL,
					  MBEDTLS_CIPHER_AES_256_GCM, TICKET_SECONDS) == 0);
	mbedtls_ssl_conf_session_tickets(c, MBEDTLS_SSL_SESSION_TICKETS_ENABLED);
	mbedtls_ssl_conf_session_tickets_cb(c, mbedtls_ssl_ticket_write, mbedtls_ssl_ticket_parse,
					    &s->tickets);
	mbedtls_ssl_conf_new_session_tickets(c, 1);
	mbedtls_ssl_conf_cert_cb(c, choose_certificate);
	return s;
}

void gh__tls_server_destroy(struct gh__tls_server *s)
{
	if (!s)
		return;
	mbedtls_ssl_config_free(&s->config);
	mbedtls_ssl_ticket_free(&s->tickets);
	gh__free(s);
}
