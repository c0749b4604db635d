#include "core/route/site.h"

#include <stdio.h>

#include "core/base/memory.h"
#include "core/base/metric.h"
#include "core/config/mistake.h"
#include "core/config/node.h"
#include "core/http/path.h"
#include "core/route/share.h"

/* ---- what provision() may call ---- */

static void refuse(struct gh_instance *in, const struct gh__place *place, const char *format,
		   va_list args)
{
	char text[512];

	vsnprintf(text, sizeof text, format, args);
	gh__mistake(in->site->mistakes, place ? place : &in->written->place, "%s: %s",
		    in->module->name, text);
}

int gh_invalid(struct gh_instance *in, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	refuse(in, NULL, format, args);
	va_end(args);
	return -1;
}

int gh_invalid_at(struct gh_instance *in, struct gh_str at, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	refuse(in, gh__node_find(in->written->options, at), format, args);
	va_end(args);
	return -1;
}

void *gh_instance_alloc(struct gh_instance *in, size_t size)
{
	return gh__arena_zero(&in->site->arena, size);
}

struct gh_str gh_instance_route(const struct gh_instance *in)
{
	return in->route;
}

void *gh_shared(struct gh_instance *in, struct gh_str key, const struct gh_shared_type *type)
{
	return gh__share_get(in->site->grounds->shares, in->module, key, type, &in->site->shared);
}

struct gh_metric *gh_counter(struct gh_instance *in, const char *name, const char *labels,
			     const char *help)
{
	return gh__metric_get(in->site->grounds->metrics, GH__COUNTER, name, labels, help);
}

struct gh_metric *gh_gauge(struct gh_instance *in, const char *name, const char *labels,
			   const char *help)
{
	return gh__metric_get(in->site->grounds->metrics, GH__GAUGE, name, labels, help);
}

/* ---- building ---- */

static void add_traits(struct gh__route *route, const struct gh_module *m)
{
	if (m->watch_request || m->edit_request)
		route->flags |= GH__ROUTE_REQUEST_BODY;
	if (m->watch_response || m->edit_response)
		route->flags |= GH__ROUTE_RESPONSE_BODY;
	if (m->edit_request)
		route->flags |= GH__ROUTE_EDITS_REQUEST;
	if (m->edit_response)
		route->flags |= GH__ROUTE_EDITS_RESPONSE;
	if (m->shape != GH_SHAPE_PLAIN)
		route->shape = m->shape;
}

static struct gh_instance *add_instance(struct gh__site *site,
					const struct gh__handler_config *from, struct gh_str where)
{
	struct gh_instance *in = site->instances + site->instance_count;

	in->module = from->module;
	in->self = from->self;
	in->written = from;
	in->site = site;
	in->route = where;
	in->index = site->instance_count++;
	return in;
}

static void build_routes(struct gh__site *site)
{
	const struct gh__config *c = site->config;

	site->route_count = c->route_count;
	site->routes = gh__arena_zero(&site->arena, c->route_count * sizeof *site->routes);
	for (size_t i = 0; i < c->route_count; i++) {
		const struct gh__route_config *from = c->routes + i;
		struct gh__route *route = site->routes + i;
		route->name = from->name;
		route->match = &from->match;
		route->max_body = from->max_body.bytes;
		route->count = from->handler_count;
		route->instances = gh__arena_get(&site->arena,
						 route->count * sizeof *route->instances);
		for (size_t h = 0; h < from->handler_count; h++) {
			route->instances[h] = add_instance(site, from->handlers + h, route->name);
			add_traits(route, route->instances[h]->module);
		}
	}
}

static void build_doors(struct gh__site *site)
{
	const struct gh__config *c = site->config;

	site->doors = gh__arena_zero(&site->arena, c->listen_count * sizeof *site->doors);
	for (size_t i = 0; i < c->listen_count; i++) {
		const struct gh__listen_config *from = c->listen + i;
		if (!from->tls.count)
			continue;
		site->doors[site->door_count++] = (struct gh__site_door){
			.address = from->address,
			.sources = site->instances + site->instance_count,
			.count = from->tls.count,
		};
		for (size_t k = 0; k < from->tls.count; k++)
			add_instance(site, from->tls.items + k, from->address);
	}
}

static void build(struct gh__site *site)
{
	const struct gh__config *c = site->config;
	size_t count = 0;

	for (size_t i = 0; i < c->route_count; i++)
		count += c->routes[i].handler_count;
	for (size_t i = 0; i < c->listen_count; i++)
		count += c->listen[i].tls.count;
	site->instances = gh__arena_zero(&site->arena, count * sizeof *site->instances);
	build_routes(site);
	build_doors(site);
}

static void take_upstreams(struct gh__site *site)
{
	const struct gh__config *c = site->config;

	site->upstreams = gh__arena_get(&site->arena,
					(c->upstream_count + 1) * sizeof *site->upstreams);
	for (size_t i = 0; i < c->upstream_count; i++) {
		struct gh__upstream *u = gh__upstream_ref(site->grounds->upstreams,
							  c->upstreams[i]);
		c->upstreams[i]->runtime = u;
		site->upstreams[site->upstream_count++] = u;
	}
	site->trusted = gh__arena_get(&site->arena,
				      (c->trusted_proxies.count + 1) * sizeof *site->trusted);
	for (size_t i = 0; i < c->trusted_proxies.count; i++)
		if (gh_str_is(c->trusted_proxies.items[i], "unix"))
			site->trusts_unix = true;
		else if (gh__cidr_from(c->trusted_proxies.items[i],
				       site->trusted + site->trusted_count) == 0)
			site->trusted_count++;
	site->trusts = site->trusts_unix || site->trusted_count;
}

struct gh__site *gh__site_create(struct gh__config *config, const struct gh__grounds *grounds,
				 struct gh__mistakes *mistakes)
{
	struct gh__site *site = gh__zalloc(sizeof *site);
	size_t before = gh__mistakes_count(mistakes);

	site->config = config;
	site->grounds = grounds;
	site->mistakes = mistakes;
	gh__arena_init(&site->arena, NULL, 0);
	gh__list_init(&site->shared);
	take_upstreams(site);
	build(site);
	for (size_t i = 0; i < site->instance_count; i++) {
		struct gh_instance *in = site->instances + i;
		in->provisioned = true;
		if (in->module->provision && in->module->provision(in, in->self) &&
		    gh__mistakes_count(mistakes) == before)
			gh_invalid(in, "it cannot be set up");
	}
	site->mistakes = NULL;
	if (gh__mistakes_count(mistakes) == before)
		return site;
	gh__site_destroy(site);
	return NULL;
}

void gh__site_destroy(struct gh__site *site)
{
	if (!site)
		return;
	for (size_t i = site->instance_count; i-- > 0;) {
		struct gh_instance *in = site->instances + i;
		if (in->provisioned && in->module->cleanup)
			in->module->cleanup(in->self);
	}
	gh__share_release(site->grounds->shares, &site->shared);
	for (size_t i = 0; i < site->upstream_count; i++)
		gh__upstream_unref(site->grounds->upstreams, site->upstreams[i]);
	gh__config_free(site->config);
	gh__arena_finish(&site->arena);
	gh__free(site);
}

/* ---- matching ---- */

static bool path_matches(const struct gh_strings *paths, struct gh_str path)
{
	for (size_t i = 0; i < paths->count; i++)
		if (gh__path_below(path, paths->items[i]))
			return true;
	return paths->count == 0;
}

static bool host_matches(const struct gh_strings *hosts, struct gh_str host)
{
	for (size_t i = 0; i < hosts->count; i++) {
		struct gh_str want = hosts->items[i];
		if (want.len > 2 && want.at[0] == '*') {
			struct gh_str tail = gh_str_slice(want, 1, want.len);
			if (host.len > tail.len &&
			    gh_str_eq(gh_str_slice(host, host.len - tail.len, host.len), tail))
				return true;
		} else if (gh_str_eq(want, host)) {
			return true;
		}
	}
	return hosts->count == 0;
}

static bool method_matches(const struct gh_strings *methods, struct gh_str method)
{
	for (size_t i = 0; i < methods->count; i++)
		if (gh_str_eq(methods->items[i], method))
			return true;
	return methods->count == 0;
}

bool gh__site_is_lookalike(const struct gh__site *site, const struct gh_request *req)
{
	for (size_t i = 0; i < site->route_count; i++) {
		const struct gh__match_config *m = site->routes[i].match;
		for (size_t p = 0; p < m->path.count; p++)
			if (gh__path_resembles(req->path, m->path.items[p]))
				return true;
	}
	return false;
}

const struct gh__route *gh__site_route(const struct gh__site *site, const struct gh_request *req)
{
	for (size_t i = 0; i < site->route_count; i++) {
		const struct gh__match_config *m = site->routes[i].match;
		if (path_matches(&m->path, req->path) && host_matches(&m->host, req->host) &&
		    method_matches(&m->method, req->method))
			return site->routes + i;
	}
	return NULL;
}

bool gh__site_trusts(const struct gh__site *site, const struct gh_address *peer)
{
	if (peer->family == AF_UNIX)
		return site->trusts_unix;
	for (size_t i = 0; i < site->trusted_count; i++)
		if (gh__cidr_has(site->trusted + i, peer))
			return true;
	return false;
}

/* ---- a worker's view ---- */

struct gh__site_local *gh__site_local_create(struct gh__site *site)
{
	struct gh__site_local *local = gh__zalloc(sizeof *local);

	local->site = site;
	local->refs = 1;
	local->locals = gh__zalloc((site->instance_count + 1) * sizeof *local->locals);
	for (size_t i = 0; i < site->instance_count; i++)
		if (site->instances[i].module->local_size)
			local->locals[i] = gh__zalloc(site->instances[i].module->local_size);
	return local;
}

void gh__site_local_unref(struct gh__site_local *local)
{
	if (--local->refs)
		return;
	for (size_t i = 0; i < local->site->instance_count; i++)
		gh__free(local->locals[i]);
	gh__free(local->locals);
	local->locals = NULL;
	local->on_unused(local);
}
