/* /status: how the gateway is, as JSON. */
#include <time.h>
#include <unistd.h>

#include "core/base/memory.h"
#include "core/config/text.h"
#include "core/http/text.h"
#include "core/route/access.h"
#include "core/server/certificates.h"
#include "core/server/report.h"

static void put_string(struct gh__text *t, struct gh_str s)
{
	char *room = gh__alloc(6 * s.len + 1);
	size_t n = gh__json_escape(room, s);

	gh__text_put(t, GH_STR("\""));
	gh__text_put(t, (struct gh_str){ room, n });
	gh__text_put(t, GH_STR("\""));
	gh__free(room);
}

static const char *truth(bool b)
{
	return b ? "true" : "false";
}

static void put_generations(struct gh__text *t, const struct gh__server *s)
{
	gh__text_printf(t, "  \"generation\": %llu,\n  \"draining\": [",
			(unsigned long long)s->current->number);
	for (const struct gh__list *l = s->retired.next; l != &s->retired; l = l->next) {
		const struct gh__generation *g = GH__CONTAINER(l, struct gh__generation, link);
		gh__text_printf(t, "%s%llu", l == s->retired.next ? "" : ", ",
				(unsigned long long)g->number);
	}
	gh__text_printf(t, "],\n  \"reloads\": { \"ok\": %llu, \"failed\": %llu, \"last_error\": ",
			(unsigned long long)s->reloads, (unsigned long long)s->failed_reloads);
	if (s->refused)
		put_string(t, gh_str(s->refused));
	else
		gh__text_put(t, GH_STR("null"));
	gh__text_put(t, GH_STR(" },\n"));
}

static void put_workers(struct gh__text *t, const struct gh__server *s)
{
	gh__text_put(t, GH_STR("  \"workers\": ["));
	for (unsigned i = 0; i < s->thread_count; i++) {
		const struct gh__stats *stats = &s->threads[i]->worker.stats;
		gh__text_printf(t, "%s\n    { \"connections\": %llu, \"active\": %llu }",
				i ? "," : "", (unsigned long long)atomic_load(&stats->connections),
				(unsigned long long)atomic_load(&stats->active));
	}
	gh__text_put(t, GH_STR("\n  ],\n"));
}

/* With the port that it really has, where the config leaves the choice to the system. */
static void put_listener(struct gh__text *t, const struct gh__listener *listener)
{
	struct gh_str name = listener->door->name;
	char room[128];

	if (!listener->is_unix && name.len < sizeof room - 8 && name.len > 2 &&
	    gh_str_is(gh_str_slice(name, name.len - 2, name.len), ":0")) {
		memcpy(room, name.at, name.len - 1);
		name.len += gh__decimal(room + name.len - 1, gh__listener_port(listener)) - 1;
		name.at = room;
	}
	put_string(t, name);
}

static void put_listeners(struct gh__text *t, const struct gh__server *s)
{
	gh__text_put(t, GH_STR("  \"listeners\": ["));
	for (const struct gh__list *l = s->listeners.next; l != &s->listeners; l = l->next) {
		if (l != s->listeners.next)
			gh__text_put(t, GH_STR(", "));
		put_listener(t, GH__CONTAINER(l, struct gh__listener, link));
	}
	gh__text_put(t, GH_STR("],\n"));
}

/* The listener of that address, with the port that it really has. */
static void put_address(struct gh__text *t, const struct gh__server *s,
			const struct gh__stand *stand)
{
	for (const struct gh__list *l = s->listeners.next; l != &s->listeners; l = l->next) {
		const struct gh__listener *listener = GH__CONTAINER(l, struct gh__listener, link);
		if (stand->shelf && listener->door->shelf == stand->shelf) {
			put_listener(t, listener);
			return;
		}
	}
	put_string(t, stand->address);
}

static void put_certificate(struct gh__text *t, const struct gh__certificate *c, int64_t now)
{
	char when[64] = "";

	gh__text_put(t, GH_STR("\n        { \"names\": ["));
	for (size_t i = 0; i < c->name_count; i++) {
		if (i)
			gh__text_put(t, GH_STR(", "));
		put_string(t, c->names[i]);
	}
	gh__text_printf(t, "], \"not_after\": \"%s\", \"days_left\": %.1f }",
			gh__certificate_time(c->not_after, when, sizeof when),
			(double)(c->not_after - now) / 86400);
}

static void put_source(struct gh__text *t, const struct gh__server *s,
		       const struct gh__source *from)
{
	int64_t now = (int64_t)time(NULL);

	gh__text_put(t, GH_STR("\n    { \"listener\": "));
	put_address(t, s, from->stand);
	gh__text_put(t, GH_STR(", \"source\": "));
	put_string(t, gh_str(from->instance->module->name));
	gh__text_put(t, GH_STR(", \"trouble\": "));
	if (from->trouble)
		put_string(t, gh_str(from->trouble));
	else
		gh__text_put(t, GH_STR("null"));
	gh__text_put(t, GH_STR(",\n      \"serves\": ["));
	for (size_t i = 0; i < from->count; i++) {
		if (i)
			gh__text_put(t, GH_STR(","));
		put_certificate(t, from->items[i].certificate, now);
	}
	gh__text_put(t, from->count ? GH_STR("\n      ] }") : GH_STR("] }"));
}

static void put_certificates(struct gh__text *t, const struct gh__server *s)
{
	const struct gh__certificates *c = s->current->certificates;
	bool any = false;

	gh__text_put(t, GH_STR("  \"certificates\": ["));
	for (size_t i = 0; i < c->count; i++)
		for (size_t k = 0; k < c->stands[i].count; k++) {
			if (any)
				gh__text_put(t, GH_STR(","));
			any = true;
			put_source(t, s, c->stands[i].sources + k);
		}
	gh__text_put(t, any ? GH_STR("\n  ],\n") : GH_STR("],\n"));
}

static void put_endpoint(struct gh__text *t, const struct gh__server *s,
			 const struct gh__endpoint *e)
{
	gh__text_put(t, GH_STR("\n        { \"address\": "));
	put_string(t, e->url);
	gh__text_printf(t, ", \"up\": %s, \"healthy\": %s, \"busy\": %d }",
			truth(gh__endpoint_up(e, s->loop.now)), truth(!atomic_load(&e->unhealthy)),
			atomic_load(&e->busy));
}

static void put_upstreams(struct gh__text *t, const struct gh__server *s)
{
	const struct gh__site *site = s->current->site;

	gh__text_put(t, GH_STR("  \"upstreams\": ["));
	for (size_t i = 0; i < site->upstream_count; i++) {
		const struct gh__upstream *u = site->upstreams[i];
		struct gh__queue_counts queue;
		gh__queue_count(u->queue, &queue);
		gh__text_put(t, i ? GH_STR(",\n    { \"name\": ") : GH_STR("\n    { \"name\": "));
		put_string(t, u->name);
		gh__text_printf(t,
				", \"calls\": %llu, \"failures\": %llu, \"retries\": %llu,"
				" \"running\": %u, \"waiting\": %u, \"refused\": %llu,"
				" \"endpoints\": [",
				(unsigned long long)atomic_load(&u->calls),
				(unsigned long long)atomic_load(&u->failures),
				(unsigned long long)atomic_load(&u->retries), queue.running,
				queue.waiting, (unsigned long long)queue.refused);
		for (size_t k = 0; k < u->count; k++) {
			if (k)
				gh__text_put(t, GH_STR(","));
			put_endpoint(t, s, u->endpoints + k);
		}
		gh__text_put(t, GH_STR("\n    ] }"));
	}
	gh__text_put(t, GH_STR("\n  ],\n"));
}

struct gh_str gh__status_page(struct gh__server *s, struct gh__arena *a)
{
	struct gh__text t = { 0 };

	gh__text_printf(&t,
			"{\n  \"version\": \"%s\",\n  \"pid\": %ld,\n  \"uptime_seconds\": %llu,\n",
			GH_VERSION, (long)getpid(), (unsigned long long)gh__server_uptime(s));
	gh__text_put(&t, GH_STR("  \"config\": "));
	put_string(&t, gh_str(s->path));
	gh__text_printf(&t, ",\n  \"stopping\": %s,\n", truth(s->stopping));
	put_generations(&t, s);
	put_listeners(&t, s);
	put_certificates(&t, s);
	put_workers(&t, s);
	put_upstreams(&t, s);
	gh__text_printf(&t, "  \"log_lost_lines\": %llu\n}\n",
			(unsigned long long)gh__access_sink_lost(s->access));
	return gh__text_finish(&t, a);
}
