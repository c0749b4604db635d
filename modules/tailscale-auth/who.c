#include "who.h"

#include <arpa/inet.h>
#include <stdio.h>

#include <gatehouse/json.h>

/* ---- Strings ---- */

/* A member that is there once, or not at all (then `*ret_value` has no type). A name that is there twice
 * is not what tailscaled writes. */
static int member(struct gh_json of, const char *name, struct gh_json *ret_value)
{
	struct gh_json v = { 0 };

	if (gh_json_get(of, gh_str(name), &v) > 1)
		return -1;
	*ret_value = v;
	return 0;
}

/* A string without control bytes that fits with a terminator. */
static int text_of(struct gh_json v, char *to, size_t size)
{
	size_t len;

	if (gh_json_string(v, to, size - 1, &len) != 0)
		return -1;
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)to[i] < ' ' || to[i] == 0x7f)
			return -1;
	to[len] = 0;
	return 0;
}

static bool is_plain(const char *s)
{
	for (; *s; s++)
		if (*s <= ' ' || *s > '~')
			return false;
	return true;
}

/* The same without a space and in ASCII, for what is compared. */
static int plain_of(struct gh_json v, char *to, size_t size)
{
	return text_of(v, to, size) == 0 && to[0] && is_plain(to) ? 0 : -1;
}

/* What is for show: left out when it is not fit for that. */
static void show_of(struct gh_json v, char *to, size_t size)
{
	if (text_of(v, to, size) != 0)
		to[0] = 0;
}

/* ---- whois ---- */

static int read_tags(struct gh_json list, struct tailscale_who *w)
{
	struct gh_json_iterator it = gh_json_each(list);
	struct gh_json item;
	size_t at = 0;

	switch (gh_json_type(list)) {
	case GH_JSON_NONE:
	case GH_JSON_NULL:
		return 0;
	case GH_JSON_ARRAY:
		break;
	default:
		return -1;
	}
	while (gh_json_next(&it, NULL, &item)) {
		char tag[64];
		if (plain_of(item, tag, sizeof tag) != 0 ||
		    !gh_str_starts(gh_str(tag), GH_STR("tag:")))
			return -1;
		w->kind = TAILSCALE_TAGGED;
		/* One too many is one that lets nobody in. */
		size_t len = strlen(tag);
		if (at + len + 2 > sizeof w->tags)
			continue;
		if (at)
			w->tags[at++] = ' ';
		memcpy(w->tags + at, tag, len + 1);
		at += len;
	}
	return 0;
}

static int read_node(struct gh_json node, struct tailscale_who *w)
{
	struct gh_json name, tags, info, sharee;

	if (member(node, "Name", &name) || member(node, "Tags", &tags) ||
	    member(node, "Hostinfo", &info) || member(info, "ShareeNode", &sharee) ||
	    plain_of(name, w->node, sizeof w->node) || read_tags(tags, w))
		return -1;
	size_t len = strlen(w->node);
	if (w->node[len - 1] == '.')
		w->node[len - 1] = 0;
	if (gh_json_type(sharee) != GH_JSON_NONE && gh_json_type(sharee) != GH_JSON_NULL &&
	    gh_json_bool(sharee, &w->shared))
		return -1;
	return w->node[0] ? 0 : -1;
}

static int read_user(struct gh_json user, struct tailscale_who *w)
{
	struct gh_json login, name, picture;

	if (member(user, "LoginName", &login) || member(user, "DisplayName", &name) ||
	    member(user, "ProfilePicURL", &picture) || text_of(login, w->login, sizeof w->login) ||
	    !w->login[0])
		return -1;
	show_of(name, w->name, sizeof w->name);
	show_of(picture, w->picture, sizeof w->picture);
	if (!is_plain(w->picture))
		w->picture[0] = 0;
	return 0;
}

int tailscale_who_read(struct gh_str json, struct tailscale_who *ret_who)
{
	struct tailscale_who w = { .kind = TAILSCALE_USER };
	struct gh_json whole, node, user;

	if (gh_json_parse(json, &whole, NULL) != 0 || member(whole, "Node", &node) ||
	    member(whole, "UserProfile", &user) || read_node(node, &w) || read_user(user, &w))
		return -1;
	/* The user whom tagged machines have in common is nobody. */
	if (gh_str_is(gh_str(w.login), "tagged-devices"))
		w.kind = TAILSCALE_TAGGED;
	*ret_who = w;
	return 0;
}

struct gh_str tailscale_who_tailnet(const struct tailscale_who *w)
{
	const char *dot = strchr(w->node, '.');

	return dot ? gh_str(dot + 1) : GH_STR("");
}

/* ---- status ---- */

int tailscale_status_read(struct gh_str json, struct tailscale_status *ret_status)
{
	struct tailscale_status s = { 0 };
	struct gh_json whole, state, tun;

	if (gh_json_parse(json, &whole, NULL) != 0 || member(whole, "BackendState", &state) ||
	    member(whole, "TUN", &tun) || plain_of(state, s.state, sizeof s.state))
		return -1;
	/* What does not say so has no device. */
	if (gh_json_bool(tun, &s.tun) != 0)
		s.tun = false;
	*ret_status = s;
	return 0;
}

/* ---- Addresses ---- */

bool tailscale_is_inside(const struct gh_address *a)
{
	static const uint8_t six[] = { 0xfd, 0x7a, 0x11, 0x5c, 0xa1, 0xe0 };

	if (a->family == AF_INET) /* 100.64.0.0/10 */
		return a->bytes[0] == 100 && (a->bytes[1] & 0xc0) == 64;
	return a->family == AF_INET6 && memcmp(a->bytes, six, sizeof six) == 0;
}

bool tailscale_is_loopback(const struct gh_address *a)
{
	static const uint8_t one[16] = { [15] = 1 };

	if (a->family == AF_INET)
		return a->bytes[0] == 127;
	return a->family == AF_INET6 && memcmp(a->bytes, one, sizeof one) == 0;
}

/* `proto`: without it a UDP flow of somebody else from the same port could answer for this one. */
void tailscale_who_target(const struct gh_address *a, char to[TAILSCALE_TARGET_SIZE])
{
	char text[INET6_ADDRSTRLEN] = "";

	inet_ntop(a->family, a->bytes, text, sizeof text);
	snprintf(to, TAILSCALE_TARGET_SIZE,
		 a->family == AF_INET6 ? "/localapi/v0/whois?addr=%%5B%s%%5D:%u&proto=tcp"
				       : "/localapi/v0/whois?addr=%s:%u&proto=tcp",
		 text, a->port);
}
