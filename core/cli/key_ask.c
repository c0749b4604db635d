/* What `gatehouse key` asks of the running gateway. */
#include <stdio.h>
#include <stdlib.h>

#include "core/base/memory.h"
#include "core/cli/commands.h"
#include "core/cli/key.h"

static void tell(const char *what, struct gh_str body)
{
	bool ended = body.len && body.at[body.len - 1] == '\n';

	fprintf(stderr, "gatehouse key: %s: " GH_FMT "%s", what, GH_ARG(body), ended ? "" : "\n");
}

enum gh__key_force gh__key_take_effect(const char *config)
{
	struct gh_str body;
	int status;
	int rc = config ? gh__cli_ask(config, "POST", "/refresh", &status, &body) : -1;

	if (rc < 0)
		return GH__KEY_NOBODY_RUNS;
	if (rc > 0) {
		fprintf(stderr,
			"gatehouse key: %s has mistakes, so the gateway cannot be asked; gatehouse "
			"validate tells them\n",
			config);
		return GH__KEY_REFUSED;
	}
	if (status != 200)
		tell("the running gateway does not go by it yet", body);
	gh__free((void *)(uintptr_t)body.at);
	return status == 200 ? GH__KEY_IN_FORCE : GH__KEY_REFUSED;
}

int gh__key_cut(const char *config, struct gh_str caller, unsigned *ret_count)
{
	static const char plain[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._";
	char path[16 + 3 * 255 + 1];
	size_t at = (size_t)snprintf(path, sizeof path, "/cut?caller=");
	struct gh_str body;
	int status;

	for (size_t i = 0; i < caller.len && at + 4 < sizeof path; i++) {
		unsigned char c = (unsigned char)caller.at[i];
		at += (size_t)snprintf(path + at, sizeof path - at,
				       c && strchr(plain, c) ? "%c" : "%%%02X", c);
	}
	if (gh__cli_ask(config, "POST", path, &status, &body)) {
		fprintf(stderr, "gatehouse key: the running gateway cannot be asked to cut\n");
		return -1;
	}
	const char *count = strstr(body.at, "\"cut\":");

	if (status != 200 || !count)
		tell("nothing is cut", body);
	else
		*ret_count = (unsigned)strtoul(count + 6, NULL, 10);
	gh__free((void *)(uintptr_t)body.at);
	return status == 200 && count ? 0 : -1;
}
