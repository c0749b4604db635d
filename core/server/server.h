/*
 * The process while it serves: its workers, listening sockets, the current generation, and what
 * outlives generations. One; made by gh__server_run() and gone when that returns. Main thread, but
 * for what is marked.
 */
#ifndef GATEHOUSE_CORE_SERVER_SERVER_H
#define GATEHOUSE_CORE_SERVER_SERVER_H

#include "core/route/worker.h"
#include "core/server/listener.h"

struct gh__certificates;
struct gh__handshakes;
struct gh__ledger;
struct gh__mistakes;
struct gh__server;
struct gh__tls_server;
struct gh__usage_stats;

/* A worker and its thread. */
struct gh__thread {
	struct gh__worker worker; /* first */
	struct gh__acceptor acceptor;
	struct gh__server *server;
	pthread_t id;
	bool stopping, drained; /* its own thread's */
	struct gh__letter drained_letter;
};

/* One gateway.yaml that serves, or still finishes what it began. */
struct gh__generation {
	struct gh__list link; /* among those that were replaced */
	struct gh__site *site;
	struct gh__server *server;
	atomic_uint users; /* workers that hold it */
	struct gh__letter unused;
	struct gh__certificates *certificates;
	bool over;   /* unused, and kept by a renewal that has not ended */
	bool *dying; /* once unused: which of its upstreams nobody else has */
	uint64_t number;
};

struct gh__server {
	struct gh__loop loop; /* the main thread's */
	const char *path;     /* of gateway.yaml */
	const struct gh_module *const *modules;
	struct gh__generation *current;
	struct gh__list retired;
	struct gh__list listeners,
		closing; /* those that are closing are still polled by some worker */
	struct gh__thread **threads;
	unsigned thread_count;
	struct gh__lanes *lanes;
	struct gh__upstreams upstreams;
	struct gh__shares *shares;
	struct gh__metrics *metrics;
	struct gh__ledger *ledger;
	struct gh__usage_stats *usage;
	struct gh__grounds grounds;
	atomic_size_t collected;   /* bytes of bodies held in memory */
	atomic_size_t connections; /* of all workers */
	atomic_size_t max_connections;
	struct gh__tls_server *tls;
	struct gh__handshakes *handshakes;
	struct gh__peers *peers; /* connections by address, when they are limited */
	struct gh__access_sink *access;
	struct gh__admin *admin;
	struct gh__watchdog *watchdog; /* NULL: nobody wants to hear */
	struct gh__deadline sweep, grace, cut;
	uv_signal_t signals[5];
	uint64_t started_at; /* seconds since 1970 */
	uint64_t reloads, failed_reloads, generations;
	char *refused; /* the mistakes of the last reload; NULL: it was taken up */
	bool stopping;
	unsigned drained;
	int status; /* to exit with */
};

/* Serves until it is told to stop. Returns the exit code: 0, or 1 after the reason was told. */
int gh__server_run(const char *path, const struct gh_module *const *modules);

/* Reads the file anew and, if it is right, takes it up. NULL: done, every worker takes new requests by
 * it. Otherwise the mistakes as text, for gh__free(); the old generation serves on. */
char *gh__server_reload(struct gh__server *s);
void gh__server_stop(struct gh__server *s);

/* Reads, binds and provisions a file as a reload would. NULL, and `*ret_mistakes` for gh__free(). */
struct gh__site *gh__server_build(struct gh__server *s, char **ret_mistakes);

/* The same, without a server that runs. NULL: it is right; else the mistakes, for gh__free(). */
char *gh__server_check(const char *path, const struct gh_module *const *modules);

/* ---- listening.c ---- */
/* Opens what the config names and is not open yet, into `ret_opened`. All or none. */
int gh__listening_open(struct gh__server *s, const struct gh__config *c,
		       struct gh__list *ret_opened, struct gh__mistakes *mistakes);
/* What was opened by a config without its ${…} may be wanted otherwise by the whole one. */
int gh__listening_check(const struct gh__config *c, struct gh__list *opened,
			struct gh__mistakes *mistakes);
/* What the current generation wants takes the place of what there was. */
void gh__listening_use(struct gh__server *s, const struct gh__config *c, struct gh__list *opened);
void gh__listening_sweep(struct gh__deadline *d);

/* ---- generation.c ---- */
/* Takes over both. */
void gh__generation_take_up(struct gh__server *s, struct gh__site *site,
			    struct gh__certificates *certificates);
void gh__generation_drop_all(struct gh__server *s); /* the workers are gone */

#endif
