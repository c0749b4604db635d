#include "core/config/near.h"

enum { LONGEST = 40 };

struct gh__near gh__near_begin(struct gh_str word)
{
	/* One slip in three letters, and never more than three: past that it is another word. */
	unsigned most = word.len < 4 ? 1 : (unsigned)(word.len / 3);

	return (struct gh__near){ .word = word, .distance = (most > 3 ? 3 : most) + 1 };
}

/* `-` and `_` are one letter here: they are what people mix up first. */
static char folded(char c)
{
	return c == '_' ? '-' : gh_lower(c);
}

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Letters put in, left out, changed or swapped with their neighbour. Both words are short. */
static unsigned distance(struct gh_str a, struct gh_str b)
{
	unsigned rows[3][LONGEST + 1];
	unsigned *before = rows[0], *last = rows[1], *now = rows[2];

	for (unsigned j = 0; j <= b.len; j++)
		last[j] = j;
	for (unsigned i = 1; i <= a.len; i++) {
		now[0] = i;
		for (unsigned j = 1; j <= b.len; j++) {
			char x = folded(a.at[i - 1]), y = folded(b.at[j - 1]);
			unsigned d = last[j - 1] + (x != y);

			d = least(d, least(last[j], now[j - 1]) + 1);
			if (i > 1 && j > 1 && x == folded(b.at[j - 2]) && y == folded(a.at[i - 2]))
				d = least(d, before[j - 2] + 1);
			now[j] = d;
		}
		unsigned *spare = before;
		before = last;
		last = now;
		now = spare;
	}
	return last[b.len];
}

void gh__near_try(struct gh__near *n, struct gh_str candidate)
{
	if (n->word.len == 0 || n->word.len > LONGEST || candidate.len == 0 ||
	    candidate.len > LONGEST)
		return;
	unsigned d = distance(n->word, candidate);
	/* A word of three letters that keeps none of them is not near. */
	if (d < n->distance && d < candidate.len) {
		n->distance = d;
		n->best = candidate;
	}
}
