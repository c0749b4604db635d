/* Many threads at one queue: never too many at once, nobody lost, and all come to their end. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <time.h>

#include "unit/upstream/queue_fixture.h"

enum { THREADS = 8, ROUNDS = 3000, PLACES = 3, ROOM = 12, HELD = 6 };

/* One request of a thread, and the letter that calls it. */
struct post {
	struct gh__ticket ticket;
	atomic_bool was_called;
};

struct totals {
	atomic_int running, most, called, refused, left_waiting, served;
	atomic_bool over;
};
static struct totals totals;

static void on_letter(struct gh__ticket *t)
{
	struct post *p = GH__CONTAINER(t, struct post, ticket);

	atomic_fetch_add(&totals.called, 1);
	assert_false(atomic_exchange(&p->was_called, true));
}

static uint32_t draw(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 16;
}

static void got_place(void)
{
	int n = atomic_fetch_add(&totals.running, 1) + 1, most = atomic_load(&totals.most);

	while (n > most && !atomic_compare_exchange_weak(&totals.most, &most, n))
		;
}

static void finish(struct post *p, bool ran, uint32_t *seed)
{
	if (ran) {
		if (draw(seed) % 4)
			gh__queue_loaded(&p->ticket, atomic_load(&totals.served));
		atomic_fetch_sub(&totals.running, 1);
		atomic_fetch_add(&totals.served, 1);
	} else {
		atomic_fetch_add(&totals.left_waiting, 1);
	}
	gh__queue_leave(&p->ticket, (uint64_t)atomic_load(&totals.served));
}

/* Enters, is called or gives up, leaves; several requests at a time, as a worker has. */
static void *work(void *arg)
{
	static const char *const models[] = { "", "a", "b", "c" };
	struct post posts[HELD];
	enum { NOWHERE, WAITS, RUNS } where[HELD] = { NOWHERE };
	uint32_t seed = (uint32_t)(uintptr_t)arg;
	int entered = 0;

	for (bool busy = true; busy;) {
		busy = entered < ROUNDS;
		for (int i = 0; i < HELD; i++) {
			struct post *p = posts + i;
			if (where[i] == NOWHERE && entered < ROUNDS) {
				char caller[8] = { (char)('a' + draw(&seed) % 20), 0 };
				*p = (struct post){ .ticket = { .called = on_letter } };
				entered++;
				switch (gh__queue_enter(q, &p->ticket, gh_str(caller),
							(enum gh_priority)(draw(&seed) % 3),
							gh_str(models[draw(&seed) % 4]),
							(uint64_t)entered)) {
				case GH__TURN_NOW:
					where[i] = RUNS;
					got_place();
					break;
				case GH__TURN_LATER:
					where[i] = WAITS;
					break;
				case GH__TURN_FULL:
					atomic_fetch_add(&totals.refused, 1);
					break;
				}
			} else if (where[i] == WAITS && atomic_load(&p->was_called)) {
				assert_true(gh__queue_has_turn(&p->ticket));
				where[i] = RUNS;
				got_place();
			} else if (where[i] == RUNS && draw(&seed) % 3 == 0) {
				finish(p, true, &seed);
				where[i] = NOWHERE;
			} else if (where[i] == WAITS && entered < ROUNDS && draw(&seed) % 50 == 0) {
				/* Its turn may come in this moment. */
				finish(p, false, &seed);
				where[i] = NOWHERE;
			}
			busy |= where[i] != NOWHERE;
		}
		sched_yield();
	}
	return NULL;
}

/* Limits change meanwhile, and others look. */
static void *watch(void *arg)
{
	const struct timespec pause = { 0, 200000 };

	(void)arg;
	while (!atomic_load(&totals.over)) {
		struct gh__queue_counts c = counts();
		assert_true(c.running <= PLACES && c.waiting <= ROOM);
		assert_in_range(gh__queue_retry_after(q, 0), 1, 60);
		limit(PLACES, ROOM, c.entered % 5 ? GH__COLD_START_ONE : GH__COLD_START_ALL);
		nanosleep(&pause, NULL);
	}
	return NULL;
}

static void many_threads_never_hold_too_many_places_and_all_come_to_their_end(void **state)
{
	pthread_t threads[THREADS], watcher;

	(void)state;
	limit(PLACES, ROOM, GH__COLD_START_ONE);
	for (uintptr_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(threads + i, NULL, work, (void *)(i + 1)), 0);
	assert_int_equal(pthread_create(&watcher, NULL, watch, NULL), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	atomic_store(&totals.over, true);
	pthread_join(watcher, NULL);

	struct gh__queue_counts c = counts();
	assert_int_equal(c.running + c.waiting, 0);
	assert_in_range(atomic_load(&totals.most), 1, PLACES);
	assert_int_equal(c.refused, atomic_load(&totals.refused));
	assert_int_equal(c.entered + c.refused, THREADS * ROUNDS);
	assert_int_equal(c.waited_count, atomic_load(&totals.called));
	assert_int_equal(atomic_load(&totals.served) + atomic_load(&totals.left_waiting),
			 c.entered);
	/* One that gave up may have been called just then. */
	assert_true(c.left <= (uint64_t)atomic_load(&totals.left_waiting));
	/* It was worth it. */
	assert_true(c.waited_count > 0 && c.refused > 0 && c.left > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(many_threads_never_hold_too_many_places_and_all_come_to_their_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
