#include "core/upstream/turns.h"

#include "core/base/memory.h"
#include "core/upstream/queue.h"

struct gh__turns_caller {
	struct gh__table_node node;
	struct gh__list link; /* in a ring of its class */
	struct gh__list tickets;
	struct gh__list *put_back; /* the last one that this put-back put here */
	uint64_t put_backs;
	unsigned served; /* the round of the last turn; 0: none */
	uint8_t rank;
};

void gh__turns_init(struct gh__turns *t)
{
	*t = (struct gh__turns){ 0 };
	for (int i = 0; i < GH__RANKS; i++) {
		gh__list_init(&t->classes[i].rings[0]);
		gh__list_init(&t->classes[i].rings[1]);
		t->classes[i].round = 1;
	}
}

static void forget(struct gh__turns *t, struct gh__turns_caller *c)
{
	gh__table_remove(&t->callers, &c->node);
	gh__list_remove(&c->link);
	gh__free(c);
}

static void forget_all(struct gh__turns *t, struct gh__turns_class *class)
{
	for (int i = 0; i < 2; i++)
		while (!gh__list_empty(&class->rings[i]))
			forget(t,
			       GH__CONTAINER(class->rings[i].next, struct gh__turns_caller, link));
	class->newcomers = 0;
}

void gh__turns_finish(struct gh__turns *t)
{
	GH_CHECK(t->count == 0 && t->callers.count == 0);
	gh__table_finish(&t->callers);
}

/* A caller in another class is another caller. */
static struct gh__id id_of(const struct gh__ticket *ticket)
{
	return (struct gh__id){ ticket->caller_id.a, ticket->caller_id.b + ticket->rank };
}

static struct gh__turns_caller *caller_of(struct gh__turns *t, const struct gh__ticket *ticket)
{
	struct gh__turns_class *class = t->classes + ticket->rank;
	struct gh__table_node *found = gh__table_find(&t->callers, id_of(ticket));

	if (found)
		return GH__CONTAINER(found, struct gh__turns_caller, node);
	struct gh__turns_caller *c = gh__zalloc(sizeof *c);
	c->node.id = id_of(ticket);
	c->rank = ticket->rank;
	gh__list_init(&c->tickets);
	gh__list_init(&c->link);
	gh__table_add(&t->callers, &c->node);
	bool now = class->newcomers > 0;
	gh__list_add(&class->rings[now ? class->current : !class->current], &c->link);
	class->newcomers -= now;
	return c;
}

/* Before `where` of its caller's. */
static void add(struct gh__turns *t, struct gh__turns_caller *c, struct gh__ticket *ticket,
		struct gh__list *where)
{
	struct gh__turns_class *class = t->classes + c->rank;

	class->active += gh__list_empty(&c->tickets);
	class->count++;
	t->count++;
	ticket->caller = c;
	gh__list_add(where, &ticket->link);
}

void gh__turns_add(struct gh__turns *t, struct gh__ticket *ticket)
{
	struct gh__turns_caller *c = caller_of(t, ticket);

	add(t, c, ticket, &c->tickets);
}

void gh__turns_put_back_begin(struct gh__turns *t)
{
	t->put_backs++;
}

void gh__turns_put_back(struct gh__turns *t, struct gh__ticket *ticket)
{
	struct gh__turns_caller *c = caller_of(t, ticket);

	if (c->put_backs != t->put_backs)
		c->put_back = &c->tickets;
	c->put_backs = t->put_backs;
	add(t, c, ticket, c->put_back->next);
	c->put_back = &ticket->link;
}

static void take_out(struct gh__turns *t, struct gh__ticket *ticket)
{
	struct gh__turns_caller *c = ticket->caller;
	struct gh__turns_class *class = t->classes + c->rank;

	gh__list_remove(&ticket->link);
	ticket->caller = NULL;
	class->active -= gh__list_empty(&c->tickets);
	class->count--;
	t->count--;
}

struct gh__ticket *gh__turns_look(struct gh__turns *t)
{
	struct gh__turns_class *class = t->classes;

	if (t->count == 0)
		return NULL;
	while (class->count == 0)
		class ++;
	for (;;) {
		struct gh__list *ring = &class->rings[class->current];
		if (gh__list_empty(ring)) {
			class->current = !class->current;
			class->round++;
			class->newcomers = class->active + 1;
			continue;
		}
		struct gh__turns_caller *c = GH__CONTAINER(ring->next, struct gh__turns_caller,
							   link);
		if (!gh__list_empty(&c->tickets))
			return GH__CONTAINER(c->tickets.next, struct gh__ticket, link);
		forget(t, c); /* did not come again */
	}
}

void gh__turns_take(struct gh__turns *t, struct gh__ticket *ticket)
{
	struct gh__turns_caller *c = ticket->caller;
	struct gh__turns_class *class = t->classes + c->rank;

	take_out(t, ticket);
	c->served = class->round;
	gh__list_remove(&c->link);
	gh__list_add(&class->rings[!class->current], &c->link);
	if (class->count == 0)
		forget_all(t, class);
}

void gh__turns_remove(struct gh__turns *t, struct gh__ticket *ticket)
{
	struct gh__turns_caller *c = ticket->caller;
	struct gh__turns_class *class = t->classes + c->rank;

	take_out(t, ticket);
	if (class->count == 0)
		forget_all(t, class);
	else if (gh__list_empty(&c->tickets) && c->served != class->round)
		forget(t, c);
}
