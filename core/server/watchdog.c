#include "core/server/watchdog.h"

#include "core/base/memory.h"
#include "core/server/notify.h"

/* To a worker, and back. */
struct round_trip {
	struct gh__letter letter;
	struct gh__watchdog *watchdog;
};

struct gh__watchdog {
	struct gh__server *server;
	struct gh__deadline next;
	uint64_t every;   /* ms */
	unsigned waiting; /* workers that have not answered */
	bool stopped;
	struct round_trip trips[];
};

static void open_back(struct gh__loop *loop, struct gh__letter *letter)
{
	struct gh__watchdog *w = GH__CONTAINER(letter, struct round_trip, letter)->watchdog;

	(void)loop;
	if (--w->waiting == 0 && !w->stopped)
		gh__notify_watchdog();
}

static void open_there(struct gh__loop *loop, struct gh__letter *letter)
{
	struct gh__watchdog *w = GH__CONTAINER(letter, struct round_trip, letter)->watchdog;

	(void)loop;
	letter->open = open_back;
	gh__loop_post(&w->server->loop, letter);
}

static void on_next(struct gh__deadline *d)
{
	struct gh__watchdog *w = GH__CONTAINER(d, struct gh__watchdog, next);
	struct gh__server *s = w->server;

	gh__deadline_set(&s->loop, &w->next, w->every);
	if (w->waiting)
		return; /* systemd hears nothing as long as one is silent */
	w->waiting = s->thread_count;
	for (unsigned i = 0; i < s->thread_count; i++) {
		w->trips[i] = (struct round_trip){ { NULL, open_there }, w };
		gh__loop_post(&s->threads[i]->worker.loop, &w->trips[i].letter);
	}
}

struct gh__watchdog *gh__watchdog_start(struct gh__server *s)
{
	uint64_t interval = gh__notify_watchdog_interval();

	if (!interval)
		return NULL;
	struct gh__watchdog *w = gh__zalloc(sizeof *w + s->thread_count * sizeof *w->trips);
	w->server = s;
	/* Thrice in the time, so that a turn that takes long is no alarm. */
	w->every = interval / 3 ? interval / 3 : 1;
	gh__deadline_init(&w->next, on_next);
	gh__deadline_set(&s->loop, &w->next, w->every);
	return w;
}

void gh__watchdog_stop(struct gh__watchdog *w)
{
	if (!w)
		return;
	w->stopped = true;
	gh__deadline_finish(&w->server->loop, &w->next);
}

void gh__watchdog_destroy(struct gh__watchdog *w)
{
	gh__free(w);
}
