/*
 * internal: a certificate authority of the gateway's own, for development. It keeps the authority and
 * the one certificate that it issues in `state_dir`/internal. What is in `desk` belongs to the main
 * thread until the config is taken up and to the renewing thread after that, one after the other, so
 * there is no lock.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "issue.h"
#include "keep.h"

enum {
	RETRY_MS = 60 * 1000,
	/* Looked at so often, since a machine that slept has lost count. */
	LOOK_MS = 3600 * 1000,
	WHY = 512,
	FOLDER = 4096,
	PUBLIC = 0644,
	SECRET = 0600,
};

struct desk {
	struct gh_str state;
	char folder[FOLDER];
	struct internal_pair ca, leaf, fresh;
	struct gh_certificate_life life; /* of the leaf */
	int64_t ca_end;
	bool has_ca, has_leaf;
	bool kept; /* the authority is the one in the folder */
};

struct internal {
	struct gh_strings names;
	struct desk *desk;
};

/* ---- options ---- */

static bool is_dns_name(struct gh_str s)
{
	char before = '.';

	if (s.len == 0 || s.len > 253)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		char c = gh_lower(s.at[i]);
		bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');

		if (!letter && c != '-' && c != '.')
			return false;
		/* No label is empty, or begins or ends with a hyphen. */
		if (!letter && (before == '.' || (c == '.' && before == '-')))
			return false;
		before = c;
	}
	return before != '.' && before != '-';
}

static bool is_address(struct gh_str s)
{
	unsigned char bytes[16];

	return inet_pton(AF_INET, s.at, bytes) == 1 || inet_pton(AF_INET6, s.at, bytes) == 1;
}

static int check_name(struct gh_str s, char *why, size_t size)
{
	if (is_dns_name(gh_str_starts(s, GH_STR("*.")) ? gh_str_slice(s, 2, s.len) : s) ||
	    is_address(s))
		return 0;
	snprintf(why, size,
		 "'" GH_FMT
		 "' is neither a name such as gate.lan or *.gate.lan nor an address such "
		 "as 192.0.2.1",
		 GH_ARG(s));
	return -1;
}

static const struct gh_option options[] = {
	GH_OPTION(
		struct internal, names, NULL,
		"What clients call this gateway: names, also as `*.gate.lan`, and addresses. Left "
		"out: `localhost`, `127.0.0.1`, `::1` and this machine's own name.",
		.check = check_name, .max = INTERNAL_NAMES),
	GH_OPTIONS_END
};

static void default_names(struct gh_instance *in, struct internal *self)
{
	static const struct gh_str always[] = {
		GH_STR_INIT("localhost"),
		GH_STR_INIT("127.0.0.1"),
		GH_STR_INIT("::1"),
	};
	struct gh_str *names = gh_instance_alloc(in, 4 * sizeof *names);
	char host[256] = "";
	size_t count = 0;

	for (; count < GH_COUNT_OF(always); count++)
		names[count] = always[count];
	if (gethostname(host, sizeof host - 1) == 0 && is_dns_name(gh_str(host)) &&
	    !is_address(gh_str(host)) && !gh_str_same(gh_str(host), always[0])) {
		char *own = gh_instance_alloc(in, strlen(host) + 1);

		for (size_t i = 0; host[i]; i++)
			own[i] = gh_lower(host[i]);
		names[count++] = gh_str(own);
	}
	self->names = (struct gh_strings){ names, count };
}

static int provision(struct gh_instance *in, void *self_)
{
	struct internal *self = self_;
	struct gh_str state = gh_state_dir(in);

	self->desk = gh_instance_alloc(in, sizeof *self->desk);
	self->desk->state = state;
	if (state.len + sizeof "/internal" > sizeof self->desk->folder)
		return gh_invalid(in, "the path of `state_dir` is too long");
	snprintf(self->desk->folder, sizeof self->desk->folder, GH_FMT "/internal", GH_ARG(state));
	if (self->names.count == 0)
		default_names(in, self);
	return 0;
}

static void cleanup(void *self_)
{
	struct internal *self = self_;

	if (self->desk)
		explicit_bzero(self->desk, sizeof *self->desk);
}

/* ---- the authority ---- */

static int make_folder(const struct desk *d)
{
	if (gh_state_dir_make(d->state) < 0 || (mkdir(d->folder, 0755) < 0 && errno != EEXIST))
		return -errno;
	return 0;
}

static int cannot(const struct desk *d, const char *what, int error, char *why, size_t size)
{
	snprintf(why, size,
		 "%s in '%s' (%s), so the CA lives in memory only and clients cannot be told to "
		 "trust it; mend that, or set `state_dir`",
		 what, d->folder, strerror(-error));
	return -1;
}

/* Whether an authority that ends then is good for what it would sign now. */
static bool outlives(int64_t ca_end)
{
	return ca_end > time(NULL) + (int64_t)INTERNAL_LEAF_DAYS * INTERNAL_DAY;
}

/* The authority from the folder. 0; -ENOENT: there is none yet; -1: it is not to be used. */
static int read_ca(struct desk *d, char *why, size_t size)
{
	struct internal_pair *f = &d->fresh;
	int64_t end;
	int rc = internal_read(d->folder, "ca.pem", PUBLIC, f->chain, sizeof f->chain);

	if (rc == -ENOENT)
		return rc;
	if (rc == 0 && (rc = internal_read(d->folder, "ca-key.pem", SECRET, f->key,
					   sizeof f->key)) == -EPERM) {
		snprintf(why, size,
			 "others can read '%s/ca-key.pem', so the CA is not used; run: chmod 600 "
			 "%s/ca-key.pem",
			 d->folder, d->folder);
		return -1;
	}
	if (rc && rc != -ENOENT)
		return cannot(d, "the CA cannot be read", rc, why, size);
	if (rc || internal_check_ca(f, &end)) {
		snprintf(
			why, size,
			"ca.pem and ca-key.pem in '%s' are not a CA and its key; put them back, or "
			"remove both to have a new CA, which clients must be told to trust",
			d->folder);
		return -1;
	}
	if (!outlives(end))
		return -ENOENT;
	d->ca = *f;
	d->ca_end = end;
	d->has_ca = true;
	return 0;
}

/* The key first: without ca.pem nobody trusts it yet. */
static int write_ca(const struct desk *d)
{
	int rc = internal_write(d->folder, "ca-key.pem", SECRET, d->ca.key);

	return rc ? rc : internal_write(d->folder, "ca.pem", PUBLIC, d->ca.chain);
}

/* Has an authority in any case in which one can be made; 0: it is the one in the folder. */
static int settle(struct desk *d, char *why, size_t size)
{
	int rc = read_ca(d, why, size), error;
	char failed[WHY] = "a CA could not be made";

	if (rc == 0)
		return 0;
	if (!d->has_ca && (internal_make_ca(&d->ca, failed, sizeof failed) ||
			   internal_check_ca(&d->ca, &d->ca_end))) {
		snprintf(why, size, "%s", failed);
		return -1;
	}
	d->has_ca = true;
	if (rc != -ENOENT)
		return -1;
	if ((error = make_folder(d)))
		return cannot(d, "there can be no folder", error, why, size);
	if ((error = write_ca(d)))
		return cannot(d, "nothing can be written", error, why, size);
	return 0;
}

/* ---- its one certificate ---- */

/* When it is to be made anew: at two thirds of its life. */
static int64_t due(const struct gh_certificate_life *life)
{
	return life->not_before + (life->not_after - life->not_before) / 3 * 2;
}

static bool is_fit(const struct desk *d, const struct internal_pair *leaf,
		   const struct gh_strings *names, struct gh_certificate_life *ret_life)
{
	return internal_check_leaf(&d->ca, leaf, names, ret_life) == 0 &&
	       time(NULL) < due(ret_life);
}

static bool read_leaf(struct desk *d, const struct gh_strings *names)
{
	struct internal_pair *f = &d->fresh;

	/* One file, so that key and certificate are always of one piece. */
	if (internal_read(d->folder, "leaf.pem", SECRET, f->chain, sizeof f->chain))
		return false;
	const char *key = strstr(f->chain, "-----BEGIN EC PRIVATE KEY-----");

	if (!key || strlen(key) >= sizeof f->key)
		return false;
	snprintf(f->key, sizeof f->key, "%s", key);
	f->chain[key - f->chain] = 0;
	if (!is_fit(d, f, names, &d->life))
		return false;
	d->leaf = *f;
	return true;
}

static int write_leaf(struct desk *d)
{
	struct internal_pair *f = &d->fresh;
	int len = snprintf(f->chain, sizeof f->chain, "%s%s", d->leaf.chain, d->leaf.key);

	if (len < 0 || (size_t)len >= sizeof f->chain)
		return -EFBIG;
	return internal_write(d->folder, "leaf.pem", SECRET, f->chain);
}

static int64_t tend(const struct internal *self, struct gh_certificate_sink *to)
{
	struct desk *d = self->desk;
	char why[2 * FOLDER + WHY] = "";
	int error;

	if (d->has_ca && !outlives(d->ca_end))
		d->has_ca = d->kept = false;
	if (!d->kept)
		d->kept = settle(d, why, sizeof why) == 0;
	if (d->has_ca && (!d->has_leaf || !is_fit(d, &d->leaf, &self->names, &d->life))) {
		bool read = d->kept && read_leaf(d, &self->names);
		char failed[WHY];

		if (!read &&
		    internal_issue(&d->ca, &self->names, &d->leaf, failed, sizeof failed)) {
			gh_certificate_trouble(to, "%s", failed);
			return RETRY_MS;
		}
		d->has_leaf = internal_check_leaf(&d->ca, &d->leaf, &self->names, &d->life) == 0;
		if (!read && d->kept && (error = write_leaf(d)))
			snprintf(why, sizeof why,
				 "the certificate cannot be kept in '%s' (%s), so each start makes "
				 "another",
				 d->folder, strerror(-error));
		gh_certificate_give(to, gh_str(d->leaf.chain), gh_str(d->leaf.key));
	}
	if (why[0]) {
		gh_certificate_trouble(to, "%s", why);
		return RETRY_MS;
	}
	int64_t left = (due(&d->life) - time(NULL)) * 1000;

	return left < 1000 ? 1000 : left < LOOK_MS ? left : LOOK_MS;
}

/* A key and a signature take a few milliseconds, so that a listener has its certificate at once. */
static void at_hand(const void *self, struct gh_certificate_sink *to)
{
	tend(self, to);
}

static int64_t renew(const void *self, struct gh_certificate_sink *to)
{
	return tend(self, to);
}

static const struct gh_certificates certificates = {
	.at_hand = at_hand,
	.renew = renew,
};

const struct gh_module gh_module_internal = {
	.name = "internal",
	.doc = "A certificate from a certificate authority (CA) of this gateway's own, for "
	       "development. "
	       "Clients are told to trust `ca.pem` in the folder `internal` of `state_dir`: `curl "
	       "--cacert PATH`, or `SSL_CERT_FILE=PATH` for many others. It has a new key every 60 "
	       "days, and the CA is good for ten years.",
	.options = options,
	.self_size = sizeof(struct internal),
	.provision = provision,
	.cleanup = cleanup,
	.certificates = &certificates,
};
