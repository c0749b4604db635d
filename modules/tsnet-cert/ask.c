#include "ask.h"

#include <pwd.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "cache.h"

enum {
	LEAST_MS = 1000,
	MOST_MS = 3600 * 1000, /* to look at the clock: a machine may have slept */
};

static int64_t wall_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static const char *user_name(char *to, size_t size)
{
	char memory[4096];
	struct passwd pw, *found = NULL;

	if (getpwuid_r(geteuid(), &pw, memory, sizeof memory, &found) == 0 && found)
		snprintf(to, size, "%s", pw.pw_name);
	else
		snprintf(to, size, "%lu", (unsigned long)geteuid());
	return to;
}

void tsnet_ask_wanted(const struct tsnet_asker *a, struct tsnet_names *ret_names)
{
	*ret_names = a->chosen->count ? *a->chosen : a->memory->domains;
}

static struct tsnet_life life_of(const struct tsnet_held *h)
{
	return h && h->pair ? (struct tsnet_life){ h->pair->not_before, h->pair->not_after }
			    : (struct tsnet_life){ 0, 0 };
}

/* Of all that are wanted, the one that ends first; none when one is missing. Under the lock. */
static struct tsnet_life shortest(const struct tsnet_asker *a)
{
	struct tsnet_names wanted;
	struct tsnet_life least = { 0, 0 };

	tsnet_ask_wanted(a, &wanted);
	for (size_t i = 0; i < wanted.count; i++) {
		struct tsnet_life l = life_of(tsnet_memory_find(a->memory, wanted.items[i]));

		if (l.not_after == 0)
			return l;
		if (least.not_after == 0 || l.not_after < least.not_after)
			least = l;
	}
	return least;
}

/* ---- The status ---- */

static void status_failed(const struct tsnet_asker *a, const struct tsnet_sentence *s)
{
	struct tsnet_memory *m = a->memory;

	pthread_mutex_lock(&m->lock);
	m->trouble = *s;
	tsnet_plan_failed(&m->plan, shortest(a), s->pace, s->retry_after_s, wall_ms());
	m->due = tsnet_now_ms() + m->plan.wait_ms;
	pthread_mutex_unlock(&m->lock);
}

static void status_came(const struct tsnet_asker *a, const struct tsnet_status *status)
{
	struct tsnet_memory *m = a->memory;
	struct tsnet_sentence s;
	bool gone = false;

	tsnet_say_status(&s, status);
	pthread_mutex_lock(&m->lock);
	/* None is no list: HTTPS may be off for a moment, and what is there is served on. */
	if (status->domains.count) {
		gone = !m->domains_told ||
		       memcmp(&m->domains, &status->domains, sizeof m->domains) != 0;
		m->domains = status->domains;
		m->domains_told = true;
	}
	if (!s.text[0]) {
		m->trouble = s;
		m->plan = (struct tsnet_plan){ 0 };
		m->due = tsnet_now_ms() + 24 * (int64_t)MOST_MS;
	}
	pthread_mutex_unlock(&m->lock);
	if (s.text[0])
		status_failed(a, &s);
	else if (gone && a->chosen->count == 0)
		tsnet_cache_prune(a->state_dir, a->socket, &status->domains);
}

enum outcome { GO_ON, ENOUGH };

static enum outcome ask_status(const struct tsnet_asker *a)
{
	const struct tsnet_question q = {
		.socket = a->socket,
		.path = "/localapi/v0/status?peers=false",
		.within_ms = a->status_within_ms,
		.max = TSNET_STATUS_MAX,
		.stopping = a->stopping,
		.arg = a->arg,
	};
	struct tsnet_answer answer;
	struct tsnet_status status;
	struct tsnet_sentence s = { .pace = TSNET_PACE_LOCAL };
	enum outcome outcome = ENOUGH;
	char user[64];

	tsnet_ask(&q, &answer);
	if (answer.end == TSNET_STOPPED) {
		/* nobody waits for more */
	} else if (answer.end != TSNET_ANSWERED || answer.status != 200) {
		tsnet_say_answer(&s, &answer, a->socket, NULL, user_name(user, sizeof user),
				 a->status_within_ms);
		status_failed(a, &s);
	} else if (tsnet_status_read(answer.body, &status) != 0) {
		tsnet_say(&s, TSNET_PACE_LOCAL,
			  "what answers at %s does not speak as tailscaled does; check `socket`",
			  a->socket);
		status_failed(a, &s);
	} else {
		/* Also when it is logged out: it renews what it has, and has it in its cache. */
		status_came(a, &status);
		outcome = GO_ON;
	}
	tsnet_answer_finish(&answer);
	return outcome;
}

/* ---- A certificate ---- */

static void cert_failed(const struct tsnet_asker *a, struct tsnet_held *h,
			const struct tsnet_sentence *s)
{
	struct tsnet_memory *m = a->memory;

	pthread_mutex_lock(&m->lock);
	h->trouble = *s;
	tsnet_plan_failed(&h->plan, life_of(h), s->pace, s->retry_after_s, wall_ms());
	h->due = tsnet_now_ms() + h->plan.wait_ms;
	pthread_mutex_unlock(&m->lock);
}

static bool same(const struct tsnet_pair *a, const struct tsnet_pair *b)
{
	return a && gh_str_eq(a->chain, b->chain) && gh_str_eq(a->key, b->key);
}

static void keep(const struct tsnet_asker *a, struct tsnet_held *h, const struct tsnet_pair *pair)
{
	struct tsnet_memory *m = a->memory;
	struct tsnet_sentence s = { .pace = TSNET_PACE_LOCAL };
	char why[400];
	bool kept = tsnet_cache_write(a->state_dir, a->socket, h->name, pair, why, sizeof why) == 0;

	if (!kept)
		tsnet_say(&s, TSNET_PACE_LOCAL,
			  "the certificate of %s is served but cannot be kept for a start without "
			  "tailscaled: %s; check `state_dir`",
			  h->name, why);
	pthread_mutex_lock(&m->lock);
	h->kept = kept;
	m->not_written = s;
	pthread_mutex_unlock(&m->lock);
}

/* Takes the pair. */
static void cert_came(const struct tsnet_asker *a, struct tsnet_held *h, struct tsnet_pair *pair)
{
	struct tsnet_memory *m = a->memory;
	int64_t now = wall_ms();
	bool write;

	pthread_mutex_lock(&m->lock);

	enum tsnet_news news = same(h->pair, pair) ? TSNET_SAME : TSNET_NEW;

	write = news == TSNET_NEW || !h->kept;
	if (news == TSNET_NEW)
		tsnet_memory_put(m, h, tsnet_memory_ref(pair));
	h->trouble.text[0] = 0;
	tsnet_plan_answered(&h->plan, life_of(h), news, now);
	h->due = tsnet_now_ms() + h->plan.wait_ms;
	pthread_mutex_unlock(&m->lock);
	if (write)
		keep(a, h, pair);
	tsnet_memory_unref(m, pair);
}

static void cert_answered(const struct tsnet_asker *a, struct tsnet_held *h, struct gh_str body)
{
	struct tsnet_sentence s = { .pace = TSNET_PACE_CA };
	char why[160];
	struct tsnet_pair *pair = tsnet_pair_create(body, h->name, why, sizeof why);

	if (!pair)
		tsnet_say(&s, TSNET_PACE_CA,
			  "what tailscaled gave for %s cannot be used: %s; journalctl -u "
			  "tailscaled may tell more",
			  h->name, why);
	else if (pair->not_after * 1000 <= wall_ms())
		tsnet_say(&s, TSNET_PACE_CA,
			  "tailscaled gives a certificate for %s that has run out; check the "
			  "machine's clock, and journalctl -u tailscaled",
			  h->name);
	if (!s.text[0]) {
		cert_came(a, h, pair);
		return;
	}
	tsnet_pair_destroy(pair);
	cert_failed(a, h, &s);
}

static enum outcome ask_cert(const struct tsnet_asker *a, struct tsnet_held *h)
{
	char path[TSNET_PATH_MAX], user[64];
	struct tsnet_sentence s = { .pace = TSNET_PACE_CA };
	struct tsnet_answer answer;
	enum outcome outcome = GO_ON;

	/* Never with min_validity: with it tailscaled would have one issued each day that the life
	 * of what it has falls short of it. */
	snprintf(path, sizeof path, "/localapi/v0/cert/%s?type=pair", h->name);

	const struct tsnet_question q = {
		.socket = a->socket,
		.path = path,
		.within_ms = a->cert_within_ms,
		.max = TSNET_PAIR_MAX,
		.stopping = a->stopping,
		.arg = a->arg,
	};

	tsnet_ask(&q, &answer);
	if (answer.end == TSNET_STOPPED) {
		outcome = ENOUGH;
	} else if (answer.end == TSNET_ANSWERED && answer.status == 200) {
		cert_answered(a, h, answer.body);
	} else {
		tsnet_say_answer(&s, &answer, a->socket, h->name, user_name(user, sizeof user),
				 a->cert_within_ms);
		cert_failed(a, h, &s);
	}
	tsnet_answer_finish(&answer);
	return outcome;
}

/* A name from `names` that tailscaled has not: it is not asked, for it would only say so. */
static bool is_foreign(const struct tsnet_asker *a, struct tsnet_held *h)
{
	struct tsnet_memory *m = a->memory;
	struct tsnet_sentence s;
	char text[400];

	if (!m->domains_told || tsnet_names_have(&m->domains, h->name))
		return false;
	tsnet_names_text(&m->domains, text, sizeof text);
	tsnet_say(&s, TSNET_PACE_LOCAL,
		  "tailscaled gives no certificate for %s, only for %s; correct `names`, or leave "
		  "it out",
		  h->name, text);
	cert_failed(a, h, &s);
	return true;
}

/* ---- A round ---- */

/* Under the lock. */
static bool failing(const struct tsnet_memory *m)
{
	return m->plan.failures > 0;
}

/* When this asker has something to ask: 0 or before now, now. Under the lock. */
static int64_t next(const struct tsnet_asker *a)
{
	struct tsnet_memory *m = a->memory;
	struct tsnet_names wanted;
	int64_t soonest = m->due;

	tsnet_ask_wanted(a, &wanted);
	for (size_t i = 0; i < wanted.count; i++) {
		struct tsnet_held *h = tsnet_memory_have(m, wanted.items[i]);

		if (h && h->due < soonest)
			soonest = h->due;
	}
	/* The status comes first, so nothing is asked before it may be asked again. */
	return failing(m) && soonest < m->due ? m->due : soonest;
}

static void ask_all(const struct tsnet_asker *a)
{
	struct tsnet_memory *m = a->memory;
	struct tsnet_names wanted;

	if (ask_status(a) != GO_ON)
		return;
	pthread_mutex_lock(&m->lock);
	tsnet_ask_wanted(a, &wanted);
	pthread_mutex_unlock(&m->lock);
	for (size_t i = 0; i < wanted.count; i++) {
		struct tsnet_held *h;
		bool due;

		pthread_mutex_lock(&m->lock);
		h = tsnet_memory_have(m, wanted.items[i]);
		due = h && h->due <= tsnet_now_ms();
		pthread_mutex_unlock(&m->lock);
		if (due && !is_foreign(a, h) && ask_cert(a, h) != GO_ON)
			return;
	}
}

int64_t tsnet_ask_due(const struct tsnet_asker *a)
{
	struct tsnet_memory *m = a->memory;
	int64_t now = tsnet_now_ms(), wait;

	pthread_mutex_lock(&m->lock);
	if (m->asking) {
		pthread_mutex_unlock(&m->lock);
		return LEAST_MS;
	}
	m->asking = true;
	wait = next(a) - now;
	pthread_mutex_unlock(&m->lock);
	if (wait <= 0)
		ask_all(a);
	pthread_mutex_lock(&m->lock);
	m->asking = false;
	wait = next(a) - tsnet_now_ms();
	pthread_mutex_unlock(&m->lock);
	return wait < LEAST_MS ? LEAST_MS : wait > MOST_MS ? MOST_MS : wait;
}

void tsnet_ask_hurry(struct tsnet_memory *m)
{
	pthread_mutex_lock(&m->lock);
	if (m->plan.failures && !m->plan.ordered)
		m->due = 0;
	for (struct tsnet_held *h = m->held; h; h = h->next)
		if (h->plan.failures && !h->plan.ordered)
			h->due = 0;
	pthread_mutex_unlock(&m->lock);
}
