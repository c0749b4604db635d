/* A model that is not loaded is loaded by one request, and nothing but those for it waits for that. */
#include "unit/upstream/queue_fixture.h"

static int begin_wide(void **state)
{
	begin(state);
	limit(4, 1000, GH__COLD_START_ONE);
	return 0;
}

#define WIDE(f) cmocka_unit_test_setup_teardown(f, begin_wide, end)

/* Leaves it loaded and idle. */
static void load(const char *model)
{
	struct request r;

	assert_int_equal(ask(&r, model), GH__TURN_NOW);
	loaded(&r);
	leave(&r);
}

static void assert_cold(const char *model)
{
	struct request r[2];

	assert_int_equal(ask(r, model), GH__TURN_NOW);
	assert_int_equal(ask(r + 1, model), GH__TURN_LATER);
	leave(r + 1);
	leave(r);
}

static void assert_loaded(const char *model)
{
	struct request r[2];

	assert_int_equal(ask(r, model), GH__TURN_NOW);
	assert_int_equal(ask(r + 1, model), GH__TURN_NOW);
	leave(r + 1);
	leave(r);
}

static void the_first_loads_and_the_others_wait_for_it(void **state)
{
	struct request r[6];

	(void)state;
	for (int i = 0; i < 6; i++)
		assert_int_equal(ask(r + i, "m"), i == 0 ? GH__TURN_NOW : GH__TURN_LATER);
	assert_null(next_called());
	loaded(r);
	loaded(r); /* with each piece of the answer */
	for (int i = 1; i < 4; i++)
		assert_ptr_equal(next_called(), r + i);
	assert_null(next_called());
	for (int i = 0; i < 6; i++) {
		leave(r + i);
		if (i < 2)
			assert_ptr_equal(next_called(), r + i + 4);
	}
}

static void who_waits_for_a_load_takes_no_place(void **state)
{
	struct request r[4], other[4];

	(void)state;
	for (int i = 0; i < 4; i++)
		ask(r + i, "m");
	assert_int_equal(counts().running, 1);
	assert_int_equal(ask(other + 0, "n"), GH__TURN_NOW); /* loads as well */
	assert_int_equal(ask(other + 1, ""), GH__TURN_NOW);
	assert_int_equal(ask(other + 2, ""), GH__TURN_NOW);
	assert_int_equal(ask(other + 3, ""), GH__TURN_LATER); /* all four are taken */
	leave(other + 2);
	assert_ptr_equal(next_called(), other + 3);
	/* Loaded, they wait for places as others do. */
	loaded(r);
	assert_null(next_called());
	leave(other + 1);
	assert_ptr_equal(next_called(), r + 1);
	for (int i = 0; i < 4; i++) {
		leave(r + i);
		leave(other + i);
	}
}

static void one_in_the_queue_whose_model_is_being_loaded_lets_the_next_go_first(void **state)
{
	struct request busy, r[5];

	(void)state;
	limit(1, 1000, GH__COLD_START_ONE);
	load("other");
	ask(&busy, "");
	for (int i = 0; i < 3; i++)
		ask(r + i, "m");
	ask(r + 3, "other");
	ask(r + 4, "");
	limit(2, 1000, GH__COLD_START_ONE);
	assert_ptr_equal(next_called(), r + 0); /* loads */
	assert_null(next_called());
	leave(&busy);
	assert_ptr_equal(next_called(), r + 3); /* past two that are parked now */
	loaded(r);
	leave(r + 3);
	/* They came before it. */
	assert_ptr_equal(next_called(), r + 1);
	leave(r + 1);
	assert_ptr_equal(next_called(), r + 2);
	leave(r + 2);
	assert_ptr_equal(next_called(), r + 4);
	leave(r + 4);
	leave(r + 0);
}

static void callers_take_turns_after_a_load_as_well(void **state)
{
	struct request r[9];
	static const char *const names[] = { "a", "b", "c" };

	(void)state;
	limit(1, 1000, GH__COLD_START_ONE);
	for (int i = 0; i < 9; i++)
		enter_as(r + i, names[i / 3], GH_PRIORITY_NORMAL, "m");
	loaded(r);
	leave(r);
	static const int order[] = { 1, 3, 6, 2, 4, 7, 5, 8 };
	for (int i = 0; i < 8; i++) {
		assert_ptr_equal(next_called(), r + order[i]);
		leave(r + order[i]);
	}
}

static void a_load_that_fails_is_taken_on_by_the_next(void **state)
{
	struct request r[5];

	(void)state;
	for (int i = 0; i < 5; i++)
		ask(r + i, "m");
	for (int i = 0; i < 3; i++) {
		leave(r + i); /* no answer */
		assert_ptr_equal(next_called(), r + i + 1);
		assert_null(next_called());
	}
	loaded(r + 3);
	assert_ptr_equal(next_called(), r + 4);
	leave(r + 3);
	leave(r + 4);
	assert_loaded("m");
}

static void the_next_may_have_to_wait_for_a_place_and_may_leave_before(void **state)
{
	struct request r[5], other[2];

	(void)state;
	limit(1, 1000, GH__COLD_START_ONE);
	ask(r, "m");
	for (int i = 1; i < 5; i++)
		ask(r + i, "m");
	enter_as(other, "another", GH_PRIORITY_HIGH, "");
	enter_as(other + 1, "another", GH_PRIORITY_HIGH, "");
	leave(r);
	assert_ptr_equal(next_called(), other);
	assert_null(next_called());
	leave(r + 1); /* who was to be next */
	leave(r + 4); /* who was not */
	leave(other);
	assert_ptr_equal(next_called(), other + 1);
	leave(other + 1);
	assert_ptr_equal(next_called(), r + 2);
	assert_null(next_called());
	leave(r + 2);
	assert_ptr_equal(next_called(), r + 3);
	leave(r + 3);
}

static void the_next_is_one_of_the_highest_class(void **state)
{
	struct request r[4];

	(void)state;
	enter_as(r + 0, "a", GH_PRIORITY_NORMAL, "m");
	enter_as(r + 1, "a", GH_PRIORITY_LOW, "m");
	enter_as(r + 2, "a", GH_PRIORITY_NORMAL, "m");
	enter_as(r + 3, "b", GH_PRIORITY_HIGH, "m");
	leave(r);
	assert_ptr_equal(next_called(), r + 3);
	leave(r + 3);
	assert_ptr_equal(next_called(), r + 2);
	leave(r + 2);
	assert_ptr_equal(next_called(), r + 1);
	leave(r + 1);
}

static void who_waits_for_a_load_may_leave(void **state)
{
	struct request r[3];

	(void)state;
	for (int i = 0; i < 3; i++)
		ask(r + i, "m");
	leave(r + 1);
	assert_int_equal(counts().waiting, 1);
	assert_int_equal(counts().left, 1);
	leave(r + 2);
	loaded(r);
	assert_null(next_called());
	leave(r);
}

static void a_model_is_cold_five_minutes_after_its_last_use(void **state)
{
	struct request r;

	(void)state;
	load("m");
	now += GH__MODEL_WARM_MS - 1;
	assert_loaded("m");
	now += GH__MODEL_WARM_MS - 1;
	assert_loaded("m");
	now += GH__MODEL_WARM_MS;
	assert_cold("m");
	/* Not while it is in use. */
	load("m");
	assert_int_equal(ask(&r, "m"), GH__TURN_NOW);
	now += 10 * GH__MODEL_WARM_MS;
	assert_loaded("m");
	leave(&r);
	now += GH__MODEL_WARM_MS - 1;
	assert_loaded("m");
}

static void a_failed_load_leaves_it_cold_and_a_failure_of_a_loaded_one_does_not(void **state)
{
	struct request r;

	(void)state;
	ask(&r, "m");
	leave(&r);
	assert_cold("m");
	load("m");
	ask(&r, "m");
	leave(&r); /* no answer */
	assert_loaded("m");
}

static void models_are_apart_and_none_is_of_no_matter(void **state)
{
	struct request r[4];

	(void)state;
	assert_int_equal(ask(r + 0, "m"), GH__TURN_NOW);
	assert_int_equal(ask(r + 1, "mm"), GH__TURN_NOW);
	assert_int_equal(ask(r + 2, ""), GH__TURN_NOW);
	assert_int_equal(ask(r + 3, ""), GH__TURN_NOW);
	loaded(r + 2);
	for (int i = 0; i < 4; i++)
		leave(r + i);
}

static void where_all_may_load_none_waits(void **state)
{
	struct request r[4], more[2];

	(void)state;
	limit(4, 1000, GH__COLD_START_ALL);
	for (int i = 0; i < 4; i++)
		assert_int_equal(ask(r + i, "m"), GH__TURN_NOW);
	for (int i = 0; i < 4; i++)
		leave(r + i);
	/* A change lets go who waits, and loads under way do no harm later. */
	limit(4, 1000, GH__COLD_START_ONE);
	for (int i = 0; i < 4; i++)
		ask(r + i, "m");
	assert_null(next_called());
	limit(4, 1000, GH__COLD_START_ALL);
	for (int i = 1; i < 4; i++)
		assert_ptr_equal(next_called(), r + i);
	limit(6, 1000, GH__COLD_START_ONE);
	assert_int_equal(ask(more, "m"), GH__TURN_LATER);
	loaded(r + 2); /* whoever says so */
	assert_ptr_equal(next_called(), more);
	assert_int_equal(ask(more + 1, "m"), GH__TURN_NOW);
	for (int i = 0; i < 4; i++)
		leave(r + i);
	leave(more);
	leave(more + 1);
	assert_loaded("m");
}

static void without_a_limit_nobody_is_refused_for_a_load(void **state)
{
	struct request r[5];

	(void)state;
	limit(0, 2, GH__COLD_START_ONE);
	for (int i = 0; i < 5; i++)
		assert_int_equal(ask(r + i, "m"), i == 1 || i == 2 ? GH__TURN_LATER : GH__TURN_NOW);
	assert_int_equal(counts().refused, 0);
	/* Who went on does not load, so its end is no failure of the load. */
	leave(r + 3);
	assert_null(next_called());
	leave(r);
	assert_ptr_equal(next_called(), r + 1);
	assert_null(next_called());
	/* But it may have been loaded by then. */
	loaded(r + 4);
	assert_ptr_equal(next_called(), r + 2);
	leave(r + 4);
	leave(r + 1);
	leave(r + 2);
	assert_loaded("m");
}

static void with_a_limit_who_waits_for_a_load_takes_room(void **state)
{
	struct request r[4];

	(void)state;
	limit(4, 2, GH__COLD_START_ONE);
	for (int i = 0; i < 4; i++)
		assert_int_equal(ask(r + i, "m"), i == 0  ? GH__TURN_NOW
						  : i < 3 ? GH__TURN_LATER
							  : GH__TURN_FULL);
	assert_int_equal(ask(r + 3, "n"), GH__TURN_NOW);
	for (int i = 0; i < 4; i++)
		leave(r + i);
}

static const char *name_of(int i, char to[20])
{
	snprintf(to, 20, "model %d", i);
	return to;
}

static void so_many_models_are_known_and_the_oldest_idle_one_goes(void **state)
{
	char name[20];

	(void)state;
	for (int i = 0; i < GH__MODELS_MOST; i++) {
		load(name_of(i, name));
		now++;
	}
	assert_loaded("model 0"); /* and so is no longer the oldest */
	load("one more");
	assert_cold("model 1");
	assert_loaded("model 0");
	assert_loaded("model 3"); /* `assert_cold` took the place of another */
	assert_loaded("one more");
	/* Names that are never loaded take no room. */
	for (int i = 0; i < 3 * GH__MODELS_MOST; i++) {
		struct request r;
		snprintf(name, sizeof name, "nothing %d", i);
		ask(&r, name);
		leave(&r);
	}
	assert_loaded("model 0");
	assert_loaded("one more");
}

static void while_all_models_are_in_use_another_is_of_no_matter(void **state)
{
	struct request *r = calloc(GH__MODELS_MOST, sizeof *r), more[2];
	char name[20];

	(void)state;
	limit(0, 0, GH__COLD_START_ONE);
	for (int i = 0; i < GH__MODELS_MOST; i++)
		ask(r + i, name_of(i, name));
	limit(GH__MODELS_MOST + 2, 10, GH__COLD_START_ONE);
	assert_int_equal(ask(more, "one more"), GH__TURN_NOW);
	assert_int_equal(ask(more + 1, "one more"), GH__TURN_NOW);
	loaded(more);
	leave(more);
	leave(more + 1);
	for (int i = 0; i < GH__MODELS_MOST; i++)
		leave(r + i);
	free(r);
	assert_cold("one more");
}

static void ten_thousand_wait_for_one_load(void **state)
{
	enum { COUNT = 10000 };
	struct request *r = calloc(COUNT, sizeof *r);
	char name[20];

	(void)state;
	limit(1, COUNT, GH__COLD_START_ONE);
	for (int i = 0; i < COUNT; i++) {
		snprintf(name, sizeof name, "caller %d", i % 100);
		assert_int_equal(enter_as(r + i, name, GH_PRIORITY_NORMAL, "m"),
				 i == 0 ? GH__TURN_NOW : GH__TURN_LATER);
	}
	loaded(r);
	leave(r);
	int n = 1;
	for (struct request *next; (next = next_called()); n++)
		leave(next);
	assert_int_equal(n, COUNT);
	free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WIDE(the_first_loads_and_the_others_wait_for_it),
		WIDE(who_waits_for_a_load_takes_no_place),
		WIDE(one_in_the_queue_whose_model_is_being_loaded_lets_the_next_go_first),
		WIDE(callers_take_turns_after_a_load_as_well),
		WIDE(a_load_that_fails_is_taken_on_by_the_next),
		WIDE(the_next_may_have_to_wait_for_a_place_and_may_leave_before),
		WIDE(the_next_is_one_of_the_highest_class),
		WIDE(who_waits_for_a_load_may_leave),
		WIDE(a_model_is_cold_five_minutes_after_its_last_use),
		WIDE(a_failed_load_leaves_it_cold_and_a_failure_of_a_loaded_one_does_not),
		WIDE(models_are_apart_and_none_is_of_no_matter),
		WIDE(where_all_may_load_none_waits),
		WIDE(without_a_limit_nobody_is_refused_for_a_load),
		WIDE(with_a_limit_who_waits_for_a_load_takes_room),
		WIDE(so_many_models_are_known_and_the_oldest_idle_one_goes),
		WIDE(while_all_models_are_in_use_another_is_of_no_matter),
		WIDE(ten_thousand_wait_for_one_load),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
