/*
 * A gateway.yaml, read, checked and bound: what the rest of core knows of it. Made whole or not at
 * all by gh__config_read(), on the main thread; read-only after, from any thread; owned by the
 * generation that is built from it. Pure: no sockets, no libuv.
 */
#ifndef GATEHOUSE_CORE_CONFIG_CONFIG_H
#define GATEHOUSE_CORE_CONFIG_CONFIG_H

#include <gatehouse/module.h>

#include "core/base/arena.h"

struct gh__mistakes;

/* Where a value stands, for messages after binding (a module's provision, a bind() that fails). */
struct gh__place {
	const char *file;
	unsigned line, column; /* from 1 */
};

enum gh__scheme { GH__HTTP, GH__UNIX };

/* One address of an upstream. */
struct gh__endpoint_config {
	struct gh_str url; /* as written, for logs */
	enum gh__scheme scheme;
	struct gh_str host; /* for GH__UNIX the path of the socket */
	uint16_t port;
	struct gh_str authority; /* what goes into Host: `host[:port]`; `localhost` for unix */
};

enum gh__balance { GH__ROUND_ROBIN, GH__LEAST_BUSY };

/* How many requests for a model that is not loaded go on at once. */
enum gh__cold_start { GH__COLD_START_ONE, GH__COLD_START_ALL };

struct gh__health_config {
	struct gh_str path; /* empty: no active checks */
	struct gh_duration interval, timeout;
};

/* What `to:` refers to, and an entry of `upstreams:`. An inline address makes one with defaults;
 * the same address written twice in a file is one upstream. */
struct gh_upstream {
	struct gh_str name; /* of the entry, or the first address as written */
	struct gh_strings to;
	const struct gh__endpoint_config *endpoints;
	size_t endpoint_count;
	struct gh_choice balance; /* enum gh__balance */
	struct gh_duration connect_timeout, first_byte_timeout, idle_timeout, keepalive;
	struct gh_duration fail_timeout; /* how long an address that failed is passed over */
	int64_t max_idle;                /* idle connections kept, a worker and address */
	int64_t max_concurrent;          /* requests at once; 0: any number */
	int64_t queue;                   /* that may wait */
	struct gh_duration queue_timeout;
	struct gh_choice cold_start; /* enum gh__cold_start */
	struct gh_str key; /* a bearer token for the server; empty: what the client sent */
	bool assemble;
	struct gh__health_config health;
	struct gh__place place;
	struct gh_str identity; /* all that makes it what it is, as text: equal text over a reload
	                         * means the same upstream, which keeps its pools and health. It
	                         * has a digest of the key in place of the key. */
	void *runtime;          /* of core/upstream: set when the generation is built */
};

struct gh__node;

struct gh__handler_config {
	const struct gh_module *module;
	void *self; /* options are bound, the rest is zero */
	struct gh__place place;
	const struct gh__node *options; /* NULL: none are written */
};
struct gh__handlers {
	struct gh__handler_config *items;
	size_t count;
};

enum gh__identity { GH__IDENTITY_NONE, GH__IDENTITY_TAILSCALE };

struct gh__listen_config {
	struct gh_str address; /* HOST:PORT, [V6]:PORT, :PORT (all interfaces), or unix:/PATH */
	struct gh_str mode;    /* of a unix socket, octal text; default 0660, with identity 0600 */
	struct gh__handlers tls;          /* sources of certificates; none: no TLS */
	struct gh_strings proxy_protocol; /* addresses and CIDRs that must send a PROXY header */
	struct gh_choice identity;        /* enum gh__identity */
	bool h2c;                         /* HTTP/2 with prior knowledge, without TLS */
	bool is_unix;
	struct gh_str host; /* or the socket's path */
	uint16_t port;
	struct gh__place place;
};

struct gh__match_config {
	struct gh_strings path; /* prefixes on segment borders, canonical; empty: every path */
	struct gh_strings host; /* lower case; `*.example.org` matches one label or more */
	struct gh_strings method;
};

struct gh__route_config {
	struct gh_str name; /* `name:`, or the first path, or `routes[N]` */
	struct gh__match_config match;
	struct gh__handler_config *handlers;
	size_t handler_count;
	struct gh_size max_body; /* 0: none */
	struct gh__place place;
};

struct gh__timeouts_config {
	struct gh_duration handshake; /* of a PROXY header and TLS, together */
	struct gh_duration head, body, idle, write;
};

struct gh__limits_config {
	struct gh_size head; /* bytes of a request head, 64k */
	int64_t headers;     /* fields of a head, 100 */
	struct gh_size body; /* a body held in memory for a module that asks for all of it */
	int64_t connections; /* in all; 0: by the fd limit */
	int64_t connections_per_address; /* 0: no limit. Not for unix sockets and trusted proxies. */
	int64_t handshakes_per_address;  /* of TLS, a second, in bursts of ten times as many; 0: no
	                                  * limit. Not for loopback and unix sockets. */
};

enum gh__log_format { GH__LOG_JSON, GH__LOG_COMBINED };

struct gh__access_log_config {
	struct gh_str to; /* stdout, off, or a path */
	struct gh_choice format;
	struct gh_size roll_size; /* 0: never */
	int64_t keep;
};

struct gh__log_config {
	struct gh__access_log_config access;
};

struct gh__admin_config {
	struct gh_str address;           /* unix:/PATH, a loopback HOST:PORT, or `off` */
	struct gh_str mode;              /* 0600 */
	struct gh__listen_config listen; /* the same, taken apart; not an option of its own */
};

/* What is kept of what requests used. */
struct gh__usage_config {
	struct gh_duration keep; /* 0: nothing */
};

struct gh__config {
	struct gh__arena arena;  /* all of this lives in it */
	struct gh_str path;      /* of the file */
	struct gh_str workers;   /* `auto` or a number */
	int64_t worker_count;    /* 0: auto */
	struct gh_str user;      /* empty: stay who you are */
	struct gh_str state_dir; /* absolute */
	struct gh_duration grace;
	struct gh__timeouts_config timeouts;
	struct gh__limits_config limits;
	struct gh_strings trusted_proxies; /* addresses and CIDRs, checked */
	struct gh__log_config log;
	struct gh__usage_config usage;
	struct gh__admin_config admin;
	struct gh__listen_config *listen;
	size_t listen_count;
	struct gh_upstream **upstreams; /* all of them, inline ones too */
	size_t upstream_count;
	struct gh__route_config *routes;
	size_t route_count;
	struct gh_str
		shown; /* the whole config as YAML with every secret hidden, for GET /config */
};

enum gh__read_mode {
	GH__READ_ALL,             /* secrets are looked up: for run and reload */
	GH__READ_WITHOUT_SECRETS, /* ${…} is checked for its form alone: texts keep it as written,
				   * so modules must not be provisioned with this config */
};

/* Reads and binds a file's bytes. `modules` ends with NULL. On any mistake NULL, and the mistakes
 * tell all of them; otherwise a config for gh__config_free(). */
struct gh__config *gh__config_read(struct gh_str path, struct gh_str bytes,
				   const struct gh_module *const *modules, enum gh__read_mode mode,
				   struct gh__mistakes *mistakes);
void gh__config_free(struct gh__config *c);

/* The tables as documents: Markdown of one module or of all, and the JSON Schema of gateway.yaml.
 * Each returns text in `a`. */
struct gh_str gh__describe_module(struct gh__arena *a, const struct gh_module *m);
struct gh_str gh__describe_markdown(struct gh__arena *a, const struct gh_module *const *modules);
struct gh_str gh__describe_schema(struct gh__arena *a, const struct gh_module *const *modules);

#endif
