#include "core/config/node.h"

#include <stdlib.h>
#include <yaml.h>

#include "core/base/memory.h"

struct anchor {
	struct gh_str name;
	struct gh__node *node; /* NULL while the node itself is being read */
};

/* One reading. Children wait on a stack until their parent is whole. */
struct reader {
	struct gh__tree *tree;
	struct gh__mistakes *mistakes;
	yaml_parser_t parser;
	yaml_event_t event;
	struct gh__node **stack;
	size_t stack_count, stack_room;
	struct anchor *anchors;
	size_t anchor_count, anchor_room;
	uint32_t total;
	unsigned flow; /* how many { and [ are open */
};

static struct gh__place place_of(const struct reader *r, yaml_mark_t mark)
{
	return (struct gh__place){ r->tree->file, (unsigned)mark.line + 1,
				   (unsigned)mark.column + 1 };
}

static struct gh_str event_text(const yaml_char_t *at)
{
	return gh_str((const char *)at);
}

/* Where in its line a character stands, counted in bytes. */
static size_t byte_column(struct gh_str line, size_t column)
{
	size_t at = 0;

	for (; at < line.len && column > 0; column--)
		do
			at++;
		while (at < line.len && ((unsigned char)line.at[at] & 0xc0) == 0x80);
	return at;
}

static void syntax_mistake(struct reader *r)
{
	const yaml_parser_t *p = &r->parser;
	const char *problem = p->problem ? p->problem : "it could not be read";

	if (p->error == YAML_READER_ERROR) {
		struct gh__place whole = { r->tree->file, 0, 0 };
		gh__mistake(r->mistakes, &whole,
			    "byte %zu is not text (%s); save the file as UTF-8",
			    p->problem_offset + 1, problem);
		return;
	}
	GH_CHECK(p->error == YAML_SCANNER_ERROR || p->error == YAML_PARSER_ERROR);

	struct gh__place place = place_of(r, p->problem_mark);
	/* A quote that is never closed is found at the file's end; where it opens helps more. */
	if (p->context && strstr(p->context, "quoted scalar") && strstr(problem, "stream")) {
		place = place_of(r, p->context_mark);
		gh__mistake(r->mistakes, &place, "a quote opens here and is never closed");
		return;
	}
	struct gh_str line = gh__mistakes_line(r->mistakes, place.line);
	if (line.len == 0 && p->context_mark.line < p->problem_mark.line) {
		place = place_of(r, p->context_mark);
		gh__mistake(r->mistakes, &place, "this is no YAML: %s %s; it is not closed",
			    p->context ? p->context : "what begins here:", problem);
		return;
	}
	gh__mistake(r->mistakes, &place, "this is no YAML: %s; %s", problem,
		    gh__syntax_mend(line, byte_column(line, place.column - 1), problem));
}

static int next_event(struct reader *r)
{
	yaml_event_delete(&r->event);
	memset(&r->event, 0, sizeof(r->event));
	if (yaml_parser_parse(&r->parser, &r->event))
		return 0;
	syntax_mistake(r);
	return -1;
}

static void push(struct reader *r, struct gh__node *n)
{
	if (r->stack_count == r->stack_room) {
		r->stack_room = r->stack_room * 2 + 64;
		r->stack = gh__realloc(r->stack, r->stack_room * sizeof(*r->stack));
	}
	r->stack[r->stack_count++] = n;
}

/* Later anchors of the same name hide earlier ones, as YAML has it. */
static size_t anchor_open(struct reader *r, struct gh_str name)
{
	if (r->anchor_count == r->anchor_room) {
		r->anchor_room = r->anchor_room * 2 + 16;
		r->anchors = gh__realloc(r->anchors, r->anchor_room * sizeof(*r->anchors));
	}
	r->anchors[r->anchor_count] = (struct anchor){ gh__arena_copy(r->tree->arena, name), NULL };
	return r->anchor_count++;
}

static int too_much(struct reader *r, struct gh__place place)
{
	gh__mistake(r->mistakes, &place,
		    "the file is too large from here on: it has more than %d values, counting "
		    "what aliases stand for",
		    GH__NODES_MOST);
	return -1;
}

static int too_deep(struct reader *r, struct gh__place place)
{
	gh__mistake(r->mistakes, &place, "this is nested more than %d levels deep", GH__DEPTH_MOST);
	return -1;
}

static int read_alias(struct reader *r, unsigned depth, struct gh__node **ret_node)
{
	struct gh_str name = event_text(r->event.data.alias.anchor);
	struct gh__place place = place_of(r, r->event.start_mark);

	for (size_t i = r->anchor_count; i-- > 0;) {
		struct gh__node *n = r->anchors[i].node;

		if (!gh_str_eq(r->anchors[i].name, name))
			continue;
		if (!n) {
			gh__mistake(r->mistakes, &place,
				    "'*" GH_FMT "' stands inside of what it names", GH_ARG(name));
			return -1;
		}
		if (depth + n->height - 1 > GH__DEPTH_MOST)
			return too_deep(r, place);
		if (n->weight > GH__NODES_MOST - r->total)
			return too_much(r, place);
		r->total += n->weight;
		*ret_node = n;
		return 0;
	}
	gh__mistake(r->mistakes, &place,
		    "no '&" GH_FMT "' stands above for '*" GH_FMT "'; a value that begins with * "
		    "must stand in quotes",
		    GH_ARG(name), GH_ARG(name));
	return -1;
}

static int refuse_tag(struct reader *r, const yaml_char_t *tag)
{
	struct gh__place place = place_of(r, r->event.start_mark);

	if (!tag)
		return 0;
	gh__mistake(
		r->mistakes, &place,
		"YAML tags are not used here; leave the tag out, or, if the value itself begins "
		"with !, put it in quotes");
	return -1;
}

static struct gh__node *new_node(struct reader *r, enum gh__node_kind kind)
{
	struct gh__node *n = gh__arena_zero(r->tree->arena, sizeof(*n));

	n->kind = kind;
	n->place = place_of(r, r->event.start_mark);
	n->in_flow = r->flow > 0;
	n->weight = n->height = 1;
	n->next = r->tree->all;
	r->tree->all = n;
	return n;
}

static int read_scalar(struct reader *r, struct gh__node **ret_node)
{
	struct gh__node *n = new_node(r, GH__NODE_SCALAR);
	struct gh_str text = { (const char *)r->event.data.scalar.value,
			       r->event.data.scalar.length };

	n->plain = r->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	n->end_line = (unsigned)r->event.end_mark.line + 1;
	n->end_column = (unsigned)r->event.end_mark.column + 1;
	n->text = n->written = gh__arena_copy(r->tree->arena, text);
	*ret_node = n;
	if (text.len == 0 || !memchr(text.at, 0, text.len))
		return 0;
	gh__mistake(r->mistakes, &n->place, "a text may not have a NUL byte in it");
	n->text = n->written = GH_STR("");
	return 0;
}

static int read_node(struct reader *r, unsigned depth, struct gh__node **ret_node);

static int read_list(struct reader *r, struct gh__node *n, unsigned depth)
{
	size_t base = r->stack_count;

	for (;;) {
		struct gh__node *item;

		if (next_event(r) < 0)
			return -1;
		if (r->event.type == YAML_SEQUENCE_END_EVENT)
			break;
		if (read_node(r, depth + 1, &item) < 0)
			return -1;
		push(r, item);
	}
	n->count = r->stack_count - base;
	n->items = gh__arena_get(r->tree->arena, n->count * sizeof(struct gh__node *));
	for (size_t i = 0; i < n->count; i++)
		n->items[i] = r->stack[base + i];
	r->stack_count = base;
	return 0;
}

/* A key that cannot be one is told here and left out. */
static bool usable_key(struct reader *r, size_t base, struct gh__node *key)
{
	if (key->kind != GH__NODE_SCALAR) {
		gh__mistake(r->mistakes, &key->place,
			    "a key must be plain text, but this is %s; a text with { or [ in it "
			    "must stand in quotes",
			    gh__node_kind_name(key));
		return false;
	}
	key->is_key = true;
	if (key->plain && gh_str_is(key->text, "<<")) {
		gh__mistake(r->mistakes, &key->place,
			    "merging with << is not supported; write the keys out, or let an alias "
			    "stand for the whole value");
		return false;
	}
	for (size_t i = base; i + 1 < r->stack_count; i += 2) {
		const struct gh__node *first = r->stack[i];

		if (!gh_str_eq(first->text, key->text))
			continue;
		gh__mistake(r->mistakes, &key->place,
			    "the key '%.60s' stands here twice; the first is in line %u",
			    key->text.at, first->place.line);
		return false;
	}
	return true;
}

static int read_map(struct reader *r, struct gh__node *n, unsigned depth)
{
	size_t base = r->stack_count;

	for (;;) {
		struct gh__node *key, *value;

		if (next_event(r) < 0)
			return -1;
		if (r->event.type == YAML_MAPPING_END_EVENT)
			break;
		if (r->event.type == YAML_ALIAS_EVENT) {
			struct gh__place place = place_of(r, r->event.start_mark);

			gh__mistake(r->mistakes, &place, "an alias may be a value, but not a key");
			return -1;
		}
		if (read_node(r, depth + 1, &key) < 0 || next_event(r) < 0 ||
		    read_node(r, depth + 1, &value) < 0)
			return -1;
		if (!usable_key(r, base, key))
			continue;
		push(r, key);
		push(r, value);
	}
	n->count = (r->stack_count - base) / 2;
	n->entries = gh__arena_get(r->tree->arena, n->count * sizeof(*n->entries));
	for (size_t i = 0; i < n->count; i++) {
		n->entries[i].key = r->stack[base + 2 * i];
		n->entries[i].value = r->stack[base + 2 * i + 1];
	}
	r->stack_count = base;
	return 0;
}

static int read_collection(struct reader *r, enum gh__node_kind kind, unsigned flow, unsigned depth,
			   struct gh__node **ret_node)
{
	uint32_t before = r->total - 1;
	struct gh__node *n = new_node(r, kind);

	r->flow += flow;
	if ((kind == GH__NODE_LIST ? read_list(r, n, depth) : read_map(r, n, depth)) < 0)
		return -1;
	r->flow -= flow;
	n->weight = r->total - before;
	for (size_t i = 0; i < n->count; i++) {
		const struct gh__node *child = kind == GH__NODE_LIST ? n->items[i]
								     : n->entries[i].value;
		if (child->height >= n->height)
			n->height = child->height + 1;
	}
	*ret_node = n;
	return 0;
}

/* Reads the node that begins with the current event. */
static int read_node(struct reader *r, unsigned depth, struct gh__node **ret_node)
{
	const yaml_event_t *e = &r->event;
	struct gh__place place = place_of(r, e->start_mark);
	const yaml_char_t *name = NULL, *tag = NULL;
	size_t anchor = 0;
	bool anchored;
	int result;

	if (depth > GH__DEPTH_MOST)
		return too_deep(r, place);
	if (e->type == YAML_ALIAS_EVENT)
		return read_alias(r, depth, ret_node);
	if (r->total++ == GH__NODES_MOST)
		return too_much(r, place);
	switch (e->type) {
	case YAML_SCALAR_EVENT:
		name = e->data.scalar.anchor;
		tag = e->data.scalar.tag;
		break;
	case YAML_SEQUENCE_START_EVENT:
		name = e->data.sequence_start.anchor;
		tag = e->data.sequence_start.tag;
		break;
	default:
		GH_CHECK(e->type == YAML_MAPPING_START_EVENT);
		name = e->data.mapping_start.anchor;
		tag = e->data.mapping_start.tag;
		break;
	}
	if (refuse_tag(r, tag) < 0)
		return -1;
	anchored = name != NULL;
	if (anchored)
		anchor = anchor_open(r, event_text(name));
	if (e->type == YAML_SCALAR_EVENT)
		result = read_scalar(r, ret_node);
	else if (e->type == YAML_SEQUENCE_START_EVENT)
		result = read_collection(r, GH__NODE_LIST,
					 e->data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE,
					 depth, ret_node);
	else
		result = read_collection(r, GH__NODE_MAP,
					 e->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE,
					 depth, ret_node);
	if (result == 0 && anchored)
		r->anchors[anchor].node = *ret_node;
	return result;
}

static int read_document(struct reader *r, struct gh__node **ret_root)
{
	if (next_event(r) < 0 || next_event(r) < 0)
		return -1;
	if (r->event.type == YAML_STREAM_END_EVENT)
		return 0;
	GH_CHECK(r->event.type == YAML_DOCUMENT_START_EVENT);
	if (next_event(r) < 0 || read_node(r, 1, ret_root) < 0 || next_event(r) < 0 ||
	    next_event(r) < 0)
		return -1;
	if (r->event.type == YAML_STREAM_END_EVENT)
		return 0;
	struct gh__place place = place_of(r, r->event.start_mark);
	gh__mistake(r->mistakes, &place,
		    "a second document begins here, but a config is one document; take the line "
		    "'---' away");
	return -1;
}

void gh__node_read(struct gh__tree *t, struct gh_str bytes, struct gh__mistakes *m)
{
	struct reader r = { .tree = t, .mistakes = m };
	struct gh__node *root = NULL;

	if (bytes.len > GH__SOURCE_MOST) {
		struct gh__place whole = { t->file, 0, 0 };
		gh__mistake(m, &whole, "the file has %zu bytes, but a config may have %d",
			    bytes.len, GH__SOURCE_MOST);
		return;
	}
	if (!yaml_parser_initialize(&r.parser))
		abort(); /* out of memory */
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)(bytes.at ? bytes.at : ""),
				     bytes.len);
	if (read_document(&r, &root) == 0)
		t->root = root;
	yaml_event_delete(&r.event);
	yaml_parser_delete(&r.parser);
	gh__free(r.stack);
	gh__free(r.anchors);
}

struct gh__node *gh__node_get(const struct gh__node *map, struct gh_str key)
{
	if (!map || map->kind != GH__NODE_MAP)
		return NULL;
	for (size_t i = 0; i < map->count; i++)
		if (gh_str_eq(map->entries[i].key->text, key))
			return map->entries[i].value;
	return NULL;
}

const struct gh__place *gh__node_find(const struct gh__node *n, struct gh_str text)
{
	const struct gh__place *found = NULL;

	if (!n || !text.at)
		return NULL;
	if (n->kind == GH__NODE_SCALAR)
		return n->text.at == text.at ? &n->place : NULL;
	for (size_t i = 0; i < n->count && !found; i++) {
		bool map = n->kind == GH__NODE_MAP;
		if (map)
			found = gh__node_find(n->entries[i].key, text);
		if (!found)
			found = gh__node_find(map ? n->entries[i].value : n->items[i], text);
	}
	return found;
}

bool gh__node_is_null(const struct gh__node *n)
{
	return n->kind == GH__NODE_SCALAR && n->plain &&
	       (n->text.len == 0 || gh_str_is(n->text, "~") || gh_str_is(n->text, "null"));
}

const char *gh__node_kind_name(const struct gh__node *n)
{
	switch (n->kind) {
	case GH__NODE_LIST:
		return "a list";
	case GH__NODE_MAP:
		return "a mapping";
	default:
		return gh__node_is_null(n) ? "empty" : "a single value";
	}
}
