#include "site.h"

#include "page.h"
#include "ws.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

static const char json_type[] = "application/json";
static const char plain_type[] = "text/plain; charset=utf-8";

/* The page needs its own files and its own server, and nothing else in the world. */
static const char page_fields[] =
	"Cache-Control: no-cache\r\n"
	"Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; "
	"img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
	"frame-ancestors 'none'\r\n"
	"Cross-Origin-Resource-Policy: same-origin\r\n"
	"Referrer-Policy: no-referrer\r\n"
	"X-Frame-Options: DENY\r\n";

struct reply {
	int status;
	const char *type;
	const char *fields; /* more lines of the head, or NULL */
	const char *body;
	size_t len;
};

struct status {
	int code;
	const char *reason;
};

static const struct status statuses[] = {
	{ .code = 101, .reason = "Switching Protocols" },
	{ 200, "OK" },
	{ .code = 400, .reason = "Bad Request" },
	{ 404, "Not Found" },
	{ .code = 405, .reason = "Method Not Allowed" },
	{ 413, "Content Too Large" },
	{ .code = 414, .reason = "URI Too Long" },
	{ 417, "Expectation Failed" },
	{ .code = 426, .reason = "Upgrade Required" },
	{ 431, "Request Header Fields Too Large" },
	{ .code = 501, .reason = "Not Implemented" },
	{ 505, "HTTP Version Not Supported" },
};

static const char *reason(int status)
{
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
		if (statuses[i].code == status)
			return statuses[i].reason;
	return "";
}

static void put_status(struct demo_buf *out, int status)
{
	static const char days[] = "SunMonTueWedThuFriSat";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	time_t now = time(NULL);
	struct tm tm = { 0 };

	gmtime_r(&now, &tm);
	demo_buf_print(out, "HTTP/1.1 %d %s\r\n", status, reason(status));
	demo_buf_print(out, "Date: %.3s, %02d %.3s %d %02d:%02d:%02d GMT\r\n",
		       days + (size_t)tm.tm_wday * 3, tm.tm_mday, months + (size_t)tm.tm_mon * 3,
		       tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

static void put_reply(const struct demo_http *http, const struct reply *reply, struct demo_buf *out)
{
	put_status(out, reply->status);
	demo_buf_print(out,
		       "Content-Type: %s\r\nContent-Length: %zu\r\n%s%s"
		       "X-Content-Type-Options: nosniff\r\n\r\n",
		       reply->type, reply->len, reply->fields ? reply->fields : "",
		       http->close ? "Connection: close\r\n" : "");
	if (http->method != DEMO_METHOD_HEAD)
		demo_buf_add(out, reply->body, reply->len);
}

static void put_json(const struct demo_http *http, const struct demo_buf *json,
		     struct demo_buf *out)
{
	struct reply reply = {
		.status = 200,
		.type = json_type,
		.body = demo_buf_at(json),
		.len = demo_buf_used(json),
	};

	put_reply(http, &reply, out);
}

/* An error as OpenAI's clients expect it. */
struct fault {
	int status;
	const char *code, *param; /* or NULL */
	const char *message;
	const char *fields;
};

static void put_name(struct demo_buf *json, const char *name)
{
	if (name)
		demo_json_string(json, name, strlen(name));
	else
		demo_buf_text(json, "null");
}

static void put_fault(const struct demo_http *http, const struct fault *fault, struct demo_buf *out)
{
	struct demo_buf json = { 0 };
	struct reply reply = { .status = fault->status,
			       .type = json_type,
			       .fields = fault->fields };

	demo_buf_text(&json, "{\"error\":{\"message\":");
	put_name(&json, fault->message);
	demo_buf_text(&json, fault->status < 500 ? ",\"type\":\"invalid_request_error\",\"param\":"
						 : ",\"type\":\"server_error\",\"param\":");
	put_name(&json, fault->param);
	demo_buf_text(&json, ",\"code\":");
	put_name(&json, fault->code);
	demo_buf_text(&json, "}}");
	reply.body = demo_buf_at(&json);
	reply.len = demo_buf_used(&json);
	put_reply(http, &reply, out);
	demo_buf_finish(&json);
}

static void put_plain(const struct demo_http *http, int status, const char *fields,
		      const char *text, struct demo_buf *out)
{
	struct reply reply = {
		.status = status,
		.type = plain_type,
		.fields = fields,
		.body = text,
		.len = strlen(text),
	};

	put_reply(http, &reply, out);
}

void demo_site_refuse(const struct demo_http *http, struct demo_buf *out)
{
	struct demo_http closing = { .close = true, .method = http->method };
	struct fault fault = { .status = http->status, .message = http->why };

	if (fault.status == 413)
		fault.code = "request_too_large";
	put_fault(&closing, &fault, out);
}

static bool is_get(const struct demo_http *http)
{
	return http->method == DEMO_METHOD_GET || http->method == DEMO_METHOD_HEAD;
}

static bool is_api(const char *path)
{
	return !strncmp(path, "/v1", 3) && (!path[3] || path[3] == '/');
}

static enum demo_then wrong_method(const struct demo_http *http, const char *allow,
				   struct demo_buf *out)
{
	struct fault fault = {
		.status = 405,
		.message = "This method is not for this path.",
		.fields = allow,
	};

	if (is_api(http->path))
		put_fault(http, &fault, out);
	else
		put_plain(http, 405, allow, "This method is not for this path.\n", out);
	return DEMO_THEN_NEXT;
}

static const char model_object[] = "{\"id\":\"" DEMO_MODEL
				   "\",\"object\":\"model\",\"created\":1735689600,"
				   "\"owned_by\":\"gatehouse-demo\"}";

static enum demo_then models(const struct demo_http *http, struct demo_buf *out)
{
	struct demo_buf json = { 0 };

	if (!is_get(http))
		return wrong_method(http, "Allow: GET, HEAD\r\n", out);
	if (!strcmp(http->path, "/v1/models"))
		demo_buf_print(&json, "{\"object\":\"list\",\"data\":[%s]}", model_object);
	else
		demo_buf_text(&json, model_object);
	put_json(http, &json, out);
	demo_buf_finish(&json);
	return DEMO_THEN_NEXT;
}

/* `param` NULL: the request is no JSON at all. */
static enum demo_then bad_chat(const struct demo_http *http, const char *param, const char *message,
			       struct demo_buf *out)
{
	struct fault fault = { .status = 400, .param = param, .message = message };

	put_fault(http, &fault, out);
	return DEMO_THEN_NEXT;
}

static enum demo_then chat(const struct demo_http *http, struct demo_counts *counts,
			   struct demo_buf *out, struct demo_chat **ret_chat)
{
	struct demo_chat *made;
	struct demo_buf json = { 0 };
	struct demo_ask ask;

	if (http->method != DEMO_METHOD_POST)
		return wrong_method(http, "Allow: POST\r\n", out);
	if (!demo_buf_used(&http->body) ||
	    demo_json_read_ask(demo_buf_at(&http->body), demo_buf_used(&http->body), &ask))
		return bad_chat(http, NULL, "The body is not a JSON object.", out);
	if (!ask.has_messages)
		return bad_chat(http, "messages", "There are no messages to answer.", out);

	made = demo_chat_create(&ask, http->forwarded ? DEMO_FORWARDED : DEMO_DIRECT,
				++counts->chats, time(NULL));
	if (ask.stream) {
		put_status(out, 200);
		demo_buf_print(out,
			       "Content-Type: text/event-stream; charset=utf-8\r\n"
			       "Cache-Control: no-cache\r\n%s%s\r\n",
			       http->http10 ? "" : "Transfer-Encoding: chunked\r\n",
			       http->close ? "Connection: close\r\n" : "");
		*ret_chat = made;
		return DEMO_THEN_STREAM;
	}
	demo_chat_whole(made, &json);
	demo_chat_destroy(made);
	put_json(http, &json, out);
	demo_buf_finish(&json);
	return DEMO_THEN_NEXT;
}

void demo_site_event(const struct demo_http *http, const struct demo_buf *event,
		     struct demo_buf *out)
{
	if (!http->http10)
		demo_buf_print(out, "%zx\r\n", event ? demo_buf_used(event) : 0);
	if (event)
		demo_buf_add(out, demo_buf_at(event), demo_buf_used(event));
	if (!http->http10)
		demo_buf_text(out, "\r\n");
}

/* The echo has no secrets and changes nothing, so it asks nobody for an Origin. */
static enum demo_then websocket(const struct demo_http *http, struct demo_buf *out)
{
	char accept[DEMO_WS_ACCEPT + 1];

	if (!http->upgrade) {
		put_plain(http, 426, "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
			  "This is a WebSocket.\n", out);
		return DEMO_THEN_NEXT;
	}
	if (!demo_ws_accept(http, accept)) {
		put_plain(http, 400, "Sec-WebSocket-Version: 13\r\n",
			  "This is not how a WebSocket begins.\n", out);
		return DEMO_THEN_NEXT;
	}
	put_status(out, 101);
	demo_buf_print(out,
		       "Upgrade: websocket\r\nConnection: Upgrade\r\n"
		       "Sec-WebSocket-Accept: %s\r\n\r\n",
		       accept);
	return DEMO_THEN_WEBSOCKET;
}

/* For tests and for the curious: whether a stream really ended when its reader left. */
static enum demo_then status(const struct demo_http *http, const struct demo_counts *counts,
			     struct demo_buf *out)
{
	struct demo_buf json = { 0 };

	demo_buf_print(&json,
		       "{\"requests\":%" PRIu64 ",\"streams_open\":%" PRIu64
		       ",\"streams_ended\":%" PRIu64 ",\"streams_stopped\":%" PRIu64
		       ",\"websockets_open\":%" PRIu64 "}\n",
		       counts->requests, counts->streams_open, counts->streams_ended,
		       counts->streams_stopped, counts->websockets_open);
	put_json(http, &json, out);
	demo_buf_finish(&json);
	return DEMO_THEN_NEXT;
}

static enum demo_then page(const struct demo_http *http, const struct demo_page *found,
			   struct demo_buf *out)
{
	struct reply reply = {
		.status = 200,
		.type = found->type,
		.fields = page_fields,
		.body = found->start,
		.len = (size_t)(found->end - found->start),
	};

	put_reply(http, &reply, out);
	return DEMO_THEN_NEXT;
}

static enum demo_then nothing(const struct demo_http *http, struct demo_buf *out)
{
	struct fault fault = { .status = 404, .message = "There is nothing at this path." };

	if (!strncmp(http->path, "/v1/models/", 11)) {
		fault.code = "model_not_found";
		fault.param = "model";
		fault.message = "The only model here is " DEMO_MODEL ".";
	}
	if (is_api(http->path))
		put_fault(http, &fault, out);
	else
		put_plain(http, 404, NULL, "There is nothing at this path.\n", out);
	return DEMO_THEN_NEXT;
}

enum demo_then demo_site_answer(const struct demo_http *http, struct demo_counts *counts,
				struct demo_buf *out, struct demo_chat **ret_chat)
{
	const struct demo_page *found = demo_page_find(http->path);

	counts->requests++;
	if (!strcmp(http->path, "/v1/chat/completions"))
		return chat(http, counts, out, ret_chat);
	if (!strcmp(http->path, "/v1/models") || !strcmp(http->path, "/v1/models/" DEMO_MODEL))
		return models(http, out);
	if (!strcmp(http->path, "/ws"))
		return websocket(http, out);
	if (!found && strcmp(http->path, "/health") && strcmp(http->path, "/demo/status"))
		return nothing(http, out);
	if (!is_get(http))
		return wrong_method(http, "Allow: GET, HEAD\r\n", out);
	return found ? page(http, found, out) : status(http, counts, out);
}
