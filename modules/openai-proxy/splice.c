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

static const char *start_of(const struct openai_body *b)
{
	return b->boundary.len ? b->bytes.at : b->root.text.at + 1;
}

/* A member at the start of the body: what was put there before ends in a comma, if there is need of one
 * behind it, but not where it is the only one. */
static void begin_member(struct openai_splices *s)
{
	const struct openai_body *b = s->body;

	if (s->count && s->items[0].offset == (size_t)(start_of(b) - b->bytes.at) &&
	    !has_members(b->root))
		add(s, start_of(b), 0, GH_STR(","));
}

void openai_splices_model(struct openai_splices *s, const struct openai_name *name)
{
	const struct openai_body *b = s->body;
	const char *start = start_of(b);

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
		begin_member(s);
		add(s, start, 0, GH_STR("\"model\":"));
		add(s, start, 0, name->json);
		if (has_members(b->root))
			add(s, start, 0, GH_STR(","));
	}
}

/* Where there are `stream_options`. */
static void ask_in_options(struct openai_splices *s)
{
	const struct openai_body *b = s->body;
	struct gh_str options = b->stream_options.text, usage = b->include_usage.text;

	if (usage.at)
		add(s, usage.at, usage.len, GH_STR("true"));
	else if (gh_json_type(b->stream_options) == GH_JSON_NULL)
		add(s, options.at, options.len, GH_STR("{\"include_usage\":true}"));
	else
		add(s, options.at + 1, 0,
		    has_members(b->stream_options) ? GH_STR("\"include_usage\":true,")
						   : GH_STR("\"include_usage\":true"));
}

void openai_splices_ask_usage(struct openai_splices *s)
{
	const struct openai_body *b = s->body;

	if (b->boundary.len || !b->streams || b->asks_usage)
		return;
	if (b->stream_options.text.at)
		ask_in_options(s);
	else /* there is a `stream` that it stands before */
		add(s, start_of(b), 0, GH_STR("\"stream_options\":{\"include_usage\":true},"));
}

bool openai_splices_stream(struct openai_splices *s)
{
	const struct openai_body *b = s->body;
	struct gh_str stream = b->stream.text;

	if (b->boundary.len || b->streams || !openai_body_tells_same(b))
		return false;
	if (stream.at) {
		add(s, stream.at, stream.len, GH_STR("true"));
	} else {
		begin_member(s);
		add(s, start_of(b), 0,
		    has_members(b->root) ? GH_STR("\"stream\":true,") : GH_STR("\"stream\":true"));
	}
	if (b->stream_options.text.at && !b->asks_usage)
		ask_in_options(s);
	else if (!b->stream_options.text.at)
		add(s, start_of(b), 0,
		    has_members(b->root) ? GH_STR("\"stream_options\":{\"include_usage\":true},")
					 : GH_STR(",\"stream_options\":{\"include_usage\":true}"));
	return true;
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
