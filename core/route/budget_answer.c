/* What a client is told of its budgets: the x-ratelimit- fields, and the 429. */
#include "core/base/memory.h"
#include "core/route/debts.h"
#include "core/route/limit_text.h"
#include "core/route/request.h"

/* SDKs wait no longer than this, whatever they are told. */
enum { LONGEST_RETRY_S = 60 };

static const struct fields {
	struct gh_str limit, remaining, reset;
} fields[] = {
	[GH_REQUESTS] = { GH_STR_INIT("x-ratelimit-limit-requests"),
			  GH_STR_INIT("x-ratelimit-remaining-requests"),
			  GH_STR_INIT("x-ratelimit-reset-requests") },
	[GH_TOKENS] = { GH_STR_INIT("x-ratelimit-limit-tokens"),
			GH_STR_INIT("x-ratelimit-remaining-tokens"),
			GH_STR_INIT("x-ratelimit-reset-tokens") },
};

/* What the request was told already, by whatever module; one a unit. */
struct gh__told {
	bool said;
	struct gh_left left;
};

/* The tighter: of which less is left, and of two such the one that takes longer. */
static bool is_tighter(const struct gh_left *a, const struct gh_left *b)
{
	if (a->remaining != b->remaining)
		return a->remaining < b->remaining;
	return a->reset_ms > b->reset_ms;
}

static void tell(struct gh_step *s, const struct gh_limit *l, const struct gh_left *left)
{
	struct gh__request *r = gh__request_of(s->req);
	const struct fields *f = fields + l->unit;
	char number[GH__DECIMAL], duration[GH__DURATION];

	if (!r->told)
		r->told = gh__arena_zero(&r->stream.arena, GH_COUNT_OF(fields) * sizeof *r->told);
	struct gh__told *told = r->told + l->unit;

	if (told->said && !is_tighter(left, &told->left))
		return;
	*told = (struct gh__told){ .said = true, .left = *left };
	gh_answer_header(s, f->limit, gh__limit_decimal(number, l->burst));
	gh_answer_header(s, f->remaining, gh__limit_decimal(number, left->remaining));
	gh_answer_header(s, f->reset, gh__go_duration(duration, left->reset_ms));
}

static void tell_unit(struct gh_step *s, const struct gh_take_budget *t, enum gh_unit unit)
{
	size_t tightest = t->limit_count;

	for (size_t i = 0; i < t->limit_count; i++)
		if (t->limits[i].unit == unit &&
		    (tightest == t->limit_count || is_tighter(t->left + i, t->left + tightest)))
			tightest = i;
	if (tightest < t->limit_count)
		tell(s, t->limits + tightest, t->left + tightest);
}

static enum gh_verdict refuse(struct gh_step *s, const struct gh_take_budget *t)
{
	const struct gh_limit *l = t->limits + t->tightest;
	const int64_t wait_ms = t->left[t->tightest].wait_ms;
	const bool quota = l->unit == GH_TOKENS && l->window_ms >= GH__DEBTS_KEEP_MS &&
			   !t->under_way;
	int64_t seconds = wait_ms / 1000 + (wait_ms % 1000 != 0);
	char number[GH__DECIMAL], window[GH__DURATION], wait[GH__DURATION];
	struct gh_str window_text = gh__go_duration(window, l->window_ms);
	struct gh_str wait_text = gh__go_duration(wait, wait_ms);

	/* To try again before the time has come is of no use: say so, where all that can be said of
	 * the time is less than the truth. What comes back to a spent budget in that time is too
	 * little to go on with. */
	if (quota || seconds > LONGEST_RETRY_S)
		gh_answer_header(s, GH_STR("x-should-retry"), GH_STR("false"));
	if (seconds > LONGEST_RETRY_S)
		seconds = LONGEST_RETRY_S;
	gh_answer_header(s, GH_STR("retry-after"), gh__limit_decimal(number, seconds));
	if (t->under_way)
		return gh_fail(s, 429, "rate_limit_exceeded",
			       "Rate limit reached: %lld tokens in " GH_FMT ". Requests of yours "
			       "that are under way may use all that is left; try again when one is "
			       "done.",
			       (long long)l->amount, GH_ARG(window_text));
	if (quota)
		return gh_fail(s, 429, "insufficient_quota",
			       "Your budget is spent: %lld tokens in " GH_FMT
			       ". It comes back little "
			       "by little, from " GH_FMT " from now on.",
			       (long long)l->amount, GH_ARG(window_text), GH_ARG(wait_text));
	return gh_fail(s, 429, "rate_limit_exceeded",
		       "Rate limit reached: %lld %s in " GH_FMT ". Try again in " GH_FMT ".",
		       (long long)l->amount, l->unit == GH_TOKENS ? "tokens" : "requests",
		       GH_ARG(window_text), GH_ARG(wait_text));
}

enum gh_verdict gh_budget_answer(struct gh_step *s, const struct gh_take_budget *t)
{
	tell_unit(s, t, GH_REQUESTS);
	tell_unit(s, t, GH_TOKENS);
	return t->refused ? refuse(s, t) : GH_NEXT;
}
