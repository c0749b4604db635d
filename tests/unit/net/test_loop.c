/* The loop: deadlines on the wheel, what is done at a turn's end, letters from other threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "support/wire.h"

enum { HORIZON = GH__SLOTS * GH__TICK_MS };

struct alarm {
	struct gh__deadline deadline;
	struct gh__loop *loop;
	unsigned fired;
	uint64_t when;
	uint64_t again;            /* sets itself anew, so many ms later */
	struct gh__deadline *ends; /* another one that it takes off the wheel */
};

static void on_fire(struct gh__deadline *d)
{
	struct alarm *a = GH__CONTAINER(d, struct alarm, deadline);

	a->fired++;
	a->when = a->loop->now;
	if (a->again)
		gh__deadline_set(a->loop, d, a->again);
	if (a->ends)
		gh__deadline_finish(a->loop, a->ends);
}

static void alarm_init(struct alarm *a, struct gh__loop *l)
{
	*a = (struct alarm){ .loop = l };
	gh__deadline_init(&a->deadline, on_fire);
}

static int begin(void **state)
{
	struct gh__loop *l = calloc(1, sizeof *l);

	*state = l;
	assert_int_equal(gh__loop_init(l), 0);
	l->frozen = true;
	return 0;
}

static int end(void **state)
{
	struct gh__loop *l = *state;

	assert_int_equal(l->deadlines, 0);
	gh__loop_finish(l);
	free(l);
	return 0;
}

/* Milliseconds pass, `step` at a time. */
static void pass(struct gh__loop *l, uint64_t ms, uint64_t step)
{
	for (uint64_t until = l->now + ms; l->now < until;) {
		l->now += until - l->now < step ? until - l->now : step;
		gh__loop_tick(l);
	}
}

static void a_deadline_fires_once_and_never_early(void **state)
{
	static const uint64_t waits[] = { 0,     1,           49,      50,          51,   999,
					  24999, HORIZON - 1, HORIZON, HORIZON + 1, 60000 };
	struct gh__loop *l = *state;

	for (uint64_t step = 1; step <= 1000; step *= 10) {
		for (size_t i = 0; i < GH_COUNT_OF(waits); i++) {
			struct alarm a;
			alarm_init(&a, l);
			uint64_t at = l->now + waits[i];
			gh__deadline_set(l, &a.deadline, waits[i]);
			pass(l, waits[i] + GH__TICK_MS + step, step);
			assert_int_equal(a.fired, 1);
			assert_in_range(a.when, at, at + GH__TICK_MS + step);
			pass(l, HORIZON * 2, 500);
			assert_int_equal(a.fired, 1);
		}
	}
}

static void a_leap_of_time_fires_all_that_is_due(void **state)
{
	enum { COUNT = 100 };
	struct gh__loop *l = *state;
	struct alarm alarms[COUNT];

	for (unsigned i = 0; i < COUNT; i++) {
		alarm_init(alarms + i, l);
		gh__deadline_set(l, &alarms[i].deadline, i * 1000);
	}
	l->now += 50 * 1000 + GH__TICK_MS;
	gh__loop_tick(l);
	for (unsigned i = 0; i < COUNT; i++)
		assert_int_equal(alarms[i].fired, i <= 50);
	l->now += 100 * 1000;
	gh__loop_tick(l);
	for (unsigned i = 0; i < COUNT; i++)
		assert_int_equal(alarms[i].fired, 1);
}

static void one_that_is_moved_later_fires_at_its_new_time_alone(void **state)
{
	struct gh__loop *l = *state;
	struct alarm a;

	alarm_init(&a, l);
	gh__deadline_set(l, &a.deadline, 1000);
	for (int i = 0; i < 10; i++) {
		pass(l, 900, 10);
		gh__deadline_set(l, &a.deadline, 1000);
		assert_int_equal(a.fired, 0);
	}
	pass(l, 990, 10);
	assert_int_equal(a.fired, 0);
	pass(l, 10 + GH__TICK_MS, 10);
	assert_int_equal(a.fired, 1);
}

static void one_that_is_moved_earlier_fires_at_its_new_time_alone(void **state)
{
	struct gh__loop *l = *state;
	struct alarm a;

	alarm_init(&a, l);
	gh__deadline_set(l, &a.deadline, 60000);
	gh__deadline_set(l, &a.deadline, 200);
	pass(l, 190, 10);
	assert_int_equal(a.fired, 0);
	pass(l, 10 + 2 * GH__TICK_MS, 10);
	assert_int_equal(a.fired, 1);
	pass(l, 70000, 100);
	assert_int_equal(a.fired, 1);
}

static void one_that_is_cleared_or_finished_never_fires(void **state)
{
	struct gh__loop *l = *state;
	struct alarm cleared, finished, set_again;

	alarm_init(&cleared, l);
	alarm_init(&finished, l);
	alarm_init(&set_again, l);
	gh__deadline_set(l, &cleared.deadline, 100);
	gh__deadline_set(l, &finished.deadline, 100);
	gh__deadline_set(l, &set_again.deadline, 100);
	gh__deadline_clear(&cleared.deadline);
	gh__deadline_finish(l, &finished.deadline);
	gh__deadline_finish(l, &finished.deadline); /* twice does no harm */
	gh__deadline_clear(&set_again.deadline);
	gh__deadline_set(l, &set_again.deadline, 300);
	pass(l, 290, 10);
	assert_int_equal(set_again.fired, 0);
	pass(l, 1000, 10);
	assert_int_equal(cleared.fired, 0);
	assert_int_equal(finished.fired, 0);
	assert_int_equal(set_again.fired, 1);
}

static void one_may_set_itself_again_while_it_fires(void **state)
{
	struct gh__loop *l = *state;
	struct alarm a;

	alarm_init(&a, l);
	a.again = 1000;
	gh__deadline_set(l, &a.deadline, 1000);
	pass(l, 10 * (1000 + GH__TICK_MS), 10);
	assert_in_range(a.fired, 9, 10);
	gh__deadline_finish(l, &a.deadline);
}

static void one_may_take_another_away_that_is_due_with_it(void **state)
{
	struct gh__loop *l = *state;
	struct alarm a, b;

	alarm_init(&a, l);
	alarm_init(&b, l);
	a.ends = &b.deadline;
	b.ends = &a.deadline;
	gh__deadline_set(l, &a.deadline, 100);
	gh__deadline_set(l, &b.deadline, 100);
	pass(l, 1000, 10);
	assert_int_equal(a.fired + b.fired, 1);
}

static void nothing_ticks_while_nothing_is_waited_for(void **state)
{
	struct gh__loop *l = *state;
	struct alarm a;

	alarm_init(&a, l);
	assert_false(uv_is_active((uv_handle_t *)&l->tick));
	gh__deadline_set(l, &a.deadline, 100);
	assert_true(uv_is_active((uv_handle_t *)&l->tick));
	pass(l, 200, 10);
	assert_false(uv_is_active((uv_handle_t *)&l->tick));
	/* After a long time without one the wheel stands at now again. */
	l->now += 3 * HORIZON + 7;
	gh__deadline_set(l, &a.deadline, 100);
	pass(l, 99, 1);
	assert_int_equal(a.fired, 1);
	pass(l, 1 + GH__TICK_MS, 1);
	assert_int_equal(a.fired, 2);
}

static bool has_fired(void *arg)
{
	return ((struct alarm *)arg)->fired > 0;
}

static void the_real_clock_moves_it_too(void **state)
{
	struct gh__loop *l = *state;
	struct alarm a;

	l->frozen = false;
	uv_update_time(&l->uv);
	gh__loop_touch(l);
	alarm_init(&a, l);
	gh__deadline_set(l, &a.deadline, 60);
	uint64_t at = l->now + 60;
	assert_true(wire_until(l, has_fired, &a));
	assert_true(a.when >= at);
}

/* ---- the end of a turn ---- */

struct chore {
	struct gh__later later;
	struct gh__loop *loop;
	struct chore *next;
	unsigned done, order;
	unsigned *clock;
};

static void do_chore(struct gh__later *later)
{
	struct chore *c = GH__CONTAINER(later, struct chore, later);

	c->done++;
	c->order = ++*c->clock;
	if (c->next)
		gh__loop_later(c->loop, &c->next->later);
}

static void what_is_for_later_is_done_once_in_order_this_turn(void **state)
{
	struct gh__loop *l = *state;
	unsigned clock = 0;
	struct chore c[3];

	for (int i = 0; i < 3; i++) {
		c[i] = (struct chore){ .loop = l, .clock = &clock };
		gh__later_init(&c[i].later, do_chore);
	}
	c[0].next = c + 2; /* asked for while the others are done */
	gh__loop_later(l, &c[0].later);
	gh__loop_later(l, &c[1].later);
	gh__loop_later(l, &c[0].later);
	assert_int_equal(clock, 0);
	gh__loop_tick(l);
	assert_int_equal(c[0].order, 1);
	assert_int_equal(c[1].order, 2);
	assert_int_equal(c[2].order, 3);
	assert_int_equal(clock, 3);
	gh__loop_later(l, &c[1].later);
	gh__loop_tick(l);
	assert_int_equal(c[1].done, 2);
}

/* ---- letters ---- */

enum { THREADS = 4, LETTERS = 500 };

struct note {
	struct gh__letter letter;
	unsigned thread, number;
};

struct box {
	unsigned next[THREADS];
	unsigned opened;
	pthread_t reader;
};

static void on_open(struct gh__loop *l, struct gh__letter *letter)
{
	struct note *n = GH__CONTAINER(letter, struct note, letter);
	struct box *b = l->owner;

	assert_true(pthread_equal(b->reader, pthread_self()));
	assert_int_equal(n->number, b->next[n->thread]);
	b->next[n->thread]++;
	b->opened++;
	free(n);
}

struct sender {
	struct gh__loop *loop;
	unsigned thread;
};

static void *send_letters(void *arg)
{
	struct sender *s = arg;

	for (unsigned i = 0; i < LETTERS; i++) {
		struct note *n = calloc(1, sizeof *n);
		n->letter.open = on_open;
		n->thread = s->thread;
		n->number = i;
		gh__loop_post(s->loop, &n->letter);
	}
	return NULL;
}

static bool all_opened(void *arg)
{
	return ((struct box *)arg)->opened >= THREADS * LETTERS;
}

static void letters_of_each_thread_are_opened_in_order_on_the_loop(void **state)
{
	struct gh__loop *l = *state;
	struct box b = { .reader = pthread_self() };
	struct sender senders[THREADS];
	pthread_t threads[THREADS];

	l->owner = &b;
	for (unsigned i = 0; i < THREADS; i++) {
		senders[i] = (struct sender){ l, i };
		assert_int_equal(pthread_create(threads + i, NULL, send_letters, senders + i), 0);
	}
	assert_true(wire_until(l, all_opened, &b));
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	wire_settle(l);
	assert_int_equal(b.opened, THREADS * LETTERS);
}

static void on_reply(struct gh__loop *l, struct gh__letter *letter)
{
	struct box *b = l->owner;

	(void)letter;
	if (++b->opened < 3)
		gh__loop_post(l, letter); /* its memory is the opener's now */
}

static bool three(void *arg)
{
	return ((struct box *)arg)->opened == 3;
}

static void a_letter_may_be_posted_again_as_it_is_opened(void **state)
{
	struct gh__loop *l = *state;
	struct box b = { .opened = 0 };
	struct gh__letter letter = { .open = on_reply };

	l->owner = &b;
	gh__loop_post(l, &letter);
	assert_int_equal(b.opened, 0); /* never before the caller is back */
	assert_true(wire_until(l, three, &b));
}

/* ---- memory and chance ---- */

static void blocks_are_used_again(void **state)
{
	struct gh__loop *l = *state;
	void *a = gh__block_get(l), *b = gh__block_get(l);

	memset(a, 1, GH__BLOCK);
	memset(b, 2, GH__BLOCK);
	assert_ptr_not_equal(a, b);
	gh__block_put(l, a);
	assert_ptr_equal(gh__block_get(l), a);
	gh__block_put(l, a);
	gh__block_put(l, b);
	void *many[GH__BLOCKS_KEPT + 10];
	for (size_t i = 0; i < GH_COUNT_OF(many); i++)
		many[i] = gh__block_get(l);
	for (size_t i = 0; i < GH_COUNT_OF(many); i++)
		gh__block_put(l, many[i]);
	assert_int_equal(l->block_count, GH__BLOCKS_KEPT);
}

static void random_bytes_are_never_given_twice(void **state)
{
	struct gh__loop *l = *state;
	unsigned char seen[200][12];

	for (size_t i = 0; i < GH_COUNT_OF(seen); i++) {
		gh__loop_random(l, seen[i], sizeof seen[i]);
		for (size_t k = 0; k < i; k++)
			assert_memory_not_equal(seen[i], seen[k], sizeof seen[i]);
	}
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = {
		CASE(a_deadline_fires_once_and_never_early),
		CASE(a_leap_of_time_fires_all_that_is_due),
		CASE(one_that_is_moved_later_fires_at_its_new_time_alone),
		CASE(one_that_is_moved_earlier_fires_at_its_new_time_alone),
		CASE(one_that_is_cleared_or_finished_never_fires),
		CASE(one_may_set_itself_again_while_it_fires),
		CASE(one_may_take_another_away_that_is_due_with_it),
		CASE(nothing_ticks_while_nothing_is_waited_for),
		CASE(the_real_clock_moves_it_too),
		CASE(what_is_for_later_is_done_once_in_order_this_turn),
		CASE(letters_of_each_thread_are_opened_in_order_on_the_loop),
		CASE(a_letter_may_be_posted_again_as_it_is_opened),
		CASE(blocks_are_used_again),
		CASE(random_bytes_are_never_given_twice),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
