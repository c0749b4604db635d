#include "core/route/worker.h"

#include "core/base/memory.h"

void gh__worker_init(struct gh__worker *w, unsigned number, struct gh__upstreams *upstreams,
		     struct gh__lanes *lanes)
{
	*w = (struct gh__worker){ .number = number, .lanes = lanes };
	GH_CHECK(gh__loop_init(&w->loop) == 0);
	w->loop.owner = w;
	gh__conns_init(&w->conns, &w->loop, &gh__request_listener);
	w->conns.owner = w;
	gh__list_init(&w->requests);
	gh__pools_init(&w->pools, &w->loop, upstreams);
	for (size_t i = 0; i < GH__WAIT_BUCKETS; i++)
		gh__list_init(w->waits + i);
}

void gh__worker_use(struct gh__worker *w, struct gh__site_local *site)
{
	const struct gh__config *c = site->site->config;
	struct gh__site_local *old = w->site;

	w->site = site;
	w->max_body = (size_t)c->limits.body.bytes;
	w->max_collected = 4 * w->max_body;
	w->conns.settings = (struct gh__conn_settings){
		.handshake_timeout = (uint64_t)c->timeouts.handshake.ms,
		.head_timeout = (uint64_t)c->timeouts.head.ms,
		.body_timeout = (uint64_t)c->timeouts.body.ms,
		.idle_timeout = (uint64_t)c->timeouts.idle.ms,
		.write_timeout = (uint64_t)c->timeouts.write.ms,
		.max_head = (size_t)c->limits.head.bytes,
		.max_headers = (uint32_t)c->limits.headers,
	};
	/* One checks for all; its calls may not outlive the upstreams of the site. */
	if (w->number == 0) {
		gh__health_stop(w->health);
		w->health = gh__health_start(&w->pools, site->site->upstreams,
					     site->site->upstream_count);
	}
	if (old)
		gh__site_local_unref(old);
}

void gh__worker_leave(struct gh__worker *w)
{
	gh__health_stop(w->health);
	w->health = NULL;
	if (w->site)
		gh__site_local_unref(w->site);
	w->site = NULL;
}
