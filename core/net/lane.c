#include "core/net/lane.h"

#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "core/base/memory.h"
#include "core/base/pace.h"

enum { MOST_THREADS = 4 };
enum place { FIRST, LAST };

struct lane {
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct gh__lane_job *first, **last;
	pthread_t threads[MOST_THREADS];
	bool computes;
	time_t patience;     /* seconds that its jobs have at the end; 0: all that they need */
	pthread_cond_t gone; /* a thread is at its end */
	unsigned started, alive, idle, queued, cap, room;
	bool ending;
};

struct gh__lanes {
	struct lane lanes[GH__LANES];
};

/* argon2 takes 19 MiB and 50 ms: two at a time, and a short queue, or a burst of guesses takes the
 * machine. Handshakes have half of the processors at most. What computes steps back behind the loops,
 * on which tokens wait. */
static const struct {
	unsigned cap; /* threads; 0: by the number of processors */
	unsigned room;
	bool computes;
	time_t patience;
} limits[GH__LANES] = {
	[GH__LANE_HASH] = { .cap = 2, .room = 32, .computes = true },
	[GH__LANE_FILE] = { .cap = 2, .room = 64 },
	[GH__LANE_READ] = { .cap = 2, .room = 64, .computes = true },
	[GH__LANE_DNS] = { .cap = 2, .room = 64, .patience = 1 },
	[GH__LANE_TLS] = { .room = 1024, .computes = true },
	[GH__LANE_CERTIFICATE] = { .cap = MOST_THREADS, .room = 64, .patience = 1 },
};

static void *run(void *arg)
{
	struct lane *lane = arg;

	if (lane->computes)
		gh__pace_set(GH__PACE_BEHIND);
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
	lane->alive--;
	pthread_cond_signal(&lane->gone);
	pthread_mutex_unlock(&lane->lock);
	return NULL;
}

static unsigned by_processors(void)
{
	unsigned half = uv_available_parallelism() / 2;

	return half < 1 ? 1 : half > MOST_THREADS ? MOST_THREADS : half;
}

struct gh__lanes *gh__lanes_create(void)
{
	struct gh__lanes *lanes = gh__zalloc(sizeof *lanes);
	pthread_condattr_t monotonic;

	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	for (int i = 0; i < GH__LANES; i++) {
		struct lane *lane = lanes->lanes + i;
		pthread_mutex_init(&lane->lock, NULL);
		pthread_cond_init(&lane->more, NULL);
		pthread_cond_init(&lane->gone, &monotonic);
		lane->last = &lane->first;
		lane->cap = limits[i].cap ? limits[i].cap : by_processors();
		lane->computes = limits[i].computes;
		lane->patience = limits[i].patience;
		lane->room = limits[i].room;
	}
	pthread_condattr_destroy(&monotonic);
	return lanes;
}

/* Until all threads are at their end, or their time is over. The lock is held. */
static void wait_for_threads(struct lane *lane)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += lane->patience;
	while (lane->alive && lane->patience &&
	       pthread_cond_timedwait(&lane->gone, &lane->lock, &until) == 0)
		;
}

/* Ends what waits and what runs. Returns how many threads have not ended when their time is over. */
static unsigned end_lane(struct lane *lane)
{
	pthread_mutex_lock(&lane->lock);
	lane->ending = true;
	struct gh__lane_job *job = lane->first;
	lane->first = NULL;
	pthread_cond_broadcast(&lane->more);
	wait_for_threads(lane);
	unsigned left = lane->patience ? lane->alive : 0;
	pthread_mutex_unlock(&lane->lock);
	for (unsigned t = 0; t < lane->started && left == 0; t++)
		pthread_join(lane->threads[t], NULL);
	lane->started = left ? lane->started : 0;
	for (struct gh__lane_job *next; job; job = next) {
		next = job->next;
		if (job->drop)
			job->drop(job);
	}
	return left;
}

unsigned gh__lanes_destroy(struct gh__lanes *lanes)
{
	unsigned left = 0;

	if (!lanes)
		return 0;
	for (int i = 0; i < GH__LANES; i++)
		left += end_lane(lanes->lanes + i);
	if (left)
		return left;
	for (int i = 0; i < GH__LANES; i++) {
		pthread_cond_destroy(&lanes->lanes[i].more);
		pthread_cond_destroy(&lanes->lanes[i].gone);
		pthread_mutex_destroy(&lanes->lanes[i].lock);
	}
	gh__free(lanes);
	return 0;
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
	lane->alive += ok;
	return ok;
}

static int add(struct lane *lane, struct gh__lane_job *job, unsigned room, enum place place)
{
	int error = UV_EAGAIN;

	pthread_mutex_lock(&lane->lock);
	if (lane->queued < room && !lane->ending) {
		if (lane->idle <= lane->queued && lane->started < lane->cap)
			start_thread(lane);
		if (lane->started) {
			struct gh__lane_job **at = place == FIRST ? &lane->first : lane->last;
			job->next = *at;
			*at = job;
			if (!job->next)
				lane->last = &job->next;
			lane->queued++;
			pthread_cond_signal(&lane->more);
			error = 0;
		}
	}
	pthread_mutex_unlock(&lane->lock);
	return error;
}

int gh__lane_add(struct gh__lanes *lanes, enum gh__lane_kind kind, struct gh__lane_job *job)
{
	return add(lanes->lanes + kind, job, lanes->lanes[kind].room, LAST);
}

int gh__lane_add_first(struct gh__lanes *lanes, enum gh__lane_kind kind, struct gh__lane_job *job)
{
	return add(lanes->lanes + kind, job, 2 * lanes->lanes[kind].room, FIRST);
}
