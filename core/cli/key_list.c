/* gatehouse key list: who has a key or a password, and what it is bound to. Never the secret itself. */
#include <stdio.h>
#include <time.h>

#include "core/base/memory.h"
#include "core/cli/commands.h"
#include "core/cli/key.h"
#include "core/cli/replace.h"
#include "core/config/value.h"
#include "core/route/escape.h"

enum { CELLS = 7 };

struct row {
	const struct gh__credential *entry;
	struct gh_str file;
	struct row *next;
};

struct rows {
	struct row *first, **last;
	int64_t now;
};

static struct gh_str text_of(const struct gh__yaml *v)
{
	return v && v->kind == GH__YAML_SCALAR ? v->text : GH_STR("");
}

/* The items of a list, or what stands alone in place of one. */
static const struct gh__yaml *first_of(const struct gh__yaml *v)
{
	return v && v->kind == GH__YAML_LIST ? v->first : v;
}

static const struct gh__yaml *next_of(const struct gh__yaml *list, const struct gh__yaml *item)
{
	return list->kind == GH__YAML_LIST ? item->next : NULL;
}

static bool is_over(const struct rows *rows, struct gh_str expires)
{
	int64_t second;

	return expires.len && gh__expiry_read(expires, &second) == 0 && second <= rows->now;
}

/* ---- for people ---- */

static struct gh_str safe(struct gh__arena *a, struct gh_str text)
{
	size_t room = 4 * text.len + 1;
	char *to = gh__arena_get(a, room);

	/* What no terminal should be sent; letters beyond ASCII stay. */
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.at[i] < ' ' || text.at[i] == 0x7f)
			return (struct gh_str){ to, gh__escape_hex(to, room, text) };
	return text;
}

static struct gh_str models_cell(struct gh__arena *a, const struct gh__yaml *value)
{
	const struct gh__yaml *list = gh__yaml_get(value, GH_STR("models"));
	struct gh_str all = GH_STR("");

	for (const struct gh__yaml *m = first_of(list); m; m = next_of(list, m))
		all = gh__arena_printf(a, GH_FMT "%s" GH_FMT, GH_ARG(all), all.len ? "," : "",
				       GH_ARG(safe(a, text_of(m))));
	return all.len ? all : GH_STR("all");
}

static struct gh_str limits_cell(struct gh__arena *a, const struct gh__yaml *value)
{
	static const char *const units[] = { "requests", "tokens" };
	const struct gh__yaml *list = gh__yaml_get(value, GH_STR("limits"));
	struct gh_str all = GH_STR("");

	for (const struct gh__yaml *l = first_of(list); l; l = next_of(list, l))
		for (size_t i = 0; i < GH_COUNT_OF(units); i++) {
			struct gh_str n = text_of(gh__yaml_get(l, gh_str(units[i])));
			struct gh_str window = text_of(gh__yaml_get(l, GH_STR("window")));
			if (n.len)
				all = gh__arena_printf(a, GH_FMT "%s" GH_FMT " %s/" GH_FMT,
						       GH_ARG(all), all.len ? ", " : "",
						       GH_ARG(safe(a, n)), units[i],
						       GH_ARG(safe(a, window)));
		}
	return all.len ? all : GH_STR("-");
}

static void cells_of(struct gh__arena *a, const struct rows *rows, const struct row *row,
		     struct gh_str cells[CELLS])
{
	const struct gh__yaml *value = row->entry->value;
	struct gh_str expires = text_of(gh__yaml_get(value, GH_STR("expires")));
	struct gh_str priority = text_of(gh__yaml_get(value, GH_STR("priority")));

	cells[0] = safe(a, row->entry->name);
	cells[1] = row->entry->kind == GH__CREDENTIAL_KEY ? GH_STR("key") : GH_STR("user");
	cells[2] = models_cell(a, value);
	cells[3] = !expires.len ? GH_STR("never")
				: gh__arena_printf(a, GH_FMT "%s", GH_ARG(safe(a, expires)),
						   is_over(rows, expires) ? " (over)" : "");
	cells[4] = priority.len ? safe(a, priority) : GH_STR("normal");
	cells[5] = limits_cell(a, value);
	cells[6] = row->file;
}

static void print_table(struct gh__arena *a, const struct rows *rows)
{
	struct gh_str cells[CELLS] = { GH_STR_INIT("NAME"),     GH_STR_INIT("KIND"),
				       GH_STR_INIT("MODELS"),   GH_STR_INIT("EXPIRES"),
				       GH_STR_INIT("PRIORITY"), GH_STR_INIT("LIMITS"),
				       GH_STR_INIT("IN") };
	size_t widths[CELLS];

	for (size_t i = 0; i < CELLS; i++)
		widths[i] = cells[i].len;
	for (const struct row *row = rows->first; row; row = row->next) {
		struct gh_str of_row[CELLS];
		cells_of(a, rows, row, of_row);
		for (size_t i = 0; i < CELLS; i++)
			if (of_row[i].len > widths[i])
				widths[i] = of_row[i].len;
	}
	for (const struct row *row = rows->first;; row = row->next) {
		for (size_t i = 0; i + 1 < CELLS; i++)
			printf("%-*.*s  ", (int)widths[i], (int)cells[i].len, cells[i].at);
		printf(GH_FMT "\n", GH_ARG(cells[CELLS - 1]));
		if (!row)
			break;
		cells_of(a, rows, row, cells);
	}
}

/* ---- for programs ---- */

static struct gh_str json(struct gh__arena *a, struct gh_str text)
{
	size_t room = 6 * text.len + 1;
	char *to = gh__arena_get(a, room);

	return (struct gh_str){ to, gh__escape_json(to, room, text) };
}

static void print_limit(struct gh__arena *a, const struct gh__yaml *limit)
{
	static const char *const units[] = { "requests", "tokens" };
	char mend[80];
	int64_t n;

	printf("{");
	for (size_t i = 0; i < GH_COUNT_OF(units); i++)
		if (gh__value_count(text_of(gh__yaml_get(limit, gh_str(units[i]))), &n, mend,
				    sizeof mend) == 0)
			printf("\"%s\":%lld,", units[i], (long long)n);
	printf("\"window\":\"" GH_FMT "\"}",
	       GH_ARG(json(a, text_of(gh__yaml_get(limit, GH_STR("window"))))));
}

static void print_json_row(struct gh__arena *a, const struct rows *rows, const struct row *row)
{
	const struct gh__yaml *value = row->entry->value;
	const struct gh__yaml *models = gh__yaml_get(value, GH_STR("models"));
	const struct gh__yaml *limits = gh__yaml_get(value, GH_STR("limits"));
	struct gh_str expires = text_of(gh__yaml_get(value, GH_STR("expires")));
	struct gh_str priority = text_of(gh__yaml_get(value, GH_STR("priority")));

	printf("{\"name\":\"" GH_FMT "\",\"kind\":\"%s\",\"models\":",
	       GH_ARG(json(a, row->entry->name)),
	       row->entry->kind == GH__CREDENTIAL_KEY ? "key" : "user");
	printf(models ? "[" : "null");
	for (const struct gh__yaml *m = first_of(models); m; m = next_of(models, m))
		printf("%s\"" GH_FMT "\"", m == first_of(models) ? "" : ",",
		       GH_ARG(json(a, text_of(m))));
	printf(models ? "]" : "");
	if (expires.len)
		printf(",\"expires\":\"" GH_FMT "\"", GH_ARG(json(a, expires)));
	else
		printf(",\"expires\":null");
	printf(",\"expired\":%s,\"priority\":\"" GH_FMT "\",\"limits\":[",
	       is_over(rows, expires) ? "true" : "false",
	       GH_ARG(priority.len ? json(a, priority) : GH_STR("normal")));
	for (const struct gh__yaml *l = first_of(limits); l; l = next_of(limits, l)) {
		printf(l == first_of(limits) ? "" : ",");
		print_limit(a, l);
	}
	printf("],\"file\":\"" GH_FMT "\",\"line\":%zu}", GH_ARG(json(a, row->file)),
	       row->entry->line);
}

static void print_json(struct gh__arena *a, const struct rows *rows)
{
	printf("[");
	for (const struct row *row = rows->first; row; row = row->next) {
		printf(row == rows->first ? "\n" : ",\n");
		print_json_row(a, rows, row);
	}
	printf("\n]\n");
}

/* ---- all of them ---- */

static void add(struct gh__arena *a, struct rows *rows, const struct gh__credential *entry,
		struct gh_str file)
{
	struct row *row = gh__arena_zero(a, sizeof *row);

	*row = (struct row){ .entry = entry, .file = file };
	*rows->last = row;
	rows->last = &row->next;
}

static int add_file(struct gh__arena *a, struct rows *rows, struct gh_str file)
{
	char why[GH__CREDENTIALS_WHY];
	struct gh__replace r;
	struct gh__credentials c;
	int rc = gh__replace_open(&r, file.at, GH__MISSING_IS_WRONG, why);

	if (rc == 0)
		rc = gh__credentials_read(a, file, r.bytes, &c, why);
	if (rc)
		fprintf(stderr, "gatehouse key: %s\n", why);
	for (size_t i = 0; rc == 0 && i < c.count; i++)
		add(a, rows, c.items + i, file);
	gh__replace_close(&r);
	return rc;
}

int gh__key_list(struct gh__arena *a, const struct gh__key_options *o)
{
	struct rows rows = { .last = &rows.first, .now = time(NULL) };
	struct gh__key_places p;
	int rc = 0;

	if (gh__key_find(a, o, &p))
		return GH__EXIT_FAILED;
	if (!p.config && !p.file_count) {
		fprintf(stderr, "gatehouse key: there is no config here, so no credentials file is "
				"known; say --config FILE or --to FILE\n");
		return GH__EXIT_FAILED;
	}
	for (size_t i = 0; i < p.file_count; i++)
		rc |= add_file(a, &rows, p.files[i]);
	for (size_t i = 0; i < p.inside_count; i++)
		add(a, &rows, p.inside + i, gh_str(p.config));
	if (o->json)
		print_json(a, &rows);
	else
		print_table(a, &rows);
	return rc || fflush(stdout) ? GH__EXIT_FAILED : GH__EXIT_OK;
}
