#include "core/route/access_line.h"

#include "core/http/text.h"
#include "core/route/escape.h"

/* Bytes that each field may take in a line, escaped; what is longer is cut. */
enum {
	MAX_ID = 64,
	MAX_CLIENT = 46,
	MAX_CALLER = 192,
	MAX_METHOD = 32,
	MAX_HOST = 256,
	MAX_PATH = 1536,
	MAX_UPSTREAM = 256,
	MAX_ROUTE = 192,
	MAX_MODEL = 256,
	MAX_REFERER = 768,
	MAX_AGENT = 512,
	MAX_REASON = 256,
	FIXED = 512, /* all that stands between them */
};
_Static_assert(MAX_ID + MAX_CLIENT + MAX_CALLER + MAX_METHOD + MAX_HOST + MAX_PATH + MAX_UPSTREAM +
			       MAX_ROUTE + MAX_MODEL + FIXED <=
		       GH__ACCESS_LINE,
	       "a JSON line fits");
_Static_assert(MAX_CLIENT + MAX_CALLER + MAX_METHOD + MAX_PATH + MAX_REFERER + MAX_AGENT + FIXED <=
		       GH__ACCESS_LINE,
	       "a combined line fits");

#define PUT(to, literal) put_bytes(to, "" literal "", sizeof(literal) - 1)

static inline char *put_bytes(char *to, const char *at, size_t len)
{
	memcpy(to, at, len);
	return to + len;
}

/* For what core itself made of plain bytes. */
static inline char *put_plain(char *to, struct gh_str s, size_t room)
{
	return s.len ? put_bytes(to, s.at, s.len < room ? s.len : room) : to;
}

static inline char *put_number(char *to, uint64_t n)
{
	return to + gh__decimal(to, n);
}

static char *put_digits(char *to, unsigned n, int count)
{
	for (int i = count; i-- > 0; n /= 10)
		to[i] = (char)('0' + n % 10);
	return to + count;
}

/* Milliseconds with three digits after the point. */
static char *put_ms(char *to, uint64_t ns)
{
	uint64_t us = ns / 1000;

	to = put_number(to, us / 1000);
	*to++ = '.';
	return put_digits(to, (unsigned)(us % 1000), 3);
}

static char *put_status(char *to, int status)
{
	return put_digits(to, status > 0 && status < 1000 ? (unsigned)status : 0, 3);
}

static struct gh_str protocol_name(unsigned protocol)
{
	return protocol == 20   ? GH_STR("HTTP/2")
	       : protocol == 10 ? GH_STR("HTTP/1.0")
				: GH_STR("HTTP/1.1");
}

/* The date comes from the one that HTTP writes: `Sun, 22 Nov 2026 10:00:00 GMT`. */
static void set_clock(struct gh__access_clock *c, int64_t second)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	char date[GH__DATE_LEN];
	unsigned month = 0;

	gh__http_date(second, date);
	while (month < 11 && memcmp(months + 3 * month, date + 8, 3) != 0)
		month++;
	c->second = second;

	char *to = put_bytes(c->json, date + 12, 4);
	*to++ = '-';
	to = put_digits(to, month + 1, 2);
	*to++ = '-';
	to = put_bytes(to, date + 5, 2);
	*to++ = 'T';
	put_bytes(to, date + 17, 8);

	to = put_bytes(c->combined, date + 5, 2);
	*to++ = '/';
	to = put_bytes(to, date + 8, 3);
	*to++ = '/';
	to = put_bytes(to, date + 12, 4);
	*to++ = ':';
	to = put_bytes(to, date + 17, 8);
	PUT(to, " +0000");
}

/* ---- JSON ---- */

static char *put_json(char *to, struct gh_str s, size_t room)
{
	*to++ = '"';
	to += gh__escape_json(to, room, s);
	*to++ = '"';
	return to;
}

/* What may not be there. */
static char *put_json_or_null(char *to, struct gh_str s, size_t room)
{
	return s.len ? put_json(to, s, room) : PUT(to, "null");
}

static char *put_json_time(char *to, const struct gh__access_clock *clock, int64_t wall_ms)
{
	to = PUT(to, "{\"time\":\"");
	to = put_bytes(to, clock->json, sizeof clock->json);
	*to++ = '.';
	to = put_digits(to, (unsigned)(wall_ms % 1000), 3);
	return PUT(to, "Z\"");
}

static char *json_refused(char *to, const struct gh__access_entry *e)
{
	to = PUT(to, ",\"client\":\"");
	to = put_plain(to, e->client, MAX_CLIENT);
	to = PUT(to, "\"");
	if (e->status) { /* else no HTTP was spoken */
		to = PUT(to, ",\"status\":");
		to = put_status(to, e->status);
	}
	to = PUT(to, ",\"reason\":");
	to = put_json(to, gh_str(e->reason), MAX_REASON);
	return PUT(to, "}\n");
}

static char *put_usage(char *to, const struct gh__access_entry *e)
{
	to = PUT(to, ",\"model\":");
	to = put_json(to, e->model, MAX_MODEL);
	if (e->input_tokens >= 0) {
		to = PUT(to, ",\"input_tokens\":");
		to = put_number(to, (uint64_t)e->input_tokens);
	}
	if (e->output_tokens >= 0) {
		to = PUT(to, ",\"output_tokens\":");
		to = put_number(to, (uint64_t)e->output_tokens);
	}
	return to;
}

static char *json_line(char *to, const struct gh__access_entry *e)
{
	to = PUT(to, ",\"id\":\"");
	to = put_plain(to, e->id, MAX_ID);
	to = PUT(to, "\",\"client\":\"");
	to = put_plain(to, e->client, MAX_CLIENT);
	to = PUT(to, "\",\"caller\":");
	to = put_json_or_null(to, e->caller, MAX_CALLER);
	to = PUT(to, ",\"method\":\"");
	to = put_plain(to, e->method, MAX_METHOD);
	to = PUT(to, "\",\"host\":");
	to = put_json_or_null(to, e->host, MAX_HOST);
	to = PUT(to, ",\"path\":");
	to = put_json(to, e->path, MAX_PATH);
	to = PUT(to, ",\"proto\":\"");
	to = put_plain(to, protocol_name(e->protocol), MAX_METHOD);
	to = PUT(to, "\",\"status\":");
	to = put_status(to, e->status);
	to = PUT(to, ",\"bytes\":");
	to = put_number(to, e->sent);
	to = PUT(to, ",\"received\":");
	to = put_number(to, e->received);
	to = PUT(to, ",\"duration_ms\":");
	to = put_ms(to, e->duration);
	to = PUT(to, ",\"first_byte_ms\":");
	to = e->first_byte ? put_ms(to, e->first_byte) : PUT(to, "null");
	to = PUT(to, ",\"upstream\":");
	to = put_json_or_null(to, e->upstream, MAX_UPSTREAM);
	to = PUT(to, ",\"route\":");
	to = put_json_or_null(to, e->route, MAX_ROUTE);
	if (e->model.len)
		to = put_usage(to, e);
	if (e->end == GH__ACCESS_CUT)
		to = PUT(to, ",\"cut\":true");
	return PUT(to, "}\n");
}

/* ---- combined ---- */

/* A caller stands without quotes: a space would begin the next field. */
static char *put_word(char *to, struct gh_str s, size_t room)
{
	size_t n = gh__escape_hex(to, room, s);

	for (size_t i = 0; i < n; i++)
		if (to[i] == ' ')
			to[i] = '_';
	if (n == 0)
		to[n++] = '-';
	return to + n;
}

static char *put_quoted(char *to, struct gh_str s, size_t room)
{
	*to++ = '"';
	if (s.len)
		to += gh__escape_hex(to, room, s);
	else
		*to++ = '-';
	*to++ = '"';
	return to;
}

/* Where a browser came from may carry a key of another site: neither its query nor its fragment nor
 * a name and password in front of its host are written. */
static char *put_referer(char *to, struct gh_str s)
{
	size_t end = 0, host = 0;

	while (end < s.len && s.at[end] != '?' && s.at[end] != '#')
		end++;
	for (size_t i = 0; i + 2 < end && !host; i++)
		if (memcmp(s.at + i, "://", 3) == 0)
			host = i + 3;
	size_t path = host;
	while (path < end && s.at[path] != '/')
		path++;
	size_t at = path;
	while (at > host && s.at[at - 1] != '@')
		at--;
	if (at == host)
		return put_quoted(to, gh_str_slice(s, 0, end), MAX_REFERER);
	*to++ = '"';
	to += gh__escape_hex(to, MAX_REFERER / 4, gh_str_slice(s, 0, host));
	to += gh__escape_hex(to, MAX_REFERER - MAX_REFERER / 4, gh_str_slice(s, at, end));
	*to++ = '"';
	return to;
}

static char *combined_line(char *to, const struct gh__access_clock *clock,
			   const struct gh__access_entry *e)
{
	to = put_plain(to, e->client, MAX_CLIENT);
	to = PUT(to, " - ");
	to = put_word(to, e->caller, MAX_CALLER);
	to = PUT(to, " [");
	to = put_bytes(to, clock->combined, sizeof clock->combined);
	if (e->reason) {
		to = PUT(to, "] \"-\" ");
		to = put_status(to, e->status);
		return PUT(to, " 0 \"-\" \"-\"\n");
	}
	to = PUT(to, "] \"");
	to = put_plain(to, e->method, MAX_METHOD);
	*to++ = ' ';
	to += gh__escape_hex(to, MAX_PATH, e->path);
	*to++ = ' ';
	to = put_plain(to, protocol_name(e->protocol), MAX_METHOD);
	to = PUT(to, "\" ");
	to = put_status(to, e->status);
	*to++ = ' ';
	to = put_number(to, e->sent);
	*to++ = ' ';
	to = put_referer(to, e->referer);
	*to++ = ' ';
	to = put_quoted(to, e->agent, MAX_AGENT);
	*to++ = '\n';
	return to;
}

size_t gh__access_line(char to[GH__ACCESS_LINE], struct gh__access_clock *clock,
		       enum gh__log_format format, const struct gh__access_entry *e)
{
	char *at = to;
	int64_t second = e->wall_ms / 1000;

	if (second != clock->second || !clock->json[0])
		set_clock(clock, second);
	if (format == GH__LOG_COMBINED)
		return (size_t)(combined_line(at, clock, e) - to);
	at = put_json_time(at, clock, e->wall_ms);
	at = e->reason ? json_refused(at, e) : json_line(at, e);
	return (size_t)(at - to);
}
