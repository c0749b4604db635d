/*
 * The way down the chain and up again: every verdict in every hook, the order of steps, waits that
 * end once. Modules are three of one kind that do what their options say and leave a trace.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "support/gateway.h"

static char trace[1024];
static struct gh_wait held;
static unsigned waits;

static void leave(const char *format, struct gh_str name)
{
	size_t at = strlen(trace);

	snprintf(trace + at, sizeof trace - at, format, (int)name.len, name.at);
}

struct puppet {
	struct gh_str name, request, response;
};

static const struct gh_option options[] = {
	GH_OPTION(struct puppet, name, "x", "Its mark in the trace."),
	GH_OPTION(struct puppet, request, "next", "What it does on the way down."),
	GH_OPTION(struct puppet, response, "next", "What it does on the way up."), GH_OPTIONS_END
};

static enum gh_verdict act(struct gh_step *s, struct gh_str what, int status)
{
	const struct puppet *p = s->self;

	if (gh_str_is(what, "done"))
		return gh_respond(s, 200, GH_STR("text/plain"), p->name);
	if (gh_str_is(what, "fail"))
		return gh_fail(s, status, NULL, "%.*s fails", (int)p->name.len, p->name.at);
	return gh_str_is(what, "error") ? GH_ERROR : GH_NEXT;
}

static enum gh_verdict after_request(struct gh_step *s)
{
	const struct puppet *p = s->self;

	leave("%.*s~ ", p->name);
	return act(s, gh_str_slice(p->request, 5, p->request.len), 403);
}

static enum gh_verdict after_response(struct gh_step *s)
{
	const struct puppet *p = s->self;

	leave("~%.*s ", p->name);
	return act(s, gh_str_slice(p->response, 5, p->response.len), 418);
}

static enum gh_verdict on_request(struct gh_step *s)
{
	const struct puppet *p = s->self;
	int *entered = s->state;

	leave("%.*s> ", p->name);
	assert_int_equal(*entered, 0); /* zeroed, and entered once */
	++*entered;
	if (!gh_str_starts(p->request, GH_STR("hold-")))
		return act(s, p->request, 403);
	waits++;
	return gh_hold(s, after_request, &held);
}

static enum gh_verdict on_response(struct gh_step *s)
{
	const struct puppet *p = s->self;
	int *entered = s->state;

	leave("<%.*s ", p->name);
	assert_int_equal(*entered, 1);
	assert_true(s->res->status >= 200);
	if (!gh_str_starts(p->response, GH_STR("hold-")))
		return act(s, p->response, 418);
	waits++;
	return gh_hold(s, after_response, &held);
}

static void on_cancel(struct gh_step *s)
{
	leave("%.*s! ", ((const struct puppet *)s->self)->name);
}

static void on_finish(struct gh_step *s)
{
	leave("%.*s. ", ((const struct puppet *)s->self)->name);
}

static const struct gh_module puppet = {
	.name = "puppet",
	.doc = "Does as it is told.",
	.options = options,
	.self_size = sizeof(struct puppet),
	.state_size = sizeof(int),
	.on_request = on_request,
	.on_response = on_response,
	.on_cancel = on_cancel,
	.on_finish = on_finish,
};

static const struct gh_module *const modules[] = { &puppet, NULL };

static void begin_with(struct gateway *g, const char *b_request, const char *b_response,
		       const char *c_request)
{
	char yaml[1024];

	trace[0] = 0;
	waits = 0;
	snprintf(yaml, sizeof yaml,
		 "routes:\n"
		 "  - handle:\n"
		 "      - puppet: { name: a }\n"
		 "      - puppet: { name: b, request: %s, response: %s }\n"
		 "      - puppet: { name: c, request: %s }\n",
		 b_request, b_response, c_request);
	gateway_begin(g, modules, yaml);
}

static const char get[] = "GET /x HTTP/1.1\r\nHost: a\r\n\r\n";

/* ---- the matrix ---- */

static void every_verdict_means_the_same_in_every_hook(void **state)
{
	static const struct {
		const char *does, *down;
		int status;
		bool goes_on;
	} requests[] = {
		{ "next", "a> b> c> ", 200, true },
		{ "done", "a> b> ", 200, false },
		{ "error", "a> b> ", 500, false },
		{ "fail", "a> b> ", 403, false },
		{ "hold-next", "a> b> b~ c> ", 200, true },
		{ "hold-done", "a> b> b~ ", 200, false },
		{ "hold-error", "a> b> b~ ", 500, false },
		{ "hold-fail", "a> b> b~ ", 403, false },
	};
	static const struct {
		const char *does, *up;
		int status; /* 0: as it was */
	} responses[] = {
		{ "next", "<b <a ", 0 },
		{ "error", "<b <a ", 500 },
		{ "fail", "<b <a ", 418 },
		{ "hold-next", "<b ~b <a ", 0 },
		{ "hold-error", "<b ~b <a ", 500 },
		{ "hold-fail", "<b ~b <a ", 418 },
	};
	char want[256];

	(void)state;
	for (size_t i = 0; i < GH_COUNT_OF(requests); i++) {
		for (size_t k = 0; k < GH_COUNT_OF(responses); k++) {
			struct gateway g;
			begin_with(&g, requests[i].does, responses[k].does, "done");
			gateway_say(&g, get);
			for (unsigned n = 1; n <= 2 && waits == n; n++) {
				gh_resume(held);
				wire_settle(&g.worker.loop);
			}
			struct gateway_answer a = gateway_hear(&g);
			assert_true(a.whole);
			assert_int_equal(a.status, responses[k].status ? responses[k].status
								       : requests[i].status);
			if (a.status == 200)
				assert_string_equal(a.body, requests[i].goes_on ? "c" : "b");
			else if (a.status == 418)
				assert_non_null(strstr(a.body, "b fails"));
			snprintf(want, sizeof want, "%s%s%s%s", requests[i].down,
				 requests[i].goes_on ? "<c " : "", responses[k].up,
				 requests[i].goes_on ? "c. b. a. " : "b. a. ");
			assert_string_equal(trace, want);
			/* And the connection serves on. */
			assert_int_equal(g.client.end, WIRE_OPEN);
			gateway_end(&g);
		}
	}
}

static void a_chain_that_nobody_ends_is_not_found(void **state)
{
	struct gateway g;

	(void)state;
	begin_with(&g, "next", "next", "next");
	assert_int_equal(gateway_ask(&g, "GET", "/x").status, 404);
	assert_string_equal(trace, "a> b> c> <c <b <a c. b. a. ");
	gateway_end(&g);
}

/* ---- waits ---- */

static void a_client_that_leaves_while_a_step_waits_cancels_it(void **state)
{
	struct gateway g;

	(void)state;
	begin_with(&g, "hold-next", "next", "done");
	gateway_say(&g, get);
	assert_string_equal(trace, "a> b> ");
	wire_close(&g.client);
	wire_settle(&g.worker.loop);
	assert_string_equal(trace, "a> b> b! b. a. ");
	gh_resume(held); /* comes late, and is nothing */
	wire_settle(&g.worker.loop);
	assert_string_equal(trace, "a> b> b! b. a. ");
	gateway_end(&g);
	begin_with(&g, "next", "hold-next", "done");
	gateway_say(&g, get);
	wire_close(&g.client);
	wire_settle(&g.worker.loop);
	assert_string_equal(trace, "a> b> c> <c <b b! c. b. a. ");
	gateway_end(&g);
}

static void a_resume_that_meets_the_clients_leave_ends_the_step_once(void **state)
{
	struct gateway g;

	(void)state;
	begin_with(&g, "hold-next", "next", "done");
	gateway_say(&g, get);
	gh_resume(held); /* both are there when the loop turns */
	wire_close(&g.client);
	wire_settle(&g.worker.loop);
	bool cancelled = strstr(trace, "b!"), went_on = strstr(trace, "b~");
	assert_int_not_equal(cancelled, went_on);
	assert_string_equal(trace,
			    cancelled ? "a> b> b! b. a. " : "a> b> b~ c> <c <b <a c. b. a. ");
	gateway_end(&g);
}

static void a_second_resume_is_nothing(void **state)
{
	struct gateway g;

	(void)state;
	begin_with(&g, "hold-next", "hold-next", "done");
	gateway_say(&g, get);
	struct gh_wait first = held;
	gh_resume(first);
	gh_resume(first);
	wire_settle(&g.worker.loop);
	assert_string_equal(trace, "a> b> b~ c> <c <b "); /* the wait of on_response is another */
	gh_resume(first);
	wire_settle(&g.worker.loop);
	assert_string_equal(trace, "a> b> b~ c> <c <b ");
	gh_resume(held);
	assert_int_equal(gateway_hear(&g).status, 200);
	gateway_end(&g);
}

static void a_late_resume_is_nothing_to_any_later_wait(void **state)
{
	struct gateway g;

	(void)state;
	begin_with(&g, "hold-done", "next", "done");
	gateway_say(&g, get);
	struct gh_wait first = held;
	gh_resume(first);
	assert_int_equal(gateway_hear(&g).status, 200);
	/* Also where it would be looked for in the same place. */
	for (int i = 1; i <= GH__WAIT_BUCKETS; i++) {
		trace[0] = 0;
		gateway_say(&g, get);
		gh_resume(first);
		wire_settle(&g.worker.loop);
		assert_string_equal(trace, "a> b> ");
		gh_resume(held);
		assert_int_equal(gateway_hear(&g).status, 200);
	}
	gateway_end(&g);
}

static void *resume(void *arg)
{
	gh_resume(*(struct gh_wait *)arg);
	return NULL;
}

static void any_thread_may_resume(void **state)
{
	struct gateway g;
	pthread_t threads[4];

	(void)state;
	begin_with(&g, "hold-next", "next", "done");
	gateway_say(&g, get);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(threads + i, NULL, resume, &held), 0);
	assert_int_equal(gateway_hear(&g).status, 200);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	assert_string_equal(trace, "a> b> b~ c> <c <b <a c. b. a. ");
	gateway_end(&g);
}

static void a_held_request_holds_back_the_next_on_its_connection(void **state)
{
	struct gateway g;

	(void)state;
	begin_with(&g, "hold-done", "next", "done");
	gateway_say(&g, get);
	struct gh_wait first = held;
	gateway_say(&g, get);
	assert_int_equal(waits, 1);
	gh_resume(first);
	assert_int_equal(gateway_hear(&g).status, 200);
	wire_settle(&g.worker.loop);
	assert_int_equal(waits, 2);
	gh_resume(held);
	assert_int_equal(gateway_hear(&g).status, 200);
	gateway_end(&g);
}

static void a_request_keeps_its_site_over_a_reload(void **state)
{
	static const char other[] =
		"routes:\n  - handle:\n      - puppet: { name: z, request: done }\n";
	struct gateway g;

	(void)state;
	begin_with(&g, "hold-next", "hold-next", "done");
	gateway_say(&g, get);
	assert_int_equal(gateway_reload(&g, other), 0);
	assert_int_equal(g.sites, 2);
	gh_resume(held);
	wire_settle(&g.worker.loop);
	gh_resume(held);
	assert_string_equal(gateway_hear(&g).body, "c"); /* by the old one to its end */
	wire_settle(&g.worker.loop);
	assert_int_equal(g.sites, 1);
	assert_string_equal(gateway_ask(&g, "GET", "/x").body, "z"); /* on the same connection */
	assert_int_equal(gateway_reload(&g, "routes: nonsense\n"), -1);
	assert_string_equal(gateway_ask(&g, "GET", "/x").body, "z");
	gateway_end(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_verdict_means_the_same_in_every_hook),
		cmocka_unit_test(a_chain_that_nobody_ends_is_not_found),
		cmocka_unit_test(a_client_that_leaves_while_a_step_waits_cancels_it),
		cmocka_unit_test(a_resume_that_meets_the_clients_leave_ends_the_step_once),
		cmocka_unit_test(a_second_resume_is_nothing),
		cmocka_unit_test(a_late_resume_is_nothing_to_any_later_wait),
		cmocka_unit_test(any_thread_may_resume),
		cmocka_unit_test(a_held_request_holds_back_the_next_on_its_connection),
		cmocka_unit_test(a_request_keeps_its_site_over_a_reload),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
