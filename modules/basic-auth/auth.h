/*
 * The instance, and what a request comes to: let in, sent away, or asked to come back. Each answer
 * is given once a request, on its worker.
 */
#ifndef GATEHOUSE_BASIC_AUTH_AUTH_H
#define GATEHOUSE_BASIC_AUTH_AUTH_H

#include <gatehouse/budget.h>

#include "credential.h"
#include "keep.h"
#include "shelf.h"

enum auth_for { AUTH_FOR_EVERYONE, AUTH_FOR_STRANGERS };

struct auth {
	/* options */
	struct gh_pairs users, keys;
	struct gh_str credentials, realm, upstream_key;
	struct gh_duration cache_ttl;
	int64_t cache_size, max_tries;
	struct gh_choice whom; /* enum auth_for; `for` in YAML */

	/* made by provision */
	struct gh_str challenge, authorization;
	struct basic_auth_keep *keep;
	struct basic_auth_shelf *shelf; /* what changes without a reload stands behind it */
	struct gh_budgets *budgets;     /* of what is bound to limits; NULL where nothing can be */
	struct gh_metric *accepted, *denied, *limited, *refused, *hashes;
};

struct auth_local {
	struct basic_auth_reader *reader;
	struct basic_auth_recent recent;
};

enum basic_auth_user_is { BASIC_AUTH_UNKNOWN, BASIC_AUTH_KNOWN };

/* Of a password that is being verified. */
struct auth_login {
	struct basic_auth_waiter waiter;
	struct gh_str user;
	struct basic_auth_digest id; /* of the user */
	enum basic_auth_user_is is;
};

struct auth_state {
	struct auth_login *login;    /* NULL: there was a key, or nothing */
	struct gh_take_budget *take; /* NULL: of a caller without limits */
};

enum basic_auth_as { BASIC_AUTH_AS_USER, BASIC_AUTH_AS_KEY };

/* Is the client one that understands a Basic challenge, since it has sent Basic itself? */
enum basic_auth_speaks { BASIC_AUTH_SPEAKS_OTHER, BASIC_AUTH_SPEAKS_BASIC };

/* The gateway's own credentials go no further, whatever becomes of the request. */
void basic_auth_take_off(struct gh_step *s);

/* Whose credential is right. */
struct basic_auth_who {
	enum basic_auth_as as;
	enum basic_auth_speaks speaks;
	struct gh_str name;
	const struct basic_auth_bound *bound; /* NULL: to nothing */
};
/* Copies what it needs of the book. Sends away whose day is over, and whose limit is reached. */
enum gh_verdict basic_auth_accept(struct gh_step *s, const struct basic_auth_who *who);
enum gh_verdict basic_auth_accept_key(struct gh_step *s, const struct basic_auth_key *key,
				      enum basic_auth_speaks speaks);
/* A user and a password, or a key in the place of the password; login.c. */
enum gh_verdict basic_auth_check_password(struct gh_step *s, const struct basic_auth_credential *c);
/* What was taken of a limit: at the end, and when the client left while this step waited. */
void basic_auth_charge_budget(struct gh_step *s);
void basic_auth_give_back_budget(struct gh_step *s);
/* Nothing was sent: no failed login, since browsers begin like this. */
enum gh_verdict basic_auth_ask(struct gh_step *s);
enum gh_verdict basic_auth_deny(struct gh_step *s, enum basic_auth_speaks speaks,
				struct gh_str user, const char *reason);
enum gh_verdict basic_auth_too_many(struct gh_step *s, struct gh_str user, int64_t ms);
/* There was no place to verify. */
enum gh_verdict basic_auth_busy(struct gh_step *s);

#endif
