#include "core/net/lane.h"

#include <signal.h>

#include "core/base/memory.h"

struct lane {
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct gh__lane_job *first, **last;
	pthread_t threads[4];
	unsigned started, idle, queued, cap, room;
	bool ending;
};

struct gh__lanes {
	struct lane lanes[GH__LANES];
};

/* argon2 takes 19 MiB and 50 ms: two at a time, and a short queue, or a burst of guesses takes the
 * machine. */
static const struct {
	unsigned cap, room;
} limits[GH__LANES] = {
	[GH__LANE_HASH] = { 2, 32 },
	[GH__LANE_FILE] = { 2, 64 },
	[GH__LANE_DNS] = { 2, 64 },
};

static void *run(void *arg)
{
	struct lane *lane = arg;

	pthread_mutex_lock(&lane->lock);
	for (;;) {
		while (!lane->first && !lane->ending) {
			lane->idle++;
			pthread_cond_wait(&lane->more, &lane->lock);
			lane->idle--;
		}
		if (lane->ending)
			break;
		struct gh__lane_job *job = lane->first;
		lane->first = job->next;
		if (!lane->first)
			lane->last = &lane->first;
		lane->queued--;
		pthread_mutex_unlock(&lane->lock);
		struct gh__loop *loop = job->loop;
		job->work(job);
		if (loop)
			gh__loop_post(loop, &job->letter);
		pthread_mutex_lock(&lane->lock);
	}
	pthread_mutex_unlock(&lane->lock);
	return NULL;
}

struct gh__lanes *gh__lanes_create(void)
{
	struct gh__lanes *lanes = gh__zalloc(sizeof *lanes);

	for (int i = 0; i < GH__LANES; i++) {
		struct lane *lane = lanes->lanes + i;
		pthread_mutex_init(&lane->lock, NULL);
		pthread_cond_init(&lane->more, NULL);
		lane->last = &lane->first;
		lane->cap = limits[i].cap;
		lane->room = limits[i].room;
	}
	return lanes;
}

void gh__lanes_destroy(struct gh__lanes *lanes)
{
	if (!lanes)
		return;
	for (int i = 0; i < GH__LANES; i++) {
		struct lane *lane = lanes->lanes + i;
		pthread_mutex_lock(&lane->lock);
		lane->ending = true;
		pthread_cond_broadcast(&lane->more);
		pthread_mutex_unlock(&lane->lock);
		for (unsigned t = 0; t < lane->started; t++)
			pthread_join(lane->threads[t], NULL);
		for (struct gh__lane_job *job = lane->first, *next; job; job = next) {
			next = job->next;
			if (job->drop)
				job->drop(job);
		}
		pthread_cond_destroy(&lane->more);
		pthread_mutex_destroy(&lane->lock);
	}
	gh__free(lanes);
}

/* Signals are the main thread's. */
static bool start_thread(struct lane *lane)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	bool ok = pthread_create(lane->threads + lane->started, NULL, run, lane) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	lane->started += ok;
	return ok;
}

int gh__lane_add(struct gh__lanes *lanes, enum gh__lane_kind kind, struct gh__lane_job *job)
{
	struct lane *lane = lanes->lanes + kind;
	int error = UV_EAGAIN;

	job->next = NULL;
	pthread_mutex_lock(&lane->lock);
	if (lane->queued < lane->room && !lane->ending) {
		if (lane->idle <= lane->queued && lane->started < lane->cap)
			start_thread(lane);
		if (lane->started) {
			*lane->last = job;
			lane->last = &job->next;
			lane->queued++;
			pthread_cond_signal(&lane->more);
			error = 0;
		}
	}
	pthread_mutex_unlock(&lane->lock);
	return error;
}
