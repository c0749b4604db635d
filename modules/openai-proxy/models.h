/*
 * Which model is meant, and which server has it: the table `models:` of openai-proxy, made once a config,
 * read-only after and of the instance's memory. What servers report of their own beside it is in list_*.h.
 *
 * The state of a step that asks here begins with a struct openai_search.
 */
#ifndef OPENAI_PROXY_MODELS_H
#define OPENAI_PROXY_MODELS_H

#include <gatehouse/module.h>

#include "name.h"

/* Where a request goes. */
struct openai_target {
	struct gh_upstream *upstream;
	struct openai_name name; /* the model's name there; empty: as it was asked for */
	const struct openai_target *fallback; /* who is asked when that one gives no answer; NULL */
};

enum { OPENAI_TRIES_MAX = 4 }; /* targets that are asked for one request */

/* ---- the config ---- */

/* An entry of `models:`, as it is bound:
 *	GH_OPTION(…, models, NULL, "…", .fields = openai_model_options,
 *		  .item_size = sizeof(struct openai_model_option)) */
struct openai_model_option {
	struct gh_str alias; /* NAME */
	struct gh_upstream_ref to;
	struct gh_str name, fallback;
};
extern const struct gh_option openai_model_options[];

struct openai_models;
/* In a provision: the table of these options; `to` and `fallback_model` (the option `default`) may be
 * empty. NULL after gh_invalid(). */
struct openai_models *openai_models_make(struct gh_instance *in, struct gh_upstream_ref to,
					 struct gh_named models, struct gh_str fallback_model);

/* ---- requests ---- */

struct openai_asking;
struct openai_search {
	const struct openai_target *target; /* what was found */
	struct openai_asking *asking;       /* while servers are asked for their lists */
};

/*
 * Whom a request is for that asks for this model, or for none: an empty string. GH_NEXT: the target is in
 * the search, and gh_set_model() was called. GH_PENDING: servers are asked what they have; `then` is
 * called with the target, or never. GH_ERROR: there is no such model for this caller, and gh_fail() said
 * so. `asked` is copied.
 */
enum gh_verdict openai_models_find(struct gh_step *s, const struct openai_models *m,
				   struct gh_str asked, gh_then *then);

/* Where a request goes that has no body to name a model in. */
const struct openai_target *openai_models_any(const struct openai_models *m);

/* Whether a path is /v1/models or below. */
bool openai_models_is_path(struct gh_str path);
/*
 * The whole on_request for such a path: the list, or the one model. GH_NEXT: there is but one server, the
 * caller is bound to no models and wants OpenAI's shape, so the request shall pass as it came, to
 * openai_models_any().
 */
enum gh_verdict openai_models_answer(struct gh_step *s, const struct openai_models *m);

#endif
