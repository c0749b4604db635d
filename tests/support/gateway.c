#include "support/gateway.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/base/memory.h"
#include "core/base/metric.h"
#include "core/config/mistake.h"
#include "core/route/share.h"

static void on_unused(struct gh__site_local *local)
{
	struct gateway *g = local->owner;

	gh__site_destroy(local->site);
	gh__free(local);
	g->sites--;
}

static void on_close(struct gh__conns *conns, struct gh__conn *c)
{
	(void)conns;
	(void)c;
}

int gateway_reload(struct gateway *g, const char *yaml)
{
	struct gh__mistakes *m = gh__mistakes_create();
	struct gh__site *site = NULL;
	struct gh__config *c = gh__config_read(GH_STR("test.yaml"), gh_str(yaml), g->modules,
					       GH__READ_ALL, m);

	if (c)
		site = gh__site_create(c, &g->grounds, m);
	snprintf(g->mistakes, sizeof g->mistakes, GH_FMT, GH_ARG(gh__mistakes_text(m)));
	gh__mistakes_destroy(m);
	if (!site)
		return -1;
	struct gh__site_local *local = gh__site_local_create(site);
	local->on_unused = on_unused;
	local->owner = g;
	g->sites++;
	gh__worker_use(&g->worker, local);
	return 0;
}

void gateway_begin(struct gateway *g, const struct gh_module *const *modules, const char *yaml)
{
	struct gh__lanes *lanes = gh__lanes_create();

	*g = (struct gateway){ .modules = modules };
	gh__upstreams_init(&g->upstreams, lanes);
	g->grounds = (struct gh__grounds){ &g->upstreams, gh__shares_create(), gh__metrics_create(),
					   NULL };
	g->door = gh__door_create(GH_STR("test"));
	/* Not worker 0, which checks the health of upstreams. */
	gh__worker_init(&g->worker, 1, &g->upstreams, lanes);
	g->worker.loop.frozen = true;
	g->worker.collected = &g->collected;
	g->worker.conns.on_close = on_close;
	if (gateway_reload(g, yaml)) {
		fprintf(stderr, "%s\n", g->mistakes);
		abort();
	}
	gateway_join(g);
}

void gateway_end(struct gateway *g)
{
	wire_close(&g->client);
	gh__conns_cut(&g->worker.conns);
	wire_settle(&g->worker.loop);
	GH_CHECK(g->worker.conns.count == 0);
	gh__lanes_destroy(g->worker.lanes);
	wire_settle(&g->worker.loop);
	gh__worker_leave(&g->worker);
	GH_CHECK(g->sites == 0);
	GH_CHECK(atomic_load(&g->collected) == 0);
	gh__pools_finish(&g->worker.pools);
	wire_settle(&g->worker.loop);
	GH_CHECK(g->worker.loop.deadlines == 0);
	gh__loop_finish(&g->worker.loop);
	gh__door_unref(g->door);
	gh__upstreams_finish(&g->upstreams);
	gh__shares_destroy(g->grounds.shares);
	gh__metrics_destroy(g->grounds.metrics);
}

void gateway_join(struct gateway *g)
{
	struct gh_address peer = { .family = AF_INET, .bytes = { 192, 0, 2, 1 } };
	int fds[2];

	wire_close(&g->client);
	wire_settle(&g->worker.loop);
	wire_tcp_pair(fds);
	wire_open(&g->client, fds[1]);
	GH_CHECK(gh__conn_accept(&g->worker.conns, fds[0], &peer, g->door) == 0);
}

void gateway_say(struct gateway *g, const char *text)
{
	wire_send(&g->worker.loop, &g->client, text);
	wire_settle(&g->worker.loop);
}

/* Takes the body out of its chunks, in place. Returns how long it was in chunks, or 0: not whole. */
static size_t unchunk(char *at)
{
	char *from = at, *to = at;

	for (;;) {
		char *end;
		size_t len = strtoul(from, &end, 16);
		if (end == from || strncmp(end, "\r\n", 2) != 0 || strlen(end + 2) < len + 2) {
			*to = 0;
			return 0;
		}
		memmove(to, end + 2, len);
		to += len;
		from = end + 2 + len + 2;
		if (len == 0) {
			*to = 0;
			return (size_t)(from - at);
		}
	}
}

struct gateway_answer gateway_hear(struct gateway *g)
{
	static char text[1 << 20];
	struct gateway_answer a = { .head = "", .body = "" };
	struct wire *w = &g->client;
	uint64_t until = uv_hrtime() + 5000000000ull;

	while (uv_hrtime() < until) {
		wire_read(w);
		char *body = strstr(w->got, "\r\n\r\n");
		if (body && w->len < sizeof text / 2) {
			body += 4;
			size_t head = (size_t)(body - w->got);
			snprintf(text, head + 1, "%s", w->got);
			snprintf(text + head + 1, sizeof text - head - 1, "%s", body);
			a = (struct gateway_answer){ .head = text, .body = text + head + 1 };
			sscanf(text, "HTTP/1.1 %d", &a.status);
			const char *length = strstr(text, "Content-Length: ");
			size_t len = length ? strtoul(length + 16, NULL, 10) : 0;
			if (strstr(text, "Transfer-Encoding: chunked"))
				a.whole = (len = unchunk(text + head + 1)) > 0;
			else
				a.whole = w->len - head >= len;
			if (a.whole) {
				if (length)
					text[head + 1 + len] = 0;
				w->len -= head + len;
				memmove(w->got, w->got + head + len, w->len + 1);
				return a;
			}
		}
		if (w->end != WIRE_OPEN)
			return a;
		wire_turn(&g->worker.loop);
	}
	return a;
}

struct gateway_answer gateway_ask(struct gateway *g, const char *method, const char *path)
{
	char text[1024];

	snprintf(text, sizeof text, "%s %s HTTP/1.1\r\nHost: test.example\r\n\r\n", method, path);
	gateway_say(g, text);
	return gateway_hear(g);
}

void gateway_pass(struct gateway *g, uint64_t ms)
{
	for (uint64_t until = g->worker.loop.now + ms; g->worker.loop.now < until;) {
		g->worker.loop.now += 10;
		gh__loop_tick(&g->worker.loop);
	}
	wire_settle(&g->worker.loop);
}
