/*
 * The parts of tsnet-cert that need no tailscaled: names, heads of answers, statuses, PEM, dates, the plan
 * and quotes.
 */
#include "tsnet_cert_made.h"

#include "modules/tsnet-cert/localapi.h"
#include "modules/tsnet-cert/names.h"
#include "modules/tsnet-cert/pair.h"
#include "modules/tsnet-cert/plan.h"
#include "modules/tsnet-cert/sentence.h"

/* ---- Names ---- */

static void a_name_is_taken_in_lower_case_without_its_dot(void **state)
{
	char name[TSNET_NAME_SIZE];
	(void)state;

	assert_int_equal(tsnet_name_take(GH_STR("GPU-Server.Tail12.ts.net."), name), 0);
	assert_string_equal(name, "gpu-server.tail12.ts.net");
}

static void what_could_be_a_path_is_no_name(void **state)
{
	static const char *const bad[] = {
		"",          ".",        "..",    "a",           "a..b",       ".a.b",
		"a.b..",     "../etc.x", "a/b.c", "/a.b",        "a.b/",       "a\\b.c",
		"a b.c",     "a.b?x=1",  "a.b#",  "a%2e.b",      "-a.b",       "a-.b",
		"*.a.b",     "a_b.c",    "a.b\n", "a.b\r\nX: y", "\xc3\xa4.b", "a.b&type=x",
		"..a.b.pem", "a.b:80",
	};
	char name[TSNET_NAME_SIZE], long_label[80], long_name[300];
	(void)state;

	for (size_t i = 0; i < GH_COUNT_OF(bad); i++)
		if (tsnet_name_take(gh_str(bad[i]), name) == 0)
			fail_msg("'%s' was taken for a name", bad[i]);
	assert_int_equal(tsnet_name_take((struct gh_str){ "a\0.b", 4 }, name), -1);
	memset(long_label, 'a', sizeof long_label);
	memcpy(long_label + 64, ".b", 3);
	assert_int_equal(tsnet_name_take(gh_str(long_label), name), -1);
	for (size_t i = 0; i < sizeof long_name; i++)
		long_name[i] = i % 2 ? '.' : 'a';
	assert_int_equal(tsnet_name_take((struct gh_str){ long_name, 255 }, name), -1);
	assert_int_equal(tsnet_name_take((struct gh_str){ long_name, 253 }, name), 0);
}

static void names_are_kept_once_and_the_own_one_goes_first(void **state)
{
	struct tsnet_names n = { 0 };
	char text[64], small[8];
	(void)state;

	tsnet_names_add(&n, "a.b");
	tsnet_names_add(&n, "c.d");
	tsnet_names_add(&n, "a.b");
	tsnet_names_add(&n, "e.f");
	tsnet_names_first(&n, "e.f");
	tsnet_names_first(&n, "x.y");
	tsnet_names_text(&n, text, sizeof text);
	assert_string_equal(text, "e.f, a.b, c.d");
	tsnet_names_text(&n, small, sizeof small);
	assert_string_equal(small, "e.f, a.");
	for (int i = 0; i < 40; i++) {
		snprintf(text, sizeof text, "n%d.x", i);
		tsnet_names_add(&n, text);
	}
	assert_int_equal(n.count, TSNET_NAMES_MAX);
}

/* ---- Heads ---- */

static int head_of(const char *text, struct tsnet_head *h)
{
	return tsnet_head_read(gh_str(text), 1000000000, h);
}

static void a_head_says_status_length_and_when_to_come_back(void **state)
{
	struct tsnet_head h;
	(void)state;

	assert_int_equal(head_of("HTTP/1.0 200 OK\r\nContent-Length: 17\r\nX: y z\r\n\r\n", &h), 0);
	assert_int_equal(h.status, 200);
	assert_true(h.has_length);
	assert_int_equal(h.length, 17);
	assert_int_equal(h.retry_after_s, 0);
	assert_int_equal(head_of("HTTP/1.1 429 \r\nretry-AFTER:  90 \r\n\r\n", &h), 0);
	assert_int_equal(h.status, 429);
	assert_false(h.has_length);
	assert_int_equal(h.retry_after_s, 90);
	assert_int_equal(head_of("HTTP/1.1 503\r\n\r\n", &h), 0);
	assert_int_equal(h.status, 503);
	/* 1000000000 is Sun, 09 Sep 2001 01:46:40 GMT. */
	assert_int_equal(
		head_of("HTTP/1.1 429 X\r\nRetry-After: Sun, 09 Sep 2001 01:48:20 GMT\r\n\r\n", &h),
		0);
	assert_int_equal(h.retry_after_s, 100);
}

static void a_retry_after_of_nonsense_asks_for_nothing(void **state)
{
	static const struct {
		const char *value;
		int64_t seconds;
	} all[] = {
		{ "soon", 0 },
		{ "-5", 0 },
		{ "", 0 },
		{ "1e9", 0 },
		{ "99999999999", 0 },
		{ "999999999", 86400 },
		{ "86401", 86400 },
		{ "Sun, 09 Sep 2001 01:00:00 GMT", 0 },
		{ "Sun, 09 Sep 2001 01:48:20 GMT x", 0 },
		{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		  0 },
	};
	char text[200];
	(void)state;

	for (size_t i = 0; i < GH_COUNT_OF(all); i++) {
		struct tsnet_head h;

		snprintf(text, sizeof text, "HTTP/1.1 429 X\r\nRetry-After: %s\r\n\r\n",
			 all[i].value);
		assert_int_equal(head_of(text, &h), 0);
		if (h.retry_after_s != all[i].seconds)
			fail_msg("'%s' asks for %lld", all[i].value, (long long)h.retry_after_s);
	}
}

static void a_head_that_is_odd_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"\r\n",
		"\r\n\r\n",
		"200 OK\r\n\r\n",
		"HTTP/2 200 OK\r\n\r\n",
		"HTTP/1.2 200 OK\r\n\r\n",
		"http/1.1 200 OK\r\n\r\n",
		"HTTP/1.1  200 OK\r\n\r\n",
		"HTTP/1.1 20 OK\r\n\r\n",
		"HTTP/1.1 2000 OK\r\n\r\n",
		"HTTP/1.1 100 Continue\r\n\r\n",
		"HTTP/1.1 101 Switching\r\n\r\n",
		"HTTP/1.1 204 No\r\n\r\n",
		"HTTP/1.1 304 No\r\n\r\n",
		"HTTP/1.1 600 No\r\n\r\n",
		"HTTP/1.1 200 O\001K\r\n\r\n",
		"HTTP/1.1 200 OK\n\n",
		"HTTP/1.1 200 OK\r\nA: b\n\r\n",
		"HTTP/1.1 200 OK\r\n",
		"HTTP/1.1 200 OK\r\nA b\r\n\r\n",
		"HTTP/1.1 200 OK\r\nA : b\r\n\r\n",
		"HTTP/1.1 200 OK\r\n: b\r\n\r\n",
		"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n",
		"HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 0x10\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
		"HTTP/1.1 200 OK\r\n\r\nmore\r\n\r\n",
	};
	struct tsnet_head h;
	(void)state;

	for (size_t i = 0; i < GH_COUNT_OF(bad); i++)
		if (head_of(bad[i], &h) == 0)
			fail_msg("taken for a head: %s", bad[i]);
	assert_int_equal(tsnet_head_read((struct gh_str){ "HTTP/1.1 200 O\0K\r\n\r\n", 20 }, 0, &h),
			 -1);
}

/* ---- The status ---- */

static int status_of(const char *json, struct tsnet_status *s)
{
	return tsnet_status_read(gh_str(json), s);
}

static void a_status_has_a_state_and_names_and_ones_own_goes_first(void **state)
{
	struct tsnet_status s;
	char text[200];
	(void)state;

	assert_int_equal(
		status_of("{\"Version\":\"1.102.3\",\"TUN\":false,\"BackendState\":\"Running\","
			  "\"Self\":{\"DNSName\":\"Own.ts.net.\",\"BackendState\":\"x\"},"
			  "\"CertDomains\":[\"a.ts.net\",\"own.ts.net\",\"*.ts.net\",\"../x\",7,"
			  "null,\"a.ts.net\"],\"Peer\":{\"x\":{\"CertDomains\":[\"b.ts.net\"]}}}",
			  &s),
		0);
	assert_string_equal(s.state, "Running");
	tsnet_names_text(&s.domains, text, sizeof text);
	assert_string_equal(text, "own.ts.net, a.ts.net");
}

static void a_status_may_have_no_names(void **state)
{
	static const char *const all[] = {
		"{\"BackendState\":\"NeedsLogin\",\"CertDomains\":null,\"Self\":null}",
		"{\"BackendState\":\"NeedsLogin\"}",
		"{\"BackendState\":\"NeedsLogin\",\"CertDomains\":[],\"Self\":{\"DNSName\":\"\"}}",
		"{\"BackendState\":\"NeedsLogin\",\"CertDomains\":{\"a\":\"b.ts.net\"}}",
		"{\"BackendState\":\"NeedsLogin\",\"CertDomains\":\"a.ts.net\"}",
	};
	struct tsnet_status s;
	(void)state;

	for (size_t i = 0; i < GH_COUNT_OF(all); i++) {
		assert_int_equal(status_of(all[i], &s), 0);
		assert_string_equal(s.state, "NeedsLogin");
		assert_int_equal(s.domains.count, 0);
	}
}

static void what_is_no_status_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"null",
		"[]",
		"{}",
		"hello",
		"{\"BackendState\":\"Running\"",
		"{\"BackendState\":\"Running\"}}",
		"{\"BackendState\":7}",
		"{\"BackendState\":null}",
		"{\"BackendState\":\"Run\\u0007ning\"}",
		"{\"BackendState\":\"a b\"}",
		"{\"BackendState\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}",
		"{\"BackendState\":\"Running\",\"BackendState\":\"Stopped\"}",
		"{\"BackendState\":\"Running\",\"CertDomains\":[\"a.b\"],\"CertDomains\":null}",
	};
	struct tsnet_status s;
	(void)state;

	for (size_t i = 0; i < GH_COUNT_OF(bad); i++)
		if (status_of(bad[i], &s) == 0)
			fail_msg("taken for a status: %s", bad[i]);
}

/* ---- PEM ---- */

#define KEY_PEM    "-----BEGIN EC PRIVATE KEY-----\nS2V5\n-----END EC PRIVATE KEY-----\n"
#define LEAF_PEM   "-----BEGIN CERTIFICATE-----\nTGVh\nZg==\n-----END CERTIFICATE-----\n"
#define ISSUER_PEM "-----BEGIN CERTIFICATE-----\nQ0E=\n-----END CERTIFICATE-----\n"

/* NULL: split well; else the reason. */
static const char *split(const char *text, struct gh_str *chain, struct gh_str *key)
{
	static char into[4096], why[160];

	return tsnet_pem_split(gh_str(text), into, chain, key, why, sizeof why) == 0 ? NULL : why;
}

static void chain_and_key_are_found_in_any_order(void **state)
{
	static const char *const orders[] = {
		KEY_PEM LEAF_PEM ISSUER_PEM,
		LEAF_PEM ISSUER_PEM KEY_PEM,
		LEAF_PEM KEY_PEM ISSUER_PEM,
		"# a note\n" KEY_PEM "\n\nsubject=x\n" LEAF_PEM "issuer\n" ISSUER_PEM "the end",
		"-----BEGIN EC PARAMETERS-----\nQkM=\n-----END EC PARAMETERS-----\n" KEY_PEM
			LEAF_PEM ISSUER_PEM,
		"-----BEGIN EC PRIVATE KEY-----\r\nS2V5\r\n-----END EC PRIVATE "
		"KEY-----\r\n" LEAF_PEM ISSUER_PEM,
	};
	(void)state;

	for (size_t i = 0; i < GH_COUNT_OF(orders); i++) {
		struct gh_str chain, key;
		const char *why = split(orders[i], &chain, &key);

		if (why)
			fail_msg("order %zu: %s", i, why);
		assert_true(gh_str_is(chain, LEAF_PEM ISSUER_PEM));
		assert_true(gh_str_starts(key, GH_STR("-----BEGIN EC PRIVATE KEY-----")));
		assert_int_equal(key.at[key.len - 1], '\n');
	}
}

static void pem_that_is_not_one_pair_is_refused_with_the_reason(void **state)
{
	static const struct {
		const char *text, *why;
	} all[] = {
		{ "", "it holds no certificate" },
		{ "hello", "it holds no certificate" },
		{ KEY_PEM, "it holds no certificate" },
		{ LEAF_PEM, "it holds no key" },
		{ KEY_PEM LEAF_PEM KEY_PEM, "it holds several keys" },
		{ KEY_PEM "-----BEGIN CERTIFICATE-----\nTGVh\n",
		  "it ends in the middle of a PEM block" },
		{ KEY_PEM "-----BEGIN CERTIFICATE-----", "it ends in the middle of a PEM block" },
		{ KEY_PEM "-----BEGIN CERTIFICATE-----\nTG*h\n-----END CERTIFICATE-----\n",
		  "a PEM block in it is damaged" },
		{ KEY_PEM "-----BEGIN CERTIFICATE-----\n\n-----END CERTIFICATE-----\n",
		  "a PEM block in it is damaged" },
		{ KEY_PEM "-----BEGIN CERTIFICATE-----\nTGVh\n-----END PRIVATE KEY-----\n",
		  "a PEM block in it does not end as it began" },
		{ KEY_PEM "-----BEGIN CERTIFICATE-----\nTGVh\n" LEAF_PEM,
		  "a PEM block in it does not end as it began" },
		{ "-----BEGIN ENCRYPTED PRIVATE KEY-----\nTGVh\n-----END ENCRYPTED PRIVATE "
		  "KEY-----\n" LEAF_PEM,
		  "it holds something other than certificates and a key" },
		{ KEY_PEM LEAF_PEM LEAF_PEM LEAF_PEM LEAF_PEM LEAF_PEM LEAF_PEM LEAF_PEM LEAF_PEM
			  LEAF_PEM,
		  "it holds more than 8 certificates" },
	};
	(void)state;

	for (size_t i = 0; i < GH_COUNT_OF(all); i++) {
		struct gh_str chain = GH_STR("kept"), key = GH_STR("kept");
		const char *why = split(all[i].text, &chain, &key);

		assert_non_null(why);
		assert_string_equal(why, all[i].why);
		assert_true(gh_str_is(chain, "kept"));
	}
}

/* ---- Pairs ---- */

static struct tsnet_pair *pair_of(const char *pem, const char *name, char why[160])
{
	return tsnet_pair_create(gh_str(pem), name, why, 160);
}

static void a_pair_knows_how_long_it_lives(void **state)
{
	struct made m;
	char why[160] = "", *pem;
	(void)state;

	/* 2020-02-29 23:59:59 and 2020-03-01 00:00:29 UTC, by `date -u -d … +%s`. */
	make(&m, NAME, 1583020799, 1583020829);
	pem = pem_of(&m);

	struct tsnet_pair *p = pair_of(pem, NAME, why);

	assert_string_equal(why, "");
	assert_non_null(p);
	assert_int_equal(p->not_before, 1583020799);
	assert_int_equal(p->not_after, 1583020829);
	assert_true(gh_str_is(p->chain, m.chain));
	assert_true(gh_str_is(p->key, m.key));
	tsnet_pair_destroy(p);
	free(pem);
}

static void a_pair_without_its_last_newline_is_whole(void **state)
{
	struct made m;
	char why[160] = "", *pem;
	(void)state;

	make_good(&m, NAME);
	pem = pem_of(&m);
	pem[strlen(pem) - 1] = 0;

	struct tsnet_pair *p = pair_of(pem, NAME, why);

	assert_non_null(p);
	assert_true(gh_str_is(p->chain, m.chain));
	tsnet_pair_destroy(p);
	free(pem);
}

static void a_pair_that_does_not_fit_is_refused_with_the_reason(void **state)
{
	struct made m, other;
	char why[160], *pem;
	(void)state;

	make_good(&m, NAME);
	make_good(&other, NAME);
	pem = pem_of(&m);
	assert_null(pair_of(pem, "other.gatehouse-lab.ts.net", why));
	assert_string_equal(why, "its certificate is not for this name");
	free(pem);
	memcpy(other.chain, m.chain, sizeof m.chain);
	pem = pem_of(&other);
	assert_null(pair_of(pem, NAME, why));
	assert_non_null(strstr(why, "key"));
	free(pem);
	assert_null(pair_of(KEY_PEM LEAF_PEM, NAME, why));
	assert_non_null(strstr(why, "certificate cannot be read"));
	assert_true(asprintf(&pem, "%s%s", KEY_PEM, m.chain) > 0);
	assert_null(pair_of(pem, NAME, why));
	assert_non_null(strstr(why, "key cannot be read"));
	free(pem);
	assert_null(tsnet_pair_create((struct gh_str){ "a\0b", 3 }, NAME, why, sizeof why));
	assert_string_equal(why, "it is no text");
	pem = calloc(1, TSNET_PAIR_MAX + 2);
	memset(pem, '\n', TSNET_PAIR_MAX + 1);
	assert_null(pair_of(pem, NAME, why));
	assert_string_equal(why, "it has more than 65536 bytes");
	free(pem);
}

static void no_cut_of_a_pair_is_taken_for_one(void **state)
{
	struct made m;
	char why[160], *pem;
	(void)state;

	make_good(&m, NAME);
	pem = pem_of(&m);
	/* The last newline alone may be missing. */
	for (size_t len = strlen(pem) - 2; len > 0; len--) {
		struct tsnet_pair *p = tsnet_pair_create((struct gh_str){ pem, len }, NAME, why,
							 sizeof why);

		if (p)
			fail_msg("%zu bytes of %zu were taken", len, strlen(pem));
	}
	free(pem);
}

/* ---- When ---- */

enum { DAY_S = 86400 };
static const int64_t start = 1700000000; /* seconds since 1970 */

static int64_t answered(struct tsnet_plan *p, int64_t life_s, int64_t age_s, enum tsnet_news news)
{
	tsnet_plan_answered(p, (struct tsnet_life){ start, start + life_s }, news,
			    (start + age_s) * 1000);
	return p->wait_ms;
}

static void a_fresh_certificate_is_asked_for_daily_and_at_its_turn(void **state)
{
	struct tsnet_plan p = { 0 };
	(void)state;

	assert_int_equal(answered(&p, 90 * DAY_S, 0, TSNET_NEW), DAY_S * 1000);
	assert_int_equal(answered(&p, 90 * DAY_S, 30 * DAY_S, TSNET_SAME), DAY_S * 1000);
	/* Half a day before two thirds are over: then, and a thousandth of the life behind it. */
	assert_int_equal(answered(&p, 90 * DAY_S, 60 * DAY_S - DAY_S / 2, TSNET_SAME),
			 (DAY_S / 2 + 90 * DAY_S / 1000) * 1000);
}

static void after_the_turn_it_is_asked_for_once_more_soon_and_then_less_often(void **state)
{
	struct tsnet_plan p = { 0 };
	int64_t last = 0;
	(void)state;

	assert_int_equal(answered(&p, 90 * DAY_S, 61 * DAY_S, TSNET_SAME), 120 * 1000);
	for (int i = 0; i < 20; i++) {
		int64_t wait = answered(&p, 90 * DAY_S, 61 * DAY_S, TSNET_SAME);

		assert_true(wait >= last);
		last = wait;
	}
	assert_int_equal(last, 3600 * 1000);
	/* The new one has come. */
	assert_int_equal(answered(&p, 90 * DAY_S, 0, TSNET_NEW), DAY_S * 1000);
	assert_int_equal(p.same, 0);
}

static void the_last_hours_are_not_slept_through(void **state)
{
	struct tsnet_plan p = { .same = 30 };
	(void)state;

	/* An hour left: a tenth of it. */
	assert_int_equal(answered(&p, 90 * DAY_S, 90 * DAY_S - 3600, TSNET_SAME), 360 * 1000);
	assert_int_equal(answered(&p, 90 * DAY_S, 90 * DAY_S - 2, TSNET_SAME), 1000);
}

static void a_certificate_of_thirty_seconds_is_renewed_in_time(void **state)
{
	struct tsnet_plan p = { 0 };
	int64_t at_ms = 0;
	int asked = 0;
	(void)state;

	/* tailscaled gives the old one to the first question after 20 s, then the new one. */
	tsnet_plan_answered(&p, (struct tsnet_life){ start, start + 30 }, TSNET_NEW, start * 1000);
	for (;;) {
		at_ms += p.wait_ms;
		assert_true(at_ms < 30000);
		if (at_ms >= 20000 && asked++)
			break;
		tsnet_plan_answered(&p, (struct tsnet_life){ start, start + 30 }, TSNET_SAME,
				    start * 1000 + at_ms);
		assert_true(p.wait_ms >= 1000);
	}
	assert_true(at_ms < 25000);
}

static int64_t failed(struct tsnet_plan *p, int64_t life_s, int64_t age_s, enum tsnet_pace pace,
		      int64_t retry_after_s)
{
	struct tsnet_life life = { life_s ? start : 0, life_s ? start + life_s : 0 };

	tsnet_plan_failed(p, life, pace, retry_after_s, (start + age_s) * 1000);
	return p->wait_ms;
}

static void with_nothing_to_serve_it_looks_again_every_second_or_two(void **state)
{
	struct tsnet_plan p = { 0 };
	(void)state;

	for (int i = 0; i < 1000; i++) {
		int64_t wait = failed(&p, 0, 0, TSNET_PACE_LOCAL, 0);

		assert_true(wait >= 1000 && wait <= 2000);
	}
}

static void with_a_certificate_it_looks_again_within_a_minute(void **state)
{
	struct tsnet_plan p = { 0 };
	(void)state;

	assert_int_equal(failed(&p, 90 * DAY_S, DAY_S, TSNET_PACE_LOCAL, 0), 5000);
	assert_int_equal(failed(&p, 90 * DAY_S, DAY_S, TSNET_PACE_LOCAL, 0), 10000);
	for (int i = 0; i < 100; i++)
		failed(&p, 90 * DAY_S, DAY_S, TSNET_PACE_LOCAL, 0);
	assert_int_equal(p.wait_ms, 60000);
}

static void an_authority_is_asked_at_most_five_times_in_the_first_hour(void **state)
{
	struct tsnet_plan p = { 0 };
	int64_t at_ms = 0;
	int asked = 1;
	(void)state;

	assert_int_equal(failed(&p, 0, 0, TSNET_PACE_CA, 0), 5000);
	for (at_ms = p.wait_ms; at_ms < 3600 * 1000; at_ms += failed(&p, 0, 0, TSNET_PACE_CA, 0))
		asked++;
	assert_in_range(asked, 3, 5);
	for (int i = 0; i < 100; i++)
		failed(&p, 0, 0, TSNET_PACE_CA, 0);
	assert_int_equal(p.wait_ms, 3600 * 1000);
}

static void retry_after_is_kept_to(void **state)
{
	struct tsnet_plan p = { 0 };
	(void)state;

	assert_int_equal(failed(&p, 0, 0, TSNET_PACE_CA, 600), 600 * 1000);
	assert_true(p.ordered);
	assert_int_equal(failed(&p, 30, 0, TSNET_PACE_CA, 20), 20 * 1000);
	/* Less than one would wait anyhow is no order. */
	p = (struct tsnet_plan){ .failures = 20 };
	assert_int_equal(failed(&p, 0, 0, TSNET_PACE_CA, 1), 3600 * 1000);
	assert_false(p.ordered);
	/* And an answer ends all of it. */
	answered(&p, 90 * DAY_S, 0, TSNET_NEW);
	assert_int_equal(p.failures, 0);
}

static void failures_wait_no_longer_than_a_short_life_bears(void **state)
{
	struct tsnet_plan p = { .failures = 20 };
	(void)state;

	assert_int_equal(failed(&p, 30, 10, TSNET_PACE_CA, 0), 1500);
	assert_int_equal(failed(&p, 30, 10, TSNET_PACE_LOCAL, 0), 1500);
}

/* ---- Quotes ---- */

static void a_quote_is_printable_and_short(void **state)
{
	char to[32];
	(void)state;

	tsnet_quote(GH_STR("  a\r\nb\033[31m\tc\x80\xff  d\n"), to, sizeof to);
	assert_string_equal(to, "a b [31m c d");
	tsnet_quote((struct gh_str){ "a\0b", 3 }, to, sizeof to);
	assert_string_equal(to, "a b");
	tsnet_quote(GH_STR("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"), to,
		    sizeof to);
	assert_true(strlen(to) < sizeof to && strlen(to) > 20);
	tsnet_quote(GH_STR(""), to, sizeof to);
	assert_string_equal(to, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_is_taken_in_lower_case_without_its_dot),
		cmocka_unit_test(what_could_be_a_path_is_no_name),
		cmocka_unit_test(names_are_kept_once_and_the_own_one_goes_first),
		cmocka_unit_test(a_head_says_status_length_and_when_to_come_back),
		cmocka_unit_test(a_retry_after_of_nonsense_asks_for_nothing),
		cmocka_unit_test(a_head_that_is_odd_is_refused),
		cmocka_unit_test(a_status_has_a_state_and_names_and_ones_own_goes_first),
		cmocka_unit_test(a_status_may_have_no_names),
		cmocka_unit_test(what_is_no_status_is_refused),
		cmocka_unit_test(chain_and_key_are_found_in_any_order),
		cmocka_unit_test(pem_that_is_not_one_pair_is_refused_with_the_reason),
		cmocka_unit_test(a_pair_knows_how_long_it_lives),
		cmocka_unit_test(a_pair_without_its_last_newline_is_whole),
		cmocka_unit_test(a_pair_that_does_not_fit_is_refused_with_the_reason),
		cmocka_unit_test(no_cut_of_a_pair_is_taken_for_one),
		cmocka_unit_test(a_fresh_certificate_is_asked_for_daily_and_at_its_turn),
		cmocka_unit_test(after_the_turn_it_is_asked_for_once_more_soon_and_then_less_often),
		cmocka_unit_test(the_last_hours_are_not_slept_through),
		cmocka_unit_test(a_certificate_of_thirty_seconds_is_renewed_in_time),
		cmocka_unit_test(with_nothing_to_serve_it_looks_again_every_second_or_two),
		cmocka_unit_test(with_a_certificate_it_looks_again_within_a_minute),
		cmocka_unit_test(an_authority_is_asked_at_most_five_times_in_the_first_hour),
		cmocka_unit_test(retry_after_is_kept_to),
		cmocka_unit_test(failures_wait_no_longer_than_a_short_life_bears),
		cmocka_unit_test(a_quote_is_printable_and_short),
	};

	return cmocka_run_group_tests_name("tsnet-cert, parts", tests, NULL, NULL);
}
