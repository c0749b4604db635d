#include <stdio.h>
#include <unistd.h>

#include "core/cli/commands.h"
#include "core/config/near.h"

static const struct command {
	const char *name, *what;
	int (*run)(int argc, char **argv);
} commands[] = {
	{ "run", "serve, in the foreground", gh__cli_run },
	{ "validate", "check a config and tell every mistake in it", gh__cli_validate },
	{ "reload", "make the running gateway take up its config", gh__cli_reload },
	{ "status", "ask the running gateway how it is", gh__cli_status },
	{ "usage", "tell who used how much of which model", gh__cli_usage },
	{ "hash-password", "make the argon2id hash of a password", gh__cli_hash_password },
	{ "key", "make, list and revoke API keys", gh__cli_key },
	{ "modules", "list the modules, or document one", gh__cli_modules },
	{ "schema", "print the JSON Schema of gateway.yaml, for editors", gh__cli_schema },
	{ "completion", "print the completion for bash", gh__cli_completion },
	{ "version", "print the version", gh__cli_version },
};

static void help(FILE *to)
{
	fputs("usage: gatehouse COMMAND [OPTIONS]\n\n", to);
	for (size_t i = 0; i < GH_COUNT_OF(commands); i++)
		fprintf(to, "  %-14s %s\n", commands[i].name, commands[i].what);
	fputs("\ngatehouse COMMAND --help tells more of each.\n", to);
}

static int unknown(const char *name)
{
	struct gh__near near = gh__near_begin(gh_str(name));

	for (size_t i = 0; i < GH_COUNT_OF(commands); i++)
		gh__near_try(&near, gh_str(commands[i].name));
	if (near.best.len)
		fprintf(stderr, "gatehouse: there is no command '%s'; did you mean '" GH_FMT "'?\n",
			name, GH_ARG(near.best));
	else
		fprintf(stderr,
			"gatehouse: there is no command '%s'; gatehouse --help lists them\n", name);
	return GH__EXIT_USAGE;
}

int gh__cli(int argc, char **argv)
{
	if (argc < 2) {
		help(stderr);
		return GH__EXIT_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
	    strcmp(argv[1], "help") == 0) {
		help(stdout);
		return GH__EXIT_OK;
	}
	if (strcmp(argv[1], "--version") == 0)
		argv[1] += 2;
	for (size_t i = 0; i < GH_COUNT_OF(commands); i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run(argc - 1, argv + 1);
	return unknown(argv[1]);
}

const char *gh__cli_config(void)
{
	return access("gateway.yaml", F_OK) == 0 ? "gateway.yaml" : "/etc/gatehouse/gateway.yaml";
}

int gh__cli_options(int argc, char **argv, const char *text, const char **ret_config,
		    const char **ret_rest)
{
	const char *config = NULL, *rest = NULL;

	for (int i = 1; i < argc; i++) {
		const char *a = argv[i];
		if (strcmp(a, "--help") == 0 || strcmp(a, "-h") == 0) {
			fputs(text, stdout);
			return GH__EXIT_OK;
		}
		if (ret_config && (strcmp(a, "--config") == 0 || strcmp(a, "-c") == 0) &&
		    i + 1 < argc) {
			config = argv[++i];
		} else if (ret_config && strncmp(a, "--config=", 9) == 0) {
			config = a + 9;
		} else if (ret_rest && a[0] != '-' && !rest) {
			rest = a;
		} else {
			bool known = ret_config &&
				     (strcmp(a, "--config") == 0 || strcmp(a, "-c") == 0);
			fprintf(stderr, "gatehouse %s: '%s' %s; gatehouse %s --help tells more\n",
				argv[0], a, known ? "needs a value" : "is not understood", argv[0]);
			return GH__EXIT_USAGE;
		}
	}
	if (ret_config && !config)
		config = gh__cli_config();
	if (ret_config)
		*ret_config = config;
	if (ret_rest)
		*ret_rest = rest;
	return -1;
}
