/* Steps that wait: each on a token that is counted and never used twice, so that it ends once. */
#include "core/base/memory.h"
#include "core/route/request.h"
#include "core/route/side.h"
#include "core/route/worker.h"

static struct gh__list *bucket(struct gh__worker *w, uint64_t token)
{
	return w->waits + token % GH__WAIT_BUCKETS;
}

void gh__wait_over(struct gh__request *r)
{
	gh_then *then = r->waiting->then;

	gh__wait_end(r);
	gh__chain_resume(r, then);
}

static void on_deadline(struct gh__deadline *d)
{
	gh__wait_over(GH__CONTAINER(d, struct gh__waiting, deadline)->request);
}

static struct gh__waiting *begin(struct gh_step *s, gh_then *then)
{
	struct gh__request *r = gh__request_of(s->req);
	struct gh__waiting *w = r->waiting;

	if (!w) {
		w = r->waiting = gh__arena_zero(&r->stream.arena, sizeof *w);
		gh__list_init(&w->link);
		gh__deadline_init(&w->deadline, on_deadline);
		w->request = r;
	}
	w->side = NULL;
	GH_CHECK(w->token == 0); /* a step waits for one thing at a time */
	w->token = ++r->worker->next_token;
	w->then = then;
	w->step = gh__step_of(s);
	gh__list_add(bucket(r->worker, w->token), &w->link);
	return w;
}

void gh__wait_end(struct gh__request *r)
{
	struct gh__waiting *w = r->waiting;

	if (!w || !w->token)
		return;
	w->token = 0;
	gh__list_remove(&w->link);
	gh__deadline_finish(r->stream.loop, &w->deadline);
	if (w->side)
		gh__side_cancel(w->side); /* over already, unless the client left */
}

static struct gh__request *find(struct gh__worker *worker, uint64_t token)
{
	struct gh__list *head = bucket(worker, token);

	for (struct gh__list *l = head->next; l != head; l = l->next) {
		struct gh__waiting *w = GH__CONTAINER(l, struct gh__waiting, link);
		if (w->token == token)
			return w->request;
	}
	return NULL;
}

enum gh_verdict gh_hold(struct gh_step *s, gh_then *then, struct gh_wait *ret_wait)
{
	struct gh__waiting *w = begin(s, then);

	*ret_wait = (struct gh_wait){ w->token, gh__request_of(s->req)->worker };
	return GH_PENDING;
}

/* ---- resume, from any thread ---- */

struct resume {
	struct gh__letter letter;
	uint64_t token;
};

static void open_resume(struct gh__loop *loop, struct gh__letter *letter)
{
	struct resume *resume = GH__CONTAINER(letter, struct resume, letter);
	struct gh__request *r = find(loop->owner, resume->token);

	gh__free(resume);
	if (r)
		gh__wait_over(r);
}

void gh_resume(struct gh_wait wait)
{
	struct gh__worker *w = wait.worker;
	struct resume *resume = gh__zalloc(sizeof *resume);

	resume->letter.open = open_resume;
	resume->token = wait.token;
	gh__loop_post(&w->loop, &resume->letter);
}

enum gh_verdict gh_sleep(struct gh_step *s, int64_t ms, gh_then *then)
{
	struct gh__waiting *w = begin(s, then);

	gh__deadline_set(w->request->stream.loop, &w->deadline, ms > 0 ? (uint64_t)ms : 0);
	return GH_PENDING;
}

/* ---- work on other threads ---- */

struct offload {
	struct gh__lane_job job;
	struct gh__site_local *site; /* pinned: `self` stays while the job runs */
	struct gh__body *body;       /* so does what it may read; NULL: none was collected */
	uint64_t token;
	void (*work)(void *job);
	_Alignas(16) char memory[];
};

static void work(struct gh__lane_job *job)
{
	struct offload *o = GH__CONTAINER(job, struct offload, job);

	o->work(o->memory);
}

static void end(struct offload *o)
{
	struct gh__site_local *site = o->site;

	gh__body_let_go(o->body);
	gh__free(o);
	gh__site_local_unref(site);
}

static void open_offload(struct gh__loop *loop, struct gh__letter *letter)
{
	struct offload *o = GH__CONTAINER(letter, struct offload, job.letter);
	struct gh__request *r = find(loop->owner, o->token);

	if (r) {
		r->waiting->job = o->memory;
		gh__wait_over(r);
		if (r->waiting->job == o->memory)
			r->waiting->job = NULL;
	}
	end(o);
}

static void open_dropped(struct gh__loop *loop, struct gh__letter *letter)
{
	(void)loop;
	end(GH__CONTAINER(letter, struct offload, job.letter));
}

/* What it pins is its worker's to let go. */
static void drop(struct gh__lane_job *job)
{
	job->letter.open = open_dropped;
	gh__loop_post(job->loop, &job->letter);
}

enum gh_verdict gh_offload(struct gh_step *s, enum gh_lane lane, void (*function)(void *job),
			   const void *job, size_t size, gh_then *then)
{
	static const enum gh__lane_kind kinds[] = {
		[GH_LANE_HASH] = GH__LANE_HASH,
		[GH_LANE_FILE] = GH__LANE_FILE,
		[GH_LANE_READ] = GH__LANE_READ,
	};
	struct gh__request *r = gh__request_of(s->req);
	struct offload *o = gh__zalloc(sizeof *o + size);

	if (size)
		memcpy(o->memory, job, size);
	o->job.work = work;
	o->job.drop = drop;
	o->job.loop = &r->worker->loop;
	o->job.letter.open = open_offload;
	o->work = function;
	o->site = r->site;
	o->body = gh__body_keep(r);
	/* Before it is added: it may be done before we are back. The letter waits for our turn's end. */
	struct gh__waiting *w = begin(s, then);
	o->token = w->token;
	if (gh__lane_add(r->worker->lanes, kinds[lane], &o->job)) {
		gh__wait_end(r);
		gh__body_let_go(o->body);
		gh__free(o);
		gh_answer_header(s, GH_STR("Retry-After"), GH_STR("1"));
		return gh_fail(s, 503, "server_is_overloaded",
			       "The gateway is busy with other requests. Try again in a moment.");
	}
	r->site->refs++;
	return GH_PENDING;
}

void *gh_job(struct gh_step *s)
{
	struct gh__request *r = gh__request_of(s->req);

	return r->waiting ? r->waiting->job : NULL;
}

int64_t gh_now_ms(const struct gh_step *s)
{
	return (int64_t)gh__request_of(s->req)->stream.loop->now;
}
