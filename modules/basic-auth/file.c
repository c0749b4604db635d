#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <yaml.h>

/* ---- Its state ---- */

static struct basic_auth_version version_of(const struct stat *st)
{
	return (struct basic_auth_version){
		.device = st->st_dev,
		.inode = st->st_ino,
		.size = st->st_size,
		.changed = st->st_ctim,
		.modified = st->st_mtim,
	};
}

void basic_auth_version_get(const char *path, struct basic_auth_version *ret_version)
{
	struct stat st;

	*ret_version = stat(path, &st) == 0 ? version_of(&st) : (struct basic_auth_version){ 0 };
}

bool basic_auth_version_same(const struct basic_auth_version *a, const struct basic_auth_version *b)
{
	return a->device == b->device && a->inode == b->inode && a->size == b->size &&
	       a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec &&
	       a->modified.tv_sec == b->modified.tv_sec &&
	       a->modified.tv_nsec == b->modified.tv_nsec;
}

/* ---- Its YAML ---- */

struct parse {
	yaml_parser_t yaml;
	const char *path;
	struct basic_auth_book *book;
	char *why;
	size_t size;
};

static int GH_PRINTF(3, 4) wrong(const struct parse *p, yaml_mark_t at, const char *format, ...)
{
	char what[400];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	snprintf(p->why, p->size, "%s:%zu:%zu: %s", p->path, at.line + 1, at.column + 1, what);
	return -1;
}

/* The next event, which yaml_event_delete() ends. */
static int next(struct parse *p, yaml_event_t *ret_event)
{
	if (yaml_parser_parse(&p->yaml, ret_event) == 1)
		return 0;
	/* libyaml tells no mark of what is no UTF-8, and its problem may quote nothing secret: it
	 * has fixed texts alone. */
	return wrong(p, p->yaml.problem_mark, "%s; quote values that have special characters",
		     p->yaml.problem != NULL ? p->yaml.problem : "this is no YAML");
}

static struct gh_str scalar(const yaml_event_t *e)
{
	return (struct gh_str){ (const char *)e->data.scalar.value, e->data.scalar.length };
}

typedef int add(struct basic_auth_book *book, struct gh_str name, struct gh_str value,
		unsigned line, char *why, size_t size);

/* One NAME: VALUE, whose NAME is here. */
static int parse_pair(struct parse *p, const yaml_event_t *name, add *add_pair)
{
	yaml_event_t value;
	char why[300];
	int rc = 0;

	if (next(p, &value) != 0)
		return -1;

	unsigned line = (unsigned)name->start_mark.line + 1;

	if (value.type != YAML_SCALAR_EVENT)
		rc = wrong(p, value.start_mark,
			   "a name stands here with something other than a text; "
			   "write NAME: \"TEXT\"");
	else if (add_pair(p->book, scalar(name), scalar(&value), line, why, sizeof(why)) != 0)
		rc = wrong(p, value.start_mark, "%s", why);
	yaml_event_delete(&value);
	return rc;
}

/* The mapping behind `users:` or `keys:`, or nothing. */
static int parse_section(struct parse *p, add *add_pair)
{
	yaml_event_t e;
	int rc = 0;

	if (next(p, &e) != 0)
		return -1;

	bool empty = e.type == YAML_SCALAR_EVENT && e.data.scalar.length == 0 &&
		     e.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;

	if (!empty && e.type != YAML_MAPPING_START_EVENT)
		rc = wrong(p, e.start_mark,
			   "a mapping of names belongs here; "
			   "write NAME: \"TEXT\", one a line");
	yaml_event_delete(&e);
	if (rc != 0 || empty)
		return rc;
	for (;;) {
		if (next(p, &e) != 0)
			return -1;

		bool end = e.type == YAML_MAPPING_END_EVENT;

		if (!end && e.type != YAML_SCALAR_EVENT)
			rc = wrong(p, e.start_mark, "a name belongs here, as plain text");
		else if (!end)
			rc = parse_pair(p, &e, add_pair);
		yaml_event_delete(&e);
		if (rc != 0 || end)
			return rc;
	}
}

enum section { USERS = 1, KEYS = 2 };

/* The document's mapping, after its start. */
static int parse_sections(struct parse *p)
{
	unsigned seen = 0;

	for (;;) {
		yaml_event_t e;
		int rc = 0;

		if (next(p, &e) != 0)
			return -1;

		bool end = e.type == YAML_MAPPING_END_EVENT;
		struct gh_str name = e.type == YAML_SCALAR_EVENT ? scalar(&e) : GH_STR("");
		unsigned section = gh_str_is(name, "users")  ? USERS
				   : gh_str_is(name, "keys") ? KEYS
							     : 0;

		if (!end && section == 0)
			rc = wrong(p, e.start_mark, "only `users:` and `keys:` belong here");
		else if (seen & section)
			rc = wrong(p, e.start_mark,
				   "`" GH_FMT ":` is there twice; put both together", GH_ARG(name));
		else if (!end)
			rc = parse_section(p, section == USERS ? basic_auth_book_add_user
							       : basic_auth_book_add_key);
		seen |= section;
		yaml_event_delete(&e);
		if (rc != 0 || end)
			return rc;
	}
}

static int parse_stream(struct parse *p)
{
	bool had_document = false;

	for (;;) {
		yaml_event_t e;
		int rc = 0;

		if (next(p, &e) != 0)
			return -1;

		bool end = e.type == YAML_STREAM_END_EVENT;

		switch (e.type) {
		case YAML_DOCUMENT_START_EVENT:
			if (had_document)
				rc = wrong(p, e.start_mark, "a second document begins; keep one");
			had_document = true;
			break;
		case YAML_MAPPING_START_EVENT:
			rc = parse_sections(p);
			break;
		case YAML_SCALAR_EVENT:
			/* `---` and nothing after it. */
			if (e.data.scalar.length > 0)
				rc = wrong(p, e.start_mark,
					   "the file begins with `users:` or `keys:`");
			break;
		case YAML_SEQUENCE_START_EVENT:
		case YAML_ALIAS_EVENT:
			rc = wrong(p, e.start_mark, "the file begins with `users:` or `keys:`");
			break;
		default:
			break;
		}
		yaml_event_delete(&e);
		if (rc != 0 || end)
			return rc;
	}
}

int basic_auth_file_parse(const char *path, struct gh_str bytes, struct basic_auth_book *book,
			  char *why, size_t size)
{
	struct parse p = { .path = path, .book = book, .why = why, .size = size };

	if (yaml_parser_initialize(&p.yaml) != 1)
		abort();
	yaml_parser_set_encoding(&p.yaml, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(
		&p.yaml, (const unsigned char *)(bytes.len > 0 ? bytes.at : ""), bytes.len);

	int rc = parse_stream(&p);

	yaml_parser_delete(&p.yaml);
	return rc;
}

/* ---- Its bytes ---- */

static int GH_PRINTF(4, 5) refuse(const char *path, char *why, size_t size, const char *format, ...)
{
	int len = snprintf(why, size, "%s: ", path);
	va_list args;

	if (len > 0 && (size_t)len < size) {
		va_start(args, format);
		vsnprintf(why + len, size - (size_t)len, format, args);
		va_end(args);
	}
	return -1;
}

static int read_open(int fd, const char *path, struct basic_auth_book *book,
		     struct basic_auth_version *ret_version, char *why, size_t size)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return refuse(path, why, size, "%s", strerror(errno));
	*ret_version = version_of(&st);
	if (!S_ISREG(st.st_mode))
		return refuse(path, why, size, "this is no file; name a file with users and keys");
	if (st.st_mode & S_IRWXO)
		return refuse(path, why, size,
			      "others can get at this file (mode %04o); chmod o= it",
			      (unsigned)st.st_mode & 07777);
	if (st.st_size > BASIC_AUTH_FILE_MAX)
		return refuse(path, why, size, "the file has %lld bytes; at most %d are read",
			      (long long)st.st_size, BASIC_AUTH_FILE_MAX);

	size_t room = (size_t)st.st_size, have = 0;
	char *bytes = basic_auth_alloc(room);
	int rc = 0;

	while (have < room) {
		ssize_t got = read(fd, bytes + have, room - have);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			rc = refuse(path, why, size, "%s", strerror(errno));
		if (got <= 0)
			break;
		have += (size_t)got;
	}
	if (rc == 0)
		rc = basic_auth_file_parse(path, (struct gh_str){ bytes, have }, book, why, size);
	explicit_bzero(bytes, room);
	free(bytes);
	return rc;
}

int basic_auth_file_read(const char *path, struct basic_auth_book *book,
			 struct basic_auth_version *ret_version, char *why, size_t size)
{
	/* Not to hang on a FIFO that someone put there. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0) {
		int error = errno;

		basic_auth_version_get(path, ret_version);
		return refuse(path, why, size, "%s; name a file that this process may read",
			      strerror(error));
	}

	int rc = read_open(fd, path, book, ret_version, why, size);

	close(fd);
	return rc;
}
