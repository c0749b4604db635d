/* <gatehouse/test.h>: the real chain on a loop without sockets. */
#include <stdio.h>
#include <stdlib.h>

#include "core/base/memory.h"
#include "core/base/metric.h"
#include "core/config/mistake.h"
#include "core/ledger/ledger.h"
#include "core/route/access.h"
#include "core/route/share.h"
#include "support/module_bench.h"

/* Where nobody can make a folder, not even root. */
#define NO_STATE_DIR "/proc/none/gatehouse"

static char mistakes[8192], state_dir[4096] = NO_STATE_DIR;

const char *gh_test_mistakes(void)
{
	return mistakes;
}

void gh_test_state_dir(const char *path)
{
	snprintf(state_dir, sizeof state_dir, "%s", path ? path : NO_STATE_DIR);
}

static void on_unused(struct gh__site_local *local)
{
	free(local);
}

/* A source of certificates stands under a listener, all others in a route. */
static struct gh_str write_yaml(const struct gh_module *m, const char *options, struct gh__arena *a)
{
	struct gh_str yaml = gh__arena_printf(
		a,
		m->certificates ? "state_dir: \"%s\"\nlisten:\n  - address: 127.0.0.1:0\n"
				  "    tls:\n      - %s%s\n"
				: "state_dir: \"%s\"\nroutes:\n  - handle:\n      - %s%s\n",
		state_dir, m->name, options ? ":" : "");

	for (const char *at = options; at && *at;) {
		size_t len = strcspn(at, "\n");
		yaml = gh__arena_printf(a, GH_FMT "          %.*s\n", GH_ARG(yaml), (int)len, at);
		at += len + (at[len] == '\n');
	}
	return gh__arena_printf(a, GH_FMT "%s      - test-upstream\n", GH_ARG(yaml),
				m->certificates ? "routes:\n  - handle:\n" : "");
}

static struct gh__site *build(struct gh_test *t, const char *options)
{
	const struct gh_module *const modules[] = { t->module, &bench_upstream, NULL };
	struct gh__mistakes *m = gh__mistakes_create();
	struct gh__arena a;
	struct gh__site *site = NULL;

	gh__arena_init(&a, NULL, 0);
	struct gh_str yaml = write_yaml(t->module, options, &a);
	struct gh__config *c = gh__config_read(GH_STR("test.yaml"), yaml, modules, GH__READ_ALL, m);
	if (c)
		site = gh__site_create(c, &t->grounds, m);
	snprintf(mistakes, sizeof mistakes, GH_FMT, GH_ARG(gh__mistakes_text(m)));
	gh__mistakes_destroy(m);
	gh__arena_finish(&a);
	return site;
}

static void use(struct gh_test *t, struct gh__site *site)
{
	struct gh__site_local *local = gh__site_local_create(site);

	local->on_unused = on_unused;
	gh__worker_use(&t->worker, local);
}

struct gh_test *gh_test_begin(const struct gh_module *m, const char *options_yaml)
{
	struct gh_test *t = gh__zalloc(sizeof *t);
	struct gh__lanes *lanes = gh__lanes_create();

	t->module = m;
	t->conn.door = gh__door_create(GH_STR("test"));
	t->status = 200;
	t->give_body = "upstream";
	gh__upstreams_init(&t->upstreams, lanes);
	t->grounds = (struct gh__grounds){ &t->upstreams, gh__shares_create(), gh__metrics_create(),
					   gh__ledger_create() };
	t->keeps = strcmp(state_dir, NO_STATE_DIR) != 0;
	if (t->keeps)
		gh__ledger_open(t->grounds.ledger, gh_str(state_dir));
	t->sink = gh__access_sink_create();
	/* Not worker 0: that one checks the health of upstreams, and here is none to ask. */
	gh__worker_init(&t->worker, 1, &t->upstreams, lanes);
	t->worker.loop.frozen = true;
	t->worker.collected = &t->collected;
	gh_test_client(t, "192.0.2.1");
	struct gh__site *site = build(t, options_yaml);
	if (!site) {
		gh_test_end(t);
		return NULL;
	}
	use(t, site);
	return t;
}

int gh_test_reload(struct gh_test *t, const char *options_yaml)
{
	struct gh__site *site = build(t, options_yaml);

	if (!site)
		return -1;
	struct gh__site *old = t->worker.site->site;
	use(t, site);
	gh__site_destroy(old);
	return 0;
}

void gh_test_end(struct gh_test *t)
{
	if (!t)
		return;
	struct gh__site *site = t->worker.site ? t->worker.site->site : NULL;
	gh__lanes_destroy(t->worker.lanes);
	uv_run(&t->worker.loop.uv, UV_RUN_NOWAIT);
	if (t->worker.site)
		gh__site_local_unref(t->worker.site);
	gh__pools_finish(&t->worker.pools);
	gh__site_destroy(site);
	gh__loop_finish(&t->worker.loop);
	gh__upstreams_finish(&t->upstreams);
	gh__shares_destroy(t->grounds.shares);
	gh__metrics_destroy(t->grounds.metrics);
	if (t->keeps)
		gh__ledger_stop(t->grounds.ledger, BENCH_WAIT_S * 1000);
	gh__ledger_destroy(t->grounds.ledger);
	gh__access_sink_destroy(t->sink);
	gh__door_unref(t->conn.door);
	free(t->headers);
	free(t->body);
	free(t->caller);
	free(t->upstream_headers);
	free(t->upstream_body);
	free(t->log);
	bench_drop_certificates(t);
	gh__free(t);
}

void gh_test_client(struct gh_test *t, const char *address)
{
	GH_CHECK(gh__address_from(gh_str(address), &t->conn.peer) == 0);
}

void gh_test_advance(struct gh_test *t, int64_t ms)
{
	t->worker.loop.now += (uint64_t)ms;
	gh__loop_tick(&t->worker.loop);
}

void gh_test_upstream(struct gh_test *t, int status, const char *headers, const char *body)
{
	t->status = status;
	t->give_headers = headers;
	t->give_body = body;
}
