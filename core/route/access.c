#include "core/route/access.h"

#include <time.h>

#include "core/base/memory.h"
#include "core/http/header.h"
#include "core/route/access_line.h"
#include "core/route/access_sink.h"
#include "core/route/usage.h"

enum { BUFFER = 64 << 10 };

const uint32_t gh__duration_bounds[GH__DURATION_BUCKETS - 1] = {
	1000, 5000, 10000, 50000, 100000, 500000, 1000000, 5000000, 10000000, 60000000, 300000000,
};

struct gh__access_log {
	struct gh__access_sink *sink;
	struct gh__access_clock clock;
	char *lines; /* BUFFER bytes, from the first line on */
	size_t len;
};

struct gh__access_log *gh__access_create(struct gh__access_sink *sink)
{
	struct gh__access_log *log = gh__zalloc(sizeof *log);

	log->sink = sink;
	return log;
}

void gh__access_destroy(struct gh__access_log *log)
{
	if (!log)
		return;
	gh__free(log->lines);
	gh__free(log);
}

static void flush(struct gh__access_log *log)
{
	if (log->len)
		gh__access_sink_write(log->sink, log->lines, log->len);
	log->len = 0;
}

void gh__access_flush(struct gh__worker *w)
{
	if (w->access && w->access->len)
		flush(w->access);
}

/* ---- lines ---- */

static void add(struct gh__access_log *log, enum gh__access_form form, struct gh__access_entry *e)
{
	struct timespec now;

	if (!log->lines)
		log->lines = gh__alloc(BUFFER);
	if (BUFFER - log->len < GH__ACCESS_LINE)
		flush(log);
	clock_gettime(CLOCK_REALTIME, &now);
	e->wall_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
	log->len += gh__access_line(log->lines + log->len, &log->clock,
				    form == GH__ACCESS_COMBINED ? GH__LOG_COMBINED : GH__LOG_JSON,
				    e);
}

static enum gh__access_form form_of(const struct gh__access_log *log)
{
	return log ? gh__access_sink_form(log->sink) : GH__ACCESS_OFF;
}

static void write_line(struct gh__request *r, enum gh__access_form form, int status,
		       uint64_t duration)
{
	const struct gh__stream *s = &r->stream;
	const struct gh_request *req = &s->req;
	/* A tunnel ends when one side goes; what else did not come to its end is cut. */
	bool cut = r->status && !(s->flags & (GH__S_ENDED | GH__S_TUNNEL)) &&
		   !(r->flags & GH__R_WHOLE);
	struct gh__access_entry e = {
		.id = req->id,
		.client = req->client_text,
		.caller = req->caller,
		.method = req->method,
		.host = req->host,
		.path = req->path,
		.upstream = r->upstream_url,
		.route = req->route,
		.model = req->model,
		.input_tokens = req->usage.input,
		.output_tokens = req->usage.output,
		.protocol = s->protocol,
		.status = status,
		.sent = s->sent,
		.received = s->received,
		.duration = duration,
		.first_byte = r->first_byte > r->started ? r->first_byte - r->started : 0,
		.end = cut ? GH__ACCESS_CUT : GH__ACCESS_WHOLE,
	};

	if (form == GH__ACCESS_COMBINED) {
		const struct gh_header *h = gh__headers_by_id(&req->headers, GH__H_REFERER);
		if (h)
			e.referer = gh_header_value(h);
		h = gh__headers_by_id(&req->headers, GH__H_USER_AGENT);
		if (h)
			e.agent = gh_header_value(h);
	}
	add(r->worker->access, form, &e);
}

static void count(struct gh__request *r, uint64_t duration)
{
	struct gh__stats *stats = &r->worker->stats;
	unsigned kind = r->status ? (unsigned)r->status / 100 : 0, bucket = 0;
	uint64_t us = duration / 1000;

	gh__stat_add(&stats->active, (uint64_t)-1);
	gh__stat_add(stats->requests + (kind < GH_COUNT_OF(stats->requests) ? kind : 0), 1);
	gh__stat_add(&stats->sent, r->stream.sent);
	gh__stat_add(&stats->received, r->stream.received);
	if (r->stream.flags & GH__S_TUNNEL)
		return; /* open for hours: it says nothing of how fast answers are */
	while (bucket < GH__DURATION_BUCKETS - 1 && us > gh__duration_bounds[bucket])
		bucket++;
	gh__stat_add(stats->duration + bucket, 1);
	gh__stat_add(&stats->duration_us, us);
}

void gh__access_write(struct gh__request *r)
{
	uint64_t duration = uv_hrtime() - r->started;
	enum gh__access_form form = form_of(r->worker->access);

	count(r, duration);
	gh__usage_note(r, duration);
	if (form != GH__ACCESS_OFF)
		write_line(r, form, r->status ? r->status : 499, duration);
}

void gh__access_refused(struct gh__worker *w, struct gh__conn *c, int status, const char *why)
{
	enum gh__access_form form = form_of(w->access);
	char text[46];

	if (form == GH__ACCESS_OFF)
		return;
	struct gh__access_entry e = { .status = status, .reason = why };
	if (c->peer.family == AF_UNIX)
		e.client = GH_STR("unix");
	else
		e.client = (struct gh_str){ text, gh__address_text(&c->peer, text) };
	add(w->access, form, &e);
}
