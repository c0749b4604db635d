/*
 * One answer of JSON, made of a stream: the same that the server sends when it is not asked to stream.
 * The pairs in openai_proxy_answers are a real server's (see capture.py there) or, made_*, written by hand
 * after what other servers do.
 */
#include <dirent.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <gatehouse/json.h>

#include "modules/openai-proxy/assemble.h"
#include "modules/openai-proxy/halves.h"
#include "modules/openai_proxy_cuts.h"

#define ANSWERS "tests/modules/openai_proxy_answers"

enum { LARGE = 16 << 20 };

/* ---- comparing ---- */

struct comparing {
	const char *file;
	bool real; /* of a server that was asked twice: identities and times differ */
};

static void differ(const struct comparing *c, struct gh_str name, struct gh_json a,
		   struct gh_json b)
{
	fail_msg("%s: '" GH_FMT "':\n" GH_FMT "\nand not\n" GH_FMT, c->file, GH_ARG(name),
		 GH_ARG(a.text), GH_ARG(b.text));
}

static bool may_differ(const struct comparing *c, struct gh_str name)
{
	return c->real &&
	       (gh_str_is(name, "id") || gh_str_is(name, "created") ||
		(name.len > 3 && gh_str_is(gh_str_slice(name, name.len - 3, name.len), "_ms")) ||
		(name.len > 7 && gh_str_is(gh_str_slice(name, name.len - 7, name.len), "_second")));
}

/* The numbers of a real server shake in their last digits. */
static bool same_number(const struct comparing *c, struct gh_json a, struct gh_json b)
{
	char x[64], y[64];

	if (gh_str_eq(a.text, b.text))
		return true;
	if (!c->real || a.text.len >= sizeof x || b.text.len >= sizeof y ||
	    !memchr(a.text.at, '.', a.text.len))
		return false;
	snprintf(x, sizeof x, GH_FMT, GH_ARG(a.text));
	snprintf(y, sizeof y, GH_FMT, GH_ARG(b.text));
	return fabs(strtod(x, NULL) - strtod(y, NULL)) < 1e-3;
}

static bool same_string(struct gh_json a, struct gh_json b)
{
	char *x = malloc(a.text.len), *y = malloc(b.text.len);
	size_t xs, ys;

	assert_true(x && y);
	assert_int_equal(gh_json_string(a, x, a.text.len, &xs), 0);
	assert_int_equal(gh_json_string(b, y, b.text.len, &ys), 0);
	bool same = xs == ys && memcmp(x, y, xs) == 0;
	free(x);
	free(y);
	return same;
}

static size_t count_of(struct gh_json v)
{
	struct gh_json_iterator it = gh_json_each(v);
	struct gh_json item;
	size_t count = 0;

	while (gh_json_next(&it, NULL, &item))
		count++;
	return count;
}

static void compare(const struct comparing *c, struct gh_str name, struct gh_json a,
		    struct gh_json b)
{
	struct gh_json_iterator x = gh_json_each(a), y = gh_json_each(b);
	struct gh_json key, of_a, of_b;
	char text[256];
	size_t len;

	if (gh_json_type(a) != gh_json_type(b) || count_of(a) != count_of(b))
		differ(c, name, a, b);
	switch (gh_json_type(a)) {
	case GH_JSON_NUMBER:
		if (!may_differ(c, name) && !same_number(c, a, b))
			differ(c, name, a, b);
		break;
	case GH_JSON_STRING:
		if (!may_differ(c, name) && !same_string(a, b))
			differ(c, name, a, b);
		break;
	case GH_JSON_ARRAY:
		while (gh_json_next(&x, NULL, &of_a) && gh_json_next(&y, NULL, &of_b))
			compare(c, name, of_a, of_b);
		break;
	case GH_JSON_OBJECT:
		while (gh_json_next(&y, &key, &of_b)) {
			assert_int_equal(gh_json_string(key, text, sizeof text, &len), 0);
			struct gh_str its = { text, len };
			if (gh_json_get(a, its, &of_a) != 1)
				differ(c, its, a, b);
			compare(c, (struct gh_str){ text, len }, of_a, of_b);
		}
		break;
	default:
		if (!gh_str_eq(a.text, b.text))
			differ(c, name, a, b);
	}
}

/* ---- the pairs ---- */

static struct gh_str read_file(const char *name, const char *ending)
{
	char path[512];
	FILE *f;
	long size;
	char *at;

	snprintf(path, sizeof path, ANSWERS "/%s%s", name, ending);
	f = fopen(path, "rb");
	if (!f)
		fail_msg("%s cannot be read", path);
	assert_int_equal(fseek(f, 0, SEEK_END), 0);
	size = ftell(f);
	assert_true(size >= 0);
	rewind(f);
	at = malloc((size_t)size + 1);
	assert_non_null(at);
	assert_int_equal(fread(at, 1, (size_t)size, f), (size_t)size);
	fclose(f);
	return (struct gh_str){ at, (size_t)size };
}

static enum openai_assembly_kind kind_of(const char *name)
{
	return strstr(name, "completion") ? OPENAI_ASSEMBLY_COMPLETION : OPENAI_ASSEMBLY_CHAT;
}

static void feed(void *to, struct gh_str slice)
{
	openai_assembly_feed(to, slice);
}

/* In one of the ways to cut it; the JSON, to be freed. */
static struct gh_str assembled(const char *name, struct gh_str stream, size_t way)
{
	struct openai_assembly *a = openai_assembly_create(kind_of(name), LARGE);
	const char *why = "";
	struct gh_str json;
	int status;

	cut_way(feed, a, stream, way);
	if (openai_assembly_end(a, &status, &json, &why))
		fail_msg("%s, cut %zu: %s", name, way, why);
	assert_int_equal(status, 200);
	char *copy = malloc(json.len);
	assert_non_null(copy);
	memcpy(copy, json.at, json.len);
	openai_assembly_destroy(a);
	return (struct gh_str){ copy, json.len };
}

typedef void pair_check(const char *name, struct gh_str stream, struct gh_str json);

static void each_pair(pair_check *check)
{
	DIR *d = opendir(ANSWERS);
	unsigned count = 0;

	assert_non_null(d);
	for (struct dirent *e; (e = readdir(d));) {
		char name[256];
		size_t len = strlen(e->d_name), ending = strlen(".stream");
		if (len <= ending || strcmp(e->d_name + len - ending, ".stream") != 0)
			continue;
		snprintf(name, sizeof name, "%.*s", (int)(len - ending), e->d_name);
		struct gh_str stream = read_file(name, ".stream"), json = read_file(name, ".json");
		check(name, stream, json);
		free((char *)stream.at);
		free((char *)json.at);
		count++;
	}
	closedir(d);
	assert_true(count > 40);
}

static void check_same(const char *name, struct gh_str stream, struct gh_str json)
{
	const struct comparing c = { name, strncmp(name, "made_", 5) != 0 };
	struct gh_str got = assembled(name, stream, 0);
	struct gh_json a, b;

	if (gh_json_parse(got, &a, NULL))
		fail_msg("%s: no JSON: " GH_FMT, name, GH_ARG(got));
	assert_int_equal(gh_json_parse(json, &b, NULL), 0);
	compare(&c, GH_STR(""), a, b);
	free((char *)got.at);
}

static void the_answer_is_the_servers_own(void **state)
{
	(void)state;
	each_pair(check_same);
}

static void check_cuts(const char *name, struct gh_str stream, struct gh_str json)
{
	struct gh_str whole = assembled(name, stream, 0);

	(void)json;
	for (size_t way = 1; way < 8 + stream.len + 1; way++) {
		struct gh_str got = assembled(name, stream, way);
		if (!gh_str_eq(got, whole))
			fail_msg("%s, cut %zu: " GH_FMT "\nand not\n" GH_FMT, name, way,
				 GH_ARG(got), GH_ARG(whole));
		free((char *)got.at);
	}
	free((char *)whole.at);
}

static void wherever_it_is_cut_it_is_the_same(void **state)
{
	(void)state;
	each_pair(check_cuts);
}

/* ---- streams that end otherwise ---- */

#define EVENT(data) "data: " data "\n\n"
#define CHUNK(more) EVENT("{\"id\":\"i\",\"choices\":[{\"index\":0," more "}]}")
#define HELLO       CHUNK("\"delta\":{\"content\":\"Hello\"}")
#define STOP        CHUNK("\"delta\":{},\"finish_reason\":\"stop\"")
#define DONE        EVENT("[DONE]")

/* 0: it failed or is not whole, and `ret_json` is why. To be freed. */
static int result(struct gh_str stream, size_t max, size_t way, struct gh_str *ret_json)
{
	struct openai_assembly *a = openai_assembly_create(OPENAI_ASSEMBLY_CHAT, max);
	struct gh_str json;
	const char *why;
	int status;

	cut_way(feed, a, stream, way);
	if (openai_assembly_end(a, &status, &json, &why)) {
		status = 0;
		json = gh_str(why);
		assert_true(json.len > 0);
	}
	char *copy = malloc(json.len);
	assert_non_null(copy);
	memcpy(copy, json.at, json.len);
	openai_assembly_destroy(a);
	*ret_json = (struct gh_str){ copy, json.len };
	return status;
}

struct ending {
	const char *stream;
	int status; /* 0: none */
	const char *json;
};

#define WORDS(text) \
	"{\"error\":{\"message\":" text ",\"type\":\"server_error\",\"param\":null,\"code\":" \
	"null}}"
#define BROKE WORDS("\"The model server broke off with an error.\"")
#define WHOLE(content, finish) \
	"{\"object\":\"chat.completion\",\"id\":\"i\",\"choices\":[{\"index\":0," \
	"\"message\":{\"role\":\"assistant\",\"content\":" content "},\"finish_reason\":" finish \
	"}]}"

static const struct ending endings[] = {
	/* As it should. */
	{ HELLO STOP DONE, 200, WHOLE("\"Hello\"", "\"stop\"") },
	{ HELLO STOP, 200, WHOLE("\"Hello\"", "\"stop\"") },
	{ HELLO STOP "data: [DONE]", 200, WHOLE("\"Hello\"", "\"stop\"") },
	{ HELLO STOP "data: [DO", 200, WHOLE("\"Hello\"", "\"stop\"") },
	{ HELLO DONE, 200, WHOLE("\"Hello\"", "null") },
	{ STOP, 200, WHOLE("\"\"", "\"stop\"") },
	{ EVENT("{\"id\":\"i\",\"choices\":[{}]}") DONE, 200, WHOLE("\"\"", "null") },
	{ EVENT("null") HELLO "data:\n\n" EVENT("null") STOP, 200, WHOLE("\"Hello\"", "\"stop\"") },
	{ HELLO EVENT("{\"error\":null}") STOP DONE, 200,
	  "{\"error\":null,\"object\":\"chat.completion\",\"id\":\"i\",\"choices\":[{\"index\":0,"
	  "\"message\":{\"role\":\"assistant\",\"content\":\"Hello\"},\"finish_reason\":\"stop\"}"
	  "]}" },
	/* What comes after the end is nothing, whatever it is. */
	{ HELLO STOP DONE HELLO EVENT("{\"error\":1}") EVENT("nonsense"), 200,
	  WHOLE("\"Hello\"", "\"stop\"") },
	/* In the middle. */
	{ "", 0, NULL },
	{ ": ping\n\n", 0, NULL },
	{ DONE, 0, NULL },
	{ HELLO, 0, NULL },
	{ HELLO CHUNK("\"finish_reason\":null"), 0, NULL },
	{ HELLO CHUNK("\"finish_reason\":\"\""), 0, NULL },
	{ HELLO "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n", 0,
	  NULL },
	{ HELLO STOP EVENT("{\"choices\":[{\"index\":1,\"delta\":{}}]}"), 0, NULL },
	{ EVENT("{\"choices\":[],\"usage\":{}}") DONE, 0, NULL },
	{ EVENT("{\"id\":\"i\"}") DONE, 0, NULL },
	{ "{\"choices\":[{\"index\":0,\"message\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}"
	  "\n\n",
	  0, NULL },
	/* No chunks. */
	{ HELLO EVENT("nonsense") STOP DONE, 0, NULL },
	{ HELLO EVENT("{\"choices\":[}") STOP DONE, 0, NULL },
	{ HELLO EVENT("[]") STOP DONE, 0, NULL },
	{ HELLO EVENT("1") STOP DONE, 0, NULL },
	{ HELLO EVENT("{}{}") STOP DONE, 0, NULL },
	{ HELLO CHUNK("\"delta\":{\"content\":\"\xff\"}") STOP DONE, 0, NULL },
	{ HELLO CHUNK("\"delta\":{\"content\":\"\\ud83d\xff\"}") STOP DONE, 0, NULL },
	{ HELLO EVENT("{\"choices\":{}}") STOP DONE, 0, NULL },
	{ HELLO EVENT("{\"choices\":[1]}") STOP DONE, 0, NULL },
	{ HELLO CHUNK("\"delta\":1") STOP DONE, 0, NULL },
	{ HELLO CHUNK("\"delta\":{\"content\":1}") STOP DONE, 0, NULL },
	{ HELLO CHUNK("\"delta\":{\"tool_calls\":{}}") STOP DONE, 0, NULL },
	{ HELLO CHUNK("\"delta\":{\"tool_calls\":[null]}") STOP DONE, 0, NULL },
	{ HELLO CHUNK("\"delta\":{\"tool_calls\":[{\"index\":1.0}]}") STOP DONE, 0, NULL },
	{ HELLO CHUNK("\"delta\":{\"tool_calls\":[{\"index\":\"0\"}]}") STOP DONE, 0, NULL },
	{ HELLO CHUNK("\"delta\":{\"tool_calls\":[{\"index\":-1}]}") STOP DONE, 0, NULL },
	{ HELLO CHUNK("\"delta\":{\"tool_calls\":[{\"index\":128}]}") STOP DONE, 0, NULL },
	{ HELLO EVENT("{\"choices\":[{\"index\":9223372036854775807}]}") STOP DONE, 0, NULL },
	/* Errors. */
	{ EVENT("{\"error\":{\"message\":\"m\",\"code\":503,\"type\":\"t\"}}"), 503,
	  "{\"error\":{\"message\":\"m\",\"code\":503,\"type\":\"t\"}}" },
	{ HELLO EVENT("{\"type\":\"error\",\"error\":{\"message\":\"\\ud83d\"},\"x\":[1]}")
		  HELLO DONE,
	  500, "{\"type\":\"error\",\"error\":{\"message\":\"\\ud83d\"},\"x\":[1]}" },
	{ HELLO STOP EVENT("{\"error\":{\"code\":400}}"), 400, "{\"error\":{\"code\":400}}" },
	{ EVENT("{\"error\":{\"code\":599}}"), 599, "{\"error\":{\"code\":599}}" },
	{ EVENT("{\"error\":{\"code\":399}}"), 500, "{\"error\":{\"code\":399}}" },
	{ EVENT("{\"error\":{\"code\":600}}"), 500, "{\"error\":{\"code\":600}}" },
	{ EVENT("{\"error\":{\"code\":\"429\"}}"), 500, "{\"error\":{\"code\":\"429\"}}" },
	{ EVENT("{\"error\":{}}") EVENT("{\"error\":{\"code\":400}}"), 500, "{\"error\":{}}" },
	{ EVENT("{\"error\":\"No models\\u0020loaded\"}"), 500,
	  WORDS("\"No models\\u0020loaded\"") },
	{ EVENT("{\"error\":true}"), 500, BROKE },
	{ EVENT("{\"object\":\"error\",\"message\":\"m\",\"code\":404}"), 404,
	  "{\"error\":{\"object\":\"error\",\"message\":\"m\",\"code\":404}}" },
	{ "event: error\n" EVENT("{\"error\":{\"message\":\"m\"}}"), 500,
	  "{\"error\":{\"message\":\"m\"}}" },
	{ "event: error\n" EVENT("{\"message\":\"m\",\"code\":502}"), 502,
	  "{\"error\":{\"message\":\"m\",\"code\":502}}" },
	{ "event: error\n" EVENT("\"m\""), 500, WORDS("\"m\"") },
	{ "event: error\n" EVENT("[1]"), 500, BROKE },
	{ "event: error\n" EVENT("null"), 500, BROKE },
	{ "event: error\n" EVENT("out of memory"), 500, BROKE },
	{ "event: error\n" EVENT(""), 500, BROKE },
	/* An event that is not ended is none. */
	{ HELLO "data: {\"error\":{}}\n", 0, NULL },
	/* Other events are not for us. */
	{ HELLO "event: error_count\ndata: 1\n\n" STOP DONE, 200, WHOLE("\"Hello\"", "\"stop\"") },
};

static void it_ends_as_the_stream_does(void **state)
{
	(void)state;
	for (size_t i = 0; i < GH_COUNT_OF(endings); i++) {
		const struct ending *e = &endings[i];
		struct gh_str stream = gh_str(e->stream), got, again;
		const struct comparing c = { e->stream, false };
		int status = result(stream, LARGE, 0, &got);
		struct gh_json a, b;

		if (status != e->status)
			fail_msg("%s\n%d: " GH_FMT, e->stream, status, GH_ARG(got));
		if (status == 200) {
			assert_int_equal(gh_json_parse(got, &a, NULL), 0);
			assert_int_equal(gh_json_parse(gh_str(e->json), &b, NULL), 0);
			compare(&c, GH_STR(""), a, b);
		} else if (status && !gh_str_is(got, e->json)) {
			fail_msg("%s\nis " GH_FMT, e->stream, GH_ARG(got));
		}
		for (size_t way = 1; way < 8 + stream.len + 1; way++) {
			assert_int_equal(result(stream, LARGE, way, &again), status);
			assert_true(gh_str_eq(again, got));
			free((char *)again.at);
		}
		free((char *)got.at);
	}
}

/* ---- limits ---- */

static enum openai_assembly_state say(struct openai_assembly *a, const char *format, ...)
	GH_PRINTF(2, 3);

static enum openai_assembly_state say(struct openai_assembly *a, const char *format, ...)
{
	char text[4096];
	va_list args;

	va_start(args, format);
	int len = vsnprintf(text, sizeof text, format, args);
	va_end(args);
	assert_true(len > 0 && (size_t)len < sizeof text);
	return openai_assembly_feed(a, (struct gh_str){ text, (size_t)len });
}

static void expect_failure(struct openai_assembly *a)
{
	struct gh_str json = GH_STR("as before");
	const char *why = NULL;
	int status = 7;

	assert_int_equal(say(a, HELLO), OPENAI_ASSEMBLY_FAILED);
	assert_int_equal(openai_assembly_end(a, &status, &json, &why), -1);
	assert_non_null(why);
	assert_true(status == 7 && gh_str_is(json, "as before"));
	openai_assembly_destroy(a);
}

static void choices_calls_and_members_have_a_limit(void **state)
{
	static const char *const forms[] = {
		EVENT("{\"choices\":[{\"index\":%u}]}"),
		EVENT("{\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":%u}]}}]}"),
		EVENT("{\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"id\":\"%u\"}]}}]}"),
		EVENT("{\"member%u\":1}"),
		EVENT("{\"choices\":[{\"index\":0,\"member%u\":1}]}"),
		EVENT("{\"choices\":[{\"index\":0,\"delta\":{\"%u\":1}}]}"),
		EVENT("{\"choices\":[{\"index\":0,\"logprobs\":{\"%u\":1}}]}"),
	};

	(void)state;
	for (size_t f = 0; f < GH_COUNT_OF(forms); f++) {
		struct openai_assembly *a = openai_assembly_create(OPENAI_ASSEMBLY_CHAT, LARGE);
		char text[256];
		for (unsigned i = 0; i <= 128; i++) {
			struct gh_str stream = { text, 0 };
			const char *mark = strstr(forms[f], "%u");
			stream.len = (size_t)snprintf(text, sizeof text, "%.*s%u%s",
						      (int)(mark - forms[f]), forms[f], i,
						      mark + 2);
			enum openai_assembly_state got = openai_assembly_feed(a, stream);
			if ((got == OPENAI_ASSEMBLY_FAILED) != (i == 128))
				fail_msg("%s: %u", forms[f], i);
		}
		expect_failure(a);
	}
}

/* What it takes may be less than was asked for, by what growing costs, and never more. */
static void what_it_holds_has_a_limit(void **state)
{
	enum { MAX = 64 << 10 };
	static const struct {
		const char *once, *again, *after;
	} forms[] = {
		/* One long text, one long event, a long list, a value that is replaced. */
		{ "", CHUNK("\"delta\":{\"content\":\"0123456789abcdef0123456789abcdef\"}"), "" },
		{ "data: {\"a\":\"", "0123456789abcdef0123456789abcdef", "" },
		{ "data: ", "0123456789abcdef0123456789abcdef\ndata: ", "" },
		{ "", CHUNK("\"logprobs\":{\"content\":[\"0123456789abcdef0123456789abcdef\"]}"),
		  "" },
		{ "",
		  CHUNK("\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":"
			"\"0123456789abcdef0123456789abcdef\"}}]}"),
		  "" },
	};

	(void)state;
	for (size_t f = 0; f < GH_COUNT_OF(forms); f++) {
		struct openai_assembly *a = openai_assembly_create(OPENAI_ASSEMBLY_CHAT, MAX);
		size_t held = 0;
		openai_assembly_feed(a, gh_str(forms[f].once));
		while (openai_assembly_feed(a, gh_str(forms[f].again)) == OPENAI_ASSEMBLY_MORE) {
			held += 32;
			assert_true(held <= MAX);
		}
		assert_true(held >= MAX / 4);
		expect_failure(a);
	}
}

static void a_value_that_is_replaced_takes_no_more(void **state)
{
	struct openai_assembly *a = openai_assembly_create(OPENAI_ASSEMBLY_CHAT, 16 << 10);
	struct gh_str json;
	const char *why;
	int status;

	(void)state;
	for (unsigned i = 0; i < 10000; i++)
		assert_int_equal(say(a, EVENT("{\"id\":\"%u\",\"created\":%u,\"x\":[%u]}"), i, i,
				     i),
				 OPENAI_ASSEMBLY_MORE);
	assert_int_equal(say(a, STOP), OPENAI_ASSEMBLY_MORE);
	assert_int_equal(openai_assembly_end(a, &status, &json, &why), 0);
	openai_assembly_destroy(a);
}

/* Texts and what is null: the smallest that a call can have. */
static const char *const small_calls[] = {
	"\"id\":\"i\",\"function\":{\"name\":\"n\",\"arguments\":\"a\"}",
	"\"id\":null,\"type\":null",
};

static void many_small_things_count_too(void **state)
{
	(void)state;
	for (size_t c = 0; c < GH_COUNT_OF(small_calls); c++) {
		struct openai_assembly *a = openai_assembly_create(OPENAI_ASSEMBLY_CHAT, 1 << 20);
		enum openai_assembly_state got = OPENAI_ASSEMBLY_MORE;
		unsigned count = 0;

		for (; got == OPENAI_ASSEMBLY_MORE && count < 128 * 128; count++)
			got = say(a,
				  EVENT("{\"choices\":[{\"index\":%u,\"delta\":{\"tool_calls\":[{"
					"\"index\":%u,%s}]}}]}"),
				  count / 128, count % 128, small_calls[c]);
		assert_true(count < 128 * 128);
		expect_failure(a);
	}
}

static void also_those_of_one_event(void **state)
{
	struct openai_assembly *a = openai_assembly_create(OPENAI_ASSEMBLY_CHAT, 256 << 10);
	enum openai_assembly_state got = say(a, "data: {\"choices\":[");

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		assert_int_equal(got, OPENAI_ASSEMBLY_MORE);
		got = say(a, "{\"index\":%u,\"delta\":{\"tool_calls\":[{\"index\":%u,%s}]}}%s",
			  i / 128, i % 128, small_calls[0], i < 999 ? "," : "]}\n\n");
	}
	assert_int_equal(got, OPENAI_ASSEMBLY_FAILED);
	expect_failure(a);
}

static void depth_has_a_limit(void **state)
{
	for (int depth = 60; depth <= 70; depth += 10) {
		char text[512];
		struct gh_str got;
		int len = snprintf(text, sizeof text, HELLO "data: {\"a\":");
		(void)state;
		for (int i = 0; i < depth; i++)
			len += snprintf(text + len, sizeof text - (size_t)len, "[");
		for (int i = 0; i < depth; i++)
			len += snprintf(text + len, sizeof text - (size_t)len, "]");
		snprintf(text + len, sizeof text - (size_t)len, "}\n\n" STOP);
		assert_int_equal(result(gh_str(text), LARGE, 0, &got), depth == 60 ? 200 : 0);
		free((char *)got.at);
	}
}

/* ---- beside the JSON ---- */

static void tokens_are_known_also_of_what_breaks_off(void **state)
{
	struct openai_assembly *a = openai_assembly_create(OPENAI_ASSEMBLY_CHAT, LARGE);
	struct openai_usage u = openai_assembly_usage(a);

	(void)state;
	assert_int_equal(u.from, OPENAI_USAGE_NONE);
	say(a, HELLO HELLO);
	u = openai_assembly_usage(a);
	assert_int_equal(u.from, OPENAI_USAGE_COUNTED);
	assert_int_equal(u.output, 2);
	assert_false(openai_assembly_is_over(a));
	say(a, STOP EVENT("{\"choices\":[],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":3,"
			  "\"prompt_tokens_details\":{\"cached_tokens\":4}}}") DONE);
	assert_true(openai_assembly_is_over(a));
	u = openai_assembly_usage(a);
	assert_int_equal(u.from, OPENAI_USAGE_REPORTED);
	assert_true(u.input == 5 && u.output == 3 && u.cached == 4);
	openai_assembly_destroy(a);
	openai_assembly_destroy(NULL);
}

static void only_halves_that_stand_alone_are_masked(void **state)
{
	static const struct {
		const char *text, *masked;
	} texts[] = {
		{ "", "" },
		{ "\\", "\\" },
		{ "\\u", "\\u" },
		{ "\\ud83", "\\ud83" },
		{ "\\u00e4\\n\\\\ud83d", "\\u00e4\\n\\\\ud83d" },
		{ "\\ud83d", "\\ue83d" },
		{ "\\UD83D", "\\UD83D" },
		{ "\\uD83D\\n", "\\ue83D\\n" },
		{ "\\udd25", "\\ued25" },
		{ "\\ud83d\\udd25", "\\ud83d\\udd25" },
		{ "\\ud83d\\ud83d\\udd25\\udd25", "\\ue83d\\ud83d\\udd25\\ued25" },
		{ "\\ud83d\\\\udd25", "\\ue83d\\\\udd25" },
		{ "\\ud83d \\udd25", "\\ue83d \\ued25" },
		{ "\\ud7ff\\ue000\\udfff\\ud800", "\\ud7ff\\ue000\\uefff\\ue800" },
	};

	(void)state;
	for (size_t i = 0; i < GH_COUNT_OF(texts); i++) {
		size_t len = strlen(texts[i].text);
		char *copy = malloc(len ? len : 1);
		assert_non_null(copy);
		memcpy(copy, texts[i].text, len);
		bool any = openai_halves_mask(copy, len);
		if (!gh_str_is((struct gh_str){ copy, len }, texts[i].masked) ||
		    any != (strcmp(texts[i].text, texts[i].masked) != 0))
			fail_msg("%s became %.*s", texts[i].text, (int)len, copy);
		free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_answer_is_the_servers_own),
		cmocka_unit_test(wherever_it_is_cut_it_is_the_same),
		cmocka_unit_test(it_ends_as_the_stream_does),
		cmocka_unit_test(choices_calls_and_members_have_a_limit),
		cmocka_unit_test(what_it_holds_has_a_limit),
		cmocka_unit_test(a_value_that_is_replaced_takes_no_more),
		cmocka_unit_test(many_small_things_count_too),
		cmocka_unit_test(also_those_of_one_event),
		cmocka_unit_test(depth_has_a_limit),
		cmocka_unit_test(tokens_are_known_also_of_what_breaks_off),
		cmocka_unit_test(only_halves_that_stand_alone_are_masked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
