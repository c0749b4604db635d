#include "core/config/bind.h"

#include <stdio.h>

#include "core/base/memory.h"
#include "core/config/value.h"

struct gh__default {
	const struct gh_option *row;
	struct gh__node *node;
	struct gh__default *next;
};

/* ---- Rows and nodes ---- */

const struct gh_option *gh__row_find(const struct gh_option *rows, struct gh_str name)
{
	for (; rows && rows->name; rows++)
		if (gh_str_is(name, rows->name))
			return rows;
	return NULL;
}

const struct gh_option *gh__row_short(const struct gh_option *rows)
{
	for (; rows && rows->name; rows++)
		if (rows->flags & GH_SHORT)
			return rows;
	return NULL;
}

struct gh__node *gh__row_node(const struct gh_option *rows, const struct gh_option *row,
			      struct gh__node *node)
{
	if (!node || gh__node_is_null(node))
		return NULL;
	if (node->kind != GH__NODE_MAP)
		return gh__row_short(rows) == row ? node : NULL;
	return gh__node_get(node, gh_str(row->name));
}

struct gh__node *gh__row_default(struct gh__bind *b, const struct gh_option *row)
{
	struct gh__default **slot = &b->defaults[((uintptr_t)row / sizeof(*row)) % 64], *d;

	for (d = *slot; d; d = d->next)
		if (d->row == row)
			return d->node;
	d = gh__arena_zero(b->arena, sizeof(*d));
	*d = (struct gh__default){ .row = row, .next = *slot };
	*slot = d;

	struct gh_str text = gh_str(row->fallback);
	for (size_t i = 0; i < b->own_count; i++)
		if (b->own_defaults[i].row == row)
			text = b->own_defaults[i].text;
	if (text.len) {
		struct gh__tree t = { .arena = b->arena, .file = b->file };
		gh__node_read(&t, text, b->mistakes);
		d->node = t.root;
		for (struct gh__node *n = t.all; n; n = n->next)
			n->place = (struct gh__place){ b->file, 0, 0 }; /* it is not in the file */
	}
	return d->node;
}

size_t gh__node_items(const struct gh__node *n)
{
	return n->kind == GH__NODE_LIST ? n->count : 1;
}

struct gh__node *gh__node_item(struct gh__node *n, size_t i)
{
	return n->kind == GH__NODE_LIST ? n->items[i] : n;
}

/* ---- Lists and maps ---- */

static bool count_fits(struct gh__bind *b, const struct gh_option *row, const struct gh__node *n,
		       size_t count)
{
	char range[80];

	if (gh__in_range(row, (int64_t)count))
		return true;
	gh__mistake(b->mistakes, &n->place, "'%s' must have %s, but it has %zu", row->name,
		    gh__range_text(row, range, sizeof(range)), count);
	return false;
}

static void bind_strings(struct gh__bind *b, const struct gh_option *row, struct gh__node *n,
			 struct gh_strings *to)
{
	size_t count = gh__node_items(n);
	struct gh_str *items = gh__arena_zero(b->arena, count * sizeof(*items));

	if (!count_fits(b, row, n, count))
		return;
	for (size_t i = 0; i < count; i++) {
		struct gh__node *item = gh__node_item(n, i);

		if (!gh__is_value(b, item, row->name))
			continue;
		gh__mark_bound(b, item);
		items[i] = item->text;
		gh__check_text(b, row, item, row->name);
	}
	*to = (struct gh_strings){ items, count };
}

static bool is_map(struct gh__bind *b, struct gh__node *n, const char *name, const char *must_be)
{
	if (n->kind == GH__NODE_MAP)
		return true;
	if (b->secret)
		gh__mark_secret(n);
	gh__wrong_value(b, n, name, must_be, NULL);
	return false;
}

static void bind_pairs(struct gh__bind *b, const struct gh_option *row, struct gh__node *n,
		       struct gh_pairs *to)
{
	if (!is_map(b, n, row->name, "a mapping of names to values") ||
	    !count_fits(b, row, n, n->count))
		return;

	struct gh_pair *items = gh__arena_zero(b->arena, n->count * sizeof(*items));
	for (size_t i = 0; i < n->count; i++) {
		struct gh__node *key = n->entries[i].key, *value = n->entries[i].value;

		/* A hash without quotes falls apart at its commas, and its parts are keys. */
		if (b->secret && value->in_flow && gh__node_is_null(value)) {
			gh__mistake(b->mistakes, &key->place,
				    "an entry of '%s' has no value; a value with a comma in it "
				    "must stand in quotes",
				    row->name);
			continue;
		}
		if (!gh__is_value(b, value, key->text.at))
			continue;
		gh__mark_bound(b, value);
		items[i] = (struct gh_pair){ key->text, value->text };
		gh__check_text(b, row, value, key->text.at);
	}
	*to = (struct gh_pairs){ items, n->count };
}

static void bind_fields(struct gh__bind *b, const struct gh_option *row, const struct gh__scope *up,
			const char *name, struct gh__place place, struct gh__node *n, void *to)
{
	char what[80];

	snprintf(what, sizeof(what), "'%.60s'", name);
	struct gh__scope s = { row->fields, what, up, place };
	gh__bind_rows(b, &s, n, to);
}

static void bind_objects(struct gh__bind *b, const struct gh_option *row, const struct gh__scope *s,
			 struct gh__node *n, struct gh_objects *to)
{
	size_t count = gh__node_items(n);

	if (!count_fits(b, row, n, count))
		return;
	char *items = gh__arena_zero(b->arena, count * row->item_size);
	for (size_t i = 0; i < count; i++) {
		struct gh__node *item = gh__node_item(n, i);

		if (gh__node_is_null(item))
			gh__mistake(b->mistakes, &item->place, "an entry of '%s' is empty",
				    row->name);
		else
			bind_fields(b, row, s, row->name, item->place, item,
				    items + i * row->item_size);
	}
	*to = (struct gh_objects){ items, count };
}

static void bind_named(struct gh__bind *b, const struct gh_option *row, const struct gh__scope *s,
		       struct gh__node *n, struct gh_named *to)
{
	if (!is_map(b, n, row->name, "a mapping of names to entries") ||
	    !count_fits(b, row, n, n->count))
		return;
	char *items = gh__arena_zero(b->arena, n->count * row->item_size);
	for (size_t i = 0; i < n->count; i++) {
		struct gh__node *key = n->entries[i].key, *value = n->entries[i].value;
		char *item = items + i * row->item_size;

		memcpy(item, &key->text, sizeof(key->text));
		bind_fields(b, row, s, key->text.at, key->place, value, item);
	}
	*to = (struct gh_named){ items, n->count };
}

/* ---- Tables ---- */

static void bind_value(struct gh__bind *b, const struct gh_option *row, const struct gh__scope *s,
		       struct gh__node *n, void *field)
{
	bool secret = row->flags & GH_SECRET;

	b->secret += secret;
	switch ((int)row->type) {
	case GH_TYPE_STRINGS:
		bind_strings(b, row, n, field);
		break;
	case GH_TYPE_PAIRS:
		bind_pairs(b, row, n, field);
		break;
	case GH_TYPE_OBJECT:
		bind_fields(b, row, s, row->name, n->place, n, field);
		break;
	case GH_TYPE_OBJECTS:
		bind_objects(b, row, s, n, field);
		break;
	case GH_TYPE_NAMED:
		bind_named(b, row, s, n, field);
		break;
	case GH_TYPE_UPSTREAM:
		gh__bind_upstream(b, row, n, field);
		break;
	case GH__TYPE_HANDLERS:
	case GH__TYPE_SOURCES:
		gh__bind_handlers(b, row, s, n, field);
		break;
	default:
		gh__bind_scalar(b, row, n, field);
		break;
	}
	b->secret -= secret;
}

static bool fits_table(struct gh__bind *b, const struct gh__scope *s, struct gh__node *node)
{
	char must_be[160] = "a mapping of its options";
	const struct gh_option *brief = gh__row_short(s->rows);
	size_t len = 0;
	char echo[80];

	if (!node || node->kind == GH__NODE_MAP || gh__node_is_null(node))
		return true;
	if (brief && (node->kind == GH__NODE_SCALAR || brief->type == GH_TYPE_STRINGS ||
		      brief->type == GH_TYPE_UPSTREAM || brief->type == GH_TYPE_OBJECTS))
		return true;
	for (const struct gh_option *row = s->rows; row && row->name && len < 60; row++)
		len += (size_t)snprintf(must_be + len, sizeof(must_be) - len, "%s%s%s",
					row == s->rows ? "a mapping with keys such as " : ", ",
					row->name, "");
	gh__mistake(b->mistakes, &node->place, "%s must be %s, but it is %s",
		    s->what ? s->what : "the file", must_be, gh__echo(b, node, echo));
	return false;
}

static void bind_row(struct gh__bind *b, const struct gh_option *row, const struct gh__scope *s,
		     struct gh__node *n, char *field)
{
	struct gh__node *fallback = n ? NULL : gh__row_default(b, row);

	if (n || fallback)
		bind_value(b, row, s, n ? n : fallback, field);
	else if (row->type == GH_TYPE_OBJECT)
		bind_fields(b, row, s, row->name, s->place, NULL, field);
	else if (row->type == GH_TYPE_STRING)
		*(struct gh_str *)(void *)field = GH_STR("");
}

void gh__bind_rows(struct gh__bind *b, const struct gh__scope *s, struct gh__node *node, void *to)
{
	uint64_t meant = 0;

	if (!fits_table(b, s, node))
		return;
	if (node)
		meant = gh__refuse_unknown(b, s, node);
	for (const struct gh_option *row = s->rows; row && row->name; row++) {
		struct gh__node *n = gh__row_node(s->rows, row, node);
		size_t at = (size_t)(row - s->rows);

		if (!n && node && (row->flags & GH_REQUIRED)) {
			if (at >= 64 || !(meant >> at & 1))
				gh__mistake(b->mistakes, &s->place, "%s needs the key '%s'",
					    s->what ? s->what : "a config", row->name);
			continue;
		}
		bind_row(b, row, s, n, (char *)to + row->offset);
	}
}
