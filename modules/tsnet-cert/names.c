#include "names.h"

#include <stdio.h>

static bool is_label(struct gh_str s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = gh_lower(s.at[i]);

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-')
			return false;
	}
	return s.len > 0 && s.len < 64 && s.at[0] != '-' && s.at[s.len - 1] != '-';
}

int tsnet_name_take(struct gh_str text, char ret_name[TSNET_NAME_SIZE])
{
	size_t labels = 0;

	if (text.len && text.at[text.len - 1] == '.')
		text.len--;
	if (text.len == 0 || text.len >= TSNET_NAME_SIZE)
		return -1;
	for (struct gh_str rest = text; rest.len; labels++) {
		const char *dot = memchr(rest.at, '.', rest.len);
		size_t len = dot ? (size_t)(dot - rest.at) : rest.len;

		if (!is_label(gh_str_slice(rest, 0, len)) || (dot && len + 1 == rest.len))
			return -1;
		rest = gh_str_slice(rest, dot ? len + 1 : len, rest.len);
	}
	if (labels < 2)
		return -1;
	for (size_t i = 0; i < text.len; i++)
		ret_name[i] = gh_lower(text.at[i]);
	ret_name[text.len] = 0;
	return 0;
}

static size_t find(const struct tsnet_names *n, const char *name)
{
	size_t i = 0;

	while (i < n->count && strcmp(n->items[i], name) != 0)
		i++;
	return i;
}

bool tsnet_names_have(const struct tsnet_names *n, const char *name)
{
	return find(n, name) < n->count;
}

void tsnet_names_add(struct tsnet_names *n, const char *name)
{
	size_t len = strlen(name);

	if (n->count < TSNET_NAMES_MAX && len < TSNET_NAME_SIZE && !tsnet_names_have(n, name))
		memcpy(n->items[n->count++], name, len + 1);
}

void tsnet_names_first(struct tsnet_names *n, const char *name)
{
	size_t at = find(n, name);
	char kept[TSNET_NAME_SIZE];

	if (at == n->count)
		return;
	memcpy(kept, n->items[at], sizeof kept);
	memmove(n->items[1], n->items[0], at * sizeof kept);
	memcpy(n->items[0], kept, sizeof kept);
}

void tsnet_names_text(const struct tsnet_names *n, char *to, size_t size)
{
	size_t at = 0;

	to[0] = 0;
	for (size_t i = 0; i < n->count && at < size; i++) {
		int len = snprintf(to + at, size - at, "%s%s", i ? ", " : "", n->items[i]);

		at += len > 0 ? (size_t)len : 0;
	}
}
