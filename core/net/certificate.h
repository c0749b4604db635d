/*
 * Certificates with their keys, and the shelf of one listener from which TLS handshakes take them by
 * name. A certificate is read-only once made and counted; a shelf is swapped whole by the main thread
 * and read by any.
 */
#ifndef GATEHOUSE_CORE_NET_CERTIFICATE_H
#define GATEHOUSE_CORE_NET_CERTIFICATE_H

#include <mbedtls/pk.h>
#include <mbedtls/x509_crt.h>
#include <stdatomic.h>

#include <gatehouse/base.h>

struct gh__certificate {
	atomic_uint refs;
	mbedtls_x509_crt chain; /* the leaf first */
	mbedtls_pk_context key;
	struct gh_str *names; /* of the leaf's SAN: DNS names in lower case, `*.` too; IP addresses
	                       * as text */
	size_t name_count;
	int64_t not_before, not_after; /* seconds since 1970 */
};

/* From PEM, with any text between the blocks; neither need be terminated. NULL and a sentence in `why`
 * (of `size` bytes) on failure: no certificate, one that is cut or has no name, no key, a key that is
 * encrypted or of another certificate, of a kind or size that is not served (RSA under 2048 bits,
 * curves other than P-256, P-384 and P-521), a chain too long for a handshake. One that has run out or
 * is not valid yet is made: who serves it says so. */
struct gh__certificate *gh__certificate_create(struct gh_str chain, struct gh_str key, char *why,
					       size_t size);
struct gh__certificate *gh__certificate_ref(struct gh__certificate *c);
void gh__certificate_unref(struct gh__certificate *c); /* any thread; takes NULL */

struct gh__shelf;
struct gh__shelf *gh__shelf_create(void);
struct gh__shelf *gh__shelf_ref(struct gh__shelf *s);
void gh__shelf_unref(struct gh__shelf *s); /* any thread; takes NULL */
/* What is on it from now on; references are taken. The first is the default. */
void gh__shelf_put(struct gh__shelf *s, struct gh__certificate *const *items, size_t count);
/* The one for a name (any case, empty: none was asked for), else the default. Of several, one that is
 * valid now; of these, one by the whole name before one by a wildcard for its first label; then the
 * one that runs longest. A reference, or NULL: the shelf is empty. Any thread. */
struct gh__certificate *gh__shelf_pick(struct gh__shelf *s, struct gh_str name);

#endif
