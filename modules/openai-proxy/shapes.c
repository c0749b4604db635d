#include "shapes.h"

/* A function that is called, a custom tool, spoken words: what is text in there comes in pieces. */
static const struct openai_shape_member called_members[] = {
	{ "id", { OPENAI_JOIN_LAST, NULL }, NULL },
	{ "name", { OPENAI_JOIN_NAME, NULL }, NULL },
	{ NULL, { OPENAI_JOIN_LAST, NULL }, NULL },
};
static const struct openai_shape called = { called_members, { OPENAI_JOIN_TEXT, NULL } };

static const struct openai_shape_member tool_members[] = {
	{ "index", { OPENAI_JOIN_DROP, NULL }, NULL },
	{ "id", { OPENAI_JOIN_LAST, NULL }, NULL },
	{ "type", { OPENAI_JOIN_LAST, NULL }, NULL },
	{ "function", { OPENAI_JOIN_ANY, &called }, NULL },
	{ "custom", { OPENAI_JOIN_ANY, &called }, NULL },
	{ NULL, { OPENAI_JOIN_LAST, NULL }, NULL },
};
static const struct openai_shape tool = { tool_members, { OPENAI_JOIN_ANY, &called } };

/* A string that is not known here is a piece of a text: that is what a delta is. */
static const struct openai_shape_member delta_members[] = {
	{ "role", { OPENAI_JOIN_LAST, NULL }, NULL },
	{ "content", { OPENAI_JOIN_TEXT, NULL }, NULL },
	{ "refusal", { OPENAI_JOIN_TEXT, NULL }, NULL },
	{ "tool_calls", { OPENAI_JOIN_INDEXED, &tool }, NULL },
	{ "function_call", { OPENAI_JOIN_ANY, &called }, NULL },
	{ "audio", { OPENAI_JOIN_ANY, &called }, NULL },
	{ NULL, { OPENAI_JOIN_LAST, NULL }, NULL },
};
static const struct openai_shape delta = { delta_members, { OPENAI_JOIN_TEXT, NULL } };

static const struct openai_shape logprobs = { NULL, { OPENAI_JOIN_LIST, NULL } };

static const struct openai_shape_member chat_choice_members[] = {
	{ "index", { OPENAI_JOIN_DROP, NULL }, NULL },
	{ "delta", { OPENAI_JOIN_MEMBERS, &delta }, "message" },
	{ "message", { OPENAI_JOIN_DROP, NULL }, NULL }, /* some tell all of it again */
	{ "logprobs", { OPENAI_JOIN_ANY, &logprobs }, NULL },
	{ "finish_reason", { OPENAI_JOIN_LAST, NULL }, NULL },
	{ NULL, { OPENAI_JOIN_LAST, NULL }, NULL },
};
static const struct openai_shape chat_choice = { chat_choice_members, { OPENAI_JOIN_LIST, NULL } };

static const struct openai_shape_member text_choice_members[] = {
	{ "index", { OPENAI_JOIN_DROP, NULL }, NULL },
	{ "text", { OPENAI_JOIN_TEXT, NULL }, NULL },
	{ "logprobs", { OPENAI_JOIN_ANY, &logprobs }, NULL },
	{ "finish_reason", { OPENAI_JOIN_LAST, NULL }, NULL },
	{ NULL, { OPENAI_JOIN_LAST, NULL }, NULL },
};
static const struct openai_shape text_choice = { text_choice_members, { OPENAI_JOIN_LIST, NULL } };

/* Only streams have `obfuscation`, OpenAI's padding against those who measure packets, and
 * `prompt_progress`, llama.cpp's word on how far it has read. */
static const struct openai_shape_member chat_members[] = {
	{ "choices", { OPENAI_JOIN_INDEXED, &chat_choice }, NULL },
	{ "object", { OPENAI_JOIN_LAST, NULL }, NULL },
	{ "usage", { OPENAI_JOIN_LAST, NULL }, NULL },
	{ "timings", { OPENAI_JOIN_LAST, NULL }, NULL },
	{ "obfuscation", { OPENAI_JOIN_DROP, NULL }, NULL },
	{ "prompt_progress", { OPENAI_JOIN_DROP, NULL }, NULL },
	{ NULL, { OPENAI_JOIN_LAST, NULL }, NULL },
};
static const struct openai_shape_member chat_uncounted_members[] = {
	{ "choices", { OPENAI_JOIN_INDEXED, &chat_choice }, NULL },
	{ "object", { OPENAI_JOIN_LAST, NULL }, NULL },
	{ "usage", { OPENAI_JOIN_DROP, NULL }, NULL },
	{ "timings", { OPENAI_JOIN_DROP, NULL }, NULL },
	{ "obfuscation", { OPENAI_JOIN_DROP, NULL }, NULL },
	{ "prompt_progress", { OPENAI_JOIN_DROP, NULL }, NULL },
	{ NULL, { OPENAI_JOIN_LAST, NULL }, NULL },
};

static const struct openai_shape_member completion_members[] = {
	{ "choices", { OPENAI_JOIN_INDEXED, &text_choice }, NULL },
	{ "object", { OPENAI_JOIN_LAST, NULL }, NULL },
	{ "usage", { OPENAI_JOIN_LAST, NULL }, NULL },
	{ "timings", { OPENAI_JOIN_LAST, NULL }, NULL },
	{ "obfuscation", { OPENAI_JOIN_DROP, NULL }, NULL },
	{ "prompt_progress", { OPENAI_JOIN_DROP, NULL }, NULL },
	{ NULL, { OPENAI_JOIN_LAST, NULL }, NULL },
};
static const struct openai_shape_member completion_uncounted_members[] = {
	{ "choices", { OPENAI_JOIN_INDEXED, &text_choice }, NULL },
	{ "object", { OPENAI_JOIN_LAST, NULL }, NULL },
	{ "usage", { OPENAI_JOIN_DROP, NULL }, NULL },
	{ "timings", { OPENAI_JOIN_DROP, NULL }, NULL },
	{ "obfuscation", { OPENAI_JOIN_DROP, NULL }, NULL },
	{ "prompt_progress", { OPENAI_JOIN_DROP, NULL }, NULL },
	{ NULL, { OPENAI_JOIN_LAST, NULL }, NULL },
};

const struct openai_shape openai_shape_chat = { chat_members, { OPENAI_JOIN_LAST, NULL } };
const struct openai_shape openai_shape_chat_uncounted = { chat_uncounted_members,
							  { OPENAI_JOIN_LAST, NULL } };
const struct openai_shape openai_shape_completion = { completion_members,
						      { OPENAI_JOIN_LAST, NULL } };
const struct openai_shape openai_shape_completion_uncounted = { completion_uncounted_members,
								{ OPENAI_JOIN_LAST, NULL } };
