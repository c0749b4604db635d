/*
 * A tailscaled for tests: it answers on a unix socket from a thread of its own, one connection after
 * the other, and goes wrong as it is told to.
 */
#ifndef TESTS_TSNET_CERT_FAKE_H
#define TESTS_TSNET_CERT_FAKE_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "tsnet_cert_made.h"

enum fault {
	FAULT_NONE,
	FAULT_HANG,  /* says nothing until the other side leaves */
	FAULT_DRIP,  /* a byte every 20 ms */
	FAULT_CLOSE, /* hangs up without a word */
	FAULT_HALF,  /* hangs up in the middle */
	FAULT_FLOOD, /* never ends */
};

struct fake {
	char folder[64], path[107], socket[128]; /* the last as the option wants it */
	int listener, wake[2];
	pthread_t thread;
	pthread_mutex_t lock;
	char *status, *cert; /* whole answers */
	enum fault status_fault, cert_fault;
	atomic_int statuses, certs;
	char last[1024]; /* the last request */
};

static inline void fake_put(struct fake *f, char **which, const char *text)
{
	pthread_mutex_lock(&f->lock);
	free(*which);
	*which = strdup(text);
	pthread_mutex_unlock(&f->lock);
}

/* `head` is `200 OK` and may have fields behind it, each after \r\n. */
static inline void fake_answer(struct fake *f, char **which, const char *head, const char *body)
{
	char *text = NULL;

	assert_true(asprintf(&text, "HTTP/1.0 %s\r\nContent-Length: %zu\r\n\r\n%s", head,
			     strlen(body), body) > 0);
	fake_put(f, which, text);
	free(text);
}

/* `domains` is JSON: `["a", "b"]` or `null`. */
static inline void fake_status(struct fake *f, const char *state, const char *domains)
{
	char *text = NULL;

	assert_true(asprintf(&text,
			     "{\"Version\":\"1.102.3\",\"TUN\":true,\"BackendState\":\"%s\","
			     "\"Self\":{\"DNSName\":\"" NAME ".\",\"Tags\":[\"tag:a\"]},"
			     "\"Health\":[\"x\"],\"CertDomains\":%s,\"Peer\":null}",
			     state, domains) > 0);
	fake_answer(f, &f->status, "200 OK\r\nContent-Type: application/json", text);
	free(text);
}

static inline void fake_cert(struct fake *f, const struct made *m)
{
	char *pem = pem_of(m);

	fake_answer(f, &f->cert, "200 OK\r\nContent-Type: text/plain", pem);
	free(pem);
}

static inline void fake_send(int fd, const char *at, size_t len)
{
	while (len) {
		ssize_t n = send(fd, at, len, MSG_NOSIGNAL);

		if (n <= 0)
			return;
		at += n;
		len -= (size_t)n;
	}
}

static inline void fake_drip(int fd, const char *text)
{
	for (; *text; text++) {
		if (send(fd, text, 1, MSG_NOSIGNAL) != 1)
			return;
		nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
	}
}

static inline void fake_serve(struct fake *f, int fd)
{
	char request[1024], *answer, rest[256];
	size_t have = 0;
	enum fault fault;

	request[0] = 0;
	while (!strstr(request, "\r\n\r\n")) {
		ssize_t n = recv(fd, request + have, sizeof request - 1 - have, 0);

		if (n <= 0)
			return;
		have += (size_t)n;
		request[have] = 0;
	}
	pthread_mutex_lock(&f->lock);
	memcpy(f->last, request, sizeof request);
	bool cert = strstr(request, "/localapi/v0/cert/") != NULL;
	fault = cert ? f->cert_fault : f->status_fault;
	answer = strdup(cert ? f->cert : f->status);
	pthread_mutex_unlock(&f->lock);
	atomic_fetch_add(cert ? &f->certs : &f->statuses, 1);
	if (fault == FAULT_NONE)
		fake_send(fd, answer, strlen(answer));
	else if (fault == FAULT_HALF)
		fake_send(fd, answer, strlen(answer) / 2);
	else if (fault == FAULT_DRIP)
		fake_drip(fd, answer);
	while (fault == FAULT_FLOOD && send(fd, answer, strlen(answer), MSG_NOSIGNAL) > 0)
		;
	if (fault == FAULT_HANG || fault == FAULT_DRIP)
		while (recv(fd, rest, sizeof rest, 0) > 0)
			;
	free(answer);
}

static inline void *fake_run(void *arg)
{
	struct fake *f = arg;
	int fd;

	while ((fd = accept(f->listener, NULL, NULL)) >= 0) {
		fake_serve(f, fd);
		close(fd);
	}
	return NULL;
}

static inline void fake_listen(struct fake *f)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };

	memcpy(at.sun_path, f->path, strlen(f->path));
	f->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(f->listener, (struct sockaddr *)&at, sizeof at), 0);
	assert_int_equal(listen(f->listener, 16), 0);
	assert_int_equal(pthread_create(&f->thread, NULL, fake_run, f), 0);
}

/* Nobody listens any more; the socket stays where it is. */
static inline void fake_kill(struct fake *f)
{
	if (f->listener < 0)
		return;
	shutdown(f->listener, SHUT_RDWR);
	pthread_join(f->thread, NULL);
	close(f->listener);
	f->listener = -1;
}

static inline void fake_begin_stopped(struct fake *f)
{
	memset(f, 0, sizeof *f);
	f->listener = -1;
	pthread_mutex_init(&f->lock, NULL);
	folder_make(f->folder);
	snprintf(f->path, sizeof f->path, "%s/tailscaled.sock", f->folder);
	snprintf(f->socket, sizeof f->socket, "unix:%s", f->path);
	fake_status(f, "Running", "[\"" NAME "\"]");
	fake_answer(f, &f->cert, "500 Internal Server Error", "not set");
}

static inline void fake_begin(struct fake *f)
{
	fake_begin_stopped(f);
	fake_listen(f);
}

static inline void fake_end(struct fake *f)
{
	fake_kill(f);
	free(f->status);
	free(f->cert);
	pthread_mutex_destroy(&f->lock);
	folder_remove(f->folder);
}

#endif
