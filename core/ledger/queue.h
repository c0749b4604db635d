/*
 * What waits in memory for the ledger's thread: rows, packed one after another into chunks, and debts,
 * of which only the newest counts. Both are bounded. Plain memory, no lock: the ledger holds its own.
 */
#ifndef GATEHOUSE_CORE_LEDGER_QUEUE_H
#define GATEHOUSE_CORE_LEDGER_QUEUE_H

#include "core/ledger/ledger.h"

enum {
	GH__LEDGER_ROWS = 100000,      /* in memory */
	GH__LEDGER_CHUNK = (64 << 10), /* bytes, some 400 rows */
	GH__LEDGER_CHUNKS = 512,       /* 32 MiB, when all texts are of the longest */
	GH__LEDGER_RECENT = 256,       /* rows that further requests may join; a power of two */
	GH__LEDGER_DEBTS = 100000,     /* in memory */
	GH__LEDGER_TABLES = 256,       /* names of tables */
};

/* ---- rows ---- */

struct gh__ledger_chunk {
	struct gh__ledger_chunk *next;
	uint32_t used;                                  /* bytes of `memory` */
	_Alignas(8) char memory[GH__LEDGER_CHUNK - 16]; /* rows, whole words each */
};

struct gh__ledger_packed;

struct gh__ledger_rows {
	struct gh__ledger_chunk *first, *last, *spare;
	size_t rows, requests, chunks;
	struct gh__ledger_packed *recent[GH__LEDGER_RECENT]; /* by a hash; NULL: none */
};

/* Adds a request: to a recent row that is alike, or as a row of its own, its texts cut to their limits.
 * 0, or -1: `rows` or the memory is at its limit. */
int gh__ledger_rows_put(struct gh__ledger_rows *q, const struct gh__ledger_row *row, size_t limit);
/* All of `from` moves to the empty `to`, where no request joins it any more. */
void gh__ledger_rows_move(struct gh__ledger_rows *from, struct gh__ledger_rows *to);
/* The row at `*at` of a chunk, where 0 is the first; its texts are the chunk's. Returns how many requests
 * it stands for; 0: there is none. */
uint32_t gh__ledger_rows_next(const struct gh__ledger_chunk *c, uint32_t *at,
			      struct gh__ledger_row *ret_row);
/* All go; `keep` takes a chunk as its spare, where it has none. */
void gh__ledger_rows_clear(struct gh__ledger_rows *q, struct gh__ledger_rows *keep);
void gh__ledger_rows_finish(struct gh__ledger_rows *q);

/* ---- debts ---- */

struct gh__ledger_owing {
	uint8_t key[GH__LEDGER_KEY];
	uint32_t limit;
	uint32_t table; /* its place in a struct gh__ledger_tables */
	int64_t owed, seen, until;
};

/* Names of tables, which are few and stay. */
struct gh__ledger_tables {
	struct gh_str names[GH__LEDGER_TABLES];
	size_t count;
};
/* Its place, or -1: it is too long, or there are too many. */
int gh__ledger_table(struct gh__ledger_tables *t, struct gh_str name);
void gh__ledger_tables_finish(struct gh__ledger_tables *t);

/* The newest of each table, key and limit. Zeroed to begin. */
struct gh__ledger_debts {
	struct gh__ledger_owing *items;
	uint32_t *slots;    /* places in `items` from 1; 0: free */
	size_t count, room; /* there are twice as many slots */
};

/* 0, or -1: there are too many. */
int gh__ledger_debts_put(struct gh__ledger_debts *d, const struct gh__ledger_owing *o);
/* Takes all out; memory that is not much stays. */
void gh__ledger_debts_clear(struct gh__ledger_debts *d);
void gh__ledger_debts_finish(struct gh__ledger_debts *d);

#endif
