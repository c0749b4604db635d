#include "sentence.h"

#include <stdarg.h>
#include <stdio.h>

enum { QUOTE_SIZE = 240 };

static const char HTTPS_OFF[] =
	"HTTPS certificates are off in this tailnet; turn them on: admin console → DNS → "
	"HTTPS Certificates, which needs MagicDNS (https://login.tailscale.com/admin/dns)";

void tsnet_say(struct tsnet_sentence *s, enum tsnet_pace pace, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(s->text, sizeof s->text, format, args);
	va_end(args);
	s->pace = pace;
	s->retry_after_s = 0;
}

void tsnet_quote(struct gh_str text, char *to, size_t size)
{
	size_t at = 0;
	bool gap = false;

	for (size_t i = 0; i < text.len && at + 2 < size; i++) {
		if (text.at[i] <= ' ' || text.at[i] > '~') {
			gap = at > 0;
			continue;
		}
		if (gap)
			to[at++] = ' ';
		gap = false;
		to[at++] = text.at[i];
	}
	to[at] = 0;
}

static bool has(struct gh_str text, const char *part)
{
	return text.len && memmem(text.at, text.len, part, strlen(part)) != NULL;
}

/* `90 s`, `15 min`, `2 h`. */
static const char *span(int64_t seconds, char *to, size_t size)
{
	if (seconds < 120)
		snprintf(to, size, "%lld s", (long long)seconds);
	else if (seconds < 7200)
		snprintf(to, size, "%lld min", (long long)(seconds + 59) / 60);
	else
		snprintf(to, size, "%lld h", (long long)(seconds + 3599) / 3600);
	return to;
}

/* ---- No answer ---- */

static void say_end(struct tsnet_sentence *s, const struct tsnet_answer *a, const char *socket,
		    const char *name, const char *user, int64_t within_ms)
{
	switch (a->end) {
	case TSNET_NO_SOCKET:
		tsnet_say(s, TSNET_PACE_LOCAL,
			  "there is no %s: tailscaled is not running, or not installed; run: sudo "
			  "systemctl start tailscaled",
			  socket);
		break;
	case TSNET_REFUSED:
		tsnet_say(
			s, TSNET_PACE_LOCAL,
			"nobody answers at %s: tailscaled was killed, or is not up yet; run: sudo "
			"systemctl restart tailscaled",
			socket);
		break;
	case TSNET_FORBIDDEN:
		tsnet_say(
			s, TSNET_PACE_LOCAL,
			"user %s may not open %s; run: sudo chmod 0666 %s, and let that user into "
			"its folder",
			user, socket, socket);
		break;
	case TSNET_NO_WAY:
		tsnet_say(s, TSNET_PACE_LOCAL,
			  "tailscaled cannot be asked at %s: %s; check `socket`", socket,
			  strerror(a->error));
		break;
	case TSNET_LATE:
		if (name)
			tsnet_say(s, TSNET_PACE_CA,
				  "tailscaled did not answer within %lld s for %s; its certificate "
				  "authority may be limiting it: its log tells, journalctl -u "
				  "tailscaled",
				  (long long)within_ms / 1000, name);
		else
			tsnet_say(s, TSNET_PACE_LOCAL,
				  "tailscaled did not answer within %lld s; its log may tell why, "
				  "journalctl -u tailscaled",
				  (long long)within_ms / 1000);
		break;
	case TSNET_CUT:
		tsnet_say(s, TSNET_PACE_LOCAL,
			  "tailscaled hung up in the middle of its answer; is it being restarted? "
			  "journalctl -u tailscaled tells");
		break;
	case TSNET_TOO_LONG:
		tsnet_say(s, TSNET_PACE_LOCAL,
			  "what answers at %s sends more than tailscaled would; check `socket`",
			  socket);
		break;
	case TSNET_GARBLED:
		tsnet_say(s, TSNET_PACE_LOCAL,
			  "what answers at %s does not speak as tailscaled does; check `socket`",
			  socket);
		break;
	case TSNET_ANSWERED:
	case TSNET_STOPPED:
		break;
	}
}

/* ---- An answer that is no 200 ---- */

static void say_500(struct tsnet_sentence *s, const struct tsnet_answer *a, const char *name)
{
	char text[QUOTE_SIZE];

	if (has(a->body, "does not support getting TLS certs")) {
		tsnet_say(s, TSNET_PACE_LOCAL, "%s", HTTPS_OFF);
		return;
	}
	if (has(a->body, "no netmap available")) {
		tsnet_say(s, TSNET_PACE_LOCAL,
			  "tailscaled has not heard from its tailnet yet; `tailscale status` tells "
			  "whether it is online");
		return;
	}
	tsnet_quote(a->body, text, sizeof text);
	if (has(a->body, "invalid domain"))
		tsnet_say(s, TSNET_PACE_LOCAL,
			  "tailscaled gives no certificate for %s (\"%s\"); correct `names`, or "
			  "leave it out",
			  name, text);
	else
		tsnet_say(s, TSNET_PACE_CA,
			  "tailscaled could not get a certificate for %s: \"%s\"; journalctl -u "
			  "tailscaled tells more",
			  name, text);
}

void tsnet_say_answer(struct tsnet_sentence *s, const struct tsnet_answer *a, const char *socket,
		      const char *name, const char *user, int64_t within_ms)
{
	char text[QUOTE_SIZE], wait[32];

	if (a->end != TSNET_ANSWERED) {
		say_end(s, a, socket, name, user, within_ms);
		return;
	}
	if (name && a->status == 403 && has(a->body, "cert access denied")) {
		tsnet_say(s, TSNET_PACE_LOCAL,
			  "tailscaled gives user %s no certificates; run: sudo tailscale set "
			  "--operator=%s, or set TS_PERMIT_CERT_UID=%s in /etc/default/tailscaled "
			  "and restart tailscaled",
			  user, user, user);
	} else if (name && a->status == 429) {
		tsnet_say(s, TSNET_PACE_CA,
			  "the certificate authority limits this tailnet's names; %s is asked for "
			  "again %s%s",
			  name, a->retry_after_s ? "in " : "later",
			  a->retry_after_s ? span(a->retry_after_s, wait, sizeof wait) : "");
	} else if (name && a->status == 500) {
		say_500(s, a, name);
	} else {
		tsnet_quote(a->body, text, sizeof text);
		tsnet_say(s, a->status < 500 ? TSNET_PACE_LOCAL : TSNET_PACE_CA,
			  "tailscaled answered %d to a question for %s%s (\"%s\"); is it too old? "
			  "run: sudo tailscale update",
			  a->status, name ? "the certificate of " : "its status", name ? name : "",
			  text);
	}
	s->retry_after_s = a->retry_after_s;
}

/* ---- A status ---- */

static const struct {
	const char *state, *sentence;
} states[] = {
	{ "NeedsLogin",
	  "tailscaled is logged out, or this machine's key has expired; run: sudo tailscale up" },
	{ "Stopped", "Tailscale is stopped; run: sudo tailscale up" },
	{ "NeedsMachineAuth",
	  "this machine is not approved in its tailnet; approve it: admin console → Machines, or "
	  "join another one: sudo tailscale up" },
	{ "NoState", "tailscaled is starting" },
	{ "Starting", "tailscaled is starting" },
};

void tsnet_say_status(struct tsnet_sentence *s, const struct tsnet_status *status)
{
	*s = (struct tsnet_sentence){ .pace = TSNET_PACE_LOCAL };
	for (size_t i = 0; i < GH_COUNT_OF(states); i++)
		if (strcmp(status->state, states[i].state) == 0) {
			tsnet_say(s, TSNET_PACE_LOCAL, "%s", states[i].sentence);
			return;
		}
	if (strcmp(status->state, "Running") != 0)
		tsnet_say(s, TSNET_PACE_LOCAL,
			  "tailscaled is in the state '%s'; run: sudo "
			  "tailscale up",
			  status->state);
	else if (status->domains.count == 0)
		tsnet_say(s, TSNET_PACE_LOCAL, "%s", HTTPS_OFF);
}

int tsnet_refuse(char *why, size_t size, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(why, size, format, args);
	va_end(args);
	return -1;
}
