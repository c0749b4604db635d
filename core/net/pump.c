#include "core/net/pump.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/memory.h"
#include "core/net/tls.h"

struct gh__piece {
	struct gh__piece *next;
	size_t from, len;
	char bytes[];
};

static void on_poll(uv_poll_t *poll, int status, int events);

static void arm(struct gh__pump *p)
{
	int want = 0;

	if (p->flags & GH__PUMP_CLOSING)
		return;
	if (p->flags & GH__PUMP_CONNECTING) {
		want = UV_WRITABLE;
	} else {
		if (p->flags & GH__PUMP_READING || p->broken)
			want |= UV_READABLE;
		if (p->flags & GH__PUMP_WATCH_GONE)
			want |= UV_DISCONNECT;
		if (p->queued)
			want |= UV_WRITABLE;
	}
	if (want == p->armed)
		return;
	p->armed = (uint8_t)want;
	if (want)
		GH_CHECK(uv_poll_start(&p->poll, want, on_poll) == 0);
	else
		uv_poll_stop(&p->poll);
}

static int begin(struct gh__pump *p, struct gh__loop *l, int fd, unsigned flags,
		 const struct gh__pump_ops *ops)
{
	int error = uv_poll_init(&l->uv, &p->poll, fd);

	if (error)
		return error;
	p->poll.data = p;
	p->loop = l;
	p->ops = ops;
	p->first = NULL;
	p->last = &p->first;
	p->queued = 0;
	p->tls = NULL;
	p->fd = fd;
	p->broken = 0;
	p->flags = (uint8_t)flags;
	p->armed = 0;
	arm(p);
	return 0;
}

int gh__pump_open(struct gh__pump *p, struct gh__loop *l, int fd, unsigned flags,
		  const struct gh__pump_ops *ops)
{
	return begin(p, l, fd, flags | GH__PUMP_READING, ops);
}

int gh__pump_connect(struct gh__pump *p, struct gh__loop *l, const struct sockaddr *to,
		     socklen_t to_len, const struct gh__pump_ops *ops)
{
	struct sockaddr_storage peer;
	int fd = socket(to->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (to->sa_family != AF_UNIX)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
	bool there = connect(fd, to, to_len) == 0;
	if (!there && errno != EINPROGRESS) {
		int error = -errno;
		close(fd);
		return error;
	}
	/* Within this machine a handshake is over by now, and only connect() does not know of it. */
	there = there ||
		getpeername(fd, (struct sockaddr *)&peer, &(socklen_t){ sizeof peer }) == 0;
	int error = begin(p, l, fd, (there ? 0 : GH__PUMP_CONNECTING) | GH__PUMP_READING, ops);
	if (error)
		close(fd);
	return error ? error : there;
}

/* ---- writing ---- */

static void drop_queue(struct gh__pump *p)
{
	for (struct gh__piece *piece = p->first, *next; piece; piece = next) {
		next = piece->next;
		gh__free(piece);
	}
	p->first = NULL;
	p->last = &p->first;
	p->queued = 0;
}

static void break_off(struct gh__pump *p, int error)
{
	p->broken = error;
	drop_queue(p);
	arm(p);
}

static void queue(struct gh__pump *p, const struct iovec *pieces, int count, size_t skip)
{
	size_t total = 0;

	for (int i = 0; i < count; i++)
		total += pieces[i].iov_len;
	if (total == skip)
		return;
	struct gh__piece *piece = gh__alloc(sizeof *piece + total - skip);
	piece->next = NULL;
	piece->from = piece->len = 0;
	for (int i = 0; i < count; i++) {
		size_t off = skip < pieces[i].iov_len ? skip : pieces[i].iov_len;
		size_t len = pieces[i].iov_len - off;
		if (len)
			memcpy(piece->bytes + piece->len, (const char *)pieces[i].iov_base + off,
			       len);
		piece->len += len;
		skip -= off;
	}
	if (!p->first)
		p->moved = p->loop->now;
	*p->last = piece;
	p->last = &piece->next;
	p->queued += (uint32_t)piece->len;
	arm(p);
}

static ssize_t send_all(int fd, struct iovec *pieces, int count)
{
	ssize_t sent;

	do {
		if (count == 1)
			sent = send(fd, pieces[0].iov_base, pieces[0].iov_len, MSG_NOSIGNAL);
		else
			sent = sendmsg(fd,
				       &(struct msghdr){ .msg_iov = pieces,
							 .msg_iovlen = (size_t)count },
				       MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	return sent;
}

static void write_raw(struct gh__pump *p, struct iovec *pieces, int count)
{
	ssize_t sent = 0;

	if (!p->first && !(p->flags & GH__PUMP_CONNECTING)) {
		sent = send_all(p->fd, pieces, count);
		if (sent < 0 && errno != EAGAIN && errno != EWOULDBLOCK) {
			break_off(p, -errno);
			return;
		}
	}
	queue(p, pieces, count, sent < 0 ? 0 : (size_t)sent);
}

/* A piece is sealed as it is; several small ones become one record. */
static struct gh_str gather(struct gh__tls_room *room, struct iovec **pieces, int *count)
{
	size_t len = 0;

	if (*count == 1 || (*pieces)->iov_len >= sizeof room->gathered) {
		struct gh_str one = { (*pieces)->iov_base, (*pieces)->iov_len };
		++*pieces;
		--*count;
		return one;
	}
	while (*count && (*pieces)->iov_len <= sizeof room->gathered - len) {
		memcpy(room->gathered + len, (*pieces)->iov_base, (*pieces)->iov_len);
		len += (*pieces)->iov_len;
		++*pieces;
		--*count;
	}
	return (struct gh_str){ room->gathered, len };
}

static void write_sealed(struct gh__pump *p, struct iovec *pieces, int count)
{
	struct gh__tls_room *room = gh__tls_room(p->loop);

	while (count) {
		struct gh_str rest = gather(room, &pieces, &count);
		while (rest.len && !p->broken) {
			size_t taken = 0;
			ssize_t len = gh__tls_seal(p->tls, room, rest, &taken);
			if (len <= 0) {
				break_off(p, UV_EPROTO);
				return;
			}
			rest = gh_str_slice(rest, taken, rest.len);
			write_raw(p, &(struct iovec){ room->sealed, (size_t)len }, 1);
		}
	}
}

void gh__pump_write(struct gh__pump *p, struct iovec *pieces, int count)
{
	if (p->flags & (GH__PUMP_CLOSING | GH__PUMP_GONE) || p->broken || count == 0)
		return;
	if (p->tls)
		write_sealed(p, pieces, count);
	else
		write_raw(p, pieces, count);
}

/* The other side shall know that this is the end and no break. */
static void end_session(struct gh__pump *p)
{
	if (!p->tls || p->flags & GH__PUMP_ENDED || p->broken)
		return;
	p->flags |= GH__PUMP_ENDED;
	struct gh__tls_room *room = gh__tls_room(p->loop);
	ssize_t len = gh__tls_end(p->tls, room);
	if (len > 0)
		write_raw(p, &(struct iovec){ room->sealed, (size_t)len }, 1);
}

static void drain(struct gh__pump *p)
{
	while (p->first) {
		struct gh__piece *piece = p->first;
		struct iovec rest = { piece->bytes + piece->from, piece->len - piece->from };
		ssize_t sent = send_all(p->fd, &rest, 1);
		if (sent < 0) {
			if (errno != EAGAIN && errno != EWOULDBLOCK)
				break_off(p, -errno);
			return;
		}
		p->queued -= (uint32_t)sent;
		p->moved = p->loop->now;
		piece->from += (size_t)sent;
		if (piece->from < piece->len)
			return;
		p->first = piece->next;
		if (!p->first)
			p->last = &p->first;
		gh__free(piece);
	}
	arm(p);
	if (p->flags & GH__PUMP_SHUT)
		shutdown(p->fd, SHUT_WR);
	p->ops->on_drain(p);
}

void gh__pump_shut(struct gh__pump *p)
{
	end_session(p);
	p->flags |= GH__PUMP_SHUT;
	if (!p->first && !(p->flags & GH__PUMP_CLOSING))
		shutdown(p->fd, SHUT_WR);
}

/* ---- reading ---- */

void gh__pump_pause(struct gh__pump *p)
{
	p->flags &= (uint8_t)~GH__PUMP_READING;
	arm(p);
}

void gh__pump_resume(struct gh__pump *p)
{
	p->flags |= GH__PUMP_READING;
	arm(p);
}

static void gone(struct gh__pump *p, int error)
{
	/* Level-triggered: until the owner closes, this would be told again and again. */
	uv_poll_stop(&p->poll);
	p->armed = 0;
	p->flags = (uint8_t)((p->flags | GH__PUMP_GONE) &
			     ~(GH__PUMP_READING | GH__PUMP_WATCH_GONE));
	p->ops->on_gone(p, error);
}

void gh__pump_secure(struct gh__pump *p, struct gh__tls *tls)
{
	p->tls = tls;
}

void gh__pump_read_on(struct gh__pump *p)
{
	struct gh__tls_room *room = gh__tls_room(p->loop);

	while (!gh__pump_closing(p) && !(p->flags & GH__PUMP_GONE)) {
		ssize_t got = gh__tls_open(p->tls, room);
		if (got == 0)
			return;
		if (got > 0) {
			p->ops->on_data(p, room->plain, (size_t)got);
			continue;
		}
		struct gh_str alert = gh__tls_output(p->tls);
		if (alert.len)
			write_raw(p, &(struct iovec){ (void *)(uintptr_t)alert.at, alert.len }, 1);
		if (got == UV_EOF)
			end_session(p); /* an end is answered with an end */
		gone(p, got == UV_EOF ? 0 : (int)got);
	}
}

static void take(struct gh__pump *p, size_t len)
{
	if (!p->tls) {
		p->ops->on_data(p, p->loop->in, len);
		return;
	}
	gh__tls_feed(p->tls, p->loop->in, len);
	gh__pump_read_on(p);
}

static void connected(struct gh__pump *p)
{
	int error = 0;
	socklen_t len = sizeof error;

	if (getsockopt(p->fd, SOL_SOCKET, SO_ERROR, &error, &len))
		error = errno;
	if (error) {
		gone(p, -error);
		return;
	}
	p->flags &= (uint8_t)~GH__PUMP_CONNECTING;
	arm(p);
	if (p->ops->on_connected)
		p->ops->on_connected(p);
	if (p->first && !gh__pump_closing(p))
		drain(p);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct gh__pump *p = poll->data;

	gh__loop_touch(p->loop);
	if (status < 0) {
		/* libuv has stopped the handle; what is left to read says what happened. */
		p->armed = 0;
		events = UV_READABLE | UV_WRITABLE;
	}
	if (p->flags & GH__PUMP_CONNECTING) {
		connected(p);
		return;
	}
	if (events & UV_WRITABLE && p->first) {
		drain(p);
		if (gh__pump_closing(p))
			return;
	}
	if (p->flags & GH__PUMP_READING && events & (UV_READABLE | UV_DISCONNECT)) {
		ssize_t got;
		do {
			got = recv(p->fd, p->loop->in, GH__READ_SIZE, 0);
		} while (got < 0 && errno == EINTR);
		if (got > 0) {
			take(p, (size_t)got);
			if (status < 0 && !(p->flags & GH__PUMP_GONE))
				arm(p); /* or nobody is told what comes behind these bytes */
		} else if (got == 0)
			gone(p, p->broken);
		else if (errno != EAGAIN && errno != EWOULDBLOCK)
			gone(p, -errno);
		else if (p->broken)
			gone(p, p->broken);
		else if (!gh__pump_closing(p))
			arm(p);
		return;
	}
	if (p->broken || status < 0 || events & UV_DISCONNECT)
		gone(p, p->broken ? p->broken : status < 0 ? UV_ECONNRESET : 0);
}

void gh__pump_look(struct gh__pump *p)
{
	if (!(p->flags & (GH__PUMP_CLOSING | GH__PUMP_GONE)))
		on_poll(&p->poll, 0, UV_READABLE);
}

static void on_closed(uv_handle_t *handle)
{
	struct gh__pump *p = handle->data;

	gh__tls_destroy(p->tls);
	p->ops->on_closed(p);
}

void gh__pump_close(struct gh__pump *p, enum gh__pump_end end)
{
	if (p->flags & GH__PUMP_CLOSING)
		return;
	if (end == GH__PUMP_FIN && !p->first && !(p->flags & GH__PUMP_GONE))
		end_session(p);
	p->flags = (uint8_t)((p->flags | GH__PUMP_CLOSING) & ~GH__PUMP_READING);
	drop_queue(p);
	uv_close((uv_handle_t *)&p->poll, on_closed);
	if (end == GH__PUMP_RST)
		setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &(struct linger){ 1, 0 },
			   sizeof(struct linger));
	close(p->fd);
}
