/*
 * The last list of models that a server gave, for all workers and over reloads; and that it is asked once
 * where many want to know at the same time. One for each upstream, of the process. Locks itself; times are
 * gh_now_ms().
 */
#ifndef OPENAI_PROXY_LIST_KEEP_H
#define OPENAI_PROXY_LIST_KEEP_H

#include <gatehouse/module.h>

#include "list_read.h"

enum {
	OPENAI_LIST_FRESH_MS = 10000, /* no server is asked more often */
	OPENAI_LIST_STALE_MS =
		3600000, /* how long a list is good whose server does not answer any more */
};

struct openai_list_keep;
extern const struct gh_shared_type openai_list_keep_type;

/* A request that waits for another one's answer; in its own memory. */
struct openai_list_waiter {
	struct openai_list_keep *at; /* NULL: it never waited */
	bool linked;                 /* this and the next: under the lock of that */
	struct openai_list_waiter *prev, *next;
	struct gh_wait wait;
};

enum openai_list_turn {
	OPENAI_LIST_USE,  /* what is kept is good enough, or nothing better is to be had */
	OPENAI_LIST_ASK,  /* the caller shall ask, and say so by openai_list_land() or _drop() */
	OPENAI_LIST_WAIT, /* gh_hold() was called with `then`: another one asks */
};
/* Where the server was asked less than `fresh_ms` ago, also without success, nobody asks again. */
enum openai_list_turn openai_list_join(struct openai_list_keep *k, struct gh_step *s,
				       int64_t fresh_ms, gh_then *then,
				       struct openai_list_waiter *waiter);
/* What came: a list, whose reference is taken over, or NULL. True: it has none now that could be used, which
 * the log was not told yet. */
bool openai_list_land(struct openai_list_keep *k, int64_t now_ms, struct openai_list *list);
/* Nothing came, since the client left that asked: the next one shall. */
void openai_list_drop(struct openai_list_keep *k);
/* It waits no longer; takes one that never did. */
void openai_list_leave(struct openai_list_waiter *waiter);

/* A reference to what is kept, if it was read less than `most_ms` ago; or NULL. */
struct openai_list *openai_list_get(struct openai_list_keep *k, int64_t now_ms, int64_t most_ms);

#endif
