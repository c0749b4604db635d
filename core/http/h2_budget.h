/*
 * What a client of HTTP/2 may do for nothing. Each kind of cost is a bucket that leaks: so many at
 * once, so many a second; what a client does in earnest (finished requests, data that it takes) earns
 * some back. Who is over budget is told to calm down, and the connection ends. Browsers, SDKs, gRPC
 * and load generators at 100 streams stay far below. Pure; embedded in a connection.
 */
#ifndef GATEHOUSE_CORE_HTTP_H2_BUDGET_H
#define GATEHOUSE_CORE_HTTP_H2_BUDGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum gh__h2_cost {
	GH__H2_RESET,    /* RST_STREAM of the client: rapid reset */
	GH__H2_PROVOKED, /* a stream error that the client's frames made the gateway send */
	GH__H2_REFUSAL,  /* a head that was refused */
	GH__H2_PING,
	GH__H2_SETTINGS,
	GH__H2_EMPTY,  /* DATA without data that does not end its stream */
	GH__H2_WINDOW, /* WINDOW_UPDATE */
	GH__H2_IDLE,   /* PRIORITY, and frames that nobody knows */
	GH__H2_STRAY,  /* DATA and HEADERS for streams that are over */
	GH__H2_BOMB,   /* a head that is far larger than what came for it */
	GH__H2_COSTS
};

struct gh__h2_budget {
	/* When each bucket is empty again, in microseconds; before now: it is. */
	uint64_t empty_at[GH__H2_COSTS];
};

/* One more of these, at `now` (ms). False: over budget. */
bool gh__h2_spend(struct gh__h2_budget *b, enum gh__h2_cost cost, uint64_t now);
/* Gives `count` back. */
void gh__h2_earn(struct gh__h2_budget *b, enum gh__h2_cost cost, unsigned count);

/* How a head may be cut up: frames and compressed bytes in all. */
struct gh__h2_block {
	uint32_t frames;
	size_t bytes;
};
/* The next HEADERS or CONTINUATION of one head; zeroed to begin. False: no head of `max_head` bytes
 * needs that. */
bool gh__h2_block_grows(struct gh__h2_block *block, size_t frame, size_t max_head);
/* Whether a head that decoded to so many bytes is one that no client in earnest sends: it could only
 * name the same few fields of its table again and again. */
bool gh__h2_block_is_bomb(const struct gh__h2_block *block, size_t decoded);

#endif
