/*
 * The mistakes of one reading of a config: each with its place, its mend, the line and a caret.
 * Owned by whoever reads; one thread. Bounded: past 50 it counts.
 */
#ifndef GATEHOUSE_CORE_CONFIG_MISTAKE_H
#define GATEHOUSE_CORE_CONFIG_MISTAKE_H

#include <gatehouse/base.h>

struct gh__place;
struct gh__mistakes;

struct gh__mistakes *gh__mistakes_create(void);
void gh__mistakes_destroy(struct gh__mistakes *m); /* takes NULL */
/* `place` may have line 0: a mistake of the file as a whole. */
void gh__mistake(struct gh__mistakes *m, const struct gh__place *place, const char *format, ...)
	GH_PRINTF(3, 4);
/* The file that is read, so that its lines can be quoted: both are copied. Lines of other files are
 * not quoted. */
void gh__mistakes_source(struct gh__mistakes *m, const char *file, struct gh_str bytes);
/* Never quotes these characters of the source, up to before the end: a secret, or what may be one. */
void gh__mistakes_hide(struct gh__mistakes *m, unsigned line, unsigned column, unsigned end_line,
		       unsigned end_column);
/* The text of a line of the source without its end, empty past the last. */
struct gh_str gh__mistakes_line(const struct gh__mistakes *m, unsigned line);
/* The whole source, for gh__next_line(): cuts a line off the front; false: there is none. */
struct gh_str gh__mistakes_lines(const struct gh__mistakes *m);
bool gh__next_line(struct gh_str *rest, struct gh_str *ret_line);
size_t gh__mistakes_count(const struct gh__mistakes *m);
/* All as text: `file:line:column: what; mend`, the line and a caret under it, in file order. Lives
 * as long as `m`. */
struct gh_str gh__mistakes_text(struct gh__mistakes *m);

#endif
