#include "core/route/identity.h"

#include "core/http/encoded_word.h"
#include "core/http/header.h"
#include "core/http/octets.h"
#include "core/http/target.h"
#include "core/http/text.h"

enum { MAX_VALUE = 4096 };

/* The one field of that name; empty when there is none. -1: more than one. A front sets its fields, and
 * a second one could only be somebody else's. */
static int only(const struct gh_headers *h, struct gh_str name, struct gh_str *ret_value)
{
	const struct gh_header *found = NULL;

	for (uint32_t i = 0; i < h->count; i++) {
		if (!gh_str_same(gh_header_name(h->items + i), name))
			continue;
		if (found)
			return -1;
		found = h->items + i;
	}
	*ret_value = found ? gh__trim(gh_header_value(found)) : (struct gh_str){ 0 };
	return ret_value->len > MAX_VALUE ? -1 : 0;
}

static int text_of(struct gh__request *r, struct gh_str name, struct gh_str *ret_text)
{
	struct gh_str value;

	if (only(&r->stream.req.headers, name, &value))
		return -1;
	if (value.len == 0)
		return 0;
	char *to = gh__arena_get(&r->stream.arena, value.len);
	int64_t len = gh__field_text(value, to);
	if (len < 0)
		return -1;
	*ret_text = (struct gh_str){ to, (size_t)len };
	return 0;
}

/* To a unix socket tailscaled says `Host: localhost`, and beside it by what name it was called. */
static void take_host(struct gh__request *r, struct gh_str authority, struct gh_str host)
{
	struct gh_request *req = &r->stream.req;
	char *to = gh__arena_get(&r->stream.arena, host.len);

	for (size_t i = 0; i < host.len; i++)
		to[i] = gh_lower(host.at[i]);
	req->host = (struct gh_str){ to, host.len };
	req->authority = authority;
	for (uint32_t i = 0; i < req->headers.count; i++) {
		struct gh_header *h = req->headers.items + i;
		if (h->id != GH__H_HOST)
			continue;
		h->value = authority.at;
		h->value_len = (uint32_t)authority.len;
	}
}

int gh__identity_read(struct gh__request *r)
{
	struct gh_request *req = &r->stream.req;
	struct gh_identity id = { .vouched = true };
	struct gh_address client = req->client;
	struct gh_str funnel, from, proto, authority, host;

	if (text_of(r, GH_STR("Tailscale-User-Login"), &id.login) ||
	    text_of(r, GH_STR("Tailscale-User-Name"), &id.name) ||
	    text_of(r, GH_STR("Tailscale-User-Profile-Pic"), &id.picture) ||
	    only(&req->headers, GH_STR("Tailscale-Funnel-Request"), &funnel) ||
	    only(&req->headers, GH_STR("X-Forwarded-For"), &from) ||
	    only(&req->headers, GH_STR("X-Forwarded-Proto"), &proto) ||
	    only(&req->headers, GH_STR("X-Forwarded-Host"), &authority))
		return -1;
	id.internet = gh_str_is(funnel, "?1");
	/* Nobody comes both from the internet and by name. */
	if ((funnel.len && !id.internet && !gh_str_is(funnel, "?0")) ||
	    (id.internet && (id.login.len || id.name.len || id.picture.len)))
		return -1;
	if ((from.len && gh__address_from(from, &client)) ||
	    (authority.len && gh__authority_from(authority, &host)))
		return -1;
	if (from.len) {
		req->client = client;
		req->client_source = GH_CLIENT_FORWARDED;
	}
	if (gh_str_same(proto, GH_STR("https")))
		req->scheme = GH_STR("https");
	if (authority.len)
		take_host(r, authority, host);
	req->identity = id;
	return 0;
}
