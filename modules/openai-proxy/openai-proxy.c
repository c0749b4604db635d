/*
 * openai-proxy: the way to model servers that speak OpenAI's or Anthropic's API. What a request is on
 * its way is in way.h; this file is the options and the paths.
 */
#include "way.h"

static const struct gh_option options[] = {
	GH_OPTION(
		struct openai, to, NULL,
		"The model server: `http://HOST:PORT`, `unix:/PATH`, a list of them, or the name "
		"of an entry of `upstreams:`. Beside `models`, it has all the models that no other "
		"server is known to have."),
	GH_OPTION(struct openai, models, NULL,
		  "The names that clients may ask for, and which model of which server each is. "
		  "What these servers report of their own may be asked for too.",
		  .fields = openai_model_options, .item_size = sizeof(struct openai_model_option)),
	{ .name = "default", /* a word of C, so no name of a field */
	  .type = GH_TYPE_STRING,
	  .offset = offsetof(struct openai, fallback_model),
	  .doc = "The entry of `models` for requests that name no model." },
	GH_OPTION(struct openai, paths,
		  "[/v1/models, /v1/chat/completions, /v1/completions, /v1/embeddings, "
		  "/v1/responses, "
		  "/v1/messages, /v1/audio, /v1/images, /v1/moderations, /v1/rerank]",
		  "The API paths that pass, each with all below it. Anything else is a 404 here: "
		  "some model servers answer 200 to paths that they do not know."),
	GH_OPTION(
		struct openai, max_body, "64M",
		"Bytes of a request's body, which is held while it is read for the model; a larger "
		"one gets 413. `limits.body` stands above it.",
		.min = 1, .max = INT64_C(4) << 30),
	GH_OPTION(struct openai, ping_after, "15s",
		  "After so much silence before the first token, in the queue too, a client that "
		  "streams is sent `: ping`, which keeps proxies and browsers from giving up. The "
		  "head goes out with the first one, so a failure after it is told in the stream. "
		  "0: never.",
		  .min = 0, .max = 3600000),
	GH_OPTIONS_END
};

static bool is_below(struct gh_str path, struct gh_str prefix)
{
	return gh_str_starts(path, prefix) &&
	       (path.len == prefix.len || path.at[prefix.len] == '/');
}

static int provision(struct gh_instance *in, void *self)
{
	struct openai *o = self;

	for (size_t i = 0; i < o->paths.count; i++) {
		struct gh_str p = o->paths.items[i];
		if (p.len < 2 || p.at[0] != '/' || p.at[p.len - 1] == '/')
			return gh_invalid_at(in, p,
					     "paths: '" GH_FMT
					     "' must begin with / and not end with it",
					     GH_ARG(p));
	}
	o->table = openai_models_make(in, o->to, o->models, o->fallback_model);
	return o->table ? 0 : -1;
}

static bool is_api(const struct openai *o, struct gh_str path)
{
	for (size_t i = 0; i < o->paths.count; i++)
		if (is_below(path, o->paths.items[i]))
			return true;
	return false;
}

static enum gh_verdict on_request(struct gh_step *s)
{
	const struct openai *o = s->self;
	const struct gh_request *r = s->req;

	if (!is_api(o, r->path))
		return gh_fail(s, 404, "not_found", "Unknown API path: " GH_FMT " " GH_FMT,
			       GH_ARG(r->method), GH_ARG(r->path));
	/* Before a body is looked at: a list that passes as it came is not the caller's list. */
	if (openai_models_is_path(r->path)) {
		enum gh_verdict v = openai_models_answer(s, o->table);
		if (v != GH_NEXT)
			return v;
	}
	return r->length != 0 ? openai_pass_body(s) : openai_pass_plain(s);
}

const struct gh_module gh_module_openai_proxy = {
	.name = "openai-proxy",
	.doc = "Passes API requests on to model servers and streams their answers back as they "
	       "come. It reads of a request which model is meant, and of an answer how many tokens "
	       "it took. Errors of the gateway have OpenAI's shape on every route that has this "
	       "module, Anthropic's for its callers.",
	.options = options,
	.self_size = sizeof(struct openai),
	.state_size = sizeof(struct openai_way),
	.shape = GH_SHAPE_OPENAI,
	.provision = provision,
	.on_request = on_request,
	.on_response = openai_answer_head,
	.watch_response = openai_answer_seen,
	.edit_response = openai_answer_edit,
	.on_finish = openai_answer_over,
};
