/* The text of a field's value: UTF-8 without control bytes, or none, and never more than there was. */
#include <stdlib.h>

#include "core/base/memory.h"
#include "core/http/encoded_word.h"
#include "core/http/octets.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	char *value = malloc(size + !size), *to = malloc(size + !size);

	GH_CHECK(value && to);
	if (size)
		memcpy(value, data, size);
	int64_t len = gh__field_text((struct gh_str){ value, size }, to);
	GH_CHECK(len <= (int64_t)size);
	struct gh_str rest = { to, len > 0 ? (size_t)len : 0 };
	while (rest.len) {
		size_t bad, one = gh__utf8(rest, &bad);
		GH_CHECK(one > 0);
		GH_CHECK(!gh__is_control(rest.at[0]) || rest.at[0] == '\t');
		rest = gh_str_slice(rest, one, rest.len);
	}
	free(value);
	free(to);
	return 0;
}
