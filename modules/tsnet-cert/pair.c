#include "pair.h"

#include <stdlib.h>

#include <mbedtls/x509_crt.h>

#include <gatehouse/module.h>

#include "sentence.h"

/* ---- PEM ---- */

enum kind { CERTIFICATE, KEY, PARAMETERS, UNKNOWN };

static enum kind kind_of(struct gh_str label)
{
	if (gh_str_is(label, "CERTIFICATE"))
		return CERTIFICATE;
	if (gh_str_is(label, "EC PRIVATE KEY") || gh_str_is(label, "PRIVATE KEY") ||
	    gh_str_is(label, "RSA PRIVATE KEY"))
		return KEY;
	return gh_str_is(label, "EC PARAMETERS") ? PARAMETERS : UNKNOWN;
}

/* The next line without its end, which is taken off `rest`. */
static struct gh_str next_line(struct gh_str *rest)
{
	const char *lf = memchr(rest->at, '\n', rest->len);
	size_t len = lf ? (size_t)(lf - rest->at) : rest->len;
	struct gh_str line = gh_str_slice(*rest, 0, len);

	*rest = gh_str_slice(*rest, lf ? len + 1 : len, rest->len);
	while (line.len && (line.at[line.len - 1] == '\r' || line.at[line.len - 1] == ' '))
		line.len--;
	return line;
}

/* The label in `-----BEGIN LABEL-----`, or empty. */
static struct gh_str label_of(struct gh_str line, struct gh_str begin)
{
	struct gh_str dashes = GH_STR("-----");

	if (line.len <= begin.len + dashes.len || !gh_str_starts(line, begin) ||
	    !gh_str_eq(gh_str_slice(line, line.len - dashes.len, line.len), dashes))
		return GH_STR("");
	return gh_str_slice(line, begin.len, line.len - dashes.len);
}

static bool is_base64(struct gh_str line)
{
	for (size_t i = 0; i < line.len; i++) {
		char c = line.at[i], l = gh_lower(c);

		if (!(l >= 'a' && l <= 'z') && !(c >= '0' && c <= '9') && c != '+' && c != '/' &&
		    c != '=')
			return false;
	}
	return line.len > 0;
}

struct block {
	enum kind kind;
	struct gh_str text; /* from BEGIN to END, without the last line's end */
};

/* 1 and the next block, 0 at the end of the text, or -1. */
static int next_block(struct gh_str *rest, struct block *ret_block, char *why, size_t size)
{
	struct gh_str label, line = GH_STR("");

	do {
		if (rest->len == 0)
			return 0;
		line = next_line(rest);
		label = label_of(line, GH_STR("-----BEGIN "));
	} while (label.len == 0);

	const char *from = line.at;

	ret_block->kind = kind_of(label);
	if (ret_block->kind == UNKNOWN)
		return tsnet_refuse(why, size,
				    "it holds something other than certificates and a key");
	for (;;) {
		if (rest->len == 0)
			return tsnet_refuse(why, size, "it ends in the middle of a PEM block");
		line = next_line(rest);
		if (gh_str_starts(line, GH_STR("-----")))
			break;
		if (!is_base64(line))
			return tsnet_refuse(why, size, "a PEM block in it is damaged");
	}
	if (!gh_str_eq(label_of(line, GH_STR("-----END ")), label))
		return tsnet_refuse(why, size, "a PEM block in it does not end as it began");
	ret_block->text = (struct gh_str){ from, (size_t)(line.at + line.len - from) };
	return 1;
}

/* Copies the blocks of one kind; gives how many there are, or -1. */
static int gather(struct gh_str text, enum kind kind, char **at, char *why, size_t size)
{
	struct block b = { 0 };
	int count = 0, rc;

	while ((rc = next_block(&text, &b, why, size)) > 0) {
		if (b.kind != kind)
			continue;
		memcpy(*at, b.text.at, b.text.len);
		*at += b.text.len;
		*(*at)++ = '\n';
		count++;
	}
	return rc < 0 ? -1 : count;
}

int tsnet_pem_split(struct gh_str text, char *into, struct gh_str *ret_chain,
		    struct gh_str *ret_key, char *why, size_t size)
{
	char *at = into;
	int chain = gather(text, CERTIFICATE, &at, why, size);
	char *middle = at;
	int keys = chain < 0 ? -1 : gather(text, KEY, &at, why, size);

	if (keys < 0)
		return -1;
	if (chain == 0)
		return tsnet_refuse(why, size, "it holds no certificate");
	if (chain > TSNET_CHAIN_MAX)
		return tsnet_refuse(why, size, "it holds more than %d certificates",
				    TSNET_CHAIN_MAX);
	if (keys != 1)
		return tsnet_refuse(why, size, keys ? "it holds several keys" : "it holds no key");
	*ret_chain = (struct gh_str){ into, (size_t)(middle - into) };
	*ret_key = (struct gh_str){ middle, (size_t)(at - middle) };
	return 0;
}

/* ---- X.509 ---- */

static bool is_for(const mbedtls_x509_crt *leaf, struct gh_str name)
{
	for (const mbedtls_x509_sequence *s = &leaf->subject_alt_names; s && s->buf.p;
	     s = s->next) {
		mbedtls_x509_subject_alternative_name san;
		bool same;

		if (mbedtls_x509_parse_subject_alt_name(&s->buf, &san) != 0)
			continue;
		same = san.type == MBEDTLS_X509_SAN_DNS_NAME &&
		       gh_str_same(name, (struct gh_str){ (char *)san.san.unstructured_name.p,
							  san.san.unstructured_name.len });
		mbedtls_x509_free_subject_alt_name(&san);
		if (same)
			return true;
	}
	return false;
}

/* Whether it can be served, and for this name. */
static int examine(struct tsnet_pair *p, const char *name, char *why, size_t size)
{
	struct gh_certificate_life life;
	mbedtls_x509_crt crt;
	int rc = 0;

	if (gh_certificate_check(p->chain, p->key, &life, why, size) != 0)
		return -1;
	if (life.not_after <= life.not_before)
		return tsnet_refuse(why, size, "its certificate ends before it begins");
	p->not_before = life.not_before;
	p->not_after = life.not_after;
	mbedtls_x509_crt_init(&crt);

	/* mbedTLS wants PEM with its terminator, and the chain is followed by the key. */
	char *text = strndup(p->chain.at, p->chain.len);

	if (!text)
		abort();
	if (mbedtls_x509_crt_parse(&crt, (unsigned char *)text, p->chain.len + 1) != 0 ||
	    !is_for(&crt, gh_str(name)))
		rc = tsnet_refuse(why, size, "its certificate is not for this name");
	free(text);
	mbedtls_x509_crt_free(&crt);
	return rc;
}

/* ---- Both ---- */

struct tsnet_pair *tsnet_pair_create(struct gh_str pem, const char *name, char *why, size_t size)
{
	if (pem.len > TSNET_PAIR_MAX) {
		tsnet_refuse(why, size, "it has more than %d bytes", TSNET_PAIR_MAX);
		return NULL;
	}

	struct tsnet_pair *p = calloc(1, sizeof *p);

	if (!p)
		abort();
	p->refs = 1;
	/* A block that ends the text without a newline gets one. */
	p->size = pem.len + 2;
	p->memory = calloc(1, p->size);
	if (!p->memory)
		abort();
	if ((pem.len && memchr(pem.at, 0, pem.len)) ||
	    tsnet_pem_split(pem, p->memory, &p->chain, &p->key, why, size) != 0) {
		if (pem.len && memchr(pem.at, 0, pem.len))
			tsnet_refuse(why, size, "it is no text");
		tsnet_pair_destroy(p);
		return NULL;
	}
	if (examine(p, name, why, size) != 0) {
		tsnet_pair_destroy(p);
		return NULL;
	}
	return p;
}

void tsnet_pair_destroy(struct tsnet_pair *p)
{
	if (!p)
		return;
	explicit_bzero(p->memory, p->size);
	free(p->memory);
	free(p);
}
