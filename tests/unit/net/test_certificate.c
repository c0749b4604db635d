/* Certificates from PEM, and the shelf that handshakes take them from. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/net/certificate.h"
#include "support/certificates.h"

#include <gatehouse/module.h>

static char why[512];

static struct gh__certificate *create(const char *chain, const char *key)
{
	why[0] = 0;
	return gh__certificate_create(gh_str(chain), gh_str(key), why, sizeof why);
}

/* Refused, in words that have `sentence` in them. */
static void assert_refused(const char *chain, const char *key, const char *sentence)
{
	struct gh__certificate *c = create(chain, key);

	if (c || !strstr(why, sentence))
		fail_msg("%s: '%s' has no '%s'", c ? "made" : "refused", why, sentence);
}

static void assert_made(const char *chain, const char *key)
{
	struct gh__certificate *c = create(chain, key);

	if (!c)
		fail_msg("refused: %s", why);
	gh__certificate_unref(c);
}

static char *join(const char *a, const char *b)
{
	char *both = calloc(1, strlen(a) + strlen(b) + 1);

	memcpy(both, a, strlen(a));
	memcpy(both + strlen(a), b, strlen(b));
	return both;
}

static bool has_name(const struct gh__certificate *c, const char *name)
{
	for (size_t i = 0; i < c->name_count; i++)
		if (gh_str_is(c->names[i], name))
			return true;
	return false;
}

/* ---- made ---- */

static void every_kind_is_made_from_every_form_of_its_key(void **state)
{
	static const enum key_kind kinds[] = { KEY_P256, KEY_P384, KEY_P521, KEY_RSA_2048 };
	(void)state;

	for (size_t i = 0; i < GH_COUNT_OF(kinds); i++) {
		struct made_certificate m = make_certificate(
			&(struct certificate_wish){ .names = { "a.test" }, .kind = kinds[i] });
		assert_made(m.chain, m.key);
		assert_made(m.chain, m.pkcs8);
		made_certificate_drop(&m);
	}
}

static void names_and_life_are_those_of_the_leaf(void **state)
{
	/* 2024-02-29 23:59:59 and 2031-01-01 00:00:00, both UTC. */
	struct made_certificate m = make_certificate(&(struct certificate_wish){
		.names = { "Door.Example.ORG", "*.wild.example.org", "192.0.2.7", "2001:DB8:0::1" },
		.not_before = 1709251199,
		.not_after = 1924992000,
	});
	struct gh__certificate *c = create(m.chain, m.key);
	(void)state;

	assert_non_null(c);
	assert_int_equal(c->name_count, 4);
	assert_true(has_name(c, "door.example.org"));
	assert_true(has_name(c, "*.wild.example.org"));
	assert_true(has_name(c, "192.0.2.7"));
	assert_true(has_name(c, "2001:db8::1"));
	assert_int_equal(c->not_before, 1709251199);
	assert_int_equal(c->not_after, 1924992000);
	gh__certificate_unref(c);
	made_certificate_drop(&m);
}

static void names_that_nobody_can_ask_for_are_left_out(void **state)
{
	struct made_certificate m = make_certificate(&(struct certificate_wish){
		.names = { "good.test", "a b.test", "*.*.test", "f*o.test", ".test", "a..test",
			   "a.test." } });
	struct gh__certificate *c = create(m.chain, m.key);
	(void)state;

	assert_non_null(c);
	assert_int_equal(c->name_count, 1);
	assert_true(has_name(c, "good.test"));
	gh__certificate_unref(c);
	made_certificate_drop(&m);
}

static void text_around_and_between_the_blocks_is_passed_over(void **state)
{
	struct made_certificate ca = make_certificate(&(struct certificate_wish){ .use = USE_CA });
	struct made_certificate m = make_certificate(
		&(struct certificate_wish){ .names = { "a.test" }, .issuer = &ca });
	char *chain = NULL;
	struct gh__certificate *c;
	(void)state;

	assert_true(asprintf(&chain, "Certificate:\n  of a.test\n\n%s\n\n\r\n# its CA\n%s\nend",
			     m.chain, ca.chain) > 0);
	c = create(chain, m.key);
	assert_non_null(c);
	assert_non_null(c->chain.next);
	gh__certificate_unref(c);
	free(chain);
	made_certificate_drop(&m);
	made_certificate_drop(&ca);
}

static void lines_may_end_as_on_windows_and_key_and_chain_stand_in_one_text(void **state)
{
	struct made_certificate m =
		make_certificate(&(struct certificate_wish){ .names = { "a.test" } });
	char *both = join(m.key, m.chain), *windows = calloc(2, strlen(both) + 1), *to = windows;
	(void)state;

	for (const char *at = both; *at; at++) {
		if (*at == '\n')
			*to++ = '\r';
		*to++ = *at;
	}
	assert_made(both, both);
	assert_made(windows, windows);
	free(both);
	free(windows);
	made_certificate_drop(&m);
}

static void one_that_ran_out_or_is_not_valid_yet_is_made(void **state)
{
	int64_t now = time(NULL);
	struct made_certificate old = make_certificate(&(struct certificate_wish){
		.names = { "a.test" }, .not_before = now - 100, .not_after = now - 50 });
	struct made_certificate early = make_certificate(&(struct certificate_wish){
		.names = { "a.test" }, .not_before = now + 100, .not_after = now + 150 });
	(void)state;

	assert_made(old.chain, old.key);
	assert_made(early.chain, early.key);
	made_certificate_drop(&old);
	made_certificate_drop(&early);
}

static void a_check_tells_the_life_and_the_sentence(void **state)
{
	struct made_certificate m = make_certificate(&(struct certificate_wish){
		.names = { "a.test" }, .not_before = 1709251199, .not_after = 1924992000 });
	struct gh_certificate_life life = { 1, 2 };
	(void)state;

	assert_int_equal(gh_certificate_check(gh_str(m.chain), GH_STR(""), &life, why, sizeof why),
			 -1);
	assert_int_equal(life.not_after, 2);
	assert_non_null(strstr(why, "private key"));
	assert_int_equal(
		gh_certificate_check(gh_str(m.chain), gh_str(m.key), &life, why, sizeof why), 0);
	assert_int_equal(life.not_before, 1709251199);
	assert_int_equal(life.not_after, 1924992000);
	assert_int_equal(
		gh_certificate_check(gh_str(m.chain), gh_str(m.key), NULL, why, sizeof why), 0);
	made_certificate_drop(&m);
}

/* ---- refused ---- */

static void what_is_no_certificate_or_no_key_is_refused(void **state)
{
	struct made_certificate m =
		make_certificate(&(struct certificate_wish){ .names = { "a.test" } });
	char der[] = { 0x30, 0x00, 0x00, 0x01 };
	char *much = malloc(300 << 10);
	(void)state;

	assert_refused("", m.key, "no certificate");
	assert_refused("hello", m.key, "no certificate");
	assert_refused(m.key, m.key, "no certificate");
	assert_refused(m.chain, "", "no private key");
	assert_refused(m.chain, m.chain, "no private key");
	assert_refused("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", m.key,
		       "cannot be read");
	assert_refused(m.chain, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
		       "key cannot be read");
	assert_null(gh__certificate_create((struct gh_str){ der, sizeof der }, gh_str(m.key), why,
					   sizeof why));
	assert_non_null(strstr(why, "DER"));
	assert_null(gh__certificate_create((struct gh_str){ NULL, 0 }, (struct gh_str){ NULL, 0 },
					   why, sizeof why));
	memset(much, 'x', 300 << 10);
	assert_null(gh__certificate_create((struct gh_str){ much, 300 << 10 }, gh_str(m.key), why,
					   sizeof why));
	assert_non_null(strstr(why, "256 KiB"));
	free(much);
	made_certificate_drop(&m);
}

static void a_chain_that_is_cut_anywhere_is_refused(void **state)
{
	struct made_certificate ca = make_certificate(&(struct certificate_wish){ .use = USE_CA });
	struct made_certificate m = make_certificate(
		&(struct certificate_wish){ .names = { "a.test" }, .issuer = &ca });
	char *chain = join(m.chain, ca.chain);
	/* Whole are: one certificate alone, up to where the second is announced, and both. */
	size_t second = strlen(m.chain), all = strlen(chain);
	size_t announced = strlen("-----BEGIN CERTIFICATE-----");
	(void)state;

	for (size_t len = 0; len < all; len += len < second - 2 || len > second ? 7 : 1) {
		struct gh__certificate *c = gh__certificate_create((struct gh_str){ chain, len },
								   gh_str(m.key), why, sizeof why);
		bool whole = len >= second - 1 && len < second + announced;
		/* The end of the last line is no part of the block. */
		whole = whole || len >= all - 1;
		if (!!c != whole)
			fail_msg("%zu of %zu bytes (%zu): %s", len, all, second, c ? "made" : why);
		gh__certificate_unref(c);
	}
	free(chain);
	made_certificate_drop(&m);
	made_certificate_drop(&ca);
}

static void a_key_of_another_certificate_is_refused(void **state)
{
	struct made_certificate ca = make_certificate(&(struct certificate_wish){ .use = USE_CA });
	struct made_certificate m = make_certificate(
		&(struct certificate_wish){ .names = { "a.test" }, .issuer = &ca });
	struct made_certificate rsa = make_certificate(
		&(struct certificate_wish){ .names = { "a.test" }, .kind = KEY_RSA_2048 });
	char *wrong_way = join(ca.chain, m.chain);
	(void)state;

	assert_refused(m.chain, ca.key, "not that of the certificate");
	assert_refused(m.chain, rsa.key, "not that of the certificate");
	assert_refused(rsa.chain, m.key, "not that of the certificate");
	assert_refused(wrong_way, m.key, "put it first");
	free(wrong_way);
	made_certificate_drop(&rsa);
	made_certificate_drop(&m);
	made_certificate_drop(&ca);
}

static void keys_that_are_too_weak_or_of_another_curve_are_refused(void **state)
{
	struct made_certificate rsa = make_certificate(
		&(struct certificate_wish){ .names = { "a.test" }, .kind = KEY_RSA_1024 });
	struct made_certificate curve = make_certificate(
		&(struct certificate_wish){ .names = { "a.test" }, .kind = KEY_SECP256K1 });
	(void)state;

	assert_refused(rsa.chain, rsa.key, "1024 bits");
	assert_refused(curve.chain, curve.key, "P-256");
	made_certificate_drop(&rsa);
	made_certificate_drop(&curve);
}

static void an_encrypted_key_is_refused_with_its_mend(void **state)
{
	struct made_certificate m =
		make_certificate(&(struct certificate_wish){ .names = { "a.test" } });
	(void)state;

	assert_refused(m.chain,
		       "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n"
		       "DEK-Info: AES-256-CBC,00112233445566778899AABBCCDDEEFF\n\n"
		       "MIIBAAECAwQFBgcICQ==\n-----END RSA PRIVATE KEY-----\n",
		       "openssl pkey");
	/* PBES2 is all that the library looks at before it asks for the password. */
	assert_refused(m.chain,
		       "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAYwAgYABAA=\n"
		       "-----END ENCRYPTED PRIVATE KEY-----\n",
		       "openssl pkey");
	made_certificate_drop(&m);
}

static void a_certificate_that_no_client_takes_is_refused(void **state)
{
	static const struct {
		struct certificate_wish wish;
		const char *sentence;
	} cases[] = {
		{ { .names = { "a.test" }, .use = USE_CLIENT }, "serverAuth" },
		{ { .names = { "a.test" }, .use = USE_ENCIPHER_ONLY }, "digitalSignature" },
		{ { .use = USE_SERVER }, "subjectAltName" },
		{ { .names = { "no name" } }, "subjectAltName" },
	};
	(void)state;

	for (size_t i = 0; i < GH_COUNT_OF(cases); i++) {
		struct made_certificate m = make_certificate(&cases[i].wish);
		assert_refused(m.chain, m.key, cases[i].sentence);
		made_certificate_drop(&m);
	}
}

static void a_chain_too_long_for_a_handshake_is_refused(void **state)
{
	struct made_certificate m =
		make_certificate(&(struct certificate_wish){ .names = { "a.test" } });
	char *chain = join(m.chain, "");
	(void)state;

	/* One has some 400 bytes in DER. */
	for (size_t i = 0; i < 60; i++) {
		char *more = join(chain, m.chain);
		free(chain);
		chain = more;
	}
	assert_refused(chain, m.key, "leave out the root");
	free(chain);
	made_certificate_drop(&m);
}

/* ---- the shelf ---- */

struct shelf {
	struct gh__shelf *shelf;
	struct gh__certificate *items[8];
	size_t count;
};

static struct gh__certificate *add_two(struct shelf *s, const char *name, const char *other,
				       int64_t from, int64_t to)
{
	int64_t now = time(NULL);
	struct made_certificate m = make_certificate(&(struct certificate_wish){
		.names = { name, other }, .not_before = now + from, .not_after = now + to });
	struct gh__certificate *c = create(m.chain, m.key);

	assert_non_null(c);
	s->items[s->count++] = c;
	made_certificate_drop(&m);
	return c;
}

static struct gh__certificate *add(struct shelf *s, const char *name, int64_t from, int64_t to)
{
	return add_two(s, name, NULL, from, to);
}

static void put(struct shelf *s)
{
	s->shelf = gh__shelf_create();
	gh__shelf_put(s->shelf, s->items, s->count);
}

static void drop(struct shelf *s)
{
	gh__shelf_unref(s->shelf);
	for (size_t i = 0; i < s->count; i++)
		gh__certificate_unref(s->items[i]);
}

static void assert_picked(struct shelf *s, const char *name, const struct gh__certificate *expected)
{
	struct gh__certificate *c = gh__shelf_pick(s->shelf, gh_str(name));

	if (c != expected)
		fail_msg("another one for '%s'", name);
	gh__certificate_unref(c);
}

enum { HOUR = 3600 };

static void it_is_found_by_whole_name_by_wildcard_or_by_default(void **state)
{
	struct shelf s = { 0 };
	struct gh__certificate *first = add(&s, "first.test", -HOUR, HOUR);
	struct gh__certificate *wild = add(&s, "*.door.test", -HOUR, 3 * HOUR);
	struct gh__certificate *whole = add(&s, "in.door.test", -HOUR, HOUR);
	(void)state;

	put(&s);
	assert_picked(&s, "first.test", first);
	assert_picked(&s, "in.door.test", whole);
	assert_picked(&s, "IN.Door.TEST", whole);
	assert_picked(&s, "in.door.test.", whole);
	assert_picked(&s, "on.door.test", wild);
	assert_picked(&s, "On.Door.Test.", wild);
	/* One label: neither none nor two. */
	assert_picked(&s, "door.test", first);
	assert_picked(&s, ".door.test", first);
	assert_picked(&s, "a.b.door.test", first);
	assert_picked(&s, "xdoor.test", first);
	assert_picked(&s, "", first);
	assert_picked(&s, ".", first);
	assert_picked(&s, "test", first);
	assert_picked(&s, "elsewhere.example", first);
	drop(&s);
}

static void of_several_the_valid_one_that_runs_longest_is_picked(void **state)
{
	struct shelf s = { 0 };
	struct gh__certificate *shorter = add(&s, "a.test", -HOUR, HOUR);
	struct gh__certificate *longer = add(&s, "a.test", -HOUR, 2 * HOUR);
	(void)add(&s, "a.test", HOUR, 3 * HOUR); /* not yet */
	struct gh__certificate *gone = add(&s, "b.test", -HOUR, -1);
	struct gh__certificate *gone_whole = add(&s, "in.c.test", -HOUR, -1);
	struct gh__certificate *wild = add(&s, "*.c.test", -HOUR, HOUR);
	(void)state;

	put(&s);
	assert_picked(&s, "a.test", longer);
	assert_picked(&s, "b.test", gone); /* better than one of another name */
	assert_ptr_not_equal(gone_whole, wild);
	assert_picked(&s, "in.c.test", wild);
	assert_picked(&s, "", shorter); /* the default is the first, and no other */
	drop(&s);
}

static void the_best_of_its_names_counts(void **state)
{
	struct shelf s = { 0 };
	struct gh__certificate *a = add_two(&s, "in.door.test", "*.door.test", -HOUR, HOUR);
	struct gh__certificate *b = add_two(&s, "*.door.test", "on.door.test", -HOUR, HOUR);
	struct gh__certificate *longest = add(&s, "*.door.test", -HOUR, 2 * HOUR);
	(void)state;

	put(&s);
	assert_picked(&s, "in.door.test", a);
	assert_picked(&s, "on.door.test", b);
	assert_picked(&s, "at.door.test", longest);
	drop(&s);
}

static void an_empty_shelf_has_none_and_a_put_takes_the_place_of_the_last(void **state)
{
	struct shelf s = { 0 };
	struct gh__certificate *a = add(&s, "a.test", -HOUR, HOUR);
	struct gh__certificate *b = add(&s, "b.test", -HOUR, HOUR), *held;
	(void)state;

	s.shelf = gh__shelf_create();
	assert_null(gh__shelf_pick(s.shelf, GH_STR("a.test")));
	assert_null(gh__shelf_pick(s.shelf, GH_STR("")));
	gh__shelf_put(s.shelf, &a, 1);
	held = gh__shelf_pick(s.shelf, GH_STR("a.test"));
	gh__shelf_put(s.shelf, &b, 1);
	assert_picked(&s, "a.test", b);
	/* What a handshake holds outlives the put. */
	assert_true(has_name(held, "a.test"));
	gh__certificate_unref(held);
	gh__shelf_put(s.shelf, NULL, 0);
	assert_null(gh__shelf_pick(s.shelf, GH_STR("b.test")));
	drop(&s);
}

static void *pick_often(void *shelf)
{
	for (size_t i = 0; i < 2000; i++) {
		struct gh__certificate *c = gh__shelf_pick(shelf, GH_STR("a.test"));
		if (!c || c->name_count != 1)
			return shelf;
		gh__certificate_unref(c);
	}
	return NULL;
}

static void threads_may_pick_while_another_puts(void **state)
{
	struct shelf s = { 0 };
	pthread_t threads[2];
	(void)state;

	add(&s, "a.test", -HOUR, HOUR);
	add(&s, "a.test", -HOUR, 2 * HOUR);
	put(&s);
	/* The shelf alone holds them from now on, so a put frees what no thread has. */
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, pick_often, s.shelf), 0);
	for (size_t i = 0; i < 200; i++) {
		struct gh__certificate *one = s.items[i % 2];
		gh__shelf_put(s.shelf, &one, 1);
	}
	for (size_t i = 0; i < 2; i++) {
		void *failed;
		pthread_join(threads[i], &failed);
		assert_null(failed);
	}
	assert_int_equal(atomic_load(&s.items[0]->refs), 1);
	assert_int_equal(atomic_load(&s.items[1]->refs), 2);
	drop(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_is_made_from_every_form_of_its_key),
		cmocka_unit_test(names_and_life_are_those_of_the_leaf),
		cmocka_unit_test(names_that_nobody_can_ask_for_are_left_out),
		cmocka_unit_test(text_around_and_between_the_blocks_is_passed_over),
		cmocka_unit_test(lines_may_end_as_on_windows_and_key_and_chain_stand_in_one_text),
		cmocka_unit_test(one_that_ran_out_or_is_not_valid_yet_is_made),
		cmocka_unit_test(a_check_tells_the_life_and_the_sentence),
		cmocka_unit_test(what_is_no_certificate_or_no_key_is_refused),
		cmocka_unit_test(a_chain_that_is_cut_anywhere_is_refused),
		cmocka_unit_test(a_key_of_another_certificate_is_refused),
		cmocka_unit_test(keys_that_are_too_weak_or_of_another_curve_are_refused),
		cmocka_unit_test(an_encrypted_key_is_refused_with_its_mend),
		cmocka_unit_test(a_certificate_that_no_client_takes_is_refused),
		cmocka_unit_test(a_chain_too_long_for_a_handshake_is_refused),
		cmocka_unit_test(it_is_found_by_whole_name_by_wildcard_or_by_default),
		cmocka_unit_test(of_several_the_valid_one_that_runs_longest_is_picked),
		cmocka_unit_test(the_best_of_its_names_counts),
		cmocka_unit_test(an_empty_shelf_has_none_and_a_put_takes_the_place_of_the_last),
		cmocka_unit_test(threads_may_pick_while_another_puts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
