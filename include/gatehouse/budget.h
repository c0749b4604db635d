/*
 * Budgets: so many requests or tokens for a key in a window of time. What was used comes back evenly,
 * `amount` in each window, to the millisecond; after a rest `burst` may be used at once. A budget of
 * requests is taken from before; one of tokens is looked at before (anything left is enough) and charged
 * after, so that it can be overdrawn by what was under way, and is paid back before more is let in.
 *
 * So that many at once do not overdraw it without bound, each request under way holds as many tokens as
 * the key's requests used of late, on average (while none has been charged: an eighth of the budget, at
 * most 1000), until it is charged. What holds: while each uses what it holds, no more than `burst` and
 * one request's tokens are used at once. A caller that sends one at a time never meets this.
 *
 * A table holds what is owed, for the process and over reloads, for at most `max_keys` keys; the one
 * that owes the least makes room. What belongs to a window of an hour or more is kept in the ledger of
 * `state_dir` and outlives the process: what came back meanwhile is paid, and a clock that was set back
 * pays nothing and lengthens nothing. Locks itself: any worker.
 */
#ifndef GATEHOUSE_BUDGET_H
#define GATEHOUSE_BUDGET_H

#include <gatehouse/module.h>

enum gh_unit { GH_REQUESTS, GH_TOKENS };
enum { GH_LIMITS_MAX = 8 }; /* of one key in one table */

/* What a module holds its options to. */
#define GH_LIMIT_REQUESTS_MAX  INT64_C(100000000)
#define GH_LIMIT_TOKENS_MAX    INT64_C(1000000000000)
#define GH_LIMIT_WINDOW_MAX_MS (INT64_C(366) * 24 * 60 * 60 * 1000)
/* Fewer keys than this no table has room for. */
enum { GH_BUDGET_KEYS_MIN = 16 };

/* All above 0. */
struct gh_limit {
	enum gh_unit unit;
	int64_t amount, burst; /* of the unit; for tokens the burst is the amount */
	int64_t window_ms;
};

struct gh_budgets;
/* The table of that name, in a provision, for keys of at most `limit_count` limits. The same for all
 * entries of the module that ask for the same name, size and count. At 48 bytes a key, and 16 for each
 * limit. */
struct gh_budgets *gh_budgets_open(struct gh_instance *in, struct gh_str name, int64_t max_keys,
				   size_t limit_count);

/* What is left of one limit. */
struct gh_left {
	int64_t remaining; /* 0 to burst; what others of the key hold is not left */
	int64_t reset_ms;  /* until all of burst is there again */
	int64_t wait_ms;   /* until it would let one more in; 0: now */
};

/* Lives as long as the request: in the step's state. The limits live as long as the instance, or as the
 * request. Where a key's limits change in their number, units or windows, it begins anew. */
struct gh_take_budget {
	struct gh_str key; /* whose; only a keyed hash of it is kept */
	const struct gh_limit *limits;
	size_t limit_count;
	/* What came of it: */
	bool refused;
	bool under_way;  /* refused only for what others of the key hold; wait_ms is then a guess */
	size_t tightest; /* refused: the limit that has the longest wait */
	struct gh_left left[GH_LIMITS_MAX];
	/* Core's: whether it is still to be charged, and for what. */
	bool open;
	int64_t held;
	uint64_t id[2];
};

/* One request: takes one of each limit of requests when every limit lets it in, else nothing. */
void gh_budget_take(struct gh_budgets *b, struct gh_step *s, struct gh_take_budget *t);
/* Tells the client, whatever the answer will be, what is left: x-ratelimit-{limit,remaining,reset}-
 * {requests,tokens}, of the tightest limit of each unit that the request has met in any module. GH_NEXT,
 * or when it was refused GH_ERROR after gh_fail() with 429: `insufficient_quota` for tokens in a window of
 * an hour or more, and not to be tried again; else `rate_limit_exceeded`. */
enum gh_verdict gh_budget_answer(struct gh_step *s, const struct gh_take_budget *t);
/* It was not served after all. Nothing when it was refused, charged or given back before. */
void gh_budget_give_back(struct gh_budgets *b, struct gh_step *s, struct gh_take_budget *t);
/* What it used, to every limit of tokens; once, in on_finish. Nothing when it was refused or given back;
 * 0 when it is not known. */
void gh_budget_charge(struct gh_budgets *b, struct gh_step *s, struct gh_take_budget *t,
		      int64_t tokens);
/* The tokens of a request by its usage: those of the prompt, cached ones too, and of the answer. What is
 * not known is 0. */
int64_t gh_budget_tokens(const struct gh_usage *u);

#endif
