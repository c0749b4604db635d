/* Tokens counted from answers as servers write them, however they are cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "modules/openai-proxy/usage.h"

#include "tests/modules/openai_proxy_cuts.h"

static void feed_meter(void *to, struct gh_str slice)
{
	openai_meter_feed(to, slice);
}

enum {
	J = OPENAI_ANSWER_JSON,
	S = OPENAI_ANSWER_STREAM,
	NONE = OPENAI_USAGE_NONE,
	REPORTED = OPENAI_USAGE_REPORTED,
	TIMINGS = OPENAI_USAGE_TIMINGS,
	COUNTED = OPENAI_USAGE_COUNTED,
	ENDED = 1,
	FAILED = 2,
};

struct answer {
	const char *what;
	unsigned kind; /* enum openai_answer */
	const char *text;
	unsigned from;
	int64_t input, cached, output;
	uint64_t chunks;
	unsigned flags;
};

static void expect(const struct answer *a, const struct openai_meter *m, size_t way)
{
	struct openai_usage u = openai_meter_usage(m);

	if ((unsigned)u.from != a->from || u.input != a->input || u.cached != a->cached ||
	    u.output != a->output)
		fail_msg("%s, way %zu: from %d, input %lld, cached %lld, output %lld", a->what, way,
			 (int)u.from, (long long)u.input, (long long)u.cached, (long long)u.output);
	if (m->chunks != a->chunks)
		fail_msg("%s, way %zu: %llu chunks", a->what, way, (unsigned long long)m->chunks);
	if (m->ended != !!(a->flags & ENDED) || m->failed != !!(a->flags & FAILED))
		fail_msg("%s, way %zu: ended %d, failed %d", a->what, way, m->ended, m->failed);
}

static void measure(const struct answer *answers, size_t count)
{
	struct openai_meter m;

	for (size_t i = 0; i < count; i++) {
		struct gh_str text = gh_str(answers[i].text);

		for (size_t way = 0; way < cut_ways(text.len); way++) {
			openai_meter_init(&m, (enum openai_answer)answers[i].kind);
			cut_way(feed_meter, &m, text, way);
			expect(&answers[i], &m, way);
			assert_null(m.sse.kept.at);
			openai_meter_finish(&m);
		}
	}
}

/* ---- Whole streams ---- */

#define OPENAI_HEAD \
	"data: " \
	"{\"id\":\"chatcmpl-BxYz\",\"object\":\"chat.completion.chunk\",\"created\":1763865600," \
	"\"model\":\"gpt-4o-2024-08-06\",\"service_tier\":\"default\",\"system_fingerprint\":" \
	"\"fp_a\","
#define OPENAI_CHUNK(delta, reason) \
	OPENAI_HEAD "\"choices\":[{\"index\":0,\"delta\":" delta \
		    ",\"logprobs\":null,\"finish_reason\":" reason "}],\"usage\":null}\n\n"
#define OPENAI_USAGE \
	OPENAI_HEAD "\"choices\":[],\"usage\":{\"prompt_tokens\":19,\"completion_tokens\":10," \
		    "\"total_tokens\":29,\"prompt_tokens_details\":{\"cached_tokens\":16," \
		    "\"audio_tokens\":0},\"completion_tokens_details\":{\"reasoning_tokens\":4," \
		    "\"audio_tokens\":0,\"accepted_prediction_tokens\":0}}}\n\n"
#define DONE "data: [DONE]\n\n"
#define OPENAI_TEXT \
	OPENAI_CHUNK("{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null}", "null") \
	OPENAI_CHUNK("{\"content\":\"Hello\"}", "null") \
	OPENAI_CHUNK("{\"content\":\" \\\"world\\\"\"}", "null") \
	OPENAI_CHUNK("{\"content\":\"\\n\"}", "null")

#define LLAMA(choices) \
	"data: {\"choices\":[" choices "],\"created\":1763865600,\"id\":\"chatcmpl-q\",\"model\":" \
	"\"smollm2\",\"system_fingerprint\":\"b11669\",\"object\":\"chat.completion.chunk\""
#define LLAMA_TEXT(text) \
	LLAMA("{\"finish_reason\":null,\"index\":0,\"delta\":{\"content\":" text "}}") "}\n\n"
#define LLAMA_TIMINGS \
	",\"timings\":{\"cache_n\":5,\"prompt_n\":26,\"prompt_ms\":81.7,\"prompt_per_token_ms\":" \
	"2.6," \
	"\"predicted_n\":8,\"predicted_ms\":75.125,\"predicted_per_second\":106.5}}\n\n"
#define LLAMA_LAST LLAMA("{\"finish_reason\":\"stop\",\"index\":0,\"delta\":{}}")

#define ANTHROPIC_START(usage) \
	"event: message_start\ndata: " \
	"{\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"type\"" \
	":\"message\",\"role\":\"assistant\",\"model\":\"claude-x\",\"content\":[],\"stop_" \
	"reason\":" \
	"null,\"stop_sequence\":null,\"usage\":" usage "}}\n\n"
#define ANTHROPIC_TEXT(text) \
	"event: content_block_delta\ndata: " \
	"{\"type\":\"content_block_delta\",\"index\":0,\"delta\":" \
	"{\"type\":\"text_delta\",\"text\":\"" text "\"}}\n\n"
#define ANTHROPIC_BODY \
	"event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0," \
	"\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n" \
	"event: ping\ndata: {\"type\": \"ping\"}\n\n" ANTHROPIC_TEXT("Hello") \
		ANTHROPIC_TEXT("!") "event: content_block_stop\ndata: " \
				    "{\"type\":\"content_block_stop\",\"index\":0}\n\n"
#define ANTHROPIC_DELTA(usage) \
	"event: message_delta\ndata: " \
	"{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"," \
	"\"stop_sequence\":null},\"usage\":" usage "}\n\n"
#define ANTHROPIC_STOP "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"

#define RESPONSE_EVENT(name, rest) "event: " name "\ndata: {\"type\":\"" name "\"," rest "}\n\n"
#define RESPONSE_BODY \
	RESPONSE_EVENT("response.created", \
		       "\"response\":{\"id\":\"r\",\"output\":[],\"usage\":null}") \
	RESPONSE_EVENT("response.content_part.added", \
		       "\"part\":{\"type\":\"output_text\",\"text\":\"\"}") \
	RESPONSE_EVENT("response.output_text.delta", "\"output_index\":0,\"delta\":\"Hi\"") \
	RESPONSE_EVENT("response.output_text.delta", "\"output_index\":0,\"delta\":\" there\"") \
	RESPONSE_EVENT("response.output_text.done", "\"text\":\"Hi there\"") \
	RESPONSE_EVENT("response.content_part.done", "\"part\":{\"text\":\"Hi there\"}")
#define RESPONSE_LAST(how) \
	RESPONSE_EVENT("response." how, \
		       "\"response\":{\"id\":\"r\",\"status\":\"" how "\",\"output\":[{" \
		       "\"type\":\"message\",\"content\":[{\"type\":\"output_text\",\"text\":" \
		       "\"Hi there\"}]}],\"usage\":{" \
		       "\"input_tokens\":37,\"input_tokens_details\":{\"cached_tokens\":32}," \
		       "\"output_tokens\":11," \
		       "\"output_tokens_details\":{\"reasoning_tokens\":0},\"total_tokens\":48}," \
		       "\"user\":null}")

static const struct answer streams[] = {
	{ "OpenAI", S, OPENAI_TEXT OPENAI_CHUNK("{}", "\"stop\"") OPENAI_USAGE DONE, REPORTED, 19,
	  16, 10, 3, ENDED },
	{ "OpenAI, not asked", S, OPENAI_TEXT OPENAI_CHUNK("{}", "\"stop\"") DONE, COUNTED, -1, 0,
	  3, 3, ENDED },
	{ "OpenAI, cut", S, OPENAI_TEXT, COUNTED, -1, 0, 3, 3, 0 },
	{ "OpenAI, cut in a chunk", S,
	  OPENAI_TEXT "data: {\"choices\":[{\"delta\":{\"content\":\"x", COUNTED, -1, 0, 3, 3, 0 },
	{ "OpenAI, cut after the usage", S, OPENAI_TEXT OPENAI_USAGE, REPORTED, 19, 16, 10, 3, 0 },
	{ "OpenAI's tools", S,
	  OPENAI_CHUNK(
		  "{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"index\":0,\"id\":"
		  "\"call_1\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":"
		  "\"\"}}]}",
		  "null")
		  OPENAI_CHUNK(
			  "{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"{\\\"\"}}]}",
			  "null")
			  OPENAI_CHUNK("{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":"
				       "\"usage\\\":{}}\"}}]}",
				       "null") DONE,
	  COUNTED, -1, 0, 2, 2, ENDED },
	{ "Azure", S,
	  "data: {\"choices\":[],\"created\":0,\"id\":\"\",\"model\":\"\",\"object\":\"\","
	  "\"prompt_filter_results\":[{\"prompt_index\":0,\"content_filter_results\":{\"hate\":{"
	  "\"filtered\":false,\"severity\":\"safe\"}}}]}\n\n"
	  "data: {\"choices\":[{\"content_filter_results\":{},\"delta\":{\"content\":\"\",\"role\":"
	  "\"assistant\"},\"finish_reason\":null,\"index\":0}],\"id\":\"c\",\"usage\":null}\n\n"
	  "data: {\"choices\":[{\"content_filter_results\":{},\"delta\":{\"content\":\"Hi\"},"
	  "\"finish_reason\":null,\"index\":0}],\"id\":\"c\",\"usage\":null}\n\n"
	  "data: {\"choices\":[],\"id\":\"c\",\"usage\":{\"completion_tokens\":2,"
	  "\"completion_tokens_details\":{\"reasoning_tokens\":0},\"prompt_tokens\":8,"
	  "\"prompt_tokens_details\":{\"cached_tokens\":0},\"total_tokens\":10}}\n\n" DONE,
	  REPORTED, 8, 0, 2, 1, ENDED },
	{ "llama.cpp", S,
	  LLAMA_TEXT("null") LLAMA_TEXT("\"The\"") LLAMA_TEXT("\" end\"") LLAMA_LAST
	  "}\n\n" LLAMA("") ",\"usage\":{\"completion_tokens\":8,\"prompt_tokens\":31,\"total_"
			    "tokens\":39,"
			    "\"prompt_tokens_details\":{\"cached_tokens\":5}}" LLAMA_TIMINGS DONE,
	  REPORTED, 31, 5, 8, 2, ENDED },
	{ "llama.cpp, not asked", S,
	  ":\n\n" LLAMA_TEXT("null") LLAMA_TEXT("\"The\"") LLAMA_LAST LLAMA_TIMINGS DONE, TIMINGS,
	  31, 5, 8, 1, ENDED },
	{ "llama.cpp's own end", S,
	  "data: {\"index\":0,\"content\":\"The\",\"tokens\":[1],\"stop\":false}\n\n"
	  "data: "
	  "{\"content\":\"\",\"stop\":true,\"timings\":{\"prompt_n\":3,\"predicted_n\":1}}\n\n",
	  TIMINGS, 3, 0, 1, 1, 0 },
	{ "LM Studio", S,
	  "data: "
	  "{\"id\":\"chatcmpl-l\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":"
	  "\"qwen/qwen3\",\"system_fingerprint\":\"qwen/"
	  "qwen3\",\"choices\":[{\"index\":0,\"delta\":{"
	  "\"role\":\"assistant\",\"reasoning_content\":\"Hm\"},\"logprobs\":null,\"finish_"
	  "reason\":"
	  "null}]}\n\n"
	  "data: "
	  "{\"id\":\"chatcmpl-l\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\","
	  "\"content\":\"Yes\"},\"finish_reason\":null}]}\n\n"
	  "data: {\"id\":\"chatcmpl-l\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":"
	  "\"stop\"}]}\n\n"
	  "data: {\"id\":\"chatcmpl-l\",\"choices\":[],\"usage\":{\"prompt_tokens\":12,"
	  "\"completion_tokens\":2,\"total_tokens\":14}}\n\n" DONE,
	  REPORTED, 12, 0, 2, 2, ENDED },
	{ "LM Studio, failing", S,
	  "data: {\"choices\":[{\"delta\":{\"content\":\"Y\"}}]}\n\nevent: error\ndata: "
	  "{\"error\":{"
	  "\"message\":\"The model has crashed\"}}\n\n",
	  COUNTED, -1, 0, 1, 1, FAILED },
	{ "vLLM, usage in each", S,
	  "data: "
	  "{\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":"
	  "\"\"}}],\"usage\":{\"prompt_tokens\":7,\"total_tokens\":7,\"completion_tokens\":0}}\n\n"
	  "data: "
	  "{\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}],\"usage\":{"
	  "\"prompt_tokens\":7,\"total_tokens\":8,\"completion_tokens\":1}}\n\n"
	  "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"b "
	  "c\"}}],\"usage\":{"
	  "\"prompt_tokens\":7,\"total_tokens\":10,\"completion_tokens\":3}}\n\n",
	  REPORTED, 7, 0, 3, 2, 0 },
	{ "vLLM with spaces and CRLF", S,
	  "data: {\"choices\": [{\"delta\": {\"content\": \"a\"}}]}\r\n\r\n"
	  "data: {\"choices\": [], \"usage\": {\"prompt_tokens\": 7, \"completion_tokens\" : 3 "
	  "}}\r\n\r\n"
	  "data: [DONE]\r\n\r\n",
	  REPORTED, 7, 0, 3, 1, ENDED },
	{ "completions", S,
	  "data: "
	  "{\"id\":\"cmpl-1\",\"object\":\"text_completion\",\"choices\":[{\"index\":0,\"text\":"
	  "\"a\",\"logprobs\":null,\"finish_reason\":null}]}\n\n"
	  "data: "
	  "{\"id\":\"cmpl-1\",\"choices\":[{\"index\":0,\"text\":\"\",\"finish_reason\":\"stop\"}]"
	  "}\n\n" DONE,
	  COUNTED, -1, 0, 1, 1, ENDED },
	{ "Groq", S,
	  "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n"
	  "data: "
	  "{\"choices\":[{\"delta\":{}}],\"x_groq\":{\"id\":\"r\",\"usage\":{\"queue_time\":0.03,"
	  "\"prompt_tokens\":18,\"completion_tokens\":1,\"total_tokens\":19}}}\n\n" DONE,
	  REPORTED, 18, 0, 1, 1, ENDED },
	{ "Anthropic", S,
	  ANTHROPIC_START("{\"input_tokens\":25,\"output_tokens\":1}")
		  ANTHROPIC_BODY ANTHROPIC_DELTA("{\"output_tokens\":15}") ANTHROPIC_STOP,
	  REPORTED, 25, 0, 15, 2, ENDED },
	{ "Anthropic, from a cache", S,
	  ANTHROPIC_START("{\"input_tokens\":3,\"cache_creation_input_tokens\":40,"
			  "\"cache_read_input_tokens\":1000,\"cache_creation\":{"
			  "\"ephemeral_5m_input_tokens\":40},\"output_tokens\":1}")
		  ANTHROPIC_BODY ANTHROPIC_DELTA("{\"output_tokens\":15}") ANTHROPIC_STOP,
	  REPORTED, 1043, 1000, 15, 2, ENDED },
	{ "Anthropic, all told again", S,
	  ANTHROPIC_START("{\"input_tokens\":0,\"output_tokens\":0}")
		  ANTHROPIC_BODY ANTHROPIC_DELTA("{\"input_tokens\":31,\"output_tokens\":4}")
			  ANTHROPIC_STOP,
	  REPORTED, 31, 0, 4, 2, ENDED },
	{ "Anthropic, told once", S,
	  ANTHROPIC_START("{\"input_tokens\":31,\"output_tokens\":1}")
		  ANTHROPIC_BODY ANTHROPIC_DELTA("{\"input_tokens\":0,\"output_tokens\":4}")
			  ANTHROPIC_STOP,
	  REPORTED, 31, 0, 4, 2, ENDED },
	{ "Anthropic, cut", S,
	  ANTHROPIC_START("{\"input_tokens\":25,\"output_tokens\":1}") ANTHROPIC_TEXT("a")
		  ANTHROPIC_TEXT("b") ANTHROPIC_TEXT("c"),
	  COUNTED, 25, 0, 3, 3, 0 },
	{ "Anthropic's tools and thoughts", S,
	  ANTHROPIC_START(
		  "{\"input_tokens\":25}") "event: content_block_delta\ndata: "
					   "{\"type\":\"content_block_delta\",\"index\":0,"
					   "\"delta\":"
					   "{\"type\":\"thinking_delta\",\"thinking\":\"Hm\"}}\n\n"
					   "event: content_block_delta\ndata: "
					   "{\"type\":\"content_block_delta\",\"index\":1,"
					   "\"delta\":"
					   "{\"type\":\"input_json_delta\",\"partial_json\":\"{"
					   "\\\"\"}}\n\n" ANTHROPIC_STOP,
	  COUNTED, 25, 0, 2, 2, ENDED },
	{ "Anthropic, failing", S,
	  ANTHROPIC_START("{\"input_tokens\":25,\"output_tokens\":1}") "event: error\ndata: "
								       "{\"type\":\"error\","
								       "\"error\":{\"type\":"
								       "\"overloaded_error\"}}\n\n",
	  REPORTED, 25, 0, 1, 0, FAILED },
	{ "responses", S, RESPONSE_BODY RESPONSE_LAST("completed"), REPORTED, 37, 32, 11, 2,
	  ENDED },
	{ "responses, incomplete", S, RESPONSE_BODY RESPONSE_LAST("incomplete"), REPORTED, 37, 32,
	  11, 2, ENDED },
	{ "responses, cut", S, RESPONSE_BODY, COUNTED, -1, 0, 2, 2, 0 },
	{ "nothing", S, "", NONE, -1, 0, -1, 0, 0 },
	{ "pings", S, ": ping\n: ping\n\n", NONE, -1, 0, -1, 0, 0 },
	{ "only its end", S, DONE, NONE, -1, 0, -1, 0, ENDED },
	{ "not its end", S, "data: [DONE\n\ndata: [DONE]]\n\ndata: DONE]\n\ndata:  [DONE]\n\n",
	  NONE, -1, 0, -1, 0, 0 },
	{ "an event without data", S, "event: message_stop\n\nevent: error\n\n", NONE, -1, 0, -1, 0,
	  0 },
	{ "usage in a text", S,
	  "data: "
	  "{\"choices\":[{\"delta\":{\"content\":\"\\\"usage\\\":{\\\"prompt_tokens\\\":5}\"}}]}"
	  "\n\n",
	  COUNTED, -1, 0, 1, 1, 0 },
	{ "usage elsewhere", S,
	  "data: "
	  "{\"choices\":[{\"usage\":{\"prompt_tokens\":5}}],\"x\":{\"usage\":{\"prompt_tokens\":6}}"
	  "}"
	  "\n\ndata: {\"message\":{\"x\":{\"usage\":{\"input_tokens\":7}}}}\n\n",
	  NONE, -1, 0, -1, 0, 0 },
	{ "data in several lines", S,
	  "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":4,\ndata: "
	  "\"completion_tokens\":2}}\n\n",
	  REPORTED, 4, 0, 2, 0, 0 },
};

static void streams_tell_their_tokens(void **state)
{
	(void)state;
	measure(streams, GH_COUNT_OF(streams));
}

/* ---- One JSON ---- */

#define IN_USAGE(text) "{\"usage\":{" text "}}"

static const struct answer jsons[] = {
	{ "chat", J,
	  "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"m\","
	  "\"choices\":"
	  "[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"Hi {\\\"usage\\\":{"
	  "\\\"prompt_tokens\\\":99}}\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":"
	  "9,"
	  "\"completion_tokens\":12,\"total_tokens\":21,\"prompt_tokens_details\":{\"cached_"
	  "tokens\":3}},"
	  "\"system_fingerprint\":\"fp\"}\n",
	  REPORTED, 9, 3, 12, 0, ENDED },
	{ "embeddings", J,
	  "{\"object\":\"list\",\"data\":[{\"object\":\"embedding\",\"index\":0,\"embedding\":[0."
	  "0023,-0.0093,"
	  "1e-05]}],\"model\":\"e\",\"usage\":{\"prompt_tokens\":8,\"total_tokens\":8}}",
	  REPORTED, 8, 0, 0, 0, ENDED },
	{ "responses", J,
	  "{\"id\":\"resp_1\",\"output\":[{\"content\":[{\"text\":\"x\"}]}],\"usage\":{\"input_"
	  "tokens\":36,"
	  "\"input_tokens_details\":{\"cached_tokens\":7},\"output_tokens\":87,\"output_tokens_"
	  "details\":{"
	  "\"reasoning_tokens\":0},\"total_tokens\":123}}",
	  REPORTED, 36, 7, 87, 0, ENDED },
	{ "messages", J,
	  "{\"id\":\"msg_1\",\"type\":\"message\",\"content\":[{\"type\":\"text\",\"text\":\"Hi\"}]"
	  ",\"usage\":{"
	  "\"input_tokens\":10,\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":90,"
	  "\"output_tokens\":6,\"service_tier\":\"standard\"}}",
	  REPORTED, 100, 90, 6, 0, ENDED },
	{ "OpenAI's with Anthropic's counts beside", J,
	  IN_USAGE("\"prompt_tokens\":100,\"cache_read_input_tokens\":90,\"completion_tokens\":1"),
	  REPORTED, 100, 90, 1, 0, ENDED },
	{ "llama.cpp", J,
	  "{\"choices\":[{\"message\":{\"content\":\"a\"}}],\"timings\":{\"prompt_n\":3,"
	  "\"predicted_n\":4,"
	  "\"predicted_ms\":12.5}}",
	  TIMINGS, 3, 0, 4, 0, ENDED },
	{ "transcriptions", J,
	  "{\"text\":\"Hello.\",\"usage\":{\"type\":\"tokens\",\"input_tokens\":14,"
	  "\"input_token_details\":{\"text_tokens\":0,\"audio_tokens\":14},\"output_tokens\":45}}",
	  REPORTED, 14, 0, 45, 0, ENDED },
	{ "by the minute", J,
	  "{\"text\":\"Hello.\",\"usage\":{\"type\":\"duration\",\"seconds\":9}}", NONE, -1, 0, -1,
	  0, ENDED },
	{ "pretty", J,
	  "\r\n{\n  \"usage\" : {\n    \"prompt_tokens\" : 5 ,\r\n\t\"completion_tokens\"\t:\t6\n  "
	  "}\n}\r\n",
	  REPORTED, 5, 0, 6, 0, ENDED },
	{ "an error", J, "{\"error\":{\"message\":\"no\",\"code\":404}}", NONE, -1, 0, -1, 0,
	  ENDED | FAILED },
	{ "an error in a 200", J, "{\"error\":\"Unexpected endpoint or method.\"}", NONE, -1, 0, -1,
	  0, ENDED | FAILED },
	{ "no error", J, "{\"error\":null,\"x\":{\"error\":1}}", NONE, -1, 0, -1, 0, ENDED },
	{ "only a total", J, IN_USAGE("\"total_tokens\":8"), REPORTED, 8, 0, 0, 0, ENDED },
	{ "no prompt", J, IN_USAGE("\"total_tokens\":8,\"completion_tokens\":5"), REPORTED, 3, 0, 5,
	  0, ENDED },
	{ "no completion", J, IN_USAGE("\"total_tokens\":8,\"prompt_tokens\":5"), REPORTED, 5, 0, 3,
	  0, ENDED },
	{ "a total that is too small", J, IN_USAGE("\"total_tokens\":1,\"prompt_tokens\":5"),
	  REPORTED, 5, 0, 0, 0, ENDED },
	{ "more cached than read", J,
	  IN_USAGE("\"prompt_tokens\":5,\"completion_tokens\":1,\"prompt_tokens_details\":{"
		   "\"cached_tokens\":9}"),
	  REPORTED, 5, 5, 1, 0, ENDED },
	{ "not its details", J,
	  IN_USAGE("\"prompt_tokens\":5,\"completion_tokens\":6,\"x\":{\"cached_tokens\":1,"
		   "\"prompt_tokens\":7},"
		   "\"prompt_tokens_details\":{\"x\":{\"cached_tokens\":2},\"prompt_tokens\":3},"
		   "\"y\":[4,8]"),
	  REPORTED, 5, 0, 6, 0, ENDED },
	/* Numbers that are none. */
	{ "strings", J, IN_USAGE("\"prompt_tokens\":\"5\",\"completion_tokens\":\"6\""), NONE, -1,
	  0, -1, 0, ENDED },
	{ "below zero", J, IN_USAGE("\"prompt_tokens\":-5,\"completion_tokens\":-0"), NONE, -1, 0,
	  -1, 0, ENDED },
	{ "fractions", J, IN_USAGE("\"prompt_tokens\":5.0,\"completion_tokens\":6e3"), NONE, -1, 0,
	  -1, 0, ENDED },
	{ "words", J, IN_USAGE("\"prompt_tokens\":null,\"completion_tokens\":true"), NONE, -1, 0,
	  -1, 0, ENDED },
	{ "the most", J, IN_USAGE("\"prompt_tokens\":1000000000,\"completion_tokens\":999999999"),
	  REPORTED, 1000000000, 0, 999999999, 0, ENDED },
	{ "too many", J, IN_USAGE("\"prompt_tokens\":1000000001,\"completion_tokens\":7"), REPORTED,
	  -1, 0, 7, 0, ENDED },
	{ "far too many", J,
	  IN_USAGE("\"prompt_tokens\":18446744073709551617,\"completion_tokens\":"
		   "99999999999999999999999999999999999999999999999999999999999"),
	  NONE, -1, 0, -1, 0, ENDED },
	{ "zeroes", J, IN_USAGE("\"prompt_tokens\":0,\"completion_tokens\":0"), REPORTED, 0, 0, 0,
	  0, ENDED },
	/* Names that are not quite. */
	{ "names", J,
	  "{\"Usage\":{\"prompt_tokens\":1},\"us\\u0061ge\":{\"prompt_tokens\":9},\"us\\/"
	  "age\":{\"prompt_tokens\":2},\"usage2\":{"
	  "\"prompt_tokens\":"
	  "3},\"usag\":{\"prompt_tokens\":4},\"usage\":{\"prompt_token\":5,\"prompt_tokens "
	  "\":6,\"\":7,"
	  "\"prompt_tokens_prompt_tokens_prompt_tokens\":8}}",
	  NONE, -1, 0, -1, 0, ENDED },
	/* No object, or not at its end. */
	{ "empty", J, "", NONE, -1, 0, -1, 0, 0 },
	{ "a list", J, "[{\"usage\":{\"prompt_tokens\":5}}]", NONE, -1, 0, -1, 0, 0 },
	{ "a page", J, "<html>{\"usage\":{\"prompt_tokens\":5}}", NONE, -1, 0, -1, 0, 0 },
	{ "two", J, "{}{\"usage\":{\"prompt_tokens\":5}}", NONE, -1, 0, -1, 0, 0 },
	{ "cut in a number", J, "{\"usage\":{\"completion_tokens\":6,\"prompt_tokens\":5", REPORTED,
	  -1, 0, 6, 0, 0 },
	{ "cut behind it", J, "{\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":6}", REPORTED,
	  5, 0, 6, 0, 0 },
	{ "brackets too many", J, "{}}}}}}", NONE, -1, 0, -1, 0, 0 },
	{ "no value", J, "{\"usage\":}", NONE, -1, 0, -1, 0, ENDED },
};

static void one_json_tells_its_tokens(void **state)
{
	(void)state;
	measure(jsons, GH_COUNT_OF(jsons));
}

/* Every name that counts, by itself. */
static void each_count_has_its_name(void **state)
{
	static const struct {
		const char *json;
		enum openai_count count;
	} counts[] = {
		{ "{\"usage\":{\"prompt_tokens\":7}}", OPENAI_COUNT_PROMPT },
		{ "{\"usage\":{\"completion_tokens\":7}}", OPENAI_COUNT_COMPLETION },
		{ "{\"usage\":{\"input_tokens\":7}}", OPENAI_COUNT_INPUT },
		{ "{\"usage\":{\"output_tokens\":7}}", OPENAI_COUNT_OUTPUT },
		{ "{\"usage\":{\"total_tokens\":7}}", OPENAI_COUNT_TOTAL },
		{ "{\"usage\":{\"prompt_tokens_details\":{\"cached_tokens\":7}}}",
		  OPENAI_COUNT_CACHED },
		{ "{\"usage\":{\"input_tokens_details\":{\"cached_tokens\":7}}}",
		  OPENAI_COUNT_CACHED },
		{ "{\"usage\":{\"cache_read_input_tokens\":7}}", OPENAI_COUNT_CACHE_READ },
		{ "{\"usage\":{\"cache_creation_input_tokens\":7}}", OPENAI_COUNT_CACHE_MADE },
		{ "{\"timings\":{\"prompt_n\":7}}", OPENAI_COUNT_TIMED_PROMPT },
		{ "{\"timings\":{\"cache_n\":7}}", OPENAI_COUNT_TIMED_CACHED },
		{ "{\"timings\":{\"predicted_n\":7}}", OPENAI_COUNT_TIMED_OUTPUT },
		{ "{\"response\":{\"usage\":{\"input_tokens\":7}}}", OPENAI_COUNT_INPUT },
		{ "{\"message\":{\"usage\":{\"output_tokens\":7}}}", OPENAI_COUNT_OUTPUT },
		{ "{\"x_groq\":{\"usage\":{\"prompt_tokens\":7}}}", OPENAI_COUNT_PROMPT },
		{ "{\"response\":{\"timings\":{\"prompt_n\":7}}}", OPENAI_COUNTS },
		{ "{\"response\":{\"usage\":{\"input_tokens_details\":{\"x\":{\"cached_tokens\":7}}"
		  "}}}",
		  OPENAI_COUNTS },
		{ "{\"usage\":{\"prompt_n\":7}}", OPENAI_COUNTS },
		{ "{\"timings\":{\"prompt_tokens\":7}}", OPENAI_COUNTS },
		{ "{\"usage\":{\"usage\":{\"prompt_tokens\":7}}}", OPENAI_COUNTS },
	};

	(void)state;
	for (size_t i = 0; i < GH_COUNT_OF(counts); i++) {
		struct openai_counts got;
		struct openai_find f;

		openai_counts_init(&got);
		openai_find_init(&f);
		openai_find_feed(&f, gh_str(counts[i].json), &got);
		for (unsigned c = 0; c < OPENAI_COUNTS; c++)
			if (got.of[c] != (c == (unsigned)counts[i].count ? 7 : -1))
				fail_msg("%s: count %u is %d", counts[i].json, c, (int)got.of[c]);
	}
}

static void each_name_of_a_text_counts_as_one(void **state)
{
	static const char *const texts[] = {
		"text",      "delta",     "content",      "refusal",           "thinking",
		"reasoning", "arguments", "partial_json", "reasoning_content",
	};
	static const char *const values[] = { "\"\"", "null", "{}", "[\"x\"]", "7" };
	char event[128];

	(void)state;
	for (size_t i = 0; i < GH_COUNT_OF(texts); i++) {
		struct openai_meter m;

		openai_meter_init(&m, OPENAI_ANSWER_STREAM);
		for (size_t k = 0; k < GH_COUNT_OF(values); k++) {
			snprintf(event, sizeof event, "data: {\"a\":[{\"%s\":%s}]}\n\n", texts[i],
				 values[k]);
			openai_meter_feed(&m, gh_str(event));
			assert_int_equal(m.chunks, 0);
		}
		snprintf(event, sizeof event, "data: {\"a\":[{\"%s\" : \"x\",\"text\":\"y\"}]}\n\n",
			 texts[i]);
		openai_meter_feed(&m, gh_str(event));
		if (m.chunks != 1)
			fail_msg("%s", event);
		openai_meter_finish(&m);
	}
}

/* Megabytes pass without a byte of memory, and the depth of what passes has no bound. */
static void a_large_answer_is_not_held(void **state)
{
	enum { SIZE = 1 << 20 };
	static const char tail[] = "],\"usage\":{\"prompt_tokens\":8,\"total_tokens\":8}}";
	char *slice = malloc(SIZE);
	struct openai_meter m;

	(void)state;
	assert_non_null(slice);
	openai_meter_init(&m, OPENAI_ANSWER_JSON);
	openai_meter_feed(&m, GH_STR("{\"data\":["));
	memset(slice, '[', SIZE);
	openai_meter_feed(&m, (struct gh_str){ slice, SIZE });
	memset(slice, ']', SIZE);
	openai_meter_feed(&m, (struct gh_str){ slice, SIZE });
	openai_meter_feed(&m, GH_STR(",\""));
	memset(slice, 'A', SIZE);
	for (int i = 0; i < 8; i++)
		openai_meter_feed(&m, (struct gh_str){ slice, SIZE });
	openai_meter_feed(&m, GH_STR("\""));
	openai_meter_feed(&m, gh_str(tail));
	assert_int_equal(openai_meter_usage(&m).input, 8);
	assert_true(m.ended);
	openai_meter_finish(&m);
	free(slice);
}

static void the_first_token_is_seen_when_it_comes(void **state)
{
	struct openai_meter m;

	(void)state;
	openai_meter_init(&m, OPENAI_ANSWER_STREAM);
	openai_meter_feed(&m, GH_STR(": ping\n"));
	openai_meter_feed(
		&m, gh_str(OPENAI_CHUNK("{\"role\":\"assistant\",\"content\":\"\"}", "null")));
	assert_int_equal(m.chunks, 0);
	openai_meter_feed(&m, gh_str(OPENAI_CHUNK("{\"content\":\"H\"}", "null")));
	assert_int_equal(m.chunks, 1);
	openai_meter_finish(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(streams_tell_their_tokens),
		cmocka_unit_test(one_json_tells_its_tokens),
		cmocka_unit_test(each_count_has_its_name),
		cmocka_unit_test(each_name_of_a_text_counts_as_one),
		cmocka_unit_test(a_large_answer_is_not_held),
		cmocka_unit_test(the_first_token_is_seen_when_it_comes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
