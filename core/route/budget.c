/* <gatehouse/budget.h>: the tables of a process, their clocks and their ledger. */
#include <stdio.h>
#include <time.h>

#include <gatehouse/budget.h>

#include "core/base/memory.h"
#include "core/ledger/ledger.h"
#include "core/route/debts.h"
#include "core/route/site.h"

/* Of gh_shared(): as old as the table. */
struct gh_budgets {
	struct gh__ledger *ledger; /* NULL until it is opened; then it was told what was kept */
	char table[33];            /* its name in the ledger, terminated */
	bool open;
	struct gh__debts debts; /* last: it has places behind it */
};

static struct gh__times times_of(const struct gh_budgets *b, int64_t now_ms)
{
	struct gh__times at = { .now_ms = now_ms };
	struct timespec wall;

	if (b->debts.keep) {
		clock_gettime(CLOCK_REALTIME, &wall);
		at.wall_ms = (int64_t)wall.tv_sec * 1000 + wall.tv_nsec / 1000000;
	}
	return at;
}

/* The clock of the loops, which have none of a provision. */
static int64_t now_ms(void)
{
	return (int64_t)(uv_hrtime() / 1000000);
}

static void keep(void *arg, struct gh__ledger_debt *debt)
{
	const struct gh_budgets *b = arg;

	debt->table = gh_str(b->table);
	gh__ledger_put_debt(b->ledger, debt);
}

struct restore {
	struct gh__debts *debts;
	struct gh__times at;
};

static void restore(void *arg, const struct gh__ledger_debt *debt)
{
	const struct restore *r = arg;

	gh__debts_restore(r->debts, &r->at, debt);
}

/* A name that fits into the ledger, whatever the module's own is. Not a secret: it is of the config. */
static void name_table(struct gh_budgets *b, const struct gh_instance *in, struct gh_str name)
{
	static const struct gh__sipkey open_key = { 0, 0 };
	const struct gh__id module = gh__siphash(&open_key, gh_str(in->module->name));
	const struct gh__sipkey of_module = { module.a, module.b };
	const struct gh__id id = gh__siphash(&of_module, name);

	snprintf(b->table, sizeof b->table, "%016llx%016llx", (unsigned long long)id.a,
		 (unsigned long long)id.b);
}

static void open_table(struct gh_budgets *b, const struct gh_instance *in, struct gh_str name,
		       int64_t max_keys, size_t limit_count)
{
	struct gh__ledger *ledger = in->site->grounds->ledger;
	struct gh__sipkey secret;

	if (ledger)
		gh__ledger_secret(ledger, GH_STR("budgets"), &secret, sizeof secret);
	else
		gh_random(&secret, sizeof secret);
	name_table(b, in, name);
	gh__debts_init(&b->debts, max_keys, limit_count, &secret);
	b->open = true;
	if (!ledger)
		return;
	b->ledger = ledger;
	b->debts.keep = keep;
	b->debts.arg = b;
	struct restore r = { &b->debts, times_of(b, now_ms()) };
	gh__ledger_read_debts(ledger, gh_str(b->table), restore, &r);
}

static void finish(void *shared)
{
	struct gh_budgets *b = shared;

	if (b->open)
		gh__debts_finish(&b->debts);
}

struct gh_budgets *gh_budgets_open(struct gh_instance *in, struct gh_str name, int64_t max_keys,
				   size_t limit_count)
{
	const struct gh_shared_type type = {
		.size = offsetof(struct gh_budgets, debts) + gh__debts_size(max_keys, limit_count),
		.finish = finish,
	};
	struct gh_budgets *b = gh_shared(in, name, &type);

	if (!b->open)
		open_table(b, in, name, max_keys, limit_count);
	return b;
}

void gh_budget_take(struct gh_budgets *b, struct gh_step *s, struct gh_take_budget *t)
{
	const struct gh__times at = times_of(b, gh_now_ms(s));

	gh__debts_take(&b->debts, &at, t);
}

void gh_budget_give_back(struct gh_budgets *b, struct gh_step *s, struct gh_take_budget *t)
{
	const struct gh__times at = times_of(b, gh_now_ms(s));

	gh__debts_give_back(&b->debts, &at, t);
}

void gh_budget_charge(struct gh_budgets *b, struct gh_step *s, struct gh_take_budget *t,
		      int64_t tokens)
{
	const struct gh__times at = times_of(b, gh_now_ms(s));

	gh__debts_charge(&b->debts, &at, t, tokens);
}

int64_t gh_budget_tokens(const struct gh_usage *u)
{
	int64_t sum;

	if (__builtin_add_overflow(u->input > 0 ? u->input : 0, u->output > 0 ? u->output : 0,
				   &sum))
		return INT64_MAX;
	return sum;
}
