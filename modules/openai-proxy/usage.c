#include "usage.h"

static const struct gh_str done = GH_STR_INIT("[DONE]");

void openai_meter_init(struct openai_meter *m, enum openai_answer kind)
{
	m->kind = kind;
	m->chunks = 0;
	m->ended = m->failed = false;
	m->fresh = true;
	m->done = 0;
	openai_counts_init(&m->counts);
	openai_find_init(&m->find);
	openai_sse_init(&m->sse, 0);
}

void openai_meter_finish(struct openai_meter *m)
{
	openai_sse_finish(&m->sse);
}

/* ---- A stream ---- */

static void begin_event(struct openai_meter *m)
{
	m->fresh = false;
	m->done = 0;
	openai_find_init(&m->find);
}

static void take_data(struct openai_meter *m, struct gh_str piece)
{
	for (size_t i = 0; i < piece.len && m->done >= 0; i++) {
		bool same = (size_t)m->done < done.len && piece.at[i] == done.at[m->done];
		m->done = same ? (int8_t)(m->done + 1) : -1;
	}
	openai_find_feed(&m->find, piece, &m->counts);
}

static bool ends_with(struct gh_str s, struct gh_str end)
{
	return s.len >= end.len && gh_str_eq(gh_str_slice(s, s.len - end.len, s.len), end);
}

/* Whether events of this name bring text that is new. The others of /v1/responses tell all of it again. */
static bool brings_text(struct gh_str name)
{
	return name.len == 0 || gh_str_is(name, "message") || ends_with(name, GH_STR("delta"));
}

static bool ends_answer(struct gh_str name)
{
	return gh_str_is(name, "message_stop") || gh_str_is(name, "response.completed") ||
	       gh_str_is(name, "response.incomplete") || gh_str_is(name, "response.failed");
}

static void take_event(struct openai_meter *m, const struct openai_sse_found *e)
{
	if (e->data_lines == 0)
		return;
	if (m->find.saw & OPENAI_SAW_TEXT && brings_text(e->name))
		m->chunks++;
	if (m->find.saw & OPENAI_SAW_ERROR || gh_str_is(e->name, "error"))
		m->failed = true;
	if (m->done == (int8_t)done.len || ends_answer(e->name))
		m->ended = true;
}

enum openai_sse_what openai_meter_next(struct openai_meter *m, struct gh_str *rest,
				       struct openai_sse_found *ret_found)
{
	if (m->fresh)
		begin_event(m);
	enum openai_sse_what what = openai_sse_next(&m->sse, rest, ret_found);
	switch (what) {
	case OPENAI_SSE_DATA:
		take_data(m, ret_found->piece);
		break;
	case OPENAI_SSE_EVENT:
		take_event(m, ret_found);
		m->fresh = true;
		break;
	case OPENAI_SSE_MORE:
		break;
	}
	return what;
}

void openai_meter_feed(struct openai_meter *m, struct gh_str slice)
{
	struct openai_sse_found found;

	if (m->kind == OPENAI_ANSWER_STREAM) {
		while (openai_meter_next(m, &slice, &found) != OPENAI_SSE_MORE)
			;
		return;
	}
	openai_find_feed(&m->find, slice, &m->counts);
	m->ended = (m->find.saw & (OPENAI_SAW_END | OPENAI_SAW_NO_OBJECT)) == OPENAI_SAW_END;
	m->failed = m->find.saw & OPENAI_SAW_ERROR;
}

/* ---- What it comes to ---- */

static int64_t or_none(int32_t count)
{
	return count < 0 ? 0 : count;
}

static struct openai_usage reported(const int32_t *of)
{
	struct openai_usage u = { OPENAI_USAGE_REPORTED, of[OPENAI_COUNT_PROMPT], 0, -1 };

	if (u.input < 0 && of[OPENAI_COUNT_INPUT] >= 0)
		/* Anthropic's counts beside what was cached; OpenAI has no such names beside this one. */
		u.input = (int64_t)of[OPENAI_COUNT_INPUT] + or_none(of[OPENAI_COUNT_CACHE_READ]) +
			  or_none(of[OPENAI_COUNT_CACHE_MADE]);
	u.output = of[OPENAI_COUNT_COMPLETION];
	if (u.output < 0)
		u.output = of[OPENAI_COUNT_OUTPUT];

	int64_t total = of[OPENAI_COUNT_TOTAL];
	if (u.output < 0 && u.input >= 0 && total >= u.input)
		u.output = total - u.input;
	if (u.input < 0 && u.output >= 0 && total >= u.output)
		u.input = total - u.output;
	if (u.input < 0 && u.output < 0 && total >= 0) {
		u.input = total;
		u.output = 0;
	}

	u.cached = of[OPENAI_COUNT_CACHED] >= 0 ? of[OPENAI_COUNT_CACHED]
						: or_none(of[OPENAI_COUNT_CACHE_READ]);
	if (u.cached > u.input)
		u.cached = u.input < 0 ? 0 : u.input;
	return u;
}

static struct openai_usage timed(const int32_t *of)
{
	return (struct openai_usage){
		.from = OPENAI_USAGE_TIMINGS,
		.input = of[OPENAI_COUNT_TIMED_PROMPT] + or_none(of[OPENAI_COUNT_TIMED_CACHED]),
		.cached = or_none(of[OPENAI_COUNT_TIMED_CACHED]),
		.output = of[OPENAI_COUNT_TIMED_OUTPUT],
	};
}

static bool has(const int32_t *of, enum openai_count first, enum openai_count last)
{
	for (unsigned i = first; i <= (unsigned)last; i++)
		if (of[i] >= 0)
			return true;
	return false;
}

struct openai_usage openai_meter_usage(const struct openai_meter *m)
{
	const int32_t *of = m->counts.of;
	struct openai_usage u = { OPENAI_USAGE_NONE, -1, 0, -1 };

	if (has(of, OPENAI_COUNT_PROMPT, OPENAI_COUNT_TOTAL))
		u = reported(of);
	else if (of[OPENAI_COUNT_TIMED_PROMPT] >= 0 && of[OPENAI_COUNT_TIMED_OUTPUT] >= 0)
		u = timed(of);
	/* A stream may have told some counts before its text came, and broken off. */
	if (m->chunks > 0 && (u.output < 0 || (!m->ended && (int64_t)m->chunks > u.output))) {
		u.from = OPENAI_USAGE_COUNTED;
		u.output = (int64_t)m->chunks;
	} else if (u.output < 0 && u.input >= 0) {
		u.output = 0; /* it wrote nothing, as for embeddings */
	}
	return u;
}
