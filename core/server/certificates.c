#include "core/server/certificates.h"

#include <stdio.h>
#include <time.h>

#include "core/base/log.h"
#include "core/base/memory.h"

enum {
	SECOND_MS = 1000,
	DAY = 86400,
	SOON_MS = SECOND_MS,
	LATE_MS = 7 * DAY * SECOND_MS,
	NEAR = 7 * DAY,        /* seconds; where a whole life is short, a quarter of it */
	LOOK_MS = 3600 * 1000, /* at least so often: clocks are set, machines sleep */
	NAMES_SHOWN = 3,
};

/* ---- words for the log ---- */

static const char *names_of(const struct gh__certificate *c, char *to, size_t size)
{
	size_t len = 0;

	*to = 0;
	for (size_t i = 0; i < c->name_count && i < NAMES_SHOWN && len < size; i++)
		len += (size_t)snprintf(to + len, size - len, "%s" GH_FMT, i ? ", " : "",
					GH_ARG(c->names[i]));
	if (c->name_count > NAMES_SHOWN && len < size)
		snprintf(to + len, size - len, " and %zu more", c->name_count - NAMES_SHOWN);
	return to;
}

const char *gh__certificate_time(int64_t seconds, char *to, size_t size)
{
	time_t at = (time_t)seconds;
	struct tm tm;

	if (!gmtime_r(&at, &tm) || strftime(to, size, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		snprintf(to, size, "%lld", (long long)seconds);
	return to;
}

static void tell_served(const struct gh__source *s, const struct gh__certificate *c)
{
	char names[512], until[64];

	gh__log(GH_LOG_INFO, "certificates: " GH_FMT " serves %s until %s, from '%s'",
		GH_ARG(s->stand->address), names_of(c, names, sizeof names),
		gh__certificate_time(c->not_after, until, sizeof until), s->instance->module->name);
}

static void tell_trouble(struct gh__source *s)
{
	if (!s->trouble || s->trouble_told)
		return;
	s->trouble_told = true;
	gh__log(GH_LOG_WARN, "certificates: " GH_FMT ", '%s': %s", GH_ARG(s->stand->address),
		s->instance->module->name, s->trouble);
}

static void tell(struct gh__stand *stand)
{
	size_t served = 0;

	for (size_t i = 0; i < stand->count; i++) {
		struct gh__source *s = stand->sources + i;

		tell_trouble(s);
		for (size_t k = 0; k < s->count; k++)
			if (!s->items[k].told) {
				s->items[k].told = true;
				tell_served(s, s->items[k].certificate);
			}
		served += s->count;
	}
	if (served == 0 && !stand->told_empty)
		gh__log(GH_LOG_WARN,
			"certificates: " GH_FMT
			" has none yet, so every handshake there fails until one comes",
			GH_ARG(stand->address));
	stand->told_empty = served == 0;
}

/* ---- what a source gave ---- */

static bool is_same(const struct gh__certificate *a, const struct gh__certificate *b)
{
	const mbedtls_x509_crt *x = &a->chain, *y = &b->chain;

	/* The key belongs to the leaf. */
	for (; x && y; x = x->next, y = y->next)
		if (x->raw.len != y->raw.len ||
		    (x->raw.len && memcmp(x->raw.p, y->raw.p, x->raw.len)))
			return false;
	return !x && !y;
}

static bool has_name(const struct gh_certificate_sink *sink, struct gh_str name)
{
	for (size_t i = 0; i < sink->count; i++)
		for (size_t k = 0; k < sink->items[i]->name_count; k++)
			if (gh_str_eq(sink->items[i]->names[k], name))
				return true;
	return false;
}

static void drop_items(struct gh__served *items, size_t count)
{
	for (size_t i = 0; i < count; i++)
		gh__certificate_unref(items[i].certificate);
	gh__free(items);
}

/* The old one that is the same keeps what the log has said of it. */
static struct gh__served served_as(const struct gh__served *old, size_t count,
				   struct gh__certificate *c)
{
	for (size_t i = 0; i < count; i++)
		if (is_same(old[i].certificate, c)) {
			struct gh__served same = old[i];
			gh__certificate_ref(same.certificate);
			return same;
		}
	return (struct gh__served){ .certificate = gh__certificate_ref(c) };
}

/* What was given takes the place of `old`, which it may be compared with. */
static void take_items(struct gh__source *s, const struct gh_certificate_sink *sink,
		       const struct gh__served *old, size_t old_count)
{
	struct gh__served *items = gh__alloc((sink->count + old_count + 1) * sizeof *items);
	size_t count = 0;

	for (size_t i = 0; i < sink->count; i++)
		items[count++] = served_as(old, old_count, sink->items[i]);
	/* One that cannot be used does not take away the one that is served in its stead. */
	for (size_t i = 0; i < old_count && (sink->refused || sink->count == 0); i++) {
		if (has_name(sink, old[i].certificate->names[0]))
			continue;
		items[count] = old[i];
		gh__certificate_ref(items[count++].certificate);
	}
	drop_items(s->items, s->count);
	s->items = items;
	s->count = count;
}

static void take_trouble(struct gh__source *s, const struct gh_certificate_sink *sink)
{
	if (s->trouble && sink->trouble && strcmp(s->trouble, sink->trouble) == 0)
		return;
	if (s->trouble && !sink->trouble)
		gh__log(GH_LOG_INFO, "certificates: " GH_FMT ", '%s': the trouble is over",
			GH_ARG(s->stand->address), s->instance->module->name);
	gh__free(s->trouble);
	s->trouble = sink->trouble ? gh__strndup(sink->trouble, strlen(sink->trouble)) : NULL;
	s->trouble_told = false;
}

static void put_on_shelf(const struct gh__stand *stand)
{
	size_t count = 0;

	for (size_t i = 0; i < stand->count; i++)
		count += stand->sources[i].count;
	struct gh__certificate **all = gh__alloc((count + 1) * sizeof(struct gh__certificate *));
	count = 0;
	for (size_t i = 0; i < stand->count; i++)
		for (size_t k = 0; k < stand->sources[i].count; k++)
			all[count++] = stand->sources[i].items[k].certificate;
	gh__shelf_put(stand->shelf, all, count);
	gh__free(all);
}

/* ---- certificates that run out ---- */

/* Whether some client is shown it. */
static bool is_shown(const struct gh__stand *stand, const struct gh__certificate *c)
{
	bool shown = false;

	for (size_t i = 0; i <= c->name_count && !shown; i++) {
		struct gh__certificate *picked =
			gh__shelf_pick(stand->shelf, i < c->name_count ? c->names[i] : GH_STR(""));
		shown = picked == c;
		gh__certificate_unref(picked);
	}
	return shown;
}

static int64_t near_of(const struct gh__certificate *c)
{
	int64_t quarter = (c->not_after - c->not_before) / 4;

	return quarter < NEAR ? quarter : NEAR;
}

/* Says once that one is near its end, and once that it is over. */
static void look_at(const struct gh__source *s, struct gh__served *served, int64_t now)
{
	const struct gh__certificate *c = served->certificate;
	char names[512], until[64];

	if (c->not_after - now > near_of(c) || !is_shown(s->stand, c))
		return;
	names_of(c, names, sizeof names);
	gh__certificate_time(c->not_after, until, sizeof until);
	if (now > c->not_after && !served->told_out)
		gh__log(GH_LOG_WARN,
			"certificates: " GH_FMT
			": that of %s ran out at %s, so clients refuse it, and '%s' gave no other",
			GH_ARG(s->stand->address), names, until, s->instance->module->name);
	else if (now <= c->not_after && !served->told_near)
		gh__log(GH_LOG_WARN,
			"certificates: " GH_FMT
			": that of %s runs out at %s, and '%s' gave no other yet",
			GH_ARG(s->stand->address), names, until, s->instance->module->name);
	served->told_near = true;
	served->told_out = now > c->not_after;
}

/* In how many ms the next of them wants to be looked at. */
static uint64_t look(struct gh__certificates *c)
{
	int64_t now = (int64_t)time(NULL), first = INT64_MAX;

	for (size_t i = 0; i < c->count; i++)
		for (size_t k = 0; k < c->stands[i].count; k++) {
			struct gh__source *s = c->stands[i].sources + k;
			for (size_t n = 0; n < s->count && s->stand->shelf; n++) {
				const struct gh__certificate *x = s->items[n].certificate;
				int64_t near = x->not_after - near_of(x);
				look_at(s, s->items + n, now);
				int64_t at = now < near ? near : x->not_after + 1;
				if (at > now && at < first)
					first = at;
			}
		}
	if (first > now + LOOK_MS / SECOND_MS)
		return LOOK_MS;
	return (uint64_t)(first - now) * SECOND_MS;
}

/* ---- renewals ---- */

static void work(struct gh__lane_job *job)
{
	struct gh__source *s = GH__CONTAINER(job, struct gh__source, job);

	if (!gh_certificate_stopping(&s->sink))
		s->again_ms = s->instance->module->certificates->renew(s->instance->self, &s->sink);
}

/* The lanes ended before it was begun. */
static void drop(struct gh__lane_job *job)
{
	struct gh__source *s = GH__CONTAINER(job, struct gh__source, job);

	s->renewing = false;
	s->all->renewing--;
}

static void schedule(struct gh__certificates *c);

static void open_renewed(struct gh__loop *loop, struct gh__letter *letter)
{
	struct gh__lane_job *job = GH__CONTAINER(letter, struct gh__lane_job, letter);
	struct gh__source *s = GH__CONTAINER(job, struct gh__source, job);
	struct gh__certificates *c = s->all;

	s->renewing = false;
	c->renewing--;
	if (atomic_load(&c->stopping)) {
		gh__certificate_sink_finish(&s->sink);
		if (c->renewing == 0 && c->on_idle)
			c->on_idle(c);
		return;
	}
	take_trouble(s, &s->sink);
	if (s->sink.count) {
		take_items(s, &s->sink, s->items, s->count);
		put_on_shelf(s->stand);
	}
	tell(s->stand);
	gh__certificate_sink_finish(&s->sink);
	int64_t ms = s->again_ms < SOON_MS   ? SOON_MS
		     : s->again_ms > LATE_MS ? LATE_MS
					     : s->again_ms;
	s->due = s->again_ms > 0 ? loop->now + (uint64_t)ms : 0;
	schedule(c);
}

static void renew(struct gh__source *s)
{
	struct gh__certificates *c = s->all;

	gh__certificate_sink_init(&s->sink, &c->stopping);
	s->again_ms = 0;
	s->due = 0;
	s->job = (struct gh__lane_job){
		.work = work, .drop = drop, .loop = c->loop, .letter = { .open = open_renewed }
	};
	if (gh__lane_add(c->lanes, GH__LANE_CERTIFICATE, &s->job)) {
		s->due = c->loop->now + SOON_MS;
		return;
	}
	s->renewing = true;
	c->renewing++;
}

/* Begins what is due, and sets the clock for what comes next. */
static void schedule(struct gh__certificates *c)
{
	uint64_t next = c->loop->now + look(c);

	for (size_t i = 0; i < c->count; i++)
		for (size_t k = 0; k < c->stands[i].count; k++) {
			struct gh__source *s = c->stands[i].sources + k;
			if (s->due && s->due <= c->loop->now)
				renew(s);
			if (s->due && s->due < next)
				next = s->due;
		}
	if (c->count)
		gh__deadline_set(c->loop, &c->next, next - c->loop->now);
}

static void on_next(struct gh__deadline *d)
{
	schedule(GH__CONTAINER(d, struct gh__certificates, next));
}

/* ---- a generation's ---- */

static void ask(struct gh__source *s, const struct gh__source *before)
{
	const struct gh_certificates *ops = s->instance->module->certificates;
	struct gh_certificate_sink sink;

	gh__certificate_sink_init(&sink, NULL);
	if (before && before->trouble) {
		s->trouble = gh__strndup(before->trouble, strlen(before->trouble));
		s->trouble_told = before->trouble_told;
	}
	if (ops->at_hand)
		ops->at_hand(s->instance->self, &sink);
	if (ops->at_hand || !ops->renew)
		take_trouble(s, &sink);
	take_items(s, &sink, before ? before->items : NULL, before ? before->count : 0);
	gh__certificate_sink_finish(&sink);
}

/* The source of a generation before that stood in the place of this one: the nth of its module. */
static const struct gh__source *find_before(const struct gh__stand *before,
					    const struct gh__source *s)
{
	size_t nth = 0;

	for (const struct gh__source *at = s->stand->sources; at < s; at++)
		nth += at->instance->module == s->instance->module;
	for (size_t i = 0; before && i < before->count; i++)
		if (before->sources[i].instance->module == s->instance->module && nth-- == 0)
			return before->sources + i;
	return NULL;
}

static void make_stand(struct gh__certificates *c, const struct gh__site_door *door,
		       const struct gh__stand *before)
{
	struct gh__stand *stand = c->stands + c->count++;

	stand->address = door->address;
	stand->count = door->count;
	stand->sources = gh__zalloc(door->count * sizeof *stand->sources);
	stand->told_empty = before && before->told_empty;
	for (size_t i = 0; i < door->count; i++) {
		struct gh__source *s = stand->sources + i;

		s->all = c;
		s->stand = stand;
		s->instance = door->sources + i;
		ask(s, find_before(before, s));
	}
}

static struct gh__stand *find_stand(const struct gh__certificates *c, struct gh_str address)
{
	struct gh__stand *found = NULL;

	/* An address with port 0 may stand there more than once. */
	for (size_t i = 0; c && i < c->count; i++)
		if (gh_str_eq(c->stands[i].address, address) && (!found || found->shelf))
			found = c->stands + i;
	return found;
}

struct gh__certificates *gh__certificates_create(struct gh__loop *loop, struct gh__lanes *lanes,
						 const struct gh__site *site,
						 const struct gh__certificates *before)
{
	struct gh__certificates *c = gh__zalloc(sizeof *c);

	c->loop = loop;
	c->lanes = lanes;
	atomic_init(&c->stopping, false);
	gh__deadline_init(&c->next, on_next);
	c->stands = gh__zalloc((site->door_count + 1) * sizeof *c->stands);
	for (size_t i = 0; i < site->door_count; i++)
		make_stand(c, site->doors + i, find_stand(before, site->doors[i].address));
	return c;
}

void gh__certificates_place(struct gh__certificates *c, const struct gh__door *door)
{
	struct gh__stand *stand = door->shelf ? find_stand(c, door->name) : NULL;

	if (!stand)
		return;
	gh__shelf_unref(stand->shelf);
	stand->shelf = gh__shelf_ref(door->shelf);
	put_on_shelf(stand);
	tell(stand);
}

void gh__certificates_begin(struct gh__certificates *c)
{
	for (size_t i = 0; i < c->count; i++)
		for (size_t k = 0; k < c->stands[i].count; k++) {
			struct gh__source *s = c->stands[i].sources + k;
			if (s->stand->shelf && s->instance->module->certificates->renew)
				s->due = c->loop->now;
		}
	schedule(c);
}

void gh__certificates_retire(struct gh__certificates *c)
{
	atomic_store(&c->stopping, true);
	gh__deadline_finish(c->loop, &c->next);
}

void gh__certificates_destroy(struct gh__certificates *c)
{
	if (!c)
		return;
	gh__certificates_retire(c);
	for (size_t i = 0; i < c->count; i++) {
		struct gh__stand *stand = c->stands + i;

		for (size_t k = 0; k < stand->count; k++) {
			struct gh__source *s = stand->sources + k;
			gh__certificate_sink_finish(&s->sink);
			drop_items(s->items, s->count);
			gh__free(s->trouble);
		}
		gh__free(stand->sources);
		gh__shelf_unref(stand->shelf);
	}
	gh__free(c->stands);
	gh__free(c);
}
