#include "core/server/doors.h"

#include "core/base/memory.h"
#include "core/net/certificate.h"

static bool same_cidr(const struct gh__cidr *a, const struct gh__cidr *b)
{
	return a->bits == b->bits && gh__address_same(&a->address, &b->address);
}

static void read_proxies(const struct gh__listen_config *c, struct gh__door *to)
{
	to->proxies = gh__zalloc((c->proxy_protocol.count + 1) * sizeof *to->proxies);
	for (size_t i = 0; i < c->proxy_protocol.count; i++)
		if (gh_str_is(c->proxy_protocol.items[i], "unix"))
			to->proxies_unix = true;
		else if (gh__cidr_from(c->proxy_protocol.items[i], to->proxies + to->proxy_count) ==
			 0)
			to->proxy_count++;
}

struct gh__door *gh__door_make(const struct gh__listen_config *c, const struct gh__door *before)
{
	struct gh__door *d = gh__door_create(c->address);

	read_proxies(c, d);
	d->h2c = c->h2c;
	d->identity = c->identity.index == GH__IDENTITY_TAILSCALE;
	if (c->tls.count)
		d->shelf = before && before->shelf ? gh__shelf_ref(before->shelf)
						   : gh__shelf_create();
	return d;
}

bool gh__door_fits(const struct gh__door *d, const struct gh__listen_config *c)
{
	struct gh__door *want = gh__door_make(c, d);
	bool fits = d->shelf == want->shelf && d->h2c == want->h2c &&
		    d->identity == want->identity && d->proxies_unix == want->proxies_unix &&
		    d->proxy_count == want->proxy_count;

	for (size_t i = 0; fits && i < d->proxy_count; i++)
		fits = same_cidr(d->proxies + i, want->proxies + i);
	gh__door_unref(want);
	return fits;
}
