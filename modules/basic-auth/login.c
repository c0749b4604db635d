/* A user and a password: known, computed on the pool, or waited for. */
#include "auth.h"
#include "credential.h"

/* ---- On the pool ---- */

struct job {
	const struct auth *auth;
	struct basic_auth_flight *flight;
	struct basic_auth_digest name;
	struct basic_auth_hash hash;
	uint64_t account;
	int64_t now_ms;
	enum basic_auth_user_is is;
	enum basic_auth_outcome outcome;
	size_t password_len;
	char password[BASIC_AUTH_PASSWORD_MAX];
};

/* Does all that others wait for, since the client may be gone when it ends. */
static void verify(void *arg)
{
	struct job *job = arg;
	struct basic_auth_keep *keep = job->auth->keep;
	enum basic_auth_match match = basic_auth_hash_verify(
		&job->hash, (struct gh_str){ job->password, job->password_len });

	explicit_bzero(job->password, sizeof(job->password));
	gh_metric_add(job->auth->hashes, 1);
	job->outcome = BASIC_AUTH_NO;
	if (match == BASIC_AUTH_FAILED) {
		job->outcome = BASIC_AUTH_BUSY;
	} else if (match == BASIC_AUTH_RIGHT && job->is == BASIC_AUTH_KNOWN) {
		job->outcome = BASIC_AUTH_YES;
		basic_auth_remember(keep, &job->name, job->now_ms);
	}
	if (job->outcome != BASIC_AUTH_NO)
		basic_auth_refund(keep, job->account, job->now_ms);
	basic_auth_land(keep, job->flight, job->outcome);
}

static struct auth_login *login_of(struct gh_step *s)
{
	const struct auth_state *state = s->state;

	return state->login;
}

static struct auth_login *begin_login(struct gh_step *s)
{
	struct auth_state *state = s->state;

	state->login = gh_alloc(s->req, sizeof(*state->login));
	return state->login;
}

/* By the book as it is now: a verification takes its time, and who was taken out of the file
 * meanwhile stays out. */
static enum gh_verdict let_in(struct gh_step *s)
{
	const struct auth *a = s->self;
	struct auth_local *local = s->local;
	const struct auth_login *login = login_of(s);
	const struct basic_auth_book *book = basic_auth_shelf_open(a->shelf, &local->reader);
	const struct basic_auth_user *user = basic_auth_book_user(book, login->user);
	struct basic_auth_who who = { .as = BASIC_AUTH_AS_USER,
				      .speaks = BASIC_AUTH_SPEAKS_BASIC,
				      .name = login->user };
	enum gh_verdict verdict;

	if (user != NULL && basic_auth_equal(&user->id, &login->id, sizeof(login->id))) {
		who.bound = user->bound;
		verdict = basic_auth_accept(s, &who);
	} else {
		verdict = basic_auth_deny(s, who.speaks, who.name, "changed meanwhile");
	}
	basic_auth_shelf_close(local->reader);
	return verdict;
}

static enum gh_verdict settle(struct gh_step *s, enum basic_auth_outcome outcome)
{
	const struct auth_login *login = login_of(s);

	switch (outcome) {
	case BASIC_AUTH_YES:
		return let_in(s);
	case BASIC_AUTH_NO:
		return basic_auth_deny(s, BASIC_AUTH_SPEAKS_BASIC, login->user,
				       login->is == BASIC_AUTH_KNOWN ? "wrong password"
								     : "unknown user");
	case BASIC_AUTH_BUSY:
		break;
	}
	return basic_auth_busy(s);
}

static enum gh_verdict then_verified(struct gh_step *s)
{
	const struct job *job = gh_job(s);

	return settle(s, job->outcome);
}

static enum gh_verdict then_landed(struct gh_step *s)
{
	return settle(s, login_of(s)->waiter.outcome);
}

static enum gh_verdict start_job(struct gh_step *s, struct job *job,
				 const struct basic_auth_credential *c)
{
	const struct auth *a = s->self;

	job->password_len = c->secret.len;
	memcpy(job->password, c->secret.at, c->secret.len);

	enum gh_verdict verdict = gh_offload(s, GH_LANE_HASH, verify, job, sizeof(*job),
					     then_verified);

	explicit_bzero(job->password, sizeof(job->password));
	if (verdict != GH_PENDING) {
		basic_auth_refund(a->keep, job->account, job->now_ms);
		basic_auth_land(a->keep, job->flight, BASIC_AUTH_BUSY);
	}
	return verdict;
}

/* Copies what a verification needs from the user's entry, or from that of one who stands in. */
static void look_up(const struct auth *a, const struct basic_auth_book *book,
		    const struct basic_auth_credential *c, struct job *job,
		    struct auth_login *login)
{
	const struct basic_auth_user *user = basic_auth_book_user(book, c->user);
	struct basic_auth_digest id;

	job->is = user != NULL ? BASIC_AUTH_KNOWN : BASIC_AUTH_UNKNOWN;
	if (user != NULL) {
		id = user->id;
	} else {
		/* Always the same one for a name, and each as often as another: strangers' logins
		 * are spread over the book's parameters as its users' are. */
		user = &book->users[basic_auth_keep_number(a->keep, c->user) % book->user_count];
		basic_auth_digest_of(c->user, &id);
	}
	login->id = id;
	job->hash = user->hash;
	basic_auth_keep_name(a->keep, &id, c->secret, &job->name);
}

static enum gh_verdict log_in(struct gh_step *s, struct job *job,
			      const struct basic_auth_credential *c)
{
	const struct auth *a = s->self;
	struct auth_login *login = login_of(s);
	int64_t wait_ms;

	job->auth = a;
	job->now_ms = gh_now_ms(s);
	job->account = basic_auth_account(a->keep, &s->req->client, c->user);
	/* Before the cache: or an address without a budget could go on guessing at passwords that
	 * were verified of late, at the speed of the network. */
	wait_ms = basic_auth_spent(a->keep, job->account, job->now_ms);
	if (wait_ms > 0)
		return basic_auth_too_many(s, c->user, wait_ms);
	login->user = gh_copy(s->req, c->user);
	login->is = job->is;
	if (basic_auth_verified(a->keep, &job->name, job->now_ms, a->cache_ttl.ms) &&
	    job->is == BASIC_AUTH_KNOWN)
		return let_in(s);
	/* Taken before and given back after success: many at once get no more than one after
	 * another. */
	wait_ms = basic_auth_charge(a->keep, job->account, job->now_ms);
	if (wait_ms > 0)
		return basic_auth_too_many(s, c->user, wait_ms);
	job->flight = basic_auth_join(a->keep, &job->name, s, then_landed, &login->waiter);
	if (job->flight == NULL) {
		basic_auth_refund(a->keep, job->account, job->now_ms);
		return GH_PENDING;
	}
	return start_job(s, job, c);
}

enum gh_verdict basic_auth_check_password(struct gh_step *s, const struct basic_auth_credential *c)
{
	const struct auth *a = s->self;
	struct auth_local *local = s->local;
	const struct basic_auth_book *book = basic_auth_shelf_open(a->shelf, &local->reader);
	const struct basic_auth_key *key = basic_auth_book_key(book, &local->recent, c->secret);
	struct job job = { .auth = a };
	enum gh_verdict verdict = GH_ERROR;
	bool is_key = key != NULL, has_users = book->user_count > 0;

	if (is_key)
		verdict = basic_auth_accept_key(s, key, BASIC_AUTH_SPEAKS_BASIC);
	else if (has_users)
		look_up(a, book, c, &job, begin_login(s));
	basic_auth_shelf_close(local->reader);
	if (is_key)
		return verdict;
	return has_users ? log_in(s, &job, c)
			 : basic_auth_deny(s, BASIC_AUTH_SPEAKS_BASIC, c->user, "unknown user");
}
