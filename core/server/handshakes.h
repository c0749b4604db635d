/*
 * How many handshakes of TLS each address may begin: they cost the gateway a thousand times what they
 * cost a client. A token bucket an address, in a table of fixed size. Of the process; any thread.
 */
#ifndef GATEHOUSE_CORE_SERVER_HANDSHAKES_H
#define GATEHOUSE_CORE_SERVER_HANDSHAKES_H

#include <gatehouse/request.h>

struct gh__handshakes;

struct gh__handshakes *gh__handshakes_create(void);
void gh__handshakes_destroy(struct gh__handshakes *h); /* takes NULL */
/* Takes one from the address's bucket, which holds ten seconds' worth; false: it is empty. IPv6
 * addresses count by their /64. Loopback and unix sockets have no bucket, and with 0 a second nobody
 * has. `now` is the monotonic clock in ms. */
bool gh__handshakes_take(struct gh__handshakes *h, const struct gh_address *peer,
			 int64_t per_second, uint64_t now);

#endif
