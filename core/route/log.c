/* What modules say in the process's log: lines that know their request, and logins that failed. */
#include "core/base/log.h"

#include <stdio.h>

#include "core/route/escape.h"
#include "core/route/request.h"
#include "core/route/worker.h"

enum { MAX_TEXT = 1024, MAX_USER = 256, MAX_PATH = 512, MAX_REASON = 128 };

void gh_log(struct gh_step *s, enum gh_level level, const char *format, ...)
{
	const struct gh__step *step = gh__step_of(s);
	char text[MAX_TEXT];
	va_list args;

	va_start(args, format);
	int len = vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (len < 0)
		return;
	gh__log(level, "request " GH_FMT ": route " GH_FMT ": %s: %s", GH_ARG(s->req->id),
		GH_ARG(s->req->route), step->instance->module->name, text);
}

/* The shape is a promise: examples/fail2ban reads it. What the client chose stands after its
 * address and in quotes that it cannot leave. */
void gh_log_denied(struct gh_step *s, struct gh_str user, const char *reason)
{
	struct gh__request *r = gh__request_of(s->req);
	char name[MAX_USER], path[MAX_PATH], why[MAX_REASON];
	size_t name_len = gh__escape_hex(name, sizeof name, user);
	size_t path_len = gh__escape_hex(path, sizeof path, s->req->path);
	size_t why_len = gh__escape_hex(why, sizeof why, gh_str(reason));

	gh__stat_add(&r->worker->stats.denied, 1);
	gh__log(GH_LOG_WARN,
		"denied client=" GH_FMT " user=\"%.*s\" reason=\"%.*s\" path=\"%.*s\" id=" GH_FMT,
		GH_ARG(s->req->client_text), (int)name_len, name, (int)why_len, why, (int)path_len,
		path, GH_ARG(s->req->id));
}
