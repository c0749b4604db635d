/* gatehouse usage: who used how much of which model, as a table or as JSON. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "core/base/memory.h"
#include "core/cli/commands.h"
#include "core/config/config.h"
#include "core/config/mistake.h"
#include "core/config/text.h"
#include "core/config/value.h"
#include "core/ledger/report.h"
#include "core/route/escape.h"
#include "core/server/file.h"
#include "core/server/server.h"

enum { MAX_CONFIG = 4 << 20, COLUMNS = 9, CELL = 32, NAME = 260, WHY = 4600 };

static const char help[] =
	"usage: gatehouse usage [--by user|model|day] [--since TIME] [--json]\n"
	"                       [--config FILE | --state-dir DIR]\n\n"
	"Tells who used how much of which model: requests, tokens, the time to the first\n"
	"token, how fast tokens came after it, and how long requests waited for their turn.\n"
	"It reads what the gateway keeps, whether it runs or not.\n\n"
	"  --by user|model|day  what a line is for (default: user)\n"
	"  --since TIME         from then on: 7d, 12h, or a day as 2026-11-01 (default: 7d)\n"
	"  --json               a JSON array in place of the table\n"
	"  -c, --config FILE    the config, which says where it is kept (default:\n"
	"                       gateway.yaml here, else /etc/gatehouse/gateway.yaml)\n"
	"  --state-dir DIR      where it is kept, without a config\n";

struct wish {
	enum gh__ledger_by by;
	enum { TABLE, JSON } form;
	int64_t since; /* ms since 1970 */
	const char *config, *state_dir;
};

static const char *const names[] = {
	[GH__LEDGER_BY_USER] = "user",
	[GH__LEDGER_BY_MODEL] = "model",
	[GH__LEDGER_BY_DAY] = "day",
};

/* ---- what is asked ---- */

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int read_since(const char *text, int64_t *ret_since)
{
	struct tm day = { .tm_isdst = -1 }, same;
	char mend[100];
	int64_t ms;

	const char *end = strptime(text, "%Y-%m-%d", &day);
	if (end && !*end) {
		same = day;
		time_t t = mktime(&day);
		if (t == (time_t)-1 || day.tm_mday != same.tm_mday)
			return -1; /* no such day */
		*ret_since = (int64_t)t * 1000;
		return 0;
	}
	if (gh__value_duration(gh_str(text), &ms, mend, sizeof mend) || ms < 0)
		return -1;
	*ret_since = now_ms() - ms;
	return 0;
}

static int read_by(const char *text, enum gh__ledger_by *ret_by)
{
	for (size_t i = 0; i < GH_COUNT_OF(names); i++) {
		if (strcmp(text, names[i]) == 0) {
			*ret_by = (enum gh__ledger_by)i;
			return 0;
		}
	}
	return -1;
}

static int complain(const char *what, const char *of)
{
	fprintf(stderr, "gatehouse usage: '%s' %s; gatehouse usage --help tells more\n", of, what);
	return GH__EXIT_USAGE;
}

/* The value of an option that is written `--name value` or `--name=value`; NULL: it is another one. */
static const char *value_of(const char *name, int argc, char **argv, int *at)
{
	size_t len = strlen(name);

	if (strncmp(argv[*at], name, len) != 0)
		return NULL;
	if (argv[*at][len] == '=')
		return argv[*at] + len + 1;
	return argv[*at][len] == 0 && *at + 1 < argc ? argv[++*at] : NULL;
}

static bool takes_a_value(const char *option)
{
	static const char *const options[] = { "--by", "--since", "--config", "-c", "--state-dir" };
	bool found = false;

	for (size_t i = 0; i < GH_COUNT_OF(options); i++)
		found = found || strcmp(option, options[i]) == 0;
	return found;
}

/* -1: go on; else the exit code. */
static int read_wish(int argc, char **argv, struct wish *w)
{
	const char *v;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
			fputs(help, stdout);
			return GH__EXIT_OK;
		}
		if (strcmp(argv[i], "--json") == 0) {
			w->form = JSON;
		} else if ((v = value_of("--by", argc, argv, &i))) {
			if (read_by(v, &w->by))
				return complain("is not user, model or day", v);
		} else if ((v = value_of("--since", argc, argv, &i))) {
			if (read_since(v, &w->since))
				return complain("is no time, such as 7d or 2026-11-01", v);
		} else if ((v = value_of("--config", argc, argv, &i)) ||
			   (v = value_of("-c", argc, argv, &i))) {
			w->config = v;
		} else if ((v = value_of("--state-dir", argc, argv, &i))) {
			w->state_dir = v;
		} else {
			return complain(takes_a_value(argv[i]) ? "needs a value"
							       : "is not understood",
					argv[i]);
		}
	}
	if (w->config && w->state_dir)
		return complain("says already where it is: leave --config out", w->state_dir);
	return -1;
}

/* ---- the table ---- */

struct line {
	char name[NAME];
	char cells[COLUMNS][CELL];
};

struct table {
	const struct wish *wish;
	struct line *lines;
	size_t count, room;
	struct gh__text json;
};

/* With commas: 1,234,567. */
static void put_number(char *to, int64_t n)
{
	char digits[24];
	size_t len, at = 0;

	if (n < 0) {
		snprintf(to, CELL, "-");
		return;
	}
	len = (size_t)snprintf(digits, sizeof digits, "%" PRId64, n);
	for (size_t i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			to[at++] = ',';
		to[at++] = digits[i];
	}
	to[at] = 0;
}

static void put_seconds(char *to, double ms)
{
	if (ms < 0)
		snprintf(to, CELL, "-");
	else
		snprintf(to, CELL, ms < 9995 ? "%.2fs" : "%.1fs", ms / 1000);
}

/* What strangers wrote may not speak to the terminal: nor in C1's controls, which JSON leaves alone. */
static void put_name(char *to, struct gh_str s)
{
	size_t n = gh__escape_json(to, NAME - 1, s);

	for (size_t i = 0; i + 1 < n; i++)
		if ((unsigned char)to[i] == 0xc2 && (unsigned char)to[i + 1] < 0xa0)
			to[i] = to[i + 1] = '?';
	to[n] = 0;
}

static size_t width(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

static struct line *add_line(struct table *t)
{
	if (t->count == t->room) {
		t->room = t->room ? 2 * t->room : 16;
		t->lines = gh__realloc(t->lines, t->room * sizeof *t->lines);
	}
	return t->lines + t->count++;
}

static void put_head(struct table *t)
{
	static const char *const heads[COLUMNS] = {
		"requests",    "tokens in", "cached",   "tokens out", "estimated",
		"first token", "95%",       "tokens/s", "wait",
	};
	struct line *l = add_line(t);

	snprintf(l->name, sizeof l->name, "%s", names[t->wish->by]);
	for (size_t i = 0; i < COLUMNS; i++)
		snprintf(l->cells[i], CELL, "%s", heads[i]);
}

static void put_line(struct table *t, enum gh__ledger_by by, const struct gh__ledger_sum *s)
{
	struct line *l;

	if (!t->count)
		put_head(t);
	l = add_line(t);
	if (by == GH__LEDGER_IN_ALL)
		snprintf(l->name, sizeof l->name, "total");
	else
		put_name(l->name, s->key.len ? s->key : GH_STR("-"));
	put_number(l->cells[0], s->requests);
	put_number(l->cells[1], s->input);
	put_number(l->cells[2], s->cached);
	put_number(l->cells[3], s->output);
	if (s->told)
		snprintf(l->cells[4], CELL, "%.0f%%",
			 100.0 * (double)s->estimated / (double)s->told);
	else
		snprintf(l->cells[4], CELL, "-");
	put_seconds(l->cells[5], s->first_median);
	put_seconds(l->cells[6], s->first_95);
	if (s->rate >= 0)
		snprintf(l->cells[7], CELL, "%.1f", s->rate);
	else
		snprintf(l->cells[7], CELL, "-");
	put_seconds(l->cells[8], s->waited);
}

/* Names to the left, numbers to the right. */
static void print_table(const struct table *t)
{
	size_t name = 0, widths[COLUMNS] = { 0 };

	for (size_t i = 0; i < t->count; i++) {
		const struct line *l = t->lines + i;
		name = width(l->name) > name ? width(l->name) : name;
		for (size_t k = 0; k < COLUMNS; k++)
			widths[k] = width(l->cells[k]) > widths[k] ? width(l->cells[k]) : widths[k];
	}
	for (size_t i = 0; i < t->count; i++) {
		const struct line *l = t->lines + i;
		printf("%s%*s", l->name, (int)(name - width(l->name)), "");
		for (size_t k = 0; k < COLUMNS; k++)
			printf("  %*s", (int)widths[k], l->cells[k]);
		putchar('\n');
	}
}

/* ---- JSON ---- */

static void json_whole(struct gh__text *t, const char *name, int64_t n)
{
	gh__text_printf(t, ",\"%s\":", name);
	if (n < 0)
		gh__text_put(t, GH_STR("null"));
	else
		gh__text_printf(t, "%" PRId64, n);
}

static void json_part(struct gh__text *t, const char *name, double n)
{
	gh__text_printf(t, ",\"%s\":", name);
	if (n < 0)
		gh__text_put(t, GH_STR("null"));
	else
		gh__text_printf(t, "%.2f", n);
}

static void put_json(struct table *t, const struct gh__ledger_sum *s)
{
	struct gh__text *to = &t->json;
	char text[6 * GH__LEDGER_MODEL];

	gh__text_printf(to, "%s{\"%s\":", to->len > 1 ? ",\n " : "", names[t->wish->by]);
	if (s->key.len)
		gh__text_printf(to, "\"%.*s\"", (int)gh__escape_json(text, sizeof text, s->key),
				text);
	else
		gh__text_put(to, GH_STR("null"));
	json_whole(to, "requests", s->requests);
	json_whole(to, "input_tokens", s->input);
	json_whole(to, "cached_tokens", s->cached);
	json_whole(to, "output_tokens", s->output);
	json_whole(to, "requests_with_tokens", s->told);
	json_whole(to, "requests_estimated", s->estimated);
	json_part(to, "first_token_ms_median", s->first_median);
	json_part(to, "first_token_ms_p95", s->first_95);
	json_part(to, "tokens_per_second", s->rate);
	json_part(to, "waited_ms_average", s->waited);
	gh__text_put(to, GH_STR("}"));
}

static void each(void *arg, enum gh__ledger_by by, const struct gh__ledger_sum *s)
{
	struct table *t = arg;

	if (t->wish->form == TABLE)
		put_line(t, by, s);
	else if (by != GH__LEDGER_IN_ALL)
		put_json(t, s);
}

/* ---- the command ---- */

/* 0 and the folder, for gh__free(); or -1, and the mistakes were told. */
static int find_state_dir(const char *path, struct gh_str *ret_dir)
{
	struct gh__mistakes *mistakes = gh__mistakes_create();
	struct gh__config *c = NULL;
	struct gh_str bytes;
	int error = gh__file_read(path, MAX_CONFIG, &bytes);

	if (error) {
		fprintf(stderr,
			"gatehouse usage: %s: %s; name the config by --config, or the folder "
			"by --state-dir\n",
			path, strerror(error));
	} else {
		c = gh__config_read(gh_str(path), bytes, gh__modules, GH__READ_WITHOUT_SECRETS,
				    mistakes);
		gh__free((void *)(uintptr_t)bytes.at);
	}
	if (!c && gh__mistakes_count(mistakes)) {
		struct gh_str text = gh__mistakes_text(mistakes);
		fwrite(text.at, 1, text.len, stderr);
	}
	gh__mistakes_destroy(mistakes);
	if (!c)
		return -1;
	*ret_dir = (struct gh_str){ gh__strndup(c->state_dir.at, c->state_dir.len),
				    c->state_dir.len };
	gh__config_free(c);
	return 0;
}

static void say_nothing(const struct wish *w, struct gh_str dir, int missing)
{
	char day[32];
	time_t since = (time_t)(w->since / 1000);
	struct tm tm;

	if (w->form == JSON)
		puts("[]");
	else if (missing)
		printf("Nothing is kept in " GH_FMT " yet: it begins with the first request to a "
		       "model.\n",
		       GH_ARG(dir));
	else if (strftime(day, sizeof day, "%Y-%m-%d %H:%M", localtime_r(&since, &tm)))
		printf("No request to a model since %s.\n", day);
}

static int report(const struct wish *w, struct gh_str dir)
{
	struct table t = { .wish = w };
	struct gh__arena a;
	char why[WHY];

	gh__arena_init(&a, NULL, 0);
	gh__text_put(&t.json, GH_STR("["));
	int result = gh__ledger_report(dir, w->by, w->since, each, &t, why, sizeof why);
	gh__text_put(&t.json, GH_STR("]\n"));
	struct gh_str json = gh__text_finish(&t.json, &a);
	if (result < 0)
		fprintf(stderr, "gatehouse usage: %s\n", why);
	else if (t.count)
		print_table(&t);
	else if (json.len > sizeof "[]\n" - 1)
		fwrite(json.at, 1, json.len, stdout);
	else
		say_nothing(w, dir, result);
	gh__arena_finish(&a);
	gh__free(t.lines);
	return result < 0 ? GH__EXIT_FAILED : GH__EXIT_OK;
}

int gh__cli_usage(int argc, char **argv)
{
	struct wish w = { .since = now_ms() - (int64_t)7 * 86400000 };
	struct gh_str dir;
	int code = read_wish(argc, argv, &w);

	if (code >= 0)
		return code;
	if (w.state_dir && access(w.state_dir, X_OK)) {
		fprintf(stderr, "gatehouse usage: %s: %s\n", w.state_dir, strerror(errno));
		return GH__EXIT_FAILED;
	}
	if (w.state_dir)
		dir = (struct gh_str){ gh__strndup(w.state_dir, strlen(w.state_dir)),
				       strlen(w.state_dir) };
	else if (find_state_dir(w.config ? w.config : gh__cli_config(), &dir))
		return GH__EXIT_FAILED;
	code = report(&w, dir);
	gh__free((void *)(uintptr_t)dir.at);
	return code;
}
