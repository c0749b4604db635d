/* GET /v1/models and /v1/models/ID, and the error that names what there is. */
#include "list.h"

#include "list_ask.h"

#define MODELS_PATH "/v1/models"

/* ---- what is known ---- */

void openai_known_get(struct gh_step *s, const struct openai_models *m,
		      struct openai_known *ret_known)
{
	struct openai_known k = { .models = m };
	int64_t now_ms = gh_now_ms(s);

	k.lists = gh_alloc(s->req, (m->source_count + 1) * sizeof *k.lists);
	for (size_t i = 0; i < m->source_count; i++)
		k.lists[i] = openai_list_get(m->sources[i].keep, now_ms, OPENAI_LIST_STALE_MS);

	size_t room = openai_shelf_room(m, k.lists);

	k.shelf = openai_shelf_fill(m, k.lists, s->req->grant,
				    gh_alloc(s->req, (room + 1) * sizeof *k.shelf.items));
	*ret_known = k;
}

void openai_known_free(struct openai_known *k)
{
	for (size_t i = 0; i < k->models->source_count; i++)
		openai_list_unref(k->lists[i]);
}

/* ---- what is not ---- */

enum { ECHO_MAX = 80 };

/* What was asked for, not too much of it, and never half a character. */
static struct gh_str echo(struct gh_str asked, const char **ret_more)
{
	*ret_more = "";
	if (asked.len <= ECHO_MAX)
		return asked;
	*ret_more = "...";
	asked.len = ECHO_MAX;
	while (asked.len && ((unsigned char)asked.at[asked.len] & 0xc0) == 0x80)
		asked.len--;
	return asked;
}

/* Who is bound to models that no server told of is told their names. */
static struct openai_shelf granted(struct gh_step *s)
{
	const struct gh_grant *g = s->req->grant;
	struct openai_shown *items;

	if (!openai_grant_binds(g))
		return (struct openai_shelf){ NULL, 0 };
	items = gh_alloc(s->req, g->model_count * sizeof *items);
	for (size_t i = 0; i < g->model_count; i++)
		items[i].id = g->models[i];
	return (struct openai_shelf){ items, g->model_count };
}

enum gh_verdict openai_models_unknown(struct gh_step *s, const struct openai_models *m,
				      struct gh_str asked)
{
	char text[OPENAI_NAMED_BYTES + 64];
	const char *more, *there = " There are: ", *end = ".";
	struct openai_known known;
	struct openai_shelf shelf;
	struct gh_str name = echo(asked, &more), names;

	openai_known_get(s, m, &known);
	shelf = known.shelf.count ? known.shelf : granted(s);
	names = openai_show_names(&shelf, text);
	openai_known_free(&known);
	if (names.len == 0)
		there = end = "";
	if (asked.len == 0)
		return gh_fail(s, 400, NULL,
			       "This request names no model, and there is no default for this "
			       "caller.%s" GH_FMT "%s",
			       there, GH_ARG(names), end);
	return gh_fail(s, 404, "model_not_found",
		       "There is no model '" GH_FMT "%s' for this caller.%s" GH_FMT "%s",
		       GH_ARG(name), more, there, GH_ARG(names), end);
}

/* ---- the list, and the one ---- */

bool openai_models_is_path(struct gh_str path)
{
	struct gh_str models = GH_STR(MODELS_PATH);

	return gh_str_starts(path, models) &&
	       (path.len == models.len || path.at[models.len] == '/');
}

/* As it is escaped there; slashes may be in it. Empty: the whole list is meant. */
static struct gh_str asked_of(struct gh_str path)
{
	return gh_str_slice(path, sizeof MODELS_PATH, path.len);
}

/* A model that no list shows may still be the name that a server has for one of ours. */
static bool find_shown(struct gh_step *s, const struct openai_known *k, struct gh_str id,
		       struct openai_shown *ret_shown)
{
	const struct openai_entry *e;

	for (size_t i = 0; i < k->shelf.count; i++)
		if (gh_str_eq(k->shelf.items[i].id, id)) {
			*ret_shown = k->shelf.items[i];
			return true;
		}
	e = openai_table_entry(k->models, s->req->grant, id);
	if (e)
		*ret_shown = (struct openai_shown){ .id = id, .name = &e->target.name };
	return e != NULL;
}

static enum gh_verdict respond(struct gh_step *s, struct openai_hold *body)
{
	enum gh_verdict v = gh_respond(s, 200, GH_STR("application/json"), openai_hold_text(body));

	openai_hold_free(body);
	return v;
}

static enum gh_verdict show_one(struct gh_step *s, const struct openai_known *k,
				struct gh_str escaped)
{
	struct openai_hold body = { .at = NULL };
	char text[OPENAI_MODEL_MAX];
	struct openai_shown shown;
	struct gh_str id;

	/* What is no name is not repeated either. */
	if (openai_unescape(escaped, text, sizeof text, &id) || openai_name_check(id))
		return gh_fail(s, 404, "model_not_found", "This is no name of a model.");
	if (!find_shown(s, k, id, &shown))
		return openai_models_unknown(s, k->models, id);
	openai_show_model(&body, s->req->shape, &shown);
	return respond(s, &body);
}

static enum gh_verdict show_page(struct gh_step *s, const struct openai_known *k)
{
	struct openai_hold body = { .at = NULL };
	struct openai_page page;
	const char *why;

	if (openai_page_read(&k->shelf, s->req->query, &page, &why))
		return gh_fail(s, 400, NULL, "%s", why);
	openai_show_page(&body, &k->shelf, &page);
	return respond(s, &body);
}

static bool knows_none(const struct openai_known *k)
{
	for (size_t i = 0; i < k->models->source_count; i++)
		if (k->lists[i])
			return false;
	return k->shelf.count == 0;
}

/* The servers were asked. */
static enum gh_verdict show(struct gh_step *s)
{
	const struct openai_search *search = s->state;
	struct gh_str id = asked_of(s->req->path);
	struct openai_hold body = { .at = NULL };
	struct openai_known known;
	enum gh_verdict v;

	openai_known_get(s, search->asking->models, &known);
	if (knows_none(&known)) {
		v = gh_fail(s, 502, "upstream_error",
			    "The server behind this gateway did not say which models it has.");
	} else if (id.len) {
		v = show_one(s, &known, id);
	} else if (s->req->shape == GH_SHAPE_ANTHROPIC) {
		v = show_page(s, &known);
	} else {
		openai_show_list(&body, &known.shelf);
		v = respond(s, &body);
	}
	openai_known_free(&known);
	return v;
}

enum gh_verdict openai_models_answer(struct gh_step *s, const struct openai_models *m)
{
	const struct gh_request *r = s->req;
	struct openai_asking *a;

	if (m->entry_count == 0 && !openai_grant_binds(r->grant) && r->shape != GH_SHAPE_ANTHROPIC)
		return GH_NEXT;
	if (!gh_str_is(r->method, "GET") && !gh_str_is(r->method, "HEAD")) {
		gh_answer_header(s, GH_STR("Allow"), GH_STR("GET, HEAD"));
		return gh_fail(s, 405, "method_not_allowed",
			       "This list can be read, and nothing else.");
	}
	a = openai_asking_make(s, m);
	a->end = m->source_count;
	a->fresh_ms = OPENAI_LIST_FRESH_MS;
	a->goal = show;
	return openai_list_ask(s);
}
