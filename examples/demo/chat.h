/*
 * The answer to a chat request in OpenAI's shapes: whole, or as a stream of SSE events. Pure.
 * A connection owns the answer that it streams.
 */
#ifndef DEMO_CHAT_H
#define DEMO_CHAT_H

#include "json.h"

#include <stdint.h>

#define DEMO_MODEL "local-llm"

/* What the stream tells next. */
enum demo_chat_next {
	DEMO_CHAT_ROLE,
	DEMO_CHAT_TOKEN,
	DEMO_CHAT_USAGE,
	DEMO_CHAT_DONE,
	DEMO_CHAT_NOTHING,
};

struct demo_chat {
	struct demo_buf text;
	size_t said;     /* bytes of the text that were told */
	unsigned tokens; /* told so far */
	unsigned max_tokens;
	unsigned prompt_tokens;
	bool include_usage;
	enum demo_chat_next next;
	uint64_t number; /* makes the id */
	int64_t created;
};

enum demo_origin {
	DEMO_DIRECT, /* asked without a gateway between */
	DEMO_FORWARDED,
};

struct demo_chat *demo_chat_create(const struct demo_ask *ask, enum demo_origin origin,
				   uint64_t number, int64_t created);
void demo_chat_destroy(struct demo_chat *chat);

/* The whole answer as one `chat.completion`. */
void demo_chat_whole(struct demo_chat *chat, struct demo_buf *ret_json);

/* The next event of the stream, `data: [DONE]` last; false when there is none left. */
bool demo_chat_event(struct demo_chat *chat, struct demo_buf *ret_event);

#endif
