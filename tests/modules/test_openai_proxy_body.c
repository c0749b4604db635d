/* What is read from a request's body, what is refused and where, and what the body is with few changes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "modules/openai-proxy/body.h"
#include "modules/openai-proxy/splice.h"

/* In memory of just its size, so that a sanitizer sees every byte too many. */
static struct gh_str exactly(struct gh_str text)
{
	char *copy = malloc(text.len ? text.len : 1);

	assert_non_null(copy);
	if (text.len)
		memcpy(copy, text.at, text.len);
	return (struct gh_str){ copy, text.len };
}

static struct openai_name name_of(const char *text, char to[static OPENAI_NAME_JSON])
{
	struct openai_name name;

	if (openai_name_make(gh_str(text), to, &name))
		fail_msg("'%s' is no name", text);
	return name;
}

/* All pieces in a row, on the heap. */
static struct gh_str spliced(const struct openai_splices *s)
{
	struct openai_splice_cursor c = { .offset = 0 };
	size_t len = openai_splices_length(s), have = 0;
	char *to = malloc(len ? len : 1);
	struct gh_str piece;

	assert_non_null(to);
	while (openai_splices_next(s, &c, &piece)) {
		assert_true(piece.len > 0 && piece.len <= len - have);
		memcpy(to + have, piece.at, piece.len);
		have += piece.len;
	}
	assert_int_equal(have, len);
	assert_false(openai_splices_next(s, &c, &piece));
	return (struct gh_str){ to, len };
}

/* ---- JSON ---- */

enum { STREAMS = 1, ASKS = 2, USER = 4, NO_MODEL = 8 };

struct good {
	const char *body, *model;
	unsigned flags;
	int64_t max_tokens;
	const char *
		edited; /* with the model `new/"x"` and usage asked for; NULL: as it was but for the model */
};

#define NEW "\"new/\\\"x\\\"\""

static const struct good good[] = {
	{ "{}", "", NO_MODEL, -1, "{\"model\":" NEW "}" },
	{ " { } ", "", NO_MODEL, -1, " {\"model\":" NEW " } " },
	{ "{\"a\":1}", "", NO_MODEL, -1, "{\"model\":" NEW ",\"a\":1}" },
	{ "{\"model\":\"m\"}", "m", 0, -1, "{\"model\":" NEW "}" },
	{ "{\"model\":\"\"}", "", 0, -1, "{\"model\":" NEW "}" },
	{ "{\"model\":null}", "", NO_MODEL, -1, "{\"model\":" NEW "}" },
	{ "\r\n\t{ \"model\" :\t\"m\" }\n", "m", 0, -1, "\r\n\t{ \"model\" :\t" NEW " }\n" },
	{ "{\"model\":\"org/name:7b-q4_K_M\"}", "org/name:7b-q4_K_M", 0, -1,
	  "{\"model\":" NEW "}" },
	{ "{\"model\":\"a\\u0062\\/\\\"\\\\\"}", "ab/\"\\", 0, -1, "{\"model\":" NEW "}" },
	{ "{\"model\":\"\\ud83d\\ude00\xc3\xa4\"}", "\xf0\x9f\x98\x80\xc3\xa4", 0, -1,
	  "{\"model\":" NEW "}" },
	{ "{\"mod\\u0065l\":\"m\"}", "m", 0, -1, "{\"mod\\u0065l\":" NEW "}" },
	{ "{\"\\u006d\\u006f\\u0064\\u0065\\u006c\":\"m\"}", "m", 0, -1,
	  "{\"\\u006d\\u006f\\u0064\\u0065\\u006c\":" NEW "}" },
	/* Not these. */
	{ "{\"Model\":1,\"model \":2,\"mode\":3,\"models\":4,\"model\\u0000\":5}", "", NO_MODEL, -1,
	  "{\"model\":" NEW
	  ",\"Model\":1,\"model \":2,\"mode\":3,\"models\":4,\"model\\u0000\":5}" },
	{ "{\"a\":{\"model\":\"x\",\"model\":1,\"stream\":7},\"b\":[{\"model\":2}],\"model\":"
	  "\"m\"}",
	  "m", 0, -1,
	  "{\"a\":{\"model\":\"x\",\"model\":1,\"stream\":7},\"b\":[{\"model\":2}],\"model\":" NEW
	  "}" },
	{ "{\"a\":\"{\\\"model\\\":\\\"x\\\"}\",\"model\":\"m\"}", "m", 0, -1,
	  "{\"a\":\"{\\\"model\\\":\\\"x\\\"}\",\"model\":" NEW "}" },
	{ "{\"a\":\"model\",\"b\":\"\\\\\",\"model\":\"m\"}", "m", 0, -1,
	  "{\"a\":\"model\",\"b\":\"\\\\\",\"model\":" NEW "}" },
	/* The limit. */
	{ "{\"max_tokens\":0}", "", NO_MODEL, 0, "{\"model\":" NEW ",\"max_tokens\":0}" },
	{ "{\"model\":\"m\",\"max_tokens\":256}", "m", 0, 256,
	  "{\"model\":" NEW ",\"max_tokens\":256}" },
	{ "{\"model\":\"m\",\"max_completion_tokens\":1}", "m", 0, 1,
	  "{\"model\":" NEW ",\"max_completion_tokens\":1}" },
	{ "{\"model\":\"m\",\"max_output_tokens\":9007199254740993}", "m", 0, 9007199254740993,
	  "{\"model\":" NEW ",\"max_output_tokens\":9007199254740993}" },
	{ "{\"max_tokens\":5,\"max_completion_tokens\":7,\"model\":\"m\"}", "m", 0, 7,
	  "{\"max_tokens\":5,\"max_completion_tokens\":7,\"model\":" NEW "}" },
	{ "{\"max_tokens\":7,\"max_completion_tokens\":5,\"model\":\"m\"}", "m", 0, 7,
	  "{\"max_tokens\":7,\"max_completion_tokens\":5,\"model\":" NEW "}" },
	{ "{\"max_tokens\":-1,\"model\":\"m\"}", "m", 0, -1,
	  "{\"max_tokens\":-1,\"model\":" NEW "}" },
	{ "{\"max_tokens\":-1,\"max_output_tokens\":7,\"model\":\"m\"}", "m", 0, -1,
	  "{\"max_tokens\":-1,\"max_output_tokens\":7,\"model\":" NEW "}" },
	{ "{\"max_tokens\":1.5,\"model\":\"m\"}", "m", 0, -1,
	  "{\"max_tokens\":1.5,\"model\":" NEW "}" },
	{ "{\"max_tokens\":1e3,\"model\":\"m\"}", "m", 0, -1,
	  "{\"max_tokens\":1e3,\"model\":" NEW "}" },
	{ "{\"max_tokens\":99999999999999999999,\"model\":\"m\"}", "m", 0, -1,
	  "{\"max_tokens\":99999999999999999999,\"model\":" NEW "}" },
	{ "{\"max_tokens\":null,\"max_completion_tokens\":3,\"model\":\"m\"}", "m", 0, 3,
	  "{\"max_tokens\":null,\"max_completion_tokens\":3,\"model\":" NEW "}" },
	/* The user. */
	{ "{\"model\":\"m\",\"user\":\"u-1\"}", "m", USER, -1,
	  "{\"model\":" NEW ",\"user\":\"u-1\"}" },
	{ "{\"user\":\"\",\"model\":\"m\"}", "m", USER, -1, "{\"user\":\"\",\"model\":" NEW "}" },
	{ "{\"user\":null,\"model\":\"m\"}", "m", 0, -1, "{\"user\":null,\"model\":" NEW "}" },
	/* Streams, and whether they ask for usage. */
	{ "{\"model\":\"m\",\"stream\":false}", "m", 0, -1,
	  "{\"model\":" NEW ",\"stream\":false}" },
	{ "{\"model\":\"m\",\"stream\":null}", "m", 0, -1, "{\"model\":" NEW ",\"stream\":null}" },
	{ "{\"model\":\"m\",\"stream\":true}", "m", STREAMS, -1,
	  "{\"stream_options\":{\"include_usage\":true},\"model\":" NEW ",\"stream\":true}" },
	{ "{\"stream\":true,\"model\":\"m\"}", "m", STREAMS, -1,
	  "{\"stream_options\":{\"include_usage\":true},\"stream\":true,\"model\":" NEW "}" },
	{ "{ \"stream\" : true }", "", STREAMS | NO_MODEL, -1,
	  "{\"model\":" NEW ",\"stream_options\":{\"include_usage\":true}, \"stream\" : true }" },
	{ "{\"str\\u0065am\":true,\"model\":null}", "", STREAMS | NO_MODEL, -1,
	  "{\"stream_options\":{\"include_usage\":true},\"str\\u0065am\":true,\"model\":" NEW "}" },
	{ "{\"model\":\"m\",\"stream\":true,\"stream_options\":null}", "m", STREAMS, -1,
	  "{\"model\":" NEW ",\"stream\":true,\"stream_options\":{\"include_usage\":true}}" },
	{ "{\"model\":\"m\",\"stream\":true,\"stream_options\":{}}", "m", STREAMS, -1,
	  "{\"model\":" NEW ",\"stream\":true,\"stream_options\":{\"include_usage\":true}}" },
	{ "{\"model\":\"m\",\"stream\":true,\"stream_options\":{ }}", "m", STREAMS, -1,
	  "{\"model\":" NEW ",\"stream\":true,\"stream_options\":{\"include_usage\":true }}" },
	{ "{\"stream_options\":{\"include_usage\":true},\"model\":\"m\",\"stream\":true}", "m",
	  STREAMS | ASKS, -1,
	  "{\"stream_options\":{\"include_usage\":true},\"model\":" NEW ",\"stream\":true}" },
	{ "{\"stream_options\":{\"include_usage\":false},\"model\":\"m\",\"stream\":true}", "m",
	  STREAMS, -1,
	  "{\"stream_options\":{\"include_usage\":true},\"model\":" NEW ",\"stream\":true}" },
	{ "{\"stream_options\":{\"include_usage\" : null },\"model\":\"m\",\"stream\":true}", "m",
	  STREAMS, -1,
	  "{\"stream_options\":{\"include_usage\" : true },\"model\":" NEW ",\"stream\":true}" },
	{ "{\"stream_options\":{\"a\":[],\"include\\u005fusage\":false},\"stream\":true}", "",
	  STREAMS | NO_MODEL, -1,
	  "{\"model\":" NEW
	  ",\"stream_options\":{\"a\":[],\"include\\u005fusage\":true},\"stream\":true}" },
	{ "{\"stream_options\":{\"include_obfuscation\":false},\"stream\":true,\"model\":\"m\"}",
	  "m", STREAMS, -1,
	  "{\"stream_options\":{\"include_usage\":true,\"include_obfuscation\":false},"
	  "\"stream\":true,\"model\":" NEW "}" },
	{ "{\"stream_options\":{\"a\":{\"include_usage\":true}},\"stream\":true,\"model\":\"m\"}",
	  "m", STREAMS, -1,
	  "{\"stream_options\":{\"include_usage\":true,\"a\":{\"include_usage\":true}},"
	  "\"stream\":true,\"model\":" NEW "}" },
	/* Who does not stream is not asked for. */
	{ "{\"stream_options\":{\"include_usage\":false},\"model\":\"m\"}", "m", 0, -1,
	  "{\"stream_options\":{\"include_usage\":false},\"model\":" NEW "}" },
	{ "{\"stream_options\":{},\"stream\":false,\"model\":\"m\"}", "m", 0, -1,
	  "{\"stream_options\":{},\"stream\":false,\"model\":" NEW "}" },
	{ "{\"stream_options\":{\"include_usage\":true},\"model\":\"m\"}", "m", ASKS, -1,
	  "{\"stream_options\":{\"include_usage\":true},\"model\":" NEW "}" },
	/* As SDKs write them. */
	{ "{\"messages\":[{\"role\":\"user\",\"content\":\"Say \\\"model\\\":\\\"x\\\" "
	  "\xe2\x9c\x93\"}],"
	  "\"model\":\"gpt-4o\",\"stream\":true}",
	  "gpt-4o", STREAMS, -1,
	  "{\"stream_options\":{\"include_usage\":true},\"messages\":[{\"role\":\"user\","
	  "\"content\":"
	  "\"Say \\\"model\\\":\\\"x\\\" \xe2\x9c\x93\"}],\"model\":" NEW ",\"stream\":true}" },
	{ "{\"model\": \"gpt-4o\", \"messages\": [{\"role\": \"user\", \"content\": [{\"type\": "
	  "\"image_url\", \"image_url\": {\"url\": \"data:image/png;base64,iVBORw0KGgo=\"}}]}], "
	  "\"max_tokens\": 300}",
	  "gpt-4o", 0, 300,
	  "{\"model\": " NEW ", \"messages\": [{\"role\": \"user\", \"content\": [{\"type\": "
	  "\"image_url\", \"image_url\": {\"url\": \"data:image/png;base64,iVBORw0KGgo=\"}}]}], "
	  "\"max_tokens\": 300}" },
	{ "{\"max_tokens\":1024,\"messages\":[{\"role\":\"user\",\"content\":\"Hello\"}],"
	  "\"metadata\":{\"user_id\":\"u\"},\"model\":\"claude-x\",\"stream\":false}",
	  "claude-x", 0, 1024,
	  "{\"max_tokens\":1024,\"messages\":[{\"role\":\"user\",\"content\":\"Hello\"}],"
	  "\"metadata\":{\"user_id\":\"u\"},\"model\":" NEW ",\"stream\":false}" },
	{ "{\"input\":[\"a\",\"b\"],\"model\":\"e\",\"encoding_format\":\"base64\"}", "e", 0, -1,
	  "{\"input\":[\"a\",\"b\"],\"model\":" NEW ",\"encoding_format\":\"base64\"}" },
	{ "{\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":{"
	  "\"type\":"
	  "\"object\",\"properties\":{\"model\":{\"type\":\"string\"},\"stream\":{\"type\":"
	  "\"boolean\"}}}}}],\"model\":\"m\"}",
	  "m", 0, -1,
	  "{\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":{"
	  "\"type\":"
	  "\"object\",\"properties\":{\"model\":{\"type\":\"string\"},\"stream\":{\"type\":"
	  "\"boolean\"}}}}}],\"model\":" NEW "}" },
};

static struct openai_body read_good(struct gh_str bytes)
{
	char text[OPENAI_FAULT_TEXT];
	struct openai_fault f;
	struct openai_body b;

	if (openai_body_read(bytes, &b, &f))
		fail_msg("'" GH_FMT "': %s", GH_ARG(bytes), openai_fault_text(&f, text).at);
	return b;
}

static void what_counts_is_found_wherever_it_stands(void **state)
{
	(void)state;
	for (size_t i = 0; i < GH_COUNT_OF(good); i++) {
		const struct good *g = &good[i];
		struct gh_str bytes = exactly(gh_str(g->body));
		struct openai_body b = read_good(bytes);

		if (b.has_model != !(g->flags & NO_MODEL) ||
		    !gh_str_is(openai_body_model(&b), g->model))
			fail_msg("%s: model '" GH_FMT "'", g->body, GH_ARG(openai_body_model(&b)));
		if (b.streams != !!(g->flags & STREAMS) || b.asks_usage != !!(g->flags & ASKS))
			fail_msg("%s: streams %d, asks %d", g->body, b.streams, b.asks_usage);
		if (b.max_tokens != g->max_tokens)
			fail_msg("%s: at most %lld", g->body, (long long)b.max_tokens);
		if (gh_json_type(b.user) != (g->flags & USER ? GH_JSON_STRING : GH_JSON_NONE))
			fail_msg("%s: user", g->body);
		free((char *)bytes.at);
	}
}

static void an_edit_changes_no_other_byte(void **state)
{
	char json[OPENAI_NAME_JSON];
	struct openai_name name = name_of("new/\"x\"", json);

	(void)state;
	/* In either order of asking. */
	for (size_t i = 0; i < 2 * GH_COUNT_OF(good); i++) {
		const struct good *g = &good[i / 2];
		struct gh_str bytes = exactly(gh_str(g->body)), got;
		struct openai_body b = read_good(bytes), again;
		struct openai_splices s;

		openai_splices_init(&s, &b);
		if (i % 2)
			openai_splices_ask_usage(&s);
		openai_splices_model(&s, &name);
		if (i % 2 == 0)
			openai_splices_ask_usage(&s);
		got = spliced(&s);
		/* What is put in at one place comes in the order of asking. */
		if (i % 2 == 0 || !(g->flags & NO_MODEL)) {
			if (!gh_str_is(got, g->edited))
				fail_msg("%s\nbecame " GH_FMT, g->body, GH_ARG(got));
		}
		again = read_good(got);
		assert_true(gh_str_is(openai_body_model(&again), "new/\"x\""));
		assert_int_equal(again.asks_usage, b.streams || b.asks_usage);
		assert_int_equal(again.max_tokens, b.max_tokens);
		free((char *)got.at);
		free((char *)bytes.at);
	}
}

static void without_an_edit_all_is_as_it_was(void **state)
{
	(void)state;
	for (size_t i = 0; i < GH_COUNT_OF(good); i++) {
		struct openai_body b = read_good(gh_str(good[i].body));
		struct openai_splices s;

		openai_splices_init(&s, &b);
		struct gh_str got = spliced(&s);
		assert_true(gh_str_is(got, good[i].body));
		free((char *)got.at);
	}
}

struct bad {
	struct gh_str body;
	const char *param;
	size_t offset, line, column;
};

#define BAD(text, ...) \
	{ \
		GH_STR_INIT(text), __VA_ARGS__ \
	}

static const struct bad bad[] = {
	/* No JSON. */
	BAD("", NULL, 0, 1, 1),
	BAD(" \n ", NULL, 3, 2, 2),
	BAD("{", NULL, 1, 1, 2),
	BAD("{\"model\"", NULL, 8, 1, 9),
	BAD("{\"model\":", NULL, 9, 1, 10),
	BAD("{\"model\":\"m\"", NULL, 12, 1, 13),
	BAD("{\"model\":\"m\",", NULL, 13, 1, 14),
	BAD("{\"model\":\"m\",}", NULL, 13, 1, 14),
	BAD("{\"model\":\"m\"}}", NULL, 13, 1, 14),
	BAD("{\"model\":\"m\"}{}", NULL, 13, 1, 14),
	BAD("{\"model\":\"m\"} x", NULL, 14, 1, 15),
	BAD("{\"model\":\"m\"}\0", NULL, 13, 1, 14),
	BAD("{\n  \"model\": \"m\",\n  stream: true\n}", NULL, 20, 3, 3),
	BAD("{'model':'m'}", NULL, 1, 1, 2),
	BAD("{\"model\":\"m\" \"a\":1}", NULL, 13, 1, 14),
	BAD("{\"model\"=\"m\"}", NULL, 8, 1, 9),
	BAD("{\"model\":\"m\",\"t\":.5}", NULL, 17, 1, 18),
	BAD("{\"model\":\"m\",\"t\":01}", NULL, 18, 1, 19),
	BAD("{\"model\":\"m\",\"t\":True}", NULL, 17, 1, 18),
	BAD("{\"model\":\"m\",\"t\":NaN}", NULL, 17, 1, 18),
	BAD("{\"model\":\"m\",\"t\":[1,2}", NULL, 21, 1, 22),
	BAD("{\"model\":\"m\",\"t\":[1,]}", NULL, 20, 1, 21),
	BAD("{\"model\":\"m\\x\"}", NULL, 11, 1, 12),
	BAD("{\"model\":\"m\n\"}", NULL, 11, 1, 12),
	BAD("{\"model\":\"\xff\"}", NULL, 10, 1, 11),
	BAD("{\"model\":\"\xc0\xaf\"}", NULL, 10, 1, 11),
	BAD("{\"model\":\"\xed\xa0\x80\"}", NULL, 10, 1, 11),
	BAD("{\"a\":\"\\ud800\"}", NULL, 6, 1, 7),
	BAD("{\"a\":\"\xc3\xa4\",\n\"\xc3\xa4\": \xc3\xa4}", NULL, 17, 2, 6),
	BAD("\xef\xbb\xbf{}", NULL, 0, 1, 1),
	BAD("{\"model\":\"m\"/**/}", NULL, 12, 1, 13),
	BAD("model=m&stream=true", NULL, 0, 1, 1),
	BAD("<html>", NULL, 0, 1, 1),
	/* No object. */
	BAD("[]", NULL, 0, 1, 1),
	BAD(" \"model\"", NULL, 1, 1, 2),
	BAD("\n17", NULL, 1, 2, 1),
	BAD("null", NULL, 0, 1, 1),
	BAD("[{\"model\":\"m\"}]", NULL, 0, 1, 1),
	/* Twice. */
	BAD("{\"model\":\"m\",\"model\":\"m\"}", "model", 13, 1, 14),
	/* Of several the first, but before all that it is no JSON. */
	BAD("{\"model\":1,\"stream\":1}", "model", 9, 1, 10),
	BAD("{\"model\":1,\"stream\":tru}", NULL, 20, 1, 21),
	BAD("{\"model\":\"m\",\n\"mod\\u0065l\":\"n\"}", "model", 14, 2, 1),
	BAD("{\"\\u006dodel\":null,\"model\":\"n\"}", "model", 19, 1, 20),
	BAD("{\"model\":null,\"model\":null}", "model", 14, 1, 15),
	BAD("{\"stream\":true,\"stream\":true}", "stream", 15, 1, 16),
	BAD("{\"stream\":true,\"\\u0073tream\":false}", "stream", 15, 1, 16),
	BAD("{\"stream_options\":{},\"stream_options\":{}}", "stream_options", 21, 1, 22),
	BAD("{\"stream_options\":null,\"stream\\u005Foptions\":{}}", "stream_options", 23, 1, 24),
	BAD("{\"stream_options\":{\"include_usage\":true,\"include_usage\":true}}",
	    "stream_options.include_usage", 40, 1, 41),
	BAD("{\"stream_options\":{\"include_usage\":true,\"\\u0069nclude_usage\":false}}",
	    "stream_options.include_usage", 40, 1, 41),
	BAD("{\"max_tokens\":1,\"max_tokens\":1}", "max_tokens", 16, 1, 17),
	BAD("{\"max_completion_tokens\":1,\"max_completion_tokens\":2}", "max_completion_tokens",
	    27, 1, 28),
	BAD("{\"max_output_tokens\":1,\"max_output_tokens\":2}", "max_output_tokens", 23, 1, 24),
	BAD("{\"user\":\"a\",\"user\":\"b\"}", "user", 12, 1, 13),
	BAD("{\"user\":\"a\",\"\\u0075\\u0073\\u0065\\u0072\":\"b\"}", "user", 12, 1, 13),
	/* Not what they must be. */
	BAD("{\"model\":7}", "model", 9, 1, 10),
	BAD("{\"model\":true}", "model", 9, 1, 10),
	BAD("{\"model\":[\"m\"]}", "model", 9, 1, 10),
	BAD("{\"model\": {\"id\":\"m\"}}", "model", 10, 1, 11),
	BAD("{\"model\":\"a\\nb\"}", "model", 9, 1, 10),
	BAD("{\"model\":\"a\\u0000\"}", "model", 9, 1, 10),
	BAD("{\"model\":\"a\x7f\"}", "model", 9, 1, 10),
	BAD("{\"stream\":\"true\"}", "stream", 10, 1, 11),
	BAD("{\"stream\":1}", "stream", 10, 1, 11),
	BAD("{\"stream\":{}}", "stream", 10, 1, 11),
	BAD("{\"stream_options\":true}", "stream_options", 18, 1, 19),
	BAD("{\"stream_options\":[]}", "stream_options", 18, 1, 19),
	BAD("{\"stream_options\":{\"include_usage\":1}}", "stream_options.include_usage", 35, 1,
	    36),
	BAD("{\"stream_options\":{\"include_usage\":\"yes\"}}", "stream_options.include_usage", 35,
	    1, 36),
	BAD("{\"max_tokens\":\"5\"}", "max_tokens", 14, 1, 15),
	BAD("{\"max_tokens\":false}", "max_tokens", 14, 1, 15),
	BAD("{\"max_completion_tokens\":[]}", "max_completion_tokens", 25, 1, 26),
	BAD("{\"max_output_tokens\":{}}", "max_output_tokens", 21, 1, 22),
	BAD("{\"user\":5}", "user", 8, 1, 9),
	BAD("{\"user\":{\"id\":5}}", "user", 8, 1, 9),
};

static void what_is_wrong_is_refused_at_its_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < GH_COUNT_OF(bad); i++) {
		const struct bad *x = &bad[i];
		struct openai_fault f = { .param = "untouched" };
		struct openai_body b = { .max_tokens = 77 };
		struct gh_str bytes = exactly(x->body);
		char text[OPENAI_FAULT_TEXT], place[64];

		if (openai_body_read(bytes, &b, &f) == 0)
			fail_msg("'" GH_FMT "' was taken", GH_ARG(x->body));
		assert_int_equal(b.max_tokens, 77);
		if (f.at.offset != x->offset || f.at.line != x->line || f.at.column != x->column)
			fail_msg("'" GH_FMT "': %zu, %zu:%zu: %s", GH_ARG(x->body), f.at.offset,
				 f.at.line, f.at.column, f.at.what);
		if (!gh_str_is(gh_str(f.param), x->param ? x->param : ""))
			fail_msg("'" GH_FMT "': %s", GH_ARG(x->body), f.param);
		openai_fault_text(&f, text);
		snprintf(place, sizeof place, " (line %zu, column %zu, byte %zu).", x->line,
			 x->column, x->offset);
		if (!strstr(text, place) || strncmp(text, x->param ? x->param : "The body", 4) != 0)
			fail_msg("%s", text);
		free((char *)bytes.at);
	}
}

static void the_sentence_says_what_and_where(void **state)
{
	char text[OPENAI_FAULT_TEXT];
	struct openai_fault f;
	struct openai_body b;

	(void)state;
	assert_int_equal(openai_body_read(GH_STR("{\"stream\":1}"), &b, &f), -1);
	assert_string_equal(openai_fault_text(&f, text).at,
			    "stream must be true or false (line 1, column 11, byte 10).");
	assert_int_equal(openai_body_read(GH_STR("[]"), &b, &f), -1);
	assert_string_equal(openai_fault_text(&f, text).at,
			    "The body cannot be read as JSON: it must be an object "
			    "(line 1, column 1, byte 0).");
}

static void depth_and_length_have_limits(void **state)
{
	char text[2048], name[OPENAI_MODEL_MAX + 2];
	struct openai_fault f;
	struct openai_body b;

	(void)state;
	for (int depth = GH_JSON_DEPTH_MAX - 2; depth <= GH_JSON_DEPTH_MAX; depth++) {
		int len = snprintf(text, sizeof text, "{\"a\":");
		for (int i = 0; i < depth; i++)
			text[len++] = '[';
		for (int i = 0; i < depth; i++)
			text[len++] = ']';
		text[len++] = '}';
		assert_int_equal(openai_body_read((struct gh_str){ text, (size_t)len }, &b, &f),
				 depth < GH_JSON_DEPTH_MAX ? 0 : -1);
	}
	memset(name, 'n', sizeof name);
	for (int more = 0; more <= 1; more++) {
		int len = snprintf(text, sizeof text, "{\"model\":\"%.*s\"}",
				   OPENAI_MODEL_MAX + more, name);
		assert_int_equal(openai_body_read((struct gh_str){ text, (size_t)len }, &b, &f),
				 -more);
	}
	assert_string_equal(f.param, "model");
}

/* Cut off after any byte it is no JSON any more, and that is said at its end or before it. */
static void a_body_that_breaks_off_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < GH_COUNT_OF(good); i++) {
		struct gh_str whole = gh_str(good[i].body);

		while (whole.len && whole.at[whole.len - 1] != '}')
			whole.len--;
		for (size_t len = 0; len < whole.len; len++) {
			struct gh_str bytes = exactly(gh_str_slice(whole, 0, len));
			struct openai_fault f;
			struct openai_body b;

			assert_int_equal(openai_body_read(bytes, &b, &f), -1);
			assert_true(f.at.offset <= len);
			free((char *)bytes.at);
		}
	}
}

static void names_are_what_can_be_written(void **state)
{
	static const char *const none[] = { "", "a\nb", "\x7f", "\xff", "\xc3", "a\x1f" };
	char json[OPENAI_NAME_JSON], longest[OPENAI_MODEL_MAX + 1];
	struct openai_name name;

	(void)state;
	for (size_t i = 0; i < GH_COUNT_OF(none); i++)
		assert_int_equal(openai_name_make(gh_str(none[i]), json, &name), -1);
	memset(longest, '"', sizeof longest);
	assert_int_equal(openai_name_make((struct gh_str){ longest, OPENAI_MODEL_MAX + 1 }, json,
					  &name),
			 -1);
	assert_int_equal(
		openai_name_make((struct gh_str){ longest, OPENAI_MODEL_MAX }, json, &name), 0);
	assert_int_equal(name.json.len, OPENAI_NAME_JSON);
	name = name_of("a\\b\"\xc3\xa4/c", json);
	assert_true(gh_str_is(name.json, "\"a\\\\b\\\"\xc3\xa4/c\""));
}

/* ---- Forms ---- */

#define DISPOSITION(name) "Content-Disposition: form-data; name=\"" name "\""
#define AUDIO \
	"--B\r\n" DISPOSITION( \
		"file") "; filename=\"a.wav\"\r\nContent-Type: audio/wav\r\n\r\nRIFF" \
			"\r\n-\r\n--\r\n\r\n\r\n"
#define MODEL(value) "--B\r\n" DISPOSITION("model") "\r\n\r\n" value "\r\n"

static const char form_type[] = "multipart/form-data; boundary=B";

struct form {
	struct gh_str body;
	const char *model;
	unsigned flags;
	struct gh_str edited; /* with the model `new/"x"` */
};

#define FORM(before, model, after, flags) \
	{ \
		GH_STR_INIT(before MODEL(model) after), model, flags, \
			GH_STR_INIT(before MODEL("new/\"x\"") after) \
	}

static const struct form forms[] = {
	FORM("", "whisper-1", "--B--\r\n", 0),
	FORM("", "whisper-1", "--B--", 0),
	FORM("", "", "--B--", 0),
	FORM(AUDIO, "org/whisper", "--B--\r\n", 0),
	FORM("", "m", AUDIO "--B--\r\n", 0),
	FORM("--B\r\n" DISPOSITION("stream") "\r\n\r\ntrue\r\n", "m", AUDIO "--B--\r\n", STREAMS),
	FORM("--B\r\n" DISPOSITION("stream") "\r\n\r\nFalse\r\n", "m", "--B--\r\n", 0),
	FORM("", "m", "--B\r\n" DISPOSITION("stream") "\r\n\r\n1\r\n--B--\r\n", STREAMS),
	/* What looks like one. */
	FORM("--B\r\n" DISPOSITION("prompt") "\r\n\r\n" DISPOSITION("model") "\r\n\r\nx\r\n", "m",
	     "--B--\r\n", 0),
	FORM("--B\r\n" DISPOSITION("a") "; filename=\"model\\\\\"\r\n\r\nx\r\n", "m", "--B--\r\n",
	     0),
	FORM("--B\r\n" DISPOSITION("a") "; filename*=UTF-8''%e2%82%ac\r\n\r\n\r\n", "m",
	     "--B--\r\n", 0),
	FORM("--B\r\n" DISPOSITION("Model") "\r\n\r\nx\r\n--B\r\n" DISPOSITION("model[]") "\r\n\r\n"
											  "y\r\n",
	     "m", "--B--\r\n", 0),
	FORM("--B\r\n" DISPOSITION("a") "\r\n\r\nx\r\n--\r\n-B\r\n\r\r\n--\r\r\n", "m", "--B--\r\n",
	     0),
	/* Other spellings of the head. */
	{ GH_STR_INIT(
		  "--B\r\ncontent-type: text/plain; charset=utf-8\r\nCONTENT-DISPOSITION:form-data"
		  ";name=model\r\nContent-Transfer-Encoding: 8bit\r\n\r\nm\xc3\xa4\r\n--B--\r\n"),
	  "m\xc3\xa4", 0,
	  GH_STR_INIT(
		  "--B\r\ncontent-type: text/plain; charset=utf-8\r\nCONTENT-DISPOSITION:form-data"
		  ";name=model\r\nContent-Transfer-Encoding: 8bit\r\n\r\nnew/\"x\"\r\n--B--\r\n") },
	/* None. */
	{ GH_STR_INIT("--B--\r\n"), "", NO_MODEL, GH_STR_INIT(MODEL("new/\"x\"") "--B--\r\n") },
	{ GH_STR_INIT(AUDIO "--B--\r\n"), "", NO_MODEL,
	  GH_STR_INIT(MODEL("new/\"x\"") AUDIO "--B--\r\n") },
};

static void a_form_tells_its_model_and_passes_unchanged(void **state)
{
	char json[OPENAI_NAME_JSON], text[OPENAI_FAULT_TEXT];
	struct openai_name name = name_of("new/\"x\"", json);

	(void)state;
	for (size_t i = 0; i < GH_COUNT_OF(forms); i++) {
		const struct form *x = &forms[i];
		struct gh_str bytes = exactly(x->body), got;
		struct openai_splices s;
		struct openai_fault f;
		struct openai_body b;

		if (openai_form_read(bytes, gh_str(form_type), &b, &f))
			fail_msg("%zu: %s", i, openai_fault_text(&f, text).at);
		if (b.has_model != !(x->flags & NO_MODEL) ||
		    !gh_str_is(openai_body_model(&b), x->model) ||
		    b.streams != !!(x->flags & STREAMS))
			fail_msg("%zu: '" GH_FMT "'", i, GH_ARG(openai_body_model(&b)));
		openai_splices_init(&s, &b);
		openai_splices_ask_usage(&s);
		got = spliced(&s);
		assert_true(gh_str_eq(got, x->body));
		free((char *)got.at);
		openai_splices_model(&s, &name);
		got = spliced(&s);
		if (!gh_str_eq(got, x->edited))
			fail_msg("%zu became " GH_FMT, i, GH_ARG(got));
		free((char *)got.at);

		/* It breaks off. */
		for (size_t len = 0; len + 2 < bytes.len; len++) {
			struct gh_str part = exactly(gh_str_slice(x->body, 0, len));
			if (openai_form_read(part, gh_str(form_type), &b, &f) == 0)
				fail_msg("%zu: %zu bytes of it were taken", i, len);
			assert_true(f.at.offset <= len && f.at.line == 0);
			free((char *)part.at);
		}
		free((char *)bytes.at);
	}
}

static void a_form_that_can_be_read_in_two_ways_is_refused(void **state)
{
#define ONE_PART(head, value) "--B\r\n" head "\r\n\r\n" value "\r\n--B--\r\n"
	static const struct {
		struct gh_str body;
		size_t offset;
	} wrong[] = {
		{ GH_STR_INIT(""), 0 },
		{ GH_STR_INIT("{}"), 0 },
		{ GH_STR_INIT("\r\n" MODEL("m") "--B--\r\n"), 0 },
		{ GH_STR_INIT("preamble\r\n" MODEL("m") "--B--\r\n"), 0 },
		{ GH_STR_INIT("--C\r\n"), 0 },
		{ GH_STR_INIT("--B--x"), 5 },
		{ GH_STR_INIT("--B--\r\nx"), 5 },
		{ GH_STR_INIT("--B--\r\n\r\n"), 5 },
		{ GH_STR_INIT("--B--\n"), 5 },
		{ GH_STR_INIT("--B \r\n"), 3 },
		{ GH_STR_INIT("--B\n"), 3 },
		{ GH_STR_INIT("--B-\r\n"), 3 },
		{ GH_STR_INIT("--B\r\n" DISPOSITION("a") "\r\n\r\nx\r\n--BC\r\n--B--"), 55 },
		{ GH_STR_INIT("--B\r\n" DISPOSITION("a") "\r\n\r\n--B--"), 49 },
		{ GH_STR_INIT("--B\r\n\r\nx\r\n--B--"), 5 },
		{ GH_STR_INIT("--B\r\nContent-Type: text/plain\r\n\r\nx\r\n--B--"), 5 },
		{ GH_STR_INIT(ONE_PART("Content-Disposition", "m")), 5 },
		{ GH_STR_INIT(ONE_PART("Content-Disposition : form-data; name=\"model\"", "m")),
		  5 },
		{ GH_STR_INIT(ONE_PART(" " DISPOSITION("model"), "m")), 5 },
		{ GH_STR_INIT(ONE_PART(DISPOSITION("model") "\r\n folded", "m")), 51 },
		{ GH_STR_INIT(ONE_PART(DISPOSITION("model") "\nX: y", "m")), 49 },
		{ GH_STR_INIT(ONE_PART(DISPOSITION("model") "\0", "m")), 49 },
		{ GH_STR_INIT(ONE_PART("Content-Disposition: attachment; name=\"model\"", "m")),
		  26 },
		{ GH_STR_INIT(ONE_PART("Content-Disposition: form-data", "m")), 26 },
		{ GH_STR_INIT(ONE_PART("Content-Disposition: form-data; name=", "m")), 26 },
		{ GH_STR_INIT(ONE_PART("Content-Disposition: form-data; name=\"model", "m")), 26 },
		{ GH_STR_INIT(ONE_PART("Content-Disposition: form-data name=\"model\"", "m")), 26 },
		{ GH_STR_INIT(ONE_PART(DISPOSITION("model") " x", "m")), 26 },
		{ GH_STR_INIT(ONE_PART(DISPOSITION("model") ";", "m")), 26 },
		{ GH_STR_INIT(ONE_PART(DISPOSITION("a") "; name=\"model\"", "m")), 47 },
		{ GH_STR_INIT(ONE_PART(DISPOSITION("a") "; NAME=model", "m")), 47 },
		{ GH_STR_INIT(ONE_PART(DISPOSITION("a") "; name*=UTF-8''model", "m")), 47 },
		{ GH_STR_INIT(ONE_PART(DISPOSITION("a\\\"; name=\\\"model"), "m")), 26 },
		{ GH_STR_INIT(ONE_PART(DISPOSITION("mo\\del"), "m")), 43 },
		{ GH_STR_INIT(ONE_PART(DISPOSITION("a") "; filename=\"\\\"; name=\"model\"", "m")),
		  26 },
		{ GH_STR_INIT(ONE_PART(DISPOSITION("a") "\r\n" DISPOSITION("model"), "m")), 68 },
		/* The fields that count. */
		{ GH_STR_INIT(MODEL("m") MODEL("m") "--B--"), 109 },
		{ GH_STR_INIT(ONE_PART(DISPOSITION("model") "; filename=\"x\"", "m")), 67 },
		{ GH_STR_INIT(ONE_PART(DISPOSITION("model") "\r\nContent-Transfer-Encoding: base64",
				       "bQ==")),
		  88 },
		{ GH_STR_INIT(MODEL("a\nb") "--B--"), 53 },
		{ GH_STR_INIT(MODEL("\xff") "--B--"), 53 },
		{ GH_STR_INIT(ONE_PART(DISPOSITION("stream"), "")), 54 },
		{ GH_STR_INIT(ONE_PART(DISPOSITION("stream"), "yes")), 54 },
		{ GH_STR_INIT("--B\r\n" DISPOSITION("stream") "\r\n\r\ntrue\r\n--B\r\n" DISPOSITION(
			  "stream") "\r\n\r\ntrue\r\n--B--"),
		  114 },
	};

	(void)state;
	for (size_t i = 0; i < GH_COUNT_OF(wrong); i++) {
		struct gh_str bytes = exactly(wrong[i].body);
		struct openai_body b = { .max_tokens = 77 };
		struct openai_fault f;

		if (openai_form_read(bytes, gh_str(form_type), &b, &f) == 0)
			fail_msg("'" GH_FMT "' was taken", GH_ARG(wrong[i].body));
		if (f.at.offset != wrong[i].offset)
			fail_msg("'" GH_FMT "': %zu: %s", GH_ARG(wrong[i].body), f.at.offset,
				 f.at.what);
		assert_int_equal(b.max_tokens, 77);
		free((char *)bytes.at);
	}
}

static void the_boundary_is_in_the_content_type(void **state)
{
	static const char seventy[] = "0123456789012345678901234567890123456789"
				      "012345678901234567890123456789";
	static const struct {
		const char *type, *boundary; /* NULL: refused */
	} types[] = {
		{ "multipart/form-data; boundary=B", "B" },
		{ "Multipart/Form-Data;boundary=\"B\"", "B" },
		{ " multipart/form-data ; charset=utf-8; BOUNDARY=B ; x=\"a;b\"", "B" },
		{ "multipart/form-data; boundary=\"a b?\"", "a b?" },
		{ "multipart/form-data; boundary=----WebKitFormBoundary7MA4YWxkTrZu0gW",
		  "----WebKitFormBoundary7MA4YWxkTrZu0gW" },
		{ "multipart/form-data", NULL },
		{ "multipart/form-data;", NULL },
		{ "multipart/form-data; boundary", NULL },
		{ "multipart/form-data; boundary=", NULL },
		{ "multipart/form-data; boundary=\"\"", NULL },
		{ "multipart/form-data; boundary=\"B", NULL },
		{ "multipart/form-data; boundary=\"B \"", NULL },
		{ "multipart/form-data; boundary=\"B\\\"\"", NULL },
		{ "multipart/form-data; boundary=B; boundary=B", NULL },
		{ "multipart/form-data; boundary=B@", NULL },
		{ "multipart/form-data; boundary=B, x", NULL },
		{ "multipart/mixed; boundary=B", NULL },
		{ "application/json", NULL },
		{ "", NULL },
	};
	char type[128], body[128];
	struct openai_fault f;
	struct openai_body b;

	(void)state;
	for (size_t i = 0; i < GH_COUNT_OF(types); i++) {
		const char *boundary = types[i].boundary;
		snprintf(body, sizeof body, "--%s--", boundary ? boundary : "B");
		if (openai_form_read(gh_str(body), gh_str(types[i].type), &b, &f) !=
		    (boundary ? 0 : -1))
			fail_msg("%s", types[i].type);
	}
	for (int more = 0; more <= 1; more++) {
		snprintf(type, sizeof type, "multipart/form-data; boundary=%s%.*s", seventy, more,
			 "x");
		snprintf(body, sizeof body, "--%s%.*s--", seventy, more, "x");
		assert_int_equal(openai_form_read(gh_str(body), gh_str(type), &b, &f), -more);
	}
	char text[OPENAI_FAULT_TEXT];
	assert_string_equal(openai_fault_text(&f, text).at,
			    "The body cannot be read as a form: the boundary in its Content-Type "
			    "is none (byte 0).");
}

static void a_part_has_no_endless_head(void **state)
{
	char body[6000];
	struct openai_fault f;
	struct openai_body b;

	(void)state;
	for (int extra = 3000; extra <= 5000; extra += 2000) {
		int len = snprintf(body, sizeof body, "--B\r\nX: ");
		memset(body + len, 'x', (size_t)extra);
		len += extra;
		len += snprintf(body + len, sizeof body - (size_t)len,
				"\r\n" DISPOSITION("model") "\r\n\r\nm\r\n--B--");
		assert_int_equal(openai_form_read((struct gh_str){ body, (size_t)len },
						  gh_str(form_type), &b, &f),
				 extra == 3000 ? 0 : -1);
	}
}

/* ---- who did not want a stream, and gets one ---- */

#define USAGE "\"stream_options\":{\"include_usage\":true}"

static const struct made_stream {
	const char *body, *streams; /* NULL: as it was */
} made_streams[] = {
	{ "{}", "{\"stream\":true," USAGE "}" },
	{ " { } ", " {\"stream\":true," USAGE " } " },
	{ "{\"model\":\"m\"}", "{\"stream\":true," USAGE ",\"model\":\"m\"}" },
	{ "{\"stream\":false}", "{" USAGE ",\"stream\":true}" },
	{ "{ \"a\":[{\"stream\":false}], \"str\\u0065am\" : null }",
	  "{" USAGE ", \"a\":[{\"stream\":false}], \"str\\u0065am\" : true }" },
	{ "{\"stream\":null,\"stream_options\":null}", "{\"stream\":true," USAGE "}" },
	{ "{\"stream_options\":null}", "{\"stream\":true," USAGE "}" },
	{ "{\"stream_options\":{},\"stream\":false}", "{" USAGE ",\"stream\":true}" },
	{ "{\"stream_options\":{\"include_usage\":false}}", "{\"stream\":true," USAGE "}" },
	{ "{\"stream_options\":{\"include_usage\":null},\"stream\":false}",
	  "{" USAGE ",\"stream\":true}" },
	{ "{\"stream_options\":{\"a\":1},\"stream\":false}",
	  "{\"stream_options\":{\"include_usage\":true,\"a\":1},\"stream\":true}" },
	{ "{" USAGE "}", "{\"stream\":true," USAGE "}" },
	{ "{" USAGE ",\"stream\":false}", "{" USAGE ",\"stream\":true}" },
	/* It streams already. */
	{ "{\"stream\":true}", NULL },
	{ "{\"stream\":true,\"stream_options\":{\"include_usage\":false}}", NULL },
	/* What llama.cpp tells of in other ways. */
	{ "{\"logprobs\":true}", NULL },
	{ "{\"logprobs\":5,\"stream\":false}", NULL },
	{ "{\"logprobs\":0}", NULL },
	{ "{\"n_probs\":2,\"logprobs\":false}", NULL },
	{ "{\"messages\":[{\"role\":\"user\"},{\"content\":\"The\",\"role\":\"assistant\"}]}",
	  NULL },
	{ "{\"messages\":[{\"role\":\"assistant\"},{\"role\":\"user\"}]}",
	  "{\"stream\":true," USAGE
	  ",\"messages\":[{\"role\":\"assistant\"},{\"role\":\"user\"}]}" },
	{ "{\"messages\":\"assistant\"}",
	  "{\"stream\":true," USAGE ",\"messages\":\"assistant\"}" },
	{ "{\"messages\":[]}", "{\"stream\":true," USAGE ",\"messages\":[]}" },
	{ "{\"logprobs\":false}", "{\"stream\":true," USAGE ",\"logprobs\":false}" },
	{ "{\"logprobs\":null}", "{\"stream\":true," USAGE ",\"logprobs\":null}" },
	{ "{\"a\":{\"logprobs\":true}}", "{\"stream\":true," USAGE ",\"a\":{\"logprobs\":true}}" },
};

static void a_request_is_made_one_that_streams(void **state)
{
	char json[OPENAI_NAME_JSON];
	struct openai_name name = name_of("new/\"x\"", json);

	(void)state;
	for (size_t i = 0; i < GH_COUNT_OF(made_streams); i++) {
		const struct made_stream *m = &made_streams[i];
		struct gh_str bytes = exactly(gh_str(m->body)), got;
		struct openai_body b = read_good(bytes), again;
		struct openai_splices s;

		openai_splices_init(&s, &b);
		assert_int_equal(openai_splices_stream(&s), m->streams != NULL);
		got = spliced(&s);
		if (!gh_str_is(got, m->streams ? m->streams : m->body))
			fail_msg("%s\nbecame " GH_FMT, m->body, GH_ARG(got));
		if (m->streams) {
			again = read_good(got);
			assert_true(again.streams && again.asks_usage);
		}
		free((char *)got.at);

		/* Beside another model, in either order of asking. */
		for (int first = 0; first < 2; first++) {
			openai_splices_init(&s, &b);
			if (first)
				openai_splices_model(&s, &name);
			openai_splices_stream(&s);
			if (!first)
				openai_splices_model(&s, &name);
			got = spliced(&s);
			again = read_good(got);
			assert_true(gh_str_is(openai_body_model(&again), "new/\"x\""));
			assert_int_equal(again.streams, b.streams || m->streams != NULL);
			free((char *)got.at);
		}
		free((char *)bytes.at);
	}
}

static void a_form_is_made_no_stream(void **state)
{
	struct gh_str bytes = GH_STR(MODEL("m") "--B--\r\n"), got;
	struct openai_splices s;
	struct openai_fault f;
	struct openai_body b;

	(void)state;
	assert_int_equal(openai_form_read(bytes, gh_str(form_type), &b, &f), 0);
	openai_splices_init(&s, &b);
	assert_false(openai_splices_stream(&s));
	got = spliced(&s);
	assert_true(gh_str_eq(got, bytes));
	free((char *)got.at);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_counts_is_found_wherever_it_stands),
		cmocka_unit_test(an_edit_changes_no_other_byte),
		cmocka_unit_test(without_an_edit_all_is_as_it_was),
		cmocka_unit_test(a_request_is_made_one_that_streams),
		cmocka_unit_test(a_form_is_made_no_stream),
		cmocka_unit_test(what_is_wrong_is_refused_at_its_place),
		cmocka_unit_test(the_sentence_says_what_and_where),
		cmocka_unit_test(depth_and_length_have_limits),
		cmocka_unit_test(a_body_that_breaks_off_is_refused),
		cmocka_unit_test(names_are_what_can_be_written),
		cmocka_unit_test(a_form_tells_its_model_and_passes_unchanged),
		cmocka_unit_test(a_form_that_can_be_read_in_two_ways_is_refused),
		cmocka_unit_test(the_boundary_is_in_the_content_type),
		cmocka_unit_test(a_part_has_no_endless_head),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
