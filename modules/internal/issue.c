#include "issue.h"

#include <arpa/inet.h>
#include <mbedtls/ecp.h>
#include <mbedtls/error.h>
#include <mbedtls/oid.h>
#include <mbedtls/x509_crt.h>
#include <stdio.h>
#include <time.h>

enum { SERIAL = 16, SUBJECT = 64 };

static int random_bytes(void *unused, unsigned char *to, size_t size)
{
	(void)unused;
	gh_random(to, size);
	return 0;
}

static const unsigned char *bytes(const char *s)
{
	return (const unsigned char *)s;
}

/* ---- names ---- */

/* The value of a name in a certificate: an address's bytes, or the name itself. */
struct value {
	int type; /* MBEDTLS_X509_SAN_… */
	unsigned char address[16];
	struct gh_str s;
};

static void value_of(struct gh_str name, struct value *ret_value)
{
	*ret_value = (struct value){ .type = MBEDTLS_X509_SAN_IP_ADDRESS };
	ret_value->s = (struct gh_str){ (const char *)ret_value->address, 4 };
	if (inet_pton(AF_INET, name.at, ret_value->address) == 1)
		return;
	ret_value->s.len = 16;
	if (inet_pton(AF_INET6, name.at, ret_value->address) == 1)
		return;
	ret_value->type = MBEDTLS_X509_SAN_DNS_NAME;
	ret_value->s = name;
}

static int set_names(mbedtls_x509write_cert *w, const struct gh_strings *names)
{
	mbedtls_x509_san_list items[INTERNAL_NAMES] = { 0 };
	struct value values[INTERNAL_NAMES];

	for (size_t i = 0; i < names->count; i++) {
		mbedtls_x509_subject_alternative_name *n = &items[i].node;

		value_of(names->items[i], &values[i]);
		n->type = values[i].type;
		n->san.unstructured_name.p = (unsigned char *)(uintptr_t)values[i].s.at;
		n->san.unstructured_name.len = values[i].s.len;
		items[i].next = i + 1 < names->count ? &items[i + 1] : NULL;
	}
	return mbedtls_x509write_crt_set_subject_alternative_name(w, items);
}

static bool is_same(struct gh_str s, const struct value *v)
{
	return v->type == MBEDTLS_X509_SAN_DNS_NAME ? gh_str_same(s, v->s) : gh_str_eq(s, v->s);
}

static bool has_name(const mbedtls_x509_crt *crt, const struct value *v)
{
	for (const mbedtls_x509_sequence *at = &crt->subject_alt_names; at; at = at->next)
		if (at->buf.p && (at->buf.tag & MBEDTLS_ASN1_TAG_VALUE_MASK) == v->type &&
		    is_same((struct gh_str){ (const char *)at->buf.p, at->buf.len }, v))
			return true;
	return false;
}

static bool has_names(const mbedtls_x509_crt *crt, const struct gh_strings *names)
{
	size_t count = 0;

	for (const mbedtls_x509_sequence *at = &crt->subject_alt_names; at; at = at->next)
		count++;
	if (count != names->count)
		return false;
	for (size_t i = 0; i < names->count; i++) {
		struct value v;

		value_of(names->items[i], &v);
		if (!has_name(crt, &v))
			return false;
	}
	return true;
}

/* ---- making ---- */

static int set_life(mbedtls_x509write_cert *w, int days)
{
	/* An hour back, for clients whose clock is behind. */
	time_t from = time(NULL) - 3600, to = from + (time_t)days * INTERNAL_DAY;
	char from_text[16], to_text[16];
	struct tm tm;

	strftime(from_text, sizeof from_text, "%Y%m%d%H%M%S", gmtime_r(&from, &tm));
	strftime(to_text, sizeof to_text, "%Y%m%d%H%M%S", gmtime_r(&to, &tm));
	return mbedtls_x509write_crt_set_validity(w, from_text, to_text);
}

static int set_serial(mbedtls_x509write_cert *w)
{
	unsigned char serial[SERIAL];

	gh_random(serial, sizeof serial);
	/* Positive, and never shorter than it is written. */
	serial[0] = (unsigned char)((serial[0] & 0x7f) | 0x40);
	return mbedtls_x509write_crt_set_serial_raw(w, serial, sizeof serial);
}

static int set_use(mbedtls_x509write_cert *w, const struct gh_strings *names)
{
	mbedtls_asn1_sequence server = { 0 };
	int rc = mbedtls_x509write_crt_set_basic_constraints(w, !names, names ? -1 : 0);

	if (rc)
		return rc;
	if (!names)
		return mbedtls_x509write_crt_set_key_usage(w, MBEDTLS_X509_KU_KEY_CERT_SIGN |
								      MBEDTLS_X509_KU_CRL_SIGN);
	server.buf.tag = MBEDTLS_ASN1_OID;
	server.buf.p = (unsigned char *)(uintptr_t)MBEDTLS_OID_SERVER_AUTH;
	server.buf.len = MBEDTLS_OID_SIZE(MBEDTLS_OID_SERVER_AUTH);
	if ((rc = mbedtls_x509write_crt_set_key_usage(w, MBEDTLS_X509_KU_DIGITAL_SIGNATURE)) == 0)
		rc = mbedtls_x509write_crt_set_ext_key_usage(w, &server);
	return rc ? rc : set_names(w, names);
}

/* `names` NULL: an authority, signed by itself. */
static int make(mbedtls_x509write_cert *w, mbedtls_pk_context *key, const mbedtls_x509_crt *issuer,
		mbedtls_pk_context *issuer_key, const struct gh_strings *names,
		struct internal_pair *to)
{
	char subject[SUBJECT], issuer_name[256];
	unsigned char tag[4];
	int rc;

	gh_random(tag, sizeof tag);
	snprintf(subject, sizeof subject, "O=Gatehouse,CN=%s %02x%02x%02x%02x",
		 names ? "internal" : "internal CA", tag[0], tag[1], tag[2], tag[3]);
	if (issuer && mbedtls_x509_dn_gets(issuer_name, sizeof issuer_name, &issuer->subject) < 0)
		return MBEDTLS_ERR_X509_BUFFER_TOO_SMALL;
	mbedtls_x509write_crt_set_version(w, MBEDTLS_X509_CRT_VERSION_3);
	mbedtls_x509write_crt_set_md_alg(w, MBEDTLS_MD_SHA256);
	if ((rc = mbedtls_pk_setup(key, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY))) ||
	    (rc = mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(*key), random_bytes,
				      NULL)))
		return rc;
	mbedtls_x509write_crt_set_subject_key(w, key);
	mbedtls_x509write_crt_set_issuer_key(w, issuer ? issuer_key : key);
	if ((rc = set_serial(w)) ||
	    (rc = set_life(w, names ? INTERNAL_LEAF_DAYS : INTERNAL_CA_DAYS)) ||
	    (rc = mbedtls_x509write_crt_set_subject_name(w, subject)) ||
	    (rc = mbedtls_x509write_crt_set_issuer_name(w, issuer ? issuer_name : subject)) ||
	    (rc = set_use(w, names)) ||
	    (rc = mbedtls_x509write_crt_set_subject_key_identifier(w)) ||
	    (rc = mbedtls_x509write_crt_set_authority_key_identifier(w)) ||
	    (rc = mbedtls_x509write_crt_pem(w, (unsigned char *)to->chain, sizeof to->chain,
					    random_bytes, NULL)))
		return rc;
	return mbedtls_pk_write_key_pem(key, (unsigned char *)to->key, sizeof to->key);
}

static int say(int error, const char *what, char *why, size_t size)
{
	char detail[128];

	if (error == 0)
		return 0;
	mbedtls_strerror(error, detail, sizeof detail);
	snprintf(why, size, "%s could not be made (%s)", what, detail);
	return -1;
}

int internal_make_ca(struct internal_pair *ret_ca, char *why, size_t size)
{
	mbedtls_x509write_cert w;
	mbedtls_pk_context key;

	mbedtls_x509write_crt_init(&w);
	mbedtls_pk_init(&key);
	int rc = make(&w, &key, NULL, NULL, NULL, ret_ca);

	mbedtls_x509write_crt_free(&w);
	mbedtls_pk_free(&key);
	return say(rc, "a CA", why, size);
}

/* An authority as it is read from its texts. */
struct authority {
	mbedtls_x509_crt crt;
	mbedtls_pk_context key;
};

static int authority_init(struct authority *a, const struct internal_pair *ca)
{
	mbedtls_x509_crt_init(&a->crt);
	mbedtls_pk_init(&a->key);
	int rc = mbedtls_x509_crt_parse(&a->crt, bytes(ca->chain), strlen(ca->chain) + 1);

	if (rc == 0)
		rc = mbedtls_pk_parse_key(&a->key, bytes(ca->key), strlen(ca->key) + 1, NULL, 0,
					  random_bytes, NULL);
	return rc;
}

static void authority_finish(struct authority *a)
{
	mbedtls_x509_crt_free(&a->crt);
	mbedtls_pk_free(&a->key);
}

int internal_issue(const struct internal_pair *ca, const struct gh_strings *names,
		   struct internal_pair *ret_leaf, char *why, size_t size)
{
	mbedtls_x509write_cert w;
	mbedtls_pk_context key;
	struct authority a;

	mbedtls_x509write_crt_init(&w);
	mbedtls_pk_init(&key);
	int rc = authority_init(&a, ca);

	if (rc == 0)
		rc = make(&w, &key, &a.crt, &a.key, names, ret_leaf);
	authority_finish(&a);
	mbedtls_x509write_crt_free(&w);
	mbedtls_pk_free(&key);
	return say(rc, "a certificate", why, size);
}

/* ---- checking ---- */

int internal_check_ca(const struct internal_pair *ca, int64_t *ret_not_after)
{
	struct authority a;
	int rc = authority_init(&a, ca);

	if (rc == 0 && (!mbedtls_x509_crt_get_ca_istrue(&a.crt) ||
			mbedtls_pk_check_pair(&a.crt.pk, &a.key, random_bytes, NULL)))
		rc = -1;
	if (rc == 0) {
		const mbedtls_x509_time *t = &a.crt.valid_to;
		struct tm tm = {
			.tm_year = t->year - 1900,
			.tm_mon = t->mon - 1,
			.tm_mday = t->day,
			.tm_hour = t->hour,
			.tm_min = t->min,
			.tm_sec = t->sec,
		};
		*ret_not_after = (int64_t)timegm(&tm);
	}
	authority_finish(&a);
	return rc ? -1 : 0;
}

int internal_check_leaf(const struct internal_pair *ca, const struct internal_pair *leaf,
			const struct gh_strings *names, struct gh_certificate_life *ret_life)
{
	struct gh_certificate_life life;
	mbedtls_x509_crt crt;
	struct authority a;
	uint32_t flags;
	char why[256];

	if (gh_certificate_check(gh_str(leaf->chain), gh_str(leaf->key), &life, why, sizeof why))
		return -1;
	mbedtls_x509_crt_init(&crt);
	bool fits = authority_init(&a, ca) == 0 &&
		    mbedtls_x509_crt_parse(&crt, bytes(leaf->chain), strlen(leaf->chain) + 1) ==
			    0 &&
		    mbedtls_x509_crt_verify(&crt, &a.crt, NULL, NULL, &flags, NULL, NULL) == 0 &&
		    has_names(&crt, names);
	authority_finish(&a);
	mbedtls_x509_crt_free(&crt);
	if (!fits)
		return -1;
	*ret_life = life;
	return 0;
}
