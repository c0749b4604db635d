#include "core/cli/replace.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "core/base/memory.h"

enum { FILE_MOST = 4 << 20, TRIES = 100 };

static int refuse(const char *path, char why[GH__REPLACE_WHY], const char *what)
{
	snprintf(why, GH__REPLACE_WHY, "%s: %s", path, what);
	return -1;
}

/* The file that a link leads to; of what is not there yet, in the folder that is. */
static char *real_path(const char *path)
{
	char real[PATH_MAX];

	if (realpath(path, real))
		return gh__strndup(real, strlen(real));
	return gh__strndup(path, strlen(path));
}

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Who waited for the lock may hold that of a file whose place another one has taken: then once more. */
static int open_locked(struct gh__replace *r)
{
	for (int i = 0; i < TRIES; i++) {
		struct stat now;
		int fd = open(r->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
		if (fd < 0)
			return errno;
		if (flock(fd, LOCK_EX) || fstat(fd, &r->before)) {
			int error = errno;
			close(fd);
			return error;
		}
		if (stat(r->path, &now) == 0 && now.st_dev == r->before.st_dev &&
		    now.st_ino == r->before.st_ino) {
			r->fd = fd;
			return 0;
		}
		close(fd);
	}
	return EBUSY;
}

static int read_all(struct gh__replace *r)
{
	size_t room = (size_t)r->before.st_size, len = 0;
	char *bytes = gh__alloc(room + 1);

	while (len < room) {
		ssize_t got = read(r->fd, bytes + len, room - len);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		len += (size_t)got;
	}
	bytes[len] = 0;
	r->bytes = (struct gh_str){ bytes, len };
	return len == room ? 0 : EIO;
}

int gh__replace_open(struct gh__replace *r, const char *path, enum gh__replace_missing missing,
		     char why[GH__REPLACE_WHY])
{
	*r = (struct gh__replace){ .path = real_path(path), .fd = -1 };
	int error = open_locked(r);

	if (error == ENOENT && missing == GH__MISSING_IS_EMPTY)
		return 0;
	if (error)
		return refuse(path, why, strerror(error));
	if (!S_ISREG(r->before.st_mode))
		return refuse(path, why, "this is no file");
	if (r->before.st_size > FILE_MOST)
		return refuse(path, why, "this file is too large for credentials");
	error = read_all(r);
	return error ? refuse(path, why, strerror(error)) : 0;
}

static int write_all(int fd, struct gh_str bytes)
{
	for (size_t at = 0; at < bytes.len;) {
		ssize_t n = write(fd, bytes.at + at, bytes.len - at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? errno : EIO;
		at += (size_t)n;
	}
	return 0;
}

/* As the old one was, before a byte is in it: nobody shall read it who could not. */
static int dress(const struct gh__replace *r, int fd)
{
	struct stat st;

	if (r->fd < 0)
		return 0;
	if (fstat(fd, &st))
		return errno;
	if ((st.st_uid != r->before.st_uid || st.st_gid != r->before.st_gid) &&
	    fchown(fd, r->before.st_uid, r->before.st_gid))
		return errno;
	return fchmod(fd, r->before.st_mode & 07777) ? errno : 0;
}

static void sync_folder(const char *path)
{
	char *folder = gh__strndup(path, strlen(path)), *slash = strrchr(folder, '/');

	if (slash)
		slash[slash == folder] = 0;
	int fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0) {
		fsync(fd); /* it holds without, unless the machine stops just now */
		close(fd);
	}
	gh__free(folder);
}

static bool has_changed(const struct gh__replace *r)
{
	struct stat now;

	if (stat(r->path, &now))
		return r->fd >= 0;
	return r->fd < 0 || !is_same(&now, &r->before);
}

static int put(struct gh__replace *r, const char *temporary, int fd, struct gh_str bytes,
	       char why[GH__REPLACE_WHY])
{
	int error = dress(r, fd);

	if (error == EPERM)
		return refuse(r->path, why,
			      "its owner or group cannot be kept by you; run this as its owner");
	if (!error)
		error = write_all(fd, bytes);
	if (!error && fsync(fd))
		error = errno;
	if (error)
		return refuse(r->path, why, strerror(error));
	if (has_changed(r))
		return refuse(r->path, why, "somebody else has changed it just now; try again");
	return rename(temporary, r->path) ? refuse(r->path, why, strerror(errno)) : 0;
}

int gh__replace_put(struct gh__replace *r, struct gh_str bytes, char why[GH__REPLACE_WHY])
{
	char temporary[PATH_MAX];
	int n = snprintf(temporary, sizeof temporary, "%s.XXXXXX", r->path);

	if (n < 0 || (size_t)n >= sizeof temporary)
		return refuse(r->path, why, "this path is too long");
	int fd = mkostemp(temporary, O_CLOEXEC);

	if (fd < 0) {
		snprintf(why, GH__REPLACE_WHY, "%s: no file can be made beside it: %s", r->path,
			 strerror(errno));
		return -1;
	}
	int rc = put(r, temporary, fd, bytes, why);

	if (rc)
		unlink(temporary);
	else
		sync_folder(r->path);
	close(fd);
	return rc;
}

void gh__replace_close(struct gh__replace *r)
{
	if (r->fd >= 0)
		close(r->fd);
	gh__free((char *)(uintptr_t)r->bytes.at);
	gh__free(r->path);
	*r = (struct gh__replace){ .fd = -1 };
}
