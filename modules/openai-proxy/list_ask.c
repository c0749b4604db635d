#include "list_ask.h"

static enum gh_verdict answered(struct gh_step *s);
static enum gh_verdict woken(struct gh_step *s);

static struct openai_asking *asking_of(struct gh_step *s)
{
	struct openai_search *search = s->state;

	return search->asking;
}

/* However the request ends, nobody waits for it after that. */
static void leave(void *arg)
{
	struct openai_asking *a = arg;

	if (a->flight)
		openai_list_drop(a->flight);
	openai_list_leave(&a->waiter);
}

struct openai_asking *openai_asking_make(struct gh_step *s, const struct openai_models *m)
{
	struct openai_search *search = s->state;

	search->asking = gh_alloc(s->req, sizeof *search->asking);
	search->asking->models = m;
	gh_defer(s->req, leave, search->asking);
	return search->asking;
}

/* Nothing of the client's: neither its credential nor what it calls itself. */
static enum gh_verdict call(struct gh_step *s, struct gh_upstream *u)
{
	static const struct gh_header accept = {
		.name = "Accept", .name_len = 6, .value = "application/json", .value_len = 16
	};

	return gh_call(s, u,
		       &(struct gh_call){ .method = GH_STR("GET"),
					  .path = GH_STR("/v1/models"),
					  .headers = &accept,
					  .header_count = 1,
					  .max = OPENAI_LIST_BYTES,
					  .timeout_ms = OPENAI_LIST_TIMEOUT_MS },
		       answered);
}

enum gh_verdict openai_list_ask(struct gh_step *s)
{
	struct openai_asking *a = asking_of(s);

	for (; a->at < a->end; a->at++) {
		const struct openai_source *source = a->models->sources + a->at;
		switch (openai_list_join(source->keep, s, a->fresh_ms, woken, &a->waiter)) {
		case OPENAI_LIST_ASK:
			a->flight = source->keep;
			return call(s, source->as_is.upstream);
		case OPENAI_LIST_WAIT:
			return GH_PENDING;
		case OPENAI_LIST_USE:
			break;
		}
	}
	return a->goal(s);
}

static enum gh_verdict go_on(struct gh_step *s)
{
	gh_then *then = asking_of(s)->then;
	enum gh_verdict v = openai_list_ask(s);

	return v == GH_NEXT && then ? then(s) : v;
}

/* Whoever was waited for is done, or has left: then it is this one's turn. */
static enum gh_verdict woken(struct gh_step *s)
{
	return go_on(s);
}

static struct openai_list *read_answer(const struct gh_answer *answer, const char **ret_why)
{
	struct openai_list *list;

	if (answer->status == 0) {
		*ret_why = answer->error;
		return NULL;
	}
	if (answer->status != 200) {
		*ret_why = "it answered with an error";
		return NULL;
	}
	return openai_list_read(answer->body, &list, ret_why) == 0 ? list : NULL;
}

static enum gh_verdict answered(struct gh_step *s)
{
	struct openai_asking *a = asking_of(s);
	const struct openai_source *source = a->models->sources + a->at;
	const struct gh_answer *answer = gh_answer(s);
	const char *why = NULL;
	struct openai_list *list = read_answer(answer, &why);
	struct gh_str name = gh_upstream_name(source->as_is.upstream);

	a->flight = NULL;
	if (openai_list_land(source->keep, gh_now_ms(s), list))
		gh_log(s, GH_LOG_WARN,
		       "'" GH_FMT "' tells nothing of its models (status %d: %s), so they are not "
		       "listed",
		       GH_ARG(name), answer->status, why);
	a->at++;
	return go_on(s);
}
