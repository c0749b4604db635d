/* Which endpoint a call goes to, which are passed over and when they are back; and who holds an upstream
 * and its queue. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/net/lane.h"
#include "core/upstream/upstream.h"

enum { COUNT = 3, FAIL_MS = 1000 };

struct bench {
	struct gh__upstreams all;
	struct gh__upstream *u;
	struct gh__endpoint_config endpoints[COUNT];
	struct gh_upstream config;
};

static int begin(void **state)
{
	struct bench *b = calloc(1, sizeof *b);

	*state = b;
	gh__upstreams_init(&b->all, gh__lanes_create());
	for (int i = 0; i < COUNT; i++)
		b->endpoints[i] = (struct gh__endpoint_config){ .url = GH_STR("http://127.0.0.1:9"),
								.host = GH_STR("127.0.0.1"),
								.port = 9 };
	b->config = (struct gh_upstream){ .name = GH_STR("model"),
					  .endpoints = b->endpoints,
					  .endpoint_count = COUNT,
					  .fail_timeout = { FAIL_MS },
					  .identity = GH_STR("model") };
	b->u = gh__upstream_ref(&b->all, &b->config);
	return 0;
}

static int end(void **state)
{
	struct bench *b = *state;

	gh__upstream_unref(&b->all, b->u);
	gh__lanes_destroy(b->all.lanes);
	gh__upstreams_finish(&b->all);
	free(b);
	return 0;
}

static size_t pick(struct bench *b, uint64_t now, uint64_t tried)
{
	struct gh__endpoint *e = gh__endpoint_pick(b->u, now, tried);

	assert_non_null(e);
	return (size_t)(e - b->u->endpoints);
}

static void round_robin_takes_each_in_turn(void **state)
{
	struct bench *b = *state;

	size_t first = pick(b, 1, 0);
	for (size_t i = 1; i < 10; i++)
		assert_int_equal(pick(b, 1, 0), (first + i) % COUNT);
	/* However busy one is. */
	atomic_store(&b->u->endpoints[0].busy, 100);
	unsigned hits[COUNT] = { 0 };
	for (int i = 0; i < 30; i++)
		hits[pick(b, 1, 0)]++;
	for (int i = 0; i < COUNT; i++)
		assert_int_equal(hits[i], 10);
}

static void least_busy_takes_the_one_with_the_fewest_calls(void **state)
{
	struct bench *b = *state;

	b->u->balance = GH__LEAST_BUSY;
	atomic_store(&b->u->endpoints[0].busy, 5);
	atomic_store(&b->u->endpoints[1].busy, 2);
	atomic_store(&b->u->endpoints[2].busy, 7);
	for (int i = 0; i < 6; i++)
		assert_int_equal(pick(b, 1, 0), 1);
	/* Equals share. */
	atomic_store(&b->u->endpoints[0].busy, 2);
	unsigned hits[COUNT] = { 0 };
	for (int i = 0; i < 30; i++)
		hits[pick(b, 1, 0)]++;
	assert_true(hits[0] >= 10 && hits[1] >= 10 && hits[2] == 0);
}

static void one_that_was_tried_is_not_tried_again(void **state)
{
	struct bench *b = *state;

	for (int balance = GH__ROUND_ROBIN; balance <= GH__LEAST_BUSY; balance++) {
		b->u->balance = (enum gh__balance)balance;
		for (int i = 0; i < 6; i++) {
			size_t first = pick(b, 1, 0), second = pick(b, 1, 1u << first);
			assert_int_not_equal(second, first);
			size_t third = pick(b, 1, 1u << first | 1u << second);
			assert_int_equal(first + second + third, 0 + 1 + 2);
			assert_null(gh__endpoint_pick(b->u, 1, 7));
		}
	}
	b->u->count = 1;
	assert_int_equal(pick(b, 1, 0), 0);
	assert_null(gh__endpoint_pick(b->u, 1, 1));
	b->u->count = COUNT;
}

static void one_that_failed_is_passed_over_for_its_time(void **state)
{
	struct bench *b = *state;

	for (int balance = GH__ROUND_ROBIN; balance <= GH__LEAST_BUSY; balance++) {
		b->u->balance = (enum gh__balance)balance;
		gh__endpoint_failed(b->u, b->u->endpoints + 1, 5000, "test");
		assert_false(gh__endpoint_up(b->u->endpoints + 1, 5000));
		for (int i = 0; i < 10; i++)
			assert_int_not_equal(pick(b, 5000 + FAIL_MS - 1, 0), 1);
		assert_true(gh__endpoint_up(b->u->endpoints + 1, 5000 + FAIL_MS));
		unsigned hits = 0;
		for (int i = 0; i < COUNT; i++)
			hits += pick(b, 5000 + FAIL_MS, 0) == 1;
		assert_int_equal(hits, 1);
		gh__endpoint_works(b->u, b->u->endpoints + 1);
	}
	gh__endpoint_failed(b->u, b->u->endpoints + 1, 5000, "test");
	gh__endpoint_works(b->u, b->u->endpoints + 1); /* an answer ends it sooner */
	assert_true(gh__endpoint_up(b->u->endpoints + 1, 5000));
	assert_int_equal(atomic_load(&b->u->failures), 3);
}

static void one_that_is_unwell_is_passed_over_until_it_is_not(void **state)
{
	struct bench *b = *state;

	atomic_store(&b->u->endpoints[2].unhealthy, true);
	for (uint64_t now = 1; now < 100000; now += 9999)
		assert_int_not_equal(pick(b, now, 0), 2);
	assert_int_equal(pick(b, 1, 3), 2); /* better than none */
	atomic_store(&b->u->endpoints[2].unhealthy, false);
	assert_true(gh__endpoint_up(b->u->endpoints + 2, 1));
}

static void when_all_are_down_the_least_bad_is_tried(void **state)
{
	struct bench *b = *state;

	for (int i = 0; i < COUNT; i++)
		gh__endpoint_failed(b->u, b->u->endpoints + i, 5000, "test");
	unsigned hits[COUNT] = { 0 };
	for (int i = 0; i < 30; i++)
		hits[pick(b, 5000, 0)]++;
	for (int i = 0; i < COUNT; i++)
		assert_int_equal(hits[i], 10);
	b->u->balance = GH__LEAST_BUSY;
	atomic_store(&b->u->endpoints[0].busy, 2);
	atomic_store(&b->u->endpoints[1].busy, 1);
	atomic_store(&b->u->endpoints[2].busy, 3);
	assert_int_equal(pick(b, 5000, 0), 1);
}

static void an_identity_is_one_upstream_as_long_as_it_is_held(void **state)
{
	struct bench *b = *state;
	struct gh_upstream other = b->config;
	char identity[] = "another";

	assert_ptr_equal(gh__upstream_ref(&b->all, &b->config), b->u);
	other.identity = gh_str(identity);
	struct gh__upstream *o = gh__upstream_ref(&b->all, &other);
	assert_ptr_not_equal(o, b->u);
	assert_int_not_equal(o->id, b->u->id);
	identity[0] = 'x'; /* it was copied */
	assert_true(gh_str_is(o->identity, "another"));
	gh__upstream_unref(&b->all, o);
	gh__upstream_unref(&b->all, b->u);
	assert_ptr_equal(gh__upstream_ref(&b->all, &b->config), b->u);
	assert_int_equal(b->u->refs, 2);
	gh__upstream_unref(&b->all, b->u);
}

static void addresses_are_read_and_not_looked_up(void **state)
{
	static const struct {
		enum gh__scheme scheme;
		const char *host;
		int family;
	} cases[] = {
		{ GH__HTTP, "192.0.2.7", AF_INET },
		{ GH__HTTP, "2001:db8::1", AF_INET6 },
		{ GH__UNIX, "/run/model.sock", AF_UNIX },
	};
	struct bench *b = *state;

	for (size_t i = 0; i < GH_COUNT_OF(cases); i++) {
		struct gh__endpoint_config one = { .url = GH_STR("u"),
						   .host = gh_str(cases[i].host),
						   .scheme = cases[i].scheme,
						   .port = 80 };
		struct gh_upstream config = { .endpoints = &one,
					      .endpoint_count = 1,
					      .identity = gh_str(cases[i].host) };
		struct gh__upstream *u = gh__upstream_ref(&b->all, &config);
		struct sockaddr_storage to;
		socklen_t len = 0;
		assert_true(u->endpoints[0].literal);
		assert_int_equal(gh__endpoint_address(&b->all, u->endpoints, 1, &to, &len), 0);
		assert_int_equal(to.ss_family, cases[i].family);
		assert_true(len > 0);
		gh__upstream_unref(&b->all, u);
	}
}

static void a_name_is_looked_up_on_a_thread(void **state)
{
	struct bench *b = *state;
	struct gh__endpoint_config one = { .url = GH_STR("u"),
					   .host = GH_STR("localhost"),
					   .port = 4711 };
	struct gh_upstream config = { .endpoints = &one,
				      .endpoint_count = 1,
				      .identity = GH_STR("localhost") };
	struct gh__upstream *u = gh__upstream_ref(&b->all, &config);
	struct sockaddr_storage to;
	socklen_t len = 0;
	int error;

	assert_false(u->endpoints[0].literal);
	assert_int_equal(gh__endpoint_address(&b->all, u->endpoints, 1, &to, &len), UV_EAGAIN);
	for (int i = 0; i < 5000; i++, usleep(1000)) {
		error = gh__endpoint_address(&b->all, u->endpoints, 2, &to, &len);
		if (error != UV_EAGAIN)
			break;
	}
	assert_int_equal(error, 0);
	uint16_t port = to.ss_family == AF_INET ? ((struct sockaddr_in *)&to)->sin_port
						: ((struct sockaddr_in6 *)&to)->sin6_port;
	assert_int_equal(ntohs(port), 4711);
	/* Let go while it is looked up again, it stays until that is over. */
	gh__endpoint_address(&b->all, u->endpoints, uv_hrtime() / 1000000 + 60000, &to, &len);
	gh__upstream_unref(&b->all, u);
}

/* ---- the queue before it ---- */

static void nobody(struct gh__ticket *t)
{
	(void)t;
}

static enum gh__turn enter(struct gh__ticket *t, struct gh__upstream *u)
{
	*t = (struct gh__ticket){ .called = nobody };
	return gh__queue_enter(u->queue, t, GH_STR("a"), GH_PRIORITY_NORMAL, GH_STR(""), 1);
}

static void its_options_reach_it(void **state)
{
	struct bench *b = *state;
	struct gh__ticket t[2];
	struct gh_upstream c = b->config;
	struct gh__endpoint_config e = b->endpoints[0];

	c.identity = GH_STR("limited");
	c.name = GH_STR("limited");
	c.endpoints = &e;
	c.endpoint_count = 1;
	c.max_concurrent = 1;
	c.queue = 0;
	c.queue_timeout.ms = 7000;
	c.key = GH_STR("sk-1");
	c.assemble = true;
	struct gh__upstream *u = gh__upstream_ref(&b->all, &c);
	assert_int_equal(u->max_concurrent, 1);
	assert_int_equal(u->queue_timeout, 7000);
	assert_true(gh_str_is(u->key, "sk-1") && u->key.at != c.key.at);
	assert_true(u->assemble);
	/* At once: nobody else has this queue. */
	assert_ptr_not_equal(u->queue, b->u->queue);
	assert_int_equal(enter(t, u), GH__TURN_NOW);
	assert_int_equal(enter(t + 1, u), GH__TURN_FULL);
	gh__queue_leave(t, 1);
	assert_int_equal(b->u->max_concurrent, 0);
	assert_false(b->u->assemble);
	gh__upstream_unref(&b->all, u);
}

static void the_same_server_under_other_options_has_the_same_queue(void **state)
{
	struct bench *b = *state;
	struct gh__ticket t[4];
	struct gh_upstream c = b->config;

	c.identity = GH_STR("model, two at a time");
	c.max_concurrent = 2;
	c.queue = 10;
	assert_int_equal(enter(t + 0, b->u), GH__TURN_NOW);
	struct gh__upstream *u = gh__upstream_ref(&b->all, &c);
	assert_ptr_not_equal(u, b->u);
	assert_ptr_equal(u->queue, b->u->queue);
	/* A config that is not taken up changes nothing. */
	assert_int_equal(enter(t + 1, b->u), GH__TURN_NOW);
	assert_int_equal(enter(t + 2, u), GH__TURN_NOW);
	gh__queue_leave(t + 2, 1);
	gh__upstream_take_up(u);
	assert_int_equal(enter(t + 2, u), GH__TURN_LATER);
	assert_int_equal(enter(t + 3, b->u), GH__TURN_LATER); /* of an old generation */
	/* What the old one has under way counts. */
	gh__queue_leave(t + 0, 1);
	assert_true(gh__queue_has_turn(t + 2));
	assert_false(gh__queue_has_turn(t + 3));
	gh__upstream_take_up(b->u); /* back to what it was */
	assert_true(gh__queue_has_turn(t + 3));
	for (int i = 0; i < 4; i++)
		gh__queue_leave(t + i, 1);
	/* It lives as long as one of them. */
	struct gh__queue *queue = u->queue;
	gh__upstream_unref(&b->all, b->u);
	b->u = u;
	struct gh__queue_counts counts;
	gh__queue_count(queue, &counts);
	assert_int_equal(counts.entered, 5);
}

static void another_server_of_that_name_has_another_queue(void **state)
{
	struct bench *b = *state;
	struct gh__endpoint_config others[COUNT];
	struct gh_upstream c = b->config;

	memcpy(others, b->endpoints, sizeof others);
	others[COUNT - 1].port = 10;
	c.identity = GH_STR("another port");
	c.endpoints = others;
	struct gh__upstream *u = gh__upstream_ref(&b->all, &c);
	assert_ptr_not_equal(u->queue, b->u->queue);
	gh__upstream_unref(&b->all, u);
	c = b->config;
	c.identity = GH_STR("fewer addresses");
	c.endpoint_count = COUNT - 1;
	u = gh__upstream_ref(&b->all, &c);
	assert_ptr_not_equal(u->queue, b->u->queue);
	gh__upstream_unref(&b->all, u);
	c = b->config;
	c.identity = c.name = GH_STR("another name");
	u = gh__upstream_ref(&b->all, &c);
	assert_ptr_not_equal(u->queue, b->u->queue);
	gh__upstream_unref(&b->all, u);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = {
		CASE(round_robin_takes_each_in_turn),
		CASE(least_busy_takes_the_one_with_the_fewest_calls),
		CASE(one_that_was_tried_is_not_tried_again),
		CASE(one_that_failed_is_passed_over_for_its_time),
		CASE(one_that_is_unwell_is_passed_over_until_it_is_not),
		CASE(when_all_are_down_the_least_bad_is_tried),
		CASE(an_identity_is_one_upstream_as_long_as_it_is_held),
		CASE(addresses_are_read_and_not_looked_up),
		CASE(a_name_is_looked_up_on_a_thread),
		CASE(its_options_reach_it),
		CASE(the_same_server_under_other_options_has_the_same_queue),
		CASE(another_server_of_that_name_has_another_queue),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
