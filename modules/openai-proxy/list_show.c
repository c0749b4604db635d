#include "list_show.h"

#include <stdio.h>
#include <time.h>

/* ---- which ---- */

size_t openai_shelf_room(const struct openai_models *m, struct openai_list *const *lists)
{
	size_t room = m->entry_count;

	for (size_t i = 0; i < m->source_count; i++)
		room += lists[i] ? lists[i]->count : 0;
	return room < OPENAI_SHOWN_MAX ? room : OPENAI_SHOWN_MAX;
}

/* Whether a name is shown that server `at` reports as its number `i`. */
static bool is_shown(const struct openai_models *m, struct openai_list *const *lists,
		     const struct gh_grant *grant, size_t at, size_t i)
{
	struct gh_str id = lists[at]->models[i].id;

	if (openai_list_find(lists[at], id) != lists[at]->models + i ||
	    openai_index_find(&m->aliases, id))
		return false;
	for (size_t k = 0; k < at; k++)
		if (openai_list_find(lists[k], id))
			return false;
	return openai_grant_has(grant, id) || openai_table_entry(m, grant, id);
}

struct openai_shelf openai_shelf_fill(const struct openai_models *m,
				      struct openai_list *const *lists,
				      const struct gh_grant *grant, struct openai_shown *to)
{
	size_t room = openai_shelf_room(m, lists), count = 0;

	for (size_t i = 0; i < m->entry_count && count < room; i++) {
		const struct openai_entry *e = m->entries + i;
		if (openai_grant_has(grant, e->alias.text))
			to[count++] = (struct openai_shown){
				.id = e->alias.text,
				.name = &e->alias,
				.model = openai_list_find(lists[e->source], e->target.name.text),
			};
	}
	for (size_t at = 0; at < m->source_count; at++)
		for (size_t i = 0; lists[at] && i < lists[at]->count && count < room; i++)
			if (is_shown(m, lists, grant, at, i))
				to[count++] = (struct openai_shown){
					.id = lists[at]->models[i].id,
					.model = lists[at]->models + i,
				};
	return (struct openai_shelf){ to, count };
}

/* ---- how ---- */

static void put(struct openai_hold *to, struct gh_str s)
{
	openai_hold_add(to, s);
}

/* The id as JSON: our own, or as it was told. */
static struct gh_str json_id(const struct openai_shown *m)
{
	if (m->name)
		return m->name->json;
	return gh_str_slice(m->model->object, m->model->id_at, m->model->id_at + m->model->id_len);
}

static void put_openai(struct openai_hold *to, const struct openai_shown *m)
{
	const struct openai_list_model *told = m->model;

	if (!told) {
		put(to, GH_STR("{\"id\":"));
		put(to, m->name->json);
		put(to, GH_STR(",\"object\":\"model\",\"created\":0,\"owned_by\":\"gatehouse\"}"));
		return;
	}
	put(to, gh_str_slice(told->object, 0, told->id_at));
	put(to, json_id(m));
	put(to, gh_str_slice(told->object, told->id_at + told->id_len, told->object.len - 1));
	if (told->lacks & OPENAI_LACKS_OBJECT)
		put(to, GH_STR(",\"object\":\"model\""));
	if (told->lacks & OPENAI_LACKS_CREATED)
		put(to, GH_STR(",\"created\":0"));
	if (told->lacks & OPENAI_LACKS_OWNER)
		put(to, GH_STR(",\"owned_by\":\"gatehouse\""));
	put(to, GH_STR("}"));
}

static void put_time(struct openai_hold *to, const struct openai_list_model *told)
{
	time_t seconds = told ? (time_t)told->created : 0;
	char text[40];
	struct tm tm;

	if (told && told->created_at.len) {
		put(to, told->created_at);
		return;
	}
	gmtime_r(&seconds, &tm);
	put(to, (struct gh_str){ text, strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm) });
}

static void put_anthropic(struct openai_hold *to, const struct openai_shown *m)
{
	struct gh_str id = json_id(m);

	put(to, GH_STR("{\"type\":\"model\",\"id\":"));
	put(to, id);
	put(to, GH_STR(",\"display_name\":"));
	put(to, m->model && m->model->display.len ? m->model->display : id);
	put(to, GH_STR(",\"created_at\":\""));
	put_time(to, m->model);
	put(to, GH_STR("\"}"));
}

void openai_show_model(struct openai_hold *to, enum gh_shape shape, const struct openai_shown *m)
{
	if (shape == GH_SHAPE_ANTHROPIC)
		put_anthropic(to, m);
	else
		put_openai(to, m);
}

void openai_show_list(struct openai_hold *to, const struct openai_shelf *shelf)
{
	put(to, GH_STR("{\"object\":\"list\",\"data\":["));
	for (size_t i = 0; i < shelf->count && to->len < OPENAI_SHOWN_BYTES; i++) {
		if (i)
			put(to, GH_STR(","));
		put_openai(to, shelf->items + i);
	}
	put(to, GH_STR("]}"));
}

void openai_show_page(struct openai_hold *to, const struct openai_shelf *shelf,
		      const struct openai_page *page)
{
	bool any = page->from < page->to;

	put(to, GH_STR("{\"data\":["));
	for (size_t i = page->from; i < page->to; i++) {
		if (i > page->from)
			put(to, GH_STR(","));
		put_anthropic(to, shelf->items + i);
	}
	put(to, GH_STR("],\"has_more\":"));
	put(to, page->more ? GH_STR("true") : GH_STR("false"));
	put(to, GH_STR(",\"first_id\":"));
	put(to, any ? json_id(shelf->items + page->from) : GH_STR("null"));
	put(to, GH_STR(",\"last_id\":"));
	put(to, any ? json_id(shelf->items + page->to - 1) : GH_STR("null"));
	put(to, GH_STR("}"));
}

struct gh_str openai_show_names(const struct openai_shelf *shelf,
				char to[static OPENAI_NAMED_BYTES + 64])
{
	size_t len = 0, shown = 0;

	for (; shown < shelf->count && shown < OPENAI_NAMED_MAX; shown++) {
		struct gh_str id = shelf->items[shown].id;
		const char *before = shown ? ", " : "";
		if (len + id.len + 4 > OPENAI_NAMED_BYTES)
			break;
		len += (size_t)snprintf(to + len, OPENAI_NAMED_BYTES - len, "%s" GH_FMT, before,
					GH_ARG(id));
	}
	to[len] = 0;
	if (shown < shelf->count)
		len += (size_t)snprintf(to + len, 64, "%s%zu more", shown ? " and " : "",
					shelf->count - shown);
	return (struct gh_str){ to, len };
}

/* ---- pages ---- */

static int hex(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
				      : -1;
}

int openai_unescape(struct gh_str text, char *to, size_t size, struct gh_str *ret_text)
{
	size_t len = 0;

	for (size_t i = 0; i < text.len; i++) {
		char c = text.at[i];
		if (c == '%') {
			int high = i + 2 < text.len ? hex(text.at[i + 1]) : -1;
			int low = high < 0 ? -1 : hex(text.at[i + 2]);
			if (low < 0)
				return -1;
			c = (char)(high * 16 + low);
			i += 2;
		}
		if (len == size)
			return -1;
		to[len++] = c;
	}
	*ret_text = (struct gh_str){ to, len };
	return 0;
}

static struct gh_str parameter(struct gh_str query, struct gh_str name)
{
	while (query.len) {
		const char *end = memchr(query.at, '&', query.len);
		size_t len = end ? (size_t)(end - query.at) : query.len;
		struct gh_str pair = { query.at, len };
		if (gh_str_starts(pair, name) && len > name.len && pair.at[name.len] == '=')
			return gh_str_slice(pair, name.len + 1, len);
		query = gh_str_slice(query, len + 1, query.len);
	}
	return (struct gh_str){ NULL, 0 };
}

static int read_limit(struct gh_str text, size_t *ret_limit)
{
	size_t limit = 0;

	for (size_t i = 0; i < text.len; i++) {
		if (text.at[i] < '0' || text.at[i] > '9' || limit > OPENAI_PAGE_MAX)
			return -1;
		limit = limit * 10 + (size_t)(text.at[i] - '0');
	}
	if (limit == 0 || limit > OPENAI_PAGE_MAX)
		return -1;
	*ret_limit = limit;
	return 0;
}

static int place(const struct openai_shelf *shelf, struct gh_str escaped, size_t *ret_at)
{
	char text[OPENAI_MODEL_MAX];
	struct gh_str id;

	if (openai_unescape(escaped, text, sizeof text, &id))
		return -1;
	for (size_t i = 0; i < shelf->count; i++)
		if (gh_str_eq(shelf->items[i].id, id)) {
			*ret_at = i;
			return 0;
		}
	return -1;
}

int openai_page_read(const struct openai_shelf *shelf, struct gh_str query,
		     struct openai_page *ret_page, const char **ret_why)
{
	struct gh_str after = parameter(query, GH_STR("after_id"));
	struct gh_str before = parameter(query, GH_STR("before_id"));
	struct gh_str limit = parameter(query, GH_STR("limit"));
	struct openai_page p = { 0, shelf->count, false };
	size_t most = OPENAI_PAGE_MAX, last;

	if (limit.at && read_limit(limit, &most)) {
		*ret_why = "limit: must be a number from 1 to 1000";
		return -1;
	}
	if (after.len) {
		if (place(shelf, after, &last)) {
			*ret_why = "after_id: there is no model of that name in this list";
			return -1;
		}
		p.from = last + 1;
	}
	if (before.len && place(shelf, before, &p.to)) {
		*ret_why = "before_id: there is no model of that name in this list";
		return -1;
	}
	if (p.to < p.from)
		p.to = p.from;
	p.more = p.to - p.from > most;
	if (p.more && before.len && !after.len)
		p.from = p.to - most;
	else if (p.more)
		p.to = p.from + most;
	*ret_page = p;
	return 0;
}
