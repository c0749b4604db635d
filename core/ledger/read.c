/* Debts and secrets, read on the main thread. */
#include <gatehouse/module.h>

#include "core/base/memory.h"
#include "core/ledger/inside.h"

struct reading {
	struct gh_str table;
	void (*each)(void *arg, const struct gh__ledger_debt *debt);
	void *arg;
};

static void tell_owing(struct gh__ledger *l, const struct gh__ledger_debts *d,
		       const struct reading *r)
{
	for (size_t i = 0; i < d->count; i++) {
		const struct gh__ledger_owing *o = d->items + i;
		struct gh__ledger_debt debt = { .table = r->table,
						.limit = o->limit,
						.owed = o->owed,
						.seen = o->seen,
						.until = o->until };
		if (!gh_str_eq(gh__ledger_table_name(l, o->table), r->table))
			continue;
		memcpy(debt.key, o->key, sizeof debt.key);
		r->each(r->arg, &debt);
	}
}

/* What waits is newer than what the file says. It is copied: `each` may take locks under which others
 * put debts. */
static void tell_waiting(struct gh__ledger *l, const struct reading *r)
{
	struct gh__ledger_debts copy = { 0 };

	tell_owing(l, &l->owing, r);
	pthread_mutex_lock(&l->lock);
	copy.count = l->debts.count;
	if (copy.count) {
		copy.items = gh__alloc(copy.count * sizeof *copy.items);
		memcpy(copy.items, l->debts.items, copy.count * sizeof *copy.items);
	}
	pthread_mutex_unlock(&l->lock);
	tell_owing(l, &copy, r);
	gh__free(copy.items);
}

static enum gh__ledger_result read_debts(struct gh__ledger *l, void *arg)
{
	const struct reading *r = arg;

	return gh__ledger_file_debts(&l->file, r->table, gh__ledger_clock(CLOCK_REALTIME), r->each,
				     r->arg);
}

void gh__ledger_read_debts(struct gh__ledger *l, struct gh_str table,
			   void (*each)(void *arg, const struct gh__ledger_debt *debt), void *arg)
{
	struct reading r = { table, each, arg };

	if (!l->open)
		return;
	pthread_mutex_lock(&l->file_lock);
	(void)gh__ledger_flush(l);
	(void)gh__ledger_with_file(l, GH__LEDGER_IF_THERE, read_debts, &r);
	tell_waiting(l, &r);
	pthread_mutex_unlock(&l->file_lock);
}

static struct gh__ledger_secret *find_secret(struct gh__ledger *l, struct gh_str name, size_t size)
{
	for (struct gh__ledger_secret *s = l->secrets; s; s = s->next)
		if (gh_str_eq(s->name, name) && s->size == size)
			return s;
	return NULL;
}

static enum gh__ledger_result look_up(struct gh__ledger *l, void *arg)
{
	struct gh__ledger_secret *s = arg;

	return gh__ledger_file_secret(&l->file, s->name, s->bytes, s->size);
}

void gh__ledger_secret(struct gh__ledger *l, struct gh_str name, void *bytes, size_t size)
{
	GH_CHECK(size <= GH__LEDGER_SECRET);
	pthread_mutex_lock(&l->file_lock);
	struct gh__ledger_secret *s = find_secret(l, name, size);
	if (!s) {
		s = gh__zalloc(sizeof *s);
		s->name = (struct gh_str){ gh__strndup(name.at, name.len), name.len };
		s->size = size;
		s->next = l->secrets;
		l->secrets = s;
		if (!l->open ||
		    gh__ledger_with_file(l, GH__LEDGER_IF_THERE, look_up, s) != GH__LEDGER_OK) {
			gh_random(s->bytes, size);
			s->unsaved = l->unsaved = l->open;
		}
		if (s->unsaved)
			(void)gh__ledger_flush(l);
	}
	memcpy(bytes, s->bytes, size);
	pthread_mutex_unlock(&l->file_lock);
}
