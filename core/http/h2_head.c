#include "core/http/h2_head.h"

#include "core/http/header.h"
#include "core/http/octets.h"
#include "core/http/path.h"
#include "core/http/target.h"

enum {
	FIELD_OVERHEAD = 32,
	METHOD_MAX = 32,
	SPARE = 6, /* what the gateway itself adds to a request that it passes on */
	FIRST_FIELDS = 16,
	NONE = UINT32_MAX,
};

enum pseudo { METHOD = 1, SCHEME = 2, PATH = 4, AUTHORITY = 8 };

static void fault(struct gh__h2_head *h, enum gh__h2_judgement judgement, int status,
		  const char *why)
{
	if (h->judgement >= judgement)
		return;
	h->judgement = (uint8_t)judgement;
	h->why = (struct gh__refusal){ status, why };
}

static void malformed(struct gh__h2_head *h, const char *why)
{
	fault(h, GH__H2_MALFORMED, 400, why);
}

static void refuse(struct gh__h2_head *h, int status, const char *why)
{
	fault(h, GH__H2_REFUSED, status, why);
}

void gh__h2_head_begin(struct gh__h2_head *h, struct gh__arena *a, size_t max_head,
		       uint32_t max_fields, struct gh_request *req)
{
	*h = (struct gh__h2_head){
		.arena = a,
		.req = req,
		.left = max_head,
		.max_fields = max_fields,
		.length = -1,
		.host = NONE,
		.cookie = NONE,
	};
	gh__headers_init(&req->headers, a);
	gh__headers_reserve(&req->headers, FIRST_FIELDS);
}

/* ---- what a field may be made of ---- */

/* RFC 9113 8.2.1: these bytes make a message malformed. */
static const char *value_fault(struct gh_str value)
{
	for (size_t i = 0; i < value.len; i++)
		if (value.at[i] == '\0' || value.at[i] == '\r' || value.at[i] == '\n')
			return "A value has NUL, CR or LF.";
	if (gh__trim(value).len != value.len)
		return "A value begins or ends with white space.";
	return NULL;
}

static const char *name_fault(struct gh_str name)
{
	if (!gh__is_token(name))
		return "A field's name is no token.";
	for (size_t i = 0; i < name.len; i++)
		if (gh_lower(name.at[i]) != name.at[i])
			return "A field's name is not in lower case.";
	return NULL;
}

/* RFC 9113 8.2.2. */
static const char *connection_fault(uint16_t id, struct gh_str value)
{
	switch (id) {
	case GH__H_CONNECTION:
	case GH__H_KEEP_ALIVE:
	case GH__H_PROXY_CONNECTION:
	case GH__H_TRANSFER_ENCODING:
	case GH__H_UPGRADE:
		return "A field that is a connection's own in HTTP/1.";
	case GH__H_TE:
		return gh_str_same(value, GH_STR("trailers")) ? NULL
							      : "TE is not exactly `trailers`.";
	default:
		return NULL;
	}
}

/* ---- fields ---- */

static void take_pseudo(struct gh__h2_head *h, struct gh_str name, struct gh_str value)
{
	enum pseudo which;
	struct gh_str *to;

	if (gh_str_is(name, ":method")) {
		which = METHOD;
		to = &h->req->method;
	} else if (gh_str_is(name, ":scheme")) {
		which = SCHEME;
		to = &h->scheme;
	} else if (gh_str_is(name, ":path")) {
		which = PATH;
		to = &h->target;
	} else if (gh_str_is(name, ":authority")) {
		which = AUTHORITY;
		to = &h->authority;
	} else {
		malformed(h, "A pseudo-header field that requests do not have.");
		return;
	}
	if (h->regular || h->seen & which) {
		malformed(h, "A pseudo-header field is there twice, or after other fields.");
		return;
	}
	h->seen |= (uint8_t)which;
	if (!h->judgement)
		*to = gh__arena_copy(h->arena, value);
}

/* What a field says to the gateway itself. */
static void take_meaning(struct gh__h2_head *h, uint16_t id, struct gh_str value)
{
	switch (id) {
	case GH__H_HOST:
		if (h->host != NONE)
			malformed(h, "Host is there twice.");
		h->host = h->req->headers.count;
		break;
	case GH__H_CONTENT_LENGTH:
		if (h->length >= 0)
			malformed(h, "Content-Length is there twice.");
		h->length = gh__decimal_from(value);
		if (h->length < 0)
			malformed(h, "Content-Length is not a number that can be.");
		break;
	case GH__H_EXPECT:
		if (gh_str_same(value, GH_STR("100-continue")))
			h->expects = 1;
		else
			refuse(h, 417, "Only `100-continue` can be expected.");
		break;
	case GH__H_COOKIE:
		h->crumbs++;
		h->crumb_bytes += value.len;
		if (h->cookie == NONE)
			h->cookie = h->req->headers.count;
		break;
	}
}

/* Name and value side by side: one rounding to the arena's unit. */
static void keep(struct gh__h2_head *h, uint16_t id, struct gh_str name, struct gh_str value)
{
	char *at = gh__arena_get(h->arena, name.len + value.len + 1);

	memcpy(at, name.at, name.len);
	if (value.len)
		memcpy(at + name.len, value.at, value.len);
	at[name.len + value.len] = 0;
	gh__headers_push(&h->req->headers, id, (struct gh_str){ at, name.len },
			 (struct gh_str){ at + name.len, value.len });
}

/* A few bytes of HPACK may stand for a great many: past the bounds each costs no more than a look. */
static bool is_over(struct gh__h2_head *h, struct gh_str name, struct gh_str value)
{
	if (h->over)
		return true;
	if (name.len + value.len + FIELD_OVERHEAD <= h->left && name.len <= UINT16_MAX) {
		h->left -= name.len + value.len + FIELD_OVERHEAD;
		return false;
	}
	h->over = 1;
	refuse(h, 431, "The head is longer than is allowed.");
	return true;
}

void gh__h2_head_field(struct gh__h2_head *h, struct gh_str name, struct gh_str value)
{
	const char *why;
	uint16_t id = GH__H_OTHER;

	h->decoded += name.len + value.len;
	if (is_over(h, name, value))
		return;
	why = value_fault(value);
	if (why)
		malformed(h, why);
	if (name.len && name.at[0] == ':') {
		take_pseudo(h, name, value);
	} else {
		h->regular = 1;
		why = name_fault(name);
		if (!why) {
			id = gh__header_number(name.at, name.len);
			why = connection_fault(id, value);
		}
		if (why)
			malformed(h, why);
		/* Crumbs of one cookie are one field. */
		if (id != GH__H_COOKIE || h->cookie == NONE)
			h->fields++;
	}
	if (h->fields > h->max_fields) {
		h->over = 1;
		refuse(h, 431, "The head has more fields than are allowed.");
	}
	if (!gh__is_field_value(value))
		refuse(h, 400, "A header field is malformed.");
	if (name.len && name.at[0] == ':')
		return;
	take_meaning(h, id, value);
	if (!h->judgement)
		keep(h, id, name, value);
}

/* ---- the whole ---- */

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

/* The upstream's side and modules look for Host, as HTTP/1 has it. */
static void take_authority(struct gh__h2_head *h)
{
	struct gh_headers *fields = &h->req->headers;
	struct gh_str host, named = { 0 };

	if (h->host != NONE) {
		named = gh_header_value(&fields->items[h->host]);
		if (h->seen & AUTHORITY && !gh_str_same(named, h->authority)) {
			malformed(h, "Host and :authority differ.");
			return;
		}
	}
	if (!(h->seen & AUTHORITY)) {
		if (h->host == NONE) {
			refuse(h, 400, "Neither :authority nor Host is there.");
			return;
		}
		h->authority = named;
	}
	if (gh__authority_from(h->authority, &host)) {
		refuse(h, 400, ":authority or Host is not valid.");
		return;
	}
	h->req->authority = h->authority;
	h->req->host = lower(h->arena, host);
	if (h->host == NONE) {
		gh__headers_push(fields, GH__H_HOST, GH_STR("host"), h->authority);
	} else {
		fields->items[h->host].value = h->authority.at;
		fields->items[h->host].value_len = (uint32_t)h->authority.len;
	}
}

static void take_target(struct gh__h2_head *h)
{
	bool options = gh_str_is(h->req->method, "OPTIONS");
	struct gh__target target;
	const char *why;

	if (h->target.len == 0) {
		malformed(h, ":path is empty.");
	} else if (h->target.at[0] != '/' && !gh_str_is(h->target, "*")) {
		refuse(h, 400, "The target is no path.");
	} else if (gh__target_from(h->target, options ? GH__ASTERISK_OK : GH__ASTERISK_BAD, &target,
				   &why)) {
		refuse(h, 400, why);
	} else if (gh_str_is(target.path, "*")) {
		h->req->path = target.path;
	} else if (gh__path_canonical(h->arena, target.path, &h->req->path, &why)) {
		refuse(h, 400, why);
	}
	if (!h->judgement)
		h->req->query = target.query;
}

/* llhttp's list is the one that HTTP/1 goes by; PRI in it is the preface's. */
static bool is_known_method(struct gh_str method)
{
	static const char *const names[] = {
#define NAME(number, name, string) #string,
		HTTP_METHOD_MAP(NAME)
#undef NAME
	};

	for (size_t i = 0; i < GH_COUNT_OF(names); i++)
		if (gh_str_is(method, names[i]))
			return true;
	return false;
}

static void take_method(struct gh__h2_head *h)
{
	struct gh_str method = h->req->method;

	if (!gh__is_token(method))
		malformed(h, "The method is malformed.");
	else if (gh_str_is(method, "CONNECT") || gh_str_is(method, "TRACE"))
		refuse(h, 405, "The method is not allowed.");
	else if (method.len > METHOD_MAX || !is_known_method(method))
		refuse(h, 501, "The method is not known here.");
}

static void take_pseudos(struct gh__h2_head *h)
{
	bool connect = gh_str_is(h->req->method, "CONNECT");

	if (!(h->seen & METHOD)) {
		malformed(h, ":method is missing.");
		return;
	}
	take_method(h);
	if (connect) /* it may have neither scheme nor path, and gets no further */
		return;
	if (!(h->seen & SCHEME) || !(h->seen & PATH)) {
		malformed(h, ":scheme or :path is missing.");
		return;
	}
	if (!gh_str_same(h->scheme, GH_STR("https")) && !gh_str_same(h->scheme, GH_STR("http")))
		refuse(h, 400, "The scheme is neither http nor https.");
	take_target(h);
	take_authority(h);
}

/* RFC 9113 8.2.3: crumbs go on as one field, at the place of the first. */
static void join_crumbs(struct gh__h2_head *h)
{
	struct gh_headers *fields = &h->req->headers;
	uint32_t kept = h->cookie + 1;

	if (h->crumbs < 2)
		return;
	char *text = gh__arena_get(h->arena, h->crumb_bytes + 2 * h->crumbs), *to = text;
	for (uint32_t i = h->cookie; i < fields->count; i++) {
		struct gh_header *field = &fields->items[i];
		if (field->id != GH__H_COOKIE) {
			fields->items[kept++] = *field;
			continue;
		}
		if (i != h->cookie) {
			*to++ = ';';
			*to++ = ' ';
		}
		memcpy(to, field->value, field->value_len);
		to += field->value_len;
	}
	fields->count = kept;
	fields->items[h->cookie].value = text;
	fields->items[h->cookie].value_len = (uint32_t)(to - text);
}

enum gh__h2_judgement gh__h2_head_end(struct gh__h2_head *h, enum gh__h2_end end,
				      enum gh__expect *ret_expect, struct gh__refusal *ret_why)
{
	if (h->judgement != GH__H2_MALFORMED && end == GH__H2_ENDS && h->length > 0)
		malformed(h, "Content-Length tells of a body that does not come.");
	if (!h->judgement)
		take_pseudos(h);
	if (h->judgement) {
		*ret_why = h->why;
		return h->judgement;
	}
	join_crumbs(h);
	if (h->req->headers.room - h->req->headers.count < SPARE)
		gh__headers_reserve(&h->req->headers, h->req->headers.count + SPARE);
	if (end == GH__H2_ENDS)
		h->req->length = 0;
	else
		h->req->length = h->length; /* -1: not known */
	*ret_expect = h->expects && h->req->length ? GH__EXPECT_CONTINUE : GH__EXPECT_NOTHING;
	return GH__H2_FINE;
}

int gh__h2_trailer(struct gh_str name, struct gh_str value, const char **ret_why)
{
	const char *why = value_fault(value);

	if (!why)
		why = name_fault(name); /* `:` is in no token, so pseudo-header fields are none */
	if (!why)
		why = connection_fault(gh__header_number(name.at, name.len), value);
	if (!why)
		return 0;
	*ret_why = why;
	return -1;
}
