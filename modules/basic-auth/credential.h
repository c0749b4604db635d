/*
 * What a client shows to be let in: a user with a password, or a key. Read from the header fields
 * of one request into the caller's memory, which wipes it. Pure; any thread.
 */
#ifndef GATEHOUSE_BASIC_AUTH_CREDENTIAL_H
#define GATEHOUSE_BASIC_AUTH_CREDENTIAL_H

#include <gatehouse/request.h>

enum {
	BASIC_AUTH_USER_MAX = 255,
	BASIC_AUTH_PASSWORD_MAX = 1024,
	BASIC_AUTH_KEY_MAX = 1024,
};

enum basic_auth_kind {
	BASIC_AUTH_NONE,     /* nothing was shown */
	BASIC_AUTH_PASSWORD, /* Basic: `user` and `secret` */
	BASIC_AUTH_KEY,      /* Bearer or x-api-key: `secret` */
	BASIC_AUTH_BAD,      /* something was shown that is no credential; `reason` says why */
};

struct basic_auth_credential {
	enum basic_auth_kind kind;
	/* The client speaks Basic, well or badly: it understands a challenge. */
	bool basic;
	const char *reason;
	struct gh_str user;   /* in `room` */
	struct gh_str secret; /* in `room`, or in the header's value */
	char room[BASIC_AUTH_USER_MAX + 1 + BASIC_AUTH_PASSWORD_MAX + 3];
};

/* Authorization counts before x-api-key; two fields of one name are BAD, since two readers could
 * take one each. Sets all but what of `room` is not needed. */
void basic_auth_credential_read(const struct gh_headers *headers,
				struct basic_auth_credential *ret_credential);

/* Strict base64 with padding; `to` holds text.len / 4 * 3 bytes. The length, or -1. */
int basic_auth_base64(struct gh_str text, char *to);

#endif
