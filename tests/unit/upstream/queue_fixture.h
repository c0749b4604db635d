/* What the tests of an upstream's queue share: requests that note when they are called, and a clock. */
#ifndef GATEHOUSE_TESTS_UNIT_UPSTREAM_QUEUE_FIXTURE_H
#define GATEHOUSE_TESTS_UNIT_UPSTREAM_QUEUE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/upstream/queue.h"

struct request {
	struct gh__ticket ticket;
	int calls;
	struct request *next; /* of those that were called */
};

static struct gh__queue *q;
static uint64_t now;
static struct request *called, **last_called;

static inline void on_called(struct gh__ticket *t)
{
	struct request *r = GH__CONTAINER(t, struct request, ticket);

	r->calls++;
	r->next = NULL;
	*last_called = r;
	last_called = &r->next;
}

/* Who was called first of those that nobody asked after yet, or NULL. */
static inline struct request *next_called(void)
{
	struct request *r = called;

	if (r) {
		called = r->next;
		if (!called)
			last_called = &called;
		assert_true(gh__queue_has_turn(&r->ticket));
	}
	return r;
}

static inline void limit(unsigned max_concurrent, unsigned room, enum gh__cold_start cold_start)
{
	gh__queue_set(q, &(struct gh__queue_limits){ max_concurrent, room, cold_start });
}

static inline int begin(void **state)
{
	(void)state;
	q = gh__queue_create();
	now = 1000000;
	called = NULL;
	last_called = &called;
	limit(1, 100000, GH__COLD_START_ONE);
	return 0;
}

static inline int end(void **state)
{
	(void)state;
	gh__queue_destroy(q);
	return 0;
}

static inline enum gh__turn enter_as(struct request *r, const char *caller,
				     enum gh_priority priority, const char *model)
{
	char who[100], what[100];

	/* Neither stays where it was. */
	snprintf(who, sizeof who, "%s", caller);
	snprintf(what, sizeof what, "%s", model);
	*r = (struct request){ .ticket = { .called = on_called } };
	enum gh__turn turn = gh__queue_enter(q, &r->ticket, gh_str(who), priority, gh_str(what),
					     now);
	assert_int_equal(gh__queue_has_turn(&r->ticket), turn == GH__TURN_NOW);
	return turn;
}

static inline enum gh__turn enter(struct request *r, const char *caller)
{
	return enter_as(r, caller, GH_PRIORITY_NORMAL, "");
}

static inline enum gh__turn ask(struct request *r, const char *model)
{
	return enter_as(r, "caller", GH_PRIORITY_NORMAL, model);
}

static inline void leave(struct request *r)
{
	gh__queue_leave(&r->ticket, now);
	assert_false(gh__queue_has_turn(&r->ticket));
}

static inline void loaded(struct request *r)
{
	gh__queue_loaded(&r->ticket, now);
}

static inline struct gh__queue_counts counts(void)
{
	struct gh__queue_counts c;

	gh__queue_count(q, &c);
	return c;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

#endif
