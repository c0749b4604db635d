#include "core/cli/credentials.h"

#include <stdio.h>

#include "core/base/memory.h"

static const struct section {
	struct gh_str name;
	enum gh__credential_kind kind;
} sections[] = {
	{ GH_STR_INIT("users"), GH__CREDENTIAL_USER },
	{ GH_STR_INIT("keys"), GH__CREDENTIAL_KEY },
};

static int refuse(const struct gh__credentials *c, size_t line, size_t column, const char *what,
		  char why[GH__CREDENTIALS_WHY])
{
	if (line)
		snprintf(why, GH__CREDENTIALS_WHY, GH_FMT ":%zu:%zu: %s", GH_ARG(c->path), line,
			 column, what);
	else
		snprintf(why, GH__CREDENTIALS_WHY, GH_FMT ": %s", GH_ARG(c->path), what);
	return -1;
}

static int read_section(struct gh__arena *a, struct gh__credentials *c, const struct section *s,
			const struct gh__yaml *map, char why[GH__CREDENTIALS_WHY])
{
	if (!map || gh__yaml_is_empty(map))
		return 0;
	if (map->kind != GH__YAML_MAP)
		return refuse(c, map->line, map->column,
			      "a mapping of names belongs here; mend it first", why);
	size_t count = c->count;

	for (const struct gh__yaml *n = map->first; n; n = n->next->next)
		count++;
	struct gh__credential *all = gh__arena_zero(a, (count + 1) * sizeof *all);

	if (c->count)
		memcpy(all, c->items, c->count * sizeof *all);
	c->items = all;
	for (const struct gh__yaml *n = map->first; n; n = n->next->next) {
		if (n->kind != GH__YAML_SCALAR)
			return refuse(c, n->line, n->column, "a name belongs here; mend it first",
				      why);
		if (n->next->kind == GH__YAML_ALIAS)
			return refuse(c, n->next->line, n->next->column,
				      "an alias is not taken here; write out what it stands for",
				      why);
		if (gh__credentials_find(c, s->kind, n->text))
			return refuse(c, n->line, n->column,
				      "this name is there twice; take one out first", why);
		c->items[c->count++] = (struct gh__credential){ s->kind, n->text, n->line,
								n->next };
	}
	return 0;
}

int gh__credentials_read(struct gh__arena *a, struct gh_str path, struct gh_str bytes,
			 struct gh__credentials *ret_credentials, char why[GH__CREDENTIALS_WHY])
{
	struct gh__credentials c = { .path = path, .bytes = bytes };
	struct gh__yaml_mistake mistake;

	if (gh__yaml_read(a, bytes, &c.root, &mistake))
		return refuse(&c, mistake.line, mistake.column, mistake.what, why);
	if (c.root && c.root->kind != GH__YAML_MAP)
		return refuse(&c, c.root->line, c.root->column,
			      "the file begins with `users:` or `keys:`; is this a credentials "
			      "file?",
			      why);
	for (const struct gh__yaml *n = c.root ? c.root->first : NULL; n; n = n->next->next)
		if (n->kind != GH__YAML_SCALAR ||
		    (!gh_str_is(n->text, "users") && !gh_str_is(n->text, "keys")) ||
		    gh__yaml_get(c.root, n->text) != n->next)
			return refuse(&c, n->line, n->column,
				      "only `users:` and `keys:` belong here, once each; is this a "
				      "credentials file?",
				      why);
	for (size_t i = 0; i < GH_COUNT_OF(sections); i++)
		if (read_section(a, &c, sections + i, gh__yaml_get(c.root, sections[i].name), why))
			return -1;
	*ret_credentials = c;
	return 0;
}

const struct gh__credential *gh__credentials_find(const struct gh__credentials *c,
						  enum gh__credential_kind kind, struct gh_str name)
{
	for (size_t i = 0; i < c->count; i++)
		if (c->items[i].kind == kind && gh_str_eq(c->items[i].name, name))
			return c->items + i;
	return NULL;
}
