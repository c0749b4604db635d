/*
 * Where connections come in: what the config says of one listening address. Read-only once made, but
 * for the shelf of its certificates, and counted: by its listener, by each worker that polls it and by
 * each of its connections. A reload that changes what it says makes a new one on the same socket.
 */
#ifndef GATEHOUSE_CORE_NET_DOOR_H
#define GATEHOUSE_CORE_NET_DOOR_H

#include <stdatomic.h>

#include <gatehouse/base.h>

#include "core/http/text.h"

struct gh__shelf;

struct gh__door {
	atomic_uint refs;
	atomic_bool closing;      /* its connections shall end with their answers */
	struct gh_str name;       /* the address, for logs */
	struct gh__shelf *shelf;  /* NULL: no TLS */
	struct gh__cidr *proxies; /* who must send a PROXY header */
	size_t proxy_count;
	bool proxies_unix; /* `unix` is among them */
	bool h2c;
	bool identity; /* `identity: tailscale`: its peer vouches for callers */
};

struct gh__door *
gh__door_create(struct gh_str name); /* the rest is set by the caller; one reference */
struct gh__door *gh__door_ref(struct gh__door *d);
void gh__door_unref(struct gh__door *d); /* any thread; takes NULL */
/* Whether this peer must send a PROXY header. */
bool gh__door_is_proxy(const struct gh__door *d, const struct gh_address *peer);

#endif
