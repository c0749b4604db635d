/*
 * What the commands of `gatehouse key` share. Main thread.
 */
#ifndef GATEHOUSE_CORE_CLI_KEY_H
#define GATEHOUSE_CORE_CLI_KEY_H

#include "core/base/arena.h"
#include "core/cli/credentials.h"

enum { GH__KEY_LIMITS_MOST = 8 };

/* The command line behind `new`, `list` or `revoke`, as it was written. */
struct gh__key_options {
	const char *name;
	const char *to, *config; /* NULL: not said */
	const char *models, *expires, *priority;
	const char *limits[GH__KEY_LIMITS_MOST];
	size_t limit_count;
	bool json, cut;
};

int gh__key_new(struct gh__arena *a, const struct gh__key_options *o);
int gh__key_list(struct gh__arena *a, const struct gh__key_options *o);
int gh__key_revoke(struct gh__arena *a, const struct gh__key_options *o);

/* ---- key_make.c ---- */
enum { GH__KEY_LEN = 59, GH__KEY_DIGEST_LEN = 7 + 64 };
/* A key, and `sha256:…` of it; both terminated. The key is for gh__wipe(). */
void gh__key_make(char ret_key[GH__KEY_LEN + 1], char ret_digest[GH__KEY_DIGEST_LEN + 1]);

/* ---- key_bound.c: what a key is bound to, by the command line ---- */
/* 0, or -1 after it was told. Sets all but name and key. */
int gh__key_bind(struct gh__arena *a, const struct gh__key_options *o, struct gh__new_key *to);
/* 2027-01-31 or 2027-01-31T12:00:00Z: the first second that is no longer in it. 0, or -1. */
int gh__expiry_read(struct gh_str text, int64_t *ret_second);

/* ---- key_places.c: where credentials are ---- */
struct gh__key_places {
	const char *config;   /* NULL: there is none */
	struct gh_str *files; /* paths; each once */
	size_t file_count;
	/* What stands in the config itself. Only kind, name and line count. */
	struct gh__credential *inside;
	size_t inside_count;
};
/* 0, or -1 after it was told. Where nothing was said, no config is no mistake. */
int gh__key_find(struct gh__arena *a, const struct gh__key_options *o,
		 struct gh__key_places *ret_places);

/* ---- key_ask.c: the running gateway ---- */
enum gh__key_force {
	GH__KEY_IN_FORCE,
	GH__KEY_NOBODY_RUNS,
	GH__KEY_REFUSED, /* it was told why */
};
/* Makes it read the credentials now. */
enum gh__key_force gh__key_take_effect(const char *config);
/* Ends the open requests of the caller; 0, or -1 after it was told. */
int gh__key_cut(const char *config, struct gh_str caller, unsigned *ret_count);

#endif
