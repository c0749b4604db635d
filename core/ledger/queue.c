#include "core/ledger/queue.h"

#include "core/base/memory.h"

/* ---- rows ---- */

/* A row without its texts, which follow it, and zeros to the next word. What is before `status` does not
 * tell whether requests are alike. */
struct gh__ledger_packed {
	int64_t at;
	uint32_t requests;
	int32_t status;
	int64_t input, cached, output, waited, first_token, duration;
	uint16_t caller, route, model, upstream; /* lengths */
	uint32_t end, estimated;
};

enum {
	WORD = sizeof(uint64_t),
	ALIKE = offsetof(struct gh__ledger_packed, status),
	TEXTS = GH__LEDGER_CALLER + GH__LEDGER_ROUTE + GH__LEDGER_MODEL + GH__LEDGER_UPSTREAM,
	SECOND = 1000,
};
_Static_assert(sizeof(struct gh__ledger_packed) == 10 * WORD, "no gaps in it");

struct longest {
	struct gh__ledger_packed p;
	char texts[TEXTS + WORD];
};

static size_t size_of(const struct gh__ledger_packed *p)
{
	size_t size = sizeof *p + p->caller + p->route + p->model + p->upstream;

	return (size + WORD - 1) / WORD * WORD;
}

struct gh_str gh__ledger_cut(struct gh_str s, size_t most)
{
	if (s.len <= most)
		return s;
	while (most > 0 && ((unsigned char)s.at[most] & 0xc0) == 0x80)
		most--;
	return gh_str_slice(s, 0, most);
}

/* A chunk that has room for so many bytes at the end, or NULL. */
static struct gh__ledger_chunk *chunk_for(struct gh__ledger_rows *q, size_t size)
{
	struct gh__ledger_chunk *c = q->last;

	if (c && size <= sizeof(c->memory) - c->used)
		return c;
	if (q->chunks == GH__LEDGER_CHUNKS)
		return NULL;
	c = q->spare ? q->spare : gh__alloc(sizeof *c);
	q->spare = NULL;
	c->next = NULL;
	c->used = 0;
	if (q->last)
		q->last->next = c;
	else
		q->first = c;
	q->last = c;
	q->chunks++;
	return c;
}

static char *put(char *to, struct gh_str s)
{
	if (s.len)
		memcpy(to, s.at, s.len);
	return to + s.len;
}

static void pack(struct longest *to, const struct gh__ledger_row *row)
{
	struct gh_str caller = gh__ledger_cut(row->caller, GH__LEDGER_CALLER);
	struct gh_str route = gh__ledger_cut(row->route, GH__LEDGER_ROUTE);
	struct gh_str model = gh__ledger_cut(row->model, GH__LEDGER_MODEL);
	struct gh_str upstream = gh__ledger_cut(row->upstream, GH__LEDGER_UPSTREAM);

	to->p = (struct gh__ledger_packed){
		.at = row->at,
		.requests = 1,
		.status = row->status,
		.input = row->usage.input,
		.cached = row->usage.cached,
		.output = row->usage.output,
		.waited = row->waited_ms,
		.first_token = row->first_token_ms,
		.duration = row->duration_ms,
		.caller = (uint16_t)caller.len,
		.route = (uint16_t)route.len,
		.model = (uint16_t)model.len,
		.upstream = (uint16_t)upstream.len,
		.end = row->end,
		.estimated = row->usage.estimated,
	};
	char *end = put(put(put(put(to->texts, caller), route), model), upstream);
	memset(end, 0, WORD);
}

/* A place in `recent`; two kinds of rows that share one only miss each other. */
static size_t place_of(const struct longest *row, size_t size)
{
	uint64_t hash = 0, word;

	for (size_t i = ALIKE + sizeof row->p.status; i < size; i += WORD) {
		memcpy(&word, (const char *)row + i, WORD);
		hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
		hash ^= hash >> 32;
	}
	return hash & (GH__LEDGER_RECENT - 1);
}

static bool is_alike(const struct gh__ledger_packed *a, const struct gh__ledger_packed *b)
{
	return a->at / SECOND == b->at / SECOND &&
	       memcmp((const char *)a + ALIKE, (const char *)b + ALIKE, sizeof *a - ALIKE) == 0 &&
	       memcmp(a + 1, b + 1, size_of(a) - sizeof *a) == 0;
}

int gh__ledger_rows_put(struct gh__ledger_rows *q, const struct gh__ledger_row *row, size_t limit)
{
	struct longest new;
	struct gh__ledger_chunk *c;

	pack(&new, row);
	size_t size = size_of(&new.p);
	struct gh__ledger_packed **recent = q->recent + place_of(&new, size);
	if (*recent && is_alike(*recent, &new.p) && (*recent)->requests < UINT32_MAX) {
		(*recent)->requests++;
		q->requests++;
		return 0;
	}
	if (q->rows >= limit || !(c = chunk_for(q, size)))
		return -1;
	*recent = memcpy(c->memory + c->used, &new, size);
	c->used += (uint32_t)size;
	q->rows++;
	q->requests++;
	return 0;
}

void gh__ledger_rows_move(struct gh__ledger_rows *from, struct gh__ledger_rows *to)
{
	struct gh__ledger_chunk *spare = from->spare;

	to->first = from->first;
	to->last = from->last;
	to->rows = from->rows;
	to->requests = from->requests;
	to->chunks = from->chunks;
	*from = (struct gh__ledger_rows){ .spare = spare };
}

uint32_t gh__ledger_rows_next(const struct gh__ledger_chunk *c, uint32_t *at,
			      struct gh__ledger_row *ret_row)
{
	const struct gh__ledger_packed *p = (const void *)(c->memory + *at);

	if (*at >= c->used)
		return 0;
	const char *text = (const char *)(p + 1);
	*ret_row = (struct gh__ledger_row){
		.at = p->at,
		.caller = { text, p->caller },
		.route = { text + p->caller, p->route },
		.model = { text + p->caller + p->route, p->model },
		.upstream = { text + p->caller + p->route + p->model, p->upstream },
		.usage = { p->input, p->cached, p->output, p->estimated != 0 },
		.waited_ms = p->waited,
		.first_token_ms = p->first_token,
		.duration_ms = p->duration,
		.status = p->status,
		.end = (enum gh__ledger_end)p->end,
	};
	*at += (uint32_t)size_of(p);
	return p->requests;
}

static void free_chunks(struct gh__ledger_chunk *c)
{
	for (struct gh__ledger_chunk *next; c; c = next) {
		next = c->next;
		gh__free(c);
	}
}

void gh__ledger_rows_clear(struct gh__ledger_rows *q, struct gh__ledger_rows *keep)
{
	struct gh__ledger_chunk *c = q->first;

	if (c && !keep->spare) {
		keep->spare = c;
		c = c->next;
	}
	free_chunks(c);
	*q = (struct gh__ledger_rows){ .spare = q->spare };
}

void gh__ledger_rows_finish(struct gh__ledger_rows *q)
{
	free_chunks(q->first);
	gh__free(q->spare);
	*q = (struct gh__ledger_rows){ 0 };
}

/* ---- debts ---- */

int gh__ledger_table(struct gh__ledger_tables *t, struct gh_str name)
{
	for (size_t i = 0; i < t->count; i++)
		if (gh_str_eq(t->names[i], name))
			return (int)i;
	if (t->count == GH__LEDGER_TABLES || name.len > GH__LEDGER_TABLE)
		return -1;
	t->names[t->count] = (struct gh_str){ gh__strndup(name.at, name.len), name.len };
	return (int)t->count++;
}

void gh__ledger_tables_finish(struct gh__ledger_tables *t)
{
	for (size_t i = 0; i < t->count; i++)
		gh__free((void *)(uintptr_t)t->names[i].at);
	t->count = 0;
}

/* Keys are keyed hashes, so nobody from outside can make them collide. */
static size_t slot_of(const struct gh__ledger_owing *o, size_t slots)
{
	uint64_t n;

	memcpy(&n, o->key, sizeof n);
	n ^= ((uint64_t)o->table << 32 | o->limit) * 0x9e3779b97f4a7c15u;
	return (n ^ n >> 32) & (slots - 1);
}

static bool is_same(const struct gh__ledger_owing *a, const struct gh__ledger_owing *b)
{
	return a->limit == b->limit && a->table == b->table &&
	       memcmp(a->key, b->key, sizeof a->key) == 0;
}

/* Where it is, or the free slot for it. */
static uint32_t *find(struct gh__ledger_debts *d, const struct gh__ledger_owing *o)
{
	size_t slots = 2 * d->room, i = slot_of(o, slots);

	while (d->slots[i] && !is_same(d->items + d->slots[i] - 1, o))
		i = (i + 1) & (slots - 1);
	return d->slots + i;
}

static void grow(struct gh__ledger_debts *d)
{
	d->room = d->room ? 2 * d->room : 64; /* a power of two, as slots are */
	d->items = gh__realloc(d->items, d->room * sizeof *d->items);
	gh__free(d->slots);
	d->slots = gh__zalloc(2 * d->room * sizeof *d->slots);
	for (size_t i = 0; i < d->count; i++)
		*find(d, d->items + i) = (uint32_t)i + 1;
}

int gh__ledger_debts_put(struct gh__ledger_debts *d, const struct gh__ledger_owing *o)
{
	uint32_t *slot = d->room ? find(d, o) : NULL;

	if (slot && *slot) {
		d->items[*slot - 1] = *o;
		return 0;
	}
	if (d->count == GH__LEDGER_DEBTS)
		return -1;
	if (d->count == d->room) {
		grow(d);
		slot = find(d, o);
	}
	d->items[d->count++] = *o;
	*slot = (uint32_t)d->count;
	return 0;
}

void gh__ledger_debts_clear(struct gh__ledger_debts *d)
{
	if (d->room > 1024)
		gh__ledger_debts_finish(d);
	else if (d->count)
		memset(d->slots, 0, 2 * d->room * sizeof *d->slots);
	d->count = 0;
}

void gh__ledger_debts_finish(struct gh__ledger_debts *d)
{
	gh__free(d->items);
	gh__free(d->slots);
	*d = (struct gh__ledger_debts){ 0 };
}
