/*
 * The JSON Schema of gateway.yaml (draft 2020-12), for editors. Where YAML has another type for
 * what an option takes as text (a number for a size), both are allowed, and so is a ${…}.
 */
#include "core/config/describe.h"
#include "core/config/gateway.h"

#include "core/config/value.h"

/* A value that is looked up may be anything. */
#define REFERENCE "\\\\$\\\\{(env|file):"

/* ---- JSON ---- */

/* An object or list that is being written: whether a comma is due. */
struct json {
	struct gh__text *text;
	struct gh__bind *bind;
	unsigned depth;
	bool first;
};

static void put_string(struct json *j, struct gh_str s)
{
	gh__text_put(j->text, GH_STR("\""));
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.at[i];

		if (c == '"' || c == '\\')
			gh__text_printf(j->text, "\\%c", c);
		else if (c < 0x20)
			gh__text_printf(j->text, "\\u%04x", c);
		else
			gh__text_put(j->text, gh_str_slice(s, i, i + 1));
	}
	gh__text_put(j->text, GH_STR("\""));
}

static void next(struct json *j)
{
	gh__text_put(j->text, j->first ? GH_STR("\n") : GH_STR(",\n"));
	gh__text_spaces(j->text, (size_t)j->depth * 2);
	j->first = false;
}

static void key(struct json *j, const char *name)
{
	next(j);
	put_string(j, gh_str(name));
	gh__text_put(j->text, GH_STR(": "));
}

static void begin(struct json *j, const char *bracket)
{
	gh__text_put(j->text, gh_str(bracket));
	j->depth++;
	j->first = true;
}

static void end(struct json *j, const char *bracket)
{
	j->depth--;
	if (!j->first) {
		gh__text_put(j->text, GH_STR("\n"));
		gh__text_spaces(j->text, (size_t)j->depth * 2);
	}
	gh__text_put(j->text, gh_str(bracket));
	j->first = false;
}

static void put_raw(struct json *j, const char *name, const char *value)
{
	key(j, name);
	gh__text_put(j->text, gh_str(value));
}

static void put_number(struct json *j, const char *name, int64_t value)
{
	key(j, name);
	gh__text_printf(j->text, "%lld", (long long)value);
}

/* One of several forms, each a whole schema as JSON text. */
static void form(struct json *j, const char *json)
{
	next(j);
	gh__text_put(j->text, gh_str(json));
}

/* ---- Rows ---- */

static void put_limits(struct json *j, const struct gh_option *row, const char *least,
		       const char *most)
{
	if (row->min == 0 && row->max == 0)
		return;
	if (row->min != 0 || row->type == GH_TYPE_INT)
		put_number(j, least, row->min);
	if (row->max >= row->min && row->max != INT64_MAX)
		put_number(j, most, row->max);
}

static void put_any_of(struct json *j)
{
	key(j, "anyOf");
	begin(j, "[");
}

static void put_schema(struct json *j, const struct gh_option *row);
static void put_fields(struct json *j, const struct gh_option *rows);

static void put_refs(struct json *j, const struct gh_option *row)
{
	put_raw(j, "type", "\"array\"");
	put_limits(j, row, "minItems", "maxItems");
	put_raw(j, "items", "{ \"$ref\": \"#/$defs/text\" }");
}

/* A list of what `put` writes, or one alone. */
static void put_list_or_one(struct json *j, const struct gh_option *row)
{
	put_any_of(j);
	if (row->type == GH_TYPE_STRINGS)
		form(j, "{ \"$ref\": \"#/$defs/text\" }");
	next(j);
	begin(j, "{");
	if (row->type == GH_TYPE_STRINGS) {
		put_refs(j, row);
	} else {
		put_raw(j, "type", "\"array\"");
		put_limits(j, row, "minItems", "maxItems");
		key(j, "items");
		begin(j, "{");
		put_fields(j, row->fields);
		end(j, "}");
	}
	end(j, "}");
	if (row->type == GH_TYPE_OBJECTS) {
		next(j);
		begin(j, "{");
		put_fields(j, row->fields);
		end(j, "}");
	}
	end(j, "]");
}

static void put_choice(struct json *j, const struct gh_option *row)
{
	put_any_of(j);
	next(j);
	begin(j, "{");
	key(j, "enum");
	begin(j, "[");
	for (int i = 0; row->choices[i]; i++) {
		next(j);
		put_string(j, gh_str(row->choices[i]));
	}
	end(j, "]");
	end(j, "}");
	form(j, "{ \"$ref\": \"#/$defs/reference\" }");
	end(j, "]");
}

static void put_int(struct json *j, const struct gh_option *row)
{
	put_any_of(j);
	next(j);
	begin(j, "{");
	put_raw(j, "type", "\"integer\"");
	put_limits(j, row, "minimum", "maximum");
	end(j, "}");
	form(j, "{ \"$ref\": \"#/$defs/reference\" }");
	end(j, "]");
}

/* A number, or what `text` of the definitions says. */
static void put_number_or(struct json *j, const struct gh_option *row, const char *text)
{
	put_any_of(j);
	next(j);
	begin(j, "{");
	put_raw(j, "type", "\"integer\"");
	put_number(j, "minimum", row->min);
	if (row->max > row->min)
		put_number(j, "maximum", row->max);
	end(j, "}");
	form(j, text);
	end(j, "]");
}

static void put_map_of(struct json *j, const struct gh_option *row)
{
	put_raw(j, "type", "\"object\"");
	put_limits(j, row, "minProperties", "maxProperties");
	key(j, "additionalProperties");
	if (row->type == GH_TYPE_PAIRS) {
		gh__text_put(j->text, GH_STR("{ \"$ref\": \"#/$defs/text\" }"));
		return;
	}
	begin(j, "{");
	put_fields(j, row->fields);
	end(j, "}");
}

static void put_type(struct json *j, const struct gh_option *row)
{
	switch ((int)row->type) {
	case GH_TYPE_BOOL:
		put_any_of(j);
		form(j, "{ \"type\": \"boolean\" }");
		form(j, "{ \"$ref\": \"#/$defs/reference\" }");
		end(j, "]");
		break;
	case GH_TYPE_INT:
		put_int(j, row);
		break;
	case GH_TYPE_STRING:
		put_raw(j, "type", "[\"string\", \"number\", \"boolean\"]");
		if (!(row->flags & GH_SECRET))
			put_limits(j, row, "minLength", "maxLength");
		break;
	case GH_TYPE_DURATION:
		put_raw(j, "$ref", "\"#/$defs/duration\"");
		break;
	case GH_TYPE_SIZE:
		put_number_or(j, row, "{ \"$ref\": \"#/$defs/size\" }");
		break;
	case GH_TYPE_COUNT:
		put_number_or(j, row, "{ \"$ref\": \"#/$defs/count\" }");
		break;
	case GH_TYPE_CHOICE:
		put_choice(j, row);
		break;
	case GH_TYPE_STRINGS:
	case GH_TYPE_OBJECTS:
		put_list_or_one(j, row);
		break;
	case GH_TYPE_PAIRS:
	case GH_TYPE_NAMED:
		put_map_of(j, row);
		break;
	case GH_TYPE_UPSTREAM:
		put_raw(j, "$ref", "\"#/$defs/upstream\"");
		break;
	case GH__TYPE_HANDLERS:
		put_raw(j, "$ref", "\"#/$defs/handle\"");
		break;
	case GH__TYPE_SOURCES:
		put_raw(j, "$ref", "\"#/$defs/tls\"");
		break;
	default:
		put_fields(j, row->fields);
		break;
	}
}

/* A default is YAML; in JSON a number stays one, and so do true and false. */
static void put_scalar_default(struct json *j, const struct gh_option *row,
			       const struct gh__node *n)
{
	int64_t value;
	char mend[8];
	bool number = row->type == GH_TYPE_INT || row->type == GH_TYPE_SIZE ||
		      row->type == GH_TYPE_COUNT;

	if (row->type == GH_TYPE_BOOL ||
	    (number && gh__value_int(n->text, &value, mend, sizeof(mend)) == 0))
		gh__text_put(j->text, n->text);
	else
		put_string(j, n->text);
}

static void put_default(struct json *j, const struct gh_option *row)
{
	struct gh__node *n = gh__row_default(j->bind, row);

	if (!n || n->kind == GH__NODE_MAP)
		return;
	key(j, "default");
	if (n->kind == GH__NODE_SCALAR) {
		put_scalar_default(j, row, n);
		return;
	}
	begin(j, "[");
	for (size_t i = 0; i < n->count; i++) {
		next(j);
		if (n->items[i]->kind == GH__NODE_SCALAR)
			put_scalar_default(j, row, n->items[i]);
		else
			gh__text_put(j->text, GH_STR("{}"));
	}
	end(j, "]");
}

static void put_schema(struct json *j, const struct gh_option *row)
{
	begin(j, "{");
	key(j, "description");
	put_string(j, gh_str(row->doc));
	put_type(j, row);
	put_default(j, row);
	end(j, "}");
}

/* The mapping of a table, without the braces around it; with a short form either of both. */
static void put_mapping(struct json *j, const struct gh_option *rows)
{
	put_raw(j, "type", "[\"object\", \"null\"]");
	put_raw(j, "additionalProperties", "false");
	key(j, "properties");
	begin(j, "{");
	for (const struct gh_option *row = rows; row && row->name; row++) {
		key(j, row->name);
		put_schema(j, row);
	}
	end(j, "}");
	key(j, "required");
	begin(j, "[");
	for (const struct gh_option *row = rows; row && row->name; row++) {
		if (!(row->flags & GH_REQUIRED))
			continue;
		next(j);
		put_string(j, gh_str(row->name));
	}
	end(j, "]");
}

static void put_fields(struct json *j, const struct gh_option *rows)
{
	const struct gh_option *brief = gh__row_short(rows);

	if (!brief) {
		put_mapping(j, rows);
		return;
	}
	put_any_of(j);
	next(j);
	begin(j, "{");
	put_mapping(j, rows);
	end(j, "}");
	next(j);
	put_schema(j, brief);
	end(j, "]");
}

/* ---- The whole ---- */

enum kind { HANDLER, SOURCE };

static bool is_of(const struct gh_module *m, enum kind kind)
{
	return (m->certificates != NULL) == (kind == SOURCE);
}

static void put_modules(struct json *j, const struct gh_module *const *modules, const char *name,
			enum kind kind)
{
	key(j, name);
	begin(j, "{");
	put_any_of(j);
	next(j);
	begin(j, "{");
	key(j, "enum");
	begin(j, "[");
	for (size_t i = 0; modules[i]; i++) {
		if (!is_of(modules[i], kind))
			continue;
		next(j);
		put_string(j, gh_str(modules[i]->name));
	}
	end(j, "]");
	end(j, "}");
	next(j);
	begin(j, "{");
	put_raw(j, "type", "\"object\"");
	put_raw(j, "additionalProperties", "false");
	put_raw(j, "minProperties", "1");
	put_raw(j, "maxProperties", "1");
	key(j, "properties");
	begin(j, "{");
	for (size_t i = 0; modules[i]; i++) {
		if (!is_of(modules[i], kind))
			continue;
		key(j, modules[i]->name);
		begin(j, "{");
		key(j, "description");
		put_string(j, gh_str(modules[i]->doc));
		put_fields(j, modules[i]->options);
		end(j, "}");
	}
	end(j, "}");
	end(j, "}");
	end(j, "]");
	end(j, "}");
}

static void put_definitions(struct json *j, const struct gh_module *const *modules)
{
	put_raw(j, "reference", "{ \"type\": \"string\", \"pattern\": \"" REFERENCE "\" }");
	put_raw(j, "text", "{ \"type\": [\"string\", \"number\", \"boolean\"] }");
	put_raw(j, "duration",
		"{ \"anyOf\": [{ \"const\": 0 }, { \"type\": \"string\", \"pattern\": "
		"\"^([0-9]+(ms|s|m|h|d)|0)$|" REFERENCE "\" }] }");
	put_raw(j, "size",
		"{ \"type\": \"string\", \"pattern\": \"^[0-9]+[kMG]?$|" REFERENCE "\" }");
	put_raw(j, "count",
		"{ \"type\": \"string\", \"pattern\": \"^[0-9]+[kMG]?$|" REFERENCE "\" }");
	put_raw(j, "address",
		"{ \"type\": \"string\", \"pattern\": "
		"\"^(http://|unix:/)|^[A-Za-z0-9][A-Za-z0-9._-]*$|" REFERENCE "\" }");
	put_raw(j, "upstream",
		"{ \"anyOf\": [{ \"$ref\": \"#/$defs/address\" }, { \"type\": \"array\", "
		"\"minItems\": 1, \"maxItems\": 64, \"items\": { \"$ref\": \"#/$defs/address\" } "
		"}] }");
	put_raw(j, "handle",
		"{ \"anyOf\": [{ \"$ref\": \"#/$defs/module\" }, { \"type\": \"array\", "
		"\"minItems\": 1, \"items\": { \"$ref\": \"#/$defs/module\" } }] }");
	put_raw(j, "tls",
		"{ \"anyOf\": [{ \"$ref\": \"#/$defs/source\" }, { \"type\": \"array\", "
		"\"minItems\": 1, \"items\": { \"$ref\": \"#/$defs/source\" } }] }");
	put_modules(j, modules, "module", HANDLER);
	put_modules(j, modules, "source", SOURCE);
}

struct gh_str gh__describe_schema(struct gh__arena *a, const struct gh_module *const *modules)
{
	struct gh__mistakes *mistakes = gh__mistakes_create();
	struct gh__bind b = { .arena = a, .mistakes = mistakes, .file = "", .modules = modules };
	struct gh__text t = { 0 };
	struct json j = { .text = &t, .bind = &b };

	begin(&j, "{");
	put_raw(&j, "$schema", "\"https://json-schema.org/draft/2020-12/schema\"");
	put_raw(&j, "title", "\"gateway.yaml\"");
	put_raw(&j, "description", "\"The config of Gatehouse.\"");
	put_mapping(&j, gh__gateway_rows);
	key(&j, "$defs");
	begin(&j, "{");
	put_definitions(&j, modules);
	end(&j, "}");
	end(&j, "}");
	gh__text_put(&t, GH_STR("\n"));
	gh__mistakes_destroy(mistakes);
	return gh__text_finish(&t, a);
}
