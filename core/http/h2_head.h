/*
 * The head of a request in HTTP/2, field by field as HPACK gives them, and the trailers: judged as
 * gh__request_head() judges HTTP/1, so that the floors above see one kind of request. Framing is
 * another's; every rule of RFC 9113 8 that is about fields is here. Pure; embedded in a connection,
 * whose heads come one after another.
 */
#ifndef GATEHOUSE_CORE_HTTP_H2_HEAD_H
#define GATEHOUSE_CORE_HTTP_H2_HEAD_H

#include "core/http/message.h"

/* What became of a head. */
enum gh__h2_judgement {
	GH__H2_FINE,
	GH__H2_REFUSED,   /* well-formed HTTP/2 that HTTP refuses: an answer with `why.status` */
	GH__H2_MALFORMED, /* a stream error (RFC 9113 8.1.1); `why.status` is for logs */
};

enum gh__h2_end { GH__H2_GOES_ON, GH__H2_ENDS }; /* whether END_STREAM came with the head */

struct gh__h2_head {
	struct gh__arena *arena; /* takes copies of all that is kept */
	struct gh_request *req;
	size_t left;    /* bytes that the head may still have */
	size_t decoded; /* bytes of all names and values that came */
	uint32_t fields, max_fields;
	struct gh_str scheme, target, authority, expect;
	int64_t length;  /* of Content-Length; -1: none */
	uint32_t host;   /* index of Host among the fields; UINT32_MAX: none yet */
	uint32_t cookie; /* index of the first crumb; UINT32_MAX: none yet */
	size_t crumbs, crumb_bytes;
	uint8_t seen;    /* pseudo-header fields */
	uint8_t regular; /* a field that is none of those came */
	uint8_t expects;
	uint8_t over;      /* past its bounds: nothing more of it is looked at */
	uint8_t judgement; /* enum gh__h2_judgement; the first fault, but malformed wins */
	struct gh__refusal why;
};

/* `max_head` bounds the bytes of all names and values, with 32 for each field (RFC 9113 6.5.2). */
void gh__h2_head_begin(struct gh__h2_head *h, struct gh__arena *a, size_t max_head,
		       uint32_t max_fields, struct gh_request *req);
/* The next field. It is copied, or dropped once there was a fault. */
void gh__h2_head_field(struct gh__h2_head *h, struct gh_str name, struct gh_str value);
/* After the last. GH__H2_FINE: `req` is filled as gh__request_head() fills it; whether a 100 is
 * waited for is in `ret_expect`. Else `ret_why` has the fault. */
enum gh__h2_judgement gh__h2_head_end(struct gh__h2_head *h, enum gh__h2_end end,
				      enum gh__expect *ret_expect, struct gh__refusal *ret_why);

/* A field of trailers, which are dropped: 0, or -1 and a constant sentence. */
int gh__h2_trailer(struct gh_str name, struct gh_str value, const char **ret_why);

#endif
