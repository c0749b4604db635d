/*
 * Classes of bytes that the grammars of HTTP and URIs speak of. Constant; pure.
 */
#ifndef GATEHOUSE_CORE_HTTP_OCTETS_H
#define GATEHOUSE_CORE_HTTP_OCTETS_H

#include <gatehouse/base.h>

enum gh__octet {
	GH__TCHAR = 1,      /* RFC 9110 5.6.2: what tokens are made of */
	GH__UNRESERVED = 2, /* RFC 3986 2.3 */
	GH__PCHAR = 4,      /* RFC 3986 3.3, and `/`; without the `%` of an escape */
	GH__CONTROL = 8,    /* C0, and DEL */
};
extern const unsigned char gh__octets[256];

static inline bool gh__is_octet(char c, unsigned classes)
{
	return gh__octets[(unsigned char)c] & classes;
}

static inline bool gh__is_tchar(char c)
{
	return gh__is_octet(c, GH__TCHAR);
}

static inline bool gh__is_control(char c)
{
	return gh__is_octet(c, GH__CONTROL);
}

static inline bool gh__is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* 0…15, or -1. */
static inline int gh__hex(char c)
{
	if (gh__is_digit(c))
		return c - '0';
	c = gh_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Without the spaces and tabs at both ends. */
static inline struct gh_str gh__trim(struct gh_str s)
{
	while (s.len && (s.at[0] == ' ' || s.at[0] == '\t')) {
		s.at++;
		s.len--;
	}
	while (s.len && (s.at[s.len - 1] == ' ' || s.at[s.len - 1] == '\t'))
		s.len--;
	return s;
}

/* Cuts the next element off a comma-separated list, trimmed; it may be empty. False: none is left. */
static inline bool gh__list_next(struct gh_str *list, struct gh_str *ret_element)
{
	if (list->at == NULL)
		return false;
	const char *comma = list->len ? memchr(list->at, ',', list->len) : NULL;
	size_t len = comma ? (size_t)(comma - list->at) : list->len;

	*ret_element = gh__trim((struct gh_str){ list->at, len });
	*list = comma ? (struct gh_str){ comma + 1, list->len - len - 1 }
		      : (struct gh_str){ NULL, 0 };
	return true;
}

/* How many bytes at `s` are one well-formed character of UTF-8 (Unicode table 3-7): 1…4. When they
 * are none: 0, and `*ret_bad` bytes (at least 1) that no other character may share. */
size_t gh__utf8(struct gh_str s, size_t *ret_bad);

/* A number of digits alone, at most INT64_MAX. -1: it is not so. */
int64_t gh__decimal_from(struct gh_str s);

#endif
