/*
 * What a certificate authority does: keys, certificates and whether one fits. Texts in, texts out; it
 * touches no file. Any thread.
 */
#ifndef GATEHOUSE_INTERNAL_ISSUE_H
#define GATEHOUSE_INTERNAL_ISSUE_H

#include <gatehouse/module.h>

enum {
	INTERNAL_DAY = 24 * 3600,
	INTERNAL_CA_DAYS = 3650,
	INTERNAL_LEAF_DAYS = 90,
	INTERNAL_NAMES = 32,
	INTERNAL_CHAIN = 16384,
	INTERNAL_KEY = 512,
};

/* PEM, terminated. */
struct internal_pair {
	char chain[INTERNAL_CHAIN];
	char key[INTERNAL_KEY];
};

/* 0, or -1 and a sentence in `why`. */
int internal_make_ca(struct internal_pair *ret_ca, char *why, size_t size);
int internal_issue(const struct internal_pair *ca, const struct gh_strings *names,
		   struct internal_pair *ret_leaf, char *why, size_t size);

/* Whether it is an authority's certificate with its key. 0 and when it ends, or -1. */
int internal_check_ca(const struct internal_pair *ca, int64_t *ret_not_after);
/* Whether `ca` signed it for exactly these names, and it is valid now. 0 and its life, or -1. */
int internal_check_leaf(const struct internal_pair *ca, const struct internal_pair *leaf,
			const struct gh_strings *names, struct gh_certificate_life *ret_life);

#endif
