#include "core/route/share.h"

#include "core/base/memory.h"

struct gh__share {
	struct gh__list link;
	const struct gh_module *module;
	struct gh_shared_type type;
	size_t refs, key_len;
	char *key;
	void *object;
};

struct gh__shares {
	struct gh__list all;
};

struct hold {
	struct gh__list link;
	struct gh__share *share;
};

struct gh__shares *gh__shares_create(void)
{
	struct gh__shares *shares = gh__zalloc(sizeof *shares);

	gh__list_init(&shares->all);
	return shares;
}

void gh__shares_destroy(struct gh__shares *shares)
{
	if (!shares)
		return;
	GH_CHECK(gh__list_empty(&shares->all));
	gh__free(shares);
}

static struct gh__share *find(struct gh__shares *shares, const struct gh_module *m,
			      struct gh_str key, size_t size)
{
	for (struct gh__list *l = shares->all.next; l != &shares->all; l = l->next) {
		struct gh__share *s = GH__CONTAINER(l, struct gh__share, link);
		if (s->module == m && s->type.size == size &&
		    gh_str_eq(key, (struct gh_str){ s->key, s->key_len }))
			return s;
	}
	return NULL;
}

void *gh__share_get(struct gh__shares *shares, const struct gh_module *m, struct gh_str key,
		    const struct gh_shared_type *type, struct gh__list *holder)
{
	struct gh__share *s = find(shares, m, key, type->size);

	if (!s) {
		s = gh__zalloc(sizeof *s);
		s->module = m;
		s->type = *type;
		s->key = gh__strndup(key.at, key.len);
		s->key_len = key.len;
		s->object = gh__zalloc(type->size ? type->size : 1);
		if (type->init)
			type->init(s->object);
		gh__list_add(&shares->all, &s->link);
	}
	s->refs++;
	struct hold *hold = gh__zalloc(sizeof *hold);
	hold->share = s;
	gh__list_add(holder, &hold->link);
	return s->object;
}

static void unref(struct gh__share *s)
{
	if (--s->refs)
		return;
	gh__list_remove(&s->link);
	if (s->type.finish)
		s->type.finish(s->object);
	gh__free(s->object);
	gh__free(s->key);
	gh__free(s);
}

void gh__share_release(struct gh__shares *shares, struct gh__list *holder)
{
	(void)shares;
	while (!gh__list_empty(holder)) {
		struct hold *hold = GH__CONTAINER(holder->next, struct hold, link);
		gh__list_remove(&hold->link);
		unref(hold->share);
		gh__free(hold);
	}
}
