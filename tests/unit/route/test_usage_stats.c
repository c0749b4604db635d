/* What /metrics tells of models: counted once each, in the right place, and bounded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/base/memory.h"
#include "core/route/usage_stats.h"

static struct gh__ledger_row row_of(const char *model, const char *upstream)
{
	return (struct gh__ledger_row){
		.model = gh_str(model),
		.upstream = gh_str(upstream),
		.usage = { 100, -1, 20, false },
		.first_token_ms = 300,
		.duration_ms = 1300,
		.status = 200,
	};
}

static const struct gh__usage_pair *pair_of(const struct gh__usage_view *v, const char *model,
					    const char *upstream)
{
	for (size_t i = 0; i < v->pair_count; i++)
		if (gh_str_is(v->models[v->pairs[i].model].name, model) &&
		    gh_str_is(v->pairs[i].upstream, upstream))
			return v->pairs + i;
	return NULL;
}

static void test_requests_and_tokens_are_counted_by_model_and_upstream(void **state)
{
	struct gh__usage_stats *stats = gh__usage_stats_create();
	struct gh__ledger_row row = row_of("a", "studio");

	(void)state;
	gh__usage_stats_add(stats, &row);
	row.usage = (struct gh_usage){ 50, 40, -1, true };
	gh__usage_stats_add(stats, &row);
	row.status = 0;
	row.usage = (struct gh_usage){ -1, -1, -1, false };
	gh__usage_stats_add(stats, &row);
	row = row_of("a", "big");
	row.status = 503;
	gh__usage_stats_add(stats, &row);

	struct gh__usage_view *v = gh__usage_stats_view(stats);
	const struct gh__usage_pair *p = pair_of(v, "a", "studio");
	assert_non_null(p);
	assert_int_equal(p->requests[2], 2);
	assert_int_equal(p->requests[0], 1);
	assert_int_equal(p->requests[5], 0);
	assert_int_equal(p->input, 150);
	assert_int_equal(p->cached, 40);
	assert_int_equal(p->output, 20);
	assert_int_equal(pair_of(v, "a", "big")->requests[5], 1);
	assert_int_equal(v->model_count, 1);
	gh__free(v);
	gh__usage_stats_destroy(stats);
}

static void test_a_value_is_in_the_bucket_that_ends_with_it(void **state)
{
	struct gh__usage_stats *stats = gh__usage_stats_create();
	struct gh__ledger_row row = row_of("a", "studio");

	(void)state;
	row.first_token_ms = 250; /* 0.25 s */
	row.duration_ms = 1250;   /* 20 tokens in a second after it */
	row.waited_ms = 251;
	gh__usage_stats_add(stats, &row);
	row.first_token_ms = 200000;
	row.duration_ms = 200001;
	gh__usage_stats_add(stats, &row);
	row.first_token_ms = -1; /* an error, before there was an upstream */
	row.upstream = GH_STR("");
	gh__usage_stats_add(stats, &row);

	struct gh__usage_view *v = gh__usage_stats_view(stats);
	const struct gh__usage_model *m = v->models;
	for (int i = 0; i < GH__USAGE_BUCKETS; i++) {
		bool last = i == GH__USAGE_BUCKETS - 1;
		assert_int_equal(m->first_token.buckets[i],
				 last || gh__usage_seconds[i] == 0.25 ? 1 : 0);
		assert_int_equal(m->wait.buckets[i], !last && gh__usage_seconds[i] == 0.5 ? 2 : 0);
		assert_int_equal(m->rate.buckets[i], !last && gh__usage_rates[i] == 20 ? 1 : 0);
	}
	assert_true(m->first_token.sum == 200.25);
	assert_true(m->rate.sum == 20);
	gh__free(v);
	gh__usage_stats_destroy(stats);
}

static void test_names_that_no_upstream_was_asked_for_are_other(void **state)
{
	struct gh__usage_stats *stats = gh__usage_stats_create();
	struct gh__ledger_row row = row_of("whatever a client writes", "");

	(void)state;
	row.status = 404;
	gh__usage_stats_add(stats, &row);
	row = row_of("a", "studio");
	gh__usage_stats_add(stats, &row);
	row.upstream = GH_STR(""); /* the queue was full: but the model is known */
	row.status = 429;
	gh__usage_stats_add(stats, &row);

	struct gh__usage_view *v = gh__usage_stats_view(stats);
	assert_int_equal(v->model_count, 1);
	assert_int_equal(pair_of(v, "other", "")->requests[4], 1);
	assert_int_equal(pair_of(v, "a", "")->requests[4], 1);
	gh__free(v);
	gh__usage_stats_destroy(stats);
}

static void test_models_and_upstreams_are_bounded_and_nothing_is_lost(void **state)
{
	struct gh__usage_stats *stats = gh__usage_stats_create();
	uint64_t requests = 0;
	char model[32], upstream[32];

	(void)state;
	for (int i = 0; i < 300; i++) {
		for (int k = 0; k < 10; k++) {
			snprintf(model, sizeof model, "model-%d", i);
			snprintf(upstream, sizeof upstream, "upstream-%d", k);
			struct gh__ledger_row row = row_of(model, upstream);
			gh__usage_stats_add(stats, &row);
		}
	}
	struct gh__usage_view *v = gh__usage_stats_view(stats);
	assert_int_equal(v->model_count, 200);
	assert_true(v->pair_count <= GH__USAGE_PAIRS);
	for (size_t i = 0; i < v->pair_count; i++)
		requests += v->pairs[i].requests[2];
	assert_int_equal(requests, 3000);
	assert_non_null(pair_of(v, "model-199", ""));
	assert_non_null(pair_of(v, "other", ""));
	assert_null(pair_of(v, "model-200", ""));
	gh__free(v);
	gh__usage_stats_destroy(stats);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests_and_tokens_are_counted_by_model_and_upstream),
		cmocka_unit_test(test_a_value_is_in_the_bucket_that_ends_with_it),
		cmocka_unit_test(test_names_that_no_upstream_was_asked_for_are_other),
		cmocka_unit_test(test_models_and_upstreams_are_bounded_and_nothing_is_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
