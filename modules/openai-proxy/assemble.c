#include "assemble.h"

#include <stdio.h>
#include <stdlib.h>

#include "halves.h"
#include "shapes.h"

struct openai_assembly {
	enum openai_assembly_kind kind;
	bool over;      /* [DONE] came */
	int error;      /* the status of an error that the stream told of; `json` is it then */
	int64_t choice; /* the one that was told of last */
	struct openai_meter meter;
	struct openai_tree tree;
	struct openai_hold json;
};

struct openai_assembly *openai_assembly_create(enum openai_assembly_kind kind, size_t max)
{
	struct openai_assembly *a = calloc(1, sizeof *a);

	if (!a) {
		fputs("gatehouse: openai-proxy: out of memory\n", stderr);
		abort();
	}
	a->kind = kind;
	openai_tree_init(&a->tree, max);
	openai_meter_init(&a->meter, OPENAI_ANSWER_STREAM);
	return a;
}

void openai_assembly_destroy(struct openai_assembly *a)
{
	if (!a)
		return;
	openai_meter_finish(&a->meter);
	openai_tree_finish(&a->tree);
	openai_hold_free(&a->json);
	free(a);
}

bool openai_assembly_is_over(const struct openai_assembly *a)
{
	return a->over || a->error;
}

struct openai_usage openai_assembly_usage(const struct openai_assembly *a)
{
	return openai_meter_usage(&a->meter);
}

static void fail(struct openai_assembly *a, const char *why)
{
	a->tree.why = why;
}

/* ---- errors that a stream tells of ---- */

static int status_of(struct gh_json error)
{
	struct gh_json code;
	int64_t number;

	if (gh_json_get(error, GH_STR("code"), &code) && !gh_json_int(code, &number) &&
	    number >= 400 && number <= 599)
		return (int)number;
	return 500;
}

static void write_error(struct openai_assembly *a, const char *before, struct gh_str error,
			const char *after)
{
	openai_hold_add(&a->json, gh_str(before));
	openai_hold_add(&a->json, error);
	openai_hold_add(&a->json, gh_str(after));
}

/* `data` is the event's, `error` what is the error in it, and may be the same. */
static void take_error(struct openai_assembly *a, struct gh_json data, struct gh_json error)
{
	struct gh_str text = openai_tree_meant(&a->tree, error.text);
	enum gh_json_type type = gh_json_type(error);

	a->error = status_of(error);
	if (type == GH_JSON_OBJECT && error.text.at != data.text.at) {
		write_error(a, "", openai_tree_meant(&a->tree, data.text), "");
		return;
	}
	if (type == GH_JSON_OBJECT) {
		write_error(a, "{\"error\":", text, "}");
		return;
	}
	if (type != GH_JSON_STRING)
		text = GH_STR("\"The model server broke off with an error.\"");
	write_error(a, "{\"error\":{\"message\":", text,
		    ",\"type\":\"server_error\",\"param\":null,\"code\":null}}");
}

/* ---- events ---- */

enum event { CHUNK, ERROR, IGNORED };

/* Which choice a chunk is of; of one without choices, that of the chunk before. */
static void note_choice(struct openai_assembly *a, struct gh_json chunk)
{
	struct gh_json choices = { { NULL, 0 } }, choice, index;
	struct gh_json_iterator it;

	gh_json_get(chunk, GH_STR("choices"), &choices);
	it = gh_json_each(choices);
	while (gh_json_next(&it, NULL, &choice))
		if (gh_json_get(choice, GH_STR("index"), &index))
			gh_json_int(index, &a->choice);
}

/* llama.cpp counts each choice by itself. Its whole answer has only what the first one took. */
static bool counts_another(const struct openai_assembly *a, struct gh_json chunk)
{
	return a->choice != 0 && gh_json_get(chunk, GH_STR("timings"), NULL) &&
	       openai_part_get(&a->tree.root, "usage");
}

static void take_chunk(struct openai_assembly *a, struct gh_json chunk)
{
	const struct openai_shape *shape;

	note_choice(a, chunk);
	if (a->kind == OPENAI_ASSEMBLY_CHAT)
		shape = counts_another(a, chunk) ? &openai_shape_chat_uncounted
						 : &openai_shape_chat;
	else
		shape = counts_another(a, chunk) ? &openai_shape_completion_uncounted
						 : &openai_shape_completion;
	openai_tree_join(&a->tree, shape, chunk);
}

static void take_data(struct openai_assembly *a, enum event is, struct gh_json data)
{
	struct gh_json error = { { NULL, 0 } }, object = { { NULL, 0 } };

	gh_json_get(data, GH_STR("error"), &error);
	gh_json_get(data, GH_STR("object"), &object);
	if (gh_json_type(error) > GH_JSON_NULL)
		take_error(a, data, error);
	else if (is == ERROR || gh_json_is(object, GH_STR("error")))
		take_error(a, data, data);
	else if (gh_json_type(data) == GH_JSON_OBJECT)
		take_chunk(a, data);
	else if (gh_json_type(data) != GH_JSON_NULL) /* which llama.cpp sends */
		fail(a, "The model server's answer has an event that is no object.");
}

/* Where all that is wrong are halves of characters, which belong to those of another event. */
static void take_broken(struct openai_assembly *a, enum event is, struct gh_str data)
{
	struct openai_hold masked = { .at = NULL };
	struct gh_json value;

	openai_hold_add(&masked, data);
	if (openai_halves_mask(masked.at, masked.len) &&
	    !gh_json_parse(openai_hold_text(&masked), &value, NULL)) {
		a->tree.read = openai_hold_text(&masked);
		a->tree.meant = data;
		take_data(a, is, value);
		a->tree.read = a->tree.meant = (struct gh_str){ NULL, 0 };
	} else if (is == ERROR) {
		take_error(a, (struct gh_json){ data }, (struct gh_json){ { NULL, 0 } });
	} else {
		fail(a, "The model server's answer has an event that is no JSON.");
	}
	openai_hold_free(&masked);
}

static enum event which(const struct openai_sse_found *e)
{
	if (e->data_lines == 0)
		return IGNORED;
	if (gh_str_is(e->name, "error"))
		return ERROR;
	if (e->name.len && !gh_str_is(e->name, "message"))
		return IGNORED;
	return e->data_len ? CHUNK : IGNORED;
}

static void take_event(struct openai_assembly *a, const struct openai_sse_found *e)
{
	enum event is = which(e);
	struct gh_json value;

	if (is == IGNORED)
		return;
	if (!e->whole)
		fail(a, "The model server's answer is too large to be put together here.");
	else if (gh_str_is(e->data, "[DONE]"))
		a->over = true;
	else if (gh_json_parse(e->data, &value, NULL))
		take_broken(a, is, e->data);
	else
		take_data(a, is, value);
}

enum openai_assembly_state openai_assembly_feed(struct openai_assembly *a, struct gh_str slice)
{
	struct openai_tree *t = &a->tree;
	struct openai_sse *sse = &a->meter.sse;
	struct openai_sse_found found;
	enum openai_sse_what what = OPENAI_SSE_EVENT;

	while (!t->why && !openai_assembly_is_over(a) && what != OPENAI_SSE_MORE) {
		if (!sse->open)
			sse->limit = t->max > t->held ? t->max - t->held : 0;
		what = openai_meter_next(&a->meter, &slice, &found);
		if (what == OPENAI_SSE_EVENT)
			take_event(a, &found);
		else if (sse->event.data_len > sse->limit)
			fail(a, "The model server's answer is too large to be put together here.");
	}
	return t->why ? OPENAI_ASSEMBLY_FAILED : OPENAI_ASSEMBLY_MORE;
}

/* ---- what only the whole has ---- */

static bool is_some(const struct openai_part *p)
{
	return p && p->kind != OPENAI_PART_NULL && (p->first || p->bytes.len);
}

/* A message that is something else than its text. llama.cpp's has a text all the same. */
static bool has_no_text(const struct openai_assembly *a, const struct openai_part *message)
{
	return (is_some(openai_part_get(message, "tool_calls")) ||
		is_some(openai_part_get(message, "function_call")) ||
		is_some(openai_part_get(message, "refusal"))) &&
	       !openai_part_get(&a->tree.root, "timings");
}

static void finish_message(struct openai_assembly *a, struct openai_part *choice)
{
	struct openai_tree *t = &a->tree;
	struct openai_part *message = openai_part_need(t, choice, "message");
	struct openai_part *content, *role;

	message->kind = OPENAI_PART_OBJECT; /* or it was null */
	content = openai_part_need(t, message, "content");
	role = openai_part_need(t, message, "role");
	if (!is_some(role))
		openai_part_set(t, role, GH_STR("\"assistant\""));
	if (!is_some(content) && content->kind != OPENAI_PART_LIST)
		openai_part_set(t, content,
				has_no_text(a, message) ? GH_STR("null") : GH_STR("\"\""));
}

static void finish_choice(struct openai_assembly *a, struct openai_part *choice)
{
	struct openai_tree *t = &a->tree;
	char text[16];
	int len = snprintf(text, sizeof text, "%u", choice->index);

	if (a->kind == OPENAI_ASSEMBLY_CHAT) {
		finish_message(a, choice);
	} else {
		struct openai_part *words = openai_part_need(t, choice, "text");
		if (words->kind == OPENAI_PART_NULL)
			openai_part_set(t, words, GH_STR("\"\""));
	}
	openai_part_need(t, choice, "finish_reason");
	openai_part_set(t, openai_part_need(t, choice, "index"),
			(struct gh_str){ text, (size_t)len });
}

/* "" is what some servers send while there is none. */
static bool is_finished(const struct openai_part *choice)
{
	const struct openai_part *reason = openai_part_get(choice, "finish_reason");

	return is_some(reason) && !gh_str_is(openai_hold_text(&reason->bytes), "\"\"");
}

static const char *why_incomplete(const struct openai_assembly *a)
{
	const struct openai_part *choices = openai_part_get(&a->tree.root, "choices");

	if (a->tree.why)
		return a->tree.why;
	if (!is_some(choices))
		return "The model server's answer ended before it told anything.";
	for (const struct openai_part *c = choices->first; c && !a->over; c = c->next)
		if (!is_finished(c))
			return "The model server's answer ended in the middle.";
	return NULL;
}

static void finish(struct openai_assembly *a)
{
	struct openai_tree *t = &a->tree;
	struct openai_part *c = openai_part_get(&t->root, "choices")->first;

	for (; c; c = c->next)
		finish_choice(a, c);
	openai_part_set(t, openai_part_need(t, &t->root, "object"),
			a->kind == OPENAI_ASSEMBLY_CHAT ? GH_STR("\"chat.completion\"")
							: GH_STR("\"text_completion\""));
	openai_part_write(&t->root, &a->json);
	openai_tree_finish(t);
}

int openai_assembly_end(struct openai_assembly *a, int *ret_status, struct gh_str *ret_json,
			const char **ret_why)
{
	const char *why = a->error ? NULL : why_incomplete(a);

	if (why) {
		*ret_why = why;
		return -1;
	}
	if (!a->error)
		finish(a);
	*ret_status = a->error ? a->error : 200;
	*ret_json = openai_hold_text(&a->json);
	return 0;
}
