/* files: a certificate and its key, read again when they change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <gatehouse/test.h>

#include "support/certificates.h"

extern const struct gh_module gh_module_files;

struct place {
	char folder[64], cert[96], key[96], both[96];
	struct made_certificate one, other;
};

static int set_up(void **state)
{
	struct place *p = calloc(1, sizeof *p);
	int64_t now = time(NULL);

	snprintf(p->folder, sizeof p->folder, "/tmp/gatehouse-files-XXXXXX");
	if (!mkdtemp(p->folder))
		return -1;
	snprintf(p->cert, sizeof p->cert, "%s/cert.pem", p->folder);
	snprintf(p->key, sizeof p->key, "%s/key.pem", p->folder);
	snprintf(p->both, sizeof p->both, "%s/both.pem", p->folder);
	p->one = make_certificate(&(struct certificate_wish){ .names = { "one.test" } });
	p->other = make_certificate(&(struct certificate_wish){
		.names = { "other.test" }, .not_before = now - 10, .not_after = now + 1000 });
	*state = p;
	return 0;
}

static int tear_down(void **state)
{
	struct place *p = *state;

	unlink(p->cert);
	unlink(p->key);
	unlink(p->both);
	rmdir(p->folder);
	made_certificate_drop(&p->one);
	made_certificate_drop(&p->other);
	free(p);
	return 0;
}

static void put(const char *path, mode_t mode, const char *text, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, mode);

	assert_true(fd >= 0);
	assert_int_equal(fchmod(fd, mode), 0);
	assert_int_equal(write(fd, text, len), len);
	close(fd);
}

static void put_pair(const struct place *p, const char *chain, const char *key)
{
	put(p->cert, 0644, chain, strlen(chain));
	put(p->key, 0600, key, strlen(key));
}

static struct gh_test *begin(const struct place *p, const char *more)
{
	char options[512];

	snprintf(options, sizeof options, "{ cert: %s, key: %s%s }", p->cert, p->key, more);
	return gh_test_begin(&gh_module_files, options);
}

static void assert_refused(const struct place *p, const char *sentence)
{
	struct gh_test *t = begin(p, "");

	if (t || !strstr(gh_test_mistakes(), sentence))
		fail_msg("%s: '%s' has no '%s'", t ? "taken" : "refused", gh_test_mistakes(),
			 sentence);
	gh_test_end(t);
}

static void assert_quiet(const struct gh_test_certificates *c)
{
	assert_string_equal(c->trouble, "");
	assert_int_equal(c->count, 0);
}

/* As the gateway does it: asks again when it was told to, until there is trouble. */
static const struct gh_test_certificates *renew_until_trouble(struct gh_test *t, size_t *ret_calls)
{
	const struct gh_test_certificates *c;

	for (*ret_calls = 0; *ret_calls < 100; ++*ret_calls) {
		c = gh_test_renew(t);
		if (c->trouble[0])
			return c;
		assert_true(c->again_ms > 0);
		nanosleep(&(struct timespec){ c->again_ms / 1000, c->again_ms % 1000 * 1000000 },
			  NULL);
	}
	fail_msg("no trouble was told");
	return NULL;
}

/* ---- as they are at the start ---- */

static void two_files_are_given_at_once_and_then_left_alone(void **state)
{
	struct place *p = *state;
	const struct gh_test_certificates *c;
	struct gh_test *t;

	put_pair(p, p->one.chain, p->one.key);
	t = begin(p, ", check_every: 7s");
	assert_non_null(t);
	c = gh_test_at_hand(t);
	assert_int_equal(c->count, 1);
	assert_string_equal(c->chain, p->one.chain);
	assert_string_equal(c->key, p->one.key);
	assert_string_equal(c->trouble, "");
	for (size_t i = 0; i < 3; i++) {
		c = gh_test_renew(t);
		assert_quiet(c);
		assert_int_equal(c->again_ms, 7000);
	}
	gh_test_end(t);
}

static void one_file_may_hold_both(void **state)
{
	struct place *p = *state;
	char options[256], *both = NULL;
	int len = asprintf(&both, "%s%s", p->one.pkcs8, p->one.chain);
	struct gh_test *t;

	put(p->both, 0600, both, (size_t)len);
	snprintf(options, sizeof options, "{ cert: %s }", p->both);
	t = gh_test_begin(&gh_module_files, options);
	assert_non_null(t);
	assert_int_equal(gh_test_at_hand(t)->count, 1);
	gh_test_end(t);
	/* Then it is a secret, too. */
	assert_int_equal(chmod(p->both, 0604), 0);
	assert_null(gh_test_begin(&gh_module_files, options));
	assert_non_null(strstr(gh_test_mistakes(), "chmod"));
	free(both);
}

static void what_cannot_be_served_is_a_mistake_of_the_config(void **state)
{
	struct place *p = *state;

	put_pair(p, p->one.chain, p->one.key);
	unlink(p->cert);
	assert_refused(p, "No such file");
	assert_refused(p, p->cert);
	put_pair(p, p->one.chain, p->other.key);
	assert_refused(p, "the key is not that of the certificate");
	put_pair(p, p->one.chain, "");
	assert_refused(p, "no private key");
	put_pair(p, "", p->one.key);
	assert_refused(p, "no certificate");
	put(p->cert, 0644, "a\0b", 3);
	assert_refused(p, "DER");
	unlink(p->cert);
	assert_int_equal(mkfifo(p->cert, 0600), 0); /* does not wait for a writer */
	assert_refused(p, "no regular file");
	assert_null(gh_test_begin(&gh_module_files, "{ cert: cert.pem }"));
	assert_non_null(strstr(gh_test_mistakes(), "root"));
	assert_null(gh_test_begin(&gh_module_files, NULL));
	assert_non_null(strstr(gh_test_mistakes(), "cert"));
}

static void a_key_that_others_can_read_is_refused_with_its_mend(void **state)
{
	static const mode_t open_modes[] = { 0604, 0602, 0644, 0666 };
	struct place *p = *state;
	struct gh_test *t;

	put_pair(p, p->one.chain, p->one.key);
	for (size_t i = 0; i < GH_COUNT_OF(open_modes); i++) {
		assert_int_equal(chmod(p->key, open_modes[i]), 0);
		assert_refused(p, "run: chmod o-rwx");
		assert_refused(p, p->key);
	}
	/* As systemd's credentials and a group of their own for keys are. */
	assert_int_equal(chmod(p->key, 0440), 0);
	t = begin(p, "");
	assert_non_null(t);
	gh_test_end(t);
}

/* ---- as they change ---- */

static void a_new_pair_is_given(void **state)
{
	struct place *p = *state;
	const struct gh_test_certificates *c;
	struct gh_test *t;

	put_pair(p, p->one.chain, p->one.key);
	t = begin(p, "");
	gh_test_at_hand(t);
	assert_quiet(gh_test_renew(t));
	put_pair(p, p->other.chain, p->other.key);
	c = gh_test_renew(t);
	assert_int_equal(c->count, 1);
	assert_string_equal(c->chain, p->other.chain);
	assert_string_equal(c->key, p->other.key);
	assert_quiet(gh_test_renew(t));
	gh_test_end(t);
}

static void files_that_are_written_one_after_the_other_are_no_trouble(void **state)
{
	struct place *p = *state;
	const struct gh_test_certificates *c;
	struct gh_test *t;

	put_pair(p, p->one.chain, p->one.key);
	t = begin(p, "");
	gh_test_at_hand(t);
	put(p->cert, 0644, p->other.chain, strlen(p->other.chain));
	c = gh_test_renew(t);
	assert_quiet(c);
	assert_in_range(c->again_ms, 1, 1000);
	put(p->key, 0600, p->other.key, strlen(p->other.key) / 2);
	c = gh_test_renew(t);
	assert_quiet(c);
	assert_in_range(c->again_ms, 1, 1000);
	put(p->key, 0600, p->other.key, strlen(p->other.key));
	c = gh_test_renew(t);
	assert_int_equal(c->count, 1);
	assert_string_equal(c->trouble, "");
	assert_string_equal(c->chain, p->other.chain);
	gh_test_end(t);
}

static void what_stays_broken_is_told_until_it_is_mended(void **state)
{
	struct place *p = *state;
	const struct gh_test_certificates *c;
	struct gh_test *t;
	size_t calls;

	put_pair(p, p->one.chain, p->one.key);
	t = begin(p, "");
	gh_test_at_hand(t);
	assert_int_equal(chmod(p->key, 0644), 0);
	c = renew_until_trouble(t, &calls);
	assert_true(calls > 1);
	assert_non_null(strstr(c->trouble, "chmod"));
	assert_int_equal(c->count, 0);
	assert_in_range(c->again_ms, 1, 5000);
	/* Another sentence, and no new wait for it. */
	unlink(p->key);
	c = gh_test_renew(t);
	assert_non_null(strstr(c->trouble, "No such file"));
	put(p->key, 0600, p->one.key, strlen(p->one.key));
	c = gh_test_renew(t);
	assert_quiet(c);
	assert_int_equal(c->again_ms, 10000);
	/* And the next time it breaks, patience begins anew. */
	unlink(p->key);
	assert_quiet(gh_test_renew(t));
	gh_test_end(t);
}

static void one_that_ran_out_is_given_and_told(void **state)
{
	struct place *p = *state;
	int64_t now = time(NULL);
	const struct gh_test_certificates *c;
	struct gh_test *t;
	/* 2020-02-29 12:00:00 UTC */
	struct made_certificate old = make_certificate(&(struct certificate_wish){
		.names = { "a.test" }, .not_before = 1577836800, .not_after = 1582977600 });
	struct made_certificate early = make_certificate(&(struct certificate_wish){
		.names = { "a.test" }, .not_before = now + 1000, .not_after = now + 2000 });

	put_pair(p, old.chain, old.key);
	t = begin(p, "");
	assert_non_null(t);
	c = gh_test_at_hand(t);
	assert_int_equal(c->count, 1);
	assert_non_null(strstr(c->trouble, "ran out at 2020-02-29 12:00 UTC"));
	c = gh_test_renew(t);
	assert_int_equal(c->count, 0);
	assert_non_null(strstr(c->trouble, "ran out"));
	put_pair(p, early.chain, early.key);
	c = gh_test_renew(t);
	assert_int_equal(c->count, 1);
	assert_non_null(strstr(c->trouble, "not valid before"));
	put_pair(p, p->one.chain, p->one.key);
	c = gh_test_renew(t);
	assert_int_equal(c->count, 1);
	assert_string_equal(c->trouble, "");
	gh_test_end(t);
	made_certificate_drop(&old);
	made_certificate_drop(&early);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(two_files_are_given_at_once_and_then_left_alone),
		TEST(one_file_may_hold_both),
		TEST(what_cannot_be_served_is_a_mistake_of_the_config),
		TEST(a_key_that_others_can_read_is_refused_with_its_mend),
		TEST(a_new_pair_is_given),
		TEST(files_that_are_written_one_after_the_other_are_no_trouble),
		TEST(what_stays_broken_is_told_until_it_is_mended),
		TEST(one_that_ran_out_is_given_and_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
