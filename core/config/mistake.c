#include "core/config/mistake.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/memory.h"
#include "core/config/config.h"
#include "core/config/text.h"

enum {
	KEPT = 50,
	LINE_SHOWN = 100, /* characters of a quoted line */
};

struct mistake {
	struct gh_str file, what;
	unsigned line, column;
	size_t order;
};

struct span {
	unsigned line, column, end_line, end_column;
};

struct gh__mistakes {
	struct gh__arena arena;
	struct mistake kept[KEPT];
	size_t kept_count, count;
	struct gh_str file, source;
	struct span *hidden;
	size_t hidden_count, hidden_room;
};

struct gh__mistakes *gh__mistakes_create(void)
{
	struct gh__mistakes *m = gh__zalloc(sizeof(*m));

	gh__arena_init(&m->arena, NULL, 0);
	return m;
}

void gh__mistakes_destroy(struct gh__mistakes *m)
{
	if (!m)
		return;
	if (m->source.len)
		gh__wipe((char *)m->source.at, m->source.len);
	gh__arena_finish(&m->arena);
	gh__free(m->hidden);
	gh__free(m);
}

void gh__mistakes_source(struct gh__mistakes *m, const char *file, struct gh_str bytes)
{
	m->file = gh__arena_copy(&m->arena, gh_str(file));
	m->source = gh__arena_copy(&m->arena, bytes);
	m->hidden_count = 0;
}

void gh__mistakes_hide(struct gh__mistakes *m, unsigned line, unsigned column, unsigned end_line,
		       unsigned end_column)
{
	if (m->hidden_count == m->hidden_room) {
		m->hidden_room = m->hidden_room * 2 + 64;
		m->hidden = gh__realloc(m->hidden, m->hidden_room * sizeof(*m->hidden));
	}
	m->hidden[m->hidden_count++] = (struct span){ line, column, end_line, end_column };
}

/* What a terminal would obey instead of show. */
static void tame(char *at, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)at[i];

		if (c < 0x20 || c == 0x7f)
			at[i] = '?';
		else if (c == 0xc2 && i + 1 < len && (unsigned char)at[i + 1] < 0xa0)
			at[i] = at[i + 1] = '?';
	}
}

void gh__mistake(struct gh__mistakes *m, const struct gh__place *place, const char *format, ...)
{
	char what[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);

	size_t len = strlen(what);
	tame(what, len);
	/* A node that aliases name in several places is wrong once. */
	for (size_t i = 0; i < m->kept_count; i++)
		if (m->kept[i].line == place->line && m->kept[i].column == place->column &&
		    gh_str_is(m->kept[i].what, what))
			return;
	m->count++;
	if (m->kept_count == KEPT)
		return;
	m->kept[m->kept_count] = (struct mistake){
		.file = gh__arena_copy(&m->arena, gh_str(place->file)),
		.what = gh__arena_copy(&m->arena, (struct gh_str){ what, len }),
		.line = place->line,
		.column = place->column,
		.order = m->kept_count,
	};
	m->kept_count++;
}

size_t gh__mistakes_count(const struct gh__mistakes *m)
{
	return m->count;
}

/* ---- Quoting the source ---- */

/* Bytes of the line break at `at`, or 0: what libyaml counts as one. */
static size_t break_at(struct gh_str s, size_t at)
{
	struct gh_str rest = gh_str_slice(s, at, s.len);

	if (gh_str_starts(rest, GH_STR("\r\n")) || gh_str_starts(rest, GH_STR("\xc2\x85")))
		return 2;
	if (gh_str_starts(rest, GH_STR("\n")) || gh_str_starts(rest, GH_STR("\r")))
		return 1;
	if (gh_str_starts(rest, GH_STR("\xe2\x80\xa8")) ||
	    gh_str_starts(rest, GH_STR("\xe2\x80\xa9")))
		return 3;
	return 0;
}

struct gh_str gh__mistakes_lines(const struct gh__mistakes *m)
{
	return m->source;
}

bool gh__next_line(struct gh_str *rest, struct gh_str *ret_line)
{
	size_t len = 0, skip = 0;

	if (rest->len == 0)
		return false;
	while (len < rest->len && (skip = break_at(*rest, len)) == 0)
		len++;
	*ret_line = gh_str_slice(*rest, 0, len);
	*rest = gh_str_slice(*rest, len + skip, rest->len);
	return true;
}

struct gh_str gh__mistakes_line(const struct gh__mistakes *m, unsigned line)
{
	struct gh_str rest = m->source, text;

	while (gh__next_line(&rest, &text))
		if (--line == 0)
			return text;
	return (struct gh_str){ 0 };
}

/* Bytes of the character at `at`: those that continue one belong to it, whatever they are. */
static size_t character(struct gh_str s, size_t at)
{
	size_t n = 1;

	if ((unsigned char)s.at[at] >= 0xc0)
		while (n < 4 && at + n < s.len && ((unsigned char)s.at[at + n] & 0xc0) == 0x80)
			n++;
	return n;
}

static bool is_hidden(const struct span *hidden, size_t count, unsigned line, unsigned column)
{
	for (size_t i = 0; i < count; i++) {
		const struct span *h = &hidden[i];
		bool begun = line > h->line || (line == h->line && column >= h->column);
		bool over = line > h->end_line || (line == h->end_line && column >= h->end_column);

		if (begun && !over)
			return true;
	}
	return false;
}

/* Those that touch a line. */
static size_t hidden_in(const struct gh__mistakes *m, unsigned line, struct span *to, size_t room)
{
	size_t count = 0;

	for (size_t i = 0; i < m->hidden_count; i++) {
		if (m->hidden[i].line > line || m->hidden[i].end_line < line)
			continue;
		if (count == room) {
			to[0] = (struct span){ line, 1, line + 1, 1 }; /* too many: all of it */
			return 1;
		}
		to[count++] = m->hidden[i];
	}
	return count;
}

/* Puts the columns of a line from `first` on, counted as they are shown: what is hidden is one `…`.
 * With `t` NULL it only measures. Returns where the caret goes. */
static unsigned put_line(const struct gh__mistakes *m, struct gh__text *t, unsigned line,
			 unsigned caret, unsigned first)
{
	struct gh_str text = gh__mistakes_line(m, line);
	unsigned column = 1, shown = 0, caret_at = 0;
	bool last_hidden = false;
	struct span spans[64];
	size_t span_count = hidden_in(m, line, spans, GH_COUNT_OF(spans));

	for (size_t i = 0; i < text.len && (!t || shown < first + LINE_SHOWN); column++) {
		size_t n = character(text, i);
		bool hidden = is_hidden(spans, span_count, line, column);
		char c[4];

		memcpy(c, text.at + i, n);
		/* A tab would put the caret out of place. */
		if (c[0] == '\t')
			c[0] = ' ';
		tame(c, n);
		i += n;
		shown -= hidden && last_hidden;
		if (column <= caret)
			caret_at = shown;
		if (t && shown >= first && !(hidden && last_hidden))
			gh__text_put(t, hidden ? GH_STR("…") : (struct gh_str){ c, n });
		shown++;
		last_hidden = hidden;
	}
	return column <= caret ? shown : caret_at;
}

/* The line and a caret under it. What is long is cut on both sides. */
static void quote(const struct gh__mistakes *m, struct gh__text *t, unsigned line, unsigned caret)
{
	unsigned at, first;

	if (gh__mistakes_line(m, line).len == 0)
		return;
	at = put_line(m, NULL, line, caret, 0);
	first = at > LINE_SHOWN * 3 / 4 ? at - LINE_SHOWN / 2 : 0;
	gh__text_printf(t, "%5u | %s", line, first ? "…" : "");
	put_line(m, t, line, caret, first);
	gh__text_put(t, GH_STR("\n      | "));
	gh__text_spaces(t, at - first + (first > 0));
	gh__text_put(t, GH_STR("^\n"));
}

static int in_file_order(const void *a, const void *b)
{
	const struct mistake *x = a, *y = b;

	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	if (x->column != y->column)
		return x->column < y->column ? -1 : 1;
	return x->order < y->order ? -1 : 1;
}

struct gh_str gh__mistakes_text(struct gh__mistakes *m)
{
	struct gh__text t = { 0 };

	qsort(m->kept, m->kept_count, sizeof(*m->kept), in_file_order);
	for (size_t i = 0; i < m->kept_count; i++) {
		const struct mistake *k = &m->kept[i];

		if (k->file.len)
			gh__text_printf(&t, GH_FMT ":", GH_ARG(k->file));
		if (k->line)
			gh__text_printf(&t, "%u:%u:", k->line, k->column);
		gh__text_printf(&t, "%s" GH_FMT "\n", t.len && t.at[t.len - 1] == ':' ? " " : "",
				GH_ARG(k->what));
		if (k->line && gh_str_eq(k->file, m->file))
			quote(m, &t, k->line, k->column);
	}
	if (m->count > m->kept_count)
		gh__text_printf(&t, "and %zu more\n", m->count - m->kept_count);
	return gh__text_finish(&t, &m->arena);
}
