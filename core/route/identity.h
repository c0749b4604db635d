/*
 * What a front that is believed says of the caller: the fields that `tailscale serve` sets, on a
 * listener with `identity: tailscale`. Elsewhere they are a client's own words, and nobody reads them.
 */
#ifndef GATEHOUSE_CORE_ROUTE_IDENTITY_H
#define GATEHOUSE_CORE_ROUTE_IDENTITY_H

#include "core/route/request.h"

/* Fills in req->identity, the client's address, the scheme and the host, before owned fields are stripped.
 * 0, or -1: no front writes like this, and nothing of it may be believed; nothing is filled in. */
int gh__identity_read(struct gh__request *r);

#endif
