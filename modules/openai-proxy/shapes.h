/*
 * What the chunks of a stream are made of, and how those of one answer come together: const tables.
 */
#ifndef OPENAI_PROXY_SHAPES_H
#define OPENAI_PROXY_SHAPES_H

#include "join.h"

extern const struct openai_shape openai_shape_chat;       /* of /v1/chat/completions */
extern const struct openai_shape openai_shape_completion; /* of /v1/completions */
/* The same, and `usage` and `timings` are left out. */
extern const struct openai_shape openai_shape_chat_uncounted, openai_shape_completion_uncounted;

#endif
