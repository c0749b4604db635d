#include "core/config/handle.h"

#include <stdio.h>

#include "core/config/near.h"

enum { SOURCES_MOST = 16 };

/* ---- Lists of modules: the chain of a route, the sources of a listener ---- */

static const struct gh_module *find_module(const struct gh__bind *b, struct gh_str name)
{
	for (size_t i = 0; b->modules[i]; i++)
		if (gh_str_is(name, b->modules[i]->name))
			return b->modules[i];
	return NULL;
}

const struct gh_module *gh__handler_module(const struct gh__bind *b, struct gh__node *item,
					   struct gh__node **ret_options)
{
	struct gh__node *name = item;

	*ret_options = NULL;
	if (item->kind == GH__NODE_MAP && item->count > 0) {
		name = item->entries[0].key;
		*ret_options = item->entries[0].value;
	}
	return name->kind == GH__NODE_SCALAR ? find_module(b, name->text) : NULL;
}

/* What a list takes, and what its messages say of that. */
struct list {
	const char *key;
	bool sources;
	const char *empty; /* what is told of a list with nothing in it */
};

static const struct list handlers = {
	.key = "handle",
	.empty = "'handle' names no module, so this route could not answer",
};
static const struct list sources = {
	.key = "tls",
	.sources = true,
	.empty = "'tls' names no source of certificates, so there would be nothing to serve; "
		 "take the key away for an address without TLS",
};

static bool fits_list(const struct gh_module *m, const struct list *list)
{
	return (m->certificates != NULL) == list->sources;
}

static void name_sources(const struct gh__bind *b, char *to, size_t size)
{
	size_t len = 0;

	*to = 0;
	for (size_t i = 0; b->modules[i] && len < size; i++)
		if (b->modules[i]->certificates)
			len += (size_t)snprintf(to + len, size - len, "%s'%s'", len ? ", " : "",
						b->modules[i]->name);
}

static void refuse_module(struct gh__bind *b, const struct list *list, const struct gh__node *name)
{
	struct gh__near near = gh__near_begin(name->text);
	const char *kind = list->sources ? "source of certificates" : "module";
	char echo[80], all[300];

	gh__echo(b, name, echo);
	/* The options without the name of the source that they are for. */
	for (size_t i = 0; list->sources && name->is_key && b->modules[i]; i++) {
		if (!fits_list(b->modules[i], list) ||
		    !gh__row_find(b->modules[i]->options, name->text))
			continue;
		gh__mistake(b->mistakes, &name->place,
			    "unknown %s %s, which is an option of '%s'; write "
			    "'tls: [{ %s: { %s: … } }]'",
			    kind, echo, b->modules[i]->name, b->modules[i]->name, name->text.at);
		return;
	}
	for (size_t i = 0; b->modules[i]; i++)
		if (fits_list(b->modules[i], list))
			gh__near_try(&near, gh_str(b->modules[i]->name));
	if (near.best.len) {
		gh__mistake(b->mistakes, &name->place, "unknown %s %s; did you mean '" GH_FMT "'?",
			    kind, echo, GH_ARG(near.best));
	} else if (list->sources) {
		name_sources(b, all, sizeof(all));
		gh__mistake(b->mistakes, &name->place, "unknown %s %s; there %s %s", kind, echo,
			    *all ? "are" : "is", *all ? all : "none");
	} else {
		gh__mistake(b->mistakes, &name->place,
			    "unknown module %s; `gatehouse modules` lists those that are there",
			    echo);
	}
}

static void refuse_place(struct gh__bind *b, const struct gh_module *m, const struct gh__node *name)
{
	if (m->certificates)
		gh__mistake(b->mistakes, &name->place,
			    "'%s' is a source of certificates and handles no requests; it belongs "
			    "under 'tls' of an entry of 'listen'",
			    m->name);
	else
		gh__mistake(b->mistakes, &name->place,
			    "'%s' handles requests and gives no certificates; it belongs under "
			    "'handle' of a route",
			    m->name);
}

/* Keys beside the module's own: options that are not indented, or modules without a `-`. */
static void refuse_siblings(struct gh__bind *b, const struct list *list,
			    const struct gh__node *item, const struct gh_module *module)
{
	for (size_t i = 1; i < item->count; i++) {
		const struct gh__node *key = item->entries[i].key;

		if (module && gh__row_find(module->options, key->text))
			gh__mistake(b->mistakes, &key->place,
				    "'%s' is an option of '%s': indent it further", key->text.at,
				    module->name);
		else if (find_module(b, key->text))
			gh__mistake(b->mistakes, &key->place,
				    "each module of '%s' is an item of its own: write '- %s:'",
				    list->key, key->text.at);
		else
			gh__mistake(b->mistakes, &key->place,
				    "an item of '%s' is one module, so this key is one too many; "
				    "the options of a module are indented further than its name",
				    list->key);
	}
}

static void bind_handler(struct gh__bind *b, const struct list *list, const struct gh__scope *up,
			 struct gh__node *item, struct gh__handler_config *to)
{
	struct gh__node *name = item, *options;

	if (item->kind == GH__NODE_LIST || gh__node_is_null(item) ||
	    (item->kind == GH__NODE_MAP && item->count == 0)) {
		gh__mistake(b->mistakes, &item->place,
			    "an item of '%s' is the name of a module, or a name with its options, "
			    "but this is %s",
			    list->key,
			    item->kind == GH__NODE_MAP ? "an empty mapping"
						       : gh__node_kind_name(item));
		return;
	}
	if (item->kind == GH__NODE_MAP)
		name = item->entries[0].key;
	else
		name->open = true;

	const struct gh_module *m = gh__handler_module(b, item, &options);
	if (!m)
		refuse_module(b, list, name);
	else if (!fits_list(m, list))
		refuse_place(b, m, name);
	bool known = m && fits_list(m, list);
	/* Options of a source in place of the whole item: one mistake for all of them is enough. */
	if (item->kind == GH__NODE_MAP && item->count > 1 && (known || !list->sources))
		refuse_siblings(b, list, item, m);
	/* Options that stand beside their module would be told as missing too. */
	if (!known || (item->kind == GH__NODE_MAP && item->count > 1))
		return;

	struct gh__node none = { .kind = GH__NODE_SCALAR, .plain = true, .place = name->place };
	char what[80];
	snprintf(what, sizeof(what), "module '%.60s'", m->name);
	struct gh__scope s = { m->options, what, up, name->place };
	*to = (struct gh__handler_config){
		.module = m,
		.self = gh__arena_zero(b->arena, m->self_size ? m->self_size : 1),
		.place = name->place,
		.options = options,
	};
	gh__bind_rows(b, &s, options ? options : &none, to->self);
}

void gh__bind_handlers(struct gh__bind *b, const struct gh_option *row, const struct gh__scope *s,
		       struct gh__node *node, struct gh__handlers *to)
{
	const struct list *list = (int)row->type == GH__TYPE_SOURCES ? &sources : &handlers;
	size_t count = gh__node_items(node);

	if (count == 0 || gh__node_is_null(node)) {
		gh__mistake(b->mistakes, &node->place, "%s", list->empty);
		return;
	}
	if (list->sources && count > SOURCES_MOST) {
		gh__mistake(b->mistakes, &node->place, "'tls' must have at most %d entries",
			    SOURCES_MOST);
		return;
	}
	to->items = gh__arena_zero(b->arena, count * sizeof(*to->items));
	to->count = count;
	for (size_t i = 0; i < count; i++)
		bind_handler(b, list, s, gh__node_item(node, i), &to->items[i]);
}

/* ---- Routes ---- */

static bool path_covers(struct gh_str wide, struct gh_str narrow)
{
	return gh_str_is(wide, "/") || (gh_str_starts(narrow, wide) &&
					(narrow.len == wide.len || narrow.at[wide.len] == '/'));
}

static bool host_covers(struct gh_str wide, struct gh_str narrow)
{
	struct gh_str tail = gh_str_slice(wide, 1, wide.len);

	if (gh_str_eq(wide, narrow))
		return true;
	return gh_str_starts(wide, GH_STR("*.")) && narrow.len > tail.len &&
	       gh_str_eq(gh_str_slice(narrow, narrow.len - tail.len, narrow.len), tail);
}

/* Whether all that `narrow` takes is taken by `wide`; an empty list takes everything. */
static bool list_covers(struct gh_strings wide, struct gh_strings narrow,
			bool (*covers)(struct gh_str wide, struct gh_str narrow))
{
	if (wide.count == 0)
		return true;
	for (size_t i = 0; i < narrow.count; i++) {
		size_t k = 0;

		while (k < wide.count && !covers(wide.items[k], narrow.items[i]))
			k++;
		if (k == wide.count)
			return false;
	}
	return narrow.count > 0;
}

static bool takes_all_paths(const struct gh__match_config *m)
{
	for (size_t i = 0; i < m->path.count; i++)
		if (gh_str_is(m->path.items[i], "/"))
			return true;
	return m->path.count == 0;
}

static bool route_covers(const struct gh__match_config *wide, const struct gh__match_config *narrow)
{
	return (takes_all_paths(wide) || list_covers(wide->path, narrow->path, path_covers)) &&
	       list_covers(wide->host, narrow->host, host_covers) &&
	       list_covers(wide->method, narrow->method, gh_str_eq);
}

static bool all_keys_known(const struct gh_option *rows, const struct gh__node *map)
{
	for (size_t i = 0; map && map->kind == GH__NODE_MAP && i < map->count; i++)
		if (!gh__row_find(rows, map->entries[i].key->text))
			return false;
	return true;
}

static bool all_filled(struct gh_strings list)
{
	for (size_t i = 0; i < list.count; i++)
		if (list.items[i].len == 0)
			return false;
	return true;
}

/* Whether its match is what was meant: one with a mistake may seem to take everything. */
static bool is_sound(struct gh__node *node, const struct gh__match_config *m)
{
	const struct gh_option *row = gh__row_find(gh__route_rows, GH_STR("match"));
	struct gh__node *match = gh__node_get(node, GH_STR("match"));

	if (node->kind != GH__NODE_MAP || !all_keys_known(gh__route_rows, node) ||
	    !all_keys_known(row->fields, match) || !all_filled(m->path) || !all_filled(m->host) ||
	    !all_filled(m->method))
		return false;
	if (!match || gh__node_is_null(match))
		return true;
	if (match->kind != GH__NODE_MAP)
		return m->path.count > 0;
	return match->count ==
	       (size_t)(m->path.count > 0) + (m->host.count > 0) + (m->method.count > 0);
}

static void refuse_unreachable(struct gh__bind *b, struct gh__node *node,
			       const struct gh__config *c, size_t at)
{
	const struct gh__route_config *r = &c->routes[at];

	if (!is_sound(gh__node_item(node, at), &r->match))
		return;
	for (size_t i = 0; i < at; i++) {
		if (!is_sound(gh__node_item(node, i), &c->routes[i].match) ||
		    !route_covers(&c->routes[i].match, &r->match))
			continue;
		gh__mistake(b->mistakes, &r->place,
			    "no request reaches the route in line %u: the one in line %u takes all "
			    "of them; put this one above it",
			    r->place.line, c->routes[i].place.line);
		return;
	}
}

void gh__routes_finish(struct gh__bind *b, const struct gh__gateway *g, struct gh__node *node,
		       struct gh__config *c)
{
	const struct gh__route_written *written = g->routes.items;

	c->route_count = g->routes.count;
	c->routes = gh__arena_zero(b->arena, c->route_count * sizeof(*c->routes));
	for (size_t i = 0; i < c->route_count; i++) {
		const struct gh__route_written *w = &written[i];
		struct gh__route_config *r = &c->routes[i];

		*r = (struct gh__route_config){
			.name = w->name,
			.match = w->match,
			.handlers = w->handle.items,
			.handler_count = w->handle.count,
			.max_body = w->max_body,
			.place = gh__node_item(node, i)->place,
		};
		if (r->name.len == 0)
			r->name = r->match.path.count
					  ? r->match.path.items[0]
					  : gh__arena_printf(b->arena, "routes[%zu]", i);
	}
	for (size_t i = 0; i < c->route_count; i++)
		refuse_unreachable(b, node, c, i);
}
