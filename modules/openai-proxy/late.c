/* What has to be told after the head of a stream went out: silence, and errors as events. */
#include <stdio.h>

#include <gatehouse/json.h>

#include "way.h"

enum { LATE_MAX = 64 << 10, STATUS_MAX = 64 };

/* ---- silence ---- */

static bool may_speak(const struct gh_step *s)
{
	const struct openai_way *w = s->state;

	if (!(w->flags & OPENAI_WAY_HEAD))
		return true;
	/* Once the model writes, its own events are what a client waits for. */
	return !(w->flags & OPENAI_WAY_LENGTH) && w->reading != OPENAI_LOOK_AWAY &&
	       w->strip->meter.kind == OPENAI_ANSWER_STREAM && w->strip->meter.chunks == 0 &&
	       openai_strip_is_between(w->strip);
}

void openai_break_silence(struct gh_step *s)
{
	struct openai_way *w = s->state;

	if (!may_speak(s))
		return;
	w->flags |= OPENAI_WAY_SPOKE;
	gh_begin(s, GH_STR("text/event-stream"));
	/* One LF: with a second one, some clients see an event of nothing. */
	gh_say(s, GH_STR(": ping\n"));
}

/* ---- errors ---- */

bool openai_may_tell(const struct gh_step *s)
{
	const struct openai_way *w = s->state;

	/* What came in a promised stream's stead is not passed on, so an event may follow as well. */
	return w->flags & OPENAI_WAY_SPOKE && (!w->strip || may_speak(s));
}

/* `error` is a whole error of JSON, on one line. */
static void say_event(struct gh_step *s, struct gh_str error)
{
	const char *name = s->req->shape == GH_SHAPE_ANTHROPIC ? "event: error\n" : "";

	gh_say(s, gh_printf(s->req, "%sdata: " GH_FMT "\n\n", name, GH_ARG(error)));
}

void openai_say_error(struct gh_step *s, int status, const char *code, const char *text)
{
	struct gh_str message = gh_printf(s->req, "\"%s\"", text);

	say_event(s, openai_error(s->req, status, code, message));
}

/* ---- an answer that is no stream, where one had been promised ---- */

/* JSON has line ends only where it might as well have spaces, and an event's data has none. */
static struct gh_str on_one_line(struct gh_step *s, struct gh_str json)
{
	char *to = gh_alloc(s->req, json.len + 1);

	for (size_t i = 0; i < json.len; i++)
		to[i] = json.at[i] == '\n' || json.at[i] == '\r' ? ' ' : json.at[i];
	return (struct gh_str){ to, json.len };
}

static void say_theirs(struct gh_step *s, int status, struct gh_str body)
{
	struct gh_json root, error;
	char text[STATUS_MAX];

	if (body.len && gh_json_parse(body, &root, NULL) == 0 &&
	    gh_json_get(root, GH_STR("error"), &error) == 1) {
		if (gh_json_type(error) == GH_JSON_OBJECT) {
			say_event(s, openai_error_wrap(s->req, on_one_line(s, error.text)));
			return;
		}
		if (gh_json_type(error) == GH_JSON_STRING) {
			say_event(s, openai_error(s->req, status, NULL, error.text));
			return;
		}
	}
	snprintf(text, sizeof text, "The server behind this gateway sent no stream (status %d).",
		 s->res->status);
	openai_say_error(s, status, NULL, text);
}

enum gh_verdict openai_take_late(struct gh_step *s, struct gh_str slice, enum gh_part part)
{
	struct openai_way *w = s->state;
	int status = s->res->status >= 400 && s->res->status <= 599 ? s->res->status : 502;

	if (slice.len > LATE_MAX - w->held.len) {
		openai_hold_free(&w->held); /* no error is as long as that */
		part = GH_LAST;
	} else {
		openai_hold_add(&w->held, slice);
	}
	if (part == GH_MORE)
		return GH_PENDING;
	say_theirs(s, status, openai_hold_text(&w->held));
	return gh_fail(s, status, NULL, "The server behind this gateway sent no stream.");
}
