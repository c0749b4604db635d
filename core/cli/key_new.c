/* gatehouse key new NAME: a key, shown once, and its lines in the credentials file. */
#include <stdio.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/cli/commands.h"
#include "core/cli/key.h"
#include "core/cli/replace.h"

enum { NAME_MAX_LEN = 64 };

static bool is_name(const char *name)
{
	static const char letters[] =
		"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	size_t len = strlen(name), signs = 0;

	for (size_t i = 0; i < len; i++) {
		if (strchr("._-", name[i]) != NULL)
			signs++;
		else if (strchr(letters, name[i]) == NULL)
			return false;
	}
	return len <= NAME_MAX_LEN && signs < len;
}

/* The one file that it goes into; NULL: none is known, and the lines are printed. -1: it was told. */
static int choose_file(const struct gh__key_options *o, const struct gh__key_places *p,
		       const char **ret_file)
{
	*ret_file = p->file_count ? p->files[0].at : NULL;
	if (p->file_count > 1) {
		fprintf(stderr,
			"gatehouse key: %s names more than one credentials file; say which "
			"with --to FILE:\n",
			p->config);
		for (size_t i = 0; i < p->file_count; i++)
			fprintf(stderr, "  " GH_FMT "\n", GH_ARG(p->files[i]));
		return -1;
	}
	if (!*ret_file && o->config) {
		fprintf(stderr,
			"gatehouse key: %s names no credentials file; give basic-auth one with "
			"`credentials: FILE`, or say --to FILE\n",
			o->config);
		return -1;
	}
	return 0;
}

static int add_to(struct gh__arena *a, struct gh__replace *r, const char *file,
		  const char *plain_name, const struct gh__new_key *key)
{
	char why[GH__CREDENTIALS_WHY];
	struct gh__credentials c;
	struct gh_str bytes;

	if (gh__replace_open(r, file, GH__MISSING_IS_EMPTY, why) ||
	    gh__credentials_read(a, gh_str(file), r->bytes, &c, why))
		goto fail;
	for (size_t i = 0; i < c.count; i++) {
		if (!gh_str_is(c.items[i].name, plain_name))
			continue;
		/* A user of that name, too: in the log and for limits both would be one. */
		snprintf(why, sizeof why,
			 "%s:%zu: there is a %s '%s' already; choose another name, or revoke it "
			 "first",
			 file, c.items[i].line,
			 c.items[i].kind == GH__CREDENTIAL_KEY ? "key" : "user", plain_name);
		goto fail;
	}
	if (gh__credentials_with(a, &c, key, &bytes, why) || gh__replace_put(r, bytes, why))
		goto fail;
	return 0;
fail:
	fprintf(stderr, "gatehouse key: %s\n", why);
	return -1;
}

static int printed(int rc)
{
	if (rc >= 0 && fflush(stdout) == 0)
		return GH__EXIT_OK;
	fprintf(stderr, "gatehouse key: standard output cannot be written\n");
	return GH__EXIT_FAILED;
}

static int print_lines(struct gh__arena *a, const char *key, const struct gh__new_key *lines)
{
	bool bound = lines->models.len || lines->expires.len || lines->priority.len ||
		     lines->limit_count;
	struct gh_str text = gh__new_key_lines(a, lines, 2, "\n");

	fprintf(stderr,
		bound ? "The key goes to whoever is to use it, and is not shown again. The lines "
			"to "
			"keep go under\n`keys:` of a credentials file; what stands in gateway.yaml "
			"itself cannot be bound.\n"
		      : "The key goes to whoever is to use it, and is not shown again. The line to "
			"keep goes under\n`keys:` of basic-auth or of its credentials file.\n");
	return printed(printf(bound ? "key:  %s\nkeep:\n" GH_FMT : "key:  %s\nkeep: " GH_FMT, key,
			      GH_ARG(text)));
}

static int add_and_print(struct gh__arena *a, const struct gh__key_options *o,
			 const struct gh__key_places *p, const char *file, const char *key,
			 const struct gh__new_key *lines)
{
	struct gh__replace r;
	int rc = add_to(a, &r, file, o->name, lines);

	gh__replace_close(&r);
	if (rc)
		return GH__EXIT_FAILED;
	fprintf(stderr,
		"'%s' is in %s. The key goes to whoever is to use it, and is not shown again.\n",
		o->name, file);
	int result = printed(printf("key:  %s\n", key));

	return gh__key_take_effect(p->config) == GH__KEY_REFUSED ? GH__EXIT_FAILED : result;
}

int gh__key_new(struct gh__arena *a, const struct gh__key_options *o)
{
	char key[GH__KEY_LEN + 1], digest[GH__KEY_DIGEST_LEN + 1];
	struct gh__new_key lines = { 0 };
	struct gh__key_places places;
	const char *file;

	if (!is_name(o->name)) {
		fprintf(stderr, "gatehouse key: a name has 1 to 64 of A-Z a-z 0-9 . _ -, and not "
				"signs alone\n");
		return GH__EXIT_USAGE;
	}
	if (gh__key_bind(a, o, &lines))
		return GH__EXIT_USAGE;
	if (gh__key_find(a, o, &places) || choose_file(o, &places, &file))
		return GH__EXIT_FAILED;

	/* Quoted where YAML could take the name's first character for its own. */
	const char *quote = o->name[0] == '.' || o->name[0] == '-' ? "\"" : "";

	gh__key_make(key, digest);
	lines.name = gh__arena_printf(a, "%s%s%s", quote, o->name, quote);
	lines.key = gh__arena_printf(a, "\"%s\"", digest);
	int code = file ? add_and_print(a, o, &places, file, key, &lines)
			: print_lines(a, key, &lines);

	gh__wipe(key, sizeof key);
	return code;
}
