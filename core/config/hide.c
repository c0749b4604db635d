#include "core/config/hide.h"

#include "core/config/gateway.h"

/* ---- A tree ---- */

static void hide_node(const struct gh__node *n, struct gh__mistakes *m)
{
	gh__mistakes_hide(m, n->place.line, n->place.column, n->end_line, n->end_column);
}

void gh__hide_unbound(const struct gh__tree *t, struct gh__mistakes *m)
{
	for (const struct gh__node *n = t->all; n; n = n->next) {
		if (n->kind == GH__NODE_SCALAR && (n->secret || (!n->open && !n->is_key)))
			hide_node(n, m);
		/* A hash that lost its quotes fell apart at its commas into keys without values. */
		for (size_t i = 0; n->kind == GH__NODE_MAP && i < n->count; i++)
			if (n->entries[i].key->in_flow && gh__node_is_null(n->entries[i].value))
				hide_node(n->entries[i].key, m);
	}
}

/* ---- Text alone ---- */

enum meaning { UNKNOWN, OPEN, SECRET };

enum { LEVELS = 64 };

/* What encloses a line by its indentation: the keys above it that are indented less. */
struct outline {
	const struct gh_module *const *modules;
	struct gh__mistakes *mistakes;
	size_t indent[LEVELS];
	enum meaning meaning[LEVELS];
	size_t depth;
};

/* A name that is a secret in any table is one in every. */
static enum meaning in_rows(const struct gh_option *rows, struct gh_str name)
{
	enum meaning found = UNKNOWN;

	for (; rows && rows->name; rows++) {
		enum meaning m = in_rows(rows->fields, name);

		if (gh_str_is(name, rows->name) && m != SECRET)
			m = rows->flags & GH_SECRET ? SECRET : OPEN;
		if (m > found)
			found = m;
	}
	return found;
}

static enum meaning meaning_of(const struct outline *o, struct gh_str name)
{
	enum meaning found = in_rows(gh__gateway_rows, name);

	for (size_t i = 0; o->modules[i] && found != SECRET; i++) {
		enum meaning m = in_rows(o->modules[i]->options, name);

		if (gh_str_is(name, o->modules[i]->name) && m == UNKNOWN)
			m = OPEN;
		if (m > found)
			found = m;
	}
	return found;
}

static bool is_word(char c)
{
	return (gh_lower(c) >= 'a' && gh_lower(c) <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
	       c == '-' || c == '.';
}

/* The length of a key at the start of `s`, without its colon; 0: there is none. */
static size_t key_length(struct gh_str s)
{
	size_t n = 0;

	while (n < s.len && is_word(s.at[n]))
		n++;
	if (n == 0 || n == s.len || s.at[n] != ':')
		return 0;
	return n + 1 == s.len || strchr(" \t{[", s.at[n + 1]) ? n : 0;
}

static unsigned columns(struct gh_str s)
{
	unsigned n = 0;

	for (size_t i = 0; i < s.len; i++)
		n += ((unsigned char)s.at[i] & 0xc0) != 0x80;
	return n;
}

static void hide_bytes(struct outline *o, struct gh_str line, unsigned number, size_t from,
		       size_t to)
{
	unsigned column = columns(gh_str_slice(line, 0, from)) + 1;

	gh__mistakes_hide(o->mistakes, number, column, number,
			  column + columns(gh_str_slice(line, from, to)));
}

static void hide_line(struct outline *o, struct gh_str line, unsigned number)
{
	enum meaning now;
	size_t i = 0, from;

	while (i < line.len && strchr(" \t", line.at[i]))
		i++;
	if (i == line.len || line.at[i] == '#')
		return;
	while (o->depth > 0 && o->indent[o->depth - 1] >= i)
		o->depth--;
	now = o->depth ? o->meaning[o->depth - 1] : OPEN;
	if (o->depth == LEVELS)
		now = SECRET;
	while (i < line.len && strchr("-[{ \t", line.at[i]))
		i++;
	for (from = i; i < line.len; i++) {
		bool starts = i == from || strchr(" \t{[,", line.at[i - 1]);
		size_t key = starts && now != SECRET ? key_length(gh_str_slice(line, i, line.len))
						     : 0;
		if (key == 0)
			continue;
		if (now != OPEN)
			hide_bytes(o, line, number, from, i);
		now = meaning_of(o, gh_str_slice(line, i, i + key));
		if (o->depth < LEVELS) {
			o->indent[o->depth] = i;
			o->meaning[o->depth++] = now;
		}
		i += key;
		from = i + 1;
	}
	if (now != OPEN && from < line.len)
		hide_bytes(o, line, number, from + (line.at[from] == ' '), line.len);
}

void gh__hide_by_name(const struct gh_module *const *modules, struct gh__mistakes *m)
{
	struct outline o = { .modules = modules, .mistakes = m };
	struct gh_str rest = gh__mistakes_lines(m), line;

	for (unsigned number = 1; gh__next_line(&rest, &line); number++)
		hide_line(&o, line, number);
}
