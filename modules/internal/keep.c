#include "keep.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gatehouse/module.h>

static int open_folder(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int read_all(int fd, mode_t mode, char *to, size_t size)
{
	size_t len = 0;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (st.st_mode & S_IRWXO & ~mode)
		return -EPERM;
	while (len < size) {
		ssize_t got = read(fd, to + len, size - len);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0) {
			to[len] = 0;
			return 0;
		}
		len += (size_t)got;
	}
	return -EFBIG;
}

int internal_read(const char *folder, const char *name, mode_t mode, char *to, size_t size)
{
	int at = open_folder(folder);

	if (at < 0)
		return at;
	int fd = openat(at, name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	int rc = fd < 0 ? -errno : read_all(fd, mode, to, size);

	if (fd >= 0)
		close(fd);
	close(at);
	return rc;
}

static int write_all(int fd, mode_t mode, const char *text)
{
	size_t len = strlen(text);

	/* Whatever the umask took away. */
	if (fchmod(fd, mode) < 0)
		return -errno;
	while (len) {
		ssize_t put = write(fd, text, len);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return -errno;
		text += put;
		len -= (size_t)put;
	}
	return fsync(fd) < 0 ? -errno : 0;
}

int internal_write(const char *folder, const char *name, mode_t mode, const char *text)
{
	int at = open_folder(folder), rc;
	uint64_t tag;
	char fresh[64];

	if (at < 0)
		return at;
	/* Its own: the config before a reload may be writing still. */
	gh_random(&tag, sizeof tag);
	snprintf(fresh, sizeof fresh, ".%s.%016llx", name, (unsigned long long)tag);
	int fd = openat(at, fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	rc = fd < 0 ? -errno : write_all(fd, mode, text);
	if (fd >= 0)
		close(fd);
	if (rc == 0 && renameat(at, fresh, at, name) < 0)
		rc = -errno;
	if (rc == 0 && fsync(at) < 0)
		rc = -errno;
	if (rc && fd >= 0)
		unlinkat(at, fresh, 0);
	close(at);
	return rc;
}
