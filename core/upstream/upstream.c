#include "core/upstream/upstream.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <sys/un.h>

#include "core/base/log.h"
#include "core/base/memory.h"
#include "core/net/lane.h"

enum { LOOK_UP_EVERY_MS = 30000 };

void gh__upstreams_init(struct gh__upstreams *all, struct gh__lanes *lanes)
{
	*all = (struct gh__upstreams){ .lanes = lanes };
	gh__list_init(&all->all);
}

/* An address needs no looking up. */
static bool read_literal(struct gh__endpoint *e)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)e->addresses;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)e->addresses;
	struct sockaddr_un *un = (struct sockaddr_un *)e->addresses;

	if (e->scheme == GH__UNIX) {
		GH_CHECK(e->host.len < sizeof un->sun_path);
		un->sun_family = AF_UNIX;
		memcpy(un->sun_path, e->host.at, e->host.len);
	} else if (inet_pton(AF_INET, e->host.at, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(e->port);
	} else if (inet_pton(AF_INET6, e->host.at, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(e->port);
	} else {
		return false;
	}
	e->address_count = 1;
	return true;
}

static socklen_t length_of(const struct sockaddr_storage *a)
{
	return a->ss_family == AF_INET    ? sizeof(struct sockaddr_in)
	       : a->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6)
					  : sizeof(struct sockaddr_un);
}

static bool same_server(const struct gh__upstream *x, const struct gh__upstream *y)
{
	if (x->count != y->count || !gh_str_eq(x->name, y->name))
		return false;
	for (size_t i = 0; i < x->count; i++) {
		const struct gh__endpoint *a = x->endpoints + i, *b = y->endpoints + i;
		if (a->scheme != b->scheme || a->port != b->port || !gh_str_eq(a->host, b->host))
			return false;
	}
	return true;
}

/* The queue of those that are the same server under other options, or a new one. A new one has its limits
 * at once; of one that is in use they change when the config is taken up, which may never be. */
static void take_queue(struct gh__upstreams *all, struct gh__upstream *u)
{
	for (struct gh__list *l = all->all.next; l != &all->all; l = l->next) {
		struct gh__upstream *other = GH__CONTAINER(l, struct gh__upstream, link);
		if (same_server(other, u)) {
			u->queue = other->queue;
			return;
		}
	}
	u->queue = gh__queue_create();
	gh__upstream_take_up(u);
}

void gh__upstream_take_up(struct gh__upstream *u)
{
	gh__queue_set(u->queue, &u->queue_limits);
}

struct gh__upstream *gh__upstream_ref(struct gh__upstreams *all, const struct gh_upstream *config)
{
	for (struct gh__list *l = all->all.next; l != &all->all; l = l->next) {
		struct gh__upstream *u = GH__CONTAINER(l, struct gh__upstream, link);
		if (gh_str_eq(u->identity, config->identity)) {
			u->refs++;
			return u;
		}
	}
	struct gh__upstream *u = gh__zalloc(sizeof *u);
	gh__arena_init(&u->arena, NULL, 0);
	u->refs = 1;
	u->id = all->next_id++;
	u->name = gh__arena_copy(&u->arena, config->name);
	u->identity = gh__arena_copy(&u->arena, config->identity);
	u->balance = (enum gh__balance)config->balance.index;
	u->connect_timeout = (uint64_t)config->connect_timeout.ms;
	u->first_byte_timeout = (uint64_t)config->first_byte_timeout.ms;
	u->idle_timeout = (uint64_t)config->idle_timeout.ms;
	u->keepalive = (uint64_t)config->keepalive.ms;
	u->fail_timeout = (uint64_t)config->fail_timeout.ms;
	u->max_idle = (size_t)config->max_idle;
	u->max_concurrent = (unsigned)config->max_concurrent;
	u->queue_timeout = (uint64_t)config->queue_timeout.ms;
	u->queue_limits = (struct gh__queue_limits){
		.max_concurrent = u->max_concurrent,
		.room = (unsigned)config->queue,
		.cold_start = (enum gh__cold_start)config->cold_start.index,
	};
	u->key = gh__arena_copy(&u->arena, config->key);
	u->assemble = config->assemble;
	u->health_path = gh__arena_copy(&u->arena, config->health.path);
	u->health_interval = (uint64_t)config->health.interval.ms;
	u->health_timeout = (uint64_t)config->health.timeout.ms;
	u->count = config->endpoint_count;
	u->endpoints = gh__arena_zero(&u->arena, u->count * sizeof *u->endpoints);
	for (size_t i = 0; i < u->count; i++) {
		const struct gh__endpoint_config *from = config->endpoints + i;
		struct gh__endpoint *e = u->endpoints + i;
		e->url = gh__arena_copy(&u->arena, from->url);
		e->authority = gh__arena_copy(&u->arena, from->authority);
		e->host = gh__arena_copy(&u->arena, from->host);
		e->scheme = from->scheme;
		e->port = from->port;
		pthread_mutex_init(&e->lock, NULL);
		e->literal = read_literal(e);
	}
	take_queue(all, u);
	gh__list_add(&all->all, &u->link);
	return u;
}

static bool is_looked_up(struct gh__upstream *u)
{
	bool looking = false;

	for (size_t i = 0; i < u->count; i++) {
		pthread_mutex_lock(&u->endpoints[i].lock);
		looking = looking || u->endpoints[i].looking;
		pthread_mutex_unlock(&u->endpoints[i].lock);
	}
	return looking;
}

static void destroy(struct gh__upstreams *all, struct gh__upstream *u)
{
	bool shared = false;

	gh__list_remove(&u->link);
	for (struct gh__list *l = all->all.next; l != &all->all; l = l->next)
		shared |= GH__CONTAINER(l, struct gh__upstream, link)->queue == u->queue;
	if (!shared)
		gh__queue_destroy(u->queue);
	for (size_t i = 0; i < u->count; i++)
		pthread_mutex_destroy(&u->endpoints[i].lock);
	gh__arena_finish(&u->arena);
	gh__free(u);
}

void gh__upstream_unref(struct gh__upstreams *all, struct gh__upstream *u)
{
	u->refs--;
	/* One whose name is being looked up goes with a later call. */
	for (struct gh__list *l = all->all.next, *next; l != &all->all; l = next) {
		next = l->next;
		u = GH__CONTAINER(l, struct gh__upstream, link);
		if (u->refs == 0 && !is_looked_up(u))
			destroy(all, u);
	}
}

void gh__upstreams_finish(struct gh__upstreams *all)
{
	for (struct gh__list *l = all->all.next, *next; l != &all->all; l = next) {
		next = l->next;
		struct gh__upstream *u = GH__CONTAINER(l, struct gh__upstream, link);
		GH_CHECK(u->refs == 0);
		destroy(all, u);
	}
}

/* ---- choosing ---- */

bool gh__endpoint_up(const struct gh__endpoint *e, uint64_t now)
{
	return !atomic_load_explicit(&e->unhealthy, memory_order_relaxed) &&
	       atomic_load_explicit(&e->down_until, memory_order_relaxed) <= now;
}

struct gh__endpoint *gh__endpoint_pick(struct gh__upstream *u, uint64_t now, uint64_t tried)
{
	struct gh__endpoint *best = NULL;
	int best_score = 0;

	if (u->count == 1)
		return tried & 1 ? NULL : u->endpoints;
	unsigned turn = atomic_fetch_add_explicit(&u->turn, 1, memory_order_relaxed);
	for (size_t i = 0; i < u->count; i++) {
		size_t at = (turn + i) % u->count;
		struct gh__endpoint *e = u->endpoints + at;
		if (tried >> at & 1)
			continue;
		int busy = atomic_load_explicit(&e->busy, memory_order_relaxed);
		int score = u->balance == GH__LEAST_BUSY ? busy : 0;
		if (!gh__endpoint_up(e, now))
			score += 1 << 24;
		if (!best || score < best_score) {
			best = e;
			best_score = score;
		}
	}
	return best;
}

void gh__endpoint_failed(struct gh__upstream *u, struct gh__endpoint *e, uint64_t now,
			 const char *why)
{
	uint64_t until = now + u->fail_timeout;

	if (atomic_exchange(&e->down_until, until ? until : 1) == 0)
		gh__log(GH_LOG_ERROR, "upstream " GH_FMT ": " GH_FMT " is down: %s",
			GH_ARG(u->name), GH_ARG(e->url), why);
	atomic_fetch_add_explicit(&u->failures, 1, memory_order_relaxed);
}

void gh__endpoint_works(struct gh__upstream *u, struct gh__endpoint *e)
{
	if (atomic_load_explicit(&e->down_until, memory_order_relaxed) == 0)
		return;
	if (atomic_exchange(&e->down_until, 0))
		gh__log(GH_LOG_INFO, "upstream " GH_FMT ": " GH_FMT " is back", GH_ARG(u->name),
			GH_ARG(e->url));
}

/* ---- names ---- */

struct look_up {
	struct gh__lane_job job;
	struct gh__endpoint *endpoint;
	char host[256], port[8];
};

static void work(struct gh__lane_job *job)
{
	struct look_up *l = GH__CONTAINER(job, struct look_up, job);
	struct addrinfo *found = NULL,
			hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG };
	struct gh__endpoint *e = l->endpoint;
	unsigned n = 0;

	int error = getaddrinfo(l->host, l->port, &hints, &found);
	pthread_mutex_lock(&e->lock);
	for (struct addrinfo *a = found; !error && a && n < GH__ADDRESSES; a = a->ai_next)
		if (a->ai_addrlen <= sizeof e->addresses[n])
			memcpy(&e->addresses[n++], a->ai_addr, a->ai_addrlen);
	if (n)
		e->address_count = n; /* a look-up that fails leaves what was known */
	e->looking = false;
	e->looked_up = uv_hrtime() / 1000000;
	pthread_mutex_unlock(&e->lock);
	if (found)
		freeaddrinfo(found);
	if (error)
		gh__log(GH_LOG_WARN, "looking up '%s' failed: %s", l->host, gai_strerror(error));
	gh__free(l);
}

static void drop(struct gh__lane_job *job)
{
	gh__free(GH__CONTAINER(job, struct look_up, job));
}

/* The lock is held. */
static void look_up(struct gh__upstreams *all, struct gh__endpoint *e)
{
	struct look_up *l = gh__zalloc(sizeof *l);

	l->job.work = work;
	l->job.drop = drop;
	l->endpoint = e;
	GH_CHECK(e->host.len < sizeof l->host);
	memcpy(l->host, e->host.at, e->host.len);
	for (unsigned n = e->port, i = 5; i-- > 0; n /= 10)
		l->port[i] = (char)('0' + n % 10);
	e->looking = gh__lane_add(all->lanes, GH__LANE_DNS, &l->job) == 0;
	if (!e->looking)
		gh__free(l);
}

bool gh__endpoint_turn(struct gh__endpoint *e, unsigned *turn, unsigned tries)
{
	pthread_mutex_lock(&e->lock);
	unsigned count = e->address_count;
	pthread_mutex_unlock(&e->lock);
	if (tries >= count)
		return false;
	/* Of many calls that fail at once only one turns: the others find it turned. */
	atomic_compare_exchange_strong(&e->turn, turn, *turn + 1);
	return true;
}

int gh__endpoint_address(struct gh__upstreams *all, struct gh__endpoint *e, uint64_t now,
			 struct sockaddr_storage *ret_address, socklen_t *ret_len)
{
	int result = 0;

	if (e->literal) {
		*ret_address = e->addresses[0];
		*ret_len = length_of(e->addresses);
		return 0;
	}
	pthread_mutex_lock(&e->lock);
	if (!e->looking && (e->looked_up == 0 || e->looked_up + LOOK_UP_EVERY_MS < now ||
			    (e->address_count == 0 && e->looked_up + 1000 < now)))
		look_up(all, e);
	if (e->address_count) {
		unsigned turn = atomic_load_explicit(&e->turn, memory_order_relaxed);
		*ret_address = e->addresses[turn % e->address_count];
		*ret_len = length_of(ret_address);
	} else {
		result = e->looking ? UV_EAGAIN : UV_EAI_NONAME;
	}
	pthread_mutex_unlock(&e->lock);
	return result;
}
