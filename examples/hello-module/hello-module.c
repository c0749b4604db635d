/*
 * hello-module: greets whoever asks for `path` by the name and address that the gateway knows them
 * by, so that one sees at a glance whether logins and trusted proxies are set up. All else goes on.
 */
#include <gatehouse/module.h>

struct hello {
	struct gh_str path, greeting;
	struct gh_metric *greeted;
};

static const struct gh_option options[] = {
	GH_OPTION(struct hello, path, "/hello", "The path that is answered."),
	GH_OPTION(struct hello, greeting, "Hello", "What to say.", .min = 1, .max = 80),
	GH_OPTIONS_END
};

static int provision(struct gh_instance *in, void *self_)
{
	struct hello *self = self_;

	if (!gh_str_starts(self->path, GH_STR("/")))
		return gh_invalid_at(in, self->path,
				     "a path begins with a slash: write '/" GH_FMT "'",
				     GH_ARG(self->path));
	self->greeted = gh_counter(in, "gatehouse_hello_total", "", "Greetings that were given.");
	return 0;
}

static enum gh_verdict on_request(struct gh_step *s)
{
	const struct hello *self = s->self;
	struct gh_request *r = s->req;
	struct gh_str who = r->caller.len ? r->caller : GH_STR("stranger");

	if (!gh_str_eq(r->path, self->path))
		return GH_NEXT;
	gh_metric_add(self->greeted, 1);
	gh_answer_header(s, GH_STR("cache-control"), GH_STR("no-store"));
	return gh_respond(s, 200, GH_STR("text/plain; charset=utf-8"),
			  gh_printf(r, GH_FMT ", " GH_FMT " from " GH_FMT "\n",
				    GH_ARG(self->greeting), GH_ARG(who), GH_ARG(r->client_text)));
}

const struct gh_module gh_module_hello_module = {
	.name = "hello-module",
	.doc = "Answers one path with who is calling and from where. All else goes on.",
	.options = options,
	.self_size = sizeof(struct hello),
	.provision = provision,
	.on_request = on_request,
};
