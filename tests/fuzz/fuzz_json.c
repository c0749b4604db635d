/* JSON: what was taken can be read to its last byte, and every part of it is JSON by itself. */
#include <stdlib.h>

#include "core/base/memory.h"
#include "core/http/json.h"
#include "core/http/text.h"

static bool is_within(struct gh_str part, struct gh_str whole)
{
	return part.at >= whole.at && part.at + part.len <= whole.at + whole.len;
}

/* The same characters, whether escaped anew or compared as they are. */
static void judge_string(struct gh_json v)
{
	char *text = malloc(v.text.len), *json;
	struct gh_json again;
	struct gh_str plain;
	size_t len;

	GH_CHECK(text != NULL);
	GH_CHECK(gh_json_string(v, text, v.text.len, &len) == 0 && len + 2 <= v.text.len);
	struct gh_str s = { text, len };
	GH_CHECK(gh_json_is(v, s));
	if (len) {
		GH_CHECK(!gh_json_is(v, gh_str_slice(s, 0, len - 1)));
		text[len - 1] ^= 1;
		GH_CHECK(!gh_json_is(v, s));
		text[len - 1] ^= 1;
	}
	GH_CHECK(gh_json_plain(v, &plain) == (memchr(v.text.at, '\\', v.text.len) == NULL));

	json = malloc(6 * len + 2);
	GH_CHECK(json != NULL);
	json[0] = '"';
	size_t escaped = gh__json_escape(json + 1, s);
	json[escaped + 1] = '"';
	GH_CHECK(gh_json_parse((struct gh_str){ json, escaped + 2 }, &again, NULL) == 0);
	GH_CHECK(gh_json_is(again, s));
	free(json);
	free(text);
}

static void judge_member(struct gh_json object, struct gh_json name)
{
	char *text = malloc(name.text.len);
	struct gh_json value;
	size_t len, count;

	GH_CHECK(text != NULL);
	GH_CHECK(gh_json_string(name, text, name.text.len, &len) == 0);
	count = gh_json_get(object, (struct gh_str){ text, len }, &value);
	GH_CHECK(count >= 1 && is_within(value.text, object.text));
	free(text);
}

static void judge(struct gh_json v, unsigned depth)
{
	struct gh_json_iterator it = gh_json_each(v);
	struct gh_json again, name, value;
	const char *last = v.text.at;
	int64_t number;
	bool b;
	unsigned count = 0;

	GH_CHECK(depth <= GH_JSON_DEPTH_MAX);
	GH_CHECK(gh_json_parse(v.text, &again, NULL) == 0);
	GH_CHECK(again.text.at == v.text.at && again.text.len == v.text.len);
	while (gh_json_next(&it, &name, &value)) {
		GH_CHECK(is_within(value.text, v.text) && value.text.at > last);
		last = value.text.at + value.text.len;
		/* Each look-up reads all again: not too many of them. */
		if (gh_json_type(v) == GH_JSON_OBJECT) {
			judge_string(name);
			if (count++ < 16)
				judge_member(v, name);
		}
		judge(value, depth + 1);
	}
	switch (gh_json_type(v)) {
	case GH_JSON_STRING:
		judge_string(v);
		break;
	case GH_JSON_BOOL:
		GH_CHECK(gh_json_bool(v, &b) == 0 && v.text.len == (b ? 4 : 5));
		break;
	case GH_JSON_NUMBER:
		if (gh_json_int(v, &number) == 0)
			GH_CHECK(number == strtoll(v.text.at, NULL, 10));
		break;
	case GH_JSON_NULL:
	case GH_JSON_ARRAY:
	case GH_JSON_OBJECT:
		break;
	case GH_JSON_NONE:
	default:
		GH_CHECK(!"a value has a type");
	}
}

struct told {
	struct gh_str bytes;
	struct gh_json_iterator it;
	size_t count;
};

/* While the rest is not judged: a member is whole, and behind those before it. */
static void take(void *arg, struct gh_json name, struct gh_json value)
{
	struct told *t = arg;
	struct gh_json again;

	GH_CHECK(is_within(name.text, t->bytes) && is_within(value.text, t->bytes));
	GH_CHECK(name.text.at + name.text.len < value.text.at);
	GH_CHECK(gh_json_parse(name.text, &again, NULL) == 0);
	GH_CHECK(gh_json_type(again) == GH_JSON_STRING);
	t->bytes = gh_str_slice(t->bytes, (size_t)(value.text.at - t->bytes.at) + value.text.len,
				t->bytes.len);
	t->count++;
}

/* Of a text that is good: what is told is what is read after. */
static void take_same(void *arg, struct gh_json name, struct gh_json value)
{
	struct told *t = arg;
	struct gh_json right_name, right_value;

	GH_CHECK(gh_json_next(&t->it, &right_name, &right_value));
	GH_CHECK(name.text.at == right_name.text.at && name.text.len == right_name.text.len);
	GH_CHECK(value.text.at == right_value.text.at && value.text.len == right_value.text.len);
	t->count++;
}

static void judge_members(struct gh_str bytes, struct gh_json v)
{
	struct told some = { .bytes = bytes }, same = { .it = gh_json_each(v) };
	struct gh_json again;
	int bad = gh_json_parse_members(bytes, take, &some, &again, NULL);

	GH_CHECK(bad == (v.text.at ? 0 : -1));
	if (bad)
		return;
	GH_CHECK(gh_json_parse_members(bytes, take_same, &same, &again, NULL) == 0);
	GH_CHECK(again.text.at == v.text.at && again.text.len == v.text.len);
	GH_CHECK(same.count == some.count);
	GH_CHECK(gh_json_type(v) != GH_JSON_OBJECT ? same.count == 0
						   : !gh_json_next(&same.it, NULL, &again));
}

/* Reads what nobody found good: nonsense comes out, but from these bytes, and it ends. */
static void read_unjudged(struct gh_str bytes)
{
	struct gh_json_iterator it = gh_json_each((struct gh_json){ bytes });
	struct gh_json name, value;
	char to[64];
	size_t len;

	for (size_t count = 0; gh_json_next(&it, &name, &value); count++) {
		GH_CHECK(count < bytes.len && is_within(value.text, bytes));
		gh_json_string(value, to, sizeof to, &len);
		gh_json_is(name, GH_STR("name"));
		gh_json_get(value, GH_STR("name"), NULL);
	}
	gh_json_string((struct gh_json){ bytes }, to, sizeof to, &len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gh_str bytes = { (const char *)data, size };
	struct gh_json_error e = { .what = NULL };
	struct gh_json v = { { NULL, 0 } };

	if (gh_json_parse(bytes, &v, &e) == 0) {
		char *copy;

		GH_CHECK(is_within(v.text, bytes));
		/* strtoll() above needs an end to the last number. */
		copy = calloc(1, v.text.len + 1);
		GH_CHECK(copy != NULL);
		memcpy(copy, v.text.at, v.text.len);
		judge((struct gh_json){ { copy, v.text.len } }, 0);
		free(copy);
	} else {
		GH_CHECK(e.what && e.offset <= size && e.line >= 1 && e.column >= 1);
	}
	judge_members(bytes, v);
	read_unjudged(bytes);
	return 0;
}
