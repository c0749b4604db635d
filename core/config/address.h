/*
 * Addresses in a config, taken apart: of listeners, of upstreams, of networks. Pure: a name is
 * never looked up. The parts point into the text they were cut from, or into `a`.
 */
#ifndef GATEHOUSE_CORE_CONFIG_ADDRESS_H
#define GATEHOUSE_CORE_CONFIG_ADDRESS_H

#include "core/base/arena.h"
#include "core/config/config.h"

/* HOST:PORT, [V6]:PORT, :PORT or unix:/PATH. HOST is an IP address or `localhost`, which is
 * 127.0.0.1. Sets is_unix, host (without brackets; empty for :PORT) and port. 0, or -1 and why. */
int gh__listen_parse(struct gh__arena *a, struct gh_str address, struct gh__listen_config *to,
		     char *why, size_t size);
/* http://HOST[:PORT][/] or unix:/PATH. 0, or -1 and why; userinfo is never repeated there. */
int gh__endpoint_parse(struct gh__arena *a, struct gh_str url, struct gh__endpoint_config *to,
		       char *why, size_t size);
/* Whether it is meant as an address and not as the name of an upstream. */
bool gh__is_endpoint(struct gh_str text);

bool gh__listen_is_loopback(const struct gh__listen_config *l);
/* Whether both cannot be listened on at the same time. */
bool gh__listen_clash(const struct gh__listen_config *x, const struct gh__listen_config *y);

#endif
