#include "core/server/admin.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/log.h"
#include "core/base/memory.h"
#include "core/config/mistake.h"
#include "core/server/admin_pages.h"

enum {
	MAX_CONNECTIONS = 64,
	MAX_HEAD = 16 << 10,
	MAX_HEADERS = 64,
	PATIENCE_MS = 10000,
	IDLE_MS = 120000,
	SWEEP_MS = 100,
};

struct gh__admin {
	struct gh__admin_at at; /* its listener is NULL: off */
	struct gh__conns conns;
	struct gh__acceptor acceptor;
	struct gh__list
		leaving; /* listeners from before a reload; connections may still know them */
	struct gh__deadline sweep;
	bool serving;
};

/* Whom a socket's file is given to; -1: nobody. */
struct owner {
	uid_t uid;
	gid_t gid;
};

static enum gh__admission admit(struct gh__acceptor *acceptor, const struct gh__door *door,
				const struct gh_address *peer)
{
	const struct gh__admin *a = acceptor->owner;

	(void)door;
	(void)peer;
	return a->conns.count < MAX_CONNECTIONS ? GH__ADMIT : GH__NOT_NOW;
}

static void sweep(struct gh__admin *a)
{
	for (struct gh__list *l = a->leaving.next, *next; l != &a->leaving; l = next) {
		next = l->next;
		struct gh__listener *old = GH__CONTAINER(l, struct gh__listener, link);
		if (atomic_load(&old->polls) == 0)
			gh__listener_destroy(old);
	}
	if (!gh__list_empty(&a->leaving))
		gh__deadline_set(&a->at.server->loop, &a->sweep, SWEEP_MS);
}

static void on_sweep(struct gh__deadline *d)
{
	sweep(GH__CONTAINER(d, struct gh__admin, sweep));
}

static void on_close(struct gh__conns *conns, struct gh__conn *c)
{
	(void)conns;
	(void)c;
}

struct gh__admin *gh__admin_create(struct gh__server *s)
{
	struct gh__admin *a = gh__zalloc(sizeof *a);

	a->at.server = s;
	gh__conns_init(&a->conns, &s->loop, &gh__admin_pages);
	a->conns.owner = &a->at;
	a->conns.on_close = on_close;
	a->conns.settings = (struct gh__conn_settings){
		.handshake_timeout = PATIENCE_MS,
		.head_timeout = PATIENCE_MS,
		.body_timeout = PATIENCE_MS,
		.idle_timeout = IDLE_MS,
		.write_timeout = PATIENCE_MS,
		.max_head = MAX_HEAD,
		.max_headers = MAX_HEADERS,
	};
	gh__acceptor_init(&a->acceptor, &s->loop, &a->conns);
	a->acceptor.admit = admit;
	a->acceptor.owner = a;
	gh__list_init(&a->leaving);
	gh__deadline_init(&a->sweep, on_sweep);
	return a;
}

void gh__admin_destroy(struct gh__admin *a)
{
	GH_CHECK(a->conns.count == 0 && gh__list_empty(&a->leaving));
	if (a->at.listener)
		gh__listener_destroy(a->at.listener);
	gh__free(a);
}

/* The folder of the default address is there only where something made it. */
static void make_folder(const struct owner *owner, struct gh_str path)
{
	char *folder = gh__strndup(path.at, path.len), *slash = strrchr(folder, '/');

	if (slash && slash != folder) {
		*slash = 0;
		if (mkdir(folder, 0755) == 0 && owner->uid != (uid_t)-1 &&
		    chown(folder, owner->uid, owner->gid))
			gh__log(GH_LOG_WARN, "admin: %s cannot be given away: %s", folder,
				strerror(errno));
	}
	gh__free(folder);
}

static struct gh__listener *open_listener(const struct gh__admin_config *c,
					  const struct owner *owner, char *why, size_t size)
{
	if (c->listen.is_unix)
		make_folder(owner, c->listen.host);
	struct gh__listener *l = gh__listener_open(&c->listen, why, size);
	/* Who the process becomes may then open it, too: that is who runs `gatehouse reload`. */
	if (l && l->is_unix && owner->uid != (uid_t)-1 && chown(l->path, owner->uid, owner->gid))
		gh__log(GH_LOG_WARN, "admin: %s cannot be given away: %s", l->path,
			strerror(errno));
	return l;
}

static bool is_off(const struct gh__admin_config *c)
{
	return gh_str_is(c->address, "off");
}

int gh__admin_bind(struct gh__admin *a, const struct gh__admin_config *c, struct gh_str user,
		   struct gh__mistakes *mistakes)
{
	struct owner owner = { (uid_t)-1, (gid_t)-1 };
	const struct passwd *pw = user.len && geteuid() == 0 ? getpwnam(user.at) : NULL;
	char why[256];

	if (is_off(c))
		return 0;
	if (pw)
		owner = (struct owner){ pw->pw_uid, pw->pw_gid };
	a->at.listener = open_listener(c, &owner, why, sizeof why);
	if (a->at.listener)
		return 0;
	if (c->listen.place.line == 0) {
		/* Nobody asked for this address: it is no reason not to serve. */
		gh__log(GH_LOG_WARN,
			"admin: cannot listen on '" GH_FMT "': %s; there is no admin address",
			GH_ARG(c->address), why);
		return 0;
	}
	gh__mistake(mistakes, &c->listen.place, "admin: cannot listen on '" GH_FMT "': %s",
		    GH_ARG(c->address), why);
	return -1;
}

static void begin(struct gh__admin *a)
{
	atomic_fetch_add(&a->at.listener->polls, 1);
	gh__acceptor_add(&a->acceptor, a->at.listener, a->at.listener->door);
}

/* Its idle connections close now, the one that asks for this reload with its answer. */
static void leave(struct gh__admin *a)
{
	struct gh__listener *old = a->at.listener;

	a->at.listener = NULL;
	gh__acceptor_remove(&a->acceptor, old);
	gh__list_add(&a->leaving, &old->link);
	gh__conns_stop(&a->conns);
	a->conns.stopping = false;
	gh__deadline_set(&a->at.server->loop, &a->sweep, SWEEP_MS);
}

void gh__admin_use(struct gh__admin *a, const struct gh__admin_config *c)
{
	const struct owner nobody = { (uid_t)-1, (gid_t)-1 };
	struct gh__listener *next = NULL;
	bool first = !a->serving;
	char why[256];

	a->serving = true;
	if (a->at.listener && !is_off(c) && gh__listener_is(a->at.listener, &c->listen)) {
		if (first)
			begin(a);
		else if (a->at.listener->is_unix && !a->at.listener->inherited &&
			 chmod(a->at.listener->path, (mode_t)strtol(c->mode.at, NULL, 8)))
			gh__log(GH_LOG_ERROR, "admin: mode of %s: %s", a->at.listener->path,
				strerror(errno));
		return;
	}
	if (!is_off(c)) {
		next = open_listener(c, &nobody, why, sizeof why);
		if (!next && a->at.listener) {
			gh__log(GH_LOG_ERROR,
				"admin: cannot listen on '" GH_FMT "': %s; it stays on " GH_FMT,
				GH_ARG(c->address), why, GH_ARG(a->at.listener->door->name));
			if (first)
				begin(a);
			return;
		}
		if (!next && c->listen.place.line)
			gh__log(GH_LOG_ERROR, "admin: cannot listen on '" GH_FMT "': %s",
				GH_ARG(c->address), why);
	}
	if (a->at.listener && first)
		begin(a); /* one way out for all */
	if (a->at.listener)
		leave(a);
	a->at.listener = next;
	if (next)
		begin(a);
}

void gh__admin_close(struct gh__admin *a)
{
	if (a->at.listener) {
		gh__list_add(&a->leaving, &a->at.listener->link);
		a->at.listener = NULL;
	}
	gh__acceptor_close(&a->acceptor);
	gh__conns_cut(&a->conns);
	for (;;) {
		sweep(a);
		if (gh__list_empty(&a->leaving) && a->conns.count == 0)
			break;
		/* What closes tells so in the loop's next turn. */
		uv_run(&a->at.server->loop.uv, UV_RUN_NOWAIT);
	}
	gh__deadline_finish(&a->at.server->loop, &a->sweep);
}
