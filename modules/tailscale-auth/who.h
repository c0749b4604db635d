/*
 * What tailscaled says of an address and of itself, read from its JSON. Plain values; whoever holds the
 * socket is not trusted, so all of it is checked and bounded.
 */
#ifndef TAILSCALE_AUTH_WHO_H
#define TAILSCALE_AUTH_WHO_H

#include <gatehouse/request.h>

enum {
	TAILSCALE_LOGIN_SIZE = 256, /* all with a terminator */
	TAILSCALE_NAME_SIZE = 256,
	TAILSCALE_PICTURE_SIZE = 1024,
	TAILSCALE_NODE_SIZE = 256,
	TAILSCALE_TAGS_SIZE = 512,
};

enum tailscale_kind {
	TAILSCALE_NOBODY,  /* of a zeroed struct: nobody could say */
	TAILSCALE_OUTSIDE, /* the tailnet does not know the address */
	TAILSCALE_USER,
	TAILSCALE_TAGGED, /* a machine with tags, which is nobody's */
};

struct tailscale_who {
	enum tailscale_kind kind;
	bool shared; /* somebody of another tailnet, to whom this machine was shared */
	char login[TAILSCALE_LOGIN_SIZE];
	char name[TAILSCALE_NAME_SIZE];       /* UTF-8; may be empty */
	char picture[TAILSCALE_PICTURE_SIZE]; /* a URL in ASCII; may be empty */
	char node[TAILSCALE_NODE_SIZE];       /* `laptop.tailnet.ts.net` */
	char tags[TAILSCALE_TAGS_SIZE];       /* with a space between them */
};

/* From the JSON of `whois`: a user or a tagged machine. 0, or -1: it is none, or not of tailscaled. */
int tailscale_who_read(struct gh_str json, struct tailscale_who *ret_who);
/* The part of the node's name that is the tailnet's; empty when it has none. */
struct gh_str tailscale_who_tailnet(const struct tailscale_who *w);

enum { TAILSCALE_STATE_SIZE = 32 };

struct tailscale_status {
	char state[TAILSCALE_STATE_SIZE]; /* `Running`, `NeedsLogin`, … */
	bool tun; /* the kernel has the tailnet's device: only then loopback is this machine's own */
};

/* From the JSON of `status`. 0, or -1 as above. */
int tailscale_status_read(struct gh_str json, struct tailscale_status *ret_status);

/* Whether an address is one that only a tailnet has: it stands for its machine, whatever the port. */
bool tailscale_is_inside(const struct gh_address *a);
bool tailscale_is_loopback(const struct gh_address *a);
/* The target that asks who an address is: `/localapi/v0/whois?…`, terminated. */
enum { TAILSCALE_TARGET_SIZE = 128 };
void tailscale_who_target(const struct gh_address *a, char to[TAILSCALE_TARGET_SIZE]);

#endif
