/* YAML of every shape, and what is hostile in it: aliases, bombs, depth, broken files. */
#include "core/config/node.h"
#include "unit/config/fixture.h"

static void aliases_stand_for_what_they_name(void **state)
{
	(void)state;
	read_good("upstreams: { a: &u { to: http://b, keepalive: 1s }, c: *u }\n"
		  "routes:\n"
		  "- match: { path: /a }\n"
		  "  handle: &h\n"
		  "  - every: { word: &w text, names: [*w, *w] }\n"
		  "- match: { path: /b }\n"
		  "  handle: *h\n");
	const struct every *a = config->routes[0].handlers[0].self;
	const struct every *b = config->routes[1].handlers[0].self;

	assert_ptr_not_equal(a, b);
	assert_str(b->names.items[1], "text");
	assert_int_equal(config->upstreams[1]->keepalive.ms, 1000);
	assert_str(config->upstreams[1]->name, "c");
}

static void the_last_anchor_of_a_name_is_the_one_meant(void **state)
{
	(void)state;
	read_good("routes: [{ handle: [every: { names: [&x a, &x b, *x] }] }]\n");
	assert_str(first_every()->names.items[2], "b");
}

static void a_mistake_below_an_alias_is_told_once(void **state)
{
	(void)state;
	assert_null(read_yaml("routes:\n"
			      "- match: /a\n"
			      "  handle: &h [every: { number: x }]\n"
			      "- match: /b\n"
			      "  handle: *h\n"));
	assert_int_equal(gh__mistakes_count(mistakes), 1);
}

static void a_bomb_of_aliases_is_refused(void **state)
{
	char yaml[4096] = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";

	(void)state;
	for (int i = 1; i < 20; i++) {
		snprintf(yaml + strlen(yaml), 200, "a%d: &a%d [", i, i);
		for (int k = 0; k < 10; k++)
			snprintf(yaml + strlen(yaml), 20, "%s*a%d", k ? ", " : "", i - 1);
		snprintf(yaml + strlen(yaml), 20, "]\n");
	}
	assert_null(read_yaml(yaml));
	assert_non_null(strstr(gh__mistakes_text(mistakes).at,
			       ": the file is too large from here on: it has more than 20000 "
			       "values, counting what aliases stand for\n"));
	assert_int_equal(gh__mistakes_count(mistakes), 1);
}

static void many_values_without_aliases_are_refused_too(void **state)
{
	size_t room = 200000, len;
	char *yaml = malloc(room);

	(void)state;
	len = (size_t)snprintf(yaml, room, "routes: [");
	for (int i = 0; i < GH__NODES_MOST; i++)
		len += (size_t)snprintf(yaml + len, room - len, "x, ");
	snprintf(yaml + len, room - len, "x]\n");
	assert_null(read_yaml(yaml));
	assert_non_null(strstr(gh__mistakes_text(mistakes).at, "more than 20000 values"));
	free(yaml);
}

static void nesting_has_a_limit_which_aliases_do_not_pass(void **state)
{
	char yaml[2048] = "a: ";

	(void)state;
	for (int i = 0; i < 40; i++)
		snprintf(yaml + strlen(yaml), 3, "[");
	assert_null(read_yaml(yaml));
	assert_non_null(strstr(gh__mistakes_text(mistakes).at,
			       "gateway.yaml:1:35: this is nested more than 32 levels deep\n"));
	snprintf(yaml, sizeof(yaml), "a0: &a0 x\n");
	for (int i = 1; i < 40; i++)
		snprintf(yaml + strlen(yaml), 40, "a%d: &a%d [*a%d]\n", i, i, i - 1);
	assert_null(read_yaml(yaml));
	assert_non_null(strstr(gh__mistakes_text(mistakes).at,
			       "gateway.yaml:32:12: this is nested more than 32 levels deep\n"));
}

static void a_file_of_more_than_a_mebibyte_is_refused(void **state)
{
	size_t len = GH__SOURCE_MOST + 1;
	char *yaml = malloc(len);

	(void)state;
	memset(yaml, '#', len);
	assert_null(read_as("gateway.yaml", yaml, len, GH__READ_ALL));
	assert_str(gh__mistakes_text(mistakes),
		   "gateway.yaml: the file has 1048577 bytes, but a config may have 1048576\n");
	free(yaml);
}

/* Every construct that a config may have. */
static const char large[] =
	"\xef\xbb\xbf# A comment\n"
	"workers: auto\n"
	"timeouts: { head: 5s, 'body': \"10s\" }\n"
	"limits: &l\n"
	"  head: 8k\n"
	"trusted_proxies:\n"
	"- 127.0.0.1\n"
	"- '10.0.0.0/8'\n"
	"log: { access: off }\n"
	"admin: 127.0.0.1:9000\n"
	"upstreams:\n"
	"  studio: http://127.0.0.1:1234\n"
	"  two: { to: [http://a, \"http://b:1\"], balance: least_busy, health: { path: / } }\n"
	"listen: [\":80\", { address: unix:/run/x.sock, mode: 0600 }]\n"
	"routes:\n"
	"- name: äpi\n"
	"  match: { path: [/v1, /v2], method: GET }\n"
	"  handle:\n"
	"  - every:\n"
	"      word: |-\n"
	"        a\n"
	"        b\n"
	"      names: &n [a, \"\\x41\\u00e4\", 'it''s']\n"
	"      pairs: { a: x, b: 'y' }\n"
	"      parts: [{ requests: 1 }, { requests: 2, window: 5s }]\n"
	"      members: { bob: admin, al: { level: 2 } }\n"
	"      token: >\n"
	"        folded folded\n"
	"        text\n"
	"      users: { bob: '$argon2id$v=19$m=1,t=2,p=1$c2FsdA$aGFzaA' }\n"
	"      to: [http://a, http://b]\n"
	"  - bare-one\n"
	"- handle: [ { proxy: { to: studio } } ]\n";

static void a_file_cut_anywhere_is_a_config_or_has_mistakes(void **state)
{
	size_t taken = 0, refused = 0;

	(void)state;
	for (size_t len = 0; len < sizeof(large); len++) {
		/* Of the exact size, so that a sanitizer sees a read past its end. */
		char *cut = malloc(len ? len : 1);

		memcpy(cut, large, len);
		if (read_as("gateway.yaml", cut, len, GH__READ_ALL)) {
			assert_int_equal(gh__mistakes_count(mistakes), 0);
			taken++;
		} else {
			assert_true(gh__mistakes_count(mistakes) > 0);
			assert_true(gh__mistakes_text(mistakes).len > 0);
			refused++;
		}
		free(cut);
	}
	assert_true(taken >= 1);
	assert_true(refused > sizeof(large) / 2);
	read_good(large);
	assert_str(first_every()->word, "a\nb");
	assert_str(first_every()->names.items[1], "Aä");
	assert_str(first_every()->names.items[2], "it's");
	assert_str(first_every()->token, "folded folded text\n");
}

static void a_file_with_any_byte_changed_is_a_config_or_has_mistakes(void **state)
{
	static const char others[] = { 0,   '\t', '\n', ' ', '"', '\'',   '#',
				       '&', '*',  ',',  '-', ':', '[',    ']',
				       '{', '}',  '|',  '!', '<', '\x80', '\xff' };
	char copy[sizeof(large)];
	size_t len = sizeof(large) - 1;

	(void)state;
	for (size_t i = 0; i < len; i++) {
		memcpy(copy, large, len);
		copy[i] = others[i % sizeof(others)];
		bool taken = read_as("gateway.yaml", copy, len, GH__READ_ALL) != NULL;
		assert_int_equal(taken, gh__mistakes_count(mistakes) == 0);
		assert_true(gh__mistakes_text(mistakes).at != NULL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(aliases_stand_for_what_they_name, forget),
		cmocka_unit_test_teardown(the_last_anchor_of_a_name_is_the_one_meant, forget),
		cmocka_unit_test_teardown(a_mistake_below_an_alias_is_told_once, forget),
		cmocka_unit_test_teardown(a_bomb_of_aliases_is_refused, forget),
		cmocka_unit_test_teardown(many_values_without_aliases_are_refused_too, forget),
		cmocka_unit_test_teardown(nesting_has_a_limit_which_aliases_do_not_pass, forget),
		cmocka_unit_test_teardown(a_file_of_more_than_a_mebibyte_is_refused, forget),
		cmocka_unit_test_teardown(a_file_cut_anywhere_is_a_config_or_has_mistakes, forget),
		cmocka_unit_test_teardown(a_file_with_any_byte_changed_is_a_config_or_has_mistakes,
					  forget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
