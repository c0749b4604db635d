/*
 * A worker with a site from the text of a gateway.yaml and one client on a real socket, for tests of
 * routes. One thread; the clock is the test's own.
 */
#ifndef GATEHOUSE_TESTS_SUPPORT_GATEWAY_H
#define GATEHOUSE_TESTS_SUPPORT_GATEWAY_H

#include "core/route/worker.h"
#include "support/wire.h"

struct gateway {
	struct gh__worker worker;
	struct gh__upstreams upstreams;
	struct gh__grounds grounds;
	atomic_size_t collected;
	struct gh__door *door;
	struct wire client;
	const struct gh_module *const *modules;
	size_t sites;        /* that live */
	char mistakes[4096]; /* of the last yaml that was refused */
};

/* `modules` ends with NULL. */
void gateway_begin(struct gateway *g, const struct gh_module *const *modules, const char *yaml);
int gateway_reload(struct gateway *g, const char *yaml); /* -1: refused */
void gateway_end(struct gateway *g);

/* A new client; the last one is closed. */
void gateway_join(struct gateway *g);
void gateway_say(struct gateway *g, const char *text);
/* Waits for the whole of an answer with a length or in chunks, or a close, and takes it off. Returns
 * its status, 0 when none came; head and body live until the next one. */
struct gateway_answer {
	int status;
	bool whole;
	const char *head, *body;
};
struct gateway_answer gateway_hear(struct gateway *g);
/* A whole request and its answer. */
struct gateway_answer gateway_ask(struct gateway *g, const char *method, const char *path);
void gateway_pass(struct gateway *g, uint64_t ms);

#endif
