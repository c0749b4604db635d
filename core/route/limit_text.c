#include "core/route/limit_text.h"

static size_t put_number(char *to, int64_t n)
{
	char digits[GH__DECIMAL];
	size_t count = 0;

	do {
		digits[count++] = (char)('0' + n % 10);
		n /= 10;
	} while (n > 0);
	for (size_t i = 0; i < count; i++)
		to[i] = digits[count - 1 - i];
	return count;
}

struct gh_str gh__limit_decimal(char to[static GH__DECIMAL], int64_t n)
{
	return (struct gh_str){ to, put_number(to, n) };
}

struct gh_str gh__go_duration(char to[static GH__DURATION], int64_t ms)
{
	int64_t seconds = ms / 1000, minutes = seconds / 60, hours = minutes / 60;
	int64_t rest = ms % 1000;
	size_t at = 0;

	if (ms > 0 && ms < 1000) {
		at = put_number(to, ms);
		to[at++] = 'm';
		to[at++] = 's';
		return (struct gh_str){ to, at };
	}
	if (hours > 0) {
		at += put_number(to + at, hours);
		to[at++] = 'h';
	}
	if (minutes > 0) {
		at += put_number(to + at, minutes % 60);
		to[at++] = 'm';
	}
	at += put_number(to + at, seconds % 60);
	if (rest > 0) {
		to[at++] = '.';
		for (int64_t unit = 100; rest > 0; unit /= 10) {
			to[at++] = (char)('0' + rest / unit);
			rest %= unit;
		}
	}
	to[at++] = 's';
	return (struct gh_str){ to, at };
}
