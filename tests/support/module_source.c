/* Sources of certificates, asked by hand. */
#include "core/base/memory.h"
#include "core/net/certificate_sink.h"
#include "support/module_bench.h"

static void drop_text(struct gh_str *s)
{
	gh__free((char *)(uintptr_t)s->at);
	*s = (struct gh_str){ 0 };
}

void bench_drop_certificates(struct gh_test *t)
{
	drop_text(&t->chain);
	drop_text(&t->key);
	gh__free(t->trouble);
	t->trouble = NULL;
}

static void taken(void *owner, struct gh_str chain, struct gh_str key)
{
	struct gh_test *t = owner;

	drop_text(&t->chain);
	drop_text(&t->key);
	t->chain = (struct gh_str){ gh__strndup(chain.at, chain.len), chain.len };
	t->key = (struct gh_str){ gh__strndup(key.at, key.len), key.len };
}

enum call { AT_HAND, RENEW };

static const struct gh_test_certificates *ask_source(struct gh_test *t, enum call call)
{
	const struct gh_instance *in = t->worker.site->site->doors[0].sources;
	const struct gh_certificates *source = t->module->certificates;
	struct gh_certificate_sink sink;
	int64_t again_ms = 0;

	bench_drop_certificates(t);
	gh__certificate_sink_init(&sink, NULL);
	sink.taken = taken;
	sink.owner = t;
	if (call == AT_HAND && source->at_hand)
		source->at_hand(in->self, &sink);
	if (call == RENEW && source->renew)
		again_ms = source->renew(in->self, &sink);
	if (sink.trouble)
		t->trouble = gh__strndup(sink.trouble, strlen(sink.trouble));
	t->given = (struct gh_test_certificates){
		.count = sink.count,
		.chain = t->chain.at ? t->chain.at : "",
		.key = t->key.at ? t->key.at : "",
		.trouble = t->trouble ? t->trouble : "",
		.again_ms = again_ms,
	};
	gh__certificate_sink_finish(&sink);
	return &t->given;
}

const struct gh_test_certificates *gh_test_at_hand(struct gh_test *t)
{
	return ask_source(t, AT_HAND);
}

const struct gh_test_certificates *gh_test_renew(struct gh_test *t)
{
	return ask_source(t, RENEW);
}
