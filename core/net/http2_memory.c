/*
 * What a session of HTTP/2 is made of. nghttp2 keeps a buffer of 16 KB for each session, and has
 * something in it only while it is asked for frames: so all sessions of a loop share one, and an idle
 * connection goes without. (Found by its size while a session is made; a library that does it in another
 * way gets memory of its own.)
 */
#include "core/base/memory.h"
#include "core/net/http2.h"

enum {
	FRAME_ROOM = GH__HTTP2_FRAME_HEAD + 1 + (16 << 10), /* as nghttp2 asks for it */
	NOT_LENDING = 0,
	LENDING = 1,
	ACKS = 64,      /* that wait to be sent */
	SETTINGS = 256, /* in one frame */
	/* Frames of one head, and each counts again when its header comes in pieces; what bounds heads is
	 * in h2_budget.c. */
	CONTINUATIONS = 4096,
	LARGEST_HEAD = 1 << 20, /* of an answer */
};

/* ---- memory ---- */

static void *take(size_t size, void *owner)
{
	struct gh__http2 *h = owner;
	struct gh__loop *l = h->conn->pump.loop;

	if (h->lending && !h->lent && size == FRAME_ROOM) {
		if (!l->http2_room)
			l->http2_room = gh__alloc(FRAME_ROOM);
		h->lent = l->http2_room;
		return h->lent;
	}
	return gh__alloc(size);
}

static void give_back(void *p, void *owner)
{
	struct gh__http2 *h = owner;

	if (p && p == h->lent)
		h->lent = NULL;
	else
		gh__free(p);
}

static void *take_zeroed(size_t count, size_t size, void *owner)
{
	size_t total;

	(void)owner;
	GH_CHECK(!__builtin_mul_overflow(count, size, &total));
	return gh__zalloc(total);
}

static void *resize(void *old, size_t size, void *owner)
{
	struct gh__http2 *h = owner;

	if (!old)
		return take(size, owner);
	if (old != h->lent)
		return gh__realloc(old, size);
	void *own = gh__alloc(size);
	memcpy(own, old, size < FRAME_ROOM ? size : FRAME_ROOM);
	h->lent = NULL;
	return own;
}

/* ---- the session ---- */

/* Libraries without a bound on CONTINUATION frames do not have this. */
#pragma weak nghttp2_option_set_max_continuations

static nghttp2_option *options(void)
{
	nghttp2_option *o;

	GH_CHECK(nghttp2_option_new(&o) == 0);
	nghttp2_option_set_no_auto_window_update(o, 1);
	nghttp2_option_set_no_http_messaging(o, 1); /* h2_head.c is stricter */
	nghttp2_option_set_no_closed_streams(o, 1);
	nghttp2_option_set_max_reserved_remote_streams(o, 0);
	nghttp2_option_set_max_outbound_ack(o, ACKS);
	nghttp2_option_set_max_settings(o, SETTINGS);
	nghttp2_option_set_max_send_header_block_length(o, LARGEST_HEAD);
	/* Heads of answers have an id and a date that do not come again: a table would cost six
	 * allocations an answer, and 4 KB. */
	nghttp2_option_set_max_deflate_dynamic_table_size(o, 0);
	if (nghttp2_option_set_max_continuations)
		nghttp2_option_set_max_continuations(o, CONTINUATIONS);
	return o;
}

static void greet(struct gh__http2 *h)
{
	const nghttp2_settings_entry settings[] = {
		{ NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, GH__HTTP2_STREAMS },
		{ NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, GH__HTTP2_WINDOW },
		{ NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE,
		  (uint32_t)h->conn->conns->settings.max_head },
		/* All streams take turns; no tree of dependencies is kept. */
		{ NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1 },
	};

	GH_CHECK(nghttp2_submit_settings(h->session, NGHTTP2_FLAG_NONE, settings,
					 GH_COUNT_OF(settings)) == 0);
	GH_CHECK(nghttp2_session_set_local_window_size(h->session, NGHTTP2_FLAG_NONE, 0,
						       GH__HTTP2_ALL_WINDOW) == 0);
}

void gh__http2_session_begin(struct gh__http2 *h)
{
	nghttp2_mem mem = { .mem_user_data = h,
			    .malloc = take,
			    .free = give_back,
			    .calloc = take_zeroed,
			    .realloc = resize };
	nghttp2_session_callbacks *callbacks;
	nghttp2_option *o = options();

	GH_CHECK(nghttp2_session_callbacks_new(&callbacks) == 0);
	gh__http2_receive_callbacks(callbacks);
	gh__http2_send_callbacks(callbacks);
	h->lending = LENDING;
	GH_CHECK(nghttp2_session_server_new3(&h->session, callbacks, h, o, &mem) == 0);
	h->lending = NOT_LENDING;
	nghttp2_session_callbacks_del(callbacks);
	nghttp2_option_del(o);
	greet(h);
}

void gh__http2_session_end(struct gh__http2 *h)
{
	nghttp2_session_del(h->session);
	h->session = NULL;
}
