/* run, reload, validate, status: what has to do with a config and the gateway that serves by it. */
#include <stdio.h>

#include "core/base/memory.h"
#include "core/cli/commands.h"
#include "core/server/server.h"

#define CONFIG_HELP \
	"  -c, --config FILE   the config (default: gateway.yaml here, else " \
	"/etc/gatehouse/gateway.yaml)\n"

int gh__cli_run(int argc, char **argv)
{
	static const char help[] =
		"usage: gatehouse run [--config FILE]\n\n"
		"Serves in the foreground until SIGTERM or SIGINT, then finishes what is open "
		"within `grace`.\n"
		"SIGHUP takes up the config anew, SIGUSR1 reopens the access log.\n\n" CONFIG_HELP;
	const char *config;
	int code = gh__cli_options(argc, argv, help, &config, NULL);

	return code >= 0 ? code : gh__server_run(config, gh__modules);
}

static int tell(int status, struct gh_str body)
{
	fwrite(body.at, 1, body.len, status == 200 ? stdout : stderr);
	if (body.len && body.at[body.len - 1] != '\n')
		fputc('\n', status == 200 ? stdout : stderr);
	gh__free((void *)(uintptr_t)body.at);
	return status == 200 ? GH__EXIT_OK : GH__EXIT_FAILED;
}

static int tell_mistakes(const char *config)
{
	char *mistakes = gh__server_check(config, gh__modules);

	fputs(mistakes ? mistakes : "", stderr);
	gh__free(mistakes);
	return mistakes ? GH__EXIT_FAILED : GH__EXIT_OK;
}

static int no_daemon(const char *command, const char *config)
{
	fprintf(stderr,
		"gatehouse %s: no gateway answers on the admin address that %s names; is it "
		"running, and may "
		"you open its socket?\n",
		command, config);
	return GH__EXIT_FAILED;
}

int gh__cli_reload(int argc, char **argv)
{
	static const char help[] =
		"usage: gatehouse reload [--config FILE]\n\n"
		"Makes the running gateway read its config anew. New requests go by it at once; "
		"streams and\n"
		"WebSockets that are open go on to their end. A config with mistakes is refused, "
		"with the place\n"
		"and the mend of each, and the old one serves on.\n\n" CONFIG_HELP;
	const char *config;
	struct gh_str body;
	int status, code = gh__cli_options(argc, argv, help, &config, NULL);

	if (code >= 0)
		return code;
	code = gh__cli_ask(config, "POST", "/reload", &status, &body);
	if (code > 0 && tell_mistakes(config))
		return GH__EXIT_FAILED;
	if (code)
		return no_daemon(argv[0], config);
	if (status != 200)
		return tell(status, body);
	gh__free((void *)(uintptr_t)body.at);
	printf("%s is in use\n", config);
	return GH__EXIT_OK;
}

int gh__cli_validate(int argc, char **argv)
{
	static const char help[] =
		"usage: gatehouse validate [--config FILE]\n\n"
		"Checks a config without serving by it and tells every mistake, with its place and "
		"its mend.\n"
		"Where a gateway runs by this file, it is the one that is asked: it may read "
		"secrets that you\n"
		"may not, and must be able to read them at a reload.\n\n" CONFIG_HELP;
	const char *config;
	struct gh_str body;
	int status = 0, code = gh__cli_options(argc, argv, help, &config, NULL);

	if (code >= 0)
		return code;
	code = gh__cli_ask(config, "POST", "/validate", &status, &body);
	if (code == 0 && status != 200 && status != 409)
		return tell(status, body);
	if (code == 0)
		gh__free((void *)(uintptr_t)body.at);
	if ((code || status == 409) && tell_mistakes(config))
		return GH__EXIT_FAILED;
	printf("%s is right\n", config);
	return GH__EXIT_OK;
}

int gh__cli_status(int argc, char **argv)
{
	static const char help[] = "usage: gatehouse status [--config FILE]\n\n"
				   "Prints how the running gateway is, as JSON.\n\n" CONFIG_HELP;
	const char *config;
	struct gh_str body;
	int status, code = gh__cli_options(argc, argv, help, &config, NULL);

	if (code >= 0)
		return code;
	code = gh__cli_ask(config, "GET", "/status", &status, &body);
	if (code > 0 && tell_mistakes(config))
		return GH__EXIT_FAILED;
	if (code)
		return no_daemon(argv[0], config);
	return tell(status, body);
}
