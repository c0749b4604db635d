#include "list_read.h"

#include <stdio.h>
#include <stdlib.h>

#include <gatehouse/json.h>

#include "name.h"

static const int64_t end_of_9999 = 253402300799; /* what comes after has five digits */

/* ---- one model ---- */

/* A member that is there once; what is there twice is as good as not told. */
static struct gh_json member(struct gh_json object, struct gh_str name)
{
	struct gh_json v = { .text = { NULL, 0 } };

	return gh_json_get(object, name, &v) == 1 ? v : (struct gh_json){ .text = { NULL, 0 } };
}

/* `2026-11-23T01:02:03`, perhaps a fraction, and `Z` or how far from it. */
static bool is_time(struct gh_str s)
{
	static const char form[] = "0000-00-00T00:00:00";

	if (s.len < sizeof form || s.len > 40)
		return false;
	for (size_t i = 0; i < sizeof form - 1; i++)
		if (form[i] == '0' ? s.at[i] < '0' || s.at[i] > '9' : s.at[i] != form[i])
			return false;
	for (size_t i = sizeof form - 1; i < s.len; i++)
		if (!memchr("0123456789.:+-Z", s.at[i], 15))
			return false;
	return true;
}

static void read_times(struct gh_json object, struct openai_list_model *m)
{
	struct gh_str text;
	int64_t created;

	if (gh_json_int(member(object, GH_STR("created")), &created) == 0 && created > 0 &&
	    created <= end_of_9999)
		m->created = created;
	if (gh_json_plain(member(object, GH_STR("created_at")), &text) && is_time(text))
		m->created_at = text;
}

/* The id's characters go to `id`. False: this is no model. */
static bool read_model(struct gh_json object, char id[OPENAI_MODEL_MAX],
		       struct openai_list_model *ret_model)
{
	struct openai_list_model m = { .object = object.text };
	struct gh_json value, display = member(object, GH_STR("display_name"));
	size_t len;

	if (object.text.len > OPENAI_LIST_OBJECT_BYTES ||
	    gh_json_get(object, GH_STR("id"), &value) != 1 ||
	    gh_json_string(value, id, OPENAI_MODEL_MAX, &len) || len == 0)
		return false;
	m.id = (struct gh_str){ id, len };
	if (openai_name_check(m.id))
		return false;
	m.id_at = (uint32_t)(value.text.at - object.text.at);
	m.id_len = (uint32_t)value.text.len;
	m.lacks = (gh_json_get(object, GH_STR("object"), NULL) ? 0 : OPENAI_LACKS_OBJECT) |
		  (gh_json_get(object, GH_STR("created"), NULL) ? 0 : OPENAI_LACKS_CREATED) |
		  (gh_json_get(object, GH_STR("owned_by"), NULL) ? 0 : OPENAI_LACKS_OWNER);
	read_times(object, &m);
	if (gh_json_type(display) == GH_JSON_STRING &&
	    display.text.len <= OPENAI_LIST_DISPLAY_BYTES)
		m.display = display.text;
	*ret_model = m;
	return true;
}

/* ---- the whole ---- */

/* Entries that are models, up to the limit: how many, and how much text they have. */
static void measure(struct gh_json data, size_t *ret_count, size_t *ret_bytes)
{
	struct gh_json_iterator it = gh_json_each(data);
	struct openai_list_model m;
	char id[OPENAI_MODEL_MAX];
	struct gh_json item;

	*ret_count = *ret_bytes = 0;
	while (*ret_count < OPENAI_LIST_MODELS && gh_json_next(&it, NULL, &item)) {
		if (!read_model(item, id, &m))
			continue;
		++*ret_count;
		*ret_bytes += m.object.len + m.id.len;
	}
}

static struct openai_list *make(size_t count, size_t bytes, char **ret_text)
{
	size_t size = sizeof(struct openai_list) +
		      count * (sizeof(struct openai_list_model) + sizeof(struct openai_indexed)) +
		      bytes;
	struct openai_list *l = calloc(1, size);

	if (!l) {
		fprintf(stderr, "gatehouse: openai-proxy: out of memory: %zu bytes\n", size);
		abort();
	}
	l->models = (struct openai_list_model *)(void *)(l + 1);
	l->index.items = (struct openai_indexed *)(void *)(l->models + count);
	*ret_text = (char *)(l->index.items + count);
	atomic_init(&l->refs, 1);
	return l;
}

static struct gh_str put(char **to, struct gh_str s)
{
	struct gh_str copy = { *to, s.len };

	memcpy(*to, s.at, s.len);
	*to += s.len;
	return copy;
}

/* The same slice of a copy. */
static struct gh_str moved(struct gh_str part, struct gh_str from, struct gh_str to)
{
	if (part.len == 0)
		return part;
	return (struct gh_str){ to.at + (part.at - from.at), part.len };
}

static struct openai_list *keep(struct gh_json data)
{
	struct gh_json_iterator it = gh_json_each(data);
	char id[OPENAI_MODEL_MAX], *text;
	size_t count, bytes;
	struct gh_json item;

	measure(data, &count, &bytes);

	struct openai_list *l = make(count, bytes, &text);

	while (l->count < count && gh_json_next(&it, NULL, &item)) {
		struct openai_list_model *m = l->models + l->count;
		if (!read_model(item, id, m))
			continue;
		struct gh_str told = m->object;
		m->id = put(&text, m->id);
		m->object = put(&text, told);
		m->display = moved(m->display, told, m->object);
		m->created_at = moved(m->created_at, told, m->object);
		l->index.items[l->count] = (struct openai_indexed){ m->id, (uint32_t)l->count };
		l->count++;
	}
	l->index.count = l->count;
	openai_index_sort(&l->index);
	return l;
}

int openai_list_read(struct gh_str body, struct openai_list **ret_list, const char **ret_why)
{
	struct gh_json root, data;

	if (body.len == 0 || gh_json_parse(body, &root, NULL)) {
		*ret_why = "its answer is no JSON";
		return -1;
	}
	/* No models may be `null`, not an empty list, to servers written in Go. */
	if (gh_json_get(root, GH_STR("data"), &data) != 1 ||
	    (gh_json_type(data) != GH_JSON_ARRAY && gh_json_type(data) != GH_JSON_NULL)) {
		*ret_why = "its answer has no list of models in it";
		return -1;
	}
	*ret_list = keep(data);
	return 0;
}

struct openai_list *openai_list_ref(struct openai_list *l)
{
	atomic_fetch_add_explicit(&l->refs, 1, memory_order_relaxed);
	return l;
}

void openai_list_unref(struct openai_list *l)
{
	if (l && atomic_fetch_sub_explicit(&l->refs, 1, memory_order_acq_rel) == 1)
		free(l);
}

const struct openai_list_model *openai_list_find(const struct openai_list *l, struct gh_str id)
{
	const struct openai_indexed *found = l ? openai_index_find(&l->index, id) : NULL;

	return found ? l->models + found->at : NULL;
}
