/*
 * What a request's line and Host aim at: the four forms of a target (RFC 9112 3.2), and who is named.
 * Pure.
 */
#ifndef GATEHOUSE_CORE_HTTP_TARGET_H
#define GATEHOUSE_CORE_HTTP_TARGET_H

#include <gatehouse/base.h>

struct gh__target {
	struct gh_str path;      /* as sent; "/" where absolute-form has none, "*" for the server */
	struct gh_str query;     /* without `?` */
	struct gh_str authority; /* of absolute-form; else empty */
};
/* Cuts a target up. 0, or -1 and a constant sentence. The path is not judged here. */
enum gh__asterisk { GH__ASTERISK_BAD, GH__ASTERISK_OK };
int gh__target_from(struct gh_str text, enum gh__asterisk asterisk, struct gh__target *ret_target,
		    const char **ret_why);

/* Judges host and port as Host and absolute-form have them: a name of letters, digits, `-._~`, an
 * IPv4 address or an IPv6 one in brackets; a port of 1 to 65535. Stricter than RFC 3986, which lets
 * commas, escapes and empty ports be. 0 and the host (brackets kept), or -1. */
int gh__authority_from(struct gh_str text, struct gh_str *ret_host);

#endif
