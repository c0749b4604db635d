/*
 * What single values of a config mean: numbers, durations, sizes, counts, yes and no. Pure.
 */
#ifndef GATEHOUSE_CORE_CONFIG_VALUE_H
#define GATEHOUSE_CORE_CONFIG_VALUE_H

#include <gatehouse/option.h>

/* Each: 0, or -1 and a sentence's end in `mend` (of `size` bytes), empty when none is at hand. */
int gh__value_bool(struct gh_str s, bool *ret_value, char *mend, size_t size);
int gh__value_int(struct gh_str s, int64_t *ret_value, char *mend, size_t size);
int gh__value_duration(struct gh_str s, int64_t *ret_ms, char *mend, size_t size);
int gh__value_size(struct gh_str s, int64_t *ret_bytes, char *mend, size_t size);
int gh__value_count(struct gh_str s, int64_t *ret_n, char *mend, size_t size);

/* As a config has it, in the largest unit that fits: `5m`, `64k`. At most 32 bytes, terminated. */
enum { GH__VALUE_LEN = 32 };
const char *gh__duration_text(int64_t ms, char to[GH__VALUE_LEN]);
const char *gh__size_text(int64_t bytes, char to[GH__VALUE_LEN]);
const char *gh__count_text(int64_t n, char to[GH__VALUE_LEN]);

/* The range of an option as text, such as `1 to 10`, `at least 1s`, `at most 20
 * bytes`; NULL: it has none. */
const char *gh__range_text(const struct gh_option *o, char *to, size_t size);
bool gh__in_range(const struct gh_option *o, int64_t value);

#endif
