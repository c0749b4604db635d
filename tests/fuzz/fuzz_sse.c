/*
 * Server-sent events of a model server: cut anywhere, all comes to the same; and what goes on is what
 * came, without just those events that tell nothing but usage. Input: a number for the cuts, a stream.
 */
#include <stdlib.h>

#include <gatehouse/json.h>

#include "core/base/memory.h"
#include "modules/openai-proxy/strip.h"

enum { LIMIT = 32 };

/* ---- The whole, read at once and simply ---- */

struct event {
	size_t first, end; /* with an LF that ends it */
	size_t cr_end;     /* without it */
	unsigned data_lines, fields;
	bool comments;
	struct gh_str data; /* of one line */
	size_t data_len;    /* of all of them */
};

static bool is_end(char c)
{
	return c == '\n' || c == '\r';
}

static void take_line(struct event *e, struct gh_str stream, size_t from, size_t to)
{
	struct gh_str line = gh_str_slice(stream, from, to), data = { NULL, 0 };

	if (line.at[0] == ':') {
		e->comments |= e->fields > 0;
		return;
	}
	if (e->fields++ == 0)
		e->first = from;
	if (from == 0 && gh_str_starts(line, GH_STR("\xef\xbb\xbf")))
		line = gh_str_slice(line, 3, line.len);
	const char *colon = line.len ? memchr(line.at, ':', line.len) : NULL;
	struct gh_str word = gh_str_slice(line, 0, colon ? (size_t)(colon - line.at) : line.len);
	if (!gh_str_is(word, "data"))
		return;
	if (colon)
		data = gh_str_slice(line, word.len + 1, line.len);
	if (data.len && data.at[0] == ' ')
		data = gh_str_slice(data, 1, data.len);
	e->data_len += data.len + (e->data_lines > 0);
	if (e->data_lines++ == 0)
		e->data = data;
}

/* The next event at or after `*at`, or false. */
static bool next_event(struct gh_str stream, size_t *at, struct event *ret_event)
{
	struct event e = { .first = 0 };

	while (*at < stream.len) {
		size_t from = *at, to = from;
		while (to < stream.len && !is_end(stream.at[to]))
			to++;
		if (to == stream.len)
			break;
		size_t next = to + 1;
		if (stream.at[to] == '\r' && next < stream.len && stream.at[next] == '\n')
			next++;
		*at = next;
		if (to > from) {
			take_line(&e, stream, from, to);
		} else if (e.fields) {
			e.end = next;
			e.cr_end = to + 1;
			*ret_event = e;
			return true;
		}
	}
	*at = stream.len;
	return false;
}

/* Members with this name: all, and those that are written without an escape. */
static size_t count(struct gh_json object, const char *quoted, struct gh_json *ret_value)
{
	struct gh_json_iterator it = gh_json_each(object);
	struct gh_str name = gh_str_slice(gh_str(quoted), 1, strlen(quoted) - 1);
	struct gh_json member, value;
	size_t plain = 0;

	while (gh_json_next(&it, &member, &value))
		if (gh_str_is(member.text, quoted)) {
			plain++;
			*ret_value = value;
		}
	return plain == 1 && gh_json_get(object, name, NULL) == 1 ? 1 : 0;
}

static bool is_usage(const struct event *e)
{
	struct gh_json chunk, choices, usage, choice;

	if (e->data_lines != 1 || e->comments || e->cr_end - e->first > OPENAI_STRIP_MAX ||
	    gh_json_parse(e->data, &chunk, NULL) || gh_json_type(chunk) != GH_JSON_OBJECT ||
	    count(chunk, "\"choices\"", &choices) != 1 || count(chunk, "\"usage\"", &usage) != 1)
		return false;
	struct gh_json_iterator it = gh_json_each(choices);
	return gh_json_type(choices) == GH_JSON_ARRAY && !gh_json_next(&it, NULL, &choice) &&
	       gh_json_type(usage) == GH_JSON_OBJECT;
}

/* ---- The same in slices ---- */

struct output {
	struct openai_strip strip;
	struct openai_sse sse;
	struct gh_str stream;
	char *expected;
	size_t expected_len, have;
	size_t at; /* of the events that are expected */
	uint64_t pieces, chunks;
};

static void take(void *to, struct gh_str piece)
{
	struct output *o = to;

	GH_CHECK(piece.len > 0 && piece.len <= o->expected_len - o->have);
	GH_CHECK(memcmp(piece.at, o->expected + o->have, piece.len) == 0);
	o->have += piece.len;
}

static void judge_event(struct output *o, const struct openai_sse_found *f)
{
	struct event e;

	GH_CHECK(next_event(o->stream, &o->at, &e));
	GH_CHECK(f->first == e.first && f->end == e.cr_end && f->data_lines == e.data_lines);
	GH_CHECK(f->comments == e.comments && f->data_len == e.data_len);
	GH_CHECK(o->pieces == e.data_len && f->whole == (e.data_len <= LIMIT));
	if (e.data_lines == 1 && f->whole)
		GH_CHECK(gh_str_eq(f->data, e.data));
	o->pieces = 0;
}

static void feed(struct output *o, struct gh_str slice)
{
	struct openai_sse_found f;
	enum openai_sse_what what;
	struct gh_str rest;
	char *copy = malloc(slice.len ? slice.len : 1);

	GH_CHECK(copy != NULL);
	if (slice.len)
		memcpy(copy, slice.at, slice.len);
	slice.at = copy;
	openai_strip_feed(&o->strip, slice, take, o);
	GH_CHECK(o->strip.held.len <= OPENAI_STRIP_MAX);
	rest = slice;
	while ((what = openai_sse_next(&o->sse, &rest, &f)) != OPENAI_SSE_MORE) {
		if (what == OPENAI_SSE_EVENT)
			judge_event(o, &f);
		else
			o->pieces += f.piece.len;
	}
	free(copy);
}

/* In slices whose sizes follow from `seed`; 0: all at once. */
static struct openai_usage run(struct output *o, unsigned seed)
{
	struct gh_str rest = o->stream;
	struct event e;

	o->have = o->at = 0;
	o->pieces = 0;
	openai_strip_init(&o->strip);
	openai_sse_init(&o->sse, LIMIT);
	while (rest.len) {
		seed = seed ? seed * 1103515245 + 12345 : 0;
		size_t size = seed ? 1 + (seed >> 16) % ((seed >> 8) % 4 ? 9 : 90) : rest.len;
		feed(o, gh_str_slice(rest, 0, size));
		rest = gh_str_slice(rest, size, rest.len);
	}
	openai_strip_end(&o->strip, take, o);
	GH_CHECK(o->have == o->expected_len);
	GH_CHECK(!next_event(o->stream, &o->at, &e));
	struct openai_usage u = openai_meter_usage(&o->strip.meter);
	o->chunks = o->strip.meter.chunks;
	openai_strip_finish(&o->strip);
	openai_sse_finish(&o->sse);
	return u;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;

	struct output o = {
		.stream = { (const char *)data + 1, size - 1 },
		.expected = malloc(size),
	};
	struct event e;
	size_t from = 0, at = 0;

	GH_CHECK(o.expected != NULL);
	while (next_event(o.stream, &at, &e)) {
		size_t to = is_usage(&e) ? e.first : e.end;
		memcpy(o.expected + o.expected_len, o.stream.at + from, to - from);
		o.expected_len += to - from;
		from = e.end;
	}
	memcpy(o.expected + o.expected_len, o.stream.at + from, o.stream.len - from);
	o.expected_len += o.stream.len - from;

	struct openai_usage whole = run(&o, 0);
	uint64_t chunks = o.chunks;
	struct openai_usage cut = run(&o, data[0] + 1u);
	GH_CHECK(whole.from == cut.from && whole.input == cut.input && whole.output == cut.output &&
		 whole.cached == cut.cached && chunks == o.chunks);
	GH_CHECK(whole.input >= -1 && whole.input <= 3 * (int64_t)OPENAI_COUNT_MAX);
	free(o.expected);
	return 0;
}
