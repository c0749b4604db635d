/*
 * respond: a fixed answer.
 */
#include <stdio.h>

#include <gatehouse/module.h>

struct respond {
	int64_t status;
	struct gh_str body, type;
	struct gh_pairs headers;
};

static int check_value(struct gh_str value, char *why, size_t size)
{
	const char *reason;

	if (gh_header_check(GH_STR("x"), value, &reason) == 0)
		return 0;
	snprintf(why, size, "this header cannot be sent: %s", reason);
	return -1;
}

static const struct gh_option options[] = {
	GH_OPTION(struct respond, status, "200", "The status.", .min = 200, .max = 599),
	GH_OPTION(struct respond, body, "", "The body, as it is.", .max = 1024 * 1024),
	GH_OPTION(struct respond, type, "text/plain; charset=utf-8", "The body's `Content-Type`.",
		  .check = check_value, .min = 1, .max = 256),
	GH_OPTION(struct respond, headers, NULL, "Further header fields, as `Name: value`.",
		  .check = check_value),
	GH_OPTIONS_END
};

static int provision(struct gh_instance *in, void *self_)
{
	const struct respond *self = self_;
	const char *reason;

	if (self->body.len && (self->status == 204 || self->status == 205 || self->status == 304))
		return gh_invalid(in,
				  "an answer of status %d has no body; leave `body` out, or write "
				  "`status: 200`",
				  (int)self->status);
	for (size_t i = 0; i < self->headers.count; i++) {
		struct gh_str name = self->headers.items[i].key;

		if (gh_header_check(name, GH_STR(""), &reason))
			return gh_invalid_at(in, name,
					     "headers: the header '" GH_FMT "' cannot be set: %s",
					     GH_ARG(name), reason);
		if (gh_str_same(name, GH_STR("content-type")))
			return gh_invalid_at(in, name,
					     "headers: write the 'Content-Type' as `type`");
	}
	return 0;
}

static enum gh_verdict on_request(struct gh_step *s)
{
	const struct respond *self = s->self;

	for (size_t i = 0; i < self->headers.count; i++)
		gh_answer_header(s, self->headers.items[i].key, self->headers.items[i].value);
	return gh_respond(s, (int)self->status, self->type, self->body);
}

const struct gh_module gh_module_respond = {
	.name = "respond",
	.doc = "Answers every request with the same status, body and header fields.",
	.options = options,
	.self_size = sizeof(struct respond),
	.provision = provision,
	.on_request = on_request,
};
