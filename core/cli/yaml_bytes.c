#include "core/cli/yaml_bytes.h"

#include <stdlib.h>
#include <yaml.h>

#include "core/base/memory.h"

struct reader {
	struct gh__arena *arena;
	yaml_parser_t parser;
	struct gh__yaml_mistake mistake;
	uint32_t *byte_of; /* of each character, and of the end */
	size_t characters;
};

/* libyaml counts characters. It has refused what is no UTF-8 by the time that a mark is used. */
static void count(struct reader *r, struct gh_str bytes)
{
	r->byte_of = gh__alloc((bytes.len + 1) * sizeof *r->byte_of);
	for (size_t i = 0; i < bytes.len; i++)
		if (((unsigned char)bytes.at[i] & 0xc0) != 0x80)
			r->byte_of[r->characters++] = (uint32_t)i;
	r->byte_of[r->characters] = (uint32_t)bytes.len;
}

static size_t byte_of(const struct reader *r, yaml_mark_t mark)
{
	return r->byte_of[mark.index < r->characters ? mark.index : r->characters];
}

static int wrong(struct reader *r, yaml_mark_t mark, const char *what)
{
	r->mistake = (struct gh__yaml_mistake){ mark.line + 1, mark.column + 1, what };
	return -1;
}

static int next(struct reader *r, yaml_event_t *ret_event)
{
	if (yaml_parser_parse(&r->parser, ret_event) == 1)
		return 0;
	if (r->parser.error == YAML_READER_ERROR) {
		r->mistake = (struct gh__yaml_mistake){ 0, 0, "this is no text in UTF-8" };
		return -1;
	}
	return wrong(r, r->parser.problem_mark,
		     r->parser.problem ? r->parser.problem : "this is no YAML");
}

static int read_node(struct reader *r, const yaml_event_t *e, unsigned depth,
		     struct gh__yaml **ret_node);

static int read_items(struct reader *r, struct gh__yaml *parent, yaml_event_type_t end,
		      unsigned depth)
{
	for (;;) {
		yaml_event_t e;
		struct gh__yaml *item = NULL;
		if (next(r, &e))
			return -1;
		bool is_end = e.type == end;
		int rc = 0;
		if (is_end && parent->flow)
			parent->end = byte_of(r, e.end_mark);
		else if (!is_end)
			rc = read_node(r, &e, depth, &item);
		yaml_event_delete(&e);
		if (rc || is_end)
			return rc;
		if (parent->last)
			parent->last->next = item;
		else
			parent->first = item;
		parent->last = item;
		if (!parent->flow && item->end > parent->end)
			parent->end = item->end;
	}
}

static int read_node(struct reader *r, const yaml_event_t *e, unsigned depth,
		     struct gh__yaml **ret_node)
{
	struct gh__yaml *n = gh__arena_zero(r->arena, sizeof *n);
	yaml_event_type_t end = YAML_NO_EVENT;

	if (depth >= GH__YAML_DEPTH_MOST)
		return wrong(r, e->start_mark, "this is nested too deep");
	n->begin = byte_of(r, e->start_mark);
	n->end = byte_of(r, e->end_mark);
	n->line = e->start_mark.line + 1;
	n->column = e->start_mark.column + 1;
	switch (e->type) {
	case YAML_SCALAR_EVENT:
		n->text = gh__arena_copy(r->arena,
					 (struct gh_str){ (const char *)e->data.scalar.value,
							  e->data.scalar.length });
		n->plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
		n->block = e->data.scalar.style == YAML_LITERAL_SCALAR_STYLE ||
			   e->data.scalar.style == YAML_FOLDED_SCALAR_STYLE;
		break;
	case YAML_MAPPING_START_EVENT:
		n->kind = GH__YAML_MAP;
		n->flow = e->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE;
		end = YAML_MAPPING_END_EVENT;
		break;
	case YAML_SEQUENCE_START_EVENT:
		n->kind = GH__YAML_LIST;
		n->flow = e->data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE;
		end = YAML_SEQUENCE_END_EVENT;
		break;
	default:
		n->kind = GH__YAML_ALIAS;
		break;
	}
	*ret_node = n;
	return end == YAML_NO_EVENT ? 0 : read_items(r, n, end, depth + 1);
}

static int read_stream(struct reader *r, struct gh__yaml **ret_root)
{
	struct gh__yaml *root = NULL;
	bool had_document = false;

	for (;;) {
		yaml_event_t e;
		int rc = 0;
		if (next(r, &e))
			return -1;
		yaml_event_type_t type = e.type;
		if (type == YAML_DOCUMENT_START_EVENT && had_document)
			rc = wrong(r, e.start_mark, "a second document begins; keep one");
		else if (type == YAML_DOCUMENT_START_EVENT)
			had_document = true;
		else if (type != YAML_STREAM_START_EVENT && type != YAML_STREAM_END_EVENT &&
			 type != YAML_DOCUMENT_END_EVENT)
			rc = read_node(r, &e, 0, &root);
		yaml_event_delete(&e);
		if (rc)
			return -1;
		if (type == YAML_STREAM_END_EVENT)
			break;
	}
	*ret_root = root && gh__yaml_is_empty(root) ? NULL : root;
	return 0;
}

int gh__yaml_read(struct gh__arena *a, struct gh_str bytes, struct gh__yaml **ret_root,
		  struct gh__yaml_mistake *ret_mistake)
{
	struct reader r = { .arena = a };

	if (bytes.len > GH__YAML_BYTES_MOST) {
		*ret_mistake = (struct gh__yaml_mistake){ 0, 0, "the file is too large" };
		return -1;
	}
	if (!yaml_parser_initialize(&r.parser))
		abort();
	count(&r, bytes);
	/* Said, so that a mark at its begin is a character as others are. */
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)(bytes.len ? bytes.at : ""),
				     bytes.len);
	int rc = read_stream(&r, ret_root);

	if (rc)
		*ret_mistake = r.mistake;
	yaml_parser_delete(&r.parser);
	gh__free(r.byte_of);
	return rc;
}

struct gh__yaml *gh__yaml_get(const struct gh__yaml *map, struct gh_str name)
{
	if (!map || map->kind != GH__YAML_MAP)
		return NULL;
	for (struct gh__yaml *n = map->first; n; n = n->next->next)
		if (n->kind == GH__YAML_SCALAR && gh_str_eq(n->text, name))
			return n->next;
	return NULL;
}

bool gh__yaml_is_empty(const struct gh__yaml *v)
{
	return v->kind == GH__YAML_SCALAR && v->plain && v->text.len == 0;
}

/* As deep as the reader let them be. */
bool gh__yaml_same(const struct gh__yaml *a, const struct gh__yaml *b)
{
	if (!a || !b)
		return a == b;
	if (a->kind != b->kind || !gh_str_eq(a->text, b->text))
		return false;
	const struct gh__yaml *x = a->first, *y = b->first;

	for (; x && y; x = x->next, y = y->next)
		if (!gh__yaml_same(x, y))
			return false;
	return x == y;
}
