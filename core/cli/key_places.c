/* Where credentials are: the files that basic-auth has in a config, and that config itself. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/memory.h"
#include "core/cli/key.h"
#include "core/config/bind.h"
#include "core/config/mistake.h"
#include "core/server/file.h"

enum { CONFIG_MOST = 1 << 20, MOST = 1000 };

static const char *const defaults[] = { "gateway.yaml", "/etc/gatehouse/gateway.yaml" };

static void add_file(struct gh__key_places *p, struct gh_str path)
{
	for (size_t i = 0; i < p->file_count; i++)
		if (gh_str_eq(p->files[i], path))
			return;
	if (p->file_count < MOST)
		p->files[p->file_count++] = path;
}

static void add_inside(struct gh__arena *a, struct gh__key_places *p, const struct gh__node *auth,
		       const char *section, enum gh__credential_kind kind)
{
	const struct gh__node *map = gh__node_get(auth, gh_str(section));

	if (!map || map->kind != GH__NODE_MAP)
		return;
	for (size_t i = 0; i < map->count && p->inside_count < MOST; i++) {
		const struct gh__node *name = map->entries[i].key;
		p->inside[p->inside_count++] = (struct gh__credential){
			.kind = kind,
			.name = gh__arena_copy(a, name->text),
			.line = name->place.line,
		};
	}
}

static void look_at(struct gh__arena *a, struct gh__key_places *p, const struct gh__node *handler)
{
	const struct gh__node *auth = handler->kind == GH__NODE_MAP
					      ? gh__node_get(handler, GH_STR("basic-auth"))
					      : NULL;

	if (!auth || auth->kind != GH__NODE_MAP)
		return;
	const struct gh__node *file = gh__node_get(auth, GH_STR("credentials"));

	if (file && file->kind == GH__NODE_SCALAR && file->text.len)
		add_file(p, gh__arena_copy(a, file->text));
	add_inside(a, p, auth, "users", GH__CREDENTIAL_USER);
	add_inside(a, p, auth, "keys", GH__CREDENTIAL_KEY);
}

static void look_through(struct gh__arena *a, struct gh__key_places *p, const struct gh__node *root)
{
	struct gh__node *routes = root && root->kind == GH__NODE_MAP
					  ? gh__node_get(root, GH_STR("routes"))
					  : NULL;

	for (size_t i = 0; routes && i < gh__node_items(routes); i++) {
		const struct gh__node *route = gh__node_item(routes, i);
		struct gh__node *handle = route->kind == GH__NODE_MAP
						  ? gh__node_get(route, GH_STR("handle"))
						  : NULL;
		for (size_t k = 0; handle && k < gh__node_items(handle); k++)
			look_at(a, p, gh__node_item(handle, k));
	}
}

static int read_config(struct gh__arena *a, struct gh__key_places *p)
{
	struct gh__mistakes *mistakes = gh__mistakes_create();
	struct gh__tree tree = { .arena = a, .file = p->config };
	struct gh_str bytes;
	int error = gh__file_read(p->config, CONFIG_MOST, &bytes), rc = -1;

	if (error) {
		fprintf(stderr, "gatehouse key: %s: %s\n", p->config, strerror(error));
	} else {
		gh__node_read(&tree, bytes, mistakes);
		rc = gh__mistakes_count(mistakes) ? -1 : 0;
		if (rc)
			fputs(gh__mistakes_text(mistakes).at, stderr);
		else
			look_through(a, p, tree.root);
		gh__free((void *)(uintptr_t)bytes.at);
	}
	gh__mistakes_destroy(mistakes);
	return rc;
}

/* An address that is looked up when the gateway starts is not known here. */
static int check_files(const struct gh__key_places *p)
{
	for (size_t i = 0; i < p->file_count; i++) {
		struct gh_str f = p->files[i];
		for (size_t k = 0; k + 1 < f.len; k++) {
			if (f.at[k] != '$' || f.at[k + 1] != '{')
				continue;
			fprintf(stderr,
				"gatehouse key: %s names its credentials file as " GH_FMT
				"; say which it is with --to FILE\n",
				p->config, GH_ARG(f));
			return -1;
		}
	}
	return 0;
}

int gh__key_find(struct gh__arena *a, const struct gh__key_options *o,
		 struct gh__key_places *ret_places)
{
	struct gh__key_places p = { .config = o->config };

	p.files = gh__arena_zero(a, (MOST + 1) * sizeof *p.files);
	p.inside = gh__arena_zero(a, MOST * sizeof *p.inside);
	for (size_t i = 0; !p.config && i < GH_COUNT_OF(defaults); i++)
		if (access(defaults[i], F_OK) == 0)
			p.config = defaults[i];
	/* With --to the config is only whom to ask. */
	if (o->to)
		add_file(&p, gh_str(o->to));
	else if (p.config && (read_config(a, &p) || check_files(&p)))
		return -1;
	*ret_places = p;
	return 0;
}
