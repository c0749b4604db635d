/*
 * What tailscaled said of late, for all workers: who an address is, and how tailscaled itself is. Of the
 * process, one for each socket; it survives reloads. Locks itself; times are gh_now_ms().
 *
 * Who an address is, is kept where the address alone decides it: within the tailnet. Of a tailnet
 * connection that tailscaled hands on from loopback (userspace networking) only the port tells who it is,
 * and the next one may have the same port in a moment: that is asked each time. That the tailnet does
 * not know an address of the internet is kept with its port.
 */
#ifndef TAILSCALE_AUTH_KEEP_H
#define TAILSCALE_AUTH_KEEP_H

#include <gatehouse/module.h>

#include "who.h"

enum {
	TAILSCALE_STATUS_MS = 30000, /* how long a status is good */
	TAILSCALE_TROUBLE_MS = 1000, /* how long tailscaled is left in peace after it failed */
	TAILSCALE_TELL_MS = 60000,
};

struct tailscale_keep;
extern const struct gh_shared_type tailscale_keep_type;

bool tailscale_keep_find(struct tailscale_keep *k, const struct gh_address *a, int64_t now_ms,
			 int64_t ttl_ms, struct tailscale_who *ret_who);
/* Does nothing where it may not be kept. */
void tailscale_keep_put(struct tailscale_keep *k, const struct gh_address *a, int64_t now_ms,
			const struct tailscale_who *w);

/* How tailscaled is, as far as it is known. */
enum tailscale_is {
	TAILSCALE_UNKNOWN, /* ask it */
	TAILSCALE_WELL,    /* `*ret_status` was filled in */
	TAILSCALE_ILL,     /* it failed a moment ago */
};
enum tailscale_is tailscale_keep_status(struct tailscale_keep *k, int64_t now_ms,
					struct tailscale_status *ret_status);
void tailscale_keep_well(struct tailscale_keep *k, int64_t now_ms,
			 const struct tailscale_status *status);
void tailscale_keep_ill(struct tailscale_keep *k, int64_t now_ms);

/* Whether the log shall have it: once a minute at most; what is so by the way that tailscaled runs, once
 * until it runs in another way. */
enum tailscale_trouble { TAILSCALE_FAILED, TAILSCALE_UNPROVEN, TAILSCALE_TROUBLES };
bool tailscale_keep_tell(struct tailscale_keep *k, enum tailscale_trouble what, int64_t now_ms);

#endif
