/*
 * Bodies on their way through the chain: watchers see each slice, editors take and give, a step may ask
 * for the whole; in order, with one last, and with limits.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/gateway.h"

static char trace[4096];

static void note(const char *what, struct gh_str name, struct gh_str slice, enum gh_part part)
{
	size_t at = strlen(trace);

	/* What passes in one piece and what in several is nobody's business: slices are joined. */
	snprintf(trace + at, sizeof trace - at, "%s%.*s:%.*s%s ", what, (int)name.len, name.at,
		 (int)slice.len, slice.len ? slice.at : "", part == GH_LAST ? "$" : "");
}

/* ---- a watcher ---- */

struct named {
	struct gh_str name;
};

static const struct gh_option named_options[] = {
	GH_OPTION(struct named, name, "x", "Its mark in the trace."), GH_OPTIONS_END
};

static void watch_request(struct gh_step *s, struct gh_str slice, enum gh_part part)
{
	note("?", ((const struct named *)s->self)->name, slice, part);
}

static void watch_response(struct gh_step *s, struct gh_str slice, enum gh_part part)
{
	note("!", ((const struct named *)s->self)->name, slice, part);
}

static const struct gh_module watcher = {
	.name = "watcher",
	.doc = "Sees bodies pass.",
	.options = named_options,
	.self_size = sizeof(struct named),
	.watch_request = watch_request,
	.watch_response = watch_response,
};

/* ---- an editor: doubles each byte, holds those after a `[` until the `]` or the end, gives up at
 * a `#` ---- */

struct editing {
	char held[2][64];
	size_t len[2];
	bool holds[2];
};

static enum gh_verdict edit(struct editing *e, int way, struct gh_str slice, enum gh_part part,
			    struct gh_sink *to)
{
	for (size_t i = 0; i < slice.len; i++) {
		char c = slice.at[i], two[2] = { c, c };
		if (c == '#')
			return GH_ERROR;
		if (c == '[') {
			e->holds[way] = true;
		} else if (c == ']') {
			e->holds[way] = false;
			gh_give(to, (struct gh_str){ e->held[way], e->len[way] });
			e->len[way] = 0;
		} else if (e->holds[way]) {
			e->held[way][e->len[way]++] = c;
		} else {
			gh_give(to, (struct gh_str){ two, 2 });
		}
	}
	if (part == GH_LAST) {
		gh_give(to, (struct gh_str){ e->held[way], e->len[way] });
		gh_give(to, GH_STR(".")); /* what an editor gives last goes before the end */
	}
	return GH_NEXT;
}

static enum gh_verdict edit_request(struct gh_step *s, struct gh_str slice, enum gh_part part,
				    struct gh_sink *to)
{
	return edit(s->state, 0, slice, part, to);
}

static enum gh_verdict edit_response(struct gh_step *s, struct gh_str slice, enum gh_part part,
				     struct gh_sink *to)
{
	return edit(s->state, 1, slice, part, to);
}

static const struct gh_module editor = {
	.name = "editor",
	.doc = "Doubles what passes.",
	.state_size = sizeof(struct editing),
	.edit_request = edit_request,
	.edit_response = edit_response,
};

/* ---- another: gives from memory that it uses for something else at once ---- */

enum { AT_ONCE = 5000 };

static enum gh_verdict give_and_forget(struct gh_step *s, struct gh_str slice, enum gh_part part,
				       struct gh_sink *to)
{
	char *own = malloc(AT_ONCE);

	(void)s;
	(void)part;
	for (size_t i = 0; i < slice.len; i++) {
		memset(own, slice.at[i], AT_ONCE);
		gh_give(to, (struct gh_str){ own, AT_ONCE });
	}
	memset(own, '!', AT_ONCE);
	free(own);
	return GH_NEXT;
}

static const struct gh_module forgetter = {
	.name = "forgetter",
	.doc = "Makes much of each byte.",
	.edit_response = give_and_forget,
};

/* ---- one that wants the whole ---- */

struct collector {
	struct gh_size max;
	bool answers;
};

static const struct gh_option collector_options[] = {
	GH_OPTION(struct collector, max, "1000", "Bytes."),
	GH_OPTION(struct collector, answers, "true", "Says what it got."), GH_OPTIONS_END
};

static enum gh_verdict got_body(struct gh_step *s)
{
	const struct collector *c = s->self;

	assert_non_null(s->req->body.at);
	assert_int_equal(s->req->length, s->req->body.len);
	return c->answers ? gh_respond(s, 200, GH_STR("text/plain"), s->req->body) : GH_NEXT;
}

static enum gh_verdict collect(struct gh_step *s)
{
	const struct collector *c = s->self;

	return gh_collect_body(s, (size_t)c->max.bytes, got_body);
}

static unsigned cancelled;

static void on_cancel(struct gh_step *s)
{
	(void)s;
	cancelled++;
}

static void watch_collected(struct gh_step *s, struct gh_str slice, enum gh_part part)
{
	(void)s;
	note("?", GH_STR("collector"), slice, part);
}

static const struct gh_module collector = {
	.name = "collector",
	.doc = "Reads a body whole.",
	.options = collector_options,
	.self_size = sizeof(struct collector),
	.on_request = collect,
	.watch_request = watch_collected,
	.on_cancel = on_cancel,
};

/* ---- one that answers, and one that passes on ---- */

struct speaker {
	struct gh_str text;
	int64_t status;
};

static const struct gh_option speaker_options[] = {
	GH_OPTION(struct speaker, text, "ab", "What it says."),
	GH_OPTION(struct speaker, status, "200", "And how."), GH_OPTIONS_END
};

static enum gh_verdict speak(struct gh_step *s)
{
	const struct speaker *p = s->self;

	gh_answer_header(s, GH_STR("X-Mark"), GH_STR("set"));
	return p->status < 400
		       ? gh_respond(s, (int)p->status, GH_STR("text/plain"), p->text)
		       : gh_fail(s, (int)p->status, NULL, "%.*s", (int)p->text.len, p->text.at);
}

static const struct gh_module speaker = {
	.name = "speaker",
	.doc = "Answers.",
	.options = speaker_options,
	.self_size = sizeof(struct speaker),
	.on_request = speak,
};

struct passer {
	struct gh_upstream_ref to;
};

static const struct gh_option passer_options[] = {
	GH_OPTION(struct passer, to, NULL, "Where to.", .flags = GH_REQUIRED), GH_OPTIONS_END
};

static enum gh_verdict pass(struct gh_step *s)
{
	const struct passer *p = s->self;

	gh_answer_header(s, GH_STR("X-Mark"), GH_STR("set"));
	return gh_pass(s, &(struct gh_proxy){ .upstream = p->to.upstream });
}

static const struct gh_module passer = {
	.name = "passer",
	.doc = "Passes on.",
	.options = passer_options,
	.self_size = sizeof(struct passer),
	.on_request = pass,
};

static const struct gh_module *const modules[] = { &watcher, &editor, &forgetter, &collector,
						   &speaker, &passer, NULL };

/* ---- the bench ---- */

struct bench {
	struct gateway g;
	int listener;
	struct wire server;
};

static void begin(struct bench *b, const char *chain)
{
	char yaml[2048];
	uint16_t port;

	trace[0] = 0;
	cancelled = 0;
	*b = (struct bench){ .listener = wire_listen(&port) };
	int n = snprintf(yaml, sizeof yaml,
			 "limits: { body: 4k }\nupstreams:\n  up: { to: 'http://127.0.0.1:%u' }\n"
			 "routes:\n  - handle:\n",
			 port);
	for (const char *at = chain; *at;) {
		size_t len = strcspn(at, ";");
		n += snprintf(yaml + n, sizeof yaml - (size_t)n, "      - %.*s\n", (int)len, at);
		at += len + (at[len] == ';');
	}
	gateway_begin(&b->g, modules, yaml);
}

static void end(struct bench *b)
{
	wire_close(&b->server);
	gateway_end(&b->g);
	close(b->listener);
}

static void post(struct bench *b, const char *body)
{
	char text[8192];

	snprintf(text, sizeof text, "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n\r\n%s",
		 strlen(body), body);
	gateway_say(&b->g, text);
}

static const char chunked[] = "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

/* The trace of one who watched, put together: its slices joined, `$` at each last. */
static const char *seen(const char *who)
{
	static char text[2048];
	size_t at = 0;

	for (const char *p = strstr(trace, who); p; p = strstr(p + 1, who)) {
		const char *from = p + strlen(who);
		size_t len = strcspn(from, " ");
		memcpy(text + at, from, len);
		at += len;
	}
	text[at] = 0;
	return text;
}

static void serve(struct bench *b, const char *last)
{
	assert_true(wire_accept(&b->g.worker.loop, b->listener, &b->server));
	assert_true(wire_sees(&b->g.worker.loop, &b->server, last));
}

static void reply(struct bench *b, const char *text)
{
	wire_send(&b->g.worker.loop, &b->server, text);
	wire_settle(&b->g.worker.loop);
}

/* ---- watchers ---- */

static void a_watcher_sees_every_byte_and_one_last(void **state)
{
	struct bench b;

	(void)state;
	begin(&b, "watcher: { name: a };watcher: { name: b };passer: { to: up }");
	post(&b, "hello");
	serve(&b, "hello");
	reply(&b, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nwor");
	reply(&b, "ld!");
	struct gateway_answer a = gateway_hear(&b.g);
	assert_string_equal(a.body, "world!");
	assert_non_null(strstr(a.head, "Content-Length: 6\r\n")); /* watching changes nothing */
	assert_string_equal(seen("?a:"), "hello$");
	assert_string_equal(seen("?b:"), "hello$");
	assert_string_equal(seen("!a:"), "world!$");
	assert_string_equal(seen("!b:"), "world!$");
	assert_true(strstr(trace, "?a:") < strstr(trace, "?b:"));
	assert_true(strstr(trace, "!b:") < strstr(trace, "!a:")); /* answers go up */
	end(&b);
}

static void a_watcher_sees_the_end_of_an_empty_answer_too(void **state)
{
	static const char *const speakers[] = { "speaker: { text: '' }",
						"speaker: { text: '', status: 204 }" };
	struct bench b;
	char chain[128];

	(void)state;
	for (size_t i = 0; i < GH_COUNT_OF(speakers); i++) {
		snprintf(chain, sizeof chain, "watcher: { name: a };%s", speakers[i]);
		begin(&b, chain);
		struct gateway_answer a = gateway_ask(&b.g, "GET", "/");
		assert_true(a.whole);
		assert_string_equal(seen("!a:"), "$");
		assert_string_equal(seen("?a:"), ""); /* no body, no call */
		end(&b);
	}
	begin(&b, "watcher: { name: a };passer: { to: up }");
	gateway_say(&b.g, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	serve(&b, "\r\n\r\n");
	reply(&b, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	assert_true(gateway_hear(&b.g).whole);
	assert_string_equal(seen("!a:"), "$");
	end(&b);
}

static void a_watcher_sees_errors_too(void **state)
{
	struct bench b;

	(void)state;
	begin(&b, "watcher: { name: a };speaker: { text: sorry, status: 403 }");
	struct gateway_answer a = gateway_ask(&b.g, "GET", "/");
	assert_int_equal(a.status, 403);
	assert_non_null(strstr(a.head, "X-Mark: set\r\n"));
	assert_non_null(strstr(trace, "sorry"));
	assert_non_null(strchr(trace, '$'));
	end(&b);
}

static void a_step_that_was_not_entered_sees_nothing(void **state)
{
	struct bench b;

	(void)state;
	begin(&b, "speaker: { text: early };watcher: { name: a }");
	post(&b, "hello");
	assert_string_equal(gateway_hear(&b.g).body, "early");
	assert_string_equal(trace, "");
	end(&b);
}

/* ---- editors ---- */

static void an_editor_changes_what_passes_both_ways(void **state)
{
	struct bench b;

	(void)state;
	begin(&b, "watcher: { name: a };editor;watcher: { name: b };passer: { to: up }");
	post(&b, "x[yz]x[y");
	serve(&b, "0\r\n\r\n");
	assert_non_null(strstr(b.server.got, "Transfer-Encoding: chunked\r\n"));
	assert_null(strstr(b.server.got, "Content-Length"));
	assert_string_equal(seen("?a:"), "x[yz]x[y$");
	assert_string_equal(seen("?b:"), "xxyzxxy.$");
	reply(&b, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n1[2");
	reply(&b, "]3");
	struct gateway_answer a = gateway_hear(&b.g);
	assert_true(a.whole);
	assert_string_equal(a.body, "11233.");
	assert_null(strstr(a.head, "Content-Length"));
	assert_non_null(strstr(a.head, "X-Mark: set\r\n"));
	assert_string_equal(seen("!b:"), "1[2]3$");
	assert_string_equal(seen("!a:"), "11233.$");
	end(&b);
}

static void editors_in_a_row_take_from_each_other(void **state)
{
	struct bench b;

	(void)state;
	begin(&b, "editor;editor;speaker: { text: 'a[b' }");
	struct gateway_answer a = gateway_ask(&b.g, "GET", "/");
	assert_true(a.whole);
	assert_string_equal(a.body,
			    "aaaabb..."); /* the inner end is doubled, then the outer one's */
	end(&b);
	begin(&b, "editor;speaker: { text: '' }");
	a = gateway_ask(&b.g, "GET", "/");
	assert_true(a.whole);
	assert_string_equal(a.body, "."); /* one may make a body where there was none */
	end(&b);
}

static void what_an_editor_gave_is_its_own_again_at_once(void **state)
{
	struct bench b;

	(void)state;
	begin(&b, "watcher;forgetter;speaker: { text: 'abc' }");
	struct gateway_answer a = gateway_ask(&b.g, "GET", "/");
	assert_true(a.whole);
	assert_int_equal(strlen(a.body), 3 * AT_ONCE);
	for (size_t i = 0; i < 3 * AT_ONCE; i++)
		assert_int_equal(a.body[i], "abc"[i / AT_ONCE]);
	end(&b);
}

static void an_editor_that_gives_up_before_the_answer_refuses_the_request(void **state)
{
	struct bench b;

	(void)state;
	begin(&b, "editor;passer: { to: up }");
	post(&b, "ab#cd");
	assert_int_equal(gateway_hear(&b.g).status, 400);
	/* The upstream's connection is closed: it saw no end of a body. */
	if (wire_called(b.listener)) {
		assert_true(wire_accept(&b.g.worker.loop, b.listener, &b.server));
		assert_true(wire_ends(&b.g.worker.loop, &b.server));
		assert_null(strstr(b.server.got, "0\r\n\r\n"));
	}
	end(&b);
}

static void an_editor_that_gives_up_in_the_answer_breaks_it_visibly(void **state)
{
	struct bench b;

	(void)state;
	begin(&b, "editor;passer: { to: up }");
	gateway_say(&b.g, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	serve(&b, "\r\n\r\n");
	reply(&b, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nab");
	reply(&b, "cd#");
	struct gateway_answer a = gateway_hear(&b.g);
	assert_int_equal(a.status, 200);
	assert_false(a.whole);
	assert_int_not_equal(b.g.client.end, WIRE_OPEN);
	assert_true(wire_ends(&b.g.worker.loop, &b.server));
	end(&b);
	begin(&b, "editor;speaker: { text: 'ab#cd' }");
	a = gateway_ask(&b.g, "GET", "/");
	assert_false(a.whole);
	assert_int_not_equal(b.g.client.end, WIRE_OPEN);
	end(&b);
}

/* ---- the whole body ---- */

static void a_body_is_collected_whole(void **state)
{
	struct bench b;

	(void)state;
	begin(&b, "collector");
	post(&b, "hello");
	assert_string_equal(gateway_hear(&b.g).body, "hello");
	gateway_say(&b.g, chunked);
	gateway_say(&b.g, "3\r\nabc\r\n");
	gateway_say(&b.g, "3\r\ndef\r\n0\r\n\r\n");
	assert_string_equal(gateway_hear(&b.g).body, "abcdef");
	gateway_say(&b.g, chunked);
	gateway_say(&b.g, "0\r\n\r\n"); /* chunked, and empty all the same */
	struct gateway_answer a = gateway_hear(&b.g);
	assert_int_equal(a.status, 200);
	assert_string_equal(a.body, "");
	a = gateway_ask(&b.g, "GET", "/"); /* none */
	assert_int_equal(a.status, 200);
	assert_string_equal(a.body, "");
	wire_settle(&b.g.worker.loop);
	assert_int_equal(atomic_load(&b.g.collected), 0);
	end(&b);
}

static void a_body_past_the_limit_gets_413(void **state)
{
	struct bench b;

	(void)state;
	begin(&b, "collector: { max: 5 }");
	post(&b, "12345");
	assert_string_equal(gateway_hear(&b.g).body, "12345");
	post(&b, "123456");
	assert_int_equal(gateway_hear(&b.g).status, 413);
	assert_int_equal(cancelled, 0);
	gateway_join(&b.g);
	gateway_say(&b.g, chunked);
	gateway_say(&b.g, "3\r\nabc\r\n3\r\ndef\r\n");
	assert_int_equal(gateway_hear(&b.g).status, 413);
	end(&b);
}

static void the_limit_of_the_config_counts_too(void **state)
{
	struct bench b;
	char body[4100];

	(void)state;
	begin(&b, "collector: { max: 1M }"); /* limits.body is 4k */
	memset(body, 'x', sizeof body);
	body[4096] = 0;
	post(&b, body);
	assert_int_equal(strlen(gateway_hear(&b.g).body), 4096);
	body[4096] = 'x';
	body[4097] = 0;
	post(&b, body);
	assert_int_equal(gateway_hear(&b.g).status, 413);
	end(&b);
}

static void bodies_of_the_process_have_a_limit_together(void **state)
{
	struct bench b;

	(void)state;
	begin(&b, "collector");
	atomic_store(&b.g.collected, b.g.worker.max_collected - 4); /* others hold so much */
	post(&b, "12345");
	struct gateway_answer a = gateway_hear(&b.g);
	assert_int_equal(a.status, 503);
	assert_non_null(strstr(a.head, "Retry-After: 1\r\n"));
	wire_settle(&b.g.worker.loop);
	assert_int_equal(atomic_load(&b.g.collected), b.g.worker.max_collected - 4);
	gateway_join(&b.g);
	post(&b, "1234");
	assert_int_equal(gateway_hear(&b.g).status, 200);
	wire_settle(&b.g.worker.loop);
	atomic_fetch_sub(&b.g.collected, b.g.worker.max_collected - 4);
	end(&b);
}

static void a_client_that_leaves_its_body_gives_the_memory_back(void **state)
{
	struct bench b;

	(void)state;
	begin(&b, "collector");
	gateway_say(&b.g, "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf");
	assert_int_equal(atomic_load(&b.g.collected), 100);
	wire_close(&b.g.client);
	wire_settle(&b.g.worker.loop);
	assert_int_equal(cancelled, 1);
	assert_int_equal(atomic_load(&b.g.collected), 0);
	end(&b);
}

static void a_collected_body_goes_on_whole_and_is_seen_once(void **state)
{
	struct bench b;

	(void)state;
	begin(&b, "watcher: { name: a };collector: { answers: false };watcher: { name: b };"
		  "passer: { to: up }");
	gateway_say(&b.g, chunked);
	gateway_say(&b.g, "3\r\nabc\r\n");
	gateway_say(&b.g, "3\r\ndef\r\n0\r\n\r\n");
	serve(&b, "abcdef");
	assert_non_null(strstr(b.server.got, "Content-Length: 6\r\n"));
	reply(&b, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
	assert_string_equal(gateway_hear(&b.g).body, "ok");
	assert_string_equal(seen("?a:"), "abcdef$");
	assert_string_equal(seen("?b:"), "abcdef$");
	assert_string_equal(seen("?collector:"), "abcdef$"); /* the step itself too */
	end(&b);
}

static void a_collected_body_has_passed_the_editors_before_it(void **state)
{
	struct bench b;

	(void)state;
	begin(&b, "editor;collector");
	post(&b, "a[b");
	assert_string_equal(gateway_hear(&b.g).body,
			    "aaaabb..."); /* `aab.`, and edited once more */
	end(&b);
	begin(&b, "collector: { answers: false };editor;passer: { to: up }");
	post(&b, "a[b");
	serve(&b, "0\r\n\r\n");
	assert_non_null(strstr(b.server.got, "Transfer-Encoding: chunked\r\n"));
	end(&b);
}

/* ---- answers ---- */

static void a_field_for_the_answer_takes_the_place_of_the_upstreams(void **state)
{
	struct bench b;

	(void)state;
	begin(&b, "passer: { to: up }");
	gateway_say(&b.g, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	serve(&b, "\r\n\r\n");
	reply(&b, "HTTP/1.1 200 OK\r\nx-mark: theirs\r\nContent-Length: 2\r\n\r\nok");
	struct gateway_answer a = gateway_hear(&b.g);
	assert_non_null(strstr(a.head, "X-Mark: set\r\n"));
	assert_null(strstr(a.head, "theirs"));
	end(&b);
}

static void an_upstream_that_breaks_off_is_a_visible_break(void **state)
{
	struct bench b;

	(void)state;
	begin(&b, "watcher: { name: a };passer: { to: up }");
	gateway_say(&b.g, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	serve(&b, "\r\n\r\n");
	reply(&b, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n");
	wire_close(&b.server);
	struct gateway_answer a = gateway_hear(&b.g);
	assert_int_equal(a.status, 200);
	assert_false(a.whole);
	assert_int_not_equal(b.g.client.end, WIRE_OPEN);
	assert_string_equal(seen("!a:"), "half"); /* no last for what did not end */
	end(&b);
	begin(&b, "passer: { to: up }");
	gateway_say(&b.g, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	serve(&b, "\r\n\r\n");
	wire_close(&b.server);
	a = gateway_hear(&b.g);
	assert_int_equal(a.status, 502);
	assert_non_null(strstr(a.head, "X-Mark: set\r\n"));
	end(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_watcher_sees_every_byte_and_one_last),
		cmocka_unit_test(a_watcher_sees_the_end_of_an_empty_answer_too),
		cmocka_unit_test(a_watcher_sees_errors_too),
		cmocka_unit_test(a_step_that_was_not_entered_sees_nothing),
		cmocka_unit_test(an_editor_changes_what_passes_both_ways),
		cmocka_unit_test(editors_in_a_row_take_from_each_other),
		cmocka_unit_test(what_an_editor_gave_is_its_own_again_at_once),
		cmocka_unit_test(an_editor_that_gives_up_before_the_answer_refuses_the_request),
		cmocka_unit_test(an_editor_that_gives_up_in_the_answer_breaks_it_visibly),
		cmocka_unit_test(a_body_is_collected_whole),
		cmocka_unit_test(a_body_past_the_limit_gets_413),
		cmocka_unit_test(the_limit_of_the_config_counts_too),
		cmocka_unit_test(bodies_of_the_process_have_a_limit_together),
		cmocka_unit_test(a_client_that_leaves_its_body_gives_the_memory_back),
		cmocka_unit_test(a_collected_body_goes_on_whole_and_is_seen_once),
		cmocka_unit_test(a_collected_body_has_passed_the_editors_before_it),
		cmocka_unit_test(a_field_for_the_answer_takes_the_place_of_the_upstreams),
		cmocka_unit_test(an_upstream_that_breaks_off_is_a_visible_break),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
