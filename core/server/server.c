#include "core/server/server.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/base/log.h"
#include "core/base/memory.h"
#include "core/base/metric.h"
#include "core/config/mistake.h"
#include "core/route/access.h"
#include "core/route/share.h"
#include "core/server/admin.h"
#include "core/server/file.h"
#include "core/server/notify.h"
#include "core/server/peers.h"
#include "core/server/thread.h"
#include "core/server/watchdog.h"

enum { FD_RESERVE = 64, SWEEP_MS = 100, MAX_CONFIG = 4 << 20, TABLE = 1 << 16 };

/* ---- reading the config ---- */

/* 0 and the file's bytes for gh__free(), or -1 and a mistake. */
static int read_file(struct gh__server *s, struct gh__mistakes *mistakes, struct gh_str *ret_bytes)
{
	int error = gh__file_read(s->path, MAX_CONFIG, ret_bytes);

	if (error)
		gh__mistake(mistakes, &(struct gh__place){ .file = s->path }, "%s: %s", s->path,
			    error == EFBIG ? "it is too large to be a config" : strerror(error));
	return error ? -1 : 0;
}

static struct gh__site *build(struct gh__server *s, struct gh_str bytes,
			      struct gh__mistakes *mistakes)
{
	struct gh__config *c = gh__config_read(gh_str(s->path), bytes, s->modules, GH__READ_ALL,
					       mistakes);

	return c ? gh__site_create(c, &s->grounds, mistakes) : NULL;
}

static char *text_of(struct gh__mistakes *mistakes)
{
	struct gh_str text = gh__mistakes_text(mistakes);

	return gh__strndup(text.at, text.len);
}

struct gh__site *gh__server_build(struct gh__server *s, char **ret_mistakes)
{
	struct gh__mistakes *mistakes = gh__mistakes_create();
	struct gh__site *site = NULL;
	struct gh_str bytes;

	if (read_file(s, mistakes, &bytes) == 0) {
		site = build(s, bytes, mistakes);
		gh__free((void *)(uintptr_t)bytes.at);
	}
	if (!site)
		*ret_mistakes = text_of(mistakes);
	gh__mistakes_destroy(mistakes);
	return site;
}

/* ---- listeners ---- */

static struct gh__listener *find_listener(struct gh__server *s, const struct gh__listen_config *c)
{
	for (struct gh__list *l = s->listeners.next; l != &s->listeners; l = l->next) {
		struct gh__listener *listener = GH__CONTAINER(l, struct gh__listener, link);
		if (gh__listener_is(listener, c))
			return listener;
	}
	return NULL;
}

static void tell_listening(const struct gh__listener *l)
{
	struct gh_str name = l->door.name;
	size_t colon = name.len;

	while (colon && name.at[colon - 1] != ':')
		colon--;
	if (l->is_unix)
		gh__log(GH_LOG_INFO, "listening on " GH_FMT, GH_ARG(name));
	else
		gh__log(GH_LOG_INFO, "listening on %.*s%u", (int)colon, name.at,
			(unsigned)gh__listener_port(l));
}

/* Opens what the config names and is not open yet, into `ret_opened`. All or none. */
static int open_listeners(struct gh__server *s, const struct gh__config *c,
			  struct gh__list *ret_opened, struct gh__mistakes *mistakes)
{
	char why[256];
	int failed = 0;

	gh__list_init(ret_opened);
	for (size_t i = 0; i < c->listen_count; i++) {
		const struct gh__listen_config *want = c->listen + i;
		if (find_listener(s, want))
			continue;
		struct gh__listener *l = gh__listener_open(want, why, sizeof why);
		if (l) {
			gh__list_add(ret_opened, &l->link);
			continue;
		}
		gh__mistake(mistakes, &want->place, "cannot listen on '" GH_FMT "': %s",
			    GH_ARG(want->address), why);
		failed = -1;
	}
	while (failed && !gh__list_empty(ret_opened))
		gh__listener_destroy(GH__CONTAINER(ret_opened->next, struct gh__listener, link));
	return failed;
}

static void on_sweep(struct gh__deadline *d)
{
	struct gh__server *s = GH__CONTAINER(d, struct gh__server, sweep);

	for (struct gh__list *l = s->closing.next, *next; l != &s->closing; l = next) {
		next = l->next;
		struct gh__listener *listener = GH__CONTAINER(l, struct gh__listener, link);
		if (atomic_load(&listener->polls) == 0)
			gh__listener_close(listener);
		if (listener->fd < 0 && atomic_load(&listener->door.users) == 0)
			gh__listener_destroy(listener);
	}
	if (!gh__list_empty(&s->closing))
		gh__deadline_set(&s->loop, &s->sweep, SWEEP_MS);
}

static void use_listeners(struct gh__server *s, const struct gh__config *c, struct gh__list *opened)
{
	for (struct gh__list *l = s->listeners.next; l != &s->listeners; l = l->next)
		GH__CONTAINER(l, struct gh__listener, link)->wanted = false;
	for (size_t i = 0; i < c->listen_count; i++) {
		struct gh__listener *l = find_listener(s, c->listen + i);
		if (l)
			l->wanted = true;
	}
	for (struct gh__list *l = s->listeners.next, *next; l != &s->listeners; l = next) {
		next = l->next;
		struct gh__listener *listener = GH__CONTAINER(l, struct gh__listener, link);
		if (listener->wanted)
			continue;
		gh__log(GH_LOG_INFO, "no longer listening on " GH_FMT, GH_ARG(listener->door.name));
		gh__list_remove(l);
		gh__list_add(&s->closing, l);
		for (unsigned i = 0; i < s->thread_count; i++)
			gh__thread_unlisten(s->threads[i], listener);
		gh__deadline_set(&s->loop, &s->sweep, SWEEP_MS);
	}
	while (!gh__list_empty(opened)) {
		struct gh__listener *l = GH__CONTAINER(opened->next, struct gh__listener, link);
		gh__list_remove(&l->link);
		gh__list_add(&s->listeners, &l->link);
		for (unsigned i = 0; i < s->thread_count; i++)
			gh__thread_listen(s->threads[i], l);
		tell_listening(l);
	}
}

/* ---- reload and stop ---- */

static void apply_limits(struct gh__server *s, const struct gh__config *c)
{
	struct rlimit files = { .rlim_cur = 1024 };

	if (getrlimit(RLIMIT_NOFILE, &files))
		gh__log(GH_LOG_WARN, "the limit on open files cannot be read: 1024 is assumed");
	/* Each request may need a second descriptor, towards its upstream. */
	size_t most = files.rlim_cur > 2 * FD_RESERVE ? (files.rlim_cur - FD_RESERVE) / 2
						      : FD_RESERVE / 2;
	if (c->limits.connections && (size_t)c->limits.connections < most)
		most = (size_t)c->limits.connections;
	atomic_store(&s->max_connections, most);
}

char *gh__server_reload(struct gh__server *s)
{
	char *mistakes = NULL;
	struct gh__list opened;

	gh__notify_reloading();
	struct gh__site *site = gh__server_build(s, &mistakes);
	if (site) {
		struct gh__mistakes *more = gh__mistakes_create();
		if (open_listeners(s, site->config, &opened, more)) {
			mistakes = text_of(more);
			gh__site_destroy(site);
			site = NULL;
		}
		gh__mistakes_destroy(more);
	}
	gh__free(s->refused);
	s->refused = mistakes ? gh__strndup(mistakes, strlen(mistakes)) : NULL;
	if (!site) {
		s->failed_reloads++;
		gh__notify_ready();
		return mistakes;
	}
	apply_limits(s, site->config);
	gh__access_sink_use(s->access, &site->config->log.access);
	gh__generation_take_up(s, site);
	use_listeners(s, site->config, &opened);
	gh__admin_use(s->admin, &site->config->admin);
	s->reloads++;
	gh__log(GH_LOG_INFO, "%s is in use, generation %llu", s->path,
		(unsigned long long)s->current->number);
	gh__notify_ready();
	return NULL;
}

static void on_cut(struct gh__deadline *d)
{
	struct gh__server *s = GH__CONTAINER(d, struct gh__server, cut);

	gh__log(GH_LOG_WARN, "the time of grace is over: what is still open is cut");
	for (unsigned i = 0; i < s->thread_count; i++)
		gh__thread_cut(s->threads[i]);
}

void gh__server_stop(struct gh__server *s)
{
	if (s->stopping) {
		on_cut(&s->cut);
		return;
	}
	s->stopping = true;
	gh__notify_stopping();
	gh__log(GH_LOG_INFO, "stopping: no new connections; open requests have %lld ms",
		(long long)s->current->site->config->grace.ms);
	for (unsigned i = 0; i < s->thread_count; i++)
		gh__thread_stop(s->threads[i]);
	/* Refused by the system from now on, so that clients look elsewhere and do not wait here. */
	while (!gh__list_empty(&s->listeners)) {
		struct gh__list *l = s->listeners.next;
		gh__list_remove(l);
		gh__list_add(&s->closing, l);
	}
	gh__deadline_set(&s->loop, &s->sweep, 1);
	gh__deadline_set(&s->loop, &s->cut, (uint64_t)s->current->site->config->grace.ms);
}

static void on_signal(uv_signal_t *signal, int number)
{
	struct gh__server *s = signal->data;

	gh__loop_touch(&s->loop);
	switch (number) {
	case SIGHUP: {
		char *mistakes = s->stopping ? NULL : gh__server_reload(s);
		if (mistakes) {
			fputs(mistakes, stderr);
			gh__log(GH_LOG_ERROR, "the reload is refused; the config in use stays");
		}
		gh__free(mistakes);
		return;
	}
	case SIGUSR1:
		gh__access_sink_reopen(s->access);
		return;
	default:
		gh__server_stop(s);
		return;
	}
}

static void watch_signals(struct gh__server *s)
{
	static const int numbers[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1 };

	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < GH_COUNT_OF(numbers); i++) {
		uv_signal_init(&s->loop.uv, s->signals + i);
		s->signals[i].data = s;
		uv_signal_start(s->signals + i, on_signal, numbers[i]);
	}
}

static void unwatch_signals(struct gh__server *s)
{
	sigset_t all;

	/* One that comes now would find the system's own action. */
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	for (size_t i = 0; i < GH_COUNT_OF(s->signals); i++)
		if (s->signals[i].data)
			uv_close((uv_handle_t *)(s->signals + i), NULL);
}

/* ---- starting ---- */

static int drop_to(struct gh_str user)
{
	struct passwd *pw = user.len ? getpwnam(user.at) : NULL;

	if (!user.len || (pw && pw->pw_uid == geteuid()))
		return 0;
	if (!pw) {
		gh__log(GH_LOG_ERROR, "user: there is no user '" GH_FMT "'", GH_ARG(user));
		return -1;
	}
	if (initgroups(user.at, pw->pw_gid) || setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) ||
	    setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid)) {
		gh__log(GH_LOG_ERROR,
			"user: cannot become '" GH_FMT "': %s; start as root, or leave it out",
			GH_ARG(user), strerror(errno));
		return -1;
	}
	return 0;
}

static void raise_fd_limit(void)
{
	struct rlimit files = { .rlim_cur = 1024, .rlim_max = 1024 };

	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	/* While threads share it, the kernel waits some 15 ms for all processors each time that the table of
	 * descriptors grows, and every stream with it. So it grows once, before there are threads. */
	int most = files.rlim_cur < TABLE ? (int)files.rlim_cur - 1 : TABLE - 1;
	int last = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, most);
	if (last >= 0)
		close(last);
}

static void begin(struct gh__server *s, const char *path, const struct gh_module *const *modules)
{
	*s = (struct gh__server){ .path = path,
				  .modules = modules,
				  .started_at = (uint64_t)time(NULL) };
	GH_CHECK(gh__loop_init(&s->loop) == 0);
	s->loop.owner = s;
	gh__list_init(&s->retired);
	gh__list_init(&s->listeners);
	gh__list_init(&s->closing);
	gh__deadline_init(&s->sweep, on_sweep);
	gh__deadline_init(&s->cut, on_cut);
	s->lanes = gh__lanes_create();
	gh__upstreams_init(&s->upstreams, s->lanes);
	s->shares = gh__shares_create();
	s->metrics = gh__metrics_create();
	s->grounds = (struct gh__grounds){ &s->upstreams, s->shares, s->metrics };
	s->peers = gh__peers_create();
	s->access = gh__access_sink_create();
	s->admin = gh__admin_create(s);
}

/* Everything but the workers, which are gone. */
static void end(struct gh__server *s)
{
	gh__generation_drop_all(s);
	while (!gh__list_empty(&s->listeners))
		gh__listener_destroy(GH__CONTAINER(s->listeners.next, struct gh__listener, link));
	while (!gh__list_empty(&s->closing))
		gh__listener_destroy(GH__CONTAINER(s->closing.next, struct gh__listener, link));
	gh__admin_destroy(s->admin);
	gh__deadline_finish(&s->loop, &s->sweep);
	gh__deadline_finish(&s->loop, &s->cut);
	unwatch_signals(s);
	gh__loop_finish(&s->loop);
	gh__watchdog_destroy(s->watchdog);
	gh__upstreams_finish(&s->upstreams);
	gh__shares_destroy(s->shares);
	gh__metrics_destroy(s->metrics);
	gh__peers_destroy(s->peers);
	gh__access_sink_destroy(s->access);
	gh__free(s->refused);
	gh__free(s->threads);
	gh__free(s);
}

/* Binds, then drops privileges, then reads secrets: what the dropped user cannot read at a reload
 * fails now and not months later. */
static struct gh__site *prepare(struct gh__server *s, struct gh__list *opened)
{
	struct gh__mistakes *mistakes = gh__mistakes_create();
	struct gh__config *c = NULL;
	struct gh__site *site = NULL;
	struct gh_str bytes = { 0 };

	gh__list_init(opened);
	if (read_file(s, mistakes, &bytes) == 0)
		c = gh__config_read(gh_str(s->path), bytes, s->modules, GH__READ_WITHOUT_SECRETS,
				    mistakes);
	if (c && open_listeners(s, c, opened, mistakes) == 0 &&
	    gh__admin_bind(s->admin, &c->admin, c->user, mistakes) == 0 && drop_to(c->user) == 0)
		site = build(s, bytes, mistakes);
	while (!site && !gh__list_empty(opened))
		gh__listener_destroy(GH__CONTAINER(opened->next, struct gh__listener, link));
	if (gh__mistakes_count(mistakes)) {
		struct gh_str text = gh__mistakes_text(mistakes);
		fwrite(text.at, 1, text.len, stderr);
	}
	gh__config_free(c);
	gh__free((void *)(uintptr_t)bytes.at);
	gh__mistakes_destroy(mistakes);
	return site;
}

static void start_workers(struct gh__server *s, const struct gh__config *c)
{
	s->thread_count = (unsigned)c->worker_count;
	if (s->thread_count == 0)
		s->thread_count = uv_available_parallelism();
	s->threads = gh__zalloc(s->thread_count * sizeof(struct gh__thread *));
	for (unsigned i = 0; i < s->thread_count; i++) {
		s->threads[i] = gh__thread_create(s, i);
		GH_CHECK(gh__thread_start(s->threads[i]) == 0);
	}
}

int gh__server_run(const char *path, const struct gh_module *const *modules)
{
	struct gh__server *s = gh__alloc(sizeof *s);
	struct gh__list opened;

	raise_fd_limit();
	begin(s, path, modules);
	/* Before anything can be connected to; they are handled once the loop runs. */
	watch_signals(s);
	struct gh__site *site = prepare(s, &opened);
	if (!site) {
		gh__lanes_destroy(s->lanes);
		end(s);
		return 1;
	}
	apply_limits(s, site->config);
	gh__access_sink_use(s->access, &site->config->log.access);
	start_workers(s, site->config);
	gh__generation_take_up(s, site);
	use_listeners(s, site->config, &opened);
	gh__admin_use(s->admin, &site->config->admin);
	gh__notify_ready();
	s->watchdog = gh__watchdog_start(s);

	uv_run(&s->loop.uv, UV_RUN_DEFAULT);

	gh__watchdog_stop(s->watchdog);
	gh__admin_close(s->admin);
	/* What runs on a lane may still send letters: it ends before the loops do. */
	gh__lanes_destroy(s->lanes);
	for (unsigned i = 0; i < s->thread_count; i++)
		gh__thread_join(s->threads[i]);
	gh__log(GH_LOG_INFO, "stopped");
	int status = s->status;
	end(s);
	return status;
}

char *gh__server_check(const char *path, const struct gh_module *const *modules)
{
	struct gh__server *s = gh__alloc(sizeof *s);
	char *mistakes = NULL;

	begin(s, path, modules);
	gh__site_destroy(gh__server_build(s, &mistakes));
	gh__lanes_destroy(s->lanes);
	end(s);
	return mistakes;
}
