#include "models.h"

#include "list.h"
#include "list_ask.h"

enum {
	/* How long a list is good for saying who has a model: a server that has lost it says so. */
	HAS_MS = 60000,
	/* How often servers are asked about names that might be theirs, where `to` takes the rest. */
	REST_MS = 60000,
};

static enum gh_verdict found(struct gh_step *s, const struct openai_target *t, struct gh_str name)
{
	struct openai_search *search = s->state;

	search->target = t;
	gh_set_model(s->req, name);
	return GH_NEXT;
}

static const struct openai_target *reported(struct gh_step *s, const struct openai_models *m,
					    struct gh_str name, int64_t most_ms)
{
	int64_t now_ms = gh_now_ms(s);

	for (size_t i = 0; i < m->known_sources; i++) {
		struct openai_list *list = openai_list_get(m->sources[i].keep, now_ms, most_ms);
		bool has = openai_list_find(list, name) != NULL;
		openai_list_unref(list);
		if (has)
			return &m->sources[i].as_is;
	}
	return NULL;
}

/* The servers were asked, or may not be asked yet. */
static enum gh_verdict settle(struct gh_step *s)
{
	const struct openai_search *search = s->state;
	const struct openai_asking *a = search->asking;
	const struct openai_target *t = reported(s, a->models, a->asked, OPENAI_LIST_STALE_MS);

	if (!t)
		t = a->models->to;
	return t ? found(s, t, a->asked) : openai_models_unknown(s, a->models, a->asked);
}

static enum gh_verdict find_preset(struct gh_step *s, const struct openai_models *m)
{
	const struct gh_grant *g = s->req->grant;

	if (m->preset && openai_grant_has(g, m->preset->alias.text))
		return found(s, &m->preset->target, m->preset->alias.text);
	/* A server that is asked for nothing takes what it likes, which is not for everyone. */
	if (!m->preset && m->to && !openai_grant_binds(g))
		return found(s, m->to, GH_STR(""));
	return openai_models_unknown(s, m, GH_STR(""));
}

enum gh_verdict openai_models_find(struct gh_step *s, const struct openai_models *m,
				   struct gh_str asked, gh_then *then)
{
	const struct openai_entry *e;
	const struct openai_target *t;
	struct openai_asking *a;

	if (asked.len == 0)
		return find_preset(s, m);
	e = openai_table_entry(m, s->req->grant, asked);
	if (e)
		return found(s, &e->target, asked);
	if (!openai_grant_has(s->req->grant, asked))
		return openai_models_unknown(s, m, asked);
	t = reported(s, m, asked, HAS_MS);
	if (!t && m->known_sources == 0)
		t = m->to;
	if (t)
		return found(s, t, asked);
	a = openai_asking_make(s, m);
	a->end = m->known_sources;
	a->fresh_ms = m->to ? REST_MS : OPENAI_LIST_FRESH_MS;
	a->goal = settle;
	a->then = then;
	a->asked = gh_copy(s->req, asked);
	return openai_list_ask(s);
}

const struct openai_target *openai_models_any(const struct openai_models *m)
{
	if (m->to)
		return m->to;
	return m->preset ? &m->preset->target : &m->entries[0].target;
}
