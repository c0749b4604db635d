#include <stdlib.h>

#include "allow.h"
#include "auth.h"
#include "name.h"

#define LOGIN   GH_STR("Tailscale-User-Login")
#define NAME    GH_STR("Tailscale-User-Name")
#define PICTURE GH_STR("Tailscale-User-Profile-Pic")

void tailscale_auth_take_off(struct gh_step *s)
{
	gh_header_remove(&s->req->headers, LOGIN);
	gh_header_remove(&s->req->headers, NAME);
	gh_header_remove(&s->req->headers, PICTURE);
}

/* ---- Let in ---- */

typedef size_t encode(struct gh_str text, char *to);

static void tell(struct gh_step *s, struct gh_str field, struct gh_str value, encode *how)
{
	if (value.len == 0)
		return;
	char *to = gh_alloc(s->req, TAILSCALE_ENCODED_SIZE(value.len));

	/* Refused is a value that would not be a field; then the upstream is told nothing. */
	(void)gh_header_set(&s->req->headers, field, (struct gh_str){ to, how(value, to) });
}

static enum gh_verdict welcome(struct gh_step *s, const struct tailscale_who *w)
{
	const struct tailscale_auth *a = s->self;
	bool percent = a->names.index == TAILSCALE_NAMES_PERCENT;

	gh_metric_add(a->named, 1);
	if (w->kind == TAILSCALE_TAGGED) {
		gh_set_caller(s->req, gh_str(w->node));
		return GH_NEXT;
	}
	gh_set_caller(s->req, gh_str(w->login));
	tell(s, LOGIN, gh_str(w->login), tailscale_name_mime);
	tell(s, NAME, gh_str(w->name), percent ? tailscale_name_percent : tailscale_name_mime);
	tell(s, PICTURE, gh_str(w->picture), tailscale_name_mime);
	return GH_NEXT;
}

/* ---- Refused ---- */

static enum gh_verdict refuse_member(struct gh_step *s, const struct tailscale_who *w,
				     const char *reason, const char *mend)
{
	const struct tailscale_auth *a = s->self;
	bool tagged = w->kind == TAILSCALE_TAGGED;
	struct gh_str who = gh_str(tagged ? w->node : w->login);

	gh_metric_add(a->refused, 1);
	gh_log_denied(s, who, reason);
	return gh_fail(s, 403, "permission_denied", "Tailscale knows you as " GH_FMT ", %s",
		       GH_ARG(who), mend);
}

static struct gh_str without_dot(struct gh_str s)
{
	return s.len && s.at[s.len - 1] == '.' ? gh_str_slice(s, 0, s.len - 1) : s;
}

static bool is_of_tailnet(const struct tailscale_auth *a, const struct tailscale_who *w)
{
	return a->tailnet.len == 0 ||
	       (!w->shared && gh_str_same(tailscale_who_tailnet(w), without_dot(a->tailnet)));
}

enum gh_verdict tailscale_auth_member(struct gh_step *s, const struct tailscale_who *w)
{
	const struct tailscale_auth *a = s->self;

	if (!is_of_tailnet(a, w))
		return refuse_member(s, w, "of another tailnet",
				     "of another tailnet than this gateway's, and only its own is "
				     "let in. Ask whoever runs it.");
	if (w->kind == TAILSCALE_TAGGED) {
		if (tailscale_allow_tags(&a->allow, gh_str(w->tags)))
			return welcome(s, w);
		return refuse_member(s, w, "tagged machine",
				     "a machine with tags, and none of them is let in here. Ask "
				     "whoever runs this gateway to allow one of its tags.");
	}
	if (tailscale_allow_user(&a->allow, gh_str(w->login)))
		return welcome(s, w);
	return refuse_member(s, w, "not allowed",
			     "who is not let in here. Ask whoever runs this gateway to allow that "
			     "login.");
}

enum gh_verdict tailscale_auth_nameless(struct gh_step *s)
{
	const struct tailscale_auth *a = s->self;

	gh_metric_add(a->refused, 1);
	gh_log_denied(s, GH_STR(""), "no user of the tailnet");
	return gh_fail(s, 403, "permission_denied",
		       "Tailscale names no user for this connection: it comes from a machine with "
		       "tags, or from one that the tailnet does not know any more. Use a machine "
		       "that a user has signed in to.");
}

enum gh_verdict tailscale_auth_outside(struct gh_step *s)
{
	const struct tailscale_auth *a = s->self;

	gh_metric_add(a->outside, 1);
	if (a->public.index == TAILSCALE_PUBLIC_PASS)
		return GH_NEXT;
	return gh_fail(s, 403, "permission_denied",
		       "This is for users of its tailnet alone. Connect to Tailscale and try "
		       "again.");
}

enum gh_verdict tailscale_auth_unknown(struct gh_step *s, enum tailscale_why why)
{
	const struct tailscale_auth *a = s->self;

	gh_metric_add(a->unknown, 1);
	/* Without a name: what comes later has to ask for a key. Not what a front lets in, which would have
	 * said of the public that it is that. */
	if (a->public.index == TAILSCALE_PUBLIC_PASS && !s->req->identity.vouched)
		return GH_NEXT;
	switch (why) {
	case TAILSCALE_WHY_HIDDEN:
		return gh_fail(s, 403, "permission_denied",
			       "This is for users of its tailnet alone, and a proxy before the "
			       "gateway hides who calls. Use the gateway's address in the "
			       "tailnet.");
	case TAILSCALE_WHY_UNPROVEN:
		return gh_fail(s, 403, "permission_denied",
			       "This is for users of its tailnet alone, and nothing here proves "
			       "who calls. Whoever runs this gateway finds the reason in its log.");
	case TAILSCALE_WHY_TROUBLE:
	default:
		gh_answer_header(s, GH_STR("Retry-After"), GH_STR("2"));
		return gh_fail(s, 503, "service_unavailable",
			       "Tailscale cannot say at the moment who calls. Try again in a "
			       "moment.");
	}
}
