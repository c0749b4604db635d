/*
 * A connection of HTTP/2 and a user of its streams: whatever frames come, in whatever pieces, every
 * stream that begins ends once, the clock ends what nobody else does, and all that goes out is whole
 * frames. The first byte says how the rest is cut, the preface and SETTINGS are put before it. Paths say
 * what the user of a stream does.
 */
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <nghttp2/nghttp2.h>

#include "core/base/memory.h"
#include "core/http/header.h"
#include "core/net/conn.h"

enum { ANSWER = 40000, MANY = 64 };

struct user {
	struct gh__loop loop;
	struct gh__conns conns;
	struct gh__door *door;
	unsigned heads, ends, closes;
	char bytes[ANSWER];
};

static void answer(struct gh__stream *s, int status, size_t len)
{
	struct user *u = s->loop->owner;

	if (s->flags & (GH__S_HEAD_SENT | GH__S_GONE))
		return;
	s->res.status = status;
	s->res.length = (int64_t)len;
	s->ops->send_head(s, len ? GH_MORE : GH_LAST);
	if (len)
		s->ops->send_body(s, (struct gh_str){ u->bytes, len }, GH_LAST);
	s->ops->flush(s);
	s->ops->pressure(s);
}

static void begin(struct gh__stream *s)
{
	s->res.status = 200;
	s->res.length = -1;
	s->ops->send_head(s, GH_MORE);
	s->ops->send_body(s, GH_STR("begun"), GH_MORE);
	s->ops->flush(s);
}

static char what(const struct gh__stream *s)
{
	return s->req.path.len > 1 ? s->req.path.at[1] : '/';
}

static void on_head(struct gh__stream *s)
{
	struct user *u = s->loop->owner;

	u->heads++;
	GH_CHECK(s->req.host.len && gh__headers_by_id(&s->req.headers, GH__H_HOST));
	gh__headers_init(&s->res.headers, &s->arena);
	switch (what(s)) {
	case 'w': /* wants the body, and answers at its end */
		s->max_body = 20000;
		s->ops->want_body(s);
		break;
	case 'h': /* holds it for ever */
		break;
	case 'b': /* begins, and goes on with each slice */
		begin(s);
		s->ops->want_body(s);
		break;
	case 'a':
		begin(s);
		s->ops->abort(s);
		break;
	case 'x':
		s->ops->abort(s);
		break;
	case 'i':
		s->ops->send_interim(s, 103, &s->req.headers);
		answer(s, 200, 5);
		break;
	case 'l':
		answer(s, 200, ANSWER);
		break;
	case 'n':
		answer(s, 204, 0);
		break;
	default:
		answer(s, 200, 3);
	}
}

static void on_body(struct gh__stream *s, struct gh_str slice, enum gh_part part)
{
	GH_CHECK(!(s->flags & (GH__S_GONE | GH__S_ENDED)));
	if (what(s) == 'b' && slice.len) {
		s->ops->send_body(s, slice, GH_MORE);
		s->ops->flush(s);
		s->ops->hold_body(s);
		if (slice.at[0] == 'A')
			s->ops->abort(s);
		else
			s->ops->want_body(s);
	} else if (what(s) == 'w' && slice.len && slice.at[0] == 'E') {
		answer(s, 403, 4);
	}
	if (part == GH_MORE || s->flags & (GH__S_GONE | GH__S_ENDED))
		return;
	if (s->flags & GH__S_HEAD_SENT) {
		s->ops->send_body(s, (struct gh_str){ 0 }, GH_LAST);
		s->ops->flush(s);
	} else {
		answer(s, 200, 10);
	}
}

static void on_drain(struct gh__stream *s)
{
	GH_CHECK(!(s->flags & (GH__S_GONE | GH__S_ENDED)) && s->ops->pressure(s) == 0);
}

static void on_gone(struct gh__stream *s, int error)
{
	GH_CHECK(!(s->flags & GH__S_ENDED));
	if (!(s->flags & GH__S_GONE))
		answer(s, error == UV_E2BIG ? 413 : 400, 4);
}

static void on_end(struct gh__stream *s)
{
	struct user *u = s->loop->owner;

	u->ends++;
}

static void on_refused(struct gh__conn *c, int status, const char *why)
{
	(void)c;
	GH_CHECK(status >= 400 && status <= 599 && why);
}

static void on_close(struct gh__conns *conns, struct gh__conn *c)
{
	struct user *u = conns->owner;

	(void)c;
	u->closes++;
	GH_CHECK(u->heads == u->ends);
}

static const struct gh__stream_listener listener = {
	.stream_size = sizeof(struct gh__stream),
	.on_head = on_head,
	.on_body = on_body,
	.on_drain = on_drain,
	.on_gone = on_gone,
	.on_end = on_end,
	.on_refused = on_refused,
};

/* One loop for all inputs: it has no state of theirs. */
static struct user *user(void)
{
	static struct user *u;

	if (u)
		return u;
	u = gh__zalloc(sizeof *u);
	GH_CHECK(gh__loop_init(&u->loop) == 0);
	u->loop.owner = u;
	u->loop.frozen = true;
	u->door = gh__door_create(GH_STR("fuzz"));
	u->door->h2c = true;
	gh__conns_init(&u->conns, &u->loop, &listener);
	u->conns.owner = u;
	u->conns.on_close = on_close;
	u->conns.settings = (struct gh__conn_settings){
		.head_timeout = 1000,
		.body_timeout = 1000,
		.idle_timeout = 1000,
		.write_timeout = 1000,
		.max_head = 4096,
		.max_headers = 20,
	};
	return u;
}

/* What came out, checked frame by frame as far as a client would. */
struct reader {
	uint8_t head[9];
	size_t have, left;
	uint32_t ended[MANY]; /* streams on which END_STREAM came */
	unsigned ended_count;
	bool greeted;
};

static void check_frame(struct reader *r)
{
	uint32_t id = (uint32_t)r->head[5] << 24 | (uint32_t)r->head[6] << 16 |
		      (uint32_t)r->head[7] << 8 | r->head[8];
	uint8_t type = r->head[3], flags = r->head[4];

	GH_CHECK(r->left <= 16384);
	GH_CHECK(r->greeted || type == NGHTTP2_SETTINGS);
	r->greeted = true;
	GH_CHECK(type <= NGHTTP2_CONTINUATION && type != NGHTTP2_PUSH_PROMISE &&
		 type != NGHTTP2_PRIORITY);
	if (type != NGHTTP2_DATA && type != NGHTTP2_HEADERS)
		return;
	GH_CHECK(id % 2 == 1);
	for (unsigned i = 0; i < r->ended_count; i++)
		GH_CHECK(r->ended[i] != id);
	if (flags & NGHTTP2_FLAG_END_STREAM && r->ended_count < MANY)
		r->ended[r->ended_count++] = id;
}

static void read_out(struct reader *r, int fd)
{
	uint8_t bytes[4096];
	ssize_t n;

	while ((n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT)) > 0)
		for (ssize_t i = 0; i < n;) {
			if (r->have < sizeof r->head) {
				r->head[r->have++] = bytes[i++];
				if (r->have < sizeof r->head)
					continue;
				r->left = (size_t)r->head[0] << 16 | (size_t)r->head[1] << 8 |
					  r->head[2];
				check_frame(r);
			}
			size_t skip = (size_t)(n - i) < r->left ? (size_t)(n - i) : r->left;
			i += (ssize_t)skip;
			r->left -= skip;
			if (!r->left)
				r->have = 0;
		}
}

static void turn(struct user *u, struct reader *r, int fd)
{
	uv_run(&u->loop.uv, UV_RUN_NOWAIT);
	read_out(r, fd);
}

static void pass_time(struct user *u, struct reader *r, int fd, unsigned ms)
{
	u->loop.now += ms;
	gh__loop_tick(&u->loop);
	turn(u, r, fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char begin_text[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0";
	struct user *u = user();
	struct gh_address peer = { .family = AF_INET, .bytes = { 192, 0, 2, 1 } };
	struct reader r = { .have = 0 };
	unsigned closes = u->closes;
	int fds[2];

	if (size < 1)
		return 0;
	size_t piece = data[0] ? data[0] : 60000, at = 1;
	GH_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
	GH_CHECK(gh__conn_accept(&u->conns, fds[0], &peer, u->door) == 0);
	GH_CHECK(send(fds[1], begin_text, sizeof begin_text - 1, 0) > 0);
	turn(u, &r, fds[1]);
	while (at < size && u->closes == closes) {
		size_t len = size - at < piece ? size - at : piece;
		if (send(fds[1], data + at, len, MSG_NOSIGNAL) <= 0)
			break;
		at += len;
		turn(u, &r, fds[1]);
	}
	if (data[0] % 3 == 1)
		gh__conns_leave_door(&u->conns, u->door);
	/* In three quarters of the cases the client stays, and only the clock ends it. */
	if (data[0] % 4 == 0)
		shutdown(fds[1], SHUT_WR);
	for (unsigned i = 0; i < 40 && u->closes == closes; i++)
		pass_time(u, &r, fds[1], 500);
	close(fds[1]);
	for (unsigned i = 0; i < 10 && u->closes == closes; i++)
		pass_time(u, &r, fds[0], 10);
	if (u->closes == closes)
		gh__conns_cut(&u->conns);
	for (unsigned i = 0; i < 10 && u->closes == closes; i++)
		uv_run(&u->loop.uv, UV_RUN_NOWAIT);
	GH_CHECK(u->closes == closes + 1 && u->heads == u->ends && u->conns.count == 0);
	return 0;
}
