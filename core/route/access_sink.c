#include "core/route/access_sink.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/log.h"
#include "core/base/memory.h"
#include "core/route/access_line.h"

/* How bytes reach the descriptor without waiting for who reads them. */
enum way {
	BY_WRITE, /* a file, or a pipe that we opened anew and that does not block */
	BY_SEND,  /* a socket, such as the journal's */
	BY_POLL, /* a pipe that others share: asked first, and then no more than it takes at once */
};

struct gh__access_sink {
	atomic_int form;
	atomic_uint_least64_t lost;
	pthread_mutex_t lock; /* of all below */
	char *path;           /* NULL: stdout */
	int fd;               /* -1: none */
	enum way way;
	bool rolls; /* a plain file */
	bool told;  /* that it cannot be written, until it can again */
	uint64_t size, roll_size;
	int64_t keep;
	char rest[GH__ACCESS_LINE]; /* of a line that was written in part */
	size_t rest_len;
};

struct gh__access_sink *gh__access_sink_create(void)
{
	struct gh__access_sink *sink = gh__zalloc(sizeof *sink);

	pthread_mutex_init(&sink->lock, NULL);
	sink->fd = -1;
	return sink;
}

void gh__access_sink_destroy(struct gh__access_sink *sink)
{
	if (!sink)
		return;
	if (sink->fd >= 0)
		close(sink->fd);
	pthread_mutex_destroy(&sink->lock);
	gh__free(sink->path);
	gh__free(sink);
}

enum gh__access_form gh__access_sink_form(const struct gh__access_sink *sink)
{
	return (enum gh__access_form)atomic_load_explicit(&sink->form, memory_order_relaxed);
}

uint64_t gh__access_sink_lost(const struct gh__access_sink *sink)
{
	return atomic_load_explicit(&sink->lost, memory_order_relaxed);
}

/* ---- opening ---- */

static const char *name_of(const struct gh__access_sink *sink)
{
	return sink->path ? sink->path : "stdout";
}

/* Takes a descriptor in place of the one before. */
static void take_fd(struct gh__access_sink *sink, int fd, enum way way)
{
	struct stat st = { 0 };

	if (sink->fd >= 0)
		close(sink->fd);
	fstat(fd, &st);
	sink->fd = fd;
	sink->way = way;
	sink->rolls = sink->path && S_ISREG(st.st_mode);
	sink->size = (uint64_t)st.st_size;
	sink->told = false;
	if (sink->rest_len) {
		sink->rest_len = 0; /* it belongs to what is gone */
		atomic_fetch_add_explicit(&sink->lost, 1, memory_order_relaxed);
	}
}

static int open_file(const char *path)
{
	return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0640);
}

/* What stands behind stdout is shared with who started us, its flags too: a pipe or a terminal is
 * opened a second time, so that only ours does not block. */
static int open_stdout(enum way *ret_way)
{
	struct stat st;

	if (fstat(STDOUT_FILENO, &st))
		return -1;
	*ret_way = S_ISSOCK(st.st_mode) ? BY_SEND : BY_WRITE;
	if (S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode)) {
		int fd = open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
		if (fd >= 0)
			return fd;
		*ret_way = BY_POLL;
	}
	return fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
}

/* The lock is held. Leaves what is open when it cannot. */
static void open_target(struct gh__access_sink *sink)
{
	enum way way = BY_WRITE;
	int fd = sink->path ? open_file(sink->path) : open_stdout(&way);

	if (fd >= 0)
		take_fd(sink, fd, way);
	else
		gh__log(GH_LOG_ERROR, "access log: %s cannot be opened: %s", name_of(sink),
			strerror(errno));
}

static void close_target(struct gh__access_sink *sink)
{
	if (sink->fd >= 0)
		close(sink->fd);
	sink->fd = -1;
	sink->rest_len = 0;
	gh__free(sink->path);
	sink->path = NULL;
}

void gh__access_sink_use(struct gh__access_sink *sink, const struct gh__access_log_config *c)
{
	bool off = gh_str_is(c->to, "off"), to_stdout = gh_str_is(c->to, "stdout");
	bool combined = c->format.index == GH__LOG_COMBINED;

	pthread_mutex_lock(&sink->lock);
	sink->roll_size = (uint64_t)c->roll_size.bytes;
	sink->keep = c->keep;
	bool same = sink->fd >= 0 && (sink->path ? gh_str_is(c->to, sink->path) : to_stdout);
	if (!same) {
		close_target(sink);
		if (!off && !to_stdout)
			sink->path = gh__strndup(c->to.at, c->to.len);
		if (!off)
			open_target(sink);
	}
	pthread_mutex_unlock(&sink->lock);
	atomic_store(&sink->form, off        ? GH__ACCESS_OFF
				  : combined ? GH__ACCESS_COMBINED
					     : GH__ACCESS_JSON);
}

void gh__access_sink_reopen(struct gh__access_sink *sink)
{
	pthread_mutex_lock(&sink->lock);
	if (sink->path)
		open_target(sink);
	pthread_mutex_unlock(&sink->lock);
}

/* ---- rolling ---- */

static int rolled_name(char to[PATH_MAX], const char *path, int64_t number)
{
	int n = snprintf(to, PATH_MAX, "%s.%lld", path, (long long)number);

	return n > 0 && n < PATH_MAX ? 0 : -1;
}

static int shift(const char *path, int64_t keep)
{
	char from[PATH_MAX], to[PATH_MAX];

	for (int64_t i = keep + 1; rolled_name(to, path, i) == 0 && unlink(to) == 0;)
		i++; /* kept by a larger `keep` before */
	if (keep == 0)
		return unlink(path) && errno != ENOENT ? -1 : 0;
	for (int64_t i = keep; i > 0; i--) {
		if (rolled_name(to, path, i) || rolled_name(from, path, i - 1))
			return -1;
		if (rename(i == 1 ? path : from, to) && errno != ENOENT)
			return -1;
	}
	return 0;
}

/* The lock is held. */
static void roll(struct gh__access_sink *sink, size_t need)
{
	struct stat here, there;

	if (fstat(sink->fd, &here))
		return;
	sink->size = (uint64_t)here.st_size;
	bool ours = stat(sink->path, &there) == 0 && there.st_dev == here.st_dev &&
		    there.st_ino == here.st_ino;
	if (ours && sink->size + need <= sink->roll_size)
		return; /* another emptied it */
	if (ours && shift(sink->path, sink->keep)) {
		if (!sink->told)
			gh__log(GH_LOG_ERROR, "access log: %s cannot be rolled: %s", sink->path,
				strerror(errno));
		sink->told = true;
		sink->size = 0; /* once more after as many bytes again */
		return;
	}
	open_target(sink);
	if (sink->size >= sink->roll_size)
		sink->size = 0;
}

/* ---- writing ---- */

static uint64_t count_lines(const char *at, size_t len)
{
	uint64_t n = 0;

	for (const char *end = at + len; (at = memchr(at, '\n', (size_t)(end - at))); at++)
		n++;
	return n;
}

static void lose(struct gh__access_sink *sink, const char *at, size_t len)
{
	atomic_fetch_add_explicit(&sink->lost, count_lines(at, len), memory_order_relaxed);
}

/* A full disk is told once. A reader that is slow is not: what tells it may be the same pipe. */
static void tell(struct gh__access_sink *sink, int error)
{
	if (sink->told || error == EAGAIN || error == EWOULDBLOCK)
		return;
	sink->told = true;
	gh__log(GH_LOG_ERROR, "access log: %s cannot be written: %s; lines are lost, and counted",
		name_of(sink), strerror(error));
}

/* Returns how many bytes went out; what of them was the part of a line is seen to by the caller. */
static size_t put(struct gh__access_sink *sink, const char *at, size_t len)
{
	ssize_t n;

	if (sink->way == BY_POLL &&
	    poll(&(struct pollfd){ .fd = sink->fd, .events = POLLOUT }, 1, 0) != 1)
		return 0;
	do {
		n = sink->way == BY_SEND ? send(sink->fd, at, len, MSG_DONTWAIT | MSG_NOSIGNAL)
					 : write(sink->fd, at, len);
	} while (n < 0 && errno == EINTR);
	if (n < 0) {
		tell(sink, errno);
		return 0;
	}
	sink->size += (uint64_t)n;
	return (size_t)n;
}

static bool put_rest(struct gh__access_sink *sink)
{
	if (sink->rest_len == 0)
		return true;
	size_t n = put(sink, sink->rest, sink->rest_len);
	sink->rest_len -= n;
	memmove(sink->rest, sink->rest + n, sink->rest_len);
	return sink->rest_len == 0;
}

/* Up to `most` bytes of whole lines, but one line at least. */
static size_t lines_within(const char *lines, size_t len, uint64_t most)
{
	if (len <= most)
		return len;
	const char *end = most ? memrchr(lines, '\n', (size_t)most) : NULL;
	if (!end)
		end = memchr(lines, '\n', len);
	return end ? (size_t)(end - lines) + 1 : len;
}

static size_t next_portion(struct gh__access_sink *sink, const char *lines, size_t len)
{
	if (sink->way == BY_POLL)
		return lines_within(lines, len, GH__ACCESS_LINE);
	if (!sink->rolls || !sink->roll_size)
		return len;
	size_t one = lines_within(lines, len, 0);
	if (sink->size && sink->size + one > sink->roll_size)
		roll(sink, one);
	return lines_within(lines, len,
			    sink->size < sink->roll_size ? sink->roll_size - sink->size : 0);
}

/* The lock is held. Returns how many bytes are dealt with. */
static size_t write_portion(struct gh__access_sink *sink, const char *lines, size_t len)
{
	size_t portion = next_portion(sink, lines, len);

	if (!put_rest(sink)) /* only then does a new line begin at the start of one */
		return 0;
	size_t n = put(sink, lines, portion);
	if (n == portion || n == 0 || lines[n - 1] == '\n')
		return n;
	const char *end = memchr(lines + n, '\n', len - n);
	sink->rest_len = (size_t)(end - (lines + n)) + 1;
	GH_CHECK(sink->rest_len <= sizeof sink->rest);
	memcpy(sink->rest, lines + n, sink->rest_len);
	return n + sink->rest_len;
}

void gh__access_sink_write(struct gh__access_sink *sink, const char *lines, size_t len)
{
	pthread_mutex_lock(&sink->lock);
	while (len && sink->fd >= 0) {
		size_t n = write_portion(sink, lines, len);
		lines += n;
		len -= n;
		if (n == 0 || sink->rest_len)
			break;
		sink->told = false;
	}
	if (len)
		lose(sink, lines, len);
	pthread_mutex_unlock(&sink->lock);
}
