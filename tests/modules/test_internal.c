/* internal: a certificate authority of the gateway's own, and the one certificate that it issues. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <mbedtls/x509_crt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <gatehouse/test.h>

#include "core/net/certificate.h"
#include "support/certificates.h"

extern const struct gh_module gh_module_internal;

enum { DAY = 24 * 3600, ROOM = 32768 };

struct place {
	char state[64], path[128], text[ROOM];
	struct gh__certificate *leaf; /* of the last begin() */
	char *chain;
};

static int set_up(void **state)
{
	struct place *p = calloc(1, sizeof *p);

	snprintf(p->state, sizeof p->state, "/tmp/gatehouse-internal-XXXXXX");
	if (!mkdtemp(p->state))
		return -1;
	gh_test_state_dir(p->state);
	*state = p;
	return 0;
}

static const char *in_folder(struct place *p, const char *name)
{
	snprintf(p->path, sizeof p->path, "%s/internal/%s", p->state, name);
	return p->path;
}

static int tear_down(void **state)
{
	struct place *p = *state;

	chmod(in_folder(p, ""), 0700);
	unlink(in_folder(p, "ca.pem"));
	unlink(in_folder(p, "ca-key.pem"));
	unlink(in_folder(p, "leaf.pem"));
	rmdir(in_folder(p, ""));
	/* Nothing else is left lying there. */
	int rc = rmdir(p->state);
	gh__certificate_unref(p->leaf);
	free(p->chain);
	free(p);
	return rc;
}

static const char *read_file(struct place *p, const char *name)
{
	int fd = open(in_folder(p, name), O_RDONLY);
	ssize_t len = fd < 0 ? 0 : read(fd, p->text, sizeof p->text - 1);

	if (fd >= 0)
		close(fd);
	p->text[len > 0 ? len : 0] = 0;
	return p->text;
}

static void write_file(struct place *p, const char *name, const char *text)
{
	int fd = open(in_folder(p, name), O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void assert_mode(struct place *p, const char *name, mode_t mode)
{
	struct stat st;

	assert_int_equal(stat(in_folder(p, name), &st), 0);
	assert_int_equal(st.st_mode & 07777, mode);
}

/* What a start gives. */
static void give(struct place *p, struct gh_test *t)
{
	const struct gh_test_certificates *c = gh_test_at_hand(t);
	char why[256];

	assert_int_equal(c->count, 1);
	gh__certificate_unref(p->leaf);
	free(p->chain);
	p->chain = strdup(c->chain);
	p->leaf = gh__certificate_create(gh_str(c->chain), gh_str(c->key), why, sizeof why);
	assert_non_null(p->leaf);
}

static void start(struct place *p, const char *options)
{
	struct gh_test *t = gh_test_begin(&gh_module_internal, options);

	if (!t)
		fail_msg("%s", gh_test_mistakes());
	give(p, t);
	assert_string_equal(gh_test_renew(t)->trouble, "");
	gh_test_end(t);
}

static bool has_name(const struct gh__certificate *c, const char *name)
{
	for (size_t i = 0; i < c->name_count; i++)
		if (gh_str_is(c->names[i], name))
			return true;
	return false;
}

/* ---- what is issued ---- */

static void it_is_for_localhost_by_default_for_90_days(void **state)
{
	struct place *p = *state;
	int64_t now = time(NULL);
	char host[256] = "";

	start(p, NULL);
	assert_true(has_name(p->leaf, "localhost"));
	assert_true(has_name(p->leaf, "127.0.0.1"));
	assert_true(has_name(p->leaf, "::1"));
	gethostname(host, sizeof host - 1);
	for (char *c = host; *c; c++)
		*c = gh_lower(*c);
	if (host[0] && host[strspn(host, "abcdefghijklmnopqrstuvwxyz")] == 0)
		assert_true(has_name(p->leaf, host));
	assert_true(p->leaf->not_before <= now - 3000);
	assert_int_equal(p->leaf->not_after - p->leaf->not_before, 90 * DAY);
}

static void names_are_as_set(void **state)
{
	struct place *p = *state;

	start(p, "{ names: [gate.lan, '*.gate.lan', 192.0.2.4, '2001:db8::7'] }");
	assert_int_equal(p->leaf->name_count, 4);
	assert_true(has_name(p->leaf, "gate.lan"));
	assert_true(has_name(p->leaf, "*.gate.lan"));
	assert_true(has_name(p->leaf, "192.0.2.4"));
	assert_true(has_name(p->leaf, "2001:db8::7"));
}

static void names_that_are_none_are_refused(void **state)
{
	static const char *const none[] = { "a b",   "a..b", "-a", "a-.b", "a_b",  "*",
					    "*.*.a", ".a",   "a.", "a/24", "\"\"", "a,CN=b" };
	(void)state;

	for (size_t i = 0; i < GH_COUNT_OF(none); i++) {
		char options[64];
		snprintf(options, sizeof options, "{ names: ['%s'] }", none[i]);
		if (gh_test_begin(&gh_module_internal, options))
			fail_msg("'%s' was taken", none[i]);
		assert_non_null(strstr(gh_test_mistakes(), "neither a name"));
	}
}

/* What a strict client asks of both; openssl is the judge. */
static void openssl_accepts_it_strictly(void **state)
{
	struct place *p = *state;
	char command[512];

	if (system("openssl version >/dev/null 2>&1")) /* not everyone has it */
		skip();
	start(p, "{ names: [gate.lan, 192.0.2.4] }");
	snprintf(command, sizeof command,
		 "openssl verify -x509_strict -purpose sslserver -verify_hostname gate.lan -CAfile "
		 "%s/internal/ca.pem %s/internal/leaf.pem >/dev/null",
		 p->state, p->state);
	assert_int_equal(system(command), 0);
	snprintf(command, sizeof command,
		 "openssl verify -x509_strict -purpose sslserver -verify_ip 192.0.2.4 -CAfile "
		 "%s/internal/ca.pem %s/internal/leaf.pem >/dev/null",
		 p->state, p->state);
	assert_int_equal(system(command), 0);
	snprintf(command, sizeof command,
		 "openssl verify -x509_strict -verify_hostname other.lan -CAfile "
		 "%s/internal/ca.pem %s/internal/leaf.pem >/dev/null 2>&1",
		 p->state, p->state);
	assert_int_not_equal(system(command), 0);
}

static int64_t seconds(const mbedtls_x509_time *t)
{
	struct tm tm = { .tm_year = t->year - 1900,
			 .tm_mon = t->mon - 1,
			 .tm_mday = t->day,
			 .tm_hour = t->hour,
			 .tm_min = t->min,
			 .tm_sec = t->sec };

	return timegm(&tm);
}

static void the_ca_is_good_for_ten_years_and_for_nothing_but_signing(void **state)
{
	struct place *p = *state;
	mbedtls_x509_crt ca;

	start(p, NULL);
	mbedtls_x509_crt_init(&ca);
	read_file(p, "ca.pem");
	assert_int_equal(mbedtls_x509_crt_parse(&ca, (const unsigned char *)p->text,
						strlen(p->text) + 1),
			 0);
	assert_true(mbedtls_x509_crt_get_ca_istrue(&ca));
	assert_int_equal(mbedtls_x509_crt_check_key_usage(&ca, MBEDTLS_X509_KU_KEY_CERT_SIGN), 0);
	assert_int_not_equal(
		mbedtls_x509_crt_check_key_usage(&ca, MBEDTLS_X509_KU_DIGITAL_SIGNATURE), 0);
	assert_int_equal(seconds(&ca.valid_to) - seconds(&ca.valid_from), (int64_t)3650 * DAY);
	assert_int_equal(ca.serial.len, 16);
	assert_true(ca.serial.p[0] < 0x80);
	assert_null(strstr(p->text, "PRIVATE"));
	mbedtls_x509_crt_free(&ca);
}

/* ---- what is kept ---- */

static void files_are_kept_with_modes_that_fit(void **state)
{
	struct place *p = *state;
	mode_t old = umask(0);

	start(p, NULL);
	assert_mode(p, "ca.pem", 0644);
	assert_mode(p, "ca-key.pem", 0600);
	assert_mode(p, "leaf.pem", 0600);
	umask(old);
}

static void a_restart_gives_the_same(void **state)
{
	struct place *p = *state;
	char *first;

	start(p, "{ names: [a.lan, b.lan] }");
	first = strdup(p->chain);
	start(p, "{ names: [b.lan, A.lan] }");
	assert_string_equal(p->chain, first);
	assert_null(strstr(p->chain, "PRIVATE"));
	free(first);
}

static void other_names_get_another_one_of_the_same_ca(void **state)
{
	struct place *p = *state;
	char *first, *ca;

	start(p, "{ names: [a.lan] }");
	first = strdup(p->chain);
	ca = strdup(read_file(p, "ca.pem"));
	start(p, "{ names: [a.lan, b.lan] }");
	assert_string_not_equal(p->chain, first);
	assert_int_equal(p->leaf->name_count, 2);
	assert_string_equal(read_file(p, "ca.pem"), ca);
	start(p, "{ names: [a.lan] }");
	assert_int_equal(p->leaf->name_count, 1);
	free(first);
	free(ca);
}

static void broken_or_foreign_leaves_are_made_anew(void **state)
{
	struct place *p = *state;
	struct made_certificate m =
		make_certificate(&(struct certificate_wish){ .names = { "a.lan" } });
	char both[ROOM];

	start(p, "{ names: [a.lan] }");
	write_file(p, "leaf.pem", "-----BEGIN EC PRIVATE KEY-----\n");
	start(p, "{ names: [a.lan] }");
	snprintf(both, sizeof both, "%s%s", m.chain, m.key);
	write_file(p, "leaf.pem", both);
	start(p, "{ names: [a.lan] }");
	assert_string_not_equal(p->chain, m.chain);
	assert_non_null(strstr(read_file(p, "leaf.pem"), p->chain));
	made_certificate_drop(&m);
}

/* Puts a CA and a leaf of it with this life in place; its chain is the caller's. */
static struct made_certificate plant(struct place *p, int64_t ca_end, int64_t from, int64_t to)
{
	int64_t now = time(NULL);
	struct made_certificate ca = make_certificate(&(struct certificate_wish){
		.use = USE_CA, .not_before = now - 365 * DAY, .not_after = now + ca_end });
	struct made_certificate leaf =
		make_certificate(&(struct certificate_wish){ .names = { "a.lan" },
							     .not_before = now + from,
							     .not_after = now + to,
							     .issuer = &ca });
	char both[ROOM];

	mkdir(in_folder(p, ""), 0700);
	snprintf(both, sizeof both, "%s%s", leaf.chain, leaf.key);
	write_file(p, "ca.pem", ca.chain);
	write_file(p, "ca-key.pem", ca.key);
	write_file(p, "leaf.pem", both);
	made_certificate_drop(&ca);
	return leaf;
}

static void it_is_renewed_at_two_thirds_of_its_life(void **state)
{
	struct place *p = *state;
	struct made_certificate before = plant(p, 3650 * DAY, -59 * DAY, 31 * DAY), after;

	start(p, "{ names: [a.lan] }");
	assert_string_equal(p->chain, before.chain);
	after = plant(p, 3650 * DAY, -61 * DAY, 29 * DAY);
	start(p, "{ names: [a.lan] }");
	assert_string_not_equal(p->chain, after.chain);
	assert_true(p->leaf->not_after > time(NULL) + 89 * DAY);
	made_certificate_drop(&before);
	made_certificate_drop(&after);
}

static void it_is_renewed_while_the_gateway_runs(void **state)
{
	struct place *p = *state;
	/* Two thirds are over in two seconds. */
	struct made_certificate m = plant(p, 3650 * DAY, -58, 32);
	const struct gh_test_certificates *c;
	struct gh_test *t = gh_test_begin(&gh_module_internal, "{ names: [a.lan] }");

	assert_non_null(t);
	give(p, t);
	assert_string_equal(p->chain, m.chain);
	c = gh_test_renew(t);
	assert_int_equal(c->count, 0);
	assert_in_range(c->again_ms, 1, 2000);
	for (size_t i = 0; i < 10 && c->count == 0; i++) {
		nanosleep(&(struct timespec){ c->again_ms / 1000, c->again_ms % 1000 * 1000000 },
			  NULL);
		c = gh_test_renew(t);
	}
	assert_int_equal(c->count, 1);
	assert_string_equal(c->trouble, "");
	assert_in_range(c->again_ms, 60 * 1000, DAY * 1000);
	assert_non_null(strstr(read_file(p, "leaf.pem"), c->chain));
	gh_test_end(t);
	made_certificate_drop(&m);
}

static void a_ca_near_its_end_is_made_anew(void **state)
{
	struct place *p = *state;
	struct made_certificate m = plant(p, 80 * DAY, -DAY, 89 * DAY);
	char *ca = strdup(read_file(p, "ca.pem"));

	start(p, "{ names: [a.lan] }");
	assert_string_not_equal(read_file(p, "ca.pem"), ca);
	assert_string_not_equal(p->chain, m.chain);
	free(ca);
	made_certificate_drop(&m);
}

/* ---- what goes wrong ---- */

static const struct gh_test_certificates *start_in_trouble(struct gh_test **ret_test)
{
	*ret_test = gh_test_begin(&gh_module_internal, "{ names: [a.lan] }");
	assert_non_null(*ret_test);
	return gh_test_at_hand(*ret_test);
}

static void without_a_folder_it_works_from_memory_and_says_so(void **state)
{
	struct place *p = *state;
	const struct gh_test_certificates *c;
	struct gh_test *t;
	char *first;

	gh_test_state_dir("/proc/none");
	c = start_in_trouble(&t);
	assert_int_equal(c->count, 1);
	assert_non_null(strstr(c->trouble, "/proc/none"));
	assert_non_null(strstr(c->trouble, "memory"));
	first = strdup(c->chain);
	c = gh_test_renew(t);
	assert_int_equal(c->count, 0);
	assert_non_null(strstr(c->trouble, "memory"));
	assert_in_range(c->again_ms, 1000, 600000);
	free(first);
	gh_test_end(t);
	(void)p;
}

static void a_folder_that_can_be_written_later_gets_the_ca_of_memory(void **state)
{
	struct place *p = *state;
	const struct gh_test_certificates *c;
	struct gh_test *t;

	/* A file stands where the folder would be. */
	char folder[96];

	snprintf(folder, sizeof folder, "%s/internal", p->state);
	int fd = open(folder, O_WRONLY | O_CREAT | O_EXCL, 0600);
	assert_true(fd >= 0);
	close(fd);
	c = start_in_trouble(&t);
	assert_int_equal(c->count, 1);
	assert_non_null(strstr(c->trouble, "memory"));
	assert_int_equal(unlink(folder), 0);
	c = gh_test_renew(t);
	assert_string_equal(c->trouble, "");
	assert_int_equal(c->count, 0);
	assert_non_null(strstr(read_file(p, "ca.pem"), "BEGIN CERTIFICATE"));
	gh_test_end(t);
}

static void a_ca_that_cannot_be_used_is_told_and_not_overwritten(void **state)
{
	struct made_certificate other = make_certificate(&(struct certificate_wish){ 0 });
	const struct {
		const char *name, *text, *sentence;
	} cases[] = {
		{ "ca-key.pem", "", "remove both" },
		{ "ca.pem", "-----BEGIN CERTIFICATE-----\n", "remove both" },
		{ "ca-key.pem", other.key, "remove both" },
	};
	struct place *p = *state;
	const struct gh_test_certificates *c;
	struct gh_test *t;
	char *ca;

	for (size_t i = 0; i < GH_COUNT_OF(cases); i++) {
		unlink(in_folder(p, "ca.pem"));
		start(p, "{ names: [a.lan] }");
		write_file(p, cases[i].name, cases[i].text);
		ca = strdup(read_file(p, "ca.pem"));
		c = start_in_trouble(&t);
		assert_int_equal(c->count, 1); /* TLS works all the same */
		assert_non_null(strstr(c->trouble, cases[i].sentence));
		assert_string_equal(read_file(p, "ca.pem"), ca);
		gh_test_end(t);
		free(ca);
	}
	made_certificate_drop(&other);
}

static void a_ca_key_that_others_can_read_is_not_used(void **state)
{
	struct place *p = *state;
	const struct gh_test_certificates *c;
	struct gh_test *t;

	start(p, "{ names: [a.lan] }");
	assert_int_equal(chmod(in_folder(p, "ca-key.pem"), 0644), 0);
	c = start_in_trouble(&t);
	assert_non_null(strstr(c->trouble, "chmod 600"));
	/* Mended while it runs: the kept one is back. */
	assert_int_equal(chmod(in_folder(p, "ca-key.pem"), 0600), 0);
	c = gh_test_renew(t);
	assert_string_equal(c->trouble, "");
	assert_string_equal(c->chain, p->chain);
	gh_test_end(t);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(it_is_for_localhost_by_default_for_90_days),
		TEST(names_are_as_set),
		TEST(names_that_are_none_are_refused),
		TEST(openssl_accepts_it_strictly),
		TEST(the_ca_is_good_for_ten_years_and_for_nothing_but_signing),
		TEST(files_are_kept_with_modes_that_fit),
		TEST(a_restart_gives_the_same),
		TEST(other_names_get_another_one_of_the_same_ca),
		TEST(broken_or_foreign_leaves_are_made_anew),
		TEST(it_is_renewed_at_two_thirds_of_its_life),
		TEST(it_is_renewed_while_the_gateway_runs),
		TEST(a_ca_near_its_end_is_made_anew),
		TEST(without_a_folder_it_works_from_memory_and_says_so),
		TEST(a_folder_that_can_be_written_later_gets_the_ca_of_memory),
		TEST(a_ca_that_cannot_be_used_is_told_and_not_overwritten),
		TEST(a_ca_key_that_others_can_read_is_not_used),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
