/*
 * Bodies of requests to a model server: what is taken can be changed as the gateway does, and only
 * what it changes is changed. Input: JSON, or `F`, a Content-Type, LF and a form.
 */
#include <stdlib.h>

#include "core/base/memory.h"
#include "modules/openai-proxy/body.h"
#include "modules/openai-proxy/splice.h"

static const struct openai_name name = { GH_STR_INIT("new"), GH_STR_INIT("\"new\"") };

/* The pieces in a row; they are the original but for what the splices say. */
static struct gh_str spliced(const struct openai_splices *s)
{
	struct openai_splice_cursor c = { .offset = 0 };
	size_t len = openai_splices_length(s), have = 0;
	char *to = malloc(len ? len : 1);
	struct gh_str piece;

	GH_CHECK(to != NULL);
	while (openai_splices_next(s, &c, &piece)) {
		GH_CHECK(piece.len > 0 && piece.len <= len - have);
		memcpy(to + have, piece.at, piece.len);
		have += piece.len;
	}
	GH_CHECK(have == len);
	return (struct gh_str){ to, len };
}

static void judge_fault(const struct openai_fault *f, size_t size)
{
	char text[OPENAI_FAULT_TEXT];
	struct gh_str sentence = openai_fault_text(f, text);

	GH_CHECK(f->at.what && f->at.offset <= size);
	GH_CHECK(sentence.len < OPENAI_FAULT_TEXT && sentence.at[sentence.len] == 0);
}

/* The next member that is not one of those that an edit puts in or changes. */
static bool next_other(struct gh_json_iterator *it, struct gh_json *ret_name,
		       struct gh_json *ret_value)
{
	while (gh_json_next(it, ret_name, ret_value))
		if (!gh_json_is(*ret_name, GH_STR("model")) &&
		    !gh_json_is(*ret_name, GH_STR("stream_options")) &&
		    !gh_json_is(*ret_name, GH_STR("include_usage")))
			return true;
	return false;
}

static void same_others(struct gh_json a, struct gh_json b)
{
	struct gh_json_iterator ia = gh_json_each(a), ib = gh_json_each(b);
	struct gh_json name_a, name_b, value_a, value_b;

	while (next_other(&ia, &name_a, &value_a)) {
		GH_CHECK(next_other(&ib, &name_b, &value_b));
		GH_CHECK(gh_str_eq(name_a.text, name_b.text));
		GH_CHECK(gh_str_eq(value_a.text, value_b.text));
	}
	GH_CHECK(!next_other(&ib, &name_b, &value_b));
}

static void judge_json(struct gh_str bytes)
{
	struct openai_body b, again;
	struct openai_splices s;
	struct openai_fault f;
	struct gh_json root;

	if (openai_body_read(bytes, &b, &f)) {
		judge_fault(&f, bytes.len);
		return;
	}
	GH_CHECK(gh_json_parse(bytes, &root, NULL) == 0 && gh_json_type(root) == GH_JSON_OBJECT);
	GH_CHECK(gh_json_get(root, GH_STR("model"), NULL) <= 1);
	GH_CHECK(gh_json_get(root, GH_STR("stream"), NULL) <= 1);

	openai_splices_init(&s, &b);
	openai_splices_model(&s, &name);
	openai_splices_ask_usage(&s);
	struct gh_str got = spliced(&s);
	GH_CHECK(openai_body_read(got, &again, &f) == 0);
	GH_CHECK(again.has_model && gh_str_is(openai_body_model(&again), "new"));
	GH_CHECK(again.streams == b.streams && again.asks_usage == (b.streams || b.asks_usage));
	GH_CHECK(again.max_tokens == b.max_tokens && gh_str_eq(again.user.text, b.user.text));
	same_others(b.root, again.root);
	same_others(b.stream_options, again.stream_options);
	free((char *)got.at);
}

static void judge_form(struct gh_str type, struct gh_str bytes)
{
	struct openai_body b, again;
	struct openai_splices s;
	struct openai_fault f;

	if (openai_form_read(bytes, type, &b, &f)) {
		judge_fault(&f, bytes.len);
		return;
	}
	openai_splices_init(&s, &b);
	openai_splices_ask_usage(&s);
	GH_CHECK(s.count == 0);
	openai_splices_model(&s, &name);
	struct gh_str got = spliced(&s);
	/* What is put in may complete a boundary that is one letter longer than another's start. */
	if (openai_form_read(got, type, &again, &f) == 0) {
		GH_CHECK(gh_str_is(openai_body_model(&again), "new"));
		GH_CHECK(again.streams == b.streams);
	}
	if (b.has_model) {
		size_t from = (size_t)(b.model_value.at - b.bytes.at);
		GH_CHECK(gh_str_eq(gh_str_slice(got, 0, from), gh_str_slice(bytes, 0, from)));
		GH_CHECK(gh_str_eq(gh_str_slice(got, from + 3, got.len),
				   gh_str_slice(bytes, from + b.model_value.len, bytes.len)));
	} else {
		GH_CHECK(gh_str_eq(gh_str_slice(got, got.len - bytes.len, got.len), bytes));
	}
	free((char *)got.at);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gh_str bytes = { (const char *)data, size };
	const char *lf;

	if (size && data[0] == 'F' && (lf = memchr(data, '\n', size)) != NULL) {
		size_t at = (size_t)(lf - bytes.at);
		judge_form(gh_str_slice(bytes, 1, at), gh_str_slice(bytes, at + 1, size));
	} else {
		judge_json(bytes);
	}
	return 0;
}
