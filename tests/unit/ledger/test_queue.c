/* What waits in memory: rows that come out as they went in, debts of which the newest counts, limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/base/memory.h"
#include "core/ledger/queue.h"

static struct gh_str repeat(struct gh_str what, size_t times)
{
	char *text = gh__alloc(what.len * times + 1);

	for (size_t i = 0; i < times; i++)
		memcpy(text + i * what.len, what.at, what.len);
	return (struct gh_str){ text, what.len * times };
}

static void test_texts_are_cut_between_characters(void **state)
{
	struct gh_str euros = repeat(GH_STR("\xe2\x82\xac"), 100); /* three bytes each */

	(void)state;
	assert_int_equal(gh__ledger_cut(euros, 300).len, 300);
	assert_int_equal(gh__ledger_cut(euros, 299).len, 297);
	assert_int_equal(gh__ledger_cut(euros, 298).len, 297);
	assert_int_equal(gh__ledger_cut(euros, 297).len, 297);
	assert_int_equal(gh__ledger_cut(euros, 2).len, 0);
	assert_int_equal(gh__ledger_cut(GH_STR("ab"), 1).len, 1);
	assert_int_equal(gh__ledger_cut((struct gh_str){ 0 }, 1).len, 0);
	/* What is no UTF-8 at all is cut too, and no byte before it is looked at. */
	assert_true(gh__ledger_cut(GH_STR("\x80\x80\x80\x80"), 2).len <= 2);
	gh__free((void *)(uintptr_t)euros.at);
}

static void test_rows_come_out_as_they_went_in(void **state)
{
	struct gh_str texts = repeat(GH_STR("abcdefghij"), 40);
	struct gh__ledger_rows q = { 0 };
	struct gh__ledger_row row;
	int64_t seen = 0;

	(void)state;
	for (int64_t i = 0; i < 5000; i++) {
		row = (struct gh__ledger_row){
			.at = i,
			.caller = gh_str_slice(texts, 0, (size_t)i % 255),
			.route = gh_str_slice(texts, 0, (size_t)i % 64),
			.model = gh_str_slice(texts, 1, 1 + (size_t)i % 256),
			.upstream = gh_str_slice(texts, 2, 2 + (size_t)i % 60),
			.usage = { i, -1, 2 * i, i % 2 },
			.waited_ms = i + 1,
			.first_token_ms = -1,
			.duration_ms = i + 2,
			.status = (int)i % 600,
			.end = (enum gh__ledger_end)(i % 3),
		};
		assert_int_equal(gh__ledger_rows_put(&q, &row, 5000), 0);
	}
	row.status = 999;
	assert_int_equal(gh__ledger_rows_put(&q, &row, 5000), -1);
	assert_int_equal(q.rows, 5000);
	for (const struct gh__ledger_chunk *c = q.first; c; c = c->next) {
		for (uint32_t at = 0; gh__ledger_rows_next(c, &at, &row) == 1; seen++) {
			size_t i = (size_t)seen;
			assert_int_equal(row.at, seen);
			assert_true(gh_str_eq(row.caller, gh_str_slice(texts, 0, i % 255)));
			assert_true(gh_str_eq(row.route, gh_str_slice(texts, 0, i % 64)));
			assert_true(gh_str_eq(row.model, gh_str_slice(texts, 1, 1 + i % 256)));
			assert_true(gh_str_eq(row.upstream, gh_str_slice(texts, 2, 2 + i % 60)));
			assert_int_equal(row.usage.input, seen);
			assert_int_equal(row.usage.cached, -1);
			assert_int_equal(row.usage.output, 2 * seen);
			assert_int_equal(row.usage.estimated, seen % 2);
			assert_int_equal(row.waited_ms, seen + 1);
			assert_int_equal(row.first_token_ms, -1);
			assert_int_equal(row.duration_ms, seen + 2);
			assert_int_equal(row.status, seen % 600);
			assert_int_equal(row.end, seen % 3);
		}
	}
	assert_int_equal(seen, 5000);
	gh__ledger_rows_clear(&q, &q);
	assert_int_equal(q.rows + q.requests + q.chunks, 0);
	assert_null(q.first);
	gh__ledger_rows_finish(&q);
	gh__free((void *)(uintptr_t)texts.at);
}

static void test_the_longest_rows_are_bounded_by_memory(void **state)
{
	struct gh_str text = repeat(GH_STR("x"), 1000);
	struct gh__ledger_rows q = { 0 };
	struct gh__ledger_row row = {
		.caller = text, .route = text, .model = text, .upstream = text
	};
	size_t n = 0;

	(void)state;
	while (n < GH__LEDGER_ROWS && gh__ledger_rows_put(&q, &row, GH__LEDGER_ROWS) == 0)
		row.duration_ms = (int64_t)++n;
	assert_true(n < GH__LEDGER_ROWS);
	assert_int_equal(q.chunks, GH__LEDGER_CHUNKS);
	uint32_t at = 0;
	assert_true(gh__ledger_rows_next(q.first, &at, &row));
	assert_int_equal(row.caller.len, GH__LEDGER_CALLER);
	assert_int_equal(row.route.len, GH__LEDGER_ROUTE);
	assert_int_equal(row.model.len, GH__LEDGER_MODEL);
	assert_int_equal(row.upstream.len, GH__LEDGER_UPSTREAM);
	gh__ledger_rows_finish(&q);
	gh__free((void *)(uintptr_t)text.at);
}

static uint32_t count_rows(const struct gh__ledger_rows *q, uint32_t *ret_requests)
{
	struct gh__ledger_row row;
	uint32_t rows = 0, n;

	*ret_requests = 0;
	for (const struct gh__ledger_chunk *c = q->first; c; c = c->next)
		for (uint32_t at = 0; (n = gh__ledger_rows_next(c, &at, &row)) > 0; rows++)
			*ret_requests += n;
	return rows;
}

static void test_requests_that_are_alike_within_a_second_are_one_row(void **state)
{
	struct gh__ledger_rows q = { 0 }, other = { 0 };
	struct gh__ledger_row alike = {
		.at = 7000, .caller = GH_STR("ann"), .model = GH_STR("m"), .status = 429
	};
	struct gh__ledger_row row = alike;
	uint32_t requests, at = 0;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		row.at = 7000 + i;
		assert_int_equal(gh__ledger_rows_put(&q, &row, 1), 0);
	}
	assert_int_equal(count_rows(&q, &requests), 1);
	assert_int_equal(requests, 1000);
	assert_int_equal(q.rows, 1);
	assert_int_equal(q.requests, 1000);
	assert_int_equal(gh__ledger_rows_next(q.first, &at, &row), 1000);
	assert_int_equal(row.at, 7000);
	row.at = 8000; /* another second */
	assert_int_equal(gh__ledger_rows_put(&q, &row, 1), -1);
	assert_int_equal(gh__ledger_rows_put(&q, &row, 2), 0);
	assert_int_equal(count_rows(&q, &requests), 2);

	/* None joins what was moved. */
	gh__ledger_rows_move(&q, &other);
	assert_int_equal(gh__ledger_rows_put(&q, &row, 1), 0);
	assert_int_equal(count_rows(&q, &requests), 1);
	assert_int_equal(count_rows(&other, &requests), 2);
	assert_int_equal(requests, 1001);
	gh__ledger_rows_finish(&q);
	gh__ledger_rows_finish(&other);
}

static void test_what_differs_in_anything_is_a_row_of_its_own(void **state)
{
	const struct gh__ledger_row like = {
		.at = 7000,
		.caller = GH_STR("ann"),
		.route = GH_STR("/v1"),
		.model = GH_STR("m"),
		.upstream = GH_STR("gpu"),
		.usage = { 1, 2, 3, false },
		.waited_ms = 4,
		.first_token_ms = 5,
		.duration_ms = 6,
		.status = 200,
	};
	struct gh__ledger_row rows[] = { like, like, like, like, like, like, like,
					 like, like, like, like, like, like, like };
	struct gh__ledger_rows q = { 0 };
	uint32_t requests;

	(void)state;
	rows[1].caller = GH_STR("bob");
	rows[2].route = GH_STR("/v2");
	rows[3].model = GH_STR("n");
	rows[4].upstream = GH_STR("");
	rows[5].usage.input = 9;
	rows[6].usage.cached = -1;
	rows[7].usage.output = 9;
	rows[8].usage.estimated = true;
	rows[9].waited_ms = 9;
	rows[10].first_token_ms = -1;
	rows[11].duration_ms = 9;
	rows[12].status = 502;
	rows[13].end = GH__LEDGER_LEFT;
	/* The same letters on another border. */
	struct gh__ledger_row border = like;
	border.caller = GH_STR("ann/");
	border.route = GH_STR("v1");
	for (size_t i = 0; i < GH_COUNT_OF(rows); i++)
		assert_int_equal(gh__ledger_rows_put(&q, rows + i, 100), 0);
	assert_int_equal(gh__ledger_rows_put(&q, &border, 100), 0);
	assert_int_equal(count_rows(&q, &requests), GH_COUNT_OF(rows) + 1);
	assert_int_equal(gh__ledger_rows_put(&q, &border, 100), 0);
	assert_int_equal(count_rows(&q, &requests), GH_COUNT_OF(rows) + 1);
	assert_int_equal(requests, GH_COUNT_OF(rows) + 2);
	gh__ledger_rows_finish(&q);
}

/* There are many more of them than places in which a row is looked for. */
static void test_callers_are_kept_apart(void **state)
{
	enum { CALLERS = 20 * GH__LEDGER_RECENT };
	struct gh__ledger_rows q = { 0 };
	struct gh__ledger_row row = { .at = 7000, .model = GH_STR("m"), .status = 429 };
	char name[16];
	uint32_t at = 0, requests;

	(void)state;
	for (int i = 0; i < CALLERS; i++) {
		snprintf(name, sizeof name, "caller-%05d", i);
		row.caller = gh_str(name);
		for (int twice = 0; twice < 2; twice++)
			assert_int_equal(gh__ledger_rows_put(&q, &row, CALLERS), 0);
	}
	assert_int_equal(count_rows(&q, &requests), CALLERS);
	assert_int_equal(requests, 2 * CALLERS);
	assert_int_equal(gh__ledger_rows_next(q.first, &at, &row), 2);
	assert_true(gh_str_is(row.caller, "caller-00000"));
	gh__ledger_rows_finish(&q);
}

static struct gh__ledger_owing owing(uint64_t key, uint32_t limit, uint32_t table, int64_t owed)
{
	struct gh__ledger_owing o = { .limit = limit, .table = table, .owed = owed };

	memcpy(o.key, &key, sizeof key);
	return o;
}

static void test_of_a_debt_the_newest_counts(void **state)
{
	struct gh__ledger_debts d = { 0 };

	(void)state;
	for (int round = 1; round <= 3; round++) {
		for (uint64_t k = 0; k < 1000; k++) {
			struct gh__ledger_owing o = owing(k / 2, k % 2, 0, (int64_t)k * round);
			assert_int_equal(gh__ledger_debts_put(&d, &o), 0);
		}
		struct gh__ledger_owing other = owing(7, 0, 1, round);
		assert_int_equal(gh__ledger_debts_put(&d, &other), 0);
		assert_int_equal(d.count, 1001);
	}
	for (uint64_t k = 0; k < 1000; k++) {
		assert_memory_equal(d.items[k].key, &(uint64_t){ k / 2 }, 8);
		assert_int_equal(d.items[k].limit, k % 2);
		assert_int_equal(d.items[k].owed, k * 3);
	}
	gh__ledger_debts_clear(&d);
	assert_int_equal(d.count, 0);
	struct gh__ledger_owing again = owing(3, 0, 0, 5);
	assert_int_equal(gh__ledger_debts_put(&d, &again), 0);
	assert_int_equal(d.count, 1);
	gh__ledger_debts_finish(&d);
}

static void test_debts_and_tables_are_bounded(void **state)
{
	struct gh__ledger_debts d = { 0 };
	struct gh__ledger_tables t = { 0 };
	struct gh_str longest = repeat(GH_STR("x"), GH__LEDGER_TABLE + 1);
	struct gh__ledger_owing o;
	char name[16];

	(void)state;
	for (uint64_t k = 0; k < GH__LEDGER_DEBTS; k++) {
		o = owing(k * 0x9e3779b97f4a7c15u, 0, 0, 1);
		assert_int_equal(gh__ledger_debts_put(&d, &o), 0);
	}
	o = owing(1, 1, 1, 1);
	assert_int_equal(gh__ledger_debts_put(&d, &o), -1);
	o = owing(0, 0, 0, 2); /* one that is there can change */
	assert_int_equal(gh__ledger_debts_put(&d, &o), 0);
	gh__ledger_debts_clear(&d);
	assert_null(d.items); /* a flood's memory does not stay */

	assert_int_equal(gh__ledger_table(&t, longest), -1);
	assert_int_equal(gh__ledger_table(&t, gh_str_slice(longest, 1, longest.len)), 0);
	for (int i = 1; i < GH__LEDGER_TABLES; i++) {
		snprintf(name, sizeof name, "%d", i);
		assert_int_equal(gh__ledger_table(&t, gh_str(name)), i);
	}
	assert_int_equal(gh__ledger_table(&t, GH_STR("one more")), -1);
	assert_int_equal(gh__ledger_table(&t, GH_STR("17")), 17);
	gh__ledger_tables_finish(&t);
	gh__free((void *)(uintptr_t)longest.at);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts_are_cut_between_characters),
		cmocka_unit_test(test_rows_come_out_as_they_went_in),
		cmocka_unit_test(test_the_longest_rows_are_bounded_by_memory),
		cmocka_unit_test(test_requests_that_are_alike_within_a_second_are_one_row),
		cmocka_unit_test(test_what_differs_in_anything_is_a_row_of_its_own),
		cmocka_unit_test(test_callers_are_kept_apart),
		cmocka_unit_test(test_of_a_debt_the_newest_counts),
		cmocka_unit_test(test_debts_and_tables_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
