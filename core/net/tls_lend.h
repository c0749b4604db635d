/*
 * mbedTLS gives each session two buffers of 17 KB for as long as it lives, and uses them for the time
 * of one record. Here sessions that are between records have none: all of a loop share one pair, and
 * a session keeps the one number that it stores in there. The fields are mbedTLS's own, so this is for
 * the one series of it that is known; for others the functions do nothing.
 */
#ifndef GATEHOUSE_CORE_NET_TLS_LEND_H
#define GATEHOUSE_CORE_NET_TLS_LEND_H

#include <mbedtls/ssl.h>
#include <stdbool.h>

enum { GH__TLS_COUNTER = 8 };

struct gh__tls_lent {
	unsigned char counter[GH__TLS_COUNTER]; /* of records from the peer */
	bool borrows;                           /* its own buffers are gone */
};

/* Whether nothing of a record is in its buffers: then they can be taken. */
bool gh__tls_is_between(const mbedtls_ssl_context *ssl);
/* Frees the session's own buffers. From now on each use stands between borrow and give_back, with the
 * same memory of GH__TLS_BUFFER bytes each. */
void gh__tls_lend(mbedtls_ssl_context *ssl, struct gh__tls_lent *lent, unsigned char *in,
		  unsigned char *out);
void gh__tls_borrow(mbedtls_ssl_context *ssl, const struct gh__tls_lent *lent);
void gh__tls_give_back(mbedtls_ssl_context *ssl, struct gh__tls_lent *lent);
/* Before the session is freed. */
void gh__tls_forget(mbedtls_ssl_context *ssl, struct gh__tls_lent *lent);

#endif
