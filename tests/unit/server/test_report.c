/* /metrics and /status of a server that is put together by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/base/metric.h"
#include "core/ledger/ledger.h"
#include "core/route/access.h"
#include "core/route/usage_stats.h"
#include "core/server/certificates.h"
#include "core/server/report.h"

struct bench {
	struct gh__server server;
	struct gh__thread threads[2], *pointers[2];
	struct gh__generation now, old;
	struct gh__certificates certificates;
	struct gh__site site;
	struct gh__upstream upstream, *upstreams[1];
	struct gh__endpoint endpoints[2];
	struct gh__arena arena;
	const char *text;
};

static int begin(void **state)
{
	struct bench *b = calloc(1, sizeof *b);
	struct gh__server *s = &b->server;

	*state = b;
	gh__arena_init(&b->arena, NULL, 0);
	gh__list_init(&s->retired);
	gh__list_init(&s->listeners);
	s->path = "/etc/gatehouse/gateway.yaml";
	s->metrics = gh__metrics_create();
	s->access = gh__access_sink_create();
	s->ledger = gh__ledger_create();
	s->usage = gh__usage_stats_create();
	s->loop.now = 5000;
	s->threads = b->pointers;
	s->thread_count = 2;
	b->pointers[0] = b->threads;
	b->pointers[1] = b->threads + 1;
	b->now.site = &b->site;
	b->now.number = 3;
	b->now.certificates = &b->certificates;
	b->old.number = 2;
	gh__list_add(&s->retired, &b->old.link);
	s->current = &b->now;
	s->reloads = 2;
	b->endpoints[0].url = GH_STR("http://a");
	b->endpoints[1].url = GH_STR("http://b");
	b->upstream.name = GH_STR("mo\"d\\el\n");
	b->upstream.endpoints = b->endpoints;
	b->upstream.count = 2;
	b->upstream.queue = gh__queue_create();
	b->upstreams[0] = &b->upstream;
	b->site.upstreams = b->upstreams;
	b->site.upstream_count = 1;
	return 0;
}

static int end(void **state)
{
	struct bench *b = *state;

	gh__queue_destroy(b->upstream.queue);
	gh__arena_finish(&b->arena);
	gh__metrics_destroy(b->server.metrics);
	gh__access_sink_destroy(b->server.access);
	gh__usage_stats_destroy(b->server.usage);
	gh__ledger_destroy(b->server.ledger);
	free(b);
	return 0;
}

static void look(struct bench *b, struct gh_str (*page)(struct gh__server *, struct gh__arena *))
{
	b->text = page(&b->server, &b->arena).at;
}

static void assert_has(const struct bench *b, const char *part)
{
	if (!strstr(b->text, part))
		print_error("'%s' is not in:\n%s", part, b->text);
	assert_non_null(strstr(b->text, part));
}

static void workers_are_summed(void **state)
{
	struct bench *b = *state;

	gh__stat_add(&b->threads[0].worker.stats.requests[2], 40);
	gh__stat_add(&b->threads[1].worker.stats.requests[2], 2);
	gh__stat_add(&b->threads[1].worker.stats.requests[0], 7);
	gh__stat_add(&b->threads[0].worker.stats.active, 5);
	gh__stat_add(&b->threads[1].worker.stats.denied, 9);
	look(b, gh__metrics_page);
	assert_has(b, "\ngatehouse_requests_total{class=\"2xx\"} 42\n");
	assert_has(b, "\ngatehouse_requests_total{class=\"left\"} 7\n");
	assert_has(b, "\ngatehouse_requests_total{class=\"5xx\"} 0\n");
	assert_has(b, "\ngatehouse_requests_active 5\n");
	assert_has(b, "\ngatehouse_denied_total 9\n");
}

static void the_histogram_is_cumulative(void **state)
{
	struct bench *b = *state;

	gh__stat_add(&b->threads[0].worker.stats.duration[0], 1);
	gh__stat_add(&b->threads[1].worker.stats.duration[3], 2);
	gh__stat_add(&b->threads[0].worker.stats.duration[GH__DURATION_BUCKETS - 1], 4);
	gh__stat_add(&b->threads[0].worker.stats.duration_us, 1500000);
	gh__stat_add(&b->threads[1].worker.stats.duration_us, 7);
	look(b, gh__metrics_page);
	assert_has(b, "_bucket{le=\"0.001\"} 1\n");
	assert_has(b, "_bucket{le=\"0.01\"} 1\n");
	assert_has(b, "_bucket{le=\"0.05\"} 3\n");
	assert_has(b, "_bucket{le=\"300\"} 3\n");
	assert_has(b, "_bucket{le=\"+Inf\"} 7\n");
	assert_has(b, "\ngatehouse_request_duration_seconds_sum 1.500007\n");
	assert_has(b, "\ngatehouse_request_duration_seconds_count 7\n");
}

static void upstreams_are_told_by_name_and_address(void **state)
{
	struct bench *b = *state;

	atomic_store(&b->upstream.calls, 12);
	atomic_store(&b->endpoints[0].busy, 3);
	atomic_store(&b->endpoints[0].down_until, 5001);
	look(b, gh__metrics_page);
	assert_has(
		b,
		"\ngatehouse_upstream_up{upstream=\"mo\\\"d\\\\el\\n\",address=\"http://a\"} 0\n");
	assert_has(
		b,
		"\ngatehouse_upstream_up{upstream=\"mo\\\"d\\\\el\\n\",address=\"http://b\"} 1\n");
	assert_has(b, "\ngatehouse_upstream_busy{upstream=\"mo\\\"d\\\\el\\n\",address=\"http://"
		      "a\"} 3\n");
	assert_has(b, "\ngatehouse_upstream_calls_total{upstream=\"mo\\\"d\\\\el\\n\"} 12\n");
	/* The same address twice would be two samples of one name. */
	b->endpoints[1].url = b->endpoints[0].url;
	look(b, gh__metrics_page);
	const char *first = strstr(b->text, "\ngatehouse_upstream_up{");
	assert_null(strstr(first + 1, "\ngatehouse_upstream_up{"));
}

static void nobody(struct gh__ticket *t)
{
	(void)t;
}

static void queues_are_told_by_name(void **state)
{
	struct bench *b = *state;
	struct gh__ticket t[5] = { 0 };
	struct gh__queue *q = b->upstream.queue;

	gh__queue_set(q, &(struct gh__queue_limits){ .max_concurrent = 1, .room = 3 });
	for (size_t i = 0; i < 5; i++) {
		t[i].called = nobody;
		gh__queue_enter(q, t + i, GH_STR("a"), GH_PRIORITY_NORMAL, GH_STR(""), 1000);
	}
	gh__queue_leave(t, 2034);
	look(b, gh__metrics_page);
#define NAME "{upstream=\"mo\\\"d\\\\el\\n\"} "
	assert_has(b, "\ngatehouse_upstream_queue_running" NAME "1\n");
	assert_has(b, "\ngatehouse_upstream_queue_waiting" NAME "2\n");
	assert_has(b, "\ngatehouse_upstream_queue_refused_total" NAME "1\n");
	assert_has(b, "\ngatehouse_upstream_queue_wait_seconds_sum" NAME "1.034\n");
	assert_has(b, "\ngatehouse_upstream_queue_wait_seconds_count" NAME "1\n");
	look(b, gh__status_page);
	assert_has(b, "\"running\": 1, \"waiting\": 2, \"refused\": 1,");
	for (size_t i = 0; i < 5; i++)
		gh__queue_leave(t + i, 2034);
}

static void reloads_and_modules_are_told(void **state)
{
	struct bench *b = *state;
	char mistakes[] = "gateway.yaml:3:1: \"no\"";

	gh_metric_add(gh__metric_get(b->server.metrics, GH__COUNTER, "gatehouse_mine_total",
				     "k=\"v\"", "Mine."),
		      6);
	look(b, gh__metrics_page);
	assert_has(b, "\ngatehouse_config_last_reload_successful 1\n");
	assert_has(b, "\ngatehouse_config_generation 3\n");
	assert_has(b, "\ngatehouse_config_generations_draining 1\n");
	assert_has(b, "\ngatehouse_config_reloads_total{result=\"ok\"} 2\n");
	assert_has(b, "\ngatehouse_mine_total{k=\"v\"} 6\n");
	b->server.refused = mistakes;
	b->server.failed_reloads = 1;
	look(b, gh__metrics_page);
	assert_has(b, "\ngatehouse_config_last_reload_successful 0\n");
	assert_has(b, "\ngatehouse_config_reloads_total{result=\"failed\"} 1\n");
	look(b, gh__status_page);
	assert_has(b, "\"generation\": 3,\n  \"draining\": [2],");
	assert_has(b, "\"last_error\": \"gateway.yaml:3:1: \\\"no\\\"\" }");
	assert_has(b, "{ \"name\": \"mo\\\"d\\\\el\\n\", ");
}

static void certificates_are_told_by_listener_and_source(void **state)
{
	static const struct gh_module pem = { .name = "pem" };
	struct bench *b = *state;
	struct gh_instance in = { .module = &pem };
	struct gh_str names[] = { GH_STR("a.example"), GH_STR("*.b.example") };
	struct gh__certificate certificate = {
		.names = names, .name_count = 2, .not_before = 0, .not_after = 4102444800
	};
	struct gh__certificate *items[] = { &certificate };
	struct gh__served served = { .certificate = &certificate };
	struct gh__source sources[2] = { { .instance = &in, .items = &served, .count = 1 },
					 { .instance = &in } };
	struct gh__stand stand = { GH_STR("127.0.0.1:1"), gh__shelf_create(), sources, 2, false };
	char trouble[] = "it \"hangs\"";

	atomic_init(&certificate.refs, 1);
	gh__shelf_put(stand.shelf, items, 1);
	sources[0].stand = sources[1].stand = &stand;
	b->certificates.stands = &stand;
	b->certificates.count = 1;
	look(b, gh__metrics_page);
	assert_has(b, "\ngatehouse_certificate_not_after_seconds{listener=\"127.0.0.1:1\","
		      "name=\"a.example\"} 4102444800\n");
	assert_has(b, "name=\"*.b.example\"} 4102444800\n");
	assert_has(b,
		   "\ngatehouse_certificate_trouble{listener=\"127.0.0.1:1\",source=\"pem\"} 0\n");
	sources[1].trouble = trouble;
	look(b, gh__metrics_page);
	assert_has(b,
		   "\ngatehouse_certificate_trouble{listener=\"127.0.0.1:1\",source=\"pem\"} 1\n");
	/* Two sources of one name are one sample. */
	const char *first = strstr(b->text, "\ngatehouse_certificate_trouble{");
	assert_null(strstr(first + 1, "\ngatehouse_certificate_trouble{"));
	look(b, gh__status_page);
	assert_has(b, "{ \"listener\": \"127.0.0.1:1\", \"source\": \"pem\", \"trouble\": null,\n");
	assert_has(b, "{ \"names\": [\"a.example\", \"*.b.example\"], "
		      "\"not_after\": \"2100-01-01T00:00:00Z\", \"days_left\": ");
	assert_has(b, "\"trouble\": \"it \\\"hangs\\\"\",\n      \"serves\": [] }\n");
	gh__shelf_unref(stand.shelf);
	b->certificates.count = 0;
	look(b, gh__status_page);
	assert_has(b, "\"certificates\": [],\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(workers_are_summed),
		TEST(the_histogram_is_cumulative),
		TEST(upstreams_are_told_by_name_and_address),
		TEST(queues_are_told_by_name),
		TEST(reloads_and_modules_are_told),
		TEST(certificates_are_told_by_listener_and_source),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
