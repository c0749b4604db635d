/*
 * Names of hosts that certificates are for: lower case, no trailing dot, and nothing in them that a
 * path or a request's target could be made of. Plain values.
 */
#ifndef TSNET_CERT_NAMES_H
#define TSNET_CERT_NAMES_H

#include <gatehouse/base.h>

enum {
	TSNET_NAME_SIZE = 254, /* with the terminator */
	TSNET_NAMES_MAX = 16,
};

struct tsnet_names {
	size_t count;
	char items[TSNET_NAMES_MAX][TSNET_NAME_SIZE];
};

/* 0, or -1: this is no full name of a host. */
int tsnet_name_take(struct gh_str text, char ret_name[TSNET_NAME_SIZE]);
/* Not twice the same; one too many is left out. */
void tsnet_names_add(struct tsnet_names *n, const char *name);
bool tsnet_names_have(const struct tsnet_names *n, const char *name);
/* Puts it before the others, if it is there. */
void tsnet_names_first(struct tsnet_names *n, const char *name);
/* `a, b, c`, cut where it does not fit. */
void tsnet_names_text(const struct tsnet_names *n, char *to, size_t size);

#endif
