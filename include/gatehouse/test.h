/*
 * Runs a module on canned requests, with the real chain and no sockets, or a source of certificates by
 * hand: for tests of modules, with cmocka or anything else. One thread. The clock is the test's own.
 */
#ifndef GATEHOUSE_TEST_H
#define GATEHOUSE_TEST_H

#include <gatehouse/module.h>

struct gh_test;

/* An instance of `m` with these options (YAML text of one mapping, or NULL for the defaults) behind
 * which stands an upstream that answers 200 "upstream". Returns NULL when the options are refused;
 * then gh_test_mistakes() tells why, until the next call. */
struct gh_test *gh_test_begin(const struct gh_module *m, const char *options_yaml);
const char *gh_test_mistakes(void);
void gh_test_end(struct gh_test *t); /* takes NULL */

/* Like a reload with these options: shared state stays. 0, or -1: refused, the old one stays. */
int gh_test_reload(struct gh_test *t, const char *options_yaml);

/* The client that later requests come from (default 192.0.2.1), and the monotonic clock. */
void gh_test_client(struct gh_test *t, const char *address);
void gh_test_advance(struct gh_test *t, int64_t ms);
/* What the stand-in upstream answers; header lines end in \r\n. */
void gh_test_upstream(struct gh_test *t, int status, const char *headers, const char *body);

/* What came of one request; lives until the next one. Strings are terminated. */
struct gh_test_answer {
	int status;                   /* 0: the request still waits (then see gh_test_wait()) */
	bool reached;                 /* the request went past the module to the upstream */
	bool cut;                     /* the answer was broken off visibly */
	const char *headers;          /* `name: value\r\n`… of the answer to the client */
	const char *body;             /* of the same */
	const char *caller;           /* as set for later steps */
	const char *upstream_headers; /* what the upstream got */
	const char *upstream_body;
	const char *log; /* lines logged during this request */
};
/* The value of an answer's header, or NULL; lives until the next call. */
const char *gh_test_header(const struct gh_test_answer *a, const char *name);

/* `target` is a path with its query, `headers` lines that end in \r\n or NULL, `body` or NULL. Runs
 * all that is offloaded or asleep to its end. */
const struct gh_test_answer *gh_test_send(struct gh_test *t, const char *method, const char *target,
					  const char *headers, const char *body);
/* The same with a body of many slices of `slice` bytes each. */
const struct gh_test_answer *gh_test_send_sliced(struct gh_test *t, const char *method,
						 const char *target, const char *headers,
						 const char *body, size_t slice);

/* ---- A source of certificates ---- */

/* The `state_dir` of what is begun from now on; NULL: one that there is not. */
void gh_test_state_dir(const char *path);

/* What came of one call; lives until the next one. Strings are terminated. */
struct gh_test_certificates {
	size_t count;            /* that were given and are usable */
	const char *chain, *key; /* the last of these; empty: none */
	const char *trouble;     /* the last sentence that was told; empty: none */
	int64_t again_ms;        /* what `renew` returned */
};
const struct gh_test_certificates *gh_test_at_hand(struct gh_test *t);
const struct gh_test_certificates *gh_test_renew(struct gh_test *t);

#endif
