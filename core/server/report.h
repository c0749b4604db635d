/*
 * What the process tells of itself: /metrics for Prometheus and /status for people and scripts.
 * Main thread; reads what workers count without stopping them. Never a secret.
 */
#ifndef GATEHOUSE_CORE_SERVER_REPORT_H
#define GATEHOUSE_CORE_SERVER_REPORT_H

#include "core/server/server.h"

struct gh_str gh__metrics_page(struct gh__server *s, struct gh__arena *a);
struct gh_str gh__status_page(struct gh__server *s, struct gh__arena *a);

/* Seconds since the process began to serve. */
uint64_t gh__server_uptime(const struct gh__server *s);
/* Generations that were replaced and still finish what they began. */
unsigned gh__server_draining(const struct gh__server *s);

#endif
