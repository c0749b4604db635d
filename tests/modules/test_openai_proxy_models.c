/* Which model is meant, who has it, and what is listed: with real servers behind, and by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <gatehouse/json.h>
#include <gatehouse/test.h>

#include "modules/openai-proxy/list_show.h"
#include "modules/openai-proxy/near.h"
#include "tests/modules/openai_proxy_server.h"

/* ---- a module that does nothing but look models up ---- */

struct looks {
	struct gh_upstream_ref to;
	struct gh_named models;
	struct gh_str preset;
	struct openai_models *table;
};

static const struct gh_option options[] = {
	GH_OPTION(struct looks, to, NULL, "The rest."),
	GH_OPTION(struct looks, models, NULL, "The table.", .fields = openai_model_options,
		  .item_size = sizeof(struct openai_model_option)),
	{ .name = "default",
	  .type = GH_TYPE_STRING,
	  .offset = offsetof(struct looks, preset),
	  .doc = "For none." },
	GH_OPTIONS_END
};

struct looks_state {
	struct openai_search search;
};

static int provision(struct gh_instance *in, void *self)
{
	struct looks *l = self;

	l->table = openai_models_make(in, l->to, l->models, l->preset);
	return l->table ? 0 : -1;
}

static struct gh_str last_part(struct gh_str path)
{
	const char *slash = memrchr(path.at, '/', path.len);

	return gh_str_slice(path, (size_t)(slash + 1 - path.at), path.len);
}

/* `SERVER NAME-AS-JSON MODEL`, with `-` for a name that stays as it is, and fallbacks behind `>`. */
static enum gh_verdict tell(struct gh_step *s)
{
	const struct looks_state *state = s->state;
	const struct openai_target *t = state->search.target;
	struct gh_str text = GH_STR("");

	for (const char *arrow = ""; t; t = t->fallback, arrow = " > ")
		text = gh_printf(s->req, GH_FMT "%s" GH_FMT " " GH_FMT, GH_ARG(text), arrow,
				 GH_ARG(last_part(gh_upstream_name(t->upstream))),
				 GH_ARG(t->name.text.len ? t->name.json : GH_STR("-")));
	text = gh_printf(s->req, GH_FMT " [" GH_FMT "]", GH_ARG(text), GH_ARG(s->req->model));
	return gh_respond(s, 200, GH_STR("text/plain"), text);
}

static void bind_caller(struct gh_step *s, struct gh_str list)
{
	struct gh_grant *grant = gh_alloc(s->req, sizeof *grant);
	struct gh_str *names = gh_alloc(s->req, 32 * sizeof *names);

	while (list.len) {
		const char *comma = memchr(list.at, ',', list.len);
		size_t len = comma ? (size_t)(comma - list.at) : list.len;
		names[grant->model_count++] = gh_str_slice(list, 0, len);
		list = gh_str_slice(list, len + 1, list.len);
	}
	grant->models = names;
	gh_set_grant(s->req, grant);
}

static enum gh_verdict on_request(struct gh_step *s)
{
	const struct looks *l = s->self;
	const struct gh_header *bound = gh_header_find(&s->req->headers, GH_STR("x-bound"));
	enum gh_verdict v;

	if (bound)
		bind_caller(s, gh_header_value(bound));
	if (gh_header_find(&s->req->headers, GH_STR("x-begins"))) {
		struct openai_list_waiter waiter;
		assert_int_equal(openai_list_join(l->table->sources[0].keep, s, 10000, NULL,
						  &waiter),
				 OPENAI_LIST_ASK);
		return gh_respond(s, 200, GH_STR("text/plain"), GH_STR("begun"));
	}
	if (openai_models_is_path(s->req->path)) {
		v = openai_models_answer(s, l->table);
		return v == GH_NEXT ? gh_respond(s, 200, GH_STR("text/plain"), GH_STR("passed"))
				    : v;
	}
	v = openai_models_find(s, l->table, gh_header_get(&s->req->headers, GH_STR("x-asks")),
			       tell);
	return v == GH_NEXT ? tell(s) : v;
}

static const struct gh_module looks = {
	.name = "looks",
	.doc = "Looks models up.",
	.options = options,
	.self_size = sizeof(struct looks),
	.state_size = sizeof(struct looks_state),
	.shape = GH_SHAPE_OPENAI,
	.provision = provision,
	.on_request = on_request,
};

/* ---- the scene: two servers, a and b, and none at c ---- */

struct scene {
	char dir[32];
	struct server a, b;
	struct gh_test *t;
};

static int set_up(void **state)
{
	struct scene *s = calloc(1, sizeof *s);

	memcpy(s->dir, "/tmp/gh-models-XXXXXX", 22);
	if (!mkdtemp(s->dir))
		return -1;
	server_start(&s->a, s->dir, "a");
	server_start(&s->b, s->dir, "b");
	*state = s;
	return 0;
}

static int tear_down(void **state)
{
	struct scene *s = *state;

	gh_test_end(s->t);
	server_end(&s->a);
	server_end(&s->b);
	rmdir(s->dir);
	free(s);
	return 0;
}

/* `@` stands for a server's address up to its name. */
static char *with_addresses(const struct scene *s, const char *yaml)
{
	size_t size = strlen(yaml) * (sizeof s->dir + 8) + 1, len = 0;
	char *to = malloc(size);

	for (; *yaml; yaml++) {
		if (*yaml == '@')
			len += (size_t)snprintf(to + len, size - len, "unix:%s/", s->dir);
		else
			to[len++] = *yaml;
	}
	to[len] = 0;
	return to;
}

static void begin(struct scene *s, const char *yaml)
{
	char *all = with_addresses(s, yaml);

	s->t = gh_test_begin(&looks, all);
	free(all);
	if (!s->t)
		fail_msg("%s", gh_test_mistakes());
}

#define TABLE \
	"models:\n" \
	"  local: { to: \"@a\", name: org/seven }\n" \
	"  big: { to: \"@b\", name: 'say \"hi\"', fallback: local }\n" \
	"  same: { to: \"@b\", name: org/seven }\n" \
	"  plain: { to: \"@b\" }\n"

static const struct gh_test_answer *ask(struct scene *s, const char *model, const char *bound)
{
	char headers[1024];

	snprintf(headers, sizeof headers, "x-asks: %s\r\n%s%s%s", model, bound ? "x-bound: " : "",
		 bound ? bound : "", bound ? "\r\n" : "");
	return gh_test_send(s->t, "POST", "/v1/chat/completions", headers, NULL);
}

static void expect_found(struct scene *s, const char *model, const char *bound, const char *what)
{
	const struct gh_test_answer *a = ask(s, model, bound);

	if (a->status != 200)
		fail_msg("%s: %d %s", model, a->status, a->body);
	assert_string_equal(a->body, what);
}

static void expect_unknown(struct scene *s, const char *model, const char *bound,
			   const char *message)
{
	const struct gh_test_answer *a = ask(s, model, bound);
	char body[1024];

	snprintf(body, sizeof body,
		 "{\"error\":{\"message\":\"%s\",\"type\":\"invalid_request_error\","
		 "\"param\":null,\"code\":%s}}",
		 message, *model ? "\"model_not_found\"" : "null");
	assert_string_equal(a->body, body);
	assert_int_equal(a->status, *model ? 404 : 400);
}

static const struct gh_test_answer *get(struct scene *s, const char *target, const char *headers)
{
	return gh_test_send(s->t, "GET", target, headers, NULL);
}

static void expect_got(struct scene *s, const char *target, const char *headers, const char *body)
{
	const struct gh_test_answer *a = get(s, target, headers);

	assert_string_equal(a->body, body);
	assert_int_equal(a->status, 200);
	assert_string_equal(gh_test_header(a, "content-type"), "application/json");
}

/* ---- which model is meant ---- */

static void an_alias_is_its_server_and_the_name_there(void **state)
{
	struct scene *s = *state;

	begin(s, TABLE);
	expect_found(s, "local", NULL, "a \"org/seven\" [local]");
	expect_found(s, "big", NULL, "b \"say \\\"hi\\\"\" > a \"org/seven\" [big]");
	expect_found(s, "plain", NULL, "b \"plain\" [plain]");
	assert_int_equal(server_asked(&s->a) + server_asked(&s->b), 0);
}

static void a_real_name_is_the_first_entry_that_has_it(void **state)
{
	struct scene *s = *state;

	begin(s, TABLE);
	expect_found(s, "org/seven", NULL, "a \"org/seven\" [org/seven]");
	expect_found(s, "org/seven", "same", "b \"org/seven\" [org/seven]");
	expect_found(s, "org/seven", "org/seven", "a \"org/seven\" [org/seven]");
	assert_int_equal(server_asked(&s->a) + server_asked(&s->b), 0);
}

static void who_asks_for_nothing_gets_the_default(void **state)
{
	struct scene *s = *state;

	begin(s, TABLE "default: big\n");
	expect_found(s, "", NULL, "b \"say \\\"hi\\\"\" > a \"org/seven\" [big]");
	expect_found(s, "", "local,big", "b \"say \\\"hi\\\"\" > a \"org/seven\" [big]");
	expect_unknown(s, "", "local",
		       "This request names no model, and there is no default for this caller. "
		       "There are: local.");
}

static void without_a_default_a_model_must_be_named(void **state)
{
	struct scene *s = *state;

	begin(s, TABLE);
	expect_unknown(s, "", NULL,
		       "This request names no model, and there is no default for this caller. "
		       "There are: local, big, same, plain.");
}

static void a_server_for_the_rest_takes_what_the_table_does_not_know(void **state)
{
	struct scene *s = *state;

	begin(s, "to: \"@a\"\nmodels:\n  far: { to: \"@b\" }\n");
	server_says(&s->b, 200, "{\"data\":[{\"id\":\"theirs\"}]}");
	expect_found(s, "far", NULL, "b \"far\" [far]");
	expect_found(s, "", NULL, "a - []");
	expect_found(s, "anything", NULL, "a - [anything]");
	expect_found(s, "theirs", NULL, "b - [theirs]");
	assert_int_equal(server_asked(&s->a), 0);
	assert_int_equal(server_asked(&s->b), 1);
	gh_test_advance(s->t, 59000);
	expect_found(s, "anything", NULL, "a - [anything]");
	assert_int_equal(server_asked(&s->b), 0);
}

static void one_server_alone_is_asked_for_nothing_on_the_side(void **state)
{
	struct scene *s = *state;

	begin(s, "to: \"@a\"\n");
	expect_found(s, "anything", NULL, "a - [anything]");
	expect_found(s, "", NULL, "a - []");
	expect_found(s, "mine", "mine", "a - [mine]");
	expect_unknown(s, "anything", "mine,other",
		       "There is no model 'anything' for this caller. There are: mine, other.");
	/* It would take whichever it likes. */
	expect_unknown(s, "", "mine",
		       "This request names no model, and there is no default for this caller. "
		       "There are: mine.");
	assert_int_equal(server_asked(&s->a), 0);
}

static void what_servers_report_can_be_asked_for(void **state)
{
	struct scene *s = *state;

	begin(s, TABLE);
	server_says(&s->a, 200, "{\"data\":[{\"id\":\"both\"},{\"id\":\"of-a\"}]}");
	server_says(&s->b, 200, "{\"data\":[{\"id\":\"both\"},{\"id\":\"of-b\"}]}");
	expect_found(s, "of-b", NULL, "b - [of-b]");
	expect_found(s, "of-a", NULL, "a - [of-a]");
	expect_found(s, "both", NULL, "a - [both]");
	assert_int_equal(server_asked(&s->a), 1);
	assert_int_equal(server_asked(&s->b), 1);
	/* What is known may be as old as a minute. */
	gh_test_advance(s->t, 59000);
	expect_found(s, "of-b", NULL, "b - [of-b]");
	assert_int_equal(server_asked(&s->a) + server_asked(&s->b), 0);
	gh_test_advance(s->t, 2000);
	expect_found(s, "of-b", NULL, "b - [of-b]");
	assert_int_equal(server_asked(&s->a), 1);
	assert_int_equal(server_asked(&s->b), 1);
}

static void an_unknown_model_is_asked_for_once_in_ten_seconds(void **state)
{
	struct scene *s = *state;

	begin(s, TABLE);
	expect_unknown(s, "nowhere", NULL,
		       "There is no model 'nowhere' for this caller. There are: local, big, same, "
		       "plain.");
	assert_int_equal(server_asked(&s->a), 1);
	assert_int_equal(server_asked(&s->b), 1);
	server_says(&s->b, 200, "{\"data\":[{\"id\":\"nowhere\"}]}");
	gh_test_advance(s->t, 9900);
	assert_int_equal(ask(s, "nowhere", NULL)->status, 404);
	assert_int_equal(ask(s, "elsewhere", NULL)->status, 404);
	assert_int_equal(server_asked(&s->a) + server_asked(&s->b), 0);
	gh_test_advance(s->t, 200);
	expect_found(s, "nowhere", NULL, "b - [nowhere]");
	assert_int_equal(server_asked(&s->a), 1);
	assert_int_equal(server_asked(&s->b), 1);
}

static void a_model_that_is_not_the_callers_is_unknown_like_any_other(void **state)
{
	struct scene *s = *state;

	begin(s, TABLE "to: \"@a\"\n");
	server_says(&s->a, 200, "{\"data\":[{\"id\":\"of-a\"}]}");
	server_says(&s->b, 200, "{\"data\":[{\"id\":\"of-b\"}]}");
	expect_unknown(s, "local", "big",
		       "There is no model 'local' for this caller. There are: big.");
	expect_unknown(s, "org/seven", "big",
		       "There is no model 'org/seven' for this caller. There are: big.");
	expect_unknown(s, "of-b", "big",
		       "There is no model 'of-b' for this caller. There are: big.");
	expect_unknown(s, "of-nobody", "big",
		       "There is no model 'of-nobody' for this caller. There are: big.");
	/* None of this is worth a question. */
	assert_int_equal(server_asked(&s->a) + server_asked(&s->b), 0);
	expect_found(s, "big", "big", "b \"say \\\"hi\\\"\" > a \"org/seven\" [big]");
	expect_found(s, "of-b", "big,of-b", "b - [of-b]");
	/* A real name lets nobody ask for the alias. */
	assert_int_equal(ask(s, "local", "org/seven")->status, 404);
}

static void an_error_names_twenty_models_and_counts_the_rest(void **state)
{
	struct scene *s = *state;
	char body[2048] = "{\"data\":[", name[64];
	size_t len = strlen(body);

	for (int i = 0; i < 30; i++)
		len += (size_t)snprintf(body + len, sizeof body - len, "%s{\"id\":\"m%02d\"}",
					i ? "," : "", i);
	snprintf(body + len, sizeof body - len, "]}");
	begin(s, "models:\n  local: { to: \"@a\" }\n");
	server_says(&s->a, 200, body);
	expect_unknown(s, "nowhere", NULL,
		       "There is no model 'nowhere' for this caller. There are: local, m00, m01, "
		       "m02, m03, m04, m05, m06, m07, m08, m09, m10, m11, m12, m13, m14, m15, m16, "
		       "m17, m18 and 11 more.");
	/* However long a name is, and wherever its characters end. */
	memset(name, 'x', 63);
	name[63] = 0;
	char asked[400], told[400];
	snprintf(asked, sizeof asked, "%s%s%s", name, "xxxxxxxxxxxxxxxx\xc3\xa4", name);
	snprintf(told, sizeof told, "There is no model '%sxxxxxxxxxxxxxxxx...' for", name);
	const struct gh_test_answer *a = ask(s, asked, NULL);
	assert_int_equal(a->status, 404);
	assert_non_null(strstr(a->body, told));
	assert_non_null(strstr(a->body, " more.\""));
}

/* ---- lists ---- */

#define OURS(id) "{\"id\":\"" id "\",\"object\":\"model\",\"created\":0,\"owned_by\":\"gatehouse\"}"

static void the_list_is_ours_and_then_theirs(void **state)
{
	struct scene *s = *state;

	begin(s, TABLE);
	server_says(&s->a, 200,
		    "{\"object\":\"list\",\"data\":[\n"
		    " {\"object\": \"model\", \"id\" : \"org\\/seven\", \"created\":7, "
		    "\"owned_by\":\"org\", \"meta\":{\"id\":\"x\"}},\n"
		    " {\"id\":\"big\"}, {\"id\":\"of-a\",\"owned_by\":null} ]}");
	server_says(&s->b, 200,
		    "{\"data\":[{\"id\":\"org/seven\",\"created\":8,\"owned_by\":\"b\"},"
		    "{\"id\":\"of-b\",\"created\":9},{\"id\":\"of-b\",\"created\":10},"
		    "{\"id\":\"of-a\",\"created\":11}]}");
	expect_got(s, "/v1/models", NULL,
		   "{\"object\":\"list\",\"data\":["
		   "{\"object\": \"model\", \"id\" : \"local\", \"created\":7, "
		   "\"owned_by\":\"org\", \"meta\":{\"id\":\"x\"}}," OURS(
			   "big") ","
				  "{\"id\":\"same\",\"created\":8,\"owned_by\":\"b\",\"object\":"
				  "\"model\"}," OURS(
					  "plain") ","
						   "{\"object\": \"model\", \"id\" : "
						   "\"org\\/seven\", \"created\":7, "
						   "\"owned_by\":\"org\", \"meta\":{\"id\":\"x\"}},"
						   "{\"id\":\"of-a\",\"owned_by\":null,\"object\":"
						   "\"model\",\"created\":0},"
						   "{\"id\":\"of-b\",\"created\":9,\"object\":"
						   "\"model\",\"owned_by\":\"gatehouse\"}"
						   "]}");
	/* And is kept for a while. */
	assert_int_equal(server_asked(&s->a), 1);
	assert_int_equal(get(s, "/v1/models", NULL)->status, 200);
	assert_int_equal(get(s, "/v1/models/", NULL)->status, 200);
	assert_int_equal(server_asked(&s->a), 0);
	gh_test_advance(s->t, 10100);
	assert_int_equal(get(s, "/v1/models", NULL)->status, 200);
	assert_int_equal(server_asked(&s->a), 1);
}

static void a_caller_sees_what_they_may_ask_for(void **state)
{
	struct scene *s = *state;

	begin(s, TABLE "to: \"@a\"\n");
	server_says(&s->a, 200, "{\"data\":[{\"id\":\"org/seven\"},{\"id\":\"of-a\"}]}");
	server_says(&s->b, 200, "{\"data\":[{\"id\":\"of-b\"}]}");
	expect_got(s, "/v1/models", "x-bound: plain,of-b,nothing\r\n",
		   "{\"object\":\"list\",\"data\":[" OURS(
			   "plain") ","
				    "{\"id\":\"of-b\",\"object\":\"model\",\"created\":0,"
				    "\"owned_by\":\"gatehouse\"}]}");
	/* Who may ask for an alias may ask for what it stands for. */
	expect_got(s, "/v1/models", "x-bound: local\r\n",
		   "{\"object\":\"list\",\"data\":[" OURS("local") "," OURS("org/seven") "]}");
	expect_got(s, "/v1/models", "x-bound: nothing\r\n", "{\"object\":\"list\",\"data\":[]}");
	assert_int_equal(get(s, "/v1/models/of-a", "x-bound: of-b\r\n")->status, 404);
	assert_int_equal(get(s, "/v1/models/of-b", "x-bound: of-b\r\n")->status, 200);
}

static void every_name_that_is_listed_can_be_asked_for(void **state)
{
	static const char *const bounds[] = { NULL, "local", "same,of-a", "org/seven", "of-b,big" };
	struct scene *s = *state;

	begin(s, TABLE);
	server_says(&s->a, 200, "{\"data\":[{\"id\":\"org/seven\"},{\"id\":\"of-a\"}]}");
	server_says(&s->b, 200, "{\"data\":[{\"id\":\"of-b\"},{\"id\":\"big\"}]}");
	for (size_t i = 0; i < GH_COUNT_OF(bounds); i++) {
		char bound[64] = "", *list;
		struct gh_json root, data, item, id;
		struct gh_str text;
		size_t count = 0;
		if (bounds[i])
			snprintf(bound, sizeof bound, "x-bound: %s\r\n", bounds[i]);
		list = strdup(get(s, "/v1/models", bound)->body);
		assert_int_equal(gh_json_parse(gh_str(list), &root, NULL), 0);
		gh_json_get(root, GH_STR("data"), &data);
		struct gh_json_iterator it = gh_json_each(data);
		for (; gh_json_next(&it, NULL, &item); count++) {
			char name[64];
			gh_json_get(item, GH_STR("id"), &id);
			assert_true(gh_json_plain(id, &text));
			snprintf(name, sizeof name, GH_FMT, GH_ARG(text));
			assert_int_equal(ask(s, name, bounds[i])->status, 200);
		}
		assert_true(count > 0);
		free(list);
	}
}

#define ANTHROPIC "anthropic-version: 2023-06-01\r\n"
#define THEIRS(id, name, at) \
	"{\"type\":\"model\",\"id\":\"" id "\",\"display_name\":\"" name "\",\"created_at\":\"" at \
	"\"}"
#define LONG_AGO "1970-01-01T00:00:00Z"

static void anthropics_clients_read_their_own_shape(void **state)
{
	struct scene *s = *state;

	begin(s, TABLE);
	server_says(&s->a, 200,
		    "{\"data\":[{\"id\":\"org/seven\",\"created\":1700000000},"
		    "{\"id\":\"claude\",\"type\":\"model\",\"display_name\":\"C \\\"l\\\"\","
		    "\"created_at\":\"2026-01-02T03:04:05Z\"},"
		    "{\"id\":\"odd\",\"display_name\":7,\"created_at\":\"yesterday\\\"\"}]}");
	expect_got(
		s, "/v1/models", ANTHROPIC,
		"{\"data\":[" THEIRS("local", "local", "2023-11-14T22:13:20Z") "," THEIRS("big", "big", LONG_AGO) "," THEIRS(
			"same", "same",
			LONG_AGO) "," THEIRS("plain", "plain",
					     LONG_AGO) "," THEIRS("org/seven", "org/seven",
								  "2023-11-14T22:13:"
								  "20Z") "," THEIRS("cl"
										    "au"
										    "d"
										    "e",
										    "C "
										    "\\"
										    "\""
										    "l"
										    "\\"
										    "\"",
										    "20"
										    "26"
										    "-0"
										    "1-"
										    "02"
										    "T0"
										    "3:"
										    "04"
										    ":0"
										    "5"
										    "Z") "," THEIRS("odd",
												    "odd",
												    LONG_AGO) "],\"has_more\":false,\"first_id\":\"local\",\"last_id\":\"odd\"}");
	expect_got(s, "/v1/models/claude", ANTHROPIC,
		   THEIRS("claude", "C \\\"l\\\"", "2026-01-02T03:04:05Z"));
	const struct gh_test_answer *a = get(s, "/v1/models/nowhere", ANTHROPIC);
	assert_int_equal(a->status, 404);
	assert_string_equal(a->body, "{\"type\":\"error\",\"error\":{\"type\":\"not_found_error\","
				     "\"message\":\"There is no model 'nowhere' for this caller. "
				     "There are: local, big, same, plain, org/seven, claude, "
				     "odd.\"}}");
}

static void anthropics_clients_may_turn_pages(void **state)
{
	static const struct {
		const char *query, *first, *last;
		bool more;
	} pages[] = {
		{ "limit=2", "local", "big", true },
		{ "limit=2&after_id=big", "same", "plain", true },
		{ "after_id=plain", "org/x y", "org/x y", false },
		{ "limit=1&after_id=plain", "org/x y", "org/x y", false },
		{ "limit=2&before_id=org%2Fx%20y", "same", "plain", true },
		{ "before_id=big&limit=7", "local", "local", false },
		{ "after_id=local&before_id=plain", "big", "same", false },
		{ "after_id=local&before_id=plain&limit=1", "big", "big", true },
		{ "limit=1000", "local", "org/x y", false },
		{ "x&after_id=&y=", "local", "org/x y", false },
	};
	static const char *const wrong[] = {
		"limit=0",       "limit=1001",
		"limit=",        "limit=-1",
		"limit=2x",      "limit=99999999999999999999",
		"after_id=none", "limit=18446744073709551617",
		"after_id=%",    "before_id=%zz",
	};
	struct scene *s = *state;
	char target[128], end[128];

	begin(s, TABLE);
	server_says(&s->a, 200, "{\"data\":[{\"id\":\"org/x y\"}]}");
	for (size_t i = 0; i < GH_COUNT_OF(pages); i++) {
		snprintf(target, sizeof target, "/v1/models?%s", pages[i].query);
		snprintf(end, sizeof end,
			 "],\"has_more\":%s,\"first_id\":\"%s\",\"last_id\":\"%s\"}",
			 pages[i].more ? "true" : "false", pages[i].first, pages[i].last);
		const struct gh_test_answer *a = get(s, target, ANTHROPIC);
		if (a->status != 200 || !strstr(a->body, end))
			fail_msg("%s: %d %s", pages[i].query, a->status, a->body);
	}
	expect_got(s, "/v1/models?after_id=plain&before_id=local", ANTHROPIC,
		   "{\"data\":[],\"has_more\":false,\"first_id\":null,\"last_id\":null}");
	for (size_t i = 0; i < GH_COUNT_OF(wrong); i++) {
		snprintf(target, sizeof target, "/v1/models?%s", wrong[i]);
		if (get(s, target, ANTHROPIC)->status != 400)
			fail_msg("%s is taken", wrong[i]);
	}
	/* OpenAI's list knows none of these. */
	assert_int_equal(get(s, "/v1/models?limit=0", NULL)->status, 200);
}

static void one_model_is_asked_for_by_its_name_with_slashes(void **state)
{
	struct scene *s = *state;

	begin(s, TABLE);
	server_says(&s->a, 200, "{\"data\":[{\"id\":\"org/of-a\"},{\"id\":\"\xc3\xa4%\"}]}");
	expect_got(s, "/v1/models/org/of-a", NULL, OURS("org/of-a"));
	expect_got(s, "/v1/models/org%2Fof-a", NULL, OURS("org/of-a"));
	expect_got(s, "/v1/models/org%2fof%2Da", NULL, OURS("org/of-a"));
	expect_got(s, "/v1/models/%C3%A4%25", NULL, OURS("\xc3\xa4%"));
	expect_got(s, "/v1/models/local", NULL, OURS("local"));
	/* It is in no list, but there. */
	expect_got(s, "/v1/models/org%2Fseven", NULL, OURS("org/seven"));
	expect_got(s, "/v1/models/say%20%22hi%22", NULL, OURS("say \\\"hi\\\""));

	const struct gh_test_answer *a = get(s, "/v1/models/org", NULL);
	assert_int_equal(a->status, 404);
	assert_non_null(strstr(a->body, "'org'"));
	assert_non_null(strstr(a->body, "\"code\":\"model_not_found\""));
	assert_int_equal(get(s, "/v1/models/local/", NULL)->status, 404);
	assert_int_equal(get(s, "/v1/models/LOCAL", NULL)->status, 404);

	char path[1100] = "/v1/models/";
	memset(path + strlen(path), 'x', 1000);
	assert_int_equal(get(s, path, NULL)->status, 404);
}

static void the_list_can_only_be_read(void **state)
{
	struct scene *s = *state;
	const struct gh_test_answer *a;

	begin(s, TABLE);
	a = gh_test_send(s->t, "DELETE", "/v1/models/local", NULL, NULL);
	assert_int_equal(a->status, 405);
	assert_string_equal(gh_test_header(a, "allow"), "GET, HEAD");
	a = gh_test_send(s->t, "POST", "/v1/models", NULL, "{}");
	assert_int_equal(a->status, 405);
	assert_int_equal(server_asked(&s->a), 0);
	a = gh_test_send(s->t, "HEAD", "/v1/models", NULL, NULL);
	assert_int_equal(a->status, 200);
}

static void of_one_server_alone_the_list_passes_as_it_is(void **state)
{
	struct scene *s = *state;

	begin(s, "to: \"@a\"\n");
	assert_string_equal(get(s, "/v1/models", NULL)->body, "passed");
	assert_string_equal(get(s, "/v1/models/x", NULL)->body, "passed");
	assert_int_equal(server_asked(&s->a), 0);
	server_says(&s->a, 200, "{\"data\":[{\"id\":\"one\"},{\"id\":\"two\"}]}");
	expect_got(s, "/v1/models", "x-bound: two\r\n",
		   "{\"object\":\"list\",\"data\":[" OURS("two") "]}");
	expect_got(
		s, "/v1/models", ANTHROPIC,
		"{\"data\":[" THEIRS("one", "one", LONG_AGO) "," THEIRS(
			"two", "two",
			LONG_AGO) "],\"has_more\":false,\"first_id\":\"one\",\"last_id\":\"two\"}");
}

static void nothing_of_the_callers_goes_to_the_servers(void **state)
{
	struct scene *s = *state;

	begin(s, TABLE);
	get(s, "/v1/models?after=x",
	    "Authorization: Bearer secret\r\nx-api-key: secret\r\nCookie: secret\r\n"
	    "User-Agent: secret\r\n");
	assert_int_equal(server_asked(&s->a), 1);
	pthread_mutex_lock(&s->a.lock);
	assert_memory_equal(s->a.head, "GET /v1/models HTTP/1.1\r\n", 25);
	assert_null(strstr(s->a.head, "secret"));
	pthread_mutex_unlock(&s->a.lock);
}

/* ---- servers that are not well ---- */

static void a_server_that_does_not_answer_is_left_out_and_told_of_once(void **state)
{
	struct scene *s = *state;
	const struct gh_test_answer *a;

	begin(s, "models:\n  one: { to: \"@a\" }\n  two: { to: \"@c\" }\n");
	server_says(&s->a, 200, "{\"data\":[{\"id\":\"of-a\"}]}");
	a = get(s, "/v1/models", NULL);
	assert_string_equal(a->body, "{\"object\":\"list\",\"data\":[" OURS("one") "," OURS(
					     "two") "," OURS("of-a") "]}");
	assert_non_null(strstr(a->log, "/c' tells nothing of its models (status 0: "));
	gh_test_advance(s->t, 11000);
	a = get(s, "/v1/models", NULL);
	assert_int_equal(a->status, 200);
	assert_null(strstr(a->log, "tells nothing"));
}

static void a_server_that_fails_is_left_in_peace_for_a_while(void **state)
{
	struct scene *s = *state;

	begin(s, "models:\n  one: { to: \"@a\" }\n");
	server_says(&s->a, 500, "");
	for (int i = 0; i < 3; i++) {
		assert_int_equal(get(s, "/v1/models", NULL)->status, 200);
		assert_int_equal(ask(s, "nowhere", NULL)->status, 404);
		gh_test_advance(s->t, 3000);
	}
	assert_int_equal(server_asked(&s->a), 1);
	gh_test_advance(s->t, 1100);
	assert_int_equal(get(s, "/v1/models", NULL)->status, 200);
	assert_int_equal(server_asked(&s->a), 1);
}

static void what_a_server_told_is_good_for_an_hour_without_it(void **state)
{
	static const char with[] =
		"{\"object\":\"list\",\"data\":[" OURS("one") "," OURS("of-a") "]}";
	static const char without[] = "{\"object\":\"list\",\"data\":[" OURS("one") "]}";
	struct scene *s = *state;
	const struct gh_test_answer *a;

	begin(s, "models:\n  one: { to: \"@a\" }\n");
	server_says(&s->a, 200, "{\"data\":[{\"id\":\"of-a\"}]}");
	expect_got(s, "/v1/models", NULL, with);
	server_stop(&s->a);
	gh_test_advance(s->t, 3590000);
	a = get(s, "/v1/models", NULL);
	assert_string_equal(a->body, with);
	assert_null(strstr(a->log, "tells nothing"));
	expect_found(s, "of-a", NULL, "a - [of-a]");
	gh_test_advance(s->t, 11000);
	a = get(s, "/v1/models", NULL);
	assert_string_equal(a->body, without);
	assert_non_null(strstr(a->log, "tells nothing"));
	assert_int_equal(ask(s, "of-a", NULL)->status, 404);
	/* It comes back, and when it leaves again that is news. */
	server_listen(&s->a);
	gh_test_advance(s->t, 11000);
	expect_got(s, "/v1/models", NULL, with);
	server_stop(&s->a);
	gh_test_advance(s->t, 3600000);
	assert_non_null(strstr(get(s, "/v1/models", NULL)->log, "tells nothing"));
}

static void while_a_server_is_asked_anew_what_it_told_is_used(void **state)
{
	static const char known[] =
		"{\"object\":\"list\",\"data\":[" OURS("one") "," OURS("of-a") "]}";
	struct scene *s = *state;

	begin(s, "models:\n  one: { to: \"@a\" }\n");
	server_says(&s->a, 200, "{\"data\":[{\"id\":\"of-a\"}]}");
	expect_got(s, "/v1/models", NULL, known);
	assert_int_equal(server_asked(&s->a), 1);
	gh_test_advance(s->t, 100000);
	/* Another request asks, and its answer never comes. */
	assert_string_equal(get(s, "/", "x-begins: 1\r\n")->body, "begun");
	expect_got(s, "/v1/models", NULL, known);
	expect_found(s, "of-a", NULL, "a - [of-a]");
	assert_int_equal(server_asked(&s->a), 0);
}

static void a_reload_keeps_what_servers_told(void **state)
{
	struct scene *s = *state;
	char *yaml = with_addresses(s, "models:\n  other: { to: \"@a\" }\n");

	begin(s, "models:\n  one: { to: \"@a\" }\n");
	server_says(&s->a, 200, "{\"data\":[{\"id\":\"of-a\"}]}");
	assert_int_equal(get(s, "/v1/models", NULL)->status, 200);
	assert_int_equal(server_asked(&s->a), 1);
	assert_int_equal(gh_test_reload(s->t, yaml), 0);
	expect_got(s, "/v1/models", NULL,
		   "{\"object\":\"list\",\"data\":[" OURS("other") "," OURS("of-a") "]}");
	assert_int_equal(server_asked(&s->a), 0);
	free(yaml);
}

static void answers_that_are_no_list_count_as_none(void **state)
{
	static const struct {
		int status;
		const char *body, *why;
	} answers[] = {
		{ 500, "{\"data\":[{\"id\":\"x\"}]}", "status 500: it answered with an error" },
		{ 401, "{\"error\":{}}", "status 401: it answered with an error" },
		{ 200, "", "its answer is no JSON" },
		{ 200, "<html>", "its answer is no JSON" },
		{ 200, "{\"data\":[{\"id\":\"x\"}]} x", "its answer is no JSON" },
		{ 200, "{\"data\":[{\"id\":\"\\ud800\"}]}", "its answer is no JSON" },
		{ 200, "[]", "no list of models" },
		{ 200, "{\"error\":\"Unexpected endpoint\"}", "no list of models" },
		{ 200, "{\"data\":{\"id\":\"x\"}}", "no list of models" },
		{ 200, "{\"data\":[],\"data\":[]}", "no list of models" },
	};
	struct scene *s = *state;

	for (size_t i = 0; i < GH_COUNT_OF(answers); i++) {
		begin(s, "models:\n  one: { to: \"@a\" }\n");
		server_says(&s->a, answers[i].status, answers[i].body);
		const struct gh_test_answer *a = get(s, "/v1/models", NULL);
		assert_string_equal(a->body, "{\"object\":\"list\",\"data\":[" OURS("one") "]}");
		if (!strstr(a->log, answers[i].why))
			fail_msg("%s: %s", answers[i].body, a->log);
		gh_test_end(s->t);
		s->t = NULL;
	}
}

static void an_answer_without_end_is_not_read_to_its_end(void **state)
{
	struct scene *s = *state;
	size_t size = (1 << 20) + 1;
	char *body = malloc(size + 1);

	memset(body, ' ', size);
	body[size] = 0;
	memcpy(body, "{\"data\":[]}", 11);
	begin(s, "models:\n  one: { to: \"@a\" }\n");
	server_says(&s->a, 200, body);
	assert_non_null(strstr(get(s, "/v1/models", NULL)->log, "larger"));
	body[size - 1] = 0;
	server_says(&s->a, 200, body);
	gh_test_advance(s->t, 11000);
	assert_null(strstr(get(s, "/v1/models", NULL)->log, "larger"));
	free(body);
}

static void with_nothing_to_show_the_servers_failure_is_told(void **state)
{
	struct scene *s = *state;

	begin(s, "to: \"@c\"\n");
	assert_int_equal(get(s, "/v1/models", "x-bound: some\r\n")->status, 502);
	assert_int_equal(get(s, "/v1/models", ANTHROPIC)->status, 502);
}

/* ---- lists, by hand ---- */

static void read_list(const char *body, struct openai_list **ret_list)
{
	const char *why = "";

	if (openai_list_read(gh_str(body), ret_list, &why))
		fail_msg("%s: %s", body, why);
}

static void entries_that_are_no_models_are_left_out(void **state)
{
	static const char *const none[] = {
		"null",
		"7",
		"\"x\"",
		"[]",
		"{}",
		"{\"id\":null}",
		"{\"id\":7}",
		"{\"id\":\"\"}",
		"{\"id\":[\"x\"]}",
		"{\"ID\":\"x\"}",
		"{\"id\":\"a\",\"id\":\"b\"}",
		"{\"id\":\"a\",\"\\u0069d\":\"b\"}",
		"{\"id\":\"a\\nb\"}",
		"{\"id\":\"a\\u0000b\"}",
		"{\"id\":\"\\u007f\"}",
		"{\"id\":\"\\u001b[2J\"}",
	};
	static const char *const fine[] = {
		"{\"id\":\"x\"}",
		"{\"\\u0069d\":\"x\"}",
		"{\"id\":\"\\u0078\"}",
		"{\"name\":{\"id\":7},\"id\":\"x\"}",
	};
	char body[256];
	struct openai_list *l;

	(void)state;
	for (size_t i = 0; i < GH_COUNT_OF(none); i++) {
		snprintf(body, sizeof body, "{\"data\":[{\"id\":\"y\"},%s,{\"id\":\"z\"}]}",
			 none[i]);
		read_list(body, &l);
		if (l->count != 2 || !openai_list_find(l, GH_STR("y")) ||
		    !openai_list_find(l, GH_STR("z")))
			fail_msg("%s: %zu", none[i], l->count);
		openai_list_unref(l);
	}
	for (size_t i = 0; i < GH_COUNT_OF(fine); i++) {
		snprintf(body, sizeof body, "{\"data\":[%s]}", fine[i]);
		read_list(body, &l);
		assert_int_equal(l->count, 1);
		const struct openai_list_model *m = openai_list_find(l, GH_STR("x"));
		assert_non_null(m);
		assert_true(gh_str_is(m->object, fine[i]));
		openai_list_unref(l);
	}
	read_list("{\"data\":null}", &l);
	assert_int_equal(l->count, 0);
	assert_null(openai_list_find(l, GH_STR("x")));
	openai_list_unref(l);
	assert_null(openai_list_find(NULL, GH_STR("x")));
}

static void what_is_kept_of_a_server_has_limits(void **state)
{
	size_t size = 64 * 2100, len = 0;
	char *body = malloc(size);
	struct openai_list *l;

	(void)state;
	len += (size_t)snprintf(body, size, "{\"data\":[");
	for (int i = 0; i < 2001; i++)
		len += (size_t)snprintf(body + len, size - len, "%s{\"id\":\"%d\"}", i ? "," : "",
					2000 - i);
	snprintf(body + len, size - len, "]}");
	read_list(body, &l);
	assert_int_equal(l->count, 2000);
	for (int i = 1; i <= 2000; i++) {
		char name[16];
		snprintf(name, sizeof name, "%d", i);
		const struct openai_list_model *m = openai_list_find(l, gh_str(name));
		assert_non_null(m);
		assert_int_equal(m - l->models, 2000 - i);
	}
	assert_null(openai_list_find(l, GH_STR("0")));
	openai_list_unref(l);

	/* A name of 256 bytes is the longest, an object of 16 KiB too. */
	for (int over = 0; over < 2; over++) {
		memset(body, 'x', size);
		len = (size_t)snprintf(body, size, "{\"data\":[{\"id\":\"");
		body[len] = 'x';
		len += 256 + (size_t)over;
		snprintf(body + len, size - len, "\"}]}");
		read_list(body, &l);
		assert_int_equal(l->count, over ? 0 : 1);
		openai_list_unref(l);

		memset(body, ' ', size);
		memcpy(body, "{\"data\":[{\"id\":\"x\"", 18);
		len = 9 + (16 << 10) + (size_t)over;
		snprintf(body + len - 1, size - len, "}]}");
		read_list(body, &l);
		assert_int_equal(l->count, over ? 0 : 1);
		openai_list_unref(l);
	}
	free(body);
}

static void times_are_believed_that_can_be_written(void **state)
{
	static const struct {
		const char *members;
		int64_t created;
		bool at;
	} times[] = {
		{ "\"created\":1", 1, false },
		{ "\"created\":-1", 0, false },
		{ "\"created\":253402300799", INT64_C(253402300799), false },
		{ "\"created\":253402300800", 0, false },
		{ "\"created\":1.5", 0, false },
		{ "\"created\":\"1\"", 0, false },
		{ "\"created\":1,\"created\":2", 0, false },
		{ "\"created_at\":\"2026-01-02T03:04:05Z\"", 0, true },
		{ "\"created_at\":\"2026-01-02T03:04:05.678+01:00\"", 0, true },
		{ "\"created_at\":\"2026-01-02T03:04:05\"", 0, false },
		{ "\"created_at\":\"2026-01-02 03:04:05Z\"", 0, false },
		{ "\"created_at\":\"2026-01-02T03:04:05Z<script>\"", 0, false },
		{ "\"created_at\":\"\"", 0, false },
		{ "\"created_at\":1", 0, false },
	};
	char body[256];
	struct openai_list *l;

	(void)state;
	for (size_t i = 0; i < GH_COUNT_OF(times); i++) {
		snprintf(body, sizeof body, "{\"data\":[{\"id\":\"x\",%s}]}", times[i].members);
		read_list(body, &l);
		assert_int_equal(l->count, 1);
		if (l->models[0].created != times[i].created ||
		    (l->models[0].created_at.len > 0) != times[i].at)
			fail_msg("%s", times[i].members);
		openai_list_unref(l);
	}
}

static void an_answer_does_not_grow_without_end(void **state)
{
	enum { LISTS = 6 };
	size_t size = 17 << 10;
	char *body = malloc(64 * size);
	struct openai_list *lists[LISTS];
	struct openai_source sources[LISTS] = { { .keep = NULL } };
	struct openai_models m = { .sources = sources, .source_count = LISTS };
	struct openai_hold text = { .at = NULL };
	struct gh_json root;

	(void)state;
	/* Six servers of 60 models with 16,000 bytes each, all different. */
	for (int n = 0; n < LISTS; n++) {
		size_t len = (size_t)sprintf(body, "{\"data\":[");
		for (int i = 0; i < 60; i++) {
			len += (size_t)sprintf(body + len, "%s{\"id\":\"%d-%d\",\"x\":\"",
					       i ? "," : "", n, i);
			memset(body + len, 'x', 16000);
			len += 16000;
			len += (size_t)sprintf(body + len, "\"}");
		}
		memcpy(body + len, "]}", 3);
		read_list(body, &lists[n]);
		assert_int_equal(lists[n]->count, 60);
	}
	size_t room = openai_shelf_room(&m, lists);
	assert_int_equal(room, LISTS * 60);
	struct openai_shown *items = calloc(room, sizeof *items);
	struct openai_shelf shelf = openai_shelf_fill(&m, lists, NULL, items);
	assert_int_equal(shelf.count, LISTS * 60);
	openai_show_list(&text, &shelf);
	assert_true(text.len < (4 << 20) + size);
	assert_int_equal(gh_json_parse(openai_hold_text(&text), &root, NULL), 0);
	openai_hold_free(&text);
	free(items);
	for (int n = 0; n < LISTS; n++)
		openai_list_unref(lists[n]);
	free(body);
}

static void names_are_told_apart_and_found_in_order(void **state)
{
	static const char *const names[] = { "b", "a", "bb", "a", "", "B", "a" };
	struct openai_indexed items[GH_COUNT_OF(names)];
	struct openai_index x = { items, GH_COUNT_OF(names) };

	(void)state;
	for (size_t i = 0; i < GH_COUNT_OF(names); i++)
		items[i] = (struct openai_indexed){ gh_str(names[i]), (uint32_t)i };
	openai_index_sort(&x);
	const struct openai_indexed *a = openai_index_find(&x, GH_STR("a"));
	assert_int_equal(a[0].at, 1);
	assert_int_equal(a[1].at, 3);
	assert_int_equal(a[2].at, 6);
	assert_int_equal(openai_index_find(&x, GH_STR("B"))->at, 5);
	assert_int_equal(openai_index_find(&x, GH_STR(""))->at, 4);
	assert_null(openai_index_find(&x, GH_STR("A")));
	assert_null(openai_index_find(&x, GH_STR("bbb")));
	x.count = 0;
	assert_null(openai_index_find(&x, GH_STR("a")));
}

static void what_is_near_is_meant(void **state)
{
	static const struct {
		const char *word, *candidate;
		bool near;
	} pairs[] = {
		{ "locl-llm", "local-llm", true },
		{ "Local-LLM", "local-llm", true },
		{ "local-lm", "local-llm", true },
		{ "gpt-4", "gpt-4o", true },
		{ "llama", "qwen", false },
		{ "a", "b", false },
		{ "gpt-4o-mini", "gpt-4.1-nano", false },
		{ "", "a", false },
	};

	(void)state;
	for (size_t i = 0; i < GH_COUNT_OF(pairs); i++) {
		struct openai_near n = openai_near_begin(gh_str(pairs[i].word));
		openai_near_try(&n, gh_str(pairs[i].candidate));
		if ((n.best.len > 0) != pairs[i].near)
			fail_msg("%s and %s", pairs[i].word, pairs[i].candidate);
	}
	/* What is too long to compare is compared with nothing. */
	char longer[300];
	memset(longer, 'x', sizeof longer);
	struct openai_near n = openai_near_begin((struct gh_str){ longer, sizeof longer });
	openai_near_try(&n, (struct gh_str){ longer, sizeof longer });
	openai_near_try(&n, GH_STR("x"));
	assert_int_equal(n.best.len, 0);
}

/* ---- mistakes in the table ---- */

static void mistakes_in_the_table_name_their_mend(void **state)
{
	static const char *const wrong[][2] = {
		{ "default: x", "it needs 'to'" },
		{ "to: \"@a\"\ndefault: x", "default: there is no model 'x'; it must be the name" },
		{ TABLE "default: lokal",
		  "default: there is no model 'lokal'; did you mean 'local'?" },
		{ TABLE "default: org/seven", "default: there is no model 'org/seven'" },
		{ "models:\n  one: { name: x }\n", "needs the key 'to'" },
		{ "models:\n  one: { to: \"@a\", fallback: tow }\n  two: { to: \"@a\" }\n",
		  "models: one: there is no fallback 'tow'" },
		{ "models:\n  model-one: { to: \"@a\", fallback: model-tow }\n"
		  "  model-two: { to: \"@a\" }\n",
		  "did you mean 'model-t" },
		{ "models:\n  one: { to: \"@a\", fallback: one }\n",
		  "the fallbacks of 'one' lead back to it" },
		{ "models:\n  zero: { to: \"@a\", fallback: one }\n"
		  "  one: { to: \"@a\", fallback: two }\n  two: { to: \"@a\", fallback: one }\n",
		  "the fallbacks of 'one' lead back to it" },
		{ "models:\n  one: { to: \"@a\", name: \"a\\nb\" }\n",
		  "must be UTF-8 without control characters" },
		{ "models:\n  \"a\\tb\": { to: \"@a\" }\n",
		  "must be UTF-8 without control characters" },
		{ "models:\n  \"\": { to: \"@a\" }\n", "must be UTF-8 without control characters" },
		{ "models:\n  one: { to: \"@a\", kind: chat }\n", "kind" },
	};
	struct scene *s = *state;

	for (size_t i = 0; i < GH_COUNT_OF(wrong); i++) {
		char *yaml = with_addresses(s, wrong[i][0]);
		s->t = gh_test_begin(&looks, yaml);
		if (s->t || !strstr(gh_test_mistakes(), wrong[i][1]))
			fail_msg("%s\n%s", yaml, s->t ? "is taken" : gh_test_mistakes());
		free(yaml);
	}
}

static void a_name_of_256_bytes_is_the_longest(void **state)
{
	struct scene *s = *state;
	char name[258], yaml[600];

	memset(name, 'x', sizeof name);
	for (size_t len = 256; len <= 257; len++) {
		snprintf(yaml, sizeof yaml, "models:\n  one: { to: \"unix:%s/a\", name: %.*s }\n",
			 s->dir, (int)len, name);
		s->t = gh_test_begin(&looks, yaml);
		assert_int_equal(s->t != NULL, len == 256);
		gh_test_end(s->t);
		snprintf(yaml, sizeof yaml, "models:\n  ? %.*s\n  : { to: \"unix:%s/a\" }\n",
			 (int)len, name, s->dir);
		s->t = gh_test_begin(&looks, yaml);
		assert_int_equal(s->t != NULL, len == 256);
		gh_test_end(s->t);
	}
	s->t = NULL;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_alias_is_its_server_and_the_name_there),
		TEST(a_real_name_is_the_first_entry_that_has_it),
		TEST(who_asks_for_nothing_gets_the_default),
		TEST(without_a_default_a_model_must_be_named),
		TEST(a_server_for_the_rest_takes_what_the_table_does_not_know),
		TEST(one_server_alone_is_asked_for_nothing_on_the_side),
		TEST(what_servers_report_can_be_asked_for),
		TEST(an_unknown_model_is_asked_for_once_in_ten_seconds),
		TEST(a_model_that_is_not_the_callers_is_unknown_like_any_other),
		TEST(an_error_names_twenty_models_and_counts_the_rest),
		TEST(the_list_is_ours_and_then_theirs),
		TEST(a_caller_sees_what_they_may_ask_for),
		TEST(every_name_that_is_listed_can_be_asked_for),
		TEST(anthropics_clients_read_their_own_shape),
		TEST(anthropics_clients_may_turn_pages),
		TEST(one_model_is_asked_for_by_its_name_with_slashes),
		TEST(the_list_can_only_be_read),
		TEST(of_one_server_alone_the_list_passes_as_it_is),
		TEST(nothing_of_the_callers_goes_to_the_servers),
		TEST(a_server_that_does_not_answer_is_left_out_and_told_of_once),
		TEST(a_server_that_fails_is_left_in_peace_for_a_while),
		TEST(what_a_server_told_is_good_for_an_hour_without_it),
		TEST(while_a_server_is_asked_anew_what_it_told_is_used),
		TEST(a_reload_keeps_what_servers_told),
		TEST(answers_that_are_no_list_count_as_none),
		TEST(an_answer_without_end_is_not_read_to_its_end),
		TEST(with_nothing_to_show_the_servers_failure_is_told),
		TEST(mistakes_in_the_table_name_their_mend),
		TEST(a_name_of_256_bytes_is_the_longest),
		cmocka_unit_test(entries_that_are_no_models_are_left_out),
		cmocka_unit_test(what_is_kept_of_a_server_has_limits),
		cmocka_unit_test(times_are_believed_that_can_be_written),
		cmocka_unit_test(an_answer_does_not_grow_without_end),
		cmocka_unit_test(names_are_told_apart_and_found_in_order),
		cmocka_unit_test(what_is_near_is_meant),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
