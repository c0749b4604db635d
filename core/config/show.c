#include "core/config/show.h"

#include "core/config/gateway.h"
#include "core/config/handle.h"
#include "core/config/reference.h"
#include "core/config/text.h"

struct show {
	struct gh__bind *bind;
	struct gh__text text;
	unsigned secret;
};

/* Whether a plain word means itself wherever it stands. */
static bool is_plain(struct gh_str s)
{
	if (s.len == 0 || strchr("-.:/@=~", s.at[0]) || gh_str_is(s, "null"))
		return s.len > 1 && s.at[0] == '/';
	for (size_t i = 0; i < s.len; i++) {
		char c = gh_lower(s.at[i]);
		bool inner = i + 1 < s.len || c != ':';

		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
		      (inner && strchr("-._/:@+", c))))
			return false;
	}
	return true;
}

static void put_text(struct show *w, struct gh_str s)
{
	if (is_plain(s)) {
		gh__text_put(&w->text, s);
		return;
	}
	gh__text_put(&w->text, GH_STR("\""));
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.at[i];

		if (c == '"' || c == '\\')
			gh__text_printf(&w->text, "\\%c", c);
		else if (c == '\n')
			gh__text_put(&w->text, GH_STR("\\n"));
		else if (c < 0x20 || c == 0x7f)
			gh__text_printf(&w->text, "\\x%02X", c);
		else
			gh__text_put(&w->text, gh_str_slice(s, i, i + 1));
	}
	gh__text_put(&w->text, GH_STR("\""));
}

/* As written: a ${…} shows where a secret comes from, and not what it is. */
static void put_scalar(struct show *w, const struct gh__node *n)
{
	if (w->secret && !gh__reference_alone(n->written))
		gh__text_put(&w->text, GH_STR("\"…\""));
	else
		put_text(w, n->written);
}

static void put_list(struct show *w, struct gh__node *n)
{
	gh__text_put(&w->text, GH_STR(" ["));
	for (size_t i = 0; i < gh__node_items(n); i++) {
		gh__text_put(&w->text, i ? GH_STR(", ") : GH_STR(""));
		put_scalar(w, gh__node_item(n, i));
	}
	gh__text_put(&w->text, GH_STR("]\n"));
}

static void begin_line(struct show *w, unsigned depth)
{
	/* Behind the `- ` of an item the line has begun already. */
	if (w->text.len && w->text.at[w->text.len - 1] == '\n')
		gh__text_spaces(&w->text, (size_t)depth * 2);
}

static void put_key(struct show *w, unsigned depth, struct gh_str key)
{
	begin_line(w, depth);
	put_text(w, key);
	gh__text_put(&w->text, GH_STR(":"));
}

static bool put_rows(struct show *w, const struct gh_option *rows, struct gh__node *n,
		     unsigned depth);

/* The rows of a mapping below its key, or `{}` where there are none to show. */
static void put_fields(struct show *w, const struct gh_option *rows, struct gh__node *n,
		       unsigned depth)
{
	gh__text_put(&w->text, GH_STR("\n"));
	if (put_rows(w, rows, n, depth + 1))
		return;
	w->text.len--;
	gh__text_put(&w->text, GH_STR(" {}\n"));
}

static void put_pairs(struct show *w, struct gh__node *n, unsigned depth)
{
	gh__text_put(&w->text, n->count ? GH_STR("\n") : GH_STR(" {}\n"));
	for (size_t i = 0; i < n->count; i++) {
		put_key(w, depth + 1, n->entries[i].key->text);
		gh__text_put(&w->text, GH_STR(" "));
		put_scalar(w, n->entries[i].value);
		gh__text_put(&w->text, GH_STR("\n"));
	}
}

static void put_objects(struct show *w, const struct gh_option *rows, struct gh__node *n,
			unsigned depth)
{
	size_t count = gh__node_items(n);

	gh__text_put(&w->text, count ? GH_STR("\n") : GH_STR(" []\n"));
	for (size_t i = 0; i < count; i++) {
		begin_line(w, depth + 1);
		gh__text_put(&w->text, GH_STR("- "));
		if (!put_rows(w, rows, gh__node_item(n, i), depth + 2))
			gh__text_put(&w->text, GH_STR("{}\n"));
	}
}

static void put_named(struct show *w, const struct gh_option *rows, struct gh__node *n,
		      unsigned depth)
{
	gh__text_put(&w->text, n->count ? GH_STR("\n") : GH_STR(" {}\n"));
	for (size_t i = 0; i < n->count; i++) {
		put_key(w, depth + 1, n->entries[i].key->text);
		put_fields(w, rows, n->entries[i].value, depth + 1);
	}
}

static void put_handlers(struct show *w, struct gh__node *n, unsigned depth)
{
	gh__text_put(&w->text, GH_STR("\n"));
	for (size_t i = 0; i < gh__node_items(n); i++) {
		struct gh__node *options;
		const struct gh_module *m = gh__handler_module(w->bind, gh__node_item(n, i),
							       &options);

		begin_line(w, depth + 1);
		gh__text_put(&w->text, GH_STR("- "));
		put_key(w, depth + 2, gh_str(m->name));
		put_fields(w, m->options, options, depth + 2);
	}
}

static void put_value(struct show *w, const struct gh_option *row, struct gh__node *n,
		      unsigned depth)
{
	switch ((int)row->type) {
	case GH_TYPE_STRINGS:
	case GH_TYPE_UPSTREAM:
		put_list(w, n);
		break;
	case GH_TYPE_PAIRS:
		put_pairs(w, n, depth);
		break;
	case GH_TYPE_OBJECT:
		put_fields(w, row->fields, n, depth);
		break;
	case GH_TYPE_OBJECTS:
		put_objects(w, row->fields, n, depth);
		break;
	case GH_TYPE_NAMED:
		put_named(w, row->fields, n, depth);
		break;
	case GH__TYPE_HANDLERS:
	case GH__TYPE_SOURCES:
		put_handlers(w, n, depth);
		break;
	default:
		gh__text_put(&w->text, GH_STR(" "));
		put_scalar(w, n);
		gh__text_put(&w->text, GH_STR("\n"));
		break;
	}
}

/* Each row that has a value or a default; false: none has. `n` NULL: nothing was written. */
static bool put_rows(struct show *w, const struct gh_option *rows, struct gh__node *n,
		     unsigned depth)
{
	bool any = false;

	for (const struct gh_option *row = rows; row && row->name; row++) {
		struct gh__node *value = gh__row_node(rows, row, n);
		bool secret = row->flags & GH_SECRET;

		if (!value)
			value = gh__row_default(w->bind, row);
		if (!value && row->type != GH_TYPE_OBJECT)
			continue;
		any = true;
		w->secret += secret;
		put_key(w, depth, gh_str(row->name));
		put_value(w, row, value, depth);
		w->secret -= secret;
	}
	return any;
}

struct gh_str gh__show(struct gh__bind *b, struct gh__node *root)
{
	struct show w = { .bind = b };

	put_rows(&w, gh__gateway_rows, root, 0);
	return gh__text_finish(&w.text, b->arena);
}
