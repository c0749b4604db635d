/*
 * What a key or a user is bound to: models, a day, a priority, limits. A book's, read-only once it is
 * sealed; what of it outlives the look at the book is copied into a request's memory.
 */
#ifndef GATEHOUSE_BASIC_AUTH_BOUND_H
#define GATEHOUSE_BASIC_AUTH_BOUND_H

#include <gatehouse/budget.h>

enum { BASIC_AUTH_MODELS_MAX = 64, BASIC_AUTH_MODEL_MAX = 255 };

struct basic_auth_bound {
	struct gh_str *models; /* none: all */
	size_t model_count;
	int64_t expires; /* the second since 1970 from which on it lets nobody in; 0: never */
	enum gh_priority priority;
	struct gh_limit limits[GH_LIMITS_MAX];
	size_t limit_count;
};

struct basic_auth_bound *basic_auth_bound_create(void);
void basic_auth_bound_destroy(struct basic_auth_bound *b); /* takes NULL */

/* 0, or -1 with a sentence in `why`. The name is copied. */
int basic_auth_bound_add_model(struct basic_auth_bound *b, struct gh_str name, char *why,
			       size_t size);
/* The same. */
int basic_auth_bound_add_limit(struct basic_auth_bound *b, const struct gh_limit *limit, char *why,
			       size_t size);

/* `b` may be NULL: bound to nothing. */
bool basic_auth_bound_is_over(const struct basic_auth_bound *b, int64_t wall_second);
/* Copies; NULL where there is nothing that a later step would want to know. */
const struct gh_grant *basic_auth_bound_grant(const struct basic_auth_bound *b,
					      struct gh_request *r);

#endif
