/*
 * A thread's event loop and what everything on it shares: one buffer for reads, one for answers that
 * are being put together, a wheel of deadlines, a letter box for other threads, the time of this turn.
 * One a worker, and one for the main thread; used by its own thread alone, but for gh__loop_post().
 */
#ifndef GATEHOUSE_CORE_NET_LOOP_H
#define GATEHOUSE_CORE_NET_LOOP_H

#include <pthread.h>
#include <uv.h>

#include <gatehouse/base.h>

#include "core/base/arena.h"
#include "core/base/list.h"

struct gh__loop;
struct gh__out;

enum {
	GH__READ_SIZE =
		60
		<< 10, /* what one read takes; with framing, under the 64 KiB a slow reader may hold */
	GH__SLOTS = 512,
	GH__TICK_MS = 50,
	GH__SCRATCH = 16 << 10,
};

/* A moment on the monotonic clock at which `fire` is called, on the loop's thread, up to GH__TICK_MS
 * late. Moving it later costs one store: the wheel looks at the number when it comes by. */
struct gh__deadline {
	struct gh__list link;
	uint64_t at;    /* ms; 0: none */
	uint64_t visit; /* when the wheel comes by */
	void (*fire)(struct gh__deadline *d);
};

/* Something to do at the end of this turn, when no caller up the stack holds on to what goes away.
 * Asked for twice it is done once. */
struct gh__later {
	struct gh__list link;
	void (*run)(struct gh__later *later);
};

/* Something for a loop to do, from any thread; its memory is the sender's until `open` is called. */
struct gh__letter {
	struct gh__letter *next;
	void (*open)(struct gh__loop *loop, struct gh__letter *letter);
};

struct gh__loop {
	uv_loop_t uv;
	uv_async_t wake;
	uv_timer_t tick;
	uv_check_t after;
	struct gh__list later;
	void (*on_turn)(struct gh__loop *loop); /* at the end of each turn; NULL: nothing */
	uint64_t now;                           /* ms, monotonic, as of this turn */
	bool frozen;                            /* for tests: `now` moves by hand alone */
	int64_t wall;                           /* seconds since 1970, at most a turn old */
	char date[32];                          /* of `wall`, as HTTP writes it */
	char *in;                               /* GH__READ_SIZE bytes: what was just read */
	struct gh__list slots[GH__SLOTS];
	uint64_t turned;  /* the wheel stands here, in ticks */
	size_t deadlines; /* in the wheel */
	pthread_mutex_t box_lock;
	struct gh__letter *box, **box_end;
	struct gh__block *blocks; /* memory of ended requests, for the next ones */
	unsigned block_count;
	unsigned char entropy[512];
	unsigned entropy_left;
	struct gh__arena scratch; /* see gh__loop_scratch() */
	char *scratch_memory;
	struct gh__out *out; /* the answer that is being put together */
	void *tls_room;      /* of tls.c; NULL until it is needed */
	void *http2_room;    /* of http2_memory.c; the same */
	void *owner;         /* of the floor above: its worker */
};

int gh__loop_init(struct gh__loop *l);
/* All handles but the loop's own must be closing. Runs the loop until they are closed. */
void gh__loop_finish(struct gh__loop *l);

static inline void gh__later_init(struct gh__later *later, void (*run)(struct gh__later *))
{
	gh__list_init(&later->link);
	later->run = run;
}
static inline void gh__loop_later(struct gh__loop *l, struct gh__later *later)
{
	if (gh__list_empty(&later->link))
		gh__list_add(&l->later, &later->link);
}

void gh__loop_post(struct gh__loop *l, struct gh__letter *letter);
/* Takes the time of this turn; each callback from libuv begins with it. */
static inline void gh__loop_touch(struct gh__loop *l)
{
	if (!l->frozen)
		l->now = uv_now(&l->uv);
}
/* Turns the wheel to `now`, and ends the turn. */
void gh__loop_tick(struct gh__loop *l);

void gh__deadline_init(struct gh__deadline *d, void (*fire)(struct gh__deadline *d));
void gh__deadline_set(struct gh__loop *l, struct gh__deadline *d, uint64_t ms_from_now);
static inline void gh__deadline_clear(struct gh__deadline *d)
{
	d->at = 0;
}
void gh__deadline_finish(struct gh__loop *l, struct gh__deadline *d); /* takes it off the wheel */

/* Blocks of GH__BLOCK bytes for requests, kept for the next one. */
enum { GH__BLOCK = 1680, GH__BLOCKS_KEPT = 256 };
void *gh__block_get(struct gh__loop *l);
void gh__block_put(struct gh__loop *l, void *block);

/* An empty arena for what is done with before anything else asks for it. */
struct gh__arena *gh__loop_scratch(struct gh__loop *l);

void gh__loop_random(struct gh__loop *l, void *to, size_t size); /* fit for keys */

#endif
