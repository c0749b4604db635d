#include "localapi.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define BEGINNING "HTTP/1."

enum { SLICE_MS = 100 };

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

struct talk {
	const struct tsnet_question *q;
	int64_t until;
	int fd;
};

static enum tsnet_end end_of(int error)
{
	switch (error) {
	case ENOENT:
	case ENOTDIR:
		return TSNET_NO_SOCKET;
	case ECONNREFUSED:
		return TSNET_REFUSED;
	case EACCES:
	case EPERM:
		return TSNET_FORBIDDEN;
	case ECONNRESET:
	case EPIPE:
		return TSNET_CUT;
	default:
		return TSNET_NO_WAY;
	}
}

/* Until the descriptor is ready (-1: until the next slice), the time is over, or nobody waits any
 * more. TSNET_ANSWERED: go on. */
static enum tsnet_end wait_for(const struct talk *t, int fd, short events)
{
	for (;;) {
		if (t->q->stopping && t->q->stopping(t->q->arg))
			return TSNET_STOPPED;

		int64_t left = t->until - now_ms();
		struct pollfd p = { .fd = fd, .events = events };

		if (left <= 0)
			return TSNET_LATE;
		if (poll(&p, 1, (int)(left < SLICE_MS ? left : SLICE_MS)) > 0 || fd < 0)
			return TSNET_ANSWERED;
	}
}

static enum tsnet_end dial(struct talk *t, int *ret_error)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	size_t len = strlen(t->q->socket);

	if (len > TSNET_SOCKET_MAX) {
		*ret_error = ENAMETOOLONG;
		return TSNET_NO_WAY;
	}
	memcpy(to.sun_path, t->q->socket, len);
	t->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (t->fd < 0) {
		*ret_error = errno;
		return TSNET_NO_WAY;
	}
	while (connect(t->fd, (struct sockaddr *)&to, sizeof to) != 0) {
		enum tsnet_end end;

		/* EAGAIN: its queue is full, and there is nothing that tells when it is not. */
		if (errno == EINTR)
			continue;
		*ret_error = errno;
		if (errno != EAGAIN)
			return end_of(errno);
		end = wait_for(t, -1, 0);
		if (end != TSNET_ANSWERED)
			return end;
	}
	return TSNET_ANSWERED;
}

static enum tsnet_end say(struct talk *t, int *ret_error)
{
	char text[TSNET_PATH_MAX + 128];
	int len = snprintf(text, sizeof text,
			   "GET %s HTTP/1.0\r\nHost: local-tailscaled.sock\r\n"
			   "User-Agent: gatehouse\r\n\r\n",
			   t->q->path);

	if (len < 0 || (size_t)len >= sizeof text) {
		*ret_error = ENAMETOOLONG;
		return TSNET_NO_WAY;
	}
	for (size_t at = 0; at < (size_t)len;) {
		ssize_t n = send(t->fd, text + at, (size_t)len - at, MSG_NOSIGNAL);

		if (n >= 0) {
			at += (size_t)n;
		} else if (errno == EAGAIN) {
			enum tsnet_end end = wait_for(t, t->fd, POLLOUT);

			if (end != TSNET_ANSWERED)
				return end;
		} else if (errno != EINTR) {
			*ret_error = errno;
			return end_of(errno);
		}
	}
	return TSNET_ANSWERED;
}

/* The length of the head with its empty line, or 0: it is not whole yet. */
static size_t head_length(const char *at, size_t len)
{
	const char *end = memmem(at, len, "\r\n\r\n", 4);

	return end ? (size_t)(end - at) + 4 : 0;
}

/* Whether what has come is the whole answer, if it ends here (`ended`) or not. TSNET_ANSWERED: it
 * is; TSNET_LATE: there is more to come. */
static enum tsnet_end look(struct tsnet_answer *a, size_t max, bool ended)
{
	struct tsnet_head head;
	size_t len = head_length(a->memory, a->used);

	if (len > TSNET_HEAD_MAX || (!len && a->used > TSNET_HEAD_MAX) ||
	    memcmp(a->memory, BEGINNING, a->used < strlen(BEGINNING) ? a->used : strlen(BEGINNING)))
		return TSNET_GARBLED;
	if (!len)
		return ended ? TSNET_CUT : TSNET_LATE;
	if (tsnet_head_read((struct gh_str){ a->memory, len }, time(NULL), &head) != 0)
		return TSNET_GARBLED;

	size_t have = a->used - len;

	if (have > max || (head.has_length && head.length > max))
		return TSNET_TOO_LONG;
	if (head.has_length && have > head.length)
		return TSNET_GARBLED;
	if (head.has_length ? have < head.length : !ended)
		return ended ? TSNET_CUT : TSNET_LATE;
	a->status = head.status;
	a->retry_after_s = head.retry_after_s;
	a->body = (struct gh_str){ a->memory + len, have };
	return TSNET_ANSWERED;
}

static enum tsnet_end hear(struct talk *t, struct tsnet_answer *a)
{
	/* One byte over what is taken, so that too much is seen. Pages nobody writes cost nothing,
	 * and a buffer that never moves leaves no copy of a key behind. */
	size_t room = TSNET_HEAD_MAX + t->q->max + 1;

	a->memory = malloc(room);
	if (!a->memory)
		abort();
	for (;;) {
		enum tsnet_end end = wait_for(t, t->fd, POLLIN);

		if (end != TSNET_ANSWERED)
			return end;

		ssize_t n = recv(t->fd, a->memory + a->used, room - a->used, 0);

		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n < 0) {
			a->error = errno;
			return end_of(errno);
		}
		a->used += (size_t)n;
		end = look(a, t->q->max, n == 0);
		if (end != TSNET_LATE)
			return end;
	}
}

void tsnet_ask(const struct tsnet_question *q, struct tsnet_answer *ret_answer)
{
	struct tsnet_answer a = { .end = TSNET_ANSWERED };
	struct talk t = { .q = q, .until = now_ms() + q->within_ms, .fd = -1 };

	a.end = dial(&t, &a.error);
	if (a.end == TSNET_ANSWERED)
		a.end = say(&t, &a.error);
	/* One that hangs up while it is being asked may have said why. */
	if (a.end == TSNET_ANSWERED || (a.end == TSNET_CUT && t.fd >= 0))
		a.end = hear(&t, &a);
	if (t.fd >= 0)
		close(t.fd);
	*ret_answer = a;
}

void tsnet_answer_finish(struct tsnet_answer *a)
{
	if (a->memory)
		explicit_bzero(a->memory, a->used);
	free(a->memory);
	*a = (struct tsnet_answer){ 0 };
}
