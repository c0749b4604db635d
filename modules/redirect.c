/*
 * redirect: sends the client to another place, made from a template.
 *
 * A client chooses its host, path and query. So the template is taken apart at provision, and a
 * placeholder may stand only where what it brings cannot change who is spoken to: a path never where
 * a host is read, nor behind a slash (`//host` is a host). What is put in is escaped for its place.
 */
#include <stdarg.h>
#include <stdio.h>

#include <gatehouse/module.h>

enum what { TEXT, SCHEME, HOST, PATH, QUERY };
enum place { IN_AUTHORITY, IN_PATH, IN_QUERY };

struct part {
	enum what what;
	enum place place;
	char before; /* what joins a query to the rest: `?`, `&` or nothing */
	struct gh_str text;
};

enum { MOST_PARTS = 32 };

struct template
{
	struct part parts[MOST_PARTS];
	size_t count;
};

struct redirect {
	struct gh_str to;
	struct gh_choice status;
	struct template *template;
};

static const struct gh_str names[] = {
	[SCHEME] = GH_STR_INIT("{scheme}"),
	[HOST] = GH_STR_INIT("{host}"),
	[PATH] = GH_STR_INIT("{path}"),
	[QUERY] = GH_STR_INIT("{query}"),
};

static const char *const statuses[] = { "308", "301", "302", "303", "307", NULL };
static const int status_numbers[] = { 308, 301, 302, 303, 307 };

/* ---- The template ---- */

struct reader {
	struct gh_str rest;
	enum place place;
	char last;        /* the byte before `rest`; 0 where it is not known */
	size_t authority; /* parts and bytes of it so far */
	struct template *into;
	char *why;
	size_t why_size;
};

GH_PRINTF(2, 3) static int refuse(struct reader *r, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(r->why, r->why_size, format, args);
	va_end(args);
	return -1;
}

static int put(struct reader *r, struct part part)
{
	if (r->into->count == MOST_PARTS)
		return refuse(r, "it has more than %d parts; write a shorter target", MOST_PARTS);
	part.place = r->place;
	r->into->parts[r->into->count++] = part;
	return 0;
}

static bool is_url_byte(char c)
{
	return c > 0x20 && c < 0x7f && !strchr("\"<>\\^`{|}", c);
}

static int leave_authority(struct reader *r, enum place to)
{
	if (r->place == IN_AUTHORITY && r->authority == 0)
		return refuse(r, "there is no host behind `://`; write one, such as "
				 "`https://example.org{path}{query}`");
	r->place = to;
	return 0;
}

static int read_byte(struct reader *r, char c)
{
	if (!is_url_byte(c))
		return refuse(r, "the byte 0x%02x cannot stand in a URL; write it as %%%02X",
			      (unsigned char)c, (unsigned char)c);
	if (r->place == IN_AUTHORITY && c == '@')
		return refuse(
			r, "a URL with a user name misleads; take away what stands before the `@`");
	if ((c == '?' || c == '#') && r->place != IN_QUERY)
		return leave_authority(r, IN_QUERY);
	if (c == '/' && r->place == IN_AUTHORITY)
		return leave_authority(r, IN_PATH);
	r->authority += r->place == IN_AUTHORITY;
	return 0;
}

/* Text up to the next placeholder. */
static int read_text(struct reader *r)
{
	const char *from = r->rest.at;

	while (r->rest.len && *r->rest.at != '{') {
		if (read_byte(r, *r->rest.at))
			return -1;
		r->last = *r->rest.at++;
		r->rest.len--;
	}
	return put(r, (struct part){ .what = TEXT, .text = { from, (size_t)(r->rest.at - from) } });
}

static int read_path(struct reader *r)
{
	if (r->place == IN_PATH && r->last == '/')
		return refuse(r, "`{path}` begins with a slash; take away the one before it");
	if (r->place == IN_AUTHORITY && leave_authority(r, IN_PATH))
		return -1;
	return put(r, (struct part){ .what = PATH });
}

static int read_query(struct reader *r)
{
	struct part part = { .what = QUERY, .before = '?' };

	if (r->place == IN_QUERY)
		part.before = r->last == '?' || r->last == '&' ? 0 : '&';
	if (leave_authority(r, IN_QUERY))
		return -1;
	return put(r, part);
}

static int read_placeholder(struct reader *r)
{
	enum what what = SCHEME;

	while (what <= QUERY && !gh_str_starts(r->rest, names[what]))
		what++;
	if (what > QUERY)
		return refuse(r,
			      "'" GH_FMT "' is no placeholder; there are {scheme}, {host}, {path} "
			      "and {query}, and any other brace is written as %%7B or %%7D",
			      GH_ARG(gh_str_slice(r->rest, 0, 16)));
	r->rest = gh_str_slice(r->rest, names[what].len, r->rest.len);

	int rc = what == PATH    ? read_path(r)
		 : what == QUERY ? read_query(r)
		 : what == SCHEME && r->place == IN_AUTHORITY
			 ? refuse(r, "{scheme} cannot stand in a host; it begins the target")
			 : put(r, (struct part){ .what = what });
	r->authority += r->place == IN_AUTHORITY;
	r->last = 0;
	return rc;
}

/* What a target begins with says whether a host is read next. */
static int read_start(struct reader *r)
{
	static const struct gh_str schemes[] = {
		GH_STR_INIT("https://"),
		GH_STR_INIT("http://"),
		GH_STR_INIT("{scheme}://"),
	};
	struct gh_str all = r->rest;

	for (size_t i = 0; i < GH_COUNT_OF(schemes); i++) {
		size_t len = schemes[i].len;

		if (!gh_str_starts(all, schemes[i]))
			continue;
		r->place = IN_AUTHORITY;
		r->rest = gh_str_slice(all, len, all.len);
		r->last = '/';
		if (all.at[0] != '{')
			return put(r, (struct part){ .text = gh_str_slice(all, 0, len) });
		return put(r, (struct part){ .what = SCHEME }) ||
				       put(r, (struct part){ .text = GH_STR("://") })
			       ? -1
			       : 0;
	}
	r->place = IN_PATH;
	if (gh_str_starts(all, GH_STR("//")))
		return refuse(r, "`//` begins a host; write its scheme, such as https://");
	if (!gh_str_starts(all, GH_STR("/")) && !gh_str_starts(all, names[PATH]))
		return refuse(
			r,
			"a target begins with https://, http://, {scheme}://, / or {path}; write "
			"one, such as `https://example.org{path}{query}`");
	return 0;
}

static int template_from(struct gh_str to, struct template *ret_template, char *why, size_t size)
{
	struct template made = { .count = 0 };
	struct reader r = { .rest = to, .into = &made, .why = why, .why_size = size };

	if (read_start(&r))
		return -1;
	while (r.rest.len)
		if (r.rest.at[0] == '{' ? read_placeholder(&r) : read_text(&r))
			return -1;
	if (leave_authority(&r, r.place))
		return -1;
	*ret_template = made;
	return 0;
}

static int check_to(struct gh_str value, char *why, size_t size)
{
	struct template ignored;

	return template_from(value, &ignored, why, size);
}

static const struct gh_option options[] = {
	GH_OPTION(
		struct redirect, to, NULL,
		"Where to: a URL or a path, with `{scheme}`, `{host}`, `{path}` and `{query}` of "
		"the request in it. `{path}` begins with its slash. `{query}` brings its `?`, or "
		"`&` where there is a query before it, or nothing when there is none. `{host}` is "
		"what the client asked for, without a port: use it as the target's host only on "
		"routes that match hosts of your own.",
		.flags = GH_REQUIRED, .min = 1, .max = 2048, .check = check_to),
	GH_OPTION(struct redirect, status, "308",
		  "308 and 301 are for ever and kept by browsers, 302, 303 and 307 for now. With "
		  "301, 302 and 303 a POST may become a GET.",
		  .choices = statuses),
	GH_OPTIONS_END
};

static int provision(struct gh_instance *in, void *self_)
{
	struct redirect *self = self_;
	char why[256];

	self->template = gh_instance_alloc(in, sizeof *self->template);
	if (template_from(self->to, self->template, why, sizeof why))
		return gh_invalid_at(in, self->to, "to: %s", why);
	return 0;
}

/* ---- Requests ---- */

static char *put_bytes(char *to, struct gh_str s)
{
	if (s.len)
		memcpy(to, s.at, s.len);
	return to + s.len;
}

static char *put_escaped(char *to, char c)
{
	static const char hex[] = "0123456789ABCDEF";
	unsigned char byte = (unsigned char)c;

	*to++ = '%';
	*to++ = hex[byte >> 4];
	*to++ = hex[byte & 15];
	return to;
}

/* Keeps what may stand in a URL, but for `stops`: these would end the place that it stands in. */
static char *put_url(char *to, struct gh_str s, const char *stops)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.at[i];

		if (is_url_byte(c) && !strchr(stops, c))
			*to++ = c;
		else
			to = put_escaped(to, c);
	}
	return to;
}

/* As a value of a query: all that has a meaning there is escaped. */
static char *put_value(char *to, struct gh_str s)
{
	return put_url(to, s, "%&+=#?;,!$'()*:@[]");
}

static struct gh_str value_of(const struct part *part, const struct gh_request *r)
{
	switch (part->what) {
	case SCHEME:
		return r->scheme;
	case HOST:
		return r->host;
	case PATH: /* `*`, of OPTIONS, is no path */
		return gh_str_starts(r->path, GH_STR("/")) ? r->path : GH_STR("/");
	case QUERY:
		return r->query;
	case TEXT:
		break;
	}
	return part->text;
}

static char *put_part(char *to, const struct part *part, const struct gh_request *r)
{
	struct gh_str value = value_of(part, r);

	if (part->what == TEXT)
		return put_bytes(to, value);
	if (part->what == QUERY) {
		if (value.len && part->before)
			*to++ = part->before;
		return put_url(to, value, "#");
	}
	if (part->place == IN_QUERY)
		return put_value(to, value);
	return put_url(to, value, part->place == IN_PATH ? "?#" : "/?#@%");
}

static struct gh_str expand(const struct template *t, struct gh_request *r)
{
	size_t size = 1;
	char *at, *to;

	for (size_t i = 0; i < t->count; i++)
		size += 1 + 3 * value_of(&t->parts[i], r).len;
	at = to = gh_alloc(r, size);
	for (size_t i = 0; i < t->count; i++)
		to = put_part(to, &t->parts[i], r);
	return (struct gh_str){ at, (size_t)(to - at) };
}

static bool needs_host(const struct template *t)
{
	for (size_t i = 0; i < t->count; i++)
		if (t->parts[i].what == HOST && t->parts[i].place == IN_AUTHORITY)
			return true;
	return false;
}

static enum gh_verdict on_request(struct gh_step *s)
{
	const struct redirect *self = s->self;
	struct gh_str to = expand(self->template, s->req);

	/* `{path}/` makes a host's slashes of the root. */
	if (gh_str_starts(to, GH_STR("//")) || (!s->req->host.len && needs_host(self->template)))
		return gh_fail(s, 400, NULL, "There is no place to redirect this request to.");
	gh_answer_header(s, GH_STR("location"), to);
	return gh_respond(s, status_numbers[self->status.index],
			  GH_STR("text/plain; charset=utf-8"),
			  gh_printf(s->req, "Go to " GH_FMT "\n", GH_ARG(to)));
}

const struct gh_module gh_module_redirect = {
	.name = "redirect",
	.doc = "Sends every request to another place, such as `https://{host}{path}{query}` or "
	       "`/new{path}`. What comes of a request is escaped, and only `{host}` can name a "
	       "host.",
	.options = options,
	.self_size = sizeof(struct redirect),
	.provision = provision,
	.on_request = on_request,
};
