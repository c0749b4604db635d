#include "auth.h"

void basic_auth_take_off(struct gh_step *s)
{
	const struct auth *a = s->self;

	gh_header_remove(&s->req->headers, GH_STR("authorization"));
	gh_header_remove(&s->req->headers, GH_STR("x-api-key"));
	if (a->authorization.len > 0)
		gh_header_set(&s->req->headers, GH_STR("authorization"), a->authorization);
}

static bool has_header(const struct gh_request *r, struct gh_str name)
{
	return gh_header_find(&r->headers, name) != NULL;
}

static bool wants_html(struct gh_str accept)
{
	struct gh_str html = GH_STR("text/html");

	for (size_t i = 0; i + html.len <= accept.len; i++)
		if (gh_str_same(gh_str_slice(accept, i, i + html.len), html))
			return true;
	return false;
}

/* Elsewhere a challenge would open a password dialog over a page that knows better. */
static bool browser_navigates(const struct gh_request *r)
{
	struct gh_str mode = gh_header_get(&r->headers, GH_STR("sec-fetch-mode"));

	if (mode.len > 0)
		return gh_str_same(mode, GH_STR("navigate"));
	return !has_header(r, GH_STR("sec-fetch-site")) &&
	       !has_header(r, GH_STR("sec-fetch-dest")) &&
	       wants_html(gh_header_get(&r->headers, GH_STR("accept")));
}

/* Clients read the words `Incorrect API key provided`, so that they open both sentences. */
static enum gh_verdict refuse(struct gh_step *s, enum basic_auth_speaks speaks, const char *what)
{
	const struct auth *a = s->self;

	if (speaks == BASIC_AUTH_SPEAKS_BASIC || browser_navigates(s->req))
		gh_answer_header(s, GH_STR("WWW-Authenticate"), a->challenge);
	return gh_fail(
		s, 401, "invalid_api_key",
		"Incorrect API key provided%s. Send a key as `Authorization: Bearer KEY`, or a "
		"user and password as Basic credentials.",
		what);
}

/* People put keys where the user belongs; what looks like one does not go into a log. */
static struct gh_str loggable(struct gh_str user)
{
	if (user.len > 64 || gh_str_starts(user, GH_STR("gatehouse_")) ||
	    gh_str_starts(user, GH_STR("sk-")))
		return GH_STR("(not shown)");
	return user;
}

enum gh_verdict basic_auth_ask(struct gh_step *s)
{
	return refuse(s, BASIC_AUTH_SPEAKS_OTHER, ": none was sent");
}

enum gh_verdict basic_auth_deny(struct gh_step *s, enum basic_auth_speaks speaks,
				struct gh_str user, const char *reason)
{
	const struct auth *a = s->self;

	gh_metric_add(a->denied, 1);
	gh_log_denied(s, loggable(user), reason);
	return refuse(s, speaks,
		      speaks == BASIC_AUTH_SPEAKS_BASIC ? ", or a wrong user or password" : "");
}

static void retry_after(struct gh_step *s, int64_t seconds)
{
	gh_answer_header(s, GH_STR("Retry-After"), gh_printf(s->req, "%lld", (long long)seconds));
}

enum gh_verdict basic_auth_too_many(struct gh_step *s, struct gh_str user, int64_t ms)
{
	const struct auth *a = s->self;
	long long seconds = (ms + 999) / 1000;

	gh_metric_add(a->limited, 1);
	gh_log_denied(s, loggable(user), "too many failed logins");
	retry_after(s, seconds);
	return gh_fail(s, 429, "rate_limit_exceeded",
		       "Too many failed logins from your address. Try again in %lld s.", seconds);
}

enum gh_verdict basic_auth_busy(struct gh_step *s)
{
	retry_after(s, 1);
	return gh_fail(s, 503, "server_is_overloaded",
		       "Too many logins are being checked. Try again in a moment.");
}
