#include "strip.h"

#include <gatehouse/json.h>

/* A slice that passes. Its first byte stands at `base` of the stream; all before `given` went on,
 * is held, or was taken out. */
struct pass {
	struct gh_str slice;
	uint64_t base;
	size_t given;
	openai_give *give;
	void *to;
};

void openai_strip_init(struct openai_strip *s)
{
	openai_meter_init(&s->meter, OPENAI_ANSWER_STREAM);
	s->held = (struct openai_hold){ .at = NULL };
	s->passing = s->after_cr = false;
	s->removed = 0;
}

void openai_strip_finish(struct openai_strip *s)
{
	openai_meter_finish(&s->meter);
	openai_hold_free(&s->held);
}

bool openai_strip_is_between(const struct openai_strip *s)
{
	return openai_sse_is_between(&s->meter.sse);
}

static void give_held(struct openai_strip *s, openai_give *give, void *to)
{
	if (s->held.len)
		give(to, openai_hold_text(&s->held));
	openai_hold_free(&s->held);
}

static void give_until(struct pass *p, size_t until)
{
	if (until > p->given)
		p->give(p->to, gh_str_slice(p->slice, p->given, until));
	p->given = until;
}

/* Of data in which the meter saw an empty `choices` and none that is not. */
static bool is_usage_chunk(struct gh_str data)
{
	struct gh_json chunk, usage;

	return gh_json_parse(data, &chunk, NULL) == 0 &&
	       gh_json_get(chunk, GH_STR("choices"), NULL) == 1 &&
	       gh_json_get(chunk, GH_STR("usage"), &usage) == 1 &&
	       gh_json_type(usage) == GH_JSON_OBJECT;
}

/* What the meter saw of an event's data, all or its start, tells most events apart. */
static bool may_be_usage(const struct openai_strip *s)
{
	return !(s->meter.find.saw & (OPENAI_SAW_CHOICE | OPENAI_SAW_NO_OBJECT));
}

static bool is_removable(struct openai_strip *s, const struct pass *p,
			 const struct openai_sse_found *e)
{
	const unsigned both = OPENAI_SAW_NO_CHOICE | OPENAI_SAW_USAGE;

	if (s->passing || !may_be_usage(s) || (s->meter.find.saw & both) != both ||
	    e->data_lines != 1 || e->comments || e->end - e->first > OPENAI_STRIP_MAX)
		return false;
	if (s->held.len == 0) {
		size_t from = (size_t)(e->data_at - p->base);
		return is_usage_chunk(gh_str_slice(p->slice, from, from + (size_t)e->data_len));
	}
	/* The event was cut: its data has to be put together to be judged. */
	struct openai_hold data = { .at = NULL };
	size_t from = (size_t)(e->data_at - e->first), to = from + (size_t)e->data_len;
	openai_hold_add(&data, gh_str_slice(openai_hold_text(&s->held), from, to));
	openai_hold_add(&data, gh_str_slice(p->slice, from > s->held.len ? from - s->held.len : 0,
					    to > s->held.len ? to - s->held.len : 0));
	bool yes = is_usage_chunk(openai_hold_text(&data));
	openai_hold_free(&data);
	return yes;
}

/* An LF here may belong to the CR of an event that is gone. */
static void drop_lf(struct openai_strip *s, struct pass *p)
{
	if (!s->after_cr || p->given == p->slice.len)
		return;
	if (p->slice.at[p->given] == '\n')
		p->given++;
	s->after_cr = false;
}

static void end_event(struct openai_strip *s, struct pass *p, const struct openai_sse_found *e)
{
	size_t end = (size_t)(e->end - p->base);

	if (is_removable(s, p, e)) {
		if (s->held.len == 0)
			give_until(p, (size_t)(e->first - p->base));
		p->given = end;
		s->after_cr = s->meter.sse.after_cr;
		s->removed++;
		openai_hold_free(&s->held);
		drop_lf(s, p);
	} else {
		give_held(s, p->give, p->to);
	}
	s->passing = false;
}

/* At the end of a slice that ends within an event. */
static void hold_event(struct openai_strip *s, struct pass *p)
{
	const struct openai_sse *sse = &s->meter.sse;
	const struct openai_sse_found *e = &sse->event;

	if (!sse->open || s->passing)
		return;
	if (!may_be_usage(s) || e->comments || e->data_lines > 1 ||
	    sse->at - e->first > OPENAI_STRIP_MAX) {
		s->passing = true;
		give_held(s, p->give, p->to);
		return;
	}
	if (s->held.len == 0)
		give_until(p, (size_t)(e->first - p->base));
	openai_hold_add(&s->held, gh_str_slice(p->slice, p->given, p->slice.len));
	p->given = p->slice.len;
}

void openai_strip_feed(struct openai_strip *s, struct gh_str slice, openai_give *give, void *to)
{
	struct pass p = { slice, s->meter.sse.at, 0, give, to };
	struct openai_sse_found found;
	enum openai_sse_what what;

	drop_lf(s, &p);
	while ((what = openai_meter_next(&s->meter, &slice, &found)) != OPENAI_SSE_MORE)
		if (what == OPENAI_SSE_EVENT)
			end_event(s, &p, &found);
	hold_event(s, &p);
	give_until(&p, p.slice.len);
}

void openai_strip_end(struct openai_strip *s, openai_give *give, void *to)
{
	give_held(s, give, to);
	s->passing = true;
}
