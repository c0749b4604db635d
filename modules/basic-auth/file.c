#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "entry.h"
#include "events.h"

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

/* The mapping behind `users:` or `keys:`, or nothing. */
static int parse_section(struct basic_auth_events *p, enum basic_auth_section section,
			 struct basic_auth_book *book)
{
	yaml_event_t e;
	int rc = 0;

	if (basic_auth_events_next(p, &e) != 0)
		return -1;

	bool empty = basic_auth_event_is_empty(&e);

	if (!empty && e.type != YAML_MAPPING_START_EVENT)
		rc = basic_auth_events_wrong(p, e.start_mark,
					     "a mapping of names belongs here; "
					     "write NAME: \"TEXT\", one a line");
	yaml_event_delete(&e);
	if (rc != 0 || empty)
		return rc;
	for (;;) {
		if (basic_auth_events_next(p, &e) != 0)
			return -1;

		bool end = e.type == YAML_MAPPING_END_EVENT;

		if (!end && e.type != YAML_SCALAR_EVENT)
			rc = basic_auth_events_wrong(p, e.start_mark,
						     "a name belongs here, as plain text");
		else if (!end)
			rc = basic_auth_entry_read(p, section, &e, book);
		yaml_event_delete(&e);
		if (rc != 0 || end)
			return rc;
	}
}

enum { USERS = 1, KEYS = 2 };

/* The document's mapping, after its start. */
static int parse_sections(struct basic_auth_events *p, struct basic_auth_book *book)
{
	unsigned seen = 0;

	for (;;) {
		yaml_event_t e;
		int rc = 0;

		if (basic_auth_events_next(p, &e) != 0)
			return -1;

		bool end = e.type == YAML_MAPPING_END_EVENT;
		struct gh_str name = e.type == YAML_SCALAR_EVENT ? basic_auth_event_text(&e)
								 : GH_STR("");
		unsigned section = gh_str_is(name, "users")  ? USERS
				   : gh_str_is(name, "keys") ? KEYS
							     : 0;

		if (!end && section == 0)
			rc = basic_auth_events_wrong(p, e.start_mark,
						     "only `users:` and `keys:` belong here");
		else if (seen & section)
			rc = basic_auth_events_wrong(p, e.start_mark,
						     "`" GH_FMT
						     ":` is there twice; put both together",
						     GH_ARG(name));
		else if (!end)
			rc = parse_section(p, section == USERS ? BASIC_AUTH_USERS : BASIC_AUTH_KEYS,
					   book);
		seen |= section;
		yaml_event_delete(&e);
		if (rc != 0 || end)
			return rc;
	}
}

static int parse_stream(struct basic_auth_events *p, struct basic_auth_book *book)
{
	bool had_document = false;

	for (;;) {
		yaml_event_t e;
		int rc = 0;

		if (basic_auth_events_next(p, &e) != 0)
			return -1;

		bool end = e.type == YAML_STREAM_END_EVENT;

		switch (e.type) {
		case YAML_DOCUMENT_START_EVENT:
			if (had_document)
				rc = basic_auth_events_wrong(p, e.start_mark,
							     "a second document begins; keep one");
			had_document = true;
			break;
		case YAML_MAPPING_START_EVENT:
			rc = parse_sections(p, book);
			break;
		case YAML_SCALAR_EVENT:
			/* `---` and nothing after it. */
			if (e.data.scalar.length > 0)
				rc = basic_auth_events_wrong(
					p, e.start_mark,
					"the file begins with `users:` or `keys:`");
			break;
		case YAML_SEQUENCE_START_EVENT:
		case YAML_ALIAS_EVENT:
			rc = basic_auth_events_wrong(p, e.start_mark,
						     "the file begins with `users:` or `keys:`");
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
	struct basic_auth_events p = { .path = path, .why = why, .size = size };

	basic_auth_events_begin(&p, bytes);

	int rc = parse_stream(&p, book);

	basic_auth_events_end(&p);
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
		return refuse(path, why, size, "%s; %s", strerror(error),
			      error == ENOENT
				      ? "`gatehouse key new NAME` makes it, with a first key"
				      : "name a file that this process may read");
	}

	int rc = read_open(fd, path, book, ret_version, why, size);

	close(fd);
	return rc;
}
