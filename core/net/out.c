#include "core/net/out.h"

void gh__out_flush(struct gh__out *o)
{
	struct gh__pump *to = o->to;

	o->to = NULL;
	if (o->count)
		gh__pump_write(to, o->pieces, o->count);
	o->count = 0;
	o->used = 0;
}

void gh__out_add_slow(struct gh__out *o, struct gh__pump *to, const char *at, size_t len)
{
	if (o->to != to && o->to)
		gh__out_flush(o);
	o->to = to;
	while (len) {
		if (o->count == GH__OUT_PIECES ||
		    (len < GH__OUT_COPY && len > GH__OUT_ROOM - o->used)) {
			gh__out_flush(o);
			o->to = to;
		}
		if (len >= GH__OUT_COPY) {
			o->pieces[o->count++] = (struct iovec){ (void *)(uintptr_t)at, len };
			return;
		}
		memcpy(o->text + o->used, at, len);
		o->pieces[o->count++] = (struct iovec){ o->text + o->used, len };
		o->used += len;
		return;
	}
}
