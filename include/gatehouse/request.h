/*
 * A request and its answer, as modules see them. Both live on the worker of their connection and
 * only there, from the first hook to the last on_finish; every string in them lives as long.
 */
#ifndef GATEHOUSE_REQUEST_H
#define GATEHOUSE_REQUEST_H

#include <sys/socket.h>

#include <gatehouse/base.h>

/* A header field. `id` is the number of a name known at build time (enum gh_header_id), or 0. */
struct gh_header {
	const char *name, *value;
	uint32_t value_len;
	uint16_t name_len;
	uint16_t id;
};

struct gh_headers {
	struct gh_header *items;
	uint32_t count, room;
	void *arena; /* core's */
};

static inline struct gh_str gh_header_name(const struct gh_header *h)
{
	return (struct gh_str){ h->name, h->name_len };
}

static inline struct gh_str gh_header_value(const struct gh_header *h)
{
	return (struct gh_str){ h->value, h->value_len };
}

/* The first field of that name in any case, or NULL. */
const struct gh_header *gh_header_find(const struct gh_headers *h, struct gh_str name);
/* Its value, or an empty string. */
struct gh_str gh_header_get(const struct gh_headers *h, struct gh_str name);
/* All of that name are taken away, and one is put in. Name and value are copied. Returns 0, or -1
 * and nothing changed when the name is no token, the value has control bytes, or the name frames
 * messages (Content-Length, Transfer-Encoding, Connection and the like are core's). */
int gh_header_set(struct gh_headers *h, struct gh_str name, struct gh_str value);
int gh_header_add(struct gh_headers *h, struct gh_str name, struct gh_str value);
/* Whether both would take this field, for provisions: 0, or -1 and a constant reason that reads on
 * from "…: ", without a full stop. `ret_why` may be NULL. */
int gh_header_check(struct gh_str name, struct gh_str value, const char **ret_why);
/* Takes all of that name away, also where `-` is written `_`. Returns how many there were. */
size_t gh_header_remove(struct gh_headers *h, struct gh_str name);

/* An address, of IPv4 (an IPv4-mapped IPv6 address becomes one) or IPv6, or a unix socket's peer. */
struct gh_address {
	sa_family_t family; /* AF_INET, AF_INET6, AF_UNIX */
	uint16_t port;
	uint8_t bytes[16]; /* network order; the first four for AF_INET */
};

enum gh_client_source {
	GH_CLIENT_SOCKET,    /* the peer of the connection */
	GH_CLIENT_FORWARDED, /* X-Forwarded-For of a trusted proxy */
	GH_CLIENT_PROXY,     /* a PROXY header of a trusted proxy */
};

/* What a front that is believed, by a listener's `identity:`, says of the caller. Core reads it and
 * takes the fields away from `headers`, as it does with those of everyone else. */
struct gh_identity {
	bool vouched;  /* the request came through such a listener; else all of this is empty */
	bool internet; /* the front says that it came from outside of its network (Funnel) */
	struct gh_str login, name, picture; /* UTF-8; empty: it names nobody */
};

/* The shape of errors that the gateway itself answers: a route's, fixed with the config; on one that
 * speaks OpenAI's API, Anthropic's for requests of that. */
enum gh_shape { GH_SHAPE_PLAIN, GH_SHAPE_OPENAI, GH_SHAPE_ANTHROPIC };

/* Who goes first where requests wait for their turn. */
enum gh_priority { GH_PRIORITY_NORMAL, GH_PRIORITY_LOW, GH_PRIORITY_HIGH };

/* What a caller is bound to, as the module knows that let them in. */
struct gh_grant {
	const struct gh_str *models; /* that they may ask for; none: all */
	size_t model_count;
	enum gh_priority priority;
};

/* The tokens of one request and its answer; -1: not known. */
struct gh_usage {
	int64_t input;  /* of the prompt, with those that were in a cache */
	int64_t cached; /* of them */
	int64_t output;
	bool estimated; /* counted here, since the server did not tell */
};

struct gh_request {
	struct gh_str method; /* token, as sent */
	struct gh_str path;  /* canonical: absolute, escapes normalised, no empty or dot segments */
	struct gh_str query; /* without `?`; as sent */
	struct gh_str host;  /* lower case, without the port */
	struct gh_str authority; /* host and port as the client wrote them */
	struct gh_str scheme;    /* http or https: how the client came */
	bool upgrade;            /* the client asks for a WebSocket */
	struct gh_headers headers;
	int64_t length;   /* of the body; -1: chunked, not known; 0: none */
	struct gh_str id; /* the request's id, sent as x-request-id */
	struct gh_address client;
	struct gh_str client_text; /* the address as text, without port; `unix` for a unix socket */
	enum gh_client_source client_source;
	struct gh_identity identity;
	struct gh_str caller;         /* who it is, once a module has found out; empty until then */
	const struct gh_grant *grant; /* what they are bound to; NULL: to nothing */
	struct gh_str model; /* what is asked for, by its name here; empty: no model, or not yet */
	struct gh_usage usage; /* at the latest in on_finish of the module that knows */
	struct gh_str route;   /* the route's name */
	enum gh_shape shape;   /* of errors on this route */
	struct gh_str body;    /* after gh_collect_body(), until an upstream answers */
};

struct gh_response {
	int status;                /* 0 until there is one */
	struct gh_headers headers; /* until the head is sent; empty in body hooks and on_finish */
	int64_t length;            /* of the body; -1: not known */
};

#endif
