/* A credentials file with one entry more or less. Whole lines where an entry has lines of its own, else
 * between the braces; and in the end a look at whether just that was changed. */
#include <stdio.h>

#include "core/base/memory.h"
#include "core/cli/credentials.h"

/* ---- bytes ---- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_space(char c)
{
	return is_blank(c) || c == '\r' || c == '\n';
}

static size_t line_begin(struct gh_str bytes, size_t at)
{
	while (at > 0 && bytes.at[at - 1] != '\n')
		at--;
	return at;
}

/* Behind the line's end, or the end of all. */
static size_t line_end(struct gh_str bytes, size_t at)
{
	while (at < bytes.len && bytes.at[at] != '\n')
		at++;
	return at < bytes.len ? at + 1 : at;
}

static bool is_blank_between(struct gh_str bytes, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		if (!is_space(bytes.at[i]))
			return false;
	return true;
}

/* Nothing but a comment follows on this line. */
static bool ends_line(struct gh_str bytes, size_t at)
{
	size_t end = line_end(bytes, at), text = at;

	while (text < end && is_space(bytes.at[text]))
		text++;
	return text == end || (bytes.at[text] == '#' && text > at);
}

static const char *newline_of(struct gh_str bytes)
{
	const char *first = bytes.len ? memchr(bytes.at, '\n', bytes.len) : NULL;

	return first && first > bytes.at && first[-1] == '\r' ? "\r\n" : "\n";
}

static struct gh_str spliced(struct gh__arena *a, struct gh_str bytes, size_t from, size_t to,
			     struct gh_str instead)
{
	size_t len = bytes.len - (to - from) + instead.len;
	char *all = gh__arena_get(a, len + 1);

	if (from)
		memcpy(all, bytes.at, from);
	if (instead.len)
		memcpy(all + from, instead.at, instead.len);
	if (to < bytes.len)
		memcpy(all + from + instead.len, bytes.at + to, bytes.len - to);
	all[len] = 0;
	return (struct gh_str){ all, len };
}

/* ---- the look at what came out ---- */

/* Whether `more` has all entries of `fewer` in their order, and one beside them: that of `name`. */
static bool is_one_more(const struct gh__credentials *more, const struct gh__credentials *fewer,
			enum gh__credential_kind kind, struct gh_str name)
{
	size_t k = 0;

	if (more->count != fewer->count + 1)
		return false;
	for (size_t i = 0; i < more->count; i++) {
		const struct gh__credential *m = more->items + i;
		if (m->kind == kind && gh_str_eq(m->name, name))
			continue;
		if (k == fewer->count)
			return false;
		const struct gh__credential *f = fewer->items + k++;
		if (m->kind != f->kind || !gh_str_eq(m->name, f->name) ||
		    !gh__yaml_same(m->value, f->value))
			return false;
	}
	return k == fewer->count;
}

/* ---- out ---- */

/* The entry's name, whose value is next to it. */
static const struct gh__yaml *name_of(const struct gh__yaml *section,
				      const struct gh__credential *entry)
{
	const struct gh__yaml *n = section->first;

	while (n->next != entry->value)
		n = n->next->next;
	return n;
}

static size_t end_of(const struct gh__yaml *name)
{
	const struct gh__yaml *value = name->next;

	return value->end > name->end ? value->end : name->end;
}

static bool has_block(const struct gh__yaml *v)
{
	for (const struct gh__yaml *n = v->first; n; n = n->next)
		if (has_block(n))
			return true;
	return v->block;
}

/* Its lines: the entry has them for itself. */
static int cut_lines(struct gh_str bytes, const struct gh__yaml *name, size_t *ret_from,
		     size_t *ret_to)
{
	size_t from = line_begin(bytes, name->begin), end = end_of(name);

	if (!is_blank_between(bytes, from, name->begin) || !ends_line(bytes, end) ||
	    has_block(name->next))
		return -1;
	*ret_from = from;
	*ret_to = line_end(bytes, end);
	return 0;
}

/* Between braces: the entry and one comma; lines that would be left empty, too. */
static int cut_between(struct gh_str bytes, const struct gh__yaml *name, size_t *ret_from,
		       size_t *ret_to)
{
	size_t from = name->begin, to = end_of(name), comma = to;

	while (comma < bytes.len && is_space(bytes.at[comma]))
		comma++;
	if (comma < bytes.len && bytes.at[comma] == ',') {
		to = comma + 1;
		while (to < bytes.len && is_blank(bytes.at[to]))
			to++;
		size_t begin = line_begin(bytes, from), end = line_end(bytes, to);
		if (is_blank_between(bytes, begin, from) && is_blank_between(bytes, to, end)) {
			from = begin;
			to = end;
		}
	} else {
		size_t before = from;
		while (before > 0 && is_space(bytes.at[before - 1]))
			before--;
		if (before > 0 && bytes.at[before - 1] == ',')
			from = before - 1;
	}
	*ret_from = from;
	*ret_to = to;
	return 0;
}

static int by_hand(const struct gh__credentials *c, const struct gh__yaml *name,
		   char why[GH__CREDENTIALS_WHY])
{
	snprintf(why, GH__CREDENTIALS_WHY,
		 GH_FMT ":%zu:%zu: this entry is written in a way that cannot be taken out safely "
			"here; delete it from the file by hand, from its name to the end of its "
			"value",
		 GH_ARG(c->path), name->line, name->column);
	return -1;
}

int gh__credentials_without(struct gh__arena *a, const struct gh__credentials *c,
			    const struct gh__credential *entry, struct gh_str *ret_bytes,
			    char why[GH__CREDENTIALS_WHY])
{
	const struct gh__yaml *section = gh__yaml_get(
		c->root, entry->kind == GH__CREDENTIAL_USER ? GH_STR("users") : GH_STR("keys"));
	const struct gh__yaml *name = name_of(section, entry);
	struct gh__credentials after;
	size_t from, to;

	if (section->flow ? cut_between(c->bytes, name, &from, &to)
			  : cut_lines(c->bytes, name, &from, &to))
		return by_hand(c, name, why);
	struct gh_str bytes = spliced(a, c->bytes, from, to, GH_STR(""));

	if (gh__credentials_read(a, c->path, bytes, &after, why) ||
	    !is_one_more(c, &after, entry->kind, entry->name))
		return by_hand(c, name, why);
	*ret_bytes = bytes;
	return 0;
}

/* ---- in ---- */

struct gh_str gh__new_key_lines(struct gh__arena *a, const struct gh__new_key *key, size_t indent,
				const char *newline)
{
	const struct {
		const char *name;
		struct gh_str value;
	} members[] = {
		{ "key", key->key },
		{ "models", key->models },
		{ "expires", key->expires },
		{ "priority", key->priority },
	};
	int deep = (int)indent;
	bool bound = key->models.len || key->expires.len || key->priority.len || key->limit_count;

	if (!bound)
		return gh__arena_printf(a, "%*s" GH_FMT ": " GH_FMT "%s", deep, "",
					GH_ARG(key->name), GH_ARG(key->key), newline);
	struct gh_str all = gh__arena_printf(a, "%*s" GH_FMT ":%s", deep, "", GH_ARG(key->name),
					     newline);

	for (size_t i = 0; i < GH_COUNT_OF(members); i++)
		if (members[i].value.len)
			all = gh__arena_printf(a, GH_FMT "%*s%s: " GH_FMT "%s", GH_ARG(all),
					       deep + 2, "", members[i].name,
					       GH_ARG(members[i].value), newline);
	if (key->limit_count)
		all = gh__arena_printf(a, GH_FMT "%*slimits:%s", GH_ARG(all), deep + 2, "",
				       newline);
	for (size_t i = 0; i < key->limit_count; i++)
		all = gh__arena_printf(a, GH_FMT "%*s- " GH_FMT "%s", GH_ARG(all), deep + 4, "",
				       GH_ARG(key->limits[i]), newline);
	return all;
}

/* The same between braces. */
static struct gh_str key_in_braces(struct gh__arena *a, const struct gh__new_key *key)
{
	const struct {
		const char *name;
		struct gh_str value;
	} members[] = {
		{ "models", key->models },
		{ "expires", key->expires },
		{ "priority", key->priority },
	};
	struct gh_str all = gh__arena_printf(a, "key: " GH_FMT, GH_ARG(key->key));
	bool bound = key->limit_count > 0;

	for (size_t i = 0; i < GH_COUNT_OF(members); i++) {
		if (!members[i].value.len)
			continue;
		bound = true;
		all = gh__arena_printf(a, GH_FMT ", %s: " GH_FMT, GH_ARG(all), members[i].name,
				       GH_ARG(members[i].value));
	}
	for (size_t i = 0; i < key->limit_count; i++)
		all = gh__arena_printf(a, GH_FMT "%s" GH_FMT, GH_ARG(all),
				       i == 0 ? ", limits: [" : ", ", GH_ARG(key->limits[i]));
	if (key->limit_count)
		all = gh__arena_printf(a, GH_FMT "]", GH_ARG(all));
	return bound ? gh__arena_printf(a, GH_FMT ": { " GH_FMT " }", GH_ARG(key->name),
					GH_ARG(all))
		     : gh__arena_printf(a, GH_FMT ": " GH_FMT, GH_ARG(key->name), GH_ARG(key->key));
}

/* Lines go in at `at`, which is the begin of a line or the end of a file without a last line break. */
static struct gh_str put_lines(struct gh__arena *a, struct gh_str bytes, size_t at,
			       struct gh_str lines)
{
	bool broken = at > 0 && bytes.at[at - 1] != '\n';

	if (broken)
		lines = gh__arena_printf(a, "%s" GH_FMT, newline_of(bytes), GH_ARG(lines));
	return spliced(a, bytes, at, at, lines);
}

static struct gh_str put_between(struct gh__arena *a, struct gh_str bytes,
				 const struct gh__yaml *map, const struct gh__new_key *key)
{
	struct gh_str text = key_in_braces(a, key);
	size_t brace = map->end - 1, at = brace;

	while (at > map->begin && is_space(bytes.at[at - 1]))
		at--;
	const char *before = !map->first ? " " : bytes.at[at - 1] == ',' ? " " : ", ";

	return spliced(a, bytes, at, at,
		       gh__arena_printf(a, "%s" GH_FMT "%s", before, GH_ARG(text),
					at == brace ? " " : ""));
}

/* The name in the root of a section, or NULL. */
static const struct gh__yaml *section_name(const struct gh__yaml *root, struct gh_str name)
{
	for (const struct gh__yaml *n = root ? root->first : NULL; n; n = n->next->next)
		if (gh_str_eq(n->text, name))
			return n;
	return NULL;
}

/* Behind the last byte of the last line of a section that is not in braces. */
static size_t lines_end(struct gh_str bytes, const struct gh__yaml *name)
{
	return line_end(bytes, end_of(name));
}

static struct gh_str put(struct gh__arena *a, const struct gh__credentials *c,
			 const struct gh__new_key *key)
{
	const struct gh__yaml *name = section_name(c->root, GH_STR("keys"));
	const struct gh__yaml *map = name ? name->next : NULL;
	const char *newline = newline_of(c->bytes);
	size_t indent = c->root && c->root->first ? c->root->first->column - 1 : 0;

	if (map && map->flow)
		return put_between(a, c->bytes, map, key);
	if (map && map->first)
		return put_lines(a, c->bytes, lines_end(c->bytes, name),
				 gh__new_key_lines(a, key, map->first->column - 1, newline));
	if (map)
		return put_lines(a, c->bytes, lines_end(c->bytes, name),
				 gh__new_key_lines(a, key, indent + 2, newline));
	return put_lines(a, c->bytes, c->bytes.len,
			 gh__arena_printf(a, "%*skeys:%s" GH_FMT, (int)indent, "", newline,
					  GH_ARG(gh__new_key_lines(a, key, indent + 2, newline))));
}

int gh__credentials_with(struct gh__arena *a, const struct gh__credentials *c,
			 const struct gh__new_key *key, struct gh_str *ret_bytes,
			 char why[GH__CREDENTIALS_WHY])
{
	struct gh_str bytes = put(a, c, key), plain = key->name;
	struct gh__credentials after;

	if (plain.len > 1 && plain.at[0] == '"')
		plain = gh_str_slice(plain, 1, plain.len - 1);
	if (gh__credentials_read(a, c->path, bytes, &after, why) == 0 &&
	    is_one_more(&after, c, GH__CREDENTIAL_KEY, plain)) {
		*ret_bytes = bytes;
		return 0;
	}
	snprintf(why, GH__CREDENTIALS_WHY,
		 GH_FMT ": this file is written in a way that nothing can be put into safely here; "
			"give `keys:` a line of its own, with one entry a line below it",
		 GH_ARG(c->path));
	return -1;
}
