/* What a server says of its models: what is kept of it has proper names, and reads the same when it is
 * shown again, under its own name and under one of ours. */
#include <stdlib.h>

#include <gatehouse/json.h>

#include "core/base/memory.h"
#include "modules/openai-proxy/list_show.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void judge_model(const struct openai_list *l, size_t i)
{
	const struct openai_list_model *m = l->models + i;
	const struct openai_list_model *first = openai_list_find(l, m->id);

	GH_CHECK(m->id.len > 0 && openai_name_check(m->id) == 0);
	GH_CHECK(first && first <= m && gh_str_eq(first->id, m->id));
	GH_CHECK((size_t)m->id_at + m->id_len < m->object.len);
	GH_CHECK(m->created >= 0);
}

/* `model` keeps its members, whatever it is called. */
static void judge_again(const struct openai_list *shown, const struct openai_list_model *model,
			struct gh_str name)
{
	const struct openai_list_model *m = openai_list_find(shown, name);

	GH_CHECK(m && m->lacks == 0 && m->created == model->created);
	GH_CHECK(gh_str_eq(m->display, model->display));
	GH_CHECK(gh_str_eq(m->created_at, model->created_at));
	GH_CHECK(m->object.len >= model->object.len - model->id_len + 3);
}

static void judge_list(struct openai_list *l)
{
	char json[OPENAI_NAME_JSON];
	struct openai_entry entry = { .source = 0 };
	struct openai_indexed alias = { .at = 0 };
	struct openai_models m = { .entries = &entry, .entry_count = 1, .source_count = 1 };
	struct openai_hold text = { .at = NULL };
	struct openai_list *again;
	struct openai_page page;
	struct gh_json root;
	const char *why;

	/* An alias that needs escapes, of the first model. */
	GH_CHECK(openai_name_make(GH_STR("our \"own\""), json, &entry.alias) == 0);
	entry.target.name.text = l->count ? l->models[0].id : GH_STR("x");
	alias.name = entry.alias.text;
	m.aliases = (struct openai_index){ &alias, 1 };

	size_t room = openai_shelf_room(&m, &l);
	struct openai_shown *items = calloc(room, sizeof *items);
	GH_CHECK(items != NULL);
	struct openai_shelf shelf = openai_shelf_fill(&m, &l, NULL, items);
	GH_CHECK(shelf.count <= room && shelf.count <= l->count + 1);

	openai_show_list(&text, &shelf);
	GH_CHECK(openai_list_read(openai_hold_text(&text), &again, &why) == 0);
	for (size_t i = 0; i < shelf.count && again->count == shelf.count; i++)
		if (shelf.items[i].model)
			judge_again(again, shelf.items[i].model, shelf.items[i].id);
	openai_list_unref(again);
	openai_hold_free(&text);

	GH_CHECK(openai_page_read(&shelf, GH_STR("limit=1000"), &page, &why) == 0);
	openai_show_page(&text, &shelf, &page);
	GH_CHECK(gh_json_parse(openai_hold_text(&text), &root, NULL) == 0);
	openai_hold_free(&text);
	free(items);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	char *body = malloc(size + !size);
	struct openai_list *l;
	const char *why;

	GH_CHECK(body != NULL);
	if (size)
		memcpy(body, data, size);
	if (openai_list_read((struct gh_str){ body, size }, &l, &why) == 0) {
		for (size_t i = 0; i < l->count; i++)
			judge_model(l, i);
		judge_list(l);
		openai_list_unref(l);
	}
	free(body);
	return 0;
}
