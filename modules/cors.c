/*
 * cors: lets pages of other origins call what stands behind it. It answers preflights before anyone
 * asks for a credential, which browsers do not send with them, and marks every answer, refusals too.
 */
#include <stdio.h>

#include <gatehouse/module.h>

struct cors {
	struct gh_strings origins, methods, expose;
	bool credentials;
	struct gh_duration max_age;
	struct gh_str joined_methods, joined_expose;
};

/* `https://HOST[:PORT]` in lower case without a path, as browsers write it, or `*`. */
static int check_origin(struct gh_str origin, char *why, size_t size)
{
	struct gh_str rest = origin;
	const char *reason;

	if (gh_str_is(origin, "*") || gh_str_is(origin, "null"))
		return gh_str_is(origin, "*") ? 0
					      : (snprintf(why, size,
							  "'null' is what every sandboxed page and "
							  "local file calls "
							  "itself; name the origins that you mean"),
						 -1);
	for (size_t i = 0; i < origin.len; i++)
		if (gh_lower(origin.at[i]) != origin.at[i]) {
			snprintf(why, size, "an origin is written in lower case, as browsers do");
			return -1;
		}
	if (gh_str_starts(origin, GH_STR("https://")))
		rest = gh_str_slice(origin, 8, origin.len);
	else if (gh_str_starts(origin, GH_STR("http://")))
		rest = gh_str_slice(origin, 7, origin.len);
	else
		rest.len = 0;
	if (rest.len == 0 || memchr(rest.at, '/', rest.len) || memchr(rest.at, '*', rest.len) ||
	    gh_header_check(GH_STR("x"), origin, &reason)) {
		snprintf(why, size,
			 "'" GH_FMT "' is no origin; write it as in 'https://app.example' or "
			 "'http://localhost:5173', without a path",
			 GH_ARG(origin));
		return -1;
	}
	return 0;
}

static bool is_token(struct gh_str s)
{
	return gh_header_check(s, GH_STR(""), NULL) == 0;
}

static int check_method(struct gh_str method, char *why, size_t size)
{
	for (size_t i = 0; i < method.len; i++)
		if (method.at[i] < 'A' || method.at[i] > 'Z')
			method.len = 0;
	if (method.len)
		return 0;
	snprintf(why, size, "a method is written in capitals, such as GET");
	return -1;
}

static int check_name(struct gh_str name, char *why, size_t size)
{
	const char *reason;

	if (gh_header_check(name, GH_STR(""), &reason) == 0)
		return 0;
	snprintf(why, size, "'" GH_FMT "' is no header to expose: %s", GH_ARG(name), reason);
	return -1;
}

static const struct gh_option options[] = {
	GH_OPTION(struct cors, origins, NULL,
		  "Origins whose pages may call, such as `https://app.example`; `*` for any.",
		  .flags = GH_REQUIRED | GH_SHORT, .min = 1, .max = 100, .check = check_origin),
	GH_OPTION(struct cors, methods, "[GET, POST, PUT, PATCH, DELETE]",
		  "Methods that they may use.", .min = 1, .max = 20, .check = check_method),
	GH_OPTION(struct cors, expose,
		  "[x-request-id, retry-after, x-should-retry, x-ratelimit-limit-requests, "
		  "x-ratelimit-remaining-requests, x-ratelimit-reset-requests, "
		  "x-ratelimit-limit-tokens, x-ratelimit-remaining-tokens, "
		  "x-ratelimit-reset-tokens]",
		  "Header fields of answers that their scripts may read.", .max = 50,
		  .check = check_name),
	GH_OPTION(
		struct cors, credentials, "false",
		"Whether browsers may send cookies and passwords that they know by themselves. API "
		"keys that a script sends need it not."),
	GH_OPTION(struct cors, max_age, "10m", "How long a browser may remember a preflight.",
		  .max = 86400000),
	GH_OPTIONS_END
};

static struct gh_str join(struct gh_instance *in, const struct gh_strings *list)
{
	size_t size = 1, at = 0;

	for (size_t i = 0; i < list->count; i++)
		size += list->items[i].len + 2;
	char *text = gh_instance_alloc(in, size);
	for (size_t i = 0; i < list->count; i++) {
		if (i) {
			memcpy(text + at, ", ", 2);
			at += 2;
		}
		memcpy(text + at, list->items[i].at, list->items[i].len);
		at += list->items[i].len;
	}
	return (struct gh_str){ text, at };
}

/* The `*` among the origins, or nothing. */
static struct gh_str any_origin(const struct cors *self)
{
	for (size_t i = 0; i < self->origins.count; i++)
		if (gh_str_is(self->origins.items[i], "*"))
			return self->origins.items[i];
	return (struct gh_str){ 0 };
}

static int provision(struct gh_instance *in, void *self_)
{
	struct cors *self = self_;

	struct gh_str any = any_origin(self);
	if (any.len && self->credentials)
		return gh_invalid_at(in, any,
				     "any page could act as its visitor: name the origins in place "
				     "of '*', or leave `credentials` out");
	self->joined_methods = join(in, &self->methods);
	self->joined_expose = join(in, &self->expose);
	return 0;
}

/* What Access-Control-Allow-Origin says to this request; empty: nothing. */
static struct gh_str allowed(const struct cors *self, const struct gh_request *req)
{
	struct gh_str origin = gh_header_get(&req->headers, GH_STR("origin"));

	if (origin.len == 0)
		return origin;
	for (size_t i = 0; i < self->origins.count; i++)
		if (gh_str_is(self->origins.items[i], "*") ||
		    gh_str_eq(self->origins.items[i], origin))
			return self->origins.items[i];
	return GH_STR("");
}

/* The names that a preflight asks for, if they are names; there are as many as a head may have. */
static struct gh_str asked_headers(const struct gh_request *req)
{
	struct gh_str list = gh_header_get(&req->headers, GH_STR("access-control-request-headers"));

	for (size_t from = 0, at = 0; at <= list.len && list.len; at++) {
		if (at < list.len && list.at[at] != ',')
			continue;
		struct gh_str name = gh_str_slice(list, from, at);
		while (name.len && name.at[0] == ' ')
			name = gh_str_slice(name, 1, name.len);
		while (name.len && name.at[name.len - 1] == ' ')
			name.len--;
		if (!is_token(name))
			return GH_STR("");
		from = at + 1;
	}
	return list;
}

static enum gh_verdict answer_preflight(struct gh_step *s, struct gh_str origin)
{
	const struct cors *self = s->self;
	struct gh_str headers = asked_headers(s->req);

	if (origin.len == 0)
		return gh_fail(s, 403, NULL, "Pages of this origin may not call here.");
	gh_answer_header(s, GH_STR("Access-Control-Allow-Methods"), self->joined_methods);
	if (headers.len)
		gh_answer_header(s, GH_STR("Access-Control-Allow-Headers"), headers);
	gh_answer_header(s, GH_STR("Access-Control-Max-Age"),
			 gh_printf(s->req, "%lld", (long long)(self->max_age.ms / 1000)));
	return gh_respond(s, 204, GH_STR(""), GH_STR(""));
}

static enum gh_verdict on_request(struct gh_step *s)
{
	const struct gh_headers *h = &s->req->headers;

	/* Without these two it is a plain OPTIONS, and the upstream's to answer. */
	if (!gh_str_is(s->req->method, "OPTIONS") || !gh_header_find(h, GH_STR("origin")) ||
	    !gh_header_find(h, GH_STR("access-control-request-method")))
		return GH_NEXT;
	return answer_preflight(s, allowed(s->self, s->req));
}

static void vary(struct gh_headers *h, struct gh_str name)
{
	struct gh_header *at = h->items;

	for (uint32_t i = 0; i < h->count; i++, at++)
		if (gh_str_same(gh_header_name(at), GH_STR("vary")) &&
		    (gh_str_is(gh_header_value(at), "*") || gh_str_same(gh_header_value(at), name)))
			return;
	gh_header_add(h, GH_STR("Vary"), name);
}

static enum gh_verdict on_response(struct gh_step *s)
{
	static const char *const upstreams[] = { "access-control-allow-origin",
						 "access-control-allow-credentials",
						 "access-control-expose-headers" };
	const struct cors *self = s->self;
	struct gh_str origin = allowed(self, s->req);
	struct gh_headers *h = &s->res->headers;

	/* An upstream's own word would stand beside this one, and browsers refuse two. */
	for (size_t i = 0; i < GH_COUNT_OF(upstreams); i++)
		gh_header_remove(h, gh_str(upstreams[i]));
	if (!any_origin(self).len)
		vary(h, GH_STR("Origin"));
	if (origin.len == 0)
		return GH_NEXT;
	gh_header_set(h, GH_STR("Access-Control-Allow-Origin"), origin);
	if (self->credentials)
		gh_header_set(h, GH_STR("Access-Control-Allow-Credentials"), GH_STR("true"));
	if (self->joined_expose.len)
		gh_header_set(h, GH_STR("Access-Control-Expose-Headers"), self->joined_expose);
	return GH_NEXT;
}

const struct gh_module gh_module_cors = {
	.name = "cors",
	.doc = "Lets pages of other origins call what stands behind it. It stands first: "
	       "preflights "
	       "are answered here, before anyone asks for a credential, and every answer is "
	       "marked, "
	       "a 401 or 429 too. What an upstream says of origins is taken away.",
	.options = options,
	.self_size = sizeof(struct cors),
	.provision = provision,
	.on_request = on_request,
	.on_response = on_response,
};
