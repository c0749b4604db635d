/*
 * What a request used, told at its end to the ledger and to the counters of models: of one that asked for
 * a model, and of no other. On the request's worker.
 */
#ifndef GATEHOUSE_CORE_ROUTE_USAGE_H
#define GATEHOUSE_CORE_ROUTE_USAGE_H

#include "core/route/worker.h"

/* `duration` since its head came, in ns. */
void gh__usage_note(const struct gh__request *r, uint64_t duration);

#endif
