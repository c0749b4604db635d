/*
 * Certificates on disk, for a start without tailscaled: one file a name, STATE/tsnet-cert/NAME.pem,
 * chain and key in one, for its owner alone, replaced whole or not at all. A file that others could
 * have written or can read is not used. Blocks; any thread, one that writes at a time.
 */
#ifndef TSNET_CERT_CACHE_H
#define TSNET_CERT_CACHE_H

#include "names.h"
#include "pair.h"

/* `socket` is whose certificate it is, and written into the file. 0, or -1 and in `why` what failed. */
int tsnet_cache_write(struct gh_str state_dir, const char *socket, const char *name,
		      const struct tsnet_pair *pair, char *why, size_t size);
/* NULL with an empty `why`: there is none. NULL with a sentence: there is one that is not used. */
struct tsnet_pair *tsnet_cache_read(struct gh_str state_dir, const char *name, char *why,
				    size_t size);
/* The names that there are files for from this socket's tailscaled, in order of the alphabet. */
void tsnet_cache_names(struct gh_str state_dir, const char *socket, struct tsnet_names *ret_names);
/* Removes what is there from this socket's tailscaled for other names than these. */
void tsnet_cache_prune(struct gh_str state_dir, const char *socket, const struct tsnet_names *keep);

#endif
