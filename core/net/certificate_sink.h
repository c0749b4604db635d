/*
 * What a source of certificates gives and tells in one call of at_hand or renew: made for the call,
 * looked through after it. On the thread of the call alone.
 */
#ifndef GATEHOUSE_CORE_NET_CERTIFICATE_SINK_H
#define GATEHOUSE_CORE_NET_CERTIFICATE_SINK_H

#include <gatehouse/module.h>

#include "core/net/certificate.h"

enum { GH__CERTIFICATES_MOST = 64, GH__TROUBLE_MOST = 2048 };

struct gh_certificate_sink {
	struct gh__certificate *items[GH__CERTIFICATES_MOST]; /* references */
	size_t count;
	size_t refused;              /* that were given and are not usable */
	char *trouble;               /* the last sentence that was told; NULL: none */
	const atomic_bool *stopping; /* NULL: never */
	/* For tests of sources: sees what is taken; NULL: nobody does. */
	void (*taken)(void *owner, struct gh_str chain, struct gh_str key);
	void *owner;
};

void gh__certificate_sink_init(struct gh_certificate_sink *s, const atomic_bool *stopping);
void gh__certificate_sink_finish(struct gh_certificate_sink *s);

#endif
