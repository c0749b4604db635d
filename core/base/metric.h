/*
 * Counters and gauges of the process, by name and labels, as Prometheus reads them. Made on the main
 * thread, kept to the end of the process; counted from any thread.
 */
#ifndef GATEHOUSE_CORE_BASE_METRIC_H
#define GATEHOUSE_CORE_BASE_METRIC_H

#include <gatehouse/module.h>

#include "core/base/arena.h"

struct gh__metrics;
enum gh__metric_kind { GH__COUNTER, GH__GAUGE };

struct gh__metrics *gh__metrics_create(void);
void gh__metrics_destroy(struct gh__metrics *all);
struct gh_metric *gh__metric_get(struct gh__metrics *all, enum gh__metric_kind kind,
				 const char *name, const char *labels, const char *help);
int64_t gh__metric_value(const struct gh_metric *m);
/* All of them in the text form, sorted by name so that HELP and TYPE stand once; in `a`. */
struct gh_str gh__metrics_text(struct gh__metrics *all, struct gh__arena *a);

#endif
