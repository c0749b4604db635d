/* Budgets of HTTP/2: floods end, and clients in earnest never meet them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/http/h2_budget.h"

enum { START = 1000000, ENOUGH = 100000 };

/* How many in one moment pass. */
static unsigned at_once(struct gh__h2_budget *b, enum gh__h2_cost cost, uint64_t now)
{
	unsigned n = 0;

	while (n < ENOUGH && gh__h2_spend(b, cost, now))
		n++;
	return n;
}

static void each_flood_ends(void **state)
{
	(void)state;

	for (int cost = 0; cost < GH__H2_COSTS; cost++) {
		struct gh__h2_budget b = { { 0 } };
		unsigned first = at_once(&b, (enum gh__h2_cost)cost, START);
		assert_in_range(first, 10, 2000);
		/* Who goes on for a minute at full speed gets little more. */
		unsigned more = 0;
		for (uint64_t ms = 1; ms <= 60000; ms++)
			more += at_once(&b, (enum gh__h2_cost)cost, START + ms);
		assert_true(more < 60 * 210);
	}
}

static void time_refills(void **state)
{
	struct gh__h2_budget b = { { 0 } };
	unsigned first = at_once(&b, GH__H2_RESET, START);
	(void)state;

	assert_false(gh__h2_spend(&b, GH__H2_RESET, START));
	assert_int_equal(at_once(&b, GH__H2_RESET, START + 3600000), first);
	/* No more than full, however long nothing came. */
	assert_int_equal(at_once(&b, GH__H2_RESET, START + 10 * 3600000), first);
}

static void costs_do_not_share(void **state)
{
	struct gh__h2_budget b = { { 0 } };
	(void)state;

	at_once(&b, GH__H2_PING, START);
	assert_true(gh__h2_spend(&b, GH__H2_RESET, START));
	assert_true(gh__h2_spend(&b, GH__H2_WINDOW, START));
}

static void earnest_earns(void **state)
{
	struct gh__h2_budget b = { { 0 } };
	(void)state;

	/* A client that finishes one request for each that it cancels may go on for ever. */
	for (unsigned i = 0; i < ENOUGH; i++) {
		assert_true(gh__h2_spend(&b, GH__H2_RESET, START));
		gh__h2_earn(&b, GH__H2_RESET, 1);
	}
	/* What was earned is not saved up. */
	struct gh__h2_budget fresh = { { 0 } };
	unsigned full = at_once(&fresh, GH__H2_RESET, START);
	gh__h2_earn(&b, GH__H2_RESET, 1000);
	assert_int_equal(at_once(&b, GH__H2_RESET, START), full);
	gh__h2_earn(&b, GH__H2_PING, 1000000);
	assert_true(gh__h2_spend(&b, GH__H2_PING, START));
}

/* What real clients do on one connection. */
static void real_clients_stay_below(void **state)
{
	struct gh__h2_budget b = { { 0 } };
	(void)state;

	/* A browser leaves page after page, each with 100 requests under way, every two seconds. */
	for (unsigned page = 0; page < 100; page++)
		for (unsigned i = 0; i < 100; i++)
			assert_true(gh__h2_spend(&b, GH__H2_RESET, START + page * 2000));
	/* Keep-alive pings each 100 ms, for an hour. */
	for (unsigned i = 0; i < 36000; i++)
		assert_true(gh__h2_spend(&b, GH__H2_PING, START + i * 100));
	/* Two windows for each of 1000 frames of data a second. */
	for (unsigned i = 0; i < 100000; i++) {
		gh__h2_earn(&b, GH__H2_WINDOW, 2);
		assert_true(gh__h2_spend(&b, GH__H2_WINDOW, START + i));
		assert_true(gh__h2_spend(&b, GH__H2_WINDOW, START + i));
	}
	/* A priority for each of 30 requests a second. */
	for (unsigned i = 0; i < 10000; i++)
		assert_true(gh__h2_spend(&b, GH__H2_IDLE, START + i * 33));
}

static void a_head_may_be_cut_up_but_not_for_ever(void **state)
{
	struct gh__h2_block block = { 0 };
	unsigned n = 0;
	(void)state;

	/* The largest head in the smallest frames that anyone makes. */
	for (size_t left = 64 << 10; left; left -= 1024)
		assert_true(gh__h2_block_grows(&block, 1024, 64 << 10));
	block = (struct gh__h2_block){ 0 };
	while (n < ENOUGH && gh__h2_block_grows(&block, 0, 64 << 10))
		n++;
	assert_in_range(n, 20, 200);
	block = (struct gh__h2_block){ 0 };
	for (n = 0; n < ENOUGH && gh__h2_block_grows(&block, 16384, 64 << 10);)
		n++;
	assert_in_range(n, 4, 8);
}

static void a_bomb_is_told_from_a_large_head(void **state)
{
	struct gh__h2_block block = { 1, 60 };
	(void)state;

	assert_true(gh__h2_block_is_bomb(&block, 64 << 10));
	/* All of the table, named once. */
	assert_false(gh__h2_block_is_bomb(&block, 4096 + 1000));
	/* Cookies of 20 KB, in Huffman's code. */
	block.bytes = 20000 * 5 / 8;
	assert_false(gh__h2_block_is_bomb(&block, 20000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_flood_ends),
		cmocka_unit_test(time_refills),
		cmocka_unit_test(costs_do_not_share),
		cmocka_unit_test(earnest_earns),
		cmocka_unit_test(real_clients_stay_below),
		cmocka_unit_test(a_head_may_be_cut_up_but_not_for_ever),
		cmocka_unit_test(a_bomb_is_told_from_a_large_head),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
