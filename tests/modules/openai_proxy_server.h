/* A server for tests of what openai-proxy asks on the side: one thread, one connection after another. */
#ifndef TESTS_OPENAI_PROXY_SERVER_H
#define TESTS_OPENAI_PROXY_SERVER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct server {
	char path[64];
	int fd;
	pthread_t thread;
	pthread_mutex_t lock; /* of what follows */
	int status, asked;
	char *body;
	char head[4096]; /* of the last request */
};

static inline void server_says(struct server *s, int status, const char *body)
{
	pthread_mutex_lock(&s->lock);
	free(s->body);
	s->status = status;
	s->body = strdup(body);
	pthread_mutex_unlock(&s->lock);
}

/* How often it was asked since the last time that this was called. */
static inline int server_asked(struct server *s)
{
	pthread_mutex_lock(&s->lock);
	int asked = s->asked;
	s->asked = 0;
	pthread_mutex_unlock(&s->lock);
	return asked;
}

static inline void server_answer(struct server *s, int fd)
{
	char head[sizeof s->head];
	size_t len = 0;

	head[0] = 0;
	while (len < sizeof head - 1 && !strstr(head, "\r\n\r\n")) {
		ssize_t got = read(fd, head + len, sizeof head - 1 - len);
		if (got <= 0)
			return;
		len += (size_t)got;
		head[len] = 0;
	}
	pthread_mutex_lock(&s->lock);
	s->asked++;
	memcpy(s->head, head, len + 1);
	dprintf(fd, "HTTP/1.1 %d X\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n", s->status,
		strlen(s->body));
	for (size_t at = 0, all = strlen(s->body); at < all;) {
		ssize_t sent = send(fd, s->body + at, all - at, MSG_NOSIGNAL);
		if (sent <= 0)
			break;
		at += (size_t)sent;
	}
	pthread_mutex_unlock(&s->lock);
}

static inline void *server_run(void *arg)
{
	struct server *s = arg;
	int fd;

	while ((fd = accept(s->fd, NULL, NULL)) >= 0) {
		server_answer(s, fd);
		close(fd);
	}
	return NULL;
}

static inline void server_listen(struct server *s)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	memcpy(a.sun_path, s->path, sizeof s->path);
	unlink(s->path);
	s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (s->fd < 0 || bind(s->fd, (struct sockaddr *)&a, sizeof a) || listen(s->fd, 64) ||
	    pthread_create(&s->thread, NULL, server_run, s))
		abort();
}

static inline void server_start(struct server *s, const char *dir, const char *name)
{
	*s = (struct server){ .status = 200 };
	pthread_mutex_init(&s->lock, NULL);
	snprintf(s->path, sizeof s->path, "%s/%s", dir, name);
	server_says(s, 200, "{\"object\":\"list\",\"data\":[]}");
	server_listen(s);
}

/* Refuses connections from now on; server_listen() takes it back. */
static inline void server_stop(struct server *s)
{
	if (s->fd < 0)
		return;
	unlink(s->path);
	shutdown(s->fd, SHUT_RDWR);
	pthread_join(s->thread, NULL);
	close(s->fd);
	s->fd = -1;
}

static inline void server_end(struct server *s)
{
	server_stop(s);
	free(s->body);
	pthread_mutex_destroy(&s->lock);
}

#endif
