/*
 * Text for a header field, which has ASCII alone: as `tailscale serve` writes it (RFC 2047, Q), or
 * percent-encoded, as Open WebUI reads a name. Pure.
 */
#ifndef TAILSCALE_AUTH_NAME_H
#define TAILSCALE_AUTH_NAME_H

#include <gatehouse/base.h>

/* Room for any text of `len` bytes, with a terminator. */
#define TAILSCALE_ENCODED_SIZE(len) (6 * (len) + 32)

/* UTF-8 without control bytes but tabs; ASCII stays as it is. Terminated; returns the length. */
size_t tailscale_name_mime(struct gh_str text, char *to);
size_t tailscale_name_percent(struct gh_str text, char *to);

#endif
