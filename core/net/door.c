#include "core/net/door.h"

#include "core/base/memory.h"
#include "core/net/certificate.h"

struct gh__door *gh__door_create(struct gh_str name)
{
	struct gh__door *d = gh__zalloc(sizeof *d);

	atomic_init(&d->refs, 1);
	d->name = (struct gh_str){ gh__strndup(name.at, name.len), name.len };
	return d;
}

struct gh__door *gh__door_ref(struct gh__door *d)
{
	atomic_fetch_add_explicit(&d->refs, 1, memory_order_relaxed);
	return d;
}

bool gh__door_is_proxy(const struct gh__door *d, const struct gh_address *peer)
{
	if (peer->family == AF_UNIX)
		return d->proxies_unix;
	for (size_t i = 0; i < d->proxy_count; i++)
		if (gh__cidr_has(d->proxies + i, peer))
			return true;
	return false;
}

void gh__door_unref(struct gh__door *d)
{
	if (!d || atomic_fetch_sub(&d->refs, 1) != 1)
		return;
	gh__shelf_unref(d->shelf);
	gh__free(d->proxies);
	gh__free((void *)(uintptr_t)d->name.at);
	gh__free(d);
}
