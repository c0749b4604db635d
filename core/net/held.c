#include "core/net/held.h"

#include "core/base/memory.h"

void gh__held_keep(struct gh__held *h, const char *at, size_t len)
{
	if (h->bytes && at >= h->bytes && at <= h->bytes + h->to) {
		h->from = (uint32_t)(at - h->bytes);
		return;
	}
	GH_CHECK(h->from == h->to);
	if (len > h->room) {
		gh__free(h->bytes);
		h->bytes = gh__alloc(len);
		h->room = (uint32_t)len;
	}
	memcpy(h->bytes, at, len);
	h->from = 0;
	h->to = (uint32_t)len;
}

void gh__held_add(struct gh__held *h, const char *at, size_t len)
{
	uint32_t have = h->to - h->from;

	if (h->room - h->to < len) {
		uint32_t room = (uint32_t)(have + len) * 2;
		char *more = gh__alloc(room);
		memcpy(more, h->bytes + h->from, have);
		gh__free(h->bytes);
		*h = (struct gh__held){ more, 0, have, room };
	}
	memcpy(h->bytes + h->to, at, len);
	h->to += (uint32_t)len;
}

void gh__held_drop(struct gh__held *h)
{
	gh__free(h->bytes);
	*h = (struct gh__held){ 0 };
}
