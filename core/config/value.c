#include "core/config/value.h"

#include <stdio.h>

struct unit {
	const char *name;
	int64_t factor;
};

static const struct unit durations[] = {
	{ "d", 86400000 }, { "h", 3600000 }, { "m", 60000 }, { "s", 1000 }, { "ms", 1 },
};

static const struct unit sizes[] = {
	{ "G", 1 << 30 },
	{ "M", 1 << 20 },
	{ "k", 1 << 10 },
};

static const struct unit counts[] = {
	{ "G", 1000000000 },
	{ "M", 1000000 },
	{ "k", 1000 },
};

/* What people write and what they mean by it. */
static const struct {
	const char *written, *meant;
} other_units[] = {
	{ "sec", "s" },   { "secs", "s" },    { "second", "s" }, { "seconds", "s" },
	{ "min", "m" },   { "mins", "m" },    { "minute", "m" }, { "minutes", "m" },
	{ "hour", "h" },  { "hours", "h" },   { "day", "d" },    { "days", "d" },
	{ "msec", "ms" }, { "millis", "ms" }, { "kb", "k" },     { "kib", "k" },
	{ "mb", "M" },    { "mib", "M" },     { "gb", "G" },     { "gib", "G" },
	{ "b", "" },      { "bytes", "" },
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The digits at the start; -1 when there are none or too many. */
static int digits(struct gh_str s, int64_t *ret_value, size_t *ret_len)
{
	int64_t value = 0;
	size_t i = 0;

	for (; i < s.len && is_digit(s.at[i]); i++)
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, s.at[i] - '0', &value))
			return -1;
	if (i == 0)
		return -1;
	*ret_value = value;
	*ret_len = i;
	return 0;
}

int gh__value_bool(struct gh_str s, bool *ret_value, char *mend, size_t size)
{
	static const char *const yes[] = { "yes", "on", "1", "enabled", "true" };
	static const char *const no[] = { "no", "off", "0", "disabled", "false" };

	if (gh_str_is(s, "true") || gh_str_is(s, "false")) {
		*ret_value = s.len == 4;
		return 0;
	}
	snprintf(mend, size, "%s", "");
	for (size_t i = 0; i < GH_COUNT_OF(yes); i++) {
		if (gh_str_same(s, gh_str(yes[i])))
			snprintf(mend, size, "did you mean 'true'?");
		if (gh_str_same(s, gh_str(no[i])))
			snprintf(mend, size, "did you mean 'false'?");
	}
	return -1;
}

int gh__value_int(struct gh_str s, int64_t *ret_value, char *mend, size_t size)
{
	bool negative = s.len > 0 && s.at[0] == '-';
	struct gh_str rest = gh_str_slice(s, negative, s.len);
	int64_t value = 0;
	size_t len;

	snprintf(mend, size, "%s", "");
	if (digits(rest, &value, &len) < 0)
		return -1;
	if (len != rest.len) {
		/* What would be right for a size or a count. */
		if (gh__value_count(rest, &value, mend, size) == 0)
			snprintf(mend, size, "did you mean '%s%lld'?", negative ? "-" : "",
				 (long long)value);
		else
			snprintf(mend, size, "%s", "");
		return -1;
	}
	*ret_value = negative ? -value : value;
	return 0;
}

/* A number and one of `units`; what has no unit has the factor `bare`, 0: it may be 0 alone. */
static int with_unit(struct gh_str s, const struct unit *units, size_t count, int64_t bare,
		     int64_t *ret_value, char *mend, size_t size)
{
	int64_t value, factor = 0;
	size_t len;

	snprintf(mend, size, "%s", "");
	if (digits(s, &value, &len) < 0)
		return -1;
	struct gh_str unit = gh_str_slice(s, len, s.len);
	if (unit.len == 0 && (bare || value == 0)) {
		*ret_value = value;
		return 0;
	}
	for (size_t i = 0; i < count; i++)
		if (gh_str_is(unit, units[i].name))
			factor = units[i].factor;
	if (factor && !__builtin_mul_overflow(value, factor, ret_value))
		return 0;
	if (factor) {
		snprintf(mend, size, "that is more than can be counted");
		return -1;
	}
	if (unit.len == 0) {
		snprintf(mend, size, "it needs a unit: '%lld%s'?", (long long)value,
			 value >= 1000 ? "ms" : "s");
		return -1;
	}
	for (size_t i = 0; i < count; i++)
		if (gh_str_same(unit, gh_str(units[i].name)))
			snprintf(mend, size, "did you mean '%lld%s'?", (long long)value,
				 units[i].name);
	for (size_t i = 0; i < GH_COUNT_OF(other_units); i++) {
		bool known = bare && !*other_units[i].meant;

		for (size_t k = 0; k < count; k++)
			known |= strcmp(units[k].name, other_units[i].meant) == 0;
		if (known && gh_str_same(unit, gh_str(other_units[i].written)))
			snprintf(mend, size, "did you mean '%lld%s'?", (long long)value,
				 other_units[i].meant);
	}
	return -1;
}

int gh__value_duration(struct gh_str s, int64_t *ret_ms, char *mend, size_t size)
{
	int64_t ms;

	if (with_unit(s, durations, GH_COUNT_OF(durations), 0, &ms, mend, size) < 0)
		return -1;
	*ret_ms = ms;
	return 0;
}

int gh__value_size(struct gh_str s, int64_t *ret_bytes, char *mend, size_t size)
{
	int64_t bytes;

	if (with_unit(s, sizes, GH_COUNT_OF(sizes), 1, &bytes, mend, size) < 0)
		return -1;
	*ret_bytes = bytes;
	return 0;
}

int gh__value_count(struct gh_str s, int64_t *ret_n, char *mend, size_t size)
{
	int64_t n;

	if (with_unit(s, counts, GH_COUNT_OF(counts), 1, &n, mend, size) < 0)
		return -1;
	*ret_n = n;
	return 0;
}

static const char *in_unit(int64_t value, const struct unit *units, size_t count, const char *bare,
			   char to[GH__VALUE_LEN])
{
	for (size_t i = 0; i < count; i++)
		if (value && value % units[i].factor == 0) {
			snprintf(to, GH__VALUE_LEN, "%lld%s", (long long)(value / units[i].factor),
				 units[i].name);
			return to;
		}
	snprintf(to, GH__VALUE_LEN, "%lld%s", (long long)value, bare);
	return to;
}

const char *gh__duration_text(int64_t ms, char to[GH__VALUE_LEN])
{
	return in_unit(ms, durations, GH_COUNT_OF(durations), "s", to);
}

const char *gh__size_text(int64_t bytes, char to[GH__VALUE_LEN])
{
	return in_unit(bytes, sizes, GH_COUNT_OF(sizes), "", to);
}

const char *gh__count_text(int64_t n, char to[GH__VALUE_LEN])
{
	return in_unit(n, counts, GH_COUNT_OF(counts), "", to);
}

static const char *bound_text(const struct gh_option *o, int64_t value, char to[GH__VALUE_LEN])
{
	switch (o->type) {
	case GH_TYPE_DURATION:
		return gh__duration_text(value, to);
	case GH_TYPE_SIZE:
		return gh__size_text(value, to);
	case GH_TYPE_COUNT:
		return gh__count_text(value, to);
	default:
		snprintf(to, GH__VALUE_LEN, "%lld", (long long)value);
		return to;
	}
}

/* What the range counts, in the singular behind a 1. */
static const char *counted(const struct gh_option *o, int64_t last)
{
	switch (o->type) {
	case GH_TYPE_STRING:
		return last == 1 ? " byte" : " bytes";
	case GH_TYPE_STRINGS:
	case GH_TYPE_PAIRS:
	case GH_TYPE_OBJECTS:
	case GH_TYPE_NAMED:
		return last == 1 ? " entry" : " entries";
	default:
		return "";
	}
}

const char *gh__range_text(const struct gh_option *o, char *to, size_t size)
{
	char least[GH__VALUE_LEN], most[GH__VALUE_LEN];

	if (o->min == 0 && o->max == 0)
		return NULL;
	bound_text(o, o->min, least);
	bound_text(o, o->max, most);
	if (o->max < o->min || o->max == INT64_MAX)
		snprintf(to, size, "at least %s%s", least, counted(o, o->min));
	else if (o->min == o->max)
		snprintf(to, size, "%s%s", least, counted(o, o->min));
	else if (o->min == 0 && *counted(o, o->max))
		snprintf(to, size, "at most %s%s", most, counted(o, o->max));
	else
		snprintf(to, size, "%s to %s%s", least, most, counted(o, o->max));
	return to;
}

bool gh__in_range(const struct gh_option *o, int64_t value)
{
	if (o->min == 0 && o->max == 0)
		return true;
	return value >= o->min && (value <= o->max || o->max < o->min);
}
