#include "core/server/admin.h"

#include "core/base/memory.h"

struct gh__admin { struct gh__server *server; };

struct gh__admin *gh__admin_create(struct gh__server *s)
{
	struct gh__admin *a = gh__zalloc(sizeof *a);
	a->server = s;
	return a;
}
void gh__admin_destroy(struct gh__admin *a) { gh__free(a); }
int gh__admin_bind(struct gh__admin *a, const struct gh__admin_config *c, struct gh__mistakes *mistakes)
{ (void)a; (void)c; (void)mistakes; return 0; }
void gh__admin_use(struct gh__admin *a, const struct gh__admin_config *c) { (void)a; (void)c; }
void gh__admin_close(struct gh__admin *a) { (void)a; }
