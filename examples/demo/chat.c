#include "chat.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
	EXCERPT = 60, /* characters of the question that are said back */
	PIECE = 8,    /* the longest token, in characters */
};

static const char introduction[] =
	"I am not a model, only a small stand-in that says the same to everyone, "
	"but I can tell you what you just saw.\n\n";

static const char forwarded[] =
	"Your question knocked at Gatehouse, and the chain in gateway.yaml looked at it in order: "
	"`ratelimit` counted it, `basic-auth` checked the key and kept it to itself, and "
	"`openai-proxy` handed the question on to me. My words take the same way back, each in "
	"the moment it is made: nothing on the way waits for the end. Press Stop in the middle of "
	"an answer, and I stop too, at once, as a real model would to free its GPU.\n\n"
	"Put LM Studio, Ollama, llama.cpp or vLLM in my place, and this is your private AI cloud.";

static const char direct[] =
	"You asked me directly, with no gateway between us: nothing counted the request and "
	"nothing asked for a key. Anyone who reaches my port can do the same, which is why a model "
	"server "
	"belongs behind Gatehouse. Ask through it, and I have another story to tell.";

struct demo_chat *demo_chat_create(const struct demo_ask *ask, enum demo_origin origin,
				   uint64_t number, int64_t created)
{
	struct demo_chat *chat = calloc(1, sizeof(*chat));

	if (!chat)
		abort();
	chat->max_tokens = ask->max_tokens;
	chat->prompt_tokens = ask->words;
	chat->include_usage = ask->include_usage;
	chat->number = number;
	chat->created = created;
	if (ask->question_len) {
		struct demo_buf excerpt = { 0 };

		demo_json_excerpt(&excerpt, ask->question, ask->question_len, EXCERPT);
		if (demo_buf_used(&excerpt))
			demo_buf_print(&chat->text, "You asked: “%.*s” ",
				       (int)demo_buf_used(&excerpt), excerpt.bytes);
		demo_buf_finish(&excerpt);
	}
	demo_buf_text(&chat->text, introduction);
	demo_buf_text(&chat->text, origin == DEMO_FORWARDED ? forwarded : direct);
	return chat;
}

void demo_chat_destroy(struct demo_chat *chat)
{
	if (!chat)
		return;
	demo_buf_finish(&chat->text);
	free(chat);
}

static bool is_space(char c)
{
	return c == ' ' || c == '\n';
}

/* The next token: white space and then a word, or a piece of a long one, never half a character. */
static size_t next_token(const struct demo_chat *chat)
{
	const char *at = chat->text.bytes + chat->said;
	size_t most = demo_buf_used(&chat->text) - chat->said, len = 0;
	unsigned count = 0;

	if (chat->max_tokens && chat->tokens == chat->max_tokens)
		return 0;
	while (len < most && is_space(at[len]))
		len++;
	for (; len < most && !is_space(at[len]); len++)
		if (((unsigned char)at[len] & 0xc0) != 0x80 && count++ == PIECE)
			break;
	return len;
}

static void take_token(struct demo_chat *chat, size_t len)
{
	chat->said += len;
	chat->tokens++;
}

static const char *finish_reason(const struct demo_chat *chat)
{
	return chat->said < demo_buf_used(&chat->text) ? "\"length\"" : "\"stop\"";
}

static void print_opening(const struct demo_chat *chat, const char *object, struct demo_buf *json)
{
	demo_buf_print(json,
		       "{\"id\":\"chatcmpl-demo-%" PRIx64 "-%" PRIu64 "\",\"object\":\"%s\","
		       "\"created\":%" PRId64 ",\"model\":\"" DEMO_MODEL "\","
		       "\"system_fingerprint\":\"gatehouse-demo\",\"choices\":[",
		       (uint64_t)chat->created, chat->number, object, chat->created);
}

static void print_usage(const struct demo_chat *chat, struct demo_buf *json)
{
	demo_buf_print(json,
		       "\"usage\":{\"prompt_tokens\":%u,\"completion_tokens\":%u,"
		       "\"total_tokens\":%u}",
		       chat->prompt_tokens, chat->tokens, chat->prompt_tokens + chat->tokens);
}

void demo_chat_whole(struct demo_chat *chat, struct demo_buf *ret_json)
{
	size_t len;

	while ((len = next_token(chat)))
		take_token(chat, len);
	print_opening(chat, "chat.completion", ret_json);
	demo_buf_text(ret_json, "{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":");
	demo_json_string(ret_json, chat->text.bytes, chat->said);
	demo_buf_print(ret_json, ",\"refusal\":null},\"logprobs\":null,\"finish_reason\":%s}],",
		       finish_reason(chat));
	print_usage(chat, ret_json);
	demo_buf_text(ret_json, "}");
}

static void print_chunk(const struct demo_chat *chat, const char *delta, const char *finish,
			struct demo_buf *event)
{
	print_opening(chat, "chat.completion.chunk", event);
	demo_buf_print(event,
		       "{\"index\":0,\"delta\":{%s},\"logprobs\":null,\"finish_reason\":%s}]",
		       delta, finish);
	/* Those who asked for usage get a null in every chunk until the one that has it. */
	demo_buf_text(event, chat->include_usage ? ",\"usage\":null}" : "}");
}

/* A token, or the end when there is none left. */
static void print_token(struct demo_chat *chat, struct demo_buf *event)
{
	size_t len = next_token(chat);
	struct demo_buf delta = { 0 };

	if (!len) {
		print_chunk(chat, "", finish_reason(chat), event);
		chat->next = chat->include_usage ? DEMO_CHAT_USAGE : DEMO_CHAT_DONE;
		return;
	}
	demo_buf_text(&delta, "\"content\":");
	demo_json_string(&delta, chat->text.bytes + chat->said, len);
	demo_buf_add(&delta, "", 1);
	print_chunk(chat, delta.bytes, "null", event);
	demo_buf_finish(&delta);
	take_token(chat, len);
}

bool demo_chat_event(struct demo_chat *chat, struct demo_buf *ret_event)
{
	if (chat->next == DEMO_CHAT_NOTHING)
		return false;
	demo_buf_text(ret_event, "data: ");
	switch (chat->next) {
	case DEMO_CHAT_ROLE:
		print_chunk(chat, "\"role\":\"assistant\",\"content\":\"\"", "null", ret_event);
		chat->next = DEMO_CHAT_TOKEN;
		break;
	case DEMO_CHAT_TOKEN:
		print_token(chat, ret_event);
		break;
	case DEMO_CHAT_USAGE:
		print_opening(chat, "chat.completion.chunk", ret_event);
		demo_buf_text(ret_event, "],");
		print_usage(chat, ret_event);
		demo_buf_text(ret_event, "}");
		chat->next = DEMO_CHAT_DONE;
		break;
	case DEMO_CHAT_DONE:
		demo_buf_text(ret_event, "[DONE]");
		chat->next = DEMO_CHAT_NOTHING;
		break;
	case DEMO_CHAT_NOTHING:
		break;
	}
	demo_buf_text(ret_event, "\n\n");
	return true;
}
