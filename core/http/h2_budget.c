#include "core/http/h2_budget.h"

/* How many at once, and how many a second for ever. */
static const struct {
	uint32_t burst, per_second;
} rates[GH__H2_COSTS] = {
	/* A page that is left cancels all its streams at once, and so does the next one. Each may have
	 * cost a connection to a server, and what comes at once is done in one turn of the loop. */
	[GH__H2_RESET] = { 120, 50 },
	[GH__H2_PROVOKED] = { 100, 2 },
	[GH__H2_REFUSAL] = { 100, 10 },
	/* Who measures a path's capacity pings once a round trip while data comes, and earns it so. */
	[GH__H2_PING] = { 200, 20 },
	[GH__H2_SETTINGS] = { 50, 2 },
	[GH__H2_EMPTY] = { 100, 10 },
	/* Two for each DATA frame is what a careless client sends, and earns. */
	[GH__H2_WINDOW] = { 1000, 200 },
	[GH__H2_IDLE] = { 500, 50 },
	/* What was under way when its stream was reset: a window of small frames. */
	[GH__H2_STRAY] = { 2000, 100 },
	[GH__H2_BOMB] = { 10, 1 },
};

static uint64_t interval(enum gh__h2_cost cost)
{
	return 1000000 / rates[cost].per_second;
}

bool gh__h2_spend(struct gh__h2_budget *b, enum gh__h2_cost cost, uint64_t now)
{
	uint64_t now_us = now * 1000, full = rates[cost].burst * interval(cost);

	if (b->empty_at[cost] < now_us)
		b->empty_at[cost] = now_us;
	b->empty_at[cost] += interval(cost);
	return b->empty_at[cost] - now_us <= full;
}

void gh__h2_earn(struct gh__h2_budget *b, enum gh__h2_cost cost, unsigned count)
{
	uint64_t back = count * interval(cost);

	b->empty_at[cost] -= back < b->empty_at[cost] ? back : b->empty_at[cost];
}

bool gh__h2_block_grows(struct gh__h2_block *block, size_t frame, size_t max_head)
{
	enum { FRAMES = 16, FRAME_BYTES = 1024, SLACK = 32 << 10 };

	block->frames++;
	block->bytes += frame;
	return block->frames <= FRAMES + max_head / FRAME_BYTES && block->bytes <= max_head + SLACK;
}

bool gh__h2_block_is_bomb(const struct gh__h2_block *block, size_t decoded)
{
	enum { TABLE = 4096, SLACK = 4096 }; /* all of the table once; the static table's texts */

	return decoded > TABLE + SLACK + 2 * block->bytes; /* Huffman saves less than half */
}
