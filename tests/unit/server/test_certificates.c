/* What sources give and tell, put on the shelves of their listeners, over renewals and reloads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "core/server/certificates.h"
#include "support/certificates.h"
#include "support/wire.h"

enum { MINUTE = 60, DAY = 86400 };

/* ---- a source that does as it is told ---- */

struct act {
	const struct made_certificate *gives[2];
	const char *trouble;
	bool breaks;   /* gives something that is none */
	bool blocks;   /* until it is told to stop */
	int64_t again; /* of renew */
};

struct script {
	struct act at_hand, renew;
	atomic_uint begun, renewals, stopped;
};

static void act(const struct act *a, struct gh_certificate_sink *to)
{
	for (size_t i = 0; i < GH_COUNT_OF(a->gives) && a->gives[i]; i++)
		assert_int_equal(gh_certificate_give(to, gh_str(a->gives[i]->chain),
						     gh_str(a->gives[i]->key)),
				 0);
	if (a->breaks)
		assert_int_equal(gh_certificate_give(to, GH_STR("x"), GH_STR("y")), -1);
	if (a->trouble)
		gh_certificate_trouble(to, "%s", a->trouble);
}

static void at_hand(const void *self, struct gh_certificate_sink *to)
{
	const struct script *s = self;

	assert_false(gh_certificate_stopping(to));
	act(&s->at_hand, to);
}

static int64_t renew(const void *self, struct gh_certificate_sink *to)
{
	struct script *s = (struct script *)(uintptr_t)self;

	atomic_fetch_add(&s->begun, 1);
	while (s->renew.blocks && !gh_certificate_stopping(to))
		usleep(1000);
	if (gh_certificate_stopping(to))
		atomic_fetch_add(&s->stopped, 1);
	act(&s->renew, to);
	atomic_fetch_add(&s->renewals, 1);
	return s->renew.again;
}

static const struct gh_certificates both = { at_hand, renew }, first_only = { at_hand, NULL };
static const struct gh_module module = { .name = "script", .certificates = &both };
static const struct gh_module static_module = { .name = "still", .certificates = &first_only };

/* ---- a listener with two sources ---- */

struct bench {
	struct gh__loop loop;
	struct gh__lanes *lanes;
	struct script scripts[2];
	struct gh_instance instances[2];
	struct gh__site_door site_door;
	struct gh__site site;
	struct gh__listen_config config;
	struct gh__door *door;
	struct gh__certificates *now;
	unsigned idle;
	int saved_stderr;
	FILE *log;
};

static struct made_certificate a, newer_a, b, ends_soon, ended;

static int make_all(void **state)
{
	int64_t now = (int64_t)time(NULL);

	(void)state;
	a = make_certificate(&(struct certificate_wish){ .names = { "a.example" } });
	newer_a = make_certificate(&(struct certificate_wish){ .names = { "a.example" } });
	b = make_certificate(&(struct certificate_wish){ .names = { "b.example" } });
	ends_soon = make_certificate(&(struct certificate_wish){ .names = { "soon.example" },
								 .not_before = now - 60 * DAY,
								 .not_after = now + 3 * DAY });
	ended = make_certificate(&(struct certificate_wish){ .names = { "ended.example" },
							     .not_before = now - 60 * DAY,
							     .not_after = now - MINUTE });
	return 0;
}

static int drop_all(void **state)
{
	(void)state;
	made_certificate_drop(&a);
	made_certificate_drop(&newer_a);
	made_certificate_drop(&b);
	made_certificate_drop(&ends_soon);
	made_certificate_drop(&ended);
	return 0;
}

static int begin(void **state)
{
	struct bench *t = calloc(1, sizeof *t);

	*state = t;
	assert_int_equal(gh__loop_init(&t->loop), 0);
	t->loop.frozen = true;
	t->lanes = gh__lanes_create();
	for (size_t i = 0; i < 2; i++) {
		t->instances[i].module = &module;
		t->instances[i].self = t->scripts + i;
	}
	t->site_door = (struct gh__site_door){ GH_STR("127.0.0.1:443"), t->instances, 2 };
	t->site.doors = &t->site_door;
	t->site.door_count = 1;
	t->door = gh__door_create(t->site_door.address);
	t->door->shelf = gh__shelf_create();
	t->log = tmpfile();
	t->saved_stderr = dup(STDERR_FILENO);
	dup2(fileno(t->log), STDERR_FILENO);
	return 0;
}

static bool is_quiet(void *arg)
{
	struct bench *t = arg;

	return !t->now || t->now->renewing == 0;
}

static int end(void **state)
{
	struct bench *t = *state;

	if (t->now)
		gh__certificates_retire(t->now);
	assert_true(wire_until(&t->loop, is_quiet, t));
	gh__certificates_destroy(t->now);
	assert_int_equal(gh__lanes_destroy(t->lanes), 0);
	gh__door_unref(t->door);
	wire_settle(&t->loop);
	assert_int_equal(t->loop.deadlines, 0);
	gh__loop_finish(&t->loop);
	dup2(t->saved_stderr, STDERR_FILENO);
	close(t->saved_stderr);
	fclose(t->log);
	free(t);
	return 0;
}

/* As a reload does; the one before is the caller's. */
static void take_up(struct bench *t)
{
	t->now = gh__certificates_create(&t->loop, t->lanes, &t->site, t->now);
	gh__certificates_place(t->now, t->door);
}

static void renew_all(struct bench *t)
{
	gh__certificates_begin(t->now);
	assert_true(wire_until(&t->loop, is_quiet, t));
}

/* Time passes for the loop, and what comes due is done. */
static void pass(struct bench *t, uint64_t ms)
{
	for (uint64_t until = t->loop.now + ms; t->loop.now < until;) {
		t->loop.now += until - t->loop.now < 500 ? until - t->loop.now : 500;
		gh__loop_tick(&t->loop);
	}
	assert_true(wire_until(&t->loop, is_quiet, t));
}

static size_t said(struct bench *t, const char *text)
{
	char all[16384];
	size_t count = 0;
	ssize_t len = pread(fileno(t->log), all, sizeof all - 1, 0);

	all[len > 0 ? len : 0] = 0;
	for (const char *at = all; (at = strstr(at, text)); at++)
		count++;
	return count;
}

static void assert_serves(struct bench *t, const char *name, const struct made_certificate *m)
{
	struct gh__certificate *c = gh__shelf_pick(t->door->shelf, gh_str(name));
	char why[512];

	if (!m) {
		assert_null(c);
		return;
	}
	assert_non_null(c);
	struct gh__certificate *want = gh__certificate_create(gh_str(m->chain), gh_str(m->key), why,
							      sizeof why);
	assert_int_equal(c->chain.raw.len, want->chain.raw.len);
	assert_memory_equal(c->chain.raw.p, want->chain.raw.p, want->chain.raw.len);
	gh__certificate_unref(c);
	gh__certificate_unref(want);
}

/* ---- what is at hand ---- */

static void what_is_at_hand_is_served_in_order_of_the_sources(void **state)
{
	struct bench *t = *state;

	t->scripts[0].at_hand.gives[0] = &a;
	t->scripts[1].at_hand.gives[0] = &b;
	take_up(t);
	assert_serves(t, "a.example", &a);
	assert_serves(t, "b.example", &b);
	assert_serves(t, "", &a);
	assert_int_equal(said(t, "127.0.0.1:443 serves a.example until "), 1);
	assert_int_equal(said(t, "127.0.0.1:443 serves b.example until "), 1);
	assert_int_equal(atomic_load(&t->scripts[0].renewals), 0);
}

static void a_listener_with_nothing_says_so_until_it_has_something(void **state)
{
	struct bench *t = *state;

	t->scripts[0].renew.gives[0] = &a;
	take_up(t);
	assert_serves(t, "a.example", NULL);
	assert_int_equal(said(t, "has none yet, so every handshake there fails"), 1);
	renew_all(t);
	assert_serves(t, "a.example", &a);
	assert_int_equal(said(t, "has none yet"), 1);
	assert_int_equal(said(t, "127.0.0.1:443 serves a.example until "), 1);
}

/* ---- renewals ---- */

static void a_renewal_comes_when_it_was_asked_for_within_bounds(void **state)
{
	struct bench *t = *state;

	t->scripts[0].renew.again = 60000;
	t->scripts[1].renew.again = 1; /* a second at least */
	take_up(t);
	renew_all(t);
	assert_int_equal(atomic_load(&t->scripts[0].renewals), 1);
	assert_int_equal(atomic_load(&t->scripts[1].renewals), 1);
	t->scripts[1].renew.again = 0; /* not any more */
	pass(t, 900);
	assert_int_equal(atomic_load(&t->scripts[1].renewals), 1);
	pass(t, 200);
	assert_int_equal(atomic_load(&t->scripts[1].renewals), 2);
	pass(t, 58000);
	assert_int_equal(atomic_load(&t->scripts[0].renewals), 1);
	t->scripts[0].renew.again = INT64_MAX; /* seven days at most */
	pass(t, 1100);
	assert_int_equal(atomic_load(&t->scripts[0].renewals), 2);
	pass(t, 7ull * DAY * 1000 - 1000);
	assert_int_equal(atomic_load(&t->scripts[0].renewals), 2);
	pass(t, 1100);
	assert_int_equal(atomic_load(&t->scripts[0].renewals), 3);
	assert_int_equal(atomic_load(&t->scripts[1].renewals), 2);
}

static void what_is_renewed_takes_the_place_of_what_the_same_source_gave(void **state)
{
	struct bench *t = *state;

	t->scripts[0].at_hand.gives[0] = &a;
	t->scripts[1].at_hand.gives[0] = &b;
	t->scripts[0].renew.again = 1000;
	take_up(t);
	renew_all(t); /* gives nothing: what was at hand stays */
	assert_serves(t, "a.example", &a);
	t->scripts[0].renew.gives[0] = &a; /* the same */
	pass(t, 1100);
	assert_int_equal(said(t, "serves a.example"), 1);
	t->scripts[0].renew.gives[0] = &newer_a;
	pass(t, 1100);
	assert_serves(t, "a.example", &newer_a);
	assert_serves(t, "", &newer_a);
	assert_serves(t, "b.example", &b);
	assert_int_equal(said(t, "serves a.example"), 2);
	assert_int_equal(said(t, "serves b.example"), 1);
}

static void what_cannot_be_used_leaves_what_is_served(void **state)
{
	struct bench *t = *state;

	t->scripts[0].at_hand.gives[0] = &a;
	t->scripts[0].at_hand.gives[1] = &b;
	t->scripts[0].renew.breaks = true;
	t->scripts[0].renew.again = 1000;
	take_up(t);
	renew_all(t);
	assert_serves(t, "a.example", &a);
	assert_serves(t, "b.example", &b);
	assert_int_equal(said(t, "'script': the chain has no certificate in it"), 1);
	/* One of two is new, and the other is broken. */
	t->scripts[0].renew.gives[0] = &newer_a;
	pass(t, 1100);
	assert_serves(t, "a.example", &newer_a);
	assert_serves(t, "b.example", &b);
	/* All is well, and there is one only. */
	t->scripts[0].renew.breaks = false;
	pass(t, 1100);
	assert_int_equal(t->now->stands[0].sources[0].count, 1);
}

static void a_trouble_is_told_once_until_it_changes_and_when_it_ends(void **state)
{
	struct bench *t = *state;

	t->scripts[0].at_hand.trouble = "it sleeps";
	t->scripts[0].renew.trouble = "it sleeps";
	t->scripts[0].renew.again = 1000;
	take_up(t);
	renew_all(t);
	pass(t, 3000);
	assert_int_equal(said(t, "127.0.0.1:443, 'script': it sleeps"), 1);
	assert_string_equal(t->now->stands[0].sources[0].trouble, "it sleeps");
	t->scripts[0].renew.trouble = "it snores";
	pass(t, 3000);
	assert_int_equal(said(t, "'script': it snores"), 1);
	t->scripts[0].renew.trouble = NULL;
	pass(t, 3000);
	assert_int_equal(said(t, "'script': the trouble is over"), 1);
	assert_null(t->now->stands[0].sources[0].trouble);
}

/* ---- reloads ---- */

static void a_reload_keeps_what_a_source_has_not_at_hand(void **state)
{
	struct bench *t = *state;

	t->scripts[0].renew.gives[0] = &a;
	t->scripts[0].renew.trouble = "slow";
	t->scripts[1].at_hand.gives[0] = &b;
	take_up(t);
	renew_all(t);
	struct gh__certificates *before = t->now;
	gh__certificates_retire(before);
	t->scripts[0].at_hand.trouble = "slow";
	take_up(t);
	gh__certificates_destroy(before);
	assert_serves(t, "a.example", &a);
	assert_serves(t, "b.example", &b);
	assert_serves(t, "", &a);
	/* Nothing changed, so nothing is said again. */
	assert_int_equal(said(t, "serves a.example"), 1);
	assert_int_equal(said(t, "serves b.example"), 1);
	assert_int_equal(said(t, "slow"), 1);
	assert_int_equal(said(t, "over"), 0);
}

static void another_source_does_not_inherit(void **state)
{
	struct bench *t = *state;

	t->scripts[0].at_hand.gives[0] = &a;
	take_up(t);
	struct gh__certificates *before = t->now;
	t->scripts[0].at_hand.gives[0] = NULL;
	struct gh_instance others[2] = { { .module = &static_module, .self = t->scripts },
					 { .module = &static_module, .self = t->scripts + 1 } };
	t->site_door.sources = others;
	take_up(t);
	gh__certificates_destroy(before);
	assert_serves(t, "a.example", NULL);
	gh__certificates_destroy(t->now);
	t->now = NULL;
}

static void count_idle(struct gh__certificates *c)
{
	struct bench *t = c->owner;

	assert_int_equal(c->renewing, 0);
	t->idle++;
}

static bool has_begun(void *arg)
{
	return atomic_load(&((struct bench *)arg)->scripts[0].begun) > 0;
}

static bool is_idle(void *arg)
{
	return ((struct bench *)arg)->idle > 0;
}

static void what_is_retired_is_told_to_stop_and_what_it_gives_is_not_taken(void **state)
{
	struct bench *t = *state;

	t->scripts[0].renew.blocks = true;
	t->scripts[0].renew.gives[0] = &a;
	t->scripts[0].renew.trouble = "never told";
	take_up(t);
	t->now->on_idle = count_idle;
	t->now->owner = t;
	gh__certificates_begin(t->now);
	struct gh__certificates *before = t->now;
	assert_true(wire_until(&t->loop, has_begun, t));
	gh__certificates_retire(before);
	take_up(t);
	assert_true(wire_until(&t->loop, is_idle, t));
	assert_int_equal(t->idle, 1);
	assert_int_equal(atomic_load(&t->scripts[0].stopped), 1);
	assert_serves(t, "a.example", NULL);
	assert_int_equal(said(t, "never told"), 0);
	gh__certificates_destroy(before);
}

static void a_renewal_that_ends_after_its_loop_leaks_nothing(void **state)
{
	struct bench *t = *state;

	t->scripts[0].renew.blocks = true;
	t->scripts[0].renew.gives[0] = &a;
	take_up(t);
	gh__certificates_begin(t->now);
	assert_true(wire_until(&t->loop, has_begun, t));
	gh__certificates_retire(t->now);
	assert_int_equal(gh__lanes_destroy(t->lanes), 0);
	t->lanes = NULL;
	gh__certificates_destroy(t->now);
	t->now = NULL;
	/* The letter lies in the box, unopened, as when a process ends. */
	pthread_mutex_lock(&t->loop.box_lock);
	t->loop.box = NULL;
	t->loop.box_end = &t->loop.box;
	pthread_mutex_unlock(&t->loop.box_lock);
}

/* ---- the end of a certificate ---- */

static void one_that_ends_is_warned_of_once(void **state)
{
	struct bench *t = *state;

	t->scripts[0].at_hand.gives[0] = &ends_soon;
	t->scripts[0].at_hand.gives[1] = &ended;
	t->scripts[1].at_hand.gives[0] = &b;
	take_up(t);
	renew_all(t);
	pass(t, 7200000);
	assert_int_equal(said(t, "that of soon.example runs out at "), 1);
	assert_int_equal(said(t, "that of ended.example ran out at "), 1);
	assert_int_equal(said(t, "that of b.example"), 0);
}

static void one_that_nobody_is_shown_may_end_in_silence(void **state)
{
	struct bench *t = *state;
	struct made_certificate longer = make_certificate(
		&(struct certificate_wish){ .names = { "soon.example", "ended.example" } });

	t->scripts[0].at_hand.gives[0] = &longer;
	t->scripts[1].at_hand.gives[0] = &ends_soon;
	t->scripts[1].at_hand.gives[1] = &ended;
	take_up(t);
	renew_all(t);
	assert_int_equal(said(t, "runs out"), 0);
	assert_int_equal(said(t, "ran out"), 0);
	made_certificate_drop(&longer);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_at_hand_is_served_in_order_of_the_sources),
		TEST(a_listener_with_nothing_says_so_until_it_has_something),
		TEST(a_renewal_comes_when_it_was_asked_for_within_bounds),
		TEST(what_is_renewed_takes_the_place_of_what_the_same_source_gave),
		TEST(what_cannot_be_used_leaves_what_is_served),
		TEST(a_trouble_is_told_once_until_it_changes_and_when_it_ends),
		TEST(a_reload_keeps_what_a_source_has_not_at_hand),
		TEST(another_source_does_not_inherit),
		TEST(what_is_retired_is_told_to_stop_and_what_it_gives_is_not_taken),
		TEST(a_renewal_that_ends_after_its_loop_leaks_nothing),
		TEST(one_that_ends_is_warned_of_once),
		TEST(one_that_nobody_is_shown_may_end_in_silence),
	};

	return cmocka_run_group_tests(tests, make_all, drop_all);
}
