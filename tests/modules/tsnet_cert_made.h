/* What the tests of tsnet-cert share: certificates made on the spot, and a folder of one's own. */
#ifndef TESTS_TSNET_CERT_MADE_H
#define TESTS_TSNET_CERT_MADE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/certificates.h"

#define NAME "gpu-server.gatehouse-lab.ts.net"

/* ---- Certificates ---- */

struct made {
	char key[2048], chain[8192];
};

/* One for `name` by itself, valid from and to these seconds since 1970. */
static inline void make(struct made *m, const char *name, int64_t from, int64_t to)
{
	struct made_certificate c = make_certificate(&(struct certificate_wish){
		.names = { name }, .not_before = from, .not_after = to });

	assert_true((size_t)snprintf(m->key, sizeof m->key, "%s", c.key) < sizeof m->key);
	assert_true((size_t)snprintf(m->chain, sizeof m->chain, "%s", c.chain) < sizeof m->chain);
	made_certificate_drop(&c);
}

/* One that began a while ago and still runs. */
static inline void make_good(struct made *m, const char *name)
{
	int64_t now = time(NULL);

	make(m, name, now - 10 * 86400, now + 80 * 86400);
}

/* As tailscaled gives it: the key first. For free(). */
static inline char *pem_of(const struct made *m)
{
	char *pem = NULL;

	assert_true(asprintf(&pem, "%s%s", m->key, m->chain) > 0);
	return pem;
}

/* ---- A folder of one's own ---- */

static inline void folder_make(char to[64])
{
	snprintf(to, 64, "/tmp/gh-tsnet-XXXXXX");
	assert_non_null(mkdtemp(to));
}

static inline void folder_remove(const char *folder)
{
	char command[128];

	snprintf(command, sizeof command, "rm -rf %s", folder);
	assert_int_equal(system(command), 0);
}

#endif
