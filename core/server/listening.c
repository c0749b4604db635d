/*
 * Which addresses the process listens on, and through which doors: what a config wants of them is
 * compared with what there is.
 */
#include "core/config/mistake.h"
#include "core/base/log.h"
#include "core/server/certificates.h"
#include "core/server/doors.h"
#include "core/server/thread.h"

enum { SWEEP_MS = 100 };

/* An address with port 0 may stand there more than once: then one that nobody has asked for yet. */
static struct gh__listener *find_listener(struct gh__list *all, const struct gh__listen_config *c)
{
	struct gh__listener *found = NULL;

	for (struct gh__list *l = all->next; l != all; l = l->next) {
		struct gh__listener *listener = GH__CONTAINER(l, struct gh__listener, link);
		if (gh__listener_is(listener, c) && (!found || found->wanted))
			found = listener;
	}
	return found;
}

static void want_none(struct gh__list *all)
{
	for (struct gh__list *l = all->next; l != all; l = l->next)
		GH__CONTAINER(l, struct gh__listener, link)->wanted = false;
}

static void tell_listening(const struct gh__listener *l)
{
	struct gh_str name = l->door->name;
	size_t colon = name.len;

	while (colon && name.at[colon - 1] != ':')
		colon--;
	if (l->is_unix)
		gh__log(GH_LOG_INFO, "listening on " GH_FMT, GH_ARG(name));
	else
		gh__log(GH_LOG_INFO, "listening on %.*s%u", (int)colon, name.at,
			(unsigned)gh__listener_port(l));
}

int gh__listening_open(struct gh__server *s, const struct gh__config *c,
		       struct gh__list *ret_opened, struct gh__mistakes *mistakes)
{
	char why[256];
	int failed = 0;

	gh__list_init(ret_opened);
	want_none(&s->listeners);
	for (size_t i = 0; i < c->listen_count; i++) {
		const struct gh__listen_config *want = c->listen + i;
		struct gh__listener *l = find_listener(&s->listeners, want);
		if (l && !l->wanted) {
			l->wanted = true;
			if (gh__listener_check(l, want, why, sizeof why) == 0)
				continue;
		} else {
			l = gh__listener_open(want, why, sizeof why);
			if (l) {
				gh__list_add(ret_opened, &l->link);
				continue;
			}
		}
		gh__mistake(mistakes, &want->place, "cannot listen on '" GH_FMT "': %s",
			    GH_ARG(want->address), why);
		failed = -1;
	}
	while (failed && !gh__list_empty(ret_opened))
		gh__listener_destroy(GH__CONTAINER(ret_opened->next, struct gh__listener, link));
	return failed;
}

int gh__listening_check(const struct gh__config *c, struct gh__list *opened,
			struct gh__mistakes *mistakes)
{
	char why[256];
	int failed = 0;

	for (size_t i = 0; i < c->listen_count; i++) {
		const struct gh__listen_config *want = c->listen + i;
		const struct gh__listener *l = find_listener(opened, want);
		if (!l || gh__listener_check(l, want, why, sizeof why) == 0)
			continue;
		gh__mistake(mistakes, &want->place, "cannot listen on '" GH_FMT "': %s",
			    GH_ARG(want->address), why);
		failed = -1;
	}
	return failed;
}

void gh__listening_sweep(struct gh__deadline *d)
{
	struct gh__server *s = GH__CONTAINER(d, struct gh__server, sweep);

	for (struct gh__list *l = s->closing.next, *next; l != &s->closing; l = next) {
		next = l->next;
		struct gh__listener *listener = GH__CONTAINER(l, struct gh__listener, link);
		if (atomic_load(&listener->polls) == 0)
			gh__listener_destroy(listener);
	}
	if (!gh__list_empty(&s->closing))
		gh__deadline_set(&s->loop, &s->sweep, SWEEP_MS);
}

/* The door that the config wants, with certificates on its shelf before anyone comes through. */
static void use_door(struct gh__server *s, struct gh__listener *l,
		     const struct gh__listen_config *c)
{
	bool changes = !gh__door_fits(l->door, c);

	if (changes)
		gh__listener_use(l, gh__door_make(c, l->door));
	gh__certificates_place(s->current->certificates, l->door);
	for (unsigned i = 0; i < s->thread_count && changes; i++)
		gh__thread_change_door(s->threads[i], l);
}

static void leave_door(struct gh__server *s, struct gh__door *door)
{
	atomic_store(&door->closing, true);
	for (unsigned i = 0; i < s->thread_count; i++)
		gh__thread_leave_door(s->threads[i], door);
}

static void leave_listener(struct gh__server *s, struct gh__listener *l)
{
	gh__log(GH_LOG_INFO, "no longer listening on " GH_FMT, GH_ARG(l->door->name));
	gh__list_remove(&l->link);
	gh__list_add(&s->closing, &l->link);
	for (unsigned i = 0; i < s->thread_count; i++)
		gh__thread_unlisten(s->threads[i], l);
	leave_door(s, l->door);
	for (size_t i = 0; i < l->earlier_count; i++)
		leave_door(s, l->earlier[i]);
	gh__deadline_set(&s->loop, &s->sweep, SWEEP_MS);
}

void gh__listening_use(struct gh__server *s, const struct gh__config *c, struct gh__list *opened)
{
	want_none(&s->listeners);
	for (size_t i = 0; i < c->listen_count; i++) {
		struct gh__listener *l = find_listener(&s->listeners, c->listen + i);
		if (!l || l->wanted)
			continue;
		l->wanted = true;
		use_door(s, l, c->listen + i);
	}
	for (struct gh__list *l = s->listeners.next, *next; l != &s->listeners; l = next) {
		next = l->next;
		struct gh__listener *listener = GH__CONTAINER(l, struct gh__listener, link);
		if (!listener->wanted)
			leave_listener(s, listener);
	}
	for (size_t i = 0; i < c->listen_count; i++) {
		struct gh__listener *l = find_listener(opened, c->listen + i);
		if (!l || l->wanted)
			continue;
		gh__list_remove(&l->link);
		gh__list_add(&s->listeners, &l->link);
		use_door(s, l, c->listen + i);
		for (unsigned t = 0; t < s->thread_count; t++)
			gh__thread_listen(s->threads[t], l);
		tell_listening(l);
	}
	gh__certificates_begin(s->current->certificates);
}
