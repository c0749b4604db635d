/* The documents about option tables have every row of them, and the schema is sound JSON. */
#include "core/config/gateway.h"
#include "core/config/near.h"
#include "unit/config/fixture.h"

static struct gh__arena arena;

static int begin_arena(void **state)
{
	(void)state;
	gh__arena_init(&arena, NULL, 0);
	return 0;
}

static int finish_arena(void **state)
{
	(void)state;
	gh__arena_finish(&arena);
	return 0;
}

static void expect(struct gh_str text, const char *what)
{
	if (!strstr(text.at, what))
		fail_msg("not there: %s\nin:\n" GH_FMT, what, GH_ARG(text));
}

/* Calls `each` for every row of a table and of those below it. */
static void for_rows(const struct gh_option *rows, struct gh_str text,
		     void (*each)(struct gh_str text, const struct gh_option *row))
{
	for (; rows && rows->name; rows++) {
		each(text, rows);
		for_rows(rows->fields, text, each);
	}
}

static void in_markdown(struct gh_str text, const struct gh_option *row)
{
	char name[100];

	snprintf(name, sizeof(name), "%s` | ", row->name);
	expect(text, name);
	expect(text, row->doc);
	if (row->fallback && *row->fallback) {
		snprintf(name, sizeof(name), " | `%s` | ", row->fallback);
		expect(text, name);
	}
}

static void the_markdown_has_every_row_of_every_table(void **state)
{
	(void)state;
	struct gh_str text = gh__describe_markdown(&arena, fixture_modules);

	for_rows(gh__gateway_rows, text, in_markdown);
	for (size_t i = 0; fixture_modules[i]; i++) {
		char heading[100];

		snprintf(heading, sizeof(heading), "\n### %s\n\n%s\n", fixture_modules[i]->name,
			 fixture_modules[i]->doc);
		expect(text, heading);
		for_rows(fixture_modules[i]->options, text, in_markdown);
	}
	expect(text, "\n## gateway.yaml\n");
	expect(text, "| `number` | number | `7` | -5 to 99 | A number. |\n");
	expect(text, "| `wait` | duration | `10s` | 10ms to 1h | A wait. |\n");
	expect(text, "| `room` | size | `64k` | 1k to 1G | A size. |\n");
	expect(text, "| `amount` | count | `2k` | 10 to 3M | A count. |\n");
	expect(text, "\n- **count**: a number, with `k`, `M` or `G` for powers of 1000: ");
	expect(text, "| `colour` | choice | `green` | `red`, `green`, `blue` | A colour. |\n");
	expect(text, "| `parts[].requests` | number | *required* | 1 to 1000 | How many. |\n");
	expect(text, "| `parts[].window` | duration | `1m` | at least 1s | In which time. |\n");
	expect(text, "| `members.NAME.level` | number | `1` | 1 to 9 | How much of it. |\n");
	expect(text, "| `inner.deep` | true or false | `false` |  | Whether it is deep. |\n");
	expect(text, "| `token` | text, secret |  | at least 8 bytes | A token. |\n");
	expect(text, "\n### bare-one\n\nHas no options.\n\nIt has no options.\n");
	expect(text, "\n- A value alone in place of a mapping `members.NAME` is its `role`.\n");
	expect(text, "\n- A value alone in place of all options is `to`.\n");
	expect(text, "| `parts` | list of mappings |  | at most 3 entries | Parts. |\n");
	expect(text, "| `listen[].address` | text | *required* |");
	expect(text, "| `listen[].tls` | list of sources |  |  | Where certificates come from");
	const char *handlers = strstr(text.at, "\n## Modules\n");
	const char *sources = strstr(text.at, "\n## Sources of certificates\n");
	assert_true(handlers && sources && handlers < sources);
	assert_true(strstr(text.at, "\n### pem\n") > sources);
	assert_true(strstr(text.at, "\n### bare-one\n") < sources);
	expect(text, "| `timeouts.head` | duration | `30s` | 1ms to 1d |");
}

static void in_plain_text(struct gh_str text, const struct gh_option *row)
{
	char name[100];

	snprintf(name, sizeof(name), "%s: ", row->name);
	expect(text, name);
	expect(text, row->doc);
}

static void a_module_alone_is_plain_text_that_fits_a_terminal(void **state)
{
	static const struct gh_module wordy = {
		.name = "wordy",
		.doc = "Goes on and on, well beyond what any line of a terminal takes, and then "
		       "some more of it.\n\nA second paragraph.",
	};

	(void)state;
	struct gh_str text = gh__describe_module(&arena, &every_module);
	for_rows(every_rows, text, in_plain_text);
	expect(text, "every\n\n  Has an option of every type.\n");
	expect(text, "\n  number: number, -5 to 99, default 7\n      A number.\n");
	expect(text, "\n  token: text, at least 8 bytes, secret\n");
	expect(gh__describe_module(&arena, &pem_module),
	       "pem, a source of certificates for `tls` of a listener\n\n  Gives certificates.\n");
	text = gh__describe_module(&arena, &wordy);
	expect(text, "\n\n  A second paragraph.\n");
	expect(text, "It has no options.\n");
	for (const char *line = text.at; *line; line += strcspn(line, "\n") + 1)
		assert_true(strcspn(line, "\n") <= 80);
}

static void in_schema(struct gh_str text, const struct gh_option *row)
{
	char name[100];

	snprintf(name, sizeof(name), "\"%s\": {", row->name);
	expect(text, name);
	expect(text, row->doc);
}

/* Strings and brackets alone, as deep as it goes: no value is looked into. */
static void assert_json(struct gh_str s)
{
	char open[64];
	size_t depth = 0;
	char last = 0;

	for (size_t i = 0; i < s.len; i++) {
		char c = s.at[i];

		if (c == ' ' || c == '\n')
			continue;
		if (c == '"') {
			for (i++; i < s.len && s.at[i] != '"'; i++) {
				assert_true((unsigned char)s.at[i] >= 0x20);
				if (s.at[i] == '\\')
					i++;
			}
			assert_true(i < s.len);
		} else if (c == '{' || c == '[') {
			assert_true(depth < sizeof(open));
			open[depth++] = c;
		} else if (c == '}' || c == ']') {
			assert_true(depth > 0 && open[--depth] == (c == '}' ? '{' : '['));
			assert_int_not_equal(last, ',');
		} else if (c == ',') {
			assert_null(memchr("{[,:", last, 4));
		}
		last = c;
	}
	assert_int_equal(depth, 0);
}

static void the_schema_has_every_row_and_is_sound(void **state)
{
	(void)state;
	struct gh_str text = gh__describe_schema(&arena, fixture_modules);

	for_rows(gh__gateway_rows, text, in_schema);
	for_rows(every_rows, text, in_schema);
	assert_json(text);
	expect(text, "{\n  \"$schema\": \"https://json-schema.org/draft/2020-12/schema\",");
	expect(text, "\"additionalProperties\": false");
	expect(text, "\"minimum\": -5,");
	expect(text, "\"maximum\": 99\n");
	expect(text, "\"default\": 7\n");
	expect(text, "\"default\": true\n");
	expect(text, "\"default\": \"10s\"\n");
	expect(text, "\"maximum\": 3000000\n");
	expect(text, "{ \"$ref\": \"#/$defs/count\" }");
	expect(text, "\"default\": \"2k\"\n");
	expect(text, "\"maxLength\": 20,");
	expect(text, "\"maxItems\": 3");
	expect(text, "\"required\": [\n    \"routes\"\n  ]");
	expect(text, "\"$ref\": \"#/$defs/handle\"");
	expect(text, "\"$ref\": \"#/$defs/tls\"");
	/* Each list offers what it takes. */
	const char *module = strstr(text.at, "    \"module\": {"),
		   *source = strstr(text.at, "    \"source\": {");
	assert_true(module && source && module < source);
	assert_true(strstr(text.at, "\"pem\"") > source);
	assert_null(strstr(source, "\"bare-one\""));
	for (size_t i = 0; fixture_modules[i]; i++) {
		char name[100];

		snprintf(name, sizeof(name), "\"%s\": {\n", fixture_modules[i]->name);
		expect(text, name);
	}
	for (size_t i = 0; colours[i]; i++) {
		char name[100];

		snprintf(name, sizeof(name), "\"%s\"", colours[i]);
		expect(text, name);
	}
}

static const char *nearest(const char *word, const char *const *candidates)
{
	struct gh__near n = gh__near_begin(gh_str(word));

	for (; *candidates; candidates++)
		gh__near_try(&n, gh_str(*candidates));
	return n.best.at ? n.best.at : "";
}

static void the_nearest_word_is_meant_and_a_far_one_is_not(void **state)
{
	static const char *const words[] = { "basic-auth",   "ratelimit",   "to",
					     "openai-proxy", "webui-proxy", NULL };

	(void)state;
	assert_string_equal(nearest("basic_auht", words), "basic-auth");
	assert_string_equal(nearest("Basic-Auth", words), "basic-auth");
	assert_string_equal(nearest("basicauth", words), "basic-auth");
	assert_string_equal(nearest("rate-limit", words), "ratelimit");
	assert_string_equal(nearest("raetlimit", words), "ratelimit");
	assert_string_equal(nearest("openaiproxy", words), "openai-proxy");
	assert_string_equal(nearest("ot", words), "to");
	assert_string_equal(nearest("xy", words), "");
	assert_string_equal(nearest("cors", words), "");
	assert_string_equal(nearest("", words), "");
	assert_string_equal(nearest("authentication", words), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_markdown_has_every_row_of_every_table,
						begin_arena, finish_arena),
		cmocka_unit_test_setup_teardown(a_module_alone_is_plain_text_that_fits_a_terminal,
						begin_arena, finish_arena),
		cmocka_unit_test_setup_teardown(the_schema_has_every_row_and_is_sound, begin_arena,
						finish_arena),
		cmocka_unit_test(the_nearest_word_is_meant_and_a_far_one_is_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
