#include "cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gatehouse/module.h>

#include "localapi.h"
#include "sentence.h"

#define FOLDER "tsnet-cert"
#define SUFFIX ".pem"
#define FIRST  "# From "

enum {
	FILE_NAME_SIZE = TSNET_NAME_SIZE + 8,
	FILE_MAX = TSNET_PAIR_MAX + 512,
	FOLDER_MAX = 1000, /* entries that are looked at */
};

/* ---- The folder ---- */

/* A descriptor, or -1; `why` is empty when there is no folder. */
static int open_folder(struct gh_str state_dir, char *why, size_t size)
{
	struct stat st;
	int base = open(state_dir.at, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd;

	why[0] = 0;
	if (base < 0)
		return errno == ENOENT
			       ? -1
			       : tsnet_refuse(why, size, "%s: %s", state_dir.at, strerror(errno));
	fd = openat(base, FOLDER, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno != ENOENT)
		tsnet_refuse(why, size,
			     "%s/" FOLDER " is no folder of this process's own; remove it",
			     state_dir.at);
	close(base);
	if (fd < 0)
		return -1;
	/* Who can write here can put a certificate of their own in our mouth. */
	if (fstat(fd, &st) != 0 || (st.st_uid != geteuid() && st.st_uid != 0) ||
	    st.st_mode & (S_IWGRP | S_IWOTH)) {
		tsnet_refuse(why, size,
			     "%s/" FOLDER
			     " can be written to by others; give it to this process's user "
			     "and run: chmod 0700 %s/" FOLDER,
			     state_dir.at, state_dir.at);
		close(fd);
		return -1;
	}
	return fd;
}

static int make_folder(struct gh_str state_dir, char *why, size_t size)
{
	int base, rc;

	if (gh_state_dir_make(state_dir) != 0)
		return tsnet_refuse(why, size, "%s: %s", state_dir.at, strerror(errno));
	base = open(state_dir.at, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	rc = base < 0 ? -1 : mkdirat(base, FOLDER, 0700);
	if (rc != 0 && errno != EEXIST) {
		tsnet_refuse(why, size, "%s/" FOLDER ": %s", state_dir.at, strerror(errno));
		if (base >= 0)
			close(base);
		return -1;
	}
	close(base);

	int fd = open_folder(state_dir, why, size);

	if (fd < 0 && !why[0])
		tsnet_refuse(why, size, "%s/" FOLDER " went away", state_dir.at);
	return fd;
}

/* ---- Writing ---- */

static int write_all(int fd, struct gh_str bytes)
{
	for (size_t at = 0; at < bytes.len;) {
		ssize_t n = write(fd, bytes.at + at, bytes.len - at);

		if (n < 0 && errno != EINTR)
			return -1;
		if (n > 0)
			at += (size_t)n;
	}
	return 0;
}

static int write_file(int fd, const char *socket, const struct tsnet_pair *pair)
{
	char first[TSNET_SOCKET_MAX + 64];
	int len = snprintf(first, sizeof first, FIRST "%s, for starts without it.\n", socket);

	return len > 0 && (size_t)len < sizeof first &&
			       write_all(fd, (struct gh_str){ first, (size_t)len }) == 0 &&
			       write_all(fd, pair->chain) == 0 && write_all(fd, pair->key) == 0 &&
			       fsync(fd) == 0
		       ? 0
		       : -1;
}

/* Beside its place, made durable, and then put there: what is read is whole, also after a fall of
 * the power. */
static int replace(int folder, const char *socket, const char *name, const struct tsnet_pair *pair)
{
	char to[FILE_NAME_SIZE], beside[FILE_NAME_SIZE];
	int fd, rc, error;

	snprintf(to, sizeof to, "%s" SUFFIX, name);
	snprintf(beside, sizeof beside, ".%s.new", name);
	unlinkat(folder, beside, 0);
	fd = openat(folder, beside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -1;
	rc = write_file(fd, socket, pair);
	error = errno;
	if (close(fd) != 0 && rc == 0) {
		rc = -1;
		error = errno;
	}
	if (rc == 0 && renameat(folder, beside, folder, to) != 0) {
		rc = -1;
		error = errno;
	}
	if (rc != 0)
		unlinkat(folder, beside, 0);
	else
		fsync(folder);
	errno = error;
	return rc;
}

int tsnet_cache_write(struct gh_str state_dir, const char *socket, const char *name,
		      const struct tsnet_pair *pair, char *why, size_t size)
{
	int folder = make_folder(state_dir, why, size), rc;

	if (folder < 0)
		return -1;
	rc = replace(folder, socket, name, pair);
	if (rc != 0)
		tsnet_refuse(why, size, "%s/" FOLDER "/%s" SUFFIX ": %s", state_dir.at, name,
			     strerror(errno));
	close(folder);
	return rc;
}

/* ---- Reading ---- */

static int GH_PRINTF(4, 5) blame(const char *file, char *why, size_t size, const char *format, ...)
{
	char what[200];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof what, format, args);
	va_end(args);
	return tsnet_refuse(why, size, "the kept certificate " FOLDER "/%s is not used: %s", file,
			    what);
}

/* All of a file that is this user's alone, into memory of FILE_MAX bytes. */
static int read_file(int folder, const char *file, char *to, size_t *ret_len, char *why,
		     size_t size)
{
	struct stat st;
	/* Not through a link, and not to hang on a FIFO. */
	int fd = openat(folder, file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	int rc = 0;

	why[0] = 0;
	if (fd < 0 && errno == ENOENT)
		return -1;
	if (fd < 0)
		return blame(file, why, size, "%s; remove it",
			     errno == ELOOP ? "it is a link" : strerror(errno));
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		rc = blame(file, why, size, "it is no file; remove it");
	else if (st.st_uid != geteuid() && st.st_uid != 0)
		rc = blame(file, why, size, "it belongs to another user; remove it");
	else if (st.st_mode & (S_IRWXG | S_IRWXO))
		rc = blame(file, why, size, "others can get at it (mode %04o); chmod 0600 it",
			   (unsigned)st.st_mode & 07777);
	else if (st.st_size >= FILE_MAX)
		rc = blame(file, why, size, "it is too long; remove it");

	size_t len = 0;

	while (rc == 0 && len < FILE_MAX) {
		ssize_t n = read(fd, to + len, FILE_MAX - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			rc = blame(file, why, size, "%s", strerror(errno));
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	close(fd);
	if (rc == 0)
		*ret_len = len;
	return rc;
}

static struct tsnet_pair *read_pair(int folder, const char *name, char *why, size_t size)
{
	char file[FILE_NAME_SIZE], what[160];
	char *bytes = calloc(1, FILE_MAX);
	struct tsnet_pair *pair = NULL;
	size_t len = 0;

	if (!bytes)
		abort();
	snprintf(file, sizeof file, "%s" SUFFIX, name);
	if (read_file(folder, file, bytes, &len, why, size) == 0) {
		/* The line that begins it is no PEM and counts against no limit. */
		char *lf = len && bytes[0] == '#' ? memchr(bytes, '\n', len) : NULL;
		size_t from = lf ? (size_t)(lf - bytes) + 1 : 0;

		pair = tsnet_pair_create((struct gh_str){ bytes + from, len - from }, name, what,
					 sizeof what);
		if (!pair)
			blame(file, why, size, "%s; remove it", what);
	}
	explicit_bzero(bytes, len);
	free(bytes);
	return pair;
}

struct tsnet_pair *tsnet_cache_read(struct gh_str state_dir, const char *name, char *why,
				    size_t size)
{
	int folder = open_folder(state_dir, why, size);
	struct tsnet_pair *pair;

	if (folder < 0)
		return NULL;
	pair = read_pair(folder, name, why, size);
	close(folder);
	return pair;
}

/* ---- Which there are ---- */

static bool is_from(int folder, const char *file, const char *socket)
{
	char first[TSNET_SOCKET_MAX + 64], wanted[TSNET_SOCKET_MAX + 64];
	int fd = openat(folder, file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	int len = snprintf(wanted, sizeof wanted, FIRST "%s,", socket);
	ssize_t n;

	if (fd < 0)
		return false;
	n = read(fd, first, sizeof first);
	close(fd);
	return len > 0 && n >= len && memcmp(first, wanted, (size_t)len) == 0;
}

typedef void seen(int folder, const char *file, const char *name, void *arg);

static void each(struct gh_str state_dir, const char *socket, seen *then, void *arg)
{
	char why[200];
	int folder = open_folder(state_dir, why, sizeof why);
	int again = folder < 0 ? -1 : dup(folder);
	DIR *list = again < 0 ? NULL : fdopendir(again);
	struct dirent *e;

	for (int i = 0; list && i < FOLDER_MAX && (e = readdir(list)) != NULL; i++) {
		struct gh_str file = gh_str(e->d_name), suffix = GH_STR(SUFFIX);
		char name[TSNET_NAME_SIZE];

		if (file.len <= suffix.len ||
		    !gh_str_eq(gh_str_slice(file, file.len - suffix.len, file.len), suffix) ||
		    tsnet_name_take(gh_str_slice(file, 0, file.len - suffix.len), name) != 0)
			continue;
		if (is_from(folder, e->d_name, socket))
			then(folder, e->d_name, name, arg);
	}
	if (list)
		closedir(list);
	else if (again >= 0)
		close(again);
	if (folder >= 0)
		close(folder);
}

static void add(int folder, const char *file, const char *name, void *arg)
{
	(void)folder;
	(void)file;
	tsnet_names_add(arg, name);
}

static int compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

void tsnet_cache_names(struct gh_str state_dir, const char *socket, struct tsnet_names *ret_names)
{
	struct tsnet_names found = { 0 };

	each(state_dir, socket, add, &found);
	qsort(found.items, found.count, sizeof *found.items, compare);
	*ret_names = found;
}

static void prune(int folder, const char *file, const char *name, void *arg)
{
	if (!tsnet_names_have(arg, name))
		unlinkat(folder, file, 0);
}

void tsnet_cache_prune(struct gh_str state_dir, const char *socket, const struct tsnet_names *keep)
{
	struct tsnet_names copy = *keep;

	each(state_dir, socket, prune, &copy);
}
