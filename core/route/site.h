/*
 * A site: the routes of one gateway.yaml with their modules' instances, provisioned and ready. Built
 * whole or not at all, on the main thread; read-only after; owned by a generation. A worker's view of
 * it, with each instance's `local`, is a struct gh__site_local, on that worker's thread only.
 */
#ifndef GATEHOUSE_CORE_ROUTE_SITE_H
#define GATEHOUSE_CORE_ROUTE_SITE_H

#include <gatehouse/module.h>

#include "core/config/config.h"
#include "core/http/text.h"
#include "core/upstream/upstream.h"

struct gh__mistakes;
struct gh__ledger;
struct gh__shares;
struct gh__metrics;
struct gh__site;

struct gh_instance {
	const struct gh_module *module;
	void *self;
	struct gh__site *site;
	struct gh_str route; /* its name; of a source of certificates the listener's address */
	const struct gh__handler_config *written;
	size_t index; /* among the site's instances */
	bool provisioned;
};

enum gh__route_flag {
	GH__ROUTE_REQUEST_BODY = 1, /* some module sees bodies of requests */
	GH__ROUTE_RESPONSE_BODY = 2,
	GH__ROUTE_EDITS_REQUEST = 4,
	GH__ROUTE_EDITS_RESPONSE = 8,
};

struct gh__route {
	struct gh_str name;
	const struct gh__match_config *match;
	struct gh_instance **instances;
	size_t count;
	enum gh_shape shape;
	unsigned flags;
	int64_t max_body; /* 0: none */
};

/* A listener with TLS: where its certificates come from. */
struct gh__site_door {
	struct gh_str address;
	struct gh_instance *sources;
	size_t count;
};

/* What instances share over reloads, and what /metrics tells: of the process. */
struct gh__grounds {
	struct gh__upstreams *upstreams;
	struct gh__shares *shares;
	struct gh__metrics *metrics;
	struct gh__ledger *ledger; /* open before a site is made; NULL: nothing is kept */
};

struct gh__site {
	struct gh__config *config;
	const struct gh__grounds *grounds;
	struct gh__arena arena;
	struct gh__route *routes;
	size_t route_count;
	struct gh__site_door *doors; /* those with TLS alone */
	size_t door_count;
	struct gh_instance *instances; /* of the routes, then of the doors */
	size_t instance_count;
	struct gh__upstream **upstreams; /* references */
	size_t upstream_count;
	struct gh__cidr *trusted;
	size_t trusted_count;
	bool trusts, trusts_unix;      /* anyone; the peers of unix sockets */
	struct gh__list shared;        /* references */
	struct gh__mistakes *mistakes; /* while it is built */
};

/* Takes over `config`, also when it fails: then NULL, and the mistakes say why. */
struct gh__site *gh__site_create(struct gh__config *config, const struct gh__grounds *grounds,
				 struct gh__mistakes *mistakes);
void gh__site_destroy(struct gh__site *site); /* takes NULL */

/* The first route that takes the request, or NULL. */
const struct gh__route *gh__site_route(const struct gh__site *site, const struct gh_request *req);
/* Whether the path is another spelling of some route's: refused, or it were a second door to it. */
bool gh__site_is_lookalike(const struct gh__site *site, const struct gh_request *req);
bool gh__site_trusts(const struct gh__site *site, const struct gh_address *peer);

struct gh__site_local {
	struct gh__site *site;
	size_t refs;   /* requests, and one while it is the worker's current */
	void **locals; /* one an instance; NULL where local_size is 0 */
	void (*on_unused)(struct gh__site_local *local);
	void *owner;
};
struct gh__site_local *gh__site_local_create(struct gh__site *site);
void gh__site_local_unref(struct gh__site_local *local);

#endif
