#include "support/certificates.h"

#include <arpa/inet.h>
#include <mbedtls/asn1write.h>
#include <mbedtls/ecp.h>
#include <mbedtls/oid.h>
#include <mbedtls/pem.h>
#include <mbedtls/rsa.h>
#include <mbedtls/x509_crt.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/base/memory.h"
#include <gatehouse/module.h>

enum { PEM_ROOM = 16384 };

static int random_bytes(void *unused, unsigned char *to, size_t size)
{
	(void)unused;
	gh_random(to, size);
	return 0;
}

/* ---- keys ---- */

static void generate(mbedtls_pk_context *key, enum key_kind kind)
{
	static const mbedtls_ecp_group_id curves[] = {
		[KEY_P256] = MBEDTLS_ECP_DP_SECP256R1,
		[KEY_P384] = MBEDTLS_ECP_DP_SECP384R1,
		[KEY_P521] = MBEDTLS_ECP_DP_SECP521R1,
		[KEY_SECP256K1] = MBEDTLS_ECP_DP_SECP256K1,
	};
	bool is_rsa = kind == KEY_RSA_2048 || kind == KEY_RSA_1024;

	GH_CHECK(mbedtls_pk_setup(key, mbedtls_pk_info_from_type(is_rsa ? MBEDTLS_PK_RSA
									: MBEDTLS_PK_ECKEY)) == 0);
	if (is_rsa)
		GH_CHECK(mbedtls_rsa_gen_key(mbedtls_pk_rsa(*key), random_bytes, NULL,
					     kind == KEY_RSA_2048 ? 2048 : 1024, 65537) == 0);
	else
		GH_CHECK(mbedtls_ecp_gen_key(curves[kind], mbedtls_pk_ec(*key), random_bytes,
					     NULL) == 0);
}

/* PrivateKeyInfo around the same DER: version, algorithm, OCTET STRING. Written from its end. */
static char *as_pkcs8(mbedtls_pk_context *key)
{
	unsigned char *room = malloc(PEM_ROOM), *at, *text = calloc(1, PEM_ROOM);
	int inner = mbedtls_pk_write_key_der(key, room, PEM_ROOM);
	size_t written;

	GH_CHECK(inner > 0);
	at = room + PEM_ROOM - inner;
	int len = inner;
	len += mbedtls_asn1_write_len(&at, room, (size_t)inner);
	len += mbedtls_asn1_write_tag(&at, room, MBEDTLS_ASN1_OCTET_STRING);
	if (mbedtls_pk_get_type(key) == MBEDTLS_PK_RSA) {
		len += mbedtls_asn1_write_algorithm_identifier(
			&at, room, MBEDTLS_OID_PKCS1_RSA, MBEDTLS_OID_SIZE(MBEDTLS_OID_PKCS1_RSA),
			0);
	} else {
		const char *curve;
		size_t size;
		GH_CHECK(mbedtls_oid_get_oid_by_ec_grp(
				 mbedtls_ecp_keypair_get_group_id(mbedtls_pk_ec(*key)), &curve,
				 &size) == 0);
		int parameters = mbedtls_asn1_write_oid(&at, room, curve, size);
		len += mbedtls_asn1_write_algorithm_identifier(
			&at, room, MBEDTLS_OID_EC_ALG_UNRESTRICTED,
			MBEDTLS_OID_SIZE(MBEDTLS_OID_EC_ALG_UNRESTRICTED), (size_t)parameters);
	}
	len += mbedtls_asn1_write_int(&at, room, 0);
	len += mbedtls_asn1_write_len(&at, room, (size_t)len);
	len += mbedtls_asn1_write_tag(&at, room, MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE);
	GH_CHECK(mbedtls_pem_write_buffer("-----BEGIN PRIVATE KEY-----\n",
					  "-----END PRIVATE KEY-----\n", at, (size_t)len, text,
					  PEM_ROOM, &written) == 0);
	free(room);
	return (char *)text;
}

/* ---- certificates ---- */

static void set_names(mbedtls_x509write_cert *w, const char *const names[8])
{
	mbedtls_x509_san_list items[8];
	unsigned char addresses[8][16];
	size_t count = 0;

	for (; count < 8 && names[count]; count++) {
		mbedtls_x509_subject_alternative_name *n = &items[count].node;
		mbedtls_x509_buf *value = &n->san.unstructured_name;
		bool is_v4 = inet_pton(AF_INET, names[count], addresses[count]) == 1;
		bool is_v6 = !is_v4 && inet_pton(AF_INET6, names[count], addresses[count]) == 1;

		memset(n, 0, sizeof *n);
		n->type = is_v4 || is_v6 ? MBEDTLS_X509_SAN_IP_ADDRESS : MBEDTLS_X509_SAN_DNS_NAME;
		value->p = is_v4 || is_v6 ? addresses[count]
					  : (unsigned char *)(uintptr_t)names[count];
		value->len = is_v4 ? 4 : is_v6 ? 16 : strlen(names[count]);
		items[count].next = NULL;
		if (count)
			items[count - 1].next = &items[count];
	}
	if (count)
		GH_CHECK(mbedtls_x509write_crt_set_subject_alternative_name(w, items) == 0);
}

static void set_use(mbedtls_x509write_cert *w, enum certificate_use use)
{
	mbedtls_asn1_sequence purpose = { 0 };
	unsigned usage = use == USE_CA ? MBEDTLS_X509_KU_KEY_CERT_SIGN | MBEDTLS_X509_KU_CRL_SIGN
			 : use == USE_ENCIPHER_ONLY ? MBEDTLS_X509_KU_KEY_ENCIPHERMENT
						    : MBEDTLS_X509_KU_DIGITAL_SIGNATURE;
	const char *oid = use == USE_CLIENT ? MBEDTLS_OID_CLIENT_AUTH : MBEDTLS_OID_SERVER_AUTH;

	GH_CHECK(mbedtls_x509write_crt_set_basic_constraints(w, use == USE_CA, -1) == 0);
	GH_CHECK(mbedtls_x509write_crt_set_key_usage(w, usage) == 0);
	if (use == USE_CA)
		return;
	purpose.buf.tag = MBEDTLS_ASN1_OID;
	purpose.buf.p = (unsigned char *)(uintptr_t)oid;
	purpose.buf.len = MBEDTLS_OID_SIZE(MBEDTLS_OID_SERVER_AUTH); /* both have as many */
	GH_CHECK(mbedtls_x509write_crt_set_ext_key_usage(w, &purpose) == 0);
}

static void set_life(mbedtls_x509write_cert *w, const struct certificate_wish *wish)
{
	time_t now = time(NULL), from = (time_t)wish->not_before, to = (time_t)wish->not_after;
	char from_text[16], to_text[16];
	struct tm tm;

	if (!from && !to) {
		from = now - 3600;
		to = now + (time_t)30 * 24 * 3600;
	}
	strftime(from_text, sizeof from_text, "%Y%m%d%H%M%S", gmtime_r(&from, &tm));
	strftime(to_text, sizeof to_text, "%Y%m%d%H%M%S", gmtime_r(&to, &tm));
	GH_CHECK(mbedtls_x509write_crt_set_validity(w, from_text, to_text) == 0);
}

struct made_certificate make_certificate(const struct certificate_wish *wish)
{
	const struct made_certificate *issuer = wish->issuer;
	struct made_certificate made = { .chain = calloc(1, PEM_ROOM), .key = calloc(1, PEM_ROOM) };
	mbedtls_pk_context key, issuer_key;
	mbedtls_x509write_cert w;
	unsigned char serial[16];

	mbedtls_pk_init(&key);
	mbedtls_pk_init(&issuer_key);
	mbedtls_x509write_crt_init(&w);
	generate(&key, wish->kind);
	if (issuer)
		GH_CHECK(mbedtls_pk_parse_key(&issuer_key, (const unsigned char *)issuer->key,
					      strlen(issuer->key) + 1, NULL, 0, random_bytes,
					      NULL) == 0);
	gh_random(serial, sizeof serial);
	serial[0] = (unsigned char)((serial[0] & 0x7f) | 0x40);
	snprintf(made.subject, sizeof made.subject, "CN=test %02x%02x%02x%02x", serial[1],
		 serial[2], serial[3], serial[4]);
	mbedtls_x509write_crt_set_version(&w, MBEDTLS_X509_CRT_VERSION_3);
	mbedtls_x509write_crt_set_md_alg(&w, MBEDTLS_MD_SHA256);
	mbedtls_x509write_crt_set_subject_key(&w, &key);
	mbedtls_x509write_crt_set_issuer_key(&w, issuer ? &issuer_key : &key);
	GH_CHECK(mbedtls_x509write_crt_set_serial_raw(&w, serial, sizeof serial) == 0);
	GH_CHECK(mbedtls_x509write_crt_set_subject_name(&w, made.subject) == 0);
	GH_CHECK(mbedtls_x509write_crt_set_issuer_name(&w, issuer ? issuer->subject
								  : made.subject) == 0);
	set_life(&w, wish);
	set_names(&w, wish->names);
	set_use(&w, wish->use);
	GH_CHECK(mbedtls_x509write_crt_set_subject_key_identifier(&w) == 0);
	GH_CHECK(mbedtls_x509write_crt_set_authority_key_identifier(&w) == 0);
	GH_CHECK(mbedtls_x509write_crt_pem(&w, (unsigned char *)made.chain, PEM_ROOM, random_bytes,
					   NULL) == 0);
	GH_CHECK(mbedtls_pk_write_key_pem(&key, (unsigned char *)made.key, PEM_ROOM) == 0);
	made.pkcs8 = as_pkcs8(&key);
	mbedtls_x509write_crt_free(&w);
	mbedtls_pk_free(&issuer_key);
	mbedtls_pk_free(&key);
	return made;
}

void made_certificate_drop(struct made_certificate *c)
{
	free(c->chain);
	free(c->key);
	free(c->pkcs8);
	*c = (struct made_certificate){ 0 };
}
