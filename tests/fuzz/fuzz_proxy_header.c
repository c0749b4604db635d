/* PROXY headers: cut anywhere they are the same header, and a line is one only if inet_pton() agrees. */
#include <arpa/inet.h>
#include <stdlib.h>

#include "core/base/memory.h"
#include "core/http/proxy_header.h"

struct verdict {
	enum gh__proxy_result result;
	size_t len;
	struct gh_address client;
};

static struct verdict judge(struct gh_str bytes, size_t len)
{
	struct verdict v = { .len = 0 };
	const char *why = NULL;
	char *copy = malloc(len ? len : 1); /* of the exact size, for the sanitizer */

	GH_CHECK(copy != NULL);
	if (len)
		memcpy(copy, bytes.at, len);
	v.result = gh__proxy_header((struct gh_str){ copy, len }, &v.len, &v.client, &why);
	free(copy);
	GH_CHECK((v.result == GH__PROXY_BAD) == (why != NULL));
	GH_CHECK(v.len <= len && v.len <= GH__PROXY_HEADER_MAX);
	if (v.result == GH__PROXY_CLIENT)
		GH_CHECK(v.client.family == AF_INET || v.client.family == AF_INET6);
	return v;
}

/* ---- Another opinion on lines ---- */

static bool cut(struct gh_str *line, char end, char to[64])
{
	const char *at = line->len ? memchr(line->at, end, line->len) : NULL;
	size_t len = at ? (size_t)(at - line->at) : 0;

	if (!at || len == 0 || len >= 64 || memchr(line->at, 0, len))
		return false;
	memcpy(to, line->at, len);
	to[len] = 0;
	*line = gh_str_slice(*line, len + 1, line->len);
	return true;
}

static bool is_port(const char *text)
{
	if (strspn(text, "0123456789") != strlen(text) || strlen(text) > 5)
		return false;
	return (text[0] != '0' || text[1] == 0) && strtoul(text, NULL, 10) <= 65535;
}

static bool is_client_line(struct gh_str line)
{
	int family = gh_str_starts(line, GH_STR("PROXY TCP6 ")) ? AF_INET6 : AF_INET;
	char from[64], to[64], port[64], other[64];
	uint8_t bytes[16];

	if (family == AF_INET && !gh_str_starts(line, GH_STR("PROXY TCP4 ")))
		return false;
	line = gh_str_slice(line, 11, GH__PROXY_V1_MAX);
	return cut(&line, ' ', from) && cut(&line, ' ', to) && cut(&line, ' ', port) &&
	       cut(&line, '\r', other) && line.len && line.at[0] == '\n' &&
	       inet_pton(family, from, bytes) == 1 && inet_pton(family, to, bytes) == 1 &&
	       is_port(port) && is_port(other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gh_str bytes = { (const char *)data, size };
	struct verdict whole = judge(bytes, size), before = { .result = GH__PROXY_MORE };

	GH_CHECK(whole.result != GH__PROXY_MORE || size < GH__PROXY_HEADER_MAX);
	for (size_t len = 0; len <= size && len <= 600; len++) {
		struct verdict v = judge(bytes, len);
		/* A verdict stays, whatever comes behind. */
		if (before.result != GH__PROXY_MORE) {
			GH_CHECK(v.result == before.result && v.len == before.len);
		} else if (v.result == GH__PROXY_CLIENT || v.result == GH__PROXY_LOCAL) {
			GH_CHECK(v.len == len);
		}
		before = v;
	}
	if (before.result != GH__PROXY_MORE)
		GH_CHECK(before.result == whole.result && before.len == whole.len);
	if (whole.len)
		GH_CHECK(judge(bytes, whole.len - 1).result == GH__PROXY_MORE);
	if (size && data[0] == 'P')
		GH_CHECK((whole.result == GH__PROXY_CLIENT) == is_client_line(bytes));
	return 0;
}
