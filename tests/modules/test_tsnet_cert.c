/* tsnet-cert as core sees it: options, what is at hand, what is renewed, what is told. */
#include "tsnet_cert_fake.h"

#include <gatehouse/test.h>

extern const struct gh_module gh_module_tsnet_cert;

struct place {
	struct fake fake;
	struct made made;
	char state[96];
};

static int set_up(void **state)
{
	struct place *p = calloc(1, sizeof *p);

	fake_begin(&p->fake);
	snprintf(p->state, sizeof p->state, "%s/state", p->fake.folder);
	gh_test_state_dir(p->state);
	make_good(&p->made, NAME);
	fake_cert(&p->fake, &p->made);
	*state = p;
	return 0;
}

static int tear_down(void **state)
{
	struct place *p = *state;

	gh_test_state_dir(NULL);
	fake_end(&p->fake);
	free(p);
	return 0;
}

static const char *options(const struct place *p, const char *more)
{
	static char text[512];

	snprintf(text, sizeof text, "{ socket: \"%s\"%s }", p->fake.socket, more);
	return text;
}

static struct gh_test *begin(const struct place *p, const char *more)
{
	struct gh_test *t = gh_test_begin(&gh_module_tsnet_cert, options(p, more));

	if (!t)
		fail_msg("%s", gh_test_mistakes());
	return t;
}

static void assert_given(const struct gh_test_certificates *c, const struct made *made)
{
	assert_int_equal(c->count, 1);
	assert_string_equal(c->chain, made->chain);
	assert_string_equal(c->key, made->key);
}

static void assert_told(const struct gh_test_certificates *c, const char *part)
{
	if (!strstr(c->trouble, part))
		fail_msg("'%s' is not in '%s'", part, c->trouble);
}

/* ---- Options ---- */

static void a_mistake_in_the_options_is_told_with_its_mend(void **state)
{
	static const struct {
		const char *options, *mend;
	} all[] = {
		{ "{ socket: /run/t.sock }", "write unix:/var/run/tailscale/tailscaled.sock" },
		{ "{ socket: \"unix:t.sock\" }", "write unix:/var/run/tailscale/tailscaled.sock" },
		{ "{ socket: \"\" }", "write unix:/var/run/tailscale/tailscaled.sock" },
		{ "{ socket: \"unix:/a\\tb\" }", "control character" },
		{ "{ socket: "
		  "\"unix:/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\" }",
		  "at most 107" },
		{ "{ names: [ok.ts.net, ../../etc/passwd] }", "is no full name of a host" },
		{ "{ names: gpu-server }", "such as gpu-server.tail1234.ts.net" },
	};
	(void)state;

	for (size_t i = 0; i < GH_COUNT_OF(all); i++) {
		struct gh_test *t = gh_test_begin(&gh_module_tsnet_cert, all[i].options);

		if (t || !strstr(gh_test_mistakes(), all[i].mend))
			fail_msg("%s: %s", all[i].options, gh_test_mistakes());
		gh_test_end(t);
	}
}

static void no_options_are_needed(void **state)
{
	struct gh_test *t = gh_test_begin(&gh_module_tsnet_cert, NULL);
	(void)state;

	assert_non_null(t);
	gh_test_end(t);
}

/* ---- Its life ---- */

static void a_first_start_has_nothing_and_renews_at_once(void **state)
{
	struct place *p = *state;
	struct gh_test *t = begin(p, "");
	const struct gh_test_certificates *c = gh_test_at_hand(t);

	assert_int_equal(c->count, 0);
	assert_string_equal(c->trouble, "");
	assert_int_equal(atomic_load(&p->fake.statuses), 0);
	c = gh_test_renew(t);
	assert_given(c, &p->made);
	assert_string_equal(c->trouble, "");
	assert_int_equal(c->again_ms, 3600 * 1000);
	/* Nothing is due, so nothing is asked and nothing given. */
	c = gh_test_renew(t);
	assert_int_equal(c->count, 0);
	assert_string_equal(c->trouble, "");
	assert_int_equal(atomic_load(&p->fake.certs), 1);
	gh_test_end(t);
}

static void a_reload_has_it_at_hand_and_asks_nothing(void **state)
{
	struct place *p = *state;
	struct gh_test *t = begin(p, "");

	gh_test_at_hand(t);
	gh_test_renew(t);
	assert_int_equal(gh_test_reload(t, options(p, ", names: [" NAME "]")), 0);
	assert_given(gh_test_at_hand(t), &p->made);
	assert_int_equal(gh_test_renew(t)->count, 0);
	assert_int_equal(atomic_load(&p->fake.statuses), 1);
	assert_int_equal(atomic_load(&p->fake.certs), 1);
	gh_test_end(t);
}

static void a_start_without_tailscaled_has_what_was_kept(void **state)
{
	struct place *p = *state;
	struct gh_test *t = begin(p, "");
	const struct gh_test_certificates *c;

	gh_test_at_hand(t);
	gh_test_renew(t);
	gh_test_end(t);
	fake_kill(&p->fake);
	unlink(p->fake.path);
	t = begin(p, "");
	c = gh_test_at_hand(t);
	assert_given(c, &p->made);
	assert_string_equal(c->trouble, "");
	c = gh_test_renew(t);
	assert_int_equal(c->count, 0);
	assert_told(c, "sudo systemctl start tailscaled");
	assert_null(strstr(c->trouble, "no certificate yet"));
	gh_test_end(t);
}

static void what_was_kept_is_not_written_again_for_nothing(void **state)
{
	struct place *p = *state;
	struct gh_test *t = begin(p, "");
	struct stat before, after;
	char file[256];

	gh_test_at_hand(t);
	gh_test_renew(t);
	gh_test_end(t);
	snprintf(file, sizeof file, "%s/tsnet-cert/" NAME ".pem", p->state);
	assert_int_equal(stat(file, &before), 0);
	t = begin(p, "");
	gh_test_at_hand(t);
	assert_int_equal(gh_test_renew(t)->count, 0);
	assert_int_equal(atomic_load(&p->fake.certs), 2);
	assert_int_equal(stat(file, &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	gh_test_end(t);
}

static void https_that_is_turned_off_takes_nothing_away(void **state)
{
	struct place *p = *state;
	struct gh_test *t = begin(p, "");

	gh_test_at_hand(t);
	gh_test_renew(t);
	gh_test_end(t);
	t = begin(p, "");
	assert_given(gh_test_at_hand(t), &p->made);
	fake_status(&p->fake, "Running", "null");
	assert_told(gh_test_renew(t), "HTTPS certificates are off");
	assert_int_equal(gh_test_reload(t, options(p, "")), 0);
	assert_given(gh_test_at_hand(t), &p->made);
	gh_test_end(t);
}

static void what_was_kept_for_another_tailscaled_or_name_is_not_at_hand(void **state)
{
	struct place *p = *state;
	struct gh_test *t = begin(p, "");
	char more[300];

	gh_test_at_hand(t);
	gh_test_renew(t);
	gh_test_end(t);
	t = begin(p, ", names: [other.ts.net]");
	assert_int_equal(gh_test_at_hand(t)->count, 0);
	gh_test_end(t);
	snprintf(more, sizeof more, "{ socket: \"%s2\" }", p->fake.socket);
	t = gh_test_begin(&gh_module_tsnet_cert, more);
	assert_int_equal(gh_test_at_hand(t)->count, 0);
	gh_test_end(t);
}

static void a_kept_file_that_is_not_used_is_told(void **state)
{
	struct place *p = *state;
	struct gh_test *t = begin(p, "");
	const struct gh_test_certificates *c;
	char file[256];

	gh_test_at_hand(t);
	gh_test_renew(t);
	gh_test_end(t);
	snprintf(file, sizeof file, "%s/tsnet-cert/" NAME ".pem", p->state);
	assert_int_equal(chmod(file, 0644), 0);
	t = begin(p, "");
	c = gh_test_at_hand(t);
	assert_int_equal(c->count, 0);
	assert_told(c, "others can get at it (mode 0644); chmod 0600 it");
	/* What tailscaled gives takes its place. */
	c = gh_test_renew(t);
	assert_given(c, &p->made);
	assert_string_equal(c->trouble, "");
	gh_test_end(t);

	struct stat st;

	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

static void with_nothing_to_serve_it_says_so_and_looks_again(void **state)
{
	struct place *p = *state;
	struct gh_test *t;
	const struct gh_test_certificates *c;

	fake_kill(&p->fake);
	unlink(p->fake.path);
	t = begin(p, "");
	gh_test_at_hand(t);
	for (int i = 0; i < 3; i++) {
		c = gh_test_renew(t);
		assert_told(c, "no certificate yet: there is no ");
		assert_in_range(c->again_ms, 1, 2000);
	}
	/* A reload in between does not end what is told. */
	assert_told(gh_test_at_hand(t), "no certificate yet: there is no ");
	fake_listen(&p->fake);
	gh_test_at_hand(t);
	c = gh_test_renew(t);
	assert_given(c, &p->made);
	assert_string_equal(c->trouble, "");
	gh_test_end(t);
}

static void the_trouble_of_each_name_is_told_in_one_sentence(void **state)
{
	struct place *p = *state;
	struct gh_test *t = begin(p, "");
	const struct gh_test_certificates *c;

	fake_status(&p->fake, "Running", "[\"" NAME "\", \"b.ts.net\"]");
	gh_test_at_hand(t);
	c = gh_test_renew(t);
	assert_given(c, &p->made);
	assert_told(c, "what tailscaled gave for b.ts.net cannot be used");
	assert_null(strstr(c->trouble, "no certificate yet"));
	fake_answer(&p->fake, &p->fake.cert, "500 Internal Server Error", "boom");
	gh_test_end(t);
	t = begin(p, ", names: [b.ts.net, " NAME "]");
	gh_test_at_hand(t);
	c = gh_test_renew(t);
	assert_told(c,
		    "could not get a certificate for b.ts.net: \"boom\"; journalctl -u tailscaled "
		    "tells more; and tailscaled could not get a certificate for " NAME);
	gh_test_end(t);
}

static void the_renewed_one_is_given_and_the_old_one_until_then(void **state)
{
	struct place *p = *state;
	struct gh_test *t = begin(p, "");
	const struct gh_test_certificates *c;
	struct made old;
	int64_t now = time(NULL);

	/* After its turn: tailscaled gives the old one once more, then the new one. */
	make(&old, NAME, now - 21, now + 9);
	fake_cert(&p->fake, &old);
	gh_test_at_hand(t);
	c = gh_test_renew(t);
	assert_given(c, &old);
	assert_int_equal(c->again_ms, 1000);
	fake_cert(&p->fake, &p->made);
	for (int i = 0; (c = gh_test_renew(t))->count == 0; i++) {
		assert_in_range(c->again_ms, 1, 1000);
		assert_true(i < 10);
		nanosleep(&(struct timespec){ c->again_ms / 1000, c->again_ms % 1000 * 1000000 },
			  NULL);
	}
	assert_given(c, &p->made);
	gh_test_end(t);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_mistake_in_the_options_is_told_with_its_mend),
		TEST(no_options_are_needed),
		TEST(a_first_start_has_nothing_and_renews_at_once),
		TEST(a_reload_has_it_at_hand_and_asks_nothing),
		TEST(a_start_without_tailscaled_has_what_was_kept),
		TEST(what_was_kept_is_not_written_again_for_nothing),
		TEST(https_that_is_turned_off_takes_nothing_away),
		TEST(what_was_kept_for_another_tailscaled_or_name_is_not_at_hand),
		TEST(a_kept_file_that_is_not_used_is_told),
		TEST(with_nothing_to_serve_it_says_so_and_looks_again),
		TEST(the_trouble_of_each_name_is_told_in_one_sentence),
		TEST(the_renewed_one_is_given_and_the_old_one_until_then),
	};

	return cmocka_run_group_tests_name("tsnet-cert", tests, NULL, NULL);
}
