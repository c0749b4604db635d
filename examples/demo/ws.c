#include "ws.h"

#include "sha1.h"

#include <string.h>

enum {
	CONTINUATION = 0,
	TEXT = 1,
	BINARY = 2,
	CONTROL = 8, /* this bit marks control frames */
	CLOSE = 8,
	PING = 9,
	PONG = 10,

	FINAL = 0x80,
	MASKED = 0x80,
	CONTROL_LONGEST = 125,

	PROTOCOL_ERROR = 1002,
	NOT_UTF8 = 1007,
};

/* What stands before a payload. */
struct frame {
	unsigned opcode;
	bool final;
	uint64_t len;
	unsigned char mask[4];
	size_t size; /* of the head itself */
};

static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* 16 bytes in base64 are 22 digits, the last of which has four bits to spare, and `==`. */
static bool is_key(const char *key)
{
	return strlen(key) == DEMO_HTTP_WS_KEY && strspn(key, base64) == 22 &&
	       strchr("AQgw", key[21]) && !memcmp(key + 22, "==", 2);
}

bool demo_ws_accept(const struct demo_http *http, char ret_accept[DEMO_WS_ACCEPT + 1])
{
	static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
	char text[DEMO_HTTP_WS_KEY + sizeof(guid)];
	unsigned char digest[DEMO_SHA1_SIZE + 1] = { 0 }; /* one more makes whole groups of three */
	char *to = ret_accept;

	if (http->method != DEMO_METHOD_GET || http->http10 || !http->upgrade ||
	    !http->connection_upgrade || !http->ws_version || http->ws_key_twice ||
	    demo_buf_used(&http->body) || !is_key(http->ws_key))
		return false;
	memcpy(text, http->ws_key, DEMO_HTTP_WS_KEY);
	memcpy(text + DEMO_HTTP_WS_KEY, guid, sizeof(guid));
	demo_sha1(text, sizeof(text) - 1, digest);

	for (size_t i = 0; i < sizeof(digest); i += 3) {
		unsigned long group = (unsigned long)digest[i] << 16 | digest[i + 1] << 8 |
				      digest[i + 2];

		for (int shift = 18; shift >= 0; shift -= 6)
			*to++ = base64[group >> shift & 0x3f];
	}
	ret_accept[DEMO_WS_ACCEPT - 1] = '=';
	ret_accept[DEMO_WS_ACCEPT] = '\0';
	return true;
}

static void put_head(struct demo_buf *out, unsigned opcode, bool final, uint64_t len)
{
	unsigned char head[10];
	size_t extra = len < 126 ? 0 : len <= 0xffff ? 2 : 8;

	head[0] = (unsigned char)((final ? FINAL : 0) | opcode);
	head[1] = (unsigned char)(extra == 0 ? len : extra == 2 ? 126 : 127);
	for (size_t i = 0; i < extra; i++)
		head[2 + i] = (unsigned char)(len >> (8 * (extra - 1 - i)));
	demo_buf_add(out, head, 2 + extra);
}

static enum demo_ws_result put_close(struct demo_buf *out, unsigned code)
{
	unsigned char bytes[2] = { (unsigned char)(code >> 8), (unsigned char)code };

	put_head(out, CLOSE, true, code ? 2 : 0);
	demo_buf_add(out, bytes, code ? 2 : 0);
	return DEMO_WS_CLOSE;
}

bool demo_ws_ping(const struct demo_ws *ws, struct demo_buf *out)
{
	if (ws->passing)
		return false;
	put_head(out, PING, true, 0);
	return true;
}

/* 1: a head was read; 0: bytes are missing; -1: it breaks the rules. */
static int read_head(const unsigned char *bytes, size_t len, struct frame *ret_frame)
{
	struct frame f = { .size = 2 + 4 };
	size_t extra;

	if (len < 2)
		return 0;
	f.final = bytes[0] & FINAL;
	f.opcode = bytes[0] & 0x0f;
	f.len = bytes[1] & 0x7f;
	/* No extension was agreed on, so the reserved bits are zero; clients mask always. */
	if (bytes[0] & 0x70 || !(bytes[1] & MASKED) || f.opcode > PONG ||
	    (f.opcode > BINARY && f.opcode < CLOSE))
		return -1;
	if (f.opcode & CONTROL && (!f.final || f.len > CONTROL_LONGEST))
		return -1;
	extra = f.len == 126 ? 2 : f.len == 127 ? 8 : 0;
	f.size += extra;
	if (len < f.size)
		return 0;
	if (extra) {
		f.len = 0;
		for (size_t i = 0; i < extra; i++)
			f.len = f.len << 8 | bytes[2 + i];
		/* A length has one spelling, the shortest, and 63 bits. */
		if (f.len < (extra == 2 ? 126U : 0x10000U) || f.len >> 63)
			return -1;
	}
	memcpy(f.mask, bytes + 2 + extra, 4);
	*ret_frame = f;
	return 1;
}

static bool is_close_code(unsigned code)
{
	return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
	       (code >= 3000 && code <= 4999);
}

static enum demo_ws_result hear_close(const unsigned char *payload, size_t len,
				      struct demo_buf *out)
{
	struct demo_utf8 utf8 = { 0 };
	unsigned code;

	if (!len)
		return put_close(out, 0);
	if (len == 1)
		return put_close(out, PROTOCOL_ERROR);
	code = (unsigned)payload[0] << 8 | payload[1];
	if (!is_close_code(code))
		return put_close(out, PROTOCOL_ERROR);
	if (!demo_utf8_check(&utf8, payload + 2, len - 2) || !demo_utf8_whole(&utf8))
		return put_close(out, NOT_UTF8);
	return put_close(out, code);
}

/* A control frame is answered only when all of it is there: it is short. */
static enum demo_ws_result hear_control(const struct frame *f, const unsigned char *masked,
					struct demo_buf *out)
{
	unsigned char payload[CONTROL_LONGEST];

	for (size_t i = 0; i < f->len; i++)
		payload[i] = masked[i] ^ f->mask[i % 4];
	if (f->opcode == CLOSE)
		return hear_close(payload, (size_t)f->len, out);
	if (f->opcode == PING) {
		put_head(out, PONG, true, f->len);
		demo_buf_add(out, payload, (size_t)f->len);
	}
	return DEMO_WS_MORE;
}

static enum demo_ws_result begin_frame(struct demo_ws *ws, const struct frame *f,
				       struct demo_buf *out)
{
	if ((f->opcode == CONTINUATION) != ws->in_message)
		return put_close(out, PROTOCOL_ERROR);
	if (f->opcode != CONTINUATION) {
		ws->in_message = true;
		ws->text = f->opcode == TEXT;
		ws->utf8 = (struct demo_utf8){ 0 };
	}
	ws->passing = true;
	ws->final = f->final;
	ws->left = f->len;
	ws->at = 0;
	memcpy(ws->mask, f->mask, sizeof(ws->mask));
	put_head(out, f->opcode, f->final, f->len);
	return DEMO_WS_MORE;
}

static enum demo_ws_result pass(struct demo_ws *ws, const unsigned char *bytes, size_t len,
				struct demo_buf *out)
{
	unsigned char *to = (unsigned char *)demo_buf_room(out, len);

	for (size_t i = 0; i < len; i++)
		to[i] = bytes[i] ^ ws->mask[ws->at++ % 4];
	if (ws->text && !demo_utf8_check(&ws->utf8, to, len))
		return DEMO_WS_CUT;
	demo_buf_took(out, len);
	ws->left -= len;
	if (ws->left)
		return DEMO_WS_MORE;
	ws->passing = false;
	if (!ws->final)
		return DEMO_WS_MORE;
	ws->in_message = false;
	if (ws->text && !demo_utf8_whole(&ws->utf8))
		return put_close(out, NOT_UTF8);
	return DEMO_WS_MORE;
}

enum demo_ws_result demo_ws_feed(struct demo_ws *ws, const unsigned char *bytes, size_t len,
				 struct demo_buf *out, size_t *ret_used)
{
	enum demo_ws_result result = DEMO_WS_MORE;
	size_t used = 0;
	struct frame f;

	while (result == DEMO_WS_MORE && (used < len || (ws->passing && !ws->left))) {
		size_t rest = len - used;
		int head;

		if (ws->passing) {
			size_t part = ws->left < rest ? (size_t)ws->left : rest;

			result = pass(ws, bytes + used, part, out);
			used += part;
			continue;
		}
		head = read_head(bytes + used, rest, &f);
		if (head < 0)
			result = put_close(out, PROTOCOL_ERROR);
		if (head <= 0)
			break;
		if (!(f.opcode & CONTROL)) {
			result = begin_frame(ws, &f, out);
			used += f.size;
			continue;
		}
		if (rest - f.size < f.len)
			break;
		result = hear_control(&f, bytes + used + f.size, out);
		used += f.size + (size_t)f.len;
	}
	*ret_used = used;
	return result;
}
