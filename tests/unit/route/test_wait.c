/*
 * What a step may wait for: a sleep, work on another thread, an answer from an upstream on the side. Each
 * ends once, in its time, or with the client.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/gateway.h"

static unsigned cancels, finishes, defers, jobs_begun;
static char order[64];

struct asker {
	struct gh_str wait;
	struct gh_upstream_ref to;
	int64_t number;
};

static const struct gh_option options[] = {
	GH_OPTION(struct asker, wait, "sleep", "For what."),
	GH_OPTION(struct asker, to, "http://127.0.0.1:1", "Whom it asks."),
	GH_OPTION(struct asker, number, "7", "What its jobs add."), GH_OPTIONS_END
};

static enum gh_verdict say_done(struct gh_step *s)
{
	return gh_respond(s, 200, GH_STR("text/plain"), GH_STR("done"));
}

/* ---- jobs ---- */

static atomic_uint gate; /* jobs wait until it is open */
static atomic_uint running;

struct job {
	const struct asker *self;
	int64_t in, out;
};

static void work(void *memory)
{
	struct job *j = memory;

	atomic_fetch_add(&running, 1);
	while (!atomic_load(&gate))
		usleep(500);
	j->out = j->in + j->self->number;
}

static enum gh_verdict second(struct gh_step *s)
{
	const struct job *j = gh_job(s);

	assert_non_null(j);
	return gh_respond(s, 200, GH_STR("text/plain"), gh_printf(s->req, "%d", (int)j->out));
}

static enum gh_verdict first(struct gh_step *s)
{
	const struct job *j = gh_job(s);
	struct job next = { s->self, j->out, 0 };

	/* One after another: each finds its own memory. */
	return gh_offload(s, GH_LANE_FILE, work, &next, sizeof next, second);
}

struct reading {
	struct gh_str body;
	size_t sum;
};

static void read_body(void *memory)
{
	struct reading *r = memory;

	atomic_fetch_add(&running, 1);
	while (!atomic_load(&gate))
		usleep(500);
	for (size_t i = 0; i < r->body.len; i++)
		r->sum += (unsigned char)r->body.at[i];
}

static enum gh_verdict read_over(struct gh_step *s)
{
	const struct reading *r = gh_job(s);

	return gh_respond(s, 200, GH_STR("text/plain"), gh_printf(s->req, "%zu", r->sum));
}

static enum gh_verdict read_elsewhere(struct gh_step *s)
{
	struct reading r = { s->req->body, 0 };

	return gh_offload(s, GH_LANE_READ, read_body, &r, sizeof r, read_over);
}

/* ---- calls ---- */

static enum gh_verdict asked(struct gh_step *s)
{
	const struct gh_answer *a = gh_answer(s);

	assert_non_null(a);
	if (!a->status) {
		assert_non_null(a->error);
		assert_int_equal(a->body.len, 0);
		return gh_fail(s, 599, NULL, "%s", a->error);
	}
	assert_null(a->error);
	return gh_respond(s, 200, GH_STR("text/plain"),
			  gh_printf(s->req, "%d %.*s %.*s", a->status, (int)a->body.len, a->body.at,
				    (int)gh_header_get(&a->headers, GH_STR("X-Theirs")).len,
				    gh_header_get(&a->headers, GH_STR("X-Theirs")).at));
}

static void note_defer(void *arg)
{
	size_t at = strlen(order);

	defers++;
	snprintf(order + at, sizeof order - at, "%s ", (const char *)arg);
}

static enum gh_verdict on_request(struct gh_step *s)
{
	const struct asker *a = s->self;
	static const struct gh_header header = { "X-Ours", "1", 1, 6, 0 };

	gh_defer(s->req, note_defer, (void *)(uintptr_t) "first");
	gh_defer(s->req, note_defer, (void *)(uintptr_t) "second");
	if (gh_str_is(a->wait, "sleep"))
		return gh_sleep(s, 1000, say_done);
	if (gh_str_is(a->wait, "none"))
		return gh_sleep(s, -5, say_done);
	if (gh_str_is(a->wait, "read"))
		return gh_collect_body(s, 1000, read_elsewhere);
	if (gh_str_is(a->wait, "offload")) {
		struct job j = { a, 100, 0 };
		jobs_begun++;
		return gh_offload(s, GH_LANE_FILE, work, &j, sizeof j, first);
	}
	return gh_call(s, a->to.upstream,
		       &(struct gh_call){ .method = GH_STR("POST"),
					  .path = GH_STR("/side?x"),
					  .headers = &header,
					  .header_count = 1,
					  .body = GH_STR("question"),
					  .max = 10,
					  .timeout_ms = 2000 },
		       asked);
}

static void on_cancel(struct gh_step *s)
{
	(void)s;
	cancels++;
}

static void on_finish(struct gh_step *s)
{
	(void)s;
	finishes++;
}

static const struct gh_module asker = {
	.name = "asker",
	.doc = "Waits.",
	.options = options,
	.self_size = sizeof(struct asker),
	.on_request = on_request,
	.on_cancel = on_cancel,
	.on_finish = on_finish,
};

static const struct gh_module *const modules[] = { &asker, NULL };

struct bench {
	struct gateway g;
	int listener;
	uint16_t port;
	struct wire server;
};

static void begin(struct bench *b, const char *wait)
{
	char yaml[512];

	cancels = finishes = defers = jobs_begun = 0;
	order[0] = 0;
	atomic_store(&gate, 0);
	atomic_store(&running, 0);
	*b = (struct bench){ .listener = -1 };
	b->listener = wire_listen(&b->port);
	snprintf(yaml, sizeof yaml,
		 "routes:\n  - handle:\n      - asker: { wait: %s, to: 'http://127.0.0.1:%u' }\n",
		 wait, b->port);
	gateway_begin(&b->g, modules, yaml);
}

static void end(struct bench *b)
{
	atomic_store(&gate, 1);
	wire_close(&b->server);
	gateway_end(&b->g);
	if (b->listener >= 0)
		close(b->listener);
}

static const char get[] = "GET /x HTTP/1.1\r\nHost: a\r\n\r\n";

/* ---- sleep ---- */

static void a_sleep_lasts_its_time(void **state)
{
	struct bench b;

	(void)state;
	begin(&b, "sleep");
	gateway_say(&b.g, get);
	gateway_pass(&b.g, 990);
	wire_read(&b.g.client);
	assert_int_equal(b.g.client.len, 0);
	gateway_pass(&b.g, 10 + GH__TICK_MS);
	assert_string_equal(gateway_hear(&b.g).body, "done");
	end(&b);
	begin(&b, "none");
	gateway_say(&b.g, get);
	gateway_pass(&b.g, 2 * GH__TICK_MS);
	assert_string_equal(gateway_hear(&b.g).body, "done");
	end(&b);
}

static void a_client_that_leaves_ends_the_sleep(void **state)
{
	struct bench b;

	(void)state;
	begin(&b, "sleep");
	gateway_say(&b.g, get);
	wire_close(&b.g.client);
	wire_settle(&b.g.worker.loop);
	assert_int_equal(cancels, 1);
	assert_int_equal(finishes, 1);
	gateway_pass(&b.g, 2000);
	assert_int_equal(cancels, 1);
	assert_int_equal(finishes, 1);
	end(&b);
}

/* ---- offload ---- */

static void a_job_owns_its_memory_and_then_finds_it(void **state)
{
	struct bench b;

	(void)state;
	begin(&b, "offload");
	atomic_store(&gate, 1);
	gateway_say(&b.g, get);
	assert_string_equal(gateway_hear(&b.g).body, "114");
	end(&b);
}

static void a_lane_that_is_full_refuses_politely(void **state)
{
	enum { ROOM = 66 }; /* two that run and 64 that wait */
	struct bench b;
	struct wire clients[ROOM];

	(void)state;
	begin(&b, "offload");
	for (int i = 0; i < ROOM; i++) {
		gateway_say(&b.g, get);
		clients[i] = b.g.client;
		b.g.client = (struct wire){ .fd = -1 };
		gateway_join(&b.g);
		while (i == 1 && atomic_load(&running) < 2)
			usleep(500);
	}
	gateway_say(&b.g, get);
	struct gateway_answer a = gateway_hear(&b.g);
	assert_int_equal(a.status, 503);
	assert_non_null(strstr(a.head, "Retry-After: 1\r\n"));
	assert_int_equal(jobs_begun, ROOM + 1);
	assert_int_equal(cancels, 0);
	for (int i = 0; i < ROOM; i++)
		wire_close(clients + i);
	wire_settle(&b.g.worker.loop);
	assert_int_equal(cancels, ROOM);
	end(&b); /* jobs that were queued go with the lanes, and let their site go */
}

static void a_job_outlives_its_client_and_pins_its_site(void **state)
{
	static const char other[] = "routes:\n  - handle:\n      - asker: { wait: none }\n";
	struct bench b;

	(void)state;
	begin(&b, "offload");
	gateway_say(&b.g, get);
	while (atomic_load(&running) < 1)
		usleep(500);
	wire_close(&b.g.client);
	wire_settle(&b.g.worker.loop);
	assert_int_equal(cancels, 1);
	assert_int_equal(finishes, 1);
	assert_int_equal(gateway_reload(&b.g, other), 0);
	assert_int_equal(b.g.sites, 2); /* `self` is still read on the other thread */
	atomic_store(&gate, 1);
	for (int i = 0; i < 5000 && b.g.sites == 2; i++)
		wire_turn(&b.g.worker.loop);
	assert_int_equal(b.g.sites, 1);
	assert_int_equal(cancels, 1);
	end(&b);
}

/* Two bytes of body each; the first two are read, the others wait. */
static void leave_with_a_body(struct bench *b, unsigned clients)
{
	for (unsigned i = 0; i < clients; i++) {
		gateway_say(&b->g, "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nAB");
		while (i == 1 && atomic_load(&running) < 2)
			usleep(500);
		gateway_join(&b->g);
	}
	wire_settle(&b->g.worker.loop);
	assert_int_equal(cancels, clients);
}

static void a_body_stays_for_the_job_that_reads_it(void **state)
{
	struct bench b;

	(void)state;
	begin(&b, "read");
	leave_with_a_body(&b, 3);
	assert_int_equal(atomic_load(&b.g.collected), 3 * 2);
	atomic_store(&gate, 1);
	for (int i = 0; i < 5000 && atomic_load(&b.g.collected); i++)
		wire_turn(&b.g.worker.loop);
	assert_int_equal(atomic_load(&b.g.collected), 0);
	gateway_say(&b.g, "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nAB");
	assert_string_equal(gateway_hear(&b.g).body, "131"); /* 65 and 66 */
	end(&b);
}

static void and_goes_with_a_job_that_is_never_begun(void **state)
{
	struct bench b;

	(void)state;
	begin(&b, "read");
	leave_with_a_body(&b, 8);
	assert_int_equal(atomic_load(&b.g.collected), 8 * 2);
	end(&b); /* looks that nothing is held any more */
}

/* ---- calls on the side ---- */

static void serve(struct bench *b)
{
	assert_true(wire_accept(&b->g.worker.loop, b->listener, &b->server));
	assert_true(wire_sees(&b->g.worker.loop, &b->server, "question"));
}

static void reply(struct bench *b, const char *text)
{
	wire_send(&b->g.worker.loop, &b->server, text);
	wire_settle(&b->g.worker.loop);
}

static void a_call_brings_the_whole_answer(void **state)
{
	struct bench b;

	(void)state;
	begin(&b, "call");
	gateway_say(&b.g, get);
	serve(&b);
	assert_int_equal(strncmp(b.server.got, "POST /side?x HTTP/1.1\r\n", 23), 0);
	assert_non_null(strstr(b.server.got, "X-Ours: 1\r\n"));
	assert_non_null(strstr(b.server.got, "Content-Length: 8\r\n\r\nquestion"));
	reply(&b, "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 404 Not Found\r\nX-Theirs: 2\r\n"
		  "Content-Length: 10\r\n\r\n12345");
	reply(&b, "67890");
	assert_string_equal(gateway_hear(&b.g).body, "404 1234567890 2");
	wire_forget(&b.server);
	gateway_say(&b.g, get); /* and its connection is used again */
	assert_true(wire_sees(&b.g.worker.loop, &b.server, "question"));
	reply(&b, "HTTP/1.1 204 No Content\r\n\r\n");
	assert_string_equal(gateway_hear(&b.g).body, "204  ");
	end(&b);
}

static void a_call_that_fails_says_why(void **state)
{
	static const char *const answers[] = {
		"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n12345678901", /* past its max */
		("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		 "6\r\n123456\r\n6\r\n123456\r\n"),
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhalf",
		"nonsense\r\n\r\n",
		"",
	};
	struct bench b;

	(void)state;
	begin(&b, "call");
	for (size_t i = 0; i < GH_COUNT_OF(answers); i++) {
		gateway_say(&b.g, get);
		serve(&b);
		reply(&b, answers[i]);
		if (i >= 2)
			wire_close(&b.server);
		assert_int_equal(gateway_hear(&b.g).status, 599);
		if (i < 2)
			assert_true(wire_ends(&b.g.worker.loop, &b.server));
		wire_close(&b.server);
	}
	close(b.listener); /* nobody there */
	b.listener = -1;
	gateway_say(&b.g, get);
	assert_int_equal(gateway_hear(&b.g).status, 599);
	end(&b);
}

static void a_call_has_its_time(void **state)
{
	struct bench b;

	(void)state;
	begin(&b, "call");
	gateway_say(&b.g, get);
	serve(&b);
	gateway_pass(&b.g, 1900);
	reply(&b, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nha");
	wire_read(&b.g.client);
	assert_int_equal(b.g.client.len, 0);
	gateway_pass(&b.g, 100 + GH__TICK_MS);
	assert_int_equal(gateway_hear(&b.g).status, 599);
	assert_true(wire_ends(&b.g.worker.loop, &b.server));
	end(&b);
}

static void a_client_that_leaves_ends_the_call(void **state)
{
	struct bench b;

	(void)state;
	begin(&b, "call");
	gateway_say(&b.g, get);
	serve(&b);
	wire_close(&b.g.client);
	assert_true(wire_ends(&b.g.worker.loop, &b.server));
	assert_int_equal(cancels, 1);
	assert_int_equal(finishes, 1);
	gateway_pass(&b.g, 3000);
	assert_int_equal(cancels, 1);
	end(&b);
}

/* ---- the end ---- */

static void what_is_deferred_is_done_once_the_last_first(void **state)
{
	struct bench b;

	(void)state;
	begin(&b, "none");
	gateway_say(&b.g, get);
	assert_int_equal(defers, 0);
	gateway_pass(&b.g, 100);
	assert_int_equal(gateway_hear(&b.g).status, 200);
	assert_string_equal(order, "second first ");
	gateway_say(&b.g, get); /* also for one that leaves */
	wire_close(&b.g.client);
	wire_settle(&b.g.worker.loop);
	assert_string_equal(order, "second first second first ");
	end(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sleep_lasts_its_time),
		cmocka_unit_test(a_client_that_leaves_ends_the_sleep),
		cmocka_unit_test(a_job_owns_its_memory_and_then_finds_it),
		cmocka_unit_test(a_lane_that_is_full_refuses_politely),
		cmocka_unit_test(a_job_outlives_its_client_and_pins_its_site),
		cmocka_unit_test(a_body_stays_for_the_job_that_reads_it),
		cmocka_unit_test(and_goes_with_a_job_that_is_never_begun),
		cmocka_unit_test(a_call_brings_the_whole_answer),
		cmocka_unit_test(a_call_that_fails_says_why),
		cmocka_unit_test(a_call_has_its_time),
		cmocka_unit_test(a_client_that_leaves_ends_the_call),
		cmocka_unit_test(what_is_deferred_is_done_once_the_last_first),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
