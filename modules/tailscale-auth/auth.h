/*
 * The instance, and what a request comes to once it is known who calls, or that nobody can say. On the
 * request's worker.
 */
#ifndef TAILSCALE_AUTH_AUTH_H
#define TAILSCALE_AUTH_AUTH_H

#include <gatehouse/module.h>

#include "keep.h"

enum tailscale_public { TAILSCALE_PUBLIC_DENY, TAILSCALE_PUBLIC_PASS };
enum tailscale_names { TAILSCALE_NAMES_MIME, TAILSCALE_NAMES_PERCENT };

struct tailscale_auth {
	/* options */
	struct gh_strings allow;
	struct gh_str tailnet;
	struct gh_choice public, names;
	struct gh_upstream_ref socket;
	struct gh_duration cache;

	/* made by provision */
	struct tailscale_keep *keep;
	struct gh_metric *named, *refused, *outside, *unknown;
};

/* Takes the fields off that this module owns; it may be that none is set again. */
void tailscale_auth_take_off(struct gh_step *s);

/* Somebody, or something, of the tailnet: goes on by its name, or is refused. */
enum gh_verdict tailscale_auth_member(struct gh_step *s, const struct tailscale_who *w);
/* Comes from outside of the tailnet, and that is certain. */
enum gh_verdict tailscale_auth_outside(struct gh_step *s);
/* Is of the tailnet or was let in by it, and has no name: that is not the public. */
enum gh_verdict tailscale_auth_nameless(struct gh_step *s);

/* Why nobody could say who calls. */
enum tailscale_why {
	TAILSCALE_WHY_TROUBLE,  /* tailscaled does not tell; said in the log */
	TAILSCALE_WHY_HIDDEN,   /* the client's own address is not known */
	TAILSCALE_WHY_UNPROVEN, /* it is, by a word that anyone of the tailnet could have given */
};
enum gh_verdict tailscale_auth_unknown(struct gh_step *s, enum tailscale_why why);

#endif
