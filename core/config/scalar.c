/* Options of a single value: what they must be, and what is told when they are not. */
#include <stdio.h>

#include "core/config/bind.h"
#include "core/config/near.h"
#include "core/config/value.h"

enum { MEND = 160 /* bytes of a mend */ };

void gh__mark_bound(const struct gh__bind *b, struct gh__node *n)
{
	if (b->secret)
		n->secret = true;
	else
		n->open = true;
}

const char *gh__echo(const struct gh__bind *b, const struct gh__node *n, char to[80])
{
	if (b->secret || n->looked_up)
		return "this";
	if (n->kind != GH__NODE_SCALAR)
		return gh__node_kind_name(n);
	if (n->text.len > 60)
		snprintf(to, 80, "'%.56s…'", n->text.at);
	else
		snprintf(to, 80, "'%s'", n->text.at);
	return to;
}

/* What `name` must be, what it is, and the mend. */
void gh__wrong_value(struct gh__bind *b, const struct gh__node *n, const char *name,
		     const char *must_be, const char *mend)
{
	const char *sep = mend && *mend ? "; " : "";
	char echo[80];

	if (!mend)
		mend = "";
	if (n->kind == GH__NODE_SCALAR && gh__node_is_null(n))
		gh__mistake(b->mistakes, &n->place,
			    "'%.60s' must be %s, but nothing is written%s%s", name, must_be, sep,
			    mend);
	else if (b->secret || n->looked_up)
		gh__mistake(b->mistakes, &n->place, "'%.60s' must be %s", name, must_be);
	else
		gh__mistake(b->mistakes, &n->place, "'%.60s' must be %s, but it is %s%s%s", name,
			    must_be, gh__echo(b, n, echo), sep, mend);
}

static void out_of_range(struct gh__bind *b, const struct gh_option *row, const struct gh__node *n,
			 const char *name)
{
	char range[80], must_be[120];

	gh__range_text(row, range, sizeof(range));
	snprintf(must_be, sizeof(must_be), row->type == GH_TYPE_STRING ? "a text of %s" : "%s",
		 range);
	gh__wrong_value(b, n, name, must_be, NULL);
}

static void bind_number(struct gh__bind *b, const struct gh_option *row, struct gh__node *n,
			const char *name, int64_t *to)
{
	char mend[MEND];
	int64_t value;
	int bad;

	switch (row->type) {
	case GH_TYPE_DURATION:
		bad = gh__value_duration(n->text, &value, mend, sizeof(mend));
		if (bad)
			gh__wrong_value(b, n, name, "a duration such as 250ms, 10s, 5m, 2h or 1d",
					mend);
		break;
	case GH_TYPE_SIZE:
		bad = gh__value_size(n->text, &value, mend, sizeof(mend));
		if (bad)
			gh__wrong_value(b, n, name, "a size such as 512, 64k, 10M or 2G", mend);
		break;
	case GH_TYPE_COUNT:
		bad = gh__value_count(n->text, &value, mend, sizeof(mend));
		if (bad)
			gh__wrong_value(b, n, name, "a count such as 100, 100k or 2M", mend);
		break;
	default:
		bad = gh__value_int(n->text, &value, mend, sizeof(mend));
		if (bad)
			gh__wrong_value(b, n, name, "a whole number", mend);
		break;
	}
	if (bad)
		return;
	if (!gh__in_range(row, value)) {
		out_of_range(b, row, n, name);
		return;
	}
	*to = value;
}

static void bind_choice(struct gh__bind *b, const struct gh_option *row, struct gh__node *n,
			const char *name, struct gh_choice *to)
{
	struct gh__near near = gh__near_begin(n->text);
	char mend[MEND] = "", must_be[300] = "";
	size_t len = 0;

	for (int i = 0; row->choices[i]; i++) {
		const char *before = i == 0 ? "" : row->choices[i + 1] ? ", " : " or ";

		if (gh_str_is(n->text, row->choices[i])) {
			to->index = i;
			return;
		}
		gh__near_try(&near, gh_str(row->choices[i]));
		if (len < sizeof(must_be))
			len += (size_t)snprintf(must_be + len, sizeof(must_be) - len, "%s'%s'",
						before, row->choices[i]);
	}
	if (near.best.len)
		snprintf(mend, sizeof(mend), "did you mean '" GH_FMT "'?", GH_ARG(near.best));
	gh__wrong_value(b, n, name, must_be, mend);
}

/* The row's own check of one text. A sentence that repeats a secret is not passed on. */
void gh__check_text(struct gh__bind *b, const struct gh_option *row, struct gh__node *n,
		    const char *name)
{
	char why[512] = "";

	if (!row->check || n->unknown || row->check(n->text, why, sizeof(why)) == 0)
		return;
	bool hidden = b->secret || n->looked_up;
	if (hidden && n->text.len && strstr(why, n->text.at))
		snprintf(why, sizeof(why), "its value is not of the right form");
	/* An address that is refused may have a password in it. */
	if (memchr(n->text.at, '@', n->text.len))
		n->secret = true;
	gh__mistake(b->mistakes, &n->place, "'%.60s': %s", name, why);
}

static void bind_string(struct gh__bind *b, const struct gh_option *row, struct gh__node *n,
			const char *name, struct gh_str *to)
{
	if (!n->unknown && !gh__in_range(row, (int64_t)n->text.len)) {
		out_of_range(b, row, n, name);
		return;
	}
	*to = n->text;
	gh__check_text(b, row, n, name);
}

void gh__mark_secret(struct gh__node *n)
{
	n->secret = true;
	for (size_t i = 0; i < n->count; i++) {
		if (n->kind == GH__NODE_MAP)
			n->entries[i].key->secret = true;
		gh__mark_secret(n->kind == GH__NODE_MAP ? n->entries[i].value : n->items[i]);
	}
}

bool gh__is_value(struct gh__bind *b, struct gh__node *n, const char *name)
{
	if (n->kind != GH__NODE_SCALAR) {
		if (b->secret)
			gh__mark_secret(n);
		const char *mend = n->in_flow || n->kind == GH__NODE_LIST
					   ? "a text with { or [ in it must stand in quotes"
					   : NULL;
		gh__wrong_value(b, n, name, "a single value", mend);
		return false;
	}
	if (gh__node_is_null(n)) {
		gh__mistake(b->mistakes, &n->place, "'%.60s' has no value%s", name,
			    n->in_flow ? "; a text with a comma in it must stand in quotes"
				       : "; give it one or take the key away");
		return false;
	}
	return true;
}

/* What ${…} stands for was not looked up: the default, or what is least, takes its place. */
static void bind_unknown(struct gh__bind *b, const struct gh_option *row, void *field)
{
	struct gh__node *fallback = gh__row_default(b, row);

	if (fallback)
		gh__bind_scalar(b, row, fallback, field);
	else if (row->type != GH_TYPE_BOOL && row->type != GH_TYPE_CHOICE)
		memcpy(field, &row->min,
		       sizeof(row->min)); /* a count of something, whatever unit */
}

void gh__bind_scalar(struct gh__bind *b, const struct gh_option *row, struct gh__node *n,
		     void *field)
{
	char mend[MEND];

	if (!gh__is_value(b, n, row->name))
		return;
	gh__mark_bound(b, n);
	if (n->unknown && row->type != GH_TYPE_STRING) {
		bind_unknown(b, row, field);
		return;
	}
	switch (row->type) {
	case GH_TYPE_BOOL:
		if (gh__value_bool(n->text, field, mend, sizeof(mend)) < 0)
			gh__wrong_value(b, n, row->name, "true or false", mend);
		break;
	case GH_TYPE_INT:
		bind_number(b, row, n, row->name, field);
		break;
	case GH_TYPE_DURATION:
		bind_number(b, row, n, row->name, &((struct gh_duration *)field)->ms);
		break;
	case GH_TYPE_SIZE:
		bind_number(b, row, n, row->name, &((struct gh_size *)field)->bytes);
		break;
	case GH_TYPE_COUNT:
		bind_number(b, row, n, row->name, &((struct gh_count *)field)->n);
		break;
	case GH_TYPE_CHOICE:
		bind_choice(b, row, n, row->name, field);
		break;
	default:
		bind_string(b, row, n, row->name, field);
		break;
	}
}
