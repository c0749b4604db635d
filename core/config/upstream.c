#include "core/config/upstream.h"

#include <stdio.h>

#include <mbedtls/sha256.h>

#include "core/base/memory.h"
#include "core/config/address.h"
#include "core/config/near.h"

/* What one `to:` with addresses made; the same addresses in the same order make one only. */
struct gh__inline_upstream {
	struct gh_upstream upstream;
	struct gh__inline_upstream *next;
};

/* Stands in where ${…} was not looked up. */
static const struct gh__endpoint_config unknown_endpoint = {
	.url = GH_STR_INIT("http://127.0.0.1"),
	.host = GH_STR_INIT("127.0.0.1"),
	.port = 80,
	.authority = GH_STR_INIT("127.0.0.1"),
};

static bool same_endpoints(const struct gh_upstream *u, const struct gh__endpoint_config *e,
			   size_t count)
{
	if (u->endpoint_count != count)
		return false;
	for (size_t i = 0; i < count; i++)
		if (u->endpoints[i].scheme != e[i].scheme || u->endpoints[i].port != e[i].port ||
		    !gh_str_eq(u->endpoints[i].host, e[i].host))
			return false;
	return true;
}

/* Of a key, which must not stand in what is kept as a name for things. */
static struct gh_str digest_of(struct gh__bind *b, struct gh_str key)
{
	unsigned char digest[32];
	char hex[2 * sizeof(digest) + 1] = "";

	if (key.len == 0)
		return GH_STR("none");
	mbedtls_sha256((const unsigned char *)key.at, key.len, digest, 0);
	for (size_t i = 0; i < sizeof(digest); i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	return gh__arena_copy(b->arena, gh_str(hex));
}

/* Addresses are in lower case and without what is understood, so that spelling does not matter. */
static void set_identity(struct gh__bind *b, struct gh_upstream *u)
{
	const struct gh__health_config *h = &u->health;
	struct gh_str s = gh__arena_printf(b->arena, "name=" GH_FMT, GH_ARG(u->name));

	for (size_t i = 0; i < u->endpoint_count; i++)
		s = gh__arena_printf(b->arena, GH_FMT " %s=" GH_FMT ":%u", GH_ARG(s),
				     u->endpoints[i].scheme == GH__UNIX ? "unix" : "http",
				     GH_ARG(u->endpoints[i].host), u->endpoints[i].port);
	s = gh__arena_printf(b->arena,
			     GH_FMT " concurrent=%lld queue=%lld wait=%lld cold=%d assemble=%d "
				    "key=" GH_FMT,
			     GH_ARG(s), (long long)u->max_concurrent, (long long)u->queue,
			     (long long)u->queue_timeout.ms, u->cold_start.index, u->assemble,
			     GH_ARG(digest_of(b, u->key)));
	u->identity = gh__arena_printf(
		b->arena,
		GH_FMT " balance=%d connect=%lld first_byte=%lld idle=%lld keepalive=%lld "
		       "fail=%lld max_idle=%lld health=" GH_FMT " every=%lld timeout=%lld",
		GH_ARG(s), u->balance.index, (long long)u->connect_timeout.ms,
		(long long)u->first_byte_timeout.ms, (long long)u->idle_timeout.ms,
		(long long)u->keepalive.ms, (long long)u->fail_timeout.ms, (long long)u->max_idle,
		GH_ARG(h->path), (long long)h->interval.ms, (long long)h->timeout.ms);
}

/* ---- In a module's options ---- */

static struct gh_upstream *add_inline(struct gh__bind *b, struct gh__place place,
				      struct gh__endpoint_config *endpoints, size_t count)
{
	struct gh__inline_upstream **slot = &b->inline_upstreams;

	for (; *slot; slot = &(*slot)->next)
		if (same_endpoints(&(*slot)->upstream, endpoints, count))
			return &(*slot)->upstream;

	struct gh__inline_upstream *made = gh__arena_zero(b->arena, sizeof(*made));
	struct gh__scope s = { gh__upstream_rows, NULL, NULL, place };
	struct gh_upstream *u = &made->upstream;
	struct gh_str *to = gh__arena_zero(b->arena, count * sizeof(*to));

	gh__bind_rows(b, &s, NULL, u);
	for (size_t i = 0; i < count; i++)
		to[i] = endpoints[i].url;
	u->name = endpoints[0].url;
	u->to = (struct gh_strings){ to, count };
	u->endpoints = endpoints;
	u->endpoint_count = count;
	u->place = place;
	set_identity(b, u);
	*slot = made;
	b->inline_count++;
	return u;
}

static void refuse_name(struct gh__bind *b, const struct gh__node *n)
{
	struct gh__near near = gh__near_begin(n->text);
	const struct gh_upstream *all = b->upstreams->items;
	char echo[80];

	for (size_t i = 0; i < b->upstreams->count; i++)
		gh__near_try(&near, all[i].name);
	if (near.best.len && !b->secret && !n->looked_up)
		gh__mistake(b->mistakes, &n->place,
			    "unknown upstream %s; did you mean '" GH_FMT "'?", gh__echo(b, n, echo),
			    GH_ARG(near.best));
	else
		gh__mistake(b->mistakes, &n->place,
			    "%s is neither an address, such as http://127.0.0.1:1234, nor an entry "
			    "of 'upstreams'",
			    gh__echo(b, n, echo));
}

static struct gh_upstream *find_name(struct gh__bind *b, struct gh_str name)
{
	struct gh_upstream *all = (struct gh_upstream *)b->upstreams->items;

	for (size_t i = 0; i < b->upstreams->count; i++)
		if (gh_str_eq(all[i].name, name))
			return &all[i];
	return NULL;
}

static int endpoint(struct gh__bind *b, const struct gh_option *row, struct gh__node *n,
		    struct gh__endpoint_config *ret_endpoint)
{
	char why[300];

	if (n->kind != GH__NODE_SCALAR || gh__node_is_null(n)) {
		gh__mistake(b->mistakes, &n->place,
			    "'%s' must be an address or the name of an upstream, but it is %s",
			    row->name, gh__node_kind_name(n));
		return -1;
	}
	gh__mark_bound(b, n);
	if (n->unknown) {
		*ret_endpoint = unknown_endpoint;
		return 0;
	}
	if (gh__endpoint_parse(b->arena, n->text, ret_endpoint, why, sizeof(why)) == 0)
		return 0;
	n->secret |= memchr(n->text.at, '@', n->text.len) != NULL;
	gh__mistake(b->mistakes, &n->place, "'%s': %s", row->name,
		    n->looked_up || b->secret ? "this is no address; write http://HOST:PORT" : why);
	return -1;
}

void gh__bind_upstream(struct gh__bind *b, const struct gh_option *row, struct gh__node *node,
		       struct gh_upstream_ref *to)
{
	size_t count = gh__node_items(node);
	struct gh__node *first = count ? gh__node_item(node, 0) : NULL;
	int bad = 0;

	if (count == 0 || count > 64) {
		gh__mistake(b->mistakes, &node->place, "'%s' must have 1 to 64 addresses",
			    row->name);
		return;
	}
	if (count == 1 && first->kind == GH__NODE_SCALAR && !first->unknown &&
	    !gh__node_is_null(first) && !gh__is_endpoint(first->text)) {
		gh__mark_bound(b, first);
		to->upstream = find_name(b, first->text);
		if (!to->upstream)
			refuse_name(b, first);
		return;
	}
	struct gh__endpoint_config *endpoints = gh__arena_zero(b->arena,
							       count * sizeof(*endpoints));
	for (size_t i = 0; i < count; i++)
		bad |= endpoint(b, row, gh__node_item(node, i), &endpoints[i]);
	if (!bad)
		to->upstream = add_inline(b, node->place, endpoints, count);
}

/* ---- The entries of `upstreams:` ---- */

static bool is_name(struct gh_str s)
{
	bool good = s.len > 0 && s.len <= 64;

	for (size_t i = 0; i < s.len; i++) {
		char c = gh_lower(s.at[i]);
		good &= (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
			(i > 0 && (c == '-' || c == '_' || c == '.'));
	}
	return good;
}

static void finish_entry(struct gh__bind *b, struct gh__entry *entry, struct gh_upstream *u)
{
	const struct gh_option *row = gh__row_find(gh__upstream_rows, GH_STR("to"));
	struct gh__node *to = gh__row_node(gh__upstream_rows, row, entry->value);
	struct gh__endpoint_config *endpoints = gh__arena_zero(b->arena,
							       u->to.count * sizeof(*endpoints));
	char why[300];

	u->place = entry->key->place;
	if (!is_name(u->name))
		gh__mistake(b->mistakes, &u->place,
			    "the name of an upstream has letters, digits, '-', '_' and '.' alone");
	/* What cannot be parsed was told when it was bound. */
	for (size_t i = 0; i < u->to.count; i++)
		if (gh__node_item(to, i)->unknown ||
		    gh__endpoint_parse(b->arena, u->to.items[i], &endpoints[i], why, sizeof(why)) <
			    0)
			endpoints[i] = unknown_endpoint;
	u->endpoints = endpoints;
	u->endpoint_count = u->to.count;
	set_identity(b, u);
}

void gh__upstream_book_finish(struct gh__bind *b, const struct gh__gateway *g,
			      struct gh__node *node, struct gh__config *c)
{
	struct gh_upstream *named = (struct gh_upstream *)g->upstreams.items;
	size_t count = 0;

	c->upstreams = gh__arena_get(b->arena, (g->upstreams.count + b->inline_count) *
						       sizeof(struct gh_upstream *));
	for (size_t i = 0; i < g->upstreams.count; i++) {
		finish_entry(b, &node->entries[i], &named[i]);
		c->upstreams[count++] = &named[i];
	}
	for (struct gh__inline_upstream *u = b->inline_upstreams; u; u = u->next)
		c->upstreams[count++] = &u->upstream;
	c->upstream_count = count;
}
