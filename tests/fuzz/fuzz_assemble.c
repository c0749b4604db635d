/*
 * One answer made of a stream: cut anywhere it is the same, what comes out is JSON, and nothing that
 * comes in takes more memory than was allowed. Input: a byte for the kind and the limit, one for the
 * cuts, a stream.
 */
#include <stdlib.h>

#include <gatehouse/json.h>

#include "core/base/memory.h"
#include "modules/openai-proxy/assemble.h"

struct outcome {
	int result, status;
	struct gh_str text; /* the JSON, or why there is none */
	enum openai_usage_from from;
	int64_t output;
};

static struct outcome run(struct gh_str stream, uint8_t kind, size_t step)
{
	struct openai_assembly *a = openai_assembly_create(kind & 1 ? OPENAI_ASSEMBLY_COMPLETION
								    : OPENAI_ASSEMBLY_CHAT,
							   kind & 2 ? 4096 : 1 << 20);
	struct outcome o = { .status = 0 };
	bool failed = false;
	const char *why;
	struct gh_str json;

	for (size_t at = 0; at < stream.len; at += step) {
		size_t len = stream.len - at < step ? stream.len - at : step;
		char *slice = malloc(len);
		GH_CHECK(slice != NULL);
		memcpy(slice, stream.at + at, len);
		bool now = openai_assembly_feed(a, (struct gh_str){ slice, len }) ==
			   OPENAI_ASSEMBLY_FAILED;
		GH_CHECK(now || !failed);
		failed = now;
		free(slice);
	}
	struct openai_usage u = openai_assembly_usage(a);
	o.from = u.from;
	o.output = u.output;
	o.result = openai_assembly_end(a, &o.status, &json, &why);
	GH_CHECK(o.result == -1 || !failed);
	o.text = o.result ? gh_str(why) : json;
	char *copy = malloc(o.text.len);
	GH_CHECK(copy != NULL);
	memcpy(copy, o.text.at, o.text.len);
	o.text.at = copy;
	openai_assembly_destroy(a);
	return o;
}

/* Of an answer without halves of characters, which are as they came. */
static void judge(const struct outcome *o, uint8_t kind)
{
	struct gh_json root, choices, object, choice, inner;
	struct gh_json_iterator it;
	int64_t index, last = -1;

	GH_CHECK(gh_json_parse(o->text, &root, NULL) == 0);
	GH_CHECK(gh_json_type(root) == GH_JSON_OBJECT);
	if (o->status != 200) {
		GH_CHECK(o->status >= 400 && o->status <= 599);
		GH_CHECK(gh_json_get(root, GH_STR("error"), NULL) >= 1);
		return;
	}
	GH_CHECK(gh_json_get(root, GH_STR("choices"), &choices) == 1);
	GH_CHECK(gh_json_get(root, GH_STR("object"), &object) == 1);
	GH_CHECK(gh_json_is(object,
			    kind & 1 ? GH_STR("text_completion") : GH_STR("chat.completion")));
	it = gh_json_each(choices);
	while (gh_json_next(&it, NULL, &choice)) {
		GH_CHECK(gh_json_get(choice, GH_STR("index"), &inner) == 1);
		GH_CHECK(gh_json_int(inner, &index) == 0 && index > last && index < 128);
		last = index;
		GH_CHECK(gh_json_get(choice, GH_STR("finish_reason"), NULL) == 1);
		if (kind & 1) {
			GH_CHECK(gh_json_get(choice, GH_STR("text"), NULL) == 1);
			continue;
		}
		GH_CHECK(gh_json_get(choice, GH_STR("message"), &inner) == 1);
		GH_CHECK(gh_json_get(inner, GH_STR("role"), NULL) == 1);
		GH_CHECK(gh_json_get(inner, GH_STR("content"), NULL) == 1);
	}
	GH_CHECK(last >= 0);
}

static bool has_halves(struct gh_str text)
{
	for (size_t i = 0; i + 2 < text.len; i++)
		if (text.at[i] == '\\' && text.at[i + 1] == 'u' && gh_lower(text.at[i + 2]) == 'd')
			return true;
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;

	struct gh_str stream = { (const char *)data + 2, size - 2 };
	struct outcome whole = run(stream, data[0], stream.len + 1);
	struct outcome cut = run(stream, data[0], data[1] + 1u);

	GH_CHECK(whole.result == cut.result && whole.status == cut.status);
	GH_CHECK(gh_str_eq(whole.text, cut.text));
	GH_CHECK(whole.result || (whole.from == cut.from && whole.output == cut.output));
	if (whole.result == 0 && !has_halves(whole.text))
		judge(&whole, data[0]);
	free((char *)whole.text.at);
	free((char *)cut.text.at);
	return 0;
}
