/*
 * The one canonical form of a request's path, used for routing, for authorisation and towards the
 * upstream. Pure.
 *
 * Canonical: begins with `/`; unreserved characters are never escaped, all others keep their escape
 * in upper-case hex; `%2F` stays. Refused: `%00`, control bytes, `\`, `%5C`, bad or overlong UTF-8 in
 * escapes, bad escapes, a path that has empty or dot segments or would have if `%2F` were `/`,
 * matrix parameters on a dot segment, a fragment.
 */
#ifndef GATEHOUSE_CORE_HTTP_PATH_H
#define GATEHOUSE_CORE_HTTP_PATH_H

#include "core/base/arena.h"

/* Path without query. 0 and the canonical form (the same bytes when it already is; else in `a`), or
 * -1 and a constant sentence. */
int gh__path_canonical(struct gh__arena *a, struct gh_str raw, struct gh_str *ret_path,
		       const char **ret_why);
/* Whether a path is `prefix` or below it on a segment border: /v1 has /v1 and /v1/x, not /v10.
 * A trailing slash of the prefix is ignored; "/" has everything. */
bool gh__path_below(struct gh_str path, struct gh_str prefix);
/* Whether a canonical path has `%2F`, and if so the path with slashes in their stead. A router asks
 * it: a path that would take another route then must be refused. */
bool gh__path_slashed(struct gh__arena *a, struct gh_str path, struct gh_str *ret_slashed);

/* Whether a server that is lenient with case, `%2F`, `;parameters` or trailing dots would take a path to be
 * at or below `prefix` although gh__path_below() says that it is not. Such a path is a second door. */
bool gh__path_resembles(struct gh_str path, struct gh_str prefix);

#endif
