/*
 * What tailscaled says of itself, as far as certificates need it. Plain values.
 */
#ifndef TSNET_CERT_STATUS_H
#define TSNET_CERT_STATUS_H

#include "names.h"

enum { TSNET_STATUS_MAX = 1 << 20 };

struct tsnet_status {
	char state[32];             /* `Running`, `NeedsLogin`, … */
	struct tsnet_names domains; /* that it gives certificates for, this machine's own first */
};

/* From the JSON that it answered. 0, or -1: it is none, or not of tailscaled. */
int tsnet_status_read(struct gh_str json, struct tsnet_status *ret_status);

#endif
