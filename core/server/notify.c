#include "core/server/notify.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* One datagram to the socket that the service manager names: a path, or an abstract name after `@`.
 * Nobody is told of a failure: who asked cannot be reached. */
static void say(const char *text)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	size_t len = path ? strlen(path) : 0;

	if (len < 2 || len >= sizeof to.sun_path || (*path != '/' && *path != '@'))
		return;
	memcpy(to.sun_path, path, len);
	if (*path == '@')
		to.sun_path[0] = 0;
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	(void)!sendto(fd, text, strlen(text), MSG_NOSIGNAL, (const struct sockaddr *)&to,
		      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
	close(fd);
}

void gh__notify_ready(void)
{
	say("READY=1\nSTATUS=Serving");
}

void gh__notify_reloading(void)
{
	struct timespec now;
	char text[128];

	clock_gettime(CLOCK_MONOTONIC, &now);
	snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%lld\nSTATUS=Reading the config",
		 (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
	say(text);
}

void gh__notify_stopping(void)
{
	say("STOPPING=1\nSTATUS=Finishing what is open");
}

void gh__notify_watchdog(void)
{
	say("WATCHDOG=1");
}

uint64_t gh__notify_watchdog_interval(void)
{
	const char *text = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");

	if (!text || !getenv("NOTIFY_SOCKET") ||
	    (pid && strtoll(pid, NULL, 10) != (long long)getpid()))
		return 0;
	long long us = strtoll(text, NULL, 10);
	return us > 0 ? (uint64_t)us / 1000 : 0;
}
