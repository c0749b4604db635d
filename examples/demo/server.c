#include "server.h"

#include "conn.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>

enum {
	MOST_CONNS = 256,
	FULL_MS = 100, /* until accept is tried again when the system has no more descriptors */
};

struct server {
	const struct demo_server_options *options;
	struct demo_counts counts;
	struct demo_conn *conns[MOST_CONNS];
	size_t used;        /* conns[0..used) are in use, in any order */
	int64_t accept_due; /* no accept before this */
};

/* poll()'s table: the signals, the listeners, then the connections in their order. */
enum {
	SIGNALS,
	LISTENERS,
	CONNS = LISTENERS + DEMO_LISTENERS,
};

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Close the connection that has had nothing to do for the longest time, if there is one. */
static void make_room(struct server *s)
{
	size_t oldest = s->used;

	for (size_t i = 0; i < s->used; i++)
		if (demo_conn_idle(s->conns[i]) &&
		    (oldest == s->used || s->conns[i]->due < s->conns[oldest]->due))
			oldest = i;
	if (oldest == s->used)
		return;
	demo_conn_destroy(s->conns[oldest]);
	s->conns[oldest] = s->conns[--s->used];
}

/* When every place is taken by work in hand, newcomers wait in the kernel's queue. */
static bool may_accept(const struct server *s, int64_t now)
{
	if (now < s->accept_due)
		return false;
	if (s->used < MOST_CONNS)
		return true;
	for (size_t i = 0; i < s->used; i++)
		if (demo_conn_idle(s->conns[i]))
			return true;
	return false;
}

static void accept_one(struct server *s, int listener, int64_t now)
{
	int fd, on = 1;

	if (s->used == MOST_CONNS)
		make_room(s);
	if (s->used == MOST_CONNS)
		return;
	fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0) {
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
			s->accept_due = now + FULL_MS;
		return;
	}
	/* Or each token would wait until the one before is acknowledged. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	s->conns[s->used++] = demo_conn_create(fd, &s->counts, s->options->token_interval, now);
}

static int wait_time(const struct server *s, int64_t now)
{
	int64_t due = s->accept_due > now ? s->accept_due : INT64_MAX;

	for (size_t i = 0; i < s->used; i++)
		if (demo_conn_due(s->conns[i]) < due)
			due = demo_conn_due(s->conns[i]);
	if (due == INT64_MAX)
		return -1;
	/* No deadline is further away than a minute. */
	return due > now ? (int)(due - now) : 0;
}

static int wait_for_all(const struct server *s, struct pollfd fds[CONNS + MOST_CONNS])
{
	int64_t now = now_ms();
	short listen = may_accept(s, now) ? POLLIN : 0;

	fds[SIGNALS] = (struct pollfd){ .fd = s->options->signals, .events = POLLIN };
	for (size_t i = 0; i < DEMO_LISTENERS; i++)
		fds[LISTENERS + i] = (struct pollfd){ .fd = s->options->listeners[i],
						      .events = listen };
	for (size_t i = 0; i < s->used; i++)
		fds[CONNS + i] = (struct pollfd){
			.fd = s->conns[i]->fd,
			.events = demo_conn_events(s->conns[i]),
		};
	return poll(fds, CONNS + s->used, wait_time(s, now));
}

int demo_server_run(const struct demo_server_options *options)
{
	struct server s = { .options = options };
	struct pollfd fds[CONNS + MOST_CONNS];
	int err = 0;

	for (;;) {
		int64_t now;

		if (wait_for_all(&s, fds) < 0) {
			if (errno == EINTR)
				continue;
			err = -1;
			break;
		}
		if (fds[SIGNALS].revents)
			break;
		now = now_ms();
		/* From the end: the last one moves into the place of one that is over. */
		for (size_t i = s.used; i-- > 0;) {
			demo_conn_turn(s.conns[i], fds[CONNS + i].revents, now);
			if (s.conns[i]->state != DEMO_CONN_OVER)
				continue;
			demo_conn_destroy(s.conns[i]);
			s.conns[i] = s.conns[--s.used];
		}
		for (size_t i = 0; i < DEMO_LISTENERS; i++)
			if (fds[LISTENERS + i].revents & POLLIN)
				accept_one(&s, options->listeners[i], now);
	}
	while (s.used)
		demo_conn_destroy(s.conns[--s.used]);
	return err;
}
