/* Counters and gauges: one for a name and its labels, counted by many threads, told as text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <pthread.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/metric.h"

static void text_is_sorted_and_tells_each_name_once(void **state)
{
	struct gh__metrics *all = gh__metrics_create();
	struct gh__arena a;

	(void)state;
	gh__arena_init(&a, NULL, 0);
	assert_string_equal(gh__metrics_text(all, &a).at, "");
	gh_metric_set(gh__metric_get(all, GH__GAUGE, "gatehouse_room", "", "Room left."), -3);
	gh_metric_add(gh__metric_get(all, GH__COUNTER, "gatehouse_hits_total", "route=\"b\"",
				     "Hits."),
		      2);
	gh_metric_add(gh__metric_get(all, GH__COUNTER, "gatehouse_hits_total", "route=\"a\"",
				     "Hits."),
		      9007199254740993);
	gh__metric_get(all, GH__COUNTER, "gatehouse_hits", NULL, "Another.");
	assert_string_equal(gh__metrics_text(all, &a).at,
			    "# HELP gatehouse_hits Another.\n"
			    "# TYPE gatehouse_hits counter\n"
			    "gatehouse_hits 0\n"
			    "# HELP gatehouse_hits_total Hits.\n"
			    "# TYPE gatehouse_hits_total counter\n"
			    "gatehouse_hits_total{route=\"a\"} 9007199254740993\n"
			    "gatehouse_hits_total{route=\"b\"} 2\n"
			    "# HELP gatehouse_room Room left.\n"
			    "# TYPE gatehouse_room gauge\n"
			    "gatehouse_room -3\n");
	gh__arena_finish(&a);
	gh__metrics_destroy(all);
	gh__metrics_destroy(NULL);
}

static void the_same_name_and_labels_are_the_same_metric(void **state)
{
	struct gh__metrics *all = gh__metrics_create();
	char name[] = "n", labels[] = "l=\"1\"";
	struct gh_metric *m = gh__metric_get(all, GH__COUNTER, name, labels, "Help.");

	(void)state;
	name[0] = 'x'; /* they were copied */
	labels[3] = '2';
	assert_ptr_equal(gh__metric_get(all, GH__COUNTER, "n", "l=\"1\"", "Help."), m);
	assert_ptr_not_equal(gh__metric_get(all, GH__COUNTER, "n", "l=\"2\"", "Help."), m);
	assert_ptr_not_equal(gh__metric_get(all, GH__COUNTER, "n", "", "Help."), m);
	gh_metric_add(m, 2);
	gh_metric_add(m, 3);
	assert_int_equal(gh__metric_value(m), 5);
	gh_metric_set(m, 1);
	assert_int_equal(gh__metric_value(m), 1);
	gh__metrics_destroy(all);
}

enum { THREADS = 4, TIMES = 20000 };

static void *count(void *arg)
{
	for (int i = 0; i < TIMES; i++)
		gh_metric_add(arg, 1);
	return NULL;
}

static void no_count_of_any_thread_is_lost(void **state)
{
	struct gh__metrics *all = gh__metrics_create();
	struct gh_metric *m = gh__metric_get(all, GH__COUNTER, "n", "", "Help.");
	pthread_t threads[THREADS];

	(void)state;
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(threads + i, NULL, count, m), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(gh__metric_value(m), THREADS * TIMES);
	gh__metrics_destroy(all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_sorted_and_tells_each_name_once),
		cmocka_unit_test(the_same_name_and_labels_are_the_same_metric),
		cmocka_unit_test(no_count_of_any_thread_is_lost),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
