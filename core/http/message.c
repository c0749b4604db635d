#include "core/http/message.h"

#include "core/base/memory.h"
#include "core/http/header.h"
#include "core/http/octets.h"
#include "core/http/path.h"
#include "core/http/target.h"

enum {
	METHOD_MAX = 32,
	VERSION_LEN = 8, /* HTTP/1.1 */
};

/* What the callbacks fill. */
struct building {
	struct gh_headers *headers;
	uint32_t max;
	uint8_t too_many;
	uint8_t chunked; /* llhttp's own judgement */
};

static int refuse(struct gh__refusal *ret_why, int status, const char *why)
{
	*ret_why = (struct gh__refusal){ status, why };
	return -1;
}

/* ---- llhttp over a head: spans come whole, since the head is ---- */

static struct building *building_of(llhttp_t *l)
{
	return ((struct gh__message *)l)->building;
}

static int on_name(llhttp_t *l, const char *at, size_t len)
{
	struct building *b = building_of(l);

	if (b->headers->count >= b->max || len > UINT16_MAX) {
		b->too_many = 1;
		return -1;
	}
	gh__headers_push(b->headers, gh__header_number(at, len), (struct gh_str){ at, len },
			 GH_STR(""));
	return 0;
}

static int on_value(llhttp_t *l, const char *at, size_t len)
{
	struct building *b = building_of(l);
	struct gh_header *h = &b->headers->items[b->headers->count - 1];

	if (h->value_len) /* a second piece: a folded line */
		return -1;
	while (len && (at[len - 1] == ' ' || at[len - 1] == '\t'))
		len--;
	h->value = at;
	h->value_len = (uint32_t)len;
	return 0;
}

/* Other bodies than chunked ones are counted in body.c: llhttp need not know of them. */
static int on_head(llhttp_t *l)
{
	building_of(l)->chunked = (l->flags & F_CHUNKED) != 0;
	return building_of(l)->chunked ? 0 : 1;
}

static const llhttp_settings_t head_settings = {
	.on_header_field = on_name,
	.on_header_value = on_value,
	.on_headers_complete = on_head,
};

/* 0, or -1 and the refusal. A Transfer-Encoding that llhttp does not like is let through: it is told
 * after all fields were read, and take_framing() has better words for it. */
static int parse(struct gh__message *m, struct building *b, enum llhttp_type type,
		 struct gh_str head, struct gh__refusal *ret_why)
{
	llhttp_init(&m->llhttp, type, &head_settings);
	m->building = b;
	enum llhttp_errno e = llhttp_execute(&m->llhttp, head.at, head.len);
	m->building = NULL;
	switch (e) {
	case HPE_OK:
	case HPE_PAUSED_UPGRADE:
	case HPE_INVALID_TRANSFER_ENCODING:
		return 0;
	case HPE_INVALID_METHOD:
		return refuse(ret_why, 501, "The method is not known here.");
	case HPE_INVALID_CONSTANT: /* a method of RTSP */
		return refuse(ret_why, 501, "The method is not one of HTTP.");
	case HPE_INVALID_URL:
		return refuse(ret_why, 400, "The target is malformed.");
	case HPE_INVALID_CONTENT_LENGTH:
	case HPE_UNEXPECTED_CONTENT_LENGTH:
		return refuse(ret_why, 400, "Content-Length is not valid, or not alone.");
	default:
		if (b->too_many)
			return refuse(ret_why, 431, "The head has more fields than are allowed.");
		return refuse(ret_why, 400, "A header field is malformed.");
	}
}

/* ---- What requests and answers have in common ---- */

enum {
	SAYS_CLOSE = 1,
	SAYS_KEEP_ALIVE = 2,
	SAYS_UPGRADE = 4,
};

/* What stood in the fields that frame the message and steer the connection. */
struct framing {
	const struct gh_header *length, *coding, *upgrade;
	struct gh_str host;
	unsigned lengths, codings, hosts, upgrades, connections, connection_names;
	unsigned says;
	bool expects, expects_other;
};

static void take_connection(struct framing *f, struct gh_str list)
{
	struct gh_str name;

	f->connections++;
	while (gh__list_next(&list, &name)) {
		f->connection_names++;
		if (gh_str_same(name, GH_STR("close")))
			f->says |= SAYS_CLOSE;
		else if (gh_str_same(name, GH_STR("keep-alive")))
			f->says |= SAYS_KEEP_ALIVE;
		else if (gh_str_same(name, GH_STR("upgrade")))
			f->says |= SAYS_UPGRADE;
	}
}

static void look_at(struct framing *f, const struct gh_headers *headers)
{
	for (uint32_t i = 0; i < headers->count; i++) {
		const struct gh_header *h = &headers->items[i];
		switch (h->id) {
		case GH__H_CONTENT_LENGTH:
			f->length = h;
			f->lengths++;
			break;
		case GH__H_TRANSFER_ENCODING:
			f->coding = h;
			f->codings++;
			break;
		case GH__H_CONNECTION:
			take_connection(f, gh_header_value(h));
			break;
		case GH__H_HOST:
			f->host = gh_header_value(h);
			f->hosts++;
			break;
		case GH__H_UPGRADE:
			f->upgrade = h;
			f->upgrades++;
			break;
		case GH__H_EXPECT:
			if (gh_str_same(gh_header_value(h), GH_STR("100-continue")))
				f->expects = true;
			else
				f->expects_other = true;
			break;
		}
	}
}

/* A Transfer-Encoding that is not exactly `chunked`: 400 where chunked is not last or not alone of
 * its kind or the list is malformed, 501 where a coding is not known (RFC 9112 6.1, 7). */
static int judge_coding(struct gh_str value, struct gh__refusal *ret_why)
{
	struct gh_str list = value, coding;
	bool chunked_last = false, unknown = false;
	unsigned chunked = 0;

	while (gh__list_next(&list, &coding)) {
		chunked_last = gh_str_same(coding, GH_STR("chunked"));
		chunked += chunked_last;
		unknown |= !chunked_last;
		if (!gh__is_token(coding))
			return refuse(ret_why, 400, "Transfer-Encoding is malformed.");
	}
	if (chunked > 1 || (chunked && !chunked_last))
		return refuse(ret_why, 400, "Transfer-Encoding must end in `chunked`, once.");
	if (unknown)
		return refuse(ret_why, 501, "Only `chunked` is understood of Transfer-Encoding.");
	return 0;
}

/* Sets framing and the length that Content-Length tells (-1: none). */
static int take_framing(struct gh__message *m, const struct framing *f, const struct building *b,
			int64_t *ret_length, struct gh__refusal *ret_why)
{
	*ret_length = -1;
	if (f->connections > GH__CONNECTION_FIELDS || f->connection_names > GH__CONNECTION_NAMES)
		return refuse(ret_why, 400, "Connection names too many fields.");
	if (f->lengths && f->codings)
		return refuse(ret_why, 400, "Content-Length and Transfer-Encoding are both there.");
	if (f->lengths > 1)
		return refuse(ret_why, 400, "Content-Length is there twice.");
	if (f->codings > 1)
		return refuse(ret_why, 400, "Transfer-Encoding is there twice.");
	if (f->codings) {
		if (m->version == 0)
			return refuse(ret_why, 400, "HTTP/1.0 has no Transfer-Encoding.");
		if (judge_coding(gh_header_value(f->coding), ret_why))
			return -1;
		if (!b->chunked) /* the two judges must agree */
			return refuse(ret_why, 400, "Transfer-Encoding is malformed.");
		m->framing = GH__BODY_CHUNKED;
		return 0;
	}
	if (f->lengths) {
		int64_t length = gh__decimal_from(gh_header_value(f->length));
		if (length < 0)
			return refuse(ret_why, 400, "Content-Length is not a number that can be.");
		*ret_length = length;
		m->left = (uint64_t)length;
		m->framing = length ? GH__BODY_LENGTH : GH__BODY_NONE;
	}
	return 0;
}

static void take_keep_alive(struct gh__message *m, const struct framing *f)
{
	m->keep_alive = !(f->says & SAYS_CLOSE) && (m->version == 1 || f->says & SAYS_KEEP_ALIVE);
}

/* Zeroes all but the parser, which llhttp_init() zeroes. */
static void reset(struct gh__message *m)
{
	size_t from = offsetof(struct gh__message, left);

	memset((char *)m + from, 0, sizeof *m - from);
}

/* `HTTP/1.0` or `HTTP/1.1` to the letter. */
static int take_version(struct gh__message *m, struct gh_str version, struct gh__refusal *ret_why)
{
	if (version.len != VERSION_LEN || memcmp(version.at, "HTTP/", 5) != 0 ||
	    !gh__is_digit(version.at[5]) || version.at[6] != '.' || !gh__is_digit(version.at[7]) ||
	    version.at[5] == '0')
		return refuse(ret_why, 400, "The first line does not name a version of HTTP.");
	if (version.at[5] != '1' || version.at[7] > '1')
		return refuse(ret_why, 505, "Only HTTP/1.1 and HTTP/1.0 are spoken here.");
	m->version = version.at[7] == '1';
	return 0;
}

/* What the gateway itself adds to a message that it passes on finds room too. */
enum { REQUEST_SPARE = 6, ANSWER_SPARE = 4 };

/* Lines of fields, `max` at most: the list is made once and no larger than it must be. */
static uint32_t count_lines(struct gh_str head, uint32_t max)
{
	const char *end = head.at + head.len, *at = head.at;
	uint32_t lines = 0;

	while (lines < max + 2 && (at = memchr(at, '\n', (size_t)(end - at))) != NULL) {
		lines++;
		at++;
	}
	return lines > 2 ? lines - 2 : 0;
}

static struct gh_str first_line(struct gh_str head)
{
	const char *cr = head.len ? memchr(head.at, '\r', head.len) : NULL;

	return (struct gh_str){ head.at, cr ? (size_t)(cr - head.at) : head.len };
}

/* ---- Requests ---- */

struct request_line {
	struct gh_str method, target, version;
};

static int take_line(struct gh_str line, struct request_line *ret_line, struct gh__refusal *ret_why)
{
	const char *end = line.at + line.len;
	const char *space = line.len ? memchr(line.at, ' ', line.len) : NULL;

	if (!space)
		return refuse(ret_why, 400, "The request line is malformed.");
	ret_line->method = (struct gh_str){ line.at, (size_t)(space - line.at) };
	if (!gh__is_token(ret_line->method))
		return refuse(ret_why, 400, "The method is malformed.");
	if (ret_line->method.len > METHOD_MAX)
		return refuse(ret_why, 501, "The method is not known here.");
	const char *target = space + 1;
	space = target < end ? memchr(target, ' ', (size_t)(end - target)) : NULL;
	if (!space)
		return refuse(ret_why, 400, "The request line has no version.");
	ret_line->target = (struct gh_str){ target, (size_t)(space - target) };
	ret_line->version = (struct gh_str){ space + 1, (size_t)(end - space - 1) };
	return 0;
}

static struct gh_str lower(struct gh__arena *a, struct gh_str s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (gh_lower(s.at[i]) == s.at[i])
			continue;
		char *to = gh__arena_get(a, s.len + 1);
		for (i = 0; i < s.len; i++)
			to[i] = gh_lower(s.at[i]);
		to[s.len] = 0;
		return (struct gh_str){ to, s.len };
	}
	return s;
}

/* Host must be there once and be valid even where absolute-form wins over it. */
static int take_host(struct gh__arena *a, const struct framing *f, struct gh_str authority,
		     struct gh_request *req, struct gh__refusal *ret_why)
{
	struct gh_str host;

	if (f->hosts != 1)
		return refuse(ret_why, 400, f->hosts ? "Host is there twice." : "Host is missing.");
	if (gh__authority_from(f->host, &host))
		return refuse(ret_why, 400, "Host is not valid.");
	req->authority = f->host;
	if (authority.len) {
		gh__authority_from(authority, &host); /* was judged with the target */
		req->authority = authority;
		for (uint32_t i = 0; i < req->headers.count; i++) {
			struct gh_header *h = &req->headers.items[i];
			if (h->id != GH__H_HOST)
				continue;
			h->value = authority.at;
			h->value_len = (uint32_t)authority.len;
		}
	}
	req->host = lower(a, host);
	return 0;
}

static void take_upgrade(struct gh__message *m, const struct framing *f, struct gh_str method)
{
	if (f->upgrades == 1 && f->says & SAYS_UPGRADE && m->version == 1 &&
	    m->framing == GH__BODY_NONE && gh_str_eq(method, GH_STR("GET")) &&
	    gh_str_same(gh_header_value(f->upgrade), GH_STR("websocket")))
		m->upgrade = GH__UPGRADE_WEBSOCKET;
}

int gh__request_head(struct gh__message *m, struct gh__arena *a, struct gh_str head,
		     uint32_t max_headers, struct gh_request *req, struct gh__refusal *ret_why)
{
	struct building b = { .headers = &req->headers, .max = max_headers };
	struct request_line line;
	struct gh__target target;
	const char *why;

	reset(m);
	gh__headers_init(&req->headers, a);
	gh__headers_reserve(&req->headers, count_lines(head, max_headers) + REQUEST_SPARE);
	if (take_line(first_line(head), &line, ret_why) || take_version(m, line.version, ret_why))
		return -1;
	if (gh_str_eq(line.method, GH_STR("CONNECT")) || gh_str_eq(line.method, GH_STR("TRACE")))
		return refuse(ret_why, 405, "The method is not allowed.");
	bool options = gh_str_eq(line.method, GH_STR("OPTIONS"));
	if (gh__target_from(line.target, options ? GH__ASTERISK_OK : GH__ASTERISK_BAD, &target,
			    &why))
		return refuse(ret_why, 400, why);
	if (gh_str_eq(target.path, GH_STR("*")))
		req->path = target.path;
	else if (gh__path_canonical(a, target.path, &req->path, &why))
		return refuse(ret_why, 400, why);
	if (parse(m, &b, HTTP_REQUEST, head, ret_why))
		return -1;

	struct framing f = { 0 };
	int64_t length;
	look_at(&f, &req->headers);
	if (take_framing(m, &f, &b, &length, ret_why) ||
	    take_host(a, &f, target.authority, req, ret_why))
		return -1;
	if (f.expects_other)
		return refuse(ret_why, 417, "Only `100-continue` can be expected.");
	if (f.expects && m->version == 1) /* RFC 9110 10.1.1: ignored from HTTP/1.0 */
		m->expect = GH__EXPECT_CONTINUE;
	take_keep_alive(m, &f);
	take_upgrade(m, &f, line.method);
	req->method = line.method;
	req->query = target.query;
	req->length = m->framing == GH__BODY_CHUNKED ? -1 : (int64_t)m->left;
	return 0;
}

/* ---- Answers ---- */

/* `HTTP/1.1 200`, then nothing or a space and any reason. */
static int take_status(struct gh__message *m, struct gh_str line, int *ret_status,
		       struct gh__refusal *ret_why)
{
	const char *code = line.at + VERSION_LEN + 1;

	if (line.len < VERSION_LEN + 4 || line.at[VERSION_LEN] != ' ')
		return refuse(ret_why, 502, "The status line is malformed.");
	if (take_version(m, gh_str_slice(line, 0, VERSION_LEN), ret_why))
		return -1;
	if (!gh__is_digit(code[0]) || !gh__is_digit(code[1]) || !gh__is_digit(code[2]) ||
	    (line.len > VERSION_LEN + 4 && code[3] != ' '))
		return refuse(ret_why, 502, "The status line is malformed.");
	int status = (code[0] - '0') * 100 + (code[1] - '0') * 10 + (code[2] - '0');
	if (status < 100 || status > 599)
		return refuse(ret_why, 502, "The status is out of range.");
	*ret_status = status;
	return 0;
}

int gh__answer_head(struct gh__message *m, struct gh__arena *a, struct gh_str head,
		    uint32_t max_headers, enum gh__asked asked, struct gh_response *res,
		    struct gh__refusal *ret_why)
{
	struct building b = { .headers = &res->headers, .max = max_headers };
	struct framing f = { 0 };
	int64_t length;
	int status;

	reset(m);
	gh__headers_init(&res->headers, a);
	gh__headers_reserve(&res->headers, count_lines(head, max_headers) + ANSWER_SPARE);
	if (take_status(m, first_line(head), &status, ret_why) ||
	    parse(m, &b, HTTP_RESPONSE, head, ret_why))
		return -1;
	look_at(&f, &res->headers);
	if (take_framing(m, &f, &b, &length, ret_why))
		return -1;
	take_keep_alive(m, &f);
	if (status < 200 || status == 204) {
		length = 0;
		m->framing = GH__BODY_NONE;
	} else if (status == 304 || asked == GH__ASKED_HEAD) {
		m->framing =
			GH__BODY_NONE; /* and the length is that of a body that does not come */
	} else if (!f.lengths && !f.codings) {
		m->framing = GH__BODY_UNTIL_CLOSE;
		m->keep_alive = 0;
	}
	if (m->framing == GH__BODY_NONE)
		m->left = 0;
	m->upgrade = status == 101;
	res->status = status;
	res->length = length;
	return 0;
}
