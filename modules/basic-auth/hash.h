/*
 * A stored password hash: argon2id in PHC form, or bcrypt. Read once, with ceilings on what one
 * verification may cost, then verified on a pool thread. Plain values; pure; any thread.
 */
#ifndef GATEHOUSE_BASIC_AUTH_HASH_H
#define GATEHOUSE_BASIC_AUTH_HASH_H

#include <gatehouse/base.h>

enum {
	BASIC_AUTH_MEMORY_MAX = 262144, /* KiB */
	BASIC_AUTH_PASSES_MAX = 10,
	BASIC_AUTH_LANES_MAX = 4,
	BASIC_AUTH_COST_MIN = 4, /* bcrypt */
	BASIC_AUTH_COST_MAX = 14,
	BASIC_AUTH_BCRYPT_LEN = 60,
	BASIC_AUTH_BCRYPT_PASSWORD = 72, /* bytes after which bcrypt looks at no more */
	BASIC_AUTH_SALT_MAX = 64,
	BASIC_AUTH_TAG_MAX = 64,
};

enum basic_auth_algorithm { BASIC_AUTH_ARGON2ID, BASIC_AUTH_BCRYPT };

struct basic_auth_hash {
	enum basic_auth_algorithm algorithm;
	union {
		struct {
			uint32_t memory, passes, lanes; /* KiB, count, count */
			uint32_t salt_len, tag_len;
			uint8_t salt[BASIC_AUTH_SALT_MAX], tag[BASIC_AUTH_TAG_MAX];
		} argon2;
		char bcrypt[BASIC_AUTH_BCRYPT_LEN + 1];
	};
};

/* 0, or -1 with a sentence in `why` that names the mistake and its mend. The text is not repeated
 * there: it is secret. */
int basic_auth_hash_read(struct gh_str text, struct basic_auth_hash *ret_hash, char *why,
			 size_t size);

enum basic_auth_match {
	BASIC_AUTH_WRONG,
	BASIC_AUTH_RIGHT,
	BASIC_AUTH_FAILED, /* no memory for the computation: nothing is known */
};

/* Costs the same for every password: one whole computation of the hash. Blocks. */
enum basic_auth_match basic_auth_hash_verify(const struct basic_auth_hash *hash,
					     struct gh_str password);

#endif
