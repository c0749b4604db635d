/*
 * One round of questions to tailscaled: its status, and the certificates that are due. Renewal
 * thread; it blocks, with a deadline on each question.
 */
#ifndef TSNET_CERT_ASK_H
#define TSNET_CERT_ASK_H

#include "memory.h"

enum {
	TSNET_STATUS_WITHIN_MS = 10 * 1000,
	TSNET_CERT_WITHIN_MS = 60 * 1000, /* a first one is issued while one waits */
};

struct tsnet_asker {
	struct tsnet_memory *memory;
	const char *socket;
	struct gh_str state_dir;
	const struct tsnet_names *chosen; /* empty: all that tailscaled has */
	int64_t status_within_ms, cert_within_ms;
	bool (*stopping)(const void *arg);
	const void *arg;
};

/* The names that this asker is for, as far as they are known. Under the memory's lock. */
void tsnet_ask_wanted(const struct tsnet_asker *a, struct tsnet_names *ret_names);

/* Asks what is due. In how many ms something is again, at least a second; what is wrong stands in
 * the memory then. Another asker at the same time: nothing is asked, a second. */
int64_t tsnet_ask_due(const struct tsnet_asker *a);

/* Ends the waits after failures, but for those that an answer asked for: someone who mended
 * something has the config read again. */
void tsnet_ask_hurry(struct tsnet_memory *m);

#endif
