/* These fields are not part of mbedTLS's interface; see the header. */
#define MBEDTLS_ALLOW_PRIVATE_ACCESS

#include "core/net/tls_lend.h"

#include <mbedtls/platform.h>
#include <mbedtls/version.h>
#include <string.h>

#include "core/base/memory.h"

#if MBEDTLS_VERSION_MAJOR == 3 && MBEDTLS_VERSION_MINOR == 6 && \
	!defined(MBEDTLS_SSL_VARIABLE_BUFFER_LENGTH) && MBEDTLS_SSL_IN_CONTENT_LEN <= 16384 && \
	MBEDTLS_SSL_OUT_CONTENT_LEN <= 16384

bool gh__tls_is_between(const mbedtls_ssl_context *ssl)
{
	return mbedtls_ssl_is_handshake_over((mbedtls_ssl_context *)(uintptr_t)ssl) &&
	       !ssl->in_offt && ssl->in_left == 0 && ssl->in_msglen == 0 && ssl->in_hslen == 0 &&
	       ssl->badmac_seen_or_in_hsfraglen == 0 && ssl->out_left == 0;
}

static unsigned char *move(const unsigned char *at, const unsigned char *from, unsigned char *to)
{
	return to + (at - from);
}

static void use_in(mbedtls_ssl_context *ssl, unsigned char *to)
{
	unsigned char *from = ssl->in_buf;

	ssl->in_ctr = move(ssl->in_ctr, from, to);
	ssl->in_hdr = move(ssl->in_hdr, from, to);
#if defined(MBEDTLS_SSL_DTLS_CONNECTION_ID)
	ssl->in_cid = move(ssl->in_cid, from, to);
#endif
	ssl->in_len = move(ssl->in_len, from, to);
	ssl->in_iv = move(ssl->in_iv, from, to);
	ssl->in_msg = move(ssl->in_msg, from, to);
	ssl->in_buf = to;
}

static void use_out(mbedtls_ssl_context *ssl, unsigned char *to)
{
	unsigned char *from = ssl->out_buf;

	ssl->out_ctr = move(ssl->out_ctr, from, to);
	ssl->out_hdr = move(ssl->out_hdr, from, to);
#if defined(MBEDTLS_SSL_DTLS_CONNECTION_ID)
	ssl->out_cid = move(ssl->out_cid, from, to);
#endif
	ssl->out_len = move(ssl->out_len, from, to);
	ssl->out_iv = move(ssl->out_iv, from, to);
	ssl->out_msg = move(ssl->out_msg, from, to);
	ssl->out_buf = to;
}

void gh__tls_lend(mbedtls_ssl_context *ssl, struct gh__tls_lent *lent, unsigned char *in,
		  unsigned char *out)
{
	unsigned char *own_in = ssl->in_buf, *own_out = ssl->out_buf;

	memcpy(lent->counter, own_in, GH__TLS_COUNTER);
	use_in(ssl, in);
	use_out(ssl, out);
	gh__wipe(own_in, MBEDTLS_SSL_IN_CONTENT_LEN);
	gh__wipe(own_out, MBEDTLS_SSL_OUT_CONTENT_LEN);
	mbedtls_free(own_in);
	mbedtls_free(own_out);
	lent->borrows = true;
}

void gh__tls_borrow(mbedtls_ssl_context *ssl, const struct gh__tls_lent *lent)
{
	if (lent->borrows)
		memcpy(ssl->in_buf, lent->counter, GH__TLS_COUNTER);
}

void gh__tls_give_back(mbedtls_ssl_context *ssl, struct gh__tls_lent *lent)
{
	if (lent->borrows)
		memcpy(lent->counter, ssl->in_buf, GH__TLS_COUNTER);
}

void gh__tls_forget(mbedtls_ssl_context *ssl, struct gh__tls_lent *lent)
{
	if (lent->borrows)
		ssl->in_buf = ssl->out_buf = NULL;
}

#else

bool gh__tls_is_between(const mbedtls_ssl_context *ssl)
{
	(void)ssl;
	return false;
}

void gh__tls_lend(mbedtls_ssl_context *ssl, struct gh__tls_lent *lent, unsigned char *in,
		  unsigned char *out)
{
	(void)ssl;
	(void)lent;
	(void)in;
	(void)out;
}

void gh__tls_borrow(mbedtls_ssl_context *ssl, const struct gh__tls_lent *lent)
{
	(void)ssl;
	(void)lent;
}

void gh__tls_give_back(mbedtls_ssl_context *ssl, struct gh__tls_lent *lent)
{
	(void)ssl;
	(void)lent;
}

void gh__tls_forget(mbedtls_ssl_context *ssl, struct gh__tls_lent *lent)
{
	(void)ssl;
	(void)lent;
}

#endif
