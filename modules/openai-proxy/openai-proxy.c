/* openai-proxy: the way to a model server that speaks OpenAI's or Anthropic's API. */
#include <gatehouse/module.h>

struct openai {
	struct gh_upstream_ref to;
	struct gh_strings paths;
};

static const struct gh_option options[] = {
	GH_OPTION(struct openai, to, NULL,
		  "The model server: `http://HOST:PORT`, `unix:/PATH`, a list of them, or the name "
		  "of an "
		  "entry of `upstreams:`.",
		  .flags = GH_REQUIRED),
	GH_OPTION(struct openai, paths,
		  "[/v1/models, /v1/chat/completions, /v1/completions, /v1/embeddings, "
		  "/v1/responses, "
		  "/v1/messages, /v1/audio, /v1/images, /v1/moderations, /v1/rerank]",
		  "The API paths that pass, each with all below it. Anything else is a 404 here: "
		  "some model "
		  "servers answer 200 to paths that they do not know."),
	GH_OPTIONS_END
};

static bool is_below(struct gh_str path, struct gh_str prefix)
{
	return gh_str_starts(path, prefix) &&
	       (path.len == prefix.len || path.at[prefix.len] == '/');
}

static int provision(struct gh_instance *in, void *self)
{
	const struct openai *o = self;

	for (size_t i = 0; i < o->paths.count; i++) {
		struct gh_str p = o->paths.items[i];
		if (p.len < 2 || p.at[0] != '/' || p.at[p.len - 1] == '/')
			return gh_invalid(in,
					  "paths: '" GH_FMT
					  "' must begin with / and not end with it",
					  GH_ARG(p));
	}
	return 0;
}

static enum gh_verdict on_request(struct gh_step *s)
{
	const struct openai *o = s->self;

	for (size_t i = 0; i < o->paths.count; i++)
		if (is_below(s->req->path, o->paths.items[i]))
			return gh_pass(s, &(struct gh_proxy){ .upstream = o->to.upstream });
	return gh_fail(s, 404, "not_found", "Unknown API path: " GH_FMT " " GH_FMT,
		       GH_ARG(s->req->method), GH_ARG(s->req->path));
}

const struct gh_module gh_module_openai_proxy = {
	.name = "openai-proxy",
	.doc = "Passes API requests on to a model server and streams its answers back as they "
	       "come. Errors "
	       "of the gateway have OpenAI's shape on every route that has this module.",
	.options = options,
	.self_size = sizeof(struct openai),
	.shape = GH_SHAPE_OPENAI,
	.provision = provision,
	.on_request = on_request,
};
