/*
 * HTTP/2 on a client's connection: nghttp2's session between the pump and the streams. http2.c is the
 * life of the connection, http2_frames.c what comes in, http2_answer.c what goes out, http2_time.c
 * the deadlines, http2_memory.c what the session is made of. Owned by its connection; on its loop's
 * thread.
 *
 * Listeners are called between frames only, never from inside of nghttp2: so a listener may ask for
 * anything at once, and slices of bodies need no copy on their way in or out.
 */
#ifndef GATEHOUSE_CORE_NET_HTTP2_H
#define GATEHOUSE_CORE_NET_HTTP2_H

#include <nghttp2/nghttp2.h>

#include "core/http/h2_budget.h"
#include "core/http/h2_head.h"
#include "core/net/conn.h"
#include "core/net/held.h"

enum {
	GH__HTTP2_STREAMS = 100,
	GH__HTTP2_WINDOW = 65535,        /* of a stream: what is held of an upload that stalls */
	GH__HTTP2_WIDE_WINDOW = 1 << 20, /* of one whose bytes are used as they come, */
	GH__HTTP2_WIDE = 2,              /* and how many of these a connection may have at once */
	GH__HTTP2_ALL_WINDOW = 4 << 20,  /* of the connection */
	GH__HTTP2_UPLOAD_MS = 1000,      /* for a request to end after its answer did, */
	GH__HTTP2_STOP_MS = 200,         /* and for one that is surely not nearly here */
	GH__HTTP2_SLICES = 4,
	GH__HTTP2_FRAME_HEAD = 9,
	GH__HTTP2_FRAME_SEEN = 13, /* and the first word of the payload */
};

enum gh__http2_stream_flag {
	GH__HTTP2_CLOSED = 1,       /* nghttp2 is done with it */
	GH__HTTP2_SILENT = 2,       /* no listener knows of it: a head that was refused */
	GH__HTTP2_IN_ENDED = 4,     /* END_STREAM came */
	GH__HTTP2_OUT_ENDED = 8,    /* END_STREAM went out */
	GH__HTTP2_HEAD_OUT = 16,    /* the final head went out */
	GH__HTTP2_ABORTED = 32,     /* to be reset once what was given is out */
	GH__HTTP2_RESET = 64,       /* RST_STREAM is on its way */
	GH__HTTP2_DELIVERING = 128, /* its listener is being told something */
	GH__HTTP2_PRESSED = 256,    /* on_drain is owed */
	GH__HTTP2_IS_WIDE = 512,
};

/* In the block of its gh__stream, behind the listener's struct. */
struct gh__http2_stream {
	struct gh__stream *stream;
	struct gh__list link; /* among the connection's */
	int32_t id;
	unsigned flags;
	int64_t left;        /* bytes that Content-Length still tells of; -1: no such length */
	uint64_t in_moved;   /* ms: when a byte of the body last came, or was first wanted */
	uint64_t out_moved;  /* ms: when a byte of the answer last left the queue, or it began */
	struct gh__held in;  /* came while the listener holds the body; bounded by the window */
	struct gh__held out; /* given, and not taken by window or socket */
	struct gh_str slices[GH__HTTP2_SLICES]; /* given since the last flush */
	uint8_t slice_count;
	uint8_t interims; /* heads of 1xx that did not go out yet */
};

enum gh__http2_flag {
	GH__HTTP2_GREETED = 1,    /* the client's SETTINGS are here */
	GH__HTTP2_IN_HEAD = 2,    /* a head is not whole */
	GH__HTTP2_TRAILERS = 4,   /* and it is trailers */
	GH__HTTP2_LEAVING = 8,    /* GOAWAY as a notice is out: no new streams soon */
	GH__HTTP2_LEFT = 16,      /* the final GOAWAY is out: the end comes with the last stream */
	GH__HTTP2_OVER = 32,      /* of the connection: nothing more is read */
	GH__HTTP2_LINGER = 64,    /* what comes is thrown away, so that GOAWAY can be read */
	GH__HTTP2_REFERRED = 128, /* pieces of the answer being put together are not copied */
	GH__HTTP2_FAILED = 512,   /* it ends with an error */
	GH__HTTP2_SWEEP = 1024,   /* a stream was closed */
};

/* What the frame that was just read brought; told to listeners once nghttp2 has returned. */
struct gh__http2_news {
	struct gh__http2_stream *stream; /* whose data, head or end this is */
	struct gh_str data;
	bool head, end, malformed;
};

struct gh__http2 {
	struct gh__conn *conn;
	nghttp2_session *session;
	struct gh__list streams;
	uint32_t count;
	unsigned flags;
	uint8_t frame[GH__HTTP2_FRAME_SEEN]; /* how the frame that comes begins */
	uint8_t have;                        /* bytes of it */
	uint8_t preface_left;
	uint8_t wide; /* streams with a wide window */
	/* Of the last 64 numbers of streams up to `last`, bit 0: which were opened, and which their client
	 * ended itself. nghttp2 forgets closed streams. */
	uint32_t last;
	uint64_t opened, finished;
	uint32_t payload_left, frame_data; /* of this frame; bytes that were data */
	uint32_t pressed;                  /* streams to which on_drain is owed */
	struct gh__http2_stream *heading;  /* whose head or trailers come; NULL: nobody's */
	struct gh__h2_head head;
	struct gh__h2_block block;
	const char *trailer_fault;
	struct gh__h2_budget budget;
	struct gh__http2_news news;
	uint64_t since;      /* ms: the beginning */
	uint64_t head_since; /* of the head that is not whole */
	uint64_t idle_since; /* when the last stream ended */
	uint64_t left_since; /* when the notice of leaving went out */
	uint32_t thrown;     /* bytes that came while the connection lingers */
	void *lent;          /* of http2_memory.c */
	uint8_t lending;
};

/* Of the frame that comes. */
static inline uint8_t gh__http2_frame_type(const struct gh__http2 *h)
{
	return h->frame[3];
}
static inline uint8_t gh__http2_frame_flags(const struct gh__http2 *h)
{
	return h->frame[4];
}
static inline uint32_t gh__http2_word(const uint8_t *at)
{
	return (uint32_t)(at[0] & 0x7f) << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 |
	       at[3];
}

static inline struct gh__http2 *gh__http2_of(const struct gh__conn *c)
{
	return c->state;
}

static inline struct gh__http2_stream *gh__http2_stream_of(const struct gh__stream *s)
{
	return (struct gh__http2_stream *)(void *)((char *)(uintptr_t)s + s->listener->stream_size);
}

static inline size_t gh__http2_queued(const struct gh__http2_stream *x)
{
	return x->out.to - x->out.from;
}

/* Whether the listener is to be told of anything but the end. */
static inline bool gh__http2_listens(const struct gh__http2_stream *x)
{
	return !(x->flags & (GH__HTTP2_SILENT | GH__HTTP2_CLOSED)) &&
	       !(x->stream->flags & (GH__S_ENDED | GH__S_GONE));
}

/* ---- http2.c ---- */
/* Ends the connection with GOAWAY; callable from inside of nghttp2. */
void gh__http2_fail(struct gh__http2 *h, uint32_t code);
/* One more of these; over budget the connection fails. */
void gh__http2_charge(struct gh__http2 *h, enum gh__h2_cost cost);
/* Tells of the end of streams that are closed, and frees them. Nobody up the stack holds one. */
void gh__http2_sweep(struct gh__http2 *h);
struct gh__http2_stream *gh__http2_open(struct gh__http2 *h, int32_t id);
/* Ends the connection in order: no request that is on its way is lost. */
void gh__http2_give_notice(struct gh__http2 *h);
void gh__http2_leave(struct gh__http2 *h); /* the final GOAWAY */
void gh__http2_reset(struct gh__http2_stream *x, uint32_t code);
/* The stream is over for its listener, who is told. */
void gh__http2_tell_gone(struct gh__http2_stream *x, int error);
/* There is something to do at the end of the turn. */
static inline void gh__http2_later(struct gh__http2 *h)
{
	gh__loop_later(h->conn->pump.loop, &h->conn->later);
}

/* ---- http2_frames.c ---- */
void gh__http2_receive(struct gh__http2 *h, const char *at, const char *end);
/* Gives what is held of a body to its listener, who wants it. */
void gh__http2_deliver(struct gh__http2_stream *x);
void gh__http2_break_body(struct gh__http2_stream *x, int error);
/* The answer is out: an upload that does not end soon is stopped. */
void gh__http2_stop_upload(struct gh__http2_stream *x);
uint64_t gh__http2_upload_ms(const struct gh__http2_stream *x);
void gh__http2_receive_callbacks(nghttp2_session_callbacks *cb);

/* ---- http2_answer.c ---- */
extern const struct gh__stream_ops gh__http2_ops;
/* Sends what windows and socket take. Outside of nghttp2 only. */
void gh__http2_push(struct gh__http2 *h);
void gh__http2_refuse(struct gh__http2_stream *x, const struct gh__refusal *why);
void gh__http2_drained(struct gh__http2 *h); /* tells listeners whose answers are out */
void gh__http2_send_callbacks(nghttp2_session_callbacks *cb);

/* ---- http2_time.c ---- */
/* Something is waited for from now on, for `ms` at most. */
void gh__http2_wait(struct gh__http2 *h, enum gh__conn_wait what, uint64_t ms);
void gh__http2_late(struct gh__conn *c);

/* ---- http2_memory.c ---- */
void gh__http2_session_begin(struct gh__http2 *h);
void gh__http2_session_end(struct gh__http2 *h);

#endif
