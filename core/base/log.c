#include "core/base/log.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* Controls of ASCII, and the two bytes that UTF-8 makes of U+0080 to U+009F, which terminals obey too. */
static void tame(char *text, int len)
{
	unsigned char last = 0;

	for (int i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];
		bool of_two = last == 0xc2 && c >= 0x80 && c < 0xa0;

		if (of_two)
			text[i - 1] = '?';
		if (of_two || c < 0x20 || c == 0x7f)
			text[i] = '?';
		last = c;
	}
}

/* A line is lost where nobody reads: a loop that waited would hold up all of its streams. What is
 * no socket is shared with others, who may want it to block, and so is only asked; a pipe that takes
 * anything takes a page. */
static void put(const char *line, size_t len)
{
	struct pollfd p = { .fd = STDERR_FILENO, .events = POLLOUT };

	if (send(STDERR_FILENO, line, len, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0 || errno != ENOTSOCK)
		return;
	/* Nobody is left to tell when stderr cannot be written. */
	if (poll(&p, 1, 0) != 1 || write(STDERR_FILENO, line, len) < 0)
		return;
}

void gh__log(enum gh_level level, const char *format, ...)
{
	static const char *const names[] = { "error", "warn", "info", "debug" };
	char text[2048], line[sizeof text + 64];
	struct timespec now;
	struct tm tm;
	va_list args;

	va_start(args, format);
	int len = vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (len < 0)
		return;
	if ((size_t)len >= sizeof text)
		len = sizeof text - 1;
	tame(text, len);
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	size_t at = strftime(line, sizeof line, "%Y-%m-%dT%H:%M:%S", &tm);
	int n = snprintf(line + at, sizeof line - at, ".%03ldZ %s %.*s\n", now.tv_nsec / 1000000,
			 names[level], len, text);
	if (n > 0)
		put(line, at + (size_t)n);
}
