/* Bodies of JSON. The members that count are few, and their places are kept for splice.c. */
#include "body.h"

#include <stdio.h>

#include "name.h"

enum member {
	MODEL,
	STREAM,
	STREAM_OPTIONS,
	MAX_TOKENS,
	MAX_COMPLETION_TOKENS,
	MAX_OUTPUT_TOKENS,
	USER,
	MESSAGES,
	LOGPROBS,
	N_PROBS,
	MEMBER_COUNT,
};

static const struct {
	const char *name;
	enum gh_json_type type; /* or null; NONE: that is the server's business */
	const char *mismatch;
} members[MEMBER_COUNT] = {
	[MODEL] = { "model", GH_JSON_STRING, "must be a string" },
	[STREAM] = { "stream", GH_JSON_BOOL, "must be true or false" },
	[STREAM_OPTIONS] = { "stream_options", GH_JSON_OBJECT, "must be an object" },
	[MAX_TOKENS] = { "max_tokens", GH_JSON_NUMBER, "must be a number" },
	[MAX_COMPLETION_TOKENS] = { "max_completion_tokens", GH_JSON_NUMBER, "must be a number" },
	[MAX_OUTPUT_TOKENS] = { "max_output_tokens", GH_JSON_NUMBER, "must be a number" },
	[USER] = { "user", GH_JSON_STRING, "must be a string" },
	[MESSAGES] = { "messages", GH_JSON_NONE, NULL },
	[LOGPROBS] = { "logprobs", GH_JSON_NONE, NULL },
	[N_PROBS] = { "n_probs", GH_JSON_NONE, NULL },
};

/* The shortest and the longest that a name of the table can be, in quotes and all of it in escapes. */
enum { NAME_LEAST = 4 + 2, NAME_MOST = 6 * 21 + 2 };

struct reading {
	struct openai_body *body;
	struct openai_fault *fault;
	int bad;
	unsigned seen; /* members, a bit each */
	bool unbound;  /* one of the limits is no number of tokens */
};

static int refuse(const struct reading *r, const char *param, const char *at, const char *what)
{
	size_t offset = (size_t)(at - r->body->bytes.at);

	*r->fault = (struct openai_fault){ param, gh_json_error_at(r->body->bytes, offset, what) };
	return -1;
}

static enum member which(struct gh_json name)
{
	if (name.text.len < NAME_LEAST || name.text.len > NAME_MOST)
		return MEMBER_COUNT;
	for (unsigned m = 0; m < MEMBER_COUNT; m++)
		if (gh_json_is(name, gh_str(members[m].name)))
			return m;
	return MEMBER_COUNT;
}

static int take_model(const struct reading *r, struct gh_json value)
{
	struct openai_body *b = r->body;
	size_t len;

	if (gh_json_string(value, b->model_text, sizeof b->model_text, &len))
		return refuse(r, "model", value.text.at, "is too long");
	if (openai_name_check((struct gh_str){ b->model_text, len }))
		return refuse(r, "model", value.text.at, "may not have control characters in it");
	b->model_len = (uint16_t)len;
	b->has_model = true;
	return 0;
}

static int take_stream_options(const struct reading *r, struct gh_json value)
{
	static const char param[] = "stream_options.include_usage";
	struct openai_body *b = r->body;
	struct gh_json_iterator it = gh_json_each(value);
	struct gh_json name, found;

	while (gh_json_next(&it, &name, &found)) {
		if (!gh_json_is(name, GH_STR("include_usage")))
			continue;
		if (b->include_usage.text.at)
			return refuse(r, param, name.text.at, "is there twice");
		b->include_usage = found;
		if (gh_json_type(found) != GH_JSON_NULL && gh_json_bool(found, &b->asks_usage))
			return refuse(r, param, found.text.at, "must be true or false");
	}
	return 0;
}

/* What is no whole number, or below zero (LM Studio's -1 is "as many as you like"), binds nobody. */
static void take_limit(struct openai_body *b, struct gh_json value, bool *ret_unbound)
{
	int64_t limit;

	if (gh_json_int(value, &limit) || limit < 0)
		*ret_unbound = true;
	else if (limit > b->max_tokens)
		b->max_tokens = limit;
}

static int read_member(struct reading *r, struct gh_json name, struct gh_json value)
{
	struct openai_body *b = r->body;
	enum member m = which(name);
	enum gh_json_type type = gh_json_type(value);
	bool wanted;

	if (m == MEMBER_COUNT)
		return 0;
	if (r->seen & 1u << m)
		return refuse(r, members[m].name, name.text.at, "is there twice");
	r->seen |= 1u << m;
	if (members[m].type && type != members[m].type && type != GH_JSON_NULL)
		return refuse(r, members[m].name, value.text.at, members[m].mismatch);
	if (m == MODEL)
		b->model_value = value.text;
	if (m == STREAM)
		b->stream = value;
	if (m == STREAM_OPTIONS)
		b->stream_options = value;
	if (type == GH_JSON_NULL)
		return 0;
	switch (m) {
	case MODEL:
		return take_model(r, value);
	case STREAM:
		gh_json_bool(value, &b->streams);
		break;
	case STREAM_OPTIONS:
		return take_stream_options(r, value);
	case MAX_TOKENS:
	case MAX_COMPLETION_TOKENS:
	case MAX_OUTPUT_TOKENS:
		take_limit(b, value, &r->unbound);
		break;
	case USER:
		b->user = value;
		break;
	case MESSAGES:
		b->messages = value;
		break;
	case LOGPROBS:
	case N_PROBS:
		b->logprobs |= gh_json_bool(value, &wanted) || wanted;
		break;
	case MEMBER_COUNT:
		break;
	}
	return 0;
}

/* gh_json_take: the first that is wrong is told, if the rest is JSON. */
static void take_member(void *arg, struct gh_json name, struct gh_json value)
{
	struct reading *r = arg;

	if (!r->bad)
		r->bad = read_member(r, name, value);
}

int openai_body_read(struct gh_str bytes, struct openai_body *ret_body,
		     struct openai_fault *ret_fault)
{
	struct openai_body b = { .bytes = bytes, .max_tokens = -1 };
	struct openai_fault fault = { .param = NULL };
	struct reading r = { .body = &b, .fault = &fault };
	struct gh_json_error error;
	int bad = gh_json_parse_members(bytes, take_member, &r, &b.root, &error);

	if (bad)
		fault = (struct openai_fault){ NULL, error };
	else if (gh_json_type(b.root) != GH_JSON_OBJECT)
		bad = refuse(&r, NULL, b.root.text.at, "it must be an object");
	else
		bad = r.bad;
	if (r.unbound)
		b.max_tokens = -1;
	if (bad)
		*ret_fault = fault;
	else
		*ret_body = b;
	return bad;
}

bool openai_body_tells_same(const struct openai_body *b)
{
	struct gh_json_iterator it = gh_json_each(b->messages);
	struct gh_json last = { { NULL, 0 } }, role = { { NULL, 0 } };

	while (gh_json_next(&it, NULL, &last))
		;
	gh_json_get(last, GH_STR("role"), &role);
	return !b->logprobs && !gh_json_is(role, GH_STR("assistant"));
}

struct gh_str openai_fault_text(const struct openai_fault *f, char to[static OPENAI_FAULT_TEXT])
{
	const char *form = f->at.line ? "JSON" : "a form";
	size_t len = 0;

	if (f->param)
		len += (size_t)snprintf(to, OPENAI_FAULT_TEXT, "%s %s", f->param, f->at.what);
	else
		len += (size_t)snprintf(to, OPENAI_FAULT_TEXT, "The body cannot be read as %s: %s",
					form, f->at.what);
	if (f->at.line)
		len += (size_t)snprintf(to + len, OPENAI_FAULT_TEXT - len,
					" (line %zu, column %zu, byte %zu).", f->at.line,
					f->at.column, f->at.offset);
	else
		len += (size_t)snprintf(to + len, OPENAI_FAULT_TEXT - len, " (byte %zu).",
					f->at.offset);
	return (struct gh_str){ to, len };
}
