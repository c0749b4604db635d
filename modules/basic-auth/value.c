#include "value.h"

struct unit {
	const char *name;
	int64_t factor;
};

/* The digits that it begins with; -1 when there are none, or more than a number holds. */
static int digits(struct gh_str text, int64_t *ret_value, struct gh_str *ret_rest)
{
	int64_t value = 0;
	size_t i = 0;

	for (; i < text.len && text.at[i] >= '0' && text.at[i] <= '9'; i++)
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, text.at[i] - '0', &value))
			return -1;
	*ret_value = value;
	*ret_rest = gh_str_slice(text, i, text.len);
	return i > 0 ? 0 : -1;
}

static int with_unit(struct gh_str text, const struct unit *units, size_t count, int64_t max,
		     int64_t *ret_value)
{
	struct gh_str rest;
	int64_t value;

	if (digits(text, &value, &rest) != 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		if (!gh_str_is(rest, units[i].name))
			continue;
		if (__builtin_mul_overflow(value, units[i].factor, &value) || value < 1 ||
		    value > max)
			return -1;
		*ret_value = value;
		return 0;
	}
	return -1;
}

int basic_auth_count_read(struct gh_str text, int64_t max, int64_t *ret_count)
{
	static const struct unit units[] = {
		{ "", 1 }, { "k", 1000 }, { "M", 1000000 }, { "G", 1000000000 }
	};

	return with_unit(text, units, GH_COUNT_OF(units), max, ret_count);
}

int basic_auth_duration_read(struct gh_str text, int64_t max_ms, int64_t *ret_ms)
{
	static const struct unit units[] = {
		{ "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 }, { "d", 86400000 }
	};

	return with_unit(text, units, GH_COUNT_OF(units), max_ms, ret_ms);
}

/* Exactly `count` digits at `at`. */
static int field(struct gh_str text, size_t at, size_t count, int *ret_value)
{
	int value = 0;

	if (at + count > text.len)
		return -1;
	for (size_t i = at; i < at + count; i++) {
		if (text.at[i] < '0' || text.at[i] > '9')
			return -1;
		value = 10 * value + (text.at[i] - '0');
	}
	*ret_value = value;
	return 0;
}

static int days_of(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

/* Of the Gregorian calendar, from 1970-01-01. */
static int64_t days_since_1970(int year, int month, int day)
{
	int64_t before = year - 1;
	int64_t count = before * 365 + before / 4 - before / 100 + before / 400 - 719162;

	for (int m = 1; m < month; m++)
		count += days_of(year, m);
	return count + day - 1;
}

static int day_read(struct gh_str text, int64_t *ret_day)
{
	int year, month, day;

	if (field(text, 0, 4, &year) != 0 || field(text, 5, 2, &month) != 0 ||
	    field(text, 8, 2, &day) != 0 || text.at[4] != '-' || text.at[7] != '-')
		return -1;
	if (year < 1971 || month < 1 || month > 12 || day < 1 || day > days_of(year, month))
		return -1;
	*ret_day = days_since_1970(year, month, day);
	return 0;
}

int basic_auth_expiry_read(struct gh_str text, int64_t *ret_second)
{
	enum { DAY = 10, MOMENT = 20, DAY_SECONDS = 86400 };
	int64_t day;
	int hour, minute, second;

	if ((text.len != DAY && text.len != MOMENT) || day_read(text, &day) != 0)
		return -1;
	if (text.len == DAY) {
		*ret_second = (day + 1) * DAY_SECONDS;
		return 0;
	}
	if (text.at[10] != 'T' || text.at[13] != ':' || text.at[16] != ':' || text.at[19] != 'Z' ||
	    field(text, 11, 2, &hour) != 0 || field(text, 14, 2, &minute) != 0 ||
	    field(text, 17, 2, &second) != 0 || hour > 23 || minute > 59 || second > 59)
		return -1;
	*ret_second = day * DAY_SECONDS + hour * 3600 + minute * 60 + second;
	return 0;
}

int basic_auth_priority_read(struct gh_str text, enum gh_priority *ret_priority)
{
	static const struct {
		const char *name;
		enum gh_priority priority;
	} all[] = { { "low", GH_PRIORITY_LOW },
		    { "normal", GH_PRIORITY_NORMAL },
		    { "high", GH_PRIORITY_HIGH } };

	for (size_t i = 0; i < GH_COUNT_OF(all); i++) {
		if (!gh_str_is(text, all[i].name))
			continue;
		*ret_priority = all[i].priority;
		return 0;
	}
	return -1;
}

enum { NEAR_LEN = 24, NEAR_MOST = 2 };

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

static bool same(struct gh_str a, size_t i, struct gh_str b, size_t k)
{
	return gh_lower(a.at[i]) == gh_lower(b.at[k]);
}

/* How many letters must be put in, taken out, changed, or swapped with the next to make one of the
 * other. */
static unsigned distance(struct gh_str a, struct gh_str b)
{
	unsigned d[NEAR_LEN + 1][NEAR_LEN + 1];

	for (size_t i = 0; i <= a.len; i++)
		d[i][0] = (unsigned)i;
	for (size_t k = 0; k <= b.len; k++)
		d[0][k] = (unsigned)k;
	for (size_t i = 1; i <= a.len; i++)
		for (size_t k = 1; k <= b.len; k++) {
			d[i][k] = least(d[i - 1][k - 1] + !same(a, i - 1, b, k - 1),
					least(d[i - 1][k], d[i][k - 1]) + 1);
			if (i > 1 && k > 1 && same(a, i - 1, b, k - 2) && same(a, i - 2, b, k - 1))
				d[i][k] = least(d[i][k], d[i - 2][k - 2] + 1);
		}
	return d[a.len][b.len];
}

const char *basic_auth_nearest(struct gh_str word, const char *const *words)
{
	const char *best = NULL;
	unsigned so_far = NEAR_MOST + 1;

	if (word.len == 0 || word.len > NEAR_LEN)
		return NULL;
	for (; *words != NULL; words++) {
		struct gh_str known = gh_str(*words);
		unsigned d = known.len <= NEAR_LEN ? distance(word, known) : so_far;

		/* Half of a short word is another word. */
		if (d < so_far && 2 * d <= known.len) {
			so_far = d;
			best = *words;
		}
	}
	return best;
}
