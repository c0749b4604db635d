#include "find.h"

#include "octets.h"

enum state {
	START, /* before the object */
	PLAIN, /* between strings, where only brackets and quotes count */
	STRING,
	ESCAPE,       /* behind a backslash */
	AFTER_STRING, /* is it a name? */
	VALUE,        /* behind a name and its colon */
	TEXT,         /* a string that counts, unless it is empty */
	CHOICES,      /* behind the bracket of `choices` */
	NUMBER,
	END,
	DEAD, /* it is no object */
};

/* What an object or a list is, by where it stands. */
enum place { NOWHERE, ROOT, WRAP, USAGE, DETAILS, TIMINGS };

/* Names that count: enum openai_count, and then these. */
enum {
	NAME_USAGE = OPENAI_COUNTS,
	NAME_DETAILS,
	NAME_TIMINGS,
	NAME_WRAP,
	NAME_CHOICES,
	NAME_ERROR,
	NAME_TEXT,
	NAME_NONE,
};

/* In the order of their lengths, and each length followed by the longer ones. */
static const struct name_row {
	struct gh_str name;
	uint8_t id;
	uint8_t in; /* enum place: where it counts; NOWHERE: anywhere */
} names[] = {
	{ GH_STR_INIT("text"), NAME_TEXT, NOWHERE },
	{ GH_STR_INIT("delta"), NAME_TEXT, NOWHERE },
	{ GH_STR_INIT("error"), NAME_ERROR, ROOT },
	{ GH_STR_INIT("usage"), NAME_USAGE, ROOT },
	{ GH_STR_INIT("usage"), NAME_USAGE, WRAP },
	{ GH_STR_INIT("x_groq"), NAME_WRAP, ROOT },
	{ GH_STR_INIT("content"), NAME_TEXT, NOWHERE },
	{ GH_STR_INIT("refusal"), NAME_TEXT, NOWHERE },
	{ GH_STR_INIT("choices"), NAME_CHOICES, ROOT },
	{ GH_STR_INIT("timings"), NAME_TIMINGS, ROOT },
	{ GH_STR_INIT("message"), NAME_WRAP, ROOT },
	{ GH_STR_INIT("cache_n"), OPENAI_COUNT_TIMED_CACHED, TIMINGS },
	{ GH_STR_INIT("thinking"), NAME_TEXT, NOWHERE },
	{ GH_STR_INIT("response"), NAME_WRAP, ROOT },
	{ GH_STR_INIT("prompt_n"), OPENAI_COUNT_TIMED_PROMPT, TIMINGS },
	{ GH_STR_INIT("reasoning"), NAME_TEXT, NOWHERE },
	{ GH_STR_INIT("arguments"), NAME_TEXT, NOWHERE },
	{ GH_STR_INIT("predicted_n"), OPENAI_COUNT_TIMED_OUTPUT, TIMINGS },
	{ GH_STR_INIT("partial_json"), NAME_TEXT, NOWHERE },
	{ GH_STR_INIT("input_tokens"), OPENAI_COUNT_INPUT, USAGE },
	{ GH_STR_INIT("total_tokens"), OPENAI_COUNT_TOTAL, USAGE },
	{ GH_STR_INIT("output_tokens"), OPENAI_COUNT_OUTPUT, USAGE },
	{ GH_STR_INIT("prompt_tokens"), OPENAI_COUNT_PROMPT, USAGE },
	{ GH_STR_INIT("cached_tokens"), OPENAI_COUNT_CACHED, DETAILS },
	{ GH_STR_INIT("completion_tokens"), OPENAI_COUNT_COMPLETION, USAGE },
	{ GH_STR_INIT("reasoning_content"), NAME_TEXT, NOWHERE },
	{ GH_STR_INIT("input_tokens_details"), NAME_DETAILS, USAGE },
	{ GH_STR_INIT("prompt_tokens_details"), NAME_DETAILS, USAGE },
	{ GH_STR_INIT("cache_read_input_tokens"), OPENAI_COUNT_CACHE_READ, USAGE },
	{ GH_STR_INIT("cache_creation_input_tokens"), OPENAI_COUNT_CACHE_MADE, USAGE },
};

/* The row at which the names of a length begin; a length that none has is not here. */
static const uint8_t first_of[OPENAI_FIND_NAME + 1] = {
	[4] = 0,   [5] = 1,   [6] = 5,   [7] = 6,   [8] = 12,  [9] = 15,  [11] = 17,
	[12] = 18, [13] = 21, [17] = 24, [20] = 26, [21] = 27, [23] = 28, [27] = 29,
};

static enum place here(const struct openai_find *f)
{
	return f->depth <= OPENAI_FIND_DEPTH ? f->path[f->depth] : NOWHERE;
}

static uint8_t which(const struct openai_find *f)
{
	struct gh_str name = { f->name, f->name_len };
	enum place at = here(f);

	if (f->name_len > sizeof f->name)
		return NAME_NONE;
	for (size_t i = first_of[name.len]; i < GH_COUNT_OF(names); i++) {
		const struct name_row *n = &names[i];
		if (n->name.len != name.len)
			break;
		/* The first byte tells most apart without a call. */
		if (*n->name.at == *name.at && (n->in == NOWHERE || n->in == at) &&
		    gh_str_eq(n->name, name))
			return n->id;
	}
	return NAME_NONE;
}

/* ---- Skipping, sixteen bytes a step ---- */

static const unsigned char brackets[256] = {
	['"'] = 1, ['['] = 1, [']'] = 1, ['{'] = 1, ['}'] = 1,
};

static const char *skip_to_bracket(const char *at, const char *end)
{
	while (end - at >= 16) {
		openai_octets x;

		memcpy(&x, at, sizeof x);
		openai_octets lower = x | 0x20; /* a bracket is its brace */
		size_t len = openai_first_mark(
			(openai_octets)((x == '"') | (lower == '{') | (lower == '}')));
		at += len;
		if (len < 16)
			return at;
	}
	while (at < end && !brackets[(unsigned char)*at])
		at++;
	return at;
}

static const char *skip_in_string(const char *at, const char *end)
{
	while (end - at >= 16) {
		openai_octets x;

		memcpy(&x, at, sizeof x);
		size_t len = openai_first_mark((openai_octets)((x == '"') | (x == '\\')));
		at += len;
		if (len < 16)
			return at;
	}
	while (at < end && *at != '"' && *at != '\\')
		at++;
	return at;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* ---- Steps: each is given the bytes that are left, and returns how many it used ---- */

static void no_object(struct openai_find *f)
{
	f->saw |= OPENAI_SAW_NO_OBJECT;
	f->state = DEAD;
}

static void enter(struct openai_find *f, enum place at)
{
	if (f->depth == UINT32_MAX) {
		no_object(f);
		return;
	}
	f->depth++;
	if (f->depth <= OPENAI_FIND_DEPTH)
		f->path[f->depth] = at;
	f->state = PLAIN;
}

static void leave(struct openai_find *f)
{
	f->depth--; /* it is in something, or it would be at its start or end */
	f->state = f->depth ? PLAIN : END;
	if (f->depth == 0)
		f->saw |= OPENAI_SAW_END;
}

/* A string whose characters are of no interest. */
static void begin_other_string(struct openai_find *f)
{
	f->name_len = sizeof f->name + 1;
	f->state = STRING;
}

static enum place inside(const struct openai_find *f)
{
	switch (f->name_id) {
	case NAME_USAGE:
		return USAGE;
	case NAME_DETAILS:
		return DETAILS;
	case NAME_TIMINGS:
		return TIMINGS;
	case NAME_WRAP:
		return WRAP;
	default:
		return NOWHERE;
	}
}

/* At the first byte of a member's value. It uses that, but for one of a text. */
static size_t step_value(struct openai_find *f, char c)
{
	uint8_t name = f->name_id;

	f->state = PLAIN;
	if (name == NAME_ERROR && c != 'n')
		f->saw |= OPENAI_SAW_ERROR;
	if (c == '"') {
		begin_other_string(f);
		if (name == NAME_TEXT)
			f->state = TEXT;
	} else if (c == '{') {
		if (name == NAME_USAGE)
			f->saw |= OPENAI_SAW_USAGE;
		enter(f, inside(f));
	} else if (c == '[') {
		enter(f, NOWHERE);
		if (name == NAME_CHOICES)
			f->state = CHOICES;
	} else if (c >= '0' && c <= '9' && name < OPENAI_COUNTS) {
		f->number = (uint32_t)(c - '0');
		f->state = NUMBER;
	} else if (c == '}' || c == ']') {
		return 0; /* no JSON, but the depth must not suffer */
	}
	return 1;
}

/* The colon and the value's first byte follow at once, most often. */
static size_t step_after_string(struct openai_find *f, const char *at, const char *end)
{
	if (at == end)
		return 0;
	if (is_space(*at))
		return 1;
	f->state = PLAIN;
	if (*at != ':')
		return 0;
	f->name_id = which(f);
	f->state = VALUE;
	return at + 1 < end && !is_space(at[1]) ? 1 + step_value(f, at[1]) : 1;
}

static size_t step_string(struct openai_find *f, const char *at, const char *end)
{
	const char *to = skip_in_string(at, end);
	size_t len = (size_t)(to - at);

	if (f->name_len <= sizeof f->name) {
		if (len <= sizeof f->name - f->name_len) {
			memcpy(f->name + f->name_len, at, len);
			f->name_len = (uint8_t)(f->name_len + len);
		} else {
			f->name_len = sizeof f->name + 1;
		}
	}
	if (to == end)
		return len;
	if (*to == '"') {
		f->state = AFTER_STRING;
		return len + 1 + step_after_string(f, to + 1, end);
	}
	f->name_len = sizeof f->name + 1; /* no name that counts needs an escape */
	f->state = ESCAPE;
	return len + 1;
}

static size_t step_plain(struct openai_find *f, const char *at, const char *end)
{
	const char *mark = skip_to_bracket(at, end);
	size_t len = (size_t)(mark - at);

	if (mark == end)
		return len;
	switch (*mark) {
	case '"':
		f->name_len = 0;
		f->state = STRING;
		return len + 1 + step_string(f, mark + 1, end);
	case '{':
	case '[':
		enter(f, NOWHERE);
		break;
	default:
		leave(f);
		break;
	}
	return len + 1;
}

static size_t step_number(struct openai_find *f, char c, struct openai_counts *counts)
{
	if (c >= '0' && c <= '9') {
		uint64_t number = (uint64_t)f->number * 10 + (uint64_t)(c - '0');
		f->number = number > OPENAI_COUNT_MAX ? OPENAI_COUNT_MAX + 1 : (uint32_t)number;
		return 1;
	}
	f->state = PLAIN;
	if ((c == ',' || c == '}' || is_space(c)) && f->number <= OPENAI_COUNT_MAX) {
		int32_t *count = &counts->of[f->name_id];
		if (f->number > 0 || *count < 0)
			*count = (int32_t)f->number;
	}
	return 0;
}

static size_t step(struct openai_find *f, const char *at, const char *end,
		   struct openai_counts *counts)
{
	char c = *at;

	switch ((enum state)f->state) {
	case PLAIN:
		return step_plain(f, at, end);
	case STRING:
		return step_string(f, at, end);
	case ESCAPE:
		f->state = STRING;
		return 1;
	case TEXT:
		if (c != '"')
			f->saw |= OPENAI_SAW_TEXT;
		f->state = STRING;
		return 0;
	case NUMBER:
		return step_number(f, c, counts);
	case AFTER_STRING:
		return step_after_string(f, at, end);
	case START:
	case VALUE:
	case CHOICES:
	case END:
		break;
	case DEAD:
		return (size_t)(end - at);
	}
	if (is_space(c))
		return 1;
	switch ((enum state)f->state) {
	case START:
		if (c != '{')
			break;
		enter(f, ROOT);
		return 1;
	case VALUE:
		return step_value(f, c);
	case CHOICES:
		f->saw |= c == ']' ? OPENAI_SAW_NO_CHOICE : OPENAI_SAW_CHOICE;
		f->state = PLAIN;
		return 0;
	default:
		break;
	}
	no_object(f);
	return 0;
}

void openai_counts_init(struct openai_counts *c)
{
	for (size_t i = 0; i < OPENAI_COUNTS; i++)
		c->of[i] = -1;
}

void openai_find_init(struct openai_find *f)
{
	/* Names and paths are written before they are read. */
	f->depth = 0;
	f->saw = 0;
	f->state = START;
}

void openai_find_feed(struct openai_find *f, struct gh_str slice, struct openai_counts *counts)
{
	const char *at = slice.at, *end = slice.at + slice.len;

	while (at < end)
		at += step(f, at, end, counts);
}
