/*
 * A certificate with its chain and its key, taken out of PEM text in which they may stand in any
 * order. Read-only once made; whoever shares it counts it (memory.h). The key is wiped at the end.
 */
#ifndef TSNET_CERT_PAIR_H
#define TSNET_CERT_PAIR_H

#include <gatehouse/base.h>

enum {
	TSNET_PAIR_MAX = 64 << 10, /* bytes of PEM text */
	TSNET_CHAIN_MAX = 8,       /* certificates */
};

struct tsnet_pair {
	struct gh_str chain, key;      /* PEM */
	int64_t not_before, not_after; /* of the leaf; seconds since 1970 */
	char *memory;
	size_t size;
	unsigned refs; /* memory.c's, under its lock */
};

/* NULL and a short reason in `why` when the text is not one certificate for `name` (lower case)
 * with its chain and its key. One that ran out is made: its owner looks at the dates. */
struct tsnet_pair *tsnet_pair_create(struct gh_str pem, const char *name, char *why, size_t size);
void tsnet_pair_destroy(struct tsnet_pair *p); /* takes NULL */

/* Puts chain and key apart into `into`, which has room for text.len + 1 bytes: the chain first, each
 * block ending in a newline, each of the two terminated by what follows it or the end. Text outside
 * of blocks is left out. 0, or -1 and a short reason. */
int tsnet_pem_split(struct gh_str text, char *into, struct gh_str *ret_chain,
		    struct gh_str *ret_key, char *why, size_t size);

#endif
