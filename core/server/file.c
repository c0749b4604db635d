#include "core/server/file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "core/base/memory.h"

int gh__file_read(const char *path, size_t max, struct gh_str *ret_bytes)
{
	size_t len = 0, room = 4096;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return errno;
	char *bytes = gh__alloc(room);
	for (;;) {
		ssize_t got = read(fd, bytes + len, room - len);
		if (got < 0 && errno == EINTR)
			continue;
		int error = got < 0 ? errno : len + (size_t)got > max ? EFBIG : 0;
		if (error) {
			gh__free(bytes);
			close(fd);
			return error;
		}
		if (got == 0)
			break;
		len += (size_t)got;
		if (len == room)
			bytes = gh__realloc(bytes, room *= 2);
	}
	close(fd);
	*ret_bytes = (struct gh_str){ bytes, len };
	return 0;
}
