/*
 * The PROXY protocol, version 1 (a line of text) and 2 (binary): what a proxy that passes bytes on says
 * first, of the client whose connection it is. Pure: it judges the bytes at hand and keeps nothing, so
 * any thread may ask.
 */
#ifndef GATEHOUSE_CORE_HTTP_PROXY_HEADER_H
#define GATEHOUSE_CORE_HTTP_PROXY_HEADER_H

#include <gatehouse/request.h>

enum {
	GH__PROXY_V1_MAX = 107,    /* the whole line */
	GH__PROXY_V2_BLOCK = 2048, /* what may follow the 16 bytes that every header has */
	/* No header is longer. Whoever holds this many bytes has had an answer other than MORE. */
	GH__PROXY_HEADER_MAX = 16 + GH__PROXY_V2_BLOCK,
};

enum gh__proxy_result {
	GH__PROXY_MORE,   /* a header so far, not yet whole */
	GH__PROXY_BAD,    /* no header, whatever else may come */
	GH__PROXY_LOCAL,  /* whole, and it names no client: the socket's own peer counts */
	GH__PROXY_CLIENT, /* whole */
};

/*
 * `bytes` are all that came so far. LOCAL and CLIENT: the header is the first `*ret_len` bytes of them,
 * and what follows is the client's. CLIENT: `*ret_client` is the source with its port; an IPv4-mapped
 * address of IPv6 is one of IPv4, as everywhere. BAD comes with the first byte that no header can have
 * there, so that whoever speaks something else is not made to wait; `*ret_why` is a constant sentence
 * without a full stop.
 */
enum gh__proxy_result gh__proxy_header(struct gh_str bytes, size_t *ret_len,
				       struct gh_address *ret_client, const char **ret_why);

#endif
