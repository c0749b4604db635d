/*
 * Who may pass: logins, domains of logins, tags of machines. Pure.
 */
#ifndef TAILSCALE_AUTH_ALLOW_H
#define TAILSCALE_AUTH_ALLOW_H

#include <gatehouse/option.h>

/* As an option's check. */
int tailscale_allow_check(struct gh_str entry, char *why, size_t size);
/* An empty list lets every user in, and no machine with tags. */
bool tailscale_allow_user(const struct gh_strings *list, struct gh_str login);
/* `tags` have a space between them. */
bool tailscale_allow_tags(const struct gh_strings *list, struct gh_str tags);
bool tailscale_allow_has_tags(const struct gh_strings *list);

#endif
