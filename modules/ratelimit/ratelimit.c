/*
 * ratelimit: so many requests for each client, user or header's value. What is counted outlives
 * reloads; store.h says where.
 */
#include <stdio.h>

#include <gatehouse/module.h>

#include "key.h"
#include "memory.h"
#include "text.h"

/* SDKs wait no longer than this, whatever they are told. */
enum { LONGEST_RETRY_S = 60 };

struct limit_options {
	int64_t requests;
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
	struct ratelimit_limit *checked;
	size_t checked_count;
	struct ratelimit_memory memory;
	struct gh_metric *refused;
};

static int check_key(struct gh_str value, char *why, size_t size)
{
	struct ratelimit_key ignored;

	return ratelimit_key_from(value, &ignored, why, size);
}

#define REQUESTS_DOC   "How many requests a window."
#define WINDOW_DOC     "How long the window is. Requests come back one by one, evenly over it."
#define BURST_DOC      "How many may come at once after a rest; as many as `requests` when left out."
#define REQUESTS_RANGE .min = 1, .max = RATELIMIT_MOST_REQUESTS
#define WINDOW_RANGE   .min = 1, .max = RATELIMIT_LONGEST_WINDOW_MS

static const struct gh_option limit_fields[] = {
	GH_OPTION(struct limit_options, requests, NULL, REQUESTS_DOC, REQUESTS_RANGE,
		  .flags = GH_REQUIRED),
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
	GH_OPTION(
		struct ratelimit, limits, NULL,
		"Several limits, in place of `requests` and `window`, such as 10 a second and 1000 "
		"a day. A request must fit in all of them, and one that is refused is charged to "
		"none.",
		.fields = limit_fields, .item_size = sizeof(struct limit_options), .max = 8),
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
		  "How many keys are remembered, at 16 bytes and 8 for each limit. A key has 16 "
		  "places where it may stand; when all are taken by others that have requests to "
		  "pay off, the one of them that was seen longest ago is forgotten and begins "
		  "anew.",
		  .min = RATELIMIT_WAYS, .max = 10000000),
	GH_OPTION(
		struct ratelimit, name, "",
		"Entries with the same name that are alike in all else count together, on whatever "
		"routes they are. Without a name, those of one route do.",
		.max = 64),
	GH_OPTIONS_END
};

/* ---- Provision ---- */

static struct ratelimit_limit limit_from(const struct limit_options *o)
{
	return (struct ratelimit_limit){
		.requests = o->requests,
		.window_ms = o->window.ms,
		.burst = o->burst ? o->burst : o->requests,
	};
}

static int take_limits(struct gh_instance *in, struct ratelimit *self)
{
	const struct limit_options *list = self->limits.items, *only = &self->only;
	size_t count = self->limits.count;

	if (count && (only->requests || only->window.ms || only->burst))
		return gh_invalid(in,
				  "there are both `limits` and a limit beside it; write all limits "
				  "as items of `limits`");
	if (!count && (!only->requests || !only->window.ms))
		return gh_invalid(in, "a limit needs both `requests` and `window`, such as "
				      "`{ requests: 10, window: 1m }`");
	if (!count) {
		list = only;
		count = 1;
	}
	self->checked = gh_instance_alloc(in, count * sizeof *self->checked);
	self->checked_count = count;
	for (size_t i = 0; i < count; i++)
		self->checked[i] = limit_from(&list[i]);
	return 0;
}

/* All that makes counters what they are, as text: the same text after a reload, the same counters.
 * The lower case of a header's name is the same name. */
static struct gh_str share_name(struct gh_instance *in, const struct ratelimit *self)
{
	bool named = self->name.len > 0;
	struct gh_str name = named ? self->name : gh_instance_route(in);
	size_t size = 160 + name.len + self->key.len + self->checked_count * 64, at = 0;
	char *to = gh_instance_alloc(in, size);

	for (size_t i = 0; i < self->key.len; i++)
		to[at++] = gh_lower(self->key.at[i]);
	at += (size_t)snprintf(to + at, size - at, " %lld %lld %lld", (long long)self->ipv4_prefix,
			       (long long)self->ipv6_prefix, (long long)self->max_keys);
	for (size_t i = 0; i < self->checked_count; i++)
		at += (size_t)snprintf(to + at, size - at, " %lld/%lld+%lld",
				       (long long)self->checked[i].requests,
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

	const struct gh_shared_type type = ratelimit_memory_type(self->max_keys,
								 self->checked_count);
	struct ratelimit_table *table = gh_shared(in, share_name(in, self), &type);

	ratelimit_memory_init(&self->memory, table, self->max_keys, self->checked_count);
	self->refused = gh_counter(in, "gatehouse_ratelimit_refused_total", "",
				   "Requests that were refused because a limit was reached.");
	return 0;
}

/* ---- Requests ---- */

static void tell(struct gh_step *s, const struct ratelimit_take *t)
{
	char number[RATELIMIT_DECIMAL], duration[RATELIMIT_DURATION];

	gh_answer_header(s, GH_STR("x-ratelimit-limit-requests"),
			 ratelimit_decimal(number, t->limits[t->tightest].burst));
	gh_answer_header(s, GH_STR("x-ratelimit-remaining-requests"),
			 ratelimit_decimal(number, t->remaining));
	gh_answer_header(s, GH_STR("x-ratelimit-reset-requests"),
			 ratelimit_duration(duration, t->reset_ms));
}

static enum gh_verdict refuse(struct gh_step *s, const struct ratelimit_take *t)
{
	const struct ratelimit *self = s->self;
	const struct ratelimit_limit *l = &t->limits[t->tightest];
	int64_t seconds = t->wait_ms / 1000 + (t->wait_ms % 1000 != 0);
	char retry[RATELIMIT_DECIMAL], window[RATELIMIT_DURATION], wait[RATELIMIT_DURATION];
	struct gh_str window_text = ratelimit_duration(window, l->window_ms);
	struct gh_str wait_text = ratelimit_duration(wait, t->wait_ms);

	/* To try again before the time has come is of no use: say so, where all that can be said of
	 * the time is less than the truth. */
	if (seconds > LONGEST_RETRY_S) {
		seconds = LONGEST_RETRY_S;
		gh_answer_header(s, GH_STR("x-should-retry"), GH_STR("false"));
	}
	gh_answer_header(s, GH_STR("retry-after"), ratelimit_decimal(retry, seconds));
	gh_metric_add(self->refused, 1);
	return gh_fail(s, 429, "rate_limit_exceeded",
		       "Rate limit reached: %lld requests in " GH_FMT ". Try again in " GH_FMT ".",
		       (long long)l->requests, GH_ARG(window_text), GH_ARG(wait_text));
}

static enum gh_verdict answered(struct gh_step *s)
{
	const struct ratelimit_take *t = s->state;

	tell(s, t);
	return t->answer == RATELIMIT_TAKEN ? GH_NEXT : refuse(s, t);
}

static enum gh_verdict on_request(struct gh_step *s)
{
	const struct ratelimit *self = s->self;
	struct ratelimit_take *t = s->state;

	*t = (struct ratelimit_take){
		.key = ratelimit_key_of(&self->by, ratelimit_memory_secret(&self->memory), s->req),
		.now_ms = gh_now_ms(s),
		.limits = self->checked,
		.limit_count = self->checked_count,
	};
	return self->memory.store.take(&self->memory.store, s, t, answered);
}

/* The client left before the store had answered: nothing was served. */
static void on_cancel(struct gh_step *s)
{
	const struct ratelimit *self = s->self;

	self->memory.store.give_back(&self->memory.store, s->state);
}

const struct gh_module gh_module_ratelimit = {
	.name = "ratelimit",
	.doc = "Limits how many requests a client, a user or a header's value may make. After a "
	       "rest `burst` requests may come at once; then they come back evenly, `requests` in "
	       "each `window`, to the millisecond. What is too much gets 429 with `Retry-After`, "
	       "and every answer tells what is left in `x-ratelimit-limit-requests` (the burst), "
	       "`-remaining-` and `-reset-` (until a whole burst is there again), of the tightest "
	       "limit. Counters survive reloads for as long as the entry and the name of its route "
	       "stay the same.",
	.options = options,
	.self_size = sizeof(struct ratelimit),
	.state_size = sizeof(struct ratelimit_take),
	.provision = provision,
	.on_request = on_request,
	.on_cancel = on_cancel,
};
