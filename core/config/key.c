/* Keys that no row of a table has, and what was meant by them. */
#include <stdio.h>

#include "core/config/bind.h"
#include "core/config/near.h"

enum { PLACES_MOST = 3 /* that are named: more are no help */ };

/* Places where a key is known, as text. */
struct places {
	struct gh_str key;
	unsigned count;
	char names[PLACES_MOST][80];
};

static void add_place(struct places *p, const char *what, const char *name)
{
	if (p->count < PLACES_MOST)
		snprintf(p->names[p->count], sizeof(p->names[0]), "%s '%.50s'", what, name);
	p->count++;
}

static void add_entries(struct places *p, const struct gh_option *rows)
{
	for (const struct gh_option *row = rows; row && row->name; row++)
		if (row->fields && gh__row_find(row->fields, p->key))
			add_place(p, row->type == GH_TYPE_OBJECT ? "the key" : "an entry of",
				  row->name);
}

/* Entries of the lists and maps of this table; else those of the whole file, and the modules. */
static bool belongs_far_away(struct gh__bind *b, const struct gh__scope *s,
			     const struct gh__node *key, const char *of)
{
	struct places p = { .key = key->text };

	if (s->up)
		add_entries(&p, s->rows);
	if (p.count == 0) {
		const struct gh__scope *top = s;

		while (top->up)
			top = top->up;
		add_entries(&p, top->rows);
		for (size_t i = 0; b->modules[i]; i++)
			if (gh__row_find(b->modules[i]->options, key->text))
				add_place(&p, "module", b->modules[i]->name);
	}
	if (p.count == 0 || p.count > PLACES_MOST)
		return false;
	gh__mistake(b->mistakes, &key->place, "unknown key '%s'%s; it belongs to %s%s%s%s%s",
		    key->text.at, of, p.names[0], p.count > 2 ? ", " : "",
		    p.count > 2 ? p.names[1] : "", p.count > 1 ? " or " : "",
		    p.count > 1 ? p.names[p.count - 1] : "");
	return true;
}

/* Where a key that is unknown here would be known: around this table or inside one of its own. */
static bool belongs_elsewhere(struct gh__bind *b, const struct gh__scope *s,
			      const struct gh__node *key, const char *of)
{
	for (const struct gh__scope *up = s->up; up; up = up->up) {
		if (!gh__row_find(up->rows, key->text))
			continue;
		gh__mistake(b->mistakes, &key->place,
			    "unknown key '%s'%s; it belongs to %s: indent it less", key->text.at,
			    of, up->what ? up->what : "the top level");
		return true;
	}
	for (const struct gh_option *row = s->rows; row && row->name; row++) {
		if (row->type != GH_TYPE_OBJECT || !gh__row_find(row->fields, key->text))
			continue;
		gh__mistake(b->mistakes, &key->place,
			    "unknown key '%s'%s; it belongs to '%s': put it under that key",
			    key->text.at, of, row->name);
		return true;
	}
	return belongs_far_away(b, s, key, of);
}

/* All keys of a table as text, when they are few enough to be a help. */
static void known_keys(const struct gh_option *rows, char *to, size_t size)
{
	size_t len = 0, count = 0;

	*to = 0;
	for (const struct gh_option *row = rows; row && row->name; row++)
		count++;
	if (count == 0)
		snprintf(to, size, "; it has no options");
	for (size_t i = 0; i < count && count <= 16 && len < size; i++)
		len += (size_t)snprintf(to + len, size - len, "%s%s", i ? ", " : "; it knows ",
					rows[i].name);
}

/* Returns the row that the key was meant for, or NULL. */
static const struct gh_option *unknown_key(struct gh__bind *b, const struct gh__scope *s,
					   const struct gh__node *key)
{
	struct gh__near near = gh__near_begin(key->text);
	char of[120] = "", known[300];

	if (s->what)
		snprintf(of, sizeof(of), " of %.100s", s->what);
	for (const struct gh_option *row = s->rows; row && row->name; row++)
		gh__near_try(&near, gh_str(row->name));
	if (near.best.len) {
		gh__mistake(b->mistakes, &key->place,
			    "unknown key '%.60s'%s; did you mean '" GH_FMT "'?", key->text.at, of,
			    GH_ARG(near.best));
		return gh__row_find(s->rows, near.best);
	}
	if (belongs_elsewhere(b, s, key, of))
		return NULL;
	known_keys(s->rows, known, sizeof(known));
	gh__mistake(b->mistakes, &key->place, "unknown key '%.60s'%s%s", key->text.at, of, known);
	return NULL;
}

uint64_t gh__refuse_unknown(struct gh__bind *b, const struct gh__scope *s, struct gh__node *node)
{
	uint64_t meant = 0;

	for (size_t i = 0; node->kind == GH__NODE_MAP && i < node->count; i++) {
		const struct gh__node *key = node->entries[i].key;
		const struct gh__node *value = node->entries[i].value;
		const struct gh_option *row;

		if (gh__row_find(s->rows, key->text))
			continue;
		if (key->in_flow && gh__node_is_null(value)) {
			gh__mistake(b->mistakes, &key->place,
				    "this key has no value; a value with a comma in it must stand "
				    "in quotes");
			continue;
		}
		row = unknown_key(b, s, key);
		if (row && row - s->rows < 64)
			meant |= (uint64_t)1 << (row - s->rows);
	}
	return meant;
}
