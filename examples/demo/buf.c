#include "buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	SMALLEST = 512,
	KEEP = 16 << 10, /* an empty buffer of this size is kept for the next request */
};

void demo_buf_finish(struct demo_buf *buf)
{
	free(buf->bytes);
	*buf = (struct demo_buf){ 0 };
}

static void die(const char *why)
{
	fprintf(stderr, "gatehouse-demo-model: %s\n", why);
	abort();
}

char *demo_buf_room(struct demo_buf *buf, size_t len)
{
	size_t used = demo_buf_used(buf);
	size_t size = buf->size ? buf->size : SMALLEST;

	if (len > DEMO_BUF_LIMIT || used > DEMO_BUF_LIMIT - len)
		die("a buffer grew past its limit");
	if (buf->size - buf->end >= len && buf->bytes)
		return buf->bytes + buf->end;

	if (buf->start) {
		memmove(buf->bytes, buf->bytes + buf->start, used);
		buf->start = 0;
		buf->end = used;
	}
	while (size - used < len)
		size *= 2;
	if (size > buf->size) {
		char *bytes = realloc(buf->bytes, size);

		if (!bytes)
			die("out of memory");
		buf->bytes = bytes;
		buf->size = size;
	}
	return buf->bytes + buf->end;
}

void demo_buf_took(struct demo_buf *buf, size_t len)
{
	if (len > buf->size - buf->end)
		die("more bytes than there was room for");
	buf->end += len;
}

void demo_buf_add(struct demo_buf *buf, const void *bytes, size_t len)
{
	if (!len)
		return;
	memcpy(demo_buf_room(buf, len), bytes, len);
	demo_buf_took(buf, len);
}

void demo_buf_text(struct demo_buf *buf, const char *text)
{
	demo_buf_add(buf, text, strlen(text));
}

void demo_buf_print(struct demo_buf *buf, const char *format, ...)
{
	va_list args, again;
	int len;

	va_start(args, format);
	va_copy(again, args);
	len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (len < 0)
		die("a format that cannot be printed");
	/* vsnprintf writes a NUL behind the text: room for it, but it is not counted. */
	vsnprintf(demo_buf_room(buf, (size_t)len + 1), (size_t)len + 1, format, again);
	va_end(again);
	demo_buf_took(buf, (size_t)len);
}

void demo_buf_drop(struct demo_buf *buf, size_t len)
{
	if (len > demo_buf_used(buf))
		die("dropped more bytes than there were");
	buf->start += len;
	if (buf->start < buf->end)
		return;
	buf->start = buf->end = 0;
	if (buf->size > KEEP)
		demo_buf_finish(buf);
}
