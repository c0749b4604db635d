/* What is summed up of the file: who, which model, which day, and the numbers beside them. */
#include "ledger_bench.h"

#include "core/ledger/report.h"

enum { MOST = 64 };

struct heard {
	struct gh__ledger_sum sums[MOST];
	char keys[MOST][300];
	size_t count;
	struct gh__ledger_sum total;
	size_t totals;
};

static void hear(void *arg, enum gh__ledger_by by, const struct gh__ledger_sum *s)
{
	struct heard *h = arg;

	assert_int_equal(h->totals, 0); /* it comes last */
	if (by == GH__LEDGER_IN_ALL) {
		h->total = *s;
		h->totals++;
		return;
	}
	assert_true(h->count < MOST && s->key.len < sizeof h->keys[0]);
	h->sums[h->count] = *s;
	snprintf(h->keys[h->count++], sizeof h->keys[0], GH_FMT, GH_ARG(s->key));
}

static struct heard ask(const struct folder *f, enum gh__ledger_by by, int64_t since)
{
	struct heard h = { .count = 0 };
	char why[4096] = "";

	assert_int_equal(gh__ledger_report(gh_str(f->state), by, since, hear, &h, why, sizeof why),
			 0);
	assert_string_equal(why, "");
	return h;
}

static void test_tokens_and_requests_are_summed_by_user(void **state)
{
	struct folder *f = *state;
	struct gh__ledger *l = open_ledger(f);
	struct gh__ledger_row row = row_of("ann", "m");

	row.usage = (struct gh_usage){ 100, 60, 10, false };
	gh__ledger_add(l, &row);
	row.usage = (struct gh_usage){ 200, -1, 30, true };
	gh__ledger_add(l, &row);
	row.usage = (struct gh_usage){ -1, -1, -1, false };
	gh__ledger_add(l, &row);
	row = row_of("bob", "m");
	row.usage = (struct gh_usage){ 1000, -1, 1, false };
	gh__ledger_add(l, &row);
	row = row_of("", "m");
	row.usage = (struct gh_usage){ -1, -1, -1, false };
	gh__ledger_add(l, &row);
	assert_int_equal(close_ledger(l), 0);

	struct heard h = ask(f, GH__LEDGER_BY_USER, 0);
	assert_int_equal(h.count, 3);
	assert_string_equal(h.keys[0], "bob"); /* the most tokens first */
	assert_string_equal(h.keys[1], "ann");
	assert_string_equal(h.keys[2], "");
	assert_int_equal(h.sums[1].requests, 3);
	assert_int_equal(h.sums[1].input, 300);
	assert_int_equal(h.sums[1].cached, 60);
	assert_int_equal(h.sums[1].output, 40);
	assert_int_equal(h.sums[1].told, 2);
	assert_int_equal(h.sums[1].estimated, 1);
	assert_int_equal(h.sums[0].cached, -1);
	assert_int_equal(h.sums[2].input, -1);
	assert_int_equal(h.sums[2].told, 0);
	assert_int_equal(h.total.requests, 5);
	assert_int_equal(h.total.input, 1300);
	assert_int_equal(h.total.output, 41);
	assert_int_equal(h.totals, 1);
}

static void test_the_median_and_the_95th_percentile_are_values_that_were_there(void **state)
{
	struct folder *f = *state;
	struct gh__ledger *l = open_ledger(f);
	struct gh__ledger_row row = row_of("ann", "hundred");

	for (int i = 100; i >= 1; i--) {
		row.first_token_ms = 10 * i;
		gh__ledger_add(l, &row);
	}
	row = row_of("ann", "one");
	row.first_token_ms = 7;
	gh__ledger_add(l, &row);
	row.first_token_ms = -1; /* not counted */
	gh__ledger_add(l, &row);
	row = row_of("ann", "three");
	for (int i = 1; i <= 3; i++) {
		row.first_token_ms = i;
		gh__ledger_add(l, &row);
	}
	row = row_of("ann", "zero");
	row.first_token_ms = -1;
	gh__ledger_add(l, &row);
	assert_int_equal(close_ledger(l), 0);

	static const struct {
		const char *model;
		double median, most;
	} expected[] = {
		{ "hundred", 500, 950 }, { "one", 7, 7 }, { "three", 2, 3 }, { "zero", -1, -1 }
	};
	struct heard h = ask(f, GH__LEDGER_BY_MODEL, 0);
	assert_int_equal(h.count, 4);
	for (size_t i = 0; i < 4; i++) {
		size_t k = 0;
		while (k < 4 && strcmp(h.keys[k], expected[i].model) != 0)
			k++;
		assert_true(k < 4);
		assert_true(h.sums[k].first_median == expected[i].median);
		assert_true(h.sums[k].first_95 == expected[i].most);
	}
}

/* Requests that are alike are one row: what is told is the same as if each had its own. */
static void test_what_is_told_does_not_depend_on_how_many_share_a_row(void **state)
{
	struct folder *f = *state;
	struct gh__ledger *l = open_ledger(f);
	struct gh__ledger_row row = row_of("ann", "m");

	row.usage = (struct gh_usage){ 100, 10, 50, false };
	row.first_token_ms = 100;
	row.duration_ms = 1100; /* 50 tokens in 1 s */
	for (int i = 0; i < 19; i++)
		gh__ledger_add(l, &row);
	row.usage = (struct gh_usage){ 1, -1, 1050, true };
	row.first_token_ms = 900;
	row.duration_ms = 1900; /* 1050 tokens in 1 s */
	row.waited_ms = 200;
	gh__ledger_add(l, &row);
	row.usage = (struct gh_usage){ -1, -1, -1, false };
	row.first_token_ms = -1;
	row.upstream = GH_STR("");
	for (int i = 0; i < 5; i++)
		gh__ledger_add(l, &row);
	assert_int_equal(close_ledger(l), 0);
	assert_int_equal(ask_file(f->file, "SELECT count(*) FROM request"), 3);

	struct heard h = ask(f, GH__LEDGER_BY_DAY, 0);
	assert_int_equal(h.count, 1);
	assert_int_equal(h.sums[0].requests, 25);
	assert_int_equal(h.sums[0].input, 19 * 100 + 1);
	assert_int_equal(h.sums[0].cached, 190);
	assert_int_equal(h.sums[0].output, 19 * 50 + 1050);
	assert_int_equal(h.sums[0].told, 20);
	assert_int_equal(h.sums[0].estimated, 1);
	assert_true(h.sums[0].first_median == 100);
	assert_true(h.sums[0].first_95 == 100); /* the 19th of 20 */
	assert_true(h.sums[0].rate == 100);
	assert_true(h.sums[0].waited == 10);
	assert_int_equal(h.total.requests, 25);
}

static void test_the_rate_is_of_what_came_after_the_first_token(void **state)
{
	struct folder *f = *state;
	struct gh__ledger *l = open_ledger(f);
	struct gh__ledger_row row = row_of("ann", "m");

	row.usage.output = 100; /* in 2 s */
	row.first_token_ms = 500;
	row.duration_ms = 2500;
	row.waited_ms = 100;
	gh__ledger_add(l, &row);
	row.usage.output = 300; /* in 2 s */
	row.waited_ms = 300;
	gh__ledger_add(l, &row);
	row.usage.output = 9000; /* at once: it did not stream */
	row.first_token_ms = 2499;
	row.waited_ms = 0;
	gh__ledger_add(l, &row);
	row.usage.output = -1;
	row.upstream = GH_STR(""); /* no upstream was asked, so nothing was waited for */
	gh__ledger_add(l, &row);
	assert_int_equal(close_ledger(l), 0);

	struct heard h = ask(f, GH__LEDGER_BY_USER, 0);
	assert_true(h.sums[0].rate == 100);
	assert_true(h.sums[0].waited > 133.3 && h.sums[0].waited < 133.4);
}

static void test_days_are_local_and_in_their_order(void **state)
{
	struct folder *f = *state;
	struct gh__ledger *l = open_ledger(f);
	struct gh__ledger_row row = row_of("ann", "m");

	setenv("TZ", "Pacific/Auckland", 1);
	tzset();
	row.at = 1790000000000; /* 2026-09-21 13:33:20 UTC: in Auckland it is the 22nd */
	gh__ledger_add(l, &row);
	row.at -= 3 * (int64_t)86400000;
	gh__ledger_add(l, &row);
	gh__ledger_add(l, &row);
	row.at -= (int64_t)86400000 * 365;
	gh__ledger_add(l, &row);
	assert_int_equal(close_ledger(l), 0);

	struct heard h = ask(f, GH__LEDGER_BY_DAY, 1780000000000);
	unsetenv("TZ");
	tzset();
	assert_int_equal(h.count, 2);
	assert_string_equal(h.keys[0], "2026-09-19");
	assert_string_equal(h.keys[1], "2026-09-22");
	assert_int_equal(h.sums[0].requests, 2);
	assert_int_equal(h.total.requests, 3); /* the one of last year is too old */
}

static void test_what_cannot_be_read_says_why(void **state)
{
	struct folder *f = *state;
	struct heard h = { .count = 0 };
	char why[4096] = "";

	assert_int_equal(gh__ledger_report(gh_str(f->state), GH__LEDGER_BY_USER, 0, hear, &h, why,
					   sizeof why),
			 1);
	mkdir(f->state, 0700);
	int fd = open(f->file, O_CREAT | O_WRONLY, 0600);
	assert_int_equal(write(fd, "this is no database, by no means at all", 39), 39);
	close(fd);
	assert_int_equal(gh__ledger_report(gh_str(f->state), GH__LEDGER_BY_USER, 0, hear, &h, why,
					   sizeof why),
			 -1);
	assert_non_null(strstr(why, "is broken"));
	/* It only reads: the file is where it was. */
	assert_int_equal(access(f->file, F_OK), 0);
	unlink(f->file);
	close(open(f->file, O_CREAT | O_WRONLY, 0600)); /* a gateway is about to begin it */
	assert_int_equal(gh__ledger_report(gh_str(f->state), GH__LEDGER_BY_USER, 0, hear, &h, why,
					   sizeof why),
			 1);
	assert_int_equal(ask_file(f->file, "CREATE TABLE request (x)"), -1);
	assert_int_equal(gh__ledger_report(gh_str(f->state), GH__LEDGER_BY_USER, 0, hear, &h, why,
					   sizeof why),
			 -1);
	assert_non_null(strstr(why, "another version"));
	assert_int_equal(h.count + h.totals, 0);
}

static void test_it_reads_while_a_gateway_writes(void **state)
{
	struct folder *f = *state;
	struct gh__ledger *l = open_ledger(f);
	struct gh__ledger_row row = row_of("ann", "m");

	gh__ledger_add(l, &row);
	await_written(l, 1);
	assert_int_equal(ask(f, GH__LEDGER_BY_USER, 0).total.requests, 1);
	gh__ledger_add(l, &row);
	await_written(l, 2);
	assert_int_equal(ask(f, GH__LEDGER_BY_USER, 0).total.requests, 2);
	assert_int_equal(close_ledger(l), 0);
	assert_int_equal(ask(f, GH__LEDGER_BY_USER, 0).total.requests, 2);
}

int main(void)
{
#define FOLDER_TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, drop_folder)
	const struct CMUnitTest tests[] = {
		FOLDER_TEST(test_tokens_and_requests_are_summed_by_user),
		FOLDER_TEST(test_the_median_and_the_95th_percentile_are_values_that_were_there),
		FOLDER_TEST(test_what_is_told_does_not_depend_on_how_many_share_a_row),
		FOLDER_TEST(test_the_rate_is_of_what_came_after_the_first_token),
		FOLDER_TEST(test_days_are_local_and_in_their_order),
		FOLDER_TEST(test_what_cannot_be_read_says_why),
		FOLDER_TEST(test_it_reads_while_a_gateway_writes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
