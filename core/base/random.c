#include <errno.h>
#include <sys/random.h>

#include <gatehouse/module.h>

#include "core/base/memory.h"

void gh_random(void *bytes, size_t size)
{
	for (char *at = bytes; size;) {
		ssize_t got = getrandom(at, size, 0);
		if (got < 0 && errno == EINTR)
			continue;
		/* Without random bytes every key and id would be a guess away. */
		GH_CHECK(got > 0);
		at += got;
		size -= (size_t)got;
	}
}
