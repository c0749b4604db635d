/*
 * A body with few bytes changed: what is put in and what is cut out, in the order of the places. The
 * body is never copied; its pieces are given in order instead, slices of the original and of what was
 * put in, all of which must live as long as the splices. Plain values; pure.
 */
#ifndef OPENAI_PROXY_SPLICE_H
#define OPENAI_PROXY_SPLICE_H

#include "body.h"
#include "name.h"

struct openai_splice {
	size_t offset, cut; /* of the original */
	struct gh_str put;
};

enum { OPENAI_SPLICES_MAX = 6 };

struct openai_splices {
	const struct openai_body *body;
	unsigned count;
	struct openai_splice items[OPENAI_SPLICES_MAX];
};

void openai_splices_init(struct openai_splices *s, const struct openai_body *b);
/* The model is `name`, whether the body had one or not. Once at most. */
void openai_splices_model(struct openai_splices *s, const struct openai_name *name);
/* stream_options.include_usage is true. Nothing is changed when it was, or when the request does not
 * stream, or is a form. Once at most. */
void openai_splices_ask_usage(struct openai_splices *s);

/* `stream` is true and the usage is asked for, where the request did not want to stream: whether it was made
 * one that does. Nothing is changed in one that does already, in a form, and where a stream would not
 * tell the same. Once at most, and not beside openai_splices_ask_usage(). */
bool openai_splices_stream(struct openai_splices *s);

/* How long the body is then. */
size_t openai_splices_length(const struct openai_splices *s);

/* The pieces, none of them empty: zero a cursor, and ask until false. */
struct openai_splice_cursor {
	size_t offset; /* of the original: all before it was given, or cut */
	unsigned next;
};
bool openai_splices_next(const struct openai_splices *s, struct openai_splice_cursor *c,
			 struct gh_str *ret_piece);

#endif
