/*
 * Which route takes a request, what instances share, and what each worker has of its own, over reloads.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/memory.h"
#include "core/route/share.h"
#include "support/gateway.h"

/* ---- a module that says its mark, and counts in three kinds of state ---- */

static unsigned made, ended, provisioned, cleaned;

struct counter {
	struct gh_str mark, key;
	struct gh_strings words;
	bool fails;
	int *shared;
	struct gh_str route;
};

static void make(void *shared)
{
	assert_int_equal(*(int *)shared, 0);
	*(int *)shared = 100;
	made++;
}

static void unmake(void *shared)
{
	assert_true(*(int *)shared >= 100);
	ended++;
}

static int provision(struct gh_instance *in, void *self)
{
	static const struct gh_shared_type type = { sizeof(int), make, unmake };
	struct counter *c = self;

	provisioned++;
	c->shared = gh_shared(in, c->key, &type);
	c->route = gh_instance_route(in);
	for (size_t i = 0; i < c->words.count; i++)
		if (gh_str_starts(c->words.items[i], GH_STR("bad")))
			return gh_invalid_at(in, c->words.items[i], "a bad word");
	if (gh_str_is(c->key, "bad"))
		return gh_invalid_at(in, c->mark, "a bad mark");
	return c->fails ? gh_invalid(in, "'%.*s' fails", (int)c->mark.len, c->mark.at) : 0;
}

static void cleanup(void *self)
{
	const struct counter *c = self;

	assert_true(*c->shared >= 100); /* what is shared outlives what shares it */
	cleaned++;
}

static enum gh_verdict on_request(struct gh_step *s)
{
	const struct counter *c = s->self;
	int *local = s->local;

	assert_true(gh_str_eq(c->route, s->req->route));
	return gh_respond(s, 200, GH_STR("text/plain"),
			  gh_printf(s->req, "%.*s %d %d", (int)c->mark.len, c->mark.at, ++*local,
				    ++*c->shared));
}

static const struct gh_option options[] = {
	GH_OPTION(struct counter, mark, "x", "What it says."),
	GH_OPTION(struct counter, key, "k", "What it shares."),
	GH_OPTION(struct counter, words, NULL, "Some must not be bad."),
	GH_OPTION(struct counter, fails, "false", "Refuses its options."), GH_OPTIONS_END
};

static const struct gh_module counter = {
	.name = "counter",
	.doc = "Counts.",
	.options = options,
	.self_size = sizeof(struct counter),
	.local_size = sizeof(int),
	.provision = provision,
	.cleanup = cleanup,
	.on_request = on_request,
};

static const struct gh_certificates no_certificates = { NULL, NULL };
static const struct gh_module source = {
	.name = "source",
	.doc = "Gives nothing.",
	.options = options,
	.self_size = sizeof(struct counter),
	.provision = provision,
	.cleanup = cleanup,
	.certificates = &no_certificates,
};

static const struct gh_module *const modules[] = { &counter, &source, NULL };

static void forget(void)
{
	made = ended = provisioned = cleaned = 0;
}

/* ---- matching ---- */

static const char routes[] = "routes:\n"
			     "  - name: post\n"
			     "    match: { path: /v1/chat, method: POST }\n"
			     "    handle: [ counter: { mark: post } ]\n"
			     "  - name: v1\n"
			     "    match: { path: [/v1, /api] }\n"
			     "    handle: [ counter: { mark: v1 } ]\n"
			     "  - name: wild\n"
			     "    match: { host: '*.example.org' }\n"
			     "    handle: [ counter: { mark: wild } ]\n"
			     "  - name: host\n"
			     "    match: { host: [example.com, www.example.com], path: /x }\n"
			     "    handle: [ counter: { mark: host } ]\n";

static void the_first_route_that_matches_takes_a_request(void **state)
{
	static const struct {
		const char *method, *path, *host, *mark;
		int status;
	} cases[] = {
		{ "POST", "/v1/chat", "a", "post", 200 },
		{ "GET", "/v1/chat", "a", "v1", 200 },
		{ "POST", "/v1/chat/x", "a", "post", 200 },
		{ "POST", "/v1/chatter", "a", "v1", 200 },
		{ "GET", "/v1", "a", "v1", 200 },
		{ "GET", "/v1?x=/v2", "a", "v1", 200 },
		{ "GET", "/v1/", "a", "v1", 200 },
		{ "GET", "/v1/models", "a", "v1", 200 },
		{ "GET", "/api", "a", "v1", 200 },
		{ "GET", "/api/tags", "a", "v1", 200 },
		{ "GET", "/v10", "a", NULL, 404 },
		{ "GET", "/v", "a", NULL, 404 },
		{ "GET", "/apis", "a", NULL, 404 },
		{ "GET", "/x/v1", "a", NULL, 404 },
		{ "GET", "/", "a", NULL, 404 },
		{ "GET", "/", "a.example.org", "wild", 200 },
		{ "GET", "/", "a.b.example.org:8080", "wild", 200 },
		{ "GET", "/", "A.Example.ORG", "wild", 200 },
		{ "GET", "/", "example.org", NULL, 404 },
		{ "GET", "/", ".example.org", NULL, 0 },
		{ "GET", "/", "badexample.org", NULL, 404 },
		{ "GET", "/", "a.example.org.evil", NULL, 404 },
		{ "GET", "/x", "example.com", "host", 200 },
		{ "GET", "/x/y", "www.example.com:80", "host", 200 },
		{ "GET", "/y", "example.com", NULL, 404 },
		{ "GET", "/x", "xexample.com", NULL, 404 },
		/* Other spellings of a path that a route has: no second door. */
		{ "GET", "/V1", "a", NULL, 400 },
		{ "GET", "/V1/models", "a.example.org", NULL, 400 },
		{ "GET", "/v1;x", "a", NULL, 400 },
		{ "GET", "/v1./models", "a", NULL, 400 },
		{ "GET", "/%76%31", "a", "v1", 200 }, /* the same path, escaped for no reason */
		{ "GET", "//v1", "a", NULL, 400 },
		{ "GET", "/x/../v1", "a", NULL, 400 },
		{ "GET", "/v1%2Fmodels", "a", NULL, 400 },
		{ "GET", "/v1/models/org%2Fname", "a", "v1", 200 },
	};
	struct gateway g;
	char text[512];

	(void)state;
	gateway_begin(&g, modules, routes);
	for (size_t i = 0; i < GH_COUNT_OF(cases); i++) {
		gateway_join(&g);
		snprintf(text, sizeof text, "%s %s HTTP/1.1\r\nHost: %s\r\n\r\n", cases[i].method,
			 cases[i].path, cases[i].host);
		gateway_say(&g, text);
		struct gateway_answer a = gateway_hear(&g);
		if (cases[i].status == 0) {
			assert_int_not_equal(a.status, 200); /* no host at all, or no route */
			continue;
		}
		if (a.status != cases[i].status)
			print_error("%s %s %s\n", cases[i].method, cases[i].host, cases[i].path);
		assert_int_equal(a.status, cases[i].status);
		if (!cases[i].mark)
			continue;
		size_t len = strlen(cases[i].mark);
		assert_int_equal(strncmp(a.body, cases[i].mark, len), 0);
		assert_int_equal(a.body[len], ' ');
	}
	gateway_end(&g);
}

/* ---- state ---- */

#define ONE(mark, key) \
	"  - match: { path: /" mark " }\n" \
	"    handle: [ counter: { mark: " mark ", key: " key " } ]\n"

static void what_is_shared_survives_a_reload_and_what_is_local_does_not(void **state)
{
	struct gateway g;

	(void)state;
	forget();
	gateway_begin(&g, modules, "routes:\n" ONE("a", "k") ONE("b", "k") ONE("c", "other"));
	assert_int_equal(made, 2);
	assert_string_equal(gateway_ask(&g, "GET", "/a").body, "a 1 101");
	assert_string_equal(gateway_ask(&g, "GET", "/a").body, "a 2 102");
	assert_string_equal(gateway_ask(&g, "GET", "/b").body,
			    "b 1 103"); /* one a key, two locals */
	assert_string_equal(gateway_ask(&g, "GET", "/c").body, "c 1 101");
	assert_int_equal(gateway_reload(&g, "routes:\n" ONE("a", "k")), 0);
	wire_settle(&g.worker.loop);
	assert_int_equal(cleaned, 3);
	assert_int_equal(ended, 1); /* nobody asks for the other any more */
	assert_string_equal(gateway_ask(&g, "GET", "/a").body, "a 1 104");
	assert_int_equal(made, 2);
	gateway_end(&g);
	assert_int_equal(ended, 2);
	assert_int_equal(cleaned, 4);
}

static void a_provision_that_fails_leaves_the_old_site_and_is_cleaned_up(void **state)
{
	struct gateway g;

	(void)state;
	forget();
	gateway_begin(&g, modules, "routes:\n" ONE("a", "k"));
	assert_int_equal(
		gateway_reload(
			&g, "routes:\n" ONE("a", "k")
				    ONE("b", "new") "  - handle:\n"
						    "      - counter: { mark: c, fails: true }\n"
						    "      - counter: { mark: d, fails: true }\n"),
		-1);
	assert_int_equal(provisioned, 5);
	assert_int_equal(cleaned, 4); /* all of the new, whether they failed or not */
	assert_int_equal(made, 2);
	assert_int_equal(ended, 1);
	assert_non_null(strstr(g.mistakes, "test.yaml:7:9: counter: 'c' fails"));
	assert_non_null(strstr(g.mistakes, "test.yaml:8:9: counter: 'd' fails")); /* all at once */
	assert_string_equal(gateway_ask(&g, "GET", "/a").body, "a 1 101");
	gateway_end(&g);
}

static void a_mistake_in_a_text_is_told_at_its_place(void **state)
{
	struct gateway g;

	(void)state;
	gateway_begin(&g, modules, "routes:\n" ONE("a", "k"));
	assert_int_equal(gateway_reload(&g, "routes:\n"
					    "  - handle:\n"
					    "      - counter:\n"
					    "          mark: x\n"
					    "          words:\n"
					    "            - bad's equal is good\n"
					    "      - counter: { words: [good, bad] }\n"
					    "      - counter: { key: bad, mark: 'x' }\n"
					    "      - counter: { key: bad }\n"),
			 -1);
	assert_non_null(strstr(g.mistakes, "test.yaml:6:15: counter: a bad word"));
	assert_non_null(strstr(g.mistakes, "test.yaml:7:34: counter: a bad word"));
	assert_non_null(strstr(g.mistakes, "test.yaml:8:36: counter: a bad mark"));
	/* Of a default, which stands nowhere. */
	assert_non_null(strstr(g.mistakes, "test.yaml:9:9: counter: a bad mark"));
	gateway_end(&g);
}

static void sources_of_a_listener_are_set_up_and_cleaned_up_like_modules(void **state)
{
	static const char yaml[] = "state_dir: /srv/state\n"
				   "listen:\n"
				   "  - 127.0.0.1:1\n"
				   "  - { address: ':443', tls: [source: { mark: s }, source] }\n"
				   "routes:\n" ONE("a", "k");
	struct gateway g;

	(void)state;
	forget();
	gateway_begin(&g, modules, yaml);
	const struct gh__site *site = g.worker.site->site;
	assert_int_equal(site->door_count, 1);
	assert_true(gh_str_is(site->doors[0].address, ":443"));
	assert_int_equal(site->doors[0].count, 2);
	const struct gh_instance *in = site->doors[0].sources;
	assert_ptr_equal(in[1].module, &source);
	assert_true(gh_str_is(gh_instance_route(in), ":443"));
	assert_true(gh_str_is(((const struct counter *)in->self)->mark, "s"));
	assert_true(gh_str_is(gh_state_dir(in), "/srv/state"));
	assert_int_equal(provisioned, 3);
	/* One that refuses its options refuses the config. */
	assert_int_equal(gateway_reload(&g, "listen: { address: ':443', tls: "
					    "[source: { mark: s, fails: true }] }\n"
					    "routes:\n" ONE("a", "k")),
			 -1);
	assert_non_null(strstr(g.mistakes, "test.yaml:1:34: source: 's' fails"));
	assert_int_equal(cleaned, 2);
	gateway_end(&g);
	assert_int_equal(cleaned, 5);
}

/* ---- the folder for what outlives the process ---- */

static void the_state_dir_is_made_with_what_is_above_it_for_its_owner_alone(void **state)
{
	char root[] = "/tmp/gatehouse-test-XXXXXX", path[100];
	struct stat st;

	(void)state;
	assert_non_null(mkdtemp(root));
	snprintf(path, sizeof path, "%s/a/b/c", root);
	assert_int_equal(gh_state_dir_make(gh_str(path)), 0);
	for (size_t at = strlen(path); at > strlen(root); at -= 2) {
		path[at] = 0;
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0700);
	}
	path[strlen(root)] = '/';
	/* One that is there is left as it is. */
	snprintf(path, sizeof path, "%s/a/b", root);
	assert_int_equal(chmod(path, 0750), 0);
	assert_int_equal(gh_state_dir_make(gh_str(path)), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0750);
	/* A file in its place, or above it. */
	snprintf(path, sizeof path, "%s/file", root);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fclose(f);
	assert_int_equal(gh_state_dir_make(gh_str(path)), -1);
	assert_int_equal(errno, ENOTDIR);
	snprintf(path, sizeof path, "%s/file/a/b", root);
	assert_int_equal(gh_state_dir_make(gh_str(path)), -1);
	assert_int_equal(errno, ENOTDIR);
	snprintf(path, sizeof path, "%s/file", root);
	unlink(path);
	static const char *const folders[] = { "/a/b/c", "/a/b", "/a", "" };
	for (size_t i = 0; i < GH_COUNT_OF(folders); i++) {
		snprintf(path, sizeof path, "%s%s", root, folders[i]);
		assert_int_equal(rmdir(path), 0);
	}
}

/* ---- shares by themselves ---- */

static void a_share_is_one_for_its_module_key_and_size(void **state)
{
	static const struct gh_shared_type type = { sizeof(int), make, unmake },
					   larger = { 2 * sizeof(int), make, unmake };
	static const struct gh_module other = { .name = "counter", .doc = "Another." };
	struct gh__shares *shares = gh__shares_create();
	struct gh__list one, two;
	char key[] = "key";

	(void)state;
	forget();
	gh__list_init(&one);
	gh__list_init(&two);
	void *a = gh__share_get(shares, &counter, gh_str(key), &type, &one);
	key[0] = 'x'; /* it was copied */
	assert_ptr_equal(gh__share_get(shares, &counter, GH_STR("key"), &type, &one), a);
	assert_ptr_equal(gh__share_get(shares, &counter, GH_STR("key"), &type, &two), a);
	assert_ptr_not_equal(gh__share_get(shares, &counter, GH_STR("xey"), &type, &two), a);
	assert_ptr_not_equal(gh__share_get(shares, &counter, GH_STR("ke"), &type, &two), a);
	assert_ptr_not_equal(gh__share_get(shares, &counter, GH_STR(""), &type, &two), a);
	assert_ptr_not_equal(gh__share_get(shares, &counter, GH_STR("key"), &larger, &two), a);
	assert_ptr_not_equal(gh__share_get(shares, &other, GH_STR("key"), &type, &two), a);
	assert_int_equal(made, 6);
	gh__share_release(shares, &one);
	assert_int_equal(ended, 0);
	gh__share_release(shares, &one); /* nothing is left in it */
	gh__share_release(shares, &two);
	assert_int_equal(ended, 6);
	gh__shares_destroy(shares);
	gh__shares_destroy(NULL);
}

static void a_share_without_size_or_hooks_is_fine(void **state)
{
	static const struct gh_shared_type type = { 0, NULL, NULL };
	struct gh__shares *shares = gh__shares_create();
	struct gh__list holder;

	(void)state;
	gh__list_init(&holder);
	assert_non_null(gh__share_get(shares, &counter, GH_STR("k"), &type, &holder));
	gh__share_release(shares, &holder);
	gh__shares_destroy(shares);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_route_that_matches_takes_a_request),
		cmocka_unit_test(what_is_shared_survives_a_reload_and_what_is_local_does_not),
		cmocka_unit_test(a_provision_that_fails_leaves_the_old_site_and_is_cleaned_up),
		cmocka_unit_test(a_mistake_in_a_text_is_told_at_its_place),
		cmocka_unit_test(sources_of_a_listener_are_set_up_and_cleaned_up_like_modules),
		cmocka_unit_test(the_state_dir_is_made_with_what_is_above_it_for_its_owner_alone),
		cmocka_unit_test(a_share_is_one_for_its_module_key_and_size),
		cmocka_unit_test(a_share_without_size_or_hooks_is_fine),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
