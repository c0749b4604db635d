/*
 * files: a certificate and its key from two files, or one, that someone else renews. `given` and what
 * goes with it belong to the main thread until the config is taken up and to the renewing thread after
 * that, one after the other, so there is no lock.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <gatehouse/module.h>

enum {
	FILE_MOST = 256 * 1024,
	/* Programs that renew write one file after the other. Until they are done the two do not
	 * fit, which is nobody's trouble. */
	PATIENCE_MS = 3000,
	RETRY_MS = 500,
	WHY = 512,
};

struct pair {
	char *chain, *key; /* terminated */
};

struct watch {
	struct pair given;
	struct gh_certificate_life life;
	int64_t bad_since; /* monotonic ms; 0: what is there now is what was given */
};

struct files {
	struct gh_str cert, key;
	struct gh_duration check_every;
	struct watch *watch;
};

static int check_path(struct gh_str value, char *why, size_t size)
{
	if (gh_str_starts(value, GH_STR("/")))
		return 0;
	snprintf(why, size, "the path '" GH_FMT "' does not begin at the root; write /…",
		 GH_ARG(value));
	return -1;
}

static const struct gh_option options[] = {
	GH_OPTION(struct files, cert, NULL,
		  "The certificate's file (PEM): that of the server first, then those that signed "
		  "it. "
		  "An absolute path.",
		  .check = check_path, .max = 4095, .flags = GH_REQUIRED),
	GH_OPTION(struct files, key, NULL,
		  "The key's file (PEM, without a password), which nobody but its owner and group "
		  "may "
		  "read. Left out: it is in `cert` too.",
		  .check = check_path, .max = 4095),
	GH_OPTION(struct files, check_every, "10s",
		  "How often the files are looked at. What changed is served from then on.",
		  .min = 1000, .max = 24 * 3600 * 1000),
	GH_OPTIONS_END
};

/* ---- reading ---- */

static void drop(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}

static void drop_pair(struct pair *p)
{
	drop(p->chain);
	drop(p->key);
	*p = (struct pair){ NULL, NULL };
}

enum secrecy { PUBLIC, SECRET };

/* Why a file is not to be read: a constant text or that of errno; NULL: it may. */
static const char *look_at(int fd, enum secrecy secrecy)
{
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return strerror(errno);
	if (!S_ISREG(st.st_mode))
		return "it is no regular file";
	if (st.st_size > FILE_MOST)
		return "it has more than 256 KiB";
	if (secrecy == SECRET && st.st_mode & S_IRWXO)
		return "everyone on this machine may read or change it; run: chmod o-rwx";
	return NULL;
}

static char *read_text(struct gh_str path, enum secrecy secrecy, char *why, size_t size)
{
	int fd = open(path.at, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	const char *reason = look_at(fd, secrecy);
	char *text = reason ? NULL : calloc(1, FILE_MOST + 1);
	size_t len = 0;

	while (!reason && text && len < FILE_MOST) {
		ssize_t got = read(fd, text + len, FILE_MOST - len);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			reason = strerror(errno);
		if (got <= 0)
			break;
		len += (size_t)got;
	}
	if (!reason && !text)
		reason = strerror(ENOMEM);
	if (!reason && strlen(text) < len)
		reason = "it is no PEM text (-----BEGIN …); if it is DER, openssl makes PEM of it";
	if (fd >= 0)
		close(fd);
	if (!reason)
		return text;
	drop(text);
	if (strstr(reason, "chmod"))
		snprintf(why, size, "the file '" GH_FMT "' is refused: %s " GH_FMT, GH_ARG(path),
			 reason, GH_ARG(path));
	else
		snprintf(why, size, "the file '" GH_FMT "' cannot be used: %s", GH_ARG(path),
			 reason);
	return NULL;
}

/* What is in the files now, if it can be served. */
static int load(const struct files *self, struct pair *ret_pair,
		struct gh_certificate_life *ret_life, char *why, size_t size)
{
	bool alone = self->key.len == 0;
	struct pair p = { .chain = read_text(self->cert, alone ? SECRET : PUBLIC, why, size) };
	char reason[WHY];

	if (p.chain)
		p.key = alone ? strdup(p.chain) : read_text(self->key, SECRET, why, size);
	if (!p.key) {
		drop_pair(&p);
		return -1;
	}
	if (gh_certificate_check(gh_str(p.chain), gh_str(p.key), ret_life, reason, sizeof reason)) {
		snprintf(why, size, "'" GH_FMT "'%s" GH_FMT "%s: %s", GH_ARG(self->cert),
			 alone ? "" : " with '", GH_ARG(self->key), alone ? "" : "'", reason);
		drop_pair(&p);
		return -1;
	}
	*ret_pair = p;
	return 0;
}

/* ---- giving ---- */

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void tell_of_life(const struct files *self, struct gh_certificate_sink *to)
{
	const struct gh_certificate_life *life = &self->watch->life;
	time_t now = time(NULL),
	       at = (time_t)(now > life->not_after ? life->not_after : life->not_before);
	char day[32];
	struct tm tm;

	if (life->not_before <= now && now <= life->not_after)
		return;
	strftime(day, sizeof day, "%Y-%m-%d %H:%M UTC", gmtime_r(&at, &tm));
	if (now > life->not_after)
		gh_certificate_trouble(to,
				       "the certificate in '" GH_FMT "' ran out at %s, so clients "
				       "refuse it; put a new one in its place",
				       GH_ARG(self->cert), day);
	else
		gh_certificate_trouble(to,
				       "the certificate in '" GH_FMT "' is not valid before %s, so "
				       "clients refuse it; check this machine's clock",
				       GH_ARG(self->cert), day);
}

static void give(const struct files *self, struct gh_certificate_sink *to)
{
	gh_certificate_give(to, gh_str(self->watch->given.chain), gh_str(self->watch->given.key));
}

static int provision(struct gh_instance *in, void *self_)
{
	struct files *self = self_;
	char why[2 * WHY + 8192];

	self->watch = gh_instance_alloc(in, sizeof *self->watch);
	if (load(self, &self->watch->given, &self->watch->life, why, sizeof why))
		return gh_invalid(in, "%s", why);
	return 0;
}

static void cleanup(void *self_)
{
	struct files *self = self_;

	if (self->watch)
		drop_pair(&self->watch->given);
}

static void at_hand(const void *self_, struct gh_certificate_sink *to)
{
	const struct files *self = self_;

	give(self, to);
	tell_of_life(self, to);
}

/* The files are small, so they are read and compared: no time stamp is too coarse for that. */
static int64_t renew(const void *self_, struct gh_certificate_sink *to)
{
	const struct files *self = self_;
	struct watch *w = self->watch;
	struct gh_certificate_life life;
	char why[2 * WHY + 8192];
	struct pair p;

	if (load(self, &p, &life, why, sizeof why)) {
		int64_t now = now_ms();

		if (!w->bad_since)
			w->bad_since = now;
		if (now - w->bad_since < PATIENCE_MS) {
			tell_of_life(self, to);
			return RETRY_MS;
		}
		gh_certificate_trouble(to, "%s; the last good one is served until then", why);
		return PATIENCE_MS;
	}
	w->bad_since = 0;
	if (strcmp(p.chain, w->given.chain) == 0 && strcmp(p.key, w->given.key) == 0) {
		drop_pair(&p);
	} else {
		drop_pair(&w->given);
		w->given = p;
		w->life = life;
		give(self, to);
	}
	tell_of_life(self, to);
	return self->check_every.ms;
}

static const struct gh_certificates certificates = {
	.at_hand = at_hand,
	.renew = renew,
};

const struct gh_module gh_module_files = {
	.name = "files",
	.doc = "A certificate and its key from files, read again when they change. Where what is "
	       "there "
	       "cannot be used, the last good one is served, and `gatehouse status` says why.",
	.options = options,
	.self_size = sizeof(struct files),
	.provision = provision,
	.cleanup = cleanup,
	.certificates = &certificates,
};
