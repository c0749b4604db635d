/*
 * What is known of one tailscaled: one for all entries that name its socket, over reloads, in
 * gh_shared(). The main thread (at_hand) and renewal threads share it under `lock`, which nobody
 * holds while waiting for tailscaled or a disk; only who set `asking` changes what is not a pair.
 */
#ifndef TSNET_CERT_MEMORY_H
#define TSNET_CERT_MEMORY_H

#include <pthread.h>

#include <gatehouse/module.h>

#include "pair.h"
#include "plan.h"
#include "sentence.h"

/* One name. Never removed while the memory is there, so a pointer to it stays. */
struct tsnet_held {
	struct tsnet_held *next;
	char name[TSNET_NAME_SIZE];
	struct tsnet_pair *pair; /* NULL: none yet */
	uint64_t serial;         /* of the pair: what came later is higher */
	bool kept;               /* the pair is on disk */
	struct tsnet_plan plan;
	int64_t due; /* tsnet_now_ms(); 0: now */
	struct tsnet_sentence trouble;
};

struct tsnet_memory {
	pthread_mutex_t lock;
	bool asking;
	uint64_t serial; /* the highest of all pairs */
	struct tsnet_names domains;
	bool domains_told;      /* by tailscaled, not by what is on disk */
	struct tsnet_plan plan; /* of asking for the status */
	int64_t due;
	struct tsnet_sentence trouble;     /* of the status */
	struct tsnet_sentence not_written; /* of the disk */
	struct tsnet_held *held;
	size_t held_count;
};

extern const struct gh_shared_type tsnet_memory_type;

/* Does not stand still while the machine sleeps. */
int64_t tsnet_now_ms(void);

/* NULL: there is none; with `make`: there are too many. Under the lock. */
struct tsnet_held *tsnet_memory_find(struct tsnet_memory *m, const char *name);
struct tsnet_held *tsnet_memory_have(struct tsnet_memory *m, const char *name);
/* Takes the reference. Under the lock. */
void tsnet_memory_put(struct tsnet_memory *m, struct tsnet_held *h, struct tsnet_pair *pair);

/* One more reference, under the lock; and one less, which takes the lock. Takes NULL. */
struct tsnet_pair *tsnet_memory_ref(struct tsnet_pair *p);
void tsnet_memory_unref(struct tsnet_memory *m, struct tsnet_pair *p);

#endif
