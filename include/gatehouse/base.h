/*
 * What every module and all of core speak in: strings that know their length, and the verdicts.
 * Plain values; they own nothing. A string lives as long as what it was cut from, most often a
 * request's memory or an instance's options.
 */
#ifndef GATEHOUSE_BASE_H
#define GATEHOUSE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Bytes and their count. Not terminated unless its maker says so; `at` may be NULL when len is 0. */
struct gh_str {
	const char *at;
	size_t len;
};

#define GH_STR(literal) ((struct gh_str){ "" literal "", sizeof(literal) - 1 })
#define GH_STR_INIT(literal) \
	{ \
		"" literal "", sizeof(literal) - 1 \
	}
#define GH_FMT    "%.*s"
#define GH_ARG(s) (int)(s).len, (s).at ? (s).at : ""

#define GH_PRINTF(f, a)    __attribute__((format(printf, f, a)))
#define GH_COUNT_OF(array) (sizeof(array) / sizeof *(array))

static inline struct gh_str gh_str(const char *terminated)
{
	return (struct gh_str){ terminated, terminated ? strlen(terminated) : 0 };
}

static inline bool gh_str_eq(struct gh_str a, struct gh_str b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

static inline bool gh_str_is(struct gh_str a, const char *terminated)
{
	return gh_str_eq(a, gh_str(terminated));
}

static inline char gh_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* Equal but for the case of ASCII letters. */
static inline bool gh_str_same(struct gh_str a, struct gh_str b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (gh_lower(a.at[i]) != gh_lower(b.at[i]))
			return false;
	return true;
}

static inline bool gh_str_starts(struct gh_str s, struct gh_str prefix)
{
	return s.len >= prefix.len && (prefix.len == 0 || memcmp(s.at, prefix.at, prefix.len) == 0);
}

/* The bytes from `from` to before `to`; both are cut to the string's end. */
static inline struct gh_str gh_str_slice(struct gh_str s, size_t from, size_t to)
{
	if (to > s.len)
		to = s.len;
	if (from > to)
		from = to;
	return (struct gh_str){ s.len ? s.at + from : s.at, to - from };
}

/* What a hook answers; it means the same in every hook. */
enum gh_verdict {
	GH_NEXT,    /* go on to the next handler */
	GH_DONE,    /* I answer; on_request only */
	GH_PENDING, /* I hold this step until exactly one gh_resume() */
	GH_ERROR,   /* give up; gh_fail() says how */
};

#endif
