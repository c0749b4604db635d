/*
 * One answer of JSON, made of the events of a stream: what the server would have sent had it not been
 * asked to stream. For /v1/chat/completions and /v1/completions, whose requests openai_splices_stream()
 * turned into ones that stream.
 *
 * What a stream leaves out cannot be put back: llama.cpp's says nothing of a text's end where the limit of
 * tokens cuts through a character, or through what may become a stop word. openai_body_tells_same() says
 * which requests are better not turned into streams at all.
 *
 * An assembly belongs to one answer and lives on its worker. Nothing that comes from the server is
 * trusted: memory, depth, choices and calls of tools have limits.
 */
#ifndef OPENAI_PROXY_ASSEMBLE_H
#define OPENAI_PROXY_ASSEMBLE_H

#include "usage.h"

enum openai_assembly_kind { OPENAI_ASSEMBLY_CHAT, OPENAI_ASSEMBLY_COMPLETION };

enum openai_assembly_state {
	OPENAI_ASSEMBLY_MORE,
	OPENAI_ASSEMBLY_FAILED, /* nothing will come of it: openai_assembly_end() says why */
};

struct openai_assembly;

/* `max`: the bytes of memory that it may hold while the stream lasts. What it holds grows by doubling,
 * so an answer of a quarter of that always fits. The JSON takes as much again, at the end. */
struct openai_assembly *openai_assembly_create(enum openai_assembly_kind kind, size_t max);
void openai_assembly_destroy(struct openai_assembly *a);

/* Once failed, it stays so, and the rest need not be fed. */
enum openai_assembly_state openai_assembly_feed(struct openai_assembly *a, struct gh_str slice);

/* Whether the stream said of itself that it is over: what may still come counts for nothing. */
bool openai_assembly_is_over(const struct openai_assembly *a);

/*
 * The stream came to its end as HTTP has it; one that broke is not asked. 0, with the JSON, which is good
 * until the assembly goes, and its status: 200, or that of an error that the stream told of. -1 and a
 * constant sentence for the client: it failed, or breaks off in the middle. Once only.
 */
int openai_assembly_end(struct openai_assembly *a, int *ret_status, struct gh_str *ret_json,
			const char **ret_why);

/* The tokens, as far as they are known; at any time. */
struct openai_usage openai_assembly_usage(const struct openai_assembly *a);

#endif
