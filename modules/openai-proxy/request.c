/* The way of a request: its body is read once, and goes on with no more changed than has to be. */
#include "body.h"
#include "splice.h"
#include "way.h"

static enum gh_verdict on_trouble(struct gh_step *s);

/* ---- what is asked for ---- */

static enum gh_verdict refuse(struct gh_step *s, const struct openai_fault *f)
{
	char text[OPENAI_FAULT_TEXT];
	struct gh_str message = openai_fault_text(f, text);

	if (!f->param || s->req->shape != GH_SHAPE_OPENAI)
		return gh_fail(s, 400, NULL, GH_FMT, GH_ARG(message));
	/* The sentence is made of constants without a quote in them. */
	return gh_respond(s, 400, GH_STR("application/json"),
			  gh_printf(s->req,
				    "{\"error\":{\"message\":\"" GH_FMT
				    "\",\"type\":\"invalid_request_error\",\"param\":\"%s\","
				    "\"code\":null}}",
				    GH_ARG(message), f->param));
}

static bool ends_with(struct gh_str s, struct gh_str end)
{
	return s.len >= end.len && gh_str_eq(gh_str_slice(s, s.len - end.len, s.len), end);
}

/* ---- passing it on ---- */

static void pieces_of(struct gh_step *s, const struct openai_splices *splices, struct gh_proxy *p)
{
	struct openai_splice_cursor c = { .offset = 0 };
	struct gh_str piece, *to;
	size_t count = 0;

	while (openai_splices_next(splices, &c, &piece))
		count++;
	to = gh_alloc(s->req, count * sizeof *to);
	c = (struct openai_splice_cursor){ .offset = 0 };
	for (size_t i = 0; i < count; i++)
		openai_splices_next(splices, &c, &to[i]);
	p->body = to;
	p->body_count = count;
}

static void change(struct gh_step *s, struct openai_splices *splices)
{
	struct openai_way *w = s->state;
	const struct openai_target *t = w->search.target;
	const struct openai_body *b = splices->body;

	w->flags &= ~(unsigned)(OPENAI_WAY_USAGE | OPENAI_WAY_ASSEMBLE | OPENAI_WAY_CHAT);
	if (t->name.text.len && !(b->has_model && gh_str_eq(openai_body_model(b), t->name.text)))
		openai_splices_model(splices, &t->name);
	if (!ends_with(s->req->path, GH_STR("/completions")) || b->boundary.len)
		return; /* the two paths below which streams tell of usage only when they are asked */
	if (b->streams && !b->asks_usage) {
		openai_splices_ask_usage(splices);
		w->flags |= OPENAI_WAY_USAGE;
	} else if (!b->streams && gh_upstream_assembles(t->upstream) &&
		   openai_splices_stream(splices)) {
		w->flags |= OPENAI_WAY_ASSEMBLE;
		if (ends_with(s->req->path, GH_STR("/chat/completions")))
			w->flags |= OPENAI_WAY_CHAT;
	}
}

static enum gh_verdict pass(struct gh_step *s, const struct openai_body *b)
{
	const struct openai *o = s->self;
	struct openai_way *w = s->state;
	const struct openai_target *t = w->search.target;
	struct openai_splices splices;
	struct gh_proxy p = {
		.upstream = t->upstream,
		.model = t->name.text.len ? t->name.text : s->req->model,
		.on_trouble = on_trouble,
	};

	openai_splices_init(&splices, b);
	change(s, &splices);
	/* After another one was asked, also where nothing is changed: what went there was of
	 * another length. */
	if (splices.count || w->tries > 1)
		pieces_of(s, &splices, &p);
	if (b->streams) {
		p.silence_ms = o->ping_after.ms;
		p.on_silence = openai_break_silence;
	}
	w->flags |= OPENAI_WAY_PASSED;
	return gh_pass(s, &p);
}

static enum gh_verdict on_trouble(struct gh_step *s)
{
	struct openai_way *w = s->state;
	const struct gh_trouble *t = gh_trouble(s);
	struct openai_body body;
	struct openai_fault fault;

	if (gh_is_begun(s)) {
		if (openai_may_tell(s))
			openai_say_error(s, t->status, t->code, t->text);
		return gh_fail(s, t->status, t->code, "%s", t->text);
	}
	const struct openai_target *next = w->search.target->fallback;
	if (!next || t->kind == GH_TROUBLE_STOPPING || w->tries >= OPENAI_TRIES_MAX ||
	    w->flags & OPENAI_WAY_HEAD || openai_read(s, &body, &fault))
		return gh_fail(s, t->status, t->code, "%s", t->text);
	w->search.target = next;
	w->tries++;
	return pass(s, &body);
}

/* Servers were asked for their models meanwhile: reading anew is cheaper than keeping what was read. */
static enum gh_verdict found(struct gh_step *s)
{
	struct openai_body body;
	struct openai_fault fault;

	if (openai_read(s, &body, &fault))
		return refuse(s, &fault);
	return pass(s, &body);
}

enum gh_verdict openai_read_on(struct gh_step *s)
{
	const struct openai *o = s->self;
	struct openai_way *w = s->state;
	struct openai_body body;
	struct openai_fault fault;

	if (openai_read(s, &body, &fault))
		return refuse(s, &fault);
	w->flags |= OPENAI_WAY_READ;
	w->tries = 1;
	gh_header_set(&s->req->headers, GH_STR("Accept-Encoding"), GH_STR("identity"));
	enum gh_verdict v = openai_models_find(s, o->table, openai_body_model(&body), found);
	return v == GH_NEXT ? pass(s, &body) : v;
}

static unsigned count_types(const struct gh_headers *h)
{
	unsigned count = 0;

	for (uint32_t i = 0; i < h->count; i++)
		count += gh_str_same(gh_header_name(h->items + i), GH_STR("content-type"));
	return count;
}

enum gh_verdict openai_pass_plain(struct gh_step *s)
{
	const struct openai *o = s->self;
	struct openai_way *w = s->state;
	const struct openai_target *t = openai_models_any(o->table);

	/* What others had stored there names no model either. */
	if (s->req->grant && s->req->grant->model_count)
		return gh_fail(s, 403, NULL,
			       "This key is bound to models, and the request names none.");
	w->flags |= OPENAI_WAY_PASSED;
	return gh_pass(s, &(struct gh_proxy){ .upstream = t->upstream });
}

enum gh_verdict openai_pass_body(struct gh_step *s)
{
	const struct openai *o = s->self;
	struct gh_str coding = gh_header_get(&s->req->headers, GH_STR("content-encoding"));

	if (count_types(&s->req->headers) > 1)
		return gh_fail(s, 400, NULL, "Content-Type is there more than once.");
	if (coding.len && !gh_str_same(coding, GH_STR("identity")))
		return gh_fail(s, 415, NULL,
			       "This body is compressed, which is not read here; send it as it is, "
			       "without Content-Encoding.");
	return gh_collect_body(s, (size_t)o->max_body.bytes, openai_read_begin);
}
