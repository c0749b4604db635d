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
#include "core/ledger/ledger.h"
#include "core/route/access.h"
#include "core/route/share.h"
#include "core/route/usage_stats.h"
#include "core/net/tls.h"
#include "core/server/admin.h"
#include "core/server/certificates.h"
#include "core/server/file.h"
#include "core/server/handshakes.h"
#include "core/server/notify.h"
#include "core/server/peers.h"
#include "core/server/thread.h"
#include "core/server/watchdog.h"

enum { FD_RESERVE = 64, MAX_CONFIG = 4 << 20, TABLE = 1 << 16 };
enum { LEDGER_PATIENCE = 3000, LAST_WORDS = 1000 }; /* ms */

/* ---- reading the config ---- */

/* 0 and the file's bytes for gh__free(), or -1 and a mistake. */
static int read_file(struct gh__server *s, struct gh__mistakes *mistakes, struct gh_str *ret_bytes)
{
	int error = gh__file_read(s->path, MAX_CONFIG, ret_bytes);

	if (error)
		gh__mistake(mistakes, &(struct gh__place){ .file = s->path }, "%s%s",
			    error == EFBIG ? "it is too large to be a config" : strerror(error),
			    error == ENOENT ? "; name the config by --config FILE" : "");
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
	gh__ledger_keep(s->ledger, c->usage.keep.ms);
}

static void take_up(struct gh__server *s, struct gh__site *site, struct gh__list *opened)
{
	const struct gh__certificates *before = s->current ? s->current->certificates : NULL;

	gh__generation_take_up(s, site, gh__certificates_create(&s->loop, s->lanes, site, before));
	gh__listening_use(s, site->config, opened);
}

char *gh__server_reload(struct gh__server *s)
{
	char *mistakes = NULL;
	struct gh__list opened;

	gh__notify_reloading();
	struct gh__site *site = gh__server_build(s, &mistakes);
	if (site) {
		struct gh__mistakes *more = gh__mistakes_create();
		if (gh__listening_open(s, site->config, &opened, more)) {
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
	take_up(s, site, &opened);
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

	for (unsigned i = 0; i < s->thread_count; i++)
		gh__thread_cut(s->threads[i]);
}

static void on_grace_over(struct gh__deadline *d)
{
	struct gh__server *s = GH__CONTAINER(d, struct gh__server, grace);

	gh__deadline_clear(d);
	gh__log(GH_LOG_WARN, "the time of grace is over: what is still open ends now");
	for (unsigned i = 0; i < s->thread_count; i++)
		gh__thread_dismiss(s->threads[i]);
	gh__deadline_set(&s->loop, &s->cut, LAST_WORDS);
}

void gh__server_stop(struct gh__server *s)
{
	if (s->stopping) {
		on_grace_over(&s->grace);
		return;
	}
	s->stopping = true;
	gh__notify_stopping();
	gh__certificates_retire(s->current->certificates);
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
	gh__deadline_set(&s->loop, &s->grace, (uint64_t)s->current->site->config->grace.ms);
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
	signal(SIGXFSZ, SIG_IGN); /* a file at its limit is an error of its writer's alone */
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

/* Who the process becomes cannot make the folder where only root may. */
static void give_state_dir(const struct gh__config *c)
{
	const struct passwd *pw = c->user.len && geteuid() == 0 ? getpwnam(c->user.at) : NULL;
	bool wanted = c->usage.keep.ms > 0;
	struct stat st;

	for (size_t i = 0; i < c->listen_count; i++)
		wanted |= c->listen[i].tls.count > 0;
	if (!wanted || !pw || stat(c->state_dir.at, &st) == 0)
		return;
	if (gh_state_dir_make(c->state_dir) || chown(c->state_dir.at, pw->pw_uid, pw->pw_gid))
		gh__log(GH_LOG_WARN, "state_dir: " GH_FMT " cannot be made for '" GH_FMT "': %s",
			GH_ARG(c->state_dir), GH_ARG(c->user), strerror(errno));
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
	gh__deadline_init(&s->sweep, gh__listening_sweep);
	gh__deadline_init(&s->grace, on_grace_over);
	gh__deadline_init(&s->cut, on_cut);
	s->lanes = gh__lanes_create();
	gh__upstreams_init(&s->upstreams, s->lanes);
	s->shares = gh__shares_create();
	s->metrics = gh__metrics_create();
	s->ledger = gh__ledger_create();
	s->usage = gh__usage_stats_create();
	s->grounds = (struct gh__grounds){ &s->upstreams, s->shares, s->metrics, s->ledger };
	s->peers = gh__peers_create();
	s->handshakes = gh__handshakes_create();
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
	gh__deadline_finish(&s->loop, &s->grace);
	gh__deadline_finish(&s->loop, &s->cut);
	unwatch_signals(s);
	gh__loop_finish(&s->loop);
	gh__watchdog_destroy(s->watchdog);
	gh__upstreams_finish(&s->upstreams);
	gh__shares_destroy(s->shares);
	gh__ledger_stop(s->ledger, LEDGER_PATIENCE);
	gh__ledger_destroy(s->ledger);
	gh__usage_stats_destroy(s->usage);
	gh__metrics_destroy(s->metrics);
	gh__peers_destroy(s->peers);
	gh__handshakes_destroy(s->handshakes);
	gh__tls_server_destroy(s->tls);
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
	if (c && gh__listening_open(s, c, opened, mistakes) == 0 &&
	    gh__admin_bind(s->admin, &c->admin, c->user, mistakes) == 0) {
		give_state_dir(c);
		if (drop_to(c->user) == 0) {
			gh__ledger_open(s->ledger, c->state_dir);
			site = build(s, bytes, mistakes);
		}
	}
	if (site && gh__listening_check(site->config, opened, mistakes)) {
		gh__site_destroy(site);
		site = NULL;
	}
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

/* The end where a source of certificates or a name server does not come back: its thread may still use what else would
 * be freed now. What others see of the process is tidied up, and the rest goes with it. */
_Noreturn static void abandon(struct gh__server *s)
{
	int status = s->status;

	gh__log(GH_LOG_WARN, "the renewal of a certificate or the look-up of a name did not end in "
			     "time; it is cut");
	while (!gh__list_empty(&s->listeners))
		gh__listener_destroy(GH__CONTAINER(s->listeners.next, struct gh__listener, link));
	while (!gh__list_empty(&s->closing))
		gh__listener_destroy(GH__CONTAINER(s->closing.next, struct gh__listener, link));
	gh__admin_destroy(s->admin);
	gh__access_sink_destroy(s->access);
	gh__ledger_stop(s->ledger, LEDGER_PATIENCE);
	fflush(NULL);
	_exit(status);
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
	s->tls = gh__tls_server_create();
	start_workers(s, site->config);
	take_up(s, site, &opened);
	gh__admin_use(s->admin, &site->config->admin);
	gh__notify_ready();
	s->watchdog = gh__watchdog_start(s);

	uv_run(&s->loop.uv, UV_RUN_DEFAULT);

	gh__watchdog_stop(s->watchdog);
	gh__admin_close(s->admin);
	/* What runs on a lane may still send letters: it ends before the loops do. */
	unsigned left = gh__lanes_destroy(s->lanes);
	for (unsigned i = 0; i < s->thread_count; i++)
		gh__thread_join(s->threads[i]);
	gh__log(GH_LOG_INFO, "stopped");
	int status = s->status;
	if (left)
		abandon(s);
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
