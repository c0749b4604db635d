#include "core/base/log.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

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
	for (int i = 0; i < len; i++)
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			text[i] = '?';
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	size_t at = strftime(line, sizeof line, "%Y-%m-%dT%H:%M:%S", &tm);
	int n = snprintf(line + at, sizeof line - at, ".%03ldZ %s %.*s\n", now.tv_nsec / 1000000,
			 names[level], len, text);
	/* Nobody is left to tell when stderr cannot be written. */
	if (n > 0 && write(STDERR_FILENO, line, at + (size_t)n) < 0)
		return;
}
