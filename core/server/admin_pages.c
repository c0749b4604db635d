#include "core/server/admin_pages.h"

#include <sys/stat.h>

#include "core/base/log.h"
#include "core/base/memory.h"
#include "core/http/header.h"
#include "core/http/octets.h"
#include "core/http/text.h"
#include "core/net/conn.h"
#include "core/server/callers.h"
#include "core/server/listener.h"
#include "core/server/report.h"

static const struct gh__admin_at *at_of(const struct gh__stream *s)
{
	return s->conn->conns->owner;
}

/* ---- answering ---- */

static void answer(struct gh__stream *s, int status, struct gh_str type, struct gh_str body)
{
	struct gh_headers *h = &s->res.headers;

	s->res.status = status;
	s->res.length = (int64_t)body.len;
	gh__headers_push(h, GH__H_CONTENT_TYPE, GH_STR("Content-Type"), type);
	gh__headers_push(h, 0, GH_STR("Cache-Control"), GH_STR("no-store"));
	gh__headers_push(h, 0, GH_STR("X-Content-Type-Options"), GH_STR("nosniff"));
	/* Its listener went with the reload that it asked for. */
	if (!at_of(s)->listener || s->conn->door != at_of(s)->listener->door)
		s->flags |= GH__S_CLOSE;
	s->ops->send_head(s, body.len ? GH_MORE : GH_LAST);
	if (body.len)
		s->ops->send_body(s, body, GH_LAST);
	s->ops->flush(s);
}

static void answer_text(struct gh__stream *s, int status, struct gh_str body)
{
	answer(s, status, GH_STR("text/plain; charset=utf-8"), body);
}

static void answer_json(struct gh__stream *s, int status, struct gh_str body)
{
	answer(s, status, GH_STR("application/json"), body);
}

static void healthz(struct gh__stream *s)
{
	answer_text(s, 200, GH_STR("ok\n"));
}

static void metrics(struct gh__stream *s)
{
	answer(s, 200, GH_STR("text/plain; version=0.0.4; charset=utf-8"),
	       gh__metrics_page(at_of(s)->server, &s->arena));
}

static void status(struct gh__stream *s)
{
	answer_json(s, 200, gh__status_page(at_of(s)->server, &s->arena));
}

static void show_config(struct gh__stream *s)
{
	answer(s, 200, GH_STR("application/yaml"), at_of(s)->server->current->site->config->shown);
}

static void answer_mistakes(struct gh__stream *s, char *mistakes)
{
	struct gh_str text = gh__arena_copy(&s->arena, gh_str(mistakes));

	gh__free(mistakes);
	answer_text(s, 400, text);
}

/* Whoever asks may say by which file he takes this gateway to serve; asked about another, it says
 * so, and does not answer for its own. */
static bool is_about_ours(struct gh__stream *s)
{
	struct gh_str file = gh_header_get(&s->req.headers, GH_STR("Gatehouse-Config"));
	const char *ours = at_of(s)->server->path;
	struct stat a, b;

	if (!file.len)
		return true;
	file = gh__arena_copy(&s->arena, file);
	if (stat(file.at, &a) == 0 && stat(ours, &b) == 0 && a.st_dev == b.st_dev &&
	    a.st_ino == b.st_ino)
		return true;
	answer_text(s, 409,
		    gh__arena_printf(&s->arena, "The gateway on this admin address serves by %s.\n",
				     ours));
	return false;
}

static void reload(struct gh__stream *s)
{
	struct gh__server *server = at_of(s)->server;

	if (!is_about_ours(s))
		return;
	if (server->stopping) {
		answer_text(s, 503, GH_STR("The gateway is stopping.\n"));
		return;
	}
	char *mistakes = gh__server_reload(server);
	if (mistakes) {
		gh__log(GH_LOG_ERROR, "the reload is refused; the config in use stays");
		answer_mistakes(s, mistakes);
		return;
	}
	answer_json(s, 200,
		    gh__arena_printf(&s->arena, "{\"ok\":true,\"generation\":%llu}\n",
				     (unsigned long long)server->current->number));
}

static void validate(struct gh__stream *s)
{
	char *mistakes = NULL;

	if (!is_about_ours(s))
		return;
	struct gh__site *site = gh__server_build(at_of(s)->server, &mistakes);
	if (!site) {
		answer_mistakes(s, mistakes);
		return;
	}
	gh__site_destroy(site);
	answer_json(s, 200, GH_STR("{\"ok\":true}\n"));
}

static void refresh(struct gh__stream *s)
{
	if (!is_about_ours(s))
		return;
	char *mistakes = gh__server_refresh(at_of(s)->server);
	if (mistakes)
		answer_mistakes(s, mistakes);
	else
		answer_json(s, 200, GH_STR("{\"ok\":true}\n"));
}

/* The bytes that `%` stands for; everything else is itself. -1: a `%` without its two digits. */
static int unescape(struct gh_str text, char *to, struct gh_str *ret_bytes)
{
	size_t len = 0;

	for (size_t i = 0; i < text.len; i++) {
		char c = text.at[i];
		if (c == '%') {
			int high = i + 2 < text.len ? gh__hex(text.at[i + 1]) : -1;
			int low = i + 2 < text.len ? gh__hex(text.at[i + 2]) : -1;
			if (high < 0 || low < 0)
				return -1;
			c = (char)(high << 4 | low);
			i += 2;
		}
		to[len++] = c;
	}
	*ret_bytes = (struct gh_str){ to, len };
	return 0;
}

static void cut(struct gh__stream *s)
{
	struct gh_str caller = s->req.query;

	if (!is_about_ours(s))
		return;
	/* Requests without a caller have no name that could be said here. */
	if (!gh_str_starts(caller, GH_STR("caller=")) || caller.len == 7 ||
	    unescape(gh_str_slice(caller, 7, caller.len), gh__arena_get(&s->arena, caller.len),
		     &caller)) {
		answer_text(s, 400, GH_STR("Say whose requests: /cut?caller=NAME\n"));
		return;
	}
	unsigned count = gh__server_cut(at_of(s)->server, caller);
	gh__log(GH_LOG_INFO, "cut %u open requests of one caller", count);
	answer_json(s, 200, gh__arena_printf(&s->arena, "{\"ok\":true,\"cut\":%u}\n", count));
}

static const struct page {
	struct gh_str path, method;
	void (*show)(struct gh__stream *s);
} pages[] = {
	{ GH_STR_INIT("/healthz"), GH_STR_INIT("GET"), healthz },
	{ GH_STR_INIT("/metrics"), GH_STR_INIT("GET"), metrics },
	{ GH_STR_INIT("/status"), GH_STR_INIT("GET"), status },
	{ GH_STR_INIT("/config"), GH_STR_INIT("GET"), show_config },
	{ GH_STR_INIT("/reload"), GH_STR_INIT("POST"), reload },
	{ GH_STR_INIT("/validate"), GH_STR_INIT("POST"), validate },
	{ GH_STR_INIT("/refresh"), GH_STR_INIT("POST"), refresh },
	{ GH_STR_INIT("/cut"), GH_STR_INIT("POST"), cut },
};

/* ---- who may ask ---- */

static bool is_loopback(struct gh_str host)
{
	struct gh_address a;

	if (gh_str_is(host, "localhost"))
		return true;
	if (gh__address_from(host, &a))
		return false;
	if (a.family == AF_INET)
		return a.bytes[0] == 127;
	for (int i = 0; i < 15; i++)
		if (a.bytes[i])
			return false;
	return a.bytes[15] == 1;
}

/* The port that a Host names; without one it is HTTP's own. -1: none that can be read. */
static long port_of(struct gh_str authority)
{
	size_t at = authority.len;
	long port = 0;

	while (at && gh__is_digit(authority.at[at - 1]))
		at--;
	if (at == 0 || authority.at[at - 1] != ':')
		return 80; /* `::1]` has no port either */
	if (at == authority.len || authority.len - at > 5)
		return -1;
	for (; at < authority.len; at++)
		port = 10 * port + (authority.at[at] - '0');
	return port;
}

/* A page in some browser may send requests to every loopback port of its machine: under a name of
 * its own that points there, or across sites. Both show in Host and Origin. */
static bool may_ask(const struct gh__stream *s)
{
	const struct gh_request *req = &s->req;

	if (s->conn->peer.family == AF_UNIX)
		return true;
	const struct gh__listener *l = at_of(s)->listener;
	if (!is_loopback(req->host) || (l && port_of(req->authority) != gh__listener_port(l)))
		return false;
	for (uint32_t i = 0; i < req->headers.count; i++) {
		const struct gh_header *h = req->headers.items + i;
		struct gh_str origin = gh_header_value(h);
		if (h->id != GH__H_ORIGIN)
			continue;
		if (!gh_str_starts(origin, GH_STR("http://")) ||
		    !gh_str_same(gh_str_slice(origin, 7, origin.len), req->authority))
			return false;
	}
	return true;
}

static void on_head(struct gh__stream *s)
{
	const struct page *found = NULL;

	gh__headers_init(&s->res.headers, &s->arena);
	if (!may_ask(s)) {
		answer_text(
			s, 403,
			GH_STR("Ask by a loopback address and this port, and from no web page.\n"));
		return;
	}
	for (size_t i = 0; i < GH_COUNT_OF(pages) && !found; i++)
		if (gh_str_eq(pages[i].path, s->req.path))
			found = pages + i;
	if (!found) {
		answer_text(
			s, 404,
			GH_STR("There are /healthz, /metrics, /status, /config, POST /reload, POST "
			       "/validate, POST /refresh and POST /cut.\n"));
		return;
	}
	bool get = gh_str_is(found->method, "GET");
	if (!gh_str_eq(s->req.method, found->method) &&
	    !(get && gh_str_is(s->req.method, "HEAD"))) {
		gh__headers_push(&s->res.headers, 0, GH_STR("Allow"),
				 get ? GH_STR("GET, HEAD") : found->method);
		answer_text(s, 405,
			    get ? GH_STR("This is asked with GET.\n")
				: GH_STR("This is asked with POST.\n"));
		return;
	}
	found->show(s);
}

/* An answer is out before the next byte is read: what else comes of its request does not matter. */
static void on_body(struct gh__stream *s, struct gh_str slice, enum gh_part part)
{
	(void)s;
	(void)slice;
	(void)part;
}

static void on_stream(struct gh__stream *s)
{
	(void)s;
}

static void on_gone(struct gh__stream *s, int error)
{
	(void)s;
	(void)error;
}

static void on_refused(struct gh__conn *c, int code, const char *why)
{
	(void)c;
	(void)code;
	(void)why;
}

const struct gh__stream_listener gh__admin_pages = {
	.stream_size = sizeof(struct gh__stream),
	.on_head = on_head,
	.on_body = on_body,
	.on_drain = on_stream,
	.on_gone = on_gone,
	.on_end = on_stream,
	.on_refused = on_refused,
};
