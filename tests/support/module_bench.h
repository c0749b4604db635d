/*
 * The bench of <gatehouse/test.h>, as its parts share it: module_test.c sets it up around a module,
 * module_send.c puts requests through it, module_source.c asks a source of certificates. One thread.
 */
#ifndef GATEHOUSE_TESTS_SUPPORT_MODULE_BENCH_H
#define GATEHOUSE_TESTS_SUPPORT_MODULE_BENCH_H

#include <gatehouse/test.h>

#include "core/route/worker.h"

enum { BENCH_WAIT_S = 10 };

struct gh_test {
	struct gh__worker worker;
	struct gh__upstreams upstreams;
	struct gh__grounds grounds;
	struct gh__access_sink *sink;
	atomic_size_t collected;
	const struct gh_module *module;
	struct gh__conn conn; /* of the canned requests: only its peer and door are looked at */
	struct gh__message message;
	struct gh_test_answer answer;
	char *headers, *body, *caller, *upstream_headers, *upstream_body, *log;
	size_t body_len, slice;
	struct gh_str to_send;
	bool wanted, given_last;
	bool keeps; /* the ledger is open */
	int status; /* of the stand-in upstream */
	const char *give_headers, *give_body;
	struct gh_test_certificates given;
	struct gh_str chain, key; /* terminated; of the last that was given */
	char *trouble;
};

/* Of module_send.c: the last module of the chain. */
extern const struct gh_module bench_upstream;

/* Of module_source.c: frees what was given. */
void bench_drop_certificates(struct gh_test *t);

#endif
