/*
 * tsnet-cert asks a tailscaled that goes wrong in every way that is known of it: what is told, and
 * when it looks again.
 */
#include "tsnet_cert_fake.h"

#include <pwd.h>
#include <sys/wait.h>

#include "modules/tsnet-cert/ask.h"
#include "modules/tsnet-cert/cache.h"

struct bench {
	struct fake fake;
	struct tsnet_memory memory;
	struct tsnet_names chosen;
	struct tsnet_asker asker;
	struct made made;
	char state[128];
	atomic_bool stop;
};

static bool stopping(const void *arg)
{
	return atomic_load(&((const struct bench *)arg)->stop);
}

static void begin_with(struct bench *b, void (*start)(struct fake *f))
{
	memset(b, 0, sizeof *b);
	start(&b->fake);
	tsnet_memory_type.init(&b->memory);
	snprintf(b->state, sizeof b->state, "%s/state", b->fake.folder);
	b->asker = (struct tsnet_asker){
		.memory = &b->memory,
		.socket = b->fake.path,
		.state_dir = gh_str(b->state),
		.chosen = &b->chosen,
		.status_within_ms = 5000,
		.cert_within_ms = 5000,
		.stopping = stopping,
		.arg = b,
	};
	make_good(&b->made, NAME);
}

static void begin(struct bench *b)
{
	begin_with(b, fake_begin);
}

static void end(struct bench *b)
{
	tsnet_memory_type.finish(&b->memory);
	fake_end(&b->fake);
}

static struct tsnet_held *held(struct bench *b)
{
	return tsnet_memory_find(&b->memory, NAME);
}

static const char *trouble(struct bench *b)
{
	struct tsnet_held *h = held(b);

	return b->memory.trouble.text[0] ? b->memory.trouble.text : h ? h->trouble.text : "";
}

/* As if so much time had passed for what is due. */
static void pass(struct bench *b)
{
	b->memory.due = 0;
	if (held(b))
		held(b)->due = 0;
}

static void told(struct bench *b, const char *part)
{
	if (!strstr(trouble(b), part))
		fail_msg("'%s' is not in '%s'", part, trouble(b));
}

static const char *user(void)
{
	return getpwuid(geteuid())->pw_name;
}

static bool has_it(struct bench *b)
{
	return held(b) && held(b)->pair && gh_str_is(held(b)->pair->chain, b->made.chain) &&
	       gh_str_is(held(b)->pair->key, b->made.key);
}

/* ---- All is well ---- */

static void the_certificate_comes_and_is_kept(void **state)
{
	struct bench b;
	char why[512];
	(void)state;

	begin(&b);
	fake_cert(&b.fake, &b.made);
	assert_int_equal(tsnet_ask_due(&b.asker), 3600 * 1000);
	assert_string_equal(trouble(&b), "");
	assert_true(has_it(&b));
	assert_int_equal(atomic_load(&b.fake.certs), 1);
	assert_string_equal(b.fake.last, "GET /localapi/v0/cert/" NAME "?type=pair HTTP/1.0\r\n"
					 "Host: local-tailscaled.sock\r\n"
					 "User-Agent: gatehouse\r\n\r\n");

	struct tsnet_pair *kept = tsnet_cache_read(b.asker.state_dir, NAME, why, sizeof why);

	assert_non_null(kept);
	assert_true(gh_str_is(kept->chain, b.made.chain));
	tsnet_pair_destroy(kept);
	/* The next day is the next question, however often it is called before. */
	assert_in_range(held(&b)->due - tsnet_now_ms(), 86390 * 1000, 86400 * 1000);
	for (int i = 0; i < 5; i++)
		tsnet_ask_due(&b.asker);
	assert_int_equal(atomic_load(&b.fake.statuses), 1);
	assert_int_equal(atomic_load(&b.fake.certs), 1);
	end(&b);
}

static void the_same_again_is_no_news_and_another_is(void **state)
{
	struct bench b;
	uint64_t serial;
	(void)state;

	begin(&b);
	fake_cert(&b.fake, &b.made);
	tsnet_ask_due(&b.asker);
	serial = held(&b)->serial;
	pass(&b);
	tsnet_ask_due(&b.asker);
	assert_int_equal(atomic_load(&b.fake.certs), 2);
	assert_int_equal(held(&b)->serial, serial);
	make_good(&b.made, NAME);
	fake_cert(&b.fake, &b.made);
	pass(&b);
	tsnet_ask_due(&b.asker);
	assert_true(held(&b)->serial > serial);
	assert_true(has_it(&b));
	end(&b);
}

static void at_the_turn_it_asks_again_soon(void **state)
{
	struct bench b;
	int64_t now = time(NULL), wait;
	(void)state;

	begin(&b);
	make(&b.made, NAME, now - 61 * 86400, now + 29 * 86400);
	fake_cert(&b.fake, &b.made);
	wait = tsnet_ask_due(&b.asker);
	assert_in_range(wait, 30 * 1000, 60 * 1000);
	make_good(&b.made, NAME);
	fake_cert(&b.fake, &b.made);
	pass(&b);
	tsnet_ask_due(&b.asker);
	assert_true(has_it(&b));
	end(&b);
}

static void a_disk_that_keeps_nothing_is_told_and_tried_again(void **state)
{
	struct bench b;
	(void)state;

	begin(&b);
	fake_cert(&b.fake, &b.made);
	snprintf(b.state, sizeof b.state, "%s/tailscaled.sock/x", b.fake.folder);
	b.asker.state_dir = gh_str(b.state);
	tsnet_ask_due(&b.asker);
	assert_true(has_it(&b));
	assert_string_equal(trouble(&b), "");
	assert_non_null(strstr(b.memory.not_written.text, "cannot be kept"));
	assert_non_null(strstr(b.memory.not_written.text, "check `state_dir`"));
	snprintf(b.state, sizeof b.state, "%s/state", b.fake.folder);
	b.asker.state_dir = gh_str(b.state);
	pass(&b);
	tsnet_ask_due(&b.asker);
	assert_string_equal(b.memory.not_written.text, "");
	assert_true(held(&b)->kept);
	end(&b);
}

static void only_chosen_names_are_asked_for(void **state)
{
	struct bench b;
	(void)state;

	begin(&b);
	fake_status(&b.fake, "Running", "[\"a.ts.net\",\"" NAME "\",\"b.ts.net\"]");
	fake_cert(&b.fake, &b.made);
	tsnet_names_add(&b.chosen, NAME);
	tsnet_ask_due(&b.asker);
	assert_int_equal(atomic_load(&b.fake.certs), 1);
	assert_true(has_it(&b));
	assert_null(tsnet_memory_find(&b.memory, "a.ts.net"));
	end(&b);
}

static void a_chosen_name_that_tailscaled_has_not_is_told_and_not_asked_for(void **state)
{
	struct bench b;
	(void)state;

	begin(&b);
	fake_status(&b.fake, "Running", "[\"a.ts.net\",\"b.ts.net\"]");
	tsnet_names_add(&b.chosen, NAME);
	tsnet_ask_due(&b.asker);
	told(&b, "no certificate for " NAME ", only for a.ts.net, b.ts.net; correct `names`");
	assert_int_equal(atomic_load(&b.fake.certs), 0);
	end(&b);
}

static void names_that_are_gone_leave_the_disk(void **state)
{
	struct bench b;
	struct tsnet_names names;
	char text[200];
	(void)state;

	begin(&b);
	fake_cert(&b.fake, &b.made);
	tsnet_ask_due(&b.asker);
	/* HTTPS is off for a moment: that is no list without the name. */
	fake_status(&b.fake, "Running", "null");
	pass(&b);
	tsnet_ask_due(&b.asker);
	tsnet_cache_names(b.asker.state_dir, b.fake.path, &names);
	assert_int_equal(names.count, 1);
	fake_status(&b.fake, "Running", "[\"new.ts.net\"]");
	pass(&b);
	tsnet_ask_due(&b.asker);
	tsnet_cache_names(b.asker.state_dir, b.fake.path, &names);
	tsnet_names_text(&names, text, sizeof text);
	assert_string_equal(text, "");
	end(&b);
}

/* ---- It is not there ---- */

static void no_socket_is_told_and_looked_for_again_each_second(void **state)
{
	struct bench b;
	(void)state;

	begin_with(&b, fake_begin_stopped);
	assert_in_range(tsnet_ask_due(&b.asker), 500, 1000);
	told(&b, b.fake.path);
	told(&b, "not running, or not installed");
	told(&b, "run: sudo systemctl start tailscaled");
	fake_cert(&b.fake, &b.made);
	fake_listen(&b.fake);
	pass(&b);
	tsnet_ask_due(&b.asker);
	assert_string_equal(trouble(&b), "");
	assert_true(has_it(&b));
	end(&b);
}

static void with_a_certificate_a_tailscaled_that_is_away_is_looked_for_less_often(void **state)
{
	struct bench b;
	(void)state;

	begin(&b);
	fake_cert(&b.fake, &b.made);
	tsnet_ask_due(&b.asker);
	fake_kill(&b.fake);
	pass(&b);
	assert_in_range(tsnet_ask_due(&b.asker), 4000, 5000);
	told(&b, "nobody answers at");
	told(&b, "sudo systemctl restart tailscaled");
	assert_true(has_it(&b));
	end(&b);
}

static void a_socket_that_may_not_be_opened_is_told_with_the_user(void **state)
{
	static const uid_t nobody = 65534;
	struct bench b;
	int status;
	(void)state;

	if (geteuid() != 0)
		skip();
	begin(&b);
	assert_int_equal(chmod(b.fake.folder, 0711), 0);
	assert_int_equal(chmod(b.fake.path, 0600), 0);

	pid_t child = fork();

	if (child == 0) {
		char expected[400];

		if (seteuid(nobody) != 0)
			_exit(2);
		tsnet_ask_due(&b.asker);
		snprintf(expected, sizeof expected, "user %s may not open %s; run: sudo chmod 0666",
			 user(), b.fake.path);
		_exit(strstr(trouble(&b), expected) ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	end(&b);
}

/* ---- Its state ---- */

static void a_state_that_is_not_running_is_told_with_its_mend(void **state)
{
	static const struct {
		const char *name, *parts[2];
	} all[] = {
		{ "NeedsLogin",
		  { "logged out, or this machine's key has expired", "run: sudo tailscale up" } },
		{ "Stopped", { "Tailscale is stopped", "run: sudo tailscale up" } },
		{ "NeedsMachineAuth", { "not approved", "sudo tailscale up" } },
		{ "Starting", { "tailscaled is starting", "" } },
		{ "NoState", { "tailscaled is starting", "" } },
		{ "Odd", { "in the state 'Odd'", "run: sudo tailscale up" } },
	};
	(void)state;

	for (size_t i = 0; i < GH_COUNT_OF(all); i++) {
		struct bench b;

		begin(&b);
		fake_status(&b.fake, all[i].name, "null");
		assert_in_range(tsnet_ask_due(&b.asker), 500, 1000);
		told(&b, all[i].parts[0]);
		told(&b, all[i].parts[1]);
		assert_int_equal(atomic_load(&b.fake.certs), 0);
		end(&b);
	}
}

static void an_expired_key_still_gets_what_tailscaled_has(void **state)
{
	struct bench b;
	(void)state;

	begin(&b);
	fake_status(&b.fake, "NeedsLogin", "[\"" NAME "\"]");
	fake_cert(&b.fake, &b.made);
	tsnet_ask_due(&b.asker);
	told(&b, "key has expired");
	assert_true(has_it(&b));
	end(&b);
}

static void https_that_is_off_is_told_with_its_place(void **state)
{
	struct bench b;
	(void)state;

	begin(&b);
	fake_status(&b.fake, "Running", "null");
	assert_in_range(tsnet_ask_due(&b.asker), 500, 1000);
	told(&b, "HTTPS certificates are off");
	told(&b, "admin console → DNS → HTTPS Certificates");
	/* Also when it is the certificate that is refused. */
	fake_status(&b.fake, "Running", "[\"" NAME "\"]");
	fake_answer(&b.fake, &b.fake.cert, "500 Internal Server Error",
		    "your Tailscale account does not support getting TLS certs\n");
	pass(&b);
	assert_in_range(tsnet_ask_due(&b.asker), 500, 1000);
	told(&b, "admin console → DNS → HTTPS Certificates");
	/* Turned on: the next look gets it. */
	fake_cert(&b.fake, &b.made);
	pass(&b);
	tsnet_ask_due(&b.asker);
	assert_string_equal(trouble(&b), "");
	assert_true(has_it(&b));
	end(&b);
}

static void a_status_that_is_none_is_told(void **state)
{
	static const char *const odd[] = { "", "[]", "{}", "hello", "{\"BackendState\":", "null" };
	(void)state;

	for (size_t i = 0; i < GH_COUNT_OF(odd); i++) {
		struct bench b;

		begin(&b);
		fake_answer(&b.fake, &b.fake.status, "200 OK", odd[i]);
		tsnet_ask_due(&b.asker);
		told(&b, "does not speak as tailscaled does; check `socket`");
		end(&b);
	}
}

/* ---- A certificate that does not come ---- */

/* The bench after one question for a certificate that got this. */
static void asked(struct bench *b, const char *head, const char *body)
{
	begin(b);
	fake_answer(&b->fake, &b->fake.cert, head, body);
	tsnet_ask_due(&b->asker);
	assert_int_equal(atomic_load(&b->fake.certs), 1);
}

static void a_user_without_permission_is_told_by_name(void **state)
{
	struct bench b;
	char expected[400];
	(void)state;

	asked(&b, "403 Forbidden", "cert access denied\n");
	snprintf(expected, sizeof expected,
		 "run: sudo tailscale set --operator=%s, or set TS_PERMIT_CERT_UID=%s in "
		 "/etc/default/tailscaled",
		 user(), user());
	told(&b, expected);
	end(&b);
}

static void a_limit_of_the_authority_is_waited_for(void **state)
{
	struct bench b;
	(void)state;

	asked(&b, "429 Too Many Requests\r\nRetry-After: 900", "rate limited");
	told(&b, "limits this tailnet's names");
	told(&b, "in 15 min");
	assert_in_range(held(&b)->due - tsnet_now_ms(), 890 * 1000, 900 * 1000);
	/* A reload does not ask earlier than that. */
	tsnet_ask_hurry(&b.memory);
	tsnet_ask_due(&b.asker);
	assert_int_equal(atomic_load(&b.fake.certs), 1);
	end(&b);
	asked(&b, "429 Too Many Requests", "rate limited");
	told(&b, "is asked for again later");
	end(&b);
}

static void a_reload_asks_again_at_once(void **state)
{
	struct bench b;
	(void)state;

	asked(&b, "500 Internal Server Error", "boom");
	tsnet_ask_due(&b.asker);
	assert_int_equal(atomic_load(&b.fake.certs), 1);
	tsnet_ask_hurry(&b.memory);
	tsnet_ask_due(&b.asker);
	assert_int_equal(atomic_load(&b.fake.certs), 2);
	end(&b);
}

static void a_name_that_tailscaled_refuses_is_told(void **state)
{
	struct bench b;
	(void)state;

	asked(&b, "500 Internal Server Error",
	      "invalid domain \"" NAME "\"; must be one of [\"other.ts.net\"]\n");
	told(&b, "must be one of [\"other.ts.net\"]");
	told(&b, "correct `names`");
	end(&b);
}

static void a_tailscaled_that_is_offline_is_told(void **state)
{
	struct bench b;
	(void)state;

	asked(&b, "500 Internal Server Error", "no netmap available\n");
	told(&b, "has not heard from its tailnet yet; `tailscale status` tells");
	end(&b);
}

static void an_error_of_acme_is_quoted_as_plain_text(void **state)
{
	struct bench b;
	char flood[4096];
	(void)state;

	asked(&b, "500 Internal Server Error",
	      "403 urn:ietf:params:acme:error:unauthorized:\n \033[2Jrefused\n");
	told(&b, "could not get a certificate for " NAME
		 ": \"403 urn:ietf:params:acme:error:unauthorized: [2Jrefused\"");
	told(&b, "journalctl -u tailscaled");
	assert_in_range(held(&b)->due - tsnet_now_ms(), 4000, 5000);
	end(&b);
	memset(flood, 'x', sizeof flood);
	flood[sizeof flood - 1] = 0;
	asked(&b, "500 Internal Server Error", flood);
	assert_true(strlen(trouble(&b)) < 500);
	told(&b, "journalctl -u tailscaled");
	end(&b);
}

static void another_status_is_told_as_it_is(void **state)
{
	struct bench b;
	(void)state;

	asked(&b, "404 Not Found", "404 page not found\n");
	told(&b,
	     "answered 404 to a question for the certificate of " NAME " (\"404 page not found\")");
	end(&b);
	asked(&b, "403 Forbidden", "invalid localapi request\n");
	told(&b, "answered 403");
	end(&b);
	begin(&b);
	fake_answer(&b.fake, &b.fake.status, "502 Bad Gateway", "x");
	tsnet_ask_due(&b.asker);
	told(&b, "answered 502 to a question for its status");
	end(&b);
}

static void a_certificate_that_cannot_be_used_leaves_the_old_one(void **state)
{
	struct made other;
	struct bench b;
	int64_t now = time(NULL);
	(void)state;

	begin(&b);
	fake_cert(&b.fake, &b.made);
	tsnet_ask_due(&b.asker);
	fake_answer(&b.fake, &b.fake.cert, "200 OK", "hello");
	pass(&b);
	tsnet_ask_due(&b.asker);
	told(&b, "cannot be used: it holds no certificate");
	assert_true(has_it(&b));
	make_good(&other, "other.ts.net");
	fake_cert(&b.fake, &other);
	pass(&b);
	tsnet_ask_due(&b.asker);
	told(&b, "cannot be used: its certificate is not for this name");
	assert_true(has_it(&b));
	make(&other, NAME, now - 90 * 86400, now - 1);
	fake_cert(&b.fake, &other);
	pass(&b);
	tsnet_ask_due(&b.asker);
	told(&b, "that has run out");
	assert_true(has_it(&b));
	end(&b);
}

/* ---- Answers that are none ---- */

static void garbage_is_told(void **state)
{
	static const char *const odd[] = {
		"SSH-2.0-OpenSSH_9.2\r\n\r\n", "HTTP/1.0 200 OK\nA: b\r\n\r\nx",
		"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nxx",
		"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
	};
	(void)state;

	for (size_t i = 0; i < GH_COUNT_OF(odd); i++) {
		struct bench b;

		begin(&b);
		fake_put(&b.fake, &b.fake.status, odd[i]);
		tsnet_ask_due(&b.asker);
		told(&b, "does not speak as tailscaled does; check `socket`");
		end(&b);
		begin(&b);
		fake_put(&b.fake, &b.fake.cert, odd[i]);
		tsnet_ask_due(&b.asker);
		told(&b, "does not speak as tailscaled does; check `socket`");
		end(&b);
	}
}

static void an_answer_that_is_cut_is_told(void **state)
{
	static const enum fault faults[] = { FAULT_CLOSE, FAULT_HALF };
	(void)state;

	for (size_t i = 0; i < GH_COUNT_OF(faults); i++) {
		struct bench b;

		begin(&b);
		b.fake.status_fault = faults[i];
		tsnet_ask_due(&b.asker);
		told(&b, "hung up in the middle of its answer");
		end(&b);
		begin(&b);
		fake_cert(&b.fake, &b.made);
		b.fake.cert_fault = faults[i];
		tsnet_ask_due(&b.asker);
		told(&b, "hung up in the middle of its answer");
		assert_false(has_it(&b));
		end(&b);
	}
}

static void a_body_without_length_ends_with_the_connection(void **state)
{
	struct bench b;
	char *pem, *text;
	(void)state;

	begin(&b);
	pem = pem_of(&b.made);
	assert_true(asprintf(&text, "HTTP/1.1 200 OK\r\n\r\n%s", pem) > 0);
	fake_put(&b.fake, &b.fake.cert, text);
	tsnet_ask_due(&b.asker);
	assert_true(has_it(&b));
	free(text);
	free(pem);
	end(&b);
}

static void an_answer_that_never_ends_is_broken_off(void **state)
{
	static const char *const floods[] = {
		"HTTP/1.0 200 OK\r\n\r\nxxxxxxxxxxxxxxxxxxxxx", "HTTP/1.0 200 OK\r\nX: y\r\n",
		"HTTP/1.0 200 OK\r\nContent-Length: 99999999\r\n\r\n"
	};
	(void)state;

	for (size_t i = 0; i < GH_COUNT_OF(floods); i++) {
		struct bench b;

		begin(&b);
		fake_put(&b.fake, &b.fake.cert, floods[i]);
		b.fake.cert_fault = FAULT_FLOOD;
		tsnet_ask_due(&b.asker);
		told(&b, "; check `socket`");
		assert_false(has_it(&b));
		end(&b);
		begin(&b);
		fake_put(&b.fake, &b.fake.status, floods[i]);
		b.fake.status_fault = FAULT_FLOOD;
		tsnet_ask_due(&b.asker);
		told(&b, "; check `socket`");
		end(&b);
	}
}

static void a_tailscaled_that_hangs_has_a_deadline(void **state)
{
	static const enum fault faults[] = { FAULT_HANG, FAULT_DRIP };
	(void)state;

	for (size_t i = 0; i < GH_COUNT_OF(faults); i++) {
		struct bench b;
		int64_t before;

		begin(&b);
		b.asker.status_within_ms = b.asker.cert_within_ms = 1000;
		fake_cert(&b.fake, &b.made);
		b.fake.cert_fault = faults[i];
		before = tsnet_now_ms();
		tsnet_ask_due(&b.asker);
		assert_in_range(tsnet_now_ms() - before, 950, 4000);
		told(&b, "did not answer within 1 s for " NAME
			 "; its certificate authority may be limiting it");
		assert_in_range(held(&b)->due - tsnet_now_ms(), 3000, 5000);
		b.fake.status_fault = faults[i];
		pass(&b);
		tsnet_ask_due(&b.asker);
		told(&b, "tailscaled did not answer within 1 s; its log may tell why");
		end(&b);
	}
}

static void *stop_soon(void *arg)
{
	struct bench *b = arg;

	nanosleep(&(struct timespec){ .tv_nsec = 200000000 }, NULL);
	atomic_store(&b->stop, true);
	return NULL;
}

static void a_question_ends_when_nobody_waits_any_more(void **state)
{
	struct bench b;
	pthread_t thread;
	int64_t before;
	(void)state;

	begin(&b);
	b.asker.cert_within_ms = 60000;
	b.fake.cert_fault = FAULT_HANG;
	before = tsnet_now_ms();
	assert_int_equal(pthread_create(&thread, NULL, stop_soon, &b), 0);
	tsnet_ask_due(&b.asker);
	assert_in_range(tsnet_now_ms() - before, 150, 2000);
	pthread_join(thread, NULL);
	/* That is no fault of anyone's. */
	assert_string_equal(trouble(&b), "");
	assert_int_equal(held(&b)->plan.failures, 0);
	end(&b);
}

static void a_full_queue_of_the_socket_is_waited_for_until_the_deadline(void **state)
{
	struct bench b;
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fds[64], count = 0;
	(void)state;

	begin_with(&b, fake_begin_stopped);
	memcpy(to.sun_path, b.fake.path, strlen(b.fake.path));

	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(listener, (struct sockaddr *)&to, sizeof to), 0);
	assert_int_equal(listen(listener, 1), 0);
	for (; count < 64; count++) {
		fds[count] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (connect(fds[count], (struct sockaddr *)&to, sizeof to) != 0)
			break;
	}
	assert_true(count < 64);
	close(fds[count]);
	b.asker.status_within_ms = 1000;
	tsnet_ask_due(&b.asker);
	told(&b, "did not answer within 1 s");
	while (count--)
		close(fds[count]);
	close(listener);
	end(&b);
}

static void one_asks_at_a_time(void **state)
{
	struct bench b;
	(void)state;

	begin(&b);
	b.memory.asking = true;
	assert_int_equal(tsnet_ask_due(&b.asker), 1000);
	assert_int_equal(atomic_load(&b.fake.statuses), 0);
	end(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_certificate_comes_and_is_kept),
		cmocka_unit_test(the_same_again_is_no_news_and_another_is),
		cmocka_unit_test(at_the_turn_it_asks_again_soon),
		cmocka_unit_test(a_disk_that_keeps_nothing_is_told_and_tried_again),
		cmocka_unit_test(only_chosen_names_are_asked_for),
		cmocka_unit_test(a_chosen_name_that_tailscaled_has_not_is_told_and_not_asked_for),
		cmocka_unit_test(names_that_are_gone_leave_the_disk),
		cmocka_unit_test(no_socket_is_told_and_looked_for_again_each_second),
		cmocka_unit_test(
			with_a_certificate_a_tailscaled_that_is_away_is_looked_for_less_often),
		cmocka_unit_test(a_socket_that_may_not_be_opened_is_told_with_the_user),
		cmocka_unit_test(a_state_that_is_not_running_is_told_with_its_mend),
		cmocka_unit_test(an_expired_key_still_gets_what_tailscaled_has),
		cmocka_unit_test(https_that_is_off_is_told_with_its_place),
		cmocka_unit_test(a_status_that_is_none_is_told),
		cmocka_unit_test(a_user_without_permission_is_told_by_name),
		cmocka_unit_test(a_limit_of_the_authority_is_waited_for),
		cmocka_unit_test(a_reload_asks_again_at_once),
		cmocka_unit_test(a_name_that_tailscaled_refuses_is_told),
		cmocka_unit_test(a_tailscaled_that_is_offline_is_told),
		cmocka_unit_test(an_error_of_acme_is_quoted_as_plain_text),
		cmocka_unit_test(another_status_is_told_as_it_is),
		cmocka_unit_test(a_certificate_that_cannot_be_used_leaves_the_old_one),
		cmocka_unit_test(garbage_is_told),
		cmocka_unit_test(an_answer_that_is_cut_is_told),
		cmocka_unit_test(a_body_without_length_ends_with_the_connection),
		cmocka_unit_test(an_answer_that_never_ends_is_broken_off),
		cmocka_unit_test(a_tailscaled_that_hangs_has_a_deadline),
		cmocka_unit_test(a_question_ends_when_nobody_waits_any_more),
		cmocka_unit_test(a_full_queue_of_the_socket_is_waited_for_until_the_deadline),
		cmocka_unit_test(one_asks_at_a_time),
	};

	return cmocka_run_group_tests_name("tsnet-cert, asking", tests, NULL, NULL);
}
