#include "core/net/loop.h"

#include <sys/random.h>
#include <time.h>

#include "core/base/memory.h"
#include "core/http/text.h"
#include "core/net/out.h"

struct gh__block {
	struct gh__block *next;
};

/* ---- deadlines ---- */

void gh__deadline_init(struct gh__deadline *d, void (*fire)(struct gh__deadline *d))
{
	gh__list_init(&d->link);
	d->at = d->visit = 0;
	d->fire = fire;
}

static void put_on_wheel(struct gh__loop *l, struct gh__deadline *d)
{
	uint64_t tick = (d->at + GH__TICK_MS - 1) / GH__TICK_MS;

	if (tick <= l->turned)
		tick = l->turned + 1;
	if (tick >= l->turned + GH__SLOTS)
		tick = l->turned + GH__SLOTS - 1;
	d->visit = tick * GH__TICK_MS;
	gh__list_add(&l->slots[tick % GH__SLOTS], &d->link);
}

static void on_tick(uv_timer_t *timer);

void gh__deadline_set(struct gh__loop *l, struct gh__deadline *d, uint64_t ms_from_now)
{
	d->at = l->now + ms_from_now;
	if (!gh__list_empty(&d->link)) {
		if (d->visit <= d->at + GH__TICK_MS)
			return;
		gh__list_remove(&d->link);
		l->deadlines--;
	}
	if (l->deadlines++ == 0) {
		l->turned = l->now / GH__TICK_MS;
		uv_timer_start(&l->tick, on_tick, GH__TICK_MS, GH__TICK_MS);
	}
	put_on_wheel(l, d);
}

void gh__deadline_finish(struct gh__loop *l, struct gh__deadline *d)
{
	d->at = 0;
	if (gh__list_empty(&d->link))
		return;
	gh__list_remove(&d->link);
	l->deadlines--;
}

static void run_later(struct gh__loop *l)
{
	gh__out_flush(l->out); /* answers go first: later things tidy up behind them */
	while (!gh__list_empty(&l->later)) {
		struct gh__later *later = GH__CONTAINER(l->later.next, struct gh__later, link);
		gh__list_remove(&later->link);
		later->run(later);
	}
}

void gh__loop_tick(struct gh__loop *l)
{
	struct gh__list due;

	for (uint64_t until = l->now / GH__TICK_MS; l->turned < until;) {
		l->turned++;
		gh__list_move(&l->slots[l->turned % GH__SLOTS], &due);
		while (!gh__list_empty(&due)) {
			struct gh__deadline *d = GH__CONTAINER(due.next, struct gh__deadline, link);
			gh__list_remove(&d->link);
			l->deadlines--;
			if (d->at == 0)
				continue;
			if (d->at > l->now) {
				l->deadlines++;
				put_on_wheel(l, d);
				continue;
			}
			d->at = 0;
			d->fire(d);
		}
	}
	/* Timers run before the poll, and the end of the turn comes only after it. */
	run_later(l);
	gh__out_flush(l->out);
	if (l->on_turn)
		l->on_turn(l); /* what ended here may not wait for what comes next */
	if (l->deadlines == 0)
		uv_timer_stop(&l->tick);
}

static void on_tick(uv_timer_t *timer)
{
	struct gh__loop *l = timer->data;

	gh__loop_touch(l);
	gh__loop_tick(l);
}

/* ---- letters ---- */

void gh__loop_post(struct gh__loop *l, struct gh__letter *letter)
{
	letter->next = NULL;
	pthread_mutex_lock(&l->box_lock);
	bool first = l->box == NULL;
	*l->box_end = letter;
	l->box_end = &letter->next;
	pthread_mutex_unlock(&l->box_lock);
	if (first)
		uv_async_send(&l->wake);
}

static void on_wake(uv_async_t *wake)
{
	struct gh__loop *l = wake->data;

	gh__loop_touch(l);
	pthread_mutex_lock(&l->box_lock);
	struct gh__letter *letter = l->box;
	l->box = NULL;
	l->box_end = &l->box;
	pthread_mutex_unlock(&l->box_lock);
	for (struct gh__letter *next; letter; letter = next) {
		next = letter->next;
		letter->open(l, letter);
	}
}

/* ---- the turn ---- */

static void tell_time(struct gh__loop *l)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME_COARSE, &t);
	if (t.tv_sec == l->wall)
		return;
	l->wall = t.tv_sec;
	gh__http_date(l->wall, l->date);
}

static void on_after(uv_check_t *after)
{
	struct gh__loop *l = after->data;

	tell_time(l);
	run_later(l);
	gh__out_flush(l->out);
	if (l->on_turn)
		l->on_turn(l);
}

int gh__loop_init(struct gh__loop *l)
{
	*l = (struct gh__loop){ .box_end = &l->box };
	int error = uv_loop_init(&l->uv);
	if (error)
		return error;
	error = uv_async_init(&l->uv, &l->wake, on_wake);
	if (error) {
		uv_loop_close(&l->uv);
		return error;
	}
	uv_timer_init(&l->uv, &l->tick);
	uv_check_init(&l->uv, &l->after);
	uv_check_start(&l->after, on_after);
	uv_unref((uv_handle_t *)&l->after);
	l->wake.data = l->tick.data = l->after.data = l;
	pthread_mutex_init(&l->box_lock, NULL);
	gh__list_init(&l->later);
	for (size_t i = 0; i < GH__SLOTS; i++)
		gh__list_init(&l->slots[i]);
	l->in = gh__alloc(GH__READ_SIZE);
	l->out = gh__zalloc(sizeof *l->out);
	l->scratch_memory = gh__alloc(GH__SCRATCH);
	l->now = uv_now(&l->uv);
	tell_time(l);
	return 0;
}

void gh__loop_finish(struct gh__loop *l)
{
	uv_close((uv_handle_t *)&l->wake, NULL);
	uv_close((uv_handle_t *)&l->tick, NULL);
	uv_close((uv_handle_t *)&l->after, NULL);
	uv_run(&l->uv, UV_RUN_DEFAULT);
	GH_CHECK(uv_loop_close(&l->uv) == 0);
	pthread_mutex_destroy(&l->box_lock);
	for (struct gh__block *b = l->blocks, *next; b; b = next) {
		next = b->next;
		gh__free(b);
	}
	gh__free(l->in);
	gh__free(l->out);
	gh__arena_finish(&l->scratch);
	gh__free(l->scratch_memory);
	gh__free(l->tls_room);
	gh__free(l->http2_room);
}

/* ---- blocks, random ---- */

void *gh__block_get(struct gh__loop *l)
{
	struct gh__block *b = l->blocks;

	if (!b)
		return gh__alloc(GH__BLOCK);
	l->blocks = b->next;
	l->block_count--;
	return b;
}

void gh__block_put(struct gh__loop *l, void *block)
{
	struct gh__block *b = block;

	if (l->block_count >= GH__BLOCKS_KEPT) {
		gh__free(b);
		return;
	}
	b->next = l->blocks;
	l->blocks = b;
	l->block_count++;
}

struct gh__arena *gh__loop_scratch(struct gh__loop *l)
{
	gh__arena_finish(&l->scratch);
	gh__arena_init(&l->scratch, l->scratch_memory, GH__SCRATCH);
	return &l->scratch;
}

void gh__loop_random(struct gh__loop *l, void *to, size_t size)
{
	GH_CHECK(size <= sizeof l->entropy);
	if (l->entropy_left < size) {
		/* At this size it is never cut short once the machine's pool is ready. */
		GH_CHECK(getrandom(l->entropy, sizeof l->entropy, 0) == sizeof l->entropy);
		l->entropy_left = sizeof l->entropy;
	}
	l->entropy_left -= (unsigned)size;
	memcpy(to, l->entropy + l->entropy_left, size);
	gh__wipe(l->entropy + l->entropy_left, size);
}
