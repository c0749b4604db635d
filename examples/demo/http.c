#include "http.h"

#include <string.h>
#include <strings.h>

struct slice {
	const char *at;
	size_t len;
};

static enum demo_http_result bad(struct demo_http *http, int status, const char *why)
{
	http->status = status;
	http->why = why;
	return DEMO_HTTP_BAD;
}

void demo_http_finish(struct demo_http *http)
{
	demo_buf_finish(&http->body);
}

void demo_http_again(struct demo_http *http)
{
	demo_http_finish(http);
	*http = (struct demo_http){ 0 };
}

static bool is_token(unsigned char c)
{
	if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
		return true;
	return c && strchr("!#$%&'*+-.^_`|~", c);
}

/* Bytes that no field and no chunk extension may have. */
static bool has_control(struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.at[i];

		if ((c < ' ' && c != '\t') || c == 0x7f)
			return true;
	}
	return false;
}

static bool same(struct slice s, const char *word)
{
	return s.len == strlen(word) && !strncasecmp(s.at, word, s.len);
}

static struct slice trim(struct slice s)
{
	while (s.len && (s.at[0] == ' ' || s.at[0] == '\t')) {
		s.at++;
		s.len--;
	}
	while (s.len && (s.at[s.len - 1] == ' ' || s.at[s.len - 1] == '\t'))
		s.len--;
	return s;
}

/* Whether a comma-separated list names `word`. */
static bool lists(struct slice list, const char *word)
{
	for (;;) {
		const char *comma = memchr(list.at, ',', list.len);
		struct slice item = { list.at, comma ? (size_t)(comma - list.at) : list.len };

		if (same(trim(item), word))
			return true;
		if (!comma)
			return false;
		list.len -= item.len + 1;
		list.at = comma + 1;
	}
}

/* Keep the path of a target: `/path?query` or `http://host/path?query`. */
static enum demo_http_result target(struct demo_http *http, struct slice t)
{
	const char *query;

	for (size_t i = 0; i < t.len; i++)
		if (t.at[i] <= ' ' || t.at[i] > '~' || t.at[i] == '#')
			return bad(http, 400, "The target has a byte that must be encoded.");

	if (t.len > 7 && !strncasecmp(t.at, "http://", 7)) {
		const char *slash = memchr(t.at + 7, '/', t.len - 7);

		if (!slash)
			return bad(http, 400, "The target has no path.");
		t.len -= (size_t)(slash - t.at);
		t.at = slash;
	}
	if (!t.len || (t.at[0] != '/' && !same(t, "*")))
		return bad(http, 400, "The target is not a path.");

	query = memchr(t.at, '?', t.len);
	if (query)
		t.len = (size_t)(query - t.at);
	if (t.len >= sizeof(http->path))
		return bad(http, 414, "The path is too long.");
	memcpy(http->path, t.at, t.len);
	http->path[t.len] = '\0';
	return DEMO_HTTP_MORE;
}

static enum demo_http_result request_line(struct demo_http *http, struct slice line)
{
	const char *one, *two;
	struct slice method, version;

	/* An empty line before a request is forgiven once; RFC 9112 2.2 asks for it. */
	if (!line.len && !http->started) {
		http->started = true;
		return DEMO_HTTP_MORE;
	}
	one = memchr(line.at, ' ', line.len);
	two = one ? memchr(one + 1, ' ', line.len - (size_t)(one + 1 - line.at)) : NULL;
	if (!two)
		return bad(http, 400, "The request line is not METHOD TARGET VERSION.");

	method = (struct slice){ line.at, (size_t)(one - line.at) };
	version = (struct slice){ two + 1, line.len - (size_t)(two + 1 - line.at) };
	for (size_t i = 0; i < method.len; i++)
		if (!is_token((unsigned char)method.at[i]))
			return bad(http, 400, "The method is not a token.");
	if (!method.len || version.len != 8 || memcmp(version.at, "HTTP/", 5))
		return bad(http, 400, "The request line is not METHOD TARGET VERSION.");
	if (memcmp(version.at, "HTTP/1.", 7) || (version.at[7] != '0' && version.at[7] != '1'))
		return bad(http, 505, "This server speaks HTTP/1.1.");

	http->http10 = version.at[7] == '0';
	http->close = http->http10;
	if (method.len == 3 && !memcmp(method.at, "GET", 3))
		http->method = DEMO_METHOD_GET;
	else if (method.len == 4 && !memcmp(method.at, "HEAD", 4))
		http->method = DEMO_METHOD_HEAD;
	else if (method.len == 4 && !memcmp(method.at, "POST", 4))
		http->method = DEMO_METHOD_POST;
	http->state = DEMO_HTTP_FIELD_LINE;
	http->started = true;
	return target(http, (struct slice){ one + 1, (size_t)(two - one - 1) });
}

static enum demo_http_result content_length(struct demo_http *http, struct slice value)
{
	uint64_t length = 0;

	if (http->has_length)
		return bad(http, 400, "There are two Content-Lengths.");
	if (!value.len || value.len > 18)
		return bad(http, 400, "The Content-Length is not a number.");
	for (size_t i = 0; i < value.len; i++) {
		if (value.at[i] < '0' || value.at[i] > '9')
			return bad(http, 400, "The Content-Length is not a number.");
		length = length * 10 + (uint64_t)(value.at[i] - '0');
	}
	http->has_length = true;
	http->left = length;
	return DEMO_HTTP_MORE;
}

static enum demo_http_result host(struct demo_http *http, struct slice value)
{
	if (http->has_host)
		return bad(http, 400, "There are two Hosts.");
	for (size_t i = 0; i < value.len; i++)
		if (value.at[i] <= ' ' || value.at[i] > '~' || strchr("/\\?#@,", value.at[i]))
			return bad(http, 400, "The Host is not a host.");
	http->has_host = true;
	return DEMO_HTTP_MORE;
}

static enum demo_http_result field(struct demo_http *http, struct slice name, struct slice value)
{
	if (same(name, "host"))
		return host(http, value);
	if (same(name, "content-length"))
		return content_length(http, value);
	if (same(name, "transfer-encoding")) {
		if (http->chunked || http->http10)
			return bad(http, 400, "This Transfer-Encoding cannot be.");
		if (!same(value, "chunked"))
			return bad(http, 501, "The only Transfer-Encoding here is chunked.");
		http->chunked = true;
	} else if (same(name, "connection")) {
		if (lists(value, "close"))
			http->close = true;
		if (lists(value, "upgrade"))
			http->connection_upgrade = true;
	} else if (same(name, "expect")) {
		if (!same(value, "100-continue"))
			return bad(http, 417, "The only Expect here is 100-continue.");
		http->wants_continue = !http->http10;
	} else if (same(name, "upgrade")) {
		if (lists(value, "websocket"))
			http->upgrade = true;
	} else if (same(name, "sec-websocket-version")) {
		http->ws_version = same(value, "13");
	} else if (same(name, "sec-websocket-key")) {
		http->ws_key_twice = http->ws_key_twice || http->ws_key[0];
		if (value.len == DEMO_HTTP_WS_KEY)
			memcpy(http->ws_key, value.at, value.len);
	} else if (same(name, "via") || same(name, "x-forwarded-for")) {
		http->forwarded = true;
	}
	return DEMO_HTTP_MORE;
}

/* Name and value of a field line, of the head or of the trailers. */
static enum demo_http_result split(struct demo_http *http, struct slice line,
				   struct slice *ret_name, struct slice *ret_value)
{
	const char *colon = memchr(line.at, ':', line.len);
	struct slice name, value;

	if (++http->fields > DEMO_HTTP_FIELDS)
		return bad(http, 431, "There are too many fields.");
	if (!colon || colon == line.at)
		return bad(http, 400, "A field has no name.");
	name = (struct slice){ line.at, (size_t)(colon - line.at) };
	for (size_t i = 0; i < name.len; i++)
		if (!is_token((unsigned char)name.at[i]))
			return bad(http, 400, "A field's name is not a token.");
	value = trim((struct slice){ colon + 1, line.len - name.len - 1 });
	if (has_control(value))
		return bad(http, 400, "A field has a control byte.");
	*ret_name = name;
	*ret_value = value;
	return DEMO_HTTP_MORE;
}

static enum demo_http_result head_ends(struct demo_http *http)
{
	if (!http->has_host && !http->http10)
		return bad(http, 400, "There is no Host.");
	if (http->chunked && http->has_length)
		return bad(http, 400, "Content-Length and Transfer-Encoding exclude each other.");
	if (http->left > DEMO_HTTP_BODY)
		return bad(http, 413, "The body is larger than 1 MiB.");
	http->head = 0;
	http->fields = 0;
	if (http->chunked)
		http->state = DEMO_HTTP_CHUNK_LINE;
	else if (http->left)
		http->state = DEMO_HTTP_BODY_BYTES;
	else
		http->state = DEMO_HTTP_WHOLE;
	return DEMO_HTTP_MORE;
}

static enum demo_http_result field_line(struct demo_http *http, struct slice line)
{
	struct slice name, value;
	enum demo_http_result result;

	if (!line.len)
		return head_ends(http);
	result = split(http, line, &name, &value);
	return result == DEMO_HTTP_MORE ? field(http, name, value) : result;
}

/* Trailers are checked like fields and mean nothing. */
static enum demo_http_result trailer_line(struct demo_http *http, struct slice line)
{
	struct slice name, value;

	if (!line.len) {
		http->state = DEMO_HTTP_WHOLE;
		return DEMO_HTTP_MORE;
	}
	return split(http, line, &name, &value);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static enum demo_http_result chunk_line(struct demo_http *http, struct slice line)
{
	size_t digits = 0;
	uint64_t size = 0;

	for (; digits < line.len && hex_digit(line.at[digits]) >= 0; digits++) {
		if (digits == 8)
			return bad(http, 413, "A chunk is larger than 1 MiB.");
		size = size * 16 + (uint64_t)hex_digit(line.at[digits]);
	}
	if (!digits || line.len > 256)
		return bad(http, 400, "A chunk has no size.");
	if (digits < line.len && line.at[digits] != ';')
		return bad(http, 400, "A chunk's size is not a number.");
	if (has_control((struct slice){ line.at + digits, line.len - digits }))
		return bad(http, 400, "A chunk's extension has a control byte.");
	if (size > DEMO_HTTP_BODY - demo_buf_used(&http->body))
		return bad(http, 413, "The body is larger than 1 MiB.");
	/* Extensions are paid for from one purse, or a body of one-byte chunks never ends it. */
	http->head += line.len - digits;
	if (http->head > DEMO_HTTP_HEAD)
		return bad(http, 400, "The chunks have too many extensions.");
	http->left = size;
	http->state = size ? DEMO_HTTP_CHUNK_BYTES : DEMO_HTTP_TRAILER_LINE;
	return DEMO_HTTP_MORE;
}

static enum demo_http_result one_line(struct demo_http *http, struct slice line)
{
	switch (http->state) {
	case DEMO_HTTP_REQUEST_LINE:
		return request_line(http, line);
	case DEMO_HTTP_FIELD_LINE:
		return field_line(http, line);
	case DEMO_HTTP_CHUNK_LINE:
		return chunk_line(http, line);
	case DEMO_HTTP_CHUNK_END:
		http->state = DEMO_HTTP_CHUNK_LINE;
		return line.len ? bad(http, 400, "A chunk is longer than it said.")
				: DEMO_HTTP_MORE;
	case DEMO_HTTP_TRAILER_LINE:
		return trailer_line(http, line);
	case DEMO_HTTP_BODY_BYTES:
	case DEMO_HTTP_CHUNK_BYTES:
	case DEMO_HTTP_WHOLE:
		break;
	}
	return DEMO_HTTP_MORE;
}

/* Cut one line off the front; it must end in CRLF and hold no other CR, LF or NUL. */
static enum demo_http_result take_line(struct demo_http *http, struct slice *input,
				       struct slice *ret_line)
{
	size_t longest = http->state == DEMO_HTTP_CHUNK_END ? 1 : DEMO_HTTP_LINE;
	const char *end = memchr(input->at, '\n', input->len);
	size_t len = end ? (size_t)(end - input->at) : input->len;

	if (len > longest)
		return longest == 1 ? bad(http, 400, "A chunk is longer than it said.")
				    : bad(http, 431, "A line is too long.");
	if (!end)
		return DEMO_HTTP_MORE;
	if (!len || end[-1] != '\r')
		return bad(http, 400, "A line does not end in CRLF.");
	*ret_line = (struct slice){ input->at, len - 1 };
	if (memchr(ret_line->at, '\r', ret_line->len) || memchr(ret_line->at, '\0', ret_line->len))
		return bad(http, 400, "A line has a byte that no line may have.");
	if (http->state != DEMO_HTTP_CHUNK_LINE && http->state != DEMO_HTTP_CHUNK_END) {
		http->head += len + 1;
		if (http->head > DEMO_HTTP_HEAD)
			return bad(http, 431, "The head is too long.");
	}
	input->at += len + 1;
	input->len -= len + 1;
	return DEMO_HTTP_READY;
}

static void take_bytes(struct demo_http *http, struct slice *input)
{
	size_t len = input->len < http->left ? input->len : (size_t)http->left;

	demo_buf_add(&http->body, input->at, len);
	http->left -= len;
	input->at += len;
	input->len -= len;
	if (http->left)
		return;
	http->state = http->chunked ? DEMO_HTTP_CHUNK_END : DEMO_HTTP_WHOLE;
}

enum demo_http_result demo_http_feed(struct demo_http *http, const char *bytes, size_t len,
				     size_t *ret_used)
{
	struct slice input = { bytes, len }, line;
	enum demo_http_result result = DEMO_HTTP_MORE;

	while (result == DEMO_HTTP_MORE && http->state != DEMO_HTTP_WHOLE && input.len) {
		if (http->state == DEMO_HTTP_BODY_BYTES || http->state == DEMO_HTTP_CHUNK_BYTES) {
			take_bytes(http, &input);
			continue;
		}
		result = take_line(http, &input, &line);
		if (result == DEMO_HTTP_MORE)
			break;
		if (result == DEMO_HTTP_READY)
			result = one_line(http, line);
	}
	*ret_used = len - input.len;
	if (result == DEMO_HTTP_BAD)
		return result;
	return http->state == DEMO_HTTP_WHOLE ? DEMO_HTTP_READY : DEMO_HTTP_MORE;
}
