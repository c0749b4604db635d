#include "bound.h"

#include <stdio.h>
#include <stdlib.h>

#include "secret.h"

struct basic_auth_bound *basic_auth_bound_create(void)
{
	return basic_auth_alloc(sizeof(struct basic_auth_bound));
}

void basic_auth_bound_destroy(struct basic_auth_bound *b)
{
	if (b == NULL)
		return;
	for (size_t i = 0; i < b->model_count; i++)
		free((char *)(uintptr_t)b->models[i].at);
	free(b->models);
	free(b);
}

static int check_model(const struct basic_auth_bound *b, struct gh_str name, char *why, size_t size)
{
	if (b->model_count >= BASIC_AUTH_MODELS_MAX) {
		snprintf(why, size,
			 "there are more than %d models; name fewer, or leave `models` "
			 "out for all",
			 BASIC_AUTH_MODELS_MAX);
		return -1;
	}
	if (name.len == 0 || name.len > BASIC_AUTH_MODEL_MAX) {
		snprintf(why, size, "the name of a model has %zu bytes; use 1 to %d", name.len,
			 BASIC_AUTH_MODEL_MAX);
		return -1;
	}
	for (size_t i = 0; i < name.len; i++) {
		unsigned char c = (unsigned char)name.at[i];

		if (c >= ' ' && c != 0x7f && c != '*')
			continue;
		snprintf(why, size,
			 c == '*' ? "names of models are compared whole, without `*`; write each "
				    "one, or leave `models` out for all"
				  : "the name of a model has a control byte; leave it out");
		return -1;
	}
	for (size_t i = 0; i < b->model_count; i++) {
		if (!gh_str_eq(b->models[i], name))
			continue;
		snprintf(why, size, "this model is there twice; keep one");
		return -1;
	}
	return 0;
}

int basic_auth_bound_add_model(struct basic_auth_bound *b, struct gh_str name, char *why,
			       size_t size)
{
	if (check_model(b, name, why, size) != 0)
		return -1;
	if (b->models == NULL)
		b->models = basic_auth_alloc(BASIC_AUTH_MODELS_MAX * sizeof(*b->models));

	char *copy = basic_auth_alloc(name.len + 1);

	memcpy(copy, name.at, name.len);
	b->models[b->model_count++] = (struct gh_str){ copy, name.len };
	return 0;
}

int basic_auth_bound_add_limit(struct basic_auth_bound *b, const struct gh_limit *limit, char *why,
			       size_t size)
{
	if (b->limit_count >= GH_LIMITS_MAX) {
		snprintf(why, size,
			 "there are more than %d limits, requests and tokens counted apart; leave "
			 "some out",
			 GH_LIMITS_MAX);
		return -1;
	}
	b->limits[b->limit_count++] = *limit;
	return 0;
}

bool basic_auth_bound_is_over(const struct basic_auth_bound *b, int64_t wall_second)
{
	return b != NULL && b->expires != 0 && wall_second >= b->expires;
}

const struct gh_grant *basic_auth_bound_grant(const struct basic_auth_bound *b,
					      struct gh_request *r)
{
	if (b == NULL || (b->model_count == 0 && b->priority == GH_PRIORITY_NORMAL))
		return NULL;

	size_t names = b->model_count * sizeof(struct gh_str);
	char *memory = gh_alloc(r, sizeof(struct gh_grant) + names);
	struct gh_grant *grant = (struct gh_grant *)(void *)memory;
	struct gh_str *models = (struct gh_str *)(void *)(memory + sizeof(*grant));

	for (size_t i = 0; i < b->model_count; i++)
		models[i] = gh_copy(r, b->models[i]);
	*grant = (struct gh_grant){ models, b->model_count, b->priority };
	return grant;
}
