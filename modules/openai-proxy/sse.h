/*
 * Server-sent events, read as they pass, wherever their slices are cut: what comes out is the same as
 * if all had come in one. An event's data is told in pieces, which are slices of the stream, and, where
 * it is not longer than a limit, once more whole at the event's end. Only then, and only for an event
 * that a slice's end cuts in two, or whose data has several lines, something is copied.
 *
 * Lines end in LF, CRLF or CR. An event is the lines between two empty ones; comments before its first
 * field are no part of it, and a block of nothing but comments is no event. One that is not ended
 * by an empty line is never told of: clients do not act on it either.
 *
 * A reader belongs to one stream and lives on its worker.
 */
#ifndef OPENAI_PROXY_SSE_H
#define OPENAI_PROXY_SSE_H

#include "hold.h"

enum {
	OPENAI_SSE_NAME_MAX = 48, /* of an event's name; the rest of it is not kept */
	OPENAI_SSE_FIELD_MAX = 8, /* `data` and `event`, and a byte order mark before them */
};

enum openai_sse_what {
	OPENAI_SSE_MORE,  /* the slice is used up */
	OPENAI_SSE_DATA,  /* a piece of the data, never empty */
	OPENAI_SSE_EVENT, /* an event has ended */
};

/* What a reader found. Slices in it are good until the reader's next call. Positions are counted in
 * bytes of the stream. */
struct openai_sse_found {
	struct gh_str piece; /* OPENAI_SSE_DATA: of the lines' values, joined by LF */

	/* OPENAI_SSE_EVENT: */
	uint64_t first;      /* the first byte of its first field */
	uint64_t end;        /* behind the empty line, but before the LF of a CRLF that ends it */
	struct gh_str name;  /* of `event:`; empty: none */
	uint32_t data_lines; /* 0: no data, so that clients see no event at all */
	bool comments;       /* there are some between its fields */
	uint64_t data_at;    /* where the first line's value begins */
	uint64_t data_len;
	bool whole;         /* the data is not longer than the limit, and it is `data` */
	struct gh_str data; /* of `whole`, else empty */
};

struct openai_sse {
	uint64_t at;   /* how much of the stream was read */
	size_t limit;  /* of data that is told whole */
	uint8_t state; /* of the line that is being read */
	uint8_t field; /* which it has */
	uint8_t name_len, word_len;
	bool at_start; /* the line is the stream's first: a byte order mark may stand before it */
	bool after_cr; /* an LF here belongs to the line before */
	bool open;     /* an event has begun */
	bool told;     /* it was told of, and what was kept of it may go */
	struct openai_sse_found event;
	struct gh_str once; /* the data, while it is one piece of this slice */
	struct openai_hold kept;
	char word[OPENAI_SSE_FIELD_MAX];
	char name[OPENAI_SSE_NAME_MAX];
};

/* `limit`: data up to this length is told whole. */
void openai_sse_init(struct openai_sse *s, size_t limit);
void openai_sse_finish(struct openai_sse *s);

/*
 * Reads on in a slice until there is something to tell, and cuts off what was read:
 *
 *	while ((what = openai_sse_next(&s, &rest, &found)) != OPENAI_SSE_MORE) …
 */
enum openai_sse_what openai_sse_next(struct openai_sse *s, struct gh_str *rest,
				     struct openai_sse_found *ret_found);

/* Whether no event is open and no line begun: where a comment of the gateway's own (`: ping`) may stand. */
bool openai_sse_is_between(const struct openai_sse *s);

#endif
