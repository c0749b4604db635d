/*
 * What the demo needs of JSON: reading the few members of a chat request that matter, and
 * writing text as a string. Pure. The result of reading points into the text that was read.
 */
#ifndef DEMO_JSON_H
#define DEMO_JSON_H

#include "buf.h"

#include <stdbool.h>

enum { DEMO_JSON_DEPTH = 64 };

struct demo_ask {
	bool has_messages; /* `messages` is an array with something in it */
	bool stream;
	bool include_usage;   /* stream_options.include_usage */
	unsigned max_tokens;  /* 0: as many as there are */
	unsigned words;       /* in all contents: the demo's idea of prompt tokens */
	const char *question; /* the last content, still escaped; NULL when there is none */
	size_t question_len;
};

/* 0, or -1 when the text is not JSON, not UTF-8, not an object, or too deep. */
int demo_json_read_ask(const char *text, size_t len, struct demo_ask *ret_ask);

/* Append text as a JSON string with its quotes. The text must be UTF-8. */
void demo_json_string(struct demo_buf *buf, const char *text, size_t len);

/*
 * Append the start of an escaped string as one line of plain UTF-8: white space folded, control
 * characters gone, at most `most` characters and then an ellipsis.
 */
void demo_json_excerpt(struct demo_buf *buf, const char *escaped, size_t len, unsigned most);

#endif
