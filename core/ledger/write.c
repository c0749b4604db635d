/* What waits goes into the file: the ledger's thread does this, and the main thread before it reads. */
#include <gatehouse/module.h>

#include "core/base/log.h"
#include "core/base/memory.h"
#include "core/ledger/inside.h"

enum { TRIES = 3 /* after a file was moved aside */ };

struct gh_str gh__ledger_table_name(struct gh__ledger *l, uint32_t table)
{
	pthread_mutex_lock(&l->lock);
	struct gh_str name = l->tables.names[table];
	pthread_mutex_unlock(&l->lock);
	return name;
}

/* What is there becomes what is being written, where nothing is left over of the last time. */
static void take(struct gh__ledger *l)
{
	pthread_mutex_lock(&l->lock);
	if (!l->writing.first) {
		gh__ledger_rows_move(&l->rows, &l->writing);
		l->writing_rows = l->writing.rows;
		l->writing_requests = l->writing.requests;
	}
	if (!l->owing.count) {
		struct gh__ledger_debts empty = l->owing;
		l->owing = l->debts;
		l->debts = empty;
	}
	pthread_mutex_unlock(&l->lock);
}

static bool has_work(const struct gh__ledger *l)
{
	return l->writing.first || l->owing.count || l->unsaved;
}

static enum gh__ledger_result put_secrets(struct gh__ledger *l)
{
	for (const struct gh__ledger_secret *s = l->secrets; s; s = s->next) {
		enum gh__ledger_result result =
			s->unsaved
				? gh__ledger_file_put_secret(&l->file, s->name, s->bytes, s->size)
				: GH__LEDGER_OK;
		if (result)
			return result;
	}
	return GH__LEDGER_OK;
}

static enum gh__ledger_result put_all(struct gh__ledger *l)
{
	enum gh__ledger_result result = put_secrets(l);
	struct gh__ledger_row row;
	uint32_t requests;

	for (size_t i = 0; result == GH__LEDGER_OK && i < l->owing.count; i++)
		result = gh__ledger_file_debt(&l->file,
					      gh__ledger_table_name(l, l->owing.items[i].table),
					      l->owing.items + i);
	for (const struct gh__ledger_chunk *c = l->writing.first; c; c = c->next)
		for (uint32_t at = 0; result == GH__LEDGER_OK &&
				      (requests = gh__ledger_rows_next(c, &at, &row)) > 0;)
			result = gh__ledger_file_row(&l->file, &row, requests);
	return result;
}

static void settle(struct gh__ledger *l)
{
	gh__ledger_debts_clear(&l->owing);
	for (struct gh__ledger_secret *s = l->secrets; s; s = s->next)
		s->unsaved = false;
	l->unsaved = false;
	pthread_mutex_lock(&l->lock);
	l->written += l->writing_requests;
	l->writing_rows = l->writing_requests = 0;
	gh__ledger_rows_clear(&l->writing, &l->rows);
	pthread_mutex_unlock(&l->lock);
}

/* Once a trouble, and once that it is over. */
static void tell(struct gh__ledger *l, enum gh__ledger_result result)
{
	if (result == GH__LEDGER_ASIDE) {
		gh__log(GH_LOG_WARN, "%s", l->file.why);
	} else if (result == GH__LEDGER_FAILED) {
		if (l->told && strcmp(l->told, l->file.why) == 0)
			return;
		gh__log(GH_LOG_ERROR, "%s", l->file.why);
		gh__free(l->told);
		l->told = gh__strndup(l->file.why, strlen(l->file.why));
	} else if (l->told) {
		gh__log(GH_LOG_INFO, "usage: %s is written again", l->file.path);
		gh__free(l->told);
		l->told = NULL;
	}
}

enum gh__ledger_result gh__ledger_with_file(struct gh__ledger *l, enum gh__ledger_opening how,
					    gh__ledger_act *act, void *arg)
{
	enum gh__ledger_result result = GH__LEDGER_ASIDE;

	for (int i = 0; i < TRIES && result == GH__LEDGER_ASIDE; i++) {
		result = gh__ledger_file_open(&l->file, how);
		if (result == GH__LEDGER_OK)
			result = act(l, arg);
		if (result < 0)
			tell(l, result);
	}
	return result;
}

static enum gh__ledger_result write_all(struct gh__ledger *l, void *arg)
{
	enum gh__ledger_result result = gh__ledger_file_begin(&l->file);

	(void)arg;
	if (result == GH__LEDGER_OK)
		result = put_all(l);
	if (result == GH__LEDGER_OK)
		result = gh__ledger_file_commit(&l->file);
	return result;
}

/* One batch, and one more after it when the first is what was left over of the last time. What comes
 * meanwhile is of the next: or with a row at any time there would be a transaction for every few. */
enum gh__ledger_result gh__ledger_flush(struct gh__ledger *l)
{
	enum gh__ledger_result result = GH__LEDGER_OK;
	unsigned batches = has_work(l) ? 2 : 1;

	while (result == GH__LEDGER_OK && batches-- > 0) {
		take(l);
		if (!has_work(l))
			break;
		result = gh__ledger_with_file(l, GH__LEDGER_MAKE, write_all, NULL);
		if (result == GH__LEDGER_OK) {
			tell(l, result);
			settle(l);
		}
	}
	pthread_mutex_lock(&l->lock);
	l->again = result != GH__LEDGER_OK;
	if (l->again)
		gh__ledger_wake(l);
	pthread_mutex_unlock(&l->lock);
	return result;
}
