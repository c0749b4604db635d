/*
 * A call on the side: a step asks an upstream something and waits for the whole answer. In the
 * request's memory, on its worker.
 */
#ifndef GATEHOUSE_CORE_ROUTE_SIDE_H
#define GATEHOUSE_CORE_ROUTE_SIDE_H

#include "core/route/request.h"

struct gh__side_call {
	struct gh__call call;
	struct gh__request *request;
	struct gh__deadline deadline;
	struct gh_headers headers;
	struct gh_response res;
	struct gh_str body; /* to send */
	struct gh_answer answer;
	char *bytes; /* of the answer, freed with the request */
	size_t len, room, max;
	struct gh_wait wait;
};

void gh__side_cancel(struct gh__side_call *side);

#endif
