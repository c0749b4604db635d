#include "core/server/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/base/log.h"
#include "core/base/memory.h"
#include "core/server/doors.h"

enum { BACKLOG = 4096, PAUSE_MS = 100, ACCEPTS_A_TURN = 64, FIRST_INHERITED = 3 };

/* ---- opening ---- */

static int address_of(const struct gh__listen_config *c, struct sockaddr_storage *ret_address,
		      socklen_t *ret_len)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)ret_address;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret_address;
	struct sockaddr_un *un = (struct sockaddr_un *)ret_address;
	char host[64] = "";

	memset(ret_address, 0, sizeof *ret_address);
	if (c->is_unix) {
		if (c->host.len >= sizeof un->sun_path)
			return -1;
		un->sun_family = AF_UNIX;
		memcpy(un->sun_path, c->host.at, c->host.len);
		*ret_len = sizeof *un;
		return 0;
	}
	if (c->host.len >= sizeof host)
		return -1;
	if (c->host.len)
		memcpy(host, c->host.at, c->host.len);
	if (c->host.len == 0) {
		v6->sin6_family = AF_INET6;
		v6->sin6_addr = in6addr_any;
		v6->sin6_port = htons(c->port);
		*ret_len = sizeof *v6;
	} else if (inet_pton(AF_INET, strcmp(host, "localhost") == 0 ? "127.0.0.1" : host,
			     &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(c->port);
		*ret_len = sizeof *v4;
	} else if (inet_pton(AF_INET6, host, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(c->port);
		*ret_len = sizeof *v6;
	} else {
		return -1;
	}
	return 0;
}

static bool same_address(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	const struct sockaddr_in *a4 = (const void *)a, *b4 = (const void *)b;
	const struct sockaddr_in6 *a6 = (const void *)a, *b6 = (const void *)b;

	if (a->ss_family != b->ss_family)
		return false;
	if (a->ss_family == AF_INET)
		return a4->sin_port == b4->sin_port && a4->sin_addr.s_addr == b4->sin_addr.s_addr;
	if (a->ss_family == AF_INET6)
		return a6->sin6_port == b6->sin6_port &&
		       memcmp(&a6->sin6_addr, &b6->sin6_addr, sizeof a6->sin6_addr) == 0;
	return a->ss_family == AF_UNIX &&
	       strcmp(((const struct sockaddr_un *)(const void *)a)->sun_path,
		      ((const struct sockaddr_un *)(const void *)b)->sun_path) == 0;
}

/* One that systemd opened for us: LISTEN_FDS descriptors from 3 on, meant for this process. */
static int find_inherited(const struct sockaddr_storage *want)
{
	const char *count = getenv("LISTEN_FDS"), *pid = getenv("LISTEN_PID");

	if (!count || !pid || strtol(pid, NULL, 10) != (long)getpid())
		return -1;
	for (int fd = FIRST_INHERITED, end = FIRST_INHERITED + (int)strtol(count, NULL, 10);
	     fd < end; fd++) {
		struct sockaddr_storage has = { 0 };
		socklen_t len = sizeof has;
		if (getsockname(fd, (struct sockaddr *)&has, &len) || !same_address(&has, want))
			continue;
		fcntl(fd, F_SETFD, FD_CLOEXEC);
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
		return fd;
	}
	return -1;
}

/* A socket file that nobody listens on any more may go. */
static bool is_stale(const struct sockaddr_storage *address, socklen_t len)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return false;
	bool stale = connect(fd, (const struct sockaddr *)address, len) && errno == ECONNREFUSED;
	close(fd);
	return stale;
}

static int bind_unix(int fd, const struct sockaddr_storage *address, socklen_t len, mode_t mode)
{
	const char *path = ((const struct sockaddr_un *)(const void *)address)->sun_path;

	/* Bound with the mode's own umask: there is no moment in which others may connect. */
	mode_t before = umask(0777 & ~mode);
	int error = bind(fd, (const struct sockaddr *)address, len) ? errno : 0;
	if (error == EADDRINUSE && is_stale(address, len) && unlink(path) == 0)
		error = bind(fd, (const struct sockaddr *)address, len) ? errno : 0;
	umask(before);
	return error;
}

static int open_socket(const struct gh__listen_config *c, const struct sockaddr_storage *address,
		       socklen_t len, int *ret_fd)
{
	int fd = socket(address->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	char mode[16] = "";

	if (fd < 0)
		return errno;
	int error = 0;
	if (c->is_unix) {
		if (c->mode.len && c->mode.len < sizeof mode)
			memcpy(mode, c->mode.at, c->mode.len);
		error = bind_unix(fd, address, len, *mode ? (mode_t)strtol(mode, NULL, 8) : 0660);
	} else {
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
		if (address->ss_family == AF_INET6)
			setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &(int){ c->host.len != 0 },
				   sizeof(int));
		error = bind(fd, (const struct sockaddr *)address, len) ? errno : 0;
	}
	if (!error && listen(fd, BACKLOG))
		error = errno;
	if (error) {
		close(fd);
		return error;
	}
	*ret_fd = fd;
	return 0;
}

/* What every accepted socket inherits: no waiting for more bytes, and a peer that is gone without a
 * word is noticed in two minutes, also in a WebSocket that is silent. */
static void set_tcp(int fd)
{
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &(int){ 1 }, sizeof(int));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &(int){ 60 }, sizeof(int));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &(int){ 20 }, sizeof(int));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &(int){ 3 }, sizeof(int));
}

struct gh__listener *gh__listener_open(const struct gh__listen_config *c, char *why, size_t size)
{
	struct sockaddr_storage address;
	socklen_t len = 0;
	struct stat st;

	if (address_of(c, &address, &len)) {
		snprintf(why, size, "it is no address that can be listened on");
		return NULL;
	}
	int fd = find_inherited(&address);
	bool inherited = fd >= 0;
	if (!inherited) {
		int error = open_socket(c, &address, len, &fd);
		if (error) {
			snprintf(
				why, size, "%s%s", strerror(error),
				error == EADDRINUSE ? "; stop what uses it, or choose another"
				: error == EACCES
					? "; use a port from 1024 on, or start as root with `user:`"
					: "");
			return NULL;
		}
	}
	if (!c->is_unix)
		set_tcp(fd);
	struct gh__listener *l = gh__zalloc(sizeof *l);
	gh__list_init(&l->link);
	l->fd = fd;
	l->inherited = inherited;
	l->is_unix = c->is_unix;
	l->door = gh__door_make(c, NULL);
	if (c->is_unix) {
		l->path = gh__strndup(c->host.at, c->host.len);
		if (stat(l->path, &st) == 0) {
			l->device = st.st_dev;
			l->inode = st.st_ino;
		}
	}
	if (gh__listener_check(l, c, why, size) == 0)
		return l;
	gh__listener_destroy(l);
	return NULL;
}

int gh__listener_check(const struct gh__listener *l, const struct gh__listen_config *c, char *why,
		       size_t size)
{
	struct stat st;

	if (!l->is_unix || c->identity.index == GH__IDENTITY_NONE)
		return 0;
	if (stat(l->path, &st)) {
		snprintf(why, size, "its socket cannot be looked at: %s", strerror(errno));
		return -1;
	}
	if ((st.st_mode & 077) == 0)
		return 0;
	snprintf(why, size,
		 "its socket has the mode %04o, and with 'identity' whoever connects can claim to "
		 "be anyone; %s",
		 (unsigned)st.st_mode & 07777,
		 l->inherited ? "set SocketMode=0600 in the unit of the socket"
			      : "it is given its mode when it is made, so choose another path or "
				"restart");
	return -1;
}

void gh__listener_use(struct gh__listener *l, struct gh__door *door)
{
	size_t kept = 0;

	/* Those through which nobody comes any more go. */
	for (size_t i = 0; i < l->earlier_count; i++)
		if (atomic_load(&l->earlier[i]->refs) == 1)
			gh__door_unref(l->earlier[i]);
		else
			l->earlier[kept++] = l->earlier[i];
	l->earlier = gh__realloc(l->earlier, (kept + 1) * sizeof *l->earlier);
	l->earlier[kept] = l->door;
	l->earlier_count = kept + 1;
	l->door = door;
}

void gh__listener_close(struct gh__listener *l)
{
	struct stat st;

	if (l->fd < 0)
		return;
	close(l->fd);
	l->fd = -1;
	if (l->path && !l->inherited && stat(l->path, &st) == 0 && st.st_dev == l->device &&
	    st.st_ino == l->inode)
		unlink(l->path);
}

void gh__listener_destroy(struct gh__listener *l)
{
	gh__listener_close(l);
	gh__list_remove(&l->link);
	gh__free(l->path);
	for (size_t i = 0; i < l->earlier_count; i++)
		gh__door_unref(l->earlier[i]);
	gh__free(l->earlier);
	gh__door_unref(l->door);
	gh__free(l);
}

bool gh__listener_is(const struct gh__listener *l, const struct gh__listen_config *c)
{
	return gh_str_eq(l->door->name, c->address);
}

uint16_t gh__listener_port(const struct gh__listener *l)
{
	struct sockaddr_storage a = { 0 };
	socklen_t len = sizeof a;

	if (getsockname(l->fd, (struct sockaddr *)&a, &len))
		return 0;
	return ntohs(a.ss_family == AF_INET    ? ((struct sockaddr_in *)&a)->sin_port
		     : a.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&a)->sin6_port
					       : 0);
}

/* ---- accepting ---- */

struct door_poll {
	uv_poll_t poll;
	struct gh__list link;
	struct gh__acceptor *acceptor;
	struct gh__listener *listener;
	struct gh__door *door; /* what new connections come through */
};

static void peer_of(const struct sockaddr_storage *from, struct gh_address *to)
{
	const struct sockaddr_in *v4 = (const void *)from;
	const struct sockaddr_in6 *v6 = (const void *)from;

	*to = (struct gh_address){ .family = AF_UNIX };
	if (from->ss_family == AF_INET) {
		to->family = AF_INET;
		to->port = ntohs(v4->sin_port);
		memcpy(to->bytes, &v4->sin_addr, 4);
	} else if (from->ss_family == AF_INET6) {
		bool mapped = IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr);
		to->family = mapped ? AF_INET : AF_INET6;
		to->port = ntohs(v6->sin6_port);
		memcpy(to->bytes, v6->sin6_addr.s6_addr + (mapped ? 12 : 0), mapped ? 4 : 16);
	}
}

static void on_poll(uv_poll_t *poll, int status, int events);

static void pause_all(struct gh__acceptor *a)
{
	if (a->paused)
		return;
	a->paused = true;
	for (struct gh__list *l = a->polls.next; l != &a->polls; l = l->next)
		uv_poll_stop(&GH__CONTAINER(l, struct door_poll, link)->poll);
	gh__deadline_set(a->loop, &a->pause, PAUSE_MS);
}

static void on_pause_over(struct gh__deadline *d)
{
	struct gh__acceptor *a = GH__CONTAINER(d, struct gh__acceptor, pause);

	a->paused = false;
	for (struct gh__list *l = a->polls.next; l != &a->polls; l = l->next)
		uv_poll_start(&GH__CONTAINER(l, struct door_poll, link)->poll, UV_READABLE,
			      on_poll);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct door_poll *p = poll->data;
	struct gh__acceptor *a = p->acceptor;

	(void)status;
	(void)events;
	gh__loop_touch(a->loop);
	for (int i = 0; i < ACCEPTS_A_TURN && !a->paused; i++) {
		struct sockaddr_storage from = { 0 };
		socklen_t len = sizeof from;
		struct gh_address peer;

		enum gh__admission may = a->admit ? a->admit(a, p->door, NULL) : GH__ADMIT;
		if (may == GH__NOT_NOW)
			pause_all(a);
		if (may != GH__ADMIT)
			return;
		int fd = accept4(p->listener->fd, (struct sockaddr *)&from, &len,
				 SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0) {
			if (errno == ECONNABORTED || errno == EINTR || errno == EPERM)
				continue;
			if (errno != EAGAIN && errno != EWOULDBLOCK)
				pause_all(
					a); /* EMFILE and the like: waiting helps, spinning does not */
			return;
		}
		peer_of(&from, &peer);
		if (a->admit && a->admit(a, p->door, &peer) != GH__ADMIT) {
			close(fd);
		} else if (gh__conn_accept(a->conns, fd, &peer, p->door)) {
			close(fd);
			if (a->not_taken)
				a->not_taken(a, p->door, &peer);
		} else if (a->taken) {
			a->taken(a);
		}
	}
}

static void on_closed(uv_handle_t *handle)
{
	struct door_poll *p = handle->data;

	gh__door_unref(p->door);
	atomic_fetch_sub(&p->listener->polls, 1);
	gh__free(p);
}

void gh__acceptor_init(struct gh__acceptor *a, struct gh__loop *loop, struct gh__conns *conns)
{
	*a = (struct gh__acceptor){ .loop = loop, .conns = conns };
	gh__list_init(&a->polls);
	gh__deadline_init(&a->pause, on_pause_over);
}

void gh__acceptor_add(struct gh__acceptor *a, struct gh__listener *l, struct gh__door *door)
{
	struct door_poll *p = gh__zalloc(sizeof *p);

	p->acceptor = a;
	p->listener = l;
	p->door = gh__door_ref(door);
	p->poll.data = p;
	GH_CHECK(uv_poll_init(&a->loop->uv, &p->poll, l->fd) == 0);
	gh__list_add(&a->polls, &p->link);
	if (!a->paused)
		uv_poll_start(&p->poll, UV_READABLE, on_poll);
}

void gh__acceptor_change(struct gh__acceptor *a, const struct gh__listener *l,
			 struct gh__door *door)
{
	for (struct gh__list *at = a->polls.next; at != &a->polls; at = at->next) {
		struct door_poll *p = GH__CONTAINER(at, struct door_poll, link);
		if (p->listener != l)
			continue;
		gh__door_unref(p->door);
		p->door = gh__door_ref(door);
	}
}

static void drop(struct door_poll *p)
{
	gh__list_remove(&p->link);
	uv_close((uv_handle_t *)&p->poll, on_closed);
}

void gh__acceptor_remove(struct gh__acceptor *a, struct gh__listener *l)
{
	for (struct gh__list *at = a->polls.next, *next; at != &a->polls; at = next) {
		next = at->next;
		struct door_poll *p = GH__CONTAINER(at, struct door_poll, link);
		if (p->listener == l)
			drop(p);
	}
}

void gh__acceptor_close(struct gh__acceptor *a)
{
	gh__deadline_finish(a->loop, &a->pause);
	while (!gh__list_empty(&a->polls))
		drop(GH__CONTAINER(a->polls.next, struct door_poll, link));
}
