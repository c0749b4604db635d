/*
 * Small texts of HTTP: dates, reasons, chunk sizes, JSON strings, addresses, credentials. Pure.
 */
#ifndef GATEHOUSE_CORE_HTTP_TEXT_H
#define GATEHOUSE_CORE_HTTP_TEXT_H

#include <gatehouse/request.h>

#include "core/base/arena.h"

enum { GH__DATE_LEN = 29 };
/* IMF-fixdate of seconds since 1970, without a terminator. */
void gh__http_date(int64_t seconds, char ret_date[GH__DATE_LEN]);
const char *gh__reason(int status); /* "OK"; "Unknown" for what has no name */
/* A chunk's size line with CRLF; at most 18 bytes. Returns its length. */
size_t gh__chunk_line(char *to, size_t size);
size_t gh__decimal(char *to, uint64_t n); /* at most 20 bytes */

/* Bytes as the inside of a JSON string: at most six times `s.len`; bad UTF-8 becomes U+FFFD. */
size_t gh__json_escape(char *to, struct gh_str s);

/* The body of an error in a shape, and its content type. `code` may be NULL. */
struct gh_str gh__error_body(struct gh__arena *a, enum gh_shape shape, int status, const char *code,
			     struct gh_str message, struct gh_str *ret_type);

/* Addresses: `192.0.2.1`, `2001:db8::1`, `[2001:db8::1]`; the bracketed and IPv4 also with `:port`. */
int gh__address_from(struct gh_str text, struct gh_address *ret_address); /* 0 or -1 */
size_t gh__address_text(const struct gh_address *a, char to[46]); /* without port; not terminated */
bool gh__is_ipv6(struct gh_str text);                             /* bare, without a zone */
bool gh__address_same(const struct gh_address *a,
		      const struct gh_address *b); /* but for the port */
struct gh__cidr {
	struct gh_address address;
	uint8_t bits;
};
int gh__cidr_from(struct gh_str text,
		  struct gh__cidr *ret_cidr); /* an address alone is one of /32 or /128 */
bool gh__cidr_has(const struct gh__cidr *c, const struct gh_address *a);

/* base64, standard alphabet, padding needed. Returns bytes, or -1. `to` holds len/4*3. */
int64_t gh__base64(struct gh_str text, char *to);

#endif
