#include "core/config/reference.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/memory.h"
#include "core/config/text.h"

enum {
	FILE_MOST = 64 * 1024,
	TOTAL_MOST = 4 * 1024 * 1024, /* of all that references stand for in one config */
};

struct resolver {
	struct gh__tree *tree;
	enum gh__read_mode mode;
	struct gh__mistakes *mistakes;
	size_t total;
};

enum source { FROM_ENV, FROM_FILE };

/* One ${SOURCE:NAME} at the start of `s`; `ret_len` is the length of all of it. */
static int split(struct gh_str s, enum source *ret_source, struct gh_str *ret_name, size_t *ret_len)
{
	const char *end = memchr(s.at, '}', s.len);
	struct gh_str env = GH_STR("${env:"), file = GH_STR("${file:");
	bool is_env = gh_str_starts(s, env);

	if (!end || (!is_env && !gh_str_starts(s, file)))
		return -1;
	size_t len = (size_t)(end - s.at) + 1;
	struct gh_str name = gh_str_slice(s, is_env ? env.len : file.len, len - 1);
	if (name.len == 0)
		return -1;
	for (size_t i = 0; is_env && i < name.len; i++) {
		char c = name.at[i], low = gh_lower(c);
		if (!(low >= 'a' && low <= 'z') && c != '_' && !(i > 0 && c >= '0' && c <= '9'))
			return -1;
	}
	*ret_source = is_env ? FROM_ENV : FROM_FILE;
	*ret_name = name;
	*ret_len = len;
	return 0;
}

static int from_env(struct resolver *r, const struct gh__node *n, struct gh_str name,
		    struct gh__text *to)
{
	char *terminated = gh__strndup(name.at, name.len);
	const char *value = getenv(terminated);

	gh__free(terminated);
	if (!value || !*value) {
		gh__mistake(r->mistakes, &n->place, "the environment variable '%.*s' is %s",
			    name.len > 100 ? 100 : (int)name.len, name.at,
			    value ? "empty" : "not set");
		return -1;
	}
	gh__text_put(to, gh_str(value));
	return 0;
}

/* Relative to the config file, so that it does not matter where gatehouse is started. */
static char *path_of(const struct resolver *r, struct gh_str name)
{
	const char *slash = strrchr(r->tree->file, '/');
	struct gh__text path = { 0 };

	if (name.at[0] != '/' && slash)
		gh__text_put(&path, gh_str_slice(gh_str(r->tree->file), 0,
						 (size_t)(slash - r->tree->file) + 1));
	gh__text_put(&path, name);
	return path.at;
}

/* Why a file's bytes were not to be had: a constant text or that of errno. */
static const char *read_file(const char *path, char *bytes, size_t *ret_size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	const char *why = NULL;
	size_t size = 0;
	struct stat st;

	if (fd < 0)
		return strerror(errno);
	if (fstat(fd, &st) < 0)
		why = strerror(errno);
	else if (!S_ISREG(st.st_mode))
		why = "it is no regular file";
	else if (st.st_mode & S_IRWXO)
		why = "everyone on this machine may read or change it; run: chmod o-rwx";
	while (!why) {
		ssize_t got = read(fd, bytes + size, FILE_MOST + 1 - size);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			why = strerror(errno);
		if (got <= 0)
			break;
		size += (size_t)got;
		if (size > FILE_MOST)
			why = "it has more than 64 KiB";
	}
	close(fd);
	if (why)
		return why;
	if (size > 0 && bytes[size - 1] == '\n')
		size--;
	if (size > 0 && bytes[size - 1] == '\r')
		size--;
	if (size == 0)
		return "it is empty";
	if (memchr(bytes, 0, size))
		return "it has a NUL byte in it";
	*ret_size = size;
	return NULL;
}

static int from_file(struct resolver *r, const struct gh__node *n, struct gh_str name,
		     struct gh__text *to)
{
	char *path = path_of(r, name), *bytes = gh__alloc(FILE_MOST + 1);
	size_t size = 0;
	const char *why = read_file(path, bytes, &size);

	if (!why)
		gh__text_put(to, (struct gh_str){ bytes, size });
	else if (strstr(why, "chmod"))
		gh__mistake(r->mistakes, &n->place, "the file '%s' is refused: %s %s", path, why,
			    path);
	else
		gh__mistake(r->mistakes, &n->place, "the file '%s' cannot be used: %s", path, why);
	gh__wipe(bytes, size);
	gh__free(bytes);
	gh__free(path);
	return why ? -1 : 0;
}

static void bad_form(struct resolver *r, const struct gh__node *n)
{
	gh__mistake(r->mistakes, &n->place,
		    "a '${' begins neither ${env:NAME} nor ${file:PATH}; write $${ where '${' "
		    "itself is meant");
}

/* Puts what the text stands for into `to`; a mistake takes nothing. */
static void resolve_text(struct resolver *r, struct gh__node *n, struct gh__text *to)
{
	struct gh_str s = n->written;

	for (size_t i = 0; i < s.len;) {
		struct gh_str rest = gh_str_slice(s, i, s.len), name;
		enum source source;
		size_t len;

		if (gh_str_starts(rest, GH_STR("$${"))) {
			gh__text_put(to, GH_STR("${"));
			i += 3;
			continue;
		}
		if (!gh_str_starts(rest, GH_STR("${"))) {
			gh__text_put(to, gh_str_slice(rest, 0, 1));
			i++;
			continue;
		}
		if (split(rest, &source, &name, &len) < 0) {
			bad_form(r, n);
			n->unknown = true;
			return;
		}
		i += len;
		n->looked_up = true;
		if (r->mode == GH__READ_WITHOUT_SECRETS || r->total + to->len > TOTAL_MOST)
			n->unknown = true;
		else if ((source == FROM_ENV ? from_env(r, n, name, to)
					     : from_file(r, n, name, to)) < 0)
			n->unknown = true;
	}
}

static void resolve(struct resolver *r, struct gh__node *n)
{
	struct gh__text to = { 0 };

	if (n->text.len < 2 || !memmem(n->text.at, n->text.len, "${", 2))
		return;
	if (n->is_key) {
		gh__mistake(r->mistakes, &n->place,
			    "a ${…} stands for a value; a key cannot have it");
		return;
	}
	resolve_text(r, n, &to);
	if (!n->unknown)
		n->text = gh__arena_copy(r->tree->arena, (struct gh_str){ to.at, to.len });
	r->total += to.len;
	if (r->total > TOTAL_MOST && r->mode == GH__READ_ALL)
		gh__mistake(r->mistakes, &n->place,
			    "what ${…} stands for comes to more than 4 MiB in this file");
	if (to.at)
		gh__wipe(to.at, to.len);
	gh__free(to.at);
}

void gh__references_resolve(struct gh__tree *t, enum gh__read_mode mode, struct gh__mistakes *m)
{
	struct resolver r = { .tree = t, .mode = mode, .mistakes = m };

	for (struct gh__node *n = t->all; n; n = n->next)
		if (n->kind == GH__NODE_SCALAR)
			resolve(&r, n);
}

bool gh__reference_alone(struct gh_str written)
{
	struct gh_str name;
	enum source source;
	size_t len;

	return gh_str_starts(written, GH_STR("${")) && split(written, &source, &name, &len) == 0 &&
	       len == written.len;
}
