/*
 * The sockets: two that listen, the connections, and one poll() that waits for them all. One
 * thread, a fixed number of connections, and a deadline for everything that is waited for.
 */
#ifndef DEMO_SERVER_H
#define DEMO_SERVER_H

#include <stdint.h>

enum { DEMO_LISTENERS = 2 };

struct demo_server_options {
	int listeners[DEMO_LISTENERS]; /* not blocking; they stay the caller's */
	int signals;                   /* a signalfd: readable when it is time to end */
	int64_t token_interval;        /* in milliseconds */
};

/* Serve until a signal comes. 0, or -1 with errno when the system does not let it. */
int demo_server_run(const struct demo_server_options *options);

#endif
