/*
 * A connection without sockets, for fuzz targets: bytes come in pieces, messages come out, and all
 * that was understood goes into a log. However the bytes were cut, the log must be the same.
 */
#ifndef GATEHOUSE_TESTS_FUZZ_STREAM_H
#define GATEHOUSE_TESTS_FUZZ_STREAM_H

#include <stdio.h>
#include <stdlib.h>

#include "core/base/memory.h"
#include "core/http/header.h"
#include "core/http/message.h"
#include "core/http/path.h"

enum stream_side { STREAM_REQUESTS, STREAM_ANSWERS, STREAM_ANSWERS_TO_HEAD };
enum stream_state { STREAM_HEAD, STREAM_BODY, STREAM_OVER };
enum { STREAM_HEAD_LIMIT = 1024, STREAM_MAX_HEADERS = 20 };

struct stream {
	enum stream_side side;
	enum stream_state state;
	struct gh__scan scan;
	struct gh__message message;
	char *pending; /* bytes of a head that is not whole */
	size_t pending_len;
	char *log;
	size_t log_len;
};

static inline void stream_log(struct stream *s, const void *bytes, size_t len)
{
	s->log = gh__realloc(s->log, s->log_len + len + 1);
	if (len)
		memcpy(s->log + s->log_len, bytes, len);
	s->log_len += len;
}

static inline void stream_number(struct stream *s, const char *what, long long n)
{
	char text[64];
	int len = snprintf(text, sizeof text, "\n%s=%lld\n", what, n);

	stream_log(s, text, (size_t)len);
}

static inline void stream_check_headers(struct stream *s, struct gh_headers *h, enum gh__side side)
{
	for (uint32_t i = 0; i < h->count; i++) {
		struct gh_str name = gh_header_name(&h->items[i]);
		struct gh_str value = gh_header_value(&h->items[i]);

		GH_CHECK(gh__is_token(name));
		GH_CHECK(gh__is_field_value(value));
		GH_CHECK(h->items[i].id == gh__header_number(name.at, name.len));
		if (value.len) {
			GH_CHECK(value.at[0] != ' ' && value.at[0] != '\t');
			GH_CHECK(value.at[value.len - 1] != ' ' && value.at[value.len - 1] != '\t');
		}
		stream_log(s, name.at, name.len);
		stream_log(s, ":", 1);
		stream_log(s, value.at, value.len);
		stream_log(s, "\n", 1);
	}
	gh__headers_strip(h, side);
	for (uint32_t i = 0; i < h->count; i++) {
		unsigned t = gh__header_traits(&h->items[i]);
		GH_CHECK(!(t & (GH__HOP | GH__FRAMING)));
		GH_CHECK(side == GH__FROM_UPSTREAM || !(t & GH__OWNED));
	}
}

static inline int stream_request(struct stream *s, struct gh_str head, struct gh__refusal *why)
{
	struct gh_request req = { 0 };
	struct gh__message *m = &s->message;
	struct gh__arena a;

	gh__arena_init(&a, NULL, 0);
	int r = gh__request_head(m, &a, head, STREAM_MAX_HEADERS, &req, why);
	if (r == 0) {
		struct gh_str again;
		const char *bad;

		GH_CHECK(gh__is_token(req.method));
		GH_CHECK(gh_str_is(req.path, "*") ||
			 (gh__path_canonical(&a, req.path, &again, &bad) == 0 &&
			  again.at == req.path.at));
		for (size_t i = 0; i < req.query.len; i++)
			GH_CHECK(req.query.at[i] > ' ' && req.query.at[i] < 0x7f &&
				 req.query.at[i] != '#');
		GH_CHECK(req.host.len > 0 && req.authority.len >= req.host.len);
		for (size_t i = 0; i < req.host.len; i++)
			GH_CHECK(req.host.at[i] == gh_lower(req.authority.at[i]));
		GH_CHECK(gh_str_eq(gh_header_get(&req.headers, GH_STR("host")), req.authority));
		GH_CHECK((req.length == -1) == (m->framing == GH__BODY_CHUNKED));
		GH_CHECK((req.length == 0) == (m->framing == GH__BODY_NONE));
		GH_CHECK(!gh__headers_by_id(&req.headers, GH__H_CONTENT_LENGTH) ||
			 !gh__headers_by_id(&req.headers, GH__H_TRANSFER_ENCODING));
		GH_CHECK(!m->upgrade || (m->framing == GH__BODY_NONE && m->version == 1));
		stream_log(s, req.method.at, req.method.len);
		stream_log(s, req.path.at, req.path.len);
		stream_log(s, req.query.at, req.query.len);
		stream_number(s, "length", req.length);
		stream_number(s, "keep", m->keep_alive);
		stream_check_headers(s, &req.headers, GH__FROM_CLIENT);
		GH_CHECK(gh__headers_remove_id(&req.headers, GH__H_HOST) == 1);
	}
	gh__arena_finish(&a);
	return r;
}

static inline int stream_answer(struct stream *s, struct gh_str head, struct gh__refusal *why)
{
	struct gh_response res = { 0 };
	struct gh__message *m = &s->message;
	struct gh__arena a;

	gh__arena_init(&a, NULL, 0);
	int r = gh__answer_head(m, &a, head, STREAM_MAX_HEADERS,
				s->side == STREAM_ANSWERS ? GH__ASKED_BODY : GH__ASKED_HEAD, &res,
				why);
	if (r == 0) {
		GH_CHECK(res.status >= 100 && res.status <= 599);
		GH_CHECK(res.length >= -1);
		if (res.status < 200 || res.status == 204 || res.status == 304 ||
		    s->side == STREAM_ANSWERS_TO_HEAD)
			GH_CHECK(m->framing == GH__BODY_NONE);
		if (m->framing == GH__BODY_UNTIL_CLOSE)
			GH_CHECK(!m->keep_alive && res.length == -1);
		GH_CHECK((res.status == 101) == m->upgrade);
		stream_number(s, "status", res.status);
		stream_number(s, "length", res.length);
		stream_number(s, "keep", m->keep_alive);
		stream_check_headers(s, &res.headers, GH__FROM_UPSTREAM);
	}
	gh__arena_finish(&a);
	return r;
}

static inline void stream_feed(struct stream *s, struct gh_str piece);

/* Takes the pending bytes for the start of a head, and what is behind it for what comes next. */
static inline void stream_head(struct stream *s)
{
	struct gh_str bytes = { s->pending, s->pending_len };
	struct gh__refusal why = { 0, NULL };
	size_t skip = gh__scan_skip(bytes), len = 0;
	enum gh__scan_result r = gh__scan_head(&s->scan, gh_str_slice(bytes, skip, bytes.len),
					       STREAM_HEAD_LIMIT, &len, &why);

	if (r == GH__SCAN_MORE)
		return;
	if (r == GH__SCAN_HEAD) {
		GH_CHECK(len >= 4 && len <= STREAM_HEAD_LIMIT && skip + len <= bytes.len);
		GH_CHECK(memcmp(bytes.at + skip + len - 4, "\r\n\r\n", 4) == 0);
		struct gh_str head = gh_str_slice(bytes, skip, skip + len);
		int refused = s->side == STREAM_REQUESTS ? stream_request(s, head, &why)
							 : stream_answer(s, head, &why);
		if (refused)
			r = GH__SCAN_BAD;
	}
	if (r == GH__SCAN_BAD) {
		GH_CHECK(why.why && why.status >= 400 && why.status <= 599);
		stream_number(s, "refused", why.status);
		s->state = STREAM_OVER;
		return;
	}
	char *pending = s->pending;
	struct gh_str rest = gh_str_slice(bytes, skip + len, bytes.len);
	s->pending = NULL;
	s->pending_len = 0;
	s->scan = (struct gh__scan){ 0 };
	s->state = STREAM_BODY;
	stream_feed(s, rest);
	gh__free(pending);
}

static inline void stream_body(struct stream *s, struct gh_str piece)
{
	const char *at = piece.at, *end = piece.at + piece.len;
	struct gh__refusal why = { 0, NULL };

	for (;;) {
		struct gh_str data;
		const char *before = at;
		enum gh__body_step step = gh__body_next(&s->message, &at, end, &data, &why);

		GH_CHECK(at >= before && at <= end);
		if (step == GH__BODY_DATA) {
			GH_CHECK(data.len && data.at >= before && data.at + data.len <= at);
			stream_log(s, data.at, data.len);
			continue;
		}
		if (step == GH__BODY_MORE) {
			GH_CHECK(at == end);
			return;
		}
		stream_number(s, step == GH__BODY_END ? "end" : "bad", 0);
		s->state = step == GH__BODY_END ? STREAM_HEAD : STREAM_OVER;
		if (step == GH__BODY_END && at < end)
			stream_feed(s, (struct gh_str){ at, (size_t)(end - at) });
		return;
	}
}

static inline void stream_feed(struct stream *s, struct gh_str piece)
{
	switch (s->state) {
	case STREAM_HEAD:
		s->pending = gh__realloc(s->pending, s->pending_len + piece.len + 1);
		if (piece.len)
			memcpy(s->pending + s->pending_len, piece.at, piece.len);
		s->pending_len += piece.len;
		stream_head(s);
		break;
	case STREAM_BODY:
		stream_body(s, piece);
		break;
	case STREAM_OVER:
		break;
	}
}

/* The log of a stream that came in pieces of these lengths, the second again and again. */
static inline struct gh_str stream_read(enum stream_side side, struct gh_str bytes, size_t first,
					size_t then)
{
	struct stream s = { .side = side };
	size_t at = first < bytes.len ? first : bytes.len;

	/* Each piece in memory of its own, so that a sanitizer sees a read past it. */
	for (size_t from = 0; from < bytes.len; from = at, at += then) {
		if (at > bytes.len)
			at = bytes.len;
		char *piece = gh__alloc(at - from + 1);
		memcpy(piece, bytes.at + from, at - from);
		piece = gh__realloc(piece, at - from ? at - from : 1);
		stream_feed(&s, (struct gh_str){ piece, at - from });
		gh__free(piece);
	}
	if (s.state == STREAM_BODY)
		stream_number(&s, "closed", gh__body_closed(&s.message));
	stream_number(&s, "state", s.state);
	gh__free(s.pending);
	return (struct gh_str){ s.log, s.log_len };
}

/* Reads a stream in one piece, byte by byte, and cut at `cut`, and compares. */
static inline void stream_compare(enum stream_side side, struct gh_str bytes, size_t cut)
{
	struct gh_str whole = stream_read(side, bytes, bytes.len, 1);
	struct gh_str bits = stream_read(side, bytes, 1, 1);
	struct gh_str halves = stream_read(side, bytes, cut, bytes.len + 1);

	GH_CHECK(gh_str_eq(whole, bits));
	GH_CHECK(gh_str_eq(whole, halves));
	gh__free((void *)(uintptr_t)whole.at);
	gh__free((void *)(uintptr_t)bits.at);
	gh__free((void *)(uintptr_t)halves.at);
}

#endif
