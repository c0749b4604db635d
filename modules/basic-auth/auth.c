/*
 * basic-auth: lets in who has a password or a key.
 *
 * The order of work is what keeps a password hash from becoming a weapon: sizes, then keys (one
 * SHA-256), then the budget of failures of the client's address, then the cache of verified
 * credentials (one keyed hash), and only then a computation on the pool, where few run at once and
 * few wait. An unknown user costs what a wrong password costs: the hash of some user of the book is
 * computed, and what comes out does not count.
 */
#include <stdio.h>

#include <gatehouse/module.h>

#include "auth.h"
#include "credential.h"

/* ---- Options ---- */

static int check_hash(struct gh_str value, char *why, size_t size)
{
	struct basic_auth_hash hash;

	return basic_auth_hash_read(value, &hash, why, size);
}

static int check_key(struct gh_str value, char *why, size_t size)
{
	struct basic_auth_digest digest;

	return basic_auth_key_read(value, &digest, why, size);
}

static int check_realm(struct gh_str value, char *why, size_t size)
{
	for (size_t i = 0; i < value.len; i++) {
		if ((unsigned char)value.at[i] >= ' ' && value.at[i] != 0x7f)
			continue;
		snprintf(why, size, "the realm has a control byte at byte %zu; leave it out",
			 i + 1);
		return -1;
	}
	return 0;
}

static int check_upstream_key(struct gh_str value, char *why, size_t size)
{
	for (size_t i = 0; i < value.len; i++) {
		if (value.at[i] > ' ' && value.at[i] <= '~')
			continue;
		snprintf(why, size,
			 "the key has a space, a control byte or a byte beyond ASCII at byte "
			 "%zu; copy it anew, without the end of the line",
			 i + 1);
		return -1;
	}
	return 0;
}

#define OPTION(field, fallback, doc, ...) GH_OPTION(struct auth, field, fallback, doc, __VA_ARGS__)

static const char *const whom[] = { "everyone", "strangers", NULL };

static const struct gh_option options[] = {
	OPTION(users, NULL,
	       "Users and their password hashes: argon2id as `gatehouse hash-password` makes them, "
	       "or "
	       "bcrypt (`$2a$`, `$2b$`, `$2y$`) from Caddy and htpasswd. Quote them: they have "
	       "commas. "
	       "At most m=262144, t=10, p=4, and a bcrypt cost of 4 to 14.",
	       .flags = GH_SECRET, .check = check_hash),
	OPTION(keys, NULL,
	       "Names and keys, each kept as `sha256:` and 64 hexadecimal digits, as `gatehouse "
	       "key new` "
	       "makes them. A key must be random, since it may be guessed at without a limit. It "
	       "is "
	       "taken as `Authorization: Bearer KEY`, as `x-api-key: KEY`, and as a Basic "
	       "password.",
	       .flags = GH_SECRET, .check = check_key),
	OPTION(credentials, NULL,
	       "Path of a YAML file with more `users:` and `keys:`, which others may not read "
	       "(mode 0640 "
	       "or stricter). There a name may stand with a mapping that binds it to models, a day "
	       "of expiry, a priority and limits. A change takes effect within a second, without a "
	       "reload; a broken "
	       "file "
	       "leaves the old one in force, and the log says why.",
	       .max = 4096),
	OPTION(realm, "Gatehouse", "What a browser names when it asks for a password.", .min = 1,
	       .max = 200, .check = check_realm),
	OPTION(upstream_key, NULL,
	       "The key that the upstream wants. It is sent as `Authorization: Bearer KEY` in "
	       "place of "
	       "what the client sent, which never goes on.",
	       .flags = GH_SECRET, .min = 1, .max = 4096, .check = check_upstream_key),
	OPTION(cache_ttl, "5m",
	       "How long a verified password is good without computing its hash again; `0s`: "
	       "never. A "
	       "user who is changed or removed is gone from the cache at once.",
	       .min = 0, .max = 24 * 3600 * 1000),
	OPTION(cache_size, "1000", "How many verified passwords are remembered, as keyed hashes.",
	       .min = 1, .max = 100000),
	OPTION(max_tries, "10",
	       "How many wrong passwords a minute one client address may send (IPv6: one /64) "
	       "before it "
	       "is answered 429 without looking. Where the address says nothing of who calls (unix "
	       "sockets, the loopback), each user name has a budget of its own. Keys have none.",
	       .min = 1, .max = 1000),
	/* `for` is a word of C, so that no field can have the name. */
	{ .name = "for",
	  .type = GH_TYPE_CHOICE,
	  .offset = offsetof(struct auth, whom),
	  .fallback = "everyone",
	  .choices = whom,
	  .doc = "Who must show a password or key: `everyone`, or `strangers` alone, so that whom "
		 "an "
		 "earlier handler named, such as `tailscale-auth`, goes on by that name, whatever "
		 "credentials came along; they are taken off as always." },
	GH_OPTIONS_END
};

/* ---- Provision ---- */

/* So many callers with limits of their own can have something to pay off at once; no client can make
 * up another one. */
enum { BUDGET_KEYS = 16384 };

static int begin_book(const void *arg, struct basic_auth_book *book, char *why, size_t size)
{
	const struct auth *a = arg;

	for (size_t i = 0; i < a->users.count; i++)
		if (basic_auth_book_add_user(book, a->users.items[i].key, a->users.items[i].value,
					     0, why, size) != 0)
			return -1;
	for (size_t i = 0; i < a->keys.count; i++)
		if (basic_auth_book_add_key(book, a->keys.items[i].key, a->keys.items[i].value, 0,
					    why, size) != 0)
			return -1;
	return 0;
}

/* Basic realm="…", with the realm's quotes escaped. */
static struct gh_str make_challenge(struct gh_instance *in, struct gh_str realm)
{
	struct gh_str head = GH_STR("Basic realm=\""), tail = GH_STR("\", charset=\"UTF-8\"");
	char *to = gh_instance_alloc(in, head.len + 2 * realm.len + tail.len + 1), *at = to;

	memcpy(at, head.at, head.len);
	at += head.len;
	for (size_t i = 0; i < realm.len; i++) {
		if (realm.at[i] == '"' || realm.at[i] == '\\')
			*at++ = '\\';
		*at++ = realm.at[i];
	}
	memcpy(at, tail.at, tail.len + 1);
	return gh_str(to);
}

static struct gh_str make_authorization(struct gh_instance *in, struct gh_str key)
{
	size_t size = key.len + sizeof("Bearer ");
	char *to = gh_instance_alloc(in, size);

	snprintf(to, size, "Bearer " GH_FMT, GH_ARG(key));
	return gh_str(to);
}

static int provision(struct gh_instance *in, void *self)
{
	struct auth *a = self;
	char why[1024];

	if (a->users.count == 0 && a->keys.count == 0 && a->credentials.len == 0)
		return gh_invalid(in, "basic-auth knows nobody, so it would let nobody in; give it "
				      "`users:`, `keys:` or a `credentials:` file");
	a->shelf = gh_instance_alloc(in, sizeof(*a->shelf));
	a->shelf->path = a->credentials.len > 0 ? a->credentials.at : NULL;
	a->shelf->begin = begin_book;
	a->shelf->begin_arg = a;
	if (basic_auth_shelf_init(a->shelf, why, sizeof(why)) != 0)
		return gh_invalid_at(in, a->credentials, "%s", why);

	char *name = gh_instance_alloc(in, 64);

	/* What differs in size is a keep of its own; all others share one. */
	snprintf(name, 64, "%lld verified, %lld tries", (long long)a->cache_size,
		 (long long)a->max_tries);
	a->keep = gh_shared(in, gh_str(name), &basic_auth_keep_type);
	basic_auth_keep_size(a->keep, (size_t)a->cache_size, a->max_tries);
	a->challenge = make_challenge(in, a->realm);
	if (a->upstream_key.len > 0)
		a->authorization = make_authorization(in, a->upstream_key);

	if (a->credentials.len > 0)
		a->budgets = gh_budgets_open(in, GH_STR("basic-auth/keys"), BUDGET_KEYS,
					     GH_LIMITS_MAX);

	const char *logins = "gatehouse_logins_total",
		   *help = "Credentials shown, by what came of it.";

	a->accepted = gh_counter(in, logins, "result=\"accepted\"", help);
	a->denied = gh_counter(in, logins, "result=\"denied\"", help);
	a->limited = gh_counter(in, logins, "result=\"limited\"", help);
	a->refused = gh_counter(in, "gatehouse_ratelimit_refused_total", "",
				"Requests that were refused because a limit was reached.");
	a->hashes = gh_counter(in, "gatehouse_password_hashes_total", "",
			       "Password hashes computed; what the cache knows costs none.");
	return 0;
}

static void cleanup(void *self)
{
	struct auth *a = self;

	if (a->shelf != NULL)
		basic_auth_shelf_finish(a->shelf);
}

/* ---- A request ---- */

static enum gh_verdict check_bearer(struct gh_step *s, const struct basic_auth_credential *c)
{
	const struct auth *a = s->self;
	struct auth_local *local = s->local;
	const struct basic_auth_book *book = basic_auth_shelf_open(a->shelf, &local->reader);
	const struct basic_auth_key *key = basic_auth_book_key(book, &local->recent, c->secret);
	enum gh_verdict verdict = key != NULL
					  ? basic_auth_accept_key(s, key, BASIC_AUTH_SPEAKS_OTHER)
					  : basic_auth_deny(s, BASIC_AUTH_SPEAKS_OTHER, GH_STR(""),
							    "unknown key");

	basic_auth_shelf_close(local->reader);
	return verdict;
}

static enum gh_verdict check(struct gh_step *s)
{
	struct basic_auth_credential c;
	enum gh_verdict verdict = GH_ERROR;

	basic_auth_credential_read(&s->req->headers, &c);
	switch (c.kind) {
	case BASIC_AUTH_NONE:
		verdict = basic_auth_ask(s);
		break;
	case BASIC_AUTH_BAD:
		verdict = basic_auth_deny(
			s, c.basic ? BASIC_AUTH_SPEAKS_BASIC : BASIC_AUTH_SPEAKS_OTHER, GH_STR(""),
			c.reason);
		break;
	case BASIC_AUTH_KEY:
		verdict = check_bearer(s, &c);
		break;
	case BASIC_AUTH_PASSWORD:
		verdict = basic_auth_check_password(s, &c);
		break;
	}
	explicit_bzero(c.room, sizeof(c.room));
	return verdict;
}

/* ---- The credentials file ---- */

struct renewal {
	struct basic_auth_shelf *shelf;
	int rc;
	char why[1024];
};

static void renew(void *arg)
{
	struct renewal *r = arg;

	r->rc = basic_auth_shelf_renew(r->shelf, r->why, sizeof(r->why));
}

static enum gh_verdict then_renewed(struct gh_step *s)
{
	const struct renewal *r = gh_job(s);

	if (r->rc == 0)
		gh_log(s, GH_LOG_INFO, "read %s again", r->shelf->path);
	else
		gh_log(s, GH_LOG_ERROR, "%s; what was read before stays in force", r->why);
	return check(s);
}

static enum gh_verdict on_request(struct gh_step *s)
{
	const struct auth *a = s->self;

	if (a->whom.index == AUTH_FOR_STRANGERS && s->req->caller.len > 0) {
		basic_auth_take_off(s);
		return GH_NEXT;
	}
	if (basic_auth_shelf_changed(a->shelf, gh_now_ms(s))) {
		struct renewal r = { .shelf = a->shelf };

		return gh_offload(s, GH_LANE_FILE, renew, &r, sizeof(r), then_renewed);
	}
	return check(s);
}

static void on_finish(struct gh_step *s)
{
	const struct auth *a = s->self;
	struct auth_state *state = s->state;

	if (state->login != NULL)
		basic_auth_leave(a->keep, &state->login->waiter);
	basic_auth_charge_budget(s);
}

/* For the admin address, that a change is in force before anybody says so. */
static int refresh(const void *self, char *why, size_t size)
{
	const struct auth *a = self;

	return a->shelf->path != NULL ? basic_auth_shelf_renew(a->shelf, why, size) : 0;
}

extern const struct gh_module gh_module_basic_auth;

const struct gh_module gh_module_basic_auth = {
	.name = "basic-auth",
	.doc = "Lets in who has a password or a key, and tells later handlers who it is. Takes "
	       "`Authorization: Basic`, `Authorization: Bearer` and `x-api-key`, and takes them "
	       "off "
	       "before the upstream.",
	.options = options,
	.self_size = sizeof(struct auth),
	.local_size = sizeof(struct auth_local),
	.state_size = sizeof(struct auth_state),
	.provision = provision,
	.cleanup = cleanup,
	.on_request = on_request,
	.on_cancel = basic_auth_give_back_budget,
	.on_finish = on_finish,
	.refresh = refresh,
};
