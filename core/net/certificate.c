#include "core/net/certificate.h"

#include <arpa/inet.h>
#include <mbedtls/ecp.h>
#include <mbedtls/error.h>
#include <mbedtls/oid.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include <gatehouse/module.h>

#include "core/base/memory.h"

enum {
	TEXT_MOST = 256 << 10, /* comments between the blocks and all */
	CHAIN_MOST = 16000,    /* one handshake message has room for that */
	CHAIN_FRAME = 5,       /* what the message adds to each certificate */
	RSA_LEAST = 2048,
	RSA_MOST = 8192, /* a signature by a longer one takes longer than anyone waits */
	NAME_MOST = 253,
};

#define BEGIN_CERTIFICATE "-----BEGIN CERTIFICATE-----"

static int say(char *why, size_t size, const char *format, ...) GH_PRINTF(3, 4);
static int say(char *why, size_t size, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(why, size, format, args);
	va_end(args);
	return -1;
}

static int random_bytes(void *unused, unsigned char *to, size_t size)
{
	(void)unused;
	gh_random(to, size);
	return 0;
}

/* A terminated copy, or NULL: no text. */
static char *text_of(struct gh_str s, const char *what, char *why, size_t size)
{
	if (s.len > TEXT_MOST)
		say(why, size, "the %s has more than %d KiB", what, TEXT_MOST >> 10);
	else if (s.len && memchr(s.at, 0, s.len))
		say(why, size,
		    "the %s is no PEM text (-----BEGIN …); if it is DER, `openssl` makes PEM of it",
		    what);
	else
		return gh__strndup(s.at ? s.at : "", s.len);
	return NULL;
}

static void drop_text(char *text)
{
	if (text)
		gh__wipe(text, strlen(text));
	gh__free(text);
}

/* ---- the chain ---- */

static size_t count_certificates(const char *text)
{
	size_t count = 0;

	for (const char *at = text; (at = strstr(at, BEGIN_CERTIFICATE)) != NULL; at++)
		count++;
	return count;
}

static int read_chain(struct gh__certificate *c, const char *text, char *why, size_t size)
{
	size_t told = count_certificates(text), count = 0, bytes = 0;
	char detail[128];

	if (told == 0)
		return say(why, size, "the chain has no certificate in it (" BEGIN_CERTIFICATE ")");
	int error = mbedtls_x509_crt_parse(&c->chain, (const unsigned char *)text,
					   strlen(text) + 1);

	if (error < 0) {
		mbedtls_strerror(error, detail, sizeof detail);
		return say(why, size, "the certificate cannot be read (%s)", detail);
	}
	for (const mbedtls_x509_crt *at = &c->chain; at && at->raw.p; at = at->next) {
		count++;
		bytes += at->raw.len + CHAIN_FRAME;
	}
	/* The library skips what it cannot read, and an end that is not there yet: a client would
	 * get a chain with a hole in it. */
	if (count != told)
		return say(why, size, "%zu of the %zu certificates of the chain cannot be read",
			   told - count, told);
	if (bytes > CHAIN_MOST)
		return say(why, size,
			   "the chain has %zu bytes, and a handshake takes %d; leave out the "
			   "root and what does not belong to the first certificate",
			   bytes, CHAIN_MOST);
	return 0;
}

static int check_use(const mbedtls_x509_crt *leaf, char *why, size_t size)
{
	if (mbedtls_x509_crt_check_key_usage(leaf, MBEDTLS_X509_KU_DIGITAL_SIGNATURE))
		return say(why, size,
			   "the certificate is not for signing (its key usage lacks "
			   "digitalSignature), so no handshake can be made with it");
	if (mbedtls_x509_crt_check_extended_key_usage(leaf, MBEDTLS_OID_SERVER_AUTH,
						      MBEDTLS_OID_SIZE(MBEDTLS_OID_SERVER_AUTH)))
		return say(why, size,
			   "the certificate is not for servers (its extended key usage lacks "
			   "serverAuth)");
	return 0;
}

/* ---- its names ---- */

/* Whether it can be asked for: letters, digits, `-`, `_` and dots, after at most one leading `*.`. */
static bool is_name(struct gh_str s)
{
	if (gh_str_starts(s, GH_STR("*.")))
		s = gh_str_slice(s, 2, s.len);
	if (s.len == 0 || s.len > NAME_MOST)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		char c = gh_lower(s.at[i]);
		bool dot = c == '.';
		if (dot && (i == 0 || i + 1 == s.len || s.at[i - 1] == '.'))
			return false;
		if (!dot && !(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-' &&
		    c != '_')
			return false;
	}
	return true;
}

static void add_name(struct gh__certificate *c, const char *at, size_t len)
{
	char *name = gh__strndup(at, len);

	for (size_t i = 0; i < len; i++)
		name[i] = gh_lower(name[i]);
	c->names = gh__realloc(c->names, (c->name_count + 1) * sizeof *c->names);
	c->names[c->name_count++] = (struct gh_str){ name, len };
}

static int read_names(struct gh__certificate *c, char *why, size_t size)
{
	for (const mbedtls_x509_sequence *at = &c->chain.subject_alt_names; at; at = at->next) {
		struct gh_str value = { (const char *)at->buf.p, at->buf.len };
		char text[INET6_ADDRSTRLEN];

		switch (at->buf.p ? at->buf.tag & MBEDTLS_ASN1_TAG_VALUE_MASK : 0) {
		case MBEDTLS_X509_SAN_DNS_NAME:
			if (is_name(value))
				add_name(c, value.at, value.len);
			break;
		case MBEDTLS_X509_SAN_IP_ADDRESS:
			if ((value.len == 4 || value.len == 16) &&
			    inet_ntop(value.len == 4 ? AF_INET : AF_INET6, value.at, text,
				      sizeof text))
				add_name(c, text, strlen(text));
			break;
		default:
			break;
		}
	}
	if (c->name_count)
		return 0;
	return say(why, size,
		   "the certificate has no name of a server among its subjectAltName, and clients "
		   "look nowhere else; make one that has");
}

/* ---- the key ---- */

static int read_key(struct gh__certificate *c, const char *text, char *why, size_t size)
{
	char detail[128];

	if (!strstr(text, "PRIVATE KEY-----"))
		return say(why, size,
			   "the key has no private key in it (-----BEGIN PRIVATE KEY-----)");
	int error = mbedtls_pk_parse_key(&c->key, (const unsigned char *)text, strlen(text) + 1,
					 NULL, 0, random_bytes, NULL);

	switch (error) {
	case 0:
		return 0;
	case MBEDTLS_ERR_PK_PASSWORD_REQUIRED:
	case MBEDTLS_ERR_PK_PASSWORD_MISMATCH:
		return say(why, size,
			   "the key is encrypted; `openssl pkey -in OLD -out NEW` takes the "
			   "password off");
	default:
		mbedtls_strerror(error, detail, sizeof detail);
		return say(why, size, "the key cannot be read (%s)", detail);
	}
}

static int check_kind(const mbedtls_pk_context *key, char *why, size_t size)
{
	size_t bits = mbedtls_pk_get_bitlen(key);

	if (mbedtls_pk_get_type(key) == MBEDTLS_PK_RSA) {
		if (bits >= RSA_LEAST && bits <= RSA_MOST)
			return 0;
		return say(why, size, "an RSA key of %zu bits is not served; take %d to %d bits",
			   bits, RSA_LEAST, RSA_MOST);
	}
	if (mbedtls_pk_get_type(key) == MBEDTLS_PK_ECKEY)
		switch (mbedtls_ecp_keypair_get_group_id(mbedtls_pk_ec(*key))) {
		case MBEDTLS_ECP_DP_SECP256R1:
		case MBEDTLS_ECP_DP_SECP384R1:
		case MBEDTLS_ECP_DP_SECP521R1:
			return 0;
		default:
			break;
		}
	return say(why, size,
		   "a key of this kind is not served; take an elliptic curve P-256, or RSA of %d "
		   "bits or more",
		   RSA_LEAST);
}

static bool is_pair(mbedtls_x509_crt *crt, const mbedtls_pk_context *key)
{
	return mbedtls_pk_check_pair(&crt->pk, key, random_bytes, NULL) == 0;
}

static int check_pair(struct gh__certificate *c, char *why, size_t size)
{
	if (is_pair(&c->chain, &c->key))
		return 0;
	for (mbedtls_x509_crt *at = c->chain.next; at; at = at->next)
		if (is_pair(at, &c->key))
			return say(why, size,
				   "the certificate of the key is not the first of the chain; put "
				   "it first, then the one that signed it, and so on");
	return say(why, size, "the key is not that of the certificate");
}

/* ---- a certificate ---- */

static int64_t seconds(const mbedtls_x509_time *t)
{
	struct tm tm = {
		.tm_year = t->year - 1900,
		.tm_mon = t->mon - 1,
		.tm_mday = t->day,
		.tm_hour = t->hour,
		.tm_min = t->min,
		.tm_sec = t->sec,
	};

	return (int64_t)timegm(&tm);
}

struct gh__certificate *gh__certificate_create(struct gh_str chain, struct gh_str key, char *why,
					       size_t size)
{
	struct gh__certificate *c = gh__zalloc(sizeof *c);
	char *chain_text = text_of(chain, "chain", why, size);
	char *key_text = chain_text ? text_of(key, "key", why, size) : NULL;

	atomic_init(&c->refs, 1);
	mbedtls_x509_crt_init(&c->chain);
	mbedtls_pk_init(&c->key);
	bool made = key_text && read_chain(c, chain_text, why, size) == 0 &&
		    read_key(c, key_text, why, size) == 0 && check_kind(&c->key, why, size) == 0 &&
		    check_pair(c, why, size) == 0 && check_use(&c->chain, why, size) == 0 &&
		    read_names(c, why, size) == 0;
	drop_text(chain_text);
	drop_text(key_text);
	if (!made) {
		gh__certificate_unref(c);
		return NULL;
	}
	c->not_before = seconds(&c->chain.valid_from);
	c->not_after = seconds(&c->chain.valid_to);
	return c;
}

struct gh__certificate *gh__certificate_ref(struct gh__certificate *c)
{
	atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
	return c;
}

void gh__certificate_unref(struct gh__certificate *c)
{
	if (!c || atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1)
		return;
	mbedtls_x509_crt_free(&c->chain);
	mbedtls_pk_free(&c->key);
	for (size_t i = 0; i < c->name_count; i++)
		gh__free((char *)(uintptr_t)c->names[i].at);
	gh__free(c->names);
	gh__free(c);
}

int gh_certificate_check(struct gh_str chain, struct gh_str key,
			 struct gh_certificate_life *ret_life, char *why, size_t size)
{
	struct gh__certificate *c = gh__certificate_create(chain, key, why, size);

	if (!c)
		return -1;
	if (ret_life)
		*ret_life = (struct gh_certificate_life){ c->not_before, c->not_after };
	gh__certificate_unref(c);
	return 0;
}
