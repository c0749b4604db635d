/*
 * What all workers share of logins, over reloads too: which credentials were verified of late,
 * which addresses failed too often, and which credentials are being verified right now. One a
 * process for each size and budget, by gh_shared(). Locks itself; any thread.
 *
 * No password is in it: a credential is known by a hash under a key that the process drew at its
 * start, of the password and of the stored hash, so that whatever changes in the config makes an
 * old entry unfindable.
 */
#ifndef GATEHOUSE_BASIC_AUTH_KEEP_H
#define GATEHOUSE_BASIC_AUTH_KEEP_H

#include <gatehouse/module.h>

#include "secret.h"

enum { BASIC_AUTH_WINDOW_MS = 60000 };

struct basic_auth_keep;
extern const struct gh_shared_type basic_auth_keep_type;

/* Room for so many verified credentials, and for so many failures a minute. The first call counts;
 * all that share a keep ask for the same. */
void basic_auth_keep_size(struct basic_auth_keep *k, size_t verified, int64_t tries);

/* A credential under the process's key. `stored` is the id of the user's stored hash. */
void basic_auth_keep_name(const struct basic_auth_keep *k, const struct basic_auth_digest *stored,
			  struct gh_str password, struct basic_auth_digest *ret_name);
/* Some number for bytes that no one outside can foresee. */
uint64_t basic_auth_keep_number(const struct basic_auth_keep *k, struct gh_str bytes);

/* ---- Verified credentials ---- */

bool basic_auth_verified(struct basic_auth_keep *k, const struct basic_auth_digest *name,
			 int64_t now_ms, int64_t ttl_ms);
/* The oldest makes room. */
void basic_auth_remember(struct basic_auth_keep *k, const struct basic_auth_digest *name,
			 int64_t now_ms);

/* ---- The budget of failures ---- */

/* Which account an address is charged to: IPv6 by its /64; unix sockets and the loopback, which say
 * nothing of who calls, by the user that is tried. */
uint64_t basic_auth_account(const struct basic_auth_keep *k, const struct gh_address *address,
			    struct gh_str user);
/* 0, or for how many ms nothing is left. */
int64_t basic_auth_spent(struct basic_auth_keep *k, uint64_t account, int64_t now_ms);
/* The same, and one try is taken when there is one. */
int64_t basic_auth_charge(struct basic_auth_keep *k, uint64_t account, int64_t now_ms);
void basic_auth_refund(struct basic_auth_keep *k, uint64_t account, int64_t now_ms);

/* ---- Verifications under way ---- */

enum basic_auth_outcome {
	BASIC_AUTH_NO,
	BASIC_AUTH_YES,
	BASIC_AUTH_BUSY, /* nothing is known: there was no place, or no memory */
};

/* One that waits for another's verification; a step's state holds it. */
struct basic_auth_waiter {
	struct gh_wait wait;
	struct basic_auth_flight *flight; /* NULL: waits no more */
	struct basic_auth_waiter *next, *prev;
	enum basic_auth_outcome outcome; /* once resumed */
	bool joined;                     /* ever; only its worker looks */
};

/* Returns NULL after gh_hold(s, then): the same is being verified, and `then` finds the outcome in
 * `waiter`. Or the caller shall verify, and end the flight whatever happens. */
struct basic_auth_flight *basic_auth_join(struct basic_auth_keep *k,
					  const struct basic_auth_digest *name, struct gh_step *s,
					  gh_then *then, struct basic_auth_waiter *waiter);
/* Wakes all that wait. */
void basic_auth_land(struct basic_auth_keep *k, struct basic_auth_flight *flight,
		     enum basic_auth_outcome outcome);
/* The waiter's request is over. */
void basic_auth_leave(struct basic_auth_keep *k, struct basic_auth_waiter *waiter);

#endif
