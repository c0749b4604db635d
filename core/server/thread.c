#include "core/server/thread.h"

#include <signal.h>

#include "core/base/memory.h"
#include "core/route/access.h"
#include "core/server/handshakes.h"
#include "core/server/peers.h"

struct order {
	struct gh__letter letter;
	struct gh__thread *thread;
	struct gh__listener *listener; /* NULL: of none */
	struct gh__door *door;         /* a reference, or NULL */
	void (*run)(struct order *o);
};

static void open_order(struct gh__loop *loop, struct gh__letter *letter)
{
	struct order *o = GH__CONTAINER(letter, struct order, letter);

	(void)loop;
	o->run(o);
	gh__door_unref(o->door);
	gh__free(o);
}

static void order(struct gh__thread *t, struct gh__listener *l, struct gh__door *door,
		  void (*run)(struct order *))
{
	struct order *o = gh__zalloc(sizeof *o);

	o->letter.open = open_order;
	o->thread = t;
	o->listener = l;
	o->door = door ? gh__door_ref(door) : NULL;
	o->run = run;
	gh__loop_post(&t->worker.loop, &o->letter);
}

/* ---- limits ---- */

static bool enter(struct gh__thread *t, const struct gh_address *peer)
{
	const struct gh__site *site = t->worker.site->site;
	size_t limit = (size_t)site->config->limits.connections_per_address;

	if (gh__peers_enter(t->server->peers, peer,
			    limit && gh__site_trusts(site, peer) ? 0 : limit))
		return true;
	gh__stat_add(&t->worker.stats.turned_away, 1);
	return false;
}

static enum gh__admission admit(struct gh__acceptor *a, const struct gh__door *door,
				const struct gh_address *peer)
{
	struct gh__thread *t = a->owner;
	struct gh__server *s = t->server;

	if (!peer) {
		size_t all = atomic_load_explicit(&s->connections, memory_order_relaxed);
		if (all >= atomic_load_explicit(&s->max_connections, memory_order_relaxed))
			return GH__NOT_NOW;
		/* More than its share: the next one is another worker's. */
		return s->thread_count > 1 && t->worker.conns.count > all / s->thread_count + 8
			       ? GH__NOT_MINE
			       : GH__ADMIT;
	}
	/* Whom a proxy brings is counted once it has told who that is; the proxy itself never is. */
	return gh__door_is_proxy(door, peer) || enter(t, peer) ? GH__ADMIT : GH__TURN_AWAY;
}

static void not_taken(struct gh__acceptor *a, const struct gh__door *door,
		      const struct gh_address *peer)
{
	struct gh__thread *t = a->owner;

	if (!gh__door_is_proxy(door, peer))
		gh__peers_leave(t->server->peers, peer);
}

static bool admit_proxied(struct gh__conns *conns, const struct gh_address *client)
{
	return enter((struct gh__thread *)conns->owner, client);
}

static bool admit_handshake(struct gh__conns *conns, const struct gh_address *peer)
{
	struct gh__thread *t = conns->owner;
	int64_t per_second = t->worker.site->site->config->limits.handshakes_per_address;

	if (gh__handshakes_take(t->server->handshakes, peer, per_second, t->worker.loop.now))
		return true;
	gh__stat_add(&t->worker.stats.turned_away, 1);
	return false;
}

static void taken(struct gh__acceptor *a)
{
	struct gh__thread *t = a->owner;

	atomic_fetch_add_explicit(&t->server->connections, 1, memory_order_relaxed);
	gh__stat_add(&t->worker.stats.accepted, 1);
	gh__stat_add(&t->worker.stats.connections, 1);
}

static void tell_if_drained(struct gh__thread *t)
{
	if (!t->stopping || t->drained || t->worker.conns.count)
		return;
	t->drained = true;
	gh__loop_post(&t->server->loop, &t->drained_letter);
}

static void on_close(struct gh__conns *conns, struct gh__conn *c)
{
	struct gh__worker *w = conns->owner;
	struct gh__thread *t = (struct gh__thread *)(void *)w;

	atomic_fetch_sub_explicit(&t->server->connections, 1, memory_order_relaxed);
	gh__stat_add(&w->stats.connections, (uint64_t)-1);
	/* A proxy that told of nobody was not counted. */
	if (c->source == GH_CLIENT_PROXY || !gh__door_is_proxy(c->door, &c->peer))
		gh__peers_leave(t->server->peers, &c->peer);
	tell_if_drained(t);
}

/* ---- the thread ---- */

static void on_turn(struct gh__loop *loop)
{
	gh__access_flush(loop->owner);
}

static void *run(void *arg)
{
	struct gh__thread *t = arg;

	uv_run(&t->worker.loop.uv, UV_RUN_DEFAULT);
	gh__access_flush(&t->worker);
	gh__loop_finish(&t->worker.loop);
	return NULL;
}

static void open_drained(struct gh__loop *loop, struct gh__letter *letter)
{
	struct gh__thread *t = GH__CONTAINER(letter, struct gh__thread, drained_letter);
	struct gh__server *s = t->server;

	(void)loop;
	if (++s->drained == s->thread_count)
		uv_stop(&s->loop.uv);
}

struct gh__thread *gh__thread_create(struct gh__server *s, unsigned number)
{
	struct gh__thread *t = gh__zalloc(sizeof *t);

	gh__worker_init(&t->worker, number, &s->upstreams, s->lanes);
	t->server = s;
	t->drained_letter.open = open_drained;
	t->worker.collected = &s->collected;
	t->worker.conns.on_close = on_close;
	t->worker.conns.lanes = s->lanes;
	t->worker.conns.tls = s->tls;
	t->worker.conns.admit_proxied = admit_proxied;
	t->worker.conns.admit_handshake = admit_handshake;
	t->worker.loop.on_turn = on_turn;
	t->worker.access = gh__access_create(s->access);
	t->worker.ledger = s->ledger;
	t->worker.usage = s->usage;
	gh__acceptor_init(&t->acceptor, &t->worker.loop, &t->worker.conns);
	t->acceptor.admit = admit;
	t->acceptor.not_taken = not_taken;
	t->acceptor.taken = taken;
	t->acceptor.owner = t;
	return t;
}

int gh__thread_start(struct gh__thread *t)
{
	sigset_t all, before;

	/* Signals are the main thread's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int error = pthread_create(&t->id, NULL, run, t);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -error;
}

/* ---- orders ---- */

static void listen_on(struct order *o)
{
	if (o->thread->stopping)
		atomic_fetch_sub(&o->listener->polls, 1);
	else
		gh__acceptor_add(&o->thread->acceptor, o->listener, o->door);
}

void gh__thread_listen(struct gh__thread *t, struct gh__listener *l)
{
	atomic_fetch_add(&l->polls, 1);
	order(t, l, l->door, listen_on);
}

static void unlisten(struct order *o)
{
	gh__acceptor_remove(&o->thread->acceptor, o->listener);
}

void gh__thread_unlisten(struct gh__thread *t, struct gh__listener *l)
{
	order(t, l, NULL, unlisten);
}

static void change_door(struct order *o)
{
	gh__acceptor_change(&o->thread->acceptor, o->listener, o->door);
}

void gh__thread_change_door(struct gh__thread *t, struct gh__listener *l)
{
	order(t, l, l->door, change_door);
}

static void leave_door(struct order *o)
{
	gh__conns_leave_door(&o->thread->worker.conns, o->door);
}

void gh__thread_leave_door(struct gh__thread *t, struct gh__door *door)
{
	order(t, NULL, door, leave_door);
}

static void stop(struct order *o)
{
	struct gh__thread *t = o->thread;

	t->stopping = true;
	gh__acceptor_close(&t->acceptor);
	gh__conns_stop(&t->worker.conns);
	tell_if_drained(t);
}

void gh__thread_stop(struct gh__thread *t)
{
	order(t, NULL, NULL, stop);
}

static void dismiss(struct order *o)
{
	gh__worker_dismiss(&o->thread->worker);
}

void gh__thread_dismiss(struct gh__thread *t)
{
	order(t, NULL, NULL, dismiss);
}

static void cut(struct order *o)
{
	gh__conns_cut(&o->thread->worker.conns);
}

void gh__thread_cut(struct gh__thread *t)
{
	order(t, NULL, NULL, cut);
}

static void leave(struct order *o)
{
	struct gh__thread *t = o->thread;

	gh__worker_leave(&t->worker);
	gh__pools_finish(&t->worker.pools);
	uv_stop(&t->worker.loop.uv);
}

void gh__thread_join(struct gh__thread *t)
{
	order(t, NULL, NULL, leave);
	pthread_join(t->id, NULL);
	gh__access_destroy(t->worker.access);
	gh__free(t);
}
