/* What a new key is bound to: from the command line to the texts of a credentials file, which basic-auth
 * will read. What it would refuse is refused here. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <gatehouse/budget.h>

#include "core/cli/key.h"
#include "core/config/value.h"

enum { MODELS_MOST = 64, MODEL_LEN_MOST = 255, DAY_MS = 86400000, TEXT = 32 };

static int wrong(const char *option, const char *what)
{
	fprintf(stderr, "gatehouse key: --%s: %s\n", option, what);
	return -1;
}

static struct gh_str trimmed(struct gh_str s)
{
	while (s.len && (s.at[0] == ' ' || s.at[0] == '\t'))
		s = gh_str_slice(s, 1, s.len);
	while (s.len && (s.at[s.len - 1] == ' ' || s.at[s.len - 1] == '\t'))
		s.len--;
	return s;
}

/* The next part before a comma, trimmed; false at the end. */
static bool next_part(struct gh_str *rest, struct gh_str *ret_part)
{
	if (!rest->at)
		return false;
	const char *comma = rest->len ? memchr(rest->at, ',', rest->len) : NULL;
	size_t len = comma ? (size_t)(comma - rest->at) : rest->len;

	*ret_part = trimmed(gh_str_slice(*rest, 0, len));
	*rest = comma ? gh_str_slice(*rest, len + 1, rest->len) : (struct gh_str){ 0 };
	return true;
}

/* ---- models ---- */

static struct gh_str quoted(struct gh__arena *a, struct gh_str text)
{
	char *to = gh__arena_get(a, 2 * text.len + 3), *at = to;

	*at++ = '"';
	for (size_t i = 0; i < text.len; i++) {
		if (text.at[i] == '"' || text.at[i] == '\\')
			*at++ = '\\';
		*at++ = text.at[i];
	}
	*at++ = '"';
	*at = 0;
	return (struct gh_str){ to, (size_t)(at - to) };
}

static bool is_plain(struct gh_str s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.at[i], letter = gh_lower(c);
		bool inner = i > 0 && c && strchr("-._/", c);

		if (!inner && !(c >= '0' && c <= '9') && !(letter >= 'a' && letter <= 'z'))
			return false;
	}
	return s.len > 0;
}

static int check_model(struct gh_str name)
{
	if (name.len == 0 || name.len > MODEL_LEN_MOST)
		return wrong("models", "the name of a model has 1 to 255 bytes; write "
				       "--models NAME,NAME");
	for (size_t i = 0; i < name.len; i++) {
		unsigned char c = (unsigned char)name.at[i];

		if (c == '*')
			return wrong("models", "names are compared whole, without `*`; write each "
					       "one, or leave --models out for all");
		if (c < ' ' || c == 0x7f)
			return wrong("models", "a name has a control byte");
	}
	return 0;
}

static int bind_models(struct gh__arena *a, const char *text, struct gh__new_key *to)
{
	struct gh_str rest = gh_str(text), part, seen[MODELS_MOST];
	size_t count = 0;

	to->models = GH_STR("[");
	while (next_part(&rest, &part)) {
		if (check_model(part))
			return -1;
		if (count == MODELS_MOST)
			return wrong("models", "at most 64 can be named; leave it out for all");
		for (size_t i = 0; i < count; i++)
			if (gh_str_eq(seen[i], part))
				return wrong("models", "one of them is there twice");
		to->models = gh__arena_printf(a, GH_FMT "%s" GH_FMT, GH_ARG(to->models),
					      count ? ", " : "",
					      GH_ARG(is_plain(part) ? part : quoted(a, part)));
		seen[count++] = part;
	}
	to->models = gh__arena_printf(a, GH_FMT "]", GH_ARG(to->models));
	return 0;
}

/* ---- expires ---- */

static int read_time(struct gh_str text, const char *format, int64_t *ret_second)
{
	char copy[TEXT], again[TEXT];
	struct tm tm = { 0 };

	if (text.len == 0 || text.len >= sizeof(copy) || memchr(text.at, 0, text.len))
		return -1;
	memcpy(copy, text.at, text.len);
	copy[text.len] = 0;
	const char *end = strptime(copy, format, &tm);
	if (!end || *end)
		return -1;
	time_t second = timegm(&tm);
	/* There and back: no 30th of February, and all the digits. */
	if (second <= 0 || !gmtime_r(&second, &tm) ||
	    strftime(again, sizeof(again), format, &tm) == 0 || strcmp(copy, again) != 0)
		return -1;
	*ret_second = second;
	return 0;
}

int gh__expiry_read(struct gh_str text, int64_t *ret_second)
{
	if (read_time(text, "%Y-%m-%dT%H:%M:%SZ", ret_second) == 0)
		return 0;
	if (read_time(text, "%Y-%m-%d", ret_second))
		return -1;
	*ret_second += DAY_MS / 1000;
	return 0;
}

static int bind_expires(struct gh__arena *a, const char *text, struct gh__new_key *to)
{
	time_t now = time(NULL);
	struct gh_str written = gh_str(text);
	char mend[80], made[TEXT];
	int64_t ms, second;
	struct tm tm;

	if (gh__value_duration(written, &ms, mend, sizeof(mend)) == 0) {
		if (ms < 1000 || ms > GH_LIMIT_WINDOW_MAX_MS * 100)
			return wrong("expires", "a time from 1s to 36600d, such as 30d");
		second = now + ms / 1000;
		if (!gmtime_r(&second, &tm))
			return wrong("expires", "this time is too far away");
		strftime(made, sizeof(made), ms % DAY_MS ? "%Y-%m-%dT%H:%M:%SZ" : "%Y-%m-%d", &tm);
		written = gh__arena_copy(a, gh_str(made));
	}
	if (gh__expiry_read(written, &second))
		return wrong("expires",
			     "a time such as 30d, a day such as 2027-01-31, which is good "
			     "to its end in UTC, or a moment, such as "
			     "2027-01-31T12:00:00Z");
	if (second <= now)
		return wrong("expires", "that is over already");
	to->expires = written;
	return 0;
}

/* ---- priority, limits ---- */

static int bind_priority(const char *text, struct gh__new_key *to)
{
	static const char *const all[] = { "low", "normal", "high" };

	for (size_t i = 0; i < GH_COUNT_OF(all); i++)
		if (strcmp(text, all[i]) == 0) {
			to->priority = gh_str(all[i]);
			return 0;
		}
	return wrong("priority", "it is low, normal or high");
}

struct limit {
	struct gh_str requests, tokens, window; /* empty: not said */
};

static int read_limit_part(struct gh_str part, struct limit *l)
{
	const char *colon = part.len ? memchr(part.at, ':', part.len) : NULL;
	size_t at = colon ? (size_t)(colon - part.at) : 0;
	struct gh_str name = trimmed(gh_str_slice(part, 0, at));
	struct gh_str value = colon ? trimmed(gh_str_slice(part, at + 1, part.len)) : name;
	char mend[80];
	int64_t n = 0, most = GH_LIMIT_WINDOW_MAX_MS;
	struct gh_str *to = NULL;

	if (gh_str_is(name, "window")) {
		to = &l->window;
		if (gh__value_duration(value, &n, mend, sizeof(mend)))
			return -1;
	} else if (gh_str_is(name, "requests") || gh_str_is(name, "tokens")) {
		bool requests = gh_str_is(name, "requests");

		to = requests ? &l->requests : &l->tokens;
		most = requests ? GH_LIMIT_REQUESTS_MAX : GH_LIMIT_TOKENS_MAX;
		if (gh__value_count(value, &n, mend, sizeof(mend)))
			return -1;
	}
	if (!to || to->len || n < 1 || n > most)
		return -1;
	*to = value;
	return 0;
}

static int bind_limit(struct gh__arena *a, const char *text, struct gh_str *ret_limit)
{
	struct gh_str rest = trimmed(gh_str(text)), part;
	struct limit l = { 0 };
	bool good = true;

	if (rest.len > 1 && rest.at[0] == '{' && rest.at[rest.len - 1] == '}')
		rest = gh_str_slice(rest, 1, rest.len - 1);
	while (good && next_part(&rest, &part))
		good = read_limit_part(part, &l) == 0;
	if (!good || !l.window.len || (!l.requests.len && !l.tokens.len))
		return wrong("limit",
			     "write it as 'requests: 30, tokens: 100k, window: 1m', or with "
			     "one of requests and tokens; a window has at most 366d");
	*ret_limit = gh__arena_printf(a, "{ %s" GH_FMT "%s%s" GH_FMT "%swindow: " GH_FMT " }",
				      l.requests.len ? "requests: " : "", GH_ARG(l.requests),
				      l.requests.len ? ", " : "", l.tokens.len ? "tokens: " : "",
				      GH_ARG(l.tokens), l.tokens.len ? ", " : "", GH_ARG(l.window));
	return 0;
}

int gh__key_bind(struct gh__arena *a, const struct gh__key_options *o, struct gh__new_key *to)
{
	struct gh_str *limits = gh__arena_zero(a, GH__KEY_LIMITS_MOST * sizeof(*limits));
	size_t units = 0;

	if ((o->models && bind_models(a, o->models, to)) ||
	    (o->expires && bind_expires(a, o->expires, to)) ||
	    (o->priority && bind_priority(o->priority, to)))
		return -1;
	for (size_t i = 0; i < o->limit_count; i++) {
		if (bind_limit(a, o->limits[i], limits + i))
			return -1;
		units += 1 + (strstr(limits[i].at, "requests") && strstr(limits[i].at, "tokens"));
	}
	if (units > GH_LIMITS_MAX)
		return wrong("limit", "there may be 8, requests and tokens counted apart");
	to->limits = limits;
	to->limit_count = o->limit_count;
	return 0;
}
