#include "entry.h"

#include <stdio.h>

#include "value.h"

/* An entry while it is read. */
struct entry {
	struct basic_auth_events *e;
	enum basic_auth_section section;
	const yaml_event_t *name;
	struct basic_auth_book *book;
	struct basic_auth_bound *bound; /* of the entry's mapping, until the book has it */
	bool added;                     /* the hash or the key was there */
};

typedef int read_member(struct entry *x, const yaml_event_t *value);

/* ---- Its secret ---- */

static int add_secret(struct entry *x, const yaml_event_t *value)
{
	unsigned line = (unsigned)x->name->start_mark.line + 1;
	struct gh_str name = basic_auth_event_text(x->name), text = basic_auth_event_text(value);
	char why[300];
	int rc = x->section == BASIC_AUTH_USERS
			 ? basic_auth_book_add_user(x->book, name, text, line, why, sizeof(why))
			 : basic_auth_book_add_key(x->book, name, text, line, why, sizeof(why));

	if (rc != 0)
		return basic_auth_events_wrong(x->e, value->start_mark, "%s", why);
	x->added = true;
	return 0;
}

static int read_secret(struct entry *x, const yaml_event_t *value)
{
	if (value->type != YAML_SCALAR_EVENT)
		return basic_auth_events_wrong(x->e, value->start_mark,
					       x->section == BASIC_AUTH_USERS
						       ? "the hash of a password belongs here, as "
							 "one text in quotes"
						       : "sha256: and 64 hexadecimal digits "
							 "belong here, as one text");
	return add_secret(x, value);
}

/* ---- Lists: one item alone is a list of one ---- */

static int read_items(struct entry *x, const yaml_event_t *value, read_member *read_item)
{
	if (value->type != YAML_SEQUENCE_START_EVENT)
		return read_item(x, value);
	for (;;) {
		yaml_event_t item;
		int rc = 0;

		if (basic_auth_events_next(x->e, &item) != 0)
			return -1;

		bool end = item.type == YAML_SEQUENCE_END_EVENT;

		if (!end)
			rc = read_item(x, &item);
		yaml_event_delete(&item);
		if (rc != 0 || end)
			return rc;
	}
}

/* ---- models ---- */

static int read_model(struct entry *x, const yaml_event_t *value)
{
	char why[200];

	if (value->type != YAML_SCALAR_EVENT || basic_auth_event_is_empty(value))
		return basic_auth_events_wrong(x->e, value->start_mark,
					       "the name of a model belongs here; write "
					       "models: [NAME, NAME], or leave it out for all");
	if (basic_auth_bound_add_model(x->bound, basic_auth_event_text(value), why, sizeof(why)) !=
	    0)
		return basic_auth_events_wrong(x->e, value->start_mark, "%s", why);
	return 0;
}

static int read_models(struct entry *x, const yaml_event_t *value)
{
	if (read_items(x, value, read_model) != 0)
		return -1;
	/* Later steps take none for all. */
	if (x->bound->model_count == 0)
		return basic_auth_events_wrong(x->e, value->start_mark,
					       "there is no model in this list; name some, or "
					       "leave `models` out for all");
	return 0;
}

/* ---- expires, priority ---- */

static struct gh_str text_or_nothing(const yaml_event_t *value)
{
	return value->type == YAML_SCALAR_EVENT ? basic_auth_event_text(value) : GH_STR("");
}

static int read_expires(struct entry *x, const yaml_event_t *value)
{
	if (basic_auth_expiry_read(text_or_nothing(value), &x->bound->expires) == 0)
		return 0;
	return basic_auth_events_wrong(x->e, value->start_mark,
				       "a day belongs here, such as 2027-01-31, which is good to "
				       "its end in UTC, or a moment, such as 2027-01-31T12:00:00Z");
}

static int read_priority(struct entry *x, const yaml_event_t *value)
{
	if (basic_auth_priority_read(text_or_nothing(value), &x->bound->priority) == 0)
		return 0;
	return basic_auth_events_wrong(x->e, value->start_mark,
				       "`priority` is low, normal or high");
}

/* ---- Mappings ---- */

struct member {
	const char *name;
	read_member *read;
};

enum { MEMBERS_MAX = 8 };

/* The member of that name, or the mistake that it is none, or is there twice. */
static const struct member *find_member(const struct entry *x, const yaml_event_t *name,
					const struct member *members, unsigned *seen)
{
	const char *names[MEMBERS_MAX] = { 0 };
	char list[120] = "";
	struct gh_str text = text_or_nothing(name);
	size_t at = 0, count = 0;

	for (; members[count].name != NULL; count++) {
		const struct member *m = &members[count];

		names[count] = m->name;
		at += (size_t)snprintf(list + at, sizeof(list) - at, "%s`%s`",
				       count == 0 ? "" : ", ", m->name);
		if (name->type != YAML_SCALAR_EVENT || !gh_str_is(text, m->name))
			continue;
		if (*seen & 1u << count) {
			basic_auth_events_wrong(x->e, name->start_mark,
						"`%s` is there twice; keep one", m->name);
			return NULL;
		}
		*seen |= 1u << count;
		return m;
	}

	const char *near = basic_auth_nearest(text, names);

	if (near != NULL)
		basic_auth_events_wrong(x->e, name->start_mark,
					"did you mean `%s`? Only %s belong "
					"here",
					near, list);
	else
		basic_auth_events_wrong(x->e, name->start_mark, "only %s belong here", list);
	return NULL;
}

static int read_value(struct entry *x, read_member *read)
{
	yaml_event_t value;

	if (basic_auth_events_next(x->e, &value) != 0)
		return -1;

	int rc = read(x, &value);

	yaml_event_delete(&value);
	return rc;
}

/* The mapping's members, after its start. `members` ends with a name of NULL. */
static int read_mapping(struct entry *x, const struct member *members)
{
	unsigned seen = 0;

	for (;;) {
		yaml_event_t name;
		int rc = 0;

		if (basic_auth_events_next(x->e, &name) != 0)
			return -1;

		bool end = name.type == YAML_MAPPING_END_EVENT;

		if (!end) {
			const struct member *m = find_member(x, &name, members, &seen);

			rc = m != NULL ? read_value(x, m->read) : -1;
		}
		yaml_event_delete(&name);
		if (rc != 0 || end)
			return rc;
	}
}

/* ---- limits ---- */

/* The limit that is being read; its place in the entry's bound is known once it is whole. */
struct limit {
	struct entry entry; /* first */
	int64_t requests, tokens, window_ms;
};

static struct limit *limit_of(struct entry *x)
{
	return (struct limit *)(void *)x;
}

static int read_requests(struct entry *x, const yaml_event_t *value)
{
	if (basic_auth_count_read(text_or_nothing(value), GH_LIMIT_REQUESTS_MAX,
				  &limit_of(x)->requests) == 0)
		return 0;
	return basic_auth_events_wrong(x->e, value->start_mark,
				       "`requests` is a number from 1 to %lld, such as 30 or 1k",
				       (long long)GH_LIMIT_REQUESTS_MAX);
}

static int read_tokens(struct entry *x, const yaml_event_t *value)
{
	if (basic_auth_count_read(text_or_nothing(value), GH_LIMIT_TOKENS_MAX,
				  &limit_of(x)->tokens) == 0)
		return 0;
	return basic_auth_events_wrong(x->e, value->start_mark,
				       "`tokens` is a number from 1 to %lldG, such as 100k or 2M",
				       (long long)(GH_LIMIT_TOKENS_MAX / 1000000000));
}

static int read_window(struct entry *x, const yaml_event_t *value)
{
	if (basic_auth_duration_read(text_or_nothing(value), GH_LIMIT_WINDOW_MAX_MS,
				     &limit_of(x)->window_ms) == 0)
		return 0;
	return basic_auth_events_wrong(x->e, value->start_mark,
				       "`window` is a time of at most 366d, such as 30s, 1m, 12h "
				       "or 1d");
}

static int add_limits(struct limit *l, const yaml_event_t *value)
{
	const struct gh_limit limits[] = {
		{ GH_REQUESTS, l->requests, l->requests, l->window_ms },
		{ GH_TOKENS, l->tokens, l->tokens, l->window_ms },
	};
	struct entry *x = &l->entry;
	char why[200];

	if (l->window_ms == 0 || (l->requests == 0 && l->tokens == 0))
		return basic_auth_events_wrong(x->e, value->start_mark,
					       "a limit needs `window` and `requests`, `tokens` or "
					       "both, such as { tokens: 2M, window: 1d }");
	for (size_t i = 0; i < GH_COUNT_OF(limits); i++)
		if (limits[i].amount > 0 &&
		    basic_auth_bound_add_limit(x->bound, &limits[i], why, sizeof(why)) != 0)
			return basic_auth_events_wrong(x->e, value->start_mark, "%s", why);
	return 0;
}

static int read_limit(struct entry *x, const yaml_event_t *value)
{
	static const struct member members[] = { { "requests", read_requests },
						 { "tokens", read_tokens },
						 { "window", read_window },
						 { NULL, NULL } };
	struct limit l = { .entry = *x };

	if (value->type != YAML_MAPPING_START_EVENT)
		return basic_auth_events_wrong(x->e, value->start_mark,
					       "a limit belongs here, such as "
					       "{ requests: 30, tokens: 100k, window: 1m }");
	if (read_mapping(&l.entry, members) != 0)
		return -1;
	return add_limits(&l, value);
}

static int read_limits(struct entry *x, const yaml_event_t *value)
{
	if (read_items(x, value, read_limit) != 0)
		return -1;
	if (x->bound->limit_count == 0)
		return basic_auth_events_wrong(x->e, value->start_mark,
					       "there is no limit in this list; write some, or "
					       "leave `limits` out");
	return 0;
}

/* ---- The entry ---- */

#define BINDINGS \
	{ "models", read_models }, { "expires", read_expires }, { "priority", read_priority }, \
		{ "limits", read_limits }, \
	{ \
		NULL, NULL \
	}

static int read_bound(struct entry *x)
{
	static const struct member of_user[] = { { "password", read_secret }, BINDINGS };
	static const struct member of_key[] = { { "key", read_secret }, BINDINGS };
	bool user = x->section == BASIC_AUTH_USERS;

	if (read_mapping(x, user ? of_user : of_key) != 0)
		return -1;
	if (x->added)
		return 0;
	return basic_auth_events_wrong(x->e, x->name->start_mark,
				       user ? "this user has no `password`; `gatehouse "
					      "hash-password` makes the text for it"
					    : "this key has no `key`; `gatehouse key new NAME` "
					      "makes one and its line");
}

static void bind_entry(const struct entry *x)
{
	if (x->section == BASIC_AUTH_USERS)
		basic_auth_book_bind_user(x->book, x->bound);
	else
		basic_auth_book_bind_key(x->book, x->bound);
}

int basic_auth_entry_read(struct basic_auth_events *e, enum basic_auth_section section,
			  const yaml_event_t *name, struct basic_auth_book *book)
{
	struct entry x = { .e = e, .section = section, .name = name, .book = book };
	yaml_event_t value;
	int rc;

	if (basic_auth_events_next(e, &value) != 0)
		return -1;
	if (value.type == YAML_SCALAR_EVENT) {
		rc = add_secret(&x, &value);
	} else if (value.type == YAML_MAPPING_START_EVENT) {
		x.bound = basic_auth_bound_create();
		rc = read_bound(&x);
		if (rc == 0)
			bind_entry(&x);
		else
			basic_auth_bound_destroy(x.bound);
	} else {
		rc = basic_auth_events_wrong(e, value.start_mark,
					     "a name stands here with something that is neither a "
					     "text nor a mapping; write NAME: \"TEXT\"");
	}
	yaml_event_delete(&value);
	return rc;
}
