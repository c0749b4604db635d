/*
 * ratelimit: so many requests and tokens for each client, user or header's value. What is owed is in
 * <gatehouse/budget.h>'s tables, and outlives reloads.
 */
#include <stdio.h>

#include <gatehouse/budget.h>

#include "key.h"

struct limit_options {
	int64_t requests;
	struct gh_count tokens;
	struct gh_duration window;
	int64_t burst;
};

struct ratelimit {
	struct limit_options only; /* the short form */
	struct gh_objects limits;
	struct gh_str key, name;
	int64_t ipv4_prefix, ipv6_prefix, max_keys;

	/* What provision made of them. */
	struct ratelimit_key by;
	struct gh_limit *checked;
	size_t checked_count;
	/* Whoever has no user or header counts for its address, in a table of its own: addresses cost
	 * nothing, so a flood of them may crowd out one another and no user. */
	struct gh_budgets *named, *others;
	struct gh_metric *refused;
};

struct state {
	struct gh_budgets *budgets;
	struct gh_take_budget take;
};

static int check_key(struct gh_str value, char *why, size_t size)
{
	struct ratelimit_key ignored;

	return ratelimit_key_from(value, &ignored, why, size);
}

#define REQUESTS_DOC "How many requests a window."
#define TOKENS_DOC \
	"How many tokens a window, of prompts and answers together. What a request uses is known " \
	"when it is over, so the one that uses up the budget is served to its end, and what it " \
	"took beyond is paid back before the next is let in."
#define WINDOW_DOC "How long the window is. What was used comes back evenly over it."
#define BURST_DOC \
	"How many requests may come at once after a rest; as many as `requests` when left out."
#define REQUESTS_RANGE .min = 1, .max = GH_LIMIT_REQUESTS_MAX
#define TOKENS_RANGE   .min = 1, .max = GH_LIMIT_TOKENS_MAX
#define WINDOW_RANGE   .min = 1, .max = GH_LIMIT_WINDOW_MAX_MS

static const struct gh_option limit_fields[] = {
	GH_OPTION(struct limit_options, requests, NULL, REQUESTS_DOC, REQUESTS_RANGE),
	GH_OPTION(struct limit_options, tokens, NULL, TOKENS_DOC, TOKENS_RANGE),
	GH_OPTION(struct limit_options, window, NULL, WINDOW_DOC, WINDOW_RANGE,
		  .flags = GH_REQUIRED),
	GH_OPTION(struct limit_options, burst, NULL, BURST_DOC, REQUESTS_RANGE), GH_OPTIONS_END
};

static const struct gh_option options[] = {
	{ .name = "requests",
	  .type = GH_TYPE_INT,
	  REQUESTS_RANGE,
	  .offset = offsetof(struct ratelimit, only.requests),
	  .doc = REQUESTS_DOC },
	{ .name = "tokens",
	  .type = GH_TYPE_COUNT,
	  TOKENS_RANGE,
	  .offset = offsetof(struct ratelimit, only.tokens),
	  .doc = TOKENS_DOC },
	{ .name = "window",
	  .type = GH_TYPE_DURATION,
	  WINDOW_RANGE,
	  .offset = offsetof(struct ratelimit, only.window),
	  .doc = WINDOW_DOC },
	{ .name = "burst",
	  .type = GH_TYPE_INT,
	  REQUESTS_RANGE,
	  .offset = offsetof(struct ratelimit, only.burst),
	  .doc = BURST_DOC },
	GH_OPTION(struct ratelimit, limits, NULL,
		  "Several limits, in place of `requests`, `tokens` and `window`, such as 10 "
		  "requests "
		  "a second and 1000 a day. A request must fit in all of them, and one that is "
		  "refused is charged to none.",
		  .fields = limit_fields, .item_size = sizeof(struct limit_options),
		  .max = GH_LIMITS_MAX),
	GH_OPTION(struct ratelimit, key, "client_ip",
		  "Whom requests are counted for: `client_ip`; `user`, who a step before this one "
		  "found out is calling; or `header:NAME`, that header's value. A request without "
		  "user or header counts for its address, and all that come over a unix socket "
		  "without an address count for one. What a client can choose, such as a header, "
		  "limits only those who do not change it.",
		  .check = check_key),
	GH_OPTION(struct ratelimit, ipv4_prefix, "32",
		  "How many bits of an IPv4 address count: clients that share them share a limit.",
		  .min = 1, .max = 32),
	GH_OPTION(struct ratelimit, ipv6_prefix, "64",
		  "The same for IPv6, where one customer most often has 64 bits to choose from.",
		  .min = 1, .max = 128),
	GH_OPTION(struct ratelimit, max_keys, "65536",
		  "How many keys are remembered, at 48 bytes and 16 for each limit. A key has 16 "
		  "places where it may stand; when all are taken by others that have something "
		  "to pay off, the one of them that is done with it first is forgotten and "
		  "begins anew.",
		  .min = GH_BUDGET_KEYS_MIN, .max = 10000000),
	GH_OPTION(
		struct ratelimit, name, "",
		"Entries with the same name that are alike in all else count together, on whatever "
		"routes they are. Without a name, those of one route do.",
		.max = 64),
	GH_OPTIONS_END
};

/* ---- Provision ---- */

static void add_limits(struct ratelimit *self, const struct limit_options *o)
{
	if (o->requests)
		self->checked[self->checked_count++] = (struct gh_limit){
			.unit = GH_REQUESTS,
			.amount = o->requests,
			.burst = o->burst ? o->burst : o->requests,
			.window_ms = o->window.ms,
		};
	if (o->tokens.n)
		self->checked[self->checked_count++] = (struct gh_limit){
			.unit = GH_TOKENS,
			.amount = o->tokens.n,
			.burst = o->tokens.n,
			.window_ms = o->window.ms,
		};
}

static int take_limits(struct gh_instance *in, struct ratelimit *self)
{
	const struct limit_options *list = self->limits.items, *only = &self->only;
	size_t count = self->limits.count, units = 0;

	if (count && (only->requests || only->tokens.n || only->window.ms || only->burst))
		return gh_invalid(in,
				  "there are both `limits` and a limit beside it; write all limits "
				  "as items of `limits`");
	if (!count) {
		list = only;
		count = 1;
	}
	for (size_t i = 0; i < count; i++) {
		const struct limit_options *o = list + i;

		if ((!o->requests && !o->tokens.n) || !o->window.ms)
			return gh_invalid(in, "a limit needs `window` and `requests`, `tokens` or "
					      "both, such as `{ requests: 10, window: 1m }`");
		if (o->burst && !o->requests)
			return gh_invalid(in, "`burst` is of `requests`, which there are none of; "
					      "leave it out, or add `requests`");
		units += !!o->requests + !!o->tokens.n;
	}
	if (units > GH_LIMITS_MAX)
		return gh_invalid(in,
				  "there are %zu limits, requests and tokens counted apart, and %d "
				  "are allowed; leave some out",
				  units, GH_LIMITS_MAX);
	self->checked = gh_instance_alloc(in, units * sizeof *self->checked);
	for (size_t i = 0; i < count; i++)
		add_limits(self, &list[i]);
	return 0;
}

/* All that makes counters what they are, as text: the same text after a reload or a restart, the same
 * counters. The lower case of a header's name is the same name. */
static struct gh_str share_name(struct gh_instance *in, const struct ratelimit *self,
				const char *whose)
{
	bool named = self->name.len > 0;
	struct gh_str name = named ? self->name : gh_instance_route(in);
	size_t size = 160 + name.len + self->key.len + self->checked_count * 72, at = 0;
	char *to = gh_instance_alloc(in, size);

	for (size_t i = 0; i < self->key.len; i++)
		to[at++] = gh_lower(self->key.at[i]);
	at += (size_t)snprintf(to + at, size - at, " %s %lld %lld", whose,
			       (long long)self->ipv4_prefix, (long long)self->ipv6_prefix);
	for (size_t i = 0; i < self->checked_count; i++)
		at += (size_t)snprintf(to + at, size - at, " %s %lld/%lld+%lld",
				       self->checked[i].unit == GH_TOKENS ? "t" : "r",
				       (long long)self->checked[i].amount,
				       (long long)self->checked[i].window_ms,
				       (long long)self->checked[i].burst);
	at += (size_t)snprintf(to + at, size - at, " %s " GH_FMT, named ? "name" : "route",
			       GH_ARG(name));
	return (struct gh_str){ to, at };
}

static int provision(struct gh_instance *in, void *self_)
{
	struct ratelimit *self = self_;
	char why[1]; /* the key was checked when it was bound */

	if (ratelimit_key_from(self->key, &self->by, why, sizeof why) || take_limits(in, self))
		return -1;
	self->by.ipv4_bits = self->ipv4_prefix;
	self->by.ipv6_bits = self->ipv6_prefix;
	self->others = gh_budgets_open(in, share_name(in, self, "address"), self->max_keys,
				       self->checked_count);
	if (self->by.by != RATELIMIT_BY_CLIENT)
		self->named = gh_budgets_open(in, share_name(in, self, "named"), self->max_keys,
					      self->checked_count);
	self->refused = gh_counter(in, "gatehouse_ratelimit_refused_total", "",
				   "Requests that were refused because a limit was reached.");
	return 0;
}

/* ---- Requests ---- */

/* The kind of key goes before its text, so that none passes for one of another kind. */
static struct gh_str key_text(struct gh_step *s, const struct ratelimit_whose *whose)
{
	char *to = gh_alloc(s->req, 1 + whose->text.len);

	to[0] = (char)whose->kind;
	if (whose->text.len)
		memcpy(to + 1, whose->text.at, whose->text.len);
	return (struct gh_str){ to, 1 + whose->text.len };
}

static enum gh_verdict on_request(struct gh_step *s)
{
	const struct ratelimit *self = s->self;
	struct state *state = s->state;
	struct ratelimit_whose whose;

	ratelimit_key_of(&self->by, s->req, &whose);
	state->budgets = whose.kind == RATELIMIT_USER || whose.kind == RATELIMIT_HEADER
				 ? self->named
				 : self->others;
	state->take = (struct gh_take_budget){
		.key = key_text(s, &whose),
		.limits = self->checked,
		.limit_count = self->checked_count,
	};
	gh_budget_take(state->budgets, s, &state->take);
	if (state->take.refused)
		gh_metric_add(self->refused, 1);
	return gh_budget_answer(s, &state->take);
}

static void on_finish(struct gh_step *s)
{
	struct state *state = s->state;

	if (state->take.open)
		gh_budget_charge(state->budgets, s, &state->take, gh_budget_tokens(&s->req->usage));
}

const struct gh_module gh_module_ratelimit = {
	.name = "ratelimit",
	.doc = "Limits how many requests and tokens a client, a user or a header's value may use. "
	       "After a rest `burst` requests, or all of `tokens`, may be used at once; then they "
	       "come "
	       "back evenly, so many in each `window`, to the millisecond. What is too much gets "
	       "429 "
	       "with `Retry-After`: `rate_limit_exceeded`, or for tokens in a window of an hour or "
	       "more `insufficient_quota` and `x-should-retry: false`. Every answer tells what is "
	       "left "
	       "in `x-ratelimit-limit-requests` (the burst), `-remaining-` and `-reset-` (until a "
	       "whole burst is there again), and the same of `-tokens`, of the tightest limit of "
	       "all "
	       "that the request has met. While requests are under way each holds what the key's "
	       "requests used of late, so that many at once overdraw a budget of tokens by little. "
	       "Counters survive reloads for as long as the entry and the name of its route stay "
	       "the "
	       "same; those of windows of an hour or more survive restarts, in `state_dir`.",
	.options = options,
	.self_size = sizeof(struct ratelimit),
	.state_size = sizeof(struct state),
	.provision = provision,
	.on_request = on_request,
	.on_finish = on_finish,
};
