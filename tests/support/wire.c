#include "support/wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/memory.h"

enum { WAIT_MS = 5000, CHUNK = 64 << 10 };

void wire_open(struct wire *w, int fd)
{
	*w = (struct wire){ .fd = fd, .got = calloc(1, 1), .room = 1 };
	GH_CHECK(fd >= 0 && fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) == 0);
	/* What is sent is there when the call returns. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
}

void wire_close(struct wire *w)
{
	if (!w->got)
		return;
	if (w->fd >= 0)
		close(w->fd);
	free(w->got);
	*w = (struct wire){ .fd = -1 };
}

void wire_reset(struct wire *w)
{
	setsockopt(w->fd, SOL_SOCKET, SO_LINGER, &(struct linger){ 1, 0 }, sizeof(struct linger));
	wire_close(w);
}

void wire_shut(struct wire *w)
{
	GH_CHECK(shutdown(w->fd, SHUT_WR) == 0);
}

void wire_forget(struct wire *w)
{
	w->len = 0;
	w->got[0] = 0;
}

void wire_turn(struct gh__loop *l)
{
	uv_run(&l->uv, UV_RUN_NOWAIT);
	poll(&(struct pollfd){ .fd = uv_backend_fd(&l->uv), .events = POLLIN }, 1, 2);
	uv_run(&l->uv, UV_RUN_NOWAIT);
}

void wire_settle(struct gh__loop *l)
{
	struct pollfd backend = { .fd = uv_backend_fd(&l->uv), .events = POLLIN };

	do {
		for (int i = 0; i < 4; i++)
			uv_run(&l->uv, UV_RUN_NOWAIT);
	} while (poll(&backend, 1, 1) > 0);
}

bool wire_until(struct gh__loop *l, bool (*done)(void *arg), void *arg)
{
	uint64_t until = uv_hrtime() + WAIT_MS * 1000000ull;

	while (!done(arg)) {
		if (uv_hrtime() > until)
			return false;
		wire_turn(l);
	}
	return true;
}

void wire_send_bytes(struct gh__loop *l, struct wire *w, const char *at, size_t len)
{
	uint64_t until = uv_hrtime() + WAIT_MS * 1000000ull;

	while (len && uv_hrtime() < until) {
		ssize_t n = send(w->fd, at, len, MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN)
			return;
		if (n > 0) {
			at += n;
			len -= (size_t)n;
		}
		if (l)
			wire_turn(l);
	}
}

void wire_send(struct gh__loop *l, struct wire *w, const char *text)
{
	wire_send_bytes(l, w, text, strlen(text));
}

void wire_read(struct wire *w)
{
	while (w->end == WIRE_OPEN) {
		if (w->room < w->len + CHUNK + 1) {
			w->room = 2 * (w->len + CHUNK + 1);
			w->got = realloc(w->got, w->room);
		}
		ssize_t n = recv(w->fd, w->got + w->len, CHUNK, 0);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0)
			w->end = n == 0 ? WIRE_FIN : WIRE_RST;
		w->len += n > 0 ? (size_t)n : 0;
		w->got[w->len] = 0;
	}
}

struct wanted {
	struct wire *wire;
	const char *text;
	size_t len;
};

static bool has_text(void *arg)
{
	struct wanted *w = arg;

	wire_read(w->wire);
	return strstr(w->wire->got, w->text) || w->wire->end != WIRE_OPEN;
}

bool wire_sees(struct gh__loop *l, struct wire *w, const char *text)
{
	wire_until(l, has_text, &(struct wanted){ w, text, 0 });
	return strstr(w->got, text) != NULL;
}

static bool has_length(void *arg)
{
	struct wanted *w = arg;

	wire_read(w->wire);
	return w->wire->len >= w->len || w->wire->end != WIRE_OPEN;
}

bool wire_gets(struct gh__loop *l, struct wire *w, size_t len)
{
	wire_until(l, has_length, &(struct wanted){ w, NULL, len });
	return w->len >= len;
}

static bool has_ended(void *arg)
{
	struct wire *w = arg;

	wire_read(w);
	return w->end != WIRE_OPEN;
}

bool wire_ends(struct gh__loop *l, struct wire *w)
{
	return wire_until(l, has_ended, w);
}

size_t wire_count(const struct wire *w, const char *text)
{
	size_t n = 0;

	for (const char *at = strstr(w->got, text); at; at = strstr(at + 1, text))
		n++;
	return n;
}

/* ---- sockets ---- */

void wire_pair(int ret[2])
{
	GH_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ret) == 0);
}

int wire_listen(uint16_t *ret_port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	GH_CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof a) == 0 && listen(fd, 64) == 0);
	GH_CHECK(getsockname(fd, (struct sockaddr *)&a, &len) == 0);
	*ret_port = ntohs(a.sin_port);
	return fd;
}

static int dial(uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_port = htons(port),
				 .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	GH_CHECK(fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) == 0);
	return fd;
}

int wire_fill(int listener, uint16_t port)
{
	GH_CHECK(listen(listener, 0) == 0); /* room for one */
	return dial(port);
}

void wire_empty(int listener, int filler)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	GH_CHECK(fd >= 0 && listen(listener, 64) == 0);
	close(fd);
	close(filler);
}

void wire_tcp_pair(int ret[2])
{
	uint16_t port;
	int listener = wire_listen(&port);

	ret[1] = dial(port);
	ret[0] = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	GH_CHECK(ret[0] >= 0);
	close(listener);
}

struct arrival {
	int listener, fd;
};

static bool has_come(void *arg)
{
	struct arrival *a = arg;

	a->fd = accept4(a->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	return a->fd >= 0;
}

bool wire_accept(struct gh__loop *l, int listener, struct wire *w)
{
	struct arrival a = { listener, -1 };

	if (!wire_until(l, has_come, &a))
		return false;
	wire_open(w, a.fd);
	return true;
}

bool wire_called(int listener)
{
	return poll(&(struct pollfd){ .fd = listener, .events = POLLIN }, 1, 0) > 0;
}
