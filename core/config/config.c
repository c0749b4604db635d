#include "core/config/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/memory.h"
#include "core/config/address.h"
#include "core/config/check.h"
#include "core/config/gateway.h"
#include "core/config/handle.h"
#include "core/config/hide.h"
#include "core/config/reference.h"
#include "core/config/show.h"
#include "core/config/upstream.h"
#include "core/config/value.h"

/* ---- Listeners ---- */

static bool is_given(struct gh__node *node, const char *key)
{
	return gh__node_get(node, gh_str(key)) != NULL;
}

static void check_mode(struct gh__bind *b, struct gh__node *node, struct gh__listen_config *l)
{
	struct gh__node *mode = gh__node_get(node, GH_STR("mode"));
	char why[300];

	if (!mode)
		l->mode = !l->is_unix         ? GH_STR("")
			  : l->identity.index ? GH_STR("0600")
					      : GH_STR("0660");
	else if (!l->is_unix)
		gh__mistake(b->mistakes, &mode->place,
			    "'mode' is for unix sockets; take it away from '" GH_FMT "'",
			    GH_ARG(l->address));
	else if (l->identity.index && gh__check_mode(l->mode, why, sizeof(why)) == 0 &&
		 strtol(l->mode.at, NULL, 8) & 077)
		gh__mistake(b->mistakes, &mode->place,
			    "'mode' " GH_FMT " lets others connect, and with 'identity' whoever "
			    "connects can claim to be anyone; write 0600",
			    GH_ARG(l->mode));
}

static void check_identity(struct gh__bind *b, struct gh__node *node,
			   const struct gh__listen_config *l)
{
	if (l->identity.index && !l->is_unix)
		gh__mistake(b->mistakes, &gh__node_get(node, GH_STR("identity"))->place,
			    "'identity' is for unix sockets alone: whoever can connect to '" GH_FMT
			    "' could claim to be anyone; write 'address: unix:/PATH'",
			    GH_ARG(l->address));
}

static void check_proxies(struct gh__bind *b, struct gh__node *node,
			  const struct gh__listen_config *l)
{
	struct gh__node *list = gh__node_get(node, GH_STR("proxy_protocol"));

	for (size_t i = 0; i < l->proxy_protocol.count; i++) {
		struct gh__node *item = gh__node_item(list, i);
		struct gh_str text = l->proxy_protocol.items[i];

		if (item->unknown || !text.len || gh_str_is(text, "unix") == l->is_unix)
			continue;
		if (l->is_unix)
			gh__mistake(b->mistakes, &item->place,
				    "nobody connects to a unix socket from an address; write "
				    "'proxy_protocol: unix'");
		else
			gh__mistake(b->mistakes, &item->place,
				    "'unix' is for unix sockets, which '" GH_FMT
				    "' is not; write the proxy's address",
				    GH_ARG(l->address));
	}
}

static void finish_listen(struct gh__bind *b, struct gh__node *node, struct gh__listen_config *l)
{
	const struct gh_option *row = gh__row_find(gh__listen_rows, GH_STR("address"));
	struct gh__node *address = gh__row_node(gh__listen_rows, row, node);
	char why[300];

	l->place = node->place;
	if (l->h2c && is_given(node, "tls"))
		gh__mistake(b->mistakes, &gh__node_get(node, GH_STR("h2c"))->place,
			    "'h2c' is HTTP/2 without TLS; with 'tls' HTTP/2 is there anyway, so "
			    "take it away");
	if (!address || address->unknown ||
	    gh__listen_parse(b->arena, l->address, l, why, sizeof(why)) < 0)
		return; /* told when it was bound */
	check_mode(b, node, l);
	check_identity(b, node, l);
	check_proxies(b, node, l);
}

static bool is_parsed(const struct gh__listen_config *l)
{
	return l->host.at != NULL;
}

static void refuse_clash(struct gh__bind *b, const struct gh__listen_config *l,
			 const struct gh__listen_config *other, const char *what)
{
	if (!is_parsed(l) || !is_parsed(other) || !gh__listen_clash(l, other))
		return;
	if (other->place.line)
		gh__mistake(b->mistakes, &l->place,
			    "'" GH_FMT "' is taken: %s in line %u listens on '" GH_FMT "'",
			    GH_ARG(l->address), what, other->place.line, GH_ARG(other->address));
	else
		gh__mistake(b->mistakes, &l->place,
			    "'" GH_FMT "' is taken: %s listens there by default",
			    GH_ARG(l->address), what);
}

/* Listeners were looked at for a clash with those before them; the admin address comes last. */
static void finish_listens(struct gh__bind *b, const struct gh__gateway *g, struct gh__node *root,
			   struct gh__config *c)
{
	struct gh__node *node = gh__node_get(root, GH_STR("listen"));

	c->listen = (struct gh__listen_config *)g->listen.items;
	c->listen_count = g->listen.count;
	for (size_t i = 0; i < c->listen_count; i++) {
		const struct gh_option *row = gh__row_find(gh__gateway_rows, GH_STR("listen"));
		struct gh__node *from = node ? node : gh__row_default(b, row);

		finish_listen(b, gh__node_item(from, i), &c->listen[i]);
		for (size_t k = 0; k < i; k++)
			refuse_clash(b, &c->listen[i], &c->listen[k], "the listener");
	}
}

static void finish_admin(struct gh__bind *b, struct gh__node *root, struct gh__config *c)
{
	struct gh__node *node = gh__node_get(root, GH_STR("admin"));
	struct gh__node *address = gh__row_node(gh__admin_rows, &gh__admin_rows[0], node);
	struct gh__listen_config *l = &c->admin.listen;
	char why[300];

	*l = (struct gh__listen_config){ .address = c->admin.address, .mode = c->admin.mode };
	l->place = address ? address->place : (struct gh__place){ b->file, 0, 0 };
	if (gh_str_is(c->admin.address, "off") || (address && address->unknown) ||
	    gh__listen_parse(b->arena, c->admin.address, l, why, sizeof(why)) < 0)
		return;
	for (size_t i = 0; i < c->listen_count; i++) {
		if (l->place.line)
			refuse_clash(b, l, &c->listen[i], "the listener");
		else
			refuse_clash(b, &c->listen[i], l, "admin");
	}
}

/* A default that is a path of this machine, as YAML; one that cannot be written so is none. */
static void set_default(struct gh__bind *b, const struct gh_option *row, struct gh_str text)
{
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.at[i] < 0x20 || strchr("\"\\\x7f", text.at[i]))
			return;
	b->own_defaults[b->own_count].row = row;
	b->own_defaults[b->own_count++].text = gh__arena_printf(b->arena, "\"" GH_FMT "\"",
								GH_ARG(text));
}

/* Users other than root cannot write into /run, but have a folder of their own. */
static void set_admin_default(struct gh__bind *b)
{
	const char *dir = getenv("XDG_RUNTIME_DIR");
	char why[300];

	if (geteuid() == 0 || !dir || !*dir)
		return;
	struct gh_str text = gh__arena_printf(b->arena, "unix:%s/gatehouse-admin.sock", dir);
	struct gh__listen_config l = { 0 };
	if (gh__listen_parse(b->arena, text, &l, why, sizeof(why)) == 0)
		set_default(b, &gh__admin_rows[0], text);
}

static struct gh_str path_from_env(const char *name)
{
	struct gh_str path = gh_str(getenv(name));

	while (path.len > 1 && path.at[path.len - 1] == '/')
		path.len--;
	return path.len > 1 && path.at[0] == '/' ? path : GH_STR("");
}

/* With `user` the answer must not depend on who asks: root at the start, that user at a reload. */
static void set_state_default(struct gh__bind *b, const struct gh__node *root)
{
	const struct gh__node *user = gh__node_get(root, GH_STR("user"));
	bool has_user = user && user->kind == GH__NODE_SCALAR && user->text.len;
	struct gh_str systemd = path_from_env("STATE_DIRECTORY");
	struct gh_str state = path_from_env("XDG_STATE_HOME"), home = path_from_env("HOME");
	const struct gh_option *row = gh__row_find(gh__gateway_rows, GH_STR("state_dir"));
	const char *colon = systemd.len ? memchr(systemd.at, ':', systemd.len) : NULL;

	if (systemd.len)
		set_default(b, row,
			    colon ? gh_str_slice(systemd, 0, (size_t)(colon - systemd.at))
				  : systemd);
	else if (has_user || geteuid() == 0)
		return;
	else if (state.len)
		set_default(b, row, gh__arena_printf(b->arena, GH_FMT "/gatehouse", GH_ARG(state)));
	else if (home.len)
		set_default(b, row,
			    gh__arena_printf(b->arena, GH_FMT "/.local/state/gatehouse",
					     GH_ARG(home)));
}

/* ---- The whole file ---- */

static void bind_all(struct gh__bind *b, struct gh__node *root, struct gh__config *c)
{
	struct gh__scope s = { gh__gateway_rows, NULL, NULL, { b->file, 0, 0 } };
	struct gh__gateway g = { 0 };
	char mend[8];

	b->upstreams = &g.upstreams; /* its row stands above the one of the routes */
	set_admin_default(b);
	set_state_default(b, root);
	gh__bind_rows(b, &s, root, &g);

	c->workers = g.workers;
	if (gh__value_int(g.workers, &c->worker_count, mend, sizeof(mend)) < 0)
		c->worker_count = 0;
	c->user = g.user;
	c->state_dir = g.state_dir;
	c->grace = g.grace;
	c->timeouts = g.timeouts;
	c->limits = g.limits;
	c->trusted_proxies = g.trusted_proxies;
	c->log = g.log;
	c->usage = g.usage;
	c->admin = g.admin;
	finish_listens(b, &g, root, c);
	finish_admin(b, root, c);
	gh__upstream_book_finish(b, &g, gh__node_get(root, GH_STR("upstreams")), c);
	gh__routes_finish(b, &g, gh__node_get(root, GH_STR("routes")), c);
}

static struct gh_str without_bom(struct gh_str bytes)
{
	return gh_str_slice(bytes, gh_str_starts(bytes, GH_STR("\xef\xbb\xbf")) ? 3 : 0, bytes.len);
}

struct gh__config *gh__config_read(struct gh_str path, struct gh_str bytes,
				   const struct gh_module *const *modules, enum gh__read_mode mode,
				   struct gh__mistakes *mistakes)
{
	struct gh__config *c = gh__zalloc(sizeof(*c));
	size_t before = gh__mistakes_count(mistakes);

	gh__arena_init(&c->arena, NULL, 0);
	c->path = gh__arena_copy(&c->arena, path);
	bytes = without_bom(bytes);
	gh__mistakes_source(mistakes, c->path.at, bytes);

	struct gh__tree tree = { .arena = &c->arena, .file = c->path.at };
	struct gh__bind b = {
		.arena = &c->arena, .mistakes = mistakes, .file = c->path.at, .modules = modules
	};
	gh__node_read(&tree, bytes, mistakes);
	if (tree.root) {
		gh__references_resolve(&tree, mode, mistakes);
		bind_all(&b, tree.root, c);
	} else if (gh__mistakes_count(mistakes) == before) {
		struct gh__place whole = { c->path.at, 0, 0 };
		gh__mistake(mistakes, &whole, "the file is empty; a config needs the key 'routes'");
	}
	if (tree.root)
		gh__hide_unbound(&tree, mistakes);
	else
		gh__hide_by_name(modules, mistakes);
	if (gh__mistakes_count(mistakes) > before) {
		gh__config_free(c);
		return NULL;
	}
	c->shown = gh__show(&b, tree.root);
	return c;
}

void gh__config_free(struct gh__config *c)
{
	if (!c)
		return;
	gh__arena_finish(&c->arena);
	gh__free(c);
}
