/*
 * What a request's body asks for, found without building anything of it, and nothing else in it: the
 * model, whether the answer streams, how long it may get. A body of JSON is judged whole, so that what
 * is let through reads the same to whoever comes after; names that count and stand there twice are
 * refused for the same reason. form.c does the same for forms with files in them (audio).
 *
 * A struct openai_body is a plain value and points into the bytes that it was read from. Pure; any thread.
 */
#ifndef OPENAI_PROXY_BODY_H
#define OPENAI_PROXY_BODY_H

#include <gatehouse/json.h>

enum {
	OPENAI_MODEL_MAX = 256, /* the bytes of a model's name */
	OPENAI_FAULT_TEXT = 256,
};

/* Why a body is refused, for a 400. */
struct openai_fault {
	const char *param;       /* whose fault it is: a member or a field; NULL: the body's */
	struct gh_json_error at; /* line and column are 0 where there are no lines: in a form */
};
/* The sentence for the client, with the place; terminated. There is nothing of the body in it. */
struct gh_str openai_fault_text(const struct openai_fault *f, char to[static OPENAI_FAULT_TEXT]);

struct openai_body {
	struct gh_str bytes;
	struct gh_str boundary; /* of a form; empty: JSON */
	bool has_model;         /* `null` is as good as nothing, here and below */
	bool streams;           /* `stream` is true: what decides, whatever Accept says */
	bool asks_usage;        /* stream_options.include_usage is true */
	bool logprobs;          /* it asks for them, by either name */
	int64_t max_tokens;     /* the largest of its three names; -1: none, or none that binds */
	struct gh_json user;    /* a string; zeroed: none */

	struct gh_json messages; /* zeroed: none */

	/* For splice.c: where the values stand. Their `text.at` is NULL where they do not. */
	struct gh_json root, stream, stream_options, include_usage;
	struct gh_str model_value; /* as it is written, with quotes in JSON; also a `null` */

	uint16_t model_len;
	char model_text[OPENAI_MODEL_MAX];
};

/* 0, or -1 with `*ret_fault`. What was found is good for as long as `bytes` is. */
int openai_body_read(struct gh_str bytes, struct openai_body *ret_body,
		     struct openai_fault *ret_fault);
/* The same for multipart/form-data, whose boundary is in the Content-Type. */
int openai_form_read(struct gh_str bytes, struct gh_str content_type, struct openai_body *ret_body,
		     struct openai_fault *ret_fault);

/*
 * Whether llama.cpp would tell the same in a stream as in a whole answer. It does not where the last
 * message is the assistant's, to be continued (only the whole answer has it once more), nor with logprobs
 * (of an answer's end, or of a stop word, one has tokens that the other has not).
 */
bool openai_body_tells_same(const struct openai_body *b);

/* The model's name, without escapes or control bytes, in the struct's own memory; it may be empty. */
static inline struct gh_str openai_body_model(const struct openai_body *b)
{
	return (struct gh_str){ b->model_text, b->model_len };
}

#endif
