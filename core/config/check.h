/*
 * Checks of single texts in gateway.yaml, beyond their length: each fits `check` of a row. Pure.
 */
#ifndef GATEHOUSE_CORE_CONFIG_CHECK_H
#define GATEHOUSE_CORE_CONFIG_CHECK_H

#include <gatehouse/base.h>

int gh__check_workers(struct gh_str s, char *why, size_t size);
int gh__check_user(struct gh_str s, char *why, size_t size);
int gh__check_network(struct gh_str s, char *why, size_t size); /* an address or a CIDR */
int gh__check_mode(struct gh_str s, char *why, size_t size);
int gh__check_listen(struct gh_str s, char *why, size_t size);
int gh__check_admin(struct gh_str s, char *why, size_t size);
int gh__check_endpoint(struct gh_str s, char *why, size_t size);
int gh__check_path(struct gh_str s, char *why, size_t size);   /* of a route: canonical */
int gh__check_target(struct gh_str s, char *why, size_t size); /* of a health check */
int gh__check_host(struct gh_str s, char *why, size_t size);
int gh__check_method(struct gh_str s, char *why, size_t size);
int gh__check_folder(struct gh_str s, char *why, size_t size); /* an absolute path */
int gh__check_bearer(struct gh_str s, char *why, size_t size); /* a key; never repeated in `why` */
int gh__check_log_file(struct gh_str s, char *why, size_t size);

#endif
