/* The way of an answer back: what kind it is, and what is read of it as it passes. */
#include "assemble.h"
#include "hidden.h"
#include "way.h"

enum kind { EVENTS, JSON, OTHER };

enum { ASSEMBLY_MAX = 16 << 20 };

static struct gh_str media_type(const struct gh_response *res)
{
	struct gh_str type = gh_header_get(&res->headers, GH_STR("content-type"));
	size_t len = 0;

	while (len < type.len && type.at[len] != ';' && type.at[len] != ' ')
		len++;
	return gh_str_slice(type, 0, len);
}

static enum kind kind_of(const struct gh_response *res)
{
	struct gh_str type = media_type(res);
	struct gh_str coding = gh_header_get(&res->headers, GH_STR("content-encoding"));

	if (coding.len && !gh_str_same(coding, GH_STR("identity")))
		return OTHER; /* though it was not asked for */
	if (gh_str_same(type, GH_STR("text/event-stream")))
		return EVENTS;
	return gh_str_same(type, GH_STR("application/json")) ? JSON : OTHER;
}

static void begin_reading(struct gh_step *s, enum openai_answer kind)
{
	struct openai_way *w = s->state;

	w->strip = gh_alloc(s->req, sizeof *w->strip);
	if (kind == OPENAI_ANSWER_STREAM)
		openai_strip_init(w->strip);
	else
		openai_meter_init(&w->strip->meter, kind);
	w->reading = kind == OPENAI_ANSWER_STREAM && w->flags & OPENAI_WAY_USAGE ? OPENAI_STRIP
										 : OPENAI_METER;
}

/* Events, of an answer that is no error. */
static enum gh_verdict take_stream(struct gh_step *s)
{
	struct openai_way *w = s->state;

	if (w->flags & OPENAI_WAY_ASSEMBLE) {
		w->assembly = openai_assembly_create(w->flags & OPENAI_WAY_CHAT
							     ? OPENAI_ASSEMBLY_CHAT
							     : OPENAI_ASSEMBLY_COMPLETION,
						     ASSEMBLY_MAX);
		gh_no_edit(s);
		return gh_take_answer(s, openai_take_events);
	}
	begin_reading(s, OPENAI_ANSWER_STREAM);
	if (w->reading == OPENAI_STRIP)
		return GH_NEXT;
	gh_no_edit(s);
	if (s->res->length >= 0 && !gh_is_begun(s))
		w->flags |= OPENAI_WAY_LENGTH;
	return GH_NEXT;
}

static bool may_be_hidden(const struct gh_step *s)
{
	return s->res->status == 200 && s->res->length <= OPENAI_HIDDEN_MAX &&
	       s->res->length != 0 && !gh_str_is(s->req->method, "HEAD");
}

enum gh_verdict openai_answer_head(struct gh_step *s)
{
	struct openai_way *w = s->state;
	const struct gh_response *res = s->res;
	enum kind kind = kind_of(res);
	bool good = res->status >= 200 && res->status <= 299;

	if (!(w->flags & OPENAI_WAY_PASSED)) {
		gh_no_edit(s);
		return GH_NEXT;
	}
	w->flags |= OPENAI_WAY_HEAD;
	if (good && kind == EVENTS && w->flags & OPENAI_WAY_READ)
		return take_stream(s);
	gh_no_edit(s);
	if (gh_is_begun(s))
		return gh_take_answer(s, openai_take_late);
	if (!good || kind != JSON)
		return GH_NEXT;
	if (w->flags & OPENAI_WAY_READ)
		begin_reading(s, OPENAI_ANSWER_JSON);
	return may_be_hidden(s) ? gh_take_answer(s, openai_take_short) : GH_NEXT;
}

/* What the meter saw, told once each. */
static void look_at_meter(struct gh_step *s)
{
	struct openai_way *w = s->state;

	if (w->strip->meter.chunks && !(w->flags & OPENAI_WAY_FIRST)) {
		w->flags |= OPENAI_WAY_FIRST;
		gh_set_first_token(s);
	}
	if (!w->strip->meter.ended || w->flags & OPENAI_WAY_WHOLE)
		return;
	w->flags |= OPENAI_WAY_WHOLE;
	gh_set_whole(s);
}

void openai_answer_seen(struct gh_step *s, struct gh_str slice, enum gh_part part)
{
	struct openai_way *w = s->state;

	(void)part;
	if (w->reading != OPENAI_METER || slice.len == 0)
		return;
	openai_meter_feed(&w->strip->meter, slice);
	look_at_meter(s);
}

static void give(void *to, struct gh_str piece)
{
	gh_give(to, piece);
}

enum gh_verdict openai_answer_edit(struct gh_step *s, struct gh_str slice, enum gh_part part,
				   struct gh_sink *to)
{
	struct openai_way *w = s->state;

	if (w->reading != OPENAI_STRIP) {
		gh_give(to, slice);
		return GH_NEXT;
	}
	openai_strip_feed(w->strip, slice, give, to);
	if (part == GH_LAST)
		openai_strip_end(w->strip, give, to);
	look_at_meter(s);
	return GH_NEXT;
}

static void tell_usage(struct gh_step *s, const struct openai_usage *u)
{
	if (u->from != OPENAI_USAGE_NONE)
		gh_set_usage(s->req, &(struct gh_usage){
					     .input = u->input,
					     .cached = u->cached,
					     .output = u->output,
					     .estimated = u->from == OPENAI_USAGE_COUNTED,
				     });
}

void openai_answer_over(struct gh_step *s)
{
	struct openai_way *w = s->state;
	struct openai_usage u;

	if (w->assembly) {
		u = openai_assembly_usage(w->assembly);
		tell_usage(s, &u);
		openai_assembly_destroy(w->assembly);
	} else if (w->strip) {
		u = openai_meter_usage(&w->strip->meter);
		tell_usage(s, &u);
		openai_strip_finish(w->strip);
	}
	openai_hold_free(&w->held);
}
