/* Lanes: so many at once, so many that wait, and no for the rest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/net/lane.h"
#include "support/wire.h"

enum { JOBS = 200 };

struct gate {
	pthread_mutex_t lock;
	pthread_cond_t moved;
	bool open;
	unsigned begun, running, most, done, opened, dropped;
};

struct job {
	struct gh__lane_job job;
	struct gate *gate;
	unsigned order; /* in which it began */
};

struct bench {
	struct gh__loop loop;
	struct gh__lanes *lanes;
	struct gate gate;
	struct job jobs[JOBS];
};

static void work(struct gh__lane_job *job)
{
	struct job *j = GH__CONTAINER(job, struct job, job);
	struct gate *g = j->gate;

	pthread_mutex_lock(&g->lock);
	j->order = ++g->begun;
	g->running++;
	if (g->most < g->running)
		g->most = g->running;
	pthread_cond_broadcast(&g->moved);
	while (!g->open)
		pthread_cond_wait(&g->moved, &g->lock);
	g->running--;
	g->done++;
	pthread_mutex_unlock(&g->lock);
}

static void on_letter(struct gh__loop *l, struct gh__letter *letter)
{
	(void)l;
	GH__CONTAINER(letter, struct job, job.letter)->gate->opened++;
}

static void on_drop(struct gh__lane_job *job)
{
	GH__CONTAINER(job, struct job, job)->gate->dropped++;
}

static void open_gate(struct gate *g)
{
	pthread_mutex_lock(&g->lock);
	g->open = true;
	pthread_cond_broadcast(&g->moved);
	pthread_mutex_unlock(&g->lock);
}

static void wait_for_running(struct gate *g, unsigned count)
{
	pthread_mutex_lock(&g->lock);
	while (g->running < count)
		pthread_cond_wait(&g->moved, &g->lock);
	pthread_mutex_unlock(&g->lock);
}

static int add(struct bench *b, enum gh__lane_kind kind, struct job *j)
{
	j->gate = &b->gate;
	j->job.work = work;
	j->job.drop = on_drop;
	j->job.letter.open = on_letter;
	return gh__lane_add(b->lanes, kind, &j->job);
}

static int begin(void **state)
{
	struct bench *b = calloc(1, sizeof *b);

	*state = b;
	assert_int_equal(gh__loop_init(&b->loop), 0);
	b->lanes = gh__lanes_create();
	pthread_mutex_init(&b->gate.lock, NULL);
	pthread_cond_init(&b->gate.moved, NULL);
	for (size_t i = 0; i < JOBS; i++)
		b->jobs[i].job.loop = &b->loop;
	return 0;
}

static int end(void **state)
{
	struct bench *b = *state;

	open_gate(&b->gate);
	gh__lanes_destroy(b->lanes);
	wire_settle(&b->loop);
	gh__loop_finish(&b->loop);
	pthread_cond_destroy(&b->gate.moved);
	pthread_mutex_destroy(&b->gate.lock);
	free(b);
	return 0;
}

static bool all_told(void *arg)
{
	struct bench *b = arg;

	return b->gate.opened == 35;
}

static void a_lane_runs_two_holds_its_room_and_refuses_the_rest(void **state)
{
	struct bench *b = *state;
	size_t n = 0;

	for (; n < 2; n++)
		assert_int_equal(add(b, GH__LANE_HASH, b->jobs + n), 0);
	wait_for_running(&b->gate, 2);
	for (; n < 34; n++)
		assert_int_equal(add(b, GH__LANE_HASH, b->jobs + n), 0);
	assert_int_equal(add(b, GH__LANE_HASH, b->jobs + n), UV_EAGAIN);
	wire_settle(&b->loop);
	assert_int_equal(b->gate.opened, 0);
	/* A full lane takes nothing from another. */
	assert_int_equal(add(b, GH__LANE_FILE, b->jobs + JOBS - 1), 0);
	wait_for_running(&b->gate, 3);
	open_gate(&b->gate);
	assert_true(wire_until(&b->loop, all_told, b));
	assert_int_equal(b->gate.most, 3);
}

static bool half_told(void *arg)
{
	return ((struct bench *)arg)->gate.opened == JOBS / 2;
}

static void what_was_refused_can_be_asked_again(void **state)
{
	struct bench *b = *state;

	open_gate(&b->gate);
	for (size_t n = 0; n < JOBS / 2;) {
		if (add(b, GH__LANE_FILE, b->jobs + n) == 0)
			n++;
		else
			wire_turn(&b->loop);
	}
	assert_true(wire_until(&b->loop, half_told, b));
	assert_true(b->gate.most <= 2);
}

static bool these_are_told(void *arg)
{
	return ((struct bench *)arg)->gate.opened == 35;
}

static void what_ends_something_goes_before_what_only_begins(void **state)
{
	struct bench *b = *state;
	struct job *last = b->jobs + 34;
	size_t n = 0;

	for (; n < 2; n++)
		assert_int_equal(add(b, GH__LANE_HASH, b->jobs + n), 0);
	wait_for_running(&b->gate, 2);
	for (; n < 34; n++)
		assert_int_equal(add(b, GH__LANE_HASH, b->jobs + n), 0);
	assert_int_equal(add(b, GH__LANE_HASH, last), UV_EAGAIN);
	/* There is room for this one, and it stands first: behind the two that run, or one more, as
	 * there are two threads. */
	assert_int_equal(gh__lane_add_first(b->lanes, GH__LANE_HASH, &last->job), 0);
	open_gate(&b->gate);
	assert_true(wire_until(&b->loop, these_are_told, b));
	assert_in_range(last->order, 3, 4);
}

static void *destroy(void *arg)
{
	gh__lanes_destroy(arg);
	return NULL;
}

static void the_end_waits_for_what_runs_and_drops_the_rest(void **state)
{
	struct bench *b = *state;
	size_t queued = 0;
	pthread_t thread;

	for (size_t n = 0; n < 2; n++)
		assert_int_equal(add(b, GH__LANE_FILE, b->jobs + n), 0);
	wait_for_running(&b->gate, 2);
	assert_int_equal(pthread_create(&thread, NULL, destroy, b->lanes), 0);
	/* It has begun when the lane refuses, well before its room is used up. */
	while (add(b, GH__LANE_FILE, b->jobs + 2 + queued) == 0) {
		queued++;
		assert_true(queued < 60);
		usleep(10000);
	}
	open_gate(&b->gate);
	pthread_join(thread, NULL);
	b->lanes = NULL;
	assert_int_equal(b->gate.done, 2);
	assert_int_equal(b->gate.dropped, queued);
	wire_settle(&b->loop);
	assert_int_equal(b->gate.opened, 2);
}

static void a_job_may_have_nobody_to_tell(void **state)
{
	struct bench *b = *state;

	b->jobs[0].job.loop = NULL;
	assert_int_equal(add(b, GH__LANE_DNS, b->jobs), 0);
	wait_for_running(&b->gate, 1);
	open_gate(&b->gate);
	gh__lanes_destroy(b->lanes);
	b->lanes = NULL;
	assert_int_equal(b->gate.done, 1);
	wire_settle(&b->loop);
	assert_int_equal(b->gate.opened, 0);
}

static void nothing_to_destroy_is_fine(void **state)
{
	(void)state;
	gh__lanes_destroy(NULL);
}

/* Full of jobs that wait for others, who do not answer: a stop that waited for all would not come back. */
static void does_not_end(struct bench *b, enum gh__lane_kind kind, unsigned threads)
{
	for (unsigned n = 0; n < threads; n++) {
		assert_int_equal(add(b, kind, b->jobs + n), 0);
		wait_for_running(&b->gate, n + 1);
	}
	assert_int_equal(add(b, kind, b->jobs + threads), 0);
	assert_int_equal(gh__lanes_destroy(b->lanes), threads);
	assert_int_equal(b->gate.dropped, 1);
	/* What it does then still finds all that it needs. */
	open_gate(&b->gate);
	for (int i = 0; i < 5000 && b->gate.opened < threads; i++)
		wire_turn(&b->loop);
	assert_int_equal(b->gate.opened, threads);
	assert_int_equal(gh__lanes_destroy(b->lanes), 0);
	b->lanes = NULL;
}

static void a_renewal_that_does_not_end_is_left_behind(void **state)
{
	does_not_end(*state, GH__LANE_CERTIFICATE, 4);
}

static void a_look_up_that_does_not_end_is_left_behind(void **state)
{
	does_not_end(*state, GH__LANE_DNS, 2);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = {
		CASE(a_lane_runs_two_holds_its_room_and_refuses_the_rest),
		CASE(what_was_refused_can_be_asked_again),
		CASE(what_ends_something_goes_before_what_only_begins),
		CASE(the_end_waits_for_what_runs_and_drops_the_rest),
		CASE(a_job_may_have_nobody_to_tell),
		CASE(nothing_to_destroy_is_fine),
		CASE(a_renewal_that_does_not_end_is_left_behind),
		CASE(a_look_up_that_does_not_end_is_left_behind),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
