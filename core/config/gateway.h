/*
 * The tables that gateway.yaml as a whole is bound by, and the struct that they bind it to. The
 * schema and the docs come from these too. Constant.
 */
#ifndef GATEHOUSE_CORE_CONFIG_GATEWAY_H
#define GATEHOUSE_CORE_CONFIG_GATEWAY_H

#include "core/config/config.h"

/* As written, before it is taken apart into a struct gh__config. */
struct gh__gateway {
	struct gh_str workers, user, state_dir;
	struct gh_duration grace;
	struct gh__timeouts_config timeouts;
	struct gh__limits_config limits;
	struct gh_strings trusted_proxies;
	struct gh__log_config log;
	struct gh__usage_config usage;
	struct gh__admin_config admin;
	struct gh_named upstreams; /* struct gh_upstream */
	struct gh_objects listen;  /* struct gh__listen_config */
	struct gh_objects routes;  /* struct gh__route_written */
};

struct gh__route_written;

extern const struct gh_option gh__gateway_rows[];
extern const struct gh_option gh__upstream_rows[];
extern const struct gh_option gh__listen_rows[];
extern const struct gh_option gh__admin_rows[];
extern const struct gh_option gh__route_rows[];

#endif
