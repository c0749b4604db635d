/* A config that is right is bound as its tables say, and shown again without its secrets. */
#include "unit/config/fixture.h"

#define MINIMAL "routes: [{ handle: bare-one }]\n"

static void a_minimal_config_has_all_defaults(void **state)
{
	(void)state;
	unsetenv("XDG_RUNTIME_DIR");
	const struct gh__config *c = read_good(MINIMAL);

	assert_str(c->path, "gateway.yaml");
	assert_str(c->workers, "auto");
	assert_int_equal(c->worker_count, 0);
	assert_str(c->user, "");
	assert_non_null(c->user.at);
	assert_int_equal(c->grace.ms, 10000);
	assert_int_equal(c->timeouts.handshake.ms, 10000);
	assert_int_equal(c->timeouts.head.ms, 30000);
	assert_int_equal(c->timeouts.body.ms, 60000);
	assert_int_equal(c->timeouts.idle.ms, 120000);
	assert_int_equal(c->timeouts.write.ms, 60000);
	assert_int_equal(c->limits.head.bytes, 64 * 1024);
	assert_int_equal(c->limits.headers, 100);
	assert_int_equal(c->limits.body.bytes, 64 << 20);
	assert_int_equal(c->limits.connections, 0);
	assert_int_equal(c->limits.connections_per_address, 0);
	assert_int_equal(c->limits.handshakes_per_address, 20);
	assert_int_equal(c->trusted_proxies.count, 0);
	assert_str(c->log.access.to, "stdout");
	assert_int_equal(c->log.access.format.index, GH__LOG_JSON);
	assert_str(c->admin.address, "unix:/run/gatehouse/admin.sock");
	assert_str(c->admin.mode, "0600");
	assert_true(c->admin.listen.is_unix);
	assert_str(c->admin.listen.host, "/run/gatehouse/admin.sock");
	assert_int_equal(c->listen_count, 1);
	assert_str(c->listen[0].host, "127.0.0.1");
	assert_int_equal(c->listen[0].port, 8080);
	assert_int_equal(c->listen[0].tls.count, 0);
	assert_int_equal(c->listen[0].proxy_protocol.count, 0);
	assert_int_equal(c->listen[0].identity.index, GH__IDENTITY_NONE);
	assert_false(c->listen[0].h2c);
	assert_int_equal(c->upstream_count, 0);
	assert_int_equal(c->route_count, 1);
	assert_str(c->routes[0].name, "routes[0]");
	assert_int_equal(c->routes[0].max_body.bytes, 0);
	assert_int_equal(c->routes[0].handler_count, 1);
	assert_ptr_equal(c->routes[0].handlers[0].module, &bare_module);
}

static void the_top_level_is_bound(void **state)
{
	(void)state;
	const struct gh__config *c = read_good(
		"workers: 3\n"
		"user: gatehouse\n"
		"grace: 0\n"
		"timeouts: { head: 250ms, idle: 2h }\n"
		"limits: { head: 8k, connections: 5 }\n"
		"trusted_proxies: [127.0.0.1, 10.0.0.0/8, fd00::/8]\n"
		"log: { access: { to: /var/log/x, format: combined, "
		"roll_size: 10M, keep: 2 } }\n"
		"admin: off\n" MINIMAL);
	assert_int_equal(c->worker_count, 3);
	assert_str(c->user, "gatehouse");
	assert_int_equal(c->grace.ms, 0);
	assert_int_equal(c->timeouts.head.ms, 250);
	assert_int_equal(c->timeouts.idle.ms, 7200000);
	assert_int_equal(c->timeouts.body.ms, 60000);
	assert_int_equal(c->limits.head.bytes, 8192);
	assert_int_equal(c->limits.connections, 5);
	assert_int_equal(c->trusted_proxies.count, 3);
	assert_str(c->trusted_proxies.items[2], "fd00::/8");
	assert_str(c->log.access.to, "/var/log/x");
	assert_int_equal(c->log.access.format.index, GH__LOG_COMBINED);
	assert_int_equal(c->log.access.roll_size.bytes, 10 << 20);
	assert_int_equal(c->log.access.keep, 2);
	assert_str(c->admin.address, "off");
	assert_null(c->admin.listen.host.at);
}

static void listeners_are_taken_apart(void **state)
{
	(void)state;
	const struct gh__config *c = read_good("listen:\n"
					       "- 127.0.0.1:80\n"
					       "- '[::1]:81'\n"
					       "- :82\n"
					       "- localhost:83\n"
					       "- { address: unix:/run/x.sock, mode: 0666 }\n"
					       "- 127.0.0.1:0\n"
					       "- 127.0.0.1:0\n" MINIMAL);
	const struct {
		const char *host;
		uint16_t port;
	} expected[] = { { "127.0.0.1", 80 }, { "::1", 81 },        { "", 82 },
			 { "127.0.0.1", 83 }, { "/run/x.sock", 0 }, { "127.0.0.1", 0 },
			 { "127.0.0.1", 0 } };

	assert_int_equal(c->listen_count, 7);
	for (size_t i = 0; i < 7; i++) {
		assert_str(c->listen[i].host, expected[i].host);
		assert_int_equal(c->listen[i].port, expected[i].port);
		assert_int_equal(c->listen[i].is_unix, i == 4);
		assert_int_equal(c->listen[i].place.line, i + 2);
		assert_int_equal(c->listen[i].place.column, 3);
	}
	assert_str(c->listen[4].mode, "0666");
	assert_str(c->listen[4].address, "unix:/run/x.sock");
}

static void sources_of_certificates_are_bound_like_modules(void **state)
{
	(void)state;
	const struct gh__config *c = read_good("upstreams: { studio: http://127.0.0.1:1234 }\n"
					       "listen:\n"
					       "- address: ':443'\n"
					       "  tls:\n"
					       "  - pem: /a.pem\n"
					       "  - pem: { cert: /b.pem, key: k, from: studio }\n"
					       "- address: ':444'\n"
					       "  tls: { pem: { cert: /c.pem } }\n"
					       "- address: ':80'\n"
					       "  h2c: true\n" MINIMAL);
	const struct gh__handlers *tls = &c->listen[0].tls;
	const struct pem *first = tls->items[0].self, *second = tls->items[1].self;

	assert_int_equal(tls->count, 2);
	assert_ptr_equal(tls->items[1].module, &pem_module);
	assert_int_equal(tls->items[1].place.line, 6);
	assert_str(first->cert, "/a.pem");
	assert_str(second->cert, "/b.pem");
	assert_str(second->key, "k");
	assert_null(first->from.upstream);
	assert_ptr_equal(second->from.upstream, c->upstreams[0]);
	assert_int_equal(c->listen[1].tls.count, 1);
	assert_str(((const struct pem *)c->listen[1].tls.items[0].self)->cert, "/c.pem");
	assert_int_equal(c->listen[2].tls.count, 0);
	assert_true(c->listen[2].h2c);
	assert_false(c->listen[1].h2c);
}

static void who_is_believed_is_bound_to_its_listener(void **state)
{
	(void)state;
	const struct gh__config *c = read_good(
		"listen:\n"
		"- { address: ':443', proxy_protocol: [127.0.0.1, 10.0.0.0/8] }\n"
		"- { address: unix:/a, identity: tailscale }\n"
		"- { address: unix:/b, proxy_protocol: unix }\n"
		"- { address: unix:/c, identity: tailscale, mode: 0700 }\n" MINIMAL);

	assert_int_equal(c->listen[0].proxy_protocol.count, 2);
	assert_str(c->listen[0].proxy_protocol.items[1], "10.0.0.0/8");
	assert_int_equal(c->listen[0].identity.index, GH__IDENTITY_NONE);
	assert_int_equal(c->listen[1].identity.index, GH__IDENTITY_TAILSCALE);
	assert_str(c->listen[1].mode, "0600");
	assert_str(c->listen[2].mode, "0660");
	assert_int_equal(c->listen[2].proxy_protocol.count, 1);
	assert_str(c->listen[3].mode, "0700");
}

/* What is in the environment is put back: the other tests read it, too. */
static void the_state_dir_is_where_the_user_has_theirs(void **state)
{
	char *home = strdup(getenv("HOME") ? getenv("HOME") : "/");

	(void)state;
	setenv("HOME", "/home/me", 1);
	setenv("XDG_STATE_HOME", "/home/me/state/", 1);
	unsetenv("STATE_DIRECTORY");
	read_good(MINIMAL);
	assert_str(config->state_dir,
		   geteuid() == 0 ? "/var/lib/gatehouse" : "/home/me/state/gatehouse");
	unsetenv("XDG_STATE_HOME");
	read_good(MINIMAL);
	assert_str(config->state_dir,
		   geteuid() == 0 ? "/var/lib/gatehouse" : "/home/me/.local/state/gatehouse");
	/* One that the process becomes: the same before and after. */
	read_good("user: somebody\n" MINIMAL);
	assert_str(config->state_dir, "/var/lib/gatehouse");
	setenv("STATE_DIRECTORY", "/var/lib/one:/var/lib/two", 1);
	read_good("user: somebody\n" MINIMAL);
	assert_str(config->state_dir, "/var/lib/one");
	read_good("state_dir: /srv/state\n" MINIMAL);
	assert_str(config->state_dir, "/srv/state");
	unsetenv("STATE_DIRECTORY");
	setenv("HOME", home, 1);
	free(home);
}

static void listeners_that_do_not_clash_are_taken(void **state)
{
	(void)state;
	read_good(
		"listen: ['0.0.0.0:80', '[::1]:80', ':81', 127.0.0.1:82, 127.0.0.2:82]\n" MINIMAL);
	read_good("listen: ['[::]:80', 127.0.0.1:80]\n" MINIMAL);
}

static void the_admin_socket_of_a_user_is_in_their_own_folder(void **state)
{
	(void)state;
	setenv("XDG_RUNTIME_DIR", "/run/user/1000", 1);
	read_good(MINIMAL);
	unsetenv("XDG_RUNTIME_DIR");
	if (geteuid() == 0)
		assert_str(config->admin.address, "unix:/run/gatehouse/admin.sock");
	else
		assert_str(config->admin.address, "unix:/run/user/1000/gatehouse-admin.sock");
}

static void routes_are_bound_in_the_order_of_the_file(void **state)
{
	(void)state;
	const struct gh__config *c = read_good(
		"routes:\n"
		"- name: api\n"
		"  match: { path: [/v1, /v2], host: '*.example.org', method: [GET, POST] }\n"
		"  handle: [bare-one, proxy: http://a, bare-one: {}, bare-one: ]\n"
		"  max_body: 10M\n"
		"- match: /files\n"
		"  handle: bare-one\n"
		"- match: { path: '/a%2Fb/%C3%A4' }\n"
		"  handle: bare-one\n"
		"- handle:\n"
		"    proxy: { to: http://b }\n");

	assert_int_equal(c->route_count, 4);
	assert_str(c->routes[0].name, "api");
	assert_int_equal(c->routes[0].match.path.count, 2);
	assert_str(c->routes[0].match.path.items[1], "/v2");
	assert_str(c->routes[0].match.host.items[0], "*.example.org");
	assert_str(c->routes[0].match.method.items[1], "POST");
	assert_int_equal(c->routes[0].max_body.bytes, 10 << 20);
	assert_int_equal(c->routes[0].handler_count, 4);
	assert_ptr_equal(c->routes[0].handlers[1].module, &proxy_module);
	assert_int_equal(c->routes[0].handlers[1].place.line, 4);
	assert_int_equal(c->routes[0].handlers[1].place.column, 22);
	assert_str(c->routes[1].name, "/files");
	assert_int_equal(c->routes[1].place.line, 6);
	assert_str(c->routes[2].name, "/a%2Fb/%C3%A4");
	assert_str(c->routes[3].name, "routes[3]");
	assert_int_equal(c->routes[3].match.path.count, 0);
}

static void routes_that_are_reached_are_no_mistake(void **state)
{
	(void)state;
	read_good("routes:\n"
		  "- { match: { path: /v1, method: GET }, handle: bare-one }\n"
		  "- { match: { path: /v1 }, handle: bare-one }\n"
		  "- { match: { path: /v10 }, handle: bare-one }\n"
		  "- { match: { host: a.org }, handle: bare-one }\n"
		  "- { match: { host: '*.a.org' }, handle: bare-one }\n"
		  "- { match: { path: [/v1/x, /w] }, handle: bare-one }\n"
		  "- { match: { path: / }, handle: bare-one }\n");
}

static void upstreams_are_shared_by_name_and_by_address(void **state)
{
	(void)state;
	const struct gh__config *c = read_good(
		"upstreams:\n"
		"  studio: http://127.0.0.1:1234\n"
		"  pool: { to: [http://a, 'http://[::1]:81/', unix:/run/m.sock],\n"
		"          balance: least_busy, keepalive: 0, health: /v1/models }\n"
		"routes:\n"
		"- handle: [proxy: studio, proxy: { to: pool }, proxy: http://127.0.0.1:1234,\n"
		"           proxy: 'http://127.0.0.1:1234/', proxy: [http://x, http://Y:8000],\n"
		"           proxy: { to: [http://x, 'http://y:8000'] }]\n");
	const struct proxy *p[6];

	for (size_t i = 0; i < 6; i++)
		p[i] = c->routes[0].handlers[i].self;
	assert_int_equal(c->upstream_count, 4);
	assert_ptr_equal(p[0]->to.upstream, c->upstreams[0]);
	assert_ptr_equal(p[1]->to.upstream, c->upstreams[1]);
	assert_ptr_equal(p[2]->to.upstream, c->upstreams[2]);
	assert_ptr_equal(p[3]->to.upstream, c->upstreams[2]);
	assert_ptr_equal(p[4]->to.upstream, c->upstreams[3]);
	assert_ptr_equal(p[5]->to.upstream, c->upstreams[3]);

	const struct gh_upstream *pool = c->upstreams[1];
	assert_str(pool->name, "pool");
	assert_int_equal(pool->place.line, 3);
	assert_int_equal(pool->balance.index, GH__LEAST_BUSY);
	assert_int_equal(pool->keepalive.ms, 0);
	assert_int_equal(pool->connect_timeout.ms, 5000);
	assert_int_equal(pool->first_byte_timeout.ms, 0);
	assert_int_equal(pool->idle_timeout.ms, 300000);
	assert_int_equal(pool->fail_timeout.ms, 2000);
	assert_int_equal(pool->max_idle, 1024);
	assert_int_equal(pool->max_concurrent, 0);
	assert_int_equal(pool->queue, 256);
	assert_int_equal(pool->queue_timeout.ms, 120000);
	assert_int_equal(pool->cold_start.index, GH__COLD_START_ONE);
	assert_str(pool->key, "");
	assert_false(pool->assemble);
	assert_str(pool->health.path, "/v1/models");
	assert_int_equal(pool->health.interval.ms, 10000);
	assert_int_equal(pool->health.timeout.ms, 5000);
	assert_int_equal(pool->endpoint_count, 3);
	assert_str(pool->endpoints[0].host, "a");
	assert_int_equal(pool->endpoints[0].port, 80);
	assert_str(pool->endpoints[0].authority, "a");
	assert_str(pool->endpoints[1].host, "::1");
	assert_int_equal(pool->endpoints[1].port, 81);
	assert_str(pool->endpoints[1].authority, "[::1]:81");
	assert_str(pool->endpoints[1].url, "http://[::1]:81/");
	assert_int_equal(pool->endpoints[2].scheme, GH__UNIX);
	assert_str(pool->endpoints[2].host, "/run/m.sock");
	assert_str(pool->endpoints[2].authority, "localhost");
	assert_str(c->upstreams[3]->name, "http://x");
	assert_str(c->upstreams[3]->endpoints[1].authority, "y:8000");
	assert_int_equal(c->upstreams[3]->to.count, 2);
	assert_int_equal(c->upstreams[3]->max_idle, 1024);
	assert_int_equal(c->upstreams[3]->queue, 256);
	assert_str(c->upstreams[3]->key, "");
	assert_null(pool->runtime);
}

static void the_identity_of_an_upstream_changes_with_what_it_is(void **state)
{
	char first[400];

	(void)state;
	read_good("upstreams: { a: { to: http://b, keepalive: 4s } }\n" MINIMAL);
	snprintf(first, sizeof(first), GH_FMT, GH_ARG(config->upstreams[0]->identity));
	read_good("# moved\nupstreams:\n  a: { keepalive: 4000ms, to: 'http://B:80/' }\n" MINIMAL);
	assert_str(config->upstreams[0]->identity, first);
	const char *const others[] = { "c: { to: http://b }",
				       "a: { to: http://c }",
				       "a: { to: http://b, keepalive: 5s }",
				       "a: { to: http://b, health: / }",
				       "a: { to: http://b, max_idle: 1 }",
				       "a: { to: http://b, max_concurrent: 1 }",
				       "a: { to: http://b, queue: 1 }",
				       "a: { to: http://b, queue_timeout: 1s }",
				       "a: { to: http://b, cold_start: all }",
				       "a: { to: http://b, key: sk-1 }",
				       "a: { to: http://b, assemble: true }",
				       "a: { to: [http://b, http://b] }" };
	for (size_t i = 0; i < GH_COUNT_OF(others); i++) {
		char yaml[300];
		snprintf(yaml, sizeof(yaml), "upstreams: { %s }\n" MINIMAL, others[i]);
		read_good(yaml);
		assert_false(gh_str_is(config->upstreams[0]->identity, first));
	}
}

static void an_upstream_has_a_queue_and_a_key(void **state)
{
	(void)state;
	read_good("upstreams: { a: { to: http://b, max_concurrent: 4, queue: 0, queue_timeout: 0, "
		  "cold_start: all, key: sk-secret, assemble: true } }\n" MINIMAL);
	const struct gh_upstream *u = config->upstreams[0];
	assert_int_equal(u->max_concurrent, 4);
	assert_int_equal(u->queue, 0);
	assert_int_equal(u->queue_timeout.ms, 0);
	assert_int_equal(u->cold_start.index, GH__COLD_START_ALL);
	assert_str(u->key, "sk-secret");
	assert_true(u->assemble);
}

static void the_key_of_an_upstream_is_nowhere_but_in_its_place(void **state)
{
	static const char *const bad[] = { "'sk-se cret'", "\"sk-secret\\n\"", "'sk-secr\xc3\xa9t'",
					   "[sk-secret]",  "Bearer sk-secret", "''" };
	char first[600];

	(void)state;
	read_good("upstreams: { a: { to: http://b, key: sk-secret } }\n" MINIMAL);
	snprintf(first, sizeof(first), GH_FMT, GH_ARG(config->upstreams[0]->identity));
	assert_null(strstr(first, "secret"));
	assert_null(strstr(config->shown.at, "secret"));
	assert_non_null(strstr(config->shown.at, "key: "));
	/* Another of the same length is another. */
	read_good("upstreams: { a: { to: http://b, key: sk-sekret } }\n" MINIMAL);
	assert_false(gh_str_is(config->upstreams[0]->identity, first));
	for (size_t i = 0; i < GH_COUNT_OF(bad); i++) {
		char yaml[300];
		snprintf(yaml, sizeof(yaml),
			 "upstreams: { a: { to: http://b, key: %s } }\n" MINIMAL, bad[i]);
		assert_null(read_yaml(yaml));
		assert_non_null(strstr(gh__mistakes_text(mistakes).at, "'key'"));
		assert_null(strstr(gh__mistakes_text(mistakes).at, "sk-se"));
	}
}

static void every_type_has_its_default(void **state)
{
	(void)state;
	const struct every *e = every_with("");

	assert_true(e->flag);
	assert_int_equal(e->number, 7);
	assert_str(e->word, "hello");
	assert_int_equal(e->wait.ms, 10000);
	assert_int_equal(e->room.bytes, 65536);
	assert_int_equal(e->amount.n, 2000);
	assert_int_equal(e->colour.index, 1);
	assert_int_equal(e->names.count, 2);
	assert_str(e->names.items[1], "b");
	assert_int_equal(e->pairs.count, 0);
	assert_false(e->inner.deep);
	assert_str(e->inner.note, "none");
	assert_int_equal(e->parts.count, 0);
	assert_int_equal(e->members.count, 0);
	assert_null(e->to.upstream);
	assert_str(e->token, "");
	assert_non_null(e->token.at);
}

static void every_type_is_bound(void **state)
{
	(void)state;
	const struct every *e = every_with("      flag: false\n"
					   "      number: -5\n"
					   "      word: 'a, b'\n"
					   "      wait: 1h\n"
					   "      room: 1G\n"
					   "      amount: 3M\n"
					   "      colour: blue\n"
					   "      names: just one\n"
					   "      pairs: { b: 1, a: 'x: y' }\n"
					   "      inner: { deep: true }\n"
					   "      parts:\n"
					   "      - { requests: 10, window: 1s }\n"
					   "      - requests: 20\n"
					   "      members:\n"
					   "        bob: admin\n"
					   "        al: { level: 9 }\n"
					   "        eve:\n"
					   "      to: http://a\n"
					   "      token: \"12345678\"\n"
					   "      users: { u: '$a$b=1,c=2' }\n");
	const struct part *parts = e->parts.items;
	const struct member *members = e->members.items;

	assert_false(e->flag);
	assert_int_equal(e->number, -5);
	assert_str(e->word, "a, b");
	assert_int_equal(e->wait.ms, 3600000);
	assert_int_equal(e->room.bytes, 1 << 30);
	assert_int_equal(e->amount.n, 3000000);
	assert_int_equal(e->colour.index, 2);
	assert_int_equal(e->names.count, 1);
	assert_str(e->names.items[0], "just one");
	assert_int_equal(e->names.items[0].at[8], 0);
	assert_int_equal(e->pairs.count, 2);
	assert_str(e->pairs.items[0].key, "b");
	assert_str(e->pairs.items[1].value, "x: y");
	assert_true(e->inner.deep);
	assert_str(e->inner.note, "none");
	assert_int_equal(e->parts.count, 2);
	assert_int_equal(parts[0].requests, 10);
	assert_int_equal(parts[0].window.ms, 1000);
	assert_int_equal(parts[1].requests, 20);
	assert_int_equal(parts[1].window.ms, 60000);
	assert_int_equal(e->members.count, 3);
	assert_str(members[0].name, "bob");
	assert_str(members[0].role, "admin");
	assert_int_equal(members[0].level, 1);
	assert_str(members[1].role, "guest");
	assert_int_equal(members[1].level, 9);
	assert_str(members[2].name, "eve");
	assert_str(e->to.upstream->endpoints[0].host, "a");
	assert_str(e->token, "12345678");
	assert_str(e->users.items[0].value, "$a$b=1,c=2");
}

static void durations_sizes_and_counts_have_their_units(void **state)
{
	static const struct {
		const char *wait, *room, *amount;
		int64_t ms, bytes, n;
	} cases[] = { { "10ms", "1024", "10", 10, 1024, 10 },
		      { "1s", "1k", "1k", 1000, 1024, 1000 },
		      { "2m", "3M", "3M", 120000, 3 << 20, 3000000 },
		      { "1h", "1G", "'999'", 3600000, 1 << 30, 999 } };

	(void)state;
	for (size_t i = 0; i < GH_COUNT_OF(cases); i++) {
		char yaml[200];
		snprintf(yaml, sizeof(yaml), "      wait: %s\n      room: %s\n      amount: %s\n",
			 cases[i].wait, cases[i].room, cases[i].amount);
		const struct every *e = every_with(yaml);
		assert_int_equal(e->wait.ms, cases[i].ms);
		assert_int_equal(e->room.bytes, cases[i].bytes);
		assert_int_equal(e->amount.n, cases[i].n);
	}
}

#define SECRETS(token) \
	"upstreams: { studio: { to: http://127.0.0.1:1234, health: /v1/models } }\n" \
	"trusted_proxies: 127.0.0.1\n" \
	"listen: [':81', { address: unix:/run/x, mode: 0600, identity: tailscale },\n" \
	"  { address: ':82', tls: [pem: { cert: /c.pem, key: hunter2, from: studio }] }]\n" \
	"routes:\n" \
	"- match: { path: [/v1], host: '*.a.org' }\n" \
	"  handle:\n" \
	"  - every:\n" \
	"      token: " token "\n" \
	"      users: { bob: 'swordfish, or so', al: '${env:GATEHOUSE_TEST}' }\n" \
	"      pairs: { X-A: 'a: \"b\\\\', X-B: '${env:GATEHOUSE_TEST}' }\n" \
	"      word: 'x${env:GATEHOUSE_TEST}y'\n" \
	"      parts: { requests: 3 }\n" \
	"      members: { bob: admin }\n" \
	"- handle: [bare-one, proxy: studio]\n"

static void what_is_shown_has_no_secret_and_all_defaults(void **state)
{
	static const char *const there[] = {
		"workers: auto\n",
		"  head: 30s\n",
		"      path: /v1/models\n      interval: 10s\n",
		"  - address: \":81\"\n    identity: none\n    h2c: false\n  - address: "
		"unix:/run/x\n    mode: 0600\n",
		"    tls:\n      - pem:\n          cert: /c.pem\n          key: \"…\"\n          "
		"from: [studio]\n",
		"      host: [\"*.a.org\"]\n",
		"            X-A: \"a: \\\"b\\\\\\\\\"\n",
		"            X-B: \"${env:GATEHOUSE_TEST}\"\n",
		"          word: \"x${env:GATEHOUSE_TEST}y\"\n",
		"          token: \"…\"\n",
		"            bob: \"…\"\n            al: \"${env:GATEHOUSE_TEST}\"\n",
		"            - requests: 3\n              window: 1m\n",
		"            bob:\n              role: admin\n              level: 1\n",
		"      - bare-one: {}\n",
		"          to: [studio]\n",
	};

	(void)state;
	setenv("GATEHOUSE_TEST", "opensesame", 1);
	read_good(SECRETS("hunter2hunter2"));
	for (size_t i = 0; i < GH_COUNT_OF(there); i++)
		if (!strstr(config->shown.at, there[i]))
			fail_msg("not shown:\n%s\nbut:\n%s", there[i], config->shown.at);
	assert_null(strstr(config->shown.at, "opensesame"));
	assert_null(strstr(config->shown.at, "hunter2"));
	assert_null(strstr(config->shown.at, "swordfish"));
}

static void what_is_shown_reads_as_the_same_config(void **state)
{
	(void)state;
	setenv("GATEHOUSE_TEST", "opensesame", 1);
	read_good(SECRETS("'${env:GATEHOUSE_TEST}'"));
	char *shown = strdup(config->shown.at);
	read_good(shown);
	assert_string_equal(config->shown.at, shown);
	free(shown);
}

static void a_file_may_have_a_byte_order_mark_and_other_line_breaks(void **state)
{
	(void)state;
	read_good("\xef\xbb\xbfworkers: 2\r\nuser: me\r\n" MINIMAL);
	assert_int_equal(config->worker_count, 2);
	assert_null(read_yaml("\xef\xbb\xbfworkers: 2\r\nuzer: me\r\n" MINIMAL));
	assert_non_null(strstr(gh__mistakes_text(mistakes).at,
			       "gateway.yaml:2:1: unknown key 'uzer'; did you mean 'user'?\n"
			       "    2 | uzer: …\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_minimal_config_has_all_defaults, forget),
		cmocka_unit_test_teardown(the_top_level_is_bound, forget),
		cmocka_unit_test_teardown(listeners_are_taken_apart, forget),
		cmocka_unit_test_teardown(sources_of_certificates_are_bound_like_modules, forget),
		cmocka_unit_test_teardown(who_is_believed_is_bound_to_its_listener, forget),
		cmocka_unit_test_teardown(the_state_dir_is_where_the_user_has_theirs, forget),
		cmocka_unit_test_teardown(listeners_that_do_not_clash_are_taken, forget),
		cmocka_unit_test_teardown(the_admin_socket_of_a_user_is_in_their_own_folder,
					  forget),
		cmocka_unit_test_teardown(routes_are_bound_in_the_order_of_the_file, forget),
		cmocka_unit_test_teardown(routes_that_are_reached_are_no_mistake, forget),
		cmocka_unit_test_teardown(upstreams_are_shared_by_name_and_by_address, forget),
		cmocka_unit_test_teardown(the_identity_of_an_upstream_changes_with_what_it_is,
					  forget),
		cmocka_unit_test_teardown(every_type_has_its_default, forget),
		cmocka_unit_test_teardown(every_type_is_bound, forget),
		cmocka_unit_test_teardown(an_upstream_has_a_queue_and_a_key, forget),
		cmocka_unit_test_teardown(the_key_of_an_upstream_is_nowhere_but_in_its_place,
					  forget),
		cmocka_unit_test_teardown(durations_sizes_and_counts_have_their_units, forget),
		cmocka_unit_test_teardown(what_is_shown_has_no_secret_and_all_defaults, forget),
		cmocka_unit_test_teardown(what_is_shown_reads_as_the_same_config, forget),
		cmocka_unit_test_teardown(a_file_may_have_a_byte_order_mark_and_other_line_breaks,
					  forget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
