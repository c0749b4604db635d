/* webui-proxy: the way to a web app, WebSockets and large uploads included. */
#include <gatehouse/module.h>

struct webui {
	struct gh_upstream_ref to;
	struct gh_strings strip, origins;
};

static const struct gh_option options[] = {
	GH_OPTION(struct webui, to, NULL,
		  "The web app: `http://HOST:PORT`, `unix:/PATH`, a list of them, or the name of "
		  "an entry of "
		  "`upstreams:`.",
		  .flags = GH_REQUIRED),
	GH_OPTION(struct webui, strip, "[]",
		  "Further header fields that the web app trusts and that no client may send. "
		  "Those commonly "
		  "used to sign people on (`Remote-*`, `Tailscale-*`, `X-Forwarded-*` and the "
		  "like) are always "
		  "taken away."),
	GH_OPTION(struct webui, origins, "[]",
		  "Further origins whose pages may open WebSockets, such as "
		  "`https://chat.example`; `*` is "
		  "any. A page of the address that the gateway itself is asked at always may."),
	GH_OPTIONS_END
};

/* A browser lets any page open a WebSocket to anywhere, cookies and all, and only tells its origin. */
static bool may_upgrade(const struct webui *w, const struct gh_request *req)
{
	struct gh_str origin = gh_header_get(&req->headers, GH_STR("Origin"));
	const char *host = origin.len > 3 ? memmem(origin.at, origin.len, "://", 3) : NULL;

	if (!gh_header_find(&req->headers, GH_STR("Origin")))
		return true; /* no browser */
	if (host && gh_str_same(gh_str_slice(origin, (size_t)(host - origin.at) + 3, origin.len),
				req->authority))
		return true;
	for (size_t i = 0; i < w->origins.count; i++)
		if (gh_str_is(w->origins.items[i], "*") || gh_str_same(w->origins.items[i], origin))
			return true;
	return false;
}

static enum gh_verdict on_request(struct gh_step *s)
{
	const struct webui *w = s->self;

	if (s->req->upgrade && !may_upgrade(w, s->req)) {
		gh_log(s, GH_LOG_WARN, "a WebSocket from another origin is refused");
		return gh_fail(
			s, 403, "origin_not_allowed",
			"This page's origin may not open WebSockets here; name it in `origins`.");
	}
	for (size_t i = 0; i < w->strip.count; i++)
		gh_header_remove(&s->req->headers, w->strip.items[i]);
	return gh_pass(s, &(struct gh_proxy){ .upstream = w->to.upstream,
					      .flags = GH_PROXY_UPGRADE | GH_PROXY_KEEP_HOST });
}

const struct gh_module gh_module_webui_proxy = {
	.name = "webui-proxy",
	.doc = "Passes everything on to a web app such as Open WebUI: pages, uploads of any size "
	       "in flat "
	       "memory, streams, and WebSockets, which live on through reloads.",
	.options = options,
	.self_size = sizeof(struct webui),
	.on_request = on_request,
};
