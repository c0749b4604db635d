/* What tailscaled says of an address: a name that can be shown and compared, or none; and its way into a
 * header field and out again. */
#include <stdlib.h>

#include "core/base/memory.h"
#include "core/http/encoded_word.h"
#include "modules/tailscale-auth/name.h"
#include "modules/tailscale-auth/who.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void judge_text(const char *text, size_t size)
{
	GH_CHECK(strnlen(text, size) < size);
	for (; *text; text++)
		GH_CHECK((unsigned char)*text >= ' ' && *text != 0x7f);
}

/* What is written for the upstream is what was said, where it had to be encoded. */
static void judge_name(struct gh_str name)
{
	char *to = malloc(TAILSCALE_ENCODED_SIZE(name.len)), *back;
	size_t len;

	GH_CHECK(to != NULL);
	len = tailscale_name_percent(name, to);
	GH_CHECK(strlen(to) == len && len < TAILSCALE_ENCODED_SIZE(name.len));
	len = tailscale_name_mime(name, to);
	GH_CHECK(strlen(to) == len && len < TAILSCALE_ENCODED_SIZE(name.len));
	if (len != name.len || memcmp(to, name.at, len) != 0) {
		back = malloc(len);
		GH_CHECK(back != NULL);
		int64_t same = gh__field_text((struct gh_str){ to, len }, back);
		GH_CHECK(same == (int64_t)name.len && memcmp(back, name.at, name.len) == 0);
		free(back);
	}
	free(to);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	char *json = malloc(size + !size);
	struct tailscale_status status;
	struct tailscale_who w;

	GH_CHECK(json != NULL);
	if (size)
		memcpy(json, data, size);
	if (tailscale_who_read((struct gh_str){ json, size }, &w) == 0) {
		GH_CHECK(w.kind == TAILSCALE_USER || w.kind == TAILSCALE_TAGGED);
		GH_CHECK(w.login[0] && w.node[0]);
		GH_CHECK(w.tags[0] == 0 || w.kind == TAILSCALE_TAGGED);
		judge_text(w.login, sizeof w.login);
		judge_text(w.name, sizeof w.name);
		judge_text(w.picture, sizeof w.picture);
		judge_text(w.node, sizeof w.node);
		judge_text(w.tags, sizeof w.tags);
		judge_name(gh_str(w.login));
		judge_name(gh_str(w.name));
	}
	if (tailscale_status_read((struct gh_str){ json, size }, &status) == 0)
		judge_text(status.state, sizeof status.state);
	free(json);
	return 0;
}
