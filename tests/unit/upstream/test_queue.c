/* Who gets a place at an upstream, who waits, who is called next, and who is refused. */
#include "unit/upstream/queue_fixture.h"

static void so_many_have_a_place_and_the_others_wait(void **state)
{
	struct request r[5];

	(void)state;
	limit(3, 10, GH__COLD_START_ONE);
	for (int i = 0; i < 5; i++)
		assert_int_equal(enter(r + i, "a"), i < 3 ? GH__TURN_NOW : GH__TURN_LATER);
	assert_int_equal(counts().running, 3);
	assert_int_equal(counts().waiting, 2);
	assert_null(next_called());
	leave(r + 1);
	assert_ptr_equal(next_called(), r + 3);
	assert_null(next_called());
	leave(r + 3);
	assert_ptr_equal(next_called(), r + 4);
	leave(r + 0);
	leave(r + 2);
	leave(r + 4);
	assert_int_equal(counts().running + counts().waiting, 0);
	for (int i = 0; i < 5; i++)
		assert_int_equal(r[i].calls, i >= 3);
}

static void without_a_limit_all_have_a_place(void **state)
{
	struct request r[1000];

	(void)state;
	limit(0, 0, GH__COLD_START_ONE);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(enter(r + i, "a"), GH__TURN_NOW);
	for (int i = 0; i < 1000; i++)
		leave(r + i);
}

static void a_new_queue_has_no_limits(void **state)
{
	struct request r[3];

	(void)state;
	gh__queue_destroy(q);
	q = gh__queue_create();
	for (int i = 0; i < 3; i++)
		assert_int_equal(ask(r + i, "m"), GH__TURN_NOW);
	for (int i = 0; i < 3; i++)
		leave(r + i);
}

static void one_more_than_may_wait_is_refused(void **state)
{
	struct request r[5];

	(void)state;
	limit(1, 2, GH__COLD_START_ONE);
	for (int i = 0; i < 5; i++)
		assert_int_equal(enter(r + i, "a"), i == 0  ? GH__TURN_NOW
						    : i < 3 ? GH__TURN_LATER
							    : GH__TURN_FULL);
	assert_int_equal(counts().refused, 2);
	assert_int_equal(counts().entered, 3);
	leave(r + 4); /* is nowhere */
	assert_int_equal(counts().waiting, 2);
	/* Room is made by who leaves, with a turn and without. */
	leave(r + 1);
	assert_int_equal(enter(r + 3, "a"), GH__TURN_LATER);
	leave(r + 0);
	assert_ptr_equal(next_called(), r + 2);
	assert_int_equal(enter(r + 4, "a"), GH__TURN_LATER);
	leave(r + 2);
	leave(r + 3);
	leave(r + 4);
	limit(1, 0, GH__COLD_START_ONE);
	assert_int_equal(enter(r + 0, "a"), GH__TURN_NOW);
	assert_int_equal(enter(r + 1, "a"), GH__TURN_FULL);
	leave(r + 0);
}

static void leaving_is_done_once_however_often_it_is_said(void **state)
{
	struct request r[3] = { 0 };

	(void)state;
	leave(r); /* never entered */
	for (int i = 0; i < 3; i++)
		enter(r + i, "a");
	for (int i = 0; i < 3; i++)
		leave(r + 1);
	assert_int_equal(counts().left, 1);
	for (int i = 0; i < 3; i++)
		leave(r + 0);
	assert_int_equal(counts().running, 1);
	assert_ptr_equal(next_called(), r + 2);
	/* One that was called and left before it heard of it gives its place on. */
	enter(r + 0, "a");
	leave(r + 2);
	assert_ptr_equal(next_called(), r + 0);
	leave(r + 0);
	assert_int_equal(counts().left, 1);
}

static void a_higher_class_goes_first(void **state)
{
	static const enum gh_priority classes[] = { GH_PRIORITY_LOW, GH_PRIORITY_NORMAL,
						    GH_PRIORITY_HIGH };
	struct request first, r[9];

	(void)state;
	enter(&first, "a");
	/* One caller may be in several. */
	for (int i = 0; i < 9; i++)
		enter_as(r + i, i < 6 ? "a" : "b", classes[i % 3], "");
	leave(&first);
	for (int i = 0; i < 9; i++) {
		struct request *next = next_called();
		assert_int_equal((next - r) % 3, 2 - i / 3);
		assert_null(next_called());
		leave(next);
	}
}

static void one_caller_s_requests_go_in_their_order(void **state)
{
	enum { COUNT = 10000 };
	struct request first, *r = calloc(COUNT, sizeof *r);

	(void)state;
	enter(&first, "a");
	for (int i = 0; i < COUNT; i++)
		assert_int_equal(enter(r + i, "a"), GH__TURN_LATER);
	leave(&first);
	for (int i = 0; i < COUNT; i++) {
		assert_ptr_equal(next_called(), r + i);
		leave(r + i);
	}
	free(r);
}

static void ten_thousand_callers_take_turns(void **state)
{
	enum { COUNT = 10000, EACH = 2 };
	struct request first, *r = calloc(COUNT * EACH, sizeof *r);
	char name[20];

	(void)state;
	enter(&first, "a");
	for (int i = 0; i < COUNT * EACH; i++) {
		snprintf(name, sizeof name, "caller %d", i / EACH);
		enter(r + i, name);
	}
	leave(&first);
	for (int i = 0; i < COUNT * EACH; i++) {
		assert_ptr_equal(next_called(), r + i % COUNT * EACH + i / COUNT);
		leave(r + i % COUNT * EACH + i / COUNT);
	}
	free(r);
}

/* ---- shares ---- */

struct caller {
	const char *name;
	int wants; /* requests that it has open at any time */
	int got;   /* turns */
	struct request *r;
};

static struct caller *caller_of(struct caller *callers, int count, const struct request *r)
{
	for (int i = 0; i < count; i++)
		if (r >= callers[i].r && r < callers[i].r + callers[i].wants)
			return callers + i;
	fail();
	return NULL;
}

/* Each sends a new request as soon as one is done; so many turns. */
static void serve(struct caller *callers, int count, int places, int turns)
{
	struct request *running[8];
	int busy = 0;

	limit((unsigned)places, 100000, GH__COLD_START_ONE);
	for (int i = 0; i < count; i++) {
		callers[i].r = calloc((size_t)callers[i].wants, sizeof *callers[i].r);
		for (int k = 0; k < callers[i].wants; k++)
			if (enter(callers[i].r + k, callers[i].name) == GH__TURN_NOW)
				running[busy++] = callers[i].r + k;
	}
	for (int i = 0; i < turns; i++) {
		/* The one that runs for the longest is done, and another is called before its caller
		 * hears of it. */
		struct request *done = running[0], *next;
		struct caller *c = caller_of(callers, count, done);
		memmove(running, running + 1, sizeof *running * (size_t)--busy);
		c->got++;
		leave(done);
		while ((next = next_called()))
			running[busy++] = next;
		if (enter(done, c->name) == GH__TURN_NOW)
			running[busy++] = done;
		assert_true(busy <= places);
	}
	limit(0, 0, GH__COLD_START_ONE);
	while (next_called())
		;
	for (int i = 0; i < count; i++) {
		for (int k = 0; k < callers[i].wants; k++)
			leave(callers[i].r + k);
		free(callers[i].r);
	}
}

static void two_callers_of_100_to_1_demand_have_equal_shares(void **state)
{
	static const int places[] = { 1, 2, 4 };

	(void)state;
	for (size_t i = 0; i < GH_COUNT_OF(places); i++) {
		/* Who is to have half of the places must ask for as many, and one to wait. */
		struct caller callers[] = { { "script", 100 * (places[i] / 2 + 1), 0, NULL },
					    { "person", places[i] / 2 + 1, 0, NULL } };
		serve(callers, 2, places[i], 2000);
		assert_in_range(callers[0].got, 950, 1050);
	}
}

static void a_person_s_one_request_at_a_time_is_next_after_the_one_that_runs(void **state)
{
	struct caller callers[] = { { "script", 100, 0, NULL },
				    { "other script", 1000, 0, NULL },
				    { "person", 1, 0, NULL } };

	(void)state;
	serve(callers, 3, 1, 3000);
	for (int i = 0; i < 3; i++)
		assert_in_range(callers[i].got, 950, 1050);
}

static void who_comes_for_the_first_time_is_next_after_those_of_this_round(void **state)
{
	struct request script[5], person;

	(void)state;
	for (int i = 0; i < 5; i++)
		enter(script + i, "script");
	for (int i = 0; i < 2; i++) {
		leave(script + i);
		assert_ptr_equal(next_called(), script + i + 1);
	}
	enter(&person, "person");
	leave(script + 2);
	assert_ptr_equal(next_called(), &person);
	for (int i = 3; i < 5; i++)
		leave(script + i);
	leave(&person);
}

static void who_had_a_turn_gets_no_other_by_leaving_and_coming_again(void **state)
{
	static const char *const names[] = { "a", "b", "c", "d" };
	struct request running, r[2][4], mine[2], other;

	(void)state;
	enter(&running, "nobody");
	for (int i = 0; i < 8; i++)
		enter(&r[i / 4][i % 4], names[i % 4]);
	leave(&running);
	assert_ptr_equal(next_called(), &r[0][0]);
	/* Both come to the round that goes on. */
	enter(mine, "me");
	enter(&other, "other");
	for (int i = 1; i < 4; i++) {
		leave(&r[0][i - 1]);
		assert_ptr_equal(next_called(), &r[0][i]);
	}
	leave(&r[0][3]);
	assert_ptr_equal(next_called(), mine);
	enter(mine + 1, "me");
	leave(mine + 1);
	enter(mine + 1, "me");
	leave(mine);
	assert_ptr_equal(next_called(), &other);
	leave(&other);
	assert_ptr_equal(next_called(), &r[1][0]);
	for (int i = 0; i < 4; i++)
		leave(&r[1][i]);
	leave(mine + 1);
}

static void many_persons_and_a_script_have_a_turn_a_round(void **state)
{
	static const char *const names[] = { "a", "b", "c", "d", "e", "f", "g", "h", "i" };
	struct caller callers[10] = { { "script", 50, 0, NULL } };

	(void)state;
	for (int i = 1; i < 10; i++)
		callers[i] = (struct caller){ names[i - 1], 1, 0, NULL };
	for (int places = 1; places <= 4; places += 3) {
		for (int i = 0; i < 10; i++)
			callers[i].got = 0;
		serve(callers, 10, places, 2000);
		for (int i = 0; i < 10; i++)
			assert_in_range(callers[i].got, 190, 210);
	}
}

static void new_names_without_end_do_not_starve_who_waits(void **state)
{
	enum { OTHERS = 5, TURNS = 300 };
	struct request running, mine[TURNS], *r = calloc(OTHERS + TURNS, sizeof *r);
	int turns = 0, entered = 0;
	char name[20];

	(void)state;
	enter(&running, "nobody");
	for (int i = 0; i < TURNS; i++)
		enter(mine + i, "script");
	struct request *next = &running;
	for (int i = 0; i < TURNS; i++) {
		/* Always so many wait who were never there before. */
		while (entered < OTHERS + i - turns) {
			snprintf(name, sizeof name, "%d", entered);
			enter(r + entered++, name);
		}
		leave(next);
		next = next_called();
		turns += next >= mine && next < mine + TURNS;
	}
	/* A round begins with at most all of them and takes one more than as many. */
	assert_true(turns >= TURNS / (2 * (OTHERS + 1) + 1));
	/* And a caller who waits is not better off than those. */
	assert_true(turns <= TURNS / (OTHERS + 1) + 1);
	for (int i = 0; i < TURNS; i++)
		leave(mine + i);
	for (int i = 0; i < entered; i++)
		leave(r + i);
	leave(&running);
	free(r);
}

/* ---- limits, numbers ---- */

static void a_higher_limit_calls_at_once_and_a_lower_one_takes_nothing_away(void **state)
{
	struct request r[6];

	(void)state;
	for (int i = 0; i < 6; i++)
		enter(r + i, "a");
	limit(3, 0, GH__COLD_START_ONE);
	assert_ptr_equal(next_called(), r + 1);
	assert_ptr_equal(next_called(), r + 2);
	assert_null(next_called());
	assert_int_equal(counts().waiting, 3);
	limit(1, 0, GH__COLD_START_ONE);
	assert_int_equal(counts().running, 3);
	leave(r + 0);
	leave(r + 1);
	assert_null(next_called());
	leave(r + 2);
	assert_ptr_equal(next_called(), r + 3);
	limit(0, 0, GH__COLD_START_ONE);
	assert_ptr_equal(next_called(), r + 4);
	assert_ptr_equal(next_called(), r + 5);
	for (int i = 3; i < 6; i++)
		leave(r + i);
}

static void it_counts_who_waited_and_for_how_long(void **state)
{
	struct request r[4];

	(void)state;
	for (int i = 0; i < 4; i++) {
		enter(r + i, "a");
		now += 100;
	}
	leave(r + 3); /* after 100 ms, without a turn */
	now += 1000;
	leave(r + 0); /* the second has waited for 300 + 1000 ms */
	now += 500;
	leave(r + 1); /* the third for 200 + 1500 */
	leave(r + 2);
	struct gh__queue_counts c = counts();
	assert_int_equal(c.entered, 4);
	assert_int_equal(c.left, 1);
	assert_int_equal(c.waited_count, 2);
	assert_int_equal(c.waited_ms_sum, 1300 + 1700);
	assert_int_equal(c.running + c.waiting + c.refused, 0);
}

static void a_clock_that_is_behind_does_no_harm(void **state)
{
	struct request r[2];

	(void)state;
	enter(r, "a");
	enter(r + 1, "a");
	now -= 500; /* another thread's */
	leave(r);
	assert_ptr_equal(next_called(), r + 1);
	assert_int_equal(counts().waited_ms_sum, 0);
	assert_in_range(gh__queue_retry_after(q, now), 1, 60);
	leave(r + 1);
}

static void a_retry_is_advised_after_as_long_as_those_who_wait_will_take(void **state)
{
	struct request running, r[9];

	(void)state;
	assert_int_equal(gh__queue_retry_after(q, now), 1);
	enter(&running, "a");
	/* One request after another takes two seconds. */
	for (int i = 0; i < 20; i++) {
		now += 2000;
		leave(&running);
		now += 60000; /* while nobody is served no time counts */
		enter(&running, "a");
	}
	assert_int_equal(gh__queue_retry_after(q, now), 2);
	for (int i = 0; i < 9; i++)
		enter(r + i, "a");
	assert_int_equal(gh__queue_retry_after(q, now), 20);
	now += 1000; /* as usual */
	assert_int_equal(gh__queue_retry_after(q, now), 20);
	now += 3000; /* it takes twice as long this time */
	assert_int_equal(gh__queue_retry_after(q, now), 40);
	now += 1000000;
	assert_int_equal(gh__queue_retry_after(q, now), 60);
	for (int i = 0; i < 9; i++)
		leave(r + i);
	leave(&running);
	/* It follows what is the case of late. */
	enter(&running, "a");
	for (int i = 0; i < 200; i++) {
		now += 10;
		leave(&running);
		enter(&running, "a");
	}
	assert_int_equal(gh__queue_retry_after(q, now), 1);
	leave(&running);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(so_many_have_a_place_and_the_others_wait),
		TEST(without_a_limit_all_have_a_place),
		TEST(a_new_queue_has_no_limits),
		TEST(one_more_than_may_wait_is_refused),
		TEST(leaving_is_done_once_however_often_it_is_said),
		TEST(a_higher_class_goes_first),
		TEST(one_caller_s_requests_go_in_their_order),
		TEST(ten_thousand_callers_take_turns),
		TEST(two_callers_of_100_to_1_demand_have_equal_shares),
		TEST(a_person_s_one_request_at_a_time_is_next_after_the_one_that_runs),
		TEST(who_comes_for_the_first_time_is_next_after_those_of_this_round),
		TEST(who_had_a_turn_gets_no_other_by_leaving_and_coming_again),
		TEST(many_persons_and_a_script_have_a_turn_a_round),
		TEST(new_names_without_end_do_not_starve_who_waits),
		TEST(a_higher_limit_calls_at_once_and_a_lower_one_takes_nothing_away),
		TEST(it_counts_who_waited_and_for_how_long),
		TEST(a_clock_that_is_behind_does_no_harm),
		TEST(a_retry_is_advised_after_as_long_as_those_who_wait_will_take),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
