/*
 * A growing run of bytes: what was read and not yet understood, what is to be written and was
 * not yet taken. Whoever embeds one owns it; the demo has one thread.
 *
 * Growing past DEMO_BUF_LIMIT ends the process: everything that a client can drive is checked
 * against a smaller limit first, so reaching this one is our own mistake.
 */
#ifndef DEMO_BUF_H
#define DEMO_BUF_H

#include <stddef.h>

enum { DEMO_BUF_LIMIT = 4 << 20 };

struct demo_buf {
	char *bytes;
	size_t start, end; /* bytes[start..end) is in use */
	size_t size;
};

void demo_buf_finish(struct demo_buf *buf);

static inline size_t demo_buf_used(const struct demo_buf *buf)
{
	return buf->end - buf->start;
}

static inline const char *demo_buf_at(const struct demo_buf *buf)
{
	return buf->bytes ? buf->bytes + buf->start : "";
}

/* Make room for `len` bytes at the end and return where they go; demo_buf_took() counts them. */
char *demo_buf_room(struct demo_buf *buf, size_t len);
void demo_buf_took(struct demo_buf *buf, size_t len);

void demo_buf_add(struct demo_buf *buf, const void *bytes, size_t len);
void demo_buf_text(struct demo_buf *buf, const char *text);
void demo_buf_print(struct demo_buf *buf, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Take `len` bytes off the front. Memory goes back when a large buffer becomes empty. */
void demo_buf_drop(struct demo_buf *buf, size_t len);

#endif
