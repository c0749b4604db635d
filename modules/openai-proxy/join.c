#include "join.h"

#include <stdio.h>
#include <stdlib.h>

static int fail(struct openai_tree *t, const char *why)
{
	t->why = why;
	return -1;
}

/* ---- memory ---- */

static struct openai_part *make(struct openai_tree *t)
{
	struct openai_part *p = calloc(1, sizeof *p);

	if (!p) {
		fputs("gatehouse: openai-proxy: out of memory\n", stderr);
		abort();
	}
	t->held += sizeof *p;
	return p;
}

static void release(struct openai_part *p)
{
	openai_hold_free(&p->name);
	openai_hold_free(&p->bytes);
	while (p->first) {
		struct openai_part *child = p->first;
		p->first = child->next;
		release(child);
		free(child);
	}
}

void openai_tree_init(struct openai_tree *t, size_t max)
{
	*t = (struct openai_tree){ .root.kind = OPENAI_PART_OBJECT, .max = max };
}

void openai_tree_finish(struct openai_tree *t)
{
	release(&t->root);
}

static void put(struct openai_tree *t, struct openai_hold *to, struct gh_str text)
{
	size_t room = to->room;

	openai_hold_add(to, text);
	t->held += to->room - room;
}

struct gh_str openai_tree_meant(const struct openai_tree *t, struct gh_str text)
{
	if (!t->meant.at || text.len == 0)
		return text;
	size_t from = (size_t)(text.at - t->read.at);
	return gh_str_slice(t->meant, from, from + text.len);
}

static void keep(struct openai_tree *t, struct openai_hold *to, struct gh_str text)
{
	put(t, to, openai_tree_meant(t, text));
}

/* ---- members and elements ---- */

static struct openai_part *insert(struct openai_tree *t, struct openai_part *of,
				  struct openai_part **at)
{
	struct openai_part *p;

	if (of->count == OPENAI_PARTS_MAX) {
		fail(t, "The model server's answer has too many choices, calls or members.");
		return NULL;
	}
	p = make(t);
	p->next = *at;
	*at = p;
	of->count++;
	return p;
}

/* However it is escaped; but where both are, and differently, they are two. */
static bool same_name(struct gh_json a, struct gh_json b)
{
	struct gh_str plain;

	if (gh_str_eq(a.text, b.text))
		return true;
	return gh_json_plain(a, &plain) ? gh_json_is(b, plain)
					: gh_json_plain(b, &plain) && gh_json_is(a, plain);
}

static struct openai_part *member(struct openai_tree *t, struct openai_part *object,
				  const char *known, struct gh_json name)
{
	struct openai_part **at = &object->first, *p;
	struct gh_json raw = { openai_tree_meant(t, name.text) };

	for (; (p = *at); at = &p->next) {
		if (known ? p->known && strcmp(known, p->known) == 0
			  : !p->known &&
				    same_name(raw, (struct gh_json){ openai_hold_text(&p->name) }))
			return p;
	}
	p = insert(t, object, at);
	if (!p)
		return NULL;
	p->known = known;
	if (!known)
		put(t, &p->name, raw.text);
	return p;
}

static struct openai_part *element(struct openai_tree *t, struct openai_part *list, unsigned index)
{
	struct openai_part **at = &list->first;

	while (*at && (*at)->index < index)
		at = &(*at)->next;
	if (*at && (*at)->index == index)
		return *at;
	struct openai_part *p = insert(t, list, at);
	if (p) {
		p->index = index;
		p->kind = OPENAI_PART_OBJECT;
	}
	return p;
}

struct openai_part *openai_part_get(const struct openai_part *p, const char *name)
{
	struct openai_part *child = p ? p->first : NULL;

	while (child && !(child->known && strcmp(child->known, name) == 0))
		child = child->next;
	return child;
}

struct openai_part *openai_part_need(struct openai_tree *t, struct openai_part *object,
				     const char *name)
{
	struct openai_part *p = openai_part_get(object, name);

	if (!p) {
		p = make(t);
		p->known = name;
		p->next = object->first;
		object->first = p;
	}
	return p;
}

void openai_part_set(struct openai_tree *t, struct openai_part *p, struct gh_str json)
{
	release(p);
	p->kind = OPENAI_PART_RAW;
	put(t, &p->bytes, json);
}

/* ---- joining ---- */

static int join_members(struct openai_tree *t, struct openai_part *p,
			const struct openai_shape *shape, struct gh_json object);

/* Once it is something, it stays of one kind. */
static int become(struct openai_tree *t, struct openai_part *p, enum openai_part_kind kind)
{
	if (p->kind != OPENAI_PART_NULL && p->kind != kind)
		return fail(t, "The model server's answer has a member of two types.");
	p->kind = kind;
	return 0;
}

static int replace(struct openai_tree *t, struct openai_part *p, struct gh_json value)
{
	bool says_nothing = gh_str_is(value.text, "\"\"");

	if (p->kind == OPENAI_PART_RAW && says_nothing)
		return 0;
	if (become(t, p, OPENAI_PART_RAW))
		return -1;
	p->bytes.len = 0;
	keep(t, &p->bytes, value.text);
	return 0;
}

static int join_string(struct openai_tree *t, struct openai_part *p, enum openai_join how,
		       struct gh_json value)
{
	struct gh_str text = gh_str_slice(value.text, 1, value.text.len - 1);

	if (become(t, p, OPENAI_PART_STRING))
		return -1;
	if (how == OPENAI_JOIN_NAME &&
	    gh_str_eq(openai_tree_meant(t, text), openai_hold_text(&p->bytes)))
		return 0;
	keep(t, &p->bytes, text);
	return 0;
}

static int join_list(struct openai_tree *t, struct openai_part *p, struct gh_json value)
{
	struct gh_json_iterator it = gh_json_each(value);
	struct gh_json item;

	if (become(t, p, OPENAI_PART_LIST))
		return -1;
	while (gh_json_next(&it, NULL, &item)) {
		if (p->bytes.len)
			put(t, &p->bytes, GH_STR(","));
		keep(t, &p->bytes, item.text);
	}
	return 0;
}

/* The one with this `id`, or NULL. */
static const struct openai_part *with_id(const struct openai_tree *t,
					 const struct openai_part *list, struct gh_json id)
{
	const struct openai_part *p = list->first;

	for (; p; p = p->next) {
		const struct openai_part *its = openai_part_get(p, "id");
		if (its && gh_str_eq(openai_tree_meant(t, id.text), openai_hold_text(&its->bytes)))
			return p;
	}
	return NULL;
}

/* Of an element that does not say which one it is: as its `id` says, or it goes on with the newest, or its
 * place in the list says it. */
static unsigned guess_index(const struct openai_tree *t, const struct openai_part *list,
			    struct gh_json value, unsigned place)
{
	const struct openai_part *newest = list->first, *same;
	struct gh_json id = { { NULL, 0 } };

	while (newest && newest->next)
		newest = newest->next;
	gh_json_get(value, GH_STR("id"), &id);
	if (gh_json_type(id) == GH_JSON_STRING && id.text.len > 2) {
		same = with_id(t, list, id);
		return same ? same->index : newest ? newest->index + 1 : 0;
	}
	return newest && place == 0 ? newest->index : place;
}

static int join_element(struct openai_tree *t, struct openai_part *list,
			const struct openai_shape *shape, struct gh_json value, unsigned place)
{
	struct gh_json found = { { NULL, 0 } };
	struct openai_part *p;
	int64_t index;

	if (gh_json_type(value) != GH_JSON_OBJECT)
		return fail(t,
			    "The model server's answer has a choice or a call that is no object.");
	gh_json_get(value, GH_STR("index"), &found);
	if (gh_json_type(found) <= GH_JSON_NULL)
		index = guess_index(t, list, value, place);
	else if (gh_json_int(found, &index))
		return fail(t, "The model server's answer has an index that is no whole number.");
	if (index < 0 || index >= OPENAI_PARTS_MAX)
		return fail(t, "The model server's answer has an index that is too large.");
	p = element(t, list, (unsigned)index);
	return p ? join_members(t, p, shape, value) : -1;
}

static int join_indexed(struct openai_tree *t, struct openai_part *p,
			const struct openai_shape *shape, struct gh_json value)
{
	struct gh_json_iterator it = gh_json_each(value);
	struct gh_json item;
	unsigned place = 0;

	if (become(t, p, OPENAI_PART_INDEXED))
		return -1;
	while (gh_json_next(&it, NULL, &item))
		if (join_element(t, p, shape, item, place++))
			return -1;
	return 0;
}

static int join_value(struct openai_tree *t, struct openai_part *p,
		      const struct openai_shape_rule *rule, struct gh_json value)
{
	enum gh_json_type type = gh_json_type(value);
	enum openai_join how = rule->join;
	bool texts = how == OPENAI_JOIN_TEXT || how == OPENAI_JOIN_NAME;

	if (type == GH_JSON_NULL)
		return 0;
	if (texts && type == GH_JSON_STRING)
		return join_string(t, p, how, value);
	if ((texts || how == OPENAI_JOIN_LIST) && type == GH_JSON_ARRAY)
		return join_list(t, p, value);
	if (how == OPENAI_JOIN_INDEXED && type == GH_JSON_ARRAY)
		return join_indexed(t, p, rule->inner, value);
	if ((how == OPENAI_JOIN_ANY || how == OPENAI_JOIN_MEMBERS) && type == GH_JSON_OBJECT)
		return become(t, p, OPENAI_PART_OBJECT) || join_members(t, p, rule->inner, value)
			       ? -1
			       : 0;
	if (how == OPENAI_JOIN_MEMBERS || how == OPENAI_JOIN_INDEXED)
		return fail(
			t,
			"The model server's answer has a member of another type than it can be.");
	return replace(t, p, value);
}

static const struct openai_shape_member *look_up(const struct openai_shape *shape,
						 struct gh_json name)
{
	const struct openai_shape_member *m = shape->members;

	while (m && m->name && !gh_json_is(name, gh_str(m->name)))
		m++;
	return m && m->name ? m : NULL;
}

static int join_members(struct openai_tree *t, struct openai_part *p,
			const struct openai_shape *shape, struct gh_json object)
{
	struct gh_json_iterator it = gh_json_each(object);
	struct gh_json name, value;

	while (gh_json_next(&it, &name, &value)) {
		const struct openai_shape_member *m = look_up(shape, name);
		const struct openai_shape_rule *rule = m ? &m->rule : &shape->rest;
		struct openai_part *child;

		if (rule->join == OPENAI_JOIN_DROP)
			continue;
		child = member(t, p, m && m->as ? m->as : m ? m->name : NULL, name);
		if (!child || join_value(t, child, rule, value))
			return -1;
		if (t->held > t->max)
			return fail(
				t,
				"The model server's answer is too large to be put together here.");
	}
	return 0;
}

int openai_tree_join(struct openai_tree *t, const struct openai_shape *shape, struct gh_json object)
{
	return join_members(t, &t->root, shape, object);
}

/* ---- writing ---- */

static void write_children(const struct openai_part *p, struct openai_hold *to)
{
	for (const struct openai_part *c = p->first; c; c = c->next) {
		if (c != p->first)
			openai_hold_add(to, GH_STR(","));
		if (p->kind == OPENAI_PART_OBJECT) {
			if (c->known) {
				openai_hold_add(to, GH_STR("\""));
				openai_hold_add(to, gh_str(c->known));
				openai_hold_add(to, GH_STR("\""));
			} else {
				openai_hold_add(to, openai_hold_text(&c->name));
			}
			openai_hold_add(to, GH_STR(":"));
		}
		openai_part_write(c, to);
	}
}

void openai_part_write(const struct openai_part *p, struct openai_hold *to)
{
	static const struct {
		struct gh_str open, close;
	} around[] = {
		[OPENAI_PART_NULL] = { GH_STR_INIT("null"), GH_STR_INIT("") },
		[OPENAI_PART_RAW] = { GH_STR_INIT(""), GH_STR_INIT("") },
		[OPENAI_PART_STRING] = { GH_STR_INIT("\""), GH_STR_INIT("\"") },
		[OPENAI_PART_LIST] = { GH_STR_INIT("["), GH_STR_INIT("]") },
		[OPENAI_PART_OBJECT] = { GH_STR_INIT("{"), GH_STR_INIT("}") },
		[OPENAI_PART_INDEXED] = { GH_STR_INIT("["), GH_STR_INIT("]") },
	};

	openai_hold_add(to, around[p->kind].open);
	openai_hold_add(to, openai_hold_text(&p->bytes));
	write_children(p, to);
	openai_hold_add(to, around[p->kind].close);
}
