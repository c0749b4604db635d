#include "near.h"

enum { LONGEST = 64 };

struct openai_near openai_near_begin(struct gh_str word)
{
	/* Names of models differ in a digit or two, so a slip in four letters is the most. */
	size_t most = word.len < 8 ? 1 : word.len / 4;

	return (struct openai_near){ .word = word, .distance = (most > 4 ? 4 : most) + 1 };
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Bytes put in, left out or changed. Both words are short. */
static size_t distance(struct gh_str a, struct gh_str b)
{
	size_t rows[2][LONGEST + 1];
	size_t *last = rows[0], *now = rows[1];

	for (size_t j = 0; j <= b.len; j++)
		last[j] = j;
	for (size_t i = 1; i <= a.len; i++) {
		size_t *spare = last;
		now[0] = i;
		for (size_t j = 1; j <= b.len; j++) {
			bool differ = gh_lower(a.at[i - 1]) != gh_lower(b.at[j - 1]);
			now[j] = least(last[j - 1] + differ, least(last[j], now[j - 1]) + 1);
		}
		last = now;
		now = spare;
	}
	return last[b.len];
}

void openai_near_try(struct openai_near *n, struct gh_str candidate)
{
	if (n->word.len == 0 || n->word.len > LONGEST || candidate.len == 0 ||
	    candidate.len > LONGEST)
		return;

	size_t d = distance(n->word, candidate);

	if (d < n->distance && d < candidate.len) {
		n->distance = d;
		n->best = candidate;
	}
}
