/* The folder for what must outlive the process, as modules see it. */
#include "core/config/config.h"
#include "core/route/site.h"

struct gh_str gh_state_dir(const struct gh_instance *in)
{
	return in->site->config->state_dir;
}
