#include "hold.h"

#include <stdio.h>
#include <stdlib.h>

void openai_hold_add(struct openai_hold *h, struct gh_str bytes)
{
	size_t least = 512, need = h->len + bytes.len;

	if (bytes.len == 0)
		return;
	if (need > h->room) {
		size_t room = h->room ? h->room : least;
		while (room < need)
			room *= 2;
		char *at = realloc(h->at, room);
		if (!at) {
			fprintf(stderr, "gatehouse: openai-proxy: out of memory: %zu bytes\n",
				room);
			abort();
		}
		h->at = at;
		h->room = room;
	}
	memcpy(h->at + h->len, bytes.at, bytes.len);
	h->len = need;
}

void openai_hold_free(struct openai_hold *h)
{
	free(h->at);
	*h = (struct openai_hold){ .at = NULL };
}
