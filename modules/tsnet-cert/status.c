#include "status.h"

#include <gatehouse/json.h>

/* A string of at most `size` - 1 bytes, none of them a control byte, terminated. */
static int text_of(struct gh_json v, char *to, size_t size)
{
	struct gh_str plain;

	if (!gh_json_plain(v, &plain) || plain.len >= size)
		return -1;
	for (size_t i = 0; i < plain.len; i++)
		if (plain.at[i] <= ' ' || plain.at[i] > '~')
			return -1;
	if (plain.len)
		memcpy(to, plain.at, plain.len);
	to[plain.len] = 0;
	return 0;
}

static int name_of(struct gh_json v, char to[TSNET_NAME_SIZE])
{
	struct gh_str plain;

	return gh_json_plain(v, &plain) ? tsnet_name_take(plain, to) : -1;
}

int tsnet_status_read(struct gh_str json, struct tsnet_status *ret_status)
{
	struct tsnet_status s = { 0 };
	struct gh_json whole, state, domains = { 0 }, self = { 0 }, own = { 0 }, item;
	char name[TSNET_NAME_SIZE];

	/* A name that is there twice is not what tailscaled writes. */
	if (gh_json_parse(json, &whole, NULL) != 0 ||
	    gh_json_get(whole, GH_STR("BackendState"), &state) != 1 ||
	    text_of(state, s.state, sizeof s.state) != 0 ||
	    gh_json_get(whole, GH_STR("CertDomains"), &domains) > 1 ||
	    gh_json_get(whole, GH_STR("Self"), &self) > 1 ||
	    gh_json_get(self, GH_STR("DNSName"), &own) > 1)
		return -1;

	struct gh_json_iterator it = gh_json_each(domains);

	/* What is no name of a host, such as a wildcard, is not for us to ask for. */
	if (gh_json_type(domains) == GH_JSON_ARRAY)
		while (gh_json_next(&it, NULL, &item))
			if (name_of(item, name) == 0)
				tsnet_names_add(&s.domains, name);
	if (name_of(own, name) == 0)
		tsnet_names_first(&s.domains, name);
	*ret_status = s;
	return 0;
}
