/* gatehouse key new | list | revoke. */
#include <stdio.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/cli/commands.h"
#include "core/cli/key.h"

static const char usage[] =
	"usage: gatehouse key new NAME [--models A,B] [--expires 30d|2027-01-31]\n"
	"                         [--priority low|normal|high] [--limit 'tokens: 2M, window: "
	"1d']…\n"
	"                         [--to FILE | --config FILE]\n"
	"       gatehouse key list [--json] [--to FILE | --config FILE]\n"
	"       gatehouse key revoke NAME [--cut] [--to FILE | --config FILE]\n"
	"\n"
	"new makes a key of 256 random bits, prints it once, and adds it to the credentials file; "
	"the\n"
	"file keeps its SHA-256, from which there is no way back to the key. NAME says whose key "
	"it\n"
	"is, in the log and to later handlers: 1 to 64 of A-Z a-z 0-9 . _ -. Where no credentials\n"
	"file is known it prints the line to keep under `keys:` of basic-auth.\n"
	"list tells names and what they are bound to. revoke takes a key or a user out of the "
	"file,\n"
	"and tells the running gateway, so that no new request gets in; --cut ends the open ones.\n"
	"\n"
	"The credentials file is FILE of --to, or what basic-auth has in the config: --config "
	"FILE,\n"
	"else gateway.yaml here, else /etc/gatehouse/gateway.yaml.\n"
	"\n"
	"      --models A,B     the models that it may ask for; without it, all\n"
	"      --expires WHEN   30d from now, a day (good to its end, UTC) or "
	"2027-01-31T12:00:00Z\n"
	"      --priority P     low, normal or high, where requests wait for their turn\n"
	"      --limit LIMIT    'requests: 30, tokens: 100k, window: 1m', or one of both; "
	"repeatable\n";

enum sub { NEW = 1, LIST = 2, REVOKE = 4 };

static const struct {
	const char *name;
	enum sub bit;
	int (*run)(struct gh__arena *a, const struct gh__key_options *o);
} subs[] = {
	{ "new", NEW, gh__key_new },
	{ "list", LIST, gh__key_list },
	{ "revoke", REVOKE, gh__key_revoke },
};

static int misuse(const char *what, const char *argument)
{
	fprintf(stderr, "gatehouse key: ");
	fprintf(stderr, what, argument);
	fprintf(stderr, "\n\n%s", usage);
	return GH__EXIT_USAGE;
}

/* The value of `--name VALUE` or `--name=VALUE` at argv[*at]; NULL: it is not this option. Empty where
 * the command line ends. */
static const char *value_of(const char *name, int argc, char **argv, int *at)
{
	const char *a = argv[*at];
	size_t len = strlen(name);

	if (strncmp(a, "--", 2) != 0 || strncmp(a + 2, name, len) != 0)
		return NULL;
	if (a[2 + len] == '=')
		return a + 3 + len;
	if (a[2 + len])
		return NULL;
	return *at + 1 < argc ? argv[++*at] : "";
}

/* One option; 0, or the exit code. */
static int read_option(enum sub sub, int argc, char **argv, int *at, struct gh__key_options *o)
{
	const struct {
		const char *name;
		unsigned of;
		const char **to;
	} options[] = {
		{ "models", NEW, &o->models },
		{ "expires", NEW, &o->expires },
		{ "priority", NEW, &o->priority },
		{ "limit", NEW, NULL },
		{ "to", NEW | LIST | REVOKE, &o->to },
		{ "config", NEW | LIST | REVOKE, &o->config },
	};
	const char *argument = argv[*at];

	if (sub == LIST && strcmp(argument, "--json") == 0) {
		o->json = true;
		return 0;
	}
	if (sub == REVOKE && strcmp(argument, "--cut") == 0) {
		o->cut = true;
		return 0;
	}
	for (size_t i = 0; i < GH_COUNT_OF(options); i++) {
		const char *value = options[i].of & sub ? value_of(options[i].name, argc, argv, at)
							: NULL;
		if (!value)
			continue;
		if (!*value)
			return misuse("%s needs a value", argument);
		if (options[i].to)
			*options[i].to = value;
		else if (o->limit_count < GH__KEY_LIMITS_MOST)
			o->limits[o->limit_count++] = value;
		else
			return misuse("at most 8 limits can be said, and %s is one more", value);
		return 0;
	}
	return misuse("'%s' is not understood", argument);
}

/* Names may begin with `-`, as long as they are no option. */
static bool is_option(const char *a)
{
	return a[0] == '-' && a[1] == '-' && a[2];
}

static int read_options(enum sub sub, int argc, char **argv, struct gh__key_options *o)
{
	for (int i = 2; i < argc; i++) {
		int rc = 0;
		if (strcmp(argv[i], "-c") == 0 && i + 1 < argc)
			o->config = argv[++i];
		else if (is_option(argv[i]))
			rc = read_option(sub, argc, argv, &i, o);
		else if (sub != LIST && !o->name)
			o->name = argv[i];
		else
			rc = misuse("'%s' is one too many", argv[i]);
		if (rc)
			return rc;
	}
	if (sub != LIST && !o->name)
		return misuse("say `key %s NAME`", argv[1]);
	if (o->to && o->config)
		return misuse("say --to or --config, not both%s", "");
	return 0;
}

int gh__cli_key(int argc, char **argv)
{
	struct gh__key_options o = { 0 };
	struct gh__arena arena;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
			fputs(usage, stdout);
			return GH__EXIT_OK;
		}
	}
	for (size_t i = 0; argc > 1 && i < GH_COUNT_OF(subs); i++) {
		if (strcmp(argv[1], subs[i].name) != 0)
			continue;
		int code = read_options(subs[i].bit, argc, argv, &o);
		if (code)
			return code;
		gh__arena_init(&arena, NULL, 0);
		code = subs[i].run(&arena, &o);
		gh__arena_finish(&arena);
		return code;
	}
	return misuse("say `key new NAME`, `key list` or `key revoke NAME`%s", "");
}
