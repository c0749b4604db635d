/*
 * tailscale-auth: goes by what Tailscale knows of the caller.
 *
 * Who calls is known from one of two sources, and from no other. A front that is believed by its listener
 * (`identity: tailscale`) says it with the request; else tailscaled is asked about the client's own
 * address, which is the socket's peer or the source of a PROXY header.
 *
 * That there is no name does not make a caller public. Public is who is known to come from outside: the
 * front says so (Funnel), or tailscaled does not know the address, and it is one of the internet's. A
 * machine with tags has no name either, and tailscaled that does not answer says nothing at all.
 */
#include <ctype.h>
#include <stdio.h>

#include "allow.h"
#include "auth.h"

enum { ANSWER_MAX = 512 << 10, WITHIN_MS = 2000 };

/* ---- Options ---- */

static int check_tailnet(struct gh_str value, char *why, size_t size)
{
	bool dot = false, good = true;

	for (size_t i = 0; i < value.len; i++) {
		unsigned char c = (unsigned char)value.at[i];
		dot |= c == '.' && i > 0 && i + 1 < value.len;
		good &= c < 0x80 && (isalnum(c) || c == '.' || c == '-');
	}
	if (value.len == 0 || (good && dot))
		return 0;
	snprintf(why, size,
		 "'%.*s' is not the DNS name of a tailnet; it looks like tail1234.ts.net, and the "
		 "admin console has it under DNS",
		 value.len > 60 ? 60 : (int)value.len, value.at);
	return -1;
}

static const char *const publics[] = { "deny", "pass", NULL };
static const char *const names[] = { "mime", "percent", NULL };

#define OPTION(field, fallback, doc, ...) \
	GH_OPTION(struct tailscale_auth, field, fallback, doc, __VA_ARGS__)

static const struct gh_option options[] = {
	OPTION(allow, NULL,
	       "Who may pass: logins (`alice@example.com`), all logins of a domain "
	       "(`\"*@example.com\"`, in quotes), all of them (`\"*\"`), and machines by a tag "
	       "(`tag:ci`). Left out: every user, and no machine with tags. Whoever else comes "
	       "from "
	       "the tailnet gets 403.",
	       .max = 10000, .check = tailscale_allow_check),
	OPTION(tailnet, NULL,
	       "The DNS name of your tailnet, such as `tail1234.ts.net`. With it, people of other "
	       "tailnets, to whom this machine was shared, get 403; without it they are users as "
	       "others are.",
	       .max = 255, .check = check_tailnet),
	OPTION(public, "deny",
	       "What becomes of requests that come from outside of the tailnet, or of which nobody "
	       "can say where they come from: `deny` them (403; 503 while tailscaled does not "
	       "answer), or let them `pass` without a name, to a handler that asks for a key.",
	       .choices = publics),
	OPTION(names, "mime",
	       "How `Tailscale-User-Name` says letters that ASCII does not have: `mime` "
	       "(`=?utf-8?q?Zo=C3=AB?=`) as `tailscale serve` does, or `percent` (`Zo%C3%AB`) as "
	       "Open "
	       "WebUI reads it.",
	       .choices = names),
	OPTION(socket, "unix:/var/run/tailscale/tailscaled.sock",
	       "Where tailscaled answers: its socket, or the name of an upstream."),
	OPTION(cache, "10s",
	       "How long it is remembered who an address of the tailnet is; `0s`: it is asked each "
	       "time.",
	       .max = 600000),
	GH_OPTIONS_END
};

static int provision(struct gh_instance *in, void *self)
{
	struct tailscale_auth *a = self;
	const char *name = "gatehouse_tailscale_total",
		   *help = "Requests that tailscale-auth judged, by what came of it.";

	a->keep = gh_shared(in, gh_upstream_key(a->socket.upstream), &tailscale_keep_type);
	a->named = gh_counter(in, name, "result=\"named\"", help);
	a->refused = gh_counter(in, name, "result=\"refused\"", help);
	a->outside = gh_counter(in, name, "result=\"outside\"", help);
	a->unknown = gh_counter(in, name, "result=\"unknown\"", help);
	return 0;
}

/* ---- Asking tailscaled ---- */

static enum gh_verdict ask(struct gh_step *s, const char *target, gh_then *then)
{
	const struct tailscale_auth *a = s->self;

	return gh_call(s, a->socket.upstream,
		       &(struct gh_call){
			       .method = GH_STR("GET"),
			       .path = gh_str(target),
			       .host = GH_STR("local-tailscaled.sock"),
			       .max = ANSWER_MAX,
			       .timeout_ms = WITHIN_MS,
		       },
		       then);
}

static enum gh_verdict failed(struct gh_step *s, const char *what, const char *mend)
{
	const struct tailscale_auth *a = s->self;

	tailscale_keep_ill(a->keep, gh_now_ms(s));
	if (tailscale_keep_tell(a->keep, TAILSCALE_FAILED, gh_now_ms(s)))
		gh_log(s, GH_LOG_ERROR, "%s, so that nobody is known by Tailscale: %s", what, mend);
	return tailscale_auth_unknown(s, TAILSCALE_WHY_TROUBLE);
}

static enum gh_verdict no_answer(struct gh_step *s, const struct gh_answer *answer)
{
	struct gh_str what = answer->status == 0
				     ? gh_printf(s->req, "tailscaled cannot be asked (%s)",
						 answer->error ? answer->error : "no answer")
				     : gh_printf(s->req, "tailscaled answers %d", answer->status);

	return failed(s, what.at,
		      "look at `systemctl status tailscaled`, and whether the gateway's user may "
		      "open its socket");
}

static enum gh_verdict garbled(struct gh_step *s)
{
	return failed(s, "what answers does not speak as tailscaled does",
		      "look at the option `socket`");
}

/* ---- whois ---- */

/* The front's word and tailscaled's must be of one mind. */
static enum gh_verdict found(struct gh_step *s, const struct tailscale_who *w)
{
	const struct gh_identity *id = &s->req->identity;

	switch (w->kind) {
	case TAILSCALE_OUTSIDE:
		/* A front that vouches would have said that it was the internet. */
		if (id->vouched || tailscale_is_inside(&s->req->client))
			return tailscale_auth_nameless(s);
		/* Some proxy of this machine, and whom it let in it does not say. */
		if (tailscale_is_loopback(&s->req->client))
			return tailscale_auth_unknown(s, TAILSCALE_WHY_HIDDEN);
		return tailscale_auth_outside(s);
	case TAILSCALE_USER:
		if (id->vouched && !gh_str_eq(id->login, gh_str(w->login)))
			return tailscale_auth_nameless(s);
		return tailscale_auth_member(s, w);
	case TAILSCALE_TAGGED:
		if (id->login.len > 0)
			return tailscale_auth_nameless(s);
		return tailscale_auth_member(s, w);
	case TAILSCALE_NOBODY:
	default:
		return tailscale_auth_unknown(s, TAILSCALE_WHY_TROUBLE);
	}
}

static enum gh_verdict then_whois(struct gh_step *s)
{
	const struct tailscale_auth *a = s->self;
	const struct gh_answer *answer = gh_answer(s);
	struct tailscale_who w = { .kind = TAILSCALE_OUTSIDE };

	if (answer->status != 200 && answer->status != 404)
		return no_answer(s, answer);
	if (answer->status == 200 && tailscale_who_read(answer->body, &w) != 0)
		return garbled(s);
	tailscale_keep_put(a->keep, &s->req->client, gh_now_ms(s), &w);
	return found(s, &w);
}

static enum gh_verdict whois(struct gh_step *s)
{
	const struct tailscale_auth *a = s->self;
	char target[TAILSCALE_TARGET_SIZE];
	struct tailscale_who w;

	if (tailscale_keep_find(a->keep, &s->req->client, gh_now_ms(s), a->cache.ms, &w))
		return found(s, &w);
	tailscale_who_target(&s->req->client, target);
	return ask(s, target, then_whois);
}

/* ---- The client's own address ---- */

static enum gh_verdict judge(struct gh_step *s, const struct tailscale_status *status)
{
	const struct tailscale_auth *a = s->self;

	if (!gh_str_is(gh_str(status->state), "Running"))
		return failed(
			s, gh_printf(s->req, "tailscaled is not connected (%s)", status->state).at,
			"run `sudo tailscale up`");
	if (s->req->client_source != GH_CLIENT_PROXY || status->tun)
		return whois(s);
	if (tailscale_keep_tell(a->keep, TAILSCALE_UNPROVEN, gh_now_ms(s)))
		gh_log(s, GH_LOG_WARN,
		       "tailscaled runs in userspace networking, where the whole tailnet reaches "
		       "loopback ports and may send any PROXY header, so that nobody is known by "
		       "one: let `tailscale serve` come to a unix socket, on a listener with "
		       "`identity: tailscale`");
	return tailscale_auth_unknown(s, TAILSCALE_WHY_UNPROVEN);
}

static enum gh_verdict then_status(struct gh_step *s)
{
	const struct tailscale_auth *a = s->self;
	const struct gh_answer *answer = gh_answer(s);
	struct tailscale_status status;

	if (answer->status != 200)
		return no_answer(s, answer);
	if (tailscale_status_read(answer->body, &status) != 0)
		return garbled(s);
	tailscale_keep_well(a->keep, gh_now_ms(s), &status);
	return judge(s, &status);
}

static enum gh_verdict from_address(struct gh_step *s)
{
	const struct tailscale_auth *a = s->self;
	struct tailscale_status status;

	/* What a trusted proxy says of an address comes without a port and proves nothing to
	 * tailscaled; the peer of a unix socket has none. */
	if (s->req->client_source == GH_CLIENT_FORWARDED || s->req->client.family == AF_UNIX)
		return tailscale_auth_unknown(s, TAILSCALE_WHY_HIDDEN);
	switch (tailscale_keep_status(a->keep, gh_now_ms(s), &status)) {
	case TAILSCALE_WELL:
		return judge(s, &status);
	case TAILSCALE_ILL:
		return tailscale_auth_unknown(s, TAILSCALE_WHY_TROUBLE);
	case TAILSCALE_UNKNOWN:
	default:
		return ask(s, "/localapi/v0/status?peers=false", then_status);
	}
}

/* ---- The word of a front that is believed ---- */

static void copy(char *to, size_t size, struct gh_str from)
{
	if (from.len >= size)
		from.len = 0;
	if (from.len)
		memcpy(to, from.at, from.len);
	to[from.len] = 0;
}

static enum gh_verdict from_front(struct gh_step *s)
{
	const struct tailscale_auth *a = s->self;
	const struct gh_identity *id = &s->req->identity;
	struct tailscale_who w = { .kind = TAILSCALE_USER };

	if (id->internet)
		return tailscale_auth_outside(s);
	/* Of what tailnet a user is, and what tags a machine has, the front does not say. */
	if ((id->login.len > 0 && a->tailnet.len > 0) ||
	    (id->login.len == 0 && tailscale_allow_has_tags(&a->allow)))
		return s->req->client.family == AF_UNIX ? tailscale_auth_nameless(s) : whois(s);
	copy(w.login, sizeof w.login, id->login);
	copy(w.name, sizeof w.name, id->name);
	copy(w.picture, sizeof w.picture, id->picture);
	return w.login[0] ? tailscale_auth_member(s, &w) : tailscale_auth_nameless(s);
}

static enum gh_verdict on_request(struct gh_step *s)
{
	tailscale_auth_take_off(s);
	return s->req->identity.vouched ? from_front(s) : from_address(s);
}

extern const struct gh_module gh_module_tailscale_auth;

const struct gh_module gh_module_tailscale_auth = {
	.name = "tailscale-auth",
	.doc = "Names the caller by what Tailscale knows, lets in who may pass, and tells the "
	       "upstream in "
	       "`Tailscale-User-Login`, `-Name` and `-Profile-Pic`. Asks tailscaled about the "
	       "client's address, or believes `tailscale serve` on a listener with `identity: "
	       "tailscale`.",
	.options = options,
	.self_size = sizeof(struct tailscale_auth),
	.provision = provision,
	.on_request = on_request,
};
