/*
 * Certificates made while a test runs. They are the caller's until made_certificate_drop(); a key takes
 * a moment (RSA: up to a second), so a test makes those that it needs once.
 */
#ifndef GATEHOUSE_TESTS_SUPPORT_CERTIFICATES_H
#define GATEHOUSE_TESTS_SUPPORT_CERTIFICATES_H

#include <gatehouse/base.h>

enum key_kind {
	KEY_P256,
	KEY_P384,
	KEY_P521,
	KEY_SECP256K1, /* not served */
	KEY_RSA_2048,
	KEY_RSA_1024, /* not served */
};

enum certificate_use {
	USE_SERVER,        /* digitalSignature, serverAuth */
	USE_CLIENT,        /* digitalSignature, clientAuth */
	USE_ENCIPHER_ONLY, /* keyEncipherment, serverAuth */
	USE_CA,            /* keyCertSign, cRLSign; basicConstraints: CA */
};

struct made_certificate {
	char *chain; /* PEM, of this one alone */
	char *key;   /* PEM: PKCS#1 or SEC1 */
	char *pkcs8; /* the same, as PKCS#8 */
	char subject[64];
};

/* What is left zero: no name at all, from an hour ago until 30 days from now, P-256, a server's, signed
 * by itself. */
struct certificate_wish {
	const char *names[8];          /* of its SAN: DNS names, addresses */
	int64_t not_before, not_after; /* seconds since 1970 */
	enum key_kind kind;
	enum certificate_use use;
	const struct made_certificate *issuer;
};

struct made_certificate make_certificate(const struct certificate_wish *wish);
void made_certificate_drop(struct made_certificate *c);

#endif
