/* What is looked at before the head of an answer goes out: errors that came as 200, and events of which
 * one answer is made. */
#include "assemble.h"
#include "hidden.h"
#include "way.h"

static void mend(struct gh_step *s, const struct openai_hidden *h)
{
	struct openai_way *w = s->state;
	struct gh_str body = openai_hold_text(&w->held);

	s->res->status = h->status;
	if (h->bare)
		body = openai_error(s->req, h->status, h->code, h->message.text);
	s->res->length = (int64_t)body.len;
	gh_put(s, body);
}

/* It goes on as it came. */
static enum gh_verdict let_go(struct gh_step *s)
{
	struct openai_way *w = s->state;
	struct gh_str body = openai_hold_text(&w->held);

	openai_answer_seen(s, body, GH_MORE);
	gh_put(s, body);
	return GH_NEXT;
}

enum gh_verdict openai_take_short(struct gh_step *s, struct gh_str slice, enum gh_part part)
{
	struct openai_way *w = s->state;
	struct openai_hidden hidden;

	openai_hold_add(&w->held, slice);
	if (w->held.len > OPENAI_HIDDEN_MAX)
		return let_go(s);
	if (part == GH_MORE)
		return GH_PENDING;
	if (!openai_hidden_find(openai_hold_text(&w->held), &hidden))
		return let_go(s);
	w->reading = OPENAI_LOOK_AWAY;
	mend(s, &hidden);
	return GH_NEXT;
}

enum gh_verdict openai_take_events(struct gh_step *s, struct gh_str slice, enum gh_part part)
{
	struct openai_way *w = s->state;
	const char *why;
	struct gh_str json;
	int status;

	/* Also what comes behind the event that says that it is over has to pass before the end. */
	if (openai_assembly_feed(w->assembly, slice) == OPENAI_ASSEMBLY_MORE && part == GH_MORE)
		return GH_PENDING;
	if (openai_assembly_end(w->assembly, &status, &json, &why))
		return gh_fail(s, 502, "upstream_error", "%s", why);
	gh_header_set(&s->res->headers, GH_STR("Content-Type"), GH_STR("application/json"));
	s->res->status = status;
	s->res->length = (int64_t)json.len;
	gh_put(s, json);
	return GH_NEXT;
}
