/*
 * headers: takes away, sets and adds header fields, of the request on its way to the upstream and of
 * the answer on its way to the client.
 */
#include <stdio.h>

#include <gatehouse/module.h>

struct edits {
	struct gh_strings remove;
	struct gh_pairs set, add;
};

struct headers {
	struct edits request, response;
};

static int check_value(struct gh_str value, char *why, size_t size)
{
	const char *reason;

	/* The names are not known here: any that may be set will do. */
	if (gh_header_check(GH_STR("x"), value, &reason) == 0)
		return 0;
	snprintf(why, size, "this header cannot be sent: %s", reason);
	return -1;
}

static int check_name(struct gh_str name, char *why, size_t size)
{
	const char *reason;

	if (gh_header_check(name, GH_STR(""), &reason) == 0)
		return 0;
	snprintf(why, size, "'" GH_FMT "' is no header to remove: %s", GH_ARG(name), reason);
	return -1;
}

static const struct gh_option edit_fields[] = {
	GH_OPTION(struct edits, remove, NULL,
		  "Names of fields to take away, in any case and with `_` for `-` too.",
		  .check = check_name),
	GH_OPTION(struct edits, set, NULL,
		  "Fields to put in the place of all of the same name, as `Name: value`.",
		  .check = check_value),
	GH_OPTION(struct edits, add, NULL,
		  "Fields to add to those of the same name, as `Name: value`.",
		  .check = check_value),
	GH_OPTIONS_END
};

static const struct gh_option options[] = {
	GH_OPTION(struct headers, request, NULL, "What to change in the request.",
		  .fields = edit_fields),
	GH_OPTION(struct headers, response, NULL,
		  "What to change in the answer, also where the gateway gives it.",
		  .fields = edit_fields),
	GH_OPTIONS_END
};

static int check_names(struct gh_instance *in, const char *where, const struct gh_pairs *pairs)
{
	const char *reason;

	for (size_t i = 0; i < pairs->count; i++) {
		struct gh_str name = pairs->items[i].key;

		if (gh_header_check(name, GH_STR(""), &reason))
			return gh_invalid_at(in, name,
					     "%s: the header '" GH_FMT "' cannot be set: %s", where,
					     GH_ARG(name), reason);
	}
	return 0;
}

static int provision(struct gh_instance *in, void *self_)
{
	const struct headers *self = self_;

	if (check_names(in, "request.set", &self->request.set) ||
	    check_names(in, "request.add", &self->request.add) ||
	    check_names(in, "response.set", &self->response.set) ||
	    check_names(in, "response.add", &self->response.add))
		return -1;
	/* A request has one Host, or the upstream may take it for another's. */
	for (size_t i = 0; i < self->request.add.count; i++)
		if (gh_str_same(self->request.add.items[i].key, GH_STR("host")))
			return gh_invalid_at(in, self->request.add.items[i].key,
					     "request.add: a request has one 'Host'; write it "
					     "under `set`");
	for (size_t i = 0; i < self->request.remove.count; i++)
		if (gh_str_same(self->request.remove.items[i], GH_STR("host")))
			return gh_invalid_at(
				in, self->request.remove.items[i],
				"request.remove: a request must have a 'Host'; write it "
				"under `set` to change it");
	return 0;
}

static void edit(const struct edits *e, struct gh_headers *h)
{
	for (size_t i = 0; i < e->remove.count; i++)
		gh_header_remove(h, e->remove.items[i]);
	for (size_t i = 0; i < e->set.count; i++)
		gh_header_set(h, e->set.items[i].key, e->set.items[i].value);
	for (size_t i = 0; i < e->add.count; i++)
		gh_header_add(h, e->add.items[i].key, e->add.items[i].value);
}

static enum gh_verdict on_request(struct gh_step *s)
{
	const struct headers *self = s->self;

	edit(&self->request, &s->req->headers);
	return GH_NEXT;
}

static enum gh_verdict on_response(struct gh_step *s)
{
	const struct headers *self = s->self;

	edit(&self->response, &s->res->headers);
	return GH_NEXT;
}

const struct gh_module gh_module_headers = {
	.name = "headers",
	.doc = "Changes header fields: `remove` first, then `set`, then `add`. Fields that frame a "
	       "message or belong to one connection, such as `Content-Length`, `Transfer-Encoding` "
	       "and `Connection`, are the gateway's own and refused.",
	.options = options,
	.self_size = sizeof(struct headers),
	.provision = provision,
	.on_request = on_request,
	.on_response = on_response,
};
