/* /metrics: the text form of Prometheus. */
#include <dirent.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "core/base/memory.h"
#include "core/base/metric.h"
#include "core/route/access.h"
#include "core/server/certificates.h"
#include "core/server/file.h"
#include "core/server/metrics_text.h"
#include "core/server/report.h"

static uint64_t load(const atomic_uint_least64_t *n)
{
	return atomic_load_explicit(n, memory_order_relaxed);
}

/* One counter of all workers, by its place in struct gh__stats. */
static uint64_t sum(const struct gh__server *s, size_t offset)
{
	uint64_t all = 0;

	for (unsigned i = 0; i < s->thread_count; i++) {
		const char *stats = (const char *)&s->threads[i]->worker.stats;
		all += load((const atomic_uint_least64_t *)(const void *)(stats + offset));
	}
	return all;
}

#define SUM(s, member) sum(s, offsetof(struct gh__stats, member))

uint64_t gh__server_uptime(const struct gh__server *s)
{
	uint64_t now = (uint64_t)time(NULL);

	return now > s->started_at ? now - s->started_at : 0;
}

unsigned gh__server_draining(const struct gh__server *s)
{
	unsigned n = 0;

	for (const struct gh__list *l = s->retired.next; l != &s->retired; l = l->next)
		n++;
	return n;
}

/* ---- requests ---- */

static void put_requests(struct gh__text *t, const struct gh__server *s)
{
	static const char *const classes[] = { "left", "1xx", "2xx", "3xx", "4xx", "5xx" };

	put_head(
		t, "requests_total", "counter",
		"Requests that ended, by class of status; left: the client went before an answer.");
	for (size_t i = 0; i < GH_COUNT_OF(classes); i++)
		gh__text_printf(t, "gatehouse_requests_total{class=\"%s\"} %llu\n", classes[i],
				(unsigned long long)SUM(s, requests[i]));
	put_one(t, "requests_active", "gauge", SUM(s, active),
		"Requests under way, tunnels included.");
	put_one(t, "refused_heads_total", "counter", SUM(s, refused),
		"Heads that were no proper requests.");
	put_one(t, "unheard_connections_total", "counter", SUM(s, unheard),
		"Connections whose PROXY header or TLS handshake failed.");
	put_one(t, "answers_cut_total", "counter", SUM(s, cut),
		"Answers that the gateway had to break off.");
	put_one(t, "denied_total", "counter", SUM(s, denied), "Failed logins.");
	put_one(t, "sent_bytes_total", "counter", SUM(s, sent), "Bytes of bodies sent to clients.");
	put_one(t, "received_bytes_total", "counter", SUM(s, received),
		"Bytes of bodies that came from clients.");
}

static void put_durations(struct gh__text *t, const struct gh__server *s)
{
	unsigned long long below = 0, us = SUM(s, duration_us);

	put_head(t, "request_duration_seconds", "histogram",
		 "From a request's head to the end of its answer; tunnels are left out.");
	for (size_t i = 0; i < GH__DURATION_BUCKETS; i++) {
		below += SUM(s, duration[i]);
		if (i == GH__DURATION_BUCKETS - 1)
			gh__text_put(
				t,
				GH_STR("gatehouse_request_duration_seconds_bucket{le=\"+Inf\"} "));
		else
			gh__text_printf(t, "gatehouse_request_duration_seconds_bucket{le=\"%g\"} ",
					gh__duration_bounds[i] / 1e6);
		gh__text_printf(t, "%llu\n", below);
	}
	gh__text_printf(t, "gatehouse_request_duration_seconds_sum %llu.%06llu\n", us / 1000000,
			us % 1000000);
	gh__text_printf(t, "gatehouse_request_duration_seconds_count %llu\n", below);
}

static void put_connections(struct gh__text *t, const struct gh__server *s)
{
	put_one(t, "connections", "gauge", SUM(s, connections),
		"Connections of clients that are open.");
	put_one(t, "connections_max", "gauge", s->max_connections,
		"Connections of clients that may be open.");
	put_one(t, "connections_accepted_total", "counter", SUM(s, accepted), "Connections taken.");
	put_one(t, "connections_turned_away_total", "counter", SUM(s, turned_away),
		"Connections closed because their address had too many, of them or of handshakes.");
}

/* ---- upstreams ---- */

static bool is_told_before(const struct gh__upstream *u, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (gh_str_eq(u->endpoints[i].url, u->endpoints[at].url))
			return true;
	return false;
}

static uint64_t is_up(const struct gh__server *s, const struct gh__endpoint *e)
{
	return gh__endpoint_up(e, s->loop.now);
}

static uint64_t busy(const struct gh__server *s, const struct gh__endpoint *e)
{
	int n = atomic_load_explicit(&e->busy, memory_order_relaxed);

	(void)s;
	return n > 0 ? (uint64_t)n : 0;
}

static void put_endpoints(struct gh__text *t, const struct gh__server *s, const char *name,
			  const char *help,
			  uint64_t (*value)(const struct gh__server *, const struct gh__endpoint *))
{
	const struct gh__site *site = s->current->site;

	put_head(t, name, "gauge", help);
	for (size_t i = 0; i < site->upstream_count; i++) {
		const struct gh__upstream *u = site->upstreams[i];
		for (size_t k = 0; k < u->count; k++) {
			if (is_told_before(u, k))
				continue;
			gh__text_printf(t, "gatehouse_%s{", name);
			put_label(t, "upstream", u->name);
			gh__text_put(t, GH_STR(","));
			put_label(t, "address", u->endpoints[k].url);
			gh__text_printf(t, "} %llu\n",
					(unsigned long long)value(s, u->endpoints + k));
		}
	}
}

static void put_upstreams_counter(struct gh__text *t, const struct gh__server *s, const char *name,
				  size_t offset, const char *help)
{
	const struct gh__site *site = s->current->site;

	put_head(t, name, "counter", help);
	for (size_t i = 0; i < site->upstream_count; i++) {
		const char *u = (const char *)site->upstreams[i];
		gh__text_printf(t, "gatehouse_%s{", name);
		put_label(t, "upstream", site->upstreams[i]->name);
		gh__text_printf(t, "} %llu\n",
				(unsigned long long)load(
					(const atomic_uint_least64_t *)(const void *)(u + offset)));
	}
}

enum queue_number { RUNNING, WAITING, REFUSED, WAITED_MS, WAITED };

static void put_queue_number(struct gh__text *t, const struct gh__upstream *u,
			     enum queue_number which)
{
	struct gh__queue_counts c;

	gh__queue_count(u->queue, &c);
	if (which == WAITED_MS) {
		gh__text_printf(t, "%llu.%03llu\n", (unsigned long long)c.waited_ms_sum / 1000,
				(unsigned long long)c.waited_ms_sum % 1000);
		return;
	}
	uint64_t n = which == RUNNING   ? c.running
		     : which == WAITING ? c.waiting
		     : which == REFUSED ? c.refused
					: c.waited_count;
	gh__text_printf(t, "%llu\n", (unsigned long long)n);
}

static void put_queue_samples(struct gh__text *t, const struct gh__server *s, const char *name,
			      enum queue_number which)
{
	const struct gh__site *site = s->current->site;

	for (size_t i = 0; i < site->upstream_count; i++) {
		gh__text_printf(t, "gatehouse_%s{", name);
		put_label(t, "upstream", site->upstreams[i]->name);
		gh__text_put(t, GH_STR("} "));
		put_queue_number(t, site->upstreams[i], which);
	}
}

static void put_queues(struct gh__text *t, const struct gh__server *s)
{
	put_head(t, "upstream_queue_running", "gauge", "Requests that have a place.");
	put_queue_samples(t, s, "upstream_queue_running", RUNNING);
	put_head(t, "upstream_queue_waiting", "gauge",
		 "Requests that wait for a place or for their model to be loaded.");
	put_queue_samples(t, s, "upstream_queue_waiting", WAITING);
	put_head(t, "upstream_queue_refused_total", "counter",
		 "Requests that were refused because too many waited.");
	put_queue_samples(t, s, "upstream_queue_refused_total", REFUSED);
	put_head(t, "upstream_queue_wait_seconds", "summary",
		 "How long requests waited that had to and got a place.");
	put_queue_samples(t, s, "upstream_queue_wait_seconds_sum", WAITED_MS);
	put_queue_samples(t, s, "upstream_queue_wait_seconds_count", WAITED);
}

static void put_upstreams(struct gh__text *t, const struct gh__server *s)
{
	put_endpoints(t, s, "upstream_up", "Whether an address is taken to be up.", is_up);
	put_endpoints(t, s, "upstream_busy", "Calls that are under way to an address.", busy);
	put_upstreams_counter(t, s, "upstream_calls_total", offsetof(struct gh__upstream, calls),
			      "Calls that were begun.");
	put_upstreams_counter(t, s, "upstream_failures_total",
			      offsetof(struct gh__upstream, failures),
			      "Connections to an address that came to nothing.");
	put_upstreams_counter(
		t, s, "upstream_retries_total", offsetof(struct gh__upstream, retries),
		"Calls sent again because a connection that was kept had gone stale.");
	put_queues(t, s);
}

/* ---- certificates ---- */

/* The same name of several certificates of a listener is one sample: that of the one that is shown. */
static bool is_named_before(const struct gh__stand *stand, const struct gh__certificate *c,
			    size_t name)
{
	for (size_t i = 0; i < stand->count; i++)
		for (size_t k = 0; k < stand->sources[i].count; k++) {
			const struct gh__certificate *x = stand->sources[i].items[k].certificate;
			for (size_t n = 0; n < x->name_count; n++) {
				if (x == c && n == name)
					return false;
				if (gh_str_eq(x->names[n], c->names[name]))
					return true;
			}
		}
	return false;
}

static void put_certificate(struct gh__text *t, const struct gh__stand *stand,
			    const struct gh__certificate *c)
{
	for (size_t i = 0; i < c->name_count; i++) {
		struct gh__certificate *shown = gh__shelf_pick(stand->shelf, c->names[i]);
		if (shown && !is_named_before(stand, c, i)) {
			gh__text_put(t, GH_STR("gatehouse_certificate_not_after_seconds{"));
			put_label(t, "listener", stand->address);
			gh__text_put(t, GH_STR(","));
			put_label(t, "name", c->names[i]);
			gh__text_printf(t, "} %lld\n", (long long)shown->not_after);
		}
		gh__certificate_unref(shown);
	}
}

static void put_trouble(struct gh__text *t, const struct gh__stand *stand, size_t at)
{
	const struct gh_module *m = stand->sources[at].instance->module;
	bool trouble = false;

	for (size_t i = 0; i < stand->count; i++) {
		if (stand->sources[i].instance->module != m)
			continue;
		if (i < at)
			return; /* all of a name are one sample */
		trouble |= stand->sources[i].trouble != NULL;
	}
	gh__text_put(t, GH_STR("gatehouse_certificate_trouble{"));
	put_label(t, "listener", stand->address);
	gh__text_put(t, GH_STR(","));
	put_label(t, "source", gh_str(m->name));
	gh__text_printf(t, "} %d\n", trouble);
}

static void put_certificates(struct gh__text *t, const struct gh__server *s)
{
	const struct gh__certificates *all = s->current->certificates;

	put_head(t, "certificate_not_after_seconds", "gauge",
		 "When the certificate that is shown for a name runs out, since 1970.");
	for (size_t i = 0; i < all->count; i++)
		for (size_t k = 0; k < all->stands[i].count && all->stands[i].shelf; k++)
			for (size_t n = 0; n < all->stands[i].sources[k].count; n++)
				put_certificate(t, all->stands + i,
						all->stands[i].sources[k].items[n].certificate);
	put_head(t, "certificate_trouble", "gauge",
		 "Whether a source of certificates has a trouble; /status says which.");
	for (size_t i = 0; i < all->count; i++)
		for (size_t k = 0; k < all->stands[i].count; k++)
			put_trouble(t, all->stands + i, k);
}

/* ---- the process ---- */

static uint64_t resident_bytes(void)
{
	struct gh_str text;
	unsigned long long size = 0, resident = 0;

	if (gh__file_read("/proc/self/statm", 4096, &text))
		return 0;
	char *end = NULL;
	char line[128] = "";
	if (text.len < sizeof line)
		memcpy(line, text.at, text.len);
	size = strtoull(line, &end, 10);
	if (size && end)
		resident = strtoull(end, NULL, 10);
	gh__free((void *)(uintptr_t)text.at);
	return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

static uint64_t open_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	uint64_t n = 0;

	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n > 3 ? n - 3 : 0; /* `.`, `..` and the folder itself */
}

static void put_process(struct gh__text *t, const struct gh__server *s)
{
	struct rlimit files = { 0 };
	struct rusage used = { 0 };

	getrlimit(RLIMIT_NOFILE, &files);
	getrusage(RUSAGE_SELF, &used);
	put_one(t, "workers", "gauge", s->thread_count, "Worker threads.");
	put_one(t, "uptime_seconds", "counter", gh__server_uptime(s),
		"Since the process began to serve.");
	put_one(t, "process_resident_memory_bytes", "gauge", resident_bytes(), "Memory in use.");
	put_one(t, "process_open_fds", "gauge", open_fds(), "Open descriptors.");
	put_one(t, "process_max_fds", "gauge", files.rlim_cur, "Descriptors that may be open.");
	put_head(t, "process_cpu_seconds_total", "counter", "Processor time used.");
	gh__text_printf(t, "gatehouse_process_cpu_seconds_total %lld.%06lld\n",
			(long long)(used.ru_utime.tv_sec + used.ru_stime.tv_sec +
				    (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1000000),
			(long long)((used.ru_utime.tv_usec + used.ru_stime.tv_usec) % 1000000));
}

static void put_config(struct gh__text *t, const struct gh__server *s)
{
	put_head(t, "build_info", "gauge", "The version, as a label.");
	gh__text_printf(t, "gatehouse_build_info{version=\"%s\"} 1\n", GH_VERSION);
	put_head(t, "config_reloads_total", "counter", "Reloads, by what came of them.");
	gh__text_printf(t,
			"gatehouse_config_reloads_total{result=\"ok\"} %llu\n"
			"gatehouse_config_reloads_total{result=\"failed\"} %llu\n",
			(unsigned long long)s->reloads, (unsigned long long)s->failed_reloads);
	put_one(t, "config_last_reload_successful", "gauge", s->refused == NULL,
		"Whether the last reload was taken up.");
	put_one(t, "config_generation", "gauge", s->current->number,
		"Counts the configs that were taken up.");
	put_one(t, "config_generations_draining", "gauge", gh__server_draining(s),
		"Configs that were replaced and still finish what they began.");
	put_one(t, "log_lost_lines_total", "counter", gh__access_sink_lost(s->access),
		"Lines of the access log that could not be written.");
}

struct gh_str gh__metrics_page(struct gh__server *s, struct gh__arena *a)
{
	struct gh__text t = { 0 };

	put_config(&t, s);
	put_requests(&t, s);
	put_durations(&t, s);
	put_connections(&t, s);
	put_certificates(&t, s);
	put_upstreams(&t, s);
	gh__metrics_models(&t, s);
	put_process(&t, s);
	gh__text_put(&t, gh__metrics_text(s->metrics, a));
	return gh__text_finish(&t, a);
}
