/*
 * gh_pass() and what a module can do while its request is at an upstream: another body, another
 * upstream after a trouble, a head before the answer, a look at the answer before the client has it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/gateway.h"

/* ---- a module that does as it is told ---- */

struct agent {
	struct gh_upstream_ref to, other;
	struct gh_str body, answer, model, trouble;
	int64_t take;
	struct gh_duration silence;
};

struct agent_state {
	unsigned troubles, heads, len;
	char kept[256];
};

static const struct gh_option options[] = {
	GH_OPTION(struct agent, to, NULL, "Where to.", .flags = GH_REQUIRED),
	GH_OPTION(struct agent, other, NULL, "Where to after a trouble."),
	GH_OPTION(struct agent, body, "", "`pieces`: the body goes on as `<` body `>`."),
	GH_OPTION(struct agent, answer, "",
		  "`take`: looks at the answer; `refuse`: makes an error of it."),
	GH_OPTION(struct agent, model, "", "Which it asks for."),
	GH_OPTION(struct agent, trouble, "", "`say`: tells of it in the stream."),
	GH_OPTION(struct agent, take, "0", "So many bytes of the answer are looked at."),
	GH_OPTION(struct agent, silence, "0s", "After which it says something."),
	GH_OPTIONS_END
};

static struct gh_trouble seen;

static enum gh_verdict pass(struct gh_step *s, struct gh_upstream *to);

static enum gh_verdict on_trouble(struct gh_step *s)
{
	const struct agent *a = s->self;
	struct agent_state *state = s->state;

	seen = *gh_trouble(s);
	if (gh_is_begun(s)) {
		gh_say(s, GH_STR("data: trouble\n\n"));
		return gh_fail(s, 502, NULL, "It broke.");
	}
	if (a->other.upstream && state->troubles++ == 0)
		return pass(s, a->other.upstream);
	return gh_fail(s, seen.status, seen.code, "%s", seen.text);
}

static void on_silence(struct gh_step *s)
{
	gh_begin(s, GH_STR("text/event-stream"));
	gh_say(s, GH_STR(": ping\n"));
}

static enum gh_verdict pass(struct gh_step *s, struct gh_upstream *to)
{
	const struct agent *a = s->self;
	struct gh_proxy p = {
		.upstream = to,
		.model = a->model,
		.on_trouble = a->trouble.len || a->other.upstream ? on_trouble : NULL,
		.silence_ms = a->silence.ms,
		.on_silence = on_silence,
	};

	if (gh_str_is(a->body, "pieces")) {
		struct gh_str *pieces = gh_alloc(s->req, 3 * sizeof *pieces);
		pieces[0] = GH_STR("<");
		pieces[1] = s->req->body;
		pieces[2] = GH_STR(">");
		p.body = pieces;
		p.body_count = 3;
	}
	return gh_pass(s, &p);
}

static enum gh_verdict collected(struct gh_step *s)
{
	return pass(s, ((const struct agent *)s->self)->to.upstream);
}

static enum gh_verdict on_request(struct gh_step *s)
{
	return gh_collect_body(s, 4096, collected);
}

static enum gh_verdict take(struct gh_step *s, struct gh_str slice, enum gh_part part)
{
	const struct agent *a = s->self;
	struct agent_state *state = s->state;

	assert_true(slice.len <= sizeof state->kept - state->len);
	if (slice.len)
		memcpy(state->kept + state->len, slice.at, slice.len);
	state->len += (unsigned)slice.len;
	if (part == GH_MORE && state->len < (size_t)a->take)
		return GH_PENDING;
	if (gh_str_is(a->answer, "refuse"))
		return gh_fail(s, 418, "teapot", "No.");
	gh_put(s, (struct gh_str){ state->kept, state->len });
	return GH_NEXT;
}

static enum gh_verdict on_response(struct gh_step *s)
{
	const struct agent *a = s->self;
	struct agent_state *state = s->state;

	state->heads++;
	if (a->take && s->res->status == 200)
		return gh_take_answer(s, take);
	return GH_NEXT;
}

static const struct gh_module agent = {
	.name = "agent",
	.doc = "Passes on as it is told.",
	.options = options,
	.self_size = sizeof(struct agent),
	.state_size = sizeof(struct agent_state),
	.on_request = on_request,
	.on_response = on_response,
};

/* Stands further out: marks each head, once, and sees what passes. */
static unsigned marks;
static char passed[256];

static enum gh_verdict mark(struct gh_step *s)
{
	marks++;
	return gh_header_set(&s->res->headers, GH_STR("X-Mark"), GH_STR("1")) ? GH_ERROR : GH_NEXT;
}

static void watch(struct gh_step *s, struct gh_str slice, enum gh_part part)
{
	size_t at = strlen(passed);

	(void)s;
	(void)part;
	snprintf(passed + at, sizeof passed - at, "%.*s", (int)slice.len, slice.at);
}

static const struct gh_module marker = {
	.name = "marker",
	.doc = "Marks each head.",
	.on_response = mark,
	.watch_response = watch,
};

static const struct gh_module *const modules[] = { &agent, &marker, NULL };

/* ---- a gateway with two servers behind it ---- */

struct bench {
	struct gateway g;
	int a, b;
	uint16_t a_port, b_port;
	struct wire server;
};

static void begin(struct bench *b, const char *upstream, const char *more)
{
	char yaml[1024];

	*b = (struct bench){ .server.fd = -1 };
	b->a = wire_listen(&b->a_port);
	b->b = wire_listen(&b->b_port);
	marks = 0;
	passed[0] = 0;
	seen = (struct gh_trouble){ 0 };
	snprintf(yaml, sizeof yaml,
		 "upstreams:\n"
		 "  a: { to: http://127.0.0.1:%u, fail_timeout: 0s%s }\n"
		 "  b: { to: http://127.0.0.1:%u, key: its-own-key }\n"
		 "routes:\n  - handle: [marker: {}, agent: { to: a%s }]\n",
		 b->a_port, upstream, b->b_port, more);
	gateway_begin(&b->g, modules, yaml);
}

static void end(struct bench *b)
{
	wire_close(&b->server);
	gateway_end(&b->g);
	if (b->a >= 0)
		close(b->a);
	if (b->b >= 0)
		close(b->b);
}

static struct gh__loop *loop_of(struct bench *b)
{
	return &b->g.worker.loop;
}

static void serve(struct bench *b, int listener, const char *sees, const char *answer)
{
	if (b->server.fd >= 0)
		wire_close(&b->server);
	assert_true(wire_accept(loop_of(b), listener, &b->server));
	if (!wire_sees(loop_of(b), &b->server, sees))
		fail_msg("the server saw no %s", sees);
	wire_send(loop_of(b), &b->server, answer);
}

static const char post[] = "POST /x HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer "
			   "client\r\nContent-Length: 4\r\n\r\nbody";
static const char ok[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
static const char stream[] =
	"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

/* ---- bodies ---- */

static void a_body_goes_on_in_the_pieces_that_the_module_gives(void **state)
{
	struct bench b;

	(void)state;
	begin(&b, "", ", body: pieces");
	gateway_say(&b.g, post);
	serve(&b, b.a, "\r\n\r\n<body>", ok);
	assert_non_null(strstr(b.server.got, "Content-Length: 6\r\n"));
	assert_int_equal(gateway_hear(&b.g).status, 200);
	end(&b);
}

static void a_body_at_hand_is_sent_again_on_a_fresh_connection(void **state)
{
	struct bench b;

	(void)state;
	begin(&b, "", ", body: pieces");
	gateway_say(&b.g, post);
	serve(&b, b.a, "<body>", ok);
	assert_int_equal(gateway_hear(&b.g).status, 200);
	/* The kept connection takes the request and dies before a byte. */
	wire_forget(&b.server);
	gateway_say(&b.g, post);
	assert_true(wire_sees(loop_of(&b), &b.server, "<body>"));
	serve(&b, b.a, "<body>", ok);
	assert_int_equal(wire_count(&b.server, "<body>"), 1);
	assert_int_equal(gateway_hear(&b.g).status, 200);
	end(&b);
}

/* ---- troubles ---- */

static void a_server_that_is_down_has_another_in_its_place(void **state)
{
	struct bench b;

	(void)state;
	begin(&b, "", ", other: b, body: pieces");
	close(b.a);
	b.a = -1;
	gateway_say(&b.g, post);
	serve(&b, b.b, "<body>", ok);
	/* The second server sees its own key, and what a proxy says once. */
	assert_non_null(strstr(b.server.got, "Authorization: Bearer its-own-key\r\n"));
	assert_int_equal(wire_count(&b.server, "Authorization:"), 1);
	assert_int_equal(wire_count(&b.server, "Via:"), 1);
	assert_int_equal(gateway_hear(&b.g).status, 200);
	assert_int_equal(seen.kind, GH_TROUBLE_CONNECT);
	assert_int_equal(marks, 1);
	end(&b);
}

static void without_a_word_on_it_a_trouble_is_an_error(void **state)
{
	struct bench b;

	(void)state;
	begin(&b, "", "");
	gateway_say(&b.g, post);
	serve(&b, b.a, "body", "");
	assert_non_null(strstr(b.server.got, "Authorization: Bearer client\r\n"));
	wire_close(&b.server);
	assert_int_equal(gateway_hear(&b.g).status, 502);
	assert_int_equal(marks, 1);
	end(&b);
}

static void an_answer_that_breaks_off_in_the_middle_is_not_asked_for_again(void **state)
{
	struct bench b;
	struct gateway_answer answer;

	(void)state;
	begin(&b, "", ", other: b");
	gateway_say(&b.g, post);
	serve(&b, b.a, "body", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
	assert_true(wire_sees(loop_of(&b), &b.g.client, "half"));
	wire_close(&b.server);
	answer = gateway_hear(&b.g);
	assert_int_equal(answer.status, 200);
	assert_false(answer.whole);
	assert_int_equal(seen.status, 0);
	assert_false(wire_called(b.b));
	end(&b);
}

/* ---- turns ---- */

static void who_is_too_many_waits_and_goes_on_when_a_place_is_free(void **state)
{
	struct bench b;
	struct wire first;

	(void)state;
	begin(&b, ", max_concurrent: 1", "");
	gateway_say(&b.g, post);
	assert_true(wire_accept(loop_of(&b), b.a, &b.server));
	assert_true(wire_sees(loop_of(&b), &b.server, "body"));
	first = b.g.client;
	b.g.client = (struct wire){ .fd = -1 };
	gateway_join(&b.g);
	gateway_say(&b.g, post);
	wire_settle(loop_of(&b));
	assert_false(wire_called(b.a));
	wire_forget(&b.server);
	wire_send(loop_of(&b), &b.server, ok);
	assert_true(wire_sees(loop_of(&b), &first, "ok"));
	/* On the connection that is free now. */
	assert_true(wire_sees(loop_of(&b), &b.server, "body"));
	wire_send(loop_of(&b), &b.server, ok);
	assert_int_equal(gateway_hear(&b.g).status, 200);
	wire_close(&first);
	end(&b);
}

static void who_is_too_many_even_to_wait_is_told_when_to_come_again(void **state)
{
	struct bench b;
	struct wire first;
	struct gateway_answer answer;

	(void)state;
	begin(&b, ", max_concurrent: 1, queue: 0", "");
	gateway_say(&b.g, post);
	assert_true(wire_accept(loop_of(&b), b.a, &b.server));
	first = b.g.client;
	b.g.client = (struct wire){ .fd = -1 };
	gateway_join(&b.g);
	gateway_say(&b.g, post);
	answer = gateway_hear(&b.g);
	assert_int_equal(answer.status, 429);
	assert_non_null(strstr(answer.head, "Retry-After: "));
	wire_close(&first);
	end(&b);
}

static void a_wait_ends(void **state)
{
	struct bench b;
	struct wire first;
	struct gateway_answer answer;

	(void)state;
	begin(&b, ", max_concurrent: 1, queue_timeout: 2s", "");
	gateway_say(&b.g, post);
	assert_true(wire_accept(loop_of(&b), b.a, &b.server));
	first = b.g.client;
	b.g.client = (struct wire){ .fd = -1 };
	gateway_join(&b.g);
	gateway_say(&b.g, post);
	wire_settle(loop_of(&b));
	gateway_pass(&b.g, 2100);
	answer = gateway_hear(&b.g);
	assert_int_equal(answer.status, 503);
	wire_close(&first);
	end(&b);
}

static void who_leaves_gives_the_place_back(void **state)
{
	struct bench b;

	(void)state;
	begin(&b, ", max_concurrent: 1", "");
	gateway_say(&b.g, post);
	assert_true(wire_accept(loop_of(&b), b.a, &b.server));
	assert_true(wire_sees(loop_of(&b), &b.server, "body"));
	gateway_join(&b.g); /* the one before is closed */
	assert_true(wire_ends(loop_of(&b), &b.server));
	gateway_say(&b.g, post);
	serve(&b, b.a, "body", ok);
	assert_int_equal(gateway_hear(&b.g).status, 200);
	end(&b);
}

/* ---- a head before the answer ---- */

static void a_long_silence_is_broken_and_the_answer_follows_in_the_same_stream(void **state)
{
	struct bench b;
	struct gateway_answer answer;

	(void)state;
	begin(&b, "", ", silence: 15s");
	gateway_say(&b.g, post);
	assert_true(wire_accept(loop_of(&b), b.a, &b.server));
	gateway_pass(&b.g, 14000);
	wire_settle(loop_of(&b));
	wire_read(&b.g.client);
	assert_int_equal(b.g.client.len, 0);
	gateway_pass(&b.g, 1200);
	assert_true(wire_sees(loop_of(&b), &b.g.client, ": ping\n"));
	assert_int_equal(wire_count(&b.g.client, "X-Mark: 1"), 1);
	assert_int_equal(wire_count(&b.g.client, "x-request-id: "), 1);
	gateway_pass(&b.g, 15200);
	wire_settle(loop_of(&b));
	wire_read(&b.g.client);
	assert_int_equal(wire_count(&b.g.client, ": ping\n"), 2);
	wire_send(loop_of(&b), &b.server, stream);
	wire_send(loop_of(&b), &b.server, "9\r\ndata: x\n\n\r\n0\r\n\r\n");
	answer = gateway_hear(&b.g);
	assert_true(answer.whole);
	assert_string_equal(answer.body, ": ping\n: ping\ndata: x\n\n");
	assert_string_equal(passed, ": ping\n: ping\ndata: x\n\n");
	assert_int_equal(marks, 1);
	end(&b);
}

static void a_wait_for_a_turn_is_no_silence_either(void **state)
{
	struct bench b;
	struct wire first;
	struct gateway_answer answer;

	(void)state;
	begin(&b, ", max_concurrent: 1", ", silence: 15s");
	gateway_say(&b.g, post);
	assert_true(wire_accept(loop_of(&b), b.a, &b.server));
	first = b.g.client;
	b.g.client = (struct wire){ .fd = -1 };
	gateway_join(&b.g);
	gateway_say(&b.g, post);
	wire_settle(loop_of(&b));
	gateway_pass(&b.g, 15200);
	assert_true(wire_sees(loop_of(&b), &b.g.client, ": ping\n"));
	wire_forget(&b.server);
	wire_send(loop_of(&b), &b.server, ok);
	assert_true(wire_sees(loop_of(&b), &b.server, "body"));
	wire_send(loop_of(&b), &b.server, stream);
	wire_send(loop_of(&b), &b.server, "9\r\ndata: x\n\n\r\n0\r\n\r\n");
	answer = gateway_hear(&b.g);
	assert_true(answer.whole);
	assert_string_equal(answer.body, ": ping\ndata: x\n\n");
	wire_close(&first);
	end(&b);
}

static void a_trouble_after_the_head_is_told_and_then_the_answer_breaks(void **state)
{
	struct bench b;
	struct gateway_answer answer;

	(void)state;
	begin(&b, "", ", silence: 15s, trouble: say, other: b");
	gateway_say(&b.g, post);
	assert_true(wire_accept(loop_of(&b), b.a, &b.server));
	gateway_pass(&b.g, 15200);
	assert_true(wire_sees(loop_of(&b), &b.g.client, ": ping\n"));
	wire_close(&b.server);
	answer = gateway_hear(&b.g);
	assert_false(answer.whole);
	assert_non_null(strstr(answer.body, ": ping\ndata: trouble\n\n"));
	assert_false(wire_called(b.b));
	end(&b);
}

static void an_error_after_the_head_can_be_looked_at(void **state)
{
	struct bench b;
	struct gateway_answer answer;

	(void)state;
	begin(&b, "", ", silence: 15s, take: 100, answer: refuse");
	gateway_say(&b.g, post);
	assert_true(wire_accept(loop_of(&b), b.a, &b.server));
	gateway_pass(&b.g, 15200);
	assert_true(wire_sees(loop_of(&b), &b.g.client, ": ping\n"));
	wire_send(loop_of(&b), &b.server, ok);
	answer = gateway_hear(&b.g);
	assert_false(answer.whole);
	assert_null(strstr(answer.body, "ok"));
	end(&b);
}

/* ---- a look at the answer ---- */

static void what_was_looked_at_goes_first_and_the_rest_streams(void **state)
{
	struct bench b;
	struct gateway_answer answer;

	(void)state;
	begin(&b, "", ", take: 4");
	gateway_say(&b.g, post);
	serve(&b, b.a, "body", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab");
	wire_settle(loop_of(&b));
	wire_read(&b.g.client);
	assert_int_equal(b.g.client.len, 0); /* nothing yet, not even a head */
	wire_send(loop_of(&b), &b.server, "cd");
	assert_true(wire_sees(loop_of(&b), &b.g.client, "abcd"));
	wire_send(loop_of(&b), &b.server, "efghi");
	answer = gateway_hear(&b.g);
	assert_true(answer.whole);
	assert_string_equal(answer.body, "abcdefghi");
	assert_string_equal(passed, "abcdefghi");
	end(&b);
}

static void an_answer_that_ends_while_it_is_looked_at_is_whole(void **state)
{
	struct bench b;
	struct gateway_answer answer;

	(void)state;
	begin(&b, "", ", take: 100");
	gateway_say(&b.g, post);
	serve(&b, b.a, "body", ok);
	answer = gateway_hear(&b.g);
	assert_int_equal(answer.status, 200);
	assert_true(answer.whole);
	assert_string_equal(answer.body, "ok");
	/* And the connection serves the next. */
	wire_forget(&b.server);
	gateway_say(&b.g, post);
	assert_true(wire_sees(loop_of(&b), &b.server, "body"));
	wire_send(loop_of(&b), &b.server, ok);
	assert_int_equal(gateway_hear(&b.g).status, 200);
	end(&b);
}

static void what_was_looked_at_can_become_an_error(void **state)
{
	struct bench b;
	struct gateway_answer answer;

	(void)state;
	begin(&b, "", ", take: 2, answer: refuse");
	gateway_say(&b.g, post);
	serve(&b, b.a, "body", ok);
	answer = gateway_hear(&b.g);
	assert_int_equal(answer.status, 418);
	assert_true(answer.whole);
	assert_int_equal(marks, 1);
	end(&b);
}

static void an_answer_that_breaks_while_it_is_looked_at_is_a_trouble(void **state)
{
	struct bench b;
	struct gateway_answer answer;

	(void)state;
	begin(&b, "", ", take: 100");
	gateway_say(&b.g, post);
	serve(&b, b.a, "body", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab");
	wire_settle(loop_of(&b));
	wire_close(&b.server);
	answer = gateway_hear(&b.g);
	assert_int_equal(answer.status, 502);
	assert_true(answer.whole);
	end(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_body_goes_on_in_the_pieces_that_the_module_gives),
		cmocka_unit_test(a_body_at_hand_is_sent_again_on_a_fresh_connection),
		cmocka_unit_test(a_server_that_is_down_has_another_in_its_place),
		cmocka_unit_test(without_a_word_on_it_a_trouble_is_an_error),
		cmocka_unit_test(an_answer_that_breaks_off_in_the_middle_is_not_asked_for_again),
		cmocka_unit_test(who_is_too_many_waits_and_goes_on_when_a_place_is_free),
		cmocka_unit_test(who_is_too_many_even_to_wait_is_told_when_to_come_again),
		cmocka_unit_test(a_wait_ends),
		cmocka_unit_test(who_leaves_gives_the_place_back),
		cmocka_unit_test(
			a_long_silence_is_broken_and_the_answer_follows_in_the_same_stream),
		cmocka_unit_test(a_wait_for_a_turn_is_no_silence_either),
		cmocka_unit_test(a_trouble_after_the_head_is_told_and_then_the_answer_breaks),
		cmocka_unit_test(an_error_after_the_head_can_be_looked_at),
		cmocka_unit_test(what_was_looked_at_goes_first_and_the_rest_streams),
		cmocka_unit_test(an_answer_that_ends_while_it_is_looked_at_is_whole),
		cmocka_unit_test(what_was_looked_at_can_become_an_error),
		cmocka_unit_test(an_answer_that_breaks_while_it_is_looked_at_is_a_trouble),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
