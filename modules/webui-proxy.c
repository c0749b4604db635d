/* webui-proxy: the way to a web app, WebSockets and large uploads included. */
#include <gatehouse/module.h>

struct webui {
	struct gh_upstream_ref to;
	struct gh_strings strip;
};

static const struct gh_option options[] = {
	GH_OPTION(struct webui, to, NULL,
		  "The web app: `http://HOST:PORT`, `unix:/PATH`, a list of them, or the name of an entry of "
		  "`upstreams:`.",
		  .flags = GH_REQUIRED),
	GH_OPTION(struct webui, strip, "[]",
		  "Further header fields that the web app trusts and that no client may send. Those commonly "
		  "used to sign people on (`Remote-*`, `Tailscale-*`, `X-Forwarded-*` and the like) are always "
		  "taken away."),
	GH_OPTIONS_END
};

static enum gh_verdict on_request(struct gh_step *s)
{
	const struct webui *w = s->self;

	for (size_t i = 0; i < w->strip.count; i++)
		gh_header_remove(&s->req->headers, w->strip.items[i]);
	return gh_pass(s, &(struct gh_proxy){ .upstream = w->to.upstream,
					      .flags = GH_PROXY_UPGRADE | GH_PROXY_KEEP_HOST });
}

const struct gh_module gh_module_webui_proxy = {
	.name = "webui-proxy",
	.doc = "Passes everything on to a web app such as Open WebUI: pages, uploads of any size in flat "
	       "memory, streams, and WebSockets, which live on through reloads.",
	.options = options,
	.self_size = sizeof(struct webui),
	.on_request = on_request,
};
