/*
 * Names of header fields that are known at build time, as numbers, and what each may do: which are
 * hop by hop, which the gateway owns. Constant tables; pure.
 */
#ifndef GATEHOUSE_CORE_HTTP_HEADER_H
#define GATEHOUSE_CORE_HTTP_HEADER_H

#include <gatehouse/request.h>

#include "core/base/arena.h"

enum gh__header_id {
	GH__H_OTHER,
	GH__H_ACCEPT_ENCODING,
	GH__H_AUTHORIZATION,
	GH__H_CONNECTION,
	GH__H_CONTENT_LENGTH,
	GH__H_CONTENT_TYPE,
	GH__H_COOKIE,
	GH__H_DATE,
	GH__H_EXPECT,
	GH__H_FORWARDED,
	GH__H_HOST,
	GH__H_HTTP2_SETTINGS,
	GH__H_KEEP_ALIVE,
	GH__H_LOCATION,
	GH__H_ORIGIN,
	GH__H_PROXY_AUTHENTICATE,
	GH__H_PROXY_AUTHORIZATION,
	GH__H_PROXY_CONNECTION,
	GH__H_REFERER,
	GH__H_RETRY_AFTER,
	GH__H_SEC_FETCH_MODE,
	GH__H_SEC_WEBSOCKET_KEY,
	GH__H_SERVER,
	GH__H_TE,
	GH__H_TRAILER,
	GH__H_TRANSFER_ENCODING,
	GH__H_UPGRADE,
	GH__H_USER_AGENT,
	GH__H_VIA,
	GH__H_X_API_KEY,
	GH__H_X_FORWARDED_FOR,
	GH__H_X_FORWARDED_HOST,
	GH__H_X_FORWARDED_PROTO,
	GH__H_X_REQUEST_ID,
	GH__H_COUNT
};

/* The number of a name in any case; GH__H_OTHER when it is none of these. */
uint16_t gh__header_number(const char *name, size_t len);

enum gh__header_trait {
	GH__HOP = 1,   /* never forwarded: Connection, Keep-Alive, TE, Trailer, Upgrade, … */
	GH__OWNED = 2, /* says who calls or where from: a client's own is removed before the gateway
	                  * sets its own (X-Forwarded-*, Forwarded, X-Real-IP, Remote-*, Tailscale-*,
	                  * X-WebAuth-*, X-Auth-Request-*, and the like, `_` for `-` too) */
	GH__FRAMING = 4, /* Content-Length, Transfer-Encoding: made anew */
};
/* Traits of a field by name; `id` is its number. Underscore forms of owned names are owned. */
unsigned gh__header_traits(const struct gh_header *h);

/* Takes away what a client or an upstream may not say to the other side: hop-by-hop fields and those
 * that `Connection` names, framing fields, and with GH__FROM_CLIENT owned ones in every spelling.
 * In place, order kept. */
enum {
	GH__CONNECTION_FIELDS = 8, /* Connection fields that a head may have, */
	GH__CONNECTION_NAMES = 64, /* and names in all of them: more are refused with the head */
};
enum gh__side { GH__FROM_CLIENT, GH__FROM_UPSTREAM };
void gh__headers_strip(struct gh_headers *h, enum gh__side side);

void gh__headers_init(struct gh_headers *h, struct gh__arena *a);
/* Makes room for so many fields in all. */
void gh__headers_reserve(struct gh_headers *h, uint32_t room);
/* Copies all of it into `a`, where later fields go too. */
void gh__headers_keep(struct gh_headers *h, struct gh__arena *a);
/* Puts a field at the end; nothing is copied or checked. */
void gh__headers_push(struct gh_headers *h, uint16_t id, struct gh_str name, struct gh_str value);
const struct gh_header *gh__headers_by_id(const struct gh_headers *h, uint16_t id);
size_t gh__headers_remove_id(struct gh_headers *h, uint16_t id);

/* RFC 9110 5.6.2 token; field value of visible bytes, spaces and tabs (obs-text allowed). */
bool gh__is_token(struct gh_str s);
bool gh__is_field_value(struct gh_str s);
/* Whether a comma-separated list has this token in any case. */
bool gh__list_has(struct gh_str list, struct gh_str token);

#endif
