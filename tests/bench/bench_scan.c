/*
 * How quickly a large body is read for what it asks, and given on with a few bytes changed: gigabytes a
 * second for bodies of 10 MB, and what is allocated for it. The way of a request without the sockets.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "modules/openai-proxy/name.h"
#include "modules/openai-proxy/splice.h"

enum { SIZE = 10 << 20, TIMES = 40 };

/* ---- allocations, counted ---- */

void *__libc_malloc(size_t size);
static unsigned long allocations;

void *malloc(size_t size)
{
	allocations++;
	return __libc_malloc(size);
}

/* ---- bodies ---- */

static const char head[] = "{\"messages\":[{\"role\":\"user\",\"content\":";
static const char tail[] = "}],\"stream\":true,\"model\":\"local-llm\"}";

/* `unit` again and again between `open` and `close`, to about SIZE. */
static struct gh_str make(const char *open, const char *unit, const char *close)
{
	size_t len = strlen(unit), room = SIZE + sizeof head + sizeof tail + 2 * len + 64, at;
	char *text = calloc(1, room);

	at = (size_t)snprintf(text, room, "%s%s", head, open);
	while (at < SIZE) {
		memcpy(text + at, unit, len);
		at += len;
	}
	at += (size_t)snprintf(text + at, room - at, "%s%s", close, tail);
	return (struct gh_str){ text, at };
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Returns how many bytes go on. */
static size_t once(struct gh_str bytes, const struct openai_name *name)
{
	struct openai_body body;
	struct openai_fault fault;
	struct openai_splices s;
	struct openai_splice_cursor cursor = { 0 };
	struct gh_str piece;
	size_t len = 0;

	if (openai_body_read(bytes, &body, &fault)) {
		fprintf(stderr, "scan: the body is refused at %zu\n", fault.at.offset);
		exit(1);
	}
	openai_splices_init(&s, &body);
	openai_splices_model(&s, name);
	openai_splices_ask_usage(&s);
	while (openai_splices_next(&s, &cursor, &piece))
		len += piece.len;
	return len == openai_splices_length(&s) ? len : 0;
}

int main(void)
{
	static const struct {
		const char *what, *open, *unit, *close;
	} shapes[] = {
		{ "an image",
		  "[{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,",
		  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ", "\"}}]" },
		{ "a long text", "\"",
		  "The gate opens at seven, and who has a key walks through it.\\n", "\"" },
		{ "a text not in English", "\"",
		  "Das Tor \xc3\xb6"
		  "ffnet um sieben. "
		  "\xe9\x96\x80\xe3\x81\xaf\xe4\xb8\x83\xe6\x99\x82\xe3\x81\xab\xe9\x96\x8b\xe3\x81"
		  "\x8f\xe3\x80\x82 ",
		  "\"" },
		{ "many short parts", "[",
		  "{\"type\":\"text\",\"text\":\"yes\"},{\"type\":\"text\",\"text\":\"no\"},",
		  "{\"type\":\"text\",\"text\":\"\"}]" },
	};
	struct openai_name name;
	char room[OPENAI_NAME_JSON];

	if (openai_name_make(GH_STR("qwen/qwen2.5-7b-instruct"), room, &name))
		return 1;
	for (size_t i = 0; i < GH_COUNT_OF(shapes); i++) {
		struct gh_str bytes = make(shapes[i].open, shapes[i].unit, shapes[i].close);
		double best = 1e9;
		unsigned long before = allocations;
		for (int n = 0; n < TIMES; n++) {
			double start = now();
			if (!once(bytes, &name))
				return 1;
			double took = now() - start;
			best = took < best ? took : best;
		}
		printf("%-22s %5.2f GB/s, %lu allocations\n", shapes[i].what,
		       (double)bytes.len / best / 1e9, allocations - before);
		free((void *)(uintptr_t)bytes.at);
	}
	return 0;
}
