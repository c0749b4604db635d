/*
 * HTTP/1.1 messages, read strictly: the head of a request or an answer from bytes that are whole,
 * then the body step by step. llhttp parses; what it lets through and security does not is refused
 * here before it is asked. Pure; the parser's state lives in the owner's memory; one thread.
 */
#ifndef GATEHOUSE_CORE_HTTP_MESSAGE_H
#define GATEHOUSE_CORE_HTTP_MESSAGE_H

#include <llhttp.h>

#include <gatehouse/request.h>

#include "core/base/arena.h"

/* Why a message is refused: the status to answer (400, 414, 417, 431, 501, 505…), and a sentence for
 * the client. For an upstream's message the status means nothing. */
struct gh__refusal {
	int status;
	const char *why; /* constant text */
};

/* Looks for the end of a head in bytes that arrive piece by piece. Zeroed to begin. */
struct gh__scan {
	size_t seen; /* bytes that were looked at, none of which need be looked at again */
};
enum gh__scan_result { GH__SCAN_MORE, GH__SCAN_HEAD, GH__SCAN_BAD };
/* `bytes` are all that came of this head so far. GH__SCAN_HEAD: `*ret_len` is the head's length with
 * its empty line. GH__SCAN_BAD as soon as it cannot become a head any more: bare CR or LF, NUL,
 * control bytes, a TLS hello, HTTP/2's preface, longer than `limit`… One empty line (CRLF) before a
 * request line is skipped by the caller through gh__scan_skip(). */
enum gh__scan_result gh__scan_head(struct gh__scan *s, struct gh_str bytes, size_t limit,
				   size_t *ret_len, struct gh__refusal *ret_why);
/* How many bytes of CRLF stand before a request line; at most one CRLF is allowed (RFC 9112 2.2). Asked
 * with all that came of this message, each time anew; what follows goes to gh__scan_head(), which
 * waits when it sees the first half of a CRLF and nothing else. */
size_t gh__scan_skip(struct gh_str bytes);

/* How the body of a message is framed. */
enum gh__framing { GH__BODY_NONE, GH__BODY_LENGTH, GH__BODY_CHUNKED, GH__BODY_UNTIL_CLOSE };

enum gh__upgrade { GH__UPGRADE_NONE, GH__UPGRADE_WEBSOCKET };
enum gh__expect { GH__EXPECT_NOTHING, GH__EXPECT_CONTINUE };

/* The parser of one message. */
struct gh__message {
	llhttp_t llhttp;
	uint64_t left;     /* bytes to come: of a GH__BODY_LENGTH body, or of the chunk under way */
	uint32_t overhead; /* bytes of framing since the last byte of data, bounded */
	uint16_t extension; /* bytes of extensions in this chunk's line, bounded */
	uint8_t digits; /* hex digits that began this line of framing; more than 16: no more count */
	char last;      /* the last byte of framing */
	uint8_t framing;    /* enum gh__framing */
	uint8_t version;    /* minor: 0 or 1 */
	uint8_t keep_alive; /* as this message wants it */
	uint8_t upgrade;    /* enum gh__upgrade, of a request; of an answer: it is a 101 */
	uint8_t expect;     /* enum gh__expect */
	uint8_t ended;      /* the body's end was reached */
	struct gh_str data; /* internal: the span that a callback saw */
	void *building;     /* internal: where callbacks put fields */
};

/* Reads a whole head that gh__scan_head() measured. `head` must stay as long as `req` does (all slices
 * point into it or into the arena). Fills method, path (canonical), query, host, authority,
 * headers (in the order of arrival, ids set, `Host` first put from absolute-form where that wins),
 * length. 0, or -1 and the refusal. */
int gh__request_head(struct gh__message *m, struct gh__arena *a, struct gh_str head,
		     uint32_t max_headers, struct gh_request *req, struct gh__refusal *ret_why);

/* The same for an upstream's answer; `to_head` says that the request was HEAD (so no body). 1xx are
 * heads of their own: status < 200, no body; read on with a new one. Fills status, headers, length. */
enum gh__asked { GH__ASKED_BODY, GH__ASKED_HEAD };
int gh__answer_head(struct gh__message *m, struct gh__arena *a, struct gh_str head,
		    uint32_t max_headers, enum gh__asked asked, struct gh_response *res,
		    struct gh__refusal *ret_why);

/* Takes the next step through body bytes. `*at` moves on; GH__BODY_DATA gives a slice of them.
 * GH__BODY_END once, when the last byte of the message is taken (trailers are read, bounded and
 * dropped); bytes after it stay. GH__BODY_MORE: all bytes are taken. After GH__BODY_BAD no more.
 * Call it until it gives neither data nor the end, also when no bytes are left: the end of a body
 * of known length comes after its last data. */
enum gh__body_step { GH__BODY_MORE, GH__BODY_DATA, GH__BODY_END, GH__BODY_BAD };
enum gh__body_step gh__body_next(struct gh__message *m, const char **at, const char *end,
				 struct gh_str *ret_data, struct gh__refusal *ret_why);
/* The peer closed: GH__BODY_END where the close ends the body as framed, else GH__BODY_BAD. */
enum gh__body_step gh__body_closed(struct gh__message *m);

#endif
