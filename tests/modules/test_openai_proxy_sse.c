/* Events, however their stream is cut, and taking the one out again that only the gateway asked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "modules/openai-proxy/strip.h"

#include "tests/modules/openai_proxy_cuts.h"

enum { LIMIT = 24 };

/* What a reader told, as text. */
struct told {
	struct openai_sse sse;
	struct gh_str stream;
	char text[16384], pieces[16384];
	size_t len, pieces_len;
};

static void say(struct told *t, const char *format, ...) GH_PRINTF(2, 3);
static void say(struct told *t, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	t->len += (size_t)vsnprintf(t->text + t->len, sizeof t->text - t->len, format, args);
	va_end(args);
	assert_true(t->len < sizeof t->text);
}

static void tell_event(struct told *t, const struct openai_sse_found *f)
{
	struct gh_str pieces = { t->pieces, t->pieces_len };

	assert_int_equal(pieces.len, f->data_len);
	assert_int_equal(f->whole, pieces.len <= LIMIT);
	if (f->whole)
		assert_true(gh_str_eq(f->data, pieces));
	else
		assert_int_equal(f->data.len, 0);
	/* The first line's data stands where it is said to. */
	const char *lf = pieces.len ? memchr(pieces.at, '\n', pieces.len) : NULL;
	size_t first = lf ? (size_t)(lf - pieces.at) : pieces.len;
	if (first)
		assert_memory_equal(t->stream.at + f->data_at, pieces.at, first);
	say(t, "[%llu,%llu)%s%s" GH_FMT "=" GH_FMT ";", (unsigned long long)f->first,
	    (unsigned long long)f->end, f->comments ? "#" : "", f->data_lines ? "" : "!",
	    GH_ARG(f->name), GH_ARG(pieces));
	t->pieces_len = 0;
}

static void feed_told(void *to, struct gh_str slice)
{
	struct told *t = to;
	struct openai_sse_found f;
	enum openai_sse_what what;

	while ((what = openai_sse_next(&t->sse, &slice, &f)) != OPENAI_SSE_MORE) {
		if (what == OPENAI_SSE_EVENT) {
			tell_event(t, &f);
			continue;
		}
		assert_true(f.piece.len > 0 && f.piece.len <= sizeof t->pieces - t->pieces_len);
		memcpy(t->pieces + t->pieces_len, f.piece.at, f.piece.len);
		t->pieces_len += f.piece.len;
	}
	assert_int_equal(slice.len, 0);
	assert_true(t->sse.kept.len <= LIMIT);
}

#define MARK "\xef\xbb\xbf"

/* `[first,end)name=data;` for each event; `#`: comments in it, `!`: no data. */
static const struct {
	const char *stream, *told;
} streams[] = {
	{ "", "" },
	{ "\n\n\n", "" },
	{ "data: a\n\n", "[0,9)=a;" },
	{ "data:a\n\n", "[0,8)=a;" },
	{ "data:  a \n\n", "[0,11)= a ;" },
	{ "data: a\r\n\r\n", "[0,10)=a;" }, /* the last LF is not in it */
	{ "data: a\r\r", "[0,9)=a;" },
	{ "data: a\r\n\rdata: b\n\r\ndata: c\r\n\ndata: d\n\n",
	  "[0,10)=a;[10,19)=b;[20,30)=c;[30,39)=d;" },
	{ "data: a\n", "" },
	{ "data: a", "" },
	{ "data: a\n\ndata: b\n\ndata: c\n", "[0,9)=a;[9,18)=b;" },
	{ "data: a\ndata: b\n\n", "[0,17)=a\nb;" },
	{ "data\ndata\n\n", "[0,11)=\n;" },
	{ "data\n\n", "[0,6)=;" },
	{ "data:\n\n", "[0,7)=;" },
	{ "data: \n\n", "[0,8)=;" },
	{ "data:\ndata: x\r\ndata:\r\r", "[0,22)=\nx\n;" },
	{ "event: ping\n\n", "[0,13)!ping=;" },
	{ "event: e\ndata: {\"a\":1}\n\n", "[0,24)e={\"a\":1};" },
	{ "data: x\nevent:e\nevent:  f\n\ndata: y\n\n", "[0,27) f=x;[27,36)=y;" },
	{ "event: e\nevent\ndata: x\n\n", "[0,24)=x;" },
	{ "event: 0123456789012345678901234567890123456789012345678\n\n",
	  "[0,58)!012345678901234567890123456789012345678901234567=;" },
	{ "id: 7\nretry: 10\ndata: x\n\n", "[0,25)=x;" },
	{ "id: 7\n\n", "[0,7)!=;" },
	/* Not `data`. */
	{ "Data: x\ndat: x\ndatax: x\n data: x\n\n", "[0,34)!=;" },
	{ "datadatadatadata: x\n\n", "[0,21)!=;" },
	{ "data :x\n\n", "[0,9)!=;" },
	/* Comments: before an event they are not in it. */
	{ ": ping\n", "" },
	{ ": ping\n\n", "" },
	{ ":\n\n:\n\n", "" },
	{ ": ping\ndata: x\n\n", "[7,16)=x;" },
	{ ": ping\r\n\r\n: data: y\r\rdata: x\n\n", "[21,30)=x;" },
	{ "data: x\n: ping\n\n", "[0,16)#=x;" },
	{ "data: x\n:\ndata: y\n\ndata: z\n\n", "[0,19)#=x\ny;[19,28)=z;" },
	{ "data: :x\n\n", "[0,10)=:x;" },
	/* A byte order mark at the start, and only there. */
	{ MARK "data: x\n\n", "[0,12)=x;" },
	{ MARK "event: e\ndata: x\n\n", "[0,21)e=x;" },
	{ "\n" MARK "data: x\n\n", "[1,13)!=;" },
	{ "id:\n" MARK "data: x\n\n", "[0,16)!=;" },
	/* At the limit of what is told whole, and behind it. */
	{ "data: 0123456789abcdef01234567\n\n", "[0,32)=0123456789abcdef01234567;" },
	{ "data: 0123456789abcdef012345678\n\ndata: x\n\n",
	  "[0,33)=0123456789abcdef012345678;[33,42)=x;" },
	{ "data: 0123456789abcdef\ndata: 0123456\n\n", "[0,38)=0123456789abcdef\n0123456;" },
	{ "data: 0123456789abcdef\ndata: 01234567\ndata: x\n\n",
	  "[0,47)=0123456789abcdef\n01234567\nx;" },
	/* As they come. */
	{ "event: message_start\ndata: {\"type\":\"message_start\"}\n\nevent: ping\n"
	  "data: {\"type\": \"ping\"}\n\n",
	  "[0,53)message_start={\"type\":\"message_start\"};[53,89)ping={\"type\": \"ping\"};" },
	{ ":\n\ndata: {\"choices\":[]}\n\ndata: [DONE]\n\n",
	  "[3,25)={\"choices\":[]};[25,39)=[DONE];" },
};

static void events_are_the_same_however_they_are_cut(void **state)
{
	struct told *t = malloc(sizeof *t);

	(void)state;
	assert_non_null(t);
	for (size_t i = 0; i < GH_COUNT_OF(streams); i++) {
		struct gh_str stream = gh_str(streams[i].stream);

		for (size_t way = 0; way < cut_ways(stream.len); way++) {
			openai_sse_init(&t->sse, LIMIT);
			t->stream = stream;
			t->len = t->pieces_len = 0;
			t->text[0] = 0;
			cut_way(feed_told, t, stream, way);
			if (strcmp(t->text, streams[i].told) != 0)
				fail_msg("%zu, way %zu: '%s' told '%s'", i, way, stream.at,
					 t->text);
			assert_int_equal(t->sse.at, stream.len);
			openai_sse_finish(&t->sse);
		}
	}
	free(t);
}

static void an_event_of_one_slice_is_not_copied(void **state)
{
	static const char stream[] = "event: e\ndata: {\"a\":1}\n\n";
	struct gh_str rest = gh_str(stream);
	struct openai_sse_found f;
	struct openai_sse s;

	(void)state;
	openai_sse_init(&s, 64);
	assert_int_equal(openai_sse_next(&s, &rest, &f), OPENAI_SSE_DATA);
	assert_ptr_equal(f.piece.at, stream + 15);
	assert_int_equal(openai_sse_next(&s, &rest, &f), OPENAI_SSE_EVENT);
	assert_ptr_equal(f.data.at, stream + 15);
	assert_int_equal(openai_sse_next(&s, &rest, &f), OPENAI_SSE_MORE);
	assert_null(s.kept.at);
	openai_sse_finish(&s);
}

/* Where `: ping` may be put in: nowhere within an event, a line, or a CRLF. */
static void a_ping_finds_the_border_of_events(void **state)
{
	/* One may stand before each byte with a `|` below it. */
	static const char stream[] = "data: x\n\n: y\n\ndata: z\r\n\r\n\nx";
	static const char places[] = "|        |   ||          ||";
	struct openai_strip s;

	(void)state;
	openai_strip_init(&s);
	for (size_t i = 0; i + 1 < sizeof stream; i++) {
		struct gh_str slice = { stream + i, 1 };
		struct openai_sse_found f;

		if (openai_strip_is_between(&s) != (places[i] == '|'))
			fail_msg("before byte %zu", i);
		while (openai_meter_next(&s.meter, &slice, &f) != OPENAI_SSE_MORE)
			;
	}
	openai_strip_finish(&s);
}

/* ---- Taking the usage out ---- */

struct output {
	struct openai_strip strip;
	char bytes[65536];
	size_t len, most_held;
};

static void take_output(void *to, struct gh_str piece)
{
	struct output *o = to;

	assert_true(piece.len > 0 && piece.len <= sizeof o->bytes - o->len);
	memcpy(o->bytes + o->len, piece.at, piece.len);
	o->len += piece.len;
}

static void feed_output(void *to, struct gh_str slice)
{
	struct output *o = to;

	openai_strip_feed(&o->strip, slice, take_output, o);
	if (o->strip.held.len > o->most_held)
		o->most_held = o->strip.held.len;
}

#define CHUNK \
	"data: " \
	"{\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"}}],\"usage\":" \
	"null}\n\n"
#define USAGE "data: {\"id\":\"c\",\"choices\":[],\"usage\":{\"prompt_tokens\":1}}\n\n"
#define DONE  "data: [DONE]\n\n"

/* The output is the input without what stands between these two marks, and the marks. */
#define CUT_FROM    "<<"
#define CUT_TO      ">>"
#define GONE(event) CUT_FROM event CUT_TO

static const char *const strips[] = {
	"",
	DONE,
	CHUNK,
	GONE(USAGE),
	GONE(USAGE) GONE(USAGE),
	CHUNK GONE(USAGE) DONE,
	CHUNK GONE(USAGE) CHUNK,
	": ping\n" GONE(USAGE) DONE,
	":\n\n" GONE(USAGE) ":\n\n" DONE,
	"\n\n" GONE(USAGE) "\n" DONE,
	/* Other line ends, all of them gone with it. */
	GONE("data: {\"choices\":[],\"usage\":{}}\r\n\r\n") "data: x\r\n\r\n",
	GONE("data: {\"choices\":[],\"usage\":{}}\r\r") "data: x\r\r",
	GONE("data: {\"choices\":[],\"usage\":{}}\n\r\n") "\n",
	GONE("data: {\"choices\":[],\"usage\":{}}\r\n\r\n") "\r\ndata: x\n\n",
	GONE("data: {\"choices\":[],\"usage\":{}}\r\n\r") "data: x\n\n",
	/* Other spellings. */
	GONE("data:{\"usage\":{\"a\":[{}]},\"choices\":[ ]}\n\n") DONE,
	GONE("data: { \"choices\" : [\t] , \"usage\" : { } } \n\n") DONE,
	GONE("id: 3\nevent: message\ndata: {\"choices\":[],\"usage\":{}}\nretry: 4\n\n") DONE,
	GONE("data: {\"choices\":[],\"usage\":{\"choices\":[1]},\"x\":{\"choices\":[{}]}}\n\n")
		DONE,
	GONE("data: {\"x\":\"\\\"choices\\\":[{\",\"choices\":[],\"usage\":{}}\n\n") DONE,
	/* As servers write it. */
	GONE("data: "
	     "{\"id\":\"chatcmpl-Bx\",\"object\":\"chat.completion.chunk\",\"created\":1736531000,"
	     "\"model\":\"gpt-4o-2024-08-06\",\"service_tier\":\"default\",\"system_fingerprint\":"
	     "\"fp_1\","
	     "\"choices\":[],\"usage\":{\"prompt_tokens\":19,\"completion_tokens\":10,\"total_"
	     "tokens\":29,"
	     "\"prompt_tokens_details\":{\"cached_tokens\":0,\"audio_tokens\":0},"
	     "\"completion_tokens_details\":{\"reasoning_tokens\":0}}}\n\n") DONE,
	GONE("data: "
	     "{\"choices\":[],\"created\":1763865600,\"id\":\"chatcmpl-q\",\"model\":\"smol\","
	     "\"system_fingerprint\":\"b1\",\"object\":\"chat.completion.chunk\",\"usage\":{"
	     "\"completion_tokens\":8,\"prompt_tokens\":31,\"total_tokens\":39},\"timings\":{"
	     "\"prompt_n\":31,\"predicted_n\":8}}\n\n") DONE,
	/* What is none. */
	"data: {\"choices\":[],\"usage\":null}\n\n" DONE,
	"data: {\"choices\":[],\"usage\":[]}\n\n" DONE,
	"data: {\"choices\":[],\"usage\":7}\n\n" DONE,
	"data: {\"choices\":[]}\n\n" DONE,
	"data: {\"usage\":{}}\n\n" DONE,
	"data: {\"choices\":null,\"usage\":{}}\n\n" DONE,
	"data: {\"choices\":{},\"usage\":{}}\n\n" DONE,
	"data: {\"choices\":[{}],\"usage\":{}}\n\n" DONE,
	"data: {\"choices\":[null],\"usage\":{}}\n\n" DONE,
	"data: {\"usage\":{},\"choices\":[0]}\n\n" DONE,
	"data: {\"choices\":[],\"choices\":[],\"usage\":{}}\n\n" DONE,
	"data: {\"choices\":[],\"choices\":[1],\"usage\":{}}\n\n" DONE,
	"data: {\"choices\":[],\"usage\":{},\"usage\":{}}\n\n" DONE,
	"data: {\"x\":{\"choices\":[],\"usage\":{}}}\n\n" DONE,
	"data: [{\"choices\":[],\"usage\":{}}]\n\n" DONE,
	"data: {\"choices\":[],\"usage\":{}\n\n" DONE,
	"data: {\"choices\":[],\"usage\":{}}}\n\n" DONE,
	"data: {\"choices\":[],\"usage\":{}} x\n\n" DONE,
	"data: {\"choices\":[],\"usage\":{},}\n\n" DONE,
	"data: {'choices':[],'usage':{}}\n\n" DONE,
	"data: {\"choices\":[,],\"usage\":{}}\n\n" DONE,
	"data: {\"choices\":[],\"usage\":{\"x\":\"\xff\"}}\n\n" DONE,
	"event: {\"choices\":[],\"usage\":{}}\n\n" DONE,
	": {\"choices\":[],\"usage\":{}}\n\n" DONE,
	/* In several lines, or with a comment in it, it is not as any server writes it. */
	"data: {\"choices\":[],\ndata: \"usage\":{}}\n\n" DONE,
	"data: {\"choices\":[],\"usage\":{}}\ndata:\n\n" DONE,
	"data: {\"choices\":[],\"usage\":{}}\n: x\n\n" DONE,
	"data: {\"choices\":[],\"response\":{\"usage\":{}},\"usage\":1}\n\n" DONE,
	/* Azure's first chunk. */
	"data: {\"choices\":[],\"created\":0,\"id\":\"\",\"model\":\"\",\"object\":\"\","
	"\"prompt_filter_results\":[{\"prompt_index\":0}]}\n\n" CHUNK,
	/* It did not end, so it is none. */
	CHUNK "data: {\"choices\":[],\"usage\":{}}",
	CHUNK "data: {\"choices\":[],\"usage\":{}}\n",
	CHUNK "data: {\"choices\":[],\"usage\":{}}\r\n",
	CHUNK "dat",
};

static size_t drop(char *text, const char *mark)
{
	char *at = strstr(text, mark);

	if (!at)
		return 0;
	memmove(at, at + strlen(mark), strlen(at + strlen(mark)) + 1);
	return 1;
}

/* The stream without marks, and what of it is left. Returns how many events were marked. */
static size_t unmark(const char *marked, char *stream, char *left)
{
	size_t gone = 0;

	memcpy(stream, marked, strlen(marked) + 1);
	memcpy(left, marked, strlen(marked) + 1);
	while (drop(stream, CUT_FROM))
		drop(stream, CUT_TO);
	for (char *from; (from = strstr(left, CUT_FROM)) != NULL; gone++) {
		char *to = strstr(from, CUT_TO);
		assert_non_null(to);
		memmove(from, to + strlen(CUT_TO), strlen(to + strlen(CUT_TO)) + 1);
	}
	return gone;
}

static void only_the_usage_chunk_goes_however_it_is_cut(void **state)
{
	struct output *o = malloc(sizeof *o);
	char stream[2048], left[2048];

	(void)state;
	assert_non_null(o);
	for (size_t i = 0; i < GH_COUNT_OF(strips); i++) {
		size_t gone = unmark(strips[i], stream, left);

		for (size_t way = 0; way < cut_ways(strlen(stream)); way++) {
			o->len = o->most_held = 0;
			openai_strip_init(&o->strip);
			cut_way(feed_output, o, gh_str(stream), way);
			openai_strip_end(&o->strip, take_output, o);
			if (!gh_str_is((struct gh_str){ o->bytes, o->len }, left))
				fail_msg("%zu, way %zu: '%s' became '%.*s'", i, way, stream,
					 (int)o->len, o->bytes);
			assert_int_equal(o->strip.removed, gone);
			assert_null(o->strip.held.at);
			openai_strip_finish(&o->strip);
		}
	}
	free(o);
}

static void a_token_is_never_delayed(void **state)
{
	struct output *o = malloc(sizeof *o);

	(void)state;
	assert_non_null(o);
	o->len = o->most_held = 0;
	openai_strip_init(&o->strip);
	/* Whole chunks, one and several a slice. */
	for (int i = 1; i <= 3; i++) {
		size_t before = o->len;
		feed_output(o, i == 2 ? GH_STR(CHUNK CHUNK) : GH_STR(CHUNK));
		assert_int_equal(o->len - before, strlen(CHUNK) * (i == 2 ? 2 : 1));
	}
	assert_int_equal(o->most_held, 0);

	/* What a slice's end cuts in two is held only until it is known to be none. */
	struct gh_str chunk = GH_STR(CHUNK);
	size_t known = (size_t)(strstr(CHUNK, "[{") + 2 - CHUNK), before = o->len;
	for (size_t i = 0; i < chunk.len; i++) {
		feed_output(o, gh_str_slice(chunk, i, i + 1));
		assert_int_equal(o->len - before, i + 1 < known ? 0 : i + 1);
	}

	/* Comments and what precedes it do not wait for it. */
	before = o->len;
	feed_output(o, GH_STR(CHUNK ": ping\ndata: {\"choices\":[],"));
	assert_int_equal(o->len - before, strlen(CHUNK ": ping\n"));
	feed_output(o, GH_STR("\"usage\":{}}\n\n" CHUNK));
	assert_int_equal(o->len - before, strlen(CHUNK ": ping\n" CHUNK));
	assert_int_equal(o->strip.removed, 1);
	openai_strip_finish(&o->strip);
	free(o);
}

/* An event of just this size, whose data has no choices and ends with usage. */
static struct gh_str padded(char *to, size_t size)
{
	static const char head[] = "data: {\"choices\":[],\"x\":\"";
	static const char tail[] = "\",\"usage\":{}}\n\n";

	memset(to, 'x', size);
	memcpy(to, head, sizeof head - 1);
	memcpy(to + size - (sizeof tail - 1), tail, sizeof tail - 1);
	return (struct gh_str){ to, size };
}

static void what_is_held_has_a_limit(void **state)
{
	struct output *o = malloc(sizeof *o);
	char bytes[OPENAI_STRIP_MAX + 1];

	(void)state;
	assert_non_null(o);
	for (int more = 0; more <= 1; more++) {
		struct gh_str event = padded(bytes, OPENAI_STRIP_MAX + (size_t)more);

		for (size_t size = 1; size <= event.len; size = size * 7 + 1) {
			o->len = o->most_held = 0;
			openai_strip_init(&o->strip);
			cut_each(feed_output, o, event, size);
			assert_int_equal(o->strip.removed, !more);
			assert_int_equal(o->len, more ? event.len : 0);
			if (more)
				assert_memory_equal(o->bytes, bytes, event.len);
			assert_true(o->most_held <= OPENAI_STRIP_MAX);
			openai_strip_finish(&o->strip);
		}
	}
	free(o);
}

/* In a stream that breaks, what was held is given: the break is for the client to see. */
static void a_stream_that_breaks_loses_nothing(void **state)
{
	struct output *o = malloc(sizeof *o);

	(void)state;
	assert_non_null(o);
	for (size_t len = 0; len < strlen(USAGE); len++) {
		o->len = 0;
		openai_strip_init(&o->strip);
		feed_output(o, gh_str_slice(GH_STR(USAGE), 0, len));
		openai_strip_end(&o->strip, take_output, o);
		assert_int_equal(o->len, len);
		if (len)
			assert_memory_equal(o->bytes, USAGE, len);
		openai_strip_finish(&o->strip);
	}
	free(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(events_are_the_same_however_they_are_cut),
		cmocka_unit_test(an_event_of_one_slice_is_not_copied),
		cmocka_unit_test(a_ping_finds_the_border_of_events),
		cmocka_unit_test(only_the_usage_chunk_goes_however_it_is_cut),
		cmocka_unit_test(a_token_is_never_delayed),
		cmocka_unit_test(what_is_held_has_a_limit),
		cmocka_unit_test(a_stream_that_breaks_loses_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
