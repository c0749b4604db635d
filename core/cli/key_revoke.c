/* gatehouse key revoke NAME: takes a key or a user out of its file, and sees that it is in force. */
#include <stdio.h>

#include "core/base/memory.h"
#include "core/cli/commands.h"
#include "core/cli/key.h"
#include "core/cli/replace.h"

static const char *kind_name(enum gh__credential_kind kind)
{
	return kind == GH__CREDENTIAL_KEY ? "key" : "user";
}

/* Takes the first of that name out; 1: it did, 0: there is none (more), -1 and `why`. */
static int take_out(struct gh__arena *a, const char *file, struct gh_str name,
		    char why[GH__CREDENTIALS_WHY])
{
	struct gh__replace r;
	struct gh__credentials c;
	struct gh_str bytes;
	int rc = gh__replace_open(&r, file, GH__MISSING_IS_WRONG, why);

	if (rc == 0)
		rc = gh__credentials_read(a, gh_str(file), r.bytes, &c, why);
	for (size_t i = 0; rc == 0 && i < c.count; i++) {
		const struct gh__credential *entry = c.items + i;
		if (!gh_str_eq(entry->name, name))
			continue;
		rc = gh__credentials_without(a, &c, entry, &bytes, why) ||
				     gh__replace_put(&r, bytes, why)
			     ? -1
			     : 1;
		if (rc > 0)
			printf("the %s '" GH_FMT "' is out of %s\n", kind_name(entry->kind),
			       GH_ARG(name), file);
	}
	gh__replace_close(&r);
	return rc;
}

/* What stands in the config itself is not touched. */
static unsigned tell_inside(const struct gh__key_places *p, struct gh_str name)
{
	unsigned count = 0;

	for (size_t i = 0; i < p->inside_count; i++) {
		if (!gh_str_eq(p->inside[i].name, name))
			continue;
		fprintf(stderr,
			"%s:%zu: the %s '" GH_FMT "' stands in the config itself; take it out "
			"there, and run gatehouse reload\n",
			p->config, p->inside[i].line, kind_name(p->inside[i].kind), GH_ARG(name));
		count++;
	}
	return count;
}

static int cut(const struct gh__key_places *p, struct gh_str name)
{
	unsigned count = 0;

	if (gh__key_cut(p->config, name, &count))
		return GH__EXIT_FAILED;
	printf("%u open request%s of '" GH_FMT "' %s cut\n", count, count == 1 ? "" : "s",
	       GH_ARG(name), count == 1 ? "was" : "were");
	return GH__EXIT_OK;
}

/* In force, and only then cut: or who is cut would come in again at once. */
static int put_in_force(const struct gh__key_options *o, const struct gh__key_places *p)
{
	switch (gh__key_take_effect(p->config)) {
	case GH__KEY_IN_FORCE:
		printf("the running gateway goes by it\n");
		return o->cut ? cut(p, gh_str(o->name)) : GH__EXIT_OK;
	case GH__KEY_NOBODY_RUNS:
		printf("no gateway answers on the admin address%s%s, so nobody was told; one that "
		       "reads this file goes by it within a second\n",
		       p->config ? " of " : "", p->config ? p->config : "");
		return o->cut ? GH__EXIT_FAILED : GH__EXIT_OK;
	case GH__KEY_REFUSED:
		break;
	}
	return GH__EXIT_FAILED;
}

static int no_files(const struct gh__key_places *p)
{
	if (p->config)
		fprintf(stderr, "gatehouse key: %s names no credentials file; say --to FILE\n",
			p->config);
	else
		fprintf(stderr, "gatehouse key: there is no config here, so no credentials file is "
				"known; say --config FILE or --to FILE\n");
	return GH__EXIT_FAILED;
}

int gh__key_revoke(struct gh__arena *a, const struct gh__key_options *o)
{
	struct gh__key_places p;
	struct gh_str name = gh_str(o->name);
	char why[GH__CREDENTIALS_WHY];
	unsigned out = 0;
	int rc = 0;

	if (gh__key_find(a, o, &p))
		return GH__EXIT_FAILED;
	unsigned inside = tell_inside(&p, name);

	if (p.file_count == 0)
		return inside ? GH__EXIT_FAILED : no_files(&p);
	for (size_t i = 0; i < p.file_count; i++) {
		/* A user and a key may have one name. */
		int took;
		while ((took = take_out(a, p.files[i].at, name, why)) > 0)
			out++;
		if (took < 0) {
			fprintf(stderr, "gatehouse key: %s\n", why);
			rc = -1;
		}
	}
	/* Who was taken out before may still have requests open. */
	if (out || (o->cut && rc == 0 && !inside)) {
		int code = put_in_force(o, &p);
		return rc || inside ? GH__EXIT_FAILED : code;
	}
	if (rc == 0 && !inside)
		fprintf(stderr,
			"gatehouse key: there is no key or user '" GH_FMT
			"'; gatehouse key list tells those that there are\n",
			GH_ARG(name));
	return GH__EXIT_FAILED;
}
