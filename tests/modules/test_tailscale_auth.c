/* tailscale-auth as a request meets it, with a LocalAPI that says what it is told to. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include <gatehouse/test.h>

extern const struct gh_module gh_module_tailscale_auth;

/* ---- A LocalAPI ---- */

struct localapi {
	char folder[32], path[64];
	int listener;
	pthread_t thread;
	pthread_mutex_t lock;
	char status[1024], whois[2048]; /* whole answers */
	char last[1024];                /* the last request */
	atomic_int statuses, asked;
};

static void answer(struct localapi *l, char *to, size_t size, const char *head, const char *body)
{
	pthread_mutex_lock(&l->lock);
	snprintf(to, size, "HTTP/1.1 %s\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n%s",
		 head, strlen(body), body);
	pthread_mutex_unlock(&l->lock);
}

static void status_is(struct localapi *l, const char *state, const char *tun)
{
	char body[256];

	snprintf(body, sizeof body, "{\"TUN\":%s,\"BackendState\":\"%s\",\"Peer\":null}", tun,
		 state);
	answer(l, l->status, sizeof l->status, "200 OK", body);
}

static void whois_is(struct localapi *l, const char *node, const char *login, const char *more)
{
	char body[1024];

	snprintf(body, sizeof body,
		 "{\"Node\":{\"Name\":\"%s.\"%s},\"UserProfile\":{\"LoginName\":\"%s\","
		 "\"DisplayName\":\"Zo\u00eb\",\"ProfilePicURL\":\"https://example.com/p.png\"},"
		 "\"CapMap\":null}",
		 node, more, login);
	answer(l, l->whois, sizeof l->whois, "200 OK", body);
}

static void whois_knows_nobody(struct localapi *l)
{
	answer(l, l->whois, sizeof l->whois, "404 Not Found", "no match for IP:port\n");
}

static void serve(struct localapi *l, int fd)
{
	char request[1024] = "", text[2048];
	size_t have = 0;

	while (!strstr(request, "\r\n\r\n")) {
		ssize_t n = recv(fd, request + have, sizeof request - 1 - have, 0);
		if (n <= 0)
			return;
		have += (size_t)n;
		request[have] = 0;
	}
	pthread_mutex_lock(&l->lock);
	memcpy(l->last, request, sizeof request);
	bool status = strstr(request, "/localapi/v0/status") != NULL;
	snprintf(text, sizeof text, "%s", status ? l->status : l->whois);
	pthread_mutex_unlock(&l->lock);
	atomic_fetch_add(status ? &l->statuses : &l->asked, 1);
	(void)!send(fd, text, strlen(text), MSG_NOSIGNAL);
}

static void *run(void *arg)
{
	struct localapi *l = arg;
	int fd;

	while ((fd = accept(l->listener, NULL, NULL)) >= 0) {
		serve(l, fd);
		close(fd);
	}
	return NULL;
}

static void listen_at(struct localapi *l)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };

	memcpy(at.sun_path, l->path, strlen(l->path));
	l->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(l->listener, (struct sockaddr *)&at, sizeof at), 0);
	assert_int_equal(listen(l->listener, 16), 0);
	assert_int_equal(pthread_create(&l->thread, NULL, run, l), 0);
}

/* As a tailscaled that stops: its socket is gone. */
static void leave(struct localapi *l)
{
	if (l->listener < 0)
		return;
	shutdown(l->listener, SHUT_RDWR);
	pthread_join(l->thread, NULL);
	close(l->listener);
	l->listener = -1;
	unlink(l->path);
}

/* ---- Requests ---- */

static struct localapi api;

/* What core would have put into the request. */
static struct {
	struct gh_identity identity;
	enum gh_client_source source;
	sa_family_t family;
	const char *named, *header; /* by an earlier step */
} next;

static enum gh_verdict prepared(struct gh_step *s)
{
	s->req->identity = next.identity;
	s->req->client_source = next.source;
	if (next.family)
		s->req->client.family = next.family;
	if (next.named)
		gh_set_caller(s->req, gh_str(next.named));
	if (next.header)
		assert_int_equal(gh_header_set(&s->req->headers, gh_str(next.header), GH_STR("x")),
				 0);
	return gh_module_tailscale_auth.on_request(s);
}

static struct gh_module module;

static int set_up(void **state)
{
	(void)state;
	memset(&api, 0, sizeof api);
	memset(&next, 0, sizeof next);
	module = gh_module_tailscale_auth;
	module.on_request = prepared;
	pthread_mutex_init(&api.lock, NULL);
	snprintf(api.folder, sizeof api.folder, "/tmp/gh-auth-XXXXXX");
	assert_non_null(mkdtemp(api.folder));
	snprintf(api.path, sizeof api.path, "%s/tailscaled.sock", api.folder);
	status_is(&api, "Running", "true");
	whois_is(&api, "laptop.tail1.ts.net", "alice@example.com", "");
	listen_at(&api);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	leave(&api);
	rmdir(api.folder);
	pthread_mutex_destroy(&api.lock);
	return 0;
}

static struct gh_test *begin(const char *more)
{
	char options[512];

	snprintf(options, sizeof options, "socket: \"unix:%s\"\n%s", api.path, more);
	struct gh_test *t = gh_test_begin(&module, options);
	if (!t)
		fail_msg("%s", gh_test_mistakes());
	gh_test_client(t, "100.64.0.7:4321");
	return t;
}

static const struct gh_test_answer *get(struct gh_test *t, const char *headers)
{
	return gh_test_send(t, "GET", "/", headers, NULL);
}

static bool has(const char *text, const char *part)
{
	return text && strstr(text, part);
}

static void assert_named(const struct gh_test_answer *a, const char *caller)
{
	assert_int_equal(a->status, 200);
	assert_true(a->reached);
	assert_string_equal(a->caller, caller);
}

/* It went on, and nobody says who it is. */
static void assert_nameless(const struct gh_test_answer *a)
{
	assert_named(a, "");
	assert_false(has(a->upstream_headers, "Tailscale"));
}

static void assert_refused(const struct gh_test_answer *a, int status)
{
	assert_int_equal(a->status, status);
	assert_false(a->reached);
	assert_string_equal(a->caller, "");
}

/* ---- By the client's own address ---- */

static void a_user_of_the_tailnet_is_named(void **state)
{
	struct gh_test *t = begin("");
	const struct gh_test_answer *a = get(t, "tailscale-user-login: root@example.com\r\n"
						"Tailscale_User_Name: root\r\n");

	(void)state;
	assert_named(a, "alice@example.com");
	assert_true(has(a->upstream_headers, "Tailscale-User-Login: alice@example.com\r\n"));
	assert_true(has(a->upstream_headers, "Tailscale-User-Name: =?utf-8?q?Zo=C3=AB?=\r\n"));
	assert_true(has(a->upstream_headers,
			"Tailscale-User-Profile-Pic: https://example.com/p.png\r\n"));
	assert_false(has(a->upstream_headers, "root"));
	/* As tailscaled wants to be asked. */
	assert_true(has(api.last,
			"GET /localapi/v0/whois?addr=100.64.0.7:4321&proto=tcp HTTP/1.1\r\n"));
	assert_true(has(api.last, "Host: local-tailscaled.sock\r\n"));
	gh_test_end(t);
	t = begin("names: percent");
	assert_true(has(get(t, NULL)->upstream_headers, "Tailscale-User-Name: Zo%C3%AB\r\n"));
	gh_test_end(t);
}

static void what_an_address_is_is_remembered_for_a_while(void **state)
{
	struct gh_test *t = begin("");

	(void)state;
	assert_named(get(t, NULL), "alice@example.com");
	gh_test_client(t, "100.64.0.7:999");
	whois_is(&api, "laptop.tail1.ts.net", "bob@example.com", "");
	gh_test_advance(t, 9000);
	assert_named(get(t, NULL), "alice@example.com");
	assert_int_equal(api.asked, 1);
	assert_int_equal(api.statuses, 1);
	gh_test_client(t, "100.64.0.8:999");
	assert_named(get(t, NULL), "bob@example.com");
	gh_test_client(t, "100.64.0.7:999");
	gh_test_advance(t, 2000);
	assert_named(get(t, NULL), "bob@example.com");
	assert_int_equal(api.asked, 3);
	gh_test_advance(t, 20000);
	assert_named(get(t, NULL), "bob@example.com");
	assert_int_equal(api.statuses, 2);
	/* Over a reload too. */
	char options[256];
	snprintf(options, sizeof options, "socket: \"unix:%s\"\nallow: bob@example.com", api.path);
	assert_int_equal(gh_test_reload(t, options), 0);
	assert_named(get(t, NULL), "bob@example.com");
	assert_int_equal(api.statuses, 2);
	assert_int_equal(api.asked, 4);
	gh_test_end(t);
}

static void a_connection_that_its_port_identifies_is_asked_about_each_time(void **state)
{
	struct gh_test *t = begin("");

	(void)state;
	status_is(&api, "Running", "false");
	gh_test_client(t, "127.0.0.1:5000");
	assert_named(get(t, NULL), "alice@example.com");
	whois_is(&api, "laptop.tail1.ts.net", "bob@example.com", "");
	assert_named(get(t, NULL), "bob@example.com");
	gh_test_end(t);
}

static void who_is_not_allowed_is_refused_and_logged(void **state)
{
	struct gh_test *t = begin("allow: [bob@example.com, \"*@example.org\"]\npublic: pass");
	const struct gh_test_answer *a = get(t, NULL);

	(void)state;
	assert_refused(a, 403);
	assert_true(has(a->body, "alice@example.com"));
	assert_true(has(a->log, "denied client=100.64.0.7 user=\"alice@example.com\" "
				"reason=\"not allowed\""));
	gh_test_end(t);
	t = begin("allow: alice@example.com");
	assert_named(get(t, NULL), "alice@example.com");
	gh_test_end(t);
	t = begin("allow: \"*@example.com\"");
	assert_named(get(t, NULL), "alice@example.com");
	gh_test_end(t);
}

static void a_machine_with_tags_is_nobody_until_a_tag_is_allowed(void **state)
{
	const struct gh_test_answer *a;
	struct gh_test *t;

	(void)state;
	whois_is(&api, "ci.tail1.ts.net", "tagged-devices", ",\"Tags\":[\"tag:ci\"]");
	for (int pass = 0; pass < 2; pass++) {
		t = begin(pass ? "public: pass" : "allow: [\"*\", tag:other]");
		a = get(t, NULL);
		assert_refused(a, 403);
		assert_true(has(a->log, "user=\"ci.tail1.ts.net\" reason=\"tagged machine\""));
		gh_test_end(t);
	}
	t = begin("allow: tag:ci");
	a = get(t, "Tailscale-User-Login: root@example.com\r\n");
	assert_named(a, "ci.tail1.ts.net");
	/* It is no user. */
	assert_false(has(a->upstream_headers, "Tailscale"));
	/* And no user passes by it. */
	whois_is(&api, "laptop.tail1.ts.net", "alice@example.com", "");
	gh_test_advance(t, 10000);
	assert_refused(get(t, NULL), 403);
	gh_test_end(t);
}

static void people_of_another_tailnet_are_refused_where_one_is_named(void **state)
{
	struct gh_test *t = begin("tailnet: tail1.ts.net");

	(void)state;
	assert_named(get(t, NULL), "alice@example.com");
	gh_test_advance(t, 10000);
	whois_is(&api, "laptop.tail1.ts.net", "alice@example.com",
		 ",\"Hostinfo\":{\"ShareeNode\":true}");
	const struct gh_test_answer *a = get(t, NULL);
	assert_refused(a, 403);
	assert_true(has(a->log, "reason=\"of another tailnet\""));
	gh_test_advance(t, 10000);
	whois_is(&api, "laptop.tail2.ts.net", "alice@example.com", "");
	assert_refused(get(t, NULL), 403);
	gh_test_advance(t, 10000);
	whois_is(&api, "tail1.ts.net", "alice@example.com", "");
	assert_refused(get(t, NULL), 403);
	gh_test_end(t);
	/* Where none is named they are users as others are. */
	whois_is(&api, "laptop.tail2.ts.net", "alice@example.com",
		 ",\"Hostinfo\":{\"ShareeNode\":true}");
	t = begin("");
	assert_named(get(t, NULL), "alice@example.com");
	gh_test_end(t);
}

static void the_internet_is_denied_or_passes_without_a_name(void **state)
{
	struct gh_test *t = begin("");

	(void)state;
	whois_knows_nobody(&api);
	next.source = GH_CLIENT_PROXY;
	gh_test_client(t, "203.0.113.7:4321");
	const struct gh_test_answer *a = get(t, NULL);
	assert_refused(a, 403);
	assert_true(has(a->body, "tailnet"));
	/* No line for each stranger: the access log has them. */
	assert_false(has(a->log, "denied"));
	gh_test_end(t);
	t = begin("public: pass");
	gh_test_client(t, "203.0.113.7:4321");
	assert_nameless(get(t, "Tailscale-User-Login: root@example.com\r\n"));
	gh_test_end(t);
}

/* An address of the tailnet that tailscaled does not name is not the public. */
static void no_name_is_not_public(void **state)
{
	struct gh_test *t = begin("public: pass");

	(void)state;
	whois_knows_nobody(&api);
	assert_refused(get(t, NULL), 403);
	gh_test_client(t, "fd7a:115c:a1e0::7");
	assert_refused(get(t, NULL), 403);
	gh_test_end(t);
}

static void an_address_that_is_not_the_clients_own_names_nobody(void **state)
{
	struct gh_test *t = begin("");

	(void)state;
	next.source = GH_CLIENT_FORWARDED;
	assert_refused(get(t, NULL), 403);
	next.source = GH_CLIENT_SOCKET;
	next.family = AF_UNIX;
	assert_refused(get(t, NULL), 403);
	assert_int_equal(api.asked + api.statuses, 0);
	/* A proxy on this machine, of which tailscaled knows nothing. */
	next.family = 0;
	whois_knows_nobody(&api);
	gh_test_client(t, "127.0.0.1:7000");
	const struct gh_test_answer *a = get(t, NULL);
	assert_refused(a, 403);
	assert_true(has(a->body, "a proxy before the gateway hides who calls"));
	gh_test_end(t);
	t = begin("public: pass");
	gh_test_client(t, "127.0.0.1:7000");
	assert_nameless(get(t, NULL));
	next.source = GH_CLIENT_FORWARDED;
	assert_nameless(get(t, NULL));
	gh_test_end(t);
}

/* ---- Userspace networking ---- */

static void a_proxy_header_proves_nothing_in_userspace_networking(void **state)
{
	struct gh_test *t = begin("");

	(void)state;
	status_is(&api, "Running", "false");
	next.source = GH_CLIENT_PROXY;
	const struct gh_test_answer *a = get(t, NULL);
	assert_refused(a, 403);
	assert_true(has(a->log, "userspace networking"));
	assert_int_equal(api.asked, 0);
	/* Said once. */
	a = get(t, NULL);
	assert_refused(a, 403);
	assert_false(has(a->log, "userspace networking"));
	/* The peer of the socket itself is another matter. */
	next.source = GH_CLIENT_SOCKET;
	assert_named(get(t, NULL), "alice@example.com");
	/* What was learned by it does not make the header true. */
	next.source = GH_CLIENT_PROXY;
	assert_refused(get(t, NULL), 403);
	gh_test_end(t);
	t = begin("public: pass");
	assert_nameless(get(t, NULL));
	gh_test_end(t);
	status_is(&api, "Running", "true");
	t = begin("");
	assert_named(get(t, NULL), "alice@example.com");
	gh_test_end(t);
}

/* ---- tailscaled in trouble ---- */

static void without_tailscaled_nobody_is_named(void **state)
{
	struct gh_test *t = begin("");

	(void)state;
	leave(&api);
	const struct gh_test_answer *a = get(t, NULL);
	assert_refused(a, 503);
	assert_string_equal(gh_test_header(a, "retry-after"), "2");
	assert_true(has(a->log, "tailscaled cannot be asked"));
	assert_true(has(a->log, "systemctl status tailscaled"));
	a = get(t, NULL);
	assert_refused(a, 503);
	assert_false(has(a->log, "cannot be asked"));
	listen_at(&api);
	gh_test_advance(t, 1000);
	assert_named(get(t, NULL), "alice@example.com");
	gh_test_end(t);
	leave(&api);
	t = begin("public: pass");
	assert_nameless(get(t, "Tailscale-User-Login: root@example.com\r\n"));
	gh_test_end(t);
}

static void a_tailscaled_that_is_not_connected_names_nobody(void **state)
{
	static const char *const states[] = { "NeedsLogin", "Stopped", "NoState", "Starting",
					      "running" };

	(void)state;
	for (size_t i = 0; i < GH_COUNT_OF(states); i++) {
		struct gh_test *t = begin("");
		status_is(&api, states[i], "true");
		const struct gh_test_answer *a = get(t, NULL);
		assert_refused(a, 503);
		assert_true(has(a->log, states[i]));
		assert_true(has(a->log, "sudo tailscale up"));
		status_is(&api, "Running", "true");
		gh_test_advance(t, 1000);
		assert_named(get(t, NULL), "alice@example.com");
		gh_test_end(t);
	}
	assert_int_equal(api.asked, GH_COUNT_OF(states));
}

static void nonsense_lets_nobody_in(void **state)
{
	static const char *const heads[] = { "200 OK", "403 Forbidden", "500 Internal Server Error",
					     "204 No Content", "302 Found" };
	static const char *const bodies[] = { "",     "hello",
					      "{}",   "[]",
					      "null", "{\"UserProfile\":{\"LoginName\":\"a@b\"}}" };

	(void)state;
	for (size_t h = 0; h < GH_COUNT_OF(heads); h++)
		for (size_t b = 0; b < GH_COUNT_OF(bodies); b++) {
			struct gh_test *t = begin("");
			answer(&api, api.whois, sizeof api.whois, heads[h], bodies[b]);
			assert_refused(get(t, NULL), 503);
			gh_test_end(t);
			whois_is(&api, "laptop.tail1.ts.net", "alice@example.com", "");
			t = begin("");
			answer(&api, api.status, sizeof api.status, heads[h], bodies[b]);
			assert_refused(get(t, NULL), 503);
			gh_test_end(t);
			status_is(&api, "Running", "true");
		}
	/* Cut in the middle. */
	struct gh_test *t = begin("");
	pthread_mutex_lock(&api.lock);
	api.whois[strlen(api.whois) - 20] = 0;
	pthread_mutex_unlock(&api.lock);
	assert_refused(get(t, NULL), 503);
	gh_test_end(t);
}

/* ---- The word of a front ---- */

static void vouched(const char *login, const char *name)
{
	next.source = GH_CLIENT_FORWARDED;
	next.identity = (struct gh_identity){ .vouched = true,
					      .login = gh_str(login),
					      .name = gh_str(name) };
}

static void a_front_that_is_believed_names_its_user(void **state)
{
	struct gh_test *t = begin("allow: alice@example.com");

	(void)state;
	vouched("alice@example.com", "Zo\u00eb");
	const struct gh_test_answer *a = get(t, NULL);
	assert_named(a, "alice@example.com");
	assert_true(has(a->upstream_headers, "Tailscale-User-Name: =?utf-8?q?Zo=C3=AB?=\r\n"));
	assert_false(has(a->upstream_headers, "Profile-Pic"));
	vouched("bob@example.com", "Bob");
	assert_refused(get(t, NULL), 403);
	assert_int_equal(api.asked + api.statuses, 0);
	gh_test_end(t);
}

static void what_a_front_says_without_vouching_is_nothing(void **state)
{
	struct gh_test *t = begin("public: pass");

	(void)state;
	vouched("alice@example.com", "Alice");
	next.identity.vouched = false;
	assert_nameless(get(t, NULL));
	gh_test_end(t);
}

static void of_a_front_the_internet_is_public_and_nobody_else(void **state)
{
	struct gh_test *t = begin("public: pass");

	(void)state;
	vouched(NULL, NULL);
	const struct gh_test_answer *a = get(t, NULL);
	assert_refused(a, 403);
	assert_true(has(a->log, "reason=\"no user of the tailnet\""));
	next.identity.internet = true;
	assert_nameless(get(t, NULL));
	gh_test_end(t);
	t = begin("");
	assert_refused(get(t, NULL), 403);
	gh_test_end(t);
	assert_int_equal(api.asked + api.statuses, 0);
}

static void behind_a_front_tags_are_asked_for(void **state)
{
	struct gh_test *t = begin("allow: tag:ci\npublic: pass");

	(void)state;
	whois_is(&api, "ci.tail1.ts.net", "tagged-devices", ",\"Tags\":[\"tag:ci\"]");
	vouched(NULL, NULL);
	assert_named(get(t, NULL), "ci.tail1.ts.net");
	gh_test_advance(t, 10000);
	whois_is(&api, "db.tail1.ts.net", "tagged-devices", ",\"Tags\":[\"tag:db\"]");
	assert_refused(get(t, NULL), 403);
	/* Not a user whom the front did not name, not the public, not whoever it may be. */
	gh_test_advance(t, 10000);
	whois_is(&api, "laptop.tail1.ts.net", "alice@example.com", "");
	assert_refused(get(t, NULL), 403);
	gh_test_advance(t, 10000);
	whois_knows_nobody(&api);
	assert_refused(get(t, NULL), 403);
	gh_test_client(t, "203.0.113.7");
	assert_refused(get(t, NULL), 403);
	answer(&api, api.whois, sizeof api.whois, "500 Internal Server Error", "");
	gh_test_advance(t, 10000);
	assert_refused(get(t, NULL), 503);
	next.family = AF_UNIX;
	assert_refused(get(t, NULL), 403);
	gh_test_end(t);
}

static void behind_a_front_the_tailnet_is_asked_for(void **state)
{
	struct gh_test *t = begin("tailnet: tail1.ts.net.\npublic: pass");

	(void)state;
	vouched("alice@example.com", "Alice");
	assert_named(get(t, NULL), "alice@example.com");
	assert_int_equal(api.asked, 1);
	/* The two do not mean the same one. */
	vouched("root@example.com", "Root");
	assert_refused(get(t, NULL), 403);
	gh_test_advance(t, 10000);
	vouched("alice@example.com", "Alice");
	whois_is(&api, "laptop.tail1.ts.net", "alice@example.com",
		 ",\"Hostinfo\":{\"ShareeNode\":true}");
	assert_refused(get(t, NULL), 403);
	gh_test_advance(t, 10000);
	whois_is(&api, "ci.tail1.ts.net", "tagged-devices", ",\"Tags\":[\"tag:ci\"]");
	assert_refused(get(t, NULL), 403);
	gh_test_advance(t, 10000);
	leave(&api);
	assert_refused(get(t, NULL), 503);
	gh_test_end(t);
	/* Nor is a user a machine, also where its tag is allowed. */
	listen_at(&api);
	t = begin("tailnet: tail1.ts.net\nallow: [\"*\", tag:ci]");
	assert_refused(get(t, NULL), 403);
	gh_test_end(t);
}

static void whom_an_earlier_step_named_keeps_that_name_unless_tailscale_knows_better(void **state)
{
	struct gh_test *t = begin("public: pass");

	(void)state;
	next.named = "key-of-the-laptop";
	assert_named(get(t, NULL), "alice@example.com");
	whois_knows_nobody(&api);
	gh_test_client(t, "203.0.113.7:4321");
	assert_named(get(t, NULL), "key-of-the-laptop");
	gh_test_end(t);
}

static void what_another_step_put_into_its_fields_goes(void **state)
{
	static const char *const fields[] = { "Tailscale-User-Login", "tailscale-user-name",
					      "Tailscale_User_Profile_Pic" };
	struct gh_test *t = begin("public: pass");

	(void)state;
	whois_knows_nobody(&api);
	gh_test_client(t, "203.0.113.7:4321");
	for (size_t i = 0; i < GH_COUNT_OF(fields); i++) {
		next.header = fields[i];
		const struct gh_test_answer *a = get(t, NULL);
		assert_named(a, "");
		assert_false(has(a->upstream_headers, fields[i]));
	}
	gh_test_end(t);
}

static void mistakes_of_the_config_are_refused_with_their_mend(void **state)
{
	static const struct {
		const char *yaml, *says;
	} bad[] = {
		{ "allow: alice", "'alice' is neither a login (alice@example.com)" },
		{ "allow: [\"tag:\"]", "'tag:' is no tag" },
		{ "allow: \"@example.com\"", "\"*@example.com\"" },
		{ "tailnet: example", "tail1234.ts.net" },
		{ "public: maybe", "'deny' or 'pass'" },
		{ "names: utf-8", "'mime' or 'percent'" },
		{ "cache: 11m", "cache" },
		{ "socket: nowhere", "nowhere" },
	};

	(void)state;
	for (size_t i = 0; i < GH_COUNT_OF(bad); i++) {
		struct gh_test *t = gh_test_begin(&gh_module_tailscale_auth, bad[i].yaml);
		assert_null(t);
		if (!has(gh_test_mistakes(), bad[i].says))
			fail_msg("%s: %s", bad[i].yaml, gh_test_mistakes());
	}
	struct gh_test *t = gh_test_begin(&gh_module_tailscale_auth, NULL);
	assert_non_null(t);
	gh_test_end(t);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_user_of_the_tailnet_is_named),
		CASE(what_an_address_is_is_remembered_for_a_while),
		CASE(a_connection_that_its_port_identifies_is_asked_about_each_time),
		CASE(who_is_not_allowed_is_refused_and_logged),
		CASE(a_machine_with_tags_is_nobody_until_a_tag_is_allowed),
		CASE(people_of_another_tailnet_are_refused_where_one_is_named),
		CASE(the_internet_is_denied_or_passes_without_a_name),
		CASE(no_name_is_not_public),
		CASE(an_address_that_is_not_the_clients_own_names_nobody),
		CASE(a_proxy_header_proves_nothing_in_userspace_networking),
		CASE(without_tailscaled_nobody_is_named),
		CASE(a_tailscaled_that_is_not_connected_names_nobody),
		CASE(nonsense_lets_nobody_in),
		CASE(a_front_that_is_believed_names_its_user),
		CASE(what_a_front_says_without_vouching_is_nothing),
		CASE(of_a_front_the_internet_is_public_and_nobody_else),
		CASE(behind_a_front_tags_are_asked_for),
		CASE(behind_a_front_the_tailnet_is_asked_for),
		CASE(whom_an_earlier_step_named_keeps_that_name_unless_tailscale_knows_better),
		CASE(what_another_step_put_into_its_fields_goes),
		CASE(mistakes_of_the_config_are_refused_with_their_mend),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
