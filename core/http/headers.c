/*
 * The list of a message's header fields: what modules do with it, and what core takes out of it.
 */
#include "core/http/header.h"
#include "core/http/octets.h"

enum { FIRST_ROOM = 8 };

void gh__headers_init(struct gh_headers *h, struct gh__arena *a)
{
	*h = (struct gh_headers){ .arena = a };
}

void gh__headers_reserve(struct gh_headers *h, uint32_t room)
{
	struct gh_header *items = gh__arena_get(h->arena, room * sizeof *items);

	if (h->count)
		memcpy(items, h->items, h->count * sizeof *items);
	h->items = items;
	h->room = room;
}

void gh__headers_push(struct gh_headers *h, uint16_t id, struct gh_str name, struct gh_str value)
{
	if (h->count == h->room)
		gh__headers_reserve(h, h->room ? h->room * 2 : FIRST_ROOM);
	h->items[h->count++] = (struct gh_header){
		.name = name.at,
		.value = value.at,
		.value_len = (uint32_t)value.len,
		.name_len = (uint16_t)name.len,
		.id = id,
	};
}

void gh__headers_keep(struct gh_headers *h, struct gh__arena *a)
{
	h->arena = a;
	gh__headers_reserve(h, h->count + FIRST_ROOM);
	for (uint32_t i = 0; i < h->count; i++) {
		struct gh_header *field = h->items + i;
		field->name = gh__arena_copy(a, gh_header_name(field)).at;
		field->value = gh__arena_copy(a, gh_header_value(field)).at;
	}
}

const struct gh_header *gh__headers_by_id(const struct gh_headers *h, uint16_t id)
{
	for (uint32_t i = 0; i < h->count; i++)
		if (h->items[i].id == id)
			return &h->items[i];
	return NULL;
}

size_t gh__headers_remove_id(struct gh_headers *h, uint16_t id)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < h->count; i++) {
		if (h->items[i].id == id)
			continue;
		if (kept != i)
			h->items[kept] = h->items[i];
		kept++;
	}
	size_t removed = h->count - kept;
	h->count = kept;
	return removed;
}

const struct gh_header *gh_header_find(const struct gh_headers *h, struct gh_str name)
{
	uint16_t id = name.len ? gh__header_number(name.at, name.len) : GH__H_OTHER;

	if (id != GH__H_OTHER)
		return gh__headers_by_id(h, id);
	for (uint32_t i = 0; i < h->count; i++)
		if (h->items[i].id == GH__H_OTHER &&
		    gh_str_same(gh_header_name(&h->items[i]), name))
			return &h->items[i];
	return NULL;
}

struct gh_str gh_header_get(const struct gh_headers *h, struct gh_str name)
{
	const struct gh_header *found = gh_header_find(h, name);

	return found ? gh_header_value(found) : (struct gh_str){ "", 0 };
}

int gh_header_check(struct gh_str name, struct gh_str value, const char **ret_why)
{
	const char *why = NULL;

	if (name.len > UINT16_MAX || value.len > UINT32_MAX)
		why = "it is too long";
	else if (!gh__is_token(name))
		why = "a name is letters, digits and `-`";
	else if (!gh__is_field_value(gh__trim(value)))
		why = "its value may not have control characters";
	struct gh_header h = { .name = name.at, .name_len = (uint16_t)name.len };
	if (!why) {
		h.id = gh__header_number(name.at, name.len);
		if (gh__header_traits(&h) & (GH__HOP | GH__FRAMING))
			why = "the gateway makes this field itself for each connection";
	}
	if (why && ret_why)
		*ret_why = why;
	return why ? -1 : 0;
}

static void put(struct gh_headers *h, struct gh_str name, struct gh_str value)
{
	gh__headers_push(h, gh__header_number(name.at, name.len), gh__arena_copy(h->arena, name),
			 gh__arena_copy(h->arena, value));
}

int gh_header_set(struct gh_headers *h, struct gh_str name, struct gh_str value)
{
	value = gh__trim(value);
	if (gh_header_check(name, value, NULL))
		return -1;
	/* Copied first: the name may be that of the very field that goes. */
	put(h, name, value);
	struct gh_header last = h->items[--h->count];
	gh_header_remove(h, gh_header_name(&last));
	h->items[h->count++] = last;
	return 0;
}

int gh_header_add(struct gh_headers *h, struct gh_str name, struct gh_str value)
{
	value = gh__trim(value);
	if (gh_header_check(name, value, NULL))
		return -1;
	put(h, name, value);
	return 0;
}

static bool same_name(const struct gh_header *h, struct gh_str name)
{
	if (h->name_len != name.len)
		return false;
	for (size_t i = 0; i < name.len; i++) {
		char x = h->name[i] == '_' ? '-' : gh_lower(h->name[i]);
		char y = name.at[i] == '_' ? '-' : gh_lower(name.at[i]);
		if (x != y)
			return false;
	}
	return true;
}

size_t gh_header_remove(struct gh_headers *h, struct gh_str name)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < h->count; i++) {
		if (same_name(&h->items[i], name))
			continue;
		if (kept != i)
			h->items[kept] = h->items[i];
		kept++;
	}
	size_t removed = h->count - kept;
	h->count = kept;
	return removed;
}

/* ---- Strip ---- */

/* What a Connection field may name away: not `Host`, which is for every recipient (RFC 9110 7.6.1),
 * and hop-by-hop names go anyway. How many names there are was bounded with the head. */
static void strip_nominated(struct gh_headers *h, struct gh_str list)
{
	struct gh_str name;

	while (gh__list_next(&list, &name)) {
		if (name.len == 0 || gh_str_same(name, GH_STR("close")))
			continue;
		uint16_t id = gh__header_number(name.at, name.len);
		struct gh_header named = { .name = name.at,
					   .name_len = (uint16_t)name.len,
					   .id = id };
		if (id == GH__H_HOST || gh__header_traits(&named) & (GH__HOP | GH__FRAMING))
			continue;
		gh_header_remove(h, name);
	}
}

void gh__headers_strip(struct gh_headers *h, enum gh__side side)
{
	unsigned out = GH__HOP | GH__FRAMING | (side == GH__FROM_CLIENT ? GH__OWNED : 0);
	struct gh_str nominations[GH__CONNECTION_FIELDS];
	size_t nomination_count = 0;
	uint32_t kept = 0;

	for (uint32_t i = 0; i < h->count; i++) {
		const struct gh_header *f = &h->items[i];
		if (f->id == GH__H_CONNECTION && nomination_count < GH_COUNT_OF(nominations))
			nominations[nomination_count++] = gh_header_value(f);
		if (gh__header_traits(f) & out)
			continue;
		if (kept != i)
			h->items[kept] = *f;
		kept++;
	}
	h->count = kept;
	for (size_t i = 0; i < nomination_count; i++)
		strip_nominated(h, nominations[i]);
}
