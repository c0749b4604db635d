#include "table.h"

#include <stdio.h>

#include "near.h"

enum { ENTRIES_MAX = 1000 };

/* A name that cannot be used would never be found, or change the body that it is put in. */
static int check_name(struct gh_str value, char *why, size_t size)
{
	if (openai_name_check(value) == 0)
		return 0;
	snprintf(why, size,
		 "the name of a model must be UTF-8 without control characters, of at most %d "
		 "bytes",
		 OPENAI_MODEL_MAX);
	return -1;
}

const struct gh_option openai_model_options[] = {
	GH_OPTION(struct openai_model_option, to, NULL,
		  "The model's server: addresses, or the name of an entry of `upstreams:`.",
		  .flags = GH_REQUIRED),
	GH_OPTION(struct openai_model_option, name, NULL,
		  "What the server calls it. Without this key, as it is called here.",
		  .check = check_name),
	GH_OPTION(
		struct openai_model_option, fallback, NULL,
		"The entry of this table that is asked when the server gives no answer: it cannot "
		"be reached, its queue is full, the turn or the answer does not come in time, or "
		"it breaks first. Never after anything was sent to the client. Who may ask for an "
		"entry may get its fallback's answer.",
		.check = check_name),
	GH_OPTIONS_END
};

/* ---- entries ---- */

static struct openai_entry *entry_of(const struct openai_models *m, struct gh_str alias)
{
	const struct openai_indexed *found = openai_index_find(&m->aliases, alias);

	return found ? m->entries + found->at : NULL;
}

/* What to do about a name that is in no entry. */
static const char *mend(const struct openai_models *m, struct gh_str name, char to[static 320])
{
	struct openai_near near = openai_near_begin(name);

	for (size_t i = 0; i < m->entry_count; i++)
		openai_near_try(&near, m->entries[i].alias.text);
	if (near.best.len)
		snprintf(to, 320, "did you mean '" GH_FMT "'?", GH_ARG(near.best));
	else
		snprintf(to, 320, "it must be the name of an entry of 'models'");
	return to;
}

static int make_name(struct gh_instance *in, struct gh_str text, struct openai_name *ret_name)
{
	return openai_name_make(text, gh_instance_alloc(in, OPENAI_NAME_JSON), ret_name);
}

static int make_entry(struct gh_instance *in, const struct openai_model_option *o,
		      struct openai_entry *e)
{
	struct gh_str name = o->name.len ? o->name : o->alias;

	e->target.upstream = o->to.upstream;
	if (make_name(in, o->alias, &e->alias) || make_name(in, name, &e->target.name))
		return gh_invalid_at(in, o->alias,
				     "models: the name of an entry must be UTF-8 without control "
				     "characters, of 1 to %d bytes",
				     OPENAI_MODEL_MAX);
	return 0;
}

static int make_entries(struct gh_instance *in, const struct openai_model_option *options,
			size_t count, struct openai_models *m)
{
	int bad = 0;

	m->entries = gh_instance_alloc(in, count * sizeof *m->entries);
	m->aliases.items = gh_instance_alloc(in, count * sizeof *m->aliases.items);
	m->names.items = gh_instance_alloc(in, count * sizeof *m->names.items);
	m->entry_count = m->aliases.count = m->names.count = count;
	for (size_t i = 0; i < count; i++) {
		struct openai_entry *e = m->entries + i;
		bad |= make_entry(in, options + i, e);
		m->aliases.items[i] = (struct openai_indexed){ e->alias.text, (uint32_t)i };
		m->names.items[i] = (struct openai_indexed){ e->target.name.text, (uint32_t)i };
	}
	openai_index_sort(&m->aliases);
	openai_index_sort(&m->names);
	return bad;
}

/* ---- fallbacks ---- */

static int link_fallbacks(struct gh_instance *in, const struct openai_model_option *options,
			  struct openai_models *m)
{
	char text[320];
	int bad = 0;

	for (size_t i = 0; i < m->entry_count; i++) {
		struct gh_str name = options[i].fallback;
		const struct openai_entry *e = name.len ? entry_of(m, name) : NULL;
		if (e)
			m->entries[i].target.fallback = &e->target;
		else if (name.len)
			bad = gh_invalid_at(in, name,
					    "models: " GH_FMT ": there is no fallback '%.100s'; %s",
					    GH_ARG(options[i].alias), name.at, mend(m, name, text));
	}
	return bad;
}

static int refuse_loops(struct gh_instance *in, const struct openai_model_option *options,
			const struct openai_models *m)
{
	for (size_t i = 0; i < m->entry_count; i++) {
		const struct openai_target *start = &m->entries[i].target, *t = start->fallback;
		size_t steps = 0;

		while (t && t != start && steps++ < m->entry_count)
			t = t->fallback;
		/* A loop that this one only leads into is told of those that are in it. */
		if (t == start)
			return gh_invalid_at(
				in, options[i].fallback,
				"models: the fallbacks of '%.200s' lead back to it; take "
				"one of them away",
				m->entries[i].alias.text.at);
	}
	return 0;
}

/* ---- servers ---- */

/* Which one it is. */
static size_t add_source(struct gh_instance *in, struct gh_upstream *u, struct openai_models *m)
{
	struct gh_str key = gh_upstream_key(u);

	for (size_t i = 0; i < m->source_count; i++)
		if (gh_str_eq(gh_upstream_key(m->sources[i].as_is.upstream), key))
			return i;
	m->sources[m->source_count] = (struct openai_source){
		.keep = gh_shared(in, key, &openai_list_keep_type),
		.as_is = { .upstream = u },
	};
	return m->source_count++;
}

static void make_sources(struct gh_instance *in, struct gh_upstream *to, struct openai_models *m)
{
	m->sources = gh_instance_alloc(in, (m->entry_count + 1) * sizeof *m->sources);
	for (size_t i = 0; i < m->entry_count; i++)
		m->entries[i].source = add_source(in, m->entries[i].target.upstream, m);
	m->known_sources = m->source_count;
	if (!to)
		return;
	add_source(in, to, m);

	struct openai_target *t = gh_instance_alloc(in, sizeof *t);

	t->upstream = to;
	m->to = t;
}

/* ---- the whole ---- */

struct openai_models *openai_models_make(struct gh_instance *in, struct gh_upstream_ref to,
					 struct gh_named models, struct gh_str fallback_model)
{
	struct openai_models *m = gh_instance_alloc(in, sizeof *m);
	char text[320];
	int bad;

	if (!to.upstream && models.count == 0) {
		gh_invalid(in, "it needs 'to', a server for all models, or 'models', a table of "
			       "them");
		return NULL;
	}
	if (models.count > ENTRIES_MAX) {
		gh_invalid(in, "models: there may be %d entries at most", ENTRIES_MAX);
		return NULL;
	}
	bad = make_entries(in, models.items, models.count, m);
	if (!bad)
		bad = link_fallbacks(in, models.items, m);
	if (!bad)
		bad = refuse_loops(in, models.items, m);
	if (fallback_model.len && !bad) {
		m->preset = entry_of(m, fallback_model);
		if (!m->preset)
			bad = gh_invalid_at(in, fallback_model,
					    "default: there is no model '%.100s'; %s",
					    fallback_model.at, mend(m, fallback_model, text));
	}
	if (bad)
		return NULL;
	make_sources(in, to.upstream, m);
	return m;
}

/* ---- look-ups ---- */

bool openai_grant_has(const struct gh_grant *grant, struct gh_str name)
{
	if (!openai_grant_binds(grant))
		return true;
	for (size_t i = 0; i < grant->model_count; i++)
		if (gh_str_eq(grant->models[i], name))
			return true;
	return false;
}

const struct openai_entry *openai_table_entry(const struct openai_models *m,
					      const struct gh_grant *grant, struct gh_str asked)
{
	const struct openai_entry *e = entry_of(m, asked);
	const struct openai_indexed *at = openai_index_find(&m->names, asked);
	bool granted = openai_grant_has(grant, asked);

	if (e)
		return granted ? e : NULL;
	for (; at && at < m->names.items + m->names.count && gh_str_eq(at->name, asked); at++) {
		e = m->entries + at->at;
		if (granted || openai_grant_has(grant, e->alias.text))
			return e;
	}
	return NULL;
}
