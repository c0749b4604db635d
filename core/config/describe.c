#include "core/config/describe.h"

#include <stdio.h>

#include "core/config/gateway.h"
#include "core/config/value.h"

enum { WIDTH = 80, INDENT = 6 };

const char *gh__type_name(const struct gh_option *row)
{
	switch ((int)row->type) {
	case GH_TYPE_BOOL:
		return "true or false";
	case GH_TYPE_INT:
		return "number";
	case GH_TYPE_STRING:
		return "text";
	case GH_TYPE_DURATION:
		return "duration";
	case GH_TYPE_SIZE:
		return "size";
	case GH_TYPE_COUNT:
		return "count";
	case GH_TYPE_CHOICE:
		return "choice";
	case GH_TYPE_STRINGS:
		return "list of texts";
	case GH_TYPE_PAIRS:
		return "mapping of texts";
	case GH_TYPE_OBJECT:
		return "mapping";
	case GH_TYPE_OBJECTS:
		return "list of mappings";
	case GH_TYPE_NAMED:
		return "mapping of names to mappings";
	case GH_TYPE_UPSTREAM:
		return "upstream";
	case GH__TYPE_HANDLERS:
		return "list of modules";
	case GH__TYPE_SOURCES:
		return "list of sources";
	default:
		return "value";
	}
}

/* Its range, or the words to choose from; false: it has neither. */
static bool put_range(struct gh__text *t, const struct gh_option *row, const char *quote)
{
	char range[80];

	if (row->choices) {
		for (int i = 0; row->choices[i]; i++)
			gh__text_printf(t, "%s%s%s%s", i ? ", " : "", quote, row->choices[i],
					quote);
		return true;
	}
	if (!gh__range_text(row, range, sizeof(range)))
		return false;
	gh__text_put(t, gh_str(range));
	return true;
}

/* How a row's fields are called below it: `health.`, `limits[].`, `upstreams.NAME.`. */
static struct gh_str path_below(struct gh__arena *a, struct gh_str path,
				const struct gh_option *row)
{
	const char *tail = row->type == GH_TYPE_OBJECTS ? "[]."
			   : row->type == GH_TYPE_NAMED ? ".NAME."
							: ".";

	return gh__arena_printf(a, GH_FMT "%s%s", GH_ARG(path), row->name, tail);
}

/* ---- Markdown ---- */

/* A cell of a table: a bar would end it. */
static void put_cell(struct gh__text *t, struct gh_str s)
{
	for (size_t i = 0; i < s.len; i++)
		gh__text_put(t, s.at[i] == '|' ? GH_STR("\\|") : gh_str_slice(s, i, i + 1));
}

static void put_markdown_default(struct gh__text *t, const struct gh_option *row)
{
	if (row->flags & GH_REQUIRED)
		gh__text_put(t, GH_STR("*required*"));
	else if (row->fallback && *row->fallback)
		gh__text_printf(t, "`%s`", row->fallback);
}

static void put_markdown_rows(struct gh__text *t, struct gh__arena *a, struct gh_str path,
			      const struct gh_option *rows)
{
	for (const struct gh_option *row = rows; row && row->name; row++) {
		gh__text_printf(t, "| `" GH_FMT "%s` | %s%s | ", GH_ARG(path), row->name,
				gh__type_name(row), row->flags & GH_SECRET ? ", secret" : "");
		put_markdown_default(t, row);
		gh__text_put(t, GH_STR(" | "));
		put_range(t, row, "`");
		gh__text_put(t, GH_STR(" | "));
		put_cell(t, gh_str(row->doc));
		gh__text_put(t, GH_STR(" |\n"));
		if (row->fields)
			put_markdown_rows(t, a, path_below(a, path, row), row->fields);
	}
}

/* Where a value may stand in place of a whole mapping, one line each. */
static void put_markdown_short(struct gh__text *t, struct gh__arena *a, struct gh_str path,
			       const struct gh_option *rows)
{
	for (const struct gh_option *row = rows; row && row->name; row++) {
		const struct gh_option *brief = gh__row_short(row->fields);
		struct gh_str below = path_below(a, path, row);

		if (brief)
			gh__text_printf(t,
					"- A value alone in place of a mapping `" GH_FMT
					"` is its `%s`.\n",
					GH_ARG(gh_str_slice(below, 0, below.len - 1)), brief->name);
		put_markdown_short(t, a, below, row->fields);
	}
}

static void put_table(struct gh__text *t, struct gh__arena *a, const struct gh_option *rows)
{
	if (!rows || !rows->name) {
		gh__text_put(t, GH_STR("\nIt has no options.\n"));
		return;
	}
	gh__text_put(t, GH_STR("\n| Option | Type | Default | Range | What it is |\n"
			       "| --- | --- | --- | --- | --- |\n"));
	put_markdown_rows(t, a, GH_STR(""), rows);
	const struct gh_option *brief = gh__row_short(rows);
	gh__text_put(t, GH_STR("\n"));
	if (brief)
		gh__text_printf(t, "- A value alone in place of all options is `%s`.\n",
				brief->name);
	put_markdown_short(t, a, GH_STR(""), rows);
	if (t->at[t->len - 2] == '\n')
		t->at[--t->len] = 0; /* there was none */
}

enum kind { HANDLER, SOURCE };

static void put_modules(struct gh__text *t, struct gh__arena *a,
			const struct gh_module *const *modules, enum kind kind)
{
	for (size_t i = 0; modules[i]; i++) {
		const struct gh_module *m = modules[i];

		if ((m->certificates != NULL) != (kind == SOURCE))
			continue;
		gh__text_printf(t, "\n### %s\n\n%s\n", m->name, m->doc ? m->doc : "");
		put_table(t, a, m->options);
	}
}

struct gh_str gh__describe_markdown(struct gh__arena *a, const struct gh_module *const *modules)
{
	struct gh__text t = { 0 };

	gh__text_put(&t, GH_STR("<!-- Made by `gatehouse modules --markdown` from the option "
				"tables; edit those. "
				"-->\n# gateway.yaml and its modules\n\n"
				"## How values are written\n\n"
				"- **duration**: a number with a unit, `250ms`, `10s`, `5m`, `2h`, "
				"`1d`; or `0`.\n"
				"- **size**: bytes, with `k`, `M` or `G` for powers of 1024: "
				"`512`, `64k`, `10M`.\n"
				"- **count**: a number, with `k`, `M` or `G` for powers of 1000: "
				"`500`, `100k`, `2M`.\n"
				"- **list**: `[a, b]`, or a value alone for a list of one.\n"
				"- **upstream**: an address, `http://HOST[:PORT]` or `unix:/PATH`, "
				"a list of them, "
				"or the name of an entry of `upstreams`.\n"
				"- **secret**: never shown and never quoted in a message.\n"
				"- `${env:NAME}` in any value is that environment variable, "
				"`${file:PATH}` the "
				"text of that file without its last line break. A variable that is "
				"not set, or "
				"that is empty, is refused, and so is a file that others can read. "
				"A relative "
				"PATH begins at the folder of the config. `$${` is `${` itself.\n"
				"- A value with one of `{ } [ ] , : #` in it stands in quotes, "
				"such as a hash or "
				"`\"${env:NAME}\"` inside of braces.\n\n"
				"## gateway.yaml\n\nThe keys of the file itself.\n"));
	put_table(&t, a, gh__gateway_rows);
	gh__text_put(&t, GH_STR("\n## Modules\n\nWhat stands under `handle` of a route, in the "
				"order in which a request meets it.\n"));
	put_modules(&t, a, modules, HANDLER);
	gh__text_put(&t, GH_STR("\n## Sources of certificates\n\nWhat stands under `tls` of a "
				"listener.\n"));
	put_modules(&t, a, modules, SOURCE);
	return gh__text_finish(&t, a);
}

/* ---- Plain text, for a terminal ---- */

/* Words in lines of at most WIDTH columns, each behind `indent` spaces. */
static void put_wrapped(struct gh__text *t, size_t indent, struct gh_str s)
{
	size_t column = 0;

	for (size_t i = 0; i < s.len;) {
		size_t from = i, width = 0;

		while (i < s.len && s.at[i] != ' ' && s.at[i] != '\n')
			width += ((unsigned char)s.at[i++] & 0xc0) != 0x80;
		if (column && column + 1 + width > WIDTH) {
			gh__text_put(t, GH_STR("\n"));
			column = 0;
		}
		if (column) {
			gh__text_put(t, GH_STR(" "));
			column++;
		} else {
			gh__text_spaces(t, indent);
			column = indent;
		}
		gh__text_put(t, gh_str_slice(s, from, i));
		column += width;
		/* An empty line stays one; a single line break is a space. */
		if (gh_str_starts(gh_str_slice(s, i, s.len), GH_STR("\n\n"))) {
			gh__text_put(t, GH_STR("\n\n"));
			column = 0;
		}
		while (i < s.len && (s.at[i] == ' ' || s.at[i] == '\n'))
			i++;
	}
	gh__text_put(t, GH_STR("\n"));
}

static void put_plain_rows(struct gh__text *t, struct gh__arena *a, struct gh_str path,
			   const struct gh_option *rows)
{
	for (const struct gh_option *row = rows; row && row->name; row++) {
		struct gh__text head = { 0 };

		gh__text_printf(&head, GH_FMT "%s: %s", GH_ARG(path), row->name,
				gh__type_name(row));
		if (row->choices || row->min || row->max) {
			gh__text_put(&head, GH_STR(", "));
			put_range(&head, row, "");
		}
		if (row->flags & GH_REQUIRED)
			gh__text_put(&head, GH_STR(", required"));
		else if (row->fallback && *row->fallback)
			gh__text_printf(&head, ", default %s", row->fallback);
		if (row->flags & GH_SECRET)
			gh__text_put(&head, GH_STR(", secret"));
		if (row->flags & GH_SHORT)
			gh__text_put(&head, GH_STR(", or a value alone"));
		gh__text_put(t, GH_STR("\n"));
		put_wrapped(t, INDENT / 3, gh__text_finish(&head, a));
		put_wrapped(t, INDENT, gh_str(row->doc));
		if (row->fields)
			put_plain_rows(t, a, path_below(a, path, row), row->fields);
	}
}

struct gh_str gh__describe_module(struct gh__arena *a, const struct gh_module *m)
{
	struct gh__text t = { 0 };

	gh__text_printf(&t, "%s%s\n\n", m->name,
			m->certificates ? ", a source of certificates for `tls` of a listener"
					: "");
	put_wrapped(&t, INDENT / 3, gh_str(m->doc));
	if (m->options && m->options->name)
		put_plain_rows(&t, a, GH_STR(""), m->options);
	else
		put_wrapped(&t, INDENT / 3, GH_STR("It has no options."));
	return gh__text_finish(&t, a);
}
