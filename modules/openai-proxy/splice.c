#include "splice.h"

void openai_splices_init(struct openai_splices *s, const struct openai_body *b)
{
	*s = (struct openai_splices){ .body = b };
}

/* Behind those of the same place. */
static void add(struct openai_splices *s, const char *at, size_t cut, struct gh_str put)
{
	size_t offset = (size_t)(at - s->body->bytes.at);
	unsigned i = s->count++;

	for (; i > 0 && s->items[i - 1].offset > offset; i--)
		s->items[i] = s->items[i - 1];
	s->items[i] = (struct openai_splice){ offset, cut, put };
}

static bool has_members(struct gh_json object)
{
	struct gh_json_iterator it = gh_json_each(object);
	struct gh_json value;

	return gh_json_next(&it, NULL, &value);
}

void openai_splices_model(struct openai_splices *s, const struct openai_name *name)
{
	const struct openai_body *b = s->body;
	const char *start = b->boundary.len ? b->bytes.at : b->root.text.at + 1;

	if (b->model_value.at) {
		add(s, b->model_value.at, b->model_value.len,
		    b->boundary.len ? name->text : name->json);
	} else if (b->boundary.len) {
		add(s, start, 0, GH_STR("--"));
		add(s, start, 0, b->boundary);
		add(s, start, 0,
		    GH_STR("\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\n"));
		add(s, start, 0, name->text);
		add(s, start, 0, GH_STR("\r\n"));
	} else {
		add(s, start, 0, GH_STR("\"model\":"));
		add(s, start, 0, name->json);
		if (has_members(b->root))
			add(s, start, 0, GH_STR(","));
	}
}

void openai_splices_ask_usage(struct openai_splices *s)
{
	const struct openai_body *b = s->body;
	struct gh_str options = b->stream_options.text, usage = b->include_usage.text;

	if (b->boundary.len || !b->streams || b->asks_usage)
		return;
	if (usage.at)
		add(s, usage.at, usage.len, GH_STR("true"));
	else if (gh_json_type(b->stream_options) == GH_JSON_NULL)
		add(s, options.at, options.len, GH_STR("{\"include_usage\":true}"));
	else if (options.at)
		add(s, options.at + 1, 0,
		    has_members(b->stream_options) ? GH_STR("\"include_usage\":true,")
						   : GH_STR("\"include_usage\":true"));
	else /* there is a `stream` that it stands before */
		add(s, b->root.text.at + 1, 0,
		    GH_STR("\"stream_options\":{\"include_usage\":true},"));
}

size_t openai_splices_length(const struct openai_splices *s)
{
	size_t len = s->body->bytes.len;

	for (unsigned i = 0; i < s->count; i++)
		len = len - s->items[i].cut + s->items[i].put.len;
	return len;
}

bool openai_splices_next(const struct openai_splices *s, struct openai_splice_cursor *c,
			 struct gh_str *ret_piece)
{
	struct gh_str piece = { NULL, 0 };

	while (piece.len == 0 && c->next < s->count) {
		const struct openai_splice *to = &s->items[c->next];

		if (c->offset < to->offset) {
			piece = gh_str_slice(s->body->bytes, c->offset, to->offset);
			c->offset = to->offset;
		} else {
			piece = to->put;
			c->offset += to->cut;
			c->next++;
		}
	}
	if (piece.len == 0) {
		piece = gh_str_slice(s->body->bytes, c->offset, s->body->bytes.len);
		c->offset = s->body->bytes.len;
	}
	if (piece.len == 0)
		return false;
	*ret_piece = piece;
	return true;
}
