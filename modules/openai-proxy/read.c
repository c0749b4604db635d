/* The reading of a body: on the loop where that is quick, and of a large one on another thread, once, so
 * that no other request's tokens wait for it. */
#include "body.h"
#include "way.h"

enum { LARGE = 1 << 20 }; /* a millisecond, and several for one that is made to be slow */

struct reading {
	struct gh_str bytes;
	struct openai_read result;
};

static bool is_form(const struct gh_request *r)
{
	struct gh_str form = GH_STR("multipart/form-data");
	struct gh_str type = gh_header_get(&r->headers, GH_STR("content-type"));

	return gh_str_same(gh_str_slice(type, 0, form.len), form);
}

static void work(void *job)
{
	struct reading *r = job;

	r->result.failed = openai_body_read(r->bytes, &r->result.body, &r->result.fault);
}

static enum gh_verdict done(struct gh_step *s)
{
	struct openai_way *w = s->state;
	const struct reading *r = gh_job(s);

	w->read = gh_alloc(s->req, sizeof *w->read);
	*w->read = r->result;
	return openai_read_on(s);
}

enum gh_verdict openai_read_begin(struct gh_step *s)
{
	struct reading r = { .bytes = s->req->body };

	if (s->req->body.len < LARGE || is_form(s->req))
		return openai_read_on(s);
	return gh_offload(s, GH_LANE_READ, work, &r, sizeof r, done);
}

/* JSON unless it says that it is a form: callers forget the type, and no server behind this gateway
 * shall read of a body what was not read here. */
int openai_read(struct gh_step *s, struct openai_body *ret_body, struct openai_fault *ret_fault)
{
	const struct openai_way *w = s->state;
	const struct gh_request *r = s->req;

	if (w->read) {
		*ret_body = w->read->body;
		*ret_fault = w->read->fault;
		return w->read->failed;
	}
	if (is_form(r))
		return openai_form_read(r->body, gh_header_get(&r->headers, GH_STR("content-type")),
					ret_body, ret_fault);
	return openai_body_read(r->body, ret_body, ret_fault);
}
