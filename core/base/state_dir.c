/* Making the folder for what must outlive the process. */
#include <errno.h>
#include <sys/stat.h>

#include <gatehouse/module.h>

#include "core/base/memory.h"

static int make_one(const char *path)
{
	struct stat st;

	if (mkdir(path, 0700) == 0)
		return 0;
	if (errno != EEXIST)
		return -1;
	if (stat(path, &st))
		return -1;
	errno = ENOTDIR;
	return S_ISDIR(st.st_mode) ? 0 : -1;
}

int gh_state_dir_make(struct gh_str dir)
{
	char *path = gh__strndup(dir.at, dir.len);
	int result = make_one(path), error;

	/* What is missing above it is made from the top. Where that fails there may be a folder that
	 * one cannot write into: the last one tells. */
	if (result && errno == ENOENT) {
		for (size_t i = 1; i < dir.len; i++) {
			if (path[i] != '/')
				continue;
			path[i] = 0;
			(void)make_one(path);
			path[i] = '/';
		}
		result = make_one(path);
	}
	error = errno;
	gh__free(path);
	errno = error;
	return result;
}
