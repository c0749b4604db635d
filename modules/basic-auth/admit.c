/* Letting in: who it is, what that one is bound to, and whether a limit leaves room. */
#include <time.h>

#include "auth.h"

static int64_t wall_second(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec;
}

static bool is_over(const struct basic_auth_bound *bound)
{
	return bound != NULL && bound->expires != 0 &&
	       basic_auth_bound_is_over(bound, wall_second());
}

/* A user and a key of one name are two, and so are those of one name in two files: their limits may
 * differ, and each look at the other's would begin them anew. */
static struct gh_str budget_key(struct gh_step *s, enum basic_auth_as as)
{
	const struct auth *a = s->self;

	return gh_printf(s->req, "%c" GH_FMT "\n" GH_FMT, as == BASIC_AUTH_AS_USER ? 'u' : 'k',
			 GH_ARG(s->req->caller), GH_ARG(a->credentials));
}

/* The limits are copied: the book may be another one by the time that the request ends. */
static enum gh_verdict take_budget(struct gh_step *s, enum basic_auth_as as,
				   const struct basic_auth_bound *bound)
{
	const struct auth *a = s->self;
	struct auth_state *state = s->state;
	size_t size = bound->limit_count * sizeof(*bound->limits);
	struct gh_limit *limits = gh_alloc(s->req, size);
	struct gh_take_budget *take = gh_alloc(s->req, sizeof(*take));

	memcpy(limits, bound->limits, size);
	take->key = budget_key(s, as);
	take->limits = limits;
	take->limit_count = bound->limit_count;
	state->take = take;
	gh_budget_take(a->budgets, s, take);
	if (take->refused)
		gh_metric_add(a->refused, 1);
	return gh_budget_answer(s, take);
}

enum gh_verdict basic_auth_accept(struct gh_step *s, const struct basic_auth_who *who)
{
	const struct auth *a = s->self;
	const struct basic_auth_bound *bound = who->bound;

	if (is_over(bound))
		return basic_auth_deny(s, who->speaks, who->name, "expired");
	gh_metric_add(a->accepted, 1);
	gh_set_caller(s->req, who->name);
	basic_auth_take_off(s);

	const struct gh_grant *grant = basic_auth_bound_grant(bound, s->req);

	if (grant != NULL)
		gh_set_grant(s->req, grant);
	return bound != NULL && bound->limit_count > 0 ? take_budget(s, who->as, bound) : GH_NEXT;
}

enum gh_verdict basic_auth_accept_key(struct gh_step *s, const struct basic_auth_key *key,
				      enum basic_auth_speaks speaks)
{
	const struct basic_auth_who who = { .as = BASIC_AUTH_AS_KEY,
					    .speaks = speaks,
					    .name = { key->name, key->len },
					    .bound = key->bound };

	return basic_auth_accept(s, &who);
}

void basic_auth_charge_budget(struct gh_step *s)
{
	const struct auth *a = s->self;
	const struct auth_state *state = s->state;

	if (state->take != NULL && state->take->open)
		gh_budget_charge(a->budgets, s, state->take, gh_budget_tokens(&s->req->usage));
}

void basic_auth_give_back_budget(struct gh_step *s)
{
	const struct auth *a = s->self;
	const struct auth_state *state = s->state;

	if (state->take != NULL && state->take->open)
		gh_budget_give_back(a->budgets, s, state->take);
}
