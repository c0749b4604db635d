/*
 * The table `models:` as it is made of its options: entries, the order of their names, the servers that are
 * asked for their own. The instance's memory, read-only after; what changes is in the servers' keeps.
 */
#ifndef OPENAI_PROXY_TABLE_H
#define OPENAI_PROXY_TABLE_H

#include "list_keep.h"
#include "models.h"

struct openai_entry {
	struct openai_name alias;
	struct openai_target target; /* with a name */
	size_t source;               /* that has it */
};

/* A server, once, however many entries go there. */
struct openai_source {
	struct openai_list_keep *keep;
	struct openai_target as_is; /* for names that it reports: without one of ours */
};

struct openai_models {
	struct openai_entry *entries; /* in the order of the file */
	size_t entry_count;
	struct openai_index aliases, names; /* of the entries; `names` are the real ones */
	const struct openai_entry *preset;  /* `default`; NULL: none */
	struct openai_source *sources;      /* of the entries, then that of `to` */
	size_t source_count;
	size_t known_sources;           /* of the entries alone */
	const struct openai_target *to; /* `to`; NULL: none */
};

/* Whether a caller may ask for this. */
bool openai_grant_has(const struct gh_grant *grant, struct gh_str name);
static inline bool openai_grant_binds(const struct gh_grant *grant)
{
	return grant && grant->model_count > 0;
}

/* The entry for its alias, or the first for its real name, that the caller may ask for by that name; or
 * NULL. */
const struct openai_entry *openai_table_entry(const struct openai_models *m,
					      const struct gh_grant *grant, struct gh_str asked);

#endif
